// SPDX-License-Identifier: GPL-2.0
/*
 * Hypercalls: a router for the SMC calling convention (Arm DEN0028), and the
 * firmware pseudo-registers with which a VMM chooses what a guest finds.
 *
 * Exit path 5/8: called by arm/exit.c, calls psci.c. What EL2 answers with a
 * constant (SMCCC_VERSION, PSCI_VERSION, PSCI_FEATURES) normally does not get
 * here; the answers are the same.
 */
#include <linux/arm-smccc.h>
#include <linux/random.h>
#include <linux/timekeeping.h>
#include <asm/arch_timer.h>
#include <asm/cpufeature.h>
#include <asm/cputype.h>
#include "avmm.h"

#define HVC_NOT_SUPPORTED	((u64)-1)
#define HVC_NOT_REQUIRED	((u64)-2)

/* function ids: DEN0028 (architecture, vendor hypervisor), DEN0098 (TRNG), DEN0057 (PV time) */
#define FN_SMCCC_VERSION	0x80000000U
#define FN_ARCH_FEATURES	0x80000001U
#define FN_ARCH_WORKAROUND_1	0x80008000U
#define FN_ARCH_WORKAROUND_2	0x80007fffU
#define FN_ARCH_WORKAROUND_3	0x80003fffU
#define FN_TRNG_VERSION		0x84000050U
#define FN_TRNG_FEATURES	0x84000051U
#define FN_TRNG_GET_UUID	0x84000052U
#define FN_TRNG_RND32		0x84000053U
#define FN_TRNG_RND64		0xc4000053U
#define FN_PV_TIME_FEATURES	0xc5000020U
#define FN_PV_TIME_ST		0xc5000021U
#define FN_VENDOR_FEATURES	0x86000000U
#define FN_VENDOR_PTP		0x86000001U
#define FN_VENDOR_UID		0x8600ff01U

#define SMCCC_V1_1		0x10001U
#define TRNG_V1_0		0x10000U
#define TRNG_INVALID_PARAMS	((u64)-2)

/* the firmware bitmaps: index into vm->arch.hvc_bmap, and the bits offered */
enum { BMAP_STD, BMAP_STD_HYP, BMAP_VENDOR_HYP, BMAP_VENDOR_HYP_2, BMAP_NONE };
#define BMAP_STD_TRNG		BIT(0)
#define BMAP_STD_HYP_PV_TIME	BIT(0)
#define BMAP_VENDOR_QUERY	BIT(0)
#define BMAP_VENDOR_PTP		BIT(1)
/*
 * On which machines the guest may find itself: for user space to answer, and to offer. As
 * with a KVM that has no SMCCC filter set, the calls are not passed on to it.
 */
#define BMAP_VENDOR_2_IMPL_VER	BIT(0)
#define BMAP_VENDOR_2_IMPL_CPUS	BIT(1)

static const u64 bmap_offered[] = {
	[BMAP_STD] = BMAP_STD_TRNG,
	[BMAP_STD_HYP] = BMAP_STD_HYP_PV_TIME,
	[BMAP_VENDOR_HYP] = BMAP_VENDOR_QUERY | BMAP_VENDOR_PTP,
	[BMAP_VENDOR_HYP_2] = BMAP_VENDOR_2_IMPL_VER | BMAP_VENDOR_2_IMPL_CPUS,
};

/*
 * State of a speculation weakness that firmware can work around. The values
 * are those of the WORKAROUND_1 and _3 firmware registers.
 */
enum wa_state { WA_NOT_AVAIL = 0, WA_AVAIL = 1, WA_NOT_REQUIRED = 2 };

/* WORKAROUND_2's register counts otherwise: 0 no, 1 unknown, 2 available, 3 not required */
#define WA2_NOT_AVAIL		0
#define WA2_AVAIL		2
#define WA2_NOT_REQUIRED	3
#define WA2_ENABLED		BIT(4)
#define WA_LEVEL_MASK		0xfULL

static struct {
	enum wa_state wa1;	/* branch target injection (Spectre v2) */
	u64 wa2;		/* speculative store bypass (v4): WA2_* */
	enum wa_state wa3;	/* branch history injection (Spectre-BHB) */
	bool bhb_loop;		/* no firmware for wa3, but this core can be cleared by branches */
} host_wa __ro_after_init;

