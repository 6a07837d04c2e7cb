// SPDX-License-Identifier: GPL-2.0
#include "control/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__asm__(".section .rodata\n"
	".globl schema_text\n"
	"schema_text:\n"
	".incbin \"control/schema/avmm.json\"\n"
	".globl schema_text_end\n"
	"schema_text_end:\n"
	".byte 0\n"
	".previous\n");

static bool is_basic(const char *type, json_t *value)
{
	static const struct {
		const char *name;
		unsigned int types;	/* bits of json_type */
	} basic[] = {
		{ "string", 1U << JSON_STRING },
		{ "int", 1U << JSON_INTEGER },
		{ "number", 1U << JSON_INTEGER | 1U << JSON_REAL },
		{ "bool", 1U << JSON_TRUE | 1U << JSON_FALSE },
		{ "object", 1U << JSON_OBJECT },
		{ "array", 1U << JSON_ARRAY },
		{ "any", ~0U },
	};

	for (size_t i = 0; i < sizeof(basic) / sizeof(basic[0]); i++)
		if (!strcmp(basic[i].name, type))
			return basic[i].types & 1U << json_typeof(value);
	return false;
}

static int check_enum(json_t *words, json_t *value, const char *name, struct error *err)
{
	json_t *word;
	size_t i;

	json_array_foreach(words, i, word)
		if (json_equal(word, value))
			return 0;
	return error_set(err, -EINVAL, "'%s' has a value that it cannot have", name);
}

static int check_object(json_t *type, json_t *value, const char *name, struct error *err)
{
	json_t *member, *member_type;
	const char *key;
	char path[160];
	int ret;

	if (!json_is_object(value))
		return error_set(err, -EINVAL, "'%s' is not an object", name);
	json_object_foreach(type, key, member_type) {
		bool optional = *key == '?';

		if (!strcmp(key, "*"))
			continue;
		snprintf(path, sizeof(path), "%s.%.64s", name, key + optional);
		member = json_object_get(value, key + optional);
		if (!member && optional)
			continue;
		if (!member)
			return error_set(err, -EINVAL, "'%s' is missing", path);
		ret = schema_check(member_type, member, path, err);
		if (ret < 0)
			return ret;
	}
	json_object_foreach(value, key, member) {
		snprintf(path, sizeof(path), "?%.64s", key);
		if (json_object_get(type, path) || (*key != '?' && *key != '*' &&
						    json_object_get(type, key)))
			continue;
		member_type = json_object_get(type, "*");
		snprintf(path, sizeof(path), "%s.%.64s", name, key);
		if (!member_type)
			return error_set(err, -EINVAL, "there is no '%s'", path);
		ret = schema_check(member_type, member, path, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int schema_check(json_t *type, json_t *value, const char *name, struct error *err)
{
	json_t *words = json_object_get(type, "enum"), *element;
	size_t i;

	if (json_is_string(type)) {
		if (value && is_basic(json_string_value(type), value))
			return 0;
		return error_set(err, -EINVAL, "'%s' is not of type %s", name,
				 json_string_value(type));
	}
	if (json_is_array(words))
		return check_enum(words, value, name, err);
	if (json_is_object(type)) {
		json_t *none = value ? NULL : json_object();
		int ret = check_object(type, value ? value : none, name, err);

		json_decref(none);
		return ret;
	}
	if (!json_is_array(value))
		return error_set(err, -EINVAL, "'%s' is not an array", name);
	json_array_foreach(value, i, element) {
		char path[160];
		int ret;

		snprintf(path, sizeof(path), "%.128s[%zu]", name, i);
		ret = schema_check(json_array_get(type, 0), element, path, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
