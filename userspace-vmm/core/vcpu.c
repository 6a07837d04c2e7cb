// SPDX-License-Identifier: GPL-2.0
/*
 * Exit path: the hypervisor returns from AVMM_RUN here; the table at the end says who handles which
 * exit reason.
 *
 * Parking: the main thread sets leave and immediate_exit and sends the signal. Wherever the thread
 * is, its next AVMM_RUN returns -EINTR: in the guest by the signal, before the ioctl by
 * immediate_exit. Only there it leaves the loop, because an exit that was handled, as a read from a
 * device, is completed by the next AVMM_RUN (KVM's api.rst, KVM_EXIT_MMIO): then all state is in
 * registers.
 */
#include "core/vcpu.h"

#include <errno.h>
#include <poll.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/vm.h"
#include "libavmm.h"
#include "sandbox/sandbox.h"

#define KICK_SIGNAL	SIGRTMIN

/* ---- creation ---- */

/* Features that a guest gets where the hypervisor has them; several rows: all or none. */
static const struct {
	unsigned int cap;
	unsigned int bits;
} features[] = {
	{ AVMM_CAP_ARM_PSCI_0_2, 1U << AVMM_ARM_VCPU_PSCI_0_2 },
	{ AVMM_CAP_ARM_SVE, 1U << AVMM_ARM_VCPU_SVE },
};

static int init_registers(struct vcpu *vcpu, struct error *err)
{
	struct avmm_vcpu_init init;
	int ret;

	ret = avmm_arm_preferred_target(vcpu->vm->fd, &init);
	if (ret < 0)
		return error_set(err, ret, "there is no type of vCPU for this host: %s",
				 strerror(-ret));
	memset(init.features, 0, sizeof(init.features));
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (avmm_check_extension(vcpu->vm->fd, features[i].cap) > 0)
			init.features[0] |= features[i].bits;
	/* pointer authentication comes with both its keys or not at all */
	if (avmm_check_extension(vcpu->vm->fd, AVMM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
	    avmm_check_extension(vcpu->vm->fd, AVMM_CAP_ARM_PTRAUTH_GENERIC) > 0)
		init.features[0] |= 1U << AVMM_ARM_VCPU_PTRAUTH_ADDRESS |
				    1U << AVMM_ARM_VCPU_PTRAUTH_GENERIC;
	if (vcpu->id)
		init.features[0] |= 1U << AVMM_ARM_VCPU_POWER_OFF;
	ret = avmm_arm_vcpu_init(vcpu->fd, &init);
	if (ret < 0)
		return error_set(err, ret, "vCPU %u cannot be reset: %s", vcpu->id,
				 strerror(-ret));
	if (init.features[0] & 1U << AVMM_ARM_VCPU_SVE) {
		ret = avmm_arm_vcpu_finalize(vcpu->fd, AVMM_ARM_VCPU_SVE);
		if (ret < 0)
			return error_set(err, ret, "vCPU %u cannot have SVE: %s", vcpu->id,
					 strerror(-ret));
	}
	ret = avmm_get_reg(vcpu->fd, AVMM_SYSREG_MPIDR_EL1, &vcpu->mpidr);
	if (ret < 0)
		return error_set(err, ret, "vCPU %u does not tell its MPIDR_EL1: %s", vcpu->id,
				 strerror(-ret));
	return 0;
}

int vcpu_power_on(struct vcpu *vcpu, struct error *err)
{
	struct vm *vm = vcpu->vm;
	int ret;

	vcpu->fd = avmm_create_vcpu(vm->fd, vcpu->id);
	if (vcpu->fd < 0)
		return error_set(err, vcpu->fd, "--cpus: vCPU %u cannot be created: %s", vcpu->id,
				 strerror(-vcpu->fd));
	ret = avmm_get_vcpu_mmap_size(vm->dev);
	if (ret >= 0) {
		vcpu->run_size = ret;
		ret = avmm_map_run(vcpu->fd, vcpu->run_size, &vcpu->run);
	}
	if (ret < 0)
		error_set(err, ret, "the run page of vCPU %u cannot be mapped: %s", vcpu->id,
			  strerror(-ret));
	else
		ret = init_registers(vcpu, err);
	if (ret < 0)
		vcpu_power_off(vcpu);
	return ret;
}

void vcpu_power_off(struct vcpu *vcpu)
{
	if (vcpu->run)
		avmm_unmap_run(vcpu->run, vcpu->run_size);
	vcpu->run = NULL;
	if (vcpu->fd >= 0)
		close(vcpu->fd);
	vcpu->fd = -1;
}

int vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0, struct error *err)
{
	/* the rest is in its reset state: EL1h, interrupts masked, MMU off, other registers zero */
	int ret = avmm_set_reg(vcpu->fd, AVMM_CORE_U64(regs.pc), pc);

	if (ret == 0)
		ret = avmm_set_reg(vcpu->fd, AVMM_CORE_U64(regs.regs[0]), x0);
	if (ret < 0)
		return error_set(err, ret, "vCPU %u cannot be given its entry point: %s", vcpu->id,
				 strerror(-ret));
	return 0;
}

