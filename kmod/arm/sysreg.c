// SPDX-License-Identifier: GPL-2.0
/*
 * AArch64 system registers: one table for what a guest's trapped MRS, MSR or
 * SYS does, what a register holds after reset, and what user space sees of it.
 * ID registers are a block of their own, see idreg.c.
 *
 * Exit path 5/8: called by arm/exit.c for EC 0x18; calls timer.c and irq/. The
 * vCPU thread; all registers are in ctx.
 */
#include <linux/bsearch.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <asm/cacheflush.h>
#include <asm/cpufeature.h>
#include <asm/cputype.h>
#include <asm/sysreg.h>
#include "arm/sysreg.h"

/* what KVM puts where the architecture says UNKNOWN; kept, so that dumps look alike */
#define UNKNOWN_VAL	0x1de7ec7edbadc0deULL

/* OSLSR_EL1: the OS lock exists (OSLM 0b10) and is off after reset */
#define OSLSR_OSLM	BIT_ULL(3)
#define OSLSR_OSLK	BIT_ULL(1)

/* FPEXC32_EL2: bits the architecture has as RES1 in AArch32's FPEXC */
#define FPEXC32_RESET	0x700

/* ID_AA64MMFR1_EL1.LO */
#define MMFR1_LO_SHIFT	16

#define MPIDR_RES1	BIT_ULL(31)

/* CTR_EL0: what user space may lower */
#define CTR_F_IMINLINE	0xfULL
#define CTR_F_L1IP	(3ULL << 14)
#define CTR_L1IP_VIPT	(2ULL << 14)
#define CTR_F_DMINLINE	(0xfULL << 16)
#define CTR_BIT_IDC		BIT_ULL(28)
#define CTR_BIT_DIC		BIT_ULL(29)
#define CTR_F_WRITABLE	(CTR_F_IMINLINE | CTR_F_DMINLINE | CTR_BIT_IDC | CTR_BIT_DIC | \
			 (AVMM_WRITABLE_L1IP ? CTR_F_L1IP : 0))

/* CLIDR_EL1: levels of unification and coherency; all fields, those of MTE's caches too */
#define CLIDR_F_LOUIS	(7ULL << 21)
#define CLIDR_F_LOC	(7ULL << 24)
#define CLIDR_F_LOUU	(7ULL << 27)
#define CLIDR_F_KNOWN	(~0ULL >> 17)

#define MMFR2_F_CCIDX	(0xfULL << 20)

/* CCSIDR_EL1: the upper four bits of the word are UNKNOWN, and were policies once */
#define CCSIDR_F_KNOWN	(~0U >> 4)
#define CCSIDR_F_LINE	7U	/* log2 of the words of 4 bytes in a line, less 2 */

/* registers that are the same for all VMs and never change */
static struct {
	u64 imp[AVMM_NR_IMP_IDS], clidr, ctr;
	u32 ccsidr[AVMM_NR_CSSELR];
	bool hides_ccidx;
} host_id __ro_after_init;

/* ---- handlers ---- */

static bool undef(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, struct sysreg_access *a)
{
	return false;
}

/* reads as zero, ignores writes */
static bool raz_wi(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, struct sysreg_access *a)
{
	a->val = 0;
	return true;
}

/* stored: reads give back what was written */
static bool stored(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, struct sysreg_access *a)
{
	u64 *reg = &vcpu->arch.ctx->sys[r->ctx];

	if (a->write)
		*reg = a->val;
	else
		a->val = *reg;
	return true;
}

/* 32-bit registers: upper half RES0 */
static bool stored32(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, struct sysreg_access *a)
{
	a->val = (u32)a->val;
	return stored(vcpu, r, a);
}

static bool caches_on(const struct avmm_vcpu *vcpu)
{
	const u64 on = SCTLR_M_BIT | SCTLR_C_BIT;

	return (vcpu->arch.ctx->sys[CTX_SCTLR_EL1] & on) == on;
}

/*
 * Without FEAT_S2FWB a guest with its MMU or caches off goes to memory past
 * the caches. When it turns them on or off, what either side holds must be
 * made the same (Arm ARM D7.5.5, mismatched attributes). We see that moment
 * because writes to the MMU registers trap (HCR_EL2.TVM) until caches are on.
 */
static bool access_mmu(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		       struct sysreg_access *a)
{
	bool were_on = caches_on(vcpu);

	stored(vcpu, r, a);
	if (a->write && caches_on(vcpu) != were_on)
		avmm_s2_clean_vm(vcpu->vm);
	if (caches_on(vcpu))
		vcpu->arch.ctx->hcr &= ~HCR_BIT_TVM;
	return true;
}

/*
 * DC by set/way means that the guest is about to turn its caches on or off; it
 * cannot reach all caches this way, we do it for it. TVM tells that it has
 * been done and watches for the end of the phase.
 */
