/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QEMU's command line, as libvirt writes it, into a struct vm_config. What we do not have is
 * refused, in a sentence that names the option; what changes nothing for us is passed over.
 */
#ifndef AVMM_CONFIG_CONFIG_QEMU_H
#define AVMM_CONFIG_CONFIG_QEMU_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/vm_config.h"
#include "core/error.h"

struct qemu_config {
	struct vm_config vm;
	bool probe;		/* -machine none: it is asked what we can, and nothing runs */
	bool daemonize;
	bool version;
	char *pidfile;
	char *monitor_path;	/* a socket to make; NULL: monitor_fd */
	int monitor_fd;		/* a socket that listens already; -1: monitor_path, or none */
};

/* Whatever it returns, the configuration is to be freed. argv without the program. */
int qemu_config_parse(struct qemu_config *config, int argc, char **argv, struct error *err);
/*
 * The same of one device of vm as the monitor's device_add describes it, with what blockdev-add and
 * netdev_add were given; objects of these by their names. Descriptors stay the caller's: config has
 * the same numbers.
 */
int qemu_config_device(struct qemu_config *config, const struct vm_config *vm,
		       json_t *blockdevs, json_t *netdevs, json_t *device, struct error *err);
void qemu_config_free(struct qemu_config *config);

/* The hypervisor for -accel kvm: /dev/avmm, or /dev/kvm where that is not to be had. */
const char *qemu_default_device(void);

#endif /* AVMM_CONFIG_CONFIG_QEMU_H */
