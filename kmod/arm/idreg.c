// SPDX-License-Identifier: GPL-2.0
/*
 * The ID registers as guests see them: the host kernel's system-wide values,
 * less what we do not offer. That is found at load; a VMM may take away from it,
 * field by field, before its VM runs.
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
/* CCIDX, and what AArch32 has for it: KVM hides them since it writes CCSIDR_EL1 itself */
#define CCIDX_MASK	(AVMM_ALL_CCSIDRS ? F(20) : 0)
#define CCIDX_A32_MASK	(AVMM_ALL_CCSIDRS ? F(24) : 0)
/* all but NV */
#define MMFR2_MASK	(~(F(24) | CCIDX_MASK))
/* AArch32 ID_DFR0_EL1: not PerfMon */
#define DFR0_A32_MASK	(~F(24))

/*
 * What user space may write: as with in-tree KVM of 6.12 or later, so what was
 * saved there finds it possible here. Fields that we do not offer are among them, with
 * nothing but zero to write. Before 6.7 it was CSV2 and CSV3 alone.
 */
#define OLD_PFR0_W	(PFR0_CSV_MASK | F(PFR0_GIC_SHIFT))
/* all but FP, AdvSIMD, RAS, SVE, MPAM, AMU */
#define PFR0_W		(~(F(16) | F(20) | F(28) | F(32) | F(40) | F(44)))
/* BT, SSBS, CSV2_frac, DF2 */
#define PFR1_W		(F(0) | F(4) | F(32) | F(56))
/* DebugVer, PMUVer, WRPs, DoubleLock */
#define DFR0_W		(F(0) | F(8) | F(20) | F(36))
/* CopDbg, PerfMon */
#define DFR0_A32_W	(F(0) | F(24))
#define ISAR0_W		(~F(0))
/* all but pauth */
#define ISAR1_W		(~(F(4) | F(8) | F(24) | F(28)))
/* WFxT, RPRES, BC */
#define ISAR2_W		(F(0) | F(4) | F(20))
/* FAMINMAX, LSFE, LSUI, FPRCVT */
#define ISAR3_W		(F(4) | F(16) | F(24) | F(28))
/* all but what is RES0 or FGT's */
#define MMFR0_W		(~0ULL >> 16 | F(60))
/* all but VMIDBits, VH, XNX, and what is RES0 */
#define MMFR1_W		(~(F(4) | F(8) | F(28) | F(60)))
/* all but NV, CCIDX, IDS, FWB, EVT, and what is RES0 */
#define MMFR2_W		(F(0) | F(4) | F(8) | F(12) | F(16) | F(28) | F(32) | F(48) | F(52) | F(60))
/* TCRX, SCTLRX, S1PIE, S1POE */
#define MMFR3_W		(F(0) | F(4) | F(8) | F(16))
/* SVE's features */
#define ZFR0_W		(F(0) | F(4) | F(16) | F(20) | F(32) | F(40) | F(44) | F(52) | F(56))

/* How the values of a field compare, if not as numbers that are safe to lower to 0 */
enum { SIGNED, HIGHER, OR_ZERO, OR_ONE, FROM_SIX };

static const struct {
	u16 enc;
	u8 shift;
	u8 kind;
} odd_fields[] = {
	{ IDREG_ENC(1, 2), 0, FROM_SIX },	/* ID_DFR0_EL1.CopDbg: 6 is Armv8 */
	{ IDREG_ENC(1, 2), 24, SIGNED },	/* PerfMon */
	{ IDREG_PFR0, 16, SIGNED },		/* FP */
	{ IDREG_PFR0, 20, SIGNED },		/* AdvSIMD */
	{ IDREG_PFR0, PFR0_GIC_SHIFT, OR_ZERO },
	{ IDREG_ENC(5, 0), 0, FROM_SIX },	/* ID_AA64DFR0_EL1.DebugVer: the same */
	{ IDREG_ENC(5, 0), 8, SIGNED },		/* PMUVer */
	{ IDREG_ENC(5, 0), 36, SIGNED },	/* DoubleLock */
	{ IDREG_ENC(7, 0), 24, SIGNED },	/* ID_AA64MMFR0_EL1.TGran64 */
	{ IDREG_ENC(7, 0), 28, SIGNED },	/* TGran4 */
	{ IDREG_ENC(7, 0), 32, OR_ONE },	/* TGran16_2: 1 is none, 0 is as stage 1 */
	{ IDREG_ENC(7, 0), 36, OR_ONE },	/* TGran64_2 */
	{ IDREG_ENC(7, 0), 40, OR_ONE },	/* TGran4_2 */
	{ IDREG_MMFR1, 24, HIGHER },		/* SpecSEI: speculation may raise SError */
};

