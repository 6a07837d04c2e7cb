// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that a guest is given, by the CPU or by the hypervisor, and the FP registers that
 * guest and host each keep. The payload checks the guest's side.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "avmm_util.h"
#include "api/faults.h"

PAYLOAD(faults);

/* ---- the host's FP registers over RUN ---- */

struct fp_state {
	uint64_t v[32][2];
	uint64_t fpsr, fpcr;
};

/*
 * RUN with every FP register set before and stored after, all in one asm: nothing else may touch
 * them in between.
 */
static long run_with_fp(int fd, const struct fp_state *in, struct fp_state *out)
{
	register long x0 asm("x0") = fd;
	register long x1 asm("x1") = AVMM_RUN;
	register long x2 asm("x2") = 0;
	register long x8 asm("x8") = 29;	/* ioctl */
	register const void *x9 asm("x9") = in;
	register void *x10 asm("x10") = out;

#define PAIR(op, base, n, m, offset)	#op " q" #n ", q" #m ", [" base ", #" #offset "]\n"
#define FOUR(op, base, a, b, c, d, e, f, g, h, at)			\
	PAIR(op, base, a, b, at) PAIR(op, base, c, d, at + 32)		\
	PAIR(op, base, e, f, at + 64) PAIR(op, base, g, h, at + 96)
#define ALL(op, base)							\
	FOUR(op, base, 0, 1, 2, 3, 4, 5, 6, 7, 0)			\
	FOUR(op, base, 8, 9, 10, 11, 12, 13, 14, 15, 128)		\
	FOUR(op, base, 16, 17, 18, 19, 20, 21, 22, 23, 256)		\
	FOUR(op, base, 24, 25, 26, 27, 28, 29, 30, 31, 384)
	asm volatile(ALL(ldp, "x9")
		     "ldr x11, [x9, #512]\n ldr x12, [x9, #520]\n"
		     "mrs x13, fpsr\n mrs x14, fpcr\n"
		     "msr fpsr, x11\n msr fpcr, x12\n"
		     "svc #0\n"
		     "mrs x11, fpsr\n mrs x12, fpcr\n"
		     "str x11, [x10, #512]\n str x12, [x10, #520]\n"
		     "msr fpsr, x13\n msr fpcr, x14\n"
		     ALL(stp, "x10")
		     : "+r"(x0)
		     : "r"(x1), "r"(x2), "r"(x8), "r"(x9), "r"(x10)
		     : "x11", "x12", "x13", "x14", "memory", "v0", "v1", "v2", "v3", "v4", "v5",
		       "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
		       "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27",
		       "v28", "v29", "v30", "v31");
	return x0;
}

static void fill(struct fp_state *s, uint64_t seed)
{
	for (int n = 0; n < 32; n++)
		for (int i = 0; i < 2; i++)
			s->v[n][i] = FP_PATTERN(seed, n, i);
	s->fpsr = 0x1f & seed;
	s->fpcr = (seed & 3) << 22;
}

/*
 * Runs the vCPU as vcpu_step() does, for a payload that only says SYNC_FP here; counts what the
 * host lost.
 */
