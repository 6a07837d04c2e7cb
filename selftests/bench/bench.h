/* SPDX-License-Identifier: GPL-2.0 */
#define SYNC_RESULT	1	/* name, ticks << 32 | count */

/*
 * the memory whose faults are measured: within the payload's 1 GiB of RAM addresses, a slot of its
 * own
 */
#define BENCH_RAM	0x50000000UL
#define BENCH_PAGES	2048
