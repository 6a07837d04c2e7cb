// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_qemu.h"
#include "config/qemu_props.h"
#include "tests/tap.h"

static struct qemu_config config;
static struct error err;

/* Words of an argv; the last is NULL. */
static int parse(const char * const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	memset(&err, 0, sizeof(err));
	return qemu_config_parse(&config, argc, (char **)argv, &err);
}

#define PARSE(...)	parse((const char * const []) { __VA_ARGS__, NULL })

/* Parses, frees, and compares the sentence. */
static bool refused(int ret, const char *sentence)
{
	bool right = ret < 0 && !strcmp(err.text, sentence);

	qemu_config_free(&config);
	if (!right)
		printf("# status %d, '%s'\n", ret, err.text);
	return right;
}

#define refuses(sentence, ...)	refused(PARSE(__VA_ARGS__), sentence)

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* A descriptor that whoever starts us left open, as text in a word of argv. */
static const char *with_fd(const char *fmt, int fd)
{
	static char text[4][256];
	static int i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), fmt, fd);
	return text[i];
}

static int some_fd(void)
{
	return open("/dev/null", O_RDWR);
}

static void properties(void)
{
	struct qemu_props props;
	uint64_t n = 0;
	bool on = true;

	check(qemu_props_parse(&props, "-x", "driver", "pty,id=a,,b,server,nowait,n=0x10,n=17",
			       &err) == 0);
	check(same(qemu_props_peek(&props, "driver"), "pty"));
	check(same(qemu_props_take(&props, "id"), "a,b"));
	check(qemu_props_bool(&props, "wait", &on, &err) == 0 && !on);
	check(qemu_props_bool(&props, "server", &on, &err) == 0 && on);
	check(qemu_props_number(&props, "n", 1, 17, &n, &err) == 0 && n == 17);
	check(qemu_props_number(&props, "n", 1, 16, &n, &err) == -EINVAL);
	check(same(err.text, "-x pty,id=a,b: 'n=17' is not a number from 1 to 16"));
	check(!qemu_props_take(&props, "nothing"));
	check(qemu_props_done(&props, &err) == -EINVAL);
	check(same(err.text, "-x pty,id=a,b: 'driver=pty' is not supported"));
	qemu_props_free(&props);

	check(qemu_props_parse(&props, "-x", NULL,
			       "{\"a\":{\"b\":true,\"c\":[1,\"two\",null]},\"d\":-3,\"e\":null}",
			       &err) == 0);
	check(props.n == 4);
	check(same(qemu_props_peek(&props, "a.b"), "on"));
	check(same(qemu_props_peek(&props, "a.c.0"), "1"));
	check(same(qemu_props_peek(&props, "a.c.1"), "two"));
	check(same(qemu_props_peek(&props, "d"), "-3"));
	check(qemu_props_number(&props, "d", 0, 9, &n, &err) == -EINVAL);
	qemu_props_free(&props);

	check(qemu_props_parse(&props, "-x", NULL, "{\"a\":1.5}", &err) == -EINVAL);
	check(qemu_props_parse(&props, "-x", NULL, "{\"a\":1,\"a\":2}", &err) == -EINVAL);
	check(qemu_props_parse(&props, "-x", NULL, "{\"a\":1} x", &err) == -EINVAL);
	check(qemu_props_parse(&props, "-x", NULL,
			       "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", &err) == -EINVAL);
	check(same(err.text, "-x: the JSON is nested too deeply"));
	check(qemu_props_parse(&props, "-x", NULL, "a,,=1", &err) == 0);
	qemu_props_free(&props);
	check(qemu_props_parse(&props, "-x", NULL, "a=1,,,b=2", &err) == 0);
	check(same(qemu_props_peek(&props, "a"), "1,"));
	qemu_props_free(&props);
	check(qemu_props_parse(&props, "-x", NULL, ",a", &err) == -EINVAL);
}

