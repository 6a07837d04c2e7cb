// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's stage 2: what the walker of pgtable.c needs from Linux (locks, memory,
 * TLBs, caches) and VTCR_EL2/VTTBR_EL2.
 *
 * vm->mmu_lock guards the tables. It is held for one batch of the walker at
 * most; cache maintenance and freeing happen without it.
 *
 * Caches: without FEAT_S2FWB a guest may get past the caches by its own stage 1
 * or by running with its MMU off. So memory is cleaned and invalidated to the
 * point of coherency when it is mapped, and again when it is unmapped, for the
 * host must see what the guest wrote (Arm ARM B2, mismatched memory attributes).
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include "mmu/stage2.h"

/* leaves to look at before mmu_lock is given to others for a moment */
#define PROTECT_BUDGET	512

static void *s2_alloc(void *cookie)
{
	struct avmm_s2 *s2 = &((struct avmm_vm *)cookie)->s2;

	return s2->nr_spare ? s2->spare[--s2->nr_spare] : NULL;
}

static void s2_free(void *cookie, void *table)
{
	free_page((unsigned long)table);
}

static void s2_tlbi_ipa(void *cookie, u64 ipa, int level)
{
	avmm_hyp_tlbi_ipa(cookie, ipa, level);
}

static void s2_tlbi_all(void *cookie)
{
	avmm_hyp_tlbi_vmid(cookie);
}

static void s2_clean(void *cookie, u64 desc, u64 size)
{
	struct avmm_s2 *s2 = &((struct avmm_vm *)cookie)->s2;

	if ((desc & S2_MEMATTR_MASK) == S2_NORMAL)
		avmm_dcache_flush(&s2->caches, phys_to_virt(desc & PGT_ADDR), size);
}

static void s2_relax(void *cookie)
{
	cond_resched();
}

static const struct avmm_pgt_ops s2_ops = {
	.alloc = s2_alloc,
	.free = s2_free,
	.tlbi_ipa = s2_tlbi_ipa,
	.tlbi_all = s2_tlbi_all,
	.clean = s2_clean,
	.relax = s2_relax,
};

/* FWB: all of the guest's accesses go through the caches */
static const struct avmm_pgt_ops s2_ops_fwb = {
	.alloc = s2_alloc,
	.free = s2_free,
	.tlbi_ipa = s2_tlbi_ipa,
	.tlbi_all = s2_tlbi_all,
	.relax = s2_relax,
};

/**
 * avmm_s2_init - make the empty stage 2 of a new VM
 * @vm: VM; its mmu_lock is initialised
 * @ipa_bits: size of guest-physical addresses
 *
 * Return: 0, -EINVAL for a size that the host does not have, -ENOMEM.
 */
int avmm_s2_init(struct avmm_vm *vm, u32 ipa_bits)
{
	struct avmm_s2 *s2 = &vm->s2;
	int level;

	if (ipa_bits < 32 || ipa_bits > avmm_host.ipa_bits)
		return -EINVAL;
	level = pgt_start_level(PAGE_SHIFT, ipa_bits, PGT_MAX_CONCAT);
	s2->ipa_bits = ipa_bits;
	s2->fwb = avmm_has_fwb();
	avmm_caches_init(&s2->caches);
	s2->root_order = pgt_root_shift(PAGE_SHIFT, ipa_bits, level) - PAGE_SHIFT;
	s2->pgt = (struct avmm_pgtable) {
		/* the page allocator aligns to the size, as concatenated tables must be */
		.root = (u64 *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, s2->root_order),
		.ops = s2->fwb ? &s2_ops_fwb : &s2_ops,
		.cookie = vm,
		.more = S2_READ | S2_WRITE,
		.less = S2_XN,
		.page_shift = PAGE_SHIFT,
		.ia_bits = ipa_bits,
		.start_level = level,
	};
	if (!s2->pgt.root)
		return -ENOMEM;
	s2->vtcr = VTCR_RES1 | pgt_vtcr_shape(PAGE_SHIFT, ipa_bits, level) |
		   VTCR_IRGN_WBWA | VTCR_ORGN_WBWA | VTCR_SH_INNER | VTCR_PS(avmm_host.parange);
	if (avmm_host.vmid_bits == 16)
		s2->vtcr |= VTCR_VS_16BIT;
	return 0;
}

