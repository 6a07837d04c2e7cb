/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table of fields says what is in a struct: how each is called, of what type it is, where it is.
 * From one table come the members of a JSON object, the options of a command with their help and
 * completion, and the keys of a value like "path=disk.img,readonly=on"; so they cannot differ.
 *
 * The struct owns its strings and arrays: fields_free() frees them.
 */
#ifndef AVMM_CONFIG_FIELD_H
#define AVMM_CONFIG_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

enum field_type {
	FIELD_STRING,	/* char *; NULL: none */
	FIELD_BOOL,	/* bool; as an option it takes "on" or "off" if value names them */
	FIELD_NUMBER,	/* uint64_t, min to max */
	FIELD_SIZE,	/* uint64_t bytes, "512M"; min to max in steps of unit */
	FIELD_CHOICE,	/* int, index into names */
	FIELD_FD,	/* int; -1: none */
	FIELD_MAC,	/* uint8_t[6]; all zero: none */
	FIELD_GROUP,	/* a struct with a table of its own */
	FIELD_LIST,	/* struct list of such structs; the option may be given often */
};

#define FIELD_LOCAL	(1U << 0)	/* of this run on this host, not of the virtual machine */
#define FIELD_EMPTY	(1U << 1)	/* a string that may be empty */

struct field_group;

struct field {
	const char *name;	/* of the member and the key; "--" before it makes the option */
	enum field_type type;
	size_t offset;
	const char *const *names;		/* CHOICE, ends with NULL */
	const struct field_group *group;	/* GROUP, LIST */
	uint64_t min, max, unit;		/* NUMBER, SIZE; max 0: any */
	unsigned int flags;
	char letter;		/* of the short option; 0: none */
	const char *value;	/* what the help calls the value of the option; NULL: a switch */
	const char *help;	/* NULL: not an option */
};

struct field_group {
	const struct field *fields;	/* ends with a row without name */
	size_t size;
	const void *defaults;
	/*
	 * A key=value list may begin with a word without '=', which is the value of the field bare;
	 * if that is a CHOICE, "word=x" sets the field named by the same row of values to x, too.
	 */
	const char *bare;
	const char *const *values;	/* parallel to names; NULL entries take no value */
};

/* What a LIST is in memory; items are group->size bytes each. */
struct field_list {
	void *items;
	size_t count;
};

/* name is for messages: "--memory". */
int field_set_text(const struct field *field, void *base, const char *name, const char *text,
		   struct error *err);
/* Members that are missing stay as they are; one that is not in the table is refused. */
int fields_from_json(const struct field *fields, void *base, json_t *object, struct error *err);
/* What is not set (NULL, -1, no MAC) is left out, and so are fields with one of the flags skip. */
json_t *fields_to_json(const struct field *fields, const void *base, unsigned int skip);
/* Checks ranges, also of what neither text nor JSON has set. Messages begin with the name. */
int fields_check(const struct field *fields, const void *base, struct error *err);
/* Whether a descriptor is among them, which is one that our parent has left open, or means us harm. */
bool fields_have_fd(const struct field *fields, const void *base);
void fields_free(const struct field *fields, void *base);

/* Adds an item with its defaults; NULL: no memory. */
void *field_list_add(const struct field_group *group, struct field_list *list);

const struct field *field_find(const struct field *fields, const char *name);

/* "512M", "2G", "1048576K"; a bare number counts MiB. -EINVAL or -ERANGE. */
int parse_size(const char *text, uint64_t *bytes);
/* The shortest form that parse_size() takes, or a number of bytes and "B". */
const char *format_size(uint64_t bytes, char text[24]);

#endif /* AVMM_CONFIG_FIELD_H */
