// SPDX-License-Identifier: GPL-2.0
#include "machine/memmap.h"

#include <linux/avmm.h>

#include "config/vm_config.h"
#include "dev/flash.h"
#include "dev/vmgenid.h"

/* All that is neither RAM nor for very many vCPUs is below 1 GiB. */
const struct memmap_entry memmap[MEMMAP_COUNT] = {
	[MEMMAP_FLASH] = { "flash", 0, 64 << 20, MEMMAP_NO_SPI },
	[MEMMAP_VARS] = { "flash", 0x04000000, FLASH_SIZE_MAX, MEMMAP_NO_SPI },
	[MEMMAP_GICD] = { "gicd", 0x08000000, AVMM_VGIC_V3_DIST_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_GICC] = { "gicc", 0x08010000, AVMM_VGIC_V2_CPU_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_V2M] = { "v2m", 0x08020000, 0x1000, MEMMAP_V2M_SPI },
	[MEMMAP_ITS] = { "its", 0x08080000, AVMM_VGIC_V3_ITS_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_GICR] = { "gicr", 0x080a0000, 123 * AVMM_VGIC_V3_REDIST_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_UART] = { "uart", 0x09000000, 0x1000, 1 },
	[MEMMAP_RTC] = { "rtc", 0x09010000, 0x1000, MEMMAP_NO_SPI },
	[MEMMAP_GPIO] = { "gpio", 0x09030000, 0x1000, 7 },
	[MEMMAP_VMGENID] = { "vmgenid", 0x09070000, VMGENID_SIZE, 11 },
	[MEMMAP_VIRTIO] = { "virtio-mmio", 0x0a000000, 32 * MEMMAP_VIRTIO_SIZE, 16 },
	[MEMMAP_PCI_WINDOW] = { "pci", 0x10000000, 0x2eff0000, MEMMAP_NO_SPI },
	[MEMMAP_PCI_IO] = { "pci-io", 0x3eff0000, 0x10000, MEMMAP_NO_SPI },
	[MEMMAP_PCI_ECAM] = { "pci-ecam", 0x3f000000, 16 << 20, MEMMAP_NO_SPI },
	[MEMMAP_RAM] = { "ram", 0x40000000, VM_CONFIG_MEMORY_MAX, MEMMAP_NO_SPI },
	[MEMMAP_GICR_HIGH] = { "gicr-high", 0x4000000000,
			       VM_CONFIG_CPUS_MAX * AVMM_VGIC_V3_REDIST_SIZE, MEMMAP_NO_SPI },
};

const struct memmap_entry *memmap_gicr(uint64_t cpus)
{
	return &memmap[cpus * AVMM_VGIC_V3_REDIST_SIZE <= memmap[MEMMAP_GICR].size ?
		       MEMMAP_GICR : MEMMAP_GICR_HIGH];
}
