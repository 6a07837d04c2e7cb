/* SPDX-License-Identifier: GPL-2.0 */
/* The host's side of the door to EL2: calls, and the probe that finds out what is behind it. */
#include <linux/linkage.h>

	.text

/*
 * u64 avmm_hvc(u64 fn, u64 a1, u64 a2, u64 a3, u64 a4, struct { u64 r[2]; } *out)
 *
 * x19..x30 are saved here and not left to EL2: should EL2 fault in the middle
 * of a call it comes back without them (abandon in init.S).
 */
	.globl	avmm_hvc
	.balign	16
avmm_hvc:
	stp	x29, x30, [sp, #-16]!
	stp	x27, x28, [sp, #-16]!
	stp	x25, x26, [sp, #-16]!
	stp	x23, x24, [sp, #-16]!
	stp	x21, x22, [sp, #-16]!
	stp	x19, x20, [sp, #-16]!
	stp	x5, x18, [sp, #-16]!
	hvc	#0
	ldp	x5, x18, [sp], #16
	cbz	x5, 1f
	str	x1, [x5]
1:	ldp	x19, x20, [sp], #16
	ldp	x21, x22, [sp], #16
	ldp	x23, x24, [sp], #16
	ldp	x25, x26, [sp], #16
	ldp	x27, x28, [sp], #16
	ldp	x29, x30, [sp], #16
	ret

/*
 * bool avmm_probe_hvc(u64 fn, u64 *x0)
 *
 * HVC is UNDEFINED where there is no EL2 or SCR_EL3.HCE is clear, and the
 * kernel would oops. So the exception is caught by vectors of our own.
 * Caller has masked all of DAIF. Returns true and *x0 if someone answered.
 */
	.macro	lost
	.balign	0x80
	b	.
	.endm

	.balign	0x800
probe_vectors:
	.rept	4
	lost
	.endr
	.balign	0x80
	b	probe_undef		/* current EL, SP_EL1, synchronous */
	.rept	11
	lost
	.endr

	.globl	avmm_probe_hvc
	.balign	16
avmm_probe_hvc:
	stp	x29, x30, [sp, #-16]!
	stp	x19, x20, [sp, #-16]!
	mov	x19, x1
	mrs	x20, vbar_el1
	adr	x9, probe_vectors
	msr	vbar_el1, x9
	isb
	hvc	#0
	str	x0, [x19]
	mov	x0, #1
	b	2f
probe_undef:
	adr	x9, 1f
	msr	elr_el1, x9
	eret
1:	mov	x0, #0
2:	msr	vbar_el1, x20
	isb
	ldp	x19, x20, [sp], #16
	ldp	x29, x30, [sp], #16
	ret
