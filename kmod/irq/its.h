/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ITS of a guest, and the shape of its tables in the guest's memory. Private to irq/.
 *
 * An ITS translates (DeviceID, EventID) to an LPI and a collection, and the
 * collection to a vCPU. Each of the three maps is an xarray of numbers, in the
 * form that the table in memory has, less the fields that only link it: so
 * translating takes no lock and no reference, saving is a walk in order, and the
 * guest's memory is looked at only where the architecture has it looked at.
 */
#ifndef AVMM_IRQ_ITS_H
#define AVMM_IRQ_ITS_H

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/xarray.h>
#include "avmm.h"

#define ITS_ID_BITS	16		/* of DeviceIDs and of EventIDs: GITS_TYPER */
#define ITS_MAX_ID	0xffffU
#define ITS_PAGE	0x10000U	/* we have only one size: GITS_BASER.Page_Size */
#define ITS_ENTRY	8		/* bytes of an entry, in all tables */
#define ITS_MAX_EVENTS	(1U << 17)	/* per ITS; without a limit a guest could have us store 2^32 */
#define ITS_NOT_MAPPED	(~0U)		/* a collection that has no target (yet) */

/*
 * Tables in memory: KVM's format, revision 0 (Documentation/devices/vgic-its.rst).
 * NEXT: how many entries on is the next valid one; 0: there is none.
 */
#define ITS_VALID	BIT_ULL(63)
#define ITS_L1_ADDR	GENMASK_ULL(51, 16)
#define ITS_BASER_INDIRECT	BIT_ULL(62)
/* device */
#define ITS_DTE_NEXT_SHIFT	49
#define ITS_DTE_NEXT_MAX	0x3fffU
#define ITS_DTE_ADDR_SHIFT	5	/* ITT address >> 8 */
#define ITS_DTE_SIZE		0x1fU	/* bits of EventID - 1 */
#define ITS_DTE_BODY		GENMASK_ULL(48, 0)
/* event */
#define ITS_ITE_NEXT_SHIFT	48
#define ITS_ITE_NEXT_MAX	0xffffU
#define ITS_ITE_LPI_SHIFT	16
#define ITS_ITE_ICID		0xffffU
#define ITS_ITE_BODY		GENMASK_ULL(47, 0)
/* collection; the table has no order */
#define ITS_CTE_TARGET_SHIFT	16
#define ITS_CTE_ICID		0xffffU

enum { ITS_DEVICES, ITS_COLLECTIONS, ITS_NR_TABLES };

/**
 * struct vgic_its - an ITS
 * @dev: its frames on the MMIO bus
 * @vm: whose
 * @node: in vgic_dist.its_list once it has an address
 * @base: guest-physical address, or VGIC_ADDR_UNDEF; vm->lock
 * @lock: [i] commands, registers and tables: all that follows. Readers of the maps and of single
 *	registers need no lock
 * @enabled: GITS_CTLR.Enabled
 * @cbaser: GITS_CBASER
 * @creadr: GITS_CREADR, offset of the next command
 * @cwriter: GITS_CWRITER, offset after the last command
 * @baser: GITS_BASER0 and 1
 * @devices: DeviceID -> ITS_DTE_BODY
 * @events: DeviceID << 16 | EventID -> ITS_ITE_BODY
 * @collections: ICID -> index of the vCPU, or ITS_NOT_MAPPED
 * @nr_events: number of @events
 */
struct vgic_its {
	struct avmm_iodev dev;
	struct avmm_vm *vm;
	struct list_head node;
	u64 base;
	struct mutex lock;
	bool enabled;
	u64 cbaser;
	u32 creadr;
	u32 cwriter;
	u64 baser[ITS_NR_TABLES];
	struct xarray devices;
	struct xarray events;
	struct xarray collections;
	u32 nr_events;
};

static inline unsigned long its_key(u32 devid, u32 event)
{
	return (unsigned long)devid << ITS_ID_BITS | event;
}

static inline u32 its_dte_bits(u64 dte)
{
	return (dte & ITS_DTE_SIZE) + 1;
}

/* where an event's entry is in memory */
static inline u64 its_ite_addr(u64 dte, u32 event)
{
	return ((dte & ITS_DTE_BODY) >> ITS_DTE_ADDR_SHIFT << 8) + (u64)event * ITS_ENTRY;
}

static inline u32 its_ite_lpi(u64 ite)
{
	return ite >> ITS_ITE_LPI_SHIFT;
}

static inline u32 its_ite_icid(u64 ite)
{
	return ite & ITS_ITE_ICID;
}

/* GITS_BASER address of 64 KiB pages: bits 51:48 are in 15:12 (12.19.1) */
static inline u64 its_baser_addr(u64 baser)
{
	return (baser & GENMASK_ULL(47, 16)) | (baser >> 12 & 0xf) << 48;
}

static inline u32 its_baser_len(u64 baser)
{
	return ((baser & 0xff) + 1) * ITS_PAGE;
}

/* vgic_its.c */
struct avmm_vcpu *its_target(struct vgic_its *its, u32 icid);
int its_add_event(struct vgic_its *its, u32 devid, u32 event, u64 ite);
int its_set_device(struct vgic_its *its, u32 devid, u64 dte);
int its_set_collection(struct vgic_its *its, u32 icid, u32 idx);
void its_forget(struct vgic_its *its);

/* its_tables.c */
bool its_is_memory(struct avmm_vm *vm, u64 gpa);
bool its_entry_addr(struct vgic_its *its, unsigned int table, u32 id, u64 *gpa);
int its_write_entry(struct vgic_its *its, u64 gpa, u64 entry);
int its_save_tables(struct vgic_its *its);
int its_restore_tables(struct vgic_its *its);

#endif /* AVMM_IRQ_ITS_H */
