// SPDX-License-Identifier: GPL-2.0
#include "migration/checkpoint.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Checkpoints that build on one another; each is an open file. */
#define DEPTH_MAX	64

/* ---- writing ---- */

int checkpoint_write_failed(const struct checkpoint_writer *writer, int code, struct error *err)
{
	if (code == -ECANCELED)
		return error_set(err, code, "%s: cancelled", writer->path);
	return error_set(err, code, "%s: cannot be written: %s", writer->path, strerror(-code));
}

int checkpoint_create(struct checkpoint_writer *writer, const char *path, uint64_t chunks, bool full,
		      int cancel, int level, struct error *err)
{
	int fd, ret;

	*writer = (struct checkpoint_writer) { .chunks = chunks, .full = full, .channel.fd = -1 };
	writer->path = strdup(path);
	writer->index = calloc(chunks, sizeof(uint64_t));
	if (!writer->path || !writer->index ||
	    asprintf(&writer->temporary, "%s.%d.tmp", path, getpid()) < 0) {
		writer->temporary = NULL;
		checkpoint_abandon(writer);
		return error_set(err, -ENOMEM, "%s: no memory for its index", path);
	}
	fd = open(writer->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret = checkpoint_write_failed(writer, -errno, err);
		free(writer->temporary);
		writer->temporary = NULL;
		checkpoint_abandon(writer);
		return ret;
	}
	ret = channel_open(&writer->channel, fd, cancel, err);
	if (ret == 0) {
		ret = stream_writer_open(&writer->stream, channel_write, &writer->channel, level);
		if (ret < 0)
			checkpoint_write_failed(writer, ret, err);
	}
	if (ret < 0)
		checkpoint_abandon(writer);
	return ret;
}

int checkpoint_write_chunk(struct checkpoint_writer *writer, uint64_t chunk, const uint8_t *payload,
			   size_t size)
{
	uint64_t offset = writer->stream.offset;
	int ret;

	if (size == RAM_CHUNK_HEADER && writer->full && !writer->index[chunk])
		return 0;
	ret = stream_write(&writer->stream, SECTION_RAM, chunk * RAM_CHUNK_PAGES, payload, size);
	if (ret == 0)
		writer->index[chunk] = offset;
	return ret;
}

int checkpoint_write_state(struct checkpoint_writer *writer, const json_t *state)
{
	writer->state = writer->stream.offset;
	return stream_write_json(&writer->stream, SECTION_STATE, state);
}

/* The name is the new file's on the disk, too. */
static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	/* some file systems have no such thing */
	return ret == -EINVAL ? 0 : ret;
}

int checkpoint_finish(struct checkpoint_writer *writer, struct error *err)
{
	uint64_t index = writer->stream.offset;
	int ret;

	for (uint64_t i = 0; i < writer->chunks; i++)
		writer->index[i] = htole64(writer->index[i]);
	ret = stream_write(&writer->stream, SECTION_INDEX, 0, writer->index,
			   writer->chunks * sizeof(uint64_t));
	if (ret == 0)
		ret = stream_write_end(&writer->stream);
	if (ret == 0)
		ret = stream_write_trailer(&writer->stream, writer->state, index);
	if (ret == 0)
		ret = channel_flush(&writer->channel);
	if (ret == 0 && fsync(writer->channel.fd) < 0)
		ret = -errno;
	if (ret == 0 && rename(writer->temporary, writer->path) < 0)
		ret = -errno;
	if (ret == 0) {
		free(writer->temporary);
		writer->temporary = NULL;
		writer->named = true;
		ret = sync_folder(writer->path);
	}
	if (ret < 0)
		checkpoint_write_failed(writer, ret, err);
	checkpoint_abandon(writer);
	return ret;
}

void checkpoint_abandon(struct checkpoint_writer *writer)
{
	stream_writer_close(&writer->stream);
	channel_close(&writer->channel);
	if (writer->temporary)
		unlink(writer->temporary);
	free(writer->temporary);
	free(writer->path);
	free(writer->index);
	*writer = (struct checkpoint_writer) { .channel.fd = -1, .named = writer->named };
}

/* ---- reading ---- */

struct cursor {
	const struct checkpoint *checkpoint;
	uint64_t offset;
};

