// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend/console.h"
#include "backend/keys.h"
#include "backend/ring.h"
#include "dev/pl031.h"
#include "tests/tap.h"
#include "util/unix_socket.h"

static void keys(void)
{
	struct keys k = { .escaped = false };

	check(keys_next(&k, 'x') == KEYS_PASS);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'x') == KEYS_QUIT);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'X') == KEYS_QUIT);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'h') == KEYS_HELP);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'b') == KEYS_BREAK);
	/* one Ctrl-A for two */
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 1) == KEYS_PASS);
	check(keys_next(&k, 'x') == KEYS_PASS);
	/* an unknown command is swallowed, and nothing after it */
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'z') == KEYS_NONE);
	check(keys_next(&k, 'z') == KEYS_PASS);
}

static void ring(void)
{
	static struct ring r;
	uint8_t in[997], next_in = 0, next_out = 0;
	const uint8_t *data;

	/* start near the wrap of the counters */
	r.in = r.out = (uint32_t)-1500;
	for (int i = 0; i < 1000; i++) {
		size_t n, len;

		for (size_t j = 0; j < sizeof(in); j++)
			in[j] = next_in + j;
		n = ring_put(&r, in, sizeof(in));
		next_in += n;
		check(n == sizeof(in) || ring_free(&r) == 0);
		len = ring_peek(&r, &data);
		check(len > 0);
		if (len > 700)
			len = 700;
		for (size_t j = 0; j < len; j++)
			check(data[j] == next_out++);
		ring_drop(&r, len);
		check(ring_used(&r) + ring_free(&r) == RING_SIZE);
	}
	while (ring_used(&r))
		ring_drop(&r, ring_peek(&r, &data));
	check(ring_peek(&r, &data) == 0);
}

static uint32_t host_time;

static uint32_t now(void)
{
	return host_time;
}

static void rtc(void)
{
	static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct pl031 dev;

	host_time = 1000;
	pl031_init(&dev, now);
	check(pl031_ops.read(&dev, 0, 4) == 1000);
	pl031_ops.write(&dev, 8, 4, 5);
	host_time += 7;
	check(pl031_ops.read(&dev, 0, 4) == 12);
	pl031_reset(&dev);
	check(pl031_ops.read(&dev, 0, 4) == 12);
	check(pl031_ops.read(&dev, 0xc, 4) == 1);
	for (int i = 0; i < 8; i++)
		check(pl031_ops.read(&dev, 0xfe0 + 4 * i, 4) == ids[i]);
}

/* ---- pseudo terminals and sockets ---- */

struct other_end {
	struct event_loop loop;
	struct console console;
	char got[64];		/* what the guest received */
	size_t n;
	int connects;
	bool connected;
};

static size_t take(void *opaque, const uint8_t *data, size_t len)
{
	struct other_end *end = opaque;

	if (len > sizeof(end->got) - 1 - end->n)
		len = sizeof(end->got) - 1 - end->n;
	memcpy(end->got + end->n, data, len);
	end->n += len;
	end->got[end->n] = 0;
	return len;
}

static void take_connected(void *opaque, bool on)
{
	struct other_end *end = opaque;

	end->connects += on;
	end->connected = on;
}

static void nothing(void *opaque)
{
	(void)opaque;
}

static bool begin(struct other_end *end, const struct chardev_config *config)
{
	const struct console_guest guest = {
		.opaque = end, .receive = take, .sent = nothing, .connected = take_connected,
	};
	struct error err = { 0 };

	memset(end, 0, sizeof(*end));
	if (check(event_loop_init(&end->loop) == 0) &&
	    check(console_open(&end->console, &end->loop, &guest, "test", config, &err) == 0) &&
	    check(console_start(&end->console, &err) == 0))
		return true;
	printf("# %s\n", err.text);
	return false;
}

/* Runs the loop until nothing is ready for a while. */
static void settle(struct other_end *end)
{
	struct pollfd fd = { .fd = end->loop.epoll, .events = POLLIN };

	while (poll(&fd, 1, 50) > 0)
		event_loop_once(&end->loop);
}

static void say(struct other_end *end, const char *text)
{
	check(console_write(&end->console, (const uint8_t *)text, strlen(text)) == strlen(text));
	settle(end);
	check(console_idle(&end->console));
}

static bool reads(int fd, const char *text)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[64] = "";
	ssize_t n = poll(&p, 1, 2000) > 0 ? read(fd, buf, sizeof(buf) - 1) : -1;

	if (n < 0 || strcmp(buf, text)) {
		printf("# read '%s'\n", buf);
		return false;
	}
	return true;
}

