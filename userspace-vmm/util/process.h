/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that works for this VM and ends with it.
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
 * Runs argv[0], looked for in PATH, with descriptor 3 being keep and no other of ours but standard
 * error. process holds ended and opaque already; argv[0] stays there. -ENOENT: there is no such
 * program.
 */
int process_start(struct process *process, char *const argv[], int keep, struct event_loop *loop,
		  struct error *err);

/* Ends it, if it has not ended. Nothing is left of it after that. */
void process_stop(struct process *process);

#endif /* AVMM_UTIL_PROCESS_H */
