#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Debian's libvirt, as it is, with avmm-system as the emulator of its domains. Runs in a host of "lab/host --programs
# libvirt --guest", or libvirt11.
#
#   libvirt_avmm.sh PART...    define life power more plug bridge user devices import confined migrate
here=$(cd "$(dirname "$0")/../host" && pwd)
# shellcheck source-path=SCRIPTDIR source=../host/tap.sh
. "$here/tap.sh"
emulator=/usr/bin/avmm-system
# shellcheck source-path=SCRIPTDIR source=../host/libvirt_lib.sh
. "$here/libvirt_lib.sh"
# What "make install" does.
ln -sf avmm $emulator
ours='it is ours'
# The VMM; its launcher of device processes has the same program.
vmm() {
	for p in $(pidof avmm-system); do
		[ "$(cat "/proc/$p/comm")" != avmm-system ] || echo "$p"
	done
}
is_ours() { [ -n "$(vmm)" ]; }
cable="<interface type='ethernet'><model type='virtio'/></interface>"
devices=$cable
# Some are left for what is plugged in.
ports="<controller type='pci' model='pcie-root'/>$(for _ in 1 2 3 4 5 6 7 8; do
	echo "<controller type='pci' model='pcie-root-port'/>"; done)"

# shows PATTERN COMMAND...: the command says that.
shows() {
	pattern=$1
	shift
	"$@" >$tmp/shows 2>&1 || { cat $tmp/shows; return 1; }
	grep -q -e "$pattern" $tmp/shows || { cat $tmp/shows; return 1; }
}
# refuses PATTERN COMMAND...: it fails and says that, and not because it takes too long.
refuses() {
	pattern=$1 rc=0
	shift
	timeout 60 "$@" >$tmp/refusal 2>&1 || rc=$?
	cat $tmp/refusal
	[ $rc = 1 ] && grep -q -e "$pattern" $tmp/refusal
}

# What libvirt knows of us, without a guest.
part_define() {
	caps="virsh domcapabilities --emulatorbin $emulator --arch aarch64 --virttype kvm --machine virt"
	check 'domcapabilities: it is for KVM' shows '<domain>kvm</domain>' $caps
	check 'with a GIC' shows '<value>[23]</value>' $caps
	dd if=/dev/zero of=$tmp/defined.img bs=64k count=1 2>/dev/null
	domain defined 2 true
	check 'define' virsh define $tmp/defined.xml
	check 'it is there' state_is defined 'shut off'
	check 'it would be started with QEMU'\''s options' shows '-device.*virtio-blk' \
		virsh domxml-to-native qemu-argv --domain defined
	check 'autostart' virsh autostart defined
	check 'it says so' shows 'Autostart:.*enable' virsh dominfo defined
	check 'undefine' virsh undefine defined
	devices="<graphics type='vnc'/><video><model type='virtio'/></video>"
	domain defined 2 true
	check 'what we do not have is refused by libvirt' refuses video virsh define $tmp/defined.xml
	devices=$cable
}

running() {
	check 'domstats counts what the disk did' sh -c 'virsh domstats life | tee /dev/stderr | grep -q block.0.rd.bytes=[1-9]'
	check 'libvirtd is started again' again
	check 'the domain runs on' state_is life running
	check 'and is under control' virsh suspend life
	check 'resume' virsh resume life
}
again() {
	kill "$(cat /run/libvirtd.pid)"
	until_true 20 sh -c '! pidof libvirtd'
	libvirtd -d && until_true 60 virsh -q list
}

