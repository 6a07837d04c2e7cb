#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Sockets between host and guest, connected from either side.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

modprobe vhost_vsock
sock=$here/../host/sock
initrd_with "$sock"
dd if=/dev/urandom of=$tmp/bulk bs=1k count=1500 2>/dev/null
# shellcheck disable=SC2016 # for the guest to expand
guest vs 1 192 "$(drivers vmw_vsock_virtio_transport)"'
	dd if=/dev/urandom of=/tmp/file bs=1k count=1500 2>/dev/null
	echo "offered: $(md5sum </tmp/file)"
	echo "taken: $(sock vsock-listen 1000 </tmp/file | md5sum)"
	echo from the guest | sock vsock 2 2000
	' --vsock 42
vs=$pid
"$sock" vsock-listen 2000 >$tmp/vs.in </dev/null &
up vs
connects() { "$sock" vsock 42 1000 <$tmp/bulk >$tmp/vs.out 2>/dev/null; }
check 'the host connects to the guest' until_true 60 connects
check 'the guest comes to its end' ended vs "$vs"
check 'the guest gets what the host sends' says vs "taken: $(md5sum <$tmp/bulk)"
check 'the host gets what the guest sends' [ "$(md5sum <$tmp/vs.out)" = "$(value vs offered)" ]
check 'the guest connects to the host' grep -q 'from the guest' $tmp/vs.in
guest vs 1 192 'sleep 1000' --vsock 42
check 'a guest has an address' up vs
check 'another cannot have the same' refused 'another VM has the address 42' --vsock 42
kill "$pid"
done_testing
