#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The balloon: memory goes to the host because the guest reports that it is free, or by order, and comes back.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
mkdir -p /run

# A file in the guest's RAM comes and goes.
# shellcheck disable=SC2016 # for the guest to expand
guest bal 1 384 "$(drivers virtio_balloon)"'
	mount -t tmpfs -o size=200m tmpfs /mnt; dd if=/dev/urandom of=/mnt/file bs=1M count=160 2>/dev/null
	echo filled; sleep 5; rm /mnt/file; echo freed
	while :; do echo "total: $(sed -n "s/MemTotal: *\([0-9]*\) kB/\1/p" /proc/meminfo)"; sleep 1; done' --balloon
bal=$pid
rss() { sed -n 's/^RssShmem:[^0-9]*\([0-9]*\) kB/\1/p' /proc/"$bal"/status; }
less() { echo "$(rss) kB"; [ "$(rss)" -lt "$1" ]; }
total() { echo "$(value bal total) kB"; test "$(value bal total)" "$1" "$2"; }
order() { avmm qmp bal balloon "{\"value\": $(($1 << 20))}"; }
# In bytes there; the guest counts in KiB.
counted() {
	avmm qmp bal x-avmm-query-balloon-stats | tr -d ' ' | grep "\"stat-total-memory\":$(($(value bal total) * 1024))[,}]*\$"
}
actual() { avmm qmp bal query-balloon | tr -d ' \n' | grep -q "\"actual\":$(($1 << 20))"; }

check 'a guest fills its memory' until_true 180 said bal filled
full=$(rss)
echo "# $full kB"
check 'what it frees goes back to the host by itself' until_true 120 less $((full - 100000))
check 'it says how much there is' until_true 60 said bal 'total: [0-9]'
before=$(value bal total)
check 'it is told to do with 256 MiB' order 256
check 'and does' until_true 120 actual 256
check 'it sees that it has less' until_true 60 total -lt $((before - 120000))
check 'statistics say the same' until_true 60 counted
check 'it is given all of it again' order 384
check 'and takes it' until_true 120 actual 384
check 'it sees that it has as much as before' until_true 60 total -eq "$before"
kill "$bal"
wait "$bal" 2>/dev/null
guest bal 1 192 'sleep 1000'
check 'a guest without one' up bal
check 'has none' sh -c "avmm qmp bal query-balloon 2>&1 | grep -q 'has no virtio-balloon'"
kill "$pid"
done_testing