/* cores whose branch history a loop clears; the longest needs 32 turns */
#define BHB_LOOPS	32
#define MIDR_CORE_MASK	0xff00fff0

static const u32 bhb_loop_cores[] __initconst = {
	0x4100d070,	/* Cortex-A57 */
	0x4100d080,	/* Cortex-A72 */
	0x4100d0b0,	/* Cortex-A76 */
	0x4100d0c0,	/* Neoverse N1 */
	0x4100d0d0,	/* Cortex-A77 */
	0x4100d400,	/* Neoverse V1 */
	0x4100d410,	/* Cortex-A78 */
	0x4100d420,	/* Cortex-A78AE */
	0x4100d440,	/* Cortex-X1 */
	0x4100d470,	/* Cortex-A710 */
	0x4100d480,	/* Cortex-X2 */
	0x4100d490,	/* Neoverse N2 */
	0x4100d4b0,	/* Cortex-A78C */
};

/**
 * struct hvc_fn - one function
 * @id: its SMCCC id
 * @bmap: the firmware bitmap that can switch it off, or BMAP_NONE
 * @bit: its bit there
 * @call: fill @res, which becomes x0..x3
 */
struct hvc_fn {
	u32 id;
	u8 bmap;
	u8 bit;
	void (*call)(struct avmm_vcpu *vcpu, u64 *res);
};

/* ---- architecture calls ---- */

static void call_version(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = SMCCC_V1_1;
}

static u64 wa_feature(enum wa_state state)
{
	switch (state) {
	case WA_AVAIL:
		return 0;
	case WA_NOT_REQUIRED:
		return 1;	/* the call exists and does nothing (DEN0028 7.5) */
	default:
		return HVC_NOT_SUPPORTED;
	}
}

static void call_arch_features(struct avmm_vcpu *vcpu, u64 *res)
{
	switch ((u32)vcpu->arch.ctx->x[1]) {
	case FN_SMCCC_VERSION:
	case FN_ARCH_FEATURES:
		res[0] = 0;
		break;
	case FN_ARCH_WORKAROUND_1:
		res[0] = wa_feature(host_wa.wa1);
		break;
	case FN_ARCH_WORKAROUND_2:
		if (host_wa.wa2 == WA2_NOT_REQUIRED)
			res[0] = HVC_NOT_REQUIRED;
		break;
	case FN_ARCH_WORKAROUND_3:
		res[0] = wa_feature(host_wa.wa3);
		break;
	case FN_PV_TIME_FEATURES:
		if (READ_ONCE(vcpu->vm->arch.hvc_bmap[BMAP_STD_HYP]) & BMAP_STD_HYP_PV_TIME)
			res[0] = 0;
		break;
	}
}

/*
 * As many taken branches as any core keeps history of push out what the guest
 * left there (Arm, "Spectre-BHB", software sequence).
 */
static void bhb_loop(void)
{
	u64 n = BHB_LOOPS;

	asm volatile("1:	b	2f\n"
		     "2:	subs	%0, %0, #1\n"
		     "	b.ne	1b\n"
		     "	dsb	nsh\n"
		     "	isb\n"
		     : "+r"(n) : : "cc", "memory");
}

/*
 * The guest wants its past kept out of the branch predictors of this CPU: the
 * machine's firmware does that. These calls return nothing (DEN0028 7.5 on)
 * and never fail: a guest that came from a machine where it needed them goes
 * on calling here. WORKAROUND_2 is for the host to use, not for guests.
 */
static void call_workaround(struct avmm_vcpu *vcpu, u64 *res)
{
	u32 fn = vcpu->arch.ctx->x[0];

	res[0] = 0;
	if (fn == FN_ARCH_WORKAROUND_1 && host_wa.wa1 == WA_AVAIL)
		arm_smccc_1_1_invoke(fn, NULL);
	else if (fn == FN_ARCH_WORKAROUND_3 && host_wa.bhb_loop)
		bhb_loop();
	else if (fn == FN_ARCH_WORKAROUND_3 && host_wa.wa3 == WA_AVAIL)
		arm_smccc_1_1_invoke(fn, NULL);
}

