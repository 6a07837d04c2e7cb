// SPDX-License-Identifier: GPL-2.0
/*
 * Stage-2 faults: from a guest-physical address to memory of the VMM to an
 * entry in the tables. Called from arm/exit.c in the vCPU thread.
 *
 * The page that backs the address is held by a reference until it is mapped
 * and coherent, not longer: from then on it is the notifier's business (see
 * notifier.c for the protocol that leaves no gap between the two).
 */
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/srcu.h>
#include <linux/userfaultfd_k.h>
#include "mmu/stage2.h"

/* Rounds before the guest gets its turn again, to fault once more if need be. */
#define FAULT_TRIES	4

/**
 * struct backing - what is behind a faulting address
 * @slot: its slot
 * @hva: user address of the page
 * @seq: vm->inv_seq before the look at the host's tables
 * @page: referenced; NULL if the host maps bare page frames here
 * @pa: address of the page
 * @writable: the host lets the VMM write
 * @device: no memory
 */
struct backing {
	const struct avmm_memslot *slot;
	unsigned long hva;
	unsigned long seq;
	struct page *page;
	u64 pa;
	bool writable;
	bool device;
};

/* Has the host changed its mind about [hva, hva + size) since @seq was read? */
static bool is_stale_locked(struct avmm_vm *vm, unsigned long seq, unsigned long hva, u64 size)
{
	lockdep_assert_held(&vm->mmu_lock);
	if (vm->inv_active && hva < vm->inv_end && hva + size > vm->inv_start)
		return true;
	return vm->inv_seq != seq;
}

/* Memory went bad under the guest: KVM's answer is the signal, and so is ours. */
static void send_poison(struct mm_struct *mm, unsigned long hva)
{
	struct vm_area_struct *vma;
	short lsb = PAGE_SHIFT;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, hva);
	if (vma)
		lsb = __ffs(vma_kernel_pagesize(vma));
	mmap_read_unlock(mm);
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, lsb, current);
}

/* A mapping of page frames without struct page: device registers, mostly. */
static int get_frame(struct avmm_vm *vm, struct backing *b, bool write)
{
	struct vm_area_struct *vma;
	unsigned long pfn = 0;
	bool unlocked = false;
	int ret;

	mmap_read_lock(vm->mm);
	vma = vma_lookup(vm->mm, b->hva);
	ret = -EFAULT;
	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)))
		goto out;
	ret = avmm_follow_pfn(vma, b->hva, &pfn, &b->writable);
	if (ret || (write && !b->writable)) {
		ret = fixup_user_fault(vm->mm, b->hva, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		/* The lock was dropped: @vma may be gone. The caller comes again. */
		if (!ret && unlocked)
			ret = -EAGAIN;
		if (!ret)
			ret = avmm_follow_pfn(vma, b->hva, &pfn, &b->writable);
		if (!ret && write && !b->writable)
			ret = -EFAULT;
		if (ret == -EINVAL)
			ret = -EFAULT;
	}
	b->pa = (u64)pfn << PAGE_SHIFT;
	b->device = !ret && !pfn_is_map_memory(pfn);
	b->writable = b->writable && !(b->slot->flags & AVMM_MEM_READONLY);
out:
	mmap_read_unlock(vm->mm);
	return ret;
}

/* The host has nothing there yet, or not what is needed. */
static int get_page_slowly(struct avmm_vm *vm, struct backing *b, bool write)
{
	unsigned int flags = FOLL_HWPOISON | AVMM_FOLL_SLOW | (write ? FOLL_WRITE : 0);
	struct page *page;
	long ret;

	ret = avmm_wait_userfault(vm->mm, b->hva, write);
	if (ret)
		return ret;
	ret = get_user_pages_unlocked(b->hva, 1, &b->page, flags);
	if (ret == -EFAULT)
		return get_frame(vm, b, write);
	if (ret == -EHWPOISON) {
		send_poison(vm->mm, b->hva);
		return ret;
	}
	if (ret != 1)
		return ret ? ret : -EAGAIN;
	b->writable = write;
	/* What came in for a read may be writable as well, and save the next fault. */
	if (!write && !(b->slot->flags & AVMM_MEM_READONLY) &&
	    get_user_pages_fast_only(b->hva, 1, FOLL_WRITE, &page) == 1) {
		put_page(b->page);
		b->page = page;
		b->writable = true;
	}
	return 0;
}

/*
 * Finds what is behind b->hva. Writable is asked for first: the zero page,
 * KSM's pages and those shared after a fork are refused then, and mapped
 * read-only if that is enough.
 */