/**
 * struct idreg - what to make of one ID register
 * @name: as the Arm ARM writes it; NULL: unallocated or not offered, reads as zero
 * @mask: the fields that pass
 * @or: what is put in
 * @w: the fields that user space may write
 * @a32: describes AArch32: zero if EL0 has no AArch32
 *
 * @name is only for registers that read_sanitised_ftr_reg() knows in all the
 * kernels we support: it warns about others.
 */
struct idreg {
	const char *name;
	u64 mask;
	u64 or;
	u64 w;
	bool a32;
};

#define A64(n, m, ...)	{ .name = (n), .mask = (m), ##__VA_ARGS__ }
#define A32(n)		{ .name = (n), .mask = ~0ULL, .a32 = true }

static const struct idreg idregs[AVMM_IDREG_CRMS][8] = {
	/* CRm 1 */
	{ A32("ID_PFR0_EL1"), A32("ID_PFR1_EL1"),
	  { .name = "ID_DFR0_EL1", .mask = DFR0_A32_MASK, .w = DFR0_A32_W,
	    .a32 = true },
	  { NULL /* ID_AFR0_EL1: implementation defined */ },
	  A32("ID_MMFR0_EL1"), A32("ID_MMFR1_EL1"), A32("ID_MMFR2_EL1"), A32("ID_MMFR3_EL1") },
	/* CRm 2 */
	{ A32("ID_ISAR0_EL1"), A32("ID_ISAR1_EL1"), A32("ID_ISAR2_EL1"), A32("ID_ISAR3_EL1"),
	  A32("ID_ISAR4_EL1"), A32("ID_ISAR5_EL1"),
	  { .name = "ID_MMFR4_EL1", .mask = ~CCIDX_A32_MASK, .a32 = true },
	  A32("ID_ISAR6_EL1") },
	/* CRm 3: ID_DFR1_EL1 only tells of the PMU */
	{ A32("MVFR0_EL1"), A32("MVFR1_EL1"), A32("MVFR2_EL1"), { NULL },
	  A32("ID_PFR2_EL1"), { NULL }, A32("ID_MMFR5_EL1"), { NULL } },
	/* CRm 4: no SVE, SME, FPMR: ZFR0, SMFR0, FPFR0, PFR2 are zero */
	{ A64("ID_AA64PFR0_EL1", PFR0_MASK, .w = PFR0_W),
	  A64("ID_AA64PFR1_EL1", PFR1_MASK, .w = PFR1_W),
	  { NULL }, { NULL }, { NULL, .w = ZFR0_W } },
	/* CRm 5 */
	{ A64("ID_AA64DFR0_EL1", DFR0_MASK, .or = DFR0_DEBUGVER_V8, .w = DFR0_W) },
	/* CRm 6 */
	{ A64("ID_AA64ISAR0_EL1", ISAR0_MASK, .w = ISAR0_W),
	  A64("ID_AA64ISAR1_EL1", ISAR1_MASK, .w = ISAR1_W),
	  A64("ID_AA64ISAR2_EL1", ISAR2_MASK, .w = ISAR2_W), { NULL, .w = ISAR3_W } },
	/* CRm 7 */
	{ A64("ID_AA64MMFR0_EL1", MMFR0_MASK, .w = MMFR0_W),
	  A64("ID_AA64MMFR1_EL1", MMFR1_MASK, .w = MMFR1_W),
	  A64("ID_AA64MMFR2_EL1", MMFR2_MASK, .w = MMFR2_W), { NULL, .w = MMFR3_W } },
};

