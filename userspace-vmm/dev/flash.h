/* SPDX-License-Identifier: GPL-2.0 */
/*
 * NOR flash: two 16-bit chips side by side that speak the Intel command set, as a JEDEC CFI (JESD68)
 * query tells. Firmware keeps its variables there.
 *
 * While it is an array of bytes the guest reads it as memory, which is the host's to map, and only
 * writes come here; while it answers a command, reads do too. Exit path: core/mmio.c calls flash_ops
 * on a vCPU's thread. Lock: flash.lock; the host is called with it held.
 */
#ifndef AVMM_DEV_FLASH_H
#define AVMM_DEV_FLASH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/mmio.h"
#include "dev/device.h"

/* What is erased at a time; a size is a multiple of it */
#define FLASH_BLOCK	(256U << 10)
/* Words of 32 bits that one command writes */
#define FLASH_BUFFER	32
/* The most of it */
#define FLASH_SIZE_MAX	(64U << 20)

enum flash_mode {
	FLASH_ARRAY, FLASH_STATUS, FLASH_ID, FLASH_QUERY,
	/* a second cycle is due, and reads see the status */
	FLASH_PROGRAM, FLASH_ERASE, FLASH_LOCK, FLASH_COUNT, FLASH_DATA, FLASH_CONFIRM,
	FLASH_MODES
};

struct flash_host {
	/* The guest reads it as memory, or not. */
	void (*map)(void *opaque, bool on);
	/* Bytes have changed. */
	void (*wrote)(void *opaque, uint32_t offset, uint32_t len);
};

struct flash {
	struct device dev;
	pthread_mutex_t lock;
	uint8_t *data;			/* the caller's; immutable pointer */
	uint32_t size;			/* immutable */
	const struct flash_host *host;	/* immutable */
	void *opaque;
	/* lock: */
	enum flash_mode mode;
	uint32_t left;			/* words of the buffer that are due */
	uint32_t filled;
	bool loaded;			/* and the host was not told yet */
	struct {
		uint32_t offset;
		uint32_t value;
	} buffer[FLASH_BUFFER];
};

extern const struct mmio_ops flash_ops;
extern const struct device_ops flash_device_ops;

/* size: of data; a multiple of FLASH_BLOCK */
void flash_init(struct flash *flash, uint8_t *data, uint32_t size, const struct flash_host *host,
		void *opaque);

#endif /* AVMM_DEV_FLASH_H */
