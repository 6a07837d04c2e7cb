// SPDX-License-Identifier: GPL-2.0
/* The driver's side of both transports, by their registers. */
#include <errno.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine/memmap.h"
#include "machine/virt.h"
#include "tests/fake_irq.h"
#include "tests/tap.h"
#include "virtio/console.h"
#include "virtio/mmio.h"
#include "virtio/pci.h"

#define RAM	0x40000000ULL
#define SIZE	0x10000U
#define MMIO	0x0a000000ULL
#define BAR	0x10010000ULL
#define ECAM	0x3f008000ULL

enum { ACK = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 0x40 };

static struct vm_config config;
static struct event_loop loop;
static struct memory memory;
static struct machine machine;
static struct virtio_device vdev;
static struct error err;
static unsigned int starts, stops, notified;
static int start_result;
static uint8_t config_space[8];

static void config_read(struct virtio_device *v, uint32_t offset, void *buf, uint32_t len)
{
	(void)v;
	memcpy(buf, config_space + offset, len);
}

static void config_write(struct virtio_device *v, uint32_t offset, const void *buf, uint32_t len)
{
	(void)v;
	memcpy(config_space + offset, buf, len);
}

static int start(struct virtio_device *v, struct error *e)
{
	(void)v;
	starts++;
	return start_result ? error_set(e, start_result, "the test wants it so") : 0;
}

static void stop(struct virtio_device *v)
{
	(void)v;
	stops++;
}

static void notify(struct virtio_device *v, unsigned int q)
{
	struct vq_element elem;
	int ret;

	notified |= 1U << q;
	while ((ret = vring_pop(&v->queues[q], &elem)) > 0)
		vring_push(&v->queues[q], &elem, 1);
	virtio_queue_interrupt(v, q);
	if (ret < 0)
		virtio_broken(v, "the test's driver is a bad one");
}

static json_t *save(struct virtio_device *v)
{
	(void)v;
	return json_pack("{s:i}", "starts", 7);
}

static int load(struct virtio_device *v, json_t *state, struct error *e)
{
	int n;

	return device_unpack(&v->dev, e, state, "{s:i}", "starts", &n);
}

static void destroy(struct virtio_device *v)
{
	virtio_free(v);
}

static const struct virtio_ops ops = {
	.type = "virtio-test", .device_id = 42, .pci_class = 0xff0000, .config_read = config_read,
	.config_write = config_write, .start = start, .stop = stop, .notify = notify, .save = save,
	.load = load, .destroy = destroy,
};

static void setup(bool pci)
{
	fake_irq_reset();
	starts = stops = notified = 0;
	start_result = 0;
	memset(&machine, 0, sizeof(machine));
	memset(&vdev, 0, sizeof(vdev));
	check(event_loop_init(&loop) == 0);
	memory = (struct memory) { .host = calloc(1, SIZE), .base = RAM, .size = SIZE, .fd = -1 };
	config.transport = pci ? TRANSPORT_PCI : TRANSPORT_MMIO;
	machine.loop = &loop;
	machine.memory = &memory;
	machine.config = &config;
	machine.vm = -1;
	check(pci_host_init(&machine.pci, &loop, &machine.bus, &err) == 0);
	check(virtio_init(&vdev, &ops, "test0", 2, 64, sizeof(config_space), 1ULL << 5, &machine,
			  &err) == 0);
	check((pci ? virtio_pci_plug(&machine, &vdev, NULL, &err) :
	       virtio_mmio_plug(&machine, &vdev, &err)) == 0);
}

static void done(void)
{
	vdev.dev_ops.destroy(&vdev.dev);
	event_loop_close(&loop);
	free(memory.host);
}

static uint64_t rd(uint64_t addr, unsigned int len)
{
	struct mmio_access a = { .addr = addr, .len = len };

	mmio_access(&machine.bus, &a);
	return a.data;
}

static void wr(uint64_t addr, unsigned int len, uint64_t value)
{
	struct mmio_access a = { .addr = addr, .len = len, .write = true, .data = value };

	mmio_access(&machine.bus, &a);
}

static void serve(void)
{
	struct pollfd p = { .fd = loop.epoll, .events = POLLIN };

	while (poll(&p, 1, 0) == 1)
		event_loop_once(&loop);
}

