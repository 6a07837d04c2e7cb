#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Disks of guests: read, write, a file system, discard, read-only, serial number, several queues; an image in use; a
# host without room.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

dd if=/dev/urandom of=$tmp/data.img bs=1M count=12 2>/dev/null
truncate -s 24M $tmp/empty.img
mkdir $tmp/small
mount -t tmpfs -o size=4m tmpfs $tmp/small
truncate -s 16M $tmp/small/full.img
sum=$(md5sum <$tmp/data.img)

# vda: data, read-only; vdb: an empty disk; vdc: one that promises more than there is
# shellcheck disable=SC2016 # for the guest to expand
guest disks 2 192 "$(drivers virtio_blk ext4)"'
	echo "sum: $(md5sum </dev/vda)"
	echo "serial: $(cat /sys/block/vda/serial)"
	echo "ro: $(cat /sys/block/vda/ro)$(cat /sys/block/vdb/ro)"
	echo "size: $(cat /sys/block/vdb/size)"
	echo "queues: $(ls /sys/block/vdb/mq | wc -l)"
	dd if=/dev/vda of=/dev/vdb bs=1M oflag=direct 2>/dev/null
	dd if=/dev/vda of=/dev/vdb bs=4k seek=3072 conv=fsync 2>/dev/null
	echo "copy: $(dd if=/dev/vdb bs=1M skip=12 iflag=direct 2>/dev/null | md5sum)"
	blkdiscard -o 0 -l 8388608 /dev/vdb; echo "discard: $?"
	echo "zeros: $(dd if=/dev/vdb bs=1M count=8 iflag=direct 2>/dev/null | tr -d "\0" | wc -c)"
	mke2fs -q /dev/vdb >/dev/null 2>&1
	mount -t ext4 /dev/vdb /mnt && cp /dev/vda /mnt/file && umount /mnt
	mount -t ext4 /dev/vdb /mnt && echo "file: $(md5sum </mnt/file)" && umount /mnt
	blkdiscard /dev/vdb
	dd if=/dev/vda of=/dev/vdc bs=1M oflag=direct 2>/dev/null; echo "full: $?"
	echo "after: $(dd if=/dev/vda bs=1M iflag=direct 2>/dev/null | md5sum)"
	' --disk "$tmp/data.img,readonly=on,serial=serial-number-of-20-" \
	--disk "$tmp/empty.img,discard=on,queues=2" --disk $tmp/small/full.img
disks=$pid
check 'a guest with three disks is up' up disks
check 'another VM may not write to its disk' refused 'in use' --disk $tmp/empty.img
check 'nor to one that it reads' refused 'in use' --disk $tmp/data.img
check 'it does its work' ended disks "$disks"
check 'it reads what is in the file' says disks "sum: $sum"
check 'it sees the serial number' says disks 'serial: serial-number-of-20-'
check 'one disk is read-only' says disks 'ro: 10'
check 'a disk has the size of the file' says disks 'size: 49152'
check 'a disk has the queues asked for' says disks 'queues: 2'
check 'what it wrote, it reads' says disks "copy: $sum"
check 'it may discard' says disks 'discard: 0'
check 'what is discarded reads as zeros' says disks 'zeros: 0'
check 'a file in a file system on it survives' says disks "file: $sum"
check 'what it discarded takes no room on the host' [ "$(du -k $tmp/empty.img | cut -f 1)" -lt 64 ]
check 'a write that the host has no room for fails' says disks 'full: 1'
check 'the VMM says why' grep -q 'cannot write at byte.*No space left' $tmp/disks
check 'and all else goes on' says disks "after: $sum"
umount $tmp/small

check 'a qcow2 file is not taken for a raw one silently' sh -c "
	printf 'QFI\373' | dd of=$tmp/empty.img conv=notrunc 2>/dev/null
	timeout 60 avmm run --device $DEVICE --kernel /guest/Image --memory 64M --disk $tmp/empty.img \
		</dev/null 2>&1 | grep -q 'looks like a qcow2 image'"
check 'a disk that is not there' refused "none.img.*No such file" --disk $tmp/none.img
check 'a folder for a disk' refused "neither a file nor a block device" --disk $tmp,readonly=on
: >$tmp/none.img
check 'an empty disk' refused 'is empty' --disk $tmp/none.img
done_testing
