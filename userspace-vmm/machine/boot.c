// SPDX-License-Identifier: GPL-2.0
/*
 * Linux, Documentation/arm64/booting.rst:
 * - the Image is text_offset bytes above a 2 MiB boundary, as near to the start of RAM as can be
 *   (kernels before 4.6 cannot use memory below it), and image_size bytes are its own;
 * - the device tree is at most 2 MiB and not in a block that the kernel maps with other attributes;
 * - the initrd is in one 32 GiB window, aligned to 1 GiB, with the Image.
 * So all three are packed from the start of RAM upwards, each in 2 MiB blocks of its own. An ELF
 * program goes where it wants to be, and the device tree above it, or below where that is full.
 */
#include "machine/boot.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLOCK	(2ULL << 20)

struct range {
	uint64_t start;
	uint64_t end;		/* not included */
};

static uint64_t align_up(uint64_t v)
{
	return (v + BLOCK - 1) & ~(BLOCK - 1);
}

static int too_small(const struct image *image, struct error *err)
{
	return error_set(err, -ENOSPC, "--memory: too small for '%s' and what goes with it",
			 image->path);
}

/* size bytes above what is used, or below it; 0 if there is no room. Widens used. */
static uint64_t place(const struct guest_ram *ram, struct range *used, uint64_t size)
{
	uint64_t end = ram->ipa + ram->size;
	uint64_t at = align_up(used->end);

	if (at <= end && size <= end - at) {
		used->end = at + size;
		return at;
	}
	if (used->start - ram->ipa >= align_up(size)) {
		used->start = (used->start & ~(BLOCK - 1)) - align_up(size);
		return used->start;
	}
	return 0;
}

static int load_linux(const struct guest_ram *ram, const struct image *image, struct range *used,
		      uint64_t *entry, struct error *err)
{
	if (image->text_offset > ram->size || image->image_size > ram->size - image->text_offset)
		return too_small(image, err);
	/* RAM starts on a 2 MiB boundary */
	memcpy(ram->host + image->text_offset, image->data, image->size);
	*entry = ram->ipa + image->text_offset;
	used->start = ram->ipa;
	used->end = *entry + image->image_size;
	return 0;
}

static int load_elf(const struct guest_ram *ram, const struct image *image, struct range *used,
		    uint64_t *entry, struct error *err)
{
	int entries = 0;
	Elf64_Ehdr eh;

	/* image_open() has checked that all of this is in the file */
	memcpy(&eh, image->data, sizeof(eh));
	used->start = UINT64_MAX;
	used->end = 0;
	for (unsigned int i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, image->data + eh.e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (ph.p_paddr < ram->ipa || ph.p_paddr - ram->ipa > ram->size ||
		    ph.p_memsz > ram->size - (ph.p_paddr - ram->ipa))
			return error_set(err, -EINVAL,
					 "--kernel: '%s' has a segment at 0x%" PRIx64 "..0x%" PRIx64
					 ", but RAM is at 0x%" PRIx64 "..0x%" PRIx64, image->path,
					 (uint64_t)ph.p_paddr,
					 (uint64_t)(ph.p_paddr + ph.p_memsz - 1), ram->ipa,
					 ram->ipa + ram->size - 1);
		memcpy(ram->host + (ph.p_paddr - ram->ipa), image->data + ph.p_offset, ph.p_filesz);
		if (ph.p_paddr < used->start)
			used->start = ph.p_paddr;
		if (ph.p_paddr + ph.p_memsz > used->end)
			used->end = ph.p_paddr + ph.p_memsz;
		/* e_entry is a virtual address; with the MMU off we need the physical one */
		if (!entries && eh.e_entry - ph.p_vaddr < ph.p_memsz) {
			*entry = eh.e_entry - ph.p_vaddr + ph.p_paddr;
			entries = 1;
		}
	}
	if (!entries)
		return error_set(err, -EINVAL, "--kernel: '%s' has its entry outside its segments",
				 image->path);
	return 0;
}

int boot_load(const struct guest_ram *ram, const struct image *image, const char *initrd_path,
	      const void *initrd, size_t initrd_size, struct boot_layout *layout, struct error *err)
{
	struct range used = { 0 };
	int ret;

	*layout = (struct boot_layout) { .entry = 0 };
	if (image->kind == IMAGE_LINUX)
		ret = load_linux(ram, image, &used, &layout->entry, err);
	else
		ret = load_elf(ram, image, &used, &layout->entry, err);
	if (ret < 0)
		return ret;

	layout->dtb = place(ram, &used, BOOT_DTB_SIZE);
	if (!layout->dtb)
		return too_small(image, err);
	if (!initrd)
		return 0;
	layout->initrd_start = place(ram, &used, initrd_size);
	if (!layout->initrd_start)
		return error_set(err, -ENOSPC, "--initrd: '%s' does not fit into --memory",
				 initrd_path);
	layout->initrd_end = layout->initrd_start + initrd_size;
	memcpy(ram->host + (layout->initrd_start - ram->ipa), initrd, initrd_size);
	return 0;
}
