// SPDX-License-Identifier: GPL-2.0
/* A guest that writes to some pages and not to others. */
#include "payload.h"
#include "api/dirty_log.h"

static u64 one_op(u64 op, u64 addr, u64 value, u64 count)
{
	u64 i, sum = 0, step = op == OP_STRIDE ? count >> 32 : 1;

	count &= 0xffffffff;
	switch (op) {
	case OP_READ:
		return read64(addr);
	case OP_WRITE:
		write64(value, addr);
		break;
	case OP_STRIDE:
		for (i = 0; i < count; i += step)
			write64(value ^ (addr + i * 4096), addr + i * 4096);
		break;
	case OP_LOOK:
		for (i = 0; i < count; i++)
			sum += read64(addr + i * 4096);
		return sum;
	case OP_EXEC:
		asm volatile("ic iallu\ndsb nsh\nisb" : : : "memory");
		return ((u64 (*)(void))addr)();
	}
	return 0;
}

/* Each vCPU has a word of its own in each page: a write that is lost is one that differs. */
static void write_at_random(u64 pages)
{
	u64 cpu = cpu_id(), rng = 0x9e3779b97f4a7c15 + cpu, n = 0;

	while (read64(LOG_STOP) != 1) {
		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		write64(++n, LOG_AT + rng % pages * 4096 + 8 * cpu);
	}
}

void guest_main(u64 arg)
{
	if (arg) {
		write_at_random(arg);
		payload_exit();
	}
	for (;;) {
		sync(SYNC_NEXT, 0, 0);
		if (mbox(MBOX_OP) == OP_END)
			payload_exit();
		sync(SYNC_RESULT,
		     one_op(mbox(MBOX_OP), mbox(MBOX_ADDR), mbox(MBOX_VALUE), mbox(MBOX_COUNT)), 0);
	}
}
