/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RAM whose pages come when somebody touches them: userfaultfd(2). Whoever touches a page that is
 * not there sleeps until lazy_place() has put it there; that includes vCPUs and the kernel on our
 * behalf.
 */
#ifndef AVMM_MIGRATION_LAZY_H
#define AVMM_MIGRATION_LAZY_H

#include <stdint.h>

#include "core/error.h"
#include "core/memory.h"
#include "migration/stream.h"

struct lazy {
	struct memory *memory;
	int fd;		/* -1: not in use. Readable when a page is wanted */
};

/*
 * All of RAM, which has no pages where they are to come. -EPERM and the like: the host does not let
 * us.
 */
int lazy_open(struct lazy *lazy, struct memory *memory, struct error *err);
/* All pages are there. Wakes who still sleeps. */
void lazy_close(struct lazy *lazy);

/* Number of a page that is wanted; -EAGAIN: none now. */
int lazy_wanted(struct lazy *lazy, uint64_t *page);

/* Puts the chunk's pages where they are not there yet. Any thread. */
int lazy_place(struct lazy *lazy, const struct ram_chunk *chunk);

#endif /* AVMM_MIGRATION_LAZY_H */
