/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine from power-on to power-off; the owner of all its parts.
 *
 * Threads: the main one has the event loop and does all that is here; each vCPU has one, which only
 * runs the guest, calls devices, and reports by vm_stop().
 */
#ifndef AVMM_CORE_VM_H
#define AVMM_CORE_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/vm_config.h"
#include "core/error.h"
#include "core/event_loop.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/vcpu.h"
#include "machine/virt.h"

enum vm_stop {
	VM_STOP_NONE,		/* it runs */
	VM_STOP_SHUTDOWN,	/* the guest switched itself off */
	VM_STOP_RESET,		/* the guest wants to be started again */
	VM_STOP_CRASH,		/* the guest says that it crashed */
	VM_STOP_FAILED,		/* the guest cannot be run any further */
	VM_STOP_QUIT,		/* the user left by the escape key */
	VM_STOP_SIGNAL,		/* somebody ended us by a signal */
};

struct vm {
	const struct vm_config *config;
	struct event_loop loop;
	struct event_source stop_event;
	struct event_source signals;
	struct file kernel;
	struct file initrd;
	struct memory memory;
	struct machine machine;
	bool machine_made;
	atomic_bool unknown_mmio;	/* said once that the guest accesses what is not there */
	int dev;		/* system fd */

	/* of one power cycle */
	int fd;
	struct vcpu *vcpus;
	unsigned int nvcpus;	/* created so far */

	/* why it stopped; the first reason counts */
	pthread_mutex_t stop_lock;
	enum vm_stop stop;	/* stop_lock */
	struct error stop_error;	/* stop_lock: for CRASH and FAILED */
	int signal;		/* main thread: for SIGNAL */
};

int vm_create(struct vm *vm, const struct vm_config *config, struct error *err);
void vm_destroy(struct vm *vm);

/*
 * Runs it until it is off. Returns the reason, with err filled in for CRASH and FAILED; or a
 * negative errno if it could not be started.
 */
int vm_run(struct vm *vm, struct error *err);

/* Any thread. Returns true for the first reason, which is the one that counts. */
bool vm_stop(struct vm *vm, enum vm_stop reason, const struct error *err);

#endif /* AVMM_CORE_VM_H */
