// SPDX-License-Identifier: GPL-2.0
/*
 * Exit path: dev/pci.c calls bar_read() and bar_write() on a vCPU's thread. A notification normally
 * does not come here: the kernel writes the queue's eventfd. Lock: vdev->lock, taken inside
 * pci.lock. Numbers in comments are sections of virtio 1.2.
 */
#include "virtio/pci.h"

#include <errno.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "machine/virt.h"

#define VENDOR		0x1af4
#define DEVICE_BASE	0x1040		/* 4.1.2: and the virtio device id */

/* The BAR: a page for each structure; the last two are MSI-X's */
enum { COMMON = 0, ISR = 0x1000, CONFIG = 0x2000, NOTIFY = 0x3000, TABLES = 0x4000, SIZE = 0x8000 };

#define PAGE		0x1000
#define NOTIFY_STEP	4		/* notify_off_multiplier: each queue has its own address */

/* 4.1.4.3; not in the kernel's header of 6.1 */
#define COMMON_SIZE	64

struct virtio_pci {
	struct pci_function pci;
	struct virtio_device *vdev;
	unsigned int window;		/* VIRTIO_PCI_CAP_PCI_CFG */
	int nowhere;			/* eventfd of a queue without vector */
	/* vdev->lock */
	uint32_t device_feature_select;
	uint32_t driver_feature_select;
	uint16_t queue_select;
	uint16_t config_vector;
	uint16_t *vectors;		/* of each queue */
	uint8_t isr;
	uint64_t routed;		/* where the BAR is for the kernel's ioeventfds; 0: nowhere */
};

static struct virtio_pci *of(struct virtio_device *vdev)
{
	return vdev->transport_data;
}

/* ---- notifications ---- */

/* With the lock. */
static void set_route(struct virtio_pci *t, uint64_t bar)
{
	struct virtio_device *vdev = t->vdev;

	for (unsigned int on = 0; on < 2; on++) {
		uint64_t base = on ? bar : t->routed;

		for (unsigned int q = 0; base && q < vdev->nqueues; q++)
			if (vdev->queues[q].ready)
				ioeventfd_route(vdev->machine->vm, base + NOTIFY + q * NOTIFY_STEP,
						0, IOEVENTFD_ANY, vdev->queues[q].kick.fd, on);
	}
	t->routed = bar;
}

static void remap(struct pci_function *pci)
{
	struct virtio_pci *t = pci->owner;

	pthread_mutex_lock(&t->vdev->lock);
	if (t->routed || t->vdev->started)
		set_route(t, t->vdev->started ? pci->bar : 0);
	pthread_mutex_unlock(&t->vdev->lock);
}

/* ---- common configuration, 4.1.4.3 ---- */

static uint32_t common_read(struct virtio_pci *t, uint64_t offset)
{
	struct virtio_device *vdev = t->vdev;
	const struct virtqueue *vq = t->queue_select < vdev->nqueues ?
				     &vdev->queues[t->queue_select] : NULL;

	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		return t->device_feature_select;
	case VIRTIO_PCI_COMMON_DF:
		return t->device_feature_select > 1 ? 0 :
		       vdev->host_features >> 32 * t->device_feature_select;
	case VIRTIO_PCI_COMMON_GFSELECT:
		return t->driver_feature_select;
	case VIRTIO_PCI_COMMON_GF:
		return t->driver_feature_select > 1 ? 0 :
		       vdev->features >> 32 * t->driver_feature_select;
	case VIRTIO_PCI_COMMON_MSIX:
		return t->config_vector;
	case VIRTIO_PCI_COMMON_NUMQ:
		return vdev->nqueues;
	case VIRTIO_PCI_COMMON_STATUS:
		return vdev->status;
	case VIRTIO_PCI_COMMON_CFGGENERATION:
		return vdev->generation;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		return t->queue_select;
	}
	if (!vq)
		return 0;	/* so its size is 0: it is not there */
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		return vq->num;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		return t->vectors[t->queue_select];
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		return vq->ready;
	case VIRTIO_PCI_COMMON_Q_NOFF:
		return t->queue_select;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
		return vq->desc;
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		return vq->desc >> 32;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
		return vq->avail;
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		return vq->avail >> 32;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
		return vq->used;
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		return vq->used >> 32;
	default:
		return 0;
	}
}

/* 4.1.5.1.2.1: a vector that is not there reads back as none */
static uint16_t to_vector(const struct virtio_pci *t, uint32_t value)
{
	return value < t->pci.nvectors ? value : VIRTIO_MSI_NO_VECTOR;
}

