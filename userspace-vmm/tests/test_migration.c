// SPDX-License-Identifier: GPL-2.0
/*
 * Source and destination in one process, each with its event loop, and one guest that runs on
 * whichever of them is running: it writes to pages and checks what it wrote before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/vm.h"
#include "libavmm.h"
#include "migration/vm_state.h"
#include "tests/fake_vm.h"
#include "tests/tap.h"

#define PAGES	(2 * 512)
#define WORDS	(PAGES / 64)

static struct vm vms[2];
static struct vm_config config = { .memory = PAGES * RAM_PAGE_SIZE, .cpus = 1, .ram = -1 };
static pthread_mutex_t cpu = PTHREAD_MUTEX_INITIALIZER;
static unsigned long written[2][WORDS];	/* cpu: the hypervisors' logs */
static uint32_t shadow[PAGES];		/* cpu: what the guest knows */
static unsigned int steps[2], wrong, both;	/* cpu */
static bool refuse;
static atomic_bool over, unlocked;

/* ---- what migration calls ---- */

int avmm_map_memory(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, void *host, uint64_t size)
{
	(void)vm, (void)slot, (void)flags, (void)ipa, (void)host, (void)size;
	return 0;
}

int avmm_get_dirty_log(int vm, const struct avmm_dirty_log *log)
{
	pthread_mutex_lock(&cpu);
	memcpy((void *)(uintptr_t)log->dirty_bitmap, written[vm], sizeof(written[vm]));
	memset(written[vm], 0, sizeof(written[vm]));
	pthread_mutex_unlock(&cpu);
	return 0;
}

void vcpu_rest(struct vcpu *vcpu, int64_t ns)
{
	(void)vcpu, (void)ns;
}

void vm_event(struct vm *vm, const char *name, json_t *data)
{
	(void)vm, (void)name;
	json_decref(data);
}

int machine_lock_disks(struct machine *machine, struct error *err)
{
	(void)machine, (void)err;
	return 0;
}

void machine_unlock_disks(struct machine *machine)
{
	(void)machine;
	usleep(20000);	/* who does not wait for it is ahead */
	atomic_store(&unlocked, true);
}

int machine_renew(struct machine *machine, struct error *err)
{
	(void)machine, (void)err;
	return 0;
}

void machine_log_switched(struct machine *machine)
{
	(void)machine;
}

json_t *vm_head(const struct vm *vm, const char *id, const char *base_id, const char *base_path)
{
	(void)vm, (void)id, (void)base_id, (void)base_path;
	return json_pack("{s:i, s:n}", "pages", PAGES, "base");
}

int vm_head_check(const json_t *head, const char *name, const struct vm_config *c,
		  unsigned int gic, struct error *err)
{
	(void)head, (void)c, (void)gic;
	return refuse ? error_set(err, -EINVAL, "%s: no", name) : 0;
}

json_t *vm_state_save(struct vm *vm, bool running, const char *copies, const char *tag,
		      struct error *err)
{
	(void)vm, (void)copies, (void)tag, (void)err;
	return json_pack("{s:b}", "running", running);
}

int vm_state_load(struct vm *vm, const json_t *state, const char *name, bool *running,
		  struct error *err)
{
	(void)name, (void)err;
	*running = json_is_true(json_object_get(state, "running"));
	/*
	 * as the tables of an ITS: it may have to wait for a page. This one was written to since it
	 * was sent, and is not among the first that come.
	 */
	(void)*(volatile char *)(vm->memory.host + vm->memory.size / 4 * 3);
	return *(volatile uint32_t *)(vm->memory.host + 700 * RAM_PAGE_SIZE) == shadow[700] ? 0 :
	       error_set(err, -EIO, "RAM is not here");
}

void vm_state_drop_copies(const json_t *state, const char *checkpoint, const struct vm_config *c)
{
	(void)state, (void)checkpoint, (void)c;
}

bool vm_state_is_disk(const struct vm_config *c, const char *path)
{
	(void)c, (void)path;
	return false;
}

int vm_state_check_disks(const json_t *state, const char *name, const struct vm_config *c,
			 struct error *err)
{
	(void)state, (void)name, (void)c, (void)err;
	return 0;
}

/* ---- the guest ---- */

static void step(unsigned int n, unsigned int random)
{
	uint32_t *page = (uint32_t *)(vms[n].memory.host + random % PAGES * RAM_PAGE_SIZE);

	wrong += *page != shadow[random % PAGES];
	if (random % PAGES == 700)
		return;
	*page = shadow[random % PAGES] = random | 1;
	written[n][random % PAGES / 64] |= 1UL << random % 64;
	steps[n]++;
}

