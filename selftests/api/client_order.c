// SPDX-License-Identifier: GPL-2.0
/*
 * The order in which each known client makes its VM, up to a guest that runs. Steps that belong to
 * a capability which is not there are skipped, with the reason.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "avmm_util.h"

#define CPUS	2
#define ADDR	AVMM_DEV_ARM_VGIC_GRP_ADDR

static const char *client;
static struct vm *vm;
static int its = -1;

static void ok(int r, const char *what)
{
	tap_ok(r >= 0, "%s: %s%s%s", client, what, r < 0 ? ": " : "", r < 0 ? strerror(-r) : "");
}

static void skip(const char *what, const char *reason)
{
	char name[128];

	snprintf(name, sizeof(name), "%s: %s", client, what);
	tap_skip(reason, name);
}

static bool cap(unsigned int n)
{
	return avmm_check_extension(vm->fd, n) > 0;
}

/* ---- the pieces ---- */

static void make_vm(unsigned long type)
{
	int i;

	vm = calloc(1, sizeof(*vm));
	vm->gic = its = -1;
	vm->dev = device_open();
	vm->run_size = avmm_get_vcpu_mmap_size(vm->dev);
	vm->fd = avmm_create_vm(vm->dev, type);
	ok(vm->fd, "CREATE_VM");
	for (i = 0; i < CPUS; i++) {
		vm->vcpu[i].vm = vm;
		vm->vcpu[i].id = i;
		vm->vcpu[i].fd = -1;
	}
}

static int ipa_limit(void)
{
	int dev = device_open(), bits = avmm_check_extension(dev, AVMM_CAP_ARM_VM_IPA_SIZE);

	close(dev);
	return bits;
}

static void memory(void)
{
	vm->ram_size = 16 * MIB;
	vm->ram = mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);
	ok(avmm_map_memory(vm->fd, 0, 0, MAP_RAM, vm->ram, vm->ram_size), "SET_USER_MEMORY_REGION");
}

static void create_vcpu(int i)
{
	vm->vcpu[i].fd = avmm_create_vcpu(vm->fd, i);
	ok(vm->vcpu[i].fd, "CREATE_VCPU");
	ok(avmm_map_run(vm->vcpu[i].fd, vm->run_size, &vm->vcpu[i].run), "mmap");
	vm->nr_vcpus = i + 1;
}

static void init_vcpu(int i)
{
	struct avmm_vcpu_init init;

	ok(avmm_arm_preferred_target(vm->fd, &init), "ARM_PREFERRED_TARGET");
	init.features[0] |= 1 << AVMM_ARM_VCPU_PSCI_0_2;
	if (i)
		init.features[0] |= 1 << AVMM_ARM_VCPU_POWER_OFF;
	ok(avmm_arm_vcpu_init(vm->vcpu[i].fd, &init), "ARM_VCPU_INIT");
}

static void create_gic(void)
{
	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3);
	ok(vm->gic, "CREATE_DEVICE vGICv3");
}

static void gic_addresses(bool region)
{
	uint64_t dist = MAP_GICD, redist = MAP_GICR;

	ok(avmm_attr_set(vm->gic, ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST, &dist),
	   "address of the distributor");
	if (region) {
		redist |= (uint64_t)CPUS << 52;
		ok(avmm_attr_set(vm->gic, ADDR, AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redist),
		   "region of redistributors");
	} else {
		ok(avmm_attr_set(vm->gic, ADDR, AVMM_VGIC_V3_ADDR_TYPE_REDIST, &redist),
		   "address of the redistributors");
	}
}

static void gic_irqs(uint32_t n)
{
	ok(avmm_attr_has(vm->gic, AVMM_DEV_ARM_VGIC_GRP_NR_IRQS, 0), "HAS_DEVICE_ATTR NR_IRQS");
	ok(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &n), "NR_IRQS");
}

static void gic_init(void)
{
	ok(avmm_attr_has(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, 0), "HAS_DEVICE_ATTR CTRL INIT");
	ok(avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, NULL),
	   "CTRL INIT");
}

