// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "migration/checkpoint.h"
#include "tests/tap.h"

#define CHUNKS	8
#define SIZE	(CHUNKS * RAM_CHUNK_SIZE)

static uint8_t ram[SIZE], into[SIZE];
static struct error err;
static char folder[] = "/tmp/avmm-test-XXXXXX";

static const char *path(const char *name)
{
	static char text[4][128];
	static unsigned int n;

	snprintf(text[++n % 4], sizeof(text[0]), "%s/%s", folder, name);
	return text[n % 4];
}

static void begin(void)
{
	strcpy(folder, "/tmp/avmm-test-XXXXXX");
	check(mkdtemp(folder) != NULL);
	memset(ram, 0, sizeof(ram));
	memset(ram + RAM_PAGE_SIZE, 1, RAM_PAGE_SIZE);
	memset(ram + 3 * RAM_CHUNK_SIZE, 3, RAM_CHUNK_SIZE);
	for (unsigned int i = 0, x = 7; i < RAM_CHUNK_SIZE; i++, x = x * 1103515245 + 12345)
		ram[5 * RAM_CHUNK_SIZE + i] = x >> 16;
}

/* How many files there are; removes them. */
static unsigned int end(void)
{
	DIR *dir = opendir(folder);
	unsigned int n = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			n += unlink(path(entry->d_name)) == 0;
	closedir(dir);
	rmdir(folder);
	return n;
}

static int write_chunks(struct checkpoint_writer *writer, unsigned int from, unsigned int to)
{
	static uint8_t payload[RAM_CHUNK_HEADER + RAM_CHUNK_SIZE];
	int ret = 0;

	for (unsigned int i = from; i < to && ret == 0; i++) {
		size_t size = ram_chunk_encode(payload, ram + i * RAM_CHUNK_SIZE, RAM_CHUNK_ALL);

		ret = checkpoint_write_chunk(writer, i, payload, size);
	}
	return ret;
}

/* base: "id=path", or NULL */
static int save(const char *name, const char *id, const char *base_id, const char *base,
		unsigned int from, unsigned int to)
{
	json_t *head = json_pack("{s:i, s:s, s:o}", "pages", CHUNKS * RAM_CHUNK_PAGES, "id", id,
				 "base", base ? json_pack("{s:s, s:s}", "id", base_id, "path", base) :
				 json_null());
	json_t *state = json_pack("{s:s}", "of", id);
	struct checkpoint_writer writer;
	int ret;

	ret = checkpoint_create(&writer, path(name), CHUNKS, !base, -1, 1, &err);
	if (ret == 0) {
		ret = stream_write_json(&writer.stream, SECTION_HEAD, head);
		if (ret == 0)
			ret = write_chunks(&writer, from, to);
		/* one that changed while the others were written */
		memset(ram + 3 * RAM_CHUNK_SIZE, 4, RAM_PAGE_SIZE);
		if (ret == 0)
			ret = write_chunks(&writer, 3, 4);
		if (ret == 0)
			ret = checkpoint_write_state(&writer, state);
		if (ret == 0)
			ret = checkpoint_finish(&writer, &err);
		else
			checkpoint_abandon(&writer);
	}
	json_decref(head);
	json_decref(state);
	return ret;
}

static bool restores(const char *name, const char *id)
{
	struct checkpoint *checkpoint = checkpoint_open(path(name), &err);
	bool right;

	if (!checkpoint) {
		printf("# %s\n", err.text);
		return false;
	}
	memset(into, 0, sizeof(into));
	right = checkpoint_read_ram(checkpoint, into, &err) == 0 && !memcmp(into, ram, SIZE) &&
		!strcmp(checkpoint_id(checkpoint), id) &&
		!strcmp(json_string_value(json_object_get(checkpoint->state, "of")), id);
	checkpoint_close(checkpoint);
	return right;
}

