// SPDX-License-Identifier: GPL-2.0
/*
 * PSCI for guests (Arm DEN0022): 0.2, and 1.0 to what the KVM of the kernel has, 1.1 or
 * 1.3; and KVM's 0.1 numbers for VMs that did not ask for 0.2. Called by hvc.c in the
 * vCPU thread.
 *
 * A vCPU's power state is arch.mp_state, changed under its arch.mp_lock; a
 * system event takes the locks one after the other, never two at once.
 */
#include "avmm.h"
#include "arm/sysreg.h"

/* versions, major in the upper half (DEN0022 5.1.1) */
#define PSCI_V0_1	0x00001
#define PSCI_V0_2	0x00002
#define PSCI_V1_0	0x10000
#define PSCI_V1_1	0x10001
#define PSCI_V1_2	0x10002
#define PSCI_V1_3	0x10003

/* function ids: a base for each calling convention, and a number */
#define PSCI_BASE_32	0x84000000U
#define PSCI_BASE_64	0xc4000000U
#define PSCI_NR_FNS	0x20
#define FN_SMCCC_VERSION	0x80000000U

/* the 0.1 ids are the platform's to choose; these are KVM's ("1.0^2" in its uapi) */
#define PSCI_V0_1_BASE	0x95c1ba5eU

/* return values (DEN0022 5.2.2) */
#define PSCI_OK			0
#define PSCI_NOT_SUPPORTED	((u64)-1)
#define PSCI_INVALID_PARAMS	((u64)-2)
#define PSCI_ALREADY_ON		((u64)-4)
#define PSCI_INTERNAL_FAILURE	((u64)-6)

/* AFFINITY_INFO */
#define PSCI_AFF_ON		0
#define PSCI_AFF_OFF		1

/* MIGRATE_INFO_TYPE: no trusted OS, or one that need not migrate */
#define PSCI_NO_MIGRATION	2

/* SYSTEM_RESET2: 0 is a warm reset, from bit 31 on the types are the vendor's */
#define PSCI_RESET2_WARM	0
#define PSCI_RESET2_VENDOR	0x80000000U

/* SYSTEM_OFF2: hibernation, as type and in FEATURES; 0 is the same, from before 1.3 was final */
#define PSCI_OFF2_HIBERNATE	1
#define PSCI_OFF2_NUMBER	0x15

/* MPIDR_EL1 Aff3..Aff0 */
#define MPIDR_AFF_MASK	0xff00ffffffULL

/**
 * struct psci_fn - one PSCI function
 * @call: its work; @arg is x1..x3, narrowed for a 32-bit call. The return
 *	  value goes to x0 unless @exit.
 * @since: first version that has it
 * @has_64: exists in the 64-bit range too
 * @exit: leaves to user space after @call
 */
struct psci_fn {
	u64 (*call)(struct avmm_vcpu *vcpu, const u64 *arg);
	u32 since;
	bool has_64;
	bool exit;
};

static struct avmm_vcpu *vcpu_by_mpidr(struct avmm_vm *vm, u64 mpidr)
{
	struct avmm_vcpu *vcpu;
	int i;

	avmm_for_each_vcpu(i, vcpu, vm)
		if ((vcpu->arch.ctx->sys[CTX_MPIDR_EL1] & MPIDR_AFF_MASK) == mpidr)
			return vcpu;
	return NULL;
}

static bool is_off(struct avmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.mp_state) == AVMM_MP_STATE_STOPPED;
}

/**
 * avmm_vcpu_power_off - stop a vCPU until CPU_ON or user space starts it
 * @vcpu: any vCPU, its own thread or another
 */
void avmm_vcpu_power_off(struct avmm_vcpu *vcpu)
{
	spin_lock(&vcpu->arch.mp_lock);
	WRITE_ONCE(vcpu->arch.mp_state, AVMM_MP_STATE_STOPPED);
	spin_unlock(&vcpu->arch.mp_lock);
	avmm_request(vcpu, AVMM_REQ_SLEEP);
}

static u64 psci_version(struct avmm_vcpu *vcpu, const u64 *arg)
{
	return avmm_psci_version(vcpu);
}

