// SPDX-License-Identifier: GPL-2.0
/*
 * The vGICv2: how it is set up and what is refused; SGIs with their senders; and a guest that is
 * moved from one VM to another in the middle of an interrupt. Where a host has none, that it says so.
 */
#include <sys/mman.h>

#include "avmm_util.h"
#include "api/gicv2.h"

PAYLOAD(gicv2);

#define ADDR		AVMM_DEV_ARM_VGIC_GRP_ADDR
#define NR		AVMM_DEV_ARM_VGIC_GRP_NR_IRQS
#define CTRL		AVMM_DEV_ARM_VGIC_GRP_CTRL
#define DISTR		AVMM_DEV_ARM_VGIC_GRP_DIST_REGS
#define CPUR		AVMM_DEV_ARM_VGIC_GRP_CPU_REGS
#define DIST		AVMM_VGIC_V2_ADDR_TYPE_DIST
#define CPU		AVMM_VGIC_V2_ADDR_TYPE_CPU
#define OF_CPU(n)	((uint64_t)(n) << AVMM_DEV_ARM_VGIC_CPUID_SHIFT)

struct step {
	enum { END, SET, GET, HAS, VCPU, RUN_IT, LINE } what;
	uint32_t group;
	uint64_t attr, value;	/* value: set, or the one that GET must give */
	int want;		/* errno */
	const char *name;
};

