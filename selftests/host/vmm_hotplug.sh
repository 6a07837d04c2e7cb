#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Disks that come and go while a Linux guest runs: plugged in, used, asked for and let go, and again.
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
	for turn in 1 2; do
		until [ -e /sys/block/vda/size ]; do sleep 0.2; done
		echo "turn $turn: $(cat /sys/block/vda/serial) $(dd if=/dev/vda bs=1M 2>/dev/null | tr -d h | wc -c)"
		while [ -e /sys/block/vda ]; do sleep 0.2; done
		echo "turn $turn: gone"
	done'
check 'the guest is ready' says '^ready'
check 'a disk is plugged in' sh -c "[ \"\$(avmm device add hot disk path=$tmp/hot.img,serial=first)\" = disk0 ]"
check 'the guest reads all of it' says '^turn 1: first 0'
expect='two devices with the id' check 'another one with its id is refused' \
	refused avmm device add hot disk path=$tmp/other.img,id=disk0
expect='there is no device' check 'one that is not there cannot be removed' refused avmm device remove hot disk7
expect='from the start' check 'nor one that was there from the start' refused avmm device remove hot rng0
expect='remove it first' check 'nor can it be saved with that disk' refused avmm save hot $tmp/hot.save
check 'it is removed' avmm device remove --timeout 120 hot disk0
check 'the guest has let it go' says '^turn 1: gone'
check 'it comes again, with another name' avmm device add hot disk path=$tmp/hot.img,serial=second,id=again
check 'the guest reads it again' says '^turn 2: second 0'
check 'and goes' avmm device remove --timeout 120 hot again
check 'the guest comes to its end' ended hot "$pid"
done_testing
