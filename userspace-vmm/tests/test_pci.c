// SPDX-License-Identifier: GPL-2.0
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dev/pci.h"
#include "dev/pci_host.h"
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
	check(pci_host_add(&host, &pci) == 0 && pci.slot == 1);
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
		if (pci_host_add(&host, &many[n]) < 0)
			break;
	}
	check(n == PCI_SLOTS - 2);
	while (n--)
		pci_host_remove(&host, &many[n]);
	check(read_at(config(2, 0), 4) == ~0ULL);
	done();
}

const struct tap_test pci_tests[] = {
	{ "configuration space", configuration },
	{ "BAR", bar },
	{ "MSI-X", msix },
	{ "state", state },
	{ "a full bus", full },
	{ NULL, NULL },
};