/* ---- TRNG (DEN0098) ---- */

static void call_trng_version(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = TRNG_V1_0;
}

static void call_trng_features(struct avmm_vcpu *vcpu, u64 *res)
{
	switch ((u32)vcpu->arch.ctx->x[1]) {
	case FN_TRNG_VERSION:
	case FN_TRNG_FEATURES:
	case FN_TRNG_GET_UUID:
	case FN_TRNG_RND32:
	case FN_TRNG_RND64:
		res[0] = 0;
	}
}

/* names this back end: the host kernel's random number generator, behind AVMM */
static void call_trng_uuid(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = 0x5b1fc36d;
	res[1] = 0x4e0a8f27;
	res[2] = 0x93a1d2c4;
	res[3] = 0x706ef815;
}

/* x1..x3 take the bits, the lowest ones in x3; what was not asked for is zero */
static void trng_rnd(struct avmm_vcpu *vcpu, u64 *res, unsigned int word_bits)
{
	u32 nbits = vcpu->arch.ctx->x[1];
	unsigned int n;
	int i;

	if (!nbits || nbits > 3 * word_bits) {
		res[0] = TRNG_INVALID_PARAMS;
		return;
	}
	for (i = 3; i && nbits; i--) {
		n = min(nbits, word_bits);
		get_random_bytes(&res[i], sizeof(res[i]));
		res[i] &= ~0ULL >> (64 - n);
		nbits -= n;
	}
	res[0] = 0;
}

static void call_trng_rnd32(struct avmm_vcpu *vcpu, u64 *res)
{
	trng_rnd(vcpu, res, 32);
}

static void call_trng_rnd64(struct avmm_vcpu *vcpu, u64 *res)
{
	trng_rnd(vcpu, res, 64);
}

/* ---- stolen time (DEN0057): there if user space has given it a place ---- */

static void call_pv_features(struct avmm_vcpu *vcpu, u64 *res)
{
	u32 fn = vcpu->arch.ctx->x[1];

	if ((fn == FN_PV_TIME_FEATURES || fn == FN_PV_TIME_ST) && avmm_pvtime_ready(vcpu))
		res[0] = 0;
}

static void call_pv_st(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = avmm_pvtime_start(vcpu);
}

/* ---- vendor hypervisor: guests know these interfaces under KVM's UID ---- */

static void call_vendor_uid(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = 0xb66fb428;
	res[1] = 0xe911c52e;
	res[2] = 0x564bcaa9;
	res[3] = 0x743a004d;
}

static void call_vendor_features(struct avmm_vcpu *vcpu, u64 *res)
{
	res[0] = READ_ONCE(vcpu->vm->arch.hvc_bmap[BMAP_VENDOR_HYP]);
	/* a word for each 32 functions; these are 64 and 65 */
	res[2] = READ_ONCE(vcpu->vm->arch.hvc_bmap[BMAP_VENDOR_HYP_2]);
}

/*
 * The host's wall clock and the guest's counter at one moment, for ptp_kvm:
 * x0, x1 nanoseconds since 1970, x2, x3 counter ticks, upper halves first.
 * x1 says which counter: 0 virtual, 1 physical.
 */
static void call_vendor_ptp(struct avmm_vcpu *vcpu, u64 *res)
{
	u32 physical = vcpu->arch.ctx->x[1];
	unsigned long flags;
	u64 ns, ticks;

	if (physical > 1)
		return;
	/* nothing may come between the two readings */
	local_irq_save(flags);
	ticks = arch_timer_read_counter();
	ns = ktime_get_real_ns();
	local_irq_restore(flags);
	if (!physical)
		ticks -= READ_ONCE(vcpu->vm->arch.cntvoff);
	else
		ticks -= READ_ONCE(vcpu->vm->arch.cntpoff);
	res[0] = upper_32_bits(ns);
	res[1] = lower_32_bits(ns);
	res[2] = upper_32_bits(ticks);
	res[3] = lower_32_bits(ticks);
}

/* ---- the router ---- */

