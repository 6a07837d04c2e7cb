// SPDX-License-Identifier: GPL-2.0
#include "machine/devices.h"

#include "virtio/balloon.h"
#include "virtio/blk.h"
#include "virtio/console.h"
#include "virtio/net.h"
#include "virtio/rng.h"
#include "virtio/vhost_user.h"
#include "virtio/vsock.h"

const char *const device_programs[] = { "passt", VIRTIOFSD_PLACES, NULL };

/* Its state comes from elsewhere. What is plugged in later is not meant. */
static bool is_incoming(const struct machine *machine)
{
	return machine->config->incoming && machine->vm < 0;
}

struct virtio_device *device_for_disk(struct machine *machine, const struct disk_config *config,
				      struct error *err)
{
	return config->socket ? vhost_user_blk_create(machine, config, err) :
	       virtio_blk_create(machine, config, is_incoming(machine), err);
}

struct virtio_device *device_for_net(struct machine *machine, const struct net_config *config,
				     struct error *err)
{
	return config->kind == NET_VHOST_USER ? vhost_user_net_create(machine, config, err) :
	       virtio_net_create(machine, config, is_incoming(machine), err);
}

struct virtio_device *device_for_share(struct machine *machine, const struct share_config *config,
				       struct error *err)
{
	return vhost_user_fs_create(machine, config, err);
}

int machine_plug_devices(struct machine *machine, struct error *err)
{
	struct vm_config *config = machine->config;
	uint64_t none = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < config->disks.count; i++)
		ret = machine_plug(machine, device_for_disk(machine, &config->disks.items[i], err),
				   &config->disks.items[i].port, err);
	for (size_t i = 0; ret == 0 && i < config->nets.count; i++)
		ret = machine_plug(machine, device_for_net(machine, &config->nets.items[i], err),
				   &config->nets.items[i].port, err);
	for (size_t i = 0; ret == 0 && i < config->shares.count; i++)
		ret = machine_plug(machine, device_for_share(machine, &config->shares.items[i], err),
				   &config->shares.items[i].port, err);
	if (ret == 0 && config->consoles.count)
		ret = machine_plug(machine, virtio_console_create(machine, "virtio-console",
								  config->consoles.items,
								  config->consoles.count, err),
				   &none, err);
	if (ret == 0 && config->balloon)
		ret = machine_plug(machine, virtio_balloon_create(machine, "balloon0", err), &none,
				   err);
	if (ret == 0 && config->vsock)
		ret = machine_plug(machine, virtio_vsock_create(machine, "vsock0", config->vsock,
								config->vsock_fd, err), &none, err);
	if (ret == 0 && config->rng)
		ret = machine_plug(machine, virtio_rng_create(machine, "rng0", err), &none, err);
	return ret;
}

void machine_log_switched(struct machine *machine)
{
	struct error err;

	for (struct device *dev = machine->devices.first; dev; dev = dev->next) {
		if (!dev->others_write)
			continue;
		dev->ops->pause(dev);
		/* one that cannot go on tells its driver */
		dev->ops->resume(dev, &err);
	}
}
