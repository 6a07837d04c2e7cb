#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest under load of memory, timers and files, which checks all of that itself, is saved, restored, cloned and moved
# to other processes of this host. selftests/vmm/migrate_peer.sh moves it to another host.
#
#   migrate.sh DEVICE PART...		parts: save clone live postcopy failures
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
shift
mkdir -p $tmp/ck
space() { df -m $tmp/ck | tail -n 1; }

# The guest, from nothing: "a", whose disk is a.img.
begin() {
	truncate -s 24M $tmp/a.img
	check "a guest starts" load a --disk $tmp/a.img
	check "its load runs" works a
}

save() {
	begin
	checkpoints=${CHECKPOINTS:-3} base=
	i=0
	while [ $i -lt "$checkpoints" ]; do
		i=$((i + 1))
		check "checkpoint $i" avmm save a $tmp/ck/$i --track --copy-disks $base
		sed -n 's/^[0-9]/# &/p' $tmp/check
		base="--base $tmp/ck/$i"
		# what an earlier one has of the disk is not needed any more
		[ $i = 1 ] || rm -f $tmp/ck/$((i - 1)).disk*
	done
	check "each builds on the one before and is smaller" \
		[ "$(stat -c %s $tmp/ck/"$i")" -lt "$(stat -c %s $tmp/ck/1)" ]
	check "the guest goes on" works a
	check "nothing is wrong with it" fine a
	kill -KILL $pid
	wait $pid 2>/dev/null
	for try in first second; do
		rm -f $tmp/r-disk0.img
		comes r "restore $tmp/ck/$i --name r --disks $tmp"
		check "restored for the $try time it goes on" works r
		check "nothing is wrong with it" fine r
		[ $try = second ] || stop_vm r
	done
	check "one that was restored can be saved" avmm save r $tmp/ck/again --stop
	check "and ends then" until_true 60 gone r
	comes r "restore $tmp/ck/again --name r"
	check "that one goes on, too" works r
	check "nothing is wrong with it" fine r
	stop_vm r
	rm -f $tmp/r-disk0.img
}

clone() {
	begin
	check "a checkpoint" avmm save a $tmp/ck/c --copy-disks --stop
	check "the guest ends with it" until_true 60 gone a
	rm -f $tmp/a.img
	comes k "clone $tmp/ck/c --count 3 --name k --disks $tmp"
	check "three clones run" until_true 120 three_run
	check "they go on" works k
	sleep 5
	check "nothing is wrong with them" fine k
	for n in 1 2 3; do
		p=$(avmm list --json | tr -d ' \n' | sed "s/.*\"name\":\"k-$n\",\"pid\":\([0-9]*\).*/\1/")
		sed -n "s/^\(Rss\|Pss\|Private_Dirty\): */# k-$n \1 /p" /proc/"$p"/smaps_rollup
		check "clone $n is ended" avmm stop k-$n --force
	done
	check "and so are all of them" until_true 60 gone k
	rm -f $tmp/k-*.img
}
three_run() { [ "$(avmm list | grep -c '^k-[123] .* running')" = 3 ]; }

# to NAME NEW OPTION...: moves the guest from the process NAME to a new one.
to() {
	from=$1 new=$2
	shift 2
	comes "$new" "run --name $new $VM --disk $tmp/a.img --incoming unix:$tmp/$new.sock"
	check "a process waits for it" until_true 60 [ -S "$tmp/$new.sock" ]
	check "the guest moves" avmm migrate "$from" "unix:$tmp/$new.sock" "$@"
	sed -n 's/^[0-9]/# &/p' $tmp/check
	check "what it left has ended" until_true 60 gone "$from"
	check "it goes on" works "$new"
	check "nothing is wrong with it" fine "$new"
}

live() {
	begin
	to a b
	to b a --auto-converge --bandwidth 200M
	stop_vm a
}

postcopy() {
	begin
	to a b --postcopy
	to b a --postcopy
	stop_vm a
}

