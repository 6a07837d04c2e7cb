// SPDX-License-Identifier: GPL-2.0
#include "sandbox/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/process.h"

/* What any thread does: memory, time, waiting, messages, its own end. */
static const int common[] = {
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(futex), SCMP_SYS(munmap),
	SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(timerfd_settime),
	SCMP_SYS(ppoll), SCMP_SYS(poll),
	SCMP_SYS(sched_yield), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rseq),
	SCMP_SYS(set_robust_list), SCMP_SYS(membarrier), SCMP_SYS(getrandom),
	SCMP_SYS(pwrite64),		/* flash keeps its file up to date */
	/* a thread that starts names itself, and puts its own filter above ours */
	SCMP_SYS(prctl), SCMP_SYS(seccomp),
};

/* Who reads and writes files: disks, and all below. */
static const int files[] = {
	SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2), SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2), SCMP_SYS(lseek), SCMP_SYS(fallocate), SCMP_SYS(fsync), SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range), SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(sigaltstack),
};

/* Who opens them and speaks to others as well: migration, and the main loop. */
static const int opens[] = {
	SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(close), SCMP_SYS(stat), SCMP_SYS(lstat),
	SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(ftruncate),
	SCMP_SYS(copy_file_range), SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(fadvise64),
	SCMP_SYS(flock), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(linkat), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	SCMP_SYS(fcntl), SCMP_SYS(dup), SCMP_SYS(dup3), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
	SCMP_SYS(memfd_create), SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_gettime),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(pselect6), SCMP_SYS(select),
	SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	SCMP_SYS(connect), SCMP_SYS(shutdown), SCMP_SYS(sendto), SCMP_SYS(recvfrom),
	SCMP_SYS(sendmsg), SCMP_SYS(recvmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
	SCMP_SYS(setsockopt), SCMP_SYS(getsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
	SCMP_SYS(mremap), SCMP_SYS(mincore), SCMP_SYS(mlock), SCMP_SYS(munlock), SCMP_SYS(msync),
	SCMP_SYS(userfaultfd), SCMP_SYS(setpriority), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(getrusage),
	SCMP_SYS(clock_getres), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getuid),
	SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
};

/* The main loop's alone: it makes devices and control sockets. */
static const int mains[] = {
	SCMP_SYS(mkdirat), SCMP_SYS(getdents64), SCMP_SYS(umask), SCMP_SYS(fchmod),
	SCMP_SYS(signalfd4), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch), SCMP_SYS(socketpair),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
	SCMP_SYS(pidfd_send_signal),	/* to who works for us */
};

/* What libraries try, and can do without; they get an error and the process lives. */
static const struct {
	int call;
	int error;
} refused[] = {
	/* its flags are in memory, where no filter sees them; libraries use clone() then */
	{ SCMP_SYS(clone3), ENOSYS },
	/* processes are the launcher's, util/process.h */
	{ SCMP_SYS(fork), EPERM }, { SCMP_SYS(vfork), EPERM }, { SCMP_SYS(execve), EPERM },
	{ SCMP_SYS(setpgid), EPERM }, { SCMP_SYS(mlock2), EPERM },
};

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);

		if (ret < 0)
			return ret;
	}
	return 0;
}

#define ALLOW(ctx, calls)	allow(ctx, calls, sizeof(calls) / sizeof((calls)[0]))

/* Memory, but never for code. */
static int allow_memory(scmp_filter_ctx ctx)
{
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return ret;
}

/* ioctls of one kind of device: the type is in the second byte, ioctl_list(2). */
static int allow_ioctl(scmp_filter_ctx ctx, unsigned int type)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, type << 8));
}

/* Nobody's signals and limits but our own: other VMs may be the same user's. */
static int allow_own(scmp_filter_ctx ctx)
{
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				   SCMP_A0(SCMP_CMP_EQ, getpid()));

	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				       SCMP_A0(SCMP_CMP_EQ, 0));
	return ret;
}

/*
 * Unix and TCP or UDP; the resolver asks for netlink, and can do without it. It also asks how much
 * came, and loads libraries for where names are from: those that it cannot have it goes without.
 */
static int allow_sockets(scmp_filter_ctx ctx)
{
	static const int domains[] = { AF_UNIX, AF_INET, AF_INET6 };
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
				   SCMP_A0(SCMP_CMP_GT, AF_INET6));

	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]) && ret == 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, domains[i]));
	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, FIONREAD));
	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	return ret;
}

/* Threads, but no processes; what fails only because libraries may try it. */
static int allow_threads(scmp_filter_ctx ctx)
{
	int ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));

	if (ret == 0)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && ret == 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(refused[i].error), refused[i].call, 0);
	return ret;
}

