#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# /dev/kvm: there by default with KVM's own number, the same hypervisor as /dev/avmm, and absent with kvm_node=0.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
if [ ! -e "$here/../avmm.ko" ]; then echo '1..0 # SKIP there is no avmm.ko'; exit 4; fi

reload() {
	! grep -q '^avmm ' /proc/modules || rmmod avmm || return 1
	insmod "$here/../avmm.ko" "$@"
}
kvm_is() { [ "$(stat -c '%F %t %T' /dev/kvm)" = "character special file a e8" ]; }

check 'the module loads' reload
check '/dev/kvm is a node with the number 10, 232' kvm_is
check '/dev/avmm is another' [ "$(stat -c '%t %T' /dev/avmm)" != "$(stat -c '%t %T' /dev/kvm)" ]
check 'kvm_node says Y' grep -q Y /sys/module/avmm/parameters/kvm_node
for t in version_caps smp one_guest; do
	arg=
	[ $t != one_guest ] || arg=--run
	# shellcheck disable=SC2086 # an argument or none
	check "$t passes on /dev/kvm" env AVMM_DEVICE=/dev/kvm "$here/../$t" $arg
done
# A VM of the one, held while there is one of the other.
"$here/../one_guest" --hold vcpu >$tmp/hold &
pid=$!
until_true 20 grep -q holding $tmp/hold
check 'guests on both at once' env AVMM_DEVICE=/dev/kvm "$here/../one_guest" --run
kill $pid
wait $pid 2>/dev/null
if [ -e /guest/Image ]; then
	DEVICE=/dev/kvm guest kvm 1 192 'uname -r'
	check 'Linux runs on /dev/kvm' ended kvm $pid
fi

check 'the module loads with kvm_node=0' reload kvm_node=0
check 'there is no /dev/kvm then' [ ! -e /dev/kvm ]
check 'kvm_node says N' grep -q N /sys/module/avmm/parameters/kvm_node
check 'guests run on /dev/avmm' "$here/../one_guest" --run
check 'it unloads' rmmod avmm
check 'nothing is left in /dev' [ ! -e /dev/avmm ]
check 'a wrong value is refused' sh -c "! insmod '$here/../avmm.ko' kvm_node=perhaps"
check 'the module loads as at first' reload
check '/dev/kvm is there again' kvm_is
done_testing