static void queue_write(struct virtio_pci *t, uint64_t offset, uint32_t value)
{
	struct virtqueue *vq = virtio_queue_setup(t->vdev, t->queue_select);

	if (!vq)
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		vq->num = value;
		break;
	case VIRTIO_PCI_COMMON_Q_MSIX:
		t->vectors[t->queue_select] = to_vector(t, value);
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		vq->ready = value & 1;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		virtio_set_half(&vq->desc, offset != VIRTIO_PCI_COMMON_Q_DESCLO, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		virtio_set_half(&vq->avail, offset != VIRTIO_PCI_COMMON_Q_AVAILLO, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		virtio_set_half(&vq->used, offset != VIRTIO_PCI_COMMON_Q_USEDLO, value);
		break;
	}
}

static void common_write(struct virtio_pci *t, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		t->device_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		t->driver_feature_select = value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		virtio_set_features(t->vdev, t->driver_feature_select, value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		t->config_vector = to_vector(t, value);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		t->queue_select = value;
		break;
	default:
		queue_write(t, offset, value);
	}
}

/* ---- the BAR ---- */

static uint64_t bar_read(struct pci_function *pci, uint64_t offset, unsigned int len)
{
	struct virtio_pci *t = pci->owner;
	uint64_t value = 0;

	if (offset >= CONFIG && offset < NOTIFY) {
		virtio_config_read(t->vdev, offset - CONFIG, &value, len);
		return value;
	}
	pthread_mutex_lock(&t->vdev->lock);
	if (offset < COMMON_SIZE) {
		/* a field is read as wide as it is, 4.1.3.1; a wider one by halves */
		value = common_read(t, offset);
		if (len == 8)
			value |= (uint64_t)common_read(t, offset + 4) << 32;
	} else if (offset == ISR) {
		/* 4.1.4.5: reading acknowledges */
		value = t->isr;
		t->isr = 0;
	}
	pthread_mutex_unlock(&t->vdev->lock);
	return value;
}

static void bar_write(struct pci_function *pci, uint64_t offset, unsigned int len, uint64_t value)
{
	struct virtio_pci *t = pci->owner;

	if (offset >= CONFIG && offset < NOTIFY) {
		virtio_config_write(t->vdev, offset - CONFIG, &value, len);
	} else if (offset >= NOTIFY && offset < TABLES) {
		uint64_t q = (offset - NOTIFY) / NOTIFY_STEP;

		if (q < t->vdev->nqueues)
			virtio_queue_kick(t->vdev, q);
	} else if (offset == VIRTIO_PCI_COMMON_STATUS) {
		virtio_set_status(t->vdev, value);
	} else if (offset < COMMON_SIZE) {
		pthread_mutex_lock(&t->vdev->lock);
		common_write(t, offset, value);
		if (len == 8)
			common_write(t, offset + 4, value >> 32);
		pthread_mutex_unlock(&t->vdev->lock);
	}
}

/* ---- the BAR through configuration space, 4.1.4.9 ---- */

struct window {
	uint32_t offset;
	uint32_t len;		/* 0: it leads nowhere */
};

static struct window window(struct virtio_pci *t, unsigned int offset, unsigned int len)
{
	const uint8_t *cap = &t->pci.config[t->window];
	unsigned int data = t->window + sizeof(struct virtio_pci_cap);
	struct window w = { .len = 0 };

	if (!t->window || offset >= data + 4 || offset + len <= data)
		return w;
	pthread_mutex_lock(&t->pci.lock);
	memcpy(&w.offset, cap + offsetof(struct virtio_pci_cap, offset), 4);
	memcpy(&w.len, cap + offsetof(struct virtio_pci_cap, length), 4);
	if (cap[offsetof(struct virtio_pci_cap, bar)] != 0)
		w.len = 0;
	pthread_mutex_unlock(&t->pci.lock);
	if ((w.len != 1 && w.len != 2 && w.len != 4) || w.offset % w.len || w.offset > SIZE - w.len)
		w.len = 0;
	return w;
}

static void config_read(struct pci_function *pci, unsigned int offset, unsigned int len)
{
	struct virtio_pci *t = pci->owner;
	struct window w = window(t, offset, len);

	if (w.len) {
		uint32_t value = pci_bar_read(pci, w.offset, w.len);

		pthread_mutex_lock(&pci->lock);
		memcpy(&pci->config[t->window + sizeof(struct virtio_pci_cap)], &value, w.len);
		pthread_mutex_unlock(&pci->lock);
	}
}

static void config_written(struct pci_function *pci, unsigned int offset, unsigned int len)
{
	struct virtio_pci *t = pci->owner;
	struct window w = window(t, offset, len);
	uint32_t value = 0;

	if (w.len) {
		pthread_mutex_lock(&pci->lock);
		memcpy(&value, &pci->config[t->window + sizeof(struct virtio_pci_cap)], w.len);
		pthread_mutex_unlock(&pci->lock);
		pci_bar_write(pci, w.offset, w.len, value);
	}
}

static const struct pci_ops pci_ops = {
	.bar_read = bar_read, .bar_write = bar_write, .remap = remap, .config_read = config_read,
	.config_written = config_written,
};

/* ---- transport ---- */

static void interrupt(struct virtio_device *vdev, int q)
{
	struct virtio_pci *t = of(vdev);
	uint16_t vector;

	pthread_mutex_lock(&vdev->lock);
	vector = q < 0 ? t->config_vector : t->vectors[q];
	/* 4.1.4.5.1: with MSI-X nobody looks at it, and without there is nobody to be interrupted */
	t->isr |= q < 0 ? VIRTIO_PCI_ISR_CONFIG : 1;
	pthread_mutex_unlock(&vdev->lock);
	if (vector != VIRTIO_MSI_NO_VECTOR && pci_msix_enabled(&t->pci))
		pci_send(&t->pci, vector);
}

static int call_fd(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_pci *t = of(vdev);

	return t->vectors[q] == VIRTIO_MSI_NO_VECTOR ? t->nowhere :
	       pci_vector_fd(&t->pci, t->vectors[q]);
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct virtio_pci *t = of(vdev);

	(void)err;
	remap(&t->pci);
	return 0;
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_pci *t = of(vdev);

	pthread_mutex_lock(&vdev->lock);
	set_route(t, 0);
	pthread_mutex_unlock(&vdev->lock);
}

static void driver_reset(struct virtio_device *vdev)
{
	struct virtio_pci *t = of(vdev);

	pthread_mutex_lock(&vdev->lock);
	t->device_feature_select = 0;
	t->driver_feature_select = 0;
	t->queue_select = 0;
	t->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int q = 0; q < vdev->nqueues; q++)
		t->vectors[q] = VIRTIO_MSI_NO_VECTOR;
	t->isr = 0;
	pthread_mutex_unlock(&vdev->lock);
}

