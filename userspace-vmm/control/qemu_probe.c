// SPDX-License-Identifier: GPL-2.0
#include "control/qemu_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libavmm.h"

/* The QEMU whose command line and monitor ours are like; not older than what libvirt insists on. */
#define VERSION	"{\"qemu\":{\"major\":7,\"minor\":2,\"micro\":0}," \
		"\"package\":\"avmm " AVMM_VERSION "\"}"

static const struct {
	const char *command;
	const char *text;
} constants[] = {
	{ "qmp_capabilities", "{}" },
	{ "query-version", VERSION },
	{ "query-target", "{\"arch\":\"aarch64\"}" },
	{ "query-kvm", "{\"enabled\":true,\"present\":true}" },
	/* what is listed here is asked for; nothing that could be is needed */
	{ "query-commands", "[]" },
	{ "query-machines", "[{\"name\":\"virt\",\"is-default\":true,\"cpu-max\":512,"
	  "\"default-ram-id\":\"mach-virt.ram\"}]" },
	{ "query-command-line-options", "[]" },
	{ "query-migrate-capabilities", "[]" },
	{ "query-tpm-models", "[]" },
	{ "query-tpm-types", "[]" },
	{ "qom-list-properties", "[]" },
	/*
	 * -device, -netdev and -object are written as JSON, and netdevs are of these types; the rest
	 * of the schema decides nothing.
	 */
	{ "query-qmp-schema",
	  "[{\"name\":\"0\",\"meta-type\":\"object\",\"members\":[]},"
	  "{\"name\":\"device_add\",\"meta-type\":\"command\",\"arg-type\":\"0\",\"ret-type\":\"0\","
	  "\"features\":[\"json-cli-hotplug\"]},"
	  "{\"name\":\"netdev_add\",\"meta-type\":\"command\",\"arg-type\":\"1\",\"ret-type\":\"0\"},"
	  "{\"name\":\"1\",\"meta-type\":\"object\",\"tag\":\"type\","
	  "\"members\":[{\"name\":\"type\",\"type\":\"2\"}],\"variants\":["
	  "{\"case\":\"tap\",\"type\":\"0\"},{\"case\":\"user\",\"type\":\"0\"},"
	  "{\"case\":\"vhost-user\",\"type\":\"0\"},{\"case\":\"stream\",\"type\":\"0\"},"
	  "{\"case\":\"dgram\",\"type\":\"0\"}]},"
	  "{\"name\":\"2\",\"meta-type\":\"enum\",\"values\":[\"tap\",\"user\",\"vhost-user\","
	  "\"stream\",\"dgram\"]},"
	  "{\"name\":\"object-add\",\"meta-type\":\"command\",\"arg-type\":\"3\",\"ret-type\":\"0\"},"
	  "{\"name\":\"3\",\"meta-type\":\"object\",\"tag\":\"qom-type\","
	  "\"members\":[{\"name\":\"qom-type\",\"type\":\"4\"}],\"variants\":[]},"
	  "{\"name\":\"4\",\"meta-type\":\"enum\",\"values\":[\"secret\"]}]" },
};

/* QEMU's names of the devices and objects that we take. */
static const char *const types[] = {
	"pl011", "rng-random", "memory-backend-ram", "memory-backend-memfd",
	/* PCI Express with a root port for each device, and devices that are there only as virtio 1 */
	"gpex-pcihost", "pcie-root-port", "virtio-blk-pci-non-transitional",
	"virtio-mmio", "virtio-blk-pci", "virtio-blk-device", "virtio-net-pci", "virtio-net-device",
	"virtio-rng-pci", "virtio-rng-device", "virtio-serial-pci", "virtio-serial-device",
	"virtio-balloon-pci", "virtio-balloon-device", "vhost-user-blk", "vhost-user-fs-device",
	"vhost-vsock-device",
};

static json_t *list_types(void)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < sizeof(types) / sizeof(types[0]); i++)
		json_array_append_new(list, json_pack("{ss}", "name", types[i]));
	return list;
}