/* Each a VM of its own with so many vCPUs. */
static const struct {
	const char *name;
	unsigned int vcpus;
	struct step steps[24];
} cases[] = {
	{ "attributes",
	  1,
	  {
		  { HAS, ADDR, DIST, 0, 0, "has ADDR DIST" },
		  { HAS, ADDR, CPU, 0, 0, "has ADDR CPU" },
		  { HAS, ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST, 0, ENXIO, "no v3 distributor" },
		  { HAS, ADDR, AVMM_VGIC_V3_ADDR_TYPE_REDIST, 0, ENXIO, "no redistributor" },
		  { HAS, NR, 0, 0, 0, "has NR_IRQS" },
		  { HAS, CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, 0, 0, "has CTRL INIT" },
		  { HAS, CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, 0, ENXIO,
		    "no SAVE_PENDING_TABLES" },
		  { HAS, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0, 0, ENXIO, "no REDIST_REGS" },
		  { HAS, AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 0xc664, 0, ENXIO, "no CPU_SYSREGS" },
		  { HAS, AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 32, 0, ENXIO, "no LEVEL_INFO" },
		  { SET, ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST, 0x10000, ENXIO, "a v3 distributor" },
		  { GET, ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST, 0, ENXIO, "a v3 distributor, read" },
		  { SET, CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, 0, ENXIO,
		    "SAVE_PENDING_TABLES" },
		  { SET, 99, 0, 0, ENXIO, "group 99" },
	  } },
	{ "addresses",
	  1,
	  {
		  { GET, ADDR, DIST, ~0ULL, 0, "no distributor yet" },
		  { GET, ADDR, CPU, ~0ULL, 0, "no CPU interface yet" },
		  { SET, ADDR, DIST, 0x8000800, EINVAL, "unaligned distributor" },
		  { SET, ADDR, CPU, 0x8000800, EINVAL, "unaligned CPU interface" },
		  { SET, ADDR, DIST, 1ULL << 40, E2BIG, "distributor past the IPA space" },
		  { SET, ADDR, CPU, (1ULL << 40) - 0x1000, E2BIG,
		    "CPU interface at its end" },
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, DIST, MAP_GICD, EEXIST, "distributor twice" },
		  { SET, ADDR, CPU, MAP_GICD + 0x1000, 0, "CPU interface right behind it" },
		  { SET, ADDR, CPU, 0x800, EEXIST, "CPU interface twice" },
		  { GET, ADDR, DIST, MAP_GICD, 0, "distributor reads back" },
		  { GET, ADDR, CPU, MAP_GICD + 0x1000, 0, "CPU interface reads back" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { SET, CTRL, 0, 0, 0, "INIT twice" },
		  { VCPU, 0, 0, 0, EBUSY, "a vCPU after INIT" },
		  { RUN_IT, 0, 0, 0, 0, "RUN" },
		  { SET, ADDR, DIST, MAP_GICD, EEXIST, "distributor after RUN" },
	  } },
	{ "without INIT",
	  2,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, CPU, MAP_GICC, 0, "CPU interface" },
		  { RUN_IT, 0, 0, 0, 0, "RUN" },
		  { SET, NR, 0, 96, EBUSY, "NR_IRQS after it" },
		  { GET, NR, 0, 256, 0, "it has 256" },
	  } },
	{ "a line before INIT",
	  2,
	  {
		  { SET, NR, 0, 64, 0, "NR_IRQS" },
		  { LINE, 0, 63, 0, 0, "IRQ_LINE of the last" },
		  { LINE, 0, 64, 0, EINVAL, "IRQ_LINE of none" },
		  { VCPU, 0, 0, 0, EBUSY, "a vCPU then" },
	  } },
	{ "no distributor",
	  1,
	  {
		  { SET, ADDR, CPU, MAP_GICC, 0, "CPU interface" },
		  { RUN_IT, 0, 0, 0, ENXIO, "RUN" },
	  } },
	{ "no CPU interface",
	  1,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { RUN_IT, 0, 0, 0, ENXIO, "RUN" },
	  } },
	{ "one over the other",
	  1,
	  {
		  { SET, ADDR, CPU, MAP_GICD, 0, "CPU interface" },
		  { SET, ADDR, DIST, MAP_GICD + 0x1000, 0, "distributor over it" },
		  { RUN_IT, 0, 0, 0, EINVAL, "RUN" },
	  } },
	{ "numbers",
	  1,
	  {
		  { SET, NR, 0, 32, EINVAL, "32 interrupts" },
		  { SET, NR, 0, 65, EINVAL, "65 interrupts" },
		  { SET, NR, 0, 1024, EINVAL, "1024 interrupts" },
		  { SET, NR, 0, 992, 0, "992 interrupts" },
		  { SET, NR, 0, 96, EBUSY, "twice" },
		  { GET, NR, 0, 992, 0, "reads back" },
	  } },
	{ "registers",
	  2,
	  {
		  { SET, NR, 0, 96, 0, "NR_IRQS" },
		  { HAS, DISTR, 0, 0, 0, "has GICD_CTLR" },
		  { HAS, DISTR, 2, 0, ENXIO, "has not GICD_CTLR + 2" },
		  { HAS, DISTR, 0x30, 0, ENXIO, "has not GICD 0x30" },
		  { HAS, DISTR, 0x108, 0, 0, "has GICD_ISENABLER2" },
		  { HAS, DISTR, 0x10c, 0, ENXIO, "has not GICD_ISENABLER3" },
		  { HAS, DISTR, OF_CPU(1) | 0x100, 0, 0, "has GICD_ISENABLER0 of CPU 1" },
		  { HAS, DISTR, OF_CPU(2), 0, EINVAL, "has no CPU 2" },
		  { HAS, CPUR, 0, 0, 0, "has GICC_CTLR" },
		  { HAS, CPUR, 0xc, 0, ENXIO, "has not GICC_IAR" },
		  { HAS, CPUR, 0xdc, 0, 0, "has GICC_APR3" },
		  { GET, CPUR, OF_CPU(2), 0, EINVAL, "GICC_CTLR of CPU 2" },
		  { SET, CPUR, OF_CPU(2), 0, EINVAL, "GICC_CTLR of CPU 2, set" },
		  { GET, DISTR, 4, 2 | 1 << 5, 0, "GICD_TYPER, which is an INIT" },
		  { VCPU, 0, 0, 0, EBUSY, "a vCPU then" },
		  { SET, DISTR, 8, 0x4b00143b, EINVAL, "another GICD_IIDR" },
		  { SET, DISTR, 8, 0x4b00243b, 0, "an older revision" },
		  { SET, CPUR, 4, 0x1f, 0, "GICC_PMR in five bits" },
		  { GET, CPUR, 4, 0x1f, 0, "reads back" },
		  { GET, CPUR, OF_CPU(1) | 4, 0, 0, "and is CPU 0's alone" },
		  { GET, DISTR, 0x30, 0, 0, "what is not there reads as zero" },
		  { GET, DISTR, OF_CPU(1) | 0x800, 0x02020202, 0, "GICD_ITARGETSR0 of CPU 1" },
	  } },
};

static bool is_word(uint32_t group)
{
	return group == NR || group == DISTR || group == CPUR;
}

