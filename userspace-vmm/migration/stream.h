/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stream of a checkpoint or a migration: a header, then sections, each with a type, a length
 * and checksums. It is written and read from one end to the other and never seeks, so it goes
 * through a pipe. Documentation/migration.rst has the format.
 *
 * Pure: bytes go out and come in by callbacks. What comes in is never trusted.
 */
#ifndef AVMM_MIGRATION_STREAM_H
#define AVMM_MIGRATION_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <zstd.h>

#include "core/error.h"

/* A reader refuses any other; what can be added without that is a section with SECTION_OPTIONAL. */
#define STREAM_VERSION		1

#define STREAM_HEADER_SIZE	16
#define SECTION_HEADER_SIZE	32
#define STREAM_TRAILER_SIZE	32

enum section_type {
	SECTION_HEAD = 1,	/* JSON: which VM, made by what */
	SECTION_RAM,		/* pages */
	SECTION_STATE,		/* JSON: vCPUs, interrupt controller, devices */
	SECTION_INDEX,		/* of a file: where the last section of each chunk of RAM is */
	SECTION_END,		/* nothing follows; arg is the number of sections before it */
	/* the hand-over of a migration, both ways */
	SECTION_HELLO,		/* JSON: the destination knows the HEAD and takes it */
	SECTION_READY,		/* the destination has all and could run */
	SECTION_GO,		/* the source never runs again; the destination runs */
	SECTION_DONE,		/* the destination runs */
	SECTION_FAILED,		/* JSON: the destination cannot, and why */
	SECTION_POSTCOPY,	/* a bit for each page that is still to come */
	SECTION_WANT,		/* the destination needs the page of arg now */
	SECTION_TYPES
};

/* Flags of a section */
#define SECTION_ZSTD		1U	/* the payload is one zstd frame */
#define SECTION_OPTIONAL	2U	/* who does not know the type may leave it out */

struct section {
	uint32_t type;
	uint32_t flags;
	uint32_t stored;	/* bytes that follow the header */
	uint32_t size;		/* bytes of the payload */
	uint64_t arg;
	uint32_t crc;		/* of what is stored, zlib's crc32 */
	const uint8_t *data;	/* the payload; the reader's, until the next section */
};

/* ---- writing ---- */

struct stream_writer {
	/* all of it, or a negative errno */
	int (*write)(void *opaque, const void *data, size_t len);
	void *opaque;
	uint64_t offset;	/* bytes written so far */
	uint64_t sections;
	ZSTD_CCtx *zstd;	/* NULL: no compression */
	uint8_t *buffer;
	size_t room;
};

/* level is zstd's; 0: nothing is compressed. Also writes the stream's header. */
int stream_writer_open(struct stream_writer *writer,
		       int (*write)(void *opaque, const void *data, size_t len), void *opaque,
		       int level);
void stream_writer_close(struct stream_writer *writer);

int stream_write(struct stream_writer *writer, enum section_type type, uint64_t arg,
		 const void *data, size_t size);
int stream_write_json(struct stream_writer *writer, enum section_type type, const json_t *json);
int stream_write_end(struct stream_writer *writer);

/* Of a file, after the end: where STATE and INDEX begin. */
int stream_write_trailer(struct stream_writer *writer, uint64_t state, uint64_t index);

/* ---- reading ---- */

struct stream_reader {
	/* all of it; -ENODATA when the stream ends before, or another negative errno */
	int (*read)(void *opaque, void *data, size_t len);
	void *opaque;
	const char *name;	/* for messages: the file or the peer */
	uint64_t sections;
	ZSTD_DCtx *zstd;
	uint8_t *stored;
	uint8_t *payload;
	size_t stored_room;
	size_t payload_room;
};

/* Also reads the stream's header. */
int stream_reader_open(struct stream_reader *reader,
		       int (*read)(void *opaque, void *data, size_t len), void *opaque,
		       const char *name, struct error *err);
void stream_reader_close(struct stream_reader *reader);

/* The next section of a type that is known. */
int stream_read(struct stream_reader *reader, struct section *section, struct error *err);

/* -EPROTO if the section is not of that type or holds no JSON object. */
json_t *stream_json(const struct stream_reader *reader, const struct section *section,
		    enum section_type type, struct error *err);

const char *section_name(uint32_t type);

/* ---- parts, for who reads a file in another order ---- */

int stream_header_check(const uint8_t raw[STREAM_HEADER_SIZE], const char *name,
			struct error *err);
int section_header_decode(struct section *section, const uint8_t raw[SECTION_HEADER_SIZE],
			  const char *name, struct error *err);
/* room must be section->size; zstd may be NULL if SECTION_ZSTD is not set */
int section_payload_decode(const struct section *section, ZSTD_DCtx *zstd, const void *stored,
			   void *payload, const char *name, struct error *err);
/* size is the file's: the trailer says what it must be, so a file that was cut is noticed */
int stream_trailer_decode(const uint8_t raw[STREAM_TRAILER_SIZE], uint64_t size, uint64_t *state,
			  uint64_t *index, const char *name, struct error *err);

/* ---- RAM ---- */

#define RAM_PAGE_SIZE		4096U
/* Pages of a RAM section; its first page is a multiple of this. */
#define RAM_CHUNK_PAGES		16U
#define RAM_CHUNK_SIZE		(RAM_CHUNK_PAGES * RAM_PAGE_SIZE)
#define RAM_CHUNK_ALL		((1U << RAM_CHUNK_PAGES) - 1)

/* arg of the section is the number of the first page. Pages in neither mask are as they were. */
struct ram_chunk {
	uint64_t first;
	uint32_t present;	/* a bit per page whose bytes follow, the lowest first */
	uint32_t zero;		/* a bit per page of zeros */
	const uint8_t *pages;
};

#define RAM_CHUNK_HEADER	8

/*
 * wanted: pages to take. host: of the chunk; NULL: they are zeros. payload has room for
 * RAM_CHUNK_HEADER + RAM_CHUNK_SIZE bytes; returns how many it has then.
 */
size_t ram_chunk_encode(uint8_t *payload, const uint8_t *host, uint32_t wanted);
/* pages: of all RAM */
int ram_chunk_decode(struct ram_chunk *chunk, const struct section *section, uint64_t pages,
		     const char *name, struct error *err);
/* touched: pages that may hold something; the others are zeros and need not be made that */
void ram_chunk_apply(const struct ram_chunk *chunk, uint8_t *host, uint32_t touched);

#endif /* AVMM_MIGRATION_STREAM_H */
