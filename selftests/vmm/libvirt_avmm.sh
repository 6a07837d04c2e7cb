#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's libvirt, as it is, with avmm-system as the emulator of its domains. Runs in a host of "lab/host --programs
# libvirt --guest", or libvirt11.
#
#   libvirt_avmm.sh PART...    define life more migrate
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
	[ ! -e $tmp/$1.img ] || disk="<disk type='file'><driver name='qemu' type='raw'/>
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

# The disk is read again and again, so that interrupts have to go on as well. Sent a line, the guest answers it.
# shellcheck disable=SC2016 # for the guest
load='modprobe -a virtio_mmio virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon
(i=0; while :; do i=$((i + 1)); echo tick $i $(dd if=/dev/vda iflag=direct bs=64k 2>/dev/null | md5sum); sleep 0.5; done) &
while read x; do echo "got $x"; [ "$x" != reboot ] || reboot -f; [ "$x" != poweroff ] || poweroff -f; done'

# types NAME LINE: into the guest's console.
types() {
	(sleep 8; echo "$2"; sleep 4; printf '\035') | script -q -c "virsh console $1 --force" $tmp/typescript
	cat $tmp/typescript
}
booted() { [ "$(lines "$1" '^guest: up')" = "$2" ]; }
no_avmm() { ! pidof avmm-system; }

part_life() {
	dd if=/dev/urandom of=$tmp/life.img bs=64k count=2 2>/dev/null
	sum=$(md5sum <$tmp/life.img | cut -d ' ' -f 1)
	extra="<interface type='ethernet'><model type='virtio'/></interface>"
	domain life 2 "$load"
	check 'define' virsh define $tmp/life.xml
	check 'start' begins life start life
	[ $bad = 0 ] || done_testing
	check 'it is ours' pidof avmm-system
	check 'the guest runs and reads its disk' says life "^tick 3 $sum"
	check 'suspend' virsh suspend life
	check 'it is paused' state_is life paused
	check 'and silent' silent life tick
	check 'resume' virsh resume life
	check 'it goes on' goes_on life tick
	check 'domstats counts what the disk did' sh -c 'virsh domstats life | tee /dev/stderr | grep -q block.0.rd.bytes=[1-9]'
	check 'libvirtd is started again' again
	check 'the domain runs on' state_is life running
	check 'and is under control' virsh suspend life
	check 'resume' virsh resume life
	check 'save' virsh save life /tmp/life.save
	check 'it is off' state_is life 'shut off'
	last=$(grep -a tick /tmp/life.console | tail -n 1 | cut -d ' ' -f 2)
	check 'restore' begins life restore /tmp/life.save
	check 'it goes on' goes_on life tick
	after=$(grep -a tick /tmp/life.console | tail -n 1 | cut -d ' ' -f 2)
	check "from where it was, $last, to $after" [ "$last" -lt "$after" ]
	check 'what it reads stays right' sh -c "! grep -a '^tick [0-9]* ' /tmp/life.console | head -n -1 | grep -v $sum"
	check 'destroy' virsh destroy life
	check 'it is off' state_is life 'shut off'
	check 'undefine' virsh undefine life
	check 'no process is left' until_true 20 no_avmm
}

again() {
	kill "$(cat /run/libvirtd.pid)"
	until_true 20 sh -c '! pidof libvirtd'
	libvirtd -d && until_true 60 virsh -q list
}

part_more() {
	dd if=/dev/urandom of=$tmp/more.img bs=64k count=2 2>/dev/null
	extra="<channel type='unix'><target type='virtio' name='org.avmm.test'/></channel>"
	domain more 2 "$load"
	check 'define' virsh define $tmp/more.xml
	check 'start' begins more start more
	[ $bad = 0 ] || done_testing
	check 'the guest runs' says more '^tick'
	check 'console' types more hello
	check 'what was typed arrived' says more '^got hello' 20
	for c in dominfo dommemstat vcpuinfo vcpucount domblklist; do check "$c" virsh $c more; done
	for c in domblkstat domblkinfo; do check "$c" virsh $c more vda; done
	check 'vcpupin' virsh vcpupin more 1 0
	check 'which the thread has' pinned
	check 'setmem gives the balloon a size' virsh setmem more 200M
	check 'reset' virsh reset more
	check 'it boots again' until_true 120 booted more 2
	check 'the guest runs' says more '^tick'
	check 'the guest reboots' types more reboot
	check 'it boots again' until_true 120 booted more 3
	for c in 'dump --memory-only more /tmp/x' 'screenshot more' 'inject-nmi more' 'snapshot-create-as more' \
		'setvcpus more 4 --live'; do
		check "$c is refused" refused_soon $c
	done
	check 'and libvirt is well' virsh suspend more
	check 'resume' virsh resume more
	check 'managedsave' virsh managedsave more
	check 'it is off' state_is more 'shut off'
	check 'start goes on from there' begins more start more
	# the log began anew
	check 'without a boot' booted more 0
	check 'it goes on' goes_on more tick
	check 'the guest powers off' types more poweroff
	check 'it is off' until_true 60 state_is more 'shut off'
	check 'undefine' virsh undefine more
}
# It fails, and not because it takes too long.
refused_soon() {
	rc=0
	timeout 60 virsh "$@" || rc=$?
	[ $rc = 1 ]
}
pinned() {
	for t in /proc/"$(pidof avmm-system)"/task/*; do
		! grep -q 'Cpus_allowed_list:.0$' $t/status || return 0
	done
	return 1
}

# In both hosts of "lab/host --peer": from the first to the second and back.
part_migrate() {
	initrd_with "$here/steady"
	me=$(hostname)
	send() {
		check "$me: migrate --live to $1" virsh migrate --live --unsafe mig "qemu+tcp://$1/system"
		check "$me: nothing is left here" sh -c '! virsh domstate mig'
	}
	take() {
		check "$me: the load goes on" goes_on mig 'steady:'
		check "$me: nothing is wrong with it" sh -c "! grep -a -e BAD -e 'guest: up' -e panic /tmp/mig.console"
	}
	if [ "$me" = host1 ]; then
		domain mig 2 'steady 16 1000'
		check "$me: create" begins mig create $tmp/mig.xml
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

modprobe tun
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
