// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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
#include "machine/devices.h"
#include "sandbox/sandbox.h"
#include "util/process.h"

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
	qmp_plug_init(server, config);
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

/* ---- in the background ---- */

static void replace(int fd, int by)
{
	if (by >= 0)
		dup2(by, fd);
}

/* The guest runs: whoever waits for us in the foreground may go. */
static void started(void *opaque)
{
	int *ready = opaque, null;

	if (*ready < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	/* a log that somebody keeps gets what is still to be said; a terminal is left alone */
	if (isatty(STDERR_FILENO))
		replace(STDERR_FILENO, null);
	if (null >= 0)
		close(null);
	if (write(*ready, "", 1) < 0)
		log_verbose("nobody waits for the start");
	close(*ready);
	*ready = -1;
}

/*
 * Returns the process's status in the foreground, when the guest runs or cannot be started; -1 in
 * the background, with *ready for started().
 */
static int go_background(int *ready)
{
	int ends[2], null, status = 0;
	char byte;
	pid_t pid;

	pid = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
	if (pid < 0) {
		log_error("--daemonize: %s", strerror(errno));
		return EXIT_ERROR;
	}
	if (pid) {
		close(ends[1]);
		if (read(ends[0], &byte, 1) == 1)
			return EXIT_OFF;
		waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ERROR;
	}
	close(ends[0]);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	replace(STDIN_FILENO, null);
	replace(STDOUT_FILENO, null);
	*ready = ends[1];
	return -1;
}

static int run(struct vm_config *config, int control_fd, int ready)
{
	struct control control = { .listener.fd = -1 };
	struct qmp_server server = { 0 };
	struct error err;
	struct vm vm;
	int reason;

	if (launcher_start(device_programs, &err) < 0 || (config->sandbox && sandbox_prepare(&err) < 0) ||
	    vm_create(&vm, config, &err) < 0) {
		log_error("%s", err.text);
		launcher_end();
		return EXIT_ERROR;
	}
	vm.on_start = started;
	vm.on_start_opaque = &ready;
	reason = open_control(&control, &server, &vm, config, control_fd, &err);
	if (reason == 0)
		reason = vm_run(&vm, &err);
	control_close(&control);
	qmp_server_close(&server);
	/* first, so that the message finds the terminal as it was */
	vm_destroy(&vm);
	launcher_end();
	return status(&vm, reason, &err);
}

/* One without a name gets one, so that the other commands can name it. */
static int name_it(struct vm_config *config)
{
	if (!config->name && asprintf(&config->name, "vm-%d", (int)getpid()) < 0)
		config->name = NULL;
	return config->name ? 0 : -ENOMEM;
}

static int run_named(struct vm_config *config, int control_fd, int ready)
{
	return name_it(config) < 0 ? EXIT_ERROR : run(config, control_fd, ready);
}

int cli_run_vm(struct vm_config *config, int control_fd)
{
	return run_named(config, control_fd, -1);
}

int cmd_run(const struct command *command, int argc, char **argv)
{
	struct run_options options;
	struct vm_config config;
	struct error err;
	int ret, ready = -1;

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
		/* nobody would be at it */
		if (options.daemonize && config.serial.kind == CHARDEV_STDIO)
			config.serial.kind = CHARDEV_PTY;
		ret = options.daemonize ? go_background(&ready) : -1;
		if (ret < 0)
			ret = run_named(&config, -1, ready);
	}
	fields_free(run_fields, &options);
	vm_config_free(&config);
	return ret;
}
