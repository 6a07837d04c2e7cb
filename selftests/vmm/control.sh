#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# A guest that runs is seen, stopped, continued, reset and ended through its control socket.
#
#   control.sh [DEVICE]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/../host/tap.sh"
DEVICE=${1:-/dev/avmm}
mkdir -p /run
# A line four times a second: where it stands still, the guest does.
ticks='i=0; while :; do i=$((i + 1)); echo "tick $i"; usleep 250000; done'

lines() { grep -c '^tick' $tmp/"$1"; }
# says TEXT COMMAND...: fails with a message that has the text, and prints nothing else.
says() {
	words=$1
	shift
	"$@" >$tmp/out 2>$tmp/err && { echo "status 0"; return 1; }
	cat $tmp/out $tmp/err
	[ ! -s $tmp/out ] && [ "$(wc -l <$tmp/err)" = 1 ] && grep -q "^avmm: .*$words" $tmp/err
}
# has COMMAND... -- ERE...: prints all of these.
has() {
	: >$tmp/command
	while [ "$1" != -- ]; do echo "$1" >>$tmp/command; shift; done
	shift
	out=$(tr '\n' '\0' <$tmp/command | xargs -0 -n 100 env 2>&1) || { echo "$out"; return 1; }
	for ere; do echo "$out" | grep -qE -e "$ere" || { echo "$out"; echo "there is no $ere"; return 1; }; done
}
grows() { a=$(lines "$1"); until_true 60 more "$1" "$a"; }
more() { [ "$(lines "$1")" -gt "$2" ]; }
# What was on its way to the file gets there first.
stands_still() {
	sleep 1
	a=$(lines "$1")
	sleep 3
	b=$(lines "$1")
	echo "$a and $b lines"
	[ "$a" = "$b" ]
}
status() { avmm qmp "$1" query-status | tr -d ' \n'; }
gone() { ! alive "$1"; }

check 'list without virtual machines' has avmm list -- '^NAME +PID +STATE'
check 'no such virtual machine' says "there is no virtual machine 'none'" avmm pause none
check 'a name is needed' says 'the name of a virtual machine is missing' avmm pause
check 'no such option' says 'there is no such option' avmm list --frob
check 'no such command' says 'is not a command' avmm frob

guest one 2 192 "$ticks"
one=$pid
check 'a guest runs' up one
check 'list shows it' has avmm list -- "^one +$one +running +2 +192M"
check 'list --json' has avmm list --json -- '"name": "one"' "\"pid\": $one" '"cpus": 2'
check 'its socket is for its user only' [ "$(stat -c %a /run/avmm/one.sock)" = 700 ]
check 'the same name a second time' says 'is in use by a virtual machine that runs' \
	avmm run --name one --device "$DEVICE" --kernel /guest/Image
check 'the first one still answers' has avmm qmp one query-name -- '"name": "one"'
check 'QMP refuses what it does not know' says 'has not been found' avmm qmp one frob
check 'and arguments that it does not know' says "there is no 'arguments.x'" avmm qmp one stop '{"x": 1}'
check 'nor a number for a file' says "there is no file descriptor '5'" avmm qmp one migrate '{"uri": "fd:5"}'
check 'nor one that is plugged in' says 'a file descriptor is not what' \
	avmm qmp one x-avmm-device-add '{"config": {"disk": [{"fd": 5}]}}'
check 'threads of vCPUs have ids' [ -d "/proc/$one/task/$(avmm qmp one query-cpus-fast |
	sed -n 's/.*"thread-id": \([0-9]\{2,\}\).*/\1/p' | head -n 1)" ]

check 'it does something' grows one
check 'pause' avmm pause one
check 'it stands still' stands_still one
check 'its state' [ "$(status one)" = '{"running":false,"status":"paused"}' ]
check 'pause again' avmm pause one
check 'resume' avmm resume one
check 'it goes on' grows one
check 'ten times in a row' sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do avmm pause one && avmm resume one || exit; done'
check 'and still goes on' grows one
check 'stat' has avmm stat one -- '^state +running' '^vCPU 1 .* MMIO [0-9]+'
check 'stat --json' has avmm stat one --json -- '"MMIO": [0-9]+'
# How often a guest leaves for the hypervisor only AVMM tells.
case $DEVICE in */avmm) exits='[0-9]+' ;; *) exits=- ;; esac
check 'top' has avmm top --interval 1 --count 1 -- "^one +$one +running +[0-9.]+ +[0-9.]+ +$exits"
check 'top --json' has avmm top --interval 1 --count 2 --json -- '"MMIO":[0-9]' '"cpu-percent":[0-9]'