static bool access_set_way(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			   struct sysreg_access *a)
{
	if (!a->write)
		return false;
	if (!vcpu->vm->s2.fwb && !(vcpu->arch.ctx->hcr & HCR_BIT_TVM)) {
		avmm_s2_clean_vm(vcpu->vm);
		vcpu->arch.ctx->hcr |= HCR_BIT_TVM;
	}
	return true;
}

/* implementation defined controls of the host's core: shown, not given */
static bool access_actlr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			 struct sysreg_access *a)
{
	if (!a->write)
		a->val = vcpu->arch.ctx->sys[CTX_ACTLR_EL1];
	return true;
}

/* what user space may have changed: traps under HCR_EL2.TID1, TID2 */
static bool access_id(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		      struct sysreg_access *a)
{
	u64 val;

	if (a->write || r->get(vcpu, r, &val))
		return false;
	a->val = val;
	return true;
}

static bool access_ccsidr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			  struct sysreg_access *a)
{
	u32 val = 0;

	if (a->write)
		return false;
	/* a cache that does not exist: UNKNOWN (Arm ARM, CCSIDR_EL1) */
	avmm_ccsidr_get(vcpu, vcpu->arch.ctx->sys[CTX_CSSELR_EL1] & 0xf, &val);
	a->val = val;
	return true;
}

/* LORegions: none. LORID_EL1 says so; the others then do nothing (Arm ARM D8.15) */
static bool access_lor(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		       struct sysreg_access *a)
{
	if (!avmm_idreg_has(vcpu->vm, IDREG_MMFR1, MMFR1_LO_SHIFT))
		return false;
	return raz_wi(vcpu, r, a);
}

static bool access_lorid(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			 struct sysreg_access *a)
{
	return !a->write && access_lor(vcpu, r, a);
}

/* OSLAR is the write side of OSLSR.OSLK (Arm ARM D2.11) */
static bool access_oslar(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			 struct sysreg_access *a)
{
	u64 *oslsr = &vcpu->arch.ctx->sys[CTX_OSLSR_EL1];

	if (!a->write)
		return false;
	*oslsr = (*oslsr & ~OSLSR_OSLK) | (a->val & 1 ? OSLSR_OSLK : 0);
	return true;
}

static bool access_oslsr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			 struct sysreg_access *a)
{
	return !a->write && stored(vcpu, r, a);
}

static bool access_dbgauthstatus(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
				 struct sysreg_access *a)
{
	if (a->write)
		return false;
	a->val = read_sysreg(dbgauthstatus_el1);
	return true;
}

/*
 * The virtual distributor takes all three forms. There is one security state:
 * ASGI1R reaches group 0 as SGI0R does (GIC spec, ICC_ASGI1R_EL1).
 */
static bool access_sgi(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		       struct sysreg_access *a)
{
	if (!a->write || vcpu->vm->arch.vgic.model != AVMM_DEV_TYPE_ARM_VGIC_V3)
		return false;
	vgic_send_sgi(vcpu, a->val, r->val);
	return true;
}

static bool access_dir(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		       struct sysreg_access *a)
{
	if (!a->write || vcpu->vm->arch.vgic.model != AVMM_DEV_TYPE_ARM_VGIC_V3)
		return false;
	vgic_deactivate(vcpu, a->val & 0xffffff);
	return true;
}

/* traps where it is not fixed by the CPU; SRE and both bypass bits are set */
static bool access_icc_sre(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			   struct sysreg_access *a)
{
	if (vcpu->vm->arch.vgic.model != AVMM_DEV_TYPE_ARM_VGIC_V3)
		return false;
	if (!a->write)
		a->val = vcpu->arch.ctx->vgic.sre;
	return true;
}

/* the physical timer and counter are emulated; r->val is enum avmm_timer_reg */
static bool access_ptimer(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
			  struct sysreg_access *a)
{
	if (a->write) {
		if (r->val == AVMM_TIMER_CNT)
			return false;
		avmm_timer_write(vcpu, true, r->val, a->val);
	} else {
		a->val = avmm_timer_read(vcpu, true, r->val);
	}
	return true;
}

/* ---- what user space sees differently ---- */

/* r->val is enum avmm_imp_id */
static int get_imp_id(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 *val)
{
	*val = READ_ONCE(vcpu->vm->arch.imp_id[r->val]);
	return 0;
}

static int get_clidr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 *val)
{
	*val = vcpu->arch.clidr;
	return 0;
}

static int get_ctr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 *val)
{
	*val = READ_ONCE(vcpu->vm->arch.ctr);
	return 0;
}

/* may be written with the value it has */
static int set_same(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	u64 have;

	return r->get(vcpu, r, &have) || have != val ? -EINVAL : 0;
}

/* MIDR_EL1 is RES0 above 32 bits; the others are IMPLEMENTATION DEFINED */
static u64 imp_id_writable(const struct avmm_sysreg *r)
{
	return r->val == AVMM_MIDR ? ~0U : ~0ULL;
}

/*
 * A guest that comes from another core may be told that it is still there: any, what it
 * makes of that is between it and its VMM. One for the VM, before it runs
 */