static void *guest(void *opaque)
{
	unsigned int random = 1;

	(void)opaque;
	while (!atomic_load(&over)) {
		pthread_mutex_lock(&cpu);
		both += vms[0].state == VM_RUNNING && vms[1].state == VM_RUNNING;
		for (unsigned int n = 0; n < 2; n++)
			for (unsigned int i = 0; i < 50 && vms[n].state == VM_RUNNING; i++) {
				random = random * 1103515245 + 12345;
				step(n, random >> 8);
			}
		pthread_mutex_unlock(&cpu);
		usleep(100);
	}
	return NULL;
}

/* The fake vm_pause() knows no guest; the state changes while it does nothing. */
void fake_vm_lock(void)
{
	pthread_mutex_lock(&cpu);
}

void fake_vm_unlock(void)
{
	pthread_mutex_unlock(&cpu);
}

/* ---- both sides ---- */

static pthread_t threads[2], guest_thread;
static int wake[2];
static struct event_source wakes[2];

static void nothing(void *opaque)
{
	(void)opaque;
}

static void *side(void *opaque)
{
	struct vm *vm = opaque;

	vm->loop.thread = pthread_self();
	while (!atomic_load(&over))
		event_loop_once(&vm->loop);
	migration_stop(&vm->migration);
	return NULL;
}

static void begin(void)
{
	struct error err;

	signal(SIGPIPE, SIG_IGN);	/* as main() has it */
	atomic_store(&over, false);
	atomic_store(&unlocked, false);
	memset(shadow, 0, sizeof(shadow));
	memset(written, 0, sizeof(written));
	steps[0] = steps[1] = wrong = both = 0;
	refuse = false;
	for (unsigned int n = 0; n < 2; n++) {
		vms[n] = (struct vm) { .config = &config, .fd = n };
		pthread_mutex_init(&vms[n].stop_lock, NULL);
		check(memory_alloc(&vms[n].memory, &config, 0x40000000, &err) == 0);
		check(event_loop_init(&vms[n].loop) == 0);
		check(migration_init(&vms[n].migration, &vms[n], &err) == 0);
		check(dirty_log_attach(&vms[n].migration.dirty, n, &err) == 0);
		wake[n] = eventfd(0, 0);
		wakes[n] = (struct event_source) { .fd = wake[n], .ready = nothing };
		event_loop_add(&vms[n].loop, &wakes[n], 1);
	}
	shadow[700] = 77;
	memcpy(vms[0].memory.host + 700 * RAM_PAGE_SIZE, &shadow[700], sizeof(shadow[0]));
	vms[0].state = VM_RUNNING;
	vms[1].state = VM_INMIGRATE;
	vms[1].resume_after_incoming = true;
	for (unsigned int n = 0; n < 2; n++)
		pthread_create(&threads[n], NULL, side, &vms[n]);
	pthread_create(&guest_thread, NULL, guest, NULL);
}

static void end(void)
{
	uint64_t one = 1;

	atomic_store(&over, true);
	for (unsigned int n = 0; n < 2; n++) {
		check(write(wake[n], &one, sizeof(one)) == sizeof(one));
		pthread_join(threads[n], NULL);
	}
	pthread_join(guest_thread, NULL);
	for (unsigned int n = 0; n < 2; n++) {
		migration_close(&vms[n].migration);
		close(wake[n]);
		event_loop_close(&vms[n].loop);
		memory_free(&vms[n].memory);
	}
	check(wrong == 0);
	check(both == 0);
}

struct order {
	struct migration *m;
	const char *uri;
	int ret;
};

static void send_to(void *opaque)
{
	struct order *o = opaque;
	struct error err;

	o->ret = migration_start(o->m, o->uri, &err);
}

static void receive_from(void *opaque)
{
	struct order *o = opaque;
	struct error err;

	o->ret = migration_incoming(o->m, o->uri, &err);
}

static void cancel(void *opaque)
{
	migration_cancel(((struct order *)opaque)->m);
}

static bool on_side(unsigned int n, void (*fn)(void *opaque), const char *uri)
{
	struct order o = { .m = &vms[n].migration, .uri = uri };

	event_loop_call(&vms[n].loop, fn, &o);
	return check(o.ret == 0);
}

static enum migration_status status(unsigned int n)
{
	enum migration_status now;

