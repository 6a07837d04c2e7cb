/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel images for the tests, made by hand. Each buffer is of exactly the size given, from
 * malloc(), so that the address sanitizer sees a step beyond its end.
 */
#ifndef AVMM_TESTS_PAYLOAD_H
#define AVMM_TESTS_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

struct payload_segment {
	uint64_t vaddr;
	uint64_t paddr;
	uint64_t filesz;
	uint64_t memsz;
	uint8_t fill;
};

uint8_t *payload_linux(size_t size, uint64_t text_offset, uint64_t image_size);
uint8_t *payload_elf(const struct payload_segment *segments, unsigned int n, uint64_t entry,
		     size_t *size);
uint8_t *payload_gzip(const void *data, size_t size, size_t *packed);

#endif /* AVMM_TESTS_PAYLOAD_H */
