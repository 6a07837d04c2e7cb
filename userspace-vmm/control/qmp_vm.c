// SPDX-License-Identifier: GPL-2.0
#include "control/qmp_vm.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/vm.h"

static struct vm *vm_of(struct qmp_client *client)
{
	return client->server->vm;
}

/* ---- queries ---- */

static json_t *query_status(struct qmp_client *client, json_t *arguments, struct error *err)
{
	enum vm_state state = vm_of(client)->state;

	(void)arguments;
	(void)err;
	return json_pack("{s:b, s:s}", "running", state == VM_RUNNING, "status",
			 vm_state_name(state));
}

static json_t *query_name(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return json_pack("{s:s*}", "name", vm_of(client)->config->name);
}

static json_t *query_uuid(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *uuid = vm_of(client)->config->uuid;

	(void)arguments;
	(void)err;
	return json_pack("{s:s}", "UUID", uuid ? uuid : "00000000-0000-0000-0000-000000000000");
}

static json_t *query_kvm(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)client;
	(void)arguments;
	(void)err;
	/* of which hypervisor it is makes no difference to who asks */
	return json_pack("{s:b, s:b}", "enabled", 1, "present", 1);
}

static json_t *query_cpus_fast(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct vm *vm = vm_of(client);
	json_t *all = json_array();

	(void)arguments;
	(void)err;
	for (unsigned int i = 0; i < vm->config->cpus; i++)
		json_array_append_new(all, json_pack("{s:i, s:i, s:o, s:s, s:{s:i, s:i, s:i}}",
			"cpu-index", i, "thread-id", (int)vm->vcpus[i].tid, "qom-path",
			json_sprintf("/machine/unattached/device[%u]", i), "target", "aarch64",
			"props", "socket-id", 0, "core-id", i, "thread-id", 0));
	return all;
}

static json_t *query_config(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return fields_to_json(vm_config_fields, vm_of(client)->config, 0);
}

/* Nanoseconds that a thread has used; no /proc is needed for it. */
static json_int_t cpu_time(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static json_t *vcpu_stats(const struct vcpu *vcpu)
{
	json_t *exits = json_object();
	clockid_t clock;
	const char *name;

	for (unsigned int row = 0; (name = vcpu_exit_name(row)); row++)
		if (vcpu->exits[row])
			json_object_set_new(exits, name, json_integer(vcpu->exits[row]));
	return json_pack("{s:i, s:I, s:o}", "cpu-index", vcpu->id, "cpu-time",
			 vcpu->started && pthread_getcpuclockid(vcpu->thread, &clock) == 0 ?
			 cpu_time(clock) : (json_int_t)0, "exits", exits);
}

static json_t *query_stats(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct vm *vm = vm_of(client);
	json_t *vcpus = json_array();

	(void)arguments;
	(void)err;
	for (unsigned int i = 0; i < vm->config->cpus; i++)
		json_array_append_new(vcpus, vcpu_stats(&vm->vcpus[i]));
	return json_pack("{s:s, s:I, s:I, s:o}", "status", vm_state_name(vm->state), "memory",
			 (json_int_t)vm->memory.size, "cpu-time",
			 cpu_time(CLOCK_PROCESS_CPUTIME_ID), "vcpus", vcpus);
}

/* ---- orders ---- */

static json_t *stop(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct vm *vm = vm_of(client);

	(void)arguments;
	if (vm->state == VM_INMIGRATE)
		vm->resume_after_incoming = false;
	else if (vm->state == VM_FINISH_MIGRATE)
		return error_set(err, -EBUSY, "it is being migrated"), NULL;
	else if (vm->state == VM_RUNNING)
		vm_pause(vm, VM_PAUSED);
	return json_object();
}

static json_t *cont(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	return vm_resume(vm_of(client), err) < 0 ? NULL : json_object();
}

static json_t *system_reset(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	return vm_reset(vm_of(client), false, err) < 0 ? NULL : json_object();
}

static json_t *system_powerdown(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	return vm_power_button(vm_of(client), err) < 0 ? NULL : json_object();
}

static json_t *quit(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	/* after the answer is out */
	vm_quit(vm_of(client), VM_STOP_QUIT);
	return json_object();
}

const struct qmp_command qmp_vm_commands[] = {
	{ "query-status", query_status },
	{ "query-name", query_name },
	{ "query-uuid", query_uuid },
	{ "query-kvm", query_kvm },
	{ "query-cpus-fast", query_cpus_fast },
	{ "x-avmm-query-config", query_config },
	{ "x-avmm-query-stats", query_stats },
	{ "stop", stop },
	{ "cont", cont },
	{ "system_reset", system_reset },
	{ "system_powerdown", system_powerdown },
	{ "quit", quit },
	{ NULL, NULL },
};
