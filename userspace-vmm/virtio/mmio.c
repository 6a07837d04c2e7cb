// SPDX-License-Identifier: GPL-2.0
/*
 * Exit path: core/mmio.c calls mmio_ops on a vCPU's thread. A notification normally does not come
 * here: the kernel writes the queue's eventfd. Numbers in comments are sections of virtio 1.2.
 */
#include "virtio/mmio.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/log.h"
#include "machine/memmap.h"
#include "machine/virt.h"

/* 4.2.2; those of <linux/virtio_mmio.h> of old */
#define MMIO_VERSION_2		2
#define MMIO_MAGIC		0x74726976
#define VENDOR			0x4d4d5641	/* "AVMM" */

struct virtio_mmio {
	struct virtio_device *vdev;
	uint64_t base;
	uint32_t spi;
	int irq;			/* eventfd of the SPI */
	/* vdev->lock */
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t queue_sel;
	uint32_t isr;
	bool called;			/* somebody else interrupts, and does not set isr */
};

static uint32_t read_register(struct virtio_mmio *t, uint64_t offset)
{
	struct virtio_device *vdev = t->vdev;
	const struct virtqueue *vq = t->queue_sel < vdev->nqueues ?
				     &vdev->queues[t->queue_sel] : NULL;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MMIO_MAGIC;
	case VIRTIO_MMIO_VERSION:
		return MMIO_VERSION_2;
	case VIRTIO_MMIO_DEVICE_ID:
		return vdev->ops->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return t->device_features_sel > 1 ? 0 :
		       vdev->host_features >> 32 * t->device_features_sel;
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return vq ? vq->max : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return vq ? vq->ready : 0;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return t->isr | (t->called ? VIRTIO_MMIO_INT_VRING : 0);
	case VIRTIO_MMIO_STATUS:
		return vdev->status;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return vdev->generation;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0U;	/* there is no shared memory */
	default:
		return 0;
	}
}

static void write_queue(struct virtio_mmio *t, uint64_t offset, uint32_t value)
{
	struct virtqueue *vq = virtio_queue_setup(t->vdev, t->queue_sel);

	if (!vq)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		vq->num = value > UINT16_MAX ? 0 : value;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		vq->ready = value & 1;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		virtio_set_half(&vq->desc, offset & 4, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		virtio_set_half(&vq->avail, offset & 4, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		virtio_set_half(&vq->used, offset & 4, value);
		break;
	}
}

static void write_register(struct virtio_mmio *t, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		t->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		t->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		virtio_set_features(t->vdev, t->driver_features_sel, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		t->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value < t->vdev->nqueues)
			virtio_queue_kick(t->vdev, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		t->isr &= ~value;
		break;
	default:
		write_queue(t, offset, value);
	}
}

static uint64_t mmio_read(void *dev, uint64_t offset, unsigned int len)
{
	struct virtio_mmio *t = dev;
	uint64_t value = 0;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		virtio_config_read(t->vdev, offset - VIRTIO_MMIO_CONFIG, &value, len);
		return value;
	}
	/* 4.2.2.2: the registers are read and written as 32 bits */
	if (len != 4 || offset & 3)
		return 0;
	pthread_mutex_lock(&t->vdev->lock);
	value = read_register(t, offset);
	pthread_mutex_unlock(&t->vdev->lock);
	return value;
}

static void mmio_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct virtio_mmio *t = dev;

	if (offset >= VIRTIO_MMIO_CONFIG) {
		virtio_config_write(t->vdev, offset - VIRTIO_MMIO_CONFIG, &value, len);
		return;
	}
	if (len != 4 || offset & 3)
		return;
	if (offset == VIRTIO_MMIO_STATUS) {
		virtio_set_status(t->vdev, value);
		return;
	}
	pthread_mutex_lock(&t->vdev->lock);
	write_register(t, offset, value);
	pthread_mutex_unlock(&t->vdev->lock);
}

static const struct mmio_ops mmio_ops = { .read = mmio_read, .write = mmio_write };

/* ---- transport ---- */

static void interrupt(struct virtio_device *vdev, int q)
{
	struct virtio_mmio *t = vdev->transport_data;
	uint64_t one = 1;

	pthread_mutex_lock(&vdev->lock);
	t->isr |= q < 0 ? VIRTIO_MMIO_INT_CONFIG : VIRTIO_MMIO_INT_VRING;
	pthread_mutex_unlock(&vdev->lock);
	if (write(t->irq, &one, sizeof(one)) < 0)
		return;		/* the counter is full, so it is interrupted already */
}

