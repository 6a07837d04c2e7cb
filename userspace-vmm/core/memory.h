/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's RAM in our address space: one piece. The guest changes it at any moment, so what is
 * read from it is copied once and then checked.
 */
#ifndef AVMM_CORE_MEMORY_H
#define AVMM_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "config/vm_config.h"
#include "core/error.h"

struct memory {
	uint8_t *host;		/* on a 2 MiB boundary, zeroed */
	uint64_t base;		/* where the guest sees it */
	uint64_t size;
	int fd;			/* memfd behind it, for other processes to map; -1: private */
	/* a bit for each 4 KiB that we wrote to; NULL: nobody wants to know. Atomic accesses. */
	unsigned long *dirty;
};

#define MEMORY_DIRTY_SHIFT	12

int memory_alloc(struct memory *memory, const struct vm_config *config, uint64_t base,
		 struct error *err);
void memory_free(struct memory *memory);

/* Zeros again, as after power-on. */
int memory_clear(struct memory *memory, struct error *err);

/* Host address of a range that lies wholly in RAM, else NULL. */
static inline void *memory_at(const struct memory *memory, uint64_t addr, uint64_t len)
{
	uint64_t offset = addr - memory->base;

	if (offset > memory->size || len > memory->size - offset)
		return NULL;
	return memory->host + offset;
}

/* Gives the whole pages of a range back to the host. What they hold is lost; RAM is all it touches. */
void memory_discard(struct memory *memory, uint64_t addr, uint64_t len);

/* Must follow each write of ours, or of whoever we asked to write. The range is in RAM. */
void memory_wrote(struct memory *memory, uint64_t addr, uint64_t len);

#endif /* AVMM_CORE_MEMORY_H */