/* Every power state is treated as standby, which loses no state (DEN0022 5.4.5). */
static u64 psci_cpu_suspend(struct avmm_vcpu *vcpu, const u64 *arg)
{
	avmm_vcpu_block(vcpu);
	return PSCI_OK;
}

static u64 psci_cpu_off(struct avmm_vcpu *vcpu, const u64 *arg)
{
	avmm_vcpu_power_off(vcpu);
	return PSCI_OK;
}

static u64 psci_cpu_on(struct avmm_vcpu *vcpu, const u64 *arg)
{
	bool be = vcpu->arch.ctx->sys[CTX_SCTLR_EL1] & SCTLR_EE_BIT;
	struct avmm_vcpu *target;

	if (arg[0] & ~MPIDR_AFF_MASK)
		return PSCI_INVALID_PARAMS;
	target = vcpu_by_mpidr(vcpu->vm, arg[0]);
	if (!target)
		return PSCI_INVALID_PARAMS;

	spin_lock(&target->arch.mp_lock);
	if (!is_off(target)) {
		spin_unlock(&target->arch.mp_lock);
		/* ALREADY_ON came with 0.2 */
		return avmm_psci_version(vcpu) == PSCI_V0_1 ? PSCI_INVALID_PARAMS :
							      PSCI_ALREADY_ON;
	}
	target->arch.reset.pc = arg[1];
	target->arch.reset.x0 = arg[2];
	target->arch.reset.be = be;
	avmm_request(target, AVMM_REQ_RESET);
	/* whoever sees it runnable must see the request; pairs with the barrier in run.c */
	smp_wmb();
	WRITE_ONCE(target->arch.mp_state, AVMM_MP_STATE_RUNNABLE);
	spin_unlock(&target->arch.mp_lock);
	avmm_kick(target);
	return PSCI_OK;
}

/* ON if any vCPU under the given affinity is on (DEN0022 5.7); levels above 3 do not exist */
static u64 psci_affinity_info(struct avmm_vcpu *vcpu, const u64 *arg)
{
	static const u64 level_mask[] = { 0xff00ffffff, 0xff00ffff00, 0xff00ff0000, 0xff00000000 };
	struct avmm_vcpu *v;
	u64 mask, target;
	int found = 0;
	int i;

	if ((arg[0] & ~MPIDR_AFF_MASK) || arg[1] >= ARRAY_SIZE(level_mask))
		return PSCI_INVALID_PARAMS;
	mask = level_mask[arg[1]];
	target = arg[0] & mask;
	avmm_for_each_vcpu(i, v, vcpu->vm) {
		if ((v->arch.ctx->sys[CTX_MPIDR_EL1] & mask) != target)
			continue;
		found++;
		if (!is_off(v))
			return PSCI_AFF_ON;
	}
	return found ? PSCI_AFF_OFF : PSCI_INVALID_PARAMS;
}

static u64 psci_migrate_info_type(struct avmm_vcpu *vcpu, const u64 *arg)
{
	return PSCI_NO_MIGRATION;
}

/* no vCPU runs on until user space has dealt with the event */
static void system_event(struct avmm_vcpu *vcpu, u32 type, u64 flags)
{
	struct avmm_run *run = vcpu->run;
	struct avmm_vcpu *v;
	int i;

	avmm_for_each_vcpu(i, v, vcpu->vm)
		avmm_vcpu_power_off(v);
	memset(&run->system_event, 0, sizeof(run->system_event));
	run->exit_reason = AVMM_EXIT_SYSTEM_EVENT;
	run->system_event.type = type;
	run->system_event.ndata = 1;
	run->system_event.data[0] = flags;
}

/* These do not return to the guest. If a VMM lets it run on regardless, it sees a failure. */
static u64 psci_system_off(struct avmm_vcpu *vcpu, const u64 *arg)
{
	system_event(vcpu, AVMM_SYSTEM_EVENT_SHUTDOWN, 0);
	return PSCI_INTERNAL_FAILURE;
}

static u64 psci_system_off2(struct avmm_vcpu *vcpu, const u64 *arg)
{
	/* the cookie is reserved */
	if (arg[0] > PSCI_OFF2_HIBERNATE || arg[1])
		return PSCI_INVALID_PARAMS;
	system_event(vcpu, AVMM_SYSTEM_EVENT_SHUTDOWN, AVMM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2);
	return PSCI_INTERNAL_FAILURE;
}

