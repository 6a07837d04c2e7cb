// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that come and go while the guest runs. What comes is written as in a configuration, and
 * checked as one.
 */
#include "control/qmp_vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/vm.h"
#include "machine/devices.h"

/* A configuration with one list of one device. */
static int only_item(struct vm_config *config, json_t *object, struct error *err)
{
	size_t n = config->disks.count + config->nets.count + config->shares.count;

	if (json_object_size(object) != 1 || n != 1)
		return error_set(err, -EINVAL, "config: one disk, net or share is what can be plugged in");
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

/*
 * An id that was made up may be that of another device: it is made again. object is
 * { "disk": [ { ... } ] }, and its only key is what ids begin with.
 */
static int make_id(struct machine *machine, char **id, json_t *object, struct error *err)
{
	const char *kind = json_object_iter_key(json_object_iter(object));
	json_t *given = json_object_get(json_array_get(json_object_get(object, kind), 0), "id");
	char name[32];

	for (unsigned int i = 0; !given && device_find(&machine->devices, *id); i++) {
		snprintf(name, sizeof(name), "%s%u", kind, i);
		free(*id);
		*id = strdup(name);
		if (!*id)
			return error_set(err, -ENOMEM, "no memory");
	}
	return 0;
}

/* Takes the device that the one list asks for; *id is valid as long as config. */
static struct virtio_device *create(struct machine *machine, struct vm_config *config, json_t *object,
				    const char **id, struct error *err)
{
	struct disk_config *disk = config->disks.items;
	struct net_config *net = config->nets.items;
	struct share_config *share = config->shares.items;
	char **name = config->disks.count ? &disk->id : config->nets.count ? &net->id : &share->id;

	if (make_id(machine, name, object, err) < 0)
		return NULL;
	*id = *name;
	if (config->disks.count)
		return device_for_disk(machine, disk, err);
	if (config->nets.count)
		return device_for_net(machine, net, err);
	return device_for_share(machine, share, err);
}

static json_t *device_add_config(struct qmp_client *client, json_t *arguments, struct error *err)
{
	json_t *object = json_object_get(arguments, "config"), *result = NULL;
	struct machine *machine = &client->server->vm->machine;
	struct vm_config config;
	const char *id = NULL;

	if (migration_busy(&client->server->vm->migration)) {
		error_set(err, -EBUSY, "it is being saved or migrated");
		return NULL;
	}
	if (parse(&config, object, err) < 0)
		return NULL;
	if (machine_plug(machine, create(machine, &config, object, &id, err), err) == 0)
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
