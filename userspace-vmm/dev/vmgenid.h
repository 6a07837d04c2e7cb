/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Virtual Machine Generation ID: 16 bytes that are others than before when a guest has come from a
 * checkpoint, as other guests may have, too; and an interrupt that says so. Linux makes new random
 * numbers then. Device tree binding rng/microsoft,vmgenid, which Linux knows from 6.10 on.
 *
 * A page of memory and no register, as the driver reads it with instructions that cannot be
 * emulated. All on the main thread.
 */
#ifndef AVMM_DEV_VMGENID_H
#define AVMM_DEV_VMGENID_H

#include <stdint.h>

#include "core/error.h"
#include "dev/device.h"

#define VMGENID_SIZE	0x10000		/* of the memory: a page of whatever host */
#define VMGENID_ID_SIZE	16

struct vmgenid {
	struct device dev;
	uint8_t *page;
};

extern const struct device_ops vmgenid_device_ops;

int vmgenid_init(struct vmgenid *genid, struct error *err);
/* Gives a VM the memory. */
int vmgenid_map(struct vmgenid *genid, int vm, uint32_t slot, uint64_t base, struct error *err);
/* Another id; whoever calls it raises the interrupt. */
int vmgenid_renew(struct vmgenid *genid, struct error *err);

#endif /* AVMM_DEV_VMGENID_H */
