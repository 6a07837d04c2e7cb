#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What happens to a guest, its clients are told: pauses, resets, a disk that changes its size or fails, a device that goes,
# the power key, its end. And the guest sees what it is to see of that.
#
#   events.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

# In a file system that is too small for it, and where the guest finds out how far it is.
mkdir -p $tmp/small
mount -t tmpfs -o size=1M tmpfs $tmp/small
truncate -s 8M $tmp/small/full.img
dd if=/dev/zero of=$tmp/data.img bs=1M count=1 2>/dev/null
printf 1 | dd of=$tmp/data.img conv=notrunc 2>/dev/null
cp $tmp/data.img $tmp/late.img
modprobe tun
ip tuntap add tap0 mode tap 2>/dev/null || tunctl -t tap0 >/dev/null
ip link set tap0 up

# shellcheck disable=SC2016 # for the guest to expand
guest ev 1 192 "$(drivers virtio_blk virtio_net)"'
	next() { printf $1 | dd of=/dev/vda conv=notrunc bs=1 2>/dev/null; sync; }
	stage=$(head -c 1 /dev/vda); echo "stage $stage"
	case $stage in
	1)	until [ "$(cat /sys/block/vda/size)" = 4096 ]; do sleep 0.2; done; echo "size: changed"
		ip link set eth0 up
		until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ]; do sleep 0.2; done; echo "cable: out"
		until [ "$(cat /sys/class/net/eth0/carrier)" = 1 ]; do sleep 0.2; done; echo "cable: in"
		until [ -e /sys/block/vdc/size ]; do sleep 0.2; done; echo "disk: there"
		while [ -e /sys/block/vdc ]; do sleep 0.2; done; echo "disk: gone"
		dd if=/dev/zero of=/dev/vdb bs=64k oflag=direct 2>/dev/null; echo "full: $?"
		next 2; echo "waits for a reset"; sleep 1000 ;;
	2)	next 3; reboot -f; sleep 1000 ;;
	3)	'"$POWER_KEY"' ;;
	esac' --disk $tmp/data.img --disk $tmp/small/full.img --net tap=tap0
ev=$pid
up ev
listen ev
check 'pause' avmm pause ev
check 'STOP' until_true 30 event ev STOP
check 'resume' avmm resume ev
check 'RESUME' until_true 30 event ev RESUME
check 'the guest is at its first stage' until_true 120 says ev 'stage 1'
check 'its disk grows' avmm qmp ev block_resize '{"device": "disk0", "size": 2097152}'
check 'the guest sees it' until_true 60 says ev 'size: changed'
check 'the file, too, has grown' [ "$(stat -c %s $tmp/data.img)" = 2097152 ]
check 'its cable is pulled' avmm qmp ev set_link '{"name": "net0", "up": false}'
check 'the guest sees it' until_true 60 says ev 'cable: out'
check 'and put in again' avmm qmp ev set_link '{"name": "net0", "up": true}'
check 'the guest sees it' until_true 60 says ev 'cable: in'
check 'there is no such card' sh -c "avmm qmp ev set_link '{\"name\": \"net7\", \"up\": true}' 2>&1 | grep \"no virtio-net 'net7'\""
check 'a disk comes' avmm device add ev disk path=$tmp/late.img,id=late
check 'the guest sees it' until_true 60 says ev 'disk: there'
check 'and is to go' avmm device remove --timeout 120 ev late
check 'DEVICE_DELETED' until_true 30 event ev DEVICE_DELETED '"device":"late"'
check 'the guest saw it go' until_true 60 says ev 'disk: gone'
check 'a write that the host has no room for fails' until_true 120 says ev 'full: 1'
check 'BLOCK_IO_ERROR' until_true 30 event ev BLOCK_IO_ERROR '"device":"disk1"' '"operation":"write"' '"nospace":true'
check 'the guest goes on' until_true 60 says ev 'waits for a reset'
check 'reset' avmm reset ev
check 'RESET by us' until_true 30 event ev RESET '"guest":false' '"reason":"host-qmp-system-reset"'
check 'the guest starts again, and resets itself' until_true 180 says ev 'stage 2'
check 'RESET by the guest' until_true 60 event ev RESET '"guest":true' '"reason":"guest-reset"'
check 'the guest waits for its power key' until_true 180 says ev 'powerkey: ready'
check 'which is pressed' avmm qmp ev system_powerdown
check 'POWERDOWN' until_true 30 event ev POWERDOWN
check 'the guest sees it, and comes to its end' ended ev "$ev"
check 'SHUTDOWN by the guest' event ev SHUTDOWN '"guest":true' '"reason":"guest-shutdown"'
umount $tmp/small

guest ev 1 192 'sleep 1000'
up ev
listen ev
check 'a guest is told to quit' avmm stop --force ev
wait "$pid"
check 'SHUTDOWN by us' event ev SHUTDOWN '"guest":false' '"reason":"host-qmp-quit"'
done_testing
