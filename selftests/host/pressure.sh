#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A Linux guest that uses more memory than the host has free: the host swaps the guest's pages out and in, into
# memory of its own that compresses them.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
mem() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo; }

modprobe zram
echo 1G >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
check 'there is swap' swapon /dev/zram0

# The guest's own initrd, and a program more in it.
mkdir -p $tmp/add/bin
cp "$here/fill" $tmp/add/bin/
(cd $tmp/add && echo ./bin/fill | cpio -o -H newc) >$tmp/add.cpio 2>/dev/null
cat /guest/initrd.cpio.gz $tmp/add.cpio >$tmp/initrd

want=$(($(mem MemAvailable) / 1024 + 60))
echo "# the host has $(mem MemAvailable) KiB to give, the guest uses $want MiB"
INITRD=$tmp/initrd guest fill 2 $(((want + 140) / 2 * 2)) "fill $want 2"
check 'the guest comes to its end' ended fill "$pid"
check 'all its pages were right' grep -q '^fill: [0-9]* pages good' $tmp/fill
out=$(sed -n 's/^pswpout //p' /proc/vmstat) in=$(sed -n 's/^pswpin //p' /proc/vmstat)
echo "# pages swapped out $out, in $in"
check 'the host swapped it out and in' [ "$in" -gt 1000 ]
done_testing
