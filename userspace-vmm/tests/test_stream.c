// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "migration/stream.h"
#include "tests/tap.h"

/* A stream in memory. */
static struct {
	uint8_t data[1 << 20];
	size_t len;
	size_t at;
	size_t limit;		/* writing: -ENOSPC beyond; 0: none */
} mem;

static struct error err;
static struct section section;

static int mem_write(void *opaque, const void *data, size_t len)
{
	(void)opaque;
	if (mem.len + len > sizeof(mem.data) || (mem.limit && mem.len + len > mem.limit))
		return -ENOSPC;
	memcpy(mem.data + mem.len, data, len);
	mem.len += len;
	return 0;
}

static int mem_read(void *opaque, void *data, size_t len)
{
	(void)opaque;
	if (len > mem.len - mem.at)
		return -ENODATA;
	memcpy(data, mem.data + mem.at, len);
	mem.at += len;
	return 0;
}

static uint8_t ram[4 * RAM_CHUNK_SIZE];
static uint8_t payload[RAM_CHUNK_HEADER + RAM_CHUNK_SIZE];

static void fill_ram(void)
{
	memset(ram, 0, sizeof(ram));
	/* chunk 0: pages 1 and 3, one of them hard to compress; chunk 2: all; 1 and 3: zeros */
	memset(ram + RAM_PAGE_SIZE, 0x55, RAM_PAGE_SIZE);
	for (unsigned int i = 0, x = 1; i < RAM_PAGE_SIZE; i++, x = x * 1103515245 + 12345)
		ram[3 * RAM_PAGE_SIZE + i] = x >> 16;
	for (unsigned int i = 0; i < RAM_CHUNK_SIZE; i++)
		ram[2 * RAM_CHUNK_SIZE + i] = i / RAM_PAGE_SIZE + 1;
}

static int write_all(int level)
{
	json_t *head = json_pack("{s:s, s:i}", "name", "guest", "cpus", 2);
	struct stream_writer writer;
	int ret;

	mem.len = 0;
	fill_ram();
	ret = stream_writer_open(&writer, mem_write, NULL, level);
	if (ret == 0) {
		ret = stream_write_json(&writer, SECTION_HEAD, head);
		for (unsigned int i = 0; i < 4 && ret == 0; i++) {
			size_t size = ram_chunk_encode(payload, ram + i * RAM_CHUNK_SIZE, 0xffff);

			ret = stream_write(&writer, SECTION_RAM, i * RAM_CHUNK_PAGES, payload, size);
		}
		if (ret == 0)
			ret = stream_write_json(&writer, SECTION_STATE, head);
		if (ret == 0)
			ret = stream_write_end(&writer);
		if (ret == 0)
			ret = stream_write_trailer(&writer, 16, 48);
		stream_writer_close(&writer);
	}
	json_decref(head);
	return ret;
}

/* Reads what write_all() wrote, or what became of it; 0 if all of it was there. */
static int read_all(uint8_t *into)
{
	struct stream_reader reader;
	struct ram_chunk chunk;
	json_t *json;
	int ret;

	mem.at = 0;
	err.text[0] = 0;
	ret = stream_reader_open(&reader, mem_read, NULL, "file", &err);
	if (ret < 0)
		return ret;
	do {
		ret = stream_read(&reader, &section, &err);
		if (ret < 0)
			break;
		if (section.type == SECTION_RAM) {
			ret = ram_chunk_decode(&chunk, &section, 4 * RAM_CHUNK_PAGES, "file", &err);
			if (ret == 0)
				ram_chunk_apply(&chunk, into + chunk.first * RAM_PAGE_SIZE, RAM_CHUNK_ALL);
		} else if (section.type != SECTION_END) {
			json = stream_json(&reader, &section, section.type, &err);
			ret = json ? 0 : -EPROTO;
			json_decref(json);
		}
	} while (ret == 0 && section.type != SECTION_END);
	stream_reader_close(&reader);
	return ret;
}

