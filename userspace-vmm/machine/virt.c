// SPDX-License-Identifier: GPL-2.0
#include "machine/virt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "libavmm.h"
#include "machine/fdt.h"
#include "machine/image.h"
#include "machine/memmap.h"
#include "dev/v2m.h"
#include "virtio/blk.h"
#include "virtio/mmio.h"
#include "virtio/pci.h"

/* ---- wires between UART, console and interrupt controller ---- */

static void set_spi(const struct machine *machine, enum memmap_id id, bool level)
{
	int ret;

	if (machine->vm < 0)
		return;
	ret = avmm_spi_line(machine->vm, MEMMAP_SPI_INTID(memmap[id].spi), level);
	if (ret < 0)
		log_error("%s: the interrupt cannot be set: %s", memmap[id].name, strerror(-ret));
}

static void uart_set_irq(void *opaque, bool level)
{
	set_spi(opaque, MEMMAP_UART, level);
}

static void gpio_set_irq(void *opaque, bool level)
{
	set_spi(opaque, MEMMAP_GPIO, level);
}

static bool uart_send(void *opaque, uint8_t byte)
{
	struct machine *machine = opaque;

	return console_send(&machine->console, byte);
}

static void uart_can_receive(void *opaque)
{
	struct machine *machine = opaque;

	console_can_receive(&machine->console);
}

static size_t console_receive(void *opaque, const uint8_t *data, size_t len)
{
	struct machine *machine = opaque;

	return pl011_receive(&machine->uart, data, len);
}

static void console_receive_break(void *opaque)
{
	struct machine *machine = opaque;

	pl011_receive_break(&machine->uart);
}

static void console_sent(void *opaque)
{
	struct machine *machine = opaque;

	pl011_transmit(&machine->uart);
}

/* ---- power key ---- */

static void close_power_key(struct machine *machine)
{
	event_loop_remove(machine->loop, &machine->power_key);
	if (machine->power_key.fd >= 0)
		close(machine->power_key.fd);
}

/* Longer than a driver waits for a key to stop bouncing */
#define POWER_KEY_NS	100000000

void machine_power_button(struct machine *machine)
{
	const struct itimerspec when = { .it_value.tv_nsec = POWER_KEY_NS };

	pl061_set_input(&machine->gpio, MEMMAP_GPIO_POWER, true);
	timerfd_settime(machine->power_key.fd, 0, &when, NULL);
}

static void power_key_ready(void *opaque)
{
	struct machine *machine = opaque;
	uint64_t count;

	if (read(machine->power_key.fd, &count, sizeof(count)) > 0)
		pl061_set_input(&machine->gpio, MEMMAP_GPIO_POWER, false);
}

/* The finger of before is on it; it was not long ago. */
static int gpio_load(struct device *dev, json_t *state, struct error *err)
{
	struct machine *machine = container_of(dev, struct machine, gpio.dev);
	int ret = pl061_load(dev, state, err);

	if (ret == 0 && machine->gpio.input >> MEMMAP_GPIO_POWER & 1)
		machine_power_button(machine);
	return ret;
}

static const struct device_ops gpio_ops = {
	.type = "pl061", .reset = pl061_reset, .save = pl061_save, .load = gpio_load,
};

static int power_key_init(struct machine *machine, struct error *err)
{
	int ret;

	machine->power_key = (struct event_source) {
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = power_key_ready, .opaque = machine,
	};
	ret = machine->power_key.fd < 0 ? -errno :
	      event_loop_add(machine->loop, &machine->power_key, EPOLLIN);
	if (ret < 0)
		return error_set(err, ret, "the power key has no timer: %s", strerror(-ret));
	return 0;
}

/* ---- devices ---- */

static uint32_t host_seconds(void)
{
	return time(NULL);
}

static int add_region(struct machine *machine, enum memmap_id id, const struct mmio_ops *ops,
		      void *dev, struct error *err)
{
	const struct mmio_region region = {
		.base = memmap[id].base, .size = memmap[id].size, .name = memmap[id].name,
		.ops = ops, .dev = dev,
	};
	int ret = mmio_add(&machine->bus, &region);

	if (ret < 0)
		return error_set(err, ret, "%s has no place on the bus: %s", region.name,
				 strerror(-ret));
	return 0;
}

