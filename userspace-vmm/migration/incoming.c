// SPDX-License-Identifier: GPL-2.0
/*
 * The destination of a migration and the reader of a checkpoint; all on the migration's thread but
 * what is marked. It runs nothing before GO, or, where the other side cannot be answered, before
 * END.
 *
 * RAM on demand (lazy.h): from a file by the pager thread, which fetches the rest in between; after
 * post-copy began, from the source: the pager asks and this thread places what comes.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/terminal.h"
#include "cli/cli.h"
#include "core/log.h"
#include "core/vm.h"
#include "migration/migration.h"
#include "migration/vm_state.h"

#define WORD	(8 * sizeof(unsigned long))

struct incoming {
	struct migration *m;
	struct vm *vm;
	struct channel channel;
	struct stream_reader reader;
	pthread_mutex_t writer_lock;
	struct stream_writer writer;	/* writer_lock: what we say, if somebody listens */
	uint64_t pages;
	uint16_t *touched;		/* for each chunk, pages that may hold something */
	json_t *state;
	bool running;			/* when it was saved */
	bool renew;			/* the same may come once more */
	struct error err;
	/* post-copy */
	unsigned long *coming;		/* pages that are still with the source; atomic */
	pthread_t asker, loader;
	bool asking, loading;
	int stop_asking;		/* eventfd */
	struct error load_error, go_error;
	bool end, go;
};

/* ---- main thread ---- */

static void load_state(void *opaque)
{
	struct incoming *in = opaque;

	int ret;

	ret = vm_state_load(in->vm, in->state, in->m->uri, &in->running, &in->load_error);
	if (ret == 0 && in->renew)
		ret = machine_renew(&in->vm->machine, &in->load_error);
	if (ret == 0)
		in->load_error.code = 0;
}

static void go(void *opaque)
{
	struct incoming *in = opaque;
	struct error err;

	vm_pause(in->vm, VM_PAUSED);
	if (!in->running || !in->vm->resume_after_incoming)
		return;
	if (vm_resume(in->vm, &err) == 0) {
		log_verbose("%s: the guest runs after %llu ms", in->m->uri,
			    (unsigned long long)(now_ns() - in->m->began) / 1000000);
		return;
	}
	/*
	 * a checkpoint is still there; what came from a source is here and whole, for the user to
	 * decide
	 */
	in->go_error = err;
	if (!in->renew)
		log_error("the guest is here, and cannot go on: %s", err.text);
}

/* There is no guest, and what came of it is of no use. */
static void give_up(void *opaque)
{
	struct incoming *in = opaque;

	pthread_mutex_lock(&in->vm->stop_lock);
	in->vm->stop_error = in->err;
	pthread_mutex_unlock(&in->vm->stop_lock);
	if (!in->vm->end)
		vm_quit(in->vm, VM_STOP_ERROR);
}

/* ---- a checkpoint ---- */

/* Other processes that map RAM do not wait for pages that are not there: they find zeros. */
static bool shares_ram(const struct vm_config *config)
{
	bool shares = config->shares.count > 0;

	for (size_t i = 0; i < config->disks.count; i++)
		shares |= config->disks.items[i].socket != NULL;
	for (size_t i = 0; i < config->nets.count; i++)
		shares |= config->nets.items[i].kind == NET_VHOST_USER;
	return shares;
}

/* Pages come one by one, which only RAM of such pages can have. */
static bool on_demand(const struct vm *vm)
{
	return vm->memory.fd >= 0 && !vm->config->hugepages && !shares_ram(vm->config);
}

/*
 * Whoever touches a page that cannot be had sleeps forever, vCPUs and the main thread among them.
 */
static void lost(const struct error *err)
{
	log_error("the guest's memory is lost: %s", err->text);
	terminal_restore();
	_exit(EXIT_STUCK);
}

