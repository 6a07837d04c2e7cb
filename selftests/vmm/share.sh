#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Shared folders, served by virtiofsd (lab/host --programs vmm): one that we start, one that runs already, one that dies.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$here/lib.sh"
for d in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do [ ! -x $d ] || virtiofsd=$d; done
[ -n "${virtiofsd:-}" ] || { echo '1..0 # SKIP no virtiofsd here'; exit 4; }

mkdir $tmp/folder $tmp/other
dd if=/dev/urandom of=$tmp/folder/file bs=1M count=6 2>/dev/null
# shellcheck disable=SC2016 # for the guest to expand
guest share 1 192 "$(drivers virtiofs)"'
	mount -t virtiofs here /mnt && mkdir /tmp/m && mount -t virtiofs there /tmp/m || exit 1
	echo "sum: $(md5sum </mnt/file)"
	cp /mnt/file /tmp/m/copy && sync
	mkdir /mnt/made && echo hello >/mnt/made/text && ln -s text /mnt/made/link
	echo "link: $(cat /mnt/made/link)"
	for i in 1 2 3 4 5 6 7 8 9; do echo $i >/mnt/n$i; done; rm /mnt/n5
	echo "count: $(ls /mnt/n* | wc -l)"
	umount /mnt /tmp/m' --share tag=here,path=$tmp/folder --share tag=there,path=$tmp/other
share=$pid
up share
check 'a virtiofsd runs for each folder' sh -c '[ "$(pidof virtiofsd | wc -w)" -ge 2 ]'
check 'the guest comes to its end' ended share "$share"
check 'it reads what is there' says share "sum: $(md5sum <$tmp/folder/file)"
check 'the host has what it wrote' cmp $tmp/folder/file $tmp/other/copy
check 'folders, files and links are made' [ "$(cat $tmp/folder/made/link)" = hello ]
check 'the guest sees them' says share 'link: hello'
check 'files come and go' says share 'count: 8'
check 'nothing is left of virtiofsd' until_true 20 sh -c '! pidof virtiofsd'

# One that runs already
$virtiofsd --socket-path=$tmp/fs.sock --shared-dir=$tmp/folder >$tmp/fsd 2>&1 &
check 'a virtiofsd listens' until_true 30 listens $tmp/fs.sock
guest share 1 192 "$(drivers virtiofs)"'
	mount -t virtiofs here /mnt && echo "text: $(cat /mnt/made/text)"' --share tag=here,socket=$tmp/fs.sock
check 'a guest on its socket comes to its end' ended share "$pid"
check 'it sees the folder' says share 'text: hello'

# One that dies under it: the VMM goes on, and so does what does not need the folder
guest share 1 192 "$(drivers virtiofs)"'
	mount -t virtiofs here /mnt && echo "text: $(cat /mnt/made/text)"
	echo mounted; sleep 5; echo later; sleep 600' --share tag=here,path=$tmp/folder
share=$pid
check 'a guest has mounted a folder' until_true 120 said share mounted
listen share
killall -KILL virtiofsd
check 'its virtiofsd is killed: the guest goes on' until_true 120 said share later
check 'the VMM says that nobody serves the folder' said share 'nobody serves it'
check 'and tells its clients' event share X_AVMM_BACKEND_CHANGE '"device":"share0"' '"connected":false'
# Its last sync would wait for the folder for ever, as on any machine.
check 'the VMM ends when it is told' sh -c "kill $share; for i in 1 2 3 4 5 6 7 8 9; do kill -0 $share || exit 0; sleep 1; done; exit 1"
wait "$share"

# One that comes while the guest runs, from a VMM that is in its sandbox and is nobody by now
echo 'avmm:x:900:900::/:/bin/false' >>/etc/passwd
chmod 755 $tmp/folder
# shellcheck disable=SC2016
guest plug 1 192 "$(drivers virtiofs)"'
	echo ready; until mount -t virtiofs late /mnt 2>/dev/null; do sleep 0.3; done
	echo "sum: $(md5sum </mnt/file)"
	touch /mnt/none 2>/dev/null; echo "touch: $?"
	umount /mnt; rmmod virtiofs; echo done'
plug=$pid
check 'a guest without a folder runs' until_true 120 said plug ready
check 'a folder is plugged in' avmm device add plug share tag=late,path=$tmp/folder
check 'the guest comes to its end' ended plug "$plug"
check 'it reads what is there' says plug "sum: $(md5sum <$tmp/folder/file)"
check 'and writes no more than its user may' says plug 'touch: 1'
check 'nothing is left of virtiofsd' until_true 20 sh -c '! pidof virtiofsd'
sed -i '/^avmm:/d' /etc/passwd

check 'a folder that is not there' refused 'No such file' --share tag=a,path=$tmp/none
check 'a socket that is not there' refused 'cannot connect' --share tag=a,socket=$tmp/none
done_testing
