// SPDX-License-Identifier: GPL-2.0
/*
 * The order in which each known client makes its VM, up to a guest that runs; and, of those that
 * can, how it saves one and restores it into another. Steps that belong to a capability which is
 * not there are skipped, with the reason.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "avmm_util.h"

#define CPUS	2
#define ADDR	AVMM_DEV_ARM_VGIC_GRP_ADDR

/* where the ITS and its redistributors have their tables, in RAM */
#define QUEUE	(MAP_RAM + 1 * MIB)
#define DEVICES	(MAP_RAM + 2 * MIB)
#define COLLS	(MAP_RAM + 3 * MIB)
#define ITT	(MAP_RAM + 4 * MIB)
#define PROPS	(MAP_RAM + 5 * MIB)
#define PENDS(cpu)	(MAP_RAM + (6 + (cpu)) * MIB)
#define LPI	8192
#define DEVID	5
#define EVENT	3
#define MSI_GSI	70

static const char *client;
static struct vm *vm;
static int its = -1;
static uint32_t nr_irqs;
static bool restoring;		/* the client's second VM, which goes on where the first was saved */
static struct avmm_msi msi = { .address_lo = MAP_GITS + 0x10040, .data = EVENT, .devid = DEVID,
			       .flags = AVMM_MSI_VALID_DEVID };

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
	nr_irqs = n;
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
	uint64_t at = MAP_GITS;

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

/* Every SPI's pin, and an MSI: what is not named has no route any more. */
static void routes(void)
{
	static struct avmm_irq_routing_entry r[MSI_GSI + 1];
	unsigned int i, n = nr_irqs - 32;

	if (!cap(AVMM_CAP_IRQ_ROUTING)) {
		skip("SET_GSI_ROUTING", "no AVMM_CAP_IRQ_ROUTING");
		return;
	}
	memset(r, 0, sizeof(r));
	for (i = 0; i < n && i < MSI_GSI; i++) {
		r[i].gsi = i;
		r[i].type = AVMM_IRQ_ROUTING_IRQCHIP;
		r[i].u.irqchip.pin = i;
	}
	if (its >= 0) {
		r[i].gsi = MSI_GSI;
		r[i].type = AVMM_IRQ_ROUTING_MSI;
		r[i].flags = AVMM_MSI_VALID_DEVID;
		r[i].u.msi.address_lo = msi.address_lo;
		r[i].u.msi.data = msi.data;
		r[i++].u.msi.devid = msi.devid;
	}
	ok(avmm_set_gsi_routing(vm->fd, r, i), "SET_GSI_ROUTING");
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

/* ---- saving and restoring ---- */

/* Registers of the distributor, from the first SPI on, and of redistributors: bits per interrupt. */
static const struct { uint16_t at, bits; } fields[] = {
	{ 0x080, 1 }, { 0x100, 1 }, { 0x200, 1 }, { 0x300, 1 }, { 0x400, 8 }, { 0xc00, 2 },
	{ 0x6000, 64 },	/* IROUTER */
};

/* in the order in which they are restored: PROPBASER and PENDBASER before EnableLPIs */
static const uint32_t rd_regs[] = { 0x10, 0x14, 0x70, 0x74, 0x78, 0x7c, 0x00 };
static const uint32_t icc_regs[] = { 0xc665, 0xc664, 0xc230, 0xc643, 0xc663, 0xc644, 0xc648,
				     0xc666, 0xc667 };
/* IIDR, CBASER, CREADR, CWRITER, BASERn; RESTORE_TABLES and CTLR come after them */
static const uint32_t its_regs[] = { 0x04, 0x80, 0x90, 0x88, 0x100, 0x108, 0x110, 0x118, 0x120,
				     0x128, 0x130, 0x138, 0x00 };

struct snapshot {
	uint8_t *ram;
	struct avmm_reg_list *list;
	struct { uint64_t v[2]; } *reg[CPUS];
	struct avmm_mp_state mp[CPUS];
	struct avmm_vcpu_events events[CPUS];
	unsigned int n;
	uint64_t gic[4096], its[sizeof(its_regs) / 4];
};

static struct snapshot saved;
static int failed;

static void one(int fd, uint32_t group, uint64_t attr, uint64_t *value, bool write)
{
	int r = write ? avmm_attr_set(fd, group, attr, value) : avmm_attr_get(fd, group, attr, value);

	if (r && !failed++)
		tap_diag("%s: group %u, attribute 0x%llx: %s", client, group,
			 (unsigned long long)attr, strerror(-r));
}

/* All of the vGIC: into @s or out of it. */
static void move_gic(struct snapshot *s, bool write)
{
	unsigned int cpu, i, f;
	uint64_t aff, *v = s->gic;

	if (!write)
		memset(s->gic, 0, sizeof(s->gic));
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, v++, write);	/* GICD_CTLR */
	for (cpu = 0; cpu < CPUS; cpu++) {
		aff = (uint64_t)cpu << 32;
		for (i = 0; i < sizeof(rd_regs) / 4; i++)
			one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, aff | rd_regs[i], v++, write);
		for (f = 0; f < 6; f++)
			for (i = 0; i < fields[f].bits * 4U; i += 4)
				one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS,
				    aff | (0x10000 + fields[f].at + i), v++, write);
		for (i = 0; i < sizeof(icc_regs) / 4; i++)
			one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, aff | icc_regs[i], v++, write);
	}
	for (f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
		for (i = fields[f].bits * 4U; i < nr_irqs * fields[f].bits / 8; i += 4)
			one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, fields[f].at + i, v++, write);
	for (i = 32; i < nr_irqs; i += 32)
		one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO, i, v++, write);
}

