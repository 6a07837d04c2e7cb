/* SPDX-License-Identifier: GPL-2.0 */
/* What gicv2.c and its payload agree on. */
#define SYNC_SPI	1	/* INTID, level */
#define SYNC_SAVE	2	/* the guest goes on in another VM */

#define PART_SENDERS	0	/* guest_main(part << 8 | CPUs) */
#define PART_SAVE	1

#define SPI_EDGE	40
#define SPI_LEVEL	41
#define SPI_OTHER	42
#define SGI_ONE		5	/* pending from CPU 1 */
#define SGI_TWO		6	/* from both */