static int set_imp_id(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	struct avmm_vm *vm = vcpu->vm;
	u64 *id = &vm->arch.imp_id[r->val];
	int ret = 0;

	mutex_lock(&vm->lock);
	if (val != *id && (!vm->arch.writable_imp_ids || (val & ~imp_id_writable(r))))
		ret = -EINVAL;
	else if (val != *id && READ_ONCE(vm->arch.ran_once))
		ret = -EBUSY;
	else
		WRITE_ONCE(*id, val);
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * A guest may be told of other caches than there are, as on the machine that it
 * comes from. What it must not be told is that it need not do what it must do.
 */
static int set_clidr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	bool coherent = !(val & CLIDR_F_LOC) || !(val & (CLIDR_F_LOUIS | CLIDR_F_LOUU));

	if (!AVMM_WRITABLE_IDS)
		return set_same(vcpu, r, val);
	if ((val & ~CLIDR_F_KNOWN) || (coherent && !(host_id.ctr & CTR_BIT_IDC)))
		return -EINVAL;
	vcpu->arch.clidr = val;
	avmm_sysreg_show_ids(vcpu);
	return 0;
}

/*
 * Smaller lines and more maintenance than are needed do no harm, and VIPT for a PIPT cache is that:
 * L1Ip's other values are reserved. One for the VM, before it runs.
 */
static int set_ctr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	struct avmm_vm *vm = vcpu->vm;
	u64 have = host_id.ctr;
	int ret = 0;

	if (!AVMM_WRITABLE_IDS)
		return set_same(vcpu, r, val);
	if (((val ^ have) & ~(u64)CTR_F_WRITABLE) || (val & ~have & (CTR_BIT_IDC | CTR_BIT_DIC)) ||
	    (val & CTR_F_DMINLINE) > (have & CTR_F_DMINLINE) ||
	    (val & CTR_F_IMINLINE) > (have & CTR_F_IMINLINE) ||
	    (val & CTR_F_L1IP) > (have & CTR_F_L1IP) ||
	    ((val ^ have) & CTR_F_L1IP && (val & CTR_F_L1IP) != CTR_L1IP_VIPT))
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (READ_ONCE(vm->arch.ran_once) && val != vm->arch.ctr)
		ret = -EBUSY;
	else
		WRITE_ONCE(vm->arch.ctr, val);
	mutex_unlock(&vm->lock);
	avmm_sysreg_show_ids(vcpu);
	return ret;
}

static int set_oslsr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	if ((val ^ r->val) & ~OSLSR_OSLK)
		return -EINVAL;
	vcpu->arch.ctx->sys[CTX_OSLSR_EL1] = val;
	return 0;
}

static int set_mpidr(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val)
{
	vcpu->arch.ctx->sys[CTX_MPIDR_EL1] = val;
	vcpu->arch.ctx->vmpidr = val;
	return 0;
}

/* ---- the table ---- */

