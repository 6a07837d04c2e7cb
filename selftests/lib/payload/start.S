/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first instructions of every payload: three entry points (testmap.h), a
 * stack per CPU, static page tables and the exception vectors.
 *
 * VA			PA			attributes
 * 0x00000000 1 GiB	same			device, EL1
 * 0x40000000 1 GiB	same			normal write-back, EL1
 * 0x80000000 1 GiB	0x40000000		normal write-back, EL0 and EL1
 * 0xc0000000 2 MiB	window_l3		whatever the payload writes there
 */
#include "../testmap.h"

#define STACK_SHIFT	14

#define DESC_BLOCK	0x1
#define DESC_TABLE	0x3
#define DESC_DEVICE	((0 << 2) | (1 << 10) | (1 << 53) | (1 << 54))	/* AF, PXN, UXN */
#define DESC_NORMAL	((1 << 2) | (3 << 8) | (1 << 10))		/* inner shareable, AF */
#define DESC_EL0	(1 << 6)

/* 0 device nGnRnE, 1 normal write-back, 2 normal non-cacheable */
#define MAIR		0x44ff00
/* T0SZ 25, walks write-back and inner shareable, 4K, EPD1, 40-bit PA */
#define TCR		(25 | (1 << 8) | (1 << 10) | (3 << 12) | (1 << 23) | (2 << 32))
/* RES1 of ARMv8.0, I, SA0, SA, C, M */
#define SCTLR_NOMMU	0x30d00818
#define SCTLR_MMU	(SCTLR_NOMMU | (1 << 12) | (1 << 2) | (1 << 0))

	.section .text.start, "ax"
	.globl	_start
_start:
	b	start_mmu
	b	start_nommu
	b	start_secondary

start_mmu:
	mov	x19, x0
	adrp	x20, guest_main
	add	x20, x20, :lo12:guest_main
	b	mmu_on

start_nommu:
	mov	x19, x0
	adrp	x20, guest_main
	add	x20, x20, :lo12:guest_main
	b	cpu_up

/* x0 is the address of this CPU's struct cpu_boot; it is read with caches on */
start_secondary:
	mov	x19, x0
	adrp	x20, payload_secondary
	add	x20, x20, :lo12:payload_secondary

mmu_on:
	ldr	x0, =MAIR
	msr	mair_el1, x0
	ldr	x0, =TCR
	msr	tcr_el1, x0
	adrp	x0, page_table_l1
	msr	ttbr0_el1, x0
	isb
	tlbi	vmalle1
	ic	iallu
	dsb	nsh
	isb
	ldr	x0, =SCTLR_MMU
	msr	sctlr_el1, x0
	isb
	b	cpu_common
cpu_up:
	ldr	x0, =SCTLR_NOMMU
	msr	sctlr_el1, x0
	isb
cpu_common:
	mrs	x1, mpidr_el1
	and	x2, x1, #0xf
	ubfx	x3, x1, #8, #8
	orr	x1, x2, x3, lsl #4
	msr	tpidr_el1, x1
	add	x1, x1, #1
	adrp	x2, stacks
	add	x2, x2, x1, lsl #STACK_SHIFT
	mov	sp, x2
	adrp	x2, vectors
	add	x2, x2, :lo12:vectors
	msr	vbar_el1, x2
	mov	x2, #(3 << 20)		/* FP and SIMD do not trap */
	msr	cpacr_el1, x2
	isb
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x19
	blr	x20
	/* guest_main() and CPU entry functions do not come back; if one does: */
	bl	payload_exit
	.ltorg

/* ---- vectors: frame of x0..x30, SP_EL0, ELR, SPSR; then C ---- */

#define FRAME_SIZE	(34 * 8)

	.macro	vector num
	.balign	0x80
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x1, #\num
	b	exception
	.endm

	.balign	0x800
vectors:
	.set	i, 0
	.rept	16
	vector	i
	.set	i, i + 1
	.endr

exception:
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x2, sp_el0
	mrs	x3, elr_el1
	mrs	x4, spsr_el1
	stp	x30, x2, [sp, #240]
	stp	x3, x4, [sp, #256]
	mov	x0, sp
	bl	payload_exception
	ldp	x3, x4, [sp, #256]
	ldp	x30, x2, [sp, #240]
	msr	sp_el0, x2
	msr	elr_el1, x3
	msr	spsr_el1, x4
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	ldp	x4, x5, [sp, #32]
	ldp	x2, x3, [sp, #16]
	ldp	x0, x1, [sp]
	add	sp, sp, #FRAME_SIZE
	eret

/* u64 smccc(int smc, struct smccc *r): x0..x17 in and out */
	.globl	smccc
smccc:
	stp	x29, x30, [sp, #-48]!
	stp	x19, x20, [sp, #16]
	str	x18, [sp, #32]
	mov	x19, x1
	mov	x20, x0
	ldp	x0, x1, [x19]
	ldp	x2, x3, [x19, #16]
	ldp	x4, x5, [x19, #32]
	ldp	x6, x7, [x19, #48]
	ldp	x8, x9, [x19, #64]
	ldp	x10, x11, [x19, #80]
	ldp	x12, x13, [x19, #96]
	ldp	x14, x15, [x19, #112]
	ldp	x16, x17, [x19, #128]
	cbnz	w20, 1f
	hvc	#0
	b	2f
1:	smc	#0
2:	stp	x0, x1, [x19]
	stp	x2, x3, [x19, #16]
	stp	x4, x5, [x19, #32]
	stp	x6, x7, [x19, #48]
	stp	x8, x9, [x19, #64]
	stp	x10, x11, [x19, #80]
	stp	x12, x13, [x19, #96]
	stp	x14, x15, [x19, #112]
	stp	x16, x17, [x19, #128]
	ldr	x18, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #48
	ret

	.section .data
	.balign	4096
page_table_l1:
	.quad	0x00000000 + DESC_DEVICE + DESC_BLOCK
	.quad	0x40000000 + DESC_NORMAL + DESC_BLOCK
	.quad	0x40000000 + DESC_NORMAL + DESC_EL0 + DESC_BLOCK
	.quad	window_l2 + DESC_TABLE
	.balign	4096
	.globl	window_l2
window_l2:
	.quad	window_l3 + DESC_TABLE
	.balign	4096
	.globl	window_l3
window_l3:
	.space	4096

	.section .bss
	.balign	4096
stacks:
	.space	MAX_CPUS << STACK_SHIFT
