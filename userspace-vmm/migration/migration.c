// SPDX-License-Identifier: GPL-2.0
#include "migration/migration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/vm.h"
#include "sandbox/sandbox.h"

static const char *const status_names[] = {
	[MIGRATION_NONE] = "none", [MIGRATION_SETUP] = "setup", [MIGRATION_ACTIVE] = "active",
	[MIGRATION_DEVICE] = "device", [MIGRATION_POSTCOPY_ACTIVE] = "postcopy-active",
	[MIGRATION_COMPLETED] = "completed", [MIGRATION_FAILED] = "failed",
	[MIGRATION_CANCELLING] = "cancelling", [MIGRATION_CANCELLED] = "cancelled",
};

static const struct {
	const char *name;
	int64_t initial, min, max;
} params[MIGRATION_PARAMS] = {
	[PARAM_MAX_BANDWIDTH] = { "max-bandwidth", 0, 0, INT64_MAX },
	[PARAM_DOWNTIME_LIMIT] = { "downtime-limit", 300, 0, 2000000 },
	[PARAM_THROTTLE_INITIAL] = { "cpu-throttle-initial", 20, 1, 99 },
	[PARAM_THROTTLE_INCREMENT] = { "cpu-throttle-increment", 10, 1, 99 },
	[PARAM_THROTTLE_MAX] = { "max-cpu-throttle", 99, 1, 99 },
	[PARAM_COMPRESS_LEVEL] = { "compress-level", 1, 0, 9 },
};

static const char *const cap_names[MIGRATION_CAPABILITIES] = {
	[CAP_AUTO_CONVERGE] = "auto-converge", [CAP_POSTCOPY_RAM] = "postcopy-ram",
	[CAP_EVENTS] = "events", [CAP_RETURN_PATH] = "return-path",
};

/* ---- life ---- */

static void restart_devices(void *opaque)
{
	struct vm *vm = opaque;

	/* those that stand still look at it when they go on */
	if (!vm->devices_paused)
		machine_log_switched(&vm->machine);
}

static void log_switched(void *opaque)
{
	struct vm *vm = opaque;

	event_loop_call_idle(&vm->loop, restart_devices, vm);
}

int migration_init(struct migration *m, struct vm *vm, struct error *err)
{
	*m = (struct migration) { .vm = vm, .lazy.fd = -1, .caps[CAP_RETURN_PATH] = true };
	pthread_mutex_init(&m->lock, NULL);
	dirty_log_init(&m->dirty, &vm->memory);
	m->dirty.switched = log_switched;
	m->dirty.opaque = vm;
	for (size_t i = 0; i < MIGRATION_PARAMS; i++)
		m->params[i] = params[i].initial;
	m->cancel = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->pager_stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->pager_ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->cancel < 0 || m->pager_stop < 0 || m->pager_ended < 0)
		return error_set(err, -errno, "there is no eventfd for migrations: %s",
				 strerror(errno));
	return 0;
}

static void clear_order(struct save_order *order)
{
	free(order->path);
	free(order->base);
	*order = (struct save_order) { 0 };
}

/* What the thread waits for is over. */
static bool interrupt(struct migration *m)
{
	uint64_t one = 1;

	return write(m->cancel, &one, sizeof(one)) == sizeof(one);
}

static bool has_ended(void *opaque)
{
	struct migration *m = opaque;

	return atomic_load(&m->ended);
}

/* The next one may be another kind. */
static void forget(struct migration *m)
{
	free(m->uri);
	m->uri = NULL;
	clear_order(&m->order);
}

/* The thread may be waiting for the main thread, which is here. */
static void join(struct migration *m)
{
	if (!m->started)
		return;
	event_loop_wait_idle(&m->vm->loop, has_ended, m);
	pthread_join(m->thread, NULL);
	m->started = false;
	forget(m);
}

void migration_stop(struct migration *m)
{
	migration_cancel(m);
	/* a guest that is only here ends with us; one that is there may still want pages */
	if (m->started && !m->outgoing)
		interrupt(m);
	join(m);
}

