/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's RAM in our address space.
 */
#ifndef AVMM_CORE_MEMORY_H
#define AVMM_CORE_MEMORY_H

#include <stdint.h>

#include "config/vm_config.h"
#include "core/error.h"

struct memory {
	uint8_t *host;		/* on a 2 MiB boundary, zeroed */
	uint64_t size;
};

int memory_alloc(struct memory *memory, const struct vm_config *config, struct error *err);
void memory_free(struct memory *memory);

/* Zeros again, as after power-on. */
int memory_clear(struct memory *memory, struct error *err);

#endif /* AVMM_CORE_MEMORY_H */
