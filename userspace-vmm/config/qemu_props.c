// SPDX-License-Identifier: GPL-2.0
#include "config/qemu_props.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int qemu_props_error(const struct qemu_props *props, struct error *err, int code, const char *fmt,
		     ...)
{
	const char *what = props->implied ? qemu_props_peek(props, props->implied) : NULL;
	const char *id = qemu_props_peek(props, "id");
	char text[sizeof(err->text)];
	va_list args;

	if (!id)
		id = qemu_props_peek(props, "node-name");
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return error_set(err, code, "%s%s%.64s%s%.64s: %s", props->option, what ? " " : "",
			 what ? what : "", id ? (what ? ",id=" : " id=") : "", id ? id : "", text);
}

static int no_memory(const struct qemu_props *props, struct error *err)
{
	return error_set(err, -ENOMEM, "%s: no memory for its properties", props->option);
}

static struct qemu_prop *find(const struct qemu_props *props, const char *key)
{
	for (size_t i = 0; i < props->n; i++)
		if (!strcmp(props->list[i].key, key))
			return &props->list[i];
	return NULL;
}

/* Takes the strings over. The last of two with the same key counts, as it does for QEMU. */
static int add(struct qemu_props *props, char *key, char *value, struct error *err)
{
	struct qemu_prop *prop = key ? find(props, key) : NULL;

	if (key && value && !prop) {
		void *list = realloc(props->list, (props->n + 1) * sizeof(*props->list));

		if (list) {
			props->list = list;
			prop = &props->list[props->n++];
			*prop = (struct qemu_prop) { .key = key, .value = value };
			return 0;
		}
	} else if (key && value) {
		free(prop->value);
		prop->value = value;
		free(key);
		return 0;
	}
	free(key);
	free(value);
	return no_memory(props, err);
}

/* ---- key=value,... ---- */

/* Up to a single comma, of which two stand for one. Moves *text behind it; NULL: no memory. */
static char *word(const char **text)
{
	const char *p = *text;
	size_t len = 0;
	char *copy = malloc(strlen(p) + 1);

	while (copy && *p && (*p != ',' || p[1] == ',')) {
		if (*p == ',')
			p++;
		copy[len++] = *p++;
	}
	if (copy)
		copy[len] = 0;
	*text = *p ? p + 1 : p;
	return copy;
}

static int add_word(struct qemu_props *props, char *w, bool first, struct error *err)
{
	char *equals = strchr(w, '=');
	int ret;

	/* the key ends before a comma that was written twice */
	if (equals)
		ret = add(props, strndup(w, equals - w), strdup(equals + 1), err);
	else if (first && props->implied)
		ret = add(props, strdup(props->implied), strdup(w), err);
	else if (!strncmp(w, "no", 2) && w[2])
		/* "nowait": the old way to say wait=off */
		ret = add(props, strdup(w + 2), strdup("off"), err);
	else
		ret = add(props, strdup(w), strdup("on"), err);
	free(w);
	return ret;
}

