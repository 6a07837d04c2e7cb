/* SPDX-License-Identifier: GPL-2.0 */
/* No tracepoints on the build machine. */
#define trace_avmm_inject(vcpu, intid, level) do { } while (0)
