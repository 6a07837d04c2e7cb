// SPDX-License-Identifier: GPL-2.0
/*
 * The driver is played here, in RAM of exactly its size, so that the address sanitizer sees a step
 * beyond it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"
#include "virtio/vring.h"

#define BASE	0x40000000ULL
#define SIZE	0x10000U
#define NUM	8U
#define DESC	(BASE + 0x1000)
#define AVAIL	(BASE + 0x2000)
#define USED	(BASE + 0x3000)
#define BUF	(BASE + 0x8000)

enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };

static struct memory memory;
static struct virtqueue vq;
static struct vq_element elem;

static void *at(uint64_t addr)
{
	return memory.host + (addr - BASE);
}

static uint16_t *word(uint64_t addr)
{
	return at(addr);
}

static void setup(bool event_idx)
{
	memory = (struct memory) { .host = calloc(1, SIZE), .base = BASE, .size = SIZE, .fd = -1 };
	vq = (struct virtqueue) { .max = NUM };
	vring_reset(&vq);
	vq.ready = true;
	vq.desc = DESC;
	vq.avail = AVAIL;
	vq.used = USED;
	check(vring_start(&vq, &memory, event_idx) == 0);
}

static void done(void)
{
	vring_stop(&vq);
	free(memory.host);
}

static void desc_at(uint64_t table, unsigned int i, uint64_t addr, uint32_t len, uint16_t flags,
		    uint16_t next)
{
	uint8_t *d = at(table + 16 * i);

	memcpy(d, &addr, 8);
	memcpy(d + 8, &len, 4);
	memcpy(d + 12, &flags, 2);
	memcpy(d + 14, &next, 2);
}

static void desc(unsigned int i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	desc_at(DESC, i, addr, len, flags, next);
}

static void offer(uint16_t head)
{
	uint16_t *idx = word(AVAIL + 2);

	*word(AVAIL + 4 + 2 * (*idx % NUM)) = head;
	++*idx;
}

static void pop_and_push(void)
{
	setup(false);
	check(vring_pop(&vq, &elem) == 0);
	desc(3, BUF, 16, NEXT, 5);
	desc(5, BUF + 0x100, 512, NEXT | WRITE, 1);
	desc(1, BASE + SIZE - 1, 1, WRITE, 7);
	offer(3);
	check(vring_pop(&vq, &elem) == 1);
	check(elem.head == 3 && elem.out_num == 1 && elem.in_num == 2);
	check(elem.out_len == 16 && elem.in_len == 513);
	check(elem.iov[0].iov_base == at(BUF) && elem.iov[0].iov_len == 16);
	check(elem.iov[1].iov_base == at(BUF + 0x100) && elem.addr[2] == BASE + SIZE - 1);
	check(vring_pop(&vq, &elem) == 0);
	vring_unpop(&vq);
	check(vring_pop(&vq, &elem) == 1 && elem.head == 3);
	vring_push(&vq, &elem, 17);
	check(*word(USED + 2) == 1 && *word(USED + 4) == 3 && *word(USED + 8) == 17);
	done();
}

static void wraps(void)
{
	setup(true);
	desc(2, BUF, 4, WRITE, 0);
	for (int i = 0; i < 70000; i++) {
		offer(2);
		if (vring_pop(&vq, &elem) != 1) {
			check(!"an element");
			break;
		}
		vring_push(&vq, &elem, 4);
	}
	check(*word(USED + 2) == (uint16_t)70000 && vring_pop(&vq, &elem) == 0);
	done();
}

static void indirect(void)
{
	setup(false);
	desc_at(BUF, 0, BUF + 0x100, 8, NEXT, 2);
	desc_at(BUF, 2, BUF + 0x200, 8, NEXT | WRITE, 1);
	desc_at(BUF, 1, BUF + 0x300, 8, WRITE, 0);
	desc(0, BUF, 48, INDIRECT, 0);
	offer(0);
	check(vring_pop(&vq, &elem) == 1);
	check(elem.out_num == 1 && elem.in_num == 2 && elem.addr[2] == BUF + 0x300);
	/* the last one of a chain, 2.7.5.3.2 */
	desc(1, BUF + 0x400, 4, NEXT, 0);
	offer(1);
	check(vring_pop(&vq, &elem) == 1);
	check(elem.out_num == 2 && elem.in_num == 2 && elem.addr[0] == BUF + 0x400);
	done();
}

static void events(void)
{
	setup(true);
	desc(0, BUF, 4, WRITE, 0);
	check(vring_pop(&vq, &elem) == 0);
	check(*word(USED + 4 + 8 * NUM) == 0);
	offer(0);
	check(vring_pop(&vq, &elem) == 1);
	check(vring_pop(&vq, &elem) == 0);
	/* notify me of entry 1 */
	check(*word(USED + 4 + 8 * NUM) == 1);
	vring_push(&vq, &elem, 0);
	/* the first one always */
	*word(AVAIL + 4 + 2 * NUM) = 100;
	check(vring_wants_interrupt(&vq));
	vring_push(&vq, &elem, 0);
	check(!vring_wants_interrupt(&vq));
	*word(AVAIL + 4 + 2 * NUM) = 2;
	check(!vring_wants_interrupt(&vq));
	vring_push(&vq, &elem, 0);
	check(vring_wants_interrupt(&vq));
	check(!vring_wants_interrupt(&vq));
	/* a batch that steps over the wish */
	*word(AVAIL + 4 + 2 * NUM) = 4;
	for (int i = 0; i < 4; i++)
		vring_push(&vq, &elem, 0);
	check(vring_wants_interrupt(&vq));
	done();
	setup(false);
	check(vring_wants_interrupt(&vq));
	*word(AVAIL) = 1;
	check(!vring_wants_interrupt(&vq));
	done();
}