/* One descriptor of n in queue 0, whose rings are at RAM */
static void offer(uint64_t addr, uint32_t len)
{
	uint16_t *avail = (uint16_t *)(memory.host + 0x400);
	const uint16_t flags = 2;

	memcpy(memory.host, &addr, 8);
	memcpy(memory.host + 8, &len, 4);
	memcpy(memory.host + 12, &flags, 2);
	avail[2 + avail[1] % 16] = 0;
	avail[1]++;
}

/* ---- MMIO ---- */

static void mmio_features(uint64_t features)
{
	wr(MMIO + 0x24, 4, 1);
	wr(MMIO + 0x20, 4, features >> 32);
	wr(MMIO + 0x24, 4, 0);
	wr(MMIO + 0x20, 4, features);
}

static void mmio_queue(uint64_t desc)
{
	wr(MMIO + 0x30, 4, 0);
	wr(MMIO + 0x38, 4, 16);
	wr(MMIO + 0x80, 4, desc);
	wr(MMIO + 0x84, 4, desc >> 32);
	wr(MMIO + 0x90, 4, RAM + 0x400);
	wr(MMIO + 0xa0, 4, RAM + 0x800);
	wr(MMIO + 0x44, 4, 1);
}

static uint32_t status(void)
{
	return rd(MMIO + 0x70, 4);
}

static void negotiation(void)
{
	setup(false);
	check(rd(MMIO, 4) == 0x74726976 && rd(MMIO + 4, 4) == 2 && rd(MMIO + 8, 4) == 42);
	check(rd(MMIO, 8) == 0 && rd(MMIO + 1, 4) == 0 && rd(MMIO, 2) == 0);
	wr(MMIO + 0x14, 4, 1);
	check(rd(MMIO + 0x10, 4) == 1);
	wr(MMIO + 0x14, 4, 0);
	check(rd(MMIO + 0x10, 4) == (1U << 5 | 1U << 28 | 1U << 29));
	wr(MMIO + 0x14, 4, 2);
	check(rd(MMIO + 0x10, 4) == 0);
	/* not without version 1, and nothing that was not offered */
	mmio_features(1ULL << 5);
	wr(MMIO + 0x70, 4, ACK | DRIVER | FEATURES_OK);
	check(status() == (ACK | DRIVER));
	mmio_features(1ULL << 32 | 1ULL << 6);
	wr(MMIO + 0x70, 4, ACK | DRIVER | FEATURES_OK);
	check(status() == (ACK | DRIVER));
	/* so it does not start either */
	wr(MMIO + 0x70, 4, ACK | DRIVER | DRIVER_OK);
	check(status() == (ACK | DRIVER) && starts == 0);
	mmio_features(1ULL << 32 | 1ULL << 5);
	wr(MMIO + 0x70, 4, ACK | DRIVER | FEATURES_OK);
	check(status() == (ACK | DRIVER | FEATURES_OK));
	/* and that was that */
	mmio_features(1ULL << 32);
	check(vdev.features == (1ULL << 32 | 1ULL << 5));
	wr(MMIO + 0x70, 4, 0);
	check(status() == 0 && vdev.features == 0);
	/* configuration space, and what is behind it */
	wr(MMIO + 0x104, 4, 0x12345678);
	check(rd(MMIO + 0x104, 4) == 0x12345678 && rd(MMIO + 0x105, 1) == 0x56);
	wr(MMIO + 0x106, 4, ~0U);
	check(rd(MMIO + 0x106, 4) == 0 && rd(MMIO + 0x1f8, 8) == 0);
	check(rd(MMIO + 0x104, 4) == 0x12345678);
	done();
}

