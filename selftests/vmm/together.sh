#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# All at once, in two hosts that "lab/host --peer --disk 24" starts: two guests with disk, network and shared folder, one
# of which downloads from the other; beside them a guest under load of memory, disk and timers is checkpointed ten
# times, killed, restored, cloned three times, and moved to the other host and back. Host 1 has the plan and
# virtiofsd (--programs vmm); host 2 fails by its status.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
me=$(hostname)
modprobe -a virtio_pci virtio_blk

if [ "$me" = host2 ]; then
	waits r 10.1.0.2
	check "$me: host1 is ready" meet 1 2000
	take r
	check "$me: host1 waits" meet 2
	send r 10.1.0.1
	check "$me: host1 is told" meet 3
	done_testing
fi

bridge
mkdir $tmp/shared

# The server has files on its disk, and their sums in the shared folder; the client downloads them to its disk and
# compares. "over" in the folder ends both.
# shellcheck disable=SC2016 # for the guests to expand
both="$(drivers virtio_net virtio_blk virtiofs ext4)"'
	mke2fs -q /dev/vda >/dev/null 2>&1; mount -t ext4 /dev/vda /mnt || echo "BAD disk"
	mkdir /tmp/s; mount -t virtiofs s /tmp/s || echo "BAD folder"
	ip link set eth0 up; i=0'
# shellcheck disable=SC2016
server="$both"'
	ip addr add 10.2.0.2/24 dev eth0; httpd -h /mnt
	until [ -e /tmp/s/over ]; do
		i=$((i + 1))
		dd if=/dev/urandom of=/mnt/$i bs=64k count=16 2>/dev/null; sync
		md5sum </mnt/$i >/tmp/s/new && mv /tmp/s/new /tmp/s/$i
		rm -f /mnt/$((i - 4)) /tmp/s/$((i - 4))
		echo "served: $i"
		until [ -e /tmp/s/got.$i ] || [ -e /tmp/s/over ]; do sleep 0.5; done
	done'
# shellcheck disable=SC2016
client="$both"'
	ip addr add 10.2.0.3/24 dev eth0
	until [ -e /tmp/s/over ]; do
		i=$((i + 1))
		until [ -e /tmp/s/$i ] || [ -e /tmp/s/over ]; do sleep 0.5; done
		[ -e /tmp/s/$i ] || break
		wget -q -O /mnt/$((i % 4)) http://10.2.0.2/$i; sync; echo 1 >/proc/sys/vm/drop_caches
		[ "$(md5sum </mnt/$((i % 4)))" = "$(cat /tmp/s/$i)" ] || echo "BAD file $i"
		: >/tmp/s/got.$i; rm -f /tmp/s/got.$((i - 1))
		echo "downloaded: $i"
	done'
# downloads: the two go on
downloads() {
	seen=$(count client downloaded)
	until_true 200 downloaded $((seen + 2)) && ! grep -a -e BAD -e panic $tmp/server $tmp/client && return
	tail -n 20 $tmp/server $tmp/client
	return 1
}
downloaded() { [ "$(count client downloaded)" -ge "$1" ]; }

truncate -s 24M $tmp/server.img $tmp/client.img $tmp/a.img
guest server 1 192 "$server" --disk $tmp/server.img --net tap=tap1 --share tag=s,path=$tmp/shared
server=$pid
guest client 1 192 "$client" --disk $tmp/client.img --net tap=tap2 --share tag=s,path=$tmp/shared
client=$pid
check "two guests have disk, network and a folder, and one downloads from the other" downloads
check "a guest under load starts beside them" load a --disk $tmp/a.img
check "its load runs" works a
checkpoints a 10
check "it goes on" works a
check "nothing is wrong with it" fine a
check "the other two go on" downloads
stop_vm a

# From here on its disk is one that the other host has, too.
# the copy's name ends with what tells it from those of other checkpoints
check "its disk is put there" dd if="$(echo "$last".disk0.*)" of=/dev/vda bs=1M
sync
comes r "restore $last --name r --disk /dev/vda"
check "it was killed; restored from the tenth checkpoint it goes on" works r
check "nothing is wrong with it" fine r
clones k 3 "$last"
for c in 1 2 3; do
	check "nothing is wrong with clone $c" fine k-$c
done
clones_end k 3

check "$me: host2 is ready" meet 1
send r 10.1.0.2
waits r 10.1.0.1
check "$me: host2 has the guest" meet 2
check "$me: host2 has sent it back" meet 3
take r
stop_vm r
check "the other two go on" downloads
touch $tmp/shared/over
check "the client comes to its end" ended client "$client"
check "so does the server" ended server "$server"
done_testing
