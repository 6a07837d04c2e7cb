// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <string.h>

#include "backend/keys.h"
#include "backend/ring.h"
#include "dev/pl031.h"
#include "tests/tap.h"

static void keys(void)
{
	struct keys k = { .escaped = false };

	check(keys_next(&k, 'x') == KEYS_PASS);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'x') == KEYS_QUIT);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'X') == KEYS_QUIT);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'h') == KEYS_HELP);
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'b') == KEYS_BREAK);
	/* one Ctrl-A for two */
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 1) == KEYS_PASS);
	check(keys_next(&k, 'x') == KEYS_PASS);
	/* an unknown command is swallowed, and nothing after it */
	check(keys_next(&k, 1) == KEYS_NONE);
	check(keys_next(&k, 'z') == KEYS_NONE);
	check(keys_next(&k, 'z') == KEYS_PASS);
}

static void ring(void)
{
	static struct ring r;
	uint8_t in[997], next_in = 0, next_out = 0;
	const uint8_t *data;

	/* start near the wrap of the counters */
	r.in = r.out = (uint32_t)-1500;
	for (int i = 0; i < 1000; i++) {
		size_t n, len;

		for (size_t j = 0; j < sizeof(in); j++)
			in[j] = next_in + j;
		n = ring_put(&r, in, sizeof(in));
		next_in += n;
		check(n == sizeof(in) || ring_free(&r) == 0);
		len = ring_peek(&r, &data);
		check(len > 0);
		if (len > 700)
			len = 700;
		for (size_t j = 0; j < len; j++)
			check(data[j] == next_out++);
		ring_drop(&r, len);
		check(ring_used(&r) + ring_free(&r) == RING_SIZE);
	}
	while (ring_used(&r))
		ring_drop(&r, ring_peek(&r, &data));
	check(ring_peek(&r, &data) == 0);
}

static uint32_t host_time;

static uint32_t now(void)
{
	return host_time;
}

static void rtc(void)
{
	static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	struct pl031 dev;

	host_time = 1000;
	pl031_init(&dev, now);
	check(pl031_ops.read(&dev, 0, 4) == 1000);
	pl031_ops.write(&dev, 8, 4, 5);
	host_time += 7;
	check(pl031_ops.read(&dev, 0, 4) == 12);
	pl031_reset(&dev);
	check(pl031_ops.read(&dev, 0, 4) == 12);
	check(pl031_ops.read(&dev, 0xc, 4) == 1);
	for (int i = 0; i < 8; i++)
		check(pl031_ops.read(&dev, 0xfe0 + 4 * i, 4) == ids[i]);
}

const struct tap_test console_tests[] = {
	{ "escape key", keys },
	{ "ring", ring },
	{ "clock", rtc },
	{ NULL, NULL },
};
