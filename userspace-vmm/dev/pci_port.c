// SPDX-License-Identifier: GPL-2.0
/*
 * Sections are of PCI Express 4.0. Lock: pci.lock for the registers. A write that switches the
 * slot's power is finished on the main thread, before the guest goes on.
 */
#include "dev/pci_port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A root port that is known to be virtual: Red Hat's, which QEMU has */
#define VENDOR		0x1b36
#define DEVICE		0x000c

/* 7.5.3: of version 2, for a port with a slot */
#define EXP_SIZE	0x3c

#define LINK		(PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1)
#define EVENTS		(PCI_EXP_SLTSTA_ABP | PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_DLLSC)

static uint16_t get16(const struct pci_port *port, unsigned int offset)
{
	uint16_t value;

	memcpy(&value, &port->pci.config[offset], sizeof(value));
	return value;
}

static void set16(struct pci_port *port, unsigned int offset, uint16_t clear, uint16_t set)
{
	uint16_t value = (get16(port, offset) & ~clear) | set;

	memcpy(&port->pci.config[offset], &value, sizeof(value));
}

/* ---- interrupt ---- */

/* With the lock. 6.7.3.4: the enable bits stand where the status bits do, but for this one. */
static bool wants(const struct pci_port *port, uint16_t events)
{
	uint16_t control = get16(port, port->exp + PCI_EXP_SLTCTL);
	uint16_t enabled = control & (PCI_EXP_SLTCTL_ABPE | PCI_EXP_SLTCTL_PDCE);

	if (control & PCI_EXP_SLTCTL_DLLSCE)
		enabled |= PCI_EXP_SLTSTA_DLLSC;
	return control & PCI_EXP_SLTCTL_HPIE && events & enabled;
}

static void send(struct pci_port *port)
{
	const uint8_t *cap = &port->pci.config[port->msi];
	struct msi msi = { .devid = pci_requester_id(&port->pci) };
	uint16_t data;

	if (!(cap[PCI_MSI_FLAGS] & PCI_MSI_FLAGS_ENABLE))
		return;
	memcpy(&msi.addr, cap + PCI_MSI_ADDRESS_LO, sizeof(msi.addr));
	memcpy(&data, cap + PCI_MSI_DATA_64, sizeof(data));
	msi.data = data;
	irq_send_msi(port->pci.irqs, &msi);
}

/* With the lock. */
static void event(struct pci_port *port, uint16_t events)
{
	set16(port, port->exp + PCI_EXP_SLTSTA, 0, events);
	if (wants(port, events))
		send(port);
}

/* ---- power and presence ---- */

/* What the guest has switched on */
static bool power_control(const struct pci_port *port)
{
	return !(get16(port, port->exp + PCI_EXP_SLTCTL) & PCI_EXP_SLTCTL_PCC);
}

/* With the lock. The link is up while there is a device with power. */
static bool up(const struct pci_port *port)
{
	return port->pci.child && power_control(port) &&
	       !(get16(port, port->exp + PCI_EXP_LNKCTL) & PCI_EXP_LNKCTL_LD);
}

