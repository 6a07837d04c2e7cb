/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of a command, from tables of fields: the parser, the help text and the completion.
 */
#ifndef AVMM_CLI_OPTIONS_H
#define AVMM_CLI_OPTIONS_H

#include <stdio.h>

#include "config/field.h"
#include "config/vm_config.h"
#include "core/error.h"

/* The fields of a table that have a help text are options; base is the struct they are in. */
struct option_set {
	const struct field *fields;
	void *base;
};

#define OPTION_SETS	2

struct options {
	const char *command;		/* for messages: "run" */
	struct option_set sets[OPTION_SETS];
	/* what is not an option; an end of options "--" is known */
	const char **words;
	int nwords, max_words;
};

/* argv without the program and the subcommand; copies what it keeps, except words. */
int options_parse(struct options *options, int argc, char **argv, struct error *err);
void options_help(const struct options *options, FILE *out);

/* ---- run ---- */

/* What is not of the VM but of the command. */
struct run_options {
	char *config;
	bool dump_config;
	bool daemonize;
	bool help;
};

extern const struct field run_fields[];

/*
 * Options of "run", and the configuration file if one is named; its members come first, wherever
 * --config stands. The config is checked unless help is wanted.
 */
int run_options_parse(struct run_options *run, struct vm_config *config, int argc, char **argv,
		      struct error *err);
void run_options_help(FILE *out);

#endif /* AVMM_CLI_OPTIONS_H */
