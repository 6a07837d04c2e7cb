/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test and its payload agree on: the guest's memory map, and the page
 * through which the payload talks to the test.
 *
 * A ucall is a row of 64-bit writes: arguments first, the code last. Each is
 * an MMIO exit, so it works with the guest's MMU on or off and needs no shared
 * memory. The mailbox answers reads with what the test has put there.
 */
#ifndef SELFTESTS_TESTMAP_H
#define SELFTESTS_TESTMAP_H

#define MAP_GICD	0x08000000UL
#define MAP_GITS	0x08080000UL	/* of tests that have one */
#define MAP_GICC	0x08010000UL	/* GICv2 */
#define MAP_GICR	0x080a0000UL	/* 128 KiB for each vCPU */
#define MAP_UCALL	0x09000000UL
#define MAP_MMIO	0x0a000000UL	/* answered by the test itself */
#define MAP_RAM		0x40000000UL

/* The page tables of start.S: RAM once more for EL0, and a window of single pages. */
#define MAP_EL0_ALIAS	0x80000000UL
#define MAP_WINDOW	0xc0000000UL

#define MAX_CPUS	16

/* offsets of a payload's entry points */
#define ENTRY_MMU	0		/* MMU and caches on before guest_main() */
#define ENTRY_NOMMU	4
#define ENTRY_SECONDARY	8		/* for payload_cpu_on() only */

#define UCALL_CODE	0x000
#define UCALL_ARG(n)	(0x008 + 8 * (n))
#define UCALL_ARGS	6
#define UCALL_MBOX(n)	(0x100 + 8 * (n))
#define UCALL_MBOXES	16

/* codes */
#define UC_DONE		1	/* the payload ends here */
#define UC_REPORT	2	/* name, ok, value, value */
#define UC_SKIP		3	/* name, reason */
#define UC_DIAG		4	/* text, value, value */
#define UC_TRAP 5 /* an exception that nobody waits for: vector, ESR, ELR, FAR, SPSR */
#define UC_SYNC		6	/* a word with the test: what, value, value, ... */

#endif /* SELFTESTS_TESTMAP_H */
