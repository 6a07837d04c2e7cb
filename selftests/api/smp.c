// SPDX-License-Identifier: GPL-2.0
/*
 * Four vCPUs on however many CPUs there are: what one CPU's instructions do to the others. All in
 * the payload.
 */
#include "avmm_util.h"

PAYLOAD(smp);

int main(void)
{
	test_begin(280);
	run_payload("smp", &(struct vm_config){ PAYLOAD_OF(smp), .vcpus = 4 });
	return tap_end();
}
