// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/mmio.h"
#include "tests/tap.h"

static uint64_t last_offset, last_value;
static void *last_dev;

static uint64_t reads(void *dev, uint64_t offset, unsigned int len)
{
	last_dev = dev;
	last_offset = offset;
	return len;
}

static void writes(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)len;
	last_dev = dev;
	last_offset = offset;
	last_value = value;
}

static const struct mmio_ops ops = { reads, writes };
static struct mmio_bus bus;
static char devs[MMIO_REGIONS_MAX + 1];

static int add(uint64_t base, uint64_t size, int dev)
{
	const struct mmio_region region = { base, size, "dev", &ops, &devs[dev] };

	return mmio_add(&bus, &region);
}

static bool reaches(uint64_t addr, int dev, uint64_t offset)
{
	struct mmio_access access = { .addr = addr, .len = 4, .data = 99 };

	return mmio_access(&bus, &access) && access.data == 4 && last_dev == &devs[dev] &&
	       last_offset == offset;
}

static bool misses(uint64_t addr, unsigned int len)
{
	struct mmio_access access = { .addr = addr, .len = len, .data = 99 };

	return !mmio_access(&bus, &access) && access.data == 0;
}

static void lookup(void)
{
	memset(&bus, 0, sizeof(bus));
	check(misses(0, 1));
	check(add(0x3000, 0x1000, 3) == 0);
	check(add(0x1000, 0x1000, 1) == 0);
	check(add(0x2000, 0x800, 2) == 0);
	check(add(~0xfffULL, 0x1000, 4) == 0);
	check(reaches(0x1000, 1, 0) && reaches(0x1ffc, 1, 0xffc));
	check(reaches(0x2000, 2, 0) && reaches(0x27fc, 2, 0x7fc));
	check(reaches(0x3ffc, 3, 0xffc));
	check(reaches(~3ULL, 4, 0xffc));
	check(misses(0xffc, 4) && misses(0x2800, 4) && misses(0x2ffc, 4) && misses(0x4000, 4));
	/* half in, half out */
	check(misses(0x27fc, 8) && misses(0xffc, 8) && misses(0x1fff, 2));
}

static void write(void)
{
	struct mmio_access access = { .addr = 0x1008, .len = 2, .data = 0xabcd, .write = true };

	memset(&bus, 0, sizeof(bus));
	check(add(0x1000, 0x1000, 1) == 0);
	check(mmio_access(&bus, &access));
	check(last_offset == 8 && last_value == 0xabcd);
	access.addr = 0;
	check(!mmio_access(&bus, &access));
}

static void overlap(void)
{
	memset(&bus, 0, sizeof(bus));
	check(add(0x1000, 0x1000, 0) == 0);
	check(add(0x1000, 0x1000, 1) == -EEXIST);
	check(add(0x1fff, 1, 1) == -EEXIST);
	check(add(0x800, 0x801, 1) == -EEXIST);
	check(add(0, 0x10000, 1) == -EEXIST);
	check(add(0x800, 0x800, 1) == 0 && add(0x2000, 1, 1) == 0);
	check(add(0x5000, 0, 1) == -EINVAL);
	check(add(~0ULL, 2, 1) == -EINVAL);
	check(bus.count == 3);
}

static void full(void)
{
	memset(&bus, 0, sizeof(bus));
	for (int i = 0; i < MMIO_REGIONS_MAX; i++)
		check(add((uint64_t)(i * 7 % MMIO_REGIONS_MAX) << 12, 0x1000,
			  i * 7 % MMIO_REGIONS_MAX) == 0);
	check(add(1ULL << 32, 0x1000, 0) == -ENOSPC);
	for (int i = 0; i < MMIO_REGIONS_MAX; i++)
		check(reaches(((uint64_t)i << 12) + 4, i, 4));
	check(misses((uint64_t)MMIO_REGIONS_MAX << 12, 1));
}

const struct tap_test mmio_tests[] = {
	{ "reads find their device", lookup },
	{ "writes", write },
	{ "overlap is refused", overlap },
	{ "full table", full },
	{ NULL, NULL },
};