# A reset comes within a line, too, and a quiet kernel begins none.
ups() { [ "$(grep -c 'guest: up' $tmp/one)" = "$1" ]; }
check 'reset' avmm reset one
check 'it starts again' until_true 120 ups 2
check 'and does something' grows one
check 'reset of one that is paused' sh -c 'avmm pause one && avmm reset one'
check 'it waits' [ "$(status one)" = '{"running":false,"status":"prelaunch"}' ]
check 'until it is resumed' avmm resume one
check 'then it starts' until_true 120 ups 3

# Killed, it leaves its socket, which is in nobody's way.
kill -9 "$one"
wait "$one" 2>/dev/null
check 'a VM that was killed is not in the list' sh -c '! avmm list | grep one'
guest one 1 192 "$ticks" # takes over the name
one=$pid
check 'its name can be used again' until_true 60 has avmm qmp one query-name -- one
check 'stop by force' avmm stop --force one
check 'its process ends' until_true 60 gone "$one"
wait "$one"
check 'with the status of somebody who quit' [ $? = 5 ]
check 'and its socket is gone' [ ! -e /run/avmm/one.sock ]

avmm run -S --name two --device "$DEVICE" --kernel /guest/Image --initrd /guest/initrd.cpio.gz -m 192M \
	--no-shutdown --append 'quiet avmm.run=dHJ1ZQo=' </dev/null >$tmp/two 2>&1 &
two=$!
check 'one that waits for its start' until_true 60 has avmm qmp two query-status -- prelaunch
sleep 2
check 'does nothing' [ ! -s $tmp/two ]
check 'starts when it is told' avmm resume two
check 'and when the guest is off it stays' until_true 120 has avmm qmp two query-status -- shutdown
check 'but does not go on' says 'the guest is off; reset it first' avmm resume two
check 'reset' avmm reset two
check 'starts it again' avmm resume two
check 'until it is off again' until_true 120 has avmm qmp two query-status -- shutdown
check 'quit' avmm qmp two quit
wait $two

avmm run --no-reboot --name three --device "$DEVICE" --kernel /guest/Image --initrd /guest/initrd.cpio.gz -m 192M \
	--append 'quiet avmm.run=cmVib290IC1mCg==' </dev/null >$tmp/three 2>&1
check 'with --no-reboot a reboot is the end' [ $? = 0 ]
check 'after one start' [ "$(grep -c '^guest: up' $tmp/three)" = 1 ]

# In the background, as another user, with the serial line on a pseudo terminal.
echo 'avmm:x:900:900::/:/bin/false' >>/etc/passwd
check 'what cannot start says so in the foreground' says 'cannot open' \
	avmm run --daemonize --device "$DEVICE" --kernel /nowhere
check '--daemonize' avmm run --daemonize --name four --device "$DEVICE" --kernel /guest/Image \
	--initrd /guest/initrd.cpio.gz -m 192M --serial pty,log=$tmp/four --append quiet
check 'it is in the list' has avmm list -- '^four '
four=$(avmm list | awk '$1 == "four" { print $2 }')
# field NAME VALUE: of all threads
field() {
	grep -h "^$1:" /proc/"$four"/task/*/status | sort | uniq -c
	[ "$(sed -n "s/^$1:[[:space:]]*//p" /proc/"$four"/task/*/status | sort -u)" = "$2" ]
}
check 'each thread has a filter' field Seccomp 2
check 'and no new privileges' field NoNewPrivs 1
check 'and no capabilities' field CapEff 0000000000000000
check 'and is another user' field Uid "900	900	900	900"
check 'it sees no processes' sh -c "[ -z \"\$(ls /proc/$four/root/proc)\" ]"
check 'its guest runs' until_true 120 grep -q '^guest: up' $tmp/four
sum() { (sleep 2; echo 'echo sum$((40 + 2))'; sleep 5) | timeout 60 avmm console four | grep sum42; }
check 'console' until_true 120 sum
check 'a console that is not there' says "has no line 'x'" avmm console four x
check 'stop: a guest that does not listen to the power key' has avmm stop --timeout 5 four -- 'did not stop in 5 seconds'
check 'ends' until_true 60 gone "$four"
check 'and leaves no name behind' sh -c '! avmm list | grep four'
sed -i '/^avmm:/d' /etc/passwd
check '--user' says "there is no user 'nobody-here'" avmm run --user nobody-here --device "$DEVICE" --kernel /guest/Image </dev/null

check 'doctor' has avmm doctor -- "^ok +$DEVICE: there, with version 12" 'passt: ' 'io_uring: '
check 'doctor --json' has avmm doctor --json -- '"result": "ok"'
check 'completion is a script' sh -c 'avmm completion >$tmp/completion && sh -n $tmp/completion; grep -q -- --kernel $tmp/completion'
for c in $(avmm --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	check "avmm $c --help" has avmm "$c" --help -- '--help'
done
done_testing
