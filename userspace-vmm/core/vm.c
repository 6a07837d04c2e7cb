// SPDX-License-Identifier: GPL-2.0
#include "core/vm.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "core/log.h"
#include "libavmm.h"
#include "machine/memmap.h"
#include "migration/cpu_state.h"
#include "sandbox/sandbox.h"

/* ---- why it stops ---- */

bool vm_stop(struct vm *vm, enum vm_stop reason, const struct error *err)
{
	uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&vm->stop_lock);
	first = vm->stop == VM_STOP_NONE;
	if (first) {
		vm->stop = reason;
		if (err)
			vm->stop_error = *err;
	}
	pthread_mutex_unlock(&vm->stop_lock);
	/* for the event loop to look again; the counter cannot overflow */
	if (write(vm->stop_event.fd, &one, sizeof(one)) < 0)
		return first;
	return first;
}

static void stop_ready(void *opaque)
{
	struct vm *vm = opaque;
	uint64_t count;

	/* that it woke the loop is all */
	if (read(vm->stop_event.fd, &count, sizeof(count)) < 0)
		return;
}

void vm_quit(struct vm *vm, enum vm_stop reason)
{
	vm->end = reason;
}

static void quit(void *opaque)
{
	vm_quit(opaque, VM_STOP_QUIT);
}

static void signal_ready(void *opaque)
{
	struct signalfd_siginfo info;
	struct vm *vm = opaque;

	if (read(vm->signals.fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		/* stop like any program, with the terminal as it was */
		terminal_restore();
		raise(SIGSTOP);
		break;
	case SIGCONT:
		terminal_continue();
		break;
	default:
		vm->signal = info.ssi_signo;
		vm_quit(vm, VM_STOP_SIGNAL);
	}
}

static int open_events(struct vm *vm, struct error *err)
{
	sigset_t set;
	int fd, ret;

	ret = event_loop_init(&vm->loop);
	if (ret < 0)
		goto fail;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm->stop_event = (struct event_source) { .fd = fd, .ready = stop_ready, .opaque = vm };
	if (fd < 0) {
		ret = -errno;
		goto fail;
	}
	/* blocked in all threads, because the others are made after this */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	vm->signals = (struct event_source) { .fd = fd, .ready = signal_ready, .opaque = vm };
	if (fd < 0) {
		ret = -errno;
		goto fail;
	}
	ret = event_loop_add(&vm->loop, &vm->stop_event, EPOLLIN);
	if (ret == 0)
		ret = event_loop_add(&vm->loop, &vm->signals, EPOLLIN);
	if (ret == 0)
		ret = vcpu_init_signals();
	if (ret == 0)
		return 0;
fail:
	return error_set(err, ret, "the event loop cannot be set up: %s", strerror(-ret));
}

/* ---- creation ---- */

static int open_device(struct vm *vm, struct error *err)
{
	const char *path = vm->config->device;

	vm->dev = avmm_open(path);
	switch (vm->dev) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		if (!strcmp(path, AVMM_DEVICE_PATH))
			return error_set(err, vm->dev, "--device: %s is not there; load the "
					 "module avmm.ko, or use the kernel's own hypervisor with "
					 "--device /dev/kvm", path);
		return error_set(err, vm->dev, "--device: %s is not there; load the hypervisor "
				 "that it belongs to, or use %s", path, AVMM_DEVICE_PATH);
	case -ENOTTY:
	case -EINVAL:
		return error_set(err, vm->dev, "--device: %s is not a hypervisor", path);
	case -EPROTO:
		return error_set(err, vm->dev, "--device: %s speaks another version of the API "
				 "than %d", path, AVMM_API_VERSION);
	}
	if (vm->dev < 0)
		return error_set(err, vm->dev, "--device: cannot open %s: %s", path,
				 strerror(-vm->dev));
	return 0;
}

