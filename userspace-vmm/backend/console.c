// SPDX-License-Identifier: GPL-2.0
#include "backend/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "core/log.h"
#include "util/unix_socket.h"

/* Has the event loop look at both directions. Called with the lock held. */
static void wake_locked(struct console *console)
{
	uint64_t one = 1;

	if (console->woken)
		return;
	console->woken = true;
	/* cannot fail: the counter is 0 or 1 */
	if (write(console->wake.fd, &one, sizeof(one)) < 0)
		return;
}

/* Longer than the guest takes for the next byte, shorter than anyone notices. */
#define FLUSH_DELAY_NS	4000000

size_t console_write(struct console *console, const uint8_t *data, size_t len)
{
	static const struct itimerspec delay = { .it_value.tv_nsec = FLUSH_DELAY_NS };
	bool was_empty;
	size_t n;

	pthread_mutex_lock(&console->lock);
	was_empty = ring_used(&console->out) == 0;
	n = ring_put(&console->out, data, len);
	if (n < len)
		console->out_refused = true;
	if (ring_used(&console->out) > RING_SIZE / 2)
		wake_locked(console);
	else if (was_empty && n)
		timerfd_settime(console->flush.fd, 0, &delay, NULL);
	pthread_mutex_unlock(&console->lock);
	return n;
}

bool console_send(struct console *console, uint8_t byte)
{
	return console_write(console, &byte, 1) == 1;
}

void console_can_receive(struct console *console)
{
	pthread_mutex_lock(&console->lock);
	wake_locked(console);
	pthread_mutex_unlock(&console->lock);
}

static bool may_hang_up(const struct console *console)
{
	return console->kind == CHARDEV_PTY || console->kind == CHARDEV_UNIX ||
	       console->kind == CHARDEV_FD;
}

bool console_idle(struct console *console)
{
	bool idle;

	/* a client that does not read holds up nobody's end */
	if (may_hang_up(console))
		return true;
	pthread_mutex_lock(&console->lock);
	idle = ring_used(&console->out) == 0;
	pthread_mutex_unlock(&console->lock);
	return idle;
}

/* ---- somebody comes and goes ---- */

static void set_connected(struct console *console, bool on)
{
	if (console->connected == on)
		return;
	console->connected = on;
	if (console->guest.connected)
		console->guest.connected(console->guest.opaque, on);
}

/* A socket or a pseudo terminal has nobody at its other end any more. */
static void hang_up(struct console *console)
{
	event_loop_remove(console->loop, &console->in_source);
	event_loop_remove(console->loop, &console->out_source);
	set_connected(console, false);
	if (console->kind == CHARDEV_PTY)
		return;
	close(console->in_source.fd);
	close(console->out_source.fd);
	console->in_source.fd = -1;
	console->out_source.fd = -1;
	event_loop_add(console->loop, &console->listener, EPOLLIN);
}

/* ---- output ---- */

/* The log has what the guest wrote, whether somebody was there or not. */
static void write_log(struct console *console, const uint8_t *data, size_t len)
{
	while (console->log_fd >= 0 && len) {
		ssize_t n = write(console->log_fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_error("the log of a console: %s; it ends here", strerror(errno));
			close(console->log_fd);
			console->log_fd = -1;
			return;
		}
		data += n;
		len -= n;
	}
}

/* Returns whether to go on: false when there is nothing left or no room outside. */
static bool write_some(struct console *console)
{
	const uint8_t *data;
	ssize_t done;
	size_t len;

	pthread_mutex_lock(&console->lock);
	len = ring_peek(&console->out, &data);
	pthread_mutex_unlock(&console->lock);
	if (!len)
		return false;
	/* nobody but us takes out, so data stays as it is without the lock */
	done = console->out_broken || !console->connected ? (ssize_t)len :
	       write(console->out_source.fd, data, len);
	if (done < 0 && errno == EINTR)
		return true;
	if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		event_loop_add(console->loop, &console->out_source, EPOLLOUT);
		return false;
	}
	if (done < 0 && may_hang_up(console)) {
		hang_up(console);
		return true;
	}
	if (done < 0) {
		log_error("%s: %s; what the guest writes is lost from here on",
			  console->kind == CHARDEV_STDIO ? "standard output" : console->name,
			  strerror(errno));
		console->out_broken = true;
		return true;
	}
	write_log(console, data, done);
	pthread_mutex_lock(&console->lock);
	ring_drop(&console->out, done);
	pthread_mutex_unlock(&console->lock);
	return true;
}

