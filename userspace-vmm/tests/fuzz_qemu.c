// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer: any lines as the words of QEMU's command line; an object as what is plugged in, and as
 * what it names.
 */
#include <stdint.h>
#include <string.h>

#include "config/config_qemu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void plug(json_t *object)
{
	json_t *named = json_pack("{s:O}", "n", object);
	const struct vm_config vm = { .ports = 4, .port_names = (char *)"p,q" };
	struct qemu_config config;
	struct error err = { .text = "" };

	if (qemu_config_device(&config, &vm, named, named, object, &err) < 0 && !err.text[0])
		__builtin_trap();
	qemu_config_free(&config);
	json_decref(named);
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *object = json_loadb((const char *)data, size, 0, NULL);
	char text[4096], *argv[64];
	struct qemu_config config;
	struct error err;
	int argc = 0;

	if (json_is_object(object)) {
		plug(object);
		return 0;
	}
	json_decref(object);
	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	for (char *line = strtok(text, "\n"); line && argc < 64; line = strtok(NULL, "\n"))
		argv[argc++] = line;
	err.text[0] = 0;
	/* what is refused is refused with a sentence */
	if (qemu_config_parse(&config, argc, argv, &err) < 0 && !err.text[0])
		__builtin_trap();
	qemu_config_free(&config);
	return 0;
}
