// SPDX-License-Identifier: GPL-2.0
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK	(2ULL << 20)
#define WORD	(8 * sizeof(unsigned long))

static int no_memory(const struct vm_config *config, int code, struct error *err)
{
	return error_set(err, code, "--memory: %" PRIu64 "M%s are not to be had: %s",
			 config->memory >> 20, config->hugepages ? " of huge pages" : "",
			 strerror(-code));
}

/* A file, so that device processes can map it too. */
static int open_file(const struct vm_config *config)
{
	int fd = memfd_create("avmm-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING |
			      (config->hugepages ? MFD_HUGETLB : 0));
	int code;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, config->memory) == 0) {
		/* nobody who maps it can have us find a hole behind its end */
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
		return fd;
	}
	code = -errno;
	close(fd);
	return code;
}

int memory_alloc(struct memory *memory, const struct vm_config *config, uint64_t base,
		 struct error *err)
{
	uint64_t size = config->memory, head;
	uint8_t *p;
	bool private = config->ram >= 0;
	int fd = private ? config->ram : open_file(config);

	if (fd < 0)
		return no_memory(config, fd, err);
	/* room to align: blocks of stage 2 need host and guest address aligned alike */
	p = mmap(NULL, size + BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		goto fail;
	head = -(uintptr_t)p & (BLOCK - 1);
	if (head)
		munmap(p, head);
	munmap(p + head + size, BLOCK - head);
	p += head;
	/*
	 * Not reserved: a guest seldom touches all it has. Huge pages are, because one that is
	 * missing later is a SIGBUS.
	 */
	if (mmap(p, size, PROT_READ | PROT_WRITE, (private ? MAP_PRIVATE : MAP_SHARED) | MAP_FIXED |
		 (config->hugepages ? 0 : MAP_NORESERVE), fd, 0) == MAP_FAILED) {
		munmap(p, size);
		goto fail;
	}
	/* both are advice: a kernel without them does as well */
	if (!config->hugepages)
		madvise(p, size, MADV_HUGEPAGE);
	/* a core dump is for us, not for the guest's memory */
	madvise(p, size, MADV_DONTDUMP);
	*memory = (struct memory) { .host = p, .base = base, .size = size,
				      .fd = private ? -1 : fd };
	return 0;
fail:
	no_memory(config, -errno, err);
	if (!private)
		close(fd);
	return err->code;
}

void memory_free(struct memory *memory)
{
	if (!memory->host)
		return;
	munmap(memory->host, memory->size);
	if (memory->fd >= 0)
		close(memory->fd);
	memory->host = NULL;
}

int memory_clear(struct memory *memory, struct error *err)
{
	/*
	 * Gives the pages back; what is touched next is zero. Of a private mapping only our copies
	 * would go, and what it was made from would show through.
	 */
	if (memory->fd < 0)
		memset(memory->host, 0, memory->size);
	else if (madvise(memory->host, memory->size, MADV_REMOVE) < 0)
		return error_set(err, -errno, "the guest's RAM cannot be cleared: %s",
				 strerror(errno));
	return 0;
}

void memory_discard(struct memory *memory, uint64_t addr, uint64_t len)
{
	uint64_t page = sysconf(_SC_PAGESIZE), end = (addr + len) & ~(page - 1);

	addr = (addr + page - 1) & ~(page - 1);
	/* huge pages cannot go in parts, and then nothing happens */
	if (addr < end && memory_at(memory, addr, end - addr))
		madvise(memory_at(memory, addr, end - addr), end - addr,
			memory->fd < 0 ? MADV_DONTNEED : MADV_REMOVE);
}

void memory_wrote(struct memory *memory, uint64_t addr, uint64_t len)
{
	unsigned long *dirty = __atomic_load_n(&memory->dirty, __ATOMIC_ACQUIRE);
	uint64_t page, last;

	if (!dirty || !len)
		return;
	page = (addr - memory->base) >> MEMORY_DIRTY_SHIFT;
	last = (addr - memory->base + len - 1) >> MEMORY_DIRTY_SHIFT;
	for (; page <= last; page++)
		__atomic_fetch_or(&dirty[page / WORD], 1UL << page % WORD, __ATOMIC_RELAXED);
}
