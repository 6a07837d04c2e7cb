// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/event_loop.h"
#include "tests/tap.h"

static struct event_loop loop;
static char served[8];
static atomic_bool over;

static void note(void *opaque)
{
	strcat(served, opaque);
}

static void *idler(void *opaque)
{
	event_loop_call_idle(&loop, note, "i");
	atomic_store(&over, true);
	event_loop_changed(&loop);
	return opaque;
}

/* Comes when the idler's call is there already. */
static void *caller(void *opaque)
{
	bool queued = false;

	for (unsigned int i = 0; i < 10000 && !queued; i++) {
		pthread_mutex_lock(&loop.lock);
		queued = loop.calls != NULL;
		pthread_mutex_unlock(&loop.lock);
		usleep(100);
	}
	event_loop_call(&loop, note, "c");
	event_loop_changed(&loop);
	return opaque;
}

static bool caller_done(void *opaque)
{
	(void)opaque;
	return strchr(served, 'c') != NULL;
}

static bool idler_done(void *opaque)
{
	(void)opaque;
	return atomic_load(&over);
}

static void begin(pthread_t threads[2])
{
	served[0] = '\0';
	atomic_store(&over, false);
	check(event_loop_init(&loop) == 0);
	check(pthread_create(&threads[0], NULL, idler, NULL) == 0);
	check(pthread_create(&threads[1], NULL, caller, NULL) == 0);
	event_loop_wait(&loop, caller_done, NULL);
	check(!strcmp(served, "c"));
}

static void end(pthread_t threads[2])
{
	check(!strcmp(served, "ci"));
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	event_loop_close(&loop);
}

/* As a migration's thread that wants to stop the guest while that is being reset. */
static void between_events(void)
{
	pthread_t threads[2];

	begin(threads);
	check(event_loop_once(&loop) == 0);
	end(threads);
}

static void waited_for(void)
{
	pthread_t threads[2];

	begin(threads);
	event_loop_wait_idle(&loop, idler_done, NULL);
	end(threads);
}

const struct tap_test event_loop_tests[] = {
	{ "an idle call is served between events", between_events },
	{ "and by who waits for its thread", waited_for },
	{ NULL, NULL }
};