static const struct hvc_fn hvc_fns[] = {
	{ FN_SMCCC_VERSION,	BMAP_NONE, 0,				call_version },
	{ FN_ARCH_FEATURES,	BMAP_NONE, 0,				call_arch_features },
	{ FN_ARCH_WORKAROUND_1,	BMAP_NONE, 0,				call_workaround },
	{ FN_ARCH_WORKAROUND_2,	BMAP_NONE, 0,				call_workaround },
	{ FN_ARCH_WORKAROUND_3,	BMAP_NONE, 0,				call_workaround },
	{ FN_TRNG_VERSION,	BMAP_STD, BMAP_STD_TRNG,		call_trng_version },
	{ FN_TRNG_FEATURES,	BMAP_STD, BMAP_STD_TRNG,		call_trng_features },
	{ FN_TRNG_GET_UUID,	BMAP_STD, BMAP_STD_TRNG,		call_trng_uuid },
	{ FN_TRNG_RND32,	BMAP_STD, BMAP_STD_TRNG,		call_trng_rnd32 },
	{ FN_TRNG_RND64,	BMAP_STD, BMAP_STD_TRNG,		call_trng_rnd64 },
	{ FN_PV_TIME_FEATURES,	BMAP_STD_HYP, BMAP_STD_HYP_PV_TIME,	call_pv_features },
	{ FN_PV_TIME_ST,	BMAP_STD_HYP, BMAP_STD_HYP_PV_TIME,	call_pv_st },
	{ FN_VENDOR_UID,	BMAP_VENDOR_HYP, BMAP_VENDOR_QUERY,	call_vendor_uid },
	{ FN_VENDOR_FEATURES,	BMAP_VENDOR_HYP, BMAP_VENDOR_QUERY,	call_vendor_features },
	{ FN_VENDOR_PTP,	BMAP_VENDOR_HYP, BMAP_VENDOR_PTP,	call_vendor_ptp },
};

static const struct hvc_fn *find_fn(const struct avmm_vm *vm, u32 id)
{
	const struct hvc_fn *fn = hvc_fns;

	for (; fn < hvc_fns + ARRAY_SIZE(hvc_fns); fn++)
		if (fn->id == id)
			return fn->bmap == BMAP_NONE ||
			       (READ_ONCE(vm->arch.hvc_bmap[fn->bmap]) & fn->bit) ? fn : NULL;
	return NULL;
}

/**
 * avmm_handle_hvc - HVC from AArch64
 * @vcpu: the caller; its PC is already past the HVC (Arm ARM D1.3.1)
 *
 * The immediate is not looked at, as in KVM.
 *
 * Return: 1 answered; 0 left to user space.
 */
int avmm_handle_hvc(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	const struct hvc_fn *fn = find_fn(vcpu->vm, ctx->x[0]);
	u64 res[4] = { HVC_NOT_SUPPORTED };
	int ret;

	if (fn) {
		fn->call(vcpu, res);
	} else {
		ret = avmm_psci_call(vcpu);
		if (ret != -EOPNOTSUPP)
			return ret;
	}
	memcpy(ctx->x, res, sizeof(res));
	return 1;
}

/**
 * avmm_handle_smc - SMC from AArch64, trapped by HCR_EL2.TSC
 * @vcpu: the caller; its PC is at the SMC
 *
 * A guest has no secure side: we answer for it (DEN0028 2.9: the immediate of a call
 * is zero).
 *
 * Return: 1; as avmm_handle_hvc().
 */
int avmm_handle_smc(struct avmm_vcpu *vcpu)
{
	avmm_skip_instr(vcpu);
	if (AVMM_SMC_CALLS && !(vcpu->arch.ctx->esr & 0xffff))
		return avmm_handle_hvc(vcpu);
	vcpu->arch.ctx->x[0] = HVC_NOT_SUPPORTED;
	return 1;
}

/* ---- the host's state ---- */

static long __init firmware_feature(u32 fn)
{
	struct arm_smccc_res res;

	arm_smccc_1_1_invoke(ARM_SMCCC_ARCH_FEATURES_FUNC_ID, fn, &res);
	return (int)res.a0;
}

/* @cap: "this CPU is affected"; not so where hardware or firmware says that it is safe */
static enum wa_state __init wa_state(unsigned int cap, u32 fn)
{
	if (!this_cpu_has_cap(cap))
		return WA_NOT_REQUIRED;
	return firmware_feature(fn) == 0 ? WA_AVAIL : WA_NOT_AVAIL;
}

