// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
/* Stolen time: the attribute that says where, the hypercalls, and that the count is true. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include "avmm_util.h"

#define ST_IPA		(MAP_RAM + 0x8000)
#define PV_TIME_FEATURES	0xc5000020
#define PV_TIME_ST		0xc5000021
#define NOT_SUPPORTED		0xffffffffffffffffULL

struct stolen {
	uint32_t revision, attributes;
	uint64_t ns;
};

static int attr(struct vcpu *v, int (*fn)(int, const struct avmm_device_attr *), uint64_t n,
		const uint64_t *ipa)
{
	return fn(v->fd, &(struct avmm_device_attr){ .group = AVMM_ARM_VCPU_PVTIME_CTRL, .attr = n,
						     .addr = (uintptr_t)ipa });
}

/* hvc #0; str x0, [x2]; and a loop without exits */
static const uint32_t code[] = { 0xd4000002, 0xf9000040, 0x14000000 };

static uint64_t hvc(struct vm *vm, uint64_t fn, uint64_t arg)
{
	struct vcpu *v = &vm->vcpu[0];
	uint64_t res = 0;

	vm_poke(vm, MAP_RAM, code, 3);
	vcpu_start_at(v, MAP_RAM, fn);
	vcpu_set(v, AVMM_CORE_X(1), arg);
	vcpu_set(v, AVMM_CORE_X(2), MAP_MMIO);
	if (!tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "a hypercall, 0x%lx", (unsigned long)fn))
		return 0;
	memcpy(&res, v->run->mmio.data, 8);
	v->run->immediate_exit = 1;
	vcpu_run(v);
	v->run->immediate_exit = 0;
	return res;
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static volatile bool stop;
static uint64_t run_delay;

static void *compete(void *arg)
{
	pin();
	while (!stop)
		;
	return arg;
}

static void *run(void *arg)
{
	struct vcpu *v = arg;
	unsigned long long delay = 0;
	FILE *f;

	pin();
	v->result = vcpu_run(v);
	f = fopen("/proc/thread-self/schedstat", "r");
	if (f && fscanf(f, "%*u %llu", &delay) == 1)
		run_delay = delay;
	if (f)
		fclose(f);
	return NULL;
}

static void test_count(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	struct stolen *st = vm_ram(vm, ST_IPA);
	pthread_t other;

	vm_poke(vm, MAP_RAM, code + 2, 1);
	vcpu_start_at(v, MAP_RAM, 0);
	st->ns = 0;
	if (pthread_create(&other, NULL, compete, NULL) ||
	    pthread_create(&v->thread, NULL, run, v))
		tap_bail("pthread_create");
	sleep(2);
	stop = true;
	pthread_join(other, NULL);
	vcpu_kick(v);
	pthread_join(v->thread, NULL);
	tap_diag("stolen %llu ms, the thread waited %llu ms",
		 (unsigned long long)st->ns / 1000000, (unsigned long long)run_delay / 1000000);
	tap_ok(st->ns > 100000000, "with another thread on its CPU, time is stolen");
	tap_ok(st->ns <= run_delay, "not more than the thread waited");
}

int main(void)
{
	struct vm *vm;
	struct vcpu *v;
	uint64_t ipa = ST_IPA, bad = ST_IPA + 8, none = 0x7f000000, got = 0;
	struct stolen *st;

	test_begin(120);
	vm = vm_new(&(struct vm_config){ .nommu = true, .vcpus = 1 });
	v = &vm->vcpu[0];
	if (avmm_check_extension(vm->fd, AVMM_CAP_STEAL_TIME) <= 0) {
		tap_eq(-attr(v, avmm_has_device_attr, 0, NULL), ENXIO, "no attribute without the cap");
		return tap_end();
	}
	tap_eq(attr(v, avmm_has_device_attr, 0, NULL), 0, "HAS_DEVICE_ATTR");
	tap_eq(-attr(v, avmm_has_device_attr, 1, NULL), ENXIO, "HAS_DEVICE_ATTR of another");
	tap_eq(attr(v, avmm_get_device_attr, 0, &got), 0, "GET_DEVICE_ATTR");
	tap_eq(got, ~0ULL, "no place yet");
	tap_eq(hvc(vm, PV_TIME_FEATURES, PV_TIME_ST), NOT_SUPPORTED, "FEATURES without a place");
	tap_eq(hvc(vm, PV_TIME_ST, 0), NOT_SUPPORTED, "ST without a place");
	tap_eq(-attr(v, avmm_set_device_attr, 1, &ipa), ENXIO, "SET_DEVICE_ATTR of another");
	tap_eq(-attr(v, avmm_set_device_attr, 0, NULL), EFAULT, "SET_DEVICE_ATTR without a value");
	tap_eq(-attr(v, avmm_set_device_attr, 0, &bad), EINVAL, "a place that is not aligned");
	tap_eq(-attr(v, avmm_set_device_attr, 0, &none), EINVAL, "a place that is not memory");
	tap_eq(attr(v, avmm_set_device_attr, 0, &ipa), 0, "a good place");
	tap_eq(-attr(v, avmm_set_device_attr, 0, &ipa), EEXIST, "a second time");
	tap_eq(attr(v, avmm_get_device_attr, 0, &got), 0, "GET_DEVICE_ATTR again");
	tap_eq(got, ipa, "it is the place");

	st = vm_ram(vm, ST_IPA);
	memset(st, 0xff, sizeof(*st));
	tap_eq(hvc(vm, PV_TIME_FEATURES, PV_TIME_FEATURES), 0, "FEATURES(FEATURES)");
	tap_eq(hvc(vm, PV_TIME_FEATURES, PV_TIME_ST), 0, "FEATURES(ST)");
	tap_eq(hvc(vm, PV_TIME_FEATURES, 0x84000053), NOT_SUPPORTED, "FEATURES of another owner's");
	st->ns = ~0ULL;
	tap_eq(hvc(vm, PV_TIME_ST, 0), ipa, "ST says the place");
	tap_ok(st->revision == 0 && st->attributes == 0 && st->ns < 1000000000,
	       "which is clean");
	test_count(vm);
	vm_free(vm);
	return tap_end();
}
