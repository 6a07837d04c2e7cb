// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's program: iterations, each a process of its own that ends by itself or is killed, and
 * between them a look at the kernel's log.
 *
 *   fuzz [--seed N] [--seconds S] [--iterations N] [--first N] [--device PATH] [--verbose]
 *
 * A complaint of the kernel or a process that cannot be killed ends it, with the seed and the
 * iteration: "--seed N --first I --iterations 1" does that one again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"
#include "tap.h"

#define NR_CHAOS	3

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A generator for each thread: none of them may draw on another's. */
static struct rng rng_for(uint64_t seed, uint64_t a, uint64_t b)
{
	struct rng r = { seed ^ a * 0xd6e8feb86659fd93 ^ b * 0xa0761d6478bd642f };

	rnd(&r);
	return r;
}

/* ---- one iteration: the process ---- */

struct thread {
	struct world *w;
	int n;
	struct rng rng;
};

static void count(uint64_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

static void *runner(void *arg)
{
	struct thread *t = arg;
	struct world *w = t->w;
	struct rng *r = &t->rng;
	struct avmm_run *run;
	uint64_t answer;
	int ret;

	/* guests spin; the chaos is to have its turn */
	setpriority(PRIO_PROCESS, 0, 10);
	while (!w->over) {
		while (w->quiet)
			usleep(200);
		run = w->run[t->n];
		ret = ioctl(w->vcpu[t->n], AVMM_RUN, 0);
		count(&w->tally->runs);
		__atomic_add_fetch(&w->tally->run_result[ret ? errno % MAX_ERRNO : 0], 1,
				   __ATOMIC_RELAXED);
		if (ret < 0 && errno != EINTR) {
			count(&w->tally->run_errors);
			step_over(w, t->n);
			usleep(300);	/* most errors do not go away by themselves */
		}
		if (!run)
			continue;
		run->immediate_exit = 0;
		if (!ret && run->exit_reason == AVMM_EXIT_MMIO) {
			answer = odd_number(r);
			memcpy(run->mmio.data, &answer, 8);
			count(&w->tally->mmio);
		} else if (!ret) {
			count(&w->tally->other_exits);
			step_over(w, t->n);
		}
		if ((ret && once_in(r, 8)) || once_in(r, 64))
			start_vcpu(w, t->n, r);
	}
	return NULL;
}

static void *chaos(void *arg)
{
	struct thread *t = arg;
	/* an argument at the end of a page would be as good, but the chaos makes enough of those */
	uint64_t buf[128];

	while (!t->w->over)
		chaos_random(t->w, &t->rng, buf);
	return NULL;
}

static uint8_t *memory(struct world *w, struct rng *r)
{
	uint64_t len = NR_AREAS * AREA_SIZE, align = 2UL << 20;
	uint8_t *p = mmap(NULL, len + align, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	/* most of them so that guest and host can have blocks */
	if (!once_in(r, 4))
		p += -(uint64_t)p & (align - 1);
	w->memfd = memfd_create("fuzz", MFD_CLOEXEC);
	if (w->memfd >= 0 && !ftruncate(w->memfd, AREA_SIZE) && once_in(r, 3))
		mmap(p + AREA_SIZE, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		     w->memfd, 0);
	return p;
}

static void make_vcpus(struct world *w, struct rng *r)
{
	union {
		struct avmm_reg_list list;
		uint64_t room[1025];
	} regs = { .list.n = 1024 };
	int i;

	for (i = 0; i < w->nr_vcpus; i++) {
		struct avmm_vcpu_init init = { .target = AVMM_ARM_TARGET_GENERIC_V8,
					       .features = { 4 } };

		w->vcpu[i] = ioctl(w->vm, AVMM_CREATE_VCPU, i);
		w->run[i] = mmap(NULL, w->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, w->vcpu[i],
				 0);
		if (w->run[i] == MAP_FAILED)
			w->run[i] = NULL;
		if (!once_in(r, 16))
			ioctl(w->vcpu[i], AVMM_ARM_VCPU_INIT, &init);
	}
	if (!ioctl(w->vcpu[0], AVMM_GET_REG_LIST, &regs)) {
		w->nr_regs = regs.list.n;
		memcpy(w->reg, regs.list.reg, 8 * w->nr_regs);
	}
}

static void set_up(struct world *w)
{
	struct avmm_enable_cap nisv = { .cap = AVMM_CAP_ARM_NISV_TO_USER };
	struct rng *r = &w->rng;
	uint8_t *p;
	int i;

	p = memory(w, r);
	for (i = 0; i < NR_AREAS; i++)
		w->area[i] = p + i * AREA_SIZE;
	w->scratch = mmap(NULL, SCRATCH_SIZE + PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(w->scratch + SCRATCH_SIZE, PAGE);
	for (i = 0; i < NR_EVENTS; i++)
		w->event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->fail_nth = !access("/proc/self/fail-nth", W_OK);
	w->nr_vcpus = once_in(r, 8) ? 8 : 1 + below(r, 4);

	for (i = 0; i < MAX_DEVICES; i++)
		w->device[i] = -1;
	for (i = 0; i < MAX_VCPUS; i++)
		w->vcpu[i] = -1;
	w->dev = open(w->path, O_RDWR | O_CLOEXEC);
	w->run_size = ioctl(w->dev, AVMM_GET_VCPU_MMAP_SIZE, 0);
	w->vm = ioctl(w->dev, AVMM_CREATE_VM, once_in(r, 4) ? 36 : 0);
	if (w->vm < 0 || w->run_size <= 0)
		_exit(2);
	w->gicv2 = once_in(r, 5) && has_device(w, AVMM_DEV_TYPE_ARM_VGIC_V2);
	guest_fill(w->area[0], r, w->gicv2);
	memcpy(w->area[1], w->area[0], AREA_SIZE / 2);
	if (once_in(r, 2))
		canonical_slots(w);
	if (once_in(r, 2))
		ioctl(w->vm, AVMM_ENABLE_CAP, &nisv);
	if (once_in(r, 4))
		make_gic(w, r);
	make_vcpus(w, r);
	if (w->device[0] < 0 && !once_in(r, 16))
		make_gic(w, r);
	if (!once_in(r, 16))
		init_gic(w);
	canonical_slots(w);
	for (i = 0; i < w->nr_vcpus; i++)
		start_vcpu(w, i, r);
}

static const char *const counters[NR_COUNTERS] = {
	"el2_exits", "tier0", "exits", "mmio_user", "mmio_kernel", "s2_faults", "wfi", "wfe",
	"hvc", "sysreg", "irq", "signal", "injected",
};

/* What AVMM has counted of this process's VMs; nothing on another device. */
static void add_counters(struct tally *t)
{
	char path[300], line[1024], *p;
	struct dirent *e;
	unsigned int i;
	FILE *f;
	DIR *d = opendir("/sys/kernel/debug/avmm");

	while (d && (e = readdir(d))) {
		if (atoi(e->d_name) != getpid())
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/debug/avmm/%s/vcpus", e->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			for (i = 0; i < NR_COUNTERS; i++) {
				snprintf(path, sizeof(path), " %s ", counters[i]);
				p = strstr(line, path);
				if (p)
					__atomic_add_fetch(&t->counter[i],
							   strtoull(p + strlen(path), NULL, 0),
							   __ATOMIC_RELAXED);
			}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
}

/* Everything is closed at once, or in some order while threads use it, or by the kernel. */
static void tear_down(struct world *w, struct rng *r)
{
	int i;

	if (once_in(r, 3))
		return;
	for (i = 0; i < 8; i++) {
		int n = below(r, 5);

		if (n == 0)
			close(w->vm);
		else if (n == 1)
			close(w->vcpu[below(r, w->nr_vcpus)]);
		else if (n == 2)
			close(w->device[below(r, MAX_DEVICES)]);
		else if (n == 3)
			munmap(PICK(r, w->area), AREA_SIZE);
		else if (w->run_size > 0)
			munmap(w->run[below(r, w->nr_vcpus)], w->run_size);
		usleep(below(r, 200));
	}
}

__attribute__((noreturn))
static void iteration(const char *path, struct tally *tally, uint64_t seed, uint64_t number,
		      unsigned int ms)
{
	static struct world world;
	static struct thread threads[MAX_VCPUS + NR_CHAOS];
	struct sigaction sa = { .sa_handler = on_signal };
	struct rlimit files = { 256, 256 }, none = { 0, 0 };
	struct world *w = &world;
	pthread_t id;
	int i;

	w->path = path;
	w->tally = tally;
	w->seed = seed;
	w->rng = rng_for(seed, number, 0);
	sigaction(SIGUSR1, &sa, NULL);
	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &none);
	set_up(w);
	for (i = 0; i < w->nr_vcpus + NR_CHAOS; i++) {
		bool runs = i < w->nr_vcpus;

		threads[i] = (struct thread){ w, i, rng_for(seed, number, i + 1) };
		if (pthread_create(runs ? &w->runner[i] : &id, NULL, runs ? runner : chaos,
				   &threads[i]))
			_exit(3);
	}
	usleep(ms * 1000);
	add_counters(tally);
	tear_down(w, &w->rng);
	_exit(0);
}

/* ---- the host's health ---- */

/* Words of LAB_COMPLAINTS of lab/lib.sh, which looks at the whole log at the end. */
static const char *const complaints[] = {
	"BUG", "WARNING: ", "Oops", "Internal error", "KASAN", "UBSAN", "Unable to handle",
	"suspicious RCU", "blocked for more than", "stall", "lockup", "corruption", "SError",
	"non-static key", "turning off the locking", "refcount_t",
};

static int kmsg = -1;

/* The first complaint in the kernel's log since the last look, or NULL. */
static const char *complaint(void)
{
	static char line[2048];
	unsigned int i;
	ssize_t n;

	for (;;) {
		n = read(kmsg, line, sizeof(line) - 1);
		if (n < 0 && errno == EPIPE)
			continue;	/* some were overwritten */
		if (n <= 0)
			return NULL;
		line[n] = 0;
		for (i = 0; i < COUNT(complaints); i++)
			if (strstr(line, complaints[i]))
				return line;
	}
}

/* True when the child is gone within its time; what it is killed for and when, its seed tells. */
static bool reap(pid_t pid, unsigned int ms, unsigned int kill_ms, unsigned int limit_ms)
{
	uint64_t begin = now_ms();
	bool killed = false;

	for (;;) {
		uint64_t t = now_ms() - begin;

		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		if (t > limit_ms)
			return false;
		if (!killed && (t >= kill_ms || t > 20 * ms + 10000)) {
			kill(pid, SIGKILL);
			killed = true;
		}
		usleep(1000);
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0;
	close(fd);
}

/* Failures on demand, where the kernel has them: all allocations, and no report for each. */
static void prepare_failures(void)
{
	write_file("/sys/kernel/debug/failslab/verbose", "0");
	write_file("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/verbose", "0");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N");
	write_file("/sys/kernel/debug/fail_page_alloc/min-order", "0");
}

static void report_row(const char *name, const uint32_t *result)
{
	unsigned int e, len = 0;
	char text[300] = "";

	for (e = 1; e < MAX_ERRNO; e++)
		if (result[e] && len < sizeof(text) - 40)
			len += snprintf(text + len, sizeof(text) - len, ", %u %s", result[e],
					strerrorname_np(e));
	tap_diag("%s: %u good%s", name, result[0], text);
}

static void report(const struct tally *t, bool verbose)
{
	unsigned long long calls = 0, ok = 0;
	unsigned int i, len;
	const char *name;
	char text[600];

	for (i = 0; (name = ioctl_name(i)); i++) {
		calls += t->calls[i];
		ok += t->result[i][0];
		if (verbose)
			report_row(name, t->result[i]);
	}
	if (verbose)
		report_row("RUN of the vCPU threads", t->run_result);
	for (i = 0, len = 0; i < NR_COUNTERS; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s %llu", i ? ", " : "",
				counters[i], (unsigned long long)t->counter[i]);
	tap_diag("of those not killed: %s", text);
	tap_diag("%llu ioctls, %llu of them good; %llu RUNs: %llu MMIO, %llu other exits, %llu errors",
		 calls, ok, (unsigned long long)t->runs, (unsigned long long)t->mmio,
		 (unsigned long long)t->other_exits, (unsigned long long)t->run_errors);
}

static uint64_t argument(const char *text)
{
	char *end;
	uint64_t v = strtoull(text, &end, 0);

	if (!*text || *end) {
		fprintf(stderr, "fuzz: '%s' is not a number\n", text);
		exit(TAP_FAIL);
	}
	return v;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' }, { "seconds", 1, NULL, 't' }, { "first", 1, NULL, 'f' },
		{ "iterations", 1, NULL, 'i' }, { "device", 1, NULL, 'd' },
		{ "verbose", 0, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	const char *slow = getenv("AVMM_SLOW"), *device = getenv("AVMM_DEVICE"), *what = NULL;
	uint64_t seed = 1, seconds = 30, first = 0, count = ~0UL, i, end, killed = 0;
	unsigned int limit_ms = 60000 * (slow ? atoi(slow) : 1);
	bool gone = true, verbose = false;
	struct tally *tally;
	int opt, fd;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's':
			seed = argument(optarg);
			break;
		case 't':
			seconds = argument(optarg);
			break;
		case 'f':
			first = argument(optarg);
			break;
		case 'i':
			count = argument(optarg);
			break;
		case 'd':
			device = optarg;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			return TAP_FAIL;
		}
	}
	if (!device || !*device)
		device = "/dev/avmm";
	tap_begin();
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		tap_skip_all("cannot open the device");
	close(fd);
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0)
		tap_bail("cannot read the kernel's log");
	lseek(kmsg, 0, SEEK_END);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		tap_bail("no memory");
	prepare_failures();
	tap_diag("seed %llu", (unsigned long long)seed);

	end = now_ms() + seconds * 1000;
	for (i = first; i - first < count && now_ms() < end; i++) {
		struct rng r = rng_for(seed, i, 1000);
		unsigned int ms = 50 + below(&r, 1500), kill_ms = ~0U;
		pid_t pid;

		if (once_in(&r, 3)) {
			kill_ms = below(&r, ms + 200);
			killed++;
		}
		if (verbose)
			tap_diag("iteration %llu", (unsigned long long)i);
		fflush(stdout);
		pid = fork();
		if (!pid)
			iteration(device, tally, seed, i, ms);
		if (pid < 0)
			tap_bail("fork: %s", strerror(errno));
		gone = reap(pid, ms, kill_ms, limit_ms);
		what = complaint();
		if (!gone || what)
			break;
	}
	if (what || !gone)
		tap_diag("again: fuzz --seed %llu --first %llu --iterations 1",
			 (unsigned long long)seed, (unsigned long long)i);
	report(tally, verbose);
	tap_ok(!what, "seed %llu: %llu iterations, %llu of them killed, and the kernel is well: %s",
	       (unsigned long long)seed, (unsigned long long)(i - first),
	       (unsigned long long)killed, what ? what : "nothing in its log");
	tap_ok(gone, "no process is stuck");
	tap_ok(tally->mmio && tally->other_exits, "guests ran, and came out in more than one way");
	return tap_end();
}
