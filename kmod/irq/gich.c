// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual CPU interface of a host's GICv2 (GICv2 architecture, IHI 0048B,
 * chapter 5). What GICv3 has in system registers of EL2 is here a page of
 * memory-mapped registers, GICH, of which each CPU sees its own. The host kernel
 * reaches them as well as EL2 would, so it switches them, around the world switch.
 * On nVHE EL2 need not map them.
 *
 * The guest's half, GICV, is mapped into guests (vgic_init.c).
 *
 * The kernel's own driver never touches either.
 */
#include <linux/io.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include "avmm.h"
#include "irq/gich.h"

#define GICH_HCR		0x00
#define GICH_VTR		0x04
#define GICH_VMCR		0x08
#define GICH_APR		0xf0
#define GICH_LR(n)		(0x100 + 4 * (n))
#define GICH_SIZE		GICH_LR(64)

/* GICH_LR<n> (5.3.8). Sender of an SGI and EOI bit share their place with the physical INTID. */
#define LR_INTID		0x3ffU
#define LR_CPUID		(7U << 10)	/* as in ICH_LR<n>_EL2 with ICC_SRE_EL1.SRE = 0 */
#define LR_PINTID_SHIFT		10
#define LR_EOI			(1U << 19)
#define LR_PRIO_SHIFT		23
#define LR_STATE_SHIFT		28	/* pending and active, as ICH_LR<n>_EL2 has them */
#define LR_GROUP1		(1U << 30)
#define LR_HW			(1U << 31)

/*
 * devicetree bindings: arm,gic has distributor, CPU interface, and these two; arm,gic-v3 has
 * distributor, redistributor regions, and then the same three if there are any
 */
#define DT_GICH			2
#define DT_GICV			3
#define DT_V3_GICV		3	/* and as many more as there are regions */

/* the priority's upper five bits are all that there is */
#define PRIO_SHIFT		(VGIC_LR_PRIO_SHIFT + 3)
#define PRIO_MASK		0x1f
#define STATE_SHIFT		62

DEFINE_STATIC_KEY_FALSE(avmm_gich_key);

static void __iomem *gich;
static int nr_hw_lrs;

/* GICV can be given to guests: its pages hold nothing else */
static bool find_gicv(struct device_node *np, int n)
{
	struct resource cpu;

	if (of_address_to_resource(np, n, &cpu) || resource_size(&cpu) < AVMM_VGIC_V2_CPU_SIZE ||
	    !PAGE_ALIGNED(cpu.start) || !PAGE_ALIGNED(AVMM_VGIC_V2_CPU_SIZE))
		return false;
	avmm_host.gicv = cpu.start;
	return true;
}

/** gicv_init - GICv3, of which EL2 found that guests can have a GICv2's CPU interface: where? */
void gicv_init(void)
{
	struct device_node *np = of_find_matching_node(NULL, avmm_gic_match);
	u32 regions = 1;

	of_property_read_u32(np, "#redistributor-regions", &regions);
	find_gicv(np, DT_V3_GICV + regions);
	of_node_put(np);
}

static int map_gich(struct device_node *np)
{
	struct resource ctl;

	if (!np || of_address_to_resource(np, DT_GICH, &ctl) || resource_size(&ctl) < GICH_SIZE ||
	    !find_gicv(np, DT_GICV)) {
		pr_err("refused: the device tree's GICv2 has no usable GICH and GICV (their pages must hold nothing else)\n");
		return -ENODEV;
	}
	gich = ioremap(ctl.start, resource_size(&ctl));
	return gich ? 0 : -ENOMEM;
}

/**
 * gich_init - map the hypervisor interface of the host's GICv2
 *
 * Return: 0; -ENODEV there is none that can be used, -ENOMEM
 */
int gich_init(void)
{
	struct device_node *np = of_find_matching_node(NULL, avmm_gic_match);
	int ret = map_gich(np);

	of_node_put(np);
	if (ret)
		return ret;
	avmm_host.ich_vtr = readl_relaxed(gich + GICH_VTR);
	nr_hw_lrs = (avmm_host.ich_vtr & 0x3f) + 1;
	static_branch_enable(&avmm_gich_key);
	return 0;
}

/** gich_exit - the mirror; no CPU runs guests any more. Harmless if there is nothing to do */
void gich_exit(void)
{
	if (!gich)
		return;
	static_branch_disable(&avmm_gich_key);
	iounmap(gich);
	gich = NULL;
}

/* Off, and nothing in list registers: only those that are used are written before an entry. */
void __gich_clear(void)
{
	int i;

	writel_relaxed(0, gich + GICH_HCR);
	for (i = 0; i < nr_hw_lrs; i++)
		writel_relaxed(0, gich + GICH_LR(i));
}

static u32 pack_lr(u64 lr)
{
	u32 val = (lr & LR_INTID) | (lr >> PRIO_SHIFT & PRIO_MASK) << LR_PRIO_SHIFT |
		  (u32)(lr >> STATE_SHIFT) << LR_STATE_SHIFT;

	if (lr & VGIC_LR_GROUP1)
		val |= LR_GROUP1;
	if (lr & VGIC_LR_HW)
		return val | LR_HW | (lr >> VGIC_LR_PINTID_SHIFT & LR_INTID) << LR_PINTID_SHIFT;
	return val | (lr & LR_CPUID) | (lr & VGIC_LR_EOI ? LR_EOI : 0);
}

/* The state is all that the GIC changes. */
static u64 unpack_lr(u64 lr, u32 val)
{
	return (lr & ~VGIC_LR_STATE) | (u64)(val >> LR_STATE_SHIFT) << STATE_SHIFT;
}

/*
 * No barrier: the guest's accesses to GICV, and ours to GICH, are Device accesses of
 * one CPU to one peripheral, and arrive in their order.
 */
void __gich_load(const struct avmm_hyp_vgic *vgic)
{
	u32 i;

	for (i = 0; i < vgic->used_lrs; i++)
		writel_relaxed(pack_lr(vgic->lr[i]), gich + GICH_LR(i));
	writel_relaxed(vgic->ap1r[0], gich + GICH_APR);
	writel_relaxed(vgic->vmcr, gich + GICH_VMCR);
	writel_relaxed(vgic->hcr, gich + GICH_HCR);
}

void __gich_save(struct avmm_hyp_vgic *vgic)
{
	u32 i;

	for (i = 0; i < vgic->used_lrs; i++) {
		vgic->lr[i] = unpack_lr(vgic->lr[i], readl_relaxed(gich + GICH_LR(i)));
		writel_relaxed(0, gich + GICH_LR(i));
	}
	vgic->ap1r[0] = readl_relaxed(gich + GICH_APR);
	vgic->vmcr = readl_relaxed(gich + GICH_VMCR);
	/* EOICount tells how many EOIs found no list register */
	vgic->hcr = readl_relaxed(gich + GICH_HCR);
	writel_relaxed(0, gich + GICH_HCR);
}
