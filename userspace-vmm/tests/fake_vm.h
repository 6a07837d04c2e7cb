/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtual machine without a hypervisor: what commands do to it is seen in its state.
 */
#ifndef AVMM_TESTS_FAKE_VM_H
#define AVMM_TESTS_FAKE_VM_H

#include "core/vm.h"

extern struct vm fake_vm;

void fake_vm_init(void);

/* Between these no fake guest does anything. */
void fake_vm_lock(void);
void fake_vm_unlock(void);

#endif /* AVMM_TESTS_FAKE_VM_H */
