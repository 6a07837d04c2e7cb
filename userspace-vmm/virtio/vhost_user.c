// SPDX-License-Identifier: GPL-2.0
#include "virtio/vhost_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"
#include "util/process.h"
#include "util/unix_socket.h"
#include "virtio/vhost_user_message.h"

#define QUEUE_SIZE	256
#define CONFIG_MAX	64
#define PATIENCE_MS	10000		/* with an answer; qemu-storage-daemon may wait for its disk */
#define RETRY_S		1		/* between attempts to connect again */

#define BIT(n)		(1ULL << (n))

struct vhost_user {
	struct virtio_device vdev;	/* first */
	const char *option;
	const char *path;		/* to connect again; NULL: there is no second time */
	struct event_source source;	/* the socket; -1: nobody is there */
	struct event_source retry;	/* timerfd, set while nobody is there */
	struct event_source next;	/* the socket of who may be there and has said nothing yet */
	uint64_t features;		/* that the process has */
	uint64_t protocol;		/* features of the protocol that both have */
	bool active;			/* the process has the queues */
	/*
	 * Where the process notes what it has taken and not given back, for the one after it; -1: it
	 * has no such place. What is in there is theirs (vhost-user specification, "Inflight I/O
	 * tracking").
	 */
	int inflight;
	struct vu_inflight inflight_at;
	int log;			/* memfd, while somebody wants to know what is written */
	uint8_t *log_bits;
	size_t log_size;
	bool log_all;			/* nobody says, so all of RAM counts as written */
	struct process process;		/* virtiofsd of ours */
	uint8_t config[CONFIG_MAX];	/* vdev.lock */
};

static struct vhost_user *to_vu(struct virtio_device *vdev)
{
	return (struct vhost_user *)vdev;
}

/* ---- messages ---- */

static int send_message(struct vhost_user *vu, uint32_t request, const void *payload,
			uint32_t size, int fd)
{
	bool ack = vu->protocol & VU_P_REPLY_ACK && request != VU_SET_LOG_BASE;
	uint64_t result;
	int ret = vu_send(vu->source.fd, request, ack ? VU_FLAG_NEED_REPLY : 0, payload, size, fd,
			  PATIENCE_MS);

	if (ret == 0 && ack)
		ret = vu_receive(vu->source.fd, request, &result, sizeof(result), NULL,
				 PATIENCE_MS);
	return ret == 0 && ack && result ? -EREMOTEIO : ret;
}

static int send_u64(struct vhost_user *vu, uint32_t request, uint64_t value)
{
	return send_message(vu, request, &value, sizeof(value), -1);
}

static int send_state(struct vhost_user *vu, uint32_t request, uint32_t index, uint32_t num)
{
	const struct vu_vring_state state = { index, num };

	return send_message(vu, request, &state, sizeof(state), -1);
}

static int ask(struct vhost_user *vu, uint32_t request, const void *payload, uint32_t size,
	       void *answer, uint32_t answer_size)
{
	int ret = vu_send(vu->source.fd, request, 0, payload, size, -1, PATIENCE_MS);

	return ret < 0 ? ret :
	       vu_receive(vu->source.fd, request, answer, answer_size, NULL, PATIENCE_MS);
}

static int ask_u64(struct vhost_user *vu, uint32_t request, uint64_t *value)
{
	return ask(vu, request, NULL, 0, value, sizeof(*value));
}

/* ---- the connection ---- */

static void set_retry(struct vhost_user *vu, bool on)
{
	const struct itimerspec when = {
		.it_value.tv_sec = on ? RETRY_S : 0, .it_interval.tv_sec = on ? RETRY_S : 0,
	};

	if (vu->retry.fd >= 0)
		timerfd_settime(vu->retry.fd, 0, &when, NULL);
}

static void hang_up(struct vhost_user *vu)
{
	event_loop_remove(vu->vdev.loop, &vu->source);
	if (vu->source.fd >= 0)
		close(vu->source.fd);
	vu->source.fd = -1;
}

