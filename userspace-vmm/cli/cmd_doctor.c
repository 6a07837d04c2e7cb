// SPDX-License-Identifier: GPL-2.0
/*
 * What this host can do and why not, in words. Changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "control/socket.h"
#include "libavmm.h"

enum verdict { GOOD, LIMITED, BAD };

static const char *const verdicts[] = { "ok", "limited", "missing" };

static void __attribute__((format(printf, 4, 5)))
say(json_t *all, const char *what, enum verdict verdict, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "what", what, "result",
					     verdicts[verdict], "text", text));
}

/* The first line of a file, or what follows key in it; "" if there is none. */
static const char *look(const char *path, const char *key)
{
	static char line[4096];
	FILE *file = fopen(path, "re");
	size_t len = key ? strlen(key) : 0;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = !key || !strncmp(line, key, len);
	if (file)
		fclose(file);
	if (!found)
		return "";
	line[strcspn(line, "\n")] = 0;
	return line + len + strspn(line + len, " \t:");
}

/* ---- the hypervisor ---- */

static void gics(json_t *all, const char *path, int dev)
{
	static const struct { uint32_t type; const char *name; } rows[] = {
		{ AVMM_DEV_TYPE_ARM_VGIC_V3, "GICv3" }, { AVMM_DEV_TYPE_ARM_VGIC_ITS, "ITS" },
		{ AVMM_DEV_TYPE_ARM_VGIC_V2, "GICv2" },
	};
	int vm = avmm_create_vm(dev, 0), n = 0;
	char text[64] = "";

	if (vm < 0) {
		say(all, path, BAD, "no virtual machine can be created: %s", strerror(-vm));
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (avmm_has_device_type(vm, rows[i].type) == 0)
			n += snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
				      rows[i].name);
	close(vm);
	if (n)
		say(all, path, GOOD, "interrupt controllers for guests: %s", text);
	else
		say(all, path, BAD, "it has no interrupt controller for guests");
}

/* Returns whether guests can be run by it. */
static bool hypervisor(json_t *all, const char *path)
{
	int dev = avmm_open(path), bits;

	if (dev == -EACCES) {
		say(all, path, BAD, "this user may not open it; the group kvm may");
		return false;
	}
	if (dev < 0)
		return false;
	bits = avmm_check_extension(dev, AVMM_CAP_ARM_VM_IPA_SIZE);
	say(all, path, GOOD, "there, with version %d of the API, guests of at most %d CPUs and %d "
	    "bits of physical address", avmm_get_api_version(dev),
	    avmm_check_extension(dev, AVMM_CAP_MAX_VCPUS), bits > 0 ? bits : 40);
	gics(all, path, dev);
	close(dev);
	return true;
}

static void no_hypervisor(json_t *all)
{
	bool loaded = access("/sys/module/avmm", F_OK) == 0;
	bool kvm = access("/dev/kvm", F_OK) == 0;

	if (loaded)
		say(all, AVMM_DEVICE_PATH, BAD, "the module avmm is loaded, but its device is not "
		    "there; udev or devtmpfs should have made it");
	else if (kvm)
		say(all, AVMM_DEVICE_PATH, BAD, "the module avmm is not loaded, and cannot be, "
		    "because the kernel's own KVM is on; boot with kvm-arm.mode=none, or use "
		    "--device /dev/kvm");
	else
		say(all, AVMM_DEVICE_PATH, BAD, "the module avmm is not loaded; 'modprobe avmm' "
		    "loads it, or the kernel's log says why not");
}

/* ---- the rest ---- */

