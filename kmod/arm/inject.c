// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions given to the guest, taken the way the Arm ARM takes them to EL1
 * (D1.3, AArch64.TakeException). All of the guest's state is in memory here,
 * so an injection changes the context at once and nothing is left pending;
 * only a virtual SError waits in HCR_EL2.VSE until the guest unmasks it.
 *
 * Exit path: called by the handlers, from the vCPU thread, under vcpu->mutex.
 */
#include "avmm.h"
#include "arm/sysreg.h"

/* vector offsets from VBAR_EL1 by where the exception came from (Arm ARM D1.3.1) */
#define VECTOR_CUR_SP0		0x000
#define VECTOR_CUR_SPX		0x200
#define VECTOR_LOW_A64		0x400
#define VECTOR_LOW_A32		0x600

/* ID register fields that tell which PSTATE bits exist */
#define PFR1_SSBS_SHIFT		4
#define MMFR1_PAN_SHIFT		20

static u64 vector_offset(u64 pstate)
{
	if (pstate & PS_NRW)
		return VECTOR_LOW_A32;
	switch (pstate & PS_MODE_MASK) {
	case PS_MODE_EL0T:
		return VECTOR_LOW_A64;
	case PS_MODE_EL1T:
		return VECTOR_CUR_SP0;
	default:
		return VECTOR_CUR_SPX;
	}
}

/*
 * PSTATE at the vector: EL1h with DAIF set; NZCV, PAN and DIT stay; UAO, IL,
 * SS, BTYPE, TCO fall (no MTE is offered, so TCO is RES0). SCTLR_EL1 chooses
 * PAN and SSBS.
 */
static u64 vector_pstate(const struct avmm_vcpu *vcpu)
{
	const struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 sctlr = ctx->sys[CTX_SCTLR_EL1];
	u64 new = PS_MODE_EL1H | PS_DAIF;

	new |= ctx->pstate & (PS_NZCV | PS_DIT | PS_PAN);
	if (!(sctlr & SCTLR_SPAN_BIT) && avmm_idreg_has(vcpu->vm, IDREG_MMFR1, MMFR1_PAN_SHIFT))
		new |= PS_PAN;
	if ((sctlr & SCTLR_DSSBS_BIT) && avmm_idreg_has(vcpu->vm, IDREG_PFR1, PFR1_SSBS_SHIFT))
		new |= PS_SSBS;
	return new;
}

static void take_sync(struct avmm_vcpu *vcpu, u64 esr)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 pstate = vector_pstate(vcpu);

	ctx->sys[CTX_ESR_EL1] = esr;
	ctx->sys[CTX_SPSR_EL1] = ctx->pstate;
	ctx->sys[CTX_ELR_EL1] = ctx->pc;
	ctx->pc = ctx->sys[CTX_VBAR_EL1] + vector_offset(ctx->pstate);
	ctx->pstate = pstate;
	vcpu->stat.injected++;
}

/* ESR.IL: set for a 32-bit instruction; only T32 has shorter ones */
static u64 trapped_il(const struct avmm_ctx *ctx)
{
	bool t32 = (ctx->pstate & PS_NRW) && (ctx->pstate & PS_T32);

	return t32 ? ctx->esr & ESR_IL : ESR_IL;
}

/**
 * avmm_inject_undef - the instruction at the guest's PC is UNDEFINED
 * @vcpu: its vCPU
 */
void avmm_inject_undef(struct avmm_vcpu *vcpu)
{
	take_sync(vcpu, ((u64)EC_UNKNOWN << ESR_EC_SHIFT) | trapped_il(vcpu->arch.ctx));
}

/**
 * avmm_inject_abort - a synchronous external abort
 * @vcpu: its vCPU
 * @exec: of an instruction fetch, not of a data access
 * @addr: guest-virtual address, for FAR_EL1
 * @fsc: FSC_TYPE_EXTABT, or FSC_EXTABT_WALK() if it was a translation table that was read
 */
void avmm_inject_abort(struct avmm_vcpu *vcpu, bool exec, u64 addr, u64 fsc)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	bool from_el0 = (ctx->pstate & PS_NRW) ||
			(ctx->pstate & PS_MODE_MASK) == PS_MODE_EL0T;
	u64 ec = exec ? (from_el0 ? EC_IABT_LOW : EC_IABT_CUR) :
			(from_el0 ? EC_DABT_LOW : EC_DABT_CUR);

	ctx->sys[CTX_FAR_EL1] = addr;
	take_sync(vcpu, ec << ESR_EC_SHIFT | trapped_il(ctx) | fsc);
}

