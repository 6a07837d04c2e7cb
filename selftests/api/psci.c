// SPDX-License-Identifier: GPL-2.0
/* PSCI from both sides: what a guest is told, the exits it makes, and mp_state. */
#include "avmm_util.h"
#include "api/psci.h"

PAYLOAD(psci);

static void test_calls(void)
{
	struct vm *vm =
		vm_new(&(struct vm_config){ PAYLOAD_OF(psci), .vcpus = 2, .arg = MODE_CALLS });

	vm->mbox[MBOX_PSCI_VERSION] = vcpu_get(&vm->vcpu[0], AVMM_REG_ARM_PSCI_VERSION);
	/* both are since 6.4 */
	vm->mbox[MBOX_SMC_CALLS] = avmm_check_extension(vm->fd, AVMM_CAP_COUNTER_OFFSET) > 0;
	tap_ok(vm_run(vm), "the payload came to its end");
	vm_free(vm);
}

static int mp_state(struct vcpu *vcpu)
{
	struct avmm_mp_state s = { .mp_state = 99 };
	int r = avmm_get_mp_state(vcpu->fd, &s);

	return r < 0 ? r : (int)s.mp_state;
}

static int set_mp_state(struct vcpu *vcpu, uint32_t v)
{
	return avmm_set_mp_state(vcpu->fd, &(struct avmm_mp_state){ .mp_state = v });
}

static const struct {
	const char *name;
	uint64_t mode;
	uint32_t type;
	uint64_t data;
} exits[] = {
	{ "SYSTEM_OFF", MODE_OFF, AVMM_SYSTEM_EVENT_SHUTDOWN, 0 },
	{ "SYSTEM_RESET", MODE_RESET, AVMM_SYSTEM_EVENT_RESET, 0 },
	{ "SYSTEM_RESET2", MODE_RESET2, AVMM_SYSTEM_EVENT_RESET,
	  AVMM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 },
	{ "SYSTEM_OFF2", MODE_OFF2, AVMM_SYSTEM_EVENT_SHUTDOWN,
	  AVMM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2 },
	{ "SYSTEM_RESET2, vendor", MODE_RESET2_VENDOR, AVMM_SYSTEM_EVENT_RESET,
	  AVMM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2 },
};

static void test_exits(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		struct vm *vm = vm_new(
			&(struct vm_config){ PAYLOAD_OF(psci), .vcpus = 2, .arg = exits[i].mode });
		struct avmm_run *run = vm->vcpu[0].run;
		const char *name = exits[i].name;

		if (exits[i].mode == MODE_OFF2 &&
		    vcpu_get(&vm->vcpu[0], AVMM_REG_ARM_PSCI_VERSION) < 0x10003) {
			tap_skip("PSCI before 1.3", name);
			vm_free(vm);
			continue;
		}

		tap_eq(vcpu_step(&vm->vcpu[0]), AVMM_EXIT_SYSTEM_EVENT,
		       "%s exits with SYSTEM_EVENT", name);
		tap_eq(run->system_event.type, exits[i].type, "%s: type", name);
		tap_ok(run->system_event.ndata >= 1, "%s: ndata is %u", name,
		       run->system_event.ndata);
		tap_eq(run->system_event.data[0], exits[i].data, "%s: data[0]", name);
		tap_eq(mp_state(&vm->vcpu[0]), AVMM_MP_STATE_STOPPED, "%s: the vCPU is stopped",
		       name);
		/*
		 * A VMM resets the machine: vCPUs are initialised again, and run again from the
		 * start.
		 */
		vcpu_init(&vm->vcpu[0], false);
		vcpu_init(&vm->vcpu[1], true);
		vm_load(vm);
		tap_eq(mp_state(&vm->vcpu[0]), AVMM_MP_STATE_RUNNABLE,
		       "%s: runnable after VCPU_INIT", name);
		tap_eq(vcpu_step(&vm->vcpu[0]), AVMM_EXIT_SYSTEM_EVENT,
		       "%s: runs again after VCPU_INIT", name);
		vm_free(vm);
	}
}

/* A CPU_ON that its target has not carried out yet, as it has not run, shows all the same. */
static void test_cpu_on_seen(void)
{
	static const uint32_t code[] = {
		0xd4000002,	/* hvc #0 */
		0xf9000020,	/* str x0, [x1] */
		0x14000000,
	};
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true, .vcpus = 2 });
	struct vcpu *v0 = &vm->vcpu[0], *v1 = &vm->vcpu[1];

	vm_poke(vm, MAP_RAM, code, 3);
	vcpu_start_at(v0, MAP_RAM, 0xc4000003);
	vcpu_set(v0, AVMM_CORE_X(1), 1);
	vcpu_set(v0, AVMM_CORE_X(2), 0xfeedf00c);
	vcpu_set(v0, AVMM_CORE_X(3), 0xabcdef);
	vcpu_set(v1, REG_PC, 0x1111);
	/* the answer goes to address 0, where there is nothing */
	tap_eq(vcpu_run(v0), AVMM_EXIT_MMIO, "CPU_ON of the other one");
	tap_eq(mp_state(v1), AVMM_MP_STATE_RUNNABLE, "it is on");
	tap_eq(vcpu_get(v1, REG_PC), 0xfeedf00c, "its PC is the entry point");
	tap_eq(vcpu_x(v1, 0), 0xabcdef, "its X0 is the context");
	vcpu_set(v1, AVMM_CORE_X(0), 0x77);
	tap_eq(vcpu_x(v1, 0), 0x77, "and what is set now stays");
	vm_free(vm);
}

