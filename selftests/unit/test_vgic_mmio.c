// SPDX-License-Identifier: GPL-2.0
/* CFLAGS: -Iunit/vgic_fake -I../kmod */
/* The register tables of the virtual GICv3, as a guest and as user space meet them. */
#include "kmod/irq/vgic.c"
#include "kmod/irq/lpi.c"
#include "kmod/irq/vgic_mmio.c"
#include "kmod/irq/vgic_mmio_v3.c"
#include "vgic_table.h"

#define CPU(n)		(&fake_vcpu[n])
#define GICD		0x08000000ULL
#define GICR		0x080a0000ULL
#define RD(cpu)		(GICR + (cpu) * 0x20000ULL)
#define SGI(cpu)	(RD(cpu) + 0x10000)
#define NONE		0xdeadULL

static struct vgic_frame gicd, gicr;

static void start(u32 nr_vcpus, u32 nr_spis)
{
	fake_vm_start(nr_vcpus, nr_spis);
	gicd = (struct vgic_frame) { .table = &vgic_v3_dist_table };
	gicd.dev = (struct avmm_iodev) { &vgic_iodev_ops, GICD, 0x10000 };
	gicr = (struct vgic_frame) { .table = &vgic_v3_redist_table, .stride = 0x20000 };
	gicr.dev = (struct avmm_iodev) { &vgic_iodev_ops, GICR, nr_vcpus * 0x20000 };
}

static struct avmm_iodev *dev_at(u64 addr)
{
	return addr >= GICR ? &gicr.dev : &gicd.dev;
}

static u64 rd(u32 v, u64 addr, int len)
{
	u64 val = NONE;

	vgic_iodev_ops.read(CPU(v), dev_at(addr), addr, len, &val);
	return val;
}

static void wr(u32 v, u64 addr, int len, u64 val)
{
	vgic_iodev_ops.write(CPU(v), dev_at(addr), addr, len, val);
}

static u32 uget(u32 v, const struct vgic_table *t, u32 off)
{
	u32 val = NONE;

	return vgic_user_access(CPU(v), t, off, &val, false) ? NONE : val;
}

static int uset(u32 v, const struct vgic_table *t, u32 off, u32 val)
{
	return vgic_user_access(CPU(v), t, off, &val, true);
}

static void ids(void)
{
	start(3, 96);
	tap_ok(rd(0, GICD + 0xffe8, 4) == 0x3b && rd(0, RD(1) + 0xffe8, 4) == 0x3b, "PIDR2");
	tap_ok(rd(0, GICD + 0xffe4, 4) == 0, "the other ID registers read as zero");
	tap_ok((rd(0, GICD + 4, 4) & 0x1f) == 3, "TYPER: 128 lines");
	tap_ok((rd(0, GICD + 4, 4) >> 19 & 0x1f) == 9 && !(rd(0, GICD + 4, 4) >> 17 & 1),
	       "TYPER: ten bits, no LPIs");
	tap_ok(rd(0, GICD, 4) == (3 | 1 << 4 | 1 << 6), "CTLR: both groups, ARE, DS, no RWP");
	tap_ok(rd(2, RD(1) + 8, 8) == (1ULL << 32 | 1 << 8),
	       "GICR_TYPER: affinity, number, not last");
	tap_ok(rd(0, RD(2) + 8, 8) == (2ULL << 32 | 2 << 8 | 1 << 4), "GICR_TYPER: last");
	tap_ok(rd(0, RD(2) + 12, 4) == 2 && rd(0, RD(2) + 8, 4) == 0x210, "GICR_TYPER by halves");
	wr(0, RD(2) + 8, 8, ~0ULL);
	tap_ok(rd(0, RD(2) + 8, 8) == (2ULL << 32 | 2 << 8 | 1 << 4), "GICR_TYPER is read-only");
	tap_ok(rd(0, RD(1) + 0x14, 4) == 0, "WAKER: awake");
}

