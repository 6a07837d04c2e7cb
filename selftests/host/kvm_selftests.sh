#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the KVM selftests of a kernel's source, which lab/kvm-selftests has built, on /dev/kvm. A
# test is a program, and its exit status is the result: 0 passed, 4 skipped.
#
#   kvm_selftests.sh SET|PROGRAM...		SET is a word of the table's second column
here=$(cd "$(dirname "$0")" && pwd)
dir=$here/../kvm

# dirty_log_test tries all guest page table formats by itself: P40V48_4K is enough
case $(uname -r) in
6.1.*) dirty_log_mode=5 ;;
*) dirty_log_mode=6 ;;
esac

# program | set | seconds it may take | arguments
#
# Arguments are there to make a test small: the lab emulates. "short" is for each commit, "long" is
# the rest of what passes, "timer" wants lab/host --icount, "endless" counts further than emulation
# comes in an hour, "awaited" needs a feature that is not there yet. A program that a kernel's tests
# do not have is skipped, unless it is named.
table() {
	cat <<-END
	aarch32_id_regs | short | 30
	get-reg-list | short | 30
	set_id_regs | short | 60
	hypercalls | short | 30
	psci_test | short | 30
	vcpu_width_config | short | 30
	kvm_create_max_vcpus | short | 60
	steal_time | short | 30
	vgic_init | short | 60
	vgic_irq | short | 180
	no-vgic-v3 | short | 30
	no-vgic | short | 30
	guest_print_test | short | 60
	coalesced_io_test | short | 60
	kvm-uuid | short | 30
	mmio_sign_ext | short | 30
	idreg-idst | short | 30
	external_aborts | short | 60
	demand_paging_test | short | 120 | -b 8M -v 2
	dirty_log_perf_test | short | 120 | -b 8M -v 2 -i 2
	kvm_page_table_test | long | 600 | -b 4M -v 2
	memslot_modification_stress_test | long | 300 | -b 4M -v 2 -i 100
	access_tracking_perf_test | long | 120 | -b 8M -v 2
	dirty_log_test | long | 900 | -i 3 -I 20 -m $dirty_log_mode
	memslot_perf_test | long | 600 | -s 200 -l 1 -e 3
	set_memory_region_test | long | 1800
	page_fault_test | long | 900
	irqfd_test | long | 300
	mmu_stress_test | long | 900 | -s 1 -m 1
	vgic_lpi_stress | short | 120 | -v 2 -d 2 -e 8 -i 100
	rseq_test | endless | 7200
	hardware_disable_test | endless | 7200
	debug-exceptions | awaited | 60
	smccc_filter | awaited | 30
	kvm_binary_stats_test | awaited | 30
	arch_timer | timer | 300
	arch_timer_edge_cases | timer | 900
	END
}

rows() {
	for want; do
		table | awk -F ' *[|] *' -v want="$want" '$1 == want || $2 == want'
	done
}

now() { cut -d. -f1 /proc/uptime; }

n=0 bad=0 fifo=/tmp/kvm_selftests
echo 'TAP version 13'
rows "$@" >$fifo
while IFS='|' read -r name _ limit args; do
	name=${name% } n=$((n + 1)) began=$(now) rc=0
	if [ ! -x "$dir/$name" ]; then
		case " $* " in
		*" $name "*) echo "not ok $n $name # was not built"; bad=1 ;;
		*) echo "ok $n $name # SKIP not among this kernel's tests" ;;
		esac
		continue
	fi
	# shellcheck disable=SC2086 # arguments; a number between blanks
	timeout -k 5 $limit "$dir/$name" $args </dev/null >/tmp/out 2>&1 || rc=$?
	sed 's/^/# /' /tmp/out
	case $rc in
	0) echo "ok $n $name" ;;
	4) echo "ok $n $name # SKIP $(tail -n 1 /tmp/out)" ;;
	124 | 137 | 143) echo "not ok $n $name # took longer than$limit s"; bad=1 ;;
	*) echo "not ok $n $name # status $rc"; bad=1 ;;
	esac
	echo "# $name took $(($(now) - began)) s"
done <$fifo
echo "1..$n"
exit $bad
