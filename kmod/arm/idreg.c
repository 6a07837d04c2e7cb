// SPDX-License-Identifier: GPL-2.0
/*
 * The ID registers as guests see them: the host kernel's system-wide values,
 * less what we do not offer. One value for the machine, found at load; a VM
 * differs only in the two fields of ID_AA64PFR0_EL1 that a VMM may take away.
 *
 * The masks below name the fields that pass. A field that a newer kernel or
 * CPU has stays zero until someone has checked what a guest could do with it.
 */
#include <asm/cpufeature.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include "arm/sysreg.h"

#define F(shift)	(0xfULL << (shift))

/* ID_AA64PFR0_EL1 */
#define PFR0_GIC_SHIFT		24
#define PFR0_CSV2_SHIFT		56
#define PFR0_CSV3_SHIFT		60
#define PFR0_CSV_MASK		(F(PFR0_CSV2_SHIFT) | F(PFR0_CSV3_SHIFT))
/* EL0-EL3, FP, AdvSIMD, RAS, SEL2, DIT; not SVE, MPAM, AMU, RME */
#define PFR0_MASK	(F(0) | F(4) | F(8) | F(12) | F(16) | F(20) | F(28) | F(36) | F(48))
/* BT, SSBS, RAS_frac; not MTE, MPAM_frac, SME, NMI, GCS */
#define PFR1_MASK	(F(0) | F(4) | F(12))
/* BRPs, WRPs, CTX_CMPs, DoubleLock; not PMUVer, trace, SPE */
#define DFR0_MASK	(F(12) | F(20) | F(28) | F(36))
#define DFR0_DEBUGVER_V8	6ULL
/* all but TME */
#define ISAR0_MASK	(~(F(0) | F(24)))
/* DPB, JSCVT, FCMA, LRCPC, FRINTTS, SB, SPECRES, BF16, DGH, I8MM; not pauth, XS, LS64 */
#define ISAR1_MASK	(F(0) | F(12) | F(16) | F(20) | F(32) | F(36) | F(40) | F(44) | F(48) | \
			 F(52))
/*
 * RPRES, BC, CLRBHB; not pauth, MOPS and later, nor WFxT: the time-out of a
 * trapped WFIT is not honoured
 */
#define ISAR2_MASK	(F(4) | F(20) | F(28))
/* all up to ExS; not FGT, ECV */
#define MMFR0_MASK	(~0ULL >> 16)
/* all up to TWED, ETS, AFP, ECBHB; not HCX, nTLBPA, TIDCP1, CMOW */
#define MMFR1_MASK	(F(0) | F(4) | F(8) | F(12) | F(16) | F(20) | F(24) | F(28) | F(32) | \
			 F(36) | F(44) | F(60))
/* all but NV */
#define MMFR2_MASK	(~F(24))
/* AArch32 ID_DFR0_EL1: not PerfMon */
#define DFR0_A32_MASK	(~F(24))

/**
 * struct idreg - what to make of one ID register
 * @name: as the Arm ARM writes it; NULL: unallocated or not offered, reads as zero
 * @mask: the fields that pass
 * @or: what is put in
 * @a32: describes AArch32: zero if EL0 has no AArch32
 *
 * @name is only for registers that read_sanitised_ftr_reg() knows in all the
 * kernels we support: it warns about others.
 */
struct idreg {
	const char *name;
	u64 mask;
	u64 or;
	bool a32;
};

#define A64(n, m, ...)	{ .name = (n), .mask = (m), ##__VA_ARGS__ }
#define A32(n)		{ .name = (n), .mask = ~0ULL, .a32 = true }
#define NR_CRM		7

static const struct idreg idregs[NR_CRM][8] = {
	/* CRm 1 */
	{ A32("ID_PFR0_EL1"), A32("ID_PFR1_EL1"),
	  { .name = "ID_DFR0_EL1", .mask = DFR0_A32_MASK, .a32 = true },
	  { NULL /* ID_AFR0_EL1: implementation defined */ },
	  A32("ID_MMFR0_EL1"), A32("ID_MMFR1_EL1"), A32("ID_MMFR2_EL1"), A32("ID_MMFR3_EL1") },
	/* CRm 2 */
	{ A32("ID_ISAR0_EL1"), A32("ID_ISAR1_EL1"), A32("ID_ISAR2_EL1"), A32("ID_ISAR3_EL1"),
	  A32("ID_ISAR4_EL1"), A32("ID_ISAR5_EL1"), A32("ID_MMFR4_EL1"), A32("ID_ISAR6_EL1") },
	/* CRm 3: ID_DFR1_EL1 only tells of the PMU */
	{ A32("MVFR0_EL1"), A32("MVFR1_EL1"), A32("MVFR2_EL1"), { NULL },
	  A32("ID_PFR2_EL1"), { NULL }, A32("ID_MMFR5_EL1"), { NULL } },
	/* CRm 4: no SVE, SME, FPMR: ZFR0, SMFR0, FPFR0, PFR2 are zero */
	{ A64("ID_AA64PFR0_EL1", PFR0_MASK), A64("ID_AA64PFR1_EL1", PFR1_MASK) },
	/* CRm 5 */
	{ A64("ID_AA64DFR0_EL1", DFR0_MASK, .or = DFR0_DEBUGVER_V8) },
	/* CRm 6 */
	{ A64("ID_AA64ISAR0_EL1", ISAR0_MASK), A64("ID_AA64ISAR1_EL1", ISAR1_MASK),
	  A64("ID_AA64ISAR2_EL1", ISAR2_MASK) },
	/* CRm 7 */
	{ A64("ID_AA64MMFR0_EL1", MMFR0_MASK), A64("ID_AA64MMFR1_EL1", MMFR1_MASK),
	  A64("ID_AA64MMFR2_EL1", MMFR2_MASK) },
};

