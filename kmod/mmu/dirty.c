// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of a slot have been written: a bit for each, for who copies a
 * running VM elsewhere. KVM's rules, Documentation/memory.rst.
 *
 * The rule that no write gets lost by: where stage 2 lets the guest write, the
 * page's bit is set, or it is in the hands of an ioctl that has yet to return
 * it. A fault makes a page writable and sets the bit under one hold of
 * mmu_lock. An ioctl takes the bit first and write access second, which costs
 * at worst a bit too many; and it tells the TLBs before it returns, so what a
 * CPU still writes by a stale entry is in the answer that is under way.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include "mmu/stage2.h"

/* words between the bitmap and user space at a time */
#define CHUNK	64

static unsigned long log_words(u64 pages)
{
	return DIV_ROUND_UP(pages, BITS_PER_LONG);
}

/**
 * avmm_log_open - give a slot that is not in use yet its bitmap
 * @vm: VM
 * @slot: slot
 *
 * Return: 0 or -ENOMEM.
 */
int avmm_log_open(struct avmm_vm *vm, struct avmm_memslot *slot)
{
	slot->dirty = kvcalloc(log_words(slot->npages), sizeof(long), GFP_KERNEL_ACCOUNT);
	if (!slot->dirty)
		return -ENOMEM;
	/* All of it has to be copied once anyway; write access goes bit by bit then. */
	if (vm->log_manual & AVMM_DIRTY_LOG_INITIALLY_SET)
		bitmap_set(slot->dirty, 0, slot->npages);
	return 0;
}

/**
 * avmm_slot_written - note a write that did not come from the guest
 * @slot: written to; under vm->srcu
 * @gpa: guest-physical address
 * @len: bytes, not 0
 */
void avmm_slot_written(const struct avmm_memslot *slot, u64 gpa, size_t len)
{
	u64 gfn = gpa >> PAGE_SHIFT, last = (gpa + len - 1) >> PAGE_SHIFT;

	/* Who takes the bit must find what was written. */
	smp_mb__before_atomic();
	for (; gfn <= last; gfn++)
		avmm_slot_mark_dirty(slot, gfn);
}

/* Takes @mask out of a word of the log, and write access from the pages of those that were set. */
static unsigned long take_bits(struct avmm_vm *vm, const struct avmm_memslot *slot,
			       unsigned long word, unsigned long mask,
			       struct avmm_pgt_touched *touched)
{
	unsigned long bits = READ_ONCE(slot->dirty[word]) & mask;
	u64 gfn = slot->base_gfn + (u64)word * BITS_PER_LONG;

	if (bits)
		bits &= atomic_long_fetch_andnot(bits, (atomic_long_t *)&slot->dirty[word]);
	if (bits)
		avmm_s2_protect_bits(vm, gfn << PAGE_SHIFT, bits, touched);
	return bits;
}

static void give_back(const struct avmm_memslot *slot, unsigned long word,
		      const unsigned long *bits, unsigned int n)
{
	while (n--)
		atomic_long_or(bits[n], (atomic_long_t *)&slot->dirty[word + n]);
}

static int fetch_log(struct avmm_vm *vm, const struct avmm_memslot *slot, unsigned long __user *to)
{
	unsigned long bits[CHUNK], word, words = log_words(slot->npages);
	struct avmm_pgt_touched touched = { .n = 0 };
	unsigned int i, n;
	int ret = 0;

	for (word = 0; word < words && !ret; word += n) {
		n = min_t(unsigned long, CHUNK, words - word);
		for (i = 0; i < n; i++)
			bits[i] = take_bits(vm, slot, word + i, ~0UL, &touched);
		if (copy_to_user(to + word, bits, n * sizeof(long))) {
			give_back(slot, word, bits, n);
			ret = -EFAULT;
		}
		cond_resched();
	}
	avmm_pgt_flush(&vm->s2.pgt, &touched);
	return ret;
}

