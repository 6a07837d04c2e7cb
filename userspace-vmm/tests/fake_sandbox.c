// SPDX-License-Identifier: GPL-2.0
/* Threads of the tests and fuzzers may do what they like. */
#include "sandbox/sandbox.h"

int sandbox_thread(enum sandbox_role role, struct error *err)
{
	(void)role;
	(void)err;
	return 0;
}
