#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# For lab/bench: what a VMM costs; lines "name value". With /dev/avmm they are of avmm, with /dev/kvm of Debian's QEMU there.
# Nanoseconds are instructions of guest and host together (--icount):
#
#	start_to_init_ns	from the start of the VMM until the guest's first process says that it is there
#	idle_pss_kib		of the VMM's processes, when the guest idles, without the guest's RAM
#	blk_read_4k_ns		a read of 4 KiB past the guest's cache, one at a time, until the guest has it;
#	blk_write_4k_ns		a write; the image is on tmpfs, and io_uring serves it
#	net_rtt_ns		a ping of the guest to the host's tap device, frames going through the VMM
#	net_rtt_vhost_ns	the same through vhost-net
#
#   bench_vmm.sh DEVICE
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/../host/tap.sh"
MEM=192 N=1000
mkdir -p /run
modprobe -a tun vhost_net
for i in 0 1; do
	ip tuntap add tap$i mode tap 2>/dev/null || tunctl -t tap$i >/dev/null
	ip addr add 10.2.$i.1/24 dev tap$i
	ip link set tap$i up
done
truncate -s 16M $tmp/disk
initrd_with "$here/../host/iops"

# shellcheck disable=SC2016 # for the guest to expand
run='modprobe -a virtio_pci virtio_blk virtio_net
	echo idle; sleep 5
	iops /dev/vda read 100 >/dev/null
	for kind in read write; do echo "result: blk_${kind}_4k_ns $(iops /dev/vda $kind '$N')"; done
	for i in 0 1; do
		ip addr add 10.2.$i.2/24 dev eth$i; ip link set eth$i up
		[ $i = 0 ] && name=net_rtt_ns || name=net_rtt_vhost_ns
		ping -c 5 -q 10.2.$i.1 >/dev/null
		ping -A -c '$N' -q 10.2.$i.1 | awk -F "[/ =]+" -v name=$name \
			"/round-trip/ { printf \"result: %s %.0f\n\", name, \$6 * 1e6 }"
	done'
append="console=ttyAMA0 quiet avmm.run=$(printf %s "$run" | base64 | tr -d '\n')"

vmm() {
	case $1 in
	*/avmm) avmm run --device "$1" --kernel /guest/Image --initrd "$INITRD" --memory ${MEM}M --append "$append" \
		--disk $tmp/disk --net tap=tap0,vhost=off --net tap=tap1,vhost=on ;;
	*) qemu-system-aarch64 -nodefaults -nographic -accel kvm -cpu host -M virt -m $MEM -serial stdio \
		-kernel /guest/Image -initrd "$INITRD" -append "$append" \
		-drive "file=$tmp/disk,format=raw,if=none,id=disk,aio=io_uring" -device virtio-blk-pci,drive=disk \
		-netdev tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off -device virtio-net-pci,netdev=n0,romfile= \
		-netdev tap,id=n1,ifname=tap1,script=no,downscript=no,vhost=on -device virtio-net-pci,netdev=n1,romfile= ;;
	esac
}

now() { awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime; }
# A mapping as large as the guest's RAM is that.
pss() {
	for p in $(pidof avmm qemu-system-aarch64); do cat /proc/"$p"/smaps; done |
		awk -v ram=$((MEM * 1024)) '/^Size:/ { big = $2 >= ram } /^Pss:/ && !big { n += $2 } END { print n }'
}

# What is read from a disk is not the VMM's time.
case $1 in */avmm) avmm --version ;; *) qemu-system-aarch64 --version ;; esac >/dev/null
cat /guest/Image "$INITRD" >/dev/null

began=$(now)
cr=$(printf '\r')
vmm "$1" </dev/null 2>&1 | while read -r line; do
	line=${line%"$cr"}
	case $line in
	'guest: up'*) echo "start_to_init_ns $(($(now) - began))" ;;
	idle) sleep 2; echo "idle_pss_kib $(pss)" ;;
	'result: '*) echo "${line#result: }" ;;
	'guest: exit 0') ;;
	*) echo "$line" >&2 ;;
	esac
done
