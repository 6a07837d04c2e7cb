// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory whose pages come from a thread of the VMM, by userfaultfd, as after the switch of a
 * post-copy migration: a guest that needs one waits for it, and is no trouble to anybody meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "guest_ops.h"

PAYLOAD(memslots);

#define SLOT	1
#define AT	0x50000000UL
#define BLOCK	(2 * MIB)
#define SIZE	(2 * BLOCK)
#define PAGES	(SIZE / 4096)
#define LOG	AVMM_MEM_LOG_DIRTY_PAGES

enum kind { ANON, SHMEM, HUGETLB, KINDS };

static const char *const kinds[] = { "anonymous memory", "memfd", "hugetlbfs" };

static struct vm *vm;
static struct vcpu *v;
static uint8_t *mem, *page;
static size_t page_size;

/* ---- the thread that has the pages ---- */

static int uffd, stop_pipe[2];
static pthread_t server;
static volatile bool hold;
static volatile unsigned int waiting, served, protected;

static uint64_t pattern(uint64_t ipa)
{
	return 0x5eed000000000000 ^ ipa;
}

static void serve(const struct uffd_msg *msg)
{
	uint64_t at = msg->arg.pagefault.address & ~(page_size - 1), i;
	struct uffdio_copy copy = { .dst = at, .src = (uintptr_t)page, .len = page_size };
	struct uffdio_writeprotect wp = { .range = { .start = at, .len = page_size } };

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP) {
		protected++;
		ioctl(uffd, UFFDIO_WRITEPROTECT, &wp);
		return;
	}
	for (i = 0; i < page_size; i += 4096)
		*(uint64_t *)(page + i) = pattern(AT + (at - (uintptr_t)mem) + i);
	/* counted first: who waits for the page may be gone before the ioctl is back */
	served++;
	if (!ioctl(uffd, UFFDIO_COPY, &copy))
		return;
	served--;
	if (errno == EEXIST)
		ioctl(uffd, UFFDIO_WAKE, &(struct uffdio_range){ at, page_size });
}

static void *server_main(void *arg)
{
	struct pollfd p[2] = { { .fd = uffd, .events = POLLIN },
			       { .fd = stop_pipe[0], .events = POLLIN } };
	struct uffd_msg msg;

	(void)arg;
	for (;;) {
		poll(p, 2, -1);
		if (p[1].revents)
			return NULL;
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		waiting++;
		while (hold)
			usleep(1000);
		serve(&msg);
		waiting--;
	}
}

static bool uffd_open(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		return false;
	if (!ioctl(uffd, UFFDIO_API, &api))
		return true;
	close(uffd);
	return false;
}

static bool new_mem(enum kind kind)
{
	int fd = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	uint8_t *space;

	page_size = 4096;
	if (kind == HUGETLB) {
		page_size = BLOCK;
		write_text("/proc/sys/vm/nr_hugepages", "4");
		flags |= MAP_HUGETLB;
	}
	if (kind == SHMEM) {
		flags = MAP_SHARED;
		fd = memfd_create("guest", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, SIZE))
			tap_bail("memfd");
	}
	space = mmap(NULL, SIZE + BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mem = (uint8_t *)(((uintptr_t)space + BLOCK - 1) & ~(BLOCK - 1));
	mem = mmap(mem, SIZE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
	if (fd >= 0)
		close(fd);
	return mem != MAP_FAILED;
}

static bool watch(uint64_t mode)
{
	struct uffdio_register reg = { .range = { .start = (uintptr_t)mem, .len = SIZE },
				       .mode = mode };

	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return false;
	hold = false;
	waiting = served = protected = 0;
	if (!page)
		page = aligned_alloc(BLOCK, BLOCK);
	memset(page, 0, BLOCK);
	if (pipe(stop_pipe) || pthread_create(&server, NULL, server_main, NULL))
		tap_bail("the server");
	return true;
}

static void unwatch(void)
{
	hold = false;
	close(stop_pipe[1]);
	pthread_join(server, NULL);
	close(stop_pipe[0]);
	close(uffd);
}

static void new_vm(unsigned int vcpus, uint32_t flags)
{
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots), .vcpus = vcpus });
	v = &vm->vcpu[0];
	if (avmm_map_memory(vm->fd, SLOT, flags, AT, mem, SIZE))
		tap_bail("the slot");
}

static bool begin(enum kind kind, uint32_t flags)
{
	if (!uffd_open(0))
		tap_skip_all("no userfaultfd");
	if (!new_mem(kind) || !watch(UFFDIO_REGISTER_MODE_MISSING)) {
		tap_skip("not to be had here", kinds[kind]);
		close(uffd);
		return false;
	}
	new_vm(1, flags);
	return true;
}

