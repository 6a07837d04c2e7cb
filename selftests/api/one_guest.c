// SPDX-License-Identifier: GPL-2.0
/*
 * The least there is: a guest of three instructions. By itself a test that it runs; for scripts
 * also
 *
 *	one_guest --run			says nothing, status 0 if it ran
 *	one_guest --hold device|vm|vcpu	holds one open file until it is killed
 */
#include "avmm_util.h"

/* mov x0, #42; str x0, [x1]; b . */
static const uint32_t code[] = { 0xd2800540, 0xf9000020, 0x14000000 };

static bool runs(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t value = 0;
	int r;

	vm_poke(vm, MAP_RAM, code, 3);
	vcpu_start_at(v, MAP_RAM, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
	r = vcpu_run(v);
	memcpy(&value, v->run->mmio.data, 8);
	vm_free(vm);
	return r == AVMM_EXIT_MMIO && value == 42;
}

__attribute__((noreturn))
static void hold(const char *what)
{
	int dev = device_open(), vm = -1, vcpu = -1;

	if (strcmp(what, "device")) {
		vm = avmm_create_vm(dev, 0);
		close(dev);
	}
	if (!strcmp(what, "vcpu")) {
		vcpu = avmm_create_vcpu(vm, 0);
		close(vm);
	}
	printf("holding %s: %d %d %d\n", what, dev, vm, vcpu);
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--run"))
		return !runs();
	if (argc > 2 && !strcmp(argv[1], "--hold"))
		hold(argv[2]);
	test_begin(30);
	close(device_open());
	tap_ok(runs(), "a guest of three instructions runs");
	return tap_end();
}