static void power_on_reset(struct virtio_device *vdev)
{
	pci_reset(&of(vdev)->pci);
}

static json_t *save(struct virtio_device *vdev)
{
	struct virtio_pci *t = of(vdev);
	json_t *vectors = json_array();

	for (unsigned int q = 0; q < vdev->nqueues; q++)
		json_array_append_new(vectors, json_integer(t->vectors[q]));
	return json_pack("{s:o, s:I, s:I, s:i, s:i, s:o, s:i}", "pci", pci_save(&t->pci),
			 "device-feature-select", (json_int_t)t->device_feature_select,
			 "driver-feature-select", (json_int_t)t->driver_feature_select,
			 "queue-select", t->queue_select, "config-vector", t->config_vector,
			 "queue-vectors", vectors, "isr", t->isr);
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	struct virtio_pci *t = of(vdev);
	json_int_t device_feature_select, driver_feature_select;
	int queue_select, config_vector, isr, ret;
	json_t *pci, *vectors;

	ret = device_unpack(&vdev->dev, err, state, "{s:o, s:I, s:I, s:i, s:i, s:o, s:i}",
			    "pci", &pci, "device-feature-select", &device_feature_select,
			    "driver-feature-select", &driver_feature_select,
			    "queue-select", &queue_select, "config-vector", &config_vector,
			    "queue-vectors", &vectors, "isr", &isr);
	if (ret < 0)
		return ret;
	if (!json_is_array(vectors) || json_array_size(vectors) != vdev->nqueues)
		return error_set(err, -EINVAL, "%s: 'queue-vectors' are not as many as its queues",
				 vdev->dev.id);
	t->device_feature_select = device_feature_select;
	t->driver_feature_select = driver_feature_select;
	t->queue_select = queue_select;
	t->config_vector = to_vector(t, config_vector);
	for (unsigned int q = 0; q < vdev->nqueues; q++)
		t->vectors[q] = to_vector(t, json_integer_value(json_array_get(vectors, q)));
	t->isr = isr;
	return pci_load(&t->pci, vdev->dev.id, pci, err);
}

static void detach(struct virtio_device *vdev)
{
	pci_host_remove(&vdev->machine->pci, &of(vdev)->pci);
}

static void destroy(struct virtio_device *vdev)
{
	struct virtio_pci *t = of(vdev);

	pci_free(&t->pci);
	close(t->nowhere);
	free(t->vectors);
	free(t);
}

static const struct virtio_transport_ops transport = {
	.interrupt = interrupt, .call_fd = call_fd, .start = start, .stop = stop,
	.reset = driver_reset, .power_on_reset = power_on_reset, .save = save, .load = load,
	.detach = detach, .destroy = destroy,
};

