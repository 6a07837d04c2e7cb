#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# UEFI in a guest of ours: Debian's EDK2 for QEMU starts Linux from a disk, and keeps its variables. Wants the lab's
# programs, for the firmware.
#
#   vmm_uefi.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
DEVICE="${1:-/dev/avmm}"
code=/usr/share/qemu-efi-aarch64/QEMU_EFI.fd

# The firmware's shell looks for this file.
run=$(printf %s 'ls /sys/firmware/efi; cat /proc/device-tree/model; echo' | base64 | tr -d '\n')
printf 'fs0:\r\nIMAGE console=ttyAMA0 initrd=\\INITRD.GZ avmm.run=%s\r\n' "$run" >$tmp/startup.nsh
check 'a disk to start from' "$here/esp" $tmp/esp STARTUP.NSH=$tmp/startup.nsh IMAGE=/guest/Image \
	INITRD.GZ=/guest/initrd.cpio.gz
dd if=/dev/zero of=$tmp/vars bs=64k count=16 2>/dev/null

uefi() {
	timeout 300 avmm run --device "$DEVICE" --firmware $code --vars $tmp/vars --disk path=$tmp/esp \
		--cpus 2 --memory 512M </dev/null >$tmp/uefi 2>&1
}
says() { tr -d '\r' <$tmp/uefi | grep -a -q -E "$1" || { tail -n 20 $tmp/uefi; return 1; }; }

check 'the guest comes to its end' uefi
check 'the firmware has run' says 'UEFI firmware|EFI .*by EDK II|Press ESC'
check 'Linux has done its work' says '^guest: exit 0'
check 'it has EFI variables' says efivars
check 'and a device tree' says 'AVMM virtual machine'
check 'the firmware has formatted its variables' grep -a -q _FVH $tmp/vars
cp $tmp/vars $tmp/vars.first
check 'once more, with what it wrote' uefi
check 'Linux has done its work again' says '^guest: exit 0'

expect=''
refused() {
	! "$@" >$tmp/refusal 2>&1 </dev/null && cat $tmp/refusal && grep -q "$expect" $tmp/refusal
}
dd if=/dev/zero of=$tmp/odd bs=1000 count=1 2>/dev/null
expect='units of 256 KiB' check 'a file of an odd size for variables is refused' \
	refused avmm run --device "$DEVICE" --firmware $code --vars $tmp/odd
expect='units of 4 KiB' check 'and one for firmware' refused avmm run --device "$DEVICE" --firmware $tmp/odd
expect='No such file' check 'firmware that is not there' refused avmm run --device "$DEVICE" --firmware /no
done_testing
