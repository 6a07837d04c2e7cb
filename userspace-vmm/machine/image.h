/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What --kernel may be: recognised by its content, checked, unpacked.
 */
#ifndef AVMM_MACHINE_IMAGE_H
#define AVMM_MACHINE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum image_kind {
	IMAGE_LINUX,		/* flat arm64 Linux Image; booting.rst says where it goes */
	IMAGE_ELF,		/* a program that goes where its segments say */
};

struct image {
	const char *path;	/* for messages */
	enum image_kind kind;
	const uint8_t *data;
	size_t size;
	void *owned;		/* data, where it was unpacked */

	/* IMAGE_LINUX: the header's fields, with the defaults of kernels before 3.17 filled in */
	uint64_t text_offset;
	uint64_t image_size;	/* with bss; never less than size */
};

/*
 * data stays the caller's and must live as long as the image. limit bounds what is unpacked; no
 * guest with that much RAM could hold more.
 */
int image_open(struct image *image, const char *path, const void *data, size_t size, uint64_t limit,
	       struct error *err);
void image_close(struct image *image);

#endif /* AVMM_MACHINE_IMAGE_H */