/*
 * What the process had taken and not given back is taken again, by it or by its successor. Without
 * VU_P_INFLIGHT that is right if it gave back in the order in which it took: nobody knows better.
 */
static void rewind_queues(struct vhost_user *vu)
{
	struct virtio_device *vdev = &vu->vdev;

	for (unsigned int q = 0; q < vdev->nqueues; q++)
		if (vdev->queues[q].memory)
			vdev->queues[q].last_avail = vring_used(&vdev->queues[q]);
}

static void lost(struct vhost_user *vu, const char *why)
{
	hang_up(vu);
	if (vu->active)
		rewind_queues(vu);
	vu->active = false;
	virtio_backend_event(&vu->vdev, false);
	if (vu->path) {
		log_error("%s: '%s': %s; waiting for it to come back", vu->vdev.dev.id, vu->path,
			  why);
		set_retry(vu, true);
		return;
	}
	log_error("%s: the process that serves it is gone: %s", vu->vdev.dev.id, why);
	if (vu->vdev.running)
		virtio_broken(&vu->vdev, "nobody serves it");
}

static void socket_ready(void *opaque)
{
	struct vhost_user *vu = opaque;
	char byte;
	ssize_t n = recv(vu->source.fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	/* nothing comes that we did not ask for */
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	lost(vu, n == 0 ? "it closed the connection" : n < 0 ? strerror(errno) :
	     "it speaks without being asked");
}

/* What comes first, without the answer */
static int greet(int fd)
{
	int ret = vu_send(fd, VU_SET_OWNER, 0, NULL, 0, -1, PATIENCE_MS);

	return ret < 0 ? ret : vu_send(fd, VU_GET_FEATURES, 0, NULL, 0, -1, PATIENCE_MS);
}

static int negotiate(struct vhost_user *vu)
{
	uint64_t offered, queues;
	int ret;

	vu->protocol = 0;
	ret = vu_receive(vu->source.fd, VU_GET_FEATURES, &vu->features, sizeof(vu->features),
			 NULL, PATIENCE_MS);
	if (ret < 0 || !(vu->features & VU_F_PROTOCOL_FEATURES))
		return ret;
	ret = ask_u64(vu, VU_GET_PROTOCOL_FEATURES, &offered);
	if (ret < 0)
		return ret;
	offered &= VU_P_MQ | VU_P_LOG_SHMFD | VU_P_REPLY_ACK | VU_P_CONFIG |
		   /* a frame may be lost */
		   (vu->vdev.ops->device_id == VIRTIO_ID_BLOCK ? VU_P_INFLIGHT : 0);
	ret = send_u64(vu, VU_SET_PROTOCOL_FEATURES, offered);
	if (ret < 0)
		return ret;
	vu->protocol = offered;
	if (!(offered & VU_P_MQ))
		return 0;
	ret = ask_u64(vu, VU_GET_QUEUE_NUM, &queues);
	return ret < 0 ? ret : queues < vu->vdev.nqueues ? -ENOSPC : 0;
}

static int read_config(struct vhost_user *vu, uint32_t size)
{
	struct vu_config config = { .size = size }, answer;
	int ret = ask(vu, VU_GET_CONFIG, &config, VU_CONFIG_HEADER + size, &answer,
		      VU_CONFIG_HEADER + size);

	if (ret < 0)
		return ret;
	pthread_mutex_lock(&vu->vdev.lock);
	memcpy(vu->config, answer.data, size);
	pthread_mutex_unlock(&vu->vdev.lock);
	return 0;
}

static int start_queues(struct vhost_user *vu, struct error *err);

/* A connection that stands and is greeted, fd, becomes ours. */
static int take_socket(struct vhost_user *vu, int fd, struct error *err)
{
	int ret;

	vu->source.fd = fd;
	ret = negotiate(vu);
	if (ret == 0)
		ret = event_loop_add(vu->vdev.loop, &vu->source, EPOLLIN | EPOLLRDHUP);
	if (ret == -ENOSPC)
		error_set(err, ret, "%s: the process has fewer queues than the %u that are needed",
			  vu->option, vu->vdev.nqueues);
	else if (ret < 0)
		error_set(err, ret, "%s: the process does not speak vhost-user: %s", vu->option,
			  strerror(-ret));
	if (ret < 0)
		hang_up(vu);
	return ret;
}

static void drop_next(struct vhost_user *vu)
{
	event_loop_remove(vu->vdev.loop, &vu->next);
	if (vu->next.fd >= 0)
		close(vu->next.fd);
	vu->next.fd = -1;
}

/* Whoever listens may not have come as far as to accept; only the first answer says so. */
static void retry_ready(void *opaque)
{
	struct vhost_user *vu = opaque;
	struct error err;
	uint64_t count;

	if (read(vu->retry.fd, &count, sizeof(count)) < 0 || vu->source.fd >= 0 ||
	    vu->next.fd >= 0)
		return;
	vu->next.fd = unix_connect(vu->option, vu->path, false, &err);
	if (vu->next.fd >= 0 &&
	    (greet(vu->next.fd) < 0 ||
	     event_loop_add(vu->vdev.loop, &vu->next, EPOLLIN | EPOLLRDHUP) < 0))
		drop_next(vu);
}

static void next_ready(void *opaque)
{
	struct vhost_user *vu = opaque;
	struct error err;
	int fd = vu->next.fd;

	event_loop_remove(vu->vdev.loop, &vu->next);
	vu->next.fd = -1;
	if (take_socket(vu, fd, &err) < 0)
		return;
	set_retry(vu, false);
	log_error("%s: '%s' is back", vu->vdev.dev.id, vu->path);
	virtio_backend_event(&vu->vdev, true);
	if (vu->vdev.features & ~(vu->features | vu->vdev.host_features)) {
		virtio_broken(&vu->vdev, "the process has lost features");
		return;
	}
	if (vu->vdev.running && start_queues(vu, &err) < 0)
		lost(vu, err.text);
}

/* ---- what it writes ---- */

static int make_log(struct vhost_user *vu)
{
	const struct memory *memory = vu->vdev.memory;

	vu->log_size = ((memory->base + memory->size) >> MEMORY_DIRTY_SHIFT) / 8 + 8;
	vu->log = memfd_create("avmm-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (vu->log < 0 || ftruncate(vu->log, vu->log_size) < 0)
		return -errno;
	fcntl(vu->log, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	vu->log_bits = mmap(NULL, vu->log_size, PROT_READ | PROT_WRITE, MAP_SHARED, vu->log, 0);
	if (vu->log_bits == MAP_FAILED) {
		vu->log_bits = NULL;
		return -errno;
	}
	return 0;
}

static int open_log(struct vhost_user *vu)
{
	struct vu_log log = { 0 };
	uint64_t ignored;
	int ret;

	if (!vu->vdev.memory->dirty)
		return 0;
	if (!(vu->protocol & VU_P_LOG_SHMFD) || !(vu->features & VU_F_LOG_ALL)) {
		vu->log_all = true;
		return 0;
	}
	/* that of a process that died goes on */
	ret = vu->log_bits ? 0 : make_log(vu);
	if (ret < 0)
		return ret;
	log.size = vu->log_size;
	ret = vu_send(vu->source.fd, VU_SET_LOG_BASE, 0, &log, sizeof(log), vu->log, PATIENCE_MS);
	return ret < 0 ? ret : vu_receive(vu->source.fd, VU_SET_LOG_BASE, &ignored,
					  sizeof(ignored), NULL, PATIENCE_MS);
}

static void unmap_log(struct vhost_user *vu)
{
	if (vu->log_bits)
		munmap(vu->log_bits, vu->log_size);
	if (vu->log >= 0)
		close(vu->log);
	vu->log_bits = NULL;
	vu->log = -1;
}

/* The log counts from guest address 0. */
static void collect_log(struct vhost_user *vu)
{
	struct memory *memory = vu->vdev.memory;
	uint64_t first = memory->base >> MEMORY_DIRTY_SHIFT;

	if (vu->log_all)
		memory_wrote(memory, memory->base, memory->size);
	for (uint64_t page = 0; vu->log_bits && page < memory->size >> MEMORY_DIRTY_SHIFT; page++)
		if (vu->log_bits[(first + page) / 8] >> (first + page) % 8 & 1)
			memory_wrote(memory, memory->base + (page << MEMORY_DIRTY_SHIFT), 1);
	vu->log_all = false;
	unmap_log(vu);
}

/* ---- start and stop ---- */

static int set_memory(struct vhost_user *vu)
{
	const struct memory *memory = vu->vdev.memory;
	const struct vu_memory table = {
		.n = 1,
		.region = { memory->base, memory->size, (uintptr_t)memory->host, 0 },
	};

	return send_message(vu, VU_SET_MEM_TABLE, &table, sizeof(table), memory->fd);
}

static int set_fd(struct vhost_user *vu, uint32_t request, unsigned int q, int fd)
{
	uint64_t index = q;

	return fd < 0 ? fd : send_message(vu, request, &index, sizeof(index), fd);
}

static int start_queue(struct vhost_user *vu, unsigned int q)
{
	struct virtio_device *vdev = &vu->vdev;
	const struct virtqueue *vq = &vdev->queues[q];
	const struct vu_vring_addr addr = {
		.index = q, .flags = vu->log_bits ? VU_ADDR_F_LOG : 0,
		.desc = (uintptr_t)vq->host_desc, .used = (uintptr_t)vq->host_used,
		.avail = (uintptr_t)vq->host_avail, .log = vq->used,
	};
	int ret;

	ret = send_state(vu, VU_SET_VRING_NUM, q, vq->num);
	if (ret == 0)
		ret = send_state(vu, VU_SET_VRING_BASE, q, vq->last_avail);
	if (ret == 0)
		ret = send_message(vu, VU_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	if (ret == 0)
		ret = set_fd(vu, VU_SET_VRING_CALL, q, virtio_queue_call_fd(vdev, q));
	if (ret == 0)
		ret = set_fd(vu, VU_SET_VRING_KICK, q, virtio_queue_kick_fd(vdev, q));
	if (ret == 0 && vu->features & VU_F_PROTOCOL_FEATURES)
		ret = send_state(vu, VU_SET_VRING_ENABLE, q, 1);
	/* what came while nobody was there */
	if (ret == 0)
		virtio_queue_kick(vdev, q);
	return ret;
}

static void forget_inflight(struct vhost_user *vu)
{
	if (vu->inflight >= 0)
		close(vu->inflight);
	vu->inflight = -1;
}

/* A place of the process's making for its notes, or what its predecessor noted. */
static int open_inflight(struct vhost_user *vu)
{
	struct vu_inflight *at = &vu->inflight_at;
	int ret;

	if (!(vu->protocol & VU_P_INFLIGHT))
		return 0;
	if (vu->inflight < 0) {
		*at = (struct vu_inflight) { .queues = vu->vdev.nqueues, .queue_size = QUEUE_SIZE };
		ret = vu_send(vu->source.fd, VU_GET_INFLIGHT_FD, 0, at, sizeof(*at), -1,
			      PATIENCE_MS);
		if (ret == 0)
			ret = vu_receive(vu->source.fd, VU_GET_INFLIGHT_FD, at, sizeof(*at),
					 &vu->inflight, PATIENCE_MS);
		if (ret == 0 && vu->inflight < 0)
			ret = -ENOMEM;	/* it could not make one */
		if (ret < 0)
			return ret;
	}
	return send_message(vu, VU_SET_INFLIGHT_FD, at, sizeof(*at), vu->inflight);
}

static int start_queues(struct vhost_user *vu, struct error *err)
{
	struct virtio_device *vdev = &vu->vdev;
	uint64_t features;
	int ret;

	ret = open_log(vu);
	features = (vdev->features & vu->features) | (vu->features & VU_F_PROTOCOL_FEATURES) |
		   (vu->log_bits ? VU_F_LOG_ALL : 0);
	if (ret == 0)
		ret = send_u64(vu, VU_SET_FEATURES, features);
	if (ret == 0)
		ret = open_inflight(vu);
	if (ret == 0)
		ret = set_memory(vu);
	for (unsigned int q = 0; ret == 0 && q < vdev->nqueues; q++)
		if (vdev->queues[q].memory)
			ret = start_queue(vu, q);
	if (ret < 0)
		return error_set(err, ret, "it does not take the queues: %s", strerror(-ret));
	vu->active = true;
	return 0;
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct vhost_user *vu = to_vu(vdev);
	int ret;

	if (vu->source.fd < 0) {
		/* the driver waits for its requests until somebody is there */
		if (vu->path)
			return 0;
		return error_set(err, -ENOTCONN, "nobody serves it");
	}
	ret = start_queues(vu, err);
	if (ret < 0 && vu->path) {
		lost(vu, err->text);
		return 0;
	}
	return ret;
}

static void stop(struct virtio_device *vdev)
{
	struct vhost_user *vu = to_vu(vdev);
	int ret = 0;

	for (unsigned int q = 0; vu->active && q < vdev->nqueues; q++) {
		struct vu_vring_state state = { q, 0 }, answer;

		if (!vdev->queues[q].memory)
			continue;
		/* the answer comes when nothing of this queue is in flight any more */
		ret = ask(vu, VU_GET_VRING_BASE, &state, sizeof(state), &answer, sizeof(answer));
		if (ret == 0 && answer.index != q)
			ret = -EPROTO;
		if (ret < 0) {
			lost(vu, strerror(-ret));
			break;
		}
		vdev->queues[q].last_avail = answer.num;
	}
	vu->active = false;
	collect_log(vu);
}

/* Notes of what a driver of before has asked for */
static void reset(struct virtio_device *vdev)
{
	forget_inflight(to_vu(vdev));
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	/* nobody is there; start_queue() repeats it */
	(void)vdev;
	(void)q;
}

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, to_vu(vdev)->config + offset, len);
}

/* ---- life ---- */

static void process_gone(void *opaque)
{
	struct vhost_user *vu = opaque;

	if (vu->source.fd >= 0)
		lost(vu, "it ended");
}

static void destroy(struct virtio_device *vdev)
{
	struct vhost_user *vu = to_vu(vdev);

	hang_up(vu);
	drop_next(vu);
	process_stop(&vu->process);
	event_loop_remove(vdev->loop, &vu->retry);
	if (vu->retry.fd >= 0)
		close(vu->retry.fd);
	unmap_log(vu);
	forget_inflight(vu);
	virtio_free(vdev);
	free(vu);
}

static const struct virtio_ops blk_ops = {
	.type = "vhost-user-blk", .device_id = VIRTIO_ID_BLOCK, .pci_class = 0x010000,
	.config_read = config_read, .start = start, .stop = stop, .reset = reset,
	.notify = notify, .destroy = destroy,
};

static const struct virtio_ops net_ops = {
	.type = "vhost-user-net", .device_id = VIRTIO_ID_NET, .pci_class = 0x020000,
	.config_read = config_read, .start = start, .stop = stop, .reset = reset,
	.notify = notify, .destroy = destroy,
};

static const struct virtio_ops fs_ops = {
	.type = "virtio-fs", .device_id = VIRTIO_ID_FS, .pci_class = 0x018000,
	.config_read = config_read, .start = start, .stop = stop, .reset = reset,
	.notify = notify, .destroy = destroy,
};

static int open_retry(struct vhost_user *vu, struct error *err)
{
	int ret;

	if (!vu->path)
		return 0;
	vu->retry = (struct event_source) {
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = retry_ready, .opaque = vu,
	};
	ret = vu->retry.fd < 0 ? -errno : event_loop_add(vu->vdev.loop, &vu->retry, EPOLLIN);
	if (ret < 0)
		return error_set(err, ret, "%s: there is no timer: %s", vu->option, strerror(-ret));
	return 0;
}

static struct vhost_user *create(struct machine *machine, const struct virtio_ops *ops,
				 const char *option, const char *id, const char *path,
				 unsigned int queues, uint32_t config_size, struct error *err)
{
	struct vhost_user *vu = calloc(1, sizeof(*vu));

	if (!vu || virtio_init(&vu->vdev, ops, id, queues, QUEUE_SIZE, config_size, 0, machine,
			       err) < 0) {
		if (!vu)
			error_set(err, -ENOMEM, "%s: no memory", option);
		free(vu);
		return NULL;
	}
	vu->vdev.dev.others_write = true;
	vu->option = option;
	vu->path = path;
	vu->log = -1;
	vu->inflight = -1;
	vu->retry.fd = -1;
	vu->source = (struct event_source) { .fd = -1, .ready = socket_ready, .opaque = vu };
	vu->next = (struct event_source) { .fd = -1, .ready = next_ready, .opaque = vu };
	return vu;
}

/*
 * fd is of a connected socket, and taken over. features: of the device, those that we let the
 * driver see if the process has them.
 */
static int attach(struct vhost_user *vu, int fd, uint64_t features, struct error *err)
{
	int ret;

	if (vu->vdev.memory->fd < 0) {
		close(fd);
		return error_set(err, -EINVAL, "%s: the RAM of this VM cannot be shared with a "
				 "process", vu->option);
	}
	/* if that fails there is no answer either */
	greet(fd);
	ret = take_socket(vu, fd, err);
	if (ret == 0)
		ret = open_retry(vu, err);
	if (ret < 0)
		return ret;
	if (!(vu->features & BIT(VIRTIO_F_VERSION_1)))
		return error_set(err, -EPROTO, "%s: the process has no virtio 1", vu->option);
	vu->vdev.host_features = (features | vu->vdev.host_features) & vu->features;
	return 0;
}

static int connect_path(struct vhost_user *vu, uint64_t features, struct error *err)
{
	int fd = unix_connect(vu->option, vu->path, true, err);

	return fd < 0 ? fd : attach(vu, fd, features, err);
}

#define BLK_CONFIG_SIZE	60u
#define BLK_FEATURES	(BIT(VIRTIO_BLK_F_SIZE_MAX) | BIT(VIRTIO_BLK_F_SEG_MAX) | \
			 BIT(VIRTIO_BLK_F_GEOMETRY) | BIT(VIRTIO_BLK_F_RO) | \
			 BIT(VIRTIO_BLK_F_BLK_SIZE) | BIT(VIRTIO_BLK_F_FLUSH) | \
			 BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_MQ) | \
			 BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES))

