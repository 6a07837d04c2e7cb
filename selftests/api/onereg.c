// SPDX-License-Identifier: GPL-2.0
/*
 * Registers from outside: the list, every register there and back, sizes and ids that must be
 * refused, and that what is set here is what the guest has.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include "avmm_util.h"

#define SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define SYS(op0, op1, crn, crm, op2)	AVMM_ARM64_SYS_REG(op0, op1, crn, crm, op2)
#define CORE(name)	AVMM_REG_ARM_CORE_REG(name)
#define U32(x)		(AVMM_REG_ARM64 | AVMM_REG_SIZE_U32 | (x))
#define U64(x)		(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | (x))
#define U128(x)		(AVMM_REG_ARM64 | AVMM_REG_SIZE_U128 | (x))

static struct avmm_reg_list *list;

static bool listed(uint64_t id)
{
	for (uint64_t i = 0; i < list->n; i++)
		if (list->reg[i] == id)
			return true;
	return false;
}

/* ---- what must be in the list: rows of ids that go up by a step ---- */

static const struct {
	const char *name;
	uint64_t first;
	unsigned int count, step;
} rows[] = {
	{ "X0 to X30", AVMM_CORE_X(0), 31, 2 },
	{ "SP, PC, PSTATE", U64(AVMM_REG_ARM_CORE | CORE(regs.sp)), 3, 2 },
	{ "SP_EL1, ELR_EL1", U64(AVMM_REG_ARM_CORE | CORE(sp_el1)), 2, 2 },
	{ "SPSR", U64(AVMM_REG_ARM_CORE | CORE(spsr[0])), 5, 2 },
	{ "V0 to V31", U128(AVMM_REG_ARM_CORE | CORE(fp_regs.vregs[0])), 32, 4 },
	{ "FPSR", U32(AVMM_REG_ARM_CORE | CORE(fp_regs.fpsr)), 1, 1 },
	{ "FPCR", U32(AVMM_REG_ARM_CORE | CORE(fp_regs.fpcr)), 1, 1 },
	{ "PSCI_VERSION and workarounds", AVMM_REG_ARM_PSCI_VERSION, 4, 1 },
	{ "feature bitmaps", AVMM_REG_ARM_STD_BMAP, 3, 1 },
	{ "TIMER_CTL", AVMM_REG_ARM_TIMER_CTL, 1, 1 },
	{ "TIMER_CNT", AVMM_REG_ARM_TIMER_CNT, 1, 1 },
	{ "TIMER_CVAL", AVMM_REG_ARM_TIMER_CVAL, 1, 1 },
	{ "MIDR_EL1", SYS(3, 0, 0, 0, 0), 1, 1 },
	{ "MPIDR_EL1, REVIDR_EL1", SYS(3, 0, 0, 0, 5), 2, 1 },
	{ "ID registers, CRm 1 to 7", SYS(3, 0, 0, 1, 0), 56, 1 },
	{ "debug registers of breakpoints", SYS(2, 0, 0, 0, 4), 16, 8 },
	{ "debug registers of breakpoints, control", SYS(2, 0, 0, 0, 5), 16, 8 },
	{ "debug registers of watchpoints", SYS(2, 0, 0, 0, 6), 16, 8 },
	{ "debug registers of watchpoints, control", SYS(2, 0, 0, 0, 7), 16, 8 },
	{ "MDCCINT_EL1", SYS(2, 0, 0, 2, 0), 1, 1 },
	{ "MDSCR_EL1", SYS(2, 0, 0, 2, 2), 1, 1 },
	{ "SCTLR_EL1, ACTLR_EL1, CPACR_EL1", SYS(3, 0, 1, 0, 0), 3, 1 },
	{ "TTBR0_EL1, TTBR1_EL1, TCR_EL1", SYS(3, 0, 2, 0, 0), 3, 1 },
	{ "AFSR0_EL1, AFSR1_EL1", SYS(3, 0, 5, 1, 0), 2, 1 },
	{ "ESR_EL1", SYS(3, 0, 5, 2, 0), 1, 1 },
	{ "FAR_EL1", SYS(3, 0, 6, 0, 0), 1, 1 },
	{ "PAR_EL1", SYS(3, 0, 7, 4, 0), 1, 1 },
	{ "MAIR_EL1", SYS(3, 0, 10, 2, 0), 1, 1 },
	{ "AMAIR_EL1", SYS(3, 0, 10, 3, 0), 1, 1 },
	{ "VBAR_EL1", SYS(3, 0, 12, 0, 0), 1, 1 },
	{ "DISR_EL1", SYS(3, 0, 12, 1, 1), 1, 1 },
	{ "CONTEXTIDR_EL1", SYS(3, 0, 13, 0, 1), 1, 1 },
	{ "TPIDR_EL1", SYS(3, 0, 13, 0, 4), 1, 1 },
	{ "CNTKCTL_EL1", SYS(3, 0, 14, 1, 0), 1, 1 },
	{ "CLIDR_EL1", SYS(3, 1, 0, 0, 1), 1, 1 },
	{ "CSSELR_EL1", SYS(3, 2, 0, 0, 0), 1, 1 },
	{ "CTR_EL0", SYS(3, 3, 0, 0, 1), 1, 1 },
	{ "TPIDR_EL0, TPIDRRO_EL0", SYS(3, 3, 13, 0, 2), 2, 1 },
	{ "DACR32_EL2", SYS(3, 4, 3, 0, 0), 1, 1 },
	{ "IFSR32_EL2", SYS(3, 4, 5, 0, 1), 1, 1 },
	{ "FPEXC32_EL2", SYS(3, 4, 5, 3, 0), 1, 1 },
};

