// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "dev/pl061.h"
#include "tests/tap.h"

#define DATA(pins)	((pins) << 2)

enum { DIR = 0x400, IS = 0x404, IBE = 0x408, IEV = 0x40c, IE = 0x410, RIS = 0x414, MIS = 0x418,
       IC = 0x41c };

static struct pl061 gpio;
static bool irq;

static void set_irq(void *opaque, bool level)
{
	(void)opaque;
	irq = level;
}

static uint64_t get(uint64_t offset)
{
	return pl061_ops.read(&gpio, offset, 4);
}

static void set(uint64_t offset, uint64_t value)
{
	pl061_ops.write(&gpio, offset, 4, value);
}

static void setup(void)
{
	irq = false;
	pl061_init(&gpio, set_irq, NULL);
}

static void pins(void)
{
	setup();
	pl061_set_input(&gpio, 3, true);
	check(get(DATA(0xff)) == 8 && get(DATA(8)) == 8 && get(DATA(0xf7)) == 0);
	set(DIR, 0x0f);
	/* an output is what was written, an input what comes in */
	set(DATA(0xff), 0xf5);
	check(get(DATA(0xff)) == 0x05);
	set(DATA(0x01), 0);
	check(get(DATA(0xff)) == 0x04);
	set(DIR, 0);
	check(get(DATA(0xff)) == 8);
	check(get(0xfe0) == 0x61 && get(0xfe4) == 0x10 && get(0xffc) == 0xb1);
	check(get(0x424) == 0 && get(0xfdc) == 0);
}

static void edges(void)
{
	setup();
	set(IEV, 8);
	set(IE, 8);
	pl061_set_input(&gpio, 3, true);
	check(irq && get(RIS) == 8 && get(MIS) == 8);
	set(IC, 8);
	check(!irq && get(RIS) == 0);
	/* not at the falling one */
	pl061_set_input(&gpio, 3, false);
	check(!irq);
	set(IBE, 8);
	pl061_set_input(&gpio, 3, true);
	check(irq);
	set(IC, 8);
	pl061_set_input(&gpio, 3, false);
	check(irq);
	set(IE, 0);
	check(!irq && get(RIS) == 8 && get(MIS) == 0);
	set(IC, 0xff);
	set(IBE, 0);
	set(IEV, 0);
	pl061_set_input(&gpio, 3, true);
	check(get(RIS) == 0);
	pl061_set_input(&gpio, 3, false);
	check(get(RIS) == 8);
}

static void levels(void)
{
	setup();
	set(IS, 8);
	set(IEV, 8);
	set(IE, 8);
	pl061_set_input(&gpio, 3, true);
	check(irq);
	set(IC, 8);
	check(irq);
	pl061_set_input(&gpio, 3, false);
	check(!irq);
}

static void state(void)
{
	struct error err;
	json_t *saved;

	setup();
	set(IEV, 8);
	set(IE, 8);
	pl061_set_input(&gpio, 3, true);
	saved = pl061_save(&gpio.dev);
	pl061_reset(&gpio.dev);
	check(!irq && get(IE) == 0 && get(DATA(0xff)) == 8);
	check(pl061_load(&gpio.dev, saved, &err) == 0);
	check(irq && get(IE) == 8 && get(RIS) == 8);
	json_object_set_new(saved, "more", json_integer(1));
	check(pl061_load(&gpio.dev, saved, &err) < 0 && strstr(err.text, "more"));
	json_decref(saved);
}

const struct tap_test pl061_tests[] = {
	{ "pins", pins },
	{ "edges", edges },
	{ "levels", levels },
	{ "state", state },
	{ NULL, NULL },
};