part_more() {
	disk_of more
	devices="<channel type='unix'><target type='virtio' name='org.avmm.test'/></channel>"
	domain more 2 "$LOAD"
	devices=$cable
	starts more
	check 'the guest runs' says more '^tick'
	check 'console' types more hello '^got hello'
	for c in dominfo dommemstat domblklist domstats; do check "$c" virsh $c more; done
	for c in domblkstat domblkinfo; do check "$c" virsh $c more vda; done
	check 'vcpucount' shows 'current.*live.*2' virsh vcpucount more
	check 'vcpuinfo knows the time of both' vcpu_times
	check 'domstats, too' shows 'vcpu.1.time=[1-9]' virsh domstats more
	check 'vcpupin' virsh vcpupin more 1 0
	check 'which the thread has' pinned
	check 'setmem' virsh setmem more 200M
	check 'the guest gives what it should' until_true 60 shows 'actual 204800' virsh dommemstat more
	check 'blockresize' virsh blockresize more vda 256K
	check 'the disk has that' shows 'Capacity: *262144' virsh domblkinfo more vda
	check 'reset' virsh reset more
	check 'it boots again' until_true 120 booted more 2
	check 'the guest runs' until_true 120 more_lines more '^tick 1 ' 1
	check 'the guest reboots' types more reboot 'guest: up'
	check 'it boots again' until_true 120 booted more 3
	for c in 'dump --memory-only more /tmp/x' 'screenshot more' 'inject-nmi more' 'snapshot-create-as more' \
		'setvcpus more 4 --live'; do
		# shellcheck disable=SC2086 # words
		check "$c is refused" refuses . virsh $c
	done
	check 'and libvirt is well' virsh suspend more
	check 'resume' virsh resume more
	check 'managedsave' virsh managedsave more
	check 'it is off' state_is more 'shut off'
	check 'start goes on from there' begins more start more
	# the log began anew
	check 'without a boot' booted more 0
	check 'it goes on' goes_on more tick
	check 'autostart' virsh autostart more
	check 'the guest powers off' types more poweroff 'got poweroff'
	check 'it is off' until_true 60 state_is more 'shut off'
	# What it has started at this boot already, a mark in /run says.
	rm -f /run/libvirt/qemu/autostarted
	check 'libvirtd is started again' again
	check 'and starts the domain by itself' until_true 60 state_is more running
	check 'which boots' until_true 120 booted more 1
	check 'destroy' virsh destroy more
	check 'undefine' virsh undefine more
}
vcpu_times() {
	virsh vcpuinfo more | tee $tmp/vcpuinfo
	[ "$(grep -c 'CPU time: *[0-9.]*[1-9]' $tmp/vcpuinfo)" = 2 ]
}
pinned() {
	for t in /proc/"$(vmm)"/task/*; do
		! grep -q 'Cpus_allowed_list:.0$' $t/status || return 0
	done
	return 1
}

# Devices that come and go while the guest runs.
# shellcheck disable=SC2016 # for the guest
watch='modprobe -a virtio_pci virtio_blk virtio_net; i=0; while :; do i=$((i + 1))
	disks=$(cd /dev; for d in vd?; do echo $d:$(dd if=$d bs=64k iflag=direct 2>/dev/null | md5sum | cut -c 1-32); done)
	echo "tick $i disks: " $disks "cards: " $(cd /sys/class/net; cat eth*/address) .; sleep 0.5; done'
