// SPDX-License-Identifier: GPL-2.0
/* Where MSIs arrive. There is no ITS yet. */
#include "avmm.h"

int vgic_inject_msi(struct avmm_vm *vm, const struct avmm_msi *msi)
{
	return -ENODEV;
}

int vgic_inject_msi_atomic(struct avmm_vm *vm, const struct avmm_msi *msi)
{
	return -ENODEV;
}
