// SPDX-License-Identifier: GPL-2.0
/*
 * The stream is the one that passt(1) speaks with QEMU's -netdev stream.
 */
#include "backend/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net_stream.h"
#include "core/log.h"
#include "util/iov.h"
#include "util/process.h"
#include "util/unix_socket.h"
#include "virtio/vring.h"

struct net_passt {
	struct net_backend net;		/* first */
	struct event_loop *loop;
	struct event_source source;
	struct process process;
	bool down;			/* the other end is gone, or makes no sense */
	struct net_stream in;
	/* the rest of a frame of which the socket took a part */
	size_t out_start, out_end;
	uint8_t out[NET_STREAM_HEADER + NET_FRAME_MAX];
};

static void hang_up(struct net_passt *passt, const char *why)
{
	if (passt->down)
		return;
	passt->down = true;
	log_error("--net: the user network is gone: %s", why);
	event_loop_remove(passt->loop, &passt->source);
	shutdown(passt->source.fd, SHUT_RDWR);
	if (passt->net.ready)
		passt->net.ready(passt->net.opaque, false);
}

/* 0, or -EAGAIN if a rest remains. */
static int send_rest(struct net_passt *passt)
{
	while (passt->out_start < passt->out_end) {
		ssize_t n = send(passt->source.fd, passt->out + passt->out_start,
				 passt->out_end - passt->out_start, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n < 0) {
			hang_up(passt, strerror(errno));
			return -EPIPE;
		}
		passt->out_start += n;
	}
	return 0;
}

static int passt_send(struct net_backend *net, const struct virtio_net_hdr_v1 *header,
		      const struct iovec *frame, unsigned int n)
{
	struct net_passt *passt = (struct net_passt *)net;
	struct iovec iov[VQ_IOV_MAX + 1];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n + 1 };
	size_t len = 0;
	uint32_t prefix;
	ssize_t done;
	int ret;

	(void)header;	/* no feature was offered, so there is nothing in it */
	if (passt->down)
		return -EPIPE;
	ret = send_rest(passt);
	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < n; i++)
		len += frame[i].iov_len;
	if (len > NET_FRAME_MAX)
		return -EMSGSIZE;
	prefix = htonl(len);
	iov[0] = (struct iovec) { &prefix, sizeof(prefix) };
	memcpy(iov + 1, frame, n * sizeof(*frame));
	do {
		done = sendmsg(passt->source.fd, &msg, MSG_NOSIGNAL);
	} while (done < 0 && errno == EINTR);
	if (done < 0) {
		if (errno != EAGAIN)
			hang_up(passt, strerror(errno));
		return -errno;
	}
	/* a stream with a part of a frame in it is no stream, so we keep the rest */
	passt->out_start = 0;
	passt->out_end = iov_to_buf(iov, n + 1, done, passt->out, sizeof(passt->out));
	return 0;
}

static ssize_t passt_receive(struct net_backend *net, struct virtio_net_hdr_v1 *header, void *frame)
{
	struct net_passt *passt = (struct net_passt *)net;

	memset(header, 0, sizeof(*header));
	while (!passt->down) {
		ssize_t n = net_stream_take(&passt->in, frame);
		uint8_t *room;
		size_t len;

		if (n > 0)
			return n;
		if (n < 0) {
			hang_up(passt, "it sent what is no frame");
			return 0;
		}
		room = net_stream_room(&passt->in, &len);
		n = recv(passt->source.fd, room, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0) {
			hang_up(passt, n < 0 ? strerror(errno) : "it closed the connection");
			return 0;
		}
		passt->in.end += n;
	}
	return 0;
}

static void passt_ready(void *opaque)
{
	struct net_passt *passt = opaque;

	send_rest(passt);
	if (!passt->down && passt->net.ready)
		passt->net.ready(passt->net.opaque, true);
}

static void passt_ended(void *opaque)
{
	hang_up(opaque, "passt ended");
}

static void passt_destroy(struct net_backend *net)
{
	struct net_passt *passt = (struct net_passt *)net;

	event_loop_remove(passt->loop, &passt->source);
	close(passt->source.fd);
	process_stop(&passt->process);
	free(passt);
}

static const struct net_backend_ops ops = {
	.send = passt_send, .receive = passt_receive, .destroy = passt_destroy,
};

/* Takes fd over in any case. */
static struct net_backend *open_stream(int fd, struct event_loop *loop, struct error *err)
{
	struct net_passt *passt = calloc(1, sizeof(*passt));
	int ret;

	if (!passt) {
		close(fd);
		error_set(err, -ENOMEM, "--net: no memory");
		return NULL;
	}
	passt->net.ops = &ops;
	passt->net.tap = -1;
	passt->loop = loop;
	passt->source = (struct event_source) { .fd = fd, .ready = passt_ready, .opaque = passt };
	ret = fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
	if (ret == 0)
		ret = event_loop_add(loop, &passt->source, EPOLLIN | EPOLLOUT | EPOLLET);
	if (ret < 0) {
		error_set(err, ret, "--net: the socket cannot be waited for: %s", strerror(-ret));
		passt_destroy(&passt->net);
		return NULL;
	}
	return &passt->net;
}

struct net_backend *net_stream_connect(const char *path, struct event_loop *loop,
				       struct error *err)
{
	int fd = unix_connect("--net", path, true, err);

	return fd < 0 ? NULL : open_stream(fd, loop, err);
}

struct net_backend *net_passt_open(const char *tcp, const char *udp, struct event_loop *loop,
				   struct error *err)
{
	/* descriptor 3 is the one that process_start() keeps */
	char *const argv[] = {
		"passt", "--foreground", "--quiet", "--fd", "3", "--tcp-ports",
		(char *)(tcp ? tcp : "none"), "--udp-ports", (char *)(udp ? udp : "none"), NULL,
	};
	struct net_passt *passt;
	int pair[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		error_set(err, -errno, "--net: no socket: %s", strerror(errno));
		return NULL;
	}
	passt = (struct net_passt *)open_stream(pair[0], loop, err);
	if (passt) {
		passt->process.ended = passt_ended;
		passt->process.opaque = passt;
		ret = process_start(&passt->process, argv, pair[1], loop, err);
		if (ret == -ENOENT)
			error_set(err, ret, "--net: user needs the program passt, which is not "
				  "installed");
		if (ret < 0) {
			passt_destroy(&passt->net);
			passt = NULL;
		}
	}
	close(pair[1]);
	return passt ? &passt->net : NULL;
}
