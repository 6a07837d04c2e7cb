// SPDX-License-Identifier: GPL-2.0
#include "config/vm_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- the tables ---- */

#define AT(type, member)	.offset = offsetof(struct type, member)
#define PORTS			.max = VM_CONFIG_PORTS_MAX
#define NAMES(...)		.names = (const char *const[]) { __VA_ARGS__, NULL }

static const struct field disk_fields[] = {
	{ "id", FIELD_STRING, AT(disk_config, id) },
	{ "node", FIELD_STRING, AT(disk_config, node), .flags = FIELD_LOCAL },
	{ "path", FIELD_STRING, AT(disk_config, path) },
	{ "vhost-user", FIELD_STRING, AT(disk_config, socket) },
	{ "fd", FIELD_FD, AT(disk_config, fd), .flags = FIELD_LOCAL },
	{ "serial", FIELD_STRING, AT(disk_config, serial) },
	{ "readonly", FIELD_BOOL, AT(disk_config, readonly) },
	{ "direct", FIELD_BOOL, AT(disk_config, direct) },
	{ "discard", FIELD_BOOL, AT(disk_config, discard) },
	{ "queues", FIELD_NUMBER, AT(disk_config, queues), .min = 1, .max = 64 },
	{ "port", FIELD_NUMBER, AT(disk_config, port), PORTS },
	{ NULL },
};

static const struct field net_fields[] = {
	{ "id", FIELD_STRING, AT(net_config, id) },
	{ "kind", FIELD_CHOICE, AT(net_config, kind), NAMES("user", "tap", "fd", "vhost-user") },
	{ "ifname", FIELD_STRING, AT(net_config, ifname) },
	{ "socket", FIELD_STRING, AT(net_config, socket) },
	{ "tcp", FIELD_STRING, AT(net_config, tcp) },
	{ "udp", FIELD_STRING, AT(net_config, udp) },
	{ "fd", FIELD_FD, AT(net_config, fd), .flags = FIELD_LOCAL },
	{ "vhost", FIELD_CHOICE, AT(net_config, vhost), NAMES("auto", "on", "off") },
	{ "vhost-fd", FIELD_FD, AT(net_config, vhost_fd), .flags = FIELD_LOCAL },
	{ "mac", FIELD_MAC, AT(net_config, mac) },
	{ "port", FIELD_NUMBER, AT(net_config, port), PORTS },
	{ NULL },
};

static const struct field share_fields[] = {
	{ "id", FIELD_STRING, AT(share_config, id) },
	{ "tag", FIELD_STRING, AT(share_config, tag) },
	{ "path", FIELD_STRING, AT(share_config, path) },
	{ "socket", FIELD_STRING, AT(share_config, socket) },
	{ "port", FIELD_NUMBER, AT(share_config, port), PORTS },
	{ NULL },
};

static const struct field chardev_fields[] = {
	{ "id", FIELD_STRING, AT(chardev_config, id) },
	{ "label", FIELD_STRING, AT(chardev_config, label), .flags = FIELD_LOCAL },
	{ "name", FIELD_STRING, AT(chardev_config, name) },
	{ "kind", FIELD_CHOICE, AT(chardev_config, kind),
	  NAMES("stdio", "pty", "unix", "file", "null", "fd") },
	{ "path", FIELD_STRING, AT(chardev_config, path) },
	{ "fd", FIELD_FD, AT(chardev_config, fd), .flags = FIELD_LOCAL },
	{ "log", FIELD_STRING, AT(chardev_config, log) },
	{ "log-fd", FIELD_FD, AT(chardev_config, log_fd), .flags = FIELD_LOCAL },
	{ NULL },
};

const struct field_group disk_group = {
	disk_fields, sizeof(struct disk_config),
	&(const struct disk_config) { .fd = -1, .queues = 1 }, .bare = "path",
};

const struct field_group net_group = {
	net_fields, sizeof(struct net_config),
	&(const struct net_config) { .fd = -1, .vhost_fd = -1 }, .bare = "kind",
	.values = (const char *const[]) { NULL, "ifname", "fd", "socket" },
};

const struct field_group share_group = {
	share_fields, sizeof(struct share_config), &(const struct share_config) { 0 }, .bare = NULL,
};

const struct field_group chardev_group = {
	chardev_fields, sizeof(struct chardev_config), &(const struct chardev_config) { .fd = -1, .log_fd = -1 },
	.bare = "kind",
	.values = (const char *const[]) { NULL, NULL, "path", "path", NULL, "fd" },
};

#define CONFIG(member)	AT(vm_config, member)
#define LOCAL		.flags = FIELD_LOCAL