static void sizes(void)
{
	start(2, 96);
	wr(0, GICD + 0x104, 4, 0xff);
	tap_ok(rd(0, GICD + 0x104, 1) == 0 && rd(0, GICD + 0x104, 2) == 0 &&
	       rd(0, GICD + 0x100, 8) == 0, "ISENABLER: words only");
	wr(0, GICD + 0x108, 1, 0xff);
	wr(0, GICD + 0x108, 2, 0xff);
	tap_ok(rd(0, GICD + 0x108, 4) == 0, "ISENABLER: writes of other sizes do nothing");
	wr(0, GICD + 0x421, 1, 0xa7);
	tap_ok(rd(0, GICD + 0x420, 4) == 0xa000 && rd(0, GICD + 0x421, 1) == 0xa0,
	       "IPRIORITYR: bytes and words, five bits");
	wr(0, GICD + 0x424, 4, 0x80604020);
	tap_ok(rd(0, GICD + 0x426, 1) == 0x60, "IPRIORITYR: a word is four priorities");
	tap_ok(rd(0, GICD + 0x424, 2) == 0, "IPRIORITYR: no halfwords");
	tap_ok(rd(0, GICD + 0x106, 4) == 0, "misaligned");
	tap_ok(rd(0, GICD + 0x5000, 4) == 0 && rd(0, GICD + 0xfffc, 4) == 0, "reserved");
	wr(0, GICD + 0x5000, 4, ~0U);
	wr(0, GICD + 0x6000 + 40 * 8, 8, 1);
	tap_ok(rd(0, GICD + 0x6000 + 40 * 8, 8) == 1, "IROUTER: doubleword");
	wr(0, GICD + 0x6000 + 40 * 8, 4, 0);
	wr(0, GICD + 0x6000 + 40 * 8 + 4, 4, ~0U);
	tap_ok(rd(0, GICD + 0x6000 + 40 * 8, 8) == 0, "IROUTER: halves, no Aff3");
	wr(0, GICD + 0x6000 + 40 * 8, 8, 0x80000001);
	tap_ok(rd(0, GICD + 0x6000 + 40 * 8, 8) == 1, "IROUTER: no 1 of N");
	wr(0, RD(0) + 0x78, 4, 0x12340000);
	wr(0, RD(0) + 0x7c, 4, 0x40000001);
	tap_ok(rd(0, RD(0) + 0x78, 8) == 0x112340180ULL && rd(0, RD(1) + 0x78, 8) == 0,
	       "PENDBASER: halves, no PTZ, one each");
	wr(1, RD(1) + 0x70, 8, ~0ULL);
	tap_ok(rd(0, RD(0) + 0x70, 8) == 0x000fffffffffff9fULL, "PROPBASER: one for all");
	wr(1, RD(1) + 0x70, 8, 2 << 10 | 1 << 7);
	tap_ok(rd(0, RD(0) + 0x70, 8) == (1 << 10 | 3 << 7), "PROPBASER: cached, inner shareable");
}

static void private_parts(void)
{
	start(2, 96);
	tap_ok(rd(0, GICD + 0x100, 4) == 0, "ISENABLER0 of the distributor is empty");
	wr(0, GICD + 0x100, 4, ~0U);
	tap_ok(rd(0, SGI(0) + 0x100, 4) == 0xffff, "SGIs are enabled at first, PPIs not");
	wr(0, SGI(1) + 0x100, 4, 1U << 27);
	tap_ok(rd(1, SGI(1) + 0x100, 4) == (0xffff | 1U << 27) &&
	       rd(1, SGI(0) + 0x100, 4) == 0xffff,
	       "another CPU's redistributor");
	wr(0, SGI(1) + 0x180, 4, 1U << 27 | 1);
	tap_ok(rd(0, SGI(1) + 0x180, 4) == 0xfffe, "ICENABLER0");
	tap_ok(rd(0, SGI(0) + 0xc00, 4) == 0xaaaaaaaa && rd(0, SGI(0) + 0xc04, 4) == 0,
	       "ICFGR0, ICFGR1");
	wr(0, SGI(0) + 0xc04, 4, ~0U);
	tap_ok(rd(0, SGI(0) + 0xc04, 4) == 0, "PPIs stay level-sensitive");
	wr(0, GICD + 0xc08, 4, 0xfffffffd);
	tap_ok(rd(0, GICD + 0xc08, 4) == 0xaaaaaaa8, "ICFGR of SPIs: the upper bits");
	tap_ok(rd(0, SGI(0) + 0x80, 4) == ~0U, "all are in group 1 at first");
	wr(0, SGI(0) + 0x80, 4, 0xf);
	tap_ok(rd(0, SGI(0) + 0x80, 4) == 0xf, "IGROUPR0");
	wr(0, SGI(0) + 0x41b, 1, 0x28);
	tap_ok(rd(0, SGI(0) + 0x418, 4) == 0x28000000, "IPRIORITYR6");
	tap_ok(rd(0, GICD + 0x100 + 16, 4) == 0, "beyond the SPIs that exist");
	wr(0, GICD + 0x100 + 16, 4, ~0U);
	tap_ok(rd(0, GICD + 0x100 + 16, 4) == 0, "stays empty");
}

