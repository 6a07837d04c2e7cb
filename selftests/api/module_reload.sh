#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module comes and goes: a hundred times, with a guest run in between; not while it is in use;
# and the machine is afterwards as it was.
#
#   module_reload.sh [ROUNDS]
here=$(cd "$(dirname "$0")" && pwd)
rounds=${1:-100} n=0 failed=0
export AVMM_DEVICE=/dev/avmm

ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n $2"; else echo "not ok $n $2"; failed=1; fi
}
loaded() { grep -q '^avmm ' /proc/modules; }
load() { insmod "$here/avmm.ko" 2>&1; }
free_kib() {
	sleep 1
	sed -n 's/^MemFree: *\([0-9]*\).*/\1/p' /proc/meminfo
}

echo "TAP version 13"
if [ ! -e "$here/avmm.ko" ]; then
	echo "1..0 # SKIP there is no avmm.ko"
	exit 4
fi
loaded || load

# Held by an open device, by a VM alone, and by a vCPU alone.
for what in device vm vcpu; do
	"$here/one_guest" --hold "$what" >/tmp/hold.$$ &
	pid=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		grep -q holding /tmp/hold.$$ && break
		sleep 1
	done
	text=$(rmmod avmm 2>&1)
	case $text in
	*'temporarily unavailable'* | *'in use'*) rc=0 ;;
	*) rc=1 ;;
	esac
	ok $rc "a $what that is open keeps the module: $text"
	loaded; ok $? "it is still there"
	"$here/one_guest" --run; ok $? "and runs guests"
	kill $pid
	wait $pid 2>/dev/null
done
rm -f /tmp/hold.$$

sleep 1
rmmod avmm; ok $? "with nothing open it goes"
! loaded; ok $? "it is gone"
[ ! -e /dev/avmm ]; ok $? "so is its device"

# The first rounds fill caches that stay.
bad=0 i=0 before=0
while [ $i -lt "$rounds" ]; do
	[ $i != 5 ] || before=$(free_kib)
	i=$((i + 1))
	load || bad=$((bad + 1))
	[ -e /dev/avmm ] || bad=$((bad + 1))
	if [ $((i % 5)) = 0 ]; then "$here/one_guest" --run || bad=$((bad + 1)); fi
	rmmod avmm || bad=$((bad + 1))
done
ok $bad "loaded and unloaded $rounds times"
after=$(free_kib)
# A page of each CPU's left at each load would be 800 KiB.
[ $((before - after)) -lt 4000 ]; ok $? "no memory is left behind: $before KiB free, then $after"

# What the kernel does with EL2 itself must work as before: CPUs go through the stub when they come
# on.
cpu=/sys/devices/system/cpu/cpu1/online
plug() { { echo "$1" >$cpu; } 2>/dev/null && [ "$(cat $cpu)" = "$1" ]; }
if [ -e $cpu ]; then
	plug 0; ok $? "a CPU goes off without the module"
	load; ok $? "the module loads with a CPU off"
	plug 1; ok $? "the CPU comes on with it"
	"$here/one_guest" --run; ok $? "guests run"
	rmmod avmm; ok $? "the module goes"
	plug 0 && plug 1; ok $? "the CPU goes off and on again"
fi
load; ok $? "the module loads for the last time"
"$here/one_guest" --run; ok $? "guests run"
echo "1..$n"
exit $failed
