#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module comes and goes: a hundred times, with a guest run in between; not while it is in use;
# and the machine is afterwards as it was.
#
#   module_reload.sh [ROUNDS]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/host/tap.sh"
rounds=${1:-100}
export AVMM_DEVICE=/dev/avmm

loaded() { grep -q '^avmm ' /proc/modules; }
load() { insmod "$here/avmm.ko"; }
runs() { "$here/one_guest" --run; }
# It is kept by what is open, and says so.
kept() {
	said=$(rmmod avmm 2>&1)
	echo "$said"
	case $said in
	*'temporarily unavailable'* | *'in use'*) loaded ;;
	*) return 1 ;;
	esac
}
# reload N: N times
reload() {
	i=0
	while [ $i -lt "$1" ]; do
		i=$((i + 1))
		load && [ -e /dev/avmm ] || return 1
		[ $((i % 5)) != 0 ] || runs || return 1
		rmmod avmm && [ ! -e /dev/avmm ] || return 1
	done
}

echo "TAP version 13"
if [ ! -e "$here/avmm.ko" ]; then
	echo "1..0 # SKIP there is no avmm.ko"
	exit 4
fi
loaded || load

# Held by an open device, by a VM alone, and by a vCPU alone.
for what in device vm vcpu; do
	"$here/one_guest" --hold "$what" >$tmp/hold &
	pid=$!
	check "a $what is open" until_true 60 grep -q holding $tmp/hold
	check "a $what that is open keeps the module" kept
	check "and it runs guests" runs
	kill $pid
	wait $pid 2>/dev/null
done

# What a process has open is let go of a little after its end.
check "with nothing open it goes" until_true 60 rmmod avmm
check "it is gone" eval '! loaded'
check "so is its device" [ ! -e /dev/avmm ]

# The first rounds fill caches that stay; those still grow by some 100 KiB afterwards. Another page
# lost at each of a hundred loads would be 400 KiB.
check "loaded and unloaded 20 times" reload 20
settle
before=$(free_kib)
check "and $rounds times" reload "$rounds"
slack=$((2 * rounds + 100))
check_memory "no memory is left behind" "$before" $slack
echo "# $before KiB were free, now $(free_kib)"

# What the kernel does with EL2 itself must work as before: CPUs go through the stub when they come
# on.
cpu=/sys/devices/system/cpu/cpu1/online
plug() { echo "$1" >$cpu && [ "$(cat $cpu)" = "$1" ]; }
if [ -e $cpu ]; then
	check "a CPU goes off without the module" plug 0
	check "the module loads with a CPU off" load
	check "the CPU comes on with it" plug 1
	check "guests run" runs
	check "the module goes" rmmod avmm
	check "the CPU goes off" plug 0
	check "and on again" plug 1
fi
check "the module loads for the last time" load
check "guests run" runs
done_testing
