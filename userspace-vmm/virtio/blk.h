/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk (virtio 1.2, 5.2) on a raw file or block device.
 */
#ifndef AVMM_VIRTIO_BLK_H
#define AVMM_VIRTIO_BLK_H

#include "config/vm_config.h"
#include "virtio/virtio.h"

struct virtio_blk_stats {
	uint64_t ops[2], bytes[2];	/* of reads and writes that succeeded */
	uint64_t flushes;
	uint64_t discards;		/* and write-zeroes */
	uint64_t failed;		/* by the host; what the driver asks wrongly does not count */
};

/* Strings are the device's. */
struct virtio_blk_info {
	const char *node;		/* how clients of QMP call what is behind it */
	const char *path;		/* or its id, if it came as a descriptor */
	bool readonly;
	uint64_t size;			/* bytes */
};

/* The image is locked unless it is opened for a state that is still to come. */
struct virtio_device *virtio_blk_create(struct machine *machine, const struct disk_config *config,
					bool incoming, struct error *err);

/* NULL: the device is another one. All on the main thread. */
struct virtio_blk *virtio_blk_of(struct virtio_device *vdev);

void virtio_blk_get_info(const struct virtio_blk *blk, struct virtio_blk_info *info);
void virtio_blk_get_stats(const struct virtio_blk *blk, struct virtio_blk_stats *stats);

/* A file gets this size; of a block device, it is looked at what it has. The driver is told. */
int virtio_blk_resize(struct virtio_blk *blk, uint64_t size, struct error *err);

/* Who may run the VM has the image: the source of a migration gives it up when it hands over. */
int virtio_blk_lock(struct virtio_blk *blk, struct error *err);
void virtio_blk_unlock(struct virtio_blk *blk);

#endif /* AVMM_VIRTIO_BLK_H */