	pthread_mutex_lock(&vms[n].migration.lock);
	now = vms[n].migration.status;
	pthread_mutex_unlock(&vms[n].migration.lock);
	return now;
}

static bool becomes(unsigned int n, enum migration_status wanted)
{
	for (unsigned int i = 0; i < 30000 && status(n) != wanted; i++)
		usleep(1000);
	if (status(n) != wanted)
		printf("# status %d and not %d: %s\n", status(n), wanted,
		       vms[n].migration.error.text);
	return status(n) == wanted;
}

static bool runs(unsigned int n)
{
	unsigned int before, now;

	pthread_mutex_lock(&cpu);
	before = steps[n];
	pthread_mutex_unlock(&cpu);
	for (unsigned int i = 0; i < 10000; i++) {
		usleep(1000);
		pthread_mutex_lock(&cpu);
		now = steps[n];
		pthread_mutex_unlock(&cpu);
		if (now > before + 2000)
			return true;
	}
	return false;
}

/* A pair of connected sockets as the URIs of both sides. */
static void connect_both(char uri[2][16])
{
	int pair[2];

	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	for (unsigned int n = 0; n < 2; n++)
		snprintf(uri[n], 16, "fd:%d", pair[n]);
}

static void start(char uri[2][16], bool postcopy)
{
	vms[0].migration.caps[CAP_POSTCOPY_RAM] = postcopy;
	if (postcopy) {
		/* or all is there before the other side wants anything */
		vms[0].migration.params[PARAM_COMPRESS_LEVEL] = 0;
		vms[0].migration.params[PARAM_MAX_BANDWIDTH] = 8 << 20;
	}
	on_side(1, receive_from, uri[1]);
	on_side(0, send_to, uri[0]);
	atomic_store(&vms[0].migration.postcopy_wanted, postcopy);
}

static void moves(bool postcopy)
{
	char uri[2][16];

	begin();
	connect_both(uri);
	check(runs(0));
	start(uri, postcopy);
	check(becomes(0, MIGRATION_COMPLETED));
	check(becomes(1, MIGRATION_COMPLETED));
	check(vms[0].state == VM_POSTMIGRATE && vms[0].disks_free);
	check(runs(1));
	end();
}

/* When it runs there already, nobody can cancel there what it needs. */
static void cancelled_too_late(void)
{
	char uri[2][16];

	begin();
	connect_both(uri);
	start(uri, true);
	/* there is time for that */
	__atomic_store_n(&vms[0].migration.params[PARAM_MAX_BANDWIDTH], 2 << 20, __ATOMIC_RELAXED);
	check(becomes(1, MIGRATION_POSTCOPY_ACTIVE));
	on_side(1, cancel, NULL);
	check(becomes(0, MIGRATION_COMPLETED));
	check(becomes(1, MIGRATION_COMPLETED));
	check(runs(1));
	end();
}

static void live(void)
{
	moves(false);
}

static void later(void)
{
	moves(true);
}

/* It never runs there, and it runs here. */
static void stays(enum migration_status source)
{
	check(becomes(0, source));
	check(runs(0));
	check(steps[1] == 0 && vms[1].state != VM_RUNNING && !vms[0].disks_free);
	end();
}

static void refused(void)
{
	char uri[2][16];

	begin();
	refuse = true;
	connect_both(uri);
	on_side(1, receive_from, uri[1]);
	on_side(0, send_to, uri[0]);
	check(becomes(0, MIGRATION_FAILED));
	check(strstr(vms[0].migration.error.text, "the destination says: fd:"));
	check(becomes(1, MIGRATION_FAILED));
	check(vms[1].end == VM_STOP_ERROR);
	stays(MIGRATION_FAILED);
}

/* The other side reads so many bytes and is gone. */
static void dies_after(size_t bytes, bool shut)
{
	char uri[2][16], buffer[4096];
	int fd;

	connect_both(uri);
	fd = atoi(uri[1] + 3);
	on_side(0, send_to, uri[0]);
	while (bytes) {
		ssize_t n = read(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));

		if (n <= 0)
			break;
		bytes -= n;
	}
	if (shut)
		shutdown(fd, SHUT_RDWR);
	close(fd);
}

static void dies(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		begin();
		check(runs(0));
		dies_after(i * 30, i & 1);
		stays(MIGRATION_FAILED);
	}
}

/* ---- a connection that breaks where a section of some type should pass ---- */

static struct way {
	int from, to;
	enum section_type after, broken;	/* it holds once the first has passed; 0: at once */
	pthread_t thread;
} ways[2];

