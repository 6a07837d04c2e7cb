// SPDX-License-Identifier: GPL-2.0
#include "backend/ring.h"

size_t ring_put(struct ring *ring, const uint8_t *data, size_t len)
{
	size_t n = len < ring_free(ring) ? len : ring_free(ring);

	for (size_t i = 0; i < n; i++)
		ring->data[ring->in++ % RING_SIZE] = data[i];
	return n;
}

size_t ring_peek(const struct ring *ring, const uint8_t **data)
{
	size_t start = ring->out % RING_SIZE, used = ring_used(ring);

	*data = ring->data + start;
	return used < RING_SIZE - start ? used : RING_SIZE - start;
}

void ring_drop(struct ring *ring, size_t len)
{
	ring->out += len;
}
