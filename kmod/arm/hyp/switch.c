// SPDX-License-Identifier: GPL-2.0
/*
 * The arm64 world switch, built for VHE and for nVHE (hyp.h). Exit path, step 2:
 * entry.S hands over here; what EL2 can answer is answered (fixup.c) and the
 * guest goes on; the rest returns to run.c with everything saved.
 *
 * All state is switched at each entry and exit. Nothing of a guest stays on
 * the CPU while the host runs, so there is no ownership to track, a vCPU may
 * move between CPUs at any exit, and no preempt notifier is needed.
 */
#include "hyp.h"

_Static_assert(__builtin_offsetof(struct avmm_ctx, x) == CTX_OFF_X, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, pc) == CTX_OFF_PC, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, pstate) == CTX_OFF_PSTATE, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, esr) == CTX_OFF_ESR, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, far) == CTX_OFF_FAR, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, exit_code) == CTX_OFF_EXIT_CODE, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, flags) == CTX_OFF_FLAGS, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, hyp_sp) == CTX_OFF_HYP_SP, "");
_Static_assert(__builtin_offsetof(struct avmm_ctx, serror_esr) == CTX_OFF_SERROR_ESR, "");
_Static_assert(AVMM_CTX_SERROR == CTX_FLAG_SERROR, "");
_Static_assert(__builtin_offsetof(struct avmm_fpsimd, fpsr) == 512, "entry.S");

/* CPTR_EL2.TAM, the same bit in both forms: activity monitors */
#define CPTR_TAM	(1UL << 30)

/* CNTHCTL_EL2: EL1 may read the physical counter if it is the machine's; the physical timer traps */
#ifdef HYP_VHE
#define CNTHCTL_GUEST	(1UL << 10)	/* EL1PCTEN */
#define CNTHCTL_EL1PTEN	(1UL << 11)
/* CPTR_EL2 in its E2H form: CPACR_EL1's layout, reached under that name */
#define CPTR		"cpacr_el1"
#define CPTR_FPEN	(3UL << 20)
#define CPTR_GUEST	((1UL << 28) | CPTR_TAM)	/* TTA; FP, SVE and SME trap */
#define CPTR_GUEST_FP	(CPTR_GUEST | CPTR_FPEN)
#define HCR_EXTRA	HCR_E2H
#else
#define CNTHCTL_GUEST	(1UL << 0)
#define CPTR		"cptr_el2"
#define CPTR_TFP	(1UL << 10)
#define CPTR_RES1	0x33ffUL			/* with TZ and TSM: SVE and SME trap */
#define CPTR_GUEST_FP	(CPTR_RES1 | (1UL << 20) | CPTR_TAM)	/* TTA */
#define CPTR_GUEST	(CPTR_GUEST_FP | CPTR_TFP)
#define HCR_EXTRA	0
#endif

/* HSTR_EL2.T15: AArch32 EL0 may not reach implementation defined CP15 space */
#define HSTR_GUEST	(1UL << 15)
#define MDCR_HPMN	0x1fUL

/* avmm_ctx.host[]: the first CTX_NR_SWITCHED are those of avmm_ctx.sys[] */
enum {
	HOST_HCR = CTX_NR_SWITCHED,
	HOST_MDCR,
	HOST_CPTR,
	HOST_CNTHCTL,
	HOST_VPIDR,
	HOST_VMPIDR,
	HOST_ELR,
	HOST_SPSR,
	HOST_VBAR,
	HOST_HSTR,
	HOST_MDSCR,
	HOST_PMUSERENR,
	HOST_HFGRTR,
	HOST_HFGWTR,
	HOST_HFGITR,
	HOST_HDFGRTR,
	HOST_HDFGWTR,
	HOST_MPAM2,
	HOST_HCRX,
	HOST_SRE,
	HOST_SRE_EL1,
	HOST_NR,
};
_Static_assert(HOST_NR <= sizeof(((struct avmm_ctx *)0)->host) / 8, "");