static void fetch(struct migration *m, uint64_t chunk)
{
	struct ram_chunk data;
	struct error err;
	int ret = checkpoint_read_chunk(m->checkpoint, chunk, &data, &err);

	if (ret == 0) {
		ret = lazy_place(&m->lazy, &data);
		if (ret < 0)
			error_set(&err, ret, "a page cannot be placed: %s", strerror(-ret));
	}
	if (ret < 0)
		lost(&err);
}

/* For good: nobody reads it. */
static void raise_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		log_verbose("an event was told before");
}

static void *pager_thread(void *opaque)
{
	struct migration *m = opaque;
	uint64_t chunks = m->checkpoint->pages / RAM_CHUNK_PAGES, next = 0, page;

	/* who waits comes first, who does not comes when nobody else wants the CPU */
	setpriority(PRIO_PROCESS, gettid(), 10);
	while (next < chunks) {
		struct pollfd fds[2] = {
			{ .fd = m->lazy.fd, .events = POLLIN },
			{ .fd = m->pager_stop, .events = POLLIN },
		};

		if (poll(fds, 2, 0) > 0 && fds[1].revents)
			break;
		if (fds[0].revents && lazy_wanted(&m->lazy, &page) == 0)
			fetch(m, page / RAM_CHUNK_PAGES);
		else
			fetch(m, next++);
	}
	/* or a page that is given back, by the balloon or at a reset, could not be had again */
	lazy_close(&m->lazy);
	raise_event(m->pager_ended);
	return NULL;
}

int incoming_wait_pager(struct migration *m, struct error *err)
{
	struct pollfd fds[2] = {
		{ .fd = m->pager_ended, .events = POLLIN }, { .fd = m->cancel, .events = POLLIN },
	};

	while (atomic_load(&m->paging) && !fds[0].revents)
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			return error_set(err, -ECANCELED, "cancelled");
	return 0;
}

void incoming_stop_pager(struct migration *m)
{
	if (!atomic_load(&m->paging))
		return;
	raise_event(m->pager_stop);
	pthread_join(m->pager, NULL);
	atomic_store(&m->paging, false);
	checkpoint_close(m->checkpoint);
	m->checkpoint = NULL;
}

static int start_pager(struct incoming *in, struct checkpoint *checkpoint)
{
	struct migration *m = in->m;
	int ret = lazy_open(&m->lazy, &in->vm->memory, &in->err);

	if (ret == 0)
		ret = migration_confine(m, &in->err);
	if (ret < 0)
		return ret;
	m->checkpoint = checkpoint;
	ret = -pthread_create(&m->pager, NULL, pager_thread, m);
	if (ret < 0) {
		m->checkpoint = NULL;
		lazy_close(&m->lazy);
		return error_set(&in->err, ret, "there is no thread for it: %s", strerror(-ret));
	}
	atomic_store(&m->paging, true);
	return 0;
}

static int fill_ram(struct incoming *in, struct checkpoint *checkpoint)
{
	/* it was there from the beginning */
	if (in->vm->config->ram >= 0)
		return 0;
	if (on_demand(in->vm)) {
		if (start_pager(in, checkpoint) == 0)
			return 0;
		log_verbose("%s: all of RAM is read first: %s", checkpoint->path, in->err.text);
	}
	return checkpoint_read_ram(checkpoint, in->vm->memory.host, &in->err);
}

static int restore(struct incoming *in, const char *path)
{
	struct checkpoint *checkpoint = checkpoint_open(path, &in->err);
	int ret;

	if (!checkpoint)
		return in->err.code;
	ret = vm_head_check(checkpoint->head, path, in->vm->config, in->vm->machine.gic_version,
			    &in->err);
	if (ret == 0)
		ret = vm_state_check_disks(checkpoint->state, path, in->vm->config, &in->err);
	if (ret == 0)
		ret = fill_ram(in, checkpoint);
	if (ret == 0)
		ret = migration_confine(in->m, &in->err);
	if (ret == 0) {
		in->state = json_incref(checkpoint->state);
		in->renew = true;
		event_loop_call_idle(&in->vm->loop, load_state, in);
		in->err = in->load_error;
		ret = in->err.code;
	}
	if (checkpoint != in->m->checkpoint)
		checkpoint_close(checkpoint);
	if (ret < 0)
		return ret;
	event_loop_call_idle(&in->vm->loop, go, in);
	in->err = in->go_error;
	return in->go_error.code;
}