/* clears and sets, and what follows from them */
static void pending_and_active(void)
{
	struct vgic_irq *irq;

	start(2, 96);
	irq = fake_get(0, 40);
	wr(0, GICD + 0x204, 4, 1U << 8);
	tap_ok(rd(0, GICD + 0x204, 4) == 1U << 8 && rd(0, GICD + 0x284, 4) == 1U << 8 &&
	       !CPU(0)->kicks,
	       "ISPENDR, disabled");
	wr(0, GICD + 0x104, 4, 1U << 8);
	tap_ok(CPU(0)->kicks == 1 && CPU(0)->arch.vgic.nr_listed == 1, "ISENABLER brings it");
	wr(0, GICD + 0x284, 4, 1U << 8);
	tap_ok(rd(0, GICD + 0x204, 4) == 0, "ICPENDR");
	fake_enter(CPU(0));
	tap_ok(!CPU(0)->arch.ctx->vgic.used_lrs, "nothing to take then");
	fake_exit(CPU(0));

	wr(0, GICD + 0x304, 4, 1U << 8);
	tap_ok(rd(0, GICD + 0x384, 4) == 1U << 8, "ISACTIVER");
	fake_enter(CPU(0));
	tap_ok((CPU(0)->arch.ctx->vgic.lr[0] & VGIC_LR_STATE) == VGIC_LR_ACTIVE,
	       "is in a list register");
	wr(1, GICD + 0x384, 4, 1U << 8);
	tap_ok(!CPU(0)->in_guest && rd(0, GICD + 0x304, 4) == 0,
	       "ICACTIVER from elsewhere fetches it");

	wr(0, GICD + 0x304, 4, 1U << 8);
	fake_enter(CPU(0));
	vgic_deactivate(CPU(1), 40);
	tap_ok(CPU(0)->in_guest, "DIR without EOImode does nothing");
	CPU(1)->arch.ctx->vgic.vmcr |= VGIC_VMCR_EOIM;
	vgic_deactivate(CPU(1), 39);
	vgic_deactivate(CPU(1), 8192);
	vgic_deactivate(CPU(1), 1023);
	tap_ok(CPU(0)->in_guest && (irq->flags & VGIC_ACTIVE), "nor of others");
	vgic_deactivate(CPU(1), 40);
	tap_ok(!CPU(0)->in_guest && !(irq->flags & VGIC_ACTIVE), "DIR from elsewhere fetches it");
	wr(0, GICD + 0x304, 4, 1U << 8);
	vgic_deactivate(CPU(1), 40);
	tap_ok(rd(0, GICD + 0x304, 4) == 0, "and one that is in no list register");
	CPU(1)->arch.ctx->vgic.vmcr &= ~(u64)VGIC_VMCR_EOIM;

	avmm_host.gic = 3;
	avmm_host.ich_vtr = 1U << 19;
	tap_ok(vgic_hcr(CPU(0)) == (VGIC_HCR_EN | VGIC_HCR_TDIR), "DIR traps");
	fake_vm.nr_vcpus = 1;
	tap_ok(vgic_hcr(CPU(0)) == VGIC_HCR_EN, "but not of a lone vCPU");
	fake_vm.nr_vcpus = 2;
	avmm_host.ich_vtr = 0;
	tap_ok(vgic_hcr(CPU(0)) == VGIC_HCR_EN, "nor where it cannot");
	avmm_host.gic = 0;

	wr(0, GICD + 0x204, 4, 1U << 8);
	fake_enter(CPU(0));
	wr(1, GICD + 0x284, 4, 1U << 8);
	tap_ok(!CPU(0)->in_guest && !vgic_is_pending(irq->flags),
	       "ICPENDR from elsewhere fetches it");
	wr(0, GICD + 0x204, 4, 1U << 8);
	fake_enter(CPU(0));
	fake_ack(CPU(0));
	tap_ok(rd(1, GICD + 0x304, 4) == 1U << 8 && !CPU(0)->in_guest,
	       "ISACTIVER read from elsewhere: fresh");
	fake_enter(CPU(0));
	wr(1, GICD + 0x184, 4, 1U << 8);
	tap_ok(!CPU(0)->in_guest, "ICENABLER from elsewhere has effect at once");
	tap_ok(rd(1, GICD + 0x304, 4) == 1U << 8, "active does not care for enable");

	/* routed away while active; its deactivation by register lets it go */
	wr(0, GICD + 0x104, 4, 1U << 8);
	wr(0, GICD + 0x6000 + 40 * 8, 8, 1);
	wr(0, GICD + 0x204, 4, 1U << 8);
	tap_ok(irq->home == CPU(0), "routed away, but still active here");
	wr(0, GICD + 0x384, 4, 1U << 8);
	tap_ok(irq->home == CPU(1) && CPU(1)->arch.vgic.nr_listed == 1,
	       "goes when it is not active any more");
}

