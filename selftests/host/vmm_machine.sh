#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The VMM's machine as Linux sees it: virtio over PCI and over MMIO, and all of it again after a reset.
#
#   vmm_machine.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
export DEVICE="${1:-/dev/avmm}"

# Entropy comes, and by interrupts of the kind that the host can give.
# shellcheck disable=SC2016 # for the guest to expand
entropy='modprobe -a virtio_pci virtio_mmio virtio_rng
	n=$(dd if=/dev/hwrng bs=64 count=4 2>/dev/null | od -v -t x1 | cut -d " " -f 2- | tr " " "\n" | sort -u | wc -l)
	[ $n -gt 64 ] && echo "entropy is there"
	grep virtio /proc/interrupts | tr -s " "'
says() { tr -d '\r' <"$tmp/$1" | grep -q -E "$2"; }

guest pci 2 192 "$entropy; reboot -f"
twice() { [ "$(grep -c '^entropy is there' $tmp/pci)" -ge 2 ]; }
check 'virtio-rng over PCI, before and after a reset' until_true 240 twice
check 'its interrupts are MSIs' says pci 'MSI [0-9]+ Edge virtio0-input'
kill -TERM "$pid"
wait "$pid"
OPTIONS='--transport mmio'
guest mmio 1 192 "$entropy"
check 'a guest with virtio over MMIO ends' ended mmio "$pid"
check 'virtio-rng over MMIO' says mmio '^entropy is there'
check 'its interrupt is an SPI' says mmio ' 48 Edge virtio0$'
done_testing
