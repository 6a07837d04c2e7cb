// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "dev/flash.h"
#include "tests/tap.h"

#define SIZE	(2 * FLASH_BLOCK)
#define BOTH(v)	((uint32_t)(v) << 16 | (v))

static struct flash flash;
static struct error err;
static bool mapped;
static uint32_t wrote_offset, wrote_len;

static void map(void *opaque, bool on)
{
	(void)opaque;
	mapped = on;
}

static void wrote(void *opaque, uint32_t offset, uint32_t len)
{
	(void)opaque;
	wrote_offset = offset;
	wrote_len = len;
}

static const struct flash_host host = { map, wrote };

static void setup(void)
{
	uint8_t *data = malloc(SIZE);

	memset(data, 0xff, SIZE);
	mapped = true;
	flash_init(&flash, data, SIZE, &host, NULL);
}

static void done(void)
{
	free(flash.data);
}

static void set(uint64_t offset, uint32_t value)
{
	flash_ops.write(&flash, offset, 4, value);
}

static uint32_t get(uint64_t offset)
{
	return flash_ops.read(&flash, offset, 4);
}

static uint32_t word(uint32_t offset)
{
	uint32_t value;

	memcpy(&value, flash.data + offset, 4);
	return value;
}

static void identity(void)
{
	setup();
	check(get(0) == ~0U);
	set(0, BOTH(0x98));
	check(!mapped);
	check(get(0x40) == BOTH('Q') && get(0x44) == BOTH('R') && get(0x48) == BOTH('Y'));
	/* two chips of 256 KiB, in 2 blocks */
	check(get(0x27 * 4) == BOTH(18) && get(0x2d * 4) == BOTH(1));
	check(flash_ops.read(&flash, 0x42, 2) == 'Q' && flash_ops.read(&flash, 0x43, 2) == 0);
	set(0, BOTH(0x90));
	check(get(0) == BOTH(0x89) && get(4) == BOTH(0x18));
	set(0, BOTH(0x70));
	check(get(0x1234) == 0x00800080);
	set(0, BOTH(0xff));
	check(mapped && get(0) == ~0U);
	done();
}

static void programs(void)
{
	setup();
	set(0x100, BOTH(0x40));
	check(!mapped);
	set(0x100, 0x12345678);
	check(word(0x100) == 0x12345678 && wrote_offset == 0x100 && wrote_len == 4);
	check(get(0) == 0x00800080);
	/* only clears */
	set(0x100, BOTH(0x10));
	set(0x100, 0xffff0000);
	check(word(0x100) == 0x12340000);
	/* an erase that is not confirmed */
	set(0x100, BOTH(0x20));
	set(0x100, BOTH(0xff));
	check(word(0x100) == 0x12340000);
	set(FLASH_BLOCK - 4, BOTH(0x20));
	set(FLASH_BLOCK - 4, BOTH(0xd0));
	check(word(0x100) == ~0U && wrote_offset == 0 && wrote_len == FLASH_BLOCK);
	/* the last word */
	set(SIZE - 4, BOTH(0x40));
	set(SIZE - 4, 0);
	check(word(SIZE - 4) == 0 && get(SIZE - 4) == 0x00800080);
	done();
}

static void buffered(void)
{
	setup();
	set(0x200, BOTH(0xe8));
	set(0x200, BOTH(2));
	for (uint32_t i = 0; i < 3; i++)
		set(0x200 + 4 * i, i);
	check(word(0x200) == ~0U);
	set(0x200, BOTH(0xd0));
	check(word(0x200) == 0 && word(0x204) == 1 && word(0x208) == 2 && word(0x20c) == ~0U);
	/* more than the buffer holds */
	set(0, BOTH(0xe8));
	set(0, BOTH(FLASH_BUFFER));
	check(flash.mode == FLASH_STATUS);
	set(0, BOTH(0xe8));
	set(0, BOTH(0xffff));
	check(flash.mode == FLASH_STATUS);
	/* the whole buffer, and no confirmation */
	set(0, BOTH(0xe8));
	set(0, BOTH(FLASH_BUFFER - 1));
	for (uint32_t i = 0; i < FLASH_BUFFER; i++)
		set(4 * i, 0);
	set(0, BOTH(0xff));
	check(word(0) == ~0U && flash.mode == FLASH_STATUS);
	done();
}

/* Whatever is written: in its bounds, which the sanitizer sees */
static void noise(void)
{
	unsigned int seed = 1;

	setup();
	for (int i = 0; i < 100000; i++) {
		uint64_t offset = rand_r(&seed) % SIZE;
		unsigned int len = 1 << rand_r(&seed) % 4;

		if (offset > SIZE - len)
			continue;
		if (i & 1)
			flash_ops.read(&flash, offset, len);
		else
			flash_ops.write(&flash, offset & (i & 2 ? ~3ULL : ~0ULL), 4,
					BOTH(rand_r(&seed) % 8 ? rand_r(&seed) % 64 :
					     (rand_r(&seed) & 0xf0)));
	}
	check(true);
	done();
}

static void state(void)
{
	json_t *saved, *bad;

	setup();
	flash_device_ops.reset(&flash.dev);
	memset(flash.data, 0, FLASH_BLOCK / 2);
	memcpy(flash.data + 0x1000, "hello", 5);
	set(0x2000, BOTH(0xe8));
	set(0x2000, BOTH(1));
	set(0x2000, 0x11);
	saved = flash_device_ops.save(&flash.dev);
	memset(flash.data, 0x55, SIZE);
	flash_device_ops.reset(&flash.dev);
	check(mapped);
	check(flash_device_ops.load(&flash.dev, saved, &err) == 0);
	/* the file is written when the machine goes on, once */
	check(!mapped && wrote_len != SIZE);
	check(flash_device_ops.resume(&flash.dev, &err) == 0 && wrote_len == SIZE);
	wrote_len = 0;
	check(flash_device_ops.resume(&flash.dev, &err) == 0 && wrote_len == 0);
	check(!memcmp(flash.data + 0x1000, "hello", 6) && word(0) == 0 && word(SIZE - 4) == ~0U);
	memset(flash.data + 0x2000, 0xff, 16);
	set(0x2004, 0x22);
	set(0x2000, BOTH(0xd0));
	check(word(0x2000) == 0x11 && word(0x2004) == 0x22);
	bad = json_deep_copy(saved);
	json_object_set_new(json_object_get(bad, "data"), "80000", json_string("ff"));
	check(flash_device_ops.load(&flash.dev, bad, &err) < 0 && strstr(err.text, "80000"));
	json_object_set_new(bad, "mode", json_integer(FLASH_MODES));
	json_object_set_new(bad, "data", json_object());
	check(flash_device_ops.load(&flash.dev, bad, &err) < 0 && strstr(err.text, "mode"));
	json_object_set_new(bad, "mode", json_integer(FLASH_DATA));
	json_object_set_new(bad, "left", json_integer(FLASH_BUFFER));
	check(flash_device_ops.load(&flash.dev, bad, &err) < 0);
	json_object_set_new(bad, "size", json_integer(1));
	check(flash_device_ops.load(&flash.dev, bad, &err) < 0 && strstr(err.text, "bytes"));
	json_decref(bad);
	json_decref(saved);
	done();
}

const struct tap_test flash_tests[] = {
	{ "what it is", identity },
	{ "program and erase", programs },
	{ "buffered program", buffered },
	{ "noise", noise },
	{ "state", state },
	{ NULL, NULL },
};
