// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of virtio 1.2. */
#include "virtio/virtio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/log.h"
#include "machine/virt.h"

#define CORE_FEATURES	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
			 1ULL << VIRTIO_RING_F_EVENT_IDX)

/* ---- queues ---- */

static void kick_ready(void *opaque)
{
	struct virtqueue *vq = opaque;
	struct virtio_device *vdev = vq->vdev;
	uint64_t count;

	if (read(vq->kick.fd, &count, sizeof(count)) < 0)
		return;
	if (vdev->running && vq->memory && !vdev->broken)
		vdev->ops->notify(vdev, vq - vdev->queues);
}

void virtio_queue_kick(struct virtio_device *vdev, unsigned int q)
{
	uint64_t one = 1;

	if (write(vdev->queues[q].kick.fd, &one, sizeof(one)) < 0)
		return;		/* the counter is full, so it is kicked already */
}

void virtio_queue_interrupt(struct virtio_device *vdev, unsigned int q)
{
	if (vring_wants_interrupt(&vdev->queues[q]))
		vdev->transport->interrupt(vdev, q);
}

int virtio_queue_kick_fd(struct virtio_device *vdev, unsigned int q)
{
	event_loop_remove(vdev->loop, &vdev->queues[q].kick);
	return vdev->queues[q].kick.fd;
}

int virtio_queue_call_fd(struct virtio_device *vdev, unsigned int q)
{
	return vdev->transport->call_fd(vdev, q);
}

/* ---- start and stop, pause and resume ---- */

static void set_started(struct virtio_device *vdev, bool started)
{
	pthread_mutex_lock(&vdev->lock);
	vdev->started = started;
	pthread_mutex_unlock(&vdev->lock);
}

static void stop(struct virtio_device *vdev)
{
	if (!vdev->started)
		return;
	/* while its last interrupts still find their way */
	if (vdev->running && vdev->ops->stop)
		vdev->ops->stop(vdev);
	vdev->running = false;
	set_started(vdev, false);
	vdev->transport->stop(vdev);
	for (unsigned int q = 0; q < vdev->nqueues; q++) {
		event_loop_remove(vdev->loop, &vdev->queues[q].kick);
		vring_stop(&vdev->queues[q]);
	}
}

static int start_queues(struct virtio_device *vdev, struct error *err)
{
	for (unsigned int q = 0; q < vdev->nqueues; q++) {
		struct virtqueue *vq = &vdev->queues[q];
		int ret;

		if (!vq->ready)
			continue;
		ret = vring_start(vq, vdev->memory, virtio_has(vdev, VIRTIO_RING_F_EVENT_IDX));
		if (ret < 0)
			return error_set(err, ret, "queue %u is not in RAM", q);
		ret = event_loop_add(vdev->loop, &vq->kick, EPOLLIN);
		if (ret < 0)
			return error_set(err, ret, "queue %u: %s", q, strerror(-ret));
	}
	return 0;
}

static int start(struct virtio_device *vdev, struct error *err)
{
	int ret;

	vdev->broken = false;
	set_started(vdev, true);
	ret = start_queues(vdev, err);
	if (ret == 0)
		ret = vdev->transport->start(vdev, err);
	if (ret == 0 && vdev->ops->start)
		ret = vdev->ops->start(vdev, err);
	vdev->running = ret == 0;
	/* a notification of before, or that a checkpoint did not hold, is not lost */
	for (unsigned int q = 0; ret == 0 && q < vdev->nqueues; q++)
		if (vdev->queues[q].ready)
			virtio_queue_kick(vdev, q);
	return ret;
}

static void try_start(struct virtio_device *vdev)
{
	struct error err;

	if (start(vdev, &err) < 0)
		virtio_broken(vdev, err.text);
}

/* ---- status, 2.1 ---- */

static void reset(struct virtio_device *vdev)
{
	stop(vdev);
	pthread_mutex_lock(&vdev->lock);
	for (unsigned int q = 0; q < vdev->nqueues; q++)
		vring_reset(&vdev->queues[q]);
	vdev->features = 0;
	vdev->status = 0;
	pthread_mutex_unlock(&vdev->lock);
	vdev->broken = false;
	vdev->transport->reset(vdev);
	if (vdev->ops->reset)
		vdev->ops->reset(vdev);
}

struct status_write {
	struct virtio_device *vdev;
	uint8_t status;
};

static void write_status(void *opaque)
{
	struct status_write *w = opaque;
	struct virtio_device *vdev = w->vdev;
	bool go;

	if (!w->status) {
		reset(vdev);
		return;
	}
	pthread_mutex_lock(&vdev->lock);
	/* 2.1.1: a bit is set and stays set */
	w->status |= vdev->status;
	/* 2.2.2: we accept what we offered, and nobody from before version 1 */
	if (vdev->features & ~vdev->host_features || !virtio_has(vdev, VIRTIO_F_VERSION_1))
		w->status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!(w->status & VIRTIO_CONFIG_S_FEATURES_OK))
		w->status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	go = w->status & ~vdev->status & VIRTIO_CONFIG_S_DRIVER_OK;
	vdev->status = w->status;
	pthread_mutex_unlock(&vdev->lock);
	if (go)
		try_start(vdev);
}