/*
 * Registers that exist once and serve whoever runs at EL0 and EL1: the host's
 * own too, whatever its level.
 */
#define FOR_SHARED_REGS(X)			\
	X(CTX_CSSELR_EL1, "csselr_el1")		\
	X(CTX_PAR_EL1, "par_el1")		\
	X(CTX_TPIDR_EL0, "tpidr_el0")		\
	X(CTX_TPIDRRO_EL0, "tpidrro_el0")	\
	X(CTX_SP_EL0, "sp_el0")

/* Fine-grained traps: for what is newer than this code a 0 traps, in their n fields */
#define FOR_FGT_REGS(X)				\
	X(HOST_HFGRTR, HFGRTR_EL2)		\
	X(HOST_HFGWTR, HFGWTR_EL2)		\
	X(HOST_HFGITR, HFGITR_EL2)		\
	X(HOST_HDFGRTR, HDFGRTR_EL2)		\
	X(HOST_HDFGWTR, HDFGWTR_EL2)

/* MPAM2_EL2: MPAM0_EL1 and MPAM1_EL1, which are the host's, and MPAMIDR_EL1 trap, MPAMSM_EL1 too */
#define MPAM2_TRAPS	(3UL << 48 | 1UL << 58)
#define MPAM2_ENMPAMSM	(1UL << 50)

/* EL1 registers: on VHE the host, at EL2, has its own and these are free */
#define FOR_EL1_REGS(X)				\
	X(CTX_SCTLR_EL1, EL1_SCTLR)		\
	X(CTX_CPACR_EL1, EL1_CPACR)		\
	X(CTX_TTBR0_EL1, EL1_TTBR0)		\
	X(CTX_TTBR1_EL1, EL1_TTBR1)		\
	X(CTX_TCR_EL1, EL1_TCR)			\
	X(CTX_ESR_EL1, EL1_ESR)			\
	X(CTX_AFSR0_EL1, EL1_AFSR0)		\
	X(CTX_AFSR1_EL1, EL1_AFSR1)		\
	X(CTX_FAR_EL1, EL1_FAR)			\
	X(CTX_MAIR_EL1, EL1_MAIR)		\
	X(CTX_VBAR_EL1, EL1_VBAR)		\
	X(CTX_CONTEXTIDR_EL1, EL1_CONTEXTIDR)	\
	X(CTX_AMAIR_EL1, EL1_AMAIR)		\
	X(CTX_CNTKCTL_EL1, EL1_CNTKCTL)		\
	X(CTX_TPIDR_EL1, "tpidr_el1")		\
	X(CTX_SP_EL1, "sp_el1")			\
	X(CTX_ELR_EL1, EL1_ELR)			\
	X(CTX_SPSR_EL1, EL1_SPSR)

#define SAVE(i, reg)	to[i] = rd(reg);
#define LOAD(i, reg)	wr(reg, from[i]);
#define ZERO(i, reg)	wr(reg, 0);

static void save_shared(u64 *to) { FOR_SHARED_REGS(SAVE) }
static void load_shared(const u64 *from) { FOR_SHARED_REGS(LOAD) }
static void save_el1(u64 *to) { FOR_EL1_REGS(SAVE) }
static void load_el1(const u64 *from) { FOR_EL1_REGS(LOAD) }
static void save_fgt(u64 *to) { FOR_FGT_REGS(SAVE) }
static void load_fgt(const u64 *from) { FOR_FGT_REGS(LOAD) }
static void zero_fgt(void) { FOR_FGT_REGS(ZERO) }

