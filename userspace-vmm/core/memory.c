// SPDX-License-Identifier: GPL-2.0
#include "core/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#define BLOCK	(2ULL << 20)

static int no_memory(const struct vm_config *config, int code, struct error *err)
{
	return error_set(err, code, "--memory: %" PRIu64 "M%s are not to be had: %s",
			 config->memory >> 20, config->hugepages ? " of huge pages" : "",
			 strerror(-code));
}

int memory_alloc(struct memory *memory, const struct vm_config *config, struct error *err)
{
	/*
	 * Not reserved: a guest seldom touches all it has. Huge pages are, because one that is
	 * missing later is a SIGBUS.
	 */
	int flags = MAP_PRIVATE | MAP_ANONYMOUS |
		    (config->hugepages ? MAP_HUGETLB : MAP_NORESERVE);
	uint64_t size = config->memory, head;
	uint8_t *p;

	/* room to align: blocks of stage 2 need host and guest address aligned alike */
	p = mmap(NULL, size + BLOCK, PROT_READ | PROT_WRITE,
		 config->hugepages ? flags & ~MAP_HUGETLB : flags, -1, 0);
	if (p == MAP_FAILED)
		return no_memory(config, -errno, err);
	head = -(uintptr_t)p & (BLOCK - 1);
	if (head)
		munmap(p, head);
	munmap(p + head + size, BLOCK - head);
	p += head;
	if (config->hugepages && mmap(p, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0) ==
	    MAP_FAILED) {
		int code = -errno;

		munmap(p, size);
		return no_memory(config, code, err);
	}
	/* both are advice: a kernel without them does as well */
	if (!config->hugepages)
		madvise(p, size, MADV_HUGEPAGE);
	/* a core dump is for us, not for the guest's memory */
	madvise(p, size, MADV_DONTDUMP);
	memory->host = p;
	memory->size = size;
	return 0;
}

void memory_free(struct memory *memory)
{
	if (memory->host)
		munmap(memory->host, memory->size);
	memory->host = NULL;
}

int memory_clear(struct memory *memory, struct error *err)
{
	/* gives the pages back; what is touched next is zero. Huge pages: Linux 5.18 and later. */
	if (madvise(memory->host, memory->size, MADV_DONTNEED) == 0)
		return 0;
	if (errno != EINVAL)
		return error_set(err, -errno, "the guest's RAM cannot be cleared: %s",
				 strerror(errno));
	memset(memory->host, 0, memory->size);
	return 0;
}
