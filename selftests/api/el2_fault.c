// SPDX-License-Identifier: GPL-2.0
/*
 * EL2 itself faults, which no guest can bring about: a module of the tests does, where guests are
 * entered. The VM is lost, and says so; the host and every other VM go on as if nothing had been.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "avmm_util.h"

#define MODULE	"/selftests/el2_fault.ko"
#define PARAM	"/sys/module/el2_fault/parameters/fault"

/* mov x0, #42; str x0, [x1]; b .-8 */
static const uint32_t code[] = { 0xd2800540, 0xf9000020, 0x17fffffe };

static __thread int mine = 4711;	/* reached by TPIDR_EL0 */

static struct vm *guest(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });

	vm_poke(vm, MAP_RAM, code, 3);
	vcpu_start_at(&vm->vcpu[0], MAP_RAM, 0);
	vcpu_set(&vm->vcpu[0], AVMM_CORE_X(1), MAP_MMIO);
	return vm;
}

static void arm_fault(const char *how)
{
	int fd = open(PARAM, O_WRONLY);

	if (fd < 0 || write(fd, how, 1) != 1)
		tap_bail("%s: %s", PARAM, strerror(errno));
	close(fd);
}

static void test_fault(const char *how, const char *what)
{
	struct vm *lost = guest(), *other = guest(), *late;
	register double d asm("d8") = 3.25;
	struct avmm_vcpu_init init;
	uint64_t pc;
	int r;

	tap_eq(vcpu_run(&lost->vcpu[0]), AVMM_EXIT_MMIO, "%s: a guest runs", what);
	tap_eq(vcpu_run(&other->vcpu[0]), AVMM_EXIT_MMIO, "%s: and another", what);
	arm_fault(how);
	asm volatile("" : "+w"(d));
	r = avmm_run(lost->vcpu[0].fd);
	asm volatile("" : "+w"(d));
	tap_eq(r, -EIO, "%s: RUN says that the VM is lost", what);
	tap_ok(d == 3.25 && mine == 4711, "%s: the thread's own registers are as they were", what);
	tap_eq(avmm_run(lost->vcpu[0].fd), -EIO, "%s: RUN says so again", what);
	tap_eq(avmm_get_one_reg(lost->vcpu[0].fd, REG_PC, &pc), -EIO,
	       "%s: so does any other ioctl of the vCPU", what);
	tap_eq(avmm_arm_preferred_target(lost->fd, &init), -EIO, "%s: and of the VM", what);
	for (r = 0; r < 100 && vcpu_run(&other->vcpu[0]) == AVMM_EXIT_MMIO; r++)
		;
	tap_eq(r, 100, "%s: the other guest runs on", what);
	vm_free(lost);
	late = guest();
	tap_eq(vcpu_run(&late->vcpu[0]), AVMM_EXIT_MMIO, "%s: a new guest runs", what);
	vm_free(late);
	vm_free(other);
}

static bool is_vhe(void)
{
	char line[256];
	bool vhe = false;
	FILE *f = popen("dmesg", "r");

	while (f && fgets(line, sizeof(line), f))
		vhe = vhe || strstr(line, "avmm: VHE,");
	if (f)
		pclose(f);
	return vhe;
}

int main(void)
{
	int fd;

	test_begin(60);
	fd = open(MODULE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		tap_skip_all("there is no " MODULE);
	if (syscall(SYS_finit_module, fd, "", 0))
		tap_skip_all("this kernel does not take " MODULE);
	close(fd);
	test_fault("1", "in a guest");
	if (is_vhe())
		tap_skip("on VHE EL2 is the kernel itself", "before the guest's state is loaded");
	else
		test_fault("2", "before");
	tap_ok(!syscall(SYS_delete_module, "el2_fault", 0), "the test's module goes");
	return tap_end();
}
