// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "config/config_json.h"
#include "tests/tap.h"

static struct vm_config config;
static struct error err;

static int parse(const char *text)
{
	int ret;

	vm_config_free(&config);
	check(vm_config_init(&config, &err) == 0);
	ret = config_json_parse(&config, text, strlen(text), &err);
	return ret < 0 ? ret : vm_config_check(&config, &err);
}

static bool refuses(const char *text, const char *sentence)
{
	bool right = parse(text) < 0 && !strcmp(err.text, sentence);

	if (!right)
		printf("# '%s' gave '%s'\n", text, err.text);
	return right;
}

/* "--disk", "value", ... after a kernel */
static int options(const char *option, const char *value)
{
	char *argv[] = { "-k", "I", (char *)option, (char *)value };
	struct run_options run;
	int ret;

	vm_config_free(&config);
	check(vm_config_init(&config, &err) == 0);
	ret = run_options_parse(&run, &config, value ? 4 : 3, argv, &err);
	fields_free(run_fields, &run);
	return ret;
}

static bool option_refuses(const char *option, const char *value, const char *sentence)
{
	bool right = options(option, value) < 0 && !strcmp(err.text, sentence);

	if (!right)
		printf("# '%s %s' gave '%s'\n", option, value, err.text);
	return right;
}

static void lists(void)
{
	const struct disk_config *disk;
	const struct net_config *net;

	check(options("--disk", "a,,b.img,serial=x=y,readonly=on,queues=4") == 0);
	disk = config.disks.items;
	check(config.disks.count == 1 && !strcmp(disk->path, "a,b.img") && disk->readonly);
	check(!strcmp(disk->serial, "x=y") && disk->queues == 4 && disk->fd == -1);
	check(!strcmp(disk->id, "disk0"));
	check(options("--disk", "path=x,id=root") == 0 && !strcmp(config.disks.items->id, "root"));
	check(options("--disk", "vhost-user=/s") == 0);
	check(!config.disks.items->path && !strcmp(config.disks.items->socket, "/s"));

	check(options("--net", "user") == 0 && config.nets.items->kind == NET_USER);
	net = config.nets.items;
	/* one of ours */
	check(net->mac[0] == 0x52 && net->mac[1] == 0x54 && net->fd == -1);
	check(options("--net", "tap=t0,vhost=off,mac=02:00:00:00:0a:Ff") == 0);
	net = config.nets.items;
	check(net->kind == NET_TAP && !strcmp(net->ifname, "t0") && net->vhost == NET_VHOST_OFF);
	check(!memcmp(net->mac, "\x02\0\0\0\x0a\xff", 6));
	check(!fields_have_fd(vm_config_fields, &config));
	check(options("--net", "fd=7") == 0);
	check(fields_have_fd(vm_config_fields, &config));
	check(config.nets.items->kind == NET_FD && config.nets.items->fd == 7);

	check(options("--serial", "unix=/s") == 0);
	check(config.serial.kind == CHARDEV_UNIX && !strcmp(config.serial.path, "/s"));
	check(options("--console", "pty,name=org.x.0") == 0 && config.consoles.count == 1);
	check(options("--sandbox", "off") == 0 && !config.sandbox);
	check(options("--rng", "off") == 0 && !config.rng && config.sandbox);
	check(options("--balloon", NULL) == 0 && config.balloon && config.rng);
	check(options("--share", "tag=t,path=/d") == 0 && config.shares.count == 1);
}

