// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: requests to a disk, frames with their headers, the stream of a user network and the
 * answer of a vhost-user process. The first byte says which; the second is the size of the pieces
 * that a driver cuts its request into.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net_stream.h"
#include "util/iov.h"
#include "virtio/blk_command.h"
#include "virtio/net_header.h"
#include "virtio/vhost_user_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* As many pieces as there are places for, each of memory of its own. */
static unsigned int cut(struct vq_element *elem, unsigned int first, const uint8_t *data,
			size_t len, size_t piece)
{
	unsigned int n = 0;

	for (; len && first + n < VQ_IOV_MAX; n++) {
		size_t part = len < piece ? len : piece;

		elem->iov[first + n] = (struct iovec) { malloc(part), part };
		memcpy(elem->iov[first + n].iov_base, data, part);
		data += part;
		len -= part;
	}
	return n;
}

static void disk(const uint8_t *data, size_t size, size_t piece)
{
	const struct blk_limits limits = {
		.sectors = 1000, .readonly = size % 7 == 0, .discard = size % 3, .serial = "x",
	};
	static struct blk_command cmd;
	struct vq_element elem = { .out_len = 0 };
	size_t out = size ? data[0] * 8 % (size + 1) : 0, sum = 0;

	elem.out_num = cut(&elem, 0, data, out, piece);
	elem.in_num = cut(&elem, elem.out_num, data + out, size - out, piece);
	for (unsigned int i = 0; i < elem.out_num + elem.in_num; i++)
		*(i < elem.out_num ? &elem.out_len : &elem.in_len) += elem.iov[i].iov_len;
	if (blk_command(&cmd, &elem, &limits) == 0) {
		*cmd.status_byte = 0;
		for (unsigned int i = 0; i < cmd.niov; i++)
			sum += cmd.iov[i].iov_len;
		require(!cmd.submit || cmd.offset / 512 + cmd.len / 512 <= limits.sectors);
		require(!cmd.submit || cmd.op > BLOCK_WRITE || sum == cmd.len);
		require(!cmd.submit || !limits.readonly || cmd.op == BLOCK_READ ||
			cmd.op == BLOCK_FLUSH);
		require(cmd.read_len < elem.in_len);
	}
	for (unsigned int i = 0; i < elem.out_num + elem.in_num; i++)
		free(elem.iov[i].iov_base);
}

static void header(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr_v1 h = { .flags = 0 };
	uint64_t features = 0;

	memcpy(&h, data, size < sizeof(h) ? size : sizeof(h));
	if (size > sizeof(h))
		memcpy(&features, data + sizeof(h),
		       size - sizeof(h) < sizeof(features) ? size - sizeof(h) : sizeof(features));
	if (net_header_ok(&h, features, size))
		require(!h.flags || (size_t)h.csum_start + h.csum_offset + 2 <= size);
}

static void stream(const uint8_t *data, size_t size, size_t piece)
{
	static struct net_stream s;
	static uint8_t frame[NET_FRAME_MAX];

	s.start = s.end = 0;
	while (size) {
		size_t room, n = size < piece ? size : piece;
		uint8_t *p = net_stream_room(&s, &room);
		ssize_t ret;

		require(room > 0);
		if (n > room)
			n = room;
		memcpy(p, data, n);
		s.end += n;
		data += n;
		size -= n;
		while ((ret = net_stream_take(&s, frame)) > 0)
			;
		if (ret < 0)
			return;
	}
}

static void answer(const uint8_t *data, size_t size)
{
	uint8_t payload[8];
	int pair[2];

	if (size > 4096 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return;
	if (write(pair[1], data, size) == (ssize_t)size) {
		close(pair[1]);
		vu_receive(pair[0], VU_GET_FEATURES, payload, sizeof(payload), NULL, 1);
	} else {
		close(pair[1]);
	}
	close(pair[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece;

	if (size < 2)
		return 0;
	piece = 1 + data[1];
	switch (data[0] % 4) {
	case 0:
		disk(data + 2, size - 2, piece);
		break;
	case 1:
		header(data + 2, size - 2);
		break;
	case 2:
		stream(data + 2, size - 2, piece);
		break;
	default:
		answer(data + 2, size - 2);
	}
	return 0;
}