static void round_trip(void)
{
	static uint8_t into[sizeof(ram)];
	size_t plain;

	memset(into, 0xee, sizeof(into));
	check(write_all(0) == 0);
	plain = mem.len;
	check(read_all(into) == 0);
	check(!memcmp(into, ram, sizeof(ram)));
	check(mem.len - mem.at == STREAM_TRAILER_SIZE);
	memset(into, 0xee, sizeof(into));
	check(write_all(1) == 0);
	check(mem.len < plain / 4);
	check(read_all(into) == 0);
	check(!memcmp(into, ram, sizeof(ram)));
}

static void masks(void)
{
	struct ram_chunk chunk;
	static uint8_t into[RAM_CHUNK_SIZE];
	size_t size;

	fill_ram();
	size = ram_chunk_encode(payload, ram, 1U << 3 | 1U << 4);
	check(size == RAM_CHUNK_HEADER + RAM_PAGE_SIZE);
	section = (struct section) { .type = SECTION_RAM, .size = size, .data = payload };
	check(ram_chunk_decode(&chunk, &section, RAM_CHUNK_PAGES, "file", &err) == 0);
	check(chunk.present == 1U << 3 && chunk.zero == 1U << 4);
	memset(into, 0xee, sizeof(into));
	ram_chunk_apply(&chunk, into, RAM_CHUNK_ALL);
	check(into[0] == 0xee && into[5 * RAM_PAGE_SIZE] == 0xee);
	check(!memcmp(into + 3 * RAM_PAGE_SIZE, ram + 3 * RAM_PAGE_SIZE, 2 * RAM_PAGE_SIZE));
}

/* Wherever it ends, that is said. */
static void truncated(void)
{
	static uint8_t into[sizeof(ram)];
	size_t whole, failed = 0, end;

	check(write_all(1) == 0);
	whole = mem.len;
	end = whole - STREAM_TRAILER_SIZE;
	for (mem.len = 0; mem.len < end; mem.len++)
		failed += read_all(into) == -EPROTO && !strcmp(err.text, "file: ends too early");
	check(failed == end);
}

/* No byte can be another one, unless the damage is in the trailer, which a stream does not have. */
static void damaged(void)
{
	static uint8_t into[sizeof(ram)];
	size_t end, failed = 0;

	check(write_all(1) == 0);
	end = mem.len - STREAM_TRAILER_SIZE;
	for (size_t i = 0; i < end; i++) {
		mem.data[i] ^= 1 << i % 8;
		failed += read_all(into) < 0 && err.text[0];
		mem.data[i] ^= 1 << i % 8;
	}
	check(failed == end);
	check(read_all(into) == 0);
}

static void versions(void)
{
	static uint8_t into[sizeof(ram)];
	uint32_t crc;

	check(write_all(0) == 0);
	mem.data[0] ^= 1;
	check(read_all(into) == -EPROTO);
	check(!strcmp(err.text, "file: is no checkpoint of avmm"));
	check(write_all(0) == 0);
	mem.data[8] = 99;
	crc = htole32(crc32(0, mem.data, 12));
	memcpy(mem.data + 12, &crc, sizeof(crc));
	check(read_all(into) == -EPROTO);
	check(strstr(err.text, "file: has version 99 of the format, and this avmm"));
	/* a type that is not known, first needed and then not */
	for (unsigned int optional = 0; optional < 2; optional++) {
		check(write_all(0) == 0);
		mem.data[STREAM_HEADER_SIZE] = 200;
		mem.data[STREAM_HEADER_SIZE + 4] = optional ? SECTION_OPTIONAL : 0;
		crc = htole32(crc32(0, mem.data + STREAM_HEADER_SIZE, 28));
		memcpy(mem.data + STREAM_HEADER_SIZE + 28, &crc, sizeof(crc));
		if (optional)
			check(read_all(into) == 0);
		else
			check(read_all(into) == -EPROTO && strstr(err.text, "section of type 200"));
	}
}

static bool refuses(const struct section *s, const uint8_t *data, const char *sentence)
{
	struct ram_chunk chunk;
	bool right;

	section = *s;
	section.data = data;
	right = ram_chunk_decode(&chunk, &section, 2 * RAM_CHUNK_PAGES, "file", &err) == -EPROTO &&
		strstr(err.text, sentence);
	if (!right)
		printf("# '%s'\n", err.text);
	return right;
}

