// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dev/pci.h"
#include "dev/pci_host.h"
#include "dev/pci_port.h"
#include "machine/memmap.h"
#include "tests/fake_irq.h"
#include "tests/tap.h"

#define BAR_SIZE	0x8000
#define TABLE		0x4000
#define PBA		0x5000

static struct pci_function pci;
static struct pci_host host;
static struct event_loop loop;
static struct mmio_bus bus;
static struct error err;
static uint64_t last_offset, last_value, remapped;

static uint64_t bar_read(struct pci_function *p, uint64_t offset, unsigned int len)
{
	(void)p;
	last_offset = offset;
	return len;
}

static void bar_write(struct pci_function *p, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)p;
	(void)len;
	last_offset = offset;
	last_value = value;
}

static void remap(struct pci_function *p)
{
	remapped = p->bar;
}

static const struct pci_ops ops = { .bar_read = bar_read, .bar_write = bar_write, .remap = remap };

static void setup(void)
{
	fake_irq_reset();
	memset(&bus, 0, sizeof(bus));
	check(event_loop_init(&loop) == 0);
	check(pci_host_init(&host, &loop, &bus, &err) == 0);
	pci_init(&pci, &ops, NULL, NULL, PCI_HEADER_TYPE_NORMAL, BAR_SIZE);
	pci_set(&pci, PCI_VENDOR_ID, 4, 0x10441af4);
	check(pci_add_msix(&pci, 3, TABLE) == 0);
	pci_built(&pci);
	check(pci_host_add(&host, &pci, 1) == 0 && pci.slot == 1);
}

static void done(void)
{
	pci_host_remove(&host, &pci);
	pci_free(&pci);
	event_loop_close(&loop);
}

static uint64_t read_at(uint64_t addr, unsigned int len)
{
	struct mmio_access a = { .addr = addr, .len = len };

	check(mmio_access(&bus, &a));
	return a.data;
}

static void write_at(uint64_t addr, unsigned int len, uint64_t value)
{
	struct mmio_access a = { .addr = addr, .len = len, .data = value, .write = true };

	check(mmio_access(&bus, &a));
}

static uint64_t config(unsigned int slot, unsigned int reg)
{
	return memmap[MEMMAP_PCI_ECAM].base + slot * 0x8000 + reg;
}

static void configuration(void)
{
	setup();
	check(read_at(config(1, PCI_VENDOR_ID), 4) == 0x10441af4);
	check(read_at(config(1, PCI_DEVICE_ID), 2) == 0x1044);
	check(read_at(config(1, PCI_DEVICE_ID + 1), 1) == 0x10);
	/* nobody, and no function but 0, and no bus but 0 */
	check(read_at(config(2, 0), 4) == ~0ULL);
	check(read_at(config(1, 0x1000), 4) == ~0ULL);
	check(read_at(config(0, 1 << 20), 4) == ~0ULL);
	/* accesses that the bus does not know */
	check(read_at(config(1, 0), 8) == ~0ULL);
	check(read_at(config(1, 1), 2) == ~0ULL);
	/* extended space: no capability there */
	check(read_at(config(1, 0x100), 4) == 0);
	check(read_at(config(1, 0xffc), 4) == 0);
	write_at(config(1, 0xffc), 4, ~0U);
	/* what is not to be written stays */
	write_at(config(1, PCI_VENDOR_ID), 4, 0);
	write_at(config(1, PCI_STATUS), 2, 0xffff);
	check(read_at(config(1, PCI_VENDOR_ID), 4) == 0x10441af4);
	check(read_at(config(1, PCI_STATUS), 2) == PCI_STATUS_CAP_LIST);
	check(read_at(config(1, PCI_CAPABILITY_LIST), 1) == 0x40);
	check(read_at(config(1, 0x40), 1) == PCI_CAP_ID_MSIX);
	done();
}

