// SPDX-License-Identifier: GPL-2.0
/*
 * The page-table walker: map, unmap, permissions, access flag, for stage 2 of
 * guests, but nothing in it is of stage 2 only. See pgtable.h for what it stands
 * on and Arm ARM D8 (VMSAv8-64) for the format.
 *
 * Break-before-make (Arm ARM D8): a live entry becomes another live entry only
 * through invalid, TLBI and DSB; the exceptions are permissions and the access
 * flag. set_leaf() and split_block() are the only places that replace.
 *
 * What is taken out goes into a batch: once its TLB maintenance is done, and its
 * memory coherent, the caller may drop its lock, and then reaps: tables freed.
 */
#ifdef __KERNEL__
#include <linux/io.h>
#include <linux/minmax.h>
#include <asm/barrier.h>
#endif
#include "mmu/pgtable.h"

static u64 *entry(const struct avmm_pgtable *pgt, u64 *table, int level, u64 ia)
{
	u64 idx = ia >> pgt_shift(pgt->page_shift, level);

	/* The start level is indexed by all bits that are left. */
	if (level != pgt->start_level)
		idx &= (1ULL << (pgt->page_shift - 3)) - 1;
	return table + idx;
}

static unsigned int nr_entries(const struct avmm_pgtable *pgt, int level)
{
	if (level == pgt->start_level)
		return 1U << (pgt->ia_bits - pgt_shift(pgt->page_shift, level));
	return 1U << (pgt->page_shift - 3);
}

static u64 *child(u64 desc)
{
	return phys_to_virt(desc & PGT_ADDR);
}

static u64 leaf_desc(u64 oa, u64 attr, int level)
{
	return oa | attr | PGT_AF | PGT_VALID | (level == PGT_LAST_LEVEL ? PGT_TABLE : 0);
}

static void set_table(u64 *e, void *table)
{
	/* A walk that sees the pointer must see what it points to. */
	smp_wmb();
	WRITE_ONCE(*e, virt_to_phys(table) | PGT_TABLE | PGT_VALID);
}

/*
 * Pages tend to go one after the other: the neighbours of the one that just
 * went, at @ia, tell soonest that a table is still in use.
 */
static bool is_empty(const struct avmm_pgtable *pgt, u64 *table, int level, u64 ia)
{
	unsigned int i, n = nr_entries(pgt, level), at = entry(pgt, table, level, ia) - table;

	if (table[(at - 1) & (n - 1)] & PGT_VALID)
		return false;
	for (i = 0; i < n; i++)
		if (table[(at + i) & (n - 1)] & PGT_VALID)
			return false;
	return true;
}

/* Takes the live entry *e out: the "break". TLB maintenance is still to come. */
static void take_out(struct avmm_pgt_batch *batch, u64 *e, u64 ia, int level, bool empty)
{
	batch->gone[batch->n++] = (struct avmm_pgt_gone) {
		.ia = ia, .desc = *e, .level = level, .empty = empty,
	};
	WRITE_ONCE(*e, 0);
}

static void flush_batch(struct avmm_pgtable *pgt, const struct avmm_pgt_batch *batch)
{
	const struct avmm_pgt_gone *g, *end = batch->gone + batch->n;

	for (g = batch->gone; g < end; g++)
		if (batch->n > PGT_TLBI_MAX || !(pgt_is_leaf(g->desc, g->level) || g->empty)) {
			pgt->ops->tlbi_all(pgt->cookie);
			return;
		}
	for (g = batch->gone; g < end; g++)
		pgt->ops->tlbi_ipa(pgt->cookie, g->ia,
				   g->empty ? PGT_NOT_LEAF : g->level);
}

static void touch(struct avmm_pgt_touched *t, u64 ia, int level)
{
	if (t->n < PGT_TLBI_MAX) {
		t->ia[t->n] = ia;
		t->level[t->n] = level;
	}
	if (t->n <= PGT_TLBI_MAX)
		t->n++;
}

