// SPDX-License-Identifier: GPL-2.0
#include "dev/device.h"

#include <errno.h>
#include <string.h>

int device_add(struct device_list *list, struct device *dev, const struct device_ops *ops,
	       const char *id, struct error *err)
{
	struct device **end = &list->first;

	if (!*id || strlen(id) >= sizeof(dev->id))
		return error_set(err, -EINVAL, "'%s' is no id for a device: 1 to %zu characters",
				 id, sizeof(dev->id) - 1);
	if (device_find(list, id))
		return error_set(err, -EEXIST, "there are two devices with the id '%s'", id);
	while (*end)
		end = &(*end)->next;
	strcpy(dev->id, id);
	dev->ops = ops;
	dev->next = NULL;
	*end = dev;
	return 0;
}

void device_remove(struct device_list *list, struct device *dev)
{
	struct device **p = &list->first;

	while (*p && *p != dev)
		p = &(*p)->next;
	if (*p)
		*p = dev->next;
	dev->next = NULL;
}

struct device *device_find(const struct device_list *list, const char *id)
{
	struct device *dev;

	for (dev = list->first; dev; dev = dev->next)
		if (!strcmp(dev->id, id))
			break;
	return dev;
}

void devices_reset(struct device_list *list)
{
	for (struct device *dev = list->first; dev; dev = dev->next)
		if (dev->ops->reset)
			dev->ops->reset(dev);
}

void devices_pause(struct device_list *list)
{
	for (struct device *dev = list->first; dev; dev = dev->next)
		if (dev->ops->pause)
			dev->ops->pause(dev);
}

int devices_resume(struct device_list *list, struct error *err)
{
	for (struct device *dev = list->first; dev; dev = dev->next) {
		int ret = dev->ops->resume ? dev->ops->resume(dev, err) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

int devices_can_save(const struct device_list *list, struct error *err)
{
	for (const struct device *dev = list->first; dev; dev = dev->next)
		if (dev->blocker)
			return error_set(err, -EBUSY, "%s: %s", dev->id, dev->blocker);
	return 0;
}

json_t *devices_save(struct device_list *list)
{
	json_t *all = json_object();

	for (struct device *dev = list->first; all && dev; dev = dev->next) {
		json_t *state = dev->ops->save ? dev->ops->save(dev) : json_null();
		/* takes the state over, also when it fails */
		json_t *one = json_pack("{s:s, s:o}", "type", dev->ops->type, "state", state);

		if (!one || json_object_set_new(all, dev->id, one) < 0) {
			json_decref(all);
			all = NULL;
		}
	}
	return all;
}

static int load_one(struct device *dev, json_t *saved, struct error *err)
{
	const char *type;
	json_t *state;
	int ret = device_unpack(dev, err, saved, "{s:s, s:o}", "type", &type, "state", &state);

	if (ret < 0)
		return ret;
	if (strcmp(type, dev->ops->type))
		return error_set(err, -EINVAL, "%s: is a %s here, and was a %.32s", dev->id,
				 dev->ops->type, type);
	if (json_is_null(state) != !dev->ops->load)
		return error_set(err, -EINVAL, "%s: it has %s state", dev->id,
				 dev->ops->load ? "no" : "a");
	return dev->ops->load ? dev->ops->load(dev, state, err) : 0;
}

int devices_load(struct device_list *list, json_t *state, struct error *err)
{
	const char *id;
	json_t *saved;

	if (!json_is_object(state))
		return error_set(err, -EINVAL, "the state of the devices is not an object");
	json_object_foreach(state, id, saved)
		if (!device_find(list, id))
			return error_set(err, -EINVAL, "there is no device '%.64s' here", id);
	for (struct device *dev = list->first; dev; dev = dev->next) {
		int ret;

		saved = json_object_get(state, dev->id);
		if (!saved)
			return error_set(err, -EINVAL, "%s: its state is missing", dev->id);
		ret = load_one(dev, saved, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void devices_destroy(struct device_list *list)
{
	while (list->first) {
		struct device *dev = list->first;

		while (dev->next)
			dev = dev->next;
		device_remove(list, dev);
		if (dev->ops->destroy)
			dev->ops->destroy(dev);
	}
}
