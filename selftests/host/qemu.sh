#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's QEMU on /dev/kvm, as it is: machines, devices, memory, pause, snapshots, migration in one host.
#
#   qemu.sh PART...    boot smp mmio pci its v2m reset memory balloon snapshot migrate
#
# The machine is QEMU's default one, with an ITS, but for pci: that is without MSIs. v2m is for a host with GICv2.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=qemu_lib.sh
. "$here/qemu_lib.sh"
need_qemu

part_boot() {
	for gic in default host max $(gicv3 && echo 3 || echo 2); do
		MACHINE=virt
		[ "$gic" = default ] || MACHINE=$MACHINE,gic-version=$gic
		check "a guest boots, gic-version $gic" qemu boot 'grep -E "timer|uart" /proc/interrupts'
		check "and powers off" done_well boot
	done
	# QEMU asks for the device that the host's interrupt controller cannot back.
	other=$(gicv3 && echo 2 || echo 3)
	MACHINE=virt,gic-version=$other
	check "gic-version $other is refused" refused boot 'echo BAD'
	check "with the reason" grep -i "gicv$other" $tmp/boot.err
	MACHINE=''
}

part_smp() {
	for cpus in ${SMP:-2 4 8}; do
		CPUS=$cpus
		# shellcheck disable=SC2016 # for the guest
		check "a guest of $cpus vCPUs starts" qemu smp 'nproc; for c in /sys/devices/system/cpu/cpu[1-9]; do
			echo 0 >$c/online && echo 1 >$c/online || echo BAD; done; nproc'
		check "and powers off" done_well smp 300
		check "each vCPU was there, and again after it was off" sh -c \
			"! grep BAD $tmp/smp && [ \$(tr -d '\r' <$tmp/smp | grep -c -x $cpus) = 2 ]"
	done
	CPUS=''
}

# A disk that is read and summed up, one that is written, a NIC with QEMU's own network, random numbers.
devices() {
	dd if=/dev/urandom of=$tmp/disk bs=64k count=64 2>/dev/null
	sum=$(md5sum <$tmp/disk | cut -d ' ' -f 1)
	MACHINE=${3:-virt}
	# shellcheck disable=SC2016 # for the guest
	check "a guest starts with $1 disk, NIC, console and random numbers" qemu dev \
		'modprobe -a virtio_pci virtio_mmio virtio_blk virtio_net virtio_rng virtio_console
		from=vda to=vdb
		[ "$(cat /sys/block/vda/ro)" = 1 ] || { from=vdb to=vda; }
		md5sum </dev/$from; dd if=/dev/$from of=/dev/$to bs=64k 2>/dev/null; sync
		ifconfig eth0 10.0.2.15 && ping -c 2 -w 20 10.0.2.2
		dd if=/dev/hwrng bs=16 count=1 2>/dev/null | wc -c
		echo hello >/dev/hvc0
		cat /proc/interrupts' \
		-drive file=$tmp/disk,format=raw,if=none,id=d0,read-only=on -device "virtio-blk-$2,drive=d0" \
		-drive file=$tmp/disk2,format=raw,if=none,id=d1 -device "virtio-blk-$2,drive=d1" \
		-netdev user,id=n0 -device "virtio-net-$2,netdev=n0" -device "virtio-rng-$2" \
		-device "virtio-serial-$2" -chardev file,id=hvc,path=$tmp/hvc -device virtconsole,chardev=hvc
	check 'it powers off' done_well dev
	check 'what it read is right' grep -q "^$sum" $tmp/dev
	check 'what it wrote is right' cmp $tmp/disk $tmp/disk2
	check 'the network answers' grep -q '2 packets received' $tmp/dev
	check 'there are random numbers' grep -a -q '^16' $tmp/dev
	check 'the console wrote' grep -q hello $tmp/hvc
	MACHINE=''
}
part_mmio() {
	truncate -s 4M $tmp/disk2
	devices virtio-mmio device
}
part_pci() {
	truncate -s 4M $tmp/disk2
	devices virtio-pci pci virt,its=off
	check 'its interrupts are INTx' sh -c "! grep -q MSI $tmp/dev"
}
part_its() {
	truncate -s 4M $tmp/disk2
	devices virtio-pci pci
	check 'its interrupts are MSI-X by the ITS' grep -q ITS-MSI.*virtio $tmp/dev
}
part_v2m() {
	truncate -s 4M $tmp/disk2
	devices virtio-pci pci virt,gic-version=2
	check 'its interrupts are MSI-X by the v2m frame' grep -q ' MSI .*virtio' $tmp/dev
}