/* ---- what we say ---- */

static int say_locked(struct incoming *in, enum section_type type, uint64_t arg, const json_t *json)
{
	int ret;

	if (!in->channel.two_way)
		return 0;
	ret = json ? stream_write_json(&in->writer, type, json) :
		     stream_write(&in->writer, type, arg, NULL, 0);
	return ret < 0 ? ret : channel_flush(&in->channel);
}

/* If nobody hears it, the reading thread notices, or it does not matter any more. */
static void tell(struct incoming *in, enum section_type type, uint64_t arg,
		 const json_t *json)
{
	pthread_mutex_lock(&in->writer_lock);
	say_locked(in, type, arg, json);
	pthread_mutex_unlock(&in->writer_lock);
}

static int say(struct incoming *in, enum section_type type, uint64_t arg, const json_t *json)
{
	int ret;

	pthread_mutex_lock(&in->writer_lock);
	ret = say_locked(in, type, arg, json);
	pthread_mutex_unlock(&in->writer_lock);
	if (ret < 0)
		return error_set(&in->err, ret, "%s: the source is gone: %s", in->m->uri,
				 strerror(-ret));
	return 0;
}

static void say_failed(struct incoming *in, const struct error *err)
{
	json_t *json = json_pack("{s:s}", "error", err->text);
	struct error why = *err;

	say(in, SECTION_FAILED, 0, json);
	in->err = why;
	json_decref(json);
}

/* ---- post-copy ---- */

static bool is_coming(const struct incoming *in, uint64_t page)
{
	return __atomic_load_n(&in->coming[page / WORD], __ATOMIC_ACQUIRE) & 1UL << page % WORD;
}

static void *asker_thread(void *opaque)
{
	struct incoming *in = opaque;
	uint64_t page;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = in->m->lazy.fd, .events = POLLIN },
			{ .fd = in->stop_asking, .events = POLLIN },
		};
		struct ram_chunk zeros;

		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			return NULL;
		if (lazy_wanted(&in->m->lazy, &page) < 0)
			continue;
		if (is_coming(in, page)) {
			tell(in, SECTION_WANT, page, NULL);
			continue;
		}
		/* one that never held anything, or has come meanwhile */
		zeros = (struct ram_chunk) {
			.first = page - page % RAM_CHUNK_PAGES,
			.zero = 1U << page % RAM_CHUNK_PAGES,
		};
		lazy_place(&in->m->lazy, &zeros);
	}
}

static void *loader_thread(void *opaque)
{
	struct incoming *in = opaque;
	json_t *json;

	event_loop_call_idle(&in->vm->loop, load_state, in);
	if (in->load_error.code == 0) {
		tell(in, SECTION_READY, 0, NULL);
	} else {
		json = json_pack("{s:s}", "error", in->load_error.text);
		tell(in, SECTION_FAILED, 0, json);
		json_decref(json);
	}
	return NULL;
}

static void *starter_thread(void *opaque)
{
	struct incoming *in = opaque;

	event_loop_call_idle(&in->vm->loop, go, in);
	tell(in, SECTION_DONE, 0, NULL);
	migration_set_status(in->m, MIGRATION_POSTCOPY_ACTIVE);
	return NULL;
}

/* What the main thread does then may want pages, and those come to the thread that reads. */
static int start_loader(struct incoming *in, void *(*run)(void *opaque))
{
	int ret = -pthread_create(&in->loader, NULL, run, in);

	in->loading = ret == 0;
	if (ret < 0)
		error_set(&in->err, ret, "there is no thread for post-copy: %s", strerror(-ret));
	return ret;
}