#define LR_LO(op, n)	case n: op(ICH_LR_LO(n), vgic->lr[n]); fallthrough
#define LR_HI(op, n, r)	case n: op(ICH_LR_HI(r), vgic->lr[n]); fallthrough
#define RD_TO(reg, v)	((v) = rd(reg))
/* a list register that is not written at the next entry must not speak up then */
#define TAKE(reg, v)	do { (v) = rd(reg); wr(reg, 0); } while (0)
#define FOR_LRS(op)							\
	LR_HI(op, 15, 7); LR_HI(op, 14, 6); LR_HI(op, 13, 5); LR_HI(op, 12, 4); \
	LR_HI(op, 11, 3); LR_HI(op, 10, 2); LR_HI(op, 9, 1); LR_HI(op, 8, 0);	\
	LR_LO(op, 7); LR_LO(op, 6); LR_LO(op, 5); LR_LO(op, 4);			\
	LR_LO(op, 3); LR_LO(op, 2); LR_LO(op, 1); LR_LO(op, 0)

#define APRS(op, n)	do { op(ICH_AP0R(n), vgic->ap0r[n]); op(ICH_AP1R(n), vgic->ap1r[n]); } while (0)

#define CLEAR(reg, v)	wr(reg, 0)

/* ICC_SRE_EL2 (12.2.21): EL1 may reach ICC_SRE_EL1. On some CPUs it always may, by RAO/WI */
#define SRE_ENABLE	(1UL << 3)
#define SRE_SRE		(1UL << 0)	/* ICC_SRE_EL1 too */

static bool sre_traps(void)
{
	u64 sre = rd(ICC_SRE_EL2);
	bool traps;

	wr(ICC_SRE_EL2, sre & ~SRE_ENABLE);
	hyp_isb();
	traps = !(rd(ICC_SRE_EL2) & SRE_ENABLE);
	wr(ICC_SRE_EL2, sre);
	hyp_isb();
	return traps;
}

/*
 * Can guests have the memory-mapped CPU interface of a GICv2? Then EL1 can be without system
 * registers; otherwise ICC_SRE_EL1.SRE is RAO/WI. With SRE at EL2 it must be 1 too unless
 * FMO, IMO and AMO are (table 11-2). EL2's own accesses go by ICC_SRE_EL2.
 */
static bool sre_clears(void)
{
	u64 hcr = rd("hcr_el2"), sre = rd(ICC_SRE_EL1);
	bool clears;

	wr("hcr_el2", hcr | HCR_FMO | HCR_IMO | HCR_AMO);
	hyp_isb();
	wr(ICC_SRE_EL1, sre & ~SRE_SRE);
	hyp_isb();
	clears = !(rd(ICC_SRE_EL1) & SRE_SRE);
	wr(ICC_SRE_EL1, sre);
	hyp_isb();
	wr("hcr_el2", hcr);
	hyp_isb();
	return clears;
}

/**
 * HYP_FN(ich_reset) - empty this CPU's list registers
 *
 * After reset they hold anything (GIC spec 12.4.5), and vgic_load() writes those
 * only that it uses.
 * Context: interrupts masked
 * Return: ICH_VTR_EL2, and ICH_RESET_SRE_TRAPS and ICH_RESET_SRE_CLEARS if that is so
 */
u64 HYP_FN(ich_reset)(void)
{
	u64 vtr = rd(ICH_VTR) | (sre_traps() ? ICH_RESET_SRE_TRAPS : 0) |
		  (sre_clears() ? ICH_RESET_SRE_CLEARS : 0);

	wr(ICH_HCR, 0);
	switch (vtr & 0xf) {
	FOR_LRS(CLEAR);
	default:
		break;
	}
	return vtr;
}

static void vgic_load(const struct avmm_hyp_vgic *vgic)
{
	if (vgic->used_lrs) {
		switch (vgic->used_lrs - 1) {
		FOR_LRS(wr);
		default:
			break;
		}
	}
	APRS(wr, 0);
	if (vgic->nr_apr > 1)
		APRS(wr, 1);
	if (vgic->nr_apr > 2) {
		APRS(wr, 2);
		APRS(wr, 3);
	}
	wr(ICH_VMCR, vgic->vmcr);
	wr(ICH_HCR, vgic->hcr);
}

