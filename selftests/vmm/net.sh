#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Two guests on a bridge: one downloads from the other, through the VMM, and through vhost-net.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"

bridge
ip addr add 10.2.0.1/24 dev br0

# shellcheck disable=SC2016 # for the guest to expand
server="$(drivers virtio_net)"'
	ip addr add 10.2.0.2/24 dev eth0; ip link set eth0 up
	mkdir /tmp/www; dd if=/dev/urandom of=/tmp/www/file bs=1M count=16 2>/dev/null
	echo "sum: $(md5sum </tmp/www/file)"
	echo "mac: $(cat /sys/class/net/eth0/address)"
	httpd -h /tmp/www
	while ! [ -e /tmp/www/over ]; do nc -l -p 99 >/tmp/www/over; done'
# shellcheck disable=SC2016
client="$(drivers virtio_net)"'
	ip addr add 10.2.0.3/24 dev eth0; ip link set eth0 up
	n=0; until wget -q -O /tmp/file http://10.2.0.2/file || [ $n = 60 ]; do sleep 1; n=$((n + 1)); done
	echo "sum: $(md5sum </tmp/file)"
	ping -c 3 -s 4000 10.2.0.2 >/dev/null && ping -c 3 10.2.0.1 >/dev/null && echo "ping: all"
	echo over | nc 10.2.0.2 99'

for vhost in off on; do
	guest server 1 192 "$server" --net "tap=tap1,vhost=$vhost,mac=52:54:00:aa:bb:cc"
	s=$pid
	guest client 1 192 "$client" --net "tap=tap2,vhost=$vhost"
	c=$pid
	check "vhost=$vhost: the client comes to its end" ended client "$c"
	check "vhost=$vhost: the server comes to its end" ended server "$s"
	check "vhost=$vhost: what was downloaded is what was offered" says client "sum: $(value server sum)"
	check "vhost=$vhost: frames of all kinds arrive" says client 'ping: all'
	check "vhost=$vhost: a card has the address that was asked for" says server 'mac: 52:54:00:aa:bb:cc'
done

# The cable is pulled, the guest is saved like that and goes on somewhere else, and the cable is put back.
# shellcheck disable=SC2016 # for the guest to expand
cable="$(drivers virtio_net)"'
	ip addr add 10.2.0.2/24 dev eth0; ip link set eth0 up
	while :; do echo "carrier: $(cat /sys/class/net/eth0/carrier)"; sleep 1; done'
carrier() { [ "$(value "$1" carrier)" = "$2" ]; }
reached() { ping -c 1 -W 1 10.2.0.2 >/dev/null 2>&1; }
for vhost in off on; do
	guest cable 1 192 "$cable" --net "id=net0,tap=tap1,vhost=$vhost"
	c=$pid
	check "vhost=$vhost: a guest is reached" until_true 120 reached
	check "vhost=$vhost: its cable is pulled" avmm qmp cable set_link '{"name": "net0", "up": false}'
	check "vhost=$vhost: it sees that" until_true 60 carrier cable 0
	check "vhost=$vhost: it is not reached" not reached
	rm -f $tmp/ck
	check "vhost=$vhost: it is saved" avmm save cable $tmp/ck --stop
	check "vhost=$vhost: and ends" until_true 60 not alive "$c"
	avmm restore $tmp/ck --name cable2 --device "$DEVICE" </dev/null >$tmp/cable2 2>&1 &
	c=$!
	check "vhost=$vhost: it goes on, still without" until_true 60 carrier cable2 0
	check "vhost=$vhost: it is not reached" not reached
	check "vhost=$vhost: its cable is put back" avmm qmp cable2 set_link '{"name": "net0", "up": true}'
	check "vhost=$vhost: it sees that" until_true 60 carrier cable2 1
	check "vhost=$vhost: and is reached" until_true 60 reached
	kill $c
	wait $c 2>/dev/null
done

# The devices are opened by somebody else, and the VMM gets their descriptors.
avmm() { "$here/../host/tapfd" "$tap" avmm "$@"; }
tap=tap1
guest server 1 192 "$server" --net fd=5
s=$pid
tap=tap2
guest client 1 192 "$client" --net fd=5
c=$pid
unset -f avmm
check 'fd=: the client comes to its end' ended client "$c"
check 'fd=: the server comes to its end' ended server "$s"
check 'fd=: what was downloaded is what was offered' says client "sum: $(value server sum)"

guest server 1 192 'sleep 1000' --net tap=tap1
check 'a guest holds a tap device' up server
check 'nobody else gets it' refused 'tap1 is in use' --net tap=tap1
kill "$pid"
check 'a name that is none' refused "interface's name" --net tap=this-name-is-too-long
check 'a descriptor that is no tap device' refused 'is no tap device' --net fd=0
done_testing
