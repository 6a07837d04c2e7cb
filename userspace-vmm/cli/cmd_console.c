// SPDX-License-Identifier: GPL-2.0
/*
 * A terminal at the serial line, or a console, of a virtual machine that has it on a pseudo
 * terminal or a socket. Leaving it leaves the guest as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "backend/keys.h"
#include "backend/terminal.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "core/log.h"

/* where as query-chardev has it: "pty:/dev/pts/1", "unix:/run/line,server=on" */
static int open_line(const char *where, const char *name, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct termios raw;
	int fd;

	if (!strncmp(where, "pty:", 4)) {
		fd = open(where + 4, O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (fd >= 0 && tcgetattr(fd, &raw) == 0) {
			/* its other end is the guest, who has a terminal of its own */
			cfmakeraw(&raw);
			tcsetattr(fd, TCSANOW, &raw);
		}
	} else if (!strncmp(where, "unix:", 5)) {
		size_t len = strcspn(where + 5, ",");

		if (len >= sizeof(addr.sun_path))
			return error_set(err, -ENAMETOOLONG, "'%s': its path is too long", name);
		memcpy(addr.sun_path, where + 5, len);
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
			int code = errno;

			close(fd);
			errno = code;
			fd = -1;
		}
	} else {
		return error_set(err, -ENXIO, "'%s' has its line neither on a pseudo terminal nor on a "
				 "socket; see --serial in avmm-run(1)", name);
	}
	if (fd < 0)
		return error_set(err, -errno, "'%s': '%s' cannot be opened: %s", name, where,
				 strerror(errno));
	return fd;
}

static bool put(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return false;
		data += n > 0 ? n : 0;
		len -= n > 0 ? n : 0;
	}
	return true;
}

/* Returns whether to go on. */
static bool from_keyboard(int line, struct keys *keys, bool terminal, bool *ended)
{
	char data[256];
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n <= 0) {
		*ended = true;
		return !terminal;
	}
	for (ssize_t i = 0; i < n; i++) {
		enum keys_action action = terminal ? keys_next(keys, data[i]) : KEYS_PASS;

		if (action == KEYS_QUIT)
			return false;
		if (action == KEYS_HELP)
			log_error("Ctrl-A x leaves the virtual machine alone; Ctrl-A Ctrl-A sends one");
		if (action == KEYS_BREAK)
			tcsendbreak(line, 0);
		if (action == KEYS_PASS && !put(line, &data[i], 1))
			return false;
	}
	return true;
}

static void talk(int line)
{
	bool terminal = isatty(STDIN_FILENO), ended = false;
	struct keys keys = { 0 };
	char data[4096];

	if (terminal) {
		terminal_guard();
		terminal_raw(STDIN_FILENO);
	}
	for (;;) {
		struct pollfd p[] = { { line, POLLIN, 0 }, { ended ? -1 : STDIN_FILENO, POLLIN, 0 } };
		ssize_t n;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents && !from_keyboard(line, &keys, terminal, &ended))
			break;
		if (!p[0].revents)
			continue;
		n = read(line, data, sizeof(data));
		/* EIO: the other end of a pseudo terminal is gone */
		if (n <= 0 || !put(STDOUT_FILENO, data, n))
			break;
	}
	terminal_restore();
}

int cmd_console(const struct command *command, int argc, char **argv)
{
	const char *words[2] = { NULL, "serial0" }, *label, *where, *found = NULL;
	struct client client;
	struct ctl ctl = { 0 };
	struct error err;
	json_t *all, *one;
	size_t i;
	int line = -ENOENT, ret = cli_parse(command, &ctl, &ctl.help, words, 1, 2, argc, argv);

	if (ret >= 0)
		return ret;
	if (client_open(&client, words[0], &err) < 0)
		return cli_error(&err);
	all = client_call(&client, "query-chardev", NULL, &err);
	client_close(&client);
	if (!all)
		return cli_error(&err);
	json_array_foreach(all, i, one)
		if (json_unpack(one, "{s:s, s:s}", "label", &label, "filename", &where) == 0 &&
		    !strcmp(label, words[1]))
			found = where;
	if (found)
		line = open_line(found, words[0], &err);
	else
		error_set(&err, line, "'%s' has no line '%s'", words[0], words[1]);
	if (ctl.json && line >= 0) {
		close(line);
		return cli_done(&ctl, all);
	}
	json_decref(all);
	if (line < 0)
		return cli_error(&err);
	talk(line);
	close(line);
	return EXIT_OFF;
}
