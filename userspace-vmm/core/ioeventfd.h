/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writes of the guest that the kernel turns into eventfds, without an exit to us.
 */
#ifndef AVMM_CORE_IOEVENTFD_H
#define AVMM_CORE_IOEVENTFD_H

#include <stdbool.h>
#include <stdint.h>

/* The value counts for a match where it is not this */
#define IOEVENTFD_ANY	(~0ULL)

/*
 * len 0: any. Without the kernel's help the write comes to the device, which writes the eventfd
 * itself; so nothing is said if it does not work.
 */
void ioeventfd_route(int vm, uint64_t addr, unsigned int len, uint64_t value, int eventfd, bool on);

#endif /* AVMM_CORE_IOEVENTFD_H */
