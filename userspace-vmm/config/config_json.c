// SPDX-License-Identifier: GPL-2.0
#include "config/config_json.h"

#include <errno.h>
#include <string.h>

#include "core/file.h"

/* Takes root. */
static int take(struct vm_config *config, json_t *root, const json_error_t *where,
		struct error *err)
{
	int ret;

	if (!root)
		return error_set(err, -EINVAL, "line %d: %s", where->line, where->text);
	ret = fields_from_json(vm_config_fields, config, root, err);
	json_decref(root);
	return ret;
}

int config_json_parse(struct vm_config *config, const char *text, size_t len, struct error *err)
{
	json_error_t where;

	return take(config, json_loadb(text, len, JSON_REJECT_DUPLICATES, &where), &where, err);
}

int config_json_read(struct vm_config *config, const char *path, struct error *err)
{
	json_error_t where;
	struct error inner;
	struct file file;
	int ret;

	ret = file_open(&file, "--config", path, err);
	if (ret < 0)
		return ret;
	ret = take(config, json_loadfd(file.fd, JSON_REJECT_DUPLICATES, &where), &where, &inner);
	if (ret < 0)
		error_set(err, ret, "--config: '%s': %s", path, inner.text);
	file_close(&file);
	return ret;
}

int config_json_write(const struct vm_config *config, FILE *out)
{
	json_t *root = fields_to_json(vm_config_fields, config, 0);
	int ret = json_dumpf(root, out, JSON_INDENT(4));

	json_decref(root);
	return ret < 0 || fputc('\n', out) == EOF ? -EIO : 0;
}
