// SPDX-License-Identifier: GPL-2.0
#include "core/ioeventfd.h"

#include <linux/avmm.h>
#include <string.h>

#include "core/log.h"
#include "libavmm.h"

void ioeventfd_route(int vm, uint64_t addr, unsigned int len, uint64_t value, int eventfd, bool on)
{
	const struct avmm_ioeventfd io = {
		.addr = addr, .len = len, .fd = eventfd,
		.datamatch = value == IOEVENTFD_ANY ? 0 : value,
		.flags = (value == IOEVENTFD_ANY ? 0 : AVMM_IOEVENTFD_FLAG_DATAMATCH) |
			 (on ? 0 : AVMM_IOEVENTFD_FLAG_DEASSIGN),
	};
	int ret = avmm_ioeventfd(vm, &io);

	if (ret < 0 && on)
		log_verbose("no ioeventfd at 0x%llx: %s", (unsigned long long)addr,
			    strerror(-ret));
}