static void test_list(struct vcpu *v)
{
	uint64_t i, j, bad;
	int r;

	r = avmm_alloc_reg_list(v->fd, &list);
	if (!tap_eq(-r, 0, "GET_REG_LIST") || !list)
		tap_bail("no list");
	tap_ok(list->n <= 500, "%llu registers, no more than clients have room for",
	       (unsigned long long)list->n);
	for (i = bad = 0; i < list->n; i++)
		for (j = 0; j < i; j++)
			bad += list->reg[i] == list->reg[j];
	tap_eq(bad, 0, "none is listed twice");
	for (i = 0; i < SIZE(rows); i++) {
		for (j = bad = 0; j < rows[i].count; j++) {
			if (listed(rows[i].first + j * rows[i].step))
				continue;
			bad++;
			tap_diag("not listed: 0x%llx",
				 (unsigned long long)(rows[i].first + j * rows[i].step));
		}
		tap_eq(bad, 0, "listed: %s", rows[i].name);
	}
}

/* ---- there and back ---- */

static bool counts(uint64_t id)
{
	return id == AVMM_REG_ARM_TIMER_CNT || id == AVMM_REG_ARM_PTIMER_CNT;
}

static void test_round_trip(struct vcpu *v, const char *when)
{
	uint8_t a[256], b[256];
	uint64_t i, no_get = 0, no_set = 0, differ = 0, odd = 0;
	unsigned int size;
	int r;

	for (i = 0; i < list->n; i++) {
		uint64_t id = list->reg[i];

		size = AVMM_REG_SIZE(id);
		if (size != 4 && size != 8 && size != 16)
			odd++;
		if (size > sizeof(a))
			continue;
		memset(a, 0x5a, sizeof(a));
		memset(b, 0xa5, sizeof(b));
		r = avmm_get_one_reg(v->fd, id, a);
		if (r) {
			no_get++;
			tap_diag("cannot get 0x%llx: %s", (unsigned long long)id, strerror(-r));
			continue;
		}
		if (size < sizeof(a) && a[size] != 0x5a)
			tap_ok(false, "0x%llx writes past its size", (unsigned long long)id);
		r = avmm_set_one_reg(v->fd, id, a);
		if (r) {
			no_set++;
			tap_diag("cannot set 0x%llx to itself: %s", (unsigned long long)id,
				 strerror(-r));
			continue;
		}
		r = avmm_get_one_reg(v->fd, id, b);
		if (!counts(id) && (r || memcmp(a, b, size))) {
			differ++;
			tap_diag("0x%llx changes when set to itself", (unsigned long long)id);
		}
	}
	tap_eq(no_get, 0, "%s: every listed register can be read", when);
	tap_eq(no_set, 0, "%s: every listed register takes its own value", when);
	tap_eq(differ, 0, "%s: and keeps it", when);
	tap_eq(odd, 0, "%s: all are of 32, 64 or 128 bits", when);
}

/* ---- what must be refused ---- */

static const struct {
	const char *name;
	uint64_t id;
	int want;
} unknown[] = {
	{ "another architecture", 0x2030000000100000ULL, EINVAL },
	{ "no architecture", 0x0030000000100000ULL, EINVAL },
	{ "X0 as 32 bits", U32(AVMM_REG_ARM_CORE | CORE(regs.regs[0])), EINVAL },
	{ "the upper half of X0", U32(AVMM_REG_ARM_CORE | (CORE(regs.regs[0]) + 1)), EINVAL },
	{ "X0 and X1 in one", U128(AVMM_REG_ARM_CORE | CORE(regs.regs[0])), EINVAL },
	{ "half a register on", U64(AVMM_REG_ARM_CORE | (CORE(regs.regs[0]) + 1)), EINVAL },
	{ "V0 as 64 bits", U64(AVMM_REG_ARM_CORE | CORE(fp_regs.vregs[0])), EINVAL },
	{ "FPSR as 64 bits", U64(AVMM_REG_ARM_CORE | CORE(fp_regs.fpsr)), EINVAL },
	{ "behind the core registers", U64(AVMM_REG_ARM_CORE | 0x1000), ENOENT },
	{ "a firmware register out of range", AVMM_REG_ARM_FW_REG(99), ENOENT },
	{ "a feature bitmap out of range", AVMM_REG_ARM_FW_FEAT_BMAP_REG(99), ENOENT },
	{ "a system register that is not one", SYS(3, 7, 15, 15, 7), ENOENT },
	{ "SCTLR_EL1 as 32 bits", (SYS(3, 0, 1, 0, 0) & ~AVMM_REG_SIZE_MASK) | AVMM_REG_SIZE_U32,
	  ENOENT },
	{ "a family that is not one", U64(0x33ULL << AVMM_REG_ARM_COPROC_SHIFT), ENOENT },
	{ "PMCR_EL0 of a vCPU without PMU", SYS(3, 3, 9, 12, 0), ENOENT },
};