static int attr(int gic, const struct step *s, uint64_t *got)
{
	uint64_t v64 = s->what == SET ? s->value : 0;
	uint32_t v32 = v64;
	void *p = is_word(s->group) ? (void *)&v32 : (void *)&v64;
	int r;

	if (s->what == HAS)
		return avmm_attr_has(gic, s->group, s->attr);
	if (s->what == SET)
		return avmm_attr_set(gic, s->group, s->attr, p);
	r = avmm_attr_get(gic, s->group, s->attr, p);
	*got = is_word(s->group) ? v32 : v64;
	return r;
}

static int run_a_bit(struct vm *vm)
{
	static const uint32_t code[] = { 0xf9000020, 0x14000000 };	/* str x0, [x1]; b . */
	int r;

	vm_poke(vm, MAP_RAM, code, 2);
	vcpu_start_at(&vm->vcpu[0], MAP_RAM, 0);
	vcpu_set(&vm->vcpu[0], AVMM_CORE_X(1), MAP_MMIO);
	r = vcpu_run(&vm->vcpu[0]);
	return r == AVMM_EXIT_MMIO ? 0 : r;
}

static struct vm *bare_vm(unsigned int vcpus)
{
	return vm_new(&(struct vm_config){ .no_gic = true, .vcpus = vcpus, .all_on = true });
}

static void test_case(unsigned int n)
{
	struct vm *vm = bare_vm(cases[n].vcpus);
	const struct step *s;
	uint64_t got = 0;
	int r;

	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2);
	if (vm->gic < 0)
		tap_bail("no vGICv2: %s", strerror(-vm->gic));
	for (s = cases[n].steps; s->what != END; s++) {
		switch (s->what) {
		case VCPU:
			r = avmm_create_vcpu(vm->fd, 7);
			break;
		case RUN_IT:
			r = run_a_bit(vm);
			break;
		case LINE:
			r = avmm_spi_line(vm->fd, s->attr, s->value);
			break;
		default:
			r = attr(vm->gic, s, &got);
		}
		tap_eq(r < 0 ? -r : 0, s->want, "%s: %s", cases[n].name, s->name);
		if (s->what == GET && !s->want)
			tap_eq(got, s->value, "%s: %s: value", cases[n].name, s->name);
	}
	vm_free(vm);
}

static void test_create(void)
{
	struct vm *vm = bare_vm(1);
	int fd;

	tap_eq(-avmm_has_device_type(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2), 0, "TEST of a vGICv2");
	tap_eq(-avmm_has_device_type(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3), ENODEV,
	       "no vGICv3 on a host with GICv2");
	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3), ENODEV, "nor is one made");
	tap_eq(avmm_check_extension(vm->dev, AVMM_CAP_MAX_VCPUS), 8, "MAX_VCPUS");
	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_MAX_VCPUS), 8, "MAX_VCPUS of a VM");
	tap_eq(-avmm_create_vcpu(vm->fd, 8), EINVAL, "vCPU 8");
	fd = avmm_create_vcpu(vm->fd, 7);
	tap_ok(fd >= 0, "vCPU 7");
	close(fd);
	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2);
	tap_ok(vm->gic >= 0, "a vGICv2 is made");
	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2), EEXIST, "a second one is not");
	tap_eq(-avmm_create_irqchip(vm->fd), EEXIST, "nor by CREATE_IRQCHIP");
	vm_free(vm);

	vm = bare_vm(1);
	tap_eq(-run_a_bit(vm), 0, "a VM without vGIC runs");
	tap_eq(-avmm_create_irqchip(vm->fd), EBUSY, "and can have none any more");
	vm_free(vm);
}

static int legacy_addr(struct vm *vm, uint64_t device, uint64_t type, uint64_t addr)
{
	struct avmm_arm_device_addr da = {
		.id = device << AVMM_ARM_DEVICE_ID_SHIFT | type, .addr = addr,
	};

	return avmm_arm_set_device_addr(vm->fd, &da);
}