/* What libvirt 9.0 writes for a domain with disk, network and serial line, all on virtio-mmio. */
static void libvirt_mmio(void)
{
	int monitor = some_fd();

	check(PARSE("-name", "guest=t1,debug-threads=on", "-S", "-object",
		    "{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\","
		    "\"file\":\"/var/lib/libvirt/qemu/domain-1-t1/master-key.aes\"}",
		    "-machine", "virt,usb=off,gic-version=2,dump-guest-core=off", "-accel", "kvm",
		    "-m", "256", "-overcommit", "mem-lock=off", "-smp",
		    "2,sockets=2,cores=1,threads=1", "-uuid",
		    "7b9e9d9a-3c3b-4e1c-8f0b-0c7d2d5f3a10", "-display", "none", "-no-user-config",
		    "-nodefaults", "-chardev", with_fd("socket,id=charmonitor,fd=%d,server=on,wait=off",
						       monitor),
		    "-mon", "chardev=charmonitor,id=monitor,mode=control", "-rtc", "base=utc",
		    "-no-shutdown", "-no-acpi", "-boot", "strict=on", "-kernel", "/k/Image",
		    "-initrd", "/k/initrd", "-append", "console=ttyAMA0, quiet", "-blockdev",
		    "{\"driver\":\"file\",\"filename\":\"/d/a,b.img\",\"node-name\":"
		    "\"libvirt-1-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}",
		    "-blockdev",
		    "{\"node-name\":\"libvirt-1-format\",\"read-only\":false,\"driver\":\"raw\","
		    "\"file\":\"libvirt-1-storage\"}", "-device",
		    "{\"driver\":\"virtio-blk-device\",\"drive\":\"libvirt-1-format\",\"id\":"
		    "\"virtio-disk0\",\"bootindex\":1}", "-netdev",
		    "{\"type\":\"user\",\"id\":\"hostnet0\"}", "-device",
		    "{\"driver\":\"virtio-net-device\",\"netdev\":\"hostnet0\",\"id\":\"net0\","
		    "\"mac\":\"52:54:00:11:22:33\"}", "-chardev", "pty,id=charserial0", "-serial",
		    "chardev:charserial0", "-audiodev", "{\"id\":\"audio1\",\"driver\":\"none\"}",
		    "-msg", "timestamp=on") == 0);
	check(!*err.text);
	check(same(config.vm.name, "t1") && config.vm.paused && config.vm.no_shutdown);
	check(!config.vm.no_reboot && !config.probe && !config.daemonize);
	check(config.vm.gic == 2 && config.vm.memory == 256 << 20 && config.vm.cpus == 2);
	check(same(config.vm.uuid, "7b9e9d9a-3c3b-4e1c-8f0b-0c7d2d5f3a10"));
	check(config.monitor_fd == monitor && !config.monitor_path);
	check(same(config.vm.kernel, "/k/Image") && same(config.vm.initrd, "/k/initrd"));
	check(same(config.vm.append, "console=ttyAMA0, quiet"));
	check(config.vm.transport == TRANSPORT_MMIO);
	if (check(config.vm.disks.count == 1)) {
		const struct disk_config *disk = &config.vm.disks.items[0];

		check(same(disk->id, "virtio-disk0") && same(disk->path, "/d/a,b.img"));
		check(!disk->readonly && !disk->direct && !disk->discard && disk->fd == -1);
		check(same(disk->node, "libvirt-1-format"));
	}
	if (check(config.vm.nets.count == 1)) {
		const struct net_config *net = &config.vm.nets.items[0];

		check(net->kind == NET_USER && same(net->id, "net0"));
		check(!memcmp(net->mac, "\x52\x54\x00\x11\x22\x33", 6));
	}
	check(config.vm.serial.kind == CHARDEV_PTY);
	check(same(config.vm.serial.label, "charserial0"));
	qemu_config_free(&config);
	close(monitor);
}