static void move_its(struct snapshot *s, bool write)
{
	unsigned int i, n = sizeof(its_regs) / 4;

	if (!write)
		one(its, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_ITS_SAVE_TABLES, NULL, true);
	for (i = 0; i < n; i++) {
		if (write && i == n - 1)
			one(its, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_ITS_RESTORE_TABLES, NULL,
			    true);
		one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, its_regs[i], &s->its[i], write);
	}
}

static bool counts(uint64_t id)
{
	return id == AVMM_REG_ARM_TIMER_CNT || id == AVMM_REG_ARM_PTIMER_CNT;
}

static void save(struct snapshot *s)
{
	unsigned int i;
	int cpu;

	failed = 0;
	if (!s->list)
		ok(avmm_alloc_reg_list(vm->vcpu[0].fd, &s->list), "GET_REG_LIST");
	for (cpu = 0; cpu < CPUS; cpu++) {
		/* an exit that waits for its answer is completed first */
		vm->vcpu[cpu].run->immediate_exit = 1;
		vcpu_run(&vm->vcpu[cpu]);
		vm->vcpu[cpu].run->immediate_exit = 0;
		s->reg[cpu] = calloc(s->list->n, sizeof(s->reg[0][0]));
		for (i = 0; i < s->list->n; i++)
			failed += avmm_get_one_reg(vm->vcpu[cpu].fd, s->list->reg[i],
						   s->reg[cpu][i].v) != 0;
		failed += avmm_get_mp_state(vm->vcpu[cpu].fd, &s->mp[cpu]) != 0;
		failed += avmm_get_vcpu_events(vm->vcpu[cpu].fd, &s->events[cpu]) != 0;
	}
	tap_eq(failed, 0, "%s: all vCPUs are read", client);
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL, true);
	move_gic(s, false);
	tap_eq(failed, 0, "%s: the vGIC is saved", client);
	if (its >= 0) {
		move_its(s, false);
		tap_eq(failed, 0, "%s: the ITS is saved", client);
	}
	s->ram = malloc(vm->ram_size);
	memcpy(s->ram, vm->ram, vm->ram_size);
}

static void restore(struct snapshot *s)
{
	unsigned int i;
	int cpu;

	failed = 0;
	memcpy(vm->ram, s->ram, vm->ram_size);
	__builtin___clear_cache((char *)vm->ram, (char *)vm->ram + 4096);
	for (cpu = 0; cpu < CPUS; cpu++) {
		for (i = 0; i < s->list->n; i++)
			failed += avmm_set_one_reg(vm->vcpu[cpu].fd, s->list->reg[i],
						   s->reg[cpu][i].v) != 0;
		failed += avmm_set_mp_state(vm->vcpu[cpu].fd, &s->mp[cpu]) != 0;
		failed += avmm_set_vcpu_events(vm->vcpu[cpu].fd, &s->events[cpu]) != 0;
	}
	tap_eq(failed, 0, "%s: all vCPUs are written", client);
	move_gic(s, true);
	tap_eq(failed, 0, "%s: the vGIC is restored", client);
	if (its >= 0) {
		move_its(s, true);
		tap_eq(failed, 0, "%s: the ITS is restored", client);
	}
}

static void drop(struct snapshot *s)
{
	int cpu;

	for (cpu = 0; cpu < CPUS; cpu++)
		free(s->reg[cpu]);
	free(s->ram);
	free(s->list);
	memset(s, 0, sizeof(*s));
}

/* Saved again at once it must be what it was. */
static void compare(void)
{
	static struct snapshot again;
	unsigned int i, differ = 0;
	int cpu;

	save(&again);
	for (cpu = 0; cpu < CPUS; cpu++)
		for (i = 0; i < saved.list->n; i++)
			if (!counts(saved.list->reg[i]) &&
			    memcmp(&saved.reg[cpu][i], &again.reg[cpu][i], sizeof(saved.reg[0][0])) &&
			    !differ++)
				tap_diag("register 0x%llx", (unsigned long long)saved.list->reg[i]);
	tap_eq(differ, 0, "%s: registers are what they were", client);
	for (i = differ = 0; i < sizeof(saved.gic) / 8; i++)
		differ += saved.gic[i] != again.gic[i];
	tap_eq(differ, 0, "%s: so is the vGIC", client);
	tap_ok(!memcmp(saved.its, again.its, sizeof(saved.its)), "%s: and the ITS", client);
	tap_eq(memcmp(saved.ram, again.ram, vm->ram_size), 0, "%s: and all of its tables", client);
	drop(&again);
}

