/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands about the virtual machine as a whole.
 */
#ifndef AVMM_CONTROL_QMP_VM_H
#define AVMM_CONTROL_QMP_VM_H

#include "control/qmp.h"

extern const struct qmp_command qmp_libvirt_commands[];
extern const struct qmp_command qmp_vm_commands[];
extern const struct qmp_command qmp_mig_commands[];
extern const struct qmp_command qmp_dev_commands[];
extern const struct qmp_command qmp_plug_commands[];

/* All that a VM of ours answers to. */
extern const struct qmp_command *const qmp_all_commands[];

#endif /* AVMM_CONTROL_QMP_VM_H */
