// SPDX-License-Identifier: GPL-2.0
#include "migration/channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/unix_socket.h"

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Of a peer that is gone without a word, after half a minute; a unix socket needs none of it. */
static void notice_death(int fd)
{
	static const int on = 1, idle = 10, interval = 5, count = 4, timeout = 30000;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

int channel_open(struct channel *channel, int fd, int cancel, struct error *err)
{
	struct stat st;
	int flags;

	*channel = (struct channel) {
		.fd = fd, .cancel = cancel,
		.out = malloc(CHANNEL_BUFFER), .in = malloc(CHANNEL_BUFFER),
	};
	flags = fstat(fd, &st) < 0 ? -1 : fcntl(fd, F_GETFL);
	if (flags < 0) {
		error_set(err, -errno, "the stream's file cannot be used: %s", strerror(errno));
		channel_close(channel);
		return err->code;
	}
	if (!channel->out || !channel->in) {
		channel_close(channel);
		return error_set(err, -ENOMEM, "no memory for the stream's buffers");
	}
	channel->two_way = S_ISSOCK(st.st_mode);
	channel->regular = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
	if (channel->two_way)
		notice_death(fd);
	if (!channel->regular)
		fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel->fd >= 0)
		close(channel->fd);
	channel->fd = -1;
	free(channel->out);
	free(channel->in);
	channel->out = NULL;
	channel->in = NULL;
}

/* Waits for the file, for at most so long, or for somebody who cancels. */
static int wait_for(const struct channel *channel, short events, int timeout)
{
	struct pollfd fds[2] = {
		{ .fd = channel->regular ? -1 : channel->fd, .events = events },
		{ .fd = channel->cancel, .events = POLLIN },
	};
	int ret;

	do {
		ret = poll(fds, 2, channel->regular && events ? 0 : timeout);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	if (fds[1].revents)
		return -ECANCELED;
	return fds[0].revents || (channel->regular && events);
}

/* ---- writing ---- */

/* A tenth of a second's bytes may leave at once; then we wait until they should have. */
static int keep_rate(struct channel *channel)
{
	uint64_t now = now_ns(), due;

	if (!channel->rate)
		return 0;
	due = channel->window_start +
	      (uint64_t)((double)channel->window_bytes * 1e9 / channel->rate);
	if (now < due && channel->window_bytes > channel->rate / 10) {
		uint64_t ms = (due - now) / 1000000;
		int ret = wait_for(channel, 0, ms > 1000 ? 1000 : ms + 1);

		return ret < 0 ? ret : 0;
	}
	if (now > due) {
		channel->window_start = now;
		channel->window_bytes = 0;
	}
	return 0;
}

static int send_out(struct channel *channel, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n;
		int ret = keep_rate(channel);

		if (ret == 0)
			ret = wait_for(channel, POLLOUT, -1);
		if (ret < 0)
			return ret;
		n = write(channel->fd, data, len);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
		channel->written += n;
		channel->window_bytes += n;
	}
	return 0;
}

int channel_flush(struct channel *channel)
{
	size_t len = channel->out_len;

	channel->out_len = 0;
	return send_out(channel, channel->out, len);
}

int channel_write(void *opaque, const void *data, size_t len)
{
	struct channel *channel = opaque;

	if (len > CHANNEL_BUFFER - channel->out_len) {
		int ret = channel_flush(channel);

		if (ret < 0)
			return ret;
	}
	if (len >= CHANNEL_BUFFER)
		return send_out(channel, data, len);
	memcpy(channel->out + channel->out_len, data, len);
	channel->out_len += len;
	return 0;
}

/* ---- reading ---- */

int channel_poll(struct channel *channel, int timeout)
{
	if (channel->in_len)
		return 1;
	return wait_for(channel, POLLIN, timeout);
}

static int fill(struct channel *channel)
{
	for (;;) {
		ssize_t n;
		int ret = wait_for(channel, POLLIN, -1);

		if (ret < 0)
			return ret;
		n = read(channel->fd, channel->in, CHANNEL_BUFFER);
		if (n > 0) {
			channel->in_at = 0;
			channel->in_len = n;
			return 0;
		}
		if (n == 0)
			return -ENODATA;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

int channel_read(void *opaque, void *data, size_t len)
{
	struct channel *channel = opaque;
	uint8_t *to = data;

	while (len) {
		size_t n;
		int ret = channel->in_len ? 0 : fill(channel);

		if (ret < 0)
			return ret;
		n = len < channel->in_len ? len : channel->in_len;
		memcpy(to, channel->in + channel->in_at, n);
		to += n;
		len -= n;
		channel->in_at += n;
		channel->in_len -= n;
	}
	return 0;
}

/* ---- URIs ---- */

static bool begins(const char *text, const char *word, const char **rest)
{
	size_t len = strlen(word);

	*rest = text + len;
	return !strncmp(text, word, len);
}

static int parse_fd(const char *uri, const char *text, struct error *err)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || fd > INT_MAX)
		return error_set(err, -EINVAL, "'%s': there is no such file descriptor", uri);
	if (fcntl(fd, F_GETFD) < 0)
		return error_set(err, -EBADF, "'%s': the file descriptor is not open", uri);
	return fd;
}