static int call_fd(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_mmio *t = vdev->transport_data;

	(void)q;
	pthread_mutex_lock(&vdev->lock);
	t->called = true;
	pthread_mutex_unlock(&vdev->lock);
	return t->irq;
}

static void route(struct virtio_device *vdev, bool on)
{
	struct virtio_mmio *t = vdev->transport_data;

	for (unsigned int q = 0; q < vdev->nqueues; q++)
		if (vdev->queues[q].ready)
			ioeventfd_route(vdev->machine->vm, t->base + VIRTIO_MMIO_QUEUE_NOTIFY, 4, q,
					vdev->queues[q].kick.fd, on);
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct virtio_mmio *t = vdev->transport_data;
	int ret = irq_connect(&vdev->machine->irqs, t->irq, t->spi);

	if (ret < 0)
		return error_set(err, ret, "its interrupt cannot be connected: %s",
				 strerror(-ret));
	route(vdev, true);
	return 0;
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_mmio *t = vdev->transport_data;

	route(vdev, false);
	irq_disconnect(&vdev->machine->irqs, t->irq, t->spi);
	pthread_mutex_lock(&vdev->lock);
	t->called = false;
	pthread_mutex_unlock(&vdev->lock);
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_mmio *t = vdev->transport_data;

	pthread_mutex_lock(&vdev->lock);
	t->device_features_sel = 0;
	t->driver_features_sel = 0;
	t->queue_sel = 0;
	t->isr = 0;
	pthread_mutex_unlock(&vdev->lock);
}

static json_t *save(struct virtio_device *vdev)
{
	const struct virtio_mmio *t = vdev->transport_data;

	return json_pack("{s:I, s:I, s:I, s:I}",
			 "device-features-sel", (json_int_t)t->device_features_sel,
			 "driver-features-sel", (json_int_t)t->driver_features_sel,
			 "queue-sel", (json_int_t)t->queue_sel, "isr", (json_int_t)t->isr);
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	struct virtio_mmio *t = vdev->transport_data;
	json_int_t device, driver, queue, isr;
	int ret = device_unpack(&vdev->dev, err, state, "{s:I, s:I, s:I, s:I}",
				"device-features-sel", &device, "driver-features-sel", &driver,
				"queue-sel", &queue, "isr", &isr);

	if (ret < 0)
		return ret;
	t->device_features_sel = device;
	t->driver_features_sel = driver;
	t->queue_sel = queue;
	t->isr = isr & (VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
	return 0;
}

static void destroy(struct virtio_device *vdev)
{
	struct virtio_mmio *t = vdev->transport_data;

	close(t->irq);
	free(t);
}

static const struct virtio_transport_ops transport = {
	.interrupt = interrupt, .call_fd = call_fd, .start = start, .stop = stop, .reset = reset,
	.save = save, .load = load, .destroy = destroy,
};

int virtio_mmio_plug(struct machine *machine, struct virtio_device *vdev, struct error *err)
{
	const struct memmap_entry *m = &memmap[MEMMAP_VIRTIO];
	struct mmio_region region = {
		.base = m->base + machine->nvirtio_mmio * MEMMAP_VIRTIO_SIZE,
		.size = MEMMAP_VIRTIO_SIZE, .name = vdev->dev.id, .ops = &mmio_ops,
	};
	struct virtio_mmio *t;
	int ret;

	if (machine->nvirtio_mmio == m->size / MEMMAP_VIRTIO_SIZE)
		return error_set(err, -ENOSPC, "%s: there is no place for more than %llu devices "
				 "with --transport mmio", vdev->dev.id,
				 (unsigned long long)m->size / MEMMAP_VIRTIO_SIZE);
	t = calloc(1, sizeof(*t));
	if (!t)
		return error_set(err, -ENOMEM, "%s: no memory", vdev->dev.id);
	t->vdev = vdev;
	t->base = region.base;
	t->spi = m->spi + machine->nvirtio_mmio;
	t->irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	region.dev = t;
	ret = t->irq < 0 ? -errno : mmio_add(&machine->bus, &region);
	if (ret < 0) {
		error_set(err, ret, "%s has no place on the bus: %s", vdev->dev.id,
			  strerror(-ret));
		if (t->irq >= 0)
			close(t->irq);
		free(t);
		return ret;
	}
	machine->nvirtio_mmio++;
	vdev->transport = &transport;
	vdev->transport_data = t;
	return 0;
}