part_reset() {
	check 'a guest is started stopped' qemu reset 'while :; do echo tick; sleep 0.5; done' -S
	check 'and does nothing' sh -c "sleep 2; ! [ -s $tmp/reset ]"
	check 'cont lets it run' qmp reset '{"execute":"cont"}'
	check 'it is up' says reset '^guest: up'
	check 'stop' qmp reset '{"execute":"stop"}'
	check 'it is paused' status_is reset paused
	n1=$(lines reset tick)
	sleep 3
	check 'and silent' [ "$(lines reset tick)" -le $((n1 + 1)) ]
	check 'cont' qmp reset '{"execute":"cont"}'
	check 'it goes on' goes_on reset tick
	check 'system_reset' qmp reset '{"execute":"system_reset"}'
	twice() { [ "$(lines reset 'guest: up')" = 2 ]; }
	check 'it boots again' until_true 120 twice
	check 'quit' qmp reset '{"execute":"quit"}'
	check 'QEMU ends' gone reset
	check 'a guest waits for its power button' qemu power "$POWER_KEY"
	check 'it is ready' says power '^powerkey: ready'
	check 'system_powerdown' qmp power '{"execute":"system_powerdown"}'
	check 'it powers off' done_well power
	# shellcheck disable=SC2016 # for the guest
	check 'a guest reboots itself' qemu reboot 'echo up >/dev/kmsg; reboot -f'
	twice() { [ "$(lines reboot '^guest: up')" -ge 2 ]; }
	check 'and boots again' until_true 120 twice
	stop_qemu reboot
}

