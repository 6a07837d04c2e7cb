// SPDX-License-Identifier: GPL-2.0
/*
 * The source of a migration and the writer of a checkpoint; all on the migration's thread but what
 * is marked.
 *
 * RAM goes while the guest runs; what it writes meanwhile goes again, in rounds, until the rest is
 * little enough to be sent while it stands still. Then it is paused, and the rest and the state of
 * all else follow. To a peer that answers, the hand-over is: READY from there, GO from here, DONE
 * from there. Before GO whatever goes wrong ends here and the guest runs on; from GO on it never
 * runs here again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/vm.h"
#include "migration/migration.h"
#include "migration/vm_state.h"

#define CHUNKS_PER_WORD	(8 * sizeof(unsigned long) / RAM_CHUNK_PAGES)
/* A checkpoint's rounds while the guest runs: more only make the file longer. */
#define SAVE_ROUNDS	3

struct outgoing {
	struct migration *m;
	struct vm *vm;
	bool saving;
	struct checkpoint_writer file;	/* saving */
	struct channel channel;		/* else */
	struct stream_writer writer;
	struct stream_reader reader;	/* what the destination says, if it can */
	struct dirty_user todo;
	uint64_t chunks;
	char id[CHECKPOINT_ID_SIZE];
	char tag[9];			/* the beginning of it, for the names of disks' copies */
	/* the guest stands still */
	bool paused;
	bool was_running;
	enum vm_state before;
	uint64_t paused_at;
	json_t *state;
	struct error err;
	/* auto-converge */
	pthread_t throttler;
	bool throttling;
	atomic_int throttle;		/* per cent; 0: none */
	atomic_bool throttle_end;
};

static int64_t param(const struct outgoing *o, enum migration_param which)
{
	return __atomic_load_n(&o->m->params[which], __ATOMIC_RELAXED);
}

/* ---- main thread ---- */

static void stop_guest(void *opaque)
{
	struct outgoing *o = opaque;
	bool stops;

	o->before = o->vm->state;
	o->was_running = o->before == VM_RUNNING;
	if (o->vm->end ||
	    (o->before != VM_RUNNING && o->before != VM_PAUSED && o->before != VM_PRELAUNCH)) {
		error_set(&o->err, -ESHUTDOWN, "the guest does not run any more: it is in the state %s",
			  vm_state_name(o->before));
		return;
	}
	vm_pause(o->vm, VM_FINISH_MIGRATE);
	o->paused = true;
	/* what a vCPU wanted just before is in no state that is saved */
	pthread_mutex_lock(&o->vm->stop_lock);
	stops = o->vm->stop != VM_STOP_NONE;
	pthread_mutex_unlock(&o->vm->stop_lock);
	if (stops) {
		error_set(&o->err, -EAGAIN, "the guest is about to start again or to end; try again");
		return;
	}
	o->state = vm_state_save(o->vm, o->was_running, o->m->order.copy_disks ?
				 o->m->order.path : NULL, o->tag, &o->err);
}

static void let_guest_run(void *opaque)
{
	struct outgoing *o = opaque;
	struct error err;

	if (o->vm->state != VM_FINISH_MIGRATE)
		return;
	vm_pause(o->vm, o->was_running ? VM_PAUSED : o->before);
	if (o->was_running && vm_resume(o->vm, &err) < 0)
		log_error("the guest cannot go on: %s", err.text);
}

static void leave_guest(void *opaque)
{
	struct outgoing *o = opaque;

	vm_pause(o->vm, o->saving ? VM_PAUSED : VM_POSTMIGRATE);
}

static void free_disks(void *opaque)
{
	struct outgoing *o = opaque;

	machine_unlock_disks(&o->vm->machine);
	o->vm->disks_free = true;
}

static void say_pass(void *opaque)
{
	struct outgoing *o = opaque;

	if (o->m->caps[CAP_EVENTS])
		vm_event(o->vm, "MIGRATION_PASS", json_pack("{s:I}", "pass",
							     (json_int_t)o->m->stats.rounds));
}

/* ---- errors of the way ---- */

static int way_failed(struct outgoing *o, int ret)
{
	if (ret >= 0)
		return ret;
	if (o->saving)
		return checkpoint_write_failed(&o->file, ret, &o->err);
	if (ret == -ECANCELED)
		return error_set(&o->err, ret, "cancelled");
	return error_set(&o->err, ret, "%s: the destination is gone: %s", o->m->uri, strerror(-ret));
}

