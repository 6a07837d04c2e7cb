#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The host sleeps while a guest works: suspend to idle with a wake-up by the clock, and hibernation to a disk, from which
# the next boot resumes, with the module loaded in the kernel that goes, in the one that reads the image, and in the
# image. The host needs --disk 512 --reboot.
# QEMU's firmware has no SYSTEM_SUSPEND and its machine no idle states, so suspend to RAM and cpuidle are not here.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

modprobe -a virtio_pci virtio_blk
# swsusp's signature, in place of the swap's
if [ "$(dd if=/dev/vda bs=1 skip=4086 count=9 2>/dev/null)" = S1SUSPEND ]; then
	"$here/../one_guest" --run
	cat /sys/block/vda/dev >/sys/power/resume
	# Still here: it would not.
	echo 'not ok 99 the next boot resumes from the image'
	exit 1
fi

# Work with a result that is known: a wrong digest, or a guest that stands still, is seen.
work='for i in 1 2 3 4 5 6; do dd if=/dev/zero bs=1M count=16 2>/dev/null | md5sum; sleep 1; done | sort -u'
sum='2c7ab85a893283e98c931e9511add182  -'
slept() { dmesg | grep -c 'PM: suspend exit\|PM: hibernation: hibernation exit'; }
idle() { echo "+$1" >/sys/class/rtc/rtc0/wakealarm && echo freeze >/sys/power/state; }

guest work 1 192 "$work"
check 'a guest is up' up work

before=$(slept)
modes=$(cat /sys/power/state)
echo "# the host offers: $modes; cpuidle driver: $(cat /sys/devices/system/cpu/cpuidle/current_driver 2>/dev/null)"
for i in 1 2; do
	check "suspend to idle, $i" idle 2
	check 'guests run afterwards' "$here/../one_guest" --run
done

# As far as the other CPUs being off and the last one having told the module that it loses power, and back.
echo core >/sys/power/pm_test
check 'hibernation as far as the core' sh -c 'echo disk >/sys/power/state'
check 'guests run afterwards' "$here/../one_guest" --run
echo none >/sys/power/pm_test

mkswap /dev/vda >/dev/null
check 'there is swap' swapon /dev/vda
echo reboot >/sys/power/disk
check 'hibernation, and resume in another boot' sh -c 'echo disk >/sys/power/state'
check 'guests run afterwards' "$here/../one_guest" --run
check 'the host slept each time' [ $(($(slept) - before)) -ge 4 ]
check 'the guest came to its end' ended work $pid
check 'its work is right' [ "$(tr -d '\r' <$tmp/work | grep -c '^[0-9a-f]\{32\}  -')" = 1 ]
check 'its digest is right' grep -q "^$sum" $tmp/work
done_testing