static int cursor_read(void *opaque, void *data, size_t len)
{
	struct cursor *cursor = opaque;
	uint8_t *to = data;

	while (len) {
		ssize_t n = pread(cursor->checkpoint->fd, to, len, cursor->offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		cursor->offset += n;
		to += n;
		len -= n;
	}
	return 0;
}

/* A section at some place in the file, through a reader that begins there. */
static int read_at(struct checkpoint *checkpoint, struct stream_reader *reader, uint64_t offset,
		   struct section *section, enum section_type type, struct error *err)
{
	struct cursor *cursor = reader->opaque;
	int ret;

	cursor->offset = offset;
	ret = stream_read(reader, section, err);
	if (ret == 0 && section->type != type)
		ret = error_set(err, -EPROTO, "%s: there is %s where %s should be", checkpoint->path,
				section_name(section->type), section_name(type));
	return ret;
}

static int read_index(struct checkpoint *checkpoint, const struct section *section,
		      struct error *err)
{
	uint64_t chunks = checkpoint->pages / RAM_CHUNK_PAGES;

	if (section->size != chunks * sizeof(uint64_t))
		return error_set(err, -EPROTO, "%s: the index is not that of %" PRIu64 " pages",
				 checkpoint->path, checkpoint->pages);
	checkpoint->index = malloc(section->size);
	if (!checkpoint->index)
		return error_set(err, -ENOMEM, "%s: no memory for its index", checkpoint->path);
	memcpy(checkpoint->index, section->data, section->size);
	for (uint64_t i = 0; i < chunks; i++) {
		checkpoint->index[i] = le64toh(checkpoint->index[i]);
		if (checkpoint->index[i] > checkpoint->size)
			return error_set(err, -EPROTO, "%s: the index leads beyond the end",
					 checkpoint->path);
	}
	return 0;
}

static int read_parts(struct checkpoint *checkpoint, struct error *err)
{
	struct cursor cursor = { .checkpoint = checkpoint };
	uint8_t trailer[STREAM_TRAILER_SIZE];
	uint64_t state, index;
	struct stream_reader reader;
	struct section section;
	json_int_t pages;
	int ret;

	ret = stream_reader_open(&reader, cursor_read, &cursor, checkpoint->path, err);
	if (ret < 0)
		return ret;
	ret = read_at(checkpoint, &reader, STREAM_HEADER_SIZE, &section, SECTION_HEAD, err);
	if (ret < 0)
		goto out;
	checkpoint->head = stream_json(&reader, &section, SECTION_HEAD, err);
	ret = checkpoint->head ? 0 : err->code;
	if (ret < 0)
		goto out;
	pages = json_integer_value(json_object_get(checkpoint->head, "pages"));
	if (pages <= 0 || pages % RAM_CHUNK_PAGES || pages > (json_int_t)1 << 40) {
		ret = error_set(err, -EPROTO, "%s: HEAD says that there are %" JSON_INTEGER_FORMAT
				" pages", checkpoint->path, pages);
		goto out;
	}
	checkpoint->pages = pages;
	cursor.offset = checkpoint->size < sizeof(trailer) ? 0 : checkpoint->size - sizeof(trailer);
	ret = cursor_read(&cursor, trailer, sizeof(trailer));
	if (ret < 0) {
		ret = error_set(err, ret, "%s: cannot be read: %s", checkpoint->path, strerror(-ret));
		goto out;
	}
	ret = stream_trailer_decode(trailer, checkpoint->size, &state, &index, checkpoint->path, err);
	if (ret == 0)
		ret = read_at(checkpoint, &reader, index, &section, SECTION_INDEX, err);
	if (ret == 0)
		ret = read_index(checkpoint, &section, err);
	if (ret == 0)
		ret = read_at(checkpoint, &reader, state, &section, SECTION_STATE, err);
	if (ret == 0) {
		checkpoint->state = stream_json(&reader, &section, SECTION_STATE, err);
		ret = checkpoint->state ? 0 : err->code;
	}
out:
	stream_reader_close(&reader);
	return ret;
}

const char *checkpoint_id(const struct checkpoint *checkpoint)
{
	const char *id = json_string_value(json_object_get(checkpoint->head, "id"));

	return id ? id : "";
}

static struct checkpoint *open_chain(const char *path, unsigned int depth, struct error *err);

/* Where it was; else beside the one that builds on it, as both may have been moved. */
static int open_base(struct checkpoint *checkpoint, unsigned int depth, struct error *err)
{
	const json_t *base = json_object_get(checkpoint->head, "base");
	const char *path = json_string_value(json_object_get(base, "path"));
	const char *id = json_string_value(json_object_get(base, "id"));
	char *beside = NULL, *copy, *file;

	if (json_is_null(base))
		return 0;
	if (!path || !id)
		return error_set(err, -EPROTO, "%s: HEAD names no base", checkpoint->path);
	if (depth == DEPTH_MAX)
		return error_set(err, -ELOOP, "%s: builds on more than %d others", checkpoint->path,
				 DEPTH_MAX);
	copy = strdup(checkpoint->path);
	file = strdup(path);
	if (!copy || !file || asprintf(&beside, "%s/%s", dirname(copy), basename(file)) < 0)
		beside = NULL;
	checkpoint->base = open_chain(beside && access(beside, F_OK) == 0 ? beside : path, depth + 1,
				      err);
	free(beside);
	free(copy);
	free(file);
	if (!checkpoint->base)
		return err->code;
	if (strcmp(checkpoint_id(checkpoint->base), id) ||
	    checkpoint->base->pages != checkpoint->pages)
		return error_set(err, -EPROTO, "%s: builds on another checkpoint than %s is now",
				 checkpoint->path, checkpoint->base->path);
	return 0;
}

static struct checkpoint *open_chain(const char *path, unsigned int depth, struct error *err)
{
	struct checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));
	struct stat st;

	if (checkpoint) {
		checkpoint->fd = -1;
		checkpoint->path = strdup(path);
		checkpoint->zstd = ZSTD_createDCtx();
		checkpoint->stored = malloc(RAM_CHUNK_HEADER + RAM_CHUNK_SIZE);
		checkpoint->payload = malloc(RAM_CHUNK_HEADER + RAM_CHUNK_SIZE);
	}
	if (!checkpoint || !checkpoint->path || !checkpoint->zstd || !checkpoint->stored ||
	    !checkpoint->payload) {
		error_set(err, -ENOMEM, "%s: no memory to read it", path);
		checkpoint_close(checkpoint);
		return NULL;
	}
	/* a base's name is from a file: what it leads to must not make us wait */
	checkpoint->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (checkpoint->fd < 0 || fstat(checkpoint->fd, &st) < 0) {
		error_set(err, -errno, "%s: cannot be opened: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		error_set(err, -EINVAL, "%s: is no file", path);
	} else {
		checkpoint->size = st.st_size;
		if (read_parts(checkpoint, err) == 0 && open_base(checkpoint, depth, err) == 0)
			return checkpoint;
	}
	checkpoint_close(checkpoint);
	return NULL;
}

