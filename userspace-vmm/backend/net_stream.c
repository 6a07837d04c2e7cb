// SPDX-License-Identifier: GPL-2.0
#include "backend/net_stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

uint8_t *net_stream_room(struct net_stream *stream, size_t *room)
{
	memmove(stream->data, stream->data + stream->start, stream->end - stream->start);
	stream->end -= stream->start;
	stream->start = 0;
	*room = sizeof(stream->data) - stream->end;
	return stream->data + stream->end;
}

ssize_t net_stream_take(struct net_stream *stream, void *frame)
{
	const uint8_t *p = stream->data + stream->start;
	size_t have = stream->end - stream->start;
	uint32_t len;

	if (have < NET_STREAM_HEADER)
		return 0;
	memcpy(&len, p, sizeof(len));
	len = ntohl(len);
	if (!len || len > NET_FRAME_MAX)
		return -EPROTO;
	if (have - NET_STREAM_HEADER < len)
		return 0;
	memcpy(frame, p + NET_STREAM_HEADER, len);
	stream->start += NET_STREAM_HEADER + len;
	return len;
}
