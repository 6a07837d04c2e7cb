// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a disk that UEFI starts from: a FAT16 file system without partitions, with files in its
 * root directory. Nothing in the lab's host can make one.
 *
 *	esp DISK NAME=FILE...		NAME is 8.3, in capitals: STARTUP.NSH
 *
 * Layout: Microsoft's FAT specification, fatgen103.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR		512u
#define CLUSTER		(16 * SECTOR)
#define CLUSTERS	8192u			/* more than 4084: else it were FAT12 */
#define FAT_SECTORS	((CLUSTERS + 2) * 2 / SECTOR + 1)
#define ROOT_ENTRIES	512u
#define ROOT		(1 + FAT_SECTORS)	/* sector; there is one FAT */
#define DATA		(ROOT + ROOT_ENTRIES * 32 / SECTOR)

static uint8_t *disk;
static unsigned int next = 2, entries;

static void put(uint8_t *p, uint32_t value, unsigned int len)
{
	while (len--) {
		*p++ = value;
		value >>= 8;
	}
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void format(void)
{
	uint8_t *b = disk;

	memcpy(b, "\xeb\x3c\x90" "AVMM    ", 11);
	put(b + 11, SECTOR, 2);
	put(b + 13, CLUSTER / SECTOR, 1);
	put(b + 14, 1, 2);			/* reserved: this one */
	put(b + 16, 1, 1);
	put(b + 17, ROOT_ENTRIES, 2);
	put(b + 21, 0xf8, 1);
	put(b + 22, FAT_SECTORS, 2);
	put(b + 24, 32, 2);			/* a geometry, for who wants one */
	put(b + 26, 64, 2);
	put(b + 32, DATA + CLUSTERS * (CLUSTER / SECTOR), 4);
	put(b + 38, 0x29, 1);
	memcpy(b + 43, "AVMM       FAT16   ", 19);
	put(b + 510, 0xaa55, 2);
	put(disk + SECTOR, 0xfffffff8, 4);
}

static void add(const char *name, size_t len, const char *path)
{
	uint8_t *entry = disk + ROOT * SECTOR + 32 * entries++, *fat = disk + SECTOR;
	const char *dot = memchr(name, '.', len);
	size_t base = dot ? (size_t)(dot - name) : len, size = 0, n;
	FILE *file = fopen(path, "rb");
	unsigned int first = next;

	if (!file)
		die(path);
	memset(entry, ' ', 11);
	memcpy(entry, name, base);
	if (dot)
		memcpy(entry + 8, dot + 1, len - base - 1);
	while ((n = fread(disk + (DATA + (next - 2) * (CLUSTER / SECTOR)) * SECTOR, 1, CLUSTER,
			  file)) > 0) {
		size += n;
		put(fat + 2 * next, next + 1, 2);
		if (++next == CLUSTERS + 1) {
			fprintf(stderr, "%s: it does not fit\n", path);
			exit(1);
		}
	}
	if (ferror(file))
		die(path);
	fclose(file);
	if (size)
		put(fat + 2 * (next - 1), 0xffff, 2);
	put(entry + 26, size ? first : 0, 2);
	put(entry + 28, size, 4);
}

int main(int argc, char **argv)
{
	size_t size = (DATA + (size_t)CLUSTERS * (CLUSTER / SECTOR)) * SECTOR;
	FILE *out;

	disk = calloc(1, size);
	if (!disk)
		die("memory");
	format();
	for (int i = 2; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value || value - argv[i] > 12)
			return 2;
		add(argv[i], value - argv[i], value + 1);
	}
	out = argc > 1 ? fopen(argv[1], "wb") : NULL;
	if (!out || fwrite(disk, size, 1, out) != 1 || fclose(out))
		die("disk");
	return 0;
}
