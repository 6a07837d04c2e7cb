/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bus: which device answers at a guest physical address.
 *
 * Exit path: core/vcpu.c calls mmio_access(), which calls the device's read or write. The table is
 * filled before the first vCPU runs and does not change after that, so it needs no lock; a device
 * locks its own state.
 */
#ifndef AVMM_CORE_MMIO_H
#define AVMM_CORE_MMIO_H

#include <stdbool.h>
#include <stdint.h>

struct mmio_ops {
	/* len is 1, 2, 4 or 8; offset counts from the device's base and may be unaligned */
	uint64_t (*read)(void *dev, uint64_t offset, unsigned int len);
	void (*write)(void *dev, uint64_t offset, unsigned int len, uint64_t value);
};

struct mmio_region {
	uint64_t base;
	uint64_t size;
	const char *name;
	const struct mmio_ops *ops;
	void *dev;
};

#define MMIO_REGIONS_MAX	64

struct mmio_bus {
	unsigned int count;
	struct mmio_region regions[MMIO_REGIONS_MAX];	/* sorted by base, without overlap */
};

/* One access, from the exit to the device; the run page in other words. */
struct mmio_access {
	uint64_t addr;
	uint64_t data;
	uint8_t len;
	bool write;
};

/* -EEXIST if it overlaps another, -ENOSPC if the table is full, -EINVAL if it is empty or wraps */
int mmio_add(struct mmio_bus *bus, const struct mmio_region *region);

/* false if no device is there: then a read has the value 0 and a write is lost */
bool mmio_access(const struct mmio_bus *bus, struct mmio_access *access);

#endif /* AVMM_CORE_MMIO_H */
