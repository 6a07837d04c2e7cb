/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of /dev/avmm: what its parts share.
 *
 * One iteration is a process with one VM. Its vCPU threads run guests that attack, its chaos
 * threads call ioctls and take memory and descriptors away. All that a thread decides comes from a
 * generator of its own, seeded by seed, iteration and thread, so a thread does the same for the
 * same seed; how the threads interleave is up to the host.
 */
#ifndef SELFTESTS_FUZZ_H
#define SELFTESTS_FUZZ_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/avmm.h>

/* ---- numbers ---- */

struct rng {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t rnd(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline uint64_t below(struct rng *r, uint64_t n)
{
	return rnd(r) % n;
}

/* true once in @n */
static inline bool once_in(struct rng *r, uint64_t n)
{
	return !below(r, n);
}

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define PICK(r, a)	((a)[below((r), COUNT(a))])

/* Small, large, negative, near powers of two: where limits are. */
uint64_t odd_number(struct rng *r);

/* ---- one iteration ---- */

#define MAX_VCPUS	8
#define MAX_DEVICES	6
#define NR_AREAS	3
#define NR_EVENTS	4
#define PAGE		4096UL
#define AREA_SIZE	(4UL << 20)
#define SCRATCH_SIZE	(64UL << 10)

/* the guest's map */
#define RAM		0x40000000UL
#define RAM2		0x80000000UL
#define GICD		0x08000000UL
#define GICR		0x080a0000UL
#define GITS		0x08080000UL
#define GICC		0x08010000UL

/* What was done, over all iterations: that the fuzzer does not fuzz closed doors. */
#define MAX_ROWS	64
#define MAX_ERRNO	134
#define NR_COUNTERS	13
struct tally {
	uint64_t runs, mmio, other_exits, run_errors;
	uint32_t run_result[MAX_ERRNO];
	uint64_t counter[NR_COUNTERS];	/* AVMM's own, of debugfs */
	uint64_t calls[MAX_ROWS];
	uint32_t result[MAX_ROWS][MAX_ERRNO];	/* 0 is success */
};

enum fd_kind { FD_DEV, FD_VM, FD_VCPU, FD_DEVICE, NR_KINDS };

struct world {
	struct rng rng;		/* of the set-up */
	uint64_t seed;
	const char *path;
	struct tally *tally;	/* shared by all processes */
	/* written and read by all threads; -1: none. Somebody else's number is as good. */
	_Atomic int dev, vm, vcpu[MAX_VCPUS], device[MAX_DEVICES], event[NR_EVENTS];
	struct avmm_run *run[MAX_VCPUS];
	int run_size;
	int nr_vcpus;
	int memfd;
	bool gicv2;
	uint8_t *area[NR_AREAS];	/* RAM, RAM2, and one for slots at odd places */
	uint8_t *scratch;	/* for arguments; an unmapped page follows */
	uint64_t reg[1024];	/* ids of GET_REG_LIST */
	int nr_regs;
	pthread_t runner[MAX_VCPUS];
	bool fail_nth;		/* the kernel can be told to fail an allocation */
	_Atomic bool quiet;	/* vCPU threads stay out of RUN */
	_Atomic bool over;
};

/* guest.c: fills @ram with programs, tables and vectors; where vCPU @n begins */
void guest_fill(uint8_t *ram, struct rng *r, bool gicv2);
uint64_t guest_entry(int n);
uint64_t guest_anywhere(struct rng *r);
uint64_t guest_vectors(void);

/* ioctls.c */
void ioctl_random(struct world *w, struct rng *r, void *buf);
const char *ioctl_name(unsigned int row);	/* NULL behind the last */
int fd_random(struct world *w, struct rng *r, enum fd_kind kind);
void start_vcpu(struct world *w, int n, struct rng *r);
void canonical_slots(struct world *w);
void step_over(struct world *w, int n);
bool has_device(struct world *w, uint32_t type);
void make_gic(struct world *w, struct rng *r);
void init_gic(struct world *w);

/* chaos.c: all the rest that a process can do */
void chaos_random(struct world *w, struct rng *r, void *buf);

#endif /* SELFTESTS_FUZZ_H */