static int flush(struct outgoing *o)
{
	return way_failed(o, channel_flush(&o->channel));
}

/* ---- RAM ---- */

/* Bits of the chunk, which are taken out: whoever writes from now on sets them again. */
static uint32_t take(struct outgoing *o, uint64_t chunk)
{
	unsigned int shift = chunk % CHUNKS_PER_WORD * RAM_CHUNK_PAGES;
	unsigned long mask = (unsigned long)RAM_CHUNK_ALL << shift;
	unsigned long *word = &o->todo.bitmap[chunk / CHUNKS_PER_WORD];

	if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & mask))
		return 0;
	return (__atomic_fetch_and(word, ~mask, __ATOMIC_ACQ_REL) & mask) >> shift;
}

/*
 * Nobody ever touched it, and reading it would make pages of zeros. Asked after take(): who writes
 * to it later sets its bits again.
 */
static bool is_hole(const struct outgoing *o, uint64_t chunk)
{
	uint64_t begin = chunk * RAM_CHUNK_SIZE;
	off_t data;

	if (o->vm->memory.fd < 0)
		return false;
	data = lseek(o->vm->memory.fd, begin, SEEK_DATA);
	return data < 0 ? errno == ENXIO : (uint64_t)data >= begin + RAM_CHUNK_SIZE;
}

static int send_chunk(struct outgoing *o, uint64_t chunk, uint32_t wanted)
{
	uint8_t payload[RAM_CHUNK_HEADER + RAM_CHUNK_SIZE];
	unsigned int present;
	size_t size;
	int ret;

	if (o->saving)
		wanted = RAM_CHUNK_ALL;
	size = ram_chunk_encode(payload, is_hole(o, chunk) ? NULL :
				o->vm->memory.host + chunk * RAM_CHUNK_SIZE, wanted);
	if (o->saving)
		ret = checkpoint_write_chunk(&o->file, chunk, payload, size);
	else
		ret = stream_write(&o->writer, SECTION_RAM, chunk * RAM_CHUNK_PAGES, payload, size);
	present = (size - RAM_CHUNK_HEADER) / RAM_PAGE_SIZE;
	o->m->stats.normal += present;
	o->m->stats.duplicate += __builtin_popcount(wanted) - present;
	o->m->stats.transferred = o->saving ? o->file.stream.offset : o->writer.offset;
	return way_failed(o, ret);
}

/* All that is to be sent, once; later than the first time stops early for post-copy. */
static int send_round(struct outgoing *o, bool may_stop)
{
	for (uint64_t chunk = 0; chunk < o->chunks; chunk++) {
		uint32_t wanted = take(o, chunk);
		int ret = wanted ? send_chunk(o, chunk, wanted) : 0;

		if (ret < 0)
			return ret;
		if (may_stop && chunk % 64 == 0) {
			o->channel.rate = param(o, PARAM_MAX_BANDWIDTH);
			o->file.channel.rate = o->channel.rate;
			if (o->m->stats.rounds && atomic_load(&o->m->postcopy_wanted))
				return 0;
		}
	}
	return 0;
}

/* ---- a guest that writes faster than we send is slowed down ---- */

#define THROTTLE_SLICE_NS	10000000LL

static void *throttle_thread(void *opaque)
{
	struct outgoing *o = opaque;

	while (!atomic_load(&o->throttle_end)) {
		int percent = atomic_load(&o->throttle);
		int64_t rest = THROTTLE_SLICE_NS * percent / (100 - percent);
		int64_t ns = THROTTLE_SLICE_NS + rest;
		struct timespec ts = { ns / 1000000000, ns % 1000000000 };

		for (unsigned int i = 0; i < o->vm->nvcpus; i++)
			vcpu_rest(&o->vm->vcpus[i], rest);
		nanosleep(&ts, NULL);
	}
	return NULL;
}