part_plug() {
	modprobe vhost_net
	disk_of new
	new=$sum
	disk_of plug
	devices=$cable$ports
	domain plug 2 "$watch"
	devices=$cable
	starts plug
	check 'the guest runs' says plug "disks: *vda:$sum *cards: *5"
	echo "<disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/new.img'/>
		<target dev='vdb' bus='virtio'/><serial>new</serial></disk>" >$tmp/disk.xml
	echo "<interface type='ethernet'><mac address='52:54:00:aa:bb:cc'/><target dev='plugged0'/>
		<model type='virtio'/></interface>" >$tmp/card.xml
	check 'attach-device of a disk' virsh attach-device plug $tmp/disk.xml --live
	check 'the guest reads it' says plug "vdb:$new"
	check 'libvirt shows its size' shows 'Capacity: *131072' virsh domblkinfo plug vdb
	check 'and what was read' shows 'rd_bytes [1-9]' virsh domblkstat plug vdb
	check 'attach-device of a network card' virsh attach-device plug $tmp/card.xml --live
	check 'the guest has it' says plug 'cards:.*52:54:00:aa:bb:cc'
	check 'the host has its tap device' ls -d /sys/class/net/plugged0
	check 'save, with both' virsh save plug /tmp/plug.save
	check 'restore' begins plug restore /tmp/plug.save
	check 'the guest goes on' goes_on plug tick
	check 'and still has both' until_true 60 last_has plug "vdb:$new.*52:54:00:aa:bb:cc"
	check 'libvirtd is started again' again
	check 'it knows the disk' shows vdb virsh domblklist plug
	check 'detach-device of the disk' virsh detach-device plug $tmp/disk.xml --live
	check 'it is gone for libvirt' until_true 60 sh -c '! virsh domblklist plug | grep vdb'
	check 'and for the guest' says plug 'disks: *vda:[0-9a-f]* *cards:.*52:54:00:aa:bb:cc' 30
	check 'nobody has its file open' sh -c "! ls -l /proc/$(vmm)/fd | grep new.img"
	check 'detach-device of the network card' virsh detach-device plug $tmp/card.xml --live
	check 'its tap device is gone' until_true 60 sh -c '! ls -d /sys/class/net/plugged0'
	check 'the disk comes again' virsh attach-device plug $tmp/disk.xml --live
	check 'and the guest reads it' until_true 60 last_has plug "vdb:$new"
	sed -i 's/new.img/plug.img/;s/vdb/vdc/;s/>new</>other</' $tmp/disk.xml
	check 'a disk that is in use is refused, by libvirt' refuses lock virsh attach-device plug $tmp/disk.xml --live
	qemu-img create -q -f qcow2 $tmp/qcow2 1M
	sed -i "s/plug.img/qcow2/;s/type='raw'/type='qcow2'/" $tmp/disk.xml
	check 'and one of qcow2' refuses "'qcow2' is not supported" virsh attach-device plug $tmp/disk.xml --live
	echo "<filesystem type='mount'><driver type='9p'/><source dir='/tmp'/><target dir='x'/></filesystem>" >$tmp/other.xml
	check 'and a file system' refuses . virsh attach-device plug $tmp/other.xml --live
	echo "<channel type='unix'><target type='virtio' name='x'/></channel>" >$tmp/other.xml
	check 'and a channel' refuses . virsh attach-device plug $tmp/other.xml --live
	check 'a disk that was there at the start can go, too' virsh detach-disk plug vda --live
	check 'it is gone for libvirt' until_true 60 sh -c '! virsh domblklist plug | grep vda'
	check 'and for the guest' until_true 60 last_has plug 'disks: *vdb:'
	check 'the guest goes on' goes_on plug tick
	check 'managedsave, without it' virsh managedsave plug
	check 'start goes on from there' begins plug start plug
	check 'and has what it had' until_true 60 last_has plug "disks: *vdb:$new"
	check 'destroy' virsh destroy plug
	check 'undefine' virsh undefine plug
}
last_has() { grep -a '^tick' "/tmp/$1.console" | tail -n 1 | grep -q "$2"; }

# What guests download, from all addresses of the host.
serve() {
	if [ ! -e $tmp/www/file ]; then
		mkdir -p $tmp/www
		dd if=/dev/urandom of=$tmp/www/file bs=1M count=1 2>/dev/null
		busybox httpd -p 8080 -h $tmp/www
	fi
	sum=$(md5sum <$tmp/www/file | cut -d ' ' -f 1)
}

