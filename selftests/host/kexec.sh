#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kexec with the module loaded, after guests have run and while one runs. The next kernel must come up at EL2, load
# the module and run guests. It boots the same root, and this script runs there again.
#
#   kexec.sh now | crash
#
# "crash" needs crashkernel= on the command line of the host.
here=$(cd "$(dirname "$0")" && pwd)
TAP_DONE=$(sed -n 's/.*selftest\.done=\([0-9]*\).*/\1/p' /proc/cmdline)
# shellcheck source-path=SCRIPTDIR source=tap.sh
. "$here/tap.sh"
el2='CPU: All CPU(s) started at EL2'
smp() { "$here/../smp"; }

if [ -n "$TAP_DONE" ]; then
	echo "# kernel command line: $(cat /proc/cmdline)"
	check 'the next kernel came up at EL2' sh -c "dmesg | grep -F '$el2'"
	check 'the module is loaded there' grep -q '^avmm ' /proc/modules
	check 'guests run there' smp
	check 'the module unloads there' rmmod avmm
	done_testing
fi

check 'guests run' smp
guest busy 2 128 'while :; do :; done'
check 'a guest is up' up busy

# What differs in the next kernel's root is an archive after that of the root. Without what only this kernel needs:
# the crash kernel has little memory.
(cd / && find . -xdev -path ./guest -prune -o -print | cpio -o -H newc) >$tmp/initrd 2>/dev/null
cmdline=$(sed 's/crashkernel=[^ ]*//' /proc/cmdline)
case $1 in
now) check 'the next kernel is loaded' \
	"$here/kexec" load /guest/Image $tmp/initrd "$cmdline selftest.done=3" ;;
crash)
	# CPUs that the dead kernel left running are not the next one's.
	check 'the crash kernel is loaded' \
		"$here/kexec" crash /guest/Image $tmp/initrd "$cmdline maxcpus=1 selftest.done=4" ;;
esac
rm $tmp/initrd
[ $bad = 0 ] || done_testing

case $1 in
now)
	drain
	"$here/kexec" now
	;;
crash)
	check 'the guest still runs' alive $pid
	drain
	echo c >/proc/sysrq-trigger
	;;
esac
bad=1
done_testing
