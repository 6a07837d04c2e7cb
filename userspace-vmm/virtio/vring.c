// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of virtio 1.2. Both sides are little-endian. */
#include "virtio/vring.h"

#include <errno.h>
#include <string.h>

/* 2.7.5 */
struct vring_desc_entry {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

#define DESC_F_NEXT		1
#define DESC_F_WRITE		2
#define DESC_F_INDIRECT		4

#define AVAIL_F_NO_INTERRUPT	1

/* Words of the available ring and bytes of the used ring, 2.7.6 and 2.7.8 */
#define AVAIL_FLAGS		0
#define AVAIL_IDX		1
#define AVAIL_RING		2
#define USED_IDX		2
#define USED_RING		4

#define AVAIL_SIZE(num)		(6 + 2 * (uint64_t)(num))
#define USED_SIZE(num)		(6 + 8 * (uint64_t)(num))

/* ---- one access to what the driver may be changing ---- */

static uint16_t load16(const uint16_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void store_used16(struct virtqueue *vq, unsigned int offset, uint16_t value)
{
	__atomic_store_n((uint16_t *)(vq->host_used + offset), value, __ATOMIC_RELEASE);
	memory_wrote(vq->memory, vq->used + offset, sizeof(value));
}

/* 2.7.7.1 and 2.7.10: the word behind each ring is the other side's wish for an event */
static void set_avail_event(struct virtqueue *vq, uint16_t idx)
{
	store_used16(vq, USED_RING + 8 * vq->num, idx);
}

/* ---- start and stop ---- */

int vring_start(struct virtqueue *vq, struct memory *memory, bool event_idx)
{
	uint16_t num = vq->num;

	/* 2.7: a power of 2, and alignments of 16, 2 and 4 */
	if (!num || num > vq->max || num & (num - 1) || vq->desc % 16 || vq->avail % 2 ||
	    vq->used % 4)
		return -EINVAL;
	vq->host_desc = memory_at(memory, vq->desc, sizeof(*vq->host_desc) * (uint64_t)num);
	vq->host_avail = memory_at(memory, vq->avail, AVAIL_SIZE(num));
	vq->host_used = memory_at(memory, vq->used, USED_SIZE(num));
	if (!vq->host_desc || !vq->host_avail || !vq->host_used)
		return -EINVAL;
	vq->memory = memory;
	vq->event_idx = event_idx;
	vq->broken = false;
	/* our own count is where the driver sees it */
	vq->used_idx = load16((uint16_t *)(vq->host_used + USED_IDX));
	vq->signalled_valid = false;
	return 0;
}

void vring_stop(struct virtqueue *vq)
{
	vq->memory = NULL;
	vq->host_desc = NULL;
	vq->host_avail = NULL;
	vq->host_used = NULL;
}

void vring_reset(struct virtqueue *vq)
{
	vring_stop(vq);
	vq->num = vq->max;
	vq->ready = false;
	vq->broken = false;
	vq->desc = 0;
	vq->avail = 0;
	vq->used = 0;
	vq->last_avail = 0;
}

/* ---- available ---- */

static int add_buffer(struct virtqueue *vq, struct vq_element *elem,
		      const struct vring_desc_entry *d)
{
	unsigned int n = elem->out_num + elem->in_num;
	void *host;

	/* 2.7.4.2: what the device writes comes last */
	if (n == VQ_IOV_MAX || (elem->in_num && !(d->flags & DESC_F_WRITE)))
		return -EINVAL;
	host = memory_at(vq->memory, d->addr, d->len);
	if (!host)
		return -EFAULT;
	elem->iov[n] = (struct iovec) { host, d->len };
	elem->addr[n] = d->addr;
	if (d->flags & DESC_F_WRITE) {
		elem->in_num++;
		elem->in_len += d->len;
	} else {
		elem->out_num++;
		elem->out_len += d->len;
	}
	return 0;
}

/* table has num entries; begins with entry i. Sets *last to the entry that ended it, if indirect. */
static int walk(struct virtqueue *vq, struct vq_element *elem, const struct vring_desc_entry *table,
		uint32_t num, uint16_t i, bool indirect, struct vring_desc_entry *nested)
{
	for (uint32_t steps = 0; steps < num; steps++) {
		struct vring_desc_entry d;
		int ret;

		if (i >= num)
			return -EINVAL;
		/* a copy: the driver may change it once it was checked */
		d.addr = __atomic_load_n(&table[i].addr, __ATOMIC_RELAXED);
		d.len = __atomic_load_n(&table[i].len, __ATOMIC_RELAXED);
		d.flags = __atomic_load_n(&table[i].flags, __ATOMIC_RELAXED);
		d.next = __atomic_load_n(&table[i].next, __ATOMIC_RELAXED);
		if (d.flags & DESC_F_INDIRECT) {
			/* 2.7.5.3.1: not in an indirect table, and nothing follows */
			if (indirect || d.flags & DESC_F_NEXT)
				return -EINVAL;
			*nested = d;
			return 0;
		}
		ret = add_buffer(vq, elem, &d);
		if (ret < 0)
			return ret;
		if (!(d.flags & DESC_F_NEXT))
			return 0;
		i = d.next;
	}
	return -ELOOP;
}

static int read_chain(struct virtqueue *vq, struct vq_element *elem)
{
	struct vring_desc_entry nested = { .flags = 0 };
	const struct vring_desc_entry *table;
	int ret;

	ret = walk(vq, elem, vq->host_desc, vq->num, elem->head, false, &nested);
	if (ret < 0 || !(nested.flags & DESC_F_INDIRECT))
		return ret;
	if (!nested.len || nested.len % sizeof(*table) || nested.addr % sizeof(uint64_t))
		return -EINVAL;
	table = memory_at(vq->memory, nested.addr, nested.len);
	if (!table)
		return -EFAULT;
	return walk(vq, elem, table, nested.len / sizeof(*table), 0, true, &nested);
}

static int broken(struct virtqueue *vq, int code)
{
	vq->broken = true;
	return code;
}

/* How many the driver has offered and we have not taken. */
static uint16_t available(const struct virtqueue *vq)
{
	uint16_t idx = load16(&vq->host_avail[AVAIL_IDX]);

	/* the entries are read after the index that covers them, 2.7.13.3 */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return idx - vq->last_avail;
}

int vring_pop(struct virtqueue *vq, struct vq_element *elem)
{
	uint16_t n;
	int ret;

	if (!vq->memory || vq->broken)
		return vq->broken ? -EINVAL : 0;
	n = available(vq);
	if (!n && vq->event_idx) {
		set_avail_event(vq, vq->last_avail);
		/* the wish is seen before we look again, 2.7.7.1 */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		n = available(vq);
	}
	if (!n)
		return 0;
	if (n > vq->num)
		return broken(vq, -EINVAL);
	elem->out_num = 0;
	elem->in_num = 0;
	elem->out_len = 0;
	elem->in_len = 0;
	elem->head = load16(&vq->host_avail[AVAIL_RING + (vq->last_avail & (vq->num - 1))]);
	ret = read_chain(vq, elem);
	if (ret < 0)
		return broken(vq, ret);
	vq->last_avail++;
	return 1;
}

void vring_unpop(struct virtqueue *vq)
{
	vq->last_avail--;
}

/* ---- used ---- */

void vring_wrote(struct virtqueue *vq, const struct vq_element *elem, uint32_t len)
{
	for (unsigned int i = elem->out_num; i < elem->out_num + elem->in_num && len; i++) {
		uint32_t part = elem->iov[i].iov_len < len ? elem->iov[i].iov_len : len;

		memory_wrote(vq->memory, elem->addr[i], part);
		len -= part;
	}
}

void vring_put(struct virtqueue *vq, const struct vq_element *elem, uint32_t len)
{
	const uint32_t entry[2] = { elem->head, len };
	unsigned int offset;

	if (!vq->memory)
		return;
	vring_wrote(vq, elem, len);
	offset = USED_RING + 8 * (vq->used_idx & (vq->num - 1));
	memcpy(vq->host_used + offset, entry, sizeof(entry));
	memory_wrote(vq->memory, vq->used + offset, sizeof(entry));
	vq->used_idx++;
}

void vring_publish(struct virtqueue *vq)
{
	/* a release: the entries are there before the index covers them */
	if (vq->memory)
		store_used16(vq, USED_IDX, vq->used_idx);
}

void vring_take_back(struct virtqueue *vq, unsigned int n)
{
	vq->used_idx -= n;
	vq->last_avail -= n;
}

void vring_push(struct virtqueue *vq, const struct vq_element *elem, uint32_t len)
{
	vring_put(vq, elem, len);
	vring_publish(vq);
}

uint16_t vring_used(const struct virtqueue *vq)
{
	return load16((const uint16_t *)(vq->host_used + USED_IDX));
}

bool vring_wants_interrupt(struct virtqueue *vq)
{
	uint16_t old = vq->signalled, wish;

	if (!vq->memory)
		return false;
	/* our index is seen before we look what the driver wants, 2.7.7.2 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vq->event_idx)
		return !(load16(&vq->host_avail[AVAIL_FLAGS]) & AVAIL_F_NO_INTERRUPT);
	wish = load16(&vq->host_avail[AVAIL_RING + vq->num]);
	vq->signalled = vq->used_idx;
	if (!vq->signalled_valid) {
		vq->signalled_valid = true;
		return true;
	}
	/* the entry that is wished for is among those since the last interrupt */
	return (uint16_t)(vq->used_idx - wish - 1) < (uint16_t)(vq->used_idx - old);
}
