#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest under load moves from one host to another and back: "lab/host --peer --disk 24" runs this in both, also with
# different hypervisors. Host 1 has the plan; host 2 fails by its status.
#
#   migrate_peer.sh [OPTION]...		options of "avmm migrate"
#
# With CUT in the environment the network breaks on a first attempt.
here=$(cd "$(dirname "$0")" && pwd)
export MIGRATE="$*"
set --
[ -e /dev/avmm ] || set -- /dev/kvm
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
me=$(hostname) CUT=${CUT:-}
modprobe -a virtio_pci virtio_blk

if [ "$me" = host1 ]; then
	check "$me: a guest starts" load a --disk /dev/vda
	check "$me: its load runs" works a
	if [ -n "$CUT" ]; then
		check "$me: host2 waits" meet 4
		avmm migrate a tcp:10.1.0.2:4444 --bandwidth 1M >$tmp/migrate 2>&1 &
		moving=$!
		check "$me: the guest is on its way" until_true 60 sent_some a
		check "$me: host2 is told, and its network breaks" meet 5
		wait $moving
		check "$me: that is an error" [ $? = 1 ]
		check "$me: which it says" grep 'the destination is gone' $tmp/migrate
		check "$me: the guest goes on" works a
		check "$me: nothing is wrong with it" fine a
	fi
	check "$me: host2 is ready" meet 1
	send a 10.1.0.2
	waits b 10.1.0.1
	check "$me: host2 has the guest" meet 2
	check "$me: host2 has sent it back" meet 3
	take b
	stop_vm b
else
	if [ -n "$CUT" ]; then
		waits a 10.1.0.2
		check "$me: host1 is ready" meet 4
		check "$me: the guest comes" meet 5
		ifconfig eth0 down
		check "$me: its source is missed" until_true 240 gone a
		check "$me: and nothing of it has run" sh -c "! grep -a steady: $tmp/a"
		ifconfig eth0 up
	fi
	waits a 10.1.0.2
	check "$me: host1 is ready" meet 1
	take a
	check "$me: host1 waits" meet 2
	send a 10.1.0.1
	check "$me: host1 is told" meet 3
fi
done_testing
