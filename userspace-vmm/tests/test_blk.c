// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tap.h"
#include "util/iov.h"
#include "virtio/blk_command.h"

#define SECTORS		1000

static struct blk_limits limits = { .sectors = SECTORS, .discard = true, .serial = "serial-7" };
static struct blk_command cmd;
static uint8_t in[8192];

/* Pieces of the size, the last one smaller; each at a guest address of its own. */
static unsigned int pieces(struct vq_element *elem, unsigned int n, uint8_t *data, size_t len,
			   size_t piece)
{
	do {
		size_t part = len < piece ? len : piece;

		elem->iov[n] = (struct iovec) { data, part };
		elem->addr[n] = 0x1000000u * (n + 1);
		data += part;
		len -= part;
		n++;
	} while (len);
	return n;
}

/* Returns what blk_command() does. All of it lies in memory of its own, which ASan guards. */
static int ask(uint32_t type, uint64_t sector, const void *out, size_t out_len, size_t in_len,
	       size_t piece)
{
	struct virtio_blk_outhdr header = { .type = type, .sector = sector };
	struct vq_element elem = { .out_len = sizeof(header) + out_len, .in_len = in_len };
	uint8_t *flat = malloc(elem.out_len);
	int ret;

	memcpy(flat, &header, sizeof(header));
	if (out_len)
		memcpy(flat + sizeof(header), out, out_len);
	memset(&cmd, 0xa5, sizeof(cmd));
	elem.out_num = pieces(&elem, 0, flat, elem.out_len, piece);
	elem.in_num = pieces(&elem, elem.out_num, in, in_len, piece) - elem.out_num;
	ret = blk_command(&cmd, &elem, &limits);
	if (ret == 0) {
		size_t data = 0;

		check(cmd.status_byte == in + in_len - 1);
		check((cmd.status_addr & 0xffffff) == (in_len - 1) % piece);
		for (unsigned int i = 0; i < cmd.niov; i++)
			data += cmd.iov[i].iov_len;
		check(!cmd.submit || data == (cmd.op <= BLOCK_WRITE ? cmd.len : 0));
		if (cmd.submit && cmd.op == BLOCK_READ)
			check(cmd.iov[0].iov_base == in);
		if (cmd.submit && cmd.op == BLOCK_WRITE) {
			uint8_t *copy = malloc(data);

			iov_to_buf(cmd.iov, cmd.niov, 0, copy, data);
			check(!memcmp(copy, out, data));
			free(copy);
		}
	}
	free(flat);
	return ret;
}

static bool submits(enum block_op op, uint64_t offset, uint64_t len)
{
	return cmd.submit && cmd.op == op && cmd.offset == offset && cmd.len == len;
}

static bool answers(uint8_t status)
{
	return !cmd.submit && cmd.status == status;
}

static void transfers(void)
{
	static const size_t layouts[] = { 8192, 512, 100, 16, 13 };
	uint8_t data[1024];

	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	for (unsigned int i = 0; i < 5; i++) {
		size_t piece = layouts[i];

		check(ask(VIRTIO_BLK_T_IN, 7, NULL, 0, 1025, piece) == 0);
		check(submits(BLOCK_READ, 7 * 512, 1024) && cmd.read_len == 1024);
		check(ask(VIRTIO_BLK_T_OUT, 9, data, 1024, 1, piece) == 0);
		check(submits(BLOCK_WRITE, 9 * 512, 1024) && cmd.read_len == 0);
		check(ask(VIRTIO_BLK_T_FLUSH, 0, NULL, 0, 1, piece) == 0);
		check(submits(BLOCK_FLUSH, 0, 0));
	}
	/* nothing is to be done */
	check(ask(VIRTIO_BLK_T_IN, SECTORS, NULL, 0, 1, 64) == 0 && answers(VIRTIO_BLK_S_OK));
	check(ask(VIRTIO_BLK_T_OUT, 0, NULL, 0, 1, 64) == 0 && answers(VIRTIO_BLK_S_OK));
}

static void ends(void)
{
	uint8_t data[1024] = { 0 };

	check(ask(VIRTIO_BLK_T_IN, SECTORS - 2, NULL, 0, 1025, 4096) == 0 && cmd.submit);
	check(ask(VIRTIO_BLK_T_IN, SECTORS - 1, NULL, 0, 1025, 4096) == 0);
	check(answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_OUT, SECTORS - 1, data, 1024, 1, 4096) == 0);
	check(answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_IN, UINT64_MAX, NULL, 0, 513, 4096) == 0);
	check(answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_OUT, UINT64_MAX / 512, data, 512, 1, 4096) == 0);
	check(answers(VIRTIO_BLK_S_IOERR));
	/* half a sector */
	check(ask(VIRTIO_BLK_T_IN, 0, NULL, 0, 257, 4096) == 0 && answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_OUT, 0, data, 1000, 1, 4096) == 0 && answers(VIRTIO_BLK_S_IOERR));
}

static void ranges(void)
{
	struct virtio_blk_discard_write_zeroes seg[2] = { { 5, 10, 0 }, { 5, 10, 0 } };

	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 11) == 0);
	check(submits(BLOCK_DISCARD, 5 * 512, 10 * 512));
	check(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, seg, 16, 1, 4096) == 0);
	check(submits(BLOCK_ZERO, 5 * 512, 10 * 512));
	seg->num_sectors = 0;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_OK));
	seg->num_sectors = SECTORS;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	seg->sector = UINT64_MAX;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	seg->sector = 0;
	seg->num_sectors = 1;
	seg->flags = 1;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_UNSUPP));
	check(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, seg, 16, 1, 4096) == 0);
	check(submits(BLOCK_ZERO_UNMAP, 0, 512));
	seg->flags = 2;
	check(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, seg, 16, 1, 4096) == 0);
	check(answers(VIRTIO_BLK_S_UNSUPP));
	/* one segment is offered */
	seg->flags = 0;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 32, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 15, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_DISCARD, 0, NULL, 0, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	limits.discard = false;
	check(ask(VIRTIO_BLK_T_DISCARD, 0, seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_UNSUPP));
	limits.discard = true;
}

