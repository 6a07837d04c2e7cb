// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM's filters of system calls: a thread of each role does what the role is for, and then, in
 * a process of its own each time, what it may not; that must be the end of the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/avmm.h>
#include <linux/fs.h>
#include <linux/vhost.h>
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
#define MIGR	(1U << SANDBOX_MIGRATION)
#define DISK	(1U << SANDBOX_DISK)
#define VCPU	(1U << SANDBOX_VCPU)
#define ALL	(MAIN | MIGR | DISK | VCPU)

/* there is none here */
int launcher_confine(uid_t uid, gid_t gid, struct error *err)
{
	(void)uid, (void)gid, (void)err;
	return 0;
}

static void *nothing(void *arg) { return arg; }

static long do_open(void) { return open("/dev/null", O_RDONLY) < 0; }
static long do_socket(void) { return socket(AF_UNIX, SOCK_STREAM, 0) < 0; }
static long do_netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EAFNOSUPPORT; }
static long do_radio(void) { return socket(AF_AX25, SOCK_RAW, 0) < 0; }
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
static long do_sync(void) { return fdatasync(-1) == 0 || errno != EBADF; }
static long do_uring(void) { return syscall(SYS_io_uring_setup, 0, NULL) == 0; }
static long do_block_ioctl(void) { return ioctl(-1, BLKROGET, NULL) == 0; }
static long do_vhost_ioctl(void) { return ioctl(-1, VHOST_SET_OWNER, NULL) == 0; }
static long do_uffd(void) { return syscall(SYS_userfaultfd, -1) == 0; }
static long do_pidfd(void) { return syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0) == 0; }
static long do_self(void) { return raise(0); }
/* refused by an error, for who may have threads */
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
/* what the resolver does */
static long do_how_much(void) { int n; return ioctl(-1, FIONREAD, &n) == 0 || errno != EBADF; }
static long do_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
	       MAP_FAILED || errno != EPERM;
}
static long do_make_code(void)
{
	static char page[4096] __attribute__((aligned(4096)));

	return mprotect(page, sizeof(page), PROT_READ | PROT_EXEC);
}
static long do_type(void) { return ioctl(0, TIOCSTI, "x"); }
/* of the same user is the next VM, too */
static long do_kill(void) { return kill(getppid(), 0); }
static long do_tgkill(void) { return syscall(SYS_tgkill, 1, 1, 0); }
static long do_limits(void) { return syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, NULL); }
static long do_pidfd_open(void) { return syscall(SYS_pidfd_open, 1, 0) < 0; }

static const struct {
	const char *name;
	long (*call)(void);
	unsigned int may;	/* roles */
} rows[] = {
	{ "write", do_write, ALL }, { "memory", do_memory, ALL }, { "a signal to itself", do_self, ALL },
	{ "KVM's ioctl", do_kvm_ioctl, MAIN | MIGR | VCPU },
	{ "fdatasync", do_sync, MAIN | MIGR | DISK },
	{ "an ioctl of block devices", do_block_ioctl, MAIN | MIGR | DISK },
	{ "open", do_open, MAIN | MIGR }, { "socket", do_socket, MAIN | MIGR },
	{ "a socket of netlink, which fails", do_netlink, MAIN | MIGR },
	{ "epoll", do_epoll, MAIN | MIGR }, { "eventfd", do_eventfd, MAIN | MIGR },
	{ "userfaultfd", do_uffd, MAIN | MIGR }, { "a thread", do_thread, MAIN | MIGR },
	{ "fork, which fails", do_fork, MAIN | MIGR }, { "exec, which fails", do_exec, MAIN | MIGR },
	{ "how much can be read", do_how_much, MAIN | MIGR },
	{ "memory for code, which fails", do_code, MAIN | MIGR },
	{ "io_uring", do_uring, MAIN }, { "an ioctl of vhost", do_vhost_ioctl, MAIN },
	{ "a signal to a device process", do_pidfd, MAIN },
	{ "ptrace", do_ptrace, 0 }, { "mount", do_mount, 0 }, { "unshare", do_unshare, 0 },
	{ "setresuid", do_setuid, 0 }, { "init_module", do_module, 0 }, { "bpf", do_bpf, 0 },
	{ "process_vm_readv", do_peek, 0 }, { "chroot", do_chroot, 0 },
	{ "memory made code", do_make_code, 0 },
	{ "a key into the terminal", do_type, 0 },
	{ "a socket of amateur radio", do_radio, 0 },
	{ "kill", do_kill, 0 }, { "tgkill of another process", do_tgkill, 0 },
	{ "another process's limits", do_limits, 0 }, { "pidfd_open", do_pidfd_open, 0 },
};

struct job { size_t row; enum sandbox_role role; };

/* In a thread, as in the VMM: the others have to end with it. */
static void *misbehave(void *arg)
{
	const struct job *job = arg;
	struct error err;

	atomic_store(&entered, true);
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
	static const char *const roles[] = { "main", "migration", "disk", "vcpu" };
	const size_t n = sizeof(rows) / sizeof(rows[0]);
	int bad = 0, count = 0;

	printf("1..%zu\n", 4 * n);
	fflush(stdout);
	for (int role = 0; role < 4; role++) {
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
