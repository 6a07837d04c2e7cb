/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's addresses and interrupts: one table, in memmap.c.
 *
 * It is an interface to guests that do not read the device tree, and to migration: what has a place
 * keeps it.
 */
#ifndef AVMM_MACHINE_MEMMAP_H
#define AVMM_MACHINE_MEMMAP_H

#include <stdint.h>

enum memmap_id {
	MEMMAP_GICD,		/* GIC distributor; a GICv2's is smaller */
	MEMMAP_GICC,		/* GICv2 CPU interface */
	MEMMAP_UART,		/* PL011 */
	MEMMAP_RTC,		/* PL031 */
	MEMMAP_VIRTIO,		/* virtio-mmio: a frame and an SPI for each device */
	MEMMAP_GICR,		/* GICv3 redistributors, one frame pair per vCPU, at most */
	MEMMAP_RAM,		/* at most; --memory says how much of it there is */
	MEMMAP_COUNT
};

struct memmap_entry {
	const char *name;
	uint64_t base;
	uint64_t size;
	uint32_t spi;		/* counted from 0, as in the device tree; or MEMMAP_NO_SPI */
};

#define MEMMAP_NO_SPI	(~0U)

extern const struct memmap_entry memmap[MEMMAP_COUNT];

/* An SPI's INTID (GIC spec, 2.2.1: SPIs are 32 to 1019) */
#define MEMMAP_SPI_INTID(spi)	((spi) + 32)

/* INTIDs that the distributor has: 32 private ones and the SPIs */
#define MEMMAP_NR_SPIS		128
#define MEMMAP_NR_IRQS		(32 + MEMMAP_NR_SPIS)

/* Bytes of a virtio-mmio frame */
#define MEMMAP_VIRTIO_SIZE	0x200

#endif /* AVMM_MACHINE_MEMMAP_H */
