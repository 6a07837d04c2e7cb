/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other end of a serial line or of a port of virtio-console: standard input and output, which
 * may be a terminal, a pipe, a file or nothing; a pseudo terminal or a socket, which somebody uses
 * from time to time, and what the guest writes without that is lost; or only a file for output. A
 * log gets all output, too.
 *
 * Output: console_send() is called on vCPU threads and puts bytes into a ring; the event loop
 * writes them a few milliseconds later, because a system call and a switch of threads for each byte
 * is what makes a console slow. When the ring is full, console_send() refuses, and the guest waits.
 * Input: the event loop reads, takes the escape key out, and hands on as much as the guest takes.
 * Lock: console.lock, a leaf.
 */
#ifndef AVMM_BACKEND_CONSOLE_H
#define AVMM_BACKEND_CONSOLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/keys.h"
#include "backend/ring.h"
#include "config/vm_config.h"
#include "core/error.h"
#include "core/event_loop.h"

/* Called in the event loop, without the lock. */
struct console_guest {
	void *opaque;
	size_t (*receive)(void *opaque, const uint8_t *data, size_t len);
	void (*receive_break)(void *opaque);
	void (*sent)(void *opaque);	/* console_send() has room again */
	void (*connected)(void *opaque, bool on);	/* somebody is there; may be NULL */
	void (*quit)(void *quit_opaque);	/* the user wants to leave */
	void *quit_opaque;
};

struct console {
	struct event_loop *loop;	/* immutable */
	struct console_guest guest;	/* immutable */
	int kind;			/* immutable: enum chardev_kind */
	bool terminal;			/* immutable: input is one, so the escape key counts */
	char name[128];			/* immutable: as QMP's query-chardev has it */
	pthread_mutex_t lock;
	struct ring out;		/* lock; only the event loop takes out */
	bool out_refused;		/* lock */
	bool woken;			/* lock: wake is set and not yet seen */

	/* all below: event loop only */
	struct event_source wake;	/* eventfd: look at both directions */
	struct event_source flush;	/* timerfd: time to write */
	struct event_source in_source;
	struct event_source out_source;
	struct event_source listener;	/* of a socket, while nobody is connected */
	struct event_source opened;	/* inotify: somebody opens the pseudo terminal */
	char *path;			/* of a socket that we made */
	int log_fd;			/* -1: none */
	bool connected;
	struct ring in;
	struct keys keys;
	bool in_always_ready;		/* a file, or /dev/null */
	bool in_full;			/* so in_source waits for nothing but its end */
	bool in_ended;
	bool out_broken;
	int out_flags;			/* to be put back on standard output; -1: none */
};

/* what is for messages: "--serial". */
int console_open(struct console *console, struct event_loop *loop,
		 const struct console_guest *guest, const char *what,
		 const struct chardev_config *config, struct error *err);
void console_close(struct console *console);

/* From here on input is read, a terminal is raw, and a socket is listened to. */
int console_start(struct console *console, struct error *err);

/* Any thread; false: no room, and sent will be called. */
bool console_send(struct console *console, uint8_t byte);
/* Returns for how many there was room; for the rest sent will be called. */
size_t console_write(struct console *console, const uint8_t *data, size_t len);

/* Any thread: receive will take more now. */
void console_can_receive(struct console *console);

/* Event loop: nothing is left to be written. */
bool console_idle(struct console *console);

#endif /* AVMM_BACKEND_CONSOLE_H */