/* The same before JSON, with descriptors for the tap, the log and the serial line. */
static void libvirt_words(void)
{
	int tap = some_fd(), log = some_fd(), line = some_fd();

	check(PARSE("-machine", "virt,accel=kvm,usb=off,gic-version=host", "-cpu", "host", "-m",
		    "size=262144k", "-smp", "4", "-object",
		    "secret,id=masterKey0,format=raw,file=/x", "-object",
		    "rng-random,id=objrng0,filename=/dev/urandom", "-device",
		    "virtio-rng-device,rng=objrng0,id=rng0", "-netdev",
		    with_fd("tap,fd=%d,id=hostnet0", tap), "-device",
		    "virtio-net-device,netdev=hostnet0,id=net0,mac=52:54:00:00:00:01", "-add-fd",
		    with_fd("set=0,fd=%d,opaque=serial0-log", log), "-chardev",
		    with_fd("socket,id=charserial0,fd=%d,server=on,wait=off,"
			    "logfile=/dev/fdset/0,logappend=on", line),
		    "-serial", "chardev:charserial0", "-device",
		    "virtio-balloon-device,id=balloon0", "-incoming", "defer", "-no-reboot",
		    "-boot", "strict=on", "-kernel", "k") == 0);
	check(!*err.text);
	check(config.vm.cpus == 4 && config.vm.memory == 256 << 20 && config.vm.gic == 0);
	check(config.vm.rng && config.vm.balloon && config.vm.no_reboot);
	check(same(config.vm.incoming, "defer"));
	if (check(config.vm.nets.count == 1))
		check(config.vm.nets.items[0].kind == NET_FD && config.vm.nets.items[0].fd == tap);
	check(config.vm.serial.kind == CHARDEV_FD && config.vm.serial.fd == line);
	check(config.vm.serial.log_fd == log);
	check(fcntl(tap, F_GETFD) == FD_CLOEXEC && fcntl(log, F_GETFD) == FD_CLOEXEC);
	qemu_config_free(&config);
	close(tap);
	close(log);
	close(line);
}

static void probe(void)
{
	check(PARSE("-S", "-no-user-config", "-nodefaults", "-nographic", "-machine",
		    "none,accel=kvm:tcg", "-qmp", "unix:/d/qmp.monitor,server=on,wait=off",
		    "-pidfile", "/d/qmp.pid", "-daemonize") == 0);
	check(config.probe && config.daemonize && same(config.pidfile, "/d/qmp.pid"));
	check(same(config.monitor_path, "/d/qmp.monitor") && config.monitor_fd == -1);
	qemu_config_free(&config);
}

#define PORT(id)	"-device", "pcie-root-port,id=" id
#define FILE_NODE	"{\"driver\":\"file\",\"filename\":\"/f\",\"node-name\":\"s\"}"
#define DISK		"{\"driver\":\"virtio-blk-pci\",\"drive\":\"n\",\"id\":\"d\"}"

