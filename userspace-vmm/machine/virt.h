/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one machine type: GICv3 with or without ITS or GICv2, PL011, PL031, PL061 with a power key, PCIe,
 * virtio-mmio, PSCI, at the addresses of memmap.c.
 */
#ifndef AVMM_MACHINE_VIRT_H
#define AVMM_MACHINE_VIRT_H

#include <stdint.h>

#include "backend/console.h"
#include "config/vm_config.h"
#include "core/error.h"
#include "core/event_loop.h"
#include "core/file.h"
#include "core/ioeventfd.h"
#include "core/irq.h"
#include "core/memory.h"
#include "core/mmio.h"
#include "dev/device.h"
#include "dev/pci_host.h"
#include "dev/pci_port.h"
#include "dev/pl011.h"
#include "dev/pl031.h"
#include "dev/pl061.h"
#include "dev/vmgenid.h"
#include "machine/boot.h"
#include "machine/firmware.h"
#include "virtio/virtio.h"

struct machine {
	struct event_loop *loop;
	struct memory *memory;
	struct vm_config *config;	/* devices come and go */
	struct mmio_bus bus;
	struct irqs irqs;
	struct device_list devices;
	struct firmware firmware;
	struct pci_host pci;
	unsigned int nports;
	struct pci_port ports[VM_CONFIG_PORTS_MAX];
	unsigned int nvirtio_mmio;	/* frames in use */
	struct pl011 uart;
	struct pl031 rtc;
	struct pl061 gpio;
	struct vmgenid genid;
	struct event_source power_key;	/* a timer: released then */
	struct console console;
	int vm;		/* VM fd; -1: none now, and interrupt lines go nowhere */
	int gic;	/* device fd */
	int gic_version;
	int its;	/* device fd; -1: there is none */
	/* NULL, or tells whoever listens, and takes data; main thread. See machine_event(). */
	void (*event)(void *opaque, const char *name, json_t *data);
	void *event_opaque;
};

int machine_init(struct machine *machine, struct vm_config *config,
		 struct event_loop *loop, struct memory *memory, void (*quit)(void *opaque),
		 void *opaque, struct error *err);
void machine_close(struct machine *machine);

/*
 * Takes vdev over and gives it a place on the bus that the configuration asks for: behind root port
 * *port, or if that is 0, on bus 0; in a machine that is on, behind a free port, which *port is then.
 * If that fails it is destroyed. vdev may be NULL: its creation failed, with err filled in, and so
 * does this.
 */
int machine_plug(struct machine *machine, struct virtio_device *vdev, uint64_t *port,
		 struct error *err);
/* All devices that the configuration names */
int machine_plug_devices(struct machine *machine, struct error *err);

/* memory->dirty has come or gone: devices for which others write are restarted. They run. */
void machine_log_switched(struct machine *machine);

/* Under QMP's name; takes data. */
static inline void machine_event(struct machine *machine, const char *name, json_t *data)
{
	if (machine->event)
		machine->event(machine->event_opaque, name, data);
	else
		json_decref(data);
}

/*
 * Asks the guest to let a device go that is behind a root port. It is gone when the guest says so;
 * then there is the event DEVICE_DELETED.
 */
int machine_unplug(struct machine *machine, const char *id, struct error *err);

/* Somebody presses the power key for a moment; what the guest makes of it is its affair. */
void machine_power_button(struct machine *machine);

/* After all vCPUs were created: the interrupt controller is sized by them. */
int machine_power_on(struct machine *machine, const struct vm_config *config, int vm,
		     struct error *err);
void machine_power_off(struct machine *machine);

/* Who may run the guest has its disks; those of one that is still to come are nobody's. */
int machine_lock_disks(struct machine *machine, struct error *err);
void machine_unlock_disks(struct machine *machine);

/* The guest may be one of several from here on: tells it by another generation id. */
int machine_renew(struct machine *machine, struct error *err);

/*
 * Fills RAM, which is all zeros: kernel and initrd, or nothing for firmware, and a device tree for
 * vCPUs of these MPIDRs.
 */
int machine_load(const struct machine *machine, const struct vm_config *config,
		 const struct memory *memory, struct file *kernel, struct file *initrd,
		 const uint64_t *mpidr, struct boot_layout *layout, struct error *err);

#endif /* AVMM_MACHINE_VIRT_H */
