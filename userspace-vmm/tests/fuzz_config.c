// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as a configuration file, and as the value of a list; what is taken can be written and
 * read again, and is the same then.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(struct vm_config *config)
{
	json_t *first = fields_to_json(vm_config_fields, config, 0), *second;
	char *text = json_dumps(first, 0);
	struct vm_config again;
	struct error err;

	if (!text || vm_config_init(&again, &err) < 0 ||
	    config_json_parse(&again, text, strlen(text), &err) < 0)
		abort();
	second = fields_to_json(vm_config_fields, &again, 0);
	if (!json_equal(first, second))
		abort();
	json_decref(second);
	vm_config_free(&again);
	free(text);
	json_decref(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const lists[] = { "disk", "net", "share", "console", "serial", "memory" };
	struct vm_config config;
	struct error err;
	char *text;

	if (vm_config_init(&config, &err) < 0)
		return 0;
	if (config_json_parse(&config, (const char *)data, size, &err) == 0 &&
	    vm_config_check(&config, &err) == 0)
		round_trip(&config);
	vm_config_free(&config);
	if (!size || vm_config_init(&config, &err) < 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (field_set_text(field_find(vm_config_fields, lists[*data % 6]), &config, "x", text,
			   &err) == 0 && vm_config_check(&config, &err) == 0)
		round_trip(&config);
	free(text);
	vm_config_free(&config);
	return 0;
}
