#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The host sleeps while a guest works: suspend to idle with a wake-up by the clock, and hibernation, whose image is
# read back at once (test_resume), so that the CPUs go off and EL2 is lost or handed over as it would be with the power off.
# QEMU's firmware has no SYSTEM_SUSPEND and its machine no idle states, so suspend to RAM and cpuidle are not here.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

# Work with a result that is known: a wrong digest, or a guest that stands still, is seen.
work='for i in 1 2 3 4 5 6; do dd if=/dev/zero bs=1M count=16 2>/dev/null | md5sum; sleep 1; done | sort -u'
sum='2c7ab85a893283e98c931e9511add182  -'
# asleep_and_back COMMAND...: it sleeps, and runs guests afterwards.
slept() { dmesg | grep -c 'PM: suspend exit\|PM: hibernation: hibernation exit'; }
working() { alive "$pid" && ! grep -q '^guest: exit' $tmp/work; }

guest work 2 128 "$work"
check 'a guest is up' up work

before=$(slept)
modes=$(cat /sys/power/state)
echo "# the host offers: $modes; cpuidle driver: $(cat /sys/devices/system/cpu/cpuidle/current_driver 2>/dev/null)"
for i in 1 2; do
	check "suspend to idle, $i" rtcwake -m freeze -s 2
	check 'guests run afterwards' "$here/../one_guest" --run
done

# Each step of going off, without being off: with "core" the other CPUs are off and the last one has told the module
# that it loses power.
for level in freezer devices platform processors core; do
	echo $level >/sys/power/pm_test
	check "hibernation as far as $level" sh -c 'echo disk >/sys/power/state'
	check 'guests run afterwards' "$here/../one_guest" --run
done
echo none >/sys/power/pm_test

modprobe zram
echo 600M >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
if swapon /dev/zram0 && grep -q test_resume /sys/power/disk; then
	echo test_resume >/sys/power/disk
	check 'hibernation, and resume from the image' sh -c 'echo disk >/sys/power/state'
	check 'guests run afterwards' "$here/../one_guest" --run
else
	skip 'hibernation, and resume from the image' 'the kernel has no test_resume'
fi
check 'the host slept each time' [ $(($(slept) - before)) -ge 3 ]
check 'the guest came to its end' ended work $pid
check 'its work is right' [ "$(tr -d '\r' <$tmp/work | grep -c '^[0-9a-f]\{32\}  -')" = 1 ] 
check 'its digest is right' grep -q "^$sum" $tmp/work
done_testing