static void bar(void)
{
	uint64_t window = memmap[MEMMAP_PCI_WINDOW].base;

	setup();
	write_at(config(1, PCI_BASE_ADDRESS_0), 4, ~0U);
	check(read_at(config(1, PCI_BASE_ADDRESS_0), 4) == (uint32_t)~(BAR_SIZE - 1));
	write_at(config(1, PCI_BASE_ADDRESS_0), 4, window + 0x10000);
	/* not before the command register says so */
	check(read_at(window + 0x10000, 4) == ~0ULL && remapped == 0);
	write_at(config(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	check(remapped == window + 0x10000);
	check(read_at(window + 0x10000, 4) == 4 && last_offset == 0);
	check(read_at(window + 0x17fff, 1) == 1 && last_offset == 0x7fff);
	check(read_at(window + 0x18000, 4) == ~0ULL);
	/* over the end */
	last_value = 0;
	write_at(window + 0x17ffc, 8, 1);
	check(last_value == 0);
	write_at(window + 0x10008, 4, 77);
	check(last_offset == 8 && last_value == 77);
	/* outside the window it is nowhere */
	write_at(config(1, PCI_BASE_ADDRESS_0), 4, 0x40000000);
	check(read_at(window + 0x10000, 4) == ~0ULL);
	pci_reset(&pci);
	check(remapped == 0 && read_at(config(1, PCI_BASE_ADDRESS_0), 4) == 0);
	done();
}

static void vector(unsigned int i, uint64_t addr, uint32_t data, uint32_t control)
{
	pci_bar_write(&pci, TABLE + 16 * i, 4, addr);
	pci_bar_write(&pci, TABLE + 16 * i + 4, 4, addr >> 32);
	pci_bar_write(&pci, TABLE + 16 * i + 8, 8, data | (uint64_t)control << 32);
}

static uint16_t flags(void)
{
	return pci_config_read(&pci, pci.msix + PCI_MSIX_FLAGS, 2);
}

static void msix(void)
{
	uint64_t count;

	setup();
	check(flags() == 2);
	vector(0, 0x8090040, 100, 1);
	vector(1, 0x108090040, 101, 0);
	check(pci_bar_read(&pci, TABLE + 16, 8) == 0x108090040);
	check(pci_bar_read(&pci, TABLE + 8, 4) == 100 && pci_bar_read(&pci, TABLE + 12, 4) == 1);
	/* off: what is sent is lost */
	check(fake_fd[0] < 0);
	pci_send(&pci, 1);
	pci_config_write(&pci, pci.msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	check(fake_fd[0] == pci_vector_fd(&pci, 1) && fake_msi[0].addr == 0x108090040);
	check(fake_msi[0].data == 101 && fake_msi[0].devid == 1 << 3);
	check(pci_bar_read(&pci, PBA, 8) == 0 && read(fake_fd[0], &count, 8) < 0);
	/* masked: it is pending, and arrives when it is not */
	pci_send(&pci, 0);
	check(pci_bar_read(&pci, PBA, 4) & 1);
	pci_bar_write(&pci, TABLE + 12, 4, 0);
	check(fake_fd[1] == pci_vector_fd(&pci, 0) && !(pci_bar_read(&pci, PBA, 4) & 1));
	/* all masked by the function */
	pci_config_write(&pci, pci.msix + PCI_MSIX_FLAGS, 2,
			 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	check(fake_fd[0] < 0 && fake_fd[1] < 0);
	/* entries that are not there */
	vector(3, ~0ULL, ~0U, 0);
	vector(255, ~0ULL, ~0U, 0);
	check(pci_bar_read(&pci, TABLE + 16 * 3, 8) == 0);
	check(pci_bar_read(&pci, PBA + 0xff8, 8) == 0);
	pci_reset(&pci);
	check(flags() == 2 && pci_bar_read(&pci, TABLE + 8, 4) == 0 &&
	      pci_bar_read(&pci, TABLE + 12, 4) == 1 && pci_bar_read(&pci, PBA, 4) == 0);
	done();
}

static void state(void)
{
	json_t *saved, *bad;

	setup();
	write_at(config(1, PCI_BASE_ADDRESS_0), 4, 0x12340000);
	write_at(config(1, PCI_COMMAND), 2, PCI_COMMAND_MEMORY);
	pci_config_write(&pci, pci.msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	vector(0, 0x8090040, 7, 1);
	vector(2, 0x8090040, 8, 0);
	pci_send(&pci, 0);
	saved = pci_save(&pci);
	pci_reset(&pci);
	check(fake_fd[0] < 0);
	check(pci_load(&pci, "x", saved, &err) == 0);
	check(pci.bar == 0x12340000 && fake_fd[0] == pci_vector_fd(&pci, 2));
	check(fake_msi[0].data == 8 && (pci_bar_read(&pci, PBA, 4) & 1));
	/* identity is not loaded */
	bad = json_deep_copy(saved);
	json_object_set_new(bad, "config", json_string(""));
	check(pci_load(&pci, "x", bad, &err) < 0 && strstr(err.text, "config"));
	json_object_set_new(bad, "slot", json_integer(9));
	check(pci_load(&pci, "x", bad, &err) < 0 && strstr(err.text, "slot 9"));
	json_object_set_new(bad, "more", json_integer(9));
	check(pci_load(&pci, "x", bad, &err) < 0);
	json_decref(bad);
	bad = json_deep_copy(saved);
	json_array_clear(json_object_get(bad, "vectors"));
	check(pci_load(&pci, "x", bad, &err) < 0);
	json_decref(bad);
	json_decref(saved);
	done();
}

static void full(void)
{
	static struct pci_function many[PCI_SLOTS];
	unsigned int n;

	setup();
	for (n = 0; n < PCI_SLOTS; n++) {
		pci_init(&many[n], &ops, NULL, NULL, PCI_HEADER_TYPE_NORMAL, 0);
		if (pci_host_add(&host, &many[n], 1) < 0)
			break;
	}
	check(n == PCI_SLOTS - 2);
	while (n--)
		pci_host_remove(&host, &many[n]);
	check(read_at(config(2, 0), 4) == ~0ULL);
	done();
}

/* ---- a slot: we are the guest's driver ---- */

static struct pci_port port;
static struct pci_function card;
static struct device card_device;
static unsigned int resets, ejects;

static void card_reset(struct device *dev)
{
	(void)dev;
	resets++;
}

static const struct device_ops card_ops = { .type = "card", .reset = card_reset };

static void eject(void *opaque, struct pci_port *p)
{
	(void)opaque;
	ejects++;
	pci_host_remove(&host, p->pci.child);
	pci_port_unplugged(p);
}

static unsigned int slot_reg(unsigned int reg)
{
	return pci_config_read(&port.pci, port.exp + reg, 2);
}

static void slot_write(unsigned int reg, unsigned int value)
{
	pci_config_write(&port.pci, port.exp + reg, 2, value);
}

static void setup_port(void)
{
	resets = 0;
	ejects = 0;
	fake_sends = 0;
	setup();
	check(pci_port_init(&port, &host, NULL, 1, eject, NULL, &err) == 0);
	check(port.pci.slot == PCI_SLOTS - 1);
	pci_config_write(&port.pci, PCI_PRIMARY_BUS, 4, 0x00020200);
	pci_config_write(&port.pci, port.msi + PCI_MSI_ADDRESS_LO, 4, 0x8090040);
	pci_config_write(&port.pci, port.msi + PCI_MSI_DATA_64, 2, 55);
	pci_config_write(&port.pci, port.msi + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE);
	card_device.ops = &card_ops;
	pci_init(&card, &ops, NULL, NULL, PCI_HEADER_TYPE_NORMAL, BAR_SIZE);
	pci_set(&card, PCI_VENDOR_ID, 4, 0x10411af4);
	pci_built(&card);
	card.device = &card_device;
}

static void done_port(void)
{
	pci_port_close(&port);
	done();
}

static void plug_and_unplug(void)
{
	const unsigned int off = PCI_EXP_SLTCTL_PCC;
	const unsigned int control = PCI_EXP_SLTCTL_HPIE | PCI_EXP_SLTCTL_ABPE |
				     PCI_EXP_SLTCTL_DLLSCE;

	setup_port();
	check(slot_reg(PCI_EXP_SLTCTL) & off);
	slot_write(PCI_EXP_SLTCTL, control | off);
	check(fake_sends == 0);
	pci_host_add_behind(&host, &port.pci, &card);
	pci_port_plugged(&port, true);
	check(fake_sends == 1 && fake_sent.data == 55 && fake_sent.devid == 31 << 3);
	check((slot_reg(PCI_EXP_SLTSTA) & 0x1ff) ==
	      (PCI_EXP_SLTSTA_PDS | PCI_EXP_SLTSTA_PDC | PCI_EXP_SLTSTA_ABP));
	/* without power it does not answer */
	check(read_at(config(0, 2 << 20), 4) == ~0ULL);
	check(!(slot_reg(PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA));
	slot_write(PCI_EXP_SLTSTA, 0xffff);
	check((slot_reg(PCI_EXP_SLTSTA) & 0x1ff) == PCI_EXP_SLTSTA_PDS);
	slot_write(PCI_EXP_SLTCTL, control);
	check(slot_reg(PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA);
	check(slot_reg(PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_DLLSC && fake_sends == 2);
	check(read_at(config(0, 2 << 20), 4) == 0x10411af4 && pci_requester_id(&card) == 0x200);
	slot_write(PCI_EXP_SLTSTA, 0xffff);
	/* off and on by the guest alone: reset, and still there */
	slot_write(PCI_EXP_SLTCTL, control | off);
	check(resets == 1 && ejects == 0 && read_at(config(0, 2 << 20), 4) == ~0ULL);
	slot_write(PCI_EXP_SLTCTL, control);
	check(read_at(config(0, 2 << 20), 4) == 0x10411af4);
	slot_write(PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_LD);
	check(read_at(config(0, 2 << 20), 4) == ~0ULL && ejects == 0);
	slot_write(PCI_EXP_LNKCTL, 0);
	check(read_at(config(0, 2 << 20), 4) == 0x10411af4);
	slot_write(PCI_EXP_SLTSTA, 0xffff);
	fake_sends = 0;
	check(pci_port_request(&port) == 0 && fake_sends == 1);
	check(pci_port_request(&port) < 0);
	check(slot_reg(PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_ABP);
	slot_write(PCI_EXP_SLTCTL, control | off);
	check(ejects == 1 && !port.pci.child);
	check(!(slot_reg(PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_PDS));
	done_port();
}

static void port_state(void)
{
	json_t *saved;

	setup_port();
	pci_host_add_behind(&host, &port.pci, &card);
	pci_port_plugged(&port, true);
	slot_write(PCI_EXP_SLTCTL, 0);
	saved = pci_port_device_ops.save(&port.dev);
	pci_port_device_ops.reset(&port.dev);
	/* what is there at power-on has power */
	check(slot_reg(PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA && slot_reg(PCI_EXP_SLTCTL) != 0);
	check(!(slot_reg(PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_ABP));
	check(pci_port_device_ops.load(&port.dev, saved, &err) == 0);
	check(slot_reg(PCI_EXP_SLTCTL) == 0 && slot_reg(PCI_EXP_SLTSTA) & PCI_EXP_SLTSTA_ABP);
	check(read_at(config(0, 2 << 20), 4) == 0x10411af4);
	json_decref(saved);
	/* a reset while it is asked for: gone */
	check(pci_port_request(&port) == 0);
	pci_port_device_ops.reset(&port.dev);
	check(ejects == 1 && !(slot_reg(PCI_EXP_LNKSTA) & PCI_EXP_LNKSTA_DLLLA));
	done_port();
}

const struct tap_test pci_tests[] = {
	{ "configuration space", configuration },
	{ "BAR", bar },
	{ "MSI-X", msix },
	{ "state", state },
	{ "a full bus", full },
	{ "plug and unplug", plug_and_unplug },
	{ "state of a slot", port_state },
	{ NULL, NULL },
};
