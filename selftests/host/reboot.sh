#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The host reboots and powers off with guests in it. Which boot this is, and how many tests were done, is on a disk.
# What is printed before a step that fails for good is never followed by a plan, and that is a failure too.
here=$(cd "$(dirname "$0")" && pwd)
modprobe -a virtio_pci virtio_blk
# shellcheck disable=SC2046 # two numbers, or none
set -- $(tr -d '\0' </dev/vda | head -n 1)
boot=${1:-0}
TAP_DONE=${2:-0}
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
next() { echo "$((boot + 1)) $n" | dd of=/dev/vda bs=512 conv=sync,fsync 2>/dev/null; drain; }

# Each boot has run a guest before and has one running.
check "boot $boot: the module is loaded" grep -q '^avmm ' /proc/modules
check "boot $boot: guests run" "$here/../one_guest" --run
guest busy 1 192 'while :; do :; done'
check "boot $boot: a guest is up" up busy
case $boot in
0)
	next
	reboot -f
	;;
1)
	# What an init does: ask, wait, kill, reboot.
	kill -TERM $pid
	rc=0
	wait $pid || rc=$?
	echo "# the VMM ended with status $rc on SIGTERM"
	check 'the VMM heeded SIGTERM' [ $rc = 143 ]
	next
	reboot -f
	;;
2)
	# The lab hears of the end from the host's first process, which will not live to tell it.
	echo "1..$n"
	drain
	echo "exit $bad" >/dev/ttyS2
	stty -F /dev/ttyS2 raw
	poweroff -f
	;;
esac
sleep 30
echo "not ok $((n + 1)) the host goes down"
echo 'exit 1' >/dev/ttyS2