/**
 * avmm_s2_destroy - free a VM's stage 2
 * @vm: VM whose vCPUs are gone and whose notifier is unregistered
 */
void avmm_s2_destroy(struct avmm_vm *vm)
{
	struct avmm_s2 *s2 = &vm->s2;

	if (!s2->pgt.root)
		return;
	avmm_s2_unmap_all(vm);
	/* Whoever gets the VMID next must find nothing of ours. */
	avmm_hyp_tlbi_vmid(vm);
	free_pages((unsigned long)s2->pgt.root, s2->root_order);
	s2->pgt.root = NULL;
	while (s2->nr_spare)
		free_page((unsigned long)s2->spare[--s2->nr_spare]);
}

/**
 * avmm_s2_vttbr - VTTBR_EL2 of a VM
 * @vm: VM that has its VMID
 */
u64 avmm_s2_vttbr(struct avmm_vm *vm)
{
	return virt_to_phys(vm->s2.pgt.root) | (u64)vm->arch.vmid << 48;
}

/**
 * avmm_s2_fill_spare - make sure that the next avmm_s2_map_locked() has tables
 * @vm: VM; its mmu_lock is not held
 *
 * Return: 0 or -ENOMEM.
 */
int avmm_s2_fill_spare(struct avmm_vm *vm)
{
	struct avmm_s2 *s2 = &vm->s2;
	unsigned long page;

	while (READ_ONCE(s2->nr_spare) < AVMM_S2_SPARE) {
		page = get_zeroed_page(GFP_KERNEL_ACCOUNT);
		if (!page)
			return -ENOMEM;
		spin_lock(&vm->mmu_lock);
		if (s2->nr_spare < AVMM_S2_SPARE) {
			s2->spare[s2->nr_spare++] = (void *)page;
			page = 0;
		}
		spin_unlock(&vm->mmu_lock);
		free_page(page);
	}
	return 0;
}

/**
 * avmm_s2_map_locked - map a page or block of a slot
 * @vm: VM
 * @leaf: what; the memory is coherent, and fit to be executed if it says so
 * @batch: empty; to be reaped when the lock is dropped
 *
 * Return: 0, or -ENOMEM: drop the lock, avmm_s2_fill_spare() and try again.
 */
int avmm_s2_map_locked(struct avmm_vm *vm, const struct avmm_s2_leaf *leaf,
		       struct avmm_pgt_batch *batch)
{
	struct avmm_s2 *s2 = &vm->s2;
	u64 attr = S2_READ | S2_SH_INNER;

	lockdep_assert_held(&vm->mmu_lock);
	if (s2->nr_spare < PGT_MAP_TABLES)
		return -ENOMEM;
	if (leaf->device)
		attr |= S2_DEVICE;
	else
		attr |= s2->fwb ? S2_NORMAL_FWB : S2_NORMAL;
	if (leaf->write)
		attr |= S2_WRITE;
	if (!leaf->exec)
		attr |= S2_XN;
	return avmm_pgt_map(&s2->pgt, leaf->ipa, leaf->pa, leaf->level, attr, batch);
}

/**
 * avmm_s2_map_device - let the guest reach registers of a device
 * @vm: VM; its mmu_lock is not held
 * @ipa: guest-physical address, page aligned
 * @pa: physical address, page aligned; not memory
 * @size: bytes
 *
 * For what the kernel itself gives a guest: there is no slot, so no fault maps it
 * again if user space makes and takes away a slot over it.
 *
 * Return: 0 or -ENOMEM.
 */
