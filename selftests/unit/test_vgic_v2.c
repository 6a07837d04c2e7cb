// SPDX-License-Identifier: GPL-2.0
/* CFLAGS: -Iunit/vgic_fake -I../kmod */
/*
 * A guest's GICv2: its registers, as the guest and as user space meet them; SGIs that know their
 * senders; and the list registers of a host's GICv2.
 */
#include "kmod/irq/vgic.c"
#include "kmod/irq/lpi.c"
#include "kmod/irq/vgic_mmio.c"
#include "kmod/irq/vgic_mmio_v3.c"
#include "kmod/irq/vgic_mmio_v2.c"
#include "kmod/irq/gich.c"
#include "vgic_table.h"

#define CPU(n)		(&fake_vcpu[n])
#define GICD		0x08000000ULL
#define NONE		0xdeadU
#define SPI(n)		(32 + (n))

static struct vgic_frame gicd;

static void start(u32 nr_vcpus, u32 nr_spis)
{
	fake_vm_start(nr_vcpus, nr_spis);
	fake_vm_v2();
	gicd = (struct vgic_frame) { .table = &vgic_v2_dist_table };
	gicd.dev = (struct avmm_iodev) { &vgic_iodev_ops, GICD, 0x1000 };
}

static u32 rd(u32 v, u32 off, int len)
{
	u64 val = NONE;

	vgic_iodev_ops.read(CPU(v), &gicd.dev, GICD + off, len, &val);
	return val;
}

