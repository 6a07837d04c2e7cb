/* SPDX-License-Identifier: GPL-2.0 */
/* An xarray for the build machine: a sorted array. Included by vgic_fake.h. */
#ifndef FAKE_XARRAY_H
#define FAKE_XARRAY_H

struct fake_xa_slot {
	unsigned long index;
	void *entry;
};

/* @slot: the first of @n that are in use; @base: of @room that there are */
struct xarray {
	struct fake_xa_slot *slot, *base;
	size_t n, room;
};

#define XA_FLAGS_ACCOUNT	0
#define XA_PRESENT		0

static bool fake_xa_fails;	/* no memory for another entry */

static inline void xa_init_flags(struct xarray *xa, int flags)
{
	memset(xa, 0, sizeof(*xa));
}

static inline void *xa_mk_value(unsigned long v)
{
	if ((long)v < 0)
		abort();
	return (void *)(v << 1 | 1);
}

static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}

/* position of the first entry at @index or above */
static inline size_t fake_xa_at(const struct xarray *xa, unsigned long index)
{
	size_t lo = 0, hi = xa->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (xa->slot[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static inline void *xa_load(const struct xarray *xa, unsigned long index)
{
	size_t at = fake_xa_at(xa, index);

	return at < xa->n && xa->slot[at].index == index ? xa->slot[at].entry : NULL;
}

static inline int xa_insert(struct xarray *xa, unsigned long index, void *entry, int gfp)
{
	size_t at = fake_xa_at(xa, index);

	if (xa_load(xa, index))
		return -EBUSY;
	if (fake_xa_fails)
		return -ENOMEM;
	if (xa->slot + xa->n == xa->base + xa->room) {
		size_t skip = xa->slot - xa->base;

		xa->room = xa->room * 2 + 8;
		xa->base = realloc(xa->base, xa->room * sizeof(*xa->slot));
		xa->slot = xa->base + skip;
	}
	memmove(&xa->slot[at + 1], &xa->slot[at], (xa->n - at) * sizeof(*xa->slot));
	xa->slot[at] = (struct fake_xa_slot){ index, entry };
	xa->n++;
	return 0;
}

static inline void *xa_store(struct xarray *xa, unsigned long index, void *entry, int gfp)
{
	int err = xa_insert(xa, index, entry, gfp);

	if (err == -EBUSY)
		xa->slot[fake_xa_at(xa, index)].entry = entry;
	return err == -ENOMEM ? (void *)(unsigned long)err : NULL;
}

static inline int xa_err(void *entry)
{
	return (unsigned long)entry >= -4095UL ? (int)(long)entry : 0;
}

static inline void *xa_erase(struct xarray *xa, unsigned long index)
{
	size_t at = fake_xa_at(xa, index);
	void *entry = xa_load(xa, index);

	if (!entry)
		return NULL;
	xa->n--;
	if (!at)
		xa->slot++;
	else
		memmove(&xa->slot[at], &xa->slot[at + 1], (xa->n - at) * sizeof(*xa->slot));
	return entry;
}

static inline void xa_destroy(struct xarray *xa)
{
	free(xa->base);
	memset(xa, 0, sizeof(*xa));
}

static inline void *xa_find(const struct xarray *xa, unsigned long *index, unsigned long last,
			    int mark)
{
	size_t at = fake_xa_at(xa, *index);

	if (at == xa->n || xa->slot[at].index > last)
		return NULL;
	*index = xa->slot[at].index;
	return xa->slot[at].entry;
}

static inline void *xa_find_after(const struct xarray *xa, unsigned long *index,
				  unsigned long last, int mark)
{
	unsigned long next = *index + 1;
	void *entry = next ? xa_find(xa, &next, last, mark) : NULL;

	if (entry)
		*index = next;
	return entry;
}

#define xa_for_each_range(xa, index, entry, start, last)			\
	for (index = start, entry = xa_find(xa, &index, last, XA_PRESENT); entry;	\
	     entry = xa_find_after(xa, &index, last, XA_PRESENT))
#define xa_for_each(xa, index, entry)	xa_for_each_range(xa, index, entry, 0, ~0UL)

#endif /* FAKE_XARRAY_H */
