#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# UEFI (edk2) in a guest of Debian's QEMU: read-only memory that is executed, flash that is written, ACPI instead of a
# device tree.
#
#   qemu_uefi.sh PART...    bios pflash
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=qemu_lib.sh
. "$here/qemu_lib.sh"
need_qemu
MACHINE=virt
CPUS=2

# The kernel comes from QEMU's fw_cfg; "quiet" keeps its EFI stub silent, but /sys shows who started it.
boot() {
	how=$1
	shift
	# shellcheck disable=SC2016 # for the guest
	check "$how: QEMU starts" qemu uefi 'ls /sys/firmware/efi; ls /sys/firmware/acpi/tables; nproc
		grep -e "timer" -e uart /proc/interrupts' "$@"
	check "$how: the firmware runs" says uefi 'UEFI firmware' 200
	check "$how: the guest is up" says uefi '^guest: up on 2 cpus' 200
	check "$how: and powers off" done_well uefi
	check "$how: it has EFI variables and ACPI tables" sh -c "grep -q efivars $tmp/uefi && grep -q GTDT $tmp/uefi"
}

part_bios() { boot bios -bios /usr/share/qemu-efi-aarch64/QEMU_EFI.fd; }

part_pflash() {
	cp /usr/share/AAVMF/AAVMF_VARS.fd $tmp/vars
	set -- -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd \
		-drive if=pflash,format=raw,unit=1,file=$tmp/vars
	boot pflash "$@"
	check 'the firmware has written its variables' sh -c "! cmp -s $tmp/vars /usr/share/AAVMF/AAVMF_VARS.fd"
	boot 'with its own variables' "$@"
}

for part; do
	echo "# $part"
	"part_$part"
done
done_testing