static void wr(u32 v, u32 off, int len, u32 val)
{
	vgic_iodev_ops.write(CPU(v), &gicd.dev, GICD + off, len, val);
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

static u64 lr(u32 v, u32 n)
{
	return CPU(v)->arch.ctx->vgic.lr[n];
}

static void ids(void)
{
	start(3, 96);
	tap_ok(rd(0, 4, 4) == (3 | 2 << 5), "TYPER: 128 lines, 3 CPUs");
	tap_ok(rd(0, 8, 4) == 0x4b00343b, "IIDR");
	tap_ok(rd(0, 0xfe8, 4) == 0, "no ID registers at the end, as in KVM");
	tap_ok(rd(0, 0, 4) == 1, "CTLR: one enable");
	wr(0, 0, 4, 0);
	tap_ok(rd(1, 0, 4) == 0 && CPU(0)->kicks == 1 && CPU(2)->kicks == 1,
	       "CTLR: off, and all vCPUs look again");
	wr(1, 0, 4, 3);
	tap_ok(rd(1, 0, 4) == 1 && fake_vm.arch.vgic.group_en == 3, "CTLR: on for both groups");
	wr(1, 4, 4, 0);
	wr(1, 8, 4, 0);
	tap_ok(rd(0, 4, 4) == (3 | 2 << 5) && rd(0, 8, 4) == 0x4b00343b, "TYPER, IIDR: read-only");
}

static void banked(void)
{
	start(2, 96);
	tap_ok(rd(0, 0x80, 4) == 0 && rd(0, 0x84, 4) == 0, "all are in group 0 at first");
	wr(1, 0x100, 4, 1U << 27);
	tap_ok(rd(1, 0x100, 4) == (0xffff | 1U << 27) && rd(0, 0x100, 4) == 0xffff,
	       "each CPU has interrupts 0 to 31 of its own");
	wr(1, 0x41b, 1, 0x28);
	tap_ok(rd(1, 0x418, 4) == 0x28000000 && !rd(0, 0x418, 4), "IPRIORITYR6 too");
	wr(0, 0x104, 4, 2);
	tap_ok(rd(1, 0x104, 4) == 2, "SPIs are shared");
	tap_ok(rd(0, 0xc00, 4) == 0xaaaaaaaa && rd(0, 0xc04, 4) == 0, "ICFGR0, ICFGR1");
	wr(0, 0x100 + 16, 4, ~0U);
	tap_ok(rd(0, 0x100 + 16, 4) == 0, "beyond the SPIs that exist");
	tap_ok(rd(0, 0x800, 4) == 0x01010101 && rd(1, 0x81c, 4) == 0x02020202,
	       "ITARGETSR0 to 7: who reads");
	wr(0, 0x800, 4, ~0U);
	tap_ok(rd(0, 0x800, 4) == 0x01010101, "and read-only");
}

static void targets_of_spis(void)
{
	struct vgic_irq *irq;

	start(3, 96);
	irq = fake_get(0, SPI(8));
	tap_ok(rd(0, 0x800 + SPI(8), 1) == 0 && irq->target == CPU(0),
	       "no target at first is the first CPU");
	wr(0, 0x800 + SPI(8), 1, 0xfc);
	tap_ok(rd(1, 0x800 + SPI(8), 1) == 4 && irq->home == CPU(2), "CPUs that exist only");
	wr(0, 0x800 + SPI(8), 4, 0x00060206);
	tap_ok(rd(0, 0x800 + SPI(8), 4) == 0x00060206 && irq->home == CPU(1) &&
	       fake_get(0, SPI(10))->home == CPU(1) && fake_get(0, SPI(11))->home == CPU(0),
	       "the first of several; four in a word");
	wr(0, 0x104, 4, 1U << 8);
	wr(0, 0x204, 4, 1U << 8);
	tap_ok(CPU(1)->arch.vgic.nr_listed == 1 && CPU(1)->kicks, "signalled there");
	wr(0, 0x800 + SPI(8), 1, 1);
	tap_ok(CPU(0)->arch.vgic.nr_listed == 1 && !CPU(1)->arch.vgic.nr_listed &&
	       CPU(0)->kicks, "moved while pending");
	fake_enter(CPU(0));
	fake_ack(CPU(0));
	wr(1, 0x800 + SPI(8), 1, 4);
	tap_ok(irq->home == CPU(0), "stays while it is active");
	fake_eoi(CPU(0), SPI(8));
	fake_exit(CPU(0));
	vgic_inject(&fake_vm, NULL, SPI(8), true, NULL);
	fake_enter(CPU(0));
	fake_exit(CPU(0));
	tap_ok(irq->home == CPU(2), "and goes then");
}

static u32 take(u32 v)
{
	return fake_ack(CPU(v));
}

static void sgi_senders(void)
{
	start(4, 96);
	wr(3, 0xf00, 4, 1 << 16 | 5);
	tap_ok(rd(0, 0xf24, 4) == 8 << 8 && rd(0, 0xf14, 4) == 8 << 8 && rd(0, 0x200, 4) == 32,
	       "SGIR: pending, with its sender");
	tap_ok(CPU(0)->kicks == 1 && !CPU(1)->kicks && !rd(1, 0x200, 4), "SGIR: there only");
	wr(1, 0xf00, 4, 1 << 16 | 5);
	wr(1, 0xf00, 4, 1 << 16 | 5);
	tap_ok(rd(0, 0xf24, 4) == 10 << 8, "two senders");
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) == (VGIC_LR_PENDING | VGIC_LR_EOI | 1 << 10 | 5) &&
	       CPU(0)->arch.ctx->vgic.used_lrs == 1,
	       "the first in the list register, whose end is reported");
	tap_ok(take(0) == (5 | 1 << 10), "is taken with its sender");
	fake_exit(CPU(0));
	tap_ok(rd(0, 0xf24, 4) == 8 << 8 && rd(0, 0x300, 4) == 32, "active, and pending once more");
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) == (VGIC_LR_ACTIVE | VGIC_LR_EOI | 1 << 10 | 5),
	       "the second waits for the end of the first");
	tap_ok(fake_eoi(CPU(0), 5 | 1 << 10), "which brings it out");
	fake_exit(CPU(0));
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) == (VGIC_LR_PENDING | 3 << 10 | 5), "the second, with nothing after it");
	fake_exit(CPU(0));
	tap_ok(rd(0, 0xf24, 4) == 8 << 8 && rd(0, 0x200, 4) == 32, "not taken: pending as before");
	fake_enter(CPU(0));
	tap_ok(take(0) == (5 | 3 << 10) && !fake_eoi(CPU(0), 5 | 3 << 10), "taken and ended");
	fake_exit(CPU(0));
	tap_ok(!rd(0, 0xf24, 4) && !rd(0, 0x200, 4) && !rd(0, 0x300, 4) &&
	       !CPU(0)->arch.vgic.nr_listed, "nothing is left");

	/* the same one again while its SGI is in a list register, and while it is active */
	wr(1, 0xf00, 4, 1 << 16 | 5);
	fake_enter(CPU(0));
	wr(1, 0xf00, 4, 1 << 16 | 5);
	fake_exit(CPU(0));
	tap_ok(rd(0, 0xf24, 4) == 2 << 8, "twice from one, not taken: once");
	fake_enter(CPU(0));
	take(0);
	wr(1, 0xf00, 4, 1 << 16 | 5);
	fake_exit(CPU(0));
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) == (VGIC_LR_ACTIVE | VGIC_LR_EOI | 1 << 10 | 5),
	       "from the same while active: waits");
	fake_eoi(CPU(0), 5 | 1 << 10);
	fake_exit(CPU(0));
	fake_enter(CPU(0));
	tap_ok(take(0) == (5 | 1 << 10), "and comes");
	fake_eoi(CPU(0), 5 | 1 << 10);
	fake_exit(CPU(0));
	tap_ok(!CPU(0)->arch.vgic.nr_listed, "once");
}

