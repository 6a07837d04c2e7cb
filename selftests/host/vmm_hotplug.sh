#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Disks that come and go while a Linux guest runs: plugged in, used, asked for and let go, and again; the guest is saved
# and restored meanwhile.
#
#   vmm_hotplug.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
export DEVICE="${1:-/dev/avmm}"

dd if=/dev/zero bs=1M count=8 2>/dev/null | tr '\0' h >$tmp/hot.img
cp $tmp/hot.img $tmp/other.img
says() { until_true 120 grep -q "$1" $tmp/hot; }
expect=''
refused() {
	! "$@" 2>$tmp/refusal && cat $tmp/refusal && grep -q "$expect" $tmp/refusal
}

# What the guest does with each disk that comes.
# shellcheck disable=SC2016 # for the guest to expand
guest hot 2 192 'modprobe -a virtio_pci virtio_blk
	echo ready
	for turn in 1 2 3; do
		until [ -e /sys/block/vda/size ]; do sleep 0.2; done
		echo "turn $turn: $(cat /sys/block/vda/serial) $(dd if=/dev/vda bs=1M 2>/dev/null | tr -d h | wc -c)"
		n=0; while [ -e /sys/block/vda ]; do n=$((n + 1)); echo "turn $turn: $n"; sleep 0.2; done
		echo "turn $turn: gone"
	done' --disk $tmp/hot.img,serial=zeroth,port=2,id=start
check 'the guest is ready' says '^ready'
check 'it reads a disk that was there from the start' says '^turn 1: zeroth 0'
expect='port 2 has a device' check 'no other can have its port' \
	refused avmm device add hot disk path=$tmp/other.img,port=2
expect='no port 5' check 'nor one that is not there' refused avmm device add hot disk path=$tmp/other.img,port=5
check 'as it is behind a port, it can be removed' avmm device remove --timeout 120 hot start
check 'the guest has let it go' says '^turn 1: gone'
check 'a disk is plugged in' sh -c "[ \"\$(avmm device add hot disk path=$tmp/hot.img,serial=first)\" = disk0 ]"
check 'the guest reads all of it' says '^turn 2: first 0'
expect='two devices with the id' check 'another one with its id is refused' \
	refused avmm device add hot disk path=$tmp/other.img,id=disk0
expect='there is no device' check 'one that is not there cannot be removed' refused avmm device remove hot disk7
expect='not behind a port' check 'nor one that has no port' refused avmm device remove hot rng0
check 'it is saved with that disk' avmm save hot $tmp/hot.save --stop
check 'and ends' until_true 60 sh -c "! kill -0 $pid"
mv $tmp/hot $tmp/before
avmm restore $tmp/hot.save --name hot --device "$DEVICE" </dev/null >$tmp/hot 2>&1 &
pid=$!
check 'restored it goes on with the disk' says '^turn 2: [1-9]'
check 'the disk is removed' avmm device remove --timeout 120 hot disk0
check 'the guest has let it go' says '^turn 2: gone'
check 'it comes again, with another name' avmm device add hot disk path=$tmp/hot.img,serial=second,id=again
check 'the guest reads it again' says '^turn 3: second 0'
check 'and goes' avmm device remove --timeout 120 hot again
check 'the guest comes to its end' ended hot "$pid"
done_testing
