/* SPDX-License-Identifier: GPL-2.0 */
/* The payload of the eventfd tests does what its mailbox says, and tells what came of it. */
#define SYNC_NEXT	1
#define SYNC_RESULT	2	/* value */
#define SYNC_IRQ	3	/* INTID: in its handler, before the EOI */

#define MBOX_OP		0
#define MBOX_A		1
#define MBOX_B		2
#define MBOX_C		3

#define OP_STORE	1	/* address, value, bytes */
#define OP_LOAD		2	/* address, -, bytes */
#define OP_STREAM	3	/* address, number of 4-byte stores */
#define OP_EDGE		4	/* INTID: edge-triggered and enabled; all counts are 0 */
#define OP_LEVEL	5	/* the same, level-sensitive */
#define OP_DISABLE	6	/* INTID */
#define OP_WAIT		7	/* INTID, n: sleeps until it has come n times; the count */
#define OP_POLL		8	/* the same, awake */
#define OP_SETTLE	9	/* INTID: some time passes; the count */
#define OP_PENDING	10	/* INTID: is it? */
#define OP_CLEAR	11	/* INTID: not pending any more */
#define OP_TELL		12	/* INTID: SYNC_IRQ from its handler from now on; 0: from none */
#define OP_COUNT	13	/* INTID */
