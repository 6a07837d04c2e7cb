/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PCIe root port with a slot for one device that may come and go (PCI Express 4.0, 6.7 and 7.5.3):
 * attention button, power controller, presence detect. What happens is told by MSI.
 *
 * The host asks for the device by pressing the button; the guest lets it go by switching the slot's
 * power off. Then, and not before, it is gone. All on the main thread but for the registers.
 */
#ifndef AVMM_DEV_PCI_PORT_H
#define AVMM_DEV_PCI_PORT_H

#include "dev/device.h"
#include "dev/pci_host.h"

struct pci_port {
	struct device dev;
	struct pci_function pci;
	struct pci_host *host;
	/* The guest has let the device go; it takes it out. */
	void (*eject)(void *opaque, struct pci_port *port);
	void *opaque;
	unsigned int exp;		/* PCI Express capability */
	unsigned int msi;		/* MSI capability */
	bool requested;			/* the button was pressed for an unplug */
	bool powered;
};

/* number: from 1 on, what the guest calls the slot; port N is device PCI_SLOTS - N of bus 0. */
int pci_port_init(struct pci_port *port, struct pci_host *host, struct irqs *irqs,
		  unsigned int number, void (*eject)(void *opaque, struct pci_port *port),
		  void *opaque, struct error *err);
void pci_port_close(struct pci_port *port);

/* Its child has just come: before the guest began to run, or meanwhile. */
void pci_port_plugged(struct pci_port *port, bool hot);
/* Its child has just gone. */
void pci_port_unplugged(struct pci_port *port);
/* -EBUSY: it is asked for already. */
int pci_port_request(struct pci_port *port);

extern const struct device_ops pci_port_device_ops;

#endif /* AVMM_DEV_PCI_PORT_H */
