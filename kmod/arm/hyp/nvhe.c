// SPDX-License-Identifier: GPL-2.0
/*
 * The nVHE build of the world switch: everything the blob holds in C. It runs
 * at EL2 with VA == PA; pointers in arguments are physical addresses. The blob
 * has no writable data: a CPU's state is its params page and its stack.
 */
#include "hyp.h"

static inline struct avmm_hyp_params *params(void)
{
	return (struct avmm_hyp_params *)rd("tpidr_el2");
}

static inline void hyp_set_current(struct avmm_ctx *ctx)
{
	params()->current_ctx = (u64)ctx;
}

static inline struct avmm_ctx *hyp_current(void)
{
	return (struct avmm_ctx *)params()->current_ctx;
}

static inline void hyp_set_vectors(void *vectors)
{
	wr("vbar_el2", vectors);
	hyp_isb();
}

/* a fault in a call without a guest: end the call, the host sees HYP_PANIC */
static inline void __noreturn hyp_panic_no_guest(u64 esr, u64 elr, u64 far)
{
	avmm_nvhe_abandon();
}

#include "switch.c"
#include "tlb.c"

_Static_assert(__builtin_offsetof(struct avmm_hyp_params, stack) == PARAM_OFF_STACK, "");
_Static_assert(__builtin_offsetof(struct avmm_hyp_params, stub_sctlr) == PARAM_OFF_STUB_SCTLR, "");

/**
 * avmm_nvhe_call - HVC from the host (init.S)
 * @fn: HYP_CALL_*
 *
 * Return: as hyp_call.h says, STUB_ERR for an id it does not know, as the
 * kernel's own stub answers.
 */
u64 avmm_nvhe_call(u64 fn, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 ret = 0;

	switch (fn) {
	case HYP_CALL_RUN:
		ret = avmm_nvhe_run((struct avmm_ctx *)a1);
		hyp_set_vectors(avmm_nvhe_host_vectors);
		break;
	case HYP_CALL_TLBI_IPA:
		avmm_nvhe_tlbi_ipa(a1, a2, a3, a4);
		break;
	case HYP_CALL_TLBI_VMID:
		avmm_nvhe_tlbi_vmid(a1, a2);
		break;
	case HYP_CALL_FLUSH_LOCAL:
		avmm_nvhe_flush_local(a1, a2);
		break;
	case HYP_CALL_TLBI_EL2:
		hyp_dsb(ish);
		asm volatile("tlbi vae2is, %0" : : "r"(a1 >> 12) : "memory");
		hyp_dsb(ish);
		hyp_isb();
		break;
	case HYP_CALL_ICH_RESET:
		ret = avmm_nvhe_ich_reset();
		break;
	default:
		ret = STUB_ERR;
	}
	return ret;
}

/* EL2 faulted outside guest_enter: put back what of the host was switched, end the call */
void avmm_nvhe_host_fault(void)
{
	struct avmm_ctx *ctx = hyp_current();

	if (ctx) {
		ctx->esr = rd("esr_el2");
		ctx->far = rd("far_el2");
		ctx->hpfar = rd("elr_el2");
		if (!(ctx->flags & AVMM_CTX_GICH))
			wr(ICH_HCR, 0);
		wr(EL0_CNTV_CTL, 0);
		wr("cntvoff_el2", 0);
		host_traps(ctx);
		host_load(ctx);
		hyp_set_current(NULL);
	}
	hyp_set_vectors(avmm_nvhe_host_vectors);
	avmm_nvhe_abandon();
}
