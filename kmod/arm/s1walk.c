// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's own translation tables, read as its CPU reads them (Arm ARM D8.2).
 * Only for what the CPU does not tell: at which level a walk met an address.
 *
 * Exit path: called by arm/exit.c, in the vCPU thread; reads guest memory.
 */
#include <linux/bits.h>
#include <linux/swab.h>
#include "avmm.h"
#include "arm/sysreg.h"

#define LAST_LEVEL	3
#define DESC_SIZE	8

/* addresses in TTBRs and descriptors; guests have 48 bits of them at most */
#define ADDR_MASK	GENMASK_ULL(47, 12)
#define TTBR_ADDR_MASK	GENMASK_ULL(47, 1)
#define DESC_TYPE_MASK	3
#define DESC_TABLE	3

/* TCR_EL1: the halves differ by 16 bits, but for the granule's encoding */
#define TCR_TG0(tcr)	((tcr) >> 14 & 3)
#define TCR_TG1(tcr)	((tcr) >> 30 & 3)

/* log2 of the granule */
static unsigned int granule(u64 tcr, bool upper)
{
	static const u8 tg0[] = { 12, 16, 14, 12 }, tg1[] = { 12, 14, 12, 16 };

	return upper ? tg1[TCR_TG1(tcr)] : tg0[TCR_TG0(tcr)];
}

/**
 * avmm_s1_level - the level at which the guest's translation of an address reads a descriptor
 * @vcpu: whose tables, those of EL1&0
 * @va: address to translate
 * @ipa: address of the page of 4 KiB that has the descriptor
 * @level: -1 (FEAT_LPA2) to 3
 *
 * Return: false if the walk does not come by there: the tables have changed.
 */
bool avmm_s1_level(struct avmm_vcpu *vcpu, u64 va, u64 ipa, int *level)
{
	const struct avmm_ctx *ctx = vcpu->arch.ctx;
	bool upper = va & BIT_ULL(55);
	u64 tcr = ctx->sys[CTX_TCR_EL1];
	unsigned int page = granule(tcr, upper), stride = page - ilog2(DESC_SIZE);
	unsigned int bits = 64 - (tcr >> (upper ? 16 : 0) & 0x3f), shift;
	u64 table = ctx->sys[upper ? CTX_TTBR1_EL1 : CTX_TTBR0_EL1] & TTBR_ADDR_MASK;
	u64 desc, at;

	if (bits <= page || bits > 52)
		return false;
	va &= GENMASK_ULL(bits - 1, 0);
	for (*level = LAST_LEVEL - (int)((bits - page - 1) / stride); ; ++*level) {
		shift = page + stride * (LAST_LEVEL - *level);
		at = table + (va >> shift) * DESC_SIZE;
		if ((at & ADDR_MASK) == ipa)
			return true;
		if (*level == LAST_LEVEL || avmm_read_guest(vcpu->vm, at, &desc, DESC_SIZE))
			return false;
		if (ctx->sys[CTX_SCTLR_EL1] & SCTLR_EE_BIT)
			desc = swab64(desc);
		if ((desc & DESC_TYPE_MASK) != DESC_TABLE)
			return false;
		table = desc & ADDR_MASK & ~(BIT_ULL(page) - 1);
		va &= BIT_ULL(shift) - 1;
	}
}