static int open_files(struct vm *vm, struct error *err)
{
	int ret = 0;

	if (vm->kernel.fd < 0 && vm->config->kernel)
		ret = file_open(&vm->kernel, "--kernel", vm->config->kernel, err);
	if (ret == 0 && vm->initrd.fd < 0 && vm->config->initrd)
		ret = file_open(&vm->initrd, "--initrd", vm->config->initrd, err);
	return ret;
}

static void device_event(void *opaque, const char *name, json_t *data)
{
	vm_event(opaque, name, data);
}

int vm_create(struct vm *vm, struct vm_config *config, struct error *err)
{
	struct error why;
	int ret = 0;

	*vm = (struct vm) {
		.config = config, .dev = -1, .fd = -1, .loop.epoll = -1,
		.stop_event.fd = -1, .signals.fd = -1, .kernel.fd = -1, .initrd.fd = -1,
	};
	pthread_mutex_init(&vm->stop_lock, NULL);
	/* one that comes from elsewhere has them in its RAM, and wants them when it starts again */
	if (!config->incoming)
		ret = open_files(vm, err);
	else if (open_files(vm, &why) < 0)
		log_error("%s; the guest can run, but not start again", why.text);
	if (ret == 0)
		ret = open_device(vm, err);
	if (ret == 0)
		ret = memory_alloc(&vm->memory, config, memmap[MEMMAP_RAM].base, err);
	if (ret == 0)
		ret = open_events(vm, err);
	if (ret == 0) {
		vm->vcpus = calloc(config->cpus, sizeof(vm->vcpus[0]));
		if (!vm->vcpus)
			ret = error_set(err, -ENOMEM, "--cpus: no memory for %llu of them",
					(unsigned long long)config->cpus);
	}
	if (ret == 0) {
		ret = machine_init(&vm->machine, config, &vm->loop, &vm->memory, quit, vm, err);
		vm->machine_made = ret == 0;
		vm->machine.event = device_event;
		vm->machine.event_opaque = vm;
	}
	if (ret == 0)
		ret = migration_init(&vm->migration, vm, err);
	if (ret < 0)
		vm_destroy(vm);
	return ret;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vm_destroy(struct vm *vm)
{
	for (unsigned int i = 0; vm->vcpus && i < vm->config->cpus; i++)
		vcpu_close(&vm->vcpus[i]);
	if (vm->machine_made)
		machine_close(&vm->machine);
	/* not before nobody wants a page of RAM any more */
	migration_close(&vm->migration);
	json_decref(vm->counters);
	free(vm->vcpus);
	close_fd(&vm->stop_event.fd);
	close_fd(&vm->signals.fd);
	event_loop_close(&vm->loop);
	memory_free(&vm->memory);
	close_fd(&vm->dev);
	file_close(&vm->initrd);
	file_close(&vm->kernel);
}

/* ---- one power cycle ---- */

/* Bits of the guest's physical addresses: enough for the end of RAM, and at least the 32 of KVM. */
static int create_vm(struct vm *vm, struct error *err)
{
	const struct memmap_entry *gicr = memmap_gicr(vm->config->cpus);
	uint64_t ram_last = memmap[MEMMAP_RAM].base + vm->memory.size - 1;
	uint64_t gicr_last = gicr->base + gicr->size - 1;
	uint64_t last = ram_last > gicr_last ? ram_last : gicr_last;
	int bits = 64 - __builtin_clzll(last);
	int limit = avmm_check_extension(vm->dev, AVMM_CAP_ARM_VM_IPA_SIZE);
	unsigned long type = bits < 32 ? 32 : bits;

	if (limit <= 0) {
		/* then it is 40 bits and cannot be chosen */
		limit = 40;
		type = 0;
	}
	if (bits > limit)
		return error_set(err, -E2BIG, "--memory: this host has %d bits for a guest's "
				 "addresses, and %d are needed", limit, bits);
	vm->fd = avmm_create_vm(vm->dev, type);
	if (vm->fd < 0)
		return error_set(err, vm->fd, "the virtual machine cannot be created: %s",
				 strerror(-vm->fd));
	return 0;
}

static int create_vcpus(struct vm *vm, struct error *err)
{
	int max = avmm_check_extension(vm->fd, AVMM_CAP_MAX_VCPUS);

	if (max > 0 && vm->config->cpus > (unsigned int)max)
		return error_set(err, -E2BIG, "--cpus: this host can have %d in a guest", max);
	while (vm->nvcpus < vm->config->cpus) {
		int ret = vcpu_power_on(&vm->vcpus[vm->nvcpus], err);

		if (ret < 0)
			return ret;
		vm->nvcpus++;
	}
	return 0;
}

static int load(struct vm *vm, struct error *err)
{
	uint64_t mpidr[VM_CONFIG_CPUS_MAX];
	struct boot_layout layout;
	int ret;

	for (unsigned int i = 0; i < vm->nvcpus; i++)
		mpidr[i] = vm->vcpus[i].mpidr;
	ret = open_files(vm, err);
	if (ret == 0)
		ret = machine_load(&vm->machine, vm->config, &vm->memory, &vm->kernel, &vm->initrd,
				   mpidr, &layout, err);
	if (ret < 0)
		return ret;
	memory_wrote(&vm->memory, vm->memory.base, vm->memory.size);
	log_verbose("entry 0x%llx, device tree 0x%llx, initrd 0x%llx..0x%llx",
		    (unsigned long long)layout.entry, (unsigned long long)layout.dtb,
		    (unsigned long long)layout.initrd_start, (unsigned long long)layout.initrd_end);
	return vcpu_set_entry(&vm->vcpus[0], layout.entry, layout.dtb, err);
}

static void power_off(struct vm *vm)
{
	machine_power_off(&vm->machine);
	while (vm->nvcpus)
		vcpu_power_off(&vm->vcpus[--vm->nvcpus]);
	dirty_log_detach(&vm->migration.dirty);
	close_fd(&vm->fd);
	json_decref(vm->counters);
	vm->counters = NULL;
}

static int power_on(struct vm *vm, struct error *err)
{
	int ret;

	vm->stop = VM_STOP_NONE;	/* no vCPU runs, nobody else looks */
	ret = create_vm(vm, err);
	if (ret == 0)
		ret = dirty_log_attach(&vm->migration.dirty, vm->fd, err);
	if (ret == 0)
		ret = create_vcpus(vm, err);
	if (ret == 0)
		ret = machine_power_on(&vm->machine, vm->config, vm->fd, err);
	return ret;
}

/* ---- states ---- */

static const struct {
	const char *name;
	const char *refusal;	/* why it cannot go on from there; NULL: it can */
} states[] = {
	[VM_PRELAUNCH] = { "prelaunch", NULL },
	[VM_INMIGRATE] = { "inmigrate", NULL },
	[VM_RUNNING] = { "running", NULL },
	[VM_PAUSED] = { "paused", NULL },
	[VM_FINISH_MIGRATE] = { "finish-migrate", "it is being migrated" },
	[VM_POSTMIGRATE] = { "postmigrate", NULL },
	[VM_SHUTDOWN] = { "shutdown", "the guest is off; reset it first" },
	[VM_GUEST_PANICKED] = { "guest-panicked", "the guest crashed; reset it first" },
	[VM_IO_ERROR] = { "io-error", NULL },
	[VM_INTERNAL_ERROR] = { "internal-error", "the guest cannot be run any further; reset it "
				"first" },
};

const char *vm_state_name(enum vm_state state)
{
	return states[state].name;
}

void vm_event(struct vm *vm, const char *name, json_t *data)
{
	if (vm->on_event)
		vm->on_event(vm->on_event_opaque, name, data);
	else
		json_decref(data);
}

static bool all_parked(void *opaque)
{
	struct vm *vm = opaque;

	for (unsigned int i = 0; i < vm->nvcpus; i++)
		if (!atomic_load(&vm->vcpus[i].parked))
			return false;
	return true;
}

static void park_vcpus(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		vcpu_park(&vm->vcpus[i]);
	/* one may be in a device that waits for us */
	event_loop_wait(&vm->loop, all_parked, vm);
}

static void unpark_vcpus(struct vm *vm)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		vcpu_unpark(&vm->vcpus[i]);
}