static void disks(void)
{
	check(PARSE("-blockdev", FILE_NODE, "-blockdev",
		    "{\"node-name\":\"n\",\"read-only\":true,\"discard\":\"unmap\",\"cache\":"
		    "{\"direct\":true,\"no-flush\":false},\"driver\":\"raw\",\"file\":\"s\"}",
		    "-device", "{\"driver\":\"virtio-blk-pci\",\"bus\":\"pci.2\",\"addr\":\"0x0\","
		    "\"drive\":\"n\",\"id\":\"d\",\"num-queues\":4,\"serial\":\"S1\","
		    "\"write-cache\":\"on\"}", PORT("pci.7"), "-device",
		    "{\"driver\":\"pcie-root-port\",\"port\":8,\"chassis\":1,\"id\":\"pci.2\","
		    "\"bus\":\"pcie.0\",\"multifunction\":true,\"addr\":\"0x1\"}") == 0);
	check(config.vm.transport == TRANSPORT_PCI);
	if (check(config.vm.disks.count == 1)) {
		const struct disk_config *disk = &config.vm.disks.items[0];

		check(disk->readonly && disk->direct && disk->discard && disk->queues == 4);
		/* the second of two */
		check(disk->port == 2 && config.vm.ports == 2);
		check(same(disk->serial, "S1") && same(disk->path, "/f"));
	}
	qemu_config_free(&config);

	check(refuses("-device virtio-blk-pci,id=d: there is no bus 'pci.2'", "-device",
		      "virtio-blk-pci,id=d,bus=pci.2"));
	check(refuses("-device virtio-blk-pci,id=d: there is no drive 'n'", "-device", DISK));
	check(refuses("-blockdev qcow2,id=n: 'qcow2' is not supported, only raw files and block "
		      "devices; qemu-storage-daemon can serve it as a vhost-user disk",
		      "-blockdev", FILE_NODE, "-blockdev",
		      "{\"node-name\":\"n\",\"driver\":\"qcow2\",\"file\":\"s\"}", "-device", DISK));
	check(refuses("-blockdev raw,id=n: 'offset=512' is not supported", "-blockdev", FILE_NODE,
		      "-blockdev",
		      "{\"node-name\":\"n\",\"driver\":\"raw\",\"file\":\"s\",\"offset\":512}",
		      "-device", DISK));
	check(refuses("-device virtio-blk-pci,id=d: 'iothread=io1' is not supported", "-blockdev",
		      FILE_NODE, "-device", "virtio-blk-pci,drive=s,id=d,iothread=io1"));

	check(PARSE(PORT("pci.1"), PORT("pci.3"), "-chardev", "socket,id=chr-vu-d,path=/s/vu.sock",
		    "-device", "{\"driver\":\"vhost-user-blk-pci\",\"bus\":\"pci.1\",\"addr\":\"0x0\","
		    "\"chardev\":\"chr-vu-d\",\"id\":\"d\"}", "-chardev",
		    "socket,id=chr-vu-fs0,path=/s/fs.sock", "-device",
		    "{\"driver\":\"vhost-user-fs-pci\",\"id\":\"fs0\",\"chardev\":\"chr-vu-fs0\","
		    "\"tag\":\"share\",\"bus\":\"pci.3\",\"addr\":\"0x0\"}", "-object",
		    "{\"qom-type\":\"memory-backend-memfd\",\"id\":\"mach-virt.ram\",\"share\":true,"
		    "\"x-use-canonical-path-for-ramblock-id\":false,\"size\":268435456}",
		    "-machine", "virt,memory-backend=mach-virt.ram") == 0);
	if (check(config.vm.disks.count == 1 && config.vm.shares.count == 1)) {
		check(same(config.vm.disks.items[0].socket, "/s/vu.sock"));
		check(same(config.vm.shares.items[0].socket, "/s/fs.sock"));
		check(same(config.vm.shares.items[0].tag, "share"));
	}
	qemu_config_free(&config);
}

static void firmware(void)
{
	check(PARSE("-blockdev", "{\"driver\":\"file\",\"filename\":\"/code.fd\",\"node-name\":"
		    "\"libvirt-pflash0-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}",
		    "-blockdev", "{\"node-name\":\"libvirt-pflash0-format\",\"read-only\":true,"
		    "\"driver\":\"raw\",\"file\":\"libvirt-pflash0-storage\"}", "-blockdev",
		    "{\"driver\":\"file\",\"filename\":\"/vars.fd\",\"node-name\":"
		    "\"libvirt-pflash1-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}",
		    "-blockdev", "{\"node-name\":\"libvirt-pflash1-format\",\"read-only\":false,"
		    "\"driver\":\"raw\",\"file\":\"libvirt-pflash1-storage\"}", "-machine",
		    "virt,usb=off,gic-version=3,dump-guest-core=off,pflash0=libvirt-pflash0-format,"
		    "pflash1=libvirt-pflash1-format,acpi=on") == 0);
	check(same(config.vm.firmware, "/code.fd") && same(config.vm.vars, "/vars.fd"));
	qemu_config_free(&config);
	check(PARSE("-machine", "virt", "-bios", "/fw.fd") == 0 && same(config.vm.firmware, "/fw.fd"));
	qemu_config_free(&config);
}

