/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The split virtqueue (virtio 1.2, 2.7), the device's side.
 *
 * What the driver writes may be anything, and may change while we look: each word is read once,
 * checked, and then used. All on the main thread, between vring_start() and vring_stop().
 */
#ifndef AVMM_VIRTIO_VRING_H
#define AVMM_VIRTIO_VRING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/event_loop.h"
#include "core/memory.h"

/* The most buffers in an element, and the most entries in a queue */
#define VQ_IOV_MAX	130
#define VQ_SIZE_MAX	1024

struct vring_desc_entry;

struct virtqueue {
	/* what the driver set; struct virtio_device's lock, and constant while the queue is used */
	uint16_t max;		/* size offered; a power of 2 */
	uint16_t num;		/* size chosen */
	bool ready;
	uint64_t desc;		/* guest addresses */
	uint64_t avail;
	uint64_t used;

	/* the main thread's */
	struct memory *memory;	/* NULL: not in use */
	const struct vring_desc_entry *host_desc;
	uint16_t *host_avail;	/* flags, idx, ring[num], used_event */
	uint8_t *host_used;	/* flags, idx, { id, len }[num], avail_event */
	bool event_idx;
	bool broken;
	uint16_t last_avail;	/* next entry of the available ring that we take */
	uint16_t used_idx;	/* next entry of the used ring that we write */
	uint16_t signalled;	/* used_idx at the last interrupt */
	bool signalled_valid;

	/* virtio.c: notifications */
	struct event_source kick;
	void *vdev;
};

struct vq_element {
	uint16_t head;
	unsigned int out_num;	/* buffers that the device reads; they come first */
	unsigned int in_num;	/* and that it writes */
	uint64_t out_len;	/* bytes of each; below 2^40 */
	uint64_t in_len;
	struct iovec iov[VQ_IOV_MAX];
	uint64_t addr[VQ_IOV_MAX];	/* guest addresses of the same */
};

/* From what the driver set. last_avail stays. -EINVAL: no queue can be there. */
int vring_start(struct virtqueue *vq, struct memory *memory, bool event_idx);
void vring_stop(struct virtqueue *vq);
/* Forgets what the driver set. */
void vring_reset(struct virtqueue *vq);

/*
 * 1: an element; 0: there is none, and the driver will notify us of the next; negative: the driver
 * broke the rules, and no more is to be had from this queue.
 */
int vring_pop(struct virtqueue *vq, struct vq_element *elem);
/* As if the last vring_pop() had not been. */
void vring_unpop(struct virtqueue *vq);
/* Gives it back with len bytes written into its buffers. */
void vring_push(struct virtqueue *vq, const struct vq_element *elem, uint32_t len);
/*
 * The same in two steps, for elements that the driver must see all at once. Before the second step
 * the last n that were popped and put can be taken back, as if they had not been.
 */
void vring_put(struct virtqueue *vq, const struct vq_element *elem, uint32_t len);
/* Must follow what is written into the first len bytes of its buffers once it is put. */
void vring_wrote(struct virtqueue *vq, const struct vq_element *elem, uint32_t len);
void vring_publish(struct virtqueue *vq);
void vring_take_back(struct virtqueue *vq, unsigned int n);
/* How many were given back since ever, whoever did it */
uint16_t vring_used(const struct virtqueue *vq);
/* Whether the driver wants an interrupt for what was pushed since this was asked last. */
bool vring_wants_interrupt(struct virtqueue *vq);

#endif /* AVMM_VIRTIO_VRING_H */