static u64 idreg_val[NR_CRM][8] __ro_after_init;

/* cores without speculative access to privileged memory (Meltdown) that do not say so in CSV3 */
static const u32 meltdown_safe[] __initconst = {
	0x4100d030,	/* Cortex-A53 */
	0x4100d040,	/* Cortex-A35 */
	0x4100d050,	/* Cortex-A55 */
	0x4100d070,	/* Cortex-A57 */
	0x4100d080,	/* Cortex-A72 */
	0x4100d090,	/* Cortex-A73 */
	0x42000f00,	/* Cavium ThunderX2 (Vulcan) */
	0x42001000,	/* Brahma-B53 */
	0x43000af0,	/* Cavium ThunderX2 */
	0x4800d010,	/* HiSilicon TSV110 */
	0x4e000040,	/* NVIDIA Carmel */
	0x51008000,	/* Kryo 2xx gold */
	0x51008010,	/* Kryo 2xx silver */
	0x51008020,	/* Kryo 3xx silver */
	0x51008030,	/* Kryo 3xx silver */
	0x51008050,	/* Kryo 4xx silver */
};

#define MIDR_CORE_MASK	0xff00fff0

/* The kernel's own verdict: the CPU says so, is known to be, or firmware says so */
static bool __init spectre_v2_unaffected(void)
{
	bool safe;

	preempt_disable();
	safe = !this_cpu_has_cap(ARM64_SPECTRE_V2);
	preempt_enable();
	return safe;
}

static bool __init meltdown_unaffected(void)
{
	u32 core = read_cpuid_id() & MIDR_CORE_MASK;
	int i;

	if (read_sanitised_ftr_reg(sys_reg(3, 0, 0, 4, 0)) & F(PFR0_CSV3_SHIFT))
		return true;
	for (i = 0; i < ARRAY_SIZE(meltdown_safe); i++)
		if (meltdown_safe[i] == core)
			return true;
	return false;
}

/**
 * avmm_idreg_init - take the snapshot all VMs are shown
 */
void __init avmm_idreg_init(void)
{
	int crm, op2;
	u64 *pfr0;

	for (crm = 1; crm <= NR_CRM; crm++) {
		for (op2 = 0; op2 < 8; op2++) {
			const struct idreg *r = &idregs[crm - 1][op2];
			u64 val = 0;

			if (r->name && !(r->a32 && !avmm_host.has_el0_32bit))
				val = (read_sanitised_ftr_reg(sys_reg(3, 0, 0, crm, op2)) &
				       r->mask) | r->or;
			idreg_val[crm - 1][op2] = val;
		}
	}
	pfr0 = &idreg_val[SYSREG_ENC_CRM(IDREG_PFR0) - 1][SYSREG_ENC_OP2(IDREG_PFR0)];
	if (spectre_v2_unaffected())
		*pfr0 |= 1ULL << PFR0_CSV2_SHIFT;
	if (meltdown_unaffected())
		*pfr0 |= 1ULL << PFR0_CSV3_SHIFT;
	/* the GIC system registers, version 3.0, whatever the host's has beyond */
	if (avmm_host.gic == 3)
		*pfr0 |= 1ULL << PFR0_GIC_SHIFT;
}

/**
 * avmm_idreg_read - value of an ID register
 * @vm: whose
 * @enc: its SYSREG_ENC(), for which avmm_is_idreg() holds
 *
 * Return: the value.
 */
u64 avmm_idreg_read(const struct avmm_vm *vm, u32 enc)
{
	u64 val = idreg_val[SYSREG_ENC_CRM(enc) - 1][SYSREG_ENC_OP2(enc)];

	if (enc == IDREG_PFR0)
		val &= ~READ_ONCE(vm->arch.pfr0_hidden);
	return val;
}

/**
 * avmm_idreg_user_set - user space writes an ID register
 * @vm: whose
 * @enc: its SYSREG_ENC(), for which avmm_is_idreg() holds
 * @val: the new value
 *
 * Only CSV2 and CSV3 may change, and may not claim more than the host has, so
 * that a guest can come here from a machine that has less.
 *
 * Return: 0 or -EINVAL.
 */
int avmm_idreg_user_set(struct avmm_vm *vm, u32 enc, u64 val)
{
	u64 offered = idreg_val[SYSREG_ENC_CRM(enc) - 1][SYSREG_ENC_OP2(enc)];
	u64 hidden = offered & ~val;

	if (enc != IDREG_PFR0)
		return val == offered ? 0 : -EINVAL;
	/* CSV2 and CSV3 are 0 or 1 here: less means none */
	if ((val & ~offered) || (hidden & ~PFR0_CSV_MASK))
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(vm->arch.pfr0_hidden, hidden);
	mutex_unlock(&vm->lock);
	return 0;
}