static void whole(void)
{
	begin();
	check(save("a", "aa", NULL, NULL, 0, CHUNKS) == 0);
	check(restores("a", "aa"));
	check(end() == 1);
}

static void incremental(void)
{
	struct stat a, b;

	begin();
	check(save("a", "aa", NULL, NULL, 0, CHUNKS) == 0);
	/* something becomes zero, zeros become something */
	memset(ram + RAM_PAGE_SIZE, 0, RAM_PAGE_SIZE);
	memset(ram + RAM_CHUNK_SIZE, 9, 1);
	check(save("b", "bb", "aa", path("a"), 0, 2) == 0);
	check(restores("b", "bb"));
	check(stat(path("a"), &a) == 0 && stat(path("b"), &b) == 0 && b.st_size < a.st_size / 4);
	memset(ram + 2 * RAM_CHUNK_SIZE, 7, 5);
	check(save("c", "cc", "bb", "/nowhere/b", 2, 3) == 0);
	check(restores("c", "cc"));
	/* another file under the base's name */
	check(rename(path("a"), path("b")) == 0);
	check(checkpoint_open(path("c"), &err) == NULL);
	check(strstr(err.text, "builds on another checkpoint"));
	check(unlink(path("b")) == 0);
	check(checkpoint_open(path("c"), &err) == NULL);
	check(strstr(err.text, "/nowhere/b: cannot be opened: No such file"));
	check(end() == 1);
}

/* Whatever is cut or changed: one sentence, and never other memory than was saved. */
static void hostile(void)
{
	struct checkpoint *checkpoint;
	unsigned int wrong = 0, n = 0;
	static uint8_t file[1 << 20];
	ssize_t size;
	int fd;

	begin();
	check(save("a", "aa", NULL, NULL, 0, CHUNKS) == 0);
	fd = open(path("a"), O_RDWR);
	size = read(fd, file, sizeof(file));
	for (ssize_t i = 0; i < size; i += i < 64 || i > size - 64 ? 1 : 97) {
		n += 2;
		for (int how = 0; how < 2; how++) {
			uint8_t byte = file[i] ^ 0x10;

			if (how ? ftruncate(fd, i) < 0 : pwrite(fd, &byte, 1, i) != 1)
				wrong++;
			checkpoint = checkpoint_open(path("a"), &err);
			if (checkpoint && checkpoint_read_ram(checkpoint, into, &err) == 0) {
				memset(into, 0, sizeof(into));
				checkpoint_read_ram(checkpoint, into, &err);
				/* a section that a later one replaced may be damaged */
				wrong += memcmp(into, ram, SIZE) != 0 || how == 1;
			}
			checkpoint_close(checkpoint);
			if (pwrite(fd, file, size, 0) != size)
				wrong++;
		}
	}
	check(wrong == 0 && n > 500);
	check(restores("a", "aa"));
	close(fd);
	check(end() == 1);
}

/* Nothing remains of one that was not finished, and what had the name before is as it was. */
static void unfinished(void)
{
	struct checkpoint_writer writer;

	begin();
	check(save("a", "aa", NULL, NULL, 0, CHUNKS) == 0);
	check(checkpoint_create(&writer, path("a"), CHUNKS, true, -1, 1, &err) == 0);
	check(write_chunks(&writer, 0, 4) == 0);
	checkpoint_abandon(&writer);
	check(restores("a", "aa"));
	check(checkpoint_create(&writer, path("none/b"), CHUNKS, true, -1, 1, &err) == -ENOENT);
	check(strstr(err.text, "none/b: cannot be written: No such file"));
	check(checkpoint_create(&writer, "/dev/full/x", CHUNKS, true, -1, 1, &err) == -ENOTDIR);
	check(end() == 1);
}

const struct tap_test checkpoint_tests[] = {
	{ "whole", whole },
	{ "incremental", incremental },
	{ "damaged and cut", hostile },
	{ "unfinished", unfinished },
	{ NULL, NULL }
};
