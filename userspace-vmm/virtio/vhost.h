/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues that the host's kernel serves (drivers/vhost). All on the main thread.
 *
 * What it writes to RAM goes into memory->dirty, if that is there when the device starts. So
 * whoever switches it on or off pauses the devices for that.
 */
#ifndef AVMM_VIRTIO_VHOST_H
#define AVMM_VIRTIO_VHOST_H

#include "virtio/virtio.h"

struct vhost;

/* Of queues first..first+n-1. fd: of the opened path; -1: opened here. */
struct vhost *vhost_open(struct virtio_device *vdev, const char *path, int fd, unsigned int first,
			 unsigned int n, struct error *err);
/* May be NULL. */
void vhost_close(struct vhost *vhost);
int vhost_fd(const struct vhost *vhost);
/* What the kernel can, of the features whose meaning is the kernel's */
uint64_t vhost_features(const struct vhost *vhost);

/* With what the driver has set up and accepted; then the device's own ioctl sets it going. */
int vhost_start(struct vhost *vhost, struct error *err);
/* After the device's own ioctl has stopped it. */
void vhost_stop(struct vhost *vhost);

/* For both queues; tap -1: stop. 0 or a negative errno. */
int vhost_net_set_backend(struct vhost *vhost, int tap);

#endif /* AVMM_VIRTIO_VHOST_H */
