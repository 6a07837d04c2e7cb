/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts by eventfds: which eventfd raises which interrupt of the guest. GSIs below
 * MEMMAP_NR_SPIS are the SPIs of these numbers, edge-triggered; those above are routes of MSIs.
 *
 * Everything is gone with the VM's fd; devices connect themselves again after a reset. Any thread.
 * Lock: irqs.lock, a leaf.
 */
#ifndef AVMM_CORE_IRQ_H
#define AVMM_CORE_IRQ_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define IRQ_MSI_MAX	1024

/* The write that a device makes; devid is what the ITS knows it by. */
struct msi {
	uint64_t addr;
	uint32_t data;
	uint32_t devid;
};

struct irqs {
	int vm;			/* VM fd; -1: none now */
	/* An SPI is raised by a write of its INTID here, for a guest without ITS; 0: nowhere */
	uint64_t v2m;
	pthread_mutex_t lock;
	/* lock: */
	unsigned int nroutes;	/* one more than the last in use */
	struct irq_route {
		bool used;
		struct msi msi;
	} routes[IRQ_MSI_MAX];
};

void irq_init(struct irqs *irqs);

/* Routes of MSIs begin anew with a VM. -1: there is none now. */
void irq_set_vm(struct irqs *irqs, int vm);

/* 0 or a negative errno. */
int irq_connect(struct irqs *irqs, int eventfd, uint32_t gsi);
/* What was written to the eventfd before has arrived. */
void irq_disconnect(struct irqs *irqs, int eventfd, uint32_t gsi);

/* Returns the GSI, for irq_disconnect_msi(), or a negative errno. */
int irq_connect_msi(struct irqs *irqs, int eventfd, const struct msi *msi);
void irq_disconnect_msi(struct irqs *irqs, int eventfd, uint32_t gsi);

/* Without eventfd. */
void irq_send_msi(struct irqs *irqs, const struct msi *msi);

#endif /* AVMM_CORE_IRQ_H */
