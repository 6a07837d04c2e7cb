// SPDX-License-Identifier: GPL-2.0
#include "core/event_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A caller's, on its stack. */
struct event_call {
	void (*fn)(void *opaque);
	void *opaque;
	bool idle;		/* not in the midst of something else */
	bool done;
	struct event_call *next;
};

/* Takes out the first that may be served now. */
static struct event_call *next_call(struct event_loop *loop, bool idle)
{
	struct event_call **p = &loop->calls, *call;

	while (*p && (*p)->idle && !idle)
		p = &(*p)->next;
	call = *p;
	if (call)
		*p = call->next;
	return call;
}

/* Holds the lock, but not while it calls. Was there any? */
static bool serve(struct event_loop *loop, bool idle)
{
	struct event_call *call;
	bool any = false;

	while ((call = next_call(loop, idle))) {
		any = true;
		pthread_mutex_unlock(&loop->lock);
		call->fn(call->opaque);
		pthread_mutex_lock(&loop->lock);
		call->done = true;
		pthread_cond_broadcast(&loop->changed);
	}
	return any;
}

static void wake_ready(void *opaque)
{
	struct event_loop *loop = opaque;
	uint64_t count;

	if (read(loop->wake.fd, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&loop->lock);
	serve(loop, true);
	pthread_mutex_unlock(&loop->lock);
}

int event_loop_init(struct event_loop *loop)
{
	int ret;

	*loop = (struct event_loop) { .thread = pthread_self(), .epoll = -1 };
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->changed, NULL);
	loop->wake = (struct event_source) {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = wake_ready, .opaque = loop,
	};
	if (loop->wake.fd < 0)
		return -errno;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = loop->epoll < 0 ? -errno : event_loop_add(loop, &loop->wake, EPOLLIN);
	if (ret < 0)
		event_loop_close(loop);
	return ret;
}

void event_loop_close(struct event_loop *loop)
{
	if (loop->epoll < 0 && loop->wake.fd <= 0)
		return;
	if (loop->epoll >= 0)
		close(loop->epoll);
	close(loop->wake.fd);
	loop->epoll = -1;
	loop->wake.fd = -1;
}

static void call_loop(struct event_loop *loop, void (*fn)(void *opaque), void *opaque, bool idle)
{
	struct event_call call = { .fn = fn, .opaque = opaque, .idle = idle }, **end = &loop->calls;
	uint64_t one = 1;

	if (pthread_equal(pthread_self(), loop->thread)) {
		fn(opaque);
		return;
	}
	pthread_mutex_lock(&loop->lock);
	while (*end)
		end = &(*end)->next;
	*end = &call;
	pthread_cond_broadcast(&loop->changed);
	/* the counter cannot overflow, and a failure would be of the file descriptor */
	while (write(loop->wake.fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	while (!call.done)
		pthread_cond_wait(&loop->changed, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

void event_loop_call(struct event_loop *loop, void (*fn)(void *opaque), void *opaque)
{
	call_loop(loop, fn, opaque, false);
}

void event_loop_call_idle(struct event_loop *loop, void (*fn)(void *opaque), void *opaque)
{
	call_loop(loop, fn, opaque, true);
}

static void wait_for(struct event_loop *loop, bool (*done)(void *opaque), void *opaque, bool idle)
{
	pthread_mutex_lock(&loop->lock);
	while (!done(opaque))
		if (!serve(loop, idle))
			pthread_cond_wait(&loop->changed, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

void event_loop_wait(struct event_loop *loop, bool (*done)(void *opaque), void *opaque)
{
	wait_for(loop, done, opaque, false);
}

void event_loop_wait_idle(struct event_loop *loop, bool (*done)(void *opaque), void *opaque)
{
	wait_for(loop, done, opaque, true);
}

void event_loop_changed(struct event_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
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
