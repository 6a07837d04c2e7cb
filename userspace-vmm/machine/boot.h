/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts kernel and initrd into the guest's RAM and finds a place for the device tree.
 */
#ifndef AVMM_MACHINE_BOOT_H
#define AVMM_MACHINE_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "machine/image.h"

/* The guest's RAM: ipa is where the guest sees it, host where we see it. */
struct guest_ram {
	uint64_t ipa;
	uint64_t size;
	uint8_t *host;
};

struct boot_layout {
	uint64_t entry;		/* PC of the first vCPU */
	uint64_t dtb;		/* its X0; BOOT_DTB_SIZE bytes are free there */
	uint64_t initrd_start;
	uint64_t initrd_end;	/* not included; 0 without an initrd */
};

/* booting.rst: the device tree is at most 2 MiB, on 8 bytes, in a 2 MiB block of its own */
#define BOOT_DTB_SIZE	(2ULL << 20)

/* The RAM holds zeros where nothing is loaded. initrd is NULL if there is none. */
int boot_load(const struct guest_ram *ram, const struct image *image, const char *initrd_path,
	      const void *initrd, size_t initrd_size, struct boot_layout *layout,
	      struct error *err);

#endif /* AVMM_MACHINE_BOOT_H */