/* What comes and goes while the guest runs */
static void devices(void)
{
	struct vm_config one;

	check(refuses("{\"kernel\":\"I\",\"disk\":[{\"path\":\"a\",\"port\":4}],\"net\":"
		      "[{\"kind\":\"user\",\"port\":4}]}", "net: port 4 has a device already"));
	check(refuses("{\"kernel\":\"I\",\"transport\":\"mmio\",\"disk\":[{\"path\":\"a\",\"port\":4}]}",
		      "disk: with --transport mmio there are no ports"));
	check(parse("{\"kernel\":\"I\",\"ports\":15,\"disk\":[{\"path\":\"b\",\"port\":9},"
		    "{\"path\":\"c\"}]}") == 0);
	one = config;
	memset(&config, 0, sizeof(config));
	check(options("--disk", "a") == 0);
	config.disks.items[0].port = 1;
	check(vm_config_move_devices(&one, &config, &err) == 0 && config.disks.count == 0);
	check(one.disks.count == 3 && !strcmp(one.disks.items[2].path, "a"));
	vm_config_remove_device(&one, "net7");
	vm_config_remove_device(&one, "disk1");
	check(one.disks.count == 2 && one.disks.items[0].port == 9);
	check(!strcmp(one.disks.items[1].path, "a") && one.disks.items[1].port == 1);
	vm_config_free(&one);
}

static void list_refusals(void)
{
	check(option_refuses("--disk", "path=a,speed=9", "--disk: there is no 'speed'"));
	check(option_refuses("--disk", "a,b", "--disk: there is no 'b'"));
	check(option_refuses("--disk", "a,serial", "--disk: serial needs a value: 'serial=...'"));
	check(option_refuses("--disk", "a,readonly=yes", "--disk: readonly: 'yes' is not on or off"));
	check(option_refuses("--disk", "a,queues=0",
			     "--disk: queues: '0' is not a number from 1 to 64"));
	check(option_refuses("--disk", "a,port=16",
			     "--disk: port: '16' is not a number from 0 to 15"));
	check(option_refuses("--disk", "a,port=5", "--disk: there is no port 5; --ports makes more"));
	check(option_refuses("--disk", "", "--disk: the value is empty"));
	check(option_refuses("--disk", "serial=x", "--disk: one of path and vhost-user is needed"));
	check(option_refuses("--disk", "a,vhost-user=b",
			     "--disk: only one of path and vhost-user"));
	check(option_refuses("--disk", "a,id=a/b", "--disk: id 'a/b' is not 1 to 64 letters, "
			     "digits, '.', '_' or '-'"));
	check(option_refuses("--net", "bridge", "--net: there is no 'bridge'"));
	check(option_refuses("--net", "tap", "--net: tap needs a value: 'tap=...'"));
	check(option_refuses("--net", "user=1", "--net: user takes no value"));
	check(option_refuses("--net", "fd=x", "--net: fd: 'x' is not a file descriptor"));
	check(option_refuses("--net", "user,mac=1", "--net: mac: '1' is not a MAC address like "
			     "52:54:00:12:34:56"));
	check(option_refuses("--net", "user,mac=01:00:00:00:00:00",
			     "--net: the MAC address is one of a group"));
	check(option_refuses("--net", "tap=0123456789abcdef",
			     "--net: '0123456789abcdef' is longer than the 15 bytes of an "
			     "interface's name"));
	check(option_refuses("--console", "stdio", "--console: standard input is in use already; "
			     "use --serial null or another kind"));
	check(option_refuses("--transport", "isa", "--transport: 'isa' is not pci or mmio"));
	check(option_refuses("--vsock", "2", "--vsock: '2' is not a number from 3 to 4294967294"));
	check(option_refuses("--share", "path=/x", "--share: a tag is needed"));
	check(option_refuses("--uuid", "1-2", "--uuid: '1-2' is not a UUID"));
	check(option_refuses("--initrd", "\xff", "--initrd: the value is not UTF-8"));
	check(option_refuses("--vars", "f", "--vars: only with firmware"));
}

static void json(void)
{
	check(parse("{\"kernel\":\"I\",\"memory\":\"1G\",\"cpus\":2,\"hugepages\":true,"
		    "\"disk\":[{\"path\":\"a\"},{\"path\":\"b\",\"id\":\"disk0\"}],"
		    "\"net\":[{\"kind\":\"tap\",\"ifname\":\"t\"}],"
		    "\"serial\":{\"kind\":\"pty\"}}") == 0);
	check(config.memory == 1ULL << 30 && config.cpus == 2 && config.hugepages);
	check(config.disks.count == 2 && config.serial.kind == CHARDEV_PTY);
	/* a made id does not take one that is given */
	check(!strcmp(config.disks.items[0].id, "disk1"));
	check(!strcmp(config.disks.items[1].id, "disk0"));
}

