// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's filters of system calls: a thread of each role does what the role is for, and then, in
 * a process of its own each time, what it may not; that must be the end of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/avmm.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "core/error.c"
#include "sandbox/sandbox.c"

#define MAIN	(1U << SANDBOX_MAIN)
#define VCPU	(1U << SANDBOX_VCPU)

static void *nothing(void *arg) { return arg; }

static long do_open(void) { return open("/dev/null", O_RDONLY) < 0; }
static long do_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) < 0; }
static long do_epoll(void) { return epoll_create1(0) < 0; }
static long do_eventfd(void) { return eventfd(0, 0) < 0; }
static long do_write(void) { return write(1, "", 0) < 0; }
static long do_memory(void) { void *p = malloc(1 << 20); free(p); return !p; }
static long do_kvm_ioctl(void) { return ioctl(0, AVMM_RUN, 0) == 0; }
static long do_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL);
}
/* refused by an error, for the main thread */
static long do_fork(void) { return fork() >= 0 || errno != EPERM; }
static long do_exec(void)
{
	char *const argv[] = { "/bin/busybox", "true", NULL };

	return execve(argv[0], argv, NULL) == 0 || errno != EPERM;
}

static long do_ptrace(void) { return ptrace(PTRACE_ATTACH, 1, 0, 0); }
static long do_mount(void) { return mount("none", "/tmp", "tmpfs", 0, NULL); }
static long do_unshare(void) { return unshare(CLONE_NEWUSER); }
static long do_setuid(void) { return syscall(SYS_setresuid, 0, 0, 0); }
static long do_module(void) { return syscall(SYS_init_module, NULL, 0, ""); }
static long do_bpf(void) { return syscall(SYS_bpf, 0, NULL, 0); }
static long do_peek(void) { return process_vm_readv(1, NULL, 0, NULL, 0, 0); }
static long do_chroot(void) { return chroot("/"); }
static long do_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}
static long do_make_code(void)
{
	static char page[4096] __attribute__((aligned(4096)));

	return mprotect(page, sizeof(page), PROT_READ | PROT_EXEC);
}
static long do_type(void) { return ioctl(0, TIOCSTI, "x"); }

static const struct {
	const char *name;
	long (*call)(void);
	unsigned int may;	/* roles */
} rows[] = {
	{ "write", do_write, MAIN | VCPU }, { "memory", do_memory, MAIN | VCPU },
	{ "KVM's ioctl", do_kvm_ioctl, MAIN | VCPU },
	{ "open", do_open, MAIN }, { "socket", do_socket, MAIN }, { "epoll", do_epoll, MAIN },
	{ "eventfd", do_eventfd, MAIN }, { "a thread", do_thread, MAIN },
	{ "fork, which fails", do_fork, MAIN }, { "exec, which fails", do_exec, MAIN },
	{ "ptrace", do_ptrace, 0 }, { "mount", do_mount, 0 }, { "unshare", do_unshare, 0 },
	{ "setresuid", do_setuid, 0 }, { "init_module", do_module, 0 }, { "bpf", do_bpf, 0 },
	{ "process_vm_readv", do_peek, 0 }, { "chroot", do_chroot, 0 },
	{ "memory for code", do_code, 0 }, { "memory made code", do_make_code, 0 },
	{ "a key into the terminal", do_type, 0 },
};

struct job { size_t row; enum sandbox_role role; };

/* In a thread, as in the VMM: the others have to end with it. */
static void *misbehave(void *arg)
{
	const struct job *job = arg;
	struct error err;

	if (sandbox_thread(job->role, &err) < 0)
		_exit(3);
	_exit(rows[job->row].call() ? 1 : 0);
}

/* How it ended. */
static int try(size_t row, enum sandbox_role role)
{
	struct job job = { row, role };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t thread;

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (pthread_create(&thread, NULL, misbehave, &job))
			_exit(4);
		pause();
		_exit(5);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(void)
{
	static const char *const roles[] = { "main", "vcpu" };
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	int bad = 0, count = 0;

	printf("1..%zu\n", 2 * n);
	fflush(stdout);
	for (int role = 0; role < 2; role++) {
		for (size_t i = 0; i < n; i++) {
			bool may = rows[i].may & 1U << role;
			int status = try(i, role);
			bool right = may ? WIFEXITED(status) && WEXITSTATUS(status) == 0 :
				     WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

			if (!right)
				printf("# status 0x%x\n", status);
			printf("%sok %d - %s: %s %s\n", right ? "" : "not ", ++count, roles[role],
			       rows[i].name, may ? "works" : "is the end");
			fflush(stdout);
			bad |= !right;
		}
	}
	return bad;
}
