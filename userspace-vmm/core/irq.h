/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupts by eventfds: which eventfd raises which interrupt of the guest. A GSI below
 * MEMMAP_NR_SPIS is the SPI of that number, edge-triggered.
 *
 * Everything is gone with the VM's fd; devices connect themselves again after a reset. Any thread.
 */
#ifndef AVMM_CORE_IRQ_H
#define AVMM_CORE_IRQ_H

#include <stdint.h>

struct irqs {
	int vm;		/* VM fd; -1: none now */
};

/* 0 or a negative errno. */
int irq_connect(struct irqs *irqs, int eventfd, uint32_t gsi);
/* What was written to the eventfd before has arrived. */
void irq_disconnect(struct irqs *irqs, int eventfd, uint32_t gsi);

#endif /* AVMM_CORE_IRQ_H */
