/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames in a stream: each has its length before it, in 32 bits of network byte order. Pure.
 */
#ifndef AVMM_BACKEND_NET_STREAM_H
#define AVMM_BACKEND_NET_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/net.h"

#define NET_STREAM_HEADER	4

struct net_stream {
	size_t start, end;	/* of what is in data and not yet taken */
	uint8_t data[2 * (NET_STREAM_HEADER + NET_FRAME_MAX)];
};

/* Where more of the stream goes; makes room first. *room is never 0 after net_stream_take() was 0. */
uint8_t *net_stream_room(struct net_stream *stream, size_t *room);

/*
 * Copies the next frame to NET_FRAME_MAX bytes. Returns its length; 0: it is not all there;
 * -EPROTO: no frame has such a length, and where the next one begins is not known.
 */
ssize_t net_stream_take(struct net_stream *stream, void *frame);

#endif /* AVMM_BACKEND_NET_STREAM_H */
