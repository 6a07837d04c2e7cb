/* SPDX-License-Identifier: GPL-2.0 */
/* Words of the payload of timer.c to the test. */
#define SYNC_COUNTER	1	/* CNTVCT now; the test reads and moves TIMER_CNT */
#define SYNC_TIMER_REGS	2	/* CTL, CVAL as the guest has set them */
#define SYNC_IDLE	3	/* 1 before, 0 after a long sleep */
#define SYNC_FREQ	4	/* CNTFRQ */
#define SYNC_PCOUNTER	5	/* CNTPCT now; the test moves PTIMER_CNT, if this kernel's can be */

#define MBOX_MOVED_TO	0
#define MODE_ONE	0
#define MODE_SMP	1