static void nets(void)
{
	int tap = some_fd(), vhost = some_fd();

	check(PARSE("-netdev", with_fd("{\"type\":\"tap\",\"fd\":\"%d\",\"vhost\":true,", tap)) < 0);
	qemu_config_free(&config);
	char both[128];
	snprintf(both, sizeof(both), "{\"type\":\"tap\",\"fd\":\"%d\",\"vhost\":true,\"vhostfd\":"
		 "\"%d\",\"id\":\"h0\"}", tap, vhost);
	check(PARSE("-netdev", both, "-device", "virtio-net-pci,netdev=h0,id=net0", "-netdev",
		    "{\"type\":\"stream\",\"addr\":{\"type\":\"unix\",\"path\":\"/p.sock\"},"
		    "\"server\":false,\"reconnect\":5,\"id\":\"h1\"}", "-device",
		    "virtio-net-pci,netdev=h1,id=net1") == 0);
	if (check(config.vm.nets.count == 2)) {
		check(config.vm.nets.items[0].vhost == NET_VHOST_ON && config.vm.nets.items[0].vhost_fd == vhost);
		check(config.vm.nets.items[1].kind == NET_USER && same(config.vm.nets.items[1].socket, "/p.sock"));
	}
	qemu_config_free(&config);
	check(refuses("-netdev user,id=h: 'hostfwd.0.str=tcp::22-:22' is not supported", "-netdev",
		      "{\"type\":\"user\",\"id\":\"h\",\"hostfwd\":[{\"str\":\"tcp::22-:22\"}]}",
		      "-device", "virtio-net-pci,netdev=h"));
	check(refuses("-netdev vde,id=h: the type 'vde' is not supported", "-netdev", "vde,id=h",
		      "-device", "virtio-net-pci,netdev=h"));
	check(refuses("-netdev tap,id=h: 'fd=999': this descriptor is not open", "-netdev",
		      "tap,id=h,fd=999", "-device", "virtio-net-pci,netdev=h"));
	check(refuses("-device virtio-net-pci,id=n: 'mac=52:54' is not an address", "-netdev",
		      "user,id=h", "-device", "virtio-net-pci,netdev=h,id=n,mac=52:54"));
	close(tap);
	close(vhost);
}

static void ports(void)
{
	int fd = some_fd();

	check(PARSE(PORT("pci.2"), "-device", "{\"driver\":\"virtio-serial-pci\",\"id\":\"virtio-serial0\",\"bus\":"
		    "\"pci.2\",\"addr\":\"0x0\"}", "-chardev",
		    with_fd("socket,id=charchannel0,fd=%d,server=on,wait=off", fd), "-device",
		    "{\"driver\":\"virtserialport\",\"bus\":\"virtio-serial0.0\",\"nr\":1,"
		    "\"chardev\":\"charchannel0\",\"id\":\"channel0\",\"name\":"
		    "\"org.qemu.guest_agent.0\"}", "-chardev", "pty,id=charconsole1", "-device",
		    "{\"driver\":\"virtconsole\",\"chardev\":\"charconsole1\",\"id\":\"console1\"}") ==
	      0);
	if (check(config.vm.consoles.count == 2)) {
		check(same(config.vm.consoles.items[0].name, "org.qemu.guest_agent.0"));
		check(config.vm.consoles.items[0].fd == fd);
		check(!config.vm.consoles.items[1].name);
		check(config.vm.consoles.items[1].kind == CHARDEV_PTY);
	}
	qemu_config_free(&config);
	check(refuses("-chardev spicevmc,id=c: backend 'spicevmc' is not supported", "-chardev",
		      "spicevmc,id=c", "-device", "virtserialport,chardev=c"));
	close(fd);
}

