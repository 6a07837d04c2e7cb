#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian with systemd as the guest, from a disk, twice: what it wrote before a reboot and before it was switched off by
# the power key is there after that. Runs in a host of "lab/host --debian --guest".
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

modprobe -a virtio_pci virtio_blk
disk=$(grep -l -x debian /sys/block/vd*/serial | cut -d / -f 4)
[ -n "$disk" ] || { echo '1..0 # SKIP no disk with Debian on it here'; exit 4; }

# debian NAME COMMAND: it boots, and the command is a unit of its systemd
debian() {
	run=$(printf %s "$2" | base64 | tr -d '\n')
	avmm run --name "$1" --device "$DEVICE" --kernel /guest/Image --initrd /guest/initrd.cpio.gz --cpus 2 \
		--memory 384M --disk "/dev/$disk,discard=on" \
		--append "console=ttyAMA0 quiet systemd.show_status=0 root=/dev/vda avmm.run=$run" \
		</dev/null >"$tmp/$1" 2>&1 &
	pid=$!
}

# shellcheck disable=SC2016 # for the guest to expand
debian first '
	if [ -e /var/big ]; then
		echo "after the reboot: $(cd /var && md5sum -c big.md5)"
		touch /var/before-power-key
		echo ready
		sleep 600
	fi
	echo "pid 1: $(cat /proc/1/comm)"
	echo "failed: $(systemctl --failed --plain --no-legend | grep -v usr-lib-modules | wc -l)"
	echo "journal: $(journalctl -b -q -o cat _PID=1 | grep -c Reached)"
	dd if=/dev/urandom of=/var/big bs=1M count=32 2>/dev/null
	(cd /var && md5sum big >big.md5)
	systemctl reboot
	sleep 600'
first=$pid
check 'the guest is up' up first
check 'systemd is its first process' until_true 900 says first 'pid 1: systemd'
check 'all its units started' until_true 60 says first 'failed: 0'
check 'it reboots, and its files are as they were' until_true 900 says first 'after the reboot: big: OK'
until_true 30 says first ready
check 'the power key is pressed' avmm stop --timeout 200 first
rc=0
wait "$first" || rc=$?
check 'systemd switched it off' [ $rc = 0 ]
# shellcheck disable=SC2016 # for the guest to expand
debian second 'cd /var && md5sum -c big.md5; ls before-power-key; rm big'
check 'it boots again and powers itself off' ended second "$pid"
check 'with its files as they were' says second 'big: OK'
check 'the last one, too' says second before-power-key
tail -n 5 $tmp/first
done_testing