static void throttle(struct outgoing *o)
{
	int percent = atomic_load(&o->throttle);

	percent = percent ? percent + param(o, PARAM_THROTTLE_INCREMENT) :
			    param(o, PARAM_THROTTLE_INITIAL);
	if (percent > param(o, PARAM_THROTTLE_MAX))
		percent = param(o, PARAM_THROTTLE_MAX);
	atomic_store(&o->throttle, percent);
	o->m->stats.throttle = percent;
	if (!o->throttling)
		o->throttling = pthread_create(&o->throttler, NULL, throttle_thread, o) == 0;
}

static void stop_throttling(struct outgoing *o)
{
	if (!o->throttling)
		return;
	atomic_store(&o->throttle_end, true);
	pthread_join(o->throttler, NULL);
	o->throttling = false;
}

/* ---- rounds ---- */

/* Until the rest would take less than the guest may stand still, or post-copy is wanted. */
static int precopy(struct outgoing *o)
{
	unsigned int behind = 0;

	for (;;) {
		uint64_t began = now_ns(), sent = o->m->stats.normal, took, left;
		double rate;
		int ret = send_round(o, true);

		if (ret < 0)
			return ret;
		if (!o->saving) {
			ret = flush(o);
			if (ret < 0)
				return ret;
		}
		ret = dirty_log_sync(&o->m->dirty, &o->err);
		if (ret < 0)
			return ret;
		took = now_ns() - began + 1;
		sent = o->m->stats.normal - sent;
		left = dirty_count(&o->m->dirty, o->todo.bitmap);
		/* pages per ns; a round that had nothing to send says nothing about that */
		rate = (double)(sent ? sent : 1) / took;
		o->m->stats.rounds++;
		o->m->stats.remaining = left * RAM_PAGE_SIZE;
		o->m->stats.dirty_rate = left * 1000000000.0 / took;
		o->m->stats.expected_downtime = left / rate / 1e6;
		event_loop_call_idle(&o->vm->loop, say_pass, o);
		if (atomic_load(&o->m->postcopy_wanted) ||
		    left / rate <= param(o, PARAM_DOWNTIME_LIMIT) * 1e6)
			return 0;
		if (o->saving && o->m->stats.rounds >= SAVE_ROUNDS)
			return 0;
		behind = left * 2 > sent ? behind + 1 : 0;
		if (!o->saving && o->m->caps[CAP_AUTO_CONVERGE] && behind >= 2)
			throttle(o);
	}
}

/* From here on the guest stands still. */
static int pause_guest(struct outgoing *o)
{
	stop_throttling(o);
	migration_set_status(o->m, MIGRATION_DEVICE);
	o->paused_at = now_ns();
	event_loop_call_idle(&o->vm->loop, stop_guest, o);
	if (!o->state)
		return o->err.code;
	return dirty_log_sync(&o->m->dirty, &o->err);
}

/* ---- what the destination says ---- */

static int hear(struct outgoing *o, struct section *section)
{
	const char *text;
	json_t *json;
	int ret = stream_read(&o->reader, section, &o->err);

	if (ret == -ECANCELED)
		return way_failed(o, ret);
	if (ret < 0 || section->type != SECTION_FAILED)
		return ret;
	json = stream_json(&o->reader, section, SECTION_FAILED, &o->err);
	text = json_string_value(json_object_get(json, "error"));
	ret = error_set(&o->err, -EPROTO, "the destination says: %.250s", text ? text : "nothing");
	json_decref(json);
	return ret;
}

static int expect(struct outgoing *o, enum section_type type)
{
	struct section section;
	int ret = hear(o, &section);

	if (ret < 0)
		return ret;
	if (section.type != type)
		return error_set(&o->err, -EPROTO, "the destination says %s where %s should be",
				 section_name(section.type), section_name(type));
	return 0;
}

static int say(struct outgoing *o, enum section_type type)
{
	int ret = way_failed(o, stream_write(&o->writer, type, 0, NULL, 0));

	return ret < 0 ? ret : flush(o);
}

/*
 * The guest is the destination's from the first byte of GO on, or of END where nobody answers,
 * whether we know that it arrived or not.
 */
static int commit(struct outgoing *o)
{
	if (!migration_commit(o->m))
		return error_set(&o->err, -ECANCELED, "cancelled");
	event_loop_call_idle(&o->vm->loop, free_disks, o);
	return 0;
}

static int hand_over(struct outgoing *o)
{
	int ret = commit(o);

	return ret < 0 ? ret : say(o, SECTION_GO);
}

