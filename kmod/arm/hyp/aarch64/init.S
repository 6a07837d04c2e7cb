/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nVHE only: taking EL2 from the kernel's hyp stub, the vectors while the host
 * runs, and giving EL2 back. All of it runs at VA == PA, with the MMU on or off.
 */
#include "../hyp_call.h"

	.macro	hang
	.balign	0x80
	b	.
	.endm

	.section ".text.init", "ax"

/*
 * Installed with HVC_SET_VECTORS, MMU off. The one call they take is
 * HYP_CALL_INIT with x1 = this CPU's params.
 */
	.balign	0x800
	.globl	init_vectors
init_vectors:
	.rept	8
	hang
	.endr
	.balign	0x80
	b	init_sync
	.rept	7
	hang
	.endr

/*
 * HVC_SOFT_RESTART target while the stub owns EL2: report its state and go
 * home. ELR_EL2 and SPSR_EL2 are still those of the HVC.
 */
	.balign	0x800
	.globl	stub_state
stub_state:
	mrs	x0, vbar_el2
	mrs	x1, sctlr_el2
	eret

init_sync:
	ldp	x2, x3, [x1, #PARAM_OFF_TTBR0]
	ldp	x4, x5, [x1, #PARAM_OFF_MAIR]
	msr	ttbr0_el2, x2
	msr	tcr_el2, x3
	msr	mair_el2, x4
	isb
	/* a previous owner's entries may be there (Arm ARM: TLBs are not clean at a change of regime) */
	tlbi	alle2
	dsb	sy
	ic	iallu
	dsb	sy
	isb
	msr	sctlr_el2, x5
	isb
	msr	tpidr_el2, x1
	str	xzr, [x1, #PARAM_OFF_CURRENT]
	ldr	x2, [x1, #PARAM_OFF_STACK]
	mov	sp, x2
	adr	x2, avmm_nvhe_host_vectors
	msr	vbar_el2, x2
	isb
	mov	x0, #0
	eret

/*
 * Vectors while the host runs. An HVC from EL1 is one of ours (x0 >=
 * HYP_CALL_BASE) or a stub call of the kernel: kexec and reboot make those.
 */
	.macro	fault
	.balign	0x80
	b	host_fault
	.endm

	.balign	0x800
	.globl	avmm_nvhe_host_vectors
avmm_nvhe_host_vectors:
	.rept	8
	fault
	.endr
	.balign	0x80
	b	host_sync
	.rept	7
	hang				/* HCR_EL2 routes nothing else here from the host */
	.endr

host_fault:
	mrs	x1, tpidr_el2
	ldr	x1, [x1, #PARAM_OFF_STACK]
	sub	sp, x1, #2048
	b	avmm_nvhe_host_fault

host_sync:
	mov	w9, #(HYP_CALL_BASE >> 16)
	cmp	x9, x0, lsr #16
	b.ne	stub_call
	mrs	x9, elr_el2
	mrs	x10, spsr_el2
	stp	x9, x10, [sp, #-16]!
	stp	x18, x30, [sp, #-16]!
	bl	avmm_nvhe_call
	ldp	x18, x30, [sp], #16
	ldp	x9, x10, [sp], #16
	msr	elr_el2, x9
	msr	spsr_el2, x10
	eret
	dsb	nsh
	isb

/* void abandon(void): from any depth, end the host's call with HYP_PANIC */
	.globl	avmm_nvhe_abandon
avmm_nvhe_abandon:
	mrs	x1, tpidr_el2
	ldr	x1, [x1, #PARAM_OFF_STACK]
	sub	sp, x1, #32
	ldp	x18, x30, [sp], #16
	ldp	x9, x10, [sp], #16
	msr	elr_el2, x9
	msr	spsr_el2, x10
	mov	x0, #HYP_PANIC
	eret
	dsb	nsh
	isb

/*
 * x0 = 0 SET_VECTORS(x1), 1 SOFT_RESTART(x1, args x2..x4), 2 RESET_VECTORS.
 * Each ends our ownership: MMU off (VA == PA, so the next instruction is
 * fetched from the same place), SCTLR_EL2 and VBAR_EL2 as they were found.
 */
stub_call:
	cmp	x0, #STUB_RESET_VECTORS
	b.hi	1f
	mrs	x9, tpidr_el2
	ldp	x10, x11, [x9, #PARAM_OFF_STUB_VBAR]
	msr	sctlr_el2, x11
	isb
	tlbi	alle2
	dsb	sy
	ic	iallu
	dsb	sy
	isb
	msr	vbar_el2, x10
	isb
	cbz	x0, 2f
	cmp	x0, #STUB_SOFT_RESTART
	b.eq	3f
	mov	x0, #0
	eret
2:	msr	vbar_el2, x1
	isb
	eret
3:	mov	x9, x1
	mov	x0, x2
	mov	x1, x3
	mov	x2, x4
	br	x9
1:	mov	w0, #(STUB_ERR & 0xffff)
	movk	w0, #(STUB_ERR >> 16), lsl #16
	eret
