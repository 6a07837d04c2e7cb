// SPDX-License-Identifier: GPL-2.0
/*
 * The physical redistributor of each CPU, or a GICv2's distributor, in which a CPU
 * finds its own registers for PPIs, for the active state of the virtual
 * timer's interrupt, which changes at each of its expiries. The kernel offers
 * irq_set_irqchip_state() for that: some 280 instructions, and before 6.13
 * without waiting for the write's effect, which may then come after the guest's
 * deactivation and leave the interrupt active for good.
 *
 * GICR_ISACTIVER0 and GICR_ICACTIVER0 take a bit for the interrupt that they are
 * to change, so that a write does not interfere with those of the GIC's driver.
 * GICv2 has GICD_ISACTIVER0 and GICD_ICACTIVER0 at the same offsets.
 */
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/of.h>
#include <linux/of_address.h>
#include <asm/cputype.h>
#include "avmm.h"

#define GICR_TYPER		0x8
#define GICR_TYPER_VLPIS	(1ULL << 1)
#define GICR_TYPER_LAST		(1ULL << 4)
#define GICR_TYPER_AFF_SHIFT	32
#define GICR_ISACTIVER0		0x300
#define GICR_ICACTIVER0		0x380
#define FRAME			0x10000

/* devicetree bindings: "reg" begins with the distributor; arm,gic-v3: then redistributor regions */
#define DT_DIST			0
#define DT_FIRST_REGION		1
#define MAX_REGIONS		32

struct region {
	void __iomem *base;
	u64 len;
};

static struct region regions[MAX_REGIONS];
static u32 nr_regions;
static u64 stride;	/* between redistributors; 0: as GICR_TYPER says */

static DEFINE_PER_CPU(void __iomem *, sgi_base);

/** vgic_redist_init - map the redistributors. What cannot be mapped is done without. */
void vgic_redist_init(void)
{
	struct device_node *np = of_find_matching_node(NULL, avmm_gic_match);
	int first = avmm_host.gic == 2 ? DT_DIST : DT_FIRST_REGION;
	struct resource res;
	u32 n = 1;

	if (!np)
		return;
	of_property_read_u32(np, "#redistributor-regions", &n);
	of_property_read_u64(np, "redistributor-stride", &stride);
	for (n = min_t(u32, n, MAX_REGIONS); nr_regions < n; nr_regions++) {
		struct region *r = &regions[nr_regions];

		if (of_address_to_resource(np, first + nr_regions, &res))
			break;
		r->len = resource_size(&res);
		r->base = ioremap(res.start, r->len);
		if (!r->base)
			break;
	}
	of_node_put(np);
}

/** vgic_redist_exit - the mirror; no CPU runs guests any more */
void vgic_redist_exit(void)
{
	while (nr_regions)
		iounmap(regions[--nr_regions].base);
}

static void __iomem *find_in(const struct region *r, u32 aff)
{
	u64 off, typer;

	for (off = 0; off + 2 * FRAME <= r->len;) {
		typer = readq_relaxed(r->base + off + GICR_TYPER);
		if (typer >> GICR_TYPER_AFF_SHIFT == aff)
			return r->base + off + FRAME;
		if (typer & GICR_TYPER_LAST)
			break;
		/* with virtual LPIs there are two frames more */
		off += stride ?: typer & GICR_TYPER_VLPIS ? 4 * FRAME : 2 * FRAME;
	}
	return NULL;
}

/** vgic_redist_cpu_up - find this CPU's redistributor. Context: no migration */
void vgic_redist_cpu_up(void)
{
	u64 mpidr = read_cpuid_mpidr();
	u32 aff = (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000), i;
	void __iomem *base = NULL;

	for (i = 0; i < nr_regions && !base; i++)
		base = avmm_host.gic == 2 ? regions[i].base : find_in(&regions[i], aff);
	__this_cpu_write(sgi_base, base);
}

/**
 * vgic_set_ppi_active - set or clear the active state of a physical PPI of this CPU
 * @irq: Linux interrupt
 * @hwirq: its INTID
 * @active: the state
 *
 * The change has happened when this returns. Context: no migration
 */
void vgic_set_ppi_active(int irq, u32 hwirq, bool active)
{
	void __iomem *base = __this_cpu_read(sgi_base);

	if (unlikely(!base)) {
		irq_set_irqchip_state(irq, IRQCHIP_STATE_ACTIVE, active);
		return;
	}
	writel_relaxed(1U << hwirq, base + (active ? GICR_ISACTIVER0 : GICR_ICACTIVER0));
	readl(base + GICR_ISACTIVER0);
}
