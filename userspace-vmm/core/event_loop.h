/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event loop of the main thread: file descriptors and what to do when they are ready.
 */
#ifndef AVMM_CORE_EVENT_LOOP_H
#define AVMM_CORE_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_source {
	int fd;
	void (*ready)(void *opaque);
	void *opaque;
	bool added;		/* the loop's */
};

struct event_loop {
	int epoll;
};

int event_loop_init(struct event_loop *loop);
void event_loop_close(struct event_loop *loop);

/* events as in epoll. -EPERM: the file is always ready, as regular files are. */
int event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events);
void event_loop_remove(struct event_loop *loop, struct event_source *source);

/* Waits for one source and calls it. */
int event_loop_once(struct event_loop *loop);

#endif /* AVMM_CORE_EVENT_LOOP_H */