static int clear_log(struct avmm_vm *vm, const struct avmm_memslot *slot, unsigned long word,
		     unsigned long words, const unsigned long __user *from)
{
	struct avmm_pgt_touched touched = { .n = 0 };
	unsigned long bits[CHUNK];
	unsigned int i, n;
	int ret = 0;

	for (; words && !ret; words -= n, word += n, from += n) {
		n = min_t(unsigned long, CHUNK, words);
		if (copy_from_user(bits, from, n * sizeof(long))) {
			ret = -EFAULT;
			break;
		}
		for (i = 0; i < n; i++)
			take_bits(vm, slot, word + i, bits[i], &touched);
		cond_resched();
	}
	avmm_pgt_flush(&vm->s2.pgt, &touched);
	return ret;
}

static const struct avmm_memslot *logged_slot(struct avmm_vm *vm, u32 id)
{
	const struct avmm_memslot *slot;

	if (id >= AVMM_NR_MEMSLOTS)
		return ERR_PTR(-EINVAL);
	slot = avmm_slot_by_id(vm, id);
	return slot && slot->dirty ? slot : ERR_PTR(-ENOENT);
}

/**
 * avmm_get_dirty_log - AVMM_GET_DIRTY_LOG
 * @vm: VM; takes its slots_lock
 * @log: from user space
 *
 * Return: 0; -EINVAL: no such slot number; -ENOENT: no such slot, or it is not
 * logged; -EFAULT: what did not get through is still in the log.
 */
long avmm_get_dirty_log(struct avmm_vm *vm, const struct avmm_dirty_log *log)
{
	unsigned long __user *to = u64_to_user_ptr(log->dirty_bitmap);
	const struct avmm_memslot *slot;
	long ret = 0;

	mutex_lock(&vm->slots_lock);
	slot = logged_slot(vm, log->slot);
	if (IS_ERR(slot))
		ret = PTR_ERR(slot);
	else if (!vm->log_manual)
		ret = fetch_log(vm, slot, to);
	else if (copy_to_user(to, slot->dirty, log_words(slot->npages) * sizeof(long)))
		ret = -EFAULT;
	mutex_unlock(&vm->slots_lock);
	return ret;
}

/**
 * avmm_clear_dirty_log - AVMM_CLEAR_DIRTY_LOG
 * @vm: VM; takes its slots_lock
 * @log: from user space
 *
 * Return: 0; -EINVAL: no such slot number, or the range is not in the slot or
 * not in whole words; -ENOENT as above; -EFAULT: what came before is cleared.
 */
long avmm_clear_dirty_log(struct avmm_vm *vm, const struct avmm_clear_dirty_log *log)
{
	const struct avmm_memslot *slot;
	u64 left;
	long ret;

	if (log->first_page & 63)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	slot = logged_slot(vm, log->slot);
	if (IS_ERR(slot)) {
		ret = PTR_ERR(slot);
		goto out;
	}
	ret = -EINVAL;
	if (log->first_page > slot->npages)
		goto out;
	left = slot->npages - log->first_page;
	if (log->num_pages > left || (log->num_pages < left && (log->num_pages & 63)))
		goto out;
	ret = clear_log(vm, slot, log->first_page / BITS_PER_LONG, log_words(log->num_pages),
			u64_to_user_ptr(log->dirty_bitmap));
out:
	mutex_unlock(&vm->slots_lock);
	return ret;
}

/**
 * avmm_manual_protect - AVMM_ENABLE_CAP of MANUAL_DIRTY_LOG_PROTECT2
 * @vm: VM; takes its slots_lock
 * @how: AVMM_DIRTY_LOG_*, or 0 to have GET_DIRTY_LOG clear as at first
 *
 * Return: 0 or -EINVAL.
 */
int avmm_manual_protect(struct avmm_vm *vm, u64 how)
{
	if ((how & ~(u64)AVMM_LOG_MANUAL_ALL) || how == AVMM_DIRTY_LOG_INITIALLY_SET)
		return -EINVAL;
	mutex_lock(&vm->slots_lock);
	vm->log_manual = how;
	mutex_unlock(&vm->slots_lock);
	return 0;
}