struct virtio_device *vhost_user_blk_create(struct machine *machine,
					    const struct disk_config *config, struct error *err)
{
	unsigned int queues = config->queues ? config->queues : 1;
	uint16_t num_queues = queues;
	struct vhost_user *vu = create(machine, &blk_ops, "--disk", config->id, config->socket,
				       queues, BLK_CONFIG_SIZE, err);
	int ret;

	if (!vu)
		return NULL;
	ret = connect_path(vu, BLK_FEATURES, err);
	if (ret == 0) {
		ret = vu->protocol & VU_P_CONFIG ? read_config(vu, BLK_CONFIG_SIZE) : -EOPNOTSUPP;
		if (ret < 0)
			error_set(err, ret, "--disk: '%s' does not say how large it is: %s",
				  config->socket, strerror(-ret));
	}
	if (ret < 0) {
		destroy(&vu->vdev);
		return NULL;
	}
	memcpy(vu->config + offsetof(struct virtio_blk_config, num_queues), &num_queues,
	       sizeof(num_queues));
	return &vu->vdev;
}

#define NET_CONFIG_SIZE	8u
#define NET_FEATURES	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | \
			 BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) | \
			 BIT(VIRTIO_NET_F_GUEST_ECN) | BIT(VIRTIO_NET_F_HOST_TSO4) | \
			 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN) | \
			 BIT(VIRTIO_NET_F_MRG_RXBUF))

