// SPDX-License-Identifier: GPL-2.0
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "config/vm_config.h"
#include "machine/fdt.h"
#include "machine/memmap.h"
#include "tests/tap.h"

static struct error err;
static void *fdt;

static void build(struct fdt_params *params, size_t size)
{
	fdt = calloc(1, size);
	check(machine_fdt(fdt, size, params, &err) == 0);
	check(fdt_check_header(fdt) == 0);
}

static bool text_is(const char *path, const char *name, const char *value)
{
	const char *p = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, NULL);

	return p && !strcmp(p, value);
}

static bool cells_are(const char *path, const char *name, const uint32_t *cells, int n)
{
	int len;
	const fdt32_t *p = fdt_getprop(fdt, fdt_path_offset(fdt, path), name, &len);

	if (!p || len != n * 4)
		return false;
	for (int i = 0; i < n; i++)
		if (fdt32_to_cpu(p[i]) != cells[i])
			return false;
	return true;
}

#define CELLS(...)	(const uint32_t []){ __VA_ARGS__ }, \
			sizeof((const uint32_t []){ __VA_ARGS__ }) / 4

static void whole(void)
{
	/* bit 31 is RES1, 24 is MT */
	const uint64_t mpidr[] = { 0x80000000, 0x81000001, 0x1280000100 };
	struct fdt_params params = {
		.ram_base = 0x40000000, .ram_size = 5ULL << 30, .cpus = 3, .mpidr = mpidr, .gic = 3, .its = true,
		.virtio_mmio = 2,
		.bootargs = "console=ttyAMA0 quiet", .initrd_start = 0x48000000,
		.initrd_end = 0x48123456, .rng_seed = { 1, 2, 3 }, .kaslr_seed = 0x1122334455667788,
	};

	build(&params, 65536);
	check(text_is("/chosen", "bootargs", "console=ttyAMA0 quiet"));
	check(text_is("/chosen", "stdout-path", "/serial@9000000"));
	check(cells_are("/chosen", "linux,initrd-start", CELLS(0, 0x48000000)));
	check(cells_are("/chosen", "linux,initrd-end", CELLS(0, 0x48123456)));
	check(cells_are("/chosen", "kaslr-seed", CELLS(0x11223344, 0x55667788)));
	check(text_is("/memory@40000000", "device_type", "memory"));
	check(cells_are("/memory@40000000", "reg", CELLS(0, 0x40000000, 1, 0x40000000)));
	check(cells_are("/cpus/cpu@0", "reg", CELLS(0, 0)));
	check(cells_are("/cpus/cpu@1", "reg", CELLS(0, 1)));
	check(cells_are("/cpus/cpu@1200000100", "reg", CELLS(0x12, 0x100)));
	check(text_is("/cpus/cpu@1", "enable-method", "psci"));
	check(text_is("/psci", "compatible", "arm,psci-1.0"));
	check(text_is("/psci", "method", "hvc"));
	check(cells_are("/timer", "interrupts", CELLS(1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4)));
	check(text_is("/interrupt-controller@8000000", "compatible", "arm,gic-v3"));
	check(cells_are("/interrupt-controller@8000000", "reg",
			CELLS(0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x60000)));
	check(cells_are("/serial@9000000", "interrupts", CELLS(0, 1, 4)));
	check(text_is("/serial@9000000", "compatible", "arm,pl011"));
	check(text_is("/interrupt-controller@8000000/its@8080000", "compatible", "arm,gic-v3-its"));
	check(text_is("/pcie@10000000", "compatible", "pci-host-ecam-generic"));
	check(cells_are("/pcie@10000000", "reg", CELLS(0, 0x3f000000, 0, 0x1000000)));
	check(cells_are("/pcie@10000000", "msi-map", CELLS(0, 3, 0, 0x10000)));
	check(fdt_node_offset_by_phandle(fdt, 3) ==
	      fdt_path_offset(fdt, "/interrupt-controller@8000000/its@8080000"));
	check(cells_are("/virtio_mmio@a000200", "interrupts", CELLS(0, 17, 1)));
	check(fdt_path_offset(fdt, "/virtio_mmio@a000400") < 0);
	/* the phandles lead where they should */
	check(fdt_node_offset_by_phandle(fdt, 1) ==
	      fdt_path_offset(fdt, "/interrupt-controller@8000000"));
	check(fdt_node_offset_by_phandle(fdt, 2) == fdt_path_offset(fdt, "/apb-pclk"));
	free(fdt);
}

static void gicv2(void)
{
	const uint64_t mpidr[] = { 0, 1, 2 };
	struct fdt_params params = { .cpus = 3, .mpidr = mpidr, .bootargs = "", .gic = 2 };
	const char *gic = "/interrupt-controller@8000000";

	build(&params, 65536);
	check(text_is(gic, "compatible", "arm,cortex-a15-gic"));
	check(cells_are(gic, "reg", CELLS(0, 0x8000000, 0, 0x1000, 0, 0x8010000, 0, 0x2000)));
	check(cells_are(gic, "#interrupt-cells", CELLS(3)));
	check(text_is("/interrupt-controller@8000000/v2m@8020000", "compatible",
		      "arm,gic-v2m-frame"));
	/* a PPI names the CPUs */
	check(cells_are("/timer", "interrupts",
			CELLS(1, 13, 0x704, 1, 14, 0x704, 1, 11, 0x704, 1, 10, 0x704)));
	free(fdt);
}

static void without_initrd(void)
{
	const uint64_t mpidr = 0;
	struct fdt_params params = { .cpus = 1, .mpidr = &mpidr, .bootargs = "" };
	int chosen;

	build(&params, 65536);
	chosen = fdt_path_offset(fdt, "/chosen");
	check(!fdt_getprop(fdt, chosen, "linux,initrd-start", NULL));
	check(!fdt_getprop(fdt, chosen, "linux,initrd-end", NULL));
	check(text_is("/chosen", "bootargs", ""));
	free(fdt);
}

static void largest(void)
{
	uint64_t mpidr[VM_CONFIG_CPUS_MAX];
	char bootargs[2048];
	struct fdt_params params = {
		.cpus = VM_CONFIG_CPUS_MAX, .mpidr = mpidr, .bootargs = bootargs,
	};

	for (unsigned int i = 0; i < params.cpus; i++)
		mpidr[i] = (i & 15) | (i >> 4) << 8;
	memset(bootargs, 'x', sizeof(bootargs));
	bootargs[2047] = 0;
	/* far below the 2 MiB of booting.rst */
	build(&params, 256 << 10);
	check(fdt_path_offset(fdt, "/cpus/cpu@1f0f") > 0);
	/* their redistributors are above the RAM */
	check(cells_are("/interrupt-controller@8000000", "reg",
			CELLS(0, 0x8000000, 0, 0x10000, 0x40, 0, 0, 0x4000000)));
	check(machine_fdt(fdt, 1024, &params, &err) < 0);
	check(strstr(err.text, "device tree"));
	free(fdt);
}

static void map(void)
{
	for (int i = 0; i < MEMMAP_COUNT; i++) {
		check(memmap[i].size && memmap[i].base % 0x1000 == 0);
		for (int j = 0; j < i; j++)
			check(memmap[i].base + memmap[i].size <= memmap[j].base ||
			      memmap[j].base + memmap[j].size <= memmap[i].base);
	}
}

const struct tap_test fdt_tests[] = {
	{ "what the guest looks for", whole },
	{ "GICv2", gicv2 },
	{ "without initrd", without_initrd },
	{ "512 CPUs", largest },
	{ "memory map", map },
	{ NULL, NULL },
};
