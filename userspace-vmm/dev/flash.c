// SPDX-License-Identifier: GPL-2.0
/*
 * Commands are those of Intel's StrataFlash data sheets, "Basic Command Set"; the query structure is
 * of JESD68. A command takes no time, and does not fail but for a wrong second cycle.
 */
#include "dev/flash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CMD_PROGRAM_ALT = 0x10, CMD_ERASE = 0x20, CMD_PROGRAM = 0x40, CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK = 0x60, CMD_STATUS = 0x70, CMD_ID = 0x90, CMD_QUERY = 0x98, CMD_CONFIRM = 0xd0,
	CMD_BUFFER = 0xe8, CMD_ARRAY = 0xff,
};

/* Both chips are ready and nothing failed */
#define READY		0x00800080U

/* Manufacturer and device; Intel, and one of 128 Mbit */
static const uint16_t ids[] = { 0x89, 0x18 };

/* JESD68 from 0x10 on: a byte for each word of a chip */
static const uint8_t query[] = {
	'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00,		/* Intel's command set; its table is at 0x31 */
	0x00, 0x00, 0x00, 0x00,
	0x45, 0x55, 0x00, 0x00,				/* supply voltages */
	0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00,	/* times, as powers of 2 */
	0x00, 0x01, 0x00,				/* 0x27: size, filled in; 16 bits wide */
	0x06, 0x00,					/* a buffer of 64 bytes in each */
	0x01, 0x00, 0x00, 0x00, 0x02,			/* blocks of 128 KiB; how many is filled in */
	'P', 'R', 'I', '1', '0',
};

#define QUERY_FIRST	0x10
#define QUERY_SIZE	0x27
#define QUERY_BLOCKS	0x2d

static uint8_t query_byte(const struct flash *flash, uint32_t word)
{
	uint32_t chip = flash->size / 2, blocks = flash->size / FLASH_BLOCK - 1;

	switch (word) {
	case QUERY_SIZE:
		return 31 - __builtin_clz(chip);
	case QUERY_BLOCKS:
		return blocks;
	case QUERY_BLOCKS + 1:
		return blocks >> 8;
	default:
		return word - QUERY_FIRST < sizeof(query) ? query[word - QUERY_FIRST] : 0;
	}
}

/* With the lock. */
static void set_mode(struct flash *flash, enum flash_mode mode)
{
	bool was = flash->mode == FLASH_ARRAY, is = mode == FLASH_ARRAY;

	flash->mode = mode;
	if (was != is)
		flash->host->map(flash->opaque, is);
}

static uint32_t both(uint16_t chip)
{
	return (uint32_t)chip << 16 | chip;
}

static uint32_t read_word(struct flash *flash, uint32_t offset)
{
	uint32_t word;

	switch (flash->mode) {
	case FLASH_ARRAY:
		memcpy(&word, flash->data + offset, sizeof(word));
		return word;
	case FLASH_ID:
		offset = offset / 4 & 0xff;
		return offset < 2 ? both(ids[offset]) : 0;
	case FLASH_QUERY:
		return both(query_byte(flash, offset / 4 & 0xff));
	default:
		return READY;
	}
}

static uint64_t flash_read(void *dev, uint64_t offset, unsigned int len)
{
	struct flash *flash = dev;
	uint64_t value = 0;

	pthread_mutex_lock(&flash->lock);
	if (len == 8 && offset % 8 == 0)
		value = read_word(flash, offset) | (uint64_t)read_word(flash, offset + 4) << 32;
	else if (offset % 4 + len <= 4)
		value = read_word(flash, offset & ~3ULL) >> 8 * (offset & 3);
	pthread_mutex_unlock(&flash->lock);
	return value;
}

/* Programming only clears bits; erasing sets them. */
static void program(struct flash *flash, uint32_t offset, uint32_t value)
{
	uint32_t word;

	memcpy(&word, flash->data + offset, sizeof(word));
	word &= value;
	memcpy(flash->data + offset, &word, sizeof(word));
	flash->host->wrote(flash->opaque, offset, sizeof(word));
}

static void erase(struct flash *flash, uint32_t offset)
{
	offset -= offset % FLASH_BLOCK;
	memset(flash->data + offset, 0xff, FLASH_BLOCK);
	flash->host->wrote(flash->opaque, offset, FLASH_BLOCK);
}

