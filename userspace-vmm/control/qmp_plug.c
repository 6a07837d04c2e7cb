// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that come and go while the guest runs. What comes is written as in a configuration, and
 * checked as one.
 */
#include "control/qmp_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_qemu.h"
#include "core/vm.h"
#include "machine/devices.h"

/* An id that was made up may be that of another device: it is made again. */
static int make_id(struct machine *machine, char **id, const char *kind, struct error *err)
{
	char name[32];

	for (unsigned int i = 0; device_find(&machine->devices, *id); i++) {
		snprintf(name, sizeof(name), "%s%u", kind, i);
		free(*id);
		*id = strdup(name);
		if (!*id)
			return error_set(err, -ENOMEM, "no memory");
	}
	return 0;
}

/* config has one device that can be plugged in, and all that was left open about it is decided. */
static int prepare(struct vm *vm, struct vm_config *config, struct error *err)
{
	struct disk_config *disk = config->disks.items;
	struct net_config *net = config->nets.items;
	struct share_config *share = config->shares.items;
	const char *kind = disk ? "disk" : net ? "net" : "share";
	char **id = disk ? &disk->id : net ? &net->id : share ? &share->id : NULL;
	bool named = id && *id;
	int ret;

	if (migration_busy(&vm->migration))
		return error_set(err, -EBUSY, "it is being saved or migrated");
	/* where it will be */
	config->ports = vm->config->ports;
	config->transport = vm->config->transport;
	if (config->disks.count + config->nets.count + config->shares.count != 1)
		return error_set(err, -EINVAL, "config: one disk, net or share is what can be plugged in");
	/* any will do: it is not of the device */
	ret = field_set_text(field_find(vm_config_fields, "kernel"), config, "kernel", "-", err);
	if (ret == 0)
		ret = vm_config_check(config, err);
	return ret < 0 || named ? ret : make_id(&vm->machine, id, kind, err);
}

/* Its id, which is valid as long as it; NULL: failed. Takes the descriptors in any case. */
static const char *plug(struct vm *vm, struct vm_config *config, struct error *err)
{
	struct disk_config *disk = config->disks.items;
	struct net_config *net = config->nets.items;
	struct share_config *share = config->shares.items;
	struct virtio_device *vdev = disk ? device_for_disk(&vm->machine, disk, err) :
				     net ? device_for_net(&vm->machine, net, err) :
				     device_for_share(&vm->machine, share, err);

	if (machine_plug(&vm->machine, vdev, disk ? &disk->port : net ? &net->port : &share->port,
			 err) < 0)
		return NULL;
	if (vm_config_move_devices(vm->config, config, err) < 0)
		vdev->dev.blocker = "there was no memory to note that it came";
	return vdev->dev.id;
}

static json_t *device_add_config(struct qmp_client *client, json_t *arguments, struct error *err)
{
	json_t *object = json_object_get(arguments, "config"), *result = NULL;
	struct vm *vm = client->server->vm;
	struct vm_config config;
	const char *id = NULL;

	if (vm_config_init(&config, err) < 0)
		return NULL;
	if (json_object_size(object) != 1)
		error_set(err, -EINVAL, "config: a device and nothing else is what can be plugged in");
	else if (fields_from_json(vm_config_fields, &config, object, err) < 0)
		;
	/* a number would be that of any file of ours; what comes by getfd has a name */
	else if (fields_have_fd(vm_config_fields, &config))
		error_set(err, -EINVAL, "config: a file descriptor is not what can be plugged in; "
			  "getfd, netdev_add and device_add take one");
	else if (prepare(vm, &config, err) == 0)
		id = plug(vm, &config, err);
	if (id)
		result = json_pack("{s:s}", "id", id);
	vm_config_free(&config);
	return result;
}

static json_t *device_del(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *id = json_string_value(json_object_get(arguments, "id"));
	struct vm *vm = client->server->vm;

	if (migration_busy(&vm->migration)) {
		error_set(err, -EBUSY, "it is being saved or migrated");
		return NULL;
	}
	return machine_unplug(&vm->machine, id, err) < 0 ? NULL : json_object();
}

/* ---- as QEMU has it: what is behind a device comes first, and has a name ---- */

/* Of what was there from the start only the name is known, which is enough to delete it. */
static void name_backends(json_t **all, const char *names)
{
	*all = json_object();
	while (names && *names) {
		size_t len = strcspn(names, ",");

		json_object_setn_new(*all, names, len, json_object());
		names += len + (names[len] == ',');
	}
}

