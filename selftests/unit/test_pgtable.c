// SPDX-License-Identifier: GPL-2.0
/* CFLAGS: -I../kmod */
/*
 * The page-table walker against a model of what it should say, and against a
 * model of the MMU that watches each write: a live entry must not become
 * another live one, and no table be freed, while a TLB may still know the old.
 */
#include <stdint.h>
#include <stdlib.h>

static void watch_write(uint64_t *e, uint64_t new);
#define WRITE_ONCE(x, v) watch_write(&(x), v)

#include "unit/fake_kernel.h"
#include "lib/tap.h"
#include "mmu/pgtable.c"

#define NORMAL		(S2_NORMAL | S2_READ | S2_SH_INNER)
#define PERMS		(S2_READ | S2_WRITE | S2_XN)

static uint64_t rng = 0x9e3779b97f4a7c15;

static u64 rnd(u64 n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

/* ---- the MMU's view ---- */

/* a table: where it is, what it translates */
struct table {
	u64 *at;
	u64 base;
	int level;
	struct table *next;
};

/* an entry that a TLB may hold although the tables say something else now */
struct stale {
	u64 *e;
	u64 desc;
	u64 base;
	int level;
	bool full;	/* a table that was not empty */
};

#define MAX_STALE	20000

static struct avmm_pgtable pgt;
static struct table *tables;
static struct stale stale[MAX_STALE];
static int nr_stale, nr_tables, faults;
static u64 cleaned, largest_cleaned, nr_tlbi_ipa, nr_tlbi_all;
static int alloc_budget;

static void complain(const char *what, u64 *e, u64 old, u64 new)
{
	if (!faults++)
		tap_diag("%s: entry %p, 0x%llx to 0x%llx", what, (void *)e,
			 (unsigned long long)old, (unsigned long long)new);
}

static struct table *table_of(const u64 *e)
{
	struct table *t;

	for (t = tables; t; t = t->next)
		if (e >= t->at && e < t->at + nr_entries(&pgt, t->level))
			return t;
	return NULL;
}

static void add_table(u64 *at, u64 base, int level)
{
	struct table *t = malloc(sizeof(*t));

	*t = (struct table) { .at = at, .base = base, .level = level, .next = tables };
	tables = t;
}

static void forget_table(const u64 *at)
{
	struct table **t, *gone;

	for (t = &tables; *t; t = &(*t)->next)
		if ((*t)->at == at) {
			gone = *t;
			*t = gone->next;
			free(gone);
			return;
		}
}

static void add_stale(u64 *e, u64 desc, u64 base, int level, bool full)
{
	if (nr_stale == MAX_STALE)
		tap_bail("too many stale entries");
	stale[nr_stale++] = (struct stale) { e, desc, base, level, full };
}

static void watch_write(uint64_t *e, uint64_t new)
{
	struct table *t = table_of(e);
	u64 old = *e, base;
	bool leaf, full;
	int i;

	if (!t) {
		complain("write to no table", e, old, new);
		return;
	}
	base = t->base + ((u64)(e - t->at) << pgt_shift(pgt.page_shift, t->level));
	for (i = 0; i < nr_stale; i++)
		/* What a TLB still allows is the business of who restricts, see pgtable.h. */
		if (stale[i].e == e && (new & PGT_VALID) &&
		    ((stale[i].desc ^ new) & ~(pgt.more | pgt.less | PGT_AF)))
			complain("made before TLBI", e, stale[i].desc, new);
	*(volatile u64 *)e = new;
	leaf = pgt_is_leaf(old, t->level);
	if (!(old & PGT_VALID)) {
		if ((new & PGT_VALID) && !pgt_is_leaf(new, t->level))
			add_table(child(new), base, t->level + 1);
		return;
	}
	if (new & PGT_VALID) {
		if (!leaf || ((old ^ new) & ~(pgt.more | pgt.less | PGT_AF)))
			complain("live to live", e, old, new);
		/* An entry without AF is in no TLB. */
		if (old != new && (old & PGT_AF))
			add_stale(e, old, base, t->level, false);
		return;
	}
	full = !leaf && !is_empty(&pgt, child(old), t->level + 1, base);
	if (!leaf || (old & PGT_AF))
		add_stale(e, old, base, t->level, full);
}

static void fake_tlbi_all(void *cookie)
{
	(void)cookie;
	nr_tlbi_all++;
	nr_stale = 0;
}

/* as lazy as the architecture allows it to be */
static void fake_tlbi_ipa(void *cookie, u64 ia, int level)
{
	struct stale *s;
	int i, kept = 0;
	bool hit;

	(void)cookie;
	nr_tlbi_ipa++;
	for (i = 0; i < nr_stale; i++) {
		s = &stale[i];
		hit = ia >= s->base && ia - s->base < avmm_pgt_size(&pgt, s->level) && !s->full;
		if (level != PGT_NOT_LEAF)
			hit = hit && level == s->level && pgt_is_leaf(s->desc, s->level);
		if (!hit)
			stale[kept++] = *s;
	}
	nr_stale = kept;
}

static void *fake_alloc(void *cookie)
{
	void *t;

	(void)cookie;
	if (!alloc_budget)
		return NULL;
	alloc_budget--;
	nr_tables++;
	t = aligned_alloc(1UL << pgt.page_shift, 1UL << pgt.page_shift);
	return memset(t, 0, 1UL << pgt.page_shift);
}

static void fake_free(void *cookie, void *at)
{
	int i;

	(void)cookie;
	for (i = 0; i < nr_stale; i++)
		if (!pgt_is_leaf(stale[i].desc, stale[i].level) && child(stale[i].desc) == at)
			complain("freed before TLBI", stale[i].e, stale[i].desc, 0);
	forget_table(at);
	nr_tables--;
	free(at);
}

static void fake_clean(void *cookie, u64 desc, u64 size)
{
	(void)cookie;
	(void)desc;
	if (nr_stale)
		complain("cleaned before TLBI", NULL, desc, 0);
	cleaned += size;
	if (size > largest_cleaned)
		largest_cleaned = size;
}

static const struct avmm_pgt_ops fake_ops = {
	.alloc = fake_alloc,
	.free = fake_free,
	.tlbi_ipa = fake_tlbi_ipa,
	.tlbi_all = fake_tlbi_all,
	.clean = fake_clean,
};

static void open_tables(unsigned int page_shift, unsigned int ia_bits)
{
	int level = pgt_start_level(page_shift, ia_bits, PGT_MAX_CONCAT);
	size_t size = 1UL << pgt_root_shift(page_shift, ia_bits, level);

	pgt = (struct avmm_pgtable) {
		.root = memset(aligned_alloc(size, size), 0, size),
		.ops = &fake_ops,
		.more = S2_READ | S2_WRITE,
		.less = S2_XN,
		.page_shift = page_shift,
		.ia_bits = ia_bits,
		.start_level = level,
	};
	nr_stale = 0;
	faults = 0;
	add_table(pgt.root, 0, level);
}

static u64 unmap(u64 ia, u64 end, bool clean)
{
	struct avmm_pgt_batch batch = { .n = 0 };
	u64 calls = 0, was;

	while (ia < end) {
		was = cleaned;
		largest_cleaned = PGT_CLEAN_MAX;
		ia = avmm_pgt_unmap(&pgt, ia, end, clean, &batch);
		if (cleaned - was > largest_cleaned)
			complain("cleaned too much at a time", NULL, ia, 0);
		avmm_pgt_reap(&pgt, &batch, false);
		calls++;
	}
	return calls;
}

static void close_tables(void)
{
	unmap(0, 1ULL << pgt.ia_bits, false);
	forget_table(pgt.root);
	free(pgt.root);
}

static int map(u64 ia, u64 oa, int level, u64 attr)
{
	struct avmm_pgt_batch batch = { .n = 0 };
	int ret;

	/* Short of tables now and then: nothing may get lost by that. */
	alloc_budget = rnd(4);
	ret = avmm_pgt_map(&pgt, ia, oa, level, attr, &batch);
	if (ret == -ENOMEM) {
		alloc_budget = PGT_MAP_TABLES;
		ret = avmm_pgt_map(&pgt, ia, oa, level, attr, &batch);
	}
	avmm_pgt_reap(&pgt, &batch, false);
	return ret;
}

/* ---- the model: page by page ---- */

struct page {
	u64 oa;
	u64 attr;
	s8 level;	/* of its leaf; -1: nothing there */
	bool young;
};

static struct page *model;
static u64 model_base, model_pages;

static u64 pages_at(int level)
{
	return avmm_pgt_size(&pgt, level) >> pgt.page_shift;
}

static void model_open(u64 base, u64 pages)
{
	u64 i;

	model = malloc(pages * sizeof(*model));
	model_base = base;
	model_pages = pages;
	for (i = 0; i < pages; i++)
		model[i].level = -1;
}

/* first page of the leaf that page @i is in */
static u64 leaf_start(u64 i, int level)
{
	return i & ~(pages_at(level) - 1);
}

/* @attr with what @by allows on top */
static u64 granted(u64 attr, u64 by)
{
	return (attr | (by & pgt.more)) & ~(~by & pgt.less);
}

static void model_set(u64 i, u64 oa, int level, u64 attr)
{
	u64 n = pages_at(level), k, start;
	int l;

	while (model[i].level >= 0 && model[i].level < level) {
		if (model[i].oa == oa && granted(model[i].attr, attr) == model[i].attr &&
		    granted(attr, model[i].attr) == model[i].attr && model[i].young)
			return;
		l = model[i].level;
		start = leaf_start(i, l);
		for (k = 0; k < pages_at(l); k++)
			model[start + k].level = l + 1;
	}
	if (model[i].level == level && model[i].oa == oa &&
	    !((model[i].attr ^ attr) & ~(pgt.more | pgt.less)))
		attr = granted(attr, model[i].attr);
	for (k = 0; k < n; k++)
		model[i + k] = (struct page) { oa + (k << pgt.page_shift), attr, level, true };
}

/* [*from, *to) grown to whole leaves, as operations on ranges treat them */
static void whole_leaves(u64 *from, u64 *to)
{
	if (model[*from].level >= 0)
		*from = leaf_start(*from, model[*from].level);
	if (model[*to - 1].level >= 0)
		*to = leaf_start(*to - 1, model[*to - 1].level) + pages_at(model[*to - 1].level);
}

static u64 model_ia(u64 i)
{
	return model_base + (i << pgt.page_shift);
}

static bool model_agrees(void)
{
	u64 i, ia, want, got, *e;
	int level;

	for (i = 0; i < model_pages; i++) {
		ia = model_ia(i);
		e = avmm_pgt_next(&pgt, &ia, model_ia(i) + 1, &level);
		if (!e != (model[i].level < 0)) {
			tap_diag("page %llu: mapped %d", (unsigned long long)i, !!e);
			return false;
		}
		if (!e)
			continue;
		want = leaf_desc(model[i].oa - ((i - leaf_start(i, model[i].level)) << pgt.page_shift),
				 model[i].attr, model[i].level);
		if (!model[i].young)
			want &= ~PGT_AF;
		got = *e;
		if (level != model[i].level || got != want) {
			tap_diag("page %llu: level %d 0x%llx, want %d 0x%llx", (unsigned long long)i,
				 level, (unsigned long long)got, model[i].level,
				 (unsigned long long)want);
			return false;
		}
	}
	return true;
}

/* ---- random operations ---- */

static u64 rnd_attr(void)
{
	static const u64 kind[] = { NORMAL, NORMAL, NORMAL, S2_DEVICE | S2_READ };

	return kind[rnd(ARRAY_SIZE(kind))] | (rnd(2) ? S2_WRITE : 0) | (rnd(2) ? S2_XN : 0);
}

static bool op_map(int top)
{
	int level = rnd(4) ? PGT_LAST_LEVEL : top + (int)rnd(PGT_LAST_LEVEL + 1 - top);
	u64 n = pages_at(level), i = rnd(model_pages / n) * n, oa, attr = rnd_attr();

	/* Mostly the memory that belongs there, as a host without much ado would give. */
	oa = rnd(4) ? (1ULL << 40) + model_ia(i) : rnd(1 << 10) * n << pgt.page_shift;
	if (model[i].level >= 0 && rnd(2))
		attr = (attr & PERMS) | (model[i].attr & ~PERMS);
	model_set(i, oa, level, attr);
	return !map(model_ia(i), oa, level, attr) && !nr_stale;
}

static bool op_unmap(u64 from, u64 to)
{
	u64 i, k, want = 0, was = cleaned;
	u64 f = from, t = to;
	bool clean = rnd(2);

	whole_leaves(&f, &t);
	for (i = f; i < t; i++)
		if (model[i].level >= 0) {
			want += 1ULL << pgt.page_shift;
			model[i].level = -1;
		}
	k = unmap(model_ia(from), model_ia(to), clean);
	return k && !nr_stale && cleaned - was == (clean ? want : 0);
}

static bool op_relax(u64 i, bool stale_before)
{
	u64 oa = rnd(4) && model[i].level >= 0 ? model[i].oa : 0x1000ULL << pgt.page_shift;
	u64 more = rnd(2) ? S2_WRITE : 0, less = rnd(2) ? S2_XN : 0, k, start;
	int level = rnd(2) ? 0 : rnd(PGT_LAST_LEVEL + 1);
	bool want = model[i].level >= level && model[i].level >= 0 && model[i].oa == oa;

	if (want) {
		start = leaf_start(i, model[i].level);
		for (k = 0; k < pages_at(model[i].level); k++) {
			model[start + k].attr = (model[start + k].attr | more) & ~less;
			model[start + k].young = true;
		}
	}
	return avmm_pgt_relax(&pgt, model_ia(i), oa, level, more, less) == want &&
	       (stale_before || !nr_stale);
}

static bool op_restrict(u64 from, u64 to)
{
	struct avmm_pgt_touched touched = { .n = 0 };
	u64 i, ia, f = from, t = to;

	whole_leaves(&f, &t);
	for (i = f; i < t; i++)
		model[i].attr &= ~S2_WRITE;
	for (ia = model_ia(from); ia < model_ia(to);) {
		ia = avmm_pgt_restrict(&pgt, ia, model_ia(to), S2_WRITE, 1 + rnd(100), &touched);
		if (nr_stale > 2000)
			avmm_pgt_flush(&pgt, &touched);
	}
	avmm_pgt_flush(&pgt, &touched);
	return ia == model_ia(to) && !nr_stale && !touched.n;
}

/* Pages of one word lose write access, and whole blocks that they are in. */
static bool op_restrict_bits(u64 from)
{
	struct avmm_pgt_touched touched = { .n = 0 };
	u64 bits = rnd(3) ? rnd(~0ULL) & rnd(~0ULL) : rnd(2) ? ~0ULL << rnd(64) : 1ULL << rnd(64);
	u64 i, f, t;

	from &= ~63ULL;
	if (from + 64 > model_pages)
		return true;
	for (i = 0; i < 64; i++) {
		if (!(bits & 1ULL << i))
			continue;
		f = from + i;
		t = f + 1;
		whole_leaves(&f, &t);
		for (; f < t; f++)
			model[f].attr &= ~S2_WRITE;
	}
	avmm_pgt_restrict_bits(&pgt, model_ia(from), bits, S2_WRITE, &touched);
	if (rnd(2) && touched.n) {
		/* Somebody may come in between the change and the TLBI, and be none the worse. */
		i = from + rnd(64);
		if (model[i].level >= 0 && !op_relax(i, touched.n))
			return false;
	}
	avmm_pgt_flush(&pgt, &touched);
	return !nr_stale && !touched.n;
}

static bool op_age(u64 from, u64 to)
{
	u64 i, f = from, t = to;
	bool young = false, flush = rnd(2), clear = rnd(2), got;

	whole_leaves(&f, &t);
	for (i = f; i < t; i++)
		if (model[i].level >= 0) {
			young |= model[i].young;
			if (clear)
				model[i].young = false;
		}
	if (clear)
		got = avmm_pgt_clear_young(&pgt, model_ia(from), model_ia(to), flush);
	else
		got = avmm_pgt_young(&pgt, model_ia(from), model_ia(to));
	if (flush && nr_stale)
		return false;
	/* Those that only lost the flag may stay in TLBs; the test is done with them. */
	nr_stale = 0;
	return got == young;
}

static bool op_mark_young(u64 i)
{
	bool want = model[i].level >= 0;
	u64 k, start;

	if (want) {
		start = leaf_start(i, model[i].level);
		for (k = 0; k < pages_at(model[i].level); k++)
			model[start + k].young = true;
	}
	return avmm_pgt_mark_young(&pgt, model_ia(i) + rnd(1 << pgt.page_shift)) == want;
}

static bool random_op(int top)
{
	u64 from = rnd(model_pages), len = rnd(8) ? 1 + rnd(20) : 1 + rnd(model_pages);
	u64 to = min(from + len, model_pages);

	switch (rnd(17)) {
	default:
		return op_map(top);
	case 8 ... 10:
		return op_unmap(from, to);
	case 11:
		return op_restrict(from, to);
	case 12:
		return op_age(from, to);
	case 13 ... 14:
		return op_relax(from, false);
	case 16:
		return op_restrict_bits(from);
	case 15:
		return op_mark_young(from);
	}
}

/*
 * @blocks leaves of level @top at @base, beaten by @ops operations and compared
 * now and then.
 */
static void random_test(const char *name, unsigned int page_shift, unsigned int ia_bits, u64 base,
			int top, unsigned int blocks, unsigned int ops)
{
	bool same = true, ok = true;
	unsigned int i;

	open_tables(page_shift, ia_bits);
	model_open(base, blocks * pages_at(top));
	for (i = 0; i < ops && ok && same; i++) {
		ok = random_op(top);
		if (i % (ops / 20) == 0)
			same = model_agrees();
	}
	tap_ok(ok, "%s: each of %u operations answers as the model (%u done)", name, ops, i);
	tap_ok(same && model_agrees(), "%s: tables agree with the model", name);
	tap_eq(faults, 0, "%s: break before make", name);
	unmap(model_ia(0), model_ia(model_pages), 0);
	tap_eq(nr_tables, 0, "%s: no table is left when all is unmapped", name);
	for (i = 0; i < 100; i++)
		op_map(top);
	close_tables();
	tap_eq(nr_tables, 0, "%s: no table is left at the end", name);
	free(model);
}

/* ---- single facts ---- */

static void test_geometry(void)
{
	static const struct {
		u8 page_shift, ia_bits;
		s8 level;
		u8 tables;
		u64 vtcr;
	} known[] = {
		/* the Arm ARM's tables for 4K, 16K, 64K; T0SZ, SL0 and TG0 */
		{ 12, 32, 2, 4, 0x20 },
		{ 12, 34, 2, 16, 0x1e },
		{ 12, 36, 1, 1, 0x1c | 1 << 6 },
		{ 12, 40, 1, 2, 0x18 | 1 << 6 },
		{ 12, 43, 1, 16, 0x15 | 1 << 6 },
		{ 12, 44, 0, 1, 0x14 | 2 << 6 },
		{ 12, 48, 0, 1, 0x10 | 2 << 6 },
		{ 14, 32, 2, 1, 0x20 | 1 << 6 | 2 << 14 },
		{ 14, 40, 2, 16, 0x18 | 1 << 6 | 2 << 14 },
		{ 14, 48, 1, 2, 0x10 | 2 << 6 | 2 << 14 },
		{ 16, 33, 3, 16, 0x1f | 1 << 14 },
		{ 16, 40, 2, 1, 0x18 | 1 << 6 | 1 << 14 },
		{ 16, 46, 2, 16, 0x12 | 1 << 6 | 1 << 14 },
		{ 16, 48, 1, 1, 0x10 | 2 << 6 | 1 << 14 },
	};
	unsigned int i, ps, ia, root;
	bool ok = true;
	int level;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		ps = known[i].page_shift;
		ia = known[i].ia_bits;
		level = pgt_start_level(ps, ia, PGT_MAX_CONCAT);
		root = pgt_root_shift(ps, ia, level);
		ok &= level == known[i].level && 1U << (root - ps) == known[i].tables &&
		      pgt_vtcr_shape(ps, ia, level) == known[i].vtcr;
		if (!ok) {
			tap_diag("granule %u, %u bits", ps, ia);
			break;
		}
	}
	tap_ok(ok, "start level, concatenation and VTCR_EL2 as in the Arm ARM");

	ok = true;
	for (ps = 12; ps <= 16; ps += 2)
		for (ia = 32; ia <= 48; ia++) {
			level = pgt_start_level(ps, ia, PGT_MAX_CONCAT);
			root = pgt_root_shift(ps, ia, level);
			ok &= root <= ps + PGT_MAX_CONCAT;
			/* One level less would not do. */
			ok &= level == PGT_LAST_LEVEL ||
			      ia - pgt_shift(ps, level + 1) + 3 > ps + PGT_MAX_CONCAT;
		}
	tap_ok(ok, "32..48 bits, three granules: fewest levels, at most 16 tables side by side");
}

