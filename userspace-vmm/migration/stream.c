// SPDX-License-Identifier: GPL-2.0
/*
 * All numbers are little-endian. Lengths are bounded before anything is allocated or read, and a
 * header has a checksum of its own, so that a flipped bit in a length is not followed.
 */
#include "migration/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* As PNG's: text conversion of any kind shows. */
static const uint8_t magic[8] = { 0x89, 'A', 'V', 'M', 'M', '\r', '\n', 0x1a };
static const uint8_t trailer_magic[4] = { 'A', 'V', 'M', 'e' };

/* The most that a payload may have. A RAM of 255 GiB has an index of 32 MiB. */
#define JSON_MAX	(64U << 20)
#define TABLE_MAX	(64U << 20)

static const struct {
	const char *name;
	uint32_t max;
} types[SECTION_TYPES] = {
	[SECTION_HEAD] = { "HEAD", JSON_MAX },
	[SECTION_RAM] = { "RAM", RAM_CHUNK_HEADER + RAM_CHUNK_SIZE },
	[SECTION_STATE] = { "STATE", JSON_MAX },
	[SECTION_INDEX] = { "INDEX", TABLE_MAX },
	[SECTION_END] = { "END", 0 },
	[SECTION_HELLO] = { "HELLO", JSON_MAX },
	[SECTION_READY] = { "READY", 0 },
	[SECTION_GO] = { "GO", 0 },
	[SECTION_DONE] = { "DONE", 0 },
	[SECTION_FAILED] = { "FAILED", JSON_MAX },
	[SECTION_POSTCOPY] = { "POSTCOPY", TABLE_MAX },
	[SECTION_WANT] = { "WANT", 0 },
};

const char *section_name(uint32_t type)
{
	return type < SECTION_TYPES && types[type].name ? types[type].name : "?";
}

static void put32(uint8_t *p, uint32_t value)
{
	value = htole32(value);
	memcpy(p, &value, sizeof(value));
}

static void put64(uint8_t *p, uint64_t value)
{
	value = htole64(value);
	memcpy(p, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

static uint32_t checksum(const void *data, size_t len)
{
	return crc32_z(0, data, len);
}

static bool is_checksum(uint32_t sum, const void *data, size_t len)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
	/* no fuzzer guesses one */
	(void)sum, (void)data, (void)len;
	return true;
#else
	return sum == checksum(data, len);
#endif
}

/* ---- writing ---- */

static int put(struct stream_writer *writer, const void *data, size_t len)
{
	int ret = len ? writer->write(writer->opaque, data, len) : 0;

	if (ret == 0)
		writer->offset += len;
	return ret;
}

int stream_writer_open(struct stream_writer *writer,
		       int (*write)(void *opaque, const void *data, size_t len), void *opaque,
		       int level)
{
	uint8_t raw[STREAM_HEADER_SIZE] = { 0 };
	int ret;

	*writer = (struct stream_writer) { .write = write, .opaque = opaque };
	if (level) {
		writer->zstd = ZSTD_createCCtx();
		if (!writer->zstd)
			return -ENOMEM;
		ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, level);
		ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 0);
	}
	memcpy(raw, magic, sizeof(magic));
	put32(raw + 8, STREAM_VERSION);
	put32(raw + 12, checksum(raw, 12));
	ret = put(writer, raw, sizeof(raw));
	if (ret < 0)
		stream_writer_close(writer);
	return ret;
}

void stream_writer_close(struct stream_writer *writer)
{
	ZSTD_freeCCtx(writer->zstd);
	free(writer->buffer);
	writer->zstd = NULL;
	writer->buffer = NULL;
}

/* Returns the compressed size, or 0 if that would not be less. */
static size_t squeeze(struct stream_writer *writer, const void *data, size_t size)
{
	size_t room = ZSTD_compressBound(size), got;

	if (!writer->zstd || !size)
		return 0;
	if (room > writer->room) {
		free(writer->buffer);
		writer->buffer = malloc(room);
		writer->room = writer->buffer ? room : 0;
		if (!writer->buffer)
			return 0;
	}
	got = ZSTD_compress2(writer->zstd, writer->buffer, writer->room, data, size);
	return ZSTD_isError(got) || got >= size ? 0 : got;
}

