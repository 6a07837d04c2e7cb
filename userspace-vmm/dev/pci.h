/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCI function: its configuration space, one memory BAR, capabilities, MSI-X or MSI. There are
 * only functions 0.
 *
 * Sections in comments are of the PCI Local Bus Specification 3.0 (configuration space, MSI, MSI-X)
 * and of the PCI Express Base Specification 4.0.
 *
 * A masked vector is an eventfd that is connected to nothing: what is written to it waits there,
 * which makes it pending, and arrives when it is connected. So a process that writes the eventfd
 * need not know of masks.
 *
 * Exit path: dev/pci_host.c calls pci_config_*() and pci_bar_*() on a vCPU's thread. Lock: pci.lock;
 * ops->remap() is called with it held, the rest of ops without.
 */
#ifndef AVMM_DEV_PCI_H
#define AVMM_DEV_PCI_H

#include <jansson.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/irq.h"

#define PCI_CONFIG_SIZE		256
/* Most vectors of MSI-X here; a page holds their table */
#define PCI_VECTORS_MAX		256

struct device;
struct pci_function;

struct pci_ops {
	/* Of the BAR, if there is one, but for the MSI-X tables. len is 1, 2, 4 or 8. */
	uint64_t (*bar_read)(struct pci_function *pci, uint64_t offset, unsigned int len);
	void (*bar_write)(struct pci_function *pci, uint64_t offset, unsigned int len,
			  uint64_t value);
	/* The BAR is elsewhere now: pci->bar. May be NULL. */
	void (*remap)(struct pci_function *pci);
	/* Before a read and after a write of configuration space. May be NULL. */
	void (*config_read)(struct pci_function *pci, unsigned int offset, unsigned int len);
	void (*config_written)(struct pci_function *pci, unsigned int offset, unsigned int len);
};

struct pci_vector {
	struct msi msi;
	uint32_t control;
	int fd;			/* eventfd */
	int gsi;		/* it is connected to; negative: masked */
};

struct pci_function {
	const struct pci_ops *ops;
	void *owner;
	struct device *device;		/* whose function it is; NULL: a root port */
	struct irqs *irqs;
	struct pci_function *parent;	/* root port that it is behind; NULL: on bus 0 */
	struct pci_function *child;	/* of a root port; written with the host's lock and ours */
	unsigned int slot;		/* device number on bus 0, of itself or its parent */
	atomic_bool off;		/* the port has no power for it, and it does not answer */
	atomic_uint users;		/* accesses in progress, see pci_host.c */

	pthread_mutex_t lock;
	/* lock: */
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t initial[PCI_CONFIG_SIZE];	/* at reset; immutable */
	uint8_t writable[PCI_CONFIG_SIZE];	/* bits; immutable */
	uint8_t clears[PCI_CONFIG_SIZE];	/* bits that writing 1 clears; immutable */
	_Atomic uint64_t bar;			/* where it is; 0: nowhere */
	uint32_t bar_size;			/* 0: there is no BAR; immutable */
	unsigned int next_cap;			/* free room for capabilities */
	unsigned int last_cap;
	unsigned int msix;			/* the capability; 0: none */
	uint32_t msix_table;			/* its offset in the BAR; the PBA is a page behind */
	unsigned int nvectors;
	struct pci_vector *vectors;
};

/* A device (header type 0) or a bridge (1). bar_size is 0 or a power of 2 of at least 4 KiB. */
void pci_init(struct pci_function *pci, const struct pci_ops *ops, void *owner, struct irqs *irqs,
	      uint8_t header, uint32_t bar_size);
void pci_free(struct pci_function *pci);

/* For building; writable ones are also what they are after a reset. */
void pci_set(struct pci_function *pci, unsigned int offset, unsigned int len, uint32_t value);
void pci_set_writable(struct pci_function *pci, unsigned int offset, unsigned int len,
		      uint32_t bits);
/* Returns its offset. The bytes behind id and next are zero. */
unsigned int pci_add_capability(struct pci_function *pci, uint8_t id, unsigned int len);
/* Two pages of the BAR, at table. */
int pci_add_msix(struct pci_function *pci, unsigned int nvectors, uint32_t table);
/* After all that: what is set now is the state at reset. */
void pci_built(struct pci_function *pci);

/* To the state at power-on. */
void pci_reset(struct pci_function *pci);

uint32_t pci_config_read(struct pci_function *pci, unsigned int offset, unsigned int len);
void pci_config_write(struct pci_function *pci, unsigned int offset, unsigned int len,
		      uint32_t value);
uint64_t pci_bar_read(struct pci_function *pci, uint64_t offset, unsigned int len);
void pci_bar_write(struct pci_function *pci, uint64_t offset, unsigned int len, uint64_t value);

/* Any thread. The eventfd of a vector; writing it sends the message. */
static inline int pci_vector_fd(const struct pci_function *pci, unsigned int vector)
{
	return pci->vectors[vector].fd;
}

bool pci_msix_enabled(struct pci_function *pci);
void pci_send(struct pci_function *pci, unsigned int vector);

/* With bus number and device number, as the guest sees them */
uint16_t pci_requester_id(const struct pci_function *pci);

json_t *pci_save(struct pci_function *pci);
/* id is for messages. */
int pci_load(struct pci_function *pci, const char *id, json_t *state, struct error *err);

#endif /* AVMM_DEV_PCI_H */
