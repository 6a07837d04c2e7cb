// SPDX-License-Identifier: GPL-2.0
#include "backend/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "core/log.h"

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

bool console_send(struct console *console, uint8_t byte)
{
	static const struct itimerspec delay = { .it_value.tv_nsec = FLUSH_DELAY_NS };
	bool room;

	pthread_mutex_lock(&console->lock);
	room = ring_put(&console->out, &byte, 1);
	if (!room)
		console->out_refused = true;
	if (ring_used(&console->out) == 1)
		timerfd_settime(console->flush.fd, 0, &delay, NULL);
	else if (ring_used(&console->out) > RING_SIZE / 2)
		wake_locked(console);
	pthread_mutex_unlock(&console->lock);
	return room;
}

void console_can_receive(struct console *console)
{
	pthread_mutex_lock(&console->lock);
	wake_locked(console);
	pthread_mutex_unlock(&console->lock);
}

bool console_idle(struct console *console)
{
	bool idle;

	pthread_mutex_lock(&console->lock);
	idle = ring_used(&console->out) == 0;
	pthread_mutex_unlock(&console->lock);
	return idle;
}

/* ---- output ---- */

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
	done = console->out_broken ? (ssize_t)len : write(console->out_source.fd, data, len);
	if (done < 0 && errno == EINTR)
		return true;
	if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		event_loop_add(console->loop, &console->out_source, EPOLLOUT);
		return false;
	}
	if (done < 0) {
		log_error("standard output: %s; what the guest writes is lost from here on",
			  strerror(errno));
		console->out_broken = true;
		return true;
	}
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

/* Listens to standard input if there is a place for what comes, and only then. */
static void pull_in(struct console *console)
{
	push_in(console);
	if (console->in_always_ready && !console->in_ended)
		while (read_some(console))
			;
	else if (!console->in_ended && (console->terminal || ring_free(&console->in)))
		event_loop_add(console->loop, &console->in_source, EPOLLIN);
}

static void in_ready(void *opaque)
{
	struct console *console = opaque;

	read_some(console);
	if (console->in_ended || (!console->terminal && !ring_free(&console->in)))
		event_loop_remove(console->loop, &console->in_source);
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

static void open_output(struct console *console)
{
	int fd = open_again(STDOUT_FILENO, O_WRONLY);

	console->out_flags = -1;
	if (fd < 0) {
		/* a socket, or a file that only our parent may open: change it and put it back */
		fd = STDOUT_FILENO;
		console->out_flags = fcntl(fd, F_GETFL);
		if (console->out_flags >= 0)
			fcntl(fd, F_SETFL, console->out_flags | O_NONBLOCK);
	}
	console->out_source = (struct event_source) {
		.fd = fd, .ready = out_ready, .opaque = console,
	};
}

static void open_input(struct console *console)
{
	int fd = open_again(STDIN_FILENO, O_RDONLY);

	console->in_source = (struct event_source) {
		.fd = fd < 0 ? STDIN_FILENO : fd, .ready = in_ready, .opaque = console,
	};
	console->terminal = isatty(STDIN_FILENO);
}

int console_open(struct console *console, struct event_loop *loop,
		 const struct console_guest *guest, struct error *err)
{
	int ret = 0;

	*console = (struct console) { .loop = loop, .guest = *guest };
	pthread_mutex_init(&console->lock, NULL);
	open_input(console);
	open_output(console);
	console->wake = (struct event_source) {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ready = wake_ready, .opaque = console,
	};
	console->flush = (struct event_source) {
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = flush_ready, .opaque = console,
	};
	if (console->wake.fd < 0 || console->flush.fd < 0)
		ret = -errno;
	if (!ret)
		ret = event_loop_add(loop, &console->wake, EPOLLIN);
	if (!ret)
		ret = event_loop_add(loop, &console->flush, EPOLLIN);
	if (ret < 0) {
		console_close(console);
		return error_set(err, ret, "the console cannot be set up: %s", strerror(-ret));
	}
	return 0;
}

int console_start(struct console *console, struct error *err)
{
	int ret;

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
	terminal_restore();
	event_loop_remove(console->loop, &console->wake);
	event_loop_remove(console->loop, &console->flush);
	event_loop_remove(console->loop, &console->in_source);
	event_loop_remove(console->loop, &console->out_source);
	if (console->out_flags >= 0)
		fcntl(STDOUT_FILENO, F_SETFL, console->out_flags);
	if (console->wake.fd >= 0)
		close(console->wake.fd);
	if (console->flush.fd >= 0)
		close(console->flush.fd);
	if (console->in_source.fd > STDERR_FILENO)
		close(console->in_source.fd);
	if (console->out_source.fd > STDERR_FILENO)
		close(console->out_source.fd);
}