/* The monitor's device_add, to one with these. */
static const struct vm_config plugged_vm = { .ports = 2, .port_names = (char *)"pci.1,pci.2,pci.3" };

static int plug(const char *nodes, const char *netdevs, const char *device)
{
	json_t *n = json_loads(nodes, 0, NULL), *d = json_loads(netdevs, 0, NULL);
	json_t *dev = json_loads(device, 0, NULL);
	int ret;

	check(n && d && dev);
	memset(&err, 0, sizeof(err));
	ret = qemu_config_device(&config, &plugged_vm, n, d, dev, &err);
	json_decref(n);
	json_decref(d);
	json_decref(dev);
	return ret;
}

static void plugged(void)
{
	static const char nodes[] =
		"{\"s\":{\"driver\":\"file\",\"filename\":\"/x\",\"node-name\":\"s\","
		"\"auto-read-only\":true,\"discard\":\"unmap\"},"
		"\"f\":{\"node-name\":\"f\",\"read-only\":false,\"driver\":\"raw\",\"file\":\"s\"},"
		"\"q\":{\"node-name\":\"q\",\"driver\":\"qcow2\",\"file\":\"s\"}}";
	static const char nets[] = "{\"h\":{\"type\":\"tap\",\"fd\":%d,\"vhost\":true,"
		"\"vhostfd\":%d,\"id\":\"h\"},"
		"\"u\":{\"type\":\"stream\",\"addr\":{\"type\":\"unix\",\"path\":\"/p\"},"
		"\"server\":false,\"id\":\"u\"}}";
	int fd = some_fd(), vhost = some_fd();
	char text[512];

	check(plug(nodes, "{}", "{\"driver\":\"virtio-blk-pci\",\"bus\":\"pci.2\",\"addr\":\"0x0\","
		   "\"drive\":\"f\",\"id\":\"virtio-disk1\",\"bootindex\":2}") == 0);
	check(config.vm.disks.count == 1 && same(config.vm.disks.items[0].path, "/x"));
	check(config.vm.disks.items[0].port == 2);
	check(same(config.vm.disks.items[0].node, "f"));
	check(same(config.vm.disks.items[0].id, "virtio-disk1"));
	qemu_config_free(&config);
	check(refused(plug(nodes, "{}", "{\"driver\":\"virtio-blk-pci\",\"drive\":\"q\",\"id\":\"d\"}"),
		      "blockdev-add qcow2,id=q: 'qcow2' is not supported, only raw files and block "
		      "devices; qemu-storage-daemon can serve it as a vhost-user disk"));
	check(refused(plug("{}", "{}", "{\"driver\":\"virtio-blk-pci\",\"drive\":\"f\",\"id\":\"d\"}"),
		      "device_add virtio-blk-pci,id=d: there is no drive 'f'"));
	check(refused(plug("{}", "{}", "{\"driver\":\"usb-storage\",\"id\":\"d\"}"),
		      "device_add: 'usb-storage' is not supported"));
	check(refused(plug("{}", "{}", "{\"driver\":\"virtio-blk-pci\",\"x\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}"),
		      "device_add: the JSON is nested too deeply"));

	snprintf(text, sizeof(text), nets, fd, vhost);
	check(plug("{}", text, "{\"driver\":\"virtio-net-pci\",\"netdev\":\"h\",\"id\":\"net1\","
		   "\"mac\":\"52:54:00:00:00:01\",\"bus\":\"pci.3\",\"addr\":\"0x0\"}") == 0);
	/* more ports than there can be */
	check(config.vm.nets.items[0].port == 0);
	check(config.vm.nets.count == 1 && config.vm.nets.items[0].fd == fd);
	check(config.vm.nets.items[0].vhost_fd == vhost && config.vm.nets.items[0].mac[5] == 1);
	qemu_config_free(&config);
	check(plug("{}", text, "{\"driver\":\"virtio-net-pci\",\"netdev\":\"u\",\"id\":\"net1\"}") == 0);
	check(config.vm.nets.items[0].kind == NET_USER && same(config.vm.nets.items[0].socket, "/p"));
	qemu_config_free(&config);
	close(fd);
	close(vhost);
}

