// SPDX-License-Identifier: GPL-2.0
/*
 * iops FILE read|write N: that many requests of 4 KiB past the cache, one at a time, one behind the
 * other; says how many nanoseconds one took.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SIZE	4096

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	static char buf[SIZE] __attribute__((aligned(SIZE)));
	int write = argc == 4 && !strcmp(argv[2], "write"), fd;
	long n = argc == 4 ? atol(argv[3]) : 0;
	double began;

	if (n < 1)
		return 2;
	fd = open(argv[1], O_DIRECT | (write ? O_WRONLY : O_RDONLY));
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	began = now();
	for (long i = 0; i < n; i++) {
		if ((write ? pwrite(fd, buf, SIZE, i * SIZE) : pread(fd, buf, SIZE, i * SIZE)) == SIZE)
			continue;
		perror(argv[1]);
		return 1;
	}
	printf("%.0f\n", (now() - began) / n);
	return 0;
}
