// SPDX-License-Identifier: GPL-2.0
#include "backend/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <termios.h>
#include <unistd.h>

#include "core/log.h"

/* Global, because a signal handler has no other way to it. */
static volatile sig_atomic_t terminal = -1;	/* fd, while there is something to put back */
static struct termios saved;

/* In the background the terminal is someone else's, and so is its mode. */
static int in_background(int fd)
{
	pid_t owner = tcgetpgrp(fd);

	return owner > 0 && owner != getpgrp();
}

static int set_raw(int fd)
{
	struct termios raw = saved;

	/* each byte at once and as it is, no echo, no signals: Ctrl-C is the guest's */
	cfmakeraw(&raw);
	/* waits until our earlier output is out, which still wants its line ends translated */
	return tcsetattr(fd, TCSADRAIN, &raw) < 0 ? -errno : 0;
}

int terminal_raw(int fd)
{
	int ret;

	if (tcgetattr(fd, &saved) < 0)
		return -ENOTTY;
	terminal = fd;
	ret = set_raw(fd);
	if (ret < 0)
		terminal = -1;
	else
		log_set_raw(true);
	return ret;
}

void terminal_restore(void)
{
	int fd = terminal, saved_errno = errno;

	if (fd < 0)
		return;
	if (!in_background(fd))
		tcsetattr(fd, TCSANOW, &saved);
	log_set_raw(false);
	errno = saved_errno;
}

void terminal_continue(void)
{
	int fd = terminal;

	if (fd < 0 || in_background(fd))
		return;
	if (set_raw(fd) == 0)
		log_set_raw(true);
}

static void on_fatal(int sig)
{
	terminal_restore();
	/* SA_RESETHAND put the default action back; it comes when this handler returns */
	raise(sig);
}

void terminal_guard(void)
{
	/*
	 * What ends a process by default and is not read from the signalfd. Of the last ones the
	 * user may want none, but they should not leave a raw terminal either.
	 */
	static const int fatal[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ,
		SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGIO, SIGPWR, SIGSTKFLT,
	};
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}
