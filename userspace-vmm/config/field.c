// SPDX-License-Identifier: GPL-2.0
#include "config/field.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX	256

/* ---- values as text ---- */

int parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned int shift = 20;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (unit - units + 1);
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = n << shift;
	return 0;
}

const char *format_size(uint64_t bytes, char text[24])
{
	static const char units[] = "BKMG";
	unsigned int i = 0;

	/* no "T": 1024G is as good */
	while (i < 3 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	snprintf(text, 24, "%" PRIu64 "%c", bytes, units[i]);
	return text;
}

static int parse_number(const char *text, uint64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoull(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno ? 0 : -EINVAL;
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	unsigned int b[6];
	int n = 0;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &n) != 6 || text[n] || n != 17)
		return -EINVAL;
	for (unsigned int i = 0; i < 6; i++)
		mac[i] = b[i];
	return 0;
}

/* ---- one field ---- */

static int set_string(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static bool is_utf8(const char *text)
{
	json_t *string = json_string(text);

	json_decref(string);
	return string;
}

static int no_memory(const char *name, struct error *err)
{
	return error_set(err, -ENOMEM, "%s: no memory", name);
}

/* "a, b or c" */
static void join_names(const char *const *names, char *text, size_t size)
{
	size_t n = 0;

	text[0] = 0;
	for (unsigned int i = 0; names[i] && n < size; i++)
		n += snprintf(text + n, size - n, "%s%s",
			      !i ? "" : names[i + 1] ? ", " : " or ", names[i]);
}

static int find_name(const char *const *names, const char *text)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(names[i], text))
			return i;
	return -1;
}

static int set_choice(const struct field *field, int *value, const char *name, const char *text,
		      struct error *err)
{
	char all[128];
	int i = find_name(field->names, text);

	if (i < 0) {
		join_names(field->names, all, sizeof(all));
		return error_set(err, -EINVAL, "%s: '%s' is not %s", name, text, all);
	}
	*value = i;
	return 0;
}

static int check_range(const struct field *field, const char *name, uint64_t n, struct error *err)
{
	bool size = field->type == FIELD_SIZE;
	char low[24], high[24], is[24], unit[24];

	if (field->max && (n < field->min || n > field->max)) {
		if (size)
			return error_set(err, -ERANGE, "%s: %s is not from %s to %s", name,
					 format_size(n, is), format_size(field->min, low),
					 format_size(field->max, high));
		return error_set(err, -ERANGE, "%s: '%" PRIu64 "' is not a number from %" PRIu64
				 " to %" PRIu64, name, n, field->min, field->max);
	}
	if (field->unit && n % field->unit)
		return error_set(err, -EINVAL, "%s: %s is not a multiple of %s", name,
				 format_size(n, is), format_size(field->unit, unit));
	return 0;
}

static int set_number(const struct field *field, void *p, const char *name, const char *text,
		      struct error *err)
{
	uint64_t n;
	int ret;

	if (field->type == FIELD_SIZE) {
		ret = parse_size(text, &n);
		if (ret == -EINVAL)
			return error_set(err, ret, "%s: '%s' is not a size", name, text);
		if (ret < 0)
			n = UINT64_MAX;
	} else if (parse_number(text, &n) < 0) {
		if (field->max)
			return error_set(err, -EINVAL, "%s: '%s' is not a number from %" PRIu64
					 " to %" PRIu64, name, text, field->min, field->max);
		return error_set(err, -EINVAL, "%s: '%s' is not a number", name, text);
	}
	ret = check_range(field, name, n, err);
	if (ret == 0)
		*(uint64_t *)p = n;
	return ret;
}

static void set_fd(int *field, int fd)
{
	/* no child of ours shall have it; and it is taken, see resolve() of control/qmp_mig.c */
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*field = fd;
}

static int set_group(const struct field_group *group, void *base, const char *name,
		     const char *text, struct error *err);

int field_set_text(const struct field *field, void *base, const char *name, const char *text,
		   struct error *err)
{
	void *p = (char *)base + field->offset;
	uint64_t n;

	switch (field->type) {
	case FIELD_STRING:
		if (!*text && !(field->flags & FIELD_EMPTY))
			return error_set(err, -EINVAL, "%s: the value is empty", name);
		/* else it could not be written to a file or a checkpoint */
		if (!is_utf8(text))
			return error_set(err, -EILSEQ, "%s: the value is not UTF-8", name);
		return set_string(p, text) < 0 ? no_memory(name, err) : 0;
	case FIELD_BOOL:
		if (strcmp(text, "on") && strcmp(text, "off"))
			return error_set(err, -EINVAL, "%s: '%s' is not on or off", name, text);
		*(bool *)p = !strcmp(text, "on");
		return 0;
	case FIELD_NUMBER:
	case FIELD_SIZE:
		return set_number(field, p, name, text, err);
	case FIELD_CHOICE:
		return set_choice(field, p, name, text, err);
	case FIELD_FD:
		if (parse_number(text, &n) < 0 || n > INT32_MAX)
			return error_set(err, -EINVAL, "%s: '%s' is not a file descriptor", name,
					 text);
		set_fd(p, n);
		return 0;
	case FIELD_MAC:
		if (parse_mac(text, p) < 0)
			return error_set(err, -EINVAL, "%s: '%s' is not a MAC address like "
					 "52:54:00:12:34:56", name, text);
		return 0;
	case FIELD_GROUP:
		/* a second time replaces the first */
		fields_free(field->group->fields, p);
		memcpy(p, field->group->defaults, field->group->size);
		return set_group(field->group, p, name, text, err);
	case FIELD_LIST:
		p = field_list_add(field->group, p);
		return p ? set_group(field->group, p, name, text, err) : no_memory(name, err);
	}
	return -EINVAL;
}

