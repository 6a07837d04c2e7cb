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

struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct avmm_run *run;
	size_t run_size;
	uint64_t mpidr;
	pthread_t thread;
	bool started;
	atomic_bool stop;		/* set by the main thread, which then kicks */
	atomic_bool ended;		/* the thread has nothing more to do */
};

/* Creates it in its reset state; all but the first are powered off, waiting for PSCI CPU_ON. */
int vcpu_create(struct vcpu *vcpu, struct vm *vm, unsigned int id, struct error *err);
void vcpu_destroy(struct vcpu *vcpu);

/* Entry state of the first one: booting.rst, x0 is the device tree and x1 to x3 are zero. */
int vcpu_set_entry(struct vcpu *vcpu, uint64_t pc, uint64_t x0, struct error *err);

int vcpu_start(struct vcpu *vcpu, struct error *err);
/* Has its thread end soon; vcpu_join() waits for that. */
void vcpu_kick(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);

/* Once per process, before the first vCPU starts. */
int vcpu_init_signals(void);

#endif /* AVMM_CORE_VCPU_H */
