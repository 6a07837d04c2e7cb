// SPDX-License-Identifier: GPL-2.0
/*
 * avmm-system: the same program as avmm, started as libvirt starts QEMU.
 */
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

/* Exit status */
static int run(struct qemu_config *config)
{
	struct error err;

	/* the monitor has the place of our control socket */
	if (config->monitor_path) {
		config->vm.control = config->monitor_path;
		config->monitor_path = NULL;
	}
	log_set_verbose(config->vm.verbose);
	if (vm_config_check(&config->vm, &err) == 0)
		return cli_run_vm(&config->vm, config->monitor_fd);
	log_error("%s", err.text);
	return EXIT_ERROR;
}

int system_main(int argc, char **argv)
{
	struct qemu_config config;
	int ret, status = EXIT_OFF;
	struct error err;

	ret = qemu_config_parse(&config, argc - 1, argv + 1, &err);
	if (ret == 0 && config.version)
		printf("avmm-system %s, started as QEMU is\n", AVMM_VERSION);
	else if (ret == 0 && config.probe)
		ret = qemu_probe(&config, &err);
	else if (ret == 0)
		status = run(&config);
	if (ret < 0) {
		log_error("%s", err.text);
		status = EXIT_ERROR;
	}
	qemu_config_free(&config);
	return status;
}
