// SPDX-License-Identifier: GPL-2.0
#include "util/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG		4
#define PATIENCE_S	10	/* with somebody who listens and does not accept */

static int address(struct sockaddr_un *addr, const char *option, const char *path,
		   struct error *err)
{
	*addr = (struct sockaddr_un) { .sun_family = AF_UNIX };
	if (!*path || strlen(path) >= sizeof(addr->sun_path))
		return error_set(err, -ENAMETOOLONG, "%s: '%s' is no path of a socket: 1 to %zu "
				 "characters", option, path, sizeof(addr->sun_path) - 1);
	strcpy(addr->sun_path, path);
	return 0;
}

int unix_connect(const char *option, const char *path, bool wait, struct error *err)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S }, none = { 0 };
	struct sockaddr_un addr;
	int fd, code;

	code = address(&addr, option, path, err);
	if (code < 0)
		return code;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
	/* unix(7): that of sending is that of connecting, too */
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none)) == 0)
		return fd;
	code = -errno;
	if (fd >= 0)
		close(fd);
	return error_set(err, code, "%s: cannot connect to '%s': %s", option, path,
			 strerror(-code));
}

/* Somebody was there, and is not any more. A file that is no socket refuses connections, too. */
static bool left_over(const struct sockaddr_un *addr)
{
	struct stat st;
	bool is_socket = lstat(addr->sun_path, &st) == 0 && S_ISSOCK(st.st_mode);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool gone = is_socket && fd >= 0 &&
		    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		    errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return gone;
}

int unix_listen(const char *option, const char *path, struct error *err)
{
	struct sockaddr_un addr;
	int fd, code;

	code = address(&addr, option, path, err);
	if (code < 0)
		return code;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(err, -errno, "%s: no socket: %s", option, strerror(errno));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 ||
	    (errno == EADDRINUSE && left_over(&addr) && unlink(path) == 0 &&
	     bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0))
		if (listen(fd, BACKLOG) == 0)
			return fd;
	code = -errno;
	close(fd);
	return error_set(err, code, "%s: cannot listen at '%s': %s", option, path, strerror(-code));
}
