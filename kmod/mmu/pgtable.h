/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A walker of translation tables that knows nothing of VMs, locks or Linux'
 * memory management. The caller serialises all calls on one set of tables;
 * only the MMU reads them at the same time.
 *
 * What it asks of its surroundings besides struct avmm_pgt_ops:
 * phys_to_virt(), virt_to_phys(), READ_ONCE(), WRITE_ONCE(), smp_wmb() and
 * dsb(). selftests/unit/fake_kernel.h has them for the tests.
 */
#ifndef AVMM_MMU_PGTABLE_H
#define AVMM_MMU_PGTABLE_H

#include "mmu/pgtable_fmt.h"

/* tables that one avmm_pgt_map() can use up: one per level below the first */
#define PGT_MAP_TABLES	3

/* Entries taken out together and paid for with one round of TLB maintenance. */
#define PGT_BATCH	32

/* More addresses than this at once: dropping all that TLBs know is cheaper. */
#define PGT_TLBI_MAX	8

/* What is cleaned under one lock: milliseconds, where DC CIVAC goes to memory for each line. */
#define PGT_CLEAN_MAX	(2ULL << 20)

/* level argument of tlbi_ipa: what was taken out was no leaf */
#define PGT_NOT_LEAF	(-1)

/**
 * struct avmm_pgt_ops - what the walker cannot do itself
 * @alloc: a zeroed table, one granule in size; NULL when there is none
 * @free: take back a table that the MMU cannot reach any more
 * @tlbi_ipa: drop all that TLBs know of the entry for an address, walk caches
 *	included; @level of the leaf, or PGT_NOT_LEAF
 * @tlbi_all: the same for all addresses of these tables
 * @clean: the memory of a leaf is no longer mapped: make what was written past
 *	the caches visible. May be NULL
 * @relax: called after each table that goes, if the caller may sleep. May be NULL
 *
 * Both tlbi functions order the table writes before them and are complete on
 * all CPUs when they return (DSB ISHST; TLBI; DSB ISH).
 */
struct avmm_pgt_ops {
	void *(*alloc)(void *cookie);
	void (*free)(void *cookie, void *table);
	void (*tlbi_ipa)(void *cookie, u64 ia, int level);
	void (*tlbi_all)(void *cookie);
	void (*clean)(void *cookie, u64 desc, u64 size);
	void (*relax)(void *cookie);
};

/**
 * struct avmm_pgtable - one set of tables
 * @root: start-level table, concatenated if the input size asks for it
 * @ops: see above
 * @cookie: their first argument
 * @more: leaf bits that grant something when set (stage 2: read, write)
 * @less: leaf bits that grant something when clear (stage 2: XN)
 * @page_shift: granule: 12, 14 or 16
 * @ia_bits: input address size
 * @start_level: level of @root
 *
 * @more and @less are the bits that may change in a live entry without
 * break-before-make; access to one address is never taken away by
 * mapping it again.
 */
struct avmm_pgtable {
	u64 *root;
	const struct avmm_pgt_ops *ops;
	void *cookie;
	u64 more;
	u64 less;
	u8 page_shift;
	u8 ia_bits;
	s8 start_level;
};

/* An entry that was taken out of the tables. */
struct avmm_pgt_gone {
	u64 ia;
	u64 desc;
	s8 level;
	bool empty;	/* a table without valid entries */
};

/**
 * struct avmm_pgt_batch - entries taken out, not yet reaped
 * @n: how many
 * @gone: them
 */
struct avmm_pgt_batch {
	unsigned int n;
	struct avmm_pgt_gone gone[PGT_BATCH];
};

/**
 * struct avmm_pgt_touched - leaves that lost something, TLBs not yet told
 * @n: how many; may be more than there is room for
 * @ia: where they are
 * @level: their levels
 */
struct avmm_pgt_touched {
	unsigned int n;
	u64 ia[PGT_TLBI_MAX];
	s8 level[PGT_TLBI_MAX];
};

static inline u64 avmm_pgt_size(const struct avmm_pgtable *pgt, int level)
{
	return 1ULL << pgt_shift(pgt->page_shift, level);
}

static inline bool pgt_is_leaf(u64 desc, int level)
{
	return level == PGT_LAST_LEVEL || !(desc & PGT_TABLE);
}

int avmm_pgt_map(struct avmm_pgtable *pgt, u64 ia, u64 oa, int level, u64 attr,
		 struct avmm_pgt_batch *batch);
u64 avmm_pgt_unmap(struct avmm_pgtable *pgt, u64 ia, u64 end, bool clean,
		   struct avmm_pgt_batch *batch);
void avmm_pgt_reap(struct avmm_pgtable *pgt, struct avmm_pgt_batch *batch, bool may_sleep);
u64 *avmm_pgt_next(struct avmm_pgtable *pgt, u64 *ia, u64 end, int *level);
bool avmm_pgt_relax(struct avmm_pgtable *pgt, u64 ia, u64 oa, int level, u64 more, u64 less);
u64 avmm_pgt_restrict(struct avmm_pgtable *pgt, u64 ia, u64 end, u64 more, unsigned int budget,
		      struct avmm_pgt_touched *touched);
void avmm_pgt_restrict_bits(struct avmm_pgtable *pgt, u64 ia, u64 bits, u64 more,
			    struct avmm_pgt_touched *touched);
void avmm_pgt_flush(struct avmm_pgtable *pgt, struct avmm_pgt_touched *touched);
bool avmm_pgt_mark_young(struct avmm_pgtable *pgt, u64 ia);
bool avmm_pgt_young(struct avmm_pgtable *pgt, u64 ia, u64 end);
bool avmm_pgt_clear_young(struct avmm_pgtable *pgt, u64 ia, u64 end, bool flush);

#endif /* AVMM_MMU_PGTABLE_H */
