// SPDX-License-Identifier: GPL-2.0
#include "cli/cli.h"

#include <linux/avmm.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"

/* argv without the program and the subcommand */
static const struct command {
	const char *name;
	const char *usage;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "run", "run --kernel FILE [OPTION]...", cmd_run,
	  "run a virtual machine on this terminal" },
};

#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

static int show_help(int argc, char **argv);
static int show_version(int argc, char **argv);

/* Options before a subcommand */
static const struct command globals[] = {
	{ "--help", NULL, show_help, "show this text" },
	{ "-h", NULL, show_help, NULL },
	{ "--version", NULL, show_version, "show the version" },
	{ "-V", NULL, show_version, NULL },
};

#define NGLOBALS	(sizeof(globals) / sizeof(globals[0]))

static int show_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("%s avmm %s\n", i ? "      " : "usage:", commands[i].usage);
	puts("\nCommands, 'avmm COMMAND --help' tells more:");
	for (size_t i = 0; i < NCOMMANDS; i++)
		printf("  %-22s %s\n", commands[i].name, commands[i].help);
	puts("\nOptions:");
	for (size_t i = 0; i < NGLOBALS; i++)
		if (globals[i].help)
			printf("  %-22s %s\n", globals[i].name, globals[i].help);
	return EXIT_OFF;
}

static int show_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("avmm %s (API version %d)\n", AVMM_VERSION, AVMM_API_VERSION);
	return EXIT_OFF;
}

static const struct command *find(const struct command *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(table[i].name, name))
			return &table[i];
	return NULL;
}

int cli_main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		log_error("a command is missing; see 'avmm --help'");
		return EXIT_USAGE;
	}
	command = find(commands, NCOMMANDS, argv[1]);
	if (!command)
		command = find(globals, NGLOBALS, argv[1]);
	if (!command) {
		log_error("'%s' is not a command; see 'avmm --help'", argv[1]);
		return EXIT_USAGE;
	}
	return command->run(argc - 2, argv + 2);
}