static void vgic_save(struct avmm_hyp_vgic *vgic)
{
	if (vgic->used_lrs) {
		vgic->elrsr = rd(ICH_ELRSR);
		switch (vgic->used_lrs - 1) {
		FOR_LRS(TAKE);
		default:
			break;
		}
	}
	APRS(RD_TO, 0);
	if (vgic->nr_apr > 1)
		APRS(RD_TO, 1);
	if (vgic->nr_apr > 2) {
		APRS(RD_TO, 2);
		APRS(RD_TO, 3);
	}
	vgic->vmcr = rd(ICH_VMCR);
	/* EOIcount (bits 31:27) tells how many EOIs found no list register */
	vgic->hcr = rd(ICH_HCR);
	wr(ICH_HCR, 0);
}

static void timer_load(const struct avmm_hyp_timer *t)
{
	wr("cntvoff_el2", t->cntvoff);
	wr(EL0_CNTV_CVAL, t->cval);
	hyp_isb();	/* the compare value before the enable */
	wr(EL0_CNTV_CTL, t->ctl);
}

/*
 * Switched off in the host: the line falls before the host opens its
 * interrupts, so the PPI is never taken there; timer_sync() in timer.c works
 * from the saved ISTATUS.
 */
static void timer_save(struct avmm_hyp_timer *t)
{
	t->ctl = rd(EL0_CNTV_CTL);
	t->cval = rd(EL0_CNTV_CVAL);
	wr(EL0_CNTV_CTL, 0);
#ifndef HYP_VHE
	/* the host's user space reads CNTVCT_EL0; with E2H and TGE the offset counts as 0 */
	wr("cntvoff_el2", 0);
#endif
}

static void host_save(struct avmm_ctx *ctx)
{
	u64 *h = ctx->host;

	save_shared(h);
#ifndef HYP_VHE
	save_el1(h);
	h[HOST_VPIDR] = rd("vpidr_el2");
	h[HOST_VMPIDR] = rd("vmpidr_el2");
	h[HOST_CNTHCTL] = rd("cnthctl_el2");
#else
	h[HOST_CNTHCTL] = rd("cntkctl_el1");	/* E2H: CNTHCTL_EL2 */
	h[HOST_VBAR] = rd("vbar_el1");		/* E2H: VBAR_EL2 */
#endif
	h[HOST_HCR] = rd("hcr_el2");
	h[HOST_MDCR] = rd("mdcr_el2");
	h[HOST_CPTR] = rd(CPTR);
	h[HOST_ELR] = rd("elr_el2");
	h[HOST_SPSR] = rd("spsr_el2");
	h[HOST_HSTR] = rd("hstr_el2");
	h[HOST_MDSCR] = rd("mdscr_el1");
	if (ctx->flags & AVMM_CTX_HAS_PMU)
		h[HOST_PMUSERENR] = rd("pmuserenr_el0");
	if (ctx->flags & AVMM_CTX_HAS_FGT)
		save_fgt(h);
	if (ctx->flags & AVMM_CTX_HAS_MPAM)
		h[HOST_MPAM2] = rd(MPAM2_EL2);
	if (ctx->flags & AVMM_CTX_HAS_HCX)
		h[HOST_HCRX] = rd(HCRX_EL2);
	if (ctx->flags & AVMM_CTX_TRAP_SRE)
		h[HOST_SRE] = rd(ICC_SRE_EL2);
	if (ctx->flags & AVMM_CTX_GICV)
		h[HOST_SRE_EL1] = rd(ICC_SRE_EL1);
}

