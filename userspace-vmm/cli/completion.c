// SPDX-License-Identifier: GPL-2.0
/*
 * Completion for bash, from the tables of commands and options: words that begin with '-' are
 * options, a word of a command that takes a NAME is a VM that runs, and all else is a file.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_options(const struct command *command)
{
	for (unsigned int i = 0; i < OPTION_SETS && command->fields[i]; i++)
		for (const struct field *f = command->fields[i]; f->name; f++)
			if (f->help)
				printf(" --%s", f->name);
}

/* Options whose value is one of a few words. */
static void print_choices(const struct command *command)
{
	for (unsigned int i = 0; i < OPTION_SETS && command->fields[i]; i++) {
		for (const struct field *f = command->fields[i]; f->name; f++) {
			if (!f->help || !f->value || (f->type != FIELD_CHOICE &&
						      f->type != FIELD_BOOL))
				continue;
			printf("\t%s:--%s) words=\"", command->name, f->name);
			for (unsigned int n = 0; f->names && f->names[n]; n++)
				printf("%s%s", n ? " " : "", f->names[n]);
			printf("%s\" ;;\n", f->names ? "" : "on off");
		}
	}
}

int cmd_completion(const struct command *command, int argc, char **argv)
{
	struct ctl ctl = { 0 };
	int ret = cli_parse(command, &ctl, &ctl.help, NULL, 0, 0, argc, argv);

	if (ret >= 0)
		return ret;
	puts("# bash completion for avmm; made by 'avmm completion'\n"
	     "_avmm() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words='' options=''\n"
	     "\tlocal command=${COMP_WORDS[1]}\n"
	     "\tCOMPREPLY=()\n"
	     "\tif [ \"$COMP_CWORD\" = 1 ]; then");
	printf("\t\twords=\"--help --version");
	for (const struct command *c = commands; c->name; c++)
		printf(" %s", c->name);
	puts("\"\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "\t\treturn\n"
	     "\tfi\n"
	     "\tcase $command:$prev in");
	for (const struct command *c = commands; c->name; c++)
		print_choices(c);
	puts("\tesac\n"
	     "\tcase $command in");
	for (const struct command *c = commands; c->name; c++) {
		printf("\t%s) options=\"", c->name);
		print_options(c);
		printf("\"");
		if (strstr(c->words, "NAME"))
			printf("\n\t\t[ -n \"$words\" ] || words=$(avmm list 2>/dev/null | "
			       "awk 'NR > 1 { print $1 }')");
		puts(" ;;");
	}
	puts("\tesac\n"
	     "\tcase $cur in\n"
	     "\t-*) words=$options ;;\n"
	     "\tesac\n"
	     "\tif [ -n \"$words\" ]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "\telse\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	     "\tfi\n"
	     "}\n"
	     "complete -o filenames -F _avmm avmm");
	return EXIT_OFF;
}