part_memory() {
	pages=$tmp/pages
	mkdir -p $pages
	mount -t hugetlbfs none $pages
	echo 128 >/proc/sys/vm/nr_hugepages
	check 'there are 256 MiB of huge pages' [ "$(cat /proc/sys/vm/nr_hugepages)" = 128 ]
	check 'a guest starts on hugetlbfs' qemu huge 'dd if=/dev/zero of=/tmp/x bs=1M count=64 2>/dev/null; md5sum </tmp/x' \
		-mem-path $pages
	used() { [ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" -lt 128 ]; }
	check 'and uses them' until_true 30 used
	check 'and powers off' done_well huge
	sum=$(dd if=/dev/zero bs=1M count=64 2>/dev/null | md5sum | cut -d ' ' -f 1)
	check 'what it summed up is right' grep -a -q "^$sum" $tmp/huge
	check 'they are free again' [ "$(sed -n 's/^HugePages_Free: *//p' /proc/meminfo)" = 128 ]
	echo 0 >/proc/sys/vm/nr_hugepages
	umount $pages
	check 'a guest starts on a file, shared, with mem-lock' qemu shared 'cat /proc/meminfo' \
		-object memory-backend-memfd,id=m,size=256M,share=on -machine memory-backend=m -overcommit mem-lock=on
	check 'and powers off' done_well shared
}

actual() { qmp balloon '{"execute":"query-balloon"}' | grep -q "\"actual\": $(($1 * 1048576))}"; }
part_balloon() {
	check 'a guest starts with a balloon' qemu balloon 'modprobe -a virtio_mmio virtio_balloon
		dd if=/dev/zero of=/tmp/x bs=1M count=100 2>/dev/null; rm /tmp/x
		while :; do free -m | grep Mem; sleep 1; done' -device virtio-balloon-device
	check 'it runs' says balloon 'Mem:'
	# shellcheck disable=SC2154 # qemu() sets it
	before=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$qemu_balloon/status")
	check 'the balloon takes memory' qmp balloon '{"execute":"balloon","arguments":{"value":167772160}}'
	check 'until 160 MiB are left' until_true 60 actual 160
	after=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$qemu_balloon/status")
	echo "# resident: $before kB, then $after kB"
	# The guest had touched 100 MiB, of which it needs none.
	check 'the host has them back' [ "$after" -lt $((before - 32768)) ]
	check 'the balloon gives memory' qmp balloon '{"execute":"balloon","arguments":{"value":268435456}}'
	check 'all 256 MiB' until_true 60 actual 256
	check 'the guest goes on' goes_on balloon Mem:
	check 'quit' qmp balloon '{"execute":"quit"}'
	check 'QEMU ends' gone balloon
}

part_snapshot() {
	initrd_with "$here/steady"
	qemu-img create -q -f qcow2 $tmp/qcow2 64M
	CPUS=${SNAP_CPUS:-2}
	check 'a guest starts with a qcow2 disk' qemu snap "$DRAWS steady 16 1000" -device virtio-rng-pci \
		-drive file=$tmp/qcow2,format=qcow2,if=none,id=d0 -device virtio-blk-pci,drive=d0
	check 'the load runs' says snap 'steady: [1-9][0-9]* s' 240
	check 'its devices have MSI-X' says snap 'MSI.*virtio' 1
	check 'savevm' hmp snap 'savevm one'
	check 'info snapshots has it' sh -c "$(command -v qemu-img) snapshot -U -l $tmp/qcow2 | grep one"
	check 'the load goes on' goes_on snap 'steady:'
	check 'loadvm' hmp snap 'loadvm one'
	check 'the load goes on from there' goes_on snap 'steady:'
	check 'so do the interrupts of its devices' goes_on snap drawn
	check 'nothing is wrong' sh -c "! grep BAD $tmp/snap"
	check 'quit' qmp snap '{"execute":"quit"}'
	check 'QEMU ends' gone snap
	check 'another QEMU starts from the snapshot' qemu snap2 'steady 16 1000' -loadvm one -device virtio-rng-pci \
		-drive file=$tmp/qcow2,format=qcow2,if=none,id=d0 -device virtio-blk-pci,drive=d0
	check 'the load goes on' goes_on snap2 'steady:'
	check 'so do the interrupts of its devices' goes_on snap2 drawn
	check 'nothing is wrong' sh -c "! grep -e BAD -e 'guest: up' $tmp/snap2"
	stop_qemu snap2
	CPUS='' INITRD=''
}

moved() { qmp "$1" '{"execute":"query-migrate"}' | grep -q '"status": "\(completed\|failed\)"'; }
part_migrate() {
	initrd_with "$here/steady"
	CPUS=${MIG_CPUS:-2}
	check 'the source starts' qemu src "$DRAWS steady 16 1000" -device virtio-rng-pci
	check 'the load runs' says src 'steady: [1-9][0-9]* s' 240
	check 'its device has MSI-X' says src 'MSI.*virtio' 1
	from=src
	for to in dst1 dst2; do
		check "$to waits" qemu $to 'steady 16 1000' -device virtio-rng-pci -incoming unix:$tmp/mig
		qmp $from '{"execute":"migrate-set-parameters","arguments":{"downtime-limit":3000}}' >/dev/null
		check "$from goes to $to" qmp $from "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"unix:$tmp/mig\"}}"
		check 'it is done' until_true 240 moved $from
		# shellcheck disable=SC2154
		check 'without an error' sh -c "grep '\"status\": \"completed\"' $tmp/$from.qmp"
		qmp $from '{"execute":"query-migrate"}' | sed -n 's/.*"downtime": \([0-9]*\).*/# downtime \1 ms/p'
		check "the load goes on in $to" goes_on $to 'steady:' 120
		check 'so do the interrupts of its device' goes_on $to drawn
		check 'and nothing is wrong' sh -c "! grep -e BAD -e 'guest: up' -e panic $tmp/$to"
		check 'the source ends' qmp $from '{"execute":"quit"}'
		check 'with status 0' gone $from
		from=$to
	done
	stop_qemu $from
	CPUS='' INITRD=''
}

for part; do
	echo "# $part"
	"part_$part"
done
done_testing
