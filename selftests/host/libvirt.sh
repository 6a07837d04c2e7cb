#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's libvirt with its QEMU driver on /dev/kvm, as they are: the life of a domain. Runs in a host of "lab/host
# --guest --programs libvirt", or libvirt11.
#
#   libvirt.sh PART...    life power more migrate
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck disable=SC2034 # for the library
emulator=/usr/bin/qemu-system-aarch64
# shellcheck source-path=SCRIPTDIR source=libvirt_lib.sh
. "$here/libvirt_lib.sh"
devices="<interface type='user'><model type='virtio'/></interface><controller type='usb' model='qemu-xhci'/>"
ours='it is a KVM domain'
is_ours() { tr '\0' ' ' <"/proc/$(pidof qemu-system-aarch64)/cmdline" | grep -e '-accel kvm'; }
running() { :; }

part_more() {
	check 'domcapabilities know KVM' sh -c "virsh domcapabilities --virttype kvm --machine virt | tee /dev/stderr |
		grep -q '<domain>kvm</domain>'"
	domain more 2 'echo ready; while read x; do echo "got $x"; [ "$x" != reboot ] || reboot -f; done'
	check 'create' begins more create $tmp/more.xml
	[ $bad = 0 ] || done_testing
	check 'the guest runs' says more '^ready'
	check 'console' types more hello '^got hello'
	for c in dominfo domstats dommemstat vcpuinfo vcpucount 'dumpxml' 'qemu-monitor-command --hmp "info kvm"'; do
		check "$c" sh -c "virsh ${c%% *} more $([ "${c#* }" = "$c" ] || echo "${c#* }")"
	done
	check 'domstats counts the vCPUs' sh -c 'virsh domstats more | grep vcpu.current=2'
	check 'setmem gives the balloon a size' virsh setmem more 200M
	check 'vcpupin' virsh vcpupin more 1 0
	check 'reset' virsh reset more
	check 'it boots again' until_true 120 booted more 2
	check 'the guest runs' until_true 120 more_lines more '^ready' 1
	check 'a reboot is sent to the guest' types more reboot 'guest: up'
	check 'it boots again' until_true 120 booted more 3
	check 'managedsave is refused: the domain is transient' sh -c '! virsh managedsave more'
	check 'core dump' virsh dump --memory-only more /tmp/more.core
	check 'which is ELF' sh -c "head -c 4 /tmp/more.core | grep ELF"
	rm -f /tmp/more.core
	check 'destroy' virsh destroy more
}

parts "$@"
