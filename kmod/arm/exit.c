// SPDX-License-Identifier: GPL-2.0
/*
 * Tier 1: one handler per exception class. Exit path, step 4.
 * Interrupts and preemption are on; the guest's state is in memory.
 */
#include "avmm.h"
#include "trace.h"

/*
 * WFI: sleep. WFE (trapped so that a spinning vCPU does not burn a CPU that
 * the lock holder needs): give way.
 */
static int handle_wfx(struct avmm_vcpu *vcpu)
{
	avmm_skip_instr(vcpu);
	if (ESR_WFX_TI(vcpu->arch.ctx->esr) & 1) {
		vcpu->stat.wfe++;
		yield();	/* to any thread: which vCPU holds the lock nobody here knows */
	} else {
		vcpu->stat.wfi++;
		avmm_vcpu_block(vcpu);
	}
	return 1;
}

static int handle_hvc(struct avmm_vcpu *vcpu)
{
	vcpu->stat.hvc++;
	return avmm_handle_hvc(vcpu);
}

static int handle_sysreg(struct avmm_vcpu *vcpu)
{
	vcpu->stat.sysreg++;
	return avmm_handle_sysreg(vcpu);
}

static int handle_undef(struct avmm_vcpu *vcpu)
{
	avmm_inject_undef(vcpu);
	return 1;
}

/*
 * Nothing answers at @fault->ipa. A walk is told of with its level, which the syndrome
 * of a stage-2 fault does not have. The guest that has changed its tables since tries again.
 */
static void inject_abort(struct avmm_vcpu *vcpu, const struct avmm_fault *fault)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 fsc = FSC_TYPE_EXTABT;
	int level;

	if (fault->s1ptw) {
		if (!avmm_s1_level(vcpu, ctx->far, fault->ipa, &level))
			return;
		fsc = FSC_EXTABT_WALK(level);
	}
	avmm_inject_abort(vcpu, ESR_EC(ctx->esr) == EC_IABT_LOW, ctx->far, fsc);
}

/* a stage-2 abort that no slot answers */
static int not_ram(struct avmm_vcpu *vcpu, const struct avmm_fault *fault)
{
	u64 esr = vcpu->arch.ctx->esr;

	/* code and page tables cannot live in a device: an external abort, as on real buses */
	if (fault->exec || fault->s1ptw) {
		inject_abort(vcpu, fault);
		return 1;
	}
	/* DC by VA where nothing is cached: done */
	if (esr & ESR_CM) {
		avmm_skip_instr(vcpu);
		return 1;
	}
	return avmm_mmio_user(vcpu, fault->ipa);
}

static int handle_abort(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 esr = ctx->esr;
	bool exec = ESR_EC(esr) == EC_IABT_LOW;
	struct avmm_fault fault = {
		/* HPFAR_EL2.FIPA is IPA[47:12] at bit 4; the offset is FAR's, but not for a walk */
		.ipa = (ctx->hpfar & 0xfffffffff0UL) << 8 |
		       (esr & ESR_S1PTW ? 0 : ctx->far & 0xfff),
		/*
		 * A walk that fails on permission is one that must set the access or dirty flag.
		 * Cache maintenance reads, unless it is refused where reads are allowed.
		 */
		.write = esr & ESR_S1PTW ? FSC_TYPE(esr) == FSC_TYPE_PERM
					 : !exec && (esr & ESR_WNR) &&
					   (!(esr & ESR_CM) || FSC_TYPE(esr) == FSC_TYPE_PERM),
		.exec = exec && !(esr & ESR_S1PTW),
		.perm = FSC_TYPE(esr) == FSC_TYPE_PERM,
		.access = FSC_TYPE(esr) == FSC_TYPE_ACCESS,
		.s1ptw = esr & ESR_S1PTW,
		.level = FSC_LEVEL(esr),
	};
	int ret;

	/* external aborts and ECC errors, on the access (0x10, 0x18) or a walk (0x14, 0x1c) */
	if ((esr & 0x30) == FSC_TYPE_EXTABT) {
		avmm_inject_abort(vcpu, exec, ctx->far, FSC_TYPE_EXTABT);
		return 1;
	}
	if (FSC_TYPE(esr) > FSC_TYPE_PERM)
		return -EFAULT;
	/* beyond the IPA size: like an access to a bus that is not there */
	if (fault.ipa >> vcpu->vm->s2.ipa_bits) {
		inject_abort(vcpu, &fault);
		return 1;
	}
	if ((esr & (ESR_ISV | ESR_S1PTW | ESR_CM)) == ESR_ISV && !exec &&
	    avmm_iobus_covers(vcpu->vm, fault.ipa) && avmm_mmio_kernel(vcpu, fault.ipa))
		return 1;
	vcpu->stat.s2_faults++;
	ret = avmm_s2_fault(vcpu->vm, &fault);
	trace_avmm_s2_fault(vcpu->id, fault.ipa, esr, ret);
	if (ret == AVMM_FAULT_FIXED || ret == -EAGAIN)
		return 1;
	if (ret == AVMM_FAULT_MMIO)
		return not_ram(vcpu, &fault);
	if (ret == -EINTR)
		return 1;	/* run.c sees the signal */
	if (ret == -ENOEXEC) {
		inject_abort(vcpu, &fault);	/* a fetch from device memory */
		return 1;
	}
	return ret;
}