/**
 * avmm_pgt_flush - tell the TLBs of leaves that lost something
 * @pgt: tables, of which only the ops are used: needs no lock
 * @touched: which; empty afterwards
 */
void avmm_pgt_flush(struct avmm_pgtable *pgt, struct avmm_pgt_touched *touched)
{
	unsigned int i;

	if (touched->n > PGT_TLBI_MAX)
		pgt->ops->tlbi_all(pgt->cookie);
	else
		for (i = 0; i < touched->n; i++)
			pgt->ops->tlbi_ipa(pgt->cookie, touched->ia[i], touched->level[i]);
	touched->n = 0;
}

static u64 grant(const struct avmm_pgtable *pgt, u64 desc, u64 attr)
{
	return (desc | (attr & pgt->more)) & ~(~attr & pgt->less);
}

/*
 * Turns the block *e into a table of smaller leaves that say the same. The size
 * of a leaf changes: break before make.
 */
static int split_block(struct avmm_pgtable *pgt, u64 *e, u64 ia, int level)
{
	u64 d = READ_ONCE(*e), size = avmm_pgt_size(pgt, level + 1);
	u64 *table = pgt->ops->alloc(pgt->cookie);
	unsigned int i, n = nr_entries(pgt, level + 1);

	if (!table)
		return -ENOMEM;
	if (level + 1 == PGT_LAST_LEVEL)
		d |= PGT_TABLE;
	for (i = 0; i < n; i++)
		table[i] = d + i * size;
	WRITE_ONCE(*e, 0);
	pgt->ops->tlbi_ipa(pgt->cookie, ia, level);
	set_table(e, table);
	return 0;
}

/* Writes the leaf, by the rules if something else is there. */
static void set_leaf(struct avmm_pgtable *pgt, u64 *e, u64 ia, u64 oa, int level, u64 attr,
		     struct avmm_pgt_batch *batch)
{
	u64 old = READ_ONCE(*e), desc = leaf_desc(oa, attr, level), merged;

	if (!(old & PGT_VALID)) {
		WRITE_ONCE(*e, desc);
	} else if (!pgt_is_leaf(old, level)) {
		take_out(batch, e, ia, level, false);
		pgt->ops->tlbi_all(pgt->cookie);
		WRITE_ONCE(*e, desc);
	} else {
		/* Another CPU may have been faster, and may have mapped more. */
		merged = grant(pgt, old, attr) | PGT_AF;
		if (merged == grant(pgt, desc, old)) {
			if (merged != old)
				WRITE_ONCE(*e, merged);
			if ((merged ^ old) & ~PGT_AF)
				pgt->ops->tlbi_ipa(pgt->cookie, ia, level);
		} else {
			WRITE_ONCE(*e, 0);
			pgt->ops->tlbi_ipa(pgt->cookie, ia, level);
			WRITE_ONCE(*e, desc);
		}
	}
	/* The table walk of the access that faulted must find it. */
	dsb(ishst);
}

/* Does the block @d give all that a leaf for @oa with @attr would? */
static bool block_has(const struct avmm_pgtable *pgt, u64 d, u64 ia, u64 oa, int level, u64 attr)
{
	u64 size = avmm_pgt_size(pgt, level), at = d | (ia & (size - 1));

	return (d & PGT_AF) && at == grant(pgt, leaf_desc(oa, attr, level), d) &&
	       at == grant(pgt, at, attr);
}

/**
 * avmm_pgt_map - map one page or block
 * @pgt: tables
 * @ia: input address, aligned to the leaf's size, below 2^ia_bits
 * @oa: output address, aligned likewise
 * @level: level of the leaf
 * @attr: its lower and upper attributes
 * @batch: receives the table that a block replaces; to be reaped
 *
 * Idempotent. An existing leaf for the same memory only gains permissions. A
 * block that covers @ia is left alone if it gives the same, else split.
 *
 * Return: 0, or -ENOMEM if alloc had no table: call again with more of them.
 */