void vm_pause(struct vm *vm, enum vm_state why)
{
	bool ran = vm->state == VM_RUNNING;
	struct error err;

	vm->state = why;
	if (!ran)
		return;
	park_vcpus(vm);
	json_decref(vm->counters);
	vm->counters = cpu_counter_save(vm->vcpus[0].fd, &err);
	if (!vm->counters)
		log_error("%s", err.text);
	devices_pause(&vm->machine.devices);
	vm->devices_paused = true;
	vm_event(vm, "STOP", NULL);
}

int vm_resume(struct vm *vm, struct error *err)
{
	int ret = 0;

	if (vm->state == VM_RUNNING)
		return 0;
	if (states[vm->state].refusal)
		return error_set(err, -EBUSY, "%s", states[vm->state].refusal);
	if (vm->state == VM_INMIGRATE) {
		vm->resume_after_incoming = true;
		return 0;
	}
	if (vm->disks_free)
		ret = machine_lock_disks(&vm->machine, err);
	if (ret < 0)
		return ret;
	vm->disks_free = false;
	if (vm->devices_paused)
		ret = devices_resume(&vm->machine.devices, err);
	if (ret < 0) {
		devices_pause(&vm->machine.devices);
		return ret;
	}
	/* time that it stood still is not the guest's */
	if (vm->counters)
		ret = cpu_counter_load(vm->vcpus[0].fd, vm->counters, err);
	if (ret < 0)
		return ret;
	vm->devices_paused = false;
	vm->state = VM_RUNNING;
	unpark_vcpus(vm);
	vm_event(vm, "RESUME", NULL);
	return 0;
}