/* First and last page of every input size can be mapped, found and unmapped. */
static void test_ends(void)
{
	unsigned int ps, ia;
	bool ok = true;
	u64 last, at;
	int level;

	for (ps = 12; ps <= 16; ps += 2)
		for (ia = 32; ia <= 48; ia++) {
			open_tables(ps, ia);
			last = (1ULL << ia) - (1ULL << ps);
			ok &= !map(0, 1ULL << ps, PGT_LAST_LEVEL, NORMAL);
			ok &= !map(last, 2ULL << ps, PGT_LAST_LEVEL, NORMAL);
			at = 0;
			ok &= avmm_pgt_next(&pgt, &at, 1ULL << ia, &level) && at == 0;
			at = 1ULL << ps;
			ok &= avmm_pgt_next(&pgt, &at, 1ULL << ia, &level) && at == last;
			unmap(0, 1ULL << ia, 0);
			ok &= !nr_tables && !faults;
			at = 0;
			ok &= !avmm_pgt_next(&pgt, &at, 1ULL << ia, &level);
			close_tables();
		}
	tap_ok(ok, "first and last page, 32..48 bits, three granules");
}

/* What a log of writes does to a block, and what becomes of it afterwards. */
static void test_log(void)
{
	struct avmm_pgt_touched t = { .n = 0 };
	u64 ia = 5ULL << 30, at, *e;
	unsigned int i, writable = 0;
	int level;

	open_tables(12, 40);
	map(ia, 1ULL << 30, 2, NORMAL | S2_WRITE);
	avmm_pgt_restrict(&pgt, ia, ia + (2 << 20), S2_WRITE, 1, &t);
	avmm_pgt_flush(&pgt, &t);
	tap_ok(!nr_stale, "a block is protected");
	tap_ok(!avmm_pgt_relax(&pgt, ia + 0x7000, (1ULL << 30) + 0x7000, PGT_LAST_LEVEL, S2_WRITE, 0),
	       "it does not become writable for the sake of one page");
	map(ia + 0x7000, (1ULL << 30) + 0x7000, PGT_LAST_LEVEL, NORMAL | S2_WRITE);
	for (i = 0; i < 512; i++) {
		at = ia + i * 0x1000ULL;
		e = avmm_pgt_next(&pgt, &at, at + 1, &level);
		if (!e || level != PGT_LAST_LEVEL ||
		    (*e & PGT_ADDR) != (1ULL << 30) + i * 0x1000ULL)
			break;
		writable += !!(*e & S2_WRITE);
	}
	tap_ok(i == 512 && writable == 1 && nr_tables == 2,
	       "it is split: 512 pages, %u of them writable", writable);
	tap_ok(avmm_pgt_relax(&pgt, ia + 0x8000, (1ULL << 30) + 0x8000, PGT_LAST_LEVEL, S2_WRITE, 0),
	       "the next page needs no more than its bit");
	unmap(ia, ia + (2 << 20), true);
	map(ia, 1ULL << 30, 2, NORMAL | S2_WRITE);
	at = ia;
	e = avmm_pgt_next(&pgt, &at, ia + 1, &level);
	tap_ok(e && level == 2 && nr_tables == 1, "then it is a block again");
	close_tables();
	tap_eq(nr_tables + faults + nr_stale, 0, "and all of it by the rules, without a leak");
}

