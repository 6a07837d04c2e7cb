/* SPDX-License-Identifier: GPL-2.0 */
/* One payload image within a test program; SYM and FILE come from the Makefile. */
#define GLUE_(a, b)	a##b
#define GLUE(a, b)	GLUE_(a, b)
	.section .rodata
	.balign	4096
	.globl	GLUE(SYM, _start)
	.globl	GLUE(SYM, _end)
GLUE(SYM, _start):
	.incbin	FILE
GLUE(SYM, _end):
	.section .note.GNU-stack, "", %progbits
