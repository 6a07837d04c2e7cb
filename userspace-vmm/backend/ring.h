/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ring of bytes. It has no lock: the owner has one.
 */
#ifndef AVMM_BACKEND_RING_H
#define AVMM_BACKEND_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_SIZE	4096	/* a power of two, so that the counters may wrap */

struct ring {
	uint8_t data[RING_SIZE];
	uint32_t in;		/* bytes put in since ever */
	uint32_t out;		/* bytes taken out since ever */
};

static inline size_t ring_used(const struct ring *ring)
{
	return ring->in - ring->out;
}

static inline size_t ring_free(const struct ring *ring)
{
	return RING_SIZE - ring_used(ring);
}

/* Returns how many bytes there was room for. */
size_t ring_put(struct ring *ring, const uint8_t *data, size_t len);

/* The first piece that is in one place: its length, and its address in *data. */
size_t ring_peek(const struct ring *ring, const uint8_t **data);

/* At most ring_used(). */
void ring_drop(struct ring *ring, size_t len);

#endif /* AVMM_BACKEND_RING_H */