static void handed_over(struct outgoing *o)
{
	o->m->stats.downtime = (now_ns() - o->paused_at) / 1000000;
}

/* ---- post-copy ---- */

static int send_wanted(struct outgoing *o, uint64_t page)
{
	uint64_t chunk = page / RAM_CHUNK_PAGES;
	uint32_t wanted;
	int ret;

	if (chunk >= o->chunks)
		return error_set(&o->err, -EPROTO, "the destination wants a page that there is not");
	o->m->stats.postcopy_requests++;
	wanted = take(o, chunk);
	if (!wanted)
		return 0;	/* it is on its way */
	ret = send_chunk(o, chunk, wanted);
	return ret < 0 ? ret : flush(o);
}

struct postcopy {
	bool go, done, end;
	uint64_t chunk;		/* where the background is */
};

static int postcopy_hear(struct outgoing *o, struct postcopy *p)
{
	struct section section;
	int ret = hear(o, &section);

	if (ret < 0)
		return ret;
	switch (section.type) {
	case SECTION_WANT:
		return send_wanted(o, section.arg);
	case SECTION_READY:
		if (p->go)
			return error_set(&o->err, -EPROTO, "the destination says READY twice");
		ret = hand_over(o);
		p->go = true;
		migration_set_status(o->m, MIGRATION_POSTCOPY_ACTIVE);
		return ret;
	case SECTION_DONE:
		handed_over(o);
		p->done = true;
		return 0;
	default:
		return error_set(&o->err, -EPROTO, "the destination says %s in the midst of it",
				 section_name(section.type));
	}
}

/* The next chunk in order, or the end. */
static int postcopy_push(struct outgoing *o, struct postcopy *p)
{
	for (; p->chunk < o->chunks; p->chunk++) {
		uint32_t wanted = take(o, p->chunk);

		if (wanted)
			return send_chunk(o, p->chunk++, wanted);
	}
	p->end = true;
	return way_failed(o, stream_write_end(&o->writer)) < 0 ? o->err.code : flush(o);
}

static int postcopy(struct outgoing *o)
{
	struct postcopy p = { 0 };
	uint8_t late;
	int ret, end;

	ret = way_failed(o, stream_write(&o->writer, SECTION_POSTCOPY, 0, o->todo.bitmap,
					 dirty_pages(&o->m->dirty) / 8));
	if (ret == 0)
		ret = way_failed(o, stream_write_json(&o->writer, SECTION_STATE, o->state));
	if (ret == 0)
		ret = flush(o);
	while (ret == 0 && !(p.done && p.end)) {
		ret = channel_poll(&o->channel, p.end ? -1 : 0);
		if (ret > 0)
			ret = postcopy_hear(o, &p);
		else if (ret == 0)
			ret = postcopy_push(o, &p);
		else
			way_failed(o, ret);
	}
	/* it hangs up when it has all; until then it may have wanted what was on its way */
	do {
		end = ret < 0 ? ret : channel_read(&o->channel, &late, 1);
	} while (end == 0);
	if (ret == 0 && end != -ENODATA)
		ret = error_set(&o->err, -EPROTO, "the destination did not say whether it has all");
	return ret;
}

/* ---- a migration ---- */

static int begin_stream(struct outgoing *o)
{
	json_t *head = vm_head(o->vm, NULL, NULL, NULL);
	int ret;

	ret = way_failed(o, stream_writer_open(&o->writer, channel_write, &o->channel,
					       param(o, PARAM_COMPRESS_LEVEL)));
	if (ret == 0)
		ret = way_failed(o, stream_write_json(&o->writer, SECTION_HEAD, head));
	json_decref(head);
	if (ret == 0)
		ret = flush(o);
	if (ret < 0 || !o->channel.two_way)
		return ret;
	ret = stream_reader_open(&o->reader, channel_read, &o->channel, o->m->uri, &o->err);
	return ret < 0 ? ret : expect(o, SECTION_HELLO);
}

