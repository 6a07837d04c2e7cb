// SPDX-License-Identifier: GPL-2.0
/*
 * Standard input and output over a stream socket, until both directions have ended:
 *
 *	sock unix PATH		connects to PATH
 *	sock vsock CID PORT	connects to a guest, or from one to the host (2)
 *	sock vsock-listen PORT	waits for one connection
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <linux/vm_sockets.h>	/* wants struct sockaddr */

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static int open_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail(path);
	return fd;
}

static int open_vsock(const char *cid, const char *port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = cid ? strtoul(cid, NULL, 0) : VMADDR_CID_ANY,
		.svm_port = strtoul(port, NULL, 0),
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0), client;

	if (fd < 0)
		fail("vsock");
	if (cid) {
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
			fail("connect");
		return fd;
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 1) < 0)
		fail("listen");
	client = accept(fd, NULL, NULL);
	if (client < 0)
		fail("accept");
	return client;
}

/* Returns whether there is more to come. */
static int copy(int from, int to)
{
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf)), done = 0;

	while (n > 0 && done < n) {
		ssize_t ret = write(to, buf + done, n - done);

		if (ret < 0)
			fail("write");
		done += ret;
	}
	return n > 0;
}

int main(int argc, char **argv)
{
	int fd = -1;

	if (argc == 3 && !strcmp(argv[1], "unix"))
		fd = open_unix(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "vsock"))
		fd = open_vsock(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "vsock-listen"))
		fd = open_vsock(NULL, argv[2]);
	if (fd < 0)
		return 2;
	struct pollfd fds[] = { { 0, POLLIN, 0 }, { fd, POLLIN, 0 } };

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			fail("poll");
		if (fds[0].revents && !copy(0, fd)) {
			shutdown(fd, SHUT_WR);
			fds[0].fd = -1;
		}
		if (fds[1].revents && !copy(fd, 1))
			fds[1].fd = -1;
	}
	return 0;
}
