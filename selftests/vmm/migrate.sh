#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest under load of memory, timers and files, which checks all of that itself, is saved, restored, cloned and moved
# to other processes of this host. selftests/vmm/migrate_peer.sh moves it to another host.
#
#   migrate.sh DEVICE PART...		parts: save copies clone live converge postcopy failures
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=migrate_lib.sh
. "$here/migrate_lib.sh"
shift

# The guest, from nothing: "a", whose disk is a.img.
begin() {
	truncate -s 24M $tmp/a.img
	check "a guest starts" load a --disk $tmp/a.img "$@"
	check "its load runs" works a
}

save() {
	begin
	checkpoints a "${CHECKPOINTS:-3}"
	check "the guest goes on" works a
	check "nothing is wrong with it" fine a
	kill -KILL $pid
	wait $pid 2>/dev/null
	for try in first second; do
		rm -f $tmp/r-disk0.img
		comes r "restore $last --name r --disks $tmp"
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
	echo 100 >/proc/sys/vm/nr_hugepages
	if [ "$(cat /proc/sys/vm/nr_hugepages)" = 100 ]; then
		comes r "restore $last --name r --disks $tmp --hugepages"
		check "in huge pages it goes on" works r
		check "nothing is wrong with it" fine r
		stop_vm r
		rm -f $tmp/r-disk0.img
	else
		skip "in huge pages it goes on" "the host has not as many"
	fi
	echo 0 >/proc/sys/vm/nr_hugepages
}

# Two disks, so that one can fail when the other is copied already.
copies() {
	truncate -s 1M $tmp/b.img
	begin --disk $tmp/b.img
	check "a checkpoint with its disks" avmm save a $tmp/ck/c --copy-disks
	check "has a copy of each" [ "$(copied)" = 2 ]
	mkdir -p $tmp/first
	cp $tmp/ck/c $tmp/ck/c.* $tmp/first
	mv $tmp/b.img $tmp/away.img
	check "a disk that is not there" says 'cannot be saved: No such file' avmm save a $tmp/ck/c --copy-disks
	check "leaves no copy of another" [ "$(copied)" = 2 ]
	check "and what there was as it was" as_it_was
	mv $tmp/away.img $tmp/b.img
	check "the guest goes on" works a
	check "a disk of its own is no file for it" says 'is a disk of the guest' avmm save a $tmp/b.img
	check "another one of the name" avmm save a $tmp/ck/c --copy-disks --stop
	check "the guest ends with it" until_true 60 gone a
	check "has its own copies, and those of the first are gone" [ "$(copied)" = 2 ]
	check "which are others" sh -c "! ls $tmp/first | grep -q -x -F \"\$(cd $tmp/ck && ls c.*)\""
	comes r "restore $tmp/ck/c --name r --disks $tmp"
	check "it goes on" works r
	check "nothing is wrong with it" fine r
	mv $tmp/initrd $tmp/elsewhere
	check "it is reset" avmm reset r
	check "and starts from what was there when it was restored" starts_again r
	mv $tmp/elsewhere $tmp/initrd
	stop_vm r
	rm -rf $tmp/first $tmp/b.img $tmp/r-disk?.img
}
# A reset comes within a line as well, and a quiet kernel begins none before init does.
starts_again() {
	until_true 120 said "$1" 'guest: up' && return
	where "$1"
	return 1
}
copied() { find $tmp/ck -name 'c.*' | wc -l; }
as_it_was() { for file in $tmp/first/*; do cmp "$file" "$tmp/ck/${file##*/}" || return 1; done; }