/* Comes, hears, speaks, and goes; twice. */
static void visit(struct other_end *end, int (*come)(struct other_end *end))
{
	say(end, "nobody hears this");
	for (int i = 1; i <= 2; i++) {
		int fd = come(end);

		if (!check(fd >= 0))
			return;
		settle(end);
		check(end->connects == i && end->connected);
		say(end, "hello\n");
		check(reads(fd, "hello\n"));
		end->n = 0;
		check(write(fd, "typed\r", 6) == 6);
		settle(end);
		check(!strcmp(end->got, "typed\r"));
		close(fd);
		settle(end);
		check(!end->connected);
		say(end, "alone\n");
	}
}

static int open_terminal(struct other_end *end)
{
	check(!strncmp(end->console.name, "pty:/dev/pts/", 13));
	return open(end->console.name + 4, O_RDWR | O_NOCTTY);
}

static void pty(void)
{
	const struct chardev_config config = { .kind = CHARDEV_PTY, .fd = -1, .log_fd = -1 };
	struct other_end end;

	if (!begin(&end, &config))
		return;
	visit(&end, open_terminal);
	console_close(&end.console);
	event_loop_close(&end.loop);
}

static char socket_path[] = "/tmp/avmm-console-XXXXXX";

static int connect_socket(struct other_end *end)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)end;
	strcpy(addr.sun_path, socket_path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	close(fd);
	return -1;
}

static void unix_socket(void)
{
	struct chardev_config config = { .kind = CHARDEV_UNIX, .fd = -1, .path = socket_path };
	char log[] = "/tmp/avmm-console-XXXXXX";
	struct other_end end;

	close(mkstemp(socket_path));
	unlink(socket_path);
	config.log_fd = mkstemp(log);
	if (!begin(&end, &config))
		return;
	visit(&end, connect_socket);
	console_close(&end.console);
	event_loop_close(&end.loop);
	check(access(socket_path, F_OK) < 0);
	lseek(config.log_fd, 0, SEEK_SET);
	check(reads(config.log_fd, "nobody hears thishello\nalone\nhello\nalone\n"));
	close(config.log_fd);
	unlink(log);
}

/* A client fills what there is and goes, and the guest does not read: the next one gets in. */
static void impatient(void)
{
	struct chardev_config config = { .kind = CHARDEV_UNIX, .fd = -1, .log_fd = -1,
					 .path = socket_path };
	char much[2 * RING_SIZE];
	struct other_end end;
	int fd;

	memset(much, 'x', sizeof(much));
	if (!begin(&end, &config))
		return;
	fd = connect_socket(&end);
	settle(&end);
	check(write(fd, much, sizeof(much)) == sizeof(much));
	settle(&end);
	close(fd);
	settle(&end);
	fd = connect_socket(&end);
	settle(&end);
	check(end.connects == 2 && end.connected);
	check(write(fd, "y", 1) == 1);
	for (int i = 0; i < RING_SIZE && !strchr(end.got, 'y'); i++) {
		end.n = 0;
		console_can_receive(&end.console);
		event_loop_once(&end.loop);
	}
	check(strchr(end.got, 'y'));
	close(fd);
	settle(&end);
	check(!end.connected);
	console_close(&end.console);
	event_loop_close(&end.loop);
}

/* Somebody listens there, or it is no socket: it stays. What a dead process left is replaced. */
static void occupied(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[] = "/tmp/avmm-console-XXXXXX";
	int fd = mkstemp(path), other = socket(AF_UNIX, SOCK_STREAM, 0);
	struct error err;
	struct stat st;

	close(fd);
	check(unix_listen("--serial", path, &err) == -EADDRINUSE);
	check(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
	unlink(path);
	strcpy(addr.sun_path, path);
	check(bind(other, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(other, 1) == 0);
	check(unix_listen("--serial", path, &err) == -EADDRINUSE);
	check(lstat(path, &st) == 0);
	close(other);
	fd = unix_listen("--serial", path, &err);
	check(fd >= 0);
	close(fd);
	unlink(path);
}

static void refused_console(void)
{
	const struct chardev_config config = { .kind = CHARDEV_UNIX, .fd = -1, .log_fd = -1,
					       .path = (char *)"/nowhere/socket" };
	const struct console_guest guest = { 0 };
	struct event_loop loop;
	struct console console;
	struct error err;

	check(event_loop_init(&loop) == 0);
	check(console_open(&console, &loop, &guest, "--serial", &config, &err) < 0);
	check(!strcmp(err.text, "--serial: cannot listen at '/nowhere/socket': No such file or "
		      "directory"));
	event_loop_close(&loop);
}

const struct tap_test console_tests[] = {
	{ "escape key", keys },
	{ "ring", ring },
	{ "clock", rtc },
	{ "a pseudo terminal, and who comes and goes", pty },
	{ "a socket, and the log", unix_socket },
	{ "a socket's client that goes unheard", impatient },
	{ "what lies at the path of a socket", occupied },
	{ "a socket that cannot be", refused_console },
	{ NULL, NULL },
};