static void test_unknown(struct vcpu *v)
{
	uint8_t buf[256] = { 0 };
	unsigned int i;

	for (i = 0; i < SIZE(unknown); i++) {
		tap_eq(-avmm_get_one_reg(v->fd, unknown[i].id, buf), unknown[i].want, "get: %s",
		       unknown[i].name);
		tap_eq(-avmm_set_one_reg(v->fd, unknown[i].id, buf), unknown[i].want, "set: %s",
		       unknown[i].name);
	}
}

/* Values that must be refused: those given, or the register's own with these bits turned over. */
static const struct {
	const char *name;
	uint64_t id, value;
	bool flip;
} invalid[] = {
	{ "PSTATE of EL2", REG_PSTATE, 0x3c9, false },
	{ "PSTATE of EL3", REG_PSTATE, 0x3cd, false },
	{ "PSTATE of AArch32", REG_PSTATE, 0x1d3, false },
	{ "PSTATE of a mode that is not one", REG_PSTATE, 0x3c7, false },
	{ "MIDR_EL1", SYS(3, 0, 0, 0, 0), 1 << 4, true },
	{ "REVIDR_EL1", SYS(3, 0, 0, 0, 6), 1, true },
	{ "ID_AA64PFR0_EL1 without EL1", SYS(3, 0, 0, 4, 0), 0xf0, true },
	{ "ID_AA64MMFR0_EL1 of another PARange", SYS(3, 0, 0, 7, 0), 0xf, true },
	{ "ID_AA64ISAR0_EL1 with what is not there", SYS(3, 0, 0, 6, 0), 0xfULL << 48, true },
	{ "an unallocated ID register", SYS(3, 0, 0, 7, 7), 1, true },
	{ "PSCI 0.0", AVMM_REG_ARM_PSCI_VERSION, 0, false },
	{ "PSCI 7.7", AVMM_REG_ARM_PSCI_VERSION, 0x70007, false },
	{ "workaround 1 of a level that is not one", AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_1, 0xff,
	  false },
	{ "an unknown bit of the standard services", AVMM_REG_ARM_STD_BMAP, 1ULL << 40, false },
	{ "an unknown bit of the hypervisor services", AVMM_REG_ARM_STD_HYP_BMAP, 1ULL << 40,
	  false },
	{ "an unknown bit of the vendor services", AVMM_REG_ARM_VENDOR_HYP_BMAP, 1ULL << 40,
	  false },
};

static void test_invalid(struct vcpu *v)
{
	uint64_t own, value, after;
	unsigned int i;

	for (i = 0; i < SIZE(invalid); i++) {
		own = vcpu_get(v, invalid[i].id);
		value = invalid[i].flip ? own ^ invalid[i].value : invalid[i].value;
		tap_eq(-avmm_set_reg(v->fd, invalid[i].id, value), EINVAL, "refused: %s",
		       invalid[i].name);
		after = vcpu_get(v, invalid[i].id);
		tap_eq(after, own, "unchanged after it: %s", invalid[i].name);
	}
}

/* Older PSCI versions may be chosen, for guests that come from elsewhere. */
static void test_psci_versions(struct vcpu *v)
{
	static const uint32_t versions[] = { 0x2, 0x10000, 0x10001, 0x10002, 0x10003 };
	uint64_t own = vcpu_get(v, AVMM_REG_ARM_PSCI_VERSION);

	for (unsigned int i = 0; i < SIZE(versions) && versions[i] <= own; i++) {
		tap_eq(-avmm_set_reg(v->fd, AVMM_REG_ARM_PSCI_VERSION, versions[i]), 0,
		       "PSCI_VERSION 0x%x", versions[i]);
		tap_eq(vcpu_get(v, AVMM_REG_ARM_PSCI_VERSION), versions[i],
		       "PSCI_VERSION 0x%x reads back", versions[i]);
	}
	vcpu_set(v, AVMM_REG_ARM_PSCI_VERSION, own);
}

static const struct {
	const char *name;
	uint64_t id, value, mask;
} reset[] = {
	{ "PC", REG_PC, 0, ~0ULL },
	{ "PSTATE", REG_PSTATE, 0x3c5, ~0ULL },
	{ "X0", AVMM_CORE_X(0), 0, ~0ULL },
	{ "SCTLR_EL1", SYS(3, 0, 1, 0, 0), 0, 0x1005 },
	{ "MPIDR_EL1", SYS(3, 0, 0, 0, 5), 0x80000000, 0xff80ffffff },
	{ "TIMER_CTL", AVMM_REG_ARM_TIMER_CTL, 0, 3 },
	{ "MDSCR_EL1", SYS(2, 0, 0, 2, 2), 0, ~0ULL },
};

static void test_reset(struct vcpu *v, const char *when)
{
	for (unsigned int i = 0; i < SIZE(reset); i++)
		tap_eq(vcpu_get(v, reset[i].id) & reset[i].mask, reset[i].value, "%s: %s", when,
		       reset[i].name);
}

/* ---- the same registers inside and outside ---- */

