// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that come and go while the guest runs. What comes is written as in a configuration, and
 * checked as one.
 */
#include "control/qmp_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/vm.h"
#include "machine/virt.h"
#include "virtio/blk.h"
#include "virtio/net.h"

/* A configuration with one list of one device. */
static int only_item(struct vm_config *config, json_t *object, struct error *err)
{
	size_t n = config->disks.count + config->nets.count;

	if (json_object_size(object) != 1 || n != 1)
		return error_set(err, -EINVAL, "config: one disk or one net is what can be plugged in");
	return 0;
}

static int parse(struct vm_config *config, json_t *object, struct error *err)
{
	int ret = vm_config_init(config, err);

	if (ret < 0)
		return ret;
	ret = fields_from_json(vm_config_fields, config, object, err);
	if (ret == 0)
		ret = only_item(config, object, err);
	/* any will do: it is not of the device */
	if (ret == 0)
		ret = field_set_text(field_find(vm_config_fields, "kernel"), config, "kernel", "-", err);
	if (ret == 0)
		ret = vm_config_check(config, err);
	if (ret < 0)
		vm_config_free(config);
	return ret;
}

/* A made-up id may be that of another device; then it is not made up but counted on. */
static int make_id(struct vm *vm, char **id, const char *prefix, bool given, struct error *err)
{
	char name[32];

	if (given || !device_find(&vm->machine.devices, *id))
		return 0;
	for (unsigned int i = 0; ; i++) {
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		if (!device_find(&vm->machine.devices, name))
			break;
	}
	free(*id);
	*id = strdup(name);
	return *id ? 0 : error_set(err, -ENOMEM, "no memory");
}

static bool has_id(json_t *object, const char *list)
{
	return json_object_get(json_array_get(json_object_get(object, list), 0), "id");
}

static int plug(struct vm *vm, struct vm_config *config, json_t *object, const char **id,
		struct error *err)
{
	struct machine *machine = &vm->machine;
	int ret;

	if (config->disks.count) {
		struct disk_config *disk = &config->disks.items[0];

		ret = make_id(vm, &disk->id, "disk", has_id(object, "disk"), err);
		if (ret < 0)
			return ret;
		*id = disk->id;
		return machine_plug(machine, virtio_blk_create(machine, disk, false, err), err);
	}
	ret = make_id(vm, &config->nets.items[0].id, "net", has_id(object, "net"), err);
	if (ret < 0)
		return ret;
	*id = config->nets.items[0].id;
	return machine_plug(machine, virtio_net_create(machine, &config->nets.items[0], false, err),
			    err);
}

static json_t *device_add_config(struct qmp_client *client, json_t *arguments, struct error *err)
{
	json_t *object = json_object_get(arguments, "config"), *result = NULL;
	struct vm *vm = client->server->vm;
	struct vm_config config;
	const char *id;

	if (parse(&config, object, err) < 0)
		return NULL;
	if (plug(vm, &config, object, &id, err) == 0)
		result = json_pack("{s:s}", "id", id);
	vm_config_free(&config);
	return result;
}

static json_t *device_del(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *id = json_string_value(json_object_get(arguments, "id"));

	return machine_unplug(&client->server->vm->machine, id, err) < 0 ? NULL : json_object();
}

const struct qmp_command qmp_plug_commands[] = {
	{ "x-avmm-device-add", device_add_config },
	{ "device_del", device_del },
	{ NULL, NULL },
};
