/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: events/avmm/ in tracefs. The events are built in stats.c. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM avmm

#if !defined(AVMM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define AVMM_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(avmm_entry,
	TP_PROTO(u32 vcpu, u64 pc),
	TP_ARGS(vcpu, pc),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u64, pc)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->pc = pc;
	),
	TP_printk("vcpu %u pc %#llx", __entry->vcpu, __entry->pc)
);

TRACE_EVENT(avmm_exit,
	TP_PROTO(u32 vcpu, u32 code, u64 esr, u64 pc),
	TP_ARGS(vcpu, code, esr, pc),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u32, code)
		__field(u64, esr)
		__field(u64, pc)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->code = code;
		__entry->esr = esr;
		__entry->pc = pc;
	),
	TP_printk("vcpu %u %s ec %#llx iss %#llx pc %#llx", __entry->vcpu,
		  __print_symbolic(__entry->code, { 0, "sync" }, { 1, "irq" }, { 2, "serror" },
				   { 3, "panic" }),
		  (__entry->esr >> 26) & 0x3f, __entry->esr & 0x1ffffff, __entry->pc)
);

TRACE_EVENT(avmm_s2_fault,
	TP_PROTO(u32 vcpu, u64 ipa, u64 esr, int result),
	TP_ARGS(vcpu, ipa, esr, result),
	TP_STRUCT__entry(
		__field(u32, vcpu)
		__field(u64, ipa)
		__field(u64, esr)
		__field(int, result)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->ipa = ipa;
		__entry->esr = esr;
		__entry->result = result;
	),
	TP_printk("vcpu %u ipa %#llx esr %#llx -> %d", __entry->vcpu, __entry->ipa, __entry->esr,
		  __entry->result)
);

TRACE_EVENT(avmm_inject,
	TP_PROTO(int vcpu, u32 intid, bool level),
	TP_ARGS(vcpu, intid, level),
	TP_STRUCT__entry(
		__field(int, vcpu)
		__field(u32, intid)
		__field(bool, level)
	),
	TP_fast_assign(
		__entry->vcpu = vcpu;
		__entry->intid = intid;
		__entry->level = level;
	),
	TP_printk("vcpu %d intid %u level %d", __entry->vcpu, __entry->intid, __entry->level)
);

#endif /* AVMM_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH AVMM_TRACE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
