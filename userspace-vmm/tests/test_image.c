// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/image.h"
#include "tests/payload.h"
#include "tests/tap.h"

#define LIMIT	(64ULL << 20)

static struct image image;
static struct error err;

/* Frees data. The image is open afterwards if the result is 0, and its data may be gone. */
static bool refuses(uint8_t *data, size_t size, uint64_t limit, const char *what)
{
	char sentence[200];
	bool right;

	memset(&err, 0, sizeof(err));
	snprintf(sentence, sizeof(sentence), "--kernel: 'k' %s", what);
	right = image_open(&image, "k", data, size, limit, &err) < 0 &&
		!strcmp(err.text, sentence);
	if (!right)
		printf("# got '%s'\n", err.text);
	free(data);
	return right;
}

static uint8_t *exact(const void *data, size_t size)
{
	uint8_t *p = malloc(size ? size : 1);

	memcpy(p, data, size);
	return p;
}

static void linux_image(void)
{
	uint8_t *p = payload_linux(4096, 0x1000, 8192);

	check(image_open(&image, "k", p, 4096, LIMIT, &err) == 0);
	check(image.kind == IMAGE_LINUX && image.data == p && image.size == 4096);
	check(image.text_offset == 0x1000 && image.image_size == 8192);
	image_close(&image);
	free(p);

	/* before 3.17 */
	p = payload_linux(4096, 0, 0);
	check(image_open(&image, "k", p, 4096, LIMIT, &err) == 0);
	check(image.text_offset == 0x80000 && image.image_size == 4096);
	image_close(&image);
	free(p);

	/* something was appended */
	p = payload_linux(4096, 0, 1024);
	check(image_open(&image, "k", p, 4096, LIMIT, &err) == 0);
	check(image.image_size == 4096);
	image_close(&image);
	free(p);

	check(refuses(payload_linux(4096, 1ULL << 40, 4096), 4096, LIMIT,
		      "has a damaged Image header"));
	check(refuses(payload_linux(4096, 0, ~0ULL), 4096, LIMIT, "has a damaged Image header"));
	check(refuses(payload_linux(4096, 0, 4096), 4096, 4095, "is larger than --memory"));
}

static void truncated_linux_image(void)
{
	/* a PE header with one section, whose data ends at 4096 */
	for (size_t size = 64; size < 4096; size += 13) {
		uint8_t *whole = payload_linux(4096, 0, 4096);
		uint32_t pe = 64, raw_size = 3072, raw_offset = 1024;
		uint16_t sections = 1, optional = 16;

		memcpy(whole + 60, &pe, 4);
		memcpy(whole + 64, "PE\0", 4);
		memcpy(whole + 64 + 6, &sections, 2);
		memcpy(whole + 64 + 20, &optional, 2);
		memcpy(whole + 64 + 24 + 16 + 16, &raw_size, 4);
		memcpy(whole + 64 + 24 + 16 + 20, &raw_offset, 4);
		if (size < 64 + 24) {
			/* the PE header itself is cut off: an Image like any other */
			uint8_t *p = exact(whole, size);

			check(image_open(&image, "k", p, size, LIMIT, &err) == 0);
			image_close(&image);
			free(p);
		} else {
			check(refuses(exact(whole, size), size, LIMIT, "is truncated"));
		}
		free(whole);
	}
}

static void gzip(void)
{
	uint8_t *plain = payload_linux(300000, 0, 400000), *packed;
	size_t size;

	packed = payload_gzip(plain, 300000, &size);
	check(image_open(&image, "k", packed, size, LIMIT, &err) == 0);
	check(image.kind == IMAGE_LINUX && image.size == 300000 && image.image_size == 400000);
	check(!memcmp(image.data, plain, 300000));
	image_close(&image);

	/* exactly the limit is allowed */
	check(image_open(&image, "k", packed, size, 300000, &err) == 0);
	image_close(&image);
	check(refuses(exact(packed, size), size, 299999,
		      "is larger than --memory when unpacked"));
	for (size_t cut = 3; cut < size; cut += size / 50 + 1)
		check(refuses(exact(packed, cut), cut, LIMIT, "is a truncated gzip file"));
	packed[size / 2] ^= 0xff;
	check(image_open(&image, "k", packed, size, LIMIT, &err) < 0);
	packed[size / 2] ^= 0xff;
	packed[size - 8] ^= 0xff;	/* the checksum */
	check(refuses(packed, size, LIMIT, "is a damaged gzip file"));
	free(plain);
}

static void zboot(void)
{
	uint8_t *plain = payload_linux(5000, 0, 5000), *packed, *p;
	size_t size;

	packed = payload_gzip(plain, 5000, &size);
	p = calloc(1, 64 + size);
	memcpy(p, "MZ\0\0zimg", 8);
	memcpy(p + 8, &(uint32_t){ 64 }, 4);
	memcpy(p + 12, &(uint32_t){ size }, 4);
	memcpy(p + 24, "gzip", 5);
	memcpy(p + 64, packed, size);
	check(image_open(&image, "k", p, 64 + size, LIMIT, &err) == 0);
	check(image.size == 5000 && !memcmp(image.data, plain, 5000));
	image_close(&image);
	check(refuses(exact(p, 64 + size - 1), 64 + size - 1, LIMIT, "is truncated"));
	check(refuses(exact(p, 20), 20, LIMIT, "is truncated"));
	memcpy(p + 24, "zstd", 5);
	check(refuses(p, 64 + size, LIMIT,
		      "is an EFI zboot image with a compression other than gzip"));
	free(packed);
	free(plain);
}