struct virtio_device *vhost_user_net_create(struct machine *machine,
					    const struct net_config *config, struct error *err)
{
	const struct virtio_net_config ours = { .status = VIRTIO_NET_S_LINK_UP };
	struct vhost_user *vu = create(machine, &net_ops, "--net", config->id, config->socket, 2,
				       NET_CONFIG_SIZE, err);

	if (!vu)
		return NULL;
	if (connect_path(vu, NET_FEATURES, err) < 0) {
		destroy(&vu->vdev);
		return NULL;
	}
	/* these two are between the driver and us */
	vu->vdev.host_features |= BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS);
	memcpy(vu->config, &ours, NET_CONFIG_SIZE);
	memcpy(vu->config, config->mac, sizeof(config->mac));
	return &vu->vdev;
}

/* ---- shared folders ---- */

/*
 * virtiofsd wants a listening socket, and serves the first connection: ours, which waits there
 * before it starts. Nobody else gets at it, because it has no name any more by then.
 */
static int connected_pair(int *listener, struct error *err)
{
	char dir[] = "/tmp/avmm.XXXXXX";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = -1;

	*listener = -1;
	if (!mkdtemp(dir))
		return error_set(err, -errno, "--share: no place for a socket: %s",
				 strerror(errno));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dir);
	*listener = unix_listen("--share", addr.sun_path, err);
	if (*listener >= 0) {
		fcntl(*listener, F_SETFL, 0);
		fd = unix_connect("--share", addr.sun_path, true, err);
		if (fd < 0)
			close(*listener);
		unlink(addr.sun_path);
	}
	rmdir(dir);
	return fd;
}

