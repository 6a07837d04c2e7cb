/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Long-descriptor translation tables: the bits (Arm ARM D8, VMSAv8-64; ARMv7's
 * LPAE format is a subset) and the shape that a granule gives them.
 */
#ifndef AVMM_MMU_PGTABLE_FMT_H
#define AVMM_MMU_PGTABLE_FMT_H

/* The unit tests bring their own, selftests/unit/fake_kernel.h. */
#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/types.h>
#endif

/* any descriptor */
#define PGT_VALID	BIT_ULL(0)
#define PGT_TABLE	BIT_ULL(1)	/* levels 0..2: next-level table; level 3: page */
#define PGT_AF		BIT_ULL(10)	/* clear: never held in a TLB */
#define PGT_ADDR	GENMASK_ULL(47, 12)	/* granules above 4K have zeros at its low end */

/* leaf of stage 2 */
#define S2_MEMATTR(x)	((u64)(x) << 2)
#define S2_MEMATTR_MASK	S2_MEMATTR(0xf)
#define S2_NORMAL	S2_MEMATTR(0xf)		/* write-back, inner and outer */
#define S2_NORMAL_FWB	S2_MEMATTR(0x6)		/* HCR_EL2.FWB: write-back whatever stage 1 says */
#define S2_DEVICE	S2_MEMATTR(0x1)		/* nGnRE, with and without FWB */
#define S2_READ		BIT_ULL(6)
#define S2_WRITE	BIT_ULL(7)
#define S2_SH_INNER	(3ULL << 8)
#define S2_XN		BIT_ULL(54)		/* neither EL1 nor EL0 may execute, FEAT_XNX or not */

/* VTCR_EL2 */
#define VTCR_T0SZ(ia)	(64ULL - (ia))
#define VTCR_SL0(x)	((u64)(x) << 6)
#define VTCR_IRGN_WBWA	(1ULL << 8)
#define VTCR_ORGN_WBWA	(1ULL << 10)
#define VTCR_SH_INNER	(3ULL << 12)
#define VTCR_TG0_4K	(0ULL << 14)
#define VTCR_TG0_64K	(1ULL << 14)
#define VTCR_TG0_16K	(2ULL << 14)
#define VTCR_PS(x)	((u64)(x) << 16)
#define VTCR_VS_16BIT	BIT_ULL(19)
#define VTCR_RES1	BIT_ULL(31)

#define PGT_LAST_LEVEL	3
#define PGT_MAX_CONCAT	4	/* stage 2: up to 2^4 tables side by side at the start */

/* address bits below those that choose an entry at @level */
static inline unsigned int pgt_shift(unsigned int page_shift, int level)
{
	return page_shift + (PGT_LAST_LEVEL - level) * (page_shift - 3);
}

/*
 * Where a walk for @ia_bits starts: as low as it can, counting up to
 * 2^@concat tables side by side.
 */
static inline int pgt_start_level(unsigned int page_shift, unsigned int ia_bits,
				  unsigned int concat)
{
	int level = PGT_LAST_LEVEL;

	while (level > 0 && ia_bits > pgt_shift(page_shift, level - 1) + concat)
		level--;
	return level;
}

/* log2 of the bytes of the start-level table; what is below a page is a page */
static inline unsigned int pgt_root_shift(unsigned int page_shift, unsigned int ia_bits,
					  int start_level)
{
	unsigned int bytes = ia_bits - pgt_shift(page_shift, start_level) + 3;

	return bytes > page_shift ? bytes : page_shift;
}

/* The first level at which a leaf may stand (48-bit output addresses). */
static inline int pgt_block_level(unsigned int page_shift)
{
	return page_shift == 12 ? 1 : 2;
}

/*
 * VTCR_EL2.SL0 counts up from the lowest start level it knows: 2 with the 4K
 * granule, 3 with the others.
 */
static inline u64 pgt_vtcr_shape(unsigned int page_shift, unsigned int ia_bits, int start_level)
{
	u64 tg0 = page_shift == 16 ? VTCR_TG0_64K : page_shift == 14 ? VTCR_TG0_16K : VTCR_TG0_4K;

	return VTCR_T0SZ(ia_bits) | tg0 | VTCR_SL0((page_shift == 12 ? 2 : 3) - start_level);
}

#endif /* AVMM_MMU_PGTABLE_FMT_H */
