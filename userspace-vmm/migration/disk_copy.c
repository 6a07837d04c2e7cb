// SPDX-License-Identifier: GPL-2.0
#include "migration/disk_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STEP	(64U << 10)

/* The kernel shares the blocks where the file system can. Returns how far it came. */
static off_t share_range(int from, int to, off_t at, off_t end)
{
	while (at < end) {
		off_t in = at, out = at;
		ssize_t n = copy_file_range(from, &in, to, &out, end - at, 0);

		if (n <= 0)
			break;
		at += n;
	}
	return at;
}

static int copy_range(int from, int to, off_t at, off_t end)
{
	static char buffer[STEP];

	/* the rest, if it cannot: then a plain copy says why */
	at = share_range(from, to, at, end);
	while (at < end) {
		size_t len = end - at < (off_t)sizeof(buffer) ? (size_t)(end - at) : sizeof(buffer);
		ssize_t n = pread(from, buffer, len, at);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (ssize_t done = 0; done < n;) {
			ssize_t m = pwrite(to, buffer + done, n - done, at + done);

			if (m < 0)
				return -errno;
			done += m;
		}
		at += n;
	}
	return 0;
}

static int copy_data(int from, int to)
{
	off_t end = lseek(from, 0, SEEK_END), data = 0, hole;
	int ret = 0;

	if (end < 0 || ftruncate(to, end) < 0)
		return -errno;
	while (ret == 0 && data < end) {
		off_t next = lseek(from, data, SEEK_DATA);

		if (next < 0 && errno == ENXIO)
			break;
		/* a block device, or a file system that does not know */
		data = next < 0 ? data : next;
		hole = next < 0 ? end : lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			hole = end;
		ret = copy_range(from, to, data, hole);
		data = hole;
	}
	return ret;
}

int disk_copy(const char *from, const char *to, struct error *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, ret;

	if (in < 0)
		return error_set(err, -errno, "%s: cannot be copied: %s", from, strerror(errno));
	out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0) {
		ret = -errno;
		close(in);
		return error_set(err, ret, "%s: cannot be made: %s", to, strerror(-ret));
	}
	ret = copy_data(in, out);
	if (ret == 0 && fsync(out) < 0)
		ret = -errno;
	close(in);
	close(out);
	if (ret < 0) {
		unlink(to);
		return error_set(err, ret, "%s: cannot be written: %s", to, strerror(-ret));
	}
	return 0;
}
