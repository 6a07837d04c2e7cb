/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What libvirt asks an emulator before it makes a domain for it: a socket with answers that are the
 * same for all virtual machines. They decide what libvirt offers its users, and which options it
 * writes for us: what is not here it does not use.
 */
#ifndef AVMM_CONTROL_QEMU_PROBE_H
#define AVMM_CONTROL_QEMU_PROBE_H

#include <jansson.h>

#include "config/config_qemu.h"
#include "core/error.h"

/* A new reference to what a command returns, whatever its arguments; NULL: none of these. */
json_t *qemu_constant(const char *command);

/*
 * Serves config's socket. If config says so in the background: then it returns 0 in the process that
 * was started, and the other one ends when it is told to.
 */
int qemu_probe(const struct qemu_config *config, struct error *err);

#endif /* AVMM_CONTROL_QEMU_PROBE_H */