int avmm_pgt_map(struct avmm_pgtable *pgt, u64 ia, u64 oa, int level, u64 attr,
		 struct avmm_pgt_batch *batch)
{
	u64 *table = pgt->root, *e, d;
	void *new;
	int l, ret;

	for (l = pgt->start_level; l < level; l++) {
		e = entry(pgt, table, l, ia);
		d = READ_ONCE(*e);
		if (!(d & PGT_VALID)) {
			new = pgt->ops->alloc(pgt->cookie);
			if (!new)
				return -ENOMEM;
			set_table(e, new);
			table = new;
			continue;
		}
		if (pgt_is_leaf(d, l)) {
			if (block_has(pgt, d, ia, oa, l, attr))
				return 0;
			ret = split_block(pgt, e, ia, l);
			if (ret)
				return ret;
			d = READ_ONCE(*e);
		}
		table = child(d);
	}
	set_leaf(pgt, entry(pgt, table, level, ia), ia, oa, level, attr, batch);
	return 0;
}

static u64 unmap_table(struct avmm_pgtable *pgt, u64 *table, int level, u64 ia, u64 end,
		       struct avmm_pgt_batch *batch)
{
	u64 size = avmm_pgt_size(pgt, level), base, next, stop, *e, d;

	for (; ia < end; ia = next) {
		base = ia & ~(size - 1);
		next = min(end, base + size);
		e = entry(pgt, table, level, ia);
		d = READ_ONCE(*e);
		if (!(d & PGT_VALID))
			continue;
		if (batch->n == PGT_BATCH)
			return ia;
		if (pgt_is_leaf(d, level) || next - ia == size) {
			take_out(batch, e, base, level, false);
			continue;
		}
		stop = unmap_table(pgt, child(d), level + 1, ia, next, batch);
		if (stop < next)
			return stop;
		if (!is_empty(pgt, child(d), level + 1, ia))
			continue;
		if (batch->n == PGT_BATCH)
			return ia;
		take_out(batch, e, base, level, true);
	}
	return end;
}

static void clean_entry(struct avmm_pgtable *pgt, u64 desc, int level)
{
	unsigned int i, n = nr_entries(pgt, level + 1);

	if (!(desc & PGT_VALID))
		return;
	if (pgt_is_leaf(desc, level))
		pgt->ops->clean(pgt->cookie, desc, avmm_pgt_size(pgt, level));
	else
		for (i = 0; i < n; i++)
			clean_entry(pgt, child(desc)[i], level + 1);
}

/**
 * avmm_pgt_unmap - take a range out, as far as one batch goes
 * @pgt: tables
 * @ia: first address
 * @end: address behind the last, at most 2^ia_bits
 * @clean: call ops->clean, if there is one, for the memory that was mapped
 * @batch: empty; receives what was there, TLB maintenance done
 *
 * A block that is only partly in the range goes as a whole: tables that follow
 * faults may hold less than there is, never more. Tables left empty go too.
 *
 * Memory is cleaned here, under the caller's lock: when that is dropped, who
 * else unmaps the range finds nothing and gives the memory away. What one call
 * cleans is bounded by PGT_CLEAN_MAX, or is one leaf.
 *
 * Return: where to go on, @end when done. The caller reaps @batch each time.
 */
u64 avmm_pgt_unmap(struct avmm_pgtable *pgt, u64 ia, u64 end, bool clean,
		   struct avmm_pgt_batch *batch)
{
	const struct avmm_pgt_gone *g;
	int level;

	clean = clean && pgt->ops->clean;
	if (clean) {
		if (!avmm_pgt_next(pgt, &ia, end, &level))
			return end;
		end = min(end, (ia | (PGT_CLEAN_MAX - 1)) + 1);
	}
	ia = unmap_table(pgt, pgt->root, pgt->start_level, ia, end, batch);
	flush_batch(pgt, batch);
	for (g = batch->gone; clean && g < batch->gone + batch->n; g++)
		clean_entry(pgt, g->desc, g->level);
	return ia;
}

