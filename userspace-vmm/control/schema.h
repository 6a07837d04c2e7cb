/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Values against types. A type is the name of a basic one ("string", "int", "number", "bool",
 * "any", "object", "array"), a list of words one of which a string must be ({"enum": [...]}), an
 * array with one member, the type of all its elements, or an object with the type of each member. A
 * member whose name begins with '?' may be missing, one called "*" stands for all that are not
 * named.
 */
#ifndef AVMM_CONTROL_SCHEMA_H
#define AVMM_CONTROL_SCHEMA_H

#include <jansson.h>
#include <stddef.h>

#include "core/error.h"

/* The contract of the control socket, schema/avmm.json. */
extern const char schema_text[];
extern const char schema_text_end[];

/* name is for messages: "arguments". value NULL: an object without members. */
int schema_check(json_t *type, json_t *value, const char *name, struct error *err);

#endif /* AVMM_CONTROL_SCHEMA_H */
