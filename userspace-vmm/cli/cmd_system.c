// SPDX-License-Identifier: GPL-2.0
/*
 * avmm-system: the same program as avmm, started as libvirt starts QEMU.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/config_qemu.h"
#include "control/qemu_probe.h"
#include "core/log.h"

bool is_system(const char *argv0)
{
	const char *name = strrchr(argv0, '/');

	name = name ? name + 1 : argv0;
	return !strcmp(name, "avmm-system") || !strncmp(name, "qemu-system-", 12);
}

int system_main(int argc, char **argv)
{
	struct qemu_config config;
	struct error err;
	int ret;

	ret = qemu_config_parse(&config, argc - 1, argv + 1, &err);
	if (ret == 0 && config.version)
		printf("avmm-system %s, started as QEMU is\n", AVMM_VERSION);
	else if (ret == 0 && config.probe)
		ret = qemu_probe(&config, &err);
	else if (ret == 0)
		ret = error_set(&err, -ENOSYS, "this version only answers what libvirt asks before it starts one");
	if (ret < 0)
		log_error("%s", err.text);
	qemu_config_free(&config);
	return ret < 0 ? EXIT_ERROR : EXIT_OFF;
}
