// SPDX-License-Identifier: GPL-2.0
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"

#define KEPT_FD		3
#define REPORT_FD	4
#define PATIENCE_MS	2000	/* from a polite request to SIGKILL */

/* In the child; what is said through report is why it did not work. */
static void run(char *const argv[], int keep, int report, pid_t parent)
{
	sigset_t none;
	int null, code;

	/* the parent's own, which execve() would hand on */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* keys on our terminal are not for it */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	null = open("/dev/null", O_RDWR);
	/* away from the numbers that they shall have */
	keep = fcntl(keep, F_DUPFD, REPORT_FD + 1);
	report = fcntl(report, F_DUPFD, REPORT_FD + 1);
	if (null >= 0 && keep >= 0 && report >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 && dup2(keep, KEPT_FD) >= 0 &&
	    dup2(report, REPORT_FD) >= 0) {
		fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
		close_range(REPORT_FD + 1, ~0U, 0);
		report = REPORT_FD;
		execvp(argv[0], argv);
	}
	code = -errno;
	if (write(report, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static void end_ready(void *opaque)
{
	struct process *process = opaque;
	pid_t pid = process->pid;
	int status;

	event_loop_remove(process->loop, &process->end);
	close(process->end.fd);
	process->end.fd = -1;
	process->pid = 0;
	if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		log_error("%s ended by signal %d", process->name, WTERMSIG(status));
	else
		log_error("%s ended", process->name);
	if (process->ended)
		process->ended(process->opaque);
}

static int watch(struct process *process)
{
	int fd = syscall(SYS_pidfd_open, process->pid, 0);

	process->end = (struct event_source) {
		.fd = fd, .ready = end_ready, .opaque = process,
	};
	return fd < 0 ? -errno : event_loop_add(process->loop, &process->end, EPOLLIN);
}

int process_start(struct process *process, char *const argv[], int keep, struct event_loop *loop,
		  struct error *err)
{
	pid_t parent = getpid();
	int report[2], code, ret;
	ssize_t n;

	process->name = argv[0];
	process->loop = loop;
	process->end.fd = -1;
	process->pid = 0;
	if (pipe2(report, O_CLOEXEC) < 0)
		return error_set(err, -errno, "%s cannot be started: %s", argv[0],
				 strerror(errno));
	process->pid = fork();
	if (process->pid == 0)
		run(argv, keep, report[1], parent);
	code = -errno;
	close(report[1]);
	if (process->pid < 0) {
		process->pid = 0;
		close(report[0]);
		return error_set(err, code, "%s cannot be started: %s", argv[0], strerror(-code));
	}
	/* the end comes when the program is there */
	do {
		n = read(report[0], &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == sizeof(code)) {
		process_stop(process);
		return error_set(err, code, "%s cannot be started: %s", argv[0], strerror(-code));
	}
	ret = watch(process);
	if (ret < 0) {
		process_stop(process);
		return error_set(err, ret, "%s cannot be watched: %s", argv[0], strerror(-ret));
	}
	return 0;
}

void process_stop(struct process *process)
{
	struct pollfd end = { .fd = process->end.fd, .events = POLLIN };
	bool allowed;

	if (!process->pid)
		return;
	/* one of root's, when we are somebody else by now: its socket's end is its own */
	allowed = kill(process->pid, SIGTERM) == 0 || errno != EPERM;
	if (allowed && (end.fd < 0 || poll(&end, 1, PATIENCE_MS) != 1))
		kill(process->pid, SIGKILL);
	while (allowed && waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	process->pid = 0;
	event_loop_remove(process->loop, &process->end);
	if (process->end.fd >= 0)
		close(process->end.fd);
	process->end.fd = -1;
}