int avmm_s2_map_device(struct avmm_vm *vm, u64 ipa, u64 pa, u64 size)
{
	struct avmm_s2_leaf leaf = {
		.ipa = ipa, .pa = pa, .level = PGT_LAST_LEVEL, .write = true, .device = true,
	};
	struct avmm_pgt_batch batch;
	int ret = 0;

	batch.n = 0;
	for (; leaf.ipa < ipa + size && !ret; leaf.ipa += PAGE_SIZE, leaf.pa += PAGE_SIZE) {
		do {
			spin_lock(&vm->mmu_lock);
			ret = avmm_s2_map_locked(vm, &leaf, &batch);
			spin_unlock(&vm->mmu_lock);
			avmm_pgt_reap(&vm->s2.pgt, &batch, true);
		} while (ret == -ENOMEM && !avmm_s2_fill_spare(vm));
	}
	return ret;
}

/**
 * avmm_s2_relax_locked - allow more for a page that may be mapped already
 * @vm: VM
 * @ipa: guest-physical address, page aligned
 * @pa: the memory that must be there
 * @level: the lowest level at which it may be mapped
 * @write: allow writes
 * @exec: allow execution; the leaf's memory is fit for that
 *
 * Return: false if @pa is not mapped at @ipa, or by a larger leaf.
 */
bool avmm_s2_relax_locked(struct avmm_vm *vm, u64 ipa, u64 pa, int level, bool write, bool exec)
{
	lockdep_assert_held(&vm->mmu_lock);
	return avmm_pgt_relax(&vm->s2.pgt, ipa, pa, level, write ? S2_WRITE : 0, exec ? S2_XN : 0);
}

static void s2_unmap(struct avmm_vm *vm, u64 ipa, u64 end, bool clean, bool may_sleep)
{
	struct avmm_pgt_batch batch;

	batch.n = 0;
	while (ipa < end) {
		spin_lock(&vm->mmu_lock);
		ipa = avmm_pgt_unmap(&vm->s2.pgt, ipa, end, clean, &batch);
		spin_unlock(&vm->mmu_lock);
		avmm_pgt_reap(&vm->s2.pgt, &batch, may_sleep);
		if (may_sleep)
			cond_resched();
	}
}

/**
 * avmm_s2_unmap - unmap a range; what the guest wrote is visible to the host then
 * @vm: VM; its mmu_lock is not held
 * @ipa: first guest-physical address
 * @size: bytes
 * @may_sleep: the caller may sleep
 */
void avmm_s2_unmap(struct avmm_vm *vm, u64 ipa, u64 size, bool may_sleep)
{
	s2_unmap(vm, ipa, ipa + size, true, may_sleep);
}

/**
 * avmm_s2_unmap_all - unmap everything at the end of a VM; may sleep
 * @vm: VM whose vCPUs do not run any more
 */
void avmm_s2_unmap_all(struct avmm_vm *vm)
{
	s2_unmap(vm, 0, 1ULL << vm->s2.ipa_bits, false, true);
}

/**
 * avmm_s2_protect - take write access away in a range; may sleep
 * @vm: VM; its mmu_lock is not held
 * @ipa: first guest-physical address
 * @size: bytes
 *
 * When this returns each write faults, on all CPUs.
 */
void avmm_s2_protect(struct avmm_vm *vm, u64 ipa, u64 size)
{
	struct avmm_pgt_touched touched = { .n = 0 };
	u64 end = ipa + size;

	while (ipa < end) {
		spin_lock(&vm->mmu_lock);
		ipa = avmm_pgt_restrict(&vm->s2.pgt, ipa, end, S2_WRITE, PROTECT_BUDGET, &touched);
		spin_unlock(&vm->mmu_lock);
		cond_resched();
	}
	avmm_pgt_flush(&vm->s2.pgt, &touched);
}

/**
 * avmm_s2_protect_bits - take write access away from some of 64 pages
 * @vm: VM; its mmu_lock is not held
 * @ipa: address of the first
 * @bits: which
 * @touched: for avmm_pgt_flush(), until which TLBs may still let writes through
 */
void avmm_s2_protect_bits(struct avmm_vm *vm, u64 ipa, u64 bits, struct avmm_pgt_touched *touched)
{
	spin_lock(&vm->mmu_lock);
	avmm_pgt_restrict_bits(&vm->s2.pgt, ipa, bits, S2_WRITE, touched);
	spin_unlock(&vm->mmu_lock);
}

