// SPDX-License-Identifier: GPL-2.0
/* The order in which a vGICv3 is set up: what is refused when, and with which error. */
#include "avmm_util.h"

#define ADDR		AVMM_DEV_ARM_VGIC_GRP_ADDR
#define NR		AVMM_DEV_ARM_VGIC_GRP_NR_IRQS
#define CTRL		AVMM_DEV_ARM_VGIC_GRP_CTRL
#define DIST		AVMM_VGIC_V3_ADDR_TYPE_DIST
#define REDIST		AVMM_VGIC_V3_ADDR_TYPE_REDIST
#define REGION		AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION
/* of a redistributor region: how many, where, which */
#define REG(count, base, index)	((uint64_t)(count) << 52 | (base) | (index))

struct step {
	enum { END, SET, GET, HAS, VCPU, RUN_IT } what;
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
	  0,
	  {
		  { HAS, ADDR, DIST, 0, 0, "has ADDR DIST" },
		  { HAS, ADDR, REDIST, 0, 0, "has ADDR REDIST" },
		  { HAS, ADDR, REGION, 0, 0, "has ADDR REDIST_REGION" },
		  { HAS, ADDR, AVMM_VGIC_V2_ADDR_TYPE_DIST, 0, ENXIO, "no v2 distributor" },
		  { HAS, ADDR, AVMM_VGIC_V2_ADDR_TYPE_CPU, 0, ENXIO,
		    "no v2 CPU interface" },
		  { HAS, ADDR, 99, 0, ENXIO, "has not ADDR 99" },
		  { HAS, NR, 0, 0, 0, "has NR_IRQS" },
		  { HAS, CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, 0, 0, "has CTRL INIT" },
		  { HAS, CTRL, 99, 0, ENXIO, "has not CTRL 99" },
		  { HAS, 99, 0, 0, ENXIO, "has not group 99" },
		  { SET, CTRL, 99, 0, ENXIO, "CTRL 99" },
		  { SET, ADDR, 99, 0x10000, ENXIO, "ADDR 99" },
	  } },
	{ "addresses",
	  1,
	  {
		  { GET, ADDR, DIST, ~0ULL, 0, "no distributor yet" },
		  { GET, ADDR, REDIST, ~0ULL, 0, "no redistributor yet" },
		  { SET, ADDR, DIST, 0x8000, EINVAL, "unaligned distributor" },
		  { SET, ADDR, REDIST, 0x8000, EINVAL, "unaligned redistributor" },
		  { SET, ADDR, DIST, 1ULL << 40, E2BIG, "distributor past the IPA space" },
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, DIST, MAP_GICD, EEXIST, "distributor twice" },
		  { SET, ADDR, DIST, 0x10000, EEXIST, "distributor elsewhere" },
		  { GET, ADDR, DIST, MAP_GICD, 0, "distributor reads back" },
		  { SET, ADDR, REDIST, MAP_GICR, 0, "redistributor" },
		  { SET, ADDR, REDIST, MAP_GICR, EEXIST, "redistributor twice" },
		  { GET, ADDR, REDIST, MAP_GICR, 0, "redistributor reads back" },
		  { SET, ADDR, REGION, REG(1, 0x9000000, 0), EINVAL,
		    "a region after a single redistributor" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { SET, CTRL, 0, 0, 0, "INIT twice" },
		  { VCPU, 0, 0, 0, EBUSY, "a vCPU after INIT" },
		  { RUN_IT, 0, 0, 0, 0, "RUN" },
	  } },
	{ "regions",
	  4,
	  {
		  { SET, ADDR, REGION, REG(1, MAP_GICR, 1), EINVAL, "the second region first" },
		  { SET, ADDR, REGION, REG(0, MAP_GICR, 0), EINVAL, "a region of none" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR | 1 << 12, 0), EINVAL, "unknown flags" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR, 0), 0, "a region of two" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR + 0x20000, 1), EINVAL,
		    "a region over the first" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR + 0x40000, 2), EINVAL,
		    "the third before the second" },
		  { SET, ADDR, REDIST, 0x9000000, EINVAL, "a single redistributor after a region" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR + 0x40000, 1), 0, "a region of two more" },
		  { GET, ADDR, REGION, REG(2, MAP_GICR, 0), 0, "the first reads back" },
		  { GET, ADDR, REGION, REG(2, MAP_GICR + 0x40000, 1), 0, "the second reads back" },
		  { GET, ADDR, REGION, 2, ENOENT, "there is no third" },
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { RUN_IT, 0, 0, 0, 0, "RUN" },
	  } },
	{ "numbers",
	  1,
	  {
		  { SET, NR, 0, 32, EINVAL, "32 interrupts" },
		  { SET, NR, 0, 63, EINVAL, "63 interrupts" },
		  { SET, NR, 0, 65, EINVAL, "65 interrupts" },
		  { SET, NR, 0, 80, EINVAL, "80 interrupts" },
		  { SET, NR, 0, 1024, EINVAL, "1024 interrupts" },
		  { SET, NR, 0, 1056, EINVAL, "1056 interrupts" },
		  { SET, NR, 0, 0, EINVAL, "no interrupts" },
		  { SET, NR, 0, 992, 0, "992 interrupts" },
		  { SET, NR, 0, 96, EBUSY, "twice" },
		  { GET, NR, 0, 992, 0, "reads back" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { SET, NR, 0, 96, EBUSY, "after INIT" },
	  } },
	{ "no numbers",
	  1,
	  {
		  { SET, CTRL, 0, 0, 0, "INIT without NR_IRQS" },
		  { SET, NR, 0, 96, EBUSY, "NR_IRQS after it" },
	  } },
	{ "INIT first, as QEMU has it",
	  2,
	  {
		  { SET, NR, 0, 288, 0, "NR_IRQS" },
		  { SET, CTRL, 0, 0, 0, "INIT before any address" },
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR, 0), 0, "region" },
		  { RUN_IT, 0, 0, 0, 0, "RUN" },
		  { SET, ADDR, DIST, MAP_GICD, EEXIST, "distributor after RUN" },
	  } },
	{ "no distributor",
	  1,
	  {
		  { SET, ADDR, REDIST, MAP_GICR, 0, "redistributor" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { RUN_IT, 0, 0, 0, ENXIO, "RUN without a distributor" },
	  } },
	{ "no redistributor",
	  1,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { RUN_IT, 0, 0, 0, ENXIO, "RUN without a redistributor" },
	  } },
	{ "not initialised",
	  1,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, REDIST, MAP_GICR, 0, "redistributor" },
		  { RUN_IT, 0, 0, 0, EBUSY, "RUN without INIT" },
	  } },
	{ "one over the other",
	  1,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, REDIST, MAP_GICD, EINVAL, "a redistributor over it" },
	  } },
	{ "a distributor over a region",
	  1,
	  {
		  { SET, ADDR, REGION, REG(2, MAP_GICR, 0), 0, "region" },
		  { SET, ADDR, DIST, MAP_GICR + 0x10000, 0, "a distributor over it" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { RUN_IT, 0, 0, 0, EINVAL, "RUN" },
	  } },
	{ "a region too small",
	  3,
	  {
		  { SET, ADDR, DIST, MAP_GICD, 0, "distributor" },
		  { SET, ADDR, REGION, REG(2, MAP_GICR, 0), 0, "two redistributors" },
		  { SET, CTRL, 0, 0, 0, "INIT" },
		  { RUN_IT, 0, 0, 0, ENXIO, "RUN with three vCPUs" },
	  } },
};

