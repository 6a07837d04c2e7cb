/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a part of the configuration to a device, not yet plugged in. What belongs to a kind of
 * device that has several forms is decided here.
 */
#ifndef AVMM_MACHINE_DEVICES_H
#define AVMM_MACHINE_DEVICES_H

#include "machine/virt.h"

/* What works for them in processes of its own, for launcher_start() */
extern const char *const device_programs[];

/* NULL: err is filled in. */
struct virtio_device *device_for_disk(struct machine *machine, const struct disk_config *config,
				      struct error *err);
struct virtio_device *device_for_net(struct machine *machine, const struct net_config *config,
				     struct error *err);
struct virtio_device *device_for_share(struct machine *machine, const struct share_config *config,
				       struct error *err);

#endif /* AVMM_MACHINE_DEVICES_H */
