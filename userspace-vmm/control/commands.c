// SPDX-License-Identifier: GPL-2.0
#include "control/qmp_vm.h"

const struct qmp_command *const qmp_all_commands[] = {
	qmp_commands, qmp_vm_commands, qmp_mig_commands, qmp_dev_commands, qmp_plug_commands,
	qmp_libvirt_commands, NULL
};
