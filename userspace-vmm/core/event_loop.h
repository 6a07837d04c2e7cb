/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event loop of the main thread: file descriptors and what to do when they are ready.
 */
#ifndef AVMM_CORE_EVENT_LOOP_H
#define AVMM_CORE_EVENT_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event_source {
	int fd;
	void (*ready)(void *opaque);
	void *opaque;
	bool added;		/* the loop's */
};

struct event_call;

struct event_loop {
	int epoll;
	pthread_t thread;		/* whose loop it is */
	struct event_source wake;	/* there are calls */
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* a call came or is done, or event_loop_changed() */
	struct event_call *calls;	/* lock: not yet served, the oldest first */
};

int event_loop_init(struct event_loop *loop);
void event_loop_close(struct event_loop *loop);

/* events as in epoll. -EPERM: the file is always ready, as regular files are. */
int event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events);
void event_loop_remove(struct event_loop *loop, struct event_source *source);

/* Waits for one source and calls it. */
int event_loop_once(struct event_loop *loop);

/*
 * Any thread: has the loop's thread call fn, and waits until it has. The caller holds no lock that
 * the loop's thread may want. It may be called while that waits for us in the midst of something:
 * fn changes nothing that others may be changing.
 */
void event_loop_call(struct event_loop *loop, void (*fn)(void *opaque), void *opaque);
/* As that, but only between events; for who is waited for by event_loop_wait_idle(), or by nobody. */
void event_loop_call_idle(struct event_loop *loop, void (*fn)(void *opaque), void *opaque);

/*
 * The loop's thread waits for another one, which may be in event_loop_call(): until done() is true.
 * Whoever makes it true calls event_loop_changed() after that.
 */
void event_loop_wait(struct event_loop *loop, bool (*done)(void *opaque), void *opaque);
/* As that, where whatever the other one wants may be done: it may be in event_loop_call_idle(). */
void event_loop_wait_idle(struct event_loop *loop, bool (*done)(void *opaque), void *opaque);
void event_loop_changed(struct event_loop *loop);

#endif /* AVMM_CORE_EVENT_LOOP_H */
