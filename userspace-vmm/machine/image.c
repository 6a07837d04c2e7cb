// SPDX-License-Identifier: GPL-2.0
/*
 * Linux: Documentation/arm64/booting.rst, "Call the kernel image", has the 64-byte header.
 * The same header is a PE header, whose section table tells a truncated file; an EFI zboot image
 * is a PE program around a compressed Image (drivers/firmware/efi/libstub/Makefile.zboot).
 */
#include "machine/image.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LINUX_HEADER_SIZE	64
#define LINUX_TEXT_OFFSET	8
#define LINUX_IMAGE_SIZE	16
#define LINUX_MAGIC		56
#define LINUX_PE_OFFSET		60

/* booting.rst: before 3.17 image_size is zero, and text_offset is to be taken as 0x80000 */
#define LINUX_OLD_TEXT_OFFSET	0x80000

#define ARM32_ZIMAGE_MAGIC	0x24	/* offset of 0x016f2818, in each 32-bit zImage */

#define ZBOOT_PAYLOAD_OFFSET	8
#define ZBOOT_PAYLOAD_SIZE	12
#define ZBOOT_TYPE		24
#define ZBOOT_HEADER_SIZE	64

#define PE_SECTIONS		6	/* u16 */
#define PE_OPTIONAL_SIZE	20	/* u16 */
#define PE_HEADER_SIZE		24
#define PE_SECTION_SIZE		40
#define PE_SECTION_RAW_SIZE	16
#define PE_SECTION_RAW_OFFSET	20

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static int fail(const struct image *image, int code, const char *what, struct error *err)
{
	return error_set(err, code, "--kernel: '%s' %s", image->path, what);
}

static int gunzip(struct image *image, const uint8_t *in, size_t in_size, uint64_t limit,
		  struct error *err)
{
	z_stream z = { .next_in = (Bytef *)in };
	size_t room = 0, done = 0, left = in_size;
	uint8_t *out = NULL;
	int ret;

	/* 16: a gzip header, and the check of the checksum behind the data */
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return fail(image, -ENOMEM, "cannot be unpacked for lack of memory", err);
	do {
		uInt in_now, out_now;

		if (done == room) {
			uint8_t *more;

			/* one byte more than is allowed, to see that it is too large */
			if (room > limit) {
				ret = fail(image, -EFBIG,
					   "is larger than --memory when unpacked", err);
				goto out;
			}
			room = room ? room * 2 : in_size * 4 + 4096;
			if (room > limit)
				room = limit + 1;
			more = realloc(out, room);
			if (!more) {
				ret = fail(image, -ENOMEM,
					   "cannot be unpacked for lack of memory", err);
				goto out;
			}
			out = more;
		}
		/* zlib counts in 32 bits */
		in_now = left > INT_MAX ? INT_MAX : left;
		out_now = room - done > INT_MAX ? INT_MAX : room - done;
		z.avail_in = in_now;
		z.next_out = out + done;
		z.avail_out = out_now;
		ret = inflate(&z, Z_NO_FLUSH);
		left -= in_now - z.avail_in;
		done += out_now - z.avail_out;
		if (ret == Z_BUF_ERROR || (ret == Z_OK && !left && z.avail_out)) {
			ret = fail(image, -EINVAL, "is a truncated gzip file", err);
			goto out;
		}
	} while (ret == Z_OK);
	if (ret != Z_STREAM_END) {
		ret = fail(image, -EINVAL, "is a damaged gzip file", err);
		goto out;
	}
	if (done > limit) {
		ret = fail(image, -EFBIG, "is larger than --memory when unpacked", err);
		goto out;
	}
	image->owned = out;
	image->data = out;
	image->size = done;
	out = NULL;
	ret = 0;
out:
	free(out);
	inflateEnd(&z);
	return ret;
}

