// SPDX-License-Identifier: GPL-2.0
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(struct file *file, const char *option, const char *path, struct error *err)
{
	struct stat st;

	*file = (struct file) { .path = path };
	/* O_NONBLOCK: a FIFO would wait for its writer before we can refuse it */
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return error_set(err, -errno, "%s: cannot open '%s': %s", option, path,
				 strerror(errno));
	if (fstat(file->fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	file_close(file);
	return error_set(err, -EINVAL, "%s: '%s' is not a regular file", option, path);
}

int file_map(struct file *file, const char *option, struct error *err)
{
	struct stat st;
	void *p;

	if (fstat(file->fd, &st) < 0)
		return error_set(err, -errno, "%s: cannot read '%s': %s", option, file->path,
				 strerror(errno));
	if (!st.st_size)
		return error_set(err, -EINVAL, "%s: '%s' is empty", option, file->path);
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (p == MAP_FAILED)
		return error_set(err, -errno, "%s: cannot read '%s': %s", option, file->path,
				 strerror(errno));
	file->data = p;
	file->size = st.st_size;
	return 0;
}

void file_unmap(struct file *file)
{
	if (file->data)
		munmap(file->data, file->size);
	file->data = NULL;
}

void file_close(struct file *file)
{
	file_unmap(file);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