static void *run_once(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->result = vcpu_step(vcpu);
	return NULL;
}

/* like vcpu_step(), past what the payload reports */
static int step(struct vcpu *vcpu)
{
	int r;

	do
		r = vcpu_step(vcpu);
	while (r == STEP_UCALL);
	return r;
}

/* as a guest would before it waits for interrupt 40 */
static void enable_irq40(struct vm *vm)
{
	bool v2 = vm->gic_version == 2;
	uint32_t ctlr = v2 ? 1 : 2, enable = 1U << 8, gicc_ctlr = 1, gicc_pmr = 0xf0 >> 3;
	uint64_t pmr = 0xf0, igrpen1 = 1;
	struct avmm_device_attr attr[] = {
		{ .group = AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, .attr = 0x0, .addr = (uintptr_t)&ctlr },
		{ .group = AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, .attr = 0x104,
		  .addr = (uintptr_t)&enable },
		/* ICC_PMR_EL1 */
		{ .group = AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, .attr = 0xc230,
		  .addr = (uintptr_t)&pmr },
		/* ICC_IGRPEN1_EL1 */
		{ .group = AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, .attr = 0xc667,
		  .addr = (uintptr_t)&igrpen1 },
	};
	unsigned int i;

	if (v2) {
		attr[2] = (struct avmm_device_attr){ .group = AVMM_DEV_ARM_VGIC_GRP_CPU_REGS,
						     .attr = 0x4, .addr = (uintptr_t)&gicc_pmr };
		attr[3] = (struct avmm_device_attr){ .group = AVMM_DEV_ARM_VGIC_GRP_CPU_REGS,
						     .attr = 0x0, .addr = (uintptr_t)&gicc_ctlr };
	}
	for (i = 0; i < sizeof(attr) / sizeof(attr[0]); i++)
		tap_eq(avmm_set_device_attr(vm->gic, &attr[i]), 0, "the GIC is made ready, %u", i);
}

/* SYSTEM_SUSPEND is user space's to carry out, and to answer: no register is changed for it. */
static void test_suspend(void)
{
	struct vm *vm =
		vm_new(&(struct vm_config){ PAYLOAD_OF(psci), .vcpus = 2, .arg = MODE_SUSPEND });
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_ARM_SYSTEM_SUSPEND };
	struct vcpu *v0 = &vm->vcpu[0], *v1 = &vm->vcpu[1];

	tap_eq(avmm_check_extension(vm->fd, cap.cap), 1, "AVMM_CAP_ARM_SYSTEM_SUSPEND");
	cap.flags = 1;
	tap_eq(-avmm_enable_cap(vm->fd, &cap), EINVAL, "enabling it with flags");
	cap.flags = 0;
	tap_eq(avmm_enable_cap(vm->fd, &cap), 0, "enabling it");

	tap_eq(step(v0), AVMM_EXIT_SYSTEM_EVENT, "SYSTEM_SUSPEND exits with SYSTEM_EVENT");
	tap_eq(v0->run->system_event.type, AVMM_SYSTEM_EVENT_SUSPEND, "its type is SUSPEND");
	tap_eq(v0->run->system_event.ndata, 0, "it has no data");
	tap_ok(vcpu_x(v0, 0) == 0xc400000eU && vcpu_x(v0, 1) == 0x123456789abcULL && vcpu_x(v0, 2) == 0x66,
	       "X0 to X2 are the call's");
	tap_eq(mp_state(v0), AVMM_MP_STATE_RUNNABLE, "the caller is runnable");
	tap_eq(mp_state(v1), AVMM_MP_STATE_STOPPED, "the other one as it was");

	/* a refusal: the answer in X0, and go on */
	vcpu_set(v0, AVMM_CORE_X(0), -3);
	tap_eq(step(v0), AVMM_EXIT_SYSTEM_EVENT, "SYSTEM_SUSPEND32 exits too");
	tap_ok(vcpu_x(v0, 0) == 0x8400000eU && vcpu_x(v0, 1) == 0x56789abc && vcpu_x(v0, 2) == 0x77,
	       "X1 is cut to 32 bits");

	/* carried out by the kernel: the vCPU waits for an interrupt */
	enable_irq40(vm);
	tap_eq(set_mp_state(v0, AVMM_MP_STATE_SUSPENDED), 0, "SET_MP_STATE suspended");
	tap_eq(mp_state(v0), AVMM_MP_STATE_SUSPENDED, "GET_MP_STATE agrees");
	v0->result = 0;
	if (pthread_create(&v0->thread, NULL, run_once, v0))
		tap_bail("pthread_create");
	usleep(300000);
	tap_eq(v0->result, 0, "a suspended vCPU stays in RUN");
	tap_eq(avmm_irq_line(vm->fd, 1U << 24 | 40, 1), 0, "interrupt 40 arrives");
	pthread_join(v0->thread, NULL);
	tap_eq(v0->result, AVMM_EXIT_SYSTEM_EVENT, "it leaves RUN");
	tap_eq(v0->run->system_event.type, AVMM_SYSTEM_EVENT_WAKEUP, "with WAKEUP");
	tap_eq(mp_state(v0), AVMM_MP_STATE_SUSPENDED, "it is suspended still");
	tap_eq(vcpu_step(v0), AVMM_EXIT_SYSTEM_EVENT, "RUN again says the same");
	vm_free(vm);
}