static void elf(void)
{
	const struct payload_segment segments[] = {
		{ 0x40100000, 0x40100000, 100, 200, 0x11 },
		{ 0x40000000, 0x40000000, 50, 50, 0x22 },
	};
	size_t size;
	uint8_t *p = payload_elf(segments, 2, 0x40100000, &size);

	check(image_open(&image, "k", p, size, LIMIT, &err) == 0);
	check(image.kind == IMAGE_ELF && image.data == p && image.size == size);
	image_close(&image);
	for (size_t cut = 4; cut < size; cut += 7)
		check(refuses(exact(p, cut), cut, LIMIT, "is truncated"));
	p[18] = 0x3e;	/* e_machine: x86-64 */
	check(refuses(exact(p, size), size, LIMIT,
		      "is an ELF file, but not for little-endian arm64"));
	p[18] = 183;
	p[16] = 1;	/* e_type: ET_REL */
	check(refuses(exact(p, size), size, LIMIT, "is an ELF file, but not a program"));
	p[16] = 2;
	p[56] = 0;	/* e_phnum */
	check(refuses(exact(p, size), size, LIMIT, "is an ELF file without program headers"));
	p[56] = 2;
	p[64] = p[64 + 56] = 4;	/* p_type: PT_NOTE */
	check(refuses(p, size, LIMIT, "is an ELF file with nothing to load"));
}

static void vmlinux(void)
{
	const uint64_t base = 0xffff800008000000;
	const struct payload_segment segments[] = {
		{ base, base, 4096, 4096, 0 },
		{ base + 0x10000, base + 0x10000, 100, 0x8000, 0x33 },
	};
	const uint64_t image_size = 0x18000;
	size_t size;
	uint8_t *p = payload_elf(segments, 2, base, &size);
	uint8_t *head = p + 64 + 2 * 56;

	check(refuses(exact(p, size), size, LIMIT,
		      "is an ELF program for virtual addresses, and no arm64 vmlinux"));
	memcpy(head + 16, &image_size, 8);
	memcpy(head + 56, "ARM\x64", 4);
	check(image_open(&image, "k", p, size, LIMIT, &err) == 0);
	check(image.kind == IMAGE_LINUX && image.size == 0x10064);
	check(image.image_size == image_size && image.data[0x10000] == 0x33);
	check(image.data[0xffff] == 0);
	image_close(&image);
	check(refuses(exact(p, size), size, 0x10063, "is larger than --memory"));
	/* a gzip file of it is as good */
	head = payload_gzip(p, size, &size);
	check(image_open(&image, "k", head, size, LIMIT, &err) == 0);
	check(image.kind == IMAGE_LINUX && image.size == 0x10064);
	image_close(&image);
	free(head);
	free(p);
}

static void others(void)
{
	static const uint8_t magic[4] = { 0x18, 0x28, 0x6f, 0x01 };
	uint8_t *zimage = calloc(1, 1024);

	memcpy(zimage + 0x24, magic, 4);
	check(refuses(zimage, 1024, LIMIT, "is a 32-bit ARM zImage"));
	check(refuses(exact("", 0), 0, LIMIT, "is empty"));
	check(refuses(exact("hello, world\n", 13), 13, LIMIT,
		      "is no arm64 Linux Image, Image.gz or ELF program"));
	check(refuses(exact("\x1f\x8b", 2), 2, LIMIT, "is a truncated gzip file"));
	check(refuses(exact("\177ELF", 4), 4, LIMIT, "is truncated"));
}

/* Whatever the bytes are: no sanitizer complains, and each answer is 0 or has a sentence. */
static void noise(void)
{
	const struct payload_segment segments[] = {
		{ 0x40100000, 0x40100000, 100, 200, 0x11 },
	};
	uint32_t seed = 1;
	size_t size;
	uint8_t *elf_file = payload_elf(segments, 1, 0x40100000, &size);

	for (int i = 0; i < 20000; i++) {
		uint8_t *p = exact(elf_file, size);

		for (int j = 0; j < 3; j++) {
			seed = seed * 1103515245 + 12345;
			p[(seed >> 8) % (64 + 56)] = seed >> 24;
		}
		err.text[0] = 0;
		if (image_open(&image, "k", p, size, LIMIT, &err) == 0)
			image_close(&image);
		else
			check(err.text[0]);
		free(p);
	}
	free(elf_file);
}

const struct tap_test image_tests[] = {
	{ "Linux Image", linux_image },
	{ "truncated Linux Image", truncated_linux_image },
	{ "Image.gz", gzip },
	{ "EFI zboot", zboot },
	{ "ELF program", elf },
	{ "vmlinux", vmlinux },
	{ "other files", others },
	{ "damaged ELF headers", noise },
	{ NULL, NULL },
};
