// SPDX-License-Identifier: GPL-2.0
/*
 * tapfd NAME COMMAND...: runs the command with descriptor 5 being the tap device NAME, as a program
 * does that has the right to open one and starts one that has not.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR);

	if (argc < 3)
		return 2;
	strncpy(ifr.ifr_name, argv[1], IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 || dup2(fd, 5) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (fd != 5)
		close(fd);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
