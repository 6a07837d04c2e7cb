/* SPDX-License-Identifier: GPL-2.0 */
/* Words of the payload of faults.c to the test. */
#define SYNC_FP		1	/* an exit amid FP state: seed of the pattern */
#define SYNC_ABORT_NEXT	2	/* answer the next MMIO with an external abort */
#define SYNC_SERROR	3	/* make an SError pending */

/* mailbox 0: what the device can do */
#define HAS_SERROR	1
#define HAS_ABORT	2
#define HAS_WALK_LEVEL	4	/* an external abort of a walk tells its level */

#define MODE_FAULTS	0
#define MODE_FP		1	/* on two vCPUs */

/* word i of V register n with that seed */
#define FP_PATTERN(seed, n, i) \
	((seed)*0x9e3779b97f4a7c15ULL + (n)*0x100000001b3ULL + (i)*0x1111 + 1)
