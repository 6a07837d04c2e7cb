# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Stock QEMU on whatever /dev/kvm is: start it, talk QMP to it, look at its guest's console. Sourced after tap.sh, in a
# host of "lab/host --programs qemu --guest".
# shellcheck disable=SC2154 # tap.sh sets tmp, eval sets p

# There is no /dev/kvm without a module or KVM, and then nothing here means anything.
need_qemu() {
	command -v qemu-system-aarch64 >/dev/null || { echo '1..0 # SKIP no QEMU here'; exit 4; }
	echo "# $(qemu-system-aarch64 --version | head -n 1), $([ -d /sys/module/avmm ] && echo AVMM || echo in-tree KVM)"
}

# qemu NAME COMMAND [ARGUMENT]...: starts it with a guest that runs the command and powers off. The console goes to
# $tmp/NAME, its input is $tmp/NAME.in, QEMU's own words go to $tmp/NAME.err; $pid is its process. CPU, CPUS, MEM
# (in MiB), INITRD and MACHINE in the environment change the machine; "-" as the command boots no kernel.
qemu() {
	name=$1 run=$(printf %s "$2" | base64 | tr -d '\n') cmd=$2
	shift 2
	rm -f "$tmp/$name" "$tmp/$name".*
	: >"$tmp/$name"
	mkfifo "$tmp/$name.qmp.in" "$tmp/$name.qmp.out" "$tmp/$name.in" "$tmp/$name.out"
	# Both ways of a pipe are open while QEMU runs, so neither of these waits for long, and the readers end
	# with QEMU.
	cat "$tmp/$name.qmp.out" >"$tmp/$name.qmp" &
	cat "$tmp/$name.out" >"$tmp/$name" &
	[ "$cmd" = - ] || set -- -kernel /guest/Image -initrd "${INITRD:-/guest/initrd.cpio.gz}" \
		-append "console=ttyAMA0 quiet avmm.run=$run" "$@"
	qemu-system-aarch64 -nodefaults -nographic -accel kvm -cpu "${CPU:-host}" -M "${MACHINE:-virt}" \
		-smp "${CPUS:-1}" -m "${MEM:-256}" \
		-chardev "pipe,id=con,path=$tmp/$name" -serial chardev:con \
		-chardev "pipe,id=qmp,path=$tmp/$name.qmp" -mon chardev=qmp,mode=control \
		"$@" </dev/null >"$tmp/$name.err" 2>&1 &
	pid=$!
	eval "qemu_$name=$pid"
	until_true 60 greeted "$name" && alive $pid || { why "$name"; return 1; }
	qmp "$name" '{"execute":"qmp_capabilities"}' >/dev/null
}

# refused NAME COMMAND [ARGUMENT]...: QEMU does not start such a guest.
refused() { ! qemu "$@" && dead "$1"; }

greeted() { grep -q '"QMP"' "$tmp/$1.qmp" || dead "$1"; }
dead() { eval "! alive \$qemu_$1"; }

# Is the host's interrupt controller a GICv3? Then its guests have an ITS by default; those on a GICv2 have QEMU's v2m.
gicv3() { grep -q GICv3 /proc/interrupts; }

# For a guest with a virtio-rng-pci: random numbers, each of which takes an interrupt, and one line for every few.
# shellcheck disable=SC2034 # for who sources this
DRAWS='modprobe -a virtio_pci virtio_rng; grep virtio /proc/interrupts
(while dd if=/dev/hwrng of=/dev/null bs=64 count=4 2>/dev/null; do echo drawn; sleep 0.5; done) &'

# What there is to see of a QEMU that does not do what it should.
why() {
	echo "console:"
	tail -n 20 "$tmp/$1"
	echo "QEMU:"
	cat "$tmp/$1.err"
	tail -n 5 "$tmp/$1.qmp"
}

answers() { grep -c -e '^{"return"' -e '^{"error"' "$tmp/$1.qmp"; }
more_answers() { [ "$(answers "$1")" -gt "$2" ] || dead "$1"; }
# qmp NAME JSON: one command; prints its answer and fails if that is an error.
qmp() {
	! dead "$1" || { echo "QEMU is gone"; return 1; }
	had=$(answers "$1")
	echo "$2" >"$tmp/$1.qmp.in"
	until_true 120 more_answers "$1" "$had" || { echo "no answer to $2"; return 1; }
	answer=$(grep -e '^{"return"' -e '^{"error"' "$tmp/$1.qmp" | tail -n 1)
	echo "$answer"
	case $answer in '{"error"'*) return 1 ;; esac
}
# hmp NAME LINE: one line of the human monitor; its words on failure.
hmp() {
	qmp "$1" "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"$2\"}}" || return 1
	case $answer in *[Ee]rror*) return 1 ;; esac
}

# says NAME TEXT [SECONDS]: the text comes on the console.
says() {
	until_true "${3:-120}" said "$1" "$2"
	grep -a -q -e "$2" "$tmp/$1" || { why "$1"; return 1; }
}
said() { grep -a -q -e "$2" -e 'Kernel panic' "$tmp/$1" || dead "$1"; }
# Text that is not there yet: the number of lines with it grows.
lines() { grep -a -c -e "$2" "$tmp/$1"; }
more_lines() { dead "$1" || [ "$(lines "$1" "$2")" -gt "$3" ]; }
goes_on() {
	seen=$(lines "$1" "$2")
	until_true "${3:-60}" more_lines "$1" "$2" $((seen + 2)) && ! dead "$1" || { why "$1"; return 1; }
}
status_is() { qmp "$1" '{"execute":"query-status"}' | grep -q "\"status\": \"$2\""; }

# gone NAME [SECONDS]: QEMU ends by itself, with status 0.
gone() {
	eval "p=\$qemu_$1"
	until_true "${2:-120}" dead "$1" || { echo "QEMU does not end"; why "$1"; kill -KILL "$p"; return 1; }
	rc=0
	wait "$p" || rc=$?
	[ $rc = 0 ] || { echo "QEMU: status $rc"; why "$1"; return 1; }
}
# The guest did its work and powered off.
done_well() { gone "$@" && says "$1" '^guest: exit 0' 1; }
stop_qemu() {
	eval "kill -KILL \$qemu_$1" 2>/dev/null
	eval "wait \$qemu_$1" 2>/dev/null
}