static void join_loader(struct incoming *in)
{
	if (in->loading)
		pthread_join(in->loader, NULL);
	in->loading = false;
}

/* What came before and was written to since is not worth anything. */
static int drop_coming(struct incoming *in)
{
	for (uint64_t page = 0; page < in->pages;) {
		uint64_t first = page;

		while (page < in->pages && is_coming(in, page))
			page++;
		if (page > first && fallocate(in->vm->memory.fd, FALLOC_FL_PUNCH_HOLE |
					      FALLOC_FL_KEEP_SIZE, first * RAM_PAGE_SIZE,
					      (page - first) * RAM_PAGE_SIZE) < 0)
			return error_set(&in->err, -errno, "pages cannot be given back: %s",
					 strerror(errno));
		page += page == first;
	}
	return 0;
}

static int begin_postcopy(struct incoming *in, const struct section *section)
{
	size_t size = in->pages / 8;
	int ret;

	if (in->coming || section->size != size)
		return error_set(&in->err, -EPROTO, "%s: POSTCOPY is malformed", in->m->uri);
	if (!in->channel.two_way || !on_demand(in->vm))
		return error_set(&in->err, -EOPNOTSUPP, "post-copy works neither with huge pages nor with "
				 "devices in other processes");
	in->coming = malloc(size);
	in->stop_asking = eventfd(0, EFD_CLOEXEC);
	if (!in->coming || in->stop_asking < 0)
		return error_set(&in->err, -ENOMEM, "no memory for post-copy");
	memcpy(in->coming, section->data, size);
	for (size_t i = 0; i < size / sizeof(uint64_t); i++)
		in->coming[i] = le64toh(in->coming[i]);
	ret = drop_coming(in);
	if (ret == 0)
		ret = lazy_open(&in->m->lazy, &in->vm->memory, &in->err);
	if (ret == 0) {
		ret = -pthread_create(&in->asker, NULL, asker_thread, in);
		in->asking = ret == 0;
		if (ret < 0)
			error_set(&in->err, ret, "there is no thread for post-copy: %s",
				  strerror(-ret));
	}
	return ret;
}

static void stop_asking(struct incoming *in)
{
	uint64_t one = 1;

	if (in->asking && write(in->stop_asking, &one, sizeof(one)) == sizeof(one))
		pthread_join(in->asker, NULL);
	in->asking = false;
}

static void end_postcopy(struct incoming *in, bool failed)
{
	/* what will never come is zeros now, so that the main thread stops waiting; nothing runs on them */
	if (failed) {
		stop_asking(in);
		lazy_close(&in->m->lazy);
	}
	join_loader(in);
	stop_asking(in);
	lazy_close(&in->m->lazy);
	free(in->coming);
	in->coming = NULL;
	if (in->stop_asking >= 0)
		close(in->stop_asking);
	in->stop_asking = -1;
}

/* ---- a migration ---- */

static int take_head(struct incoming *in)
{
	struct section section;
	json_t *json;
	int ret = stream_read(&in->reader, &section, &in->err);

	if (ret < 0)
		return ret;
	json = stream_json(&in->reader, &section, SECTION_HEAD, &in->err);
	if (!json)
		return in->err.code;
	ret = vm_head_check(json, in->m->uri, in->vm->config, in->vm->machine.gic_version, &in->err);
	json_decref(json);
	return ret;
}

