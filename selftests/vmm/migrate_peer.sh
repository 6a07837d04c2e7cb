#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest under load moves from one host to another and back: "lab/host --peer" runs this in both, also with different
# hypervisors. Host 1 has the plan; host 2 fails by its status.
#
#   migrate_peer.sh [OPTION]...		options of "avmm migrate"
here=$(cd "$(dirname "$0")" && pwd)
options="$*"
set --
[ -e /dev/avmm ] || set -- /dev/kvm
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
me=$(hostname)
# The hosts have nothing in common but the network: files are in the guest's memory.
DISK="mount -t tmpfs tmpfs /mnt"

# send NAME ADDRESS: the guest goes, its process ends.
send() {
	# shellcheck disable=SC2086 # options
	check "$me: the guest goes to $2" avmm migrate "$1" "tcp:$2:4444" $options
	sed -n 's/^[0-9]/# &/p' $tmp/check
	check "$me: what it left has ended" until_true 60 gone "$1"
	[ $bad = 0 ] || done_testing
}
# take NAME: the guest that comes goes on, and nothing is wrong with it.
take() {
	check "$me: the guest goes on" works "$1"
	sleep 3
	check "$me: nothing is wrong with it" fine "$1"
	[ $bad = 0 ] || done_testing
}

if [ "$me" = host1 ]; then
	check "$me: a guest starts" load a
	check "$me: its load runs" works a
	check "$me: host2 is ready" meet 1
	send a 10.1.0.2
	comes b "run --name b $VM --incoming tcp:10.1.0.1:4444"
	check "$me: host2 has the guest" meet 2
	check "$me: host2 has sent it back" meet 3
	take b
	stop_vm b
else
	comes a "run --name a $VM --incoming tcp:10.1.0.2:4444"
	check "$me: host1 is ready" meet 1

	take a
	check "$me: host1 waits" meet 2
	send a 10.1.0.1
	check "$me: host1 is told" meet 3
fi
done_testing
