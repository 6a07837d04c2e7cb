# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests of domains under libvirt share, whatever their emulator is. Sourced, after tap.sh, by who has set
# $emulator. A domain's console is a pseudo terminal that is also logged, to /tmp/NAME.console.
command -v libvirtd >/dev/null || { echo '1..0 # SKIP no libvirt here'; exit 4; }
export LC_ALL=C

start_libvirt() {
	# As the packages' scripts would.
	# A package of trixie brings /var/run as a folder.
	[ -L /var/run ] || { rm -rf /var/run && ln -s ../run /var/run; }
	mkdir -p /run/libvirt /var/lock /etc/libvirt /var/log/libvirt/qemu /var/lib/libvirt /var/cache/libvirt
	# The private /dev that libvirt makes for QEMU lacks what the lab has bind mounted.
	echo 'namespaces = [ ]' >/etc/libvirt/qemu.conf
	[ "$#" = 0 ] || printf '%s\n' "$@" >/etc/libvirt/libvirtd.conf
	virtlogd -d && libvirtd -d ${1:+-l} && until_true 60 virsh -q list
}

# domain NAME CPUS COMMAND: its definition, with $devices, and a disk if there is $tmp/NAME.img. Devices are where
# virt-install would put them, on PCIe root ports, and the interrupt controller is libvirt's choice.
devices=''
domain() {
	run=$(printf %s "$3" | base64 | tr -d '\n') disk=''
	[ ! -e $tmp/$1.img ] || disk="<disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/$1.img'/>
	      <target dev='vda' bus='virtio'/></disk>"
	cat >$tmp/$1.xml <<-END
	<domain type='kvm'>
	  <name>$1</name>
	  <memory unit='MiB'>256</memory>
	  ${backing:-}
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
	    $devices
	  </devices>
	</domain>
	END
}
# disk_of NAME: two blocks, whose sum is $sum.
disk_of() {
	dd if=/dev/urandom of=$tmp/$1.img bs=64k count=2 2>/dev/null
	sum=$(md5sum <$tmp/$1.img | cut -d ' ' -f 1)
}

# For a guest: its disk is read again and again, so that interrupts have to go on as well. Sent a line, it answers it.
# shellcheck disable=SC2016,SC2034 # for the guest, and for who sources this
LOAD='modprobe -a virtio_mmio virtio_pci virtio_blk virtio_net virtio_rng virtio_balloon; cat /proc/interrupts
(i=0; while :; do i=$((i + 1)); echo tick $i $(dd if=/dev/vda iflag=direct bs=64k 2>/dev/null | md5sum); sleep 0.5; done) &
while read x; do echo "got $x"; [ "$x" != reboot ] || reboot -f; [ "$x" != poweroff ] || poweroff -f; done'

state_is() { [ "$(virsh -q domstate "$1" | tr -d '\n')" = "$2" ]; }
lines() { grep -a -c -e "$2" "/tmp/$1.console"; }
more_lines() { [ "$(lines "$1" "$2")" -gt "$3" ]; }
# A reset comes within a line, too, and a quiet kernel begins none.
booted() { [ "$(lines "$1" 'guest: up')" = "$2" ]; }
no_emulator() { ! pidof "${emulator##*/}"; }
why() {
	tail -n 20 "/tmp/$1.console" "/var/log/libvirt/qemu/$1.log"
	virsh domstate --reason "$1"
}
begins() {
	name=$1
	shift
	virsh "$@" || { why "$name"; dmesg | tail -n 5; return 1; }
}
# starts NAME: what does not start at all ends the test.
starts() {
	check 'define' virsh define $tmp/$1.xml
	check 'start' begins "$1" start "$1"
	state_is "$1" running || done_testing
}
says() { until_true "${3:-120}" grep -a -q -e "$2" "/tmp/$1.console" || { why "$1"; return 1; }; }
goes_on() {
	seen=$(lines "$1" "$2")
	until_true 60 more_lines "$1" "$2" $((seen + 2)) || { why "$1"; return 1; }
}
silent() {
	sleep 1
	seen=$(lines "$1" "$2")
	sleep 4
	[ "$(lines "$1" "$2")" = "$seen" ]
}
last_tick() { grep -a '^tick' "/tmp/$1.console" | tail -n 1 | cut -d ' ' -f 2; }

# types NAME LINE PATTERN: into the guest's console, which wants a terminal: script(1) has one. It stays until the
# guest has said PATTERN once more.
types() {
	seen=$(lines "$1" "$3")
	rm -f $tmp/typescript
	{
		until_true 30 grep -q 'Escape character' $tmp/typescript
		echo "$2"
		until_true 60 more_lines "$1" "$3" "$seen"
		printf '\035'
	} | script -q -f -c "virsh console $1 --force" $tmp/typescript
	cat $tmp/typescript
	more_lines "$1" "$3" "$seen"
}

# The life of a domain; $ours says that it is one of those that are meant, and running() is called while it runs.
part_life() {
	disk_of life
	domain life 2 "$LOAD"
	starts life
	check "$ours" is_ours
	check 'the guest runs and reads its disk' says life "^tick 3 $sum"
	check 'with MSI-X by the ITS' says life 'ITS-MSI.*virtio' 1
	check 'suspend' virsh suspend life
	check 'it is paused' state_is life paused
	check 'and silent' silent life tick
	check 'resume' virsh resume life
	check 'it goes on' goes_on life tick
	running
	check 'save' virsh save life /tmp/life.save
	check 'it is off' state_is life 'shut off'
	last=$(last_tick life)
	check 'restore' begins life restore /tmp/life.save
	check 'it goes on' goes_on life tick
	after=$(last_tick life)
	check "from where it was, $last, to $after" [ "$last" -lt "$after" ]
	check 'what it reads stays right' sh -c "! grep -a '^tick [0-9]* ' /tmp/life.console | head -n -1 | grep -v $sum"
	check 'destroy' virsh destroy life
	check 'it is off' state_is life 'shut off'
	check 'undefine' virsh undefine life
	check 'no process is left' until_true 20 no_emulator
}

# The guest listens to its power button, which is how libvirt asks for both.
part_power() {
	domain power 2 "$POWER_KEY"
	boots() { [ "$(lines power '^powerkey: ready')" = "$1" ]; }
	starts power
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

# In both hosts of "lab/host --peer": from the first to the second and back.
part_migrate() {
	initrd_with "$here/../host/steady"
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

# parts PART...: all there is to do.
parts() {
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
}
