/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The balloon (virtio 1.2, 5.5): takes memory from the guest and gives it to the host, by order or
 * because the guest reports that it is free.
 */
#ifndef AVMM_VIRTIO_BALLOON_H
#define AVMM_VIRTIO_BALLOON_H

#include "virtio/virtio.h"

struct virtio_balloon;

/* 5.5.6.3: what the guest says of its memory, by tag; all ones: it did not say. */
#define BALLOON_STATS	10

struct virtio_balloon_stats {
	uint64_t values[BALLOON_STATS];
	int64_t updated;	/* seconds of the host's clock; 0: never */
};

struct virtio_device *virtio_balloon_create(struct machine *machine, const char *id,
					    struct error *err);

/* NULL: the device is another one. All on the main thread. */
struct virtio_balloon *virtio_balloon_of(struct virtio_device *vdev);

/* How much of its RAM the guest shall have, and has, in bytes. */
void virtio_balloon_set(struct virtio_balloon *balloon, uint64_t bytes);
uint64_t virtio_balloon_get(struct virtio_balloon *balloon);

/* What it said last, and asks for news. */
void virtio_balloon_get_stats(struct virtio_balloon *balloon, struct virtio_balloon_stats *stats);

#endif /* AVMM_VIRTIO_BALLOON_H */
