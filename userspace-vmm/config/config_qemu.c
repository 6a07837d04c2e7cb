// SPDX-License-Identifier: GPL-2.0
/*
 * Options come in any order and refer to each other by name, so there are two passes: the first
 * takes all of them apart, the second makes the configuration from the devices, which take the
 * backends they name.
 */
#include "config/config_qemu.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/qemu_props.h"

enum kind {
	KIND_MACHINE, KIND_ACCEL, KIND_CPU, KIND_MEMORY, KIND_SMP, KIND_NAME, KIND_OBJECT,
	KIND_CHARDEV, KIND_MON, KIND_SERIAL, KIND_BLOCKDEV, KIND_NETDEV, KIND_DEVICE, KIND_RTC,
	KIND_ADD_FD, KIND_QMP, KIND_BOOT, KIND_OVERCOMMIT, KIND_AUDIODEV, KIND_SANDBOX, KIND_AVMM,
	KIND_COUNT
};

/* One option with properties. */
struct item {
	enum kind kind;
	struct qemu_props props;
};

struct parser {
	struct qemu_config *config;
	struct error *err;
	struct item *items;
	size_t n;
	bool transport_known;
	const char *ports;	/* names of root ports, as vm_config.port_names */
	uint64_t port;		/* of the device that is being added */
};

static int set_string(struct parser *p, char **field, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	free(*field);
	*field = copy;
	return 0;
}

static void *add_to(void *list, const struct field_group *group)
{
	return field_list_add(group, list);
}

static struct qemu_props *find(struct parser *p, enum kind kind, const char *key, const char *value)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *text = qemu_props_peek(&p->items[i].props, key);

		if (p->items[i].kind == kind && text && !strcmp(text, value))
			return &p->items[i].props;
	}
	return NULL;
}

/* The backend that the property names. */
static int need_backend(struct parser *p, struct qemu_props *props, const char *key,
			enum kind kind, const char *id_key, struct qemu_props **backend)
{
	const char *name;
	int ret = qemu_props_need(props, key, &name, p->err);

	if (ret < 0)
		return ret;
	*backend = find(p, kind, id_key, name);
	if (!*backend)
		return qemu_props_error(props, p->err, -EINVAL, "there is no %s '%.64s'", key,
					name);
	qemu_props_take(*backend, id_key);
	return 0;
}

static int unsupported(struct parser *p, struct qemu_props *props, const char *key,
		       const char *value)
{
	return qemu_props_error(props, p->err, -ENOTSUP, "%s '%.64s' is not supported", key, value);
}

/* ---- file descriptors ---- */

/* A descriptor that the caller has left open for us. */
static int inherited_fd(struct parser *p, struct qemu_props *props, const char *key, int *fd)
{
	uint64_t n = 0;
	int ret;

	if (!qemu_props_peek(props, key))
		return 0;
	ret = qemu_props_number(props, key, 0, 1 << 20, &n, p->err);
	if (ret < 0)
		return ret;
	/* no child of ours shall have it */
	if (fcntl(n, F_SETFD, FD_CLOEXEC) < 0)
		return qemu_props_error(props, p->err, -EBADF,
					"'%s=%d': this descriptor is not open", key, (int)n);
	*fd = n;
	return 0;
}

/* "/dev/fdset/N" stands for the descriptor that -add-fd gave to set N. */
static int open_fdset(struct parser *p, struct qemu_props *props, const char *path, int *fd)
{
	const char *set = path + strlen("/dev/fdset/");
	struct qemu_props *added;

	*fd = -1;
	if (strncmp(path, "/dev/fdset/", strlen("/dev/fdset/")))
		return 0;
	added = find(p, KIND_ADD_FD, "set", set);
	if (!added)
		return qemu_props_error(props, p->err, -EINVAL, "'%.64s': no -add-fd makes it",
					path);
	return inherited_fd(p, added, "fd", fd);
}

/* ---- character devices ---- */

static int path_or_fd(struct parser *p, struct qemu_props *props, struct chardev_config *chardev)
{
	const char *path;
	int ret;

	ret = inherited_fd(p, props, "fd", &chardev->fd);
	if (ret < 0)
		return ret;
	if (chardev->fd >= 0) {
		chardev->kind = CHARDEV_FD;
		return 0;
	}
	ret = qemu_props_need(props, "path", &path, p->err);
	if (ret == 0)
		ret = open_fdset(p, props, path, &chardev->fd);
	if (ret == 0 && chardev->fd < 0)
		ret = set_string(p, &chardev->path, path);
	return ret;
}