static int start_virtiofsd(struct vhost_user *vu, const char *dir, int listener, struct error *err)
{
	static char *const places[] = { VIRTIOFSD_PLACES };
	char source[4096];
	int ret = -ENOENT;

	for (size_t i = 0; ret == -ENOENT && i < sizeof(places) / sizeof(places[0]); i++) {
		char *const rust[] = {
			places[i], "--fd=3", "--log-level=error", "--shared-dir", (char *)dir,
			NULL,
		};
		char *const qemu[] = {
			places[i], "--fd=3", "-o", "log_level=err", "-o", source, NULL,
		};
		bool old = strstr(places[i], "qemu");

		if (snprintf(source, sizeof(source), "source=%s", dir) >= (int)sizeof(source))
			return error_set(err, -ENAMETOOLONG, "--share: the path is too long");
		ret = process_start(&vu->process, old ? qemu : rust, listener, vu->vdev.loop, err);
	}
	if (ret == -ENOENT)
		error_set(err, ret, "--share: path= needs the program virtiofsd, which is not "
			  "installed");
	return ret;
}

static int check_folder(const char *path, struct error *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, -errno, "--share: '%s': %s", path, strerror(errno));
	close(fd);
	return 0;
}

static int start_share(struct vhost_user *vu, const struct share_config *config, struct error *err)
{
	int ret, fd, listener;

	if (!config->path) {
		fd = unix_connect("--share", config->socket, true, err);
		return fd < 0 ? fd : attach(vu, fd, 0, err);
	}
	ret = check_folder(config->path, err);
	if (ret < 0)
		return ret;
	fd = connected_pair(&listener, err);
	if (fd < 0)
		return fd;
	vu->process.ended = process_gone;
	vu->process.opaque = vu;
	ret = start_virtiofsd(vu, config->path, listener, err);
	close(listener);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return attach(vu, fd, 0, err);
}

struct virtio_device *vhost_user_fs_create(struct machine *machine,
					   const struct share_config *config, struct error *err)
{
	struct virtio_fs_config *ours;
	/* one queue for urgent requests and one for the others */
	struct vhost_user *vu = create(machine, &fs_ops, "--share", config->id, NULL, 2,
				       sizeof(*ours), err);

	if (!vu)
		return NULL;
	if (start_share(vu, config, err) < 0) {
		destroy(&vu->vdev);
		return NULL;
	}
	ours = (struct virtio_fs_config *)vu->config;
	memcpy(ours->tag, config->tag, strnlen(config->tag, sizeof(ours->tag)));
	ours->num_request_queues = 1;
	vu->vdev.dev.blocker = "the state of a shared folder is in virtiofsd";
	return &vu->vdev;
}
