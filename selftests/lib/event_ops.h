/* SPDX-License-Identifier: GPL-2.0 */
/* Driving the payload of api/payload_events.c: one operation at a time, from the test. */
#ifndef SELFTESTS_EVENT_OPS_H
#define SELFTESTS_EVENT_OPS_H

#include <poll.h>
#include <sys/eventfd.h>

#include "avmm_util.h"
#include "api/events.h"

PAYLOAD(events);

/* the MMIO exits that came while an operation ran, and the last of them */
struct exits {
	unsigned long n;
	uint64_t addr, data;
	uint32_t len;
};

static struct exits exits;
/* called for SYNC_IRQ */
static void (*on_irq)(struct vcpu *vcpu);

/* Has the guest do something; its result. */
static inline uint64_t guest(struct vcpu *vcpu, uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t *mbox = vcpu->vm->mbox;
	struct avmm_run *run = vcpu->run;
	struct ucall *uc = &vcpu->uc;
	int r;

	mbox[MBOX_OP] = op;
	mbox[MBOX_A] = a;
	mbox[MBOX_B] = b;
	mbox[MBOX_C] = c;
	exits.n = 0;
	for (;;) {
		r = vcpu_step(vcpu);
		if (r == -EINTR)
			continue;
		if (r == AVMM_EXIT_MMIO) {
			exits.n++;
			exits.addr = run->mmio.phys_addr;
			exits.len = run->mmio.len;
			memcpy(&exits.data, run->mmio.data, sizeof(exits.data));
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0xab, sizeof(run->mmio.data));
			continue;
		}
		if (r != STEP_UCALL || uc->code != UC_SYNC)
			tap_bail("op %llu: %d, ucall %llu: %llu ESR 0x%llx ELR 0x%llx FAR 0x%llx",
				 (unsigned long long)op, r, (unsigned long long)uc->code,
				 (unsigned long long)uc->arg[0], (unsigned long long)uc->arg[1],
				 (unsigned long long)uc->arg[2], (unsigned long long)uc->arg[3]);
		if (uc->arg[0] == SYNC_RESULT)
			return uc->arg[1];
		if (uc->arg[0] == SYNC_IRQ && on_irq)
			on_irq(vcpu);
	}
}

static inline int new_eventfd(unsigned int count)
{
	int fd = eventfd(count, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		tap_bail("eventfd: %s", strerror(errno));
	return fd;
}

static inline void signal_eventfd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		tap_bail("write to an eventfd: %s", strerror(errno));
}

/* How often it was signalled since it was last asked. */
static inline uint64_t take_eventfd(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

/* Waits for it; false after some seconds. */
static inline bool wait_eventfd(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 20000) == 1;
}

#endif /* SELFTESTS_EVENT_OPS_H */
