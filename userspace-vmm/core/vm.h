/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine and its life cycle; the owner of all its parts.
 *
 * Threads: the main one has the event loop and does all that is here. Each vCPU has one, which only
 * runs the guest, calls devices, and reports by vm_stop().
 *
 * Reset is a new VM of the hypervisor: its interrupt controller has no reset, and what is made anew
 * has no state to forget. The process, its threads, the devices and the mapping of the RAM stay.
 */
#ifndef AVMM_CORE_VM_H
#define AVMM_CORE_VM_H

#include <jansson.h>
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
#include "migration/migration.h"

/* What the guest or its vCPU cannot decide alone; the main thread does. */
enum vm_stop {
	VM_STOP_NONE,
	VM_STOP_SHUTDOWN,	/* the guest switched itself off */
	VM_STOP_RESET,		/* the guest wants to be started again */
	VM_STOP_CRASH,		/* the guest says that it crashed */
	VM_STOP_FAILED,		/* the guest cannot be run any further */
	VM_STOP_QUIT,		/* somebody wants the end: the escape key, "quit" */
	VM_STOP_SIGNAL,		/* somebody ended us by a signal */
	VM_STOP_ERROR,		/* the host could not start it again */
};

/* As QMP's RunState; only VM_RUNNING runs. */
enum vm_state {
	VM_PRELAUNCH, VM_INMIGRATE, VM_RUNNING, VM_PAUSED, VM_FINISH_MIGRATE, VM_POSTMIGRATE,
	VM_SHUTDOWN, VM_GUEST_PANICKED, VM_IO_ERROR, VM_INTERNAL_ERROR,
};

const char *vm_state_name(enum vm_state state);

struct vm {
	struct vm_config *config;	/* devices come and go */
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
	struct vcpu *vcpus;	/* config->cpus of them */
	struct migration migration;

	/* of one power cycle */
	int fd;
	unsigned int nvcpus;	/* powered on */

	/* the first request counts, until it is served */
	pthread_mutex_t stop_lock;
	enum vm_stop stop;	/* stop_lock */
	struct error stop_error;	/* stop_lock: for CRASH, FAILED and ERROR */

	/* main thread */
	enum vm_state state;
	bool devices_paused;
	bool disks_free;	/* not locked: another process may run the guest */
	bool resume_after_incoming;
	json_t *counters;	/* of a guest that was stopped; time goes on from there */
	enum vm_stop end;	/* why vm_run() is to return; NONE: it is not */
	int signal;		/* for SIGNAL */
	/* NULL, or called when it has started and nothing is left to fail at that */
	void (*on_start)(void *opaque);
	void *on_start_opaque;
	/* NULL, or takes data, which may be NULL; see vm_event() */
	void (*on_event)(void *opaque, const char *name, json_t *data);
	void *on_event_opaque;
};

int vm_create(struct vm *vm, struct vm_config *config, struct error *err);
void vm_destroy(struct vm *vm);

/*
 * From power-on to the end of the process. Returns the reason, with err filled in for CRASH, FAILED
 * and ERROR; or a negative errno if it could not be started.
 */
int vm_run(struct vm *vm, struct error *err);

/* Any thread. Returns true for the first reason, which is the one that counts. */
bool vm_stop(struct vm *vm, enum vm_stop reason, const struct error *err);

/* ---- main thread, in callbacks of the event loop ---- */

/*
 * Stops the vCPUs, then the devices; on return nothing changes the guest's state any more and all
 * of it is in registers, devices and RAM. One that does not run only changes its state.
 */
void vm_pause(struct vm *vm, enum vm_state why);
int vm_resume(struct vm *vm, struct error *err);
/* As the guest's own reset, and off is off no longer; it runs on if it ran. */
int vm_reset(struct vm *vm, bool by_guest, struct error *err);
/* Asks the guest to switch itself off. */
int vm_power_button(struct vm *vm, struct error *err);
/* vm_run() returns soon. */
void vm_quit(struct vm *vm, enum vm_stop reason);

/* Tells whoever listens, under QMP's name; takes data, which may be NULL. */
void vm_event(struct vm *vm, const char *name, json_t *data);

#endif /* AVMM_CORE_VM_H */