static u64 psci_system_reset(struct avmm_vcpu *vcpu, const u64 *arg)
{
	system_event(vcpu, AVMM_SYSTEM_EVENT_RESET, 0);
	return PSCI_INTERNAL_FAILURE;
}

static u64 psci_system_reset2(struct avmm_vcpu *vcpu, const u64 *arg)
{
	if (arg[0] > PSCI_RESET2_WARM && arg[0] < PSCI_RESET2_VENDOR)
		return PSCI_INVALID_PARAMS;
	/* type and cookie stay in x1 and x2 for user space */
	system_event(vcpu, AVMM_SYSTEM_EVENT_RESET, AVMM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2);
	return PSCI_INTERNAL_FAILURE;
}

/* User space decides: it reads entry point and context from x1 and x2. x0 is not touched. */
static u64 psci_system_suspend(struct avmm_vcpu *vcpu, const u64 *arg)
{
	struct avmm_run *run = vcpu->run;

	memset(&run->system_event, 0, sizeof(run->system_event));
	run->exit_reason = AVMM_EXIT_SYSTEM_EVENT;
	run->system_event.type = AVMM_SYSTEM_EVENT_SUSPEND;
	return vcpu->arch.ctx->x[0];
}

static u64 psci_features(struct avmm_vcpu *vcpu, const u64 *arg);

/* by function number (DEN0022 5.1, table 5) */
static const struct psci_fn psci_fns[PSCI_NR_FNS] = {
	[0x00] = { psci_version,		PSCI_V0_2 },
	[0x01] = { psci_cpu_suspend,		PSCI_V0_2, .has_64 = true },
	[0x02] = { psci_cpu_off,		PSCI_V0_2 },
	[0x03] = { psci_cpu_on,			PSCI_V0_2, .has_64 = true },
	[0x04] = { psci_affinity_info,		PSCI_V0_2, .has_64 = true },
	[0x06] = { psci_migrate_info_type,	PSCI_V0_2 },
	[0x08] = { psci_system_off,		PSCI_V0_2, .exit = true },
	[0x09] = { psci_system_reset,		PSCI_V0_2, .exit = true },
	[0x0a] = { psci_features,		PSCI_V1_0 },
	[0x0e] = { psci_system_suspend,		PSCI_V1_0, .has_64 = true, .exit = true },
	[0x12] = { psci_system_reset2,		PSCI_V1_1, .has_64 = true, .exit = true },
	[PSCI_OFF2_NUMBER] = { psci_system_off2,		PSCI_V1_3, .has_64 = true, .exit = true },
};

/* KVM's PSCI 0.1: id minus base; 0 and 3, CPU_SUSPEND and MIGRATE, are not supported */
static const struct psci_fn psci_v0_1_fns[] = {
	[0] = { NULL },
	[1] = { psci_cpu_off,			PSCI_V0_1 },
	[2] = { psci_cpu_on,			PSCI_V0_1 },
	[3] = { NULL },
};

static bool fn_exists(const struct avmm_vcpu *vcpu, const struct psci_fn *fn)
{
	if (!fn->call || avmm_psci_version(vcpu) < fn->since)
		return false;
	return fn->call != psci_system_suspend || vcpu->vm->arch.system_suspend;
}

/* bit n: function n exists in the 32-bit or 64-bit range */
static u32 features_map(const struct avmm_vcpu *vcpu, bool is_64)
{
	u32 map = 0;
	int i;

	for (i = 0; i < PSCI_NR_FNS; i++)
		if (fn_exists(vcpu, &psci_fns[i]) && (!is_64 || psci_fns[i].has_64))
			map |= BIT(i);
	return map;
}

static bool is_psci_id(u32 id)
{
	return (id & ~(PSCI_NR_FNS - 1)) == PSCI_BASE_32 ||
	       (id & ~(PSCI_NR_FNS - 1)) == PSCI_BASE_64;
}