#define ENC(op0, op1, crn, crm, op2) ((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))
#define MRS(enc, rt)	(0xd5200000 | (uint32_t)((enc) & 0x7fff) << 5 | 1U << 20 | (rt))
#define MSR(enc, rt)	(0xd5000000 | (uint32_t)((enc) & 0x7fff) << 5 | 1U << 20 | (rt))

static const struct {
	const char *name;
	uint64_t id;		/* outside */
	uint32_t enc;		/* inside */
	uint64_t value;
} shared[] = {
#define SR(name, op0, op1, crn, crm, op2, value) \
	{ name, SYS(op0, op1, crn, crm, op2), ENC(op0, op1, crn, crm, op2), value }
	SR("TTBR0_EL1", 3, 0, 2, 0, 0, 0x40001000),
	SR("TTBR1_EL1", 3, 0, 2, 0, 1, 0x40002000),
	SR("TCR_EL1", 3, 0, 2, 0, 2, 0x803519),
	SR("ESR_EL1", 3, 0, 5, 2, 0, 0x12345678),
	SR("FAR_EL1", 3, 0, 6, 0, 0, 0x123456789abcdef0),
	SR("PAR_EL1", 3, 0, 7, 4, 0, 0x1000),
	SR("MAIR_EL1", 3, 0, 10, 2, 0, 0x44ff00bb04ULL),
	SR("VBAR_EL1", 3, 0, 12, 0, 0, 0x40003800),
	SR("CONTEXTIDR_EL1", 3, 0, 13, 0, 1, 0x77665544),
	SR("TPIDR_EL1", 3, 0, 13, 0, 4, 0x1111222233334444),
	SR("TPIDR_EL0", 3, 3, 13, 0, 2, 0x5555666677778888),
	SR("TPIDRRO_EL0", 3, 3, 13, 0, 3, 0x9999aaaabbbbcccc),
	SR("CPACR_EL1", 3, 0, 1, 0, 2, 0x300000),
	SR("CNTKCTL_EL1", 3, 0, 14, 1, 0, 3),
	SR("CSSELR_EL1", 3, 2, 0, 0, 0, 1),
	SR("MDSCR_EL1", 2, 0, 0, 2, 2, 1 << 12),
	SR("DBGBVR1_EL1", 2, 0, 0, 1, 4, 0x40001234),
	{ "CNTV_CVAL_EL0", AVMM_REG_ARM_TIMER_CVAL, ENC(3, 3, 14, 3, 2), 0x7777777777777777 },
	{ "SP_EL0", AVMM_CORE_U64(regs.sp), ENC(3, 0, 4, 1, 0), 0x40008000 },
	{ "ELR_EL1", AVMM_CORE_U64(elr_el1), ENC(3, 0, 4, 0, 1), 0x40009000 },
	{ "SPSR_EL1", AVMM_CORE_U64(spsr[0]), ENC(3, 0, 4, 0, 0), 0x3c4 },
};

/* mrs x0, REG; str x0, [x1]; msr REG, x2; str x2, [x1]; b . */
static void test_shared(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	uint64_t inside, other;
	unsigned int i;

	for (i = 0; i < SIZE(shared); i++) {
		const uint32_t code[] = { MRS(shared[i].enc, 0),
					  0xf9000020,
					  MSR(shared[i].enc, 2),
					  0xd5033fdf,
					  0xf9000022,
					  0x14000000 };

		other = shared[i].value ^ 0x1000;
		if (shared[i].value < 0x1000)
			other = 0;
		/* KVM keeps an unfinished MMIO exit over VCPU_INIT, so there must be none */
		v->run->immediate_exit = 1;
		vcpu_run(v);
		v->run->immediate_exit = 0;
		vm_poke(vm, MAP_RAM, code, SIZE(code));
		vcpu_init(v, false);
		vcpu_start_at(v, MAP_RAM, 0);
		vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
		vcpu_set(v, AVMM_CORE_X(2), other);
		vcpu_set(v, shared[i].id, shared[i].value);
		tap_eq(vcpu_get(v, shared[i].id), shared[i].value, "%s reads back", shared[i].name);
		if (vcpu_run(v) != AVMM_EXIT_MMIO) {
			tap_ok(false, "%s: the guest can read it", shared[i].name);
			continue;
		}
		memcpy(&inside, v->run->mmio.data, 8);
		tap_eq(inside, shared[i].value, "%s: the guest reads what was set", shared[i].name);
		tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "%s: the guest writes it", shared[i].name);
		tap_eq(vcpu_get(v, shared[i].id), other, "%s: and that is what is got",
		       shared[i].name);
	}
}

/* the list follows the KVM of the kernel: some registers came later */
static bool kernel_from(int major, int minor)
{
	struct utsname u;
	int a, b;

	return !uname(&u) && sscanf(u.release, "%d.%d", &a, &b) == 2 &&
	       (a > major || (a == major && b >= minor));
}

