# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests of checkpoints and migration share; sourced with the device as $1.
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
mkdir -p /run
initrd_with "$here/../host/steady" "$here/../host/sock"
# shellcheck disable=SC2034 # for who sources this
VM="--cpus 2 --memory 192M"
mkdir -p $tmp/ck

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
	avmm $2 --device "$DEVICE" </dev/null >"$tmp/$1" 2>&1 &
	pid=$!
	echo $pid >"$tmp/$1.pid"
}
gone() { ! alive "$(cat "$tmp/$1.pid")"; }
stop_vm() { kill -KILL "$(cat "$tmp/$1.pid")"; wait "$(cat "$tmp/$1.pid")" 2>/dev/null; rm -f "$tmp/$1.pid"; }

# checkpoints NAME N: so many in a row; the last one is $last, with its disks beside it.
checkpoints() {
	base=
	nth=0
	while [ $nth -lt "$2" ]; do
		nth=$((nth + 1))
		last=$tmp/ck/$nth
		# shellcheck disable=SC2086 # words
		check "checkpoint $nth" avmm save "$1" "$last" --track --copy-disks $base
		sed -n 's/^[0-9]/# &/p' $tmp/check
		base="--base $last"
		# what an earlier one has of the disk is not needed any more
		[ $nth = 1 ] || rm -f $tmp/ck/$((nth - 1)).disk*
	done
	check "each builds on the one before and is smaller" [ "$(stat -c %s "$last")" -lt "$(stat -c %s $tmp/ck/1)" ]
}
# clones NAME N CHECKPOINT: NAME-1, NAME-2, ... run, each with a console of its own; clones_end NAME N ends them.
clones() {
	rm -f $tmp/"$1"-*
	comes "$1" "clone $3 --count $2 --name $1 --disks $tmp --serial file=$tmp/$1"
	check "$2 clones run" until_true 120 clones_run "$1" "$2"
	for nth in $(seq "$2"); do
		avmm list --json | tr -d ' \n' | sed "s/.*\"name\":\"$1-$nth\",\"pid\":\([0-9]*\).*/\1/" >"$tmp/$1-$nth.pid"
		check "clone $nth goes on" works "$1-$nth"
	done
}
clones_run() { [ "$(avmm list | grep -c "^$1-[0-9]* .* running")" = "$2" ]; }
clones_end() {
	for nth in $(seq "$2"); do
		check "clone $nth is ended" avmm stop "$1-$nth" --force
	done
	check "and so are all of them" until_true 60 gone "$1"
	rm -f $tmp/"$1"-*
}

# sent_some NAME: by now something has left it.
sent_some() { avmm qmp "$1" query-migrate | tr -d ' \n' | grep -q '"transferred":[1-9][0-9]\{5,\}'; }

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
	words=$1
	shift
	timeout 120 "$@" >$tmp/out 2>$tmp/err </dev/null && { echo "status 0"; return 1; }
	cat $tmp/out $tmp/err
	[ "$(wc -l <$tmp/err)" = 1 ] && grep -q "^avmm: .*$words" $tmp/err
}

# Between the two hosts of "lab/host --peer --disk 24", whose /dev/vda is one disk.
# waits NAME ADDRESS OPTION...: for the guest. Meanwhile its host reads the disk, as udev would, and must not remember it.
waits() {
	name=$1 address=$2
	shift 2
	comes "$name" "run --name $name $VM --disk /dev/vda $* --incoming tcp:$address:4444"
	check "$(hostname): a process waits for the guest" until_true 60 listens 115C
	dd if=/dev/vda of=/dev/null bs=1M 2>/dev/null
}
# send NAME ADDRESS: the guest goes, its process ends. MIGRATE in the environment are options of "avmm migrate". On a
# busy machine a guest may write faster than any of its memory goes.
send() {
	# shellcheck disable=SC2086 # words
	check "$(hostname): the guest goes to $2" avmm migrate "$1" "tcp:$2:4444" ${MIGRATE:---auto-converge}
	sed -n 's/^[0-9]/# &/p' $tmp/check
	check "$(hostname): what it left has ended" until_true 60 gone "$1"
	[ $bad = 0 ] || done_testing
}
# take NAME: the guest that comes goes on, and nothing is wrong with it.
take() {
	check "$(hostname): the guest goes on" works "$1"
	sleep 3
	check "$(hostname): nothing is wrong with it" fine "$1"
	[ $bad = 0 ] || done_testing
}