static void json_refusals(void)
{
	check(refuses("{\"kernel\":\"I\",\"memroy\":\"1G\"}", "memroy: there is no such member"));
	check(refuses("{\"disk\":[{\"path\":\"a\"},{\"pth\":\"a\"}]}",
		      "disk[1].pth: there is no such member"));
	check(refuses("{\"serial\":{\"kind\":\"tty\"}}", "serial.kind: 'tty' is not stdio, pty, "
		      "unix, file, null or fd"));
	check(refuses("{\"memory\":512}", "memory: is not a string"));
	check(refuses("{\"cpus\":\"2\"}", "cpus: is not a number"));
	check(refuses("{\"cpus\":-1}", "cpus: is not a number"));
	check(refuses("{\"cpus\":0}", "cpus: '0' is not a number from 1 to 512"));
	check(refuses("{\"rng\":1}", "rng: is neither true nor false"));
	check(refuses("{\"disk\":{}}", "disk: is not an array"));
	check(refuses("{\"disk\":[1]}", "disk[0]: is not an object"));
	check(refuses("{\"kernel\":\"\"}", "kernel: the value is empty"));
	check(refuses("[]", "JSON: is not an object"));
	check(refuses("{}", "kernel: required; see 'avmm run --help'"));
	check(parse("{\"kernel\":\"I\",\"kernel\":\"J\"}") < 0);
	check(parse("{\"kernel\":\"I\\u0000\"}") < 0);
	check(parse("{\"kernel\":\"I\"") < 0 && parse("") < 0 && parse("{} x") < 0);
	check(refuses("{\"kernel\":\"I\",\"disk\":[{\"path\":\"a\",\"id\":\"x\"}],"
		      "\"net\":[{\"id\":\"x\"}]}", "net: id 'x' is given twice"));
}

/* Written and read again it is the same, and it names each member of the table. */
static void round_trip(void)
{
	json_t *first, *second;
	char *text;

	check(options("--disk", "a,,b,serial=s,discard=on") == 0);
	first = fields_to_json(vm_config_fields, &config, 0);
	text = json_dumps(first, 0);
	check(parse(text) == 0);
	second = fields_to_json(vm_config_fields, &config, 0);
	check(json_equal(first, second));
	json_decref(second);
	second = fields_to_json(vm_config_fields, &config, FIELD_LOCAL);
	check(json_object_get(first, "device") && !json_object_get(second, "device"));
	check(json_object_get(second, "disk"));
	json_decref(second);
	json_decref(first);
	free(text);
}

static void file_and_options(void)
{
	char name[] = "/tmp/avmm-test-XXXXXX";
	char *argv[] = { "--cpus", "4", "--config", name };
	int fd = mkstemp(name);
	struct run_options run;

	check(write(fd, "{\"kernel\":\"I\",\"cpus\":2,\"memory\":\"64M\"}", 38) == 38);
	close(fd);
	vm_config_free(&config);
	check(vm_config_init(&config, &err) == 0);
	check(run_options_parse(&run, &config, 4, argv, &err) == 0);
	check(config.cpus == 4 && config.memory == 64ULL << 20 && !strcmp(config.kernel, "I"));
	fields_free(run_fields, &run);
	unlink(name);
	check(options("--config", name) == -ENOENT);
	vm_config_free(&config);
}

const struct tap_test config_tests[] = {
	{ "lists of keys and values", lists },
	{ "devices that come and go", devices },
	{ "refusals of lists", list_refusals },
	{ "JSON", json },
	{ "refusals name the member", json_refusals },
	{ "round trip", round_trip },
	{ "options count more than the file", file_and_options },
	{ NULL, NULL },
};