struct checkpoint *checkpoint_open(const char *path, struct error *err)
{
	return open_chain(path, 0, err);
}

void checkpoint_close(struct checkpoint *checkpoint)
{
	while (checkpoint) {
		struct checkpoint *base = checkpoint->base;

		if (checkpoint->fd >= 0)
			close(checkpoint->fd);
		json_decref(checkpoint->head);
		json_decref(checkpoint->state);
		ZSTD_freeDCtx(checkpoint->zstd);
		free(checkpoint->index);
		free(checkpoint->stored);
		free(checkpoint->payload);
		free(checkpoint->path);
		free(checkpoint);
		checkpoint = base;
	}
}

int checkpoint_read_chunk(struct checkpoint *checkpoint, uint64_t chunk, struct ram_chunk *data,
			  struct error *err)
{
	uint8_t raw[SECTION_HEADER_SIZE];
	struct section section;
	struct cursor cursor;
	int ret;

	while (!checkpoint->index[chunk] && checkpoint->base)
		checkpoint = checkpoint->base;
	*data = (struct ram_chunk) { .first = chunk * RAM_CHUNK_PAGES, .zero = RAM_CHUNK_ALL };
	if (!checkpoint->index[chunk])
		return 0;
	cursor = (struct cursor) { .checkpoint = checkpoint, .offset = checkpoint->index[chunk] };
	ret = cursor_read(&cursor, raw, sizeof(raw));
	if (ret < 0)
		return error_set(err, ret, "%s: cannot be read: %s", checkpoint->path, strerror(-ret));
	ret = section_header_decode(&section, raw, checkpoint->path, err);
	if (ret < 0)
		return ret;
	/* before its length is believed; RAM's has a bound that the buffers have, too */
	if (section.type != SECTION_RAM || section.arg != data->first)
		return error_set(err, -EPROTO, "%s: the index leads to other pages", checkpoint->path);
	ret = cursor_read(&cursor, checkpoint->stored, section.stored);
	if (ret < 0)
		return error_set(err, ret, "%s: cannot be read: %s", checkpoint->path, strerror(-ret));
	ret = section_payload_decode(&section, checkpoint->zstd, checkpoint->stored,
				     checkpoint->payload, checkpoint->path, err);
	if (ret < 0)
		return ret;
	section.data = checkpoint->payload;
	ret = ram_chunk_decode(data, &section, checkpoint->pages, checkpoint->path, err);
	if (ret == 0 && (data->present | data->zero) != RAM_CHUNK_ALL)
		ret = error_set(err, -EPROTO, "%s: pages from %" PRIu64 " on are missing",
				checkpoint->path, data->first);
	return ret;
}

int checkpoint_read_ram(struct checkpoint *checkpoint, uint8_t *host, struct error *err)
{
	struct ram_chunk data;

	for (uint64_t i = 0; i < checkpoint->pages / RAM_CHUNK_PAGES; i++) {
		int ret = checkpoint_read_chunk(checkpoint, i, &data, err);

		if (ret < 0)
			return ret;
		ram_chunk_apply(&data, host + i * RAM_CHUNK_SIZE, 0);
	}
	return 0;
}
