/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network card (virtio 1.2, 5.1) with one pair of queues, on a tap device or passt. Frames of a
 * tap device go through vhost-net where that is to be had.
 */
#ifndef AVMM_VIRTIO_NET_H
#define AVMM_VIRTIO_NET_H

#include "config/vm_config.h"
#include "virtio/virtio.h"

struct virtio_net;

struct virtio_net_stats {
	uint64_t packets[2], bytes[2];	/* that the guest received and sent, not through vhost-net */
	uint64_t dropped[2];
};

/*
 * USER, TAP or FD, whose descriptors it takes whatever it returns. incoming: the guest came from
 * elsewhere, and the network is told so.
 */
struct virtio_device *virtio_net_create(struct machine *machine, const struct net_config *config,
					bool incoming, struct error *err);

/* NULL: the device is another one. All on the main thread. */
struct virtio_net *virtio_net_of(struct virtio_device *vdev);

void virtio_net_get_stats(const struct virtio_net *net, struct virtio_net_stats *stats);

/* Plugs the cable in or out. */
void virtio_net_set_link(struct virtio_net *net, bool up);

#endif /* AVMM_VIRTIO_NET_H */
