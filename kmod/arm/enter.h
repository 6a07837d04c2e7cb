/* SPDX-License-Identifier: GPL-2.0 */
/* The bridge to hyp/: a plain call on VHE, an HVC on nVHE. */
#ifndef AVMM_ARM_ENTER_H
#define AVMM_ARM_ENTER_H

#include <linux/jump_label.h>
#include <linux/irqflags.h>
#include "arm/arm.h"
#include "arm/hyp/hyp_call.h"

/* hyp/host_calls.S */
u64 avmm_hvc(u64 fn, u64 a1, u64 a2, u64 a3, u64 a4, u64 *r1);
bool avmm_probe_hvc(u64 fn, u64 *x0);

/* hyp/vhe.c */
u64 avmm_vhe_run(struct avmm_ctx *ctx);
void avmm_vhe_tlbi_ipa(u64 vttbr, u64 vtcr, u64 ipa, u64 level);
void avmm_vhe_tlbi_vmid(u64 vttbr, u64 vtcr);
void avmm_vhe_flush_local(u64 vttbr, u64 vtcr);
u64 avmm_vhe_ich_reset(void);

DECLARE_STATIC_KEY_FALSE(avmm_vhe_key);
#define avmm_is_vhe()	static_branch_likely(&avmm_vhe_key)

/* hyp_load.c */
int avmm_hyp_load(void);
void avmm_hyp_unload(void);
int avmm_hyp_install(void);		/* on the CPU it is for, interrupts off */
void avmm_hyp_uninstall(void);		/* likewise */
void avmm_hyp_forget(unsigned int cpu);	/* it lost power, or is about to be started */

/*
 * Enter the guest. Context: all of DAIF masked, EL2 ready on this CPU.
 * @pa: physical address of @ctx
 */
static inline void avmm_enter(struct avmm_ctx *ctx, phys_addr_t pa)
{
	if (avmm_is_vhe())
		avmm_vhe_run(ctx);
	else if (avmm_hvc(HYP_CALL_RUN, pa, 0, 0, 0, NULL) == HYP_PANIC)
		ctx->exit_code = AVMM_HYP_EXIT_PANIC;
}

/* Context: interrupts off, EL2 ready on this CPU. */
static inline void avmm_flush_local(u64 vttbr, u64 vtcr)
{
	if (avmm_is_vhe())
		avmm_vhe_flush_local(vttbr, vtcr);
	else
		avmm_hvc(HYP_CALL_FLUSH_LOCAL, vttbr, vtcr, 0, 0, NULL);
}

/* GICv3 only. Context: interrupts off, EL2 ready on this CPU. Return: as hyp/switch.c says */
static inline u64 avmm_ich_reset(void)
{
	return avmm_is_vhe() ? avmm_vhe_ich_reset() :
			       avmm_hvc(HYP_CALL_ICH_RESET, 0, 0, 0, 0, NULL);
}

#endif /* AVMM_ARM_ENTER_H */