void migration_settle(struct migration *m)
{
	/* the rest of post-copy; a source's thread goes on */
	if (m->started && !m->outgoing)
		join(m);
	incoming_stop_pager(m);
}

void migration_close(struct migration *m)
{
	if (!m->vm)
		return;
	migration_stop(m);
	incoming_stop_pager(m);
	dirty_log_remove(&m->dirty, &m->base);
	dirty_log_close(&m->dirty);
	free(m->base_id);
	if (m->cancel >= 0)
		close(m->cancel);
	if (m->pager_stop >= 0)
		close(m->pager_stop);
	if (m->pager_ended >= 0)
		close(m->pager_ended);
	m->vm = NULL;
}

static bool goes_on(enum migration_status status)
{
	return status == MIGRATION_SETUP || status == MIGRATION_ACTIVE ||
	       status == MIGRATION_DEVICE || status == MIGRATION_POSTCOPY_ACTIVE ||
	       status == MIGRATION_CANCELLING;
}

bool migration_busy(struct migration *m)
{
	bool busy;

	pthread_mutex_lock(&m->lock);
	busy = goes_on(m->status);
	pthread_mutex_unlock(&m->lock);
	return busy;
}

/* ---- status ---- */

struct report {
	struct migration *m;
	enum migration_status status;
};

static void report(void *opaque)
{
	const struct report *r = opaque;

	if (r->m->caps[CAP_EVENTS])
		vm_event(r->m->vm, "MIGRATION", json_pack("{s:s}", "status",
							 status_names[r->status]));
}

void migration_set_status(struct migration *m, enum migration_status status)
{
	struct report r = { m, status };
	bool changed;

	pthread_mutex_lock(&m->lock);
	changed = m->status != status && m->status != MIGRATION_CANCELLING;
	if (changed)
		m->status = status;
	pthread_mutex_unlock(&m->lock);
	if (changed)
		event_loop_call_idle(&m->vm->loop, report, &r);
}

void migration_finish(struct migration *m, enum migration_status status, const struct error *err)
{
	struct report r = { m, status };

	pthread_mutex_lock(&m->lock);
	m->status = status;
	if (status == MIGRATION_FAILED)
		m->error = *err;
	m->stats.total_time = (now_ns() - m->began) / 1000000;
	pthread_mutex_unlock(&m->lock);
	event_loop_call_idle(&m->vm->loop, report, &r);
	atomic_store(&m->ended, true);
	event_loop_changed(&m->vm->loop);
}

bool migration_commit(struct migration *m)
{
	pthread_mutex_lock(&m->lock);
	m->committed = m->status != MIGRATION_CANCELLING;
	pthread_mutex_unlock(&m->lock);
	return m->committed;
}

bool migration_cancelled(const struct migration *m)
{
	uint64_t count;

	/* what is read is put back: it stays so until the next migration */
	return read(m->cancel, &count, sizeof(count)) == sizeof(count) &&
	       write(m->cancel, &count, sizeof(count)) == sizeof(count);
}

static void nothing(void *opaque)
{
	(void)opaque;
}

int migration_confine(struct migration *m, struct error *err)
{
	/* the main loop runs no sooner */
	event_loop_call_idle(&m->vm->loop, nothing, NULL);
	return sandbox_thread(SANDBOX_MIGRATION, err);
}