static json_t *who(bool guest, const char *reason)
{
	return json_pack("{s:b, s:s}", "guest", guest, "reason", reason);
}

int vm_reset(struct vm *vm, bool by_guest, struct error *err)
{
	bool runs = vm->state == VM_RUNNING;
	int ret;

	if (vm->state == VM_INMIGRATE || vm->state == VM_FINISH_MIGRATE)
		return error_set(err, -EBUSY, "it is being migrated");
	log_verbose("the guest starts again");
	park_vcpus(vm);
	power_off(vm);
	migration_settle(&vm->migration);
	ret = memory_clear(&vm->memory, err);
	if (ret == 0)
		ret = power_on(vm, err);
	if (ret == 0)
		ret = load(vm, err);
	if (ret < 0) {
		/* nothing is left that could go on */
		vm->stop_error = *err;
		vm_quit(vm, VM_STOP_ERROR);
		return ret;
	}
	vm_event(vm, "RESET", who(by_guest, by_guest ? "guest-reset" : "host-qmp-system-reset"));
	if (runs)
		unpark_vcpus(vm);
	else
		vm->state = VM_PRELAUNCH;
	return 0;
}

int vm_power_button(struct vm *vm, struct error *err)
{
	if (vm->state != VM_RUNNING)
		return error_set(err, -EBUSY, "the guest does not run");
	vm_event(vm, "POWERDOWN", NULL);
	machine_power_button(&vm->machine);
	return 0;
}

/* ---- requests ---- */

static void end_or_wait(struct vm *vm, enum vm_stop end, enum vm_state state)
{
	vm_pause(vm, state);
	if (!vm->config->no_shutdown)
		vm_quit(vm, end);
}