static int parse_chardev(struct parser *p, struct qemu_props *props, struct chardev_config *chardev)
{
	const char *log, *backend;
	bool server = false, wait = false, append = false;
	int ret;

	ret = qemu_props_need(props, "backend", &backend, p->err);
	if (ret == 0)
		ret = set_string(p, &chardev->label, qemu_props_peek(props, "id"));
	if (ret < 0)
		return ret;
	if (!strcmp(backend, "pty")) {
		chardev->kind = CHARDEV_PTY;
	} else if (!strcmp(backend, "null")) {
		chardev->kind = CHARDEV_NULL;
	} else if (!strcmp(backend, "stdio")) {
		chardev->kind = CHARDEV_STDIO;
		qemu_props_ignore(props, "signal", NULL);
	} else if (!strcmp(backend, "file")) {
		chardev->kind = CHARDEV_FILE;
		ret = qemu_props_bool(props, "append", &append, p->err);
		if (ret == 0)
			ret = path_or_fd(p, props, chardev);
	} else if (!strcmp(backend, "socket")) {
		chardev->kind = CHARDEV_UNIX;
		ret = qemu_props_bool(props, "server", &server, p->err);
		if (ret == 0)
			ret = qemu_props_bool(props, "wait", &wait, p->err);
		if (ret == 0 && !server)
			return unsupported(p, props, "a socket with", "server=off");
		if (ret == 0)
			ret = path_or_fd(p, props, chardev);
	} else {
		return unsupported(p, props, "backend", backend);
	}
	if (ret < 0)
		return ret;
	log = qemu_props_take(props, "logfile");
	qemu_props_ignore(props, "logappend", NULL);
	if (log) {
		ret = open_fdset(p, props, log, &chardev->log_fd);
		if (ret == 0 && chardev->log_fd < 0)
			ret = set_string(p, &chardev->log, log);
	}
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

static int make_serial(struct parser *p, struct qemu_props *props)
{
	const char *where = qemu_props_take(props, "where");
	struct qemu_props *chardev;

	if (!where)
		return error_set(p->err, -EINVAL, "-serial: it is not known where to");
	if (!strcmp(where, "none") || !strcmp(where, "null")) {
		p->config->vm.serial.kind = CHARDEV_NULL;
		return 0;
	}
	if (!strcmp(where, "stdio")) {
		p->config->vm.serial.kind = CHARDEV_STDIO;
		return 0;
	}
	if (strncmp(where, "chardev:", 8))
		return error_set(p->err, -ENOTSUP, "-serial: '%.64s' is not supported", where);
	chardev = find(p, KIND_CHARDEV, "id", where + 8);
	if (!chardev)
		return error_set(p->err, -EINVAL, "-serial: there is no chardev '%.64s'",
				 where + 8);
	if (p->config->vm.serial.label)
		return error_set(p->err, -ENOTSUP, "-serial: there is only one serial port");
	qemu_props_take(chardev, "id");
	return parse_chardev(p, chardev, &p->config->vm.serial);
}

/* The monitor's socket: made by whoever starts us, or to be made. */
static int make_mon(struct parser *p, struct qemu_props *props)
{
	struct chardev_config chardev = { .fd = -1, .log_fd = -1 };
	const char *mode = qemu_props_take(props, "mode");
	struct qemu_props *backend;
	int ret;

	qemu_props_ignore(props, "id", "pretty", NULL);
	if (!mode || strcmp(mode, "control"))
		return unsupported(p, props, "mode", mode ? mode : "readline");
	ret = need_backend(p, props, "chardev", KIND_CHARDEV, "id", &backend);
	if (ret == 0)
		ret = parse_chardev(p, backend, &chardev);
	if (ret == 0 && chardev.kind != CHARDEV_UNIX && chardev.kind != CHARDEV_FD)
		ret = qemu_props_error(props, p->err, -ENOTSUP, "the chardev is not a socket");
	if (ret == 0 && (p->config->monitor_fd >= 0 || p->config->monitor_path))
		ret = qemu_props_error(props, p->err, -ENOTSUP, "there is only one monitor");
	free(chardev.log);
	free(chardev.label);
	if (ret < 0) {
		free(chardev.path);
		return ret;
	}
	p->config->monitor_fd = chardev.fd;
	p->config->monitor_path = chardev.path;
	return qemu_props_done(props, p->err);
}

/* "unix:PATH,server=on,wait=off" */
static int make_qmp(struct parser *p, struct qemu_props *props)
{
	const char *where = qemu_props_take(props, "where");

	if (!where || strncmp(where, "unix:", 5) || !where[5])
		return error_set(p->err, -ENOTSUP, "-qmp: '%.64s' is not unix:PATH",
				 where ? where : "");
	qemu_props_ignore(props, "server", "wait", NULL);
	if (p->config->monitor_fd >= 0 || p->config->monitor_path)
		return error_set(p->err, -ENOTSUP, "-qmp: there is only one monitor");
	return set_string(p, &p->config->monitor_path, where + 5);
}

/* ---- machine ---- */

static int make_accel(struct parser *p, struct qemu_props *props)
{
	const char *accel = qemu_props_take(props, "accel");
	const char *device = qemu_props_take(props, "device");

	if (!accel || strcmp(accel, "kvm"))
		return unsupported(p, props, "the accelerator", accel ? accel : "");
	return device ? set_string(p, &p->config->vm.device, device) : 0;
}

/* What a -machine pflashN= names: the file of a chain of block devices. */
static int parse_blockdev(struct parser *p, struct qemu_props *node, struct disk_config *disk);

static int make_flash(struct parser *p, struct qemu_props *props, const char *key, char **path)
{
	struct disk_config disk = { .fd = -1 };
	struct qemu_props *node;
	int ret;

	if (!qemu_props_peek(props, key))
		return 0;
	ret = need_backend(p, props, key, KIND_BLOCKDEV, "node-name", &node);
	if (ret == 0)
		ret = parse_blockdev(p, node, &disk);
	free(*path);
	*path = disk.path;
	return ret;
}

static int make_machine(struct parser *p, struct qemu_props *props)
{
	struct vm_config *vm = &p->config->vm;
	const char *type = qemu_props_take(props, "type"), *gic, *accel;
	bool off = false;
	int ret = 0;

	if (type && !strcmp(type, "none")) {
		p->config->probe = true;
		qemu_props_ignore(props, "accel", NULL);
		return qemu_props_done(props, p->err);
	}
	if (type && strcmp(type, "virt"))
		return error_set(p->err, -ENOTSUP,
				 "-machine: '%.64s' is not supported; there is virt", type);
	accel = qemu_props_take(props, "accel");
	if (accel && strcmp(accel, "kvm"))
		return unsupported(p, props, "the accelerator", accel);
	gic = qemu_props_take(props, "gic-version");
	if (gic && (!strcmp(gic, "2") || !strcmp(gic, "3")))
		vm->gic = *gic - '0';
	else if (gic && strcmp(gic, "host") && strcmp(gic, "max"))
		return unsupported(p, props, "gic-version", gic);
	/* what has to be off or has no effect here */
	static const char * const offs[] = { "usb", "virtualization", "secure", "mte", "ras",
					     NULL };
	for (size_t i = 0; offs[i] && ret == 0; i++) {
		ret = qemu_props_bool(props, offs[i], &off, p->err);
		if (ret == 0 && off)
			return qemu_props_error(props, p->err, -ENOTSUP, "'%s=on' is not supported",
						offs[i]);
	}
	if (ret < 0)
		return ret;
	qemu_props_ignore(props, "dump-guest-core", "mem-merge", "highmem", "its", "acpi", NULL);
	if (qemu_props_peek(props, "memory-backend")) {
		struct qemu_props *backend;

		ret = need_backend(p, props, "memory-backend", KIND_OBJECT, "id", &backend);
		if (ret < 0)
			return ret;
	}
	ret = make_flash(p, props, "pflash0", &vm->firmware);
	if (ret == 0)
		ret = make_flash(p, props, "pflash1", &vm->vars);
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

static int make_cpu(struct parser *p, struct qemu_props *props)
{
	const char *model = qemu_props_take(props, "model");

	if (!model || (strcmp(model, "host") && strcmp(model, "max")))
		return error_set(p->err, -ENOTSUP, "-cpu: the model '%.64s' is not supported; "
				 "there is host", model ? model : "");
	return qemu_props_done(props, p->err);
}

static int make_memory(struct parser *p, struct qemu_props *props)
{
	const char *size = qemu_props_take(props, "size");
	uint64_t bytes;

	if (!size || parse_size(size, &bytes) < 0)
		return error_set(p->err, -EINVAL, "-m: '%.64s' is not a size", size ? size : "");
	if (qemu_props_peek(props, "slots") || qemu_props_peek(props, "maxmem"))
		return error_set(p->err, -ENOTSUP, "-m: memory cannot be added later: 'slots' and "
				 "'maxmem' are not supported");
	/* libvirt counts in KiB, and a guest need not have all it asked for */
	p->config->vm.memory = bytes & ~(VM_CONFIG_MEMORY_UNIT - 1);
	return qemu_props_done(props, p->err);
}

static int make_smp(struct parser *p, struct qemu_props *props)
{
	uint64_t cpus = 0, max = 0, n = 1, total = 1;
	static const char * const levels[] = { "sockets", "dies", "clusters", "modules", "cores",
					       "threads" };
	int ret;

	ret = qemu_props_number(props, "cpus", 1, VM_CONFIG_CPUS_MAX, &cpus, p->err);
	if (ret == 0)
		ret = qemu_props_number(props, "maxcpus", 1, VM_CONFIG_CPUS_MAX, &max, p->err);
	/* the guest is told of cores only */
	for (size_t i = 0; ret == 0 && i < sizeof(levels) / sizeof(levels[0]); i++) {
		n = 1;
		ret = qemu_props_number(props, levels[i], 1, VM_CONFIG_CPUS_MAX, &n, p->err);
		total = total > VM_CONFIG_CPUS_MAX ? total : total * n;
	}
	if (ret < 0)
		return ret;
	if (!cpus)
		cpus = max ? max : total;
	if (max && max != cpus)
		return error_set(p->err, -ENOTSUP, "-smp: CPUs cannot be added later: cpus=%u "
				 "and maxcpus=%u differ", (unsigned int)cpus, (unsigned int)max);
	p->config->vm.cpus = cpus;
	return qemu_props_done(props, p->err);
}

/* A name of ours has fewer letters than one of libvirt's. */
static int make_name(struct parser *p, struct qemu_props *props)
{
	const char *name = qemu_props_take(props, "guest");
	int ret;

	qemu_props_ignore(props, "debug-threads", "process", NULL);
	if (!name || !*name)
		return qemu_props_done(props, p->err);
	ret = set_string(p, &p->config->vm.name, name);
	if (ret < 0)
		return ret;
	for (char *c = p->config->vm.name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-", *c) &&
		    (*c != '.' || c == p->config->vm.name))
			*c = '_';
	if (strlen(p->config->vm.name) > 64)
		p->config->vm.name[64] = 0;
	return qemu_props_done(props, p->err);
}

static int make_object(struct parser *p, struct qemu_props *props)
{
	const char *type = qemu_props_take(props, "qom-type");
	bool huge = false;
	uint64_t size = 0;
	int ret;

	qemu_props_take(props, "id");
	if (type && !strcmp(type, "secret")) {
		/* libvirt's master key, for secrets of disks, of which there are none */
		qemu_props_ignore(props, "format", "file", "data", NULL);
	} else if (type && !strcmp(type, "rng-random")) {
		qemu_props_ignore(props, "filename", NULL);
	} else if (type && (!strcmp(type, "memory-backend-ram") ||
			    !strcmp(type, "memory-backend-memfd"))) {
		/* all RAM is a shared memfd */
		qemu_props_ignore(props, "share", "dump", "merge",
				  "x-use-canonical-path-for-ramblock-id", NULL);
		ret = qemu_props_number(props, "size", 0, UINT64_MAX, &size, p->err);
		if (ret == 0)
			ret = qemu_props_bool(props, "hugetlb", &huge, p->err);
		if (ret < 0)
			return ret;
		p->config->vm.hugepages |= huge;
		if (huge) {
			size = VM_CONFIG_MEMORY_UNIT;
			ret = qemu_props_number(props, "hugetlbsize", VM_CONFIG_MEMORY_UNIT,
						VM_CONFIG_MEMORY_UNIT, &size, p->err);
			qemu_props_ignore(props, "prealloc", NULL);
			if (ret < 0)
				return ret;
		}
	} else {
		return unsupported(p, props, "the object", type ? type : "");
	}
	return qemu_props_done(props, p->err);
}

/* ---- block devices ---- */

/* A format above a file, or only the file. */
static int parse_blockdev(struct parser *p, struct qemu_props *node, struct disk_config *disk)
{
	const char *driver, *discard, *path;
	struct qemu_props *file = node;
	int ret;

	ret = qemu_props_need(node, "driver", &driver, p->err);
	if (ret == 0)
		ret = qemu_props_bool(node, "read-only", &disk->readonly, p->err);
	if (ret < 0)
		return ret;
	discard = qemu_props_take(node, "discard");
	disk->discard = discard && (!strcmp(discard, "unmap") || !strcmp(discard, "on"));
	if (!strcmp(driver, "raw")) {
		ret = need_backend(p, node, "file", KIND_BLOCKDEV, "node-name", &file);
		if (ret == 0)
			ret = qemu_props_need(file, "driver", &driver, p->err);
		if (ret < 0)
			return ret;
	}
	if (strcmp(driver, "file") && strcmp(driver, "host_device"))
		return qemu_props_error(file, p->err, -ENOTSUP, "'%.64s' is not supported, only "
					"raw files and block devices; qemu-storage-daemon can "
					"serve it as a vhost-user disk", driver);
	ret = qemu_props_need(file, "filename", &path, p->err);
	if (ret == 0)
		ret = open_fdset(p, file, path, &disk->fd);
	if (ret == 0 && disk->fd < 0)
		ret = set_string(p, &disk->path, path);
	/* of either: what is cached how */
	for (int i = 0; i < 2 && ret == 0; i++) {
		struct qemu_props *props = i ? file : node;
		bool direct = false;

		ret = qemu_props_bool(props, "cache.direct", &direct, p->err);
		disk->direct |= direct;
		/* flushing what need not be flushed does no harm, nor does asking how to wait */
		qemu_props_ignore(props, "node-name", "driver", "cache.no-flush", "aio", "discard",
				  "auto-read-only", "read-only", "detect-zeroes", "locking", NULL);
		if (ret == 0)
			ret = qemu_props_done(props, p->err);
	}
	return ret;
}

static int add_disk(struct parser *p, struct qemu_props *props)
{
	struct disk_config *disk = add_to(&p->config->vm.disks, &disk_group);
	struct qemu_props *node;
	bool share = false;
	uint64_t queues = 0;
	const char *text;
	int ret;

	if (!disk)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	disk->port = p->port;
	text = qemu_props_take(props, "id");
	ret = text ? set_string(p, &disk->id, text) : 0;
	if (ret == 0)
		ret = need_backend(p, props, "drive", KIND_BLOCKDEV, "node-name", &node);
	if (ret == 0)
		ret = parse_blockdev(p, node, disk);
	if (ret == 0)
		ret = set_string(p, &disk->node, qemu_props_peek(props, "drive"));
	text = qemu_props_take(props, "serial");
	if (ret == 0 && text)
		ret = set_string(p, &disk->serial, text);
	if (ret == 0)
		ret = qemu_props_number(props, "num-queues", 1, 64, &queues, p->err);
	if (queues)
		disk->queues = queues;
	if (ret == 0)
		ret = qemu_props_bool(props, "share-rw", &share, p->err);
	/* a flush is a flush, and there is no boot menu */
	qemu_props_ignore(props, "bootindex", "write-cache", "queue-size", "werror", "rerror",
			  "event_idx", "ioeventfd", NULL);
	return ret;
}

/* The socket of a device process, for a device with a property "chardev". */
static int vhost_user_socket(struct parser *p, struct qemu_props *props, const char *key,
			     char **path)
{
	struct qemu_props *chardev;
	const char *text;
	int ret;

	ret = need_backend(p, props, key, KIND_CHARDEV, "id", &chardev);
	if (ret < 0)
		return ret;
	text = qemu_props_take(chardev, "backend");
	if (!text || strcmp(text, "socket"))
		return qemu_props_error(chardev, p->err, -ENOTSUP, "not a socket");
	ret = qemu_props_need(chardev, "path", &text, p->err);
	if (ret == 0)
		ret = set_string(p, path, text);
	/* if it ends, so does the device */
	qemu_props_ignore(chardev, "reconnect", "reconnect-ms", NULL);
	return ret < 0 ? ret : qemu_props_done(chardev, p->err);
}

static int add_vhost_user_disk(struct parser *p, struct qemu_props *props)
{
	struct disk_config *disk = add_to(&p->config->vm.disks, &disk_group);
	const char *text = qemu_props_take(props, "id");
	uint64_t queues = 0;
	int ret;

	if (!disk)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	disk->port = p->port;
	ret = text ? set_string(p, &disk->id, text) : 0;
	if (ret == 0)
		ret = vhost_user_socket(p, props, "chardev", &disk->socket);
	if (ret == 0)
		ret = qemu_props_number(props, "num-queues", 1, 64, &queues, p->err);
	if (queues)
		disk->queues = queues;
	qemu_props_ignore(props, "bootindex", NULL);
	return ret;
}

static int add_share(struct parser *p, struct qemu_props *props)
{
	struct share_config *share = add_to(&p->config->vm.shares, &share_group);
	const char *text = qemu_props_take(props, "id");
	int ret;

	if (!share)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	share->port = p->port;
	ret = text ? set_string(p, &share->id, text) : 0;
	if (ret == 0)
		ret = vhost_user_socket(p, props, "chardev", &share->socket);
	if (ret == 0)
		ret = qemu_props_need(props, "tag", &text, p->err);
	if (ret == 0)
		ret = set_string(p, &share->tag, text);
	qemu_props_ignore(props, "bootindex", "queue-size", NULL);
	return ret;
}

/* ---- network ---- */

static int parse_mac(struct parser *p, struct qemu_props *props, struct net_config *net)
{
	const char *text = qemu_props_take(props, "mac");
	unsigned int b[6];
	int len = 0;

	if (!text)
		return 0;
	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &len) != 6 || text[len])
		return qemu_props_error(props, p->err, -EINVAL, "'mac=%.64s' is not an address",
					text);
	for (int i = 0; i < 6; i++)
		net->mac[i] = b[i];
	return 0;
}