const struct field vm_config_fields[] = {
	{ "kernel", FIELD_STRING, CONFIG(kernel), .letter = 'k', .value = "FILE",
	  .help = "Linux Image, Image.gz, or ELF program to start" },
	{ "initrd", FIELD_STRING, CONFIG(initrd), .letter = 'i', .value = "FILE",
	  .help = "initial RAM disk for Linux" },
	{ "append", FIELD_STRING, CONFIG(append), .letter = 'a', .value = "TEXT",
	  .flags = FIELD_EMPTY, .help = "the kernel's command line" },
	{ "firmware", FIELD_STRING, CONFIG(firmware), .value = "FILE",
	  .help = "UEFI firmware to start instead of a kernel" },
	{ "vars", FIELD_STRING, CONFIG(vars), .value = "FILE",
	  .help = "where the firmware keeps its variables" },
	{ "cpus", FIELD_NUMBER, CONFIG(cpus), .letter = 'c', .value = "N",
	  .min = 1, .max = VM_CONFIG_CPUS_MAX, .help = "number of virtual CPUs (default 1)" },
	{ "memory", FIELD_SIZE, CONFIG(memory), .letter = 'm', .value = "SIZE",
	  .min = VM_CONFIG_MEMORY_MIN, .max = VM_CONFIG_MEMORY_MAX, .unit = VM_CONFIG_MEMORY_UNIT,
	  .help = "RAM, with K, M, G or T; a bare number is in MiB (default 512M)" },
	{ "hugepages", FIELD_BOOL, CONFIG(hugepages),
	  .help = "take RAM from the host's reserved huge pages" },
	{ "gic", FIELD_NUMBER, CONFIG(gic), .value = "VERSION",
	  .help = "interrupt controller, 2 or 3 (default: 3 if the host can, else 2)" },
	{ "transport", FIELD_CHOICE, CONFIG(transport), NAMES("pci", "mmio"), .value = "KIND",
	  .help = "how virtio devices are attached: pci (default) or mmio" },
	{ "ports", FIELD_NUMBER, CONFIG(ports), .value = "N", PORTS,
	  .help = "PCI slots for devices that come and go (default 4)" },
	{ "port-names", FIELD_STRING, CONFIG(port_names), LOCAL },
	{ "node-names", FIELD_STRING, CONFIG(node_names), LOCAL },
	{ "netdev-names", FIELD_STRING, CONFIG(netdev_names), LOCAL },
	{ "disk", FIELD_LIST, CONFIG(disks), .group = &disk_group, .value = "FILE[,...]",
	  .help = "a disk: a raw file, a block device, or vhost-user=SOCKET" },
	{ "net", FIELD_LIST, CONFIG(nets), .group = &net_group, .value = "KIND[,...]",
	  .help = "a network: user, tap=IFNAME, fd=N or vhost-user=SOCKET" },
	{ "share", FIELD_LIST, CONFIG(shares), .group = &share_group, .value = "tag=T,path=DIR",
	  .help = "a folder to share; or tag=T,socket=SOCKET of a virtiofsd" },
	{ "serial", FIELD_GROUP, CONFIG(serial), .group = &chardev_group, .value = "KIND",
	  .help = "serial line: stdio (default), pty, unix=PATH, file=PATH or null" },
	{ "console", FIELD_LIST, CONFIG(consoles), .group = &chardev_group, .value = "KIND[,...]",
	  .help = "a virtio console, as for --serial; ,name= makes it a port" },
	{ "rng", FIELD_BOOL, CONFIG(rng), .value = "on|off",
	  .help = "a source of random numbers (default on)" },
	{ "balloon", FIELD_BOOL, CONFIG(balloon), .help = "a balloon, which gives back memory" },
	{ "vsock", FIELD_NUMBER, CONFIG(vsock), .value = "CID",
	  .help = "sockets between host and guest; the guest's address" },
	{ "vsock-fd", FIELD_FD, CONFIG(vsock_fd), LOCAL },
	{ "name", FIELD_STRING, CONFIG(name), .letter = 'n', .value = "NAME",
	  .help = "name of the VM, for the other commands" },
	{ "uuid", FIELD_STRING, CONFIG(uuid), .value = "UUID", .help = "identity of the VM" },
	{ "no-reboot", FIELD_BOOL, CONFIG(no_reboot),
	  .help = "end when the guest wants to start again" },
	{ "no-shutdown", FIELD_BOOL, CONFIG(no_shutdown),
	  .help = "stay when the guest is off, and wait for orders" },
	{ "device", FIELD_STRING, CONFIG(device), .letter = 'd', .value = "PATH", LOCAL,
	  .help = "hypervisor to use, /dev/avmm (default) or /dev/kvm" },
	{ "paused", FIELD_BOOL, CONFIG(paused), .letter = 'S', LOCAL,
	  .help = "do not start before 'avmm resume'" },
	{ "incoming", FIELD_STRING, CONFIG(incoming), .value = "URI", LOCAL,
	  .help = "wait there for a VM that migrates to here" },
	{ "control", FIELD_STRING, CONFIG(control), .value = "SOCKET", LOCAL,
	  .help = "control socket (default: NAME.sock in the runtime directory)" },
	{ "sandbox", FIELD_BOOL, CONFIG(sandbox), .value = "on|off", LOCAL,
	  .help = "whether the process gives up what it does not need (default on)" },
	{ "user", FIELD_STRING, CONFIG(user), .value = "NAME", LOCAL,
	  .help = "whom root becomes in the sandbox (default: avmm, if there is one)" },
	{ "verbose", FIELD_BOOL, CONFIG(verbose), .letter = 'v', LOCAL,
	  .help = "say more on standard error" },
	{ NULL },
};