/**
 * avmm_inject_serror - make a virtual SError pending
 * @vcpu: its vCPU
 * @esr: syndrome: ISS bits of ESR_EL1; used on CPUs with RAS only
 *
 * The CPU delivers it when the guest has PSTATE.A clear, and then clears
 * HCR_EL2.VSE.
 */
void avmm_inject_serror(struct avmm_vcpu *vcpu, u64 esr)
{
	vcpu->arch.ctx->vsesr = ESR_ISS(esr);
	vcpu->arch.ctx->hcr |= HCR_BIT_VSE;
	vcpu->stat.injected++;
}

/* ITSTATE is in SPSR[15:10] (IT[7:2]) and SPSR[26:25] (IT[1:0]); Arm ARM G1.18.5 */
static u64 advance_it(u64 pstate)
{
	u64 it = ((pstate >> 25) & 3) | ((pstate >> 8) & 0xfc);

	it = it & 7 ? (it & 0xe0) | ((it << 1) & 0x1f) : 0;
	pstate &= ~((3ULL << 25) | (0x3fULL << 10));
	return pstate | ((it & 3) << 25) | ((it & 0xfc) << 8);
}

/**
 * avmm_skip_instr - the trapped instruction has been emulated: step over it
 * @vcpu: its vCPU
 *
 * As the instruction would have done itself, this ends a branch target state
 * (BTYPE) and moves the single-step machine from active-not-pending to
 * active-pending (Arm ARM D2.12: PSTATE.SS falls).
 */
void avmm_skip_instr(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;

	if (ctx->pstate & PS_NRW) {
		bool thumb = ctx->pstate & PS_T32;

		ctx->pc += thumb && !(ctx->esr & ESR_IL) ? 2 : 4;
		if (thumb)
			ctx->pstate = advance_it(ctx->pstate);
	} else {
		ctx->pc += 4;
		ctx->pstate &= ~PS_BTYPE;
	}
	ctx->pstate &= ~PS_SS;
}

/**
 * avmm_get_events - AVMM_GET_VCPU_EVENTS
 * @vcpu: the vCPU; caller holds its mutex
 * @ev: filled
 *
 * A data abort is never pending: its injection is complete at once.
 */
void avmm_get_events(struct avmm_vcpu *vcpu, struct avmm_vcpu_events *ev)
{
	const struct avmm_ctx *ctx = vcpu->arch.ctx;

	memset(ev, 0, sizeof(*ev));
	ev->exception.serror_pending = !!(ctx->hcr & HCR_BIT_VSE);
	ev->exception.serror_has_esr = avmm_host.has_ras;
	if (ev->exception.serror_pending && avmm_host.has_ras)
		ev->exception.serror_esr = ctx->vsesr;
}

/**
 * avmm_set_events - AVMM_SET_VCPU_EVENTS
 * @vcpu: the vCPU; caller holds its mutex
 * @ev: what to make pending; a clear serror_pending takes nothing back, as in KVM
 *
 * Return: 0; -EINVAL for padding that is not zero, a syndrome on a CPU without
 * RAS, or bits outside the syndrome.
 */
int avmm_set_events(struct avmm_vcpu *vcpu, const struct avmm_vcpu_events *ev)
{
	bool has_esr = ev->exception.serror_has_esr;
	u64 esr = ev->exception.serror_esr;

	if (memchr_inv(ev->exception.pad, 0, sizeof(ev->exception.pad)) ||
	    memchr_inv(ev->reserved, 0, sizeof(ev->reserved)))
		return -EINVAL;
	if (ev->exception.serror_pending) {
		if (has_esr && (!avmm_host.has_ras || ESR_ISS(esr) != esr))
			return -EINVAL;
		/* no syndrome given: implementation defined (ISS.IDS), as if unknown */
		avmm_inject_serror(vcpu, has_esr ? esr : ESR_ISV);
	}
	if (ev->exception.ext_dabt_pending)
		avmm_inject_abort(vcpu, false, vcpu->arch.ctx->far, FSC_TYPE_EXTABT);
	return 0;
}
