#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The style and compliance script, for people and for "make style": compiler
# warnings (W=1), sparse, checkpatch, shellcheck. Each tool is used if it is
# there and named if it is not; findings make the status 1.
#
# CHECKPATCH=path names scripts/checkpatch.pl of a kernel tree.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

found() {
	echo "style: $1:"
	cat "$log"
	status=1
}

echo "style: compiler warnings and sparse"
sparse=
if command -v sparse >/dev/null; then sparse=C=2; else echo "style: no sparse here"; fi
# shellcheck disable=SC2046 # the facts of the lab are words
make $(lab/setup --print kbuild) M="$PWD" W=1 $sparse modules >"$log" 2>&1 ||
	found "the module does not build"
# only what our files say: the kernel's headers have warnings of their own
grep -E "^($PWD/)?kmod/[^:]*:[0-9]+.*(warning|error):" "$log" >"$log.ours"
mv "$log.ours" "$log"
[ -s "$log" ] && found "W=1 and sparse"

checkpatch=${CHECKPATCH:-}
if [ -n "$checkpatch" ]; then
	echo "style: checkpatch"
	# HYP_FN() makes a name of an argument, and checkpatch takes it for a function without one
	patch() {
		ignore=$1
		shift
		git ls-files "$@" | xargs -n 1 perl "$checkpatch" --terse --no-summary --ignore "$ignore" -f 2>/dev/null
	}
	patch FUNCTION_ARGUMENTS 'kmod/*.[chS]' include >"$log"
	# What is the kernel's own affair (its macros, its log, its barriers), and rows of a table in one line each
	patch "$(echo SPLIT_STRING ARRAY_SIZE VOLATILE EMBEDDED_FUNCTION_NAME PREFER_DEFINED_ATTRIBUTE_MACRO \
		FUNCTION_ARGUMENTS LONG_UDELAY NAKED_SSCANF MEMORY_BARRIER AVOID_EXTERNS TRAILING_STATEMENTS \
		LEADING_SPACE TABSTOP LINE_SPACING SUSPECT_COMMA_SEMICOLON INITIALISED_STATIC REPEATED_WORD \
		STATIC_CONST_CHAR_ARRAY UNNECESSARY_ELSE MASK_THEN_SHIFT SPACING STRING_FRAGMENTS | tr ' ' ,)" \
		'userspace-vmm/*.[ch]' 'selftests/*.[chS]' >>"$log"
	[ -s "$log" ] && found checkpatch
else
	echo "style: no checkpatch here (CHECKPATCH=...)"
fi

if command -v shellcheck >/dev/null; then
	echo "style: shellcheck"
	git grep -lE '^#!/bin/sh' -- . | xargs shellcheck -x -S warning >"$log" || found shellcheck
else
	echo "style: no shellcheck here"
fi

echo "style: versions of the kernel outside compat/"
git grep -n LINUX_VERSION_CODE -- 'kmod/*.[ch]' ':!kmod/compat/' >"$log" && found "LINUX_VERSION_CODE"
exit $status
