// SPDX-License-Identifier: GPL-2.0
/*
 * A reset is a new VM: the interrupt controller in the kernel has no reset, and a VM that is made
 * anew has no state to forget. The process, the console and the mapping of the RAM stay.
 */
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

static enum vm_stop stopped(struct vm *vm)
{
	enum vm_stop reason;

	pthread_mutex_lock(&vm->stop_lock);
	reason = vm->stop;
	pthread_mutex_unlock(&vm->stop_lock);
	return reason;
}

static void stop_ready(void *opaque)
{
	struct vm *vm = opaque;
	uint64_t count;

	/* that it woke the loop is all */
	if (read(vm->stop_event.fd, &count, sizeof(count)) < 0)
		return;
}

/* What the user or the system wants counts more than what the guest wants. */
static void override_stop(struct vm *vm, enum vm_stop reason)
{
	pthread_mutex_lock(&vm->stop_lock);
	vm->stop = reason;
	pthread_mutex_unlock(&vm->stop_lock);
}

static void quit(void *opaque)
{
	override_stop(opaque, VM_STOP_QUIT);
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
		override_stop(vm, VM_STOP_SIGNAL);
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

/* What the configuration has words for, but nothing here makes yet; who makes it takes out its row. */
static int check_made(const struct vm_config *config, struct error *err)
{
	const struct {
		const char *name;
		bool wanted;
	} missing[] = {
		{ "firmware", config->firmware },
		{ "disk", config->disks.count },
		{ "net", config->nets.count },
		{ "share", config->shares.count },
		{ "serial", config->serial.kind != CHARDEV_STDIO || config->serial.log },
		{ "console", config->consoles.count },
		{ "balloon", config->balloon },
		{ "vsock", config->vsock },
		{ "incoming", config->incoming },
		{ "control", config->control },
	};

	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++)
		if (missing[i].wanted)
			return error_set(err, -EOPNOTSUPP, "--%s: this version does not have it",
					 missing[i].name);
	return 0;
}

int vm_create(struct vm *vm, const struct vm_config *config, struct error *err)
{
	int ret;

	*vm = (struct vm) {
		.config = config, .dev = -1, .fd = -1, .loop.epoll = -1,
		.stop_event.fd = -1, .signals.fd = -1, .kernel.fd = -1, .initrd.fd = -1,
	};
	pthread_mutex_init(&vm->stop_lock, NULL);
	ret = check_made(config, err);
	if (ret == 0)
		ret = file_open(&vm->kernel, "--kernel", config->kernel, err);
	if (ret == 0 && config->initrd)
		ret = file_open(&vm->initrd, "--initrd", config->initrd, err);
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
	}
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
	if (vm->machine_made)
		machine_close(&vm->machine);
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
	uint64_t last = memmap[MEMMAP_RAM].base + vm->memory.size - 1;
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

static int map_memory(struct vm *vm, struct error *err)
{
	int ret = avmm_map_memory(vm->fd, 0, 0, memmap[MEMMAP_RAM].base, vm->memory.host,
				  vm->memory.size);

	if (ret < 0)
		return error_set(err, ret, "--memory: the guest cannot be given its RAM: %s",
				 strerror(-ret));
	return 0;
}

static int create_vcpus(struct vm *vm, struct error *err)
{
	int max = avmm_check_extension(vm->fd, AVMM_CAP_MAX_VCPUS);

	if (max > 0 && vm->config->cpus > (unsigned int)max)
		return error_set(err, -E2BIG, "--cpus: this host can have %d in a guest", max);
	while (vm->nvcpus < vm->config->cpus) {
		int ret = vcpu_create(&vm->vcpus[vm->nvcpus], vm, vm->nvcpus, err);

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
	ret = machine_load(&vm->machine, vm->config, &vm->memory, &vm->kernel, &vm->initrd, mpidr,
			   &layout, err);
	if (ret < 0)
		return ret;
	log_verbose("entry 0x%llx, device tree 0x%llx, initrd 0x%llx..0x%llx",
		    (unsigned long long)layout.entry, (unsigned long long)layout.dtb,
		    (unsigned long long)layout.initrd_start, (unsigned long long)layout.initrd_end);
	return vcpu_set_entry(&vm->vcpus[0], layout.entry, layout.dtb, err);
}

static void stop_vcpus(struct vm *vm)
{
	/* all are kicked before the first is waited for */
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		vcpu_kick(&vm->vcpus[i]);
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		vcpu_join(&vm->vcpus[i]);
}

static void power_off(struct vm *vm)
{
	machine_power_off(&vm->machine);
	while (vm->nvcpus)
		vcpu_destroy(&vm->vcpus[--vm->nvcpus]);
	close_fd(&vm->fd);
}

static int power_on(struct vm *vm, struct error *err)
{
	int ret;

	vm->stop = VM_STOP_NONE;	/* no vCPU runs, nobody else looks */
	ret = create_vm(vm, err);
	if (ret == 0)
		ret = map_memory(vm, err);
	if (ret == 0)
		ret = create_vcpus(vm, err);
	if (ret == 0)
		ret = machine_power_on(&vm->machine, vm->config, vm->fd, err);
	if (ret == 0)
		ret = load(vm, err);
	return ret;
}

static int start_vcpus(struct vm *vm, struct error *err)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		int ret = vcpu_start(&vm->vcpus[i], err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int run_loop(struct vm *vm, bool (*done)(struct vm *vm), struct error *err)
{
	while (!done(vm)) {
		int ret = event_loop_once(&vm->loop);

		if (ret < 0)
			return error_set(err, ret, "the event loop failed: %s", strerror(-ret));
	}
	return 0;
}

static bool is_stopped(struct vm *vm)
{
	return stopped(vm) != VM_STOP_NONE;
}

/* The guest's last words are out, or somebody does not want to wait for that. */
static bool is_drained(struct vm *vm)
{
	enum vm_stop reason = stopped(vm);

	return reason == VM_STOP_QUIT || reason == VM_STOP_SIGNAL ||
	       console_idle(&vm->machine.console);
}

/* Returns the reason it stopped for, or a negative errno. */
static int power_cycle(struct vm *vm, bool first, struct error *err)
{
	int ret;

	ret = power_on(vm, err);
	/* not before the first start worked, so that its errors find the terminal as it was */
	if (ret == 0 && first)
		ret = console_start(&vm->machine.console, err);
	if (ret == 0)
		ret = start_vcpus(vm, err);
	if (ret == 0)
		ret = run_loop(vm, is_stopped, err);
	stop_vcpus(vm);
	if (ret == 0)
		ret = run_loop(vm, is_drained, err);
	power_off(vm);
	if (ret < 0)
		return ret;
	if (vm->stop == VM_STOP_CRASH || vm->stop == VM_STOP_FAILED)
		*err = vm->stop_error;
	return vm->stop;
}

int vm_run(struct vm *vm, struct error *err)
{
	bool first = true;
	int ret;

	for (;;) {
		ret = power_cycle(vm, first, err);
		if (ret != VM_STOP_RESET)
			return ret;
		log_verbose("the guest starts again");
		ret = memory_clear(&vm->memory, err);
		if (ret < 0)
			return ret;
		first = false;
	}
}
