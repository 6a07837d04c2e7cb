// SPDX-License-Identifier: GPL-2.0
/*
 * Guest accesses to addresses that no memory slot answers: decode the data
 * abort's syndrome, ask the in-kernel bus, else hand the access to user space.
 *
 * Exit path 5/8: called by arm/exit.c after mmu/ said AVMM_FAULT_MMIO; calls
 * iobus.c. run.c calls avmm_finish_mmio() when user space has answered. The
 * vCPU thread, vcpu->mutex held.
 */
#include <linux/swab.h>
#include "avmm.h"
#include "arm/sysreg.h"

/* what a VMM may see of a syndrome that does not describe the access */
#define NISV_ISS_MASK	(ESR_CM | ESR_WNR | 0x3fUL)

/* Data accesses of the interrupted code are big-endian (Arm ARM B2.6.2) */
static bool guest_big_endian(const struct avmm_ctx *ctx)
{
	if (ctx->pstate & PS_NRW)
		return ctx->pstate & PS_E32;
	if ((ctx->pstate & PS_MODE_MASK) == PS_MODE_EL0T)
		return ctx->sys[CTX_SCTLR_EL1] & SCTLR_E0E_BIT;
	return ctx->sys[CTX_SCTLR_EL1] & SCTLR_EE_BIT;
}

/*
 * Between the value in a register and the one whose little-endian bytes are
 * what appears on the bus; its own inverse. Upper bytes come out zero.
 */
static u64 bus_order(const struct avmm_ctx *ctx, u64 val, unsigned int len)
{
	unsigned int bits = len * 8;

	if (bits < 64)
		val &= (1ULL << bits) - 1;
	return guest_big_endian(ctx) ? swab64(val) >> (64 - bits) : val;
}

static void bytes_put(u8 *to, u64 val, unsigned int len)
{
	for (; len; len--, val >>= 8)
		*to++ = val;
}

static u64 bytes_get(const u8 *from, unsigned int len)
{
	u64 val = 0;

	while (len--)
		val = (val << 8) | from[len];
	return val;
}

/* put the loaded bus value into the register the instruction named */
static void finish_load(struct avmm_vcpu *vcpu, u64 val)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	unsigned int len = vcpu->arch.mmio.len;

	val = bus_order(ctx, val, len);
	if (vcpu->arch.mmio.sign)
		val = sign_extend64(val, len * 8 - 1);
	if (!vcpu->arch.mmio.sf)
		val = (u32)val;
	if (vcpu->arch.mmio.rt != 31)
		ctx->x[vcpu->arch.mmio.rt] = val;
}

static void decode(struct avmm_vcpu *vcpu)
{
	u64 esr = vcpu->arch.ctx->esr;

	vcpu->arch.mmio.len = 1U << ESR_SAS(esr);
	vcpu->arch.mmio.rt = ESR_SRT(esr);
	vcpu->arch.mmio.sign = esr & ESR_SSE;
	vcpu->arch.mmio.sf = esr & ESR_SF;
	vcpu->arch.mmio.write = esr & ESR_WNR;
}

/*
 * ISV clear: a load or store with writeback, of a pair, of vectors, exclusive,
 * atomic. The syndrome does not say what it wanted (Arm ARM D19.2, ISS of a
 * data abort), and we do not read and decode guest code behind its back.
 */
static int no_syndrome(struct avmm_vcpu *vcpu, u64 ipa)
{
	struct avmm_run *run = vcpu->run;
	u64 esr = vcpu->arch.ctx->esr;

	if (vcpu->vm->arch.nisv_to_user) {
		run->exit_reason = AVMM_EXIT_ARM_NISV;
		run->arm_nisv.esr_iss = esr & NISV_ISS_MASK;
		run->arm_nisv.fault_ipa = ipa;
		return 0;
	}
	pr_notice_ratelimited("vCPU %u: access to 0x%llx, outside of memory, by an instruction without a syndrome (ESR 0x%llx)\n",
			      vcpu->id, ipa, esr);
	return -ENOSYS;
}