static int take_ram(struct incoming *in, const struct section *section)
{
	struct ram_chunk chunk;
	uint64_t n;
	int ret = ram_chunk_decode(&chunk, section, in->pages, in->m->uri, &in->err);

	if (ret < 0)
		return ret;
	if (in->coming) {
		ret = lazy_place(&in->m->lazy, &chunk);
		if (ret < 0)
			return error_set(&in->err, ret, "a page cannot be placed: %s",
					 strerror(-ret));
		__atomic_fetch_and(&in->coming[chunk.first / WORD],
				   ~((unsigned long)(chunk.present | chunk.zero) <<
				     chunk.first % WORD), __ATOMIC_RELEASE);
		return 0;
	}
	n = chunk.first / RAM_CHUNK_PAGES;
	ram_chunk_apply(&chunk, in->vm->memory.host + n * RAM_CHUNK_SIZE, in->touched[n]);
	in->touched[n] |= chunk.present;
	return 0;
}

static int take_state(struct incoming *in, const struct section *section)
{
	if (in->state)
		return error_set(&in->err, -EPROTO, "%s: there are two STATEs", in->m->uri);
	in->state = stream_json(&in->reader, section, SECTION_STATE, &in->err);
	if (!in->state)
		return in->err.code;
	return in->coming ? start_loader(in, loader_thread) : 0;
}

/* All of it is here. */
static int take_end(struct incoming *in)
{
	in->end = true;
	if (in->coming) {
		for (uint64_t i = 0; i < in->pages / WORD; i++)
			if (in->coming[i])
				return error_set(&in->err, -EPROTO, "%s: pages are missing",
						 in->m->uri);
		return 0;
	}
	if (!in->state)
		return error_set(&in->err, -EPROTO, "%s: there is no STATE", in->m->uri);
	event_loop_call_idle(&in->vm->loop, load_state, in);
	if (in->load_error.code) {
		in->err = in->load_error;
		return in->err.code;
	}
	if (in->channel.two_way)
		return say(in, SECTION_READY, 0, NULL);
	event_loop_call_idle(&in->vm->loop, go, in);
	in->go = true;
	return 0;
}

static int take_go(struct incoming *in)
{
	if (!in->state || in->load_error.code || in->go || !in->channel.two_way ||
	    (!in->coming && !in->end))
		return error_set(&in->err, -EPROTO, "%s: GO comes too early", in->m->uri);
	/* from now on it is nowhere else: whoever cancels would end it */
	if (!migration_commit(in->m))
		return error_set(&in->err, -ECANCELED, "cancelled");
	in->go = true;
	if (in->coming) {
		/* it has said READY */
		join_loader(in);
		return start_loader(in, starter_thread);
	}
	event_loop_call_idle(&in->vm->loop, go, in);
	tell(in, SECTION_DONE, 0, NULL);
	return 0;
}

static int take(struct incoming *in, const struct section *section)
{
	switch (section->type) {
	case SECTION_RAM:
		return take_ram(in, section);
	case SECTION_STATE:
		return take_state(in, section);
	case SECTION_POSTCOPY:
		return begin_postcopy(in, section);
	case SECTION_END:
		return take_end(in);
	case SECTION_GO:
		return take_go(in);
	case SECTION_INDEX:
		return 0;	/* a checkpoint that comes through a pipe */
	default:
		return error_set(&in->err, -EPROTO, "%s: there is %s where RAM should be", in->m->uri,
				 section_name(section->type));
	}
}

static int receive(struct incoming *in)
{
	json_t *hello = json_pack("{s:s}", "avmm", AVMM_VERSION);
	int ret;

	ret = stream_reader_open(&in->reader, channel_read, &in->channel, in->m->uri, &in->err);
	if (ret == 0 && in->channel.two_way) {
		ret = stream_writer_open(&in->writer, channel_write, &in->channel, 0);
		if (ret < 0)
			error_set(&in->err, ret, "%s: the source is gone: %s", in->m->uri,
				  strerror(-ret));
	}
	if (ret == 0)
		ret = take_head(in);
	if (ret == 0)
		ret = say(in, SECTION_HELLO, 0, hello);
	json_decref(hello);
	if (ret == 0)
		migration_set_status(in->m, MIGRATION_ACTIVE);
	while (ret == 0 && !(in->go && in->end)) {
		struct section section;

		ret = stream_read(&in->reader, &section, &in->err);
		if (ret == 0)
			ret = take(in, &section);
	}
	if (ret < 0 && in->writer.write && !in->go)
		say_failed(in, &in->err);
	return ret;
}

