/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to mmu/: what fault.c, notifier.c and memslot.c ask of stage2.c.
 */
#ifndef AVMM_MMU_STAGE2_H
#define AVMM_MMU_STAGE2_H

#include "avmm.h"

/* kept in avmm_memslot.flags: no new mappings, the slot is on its way out */
#define AVMM_SLOT_DYING		BIT(31)

/**
 * struct avmm_s2_leaf - what is to be mapped
 * @ipa: guest-physical address, aligned to the leaf
 * @pa: host-physical address, aligned likewise
 * @level: 1..3
 * @write: the guest may write
 * @exec: the guest may execute
 * @device: not memory: map as Device-nGnRE
 */
struct avmm_s2_leaf {
	u64 ipa;
	u64 pa;
	int level;
	bool write;
	bool exec;
	bool device;
};

/* both under vm->mmu_lock */
int avmm_s2_map_locked(struct avmm_vm *vm, const struct avmm_s2_leaf *leaf,
		       struct avmm_pgt_batch *batch);
bool avmm_s2_relax_locked(struct avmm_vm *vm, u64 ipa, u64 pa, int level, bool write, bool exec);

int avmm_s2_fill_spare(struct avmm_vm *vm);
void avmm_s2_unmap(struct avmm_vm *vm, u64 ipa, u64 size, bool may_sleep);
void avmm_s2_unmap_all(struct avmm_vm *vm);
void avmm_s2_protect(struct avmm_vm *vm, u64 ipa, u64 size);
void avmm_s2_protect_bits(struct avmm_vm *vm, u64 ipa, u64 bits, struct avmm_pgt_touched *touched);
void avmm_s2_merge(struct avmm_vm *vm, u64 ipa, u64 size);
bool avmm_s2_mark_young(struct avmm_vm *vm, u64 ipa);
void avmm_s2_make_coherent(struct avmm_vm *vm, u64 pa, u64 size);
void avmm_s2_make_executable(struct avmm_vm *vm, u64 pa, u64 size);

/* dirty.c */
int avmm_log_open(struct avmm_vm *vm, struct avmm_memslot *slot);	/* under vm->slots_lock */
void avmm_slot_written(const struct avmm_memslot *slot, u64 gpa, size_t len);

/* Must the first write to each page of the slot be noticed? */
static inline bool avmm_slot_logs(const struct avmm_memslot *slot)
{
	return slot->dirty && !(slot->flags & AVMM_MEM_READONLY);
}

/* Harmless for a slot without a log. Under vm->srcu. */
static inline void avmm_slot_mark_dirty(const struct avmm_memslot *slot, u64 gfn)
{
	if (slot->dirty)
		set_bit_le(gfn - slot->base_gfn, slot->dirty);
}

#endif /* AVMM_MMU_STAGE2_H */