static int parse_tap(struct parser *p, struct qemu_props *props, struct net_config *net)
{
	const char *ifname = qemu_props_take(props, "ifname");
	bool vhost = false;
	int ret;

	ret = inherited_fd(p, props, "fd", &net->fd);
	if (ret == 0)
		ret = inherited_fd(p, props, "vhostfd", &net->vhost_fd);
	if (ret == 0)
		ret = qemu_props_bool(props, "vhost", &vhost, p->err);
	if (ret < 0)
		return ret;
	net->kind = net->fd >= 0 ? NET_FD : NET_TAP;
	if (net->fd < 0 && !ifname)
		return qemu_props_error(props, p->err, -EINVAL, "'fd' or 'ifname' is missing");
	if (net->fd < 0) {
		ret = set_string(p, &net->ifname, ifname);
		qemu_props_ignore(props, "script", "downscript", NULL);
	}
	net->vhost = vhost ? NET_VHOST_ON : NET_VHOST_OFF;
	return ret;
}

static int parse_netdev(struct parser *p, struct qemu_props *props, struct net_config *net)
{
	const char *type = qemu_props_take(props, "type"), *text;
	bool server = false;
	int ret;

	if (!type)
		return qemu_props_error(props, p->err, -EINVAL, "'type' is missing");
	if (!strcmp(type, "user")) {
		net->kind = NET_USER;
		ret = 0;
	} else if (!strcmp(type, "tap")) {
		ret = parse_tap(p, props, net);
	} else if (!strcmp(type, "vhost-user")) {
		net->kind = NET_VHOST_USER;
		ret = vhost_user_socket(p, props, "chardev", &net->socket);
		qemu_props_ignore(props, "queues", NULL);
	} else if (!strcmp(type, "stream")) {
		/* a passt that libvirt has started */
		net->kind = NET_USER;
		text = qemu_props_take(props, "addr.type");
		if (!text || strcmp(text, "unix"))
			return qemu_props_error(props, p->err, -ENOTSUP, "only a unix socket is "
						"supported");
		ret = qemu_props_bool(props, "server", &server, p->err);
		if (ret == 0 && server)
			return unsupported(p, props, "a stream with", "server=on");
		if (ret == 0)
			ret = qemu_props_need(props, "addr.path", &text, p->err);
		if (ret == 0)
			ret = set_string(p, &net->socket, text);
		qemu_props_ignore(props, "reconnect", "reconnect-ms", NULL);
	} else {
		return unsupported(p, props, "the type", type);
	}
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

static int add_net(struct parser *p, struct qemu_props *props)
{
	struct net_config *net = add_to(&p->config->vm.nets, &net_group);
	const char *text = qemu_props_take(props, "id");
	struct qemu_props *netdev;
	int ret;

	if (!net)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	net->port = p->port;
	ret = text ? set_string(p, &net->id, text) : 0;
	if (ret == 0)
		ret = need_backend(p, props, "netdev", KIND_NETDEV, "id", &netdev);
	if (ret == 0)
		ret = parse_netdev(p, netdev, net);
	if (ret == 0)
		ret = parse_mac(p, props, net);
	qemu_props_ignore(props, "bootindex", "event_idx", "ioeventfd", "rx_queue_size",
			  "tx_queue_size", "romfile", "rombar", NULL);
	return ret;
}

/* ---- the other devices ---- */

static int add_rng(struct parser *p, struct qemu_props *props)
{
	struct qemu_props *rng;
	int ret = need_backend(p, props, "rng", KIND_OBJECT, "id", &rng);

	if (ret < 0)
		return ret;
	if (qemu_props_peek(props, "max-bytes"))
		return qemu_props_error(props, p->err, -ENOTSUP, "a rate is not supported");
	qemu_props_ignore(props, "id", NULL);
	p->config->vm.rng = true;
	return 0;
}

static int add_balloon(struct parser *p, struct qemu_props *props)
{
	p->config->vm.balloon = true;
	/* both are always on */
	qemu_props_ignore(props, "id", "deflate-on-oom", "free-page-reporting", NULL);
	return 0;
}

static int add_vsock(struct parser *p, struct qemu_props *props)
{
	uint64_t cid = 0;
	int ret = qemu_props_number(props, "guest-cid", 3, UINT32_MAX - 1, &cid, p->err);

	if (ret == 0 && !cid)
		return qemu_props_error(props, p->err, -EINVAL, "'guest-cid' is missing");
	if (ret == 0)
		ret = inherited_fd(p, props, "vhostfd", &p->config->vm.vsock_fd);
	p->config->vm.vsock = cid;
	qemu_props_ignore(props, "id", NULL);
	return ret;
}

/* The ports come as devices of their own. */
static int add_serial_bus(struct parser *p, struct qemu_props *props)
{
	qemu_props_ignore(props, "id", "max_ports", NULL);
	(void)p;
	return 0;
}

/* virtconsole, or virtserialport, which has a name. */
static int add_port(struct parser *p, struct qemu_props *props)
{
	struct chardev_config *port = add_to(&p->config->vm.consoles, &chardev_group);
	const char *text = qemu_props_take(props, "id");
	struct qemu_props *chardev;
	int ret;

	if (!port)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	ret = text ? set_string(p, &port->id, text) : 0;
	if (ret == 0)
		ret = need_backend(p, props, "chardev", KIND_CHARDEV, "id", &chardev);
	if (ret == 0)
		ret = parse_chardev(p, chardev, port);
	if (ret == 0 && !strcmp(qemu_props_peek(props, "driver"), "virtserialport")) {
		ret = qemu_props_need(props, "name", &text, p->err);
		if (ret == 0)
			ret = set_string(p, &port->name, text);
	}
	qemu_props_ignore(props, "bus", "nr", NULL);
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

/* ---- root ports: the first one named is port 1 ---- */

/* Its place in a list with commas, from 1; 0: it is not there. */
static uint64_t place_in(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (uint64_t place = 1; list && *list; place++) {
		size_t one = strcspn(list, ",");

		if (one == len && !strncmp(list, name, len))
			return place;
		list += one + (list[one] == ',');
	}
	return 0;
}

static int add_name(struct parser *p, char **list, const char *name)
{
	char *names;

	if (asprintf(&names, "%s%s%s", *list ? *list : "", *list ? "," : "", name ? name : "") < 0)
		return error_set(p->err, -ENOMEM, "no memory for the configuration");
	free(*list);
	*list = names;
	return 0;
}

static bool is_port(const struct item *item)
{
	const char *driver = qemu_props_peek(&item->props, "driver");

	return item->kind == KIND_DEVICE && driver && !strcmp(driver, "pcie-root-port");
}

/* Of all items, as a device may be named before its port is. */
static int collect_names(struct parser *p)
{
	struct vm_config *vm = &p->config->vm;
	uint64_t ports = 0;
	int ret = 0;

	for (size_t i = 0; i < p->n && ret == 0; i++) {
		const struct qemu_props *props = &p->items[i].props;

		if (p->items[i].kind == KIND_BLOCKDEV)
			ret = add_name(p, &vm->node_names, qemu_props_peek(props, "node-name"));
		else if (p->items[i].kind == KIND_NETDEV)
			ret = add_name(p, &vm->netdev_names, qemu_props_peek(props, "id"));
		else if (is_port(&p->items[i]) && ++ports)
			ret = add_name(p, &vm->port_names, qemu_props_peek(props, "id"));
	}
	if (ports)
		vm->ports = ports < VM_CONFIG_PORTS_MAX ? ports : VM_CONFIG_PORTS_MAX;
	p->ports = vm->port_names;
	return ret;
}

static int add_bridge(struct parser *p, struct qemu_props *props)
{
	(void)p;
	qemu_props_ignore(props, "id", "port", "chassis", "hotplug", "x-speed", "x-width", "bus",
			  "addr", "multifunction", NULL);
	return qemu_props_done(props, p->err);
}

/* A device behind more ports than there can be is on bus 0, as one that names no bus. */
static int find_port(struct parser *p, struct qemu_props *props)
{
	const char *bus = qemu_props_take(props, "bus");

	p->port = 0;
	if (!bus || !strcmp(bus, "pcie.0"))
		return 0;
	p->port = place_in(p->ports, bus);
	if (!p->port)
		return qemu_props_error(props, p->err, -EINVAL, "there is no bus '%.64s'", bus);
	if (p->port > p->config->vm.ports)
		p->port = 0;
	return 0;
}

/* A virtio device is its name here, with "-pci" or "-device" for the transport. */
static const struct {
	const char *name;
	int (*add)(struct parser *p, struct qemu_props *props);
} virtio_rows[] = {
	{ "virtio-blk", add_disk },
	{ "virtio-net", add_net },
	{ "virtio-rng", add_rng },
	{ "virtio-balloon", add_balloon },
	{ "virtio-serial", add_serial_bus },
	{ "vhost-user-blk", add_vhost_user_disk },
	{ "vhost-user-fs", add_share },
	{ "vhost-vsock", add_vsock },
};

static int set_transport(struct parser *p, struct qemu_props *props, int transport)
{
	if (p->transport_known && p->config->vm.transport != transport)
		return qemu_props_error(props, p->err, -ENOTSUP, "virtio devices on PCI and others "
					"in one machine are not supported");
	p->config->vm.transport = transport;
	p->transport_known = true;
	return 0;
}

static int add_virtio(struct parser *p, struct qemu_props *props,
		      int (*add)(struct parser *p, struct qemu_props *props), bool pci)
{
	int ret = set_transport(p, props, pci ? TRANSPORT_PCI : TRANSPORT_MMIO);

	if (ret == 0 && pci)
		ret = find_port(p, props);
	if (ret == 0)
		ret = add(p, props);
	if (ret < 0)
		return ret;
	/* virtio 1 is all there is */
	qemu_props_ignore(props, "disable-legacy", "disable-modern", NULL);
	if (pci)
		qemu_props_ignore(props, "addr", "multifunction", "vectors", NULL);
	return qemu_props_done(props, p->err);
}

static int make_device(struct parser *p, struct qemu_props *props)
{
	const char *driver = qemu_props_take(props, "driver");
	size_t len;

	if (!driver)
		return error_set(p->err, -EINVAL, "%s: 'driver' is missing", props->option);
	if (!strcmp(driver, "virtserialport") || !strcmp(driver, "virtconsole"))
		return add_port(p, props);
	if (!strcmp(driver, "pcie-root-port"))
		return add_bridge(p, props);
	for (size_t i = 0; i < sizeof(virtio_rows) / sizeof(virtio_rows[0]); i++) {
		len = strlen(virtio_rows[i].name);
		if (strncmp(driver, virtio_rows[i].name, len))
			continue;
		if (!strcmp(driver + len, "-pci") || !strcmp(driver + len, "-device"))
			return add_virtio(p, props, virtio_rows[i].add, driver[len + 1] == 'p');
	}
	return error_set(p->err, -ENOTSUP, "%s: '%.64s' is not supported", props->option, driver);
}

/* ---- the rest ---- */

static int make_rtc(struct parser *p, struct qemu_props *props)
{
	const char *base = qemu_props_take(props, "base");

	if (base && strcmp(base, "utc"))
		return error_set(p->err, -ENOTSUP, "-rtc: 'base=%.64s' is not supported; the clock "
				 "is in UTC", base);
	qemu_props_ignore(props, "clock", "driftfix", NULL);
	return qemu_props_done(props, p->err);
}

static int make_overcommit(struct parser *p, struct qemu_props *props)
{
	static const char * const keys[] = { "mem-lock", "cpu-pm" };
	bool on = false;
	int ret = 0;

	for (size_t i = 0; i < 2 && ret == 0; i++) {
		ret = qemu_props_bool(props, keys[i], &on, p->err);
		if (ret == 0 && on)
			return error_set(p->err, -ENOTSUP, "-overcommit: '%s=on' is not supported",
					 keys[i]);
	}
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

/* Which disk comes first is the firmware's choice, and there is no menu. */
static int make_boot(struct parser *p, struct qemu_props *props)
{
	qemu_props_ignore(props, "order", "strict", "menu", "splash-time", "reboot-timeout", NULL);
	return qemu_props_done(props, p->err);
}

static int make_audiodev(struct parser *p, struct qemu_props *props)
{
	const char *driver = qemu_props_take(props, "driver");

	qemu_props_take(props, "id");
	if (!driver || strcmp(driver, "none"))
		return unsupported(p, props, "the driver", driver ? driver : "");
	return qemu_props_done(props, p->err);
}

/* Ours is on unless -avmm says otherwise, and has no parts. */
static int make_sandbox(struct parser *p, struct qemu_props *props)
{
	(void)p;
	qemu_props_ignore(props, "enable", "obsolete", "elevateprivileges", "spawn",
			  "resourcecontrol", NULL);
	return qemu_props_done(props, p->err);
}

/* What QEMU has no option for. */
static int make_avmm(struct parser *p, struct qemu_props *props)
{
	const char *device = qemu_props_take(props, "device");
	int ret = device ? set_string(p, &p->config->vm.device, device) : 0;

	if (ret == 0)
		ret = qemu_props_bool(props, "sandbox", &p->config->vm.sandbox, p->err);
	if (ret == 0)
		ret = qemu_props_bool(props, "verbose", &p->config->vm.verbose, p->err);
	return ret < 0 ? ret : qemu_props_done(props, p->err);
}

/* The second pass, in this order; kinds without a function are taken by those that name them. */
static int (*const make[KIND_COUNT])(struct parser *p, struct qemu_props *props) = {
	[KIND_MACHINE] = make_machine, [KIND_ACCEL] = make_accel, [KIND_CPU] = make_cpu,
	[KIND_MEMORY] = make_memory, [KIND_SMP] = make_smp, [KIND_NAME] = make_name,
	[KIND_OBJECT] = make_object, [KIND_MON] = make_mon, [KIND_SERIAL] = make_serial,
	[KIND_DEVICE] = make_device, [KIND_RTC] = make_rtc, [KIND_QMP] = make_qmp,
	[KIND_BOOT] = make_boot, [KIND_OVERCOMMIT] = make_overcommit,
	[KIND_AUDIODEV] = make_audiodev, [KIND_SANDBOX] = make_sandbox, [KIND_AVMM] = make_avmm,
};

/* ---- options that are one value ---- */

static int set_uuid(struct parser *p, const char *value)
{
	return set_string(p, &p->config->vm.uuid, value);
}

static int set_kernel(struct parser *p, const char *value)
{
	return set_string(p, &p->config->vm.kernel, value);
}

static int set_initrd(struct parser *p, const char *value)
{
	return set_string(p, &p->config->vm.initrd, value);
}

static int set_append(struct parser *p, const char *value)
{
	if (strlen(value) > 2047)
		return error_set(p->err, -E2BIG,
				 "-append: longer than the 2047 bytes that Linux keeps");
	return set_string(p, &p->config->vm.append, value);
}

static int set_firmware(struct parser *p, const char *value)
{
	return set_string(p, &p->config->vm.firmware, value);
}

static int set_incoming(struct parser *p, const char *value)
{
	return set_string(p, &p->config->vm.incoming, value);
}

static int set_pidfile(struct parser *p, const char *value)
{
	return set_string(p, &p->config->pidfile, value);
}

static int set_display(struct parser *p, const char *value)
{
	if (strcmp(value, "none"))
		return error_set(p->err, -ENOTSUP,
				 "-display: '%.64s' is not supported; there is none", value);
	return 0;
}

static int pass_over(struct parser *p, const char *value)
{
	(void)p;
	(void)value;
	return 0;
}

#define SWITCH(f)	(offsetof(struct qemu_config, f) + 1)

static const struct option {
	const char *name;
	int (*set)(struct parser *p, const char *value);	/* it has one value */
	size_t on;		/* it is a switch: SWITCH() of a bool; 0: none */
	enum kind kind;		/* else it has properties */
	const char *implied;
} options[] = {
	{ .name = "S", .on = SWITCH(vm.paused) },
	{ .name = "no-shutdown", .on = SWITCH(vm.no_shutdown) },
	{ .name = "no-reboot", .on = SWITCH(vm.no_reboot) },
	{ .name = "daemonize", .on = SWITCH(daemonize) },
	{ .name = "version", .on = SWITCH(version) },
	{ .name = "no-user-config" }, { .name = "nodefaults" }, { .name = "nographic" },
	{ .name = "no-acpi" },
	{ "uuid", .set = set_uuid },
	{ "kernel", .set = set_kernel },
	{ "initrd", .set = set_initrd },
	{ "append", .set = set_append },
	{ "bios", .set = set_firmware },
	{ "incoming", .set = set_incoming },
	{ "pidfile", .set = set_pidfile },
	{ "display", .set = set_display },
	{ "msg", .set = pass_over },
	{ "machine", .kind = KIND_MACHINE, .implied = "type" },
	{ "M", .kind = KIND_MACHINE, .implied = "type" },
	{ "accel", .kind = KIND_ACCEL, .implied = "accel" },
	{ "cpu", .kind = KIND_CPU, .implied = "model" },
	{ "m", .kind = KIND_MEMORY, .implied = "size" },
	{ "smp", .kind = KIND_SMP, .implied = "cpus" },
	{ "name", .kind = KIND_NAME, .implied = "guest" },
	{ "object", .kind = KIND_OBJECT, .implied = "qom-type" },
	{ "chardev", .kind = KIND_CHARDEV, .implied = "backend" },
	{ "mon", .kind = KIND_MON, .implied = "chardev" },
	{ "serial", .kind = KIND_SERIAL, .implied = "where" },
	{ "qmp", .kind = KIND_QMP, .implied = "where" },
	{ "blockdev", .kind = KIND_BLOCKDEV, .implied = "driver" },
	{ "netdev", .kind = KIND_NETDEV, .implied = "type" },
	{ "device", .kind = KIND_DEVICE, .implied = "driver" },
	{ "rtc", .kind = KIND_RTC },
	{ "add-fd", .kind = KIND_ADD_FD },
	{ "boot", .kind = KIND_BOOT, .implied = "order" },
	{ "overcommit", .kind = KIND_OVERCOMMIT },
	{ "audiodev", .kind = KIND_AUDIODEV, .implied = "driver" },
	{ "sandbox", .kind = KIND_SANDBOX, .implied = "enable" },
	{ "avmm", .kind = KIND_AVMM },
};

#define NOPTIONS	(sizeof(options) / sizeof(options[0]))

static bool is_switch(const struct option *option)
{
	return !option->set && !option->implied && option->kind == 0;
}

static const struct option *find_option(const char *arg)
{
	if (arg[0] != '-')
		return NULL;
	arg += arg[1] == '-' ? 2 : 1;
	for (size_t i = 0; i < NOPTIONS; i++)
		if (!strcmp(options[i].name, arg))
			return &options[i];
	return NULL;
}

/* The properties of one more; NULL: no memory. */
static struct qemu_props *new_item(struct parser *p, enum kind kind)
{
	struct item *items = realloc(p->items, (p->n + 1) * sizeof(*items));

	if (!items) {
		error_set(p->err, -ENOMEM, "no memory for the configuration");
		return NULL;
	}
	p->items = items;
	items[p->n] = (struct item) { .kind = kind };
	return &items[p->n++].props;
}

static int add_item(struct parser *p, const struct option *option, const char *arg,
		    const char *value)
{
	struct qemu_props *props = new_item(p, option->kind);

	return props ? qemu_props_parse(props, arg, option->implied, value, p->err) : -ENOMEM;
}

static int add_object(struct parser *p, enum kind kind, const char *command, const char *implied,
		      json_t *object)
{
	struct qemu_props *props = new_item(p, kind);

	return props ? qemu_props_from_json(props, command, implied, object, p->err) : -ENOMEM;
}

static int first_pass(struct parser *p, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const struct option *option = find_option(argv[i]);
		const char *arg = argv[i];
		int ret;

		if (!option)
			return error_set(p->err, -EINVAL,
					 "%.64s: this option of QEMU is not supported", argv[i]);
		if (is_switch(option)) {
			if (option->on)
				*((bool *)((char *)p->config + option->on - 1)) = true;
			continue;
		}
		if (i + 1 == argc)
			return error_set(p->err, -EINVAL, "%s: the value is missing", arg);
		i++;
		ret = option->set ? option->set(p, argv[i]) : add_item(p, option, arg, argv[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int second_pass(struct parser *p)
{
	for (size_t i = 0; i < p->n; i++) {
		int (*one)(struct parser *p, struct qemu_props *props) = make[p->items[i].kind];
		int ret = one ? one(p, &p->items[i].props) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

static void free_items(struct parser *p)
{
	for (size_t i = 0; i < p->n; i++)
		qemu_props_free(&p->items[i].props);
	free(p->items);
}

const char *qemu_default_device(void)
{
	/*
	 * libvirt gives its domains /dev/kvm, and it may be a link to ours. Only open() asks
	 * cgroups and AppArmor.
	 */
	int fd = open("/dev/avmm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return "/dev/kvm";
	close(fd);
	return "/dev/avmm";
}

int qemu_config_parse(struct qemu_config *config, int argc, char **argv, struct error *err)
{
	struct parser p = { .config = config, .err = err };
	int ret;

	*config = (struct qemu_config) { .monitor_fd = -1 };
	ret = vm_config_init(&config->vm, err);
	if (ret == 0) {
		/* what is not asked for is not there */
		config->vm.serial.kind = CHARDEV_NULL;
		config->vm.rng = false;
		ret = set_string(&p, &config->vm.device, qemu_default_device());
	}
	if (ret == 0)
		ret = first_pass(&p, argc, argv);
	if (ret == 0)
		ret = collect_names(&p);
	if (ret == 0)
		ret = second_pass(&p);
	free_items(&p);
	return ret;
}

int qemu_config_device(struct qemu_config *config, const struct vm_config *vm,
		       json_t *blockdevs, json_t *netdevs, json_t *device, struct error *err)
{
	struct parser p = { .config = config, .err = err, .ports = vm->port_names };
	const char *name;
	json_t *object;
	int ret;

	*config = (struct qemu_config) { .monitor_fd = -1 };
	ret = vm_config_init(&config->vm, err);
	config->vm.ports = vm->ports;
	json_object_foreach(blockdevs, name, object)
		if (ret == 0)
			ret = add_object(&p, KIND_BLOCKDEV, "blockdev-add", "driver", object);
	json_object_foreach(netdevs, name, object)
		if (ret == 0)
			ret = add_object(&p, KIND_NETDEV, "netdev_add", "type", object);
	if (ret == 0)
		ret = add_object(&p, KIND_DEVICE, "device_add", "driver", device);
	if (ret == 0)
		ret = second_pass(&p);
	free_items(&p);
	return ret;
}

void qemu_config_free(struct qemu_config *config)
{
	free(config->pidfile);
	free(config->monitor_path);
	vm_config_free(&config->vm);
}
