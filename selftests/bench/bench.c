// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs, as the guest's own clock sees it: lines of "name nanoseconds", one exit each,
 *over many exits. On a machine where an instruction is a nanosecond (lab/host --icount) that is the
 *number of instructions.
 *
 *	hypercall	a call that needs no more than an answer (SMCCC_VERSION)
 *	mmio_vgic	a read of a register of the distributor
 *	mmio_user	a read of a register that this process emulates
 *	fault		the first write to a page, its host memory being there
 *	ipi		an SGI to another, busy vCPU, until its handler has told so
 *	timer		from a timer's expiry to the handler of a busy guest
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>

#include "avmm_util.h"
#include "bench/bench.h"

PAYLOAD(bench);

static uint64_t freq;

static void pin(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	uint64_t ticks = uc->arg[2] >> 32, n = uc->arg[2] & 0xffffffff;
	const char *name = vm_ram(vcpu->vm, uc->arg[1]);

	if (uc->arg[0] != SYNC_RESULT || !name || !n)
		tap_bail("the payload says nonsense");
	printf("%s %.1f\n", name, ticks * 1e9 / freq / n);
	fflush(stdout);
	return true;
}

static bool on_exit_(struct vcpu *vcpu, int result)
{
	return result == AVMM_EXIT_MMIO && vcpu->run->mmio.phys_addr == MAP_MMIO;
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;

	pin(vcpu->id);
	vcpu->result = vcpu_run_to_end(vcpu);
	vcpu->vm->stop = true;
	return NULL;
}

int main(void)
{
	struct vm_config cfg = { PAYLOAD_OF(bench), .vcpus = 2, .on_sync = on_sync,
				 .on_exit = on_exit_ };
	size_t size = BENCH_PAGES * 4096UL;
	struct vm *vm;
	void *mem;

	test_begin(550);
	asm volatile("mrs %0, cntfrq_el0" : "=r"(freq));
	vm = vm_new(&cfg);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		tap_bail("mmap");
	/* single pages, all there */
	madvise(mem, size, MADV_NOHUGEPAGE);
	memset(mem, 1, size);
	if (avmm_map_memory(vm->fd, 1, 0, BENCH_RAM, mem, size))
		tap_bail("the second slot");
	pthread_create(&vm->vcpu[1].thread, NULL, vcpu_main, &vm->vcpu[1]);
	pthread_create(&vm->vcpu[0].thread, NULL, vcpu_main, &vm->vcpu[0]);
	pthread_join(vm->vcpu[0].thread, NULL);
	vcpu_kick(&vm->vcpu[1]);
	pthread_join(vm->vcpu[1].thread, NULL);
	return !vm->vcpu[0].result;
}