static int get_backing(struct avmm_vm *vm, struct backing *b, bool write)
{
	int ret = 0;

	b->page = NULL;
	b->device = false;
	b->seq = READ_ONCE(vm->inv_seq);
	/* inv_seq before the host's tables; pairs with the lock in notify_end(). */
	smp_rmb();

	b->writable = !(b->slot->flags & AVMM_MEM_READONLY) &&
		      get_user_pages_fast_only(b->hva, 1, FOLL_WRITE, &b->page) == 1;
	if (!b->writable &&
	    (write || get_user_pages_fast_only(b->hva, 1, 0, &b->page) != 1))
		ret = get_page_slowly(vm, b, write);
	if (!ret && b->page)
		b->pa = page_to_phys(b->page);
	return ret;
}

static void put_backing(struct backing *b, bool mapped)
{
	struct folio *folio;

	if (!b->page)
		return;
	folio = page_folio(b->page);
	/*
	 * The guest may write from now on, and nobody will see it do so. A page of a
	 * file that is written back is dirty for as long as its mapping is writable.
	 */
	if (mapped && b->writable && folio_test_swapbacked(folio) && !folio_test_dirty(folio))
		folio_set_dirty(folio);
	folio_put(folio);
}

/*
 * log2 of the size of the host's own leaf for @addr. With interrupts off the
 * tables cannot be freed; that they change is caught by is_stale_locked().
 */
static unsigned int host_leaf_shift(struct mm_struct *mm, unsigned long addr)
{
	unsigned int shift = PAGE_SHIFT;
	unsigned long flags;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgdp = pgd_offset(mm, addr);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		goto out;
	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = READ_ONCE(*pudp);
	if (pud_leaf(pud))
		shift = PUD_SHIFT;
	if (pud_none(pud) || !pud_present(pud) || pud_leaf(pud))
		goto out;
	pmd = READ_ONCE(*pmd_offset_lockless(pudp, pud, addr));
	if (pmd_present(pmd) && pmd_leaf(pmd))
		shift = PMD_SHIFT;
out:
	local_irq_restore(flags);
	return shift;
}

/* Does the slot map the aligned block around @ipa as one piece? */
static bool slot_holds(const struct avmm_memslot *slot, u64 ipa, u64 size)
{
	u64 base = ipa & ~(size - 1), start = slot->base_gfn << PAGE_SHIFT;

	return !((start ^ slot->hva) & (size - 1)) && base >= start &&
	       base + size <= start + (slot->npages << PAGE_SHIFT);
}

/*
 * The largest leaf that the host's mapping, the slot and the format allow. A
 * block of 1G only with FWB: making that much coherent in one go takes too long.
 */
static int leaf_level(struct avmm_vm *vm, const struct backing *b, u64 ipa)
{
	const struct avmm_pgtable *pgt = &vm->s2.pgt;
	unsigned int shift;
	int level;

	if (!b->page || !folio_test_large(page_folio(b->page)))
		return PGT_LAST_LEVEL;
	/* Only the page that is written is to become writable. */
	if (b->writable && avmm_slot_logs(b->slot))
		return PGT_LAST_LEVEL;
	/*
	 * The host's tables may have changed since b->page was found; the reference
	 * is to its folio, and that is all that may be touched.
	 */
	shift = min_t(unsigned int, host_leaf_shift(vm->mm, b->hva),
		      folio_shift(page_folio(b->page)));
	level = max_t(int, pgt->start_level, vm->s2.fwb ? pgt_block_level(PAGE_SHIFT) : 2);
	for (; level < PGT_LAST_LEVEL; level++)
		if (shift >= pgt_shift(PAGE_SHIFT, level) &&
		    slot_holds(b->slot, ipa, avmm_pgt_size(pgt, level)))
			break;
	return level;
}

static void prepare(struct avmm_vm *vm, const struct avmm_s2_leaf *leaf, u64 size, bool fresh)
{
	if (fresh)
		avmm_s2_make_coherent(vm, leaf->pa, size);
	if (leaf->exec)
		avmm_s2_make_executable(vm, leaf->pa, size);
}