static int accept_one(struct incoming *in, int listening)
{
	struct pollfd fds[2] = {
		{ .fd = listening, .events = POLLIN }, { .fd = in->m->cancel, .events = POLLIN },
	};
	int fd;

	do {
		if (poll(fds, 2, -1) > 0 && fds[1].revents)
			return error_set(&in->err, -ECANCELED, "cancelled");
		fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		return error_set(&in->err, -errno, "%s: nobody can connect: %s", in->m->uri,
				 strerror(errno));
	return fd;
}

static int listen_and_receive(struct incoming *in)
{
	int fd = in->m->incoming_fd, ret;

	if (in->m->listening) {
		fd = accept_one(in, in->m->incoming_fd);
		close(in->m->incoming_fd);
		if (fd < 0)
			return fd;
	}
	in->m->incoming_fd = -1;
	ret = channel_open(&in->channel, fd, in->m->cancel, &in->err);
	/* what comes from there is somebody else's */
	if (ret == 0)
		ret = migration_confine(in->m, &in->err);
	if (ret < 0)
		return ret;
	in->pages = in->vm->memory.size / RAM_PAGE_SIZE;
	in->touched = calloc(in->pages / RAM_CHUNK_PAGES, sizeof(in->touched[0]));
	if (!in->touched)
		return error_set(&in->err, -ENOMEM, "no memory for the migration");
	ret = receive(in);
	/* pages that will never come: the guest ran here, and is not whole anywhere */
	if (ret < 0 && in->go)
		lost(&in->err);
	end_postcopy(in, ret < 0);
	return ret;
}

static const char *checkpoint_path(const char *uri)
{
	return strncmp(uri, "file:", 5) ? NULL : uri + 5;
}

void *incoming_thread(void *opaque)
{
	struct migration *m = opaque;
	struct incoming in = {
		.m = m, .vm = m->vm, .channel.fd = -1, .stop_asking = -1, .load_error.code = -EPROTO,
	};
	const char *path = checkpoint_path(m->uri);
	int ret;

	pthread_mutex_init(&in.writer_lock, NULL);
	ret = path ? restore(&in, path) : listen_and_receive(&in);
	json_decref(in.state);
	stream_reader_close(&in.reader);
	stream_writer_close(&in.writer);
	channel_close(&in.channel);
	free(in.touched);
	if (ret < 0)
		event_loop_call_idle(&m->vm->loop, give_up, &in);
	migration_finish(m, ret == 0 ? MIGRATION_COMPLETED : MIGRATION_FAILED, &in.err);
	return NULL;
}

/* ---- main thread ---- */

int migration_incoming(struct migration *m, const char *uri, struct error *err)
{
	int ret = 0;
	char *copy;

	if (!strcmp(uri, "defer"))
		return 0;
	if (m->vm->state != VM_INMIGRATE)
		return error_set(err, -EBUSY, "the guest is here already, or was not started with "
				 "--incoming");
	if (migration_busy(m))
		return error_set(err, -EBUSY, "a migration is in progress");
	copy = strdup(uri);
	if (!copy)
		return error_set(err, -ENOMEM, "no memory for the migration");
	m->incoming_fd = -1;
	if (!checkpoint_path(uri)) {
		m->incoming_fd = channel_listen(uri, &m->listening, err);
		ret = m->incoming_fd < 0 ? m->incoming_fd : 0;
	}
	if (ret < 0) {
		free(copy);
		return ret;
	}
	free(m->uri);
	m->uri = copy;
	m->outgoing = false;
	ret = migration_start_thread(m, incoming_thread, err);
	if (ret < 0 && m->incoming_fd >= 0)
		close(m->incoming_fd);
	return ret;
}
