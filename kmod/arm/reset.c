// SPDX-License-Identifier: GPL-2.0
/*
 * What AVMM_ARM_VCPU_INIT accepts, and the state a vCPU has after it and after
 * PSCI CPU_ON. Values are those of a warm reset to EL1 (Arm ARM D1.4) where
 * the architecture gives one, else those of KVM.
 *
 * vcpu->mutex is held; the vCPU is not in the guest.
 */
#include <asm/cacheflush.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include "avmm.h"
#include "arm/sysreg.h"

/* EL1h, DAIF masked (Arm ARM D1.4.1) */
#define PS_RESET		(PS_MODE_EL1H | PS_DAIF)

/*
 * Every guest: stage 2 on, exceptions to EL2, broadcast maintenance, AArch64
 * EL1. Trapped: WFx, SMC, ID registers (REVIDR_EL1 and AIDR_EL1 too), ACTLR,
 * implementation defined space, set/way operations, and writes to the MMU
 * registers until the caches are on (but see FWB below).
 *
 * SWIO: DC ISW must clean too, or a guest could drop the host's dirty lines.
 * PTW: the guest's table walks may not read device memory.
 * TLOR is RES0 on CPUs without FEAT_LOR.
 */
#define HCR_RESET	(HCR_BIT_VM | HCR_BIT_SWIO | HCR_BIT_PTW | HCR_BIT_FMO | HCR_BIT_IMO |	\
			 HCR_BIT_AMO | HCR_BIT_FB | HCR_BIT_BSU_IS | HCR_BIT_TWI | HCR_BIT_TWE | \
			 HCR_BIT_TID1 | HCR_BIT_TID3 | HCR_BIT_TSC | HCR_BIT_TIDCP |		\
			 HCR_BIT_TACR | HCR_BIT_TSW | HCR_BIT_TVM | HCR_BIT_RW | HCR_BIT_TLOR)

/* RAS: error records are the host's, and so are synchronous external aborts */
#define HCR_RESET_RAS	(HCR_BIT_TERR | HCR_BIT_TEA)

/*
 * MDCR_EL2: debug, OS lock, ROM address, PMU, SPE and trace filter accesses
 * trap. EL2 adds the host's HPMN. (TPMS, TTRF: RES0 where there is none.)
 */
#define MDCR_TPMCR	BIT_ULL(5)
#define MDCR_TPM	BIT_ULL(6)
#define MDCR_TDA	BIT_ULL(9)
#define MDCR_TDOSA	BIT_ULL(10)
#define MDCR_TDRA	BIT_ULL(11)
#define MDCR_TPMS	BIT_ULL(14)
#define MDCR_TTRF	BIT_ULL(19)
#define MDCR_RESET	(MDCR_TPMCR | MDCR_TPM | MDCR_TDA | MDCR_TDOSA | MDCR_TDRA |	\
			 MDCR_TPMS | MDCR_TTRF)

/* the target numbers of the first 64-bit cores; everything newer is GENERIC_V8 */
static const struct {
	u32 midr;	/* implementer and part number */
	u32 target;
} core_targets[] = {
	{ 0x4100d0f0, 0 },	/* Arm AEMv8 model */
	{ 0x4100d000, 1 },	/* Arm Foundation model */
	{ 0x4100d070, 2 },	/* Cortex-A57 */
	{ 0x50000000, 3 },	/* APM X-Gene */
	{ 0x4100d030, 4 },	/* Cortex-A53 */
};

#define MIDR_CORE_MASK	0xff00fff0

static u32 core_target(void)
{
	u32 core = read_cpuid_id() & MIDR_CORE_MASK;
	int i;

	for (i = 0; i < ARRAY_SIZE(core_targets); i++)
		if (core_targets[i].midr == core)
			return core_targets[i].target;
	return AVMM_ARM_TARGET_GENERIC_V8;
}

/* what a VMM may ask for; POWER_OFF belongs to the call, not to the vCPU */
#define FEATURES_OFFERED	BIT(AVMM_ARM_VCPU_PSCI_0_2)

static int check_features(struct avmm_vcpu *vcpu, const struct avmm_vcpu_init *init, u32 features)
{
	int i;

	if (init->target != AVMM_ARM_TARGET_GENERIC_V8 && init->target != core_target())
		return -EINVAL;
	if (vcpu->arch.inited && init->target != vcpu->arch.target)
		return -EINVAL;
	if (features >> AVMM_VCPU_NR_FEATURES)
		return -ENOENT;
	for (i = 1; i < ARRAY_SIZE(init->features); i++)
		if (init->features[i])
			return -ENOENT;
	if (features & ~FEATURES_OFFERED)
		return -EINVAL;
	if (vcpu->arch.inited && features != vcpu->arch.features[0])
		return -EINVAL;
	return 0;
}

/*
 * The guest starts over with its caches off and code that the VMM has written
 * anew: what it will read from memory must be there, and no instruction of
 * the former life may be left in an I-cache.
 */
