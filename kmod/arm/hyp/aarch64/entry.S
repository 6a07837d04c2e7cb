/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Vectors while a guest runs, entry and exit, top to bottom as they happen.
 * Built twice: HYP(name) is avmm_vhe_name or avmm_nvhe_name.
 */
#include "../hyp_call.h"

#ifdef HYP_VHE
#define HYP(name)	avmm_vhe_##name
#else
#define HYP(name)	avmm_nvhe_##name
#endif

#define EXIT_SYNC	0
#define EXIT_IRQ	1
#define EXIT_SERROR	2
#define EXIT_PANIC	3

	.macro	fn name
	.globl	HYP(\name)
	.type	HYP(\name), %function
	.balign	16
HYP(\name):
	.endm

	.text

/*
 * u64 guest_enter(struct avmm_ctx *ctx)
 *
 * Looks like a function to its C caller: it "returns" when the guest exits.
 * The context pointer is left on the stack, where the vectors find it: SP_EL2
 * does not change while EL1 and EL0 run.
 */
fn guest_enter
	stp	x29, x30, [sp, #-16]!
	stp	x27, x28, [sp, #-16]!
	stp	x25, x26, [sp, #-16]!
	stp	x23, x24, [sp, #-16]!
	stp	x21, x22, [sp, #-16]!
	stp	x19, x20, [sp, #-16]!
	stp	x18, x0, [sp, #-16]!
	mov	x1, sp
	str	x1, [x0, #CTX_OFF_HYP_SP]
	ldp	x1, x2, [x0, #CTX_OFF_PC]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldp	x2, x3, [x0, #CTX_OFF_X + 8 * 2]
	ldp	x4, x5, [x0, #CTX_OFF_X + 8 * 4]
	ldp	x6, x7, [x0, #CTX_OFF_X + 8 * 6]
	ldp	x8, x9, [x0, #CTX_OFF_X + 8 * 8]
	ldp	x10, x11, [x0, #CTX_OFF_X + 8 * 10]
	ldp	x12, x13, [x0, #CTX_OFF_X + 8 * 12]
	ldp	x14, x15, [x0, #CTX_OFF_X + 8 * 14]
	ldp	x16, x17, [x0, #CTX_OFF_X + 8 * 16]
	ldp	x18, x19, [x0, #CTX_OFF_X + 8 * 18]
	ldp	x20, x21, [x0, #CTX_OFF_X + 8 * 20]
	ldp	x22, x23, [x0, #CTX_OFF_X + 8 * 22]
	ldp	x24, x25, [x0, #CTX_OFF_X + 8 * 24]
	ldp	x26, x27, [x0, #CTX_OFF_X + 8 * 26]
	ldp	x28, x29, [x0, #CTX_OFF_X + 8 * 28]
	ldr	x30, [x0, #CTX_OFF_X + 8 * 30]
	ldp	x0, x1, [x0, #CTX_OFF_X]
	eret
	/* no straight-line speculation past ERET */
	dsb	nsh
	isb

	.macro	exit_to code
	.balign	0x80
	stp	x0, x1, [sp, #-16]!
	mov	x1, #\code
	b	guest_exit
	.endm

	.macro	panic
	.balign	0x80
	b	hyp_panic
	.endm

	.balign	0x800
	.globl	HYP(guest_vectors)
HYP(guest_vectors):
	/* current EL, SP_EL0: not used at EL2 */
	panic
	panic
	panic
	panic
	/* current EL, SP_EL2: our own fault; SError is expected in serror_window only */
	panic
	panic
	panic
	.balign	0x80
	b	hyp_serror
	/* lower EL, AArch64 */
	exit_to	EXIT_SYNC
	exit_to	EXIT_IRQ
	exit_to	EXIT_IRQ		/* FIQ: group 0 is not ours to answer either */
	exit_to	EXIT_SERROR
	/* lower EL, AArch32 (EL0 only: HCR_EL2.RW is set) */
	exit_to	EXIT_SYNC
	exit_to	EXIT_IRQ
	exit_to	EXIT_IRQ
	exit_to	EXIT_SERROR

	/* stack: guest x0, x1; host x18, ctx; host x19..x30. x1 = code */
guest_exit:
	ldr	x0, [sp, #24]
	stp	x2, x3, [x0, #CTX_OFF_X + 8 * 2]
	stp	x4, x5, [x0, #CTX_OFF_X + 8 * 4]
	stp	x6, x7, [x0, #CTX_OFF_X + 8 * 6]
	stp	x8, x9, [x0, #CTX_OFF_X + 8 * 8]
	stp	x10, x11, [x0, #CTX_OFF_X + 8 * 10]
	stp	x12, x13, [x0, #CTX_OFF_X + 8 * 12]
	stp	x14, x15, [x0, #CTX_OFF_X + 8 * 14]
	stp	x16, x17, [x0, #CTX_OFF_X + 8 * 16]
	stp	x18, x19, [x0, #CTX_OFF_X + 8 * 18]
	stp	x20, x21, [x0, #CTX_OFF_X + 8 * 20]
	stp	x22, x23, [x0, #CTX_OFF_X + 8 * 22]
	stp	x24, x25, [x0, #CTX_OFF_X + 8 * 24]
	stp	x26, x27, [x0, #CTX_OFF_X + 8 * 26]
	stp	x28, x29, [x0, #CTX_OFF_X + 8 * 28]
	str	x30, [x0, #CTX_OFF_X + 8 * 30]
	ldp	x2, x3, [sp], #16
	stp	x2, x3, [x0, #CTX_OFF_X]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [x0, #CTX_OFF_PC]
	mrs	x2, esr_el2
	mrs	x3, far_el2
	stp	x2, x3, [x0, #CTX_OFF_ESR]
	str	w1, [x0, #CTX_OFF_EXIT_CODE]
to_host:
	ldp	x18, x0, [sp], #16
	ldp	x19, x20, [sp], #16
	ldp	x21, x22, [sp], #16
	ldp	x23, x24, [sp], #16
	ldp	x25, x26, [sp], #16
	ldp	x27, x28, [sp], #16
	ldp	x29, x30, [sp], #16
	ldr	w0, [x0, #CTX_OFF_EXIT_CODE]
	ret

	/*
	 * EL2 itself faulted. Only the C code below knows how to find the
	 * context on this build; it unwinds through panic_return or, on nVHE
	 * and outside guest_enter, straight back to the host.
	 */
hyp_panic:
	mrs	x0, esr_el2
	mrs	x1, elr_el2
	mrs	x2, far_el2
	b	HYP(panic)

	/* void panic_return(struct avmm_ctx *ctx): unwind to guest_enter's caller */
fn panic_return
	ldr	x1, [x0, #CTX_OFF_HYP_SP]
	mov	sp, x1
	mov	w1, #EXIT_PANIC
	str	w1, [x0, #CTX_OFF_EXIT_CODE]
	b	to_host

/*
 * void serror_window(struct avmm_ctx *ctx)
 *
 * A physical SError that was pending when the guest left belongs to the guest.
 * Take it here, where it can be told from the host's own: the handler below
 * marks the context (x0) and comes back with PSTATE.A set.
 */
fn serror_window
	msr	daifclr, #4
	isb
	msr	daifset, #4
	ret
hyp_serror:
	ldr	w1, [x0, #CTX_OFF_FLAGS]
	orr	w1, w1, #CTX_FLAG_SERROR
	str	w1, [x0, #CTX_OFF_FLAGS]
	mrs	x1, esr_el2
	str	x1, [x0, #CTX_OFF_SERROR_ESR]
	mrs	x1, spsr_el2
	orr	x1, x1, #(1 << 8)
	msr	spsr_el2, x1
	eret
	dsb	nsh
	isb

	.macro	fpregs op
	\op	q0, q1, [x0, #16 * 0]
	\op	q2, q3, [x0, #16 * 2]
	\op	q4, q5, [x0, #16 * 4]
	\op	q6, q7, [x0, #16 * 6]
	\op	q8, q9, [x0, #16 * 8]
	\op	q10, q11, [x0, #16 * 10]
	\op	q12, q13, [x0, #16 * 12]
	\op	q14, q15, [x0, #16 * 14]
	\op	q16, q17, [x0, #16 * 16]
	\op	q18, q19, [x0, #16 * 18]
	\op	q20, q21, [x0, #16 * 20]
	\op	q22, q23, [x0, #16 * 22]
	\op	q24, q25, [x0, #16 * 24]
	\op	q26, q27, [x0, #16 * 26]
	\op	q28, q29, [x0, #16 * 28]
	\op	q30, q31, [x0, #16 * 30]
	.endm

	.arch_extension fp
	.arch_extension simd
/* void fp_save(struct avmm_fpsimd *fp) */
fn fp_save
	fpregs	stp
	mrs	x1, fpsr
	mrs	x2, fpcr
	str	w1, [x0, #512]
	str	w2, [x0, #516]
	ret

/* void fp_load(const struct avmm_fpsimd *fp) */
fn fp_load
	fpregs	ldp
	ldr	w1, [x0, #512]
	ldr	w2, [x0, #516]
	msr	fpsr, x1
	msr	fpcr, x2
	ret
