// SPDX-License-Identifier: GPL-2.0
/*
 * Bindings: Linux, Documentation/devicetree/bindings: arm/cpus, arm/psci, timer/arm,arch_timer,
 * interrupt-controller/arm,gic-v3 and arm,gic, serial/pl011, rtc/arm,pl031, gpio/pl061-gpio, input/gpio-keys, virtio/mmio,
 * mtd/mtd-physmap, pci/host-generic-pci, pci/pci-msi; chosen is in the Devicetree
 * specification and in dt-schema.
 */
#include "machine/fdt.h"

#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/avmm.h>

#include "machine/memmap.h"

enum { PHANDLE_GIC = 1, PHANDLE_CLOCK, PHANDLE_MSI, PHANDLE_GPIO };

/* First cell of an interrupt specifier and its flags, in the GIC bindings */
#define GIC_SPI		0
#define GIC_PPI		1
#define IRQ_EDGE_RISING	1
#define IRQ_LEVEL_HIGH	4
#define GIC_PPI_CPUS	8	/* GICv2: shift of the CPUs that a PPI is wired to */

/* Affinity fields of MPIDR_EL1; what is between them (U, MT, RES1) is no part of "reg" */
#define MPIDR_AFFINITY	0xff00ffffffULL

struct builder {
	void *fdt;
	int ret;		/* first error of libfdt */
};

static void note(struct builder *b, int ret)
{
	if (!b->ret)
		b->ret = ret;
}