/* ---- "word,key=value,..."; a comma in a value is written twice ---- */

/* Takes the next part out of *text into buf. */
static int next_part(const char **text, char *buf, size_t size)
{
	const char *s = *text;
	size_t n = 0;

	for (; *s; s++) {
		if (*s == ',' && *++s != ',')
			break;
		if (n + 1 == size)
			return -E2BIG;
		buf[n++] = *s;
	}
	buf[n] = 0;
	*text = s;
	return 0;
}

static int set_part(const struct field_group *group, void *base, const char *name, char *part,
		    bool first, struct error *err)
{
	const struct field *bare = group->bare ? field_find(group->fields, group->bare) : NULL;
	char *value = strchr(part, '=');
	const struct field *field;
	char key[96];

	if (value)
		*value++ = 0;
	if (bare && first && !value && bare->type != FIELD_CHOICE)
		return field_set_text(bare, base, name, part, err);
	if (bare && bare->type == FIELD_CHOICE) {
		int i = find_name(bare->names, part);

		if (i >= 0) {
			*(int *)((char *)base + bare->offset) = i;
			if (!group->values[i] == !value) {
				if (!value)
					return 0;
				snprintf(key, sizeof(key), "%s: %s", name, bare->names[i]);
				return field_set_text(field_find(group->fields, group->values[i]),
						      base, key, value, err);
			}
			return error_set(err, -EINVAL, value ? "%s: %s takes no value" :
					 "%s: %s needs a value: '%s=...'", name, part, part);
		}
	}
	field = field_find(group->fields, part);
	if (!field)
		return error_set(err, -EINVAL, "%s: there is no '%s'", name, part);
	if (!value)
		return error_set(err, -EINVAL, "%s: %s needs a value: '%s=...'", name, part, part);
	snprintf(key, sizeof(key), "%s: %s", name, field->name);
	return field_set_text(field, base, key, value, err);
}

static int set_group(const struct field_group *group, void *base, const char *name,
		     const char *text, struct error *err)
{
	char part[4200];
	bool first = true;

	if (!*text)
		return error_set(err, -EINVAL, "%s: the value is empty", name);
	while (*text) {
		int ret = next_part(&text, part, sizeof(part));

		if (ret < 0)
			return error_set(err, ret, "%s: a value is longer than %zu bytes", name,
					 sizeof(part) - 1);
		ret = set_part(group, base, name, part, first, err);
		if (ret < 0)
			return ret;
		first = false;
	}
	return 0;
}

/* ---- JSON ---- */

static int from_json(const struct field *field, void *base, const char *name, json_t *value,
		     struct error *err);