# shellcheck disable=SC2016 # for the guest
dhcp='modprobe -a virtio_pci virtio_net
	printf "#!/bin/sh\n[ \$1 != bound ] || ip addr add \$ip/\${mask:-24} dev \$interface\n" >/tmp/dhcp
	printf "[ \$1 != bound ] || ip route add default via \$router dev \$interface\n" >>/tmp/dhcp
	chmod +x /tmp/dhcp; ip link set eth0 up; udhcpc -i eth0 -n -q -t 20 -s /tmp/dhcp
	echo "address: $(ip -4 -o addr show eth0)"
	echo "sum: $(wget -q -O - http://10.9.0.1:8080/file | md5sum)"; sleep 1000'

# A bridge, by vhost-net
part_bridge() {
	modprobe -a bridge vhost_net
	serve
	brctl addbr br0
	ip addr add 10.8.0.1/24 dev br0
	ip link set br0 up
	devices="<interface type='bridge'><source bridge='br0'/><target dev='bridged0'/><model type='virtio'/></interface>"
	# shellcheck disable=SC2016 # for the guest
	domain bridged 2 'modprobe -a virtio_pci virtio_net; ifconfig eth0 10.8.0.2 up
		echo "sum: $(wget -q -O - http://10.8.0.1:8080/file | md5sum)"; sleep 1000'
	starts bridged
	check 'what the guest downloads over the bridge is right' says bridged "sum: $sum" 300
	check 'by vhost-net' sh -c "ls -l /proc/$(vmm)/fd | grep vhost-net"
	check 'domifstat counts it' shows 'tx_bytes [1-9]' virsh domifstat bridged bridged0
	check 'its link goes down' virsh domif-setlink bridged bridged0 down
	check 'destroy' virsh destroy bridged
	check 'undefine' virsh undefine bridged
	devices=$cable
}

# A network without privileges, by passt: ours and, where libvirt knows it, libvirt's.
part_user() {
	modprobe dummy
	serve
	# As in passt.sh: the guest gets the host's address, and finds the host's loopback at the gateway's.
	ip link show dev dummy0 >/dev/null 2>&1 || ip link add dummy0 type dummy
	ip addr add 10.9.0.2/24 dev dummy0
	ip link set dummy0 up
	ip route add default via 10.9.0.1
	for backend in '' "<backend type='passt'/>"; do
		how=${backend:+libvirt\'s}
		case $how$(virsh --version) in
		*s9.0.*) skip "define with $how passt" 'libvirt 9.0 does not know it'; continue ;;
		esac
		devices="<interface type='user'>$backend<model type='virtio'/></interface>"
		domain user 2 "$dhcp"
		check "define with ${how:-our own} passt" virsh define $tmp/user.xml
		check 'start' begins user start user
		check 'the guest has the address of the host' says user 'address:.*10.9.0.2'
		if dmesg | grep -q 'comm="passt".* sig=31'; then
			skip 'what it downloads from the host is right' 'passt was killed by a filter of its own'
		else
			check 'what it downloads from the host is right' says user "sum: $sum" 300
		fi
		check 'destroy' virsh destroy user
		check 'undefine' virsh undefine user
		check 'passt ends with it' until_true 20 sh -c '! pidof passt'
	done
	devices=$cable
}

