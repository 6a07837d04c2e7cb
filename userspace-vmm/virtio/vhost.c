// SPDX-License-Identifier: GPL-2.0
#include "virtio/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct vhost {
	struct virtio_device *vdev;
	int fd;
	unsigned int first, n;
	uint64_t features;		/* that the kernel has */
};

/* A bit of the log for each of these, and the words of memory->dirty are such bits */
_Static_assert(MEMORY_DIRTY_SHIFT == 12 && VHOST_PAGE_SIZE == 4096, "log");

struct vhost *vhost_open(struct virtio_device *vdev, const char *path, int fd, unsigned int first,
			 unsigned int n, struct error *err)
{
	struct vhost *vhost = malloc(sizeof(*vhost));
	int code;

	if (!vhost) {
		error_set(err, -ENOMEM, "%s: no memory", vdev->dev.id);
		return NULL;
	}
	if (fd < 0)
		fd = open(path, O_RDWR | O_CLOEXEC);
	vdev->dev.others_write = true;
	*vhost = (struct vhost) { .vdev = vdev, .fd = fd, .first = first, .n = n };
	if (fd >= 0 && ioctl(fd, VHOST_SET_OWNER) == 0 &&
	    ioctl(fd, VHOST_GET_FEATURES, &vhost->features) == 0)
		return vhost;
	code = -errno;
	if (fd < 0)
		error_set(err, code, "cannot open %s: %s", path, strerror(-code));
	else
		error_set(err, code, "%s cannot be used: %s", path, strerror(-code));
	vhost_close(vhost);
	return NULL;
}

void vhost_close(struct vhost *vhost)
{
	if (!vhost)
		return;
	if (vhost->fd >= 0)
		close(vhost->fd);
	free(vhost);
}

int vhost_fd(const struct vhost *vhost)
{
	return vhost->fd;
}

uint64_t vhost_features(const struct vhost *vhost)
{
	return vhost->features & ~(1ULL << VHOST_F_LOG_ALL | 1ULL << VHOST_NET_F_VIRTIO_NET_HDR);
}

static int set_memory(struct vhost *vhost)
{
	const struct memory *memory = vhost->vdev->memory;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region;
	} table = {
		.head.nregions = 1,
		.region = {
			.guest_phys_addr = memory->base, .memory_size = memory->size,
			.userspace_addr = (uintptr_t)memory->host,
		},
	};

	return ioctl(vhost->fd, VHOST_SET_MEM_TABLE, &table) < 0 ? -errno : 0;
}

/* The log is the bitmap of the VMM itself, seen from guest address 0 on. */
static int set_log(struct vhost *vhost)
{
	const struct memory *memory = vhost->vdev->memory;
	uint64_t base = (uintptr_t)memory->dirty - (memory->base >> MEMORY_DIRTY_SHIFT) / 8;

	if (!memory->dirty)
		return 0;
	return ioctl(vhost->fd, VHOST_SET_LOG_BASE, &base) < 0 ? -errno : 0;
}

static int start_queue(struct vhost *vhost, unsigned int i)
{
	struct virtio_device *vdev = vhost->vdev;
	const struct virtqueue *vq = &vdev->queues[vhost->first + i];
	struct vhost_vring_state num = { .index = i, .num = vq->num };
	struct vhost_vring_state base = { .index = i, .num = vq->last_avail };
	struct vhost_vring_file kick = { .index = i }, call = { .index = i };
	struct vhost_vring_addr addr = {
		.index = i,
		.flags = vdev->memory->dirty ? 1 << VHOST_VRING_F_LOG : 0,
		.desc_user_addr = (uintptr_t)vq->host_desc,
		.avail_user_addr = (uintptr_t)vq->host_avail,
		.used_user_addr = (uintptr_t)vq->host_used,
		.log_guest_addr = vq->used,
	};

	kick.fd = virtio_queue_kick_fd(vdev, vhost->first + i);
	call.fd = virtio_queue_call_fd(vdev, vhost->first + i);
	if (call.fd < 0)
		return call.fd;
	if (ioctl(vhost->fd, VHOST_SET_VRING_NUM, &num) < 0 ||
	    ioctl(vhost->fd, VHOST_SET_VRING_BASE, &base) < 0 ||
	    ioctl(vhost->fd, VHOST_SET_VRING_ADDR, &addr) < 0 ||
	    ioctl(vhost->fd, VHOST_SET_VRING_CALL, &call) < 0 ||
	    ioctl(vhost->fd, VHOST_SET_VRING_KICK, &kick) < 0)
		return -errno;
	return 0;
}

int vhost_start(struct vhost *vhost, struct error *err)
{
	struct virtio_device *vdev = vhost->vdev;
	uint64_t features = vdev->features & vhost->features;
	int ret;

	if (vdev->memory->dirty) {
		if (!(vhost->features >> VHOST_F_LOG_ALL & 1))
			return error_set(err, -EOPNOTSUPP, "vhost does not say what it writes");
		features |= 1ULL << VHOST_F_LOG_ALL;
	}
	ret = set_memory(vhost);
	if (ret == 0)
		ret = set_log(vhost);
	if (ret == 0 && ioctl(vhost->fd, VHOST_SET_FEATURES, &features) < 0)
		ret = -errno;
	for (unsigned int i = 0; ret == 0 && i < vhost->n; i++) {
		if (!vdev->queues[vhost->first + i].ready)
			return error_set(err, -EINVAL, "the driver made only %u queues", i);
		ret = start_queue(vhost, i);
	}
	if (ret == 0)
		return 0;
	vhost_stop(vhost);
	return error_set(err, ret, "vhost cannot be started: %s", strerror(-ret));
}

void vhost_stop(struct vhost *vhost)
{
	for (unsigned int i = 0; i < vhost->n; i++) {
		struct virtqueue *vq = &vhost->vdev->queues[vhost->first + i];
		struct vhost_vring_state base = { .index = i };
		struct vhost_vring_file none = { .index = i, .fd = -1 };

		/* where we, or whoever gets our state, go on */
		if (ioctl(vhost->fd, VHOST_GET_VRING_BASE, &base) == 0)
			vq->last_avail = base.num;
		ioctl(vhost->fd, VHOST_SET_VRING_KICK, &none);
		ioctl(vhost->fd, VHOST_SET_VRING_CALL, &none);
	}
}

int vhost_net_set_backend(struct vhost *vhost, int tap)
{
	int ret = 0;

	for (unsigned int i = 0; i < vhost->n; i++) {
		struct vhost_vring_file file = { .index = i, .fd = tap };

		if (ioctl(vhost->fd, VHOST_NET_SET_BACKEND, &file) < 0 && !ret)
			ret = -errno;
	}
	return ret;
}
