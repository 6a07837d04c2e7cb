/* SPDX-License-Identifier: GPL-2.0 */
/* Driving the payload of api/payload_memslots.c: one operation at a time, from the test. */
#ifndef SELFTESTS_GUEST_OPS_H
#define SELFTESTS_GUEST_OPS_H

#include "avmm_util.h"
#include "api/memslots.h"

/* Brings the payload to where it waits for an operation, and hands it one. */
static inline void op_begin(struct vcpu *vcpu, uint64_t op, uint64_t addr, uint64_t value,
			    uint64_t count)
{
	uint64_t *mbox = vcpu->vm->mbox;
	int r = vcpu_step(vcpu);

	if (r != STEP_UCALL || vcpu->uc.code != UC_SYNC || vcpu->uc.arg[0] != SYNC_NEXT)
		tap_bail(
			"not ready: %d, ucall %llu %llu ESR 0x%llx ELR 0x%llx FAR 0x%llx",
			r, (unsigned long long)vcpu->uc.code, (unsigned long long)vcpu->uc.arg[0],
			(unsigned long long)vcpu->uc.arg[1], (unsigned long long)vcpu->uc.arg[2],
			(unsigned long long)vcpu->uc.arg[3]);
	mbox[MBOX_OP] = op;
	mbox[MBOX_ADDR] = addr;
	mbox[MBOX_VALUE] = value;
	mbox[MBOX_COUNT] = count;
}

/* Goes on with it. STEP_UCALL when it is done, *result being the value; or what came in between. */
static inline int op_go(struct vcpu *vcpu, uint64_t *result)
{
	int r = vcpu_step(vcpu);

	*result = 0;
	if (r != STEP_UCALL)
		return r;
	if (vcpu->uc.code != UC_SYNC || vcpu->uc.arg[0] != SYNC_RESULT)
		tap_bail("ucall %llu: vector %llu ESR 0x%llx ELR 0x%llx FAR 0x%llx",
			 (unsigned long long)vcpu->uc.code, (unsigned long long)vcpu->uc.arg[0],
			 (unsigned long long)vcpu->uc.arg[1], (unsigned long long)vcpu->uc.arg[2],
			 (unsigned long long)vcpu->uc.arg[3]);
	*result = vcpu->uc.arg[1];
	return r;
}

static inline int op(struct vcpu *vcpu, uint64_t what, uint64_t addr, uint64_t value,
		     uint64_t *result)
{
	op_begin(vcpu, what, addr, value, 0);
	return op_go(vcpu, result);
}

static inline void op_reads(struct vcpu *vcpu, uint64_t addr, uint64_t want, const char *name)
{
	uint64_t v = 0;
	int r = op(vcpu, OP_READ, addr, 0, &v);

	if (r != STEP_UCALL) {
		tap_ok(false, "%s: %d instead of a value", name, r);
		if (r == AVMM_EXIT_MMIO)
			op_go(vcpu, &v);
		return;
	}
	tap_eq(v, want, "%s", name);
}

static inline void op_writes(struct vcpu *vcpu, uint64_t addr, uint64_t value, const char *name)
{
	uint64_t v;
	int r = op(vcpu, OP_WRITE, addr, value, &v);

	tap_ok(r == STEP_UCALL, "%s", name);
	if (r == AVMM_EXIT_MMIO)
		op_go(vcpu, &v);
}

/* The access is an MMIO exit: nothing is there, or nothing that may be written. */
static inline void op_exits(struct vcpu *vcpu, bool write, uint64_t addr, const char *name)
{
	const uint64_t token = 0x600dbeef600dbeef;
	uint64_t v = 0, seen = 0;
	int r = op(vcpu, write ? OP_WRITE : OP_READ, addr, token, &v);
	struct avmm_run *run = vcpu->run;

	if (!tap_ok(r == AVMM_EXIT_MMIO, "%s: MMIO exit (%d)", name, r))
		return;
	if (write)
		memcpy(&seen, run->mmio.data, 8);
	else
		memcpy(run->mmio.data, &token, 8);
	tap_ok(run->mmio.phys_addr == addr && run->mmio.is_write == write && run->mmio.len == 8 &&
		       (!write || seen == token),
	       "%s: address 0x%llx", name, (unsigned long long)run->mmio.phys_addr);
	r = op_go(vcpu, &v);
	tap_ok(r == STEP_UCALL && (write || v == token), "%s: and goes on", name);
}

#endif /* SELFTESTS_GUEST_OPS_H */
