/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a virtual machine shall be: plain data. The command line, the configuration file, the
 * control socket, libvirt's command line and the header of a checkpoint all fill this one struct,
 * from the one table vm_config_fields; everybody reads it.
 *
 * It owns its strings and lists. vm_config_init() first, vm_config_free() last.
 */
#ifndef AVMM_CONFIG_VM_CONFIG_H
#define AVMM_CONFIG_VM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config/field.h"
#include "core/error.h"

/* Same layout as struct field_list. */
#define CONFIG_LIST(type)	struct { type *items; size_t count; }

/* Exactly one of path, socket and fd. */
struct disk_config {
	char *id;		/* unique among all devices; made by vm_config_check() if NULL */
	char *node;		/* how clients of QMP call it; NULL: by its id */
	char *path;		/* raw file or block device */
	char *socket;		/* of a vhost-user-blk process */
	int fd;			/* of an open file */
	char *serial;		/* at most 20 bytes */
	bool readonly;
	bool direct;		/* O_DIRECT */
	bool discard;		/* a guest's discard gives space back */
	uint64_t queues;
	uint64_t port;		/* root port it is behind, from 1; 0: none, it cannot be unplugged */
};

enum net_kind { NET_USER /* passt */, NET_TAP, NET_FD, NET_VHOST_USER };
enum net_vhost { NET_VHOST_AUTO, NET_VHOST_ON, NET_VHOST_OFF };

struct net_config {
	char *id;
	int kind;		/* enum net_kind */
	char *ifname;		/* TAP */
	char *socket;		/* VHOST_USER; USER: of a passt that runs already */
	char *tcp, *udp;	/* USER: ports of the host that are the guest's, as passt(1) has them */
	int fd;			/* FD: of an open tap device */
	int vhost;		/* enum net_vhost, TAP and FD */
	int vhost_fd;		/* open /dev/vhost-net; -1: opened by us */
	uint8_t mac[6];		/* made by vm_config_check() if all zero */
	uint64_t port;		/* as of a disk */
};

/* Exactly one of path, for which we start virtiofsd, and socket. */
struct share_config {
	char *id;
	char *tag;		/* what the guest mounts; at most 36 bytes */
	char *path;
	char *socket;
	uint64_t port;		/* as of a disk */
};

enum chardev_kind {
	CHARDEV_STDIO, CHARDEV_PTY, CHARDEV_UNIX, CHARDEV_FILE, CHARDEV_NULL, CHARDEV_FD
};

/* The other end of a serial line or of a port of virtio-console. */
struct chardev_config {
	char *id;
	char *label;		/* how clients of QMP call it; NULL: by its id */
	char *name;		/* of the port, /dev/virtio-ports/NAME in the guest; NULL: a console */
	int kind;		/* enum chardev_kind */
	char *path;		/* UNIX: where we listen; FILE: what we write */
	int fd;			/* FD: a listening socket; FILE: of an open file */
	char *log;		/* a file that gets all output, too */
	int log_fd;		/* the same, open */
};

enum vm_transport { TRANSPORT_PCI, TRANSPORT_MMIO };

struct vm_config {
	char *name;		/* NULL: none */
	char *uuid;		/* NULL: none */
	uint64_t cpus;
	uint64_t memory;	/* bytes */
	bool hugepages;
	uint64_t gic;		/* version of the interrupt controller; 0: the newest there is */
	char *kernel;
	char *initrd;		/* NULL: none */
	char *append;		/* the kernel's command line; never NULL */
	char *firmware;
	char *vars;
	int transport;		/* enum vm_transport */
	uint64_t ports;		/* PCI root ports, each with a slot for a device that may come and go */
	/* how clients of QMP call things that they have not made, with commas; NULL: they do not */
	char *port_names;	/* the ports */
	char *node_names;	/* block devices behind disks */
	char *netdev_names;	/* what is behind nets */
	CONFIG_LIST(struct disk_config) disks;
	CONFIG_LIST(struct net_config) nets;
	CONFIG_LIST(struct share_config) shares;
	struct chardev_config serial;
	CONFIG_LIST(struct chardev_config) consoles;
	bool rng;
	bool balloon;
	uint64_t vsock;		/* the guest's CID; 0: none */
	int vsock_fd;		/* open /dev/vhost-vsock; -1: opened by us */
	bool no_reboot;		/* a reset of the guest ends it */
	bool no_shutdown;	/* off, but the process waits for orders */
	/* of this run: FIELD_LOCAL */
	char *device;		/* /dev/avmm, or another that speaks the same API; never NULL */
	bool paused;		/* prepared, and waits for "cont" */
	char *incoming;		/* where its state comes from; NULL: it boots */
	char *control;		/* control socket; NULL: none */
	bool sandbox;
	char *user;		/* whom root becomes; NULL: "avmm", if there is such a user */
	bool verbose;
	int ram;		/* file to begin with as RAM, mapped privately; -1: none */
};

extern const struct field vm_config_fields[];
/* For a device that is plugged in by itself. */
extern const struct field_group disk_group, net_group, share_group, chardev_group;

#define VM_CONFIG_CPUS_MAX	512
/* PCI buses that ECAM has room for, without bus 0 */
#define VM_CONFIG_PORTS_MAX	15
#define VM_CONFIG_MEMORY_MIN	(16ULL << 20)
#define VM_CONFIG_MEMORY_MAX	(255ULL << 30)
/* RAM comes in these, so that stage 2 can map all of it with blocks */
#define VM_CONFIG_MEMORY_UNIT	(2ULL << 20)

int vm_config_init(struct vm_config *config, struct error *err);
void vm_config_free(struct vm_config *config);

/*
 * Devices that may come and go: disks, nets and shares. Moving takes all of from; it fails with
 * nothing moved. One that is not there is removed already.
 */
int vm_config_move_devices(struct vm_config *to, struct vm_config *from, struct error *err);
void vm_config_remove_device(struct vm_config *config, const char *id);

/*
 * The one place where it is decided whether such a virtual machine can be; what was left open (ids,
 * MAC addresses) is made up. A message begins with the name of the member.
 */
int vm_config_check(struct vm_config *config, struct error *err);

/* A name as for --name and ids: 1 to 64 letters, digits, '.', '_' or '-'. */
bool vm_config_name_ok(const char *name);

#endif /* AVMM_CONFIG_VM_CONFIG_H */
