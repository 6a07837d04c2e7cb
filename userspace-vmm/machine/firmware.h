/* SPDX-License-Identifier: GPL-2.0 */
/*
 * UEFI firmware: read-only code where the reset vector is, and flash for its variables.
 */
#ifndef AVMM_MACHINE_FIRMWARE_H
#define AVMM_MACHINE_FIRMWARE_H

#include "config/vm_config.h"
#include "core/error.h"
#include "core/mmio.h"
#include "dev/flash.h"

struct firmware {
	void *code;		/* NULL: there is no firmware */
	size_t code_size;
	uint8_t *vars;
	size_t vars_size;
	int vars_fd;		/* -1: they are forgotten at the end */
	int vm;			/* VM fd; -1: none now */
	struct flash flash;
};

/* Does nothing without config->firmware. */
int firmware_open(struct firmware *firmware, const struct vm_config *config, struct error *err);
void firmware_close(struct firmware *firmware);

/* Gives the guest both. */
int firmware_power_on(struct firmware *firmware, int vm, struct error *err);
void firmware_power_off(struct firmware *firmware);

#endif /* AVMM_MACHINE_FIRMWARE_H */
