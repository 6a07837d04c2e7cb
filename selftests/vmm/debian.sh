#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian with systemd as the guest, from a disk: what it wrote before a reboot is there after that, and when it was
# switched off by the power key, the host finds all of it on the disk. Runs in a host of "lab/host --debian --guest".
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

modprobe -a virtio_pci virtio_blk ext4
disk=$(grep -l -x debian /sys/block/vd*/serial | cut -d / -f 4)
[ -n "$disk" ] || { echo '1..0 # SKIP no disk with Debian on it here'; exit 4; }

# What takes minutes of a boot here, and nobody uses: caches, a terminal that is not there
mask=
for unit in systemd-hwdb-update ldconfig systemd-journal-catalog-update systemd-journal-flush e2scrub_reap getty@tty1; do
	mask="$mask systemd.mask=$unit.service"
done

# A unit of its systemd, after all others but the prompt of its getty, behind which a line may not begin
# shellcheck disable=SC2016 # for the guest to expand
run='
	line() { printf "\n%s\n" "$*"; }
	if [ -e /var/big ]; then
		line "after the reboot: $(cd /var && md5sum -c big.md5)"
		touch /var/before-power-key
		line ready
		sleep 600
	fi
	line "pid 1: $(cat /proc/1/comm)"
	line "failed: $(systemctl --failed --plain --no-legend | grep -v usr-lib-modules | wc -l)"
	dd if=/dev/urandom of=/var/big bs=1M count=32 2>/dev/null
	(cd /var && md5sum big >big.md5)
	systemctl reboot
	sleep 600'
avmm run --name first --device "$DEVICE" --kernel /guest/Image --initrd /guest/initrd.cpio.gz --cpus 2 \
	--memory 384M --disk "/dev/$disk,discard=on" --append "console=ttyAMA0 quiet systemd.show_status=0 \
	root=/dev/vda$mask avmm.run=$(printf %s "$run" | base64 | tr -d '\n')" </dev/null >"$tmp/first" 2>&1 &
first=$!
check 'the guest is up' up first
check 'systemd is its first process' until_true 900 says first 'pid 1: systemd'
check 'all its units started' until_true 60 says first 'failed: 0'
check 'it reboots, and its files are as they were' until_true 900 says first 'after the reboot: big: OK'
until_true 30 says first ready
check 'the power key is pressed' avmm stop --timeout 200 first
rc=0
wait "$first" || rc=$?
check 'systemd switched it off' [ $rc = 0 ]
mount -t ext4 -o ro "/dev/$disk" /mnt
check 'what it wrote is on the disk' sh -c 'cd /mnt/var && md5sum -c big.md5'
check 'the last file, too' [ -e /mnt/var/before-power-key ]
tail -n 5 $tmp/first
done_testing
