#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's libvirt, as it is, with avmm-system as the emulator of its domains. Runs in a host of "lab/host --programs
# libvirt --guest", or libvirt11.
#
#   libvirt_avmm.sh PART...    define
here=$(cd "$(dirname "$0")/../host" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../host/libvirt_lib.sh
. "$here/libvirt_lib.sh"
command -v libvirtd >/dev/null || { echo '1..0 # SKIP no libvirt here'; exit 4; }
export LC_ALL=C
emulator=/usr/bin/avmm-system
# What "make install" does.
ln -sf avmm $emulator

# domain NAME CPUS COMMAND: its definition, with a disk if there is $tmp/NAME.img.
domain() {
	run=$(printf %s "$3" | base64 | tr -d '\n') disk=''
	[ ! -e $tmp/$1.img ] || disk="<disk type='file'><driver name='qemu' type='raw' cache='none'/>
	      <source file='$tmp/$1.img'/><target dev='vda' bus='virtio'/></disk>"
	cat >$tmp/$1.xml <<-END
	<domain type='kvm'>
	  <name>$1</name>
	  <memory unit='MiB'>256</memory>
	  <vcpu>$2</vcpu>
	  <os>
	    <type arch='aarch64' machine='virt'>hvm</type>
	    <kernel>/guest/Image</kernel>
	    <initrd>${INITRD:-/guest/initrd.cpio.gz}</initrd>
	    <cmdline>console=ttyAMA0 quiet avmm.run=$run</cmdline>
	  </os>
	  <cpu mode='host-passthrough'/>
	  <devices>
	    <emulator>$emulator</emulator>
	    <serial type='pty'><log file='/tmp/$1.console'/></serial>
	    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
	    <memballoon model='virtio'/>
	    $disk
	    $extra
	  </devices>
	</domain>
	END
}
extra=''

# shows PATTERN COMMAND...: the command says that.
shows() {
	pattern=$1
	shift
	"$@" >$tmp/shows 2>&1 || { cat $tmp/shows; return 1; }
	grep -q -e "$pattern" $tmp/shows || { cat $tmp/shows; return 1; }
}

# What libvirt knows of us, without a guest.
part_define() {
	caps="virsh domcapabilities --emulatorbin $emulator --arch aarch64 --virttype kvm --machine virt"
	check 'domcapabilities: it is for KVM' shows '<domain>kvm</domain>' $caps
	check 'with a GIC' shows '<value>[23]</value>' $caps
	extra="<interface type='user'/>"
	dd if=/dev/zero of=$tmp/defined.img bs=64k count=1 2>/dev/null
	domain defined 2 true
	check 'define' virsh define $tmp/defined.xml
	check 'it is there' state_is defined 'shut off'
	check 'it would be started with QEMU'\''s options' shows '-device.*virtio-blk' \
		virsh domxml-to-native qemu-argv --domain defined
	check 'autostart' virsh autostart defined
	check 'it says so' shows 'Autostart:.*enable' virsh dominfo defined
	check 'undefine' virsh undefine defined
	extra="<graphics type='vnc'/><video><model type='virtio'/></video>"
	domain defined 2 true
	check 'what we do not have is refused by libvirt' sh -c "! virsh define $tmp/defined.xml"
	extra=''
}

modprobe tun
check 'libvirtd runs' start_libvirt
[ $bad = 0 ] || done_testing
for part; do
	echo "# $part: $(virsh version --daemon 2>/dev/null | tr '\n' ' ')"
	"part_$part"
done
done_testing
