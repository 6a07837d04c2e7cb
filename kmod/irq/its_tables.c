// SPDX-License-Identifier: GPL-2.0
/*
 * The tables of an ITS in the guest's memory: where an entry is, and the saving
 * and restoring of them. The format is KVM's (its.h), so that a guest may go from
 * one to the other. What the guest, or a VMM, has written there is not trusted.
 */
#include <linux/sched/signal.h>
#include "irq/its.h"

#define L2_ENTRIES	(ITS_PAGE / ITS_ENTRY)

/** its_is_memory - is there a memory slot at @gpa? */
bool its_is_memory(struct avmm_vm *vm, u64 gpa)
{
	int idx = srcu_read_lock(&vm->srcu);
	bool ret = avmm_find_slot(vm, gpa >> PAGE_SHIFT);

	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

/**
 * its_write_entry - store an entry
 * @its: the ITS
 * @gpa: where
 * @entry: what; 0 is not valid in any table
 *
 * Return: 0 or -EFAULT
 */
int its_write_entry(struct vgic_its *its, u64 gpa, u64 entry)
{
	__le64 val = cpu_to_le64(entry);

	return avmm_write_guest(its->vm, gpa, &val, sizeof(val));
}

static int read_entry(struct vgic_its *its, u64 gpa, u64 *entry)
{
	__le64 val = 0;
	int ret = avmm_read_guest(its->vm, gpa, &val, sizeof(val));

	*entry = le64_to_cpu(val);
	return ret;
}

/**
 * its_entry_addr - where a table has the entry of an id
 * @its: caller holds its->lock
 * @table: ITS_DEVICES or ITS_COLLECTIONS
 * @id: any number
 * @gpa: guest-physical address of the entry
 *
 * Return: false: the table has no place for it
 */
bool its_entry_addr(struct vgic_its *its, unsigned int table, u32 id, u64 *gpa)
{
	u64 baser = its->baser[table], base = its_baser_addr(baser), l1;
	u32 entries = its_baser_len(baser) / ITS_ENTRY;

	if (id > ITS_MAX_ID)
		return false;
	if (baser & ITS_BASER_INDIRECT) {
		if (id / L2_ENTRIES >= entries ||
		    read_entry(its, base + (u64)id / L2_ENTRIES * ITS_ENTRY, &l1) ||
		    !(l1 & ITS_VALID))
			return false;
		base = l1 & ITS_L1_ADDR;
		id %= L2_ENTRIES;
	} else if (id >= entries) {
		return false;
	}
	*gpa = base + (u64)id * ITS_ENTRY;
	return its_is_memory(its->vm, *gpa);
}

/* how far it is from @id to the next entry of a map, at most @max; 0: none up to @last */
static u64 next_of(struct xarray *xa, unsigned long id, unsigned long last, u32 max)
{
	unsigned long next = id;

	return xa_find_after(xa, &next, last, XA_PRESENT) ? min_t(u64, next - id, max) : 0;
}

/* what any loop over a table does at each turn: they are long */
static int breathe(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* ---- saving ---- */

static int save_itt(struct vgic_its *its, u32 devid, u64 dte)
{
	unsigned long key, last = its_key(devid, ITS_MAX_ID);
	void *p;
	int ret;

	xa_for_each_range(&its->events, key, p, its_key(devid, 0), last) {
		u64 ite = xa_to_value(p);

		/* MAPC has taken its collection away: it leads nowhere and is not kept */
		if (!xa_load(&its->collections, its_ite_icid(ite)))
			ite = 0;
		else
			ite |= next_of(&its->events, key, last, ITS_ITE_NEXT_MAX) <<
			       ITS_ITE_NEXT_SHIFT;
		ret = its_write_entry(its, its_ite_addr(dte, key & ITS_MAX_ID), ite) ?: breathe();
		if (ret)
			return ret;
	}
	return 0;
}

static int save_devices(struct vgic_its *its)
{
	unsigned long devid;
	void *p;
	u64 gpa;
	int ret;

	if (!(its->baser[ITS_DEVICES] & ITS_VALID))
		return 0;
	xa_for_each(&its->devices, devid, p) {
		u64 dte = xa_to_value(p);

		if (!its_entry_addr(its, ITS_DEVICES, devid, &gpa))
			return -EINVAL;
		ret = save_itt(its, devid, dte);
		if (ret)
			return ret;
		dte |= ITS_VALID | next_of(&its->devices, devid, ITS_MAX_ID, ITS_DTE_NEXT_MAX) <<
				   ITS_DTE_NEXT_SHIFT;
		ret = its_write_entry(its, gpa, dte) ?: breathe();
		if (ret)
			return ret;
	}
	return 0;
}

/* GICR_TYPER.Processor_Number, which the entry names, is the vCPU's id */
static int save_collections(struct vgic_its *its)
{
	u64 baser = its->baser[ITS_COLLECTIONS], gpa = its_baser_addr(baser);
	u32 room = its_baser_len(baser) / ITS_ENTRY;
	unsigned long icid;
	void *p;
	int ret;

	if (!(baser & ITS_VALID))
		return 0;
	xa_for_each(&its->collections, icid, p) {
		u32 idx = xa_to_value(p);
		u64 target = idx == ITS_NOT_MAPPED ? ITS_NOT_MAPPED : its->vm->vcpus[idx]->id;

		/* the guest has made the table smaller since */
		if (!room--)
			return -EINVAL;
		ret = its_write_entry(its, gpa, ITS_VALID | target << ITS_CTE_TARGET_SHIFT | icid);
		if (ret)
			return ret;
		gpa += ITS_ENTRY;
	}
	return room ? its_write_entry(its, gpa, 0) : 0;
}

/**
 * its_save_tables - write all maps to the guest's memory
 * @its: caller holds its->lock
 *
 * Return: 0; -EINVAL: a table has no place; -EFAULT: no memory; -EINTR: the
 * thread is being killed
 */
int its_save_tables(struct vgic_its *its)
{
	return save_devices(its) ?: save_collections(its);
}

/* ---- restoring ---- */

/* an entry: its distance to the next, 0 if there is none, or an errno */
typedef int (*entry_fn)(struct vgic_its *its, u32 id, u64 entry, u32 devid);

#define WINDOW	32U

/*
 * Calls @fn for the entries of a table that may be valid: each one until the first is
 * found, from there on as they are linked.
 * Return: 0 the end was found; 1 it was not; or an errno
 */
static int scan(struct vgic_its *its, u64 gpa, u32 first, u32 n, entry_fn fn, u32 devid)
{
	u32 i = 0, have = ~0U;
	__le64 window[WINDOW];	/* 256 bytes, as tables are aligned: it crosses no page */
	int ret;

	while (i < n) {
		if (i / WINDOW != have) {
			have = i / WINDOW;
			ret = breathe();
			if (!ret)
				ret = avmm_read_guest(its->vm, gpa + have * sizeof(window), window,
						      min(n - have * WINDOW, WINDOW) * ITS_ENTRY);
			if (ret)
				return ret;
		}
		ret = fn(its, first + i, le64_to_cpu(window[i % WINDOW]), devid);
		if (ret <= 0)
			return ret;
		i += ret;
	}
	return 1;
}

static int restore_ite(struct vgic_its *its, u32 event, u64 entry, u32 devid)
{
	u64 dte = xa_to_value(xa_load(&its->devices, devid));
	u32 lpi = its_ite_lpi(entry & ITS_ITE_BODY), next = entry >> ITS_ITE_NEXT_SHIFT;
	int ret;

	if (!lpi)
		return 1;
	if (lpi < VGIC_LPI_BASE || lpi >> VGIC_LPI_ID_BITS || event + next >= 1U << its_dte_bits(dte) ||
	    !xa_load(&its->collections, its_ite_icid(entry)))
		return -EINVAL;
	ret = its_add_event(its, devid, event, entry & ITS_ITE_BODY);
	return ret ?: next;
}

static int restore_dte(struct vgic_its *its, u32 devid, u64 entry, u32 unused)
{
	u64 gpa;
	int ret;

	if (!(entry & ITS_VALID))
		return 1;
	if (its_dte_bits(entry) > ITS_ID_BITS || !its_entry_addr(its, ITS_DEVICES, devid, &gpa))
		return -EINVAL;
	ret = its_set_device(its, devid, entry & ITS_DTE_BODY);
	if (ret)
		return ret;
	ret = scan(its, its_ite_addr(entry, 0), 0, 1U << its_dte_bits(entry), restore_ite, devid);
	if (ret < 0)
		return ret;
	return (entry & ~ITS_VALID) >> ITS_DTE_NEXT_SHIFT;
}

static int restore_l1(struct vgic_its *its, u32 i, u64 entry, u32 unused)
{
	if (!(entry & ITS_VALID))
		return 1;
	return scan(its, entry & ITS_L1_ADDR, i * L2_ENTRIES, L2_ENTRIES, restore_dte, 0);
}

/* DeviceIDs end at ITS_MAX_ID, however long the table is */
static int restore_devices(struct vgic_its *its)
{
	u64 baser = its->baser[ITS_DEVICES];
	u32 n = its_baser_len(baser) / ITS_ENTRY, max = ITS_MAX_ID + 1;
	entry_fn fn = restore_dte;
	int ret;

	if (!(baser & ITS_VALID))
		return 0;
	if (baser & ITS_BASER_INDIRECT) {
		max /= L2_ENTRIES;
		fn = restore_l1;
	}
	ret = scan(its, its_baser_addr(baser), 0, min(n, max), fn, 0);
	return min(ret, 0);
}

static int restore_cte(struct vgic_its *its, u32 i, u64 entry, u32 unused)
{
	u32 target = entry >> ITS_CTE_TARGET_SHIFT, icid = entry & ITS_CTE_ICID;
	struct avmm_vcpu *vcpu;
	u64 gpa;
	int ret;

	if (!(entry & ITS_VALID))
		return 0;
	if (target != ITS_NOT_MAPPED) {
		vcpu = avmm_vcpu_by_id(its->vm, target);
		if (!vcpu)
			return -EINVAL;
		target = vcpu->idx;
	}
	if (xa_load(&its->collections, icid))
		return -EEXIST;
	if (!its_entry_addr(its, ITS_COLLECTIONS, icid, &gpa))
		return -EINVAL;
	ret = its_set_collection(its, icid, target);
	return ret ?: 1;
}

static int restore_collections(struct vgic_its *its)
{
	u64 baser = its->baser[ITS_COLLECTIONS];
	int ret;

	if (!(baser & ITS_VALID))
		return 0;
	ret = scan(its, its_baser_addr(baser), 0, its_baser_len(baser) / ITS_ENTRY, restore_cte, 0);
	return min(ret, 0);
}

/**
 * its_restore_tables - make all maps from the guest's memory
 * @its: caller holds its->lock; the GIC and the ITS's registers are restored
 *
 * Return: 0; or, and the maps are empty then: -EINVAL, -EEXIST: tables that nobody has
 * saved; -EFAULT: no memory; -ENOMEM; -EINTR: the thread is being killed
 */
int its_restore_tables(struct vgic_its *its)
{
	int ret = restore_collections(its) ?: restore_devices(its);

	if (ret)
		its_forget(its);
	return ret;
}