/* Before there were device fds. */
static void test_legacy(void)
{
	struct vm *vm = bare_vm(1);

	tap_eq(avmm_check_extension(vm->dev, AVMM_CAP_ARM_SET_DEVICE_ADDR), 1, "SET_DEVICE_ADDR");
	tap_eq(-legacy_addr(vm, 0, DIST, MAP_GICD), ENODEV, "legacy: an address of no GIC");
	tap_eq(-avmm_create_irqchip(vm->fd), 0, "legacy: CREATE_IRQCHIP");
	tap_eq(-avmm_create_irqchip(vm->fd), EEXIST, "legacy: twice");
	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2), EEXIST,
	       "legacy: CREATE_DEVICE after it");
	tap_eq(-legacy_addr(vm, 1, DIST, MAP_GICD), ENODEV, "legacy: another device");
	tap_eq(-legacy_addr(vm, 0, 2, MAP_GICD), ENODEV, "legacy: another address");
	tap_eq(-legacy_addr(vm, 0, DIST, MAP_GICD + 4), EINVAL, "legacy: unaligned");
	tap_eq(-legacy_addr(vm, 0, DIST, 1ULL << 40), E2BIG, "legacy: past the IPA space");
	tap_eq(-legacy_addr(vm, 0, DIST, MAP_GICD), 0, "legacy: distributor");
	tap_eq(-legacy_addr(vm, 0, DIST, MAP_GICD), EEXIST, "legacy: distributor twice");
	tap_eq(-legacy_addr(vm, 0, CPU, MAP_GICC), 0, "legacy: CPU interface");
	tap_eq(-run_a_bit(vm), 0, "legacy: RUN");
	vm_free(vm);
}

/* As the kernel's vgic_init selftest has it. */
static void test_no_vcpus(void)
{
	int dev = device_open(), fd = avmm_create_vm(dev, 0);
	int gic = avmm_new_device(fd, AVMM_DEV_TYPE_ARM_VGIC_V2);
	uint32_t v = 0;

	tap_eq(-avmm_attr_has(gic, CPUR, 0), EINVAL, "no vCPUs: has GICC_CTLR");
	tap_eq(-avmm_attr_get(gic, CPUR, 0, &v), EINVAL, "no vCPUs: get GICC_CTLR");
	tap_eq(-avmm_attr_set(gic, CPUR, 0, &v), EINVAL, "no vCPUs: set GICC_CTLR");
	close(gic);
	close(fd);
	close(dev);
}

/* ---- the guest's side ---- */

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	if (uc->arg[0] == SYNC_SAVE)
		return false;
	if (avmm_spi_line(vcpu->vm->fd, uc->arg[1], uc->arg[2]) < 0)
		tap_ok(false, "IRQ_LINE of %llu", (unsigned long long)uc->arg[1]);
	return true;
}

/* ---- moving a guest ---- */

#define NR_WORDS	(NR_IRQS / 32)

struct word {
	uint32_t group;
	uint64_t attr;
	uint32_t val;
};

/*
 * In the order in which they are restored: where there is a register to clear and one to set, all
 * is cleared first.
 */
