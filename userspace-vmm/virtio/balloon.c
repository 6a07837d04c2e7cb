// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of virtio 1.2. */
#include "virtio/balloon.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "machine/virt.h"
#include "util/iov.h"

#define QUEUE_SIZE	128
#define MOST		16384	/* pages in one turn of the main thread, more or less */
#define QUEUES		5
enum { INFLATE, DEFLATE, STATS };
#define PCI_CLASS	0x00ff00	/* no class fits */
#define BALLOON_PAGE	(1u << VIRTIO_BALLOON_PFN_SHIFT)
/* num_pages and actual; the rest belongs to features that are not offered */
#define CONFIG_SIZE	8u
_Static_assert(offsetof(struct virtio_balloon_config, actual) + 4 == CONFIG_SIZE, "config");

#define BIT(n)		(1ULL << (n))
#define FEATURES	(BIT(VIRTIO_BALLOON_F_STATS_VQ) | BIT(VIRTIO_BALLOON_F_REPORTING))

struct virtio_balloon {
	struct virtio_device vdev;	/* first */
	uint32_t target, actual;	/* vdev.lock: pages in the balloon */
	struct event_source written;	/* eventfd: the driver wrote actual */
	struct virtio_balloon_stats stats;
	struct vq_element elem;
	/* 5.5.6.3: the driver's buffer stays with us until we want news */
	uint16_t stats_head;	/* of the buffer that is kept */
	bool has_stats;
};

static struct virtio_balloon *to_balloon(struct virtio_device *vdev)
{
	return (struct virtio_balloon *)vdev;
}

/* ---- pages that go ---- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Neighbours are given back in one piece. What is not in RAM is not ours to give. */
static void take_pages(struct virtio_balloon *balloon, uint32_t *pfns, size_t n)
{
	qsort(pfns, n, sizeof(*pfns), compare);
	for (size_t i = 0, end; i < n; i = end) {
		uint64_t addr = (uint64_t)pfns[i] << VIRTIO_BALLOON_PFN_SHIFT;

		for (end = i + 1; end < n && pfns[end] - pfns[end - 1] <= 1; end++)
			;
		memory_discard(balloon->vdev.memory, addr,
			       (uint64_t)(pfns[end - 1] - pfns[i] + 1) * BALLOON_PAGE);
	}
}

/*
 * Returns how many pages it looked at. Of a list that no driver makes the end is passed over: nobody
 * shall hold up the main thread, and a page that stays is one that we might have given back.
 */
static unsigned int inflate(struct virtio_balloon *balloon, const struct vq_element *elem)
{
	uint32_t pfns[1024];
	size_t offset = 0, n;

	do {
		n = iov_to_buf(elem->iov, elem->out_num, offset, pfns, sizeof(pfns));
		take_pages(balloon, pfns, n / sizeof(pfns[0]));
		offset += n;
	} while (n == sizeof(pfns) && offset < MOST * sizeof(pfns[0]));
	return offset / sizeof(pfns[0]);
}

/* 5.5.6.7. Returns how much work that was, in the measure of inflate(): a large page is one. */
static unsigned int reported(struct virtio_balloon *balloon, const struct vq_element *elem)
{
	unsigned int work = 0;

	for (unsigned int i = elem->out_num; i < elem->out_num + elem->in_num; i++) {
		memory_discard(balloon->vdev.memory, elem->addr[i], elem->iov[i].iov_len);
		work += 1 + (elem->iov[i].iov_len >> 21);
	}
	return work;
}

/* ---- statistics ---- */

static void read_stats(struct virtio_balloon *balloon, const struct vq_element *elem)
{
	struct virtio_balloon_stat stat;
	size_t offset = 0;

	memset(balloon->stats.values, 0xff, sizeof(balloon->stats.values));
	while (iov_to_buf(elem->iov, elem->out_num, offset, &stat, sizeof(stat)) == sizeof(stat)) {
		if (stat.tag < BALLOON_STATS)
			balloon->stats.values[stat.tag] = stat.val;
		offset += sizeof(stat);
	}
	balloon->stats.updated = time(NULL);
}

static void give_stats_back(struct virtio_balloon *balloon)
{
	const struct vq_element elem = { .head = balloon->stats_head };

	if (!balloon->has_stats)
		return;
	balloon->has_stats = false;
	vring_push(&balloon->vdev.queues[STATS], &elem, 0);
	virtio_queue_interrupt(&balloon->vdev, STATS);
}

/*
 * One buffer is all that there is; of a driver that has more, none is kept but the last. The queue is
 * looked at until it is empty, since that is what asks for the next notification (2.7.7.1).
 */
static void notify_stats(struct virtio_balloon *balloon)
{
	struct virtqueue *vq = &balloon->vdev.queues[STATS];
	unsigned int left = QUEUE_SIZE;
	int ret = 0;

	while (left && (ret = vring_pop(vq, &balloon->elem)) > 0) {
		give_stats_back(balloon);
		read_stats(balloon, &balloon->elem);
		balloon->stats_head = balloon->elem.head;
		balloon->has_stats = true;
		left--;
	}
	if (ret < 0)
		virtio_broken(&balloon->vdev, "a queue is not as it should be");
	else if (!left)
		virtio_queue_kick(&balloon->vdev, STATS);
}

void virtio_balloon_get_stats(struct virtio_balloon *balloon, struct virtio_balloon_stats *stats)
{
	*stats = balloon->stats;
	if (balloon->vdev.running && !balloon->vdev.broken)
		give_stats_back(balloon);
}

/* ---- queues ---- */

/*
 * 5.5.2 numbers the queue for reports 4. Linux counts only the queues that a driver has, so that it
 * may be 3, or 2 for a driver without statistics.
 */
