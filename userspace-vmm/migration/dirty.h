/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which pages of RAM were written: the hypervisor's log of the guest's writes and our own of what
 * devices wrote, for any number of users, each with a bitmap of its own.
 *
 * Lock: dirty_log.lock, taken by each function. A VM that is made anew at a reset is told by
 * dirty_log_attach().
 */
#ifndef AVMM_MIGRATION_DIRTY_H
#define AVMM_MIGRATION_DIRTY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "core/memory.h"

struct dirty_user {
	unsigned long *bitmap;	/* a bit per 4 KiB; dirty_log_sync() sets, the owner's thread clears */
	struct dirty_user *next;
};

struct dirty_log {
	pthread_mutex_t lock;
	struct memory *memory;		/* immutable */
	int vm;				/* VM fd; -1: off */
	struct dirty_user *users;
	unsigned long *ours;		/* memory->dirty while there are users */
	unsigned long *kvm;		/* what the ioctl fills in, a bit per page of the host */
	/* After it was switched on or off, so that who writes for a device does what it should. */
	void (*switched)(void *opaque);
	void *opaque;
};

void dirty_log_init(struct dirty_log *log, struct memory *memory);
/* No users, and no device that may write. */
void dirty_log_close(struct dirty_log *log);

/* Makes RAM the VM's; from then on its writes are logged if anybody wants to know. */
int dirty_log_attach(struct dirty_log *log, int vm, struct error *err);
/* Before the VM is closed. Who clears RAM and fills it again says so with memory_wrote(). */
void dirty_log_detach(struct dirty_log *log);

/* Begins with all bits set or none. */
int dirty_log_add(struct dirty_log *log, struct dirty_user *user, bool set, struct error *err);
void dirty_log_remove(struct dirty_log *log, struct dirty_user *user);

/* What was written since the last call goes to all bitmaps. */
int dirty_log_sync(struct dirty_log *log, struct error *err);

/* Of a bitmap; RAM has a multiple of 64 pages. */
uint64_t dirty_pages(const struct dirty_log *log);
uint64_t dirty_count(const struct dirty_log *log, const unsigned long *bitmap);

#endif /* AVMM_MIGRATION_DIRTY_H */