/* The ITS, as far as this device has one. */
static void make_its(bool init)
{
	uint64_t at = 0x08080000;

	its = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_ITS);
	if (its == -ENODEV) {
		skip("ITS", "no ITS yet");
		return;
	}
	ok(its, "CREATE_DEVICE ITS");
	ok(avmm_attr_set(its, ADDR, AVMM_VGIC_ITS_ADDR_TYPE, &at), "address of the ITS");
	if (init)
		ok(avmm_attr_set(its, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT,
				 NULL),
		   "ITS INIT");
}

static void pvtime_has(int i)
{
	int r = avmm_attr_has(vm->vcpu[i].fd, AVMM_ARM_VCPU_PVTIME_CTRL, 0);

	tap_ok(r == 0 || r == -ENXIO, "%s: HAS_DEVICE_ATTR pvtime answers: %s", client,
	       r ? "no" : "yes");
}

static void eventfds(void)
{
	int fd = eventfd(0, EFD_CLOEXEC), r;

	if (cap(AVMM_CAP_IRQFD)) {
		struct avmm_irqfd irqfd = { .fd = fd, .gsi = 8 };

		r = avmm_irqfd(vm->fd, &irqfd);
		ok(r, "IRQFD");
	} else {
		skip("IRQFD", "no AVMM_CAP_IRQFD yet");
	}
	if (cap(AVMM_CAP_IOEVENTFD)) {
		struct avmm_ioeventfd io = { .addr = 0x0b000050, .len = 4, .fd = fd };

		ok(avmm_ioeventfd(vm->fd, &io), "IOEVENTFD");
	} else {
		skip("IOEVENTFD", "no AVMM_CAP_IOEVENTFD yet");
	}
	close(fd);
}

/* Boot registers as all of them write them, and a guest that stores X0 to MMIO. */
static void boot(bool x1_to_x3)
{
	/* mov x4, #MAP_MMIO; str x0, [x4]; b . */
	static const uint32_t code[] = { 0xd2a14004, 0xf9000080, 0x14000000 };
	struct vcpu *v = &vm->vcpu[0];
	uint64_t seen = 0, mpidr;
	int i, r;

	memcpy(vm->ram, code, sizeof(code));
	__builtin___clear_cache((char *)vm->ram, (char *)vm->ram + sizeof(code));
	for (i = 0; i < CPUS; i++) {
		ok(avmm_set_reg(vm->vcpu[i].fd, REG_PSTATE, 0x3c5), "PSTATE");
		if (x1_to_x3)
			for (r = 1; r <= 3; r++)
				avmm_set_reg(vm->vcpu[i].fd, AVMM_CORE_X(r), 0);
		ok(avmm_get_reg(vm->vcpu[i].fd, AVMM_SYSREG_MPIDR_EL1, &mpidr), "MPIDR_EL1");
	}
	ok(avmm_set_reg(v->fd, REG_PC, MAP_RAM), "PC");
	ok(avmm_set_reg(v->fd, AVMM_CORE_X(0), 0x44000000), "X0");
	r = vcpu_run(v);
	if (tap_ok(r == AVMM_EXIT_MMIO, "%s: the guest runs (%d)", client, r)) {
		memcpy(&seen, v->run->mmio.data, 8);
		tap_ok(v->run->mmio.phys_addr == MAP_MMIO && seen == 0x44000000,
		       "%s: and makes its exit", client);
	}
}

static void finish(void)
{
	int i;

	if (its >= 0)
		close(its);
	for (i = 0; i < CPUS; i++) {
		avmm_unmap_run(vm->vcpu[i].run, vm->run_size);
		close(vm->vcpu[i].fd);
	}
	close(vm->gic);
	close(vm->fd);
	close(vm->dev);
	munmap(vm->ram, vm->ram_size);
	free(vm);
}

/* ---- the clients ---- */