/* 32- and 64-bit values in one. */
static int attr(int gic, const struct step *s, uint64_t *got)
{
	uint64_t v64 = s->value;
	uint32_t v32 = s->value;
	void *p = s->group == NR ? (void *)&v32 : (void *)&v64;
	int r;

	if (s->what == HAS)
		return avmm_attr_has(gic, s->group, s->attr);
	if (s->what == SET)
		return avmm_attr_set(gic, s->group, s->attr, p);
	if (s->group == ADDR && s->attr == REGION)
		v64 &= 0xfff;
	else
		v64 = 0, v32 = 0;
	r = avmm_attr_get(gic, s->group, s->attr, p);
	*got = s->group == NR ? v32 : v64;
	return r;
}

/* as VMMs' own tests have it: complete, and nobody will ever use it */
static void test_no_vcpus(void)
{
	int dev = device_open(), vm = avmm_create_vm(dev, 0);
	int gic = avmm_new_device(vm, AVMM_DEV_TYPE_ARM_VGIC_V3);
	uint64_t v = 0;

	tap_eq(-avmm_attr_set(gic, CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, NULL), 0,
	       "no vCPUs: INIT");
	tap_eq(-avmm_attr_set(gic, CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0,
	       "no vCPUs: SAVE_PENDING_TABLES");
	tap_eq(-avmm_attr_get(gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, &v), EINVAL,
	       "no vCPUs: GICD_CTLR");
	tap_eq(-avmm_attr_get(gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0, &v), EINVAL,
	       "no vCPUs: GICR_CTLR");
	tap_ok(avmm_irq_line(vm, 1 << 24 | 40, 1) <= 0, "no vCPUs: an interrupt does no harm");
	tap_eq(-avmm_create_vcpu(vm, 0), EBUSY, "no vCPUs: and there can be none");
	close(gic);
	close(vm);
	close(dev);
}

static void test_case(unsigned int n)
{
	struct vm *vm = vm_new(
		&(struct vm_config){ .no_gic = true, .vcpus = cases[n].vcpus, .all_on = true });
	static const uint32_t code[] = { 0xf9000020, 0x14000000 };	/* str x0, [x1]; b . */
	const struct step *s;
	uint64_t got = 0;
	int r;

	vm_poke(vm, MAP_RAM, code, 2);
	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3);
	if (vm->gic < 0)
		tap_bail("no vGICv3: %s", strerror(-vm->gic));
	for (s = cases[n].steps; s->what != END; s++) {
		switch (s->what) {
		case VCPU:
			r = avmm_create_vcpu(vm->fd, 14);
			break;
		case RUN_IT:
			vcpu_start_at(&vm->vcpu[0], MAP_RAM, 0);
			vcpu_set(&vm->vcpu[0], AVMM_CORE_X(1), MAP_MMIO);
			r = vcpu_run(&vm->vcpu[0]);
			if (r == AVMM_EXIT_MMIO)
				r = 0;
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
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true });
	struct avmm_create_device cd = { .type = AVMM_DEV_TYPE_ARM_VGIC_V3,
					 .flags = AVMM_CREATE_DEVICE_TEST };
	static const uint32_t code[] = { 0xf9000020, 0x14000000 };
	int r;

	tap_eq(-avmm_create_device(vm->fd, &cd), 0, "TEST of a vGICv3");
	tap_eq(-avmm_create_device(vm->fd, &cd), 0, "TEST makes none, so it may be asked again");
	cd.type = AVMM_DEV_TYPE_ARM_VGIC_V2;
	r = avmm_create_device(vm->fd, &cd);
	tap_ok(r == 0 || r == -ENODEV, "TEST of a vGICv2: %s", r ? strerror(-r) : "there is one");
	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3);
	tap_ok(vm->gic >= 0, "a vGICv3 is made");
	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3), EEXIST, "a second one is not");
	vm_free(vm);

	/* too late */
	vm = vm_new(&(struct vm_config){ .no_gic = true });
	vm_poke(vm, MAP_RAM, code, 2);
	vcpu_start_at(&vm->vcpu[0], MAP_RAM, 0);
	vcpu_set(&vm->vcpu[0], AVMM_CORE_X(1), MAP_MMIO);
	tap_eq(vcpu_run(&vm->vcpu[0]), AVMM_EXIT_MMIO, "a VM without vGIC runs");
	tap_eq(-avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3), EBUSY,
	       "and can have none any more");
	vm_free(vm);
}

