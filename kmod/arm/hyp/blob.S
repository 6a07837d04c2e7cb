/* SPDX-License-Identifier: GPL-2.0 */
/* The linked nVHE blob as data of the module; hyp_load.c copies it to EL2's pages. */
	.section ".rodata", "a"
	.balign	8
	.globl	avmm_hyp_blob
avmm_hyp_blob:
	.incbin HYP_BLOB
	.globl	avmm_hyp_blob_end
avmm_hyp_blob_end:
