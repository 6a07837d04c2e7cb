/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio 1.x devices against transports (virtio 1.2). A device (virtio/rng.c and its like) sees its
 * queues and its configuration space; a transport (virtio/mmio.c, virtio/pci.c) sees status,
 * features and where the queues are. Always offered by the core, and the first one insisted on:
 * VERSION_1, INDIRECT_DESC, EVENT_IDX. There is no packed ring and nothing legacy.
 *
 * Threads: a vCPU's thread is in the transport's registers and in the configuration space, with the
 * lock; all the rest is the main thread's. A change of the status goes there by
 * event_loop_call(), so that the driver sees it done when its write is over.
 */
#ifndef AVMM_VIRTIO_VIRTIO_H
#define AVMM_VIRTIO_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/event_loop.h"
#include "core/memory.h"
#include "dev/device.h"
#include "virtio/vring.h"

struct machine;
struct virtio_device;

struct virtio_ops {
	const char *type;	/* "virtio-rng" */
	uint16_t device_id;	/* VIRTIO_ID_* */
	uint32_t pci_class;	/* class, subclass and interface, e.g. 0x010000 */
	/* Within config_size; any thread, vdev->lock held. NULL: there is no configuration space. */
	void (*config_read)(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len);
	void (*config_write)(struct virtio_device *vdev, uint32_t offset, const void *buf,
			     uint32_t len);
	/* All below on the main thread. The driver is ready, or the machine goes on. May be NULL. */
	int (*start)(struct virtio_device *vdev, struct error *err);
	/*
	 * Reset, pause, unplug: on return nothing is in flight and what was done is in the used
	 * rings. May be NULL.
	 */
	void (*stop)(struct virtio_device *vdev);
	/* The driver's reset, or that of the machine; it is stopped. May be NULL. */
	void (*reset)(struct virtio_device *vdev);
	/* Between start and stop: the driver put something into queue q. */
	void (*notify)(struct virtio_device *vdev, unsigned int q);
	/* What of the state is the device's own; between pause and resume. NULL: nothing. */
	json_t *(*save)(struct virtio_device *vdev);
	int (*load)(struct virtio_device *vdev, json_t *state, struct error *err);
	/* Frees it and what is behind it. */
	void (*destroy)(struct virtio_device *vdev);
};

/* The main thread's, but for what says otherwise. */
struct virtio_transport_ops {
	/* Any thread. The driver's interrupt for a queue, or for the configuration: -1. */
	void (*interrupt)(struct virtio_device *vdev, int q);
	/* An eventfd that has the same effect. */
	int (*call_fd)(struct virtio_device *vdev, unsigned int q);
	/* Between these, notifications of queues go to their eventfds. */
	int (*start)(struct virtio_device *vdev, struct error *err);
	void (*stop)(struct virtio_device *vdev);
	/* What the driver's reset changes, and what only that of the machine does; may be NULL */
	void (*reset)(struct virtio_device *vdev);
	void (*power_on_reset)(struct virtio_device *vdev);
	json_t *(*save)(struct virtio_device *vdev);
	int (*load)(struct virtio_device *vdev, json_t *state, struct error *err);
	/* Off the bus: no vCPU comes to it any more. May be NULL. */
	void (*detach)(struct virtio_device *vdev);
	void (*destroy)(struct virtio_device *vdev);
};

struct virtio_device {
	struct device dev;
	struct device_ops dev_ops;	/* the core's, with the type of ops */
	const struct virtio_ops *ops;
	const struct virtio_transport_ops *transport;
	void *transport_data;
	struct machine *machine;
	struct event_loop *loop;
	struct memory *memory;
	uint64_t host_features;		/* offered */
	unsigned int nqueues;
	struct virtqueue *queues;
	uint32_t config_size;

	pthread_mutex_t lock;
	/* lock: */
	uint64_t features;		/* accepted by the driver; constant from FEATURES_OK on */
	uint8_t status;			/* written by the main thread */
	uint32_t generation;		/* of the configuration space */
	/* the main thread's, and written with the lock */
	bool started;
	/* the main thread's */
	bool running;			/* ops->start() succeeded, and ops->stop() is due */
	bool broken;
	bool loaded;			/* its state came from elsewhere, and it did not start yet */
	bool complained;		/* once is enough: a guest shall not fill the log */
};

/* A new device in its reset state; it is in no list yet. The caller's struct is zeroed. */
int virtio_init(struct virtio_device *vdev, const struct virtio_ops *ops, const char *id,
		unsigned int nqueues, uint16_t queue_max, uint32_t config_size,
		uint64_t host_features, struct machine *machine, struct error *err);
/* The reverse; ops->destroy() calls it, or whoever fails before the device is plugged. */
void virtio_free(struct virtio_device *vdev);

/* ---- for devices ---- */

static inline bool virtio_has(const struct virtio_device *vdev, unsigned int bit)
{
	return vdev->features >> bit & 1;
}

/* Interrupts the driver if it wants that. Once after a batch of vring_push(). */
void virtio_queue_interrupt(struct virtio_device *vdev, unsigned int q);
/* As if the driver had notified queue q: for work that is left for the next turn. */
void virtio_queue_kick(struct virtio_device *vdev, unsigned int q);
/* Any thread, without the lock. The configuration space has changed. */
void virtio_config_changed(struct virtio_device *vdev);
/* The process that serves the device is there or not: tells the clients of QMP. */
void virtio_backend_event(struct virtio_device *vdev, bool connected);
/* The driver broke the rules, or we cannot go on: it has to reset the device. */
void virtio_broken(struct virtio_device *vdev, const char *why);

/*
 * For queues that the kernel or another process serves, from start() to stop(): an eventfd that the
 * driver's notification writes, and one whose write interrupts the driver.
 */
int virtio_queue_kick_fd(struct virtio_device *vdev, unsigned int q);
int virtio_queue_call_fd(struct virtio_device *vdev, unsigned int q);

/* ---- for transports ---- */

/* A vCPU's thread, without the lock. */
void virtio_set_status(struct virtio_device *vdev, uint8_t status);
/* With the lock. */
void virtio_set_features(struct virtio_device *vdev, unsigned int word, uint32_t value);
/* With the lock: the queue, as long as the driver may still set it up; else NULL. */
struct virtqueue *virtio_queue_setup(struct virtio_device *vdev, unsigned int q);
/* Without the lock; what is outside reads as 0 and is not written. */
void virtio_config_read(struct virtio_device *vdev, uint64_t offset, void *buf, uint32_t len);
void virtio_config_write(struct virtio_device *vdev, uint64_t offset, const void *buf,
			 uint32_t len);

/* The two halves of a 64-bit address */
static inline void virtio_set_half(uint64_t *address, bool high, uint32_t value)
{
	if (high)
		*address = (uint32_t)*address | (uint64_t)value << 32;
	else
		*address = *address >> 32 << 32 | value;
}

#endif /* AVMM_VIRTIO_VIRTIO_H */