/* The registers, from outside, of a VM of two vCPUs that has not run. Optional: QEMU lives without.
 */
static void test_registers(void)
{
	static const struct {
		uint32_t group;
		uint64_t attr;
		int want;
		const char *name;
	} regs[] = {
		{ AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0000, 0, "GICD_CTLR" },
		{ AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0004, 0, "GICD_TYPER" },
		{ AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0008, 0, "GICD_IIDR" },
		{ AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0104, 0, "GICD_ISENABLER1" },
		{ AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x6100, 0, "GICD_IROUTER32" },
		{ AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0008, 0, "GICR_TYPER" },
		{ AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 1ULL << 32 | 0x10100, 0,
		  "GICR_ISENABLER0 of the second" },
		{ AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 7ULL << 32 | 0x0008, EINVAL,
		  "GICR_TYPER of none" },
		{ AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 0xc664, 0, "ICC_CTLR_EL1" },
		{ AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 0xc230, 0, "ICC_PMR_EL1" },
		{ AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, 1ULL << 32 | 0xc665, 0,
		  "ICC_SRE_EL1 of the second" },
		{ AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 32, 0, "the lines of SPIs" },
	};
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true, .vcpus = 2, .all_on = true });
	uint64_t v, dist = MAP_GICD, redist = MAP_GICR;
	unsigned int i;
	int r;

	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3);
	if (avmm_attr_has(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0) < 0) {
		tap_skip("HAS_DEVICE_ATTR of GICD_CTLR fails", "registers from outside");
		vm_free(vm);
		return;
	}
	r = avmm_attr_has(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x9000);
	tap_eq(-r, ENXIO, "has not a register at 0x9000");
	r = avmm_attr_get(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, &v);
	tap_eq(-r, EBUSY, "GICD_CTLR before INIT");
	avmm_attr_set(vm->gic, ADDR, DIST, &dist);
	avmm_attr_set(vm->gic, ADDR, REDIST, &redist);
	avmm_attr_set(vm->gic, CTRL, 0, NULL);
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		v = 0;
		r = avmm_attr_get(vm->gic, regs[i].group, regs[i].attr, &v);
		tap_eq(-r, regs[i].want, "get %s: 0x%llx", regs[i].name, (unsigned long long)v);
		if (r == 0 && regs[i].attr != 0x0004 && regs[i].attr != 0x0008)
			tap_eq(-avmm_attr_set(vm->gic, regs[i].group, regs[i].attr, &v), 0,
			       "set %s to itself", regs[i].name);
	}
	v = 0xffff0000;
	tap_eq(-avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0104, &v), 0,
	       "set GICD_ISENABLER1");
	v = 0;
	avmm_attr_get(vm->gic, AVMM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0104, &v);
	tap_eq(v, 0xffff0000, "it reads back");
	vm_free(vm);
}