static int open_zboot(struct image *image, uint64_t limit, struct error *err)
{
	uint64_t offset, size;

	if (image->size < ZBOOT_HEADER_SIZE)
		return fail(image, -EINVAL, "is truncated", err);
	offset = get32(image->data + ZBOOT_PAYLOAD_OFFSET);
	size = get32(image->data + ZBOOT_PAYLOAD_SIZE);
	if (strncmp((const char *)image->data + ZBOOT_TYPE, "gzip", 5))
		return fail(image, -EINVAL,
			    "is an EFI zboot image with a compression other than gzip", err);
	if (offset > image->size || size > image->size - offset)
		return fail(image, -EINVAL, "is truncated", err);
	return gunzip(image, image->data + offset, size, limit, err);
}

/* The end of the last section in the file, if this is a PE program too; else 0. */
static uint64_t pe_end(const uint8_t *data, size_t size)
{
	uint64_t pe = get32(data + LINUX_PE_OFFSET), table, end = 0;
	unsigned int i, sections;

	if (pe < LINUX_HEADER_SIZE || pe + PE_HEADER_SIZE > size || memcmp(data + pe, "PE\0", 4))
		return 0;
	sections = get16(data + pe + PE_SECTIONS);
	table = pe + PE_HEADER_SIZE + get16(data + pe + PE_OPTIONAL_SIZE);
	for (i = 0; i < sections; i++, table += PE_SECTION_SIZE) {
		uint64_t last;

		if (table + PE_SECTION_SIZE > size)
			return table + PE_SECTION_SIZE;
		last = (uint64_t)get32(data + table + PE_SECTION_RAW_OFFSET) +
		       get32(data + table + PE_SECTION_RAW_SIZE);
		if (last > end)
			end = last;
	}
	return end;
}

static bool is_linux(const struct image *image)
{
	return image->size >= LINUX_HEADER_SIZE &&
	       !memcmp(image->data + LINUX_MAGIC, "ARM\x64", 4);
}

static int open_linux(struct image *image, struct error *err)
{
	image->kind = IMAGE_LINUX;
	image->text_offset = get64(image->data + LINUX_TEXT_OFFSET);
	image->image_size = get64(image->data + LINUX_IMAGE_SIZE);
	if (!image->image_size) {
		image->text_offset = LINUX_OLD_TEXT_OFFSET;
		image->image_size = image->size;
	}
	/* something may be appended to the Image, such as a signature */
	if (image->image_size < image->size)
		image->image_size = image->size;
	if (image->text_offset > UINT32_MAX || image->image_size > UINT64_MAX / 2)
		return fail(image, -EINVAL, "has a damaged Image header", err);
	if (pe_end(image->data, image->size) > image->size)
		return fail(image, -EINVAL, "is truncated", err);
	return 0;
}

/* vmlinux is linked to where the kernel maps itself; its segments side by side are the Image. */
static int flatten_vmlinux(struct image *image, const Elf64_Phdr *ph, unsigned int n, uint64_t base,
			   uint64_t limit, struct error *err)
{
	uint64_t end = 0;
	uint8_t *flat;

	for (unsigned int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_filesz &&
		    ph[i].p_paddr - base + ph[i].p_filesz > end)
			end = ph[i].p_paddr - base + ph[i].p_filesz;
	if (end > limit)
		return fail(image, -EFBIG, "is larger than --memory", err);
	flat = calloc(1, end ? end : 1);
	if (!flat)
		return fail(image, -ENOMEM, "cannot be unpacked for lack of memory", err);
	for (unsigned int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_filesz)
			memcpy(flat + (ph[i].p_paddr - base), image->data + ph[i].p_offset,
			       ph[i].p_filesz);
	free(image->owned);
	image->owned = flat;
	image->data = flat;
	image->size = end;
	if (!is_linux(image))
		return fail(image, -EINVAL,
			    "is an ELF program for virtual addresses, and no arm64 vmlinux", err);
	return open_linux(image, err);
}

