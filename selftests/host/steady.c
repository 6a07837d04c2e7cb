// SPDX-License-Identifier: GPL-2.0
/*
 * A load for a guest that is saved, moved or paused: memory is rewritten and verified on all CPUs, the clock may not
 * go back, and a timer must tick as often as the clock says.
 *
 *	steady MIB SECONDS
 *
 * Prints "steady: S s, T ticks, R rounds" once a second, "steady: done" at the end. What it finds wrong it says
 * after "steady: BAD" and ends with status 1.
 */
#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096
#define WORDS	(PAGE / sizeof(uint64_t))
#define TICK_NS	10000000LL

static _Atomic int64_t latest;
static atomic_uint rounds;
static size_t slice;

/* Printed in one piece; _exit() because the other threads go on writing. */
#define bad(...) do { \
	printf("steady: BAD " __VA_ARGS__); \
	putchar('\n'); \
	fflush(stdout); \
	_exit(1); \
} while (0)

/* No thread may read a time that is older than one that any of them has read before. */
static int64_t now(void)
{
	int64_t before = atomic_load(&latest), t;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	t = ts.tv_sec * 1000000000LL + ts.tv_nsec;
	if (t < before)
		bad("clock went back from %" PRId64 " to %" PRId64 " ns", before, t);
	while (t > before && !atomic_compare_exchange_weak(&latest, &before, t))
		;
	return t;
}

/* Never zero, so that a page lost and made anew is seen. */
static uint64_t word(size_t page, unsigned int round)
{
	return ((page + 1) * 0x9e3779b97f4a7c15ULL ^ round) | 1ULL << 63;
}

static void *work(void *arg)
{
	uint64_t *mem = arg;
	unsigned int round;
	size_t page, i;

	for (round = 1;; round++) {
		for (page = 0; page < slice; page++) {
			uint64_t *p = mem + page * WORDS;
			uint64_t was = round == 1 ? 0 : word(page, round - 1);

			for (i = 0; i < WORDS; i++) {
				if (p[i] != was)
					bad("round %u, page %zu, word %zu is %#" PRIx64 ", not %#" PRIx64,
					    round, page, i, p[i], was);
				p[i] = word(page, round);
			}
			now();
		}
		rounds++;
		/* Or no migration would ever come to its end. */
		usleep(20000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), c;
	int64_t start, t, said, ticks = 0, due;
	size_t bytes = argc > 2 ? strtoul(argv[1], NULL, 0) << 20 : 0;
	struct itimerspec every = { { 0, TICK_NS }, { 0, TICK_NS } };
	int seconds = argc > 2 ? atoi(argv[2]) : 0, tfd;
	uint64_t *mem, n;
	pthread_t thread;

	if (!bytes)
		errx(1, "usage: steady MIB SECONDS");
	slice = bytes / PAGE / cpus;
	mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tfd = timerfd_create(CLOCK_MONOTONIC, 0);
	if (mem == MAP_FAILED || tfd < 0)
		err(1, "mmap, timerfd_create");
	for (c = 0; c < cpus; c++)
		if (pthread_create(&thread, NULL, work, mem + c * slice * WORDS))
			err(1, "pthread_create");

	start = said = now();
	if (timerfd_settime(tfd, 0, &every, NULL))
		err(1, "timerfd_settime");
	do {
		if (read(tfd, &n, sizeof(n)) != sizeof(n))
			err(1, "timerfd");
		ticks += n;
		t = now();
		/* What is due was due before this reading of the clock; and no tick comes before its time. */
		due = (t - start) / TICK_NS;
		if (ticks > due + 1)
			bad("%" PRId64 " ticks in %" PRId64 " ms", ticks, (t - start) / 1000000);
		if (t - said >= 1000000000) {
			printf("steady: %" PRId64 " s, %" PRId64 " ticks, %u rounds\n",
			       (t - start) / 1000000000, ticks, (unsigned int)rounds);
			fflush(stdout);
			said = t;
		}
	} while (t - start < seconds * 1000000000LL);
	if (!rounds)
		bad("no round was done");
	puts("steady: done");
	return 0;
}
