#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Linux guests and their VMM as a user has them: two at once of which one is killed, a load of processes and pipes on
# one and on four vCPUs, power-off and reboot from inside.
#
#   guests.sh [--short] [DEVICE]	--short: one guest, with the load on two vCPUs
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
short='' loads='1 4'
[ "${1:-}" != --short ] || { short=1 loads=2; shift; }
export DEVICE="${1:-/dev/avmm}"

# 32 MiB of what gzip makes of the same every time, and its digest; in the pieces of a pipe.
sum_of='dd if=/dev/zero bs=64k count=256 2>/dev/null | tr "\0" x | md5sum'
sum=$(sh -c "$sum_of")
says() { tr -d '\r' <"$tmp/$1" | grep -q -F "$2"; }

two_guests() {
	guest one 1 192 "for i in 1 2 3; do $sum_of; done | uniq"
	one=$pid
	guest two 2 192 'while :; do :; done'
	two=$pid
	check 'a guest is up' up one
	check 'a second one is up beside it' up two
	kill -KILL "$two"
	wait "$two" 2>/dev/null
	check 'the second is killed, the first goes on' alive "$one"
	check 'the first comes to its end' ended one "$one"
	check 'its checksums are right' says one "$sum"
	check 'each has had its own console' [ "$(grep -c '^guest: up' $tmp/one)" = 1 ]
}
[ -n "$short" ] || two_guests

# Processes, pipes, a file; several at a time.
# shellcheck disable=SC2016 # for the guest to expand
load='for j in 1 2 3 4; do (
	for i in 1 2 3 4 5 6 7 8 9 10; do x=$(echo $i | cat | cat); [ "$x" = $i ] || echo BAD; done
	dd if=/dev/urandom of=/tmp/$j bs=64k count=16 2>/dev/null
	cat /tmp/$j | gzip | gunzip | cmp - /tmp/$j || echo BAD
) & done; wait; nproc; echo load done'
for cpus in $loads; do
	guest load "$cpus" 192 "$load"
	check "the load on $cpus vCPUs ends" ended load "$pid"
	check "with all of it right on $cpus vCPUs" sh -c \
		"grep -q '^load done' $tmp/load && grep -q '^$cpus.\$' $tmp/load && ! grep BAD $tmp/load"
done

[ -z "$short" ] || done_testing

guest off 1 192 'poweroff -f'
rc=0
wait "$pid" || rc=$?
check 'power-off from inside ends the VMM with 0' [ $rc = 0 ]
guest reboot 1 192 'reboot -f'
twice() { [ "$(grep -c '^guest: up' $tmp/reboot)" -ge 2 ]; }
check 'reboot from inside boots it again' until_true 120 twice
rc=0
kill -TERM "$pid"
wait "$pid" || rc=$?
check 'SIGTERM ends the VMM' [ $rc = 143 ]
done_testing
