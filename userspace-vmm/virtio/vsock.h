/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sockets between host and guest (virtio 1.2, 5.10). The host's kernel serves them: vhost-vsock.
 */
#ifndef AVMM_VIRTIO_VSOCK_H
#define AVMM_VIRTIO_VSOCK_H

#include "virtio/virtio.h"

/* fd: open /dev/vhost-vsock; -1: opened here */
struct virtio_device *virtio_vsock_create(struct machine *machine, const char *id, uint64_t cid,
					  int fd, struct error *err);

#endif /* AVMM_VIRTIO_VSOCK_H */
