// SPDX-License-Identifier: GPL-2.0
#include "core/event_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

int event_loop_init(struct event_loop *loop)
{
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? -errno : 0;
}

void event_loop_close(struct event_loop *loop)
{
	if (loop->epoll >= 0)
		close(loop->epoll);
	loop->epoll = -1;
}

int event_loop_add(struct event_loop *loop, struct event_source *source, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = source };

	if (source->added)
		return 0;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &e) < 0)
		return -errno;
	source->added = true;
	return 0;
}

void event_loop_remove(struct event_loop *loop, struct event_source *source)
{
	if (source->added)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	source->added = false;
}

int event_loop_once(struct event_loop *loop)
{
	/* one at a time: what it calls may remove any other source */
	struct epoll_event e;
	struct event_source *source;
	int n = epoll_wait(loop->epoll, &e, 1, -1);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1) {
		source = e.data.ptr;
		source->ready(source->opaque);
	}
	return 0;
}
