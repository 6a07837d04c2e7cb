#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The other ends of serial line and virtio ports: socket, file, pseudo-terminal, nothing; several at a time.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

# Ports: vport0p0 is a console (hvc0), p1 one with a socket, p2 a pseudo-terminal, p3 nothing.
# shellcheck disable=SC2016 # for the guest to expand
guest con 1 192 "$(drivers virtio_console)"'
	p() { echo /dev/vport*p$1; }
	# without anybody at the other end, reading is the end of file
	hear() { until read -r line && [ -n "$line" ]; do sleep 0.2; done; }
	n=0; until [ -e "$(p 3)" ] || [ $n = 100 ]; do sleep 0.1; n=$((n + 1)); done
	for p in /sys/class/virtio-ports/*; do echo "port: ${p##*p} $(cat $p/name)"; done
	echo on a console >/dev/hvc0
	echo nobody reads this >"$(p 3)"; echo "null: $?"
	(hear; echo "socket: $line"; echo back: $line >&0
	 sum=$(head -c 307200 | md5sum); echo "$sum" >&0) <>"$(p 1)"
	(hear; echo "pty: $line"; echo back: $line >&0) <>"$(p 2)"
	' --console "file=$tmp/con.file" --console "unix=$tmp/con.sock,name=org.a,log=$tmp/con.log" \
	--console pty,name=org.b --console null,name=org.c
con=$pid
check 'a guest with a console and three ports is up' up con
check 'a pseudo-terminal is named' until_true 60 grep -q '/dev/pts/' $tmp/con
pts=$(sed -n 's,.*is \(/dev/pts/[0-9]*\).*,\1,p' $tmp/con | tr -d '\r' | head -n 1)
dd if=/dev/urandom of=$tmp/bulk bs=1k count=300 2>/dev/null
check 'its socket is there' [ -S $tmp/con.sock ]
(echo over the socket; cat $tmp/bulk; sleep 30) | timeout 120 $here/../host/sock unix $tmp/con.sock >$tmp/con.out &
nc=$!
check 'what comes by the socket arrives' until_true 60 said con 'socket: over the socket'
check 'and is answered' until_true 60 grep -q 'back: over the socket' $tmp/con.out
check 'much of it, too, without a loss' until_true 60 grep -q "$(md5sum <$tmp/bulk | cut -c 1-32)" $tmp/con.out
check 'the log has what the guest wrote' grep -q 'back: over the socket' $tmp/con.log
(exec <>"$pts"; echo over the terminal >&0; timeout 60 head -n 1 >$tmp/pty.out)
check 'what comes by the pseudo-terminal arrives' until_true 60 said con 'pty: over the terminal'
check 'and is answered' grep -q 'back: over the terminal' $tmp/pty.out
check 'the guest comes to its end' ended con "$con"
kill $nc 2>/dev/null
check 'ports have their names' sh -c "tr -d '\r' <$tmp/con | grep -q -x 'port: 1 org.a' && grep -q 'port: 3 org.c' $tmp/con"
check 'the console has a file' grep -q 'on a console' $tmp/con.file
check 'a port without other end takes what is written' says con 'null: 0'
check 'the socket is gone with the VMM' [ ! -e $tmp/con.sock ]

# The serial line
guest ser 1 192 'cat /proc/uptime; echo to the serial line' --serial "file=$tmp/ser.file"
check 'a guest whose serial line is a file ends' wait "$pid"
check 'the file has it all' sh -c "grep -q '^guest: up' $tmp/ser.file && grep -q 'guest: exit 0' $tmp/ser.file"
# shellcheck disable=SC2016
guest ser 1 192 'read line; echo "got: $line"' --serial "unix=$tmp/ser.sock"
ser=$pid
check 'its socket is there' until_true 60 listens $tmp/ser.sock
(until_true 100 grep -q '^guest: up' $tmp/ser.out; echo hello; sleep 5) | $here/../host/sock unix $tmp/ser.sock >$tmp/ser.out
check 'one whose serial line is a socket hears it' grep -q 'got: hello' $tmp/ser.out
check 'and ends' wait "$ser"
check 'a socket where there is a file' refused 'cannot listen at' --serial unix=$tmp/bulk
check 'a descriptor that is no socket' refused 'cannot be waited for' --serial fd=0
done_testing