# For the guest: who it is, on its console when its generation id changes, and to who asks by vsock. A driver reads the
# address of its card when it is bound. A kernel that has a driver for the id lets nobody else read it, but says so.
# shellcheck disable=SC2016 # for the guest to expand
IDENTITY='modprobe -a virtio_net vmw_vsock_virtio_transport
modprobe vmgenid 2>/dev/null
reseeded() { dmesg | grep -c "due to virtual machine fork"; }
generation() { for i in 0 4 8 12; do devmem $((0x09070000 + i)) 32 2>/dev/null; done | tr -d "\n"; echo "/$(reseeded)"; }
(was=$(generation)
while :; do
	is=$(generation)
	[ "$is" = "$was" ] || {
		was=$is
		card=$(readlink -f /sys/class/net/eth0/device)
		cd "$card/driver" && echo "${card##*/}" >unbind && echo "${card##*/}" >bind
		echo "reseeded: $(reseeded)"
		echo "identity: $is $(cat "$card"/net/*/address)" | tee /tmp/identity
	}
	sleep 1
done) &
: >/tmp/identity
(while :; do sock vsock-listen 1000 </tmp/identity >/dev/null; done) &'

clone() {
	modprobe -a tun vhost_vsock
	plain=$DISK
	DISK="$DISK
$IDENTITY"
	begin --net tap=tap0,mac=52:54:00:aa:bb:cc --vsock 42
	DISK=$plain
	check "a checkpoint" avmm save a $tmp/ck/c --copy-disks --stop
	check "the guest ends with it" until_true 60 gone a
	rm -f $tmp/a.img
	clones k 3 $tmp/ck/c
	for c in 1 2 3; do
		check "clone $c has memory in common with the others" shares "$(cat $tmp/k-$c.pid)"
		sed 's/^/# /' $tmp/check
		check "it says who it is" until_true 60 said k-$c ^identity:
		check "it has a tap device of its own" [ -d /sys/class/net/tap0-$c ]
		check "it answers at a vsock address of its own" until_true 60 answers k-$c $((42 + c))
		case $(uname -r) in
		6.1.*) skip "it makes new random numbers" "this kernel does not know it in device trees" ;;
		*) check "it makes new random numbers" [ "$(value k-$c reseeded)" = 1 ] ;;
		esac
		check "nothing is wrong with it" fine k-$c
	done
	case $(uname -r) in
	6.1.*) check "all have another generation id" [ "$(identities 1 | sort -u | wc -l)" = 3 ] ;;
	*) skip "all have another generation id" "this kernel keeps it to itself" ;;
	esac
	check "and another network address, not that of the first" [ \
		"$( (identities 2; echo 52:54:00:aa:bb:cc) | sort -u | wc -l)" = 4 ]
	clones_end k 3
}
# More than the program itself, which is below 4 MiB.
shares() {
	awk '/^Shared/ { shared += $2 } /^Private/ { own += $2 }
		END { print shared " kB in common, " own " kB of its own"; exit shared < 8192 }' "/proc/$1/smaps_rollup"
}
identities() { for c in 1 2 3; do value k-$c identity | cut -d ' ' -f "$1"; done; }
answers() {
	timeout 5 "$here/../host/sock" vsock "$2" 1000 </dev/null >$tmp/answer
	[ "$(cat $tmp/answer)" = "identity: $(value "$1" identity)" ]
}

SIZE=
sized() { avmm qmp "$1" query-block | tr -d ' \n' | grep -q "\"virtual-size\":$2[^0-9]"; }
# to NAME NEW OPTION...: moves the guest from the process NAME to a new one.
to() {
	from=$1 new=$2
	shift 2
	comes "$new" "run --name $new $VM --disk $tmp/a.img --incoming unix:$tmp/$new.sock"
	check "a process waits for it" until_true 60 listens "$tmp/$new.sock"
	[ -z "$SIZE" ] || check "its disk grows meanwhile" \
		avmm qmp "$from" block_resize '{"device": "disk0", "size": '$SIZE'}'
	check "the guest moves" avmm migrate "$from" "unix:$tmp/$new.sock" "$@"
	sed -n 's/^[0-9]/# &/p' $tmp/check
	check "what it left has ended" until_true 60 gone "$from"
	[ -z "$SIZE" ] || check "its disk is as large here" sized "$new" $SIZE
	check "it goes on" works "$new"
	check "nothing is wrong with it" fine "$new"
}