static int allow_main(scmp_filter_ctx ctx)
{
	/* of terminals and network devices ('T'), all but those that put words into a shell's mouth */
	static const unsigned long terminals[] = {
		TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGPGRP, TIOCGWINSZ, TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER,
		TIOCPKT, TCFLSH, FIONBIO,
		/* linux/if_tun.h */
		0x400454ca, 0x800454d2, 0x400454d0, 0x800454cf, 0x400454d8, 0x400454dc,
	};
	int ret = ALLOW(ctx, mains);

	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]) && ret == 0; i++)
		ret = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, terminals[i]));
	return ret;
}

#define IOCTL_BLOCK		0x12
#define IOCTL_USERFAULTFD	0xaa
#define IOCTL_HYPERVISOR	0xae	/* KVMIO */
#define IOCTL_VHOST		0xaf

static int load(enum sandbox_role role, bool all_threads, struct error *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool migrates = role == SANDBOX_MIGRATION || role == SANDBOX_MAIN;
	int ret = ctx ? ALLOW(ctx, common) : -ENOMEM;

	if (ret == 0)
		ret = allow_memory(ctx);
	if (ret == 0)
		ret = allow_own(ctx);
	if (ret == 0 && role != SANDBOX_DISK)
		ret = allow_ioctl(ctx, IOCTL_HYPERVISOR);
	if (ret == 0 && role != SANDBOX_VCPU)
		ret = ALLOW(ctx, files);
	if (ret == 0 && role != SANDBOX_VCPU)
		ret = allow_ioctl(ctx, IOCTL_BLOCK);
	if (ret == 0 && migrates)
		ret = ALLOW(ctx, opens);
	if (ret == 0 && migrates)
		ret = allow_ioctl(ctx, IOCTL_USERFAULTFD);
	if (ret == 0 && migrates)
		ret = allow_sockets(ctx);
	if (ret == 0 && migrates)
		ret = allow_threads(ctx);
	if (ret == 0 && role == SANDBOX_MAIN)
		ret = allow_ioctl(ctx, IOCTL_VHOST);
	if (ret == 0 && role == SANDBOX_MAIN)
		ret = allow_main(ctx);
	if (ret == 0 && all_threads)
		ret = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	if (ret == 0)
		ret = seccomp_load(ctx);
	seccomp_release(ctx);
	if (ret < 0)
		return error_set(err, ret, "--sandbox: system calls cannot be filtered: %s; use "
				 "--sandbox off", strerror(-ret));
	return 0;
}

static bool own_mounts;
static atomic_bool entered;

int sandbox_thread(enum sandbox_role role, struct error *err)
{
	static _Thread_local bool confined;
	int ret;

	if (confined || !atomic_load(&entered))
		return 0;
	ret = load(role, false, err);
	confined = ret == 0;
	return ret;
}

int sandbox_prepare(struct error *err)
{
	if (geteuid() != 0)
		return 0;
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return error_set(err, -errno, "--sandbox: no namespaces are to be had: %s; use "
				 "--sandbox off", strerror(errno));
	/* what is mounted on the host from now on is seen, what we mount is ours */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_set(err, -errno, "--sandbox: mounts cannot be separated: %s; use "
				 "--sandbox off", strerror(errno));
	own_mounts = true;
	return 0;
}

/* Root only. glibc does it for all threads. */
static int become(const char *user, struct error *err)
{
	const char *name = user ? user : "avmm";
	struct passwd *entry = NULL;
	FILE *file = fopen("/etc/passwd", "re");

	/* without the libraries that getpwnam() would load */
	while (file && (entry = fgetpwent(file)) && strcmp(entry->pw_name, name))
		;
	if (file)
		fclose(file);
	if (!entry && user)
		return error_set(err, -ENOENT, "--user: there is no user '%s'", user);
	if (launcher_confine(entry ? entry->pw_uid : (uid_t)-1, entry ? entry->pw_gid : 0, err) < 0)
		return err->code;
	if (!entry)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
		return error_set(err, -errno, "--user: cannot become '%s': %s", name,
				 strerror(errno));
	return 0;
}

int sandbox_enter(const char *user, uint64_t memory, struct error *err)
{
	static const struct rlimit none = { 0, 0 };
	const struct rlimit data = { memory, memory };
	int ret;
	static const char *const hidden[] = { "/proc", "/sys" };

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && own_mounts; i++)
		if (mount("none", hidden[i], "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "size=0,mode=555") < 0 && errno != ENOENT)
			return error_set(err, -errno, "--sandbox: %s cannot be hidden: %s; use "
					 "--sandbox off", hidden[i], strerror(errno));
	ret = geteuid() == 0 ? become(user, err) : launcher_confine(-1, 0, err);
	if (ret < 0)
		return ret;
	if (setrlimit(RLIMIT_CORE, &none) < 0 || setrlimit(RLIMIT_DATA, &data) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, "--sandbox: privileges cannot be given up: %s",
				 strerror(errno));
	ret = load(SANDBOX_MAIN, true, err);
	atomic_store(&entered, ret == 0);
	return ret;
}