/* ---- failures ---- */

static const struct {
	const char *name;
	uint64_t id;
} dumped[] = {
	{ "pc", AVMM_CORE_U64(regs.pc) },
	{ "pstate", AVMM_CORE_U64(regs.pstate) },
	{ "sp_el0", AVMM_CORE_U64(regs.sp) },
	{ "sp_el1", AVMM_CORE_U64(sp_el1) },
	{ "elr_el1", AVMM_CORE_U64(elr_el1) },
	{ "spsr_el1", AVMM_CORE_U64(spsr[0]) },
	{ "esr_el1", AVMM_ARM64_SYS_REG(3, 0, 5, 2, 0) },
	{ "far_el1", AVMM_ARM64_SYS_REG(3, 0, 6, 0, 0) },
	{ "vbar_el1", AVMM_ARM64_SYS_REG(3, 0, 12, 0, 0) },
	{ "sctlr_el1", AVMM_ARM64_SYS_REG(3, 0, 1, 0, 0) },
	{ "tcr_el1", AVMM_ARM64_SYS_REG(3, 0, 2, 0, 2) },
	{ "ttbr0_el1", AVMM_ARM64_SYS_REG(3, 0, 2, 0, 0) },
	{ "ttbr1_el1", AVMM_ARM64_SYS_REG(3, 0, 2, 0, 1) },
};

static int dump_register(const struct vcpu *vcpu, const char *name, uint64_t id, char *line,
			 size_t room)
{
	uint64_t value;

	if (avmm_get_reg(vcpu->fd, id, &value) < 0)
		return snprintf(line, room, " %9s %-16s", name, "?");
	return snprintf(line, room, " %9s %016" PRIx64, name, value);
}

static void dump(const struct vcpu *vcpu)
{
	const unsigned int named = sizeof(dumped) / sizeof(dumped[0]);
	const unsigned int all = named + 31;
	char line[160], name[8];
	int n = 0;

	for (unsigned int i = 0; i < all; i++) {
		if (i < named) {
			n += dump_register(vcpu, dumped[i].name, dumped[i].id, line + n,
					   sizeof(line) - n);
		} else {
			snprintf(name, sizeof(name), "x%u", i - named);
			n += dump_register(vcpu, name, AVMM_CORE_X(i - named), line + n,
					   sizeof(line) - n);
		}
		if (i % 4 == 3 || i + 1 == all) {
			log_error("vCPU %u:%s", vcpu->id, line);
			n = 0;
		}
	}
}