static unsigned int gic_words(struct word *w, unsigned int cpus)
{
	static const struct {
		uint32_t offset, clear;
		unsigned int bits, first, irqs;
	} fields[] = {
		{ 0x080, 0, 1, 0, NR_IRQS },		/* IGROUPR */
		{ 0x400, 0, 8, 0, NR_IRQS },		/* IPRIORITYR */
		{ 0x800, 0, 8, 32, NR_IRQS },		/* ITARGETSR */
		{ 0xc00, 0, 2, 0, NR_IRQS },		/* ICFGR */
		{ 0x100, 0x180, 1, 0, NR_IRQS },	/* ISENABLER */
		{ 0x200, 0x280, 1, 0, NR_IRQS },	/* ISPENDR */
		{ 0x300, 0x380, 1, 0, NR_IRQS },	/* ISACTIVER */
		{ 0xf20, 0xf10, 8, 0, 16 },		/* SPENDSGIR, after ISPENDR0 */
	};
	static const uint32_t cpu_regs[] = { 0x00, 0x04, 0x08, 0x1c, 0xd0, 0xd4, 0xd8, 0xdc };
	unsigned int n = 0, cpu, f, i, off;

	w[n++] = (struct word){ DISTR, 0x008, 0 };	/* IIDR first: then groups are restored */
	/* CTLR: KVM does not look again at what is pending when it is turned on */
	w[n++] = (struct word){ DISTR, 0x000, 0 };
	for (cpu = 0; cpu < cpus; cpu++) {
		for (f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
			for (i = fields[f].first; i < fields[f].irqs; i += 32 / fields[f].bits) {
				if (cpu && i >= 32)
					break;
				off = i * fields[f].bits / 8;
				if (fields[f].clear)
					w[n++] = (struct word){ DISTR, OF_CPU(cpu) |
								(fields[f].clear + off), ~0U };
				w[n++] = (struct word){ DISTR, OF_CPU(cpu) |
							(fields[f].offset + off), 0 };
			}
		for (i = 0; i < sizeof(cpu_regs) / sizeof(cpu_regs[0]); i++)
			w[n++] = (struct word){ CPUR, OF_CPU(cpu) | cpu_regs[i], 0 };
	}
	return n;
}

#define MAX_WORDS	1024

static unsigned int save_gic(struct vm *vm, struct word *w)
{
	unsigned int n = gic_words(w, vm->nr_vcpus), i, bad = 0;

	for (i = 0; i < n; i++)
		if (w[i].val != ~0U)
			bad += avmm_attr_get(vm->gic, w[i].group, w[i].attr, &w[i].val) < 0;
	tap_eq(bad, 0, "save: %u words of the GIC are read", n);
	return n;
}

static void restore_gic(struct vm *vm, struct word *w, unsigned int n)
{
	static struct word now[MAX_WORDS];
	unsigned int i, bad = 0;

	for (i = 0; i < n; i++)
		bad += avmm_attr_set(vm->gic, w[i].group, w[i].attr, &w[i].val) < 0;
	tap_eq(bad, 0, "save: and written");
	save_gic(vm, now);
	for (i = 0, bad = 0; i < n; i++) {
		if (now[i].val == w[i].val)
			continue;
		bad++;
		tap_diag("group %u 0x%llx: 0x%x was 0x%x", w[i].group,
			 (unsigned long long)w[i].attr, now[i].val, w[i].val);
	}
	tap_eq(bad, 0, "save: they read back");
}

static void move_vcpu(struct vcpu *from, struct vcpu *to)
{
	struct avmm_mp_state mp = { 0 };
	struct avmm_reg_list *list;
	uint8_t val[256];
	uint64_t i;

	if (avmm_alloc_reg_list(from->fd, &list) < 0)
		tap_bail("no list of registers");
	for (i = 0; i < list->n; i++)
		if (avmm_get_one_reg(from->fd, list->reg[i], val) == 0)
			avmm_set_one_reg(to->fd, list->reg[i], val);
	avmm_get_mp_state(from->fd, &mp);
	avmm_set_mp_state(to->fd, &mp);
	free(list);
}

static void test_save(void)
{
	static struct word words[MAX_WORDS];
	struct vm_config cfg = {
		PAYLOAD_OF(gicv2), .vcpus = 2, .arg = PART_SAVE << 8, .on_sync = on_sync,
		.ram = 16 << 20,
	};
	struct vm *from, *to;
	unsigned int n;

	cfg.ram_at = mmap(NULL, cfg.ram, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	from = vm_new(&cfg);
	if (!vcpu_run_to_end(&from->vcpu[0]))
		return;
	/* the store with which it asked is finished by the next RUN */
	from->vcpu[0].run->immediate_exit = 1;
	tap_eq(-vcpu_run(&from->vcpu[0]), EINTR, "save: the vCPU is between instructions");
	n = save_gic(from, words);
	cfg.payload = NULL;
	to = vm_new(&cfg);
	move_vcpu(&from->vcpu[0], &to->vcpu[0]);
	restore_gic(to, words, n);
	vm_free(from);
	/* the device that drives the line is there as well */
	avmm_spi_line(to->fd, SPI_LEVEL, true);
	tap_ok(vcpu_run_to_end(&to->vcpu[0]), "save: the payload came to its end");
	vm_free(to);
	munmap(cfg.ram_at, cfg.ram);
}

/* A host that has none says so. */
static void test_without(void)
{
	struct vm *vm = bare_vm(1);

	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2), ENODEV, "no vGICv2 here");
	tap_eq(-avmm_create_irqchip(vm->fd), ENODEV, "nor by CREATE_IRQCHIP");
	tap_eq(-legacy_addr(vm, 0, DIST, MAP_GICD), ENODEV, "nor has it an address");
	vm_free(vm);
}

int main(void)
{
	struct vm_config cfg = { PAYLOAD_OF(gicv2), .on_sync = on_sync };
	struct vm *vm;
	unsigned int i;

	test_begin(280);
	vm = bare_vm(1);
	i = avmm_has_device_type(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V2) == 0;
	vm_free(vm);
	if (!i) {
		test_without();
		return tap_end();
	}
	need_gic(2);
	test_create();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(i);
	test_legacy();
	test_no_vcpus();
	for (cfg.vcpus = 1; cfg.vcpus <= 4; cfg.vcpus++) {
		cfg.arg = PART_SENDERS << 8 | cfg.vcpus;
		tap_diag("%u vCPUs", cfg.vcpus);
		run_payload("gicv2", &cfg);
	}
	test_save();
	return tap_end();
}
