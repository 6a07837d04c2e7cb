#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The network of a user without privileges: passt (lab/host --programs vmm).
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
command -v passt >/dev/null || { echo '1..0 # SKIP no passt here'; exit 4; }

# A host with an address and a way out, which ends at once; passt lets the guest have the same ones, and at the
# gateway's address the guest finds what listens on the host's loopback.
modprobe dummy
ip link show dev dummy0 >/dev/null 2>&1 || ip link add dummy0 type dummy
ip addr add 10.9.0.2/24 dev dummy0
ip link set dummy0 up
ip route add default via 10.9.0.1
mkdir $tmp/www
dd if=/dev/urandom of=$tmp/www/file bs=1M count=8 2>/dev/null
busybox httpd -p 127.0.0.1:8080 -h $tmp/www

# shellcheck disable=SC2016 # for the guest to expand
net="$(drivers virtio_net)"'
	cat >/tmp/dhcp <<-"END"
	#!/bin/sh
	[ "$1" = bound ] || exit 0
	ip addr add $ip/${mask:-24} dev $interface
	ip route add default via $router dev $interface
	echo "address: $ip"
	END
	chmod +x /tmp/dhcp
	ip link set eth0 up
	echo "mac: $(cat /sys/class/net/eth0/address)"
	udhcpc -i eth0 -n -q -t 20 -s /tmp/dhcp'
# shellcheck disable=SC2016
guest user 1 192 "$net"'
	wget -q -O /tmp/file http://10.9.0.1:8080/file
	echo "sum: $(md5sum </tmp/file)"' --net user,mac=52:54:00:11:22:33
user=$pid
up user
check 'passt runs beside it' pidof passt
check 'the guest comes to its end' ended user "$user"
check 'it has the address it was given' says user 'mac: 52:54:00:11:22:33'
check 'passt gives it the host'\''s address' says user 'address: 10.9.0.2'
check 'what it downloads from the host is right' says user "sum: $(md5sum <$tmp/www/file)"
check 'passt ends with the VMM' until_true 20 sh -c '! pidof passt'

# passt dies: the cable is out, and the guest goes on
# shellcheck disable=SC2016
guest user 1 192 "$net"'
	echo waiting; n=0
	until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ] || [ $n = 600 ]; do sleep 0.1; n=$((n + 1)); done
	echo "carrier: $(cat /sys/class/net/eth0/carrier)"' --net user
user=$pid
check 'a guest has a network' until_true 120 said user waiting
listen user
killall -KILL passt
check 'its passt is killed: the guest comes to its end' ended user "$user"
check 'it sees the cable pulled' says user 'carrier: 0'
check 'the VMM says why' said user 'the user network is gone'
check 'and tells its clients' event user X_AVMM_BACKEND_CHANGE '"device":"net0"' '"connected":false'

# One that comes while the guest runs, from a VMM that is in its sandbox and is nobody by now; and a port of the host
# that is the guest's.
echo 'avmm:x:900:900::/:/bin/false' >>/etc/passwd
# shellcheck disable=SC2016
guest plug 1 192 "$(drivers virtio_net)"'
	echo ready; until [ -e /sys/class/net/eth0 ]; do sleep 0.2; done
	'"$net"'
	wget -q -O /tmp/file http://10.9.0.1:8080/file
	echo "sum: $(md5sum </tmp/file)"
	mkdir /tmp/www; echo from the guest >/tmp/www/text; httpd -p 80 -h /tmp/www; echo serving
	while [ -e /sys/class/net/eth0 ]; do sleep 0.2; done'
plug=$pid
check 'a guest without a network runs' until_true 120 said plug ready
check 'the user network is plugged in' avmm device add plug net user,tcp=8081:80
check 'its passt is not root'\''s' sh -c '! grep -q "^Uid:.*[[:space:]]0[[:space:]]" /proc/$(pidof passt | cut -d " " -f 1)/status'
check 'the guest has it' until_true 180 said plug serving
check 'what it downloads is right' says plug "sum: $(md5sum <$tmp/www/file)"
check 'its port is reached from the host' sh -c '[ "$(wget -q -O - http://10.9.0.2:8081/text)" = "from the guest" ]'
check 'the network is taken away' avmm device remove --timeout 120 plug net0
check 'and its passt with it' until_true 20 sh -c '! pidof passt'
check 'the guest comes to its end' ended plug "$plug"
sed -i '/^avmm:/d' /etc/passwd
check 'ports of a network that is not ours' refused 'ports are forwarded by a passt' --net tap=tap0,tcp=8081:80

# passt as a vhost-user process; it dies, and another one takes its place
serve() {
	rm -f $tmp/vu.sock
	passt --foreground --quiet --vhost-user --socket $tmp/vu.sock 2>$tmp/passt.err &
	until_true 30 listens $tmp/vu.sock
}
if passt --help 2>&1 | grep -q -e --vhost-user; then
	check 'passt listens for vhost-user' serve
	# shellcheck disable=SC2016
	guest vu 1 192 "$net"'
		wget -q -O /tmp/file http://10.9.0.1:8080/file
		echo "sum: $(md5sum </tmp/file)"
		n=0; until timeout 8 wget -q -O /tmp/file http://10.9.0.1:8080/again || [ $n = 30 ]; do sleep 1; n=$((n + 1)); done
		echo "again: $(md5sum </tmp/file)"' --net vhost-user=$tmp/vu.sock
	vu=$pid
	check 'a guest downloads through it' until_true 180 said vu 'sum:'
	listen vu
	killall -KILL passt
	check 'it dies: clients are told' until_true 30 event vu X_AVMM_BACKEND_CHANGE '"connected":false'
	check 'another one comes' serve
	check 'they are told, too' until_true 30 event vu X_AVMM_BACKEND_CHANGE '"connected":true'
	dd if=/dev/urandom of=$tmp/again bs=1M count=4 2>/dev/null
	mv $tmp/again $tmp/www/again
	check 'the guest comes to its end' ended vu "$vu"
	check 'what it downloaded is right' says vu "sum: $(md5sum <$tmp/www/file)"
	check 'through the other one, too' says vu "again: $(md5sum <$tmp/www/again)"
	killall passt
else
	skip 'vhost-user' 'this passt does not speak it'
fi

mv /usr/bin/passt /usr/bin/passt.away
check 'no passt' refused 'needs the program passt' --net user
mv /usr/bin/passt.away /usr/bin/passt
done_testing
