/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ARM PrimeCell GPIO PL061 (DDI 0190B): eight pins, whose inputs are ours and whose outputs go
 * nowhere.
 *
 * Exit path: core/mmio.c calls pl061_ops on a vCPU's thread. Lock: pl061.lock; set_irq is called with
 * it held and must not call back.
 */
#ifndef AVMM_DEV_PL061_H
#define AVMM_DEV_PL061_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/mmio.h"
#include "dev/device.h"

struct pl061 {
	struct device dev;
	pthread_mutex_t lock;
	void (*set_irq)(void *opaque, bool level);	/* immutable: the interrupt line, GPIOINTR */
	void *opaque;
	/* all below: lock; a bit for each pin */
	uint8_t input;
	uint8_t data;		/* of the outputs */
	uint8_t dir;
	uint8_t is;
	uint8_t ibe;
	uint8_t iev;
	uint8_t ie;
	uint8_t edges;		/* GPIORIS of edge-triggered pins */
	uint8_t afsel;
	bool irq;		/* level of the line */
};

extern const struct mmio_ops pl061_ops;

/* Of its device_ops, in which the machine does more: what pins are for, it alone knows. */
void pl061_reset(struct device *dev);
json_t *pl061_save(struct device *dev);
int pl061_load(struct device *dev, json_t *state, struct error *err);

void pl061_init(struct pl061 *gpio, void (*set_irq)(void *opaque, bool level), void *opaque);
void pl061_set_input(struct pl061 *gpio, unsigned int pin, bool level);

#endif /* AVMM_DEV_PL061_H */
