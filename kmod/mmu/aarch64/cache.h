/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Cache maintenance of guest memory by its address in the linear map, and
 * what the CPUs offer stage 2. The kernel's own helpers are not exported.
 */
#ifndef AVMM_MMU_AARCH64_CACHE_H
#define AVMM_MMU_AARCH64_CACHE_H

#include <linux/bitfield.h>
#include <asm/barrier.h>
#include <asm/cpufeature.h>
#include <asm/sysreg.h>

/* CTR_EL0 */
#define CTR_IMIN	GENMASK(3, 0)	/* log2 words of the smallest I-cache line */
#define CTR_L1IP_MASK	GENMASK(15, 14)	/* 3: PIPT */
#define CTR_DMIN	GENMASK(19, 16)	/* log2 words of the smallest D-cache line */
#define CTR_DIC		BIT(29)		/* I-caches need no invalidation */

/* More lines than this: each is a broadcast, and all at once is but one. */
#define IVAU_MAX	512

/**
 * struct avmm_caches - geometry of the caches, true of every CPU
 * @dline: D-cache line in bytes, the smallest
 * @iline: I-cache line in bytes, the smallest
 * @dic: I-cache invalidation is never needed
 * @ialias: an I-cache may hold a line under another address: by-VA is no use
 */
struct avmm_caches {
	u32 dline;
	u32 iline;
	bool dic;
	bool ialias;
};

static inline void avmm_caches_init(struct avmm_caches *c)
{
	u64 ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);

	c->dline = 4U << FIELD_GET(CTR_DMIN, ctr);
	c->iline = 4U << FIELD_GET(CTR_IMIN, ctr);
	c->dic = ctr & CTR_DIC;
	c->ialias = FIELD_GET(CTR_L1IP_MASK, ctr) != 3;
}

/* HCR_EL2.FWB can be had on every CPU (FEAT_S2FWB; implies CTR_EL0.IDC) */
static inline bool avmm_has_fwb(void)
{
	return cpus_have_final_cap(ARM64_HAS_STAGE2_FWB);
}

/*
 * Clean and invalidate to the point of coherency: afterwards memory, caches
 * and accesses past the caches agree.
 */
static inline void avmm_dcache_flush(const struct avmm_caches *c, const void *start, size_t size)
{
	unsigned long line = c->dline, p = (unsigned long)start & ~(line - 1);
	unsigned long end = (unsigned long)start + size, last = end - 7 * line;

	barrier();
	/* This loop is a good part of a stage-2 fault: eight lines a turn. */
	while (p < last)
		asm volatile(".rept 8\n\tdc civac, %0\n\tadd %0, %0, %1\n\t.endr"
			     : "+r" (p) : "r" (line));
	for (; p < end; p += line)
		asm volatile("dc civac, %0" : : "r" (p));
	dsb(sy);
}

/*
 * Instructions at @start are new: no I-cache may answer with what was there
 * before. The data side must be clean to the point of unification already.
 */
static inline void avmm_icache_invalidate(const struct avmm_caches *c, const void *start,
					  size_t size)
{
	unsigned long line = c->iline, p = (unsigned long)start & ~(line - 1);
	unsigned long end = (unsigned long)start + size;

	if (c->dic)
		return;
	dsb(ish);
	if (c->ialias || size / line > IVAU_MAX)
		asm volatile("ic ialluis");
	else
		for (; p < end; p += line)
			asm volatile("ic ivau, %0" : : "r" (p));
	dsb(ish);
}

#endif /* AVMM_MMU_AARCH64_CACHE_H */