failures() {
	begin
	mkdir -p $tmp/small
	mount -t tmpfs -o size=3m tmpfs $tmp/small
	check "a disk that is full" says 'No space left on device' avmm save a $tmp/small/c
	check "leaves nothing there" [ -z "$(ls $tmp/small)" ]
	check "and the guest goes on" works a
	umount $tmp/small
	check "a folder that is not there" says 'No such file or directory' avmm save a $tmp/none/c
	check "no base" says 'not kept track of' avmm save a $tmp/ck/x --base $tmp/ck/none
	check "nobody listens" says 'cannot connect' avmm migrate a unix:$tmp/nobody.sock
	check "no URI" says 'is not tcp:HOST:PORT' avmm migrate a nowhere

	# a destination that is another machine, and one that dies
	comes b "run --name b --device $DEVICE --cpus 1 --memory 192M --incoming unix:$tmp/b.sock"
	check "a destination with other CPUs waits" until_true 60 [ -S $tmp/b.sock ]
	check "it refuses, and the source says why" says 'the destination says: .*2 vCPUs, and here are 1' \
		avmm migrate a unix:$tmp/b.sock
	check "it ends" until_true 60 gone b
	check "the guest goes on" works a
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 [ -S $tmp/b.sock ]
	avmm migrate a unix:$tmp/b.sock --bandwidth 1M >$tmp/migrate 2>&1 &
	moving=$!
	check "the guest is on its way" until_true 60 sent_some
	kill -KILL "$(cat $tmp/b.pid)"
	check "the destination dies, and that is an error" sh -c "! wait $moving" 2>/dev/null
	wait $moving && check "the command fails" false
	check "which the source says" grep -q 'the destination is gone' $tmp/migrate
	check "the guest goes on at the source" works a
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 [ -S $tmp/b.sock ]
	avmm migrate a unix:$tmp/b.sock --bandwidth 1M >$tmp/migrate 2>&1 &
	moving=$!
	check "the guest is on its way" until_true 60 sent_some
	check "it is told to stay" avmm qmp a migrate_cancel
	wait $moving
	check "so it was cancelled" grep -q cancelled $tmp/migrate
	check "the destination ends" until_true 60 gone b
	check "the guest goes on at the source" works a
	check "nothing is wrong with it" fine a

	# files that are not what they were
	check "a checkpoint" avmm save a $tmp/ck/good --stop
	check "the guest ends with it" until_true 60 gone a
	size=$(stat -c %s $tmp/ck/good)
	head -c $((size / 2)) $tmp/ck/good >$tmp/ck/bad
	check "a file that was cut" says 'ends too early' avmm restore $tmp/ck/bad
	cp $tmp/ck/good $tmp/ck/bad
	printf '\377' | dd of=$tmp/ck/bad bs=1 seek=60 conv=notrunc 2>/dev/null
	check "a file that was changed" says 'checksum of a section (HEAD) is wrong' avmm restore $tmp/ck/bad
	check "another file" says 'is no checkpoint of avmm' avmm restore /guest/Image
	cp $tmp/ck/good $tmp/ck/bad
	# version 9 of the format, with its checksum
	printf '\211AVMM\r\n\032\011\000\000\000\135\022\046\057' |
		dd of=$tmp/ck/bad bs=1 conv=notrunc 2>/dev/null
	check "another version" says 'version 9 of the format' avmm restore $tmp/ck/bad
	check "no file" says 'No such file' avmm restore $tmp/ck/none
	check "other memory" says 'of memory, and here' avmm restore $tmp/ck/good --memory 64M
	touch $tmp/a.img
	check "a disk that was written to since" says 'was written to since' avmm restore $tmp/ck/good
}
# By now something has left the source.
sent_some() { avmm qmp a query-migrate | tr -d ' \n' | grep -q '"transferred":[1-9][0-9]\{5,\}'; }

for part; do
	echo "# $part"
	$part
done
done_testing