int stream_write(struct stream_writer *writer, enum section_type type, uint64_t arg,
		 const void *data, size_t size)
{
	uint8_t raw[SECTION_HEADER_SIZE];
	size_t stored;
	int ret;

	if (size > types[type].max)
		return -EMSGSIZE;
	stored = squeeze(writer, data, size);
	if (stored)
		data = writer->buffer;
	put32(raw, type);
	put32(raw + 4, stored ? SECTION_ZSTD : 0);
	put32(raw + 8, stored ? stored : size);
	put32(raw + 12, size);
	put64(raw + 16, arg);
	put32(raw + 24, checksum(data, stored ? stored : size));
	put32(raw + 28, checksum(raw, 28));
	ret = put(writer, raw, sizeof(raw));
	if (ret == 0)
		ret = put(writer, data, stored ? stored : size);
	writer->sections++;
	return ret;
}

int stream_write_json(struct stream_writer *writer, enum section_type type, const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	int ret;

	if (!text)
		return -ENOMEM;
	ret = stream_write(writer, type, 0, text, strlen(text));
	free(text);
	return ret;
}

int stream_write_end(struct stream_writer *writer)
{
	return stream_write(writer, SECTION_END, writer->sections, NULL, 0);
}

int stream_write_trailer(struct stream_writer *writer, uint64_t state, uint64_t index)
{
	uint8_t raw[STREAM_TRAILER_SIZE];

	put64(raw, state);
	put64(raw + 8, index);
	put64(raw + 16, writer->offset + sizeof(raw));
	memcpy(raw + 24, trailer_magic, sizeof(trailer_magic));
	put32(raw + 28, checksum(raw, 28));
	return put(writer, raw, sizeof(raw));
}

/* ---- reading ---- */

int stream_header_check(const uint8_t raw[STREAM_HEADER_SIZE], const char *name,
			struct error *err)
{
	if (memcmp(raw, magic, sizeof(magic)))
		return error_set(err, -EPROTO, "%s: is no checkpoint of avmm", name);
	if (!is_checksum(get32(raw + 12), raw, 12))
		return error_set(err, -EPROTO, "%s: the header is damaged", name);
	if (get32(raw + 8) != STREAM_VERSION)
		return error_set(err, -EPROTO, "%s: has version %" PRIu32 " of the format, and this "
				 "avmm (" AVMM_VERSION ") knows version %d", name, get32(raw + 8),
				 STREAM_VERSION);
	return 0;
}

int section_header_decode(struct section *section, const uint8_t raw[SECTION_HEADER_SIZE],
			  const char *name, struct error *err)
{
	*section = (struct section) {
		.type = get32(raw), .flags = get32(raw + 4), .stored = get32(raw + 8),
		.size = get32(raw + 12), .arg = get64(raw + 16), .crc = get32(raw + 24),
	};
	if (!is_checksum(get32(raw + 28), raw, 28))
		return error_set(err, -EPROTO, "%s: the header of a section is damaged", name);
	if (section->flags & ~(SECTION_ZSTD | SECTION_OPTIONAL))
		return error_set(err, -EPROTO, "%s: a section has flags 0x%" PRIx32 ", which this avmm "
				 "(" AVMM_VERSION ") does not know", name, section->flags);
	if (section->type == 0 || section->type >= SECTION_TYPES) {
		if (section->flags & SECTION_OPTIONAL && section->stored <= TABLE_MAX)
			return 0;
		return error_set(err, -EPROTO, "%s: has a section of type %" PRIu32 ", which this "
				 "avmm (" AVMM_VERSION ") does not know", name, section->type);
	}
	if (section->size > types[section->type].max || section->stored > section->size ||
	    (section->stored != section->size && !(section->flags & SECTION_ZSTD)))
		return error_set(err, -EPROTO, "%s: the length of a section (%s) is impossible", name,
				 section_name(section->type));
	return 0;
}

int section_payload_decode(const struct section *section, ZSTD_DCtx *zstd, const void *stored,
			   void *payload, const char *name, struct error *err)
{
	size_t got = section->size;

	if (!is_checksum(section->crc, stored, section->stored))
		return error_set(err, -EPROTO, "%s: the checksum of a section (%s) is wrong", name,
				 section_name(section->type));
	if (section->flags & SECTION_ZSTD)
		got = ZSTD_decompressDCtx(zstd, payload, section->size, stored, section->stored);
	else if (section->size)
		memcpy(payload, stored, section->size);
	if (ZSTD_isError(got) || got != section->size)
		return error_set(err, -EPROTO, "%s: a section (%s) cannot be decompressed", name,
				 section_name(section->type));
	return 0;
}

