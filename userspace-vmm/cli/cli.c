// SPDX-License-Identifier: GPL-2.0
#include "cli/cli.h"

#include <linux/avmm.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"

const struct command commands[] = {
	{ "run", "", "run a virtual machine on this terminal",
	  { vm_config_fields, run_fields }, cmd_run },
	{ "list", "", "show the virtual machines that run", { ctl_fields }, cmd_list },
	{ "console", "NAME [LINE]", "a terminal at its serial line", { ctl_fields }, cmd_console },
	{ "pause", "NAME", "stand still", { ctl_fields }, cmd_simple },
	{ "resume", "NAME", "go on", { ctl_fields }, cmd_simple },
	{ "reset", "NAME", "start again, as by the reset key", { ctl_fields }, cmd_simple },
	{ "stop", "NAME", "press the power key, and later pull the plug", { ctl_stop_fields },
	  cmd_stop },
	{ "save", "NAME FILE", "write it to a file, while it goes on", { mig_save_fields }, cmd_save },
	{ "restore", "FILE", "run what was saved", { mig_restore_fields, vm_config_fields },
	  cmd_restore },
	{ "clone", "FILE", "run it several times, with memory in common",
	  { mig_clone_fields, vm_config_fields }, cmd_clone },
	{ "migrate", "NAME URI", "move it to where 'run --incoming URI' waits",
	  { mig_migrate_fields }, cmd_migrate },
	{ "device", "add NAME disk|net|share VALUE, or remove NAME ID",
	  "plug a device into one that runs, or take it out", { ctl_device_fields }, cmd_device },
	{ "stat", "NAME", "show what one has done so far", { ctl_fields }, cmd_stat },
	{ "top", "", "show what all do, again and again", { ctl_top_fields }, cmd_top },
	{ "qmp", "NAME COMMAND [ARGUMENTS]", "send a command of QMP; arguments are JSON",
	  { ctl_fields }, cmd_qmp },
	{ "doctor", "", "tell what this host can do, and why not", { ctl_fields }, cmd_doctor },
	{ "completion", "", "write the completion for bash", { ctl_fields }, cmd_completion },
	{ .name = NULL },
};

static int show_help(void)
{
	puts("usage: avmm COMMAND [OPTION]... [NAME]\n");
	puts("Commands, 'avmm COMMAND --help' tells more:");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-22s %s\n", c->name, c->help);
	puts("\nOptions:");
	puts("  --help, -h             show this text");
	puts("  --version, -V          show the version");
	return EXIT_OFF;
}

static int show_version(void)
{
	printf("avmm %s (API version %d)\n", AVMM_VERSION, AVMM_API_VERSION);
	return EXIT_OFF;
}

int cli_error(const struct error *err)
{
	log_error("%s", err->text);
	return EXIT_ERROR;
}

int cli_parse(const struct command *command, void *base, const bool *help, const char **words,
	      int min, int max, int argc, char **argv)
{
	struct options options = {
		.command = command->name, .sets = { { command->fields[0], base } },
		.words = words, .max_words = max,
	};
	struct error err;

	if (options_parse(&options, argc, argv, &err) < 0) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	if (*help) {
		printf("usage: avmm %s [OPTION]...%s%s\n\n", command->name,
		       *command->words ? " " : "", command->words);
		options_help(&options, stdout);
		return EXIT_OFF;
	}
	if (options.nwords < min) {
		log_error("%s: %s is missing; see 'avmm %s --help'", command->name,
			  options.nwords ? "a word" : "the name of a virtual machine",
			  command->name);
		return EXIT_USAGE;
	}
	return -1;
}

int cli_main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (!name) {
		log_error("a command is missing; see 'avmm --help'");
		return EXIT_USAGE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		return show_help();
	if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		return show_version();
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c->run(c, argc - 2, argv + 2);
	log_error("'%s' is not a command; see 'avmm --help'", name);
	return EXIT_USAGE;
}
