#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What checkpoints and migrations of a guest cost that writes to 8 MiB all the time: lines "name value" for lab/bench.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
DISK="mount -t tmpfs tmpfs /mnt"
fail() { echo "$*" >&2; exit 1; }
number() { tr -d ' ,' <$tmp/json | sed -n "s/^\"$1\":\([0-9]*\).*/\1/p" | head -n 1; }

load a && works a >/dev/null || fail "no guest"
avmm save a $tmp/c --stop --json >$tmp/json || fail "no checkpoint"
echo "checkpoint_bytes $(stat -c %s $tmp/c)"
echo "checkpoint_downtime_ms $(number downtime)"
comes r "restore $tmp/c --name r --verbose"
works r >/dev/null || fail "not restored"
echo "restore_to_run_ms $(sed -n 's/.*the guest runs after \([0-9]*\) ms.*/\1/p' $tmp/r)"
comes b "run --name b $VM --incoming unix:$tmp/b.sock"
until_true 60 [ -S $tmp/b.sock ]
avmm migrate r unix:$tmp/b.sock --json >$tmp/json || fail "no migration"
echo "migration_bytes $(number transferred)"
echo "migration_downtime_ms $(number downtime)"
echo "migration_total_ms $(number total-time)"
works b >/dev/null || fail "not migrated"
