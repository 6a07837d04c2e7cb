/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device tree that describes the machine to the guest.
 */
#ifndef AVMM_MACHINE_FDT_H
#define AVMM_MACHINE_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct fdt_params {
	uint64_t ram_base;
	uint64_t ram_size;
	unsigned int cpus;
	int gic;			/* version, 2 or 3 */
	bool its;			/* else there is a GICv2m frame */
	const uint64_t *mpidr;		/* MPIDR_EL1 of each vCPU */
	const char *bootargs;
	uint64_t initrd_start;
	uint64_t initrd_end;		/* 0: no initrd */
	unsigned int virtio_mmio;	/* frames in use */
	uint64_t flash_size;		/* for firmware's variables; 0: there is none */
	uint8_t rng_seed[32];
	uint64_t kaslr_seed;
};

/* Writes the flattened tree to buf. */
int machine_fdt(void *buf, size_t size, const struct fdt_params *params, struct error *err);

#endif /* AVMM_MACHINE_FDT_H */
