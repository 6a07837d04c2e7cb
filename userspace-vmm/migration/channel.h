/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file, pipe or socket as the way of a stream: buffered, at a limited rate, and left at any
 * moment when somebody cancels. One thread at a time reads it and one writes it.
 */
#ifndef AVMM_MIGRATION_CHANNEL_H
#define AVMM_MIGRATION_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define CHANNEL_BUFFER	(256U << 10)

struct channel {
	int fd;
	int cancel;		/* eventfd, readable when cancelled; -1: never */
	bool two_way;		/* the other side can answer: a socket */
	bool regular;		/* a file: always ready */
	uint64_t written;	/* bytes that left */
	uint64_t rate;		/* bytes per second that may leave; 0: any */
	uint64_t window_start;	/* of the rate, in ns */
	uint64_t window_bytes;
	uint8_t *out;
	size_t out_len;
	uint8_t *in;
	size_t in_at;
	size_t in_len;
};

/* Takes fd over. */
int channel_open(struct channel *channel, int fd, int cancel, struct error *err);
void channel_close(struct channel *channel);

/*
 * "tcp:HOST:PORT", "unix:PATH" or "fd:N"; the host may be in brackets. connect waits for the other
 * side, listen only opens the socket (or returns N: then *listening is false).
 */
int channel_connect(const char *uri, int cancel, struct error *err);
int channel_listen(const char *uri, bool *listening, struct error *err);

/* Callbacks of streams; opaque is a struct channel. -ECANCELED. */
int channel_write(void *opaque, const void *data, size_t len);
int channel_read(void *opaque, void *data, size_t len);
int channel_flush(struct channel *channel);

/* Is there something to read? Waits so long for it, in ms; -1: without end. 1, 0, or negative. */
int channel_poll(struct channel *channel, int timeout);

uint64_t now_ns(void);

#endif /* AVMM_MIGRATION_CHANNEL_H */