/* ---- life ---- */

int vm_config_init(struct vm_config *config, struct error *err)
{
	*config = (struct vm_config) {
		.cpus = 1,
		.memory = 512ULL << 20,
		.ports = 4,
		.serial = { .fd = -1, .log_fd = -1 },
		.vsock_fd = -1,
		.ram = -1,
		.rng = true,
		.sandbox = true,
		.device = strdup("/dev/avmm"),
		.append = strdup(""),
	};
	if (config->device && config->append)
		return 0;
	vm_config_free(config);
	return error_set(err, -ENOMEM, "no memory");
}

void vm_config_free(struct vm_config *config)
{
	fields_free(vm_config_fields, config);
}

/* ---- devices that come and go ---- */

static const struct {
	size_t list, id, port;
	const struct field_group *group;
	const char *name;
} plugs[] = {
#define PLUG(member, type, kind)							\
	{ offsetof(struct vm_config, member), offsetof(struct type, id),		\
	  offsetof(struct type, port), &kind##_group, #kind }
	PLUG(disks, disk_config, disk),
	PLUG(nets, net_config, net),
	PLUG(shares, share_config, share),
#undef PLUG
};

#define NPLUGS		(sizeof(plugs) / sizeof(plugs[0]))

static struct field_list *plug_list(const struct vm_config *config, size_t kind)
{
	return (struct field_list *)((char *)config + plugs[kind].list);
}

static void *plug_item(const struct vm_config *config, size_t kind, size_t i)
{
	return (char *)plug_list(config, kind)->items + i * plugs[kind].group->size;
}

int vm_config_move_devices(struct vm_config *to, struct vm_config *from, struct error *err)
{
	for (size_t kind = 0; kind < NPLUGS; kind++) {
		struct field_list *source = plug_list(from, kind);

		while (source->count) {
			void *item = field_list_add(plugs[kind].group, plug_list(to, kind));

			if (!item)
				return error_set(err, -ENOMEM, "no memory");
			memcpy(item, plug_item(from, kind, --source->count), plugs[kind].group->size);
		}
	}
	return 0;
}

void vm_config_remove_device(struct vm_config *config, const char *id)
{
	for (size_t kind = 0; kind < NPLUGS; kind++) {
		struct field_list *list = plug_list(config, kind);

		for (size_t i = 0; i < list->count; i++) {
			char *item = plug_item(config, kind, i);

			if (strcmp(*(char **)(item + plugs[kind].id), id))
				continue;
			fields_free(plugs[kind].group->fields, item);
			list->count--;
			memmove(item, item + plugs[kind].group->size,
				(list->count - i) * plugs[kind].group->size);
			return;
		}
	}
}

/* ---- checks ---- */

bool vm_config_name_ok(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	/* it becomes the name of a file */
	return i >= 1 && i <= 64 && name[0] != '.';
}

static bool uuid_ok(const char *uuid)
{
	size_t i;

	for (i = 0; uuid[i]; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? uuid[i] != '-' :
		    !isxdigit((unsigned char)uuid[i]))
			return false;
	return i == 36;
}

static int check_one_of(const char *what, const char *names, int given, struct error *err)
{
	if (given == 1)
		return 0;
	return error_set(err, -EINVAL, given ? "%s: only one of %s" :
			 "%s: one of %s is needed",
			 what, names);
}

static int check_length(const char *what, const char *text, size_t max, struct error *err)
{
	if (!text || strlen(text) <= max)
		return 0;
	return error_set(err, -E2BIG, "%s: '%s' is longer than %zu bytes", what, text, max);
}

/* Every device that may have several of its kind, so that ids are made and compared in one way. */
struct named {
	char **id;
	const char *prefix;
	size_t number;
};

/* Room for all lists and the serial line. */
static size_t all_ids(struct vm_config *config, struct named *all)
{
	size_t n = 0;

#define EACH(list, text)							\
	for (size_t i = 0; i < config->list.count; i++)				\
		all[n++] = (struct named) { &config->list.items[i].id, text, i }
	EACH(disks, "disk");
	EACH(nets, "net");
	EACH(shares, "share");
	EACH(consoles, "console");
#undef EACH
	all[n++] = (struct named) { &config->serial.id, "serial", 0 };
	return n;
}

static bool is_taken(const struct named *all, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (*all[i].id && !strcmp(*all[i].id, id))
			return true;
	return false;
}

static int check_ids(struct vm_config *config, struct error *err)
{
	size_t room = config->disks.count + config->nets.count + config->shares.count +
		      config->consoles.count + 1, n;
	struct named *all = calloc(room, sizeof(*all));
	int ret = 0;
	char id[32];

	if (!all)
		return error_set(err, -ENOMEM, "no memory");
	n = all_ids(config, all);
	for (size_t i = 0; i < n && ret == 0; i++) {
		if (!*all[i].id)
			continue;
		if (!vm_config_name_ok(*all[i].id))
			ret = error_set(err, -EINVAL, "%s: id '%s' is not 1 to 64 letters, digits, "
					"'.', '_' or '-'", all[i].prefix, *all[i].id);
		else if (is_taken(all, i, *all[i].id))
			ret = error_set(err, -EEXIST, "%s: id '%s' is given twice", all[i].prefix,
					*all[i].id);
	}
	for (size_t i = 0; i < n && ret == 0; i++) {
		if (*all[i].id)
			continue;
		for (size_t k = all[i].number; ; k++) {
			snprintf(id, sizeof(id), "%s%zu", all[i].prefix, k);
			if (!is_taken(all, n, id))
				break;
		}
		*all[i].id = strdup(id);
		if (!*all[i].id)
			ret = error_set(err, -ENOMEM, "no memory");
	}
	free(all);
	return ret;
}

static int check_disks(struct vm_config *config, struct error *err)
{
	for (size_t i = 0; i < config->disks.count; i++) {
		const struct disk_config *disk = &config->disks.items[i];
		int ret = check_one_of("disk", "path and vhost-user", !!disk->path +
				       !!disk->socket + (disk->fd >= 0), err);

		/* virtio 1.2, 5.2.6: VIRTIO_BLK_T_GET_ID */
		if (ret == 0)
			ret = check_length("disk: serial", disk->serial, 20, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int check_nets(struct vm_config *config, struct error *err)
{
	for (size_t i = 0; i < config->nets.count; i++) {
		struct net_config *net = &config->nets.items[i];

		if (net->kind == NET_TAP && !net->ifname)
			return error_set(err, -EINVAL, "net: tap needs the name of an interface");
		/* IFNAMSIZ with its end */
		if (net->ifname && strlen(net->ifname) > 15)
			return error_set(err, -EINVAL, "net: '%s' is longer than the 15 bytes of an "
					 "interface's name", net->ifname);
		if (net->kind == NET_FD && net->fd < 0)
			return error_set(err, -EINVAL, "net: fd needs a file descriptor");
		if (net->kind == NET_VHOST_USER && !net->socket)
			return error_set(err, -EINVAL, "net: vhost-user needs a socket");
		if ((net->tcp || net->udp) && (net->kind != NET_USER || net->socket))
			return error_set(err, -EINVAL, "net: ports are forwarded by a passt that is "
					 "started for user");
		if (net->mac[0] & 1)
			return error_set(err, -EINVAL, "net: the MAC address is one of a group");
		if (memcmp(net->mac, "\0\0\0\0\0", 6))
			continue;
		/* the prefix that virtual machines use, locally administered */
		memcpy(net->mac, "\x52\x54\x00", 3);
		if (getrandom(net->mac + 3, 3, 0) != 3)
			return error_set(err, -errno, "the host has no random numbers");
	}
	return 0;
}

static int check_shares(const struct vm_config *config, struct error *err)
{
	for (size_t i = 0; i < config->shares.count; i++) {
		const struct share_config *share = &config->shares.items[i];
		int ret;

		if (!share->tag)
			return error_set(err, -EINVAL, "share: a tag is needed");
		/* virtio 1.2, 5.11.4 */
		ret = check_length("share: tag", share->tag, 36, err);
		if (ret == 0)
			ret = check_one_of("share", "path and socket",
					   !!share->path + !!share->socket, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int check_ports(const struct vm_config *config, struct error *err)
{
	unsigned int taken = 0;

	for (size_t kind = 0; kind < NPLUGS; kind++) {
		for (size_t i = 0; i < plug_list(config, kind)->count; i++) {
			uint64_t port = *(uint64_t *)((char *)plug_item(config, kind, i) +
						      plugs[kind].port);

			if (port && config->transport == TRANSPORT_MMIO)
				return error_set(err, -EINVAL, "%s: with --transport mmio there are no "
						 "ports", plugs[kind].name);
			if (port > config->ports)
				return error_set(err, -EINVAL, "%s: there is no port %u; --ports makes "
						 "more", plugs[kind].name, (unsigned int)port);
			if (port && taken & 1U << port)
				return error_set(err, -EEXIST, "%s: port %u has a device already",
						 plugs[kind].name, (unsigned int)port);
			taken |= 1U << port;
		}
	}
	return 0;
}

static int check_chardevs(const struct vm_config *config, struct error *err)
{
	bool stdio = false;

	for (size_t i = 0; i <= config->consoles.count; i++) {
		const struct chardev_config *dev = i ? &config->consoles.items[i - 1] :
			&config->serial;
		const char *what = i ? "console" : "serial";

		if (!dev->path && (dev->kind == CHARDEV_UNIX ||
				   (dev->kind == CHARDEV_FILE && dev->fd < 0)))
			return error_set(err, -EINVAL, "%s: a path is needed", what);
		/* sun_path with its end */
		if (dev->kind == CHARDEV_UNIX && strlen(dev->path) > 107)
			return error_set(err, -E2BIG, "%s: '%s' is longer than the 107 bytes of a "
					 "socket's path", what, dev->path);
		if (dev->kind == CHARDEV_FD && dev->fd < 0)
			return error_set(err, -EINVAL, "%s: a file descriptor is needed", what);
		if (dev->kind == CHARDEV_STDIO && stdio)
			return error_set(err, -EINVAL, "%s: standard input is in use already; use "
					 "--serial null or another kind", what);
		stdio = stdio || dev->kind == CHARDEV_STDIO;
	}
	return 0;
}

static int check_start(const struct vm_config *config, struct error *err)
{
	if (!config->kernel && !config->firmware && !config->incoming)
		return error_set(err, -EINVAL, "kernel: required; see 'avmm run --help'");
	if (config->kernel && config->firmware)
		return error_set(err, -EINVAL, "firmware: it starts from a disk, not a --kernel");
	if (!config->kernel && config->initrd)
		return error_set(err, -EINVAL, "initrd: only with a kernel");
	if (!config->firmware && config->vars)
		return error_set(err, -EINVAL, "vars: only with firmware");
	/* COMMAND_LINE_SIZE of arm64 */
	if (strlen(config->append) > 2047)
		return error_set(err, -E2BIG, "append: longer than the 2047 bytes that Linux keeps");
	return 0;
}

int vm_config_check(struct vm_config *config, struct error *err)
{
	int ret = fields_check(vm_config_fields, config, err);

	if (ret < 0)
		return ret;
	/* it ends in the names of threads and files, and in messages */
	if (config->name && !vm_config_name_ok(config->name))
		return error_set(err, -EINVAL, "name: '%s' is not 1 to 64 letters, digits, '.', '_' "
				 "or '-'", config->name);
	if (config->uuid && !uuid_ok(config->uuid))
		return error_set(err, -EINVAL, "uuid: '%s' is not a UUID", config->uuid);
	if (config->gic && config->gic != 2 && config->gic != 3)
		return error_set(err, -EINVAL, "gic: '%u' is neither 2 nor 3",
				 (unsigned int)config->gic);
	/* 0 to 2 are the hypervisor's, the loopback's and the host's, vsock(7) */
	if (config->vsock && (config->vsock < 3 || config->vsock >= UINT32_MAX))
		return error_set(err, -EINVAL, "vsock: '%llu' is not a number from 3 to 4294967294",
				 (unsigned long long)config->vsock);
	ret = check_start(config, err);
	if (ret == 0)
		ret = check_disks(config, err);
	if (ret == 0)
		ret = check_nets(config, err);
	if (ret == 0)
		ret = check_shares(config, err);
	if (ret == 0)
		ret = check_ports(config, err);
	if (ret == 0)
		ret = check_chardevs(config, err);
	if (ret == 0)
		ret = check_ids(config, err);
	return ret;
}
