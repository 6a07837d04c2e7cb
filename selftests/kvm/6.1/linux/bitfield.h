/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For vgic_init of Linux 6.1, which includes a kernel header that tools/include of that version
 * does not have.
 */
#ifndef AVMM_KVM_SELFTESTS_BITFIELD_H
#define AVMM_KVM_SELFTESTS_BITFIELD_H

/* @val where a field of bits @mask is */
#define FIELD_PREP(mask, val)	(((__typeof__(mask))(val) << __builtin_ctzll(mask)) & (mask))

#endif