static void ctlr_groups(void)
{
	start(2, 96);
	wr(0, GICD, 4, 0);
	tap_ok(CPU(0)->kicks == 1 && CPU(1)->kicks == 1, "CTLR: all vCPUs look again");
	wr(0, GICD, 4, 0);
	tap_ok(CPU(0)->kicks == 1, "CTLR: not when nothing changed");
	wr(0, GICD + 0x104, 4, 1);
	wr(0, GICD + 0x204, 4, 1);
	tap_ok(!vgic_vcpu_pending(CPU(0)), "CTLR: group off");
	wr(0, GICD, 4, 2);
	tap_ok(vgic_vcpu_pending(CPU(0)) && rd(0, GICD, 4) == 0x52, "CTLR: group 1 on");
	wr(0, GICD + 0x84, 4, 0);
	tap_ok(!vgic_vcpu_pending(CPU(0)), "IGROUPR: to group 0, which is off");
}

static void user(void)
{
	const struct vgic_table *d = &vgic_v3_dist_table, *rt = &vgic_v3_redist_table;
	u32 lines = 0;

	start(2, 96);
	tap_ok(uget(0, d, 0xffe8) == 0x3b && uget(1, rt, 0x8) == 0x110,
	       "user: ID registers, TYPER");
	tap_ok(vgic_user_check(&fake_vm, d, 0x5000) == -ENXIO &&
	       vgic_user_check(&fake_vm, d, 2) == -ENXIO, "user: no such register");
	tap_ok(!uset(0, d, 0x5000, ~0U) && !uget(0, d, 0x5000) && !uset(0, d, 2, ~0U) &&
	       !uget(0, d, 2),
	       "user: but reads as zero, as with KVM");
	tap_ok(vgic_user_check(&fake_vm, d, 0x104 + 8) == 0 &&
	       vgic_user_check(&fake_vm, d, 0x110) == -ENXIO, "user: none beyond the SPIs");
	tap_ok(!vgic_user_check(&fake_vm, d, 0x100), "user: the empty private part is there");
	tap_ok(uset(0, d, 8, 0x4b00243b) == 0 && uget(0, d, 8) == 0x4b00243b,
	       "user: older revision");
	tap_ok(uset(0, d, 8, 0x4b00143b) == -EINVAL && uset(0, d, 8, 0x4b00243c) == -EINVAL,
	       "user: another GIC's IIDR");
	tap_ok(uset(0, d, 12, 0) == 0 && uset(0, d, 12, 1) == -EBUSY, "user: TYPER2");
	tap_ok(uset(0, d, 4, 0) == 0, "user: TYPER may be written, to no effect");
	uset(0, d, 0, 2);
	tap_ok(uget(0, d, 0) == 0x52 && !CPU(0)->kicks, "user: CTLR");
	tap_ok(uset(0, d, 0x6000 + 33 * 8, 1) == 0 && uset(0, d, 0x6004 + 33 * 8, 0) == 0 &&
	       uget(0, d, 0x6000 + 33 * 8) == 1, "user: IROUTER in two halves");

	/* pending state and lines apart, in any order with the configuration */
	uset(0, d, 0x104, 3);
	lines = 2;
	vgic_user_line_level(CPU(0), 32, &lines, true);
	uset(0, d, 0x204, 1);
	tap_ok(uget(0, d, 0x204) == 1 && uget(0, d, 0x284) == 0,
	       "user: ISPENDR has the latch only");
	vgic_user_line_level(CPU(0), 32, &lines, false);
	tap_ok(lines == 0, "user: lines of edge interrupts read as zero");
	uset(0, d, 0xc08, 0);
	vgic_user_line_level(CPU(0), 32, &lines, false);
	tap_ok(lines == 2 && rd(0, GICD + 0x204, 4) == 3,
	       "user: line restored before configuration");
	uset(0, d, 0x204, 0);
	tap_ok(rd(0, GICD + 0x204, 4) == 2, "user: ISPENDR clears too");
	uset(0, d, 0x284, ~0U);
	tap_ok(rd(0, GICD + 0x204, 4) == 2, "user: ICPENDR does nothing");
	uset(1, rt, 0x10200, 1U << 3);
	tap_ok((fake_get(1, 3)->flags & VGIC_LATCH) && CPU(1)->arch.vgic.nr_listed == 2,
	       "user: ISPENDR0");
	lines = ~0U;
	vgic_user_line_level(CPU(1), 0, &lines, true);
	vgic_user_line_level(CPU(1), 0, &lines, false);
	tap_ok(lines == 0xffff0000, "user: lines of PPIs; SGIs have none");
}