static u64 idreg_val[AVMM_IDREG_CRMS][8] __ro_after_init;

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

	for (crm = 1; crm <= AVMM_IDREG_CRMS; crm++) {
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

/** avmm_idreg_vm_init - a new VM sees all that is offered */
void avmm_idreg_vm_init(struct avmm_vm *vm)
{
	BUILD_BUG_ON(sizeof(vm->arch.idreg) != sizeof(idreg_val));
	memcpy(vm->arch.idreg, idreg_val, sizeof(idreg_val));
}

static u64 *of_table(u64 (*table)[8], u32 enc)
{
	return &table[SYSREG_ENC_CRM(enc) - 1][SYSREG_ENC_OP2(enc)];
}

/**
 * avmm_idreg_read - value of an ID register
 * @vm: whose
 * @enc: its SYSREG_ENC(), for which avmm_is_idreg() holds
 *
 * A VM that runs without a GICv3 of ours has no system registers of one.
 *
 * Return: the value.
 */
u64 avmm_idreg_read(const struct avmm_vm *vm, u32 enc)
{
	u64 val = READ_ONCE(vm->arch.idreg[SYSREG_ENC_CRM(enc) - 1][SYSREG_ENC_OP2(enc)]);

	if (enc == IDREG_PFR0 && READ_ONCE(vm->arch.ran_once) &&
	    READ_ONCE(vm->arch.vgic.model) != AVMM_DEV_TYPE_ARM_VGIC_V3)
		val &= ~F(PFR0_GIC_SHIFT);
	return val;
}

/**
 * avmm_idreg_writable - which bits of an ID register user space may change
 * @enc: its SYSREG_ENC(), for which avmm_is_idreg() holds
 */
u64 avmm_idreg_writable(u32 enc)
{
	const struct idreg *r = &idregs[SYSREG_ENC_CRM(enc) - 1][SYSREG_ENC_OP2(enc)];

	if (r->a32 && !avmm_host.has_el0_32bit)
		return 0;
	if (!AVMM_WRITABLE_IDS)
		return enc == IDREG_PFR0 ? OLD_PFR0_W : 0;
	return r->w;
}

/* may a guest be told @val where the most that can be offered is @most? */
static bool is_safe(u32 enc, unsigned int shift, u64 val, u64 most)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(odd_fields); i++) {
		if (odd_fields[i].enc != enc || odd_fields[i].shift != shift)
			continue;
		switch (odd_fields[i].kind) {
		case SIGNED:
			return sign_extend64(val, 3) <= sign_extend64(most, 3);
		case HIGHER:
			return val >= most;
		case OR_ZERO:
			return !val || val == most;
		case OR_ONE:
			return val == 1 || val == most;
		case FROM_SIX:
			return val >= 6 && val <= most;
		}
	}
	return val <= most;
}

/**
 * avmm_idreg_user_set - user space writes an ID register
 * @vm: whose
 * @enc: its SYSREG_ENC(), for which avmm_is_idreg() holds
 * @val: the new value
 *
 * It may not claim more than there is, so that a guest can come here from a machine
 * that has less.
 *
 * Return: 0; -EINVAL; -EBUSY to change it when the VM has run
 */
int avmm_idreg_user_set(struct avmm_vm *vm, u32 enc, u64 val)
{
	u64 most = *of_table(idreg_val, enc), writable = avmm_idreg_writable(enc);
	unsigned int shift;
	int ret = 0;

	if (val == avmm_idreg_read(vm, enc))
		return 0;
	if ((val ^ most) & ~writable)
		return -EINVAL;
	for (shift = 0; shift < 64; shift += 4)
		if (!is_safe(enc, shift, val >> shift & 0xf, most >> shift & 0xf))
			return -EINVAL;
	mutex_lock(&vm->lock);
	if (AVMM_WRITABLE_IDS && READ_ONCE(vm->arch.ran_once))
		ret = -EBUSY;
	else
		WRITE_ONCE(*of_table(vm->arch.idreg, enc), val);
	mutex_unlock(&vm->lock);
	return ret;
}
