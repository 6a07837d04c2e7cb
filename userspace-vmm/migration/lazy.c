// SPDX-License-Identifier: GPL-2.0
#include "migration/lazy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW	_IO(0xAA, 0x00)
#endif

/*
 * Faults that the kernel takes for us count too (the hypervisor makes all of a vCPU's): that is a
 * privilege, of root, of vm.unprivileged_userfaultfd, or of who may open the device (Linux 6.1).
 */
static int open_userfault(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), dev;

	if (fd >= 0 || (errno != EPERM && errno != ENOSYS))
		return fd < 0 ? -errno : fd;
	dev = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		return -EPERM;
	fd = ioctl(dev, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	close(dev);
	return fd;
}

int lazy_open(struct lazy *lazy, struct memory *memory, struct error *err)
{
	/* a memfd is shared memory, and pages of zeros have an ioctl of their own */
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)memory->host, .len = memory->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int ret;

	lazy->memory = memory;
	lazy->fd = sysconf(_SC_PAGESIZE) == RAM_PAGE_SIZE ? open_userfault() : -EOPNOTSUPP;
	if (lazy->fd < 0)
		return error_set(err, lazy->fd, "pages on demand need userfaultfd: %s",
				 strerror(-lazy->fd));
	if (ioctl(lazy->fd, UFFDIO_API, &api) == 0 &&
	    ioctl(lazy->fd, UFFDIO_REGISTER, &range) == 0)
		return 0;
	ret = error_set(err, -errno, "this RAM cannot have pages on demand: %s", strerror(errno));
	lazy_close(lazy);
	return ret;
}

void lazy_close(struct lazy *lazy)
{
	struct uffdio_range range;

	if (lazy->fd < 0)
		return;
	range = (struct uffdio_range) {
		.start = (uintptr_t)lazy->memory->host, .len = lazy->memory->size,
	};
	ioctl(lazy->fd, UFFDIO_UNREGISTER, &range);
	close(lazy->fd);
	lazy->fd = -1;
}

int lazy_wanted(struct lazy *lazy, uint64_t *page)
{
	struct uffd_msg msg;
	ssize_t n;

	do {
		n = read(lazy->fd, &msg, sizeof(msg));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		return -EAGAIN;
	*page = (msg.arg.pagefault.address - (uintptr_t)lazy->memory->host) / RAM_PAGE_SIZE;
	return 0;
}

static int place(struct lazy *lazy, uint8_t *to, const uint8_t *from)
{
	for (;;) {
		int ret;

		if (from) {
			struct uffdio_copy copy = {
				.dst = (uintptr_t)to, .src = (uintptr_t)from, .len = RAM_PAGE_SIZE,
			};
			ret = ioctl(lazy->fd, UFFDIO_COPY, &copy);
		} else {
			struct uffdio_zeropage zero = {
				.range = { .start = (uintptr_t)to, .len = RAM_PAGE_SIZE },
			};
			ret = ioctl(lazy->fd, UFFDIO_ZEROPAGE, &zero);
		}
		/* it came before, and may have been written to since */
		if (ret == 0 || errno == EEXIST)
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
}

int lazy_place(struct lazy *lazy, const struct ram_chunk *chunk)
{
	uint8_t *to = lazy->memory->host + chunk->first * RAM_PAGE_SIZE;
	const uint8_t *from = chunk->pages;
	int ret = 0;

	for (unsigned int i = 0; i < RAM_CHUNK_PAGES && ret == 0; i++, to += RAM_PAGE_SIZE) {
		if (chunk->present & 1U << i) {
			ret = place(lazy, to, from);
			from += RAM_PAGE_SIZE;
		} else if (chunk->zero & 1U << i) {
			ret = place(lazy, to, NULL);
		}
	}
	return ret;
}