static void end(void)
{
	unwatch();
	vm_free(vm);
	munmap(mem, SIZE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

static bool eventually(volatile unsigned int *what, unsigned int value)
{
	uint64_t t = now_ns();

	while (*what != value && now_ns() - t < 60000000000ULL)
		usleep(1000);
	return *what == value;
}

/* ---- pages that are not there yet ---- */

static void test_missing(enum kind kind)
{
	uint64_t bad = 0, i, r;

	if (!begin(kind, 0))
		return;
	op_reads(v, AT + 5 * 4096, pattern(AT + 5 * 4096), kinds[kind]);
	/* counted by a thread that may be behind the guest */
	tap_ok(eventually(&served, 1), "%s: one page came for it", kinds[kind]);
	op_writes(v, AT + 9 * 4096 + 8, 77, kinds[kind]);
	op_reads(v, AT + 9 * 4096, pattern(AT + 9 * 4096), "a page that is written first came too");
	op_reads(v, AT + 9 * 4096 + 8, 77, "with what was written");
	for (i = 0; i < PAGES; i++)
		bad += op(v, OP_READ, AT + i * 4096, 0, &r) != STEP_UCALL ||
		       r != pattern(AT + i * 4096);
	tap_eq(bad, 0, "%s: all pages are as they should be", kinds[kind]);
	tap_ok(eventually(&served, SIZE / page_size), "%s: each came once", kinds[kind]);
	/* thrown away, they are missing again */
	madvise(mem, page_size, kind == SHMEM ? MADV_REMOVE : MADV_DONTNEED);
	op_reads(v, AT, pattern(AT), "a page that was thrown away");
	tap_ok(eventually(&served, SIZE / page_size + 1), "%s: comes again", kinds[kind]);
	end();
}

/* A page that comes for a read is not one that the guest has written. */
static void test_logged(void)
{
	uint64_t bits[PAGES / 64], r;
	struct avmm_dirty_log log = { .slot = SLOT, .dirty_bitmap = (uintptr_t)bits };

	begin(ANON, LOG);
	op(v, OP_READ, AT + 3 * 4096, 0, &r);
	op(v, OP_WRITE, AT + 4 * 4096, 1, &r);
	op(v, OP_READ, AT + 4 * 4096, 0, &r);
	memset(bits, 0xff, sizeof(bits));
	tap_eq(-avmm_get_dirty_log(vm->fd, &log), 0, "the log of a slot with missing pages");
	tap_eq(bits[0], 1 << 4, "has the page that was written");
	end();
}

/* ---- a guest that waits ---- */

struct waiter {
	struct vcpu *vcpu;
	volatile int runs, interrupted;
	volatile unsigned int done;
	uint64_t result;
	int end;
};

static void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	do {
		w->end = op_go(w->vcpu, &w->result);
		w->runs++;
		w->interrupted += w->end == -EINTR;
		/* one kick, one EINTR */
		w->vcpu->run->immediate_exit = 0;
	} while (w->end == -EINTR);
	w->done = 1;
	return NULL;
}

static void test_signals(enum kind kind, bool write)
{
	uint64_t bits[PAGES / 64];
	struct avmm_dirty_log log = { .slot = SLOT, .dirty_bitmap = (uintptr_t)bits };
	struct waiter w = { 0 };
	int i, missed = 0;

	if (!begin(kind, LOG))
		return;
	hold = true;
	w.vcpu = v;
	op_begin(v, write ? OP_WRITE : OP_READ, AT + 4096, 55, 0);
	if (pthread_create(&v->thread, NULL, waiter_main, &w))
		tap_bail("pthread_create");
	tap_ok(eventually(&waiting, 1), "%s: the guest waits for a page", kinds[kind]);
	tap_eq(-avmm_get_dirty_log(vm->fd, &log), 0, "its log can be had meanwhile");
	tap_eq(w.runs, 0, "RUN has not come back");
	for (i = 1; i <= 5 && !device_is_kvm(); i++) {
		vcpu_kick(v);
		for (uint64_t t = now_ns(); w.interrupted < i && now_ns() - t < 10000000000ULL;)
			usleep(1000);
		missed += w.interrupted < i;
	}
	if (device_is_kvm())
		tap_skip("KVM on arm64 waits for the page, whatever comes",
			 "a signal ends the wait, RUN gives EINTR");
	else
		tap_eq(missed, 0, "a signal ends the wait, RUN gives EINTR: five times");
	hold = false;
	tap_ok(eventually(&w.done, 1), "when the page is there the guest goes on");
	pthread_join(v->thread, NULL);
	tap_eq(w.end, STEP_UCALL, "to its end");
	if (!write)
		tap_eq(w.result, pattern(AT + 4096), "and has read the right thing");
	else
		tap_eq(*(uint64_t *)(mem + 4096), 55, "and has written the right thing");
	end();
}

/* The rest of the VM goes on, and so does the VMM. */
static void test_others(void)
{
	struct waiter w = { 0 };
	uint64_t r;
	struct vcpu *other;

	if (!uffd_open(0) || !new_mem(ANON) || !watch(UFFDIO_REGISTER_MODE_MISSING))
		tap_bail("userfaultfd");
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots), .vcpus = 2, .all_on = true });
	v = &vm->vcpu[0];
	other = &vm->vcpu[1];
	if (avmm_map_memory(vm->fd, SLOT, 0, AT, mem, SIZE))
		tap_bail("the slot");
	op(other, OP_READ, AT + 100 * 4096, 0, &r);
	hold = true;
	w.vcpu = v;
	op_begin(v, OP_READ, AT, 0, 0);
	if (pthread_create(&v->thread, NULL, waiter_main, &w))
		tap_bail("pthread_create");
	eventually(&waiting, 1);
	op_reads(other, AT + 100 * 4096, pattern(AT + 100 * 4096), "another vCPU reads what is there");
	op_writes(other, AT + 100 * 4096, 3, "and writes it");
	tap_eq(w.done, 0, "while the first one waits");
	/* nobody will serve any more: memory is as without userfaultfd */
	tap_eq(vcpu_get(other, REG_PC) != 0, 1, "and its registers can be read");
	hold = false;
	pthread_join(v->thread, NULL);
	tap_eq(w.result, pattern(AT), "which then has its page");
	end();
}

