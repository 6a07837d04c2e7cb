/* SPDX-License-Identifier: GPL-2.0 */
/* The payload of memslots.c and memory.c does what its mailbox says, and tells what came of it. */
#define SYNC_NEXT	1
#define SYNC_RESULT	2	/* value read */

#define MBOX_OP		0
#define MBOX_ADDR	1
#define MBOX_VALUE	2
#define MBOX_COUNT	3

#define OP_READ		1
#define OP_WRITE	2
#define OP_ADD 3 /* adds to the word until told to stop, by a 1 in the word after it */
#define OP_FILL		4	/* writes value ^ address to the first word of each page of RAM */
#define OP_CHECK	5	/* and counts the pages where it is not there */
#define OP_EXEC		6	/* calls it; result is what it returns */
#define OP_END		7
