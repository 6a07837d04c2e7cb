#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kexec with the module loaded, after guests have run and while one runs; then, from the kernel that this started, the
# same by a panic. Each kernel must come up at EL2, load the module and run guests. All of them boot the same root, so
# this script runs in each; selftest.kernel=N on the command line tells which it is. The host needs crashkernel=.
here=$(cd "$(dirname "$0")" && pwd)
word() { sed -n "s/.*selftest\.$1=\([0-9]*\).*/\1/p" /proc/cmdline; }
kernel=$(word kernel)
kernel=${kernel:-1}
TAP_DONE=$(word "done")
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"

# pack_root PATH: all of it but that.
pack_root() {
	(cd / && find . -xdev -path "$1" -prune -o -print | cpio -o -H newc) >$tmp/initrd 2>/dev/null
}
# load HOW WORDS: the kernel that comes next, with words that this one's command line did not have. This check is counted
# already, and one more comes before that starts.
load() {
	"$here/kexec" "$1" /guest/Image $tmp/initrd \
		"$(sed 's/ selftest\..*//' /proc/cmdline) selftest.kernel=$((kernel + 1)) selftest.done=$((n + 1)) $2"
}

el2='CPU: All CPU(s) started at EL2'
check "kernel $kernel came up at EL2" sh -c "dmesg | grep -F '$el2'"
check "kernel $kernel: the module is loaded" grep -q '^avmm ' /proc/modules
check "kernel $kernel: guests run" "$here/../one_guest" --run
if [ "$kernel" = 3 ]; then
	check 'the module unloads' rmmod avmm
	done_testing
fi

guest busy 1 192 'while :; do :; done'
check "kernel $kernel: a guest is up" up busy
case $kernel in
1)
	pack_root ./no-such-path
	check 'the next kernel is loaded' load load
	;;
2)
	# The crash kernel has little memory. CPUs that the dead kernel left running are not its own.
	pack_root ./guest
	check 'the crash kernel is loaded' load crash maxcpus=1
	;;
esac
rm $tmp/initrd
check "kernel $kernel: the guest still runs" alive "$pid"
[ $bad = 0 ] || done_testing

drain
case $kernel in
1) "$here/kexec" now ;;
2) echo c >/proc/sysrq-trigger ;;
esac
echo "not ok $((n + 1)) the next kernel starts"
exit 1