static int parse_words(struct qemu_props *props, const char *text, struct error *err)
{
	for (bool first = true; *text; first = false) {
		char *w = word(&text);
		int ret;

		if (!w)
			return no_memory(props, err);
		if (!*w) {
			free(w);
			return error_set(err, -EINVAL, "%s: a property has no name", props->option);
		}
		ret = add_word(props, w, first, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- JSON ---- */

/* Of objects in objects: each level is a call of add_json(). */
#define DEPTH_MAX	16

static int add_json(struct qemu_props *props, const char *prefix, json_t *value, int depth,
		    struct error *err);

static int add_member(struct qemu_props *props, const char *prefix, const char *name, json_t *value,
		      int depth, struct error *err)
{
	char *key = NULL;
	int ret;

	if (asprintf(&key, "%s%s%s", prefix, *prefix ? "." : "", name) < 0)
		return no_memory(props, err);
	if (json_is_object(value) || json_is_array(value)) {
		ret = add_json(props, key, value, depth + 1, err);
		free(key);
		return ret;
	}
	if (json_is_string(value))
		return add(props, key, strdup(json_string_value(value)), err);
	if (json_is_boolean(value))
		return add(props, key, strdup(json_is_true(value) ? "on" : "off"), err);
	if (json_is_integer(value)) {
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return add(props, key, strdup(number), err);
	}
	if (json_is_null(value)) {
		/* as if it was not there: "backing":null */
		free(key);
		return 0;
	}
	free(key);
	return error_set(err, -EINVAL, "%s: '%.64s' is a number with a fraction", props->option,
			 name);
}

static int add_json(struct qemu_props *props, const char *prefix, json_t *value, int depth,
		    struct error *err)
{
	const char *name;
	json_t *member;
	int ret = 0;

	if (depth > DEPTH_MAX)
		return error_set(err, -EINVAL, "%s: the JSON is nested too deeply", props->option);
	if (json_is_array(value)) {
		for (size_t i = 0; i < json_array_size(value) && ret == 0; i++) {
			char number[24];

			snprintf(number, sizeof(number), "%zu", i);
			ret = add_member(props, prefix, number, json_array_get(value, i), depth,
					 err);
		}
		return ret;
	}
	json_object_foreach(value, name, member) {
		ret = add_member(props, prefix, name, member, depth, err);
		if (ret < 0)
			break;
	}
	return ret;
}

static int parse_json(struct qemu_props *props, const char *text, struct error *err)
{
	json_error_t why;
	/* jansson limits the depth, too */
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	int ret;

	if (!root)
		return error_set(err, -EINVAL, "%s: the JSON is wrong: %.160s", props->option,
				 why.text);
	ret = json_is_object(root) ? add_json(props, "", root, 1, err) :
	      error_set(err, -EINVAL, "%s: the JSON is not an object", props->option);
	json_decref(root);
	return ret;
}

/* ---- for the readers ---- */

int qemu_props_parse(struct qemu_props *props, const char *option, const char *implied,
		     const char *text, struct error *err)
{
	int ret;

	*props = (struct qemu_props) { .option = option, .implied = implied };
	ret = *text == '{' ? parse_json(props, text, err) : parse_words(props, text, err);
	if (ret < 0)
		qemu_props_free(props);
	return ret;
}

int qemu_props_from_json(struct qemu_props *props, const char *option, const char *implied,
			 json_t *object, struct error *err)
{
	int ret;

	*props = (struct qemu_props) { .option = option, .implied = implied };
	ret = add_json(props, "", object, 1, err);
	if (ret < 0)
		qemu_props_free(props);
	return ret;
}

void qemu_props_free(struct qemu_props *props)
{
	for (size_t i = 0; i < props->n; i++) {
		free(props->list[i].key);
		free(props->list[i].value);
	}
	free(props->list);
	props->list = NULL;
	props->n = 0;
}

const char *qemu_props_peek(const struct qemu_props *props, const char *key)
{
	struct qemu_prop *prop = find(props, key);

	return prop ? prop->value : NULL;
}

const char *qemu_props_take(struct qemu_props *props, const char *key)
{
	struct qemu_prop *prop = find(props, key);

	if (!prop)
		return NULL;
	prop->taken = true;
	return prop->value;
}

int qemu_props_need(struct qemu_props *props, const char *key, const char **value,
		    struct error *err)
{
	*value = qemu_props_take(props, key);
	if (!*value || !**value)
		return qemu_props_error(props, err, -EINVAL, "'%s' is missing", key);
	return 0;
}

int qemu_props_bool(struct qemu_props *props, const char *key, bool *value, struct error *err)
{
	static const char * const words[][2] = {
		{ "off", "on" }, { "no", "yes" }, { "false", "true" },
	};
	const char *text = qemu_props_take(props, key);

	if (!text)
		return 0;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		for (int on = 0; on < 2; on++) {
			if (!strcmp(text, words[i][on])) {
				*value = on;
				return 0;
			}
		}
	}
	return qemu_props_error(props, err, -EINVAL, "'%s=%.64s' is neither on nor off", key, text);
}

int qemu_props_number(struct qemu_props *props, const char *key, uint64_t min, uint64_t max,
		      uint64_t *value, struct error *err)
{
	const char *text = qemu_props_take(props, key);
	uint64_t n;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || n < min || n > max)
		return qemu_props_error(props, err, -EINVAL,
					"'%s=%.64s' is not a number from %llu to %llu", key, text,
					(unsigned long long)min, (unsigned long long)max);
	*value = n;
	return 0;
}

void qemu_props_ignore(struct qemu_props *props, ...)
{
	const char *key;
	va_list keys;

	va_start(keys, props);
	while ((key = va_arg(keys, const char *)))
		qemu_props_take(props, key);
	va_end(keys);
}

int qemu_props_done(const struct qemu_props *props, struct error *err)
{
	for (size_t i = 0; i < props->n; i++)
		if (!props->list[i].taken)
			return qemu_props_error(props, err, -EINVAL,
						"'%.64s=%.64s' is not supported",
						props->list[i].key, props->list[i].value);
	return 0;
}
