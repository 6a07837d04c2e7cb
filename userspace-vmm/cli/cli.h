/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line: subcommands and exit statuses.
 */
#ifndef AVMM_CLI_CLI_H
#define AVMM_CLI_CLI_H

#include <stdbool.h>

/* Exit statuses; an interface, see avmm.1 */
enum {
	EXIT_OFF = 0,		/* the guest switched itself off */
	EXIT_ERROR = 1,		/* the host could not do what was asked for */
	EXIT_USAGE = 2,		/* the command line is wrong */
	EXIT_CRASH = 3,		/* the guest crashed */
	EXIT_STUCK = 4,		/* the guest cannot be run any further */
	EXIT_QUIT = 5,		/* the user left by the escape key */
};

/* Returns an exit status, or minus the number of the signal that is to end the process. */
int cli_main(int argc, char **argv);

/* Started as QEMU: by the name avmm-system, or one of QEMU's. */
bool is_system(const char *argv0);
int system_main(int argc, char **argv);

int cmd_run(int argc, char **argv);

#endif /* AVMM_CLI_CLI_H */
