// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/keys.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "config/config_json.h"
#include "control/qmp_vm.h"
#include "control/schema.h"
#include "control/socket.h"
#include "core/log.h"
#include "core/vm.h"

static int help(void)
{
	puts("usage: avmm run --kernel FILE [OPTION]...\n");
	puts("Runs a virtual machine; its serial line is standard input and output.\n");
	puts("Options:");
	run_options_help(stdout);
	puts("\nKeys, if standard input is a terminal:");
	for (const char *const *line = keys_help; *line; line++)
		printf("  %s\n", *line);
	return EXIT_OFF;
}

/* What the reason for stopping is to whoever started us. */
static int status(const struct vm *vm, int reason, const struct error *err)
{
	switch (reason) {
	case VM_STOP_SHUTDOWN:
		return EXIT_OFF;
	case VM_STOP_CRASH:
		log_error("%s", err->text);
		return EXIT_CRASH;
	case VM_STOP_FAILED:
		log_error("%s", err->text);
		return EXIT_STUCK;
	case VM_STOP_QUIT:
		return EXIT_QUIT;
	case VM_STOP_SIGNAL:
		return -vm->signal;
	default:
		log_error("%s", err->text);
		return EXIT_ERROR;
	}
}

/* Without a place for it the VM runs without control socket, unless one is asked for. */
static int open_control(struct control *control, struct qmp_server *server, struct vm *vm,
			const struct vm_config *config, int fd, struct error *err)
{
	char path[512];

	if (qmp_server_init(server, vm, qmp_all_commands, schema_text,
			    schema_text_end - schema_text, err) < 0)
		return err->code;
	vm->on_event = qmp_event;
	vm->on_event_opaque = server;
	if (fd >= 0)
		return control_listen_fd(control, server, &vm->loop, fd, err);
	if (config->control)
		return control_listen(control, server, &vm->loop, config->control, err);
	if (control_path(config->name, path, sizeof(path), err) < 0) {
		log_verbose("no control socket: %s", err->text);
		return 0;
	}
	return control_listen(control, server, &vm->loop, path, err);
}

static int run(const struct vm_config *config, int control_fd)
{
	struct control control = { .listener.fd = -1 };
	struct qmp_server server = { 0 };
	struct error err;
	struct vm vm;
	int reason;

	if (vm_create(&vm, config, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_ERROR;
	}
	reason = open_control(&control, &server, &vm, config, control_fd, &err);
	if (reason == 0)
		reason = vm_run(&vm, &err);
	control_close(&control);
	qmp_server_close(&server);
	/* first, so that the message finds the terminal as it was */
	vm_destroy(&vm);
	return status(&vm, reason, &err);
}

/* One without a name gets one, so that the other commands can name it. */
static int name_it(struct vm_config *config)
{
	if (!config->name && asprintf(&config->name, "vm-%d", (int)getpid()) < 0)
		config->name = NULL;
	return config->name ? 0 : -ENOMEM;
}

int cli_run_vm(struct vm_config *config, int control_fd)
{
	return name_it(config) < 0 ? EXIT_ERROR : run(config, control_fd);
}

int cmd_run(const struct command *command, int argc, char **argv)
{
	struct run_options options;
	struct vm_config config;
	struct error err;
	int ret;

	(void)command;
	if (vm_config_init(&config, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_ERROR;
	}
	if (run_options_parse(&options, &config, argc, argv, &err) < 0) {
		log_error("%s", err.text);
		ret = EXIT_USAGE;
	} else if (options.help) {
		ret = help();
	} else if (options.dump_config) {
		ret = config_json_write(&config, stdout) < 0 ? EXIT_ERROR : EXIT_OFF;
	} else {
		log_set_verbose(config.verbose);
		ret = cli_run_vm(&config, -1);
	}
	fields_free(run_fields, &options);
	vm_config_free(&config);
	return ret;
}