static void guest_traps(struct avmm_ctx *ctx)
{
	u64 cnthctl = ctx->timer.cntpoff ? 0 : CNTHCTL_GUEST;

#ifdef HYP_VHE
	wr("cntkctl_el1", (ctx->host[HOST_CNTHCTL] & ~(CNTHCTL_EL1PTEN | CNTHCTL_GUEST)) | cnthctl);
#else
	wr("cnthctl_el2", cnthctl);
#endif
	wr("mdcr_el2", ctx->mdcr | (ctx->host[HOST_MDCR] & MDCR_HPMN));
	wr(CPTR, CPTR_GUEST);
	wr("hstr_el2", HSTR_GUEST);
	wr("vpidr_el2", ctx->vpidr);
	wr("vmpidr_el2", ctx->vmpidr);
	/* open to EL0, so that its accesses go past EL1 and MDCR_EL2.TPM traps them here */
	if (ctx->flags & AVMM_CTX_HAS_PMU)
		wr("pmuserenr_el0", 0xf);
	if (ctx->flags & AVMM_CTX_HAS_RAS) {
		wr(VDISR_EL2, ctx->sys[CTX_DISR_EL1]);
		if (ctx->hcr & HCR_VSE)
			wr(VSESR_EL2, ctx->vsesr);
	}
	/*
	 * Registers newer than this code: where a 0 traps them or switches them off
	 * (HCRX_EL2) the guest gets 0.
	 */
	if (ctx->flags & AVMM_CTX_HAS_FGT)
		zero_fgt();
	if (ctx->flags & AVMM_CTX_HAS_MPAM)
		wr(MPAM2_EL2, (ctx->host[HOST_MPAM2] & ~MPAM2_ENMPAMSM) | MPAM2_TRAPS);
	if (ctx->flags & AVMM_CTX_HAS_HCX)
		wr(HCRX_EL2, 0);
	/*
	 * ICC_SRE_EL1 is not virtualised: where SRE is not fixed, a guest that clears it
	 * would take the GIC's system registers away from a host at EL1 too.
	 */
	if (ctx->flags & AVMM_CTX_TRAP_SRE)
		wr(ICC_SRE_EL2, ctx->host[HOST_SRE] & ~SRE_ENABLE);
	wr("vtcr_el2", ctx->vtcr);
	wr("vttbr_el2", ctx->vttbr);
	wr("hcr_el2", ctx->hcr | HCR_EXTRA);
	hyp_isb();
	/* after HCR_EL2, see sre_clears(); before ICH_VMCR_EL2, whose VFIQEn is RES1 while SRE is 1 */
	if (ctx->flags & AVMM_CTX_GICV) {
		wr(ICC_SRE_EL1, 0);
		hyp_isb();
	}
}

static void host_traps(struct avmm_ctx *ctx)
{
	const u64 *h = ctx->host;

	/* the guest took a virtual SError: HCR_EL2.VSE fell by itself */
	if (ctx->hcr & HCR_VSE)
		ctx->hcr = (ctx->hcr & ~HCR_VSE) | (rd("hcr_el2") & HCR_VSE);
	wr("hcr_el2", h[HOST_HCR]);
	wr("vttbr_el2", 0);
	wr("mdcr_el2", h[HOST_MDCR]);
	wr(CPTR, h[HOST_CPTR]);
	wr("hstr_el2", h[HOST_HSTR]);
	if (ctx->flags & AVMM_CTX_HAS_PMU)
		wr("pmuserenr_el0", h[HOST_PMUSERENR]);
	if (ctx->flags & AVMM_CTX_HAS_RAS)
		ctx->sys[CTX_DISR_EL1] = rd(VDISR_EL2);
	if (ctx->flags & AVMM_CTX_HAS_FGT)
		load_fgt(h);
	if (ctx->flags & AVMM_CTX_HAS_MPAM)
		wr(MPAM2_EL2, h[HOST_MPAM2]);
	if (ctx->flags & AVMM_CTX_HAS_HCX)
		wr(HCRX_EL2, h[HOST_HCRX]);
	if (ctx->flags & AVMM_CTX_TRAP_SRE)
		wr(ICC_SRE_EL2, h[HOST_SRE]);
	if (ctx->flags & AVMM_CTX_GICV)
		wr(ICC_SRE_EL1, h[HOST_SRE_EL1]);
#ifdef HYP_VHE
	wr("cntkctl_el1", h[HOST_CNTHCTL]);
#else
	wr("cnthctl_el2", h[HOST_CNTHCTL]);
	wr("vpidr_el2", h[HOST_VPIDR]);
	wr("vmpidr_el2", h[HOST_VMPIDR]);
#endif
	hyp_isb();
}

