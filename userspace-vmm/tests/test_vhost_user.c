// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"
#include "virtio/vhost_user_message.h"

#define MS	20

struct wire {
	uint32_t request, flags, size;
};

static int pair[2];

static void open_pair(void)
{
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static void sends(void)
{
	struct vu_vring_state state = { 7, 256 };
	uint8_t buf[64], control[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct wire *wire = (const struct wire *)buf;
	struct cmsghdr *cmsg;
	struct stat a, b;
	int fd;

	open_pair();
	check(vu_send(pair[0], VU_SET_VRING_NUM, VU_FLAG_NEED_REPLY, &state, sizeof(state),
		      pair[0], MS) == 0);
	check(recvmsg(pair[1], &msg, 0) == 20);
	check(wire->request == VU_SET_VRING_NUM && wire->flags == (1 | 8) && wire->size == 8);
	check(!memcmp(buf + 12, &state, sizeof(state)));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (check(cmsg && cmsg->cmsg_type == SCM_RIGHTS)) {
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		check(fstat(fd, &a) == 0 && fstat(pair[0], &b) == 0 && a.st_ino == b.st_ino);
		close(fd);
	}
	/* nobody reads: it does not wait for ever, nor for one that is gone */
	for (int i = 0; i < 100000; i++)
		if (vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -ETIMEDOUT)
			break;
	check(vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -ETIMEDOUT);
	close(pair[1]);
	check(vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -EPIPE);
	close(pair[0]);
}

/* What the other side answers to GET_FEATURES with 8 bytes */
static int answer(const void *bytes, size_t len, uint64_t *value)
{
	int ret;

	open_pair();
	check(write(pair[1], bytes, len) == (ssize_t)len);
	ret = vu_receive(pair[0], VU_GET_FEATURES, value, sizeof(*value), MS);
	close_pair();
	return ret;
}

static void answers(void)
{
	/* no padding before the payload, so it is written in two parts */
	uint8_t good[20], bad[20];
	const uint32_t header[] = { VU_GET_FEATURES, 1 | 4, 8 };
	uint64_t value = 0x1122334455667788;

	memcpy(good, header, 12);
	memcpy(good + 12, &value, 8);
	value = 0;
	check(answer(good, 20, &value) == 0 && value == 0x1122334455667788);
	/* too little, and then nothing more */
	check(answer(good, 0, &value) == -ETIMEDOUT);
	check(answer(good, 11, &value) == -ETIMEDOUT);
	check(answer(good, 19, &value) == -ETIMEDOUT);
	for (unsigned int word = 0; word < 3; word++) {
		static const uint32_t lies[3][3] = {
			{ 0, VU_GET_CONFIG, 0xffffffff },	/* another request */
			{ 1, 4, 2 | 4 },			/* no answer, no or another version */
			{ 0, 9, 0xffffffff },			/* another size */
		};

		for (unsigned int i = 0; i < 3; i++) {
			memcpy(bad, good, sizeof(bad));
			memcpy(bad + 4 * word, &lies[word][i], 4);
			check(answer(bad, 20, &value) == -EPROTO);
		}
	}
	open_pair();
	close(pair[1]);
	check(vu_receive(pair[0], VU_GET_FEATURES, &value, sizeof(value), MS) == -EPIPE);
	close(pair[0]);
}

const struct tap_test vhost_user_tests[] = {
	{ "what is sent", sends },
	{ "what is answered", answers },
	{ NULL, NULL },
};