int migration_start_thread(struct migration *m, void *(*run)(void *opaque), struct error *err)
{
	uint64_t count;
	int ret;

	join(m);
	if (read(m->cancel, &count, sizeof(count)) < 0)
		count = 0;	/* nobody had cancelled the last one */
	pthread_mutex_lock(&m->lock);
	m->status = MIGRATION_NONE;
	m->committed = false;
	m->stats = (struct migration_stats) { .total = m->vm->memory.size };
	m->began = now_ns();
	pthread_mutex_unlock(&m->lock);
	atomic_store(&m->ended, false);
	atomic_store(&m->postcopy_wanted, false);
	ret = -pthread_create(&m->thread, NULL, run, m);
	if (ret < 0) {
		forget(m);
		return error_set(err, ret, "there is no thread for the migration: %s",
				 strerror(-ret));
	}
	m->started = true;
	pthread_mutex_lock(&m->lock);
	if (m->status == MIGRATION_NONE)
		m->status = MIGRATION_SETUP;
	pthread_mutex_unlock(&m->lock);
	if (m->caps[CAP_EVENTS])
		vm_event(m->vm, "MIGRATION", json_pack("{s:s}", "status", "setup"));
	return 0;
}

/* ---- orders ---- */

static int may_start(struct migration *m, struct error *err)
{
	if (migration_busy(m))
		return error_set(err, -EBUSY, "a migration is in progress");
	switch (m->vm->state) {
	case VM_INMIGRATE:
		return error_set(err, -EBUSY, "the guest is not here yet");
	case VM_POSTMIGRATE:
		return error_set(err, -EBUSY, "the guest has left; it must not run twice");
	case VM_INTERNAL_ERROR:
		return error_set(err, -EIO, "the guest cannot be run any further");
	case VM_SHUTDOWN:
		return error_set(err, -ESHUTDOWN, "the guest is off");
	default:
		return devices_can_save(&m->vm->machine.devices, err);
	}
}

int migration_start(struct migration *m, const char *uri, struct error *err)
{
	char *copy;
	int ret = may_start(m, err);

	if (ret < 0)
		return ret;
	copy = strdup(uri);
	if (!copy)
		return error_set(err, -ENOMEM, "no memory for the migration");
	join(m);
	m->uri = copy;
	m->outgoing = true;
	return migration_start_thread(m, outgoing_thread, err);
}

int migration_save(struct migration *m, struct save_order *order, struct error *err)
{
	int ret = may_start(m, err);

	if (ret == 0 && order->base && !m->base_id)
		ret = error_set(err, -EINVAL, "--base: the guest's writes were not kept track of; save "
				"once with --track, and the next one can build on that");
	if (ret < 0) {
		clear_order(order);
		return ret;
	}
	join(m);
	m->order = *order;
	m->outgoing = true;
	return migration_start_thread(m, outgoing_thread, err);
}

void migration_cancel(struct migration *m)
{
	struct report r = { m, MIGRATION_CANCELLING };
	bool told = false;

	pthread_mutex_lock(&m->lock);
	if (goes_on(m->status) && m->status != MIGRATION_CANCELLING && !m->committed) {
		m->status = MIGRATION_CANCELLING;
		told = interrupt(m);
	}
	pthread_mutex_unlock(&m->lock);
	if (told)
		report(&r);
}

int migration_start_postcopy(struct migration *m, struct error *err)
{
	if (!m->caps[CAP_POSTCOPY_RAM])
		return error_set(err, -EINVAL, "the capability postcopy-ram is not enabled");
	if (!migration_busy(m) || !m->outgoing || !m->uri)
		return error_set(err, -EINVAL, "no migration is in progress");
	atomic_store(&m->postcopy_wanted, true);
	return 0;
}

/* ---- QMP ---- */