/* Against branch history alone there is no use: v2 must be dealt with too */
static bool __init bhb_loop_works(void)
{
	u32 core = read_cpuid_id() & MIDR_CORE_MASK;
	int i;

	if (host_wa.wa1 == WA_NOT_AVAIL)
		return false;
	for (i = 0; i < ARRAY_SIZE(bhb_loop_cores); i++)
		if (bhb_loop_cores[i] == core)
			return true;
	return false;
}

/**
 * avmm_hvc_host_init - find out which workarounds guests need on this machine
 *
 * The host keeps v4 mitigated while a guest runs if firmware does it: the guest
 * need not ask (NOT_REQUIRED). With SSBS the guest has PSTATE.SSBS for that.
 */
void __init avmm_hvc_host_init(void)
{
	/* per-CPU capabilities: stay on one CPU; all are alike (host.c) */
	preempt_disable();
	host_wa.wa1 = wa_state(ARM64_SPECTRE_V2, FN_ARCH_WORKAROUND_1);
	host_wa.wa3 = wa_state(ARM64_SPECTRE_BHB, FN_ARCH_WORKAROUND_3);
	if (host_wa.wa3 == WA_NOT_AVAIL && bhb_loop_works()) {
		host_wa.wa3 = WA_AVAIL;
		host_wa.bhb_loop = true;
	}
	if (!this_cpu_has_cap(ARM64_SPECTRE_V4))
		host_wa.wa2 = WA2_NOT_REQUIRED;
	else if (!this_cpu_has_cap(ARM64_SSBS) && firmware_feature(FN_ARCH_WORKAROUND_2) == 0)
		host_wa.wa2 = WA2_NOT_REQUIRED;
	else
		host_wa.wa2 = WA2_NOT_AVAIL;
	preempt_enable();
}

/* ---- firmware registers ---- */

/**
 * avmm_hvc_vm_init - a new VM offers all there is
 * @vm: the VM; caller holds vm->lock
 */
void avmm_hvc_vm_init(struct avmm_vm *vm)
{
	BUILD_BUG_ON(sizeof(vm->arch.hvc_bmap) != sizeof(bmap_offered));
	memcpy(vm->arch.hvc_bmap, bmap_offered, sizeof(bmap_offered));
	vm->arch.hvc_bmap[BMAP_VENDOR_HYP_2] = 0;
}

static const u64 fw_ids[] = {
	AVMM_REG_ARM_PSCI_VERSION,
	AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_1,
	AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_2,
	AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_3,
	AVMM_REG_ARM_STD_BMAP,
	AVMM_REG_ARM_STD_HYP_BMAP,
	AVMM_REG_ARM_VENDOR_HYP_BMAP,
	/* last: the kernel's own KVM may not know it */
	AVMM_REG_ARM_VENDOR_HYP_BMAP_2,
};

#define NR_FW_IDS	(ARRAY_SIZE(fw_ids) - !AVMM_LIST_VENDOR_2)

/**
 * avmm_fw_nr_regs - how many firmware registers there are
 * @vcpu: any vCPU
 *
 * Return: that.
 */
int avmm_fw_nr_regs(struct avmm_vcpu *vcpu)
{
	return NR_FW_IDS;
}

/**
 * avmm_fw_copy_list - their ids to user space
 * @vcpu: any vCPU
 * @to: room for avmm_fw_nr_regs()
 *
 * Return: 0 or -EFAULT.
 */
int avmm_fw_copy_list(struct avmm_vcpu *vcpu, u64 __user *to)
{
	return copy_to_user(to, fw_ids, NR_FW_IDS * sizeof(fw_ids[0])) ? -EFAULT : 0;
}

/**
 * avmm_fw_get - read a firmware register
 * @vcpu: an initialised vCPU
 * @id: its ONE_REG id
 * @val: filled
 *
 * Return: 0 or -ENOENT.
 */