/* ---- something in the GIC that is worth saving: what a guest would have done ---- */

static void its_command(unsigned int *n, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t cmd[4] = { a, b, c };

	memcpy(vm->ram + (QUEUE - MAP_RAM) + 32 * (*n)++, cmd, sizeof(cmd));
}

static uint8_t lpi_pending(void)
{
	return vm->ram[PENDS(0) - MAP_RAM + LPI / 8] & 1;
}

static void use_its(void)
{
	uint64_t valid = 1ULL << 63, v;
	unsigned int n = 0;

	failed = 0;
	vm->ram[PROPS - MAP_RAM] = 0xa1;
	v = (uint32_t)PROPS | 15;
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x70, &v, true);
	v = (uint32_t)PENDS(0);
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x78, &v, true);
	v = 1;
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x00, &v, true);
	its_command(&n, (uint64_t)DEVID << 32 | 0x08, 4, valid | ITT);		/* MAPD */
	its_command(&n, 0x09, 0, valid | 1);					/* MAPC */
	its_command(&n, (uint64_t)DEVID << 32 | 0x0a, (uint64_t)LPI << 32 | EVENT, 1); /* MAPTI */
	v = valid | QUEUE | 15;
	one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x80, &v, true);
	v = valid | DEVICES;
	one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x100, &v, true);
	v = valid | COLLS;
	one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x108, &v, true);
	v = 1;
	one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, &v, true);
	v = n * 32;
	one(its, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, 0x88, &v, true);
	tap_eq(failed, 0, "%s: the ITS has something to save", client);
}

/* The MSI's route, by an eventfd: the LPI becomes pending. */
static void msi_by_irqfd(void)
{
	struct avmm_irqfd irqfd = { .fd = eventfd(0, EFD_CLOEXEC), .gsi = MSI_GSI };
	uint64_t value = 1;
	int i;

	ok(avmm_irqfd(vm->fd, &irqfd), "IRQFD of an MSI");
	ok(write(irqfd.fd, &value, 8) == 8 ? 0 : -errno, "a signal");
	/* KVM may hand it to a worker */
	for (i = 0; i < 200 && !lpi_pending(); i++) {
		usleep(10000);
		one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL,
		    true);
	}
	tap_ok(lpi_pending(), "%s: makes the LPI pending", client);
	irqfd.flags = AVMM_IRQFD_FLAG_DEASSIGN;
	ok(avmm_irqfd(vm->fd, &irqfd), "IRQFD DEASSIGN");
	close(irqfd.fd);
}

static void use_gic(void)
{
	uint64_t v;

	failed = 0;
	v = 1 << 8;	/* SPI 40 */
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x104, &v, true);
	v = 0xa0;
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x428, &v, true);
	v = 1;		/* to the second vCPU */
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x6000 + 8 * 40, &v, true);
	v = 0xf0;
	one(vm->gic, AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 0xc230, &v, true);
	ok(avmm_spi_line(vm->fd, 40, true), "IRQ_LINE");
	if (its >= 0 && cap(AVMM_CAP_IRQ_ROUTING)) {
		use_its();
		msi_by_irqfd();
	}
	tap_eq(failed, 0, "%s: the vGIC has something to save", client);
}

/* The guest goes on as if nothing had happened, and so do its interrupts. */
static void go_on(void)
{
	struct vcpu *v = &vm->vcpu[0];
	uint64_t seen = 0;

	restore(&saved);
	compare();
	if (its >= 0)
		tap_eq(avmm_signal_msi(vm->fd, &msi), 1, "%s: the MSI finds its LPI", client);
	if (tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "%s: the guest goes on", client))
		memcpy(&seen, v->run->mmio.data, 8);
	tap_eq(seen, 0x44000001, "%s: where it was", client);
}

/* Boot registers as all of them write them, and a guest that stores X0 to MMIO and counts. */
static void boot(bool x1_to_x3)
{
	/* mov x4, #MAP_MMIO; 1: str x0, [x4]; add x0, x0, #1; b 1b */
	static const uint32_t code[] = { 0xd2a14004, 0xf9000080, 0x91000400, 0x17fffffe };
	struct vcpu *v = &vm->vcpu[0];
	uint64_t seen = 0, mpidr;
	int i, r;

	if (restoring) {
		go_on();
		return;
	}
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
	routes();
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
	routes();
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
	routes();
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
	routes();
	eventfds();
	boot(false);
}

static const struct {
	const char *name;
	void (*run)(void);
	bool saves;
} clients[] = {
	{ "kvmtool", kvmtool, false },
	{ "QEMU", qemu, true },
	{ "crosvm", crosvm, true },
	{ "Firecracker", firecracker, true },
	{ "Cloud Hypervisor", cloud_hypervisor, true },
};

int main(void)
{
	test_begin(280);
	need_gic(3);
	for (unsigned int i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		client = clients[i].name;
		restoring = false;
		clients[i].run();
		if (clients[i].saves) {
			use_gic();
			save(&saved);
			finish();
			restoring = true;
			clients[i].run();
			drop(&saved);
		}
		finish();
	}
	return tap_end();
}
