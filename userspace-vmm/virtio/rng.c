// SPDX-License-Identifier: GPL-2.0
#include "virtio/rng.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define QUEUE_SIZE	16
/* 5.4.6: a device may fill less than it is given; nobody shall hold up the main thread */
#define MOST		4096

static uint32_t fill(const struct vq_element *elem)
{
	uint32_t done = 0;

	for (unsigned int i = elem->out_num; i < elem->out_num + elem->in_num; i++) {
		size_t len = elem->iov[i].iov_len;
		ssize_t n;

		if (len > MOST - done)
			len = MOST - done;
		n = getrandom(elem->iov[i].iov_base, len, 0);
		if (n > 0)
			done += n;
		if (n < (ssize_t)len)
			break;
	}
	return done;
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtqueue *vq = &vdev->queues[q];
	unsigned int left = QUEUE_SIZE;
	struct vq_element elem;
	int ret = 0;

	while (left && (ret = vring_pop(vq, &elem)) > 0) {
		vring_push(vq, &elem, fill(&elem));
		left--;
	}
	virtio_queue_interrupt(vdev, q);
	if (ret < 0)
		virtio_broken(vdev, "its queue is not as it should be");
	else if (!left)
		virtio_queue_kick(vdev, q);
}

static void destroy(struct virtio_device *vdev)
{
	virtio_free(vdev);
	free(vdev);
}

static const struct virtio_ops ops = {
	.type = "virtio-rng", .device_id = VIRTIO_ID_RNG, .pci_class = 0xff0000,
	.notify = notify, .destroy = destroy,
};

struct virtio_device *virtio_rng_create(struct machine *machine, const char *id, struct error *err)
{
	struct virtio_device *vdev = calloc(1, sizeof(*vdev));

	if (!vdev) {
		error_set(err, -ENOMEM, "%s: no memory", id);
		return NULL;
	}
	if (virtio_init(vdev, &ops, id, 1, QUEUE_SIZE, 0, 0, machine, err) < 0) {
		free(vdev);
		return NULL;
	}
	return vdev;
}
