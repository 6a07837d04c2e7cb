// SPDX-License-Identifier: GPL-2.0
/*
 * One access after the other, as mmio_exit.c's mailbox asks: 0 the case, 1 the address, 2 the value
 * to store.
 */
#include "payload.h"
#include "api/mmio_exit.h"

/*
 * x2 the value in and out, x1 the address; x2 starts as all ones, so that what a load leaves alone
 * is seen.
 */
#define LOAD(insn)	asm volatile(insn : "+r"(x2), "+r"(x1) : : "x4", "x5", "v0", "memory")

static u64 one_access(u64 what, u64 address, u64 value)
{
	register u64 x1 asm("x1") = address;
	register u64 x2 asm("x2") = value;

	switch (what) {
#define CASE(name, insn, ...)	case name: LOAD(insn); break;
	MMIO_CASES(CASE)
	NISV_CASES(CASE)
#undef CASE
	}
	ucall(UC_SYNC, SYNC_RESULT, x2, x1, 0, 0);
	return x2;
}

void guest_main(u64 arg)
{
	(void)arg;
	for (;;) {
		sync(SYNC_NEXT, 0, 0);
		if (mbox(0) == CASE_END)
			break;
		one_access(mbox(0), mbox(1), mbox(2));
	}
	payload_exit();
}
