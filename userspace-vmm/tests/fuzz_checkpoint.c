// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any bytes as a checkpoint, read by its index, with checksums that are always right.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "migration/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);
	struct checkpoint *checkpoint;
	struct ram_chunk chunk;
	struct error err;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	checkpoint = checkpoint_open(path, &err);
	if (checkpoint) {
		for (uint64_t i = 0; i < checkpoint->pages / RAM_CHUNK_PAGES && i < 64; i++)
			checkpoint_read_chunk(checkpoint, i, &chunk, &err);
		checkpoint_close(checkpoint);
	}
	close(fd);
	return 0;
}