int avmm_fw_get(struct avmm_vcpu *vcpu, u64 id, u64 *val)
{
	switch (id) {
	case AVMM_REG_ARM_PSCI_VERSION:
		*val = avmm_psci_version(vcpu);
		return 0;
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_1:
		*val = host_wa.wa1;
		return 0;
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_2:
		*val = host_wa.wa2;
		return 0;
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_3:
		*val = host_wa.wa3;
		return 0;
	case AVMM_REG_ARM_STD_BMAP:
	case AVMM_REG_ARM_STD_HYP_BMAP:
	case AVMM_REG_ARM_VENDOR_HYP_BMAP:
		*val = READ_ONCE(vcpu->vm->arch.hvc_bmap[id - AVMM_REG_ARM_STD_BMAP]);
		return 0;
	case AVMM_REG_ARM_VENDOR_HYP_BMAP_2:
		*val = READ_ONCE(vcpu->vm->arch.hvc_bmap[BMAP_VENDOR_HYP_2]);
		return AVMM_LIST_VENDOR_2 ? 0 : -ENOENT;
	}
	return -ENOENT;
}

/* 0.2 and later if the vCPU has the feature, else 0.1; one version for the VM */
static int set_psci_version(struct avmm_vcpu *vcpu, u64 val)
{
	bool has_v0_2 = test_bit(AVMM_ARM_VCPU_PSCI_0_2, vcpu->arch.features);
	struct avmm_vm *vm = vcpu->vm;
	struct avmm_vcpu *v;
	int i;

	if (val == 0x00001)
		return has_v0_2 ? -EINVAL : 0;
	if (!has_v0_2 || (val != 0x00002 && (val < 0x10000 || val > AVMM_PSCI_LATEST)))
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(vm->arch.psci_version, val);
	avmm_for_each_vcpu(i, v, vm)
		avmm_hvc_tier0_setup(v);
	mutex_unlock(&vm->lock);
	return 0;
}

/* a guest from elsewhere may come here if it relies on no more than there is here */
static int check_wa(enum wa_state have, u64 val)
{
	return (val & ~WA_LEVEL_MASK) || val > have ? -EINVAL : 0;
}

static int check_wa2(u64 val)
{
	u64 level = val & WA_LEVEL_MASK;

	if (val & ~(WA_LEVEL_MASK | WA2_ENABLED))
		return -EINVAL;
	if ((val & WA2_ENABLED) && level != WA2_AVAIL)
		return -EINVAL;
	if (level > WA2_NOT_REQUIRED)
		return -EINVAL;
	return level >= WA2_AVAIL && host_wa.wa2 != WA2_NOT_REQUIRED ? -EINVAL : 0;
}

static int set_bmap(struct avmm_vm *vm, unsigned int i, u64 val)
{
	int ret = 0;

	if (val & ~bmap_offered[i])
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->arch.ran_once && val != vm->arch.hvc_bmap[i])
		ret = -EBUSY;
	else
		WRITE_ONCE(vm->arch.hvc_bmap[i], val);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * avmm_fw_set - write a firmware register
 * @vcpu: an initialised vCPU; its mutex is held
 * @id: its ONE_REG id
 * @val: the value
 *
 * Return: 0; -ENOENT for an unknown id; -EINVAL for a value that this host or
 * this vCPU cannot have; -EBUSY for a bitmap after the VM has run.
 */
int avmm_fw_set(struct avmm_vcpu *vcpu, u64 id, u64 val)
{
	switch (id) {
	case AVMM_REG_ARM_PSCI_VERSION:
		return set_psci_version(vcpu, val);
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_1:
		return check_wa(host_wa.wa1, val);
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_2:
		return check_wa2(val);
	case AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_3:
		return check_wa(host_wa.wa3, val);
	case AVMM_REG_ARM_STD_BMAP:
	case AVMM_REG_ARM_STD_HYP_BMAP:
	case AVMM_REG_ARM_VENDOR_HYP_BMAP:
		return set_bmap(vcpu->vm, id - AVMM_REG_ARM_STD_BMAP, val);
	case AVMM_REG_ARM_VENDOR_HYP_BMAP_2:
		return AVMM_LIST_VENDOR_2 ? set_bmap(vcpu->vm, BMAP_VENDOR_HYP_2, val) : -ENOENT;
	}
	return -ENOENT;
}