static void refusals(void)
{
	check(refuses("-vnc: this option of QEMU is not supported", "-vnc", ":0"));
	check(refuses("-m: the value is missing", "-m"));
	check(refuses("-m: '1Q' is not a size", "-m", "1Q"));
	check(refuses("-m: memory cannot be added later: 'slots' and 'maxmem' are not supported",
		      "-m", "size=256M,slots=2,maxmem=1G"));
	check(refuses("-smp: CPUs cannot be added later: cpus=2 and maxcpus=4 differ", "-smp",
		      "2,maxcpus=4,sockets=4,cores=1,threads=1"));
	check(refuses("-machine: 'pc' is not supported; there is virt", "-machine", "pc"));
	check(refuses("-machine virt: 'virtualization=on' is not supported", "-machine",
		      "virt,virtualization=on"));
	check(refuses("-machine virt: 'nvdimm=on' is not supported", "-machine", "virt,nvdimm=on"));
	check(refuses("-accel tcg: the accelerator 'tcg' is not supported", "-accel", "tcg"));
	check(refuses("-cpu: the model 'cortex-a57' is not supported; there is host", "-cpu",
		      "cortex-a57"));
	check(refuses("-cpu host: 'pmu=off' is not supported", "-cpu", "host,pmu=off"));
	check(refuses("-device: 'virtio-gpu-pci' is not supported", "-device",
		      "{\"driver\":\"virtio-gpu-pci\",\"id\":\"video0\"}"));
	check(refuses("-device: 'virtio-blk-ccw' is not supported", "-device", "virtio-blk-ccw"));
	check(refuses("-device virtio-balloon-device,id=b: virtio devices on PCI and others in one "
		      "machine are not supported", "-device", "virtio-serial-pci", "-device",
		      "virtio-balloon-device,id=b"));
	check(refuses("-object tls-creds-x509,id=t: the object 'tls-creds-x509' is not supported",
		      "-object", "tls-creds-x509,id=t"));
	check(refuses("-display: 'gtk' is not supported; there is none", "-display", "gtk"));
	check(refuses("-rtc: 'base=localtime' is not supported; the clock is in UTC", "-rtc",
		      "base=localtime"));
	check(refuses("-overcommit: 'mem-lock=on' is not supported", "-overcommit", "mem-lock=on"));
	check(refuses("-serial: there is no chardev 'x'", "-serial", "chardev:x"));
	check(refuses("-serial: there is only one serial port", "-chardev", "pty,id=a", "-chardev",
		      "pty,id=b", "-serial", "chardev:a", "-serial", "chardev:b"));
	check(refuses("-mon m: mode 'readline' is not supported", "-chardev", "pty,id=m", "-mon",
		      "m"));
	check(refuses("-object: the JSON is wrong: end of file expected near '}'", "-object", "{}}"));
}

static void own_options(void)
{
	check(PARSE("-avmm", "device=/dev/kvm,sandbox=off") == 0);
	check(same(config.vm.device, "/dev/kvm") && !config.vm.sandbox);
	qemu_config_free(&config);
	check(PARSE("-name", "guest=a b/c") == 0 && same(config.vm.name, "a_b_c"));
	qemu_config_free(&config);
	check(PARSE("--version") == 0 && config.version);
	qemu_config_free(&config);
}

const struct tap_test qemu_tests[] = {
	{ "properties in both syntaxes", properties },
	{ "libvirt's domain on virtio-mmio", libvirt_mmio },
	{ "the old syntax, and descriptors", libvirt_words },
	{ "libvirt's probe", probe },
	{ "disks", disks },
	{ "firmware", firmware },
	{ "networks", nets },
	{ "ports of the console", ports },
	{ "devices that are plugged in", plugged },
	{ "refusals name the option", refusals },
	{ "options of our own", own_options },
	{ NULL, NULL },
};