static void first_cycle(struct flash *flash, uint8_t command)
{
	static const struct {
		uint8_t command;
		uint8_t mode;
	} modes[] = {
		{ CMD_ARRAY, FLASH_ARRAY }, { CMD_STATUS, FLASH_STATUS }, { CMD_ID, FLASH_ID },
		{ CMD_QUERY, FLASH_QUERY }, { CMD_PROGRAM, FLASH_PROGRAM },
		{ CMD_PROGRAM_ALT, FLASH_PROGRAM }, { CMD_ERASE, FLASH_ERASE },
		{ CMD_LOCK, FLASH_LOCK }, { CMD_BUFFER, FLASH_COUNT },
	};

	/* all others, CMD_CLEAR_STATUS too, change nothing: there is no error to clear */
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (modes[i].command == command)
			set_mode(flash, modes[i].mode);
}

static void next_cycle(struct flash *flash, uint32_t offset, uint32_t value)
{
	enum flash_mode next = FLASH_STATUS;

	switch (flash->mode) {
	case FLASH_PROGRAM:
		program(flash, offset, value);
		break;
	case FLASH_ERASE:
		if ((uint8_t)value == CMD_CONFIRM)
			erase(flash, offset);
		break;
	case FLASH_COUNT:
		flash->left = (value & 0xffff) + 1;
		flash->filled = 0;
		if (flash->left <= FLASH_BUFFER)
			next = FLASH_DATA;
		break;
	case FLASH_DATA:
		flash->buffer[flash->filled].offset = offset;
		flash->buffer[flash->filled++].value = value;
		next = --flash->left ? FLASH_DATA : FLASH_CONFIRM;
		break;
	case FLASH_CONFIRM:
		for (uint32_t i = 0; (uint8_t)value == CMD_CONFIRM && i < flash->filled; i++)
			program(flash, flash->buffer[i].offset, flash->buffer[i].value);
		break;
	default:
		break;	/* FLASH_LOCK: no block is locked, ever */
	}
	set_mode(flash, next);
}

static void flash_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct flash *flash = dev;

	/* both chips at once, or nothing */
	if (len != 4 || offset & 3)
		return;
	pthread_mutex_lock(&flash->lock);
	if (flash->mode < FLASH_PROGRAM)
		first_cycle(flash, value);
	else
		next_cycle(flash, offset, value);
	pthread_mutex_unlock(&flash->lock);
}

const struct mmio_ops flash_ops = { .read = flash_read, .write = flash_write };

/* ---- as a device among others ---- */

static struct flash *to_flash(struct device *dev)
{
	return container_of(dev, struct flash, dev);
}

static void device_reset(struct device *dev)
{
	struct flash *flash = to_flash(dev);

	pthread_mutex_lock(&flash->lock);
	set_mode(flash, FLASH_ARRAY);
	pthread_mutex_unlock(&flash->lock);
}

static json_t *save_buffer(const struct flash *flash)
{
	json_t *buffer = json_array();

	for (uint32_t i = 0; i < flash->filled; i++)
		json_array_append_new(buffer, json_pack("[I, I]",
			(json_int_t)flash->buffer[i].offset, (json_int_t)flash->buffer[i].value));
	return buffer;
}

/*
 * The bytes, in chunks: offset -> hexadecimal. A chunk of zeros is left out, one that is erased is a
 * single "ff".
 */
#define CHUNK	4096U

static bool is_filled(const uint8_t *chunk, uint8_t value)
{
	return chunk[0] == value && !memcmp(chunk, chunk + 1, CHUNK - 1);
}

static json_t *save_data(const struct flash *flash)
{
	static const char digits[] = "0123456789abcdef";
	json_t *data = json_object();

	for (uint32_t offset = 0; offset < flash->size; offset += CHUNK) {
		const uint8_t *chunk = flash->data + offset;
		char hex[2 * CHUNK], name[16];
		size_t n = is_filled(chunk, 0xff) ? 1 : CHUNK;

		if (is_filled(chunk, 0))
			continue;
		for (size_t i = 0; i < n; i++) {
			hex[2 * i] = digits[chunk[i] >> 4];
			hex[2 * i + 1] = digits[chunk[i] & 15];
		}
		snprintf(name, sizeof(name), "%x", offset);
		json_object_set_new(data, name, json_stringn(hex, 2 * n));
	}
	return data;
}

