# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What every script of the lab shares. The caller sets LAB (the lab's folder) and sources this file.
#
# Exit statuses of the lab's own: chosen high, so that they are not taken for a status of the
# command in the host.
# shellcheck disable=SC2034 # used by the scripts that source this file
LAB_EX_KERNEL=123 LAB_EX_TIMEOUT=124 LAB_EX_LAB=125

TOP=$(cd "$LAB/.." && pwd)
CACHE=${AVMM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/avmm}
LAB_NAME=${0##*/}

say() { printf '%s: %s\n' "$LAB_NAME" "$*" >&2; }
die() { say "$*"; exit "$LAB_EX_LAB"; }

# The word as one shell word, whatever is in it.
quote() { printf "'%s'" "$(printf '%s\n' "$1" | sed "s/'/'\\\\''/g")"; }

# Folder $1 as an archive for the kernel's initramfs on stdout; "." itself is left out, because its
# mode would become the mode of the root folder.
pack() { (cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet); }

# What the cache holds for one kernel; lab/setup writes these, the others only read them.
kernel_dir() { printf '%s/linux-%s' "$CACHE" "$1"; }

# Kernels the lab knows, and the Debian suite that each comes from.
kernel_suite() {
	case $1 in
	6.1 | debug) echo bookworm ;;
	6.12) echo trixie ;;
	sid) echo sid ;;
	*) die "kernel '$1' is not one of 6.1, 6.12, sid, debug" ;;
	esac
}

# Programs that the host can be given, as packages of a Debian suite with all that these depend on;
# a word that begins with "+" is a package without its dependencies.
programs_suite() {
	case $1 in
	qemu | libvirt) echo bookworm ;;
	qemu10 | libvirt11 | vmm) echo trixie ;;
	*) die "programs '$1' are not one of qemu, qemu10, libvirt, libvirt11, vmm" ;;
	esac
}
programs_packages() {
	# what works for the VMM's devices; qemu-utils has qemu-storage-daemon
	[ "$1" != vmm ] || { echo passt virtiofsd qemu-utils strace; return; }
	echo qemu-system-arm qemu-utils strace +qemu-efi-aarch64 +ipxe-qemu
	# bsdutils has script(1), which is a terminal for "virsh console"; of libvirt-daemon-system it is the profiles of
	# AppArmor. In bookworm virtiofsd came with QEMU, and storage pools, which virt-install wants, with the daemon.
	case $1 in
	libvirt*) echo libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients +bsdutils:arm64 passt virtinst apparmor \
		+libvirt-daemon-system:arm64 ;;
	esac
	[ "$1" != libvirt11 ] || echo virtiofsd libvirt-daemon-driver-storage
}

# Their file system. Its name tells what is in it and who made it.
programs_image() {
	sum=$({ programs_packages "$1"; sed -n '/^make_programs()/,/^}/p' "$LAB/setup"; } | cksum)
	printf '%s/programs-%s-%s.ext4' "$CACHE" "$1" "${sum%% *}"
}

# Debian bookworm as a guest's root file system.
debian_packages() {
	echo systemd-sysv udev dbus login util-linux mount procps kmod iproute2 wget e2fsprogs \
		coreutils bash grep sed gawk findutils diffutils gzip tar hostname base-files base-passwd dash
}
debian_image() {
	sum=$({ debian_packages; sed -n '/^make_debian()/,/^}/p' "$LAB/setup"; } | cksum)
	printf '%s/debian-%s.ext4' "$CACHE" "${sum%% *}"
}

# What a guest of that host boots: the checkers of the debug kernel are for the host only.
guest_kernel() { if [ "$1" = debug ]; then echo 6.1; else echo "$1"; fi; }

# The initrd of a guest, made with this tree's init of the guest.
guest_initrd() {
	sum=$(cksum <"$LAB/init.guest")
	printf '%s/guest-%s.cpio.gz' "$(kernel_dir "$1")" "${sum%% *}"
}

# Lines of a kernel log that mean that the kernel is not well.
LAB_COMPLAINTS='Unable to handle|Internal error|Oops|Kernel panic|kernel BUG|BUG: |WARNING: '
LAB_COMPLAINTS="$LAB_COMPLAINTS|KASAN|UBSAN|corruption|refcount_t|unreferenced object"
LAB_COMPLAINTS="$LAB_COMPLAINTS|INFO: task|blocked for more than|soft lockup|hard LOCKUP|rcu.*stall"
LAB_COMPLAINTS="$LAB_COMPLAINTS|suspicious RCU|circular locking|recursive locking|inconsistent lock"
LAB_COMPLAINTS="$LAB_COMPLAINTS|scheduling while atomic|sleeping function|nobody cared|SError"
LAB_COMPLAINTS="$LAB_COMPLAINTS|Bad mode"
# Those of the debug kernel that no word above catches. "BUG kmalloc-64" is how SLUB speaks; a
# checker that has given up would make a test pass that it did not watch.
LAB_COMPLAINTS="$LAB_COMPLAINTS|BUG [a-z]|trying to register non-static key|ODEBUG|page dumped"
LAB_COMPLAINTS="$LAB_COMPLAINTS|turning off the locking correctness|ODEBUG: Out of memory"
LAB_COMPLAINTS="$LAB_COMPLAINTS|kmemleak: .*([Dd]isabl|Cannot)|Memory manager not clean"
