// SPDX-License-Identifier: GPL-2.0
/*
 * The only place that ends the process.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "core/log.h"

/* A closed standard stream would give its number to the next file we open. */
static void fill_standard_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	int status;

	fill_standard_streams();
	/* a reader that went away is an error of write(), not the guest's end */
	signal(SIGPIPE, SIG_IGN);
	status = argc && is_system(argv[0]) ? system_main(argc, argv) : cli_main(argc, argv);
	if (status < 0) {
		sigset_t set;

		/* ended by a signal, and whoever waits for us shall see that */
		signal(-status, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, -status);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		raise(-status);
		return 128 - status;
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("standard output cannot be written");
		return status ? status : EXIT_ERROR;
	}
	return status;
}
