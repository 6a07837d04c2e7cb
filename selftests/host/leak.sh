#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Many guests, killed at moments of no choice, leave nothing behind: no memory, no reference to the module, no folder
# in debugfs; and the module leaves nothing either.
#
#   leak.sh [GUESTS]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
guests=${1:-50}
if [ ! -e "$here/../avmm.ko" ]; then echo '1..0 # SKIP there is no avmm.ko'; exit 4; fi

load() { insmod "$here/../avmm.ko"; }
unload() { rmmod avmm; }
# Value of KEY in /proc/meminfo, KiB
mem() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo; }
# no_slab TEXT KIB
no_slab() {
	if [ "${AVMM_SLOW:-1}" = 1 ]; then check "$1" [ "$2" -lt 1000 ]; else skip "$1" 'KASAN keeps for long what is freed'; fi
}
# random BELOW
random() { echo $(($(od -A n -t u2 -N 2 /dev/urandom) % $1)); }

# one N: a guest of a kind that depends on the number, killed within a second, most of them.
one() {
	case $(($1 % 5)) in
	0 | 1)
		guest leak 2 192 'while :; do :; done'
		;;
	2)
		"$here/../smp" >/dev/null 2>&1 &
		pid=$!
		;;
	3)
		"$here/../memslots" >/dev/null 2>&1 &
		pid=$!
		;;
	4)
		"$here/../one_guest" --hold vcpu >/dev/null 2>&1 &
		pid=$!
		;;
	esac
	sleep "0.$(random 10)$(random 10)"
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
}

unload
# The first ones fill what is kept for good: slab pages, per-CPU pages, the kernel's own tables.
load
for i in 0 1 2 3 4 5 6 7 8 9; do one $i; done
unload
settle
free0=$(free_kib) slab0=$(mem SUnreclaim)

check 'the module loads' load
for i in 0 1 2 3 4; do one $i; done
settle
free1=$(free_kib) slab1=$(mem SUnreclaim) tables1=$(mem PageTables)
i=0
while [ $i -lt "$guests" ]; do
	one $i
	i=$((i + 1))
done
check_memory 'no memory is left behind by the guests' "$free1" 1000
free2=$(free_kib) slab2=$(mem SUnreclaim) tables2=$(mem PageTables)
echo "# free $free1 KiB, after $guests guests $free2; slab $slab1, $slab2; page tables $tables1, $tables2"
# A guest of these has 128 MiB; what one takes in the kernel for itself (tables, vCPU contexts) is 100 KiB and more.
no_slab 'no slab either' $((slab2 - slab1))
check 'nor page tables' [ $((tables2 - tables1)) -lt 300 ]
check 'nobody holds the module' [ "$(sed -n 's/^avmm [0-9]* \([0-9]*\) .*/\1/p' /proc/modules)" = 0 ]
check 'debugfs has no guests' [ -z "$(find /sys/kernel/debug/avmm -mindepth 1 -type d)" ]
check 'guests run' "$here/../one_guest" --run
check 'the module unloads' unload
check 'debugfs has nothing of it' [ ! -e /sys/kernel/debug/avmm ]
check_memory 'no memory is left behind by the module' "$free0" 1000
free3=$(free_kib) slab3=$(mem SUnreclaim)
echo "# without the module: free $free0 KiB, now $free3; slab $slab0, $slab3"
no_slab 'no slab either' $((slab3 - slab0))
done_testing
