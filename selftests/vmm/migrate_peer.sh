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
# A disk that is plugged in while the guest runs and goes with it; both hosts have it.
yes plugged | head -c 65536 >$tmp/late.img
sum=$(md5sum <$tmp/late.img)
late=id=late,port=1,readonly=on
# shellcheck disable=SC2016 # for the guest to expand
DISK="$DISK"'
(while :; do [ ! -e /dev/vdb ] || echo "plugged: $(dd if=/dev/vdb iflag=direct bs=64k 2>/dev/null | md5sum)"; sleep 1; done) &'
# reads NAME: the guest's next reading of it is right.
reads() {
	r=$(count "$1" plugged)
	until_true 60 read_again "$1" "$r" && [ "$(grep -a ^plugged: "$tmp/$1" | tail -n 1 | tr -d '\r')" = "plugged: $sum" ]
}
read_again() { [ "$(count "$1" plugged)" -gt $(($2 + 1)) ] || gone "$1"; }

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
	check "$me: a disk is plugged in" avmm device add a disk path=$tmp/late.img,$late
	check "$me: the guest reads it" reads a
	check "$me: host2 is ready" meet 1
	send a 10.1.0.2
	waits b 10.1.0.1 --disk $tmp/late.img,$late
	check "$me: host2 has the guest" meet 2
	check "$me: host2 has sent it back" meet 3
	take b
	check "$me: the guest reads the disk that was plugged in" reads b
	check "$me: which is asked for and let go" avmm device remove --timeout 120 b late
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
	waits a 10.1.0.2 --disk $tmp/late.img,$late
	check "$me: host1 is ready" meet 1
	take a
	check "$me: the guest reads the disk that was plugged in" reads a
	check "$me: host1 waits" meet 2
	send a 10.1.0.1
	check "$me: host1 is told" meet 3
fi
done_testing