static int cut(const struct stream_reader *reader, int code, struct error *err)
{
	if (code == -ENODATA)
		return error_set(err, -EPROTO, "%s: ends too early", reader->name);
	return error_set(err, code, "%s: cannot be read: %s", reader->name, strerror(-code));
}

int stream_reader_open(struct stream_reader *reader,
		       int (*read)(void *opaque, void *data, size_t len), void *opaque,
		       const char *name, struct error *err)
{
	uint8_t raw[STREAM_HEADER_SIZE];
	int ret;

	*reader = (struct stream_reader) { .read = read, .opaque = opaque, .name = name };
	ret = read(opaque, raw, sizeof(raw));
	if (ret < 0)
		return cut(reader, ret, err);
	ret = stream_header_check(raw, name, err);
	if (ret < 0)
		return ret;
	reader->zstd = ZSTD_createDCtx();
	if (!reader->zstd)
		return error_set(err, -ENOMEM, "%s: no memory to decompress it", name);
	return 0;
}

void stream_reader_close(struct stream_reader *reader)
{
	ZSTD_freeDCtx(reader->zstd);
	free(reader->stored);
	free(reader->payload);
	reader->zstd = NULL;
	reader->stored = NULL;
	reader->payload = NULL;
}

static int grow(uint8_t **buffer, size_t *room, size_t size)
{
	if (size <= *room)
		return 0;
	free(*buffer);
	*buffer = malloc(size);
	*room = *buffer ? size : 0;
	return *buffer ? 0 : -ENOMEM;
}

/* A length is only a claim: memory is taken as the bytes come. */
#define READ_STEP	(4U << 20)

static int read_stored(struct stream_reader *reader, size_t size)
{
	size_t have = 0;

	while (have < size) {
		size_t step = size - have < READ_STEP ? size - have : READ_STEP;
		uint8_t *more;
		int ret;

		if (have + step > reader->stored_room) {
			more = realloc(reader->stored, have + step);
			if (!more)
				return -ENOMEM;
			reader->stored = more;
			reader->stored_room = have + step;
		}
		ret = reader->read(reader->opaque, reader->stored + have, step);
		if (ret < 0)
			return ret;
		have += step;
	}
	return 0;
}

static int read_section(struct stream_reader *reader, struct section *section, struct error *err)
{
	uint8_t raw[SECTION_HEADER_SIZE];
	int ret = reader->read(reader->opaque, raw, sizeof(raw));

	if (ret < 0)
		return cut(reader, ret, err);
	ret = section_header_decode(section, raw, reader->name, err);
	if (ret < 0)
		return ret;
	ret = read_stored(reader, section->stored);
	return ret < 0 ? cut(reader, ret, err) : 0;
}

int stream_read(struct stream_reader *reader, struct section *section, struct error *err)
{
	int ret;

	do {
		ret = read_section(reader, section, err);
		if (ret < 0)
			return ret;
		reader->sections++;
	} while (section->type == 0 || section->type >= SECTION_TYPES);
	/* the frame says what it becomes, so no memory is taken for a lie */
	if (section->flags & SECTION_ZSTD &&
	    ZSTD_getFrameContentSize(reader->stored, section->stored) != section->size)
		return error_set(err, -EPROTO, "%s: a section (%s) cannot be decompressed",
				 reader->name, section_name(section->type));
	ret = grow(&reader->payload, &reader->payload_room, section->size);
	if (ret < 0)
		return cut(reader, ret, err);
	section->data = reader->payload;
	ret = section_payload_decode(section, reader->zstd, reader->stored, reader->payload,
				     reader->name, err);
	if (ret < 0)
		return ret;
	if (section->type == SECTION_END && section->arg != reader->sections - 1)
		return error_set(err, -EPROTO, "%s: sections are missing: %" PRIu64 " of %" PRIu64
				 " came", reader->name, reader->sections - 1, section->arg);
	return 0;
}

json_t *stream_json(const struct stream_reader *reader, const struct section *section,
		    enum section_type type, struct error *err)
{
	json_error_t why;
	json_t *json;