# On a busy machine the guest may write faster than any of its memory goes, and then needs to be slowed down.
live() {
	begin
	SIZE=$((32 << 20))
	to a b --auto-converge
	SIZE=
	to b a --auto-converge
	stop_vm a
}

# Slower than the guest writes, so that it must be slowed down.
converge() {
	begin
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a process waits for it" until_true 60 listens $tmp/b.sock
	check "pages are to go as they are" avmm qmp a migrate-set-parameters '{"compress-level": 0}'
	check "the guest moves" avmm migrate a unix:$tmp/b.sock --auto-converge --bandwidth 4M --json
	cp $tmp/check $tmp/json
	check "it was slowed down" grep cpu-throttle-percentage $tmp/json
	sed 's/^/# /' $tmp/check
	check "it came no faster than allowed" within $((4 << 20))
	sed 's/^/# /' $tmp/check
	check "what it left has ended" until_true 60 gone a
	check "it goes on" works b
	check "nothing is wrong with it" fine b
	stop_vm b
}
# within BYTES: per second; a tenth of a second's may leave at once
within() {
	bytes=$(number transferred) ms=$(number total-time)
	echo "$bytes bytes in $ms ms"
	[ "$bytes" -le $(($1 / 1000 * (ms + 200))) ]
}
number() { tr -d ' ,' <$tmp/json | sed -n "s/^\"$1\":\([0-9]*\).*/\1/p" | head -n 1; }

postcopy() {
	begin
	to a b --postcopy
	to b a --postcopy
	stop_vm a
}

