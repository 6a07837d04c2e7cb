// SPDX-License-Identifier: GPL-2.0
/* A guest that stores and takes interrupts as it is told: ioeventfd.c, irqfd.c, routing.c. */
#include "payload.h"
#include "api/events.h"

static u32 told;

static void tell(u32 intid)
{
	if (intid == told)
		sync(SYNC_IRQ, intid, 0);
}

static u64 store(u64 addr, u64 value, u64 bytes)
{
	switch (bytes) {
	case 1:
		write8(value, addr);
		break;
	case 2:
		asm volatile("strh %w0, [%1]" : : "r"(value), "r"(addr) : "memory");
		break;
	case 4:
		write32(value, addr);
		break;
	case 8:
		write64(value, addr);
		break;
	}
	return 0;
}

static u64 enable(u32 intid, bool edge)
{
	gic_disable(intid);
	gic_clear_pending(intid);
	gic_set_edge(intid, edge);
	irq_log_reset();
	gic_enable(intid);
	return 0;
}

static u64 one_op(u64 op, u64 a, u64 b, u64 c)
{
	u64 i;

	switch (op) {
	case OP_STORE:
		return store(a, b, c);
	case OP_LOAD:
		return c == 4 ? read32(a) : read64(a);
	case OP_STREAM:
		for (i = 0; i < b; i++)
			write32(i, a);
		return b;
	case OP_EDGE:
		return enable(a, true);
	case OP_LEVEL:
		return enable(a, false);
	case OP_DISABLE:
		gic_disable(a);
		return 0;
	case OP_WAIT:
		irq_wait(a, b);
		return irq_log[cpu_id()].count[a];
	case OP_POLL:
		irq_poll(a, b);
		return irq_log[cpu_id()].count[a];
	case OP_SETTLE:
		irq_settle();
		return irq_log[cpu_id()].count[a];
	case OP_PENDING:
		return gic_is_pending(a);
	case OP_CLEAR:
		gic_clear_pending(a);
		return 0;
	case OP_TELL:
		told = a;
		irq_hook = a ? tell : NULL;
		return 0;
	case OP_COUNT:
		return irq_log[cpu_id()].count[a];
	}
	return 0;
}

void guest_main(u64 arg)
{
	u64 v;

	(void)arg;
	gic_init();
	for (;;) {
		/* a handler may talk too, but not in the middle of these words */
		irqs_off();
		sync(SYNC_NEXT, 0, 0);
		v = one_op(mbox(MBOX_OP), mbox(MBOX_A), mbox(MBOX_B), mbox(MBOX_C));
		irqs_off();
		sync(SYNC_RESULT, v, 0);
	}
}