static void push_out(struct console *console)
{
	bool refused;

	event_loop_remove(console->loop, &console->out_source);
	do {
		while (write_some(console))
			;
		/* what the UART kept back fits now, and is written in the next round */
		pthread_mutex_lock(&console->lock);
		refused = console->out_refused && ring_free(&console->out);
		if (refused)
			console->out_refused = false;
		pthread_mutex_unlock(&console->lock);
		if (refused)
			console->guest.sent(console->guest.opaque);
	} while (refused);
}

/* ---- input ---- */

static void help(void)
{
	/* through the log, which knows how lines end on a raw terminal */
	for (const char *const *line = keys_help; *line; line++)
		log_error("%s", *line);
}

static void take_key(struct console *console, uint8_t key)
{
	switch (keys_next(&console->keys, key)) {
	case KEYS_PASS:
		/* a typist outruns a guest that does not listen; the rest is lost */
		ring_put(&console->in, &key, 1);
		break;
	case KEYS_QUIT:
		console->guest.quit(console->guest.quit_opaque);
		break;
	case KEYS_HELP:
		help();
		break;
	case KEYS_BREAK:
		console->guest.receive_break(console->guest.opaque);
		break;
	case KEYS_NONE:
		break;
	}
}

/* Hands on what the guest takes. */
static void push_in(struct console *console)
{
	const uint8_t *data;
	size_t len, taken;

	do {
		len = ring_peek(&console->in, &data);
		taken = len ? console->guest.receive(console->guest.opaque, data, len) : 0;
		ring_drop(&console->in, taken);
	} while (taken);
}

/* Reads once. Returns whether reading again now makes sense. */
static bool read_some(struct console *console)
{
	uint8_t buf[1024];
	size_t room = ring_free(&console->in);
	ssize_t n;

	/* a terminal is always read, or a full ring would hide the escape key */
	if (console->terminal || room > sizeof(buf))
		room = sizeof(buf);
	if (!room)
		return false;
	n = read(console->in_source.fd, buf, room);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return false;
	if (n <= 0 && may_hang_up(console)) {
		hang_up(console);
		return false;
	}
	if (n <= 0) {
		/* the end, or a terminal that is gone: the guest runs on without input */
		console->in_ended = true;
		return false;
	}
	if (console->terminal)
		for (ssize_t i = 0; i < n; i++)
			take_key(console, buf[i]);
	else
		ring_put(&console->in, buf, n);
	push_in(console);
	return true;
}

static bool is_full(const struct console *console)
{
	return !console->terminal && !ring_free(&console->in);
}

/* Listens to the input if there is a place for what comes; else to a client that goes, and no more. */
static void watch_in(struct console *console)
{
	bool client = console->kind == CHARDEV_UNIX || console->kind == CHARDEV_FD;
	bool full = is_full(console);

	if (console->in_ended || full != console->in_full)
		event_loop_remove(console->loop, &console->in_source);
	console->in_full = full;
	if (!console->in_ended && (!full || client))
		event_loop_add(console->loop, &console->in_source, full ? 0 : EPOLLIN);
}

static void pull_in(struct console *console)
{
	push_in(console);
	if (!console->connected)
		return;
	if (console->in_always_ready && !console->in_ended)
		while (read_some(console))
			;
	else if (!console->in_ended)
		watch_in(console);
}

static void in_ready(void *opaque)
{
	struct console *console = opaque;

	if (is_full(console)) {
		/* it has gone; what it left to be read is, unless another comes first */
		event_loop_remove(console->loop, &console->in_source);
		event_loop_add(console->loop, &console->listener, EPOLLIN);
		return;
	}
	read_some(console);
	if (console->connected)
		watch_in(console);
}

static void out_ready(void *opaque)
{
	push_out(opaque);
}

static void flush_ready(void *opaque)
{
	struct console *console = opaque;
	uint64_t count;

	/* not set again until the ring was empty, and then it is needed */
	if (read(console->flush.fd, &count, sizeof(count)) > 0)
		push_out(console);
}

static void wake_ready(void *opaque)
{
	struct console *console = opaque;
	uint64_t count;

	pthread_mutex_lock(&console->lock);
	console->woken = false;
	if (read(console->wake.fd, &count, sizeof(count)) < 0)
		count = 0;	/* seen already */
	pthread_mutex_unlock(&console->lock);
	push_out(console);
	pull_in(console);
}

