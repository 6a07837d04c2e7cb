/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One virtual CPU and the thread that runs it.
 */
#ifndef AVMM_CORE_VCPU_H
#define AVMM_CORE_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/avmm.h>

#include "core/error.h"

struct vm;

enum vcpu_order { VCPU_PARK, VCPU_RUN, VCPU_END };

/* Exit reasons that are counted by themselves; the last one is for all others. */
#define VCPU_EXITS	(AVMM_EXIT_MEMORY_FAULT + 2)

struct vcpu {
	struct vm *vm;
	unsigned int id;
	/* the thread: from the first start to the end of the process */
	pthread_t thread;
	bool started;
	atomic_int tid;
	pthread_mutex_t lock;
	pthread_cond_t ordered;
	enum vcpu_order order;		/* lock */
	atomic_bool parked;		/* outside AVMM_RUN, with nothing left to complete */
	_Atomic int64_t rest;		/* ns to do nothing before it goes on */
	atomic_bool leave;		/* the next AVMM_RUN that is interrupted is the last */
	_Atomic uint64_t exits[VCPU_EXITS];	/* written by its thread only */
	/* of one power cycle */
	int fd;
	struct avmm_run *run;
	size_t run_size;
	uint64_t mpidr;
};

int vcpu_init(struct vcpu *vcpu, struct vm *vm, unsigned int id, struct error *err);
/* Ends the thread, which must be parked. */
void vcpu_close(struct vcpu *vcpu);

/* Creates it in its reset state; all but the first are powered off, waiting for PSCI CPU_ON. */
int vcpu_power_on(struct vcpu *vcpu, struct error *err);
void vcpu_power_off(struct vcpu *vcpu);

/* Entry state of the first one: booting.rst, x0 is the device tree and x1 to x3 are zero. */
int vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0, struct error *err);

/* Has its thread park soon; vcpu->parked says when. */
void vcpu_park(struct vcpu *vcpu);
/* Parked, powered on. */
void vcpu_unpark(struct vcpu *vcpu);

/* Any thread, for one that takes too much: it leaves the guest and does nothing for so long. */
void vcpu_rest(struct vcpu *vcpu, int64_t ns);

/* What an exit is called in statistics; NULL: no such row. */
const char *vcpu_exit_name(unsigned int row);

/* Once per process, before the first vCPU starts. */
int vcpu_init_signals(void);

#endif /* AVMM_CORE_VCPU_H */
