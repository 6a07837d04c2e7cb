// SPDX-License-Identifier: GPL-2.0
/*
 * What the host does to the VMM's memory, carried over to stage 2.
 *
 * A fault looks at the host's tables without a lock that would stop them from
 * changing. So each invalidation is announced in vm->inv_active before what is
 * mapped is unmapped, and counted in vm->inv_seq when it is over: a fault that
 * finds, under mmu_lock, its address announced or the count moved throws its
 * result away.
 *
 * The slots are read after the announcement: a fault that did not see that has
 * mapped by slots that are visible here.
 */
#include <linux/mmu_notifier.h>
#include <linux/srcu.h>
#include "mmu/stage2.h"

/* One slot's part of a range of user addresses. */
struct hva_part {
	u64 ipa;
	u64 size;
};

static bool slot_part(const struct avmm_memslot *slot, unsigned long start, unsigned long end,
		      struct hva_part *part)
{
	unsigned long slot_end = slot->hva + (unsigned long)(slot->npages << PAGE_SHIFT);

	/* Slots are whole pages; age and test come with any address. */
	start = max(start & PAGE_MASK, slot->hva);
	/* the end of all addresses is none that could be rounded up */
	end = end >= slot_end ? slot_end : PAGE_ALIGN(end);
	if (start >= end)
		return false;
	part->ipa = (slot->base_gfn << PAGE_SHIFT) + (start - slot->hva);
	part->size = end - start;
	return true;
}

#define for_each_part(slots, i, part, start, end)				\
	for ((i) = 0; (slots) && (i) < (slots)->n; (i)++)			\
		if (slot_part(&(slots)->slot[i], start, end, part))

static int notify_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct avmm_vm *vm = container_of(mn, struct avmm_vm, mn);
	const struct avmm_memslots *slots;
	struct hva_part part;
	int i, idx;

	spin_lock(&vm->mmu_lock);
	if (vm->inv_active++) {
		vm->inv_start = min_t(u64, vm->inv_start, range->start);
		vm->inv_end = max_t(u64, vm->inv_end, range->end);
	} else {
		vm->inv_start = range->start;
		vm->inv_end = range->end;
	}
	spin_unlock(&vm->mmu_lock);

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	for_each_part(slots, i, &part, range->start, range->end)
		avmm_s2_unmap(vm, part.ipa, part.size, mmu_notifier_range_blockable(range));
	srcu_read_unlock(&vm->srcu, idx);
	return 0;
}

static void notify_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct avmm_vm *vm = container_of(mn, struct avmm_vm, mn);

	spin_lock(&vm->mmu_lock);
	WRITE_ONCE(vm->inv_seq, vm->inv_seq + 1);
	vm->inv_active--;
	spin_unlock(&vm->mmu_lock);
}

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, bool clear,
		bool flush)
{
	struct avmm_vm *vm = container_of(mn, struct avmm_vm, mn);
	const struct avmm_memslots *slots;
	struct hva_part part;
	bool young = false;
	int i, idx;

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	for_each_part(slots, i, &part, start, end) {
		spin_lock(&vm->mmu_lock);
		if (clear)
			young |= avmm_pgt_clear_young(&vm->s2.pgt, part.ipa, part.ipa + part.size,
						      flush);
		else
			young |= avmm_pgt_young(&vm->s2.pgt, part.ipa, part.ipa + part.size);
		spin_unlock(&vm->mmu_lock);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return young;
}

static avmm_young_t notify_clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
					     unsigned long start, unsigned long end)
{
	return age(mn, start, end, true, true);
}

static avmm_young_t notify_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				       unsigned long start, unsigned long end)
{
	return age(mn, start, end, true, false);
}

static avmm_young_t notify_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
				      unsigned long addr)
{
	return age(mn, addr, addr + 1, false, false);
}

/* The mm goes away; its threads, which alone can run vCPUs, are gone. */
static void notify_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	avmm_s2_unmap_all(container_of(mn, struct avmm_vm, mn));
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = notify_start,
	.invalidate_range_end = notify_end,
	.clear_flush_young = notify_clear_flush_young,
	.clear_young = notify_clear_young,
	.test_young = notify_test_young,
	.release = notify_release,
};

/**
 * avmm_notifier_register - start to follow what the host does to vm->mm
 * @vm: VM with its locks, srcu and stage 2 initialised
 *
 * Return: 0 or -ENOMEM.
 */
int avmm_notifier_register(struct avmm_vm *vm)
{
	int ret;

	vm->mn.ops = &notifier_ops;
	ret = mmu_notifier_register(&vm->mn, vm->mm);
	if (ret)
		vm->mn.ops = NULL;
	return ret;
}

/**
 * avmm_notifier_unregister - stop to; all of stage 2 is unmapped then
 * @vm: VM whose vCPUs do not run any more
 */
void avmm_notifier_unregister(struct avmm_vm *vm)
{
	if (vm->mn.ops)
		mmu_notifier_unregister(&vm->mn, vm->mm);
	vm->mn.ops = NULL;
}
