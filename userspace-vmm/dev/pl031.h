/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ARM PrimeCell real-time clock PL031, r1p3 (DDI 0224C): the time, without the alarm.
 *
 * The interrupt is left out of the device tree, so that Linux offers no alarm. Lock: pl031.lock.
 */
#ifndef AVMM_DEV_PL031_H
#define AVMM_DEV_PL031_H

#include <pthread.h>
#include <stdint.h>

#include "core/mmio.h"
#include "dev/device.h"

struct pl031 {
	struct device dev;
	pthread_mutex_t lock;
	uint32_t (*now)(void);		/* immutable: seconds since 1970, from the host */
	/* all below: lock */
	uint32_t offset;		/* of the guest's time against the host's */
	uint32_t match;
	uint32_t load;
	uint32_t mask;
};

extern const struct mmio_ops pl031_ops;
extern const struct device_ops pl031_device_ops;

void pl031_init(struct pl031 *rtc, uint32_t (*now)(void));
void pl031_reset(struct pl031 *rtc);

#endif /* AVMM_DEV_PL031_H */
