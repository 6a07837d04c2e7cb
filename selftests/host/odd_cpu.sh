#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A CPU that is not like the others: the module refuses the machine, and takes it without that CPU;
# a CPU that comes on later and differs stays off. Needs VHE, lab/host --no-module.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
cpu1=/sys/devices/system/cpu/cpu1/online
freq=/sys/module/odd_cpu/parameters/cntfrq
if ! insmod "$here/../odd_cpu.ko" 2>/dev/null; then echo '1..0 # SKIP this kernel does not take odd_cpu.ko'; exit 4; fi

load() { insmod "$here/../avmm.ko"; }
# odd CPU HZ
odd() { taskset -c "$1" sh -c "echo $2 >$freq"; }
# refused ERE COMMAND...: it fails, and one kind of line in the log says so
refused() {
	ere=$1
	shift
	dmesg -c >/dev/null
	! "$@" || return 1
	lines=$(dmesg | sed -n 's/.*avmm: refused: //p' | sort -u)
	echo "$lines"
	[ "$(echo "$lines" | grep -c .)" = 1 ] && echo "$lines" | grep -q -E "$ere"
}
load_einval() {
	said=$(load 2>&1) && return
	echo "$said"
	case $said in *'nvalid '*) return 1 ;; esac
}
hz=$(cat $freq)

check 'CPU 1 gets another counter frequency' odd 1 $((hz / 2))
check 'the module is refused for it, EINVAL' refused 'CPU 1 differs' load_einval
check 'there is no device' [ ! -e /dev/avmm ]
check 'CPU 1 goes off' sh -c "echo 0 >$cpu1"
check 'the module loads' load
check 'guests run' "$here/../one_guest" --run
check 'CPU 1, as new after its reset, comes on' sh -c "echo 1 >$cpu1"
check 'guests run on it' taskset -c 1 "$here/../one_guest" --run
check 'the module goes' rmmod avmm

check 'CPU 1 goes off again' sh -c "echo 0 >$cpu1"
check 'CPU 0 gets another counter frequency' odd 0 $((hz / 2))
check 'the module loads' load
check 'CPU 1 may not come on' refused 'CPU 1 differs' sh -c "echo 1 >$cpu1"
check 'and is off' grep -q 0 $cpu1
check 'guests run' "$here/../one_guest" --run
check 'the module goes' rmmod avmm
check 'now CPU 1 may come on' sh -c "echo 1 >$cpu1"
check 'CPU 0 is as it was' odd 0 "$hz"
check 'the module loads' load
check 'guests run' "$here/../one_guest" --run
done_testing
