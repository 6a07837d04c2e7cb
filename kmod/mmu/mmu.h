/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory: slots, stage-2 tables, faults, mmu notifiers.
 * Nothing in mmu/ knows a vCPU's registers.
 */
#ifndef AVMM_MMU_H
#define AVMM_MMU_H

#include <linux/types.h>
#include "mmu/aarch64/cache.h"
#include "mmu/pgtable.h"

struct avmm_vm;
struct avmm_vcpu;

/**
 * struct avmm_memslot - guest memory backed by a range of the VMM's mapping
 * @base_gfn: first guest frame (PAGE_SHIFT units)
 * @npages: size in host pages
 * @hva: user address of the first page
 * @dirty: a bit for each page, of pages written since it was last asked for;
 *	NULL without AVMM_MEM_LOG_DIRTY_PAGES
 * @flags: AVMM_MEM_*
 * @id: user's slot number
 */
struct avmm_memslot {
	u64 base_gfn;
	u64 npages;
	unsigned long hva;
	unsigned long *dirty;
	u32 flags;
	u32 id;
};

/*
 * Immutable once published, but for the mark of a slot that is going away;
 * replaced as a whole under vm->slots_lock.
 */
struct avmm_memslots {
	int n;
	struct avmm_memslot slot[];	/* sorted by base_gfn, no overlap */
};

#define AVMM_S2_SPARE	8	/* tables kept for faults, which cannot allocate under mmu_lock */

/**
 * struct avmm_s2 - a VM's stage-2 translation
 * @pgt: the tables; its start-level tables are concatenated
 * @root_order: allocation order of the start level
 * @ipa_bits: input size
 * @vtcr: VTCR_EL2
 * @fwb: HCR_EL2.FWB must be set while the guest runs: the tables are made for it
 * @caches: what cache maintenance has to know
 * @nr_spare: zeroed tables in @spare
 * @spare: they
 */
struct avmm_s2 {
	struct avmm_pgtable pgt;
	int root_order;
	u32 ipa_bits;
	u64 vtcr;
	bool fwb;
	struct avmm_caches caches;
	unsigned int nr_spare;		/* [u] */
	void *spare[AVMM_S2_SPARE];	/* [u] */
};

/**
 * struct avmm_fault - one stage-2 fault, decoded by arm/exit.c
 * @ipa: faulting guest-physical address, low bits included
 * @write: the access was a write (for a table walk: needs write)
 * @exec: instruction fetch
 * @perm: permission fault (else translation, access-flag or address-size)
 * @access: access-flag fault
 * @s1ptw: taken while walking the guest's own tables
 * @level: fault level
 */
struct avmm_fault {
	u64 ipa;
	bool write;
	bool exec;
	bool perm;
	bool access;
	bool s1ptw;
	int level;
};

enum avmm_fault_result {
	AVMM_FAULT_FIXED,	/* mapped; re-enter */
	AVMM_FAULT_MMIO,	/* no slot, or a write to a read-only slot */
};

/* stage2.c */
int avmm_s2_init(struct avmm_vm *vm, u32 ipa_bits);
void avmm_s2_destroy(struct avmm_vm *vm);
u64 avmm_s2_vttbr(struct avmm_vm *vm);	/* BADDR and VMID */
/* device registers of the host into the guest, outside of any slot; may sleep; 0 or -ENOMEM */
int avmm_s2_map_device(struct avmm_vm *vm, u64 ipa, u64 pa, u64 size);
/* clean+invalidate all mapped RAM to PoC: guest set/way maintenance, caches switched on */
void avmm_s2_clean_vm(struct avmm_vm *vm);

/*
 * fault.c: may sleep; the caller is a thread of vm->mm. enum avmm_fault_result,
 * -EFAULT: nothing is mapped at the slot's address; -EINTR: a signal came;
 * -ENOMEM; -ENOEXEC: instruction fetch from a device, the guest gets an abort.
 * For memory that hardware has poisoned the thread gets SIGBUS.
 */
int avmm_s2_fault(struct avmm_vm *vm, const struct avmm_fault *fault);

/* notifier.c */
int avmm_notifier_register(struct avmm_vm *vm);
void avmm_notifier_unregister(struct avmm_vm *vm);	/* harmless if never registered */

/* memslot.c */
int avmm_set_memory_region(struct avmm_vm *vm, const struct avmm_userspace_memory_region *r);
const struct avmm_memslot *avmm_find_slot(struct avmm_vm *vm, u64 gfn);	/* under vm->srcu */
const struct avmm_memslot *avmm_slot_by_id(struct avmm_vm *vm, u32 id);	/* under vm->slots_lock */
void avmm_memslots_destroy(struct avmm_vm *vm);
/* guest memory by guest-physical address, from the vCPU or an ioctl thread; 0 or -EFAULT */
int avmm_read_guest(struct avmm_vm *vm, u64 gpa, void *to, size_t len);
int avmm_write_guest(struct avmm_vm *vm, u64 gpa, const void *from, size_t len);

/* dirty.c */
#define AVMM_LOG_MANUAL_ALL	\
	(AVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | AVMM_DIRTY_LOG_INITIALLY_SET)

long avmm_get_dirty_log(struct avmm_vm *vm, const struct avmm_dirty_log *log);
long avmm_clear_dirty_log(struct avmm_vm *vm, const struct avmm_clear_dirty_log *log);
int avmm_manual_protect(struct avmm_vm *vm, u64 how);

#endif /* AVMM_MMU_H */
