# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What the tests of the VMM's devices share; sourced. The caller sets here, the folder of the script.
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/../host/tap.sh"
export DEVICE="${1:-/dev/avmm}"

# For the guest: the drivers of virtio and of the device named
drivers() { echo "modprobe -a virtio_mmio virtio_pci $*"; }

# says NAME TEXT: there is such a line on the console, without more
says() { tr -d '\r' <"$tmp/$1" | grep -q -x -e "$2"; }
# What a line of the console that begins with "TEXT: " says after that
value() { tr -d '\r' <"$tmp/$1" | sed -n "s/^$2: //p" | tail -n 1; }

# refused TEXT OPTION...: the VMM does not start, and says why in one line with the text in it
refused() {
	words=$1
	shift
	! timeout 60 avmm run --device "$DEVICE" --kernel /guest/Image "$@" </dev/null >$tmp/refused 2>&1 || return 1
	cat $tmp/refused
	[ "$(wc -l <$tmp/refused)" = 1 ] && grep -q -e "$words" $tmp/refused
}

# A network of guests: tap1 and tap2 on br0
bridge() {
	modprobe -a tun bridge vhost_net
	ip link add br0 type bridge
	ip link set br0 up
	for t in tap1 tap2; do
		ip tuntap add $t mode tap 2>/dev/null || tunctl -t $t >/dev/null
		ip link set $t master br0
		ip link set $t up
	done
}

# listen NAME: what the VM tells its clients goes to $tmp/NAME.events from now on. It does so as long as the VM lives.
listen() {
	(echo '{ "execute": "qmp_capabilities" }'; sleep 1000) | "$here/../host/sock" unix "/run/avmm/$1.sock" >"$tmp/$1.events" 2>/dev/null &
	until_true 30 grep -q '"return"' "$tmp/$1.events"
}
# event NAME EVENT TEXT...: there was such an event, with all of the texts in it
event() {
	grep -e "\"event\":\"$2\"" "$tmp/$1.events" >$tmp/matches
	shift 2
	for part; do
		grep -e "$part" $tmp/matches >$tmp/matches.new
		mv $tmp/matches.new $tmp/matches
	done
	[ -s $tmp/matches ]
}

# said NAME TEXT: the text is on the console
said() { grep -a -q -e "$2" "$tmp/$1"; }
# listens PATH|PORT: somebody does there; a port is in hexadecimal. The file of a socket is there a moment before that.
listens() { grep -q " 00010000 .* $1\$" /proc/net/unix || grep -q ":$1 0*:0000 0A" /proc/net/tcp /proc/net/tcp6; }