/* *number is 0: the first that is free, and which that is. NULL: there is none. */
static struct pci_port *free_port(struct machine *machine, uint64_t *number)
{
	for (unsigned int i = 0; i < machine->nports; i++) {
		if (machine->ports[i].pci.child || (*number && *number != i + 1))
			continue;
		*number = i + 1;
		return &machine->ports[i];
	}
	return NULL;
}

/* A place on PCI; *port: which root port that is behind, NULL: none. */
static int plug_pci(struct machine *machine, struct virtio_device *vdev, uint64_t *number,
		    struct pci_port **port, struct error *err)
{
	bool hot = machine->vm >= 0;

	*port = *number || hot ? free_port(machine, number) : NULL;
	if (*number && !*port)
		return error_set(err, -EBUSY, "%s: port %u has a device already, or is not there",
				 vdev->dev.id, (unsigned int)*number);
	if (hot && !*port)
		return error_set(err, -ENOSPC, "%s: all %u slots have a device", vdev->dev.id,
				 machine->nports);
	return virtio_pci_plug(machine, vdev, *port ? &(*port)->pci : NULL, err);
}

int machine_plug(struct machine *machine, struct virtio_device *vdev, uint64_t *number,
		 struct error *err)
{
	bool hot = machine->vm >= 0, mmio = machine->config->transport == TRANSPORT_MMIO;
	struct pci_port *port = NULL;
	int ret;

	if (!vdev)
		return err->code;
	if (hot && mmio)
		ret = error_set(err, -EOPNOTSUPP, "%s: with --transport mmio devices are there from "
				"the start or not at all", vdev->dev.id);
	else if (mmio)
		ret = virtio_mmio_plug(machine, vdev, err);
	else
		ret = plug_pci(machine, vdev, number, &port, err);
	if (ret < 0) {
		vdev->ops->destroy(vdev);
		return ret;
	}
	ret = device_add(&machine->devices, &vdev->dev, &vdev->dev_ops, vdev->dev.id, err);
	if (ret < 0)
		vdev->dev_ops.destroy(&vdev->dev);
	if (ret == 0 && port)
		pci_port_plugged(port, hot);
	return ret;
}

int machine_unplug(struct machine *machine, const char *id, struct error *err)
{
	struct device *dev = device_find(&machine->devices, id);

	if (!dev)
		return error_set(err, -ENODEV, "there is no device '%s'", id);
	for (unsigned int i = 0; i < machine->nports; i++) {
		struct pci_port *port = &machine->ports[i];

		if (!port->pci.child || port->pci.child->device != dev)
			continue;
		if (pci_port_request(port) < 0)
			return error_set(err, -EBUSY, "the guest is asked already to let '%s' go",
					 id);
		return 0;
	}
	return error_set(err, -EOPNOTSUPP, "'%s' is not behind a port, and cannot be unplugged", id);
}

static void eject(void *opaque, struct pci_port *port)
{
	struct machine *machine = opaque;
	struct device *dev = port->pci.child->device;
	char id[sizeof(dev->id)];

	strcpy(id, dev->id);
	device_remove(&machine->devices, dev);
	dev->ops->destroy(dev);
	vm_config_remove_device(machine->config, id);
	pci_port_unplugged(port);
	machine_event(machine, "DEVICE_DELETED", json_pack("{s:s, s:s+}", "device", id, "path",
							   "/machine/peripheral/", id));
}

