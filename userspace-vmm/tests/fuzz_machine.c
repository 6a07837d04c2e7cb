// SPDX-License-Identifier: GPL-2.0
/*
 * Any accesses of a guest to the registers of the machine's devices, and anything in the rings of
 * two virtio devices, one over PCI and one over MMIO. Everything that a queue hands out is touched.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/event_loop.h"
#include "dev/pl011.h"
#include "dev/pl031.h"
#include "dev/pl061.h"
#include "machine/memmap.h"
#include "machine/virt.h"
#include "tests/fake_irq.h"
#include "virtio/mmio.h"
#include "virtio/pci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM_SIZE	(64U << 10)
#define NQUEUES		2

static struct vm_config config;
static struct event_loop loop;
static struct memory memory;
static struct machine machine;
static struct virtio_device on_pci, on_mmio;
static uint8_t config_space[24];
static uint8_t flash_data[2 * FLASH_BLOCK];

/* ---- a virtio device that does what it can with what it is given ---- */

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	(void)vdev;
	memcpy(buf, config_space + offset, len);
}

static void config_write(struct virtio_device *vdev, uint32_t offset, const void *buf, uint32_t len)
{
	(void)vdev;
	memcpy(config_space + offset, buf, len);
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtqueue *vq = &vdev->queues[q];
	static struct vq_element elem;
	int ret = 0;

	for (int i = 0; i < 64 && (ret = vring_pop(vq, &elem)) > 0; i++) {
		for (unsigned int j = 0; j < elem.out_num + elem.in_num; j++) {
			volatile uint8_t *p = elem.iov[j].iov_base;
			size_t len = elem.iov[j].iov_len;

			if (!len)
				continue;
			if (j < elem.out_num)
				(void)(p[0] + p[len - 1]);
			else
				p[0] = p[len - 1] = i;
		}
		vring_push(vq, &elem, elem.in_len);
	}
	virtio_queue_interrupt(vdev, q);
	if (ret < 0)
		virtio_broken(vdev, "fuzz");
}

static void no_destroy(struct virtio_device *vdev)
{
	(void)vdev;
}

static const struct virtio_ops virtio_ops = {
	.type = "fuzz", .device_id = 4, .config_read = config_read, .config_write = config_write,
	.notify = notify, .destroy = no_destroy,
};

/* ---- the machine ---- */

static void no_irq(void *opaque, bool level)
{
	(void)opaque;
	(void)level;
}

static bool no_send(void *opaque, uint8_t byte)
{
	(void)opaque;
	return byte & 1;
}

static void no_receive(void *opaque)
{
	(void)opaque;
}

static void no_map(void *opaque, bool on)
{
	(void)opaque;
	(void)on;
}

static void no_wrote(void *opaque, uint32_t offset, uint32_t len)
{
	(void)opaque;
	(void)offset;
	(void)len;
}

static uint32_t now(void)
{
	return 1700000000;
}

static void eject(void *opaque, struct pci_port *port)
{
	(void)opaque;
	(void)port;
	abort();	/* nobody asked for it */
}

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void add(enum memmap_id id, uint64_t size, const struct mmio_ops *ops, void *dev)
{
	const struct mmio_region region = { memmap[id].base, size, "fuzz", ops, dev };

	must(mmio_add(&machine.bus, &region) == 0);
}

static void make_machine(void)
{
	static const struct flash_host flash_host = { no_map, no_wrote };
	const struct pl011_host uart = { NULL, no_irq, no_send, no_receive };
	struct error err;

	must(event_loop_init(&loop) == 0);
	memory = (struct memory) {
		.host = aligned_alloc(4096, RAM_SIZE), .base = memmap[MEMMAP_RAM].base,
		.size = RAM_SIZE, .fd = -1,
	};
	machine.loop = &loop;
	machine.memory = &memory;
	machine.config = &config;
	machine.vm = -1;
	pl011_init(&machine.uart, &uart);
	pl031_init(&machine.rtc, now);
	pl061_init(&machine.gpio, no_irq, NULL);
	flash_init(&machine.firmware.flash, flash_data, sizeof(flash_data), &flash_host, NULL);
	add(MEMMAP_UART, 0x1000, &pl011_ops, &machine.uart);
	add(MEMMAP_RTC, 0x1000, &pl031_ops, &machine.rtc);
	add(MEMMAP_GPIO, 0x1000, &pl061_ops, &machine.gpio);
	add(MEMMAP_VARS, sizeof(flash_data), &flash_ops, &machine.firmware.flash);
	must(pci_host_init(&machine.pci, &loop, &machine.bus, &err) == 0);
	must(pci_port_init(&machine.ports[0], &machine.pci, &machine.irqs, 1, eject, NULL, &err) == 0);
	must(virtio_init(&on_pci, &virtio_ops, "pci", NQUEUES, 64, sizeof(config_space), 0, &machine,
			 &err) == 0);
	must(virtio_init(&on_mmio, &virtio_ops, "mmio", NQUEUES, 64, sizeof(config_space), 0,
			 &machine, &err) == 0);
	must(virtio_pci_plug(&machine, &on_pci, NULL, &err) == 0);
	must(virtio_mmio_plug(&machine, &on_mmio, &err) == 0);
}

