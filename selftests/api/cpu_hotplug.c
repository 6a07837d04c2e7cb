// SPDX-License-Identifier: GPL-2.0
/*
 * The host's CPUs go off and on while guests run, and run guests again. The payload is that of
 * smp.c.
 */
#define _GNU_SOURCE
#include <sched.h>

#include "avmm_util.h"

PAYLOAD(smp);

static volatile bool finish;
static unsigned int rounds, refused;

static bool set_online(unsigned int cpu, bool on)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	return write_text(path, on ? "1" : "0");
}

static void *plugger(void *arg)
{
	unsigned int cpus = *(unsigned int *)arg, cpu;

	for (cpu = cpus - 1; !finish; cpu = (cpu + 1) % cpus) {
		/* not every machine lets its first CPU go */
		if (!set_online(cpu, false)) {
			refused += cpu != 0;
			continue;
		}
		usleep(50000);
		if (!set_online(cpu, true))
			tap_ok(false, "CPU %u comes back", cpu);
		usleep(50000);
		rounds++;
	}
	return NULL;
}

/* A guest on each CPU in turn. */
static void test_each(unsigned int cpus, const char *when)
{
	static const uint32_t store[] = { 0xf9000020, 0x14000000 };	/* str x0, [x1]; b . */
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	struct vcpu *v = &vm->vcpu[0];
	unsigned int cpu;
	cpu_set_t set, all;

	sched_getaffinity(0, sizeof(all), &all);
	vm_poke(vm, MAP_RAM, store, 2);
	for (cpu = 0; cpu < cpus; cpu++) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			tap_bail("cannot go to CPU %u", cpu);
		vcpu_start_at(v, MAP_RAM, 0);
		vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
		tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "%s: a guest runs on CPU %u", when, cpu);
		/* the next round begins with a fresh instruction */
		v->run->immediate_exit = 1;
		vcpu_run(v);
		v->run->immediate_exit = 0;
	}
	sched_setaffinity(0, sizeof(all), &all);
	vm_free(vm);
}

int main(void)
{
	unsigned int cpus = sysconf(_SC_NPROCESSORS_CONF), i;
	struct vm *vm;
	pthread_t t;
	bool ok;

	test_begin(280);
	close(device_open());
	if (cpus < 2)
		tap_skip_all("needs two CPUs");
	test_each(cpus, "before");

	/* with no guest at all */
	for (i = 0; i < 5; i++)
		if (!set_online(cpus - 1, false) || !set_online(cpus - 1, true))
			tap_bail("cannot take CPU %u off and on", cpus - 1);
	test_each(cpus, "off and on without a guest");

	/* a guest begins on fewer CPUs, and the other comes later */
	set_online(cpus - 1, false);
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(smp), .vcpus = 4 });
	set_online(cpus - 1, true);
	if (pthread_create(&t, NULL, plugger, &cpus))
		tap_bail("pthread_create");
	ok = vm_run(vm);
	finish = true;
	pthread_join(t, NULL);
	tap_ok(ok, "the payload came to its end");
	tap_ok(rounds > 2, "CPUs went off and on %u times meanwhile", rounds);
	tap_eq(refused, 0, "each time that they were told to");
	vm_free(vm);
	test_each(cpus, "after");
	return tap_end();
}
