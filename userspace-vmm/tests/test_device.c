// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "dev/device.h"
#include "tests/tap.h"

static struct device_list list;
static struct device a, b, c;
static struct error err;
static char order[16];
static int value;

static void note(const struct device *dev)
{
	strncat(order, dev->id, 1);
}

static void reset(struct device *dev)
{
	note(dev);
}

static int resume(struct device *dev, struct error *e)
{
	note(dev);
	return dev == &b ? error_set(e, -EIO, "not today") : 0;
}

static json_t *save(struct device *dev)
{
	(void)dev;
	return json_pack("{s:i}", "value", value);
}

static int load(struct device *dev, json_t *state, struct error *e)
{
	return device_unpack(dev, e, state, "{s:i}", "value", &value);
}

static void destroy(struct device *dev)
{
	note(dev);
}

static const struct device_ops with_state = {
	.type = "one", .reset = reset, .pause = reset, .resume = resume, .save = save, .load = load,
	.destroy = destroy,
};
static const struct device_ops without_state = { .type = "two", .resume = resume, .destroy = destroy };

static void setup(void)
{
	list.first = NULL;
	order[0] = 0;
	a.blocker = b.blocker = c.blocker = NULL;
	check(device_add(&list, &a, &with_state, "a", &err) == 0);
	check(device_add(&list, &b, &with_state, "b", &err) == 0);
	check(device_add(&list, &c, &without_state, "c", &err) == 0);
}

static void names_and_order(void)
{
	static struct device d;
	char name[65];

	setup();
	memset(name, 'x', 64);
	name[64] = 0;
	check(device_add(&list, &d, &with_state, "a", &err) == -EEXIST && strstr(err.text, "'a'"));
	check(device_add(&list, &d, &with_state, "", &err) == -EINVAL);
	check(device_add(&list, &d, &with_state, name, &err) == -EINVAL);
	check(device_find(&list, "b") == &b && !device_find(&list, "x"));
	devices_reset(&list);
	check(!strcmp(order, "ab"));
	order[0] = 0;
	check(devices_resume(&list, &err) == -EIO && !strcmp(order, "ab"));
	check(devices_can_save(&list, &err) == 0);
	c.blocker = "it is in the way";
	check(devices_can_save(&list, &err) == -EBUSY && !strcmp(err.text, "c: it is in the way"));
	order[0] = 0;
	device_remove(&list, &b);
	device_remove(&list, &b);
	devices_destroy(&list);
	check(!strcmp(order, "ca") && !list.first);
}

static void state(void)
{
	json_t *saved, *bad;

	setup();
	value = 5;
	saved = devices_save(&list);
	value = 0;
	check(devices_load(&list, saved, &err) == 0 && value == 5);
	bad = json_deep_copy(saved);
	json_object_del(bad, "b");
	check(devices_load(&list, bad, &err) < 0 && strstr(err.text, "b: its state is missing"));
	json_object_set_new(bad, "b", json_pack("{s:s, s:{s:i}}", "type", "two", "state", "value", 1));
	check(devices_load(&list, bad, &err) < 0 && strstr(err.text, "is a one here"));
	json_object_set_new(bad, "b", json_pack("{s:s, s:{s:s}}", "type", "one", "state", "value", "x"));
	check(devices_load(&list, bad, &err) < 0 && strstr(err.text, "b: "));
	json_object_set_new(bad, "b", json_pack("{s:s, s:n}", "type", "one", "state"));
	check(devices_load(&list, bad, &err) < 0);
	json_object_set(bad, "b", json_object_get(saved, "b"));
	json_object_set(bad, "c", json_object_get(saved, "b"));
	check(devices_load(&list, bad, &err) < 0);
	json_object_set(bad, "c", json_object_get(saved, "c"));
	json_object_set_new(bad, "d", json_null());
	check(devices_load(&list, bad, &err) < 0 && strstr(err.text, "'d'"));
	check(devices_load(&list, json_null(), &err) < 0);
	json_decref(bad);
	json_decref(saved);
}

const struct tap_test device_tests[] = {
	{ "names and order", names_and_order },
	{ "state", state },
	{ NULL, NULL },
};
