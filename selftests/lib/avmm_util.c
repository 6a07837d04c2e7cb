// SPDX-License-Identifier: GPL-2.0
/* VMs for the API tests: see avmm_util.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "avmm_util.h"

#define KICK_SIGNAL	SIGUSR1

/* ---- the program ---- */


static void on_alarm(int sig)
{
	static const char text[] = "Bail out! hangs: the test's time is over\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(TAP_FAIL);
	_exit(TAP_FAIL);
}

static void on_kick(int sig)
{
	(void)sig;
}

void test_alarm(unsigned int seconds)
{
	const char *env = getenv("AVMM_TEST_TIMEOUT"), *slow = getenv("AVMM_SLOW");

	seconds *= slow ? strtoul(slow, NULL, 0) : 1;
	alarm(env ? strtoul(env, NULL, 0) : seconds);
}

void test_begin(unsigned int seconds)
{
	struct sigaction kick = { .sa_handler = on_kick };

	tap_begin();
	signal(SIGALRM, on_alarm);
	sigaction(KICK_SIGNAL, &kick, NULL);
	test_alarm(seconds);
}

const char *device_path(void)
{
	const char *env = getenv("AVMM_DEVICE");

	return env && *env ? env : AVMM_DEVICE_PATH;
}

/* AVMM may stand at /dev/kvm too, but then its module is loaded. */
bool device_is_kvm(void)
{
	return access("/sys/module/avmm", F_OK) != 0;
}

int device_open(void)
{
	int fd = avmm_open(device_path());

	if (fd < 0)
		tap_skip_all("cannot open the device");
	return fd;
}

/* ---- VMs ---- */

#define MUST(call)							\
	({								\
		int r_ = (call);					\
		if (r_ < 0)						\
			tap_bail("%s: %s", #call, strerror(-r_));	\
		r_;							\
	})

void vcpu_init(struct vcpu *vcpu, bool powered_off)
{
	struct avmm_vcpu_init init;

	MUST(avmm_arm_preferred_target(vcpu->vm->fd, &init));
	init.features[0] |= 1U << AVMM_ARM_VCPU_PSCI_0_2;
	if (powered_off)
		init.features[0] |= 1U << AVMM_ARM_VCPU_POWER_OFF;
	MUST(avmm_arm_vcpu_init(vcpu->fd, &init));
}

void vm_add_vcpu(struct vm *vm, bool powered_off)
{
	struct vcpu *vcpu = &vm->vcpu[vm->nr_vcpus];

	vcpu->vm = vm;
	vcpu->id = vm->nr_vcpus++;
	vcpu->fd = MUST(avmm_create_vcpu(vm->fd, vcpu->id));
	MUST(avmm_map_run(vcpu->fd, vm->run_size, &vcpu->run));
	vcpu_init(vcpu, powered_off);
}

static int newest_gic(int fd)
{
	if (avmm_has_device_type(fd, AVMM_DEV_TYPE_ARM_VGIC_V3) == 0)
		return 3;
	return avmm_has_device_type(fd, AVMM_DEV_TYPE_ARM_VGIC_V2) == 0 ? 2 : 0;
}

int gic_version(void)
{
	int dev = device_open(), fd = MUST(avmm_create_vm(dev, 0)), version = newest_gic(fd);

	close(fd);
	close(dev);
	return version;
}

void need_gic(int version)
{
	if (gic_version() != version)
		tap_skip_all(version == 3 ? "guests have no GICv3 here" :
					    "guests have no GICv2 here, or a GICv3");
}

void vm_add_gic(struct vm *vm)
{
	uint64_t dist = MAP_GICD, redist = MAP_GICR, cpu = MAP_GICC;
	uint32_t nr = vm->cfg.nr_irqs ? vm->cfg.nr_irqs : NR_IRQS;
	bool v2;

	vm->gic_version = newest_gic(vm->fd);
	v2 = vm->gic_version == 2;
	vm->gic = MUST(avmm_new_device(vm->fd, v2 ? AVMM_DEV_TYPE_ARM_VGIC_V2 :
						    AVMM_DEV_TYPE_ARM_VGIC_V3));
	MUST(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_ADDR,
			   v2 ? AVMM_VGIC_V2_ADDR_TYPE_DIST : AVMM_VGIC_V3_ADDR_TYPE_DIST, &dist));
	MUST(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_ADDR,
			   v2 ? AVMM_VGIC_V2_ADDR_TYPE_CPU : AVMM_VGIC_V3_ADDR_TYPE_REDIST,
			   v2 ? &cpu : &redist));
	MUST(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr));
	MUST(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, NULL));
}

void vcpu_start_at(struct vcpu *vcpu, uint64_t pc, uint64_t x0)
{
	vcpu_set(vcpu, REG_PC, pc);
	vcpu_set(vcpu, AVMM_CORE_X(0), x0);
	vcpu_set(vcpu, REG_PSTATE, 0x3c5);	/* EL1h, all masked */
}