static void dirty(void)
{
	unsigned long bits[1] = { 0 };

	setup(false);
	memory.dirty = bits;
	desc(0, BUF, 16, NEXT, 1);
	desc(1, BUF + 0xff0, 0x1000, WRITE, 0);
	offer(0);
	check(vring_pop(&vq, &elem) == 1);
	vring_push(&vq, &elem, 0x10);
	/* the used ring, and the page with the 16 bytes that were written */
	check(bits[0] == (1UL << 3 | 1UL << 8));
	vring_push(&vq, &elem, 0x11);
	check(bits[0] == (1UL << 3 | 1UL << 8 | 1UL << 9));
	done();
}

/* Descriptor 0 of what no driver may do, offered once */
static const struct {
	const char *what;
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
} bad[] = {
	{ "below RAM", BASE - 1, 2, 0, 0 },
	{ "over the end", BASE + SIZE - 1, 2, 0, 0 },
	{ "far over the end", BUF, 0xffffffff, 0, 0 },
	{ "around the end of the world", ~0ULL, 16, WRITE, 0 },
	{ "a loop of one", BUF, 16, NEXT, 0 },
	{ "a loop of two", BUF, 16, NEXT, 1 },
	{ "next is no descriptor", BUF, 16, NEXT, NUM },
	{ "next is far away", BUF, 16, NEXT, 0xffff },
	{ "written before read", BUF, 16, NEXT | WRITE, 2 },
	{ "an indirect table of no entry", BUF, 0, INDIRECT, 0 },
	{ "an indirect table of half an entry", BUF, 24, INDIRECT, 0 },
	{ "an indirect table with a successor", BUF, 16, INDIRECT | NEXT, 2 },
	{ "an indirect table outside RAM", BASE + SIZE, 16, INDIRECT, 0 },
	{ "an indirect table that ends outside", BASE + SIZE - 16, 32, INDIRECT, 0 },
	{ "an unaligned indirect table", BUF + 1, 16, INDIRECT, 0 },
	{ "an indirect table in an indirect one", BUF + 0x100, 16, INDIRECT, 0 },
	{ "an indirect loop", BUF + 0x200, 32, INDIRECT, 0 },
	{ "an indirect chain out of its table", BUF + 0x300, 16, INDIRECT, 0 },
	{ "more buffers than we take", BUF + 0x1000, 16 * (VQ_IOV_MAX + 1), INDIRECT, 0 },
};

static void hostile(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		setup(true);
		desc(0, bad[i].addr, bad[i].len, bad[i].flags, bad[i].next);
		desc(1, BUF, 1, NEXT, 0);
		desc(2, BUF, 1, 0, 0);
		desc_at(BUF + 0x100, 0, BUF, 16, INDIRECT, 0);
		desc_at(BUF + 0x200, 0, BUF, 16, NEXT, 1);
		desc_at(BUF + 0x200, 1, BUF, 16, NEXT, 0);
		desc_at(BUF + 0x300, 0, BUF, 16, NEXT, 1);
		/* good ones, but behind the end of their tables */
		desc(NUM, BUF, 1, 0, 0);
		desc_at(BUF + 0x300, 1, BUF, 16, 0, 0);
		for (unsigned int j = 0; j <= VQ_IOV_MAX; j++)
			desc_at(BUF + 0x1000, j, BUF, 1, j == VQ_IOV_MAX ? 0 : NEXT, j + 1);
		offer(0);
		if (!check(vring_pop(&vq, &elem) < 0))
			tap_check(false, bad[i].what, __FILE__, __LINE__);
		/* and nothing more from it */
		desc(0, BUF, 16, 0, 0);
		check(vring_pop(&vq, &elem) < 0);
		done();
	}
	setup(false);
	desc(NUM, BUF, 1, 0, 0);
	offer(NUM);
	check(vring_pop(&vq, &elem) < 0);
	done();
	/* more offered than there are entries */
	setup(false);
	*word(AVAIL + 2) = NUM + 1;
	check(vring_pop(&vq, &elem) < 0);
	done();
}

static void places(void)
{
	static const struct {
		uint16_t num;
		uint64_t desc, avail, used;
	} no[] = {
		{ 0, DESC, AVAIL, USED }, { 16, DESC, AVAIL, USED }, { 7, DESC, AVAIL, USED },
		{ 8, DESC + 8, AVAIL, USED }, { 8, DESC, AVAIL + 1, USED },
		{ 8, DESC, AVAIL, USED + 2 }, { 8, BASE - 16, AVAIL, USED },
		{ 8, BASE + SIZE - 112, AVAIL, USED }, { 8, DESC, BASE + SIZE - 20, USED },
		{ 8, DESC, AVAIL, BASE + SIZE - 68 }, { 8, 0, 0, 0 }, { 8, ~15ULL, AVAIL, USED },
	};

	setup(false);
	vring_stop(&vq);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		vq.num = no[i].num;
		vq.desc = no[i].desc;
		vq.avail = no[i].avail;
		vq.used = no[i].used;
		check(vring_start(&vq, &memory, true) == -EINVAL);
		check(vring_pop(&vq, &elem) == 0);
	}
	/* to the last byte */
	vq.num = 8;
	vq.desc = BASE + SIZE - 128;
	vq.avail = BASE + SIZE - 22;
	vq.used = BASE;
	check(vring_start(&vq, &memory, true) == 0);
	done();
}

const struct tap_test vring_tests[] = {
	{ "an element there and back", pop_and_push },
	{ "indices wrap around", wraps },
	{ "indirect", indirect },
	{ "event index", events },
	{ "what was written is known", dirty },
	{ "hostile chains", hostile },
	{ "where a queue can be", places },
	{ NULL, NULL },
};
