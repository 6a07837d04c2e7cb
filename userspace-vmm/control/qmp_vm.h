/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands about the virtual machine as a whole.
 */
#ifndef AVMM_CONTROL_QMP_VM_H
#define AVMM_CONTROL_QMP_VM_H

#include "config/vm_config.h"
#include "control/qmp.h"

extern const struct qmp_command qmp_libvirt_commands[];
extern const struct qmp_command qmp_vm_commands[];
extern const struct qmp_command qmp_mig_commands[];
extern const struct qmp_command qmp_dev_commands[];
extern const struct qmp_command qmp_plug_commands[];

/* After qmp_server_init(): what device_del leaves of the devices of the configuration can be deleted. */
void qmp_plug_init(struct qmp_server *server, const struct vm_config *config);

/* All that a VM of ours answers to. */
extern const struct qmp_command *const qmp_all_commands[];

#endif /* AVMM_CONTROL_QMP_VM_H */