failures() {
	# before the VMM starts: nothing is shared with its namespace of mounts here
	mkdir -p $tmp/small
	mount -t tmpfs -o size=3m tmpfs $tmp/small
	begin
	check "a disk that is full" says 'No space left on device' avmm save a $tmp/small/c
	check "leaves nothing there" [ -z "$(ls $tmp/small)" ]
	check "and the guest goes on" works a
	check "a folder that is not there" says 'No such file or directory' avmm save a $tmp/none/c
	check "no base" says 'not kept track of' avmm save a $tmp/ck/x --base $tmp/ck/none
	check "a checkpoint to build on" avmm save a $tmp/ck/base --track
	cp $tmp/ck/base $tmp/ck/was
	check "it cannot be replaced by what builds on it" says 'needs another name' \
		avmm save a $tmp/ck/base --base $tmp/ck/base --track
	check "a second one" avmm save a $tmp/ck/next --base $tmp/ck/base --track
	check "nor can one further down" says 'needs another name' avmm save a $tmp/ck/base --base $tmp/ck/next
	check "and it is as it was" cmp $tmp/ck/base $tmp/ck/was
	rm -f $tmp/ck/base $tmp/ck/was $tmp/ck/next
	check "nobody listens" says 'cannot connect' avmm migrate a unix:$tmp/nobody.sock
	check "no URI" says 'is not tcp:HOST:PORT' avmm migrate a nowhere

	# a destination that is another machine, and one that dies
	comes b "run --name b --cpus 1 --memory 192M --incoming unix:$tmp/b.sock"
	check "a destination with other CPUs waits" until_true 60 listens $tmp/b.sock
	check "it refuses, and the source says why" says 'the destination says: .*2 vCPUs, and here are 1' \
		avmm migrate a unix:$tmp/b.sock
	check "it ends" until_true 60 gone b
	check "the guest goes on" works a
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 listens $tmp/b.sock
	avmm migrate a unix:$tmp/b.sock --bandwidth 256K >$tmp/migrate 2>&1 &
	moving=$!
	check "the guest is on its way" until_true 60 sent_some a
	kill -KILL "$(cat $tmp/b.pid)"
	wait $moving
	check "the destination dies, and that is an error" [ $? = 1 ]
	check "which the source says" grep -q 'the destination is gone' $tmp/migrate
	check "the guest goes on at the source" works a
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 listens $tmp/b.sock
	avmm migrate a unix:$tmp/b.sock --bandwidth 256K >$tmp/migrate 2>&1 &
	moving=$!
	check "the guest is on its way" until_true 60 sent_some a
	check "it is told to stay" avmm qmp a migrate_cancel
	wait $moving
	sed "s,^,# ," $tmp/migrate
	check "so it was cancelled" grep -q cancelled $tmp/migrate
	check "the destination ends" until_true 60 gone b
	check "the guest goes on at the source" works a

	# peers of another version
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 listens $tmp/b.sock
	version_9 | "$here/../host/sock" unix $tmp/b.sock >/dev/null 2>&1
	check "a source of another version is refused" until_true 60 gone b
	check "by its number" grep 'version 9 of the format' $tmp/b
	version_9 | nc -l -p 5555 >/dev/null &
	check "a destination of another version listens" until_true 60 listens 15B3
	check "it is refused" says 'version 9 of the format' avmm migrate a tcp:127.0.0.1:5555
	check "the guest goes on at the source" works a
	check "nothing is wrong with it" fine a

	# files that are not what they were
	restore="avmm restore --device $DEVICE"
	check "a checkpoint" avmm save a $tmp/ck/good --stop
	check "the guest ends with it" until_true 60 gone a
	cp $tmp/a.img $tmp/copy.img
	size=$(stat -c %s $tmp/ck/good)
	head -c $((size / 2)) $tmp/ck/good >$tmp/ck/bad
	check "a file that was cut" says 'ends too early' $restore $tmp/ck/bad
	cp $tmp/ck/good $tmp/ck/bad
	printf '\377' | dd of=$tmp/ck/bad bs=1 seek=60 conv=notrunc 2>/dev/null
	check "a file that was changed" says 'checksum of a section (HEAD) is wrong' $restore $tmp/ck/bad
	# what is not needed at once is found to be bad when the guest runs already, and writes; the place may be in a header
	cp $tmp/ck/good $tmp/ck/bad
	printf '\377' | dd of=$tmp/ck/bad bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
	check "a page that was changed" says 'of a section .*\(wrong\|damaged\)' $restore $tmp/ck/bad --disk $tmp/copy.img
	check "another file" says 'is no checkpoint of avmm' $restore /guest/Image
	cp $tmp/ck/good $tmp/ck/bad
	version_9 | dd of=$tmp/ck/bad bs=1 conv=notrunc 2>/dev/null
	check "another version" says 'version 9 of the format' $restore $tmp/ck/bad
	check "no file" says 'No such file' $restore $tmp/ck/none
	check "other memory" says 'of memory, and here' $restore $tmp/ck/good --memory 64M

	# a source that dies
	comes r "restore $tmp/ck/good --name r"
	check "the good one goes on" works r
	comes b "run --name b $VM --disk $tmp/a.img --incoming unix:$tmp/b.sock"
	check "a destination waits" until_true 60 listens $tmp/b.sock
	avmm migrate r unix:$tmp/b.sock --bandwidth 256K >/dev/null 2>&1 &
	check "the guest is on its way" until_true 200 sent_some r
	stop_vm r
	check "its source dies, and the destination ends" until_true 60 gone b
	check "and says why" grep '^avmm: ' $tmp/b
	check "nothing of it has run there" sh -c "! grep -a steady: $tmp/b"

	touch $tmp/a.img
	check "a disk that was written to since" says 'was written to since' $restore $tmp/ck/good
}
# The header of a stream, with its checksum
version_9() { printf '\211AVMM\r\n\032\011\000\000\000\135\022\046\057'; }

for part; do
	echo "# $part"
	$part
done
done_testing