void vm_load(struct vm *vm)
{
	unsigned int i;
	uint64_t pc = MAP_RAM + (vm->cfg.nommu ? ENTRY_NOMMU : ENTRY_MMU);

	if (vm->cfg.payload)
		memcpy(vm->ram, vm->cfg.payload, vm->cfg.payload_end - vm->cfg.payload);
	for (i = 0; i < vm->nr_vcpus; i++)
		if (i == 0 || vm->cfg.all_on)
			vcpu_start_at(&vm->vcpu[i], pc, vm->cfg.arg);
}

struct vm *vm_new(const struct vm_config *cfg)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	unsigned int i;

	if (!vm)
		tap_bail("no memory");
	vm->cfg = *cfg;
	vm->mbox[0] = cfg->mbox0;
	vm->gic = -1;
	vm->dev = device_open();
	vm->run_size = MUST(avmm_get_vcpu_mmap_size(vm->dev));
	vm->fd = MUST(avmm_create_vm(vm->dev, 0));
	vm->ram_size = cfg->ram ? cfg->ram : 16 * MIB;
	vm->ram = cfg->ram_at ? cfg->ram_at
			      : mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->ram == MAP_FAILED)
		tap_bail("mmap of %lu MiB: %s", vm->ram_size / MIB, strerror(errno));
	MUST(avmm_map_memory(vm->fd, 0, 0, MAP_RAM, vm->ram, vm->ram_size));
	if (cfg->enable)
		MUST(avmm_enable_cap(vm->fd, &(struct avmm_enable_cap){ .cap = cfg->enable }));
	for (i = 0; i < (cfg->vcpus ? cfg->vcpus : 1); i++)
		vm_add_vcpu(vm, i && !cfg->all_on);
	if (!cfg->no_gic)
		vm_add_gic(vm);
	vm_load(vm);
	return vm;
}

void vm_free(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		avmm_unmap_run(vm->vcpu[i].run, vm->run_size);
		close(vm->vcpu[i].fd);
	}
	if (vm->gic >= 0)
		close(vm->gic);
	close(vm->fd);
	close(vm->dev);
	if (!vm->cfg.ram_at)
		munmap(vm->ram, vm->ram_size);
	free(vm);
}

void *vm_ram(struct vm *vm, uint64_t ipa)
{
	if (ipa < MAP_RAM || ipa - MAP_RAM >= vm->ram_size)
		return NULL;
	return vm->ram + (ipa - MAP_RAM);
}

void vm_poke(struct vm *vm, uint64_t ipa, const uint32_t *insn, unsigned int count)
{
	memcpy(vm_ram(vm, ipa), insn, count * sizeof(*insn));
	__builtin___clear_cache((char *)vm_ram(vm, ipa),
				(char *)vm_ram(vm, ipa) + count * sizeof(*insn));
}

uint64_t vcpu_get(struct vcpu *vcpu, uint64_t id)
{
	uint64_t v = 0;
	int r = avmm_get_reg(vcpu->fd, id, &v);

	if (r < 0)
		tap_bail("cannot get register 0x%llx: %s", (unsigned long long)id, strerror(-r));
	return v;
}

void vcpu_set(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	int r = avmm_set_reg(vcpu->fd, id, value);

	if (r < 0)
		tap_bail("cannot set register 0x%llx: %s", (unsigned long long)id, strerror(-r));
}

/* ---- running ---- */

int vcpu_run(struct vcpu *vcpu)
{
	int r = avmm_run(vcpu->fd);

	return r < 0 ? r : (int)vcpu->run->exit_reason;
}

/* A string of the guest's: it is in the payload's image, so it is where the test has put it. */
static const char *guest_text(struct vcpu *vcpu, uint64_t ipa)
{
	const char *p = vm_ram(vcpu->vm, ipa);

	return p && memchr(p, 0, 200) ? p : "(no text)";
}

/* True if the ucall wants nothing of the test. */
static bool ucall_is_plain(struct vcpu *vcpu)
{
	struct ucall *uc = &vcpu->uc;
	unsigned long long v0, v1;

	switch (uc->code) {
	case UC_REPORT:
		v0 = uc->arg[2];
		v1 = uc->arg[3];
		if (!uc->arg[1])
			tap_diag("vcpu %u: got 0x%llx (%lld), 0x%llx (%lld)", vcpu->id, v0,
				 (long long)v0, v1, (long long)v1);
		tap_ok(uc->arg[1], "%s", guest_text(vcpu, uc->arg[0]));
		return true;
	case UC_SKIP:
		tap_skip(guest_text(vcpu, uc->arg[1]), guest_text(vcpu, uc->arg[0]));
		return true;
	case UC_DIAG:
		tap_diag("vcpu %u: %s 0x%llx 0x%llx", vcpu->id, guest_text(vcpu, uc->arg[0]),
			 (unsigned long long)uc->arg[1], (unsigned long long)uc->arg[2]);
		return true;
	}
	return false;
}

