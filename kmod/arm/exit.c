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
		yield();
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

static void inject_abort(struct avmm_vcpu *vcpu, bool exec)
{
	if (exec)
		avmm_inject_iabt(vcpu, vcpu->arch.ctx->far);
	else
		avmm_inject_dabt(vcpu, vcpu->arch.ctx->far);
}

/* a stage-2 abort that no slot answers */
static int not_ram(struct avmm_vcpu *vcpu, const struct avmm_fault *fault)
{
	u64 esr = vcpu->arch.ctx->esr;

	/* code and page tables cannot live in a device: an external abort, as on real buses */
	if (fault->exec || fault->s1ptw) {
		inject_abort(vcpu, fault->exec);
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
		/* a walk that fails on permission is one that must set the access or dirty flag */
		.write = !exec && (esr & ESR_S1PTW ? FSC_TYPE(esr) == FSC_TYPE_PERM
					: (esr & ESR_WNR) && !(esr & ESR_CM)),
		.exec = exec && !(esr & ESR_S1PTW),
		.perm = FSC_TYPE(esr) == FSC_TYPE_PERM,
		.access = FSC_TYPE(esr) == FSC_TYPE_ACCESS,
		.s1ptw = esr & ESR_S1PTW,
		.level = FSC_LEVEL(esr),
	};
	int ret;

	if (FSC_TYPE(esr) == FSC_TYPE_EXTABT) {
		inject_abort(vcpu, exec);
		return 1;
	}
	if (FSC_TYPE(esr) > FSC_TYPE_PERM) {
		avmm_vm_kill(vcpu->vm, "stage-2 abort of an unknown kind");
		return -EFAULT;
	}
	/* beyond the IPA size: like an access to a bus that is not there */
	if (fault.ipa >> vcpu->vm->s2.ipa_bits) {
		inject_abort(vcpu, exec);
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
	return ret;
}

/*
 * handle_undef for what is not offered: AArch32 EL0 reaching what HSTR_EL2,
 * CPTR_EL2 or MDCR_EL2 traps; SVE; FP that tier 0 could not give.
 */
static int (*const handlers[])(struct avmm_vcpu *vcpu) = {
	[EC_UNKNOWN] = handle_undef,
	[EC_WFX] = handle_wfx,
	[EC_CP15_32] = handle_undef,
	[EC_CP15_64] = handle_undef,
	[EC_CP14_MR] = handle_undef,
	[EC_FP_ASIMD] = handle_undef,
	[EC_PAC] = handle_undef,
	[EC_CP14_64] = handle_undef,
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

	if (ec < ARRAY_SIZE(handlers) && handlers[ec])
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
	switch (vcpu->arch.ctx->exit_code) {
	case AVMM_HYP_EXIT_SYNC:
		return handle_sync(vcpu);
	case AVMM_HYP_EXIT_IRQ:
		vcpu->stat.irq++;	/* taken when run.c opened interrupts */
		return 1;
	case AVMM_HYP_EXIT_SERROR:
		/* the guest caused it, the guest gets it */
		avmm_inject_serror(vcpu, ESR_ISS(vcpu->arch.ctx->esr));
		return 1;
	default:
		pr_err("EL2 fault: esr %#llx elr %#llx far %#llx\n", vcpu->arch.ctx->esr,
		       vcpu->arch.ctx->hpfar, vcpu->arch.ctx->far);
		avmm_vm_kill(vcpu->vm, "EL2 faulted while a guest ran");
		return -EIO;
	}
}
