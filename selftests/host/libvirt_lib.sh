# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests of domains under libvirt share, whatever their emulator is. Sourced, after tap.sh. A domain's console
# is logged to /tmp/NAME.console.

start_libvirt() {
	# As the packages' scripts would.
	# A package of trixie brings /var/run as a folder.
	[ -L /var/run ] || { rm -rf /var/run && ln -s ../run /var/run; }
	mkdir -p /run/libvirt /var/lock /etc/libvirt /var/log/libvirt/qemu /var/lib/libvirt /var/cache/libvirt
	# The private /dev that libvirt makes for QEMU comes out empty in the chroot of lab/host --programs.
	echo 'namespaces = [ ]' >/etc/libvirt/qemu.conf
	[ "$#" = 0 ] || printf '%s\n' "$@" >/etc/libvirt/libvirtd.conf
	virtlogd -d && libvirtd -d ${1:+-l} && until_true 60 virsh -q list
}
state_is() { [ "$(virsh -q domstate "$1" | tr -d '\n')" = "$2" ]; }
lines() { grep -a -c -e "$2" "/tmp/$1.console"; }
more_lines() { [ "$(lines "$1" "$2")" -gt "$3" ]; }
why() {
	tail -n 20 "/tmp/$1.console" "/var/log/libvirt/qemu/$1.log"
	virsh domstate --reason "$1"
}
begins() {
	name=$1
	shift
	virsh "$@" || { why "$name"; dmesg | tail -n 5; return 1; }
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