static void reap_table(struct avmm_pgtable *pgt, u64 *table, int level, bool may_sleep)
{
	unsigned int i, n = nr_entries(pgt, level);

	for (i = 0; level < PGT_LAST_LEVEL && i < n; i++)
		if ((table[i] & PGT_VALID) && !pgt_is_leaf(table[i], level))
			reap_table(pgt, child(table[i]), level + 1, may_sleep);
	pgt->ops->free(pgt->cookie, table);
	if (may_sleep && pgt->ops->relax)
		pgt->ops->relax(pgt->cookie);
}

/**
 * avmm_pgt_reap - free the tables that avmm_pgt_unmap() or avmm_pgt_map() took out
 * @pgt: tables, of which only the shape and the ops are used: needs no lock
 * @batch: entries; empty afterwards
 * @may_sleep: call ops->relax now and then
 */
void avmm_pgt_reap(struct avmm_pgtable *pgt, struct avmm_pgt_batch *batch, bool may_sleep)
{
	const struct avmm_pgt_gone *g;

	for (g = batch->gone; g < batch->gone + batch->n; g++)
		if (!pgt_is_leaf(g->desc, g->level))
			reap_table(pgt, child(g->desc), g->level + 1, may_sleep);
	batch->n = 0;
}

/**
 * avmm_pgt_next - find the next leaf
 * @pgt: tables
 * @ia: where to begin; set to an address that the leaf maps
 * @end: where to give up
 * @level: set to the leaf's level
 *
 * Return: the leaf's place in the tables, or NULL.
 */
u64 *avmm_pgt_next(struct avmm_pgtable *pgt, u64 *ia, u64 end, int *level)
{
	u64 *table, *e, d, size;
	int l;

	while (*ia < end) {
		table = pgt->root;
		for (l = pgt->start_level;; l++) {
			e = entry(pgt, table, l, *ia);
			d = READ_ONCE(*e);
			if (!(d & PGT_VALID))
				break;
			if (pgt_is_leaf(d, l)) {
				*level = l;
				return e;
			}
			table = child(d);
		}
		size = avmm_pgt_size(pgt, l);
		*ia = (*ia & ~(size - 1)) + size;
	}
	return NULL;
}

static u64 after(const struct avmm_pgtable *pgt, u64 ia, int level)
{
	return (ia | (avmm_pgt_size(pgt, level) - 1)) + 1;
}

/**
 * avmm_pgt_relax - add permissions to what maps an address
 * @pgt: tables
 * @ia: address, page aligned
 * @oa: memory that the caller expects there
 * @level: the lowest level that will do; larger leaves are left alone
 * @more: bits to set, of pgt->more
 * @less: bits to clear, of pgt->less
 *
 * Permissions need no break-before-make, but a TLB may hold the entry that
 * refused the access.
 *
 * Return: false if @ia does not map @oa, or as a part of too much; nothing was
 * done then.
 */
bool avmm_pgt_relax(struct avmm_pgtable *pgt, u64 ia, u64 oa, int level, u64 more, u64 less)
{
	u64 *e, old, new, at = ia;
	int l;

	e = avmm_pgt_next(pgt, &at, ia + 1, &l);
	if (!e || l < level)
		return false;
	old = READ_ONCE(*e);
	if ((old & PGT_ADDR) + (ia & (avmm_pgt_size(pgt, l) - 1)) != oa)
		return false;
	new = (old | more | PGT_AF) & ~less;
	if (new != old)
		WRITE_ONCE(*e, new);
	/* If it had them already, whoever gave them has told the TLBs. */
	if ((new ^ old) & ~PGT_AF)
		pgt->ops->tlbi_ipa(pgt->cookie, ia, l);
	return true;
}

