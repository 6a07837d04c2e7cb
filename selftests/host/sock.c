// SPDX-License-Identifier: GPL-2.0
/*
 * Standard input and output over a stream socket, until both directions have ended:
 *
 *	sock unix PATH		connects to PATH
 *	sock vsock CID PORT	connects to a guest, or from one to the host (2)
 *	sock vsock-listen PORT	waits for one connection
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
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

static void copy(int from, int to)
{
	char buf[65536];
	ssize_t n, done;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		for (done = 0; done < n;) {
			ssize_t ret = write(to, buf + done, n - done);

			if (ret < 0)
				fail("write");
			done += ret;
		}
	}
}

int main(int argc, char **argv)
{
	int fd = -1;
	pid_t pid;

	if (argc == 3 && !strcmp(argv[1], "unix"))
		fd = open_unix(argv[2]);
	else if (argc == 4 && !strcmp(argv[1], "vsock"))
		fd = open_vsock(argv[2], argv[3]);
	else if (argc == 3 && !strcmp(argv[1], "vsock-listen"))
		fd = open_vsock(NULL, argv[2]);
	if (fd < 0)
		return 2;
	/* A process each way: two ends that both write and do not read would wait for each other. */
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		copy(0, fd);
		shutdown(fd, SHUT_WR);
		return 0;
	}
	copy(fd, 1);
	waitpid(pid, NULL, 0);
	return 0;
}
