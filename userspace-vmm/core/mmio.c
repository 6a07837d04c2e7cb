// SPDX-License-Identifier: GPL-2.0
#include "core/mmio.h"

#include <errno.h>
#include <string.h>

/* Index of the first region that ends above addr: the one that holds it, or the next one up. */
static unsigned int find(const struct mmio_bus *bus, uint64_t addr)
{
	unsigned int lo = 0, hi = bus->count;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct mmio_region *r = &bus->regions[mid];

		if (addr - r->base < r->size || addr < r->base)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

int mmio_add(struct mmio_bus *bus, const struct mmio_region *region)
{
	unsigned int i;

	if (!region->size || region->base + (region->size - 1) < region->base)
		return -EINVAL;
	if (bus->count == MMIO_REGIONS_MAX)
		return -ENOSPC;
	i = find(bus, region->base);
	if (i < bus->count && bus->regions[i].base <= region->base + (region->size - 1))
		return -EEXIST;
	memmove(&bus->regions[i + 1], &bus->regions[i],
		(bus->count - i) * sizeof(bus->regions[0]));
	bus->regions[i] = *region;
	bus->count++;
	return 0;
}

bool mmio_access(const struct mmio_bus *bus, struct mmio_access *access)
{
	unsigned int i = find(bus, access->addr);
	const struct mmio_region *r = &bus->regions[i];

	/* an access that only begins in the region is no access to the device */
	if (i == bus->count || access->addr < r->base ||
	    r->size - (access->addr - r->base) < access->len) {
		if (!access->write)
			access->data = 0;
		return false;
	}
	if (access->write)
		r->ops->write(r->dev, access->addr - r->base, access->len, access->data);
	else
		access->data = r->ops->read(r->dev, access->addr - r->base, access->len);
	return true;
}