static int finish_connect(int fd, int cancel)
{
	struct channel waiting = { .fd = fd, .cancel = cancel };
	socklen_t len = sizeof(int);
	int ret, error = 0;

	ret = wait_for(&waiting, POLLOUT, -1);
	if (ret < 0)
		return ret;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	return -error;
}

static int try_address(const struct sockaddr *addr, socklen_t len, bool passive, int cancel)
{
	int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret, on = 1;

	if (fd < 0)
		return -errno;
	if (passive) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		ret = bind(fd, addr, len) < 0 || listen(fd, 1) < 0 ? -errno : 0;
	} else {
		if (addr->sa_family != AF_UNIX)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		ret = connect(fd, addr, len) < 0 ? -errno : 0;
		if (ret == -EINPROGRESS)
			ret = finish_connect(fd, cancel);
	}
	if (ret == 0)
		return fd;
	close(fd);
	return ret;
}

/* glibc looks names up by libraries that a program which is linked statically may not have. */
#ifdef AVMM_STATIC
static int try_name(const char *uri, const char *host, const char *port, bool passive, int cancel,
		    struct error *err)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
	long number = strtol(port, NULL, 10);

	v4.sin_port = v6.sin6_port = htons(number);
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		return try_address((struct sockaddr *)&v4, sizeof(v4), passive, cancel);
	if ((!*host && passive) || inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		return try_address((struct sockaddr *)&v6, sizeof(v6), passive, cancel);
	return error_set(err, -EINVAL, "'%s': this avmm is linked statically and knows addresses, no "
			 "names", uri);
}
#else
static int try_name(const char *uri, const char *host, const char *port, bool passive, int cancel,
		    struct error *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0,
	}, *list;
	int ret;

	ret = getaddrinfo(*host ? host : NULL, port, &hints, &list);
	if (ret)
		return error_set(err, -EINVAL, "'%s': %s", uri, gai_strerror(ret));
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		ret = try_address(a->ai_addr, a->ai_addrlen, passive, cancel);
		if (ret >= 0 || ret == -ECANCELED)
			break;
	}
	freeaddrinfo(list);
	return ret;
}
#endif

/* HOST:PORT, [HOST]:PORT or :PORT */
static int try_tcp(const char *uri, const char *text, bool passive, int cancel, struct error *err)
{
	char host[256];
	const char *port = strrchr(text, ':');
	size_t len = port ? port - text : 0;

	if (!port || !port[1] || len >= sizeof(host))
		return error_set(err, -EINVAL, "'%s' is not tcp:HOST:PORT", uri);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = 0;
	return try_name(uri, host, port + 1, passive, cancel, err);
}

static int open_uri(const char *uri, bool passive, int cancel, struct error *err)
{
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	const char *rest;
	int ret = -EINVAL;

	if (begins(uri, "unix:", &rest)) {
		if (passive)
			return unix_listen(uri, rest, err);
		if (!*rest || strlen(rest) >= sizeof(path.sun_path))
			return error_set(err, -EINVAL, "'%s': the path is empty or too long", uri);
		strcpy(path.sun_path, rest);
		ret = try_address((struct sockaddr *)&path, sizeof(path), false, cancel);
	} else if (begins(uri, "tcp:", &rest)) {
		err->code = 0;
		ret = try_tcp(uri, rest, passive, cancel, err);
		if (err->code)
			return ret;
	} else {
		return error_set(err, ret, "'%s' is not tcp:HOST:PORT, unix:PATH or fd:N", uri);
	}
	if (ret < 0)
		return error_set(err, ret, "%s: cannot %s: %s", uri, passive ? "listen" : "connect",
				 strerror(-ret));
	return ret;
}

int channel_connect(const char *uri, int cancel, struct error *err)
{
	const char *rest;

	if (begins(uri, "fd:", &rest))
		return parse_fd(uri, rest, err);
	return open_uri(uri, false, cancel, err);
}

int channel_listen(const char *uri, bool *listening, struct error *err)
{
	const char *rest;

	*listening = !begins(uri, "fd:", &rest);
	return *listening ? open_uri(uri, true, -1, err) : parse_fd(uri, rest, err);
}
