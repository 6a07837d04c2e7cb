/* SPDX-License-Identifier: GPL-2.0 */
/* The payload of dirty_log.c takes the operations of memslots.h, and these. */
#include "api/memslots.h"

/* writes value ^ address to the first word of every n-th page, of count pages: n << 32 | count */
#define OP_STRIDE	16
/* reads the first word of each page */
#define OP_LOOK		17

/*
 * guest_main()'s argument not 0: every vCPU writes at random to this many pages at LOG_AT, until the
 * word at LOG_STOP is 1.
 */
#define LOG_AT		0x50000000UL
#define LOG_STOP	(MAP_RAM + 0xf00000UL)
