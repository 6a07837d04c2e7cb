/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices that another process serves: the front end of the vhost-user protocol. The process maps
 * all of RAM, so it is trusted with the guest, but not with us: its answers are checked, and none
 * is waited for longer than some seconds. All on the main thread.
 */
#ifndef AVMM_VIRTIO_VHOST_USER_H
#define AVMM_VIRTIO_VHOST_USER_H

#include "config/vm_config.h"
#include "virtio/virtio.h"

/* Where distributions have it. The one that came with QEMU has other options than its successor. */
#define VIRTIOFSD_PLACES	"virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd", \
				"/usr/lib/qemu/virtiofsd"

/* On the socket of qemu-storage-daemon or its like */
struct virtio_device *vhost_user_blk_create(struct machine *machine,
					    const struct disk_config *config, struct error *err);
struct virtio_device *vhost_user_net_create(struct machine *machine,
					    const struct net_config *config, struct error *err);
/* virtio-fs (virtio 1.2, 5.11), on a virtiofsd that we start or on the socket of one */
struct virtio_device *vhost_user_fs_create(struct machine *machine,
					   const struct share_config *config, struct error *err);

#endif /* AVMM_VIRTIO_VHOST_USER_H */
