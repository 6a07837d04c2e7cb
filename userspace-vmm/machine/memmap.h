/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine's addresses and interrupts: one table, in memmap.c. They are those of QEMU's "virt",
 * where that has the same thing, so that firmware made for it finds what it takes for granted.
 *
 * It is an interface to guests that do not read the device tree, and to migration: what has a place
 * keeps it. Documentation/vmm/machine-virt.rst describes it.
 */
#ifndef AVMM_MACHINE_MEMMAP_H
#define AVMM_MACHINE_MEMMAP_H

#include <stdint.h>

/* What a checkpoint calls it; another number when something has another place or behaves otherwise. */
#define MACHINE_NAME	"virt-1"

enum memmap_id {
	MEMMAP_FLASH,		/* firmware; the reset vector is at its start */
	MEMMAP_VARS,		/* flash for the firmware's variables; as much as --vars has */
	MEMMAP_GICD,		/* GIC distributor; a GICv2's is smaller */
	MEMMAP_GICC,		/* GICv2 CPU interface */
	MEMMAP_V2M,		/* GICv2m frame: MSIs as SPIs, where there is no ITS */
	MEMMAP_ITS,		/* GICv3 ITS */
	MEMMAP_GICR,		/* GICv3 redistributors, one frame pair per vCPU, if all fit */
	MEMMAP_UART,		/* PL011 */
	MEMMAP_RTC,		/* PL031 */
	MEMMAP_GPIO,		/* PL061 */
	MEMMAP_VMGENID,		/* memory with the generation id */
	MEMMAP_VIRTIO,		/* virtio-mmio: a frame and an SPI for each device */
	MEMMAP_PCI_WINDOW,	/* for BARs of 32 bits */
	MEMMAP_PCI_IO,		/* nothing is there, but firmware wants it to be */
	MEMMAP_PCI_ECAM,	/* PCI configuration space */
	MEMMAP_RAM,		/* at most; --memory says how much of it there is */
	MEMMAP_GICR_HIGH,	/* redistributors of more vCPUs than MEMMAP_GICR has room for */
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

/* Pin of the PL061 that is the power key */
#define MEMMAP_GPIO_POWER	3

/* The slot of the generation id's memory; RAM has slot 0 */
#define MEMMAP_VMGENID_SLOT	16

/* Bytes of a virtio-mmio frame */
#define MEMMAP_VIRTIO_SIZE	0x200

/* SPIs of the GICv2m frame, and its register that is written to */
#define MEMMAP_V2M_SPI		48
#define MEMMAP_V2M_NR_SPIS	64
#define MEMMAP_V2M_SETSPI	0x40

/* Where the redistributors of so many vCPUs are. */
const struct memmap_entry *memmap_gicr(uint64_t cpus);

#endif /* AVMM_MACHINE_MEMMAP_H */
