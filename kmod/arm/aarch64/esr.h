/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ESR_ELx fields a hypervisor needs (Arm ARM D19.2, "ESR_EL2"). Our own names
 * so that hyp/ needs no kernel header and armhf can hold a twin.
 */
#ifndef AVMM_ARM_AARCH64_ESR_H
#define AVMM_ARM_AARCH64_ESR_H

#define ESR_EC_SHIFT		26
#define ESR_EC(esr)		(((esr) >> ESR_EC_SHIFT) & 0x3f)
#define ESR_IL			(1UL << 25)
#define ESR_ISS(esr)		((esr) & 0x1ffffff)

#define EC_UNKNOWN		0x00
#define EC_WFX			0x01
#define EC_CP15_32		0x03
#define EC_CP15_64		0x04
#define EC_CP14_MR		0x05
#define EC_CP14_LS		0x06
#define EC_FP_ASIMD		0x07
#define EC_PAC			0x09
#define EC_CP14_64		0x0c
#define EC_ILLEGAL		0x0e
#define EC_HVC32		0x12
#define EC_SMC32		0x13
#define EC_HVC64		0x16
#define EC_SMC64		0x17
#define EC_SYS64		0x18
#define EC_SVE			0x19
#define EC_IABT_LOW		0x20
#define EC_IABT_CUR		0x21
#define EC_PC_ALIGN		0x22
#define EC_DABT_LOW		0x24
#define EC_DABT_CUR		0x25
#define EC_SP_ALIGN		0x26
#define EC_SERROR		0x2f
#define EC_BREAKPT_LOW		0x30
#define EC_SOFTSTP_LOW		0x32
#define EC_WATCHPT_LOW		0x34
#define EC_BRK64		0x3c

/* data abort ISS */
#define ESR_ISV			(1UL << 24)
#define ESR_SAS(esr)		(((esr) >> 22) & 3)	/* access size: log2 bytes */
#define ESR_SSE			(1UL << 21)		/* sign extend */
#define ESR_SRT(esr)		(((esr) >> 16) & 0x1f)
#define ESR_SF			(1UL << 15)		/* 64-bit destination */
#define ESR_FNV			(1UL << 10)		/* FAR not valid */
#define ESR_EA			(1UL << 9)
#define ESR_CM			(1UL << 8)		/* cache maintenance */
#define ESR_S1PTW		(1UL << 7)
#define ESR_WNR			(1UL << 6)
#define ESR_FSC(esr)		((esr) & 0x3f)
#define FSC_TYPE(esr)		((esr) & 0x3c)
#define FSC_LEVEL(esr)		((esr) & 3)
#define FSC_TYPE_ADDR_SIZE		0x00
#define FSC_TYPE_TRANSLATION		0x04
#define FSC_TYPE_ACCESS		0x08
#define FSC_TYPE_PERM		0x0c
#define FSC_TYPE_EXTABT		0x10
#define FSC_EXTABT_WALK(level)		(0x14 + (level))

/* WFx ISS */
#define ESR_WFX_TI(esr)		((esr) & 3)		/* 0 WFI, 1 WFE, 2 WFIT, 3 WFET */

/* MSR/MRS ISS */
#define ESR_SYS_READ		(1UL << 0)
#define ESR_SYS_RT(esr)		(((esr) >> 5) & 0x1f)
#define ESR_SYS_OP0(esr)	(((esr) >> 20) & 3)
#define ESR_SYS_OP2(esr)	(((esr) >> 17) & 7)
#define ESR_SYS_OP1(esr)	(((esr) >> 14) & 7)
#define ESR_SYS_CRN(esr)	(((esr) >> 10) & 0xf)
#define ESR_SYS_CRM(esr)	(((esr) >> 1) & 0xf)

#endif /* AVMM_ARM_AARCH64_ESR_H */
