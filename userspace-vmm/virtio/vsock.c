// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of virtio 1.2. */
#include "virtio/vsock.h"

#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/iov.h"
#include "virtio/vhost.h"

#define QUEUE_SIZE	128
#define QUEUES		3
#define EVENTS		2	/* the queue that the host's kernel leaves to us */
#define PCI_CLASS	0x028000	/* network, other */

struct virtio_vsock {
	struct virtio_device vdev;	/* first */
	struct vhost *vhost;
	uint64_t cid;
	bool loaded;			/* connections of elsewhere are to be reset */
};

static struct virtio_vsock *to_vsock(struct virtio_device *vdev)
{
	return (struct virtio_vsock *)vdev;
}

static int set_running(struct virtio_vsock *vsock, int on)
{
	return ioctl(vhost_fd(vsock->vhost), VHOST_VSOCK_SET_RUNNING, &on) < 0 ? -errno : 0;
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct virtio_vsock *vsock = to_vsock(vdev);
	int ret = vhost_start(vsock->vhost, err);

	if (ret < 0)
		return ret;
	ret = set_running(vsock, 1);
	if (ret < 0) {
		vhost_stop(vsock->vhost);
		return error_set(err, ret, "vhost-vsock cannot be started: %s", strerror(-ret));
	}
	return 0;
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_vsock *vsock = to_vsock(vdev);

	set_running(vsock, 0);
	vhost_stop(vsock->vhost);
}

/* 5.10.6.7: the other ends of its connections did not come along. */
static void notify(struct virtio_device *vdev, unsigned int q)
{
	const struct virtio_vsock_event event = { VIRTIO_VSOCK_EVENT_TRANSPORT_RESET };
	struct virtio_vsock *vsock = to_vsock(vdev);
	struct vq_element elem;
	int ret;

	if (q != EVENTS || !vsock->loaded)
		return;
	ret = vring_pop(&vdev->queues[q], &elem);
	if (ret < 0)
		virtio_broken(vdev, "a queue is not as it should be");
	if (ret <= 0)
		return;
	vsock->loaded = false;
	vring_push(&vdev->queues[q], &elem,
		   iov_from_buf(elem.iov + elem.out_num, elem.in_num, 0, &event, sizeof(event)));
	virtio_queue_interrupt(vdev, q);
}

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (uint8_t *)&to_vsock(vdev)->cid + offset, len);
}

static json_t *save(struct virtio_device *vdev)
{
	(void)vdev;
	return json_object();
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	int ret = device_unpack(&vdev->dev, err, state, "{}");

	to_vsock(vdev)->loaded = ret == 0;
	return ret;
}

static void destroy(struct virtio_device *vdev)
{
	vhost_close(to_vsock(vdev)->vhost);
	virtio_free(vdev);
	free(vdev);
}

static const struct virtio_ops ops = {
	.type = "virtio-vsock", .device_id = VIRTIO_ID_VSOCK, .pci_class = PCI_CLASS,
	.config_read = config_read, .start = start, .stop = stop, .notify = notify, .save = save,
	.load = load, .destroy = destroy,
};

struct virtio_device *virtio_vsock_create(struct machine *machine, const char *id, uint64_t cid,
					  int fd, struct error *err)
{
	struct virtio_vsock *vsock = calloc(1, sizeof(*vsock));
	struct error why;

	if (!vsock) {
		error_set(err, -ENOMEM, "--vsock: no memory");
		return NULL;
	}
	if (virtio_init(&vsock->vdev, &ops, id, QUEUES, QUEUE_SIZE, sizeof(vsock->cid), 0, machine,
			err) < 0) {
		free(vsock);
		return NULL;
	}
	vsock->cid = cid;
	vsock->vhost = vhost_open(&vsock->vdev, "/dev/vhost-vsock", fd, 0, EVENTS, &why);
	if (!vsock->vhost)
		error_set(err, why.code, "--vsock: %s", why.text);
	else if (ioctl(vhost_fd(vsock->vhost), VHOST_VSOCK_SET_GUEST_CID, &cid) == 0)
		return &vsock->vdev;
	else if (errno == EADDRINUSE)
		error_set(err, -EADDRINUSE, "--vsock: another VM has the address %llu",
			  (unsigned long long)cid);
	else
		error_set(err, -errno, "--vsock: the address %llu is not to be had: %s",
			  (unsigned long long)cid, strerror(errno));
	destroy(&vsock->vdev);
	return NULL;
}
