/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all devices have in common, and the list of those that a machine has. All on the main
 * thread.
 *
 * A device's id names its part of a checkpoint; its type and the members of its state are a
 * contract between versions.
 */
#ifndef AVMM_DEV_DEVICE_H
#define AVMM_DEV_DEVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

/* The object that has this member. */
#define container_of(member_ptr, type, member) \
	((type *)((char *)(member_ptr) - offsetof(type, member)))

struct device;

/* Each may be NULL: there is nothing to do. */
struct device_ops {
	const char *type;
	/* To its state at power-on; no vCPU runs. */
	void (*reset)(struct device *dev);
	/* Between these nothing of the device touches RAM or what is behind it; no vCPU runs. */
	void (*pause)(struct device *dev);
	int (*resume)(struct device *dev, struct error *err);
	/* Paused. The object is the caller's; NULL: no memory. */
	json_t *(*save)(struct device *dev);
	/* Paused and just reset. Refuses what it does not know by name. */
	int (*load)(struct device *dev, json_t *state, struct error *err);
	void (*destroy)(struct device *dev);
};

struct device {
	const struct device_ops *ops;
	char id[64];
	struct device *next;
	const char *blocker;		/* why its state cannot be saved; NULL: it can */
	/* the kernel or a process writes to RAM for it, and has to hear of a dirty log */
	bool others_write;
};

struct device_list {
	struct device *first;
};

/* At the end: order is that of adding. -EEXIST, -EINVAL if the id is empty or too long. */
int device_add(struct device_list *list, struct device *dev, const struct device_ops *ops,
	       const char *id, struct error *err);
void device_remove(struct device_list *list, struct device *dev);
struct device *device_find(const struct device_list *list, const char *id);

void devices_reset(struct device_list *list);
void devices_pause(struct device_list *list);
int devices_resume(struct device_list *list, struct error *err);

/* -EBUSY if one of them has a blocker. */
int devices_can_save(const struct device_list *list, struct error *err);

/* { id: { "type": type, "state": state or null }, ... } */
json_t *devices_save(struct device_list *list);
/* All of them, and nothing that is not there. */
int devices_load(struct device_list *list, json_t *state, struct error *err);

/* Destroys all, the last one first. */
void devices_destroy(struct device_list *list);

/* json_unpack_ex() of exactly these members; an error names the device and what is wrong. */
#define device_unpack(dev, err, state, fmt, ...)					\
	({										\
		json_error_t unpack_error;						\
		json_unpack_ex(state, &unpack_error, JSON_STRICT, fmt, ##__VA_ARGS__) ?	\
			error_set(err, -EINVAL, "%s: %s", (dev)->id, unpack_error.text) : 0; \
	})

#endif /* AVMM_DEV_DEVICE_H */