# A shared folder by virtiofsd, a disk by qemu-storage-daemon, a socket, a second console and a channel.
part_devices() {
	modprobe vhost_vsock
	initrd_with "$here/sock"
	mkdir -p $tmp/folder
	chmod 777 $tmp/folder
	echo hello >$tmp/folder/text
	qemu-img create -q -f qcow2 $tmp/served 1M
	qemu-io -c 'write -P 65 0 1M' $tmp/served >/dev/null
	sum=$(dd if=/dev/zero bs=64k count=16 2>/dev/null | tr '\0' A | md5sum | cut -d ' ' -f 1)
	qemu-storage-daemon --blockdev driver=file,node-name=f,filename=$tmp/served \
		--blockdev driver=qcow2,node-name=q,file=f \
		--export type=vhost-user-blk,id=e,node-name=q,addr.type=unix,addr.path=$tmp/served.sock,writable=on &
	check 'qemu-storage-daemon serves a disk' until_true 60 [ -S $tmp/served.sock ]
	chmod 777 $tmp/served.sock
	backing="<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>"
	devices="<filesystem type='mount'><driver type='virtiofs'/><source dir='$tmp/folder'/><target dir='folder'/></filesystem>
		<disk type='vhostuser'><driver name='qemu' type='raw'/>
		<source type='unix' path='$tmp/served.sock'/><target dev='vda' bus='virtio'/></disk>
		<vsock model='virtio'><cid auto='no' address='42'/></vsock>
		<console type='pty'><target type='serial'/></console>
		<console type='pty'><target type='virtio'/><log file='$tmp/devices.hvc'/></console>
		<channel type='unix'><target type='virtio' name='org.avmm.test'/></channel>"
	# shellcheck disable=SC2016 # for the guest
	domain devices 2 'modprobe -a virtio_pci virtio_blk virtio_console virtiofs vmw_vsock_virtio_transport
		mount -t virtiofs folder /mnt && echo "folder: $(cat /mnt/text)" && echo back >/mnt/back
		echo "disk: $(md5sum </dev/vda)"
		echo from the guest >/dev/hvc0
		echo "channel: $(cat /sys/class/virtio-ports/*/name)"
		sleep 1; echo from the guest | sock vsock 2 2000; echo sent; sleep 1000'
	backing='' devices=$cable
	"$here/sock" vsock-listen 2000 >$tmp/vsock </dev/null &
	starts devices
	check 'the guest reads the shared folder' says devices '^folder: hello'
	check 'and writes to it' until_true 30 grep -q back $tmp/folder/back
	check 'it reads the disk' says devices "^disk: $sum"
	check 'its second console is logged' until_true 30 grep -a -q 'from the guest' $tmp/devices.hvc
	check 'its channel has a name' says devices 'channel:.*org.avmm.test'
	check 'its socket reaches the host' until_true 60 grep -q 'from the guest' $tmp/vsock
	check 'destroy' virsh destroy devices
	check 'undefine' virsh undefine devices
	check 'virtiofsd ends with it' until_true 20 sh -c '! pidof virtiofsd'
}

