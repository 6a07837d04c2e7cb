// SPDX-License-Identifier: GPL-2.0
/* The generic timer: interrupts and sleeps in the payload; the counter and its registers from here.
 */
#include <time.h>

#include "avmm_util.h"
#include "api/timer.h"

PAYLOAD(timer);

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static bool has_offset(struct vm *vm)
{
	return avmm_check_extension(vm->fd, AVMM_CAP_COUNTER_OFFSET) > 0;
}

static uint64_t freq;

/* The count @reg is that of the guest, who has just read @guest, and moves on by @ticks. */
static void move_count(struct vcpu *vcpu, uint64_t reg, const char *what, uint64_t guest,
		       uint64_t ticks)
{
	uint64_t v = vcpu_get(vcpu, reg);

	tap_ok(v >= guest && v - guest < 10 * freq, "%s: 0x%llx, 0x%llx", what,
	       (unsigned long long)v, (unsigned long long)guest);
	v += ticks;
	vcpu_set(vcpu, reg, v);
	vcpu->vm->mbox[MBOX_MOVED_TO] = v;
}

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	static uint64_t wall, cpu;

	switch (uc->arg[0]) {
	case SYNC_FREQ:
		freq = uc->arg[1];
		break;
	case SYNC_COUNTER:
		/* an hour on */
		move_count(vcpu, AVMM_REG_ARM_TIMER_CNT, "TIMER_CNT runs with CNTVCT", uc->arg[1],
			   3600 * freq);
		break;
	case SYNC_PCOUNTER:
		vcpu->vm->mbox[MBOX_MOVED_TO] = 0;
		/* far beyond what the virtual count has been moved to */
		if (has_offset(vcpu->vm))
			move_count(vcpu, AVMM_REG_ARM_PTIMER_CNT, "PTIMER_CNT runs with CNTPCT",
				   uc->arg[1], 360000 * freq);
		break;
	case SYNC_TIMER_REGS:
		tap_eq(vcpu_get(vcpu, AVMM_REG_ARM_TIMER_CTL) & 3, uc->arg[1] & 3,
		       "TIMER_CTL is CNTV_CTL");
		tap_eq(vcpu_get(vcpu, AVMM_REG_ARM_TIMER_CVAL), uc->arg[2],
		       "TIMER_CVAL is CNTV_CVAL");
		break;
	case SYNC_IDLE:
		if (uc->arg[1]) {
			wall = now_ns();
			cpu = thread_ns();
			break;
		}
		wall = now_ns() - wall;
		cpu = thread_ns() - cpu;
		tap_ok(cpu < wall / 2, "a sleeping guest leaves the CPU: %llu of %llu us used",
		       (unsigned long long)cpu / 1000, (unsigned long long)wall / 1000);
		break;
	}
	return true;
}

/* A timer set from here fires in the guest: migration brings timers this way. */
static void test_preset(void)
{
	struct vm *vm = vm_new(
		&(struct vm_config){ PAYLOAD_OF(timer), .arg = MODE_ONE, .on_sync = on_sync });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t cnt;

	vcpu_set(v, AVMM_REG_ARM_TIMER_CNT, 0);
	cnt = vcpu_get(v, AVMM_REG_ARM_TIMER_CNT);
	tap_ok(cnt < 0x10000000, "TIMER_CNT can be set to 0: 0x%llx", (unsigned long long)cnt);
	vcpu_set(v, AVMM_REG_ARM_TIMER_CVAL, 0x123456789);
	vcpu_set(v, AVMM_REG_ARM_TIMER_CTL, 2);
	tap_eq(vcpu_get(v, AVMM_REG_ARM_TIMER_CVAL), 0x123456789, "TIMER_CVAL reads back");
	tap_eq(vcpu_get(v, AVMM_REG_ARM_TIMER_CTL) & 3, 2, "TIMER_CTL reads back");
	vcpu_set(v, AVMM_REG_ARM_TIMER_CTL, 0);
	tap_ok(vcpu_run_to_end(v), "the payload came to its end");
	vm_free(vm);
}

static int set_offset(struct vm *vm, uint64_t offset, uint64_t reserved)
{
	struct avmm_arm_counter_offset o = { .counter_offset = offset, .reserved = reserved };

	return -avmm_ioctl_value(vm->fd, AVMM_ARM_SET_COUNTER_OFFSET, (uintptr_t)&o);
}

/* both counters at once, for good */
static void test_offset(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true, .vcpus = 2 });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t machine, virt, phys;

	if (!has_offset(vm)) {
		tap_eq(set_offset(vm, 0, 0), ENOTTY, "no COUNTER_OFFSET on this kernel");
		vm_free(vm);
		return;
	}
	tap_eq(set_offset(vm, 0, 1), EINVAL, "SET_COUNTER_OFFSET with a reserved field");
	machine = vcpu_get(v, AVMM_REG_ARM_PTIMER_CNT);
	tap_eq(set_offset(vm, machine - 1000, 0), 0, "SET_COUNTER_OFFSET");
	virt = vcpu_get(v, AVMM_REG_ARM_TIMER_CNT);
	phys = vcpu_get(&vm->vcpu[1], AVMM_REG_ARM_PTIMER_CNT);
	tap_ok(virt >= 1000 && phys >= virt && phys < machine,
	       "both counters are behind by that: %llu, %llu", (unsigned long long)virt,
	       (unsigned long long)phys);
	vcpu_set(v, AVMM_REG_ARM_TIMER_CNT, 0);
	vcpu_set(v, AVMM_REG_ARM_PTIMER_CNT, 0);
	tap_ok(vcpu_get(v, AVMM_REG_ARM_TIMER_CNT) >= virt &&
	       vcpu_get(v, AVMM_REG_ARM_PTIMER_CNT) >= phys, "what is written to one is ignored then");
	vm_free(vm);
}

int main(void)
{
	test_begin(280);
	test_preset();
	test_offset();
	run_payload("four CPUs",
		    &(struct vm_config){ PAYLOAD_OF(timer), .vcpus = 4, .arg = MODE_SMP });
	return tap_end();
}
