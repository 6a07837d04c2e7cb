/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Processes that work for this VM and end with it. A small process of ours, the launcher, starts
 * them: it is made before anything is open, has no memory and no descriptors of the VM, and is there
 * still when the sandbox lets this process start none.
 */
#ifndef AVMM_UTIL_PROCESS_H
#define AVMM_UTIL_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/error.h"
#include "core/event_loop.h"

struct process {
	pid_t pid;		/* 0: none */
	const char *name;
	struct event_loop *loop;
	struct event_source end;	/* pidfd */
	void (*ended)(void *opaque);	/* in the event loop, once, unless we stopped it */
	void *opaque;
};

/*
 * Once, while there is one thread. The launcher runs nothing but programs, which ends with NULL: a
 * path, or a name to be looked for in PATH.
 */
int launcher_start(const char *const *programs, struct error *err);
/*
 * From now on what it starts gets no new privileges and, if uid is not -1, is that user's. For good.
 */
int launcher_confine(uid_t uid, gid_t gid, struct error *err);
/* It ends, and with it what it started. */
void launcher_end(void);

/*
 * Runs argv[0], one of the launcher's programs, with descriptor 3 being keep and no other of ours
 * but standard error. process holds ended and opaque already; argv[0] stays there. -ENOENT: there is
 * no such program.
 */
int process_start(struct process *process, char *const argv[], int keep, struct event_loop *loop,
		  struct error *err);

/* Ends it, if it has not ended. Nothing is left of it after that. */
void process_stop(struct process *process);

#endif /* AVMM_UTIL_PROCESS_H */