static int group_from_json(const struct field *fields, void *base, const char *prefix,
			   json_t *object, struct error *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return error_set(err, -EINVAL, "%s: is not an object", *prefix ? prefix : "JSON");
	json_object_foreach(object, key, value) {
		const struct field *field = field_find(fields, key);
		char name[128];
		int ret;

		snprintf(name, sizeof(name), "%s%s%.64s", prefix, *prefix ? "." : "", key);
		if (!field)
			return error_set(err, -EINVAL, "%s: there is no such member", name);
		ret = from_json(field, base, name, value, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int list_from_json(const struct field *field, struct field_list *list, const char *name,
			  json_t *array, struct error *err)
{
	size_t i;
	json_t *value;

	if (!json_is_array(array))
		return error_set(err, -EINVAL, "%s: is not an array", name);
	json_array_foreach(array, i, value) {
		void *item = field_list_add(field->group, list);
		char item_name[160];
		int ret;

		if (!item)
			return no_memory(name, err);
		snprintf(item_name, sizeof(item_name), "%s[%zu]", name, i);
		ret = group_from_json(field->group->fields, item, item_name, value, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int from_json(const struct field *field, void *base, const char *name, json_t *value,
		     struct error *err)
{
	void *p = (char *)base + field->offset;

	switch (field->type) {
	case FIELD_STRING:
	case FIELD_SIZE:
	case FIELD_CHOICE:
	case FIELD_MAC:
		/* jansson refuses \u0000 in a string */
		if (!json_is_string(value))
			return error_set(err, -EINVAL, "%s: is not a string", name);
		return field_set_text(field, base, name, json_string_value(value), err);
	case FIELD_BOOL:
		if (!json_is_boolean(value))
			return error_set(err, -EINVAL, "%s: is neither true nor false", name);
		*(bool *)p = json_is_true(value);
		return 0;
	case FIELD_NUMBER:
	case FIELD_FD:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return error_set(err, -EINVAL, "%s: is not a number", name);
		if (field->type == FIELD_NUMBER) {
			*(uint64_t *)p = json_integer_value(value);
			return check_range(field, name, *(uint64_t *)p, err);
		}
		if (json_integer_value(value) > INT32_MAX)
			return error_set(err, -ERANGE, "%s: is not a file descriptor", name);
		set_fd(p, json_integer_value(value));
		return 0;
	case FIELD_GROUP:
		return group_from_json(field->group->fields, p, name, value, err);
	case FIELD_LIST:
		return list_from_json(field, p, name, value, err);
	}
	return -EINVAL;
}

int fields_from_json(const struct field *fields, void *base, json_t *object, struct error *err)
{
	return group_from_json(fields, base, "", object, err);
}

static json_t *list_to_json(const struct field_group *group, const struct field_list *list,
			    unsigned int skip)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, fields_to_json(group->fields, (char *)list->items +
							    i * group->size, skip));
	return array;
}

/* NULL: not set */
static json_t *to_json(const struct field *field, const void *p, unsigned int skip)
{
	const uint8_t *mac = p;
	char text[24];

	switch (field->type) {
	case FIELD_STRING:
		return *(char *const *)p ? json_string(*(char *const *)p) : NULL;
	case FIELD_BOOL:
		return json_boolean(*(const bool *)p);
	case FIELD_NUMBER:
		return json_integer(*(const uint64_t *)p);
	case FIELD_SIZE:
		return json_string(format_size(*(const uint64_t *)p, text));
	case FIELD_CHOICE:
		return json_string(field->names[*(const int *)p]);
	case FIELD_FD:
		return *(const int *)p >= 0 ? json_integer(*(const int *)p) : NULL;
	case FIELD_MAC:
		if (!memcmp(mac, "\0\0\0\0\0", 6))
			return NULL;
		return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
				    mac[3], mac[4], mac[5]);
	case FIELD_GROUP:
		return fields_to_json(field->group->fields, p, skip);
	case FIELD_LIST:
		return list_to_json(field->group, p, skip);
	}
	return NULL;
}

json_t *fields_to_json(const struct field *fields, const void *base, unsigned int skip)
{
	json_t *object = json_object();

	for (; fields->name; fields++) {
		json_t *value;

		if (fields->flags & skip)
			continue;
		value = to_json(fields, (const char *)base + fields->offset, skip);
		if (value)
			json_object_set_new(object, fields->name, value);
	}
	return object;
}

/* ---- tables ---- */

const struct field *field_find(const struct field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

void *field_list_add(const struct field_group *group, struct field_list *list)
{
	void *items = list->count < LIST_MAX ?
		reallocarray(list->items, list->count + 1, group->size) : NULL;

	if (!items)
		return NULL;
	list->items = items;
	return memcpy((char *)items + list->count++ * group->size, group->defaults, group->size);
}

int fields_check(const struct field *fields, const void *base, struct error *err)
{
	int ret = 0;

	for (; fields->name && ret == 0; fields++) {
		const void *p = (const char *)base + fields->offset;
		const struct field_list *list = p;

		switch (fields->type) {
		case FIELD_NUMBER:
		case FIELD_SIZE:
			ret = check_range(fields, fields->name, *(const uint64_t *)p, err);
			break;
		case FIELD_GROUP:
			ret = fields_check(fields->group->fields, p, err);
			break;
		case FIELD_LIST:
			for (size_t i = 0; i < list->count && ret == 0; i++)
				ret = fields_check(fields->group->fields, (char *)list->items +
						   i * fields->group->size, err);
			break;
		default:
			break;
		}
	}
	return ret;
}

bool fields_have_fd(const struct field *fields, const void *base)
{
	for (; fields->name; fields++) {
		const void *p = (const char *)base + fields->offset;
		const struct field_list *list = p;

		if (fields->type == FIELD_FD && *(const int *)p >= 0)
			return true;
		if (fields->type == FIELD_GROUP && fields_have_fd(fields->group->fields, p))
			return true;
		for (size_t i = 0; fields->type == FIELD_LIST && i < list->count; i++)
			if (fields_have_fd(fields->group->fields, (const char *)list->items +
					   i * fields->group->size))
				return true;
	}
	return false;
}

void fields_free(const struct field *fields, void *base)
{
	for (; fields->name; fields++) {
		void *p = (char *)base + fields->offset;
		struct field_list *list = p;

		switch (fields->type) {
		case FIELD_STRING:
			free(*(char **)p);
			*(char **)p = NULL;
			break;
		case FIELD_GROUP:
			fields_free(fields->group->fields, p);
			break;
		case FIELD_LIST:
			while (list->count)
				fields_free(fields->group->fields, (char *)list->items +
					    --list->count * fields->group->size);
			free(list->items);
			list->items = NULL;
			break;
		default:
			break;
		}
	}
}
