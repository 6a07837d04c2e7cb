/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the process gives up once all that it needs is open: a guest that takes it over can do
 * little more than before.
 */
#ifndef AVMM_SANDBOX_SANDBOX_H
#define AVMM_SANDBOX_SANDBOX_H

#include "core/error.h"

/* Which system calls a thread may do; any other ends the process by SIGSYS. */
enum sandbox_role {
	SANDBOX_MAIN,	/* event loop, devices, control sockets, migration */
	SANDBOX_VCPU,	/* runs the guest and calls devices */
};

/*
 * First, while there is one thread: namespaces of our own, for who may have them. What is mounted
 * later on the host is still seen; what we mount is seen by nobody else.
 */
int sandbox_prepare(struct error *err);

/*
 * When all is open: no core dumps, no new privileges, nothing of /proc and /sys for who has a mount
 * namespace, and the filter of SANDBOX_MAIN for all threads there are. Root becomes user; NULL: the
 * user "avmm", or root as before if there is none.
 */
int sandbox_enter(const char *user, struct error *err);

/* This thread only, and for good; one that has a filter already can only lose by it. */
int sandbox_thread(enum sandbox_role role, struct error *err);

#endif /* AVMM_SANDBOX_SANDBOX_H */