static void work(void)
{
	setup(false);
	mmio_features(1ULL << 32);
	wr(MMIO + 0x70, 4, 11);
	check(rd(MMIO + 0x34, 4) == 64);
	wr(MMIO + 0x30, 4, 2);
	check(rd(MMIO + 0x34, 4) == 0 && rd(MMIO + 0x44, 4) == 0);
	mmio_queue(RAM);
	check(rd(MMIO + 0x44, 4) == 1);
	offer(RAM + 0x1000, 8);
	wr(MMIO + 0x70, 4, 15);
	check(starts == 1 && status() == 15);
	serve();
	check(notified == 1 && rd(MMIO + 0x60, 4) == 1);
	check(memory.host[0x802] == 1);
	wr(MMIO + 0x64, 4, 1);
	check(rd(MMIO + 0x60, 4) == 0);
	notified = 0;
	offer(RAM + 0x1000, 8);
	wr(MMIO + 0x50, 4, 0);
	wr(MMIO + 0x50, 4, 2);
	wr(MMIO + 0x50, 4, 0xffffffff);
	serve();
	check(notified == 1 && memory.host[0x802] == 2);
	/* a running queue is not moved */
	wr(MMIO + 0x80, 4, 0);
	wr(MMIO + 0x38, 4, 8);
	check(vdev.queues[0].desc == RAM && vdev.queues[0].num == 16);
	virtio_config_changed(&vdev);
	check(rd(MMIO + 0x60, 4) & 2 && rd(MMIO + 0xfc, 4) == 1);
	/* paused: nothing happens; resumed: nothing is lost */
	vdev.dev_ops.pause(&vdev.dev);
	check(stops == 1);
	offer(RAM + 0x1000, 8);
	wr(MMIO + 0x50, 4, 0);
	serve();
	check(memory.host[0x802] == 2);
	check(vdev.dev_ops.resume(&vdev.dev, &err) == 0 && starts == 2);
	serve();
	check(memory.host[0x802] == 3);
	wr(MMIO + 0x70, 4, 0);
	check(stops == 2 && status() == 0 && rd(MMIO + 0x44, 4) == 0);
	wr(MMIO + 0x50, 4, 0);
	serve();
	done();
	check(stops == 2);
}

static void bad_driver(void)
{
	setup(false);
	mmio_features(1ULL << 32);
	wr(MMIO + 0x70, 4, 11);
	mmio_queue(RAM + SIZE);
	wr(MMIO + 0x70, 4, 15);
	check(starts == 0 && status() == (15 | NEEDS_RESET));
	check(rd(MMIO + 0x60, 4) & 2);
	/* resuming does not help */
	vdev.dev_ops.pause(&vdev.dev);
	vdev.dev_ops.resume(&vdev.dev, &err);
	check(starts == 0 && status() == (15 | NEEDS_RESET));
	wr(MMIO + 0x70, 4, 0);
	check(status() == 0 && stops == 0);
	/* a descriptor that leads nowhere */
	mmio_features(1ULL << 32);
	wr(MMIO + 0x70, 4, 11);
	mmio_queue(RAM);
	offer(0x1000, 8);
	wr(MMIO + 0x70, 4, 15);
	serve();
	check(status() == (15 | NEEDS_RESET));
	notified = 0;
	wr(MMIO + 0x50, 4, 0);
	serve();
	check(notified == 0);
	wr(MMIO + 0x70, 4, 0);
	check(stops == 1);
	/* the device itself cannot */
	start_result = -EIO;
	memset(memory.host, 0, SIZE);
	mmio_features(1ULL << 32);
	wr(MMIO + 0x70, 4, 11);
	mmio_queue(RAM);
	wr(MMIO + 0x70, 4, 15);
	check(status() == (15 | NEEDS_RESET));
	wr(MMIO + 0x70, 4, 0);
	check(stops == 1);
	done();
}

/* ---- PCI ---- */

