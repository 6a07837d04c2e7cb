// SPDX-License-Identifier: GPL-2.0
/* Orders to devices of a VM that runs. */
#include <errno.h>
#include <string.h>

#include "control/qmp_vm.h"
#include "core/vm.h"
#include "virtio/balloon.h"
#include "virtio/blk.h"
#include "virtio/net.h"

static struct vm *vm_of(struct qmp_client *client)
{
	return client->server->vm;
}

/* The device of this type with this id, or the first of the type if id is NULL. */
static struct virtio_device *find(struct qmp_client *client, const char *type, const char *id,
				  struct error *err)
{
	for (struct device *dev = vm_of(client)->machine.devices.first; dev; dev = dev->next)
		if (!strcmp(dev->ops->type, type) && (!id || !strcmp(dev->id, id)))
			return container_of(dev, struct virtio_device, dev);
	client->error_class = "DeviceNotFound";
	if (id)
		error_set(err, -ENODEV, "there is no %s '%s'", type, id);
	else
		error_set(err, -ENODEV, "this VM has no %s", type);
	return NULL;
}

/* ---- balloon ---- */

static struct virtio_balloon *balloon_of(struct qmp_client *client, struct error *err)
{
	struct virtio_device *vdev = find(client, "virtio-balloon", NULL, err);

	if (vdev)
		return virtio_balloon_of(vdev);
	client->error_class = "DeviceNotActive";
	return NULL;
}

static json_t *balloon(struct qmp_client *client, json_t *arguments, struct error *err)
{
	json_int_t value = json_integer_value(json_object_get(arguments, "value"));
	struct virtio_balloon *balloon_dev = balloon_of(client, err);

	if (!balloon_dev)
		return NULL;
	if (value <= 0) {
		error_set(err, -EINVAL, "a guest with %lld bytes is none", (long long)value);
		return NULL;
	}
	virtio_balloon_set(balloon_dev, value);
	return json_object();
}

static json_t *query_balloon(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct virtio_balloon *balloon_dev = balloon_of(client, err);

	(void)arguments;
	return !balloon_dev ? NULL :
	       json_pack("{s:I}", "actual", (json_int_t)virtio_balloon_get(balloon_dev));
}

/* Under the names of QEMU's guest-stats; what the guest did not say is left out. */
static json_t *query_balloon_stats(struct qmp_client *client, json_t *arguments, struct error *err)
{
	static const char *const names[BALLOON_STATS] = {
		"stat-swap-in", "stat-swap-out", "stat-major-faults", "stat-minor-faults",
		"stat-free-memory", "stat-total-memory", "stat-available-memory",
		"stat-disk-caches", "stat-htlb-pgalloc", "stat-htlb-pgfail",
	};
	struct virtio_balloon *balloon_dev = balloon_of(client, err);
	struct virtio_balloon_stats stats;
	json_t *all = json_object();

	(void)arguments;
	if (!balloon_dev) {
		json_decref(all);
		return NULL;
	}
	virtio_balloon_get_stats(balloon_dev, &stats);
	for (unsigned int i = 0; i < BALLOON_STATS; i++)
		if (stats.values[i] != UINT64_MAX)
			json_object_set_new(all, names[i], json_integer(stats.values[i]));
	return json_pack("{s:I, s:o}", "last-update", (json_int_t)stats.updated, "stats", all);
}

/* ---- disks and networks ---- */

/* By its id, or by what is behind it. */
static struct virtio_blk *find_disk(struct qmp_client *client, const char *id, const char *node,
				    struct error *err)
{
	struct virtio_device *vdev;

	for (struct device *dev = vm_of(client)->machine.devices.first; dev && !id; dev = dev->next) {
		struct virtio_blk_info info;

		if (strcmp(dev->ops->type, "virtio-blk"))
			continue;
		vdev = container_of(dev, struct virtio_device, dev);
		virtio_blk_get_info(virtio_blk_of(vdev), &info);
		if (!strcmp(info.node, node))
			return virtio_blk_of(vdev);
	}
	vdev = find(client, "virtio-blk", id ? id : node, err);
	return vdev ? virtio_blk_of(vdev) : NULL;
}

static json_t *block_resize(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *id = json_string_value(json_object_get(arguments, "device"));
	const char *node = json_string_value(json_object_get(arguments, "node-name"));
	json_int_t size = json_integer_value(json_object_get(arguments, "size"));
	struct virtio_blk *blk;

	if (!id && !node) {
		error_set(err, -EINVAL, "'device' or 'node-name' is missing");
		return NULL;
	}
	blk = find_disk(client, id, node, err);
	return blk && virtio_blk_resize(blk, size, err) == 0 ? json_object() : NULL;
}

static json_t *set_link(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));
	struct virtio_device *vdev = find(client, "virtio-net", name, err);

	if (!vdev)
		return NULL;
	virtio_net_set_link(virtio_net_of(vdev),
			    json_is_true(json_object_get(arguments, "up")));
	return json_object();
}

const struct qmp_command qmp_dev_commands[] = {
	{ "balloon", balloon },
	{ "query-balloon", query_balloon },
	{ "x-avmm-query-balloon-stats", query_balloon_stats },
	{ "block_resize", block_resize },
	{ "set_link", set_link },
	{ NULL, NULL },
};
