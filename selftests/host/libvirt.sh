#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's libvirt with its QEMU driver on /dev/kvm, as they are: the life of a domain. Runs in a host of "lab/host
# --guest --programs libvirt", or libvirt11.
#
#   libvirt.sh PART...    life power more migrate
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=libvirt_lib.sh
. "$here/libvirt_lib.sh"
command -v libvirtd >/dev/null || { echo '1..0 # SKIP no libvirt here'; exit 4; }
export LC_ALL=C

# domain NAME CPUS COMMAND: its definition, with what virt-install would put into it: devices on PCIe root ports, and
# the interrupt controller is libvirt's choice. The console is a pseudo terminal that is also logged.
domain() {
	run=$(printf %s "$3" | base64 | tr -d '\n') disk=''
	[ ! -e $tmp/$1.img ] || disk="<disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/$1.img'/>
	      <target dev='vda' bus='virtio'/></disk>"
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
	    <emulator>/usr/bin/qemu-system-aarch64</emulator>
	    <serial type='pty'><log file='/tmp/$1.console'/></serial>
	    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
	    <memballoon model='virtio'/>
	    <interface type='user'><model type='virtio'/></interface>
	    <controller type='usb' model='qemu-xhci'/>
	    $disk
	  </devices>
	</domain>
	END
}

# The disk is read again and again, so that interrupts have to go on as well.
# shellcheck disable=SC2016 # for the guest
load='modprobe -a virtio_pci virtio_blk virtio_net virtio_rng; cat /proc/interrupts
i=0; while :; do i=$((i + 1)); echo tick $i $(dd if=/dev/vda iflag=direct bs=64k 2>/dev/null | md5sum); sleep 0.5; done'

part_life() {
	dd if=/dev/urandom of=$tmp/life.img bs=64k count=2 2>/dev/null
	sum=$(md5sum <$tmp/life.img | cut -d ' ' -f 1)
	domain life 2 "$load"
	check 'define' virsh define $tmp/life.xml
	check 'it is there' state_is life 'shut off'
	check 'start' begins life start life
	[ $bad = 0 ] || done_testing
	check 'it is a KVM domain' sh -c "tr '\0' ' ' </proc/\$(pidof qemu-system-aarch64)/cmdline | grep -e '-accel kvm'"
	check 'the guest runs and reads its disk' says life "^tick 3 $sum"
	check 'with MSI-X by the ITS' says life 'ITS-MSI.*virtio' 1
	check 'suspend' virsh suspend life
	check 'it is paused' state_is life paused
	check 'and silent' silent life tick
	check 'resume' virsh resume life
	check 'it goes on' goes_on life tick
	check 'save' virsh save life /tmp/life.save
	check 'it is off' state_is life 'shut off'
	last=$(grep -a tick /tmp/life.console | tail -n 1 | cut -d ' ' -f 2)
	check 'restore' virsh restore /tmp/life.save
	check 'it goes on' goes_on life tick
	after=$(grep -a tick /tmp/life.console | tail -n 1 | cut -d ' ' -f 2)
	check "from where it was, $last, to $after" [ "$last" -lt "$after" ]
	check 'what it reads stays right' sh -c "! grep -a '^tick [0-9]* ' /tmp/life.console | head -n -1 | grep -v $sum"
	check 'destroy' virsh destroy life
	check 'it is off' state_is life 'shut off'
	check 'undefine' virsh undefine life
	check 'no QEMU is left' until_true 20 sh -c '! pidof qemu-system-aarch64'
}

# The guest listens to its power button, which is how libvirt asks for both.
part_power() {
	domain power 2 "$POWER_KEY"
	boots() { [ "$(lines power '^powerkey: ready')" = "$1" ]; }
	check 'define' virsh define $tmp/power.xml
	check 'start' begins power start power
	[ $bad = 0 ] || done_testing
	check 'the guest waits for its power button' until_true 120 boots 1
	check 'reboot' virsh reboot power
	check 'the guest felt it' says power '^powerkey: pressed'
	check 'it boots again' until_true 120 boots 2
	check 'and is still the same domain' state_is power running
	check 'shutdown' virsh shutdown power
	check 'it is off' until_true 120 state_is power 'shut off'
	check 'because the guest powered off, both times' sh -c "[ \$(grep -a -c '^guest: exit 0' /tmp/power.console) = 2 ]"
	# That begins a new log of the console.
	check 'start again' begins power start power
	check 'it boots' until_true 120 boots 1
	check 'destroy' virsh destroy power
	check 'undefine' virsh undefine power
}

