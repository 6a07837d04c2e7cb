// SPDX-License-Identifier: GPL-2.0
#include "tests/payload.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

uint8_t *payload_linux(size_t size, uint64_t text_offset, uint64_t image_size)
{
	uint8_t *p = malloc(size);

	memset(p, 0x5a, size);
	memset(p, 0, 64);
	memcpy(p + 8, &text_offset, 8);
	memcpy(p + 16, &image_size, 8);
	memcpy(p + 56, "ARM\x64", 4);
	return p;
}

uint8_t *payload_elf(const struct payload_segment *segments, unsigned int n, uint64_t entry,
		     size_t *size)
{
	size_t offset = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
	Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, 1 },
		.e_type = ET_EXEC, .e_machine = EM_AARCH64, .e_version = 1, .e_entry = entry,
		.e_phoff = sizeof(eh), .e_ehsize = sizeof(eh), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = n,
	};
	uint8_t *p;

	*size = offset;
	for (unsigned int i = 0; i < n; i++)
		*size += segments[i].filesz;
	p = malloc(*size);
	memcpy(p, &eh, sizeof(eh));
	for (unsigned int i = 0; i < n; i++) {
		Elf64_Phdr ph = {
			.p_type = PT_LOAD, .p_offset = offset, .p_vaddr = segments[i].vaddr,
			.p_paddr = segments[i].paddr, .p_filesz = segments[i].filesz,
			.p_memsz = segments[i].memsz,
		};

		memcpy(p + sizeof(eh) + i * sizeof(ph), &ph, sizeof(ph));
		memset(p + offset, segments[i].fill, segments[i].filesz);
		offset += segments[i].filesz;
	}
	return p;
}

uint8_t *payload_gzip(const void *data, size_t size, size_t *packed)
{
	size_t room = size + size / 100 + 1024;
	uint8_t *whole = malloc(room), *exact;
	z_stream z = {
		.next_in = (Bytef *)data, .avail_in = size, .next_out = whole, .avail_out = room,
	};

	deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
	deflate(&z, Z_FINISH);
	*packed = z.total_out;
	deflateEnd(&z);
	exact = malloc(*packed);
	memcpy(exact, whole, *packed);
	free(whole);
	return exact;
}