static void reset(void)
{
	fake_irq_reset();
	on_pci.dev_ops.reset(&on_pci.dev);
	on_mmio.dev_ops.reset(&on_mmio.dev);
	pci_port_device_ops.reset(&machine.ports[0].dev);
	pl011_device_ops.reset(&machine.uart.dev);
	pl031_device_ops.reset(&machine.rtc.dev);
	pl061_reset(&machine.gpio.dev);
	flash_device_ops.reset(&machine.firmware.flash.dev);
	memset(memory.host, 0, RAM_SIZE);
}

/* ---- the guest ---- */

static void access_at(uint64_t addr, unsigned int len, bool write, uint64_t value)
{
	struct mmio_access a = { .addr = addr, .len = len, .write = write, .data = value };

	mmio_access(&machine.bus, &a);
}

static void write32(uint64_t addr, uint32_t value)
{
	access_at(addr, 4, true, value);
}

#define BAR	(memmap[MEMMAP_PCI_WINDOW].base + 0x10000)
#define CONFIG	(memmap[MEMMAP_PCI_ECAM].base + 0x8000)

/* A driver as it should be, so that not each input has to find out how that goes. */
static void bring_up(void)
{
	uint64_t frame = memmap[MEMMAP_VIRTIO].base, ram = memory.base;

	write32(CONFIG + PCI_BASE_ADDRESS_0, BAR);
	write32(CONFIG + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	write32(BAR + 8, 1);
	write32(BAR + 12, 1);
	write32(BAR + 8, 0);
	write32(BAR + 12, 1 << 28 | 1 << 29);
	access_at(BAR + 20, 1, true, 11);
	access_at(BAR + 24, 2, true, 16);
	write32(BAR + 32, ram);
	write32(BAR + 40, ram + 0x400);
	write32(BAR + 48, ram + 0x800);
	access_at(BAR + 28, 2, true, 1);
	access_at(BAR + 20, 1, true, 15);
	write32(frame + 0x24, 1);
	write32(frame + 0x20, 1);
	write32(frame + 0x24, 0);
	write32(frame + 0x70, 11);
	write32(frame + 0x38, 16);
	write32(frame + 0x80, ram + 0x1000);
	write32(frame + 0x90, ram + 0x1400);
	write32(frame + 0xa0, ram + 0x1800);
	write32(frame + 0x44, 1);
	write32(frame + 0x70, 15);
}

static void serve(void)
{
	struct pollfd p = { .fd = loop.epoll, .events = POLLIN };

	for (int i = 0; i < 16 && poll(&p, 1, 0) == 1; i++)
		event_loop_once(&loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		enum memmap_id id;
		uint64_t offset;
	} places[] = {
		{ MEMMAP_UART, 0 }, { MEMMAP_RTC, 0 }, { MEMMAP_GPIO, 0 }, { MEMMAP_VARS, 0 },
		{ MEMMAP_VIRTIO, 0 }, { MEMMAP_PCI_ECAM, 0x8000 }, { MEMMAP_PCI_ECAM, 0xf8000 },
		{ MEMMAP_PCI_WINDOW, 0x10000 }, { MEMMAP_PCI_WINDOW, 0 }, { MEMMAP_PCI_ECAM, 0 },
	};
	const unsigned int nplaces = sizeof(places) / sizeof(places[0]);
	struct { uint8_t op, len; uint16_t offset; uint32_t value; } step;

	if (!machine.loop)
		make_machine();
	reset();
	if (size && *data & 1)
		bring_up();
	for (; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
		unsigned int place;

		memcpy(&step, data, sizeof(step));
		place = (step.op >> 1) % (nplaces + 2);
		if (place == nplaces + 1)
			serve();
		else if (place == nplaces)
			memcpy(memory.host + step.offset % (RAM_SIZE - 4), &step.value, 4);
		else
			access_at(memmap[places[place].id].base + places[place].offset + step.offset,
				  1 << step.len % 4, step.op & 1,
				  step.value | (uint64_t)step.value << 32);
	}
	serve();
	return 0;
}