static int add_ports(struct machine *machine, struct error *err)
{
	if (machine->config->transport == TRANSPORT_MMIO)
		return 0;
	while (machine->nports < machine->config->ports) {
		struct pci_port *port = &machine->ports[machine->nports];
		char id[16];
		int ret;

		ret = pci_port_init(port, &machine->pci, &machine->irqs, machine->nports + 1, eject,
				    machine, err);
		if (ret < 0)
			return ret;
		snprintf(id, sizeof(id), "port%u", ++machine->nports);
		ret = device_add(&machine->devices, &port->dev, &pci_port_device_ops, id, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int add_firmware(struct machine *machine, struct error *err)
{
	struct firmware *firmware = &machine->firmware;
	struct mmio_region region = {
		.base = memmap[MEMMAP_VARS].base, .name = memmap[MEMMAP_VARS].name,
		.ops = &flash_ops, .dev = &firmware->flash,
	};
	int ret = firmware_open(firmware, machine->config, err);

	if (ret < 0 || !firmware->code)
		return ret;
	region.size = firmware->vars_size;
	ret = mmio_add(&machine->bus, &region);
	if (ret < 0)
		return error_set(err, ret, "the flash has no place on the bus: %s", strerror(-ret));
	return device_add(&machine->devices, &firmware->flash.dev, &flash_device_ops, "flash0", err);
}

static void close_devices(struct machine *machine)
{
	devices_destroy(&machine->devices);
	while (machine->nports)
		pci_port_close(&machine->ports[--machine->nports]);
	firmware_close(&machine->firmware);
	close_power_key(machine);
}

int machine_init(struct machine *machine, struct vm_config *config,
		 struct event_loop *loop, struct memory *memory, void (*quit)(void *opaque),
		 void *opaque, struct error *err)
{
	const struct pl011_host host = {
		.opaque = machine, .set_irq = uart_set_irq, .send = uart_send,
		.can_receive = uart_can_receive,
	};
	const struct console_guest guest = {
		.opaque = machine, .receive = console_receive,
		.receive_break = console_receive_break, .sent = console_sent,
		.quit = quit, .quit_opaque = opaque,
	};
	int ret;

	*machine = (struct machine) {
		.vm = -1, .firmware.vars_fd = -1, .gic = -1, .its = -1, .power_key.fd = -1,
		.loop = loop, .memory = memory, .config = config,
	};
	irq_init(&machine->irqs);
	pl011_init(&machine->uart, &host);
	pl031_init(&machine->rtc, host_seconds);
	pl061_init(&machine->gpio, gpio_set_irq, machine);
	ret = add_region(machine, MEMMAP_UART, &pl011_ops, &machine->uart, err);
	if (ret == 0)
		ret = device_add(&machine->devices, &machine->uart.dev, &pl011_device_ops, "uart0",
				 err);
	if (ret == 0)
		ret = add_region(machine, MEMMAP_RTC, &pl031_ops, &machine->rtc, err);
	if (ret == 0)
		ret = device_add(&machine->devices, &machine->rtc.dev, &pl031_device_ops, "rtc0",
				 err);
	if (ret == 0)
		ret = add_region(machine, MEMMAP_GPIO, &pl061_ops, &machine->gpio, err);
	if (ret == 0)
		ret = device_add(&machine->devices, &machine->gpio.dev, &gpio_ops, "gpio0", err);
	if (ret == 0)
		ret = power_key_init(machine, err);
	if (ret == 0)
		ret = vmgenid_init(&machine->genid, err);
	if (ret == 0)
		ret = device_add(&machine->devices, &machine->genid.dev, &vmgenid_device_ops,
				 "genid0", err);
	if (ret == 0)
		ret = add_region(machine, MEMMAP_V2M, &v2m_ops, &machine->irqs, err);
	if (ret == 0)
		ret = add_firmware(machine, err);
	if (ret == 0)
		ret = pci_host_init(&machine->pci, loop, &machine->bus, err);
	if (ret == 0)
		ret = add_ports(machine, err);
	if (ret == 0)
		ret = machine_plug_devices(machine, err);
	if (ret == 0)
		ret = console_open(&machine->console, loop, &guest, "--serial", &config->serial,
				   err);
	if (ret < 0)
		close_devices(machine);
	return ret;
}

void machine_close(struct machine *machine)
{
	close_devices(machine);
	console_close(&machine->console);
}

/* ---- interrupt controller, Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic.rst ---- */

/* A host has one or the other for guests, seldom both. */
static int gic_create(struct machine *machine, uint64_t wanted, struct error *err)
{
	machine->gic = -ENODEV;
	if (wanted != 2) {
		machine->gic_version = 3;
		machine->gic = avmm_new_device(machine->vm, AVMM_DEV_TYPE_ARM_VGIC_V3);
	}
	if (wanted != 3 && machine->gic == -ENODEV) {
		machine->gic_version = 2;
		machine->gic = avmm_new_device(machine->vm, AVMM_DEV_TYPE_ARM_VGIC_V2);
	}
	if (machine->gic == -ENODEV && wanted)
		return error_set(err, -ENODEV, "--gic: this host cannot give a guest a GICv%d",
				 machine->gic_version);
	if (machine->gic == -ENODEV)
		return error_set(err, -ENODEV, "this host has no interrupt controller for guests");
	if (machine->gic == -E2BIG)
		return error_set(err, -E2BIG, "--cpus: a GICv2 has at most 8");
	if (machine->gic < 0)
		return error_set(err, machine->gic, "the GICv%d cannot be created: %s",
				 machine->gic_version, strerror(-machine->gic));
	return 0;
}

static int gic_set_up(struct machine *machine, struct error *err)
{
	uint64_t dist = memmap[MEMMAP_GICD].base;
	uint64_t redist = memmap_gicr(machine->config->cpus)->base;
	uint64_t cpu = memmap[MEMMAP_GICC].base;
	uint32_t irqs = MEMMAP_NR_IRQS;
	struct {
		int version;		/* 0: both */
		const char *what;
		uint32_t group;
		uint64_t attr;
		void *value;
	} steps[] = {
		{ 3, "its distributor's address", AVMM_DEV_ARM_VGIC_GRP_ADDR,
		  AVMM_VGIC_V3_ADDR_TYPE_DIST, &dist },
		{ 3, "its redistributors' address", AVMM_DEV_ARM_VGIC_GRP_ADDR,
		  AVMM_VGIC_V3_ADDR_TYPE_REDIST, &redist },
		{ 2, "its distributor's address", AVMM_DEV_ARM_VGIC_GRP_ADDR,
		  AVMM_VGIC_V2_ADDR_TYPE_DIST, &dist },
		{ 2, "its CPU interface's address", AVMM_DEV_ARM_VGIC_GRP_ADDR,
		  AVMM_VGIC_V2_ADDR_TYPE_CPU, &cpu },
		{ 0, "the number of its interrupts", AVMM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs },
		{ 0, "its start", AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, NULL },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int ret;

		if (steps[i].version && steps[i].version != machine->gic_version)
			continue;
		ret = avmm_attr_set(machine->gic, steps[i].group, steps[i].attr, steps[i].value);
		if (ret < 0)
			return error_set(err, ret, "the GICv%d refuses %s: %s",
					 machine->gic_version, steps[i].what, strerror(-ret));
	}
	return 0;
}

/*
 * MSIs go through an ITS if the host has one for guests, else through a GICv2m frame.
 * Documentation/virt/kvm/devices/arm-vgic-its.rst
 */
static int its_set_up(struct machine *machine, struct error *err)
{
	uint64_t base = memmap[MEMMAP_ITS].base;
	int ret;

	machine->its = machine->gic_version == 3 ?
		       avmm_new_device(machine->vm, AVMM_DEV_TYPE_ARM_VGIC_ITS) : -ENODEV;
	if (machine->its == -ENODEV) {
		machine->its = -1;
		machine->irqs.v2m = memmap[MEMMAP_V2M].base + MEMMAP_V2M_SETSPI;
		return 0;
	}
	if (machine->its < 0)
		return error_set(err, machine->its, "the ITS cannot be created: %s",
				 strerror(-machine->its));
	machine->irqs.v2m = 0;
	ret = avmm_attr_set(machine->its, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_ITS_ADDR_TYPE,
			    &base);
	if (ret == 0)
		ret = avmm_attr_set(machine->its, AVMM_DEV_ARM_VGIC_GRP_CTRL,
				    AVMM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	if (ret < 0)
		return error_set(err, ret, "the ITS cannot be set up: %s", strerror(-ret));
	return 0;
}

int machine_power_on(struct machine *machine, const struct vm_config *config, int vm,
		     struct error *err)
{
	int ret;

	machine->vm = vm;
	irq_set_vm(&machine->irqs, vm);
	ret = gic_create(machine, config->gic, err);
	if (ret == 0)
		ret = gic_set_up(machine, err);
	if (ret == 0)
		ret = its_set_up(machine, err);
	if (ret == 0)
		ret = firmware_power_on(&machine->firmware, vm, err);
	if (ret == 0)
		ret = vmgenid_map(&machine->genid, vm, MEMMAP_VMGENID_SLOT,
				  memmap[MEMMAP_VMGENID].base, err);
	if (ret < 0)
		machine_power_off(machine);
	return ret;
}

void machine_power_off(struct machine *machine)
{
	/* first, as they give back what they have of the VM */
	devices_reset(&machine->devices);
	firmware_power_off(&machine->firmware);
	if (machine->its >= 0)
		close(machine->its);
	machine->its = -1;
	if (machine->gic >= 0)
		close(machine->gic);
	machine->gic = -1;
	machine->vm = -1;
	irq_set_vm(&machine->irqs, -1);
}

static struct virtio_blk *to_disk(struct device *dev)
{
	return strcmp(dev->ops->type, "virtio-blk") ? NULL :
	       virtio_blk_of(container_of(dev, struct virtio_device, dev));
}

int machine_lock_disks(struct machine *machine, struct error *err)
{
	for (struct device *dev = machine->devices.first; dev; dev = dev->next) {
		struct virtio_blk *disk = to_disk(dev);
		int ret = disk ? virtio_blk_lock(disk, err) : 0;

		if (ret < 0) {
			machine_unlock_disks(machine);
			return ret;
		}
	}
	return 0;
}

void machine_unlock_disks(struct machine *machine)
{
	for (struct device *dev = machine->devices.first; dev; dev = dev->next)
		if (to_disk(dev))
			virtio_blk_unlock(to_disk(dev));
}

int machine_renew(struct machine *machine, struct error *err)
{
	int ret = vmgenid_renew(&machine->genid, err);

	if (ret == 0) {
		/* an edge */
		set_spi(machine, MEMMAP_VMGENID, true);
		set_spi(machine, MEMMAP_VMGENID, false);
	}
	return ret;
}

/* ---- RAM at power-on ---- */

static int write_fdt(const struct machine *machine, const struct vm_config *config,
		     const struct guest_ram *ram, const uint64_t *mpidr,
		     const struct boot_layout *layout, struct error *err)
{
	struct fdt_params params = {
		.ram_base = ram->ipa,
		.ram_size = ram->size,
		.cpus = config->cpus,
		.gic = machine->gic_version,
		.its = machine->its >= 0,
		.mpidr = mpidr,
		.virtio_mmio = machine->nvirtio_mmio,
		.flash_size = machine->firmware.vars_size,
		.bootargs = config->append,
		.initrd_start = layout->initrd_start,
		.initrd_end = layout->initrd_end,
	};

	if (getrandom(params.rng_seed, sizeof(params.rng_seed), 0) !=
	    sizeof(params.rng_seed) ||
	    getrandom(&params.kaslr_seed, sizeof(params.kaslr_seed), 0) !=
	    sizeof(params.kaslr_seed))
		return error_set(err, -errno, "the host has no random numbers: %s",
				 strerror(errno));
	return machine_fdt(ram->host + (layout->dtb - ram->ipa), BOOT_DTB_SIZE, &params, err);
}

int machine_load(const struct machine *machine, const struct vm_config *config,
		 const struct memory *memory, struct file *kernel, struct file *initrd,
		 const uint64_t *mpidr, struct boot_layout *layout, struct error *err)
{
	const struct guest_ram ram = {
		.ipa = memmap[MEMMAP_RAM].base, .size = memory->size, .host = memory->host,
	};
	struct image image;
	int ret;

	if (config->firmware) {
		/* EDK2 for "virt" looks for the device tree where RAM begins */
		*layout = (struct boot_layout) { .entry = memmap[MEMMAP_FLASH].base, .dtb = ram.ipa };
		return write_fdt(machine, config, &ram, mpidr, layout, err);
	}
	ret = file_map(kernel, "--kernel", err);
	if (ret < 0)
		return ret;
	ret = image_open(&image, kernel->path, kernel->data, kernel->size, ram.size, err);
	if (ret < 0)
		goto unmap_kernel;
	if (config->initrd) {
		ret = file_map(initrd, "--initrd", err);
		if (ret < 0)
			goto close_image;
	}
	ret = boot_load(&ram, &image, config->initrd, initrd->data, initrd->size, layout, err);
	if (ret == 0)
		ret = write_fdt(machine, config, &ram, mpidr, layout, err);
	file_unmap(initrd);
close_image:
	image_close(&image);
unmap_kernel:
	file_unmap(kernel);
	return ret;
}
