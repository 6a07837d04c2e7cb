#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A Linux guest that uses more memory than the host has free: the host swaps the guest's pages out and in, into
# memory of its own that compresses them.
#
#   pressure.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
export DEVICE="${1:-/dev/avmm}"
mem() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" /proc/meminfo; }

modprobe zram
echo 1G >/sys/block/zram0/disksize
mkswap /dev/zram0 >/dev/null
check 'there is swap' swapon /dev/zram0

# The guest's own initrd, and a program more in it; first, because what follows a compressed archive must be aligned.
mkdir -p $tmp/add/bin
cp "$here/fill" $tmp/add/bin/
(cd $tmp/add && find bin | cpio -o -H newc) >$tmp/add.cpio 2>/dev/null
cat $tmp/add.cpio /guest/initrd.cpio.gz >$tmp/initrd

# A host with less memory than this one has could not boot, so some of it is taken away: ramfs is not swapped.
mkdir -p $tmp/ballast
mount -t ramfs ramfs $tmp/ballast
dd if=/dev/zero of=$tmp/ballast/file bs=1M count=$(($(mem MemAvailable) / 1024 - 110)) 2>/dev/null

# A guest has 75 MiB of its own in use by then; so this is some 50 MiB more than there is.
want=$(($(mem MemAvailable) / 1024 - 25))
echo "# the host has $(mem MemAvailable) KiB to give, the guest fills $want MiB"
INITRD=$tmp/initrd guest fill 1 $(((want + 120) / 2 * 2)) "fill $want 1"
check 'the guest comes to its end' ended fill "$pid"
check 'all its pages were right' grep -q '^fill: [0-9]* pages good' $tmp/fill
out=$(sed -n 's/^pswpout //p' /proc/vmstat) in=$(sed -n 's/^pswpin //p' /proc/vmstat)
echo "# $(cut -d ' ' -f 1 /proc/uptime) s since boot, pages swapped out $out, in $in"
check 'the host swapped it out and in' [ "$in" -gt 1000 ]
done_testing