/* ---- creation ---- */

/* 4.1.4: where a structure is. Returns the capability's offset. */
static unsigned int add_structure(struct virtio_pci *t, uint8_t type, uint32_t offset,
				  uint32_t length, unsigned int len)
{
	struct pci_function *pci = &t->pci;
	unsigned int cap = pci_add_capability(pci, PCI_CAP_ID_VNDR, len);

	pci_set(pci, cap + offsetof(struct virtio_pci_cap, cap_len), 1, len);
	pci_set(pci, cap + offsetof(struct virtio_pci_cap, cfg_type), 1, type);
	pci_set(pci, cap + offsetof(struct virtio_pci_cap, offset), 4, offset);
	pci_set(pci, cap + offsetof(struct virtio_pci_cap, length), 4, length);
	return cap;
}

static int build(struct virtio_pci *t, struct virtio_device *vdev)
{
	const unsigned int cap_size = sizeof(struct virtio_pci_cap);
	struct pci_function *pci = &t->pci;
	unsigned int cap, vectors = vdev->nqueues + 1;

	pci_init(pci, &pci_ops, t, &vdev->machine->irqs, PCI_HEADER_TYPE_NORMAL, SIZE);
	pci->device = &vdev->dev;
	pci_set(pci, PCI_VENDOR_ID, 2, VENDOR);
	pci_set(pci, PCI_DEVICE_ID, 2, DEVICE_BASE + vdev->ops->device_id);
	/* 4.1.2.1: a revision of at least 1 is a device that is not transitional */
	pci_set(pci, PCI_REVISION_ID, 1, 1);
	pci_set(pci, PCI_CLASS_PROG, 1, vdev->ops->pci_class);
	pci_set(pci, PCI_CLASS_DEVICE, 2, vdev->ops->pci_class >> 8);
	pci_set(pci, PCI_SUBSYSTEM_VENDOR_ID, 2, VENDOR);
	pci_set(pci, PCI_SUBSYSTEM_ID, 2, 0x1100);
	add_structure(t, VIRTIO_PCI_CAP_COMMON_CFG, COMMON, COMMON_SIZE, cap_size);
	add_structure(t, VIRTIO_PCI_CAP_ISR_CFG, ISR, 1, cap_size);
	if (vdev->config_size)
		add_structure(t, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG, vdev->config_size, cap_size);
	cap = add_structure(t, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY, vdev->nqueues * NOTIFY_STEP,
			    cap_size + 4);
	pci_set(pci, cap + cap_size, 4, NOTIFY_STEP);
	t->window = add_structure(t, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, cap_size + 4);
	pci_set_writable(pci, t->window + offsetof(struct virtio_pci_cap, bar), 1, 0xff);
	pci_set_writable(pci, t->window + offsetof(struct virtio_pci_cap, offset), 4, ~0U);
	pci_set_writable(pci, t->window + offsetof(struct virtio_pci_cap, length), 4, ~0U);
	pci_set_writable(pci, t->window + cap_size, 4, ~0U);
	return pci_add_msix(pci, vectors < PCI_VECTORS_MAX ? vectors : PCI_VECTORS_MAX, TABLES);
}

int virtio_pci_plug(struct machine *machine, struct virtio_device *vdev,
		    struct pci_function *port, struct error *err)
{
	struct virtio_pci *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return error_set(err, -ENOMEM, "%s: no memory", vdev->dev.id);
	t->vdev = vdev;
	t->nowhere = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->vectors = calloc(vdev->nqueues, sizeof(t->vectors[0]));
	ret = t->nowhere < 0 ? -errno : t->vectors ? 0 : -ENOMEM;
	if (ret == 0)
		ret = build(t, vdev);
	pci_built(&t->pci);
	vdev->transport_data = t;
	driver_reset(vdev);
	if (ret == 0 && port)
		pci_host_add_behind(&machine->pci, port, &t->pci);
	else if (ret == 0)
		/* device 0 is where others have a function of the host bridge */
		ret = pci_host_add(&machine->pci, &t->pci, 1);
	if (ret < 0) {
		error_set(err, ret, ret == -ENOSPC ? "%s: the PCI bus is full%s" :
			  "%s cannot be put on the PCI bus: %s", vdev->dev.id,
			  ret == -ENOSPC ? "" : strerror(-ret));
		pci_free(&t->pci);
		if (t->nowhere >= 0)
			close(t->nowhere);
		free(t->vectors);
		free(t);
		return ret;
	}
	vdev->transport = &transport;
	return 0;
}

struct pci_function *virtio_pci_function(struct virtio_device *vdev)
{
	return vdev->transport == &transport ? &of(vdev)->pci : NULL;
}