static void sgi_registers(void)
{
	start(3, 96);
	wr(0, 0xf00, 4, 1 << 24 | 2);
	tap_ok(!rd(0, 0xf20, 4) && rd(1, 0xf20, 4) == 1 << 16 && rd(2, 0xf20, 4) == 1 << 16,
	       "SGIR: all but oneself");
	wr(1, 0xf00, 4, 2 << 24 | 0xff << 16 | 3);
	tap_ok(rd(1, 0xf20, 4) == (1 << 16 | 2U << 24) && !rd(0, 0xf20, 4), "SGIR: oneself");
	wr(1, 0xf00, 4, 3 << 24 | 0xff << 16 | 4);
	wr(1, 0xf00, 4, 0xf8 << 16 | 4);
	tap_ok(!rd(0, 0xf24, 4) && !rd(1, 0xf24, 4) && !rd(2, 0xf24, 4),
	       "SGIR: a reserved filter, CPUs that are not there");
	tap_ok(!rd(0, 0xf00, 4), "SGIR reads as zero");

	start(3, 96);
	wr(0, 0xf27, 1, 6);
	tap_ok(rd(0, 0xf24, 4) == 6U << 24 && rd(0, 0xf17, 1) == 6 && rd(0, 0x200, 4) == 1 << 7 &&
	       CPU(0)->arch.vgic.nr_listed == 1, "SPENDSGIR: by bytes");
	wr(0, 0xf14, 4, 2U << 24);
	tap_ok(rd(0, 0xf24, 4) == 4U << 24 && rd(0, 0x200, 4) == 1 << 7, "CPENDSGIR: one of two");
	wr(0, 0xf14, 4, 4U << 24);
	tap_ok(!rd(0, 0xf24, 4) && !rd(0, 0x200, 4), "CPENDSGIR: the other");
	fake_enter(CPU(0));
	tap_ok(!CPU(0)->arch.ctx->vgic.used_lrs, "nothing to take then");
	fake_exit(CPU(0));
	wr(0, 0xf27, 1, 0);
	tap_ok(!rd(0, 0x200, 4), "SPENDSGIR of nobody");
	wr(0, 0x200, 4, 1 << 7 | 1 << 20);
	tap_ok(rd(0, 0x200, 4) == 1 << 20, "ISPENDR0: not for SGIs");
	wr(0, 0xf27, 1, 1);
	wr(0, 0x280, 4, ~0U);
	tap_ok(rd(0, 0x200, 4) == 1 << 7, "nor is ICPENDR0");
}