static void test_ptimer(struct vm *vm)
{
	static const uint32_t code[] = {
		MRS(ENC(3, 3, 14, 0, 1), 0),	/* CNTPCT_EL0 */
		0xf9000020,			/* str x0, [x1] */
		MRS(ENC(3, 3, 14, 2, 2), 0),	/* CNTP_CVAL_EL0 */
		0xf9000020,
		0x14000000,
	};
	struct vcpu *v = &vm->vcpu[0];
	const uint64_t day = 1ULL << 47;
	uint64_t val;

	if (!kernel_from(6, 4)) {
		tap_ok(!listed(AVMM_REG_ARM_PTIMER_CTL) && !listed(AVMM_REG_ARM_PTIMER_CNT) &&
		       !listed(AVMM_REG_ARM_PTIMER_CVAL), "not listed before 6.4: the physical timer");
		tap_eq(-avmm_get_reg(v->fd, AVMM_REG_ARM_PTIMER_CVAL, &val), ENOENT,
		       "and not to be had");
		return;
	}
	tap_ok(listed(AVMM_REG_ARM_PTIMER_CTL) && listed(AVMM_REG_ARM_PTIMER_CNT) &&
	       listed(AVMM_REG_ARM_PTIMER_CVAL), "listed: the physical timer");
	vcpu_set(v, AVMM_REG_ARM_PTIMER_CVAL, 1);
	vcpu_set(v, AVMM_REG_ARM_PTIMER_CTL, 3);
	/* ISTATUS, which KVM has left out by 7.2 */
	val = vcpu_get(v, AVMM_REG_ARM_PTIMER_CTL);
	tap_eq(device_is_kvm() ? val | 4 : val, 7, "a timer that is past has its status set");
	vcpu_set(v, AVMM_REG_ARM_PTIMER_CVAL, day * 2);
	tap_eq(vcpu_get(v, AVMM_REG_ARM_PTIMER_CTL), 3, "one to come has not");
	vm_poke(vm, MAP_RAM, code, SIZE(code));
	vcpu_start_at(v, MAP_RAM, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
	tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "the guest reads the physical count");
	memcpy(&val, v->run->mmio.data, 8);
	tap_ok(val <= vcpu_get(v, AVMM_REG_ARM_PTIMER_CNT), "which is not past what is got");
	tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "and CNTP_CVAL_EL0");
	memcpy(&val, v->run->mmio.data, 8);
	tap_eq(val, day * 2, "which is what was set, too");
	v->run->immediate_exit = 1;
	vcpu_run(v);
	v->run->immediate_exit = 0;
}

/* ---- ID registers that user space may write ---- */

#define ID_ISAR0	SYS(3, 0, 0, 6, 0)
#define ID_PFR0		SYS(3, 0, 0, 4, 0)
#define ID_DFR0		SYS(3, 0, 0, 5, 0)
#define ID_MMFR0	SYS(3, 0, 0, 7, 0)
#define ID_MMFR1	SYS(3, 0, 0, 7, 1)
#define CTR		SYS(3, 3, 0, 0, 1)
#define CLIDR		SYS(3, 1, 0, 0, 1)
#define MPIDR		SYS(3, 0, 0, 0, 5)
#define CCSIDR(n)	U32(AVMM_REG_ARM_DEMUX | AVMM_REG_ARM_DEMUX_ID_CCSIDR | (n))

/* taken from 6.13 on */
#define L1IP	(-1)

/* What becomes of a field, and whether that is taken. */
static const struct {
	const char *name;
	uint64_t id;
	unsigned int shift;
	int by, want;
} writable[] = {
	{ "ID_AA64ISAR0_EL1.CRC32 raised", ID_ISAR0, 16, 1, EINVAL },
	{ "ID_AA64ISAR0_EL1.CRC32 lowered", ID_ISAR0, 16, -1, 0 },
	{ "ID_AA64ISAR0_EL1.CRC32 raised again", ID_ISAR0, 16, 1, 0 },
	{ "ID_AA64ISAR0_EL1.CRC32 lowered again", ID_ISAR0, 16, -1, 0 },
	{ "ID_AA64MMFR0_EL1.PARange raised", ID_MMFR0, 0, 1, EINVAL },
	{ "ID_AA64MMFR0_EL1.PARange lowered", ID_MMFR0, 0, -1, 0 },
	{ "ID_AA64MMFR0_EL1.TGran4, which is signed, raised", ID_MMFR0, 28, 1, EINVAL },
	{ "ID_AA64MMFR1_EL1.VH changed", ID_MMFR1, 8, 1, EINVAL },
	{ "ID_AA64MMFR1_EL1.SpecSEI raised, which promises less", ID_MMFR1, 24, 1, 0 },
	{ "ID_AA64DFR0_EL1.DebugVer raised", ID_DFR0, 0, 1, EINVAL },
	{ "ID_AA64DFR0_EL1.DebugVer lowered to before Armv8", ID_DFR0, 0, -1, EINVAL },
	{ "ID_AA64DFR0_EL1.WRPs lowered", ID_DFR0, 20, -1, 0 },
	{ "ID_AA64DFR0_EL1.PMUVer, which is not offered, raised", ID_DFR0, 8, 1, EINVAL },
	{ "ID_AA64PFR0_EL1.FP changed", ID_PFR0, 16, -1, EINVAL },
	{ "ID_AA64PFR0_EL1.GIC raised", ID_PFR0, 24, 1, EINVAL },
	{ "CTR_EL0.IminLine raised", CTR, 0, 1, EINVAL },
	{ "CTR_EL0.IminLine lowered", CTR, 0, -1, 0 },
	{ "CTR_EL0.L1Ip lowered", CTR, 14, -1, L1IP },
	{ "CTR_EL0.L1Ip lowered to what is reserved", CTR, 14, -2, EINVAL },
	{ "MPIDR_EL1.Aff0", MPIDR, 0, 3, 0 },
};