/* ---- redistributors in several regions, as the guest finds them ---- */

static void test_guest_regions(void)
{
	/* ldr x0, [x2, #8]; str x0, [x1]; b 1b */
	static const uint32_t code[] = { 0xf9400440, 0xf9000020, 0x17fffffe };
	static const uint64_t regions[] = { REG(2, 0x8100000, 0), REG(1, 0x10000000, 1),
					    REG(4, 0x20000000, 2) };
	/* frames, whose they are and whether GICR_TYPER.Last is set */
	static const struct { uint64_t at; unsigned int cpu, last; } frames[] = {
		{ 0x8100000, 0, 0 }, { 0x8120000, 1, 1 }, { 0x10000000, 2, 1 },
		{ 0x20000000, 3, 0 }, { 0x20020000, 4, 1 },
	};
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true, .vcpus = 5, .all_on = true,
						    .nommu = true });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t dist = MAP_GICD, val;
	unsigned int i;

	vm->gic = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_V3);
	avmm_attr_set(vm->gic, ADDR, DIST, &dist);
	for (i = 0; i < sizeof(regions) / 8; i++) {
		val = regions[i];
		tap_eq(-avmm_attr_set(vm->gic, ADDR, REGION, &val), 0, "region %u", i);
	}
	avmm_attr_set(vm->gic, CTRL, 0, NULL);
	vm_poke(vm, MAP_RAM, code, 3);
	vcpu_start_at(v, MAP_RAM, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_MMIO);
	for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		vcpu_set(v, AVMM_CORE_X(2), frames[i].at);
		val = 0;
		if (tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "the guest reads GICR_TYPER of vCPU %u", i) &&
		    v->run->mmio.is_write)
			memcpy(&val, v->run->mmio.data, 8);
		tap_eq(val & ~1ULL, (uint64_t)frames[i].cpu << 32 | frames[i].cpu << 8 |
					    frames[i].last << 4,
		       "affinity, number and Last of vCPU %u", i);
	}
	/* the third region has room for two more, which are not there */
	vcpu_set(v, AVMM_CORE_X(2), 0x20040000);
	tap_eq(vcpu_run(v), AVMM_EXIT_MMIO, "where no redistributor is");
	tap_ok(!v->run->mmio.is_write && v->run->mmio.phys_addr == 0x20040008, "there is nothing");
	vm_free(vm);
}

int main(void)
{
	unsigned int i;

	test_begin(280);
	need_gic(3);
	test_create();
	test_no_vcpus();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(i);
	test_registers();
	test_guest_regions();
	return tap_end();
}
