// SPDX-License-Identifier: GPL-2.0
#include "virtio/vhost_user_message.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

union control {
	struct cmsghdr align;
	char buf[CMSG_SPACE(sizeof(int))];
};

struct vu_header { uint32_t request, flags, size; };

#define FLAG_VERSION		1
#define FLAG_VERSION_MASK	3
#define FLAG_REPLY		4

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int wait_for(int socket, short events, int64_t deadline)
{
	struct pollfd poll_fd = { .fd = socket, .events = events };
	int64_t left = deadline - now_ms();
	int ret = left > 0 ? poll(&poll_fd, 1, left) : 0;

	if (ret < 0 && errno != EINTR)
		return -errno;
	return ret == 0 ? -ETIMEDOUT : 0;
}

int vu_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	    int fd, int ms)
{
	struct vu_header header = { request, FLAG_VERSION | flags, size };
	union control control;
	struct iovec iov[] = { { &header, sizeof(header) }, { (void *)payload, size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	int64_t deadline = now_ms() + ms;
	size_t left = sizeof(header) + size;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	while (left) {
		ssize_t n = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		int ret;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			ret = wait_for(socket, POLLOUT, deadline);
			if (ret < 0)
				return ret;
			continue;
		}
		/* the descriptor went with the first byte */
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
		left -= n;
		while (n && (size_t)n >= msg.msg_iov->iov_len) {
			n -= msg.msg_iov->iov_len;
			msg.msg_iov++;
			msg.msg_iovlen--;
		}
		if (n) {
			msg.msg_iov->iov_base = (char *)msg.msg_iov->iov_base + n;
			msg.msg_iov->iov_len -= n;
		}
	}
	return 0;
}

/* Of what comes in msg the first descriptor; there is no place for more. */
static void take_fd(struct msghdr *msg, int *fd)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
}

/* Descriptors that nobody asked for are not taken: there is no place for them. */
static int receive_all(int socket, void *buf, size_t len, int *fd, int64_t deadline)
{
	union control control;

	while (len) {
		struct iovec iov = { buf, len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;
		int ret;

		if (fd && *fd < 0) {
			msg.msg_control = control.buf;
			msg.msg_controllen = sizeof(control.buf);
		}
		n = recvmsg(socket, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n == 0)
			return -EPIPE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			ret = wait_for(socket, POLLIN, deadline);
			if (ret < 0)
				return ret;
			continue;
		}
		if (msg.msg_control)
			take_fd(&msg, fd);
		buf = (char *)buf + n;
		len -= n;
	}
	return 0;
}

int vu_receive(int socket, uint32_t request, void *payload, uint32_t size, int *fd, int ms)
{
	int64_t deadline = now_ms() + ms;
	struct vu_header header;
	int ret;

	if (fd)
		*fd = -1;
	ret = receive_all(socket, &header, sizeof(header), fd, deadline);
	if (ret == 0 && (header.request != request || header.size != size ||
			 !(header.flags & FLAG_REPLY) ||
			 (header.flags & FLAG_VERSION_MASK) != FLAG_VERSION))
		ret = -EPROTO;
	if (ret == 0)
		ret = receive_all(socket, payload, size, NULL, deadline);
	if (ret < 0 && fd && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return ret;
}