static void hostile_ram(void)
{
	struct section s = { .type = SECTION_RAM, .size = RAM_CHUNK_HEADER };
	uint8_t data[RAM_CHUNK_HEADER] = { 0 };

	s.arg = 1;
	check(refuses(&s, data, "do not fit"));
	s.arg = 2 * RAM_CHUNK_PAGES;
	check(refuses(&s, data, "do not fit"));
	s.arg = UINT64_MAX - (RAM_CHUNK_PAGES - 1);
	check(refuses(&s, data, "do not fit"));
	s.arg = 0;
	data[0] = 1;		/* a page that is not there */
	check(refuses(&s, data, "do not fit"));
	s.size += RAM_PAGE_SIZE;
	data[4] = 1;		/* there and zero */
	check(refuses(&s, data, "do not fit"));
	s.size = RAM_CHUNK_HEADER;
	data[0] = data[4] = 0;
	data[6] = 1;		/* more pages than a chunk has */
	check(refuses(&s, data, "do not fit"));
	s.size = 4;
	check(refuses(&s, data, "impossible"));
	s.type = SECTION_STATE;
	check(refuses(&s, data, "impossible"));
}

static void too_long(void)
{
	struct stream_writer writer;

	mem.len = 0;
	check(stream_writer_open(&writer, mem_write, NULL, 0) == 0);
	check(stream_write(&writer, SECTION_RAM, 0, ram, sizeof(ram)) == -EMSGSIZE);
	check(stream_write(&writer, SECTION_END, 0, ram, 1) == -EMSGSIZE);
	stream_writer_close(&writer);
}

/* Each byte that has no room is an error that comes back. */
static void disk_full(void)
{
	size_t whole, failed = 0;

	mem.limit = 0;
	check(write_all(1) == 0);
	whole = mem.len;
	for (mem.limit = 1; mem.limit < whole; mem.limit++)
		failed += write_all(1) == -ENOSPC;
	check(failed == whole - 1);
	mem.limit = 0;
	check(write_all(1) == 0);
}

static void trailers(void)
{
	uint8_t *raw;
	uint64_t state, index;

	check(write_all(0) == 0);
	raw = mem.data + mem.len - STREAM_TRAILER_SIZE;
	check(stream_trailer_decode(raw, mem.len, &state, &index, "file", &err) == 0);
	check(state == 16 && index == 48);
	check(stream_trailer_decode(raw, mem.len - 1, &state, &index, "file", &err) == -EPROTO);
	check(strstr(err.text, "bytes where there should be"));
	check(stream_trailer_decode(raw - 1, mem.len, &state, &index, "file", &err) == -EPROTO);
	check(!strcmp(err.text, "file: ends too early"));
	raw[0] ^= 1;
	check(stream_trailer_decode(raw, mem.len, &state, &index, "file", &err) == -EPROTO);
	check(!strcmp(err.text, "file: the trailer is damaged"));
}

static void missing_sections(void)
{
	static uint8_t into[sizeof(ram)];
	size_t second;

	check(write_all(0) == 0);
	/* HEAD is taken out, whole */
	second = STREAM_HEADER_SIZE + SECTION_HEADER_SIZE + strlen("{\"cpus\":2,\"name\":\"guest\"}");
	mem.len -= second - STREAM_HEADER_SIZE;
	memmove(mem.data + STREAM_HEADER_SIZE, mem.data + second, mem.len - STREAM_HEADER_SIZE);
	check(read_all(into) == -EPROTO);
	check(strstr(err.text, "sections are missing: 5 of 6"));
}

const struct tap_test stream_tests[] = {
	{ "round trip, with and without compression", round_trip },
	{ "masks of pages", masks },
	{ "truncated anywhere", truncated },
	{ "damaged anywhere", damaged },
	{ "another format, another version", versions },
	{ "hostile sections of RAM", hostile_ram },
	{ "sections that are too long", too_long },
	{ "no room anywhere", disk_full },
	{ "trailer", trailers },
	{ "missing sections", missing_sections },
	{ NULL, NULL }
};
