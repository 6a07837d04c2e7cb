// SPDX-License-Identifier: GPL-2.0
#include "core/irq.h"

#include <errno.h>
#include <linux/avmm.h>
#include <string.h>

#include "core/log.h"
#include "libavmm.h"
#include "machine/memmap.h"

void irq_init(struct irqs *irqs)
{
	*irqs = (struct irqs) { .vm = -1 };
	pthread_mutex_init(&irqs->lock, NULL);
}

void irq_set_vm(struct irqs *irqs, int vm)
{
	pthread_mutex_lock(&irqs->lock);
	irqs->vm = vm;
	irqs->nroutes = 0;
	memset(irqs->routes, 0, sizeof(irqs->routes));
	pthread_mutex_unlock(&irqs->lock);
}

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

/* The SPI that this write raises, or a negative errno. */
static int v2m_spi(const struct irqs *irqs, const struct msi *msi)
{
	uint32_t spi = msi->data - 32;

	if (msi->addr != irqs->v2m || spi - MEMMAP_V2M_SPI >= MEMMAP_V2M_NR_SPIS)
		return -EINVAL;
	return spi;
}

/* The kernel takes all routes or none. Of SPIs there are all. */
static int write_routes(struct irqs *irqs)
{
	static struct avmm_irq_routing_entry entries[MEMMAP_NR_SPIS + IRQ_MSI_MAX];
	uint32_t n;

	memset(entries, 0, sizeof(entries));
	for (n = 0; n < MEMMAP_NR_SPIS; n++)
		entries[n] = (struct avmm_irq_routing_entry) {
			.gsi = n, .type = AVMM_IRQ_ROUTING_IRQCHIP, .u.irqchip.pin = n,
		};
	for (unsigned int i = 0; i < irqs->nroutes; i++) {
		const struct msi *msi = &irqs->routes[i].msi;

		if (!irqs->routes[i].used)
			continue;
		entries[n++] = (struct avmm_irq_routing_entry) {
			.gsi = MEMMAP_NR_SPIS + i, .type = AVMM_IRQ_ROUTING_MSI,
			.flags = AVMM_MSI_VALID_DEVID,
			.u.msi = { msi->addr, msi->addr >> 32, msi->data, msi->devid },
		};
	}
	return avmm_set_gsi_routing(irqs->vm, entries, n);
}

/* Returns the GSI or a negative errno. */
static int add_route(struct irqs *irqs, const struct msi *msi)
{
	unsigned int i;
	int ret;

	pthread_mutex_lock(&irqs->lock);
	for (i = 0; i < irqs->nroutes; i++)
		if (!irqs->routes[i].used)
			break;
	if (i == IRQ_MSI_MAX) {
		ret = -ENOSPC;
	} else {
		irqs->routes[i] = (struct irq_route) { true, *msi };
		if (i == irqs->nroutes)
			irqs->nroutes++;
		ret = write_routes(irqs);
		if (ret < 0)
			irqs->routes[i].used = false;
	}
	pthread_mutex_unlock(&irqs->lock);
	return ret < 0 ? ret : (int)(MEMMAP_NR_SPIS + i);
}

/* It stays with the kernel until the next one is written: nothing is connected to it. */
static void remove_route(struct irqs *irqs, uint32_t gsi)
{
	pthread_mutex_lock(&irqs->lock);
	irqs->routes[gsi - MEMMAP_NR_SPIS].used = false;
	pthread_mutex_unlock(&irqs->lock);
}

int irq_connect_msi(struct irqs *irqs, int eventfd, const struct msi *msi)
{
	int gsi = irqs->v2m ? v2m_spi(irqs, msi) : add_route(irqs, msi);
	int ret = gsi < 0 ? gsi : irq_connect(irqs, eventfd, gsi);

	if (ret < 0 && gsi >= MEMMAP_NR_SPIS)
		remove_route(irqs, gsi);
	return ret < 0 ? ret : gsi;
}

void irq_disconnect_msi(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	irq_disconnect(irqs, eventfd, gsi);
	if (gsi >= MEMMAP_NR_SPIS)
		remove_route(irqs, gsi);
}

void irq_send_msi(struct irqs *irqs, const struct msi *msi)
{
	const struct avmm_msi m = {
		.address_lo = msi->addr, .address_hi = msi->addr >> 32, .data = msi->data,
		.flags = AVMM_MSI_VALID_DEVID, .devid = msi->devid,
	};
	int spi;

	if (!irqs->v2m) {
		/* the guest's tables may lead nowhere: that is its affair */
		avmm_signal_msi(irqs->vm, &m);
		return;
	}
	spi = v2m_spi(irqs, msi);
	if (spi < 0)
		return;
	avmm_spi_line(irqs->vm, MEMMAP_SPI_INTID(spi), true);
	avmm_spi_line(irqs->vm, MEMMAP_SPI_INTID(spi), false);
}