/* user space answers: 0 and the run page is filled */
static int ask_user(struct avmm_vcpu *vcpu, u64 ipa, u64 val)
{
	struct avmm_run *run = vcpu->run;

	run->exit_reason = AVMM_EXIT_MMIO;
	run->mmio.phys_addr = ipa;
	run->mmio.len = vcpu->arch.mmio.len;
	run->mmio.is_write = vcpu->arch.mmio.write;
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (vcpu->arch.mmio.write)
		bytes_put(run->mmio.data, val, vcpu->arch.mmio.len);
	vcpu->mmio_needed = true;
	vcpu->stat.mmio_user++;
	return 0;
}

/**
 * avmm_mmio_kernel - let a device in the kernel answer a data abort
 * @vcpu: the vCPU that took it; the syndrome describes a load or store
 * @ipa: guest-physical address, to the byte
 *
 * Asked before the memory slots: a device's registers are never memory, and
 * their cost is what guests notice.
 *
 * Return: true if one answered. The PC is past the instruction then, unless the device
 * wants it executed again.
 */
bool avmm_mmio_kernel(struct avmm_vcpu *vcpu, u64 ipa)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 val = 0;
	int ret;

	decode(vcpu);
	if (vcpu->arch.mmio.write) {
		if (vcpu->arch.mmio.rt != 31)
			val = bus_order(ctx, ctx->x[vcpu->arch.mmio.rt], vcpu->arch.mmio.len);
		ret = avmm_iobus_write(vcpu, ipa, vcpu->arch.mmio.len, val);
		/* long work: signals and the scheduler have their turn between two of its parts */
		if (ret == -EAGAIN)
			return true;
		if (ret)
			return false;
	} else {
		if (avmm_iobus_read(vcpu, ipa, vcpu->arch.mmio.len, &val))
			return false;
		finish_load(vcpu, val);
	}
	vcpu->stat.mmio_kernel++;
	avmm_skip_instr(vcpu);
	return true;
}

/**
 * avmm_mmio_user - a data abort that neither memory nor the kernel answers
 * @vcpu: the vCPU that took it; not a fetch, a table walk or cache maintenance
 * @ipa: guest-physical address, to the byte
 *
 * The PC moves when the access is complete, in avmm_finish_mmio(), so that a
 * VMM may inject an abort instead.
 *
 * Return: 0 (AVMM_EXIT_MMIO or AVMM_EXIT_ARM_NISV), 1 (user space is told of it later), or -ENOSYS.
 */
int avmm_mmio_user(struct avmm_vcpu *vcpu, u64 ipa)
{
	const struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 val = 0;

	if (!(ctx->esr & ESR_ISV))
		return no_syndrome(vcpu, ipa);
	decode(vcpu);
	if (vcpu->arch.mmio.write && vcpu->arch.mmio.rt != 31)
		val = bus_order(ctx, ctx->x[vcpu->arch.mmio.rt], vcpu->arch.mmio.len);
	if (vcpu->arch.mmio.write && avmm_coalesce(vcpu->vm, ipa, vcpu->arch.mmio.len, val)) {
		vcpu->stat.mmio_kernel++;
		avmm_skip_instr(vcpu);
		return 1;
	}
	return ask_user(vcpu, ipa, val);
}

/**
 * avmm_finish_mmio - user space has answered an AVMM_EXIT_MMIO
 * @vcpu: the vCPU; run.c found vcpu->mmio_needed set, and has cleared it
 *
 * A RUN that returns before entering the guest has come here too: the access
 * must not be asked for twice. The length is that of the decode, not what
 * user space left in the run page.
 *
 * Return: 1.
 */
int avmm_finish_mmio(struct avmm_vcpu *vcpu)
{
	if (!vcpu->arch.mmio.write)
		finish_load(vcpu, bytes_get(vcpu->run->mmio.data, vcpu->arch.mmio.len));
	avmm_skip_instr(vcpu);
	return 1;
}