static int fail_run(struct error *err, const struct vcpu *vcpu, int code)
{
	/* KVM's answer where exit_no_syndrome() was not asked for by a capability */
	if (code == -ENOSYS)
		return error_set(err, code, "vCPU %u accesses an address outside its memory by an "
				 "instruction that cannot be emulated", vcpu->id);
	return error_set(err, code, "vCPU %u cannot be run: %s", vcpu->id, strerror(-code));
}

/* The guest cannot go on. Only the first vCPU to say so is heard. */
static void fail(struct vcpu *vcpu, const struct error *err)
{
	if (vm_stop(vcpu->vm, VM_STOP_FAILED, err))
		dump(vcpu);
}

/* ---- exits: true to run on ---- */

static bool exit_mmio(struct vcpu *vcpu)
{
	struct avmm_run *run = vcpu->run;
	struct mmio_access access = {
		.addr = run->mmio.phys_addr, .len = run->mmio.len, .write = run->mmio.is_write,
	};

	/* data has the bytes as the guest's memory would; ours has the same order */
	memcpy(&access.data, run->mmio.data, sizeof(access.data));
	if (access.len < sizeof(access.data))
		access.data &= (1ULL << 8 * access.len) - 1;
	if (!mmio_access(&vcpu->vm->machine.bus, &access) &&
	    !atomic_exchange(&vcpu->vm->unknown_mmio, true))
		log_verbose("the guest %s 0x%" PRIx64 ", where nothing is; reads give 0",
			    access.write ? "writes to" : "reads from", access.addr);
	if (!access.write)
		memcpy(run->mmio.data, &access.data, sizeof(access.data));
	return true;
}

static bool exit_system_event(struct vcpu *vcpu)
{
	const struct avmm_run *run = vcpu->run;
	struct error err;

	switch (run->system_event.type) {
	case AVMM_SYSTEM_EVENT_SHUTDOWN:
		vm_stop(vcpu->vm, VM_STOP_SHUTDOWN, NULL);
		return false;
	case AVMM_SYSTEM_EVENT_RESET:
		vm_stop(vcpu->vm, VM_STOP_RESET, NULL);
		return false;
	case AVMM_SYSTEM_EVENT_CRASH:
		error_set(&err, -EIO, "the guest reports that it crashed");
		vm_stop(vcpu->vm, VM_STOP_CRASH, &err);
		return false;
	default:
		error_set(&err, -EIO, "vCPU %u: system event of unknown type %u", vcpu->id,
			  run->system_event.type);
		fail(vcpu, &err);
		return false;
	}
}

static bool exit_interrupted(struct vcpu *vcpu)
{
	(void)vcpu;
	return true;
}

static bool exit_fail_entry(struct vcpu *vcpu)
{
	const struct avmm_run *run = vcpu->run;
	struct error err;

	error_set(&err, -EIO, "vCPU %u cannot be entered on CPU %u: reason 0x%" PRIx64, vcpu->id,
		  run->fail_entry.cpu, (uint64_t)run->fail_entry.hardware_entry_failure_reason);
	fail(vcpu, &err);
	return false;
}

static bool exit_internal_error(struct vcpu *vcpu)
{
	const struct avmm_run *run = vcpu->run;
	struct error err;

	error_set(&err, -EIO, "vCPU %u: internal error of the hypervisor, suberror %u, data 0x%"
		  PRIx64 " 0x%" PRIx64, vcpu->id, run->internal.suberror,
		  run->internal.ndata > 0 ? (uint64_t)run->internal.data[0] : 0,
		  run->internal.ndata > 1 ? (uint64_t)run->internal.data[1] : 0);
	fail(vcpu, &err);
	return false;
}

static bool exit_no_syndrome(struct vcpu *vcpu)
{
	const struct avmm_run *run = vcpu->run;
	struct error err;

	/* Arm ARM, ISS encoding of a Data Abort: ISV is 0 for pairs, write-back and the like */
	error_set(&err, -EIO, "vCPU %u accesses 0x%" PRIx64
		  " by an instruction that cannot be emulated, ISS 0x%" PRIx64, vcpu->id,
		  (uint64_t)run->arm_nisv.fault_ipa, (uint64_t)run->arm_nisv.esr_iss);
	fail(vcpu, &err);
	return false;
}

