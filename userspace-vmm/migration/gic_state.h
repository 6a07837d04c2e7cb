/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of the interrupt controller as JSON. All vCPUs are outside AVMM_RUN.
 */
#ifndef AVMM_MIGRATION_GIC_STATE_H
#define AVMM_MIGRATION_GIC_STATE_H

#include <stdint.h>

#include <jansson.h>

#include "core/error.h"

struct gic_devices {
	int version;		/* 2 or 3 */
	int gic;		/* device fd */
	int its;		/* device fd; -1: there is none */
	uint32_t irqs;		/* INTIDs of the distributor, private ones too */
	unsigned int nvcpus;
	const uint64_t *mpidr;	/* of each vCPU */
};

/*
 * NULL with err set when it fails. What the guest's ITS and redistributors keep in RAM is written
 * there now, so RAM is saved after this.
 */
json_t *gic_state_save(const struct gic_devices *devices, struct error *err);

/* After RAM, and after CTRL_INIT of devices that were made anew. */
int gic_state_load(const struct gic_devices *devices, const json_t *state, struct error *err);

#endif /* AVMM_MIGRATION_GIC_STATE_H */
