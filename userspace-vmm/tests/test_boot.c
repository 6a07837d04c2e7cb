// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/boot.h"
#include "tests/payload.h"
#include "tests/tap.h"

#define MB	(1ULL << 20)

static struct guest_ram ram = { .ipa = 0x40000000 };
static struct boot_layout layout;
static struct image image;
static struct error err;

static void setup(uint64_t size)
{
	ram.size = size;
	ram.host = calloc(1, size);
}

static int load(const uint8_t *kernel, size_t size, const void *initrd, size_t initrd_size)
{
	int ret = image_open(&image, "k", kernel, size, ram.size, &err);

	if (ret == 0)
		ret = boot_load(&ram, &image, "i", initrd, initrd_size, &layout, &err);
	image_close(&image);
	return ret;
}

static void linux_kernel(void)
{
	uint8_t *p = payload_linux(10000, 0x80000, 3 * MB), initrd[5000];

	setup(32 * MB);
	memset(initrd, 0x77, sizeof(initrd));
	check(load(p, 10000, initrd, sizeof(initrd)) == 0);
	check(layout.entry == ram.ipa + 0x80000);
	check(!memcmp(ram.host + 0x80000, p, 10000));
	check(ram.host[0x7ffff] == 0 && ram.host[0x80000 + 10000] == 0);
	/* the kernel's last block is its own */
	check(layout.dtb == ram.ipa + 4 * MB);
	check(layout.initrd_start == ram.ipa + 6 * MB);
	check(layout.initrd_end == layout.initrd_start + sizeof(initrd));
	check(!memcmp(ram.host + 6 * MB, initrd, sizeof(initrd)));
	check(load(p, 10000, NULL, 0) == 0 && layout.initrd_end == 0);
	free(ram.host);
	free(p);
}

static void too_small(void)
{
	uint8_t *p = payload_linux(10000, 0, 7 * MB), *initrd = calloc(1, 20 * MB);

	/* 7 MiB of kernel, 2 MiB for the device tree */
	setup(10 * MB);
	check(load(p, 10000, NULL, 0) == 0);
	check(load(p, 10000, initrd, 1) < 0);
	check(!strcmp(err.text, "--initrd: 'i' does not fit into --memory"));
	ram.size = 8 * MB;
	check(load(p, 10000, NULL, 0) < 0);
	check(!strcmp(err.text, "--memory: too small for 'k' and what goes with it"));
	ram.size = 6 * MB;
	check(load(p, 10000, NULL, 0) < 0);
	free(ram.host);
	setup(32 * MB);
	check(load(p, 10000, initrd, 20 * MB) == 0);
	check(load(p, 10000, initrd, 22 * MB + 1) < 0);
	free(initrd);
	free(ram.host);
	free(p);
}

static void elf_program(void)
{
	const struct payload_segment segments[] = {
		/* linked for another address than it is loaded to */
		{ 0x1000, 0x40200000, 100, 200, 0x11 },
		{ 0x100000, 0x40600000, 10, 10, 0x22 },
	};
	size_t size;
	uint8_t *p = payload_elf(segments, 2, 0x1010, &size);

	setup(16 * MB);
	check(load(p, size, NULL, 0) == 0);
	check(layout.entry == 0x40200010);
	check(ram.host[2 * MB] == 0x11 && ram.host[2 * MB + 99] == 0x11);
	check(ram.host[2 * MB + 100] == 0 && ram.host[6 * MB] == 0x22);
	check(layout.dtb == 0x40800000);
	/* no room above: below then */
	ram.size = 8 * MB;
	check(load(p, size, NULL, 0) == 0);
	check(layout.dtb == 0x40000000);
	free(p);

	p = payload_elf(segments, 2, 0x9999999, &size);
	check(load(p, size, NULL, 0) < 0);
	check(!strcmp(err.text, "--kernel: 'k' has its entry outside its segments"));
	free(p);
	free(ram.host);
}

static void elf_outside(void)
{
	static const struct payload_segment rows[] = {
		{ 0, 0, 10, 10, 1 },
		{ 0x3fffffff, 0x3fffffff, 10, 10, 1 },
		{ 0x40fffff8, 0x40fffff8, 10, 10, 1 },
		{ 0x40000000, 0x40000000, 10, 17 * MB, 1 },
		{ 0x7ffffffffffffff0, 0x7ffffffffffffff0, 10, 10, 1 },
	};

	setup(16 * MB);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size;
		uint8_t *p = payload_elf(&rows[i], 1, rows[i].vaddr, &size);

		check(load(p, size, NULL, 0) < 0);
		check(strstr(err.text, "but RAM is at 0x40000000..0x40ffffff"));
		free(p);
	}
	free(ram.host);
}

const struct tap_test boot_tests[] = {
	{ "Linux, initrd and device tree", linux_kernel },
	{ "too little RAM", too_small },
	{ "ELF program", elf_program },
	{ "ELF program outside RAM", elf_outside },
	{ NULL, NULL },
};