part_more() {
	check 'domcapabilities know KVM' sh -c "virsh domcapabilities --virttype kvm --machine virt | tee /dev/stderr |
		grep -q '<domain>kvm</domain>'"
	domain more 2 'echo ready; while read x; do echo "got $x"; [ "$x" != reboot ] || reboot -f; done'
	check 'create' begins more create $tmp/more.xml
	[ $bad = 0 ] || done_testing
	check 'the guest runs' says more '^ready'
	# The console wants a terminal: script(1) has one.
	check 'console' sh -c "(sleep 10; echo hello; sleep 10; printf '\\035') |
		script -q -c 'virsh console more --force' $tmp/typescript && grep 'got hello' $tmp/typescript"
	check 'what was typed arrived' says more '^got hello' 20
	for c in dominfo domstats dommemstat vcpuinfo vcpucount 'dumpxml' 'qemu-monitor-command --hmp "info kvm"'; do
		check "$c" sh -c "virsh ${c%% *} more $([ "${c#* }" = "$c" ] || echo "${c#* }")"
	done
	check 'domstats counts the vCPUs' sh -c 'virsh domstats more | grep vcpu.current=2'
	check 'setmem gives the balloon a size' virsh setmem more 200M
	check 'vcpupin' virsh vcpupin more 1 0
	check 'reset' virsh reset more
	twice() { [ "$(lines more '^guest: up')" = "$1" ]; }
	check 'it boots again' until_true 120 twice 2
	check 'send a reboot to the guest' sh -c "sleep 3; (sleep 10; echo reboot; sleep 10; printf '\\035') |
		script -q -c 'virsh console more --force' $tmp/typescript"
	check 'it boots again' until_true 120 twice 3
	check 'managedsave is refused: the domain is transient' sh -c '! virsh managedsave more'
	check 'core dump' virsh dump --memory-only more /tmp/more.core
	check 'which is ELF' sh -c "head -c 4 /tmp/more.core | grep ELF"
	rm -f /tmp/more.core
	check 'destroy' virsh destroy more
}

# In both hosts of "lab/host --peer": from the first to the second and back.
part_migrate() {
	initrd_with "$here/steady"
	me=$(hostname)
	send() {
		# An emulated machine is slow, and its neighbours are busy: more than the usual 300 ms, or no end would come.
		check "$me: migrate-setmaxdowntime" virsh migrate-setmaxdowntime mig 3000
		check "$me: migrate --live to $1" \
			virsh migrate --live --timeout 180 --timeout-suspend mig "qemu+tcp://$1/system"
		[ $bad = 0 ] || done_testing
		check "$me: nothing is left here" sh -c '! virsh domstate mig'
	}
	take() {
		check "$me: the load goes on" goes_on mig 'steady:'
		check "$me: nothing is wrong with it" sh -c "! grep -a -e BAD -e 'guest: up' -e panic /tmp/mig.console"
	}
	if [ "$me" = host1 ]; then
		domain mig 2 'steady 16 1000'
		check "$me: create" virsh create $tmp/mig.xml
		check "$me: the load runs" says mig 'steady: [1-9][0-9]* s' 240
		check "$me: host2 is ready" meet 1
		send host2
		rm -f /tmp/mig.console
		check "$me: host2 has sent it back" meet 2
		take
		check "$me: destroy" virsh destroy mig
	else
		check "$me: host1 is ready" meet 1
		check "$me: the domain comes" until_true 240 state_is mig running
		take
		send host1
		check "$me: host1 is told" meet 2
	fi
}

case $1 in
migrate) check 'libvirtd runs' start_libvirt 'listen_tls = 0' 'listen_tcp = 1' 'auth_tcp = "none"' ;;
*) check 'libvirtd runs' start_libvirt ;;
esac
[ $bad = 0 ] || done_testing
for part; do
	echo "# $part: $(virsh version --daemon 2>/dev/null | tr '\n' ' ')"
	"part_$part"
done
done_testing