/* ---- sockets and pseudo terminals ---- */

static void listener_ready(void *opaque)
{
	struct console *console = opaque;
	int fd = accept4(console->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int again = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;

	if (again < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (console->connected)
		hang_up(console);
	/* one at a time; others wait */
	event_loop_remove(console->loop, &console->listener);
	console->in_source.fd = fd;
	console->out_source.fd = again;
	set_connected(console, true);
	pull_in(console);
}

static void opened_ready(void *opaque)
{
	struct console *console = opaque;
	char events[512];

	/* which one it was does not matter: if it is closed again, the read will say so */
	while (read(console->opened.fd, events, sizeof(events)) > 0)
		;
	set_connected(console, true);
	pull_in(console);
}

static int listen_at(struct console *console, const char *what, const char *path,
		     struct error *err)
{
	console->listener.fd = unix_listen(what, path, err);
	if (console->listener.fd < 0)
		return console->listener.fd;
	console->path = strdup(path);
	return 0;
}

/*
 * Its other end is opened once and closed again, so that the terminal knows what it is to have
 * nobody there: then reading it is an error (EIO) until it is opened.
 */
static int open_pty(struct console *console)
{
	struct termios mode;
	char path[64];
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), other, ret;

	if (fd < 0)
		return -errno;
	console->in_source.fd = fd;
	if (grantpt(fd) < 0 || unlockpt(fd) < 0)
		return -errno;
	ret = ptsname_r(fd, path, sizeof(path));
	if (ret != 0)
		return -ret;
	other = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (other < 0)
		return -errno;
	/* nothing is echoed or changed on its way */
	ret = tcgetattr(other, &mode);
	cfmakeraw(&mode);
	if (ret == 0)
		ret = tcsetattr(other, TCSANOW, &mode);
	close(other);
	if (ret < 0)
		return -errno;
	console->out_source.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	console->opened.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (console->out_source.fd < 0 || console->opened.fd < 0 ||
	    inotify_add_watch(console->opened.fd, path, IN_OPEN) < 0)
		return -errno;
	snprintf(console->name, sizeof(console->name), "pty:%s", path);
	return 0;
}

/* ---- start and end ---- */

/*
 * A descriptor of our own that does not block: O_NONBLOCK belongs to the open file, which we share
 * with whoever started us. Regular files keep theirs, for the sake of the offset.
 */
static int open_again(int fd, int flags)
{
	char path[32];
	struct stat st;

	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void open_stdio(struct console *console)
{
	int fd = open_again(STDIN_FILENO, O_RDONLY);

	console->in_source.fd = fd < 0 ? STDIN_FILENO : fd;
	console->terminal = isatty(STDIN_FILENO);
	fd = open_again(STDOUT_FILENO, O_WRONLY);
	if (fd < 0) {
		/* a socket, or a file that only our parent may open: change it and put it back */
		fd = STDOUT_FILENO;
		console->out_flags = fcntl(fd, F_GETFL);
		if (console->out_flags >= 0)
			fcntl(fd, F_SETFL, console->out_flags | O_NONBLOCK);
	}
	console->out_source.fd = fd;
	console->connected = true;
	strcpy(console->name, "stdio");
}

static int open_file(struct console *console, const struct chardev_config *config)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

	console->out_source.fd = config->fd >= 0 ? fcntl(config->fd, F_DUPFD_CLOEXEC, 0) :
				 open(config->path, flags, 0600);
	if (console->out_source.fd < 0)
		return -errno;
	console->in_ended = true;
	console->connected = true;
	snprintf(console->name, sizeof(console->name), "file:%s",
		 config->path ? config->path : "");
	return 0;
}

/* Sets err or leaves it to the caller. */
static int open_kind(struct console *console, const char *what, const struct chardev_config *config,
		     struct error *err)
{
	switch (config->kind) {
	case CHARDEV_STDIO:
		open_stdio(console);
		return 0;
	case CHARDEV_PTY:
		return open_pty(console);
	case CHARDEV_UNIX:
		snprintf(console->name, sizeof(console->name), "unix:%s,server=on", config->path);
		return listen_at(console, what, config->path, err);
	case CHARDEV_FD:
		snprintf(console->name, sizeof(console->name), "unix:,server=on");
		console->listener.fd = fcntl(config->fd, F_DUPFD_CLOEXEC, 0);
		if (console->listener.fd < 0)
			return -errno;
		fcntl(console->listener.fd, F_SETFL, O_NONBLOCK);
		return 0;
	case CHARDEV_FILE:
		return open_file(console, config);
	default:
		/* somebody is there, as with a file: a program in the guest may wait for that */
		console->out_source.fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		console->in_ended = true;
		console->connected = true;
		strcpy(console->name, "null");
		return console->out_source.fd < 0 ? -errno : 0;
	}
}

static int open_log(struct console *console, const char *what, const struct chardev_config *config,
		    struct error *err)
{
	if (config->log_fd >= 0)
		console->log_fd = fcntl(config->log_fd, F_DUPFD_CLOEXEC, 0);
	else if (config->log)
		console->log_fd = open(config->log,
				       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	else
		return 0;
	return console->log_fd >= 0 ? 0 : error_set(err, -errno, "%s: the log cannot be opened: %s",
						    what, strerror(errno));
}

int console_open(struct console *console, struct event_loop *loop,
		 const struct console_guest *guest, const char *what,
		 const struct chardev_config *config, struct error *err)
{
	int ret;

	*console = (struct console) {
		.loop = loop, .guest = *guest, .kind = config->kind, .log_fd = -1, .out_flags = -1,
		.in_source = { .fd = -1, .ready = in_ready, .opaque = console },
		.out_source = { .fd = -1, .ready = out_ready, .opaque = console },
		.listener = { .fd = -1, .ready = listener_ready, .opaque = console },
		.opened = { .fd = -1, .ready = opened_ready, .opaque = console },
		.wake = { .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = wake_ready,
			  .opaque = console },
		.flush = { .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
			   .ready = flush_ready, .opaque = console },
	};
	pthread_mutex_init(&console->lock, NULL);
	ret = console->wake.fd < 0 || console->flush.fd < 0 ? -errno : 0;
	if (ret == 0)
		ret = event_loop_add(loop, &console->wake, EPOLLIN);
	if (ret == 0)
		ret = event_loop_add(loop, &console->flush, EPOLLIN);
	err->code = 0;
	if (ret == 0)
		ret = open_kind(console, what, config, err);
	if (ret < 0 && !err->code)
		error_set(err, ret, "%s: the console cannot be set up%s%s: %s", what,
			  config->path ? " at " : "", config->path ? config->path : "",
			  strerror(-ret));
	if (ret == 0)
		ret = open_log(console, what, config, err);
	if (ret < 0)
		console_close(console);
	else if (console->kind == CHARDEV_PTY)
		log_error("%s is %s", what, console->name + strlen("pty:"));
	return ret;
}

/* Somebody may come from now on. */
static int start_waiting(struct console *console, struct error *err)
{
	struct event_source *source = console->kind == CHARDEV_PTY ? &console->opened :
				      &console->listener;
	int ret = event_loop_add(console->loop, source, EPOLLIN);

	return ret < 0 ? error_set(err, ret, "the console cannot be waited for: %s",
				   strerror(-ret)) : 0;
}

int console_start(struct console *console, struct error *err)
{
	int ret;

	if (may_hang_up(console))
		return start_waiting(console, err);
	if (console->in_ended)
		return 0;
	if (console->terminal) {
		terminal_guard();
		ret = terminal_raw(STDIN_FILENO);
		if (ret < 0)
			return error_set(err, ret, "the terminal cannot be made raw: %s",
					 strerror(-ret));
	}
	ret = event_loop_add(console->loop, &console->in_source, EPOLLIN);
	if (ret == -EPERM)
		console->in_always_ready = true;
	else if (ret < 0)
		console->in_ended = true;
	pull_in(console);
	return 0;
}

void console_close(struct console *console)
{
	struct event_source *sources[] = { &console->wake, &console->flush, &console->in_source,
					   &console->out_source, &console->listener,
					   &console->opened };

	/* its last words, for whoever takes them now */
	while (write_some(console))
		;
	if (console->kind == CHARDEV_STDIO)
		terminal_restore();
	if (console->out_flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, console->out_flags);
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		event_loop_remove(console->loop, sources[i]);
		if (sources[i]->fd > STDERR_FILENO)
			close(sources[i]->fd);
	}
	if (console->log_fd >= 0)
		close(console->log_fd);
	if (console->path)
		unlink(console->path);
	free(console->path);
}