/* A translation fault: map. 0, or -EAGAIN: look again. */
static int map_backing(struct avmm_vm *vm, const struct avmm_fault *f, const struct backing *b)
{
	struct avmm_s2_leaf leaf = {
		.level = leaf_level(vm, b, f->ipa),
		.write = b->writable,
		.device = b->device,
		.exec = !b->device && (f->exec || vm->s2.caches.dic),
	};
	u64 size = avmm_pgt_size(&vm->s2.pgt, leaf.level);
	struct avmm_pgt_batch batch;
	int ret;

	leaf.ipa = f->ipa & ~(size - 1);
	leaf.pa = b->pa & ~(size - 1);
	batch.n = 0;
	if (b->page)
		prepare(vm, &leaf, size, true);
	do {
		spin_lock(&vm->mmu_lock);
		ret = -EAGAIN;
		if (!is_stale_locked(vm, b->seq, b->hva & ~(unsigned long)(size - 1), size)) {
			/* Without a reference it is ours to touch only while this lock is held. */
			if (!b->page && !b->device)
				prepare(vm, &leaf, size, true);
			ret = avmm_s2_map_locked(vm, &leaf, &batch);
			if (!ret && leaf.write)
				avmm_slot_mark_dirty(b->slot, f->ipa >> PAGE_SHIFT);
		}
		spin_unlock(&vm->mmu_lock);
	} while (ret == -ENOMEM && !avmm_s2_fill_spare(vm));
	avmm_pgt_reap(&vm->s2.pgt, &batch, false);
	return ret;
}

/* A permission fault: the page is mapped, most likely, and lacks something. */
static int relax_backing(struct avmm_vm *vm, const struct avmm_fault *f, const struct backing *b)
{
	struct avmm_s2_leaf leaf = { .pa = b->pa, .exec = f->exec };
	int level = b->writable && avmm_slot_logs(b->slot) ? PGT_LAST_LEVEL : 0, ret = -EAGAIN;
	u64 size = PAGE_SIZE;

	if (f->exec) {
		size = avmm_pgt_size(&vm->s2.pgt, leaf_level(vm, b, f->ipa));
		leaf.pa &= ~(size - 1);
		if (b->page)
			prepare(vm, &leaf, size, false);
	}
	spin_lock(&vm->mmu_lock);
	if (!is_stale_locked(vm, b->seq, b->hva & ~(unsigned long)(size - 1), size)) {
		if (!b->page && !b->device)
			prepare(vm, &leaf, size, false);
		if (avmm_s2_relax_locked(vm, f->ipa & PAGE_MASK, b->pa, level, b->writable,
					 f->exec)) {
			if (b->writable)
				avmm_slot_mark_dirty(b->slot, f->ipa >> PAGE_SHIFT);
			ret = 0;
		}
	}
	spin_unlock(&vm->mmu_lock);
	return ret;
}

static int fault_in_slot(struct avmm_vm *vm, const struct avmm_fault *f)
{
	struct backing b;
	bool mapped = f->perm;
	u64 gfn = f->ipa >> PAGE_SHIFT;
	int i, ret;

	b.slot = avmm_find_slot(vm, gfn);
	if (!b.slot || (f->write && (b.slot->flags & AVMM_MEM_READONLY)))
		return AVMM_FAULT_MMIO;
	b.hva = b.slot->hva + (unsigned long)((gfn - b.slot->base_gfn) << PAGE_SHIFT);

	for (i = 0; i < FAULT_TRIES; i++) {
		ret = get_backing(vm, &b, f->write);
		if (!ret && b.device && f->exec)
			return -ENOEXEC;
		/* The first write is to be noticed. */
		if (!f->write && !b.device && avmm_slot_logs(b.slot))
			b.writable = false;
		if (!ret) {
			ret = mapped ? relax_backing(vm, f, &b) : map_backing(vm, f, &b);
			put_backing(&b, !ret);
		}
		if (ret != -EAGAIN)
			break;
		/*
		 * The copy of a read-only page was made, the host is at work here, or a
		 * block has to be split.
		 */
		mapped = false;
	}
	/* With a signal on its way, or too many tries: the run loop knows what to do. */
	if (!ret || ret == -EAGAIN || ret == -EHWPOISON)
		return AVMM_FAULT_FIXED;
	return ret;
}

/**
 * avmm_s2_fault - resolve a stage-2 fault; may sleep
 * @vm: VM; the caller is a vCPU thread, of vm->mm
 * @f: the fault
 *
 * FIXED means that the guest may try again, not that it will succeed: another
 * CPU may have been at the same page.
 *
 * Return: enum avmm_fault_result, or an errno as listed in mmu.h.
 */
int avmm_s2_fault(struct avmm_vm *vm, const struct avmm_fault *f)
{
	int idx, ret;

	if (f->access && avmm_s2_mark_young(vm, f->ipa))
		return AVMM_FAULT_FIXED;
	idx = srcu_read_lock(&vm->srcu);
	ret = fault_in_slot(vm, f);
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}
