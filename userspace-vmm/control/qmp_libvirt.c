// SPDX-License-Identifier: GPL-2.0
/*
 * What libvirt's QEMU driver asks of a virtual machine beside what everybody does: its devices and
 * what is behind them, under QEMU's names.
 */
#include <errno.h>
#include <string.h>

#include "control/qemu_probe.h"
#include "control/qmp_vm.h"
#include "core/vm.h"
#include "virtio/blk.h"
#include "virtio/console.h"

/* Any device of the machine, in order. */
#define for_each_device(vm, dev) \
	for (struct device *dev = (vm)->machine.devices.first; dev; dev = dev->next)

static struct vm *vm_of(struct qmp_client *client)
{
	return client->server->vm;
}

/* ---- what is the same for all ---- */

static json_t *query_target(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)client;
	(void)arguments;
	(void)err;
	return qemu_constant("query-target");
}

static json_t *query_machines(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)client;
	(void)arguments;
	(void)err;
	return qemu_constant("query-machines");
}

/* Jobs, I/O threads, sets of descriptors: there are none. */
static json_t *nothing(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)client;
	(void)arguments;
	(void)err;
	return json_array();
}

/* ---- devices ---- */

static json_t *qom_list(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *path = json_string_value(json_object_get(arguments, "path"));
	json_t *all;

	if (strcmp(path, "/machine/peripheral")) {
		client->error_class = "DeviceNotFound";
		error_set(err, -ENOENT, "Device '%.64s' not found", path);
		return NULL;
	}
	all = json_pack("[{s:s, s:s}]", "name", "type", "type", "string");
	for_each_device(vm_of(client), dev)
		json_array_append_new(all, json_pack("{s:s, s:o}", "name", dev->id, "type",
						     json_sprintf("child<%s>", dev->ops->type)));
	return all;
}

/* open: the guest listens to it. */
static json_t *chardev(const struct chardev_config *config, const struct console *console, bool open)
{
	return json_pack("{s:s, s:s, s:b}", "label", config->label ? config->label : config->id,
			 "filename", console->name, "frontend-open", open);
}

static json_t *query_chardev(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct vm *vm = vm_of(client);
	json_t *all = json_array();

	(void)arguments;
	(void)err;
	json_array_append_new(all, chardev(&vm->config->serial, &vm->machine.console, true));
	for_each_device(vm, dev) {
		struct virtio_device *vdev = container_of(dev, struct virtio_device, dev);

		if (strcmp(dev->ops->type, "virtio-console"))
			continue;
		for (size_t i = 0; i < vm->config->consoles.count; i++) {
			const struct chardev_config *config = &vm->config->consoles.items[i];

			/* whether the guest listens to a port is not known here */
			json_array_append_new(all, chardev(config, virtio_console_port(vdev, i),
							   !config->name));
		}
	}
	return all;
}

/* ---- disks: those that we serve ourselves ---- */

/* A row for each of them. */
static json_t *each_disk(struct qmp_client *client,
			 json_t *(*row)(const char *id, const struct virtio_blk *blk,
					const struct virtio_blk_info *info))
{
	json_t *all = json_array();

	for_each_device(vm_of(client), dev) {
		struct virtio_blk_info info;
		struct virtio_blk *blk;

		if (strcmp(dev->ops->type, "virtio-blk"))
			continue;
		blk = virtio_blk_of(container_of(dev, struct virtio_device, dev));
		virtio_blk_get_info(blk, &info);
		json_array_append_new(all, row(dev->id, blk, &info));
	}
	return all;
}

static json_t *qdev_path(const char *id)
{
	return json_sprintf("/machine/peripheral/%s/virtio-backend", id);
}

/* What is behind it. */
static json_t *node_row(const char *id, const struct virtio_blk *blk,
			const struct virtio_blk_info *info)
{
	(void)id;
	(void)blk;
	return json_pack("{s:s, s:s, s:b, s:s, s:{s:s, s:s, s:I, s:I}}", "node-name", info->node,
			 "drv", "raw", "ro", info->readonly, "file", info->path, "image",
			 "filename", info->path, "format", "raw", "virtual-size",
			 (json_int_t)info->size, "actual-size", (json_int_t)info->size);
}

static json_t *block_row(const char *id, const struct virtio_blk *blk,
			 const struct virtio_blk_info *info)
{
	return json_pack("{s:s, s:o, s:b, s:b, s:s, s:o}", "device", "", "qdev", qdev_path(id),
			 "locked", 0, "removable", 0, "type", "unknown", "inserted",
			 node_row(id, blk, info));
}

static json_t *stats_row(const char *id, const struct virtio_blk *blk,
			 const struct virtio_blk_info *info)
{
	struct virtio_blk_stats stats;

	virtio_blk_get_stats(blk, &stats);
	return json_pack("{s:s, s:o, s:s, s:{s:I, s:I, s:I, s:I, s:I}}", "device", "", "qdev",
			 qdev_path(id), "node-name", info->node, "stats", "rd_bytes",
			 (json_int_t)stats.bytes[0], "rd_operations", (json_int_t)stats.ops[0],
			 "wr_bytes", (json_int_t)stats.bytes[1], "wr_operations",
			 (json_int_t)stats.ops[1], "flush_operations", (json_int_t)stats.flushes);
}

static json_t *query_block(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return each_disk(client, block_row);
}

static json_t *query_nodes(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return each_disk(client, node_row);
}

static json_t *query_blockstats(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return each_disk(client, stats_row);
}

const struct qmp_command qmp_libvirt_commands[] = {
	{ "query-target", query_target },
	{ "query-machines", query_machines },
	{ "query-iothreads", nothing },
	{ "query-jobs", nothing },
	{ "query-fdsets", nothing },
	{ "qom-list", qom_list },
	{ "query-chardev", query_chardev },
	{ "query-block", query_block },
	{ "query-named-block-nodes", query_nodes },
	{ "query-blockstats", query_blockstats },
	{ NULL, NULL },
};
