#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A kernel that was not started at EL2 refuses the module. Such a kernel is at hand in every guest,
# so refusal.sh runs there; what it prints is passed on. Needs lab/host --guest.
#
#   refusal_el1.sh "insmod's text" "pattern of the log line"
here=$(cd "$(dirname "$0")" && pwd)
root=$(mktemp -d)
if [ ! -e "$here/avmm.ko" ] || [ ! -e /guest/Image ] || ! command -v avmm >/dev/null; then
	echo "1..0 # SKIP needs avmm.ko, the VMM, and lab/host --guest"
	exit 4
fi
mkdir "$root/selftests"
cp "$here/avmm.ko" "$here/refusal.sh" "$root/selftests"
cp /guest/initrd.cpio.gz "$root.initrd"
(cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip) >>"$root.initrd"
run=$(printf "/selftests/refusal.sh '%s' '%s'" "$1" "$2" | base64 | tr -d '\n')
avmm run --kernel /guest/Image --initrd "$root.initrd" --cpus 1 --memory 256M \
	--append "console=ttyAMA0 loglevel=1 avmm.run=$run" </dev/null >"$root.out" 2>&1
tr -d '\r' <"$root.out" | grep -E '^(TAP|ok|not ok|1\.\.)'
grep -q '^not ok' "$root.out" && exit 1
tr -d '\r' <"$root.out" | grep -q '^guest: exit 0$' || { sed 's/^/# /' "$root.out"; exit 1; }