#define ROW(n, o0, o1, cn, cm, o2, ...) \
	{ .name = (n), .enc = SYSREG_ENC(o0, o1, cn, cm, o2), .ctx = SYSREG_NO_CTX, ##__VA_ARGS__ }
/* a register held in ctx */
#define CTX(n, o0, o1, cn, cm, o2, c, fn, v, ...) \
	{ .name = (n), .enc = SYSREG_ENC(o0, o1, cn, cm, o2), .ctx = (c), .access = (fn), \
	  .val = (v), ##__VA_ARGS__ }
#define IMP_ID(n, o0, o1, cn, cm, o2, i, fn) \
	ROW(n, o0, o1, cn, cm, o2, .access = (fn), .get = get_imp_id, .set = set_imp_id, .val = (i))

#define DBG_REGS(n) \
	CTX("DBGBVR" #n "_EL1", 2, 0, 0, n, 4, CTX_DBGBVR0_EL1 + (n), stored, 0), \
	CTX("DBGBCR" #n "_EL1", 2, 0, 0, n, 5, CTX_DBGBCR0_EL1 + (n), stored32, 0), \
	CTX("DBGWVR" #n "_EL1", 2, 0, 0, n, 6, CTX_DBGWVR0_EL1 + (n), stored, 0), \
	CTX("DBGWCR" #n "_EL1", 2, 0, 0, n, 7, CTX_DBGWCR0_EL1 + (n), stored32, 0)

/*
 * Sorted by encoding; avmm_sysreg_init() checks that. Registers of features we
 * do not offer (PMU, SVE, pauth, MTE, ...) have no row: unknown is UNDEFINED.
 */
static const struct avmm_sysreg sysregs[] = {
	ROW("DC ISW", 1, 0, 7, 6, 2, .access = access_set_way),
	ROW("DC CSW", 1, 0, 7, 10, 2, .access = access_set_way),
	ROW("DC CISW", 1, 0, 7, 14, 2, .access = access_set_way),

	/* op0 2: debug. The DCC and the claim tags have nobody at the other end. */
	ROW("OSDTRRX_EL1", 2, 0, 0, 0, 2, .access = raz_wi),
	DBG_REGS(0),
	DBG_REGS(1),
	CTX("MDCCINT_EL1", 2, 0, 0, 2, 0, CTX_MDCCINT_EL1, stored32, 0),
	CTX("MDSCR_EL1", 2, 0, 0, 2, 2, CTX_MDSCR_EL1, stored, 0),
	DBG_REGS(2),
	ROW("OSDTRTX_EL1", 2, 0, 0, 3, 2, .access = raz_wi),
	DBG_REGS(3),
	DBG_REGS(4),
	DBG_REGS(5),
	ROW("OSECCR_EL1", 2, 0, 0, 6, 2, .access = raz_wi),
	DBG_REGS(6),
	DBG_REGS(7),
	DBG_REGS(8),
	DBG_REGS(9),
	DBG_REGS(10),
	DBG_REGS(11),
	DBG_REGS(12),
	DBG_REGS(13),
	DBG_REGS(14),
	DBG_REGS(15),
	ROW("MDRAR_EL1", 2, 0, 1, 0, 0, .access = raz_wi),
	ROW("OSLAR_EL1", 2, 0, 1, 0, 4, .access = access_oslar),
	CTX("OSLSR_EL1", 2, 0, 1, 1, 4, CTX_OSLSR_EL1, access_oslsr, OSLSR_OSLM,
	    .set = set_oslsr),
	ROW("OSDLR_EL1", 2, 0, 1, 3, 4, .access = raz_wi),
	ROW("DBGPRCR_EL1", 2, 0, 1, 4, 4, .access = raz_wi),
	ROW("DBGCLAIMSET_EL1", 2, 0, 7, 8, 6, .access = raz_wi),
	ROW("DBGCLAIMCLR_EL1", 2, 0, 7, 9, 6, .access = raz_wi),
	ROW("DBGAUTHSTATUS_EL1", 2, 0, 7, 14, 6, .access = access_dbgauthstatus),
	ROW("MDCCSR_EL0", 2, 3, 0, 1, 0, .access = raz_wi),
	ROW("DBGDTR_EL0", 2, 3, 0, 4, 0, .access = raz_wi),
	ROW("DBGDTRRX_EL0", 2, 3, 0, 5, 0, .access = raz_wi),
	CTX("DBGVCR32_EL2", 2, 4, 0, 7, 0, CTX_DBGVCR32_EL2, undef, 0),

	/* op0 3; op1 0, CRn 0, CRm 1..7 are in idreg.c */
	/* not trapped: VPIDR_EL2 */
	IMP_ID("MIDR_EL1", 3, 0, 0, 0, 0, AVMM_MIDR, NULL),
	CTX("MPIDR_EL1", 3, 0, 0, 0, 5, CTX_MPIDR_EL1, NULL, 0, .set = set_mpidr),
	IMP_ID("REVIDR_EL1", 3, 0, 0, 0, 6, AVMM_REVIDR, access_id),
	CTX("SCTLR_EL1", 3, 0, 1, 0, 0, CTX_SCTLR_EL1, access_mmu, SCTLR_EL1_RESET),
	CTX("ACTLR_EL1", 3, 0, 1, 0, 1, CTX_ACTLR_EL1, access_actlr, 0),
	CTX("CPACR_EL1", 3, 0, 1, 0, 2, CTX_CPACR_EL1, NULL, 0),
	CTX("TTBR0_EL1", 3, 0, 2, 0, 0, CTX_TTBR0_EL1, access_mmu, UNKNOWN_VAL),
	CTX("TTBR1_EL1", 3, 0, 2, 0, 1, CTX_TTBR1_EL1, access_mmu, UNKNOWN_VAL),
	CTX("TCR_EL1", 3, 0, 2, 0, 2, CTX_TCR_EL1, access_mmu, 0),
	CTX("AFSR0_EL1", 3, 0, 5, 1, 0, CTX_AFSR0_EL1, access_mmu, UNKNOWN_VAL),
	CTX("AFSR1_EL1", 3, 0, 5, 1, 1, CTX_AFSR1_EL1, access_mmu, UNKNOWN_VAL),
	CTX("ESR_EL1", 3, 0, 5, 2, 0, CTX_ESR_EL1, access_mmu, UNKNOWN_VAL),
	/* error records are the host's: ERRIDR says that there are none (RAS, DDI0587) */
	ROW("ERRIDR_EL1", 3, 0, 5, 3, 0, .access = raz_wi),
	ROW("ERRSELR_EL1", 3, 0, 5, 3, 1, .access = raz_wi),
	ROW("ERXFR_EL1", 3, 0, 5, 4, 0, .access = raz_wi),
	ROW("ERXCTLR_EL1", 3, 0, 5, 4, 1, .access = raz_wi),
	ROW("ERXSTATUS_EL1", 3, 0, 5, 4, 2, .access = raz_wi),
	ROW("ERXADDR_EL1", 3, 0, 5, 4, 3, .access = raz_wi),
	ROW("ERXMISC0_EL1", 3, 0, 5, 5, 0, .access = raz_wi),
	ROW("ERXMISC1_EL1", 3, 0, 5, 5, 1, .access = raz_wi),
	CTX("FAR_EL1", 3, 0, 6, 0, 0, CTX_FAR_EL1, access_mmu, UNKNOWN_VAL),
	CTX("PAR_EL1", 3, 0, 7, 4, 0, CTX_PAR_EL1, NULL, UNKNOWN_VAL),
	CTX("MAIR_EL1", 3, 0, 10, 2, 0, CTX_MAIR_EL1, access_mmu, UNKNOWN_VAL),
	CTX("AMAIR_EL1", 3, 0, 10, 3, 0, CTX_AMAIR_EL1, access_mmu, 0),
	ROW("LORSA_EL1", 3, 0, 10, 4, 0, .access = access_lor),
	ROW("LOREA_EL1", 3, 0, 10, 4, 1, .access = access_lor),
	ROW("LORN_EL1", 3, 0, 10, 4, 2, .access = access_lor),
	ROW("LORC_EL1", 3, 0, 10, 4, 3, .access = access_lor),
	ROW("LORID_EL1", 3, 0, 10, 4, 7, .access = access_lorid),
	CTX("VBAR_EL1", 3, 0, 12, 0, 0, CTX_VBAR_EL1, NULL, 0),
	CTX("DISR_EL1", 3, 0, 12, 1, 1, CTX_DISR_EL1, NULL, 0),
	ROW("ICC_DIR_EL1", 3, 0, 12, 11, 1, .access = access_dir),
	ROW("ICC_SGI1R_EL1", 3, 0, 12, 11, 5, .access = access_sgi, .val = true),
	ROW("ICC_ASGI1R_EL1", 3, 0, 12, 11, 6, .access = access_sgi),
	ROW("ICC_SGI0R_EL1", 3, 0, 12, 11, 7, .access = access_sgi),
	ROW("ICC_SRE_EL1", 3, 0, 12, 12, 5, .access = access_icc_sre),
	CTX("CONTEXTIDR_EL1", 3, 0, 13, 0, 1, CTX_CONTEXTIDR_EL1, access_mmu, 0),
	CTX("TPIDR_EL1", 3, 0, 13, 0, 4, CTX_TPIDR_EL1, NULL, UNKNOWN_VAL),
	CTX("CNTKCTL_EL1", 3, 0, 14, 1, 0, CTX_CNTKCTL_EL1, NULL, 0),
	ROW("CCSIDR_EL1", 3, 1, 0, 0, 0, .access = access_ccsidr),
	ROW("CLIDR_EL1", 3, 1, 0, 0, 1, .access = access_id, .get = get_clidr,
	    .set = set_clidr),
	IMP_ID("AIDR_EL1", 3, 1, 0, 0, 7, AVMM_AIDR, access_id),
	CTX("CSSELR_EL1", 3, 2, 0, 0, 0, CTX_CSSELR_EL1, stored32, UNKNOWN_VAL),
	ROW("CTR_EL0", 3, 3, 0, 0, 1, .access = access_id, .get = get_ctr, .set = set_ctr),
	CTX("TPIDR_EL0", 3, 3, 13, 0, 2, CTX_TPIDR_EL0, NULL, UNKNOWN_VAL),
	CTX("TPIDRRO_EL0", 3, 3, 13, 0, 3, CTX_TPIDRRO_EL0, NULL, UNKNOWN_VAL),
	ROW("CNTPCT_EL0", 3, 3, 14, 0, 1, .access = access_ptimer, .val = AVMM_TIMER_CNT),
	ROW("CNTP_TVAL_EL0", 3, 3, 14, 2, 0, .access = access_ptimer, .val = AVMM_TIMER_TVAL),
	ROW("CNTP_CTL_EL0", 3, 3, 14, 2, 1, .access = access_ptimer, .val = AVMM_TIMER_CTL),
	ROW("CNTP_CVAL_EL0", 3, 3, 14, 2, 2, .access = access_ptimer, .val = AVMM_TIMER_CVAL),
	/* AArch32's copies: a 64-bit guest cannot touch them, user space lists them */
	CTX("DACR32_EL2", 3, 4, 3, 0, 0, CTX_DACR32_EL2, undef, UNKNOWN_VAL),
	CTX("IFSR32_EL2", 3, 4, 5, 0, 1, CTX_IFSR32_EL2, undef, UNKNOWN_VAL),
	CTX("FPEXC32_EL2", 3, 4, 5, 3, 0, CTX_FPEXC32_EL2, undef, FPEXC32_RESET),
};

/* what user space sees, by encoding; ID registers included */
static u16 user_enc[ARRAY_SIZE(sysregs) + 7 * 8] __ro_after_init;
static unsigned long nr_user __ro_after_init;

static int cmp_enc(const void *key, const void *elt)
{
	return (int)(uintptr_t)key - (int)((const struct avmm_sysreg *)elt)->enc;
}

static const struct avmm_sysreg *find(u32 enc)
{
	return bsearch((void *)(uintptr_t)enc, sysregs, ARRAY_SIZE(sysregs), sizeof(sysregs[0]),
		       cmp_enc);
}

static bool user_sees(const struct avmm_sysreg *r)
{
	return r->ctx != SYSREG_NO_CTX || r->get;
}

/* ---- the guest's side ---- */

/* S3_<op1>_C11/C15: implementation defined, trapped by TIDCP; not worth a message */
static bool is_imp_def(u32 enc)
{
	return SYSREG_ENC_OP0(enc) == 3 && (SYSREG_ENC_CRN(enc) & 0xb) == 0xb;
}

static bool access_unknown(struct avmm_vcpu *vcpu, u32 enc, bool write)
{
	if (!is_imp_def(enc))
		pr_notice_ratelimited("vCPU %u: %s of unknown system register S%u_%u_C%u_C%u_%u at 0x%llx\n",
				      vcpu->id, write ? "write" : "read", SYSREG_ENC_OP0(enc),
				      SYSREG_ENC_OP1(enc), SYSREG_ENC_CRN(enc),
				      SYSREG_ENC_CRM(enc), SYSREG_ENC_OP2(enc),
				      vcpu->arch.ctx->pc);
	return false;
}

static bool sysreg_access(struct avmm_vcpu *vcpu, u32 enc, struct sysreg_access *a)
{
	const struct avmm_sysreg *r;

	if (avmm_is_idreg(enc)) {
		if (a->write)
			return false;
		a->val = avmm_idreg_read(vcpu->vm, enc);
		return true;
	}
	r = find(enc);
	if (!r || !r->access)
		return access_unknown(vcpu, enc, a->write);
	return r->access(vcpu, r, a);
}

/**
 * avmm_handle_sysreg - a trapped MRS, MSR or SYS (EC 0x18)
 * @vcpu: the vCPU that executed it; its PC is at the instruction
 *
 * Return: 1.
 */
int avmm_handle_sysreg(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 esr = ctx->esr;
	u32 rt = ESR_SYS_RT(esr);
	u32 enc = SYSREG_ENC(ESR_SYS_OP0(esr), ESR_SYS_OP1(esr), ESR_SYS_CRN(esr),
			     ESR_SYS_CRM(esr), ESR_SYS_OP2(esr));
	struct sysreg_access a = { .write = !(esr & ESR_SYS_READ) };

	/* register 31 is XZR */
	if (a.write && rt != 31)
		a.val = ctx->x[rt];
	if (!sysreg_access(vcpu, enc, &a)) {
		avmm_inject_undef(vcpu);
		return 1;
	}
	if (!a.write && rt != 31)
		ctx->x[rt] = a.val;
	avmm_skip_instr(vcpu);
	return 1;
}

/* ---- reset ---- */

/* Aff0 counts to 16 because that many fit ICC_SGI1R_EL1.TargetList (GIC spec) */
static u64 reset_mpidr(u32 id)
{
	return MPIDR_RES1 | (id & 0xf) | ((u64)((id >> 4) & 0xff) << 8) |
	       ((u64)((id >> 12) & 0xff) << 16);
}

/** avmm_sysreg_vm_init - a new VM sees what there is of the machine */
void avmm_sysreg_vm_init(struct avmm_vm *vm)
{
	memcpy(vm->arch.imp_id, host_id.imp, sizeof(host_id.imp));
	vm->arch.ctr = host_id.ctr;
	avmm_idreg_vm_init(vm);
}

/**
 * avmm_sysreg_vcpu_init - what a reset leaves alone, as user space may have chosen it
 * @vcpu: new
 */
void avmm_sysreg_vcpu_init(struct avmm_vcpu *vcpu)
{
	vcpu->arch.ctx->sys[CTX_MPIDR_EL1] = reset_mpidr(vcpu->id);
	vcpu->arch.clidr = host_id.clidr;
	memcpy(vcpu->arch.ccsidr, host_id.ccsidr, sizeof(host_id.ccsidr));
}

/**
 * avmm_sysreg_show_ids - see to it that the guest reads of its core and caches what it shall
 * @vcpu: not in the guest
 */
void avmm_sysreg_show_ids(struct avmm_vcpu *vcpu)
{
	vcpu->arch.ctx->vpidr = READ_ONCE(vcpu->vm->arch.imp_id[AVMM_MIDR]);
	if (host_id.hides_ccidx || READ_ONCE(vcpu->vm->arch.ctr) != host_id.ctr || vcpu->arch.clidr != host_id.clidr ||
	    memcmp(vcpu->arch.ccsidr, host_id.ccsidr, sizeof(host_id.ccsidr)))
		vcpu->arch.ctx->hcr |= HCR_BIT_TID2;
	else
		vcpu->arch.ctx->hcr &= ~HCR_BIT_TID2;
}

/**
 * avmm_sysreg_reset - reset values into all registers
 * @vcpu: the vCPU, stopped
 */
void avmm_sysreg_reset(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	u64 mpidr = ctx->sys[CTX_MPIDR_EL1];
	int i;

	memset(ctx->sys, 0, sizeof(ctx->sys));
	for (i = 0; i < ARRAY_SIZE(sysregs); i++)
		if (sysregs[i].ctx != SYSREG_NO_CTX)
			ctx->sys[sysregs[i].ctx] = sysregs[i].val;
	ctx->sys[CTX_MPIDR_EL1] = mpidr;
	ctx->vmpidr = mpidr;
	ctx->sys[CTX_ACTLR_EL1] = read_sysreg(actlr_el1);
	avmm_sysreg_show_ids(vcpu);
}

/* ---- user space's side ---- */

/**
 * avmm_sysreg_user_get - GET_ONE_REG of a system register
 * @vcpu: an initialised vCPU; its mutex is held
 * @enc: SYSREG_ENC()
 * @val: filled
 *
 * Return: 0 or -ENOENT.
 */
int avmm_sysreg_user_get(struct avmm_vcpu *vcpu, u32 enc, u64 *val)
{
	const struct avmm_sysreg *r;

	if (avmm_is_idreg(enc)) {
		*val = avmm_idreg_read(vcpu->vm, enc);
		return 0;
	}
	r = find(enc);
	if (!r || !user_sees(r))
		return -ENOENT;
	if (r->get)
		return r->get(vcpu, r, val);
	*val = vcpu->arch.ctx->sys[r->ctx];
	return 0;
}

/**
 * avmm_sysreg_user_set - SET_ONE_REG of a system register
 * @vcpu: an initialised vCPU; its mutex is held
 * @enc: SYSREG_ENC()
 * @val: the value
 *
 * Return: 0, -ENOENT, or -EINVAL where the value cannot change.
 */
int avmm_sysreg_user_set(struct avmm_vcpu *vcpu, u32 enc, u64 val)
{
	const struct avmm_sysreg *r;

	if (avmm_is_idreg(enc))
		return avmm_idreg_user_set(vcpu->vm, enc, val);
	r = find(enc);
	if (!r || !user_sees(r))
		return -ENOENT;
	if (r->set)
		return r->set(vcpu, r, val);
	vcpu->arch.ctx->sys[r->ctx] = val;
	return 0;
}

/**
 * avmm_sysreg_user_nr - how many system registers user space sees
 *
 * Return: that.
 */
unsigned long avmm_sysreg_user_nr(void)
{
	return nr_user;
}

/**
 * avmm_sysreg_user_enc - which they are
 * @n: 0 to avmm_sysreg_user_nr() - 1
 *
 * Return: its SYSREG_ENC().
 */
u32 avmm_sysreg_user_enc(unsigned long n)
{
	return user_enc[n];
}

/* is there such a cache on this machine? Ctype<n>: 0 none, 1 I, 2 D, 3 both, 4 unified */
static bool has_cache(u32 csselr)
{
	u32 ctype = host_id.clidr >> (csselr >> 1) * 3 & 7;

	if (ctype == 3)
		return true;
	return csselr & 1 ? ctype == 1 : ctype == 2 || ctype == 4;
}

/**
 * avmm_ccsidr_get - geometry of a cache, CCSIDR_EL1
 * @vcpu: whose
 * @csselr: CSSELR_EL1: level in bits 3:1, instruction cache in bit 0
 * @val: filled
 *
 * Return: 0; -ENOENT if there is no such cache, which the KVMs of newer kernels do not mind.
 */
int avmm_ccsidr_get(struct avmm_vcpu *vcpu, u32 csselr, u32 *val)
{
	if (csselr >= AVMM_NR_CSSELR || !(AVMM_ALL_CCSIDRS || has_cache(csselr)))
		return -ENOENT;
	*val = vcpu->arch.ccsidr[array_index_nospec(csselr, AVMM_NR_CSSELR)];
	return 0;
}

/* log2 of the smallest line in bytes, CTR_EL0's count being of words */
static u32 line_shift(bool insn)
{
	return 2 + (insn ? host_id.ctr & CTR_F_IMINLINE : (host_id.ctr & CTR_F_DMINLINE) >> 16);
}

/**
 * avmm_ccsidr_set - the geometry that the guest shall see
 * @vcpu: whose; not running
 * @csselr: avmm_ccsidr_get() knows it
 * @val: what
 *
 * Return: 0, or -EINVAL for lines shorter than the machine has; before 6.4 for all that
 * it is not.
 */
int avmm_ccsidr_set(struct avmm_vcpu *vcpu, u32 csselr, u32 val)
{
	u32 *reg = &vcpu->arch.ccsidr[array_index_nospec(csselr, AVMM_NR_CSSELR)];

	if (val == *reg)
		return 0;
	if (!AVMM_ALL_CCSIDRS || (val & CCSIDR_F_LINE) + 4 < line_shift(csselr & 1))
		return -EINVAL;
	*reg = val;
	avmm_sysreg_show_ids(vcpu);
	return 0;
}

/**
 * avmm_copy_writable_masks - AVMM_ARM_GET_REG_WRITABLE_MASKS
 * @to: room for AVMM_ARM_FEATURE_ID_RANGE_SIZE masks
 *
 * Return: 0 or -EFAULT.
 */
int avmm_copy_writable_masks(u64 __user *to)
{
	static const u8 op1s[] = { 0, 1, 3 };
	const struct avmm_sysreg *r;
	u32 i, enc;
	u64 mask;

	for (i = 0; i < AVMM_ARM_FEATURE_ID_RANGE_SIZE; i++) {
		enc = SYSREG_ENC(3, op1s[i / 64], 0, i / 8 % 8, i % 8);
		r = find(enc);
		mask = 0;
		if (avmm_is_idreg(enc))
			mask = avmm_idreg_writable(enc);
		else if (r && r->set == set_imp_id && AVMM_WRITABLE_IMP_IDS)
			mask = imp_id_writable(r);
		else if (r && r->set == set_clidr)
			mask = CLIDR_F_KNOWN;
		else if (r && r->set == set_ctr)
			mask = CTR_F_WRITABLE;
		if (put_user(mask, to + i))
			return -EFAULT;
	}
	return 0;
}

/* ---- load time ---- */

/* CSSELR and CCSIDR are a pair: nobody may come between on this CPU */
static void __init snapshot_caches(void)
{
	unsigned long flags;
	u32 i;

	/* the machine's CCSIDR_EL1 has the format that the guest is not told of */
	host_id.hides_ccidx = AVMM_ALL_CCSIDRS &&
		(read_sanitised_ftr_reg(SYS_ID_AA64MMFR2_EL1) & MMFR2_F_CCIDX);
	local_irq_save(flags);
	for (i = 0; i < AVMM_NR_CSSELR; i++) {
		/* where there is none it reads as anything: one set and way of the shortest lines */
		host_id.ccsidr[i] = line_shift(i & 1) - 4;
		if (host_id.hides_ccidx || !has_cache(i))
			continue;
		write_sysreg(i, csselr_el1);
		isb();
		host_id.ccsidr[i] = read_sysreg(ccsidr_el1);
		if (AVMM_ALL_CCSIDRS)
			host_id.ccsidr[i] &= CCSIDR_F_KNOWN;
	}
	local_irq_restore(flags);
}

/* Strictly rising: sorted, and no encoding twice. ID registers are not in here. */
static int __init check_table(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(sysregs); i++) {
		const struct avmm_sysreg *r = &sysregs[i];

		if ((i && r[-1].enc >= r->enc) || avmm_is_idreg(r->enc) ||
		    (r->ctx != SYSREG_NO_CTX && r->ctx >= CTX_NR_REGS)) {
			pr_err("system register table is wrong at %s\n", r->name);
			return -EINVAL;
		}
	}
	return 0;
}

/* same for all VMs: no state, and first in the list */
static bool is_fixed(const struct avmm_sysreg *r)
{
	return r->get && r->ctx == SYSREG_NO_CTX;
}

/* the order of in-tree KVM: what is fixed, then all else by encoding */
static void __init make_user_list(void)
{
	const struct avmm_sysreg *r, *end = sysregs + ARRAY_SIZE(sysregs);
	bool ids = false;
	u32 enc;

	for (r = sysregs; r < end; r++)
		if (is_fixed(r))
			user_enc[nr_user++] = r->enc;
	for (r = sysregs; r < end; r++) {
		/* the ID registers have no rows; nothing else is between them */
		if (!ids && r->enc > IDREG_LAST) {
			for (enc = IDREG_FIRST; enc <= IDREG_LAST; enc++)
				user_enc[nr_user++] = enc;
			ids = true;
		}
		if (user_sees(r) && !is_fixed(r))
			user_enc[nr_user++] = r->enc;
	}
}

/**
 * avmm_sysreg_init - check the table, read what is the host's
 *
 * Return: 0, or -EINVAL if the table is wrong.
 */
int __init avmm_sysreg_init(void)
{
	int ret = check_table();

	if (ret)
		return ret;
	host_id.imp[AVMM_MIDR] = read_cpuid_id();
	host_id.imp[AVMM_REVIDR] = read_sysreg(revidr_el1);
	host_id.imp[AVMM_AIDR] = read_sysreg(aidr_el1);
	host_id.clidr = read_sysreg(clidr_el1);
	host_id.ctr = read_sanitised_ftr_reg(SYS_CTR_EL0);
	snapshot_caches();
	avmm_idreg_init();
	avmm_hvc_host_init();
	make_user_list();
	return 0;
}
