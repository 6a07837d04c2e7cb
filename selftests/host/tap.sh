# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the scripts here share: TAP, guests with Linux in them, and waiting. Sourced; runs in busybox's shell.

n=${TAP_DONE:-0} bad=0
tmp=/tmp # of the host in the lab, where nobody else is

# check TEXT COMMAND...: one test; what the command says is a comment.
check() {
	text=$1
	shift
	n=$((n + 1))
	if "$@" >$tmp/check 2>&1; then
		echo "ok $n $text"
	else
		bad=1
		sed 's/^/# /' $tmp/check
		echo "not ok $n $text"
	fi
}
skip() { n=$((n + 1)); echo "ok $n $1 # SKIP $2"; }
done_testing() { echo "1..$n"; exit $bad; }

# until_true SECONDS COMMAND...: waits for the command to succeed; on the debug kernel longer.
until_true() {
	deadline=$(($(cut -d. -f1 /proc/uptime) + $1 * ${AVMM_SLOW:-1}))
	shift
	while ! "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -lt $deadline ] || return 1
		sleep 0.3
	done
}

# guest NAME CPUS MIB COMMAND [OPTION]...: starts a guest that runs the command and powers off. Its console goes to
# $tmp/NAME, its process is $pid. 192 MiB is the least that Debian's kernel is at ease with. DEVICE, INITRD
# and OPTIONS in the environment are for another hypervisor, another initrd and more options.
guest() {
	name=$1 cpus=$2 mib=$3 run=$(printf %s "$4" | base64 | tr -d '\n')
	shift 4
	avmm run --name "$name" --device "${DEVICE:-/dev/avmm}" --kernel /guest/Image \
		--initrd "${INITRD:-/guest/initrd.cpio.gz}" --cpus "$cpus" --memory "${mib}M" \
		${OPTIONS:-} --append "console=ttyAMA0 quiet avmm.run=$run" "$@" </dev/null >"$tmp/$name" 2>&1 &
	# shellcheck disable=SC2034 # for the caller
	pid=$!
}

# An initrd like the guest's with the programs given in /bin.
initrd_with() {
	rm -rf $tmp/initrd.d
	mkdir -p $tmp/initrd.d/bin
	cp "$@" $tmp/initrd.d/bin
	{
		cat /guest/initrd.cpio.gz
		(cd $tmp/initrd.d && find . -mindepth 1 | cpio -o -H newc 2>/dev/null | gzip)
	} >$tmp/initrd
	INITRD=$tmp/initrd
}

# For a guest: waits for its power button, the key of QEMU's GPIO; the first event of an input device is 24 bytes.
# shellcheck disable=SC2034 # for who sources this
POWER_KEY='modprobe -a gpio_keys evdev; {
	echo powerkey: ready && dd bs=24 count=1 of=/dev/null 2>/dev/null && echo powerkey: pressed
} </dev/input/event0'

# For a guest that does not come to where it should: does it still do anything, and where?
where() {
	for _ in 1 2; do
		cat /proc/loadavg
		grep -s . /sys/kernel/debug/avmm/*/vcpus /sys/kernel/debug/kvm/*/*exit*
		sleep 2
	done
	for events in /sys/kernel/tracing/events/avmm /sys/kernel/tracing/events/kvm; do
		[ -d $events ] || continue
		echo 1 >$events/enable
		sleep 0.2
		echo 0 >$events/enable
		tail -n 60 /sys/kernel/tracing/trace
	done
	tail -n 20 "$tmp/$1"
}

# up NAME: the guest's first process runs; $pid is its VMM.
up() {
	until_true 120 grep -q -e '^guest: up' -e 'Kernel panic' "$tmp/$1"
	grep -q '^guest: up' "$tmp/$1" && return
	where "$1"
	return 1
}

# ended NAME PID: the guest did its work, status 0, and the VMM ended with status 0.
ended() {
	rc=0
	until_true 300 not alive "$2" || { where "$1"; kill -KILL "$2"; }
	wait "$2" || rc=$?
	tail -n 20 "$tmp/$1"
	echo "VMM: status $rc"
	[ $rc = 0 ] && tr -d '\r' <"$tmp/$1" | grep -q '^guest: exit 0$'
}

# Frees what the kernel keeps only because nobody wanted it yet: page cache, dentries, empty slabs.
settle() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; echo 3 >/proc/sys/vm/drop_caches; sleep 1; }
# KiB of free memory. MemFree leaves out what is on the CPUs' own lists, which come and go by many
# MiB.
free_kib() {
	awk '/^ *pages free / { n += $3 } /^ *count: / { n += $2 } /KernelPageSize/ { kib = $2 }
		END { print n * kib }' /proc/zoneinfo /proc/self/smaps
}
# memory_back KIB SLACK: no more than SLACK KiB of the KIB that were free are in use now. What is
# freed late (RCU, work queues, lazy unmapping) is waited for; what is lost does not come back.
memory_back() {
	for _ in 1 2 3 4 5 6 7 8; do
		settle
		now=$(free_kib)
		[ $(($1 - now)) -gt "$2" ] || return 0
	done
	echo "$1 KiB were free, now $now"
	return 1
}

# check_memory TEXT KIB SLACK: memory_back, but on the debug kernel
check_memory() {
	if [ "${AVMM_SLOW:-1}" = 1 ]; then
		check "$1" memory_back "$2" "$3"
	else
		skip "$1" 'KASAN keeps for long what is freed; kmemleak looks at the end'
	fi
}

alive() { kill -0 "$1" 2>/dev/null; }
not() { ! "$@"; }

# meet N [SECONDS]: the two hosts of "lab/host --peer" wait for each other. Host 2 listens.
meet() {
	if [ "$(hostname)" = host2 ]; then
		timeout $((${2:-300} * ${AVMM_SLOW:-1})) nc -l -p $((6000 + $1)) </dev/null
	else
		until_true "${2:-300}" nc host2 $((6000 + $1)) </dev/null
	fi
}

# What was printed has left the machine; after that it may go down.
drain() { for s in 0 1; do stty -F /dev/ttyS$s raw; done; }