static void host_load(struct avmm_ctx *ctx)
{
	const u64 *h = ctx->host;

	load_shared(h);
#ifdef HYP_VHE
	wr("vbar_el1", h[HOST_VBAR]);
#else
	load_el1(h);
#endif
	wr("mdscr_el1", h[HOST_MDSCR]);
	wr("elr_el2", h[HOST_ELR]);
	wr("spsr_el2", h[HOST_SPSR]);
	hyp_isb();
}

/*
 * A guest's first FP or SIMD instruction since entry traps (CPTR). The host's
 * registers, whoever they belong to, go to ctx->host_fp and come back before
 * the host runs: the kernel's own bookkeeping never sees a change. run.c has
 * made sure that no SVE or SME state of the host is live.
 */
static void fp_to_guest(struct avmm_ctx *ctx)
{
	wr(CPTR, CPTR_GUEST_FP);
	hyp_isb();
	HYP_FN(fp_save)(&ctx->host_fp);
	HYP_FN(fp_load)(&ctx->fp);
	ctx->flags |= AVMM_CTX_FP_USED;
}

static void fp_to_host(struct avmm_ctx *ctx)
{
	HYP_FN(fp_save)(&ctx->fp);
	HYP_FN(fp_load)(&ctx->host_fp);
	ctx->flags &= ~AVMM_CTX_FP_USED;
}

#include "debug.c"
#include "fixup.c"

/* a physical SError that the guest left behind is charged to it, not to the host */
static void collect_serror(struct avmm_ctx *ctx)
{
	hyp_dsb(sy);
	hyp_isb();
	if (rd("isr_el1") & (1UL << 8))
		HYP_FN(serror_window)(ctx);
}

/**
 * HYP_FN(run) - run the guest until something needs the host
 * @ctx: its context; every field valid
 *
 * Context: interrupts and SError masked, no migration; preemption off.
 * Return: ctx->exit_code
 */
u64 HYP_FN(run)(struct avmm_ctx *ctx)
{
	host_save(ctx);
	hyp_set_current(ctx);
	load_shared(ctx->sys);
	load_el1(ctx->sys);
	timer_load(&ctx->timer);
	debug_load(ctx);
	guest_traps(ctx);
	if (!(ctx->flags & AVMM_CTX_GICH))
		vgic_load(&ctx->vgic);
	hyp_set_vectors(HYP_FN(guest_vectors));

	do {
		HYP_FN(guest_enter)(ctx);
		ctx->nr_exits++;
	} while (fixup(ctx));

	collect_serror(ctx);
	if (ctx->flags & AVMM_CTX_FP_USED)
		fp_to_host(ctx);
	/* what the guest wrote to GICV has arrived when the list registers are read */
	if (ctx->flags & AVMM_CTX_GICV)
		hyp_dsb(sy);
	if (!(ctx->flags & AVMM_CTX_GICH))
		vgic_save(&ctx->vgic);
	timer_save(&ctx->timer);
	debug_save(ctx);
	save_el1(ctx->sys);
	save_shared(ctx->sys);
	host_traps(ctx);
	host_load(ctx);
	hyp_set_current(NULL);
	return ctx->exit_code;
}

/* EL2 faulted with a guest loaded: give the CPU back; run.c kills the VM */
void HYP_FN(panic)(u64 esr, u64 elr, u64 far)
{
	struct avmm_ctx *ctx = hyp_current();

	if (!ctx)
		hyp_panic_no_guest(esr, elr, far);
	ctx->esr = esr;
	ctx->far = far;
	ctx->hpfar = elr;
	HYP_FN(panic_return)(ctx);
}