static int open_elf(struct image *image, uint64_t limit, struct error *err)
{
	uint64_t lowest = UINT64_MAX;
	Elf64_Phdr *ph;
	Elf64_Ehdr eh;
	int ret;

	image->kind = IMAGE_ELF;
	if (image->size < sizeof(eh))
		return fail(image, -EINVAL, "is truncated", err);
	memcpy(&eh, image->data, sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
	    eh.e_machine != EM_AARCH64)
		return fail(image, -EINVAL, "is an ELF file, but not for little-endian arm64", err);
	if (eh.e_type != ET_EXEC && eh.e_type != ET_DYN)
		return fail(image, -EINVAL, "is an ELF file, but not a program", err);
	if (eh.e_phentsize != sizeof(Elf64_Phdr) || !eh.e_phnum)
		return fail(image, -EINVAL, "is an ELF file without program headers", err);
	if (eh.e_phoff > image->size ||
	    (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr) > image->size - eh.e_phoff)
		return fail(image, -EINVAL, "is truncated", err);

	/* copied, because nothing says that the file aligns them */
	ph = malloc(eh.e_phnum * sizeof(*ph));
	if (!ph)
		return fail(image, -ENOMEM, "cannot be read for lack of memory", err);
	memcpy(ph, image->data + eh.e_phoff, eh.e_phnum * sizeof(*ph));
	ret = 0;
	for (unsigned int i = 0; i < eh.e_phnum && !ret; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_offset > image->size ||
		    ph[i].p_filesz > image->size - ph[i].p_offset)
			ret = fail(image, -EINVAL, "is truncated", err);
		else if (ph[i].p_filesz > ph[i].p_memsz ||
			 ph[i].p_paddr + ph[i].p_memsz < ph[i].p_paddr)
			ret = fail(image, -EINVAL, "has a damaged program header", err);
		if (ph[i].p_memsz && ph[i].p_paddr < lowest)
			lowest = ph[i].p_paddr;
	}
	if (!ret && lowest == UINT64_MAX)
		ret = fail(image, -EINVAL, "is an ELF file with nothing to load", err);
	/* the upper half is the kernel's range of virtual addresses (Arm ARM, D8.1: TTBR1) */
	if (!ret && lowest >> 63)
		ret = flatten_vmlinux(image, ph, eh.e_phnum, lowest, limit, err);
	free(ph);
	return ret;
}

static int open_plain(struct image *image, uint64_t limit, struct error *err)
{
	if (image->size > limit)
		return fail(image, -EFBIG, "is larger than --memory", err);
	if (image->size >= SELFMAG && !memcmp(image->data, ELFMAG, SELFMAG))
		return open_elf(image, limit, err);
	if (is_linux(image))
		return open_linux(image, err);
	if (image->size >= ARM32_ZIMAGE_MAGIC + 4 &&
	    get32(image->data + ARM32_ZIMAGE_MAGIC) == 0x016f2818)
		return fail(image, -EINVAL, "is a 32-bit ARM zImage", err);
	return fail(image, -EINVAL, "is no arm64 Linux Image, Image.gz or ELF program", err);
}

int image_open(struct image *image, const char *path, const void *data, size_t size, uint64_t limit,
	       struct error *err)
{
	const uint8_t *p = data;
	int ret = 0;

	*image = (struct image) { .path = path, .data = p, .size = size };
	if (!size)
		return fail(image, -EINVAL, "is empty", err);
	if (size >= 2 && p[0] == 0x1f && p[1] == 0x8b)
		ret = gunzip(image, p, size, limit, err);
	else if (size >= 8 && !memcmp(p, "MZ", 2) && !memcmp(p + 4, "zimg", 4))
		ret = open_zboot(image, limit, err);
	if (!ret)
		ret = open_plain(image, limit, err);
	if (ret < 0)
		image_close(image);
	return ret;
}

void image_close(struct image *image)
{
	free(image->owned);
	image->owned = NULL;
	image->data = NULL;
}
