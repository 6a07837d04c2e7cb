// SPDX-License-Identifier: GPL-2.0
/*
 * Tier 0: exits that EL2 answers by itself. Included by switch.c, so that each
 * build has one unit without calls. Interrupts are masked; nothing here may
 * wait, take a lock or touch memory outside the context.
 *
 * One table by exception class, as arm/exit.c has for tier 1. A handler
 * returns true to go back to the guest, false to go up.
 */

#define SMCCC_NOT_SUPPORTED	(~0UL)
#define SMCCC_VERSION_1_1	0x10001UL

/* SMCCC function identifiers (DEN0028 table 2-1) */
#define FN_FAST		(1U << 31)
#define FN_64		(1U << 30)
#define FN_OWNER(fn)	(((fn) >> 24) & 0x3f)
#define FN_NUM(fn)	((fn) & 0xffff)
#define FN_SMCCC_VERSION	0x80000000U
#define FN_PSCI_VERSION		0x84000000U
#define FN_PSCI_FEATURES	0x8400000aU

/* the function, by number, that has features of its own: types, here hibernation only */
#define PSCI_SYSTEM_OFF2	0x15
#define PSCI_OFF2_FEATURES	1

enum { OWNER_ARCH = 0, OWNER_STD = 4, OWNER_STD_HYP = 5, OWNER_VENDOR_HYP = 6 };

/* PSCI 0.1 as KVM numbers it: above any SMCCC owner, so named apart */
#define FN_PSCI_0_1_BASE	0x95c1ba5eU
#define FN_PSCI_0_1_LAST	0x95c1ba61U

/* Could anyone above know this function? If not, its answer is a constant. */
static bool fn_known_above(u32 fn)
{
	if (fn >= FN_PSCI_0_1_BASE && fn <= FN_PSCI_0_1_LAST)
		return true;
	if (!(fn & FN_FAST) || (fn & 0x00ff0000))
		return false;
	switch (FN_OWNER(fn)) {
	case OWNER_ARCH:
	case OWNER_STD_HYP:
	case OWNER_VENDOR_HYP:
		return true;
	case OWNER_STD:
		return FN_NUM(fn) < 0x60;	/* PSCI 0x00-0x1f, TRNG 0x50-0x5f */
	default:
		return false;
	}
}

static u64 psci_features(const struct avmm_ctx *ctx, u32 fn)
{
	u32 n = FN_NUM(fn);

	if (fn == FN_SMCCC_VERSION)
		return 0;
	if ((fn & ~(FN_64 | 0x1fU)) != FN_PSCI_VERSION)
		return SMCCC_NOT_SUPPORTED;
	if (!((ctx->psci_features[!!(fn & FN_64)] >> n) & 1))
		return SMCCC_NOT_SUPPORTED;
	return n == PSCI_SYSTEM_OFF2 ? PSCI_OFF2_FEATURES : 0;
}

/* x1..x3 are results too (DEN0028 2.6): what the host would leave in them is 0 */
static bool hvc_return(struct avmm_ctx *ctx, u64 x0)
{
	ctx->x[0] = x0;
	ctx->x[1] = 0;
	ctx->x[2] = 0;
	ctx->x[3] = 0;
	return true;
}

/* HVC64: ELR_EL2 already points after the instruction (Arm ARM D1.3.1) */
static bool fixup_hvc(struct avmm_ctx *ctx)
{
	u32 fn = ctx->x[0];

	switch (fn) {
	case FN_SMCCC_VERSION:
		return hvc_return(ctx, SMCCC_VERSION_1_1);
	case FN_PSCI_VERSION:
		if (!ctx->psci_version)
			return false;
		return hvc_return(ctx, ctx->psci_version);
	case FN_PSCI_FEATURES:
		if (ctx->psci_version < 0x10000)
			return false;
		return hvc_return(ctx, psci_features(ctx, ctx->x[1]));
	}
	if (fn_known_above(fn))
		return false;
	return hvc_return(ctx, SMCCC_NOT_SUPPORTED);
}

/* CPTR traps FP only until the first use; later ones (SVE, SME) are the guest's mistake */
static bool fixup_fp(struct avmm_ctx *ctx)
{
	if (ctx->flags & AVMM_CTX_FP_USED)
		return false;
	fp_to_guest(ctx);
	return true;
}

/*
 * HPFAR_EL2 is not valid after a permission fault on a stage-2 table other
 * than during a stage-1 walk (Arm ARM, HPFAR_EL2: UNKNOWN), so translate the
 * virtual address the way the guest's access did.
 */
static bool fixup_abort(struct avmm_ctx *ctx)
{
	u64 esr = ctx->esr, par, saved;

	if (FSC_TYPE(esr) == FSC_TYPE_EXTABT)
		return false;
	if (FSC_TYPE(esr) != FSC_TYPE_PERM || (esr & ESR_S1PTW)) {
		ctx->hpfar = rd("hpfar_el2");
		return false;
	}
	saved = rd("par_el1");
	asm volatile("at s1e1r, %0" : : "r"(ctx->far));
	hyp_isb();
	par = rd("par_el1");
	wr("par_el1", saved);
	/* the guest changed its tables meanwhile: let it run into the fault again */
	if (par & 1)
		return true;
	ctx->hpfar = (par & 0x000ffffffffff000UL) >> 8;
	return false;
}

static bool fixup_sync(struct avmm_ctx *ctx)
{
	switch (ESR_EC(ctx->esr)) {
	case EC_HVC64:
		return fixup_hvc(ctx);
	case EC_FP_ASIMD:
		return fixup_fp(ctx);
	case EC_IABT_LOW:
	case EC_DABT_LOW:
		return fixup_abort(ctx);
	default:
		return false;
	}
}

static bool fixup(struct avmm_ctx *ctx)
{
	if (ctx->exit_code != AVMM_HYP_EXIT_SYNC || !fixup_sync(ctx))
		return false;
	ctx->nr_tier0++;
	return true;
}
