#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module must not load here: insmod fails as it should, says why in one line of the kernel's
# log, and leaves nothing.
#
#   refusal.sh "insmod's text" "pattern of the log line"
here=$(cd "$(dirname "$0")" && pwd)
n=0 failed=0
ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n $2"; else echo "not ok $n $2"; failed=1; fi
}
echo "TAP version 13"
if [ ! -e "$here/avmm.ko" ]; then
	echo "1..0 # SKIP there is no avmm.ko"
	exit 4
fi
for _ in 1 2; do
	dmesg -c >/dev/null
	! text=$(insmod "$here/avmm.ko" 2>&1)
	ok $? "insmod fails"
	case $text in
	*"$1"*) ok 0 "and says: $1" ;;
	*) ok 1 "and says: $1 (it said: $text)" ;;
	esac
	# insmod may try twice, by one system call and by the other
	lines=$(dmesg | sed -n 's/.*avmm: refused: /refused: /p' | sort -u)
	[ "$(echo "$lines" | grep -c .)" = 1 ]; ok $? "there is one kind of line in the log"
	echo "$lines" | grep -q -E "$2"; ok $? "which tells the cure: $lines"
	[ ! -e /dev/avmm ]; ok $? "there is no device"
	! grep -q '^avmm ' /proc/modules; ok $? "and no module"
done
echo "1..$n"
exit $failed