static void begin(struct builder *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void begin(struct builder *b, const char *fmt, ...)
{
	char name[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	note(b, fdt_begin_node(b->fdt, name));
}

static void end(struct builder *b)
{
	note(b, fdt_end_node(b->fdt));
}

static void prop(struct builder *b, const char *name, const void *value, size_t len)
{
	note(b, fdt_property(b->fdt, name, value, len));
}

static void string(struct builder *b, const char *name, const char *value)
{
	prop(b, name, value, strlen(value) + 1);
}

static void u64(struct builder *b, const char *name, uint64_t value)
{
	note(b, fdt_property_u64(b->fdt, name, value));
}

static void cells_array(struct builder *b, const char *name, const uint32_t *cells, size_t n)
{
	fdt32_t be[32];

	for (size_t i = 0; i < n; i++)
		be[i] = cpu_to_fdt32(cells[i]);
	prop(b, name, be, n * sizeof(be[0]));
}

#define cells(b, name, ...)							\
	cells_array(b, name, (const uint32_t []){ __VA_ARGS__ },		\
		    sizeof((const uint32_t []){ __VA_ARGS__ }) / sizeof(uint32_t))

/* Addresses and sizes take two cells everywhere but in /cpus */
#define CELLS64(v)	(uint32_t)((uint64_t)(v) >> 32), (uint32_t)(v)

static void chosen(struct builder *b, const struct fdt_params *p)
{
	char path[32];

	begin(b, "chosen");
	string(b, "bootargs", p->bootargs);
	snprintf(path, sizeof(path), "/serial@%llx", (unsigned long long)memmap[MEMMAP_UART].base);
	string(b, "stdout-path", path);
	if (p->initrd_end) {
		u64(b, "linux,initrd-start", p->initrd_start);
		u64(b, "linux,initrd-end", p->initrd_end);
	}
	prop(b, "rng-seed", p->rng_seed, sizeof(p->rng_seed));
	u64(b, "kaslr-seed", p->kaslr_seed);
	end(b);
}

static void cpus(struct builder *b, const struct fdt_params *p)
{
	begin(b, "cpus");
	/* two, because Aff3 has bits 39:32 */
	cells(b, "#address-cells", 2);
	cells(b, "#size-cells", 0);
	for (unsigned int i = 0; i < p->cpus; i++) {
		uint64_t affinity = p->mpidr[i] & MPIDR_AFFINITY;

		begin(b, "cpu@%llx", (unsigned long long)affinity);
		string(b, "device_type", "cpu");
		string(b, "compatible", "arm,armv8");
		cells(b, "reg", CELLS64(affinity));
		string(b, "enable-method", "psci");
		end(b);
	}
	end(b);
}

static void firmware(struct builder *b)
{
	static const char psci[] = "arm,psci-1.0\0arm,psci-0.2";

	begin(b, "psci");
	prop(b, "compatible", psci, sizeof(psci));
	string(b, "method", "hvc");
	end(b);
}

static void timer(struct builder *b, const struct fdt_params *p)
{
	uint32_t flags = IRQ_LEVEL_HIGH;

	if (p->gic == 2)
		flags |= ((1U << p->cpus) - 1) << GIC_PPI_CPUS;
	begin(b, "timer");
	string(b, "compatible", "arm,armv8-timer");
	/*
	 * PPIs of the secure physical, physical, virtual and hypervisor timer (BSA, 3.8.1:
	 * INTIDs 29, 30, 27, 26), counted from INTID 16
	 */
	cells(b, "interrupts", GIC_PPI, 13, flags, GIC_PPI, 14, flags, GIC_PPI, 11, flags,
	      GIC_PPI, 10, flags);
	prop(b, "always-on", NULL, 0);
	end(b);
}

/* Who takes MSIs */
static void msi(struct builder *b, const struct fdt_params *p)
{
	const struct memmap_entry *m = &memmap[p->its ? MEMMAP_ITS : MEMMAP_V2M];

	begin(b, "%s@%llx", m->name, (unsigned long long)m->base);
	string(b, "compatible", p->its ? "arm,gic-v3-its" : "arm,gic-v2m-frame");
	prop(b, "msi-controller", NULL, 0);
	if (p->its)
		cells(b, "#msi-cells", 1);
	cells(b, "reg", CELLS64(m->base), CELLS64(m->size));
	cells(b, "phandle", PHANDLE_MSI);
	end(b);
}

static void gic(struct builder *b, const struct fdt_params *p)
{
	const struct memmap_entry *dist = &memmap[MEMMAP_GICD], *redist = memmap_gicr(p->cpus);
	const struct memmap_entry *cpu = &memmap[MEMMAP_GICC];

	begin(b, "interrupt-controller@%llx", (unsigned long long)dist->base);
	string(b, "compatible", p->gic == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
	cells(b, "#interrupt-cells", 3);
	prop(b, "interrupt-controller", NULL, 0);
	cells(b, "#address-cells", 2);
	cells(b, "#size-cells", 2);
	prop(b, "ranges", NULL, 0);
	if (p->gic == 2)
		cells(b, "reg", CELLS64(dist->base), CELLS64((uint64_t)AVMM_VGIC_V2_DIST_SIZE),
		      CELLS64(cpu->base), CELLS64(cpu->size));
	else
		cells(b, "reg", CELLS64(dist->base), CELLS64(dist->size), CELLS64(redist->base),
		      CELLS64((uint64_t)p->cpus * AVMM_VGIC_V3_REDIST_SIZE));
	cells(b, "phandle", PHANDLE_GIC);
	msi(b, p);
	end(b);
}

static void peripheral_clock(struct builder *b)
{
	begin(b, "apb-pclk");
	string(b, "compatible", "fixed-clock");
	cells(b, "#clock-cells", 0);
	cells(b, "clock-frequency", 24000000);
	string(b, "clock-output-names", "clk24mhz");
	cells(b, "phandle", PHANDLE_CLOCK);
	end(b);
}

static void uart(struct builder *b)
{
	static const char compatible[] = "arm,pl011\0arm,primecell";
	static const char clocks[] = "uartclk\0apb_pclk";
	const struct memmap_entry *m = &memmap[MEMMAP_UART];

	begin(b, "serial@%llx", (unsigned long long)m->base);
	prop(b, "compatible", compatible, sizeof(compatible));
	cells(b, "reg", CELLS64(m->base), CELLS64(m->size));
	cells(b, "interrupts", GIC_SPI, m->spi, IRQ_LEVEL_HIGH);
	cells(b, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
	prop(b, "clock-names", clocks, sizeof(clocks));
	end(b);
}

static void rtc(struct builder *b)
{
	static const char compatible[] = "arm,pl031\0arm,primecell";
	const struct memmap_entry *m = &memmap[MEMMAP_RTC];

	begin(b, "rtc@%llx", (unsigned long long)m->base);
	prop(b, "compatible", compatible, sizeof(compatible));
	cells(b, "reg", CELLS64(m->base), CELLS64(m->size));
	/* no interrupt, so that the driver offers no alarm: ours has none */
	cells(b, "clocks", PHANDLE_CLOCK);
	string(b, "clock-names", "apb_pclk");
	end(b);
}

static void vmgenid(struct builder *b)
{
	const struct memmap_entry *m = &memmap[MEMMAP_VMGENID];

	begin(b, "rng@%llx", (unsigned long long)m->base);
	string(b, "compatible", "microsoft,vmgenid");
	cells(b, "reg", CELLS64(m->base), CELLS64(m->size));
	cells(b, "interrupts", GIC_SPI, m->spi, IRQ_EDGE_RISING);
	end(b);
}

/* The flags of a pin: active high. Key codes are those of linux/input-event-codes.h. */
#define GPIO_ACTIVE_HIGH	0
#define KEY_POWER		116

static void gpio(struct builder *b)
{
	static const char compatible[] = "arm,pl061\0arm,primecell";
	const struct memmap_entry *m = &memmap[MEMMAP_GPIO];

	begin(b, "%s@%llx", m->name, (unsigned long long)m->base);
	prop(b, "compatible", compatible, sizeof(compatible));
	cells(b, "reg", CELLS64(m->base), CELLS64(m->size));
	cells(b, "interrupts", GIC_SPI, m->spi, IRQ_LEVEL_HIGH);
	prop(b, "gpio-controller", NULL, 0);
	cells(b, "#gpio-cells", 2);
	prop(b, "interrupt-controller", NULL, 0);
	cells(b, "#interrupt-cells", 2);
	cells(b, "clocks", PHANDLE_CLOCK);
	string(b, "clock-names", "apb_pclk");
	cells(b, "phandle", PHANDLE_GPIO);
	end(b);
	begin(b, "gpio-keys");
	string(b, "compatible", "gpio-keys");
	begin(b, "poweroff");
	string(b, "label", "power");
	cells(b, "linux,code", KEY_POWER);
	cells(b, "gpios", PHANDLE_GPIO, MEMMAP_GPIO_POWER, GPIO_ACTIVE_HIGH);
	end(b);
	end(b);
}

/* Space codes of the first cell of an address, PCI Bus Binding to IEEE 1275, 2.2.1.1 */
#define PCI_SPACE_IO	0x01000000
#define PCI_SPACE_MEM	0x02000000

static void pci(struct builder *b)
{
	const struct memmap_entry *ecam = &memmap[MEMMAP_PCI_ECAM];
	const struct memmap_entry *window = &memmap[MEMMAP_PCI_WINDOW];
	const struct memmap_entry *io = &memmap[MEMMAP_PCI_IO];

	begin(b, "pcie@%llx", (unsigned long long)window->base);
	string(b, "compatible", "pci-host-ecam-generic");
	string(b, "device_type", "pci");
	cells(b, "#address-cells", 3);
	cells(b, "#size-cells", 2);
	cells(b, "linux,pci-domain", 0);
	cells(b, "bus-range", 0, (ecam->size >> 20) - 1);
	cells(b, "reg", CELLS64(ecam->base), CELLS64(ecam->size));
	cells(b, "ranges", PCI_SPACE_IO, CELLS64(0ULL), CELLS64(io->base), CELLS64(io->size),
	      PCI_SPACE_MEM, CELLS64(window->base), CELLS64(window->base), CELLS64(window->size));
	/* requester ids are what the ITS sees; a frame does not look */
	cells(b, "msi-map", 0, PHANDLE_MSI, 0, 0x10000);
	prop(b, "dma-coherent", NULL, 0);
	end(b);
}

static void flash(struct builder *b, const struct fdt_params *p)
{
	const struct memmap_entry *m = &memmap[MEMMAP_VARS];

	if (!p->flash_size)
		return;
	begin(b, "%s@%llx", m->name, (unsigned long long)m->base);
	string(b, "compatible", "cfi-flash");
	cells(b, "reg", CELLS64(m->base), CELLS64(p->flash_size));
	cells(b, "bank-width", 4);
	end(b);
}

static void virtio_mmio(struct builder *b, unsigned int n)
{
	const struct memmap_entry *m = &memmap[MEMMAP_VIRTIO];

	for (unsigned int i = 0; i < n; i++) {
		uint64_t base = m->base + i * MEMMAP_VIRTIO_SIZE;

		begin(b, "virtio_mmio@%llx", (unsigned long long)base);
		string(b, "compatible", "virtio,mmio");
		cells(b, "reg", CELLS64(base), 0, MEMMAP_VIRTIO_SIZE);
		cells(b, "interrupts", GIC_SPI, m->spi + i, IRQ_EDGE_RISING);
		prop(b, "dma-coherent", NULL, 0);
		end(b);
	}
}

int machine_fdt(void *buf, size_t size, const struct fdt_params *p, struct error *err)
{
	struct builder builder = { .fdt = buf }, *b = &builder;

	note(b, fdt_create(buf, size));
	note(b, fdt_finish_reservemap(buf));
	begin(b, "%s", "");
	string(b, "compatible", "linux,dummy-virt");
	string(b, "model", "AVMM virtual machine");
	cells(b, "#address-cells", 2);
	cells(b, "#size-cells", 2);
	cells(b, "interrupt-parent", PHANDLE_GIC);
	chosen(b, p);
	begin(b, "memory@%llx", (unsigned long long)p->ram_base);
	string(b, "device_type", "memory");
	cells(b, "reg", CELLS64(p->ram_base), CELLS64(p->ram_size));
	end(b);
	cpus(b, p);
	firmware(b);
	timer(b, p);
	gic(b, p);
	peripheral_clock(b);
	uart(b);
	rtc(b);
	gpio(b);
	flash(b, p);
	vmgenid(b);
	pci(b);
	virtio_mmio(b, p->virtio_mmio);
	end(b);
	note(b, fdt_finish(buf));
	if (b->ret)
		return error_set(err, b->ret == -FDT_ERR_NOSPACE ? -ENOSPC : -EINVAL,
				 "the device tree cannot be written: %s", fdt_strerror(b->ret));
	return 0;
}
