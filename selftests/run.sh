#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs test programs one after the other and makes one TAP stream of theirs: numbered through, each
# check with its program's name before it. What a program does not say itself is said for it: that
# it took too long, that it died, that it never came to its plan.
#
#   run.sh [--prefix WORD] [--timeout SECONDS] PROGRAM[,ARGUMENT...]...
#
# Status: 0 all passed, 1 something failed.
here=$(cd "$(dirname "$0")" && pwd)
limit=300 prefix=
while :; do
	case $1 in
	--prefix) prefix="$2/"; shift 2 ;;
	--timeout) limit=$2; shift 2 ;;
	*) break ;;
	esac
done

# The debug kernel of the lab takes so many times as long.
limit=$((limit * ${AVMM_SLOW:-1}))

for prog; do
	name=${prog##*/}
	case $prog in
	*/*) ;;
	*) prog=$here/$prog ;;
	esac
	echo "@start $prefix$name"
	began=$(cut -d. -f1 /proc/uptime)
	# shellcheck disable=SC2046 # a program and its arguments
	timeout -k 5 "$limit" $(echo "$prog" | tr , ' ') 2>&1
	printf '\n@status %s %s\n' $? $(($(cut -d. -f1 /proc/uptime) - began))
done | awk -v limit="$limit" '
	function line(verdict, text) {
		printf "%s %d %s: %s\n", verdict, ++n, name, text
		fflush()
		if (verdict == "not ok") { bad++; failed++ }
		if (text ~ /# SKIP/) skips++
	}
	BEGIN { print "TAP version 13" }
	{ sub(/\r$/, "") }
	/^@start / { name = $2; progs++; seen = failed = planned = skipall = 0; next }
	/^@status / {
		if ($2 == 124 || $2 == 137 || $2 == 143)
			line("not ok", "took longer than " limit " s")
		else if ($2 == 4 && skipall) line("ok", "# SKIP " why)
		else if (!planned) line("not ok", "ended early, status " $2)
		else if ($2 != 0 && !failed) line("not ok", "status " $2)
		else if (seen != plan) line("not ok", "planned " plan " checks and made " seen)
		print "# " name " took " $3 " s"
		next
	}
	/^TAP version/ || /^$/ { next }
	/^1\.\.0 # SKIP/ { skipall = 1; why = $0; sub(/^1\.\.0 # SKIP */, "", why); next }
	/^1\.\./ { planned = 1; plan = substr($1, 4); next }
	/^(not )?ok/ {
		verdict = /^not/ ? "not ok" : "ok"
		sub(/^(not )?ok *[0-9]* *(- *)?/, "")
		seen++
		line(verdict, $0)
		next
	}
	/^#/ { print; fflush(); next }
	{ print "# " $0; fflush() }
	END {
		printf "1..%d\n# %d programs: %d passed, %d failed, %d skipped\n", n, progs,
			n - bad - skips, bad, skips
		exit bad > 0
	}'
