#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What one can see of a guest from outside: the tracepoints, and the counters in debugfs.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
trace=/sys/kernel/tracing debug=/sys/kernel/debug/avmm
if [ ! -d $trace/events/avmm ]; then echo '1..0 # SKIP no tracefs, or no module'; exit 4; fi

# counter NAME: of the one guest there is, its first vCPU
counter() { sed -n "1s/.* $1 \([0-9]*\).*/\1/p" $debug/*/vcpus; }

check 'events are switched on' sh -c "echo 1 >$trace/events/avmm/enable"
check 'a guest runs' "$here/../one_guest" --run
# At once, before others push it out of the buffer.
grep one_guest $trace/trace >$tmp/trace
check 'interrupts are injected' "$here/../vgic_irq"
check 'events are switched off' sh -c "echo 0 >$trace/events/avmm/enable"
grep avmm_inject $trace/trace >>$tmp/trace
check 'avmm_entry tells the vCPU and its PC' grep -q -E ' avmm_entry: vcpu 0 pc 0x[0-9a-f]+$' $tmp/trace
check 'avmm_exit tells why' grep -q -E ' avmm_exit: vcpu 0 sync ec 0x24 iss 0x[0-9a-f]+ pc 0x[0-9a-f]+$' $tmp/trace
check 'avmm_s2_fault tells where' grep -q -E ' avmm_s2_fault: vcpu 0 ipa 0x[0-9a-f]+ esr 0x[0-9a-f]+ -> ' $tmp/trace
check 'avmm_inject tells what' grep -q -E ' avmm_inject: vcpu -?[0-9]+ intid [0-9]+ level [01]$' $tmp/trace
# every turn of the three instructions ends with an exit
entries=$(grep -c ' avmm_entry:' $tmp/trace) exits=$(grep -c ' avmm_exit:' $tmp/trace)
check "there are as many exits as entries, $entries" [ "$entries" = "$exits" ]
: >$trace/trace
check 'and nothing is traced any more' "$here/../one_guest" --run
check 'the trace is empty' sh -c "! grep -q avmm_ $trace/trace"

"$here/../one_guest" --hold vcpu >/dev/null 2>&1 &
pid=$!
check 'a vCPU has a line in debugfs' until_true 60 eval '[ -n "$(counter exits)" ]'
for name in el2_exits tier0 mmio_user mmio_kernel s2_faults wfi wfe hvc sysreg irq signal injected; do
	check "there is $name" [ -n "$(counter $name)" ]
done
check 'nothing ran, nothing counts' [ "$(counter exits)" = 0 ]
kill $pid
wait $pid 2>/dev/null
check 'its folder goes with it' until_true 60 eval '[ -z "$(ls '$debug')" ]'
"$here/../timer" >/dev/null 2>&1 &
pid=$!
check 'a guest that runs counts' until_true 60 eval '[ "$(counter exits)" -gt 0 ]'
kill $pid
wait $pid 2>/dev/null
done_testing
