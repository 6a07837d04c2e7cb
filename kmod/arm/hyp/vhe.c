// SPDX-License-Identifier: GPL-2.0
/* The VHE build of the world switch: part of the module, in the kernel's address space. */
#define HYP_VHE
#include <linux/percpu.h>
#include "hyp.h"

/*
 * TPIDR_EL2 is the kernel's per-CPU base here, so per-CPU data just works; but for
 * DEBUG_PREEMPT's check, which looks at current: SP_EL0, and that is the guest's.
 */
static DEFINE_PER_CPU(struct avmm_ctx *, current_ctx);

static inline void hyp_set_current(struct avmm_ctx *ctx)
{
	raw_cpu_write(current_ctx, ctx);
}

static inline struct avmm_ctx *hyp_current(void)
{
	return raw_cpu_read(current_ctx);
}

/* guest vectors are installed only with a context set: cannot be reached */
static inline void __noreturn hyp_panic_no_guest(u64 esr, u64 elr, u64 far)
{
	for (;;)
		asm volatile("wfe");
}

/* takes effect at the next context synchronisation: guest_enter's ERET */
static inline void hyp_set_vectors(void *vectors)
{
	wr("vbar_el1", vectors);	/* E2H: VBAR_EL2 */
	hyp_isb();
}

#include "switch.c"
#include "tlb.c"