static void by_user(void)
{
	const struct vgic_table *d = &vgic_v2_dist_table, *c = &vgic_v2_cpu_table;
	u64 *vmcr = &CPU(1)->arch.ctx->vgic.vmcr;

	start(2, 96);
	uset(0, d, 0x84, 0xff);
	tap_ok(!uget(0, d, 0x84), "user: no groups before IIDR");
	tap_ok(uset(0, d, 8, 0x4b00143b) == -EINVAL && uset(0, d, 8, 0x4b00243b) == 0 &&
	       uget(0, d, 8) == 0x4b00243b, "user: IIDR");
	uset(0, d, 0x84, 0xff);
	tap_ok(uget(0, d, 0x84) == 0xff, "user: groups after it");
	uset(1, d, 0x200, 1 << 3 | 1 << 20);
	tap_ok(uget(1, d, 0x200) == (1 << 3 | 1 << 20) && uget(1, d, 0xf20) == 2U << 24 &&
	       !uget(0, d, 0x200), "user: ISPENDR0 has SGIs, from the CPU itself");
	uset(1, d, 0xf20, 1U << 24);
	uset(1, d, 0x280, ~0U);
	tap_ok(!uget(1, d, 0x200) && !uget(1, d, 0xf20), "user: ICPENDR0 clears them");
	uset(1, d, 0xf20, 1U << 24);
	tap_ok(uget(1, d, 0x200) == 1 << 3, "user: SPENDSGIR");
	uset(0, d, 0x204, 1);
	fake_get(0, SPI(1))->flags |= VGIC_LEVEL | VGIC_LINE;
	tap_ok(uget(0, d, 0x204) == 3, "user: ISPENDR has the lines in it");
	tap_ok(vgic_user_check(&fake_vm, d, 0x30) == -ENXIO &&
	       !vgic_user_check(&fake_vm, d, 0xf2c) &&
	       vgic_user_check(&fake_vm, d, 0xfe8) == -ENXIO &&
	       vgic_user_check(&fake_vm, d, 0x110) == -ENXIO, "user: no such register");

	*vmcr = 0;
	uset(1, c, 0, ~0U);
	tap_ok(uget(1, c, 0) == 0x21f && *vmcr == 0x21f, "user: GICC_CTLR");
	uset(1, c, 4, 0xffe5);
	tap_ok(uget(1, c, 4) == 5 && *vmcr == (0x21f | 5U << 27), "user: GICC_PMR is GICH_VMCR's");
	uset(1, c, 8, 0xa);
	uset(1, c, 0x1c, 0xb);
	tap_ok(uget(1, c, 8) == 2 && uget(1, c, 0x1c) == 3 &&
	       *vmcr == (0x21f | 5U << 27 | 2 << 21 | 3 << 18), "user: GICC_BPR, GICC_ABPR");
	uset(1, c, 0xd0, 0x80000001);
	uset(1, c, 0xd4, 1);
	tap_ok(uget(1, c, 0xd0) == 0x80000001 && !uget(1, c, 0xd4) &&
	       CPU(1)->arch.ctx->vgic.ap1r[0] == 0x80000001, "user: GICC_APR0 to 3");
	uset(1, c, 0xfc, 0);
	tap_ok(uget(1, c, 0xfc) == 0x04b2043b, "user: GICC_IIDR");
	tap_ok(vgic_user_check(&fake_vm, c, 0xc) == -ENXIO &&
	       vgic_user_check(&fake_vm, c, 0xe0) == -ENXIO &&
	       vgic_user_check(&fake_vm, c, 2) == -ENXIO, "user: no IAR, no NSAPR");
}

static void whole_space(void)
{
	u32 off, i;

	start(8, 988);
	for (off = 0; off < 0x1000; off += 1 + off % 3)
		for (i = 1; i <= 8; i *= 2) {
			wr(off % 8, off, i, ~0U);
			rd(1, off, i);
		}
	for (off = 0; off < 0x1000; off += 4) {
		uset(0, &vgic_v2_dist_table, off, ~0U);
		uget(7, &vgic_v2_dist_table, off);
		uset(1, &vgic_v2_cpu_table, off, ~0U);
		uget(1, &vgic_v2_cpu_table, off);
	}
	for (i = 0; i < 8; i++) {
		fake_enter(CPU(i));
		fake_exit(CPU(i));
	}
	tap_ok(true, "all of both frames, in all sizes");
}