static bool exit_memory_fault(struct vcpu *vcpu)
{
	const struct avmm_run *run = vcpu->run;
	struct error err;

	error_set(&err, -EFAULT, "vCPU %u: no memory for the guest at 0x%" PRIx64 ", flags 0x%"
		  PRIx64, vcpu->id, (uint64_t)run->memory_fault.gpa,
		  (uint64_t)run->memory_fault.flags);
	fail(vcpu, &err);
	return false;
}

static const struct {
	const char *name;
	bool (*handle)(struct vcpu *vcpu);	/* NULL: we asked for nothing that leads to it */
} exits[] = {
	[AVMM_EXIT_UNKNOWN] = { "unknown", NULL },
	[AVMM_EXIT_HYPERCALL] = { "hypercall", NULL },
	[AVMM_EXIT_DEBUG] = { "debug", NULL },
	[AVMM_EXIT_MMIO] = { "MMIO", exit_mmio },
	[AVMM_EXIT_SHUTDOWN] = { "shutdown", NULL },
	[AVMM_EXIT_FAIL_ENTRY] = { "failed entry", exit_fail_entry },
	[AVMM_EXIT_INTR] = { "interrupted", exit_interrupted },
	[AVMM_EXIT_INTERNAL_ERROR] = { "internal error", exit_internal_error },
	[AVMM_EXIT_SYSTEM_EVENT] = { "system event", exit_system_event },
	[AVMM_EXIT_ARM_NISV] = { "no syndrome", exit_no_syndrome },
	[AVMM_EXIT_DIRTY_RING_FULL] = { "dirty ring full", NULL },
	[AVMM_EXIT_MEMORY_FAULT] = { "memory fault", exit_memory_fault },
};

_Static_assert(sizeof(exits) / sizeof(exits[0]) < VCPU_EXITS, "each exit has its counter");

const char *vcpu_exit_name(unsigned int row)
{
	if (row < sizeof(exits) / sizeof(exits[0]))
		return exits[row].name ? exits[row].name : "";
	return row == VCPU_EXITS - 1 ? "other" : row < VCPU_EXITS ? "" : NULL;
}

static bool handle_exit(struct vcpu *vcpu)
{
	uint32_t reason = vcpu->run->exit_reason;
	unsigned int row = reason < VCPU_EXITS - 1 ? reason : VCPU_EXITS - 1;
	const char *name = NULL;
	struct error err;

	atomic_store_explicit(&vcpu->exits[row], vcpu->exits[row] + 1, memory_order_relaxed);
	if (reason < sizeof(exits) / sizeof(exits[0])) {
		if (exits[reason].handle)
			return exits[reason].handle(vcpu);
		name = exits[reason].name;
	}
	error_set(&err, -EIO, "vCPU %u: unexpected exit, reason %u%s%s%s", vcpu->id, reason,
		  name ? " (" : "", name ? name : "", name ? ")" : "");
	fail(vcpu, &err);
	return false;
}

/* ---- thread ---- */

static void rest(struct vcpu *vcpu)
{
	int64_t ns = atomic_exchange(&vcpu->rest, 0);
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };
	sigset_t kick, old;

	if (!ns)
		return;
	/* whoever wants it to park ends this by the signal, which comes nowhere but in the wait */
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, &old);
	if (!atomic_load(&vcpu->leave))
		ppoll(NULL, 0, &ts, &old);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void run(struct vcpu *vcpu)
{
	struct error err;
	int ret;

	for (;;) {
		ret = avmm_run(vcpu->fd);
		if (ret == -EINTR && atomic_load(&vcpu->leave))
			return;
		if (ret == -EINTR || ret == -EAGAIN) {
			rest(vcpu);
			continue;
		}
		if (ret < 0) {
			fail_run(&err, vcpu, ret);
			fail(vcpu, &err);
			return;
		}
		if (!handle_exit(vcpu))
			return;
	}
}

