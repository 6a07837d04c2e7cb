// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any bytes as a kernel, loaded into a small guest's RAM with an initrd, and the device
 * tree that goes with it. The first bytes choose the RAM, the initrd and the machine; the kernel's own
 * bytes are its command line, too.
 */
#include <libfdt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "machine/boot.h"
#include "machine/fdt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICES		4
#define CPUS		8
#define RAM_IPA		0x40000000ULL

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool within(const struct guest_ram *ram, uint64_t start, uint64_t size)
{
	return start >= ram->ipa && start - ram->ipa <= ram->size &&
	       size <= ram->size - (start - ram->ipa);
}

static void describe(const struct guest_ram *ram, const struct boot_layout *layout,
		     const uint8_t *choice, const char *bootargs)
{
	static const uint64_t mpidr[CPUS] = { 0, 1, 2, 3, 0x100, 0x101, 0x102, 0x103 };
	struct fdt_params params = {
		.ram_base = ram->ipa, .ram_size = ram->size, .cpus = 1 + choice[2] % CPUS,
		.gic = 2 + (choice[2] >> 3 & 1), .its = choice[2] >> 4 & 1, .mpidr = mpidr,
		.bootargs = bootargs, .initrd_start = layout->initrd_start,
		.initrd_end = layout->initrd_end, .virtio_mmio = choice[2] >> 5,
		.flash_size = choice[3] & 1 ? 64 << 20 : 0,
	};
	/* what is too small for some of them must be said, not overrun */
	size_t size = (size_t)(choice[3] >> 1) * 512;
	void *buf = malloc(size ? size : 1);
	struct error err;

	if (buf && machine_fdt(buf, size, &params, &err) == 0) {
		int chosen = fdt_path_offset(buf, "/chosen");
		const char *text = fdt_getprop(buf, chosen, "bootargs", NULL);

		must(fdt_check_full(buf, size) == 0);
		must(text ? !strcmp(text, bootargs) : !*bootargs);
	}
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_ram ram = { .ipa = RAM_IPA };
	static const uint8_t initrd[3000];
	struct boot_layout layout;
	struct image image;
	struct error err;
	size_t initrd_size;
	char *bootargs;

	if (size < CHOICES)
		return 0;
	ram.size = (uint64_t)(1 + data[0] % 8) << 20;
	initrd_size = data[1] * sizeof(initrd) / 255;
	if (image_open(&image, "k", data + CHOICES, size - CHOICES, ram.size, &err) < 0)
		return 0;
	/* of the very size, so that one byte too far is seen */
	ram.host = malloc(ram.size);
	bootargs = strndup((const char *)data + CHOICES, size - CHOICES);
	must(ram.host && bootargs);
	if (boot_load(&ram, &image, "i", initrd_size ? initrd : NULL, initrd_size, &layout,
		      &err) == 0) {
		must(within(&ram, layout.entry, 0));
		must(within(&ram, layout.dtb, BOOT_DTB_SIZE) && !(layout.dtb & 7));
		must(!initrd_size == !layout.initrd_end);
		if (initrd_size) {
			must(within(&ram, layout.initrd_start, initrd_size));
			must(layout.initrd_start >= layout.dtb + BOOT_DTB_SIZE ||
			     layout.initrd_end <= layout.dtb);
		}
		describe(&ram, &layout, data, bootargs);
	}
	free(bootargs);
	free(ram.host);
	image_close(&image);
	return 0;
}