/* Whoever has the pages goes away: zeros take their place, and nobody waits for ever. */
static void test_closed(void)
{
	struct uffdio_range range = { .start = 0, .len = SIZE };
	struct waiter w = { 0 };

	begin(ANON, 0);
	hold = true;
	w.vcpu = v;
	range.start = (uintptr_t)mem;
	op_begin(v, OP_READ, AT, 0, 0);
	if (pthread_create(&v->thread, NULL, waiter_main, &w))
		tap_bail("pthread_create");
	eventually(&waiting, 1);
	ioctl(uffd, UFFDIO_UNREGISTER, &range);
	tap_ok(eventually(&w.done, 1), "nobody serves any more: the guest goes on");
	tap_eq(w.result, 0, "and reads zero");
	pthread_join(v->thread, NULL);
	end();
}

static void test_killed(void)
{
	int status = 0, i, got = 0;
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		tap_bail("pipe");
	pid = fork();
	if (pid == 0) {
		struct waiter w = { 0 };

		freopen("/dev/null", "w", stdout);
		begin(ANON, 0);
		hold = true;
		w.vcpu = v;
		op_begin(v, OP_READ, AT, 0, 0);
		if (pthread_create(&v->thread, NULL, waiter_main, &w))
			_exit(1);
		eventually(&waiting, 1);
		if (write(ready[1], "x", 1) != 1)
			_exit(2);
		for (;;)
			pause();
	}
	if (read(ready[0], &c, 1) != 1)
		tap_bail("the child");
	kill(pid, SIGKILL);
	for (i = 0; i < 3000 && got != pid; i++) {
		got = waitpid(pid, &status, WNOHANG);
		usleep(10000);
	}
	tap_ok(got == pid && WIFSIGNALED(status), "a process whose guest waits can be killed");
}

/* ---- pages that may not be written ---- */

static void test_protect(enum kind kind)
{
	struct uffdio_writeprotect wp = { .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	uint64_t bad = 0, i, r;

	if (!uffd_open(UFFD_FEATURE_PAGEFAULT_FLAG_WP)) {
		tap_skip("this kernel does not protect by userfaultfd", kinds[kind]);
		return;
	}
	if (!new_mem(kind) || !watch(UFFDIO_REGISTER_MODE_WP)) {
		tap_skip("this kernel does not protect this memory", kinds[kind]);
		close(uffd);
		return;
	}
	new_vm(1, 0);
	op_begin(v, OP_FILL, AT, 1, PAGES);
	op_go(v, &r);
	wp.range.start = (uintptr_t)mem;
	wp.range.len = SIZE;
	tap_eq(ioctl(uffd, UFFDIO_WRITEPROTECT, &wp), 0, "%s: protected", kinds[kind]);
	for (i = 0; i < PAGES; i++)
		bad += op(v, OP_READ, AT + i * 4096, 0, &r) != STEP_UCALL ||
		       r != (1 ^ (AT + i * 4096));
	tap_ok(!bad && !protected, "%s: the guest reads without a word", kinds[kind]);
	for (i = 0; i < 20; i++)
		bad += op(v, OP_WRITE, AT + i * page_size % SIZE, 2, &r) != STEP_UCALL;
	tap_eq(bad, 0, "%s: it writes", kinds[kind]);
	tap_eq(protected, SIZE / page_size < 20 ? SIZE / page_size : 20,
	       "%s: once for each page somebody was asked", kinds[kind]);
	tap_eq(*(uint64_t *)(mem + page_size), 2, "%s: and it is written", kinds[kind]);
	end();
}

int main(void)
{
	enum kind k;

	test_begin(280);
	for (k = 0; k < KINDS; k++)
		test_missing(k);
	test_logged();
	for (k = 0; k < KINDS; k++)
		test_signals(k, k != SHMEM);
	test_others();
	test_closed();
	test_killed();
	for (k = 0; k < KINDS; k++)
		test_protect(k);
	return tap_end();
}