int vcpu_step(struct vcpu *vcpu)
{
	struct avmm_run *run = vcpu->run;
	uint64_t offset;
	int r;

	for (;;) {
		r = vcpu_run(vcpu);
		if (r != AVMM_EXIT_MMIO)
			return r;
		offset = run->mmio.phys_addr - MAP_UCALL;
		if (offset >= 0x1000)
			return r;
		if (run->mmio.len != 8)
			tap_bail("access of %u bytes to the ucall page", run->mmio.len);
		if (!run->mmio.is_write) {
			offset = (offset - UCALL_MBOX(0)) / 8;
			memcpy(run->mmio.data, &vcpu->vm->mbox[offset % UCALL_MBOXES], 8);
		} else if (offset == UCALL_CODE) {
			memcpy(&vcpu->uc.code, run->mmio.data, 8);
			if (!ucall_is_plain(vcpu))
				return STEP_UCALL;
			memset(vcpu->uc.arg, 0, sizeof(vcpu->uc.arg));
		} else {
			memcpy(&vcpu->uc.arg[(offset / 8 - 1) % UCALL_ARGS], run->mmio.data, 8);
		}
	}
}

bool vcpu_run_to_end(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	uint64_t *arg = vcpu->uc.arg;
	int r;

	for (;;) {
		r = vcpu_step(vcpu);
		if (vm->stop)
			return true;
		if (r == -EINTR || r == -EAGAIN)
			continue;
		if (r == STEP_UCALL && vcpu->uc.code == UC_DONE)
			return true;
		if (r == STEP_UCALL && vcpu->uc.code == UC_SYNC && vm->cfg.on_sync) {
			if (!vm->cfg.on_sync(vcpu, &vcpu->uc))
				return true;
			memset(arg, 0, sizeof(vcpu->uc.arg));
			continue;
		}
		if (vm->cfg.on_exit && vm->cfg.on_exit(vcpu, r))
			continue;
		if (r == STEP_UCALL && vcpu->uc.code == UC_TRAP)
			return tap_ok(false,
				      "vcpu %u: vector %llu ESR 0x%llx ELR 0x%llx FAR 0x%llx",
				      vcpu->id, (unsigned long long)arg[0],
				      (unsigned long long)arg[1], (unsigned long long)arg[2],
				      (unsigned long long)arg[3]);
		if (r == STEP_UCALL)
			return tap_ok(false, "vcpu %u: ucall %llu that the test does not know",
				      vcpu->id, (unsigned long long)vcpu->uc.code);
		if (r == AVMM_EXIT_MMIO)
			return tap_ok(false, "vcpu %u: stray MMIO at 0x%llx, pc 0x%llx", vcpu->id,
				      (unsigned long long)vcpu->run->mmio.phys_addr,
				      (unsigned long long)vcpu_get(vcpu, REG_PC));
		if (r < 0)
			return tap_ok(false, "vcpu %u: RUN says %s, pc 0x%llx", vcpu->id,
				      strerror(-r), (unsigned long long)vcpu_get(vcpu, REG_PC));
		return tap_ok(false, "vcpu %u: exit reason %d, pc 0x%llx", vcpu->id, r,
			      (unsigned long long)vcpu_get(vcpu, REG_PC));
	}
}

static void *vcpu_main(void *arg)
{
	struct vcpu *vcpu = arg;

	vcpu->result = vcpu_run_to_end(vcpu);
	vcpu->vm->stop = true;
	return NULL;
}

void vcpu_kick(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	pthread_kill(vcpu->thread, KICK_SIGNAL);
}

bool vm_run(struct vm *vm)
{
	bool ok = true;
	unsigned int i;

	vm->stop = false;
	for (i = 0; i < vm->nr_vcpus; i++)
		if (pthread_create(&vm->vcpu[i].thread, NULL, vcpu_main, &vm->vcpu[i]))
			tap_bail("pthread_create");
	while (!vm->stop)
		usleep(1000);
	for (i = 0; i < vm->nr_vcpus; i++)
		vcpu_kick(&vm->vcpu[i]);
	for (i = 0; i < vm->nr_vcpus; i++) {
		pthread_join(vm->vcpu[i].thread, NULL);
		vm->vcpu[i].run->immediate_exit = 0;
		ok &= vm->vcpu[i].result;
	}
	return ok;
}

bool run_payload(const char *name, const struct vm_config *cfg)
{
	struct vm *vm = vm_new(cfg);
	bool ok = vm->nr_vcpus > 1 ? vm_run(vm) : vcpu_run_to_end(&vm->vcpu[0]);

	tap_ok(ok, "%s: the payload came to its end", name);
	vm_free(vm);
	return ok;
}

/* ---- the host ---- */

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

unsigned long meminfo(const char *key)
{
	unsigned long v = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			v = strtoul(line + strlen(key) + 1, NULL, 10);
	if (f)
		fclose(f);
	return v;
}

bool read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, buf, size - 1);
		close(fd);
	}
	buf[n > 0 ? n : 0] = 0;
	return n >= 0;
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	return n == (ssize_t)strlen(text);
}