/*
 * A conditional AArch32 instruction at EL0 may trap although its condition
 * fails (Arm ARM G1.19, IMPLEMENTATION DEFINED); then it is to do nothing.
 */
static bool condition_holds(const struct avmm_ctx *ctx)
{
	u32 cond = (ctx->esr >> 20) & 0xf;
	bool n = ctx->pstate & BIT(31), z = ctx->pstate & BIT(30);
	bool c = ctx->pstate & BIT(29), v = ctx->pstate & BIT(28);
	bool holds[8] = { z, c, n, v, c && !z, n == v, n == v && !z, true };

	if (!(ctx->esr & ESR_ISV) || cond == 0xf)	/* CV, in the same place */
		return true;
	return holds[cond >> 1] != (cond & 1);
}

static int handle_a32(struct avmm_vcpu *vcpu)
{
	if (condition_holds(vcpu->arch.ctx))
		avmm_inject_undef(vcpu);
	else
		avmm_skip_instr(vcpu);
	return 1;
}

/*
 * Undefined is what is not offered: AArch32 EL0 reaching what HSTR_EL2 or
 * MDCR_EL2 traps; SVE; FP that tier 0 could not give.
 */
static int (*const handlers[64])(struct avmm_vcpu *vcpu) = {
	[EC_UNKNOWN] = handle_undef,
	[EC_WFX] = handle_wfx,
	[EC_CP15_32] = handle_a32,
	[EC_CP15_64] = handle_a32,
	[EC_CP14_MR] = handle_a32,
	[EC_CP14_LS] = handle_a32,
	[EC_FP_ASIMD] = handle_undef,
	[EC_PAC] = handle_undef,
	[EC_CP14_64] = handle_a32,
	[EC_HVC64] = handle_hvc,
	[EC_SMC64] = avmm_handle_smc,
	[EC_SYS64] = handle_sysreg,
	[EC_SVE] = handle_undef,
	[EC_IABT_LOW] = handle_abort,
	[EC_DABT_LOW] = handle_abort,
};

static int handle_sync(struct avmm_vcpu *vcpu)
{
	u8 ec = ESR_EC(vcpu->arch.ctx->esr);

	if (handlers[ec])
		return handlers[ec](vcpu);
	/* something we do not know to trap: the guest sees it as an instruction that is not there */
	pr_notice_ratelimited("vCPU %u: unexpected exception class %#x\n", vcpu->id, ec);
	return handle_undef(vcpu);
}

/**
 * avmm_handle_exit - act on an exit that EL2 did not answer
 * @vcpu: its context is as the exit left it
 *
 * Return: the convention of avmm.h
 */
int avmm_handle_exit(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;

	/* beside the exit proper a physical SError came: the guest caused it, the guest gets it */
	if (unlikely(ctx->flags & AVMM_CTX_SERROR)) {
		ctx->flags &= ~AVMM_CTX_SERROR;
		avmm_inject_serror(vcpu, ESR_ISS(ctx->serror_esr));
	}
	switch (ctx->exit_code) {
	case AVMM_HYP_EXIT_SYNC:
		return handle_sync(vcpu);
	case AVMM_HYP_EXIT_IRQ:
		vcpu->stat.irq++;	/* taken when run.c opened interrupts */
		return 1;
	case AVMM_HYP_EXIT_SERROR:
		avmm_inject_serror(vcpu, ESR_ISS(ctx->esr));
		return 1;
	default:
		pr_err("EL2 fault: esr %#llx elr %#llx far %#llx\n", ctx->esr, ctx->hpfar,
		       ctx->far);
		avmm_vm_kill(vcpu->vm, "EL2 faulted while a guest ran");
		return -EIO;
	}
}
