// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any bytes as a stream, with checksums that are always right.
 */
#include <errno.h>
#include <string.h>

#include "migration/stream.h"

#define CHUNKS	4

struct input {
	const uint8_t *data;
	size_t left;
};

static int input_read(void *opaque, void *data, size_t len)
{
	struct input *input = opaque;

	if (len > input->left)
		return -ENODATA;
	memcpy(data, input->data, len);
	input->data += len;
	input->left -= len;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t ram[CHUNKS * RAM_CHUNK_SIZE];
	struct input input = { data, size };
	struct stream_reader reader;
	struct section section;
	struct ram_chunk chunk;
	uint64_t state, index;
	struct error err;

	if (size >= STREAM_TRAILER_SIZE)
		stream_trailer_decode(data + size - STREAM_TRAILER_SIZE, size, &state, &index,
				      "input", &err);
	if (stream_reader_open(&reader, input_read, &input, "input", &err) < 0)
		return 0;
	while (stream_read(&reader, &section, &err) == 0 && section.type != SECTION_END) {
		if (section.type == SECTION_RAM) {
			if (ram_chunk_decode(&chunk, &section, CHUNKS * RAM_CHUNK_PAGES, "input",
					     &err) == 0)
				ram_chunk_apply(&chunk, ram + chunk.first * RAM_PAGE_SIZE, RAM_CHUNK_ALL);
		} else {
			json_decref(stream_json(&reader, &section, section.type, &err));
		}
	}
	stream_reader_close(&reader);
	return 0;
}
