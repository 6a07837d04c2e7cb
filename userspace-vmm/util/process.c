// SPDX-License-Identifier: GPL-2.0
#include "util/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "util/fd_pass.h"

#define KEPT_FD		3
#define REPORT_FD	4
#define PATIENCE_MS	2000	/* from a polite request to SIGKILL */
#define ARGS_MAX	16

/* ---- what is said between us and the launcher ---- */

struct request {
	enum { LAUNCH, CONFINE } kind;
	uid_t uid;		/* CONFINE; -1: as it is */
	gid_t gid;
	uint32_t nargs;		/* LAUNCH, with the descriptor to keep */
	char args[8192];	/* one after the other, each with its end */
};

/* With a pidfd if a process was launched. */
struct reply {
	int code;
	pid_t pid;
};

static int launcher = -1;

/* ---- a program, in a process of its own ---- */

/* What is said through report is why it did not work. */
static void run(char *const argv[], int keep, int report, pid_t parent)
{
	sigset_t none;
	int code;

	/* the parent's own, which execve() would hand on */
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	/* away from the numbers that they shall have */
	keep = fcntl(keep, F_DUPFD, REPORT_FD + 1);
	report = fcntl(report, F_DUPFD, REPORT_FD + 1);
	if (keep >= 0 && report >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 &&
	    dup2(keep, KEPT_FD) >= 0 && dup2(report, REPORT_FD) >= 0) {
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

/* ---- the launcher: what it is told is not to be trusted, for the sandbox may have a guest in it ---- */

/* Points argv into request. Returns whether it is one of the programs. */
static bool take_args(struct request *request, const char *const *programs, char *argv[ARGS_MAX + 1])
{
	char *arg = request->args, *end = arg + sizeof(request->args);

	if (!request->nargs || request->nargs > ARGS_MAX)
		return false;
	for (uint32_t i = 0; i < request->nargs; i++) {
		size_t len = strnlen(arg, end - arg);

		if (len == (size_t)(end - arg))
			return false;
		argv[i] = arg;
		arg += len + 1;
	}
	argv[request->nargs] = NULL;
	while (*programs && strcmp(*programs, argv[0]))
		programs++;
	return *programs;
}

static void launch(int socket, char *const argv[], int keep)
{
	struct reply reply = { .code = 0 };
	pid_t parent = getpid();
	int report[2], pidfd = -1;

	if (pipe2(report, O_CLOEXEC) < 0) {
		reply.code = -errno;
	} else {
		reply.pid = fork();
		if (reply.pid == 0)
			run(argv, keep, report[1], parent);
		if (reply.pid < 0)
			reply.code = -errno;
		close(report[1]);
		/* the end comes when the program is there */
		while (reply.pid > 0 && read(report[0], &reply.code, sizeof(reply.code)) < 0 && errno == EINTR)
			;
		close(report[0]);
	}
	if (reply.code == 0) {
		/* it is not waited for before the next turn */
		pidfd = syscall(SYS_pidfd_open, reply.pid, 0);
		if (pidfd < 0)
			reply.code = -errno;
	}
	if (fd_send(socket, &reply, sizeof(reply), pidfd) < 0)
		_exit(1);
	if (pidfd >= 0)
		close(pidfd);
}

static void confine(int socket, const struct request *request)
{
	struct reply reply = { .code = 0 };

	if ((request->uid != (uid_t)-1 &&
	     (setgroups(0, NULL) < 0 || setresgid(request->gid, request->gid, request->gid) < 0 ||
	      setresuid(request->uid, request->uid, request->uid) < 0)) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		reply.code = -errno;
	if (fd_send(socket, &reply, sizeof(reply), -1) < 0)
		_exit(1);
}

static void serve(int socket, const char *const *programs)
{
	static struct request request;
	char *argv[ARGS_MAX + 1];
	int keep;
	ssize_t n = fd_receive(socket, &request, sizeof(request), &keep);

	/* the VM's end is ours; and who says anything else is not who made us */
	if (n == sizeof(request) && request.kind == LAUNCH && keep >= 0 && take_args(&request, programs, argv))
		launch(socket, argv, keep);
	else if (n == sizeof(request) && request.kind == CONFINE && keep < 0)
		confine(socket, &request);
	else
		_exit(n != 0);
	if (keep >= 0)
		close(keep);
}

static void launcher_main(int socket, const char *const *programs)
{
	struct signalfd_siginfo info;
	struct pollfd events[2];
	sigset_t all, chld;
	int null;

	prctl(PR_SET_NAME, "avmm-launcher");
	/* keys on the terminal are for the VM, whose end is ours */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(socket, KEPT_FD) < 0 || close_range(KEPT_FD + 1, ~0U, 0) < 0)
		_exit(1);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	events[0] = (struct pollfd) { .fd = KEPT_FD, .events = POLLIN };
	events[1] = (struct pollfd) { .fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN };
	if (events[1].fd < 0)
		_exit(1);
	for (;;) {
		poll(events, 2, -1);
		if (events[1].revents && read(events[1].fd, &info, sizeof(info)) > 0)
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
		if (events[0].revents)
			serve(KEPT_FD, programs);
	}
}

/* ---- our side ---- */

int launcher_start(const char *const *programs, struct error *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_set(err, -errno, "no socket for the launcher: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		launcher_main(pair[1], programs);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return error_set(err, -errno, "the launcher cannot be started: %s", strerror(errno));
	}
	launcher = pair[0];
	return 0;
}

void launcher_end(void)
{
	if (launcher >= 0)
		close(launcher);
	launcher = -1;
}

/* *pidfd is -1 or comes along. Returns the pid or a negative errno. */
static pid_t ask(const struct request *request, int fd, int *pidfd)
{
	struct reply reply;
	ssize_t n = fd_send(launcher, request, sizeof(*request), fd);

	*pidfd = -1;
	if (n == 0)
		n = fd_receive(launcher, &reply, sizeof(reply), pidfd);
	if (n != sizeof(reply))
		return n < 0 ? n : -EPIPE;
	return reply.code ? reply.code : reply.pid;
}

int launcher_confine(uid_t uid, gid_t gid, struct error *err)
{
	const struct request request = { .kind = CONFINE, .uid = uid, .gid = gid };
	int none, ret = ask(&request, -1, &none);

	return ret == 0 ? 0 :
	       error_set(err, ret, "the launcher cannot give up its privileges: %s", strerror(-ret));
}

static void end_ready(void *opaque)
{
	struct process *process = opaque;

	event_loop_remove(process->loop, &process->end);
	close(process->end.fd);
	process->end.fd = -1;
	process->pid = 0;
	log_error("%s ended", process->name);
	if (process->ended)
		process->ended(process->opaque);
}

static int pack_args(struct request *request, char *const argv[])
{
	size_t used = 0;

	for (; argv[request->nargs]; request->nargs++) {
		const char *arg = argv[request->nargs];
		size_t len = strlen(arg) + 1;

		if (request->nargs == ARGS_MAX || len > sizeof(request->args) - used)
			return -E2BIG;
		memcpy(request->args + used, arg, len);
		used += len;
	}
	return 0;
}

int process_start(struct process *process, char *const argv[], int keep, struct event_loop *loop,
		  struct error *err)
{
	struct request request = { .kind = LAUNCH };
	int ret = pack_args(&request, argv), pidfd = -1;

	process->name = argv[0];
	process->loop = loop;
	process->pid = 0;
	process->end.fd = -1;
	if (ret == 0)
		ret = ask(&request, keep, &pidfd);
	if (ret < 0)
		return error_set(err, ret, "%s cannot be started: %s", argv[0], strerror(-ret));
	process->pid = ret;
	process->end = (struct event_source) {
		.fd = pidfd, .ready = end_ready, .opaque = process,
	};
	ret = event_loop_add(loop, &process->end, EPOLLIN);
	if (ret < 0) {
		process_stop(process);
		return error_set(err, ret, "%s cannot be watched: %s", argv[0], strerror(-ret));
	}
	return 0;
}

static int send_signal(const struct process *process, int sig)
{
	return syscall(SYS_pidfd_send_signal, process->end.fd, sig, NULL, 0);
}

void process_stop(struct process *process)
{
	struct pollfd end = { .fd = process->end.fd, .events = POLLIN };

	if (!process->pid)
		return;
	/*
	 * One of root's, when we are somebody else by now, or one in another of AppArmor's profiles:
	 * its socket's end is its own
	 */
	if (send_signal(process, SIGTERM) == 0 || (errno != EPERM && errno != EACCES)) {
		if (poll(&end, 1, PATIENCE_MS) != 1)
			send_signal(process, SIGKILL);
		while (poll(&end, 1, -1) != 1)
			;
	}
	process->pid = 0;
	event_loop_remove(process->loop, &process->end);
	close(process->end.fd);
	process->end.fd = -1;
}
