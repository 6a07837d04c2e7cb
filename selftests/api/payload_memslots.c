// SPDX-License-Identifier: GPL-2.0
/* A guest that touches memory as it is told. Addresses outside RAM go through the window. */
#include "payload.h"
#include "api/memslots.h"

static u64 map(u64 ipa)
{
	if (ipa >= MAP_RAM && ipa < MAP_RAM + 0x40000000)
		return ipa;
	return window_map(0, ipa & ~0xfffUL, PTE_NORMAL) | (ipa & 0xfff);
}

static u64 one_op(u64 op, u64 addr, u64 value, u64 count)
{
	u64 i, bad = 0, va = map(addr);

	switch (op) {
	case OP_READ:
		return read64(va);
	case OP_WRITE:
		write64(value, va);
		break;
	case OP_ADD:
		while (read64(va + 8) != 1) {
			write64(read64(va) + 1, va);
			bad++;
		}
		return bad;
	case OP_FILL:
		for (i = 0; i < count; i++)
			write64(value ^ (addr + i * 4096), addr + i * 4096);
		break;
	case OP_CHECK:
		for (i = 0; i < count; i++)
			bad += read64(addr + i * 4096) != (value ^ (addr + i * 4096));
		return bad;
	case OP_EXEC:
		asm volatile("ic iallu\ndsb nsh\nisb" : : : "memory");
		return ((u64 (*)(void))va)();
	}
	return 0;
}

void guest_main(u64 arg)
{
	(void)arg;
	for (;;) {
		sync(SYNC_NEXT, 0, 0);
		if (mbox(MBOX_OP) == OP_END)
			payload_exit();
		sync(SYNC_RESULT,
		     one_op(mbox(MBOX_OP), mbox(MBOX_ADDR), mbox(MBOX_VALUE), mbox(MBOX_COUNT)), 0);
	}
}
