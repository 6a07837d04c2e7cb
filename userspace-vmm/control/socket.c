// SPDX-License-Identifier: GPL-2.0
#include "control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/log.h"

struct control_client {
	struct qmp_client qmp;
	struct control *control;
	struct control_client *next;
	struct event_source in;
	struct event_source out;	/* a copy of in's descriptor, as each is added once */
	char *backlog;
	size_t length;
};

/* ---- clients ---- */

static void let_go(struct control_client *client)
{
	struct control *control = client->control;
	struct control_client **p = &control->clients;

	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	control->count--;
	qmp_client_close(&client->qmp);
	event_loop_remove(control->loop, &client->in);
	event_loop_remove(control->loop, &client->out);
	close(client->in.fd);
	close(client->out.fd);
	free(client->backlog);
	free(client);
}

/* Writes what it takes; what does not fit waits. Does not free, as its callers hold it. */
static void push(struct control_client *client)
{
	size_t done = 0;

	while (done < client->length) {
		ssize_t n = send(client->in.fd, client->backlog + done, client->length - done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			client->qmp.broken = true;
		if (n < 0)
			break;
		done += n;
	}
	client->length -= done;
	memmove(client->backlog, client->backlog + done, client->length);
	if (client->length && !client->qmp.broken)
		event_loop_add(client->control->loop, &client->out, EPOLLOUT);
	else
		event_loop_remove(client->control->loop, &client->out);
}

static void client_send(struct qmp_client *qmp, const char *text, size_t len)
{
	struct control_client *client = (struct control_client *)qmp;
	char *backlog = client->length + len <= CONTROL_BACKLOG_MAX ?
		realloc(client->backlog, client->length + len) : NULL;

	if (!backlog) {
		qmp->broken = true;
		/* for the loop to look at it; its end is not ours to make here */
		shutdown(client->in.fd, SHUT_RDWR);
		return;
	}
	memcpy(backlog + client->length, text, len);
	client->backlog = backlog;
	client->length += len;
	push(client);
}

static void out_ready(void *opaque)
{
	struct control_client *client = opaque;

	push(client);
	if (client->qmp.broken)
		let_go(client);
}

/* Keeps the last descriptor that came along. */
static void take_fds(struct control_client *client, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (client->qmp.received_fd >= 0)
				close(client->qmp.received_fd);
			client->qmp.received_fd = fd;
		}
	}
}

static void in_ready(void *opaque)
{
	struct control_client *client = opaque;
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(4 * sizeof(int))];
	} rights;
	char data[4096];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights,
		.msg_controllen = sizeof(rights),
	};
	ssize_t n = recvmsg(client->in.fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		take_fds(client, &msg);
		qmp_client_input(&client->qmp, data, n);
	}
	if (n <= 0 || client->qmp.broken)
		let_go(client);
}

static bool is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void listener_ready(void *opaque)
{
	struct control *control = opaque;
	struct control_client *client;
	int fd = accept4(control->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	client = control->count < CONTROL_CLIENTS_MAX && is_allowed(fd) ?
		calloc(1, sizeof(*client)) : NULL;
	if (!client) {
		close(fd);
		return;
	}
	client->qmp.server = control->server;
	client->qmp.send = client_send;
	client->control = control;
	client->in = (struct event_source) { .fd = fd, .ready = in_ready, .opaque = client };
	client->out = (struct event_source) {
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .ready = out_ready, .opaque = client,
	};
	client->next = control->clients;
	control->clients = client;
	control->count++;
	qmp_client_open(&client->qmp);
	if (client->out.fd < 0 || event_loop_add(control->loop, &client->in, EPOLLIN) < 0)
		let_go(client);
}

/* ---- the socket ---- */

int control_directory(char *path, size_t size, struct error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		snprintf(path, size, "/run/avmm");
	else if (!runtime || *runtime != '/')
		return error_set(err, -ENOENT, "XDG_RUNTIME_DIR is not set, so there is no place for "
				 "control sockets; name one by --control");
	else if (snprintf(path, size, "%s/avmm", runtime) >= (int)size)
		return error_set(err, -ENAMETOOLONG, "XDG_RUNTIME_DIR is too long");
	return 0;
}

int control_path(const char *name, char *path, size_t size, struct error *err)
{
	struct stat st;
	size_t len;
	int ret = control_directory(path, size, err);

	if (ret < 0)
		return ret;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "'%s' cannot be made: %s", path, strerror(errno));
	/* in someone else's directory anybody could answer for us */
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    st.st_mode & 022)
		return error_set(err, -EPERM, "'%s' is not a directory that only this user can "
				 "write to", path);
	len = strlen(path);
	if (snprintf(path + len, size - len, "/%s.sock", name) >= (int)(size - len))
		return error_set(err, -ENAMETOOLONG, "the path of the control socket is too long");
	return 0;
}