static void host_interface(void)
{
	static const struct {
		u64 lr;
		u32 gich;
		const char *name;
	} rows[] = {
		{ VGIC_LR_PENDING | 0xa0ULL << 48 | 33, 1U << 28 | 0x14 << 23 | 33, "pending" },
		{ VGIC_LR_ACTIVE | 0xf8ULL << 48 | 1019, 2U << 28 | 0x1fU << 23 | 1019, "active" },
		{ VGIC_LR_PENDING | VGIC_LR_EOI | 5 << 10 | 7, 1U << 28 | 1 << 19 | 5 << 10 | 7,
		  "an SGI, its sender, EOI" },
		{ VGIC_LR_PENDING | VGIC_LR_HW | 27ULL << 32 | 26,
		  1U << 31 | 1 << 28 | 27 << 10 | 26, "a hardware interrupt" },
		{ VGIC_LR_STATE | VGIC_LR_GROUP1 | 40, 1U << 30 | 3 << 28 | 40, "group 1, both" },
	};
	struct avmm_hyp_vgic hyp = { .vmcr = 0xf8400201, .hcr = VGIC_HCR_EN };
	u32 *h = fake_gich, i;

	fake_gic = (struct device_node){ { { 0x1000, 0x1000 }, { 0x2000, 0x2000 } } };
	tap_ok(gich_init() == -ENODEV && !avmm_gich_key, "GICH: none");
	fake_gic.reg[2][0] = 0x4000;
	fake_gic.reg[2][1] = 0x1000;
	fake_gic.reg[3][0] = 0x6800;
	fake_gic.reg[3][1] = 0x2000;
	tap_ok(gich_init() == -ENODEV, "GICV: not pages of its own");
	fake_gic.reg[3][0] = 0x6000;
	h[GICH_VTR / 4] = 0x90000003;
	tap_ok(!gich_init() && avmm_host.gicv == 0x6000 && avmm_host.ich_vtr == 0x90000003,
	       "GICH: there");

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		hyp.lr[i] = rows[i].lr;
	hyp.used_lrs = 4;
	hyp.ap1r[0] = 0x1000;
	h[GICH_LR(4) / 4] = 0xdead;
	gich_load(&hyp);
	for (i = 0; i < 4; i++)
		tap_eq(h[GICH_LR(i) / 4], rows[i].gich, "GICH_LR: %s", rows[i].name);
	tap_ok(h[GICH_LR(4) / 4] == 0xdead, "one that is not used is not written");
	tap_eq(pack_lr(rows[4].lr), rows[4].gich, "GICH_LR: %s", rows[4].name);
	tap_ok(h[GICH_VMCR / 4] == 0xf8400201 && h[GICH_HCR / 4] == 1 && h[GICH_APR / 4] == 0x1000,
	       "GICH_VMCR, GICH_HCR, GICH_APR");

	h[GICH_LR(0) / 4] ^= 3U << 28;		/* taken */
	h[GICH_LR(1) / 4] ^= 2U << 28;		/* ended */
	h[GICH_LR(2) / 4] |= 2U << 28;
	h[GICH_VMCR / 4] = 0x80000001;
	h[GICH_HCR / 4] = 2U << 27 | 1;
	h[GICH_APR / 4] = 0x80000000;
	gich_save(&hyp);
	tap_ok(hyp.lr[0] == (rows[0].lr ^ VGIC_LR_STATE) &&
	       hyp.lr[1] == (rows[1].lr & ~VGIC_LR_STATE) &&
	       hyp.lr[2] == (rows[2].lr | VGIC_LR_ACTIVE) && hyp.lr[3] == rows[3].lr,
	       "what a guest did comes back");
	tap_ok(hyp.vmcr == 0x80000001 && VGIC_HCR_EOICOUNT(hyp.hcr) == 2 &&
	       hyp.ap1r[0] == 0x80000000, "and with it VMCR, EOIcount, APR");
	for (i = 0; i < 4 && !h[GICH_LR(i) / 4]; i++)
		;
	tap_ok(i == 4 && !h[GICH_HCR / 4], "nothing is left to speak up");
	h[GICH_LR(3) / 4] = 1;
	gich_clear();
	tap_ok(!h[GICH_LR(3) / 4] && h[GICH_LR(4) / 4] == 0xdead, "cleared, as many as there are");
	gich_exit();
	tap_ok(!avmm_gich_key, "and off");
}

/* GICV after redistributors, GICC and GICH */
static void v3_interface(void)
{
	fake_gic = (struct device_node){ { { 0x1000, 0x1000 }, { 0x2000, 0x1000 },
					   { 0x3000, 0x1000 }, { 0x4000, 0x1000 } } };
	avmm_host.gicv = 0;
	gicv_init();
	tap_ok(!avmm_host.gicv, "GICv3: no GICV");
	fake_gic.reg[4][0] = 0x6000;
	fake_gic.reg[4][1] = 0x1000;
	gicv_init();
	tap_ok(!avmm_host.gicv, "GICv3: a GICV too small");
	fake_gic.reg[4][1] = 0x2000;
	gicv_init();
	tap_eq(avmm_host.gicv, 0x6000, "GICv3: GICV");
	fake_gic.regions = 2;
	fake_gic.reg[5][0] = 0x8000;
	fake_gic.reg[5][1] = 0x2000;
	gicv_init();
	tap_eq(avmm_host.gicv, 0x8000, "GICv3: GICV after two redistributor regions");
}

int main(void)
{
	tap_begin();
	table_is_sound(&vgic_v2_dist_table, 0x1000, "distributor");
	table_is_sound(&vgic_v2_cpu_table, 0x1000, "CPU interface");
	ids();
	banked();
	targets_of_spis();
	sgi_senders();
	sgi_registers();
	by_user();
	whole_space();
	host_interface();
	v3_interface();
	return tap_end();
}
