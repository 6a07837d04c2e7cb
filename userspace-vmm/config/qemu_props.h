/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Properties as QEMU's command line writes them, JSON or "driver,key=value,flag": one flat list of
 * keys and texts. Whoever reads a property takes it; what nobody took is refused by its name.
 */
#ifndef AVMM_CONFIG_QEMU_PROPS_H
#define AVMM_CONFIG_QEMU_PROPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

struct qemu_prop {
	char *key;		/* of nested objects: "addr.path" */
	char *value;		/* booleans are "on" and "off" */
	bool taken;
};

struct qemu_props {
	const char *option;	/* "-device"; the caller's */
	const char *implied;	/* the key that needs not be named, as "driver" */
	struct qemu_prop *list;
	size_t n;
};

/* implied: NULL if all keys must be named. */
int qemu_props_parse(struct qemu_props *props, const char *option, const char *implied,
		     const char *text, struct error *err);
/* The same of an object that is no text any more. */
int qemu_props_from_json(struct qemu_props *props, const char *option, const char *implied,
			 json_t *object, struct error *err);
void qemu_props_free(struct qemu_props *props);

/* NULL: is not there. */
const char *qemu_props_take(struct qemu_props *props, const char *key);
/* The same, which does not count as taken. */
const char *qemu_props_peek(const struct qemu_props *props, const char *key);
/* -EINVAL with a sentence if it is not there. */
int qemu_props_need(struct qemu_props *props, const char *key, const char **value,
		    struct error *err);
/* Leave *value as it is if the property is not there. */
int qemu_props_bool(struct qemu_props *props, const char *key, bool *value, struct error *err);
int qemu_props_number(struct qemu_props *props, const char *key, uint64_t min, uint64_t max,
		      uint64_t *value, struct error *err);
/* Keys whose values change nothing that we do; the last argument is NULL. */
void qemu_props_ignore(struct qemu_props *props, ...);

/* Refuses what nobody took. */
int qemu_props_done(const struct qemu_props *props, struct error *err);

/* Begins with what the option is and which: "-device virtio-blk-pci,id=disk0: ". Returns code. */
int qemu_props_error(const struct qemu_props *props, struct error *err, int code, const char *fmt,
		     ...) __attribute__((format(printf, 4, 5)));

#endif /* AVMM_CONFIG_QEMU_PROPS_H */
