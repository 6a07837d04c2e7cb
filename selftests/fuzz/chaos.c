// SPDX-License-Identifier: GPL-2.0
/* What a process can do to a VM without an ioctl: memory, descriptors, signals, other processes. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

static void area_advice(struct world *w, struct rng *r, void *buf)
{
	static const int advice[] = { MADV_DONTNEED, MADV_DONTNEED, MADV_MERGEABLE, MADV_HUGEPAGE,
				      MADV_NOHUGEPAGE, MADV_FREE, MADV_REMOVE, MADV_WILLNEED,
				      20 /* COLD */, 21 /* PAGEOUT */, 23, 25 /* COLLAPSE */ };
	uint64_t off = below(r, AREA_SIZE / PAGE) * PAGE;

	madvise(PICK(r, w->area) + off, (1 + below(r, 600)) * PAGE, PICK(r, advice));
}

static void area_protect(struct world *w, struct rng *r, void *buf)
{
	static const int prot[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE };
	uint8_t *p = PICK(r, w->area) + below(r, AREA_SIZE / PAGE) * PAGE;
	uint64_t len = (1 + below(r, 100)) * PAGE;

	if (p + len > w->area[0] + NR_AREAS * AREA_SIZE)
		return;
	mprotect(p, len, PICK(r, prot));
	if (once_in(r, 2))
		mprotect(p, len, PROT_READ | PROT_WRITE);
}

static void area_remap(struct world *w, struct rng *r, void *buf)
{
	uint64_t off = below(r, AREA_SIZE / PAGE) * PAGE, len = (1 + below(r, 64)) * PAGE;
	uint8_t *p = PICK(r, w->area) + off;

	if (off + len > AREA_SIZE)
		return;
	if (once_in(r, 3))
		munmap(p, len);
	if (once_in(r, 3))
		mmap(p, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, w->memfd, off);
	else
		mmap(p, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		     0);
}

static void file_hole(struct world *w, struct rng *r, void *buf)
{
	fallocate(w->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, below(r, 1024) * PAGE,
		  (1 + below(r, 64)) * PAGE);
	if (once_in(r, 8) && !ftruncate(w->memfd, below(r, 1024) * PAGE))
		ftruncate(w->memfd, AREA_SIZE);
}

/* New programs below running vCPUs; some pages are not writable at the moment, so by write(2). */
static void refill(struct world *w, struct rng *r, void *buf)
{
	struct rng sub = { rnd(r) };
	uint8_t *fresh = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd;

	if (fresh == MAP_FAILED)
		return;
	guest_fill(fresh, &sub, w->gicv2);
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		if (pwrite(fd, fresh, 0x110000, (off_t)w->area[0]) < 0)
			canonical_slots(w);
		close(fd);
	}
	munmap(fresh, AREA_SIZE);
}

static void slots(struct world *w, struct rng *r, void *buf)
{
	canonical_slots(w);
}

static void restart(struct world *w, struct rng *r, void *buf)
{
	start_vcpu(w, below(r, w->nr_vcpus), r);
}

static void kick(struct world *w, struct rng *r, void *buf)
{
	int n = below(r, w->nr_vcpus);

	if (once_in(r, 4) && w->run[n])
		w->run[n]->immediate_exit = 1;
	pthread_kill(w->runner[n], SIGUSR1);
}

/* Many attributes want all vCPUs outside of any ioctl. */
static void quietly(struct world *w, struct rng *r, void *buf)
{
	int i, n = below(r, 30);

	w->quiet = true;
	for (i = 0; i < w->nr_vcpus; i++)
		pthread_kill(w->runner[i], SIGUSR1);
	usleep(1000);
	for (i = 0; i < w->nr_vcpus; i++)
		pthread_kill(w->runner[i], SIGUSR1);
	while (n--)
		ioctl_random(w, r, buf);
	w->quiet = false;
}

/* What a VMM writes into the run page, and what none does, while the vCPU may run. */
static void run_page(struct world *w, struct rng *r, void *buf)
{
	uint8_t *p = (uint8_t *)w->run[below(r, w->nr_vcpus)];
	int n = 1 + below(r, 16);

	while (p && n--)
		p[once_in(r, 2) ? below(r, 64) : below(r, w->run_size)] = rnd(r);
}

static void map_fd(struct world *w, struct rng *r, void *buf)
{
	static const int prot[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_EXEC | PROT_READ };
	int fd = fd_random(w, r, once_in(r, 4) ? below(r, NR_KINDS) : FD_VCPU);
	uint64_t len = (1 + below(r, 4)) * PAGE;
	uint8_t *p = mmap(NULL, len, PICK(r, prot), once_in(r, 4) ? MAP_PRIVATE : MAP_SHARED, fd,
			  below(r, 4) * PAGE);

	if (p == MAP_FAILED)
		return;
	/* guest memory that is a run page: pinned by none */
	if (once_in(r, 4)) {
		struct avmm_userspace_memory_region m = { below(r, 5), 0, 0x20000000, len,
							  (uint64_t)p };

		ioctl(w->vm, AVMM_SET_USER_MEMORY_REGION, &m);
	}
	if (!once_in(r, 8))
		munmap(p, len);
}

