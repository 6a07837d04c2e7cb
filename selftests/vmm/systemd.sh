#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The unit avmm@.service under a real systemd: Debian, from its disk, runs as a container beside this host's own first
# process, and its systemd starts, stops and restarts a virtual machine. For "lab/host --debian --guest".
#
#   systemd.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
root=/mnt log=/var/one.log

# ---- in the container, as a unit after all others

main_pid() { systemctl show -P MainPID avmm@one; }
restarted() { [ "$(main_pid)" != 0 ] && [ "$(main_pid)" != "$1" ]; }
inside() {
	check 'the user avmm is made' grep -q '^avmm:' /etc/passwd
	check 'a virtual machine without configuration' sh -c 'systemctl start avmm@none; ! systemctl is-active avmm@none'
	check 'one that has one starts' systemctl start avmm@one
	check 'its guest runs' until_true 240 grep -q '^powerkey: ready' $log
	check 'it is in the list' sh -c 'avmm list | grep -q "^one .*running"'
	# the container has no awk
	check 'its process is the user'\''s' grep -q "^Uid:[[:space:]]$(id -u avmm)[[:space:]]" "/proc/$(main_pid)/status"
	check 'stop' systemctl stop avmm@one
	check 'the guest saw its power key' grep -q '^powerkey: pressed' $log
	check 'and switched itself off in time' [ "$(systemctl show -P Result avmm@one)" = success ]
	check 'it starts again' systemctl start avmm@one
	was=$(main_pid)
	kill -9 "$was"
	check 'one that was killed is started again' until_true 60 restarted "$was"
	check 'with the same name' until_true 60 sh -c 'avmm list | grep -q "^one .*running"'
	check 'one that is told to quit is not' sh -c 'systemctl kill -s TERM avmm@one; systemctl stop avmm@one; ! systemctl is-active avmm@one'
	done_testing
}
[ "${2:-}" != inside ] || inside

# ---- in the host

modprobe -a virtio_pci virtio_blk ext4
disk=$(grep -l -x debian /sys/block/vd*/serial | cut -d / -f 4)
[ -n "$disk" ] || { echo '1..0 # SKIP no disk with Debian on it here'; exit 4; }
mount -t ext4 "/dev/$disk" $root
mkdir -p $root/guest $root/selftests $root/etc/avmm $root/usr/lib/sysusers.d
for d in dev sys guest selftests; do mount -o rbind /$d $root/$d; done
mount -t tmpfs -o mode=755 tmpfs $root/run
mount -t cgroup2 cgroup2 $root/sys/fs/cgroup
cp /usr/bin/avmm $root/usr/bin
cp "$here/avmm.sysusers" $root/usr/lib/sysusers.d/avmm.conf
units=$root/etc/systemd/system
sed 's,@PREFIX@,/usr,' "$here/avmm@.service" >$units/avmm@.service
avmm run --device "$DEVICE" --kernel /guest/Image --initrd /guest/initrd.cpio.gz --memory 192M --serial file=$log \
	--append "console=ttyAMA0 quiet avmm.run=$(printf %s "$POWER_KEY" | base64 | tr -d '\n')" \
	--dump-config >$root/etc/avmm/one.json
# --device is of this run, not of the machine
[ "$DEVICE" = /dev/avmm ] || sed -i "s,/avmm run ,&--device $DEVICE ," $units/avmm@.service
cat >$units/test.service <<END
[Unit]
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/selftests/vmm/systemd.sh $DEVICE inside >/result 2>&1; systemctl poweroff --no-block'
END
mkdir -p $units/multi-user.target.wants
ln -s ../test.service $units/multi-user.target.wants/

# The hardware and the console stay this host's; caches that nobody uses are not built.
mask=
for unit in systemd-udevd systemd-udev-trigger console-getty getty@tty1 serial-getty@ttyAMA0 systemd-hwdb-update ldconfig \
	systemd-journal-catalog-update e2scrub_reap; do
	mask="$mask systemd.mask=$unit.service"
done
# shellcheck disable=SC2086 # words
container=lab unshare -m -p -f sh -c "mount -t proc proc $root/proc && exec chroot $root /sbin/init \$*" init \
	systemd.show_status=0 $mask </dev/null >/dev/null
cat $root/result || { echo 'not ok 1 systemd came to the tests'; echo 1..1; exit 1; }
! grep -q '^not ok' $root/result