static int finish_stream(struct outgoing *o)
{
	int ret = send_round(o, false);

	if (ret == 0)
		ret = way_failed(o, stream_write_json(&o->writer, SECTION_STATE, o->state));
	if (ret == 0)
		ret = flush(o);
	if (ret == 0 && !o->channel.two_way)
		ret = commit(o);
	if (ret == 0)
		ret = way_failed(o, stream_write_end(&o->writer));
	if (ret == 0)
		ret = flush(o);
	if (ret < 0)
		return ret;
	if (o->channel.two_way) {
		ret = expect(o, SECTION_READY);
		if (ret == 0)
			ret = hand_over(o);
		if (ret == 0)
			ret = expect(o, SECTION_DONE);
	}
	if (ret == 0)
		handed_over(o);
	return ret;
}

static int migrate(struct outgoing *o)
{
	int fd = channel_connect(o->m->uri, o->m->cancel, &o->err);
	int ret;

	if (fd < 0)
		return fd;
	ret = channel_open(&o->channel, fd, o->m->cancel, &o->err);
	if (ret == 0)
		ret = begin_stream(o);
	if (ret == 0)
		ret = dirty_log_add(&o->m->dirty, &o->todo, true, &o->err);
	if (ret < 0)
		return ret;
	o->m->stats.setup_time = (now_ns() - o->m->began) / 1000000;
	migration_set_status(o->m, MIGRATION_ACTIVE);
	ret = precopy(o);
	if (ret == 0)
		ret = pause_guest(o);
	if (ret < 0)
		return ret;
	if (!atomic_load(&o->m->postcopy_wanted))
		return finish_stream(o);
	if (!o->channel.two_way)
		return error_set(&o->err, -EINVAL, "%s: post-copy needs a socket", o->m->uri);
	return postcopy(o);
}

/* ---- a checkpoint ---- */

