/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to sysreg.c, idreg.c, regs.c, reset.c and inject.c: the system
 * register table and the AArch64 PSTATE and HCR_EL2 bits they work with.
 */
#ifndef AVMM_ARM_SYSREG_H
#define AVMM_ARM_SYSREG_H

#include "avmm.h"

/* A register's encoding, as MRS/MSR have it and as the low 16 bits of its ONE_REG id. */
#define SYSREG_ENC(op0, op1, crn, crm, op2) \
	(((op0) << 14) | ((op1) << 11) | ((crn) << 7) | ((crm) << 3) | (op2))
#define SYSREG_ENC_MASK		0xffffU
#define SYSREG_ENC_OP0(enc)	(((enc) >> 14) & 3)
#define SYSREG_ENC_OP1(enc)	(((enc) >> 11) & 7)
#define SYSREG_ENC_CRN(enc)	(((enc) >> 7) & 0xf)
#define SYSREG_ENC_CRM(enc)	(((enc) >> 3) & 0xf)
#define SYSREG_ENC_OP2(enc)	((enc) & 7)

/* AArch64 ID registers: op0 3, op1 0, CRn 0, CRm 1..7, op2 0..7 (Arm ARM D18.3) */
#define IDREG_ENC(crm, op2)	SYSREG_ENC(3, 0, 0, crm, op2)
#define IDREG_FIRST		IDREG_ENC(1, 0)
#define IDREG_LAST		IDREG_ENC(7, 7)
#define IDREG_PFR0		IDREG_ENC(4, 0)
#define IDREG_PFR1		IDREG_ENC(4, 1)
#define IDREG_MMFR1		IDREG_ENC(7, 1)

/* SCTLR_EL1 (Arm ARM D19.2, "SCTLR_EL1") */
#define SCTLR_EL1_RESET		0x00c50078ULL	/* MMU and caches off, RES1 bits of Armv8.0 set */
#define SCTLR_M_BIT		BIT_ULL(0)
#define SCTLR_C_BIT		BIT_ULL(2)
#define SCTLR_SPAN_BIT		BIT_ULL(23)
#define SCTLR_E0E_BIT		BIT_ULL(24)
#define SCTLR_EE_BIT		BIT_ULL(25)
#define SCTLR_DSSBS_BIT		BIT_ULL(44)

/* PSTATE as SPSR_ELx holds it (Arm ARM C5.2.19, "SPSR_EL2") */
#define PS_MODE_MASK	0x1fULL
#define PS_MODE_EL0T	0x00ULL
#define PS_MODE_EL1T	0x04ULL
#define PS_MODE_EL1H	0x05ULL
#define PS_MODE_USR32	0x10ULL
#define PS_NRW		BIT_ULL(4)	/* AArch32 */
#define PS_T32		BIT_ULL(5)	/* AArch32 only */
#define PS_E32		BIT_ULL(9)	/* AArch32 only: big-endian data */
#define PS_DAIF		(0xfULL << 6)
#define PS_BTYPE		(3ULL << 10)	/* AArch64 only */
#define PS_SSBS		BIT_ULL(12)
#define PS_SS		BIT_ULL(21)
#define PS_PAN		BIT_ULL(22)
#define PS_DIT		BIT_ULL(24)
#define PS_NZCV		(0xfULL << 28)

/* HCR_EL2 (Arm ARM D19.2, "HCR_EL2"): our own names, asm/ moves them between kernels */
#define HCR_BIT_VM		BIT_ULL(0)
#define HCR_BIT_SWIO		BIT_ULL(1)
#define HCR_BIT_PTW		BIT_ULL(2)
#define HCR_BIT_FMO		BIT_ULL(3)
#define HCR_BIT_IMO		BIT_ULL(4)
#define HCR_BIT_AMO		BIT_ULL(5)
#define HCR_BIT_VSE		BIT_ULL(8)
#define HCR_BIT_FB		BIT_ULL(9)
#define HCR_BIT_BSU_IS		BIT_ULL(10)
#define HCR_BIT_TWI		BIT_ULL(13)
#define HCR_BIT_TWE		BIT_ULL(14)
#define HCR_BIT_TID1		BIT_ULL(16)
#define HCR_BIT_TID2		BIT_ULL(17)
#define HCR_BIT_TID3		BIT_ULL(18)
#define HCR_BIT_TSC		BIT_ULL(19)
#define HCR_BIT_TIDCP		BIT_ULL(20)
#define HCR_BIT_TACR		BIT_ULL(21)
#define HCR_BIT_TSW		BIT_ULL(22)
#define HCR_BIT_TVM		BIT_ULL(26)
#define HCR_BIT_RW		BIT_ULL(31)
#define HCR_BIT_TLOR		BIT_ULL(35)
#define HCR_BIT_FWB		BIT_ULL(46)
#define HCR_BIT_TERR		BIT_ULL(36)
#define HCR_BIT_TEA		BIT_ULL(37)

/**
 * struct sysreg_access - one trapped MRS, MSR or SYS
 * @val: what MSR writes; for MRS the handler puts the answer here
 * @write: MSR or SYS
 */
struct sysreg_access {
	u64 val;
	bool write;
};

/**
 * struct avmm_sysreg - one row of the system register table
 * @name: as the Arm ARM writes it
 * @access: the guest's trapped access; true: done, false: UNDEFINED. NULL if it never traps.
 * @get: ONE_REG read where ctx->sys[@ctx] is not the answer; 0 or errno
 * @set: ONE_REG write, likewise
 * @val: reset value of ctx->sys[@ctx]
 * @enc: SYSREG_ENC()
 * @ctx: enum avmm_ctx_reg, or SYSREG_NO_CTX
 *
 * User space sees a row if it has @ctx or @get.
 */
struct avmm_sysreg {
	const char *name;
	bool (*access)(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r,
		       struct sysreg_access *a);
	int (*get)(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 *val);
	int (*set)(struct avmm_vcpu *vcpu, const struct avmm_sysreg *r, u64 val);
	u64 val;
	u16 enc;
	u16 ctx;
};

#define SYSREG_NO_CTX		0xffff

/* sysreg.c */
int avmm_sysreg_user_get(struct avmm_vcpu *vcpu, u32 enc, u64 *val);
int avmm_sysreg_user_set(struct avmm_vcpu *vcpu, u32 enc, u64 val);
unsigned long avmm_sysreg_user_nr(void);
u32 avmm_sysreg_user_enc(unsigned long n);	/* encoding of the nth register user space sees */
int avmm_ccsidr_get(struct avmm_vcpu *vcpu, u32 csselr, u32 *val);
int avmm_ccsidr_set(struct avmm_vcpu *vcpu, u32 csselr, u32 val);

/* idreg.c */
void avmm_idreg_init(void);
void avmm_idreg_vm_init(struct avmm_vm *vm);
u64 avmm_idreg_writable(u32 enc);
u64 avmm_idreg_read(const struct avmm_vm *vm, u32 enc);
int avmm_idreg_user_set(struct avmm_vm *vm, u32 enc, u64 val);

static inline bool avmm_is_idreg(u32 enc)
{
	return enc >= IDREG_FIRST && enc <= IDREG_LAST;
}

/* Is four-bit field @shift of ID register @enc not zero, as the guest sees it? */
static inline bool avmm_idreg_has(const struct avmm_vm *vm, u32 enc, unsigned int shift)
{
	return (avmm_idreg_read(vm, enc) >> shift) & 0xf;
}

#endif /* AVMM_ARM_SYSREG_H */
