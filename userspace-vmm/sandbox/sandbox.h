/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the process gives up once all that it needs is open: a guest that takes it over can do
 * little more than before.
 */
#ifndef AVMM_SANDBOX_SANDBOX_H
#define AVMM_SANDBOX_SANDBOX_H

#include <stdint.h>

#include "core/error.h"

/* Which system calls a thread may do; any other ends the process by SIGSYS. */
enum sandbox_role {
	SANDBOX_MAIN,		/* event loop, devices, control sockets */
	SANDBOX_MIGRATION,	/* checkpoints and migration, with all threads that they make */
	SANDBOX_DISK,		/* reads and writes images for which io_uring is not to be had */
	SANDBOX_VCPU,		/* runs the guest and calls devices */
};

/*
 * First, while there is one thread: namespaces of our own, for who may have them. What is mounted
 * later on the host is still seen; what we mount is seen by nobody else.
 */
int sandbox_prepare(struct error *err);

/*
 * When all is open: no core dumps, no new privileges, no more memory of its own than this many
 * bytes, nothing of /proc and /sys for who has a mount namespace, and the filter of SANDBOX_MAIN for
 * all threads there are. Root becomes user; NULL: the user "avmm", or root as before if there is
 * none. The launcher of processes goes along.
 */
int sandbox_enter(const char *user, uint64_t memory, struct error *err);

/*
 * Before this thread does what its role is for, each time: gives it its filter, for good, the first
 * time after sandbox_enter(). Threads that it makes inherit that.
 */
int sandbox_thread(enum sandbox_role role, struct error *err);

#endif /* AVMM_SANDBOX_SANDBOX_H */