static int new_id(char id[CHECKPOINT_ID_SIZE])
{
	uint8_t bytes[(CHECKPOINT_ID_SIZE - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -errno;
	for (size_t i = 0; i < sizeof(bytes); i++)
		sprintf(id + 2 * i, "%02x", bytes[i]);
	return 0;
}

/* Is the file that will be replaced one of these? */
static bool replaces(const struct checkpoint *chain, const char *path)
{
	struct stat new, old;

	if (stat(path, &new) < 0)
		return false;
	for (; chain; chain = chain->base)
		if (fstat(chain->fd, &old) == 0 && old.st_dev == new.st_dev &&
		    old.st_ino == new.st_ino)
			return true;
	return false;
}

/* The base must be the one since which writes were kept track of. */
static int check_base(struct outgoing *o)
{
	struct checkpoint *base = checkpoint_open(o->m->order.base, &o->err);
	bool right, lost;

	if (!base)
		return o->err.code;
	right = !strcmp(checkpoint_id(base), o->m->base_id);
	lost = replaces(base, o->m->order.path);
	checkpoint_close(base);
	if (lost)
		return error_set(&o->err, -EINVAL, "%s: is what the new checkpoint builds on, so that "
				 "needs another name", o->m->order.path);
	if (!right)
		return error_set(&o->err, -EINVAL, "--base: %s is not the last checkpoint with --track",
				 o->m->order.base);
	return 0;
}

static int begin_file(struct outgoing *o)
{
	const struct save_order *order = &o->m->order;
	json_t *head;
	int ret = order->base ? check_base(o) : 0;

	if (ret < 0)
		return ret;
	if (vm_state_is_disk(o->vm->config, order->path))
		return error_set(&o->err, -EINVAL, "%s: is a disk of the guest", order->path);
	ret = checkpoint_create(&o->file, order->path, o->chunks, !order->base, o->m->cancel,
				param(o, PARAM_COMPRESS_LEVEL), &o->err);
	if (ret < 0)
		return ret;
	head = vm_head(o->vm, o->id, order->base ? o->m->base_id : NULL, order->base);
	ret = way_failed(o, stream_write_json(&o->file.stream, SECTION_HEAD, head));
	json_decref(head);
	if (ret == 0)
		ret = dirty_log_add(&o->m->dirty, &o->todo, !order->base, &o->err);
	if (ret == 0 && order->base) {
		ret = dirty_log_sync(&o->m->dirty, &o->err);
		memcpy(o->todo.bitmap, o->m->base.bitmap, dirty_pages(&o->m->dirty) / 8);
	}
	return ret;
}

/* Writes from this moment on are what the next checkpoint will have. The guest stands still. */
static int keep_track(struct outgoing *o)
{
	free(o->m->base_id);
	o->m->base_id = NULL;
	if (!o->m->order.track) {
		dirty_log_remove(&o->m->dirty, &o->m->base);
		return 0;
	}
	if (!o->m->base.bitmap)
		return dirty_log_add(&o->m->dirty, &o->m->base, false, &o->err);
	memset(o->m->base.bitmap, 0, dirty_pages(&o->m->dirty) / 8);
	return 0;
}

/* The new file takes the name, and the copies that belong to the old one go only after that. */
static int finish_file(struct outgoing *o)
{
	const char *path = o->m->order.path;
	struct error none;
	struct checkpoint *old = checkpoint_open(path, &none);
	int ret = checkpoint_finish(&o->file, &o->err);

	if (ret == 0 && old)
		vm_state_drop_copies(old->state, path, o->vm->config);
	checkpoint_close(old);
	return ret;
}

static int save(struct outgoing *o)
{
	int ret = new_id(o->id);

	memcpy(o->tag, o->id, sizeof(o->tag) - 1);
	if (ret < 0)
		return error_set(&o->err, ret, "the host has no random numbers: %s", strerror(-ret));
	ret = begin_file(o);
	if (ret < 0)
		return ret;
	o->m->stats.setup_time = (now_ns() - o->m->began) / 1000000;
	migration_set_status(o->m, MIGRATION_ACTIVE);
	ret = precopy(o);
	if (ret == 0)
		ret = pause_guest(o);
	if (ret == 0)
		ret = keep_track(o);
	if (ret == 0)
		ret = send_round(o, false);
	if (ret == 0)
		ret = way_failed(o, checkpoint_write_state(&o->file, o->state));
	if (ret < 0)
		return ret;
	if (!o->m->order.stop)
		event_loop_call_idle(&o->vm->loop, let_guest_run, o);
	o->m->stats.downtime = (now_ns() - o->paused_at) / 1000000;
	if (!migration_commit(o->m))
		return error_set(&o->err, -ECANCELED, "cancelled");
	ret = finish_file(o);
	if (ret == 0 && o->m->order.track)
		o->m->base_id = strdup(o->id);
	return ret;
}

/* ---- the thread ---- */

void *outgoing_thread(void *opaque)
{
	struct migration *m = opaque;
	struct outgoing o = {
		.m = m, .vm = m->vm, .saving = !m->uri, .channel.fd = -1, .file.channel.fd = -1,
		.chunks = m->vm->memory.size / RAM_CHUNK_SIZE,
	};
	enum migration_status status;
	bool committed;
	int ret;

	/* RAM that is still on its way here cannot leave */
	ret = incoming_wait_pager(m, &o.err);
	if (ret == 0)
		ret = migration_confine(m, &o.err);
	if (ret == 0)
		ret = o.saving ? save(&o) : migrate(&o);
	stop_throttling(&o);
	pthread_mutex_lock(&m->lock);
	committed = m->committed;
	pthread_mutex_unlock(&m->lock);
	if (o.paused && committed && !o.saving)
		event_loop_call_idle(&m->vm->loop, leave_guest, &o);
	else if (o.paused && (ret < 0 || !m->order.stop))
		event_loop_call_idle(&m->vm->loop, let_guest_run, &o);
	else if (o.paused)
		event_loop_call_idle(&m->vm->loop, leave_guest, &o);
	dirty_log_remove(&m->dirty, &o.todo);
	if (o.saving && ret < 0 && m->order.copy_disks && !o.file.named)
		vm_state_drop_copies(o.state, m->order.path, m->vm->config);
	json_decref(o.state);
	stream_reader_close(&o.reader);
	stream_writer_close(&o.writer);
	channel_close(&o.channel);
	checkpoint_abandon(&o.file);
	if (ret == 0)
		status = MIGRATION_COMPLETED;
	else
		status = ret == -ECANCELED && !committed ? MIGRATION_CANCELLED : MIGRATION_FAILED;
	if (status == MIGRATION_FAILED && committed && !o.saving) {
		struct error why = o.err;

		error_set(&o.err, ret, "%.150s; the destination was told to go on, so the guest stays "
			  "paused here: let it run only if it is not there", why.text);
	}
	m->stats.remaining = status == MIGRATION_COMPLETED ? 0 : m->stats.remaining;
	migration_finish(m, status, &o.err);
	return NULL;
}