static int set_masks(int fd, uint32_t range, uint32_t reserved, uint64_t *masks)
{
	struct avmm_reg_mask_range r = { .addr = (uintptr_t)masks, .range = range,
					 .reserved[12] = reserved };

	return avmm_ioctl_value(fd, AVMM_ARM_GET_REG_WRITABLE_MASKS, (uintptr_t)&r);
}

static void test_masks(struct vm *vm)
{
	uint64_t masks[AVMM_ARM_FEATURE_ID_RANGE_SIZE] = { 0 };

	tap_eq(-set_masks(vm->fd, 1, 0, masks), EINVAL, "masks of another range");
	tap_eq(-set_masks(vm->fd, 0, 1, masks), EINVAL, "masks with a reserved field");
	tap_eq(-set_masks(vm->fd, 0, 0, NULL), EFAULT, "masks to nowhere");
	tap_eq(-set_masks(vm->fd, 0, 0, masks), 0, "GET_REG_WRITABLE_MASKS");
	tap_eq(masks[4 * 8] >> 56, 0xff, "CSV2 and CSV3 may be written");
	tap_eq(masks[4 * 8] >> 16 & 0xff, 0, "FP and AdvSIMD may not");
	tap_eq(masks[6 * 8] & 0xf, 0, "nor what is RES0 in ID_AA64ISAR0_EL1");
	tap_ok(masks[64 + 1] && masks[128 + 1] & 0xf, "CLIDR_EL1 and CTR_EL0 may be written");
	tap_eq(masks[128 + 1] >> 14 & 3, kernel_from(6, 13) ? 3 : 0,
	       "CTR_EL0.L1Ip, too, from 6.13 on");
}

/* What the guest stores next, or all ones. */
static uint64_t next_store(struct vcpu *v)
{
	uint64_t val;

	if (vcpu_run(v) != AVMM_EXIT_MMIO)
		return ~0ULL;
	memcpy(&val, v->run->mmio.data, 8);
	return val;
}

static void test_writable(void)
{
	static const struct { const char *name; uint64_t id; uint32_t enc; } seen[] = {
		{ "ID_AA64ISAR0_EL1", ID_ISAR0, ENC(3, 0, 0, 6, 0) },
		{ "ID_AA64MMFR1_EL1", ID_MMFR1, ENC(3, 0, 0, 7, 1) },
		{ "CTR_EL0", CTR, ENC(3, 3, 0, 0, 1) },
		{ "CLIDR_EL1", CLIDR, ENC(3, 1, 0, 0, 1) },
		{ "MPIDR_EL1", MPIDR, ENC(3, 0, 0, 0, 5) },
	};
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	uint32_t code[2 * SIZE(seen) + 3], ccsidr = 0, after;
	struct vcpu *v = &vm->vcpu[0];
	uint64_t val, field, mask, own[SIZE(seen)];
	unsigned int i;
	int want;

	if (avmm_check_extension(vm->dev, AVMM_CAP_ARM_SUPPORTED_REG_MASK_RANGES) <= 0) {
		tap_skip("no AVMM_CAP_ARM_SUPPORTED_REG_MASK_RANGES", "writable ID registers");
		vm_free(vm);
		return;
	}
	test_masks(vm);
	for (i = 0; i < SIZE(writable); i++) {
		want = writable[i].want;
		if (want == L1IP)
			want = kernel_from(6, 13) ? 0 : EINVAL;
		mask = (writable[i].id == CTR && writable[i].shift == 14 ? 3ULL : 0xfULL) <<
		       writable[i].shift;
		val = vcpu_get(v, writable[i].id);
		/* KVM offers the CPU's, which may be newer */
		if (device_is_kvm() && writable[i].id == ID_DFR0 && !writable[i].shift &&
		    (val & 0xf) != 6)
			continue;
		field = (val & mask) + ((uint64_t)writable[i].by << writable[i].shift);
		tap_eq(-avmm_set_reg(v->fd, writable[i].id, (val & ~mask) | (field & mask)),
		       want, "%s", writable[i].name);
		tap_ok((vcpu_get(v, writable[i].id) != val) == !want,
		       "and it shows, or does not");
	}
	/* one more level of cache, of 1024 sets */
	val = vcpu_get(v, CLIDR);
	for (i = 0; i < 7 && val >> 3 * i & 7; i++)
		;
	tap_eq(-avmm_set_reg(v->fd, CLIDR, val | 1ULL << 50), EINVAL, "CLIDR_EL1 with what is RES0");
	tap_eq(-avmm_set_reg(v->fd, CLIDR, val | 4ULL << 3 * i), 0, "CLIDR_EL1 with a cache more");
	tap_eq(-avmm_get_one_reg(v->fd, CCSIDR(0), &ccsidr), 0, "CCSIDR_EL1 of the first");
	after = ccsidr & ~7U;
	tap_eq(-avmm_set_one_reg(v->fd, CCSIDR(0), &after), EINVAL, "with shorter lines");
	ccsidr = (ccsidr & 7) | 3 << 3 | 1023 << 13;
	tap_eq(-avmm_set_one_reg(v->fd, CCSIDR(0), &ccsidr), 0, "with other sets and ways");
	after = 0;
	tap_ok(!avmm_get_one_reg(v->fd, CCSIDR(0), &after) && after == ccsidr, "which reads back");
	tap_eq(-avmm_get_one_reg(v->fd, CCSIDR(13), &after), 0, "CCSIDR_EL1 of a cache that is not");

	for (i = 0; i < SIZE(seen); i++)
		own[i] = vcpu_get(v, seen[i].id);
	vcpu_init(v, false);
	for (i = 0; i < SIZE(seen); i++) {
		tap_eq(vcpu_get(v, seen[i].id), own[i], "%s stays over VCPU_INIT", seen[i].name);
		code[2 * i] = MRS(seen[i].enc, 0);
		code[2 * i + 1] = 0xf9000020;
	}
	code[2 * i] = MRS(ENC(3, 1, 0, 0, 0), 0);	/* CCSIDR_EL1 */
	code[2 * i + 1] = 0xf9000020;
	code[2 * i + 2] = 0x14000000;
	vm_poke(vm, MAP_RAM, code, SIZE(code));
	vcpu_start_at(v, MAP_RAM, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
	vcpu_set(v, SYS(3, 2, 0, 0, 0), 0);	/* CSSELR_EL1 */
	for (i = 0; i < SIZE(seen); i++)
		tap_eq(next_store(v), own[i], "%s is what the guest reads", seen[i].name);
	tap_eq(next_store(v), ccsidr, "CCSIDR_EL1 is what the guest reads");
	tap_eq(-avmm_set_reg(v->fd, ID_ISAR0, own[0]), 0, "what it is can be written after RUN");
	tap_eq(-avmm_set_reg(v->fd, ID_ISAR0, own[0] & ~0xf0ULL), own[0] & 0xf0 ? EBUSY : 0,
	       "something else cannot");
	tap_eq(-avmm_set_reg(v->fd, CTR, own[2] & ~0xfULL), EBUSY, "nor can CTR_EL0");
	vm_free(vm);
}

/* ---- which core it is ---- */

static const struct {
	const char *name;
	uint64_t id, val;
	uint32_t enc;
} imp_ids[] = {
	{ "MIDR_EL1", SYS(3, 0, 0, 0, 0), 0x41fd0f01, ENC(3, 0, 0, 0, 0) },
	{ "REVIDR_EL1", SYS(3, 0, 0, 0, 6), 0x123456789abcdef0, ENC(3, 0, 0, 0, 6) },
	{ "AIDR_EL1", SYS(3, 1, 0, 0, 7), 0xfedcba9876543210, ENC(3, 1, 0, 0, 7) },
};

static int enable_imp_ids(struct vm *vm)
{
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS };

	return avmm_enable_cap(vm->fd, &cap);
}