static void forget_caches(struct avmm_vm *vm)
{
	avmm_s2_clean_vm(vm);
	asm volatile("ic ialluis" : : : "memory");
	dsb(ish);
}

/**
 * avmm_vcpu_init_target - AVMM_ARM_VCPU_INIT
 * @vcpu: the vCPU; caller holds its mutex
 * @init: target and features
 *
 * Return: 0; -EINVAL for a target or a feature that is not offered, or for
 * ones other than at the first call; -ENOENT for an unknown feature.
 */
int avmm_vcpu_init_target(struct avmm_vcpu *vcpu, const struct avmm_vcpu_init *init)
{
	u32 features = init->features[0] & ~BIT(AVMM_ARM_VCPU_POWER_OFF);
	int ret;

	ret = check_features(vcpu, init, features);
	if (ret)
		return ret;
	vcpu->arch.target = init->target;
	bitmap_zero(vcpu->arch.features, AVMM_VCPU_NR_FEATURES);
	vcpu->arch.features[0] = features;
	if (vcpu->arch.ran)
		forget_caches(vcpu->vm);
	/* a CPU_ON not yet carried out belongs to the former life */
	avmm_test_clear_request(vcpu, AVMM_REQ_RESET);
	avmm_vcpu_reset(vcpu);
	vcpu->arch.inited = true;

	if (init->features[0] & BIT(AVMM_ARM_VCPU_POWER_OFF)) {
		avmm_vcpu_power_off(vcpu);
	} else {
		spin_lock(&vcpu->arch.mp_lock);
		WRITE_ONCE(vcpu->arch.mp_state, AVMM_MP_STATE_RUNNABLE);
		spin_unlock(&vcpu->arch.mp_lock);
	}
	return 0;
}

/**
 * avmm_vcpu_reset - reset values into all of a vCPU's state
 * @vcpu: the vCPU, stopped
 */
void avmm_vcpu_reset(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	struct avmm_vm *vm = vcpu->vm;

	memset(ctx->x, 0, sizeof(ctx->x));
	memset(&ctx->fp, 0, sizeof(ctx->fp));
	ctx->pc = 0;
	ctx->pstate = PS_RESET;

	ctx->hcr = HCR_RESET;
	ctx->mdcr = MDCR_RESET;
	ctx->vsesr = 0;
	if (avmm_host.has_ras) {
		ctx->hcr |= HCR_RESET_RAS;
		ctx->flags |= AVMM_CTX_HAS_RAS;
	}
	if (avmm_host.has_pmu)
		ctx->flags |= AVMM_CTX_HAS_PMU;
	if (avmm_host.has_fgt)
		ctx->flags |= AVMM_CTX_HAS_FGT;
	if (avmm_has_mpam())
		ctx->flags |= AVMM_CTX_HAS_MPAM;
	if (avmm_host.has_hcx)
		ctx->flags |= AVMM_CTX_HAS_HCX;
	if (avmm_host.gic == 2)
		ctx->flags |= AVMM_CTX_GICH;
	if (avmm_host.trap_sre)
		ctx->flags |= AVMM_CTX_TRAP_SRE;
	/* mmu/ chose its memory attributes and left out cache maintenance for this */
	if (vm->s2.fwb)
		ctx->hcr = (ctx->hcr | HCR_BIT_FWB) & ~HCR_BIT_TVM;
	ctx->nr_brps = avmm_host.nr_brps;
	ctx->nr_wrps = avmm_host.nr_wrps;
	ctx->vtcr = vm->s2.vtcr;
	ctx->vttbr = avmm_s2_vttbr(vm);

	/* fills ctx->vpidr and ctx->vmpidr too */
	avmm_sysreg_reset(vcpu);
	avmm_hvc_tier0_setup(vcpu);
	avmm_timer_vcpu_reset(vcpu);
	vgic_vcpu_reset(vcpu);

	/* nothing of an access that was in flight may reach the new registers */
	vcpu->mmio_needed = false;
}

/**
 * avmm_vcpu_load_reset - start where PSCI CPU_ON said
 * @vcpu: the vCPU; its mutex is held, AVMM_REQ_RESET has been taken
 *
 * The caller's endianness is inherited (PSCI, DEN0022, 6.4.3: the core starts
 * in the state of the calling exception level).
 */
void avmm_vcpu_load_reset(struct avmm_vcpu *vcpu)
{
	struct avmm_reset_state start;
	struct avmm_ctx *ctx = vcpu->arch.ctx;

	spin_lock(&vcpu->arch.mp_lock);
	start = vcpu->arch.reset;
	spin_unlock(&vcpu->arch.mp_lock);

	avmm_vcpu_reset(vcpu);
	ctx->pc = start.pc;
	ctx->x[0] = start.x0;
	if (start.be)
		ctx->sys[CTX_SCTLR_EL1] |= SCTLR_EE_BIT;
}
