// SPDX-License-Identifier: GPL-2.0
#include "machine/memmap.h"

#include <linux/avmm.h>

#include "config/vm_config.h"

/*
 * All that is not RAM is below 1 GiB. The holes are for what comes later: 0 to 128 MiB firmware
 * flash, 512 MiB PCI.
 */
const struct memmap_entry memmap[MEMMAP_COUNT] = {
	[MEMMAP_GICD] = { "gicd", 0x08000000, AVMM_VGIC_V3_DIST_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_GICC] = { "gicc", 0x08010000, AVMM_VGIC_V2_CPU_SIZE, MEMMAP_NO_SPI },
	[MEMMAP_UART] = { "uart", 0x09000000, 0x1000, 1 },
	[MEMMAP_RTC] = { "rtc", 0x09010000, 0x1000, MEMMAP_NO_SPI },
	[MEMMAP_VIRTIO] = { "virtio-mmio", 0x0a000000, 32 * MEMMAP_VIRTIO_SIZE, 16 },
	[MEMMAP_GICR] = { "gicr", 0x10000000, VM_CONFIG_CPUS_MAX * AVMM_VGIC_V3_REDIST_SIZE,
			  MEMMAP_NO_SPI },
	[MEMMAP_RAM] = { "ram", 0x40000000, VM_CONFIG_MEMORY_MAX, MEMMAP_NO_SPI },
};
