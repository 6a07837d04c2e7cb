/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PCIe host bridge: configuration space by ECAM (PCI Express 4.0, 7.2.2), one window for BARs,
 * and an I/O window with nothing in it. Bus 0 has devices and root ports; behind each root port is
 * at most one device.
 *
 * Exit path: core/mmio.c calls the regions here on a vCPU's thread. The function is looked up with
 * the lock and then held by its count of users, without the lock, as it may wait for the main
 * thread. What is plugged and unplugged is so on the main thread.
 */
#ifndef AVMM_DEV_PCI_HOST_H
#define AVMM_DEV_PCI_HOST_H

#include <pthread.h>

#include "core/event_loop.h"
#include "core/mmio.h"
#include "dev/pci.h"

#define PCI_SLOTS	32

struct pci_host {
	struct event_loop *loop;
	uint64_t window;		/* base of the window for BARs; immutable */
	pthread_rwlock_t lock;
	struct pci_function *slots[PCI_SLOTS];	/* lock; and each one's child */
};

/* Adds its regions to the bus. */
int pci_host_init(struct pci_host *host, struct event_loop *loop, struct mmio_bus *bus,
		  struct error *err);

/* The first free slot of bus 0 from this one on. -ENOSPC */
int pci_host_add(struct pci_host *host, struct pci_function *pci, unsigned int slot);
/* Behind a root port that has no device. */
void pci_host_add_behind(struct pci_host *host, struct pci_function *port,
			 struct pci_function *pci);
/* On return nobody is in it any more. Does nothing if it was not added. */
void pci_host_remove(struct pci_host *host, struct pci_function *pci);

#endif /* AVMM_DEV_PCI_HOST_H */