static int bind_socket(int fd, const struct sockaddr_un *addr)
{
	mode_t mask = umask(077);
	int ret = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(mask);
	return ret;
}

/* Nobody listens on it any more. */
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		     errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

/* Of the directory that the socket is in: two that start at once must not both find it stale. */
static int lock_directory(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)0)->sun_path)], *slash;
	int lock;

	strcpy(directory, path);
	slash = strrchr(directory, '/');
	if (slash)
		slash[slash == directory] = 0;
	lock = open(slash ? directory : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock >= 0)
		flock(lock, LOCK_EX);
	return lock;
}

void control_clean(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int lock;

	if (strlen(path) >= sizeof(addr.sun_path))
		return;
	strcpy(addr.sun_path, path);
	lock = lock_directory(path);
	if (lock < 0)
		return;
	if (is_stale(&addr))
		unlink(path);
	close(lock);
}

static int make_socket(const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, lock, ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, -ENAMETOOLONG, "--control: '%s' is longer than the %zu bytes of "
				 "a socket's path", path, sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	lock = lock_directory(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ret = fd < 0 ? -errno : bind_socket(fd, &addr);
	if (ret == -EADDRINUSE && is_stale(&addr) && unlink(path) == 0)
		ret = bind_socket(fd, &addr);
	if (ret == 0 && listen(fd, CONTROL_CLIENTS_MAX) < 0)
		ret = -errno;
	if (lock >= 0)
		close(lock);
	if (ret == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	if (ret == -EADDRINUSE)
		return error_set(err, ret, "--control: '%s' is in use by a virtual machine that runs",
				 path);
	return error_set(err, ret, "--control: '%s' cannot be made: %s", path, strerror(-ret));
}

int control_listen_fd(struct control *control, struct qmp_server *server, struct event_loop *loop,
		      int fd, struct error *err)
{
	int ret;

	*control = (struct control) { .server = server, .loop = loop };
	control->listener = (struct event_source) {
		.fd = fd, .ready = listener_ready, .opaque = control,
	};
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	ret = event_loop_add(loop, &control->listener, EPOLLIN);
	if (ret == 0)
		return 0;
	close(fd);
	control->listener.fd = -1;
	return error_set(err, ret, "the control socket cannot be watched: %s", strerror(-ret));
}

int control_listen(struct control *control, struct qmp_server *server, struct event_loop *loop,
		   const char *path, struct error *err)
{
	int fd = make_socket(path, err), ret;

	*control = (struct control) { .listener.fd = -1 };
	if (fd < 0)
		return fd;
	ret = control_listen_fd(control, server, loop, fd, err);
	if (ret == 0)
		control->path = strdup(path);
	return ret;
}

void control_close(struct control *control)
{
	while (control->clients)
		let_go(control->clients);
	if (control->listener.fd >= 0) {
		event_loop_remove(control->loop, &control->listener);
		close(control->listener.fd);
	}
	if (control->path)
		unlink(control->path);
	free(control->path);
	*control = (struct control) { .listener.fd = -1 };
}
