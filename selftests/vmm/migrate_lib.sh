# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests of checkpoints and migration share; sourced with the device as $1.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
mkdir -p /run
initrd_with "$here/../host/steady"
# shellcheck disable=SC2034 # for who sources this
VM="--device $DEVICE --cpus 2 --memory 192M"

# Files are written and read back from the disk all the time; steady does the same with memory, and looks at clocks.
# shellcheck disable=SC2016 # for the guest to expand
DISK='modprobe -a virtio_pci virtio_mmio virtio_blk ext4
mke2fs -q /dev/vda >/dev/null 2>&1; mount -t ext4 /dev/vda /mnt || echo "files: BAD no disk"'
# shellcheck disable=SC2016 # for the guest to expand
LOAD='i=0
(while :; do
	i=$((i + 1))
	dd if=/dev/urandom of=/mnt/$((i % 4)) bs=16k count=6 2>/dev/null
	(cd /mnt && md5sum $((i % 4)) >sum$((i % 4)) && sync && echo 1 >/proc/sys/vm/drop_caches)
	(cd /mnt && cat sum? | md5sum -c -s) || echo "files: BAD"
	echo "files: $i"
	usleep 300000
done) &
steady 8 5000'

# load NAME OPTION...: the guest with its load; $pid is its process.
load() {
	name=$1
	shift
	rm -f "$tmp/$name"
	guest "$name" 2 192 "$DISK
$LOAD" "$@"
	echo $pid >"$tmp/$name.pid"
	up "$name"
}
# comes NAME COMMAND: a process of avmm whose guest comes from elsewhere.
comes() {
	rm -f "$tmp/$1" "$tmp/$1.sock"
	# shellcheck disable=SC2086 # words
	avmm $2 </dev/null >"$tmp/$1" 2>&1 &
	pid=$!
	echo $pid >"$tmp/$1.pid"
}
gone() { ! alive "$(cat "$tmp/$1.pid")"; }
stop_vm() { kill -KILL "$(cat "$tmp/$1.pid")"; wait "$(cat "$tmp/$1.pid")" 2>/dev/null; rm -f "$tmp/$1.pid"; }

count() { grep -a -c -e "^$2:" "$tmp/$1"; }
further() { [ "$(count "$1" steady)" -gt "$2" ] && [ "$(count "$1" files)" -gt "$3" ] || gone "$1"; }
# works NAME: memory and files go on. A console is read a moment later than it was written.
works() {
	s=$(count "$1" steady) f=$(count "$1" files)
	until_true 200 further "$1" $((s + 2)) $((f + 2))
	! gone "$1" && further "$1" $((s + 2)) $((f + 2)) && return
	tail -n 20 "$tmp/$1"
	return 1
}
fine() {
	grep -a -n -e BAD -e panic -e Oops "$tmp/$1" && return 1
	! grep -a 'guest: up' "$tmp/$1" || [ "$1" = a ]
}
# says TEXT COMMAND...: fails with one line that has the text.
says() {
	text=$1
	shift
	timeout 120 "$@" >$tmp/out 2>$tmp/err </dev/null && { echo "status 0"; return 1; }
	cat $tmp/out $tmp/err
	[ "$(wc -l <$tmp/err)" = 1 ] && grep -q "^avmm: .*$text" $tmp/err
}