/* What this host's hypervisor can give; both, if it cannot be asked. */
static json_t *list_gics(void)
{
	static const uint32_t device_types[] = { AVMM_DEV_TYPE_ARM_VGIC_V2,
						 AVMM_DEV_TYPE_ARM_VGIC_V3 };
	int dev = avmm_open(qemu_default_device());
	int vm = dev >= 0 ? avmm_create_vm(dev, 0) : -1;
	json_t *list = json_array();

	for (int i = 0; list && i < 2; i++)
		if (vm < 0 || avmm_has_device_type(vm, device_types[i]) >= 0)
			json_array_append_new(list, json_pack("{si sb sb}", "version", i + 2,
							      "emulated", 0, "kernel", 1));
	if (vm >= 0)
		close(vm);
	if (dev >= 0)
		close(dev);
	return list;
}

json_t *qemu_constant(const char *command)
{
	if (!strcmp(command, "qom-list-types"))
		return list_types();
	if (!strcmp(command, "query-gic-capabilities"))
		return list_gics();
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
		if (!strcmp(constants[i].command, command))
			return json_loads(constants[i].text, 0, NULL);
	return NULL;
}

/* ---- the socket ---- */

static json_t *reply_to(const char *line)
{
	json_t *request = json_loads(line, 0, NULL), *reply, *value;
	const char *command = NULL, *class = "CommandNotFound";

	json_unpack(request, "{ss}", "execute", &command);
	value = command ? qemu_constant(command) : NULL;
	if (value) {
		reply = json_pack("{so}", "return", value);
	} else {
		/* for libvirt it is fatal if this is no command */
		if (command && !strcmp(command, "device-list-properties"))
			class = "DeviceNotFound";
		else if (!command)
			class = "GenericError";
		reply = json_pack("{s{ss ss+}}", "error", "class", class, "desc",
				  "not supported: ", command ? command : "this is no request");
	}
	if (reply && json_object_get(request, "id"))
		json_object_set(reply, "id", json_object_get(request, "id"));
	json_decref(request);
	return reply;
}

static void say(FILE *client, json_t *object)
{
	if (object)
		json_dumpf(object, client, JSON_COMPACT);
	json_decref(object);
	fputs("\r\n", client);
	fflush(client);
}

static void serve(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		FILE *in = fd >= 0 ? fdopen(fd, "r") : NULL;
		FILE *out = in ? fdopen(dup(fd), "w") : NULL;
		char line[65536];

		if (out)
			say(out, json_pack("{s{so s[]}}", "QMP", "version",
					   qemu_constant("query-version"), "capabilities"));
		while (out && fgets(line, sizeof(line), in))
			say(out, reply_to(line));
		if (out)
			fclose(out);
		if (in)
			fclose(in);
		else if (fd >= 0)
			close(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static int listen_on(const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (!path || strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, -EINVAL, "-qmp: a socket with a path of 1 to %zu bytes is "
				 "needed", sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 4) < 0) {
		int ret = -errno;

		if (fd >= 0)
			close(fd);
		return error_set(err, ret, "-qmp: cannot listen on '%s': %s", path, strerror(-ret));
	}
	return fd;
}

static int write_pid(const char *path, pid_t pid, struct error *err)
{
	FILE *f;

	if (!path)
		return 0;
	f = fopen(path, "we");
	if (!f || fprintf(f, "%d\n", (int)pid) < 0 || fclose(f) != 0)
		return error_set(err, -errno, "-pidfile: cannot write '%s': %s", path,
				 strerror(errno));
	return 0;
}

/* Whoever started us reads our standard error to its end. */
static void detach(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/") < 0)
		return;
	for (int i = 0; fd >= 0 && i <= STDERR_FILENO; i++)
		dup2(fd, i);
}

int qemu_probe(const struct qemu_config *config, struct error *err)
{
	int fd = listen_on(config->monitor_path, err), ret;
	pid_t pid;

	if (fd < 0)
		return fd;
	/* both are there when the first process ends: the socket and the pid */
	pid = config->daemonize ? fork() : 0;
	if (pid < 0)
		return error_set(err, -errno, "-daemonize: %s", strerror(errno));
	if (pid > 0)
		return write_pid(config->pidfile, pid, err);
	if (config->daemonize) {
		detach();
	} else {
		ret = write_pid(config->pidfile, getpid(), err);
		if (ret < 0)
			return ret;
	}
	serve(fd);
	_exit(0);
}
