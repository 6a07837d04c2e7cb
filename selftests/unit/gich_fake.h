/* SPDX-License-Identifier: GPL-2.0 */
/* A GICv2 host's GICH, and the way to it, for irq/gich.c. */
#ifndef GICH_FAKE_H
#define GICH_FAKE_H

#include "unit/vgic_fake.h"

#define __iomem
#define PAGE_ALIGNED(x)			(!((x) & 0xfff))
#define DECLARE_STATIC_KEY_FALSE(k)	extern bool k
#define DEFINE_STATIC_KEY_FALSE(k)	bool k
#define static_branch_unlikely(k)	(*(k))
#define static_branch_enable(k)		(*(k) = true)
#define static_branch_disable(k)	(*(k) = false)
#define pr_err(...)			((void)0)

struct device_node {
	u64 reg[6][2];
	u32 regions;	/* "#redistributor-regions"; 0: not there */
};

struct resource {
	u64 start, size;
};

static struct device_node fake_gic;
static const int avmm_gic_match[1];
static u32 fake_gich[0x1000 / 4];

#define resource_size(r)		((r)->size)
#define of_find_matching_node(from, match)	((void)(match), &fake_gic)
#define of_node_put(np)			((void)(np))
#define ioremap(start, size)		((void *)((void)(size), (void)(start), fake_gich))
#define iounmap(p)			((void)(p))
#define readl_relaxed(p)		(*(const volatile u32 *)(p))
#define writel_relaxed(v, p)		(*(volatile u32 *)(p) = (v))

static inline int of_address_to_resource(struct device_node *np, int i, struct resource *r)
{
	*r = (struct resource){ np->reg[i][0], np->reg[i][1] };
	return r->size ? 0 : -EINVAL;
}

static inline int of_property_read_u32(const struct device_node *np, const char *name, u32 *val)
{
	if (!np->regions)
		return -EINVAL;
	*val = np->regions;
	return 0;
}

#endif /* GICH_FAKE_H */