static void kvmtool(void)
{
	int i;

	make_vm(32);
	memory();
	create_gic();
	gic_addresses(false);
	/* CTRL INIT of the ITS comes while there is no vCPU */
	make_its(true);
	for (i = 0; i < CPUS; i++) {
		create_vcpu(i);
		init_vcpu(i);
		if (cap(AVMM_CAP_ARM_SVE))
			skip("ARM_VCPU_FINALIZE", "SVE not asked for");
	}
	gic_irqs(96);
	gic_init();
	eventfds();
	ok(avmm_spi_line(vm->fd, 40, true), "IRQ_LINE");
	ok(avmm_spi_line(vm->fd, 40, false), "IRQ_LINE");
	boot(true);
}

/* Every listed register that is not a core register, as QEMU reads them; 0 if all can be. */
static int read_all(int fd, bool write)
{
	struct avmm_reg_list probe = { 0 }, *list = NULL;
	uint8_t buf[256];
	uint64_t i;
	int bad = 0;

	tap_eq(-avmm_get_reg_list(fd, &probe), E2BIG, "%s: GET_REG_LIST with no room", client);
	if (avmm_alloc_reg_list(fd, &list))
		return -1;
	for (i = 0; i < list->n; i++) {
		if ((list->reg[i] & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM_CORE)
			continue;
		bad += avmm_get_one_reg(fd, list->reg[i], buf) != 0;
		if (write)
			bad += avmm_set_one_reg(fd, list->reg[i], buf) != 0;
	}
	free(list);
	return bad;
}

static void qemu_scratch(void)
{
	static const uint8_t id_regs[][2] = {
		{ 4, 0 }, { 4, 1 }, { 4, 5 }, { 5, 0 }, { 5, 1 }, { 6, 0 }, { 6, 1 }, { 6, 2 },
		{ 7, 0 }, { 7, 1 }, { 7, 2 }, { 1, 0 }, { 1, 1 }, { 1, 2 }, { 1, 4 }, { 1, 5 },
		{ 1, 6 }, { 1, 7 }, { 2, 0 }, { 2, 1 }, { 2, 2 }, { 2, 3 }, { 2, 4 }, { 2, 5 },
		{ 2, 6 }, { 2, 7 }, { 3, 0 }, { 3, 1 }, { 3, 2 }, { 3, 4 }, { 3, 5 }, { 3, 6 },
	};
	int dev = device_open(), fd, vcpu, bad = 0;
	struct avmm_vcpu_init init;
	uint64_t v;

	fd = avmm_create_vm(dev, avmm_check_extension(dev, AVMM_CAP_ARM_VM_IPA_SIZE));
	ok(fd, "scratch VM of the largest size");
	vcpu = avmm_create_vcpu(fd, 0);
	ok(vcpu, "scratch vCPU");
	ok(avmm_arm_preferred_target(fd, &init), "ARM_PREFERRED_TARGET");
	ok(avmm_arm_vcpu_init(vcpu, &init), "ARM_VCPU_INIT without features");
	for (unsigned int i = 0; i < sizeof(id_regs) / 2; i++)
		bad += avmm_get_reg(vcpu, AVMM_ARM64_SYS_REG(3, 0, 0, id_regs[i][0], id_regs[i][1]),
				    &v) != 0;
	tap_eq(bad, 0, "%s: all its ID registers can be read", client);
	close(vcpu);
	close(fd);
	close(dev);
}

static void qemu(void)
{
	struct avmm_create_device cd = { .type = AVMM_DEV_TYPE_ARM_VGIC_V3,
					 .flags = AVMM_CREATE_DEVICE_TEST };
	struct avmm_vcpu_events events;
	struct avmm_mp_state mp;
	int i, r;

	qemu_scratch();
	make_vm(40);
	ok(avmm_create_device(vm->fd, &cd), "TEST of a vGICv3");
	cd.type = AVMM_DEV_TYPE_ARM_VGIC_V2;
	r = avmm_create_device(vm->fd, &cd);
	tap_ok(r == 0 || r == -ENODEV, "%s: TEST of a vGICv2", client);
	for (i = 0; i < CPUS; i++) {
		create_vcpu(i);
		init_vcpu(i);
		tap_eq(read_all(vm->vcpu[i].fd, false), 0, "%s: every register is read", client);
	}
	create_gic();
	gic_irqs(288);
	gic_init();	/* before any address */
	make_its(true);
	memory();
	if (avmm_attr_has(vm->gic, ADDR, AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION) == 0)
		gic_addresses(true);
	else
		gic_addresses(false);
	for (i = 0; i < CPUS; i++) {	/* reset */
		init_vcpu(i);
		tap_eq(read_all(vm->vcpu[i].fd, true), 0,
		       "%s: every register is read and written at reset", client);
		if (cap(AVMM_CAP_VCPU_EVENTS)) {
			ok(avmm_get_vcpu_events(vm->vcpu[i].fd, &events), "GET_VCPU_EVENTS");
			ok(avmm_set_vcpu_events(vm->vcpu[i].fd, &events), "SET_VCPU_EVENTS");
		}
		if (cap(AVMM_CAP_MP_STATE)) {
			ok(avmm_get_mp_state(vm->vcpu[i].fd, &mp), "GET_MP_STATE");
			ok(avmm_set_mp_state(vm->vcpu[i].fd, &mp), "SET_MP_STATE");
		}
	}
	eventfds();
	boot(false);
}

static void crosvm(void)
{
	int i;

	make_vm(ipa_limit());
	memory();
	create_gic();
	gic_addresses(false);
	gic_irqs(64);
	make_its(false);
	for (i = 0; i < CPUS; i++) {
		create_vcpu(i);
		pvtime_has(i);	/* of a vCPU that is not initialised */
	}
	for (i = 0; i < CPUS; i++)
		init_vcpu(i);
	gic_init();
	if (its >= 0)
		ok(avmm_attr_set(its, AVMM_DEV_ARM_VGIC_GRP_CTRL, 0, NULL), "ITS INIT");
	eventfds();
	boot(false);
}

static void firecracker(void)
{
	uint64_t zero = 0;
	int i;

	make_vm(ipa_limit());
	memory();
	for (i = 0; i < CPUS; i++)
		create_vcpu(i);
	pvtime_has(0);
	create_gic();
	gic_addresses(false);
	make_its(true);
	gic_irqs(128);
	gic_init();	/* before VCPU_INIT */
	for (i = 0; i < CPUS; i++)
		init_vcpu(i);
	if (avmm_check_extension(vm->fd, 227) > 0)	/* COUNTER_OFFSET */
		ok(avmm_set_reg(vm->vcpu[0].fd, AVMM_REG_ARM_PTIMER_CNT, zero), "PTIMER_CNT");
	eventfds();
	boot(false);
}

static void cloud_hypervisor(void)
{
	int i;

	make_vm(ipa_limit());
	for (i = 0; i < CPUS; i++) {
		create_vcpu(i);
		init_vcpu(i);
	}
	memory();
	create_gic();
	gic_addresses(false);
	make_its(true);
	gic_irqs(256);
	gic_init();
	i = avmm_attr_has(vm->vcpu[0].fd, AVMM_ARM_VCPU_PMU_V3_CTRL, 1);
	tap_ok(i == 0 || i == -ENXIO, "%s: HAS_DEVICE_ATTR of the PMU answers: %s", client,
	       i ? "no" : "yes");
	eventfds();
	boot(false);
}

static const struct {
	const char *name;
	void (*run)(void);
} clients[] = {
	{ "kvmtool", kvmtool },
	{ "QEMU", qemu },
	{ "crosvm", crosvm },
	{ "Firecracker", firecracker },
	{ "Cloud Hypervisor", cloud_hypervisor },
};

int main(void)
{
	test_begin(280);
	need_gic(3);
	for (unsigned int i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		client = clients[i].name;
		clients[i].run();
		finish();
	}
	return tap_end();
}