static bool is_stats(const struct virtio_device *vdev, unsigned int q)
{
	return q == STATS && virtio_has(vdev, VIRTIO_BALLOON_F_STATS_VQ);
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_balloon *balloon = to_balloon(vdev);
	struct vq_element *elem = &balloon->elem;
	unsigned int left = QUEUE_SIZE, work = 0;
	int ret = 0;

	if (is_stats(vdev, q)) {
		notify_stats(balloon);
		return;
	}
	while (left && work < MOST && (ret = vring_pop(&vdev->queues[q], elem)) > 0) {
		if (q == INFLATE)
			work += inflate(balloon, elem);
		else if (q != DEFLATE)
			work += reported(balloon, elem);
		vring_push(&vdev->queues[q], elem, 0);
		left--;
	}
	virtio_queue_interrupt(vdev, q);
	if (ret < 0)
		virtio_broken(vdev, "a queue is not as it should be");
	else if (!left || work >= MOST)
		virtio_queue_kick(vdev, q);
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_balloon *balloon = to_balloon(vdev);

	/* whoever goes on takes it again */
	if (balloon->has_stats)
		vring_unpop(&vdev->queues[STATS]);
	balloon->has_stats = false;
}

/* ---- how large it is ---- */

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	struct virtio_balloon *balloon = to_balloon(vdev);
	uint32_t config[] = { balloon->target, balloon->actual };

	memcpy(buf, (uint8_t *)config + offset, len);
}

static void config_write(struct virtio_device *vdev, uint32_t offset, const void *buf, uint32_t len)
{
	struct virtio_balloon *balloon = to_balloon(vdev);
	uint64_t one = 1;

	if (offset != offsetof(struct virtio_balloon_config, actual) || len != sizeof(uint32_t))
		return;
	memcpy(&balloon->actual, buf, len);
	if (write(balloon->written.fd, &one, sizeof(one)) < 0)
		return;		/* the counter is full, so it is read soon */
}

uint64_t virtio_balloon_get(struct virtio_balloon *balloon)
{
	uint64_t size = balloon->vdev.memory->size, in;

	pthread_mutex_lock(&balloon->vdev.lock);
	in = (uint64_t)balloon->actual * BALLOON_PAGE;
	pthread_mutex_unlock(&balloon->vdev.lock);
	return in < size ? size - in : 0;
}

void virtio_balloon_set(struct virtio_balloon *balloon, uint64_t bytes)
{
	uint64_t size = balloon->vdev.memory->size;

	pthread_mutex_lock(&balloon->vdev.lock);
	balloon->target = bytes < size ? (size - bytes) / BALLOON_PAGE : 0;
	pthread_mutex_unlock(&balloon->vdev.lock);
	virtio_config_changed(&balloon->vdev);
}

static void written_ready(void *opaque)
{
	struct virtio_balloon *balloon = opaque;
	uint64_t count;

	if (read(balloon->written.fd, &count, sizeof(count)) > 0)
		machine_event(balloon->vdev.machine, "BALLOON_CHANGE",
			      json_pack("{s:I}", "actual",
					(json_int_t)virtio_balloon_get(balloon)));
}

/* ---- state and life ---- */

static json_t *save(struct virtio_device *vdev)
{
	struct virtio_balloon *balloon = to_balloon(vdev);

	return json_pack("{s:I, s:I}", "target", (json_int_t)balloon->target, "actual",
			 (json_int_t)balloon->actual);
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	struct virtio_balloon *balloon = to_balloon(vdev);
	json_int_t target, actual;
	int ret = device_unpack(&vdev->dev, err, state, "{s:I, s:I}", "target", &target, "actual",
				&actual);

	if (ret < 0)
		return ret;
	balloon->target = target;
	balloon->actual = actual;
	return 0;
}

static void destroy(struct virtio_device *vdev)
{
	struct virtio_balloon *balloon = to_balloon(vdev);

	event_loop_remove(vdev->loop, &balloon->written);
	if (balloon->written.fd >= 0)
		close(balloon->written.fd);
	virtio_free(vdev);
	free(balloon);
}

static const struct virtio_ops ops = {
	.type = "virtio-balloon", .device_id = VIRTIO_ID_BALLOON, .pci_class = PCI_CLASS,
	.config_read = config_read, .config_write = config_write, .stop = stop, .notify = notify,
	.save = save, .load = load, .destroy = destroy,
};

struct virtio_balloon *virtio_balloon_of(struct virtio_device *vdev)
{
	return vdev->ops == &ops ? to_balloon(vdev) : NULL;
}

struct virtio_device *virtio_balloon_create(struct machine *machine, const char *id,
					    struct error *err)
{
	struct virtio_balloon *balloon = calloc(1, sizeof(*balloon));
	int ret;

	if (!balloon) {
		error_set(err, -ENOMEM, "%s: no memory", id);
		return NULL;
	}
	if (virtio_init(&balloon->vdev, &ops, id, QUEUES, QUEUE_SIZE, CONFIG_SIZE, FEATURES,
			machine, err) < 0) {
		free(balloon);
		return NULL;
	}
	memset(balloon->stats.values, 0xff, sizeof(balloon->stats.values));
	balloon->written = (struct event_source) {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = written_ready,
		.opaque = balloon,
	};
	ret = balloon->written.fd < 0 ? -errno :
	      event_loop_add(balloon->vdev.loop, &balloon->written, EPOLLIN);
	if (ret < 0) {
		error_set(err, ret, "%s: no eventfd: %s", id, strerror(-ret));
		destroy(&balloon->vdev);
		return NULL;
	}
	return &balloon->vdev;
}