static enum vcpu_order next_order(struct vcpu *vcpu)
{
	enum vcpu_order order;

	pthread_mutex_lock(&vcpu->lock);
	while (vcpu->order == VCPU_PARK)
		pthread_cond_wait(&vcpu->ordered, &vcpu->lock);
	order = vcpu->order;
	/* is done once, whatever ends it */
	vcpu->order = VCPU_PARK;
	pthread_mutex_unlock(&vcpu->lock);
	return order;
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *vcpu = opaque;
	const char *vm_name = vcpu->vm->config->name;
	struct error err;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u%s%s", vcpu->id, vm_name ? "/" : "",
		 vm_name ? vm_name : "");
	prctl(PR_SET_NAME, name);
	atomic_store(&vcpu->tid, gettid());
	event_loop_changed(&vcpu->vm->loop);
	while (next_order(vcpu) == VCPU_RUN) {
		if (sandbox_thread(SANDBOX_VCPU, &err) == 0)
			run(vcpu);
		else
			vm_stop(vcpu->vm, VM_STOP_FAILED, &err);
		atomic_store(&vcpu->parked, true);
		event_loop_changed(&vcpu->vm->loop);
	}
	return NULL;
}

static void give_order(struct vcpu *vcpu, enum vcpu_order order)
{
	pthread_mutex_lock(&vcpu->lock);
	vcpu->order = order;
	pthread_cond_signal(&vcpu->ordered);
	pthread_mutex_unlock(&vcpu->lock);
}

static bool has_tid(void *opaque)
{
	struct vcpu *vcpu = opaque;

	return atomic_load(&vcpu->tid) != 0;
}

int vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int id, struct error *err)
{
	sigset_t kick, old;
	int ret;

	*vcpu = (struct vcpu) { .vm = vm, .id = id, .fd = -1, .parked = true };
	pthread_mutex_init(&vcpu->lock, NULL);
	pthread_cond_init(&vcpu->ordered, NULL);
	/* a thread inherits the mask of its maker; only vCPUs listen to the signal */
	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, &old);
	ret = -pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret < 0)
		return error_set(err, ret, "vCPU %u cannot have a thread: %s", vcpu->id,
				 strerror(-ret));
	vcpu->started = true;
	/* whoever pins threads asks for their ids before the start */
	event_loop_wait(&vm->loop, has_tid, vcpu);
	return 0;
}

void vcpu_close(struct vcpu *vcpu)
{
	if (!vcpu->started)
		return;
	give_order(vcpu, VCPU_END);
	pthread_join(vcpu->thread, NULL);
	vcpu->started = false;
}

void vcpu_park(struct vcpu *vcpu)
{
	if (atomic_load(&vcpu->parked))
		return;
	atomic_store(&vcpu->leave, true);
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpu_rest(struct vcpu *vcpu, int64_t ns)
{
	atomic_store(&vcpu->rest, ns);
	if (!atomic_load(&vcpu->parked))
		pthread_kill(vcpu->thread, KICK_SIGNAL);
}

void vcpu_unpark(struct vcpu *vcpu)
{
	atomic_store(&vcpu->leave, false);
	__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	atomic_store(&vcpu->parked, false);
	give_order(vcpu, VCPU_RUN);
}

static void on_kick(int sig)
{
	(void)sig;	/* its coming ends AVMM_RUN; nothing else is wanted */
}

int vcpu_init_signals(void)
{
	struct sigaction action = { .sa_handler = on_kick };
	sigset_t kick;

	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	return sigaction(KICK_SIGNAL, &action, NULL) < 0 ? -errno : 0;
}