static void nodes(json_t *all)
{
	static const struct { const char *path, *what, *without; } rows[] = {
		{ "/dev/net/tun", "networks by --net tap=", "'modprobe tun' loads its driver" },
		{ "/dev/vhost-net", "fast networks by --net tap=...,vhost=on",
		  "'modprobe vhost_net' loads its driver" },
		{ "/dev/vhost-vsock", "--vsock", "'modprobe vhost_vsock' loads its driver" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (access(rows[i].path, R_OK | W_OK) == 0)
			say(all, rows[i].path, GOOD, "there, for %s", rows[i].what);
		else if (errno == ENOENT)
			say(all, rows[i].path, LIMITED, "not there, so there is no %s; %s",
			    rows[i].what, rows[i].without);
		else
			say(all, rows[i].path, LIMITED, "this user may not open it, so there is no "
			    "%s: %s", rows[i].what, strerror(errno));
	}
}

static bool in_path(const char *name)
{
	const char *path = getenv("PATH");
	char list[2048], file[4096];

	/* where distributions keep helpers that are no commands */
	snprintf(list, sizeof(list), "%s:/usr/libexec:/usr/lib/qemu", path ? path : "/usr/bin");
	for (char *dir = strtok(list, ":"); dir; dir = strtok(NULL, ":")) {
		snprintf(file, sizeof(file), "%s/%s", dir, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void programs(json_t *all)
{
	static const struct { const char *name, *what; } rows[] = {
		{ "passt", "--net user" }, { "virtiofsd", "--share tag=...,path=..." },
		{ "qemu-storage-daemon", "disks that are no raw files, by --disk vhost-user=" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (in_path(rows[i].name))
			say(all, rows[i].name, GOOD, "there, for %s", rows[i].what);
		else
			say(all, rows[i].name, LIMITED, "not installed; it is what serves %s",
			    rows[i].what);
	}
}

static void memory(json_t *all)
{
	uint64_t available = strtoull(look("/proc/meminfo", "MemAvailable"), NULL, 10) >> 10;
	unsigned long huge = strtoul(look("/proc/meminfo", "HugePages_Free"), NULL, 10);
	const char *thp = look("/sys/kernel/mm/transparent_hugepage/enabled", NULL);

	say(all, "memory", available >= 256 ? GOOD : LIMITED, "%" PRIu64 " MiB are available",
	    available);
	if (strstr(thp, "[never]") || !*thp)
		say(all, "transparent huge pages", LIMITED, "off, so guests run slower than they "
		    "could");
	else
		say(all, "transparent huge pages", GOOD, "on");
	if (huge)
		say(all, "reserved huge pages", GOOD, "%lu of %s are free, for --hugepages", huge,
		    look("/proc/meminfo", "Hugepagesize"));
	else
		say(all, "reserved huge pages", LIMITED, "none are free, so --hugepages cannot be "
		    "used; /proc/sys/vm/nr_hugepages reserves them");
}

static void features(json_t *all)
{
	char path[512];
	struct error err;
	int fd;

	if (control_path("doctor", path, sizeof(path), &err) < 0)
		say(all, "control sockets", LIMITED, "%s", err.text);
	else
		say(all, "control sockets", GOOD, "in %.*s", (int)(strrchr(path, '/') - path),
		    path);
	/* fails for want of arguments where it is there */
	if (syscall(SYS_io_uring_setup, 0, NULL) < 0 && (errno == ENOSYS || errno == EPERM))
		say(all, "io_uring", LIMITED, "%s, so there are no disks", errno == EPERM ?
		    "switched off by kernel.io_uring_disabled" : "not in this kernel");
	else
		say(all, "io_uring", GOOD, "there, for disks");
	/* UFFD_USER_MODE_ONLY is 1 */
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	if (fd < 0)
		say(all, "userfaultfd", LIMITED, "not to be had, so there is no post-copy "
		    "migration: %s", strerror(errno));
	else
		say(all, "userfaultfd", GOOD, "there, for post-copy migration");
	if (fd >= 0)
		close(fd);
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		say(all, "seccomp", GOOD, "there, for the sandbox");
	else
		say(all, "seccomp", LIMITED, "not in this kernel, so --sandbox off is needed");
}

int cmd_doctor(const struct command *command, int argc, char **argv)
{
	json_t *all, *row;
	struct ctl ctl = { 0 };
	bool can;
	size_t i;
	int ret = cli_parse(command, &ctl, &ctl.help, NULL, 0, 0, argc, argv);

	if (ret >= 0)
		return ret;
	all = json_array();
	can = hypervisor(all, AVMM_DEVICE_PATH);
	if (!can)
		no_hypervisor(all);
	if (hypervisor(all, "/dev/kvm"))
		can = true;
	nodes(all);
	programs(all);
	memory(all);
	features(all);
	json_array_foreach(all, i, row)
		if (!ctl.json)
			printf("%-8s %s: %s\n",
			       json_string_value(json_object_get(row, "result")),
			       json_string_value(json_object_get(row, "what")),
			       json_string_value(json_object_get(row, "text")));
	cli_done(&ctl, all);
	return can ? EXIT_OFF : EXIT_ERROR;
}