/* Calls on descriptors that have no such call, or do not do much with it. */
static void odd_call(struct world *w, struct rng *r, void *buf)
{
	int fd = fd_random(w, r, below(r, NR_KINDS));
	struct pollfd pfd = { fd, POLLIN | POLLOUT, 0 };
	ssize_t n = 0;

	switch (below(r, 6)) {
	case 0:
		n = read(fd, buf, 256);
		break;
	case 1:
		n = write(fd, buf, 256);
		break;
	case 2:
		n = poll(&pfd, 1, 0);
		break;
	case 3:
		n = lseek(fd, odd_number(r), SEEK_SET);
		break;
	case 4:
		n = fcntl(fd, F_SETFL, O_NONBLOCK);
		break;
	default:
		n = pread(fd, buf, 256, odd_number(r));
	}
	(void)n;
}

static void event(struct world *w, struct rng *r, void *buf)
{
	int fd = w->event[below(r, NR_EVENTS)];
	uint64_t v = once_in(r, 8) ? ~0UL - 1 : 1;
	ssize_t n = once_in(r, 3) ? read(fd, &v, 8) : write(fd, &v, 8);

	(void)n;
}

static void affinity(struct world *w, struct rng *r, void *buf)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(below(r, 2), &set);
	if (once_in(r, 3))
		CPU_SET(below(r, 2), &set);
	pthread_setaffinity_np(w->runner[below(r, w->nr_vcpus)], sizeof(set), &set);
}

/* A child shares the memory copy-on-write and owns the descriptors, but not the VM. */
static void other_process(struct world *w, struct rng *r, void *buf)
{
	uint64_t seed = rnd(r);
	pid_t pid = fork();

	if (!pid) {
		struct rng sub = { seed };
		int n = below(&sub, 30);

		alarm(5);
		w->area[0][below(&sub, AREA_SIZE)] = 1;
		while (n--)
			ioctl_random(w, &sub, buf);
		_exit(0);
	}
	if (pid > 0) {
		if (once_in(r, 4))
			kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

static void close_one(struct world *w, struct rng *r, void *buf)
{
	enum fd_kind kind = below(r, 4);
	int n = below(r, MAX_DEVICES), fd;
	_Atomic int *place = kind == FD_DEV ? &w->dev : kind == FD_VM ? &w->vm :
		kind == FD_VCPU ? &w->vcpu[n % w->nr_vcpus] : &w->device[n];

	/* one of these ends most of an iteration's use: rarely, and the last act of a thread */
	fd = *place;
	if (fd < 0)
		return;
	if (once_in(r, 2)) {
		int copy = dup(fd);

		*place = copy;
		close(fd);
		return;
	}
	*place = -1;
	close(fd);
}

/* The files that AVMM has in debugfs, which come and go with VMs. */
static void stats(struct world *w, struct rng *r, void *buf)
{
	static const char *const dirs[] = { "/sys/kernel/debug/avmm", "/sys/kernel/debug/kvm" };
	const char *root = PICK(r, dirs);
	char path[256];
	struct dirent *e, *f;
	DIR *d, *sub;
	int fd;

	d = opendir(root);
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || strlen(e->d_name) > 80)
			continue;
		snprintf(path, sizeof(path), "%s/%.80s", root, e->d_name);
		sub = opendir(path);
		if (!sub)
			continue;
		while ((f = readdir(sub))) {
			if (f->d_name[0] == '.' || strlen(f->d_name) > 80)
				continue;
			snprintf(path, sizeof(path), "%s/%.80s/%.80s", root, e->d_name,
				 f->d_name);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd >= 0) {
				while (read(fd, buf, 1024) > 0)
					;
				close(fd);
			}
		}
		closedir(sub);
	}
	closedir(d);
}

static void rest(struct world *w, struct rng *r, void *buf)
{
	usleep(below(r, 3000));
}

static const struct {
	void (*fn)(struct world *w, struct rng *r, void *buf);
	int weight;
} acts[] = {
	{ ioctl_random, 1200 }, { slots, 20 }, { restart, 60 }, { kick, 80 },
	{ area_advice, 50 }, { area_protect, 25 }, { area_remap, 25 }, { file_hole, 10 },
	{ quietly, 15 }, { run_page, 60 }, { map_fd, 12 }, { odd_call, 10 }, { event, 40 },
	{ affinity, 15 }, { rest, 20 },
	/* slow, or the end of most of what is left of an iteration */
	{ refill, 1 }, { other_process, 2 }, { stats, 2 }, { close_one, 1 },
};

/** chaos_random - one act of any kind; @buf has 1 KiB */
void chaos_random(struct world *w, struct rng *r, void *buf)
{
	int pick = 0;
	unsigned int i;

	for (i = 0; i < COUNT(acts); i++)
		pick += acts[i].weight;
	pick = below(r, pick);
	for (i = 0; pick >= acts[i].weight; i++)
		pick -= acts[i].weight;
	acts[i].fn(w, r, buf);
}