static void serve_stop(struct vm *vm)
{
	enum vm_stop reason;
	struct error err;

	/* it may go on here, and is served then */
	if (vm->state == VM_FINISH_MIGRATE)
		return;
	pthread_mutex_lock(&vm->stop_lock);
	reason = vm->stop;
	vm->stop = VM_STOP_NONE;
	pthread_mutex_unlock(&vm->stop_lock);
	/* what another vCPU wants of one that is off, or not to be any more */
	if (vm->end || states[vm->state].refusal)
		return;
	switch (reason) {
	case VM_STOP_RESET:
		if (!vm->config->no_reboot) {
			vm_reset(vm, true, &err);
			break;
		}
		vm_event(vm, "SHUTDOWN", who(true, "guest-reset"));
		end_or_wait(vm, VM_STOP_SHUTDOWN, VM_SHUTDOWN);
		break;
	case VM_STOP_SHUTDOWN:
		vm_event(vm, "SHUTDOWN", who(true, "guest-shutdown"));
		end_or_wait(vm, reason, VM_SHUTDOWN);
		break;
	case VM_STOP_CRASH:
		vm_event(vm, "GUEST_PANICKED", json_pack("{s:s}", "action", "pause"));
		end_or_wait(vm, reason, VM_GUEST_PANICKED);
		break;
	case VM_STOP_FAILED:
		if (vm->config->no_shutdown)
			log_error("%s", vm->stop_error.text);
		end_or_wait(vm, reason, VM_INTERNAL_ERROR);
		break;
	default:
		break;
	}
}

static int serve(struct vm *vm, struct error *err)
{
	int ret = event_loop_once(&vm->loop);

	if (ret < 0)
		return error_set(err, ret, "the event loop failed: %s", strerror(-ret));
	serve_stop(vm);
	return 0;
}

/* The guest's last words are out, or somebody does not want to wait for that. */
static bool is_drained(struct vm *vm)
{
	return vm->end == VM_STOP_QUIT || vm->end == VM_STOP_SIGNAL ||
	       console_idle(&vm->machine.console);
}

/*
 * As much as a process may need besides the guest's RAM, which is shared memory; but that of a clone
 * counts as its own, and so do the stacks of threads.
 */
static uint64_t own_memory(const struct vm_config *config)
{
	return config->memory + (config->cpus << 24) + (1ULL << 30);
}

static int start(struct vm *vm, struct error *err)
{
	int ret = 0;

	for (unsigned int i = 0; i < vm->config->cpus && ret == 0; i++)
		ret = vcpu_init(&vm->vcpus[i], vm, i, err);
	if (ret == 0)
		ret = power_on(vm, err);
	if (vm->config->incoming) {
		vm->state = VM_INMIGRATE;
		vm->resume_after_incoming = !vm->config->paused;
		vm->disks_free = true;
		devices_pause(&vm->machine.devices);
		vm->devices_paused = true;
	} else if (ret == 0) {
		ret = load(vm, err);
	}
	/* not before the start worked, so that its errors find the terminal as it was */
	if (ret == 0)
		ret = console_start(&vm->machine.console, err);
	if (ret == 0 && vm->config->incoming)
		ret = migration_incoming(&vm->migration, vm->config->incoming, err);
	/* all that it takes is open now */
	if (ret == 0 && vm->config->sandbox)
		ret = sandbox_enter(vm->config->user, own_memory(vm->config), err);
	if (ret == 0 && !vm->config->paused)
		ret = vm_resume(vm, err);
	return ret;
}

int vm_run(struct vm *vm, struct error *err)
{
	int ret = start(vm, err);

	if (ret == 0 && vm->on_start)
		vm->on_start(vm->on_start_opaque);
	while (ret == 0 && !vm->end)
		ret = serve(vm, err);
	if (vm->end == VM_STOP_QUIT)
		vm_event(vm, "SHUTDOWN", who(false, "host-qmp-quit"));
	if (vm->end == VM_STOP_SIGNAL)
		vm_event(vm, "SHUTDOWN", who(false, "host-signal"));
	migration_stop(&vm->migration);
	park_vcpus(vm);
	while (ret == 0 && !is_drained(vm))
		ret = serve(vm, err);
	power_off(vm);
	if (ret < 0)
		return ret;
	if (vm->end == VM_STOP_CRASH || vm->end == VM_STOP_FAILED || vm->end == VM_STOP_ERROR)
		*err = vm->stop_error;
	return vm->end;
}