/**
 * avmm_pgt_restrict - take permissions away in a range
 * @pgt: tables
 * @ia: first address
 * @end: address behind the last
 * @more: bits to clear, of pgt->more (stage 2: S2_WRITE to write-protect)
 * @budget: leaves to look at before giving the caller a chance to breathe
 * @touched: receives what changed; the TLBs must be told by avmm_pgt_flush()
 *	before anyone relies on it
 *
 * A block that is only partly in the range is restricted as a whole.
 *
 * Return: where to go on, @end when done.
 */
u64 avmm_pgt_restrict(struct avmm_pgtable *pgt, u64 ia, u64 end, u64 more, unsigned int budget,
		      struct avmm_pgt_touched *touched)
{
	u64 *e, d;
	int level;

	while (budget-- && (e = avmm_pgt_next(pgt, &ia, end, &level))) {
		d = READ_ONCE(*e);
		if (d & more) {
			WRITE_ONCE(*e, d & ~more);
			touch(touched, ia, level);
		}
		ia = after(pgt, ia, level);
	}
	return min(ia, end);
}

/**
 * avmm_pgt_restrict_bits - take permissions away from some of 64 pages
 * @pgt: tables
 * @ia: address of the first
 * @bits: which
 * @more: bits to clear, of pgt->more
 * @touched: as for avmm_pgt_restrict()
 */
void avmm_pgt_restrict_bits(struct avmm_pgtable *pgt, u64 ia, u64 bits, u64 more,
			    struct avmm_pgt_touched *touched)
{
	unsigned int first, end;
	u64 carry;

	/* The carry of the lowest bit runs through its neighbours, and no further. */
	for (; bits; bits &= carry) {
		first = __builtin_ctzll(bits);
		carry = bits + (1ULL << first);
		end = carry ? __builtin_ctzll(carry) : 64;
		avmm_pgt_restrict(pgt, ia + ((u64)first << pgt->page_shift),
				  ia + ((u64)end << pgt->page_shift), more, end - first, touched);
	}
}

/**
 * avmm_pgt_mark_young - set the access flag of what maps an address
 * @pgt: tables
 * @ia: address
 *
 * An entry without the flag is in no TLB, so none needs to be told.
 *
 * Return: false if nothing maps @ia.
 */
bool avmm_pgt_mark_young(struct avmm_pgtable *pgt, u64 ia)
{
	u64 at = ia, *e;
	int level;

	e = avmm_pgt_next(pgt, &at, ia + 1, &level);
	if (!e)
		return false;
	WRITE_ONCE(*e, READ_ONCE(*e) | PGT_AF);
	dsb(ishst);
	return true;
}

/**
 * avmm_pgt_young - has anything in a range been used since it was last aged
 * @pgt: tables
 * @ia: first address
 * @end: address behind the last
 */
bool avmm_pgt_young(struct avmm_pgtable *pgt, u64 ia, u64 end)
{
	u64 *e;
	int level;

	while ((e = avmm_pgt_next(pgt, &ia, end, &level))) {
		if (READ_ONCE(*e) & PGT_AF)
			return true;
		ia = after(pgt, ia, level);
	}
	return false;
}

/**
 * avmm_pgt_clear_young - age a range
 * @pgt: tables
 * @ia: first address
 * @end: address behind the last
 * @flush: also out of the TLBs; without it the next use may go unnoticed
 *
 * Return: whether anything in it had been used.
 */
bool avmm_pgt_clear_young(struct avmm_pgtable *pgt, u64 ia, u64 end, bool flush)
{
	struct avmm_pgt_touched t = { .n = 0 };
	bool young;
	u64 *e, d;
	int level;

	while ((e = avmm_pgt_next(pgt, &ia, end, &level))) {
		d = READ_ONCE(*e);
		if (d & PGT_AF) {
			WRITE_ONCE(*e, d & ~PGT_AF);
			touch(&t, ia, level);
		}
		ia = after(pgt, ia, level);
	}
	young = t.n;
	if (flush)
		avmm_pgt_flush(pgt, &t);
	return young;
}
