// SPDX-License-Identifier: GPL-2.0
#include "tests/fake_vm.h"

#include <errno.h>

struct vm fake_vm;

static struct vm_config config = { .cpus = 2, .append = "", .device = "/dev/avmm",
				   .serial.id = "serial0" };
static struct vcpu vcpus[2];

void fake_vm_init(void)
{
	fake_vm.config = &config;
	fake_vm.vcpus = vcpus;
	fake_vm.state = VM_RUNNING;
	fake_vm.end = VM_STOP_NONE;
	vcpus[0].exits[0] = 7;
	vcpus[1].id = 1;
}

const char *vm_state_name(enum vm_state state)
{
	return state == VM_RUNNING ? "running" : state == VM_PAUSED ? "paused" : "shutdown";
}

void vm_pause(struct vm *vm, enum vm_state why)
{
	/* a guest that test_migration.c runs is not in the midst of a step */
	fake_vm_lock();
	vm->state = why;
	fake_vm_unlock();
}

int vm_resume(struct vm *vm, struct error *err)
{
	if (vm->state == VM_SHUTDOWN)
		return error_set(err, -EBUSY, "off");
	/* as devices do: they look at their rings, and may have to wait for them */
	if (vm->memory.host)
		(void)*(volatile char *)(vm->memory.host + vm->memory.size / 4 * 3);
	vm->state = VM_RUNNING;
	return 0;
}

int vm_reset(struct vm *vm, bool by_guest, struct error *err)
{
	(void)by_guest;
	(void)err;
	vm->state = vm->state == VM_RUNNING ? VM_RUNNING : VM_PRELAUNCH;
	return 0;
}

int vm_power_button(struct vm *vm, struct error *err)
{
	(void)vm;
	return error_set(err, -EOPNOTSUPP, "no key");
}

void vm_quit(struct vm *vm, enum vm_stop reason)
{
	vm->end = reason;
}

const char *vcpu_exit_name(unsigned int row)
{
	return row == 0 ? "MMIO" : NULL;
}
