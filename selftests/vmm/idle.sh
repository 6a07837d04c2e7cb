#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest that does nothing costs nothing: none of the VMM's own threads wakes up.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

modprobe tun
ip tuntap add tap9 mode tap 2>/dev/null || tunctl -t tap9 >/dev/null
truncate -s 8M $tmp/idle.img
# shellcheck disable=SC2016 # for the guest to expand
guest idle 1 192 "$(drivers virtio_blk virtio_net virtio_console virtio_balloon virtio_rng)"'
	dd if=/dev/vda of=/dev/null 2>/dev/null
	echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
	echo ready; sleep 100000' --disk $tmp/idle.img --net tap=tap9 --console unix=$tmp/idle.sock --balloon --rng on
idle=$pid
check 'a guest with one device of each kind is up' until_true 120 said idle ready

# How often threads other than vCPUs have been put to sleep, which is once for each time they woke up
woken() {
	for t in /proc/"$idle"/task/*; do
		case $(cat "$t/comm") in vcpu*) ;; *) sed -n 's/^voluntary_ctxt_switches:\t//p' "$t/status" ;; esac
	done | awk '{ n += $1 } END { print n }'
}
# The guest may have something to do at first.
quiet() {
	before=$(woken)
	sleep 10
	after=$(woken)
	echo "woken $((after - before)) times in 10 seconds"
	[ "$after" = "$before" ]
}
check 'then nothing of the VMM wakes up for 10 seconds' until_true 180 quiet
kill "$idle"
done_testing