/* The memory of a mapped leaf cannot be freed under mmu_lock: notifiers take that first. */
static bool huge_behind(u64 desc, u64 size)
{
	u64 pfn = (desc & PGT_ADDR) >> PAGE_SHIFT;

	return pfn_valid(pfn) && folio_size(page_folio(pfn_to_page(pfn))) >= size;
}

/**
 * avmm_s2_merge - let blocks take the place of pages; may sleep
 * @vm: VM; its mmu_lock is not held
 * @ipa: first guest-physical address
 * @size: bytes
 *
 * Where the host has huge pages but stage 2 has single ones, these go. The next
 * fault maps what fits best.
 */
void avmm_s2_merge(struct avmm_vm *vm, u64 ipa, u64 size)
{
	u64 end = ipa + size, block = avmm_pgt_size(&vm->s2.pgt, PGT_LAST_LEVEL - 1), next, *e;
	bool merge;
	int level;

	for (; ipa < end; ipa = next) {
		spin_lock(&vm->mmu_lock);
		e = avmm_pgt_next(&vm->s2.pgt, &ipa, end, &level);
		merge = e && level == PGT_LAST_LEVEL && huge_behind(*e, block);
		spin_unlock(&vm->mmu_lock);
		next = e ? min(end, (ipa | (block - 1)) + 1) : end;
		if (merge)
			avmm_s2_unmap(vm, ipa, next - ipa, true);
		cond_resched();
	}
}

/**
 * avmm_s2_make_coherent - prepare memory that is about to be mapped
 * @vm: VM
 * @pa: host-physical address of memory that the caller holds a reference to
 * @size: bytes
 */
void avmm_s2_make_coherent(struct avmm_vm *vm, u64 pa, u64 size)
{
	if (!vm->s2.fwb)
		avmm_dcache_flush(&vm->s2.caches, phys_to_virt(pa), size);
}

/**
 * avmm_s2_make_executable - prepare memory that is about to be mapped executable
 * @vm: VM
 * @pa: host-physical address of memory that the caller holds a reference to
 * @size: bytes
 *
 * The data side is clean to the point of unification: by
 * avmm_s2_make_coherent(), or with FWB because that implies CTR_EL0.IDC.
 */
void avmm_s2_make_executable(struct avmm_vm *vm, u64 pa, u64 size)
{
	avmm_icache_invalidate(&vm->s2.caches, phys_to_virt(pa), size);
}

/**
 * avmm_s2_mark_young - handle an access-flag fault
 * @vm: VM
 * @ipa: guest-physical address
 *
 * Return: false if nothing is mapped there.
 */
bool avmm_s2_mark_young(struct avmm_vm *vm, u64 ipa)
{
	bool found;

	spin_lock(&vm->mmu_lock);
	found = avmm_pgt_mark_young(&vm->s2.pgt, ipa);
	spin_unlock(&vm->mmu_lock);
	return found;
}

/**
 * avmm_s2_clean_vm - clean and invalidate all that is mapped
 * @vm: VM; may sleep
 *
 * For what goes past the caches from now on: a vCPU switched its caches, or
 * used set/way maintenance, which cannot be virtualised.
 */
void avmm_s2_clean_vm(struct avmm_vm *vm)
{
	struct avmm_s2 *s2 = &vm->s2;
	u64 ipa = 0, end = 1ULL << s2->ipa_bits, done, size, *e;
	int level;

	if (s2->fwb)
		return;
	do {
		spin_lock(&vm->mmu_lock);
		/* One block's worth at a time. */
		for (done = 0; done < avmm_pgt_size(&s2->pgt, 2); done += size) {
			e = avmm_pgt_next(&s2->pgt, &ipa, end, &level);
			if (!e)
				break;
			size = avmm_pgt_size(&s2->pgt, level);
			s2_clean(vm, *e, size);
			ipa = (ipa & ~(size - 1)) + size;
		}
		spin_unlock(&vm->mmu_lock);
		cond_resched();
	} while (ipa < end);
}
