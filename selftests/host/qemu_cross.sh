#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest of Debian's QEMU under load moves from one host to another and back: "lab/host --peer" runs this in both,
# with different hypervisors. Host 1 has the plan; host 2 fails by its status.
#
#   qemu_cross.sh [VCPUS]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
# shellcheck source-path=SCRIPTDIR source=qemu_lib.sh
. "$here/qemu_lib.sh"
need_qemu
initrd_with "$here/steady"
# What both hypervisors have to offer: AVMM has no PMU.
CPU=host,pmu=off CPUS=${1:-2}
me=$(hostname)
moved() { qmp "$1" '{"execute":"query-migrate"}' | grep -q '"status": "\(completed\|failed\)"'; }

# send NAME TO: the guest goes, its QEMU ends.
send() {
	qmp "$1" '{"execute":"migrate-set-parameters","arguments":{"downtime-limit":3000}}' >/dev/null
	check "$me: the guest sets out for $2" \
		qmp "$1" "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"tcp:$2:4444\"}}"
	check "$me: it is done" until_true 240 moved "$1"
	check "$me: without an error" grep '"status": "completed"' "$tmp/$1.qmp"
	qmp "$1" '{"execute":"query-migrate"}' | sed -n 's/.*"downtime": \([0-9]*\).*/# downtime \1 ms/p'
	[ $bad = 0 ] || done_testing
	check "$me: its QEMU is told to end" qmp "$1" '{"execute":"quit"}'
	check "$me: and does" gone "$1"
}
# take NAME: the guest that comes goes on, and nothing is wrong with it.
take() {
	check "$me: the load goes on" goes_on "$1" 'steady:' 200
	check "$me: so do the interrupts of its device" goes_on "$1" drawn 100
	sleep 3
	check "$me: nothing is wrong with it" sh -c "! grep -e BAD -e 'guest: up' -e panic $tmp/$1"
	# The last line may not be whole yet.
	printf '# %s\n' "$(grep -a '^steady:' "$tmp/$1" | tail -n 1)"
	[ $bad = 0 ] || done_testing
}

if [ "$me" = host1 ]; then
	check "$me: a guest starts" qemu first "$DRAWS steady 16 1000" -device virtio-rng-pci
	check "$me: the load runs" says first 'steady: [1-9][0-9]* s' 240
	check "$me: its device has MSI-X by the ITS" says first 'ITS-MSI.*virtio' 1
	check "$me: host2 is ready" meet 1
	send first host2
	check "$me: a QEMU waits" qemu back 'steady 16 1000' -device virtio-rng-pci -incoming tcp:0:4444
	check "$me: host2 has the guest" meet 2
	check "$me: host2 has sent it back" meet 3
	take back
	stop_qemu back
else
	check "$me: a QEMU waits" qemu first 'steady 16 1000' -device virtio-rng-pci -incoming tcp:0:4444
	check "$me: host1 is ready" meet 1
	take first
	check "$me: host1 waits" meet 2
	send first host1
	check "$me: host1 is told" meet 3
fi
done_testing