void virtio_set_status(struct virtio_device *vdev, uint8_t status)
{
	struct status_write w = { vdev, status };

	event_loop_call(vdev->loop, write_status, &w);
}

void virtio_set_features(struct virtio_device *vdev, unsigned int word, uint32_t value)
{
	if (word < 2 && !(vdev->status & VIRTIO_CONFIG_S_FEATURES_OK))
		virtio_set_half(&vdev->features, word, value);
}

struct virtqueue *virtio_queue_setup(struct virtio_device *vdev, unsigned int q)
{
	if (q >= vdev->nqueues || vdev->started || vdev->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return NULL;
	return &vdev->queues[q];
}

void virtio_backend_event(struct virtio_device *vdev, bool connected)
{
	machine_event(vdev->machine, "X_AVMM_BACKEND_CHANGE",
		      json_pack("{s:s, s:b}", "device", vdev->dev.id, "connected", connected));
}

void virtio_broken(struct virtio_device *vdev, const char *why)
{
	if (vdev->broken)
		return;
	vdev->broken = true;
	if (!vdev->complained)
		log_error("%s: %s; its driver has to reset it", vdev->dev.id, why);
	vdev->complained = true;
	pthread_mutex_lock(&vdev->lock);
	vdev->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	pthread_mutex_unlock(&vdev->lock);
	vdev->transport->interrupt(vdev, -1);
}

/* ---- configuration space, 2.5 ---- */

void virtio_config_changed(struct virtio_device *vdev)
{
	bool ready;

	pthread_mutex_lock(&vdev->lock);
	vdev->generation++;
	ready = vdev->status & VIRTIO_CONFIG_S_DRIVER_OK;
	pthread_mutex_unlock(&vdev->lock);
	if (ready)
		vdev->transport->interrupt(vdev, -1);
}

static bool in_config(const struct virtio_device *vdev, uint64_t offset, uint32_t len)
{
	return offset <= vdev->config_size && len <= vdev->config_size - offset;
}

void virtio_config_read(struct virtio_device *vdev, uint64_t offset, void *buf, uint32_t len)
{
	memset(buf, 0, len);
	if (!in_config(vdev, offset, len) || !vdev->ops->config_read)
		return;
	pthread_mutex_lock(&vdev->lock);
	vdev->ops->config_read(vdev, offset, buf, len);
	pthread_mutex_unlock(&vdev->lock);
}

void virtio_config_write(struct virtio_device *vdev, uint64_t offset, const void *buf,
			 uint32_t len)
{
	if (!in_config(vdev, offset, len) || !vdev->ops->config_write)
		return;
	pthread_mutex_lock(&vdev->lock);
	vdev->ops->config_write(vdev, offset, buf, len);
	pthread_mutex_unlock(&vdev->lock);
}

/* ---- as a device among others ---- */

static struct virtio_device *to_virtio(struct device *dev)
{
	return container_of(dev, struct virtio_device, dev);
}

static void device_reset(struct device *dev)
{
	struct virtio_device *vdev = to_virtio(dev);

	reset(vdev);
	if (vdev->transport->power_on_reset)
		vdev->transport->power_on_reset(vdev);
}

static void device_pause(struct device *dev)
{
	stop(to_virtio(dev));
}

static int device_resume(struct device *dev, struct error *err)
{
	struct virtio_device *vdev = to_virtio(dev);

	(void)err;	/* the driver is told, and the machine goes on */
	if (vdev->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(vdev->status & VIRTIO_CONFIG_S_NEEDS_RESET))
		try_start(vdev);
	/*
	 * The last interrupt may have been on its way, from an eventfd to the GIC, when the state of
	 * that was saved. One too many does no harm (2.7.7.2).
	 */
	for (unsigned int q = 0; vdev->loaded && vdev->running && q < vdev->nqueues; q++)
		virtio_queue_interrupt(vdev, q);
	vdev->loaded = false;
	return 0;
}

static json_t *save_queues(struct virtio_device *vdev)
{
	json_t *queues = json_array();

	for (unsigned int q = 0; queues && q < vdev->nqueues; q++) {
		const struct virtqueue *vq = &vdev->queues[q];
		json_t *one = json_pack("{s:i, s:b, s:I, s:I, s:I, s:i}", "size", vq->num,
					"ready", vq->ready, "desc", (json_int_t)vq->desc,
					"avail", (json_int_t)vq->avail,
					"used", (json_int_t)vq->used,
					"last-avail", vq->last_avail);

		if (!one || json_array_append_new(queues, one) < 0) {
			json_decref(queues);
			queues = NULL;
		}
	}
	return queues;
}

static json_t *device_save(struct device *dev)
{
	struct virtio_device *vdev = to_virtio(dev);

	return json_pack("{s:i, s:I, s:i, s:o, s:o, s:o}", "status", vdev->status,
			 "features", (json_int_t)vdev->features,
			 "generation", (int)(vdev->generation & 0xff),
			 "queues", save_queues(vdev),
			 "transport", vdev->transport->save(vdev),
			 "device", vdev->ops->save ? vdev->ops->save(vdev) : json_null());
}

static int load_queue(struct virtio_device *vdev, unsigned int q, json_t *state, struct error *err)
{
	struct virtqueue *vq = &vdev->queues[q];
	int size, ready, last_avail, ret;
	json_int_t desc, avail, used;

	ret = device_unpack(&vdev->dev, err, state, "{s:i, s:b, s:I, s:I, s:I, s:i}",
			    "size", &size, "ready", &ready, "desc", &desc, "avail", &avail,
			    "used", &used, "last-avail", &last_avail);
	if (ret < 0)
		return ret;
	if (size < 0 || size > UINT16_MAX || last_avail < 0 || last_avail > UINT16_MAX)
		return error_set(err, -ERANGE, "%s: queue %u has a size of %d and is at %d",
				 vdev->dev.id, q, size, last_avail);
	vq->num = size;
	vq->ready = ready;
	vq->desc = desc;
	vq->avail = avail;
	vq->used = used;
	vq->last_avail = last_avail;
	return 0;
}

static int device_load(struct device *dev, json_t *state, struct error *err)
{
	struct virtio_device *vdev = to_virtio(dev);
	json_t *queues, *transport, *device;
	int status, generation, ret;
	json_int_t features;

	ret = device_unpack(dev, err, state, "{s:i, s:I, s:i, s:o, s:o, s:o}", "status", &status,
			    "features", &features, "generation", &generation, "queues", &queues,
			    "transport", &transport, "device", &device);
	if (ret < 0)
		return ret;
	if ((uint64_t)features & ~vdev->host_features)
		return error_set(err, -EINVAL, "%s: its driver uses features 0x%llx that are not "
				 "there", dev->id,
				 (unsigned long long)features & ~vdev->host_features);
	if (!json_is_array(queues) || json_array_size(queues) != vdev->nqueues)
		return error_set(err, -EINVAL, "%s: it has %u queues here", dev->id,
				 vdev->nqueues);
	for (unsigned int q = 0; ret == 0 && q < vdev->nqueues; q++)
		ret = load_queue(vdev, q, json_array_get(queues, q), err);
	if (ret < 0)
		return ret;
	vdev->loaded = true;
	vdev->status = status;
	vdev->features = features;
	vdev->generation = generation;
	ret = vdev->transport->load(vdev, transport, err);
	if (ret < 0)
		return ret;
	/* whether null will do is load()'s to say */
	if (!json_is_null(device) && !vdev->ops->load)
		return error_set(err, -EINVAL, "%s: 'device' is not what it has here", dev->id);
	return vdev->ops->load ? vdev->ops->load(vdev, device, err) : 0;
}

static void device_destroy(struct device *dev)
{
	struct virtio_device *vdev = to_virtio(dev);

	/* first, or a driver could start it again */
	if (vdev->transport->detach)
		vdev->transport->detach(vdev);
	stop(vdev);
	vdev->transport->destroy(vdev);
	vdev->ops->destroy(vdev);
}

/* ---- creation ---- */

int virtio_init(struct virtio_device *vdev, const struct virtio_ops *ops, const char *id,
		unsigned int nqueues, uint16_t queue_max, uint32_t config_size,
		uint64_t host_features, struct machine *machine, struct error *err)
{
	if (!*id || strlen(id) >= sizeof(vdev->dev.id))
		return error_set(err, -EINVAL, "'%s' is no id for a device: 1 to %zu characters",
				 id, sizeof(vdev->dev.id) - 1);
	strcpy(vdev->dev.id, id);
	vdev->ops = ops;
	vdev->dev_ops = (struct device_ops) {
		.type = ops->type, .reset = device_reset, .pause = device_pause,
		.resume = device_resume, .save = device_save, .load = device_load,
		.destroy = device_destroy,
	};
	vdev->machine = machine;
	vdev->loop = machine->loop;
	vdev->memory = machine->memory;
	vdev->host_features = host_features | CORE_FEATURES;
	vdev->config_size = config_size;
	pthread_mutex_init(&vdev->lock, NULL);
	vdev->queues = calloc(nqueues, sizeof(vdev->queues[0]));
	if (!vdev->queues)
		return error_set(err, -ENOMEM, "%s: no memory", id);
	for (; vdev->nqueues < nqueues; vdev->nqueues++) {
		struct virtqueue *vq = &vdev->queues[vdev->nqueues];

		vq->max = queue_max;
		vring_reset(vq);
		vq->vdev = vdev;
		vq->kick = (struct event_source) {
			.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = kick_ready,
			.opaque = vq,
		};
		if (vq->kick.fd < 0) {
			error_set(err, -errno, "%s: no eventfd: %s", id, strerror(errno));
			virtio_free(vdev);
			return err->code;
		}
	}
	return 0;
}

void virtio_free(struct virtio_device *vdev)
{
	for (unsigned int q = 0; q < vdev->nqueues; q++)
		close(vdev->queues[q].kick.fd);
	free(vdev->queues);
	vdev->queues = NULL;
	vdev->nqueues = 0;
}