/* The guest stores them one after the other. */
static void check_imp_ids(struct vcpu *v, const uint64_t *want)
{
	uint32_t code[2 * SIZE(imp_ids) + 1];
	unsigned int i;

	for (i = 0; i < SIZE(imp_ids); i++) {
		code[2 * i] = MRS(imp_ids[i].enc, 0);
		code[2 * i + 1] = 0xf9000020;	/* str x0, [x1] */
	}
	code[2 * i] = 0x14000000;	/* b . */
	vm_poke(v->vm, MAP_RAM, code, SIZE(code));
	vcpu_start_at(v, MAP_RAM, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
	for (i = 0; i < SIZE(imp_ids); i++)
		tap_eq(next_store(v), want[i], "%s is what vCPU %u reads", imp_ids[i].name, v->id);
}

static void test_own_imp_ids(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t own[SIZE(imp_ids)];
	unsigned int i;

	for (i = 0; i < SIZE(imp_ids); i++) {
		own[i] = vcpu_get(v, imp_ids[i].id);
		tap_eq(-avmm_set_reg(v->fd, imp_ids[i].id, imp_ids[i].val), EINVAL,
		       "%s of another core, which was not asked for", imp_ids[i].name);
		tap_eq(-avmm_set_reg(v->fd, imp_ids[i].id, own[i]), 0, "its own");
	}
	check_imp_ids(v, own);
	tap_eq(-enable_imp_ids(vm), EINVAL, "with a vCPU it is too late to ask");
	vm_free(vm);
}

static void test_imp_ids(void)
{
	uint64_t masks[AVMM_ARM_FEATURE_ID_RANGE_SIZE] = { 0 }, want[SIZE(imp_ids)];
	struct vm_config cfg = { .nommu = true, .vcpus = 2, .all_on = true,
				 .enable = AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS };
	int dev = device_open();
	bool offered = avmm_check_extension(dev, cfg.enable) > 0;
	struct vm *vm;
	unsigned int i;

	close(dev);
	test_own_imp_ids();
	if (!offered) {
		tap_skip("no AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS", "MIDR_EL1 of another core");
		return;
	}
	vm = vm_new(&cfg);
	tap_eq(-set_masks(vm->fd, 0, 0, masks), 0, "GET_REG_WRITABLE_MASKS");
	tap_ok(masks[0] == 0xffffffff && masks[6] == ~0ULL && masks[64 + 7] == ~0ULL,
	       "MIDR_EL1, REVIDR_EL1 and AIDR_EL1 may be written");
	tap_eq(-avmm_set_reg(vm->vcpu[0].fd, imp_ids[0].id, 1ULL << 32), EINVAL,
	       "MIDR_EL1 with what is RES0");
	for (i = 0; i < SIZE(imp_ids); i++) {
		want[i] = imp_ids[i].val;
		tap_eq(-avmm_set_reg(vm->vcpu[0].fd, imp_ids[i].id, want[i]), 0,
		       "%s of another core", imp_ids[i].name);
	}
	/* what one vCPU is told is the VM's; not a reset changes it */
	check_imp_ids(&vm->vcpu[1], want);
	vcpu_init(&vm->vcpu[0], false);
	check_imp_ids(&vm->vcpu[0], want);
	for (i = 0; i < SIZE(imp_ids); i++) {
		tap_eq(vcpu_get(&vm->vcpu[0], imp_ids[i].id), want[i], "%s stays", imp_ids[i].name);
		tap_eq(-avmm_set_reg(vm->vcpu[0].fd, imp_ids[i].id, want[i]), 0,
		       "and can be written after RUN");
		tap_eq(-avmm_set_reg(vm->vcpu[0].fd, imp_ids[i].id, 0), EBUSY,
		       "but with nothing else");
	}
	vm_free(vm);
}

/* ---- a guest without a GIC has no system registers of one ---- */

static void test_no_gic(void)
{
	static const uint16_t regs[] = {
		ENC(3, 0, 4, 6, 0), ENC(3, 0, 12, 8, 0), ENC(3, 0, 12, 8, 2), ENC(3, 0, 12, 8, 3),
		ENC(3, 0, 12, 8, 4), ENC(3, 0, 12, 9, 0), ENC(3, 0, 12, 11, 3), ENC(3, 0, 12, 12, 0),
		ENC(3, 0, 12, 12, 2), ENC(3, 0, 12, 12, 3), ENC(3, 0, 12, 12, 4),
		ENC(3, 0, 12, 12, 6), ENC(3, 0, 12, 12, 7),
	};
	/* at the vector: mov x0, #2; str x0, [x1]; b . */
	static const uint32_t vector[] = { 0xd2800040, 0xf9000020, 0x14000000 };
	struct vm *vm;
	struct vcpu *v;
	unsigned int i;

	if (gic_version() != 3 || (device_is_kvm() && !kernel_from(6, 12))) {
		tap_skip("no GICv3, or a KVM that has them regardless", "a guest without a GIC");
		return;
	}
	vm = vm_new(&(struct vm_config){ .nommu = true, .no_gic = true });
	v = &vm->vcpu[0];
	vm_poke(vm, MAP_RAM + 0x800 + 0x200, vector, SIZE(vector));
	for (i = 0; i <= SIZE(regs); i++) {
		/* mrs x0, REG; str x0, [x1]; b . */
		const uint32_t code[] = { MRS(i < SIZE(regs) ? regs[i] : ENC(3, 0, 0, 4, 0), 0),
					  0xf9000020, 0x14000000 };
		uint64_t got;

		v->run->immediate_exit = 1;
		vcpu_run(v);
		v->run->immediate_exit = 0;
		vm_poke(vm, MAP_RAM, code, SIZE(code));
		vcpu_init(v, false);
		vcpu_start_at(v, MAP_RAM, 0);
		vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
		vcpu_set(v, SYS(3, 0, 12, 0, 0), MAP_RAM + 0x800);
		got = next_store(v);
		if (i < SIZE(regs))
			tap_eq(got, 2, "without a GIC S3_0_C%u_C%u_%u is undefined",
			       regs[i] >> 7 & 0xf, regs[i] >> 3 & 0xf, regs[i] & 7);
		else
			tap_eq(got >> 24 & 0xf, 0, "and ID_AA64PFR0_EL1.GIC is 0");
	}
	tap_eq(-avmm_set_reg(v->fd, ID_PFR0, vcpu_get(v, ID_PFR0)), 0,
	       "which can be written as it is read");
	vm_free(vm);
}

int main(void)
{
	struct vm *vm;
	struct vcpu *v;

	test_begin(280);
	vm = vm_new(&(struct vm_config){ .nommu = true, .vcpus = 2, .all_on = true });
	v = &vm->vcpu[0];
	vcpu_init(v, false);
	test_reset(v, "at first");
	test_list(v);
	test_round_trip(v, "before RUN");
	test_unknown(v);
	test_invalid(v);
	test_psci_versions(v);
	tap_eq(vcpu_get(&vm->vcpu[1], AVMM_SYSREG_MPIDR_EL1) & 0xff80ffffff, 0x80000001,
	       "MPIDR_EL1 of the second vCPU");
	test_shared(vm);
	vcpu_init(v, false);
	test_ptimer(vm);
	test_round_trip(v, "after RUN");
	tap_eq(-avmm_set_reg(v->fd, AVMM_REG_ARM_STD_BMAP, 0), EBUSY, "a feature bitmap after RUN");
	vcpu_init(v, false);
	test_reset(v, "after VCPU_INIT again");
	free(list);
	vm_free(vm);
	test_writable();
	test_imp_ids();
	test_no_gic();
	return tap_end();
}