# A disk image that UEFI boots, by virt-install.
part_import() {
	run=$(printf %s 'ls /sys/firmware/efi; sleep 1000' | base64 | tr -d '\n')
	printf 'fs0:\r\nIMAGE console=ttyAMA0 initrd=\\INITRD.GZ avmm.run=%s\r\n' "$run" >$tmp/startup.nsh
	check 'a disk to start from' "$here/esp" $tmp/import.img STARTUP.NSH=$tmp/startup.nsh IMAGE=/guest/Image \
		INITRD.GZ=/guest/initrd.cpio.gz
	ln -sf avmm-system /usr/bin/qemu-system-aarch64
	# what the installation of ca-certificates makes, and trixie's python3-requests reads at once
	certs=/etc/ssl/certs/ca-certificates.crt
	[ -s $certs ] || { mkdir -p ${certs%/*} && cat /usr/share/ca-certificates/*/*.crt >$certs; }
	check 'virt-install --import' timeout 300 virt-install --connect qemu:///system --name import --memory 512 --vcpus 2 \
		--import --disk "path=$tmp/import.img,format=raw,bus=virtio" --osinfo detect=off,require=off \
		--graphics none --controller usb,model=none --network none --noautoconsole \
		--boot "uefi,emulator=$emulator" --serial "pty,log.file=/tmp/import.console"
	check 'it runs' state_is import running
	check 'and is ours' is_ours
	check 'UEFI and Linux boot' says import '^guest: up' 300
	check 'it has EFI variables' says import efivars
	check 'destroy' virsh destroy import
	check 'undefine' virsh undefine import --nvram
}

# With libvirtd and its domains in AppArmor's profiles and in cgroups, as on a Debian with systemd: what the package
# brings for that is there and is enough.
part_confined() {
	disk_of new
	new=$sum
	disk_of confined
	rules=/etc/apparmor.d
	check 'the kernel has AppArmor' has_apparmor
	check 'and cgroups' sh -c 'grep -q cgroup2 /proc/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup'
	check 'profiles are loaded' load_profiles
	check 'libvirtd is started again' again
	check 'and is confined' grep '^libvirtd' "/proc/$(pidof libvirtd)/attr/current"
	devices=$cable$ports
	domain confined 2 "$watch"
	devices=$cable
	check 'define' virsh define $tmp/confined.xml
	check 'without our rules it does not start' refuses 'ermission denied' virsh start confined
	mkdir -p $rules/abstractions/libvirt-qemu.d
	cp "$(dirname "$0")/apparmor/avmm" $rules/abstractions/libvirt-qemu.d/avmm
	# trixie's includes what is there
	grep -q libvirt-qemu.d $rules/abstractions/libvirt-qemu ||
		echo 'include <abstractions/libvirt-qemu.d/avmm>' >$rules/local/abstractions/libvirt-qemu
	check 'with them it starts' begins confined start confined
	state_is confined running || done_testing
	profile=libvirt-$(virsh domuuid confined | tr -d '\n')
	check 'in the profile of its domain' grep "^$profile (enforce)" "/proc/$(vmm)/attr/current"
	check 'in a cgroup of its own' grep machine "/proc/$(vmm)/cgroup"
	check 'which has no /dev/avmm, but /dev/kvm' sh -c "ls -l /proc/$(vmm)/fd | grep ' /dev/kvm'"
	check 'the guest reads its disk' says confined "disks: *vda:$sum"
	echo secret >$tmp/secret
	check 'who is in that profile may not read what is not the domain'\''s' refuses 'secret.*denied' \
		aa-exec -p "$profile" -- /usr/bin/avmm run --sandbox off --kernel $tmp/secret
	check 'schedinfo' shows cpu_shares virsh schedinfo confined
	check 'vcpupin' virsh vcpupin confined 1 0
	check 'which its cgroup has, too' sh -c 'cat $(find /sys/fs/cgroup -path "*vcpu1/cpuset.cpus") | grep "^0$"'
	echo "<disk type='file'><driver name='qemu' type='raw'/><source file='$tmp/new.img'/>
		<target dev='vdb' bus='virtio'/></disk>" >$tmp/disk.xml
	check 'attach-device of a disk' virsh attach-device confined $tmp/disk.xml --live
	check 'the guest reads it' says confined "vdb:$new"
	check 'detach-device' virsh detach-device confined $tmp/disk.xml --live
	check 'it is gone' until_true 60 sh -c '! virsh domblklist confined | grep vdb'
	check 'save' virsh save confined /tmp/confined.save
	check 'restore' begins confined restore /tmp/confined.save
	check 'it goes on' goes_on confined tick
	check 'destroy' virsh destroy confined
	check 'undefine' virsh undefine confined
	part_bridge
}
has_apparmor() {
	grep -q securityfs /proc/mounts || mount -t securityfs securityfs /sys/kernel/security
	grep apparmor /sys/kernel/security/lsm
}
load_profiles() {
	# As dpkg would.
	mkdir -p $rules/local/abstractions
	for f in usr.sbin.libvirtd usr.lib.libvirt.virt-aa-helper usr.bin.passt virtiofsd abstractions/libvirt-qemu; do
		[ -e $rules/local/$f ] || : >$rules/local/$f
	done
	for f in usr.sbin.libvirtd usr.lib.libvirt.virt-aa-helper usr.bin.passt virtiofsd; do
		[ ! -e $rules/$f ] || apparmor_parser -r -K $rules/$f || return 1
	done
}

modprobe tun
parts "$@"
