/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line: subcommands and exit statuses.
 */
#ifndef AVMM_CLI_CLI_H
#define AVMM_CLI_CLI_H

#include "cli/options.h"

/* Exit statuses; an interface, see avmm.1 */
enum {
	EXIT_OFF = 0,		/* the guest switched itself off; done */
	EXIT_ERROR = 1,		/* the host could not do what was asked for */
	EXIT_USAGE = 2,		/* the command line is wrong */
	EXIT_CRASH = 3,		/* the guest crashed */
	EXIT_STUCK = 4,		/* the guest cannot be run any further */
	EXIT_QUIT = 5,		/* the user left by the escape key */
};

struct command {
	const char *name;
	const char *words;	/* for the usage: "NAME"; names of VMs are completed */
	const char *help;
	/* its options, for help and completion; the second may be NULL */
	const struct field *fields[OPTION_SETS];
	/* argv without the program and the subcommand */
	int (*run)(const struct command *command, int argc, char **argv);
};

extern const struct command commands[];		/* ends with a row without name */

/* Returns an exit status, or minus the number of the signal that is to end the process. */
int cli_main(int argc, char **argv);

/* Started as QEMU: by the name avmm-system, or one of QEMU's. */
bool is_system(const char *argv0);
int system_main(int argc, char **argv);

/*
 * For a command whose first table is of the struct base: parses its options and min to max words.
 * help is the member of base that --help sets. Returns an exit status if nothing is left to do,
 * having said why; -1: go on.
 */
int cli_parse(const struct command *command, void *base, const bool *help, const char **words,
	      int min, int max, int argc, char **argv);

/* Says it, and returns EXIT_ERROR. */
int cli_error(const struct error *err);

int cmd_run(const struct command *command, int argc, char **argv);
/* The VM from beginning to end, with its control socket; may give it a name. */
int cli_run_vm(struct vm_config *config, int control_fd);

/* Options of commands to VMs that run; each command has some of them. */
struct ctl {
	bool json;
	bool help;
	bool force;
	uint64_t timeout;	/* seconds */
	uint64_t interval;	/* seconds */
	uint64_t count;		/* 0: without end */
};

extern const struct field ctl_fields[], ctl_stop_fields[], ctl_top_fields[], ctl_device_fields[];

/* Shows value, which it takes, as JSON if that is wanted; returns EXIT_OFF. */
int cli_done(const struct ctl *ctl, json_t *value);

int cmd_list(const struct command *command, int argc, char **argv);
int cmd_simple(const struct command *command, int argc, char **argv);
int cmd_stop(const struct command *command, int argc, char **argv);
int cmd_stat(const struct command *command, int argc, char **argv);
int cmd_device(const struct command *command, int argc, char **argv);
int cmd_qmp(const struct command *command, int argc, char **argv);

extern const struct field mig_save_fields[], mig_migrate_fields[], mig_restore_fields[],
	mig_clone_fields[];

int cmd_save(const struct command *command, int argc, char **argv);
int cmd_restore(const struct command *command, int argc, char **argv);
int cmd_clone(const struct command *command, int argc, char **argv);
int cmd_migrate(const struct command *command, int argc, char **argv);

int cmd_console(const struct command *command, int argc, char **argv);
int cmd_top(const struct command *command, int argc, char **argv);
int cmd_doctor(const struct command *command, int argc, char **argv);
int cmd_completion(const struct command *command, int argc, char **argv);

#endif /* AVMM_CLI_CLI_H */
