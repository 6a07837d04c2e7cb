// SPDX-License-Identifier: GPL-2.0
#include "core/irq.h"

#include <linux/avmm.h>

#include "libavmm.h"

int irq_connect(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	const struct avmm_irqfd irqfd = { .fd = eventfd, .gsi = gsi };

	return avmm_irqfd(irqs->vm, &irqfd);
}

void irq_disconnect(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	const struct avmm_irqfd irqfd = {
		.fd = eventfd, .gsi = gsi, .flags = AVMM_IRQFD_FLAG_DEASSIGN,
	};

	/* fails only if it was not connected */
	avmm_irqfd(irqs->vm, &irqfd);
}