static bool pass(const struct way *way, uint8_t *buffer, size_t size)
{
	return recv(way->from, buffer, size, MSG_WAITALL) == (ssize_t)size &&
	       send(way->to, buffer, size, 0) == (ssize_t)size;
}

static bool pass_section(struct way *way, uint8_t *buffer)
{
	struct section section;
	struct error err;

	/* what is broken is not even begun */
	if (recv(way->from, buffer, SECTION_HEADER_SIZE, MSG_WAITALL | MSG_PEEK) != SECTION_HEADER_SIZE ||
	    section_header_decode(&section, buffer, "the way", &err) < 0 ||
	    (section.type == way->broken && !way->after))
		return false;
	if (section.type == way->after)
		way->after = 0;
	return pass(way, buffer, SECTION_HEADER_SIZE) &&
	       (!section.stored || pass(way, buffer, section.stored));
}

static void *way_thread(void *opaque)
{
	static __thread uint8_t buffer[2 * RAM_CHUNK_SIZE];
	struct way *way = opaque;

	if (pass(way, buffer, STREAM_HEADER_SIZE))
		while (pass_section(way, buffer))
			;
	for (unsigned int n = 0; n < 2; n++)
		shutdown(ways[n].from, SHUT_RDWR);
	return NULL;
}

static void moves_until(enum section_type broken, bool postcopy)
{
	char uri[2][16];
	int pair[2];

	begin();
	for (unsigned int n = 0; n < 2; n++) {
		check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		snprintf(uri[n], 16, "fd:%d", pair[0]);
		ways[n].from = ways[!n].to = pair[1];
		ways[n].after = postcopy ? SECTION_STATE : 0;
		ways[n].broken = broken;
	}
	for (unsigned int n = 0; n < 2; n++)
		pthread_create(&ways[n].thread, NULL, way_thread, &ways[n]);
	start(uri, postcopy);
	check(becomes(0, MIGRATION_FAILED));
	for (unsigned int n = 0; n < 2; n++) {
		pthread_join(ways[n].thread, NULL);
		close(ways[n].from);
	}
}

static void breaks(void)
{
	static const enum section_type before[] = {
		SECTION_HEAD, SECTION_HELLO, SECTION_RAM, SECTION_STATE, SECTION_END, SECTION_READY,
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		moves_until(before[i], false);
		check(becomes(1, MIGRATION_FAILED));
		stays(MIGRATION_FAILED);
	}
}

/* The destination's main thread waits for a page. */
static void breaks_when_wanted(void)
{
	moves_until(SECTION_RAM, true);
	check(becomes(1, MIGRATION_FAILED));
	stays(MIGRATION_FAILED);
}

/* The source cannot know on which side of GO it was, and its guest waits for somebody who does. */
static void breaks_at_hand_over(void)
{
	moves_until(SECTION_GO, false);
	check(becomes(1, MIGRATION_FAILED));
	check(vms[0].state == VM_POSTMIGRATE && steps[1] == 0);
	check(strstr(vms[0].migration.error.text, "stays paused here"));
	end();
	moves_until(SECTION_DONE, false);
	check(becomes(1, MIGRATION_COMPLETED));
	check(vms[0].state == VM_POSTMIGRATE && runs(1));
	check(strstr(vms[0].migration.error.text, "stays paused here"));
	end();
}

static void cancelled(void)
{
	char uri[2][16];
	int fd;

	begin();
	connect_both(uri);
	fd = atoi(uri[1] + 3);
	/* nobody answers */
	on_side(0, send_to, uri[0]);
	check(becomes(0, MIGRATION_SETUP));
	on_side(0, cancel, NULL);
	stays(MIGRATION_CANCELLED);
	close(fd);
}

/* A guest that was restored a moment ago: its RAM is still on its way here. */
static void cancelled_before_it_is_here(void)
{
	char uri[2][16];
	int fd;

	begin();
	connect_both(uri);
	fd = atoi(uri[1] + 3);
	atomic_store(&vms[0].migration.paging, true);
	on_side(0, send_to, uri[0]);
	usleep(20000);
	check(status(0) == MIGRATION_SETUP);
	on_side(0, cancel, NULL);
	check(becomes(0, MIGRATION_CANCELLED));
	/* there is no such thread */
	atomic_store(&vms[0].migration.paging, false);
	stays(MIGRATION_CANCELLED);
	close(fd);
}

