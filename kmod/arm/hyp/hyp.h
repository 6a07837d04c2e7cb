/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the code in this folder may use: itself, the context structures, the
 * compiler. It is built twice. With HYP_VHE it becomes part of the module and
 * runs in the host kernel's own address space at EL2. With HYP_NVHE it becomes
 * a position-independent blob that runs at EL2 with VA == PA, on its own stack,
 * reached by HVC only. Neither build may call anything outside this folder.
 */
#ifndef AVMM_HYP_H
#define AVMM_HYP_H

#include <linux/types.h>
#include "../aarch64/ctx.h"
#include "../aarch64/esr.h"
#include "hyp_call.h"

/* symbols are reached PC-relative, never through a GOT */
#pragma GCC visibility push(hidden)

#ifdef HYP_VHE
#define HYP_FN(name)	avmm_vhe_##name
/*
 * With HCR_EL2.E2H the plain names of EL1 registers mean EL2's; the guest's
 * are reached through the _EL12 and _EL02 encodings (Arm ARM D13.1.1), which
 * differ in op1 only.
 */
#define EL1_SCTLR	"S3_5_C1_C0_0"
#define EL1_CPACR	"S3_5_C1_C0_2"
#define EL1_TTBR0	"S3_5_C2_C0_0"
#define EL1_TTBR1	"S3_5_C2_C0_1"
#define EL1_TCR		"S3_5_C2_C0_2"
#define EL1_SPSR	"S3_5_C4_C0_0"
#define EL1_ELR		"S3_5_C4_C0_1"
#define EL1_AFSR0	"S3_5_C5_C1_0"
#define EL1_AFSR1	"S3_5_C5_C1_1"
#define EL1_ESR		"S3_5_C5_C2_0"
#define EL1_FAR		"S3_5_C6_C0_0"
#define EL1_MAIR	"S3_5_C10_C2_0"
#define EL1_AMAIR	"S3_5_C10_C3_0"
#define EL1_VBAR	"S3_5_C12_C0_0"
#define EL1_CONTEXTIDR	"S3_5_C13_C0_1"
#define EL1_CNTKCTL	"S3_5_C14_C1_0"
#define EL0_CNTV_CTL	"S3_5_C14_C3_1"
#define EL0_CNTV_CVAL	"S3_5_C14_C3_2"
#else
#define HYP_FN(name)	avmm_nvhe_##name
#define EL1_SCTLR	"sctlr_el1"
#define EL1_CPACR	"cpacr_el1"
#define EL1_TTBR0	"ttbr0_el1"
#define EL1_TTBR1	"ttbr1_el1"
#define EL1_TCR		"tcr_el1"
#define EL1_SPSR	"spsr_el1"
#define EL1_ELR		"elr_el1"
#define EL1_AFSR0	"afsr0_el1"
#define EL1_AFSR1	"afsr1_el1"
#define EL1_ESR		"esr_el1"
#define EL1_FAR		"far_el1"
#define EL1_MAIR	"mair_el1"
#define EL1_AMAIR	"amair_el1"
#define EL1_VBAR	"vbar_el1"
#define EL1_CONTEXTIDR	"contextidr_el1"
#define EL1_CNTKCTL	"cntkctl_el1"
#define EL0_CNTV_CTL	"cntv_ctl_el0"
#define EL0_CNTV_CVAL	"cntv_cval_el0"
#endif

/* GICv3 hypervisor interface; spelt by encoding so that any assembler takes it */
#define ICC_SRE_EL1	"S3_0_C12_C12_5"
#define ICC_SRE_EL2	"S3_4_C12_C9_5"
#define ICH_AP0R(n)	"S3_4_C12_C8_" #n
#define ICH_AP1R(n)	"S3_4_C12_C9_" #n
#define ICH_HCR		"S3_4_C12_C11_0"
#define ICH_VTR		"S3_4_C12_C11_1"
#define ICH_ELRSR	"S3_4_C12_C11_5"
#define ICH_VMCR	"S3_4_C12_C11_7"
#define ICH_LR_LO(n)	"S3_4_C12_C12_" #n
#define ICH_LR_HI(n)	"S3_4_C12_C13_" #n
#define VSESR_EL2	"S3_4_C5_C2_3"
#define VDISR_EL2	"S3_4_C12_C1_1"
#define HCRX_EL2	"S3_4_C1_C2_2"
#define HFGRTR_EL2	"S3_4_C1_C1_4"
#define HFGWTR_EL2	"S3_4_C1_C1_5"
#define HFGITR_EL2	"S3_4_C1_C1_6"
#define HDFGRTR_EL2	"S3_4_C3_C1_4"
#define HDFGWTR_EL2	"S3_4_C3_C1_5"
#define MPAM2_EL2	"S3_4_C10_C5_0"

#define rd(reg)			({ u64 __v; asm volatile("mrs %0, " reg : "=r"(__v)); __v; })
#define wr(reg, val)		asm volatile("msr " reg ", %x0" : : "rZ"((u64)(val)))
#define hyp_isb()		asm volatile("isb" : : : "memory")
#define hyp_dsb(opt)		asm volatile("dsb " #opt : : : "memory")

#define HCR_VM		(1UL << 0)
#define HCR_FMO		(1UL << 3)
#define HCR_IMO		(1UL << 4)
#define HCR_AMO		(1UL << 5)
#define HCR_VSE		(1UL << 8)
#define HCR_TGE		(1UL << 27)
#define HCR_RW		(1UL << 31)
#define HCR_E2H		(1UL << 34)

/* aarch64/entry.S */
u64 HYP_FN(guest_enter)(struct avmm_ctx *ctx);
void HYP_FN(fp_save)(struct avmm_fpsimd *fp);
void HYP_FN(fp_load)(const struct avmm_fpsimd *fp);
void HYP_FN(serror_window)(struct avmm_ctx *ctx);
void __noreturn HYP_FN(panic_return)(struct avmm_ctx *ctx);
extern char HYP_FN(guest_vectors)[];

/* nVHE only: aarch64/init.S and nvhe.c call each other */
extern char avmm_nvhe_host_vectors[];
void __noreturn avmm_nvhe_abandon(void);
u64 avmm_nvhe_call(u64 fn, u64 a1, u64 a2, u64 a3, u64 a4);
void __noreturn avmm_nvhe_host_fault(void);

/* switch.c, fixup.c, tlb.c */
u64 HYP_FN(run)(struct avmm_ctx *ctx);
bool HYP_FN(fixup)(struct avmm_ctx *ctx);
void __noreturn HYP_FN(panic)(u64 esr, u64 elr, u64 far);
void HYP_FN(tlbi_ipa)(u64 vttbr, u64 vtcr, u64 ipa, u64 level);
void HYP_FN(tlbi_vmid)(u64 vttbr, u64 vtcr);
void HYP_FN(flush_local)(u64 vttbr, u64 vtcr);
u64 HYP_FN(ich_reset)(void);

#endif /* AVMM_HYP_H */