/* With the lock. Returns events. */
static uint16_t update_link(struct pci_port *port)
{
	bool was = get16(port, port->exp + PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA, is = up(port);

	port->powered = power_control(port);
	if (port->pci.child)
		port->pci.child->off = !is;
	set16(port, port->exp + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_DLLLA,
	      is ? PCI_EXP_LNKSTA_DLLLA : 0);
	return is != was ? PCI_EXP_SLTSTA_DLLSC : 0;
}

void pci_port_plugged(struct pci_port *port, bool hot)
{
	uint16_t events = PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_ABP;

	pthread_mutex_lock(&port->pci.lock);
	set16(port, port->exp + PCI_EXP_SLTSTA, 0, PCI_EXP_SLTSTA_PDS);
	/* what is there before the port has power gets it with the port */
	if (!hot)
		set16(port, port->exp + PCI_EXP_SLTCTL, PCI_EXP_SLTCTL_PCC, 0);
	events |= update_link(port);
	/* with a button Linux does not listen to presence alone, but sees it when it looks */
	if (hot)
		event(port, events);
	pthread_mutex_unlock(&port->pci.lock);
}

void pci_port_unplugged(struct pci_port *port)
{
	pthread_mutex_lock(&port->pci.lock);
	port->requested = false;
	set16(port, port->exp + PCI_EXP_SLTSTA, PCI_EXP_SLTSTA_PDS, 0);
	event(port, PCI_EXP_SLTSTA_PDC | update_link(port));
	pthread_mutex_unlock(&port->pci.lock);
}

int pci_port_request(struct pci_port *port)
{
	if (port->requested)
		return -EBUSY;
	port->requested = true;
	pthread_mutex_lock(&port->pci.lock);
	event(port, PCI_EXP_SLTSTA_ABP);
	pthread_mutex_unlock(&port->pci.lock);
	return 0;
}

/* ---- registers ---- */

/* The main thread: the guest has switched power or link. */
static void switched(void *opaque)
{
	struct pci_port *port = opaque;
	struct pci_function *child;
	bool off;

	pthread_mutex_lock(&port->pci.lock);
	event(port, update_link(port));
	child = port->pci.child;
	off = child && child->off;
	pthread_mutex_unlock(&port->pci.lock);
	/* 6.6.1: what loses power or link is reset */
	if (off && child->device->ops->reset)
		child->device->ops->reset(child->device);
	if (off && !port->powered && port->requested)
		port->eject(port->opaque, port);
}

static void config_written(struct pci_function *pci, unsigned int offset, unsigned int len)
{
	struct pci_port *port = pci->owner;
	bool change;

	if (offset >= port->exp + PCI_EXP_SLTSTA || offset + len <= port->exp + PCI_EXP_LNKCTL)
		return;
	pthread_mutex_lock(&pci->lock);
	change = port->powered != power_control(port) || (pci->child && pci->child->off == up(port));
	/* what happened before it wanted to know of it */
	if (wants(port, get16(port, port->exp + PCI_EXP_SLTSTA) & EVENTS))
		send(port);
	pthread_mutex_unlock(&pci->lock);
	if (change)
		event_loop_call(port->host->loop, switched, port);
}

static const struct pci_ops pci_ops = { .config_written = config_written };

/* ---- as a device among others ---- */

static struct pci_port *to_port(struct device *dev)
{
	return container_of(dev, struct pci_port, dev);
}

static void device_reset(struct device *dev)
{
	struct pci_port *port = to_port(dev);

	/* whoever starts again does not want what it was to let go */
	if (port->requested && port->pci.child)
		port->eject(port->opaque, port);
	port->requested = false;
	pci_reset(&port->pci);
	if (port->pci.child)
		pci_port_plugged(port, false);
}

static json_t *device_save(struct device *dev)
{
	struct pci_port *port = to_port(dev);

	return json_pack("{s:o, s:b}", "pci", pci_save(&port->pci), "requested", port->requested);
}

static int device_load(struct device *dev, json_t *state, struct error *err)
{
	struct pci_port *port = to_port(dev);
	int requested, ret;
	json_t *pci;

	ret = device_unpack(dev, err, state, "{s:o, s:b}", "pci", &pci, "requested", &requested);
	if (ret == 0)
		ret = pci_load(&port->pci, dev->id, pci, err);
	if (ret < 0)
		return ret;
	port->requested = requested;
	pthread_mutex_lock(&port->pci.lock);
	update_link(port);
	pthread_mutex_unlock(&port->pci.lock);
	return 0;
}

const struct device_ops pci_port_device_ops = {
	.type = "pcie-root-port", .reset = device_reset, .save = device_save, .load = device_load,
};

/* ---- creation ---- */

static void build(struct pci_port *port, unsigned int number)
{
	struct pci_function *pci = &port->pci;

	pci_set(pci, PCI_VENDOR_ID, 2, VENDOR);
	pci_set(pci, PCI_DEVICE_ID, 2, DEVICE);
	pci_set(pci, PCI_CLASS_DEVICE, 2, 0x0604);
	pci_set_writable(pci, PCI_PRIMARY_BUS, 4, 0x00ffffff);
	/* 7.5.1.3.8: 1 MiB units. There are no windows for I/O and for prefetchable memory. */
	pci_set_writable(pci, PCI_MEMORY_BASE, 4, 0xfff0fff0);
	pci_set_writable(pci, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CTL_PARITY | PCI_BRIDGE_CTL_SERR |
			 PCI_BRIDGE_CTL_BUS_RESET);

	port->exp = pci_add_capability(pci, PCI_CAP_ID_EXP, EXP_SIZE);
	pci_set(pci, port->exp + PCI_EXP_FLAGS, 2,
		2 | PCI_EXP_TYPE_ROOT_PORT << 4 | PCI_EXP_FLAGS_SLOT);
	pci_set(pci, port->exp + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER);
	pci_set_writable(pci, port->exp + PCI_EXP_DEVCTL, 2, 0x7fff);
	pci_set(pci, port->exp + PCI_EXP_LNKCAP, 4, LINK | PCI_EXP_LNKCAP_DLLLARC | number << 24);
	pci_set_writable(pci, port->exp + PCI_EXP_LNKCTL, 2, PCI_EXP_LNKCTL_LD |
			 PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES | PCI_EXP_LNKCTL_ASPMC);
	pci_set(pci, port->exp + PCI_EXP_LNKSTA, 2, LINK);
	pci_set(pci, port->exp + PCI_EXP_SLTCAP, 4, PCI_EXP_SLTCAP_ABP | PCI_EXP_SLTCAP_PCP |
		PCI_EXP_SLTCAP_AIP | PCI_EXP_SLTCAP_PIP | PCI_EXP_SLTCAP_HPC |
		PCI_EXP_SLTCAP_NCCS | number << 19);
	/* both indicators are off, and so is the power */
	pci_set(pci, port->exp + PCI_EXP_SLTCTL, 2, PCI_EXP_SLTCTL_ATTN_IND_OFF |
		PCI_EXP_SLTCTL_PWR_IND_OFF | PCI_EXP_SLTCTL_PCC);
	pci_set_writable(pci, port->exp + PCI_EXP_SLTCTL, 2, 0x17ff);
	memcpy(&pci->clears[port->exp + PCI_EXP_SLTSTA], &(uint16_t){ EVENTS }, 2);
	pci_set_writable(pci, port->exp + PCI_EXP_RTCTL, 2, 0x1f);
	/* 7.5.3.18: the speeds it has */
	pci_set(pci, port->exp + PCI_EXP_LNKCAP2, 4, PCI_EXP_LNKCAP2_SLS_2_5GB);

	port->msi = pci_add_capability(pci, PCI_CAP_ID_MSI, PCI_MSI_MASK_64);
	pci_set(pci, port->msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_64BIT);
	pci_set_writable(pci, port->msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	pci_set_writable(pci, port->msi + PCI_MSI_ADDRESS_LO, 4, ~3U);
	pci_set_writable(pci, port->msi + PCI_MSI_ADDRESS_HI, 4, ~0U);
	pci_set_writable(pci, port->msi + PCI_MSI_DATA_64, 2, 0xffff);
	pci_built(pci);
}

int pci_port_init(struct pci_port *port, struct pci_host *host, struct irqs *irqs,
		  unsigned int number, void (*eject)(void *opaque, struct pci_port *port),
		  void *opaque, struct error *err)
{
	int ret;

	*port = (struct pci_port) { .host = host, .eject = eject, .opaque = opaque };
	pci_init(&port->pci, &pci_ops, port, irqs, PCI_HEADER_TYPE_BRIDGE, 0);
	build(port, number);
	ret = pci_host_add(host, &port->pci, PCI_SLOTS - number);
	if (ret < 0)
		return error_set(err, ret, "there is no place for root port %u", number);
	return 0;
}

void pci_port_close(struct pci_port *port)
{
	pci_host_remove(port->host, &port->pci);
	pci_free(&port->pci);
}