static u64 psci_features(struct avmm_vcpu *vcpu, const u64 *arg)
{
	u32 id = arg[0];

	/* asking PSCI for SMCCC_VERSION is how a guest finds SMCCC 1.1 (DEN0028 7.2) */
	if (id == FN_SMCCC_VERSION)
		return PSCI_OK;
	if (!is_psci_id(id))
		return PSCI_NOT_SUPPORTED;
	if (!(features_map(vcpu, id & (PSCI_BASE_32 ^ PSCI_BASE_64)) & BIT(id % PSCI_NR_FNS)))
		return PSCI_NOT_SUPPORTED;
	return id % PSCI_NR_FNS == PSCI_OFF2_NUMBER ? PSCI_OFF2_HIBERNATE : PSCI_OK;
}

/* NULL: no such function here */
static const struct psci_fn *find_fn(const struct avmm_vcpu *vcpu, u32 id)
{
	const struct psci_fn *fn;

	if (avmm_psci_version(vcpu) == PSCI_V0_1) {
		u32 n = id - PSCI_V0_1_BASE;

		return n < ARRAY_SIZE(psci_v0_1_fns) && psci_v0_1_fns[n].call ?
		       &psci_v0_1_fns[n] : NULL;
	}
	fn = &psci_fns[id % PSCI_NR_FNS];
	if (!is_psci_id(id) || !fn_exists(vcpu, fn))
		return NULL;
	if (id >= PSCI_BASE_64 && !fn->has_64)
		return NULL;
	return fn;
}

/**
 * avmm_psci_call - the PSCI function in x0
 * @vcpu: the caller; its PC is already past the call
 *
 * Return: 1 answered; 0 left to user space with vcpu->run filled; -EOPNOTSUPP
 * if it is not a PSCI function that this VM has.
 */
int avmm_psci_call(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u32 id = ctx->x[0];
	const struct psci_fn *fn = find_fn(vcpu, id);
	u64 arg[3], ret;
	int i;

	if (!fn)
		return -EOPNOTSUPP;
	for (i = 0; i < ARRAY_SIZE(arg); i++)
		/* SMC32 and HVC32 calls take the lower halves (DEN0028 3.1) */
		arg[i] = id >= PSCI_BASE_32 && id < PSCI_BASE_32 + PSCI_NR_FNS ?
			 (u32)ctx->x[i + 1] : ctx->x[i + 1];
	/* user space reads the arguments of its calls from the registers */
	if (fn->exit)
		memcpy(&ctx->x[1], arg, sizeof(arg));
	ret = fn->call(vcpu, arg);
	ctx->x[0] = ret;
	if (!fn->exit) {
		memset(&ctx->x[1], 0, 3 * sizeof(ctx->x[0]));
		return 1;
	}
	/* refused by its arguments: nothing for user space to do */
	return ret == PSCI_INVALID_PARAMS ? 1 : 0;
}

/**
 * avmm_psci_version - the version this vCPU's guest sees
 * @vcpu: an initialised vCPU
 *
 * Return: major in bits 31:16, minor below
 */
u32 avmm_psci_version(const struct avmm_vcpu *vcpu)
{
	if (!test_bit(AVMM_ARM_VCPU_PSCI_0_2, vcpu->arch.features))
		return PSCI_V0_1;
	return READ_ONCE(vcpu->vm->arch.psci_version) ?: AVMM_PSCI_LATEST;
}

/**
 * avmm_hvc_tier0_setup - give EL2 the constants it may answer by itself
 * @vcpu: the vCPU; may be running, each word changes at once
 *
 * PSCI 0.1 has no VERSION or FEATURES call: EL2 then passes everything up.
 */
void avmm_hvc_tier0_setup(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u32 version = avmm_psci_version(vcpu);

	WRITE_ONCE(ctx->psci_features[0], features_map(vcpu, false));
	WRITE_ONCE(ctx->psci_features[1], features_map(vcpu, true));
	WRITE_ONCE(ctx->psci_version, version == PSCI_V0_1 ? 0 : version);
}

/**
 * avmm_psci_enable_suspend - AVMM_CAP_ARM_SYSTEM_SUSPEND: offer SYSTEM_SUSPEND
 * @vm: the VM; caller holds vm->lock
 */
void avmm_psci_enable_suspend(struct avmm_vm *vm)
{
	struct avmm_vcpu *vcpu;
	int i;

	vm->arch.system_suspend = true;
	avmm_for_each_vcpu(i, vcpu, vm)
		avmm_hvc_tier0_setup(vcpu);
}
