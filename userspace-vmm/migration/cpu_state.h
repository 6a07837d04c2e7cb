/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of the vCPUs as JSON. All vCPUs are outside AVMM_RUN, with no MMIO access half done.
 */
#ifndef AVMM_MIGRATION_CPU_STATE_H
#define AVMM_MIGRATION_CPU_STATE_H

#include <stdint.h>

#include <jansson.h>

#include "core/error.h"

/* fd of a vCPU; id is for messages. NULL with err set when it fails. */
json_t *cpu_state_save(int fd, unsigned int id, struct error *err);
/* After ARM_VCPU_INIT and before it ever ran; the interrupt controller is initialised. */
int cpu_state_load(int fd, unsigned int id, const json_t *state, struct error *err);

/*
 * The counters of the whole VM (CNTVCT_EL0, CNTPCT_EL0), through any vCPU. Loaded before the timers
 * of the vCPUs, and again when the VM runs, because the time that it was stopped is not the
 * guest's.
 */
json_t *cpu_counter_save(int fd, struct error *err);
int cpu_counter_load(int fd, const json_t *state, struct error *err);

#endif /* AVMM_MIGRATION_CPU_STATE_H */