json_t *migration_query(struct migration *m)
{
	struct migration_stats s;
	enum migration_status status;
	struct error error;
	uint64_t total_time;
	double seconds;
	json_t *answer;

	pthread_mutex_lock(&m->lock);
	status = m->status;
	s = m->stats;
	error = m->error;
	total_time = goes_on(status) ? (now_ns() - m->began) / 1000000 :
						     s.total_time;
	pthread_mutex_unlock(&m->lock);
	if (status == MIGRATION_NONE)
		return json_object();
	answer = json_pack("{s:s}", "status", status_names[status]);
	if (status == MIGRATION_FAILED)
		json_object_set_new(answer, "error-desc", json_string(error.text));
	if (!m->outgoing)
		return answer;
	seconds = total_time / 1000.0;
	json_object_update_new(answer, json_pack("{s:I, s:I, s:I}",
		"total-time", (json_int_t)total_time, "setup-time", (json_int_t)s.setup_time,
		status == MIGRATION_COMPLETED ? "downtime" : "expected-downtime",
		(json_int_t)(status == MIGRATION_COMPLETED ? s.downtime : s.expected_downtime)));
	if (s.throttle)
		json_object_set_new(answer, "cpu-throttle-percentage", json_integer(s.throttle));
	json_object_set_new(answer, "ram", json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
		"total", (json_int_t)s.total, "remaining", (json_int_t)s.remaining,
		"transferred", (json_int_t)s.transferred, "duplicate", (json_int_t)s.duplicate,
		"normal", (json_int_t)s.normal,
		"normal-bytes", (json_int_t)(s.normal * RAM_PAGE_SIZE),
		"dirty-sync-count", (json_int_t)s.rounds,
		"dirty-pages-rate", (json_int_t)s.dirty_rate,
		"page-size", (json_int_t)RAM_PAGE_SIZE,
		"postcopy-requests", (json_int_t)s.postcopy_requests,
		"mbps", seconds > 0 ? s.transferred * 8e-6 / seconds : 0.0));
	return answer;
}

json_t *migration_query_params(const struct migration *m)
{
	json_t *answer = json_object();

	for (size_t i = 0; i < MIGRATION_PARAMS; i++)
		json_object_set_new(answer, params[i].name, json_integer(m->params[i]));
	return answer;
}

int migration_set_params(struct migration *m, json_t *arguments, struct error *err)
{
	int64_t values[MIGRATION_PARAMS];
	const char *name;
	json_t *value;

	memcpy(values, m->params, sizeof(values));
	json_object_foreach(arguments, name, value) {
		size_t i = 0;

		while (i < MIGRATION_PARAMS && strcmp(params[i].name, name))
			i++;
		if (i == MIGRATION_PARAMS)
			return error_set(err, -EINVAL, "there is no parameter '%.64s'", name);
		if (!json_is_integer(value) || json_integer_value(value) < params[i].min ||
		    json_integer_value(value) > params[i].max)
			return error_set(err, -EINVAL, "%s is not a number from %lld to %lld", name,
					 (long long)params[i].min, (long long)params[i].max);
		values[i] = json_integer_value(value);
	}
	/* the thread reads each as it goes */
	for (size_t i = 0; i < MIGRATION_PARAMS; i++)
		__atomic_store_n(&m->params[i], values[i], __ATOMIC_RELAXED);
	return 0;
}

json_t *migration_query_caps(const struct migration *m)
{
	json_t *answer = json_array();

	for (size_t i = 0; i < MIGRATION_CAPABILITIES; i++)
		json_array_append_new(answer, json_pack("{s:s, s:b}", "capability", cap_names[i],
							"state", m->caps[i]));
	return answer;
}

int migration_set_caps(struct migration *m, json_t *list, struct error *err)
{
	bool caps[MIGRATION_CAPABILITIES];

	if (migration_busy(m))
		return error_set(err, -EBUSY, "a migration is in progress");
	memcpy(caps, m->caps, sizeof(caps));
	for (size_t n = 0; n < json_array_size(list); n++) {
		const char *name;
		size_t i = 0;
		int state;

		if (json_unpack(json_array_get(list, n), "{s:s, s:b !}", "capability", &name, "state",
				&state) < 0)
			return error_set(err, -EINVAL,
					 "capabilities are objects with 'capability' and 'state'");
		while (i < MIGRATION_CAPABILITIES && strcmp(cap_names[i], name))
			i++;
		if (i < MIGRATION_CAPABILITIES)
			caps[i] = state;
		else if (state)
			return error_set(err, -EINVAL, "there is no capability '%.64s'", name);
	}
	memcpy(m->caps, caps, sizeof(caps));
	return 0;
}