static void save_to(void *opaque)
{
	struct order *o = opaque;
	struct save_order order = { .path = strdup(o->uri), .stop = true };
	struct error err;

	o->ret = migration_save(o->m, &order, &err);
}

static void settle(void *opaque)
{
	migration_settle(((struct order *)opaque)->m);
}

/* Saved, restored there, and saved again, which waits until all of its RAM is there. */
static void restored(void)
{
	char path[] = "/tmp/avmm-test-XXXXXX", uri[40];
	int fd = mkstemp(path);

	begin();
	vms[0].migration.params[PARAM_DOWNTIME_LIMIT] = 2000000;
	on_side(0, save_to, path);
	check(becomes(0, MIGRATION_COMPLETED));
	check(vms[0].state == VM_PAUSED);
	snprintf(uri, sizeof(uri), "file:%s", path);
	on_side(1, receive_from, uri);
	check(becomes(1, MIGRATION_COMPLETED));
	check(vms[1].migration.checkpoint && runs(1));
	on_side(1, save_to, path);
	check(becomes(1, MIGRATION_COMPLETED));
	/* as at a reset */
	on_side(1, settle, NULL);
	check(!vms[1].migration.paging && !vms[1].migration.checkpoint);
	unlink(path);
	close(fd);
	end();
}

/* A vCPU has asked for a reset, which is not done yet: that would be lost on the way. */
static void about_to_reset(void)
{
	char uri[2][16];

	begin();
	connect_both(uri);
	vms[0].stop = VM_STOP_RESET;
	start(uri, false);
	check(becomes(0, MIGRATION_FAILED));
	check(strstr(vms[0].migration.error.text, "about to start again"));
	check(vms[0].stop == VM_STOP_RESET);
	stays(MIGRATION_FAILED);
}

static bool read_all(int fd, uint8_t *buffer, size_t size)
{
	while (size) {
		ssize_t n = read(fd, buffer, size);

		if (n <= 0)
			return false;
		buffer += n;
		size -= n;
	}
	return true;
}

/* Through a pipe nobody can answer: the source stays stopped, the destination runs at the end. */
static void one_way(void)
{
	char uri[2][16];
	int fds[2];

	begin();
	check(runs(0));
	check(pipe(fds) == 0);
	snprintf(uri[0], sizeof(uri[0]), "fd:%d", fds[1]);
	snprintf(uri[1], sizeof(uri[1]), "fd:%d", fds[0]);
	on_side(1, receive_from, uri[1]);
	on_side(0, send_to, uri[0]);
	check(becomes(0, MIGRATION_COMPLETED));
	check(becomes(1, MIGRATION_COMPLETED));
	check(runs(1));
	end();
}

/* Who reads END runs the guest: by then the source has given it up, and nobody can cancel. */
static void one_way_end(void)
{
	static uint8_t buffer[2 * RAM_CHUNK_SIZE];
	struct section section = { .type = SECTION_HEAD };
	struct error err;
	char uri[16];
	int fds[2];

	begin();
	check(pipe(fds) == 0);
	snprintf(uri, sizeof(uri), "fd:%d", fds[1]);
	on_side(0, send_to, uri);
	read_all(fds[0], buffer, STREAM_HEADER_SIZE);
	while (read_all(fds[0], buffer, SECTION_HEADER_SIZE) &&
	       check(section_header_decode(&section, buffer, "the pipe", &err) == 0) &&
	       section.type != SECTION_END)
		check(read_all(fds[0], buffer, section.stored));
	check(section.type == SECTION_END);
	check(atomic_load(&unlocked));
	on_side(0, cancel, NULL);
	check(becomes(0, MIGRATION_COMPLETED));
	check(vms[0].state == VM_POSTMIGRATE);
	close(fds[0]);
	end();
}

const struct tap_test migration_tests[] = {
	{ "a guest that writes moves", live },
	{ "it moves before its memory", later },
	{ "it moves through a pipe", one_way },
	{ "the end of a pipe is that of the source", one_way_end },
	{ "the destination refuses", refused },
	{ "the destination dies", dies },
	{ "the connection breaks before the hand-over", breaks },
	{ "the connection breaks when a page is wanted", breaks_when_wanted },
	{ "the connection breaks at the hand-over", breaks_at_hand_over },
	{ "cancelled", cancelled },
	{ "cancelled when it runs there already", cancelled_too_late },
	{ "cancelled before its memory is here", cancelled_before_it_is_here },
	{ "restored and saved again", restored },
	{ "the guest is about to reset", about_to_reset },
	{ NULL, NULL }
};