static void readonly(void)
{
	struct virtio_blk_discard_write_zeroes seg = { 5, 10, 0 };
	uint8_t data[512] = { 0 };

	limits.readonly = true;
	check(ask(VIRTIO_BLK_T_IN, 0, NULL, 0, 513, 4096) == 0 && cmd.submit);
	check(ask(VIRTIO_BLK_T_OUT, 0, data, 512, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_DISCARD, 0, &seg, 16, 1, 99) == 0 && answers(VIRTIO_BLK_S_IOERR));
	check(ask(VIRTIO_BLK_T_WRITE_ZEROES, 0, &seg, 16, 1, 99) == 0);
	check(answers(VIRTIO_BLK_S_IOERR));
	limits.readonly = false;
}

static void serial(void)
{
	memset(in, 0xee, sizeof(in));
	check(ask(VIRTIO_BLK_T_GET_ID, 0, NULL, 0, 21, 4096) == 0 && answers(VIRTIO_BLK_S_OK));
	check(!memcmp(in, "serial-7\0\0\0\0\0\0\0\0\0\0\0\0\xee", 21) && cmd.read_len == 20);
	memset(in, 0xee, sizeof(in));
	check(ask(VIRTIO_BLK_T_GET_ID, 0, NULL, 0, 5, 3) == 0 && answers(VIRTIO_BLK_S_OK));
	check(!memcmp(in, "seri\xee", 5) && cmd.read_len == 4);
	limits.serial = "12345678901234567890 and more";
	check(ask(VIRTIO_BLK_T_GET_ID, 0, NULL, 0, 21, 8) == 0 && answers(VIRTIO_BLK_S_OK));
	check(!memcmp(in, "12345678901234567890", 20));
	limits.serial = NULL;
	check(ask(VIRTIO_BLK_T_GET_ID, 0, NULL, 0, 21, 8) == 0 && answers(VIRTIO_BLK_S_OK));
	check(!in[0]);
	limits.serial = "serial-7";
}

static void hostile(void)
{
	struct vq_element elem = { .out_len = 15, .in_len = 1 };

	/* no place for a status, and half a header */
	check(ask(VIRTIO_BLK_T_IN, 0, NULL, 0, 0, 4096) == -EINVAL);
	elem.out_num = pieces(&elem, 0, in, 15, 99);
	elem.in_num = pieces(&elem, elem.out_num, in, 1, 99) - elem.out_num;
	check(blk_command(&cmd, &elem, &limits) == -EINVAL);
	check(ask(2, 0, NULL, 0, 1, 4096) == 0 && answers(VIRTIO_BLK_S_UNSUPP));
	check(ask(0xffffffff, 0, NULL, 0, 1, 4096) == 0 && answers(VIRTIO_BLK_S_UNSUPP));
	/* the last piece is empty, so the status is in the one before */
	elem.iov[0] = (struct iovec) { (uint8_t[16]) { VIRTIO_BLK_T_FLUSH }, 16 };
	elem.iov[1] = (struct iovec) { in, 5 };
	elem.addr[1] = 0x4000;
	elem.iov[2] = (struct iovec) { in + 100, 0 };
	elem.out_num = 1;
	elem.in_num = 2;
	elem.out_len = 16;
	elem.in_len = 5;
	check(blk_command(&cmd, &elem, &limits) == 0);
	check(cmd.status_byte == in + 4 && cmd.status_addr == 0x4004);
}

static void iovs(void)
{
	uint8_t buf[64], a[10], b[1], c[20];
	struct iovec iov[] = { { a, sizeof(a) }, { b, 0 }, { b, 1 }, { c, sizeof(c) } }, cut[4];

	for (unsigned int i = 0; i < sizeof(buf); i++)
		buf[i] = i;
	check(iov_from_buf(iov, 4, 0, buf, sizeof(buf)) == 31);
	check(a[9] == 9 && b[0] == 10 && c[0] == 11 && c[19] == 30);
	memset(buf, 0, sizeof(buf));
	check(iov_to_buf(iov, 4, 8, buf, 5) == 5 && buf[0] == 8 && buf[4] == 12 && !buf[5]);
	check(iov_to_buf(iov, 4, 31, buf, 5) == 0);
	check(iov_to_buf(iov, 4, 30, buf, 5) == 1 && buf[0] == 30);
	check(iov_cut(cut, iov, 4, 10, 3) == 2);
	check(cut[0].iov_base == b && cut[0].iov_len == 1);
	check(cut[1].iov_base == c && cut[1].iov_len == 2);
	check(iov_cut(cut, iov, 4, 0, 0) == 0);
	check(iov_cut(cut, iov, 4, 11, 1000) == 1 && cut[0].iov_len == 20);
}

const struct tap_test blk_tests[] = {
	{ "pieces of memory", iovs },
	{ "read, write, flush", transfers },
	{ "the end of the disk", ends },
	{ "discard and zeros", ranges },
	{ "read-only", readonly },
	{ "serial number", serial },
	{ "what no driver asks", hostile },
	{ NULL, NULL },
};