static void whole_space(void)
{
	u64 addr;
	u32 i;

	/* no access anywhere may do harm: the sanitizers watch */
	start(2, 992);
	for (addr = GICD; addr < GICD + 0x10000; addr += 1 + addr % 3)
		for (i = 1; i <= 8; i *= 2) {
			wr(0, addr, i, ~0ULL);
			rd(1, addr, i);
		}
	for (addr = GICR; addr < GICR + 0x40000; addr += 1 + addr % 3)
		for (i = 1; i <= 8; i *= 2) {
			wr(0, addr, i, ~0ULL);
			rd(1, addr, i);
		}
	for (i = 0; i < 0x20000; i += 4) {
		uset(0, &vgic_v3_dist_table, i, ~0U);
		uget(0, &vgic_v3_dist_table, i);
		uset(1, &vgic_v3_redist_table, i, ~0U);
		uget(1, &vgic_v3_redist_table, i);
	}
	tap_ok(vgic_get_irq(&fake_vm, NULL, 1019) && !vgic_get_irq(&fake_vm, NULL, 1020) &&
	       !fake_vm.arch.vgic.spis[1020 - 32].flags, "INTIDs 1020 to 1023 are special");
	fake_enter(CPU(0));
	fake_exit(CPU(0));
	tap_ok(true, "all of both frames, in all sizes");
}

int main(void)
{
	tap_begin();
	table_is_sound(&vgic_v3_dist_table, 0x10000, "distributor");
	table_is_sound(&vgic_v3_redist_table, 0x20000, "redistributor");
	ids();
	sizes();
	private_parts();
	pending_and_active();
	ctlr_groups();
	user();
	whole_space();
	return tap_end();
}
