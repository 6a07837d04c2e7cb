/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls from the host kernel (EL1) to the nVHE blob, function id in x0,
 * arguments from x1 on, result in x0; x1..x17 are lost, as in SMCCC.
 * Ids below HYP_CALL_BASE are the kernel's own hyp-stub calls.
 */
#ifndef AVMM_HYP_CALL_H
#define AVMM_HYP_CALL_H

#define HYP_CALL_BASE		0x41560000	/* "AV" */
#define HYP_CALL_RUN		0x41560000	/* (ctx PA) -> exit code */
#define HYP_CALL_TLBI_IPA	0x41560001	/* (vttbr, vtcr, ipa, level) */
#define HYP_CALL_TLBI_VMID	0x41560002	/* (vttbr, vtcr) */
#define HYP_CALL_FLUSH_LOCAL	0x41560003	/* (vttbr, vtcr): this CPU's TLB and I-cache */
#define HYP_CALL_TLBI_EL2	0x41560004	/* (va): EL2's own mapping is gone */
#define HYP_CALL_ICH_RESET	0x41560005	/* () -> see switch.c; list registers are empty */
#define HYP_CALL_INIT		0x4156ffff	/* init vectors only, see aarch64/init.S */

/*
 * With ICH_VTR_EL2, whose upper half is RES0: accesses to ICC_SRE_EL1 can be trapped, and its
 * SRE can be 0 for guests.
 */
#define ICH_RESET_SRE_TRAPS	(1UL << 63)
#define ICH_RESET_SRE_CLEARS	(1UL << 62)

/* hyp-stub calls of the host kernel (its asm/virt.h; ABI between it and any EL2 owner) */
#define STUB_SET_VECTORS	0
#define STUB_SOFT_RESTART	1
#define STUB_RESET_VECTORS	2
#define STUB_ERR		0xbadca11

/* result of any call in which EL2 itself faulted */
#define HYP_PANIC		0xdead

/* struct avmm_ctx as entry.S sees it; switch.c asserts these */
#define CTX_OFF_X		0
#define CTX_OFF_PC		248
#define CTX_OFF_PSTATE		256
#define CTX_OFF_ESR		264
#define CTX_OFF_FAR		272
#define CTX_OFF_EXIT_CODE	280
#define CTX_OFF_FLAGS		284
#define CTX_OFF_HYP_SP		288
#define CTX_OFF_SERROR_ESR	296
#define CTX_FLAG_SERROR		(1 << 5)

/* struct avmm_hyp_params, read by init.S with the MMU off */
#define PARAM_OFF_TTBR0		0
#define PARAM_OFF_TCR		8
#define PARAM_OFF_MAIR		16
#define PARAM_OFF_SCTLR		24
#define PARAM_OFF_STACK		32
#define PARAM_OFF_STUB_VBAR	40
#define PARAM_OFF_STUB_SCTLR	48
#define PARAM_OFF_CURRENT	56

#ifndef __ASSEMBLER__
#include <linux/types.h>

/**
 * struct avmm_hyp_params - what a CPU needs to turn EL2 on and off (one per CPU)
 * @ttbr0: EL2 translation table base, physical
 * @tcr: TCR_EL2
 * @mair: MAIR_EL2
 * @sctlr: SCTLR_EL2 with the MMU on
 * @stack: top of this CPU's EL2 stack, physical
 * @stub_vbar: VBAR_EL2 of the kernel's stub, as found
 * @stub_sctlr: SCTLR_EL2 as found
 * @current_ctx: context of the guest on this CPU, physical; EL2 only
 *
 * TPIDR_EL2 points here while EL2 is ours.
 */
struct avmm_hyp_params {
	u64 ttbr0;
	u64 tcr;
	u64 mair;
	u64 sctlr;
	u64 stack;
	u64 stub_vbar;
	u64 stub_sctlr;
	u64 current_ctx;
};
#endif

#endif /* AVMM_HYP_CALL_H */