static void test_tlbi_cost(void)
{
	struct avmm_pgt_touched t = { .n = 0 };
	u64 i, ia = 5ULL << 30;

	open_tables(12, 40);
	for (i = 0; i < 1024; i++)
		map(ia + (i << 12), i << 12, PGT_LAST_LEVEL, NORMAL);
	nr_tlbi_ipa = nr_tlbi_all = 0;
	unmap(ia + 0x1000, ia + 0x4000, true);
	tap_ok(nr_tlbi_ipa == 3 && !nr_tlbi_all, "three pages go by address");
	nr_tlbi_ipa = 0;
	unmap(ia, ia + (4 << 20), true);
	tap_ok(nr_tlbi_all == 2 && !nr_tlbi_ipa, "1021 pages in two tables go with two TLBIs of the VMID");
	for (i = 0; i < 1024; i++)
		map(ia + (i << 12), i << 12, PGT_LAST_LEVEL, NORMAL | S2_WRITE);
	nr_tlbi_ipa = nr_tlbi_all = 0;
	avmm_pgt_restrict(&pgt, ia, ia + (4 << 20), S2_WRITE, 4096, &t);
	avmm_pgt_flush(&pgt, &t);
	tap_ok(nr_tlbi_all == 1 && !nr_tlbi_ipa, "1024 pages are protected with one TLBI");
	for (i = 0; i < 1024; i++)
		map(ia + (i << 12), i << 12, PGT_LAST_LEVEL, NORMAL | S2_WRITE);
	nr_tlbi_ipa = nr_tlbi_all = 0;
	avmm_pgt_restrict_bits(&pgt, ia + (1 << 20), 0x8000000000000005ULL, S2_WRITE, &t);
	tap_ok(!nr_tlbi_ipa && !nr_tlbi_all && t.n == 3, "three pages of a word are protected");
	avmm_pgt_restrict_bits(&pgt, ia + (1 << 20), 0x8000000000000005ULL, S2_WRITE, &t);
	tap_ok(t.n == 3, "again, which changes nothing");
	avmm_pgt_flush(&pgt, &t);
	tap_ok(nr_tlbi_ipa == 3 && !nr_tlbi_all && !t.n, "and go by address");
	avmm_pgt_restrict_bits(&pgt, ia + (1 << 20), ~0ULL, S2_WRITE, &t);
	avmm_pgt_restrict_bits(&pgt, ia + (2 << 20), ~0ULL, S2_WRITE, &t);
	avmm_pgt_flush(&pgt, &t);
	tap_ok(nr_tlbi_ipa == 3 && nr_tlbi_all == 1, "two words of pages go with one TLBI");
	close_tables();

	open_tables(12, 40);
	nr_tlbi_ipa = nr_tlbi_all = 0;
	for (i = 0; i < 512; i++)
		map(ia + (i << 12), i << 12, PGT_LAST_LEVEL, NORMAL);
	map(ia, 0, PGT_LAST_LEVEL, NORMAL);
	tap_ok(!nr_tlbi_all && !nr_tlbi_ipa, "new mappings and repeated ones cost no TLBI");
	map(ia, 0, 2, NORMAL);
	tap_ok(nr_tlbi_all == 1 && nr_tables == 1, "a block takes the place of its table");
	map(ia + 0x5000, 0x5000, PGT_LAST_LEVEL, NORMAL);
	tap_ok(nr_tables == 1, "a page that a block gives already does not split it");
	map(ia + 0x5000, 0x5000, PGT_LAST_LEVEL, NORMAL | S2_WRITE);
	tap_ok(nr_tables == 2 && nr_tlbi_ipa == 2, "a page that may do more does");
	close_tables();
	tap_eq(nr_tables + faults, 0, "and all of it by the rules, without a leak");
}

int main(void)
{
	tap_begin();
	test_geometry();
	test_ends();
	test_tlbi_cost();
	test_log();
	random_test("4K, 40 bits", 12, 40, 3ULL << 30, 2, 4, 20000);
	random_test("4K, 48 bits, across 512G", 12, 48, (512ULL << 30) - (4 << 20), 2, 4, 20000);
	random_test("4K, 32 bits, all of level 2", 12, 32, 0xff800000, 2, 4, 20000);
	random_test("4K, 39 bits, blocks of 1G", 12, 39, 1ULL << 30, 1, 2, 400);
	random_test("16K, 40 bits", 14, 40, 1ULL << 39, 2, 3, 5000);
	random_test("64K, 48 bits", 16, 48, 1ULL << 47, 2, 2, 3000);
	return tap_end();
}