void qmp_plug_init(struct qmp_server *server, const struct vm_config *config)
{
	name_backends(&server->nodes, config->node_names);
	name_backends(&server->netdevs, config->netdev_names);
}

static json_t *add_backend(json_t *all, const char *key, json_t *backend, struct error *err)
{
	const char *name = json_string_value(json_object_get(backend, key));

	if (json_object_get(all, name)) {
		error_set(err, -EEXIST, "there is a '%.64s' already", name);
		return NULL;
	}
	json_object_set(all, name, backend);
	return json_object();
}

static json_t *del_backend(json_t *all, const char *name, struct error *err)
{
	if (json_object_del(all, name) < 0) {
		error_set(err, -ENOENT, "there is no '%.64s'", name);
		return NULL;
	}
	return json_object();
}

static json_t *blockdev_add(struct qmp_client *client, json_t *arguments, struct error *err)
{
	return add_backend(client->server->nodes, "node-name", arguments, err);
}

/* A device that has it open keeps it. */
static json_t *blockdev_del(struct qmp_client *client, json_t *arguments, struct error *err)
{
	return del_backend(client->server->nodes,
			   json_string_value(json_object_get(arguments, "node-name")), err);
}

static const char *const fd_keys[] = { "fd", "vhostfd" };

#define NFDS	(sizeof(fd_keys) / sizeof(fd_keys[0]))

static void close_fds(json_t *netdev)
{
	for (size_t i = 0; i < NFDS; i++) {
		json_t *fd = json_object_get(netdev, fd_keys[i]);

		if (json_is_integer(fd))
			close(json_integer_value(fd));
		json_object_del(netdev, fd_keys[i]);
	}
}

/* Of a descriptor it has the name that getfd gave it, and then its number; it is the netdev's now. */
static json_t *netdev_add(struct qmp_client *client, json_t *arguments, struct error *err)
{
	json_t *netdev = json_copy(arguments), *result = NULL;
	bool good = true;

	for (size_t i = 0; i < NFDS; i++) {
		const char *name = json_string_value(json_object_get(arguments, fd_keys[i]));
		int fd = name ? qmp_take_fd(client, name) : -1;

		if (fd >= 0) {
			json_object_set_new(netdev, fd_keys[i], json_integer(fd));
		} else if (json_object_del(netdev, fd_keys[i]) == 0) {
			good = false;
			error_set(err, -ENOENT, "there is no file descriptor '%.64s'",
				  name ? name : "");
		}
	}
	if (good)
		result = add_backend(client->server->netdevs, "id", netdev, err);
	if (!result)
		close_fds(netdev);
	json_decref(netdev);
	return result;
}

static json_t *netdev_del(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *id = json_string_value(json_object_get(arguments, "id"));

	close_fds(json_object_get(client->server->netdevs, id));
	return del_backend(client->server->netdevs, id, err);
}

/* The device closes its descriptors when it ends, the netdev those that it has. */
static int own_fds(struct vm_config *config, struct error *err)
{
	struct net_config *net = config->nets.items;
	int *fds[] = { &net->fd, &net->vhost_fd };

	for (size_t i = 0; config->nets.count && i < NFDS; i++) {
		if (*fds[i] < 0)
			continue;
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, 0);
		if (*fds[i] >= 0)
			continue;
		error_set(err, -errno, "no file descriptor is free: %s", strerror(errno));
		if (i)
			close(net->fd);
		return err->code;
	}
	return 0;
}

static json_t *qemu_device_add(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct qmp_server *server = client->server;
	struct vm *vm = server->vm;
	struct qemu_config config;
	json_t *result = NULL;

	if (qemu_config_device(&config, vm->config, server->nodes, server->netdevs, arguments,
			       err) == 0 &&
	    prepare(vm, &config.vm, err) == 0 && own_fds(&config.vm, err) == 0 &&
	    plug(vm, &config.vm, err))
		result = json_object();
	qemu_config_free(&config);
	return result;
}

const struct qmp_command qmp_plug_commands[] = {
	{ "x-avmm-device-add", device_add_config },
	{ "device_add", qemu_device_add },
	{ "device_del", device_del },
	{ "blockdev-add", blockdev_add },
	{ "blockdev-del", blockdev_del },
	{ "netdev_add", netdev_add },
	{ "netdev_del", netdev_del },
	{ NULL, NULL },
};