static void test_mp_state(void)
{
	struct vm *vm =
		vm_new(&(struct vm_config){ PAYLOAD_OF(psci), .vcpus = 2, .arg = MODE_COUNT });
	struct vcpu *v0 = &vm->vcpu[0], *v1 = &vm->vcpu[1];
	struct avmm_vcpu_init init;
	int r;

	if (avmm_check_extension(vm->fd, AVMM_CAP_MP_STATE) <= 0) {
		tap_skip("no AVMM_CAP_MP_STATE", "mp_state");
		vm_free(vm);
		return;
	}
	tap_eq(mp_state(v0), AVMM_MP_STATE_RUNNABLE, "a vCPU is runnable");
	tap_eq(mp_state(v1), AVMM_MP_STATE_STOPPED, "one with POWER_OFF is stopped");
	tap_eq(-set_mp_state(v0, 3), EINVAL, "SET_MP_STATE of 3 (halted, not an Arm state)");
	tap_eq(-set_mp_state(v0, 77), EINVAL, "SET_MP_STATE of 77");
	tap_eq(vcpu_step(v0), STEP_UCALL, "the vCPU runs");
	tap_eq(set_mp_state(v0, AVMM_MP_STATE_STOPPED), 0, "SET_MP_STATE stopped");

	v0->result = 0;
	if (pthread_create(&v0->thread, NULL, run_once, v0))
		tap_bail("pthread_create");
	usleep(300000);
	tap_eq(v0->result, 0, "a stopped vCPU stays in RUN");
	tap_eq(v0->uc.arg[0], 1, "and does nothing there");
	vcpu_kick(v0);
	pthread_join(v0->thread, NULL);
	tap_eq(-v0->result, EINTR, "a signal gets it out");
	v0->run->immediate_exit = 0;
	tap_eq(set_mp_state(v0, AVMM_MP_STATE_RUNNABLE), 0, "SET_MP_STATE runnable");
	tap_eq(vcpu_step(v0), STEP_UCALL, "it goes on");
	tap_eq(v0->uc.arg[0], 2, "where it was");

	/* The second one, by hand: no PSCI call was made. */
	vcpu_start_at(v1, MAP_RAM + ENTRY_MMU, MODE_COUNT);
	tap_eq(set_mp_state(v1, AVMM_MP_STATE_RUNNABLE), 0,
	       "SET_MP_STATE runnable of the powered-off one");
	tap_eq(mp_state(v1), AVMM_MP_STATE_RUNNABLE, "GET_MP_STATE agrees");
	tap_eq(vcpu_step(v1), STEP_UCALL, "it runs");
	tap_ok(v1->uc.arg[0] == 1 && v1->uc.arg[1] == 1, "as CPU 1");

	/* POWER_OFF is of the call, not of the vCPU; KVM before 6.2 wants the same each time. */
	avmm_arm_preferred_target(vm->fd, &init);
	init.features[0] |= 1U << AVMM_ARM_VCPU_PSCI_0_2;
	r = avmm_arm_vcpu_init(v1->fd, &init);
	if (r == -EINVAL && device_is_kvm()) {
		tap_skip("KVM of this kernel has POWER_OFF as a lasting feature",
			 "VCPU_INIT without POWER_OFF");
	} else {
		tap_eq(-r, 0, "VCPU_INIT without POWER_OFF");
		tap_eq(mp_state(v1), AVMM_MP_STATE_RUNNABLE, "the vCPU is runnable after it");
		vcpu_init(v1, true);
		tap_eq(mp_state(v1), AVMM_MP_STATE_STOPPED, "VCPU_INIT with it: stopped");
	}
	vm_free(vm);
}

int main(void)
{
	test_begin(280);
	test_calls();
	test_exits();
	test_cpu_on_seen();
	test_suspend();
	test_mp_state();
	return tap_end();
}
