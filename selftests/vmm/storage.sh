#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A qcow2 image, served by qemu-storage-daemon over vhost-user (lab/host --programs vmm); and the daemon killed and
# started again under a guest that writes.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
command -v qemu-storage-daemon >/dev/null || { echo '1..0 # SKIP no qemu-storage-daemon here'; exit 4; }

dd if=/dev/urandom of=$tmp/raw bs=1M count=16 2>/dev/null
qemu-img convert -O qcow2 $tmp/raw $tmp/qcow2 || exit 1
daemon() {
	qemu-storage-daemon --blockdev driver=file,node-name=file,filename=$tmp/qcow2 \
		--blockdev driver=qcow2,node-name=disk,file=file,discard=unmap \
		--export type=vhost-user-blk,id=e,node-name=disk,writable=on,num-queues=2,addr.type=unix,addr.path=$tmp/vu.sock \
		>$tmp/qsd 2>&1 &
	qsd=$!
	until_true 60 listens $tmp/vu.sock
}
check 'qemu-storage-daemon listens' daemon
# shellcheck disable=SC2016 # for the guest to expand
guest store 1 192 "$(drivers virtio_blk ext4)"'
	echo "sum: $(md5sum </dev/vda)"
	echo "size: $(cat /sys/block/vda/size)"
	i=0; while [ $i -lt 16 ]; do
		dd if=/dev/vda of=/tmp/piece bs=1M skip=$i count=1 2>/dev/null
		tr "\0-\377" "\1-\377\0" </tmp/piece | dd of=/dev/vda bs=1M seek=$i oflag=direct 2>/dev/null
		[ $i != 4 ] || echo writing
		[ $i -lt 4 ] || sleep 0.5
		i=$((i + 1))
	done
	echo "new: $(dd if=/dev/vda bs=1M iflag=direct 2>/dev/null | md5sum)"' --disk vhost-user=$tmp/vu.sock,queues=2
store=$pid
check 'a guest writes to it' until_true 180 said store writing
kill -KILL $qsd
rm -f $tmp/vu.sock
check 'the daemon is killed and comes back' daemon
check 'the guest comes to its end' ended store "$store"
check 'it read what is in the image' says store "sum: $(md5sum <$tmp/raw)"
check 'the disk has the size of the image' says store 'size: 32768'
check 'the VMM says what happened' sh -c "grep -q 'waiting for it to come back' $tmp/store && grep -q 'is back' $tmp/store"
kill $qsd; wait $qsd 2>/dev/null
new=$(tr '\0-\377' '\1-\377\0' <$tmp/raw | md5sum)
check 'what it wrote, it reads' says store "new: $new"
check 'and it is in the image' sh -c "qemu-img convert -O raw $tmp/qcow2 $tmp/raw2 && [ '$new' = \"\$(md5sum <$tmp/raw2)\" ]"
check 'nobody listens' refused 'cannot connect' --disk vhost-user=$tmp/vu.sock
done_testing