	if (section->type != type) {
		error_set(err, -EPROTO, "%s: there is %s where %s should be", reader->name,
			  section_name(section->type), section_name(type));
		return NULL;
	}
	json = json_loadb((const char *)section->data, section->size,
			  JSON_REJECT_DUPLICATES, &why);
	if (!json)
		error_set(err, -EPROTO, "%s: %s is no JSON: %s", reader->name,
			  section_name(type), why.text);
	else if (!json_is_object(json))
		error_set(err, -EPROTO, "%s: %s is no JSON object", reader->name,
			  section_name(type));
	if (!json_is_object(json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

int stream_trailer_decode(const uint8_t raw[STREAM_TRAILER_SIZE], uint64_t size, uint64_t *state,
			  uint64_t *index, const char *name, struct error *err)
{
	if (memcmp(raw + 24, trailer_magic, sizeof(trailer_magic)))
		return error_set(err, -EPROTO, "%s: ends too early", name);
	if (!is_checksum(get32(raw + 28), raw, 28))
		return error_set(err, -EPROTO, "%s: the trailer is damaged", name);
	*state = get64(raw);
	*index = get64(raw + 8);
	if (get64(raw + 16) != size)
		return error_set(err, -EPROTO, "%s: has %" PRIu64 " bytes where there should be %"
				 PRIu64, name, size, get64(raw + 16));
	if (size < STREAM_TRAILER_SIZE + SECTION_HEADER_SIZE ||
	    *state > size - STREAM_TRAILER_SIZE - SECTION_HEADER_SIZE ||
	    *index > size - STREAM_TRAILER_SIZE - SECTION_HEADER_SIZE)
		return error_set(err, -EPROTO, "%s: the trailer is impossible", name);
	return 0;
}

/* ---- RAM ---- */

/* Guests write to it meanwhile: then the page is dirty and comes again. */
static bool is_zero(const uint8_t *page)
{
	/* compares it with itself, shifted by a word */
	return !*(const volatile uint64_t *)page && !memcmp(page, page + 8, RAM_PAGE_SIZE - 8);
}

size_t ram_chunk_encode(uint8_t *payload, const uint8_t *host, uint32_t wanted)
{
	uint32_t present = 0, zero = 0;
	size_t size = RAM_CHUNK_HEADER;

	for (unsigned int i = 0; i < RAM_CHUNK_PAGES; i++) {
		const uint8_t *page = host + i * RAM_PAGE_SIZE;

		if (!(wanted & 1U << i))
			continue;
		if (!host || is_zero(page)) {
			zero |= 1U << i;
			continue;
		}
		present |= 1U << i;
		memcpy(payload + size, page, RAM_PAGE_SIZE);
		size += RAM_PAGE_SIZE;
	}
	put32(payload, present);
	put32(payload + 4, zero);
	return size;
}

int ram_chunk_decode(struct ram_chunk *chunk, const struct section *section, uint64_t pages,
		     const char *name, struct error *err)
{
	uint64_t bits;

	if (section->type != SECTION_RAM || section->size < RAM_CHUNK_HEADER)
		return error_set(err, -EPROTO, "%s: a section of RAM (%s) is impossible", name,
				 section_name(section->type));
	*chunk = (struct ram_chunk) {
		.first = section->arg, .present = get32(section->data),
		.zero = get32(section->data + 4), .pages = section->data + RAM_CHUNK_HEADER,
	};
	bits = (uint64_t)chunk->present | chunk->zero;
	if (chunk->first % RAM_CHUNK_PAGES || chunk->first >= pages ||
	    pages - chunk->first < RAM_CHUNK_PAGES || bits >> RAM_CHUNK_PAGES ||
	    chunk->present & chunk->zero ||
	    section->size != RAM_CHUNK_HEADER +
			     __builtin_popcount(chunk->present) * RAM_PAGE_SIZE)
		return error_set(err, -EPROTO, "%s: pages from %" PRIu64 " on do not fit a RAM of %"
				 PRIu64 " pages", name, chunk->first, pages);
	return 0;
}

void ram_chunk_apply(const struct ram_chunk *chunk, uint8_t *host, uint32_t touched)
{
	const uint8_t *from = chunk->pages;

	for (unsigned int i = 0; i < RAM_CHUNK_PAGES; i++) {
		uint8_t *page = host + i * RAM_PAGE_SIZE;

		if (chunk->present & 1U << i) {
			memcpy(page, from, RAM_PAGE_SIZE);
			from += RAM_PAGE_SIZE;
		} else if (chunk->zero & touched & 1U << i) {
			memset(page, 0, RAM_PAGE_SIZE);
		}
	}
}
