#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# For lab/bench: from the start of the VMM until the guest's first process says that it is there, in nanoseconds of the
# host. /proc/uptime counts in units of 10 ms, which is below a hundredth of what is measured.
#
#   boot_time.sh [DEVICE]
now() { awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime; }

began=$(now)
avmm run --device "${1:-/dev/avmm}" --kernel /guest/Image --initrd /guest/initrd.cpio.gz --cpus 1 --memory 192M \
	--append 'console=ttyAMA0 quiet' </dev/null 2>&1 |
	while read -r line; do
		case $line in
		'guest: up'*)
			echo "guest_boot $(($(now) - began))"
			killall -9 avmm
			;;
		esac
	done
