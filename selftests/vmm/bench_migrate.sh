#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# For lab/bench: what a migration between two processes of a host, a checkpoint and a restore cost of a guest that writes
# to 8 MiB all the time; lines "name value". With /dev/avmm they are of avmm, with /dev/kvm of Debian's QEMU there. Both
# stop the guest when the rest would take 300 ms, which is the default of both.
#
#   bench_migrate.sh DEVICE
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/../host/tap.sh"
export DEVICE="$1"
mkdir -p /run
initrd_with "$here/../host/steady"
TICKS='steady 8 100000 >/dev/null & while :; do echo tick; usleep 10000; done'

fail() { echo "$*" >&2; exit 1; }
# In units of 10 ms, which is enough for what takes some hundred.
now() { awk '{ printf "%.0f", $1 * 1000 }' /proc/uptime; }
number() { tr -d ' ,' <$tmp/json | sed -n "s/^\"$1\":\([0-9]*\).*/\1/p" | head -n 1; }
ticks() { [ "$(grep -a -c tick "$tmp/$1")" -ge 100 ]; }
# first_tick COMMAND...: until the guest says something; then all ends. On one CPU: with --icount QEMU runs the host's CPUs in
# turn, and one that is woken by another waits until that one's turn is over, up to 100 ms of nothing.
first_tick() {
	echo 0 >/sys/devices/system/cpu/cpu1/online
	began=$(now)
	"$@" </dev/null 2>$tmp/err | {
		read -r _ || fail "not restored: $(cat $tmp/err)"
		echo "restore_to_first_line_ms $(($(now) - began))"
		killall -9 "$1"
	}
}
numbers() {
	echo "migration_bytes $(number transferred)"
	echo "migration_downtime_ms $(number downtime)"
	echo "migration_total_ms $(number total-time)"
}

if [ "$DEVICE" = /dev/avmm ]; then
	guest a 1 192 "$TICKS"
	until_true 300 ticks a || fail "no guest"
	avmm run --name b --cpus 1 --memory 192M --incoming unix:$tmp/b.sock </dev/null >$tmp/b 2>&1 &
	until_true 60 [ -S $tmp/b.sock ]
	avmm migrate a unix:$tmp/b.sock --json >$tmp/json 2>$tmp/err || fail "no migration: $(cat $tmp/err)"
	numbers
	until_true 60 ticks b || fail "not migrated"
	avmm save b $tmp/c --stop --json >$tmp/json 2>$tmp/err || fail "no checkpoint: $(cat $tmp/err)"
	echo "checkpoint_bytes $(stat -c %s $tmp/c)"
	first_tick avmm restore $tmp/c --name r
else
	# shellcheck source-path=SCRIPTDIR source=../host/qemu_lib.sh
	. "$here/../host/qemu_lib.sh"
	export MEM=192
	moved() { qmp "$1" '{"execute":"query-migrate"}' | grep -q '"status": "\(completed\|failed\)"'; }
	# go NAME URI: it leaves
	go() {
		qmp "$1" "{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"$2\"}}" >/dev/null
		until_true 240 moved "$1"
		qmp "$1" '{"execute":"query-migrate"}' | tr ',{}' '\n\n\n' >$tmp/json
		grep -q completed $tmp/json || fail "no migration"
		qmp "$1" '{"execute":"quit"}' >/dev/null
	}
	qemu a "$TICKS" >&2 || fail "no guest"
	until_true 300 ticks a || fail "no guest"
	qemu b "$TICKS" -incoming unix:$tmp/b.sock >&2 || fail "no destination"
	go a unix:$tmp/b.sock
	numbers
	until_true 60 ticks b || fail "not migrated"
	go b "exec:cat >$tmp/c"
	echo "checkpoint_bytes $(stat -c %s $tmp/c)"
	first_tick qemu-system-aarch64 -nodefaults -nographic -accel kvm -cpu host -M virt -m 192 -kernel /guest/Image \
		-initrd "$INITRD" -append quiet -serial stdio -incoming "exec:cat $tmp/c"
fi
