/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ARM PrimeCell UART PL011, r1p5 (DDI 0183G).
 *
 * Exit path: core/mmio.c calls pl011_ops on a vCPU's thread; the event loop calls pl011_receive()
 * and pl011_transmit(). Lock: pl011.lock, taken by each function; the callbacks are called with it
 * held and must not call back.
 */
#ifndef AVMM_DEV_PL011_H
#define AVMM_DEV_PL011_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mmio.h"
#include "dev/device.h"

/* r1p5 has FIFOs of 32 entries, and a Linux driver that knows it */
#define PL011_FIFO_SIZE	32

struct pl011_fifo {
	uint16_t entry[PL011_FIFO_SIZE];	/* receive: with the error bits of UARTDR */
	unsigned int first;
	unsigned int count;
};

struct pl011_host {
	void *opaque;
	/* the interrupt line, UARTINTR */
	void (*set_irq)(void *opaque, bool level);
	/* takes one character; false if there is no room, then pl011_transmit() must follow */
	bool (*send)(void *opaque, uint8_t byte);
	/* pl011_receive() would take more than it took last time */
	void (*can_receive)(void *opaque);
};

struct pl011 {
	struct device dev;
	pthread_mutex_t lock;
	struct pl011_host host;		/* immutable */
	/* all below: lock */
	struct pl011_fifo rx;
	struct pl011_fifo tx;
	uint16_t rsr;			/* UARTRSR: errors of the last character read */
	uint16_t ilpr;
	uint16_t ibrd;
	uint16_t fbrd;
	uint16_t lcr_h;
	uint16_t cr;
	uint16_t ifls;
	uint16_t imsc;
	uint16_t ris;
	uint16_t dmacr;
	bool irq;			/* level of the line */
	bool rx_refused;		/* host.can_receive is due when there is room */
};

extern const struct mmio_ops pl011_ops;
extern const struct device_ops pl011_device_ops;

void pl011_init(struct pl011 *uart, const struct pl011_host *host);
void pl011_reset(struct pl011 *uart);

/* Characters from outside; returns how many were taken. */
size_t pl011_receive(struct pl011 *uart, const uint8_t *data, size_t len);
void pl011_receive_break(struct pl011 *uart);

/* host.send has room again. */
void pl011_transmit(struct pl011 *uart);

#endif /* AVMM_DEV_PL011_H */