static void pci_up(void)
{
	wr(ECAM + PCI_BASE_ADDRESS_0, 4, BAR);
	wr(ECAM + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	wr(BAR + VIRTIO_PCI_COMMON_GFSELECT, 4, 1);
	wr(BAR + VIRTIO_PCI_COMMON_GF, 4, 1);
	wr(BAR + VIRTIO_PCI_COMMON_STATUS, 1, 11);
	wr(BAR + VIRTIO_PCI_COMMON_Q_SIZE, 2, 16);
	wr(BAR + VIRTIO_PCI_COMMON_Q_DESCLO, 8, RAM);
	wr(BAR + VIRTIO_PCI_COMMON_Q_AVAILLO, 4, RAM + 0x400);
	wr(BAR + VIRTIO_PCI_COMMON_Q_USEDLO, 4, RAM + 0x800);
	wr(BAR + VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	wr(BAR + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
}

static void over_pci(void)
{
	struct pci_function *pci;

	setup(true);
	pci = virtio_pci_function(&vdev);
	check(rd(ECAM, 4) == (0x1af4 | (0x1040 + 42) << 16));
	check(rd(ECAM + PCI_CLASS_REVISION, 4) == 0xff000001);
	pci_up();
	check(rd(BAR + VIRTIO_PCI_COMMON_NUMQ, 2) == 2);
	check(rd(BAR + VIRTIO_PCI_COMMON_Q_MSIX, 2) == 1);
	check(rd(BAR + VIRTIO_PCI_COMMON_Q_DESCLO, 8) == RAM);
	/* a vector that is not there; a queue that is not there */
	wr(BAR + VIRTIO_PCI_COMMON_MSIX, 2, 3);
	check(rd(BAR + VIRTIO_PCI_COMMON_MSIX, 2) == 0xffff);
	wr(BAR + VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	check(rd(BAR + VIRTIO_PCI_COMMON_Q_SIZE, 2) == 0);
	wr(BAR + VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	offer(RAM + 0x1000, 8);
	wr(BAR + VIRTIO_PCI_COMMON_STATUS, 1, 15);
	serve();
	check(starts == 1 && memory.host[0x802] == 1);
	/* without MSI-X there is the status, and reading it clears it */
	check(rd(BAR + 0x1000, 1) == 1 && rd(BAR + 0x1000, 1) == 0);
	wr(ECAM + pci->msix + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	offer(RAM + 0x1000, 8);
	wr(BAR + 0x3000, 2, 0);
	serve();
	/* its vector is masked, and so pending */
	check(memory.host[0x802] == 2 && rd(BAR + 0x5000, 4) == 2);
	/* the BAR goes elsewhere, and takes the queue with it */
	wr(ECAM + PCI_BASE_ADDRESS_0, 4, BAR + 0x100000);
	offer(RAM + 0x1000, 8);
	wr(BAR + 0x103000, 4, 0);
	serve();
	check(memory.host[0x802] == 3);
	check(rd(BAR, 4) == ~0ULL);
	done();
	check(stops == 1);
}

/* The BAR's registers through configuration space, 4.1.4.9 */
static void pci_window(void)
{
	unsigned int cap;

	setup(true);
	pci_up();
	for (cap = rd(ECAM + PCI_CAPABILITY_LIST, 1); cap; cap = rd(ECAM + cap + 1, 1))
		if (rd(ECAM + cap, 1) == PCI_CAP_ID_VNDR &&
		    rd(ECAM + cap + 3, 1) == VIRTIO_PCI_CAP_PCI_CFG)
			break;
	check(cap);
	wr(ECAM + cap + 8, 4, VIRTIO_PCI_COMMON_NUMQ);
	wr(ECAM + cap + 12, 4, 2);
	check(rd(ECAM + cap + 16, 4) == 2);
	wr(ECAM + cap + 8, 4, 0x2004);
	wr(ECAM + cap + 12, 4, 4);
	wr(ECAM + cap + 16, 4, 0xcafe);
	check(rd(BAR + 0x2004, 4) == 0xcafe);
	/* out of bounds, out of step, another BAR */
	wr(ECAM + cap + 8, 4, 0x7ffe);
	wr(ECAM + cap + 16, 4, 0);
	wr(ECAM + cap + 8, 4, 0xfffffffc);
	wr(ECAM + cap + 16, 4, 0);
	wr(ECAM + cap + 12, 4, 0xffffffff);
	wr(ECAM + cap + 16, 4, 0);
	wr(ECAM + cap + 8, 4, 0x2004);
	wr(ECAM + cap + 12, 4, 4);
	wr(ECAM + cap + 4, 1, 1);
	wr(ECAM + cap + 16, 4, 0);
	check(rd(BAR + 0x2004, 4) == 0xcafe);
	done();
}

/* What is due, which is acknowledged then */
static uint32_t take_isr(bool pci)
{
	uint32_t isr = pci ? rd(BAR + 0x1000, 1) : rd(MMIO + 0x60, 4);

	if (!pci)
		wr(MMIO + 0x64, 4, isr);
	return isr;
}

static void state(bool pci)
{
	json_t *saved, *bad;

	setup(pci);
	if (pci) {
		pci_up();
		wr(BAR + VIRTIO_PCI_COMMON_STATUS, 1, 15);
	} else {
		mmio_features(1ULL << 32 | 1ULL << 29);
		wr(MMIO + 0x70, 4, 11);
		mmio_queue(RAM);
		wr(MMIO + 0x70, 4, 15);
	}
	offer(RAM + 0x1000, 8);
	serve();
	check(take_isr(pci) == 1);
	vdev.dev_ops.pause(&vdev.dev);
	saved = vdev.dev_ops.save(&vdev.dev);
	check(saved != NULL);
	vdev.dev_ops.reset(&vdev.dev);
	check(vdev.status == 0);
	check(vdev.dev_ops.load(&vdev.dev, saved, &err) == 0);
	check(vdev.status == 15 && vdev.queues[0].last_avail == 1 && vdev.queues[0].desc == RAM);
	check(vdev.dev_ops.resume(&vdev.dev, &err) == 0 && starts == 2);
	/* the one of before may be lost */
	check(take_isr(pci) == 1);
	vdev.dev_ops.pause(&vdev.dev);
	check(vdev.dev_ops.resume(&vdev.dev, &err) == 0 && take_isr(pci) == 0);
	offer(RAM + 0x1000, 8);
	if (pci)
		wr(BAR + 0x3000, 2, 0);
	else
		wr(MMIO + 0x50, 4, 0);
	serve();
	check(memory.host[0x802] == 2);
	vdev.dev_ops.pause(&vdev.dev);
	/* each member is wanted, and no other */
	for (void *i = json_object_iter(saved); i; i = json_object_iter_next(saved, i)) {
		bad = json_deep_copy(saved);
		json_object_del(bad, json_object_iter_key(i));
		check(vdev.dev_ops.load(&vdev.dev, bad, &err) < 0);
		json_object_set_new(bad, json_object_iter_key(i), json_string("x"));
		check(vdev.dev_ops.load(&vdev.dev, bad, &err) < 0);
		json_decref(bad);
	}
	bad = json_deep_copy(saved);
	json_object_set_new(bad, "features", json_integer(1ULL << 40));
	check(vdev.dev_ops.load(&vdev.dev, bad, &err) < 0 && strstr(err.text, "features"));
	json_decref(bad);
	/* queues in a place where there is no RAM: it is told to the driver, and we go on */
	bad = json_deep_copy(saved);
	json_object_set_new(json_array_get(json_object_get(bad, "queues"), 0), "desc",
			    json_integer(-16));
	vdev.dev_ops.reset(&vdev.dev);
	check(vdev.dev_ops.load(&vdev.dev, bad, &err) == 0);
	check(vdev.dev_ops.resume(&vdev.dev, &err) == 0);
	check(vdev.status & NEEDS_RESET);
	json_decref(bad);
	json_decref(saved);
	done();
}

static void mmio_state(void)
{
	state(false);
}

static void pci_state(void)
{
	state(true);
}

/* A driver is reset while the console has taken a part of its output: the next one's is whole. */
static void console_reset(void)
{
	const uint64_t at = MMIO + MEMMAP_VIRTIO_SIZE, addr = RAM + 0x1000;
	char path[] = "/tmp/avmm-test-XXXXXX";
	const struct chardev_config port = {
		.kind = CHARDEV_FILE, .fd = mkstemp(path), .log_fd = -1,
	};
	struct virtio_device *console;

	setup(false);
	console = virtio_console_create(&machine, "console0", &port, 1, &err);
	check(console && virtio_mmio_plug(&machine, console, &err) == 0);
	for (uint32_t boot = 0; boot < 2; boot++) {
		const uint32_t len = boot ? 100 : 0x3000;

		memset(memory.host, 0, 0x1000);
		memcpy(memory.host, &addr, sizeof(addr));
		memcpy(memory.host + 8, &len, sizeof(len));
		memory.host[0x402] = 1;
		wr(at + 0x24, 4, 1);
		wr(at + 0x20, 4, 1);
		wr(at + 0x70, 4, 11);
		wr(at + 0x30, 4, 1);
		wr(at + 0x38, 4, 16);
		wr(at + 0x80, 4, RAM);
		wr(at + 0x90, 4, RAM + 0x400);
		wr(at + 0xa0, 4, RAM + 0x800);
		wr(at + 0x44, 4, 1);
		wr(at + 0x70, 4, 15);
		console->ops->notify(console, 1);
		if (!boot)
			wr(at + 0x70, 4, 0);
	}
	usleep(10000);
	serve();
	console->dev_ops.destroy(&console->dev);
	done();
	check(lseek(port.fd, 0, SEEK_END) == RING_SIZE + 100);
	close(port.fd);
	unlink(path);
}

const struct tap_test virtio_tests[] = {
	{ "negotiation", negotiation },
	{ "work, pause, reset", work },
	{ "bad drivers", bad_driver },
	{ "over PCI", over_pci },
	{ "window in configuration space", pci_window },
	{ "state over MMIO", mmio_state },
	{ "state over PCI", pci_state },
	{ "a console's driver is reset", console_reset },
	{ NULL, NULL },
};