static json_t *device_save(struct device *dev)
{
	struct flash *flash = to_flash(dev);

	return json_pack("{s:i, s:i, s:i, s:o, s:o}", "size", (int)flash->size, "mode",
			 (int)flash->mode, "left", (int)flash->left, "buffer", save_buffer(flash),
			 "data", save_data(flash));
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int load_chunk(struct flash *flash, const char *name, json_t *string)
{
	const char *hex = json_string_value(string);
	size_t n = json_string_length(string);
	uint32_t offset;
	char *end;

	offset = strtoul(name, &end, 16);
	if (*end || offset % CHUNK || offset >= flash->size || !hex || (n != 2 && n != 2 * CHUNK))
		return -EINVAL;
	for (size_t i = 0; i < n / 2; i++) {
		int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		flash->data[offset + i] = high << 4 | low;
	}
	if (n == 2)
		memset(flash->data + offset, flash->data[offset], CHUNK);
	return 0;
}

static int load_data(struct flash *flash, json_t *data, struct error *err)
{
	const char *name;
	json_t *string;

	if (!json_is_object(data))
		return error_set(err, -EINVAL, "%s: 'data' is not an object", flash->dev.id);
	for (uint32_t offset = 0; offset < flash->size; offset += CHUNK)
		if (!is_filled(flash->data + offset, 0))
			memset(flash->data + offset, 0, CHUNK);
	json_object_foreach(data, name, string)
		if (load_chunk(flash, name, string) < 0)
			return error_set(err, -EINVAL, "%s: 'data' has no bytes for it at '%.16s'",
					 flash->dev.id, name);
	return 0;
}

static int load_buffer(struct flash *flash, json_t *buffer, struct error *err)
{
	json_t *entry;
	size_t i;

	flash->filled = 0;
	json_array_foreach(buffer, i, entry) {
		json_int_t offset, value;

		if (i == FLASH_BUFFER || json_unpack(entry, "[I, I!]", &offset, &value) < 0 ||
		    offset < 0 || offset > flash->size - 4 || offset % 4)
			return error_set(err, -EINVAL, "%s: 'buffer' is not what fits it",
					 flash->dev.id);
		flash->buffer[i].offset = offset;
		flash->buffer[i].value = value;
		flash->filled++;
	}
	return 0;
}

static int device_load(struct device *dev, json_t *state, struct error *err)
{
	struct flash *flash = to_flash(dev);
	json_t *buffer, *data;
	int size, mode, left, ret;

	ret = device_unpack(dev, err, state, "{s:i, s:i, s:i, s:o, s:o}", "size", &size, "mode",
			    &mode, "left", &left, "buffer", &buffer, "data", &data);
	if (ret < 0)
		return ret;
	if (size != (int)flash->size)
		return error_set(err, -EINVAL, "%s: had %d bytes, and has %u here", dev->id, size,
				 flash->size);
	ret = load_buffer(flash, buffer, err);
	if (ret == 0)
		ret = load_data(flash, data, err);
	if (ret == 0 && (mode < 0 || mode >= FLASH_MODES || left < 0 ||
			 left + flash->filled > FLASH_BUFFER || (mode == FLASH_DATA && !left)))
		ret = error_set(err, -EINVAL, "%s: 'mode' or 'left' is out of range", dev->id);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&flash->lock);
	flash->left = left;
	flash->loaded = true;
	set_mode(flash, mode);
	pthread_mutex_unlock(&flash->lock);
	return 0;
}

/* Not before: another part of the state may be refused, and then the file is as it was. */
static int device_resume(struct device *dev, struct error *err)
{
	struct flash *flash = to_flash(dev);

	(void)err;
	pthread_mutex_lock(&flash->lock);
	if (flash->loaded)
		flash->host->wrote(flash->opaque, 0, flash->size);
	flash->loaded = false;
	pthread_mutex_unlock(&flash->lock);
	return 0;
}

const struct device_ops flash_device_ops = {
	.type = "cfi-flash", .reset = device_reset, .resume = device_resume, .save = device_save,
	.load = device_load,
};

void flash_init(struct flash *flash, uint8_t *data, uint32_t size, const struct flash_host *host,
		void *opaque)
{
	*flash = (struct flash) { .data = data, .size = size, .host = host, .opaque = opaque };
	pthread_mutex_init(&flash->lock, NULL);
}
