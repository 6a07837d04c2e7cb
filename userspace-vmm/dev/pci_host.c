// SPDX-License-Identifier: GPL-2.0
#include "dev/pci_host.h"

#include <errno.h>
#include <string.h>

#include "machine/memmap.h"

/* ---- who is where ---- */

static struct pci_function *hold(struct pci_function *pci)
{
	if (pci)
		atomic_fetch_add(&pci->users, 1);
	return pci;
}

static void release(struct pci_host *host, struct pci_function *pci)
{
	if (atomic_fetch_sub(&pci->users, 1) == 1)
		event_loop_changed(host->loop);
}

/* Held. Behind a root port there is device 0 and no other. */
static struct pci_function *at_address(struct pci_host *host, unsigned int bus, unsigned int devfn)
{
	struct pci_function *found = NULL;

	if (devfn & 7)
		return NULL;
	pthread_rwlock_rdlock(&host->lock);
	if (bus == 0)
		found = host->slots[devfn >> 3];
	for (unsigned int i = 0; bus && devfn == 0 && i < PCI_SLOTS; i++) {
		struct pci_function *port = host->slots[i];

		if (port && port->child && port->config[PCI_SECONDARY_BUS] == bus)
			found = port->child;
	}
	if (found && found->off)
		found = NULL;
	hold(found);
	pthread_rwlock_unlock(&host->lock);
	return found;
}

static bool in_bar(const struct pci_function *pci, uint64_t addr)
{
	return pci && !pci->off && pci->bar && addr - pci->bar < pci->bar_size;
}

/* Held; with the base of its BAR, which may move any time. */
static struct pci_function *at_window(struct pci_host *host, uint64_t addr, uint64_t *base)
{
	struct pci_function *found = NULL;

	pthread_rwlock_rdlock(&host->lock);
	for (unsigned int i = 0; !found && i < PCI_SLOTS; i++) {
		struct pci_function *pci = host->slots[i];

		if (pci && pci->child && in_bar(pci->child, addr))
			found = pci->child;
		else if (in_bar(pci, addr))
			found = pci;
	}
	if (found) {
		*base = found->bar;
		hold(found);
	}
	pthread_rwlock_unlock(&host->lock);
	return found;
}

/* ---- regions ---- */

/* 7.2.2: bits of the offset are bus, device and function, register */
static uint64_t ecam_read(void *dev, uint64_t offset, unsigned int len)
{
	struct pci_host *host = dev;
	struct pci_function *pci = at_address(host, offset >> 20, offset >> 12 & 0xff);
	uint64_t value;

	/* nobody there, or no access that the bus knows */
	if (!pci || len > 4 || offset % len)
		value = ~0ULL;
	else
		value = pci_config_read(pci, offset & 0xfff, len);
	if (pci)
		release(host, pci);
	return value;
}

static void ecam_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pci_host *host = dev;
	struct pci_function *pci = at_address(host, offset >> 20, offset >> 12 & 0xff);

	if (!pci)
		return;
	if (len <= 4 && offset % len == 0)
		pci_config_write(pci, offset & 0xfff, len, value);
	release(host, pci);
}

static uint64_t window_read(void *dev, uint64_t offset, unsigned int len)
{
	struct pci_host *host = dev;
	uint64_t addr = host->window + offset, base, value = ~0ULL;
	struct pci_function *pci = at_window(host, addr, &base);

	if (!pci)
		return value;
	if (addr - base <= pci->bar_size - len)
		value = pci_bar_read(pci, addr - base, len);
	release(host, pci);
	return value;
}

static void window_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pci_host *host = dev;
	uint64_t addr = host->window + offset, base;
	struct pci_function *pci = at_window(host, addr, &base);

	if (!pci)
		return;
	if (addr - base <= pci->bar_size - len)
		pci_bar_write(pci, addr - base, len, value);
	release(host, pci);
}

static uint64_t io_read(void *dev, uint64_t offset, unsigned int len)
{
	(void)dev;
	(void)offset;
	(void)len;
	return ~0ULL;
}

static void io_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)dev;
	(void)offset;
	(void)len;
	(void)value;
}

static const struct mmio_ops ecam_ops = { .read = ecam_read, .write = ecam_write };
static const struct mmio_ops window_ops = { .read = window_read, .write = window_write };
static const struct mmio_ops io_ops = { .read = io_read, .write = io_write };

int pci_host_init(struct pci_host *host, struct event_loop *loop, struct mmio_bus *bus,
		  struct error *err)
{
	static const struct {
		enum memmap_id id;
		const struct mmio_ops *ops;
	} regions[] = {
		{ MEMMAP_PCI_ECAM, &ecam_ops },
		{ MEMMAP_PCI_WINDOW, &window_ops },
		{ MEMMAP_PCI_IO, &io_ops },
	};

	*host = (struct pci_host) { .loop = loop, .window = memmap[MEMMAP_PCI_WINDOW].base };
	pthread_rwlock_init(&host->lock, NULL);
	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		const struct memmap_entry *m = &memmap[regions[i].id];
		const struct mmio_region region = {
			m->base, m->size, m->name, regions[i].ops, host,
		};
		int ret = mmio_add(bus, &region);

		if (ret < 0)
			return error_set(err, ret, "%s has no place on the bus: %s", m->name,
					 strerror(-ret));
	}
	return 0;
}

/* ---- plugging ---- */

int pci_host_add(struct pci_host *host, struct pci_function *pci, unsigned int slot)
{
	int ret = -ENOSPC;

	pthread_rwlock_wrlock(&host->lock);
	for (unsigned int i = slot; ret < 0 && i < PCI_SLOTS; i++) {
		if (host->slots[i])
			continue;
		pci->slot = i;
		host->slots[i] = pci;
		ret = 0;
	}
	pthread_rwlock_unlock(&host->lock);
	return ret;
}

/* The port looks at its child with its own lock. */
static void set_child(struct pci_host *host, struct pci_function *port, struct pci_function *child)
{
	pthread_rwlock_wrlock(&host->lock);
	pthread_mutex_lock(&port->lock);
	port->child = child;
	pthread_mutex_unlock(&port->lock);
	pthread_rwlock_unlock(&host->lock);
}

void pci_host_add_behind(struct pci_host *host, struct pci_function *port,
			 struct pci_function *pci)
{
	pci->parent = port;
	pci->slot = port->slot;
	pci->off = true;		/* until the port says otherwise */
	set_child(host, port, pci);
}

static bool is_unused(void *opaque)
{
	struct pci_function *pci = opaque;

	return atomic_load(&pci->users) == 0;
}

void pci_host_remove(struct pci_host *host, struct pci_function *pci)
{
	if (pci->parent) {
		set_child(host, pci->parent, NULL);
	} else if (pci->slot) {
		pthread_rwlock_wrlock(&host->lock);
		host->slots[pci->slot] = NULL;
		pthread_rwlock_unlock(&host->lock);
	}
	/* whoever is in it may be waiting for us */
	event_loop_wait(host->loop, is_unused, pci);
}
