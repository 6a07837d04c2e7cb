// SPDX-License-Identifier: GPL-2.0
#include "dev/v2m.h"

#include "core/irq.h"
#include "machine/memmap.h"

#define MSI_TYPER	0x008
#define MSI_SETSPI_NS	MEMMAP_V2M_SETSPI

static uint64_t v2m_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	/* first INTID and how many; all else, the identification too, is 0 */
	if (offset == MSI_TYPER && len == 4)
		return MEMMAP_SPI_INTID(MEMMAP_V2M_SPI) << 16 | MEMMAP_V2M_NR_SPIS;
	return 0;
}

static void v2m_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct irqs *irqs = dev;
	const struct msi msi = { .addr = irqs->v2m, .data = value };

	/* a CPU may do what a device does; 16 bits are allowed */
	if (irqs->v2m && offset == MSI_SETSPI_NS && (len == 4 || len == 2))
		irq_send_msi(irqs, &msi);
}

const struct mmio_ops v2m_ops = { .read = v2m_read, .write = v2m_write };