static void *fp_main(void *arg)
{
	struct vcpu *vcpu = arg;
	struct fp_state in, out;
	uint64_t seed = 1000 + vcpu->id, lost = 0, guest_bad = 0, exits = 0;
	uint64_t offset;
	cpu_set_t set;
	long r;

	while (!vcpu->vm->stop) {
		if (seed % 16 == 0) {
			/* the vCPU's thread changes the CPU now and then */
			CPU_ZERO(&set);
			CPU_SET(seed / 16 % 2, &set);
			sched_setaffinity(0, sizeof(set), &set);
		}
		fill(&in, ++seed);
		r = run_with_fp(vcpu->fd, &in, &out);
		lost += memcmp(&in, &out, sizeof(in)) != 0;
		if (r == -EINTR)
			continue;
		if (r < 0 || vcpu->run->exit_reason != AVMM_EXIT_MMIO) {
			tap_ok(false, "vcpu %u: RUN says %ld, exit %u", vcpu->id, r,
			       vcpu->run->exit_reason);
			break;
		}
		exits++;
		offset = vcpu->run->mmio.phys_addr - MAP_UCALL;
		if (!vcpu->run->mmio.is_write || offset >= 0x1000)
			continue;
		if (offset != UCALL_CODE) {
			memcpy(&vcpu->uc.arg[(offset / 8 - 1) % UCALL_ARGS], vcpu->run->mmio.data,
			       8);
			continue;
		}
		memcpy(&vcpu->uc.code, vcpu->run->mmio.data, 8);
		if (vcpu->uc.code == UC_DONE)
			break;
		if (vcpu->uc.code != UC_SYNC) {
			tap_ok(false, "vcpu %u: ucall %llu, vector %llu ESR 0x%llx ELR 0x%llx",
			       vcpu->id, (unsigned long long)vcpu->uc.code,
			       (unsigned long long)vcpu->uc.arg[0],
			       (unsigned long long)vcpu->uc.arg[1],
			       (unsigned long long)vcpu->uc.arg[2]);
			break;
		}
		guest_bad += vcpu->uc.arg[2];
		/* the first words: GET_ONE_REG of what the guest has put there */
		if (exits < 2000) {
			uint64_t v[2], reg = AVMM_REG_ARM64 | AVMM_REG_SIZE_U128 |
					     AVMM_REG_ARM_CORE |
					     AVMM_REG_ARM_CORE_REG(fp_regs.vregs[7]);

			if (avmm_get_one_reg(vcpu->fd, reg, v) ||
			    v[0] != FP_PATTERN(vcpu->uc.arg[1], 7, 0) ||
			    v[1] != FP_PATTERN(vcpu->uc.arg[1], 7, 1))
				guest_bad++;
		}
	}
	tap_ok(exits > 400, "FP, vCPU %u: %llu exits", vcpu->id, (unsigned long long)exits);
	tap_eq(guest_bad, 0, "FP, vCPU %u: the guest's registers survive", vcpu->id);
	tap_eq(lost, 0, "FP, vCPU %u: the host's registers survive", vcpu->id);
	return NULL;
}

static void test_fp(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(faults), .vcpus = 3, .all_on = true,
						    .arg = MODE_FP });
	int i;

	for (i = 0; i < 3; i++)
		if (pthread_create(&vm->vcpu[i].thread, NULL, fp_main, &vm->vcpu[i]))
			tap_bail("pthread_create");
	for (i = 0; i < 3; i++)
		pthread_join(vm->vcpu[i].thread, NULL);
	vm_free(vm);
}

/* ---- the rest ---- */

static bool abort_next;

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	struct avmm_vcpu_events ev = { 0 };

	switch (uc->arg[0]) {
	case SYNC_ABORT_NEXT:
		abort_next = true;
		break;
	case SYNC_SERROR:
		ev.exception.serror_pending = 1;
		tap_eq(-avmm_set_vcpu_events(vcpu->fd, &ev), 0,
		       "SET_VCPU_EVENTS makes an SError pending");
		memset(&ev, 0xff, sizeof(ev));
		tap_eq(-avmm_get_vcpu_events(vcpu->fd, &ev), 0, "GET_VCPU_EVENTS");
		tap_eq(ev.exception.serror_pending, 1, "says that it is");
		break;
	}
	return true;
}

static bool on_exit_(struct vcpu *vcpu, int result)
{
	struct avmm_vcpu_events ev = { .exception.ext_dabt_pending = 1 };

	if (result != AVMM_EXIT_MMIO || !abort_next)
		return false;
	abort_next = false;
	tap_eq(-avmm_set_vcpu_events(vcpu->fd, &ev), 0,
	       "SET_VCPU_EVENTS answers MMIO with an abort");
	return true;
}

int main(void)
{
	struct vm_config cfg = { PAYLOAD_OF(faults), .on_sync = on_sync, .on_exit = on_exit_,
				 .arg = MODE_FAULTS };
	int dev = device_open();

	test_begin(280);
	if (avmm_check_extension(dev, AVMM_CAP_VCPU_EVENTS) > 0)
		cfg.mbox0 = HAS_SERROR |
			    (avmm_check_extension(dev, AVMM_CAP_ARM_INJECT_EXT_DABT) > 0 ?
			     HAS_ABORT : 0);
	/* KVM does it too, since some time before 7.2 */
	if (!device_is_kvm())
		cfg.mbox0 |= HAS_WALK_LEVEL;
	close(dev);
	run_payload("faults", &cfg);
	test_fp();
	return tap_end();
}
