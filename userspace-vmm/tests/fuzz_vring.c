// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: the input is the RAM of a driver that does what it likes, with the first bytes for the
 * shape of the queue. All that comes out of the queue is touched.
 */
#include <stdlib.h>
#include <string.h>

#include "virtio/vring.h"

#define BASE	0x40000000ULL

struct shape {
	uint16_t num, desc, avail, used, last_avail;
	uint8_t event_idx, pushed;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct virtqueue vq = { .max = 64 };
	struct memory memory = { .base = BASE };
	static struct vq_element elem;
	struct shape shape;

	if (size < sizeof(shape) || size > 1 << 16)
		return 0;
	memcpy(&shape, data, sizeof(shape));
	memory.size = size - sizeof(shape);
	memory.host = aligned_alloc(16, (memory.size + 16) & ~15ULL);
	memcpy(memory.host, data + sizeof(shape), memory.size);
	vring_reset(&vq);
	vq.num = 1 << shape.num % 8;
	vq.desc = BASE + shape.desc;
	vq.avail = BASE + shape.avail;
	vq.used = BASE + shape.used;
	vq.last_avail = shape.last_avail;
	if (vring_start(&vq, &memory, shape.event_idx & 1) == 0) {
		for (int i = 0; i < 300 && vring_pop(&vq, &elem) > 0; i++) {
			for (unsigned int j = 0; j < elem.out_num + elem.in_num; j++) {
				volatile uint8_t *p = elem.iov[j].iov_base;
				size_t len = elem.iov[j].iov_len;

				if (!len)
					continue;
				if (j < elem.out_num)
					(void)(p[0] + p[len - 1]);
				else
					p[0] = p[len - 1] = i;
			}
			vring_push(&vq, &elem, shape.pushed);
			vring_wants_interrupt(&vq);
		}
	}
	free(memory.host);
	return 0;
}
