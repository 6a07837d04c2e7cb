/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A checkpoint in a file: a stream with an index of RAM and a trailer behind it, so that any page
 * can be found at once. One that builds on another has only what was written since.
 *
 * Any thread, one at a time for each object.
 */
#ifndef AVMM_MIGRATION_CHECKPOINT_H
#define AVMM_MIGRATION_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/error.h"
#include "core/memory.h"
#include "migration/channel.h"
#include "migration/stream.h"

#define CHECKPOINT_ID_SIZE	33	/* 32 hexadecimal digits and the end */

/* ---- writing: into a file beside it, which takes its name at the end ---- */

struct checkpoint_writer {
	char *path;
	char *temporary;
	struct channel channel;
	struct stream_writer stream;
	uint64_t *index;	/* offset of each chunk's last section; 0: none */
	uint64_t chunks;
	uint64_t state;		/* offset of STATE */
	bool full;		/* builds on no other: what has no section is zeros */
	bool named;		/* the file has its name, whatever failed after that */
};

int checkpoint_create(struct checkpoint_writer *writer, const char *path, uint64_t chunks, bool full,
		      int cancel, int level, struct error *err);
/* payload: of all pages of the chunk */
int checkpoint_write_chunk(struct checkpoint_writer *writer, uint64_t chunk, const uint8_t *payload,
			   size_t size);
int checkpoint_write_state(struct checkpoint_writer *writer, const json_t *state);
/* Index, trailer, to the disk, to its name. */
int checkpoint_finish(struct checkpoint_writer *writer, struct error *err);
/* If it is not finished, nothing of it remains. */
void checkpoint_abandon(struct checkpoint_writer *writer);

/* Turns an errno of a write into a sentence. */
int checkpoint_write_failed(const struct checkpoint_writer *writer, int code, struct error *err);

/* ---- reading ---- */

struct checkpoint {
	char *path;
	int fd;
	uint64_t size;		/* of the file */
	json_t *head;
	json_t *state;
	uint64_t pages;
	uint64_t *index;
	struct checkpoint *base;	/* NULL: none */
	ZSTD_DCtx *zstd;
	uint8_t *stored;
	uint8_t *payload;
};

/* With all that it builds on. Reads all but RAM. */
struct checkpoint *checkpoint_open(const char *path, struct error *err);
void checkpoint_close(struct checkpoint *checkpoint);

const char *checkpoint_id(const struct checkpoint *checkpoint);

/* All 16 pages; data stays until the next call. */
int checkpoint_read_chunk(struct checkpoint *checkpoint, uint64_t chunk, struct ram_chunk *data,
			  struct error *err);
/* All of RAM, which is zeros. */
int checkpoint_read_ram(struct checkpoint *checkpoint, uint8_t *host, struct error *err);

#endif /* AVMM_MIGRATION_CHECKPOINT_H */
