// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a GICv3 with one security state (GICD_CTLR.DS = 1), affinity
 * routing always on, no legacy operation, no 1-of-N routing, Aff3 always 0.
 * Exit path, step 8. Numbers in comments are of the GIC specification, IHI 0069.
 */
#include "irq/vgic_mmio.h"

#define CTLR_GROUPS		0x3U		/* EnableGrp0, EnableGrp1 */
#define CTLR_ARE		(1U << 4)
#define CTLR_DS			(1U << 6)
#define TYPER_IDBITS_SHIFT	19
#define TYPER_LPIS		(1U << 17)
#define ID_BITS_SPI		10

/* ARM, product 'K': KVM's, whose saved state we take and give */
#define IIDR			0x4b00043bU
#define IIDR_REVISION_SHIFT	12
#define IIDR_REVISION_MASK	(0xfU << IIDR_REVISION_SHIFT)
#define IIDR_REVISION_MIN	2		/* groups mean what they say; 3: LPIs by register */
#define IIDR_REVISION_MAX	3

#define RDIST_CTLR_ENABLE_LPIS	(1U << 0)
#define RDIST_CTLR_CES		(1U << 1)	/* EnableLPIs may be cleared */
#define RDIST_CTLR_IR		(1U << 2)	/* LPIs may be invalidated by register */
#define RDIST_TYPER_PLPIS	1ULL
#define RDIST_TYPER_LAST	(1ULL << 4)
#define RDIST_TYPER_NUMBER_SHIFT	8
#define RDIST_TYPER_AFF_SHIFT	32

/* the bits that are there: address, inner cacheability, shareability, IDbits (12.11) */
#define PROPBASER_MASK		0x000fffffffffff9fULL
#define PENDBASER_MASK		0x400fffffffff0f80ULL
#define BASER_INNER		(7ULL << 7)
#define BASER_INNER_NC		(1ULL << 7)
#define BASER_INNER_RAWB	(3ULL << 7)
#define BASER_SHARE		(3ULL << 10)
#define BASER_SHARE_OUTER	(2ULL << 10)

#define PIDR2_OFFSET		0x18		/* within the ID registers */
#define PIDR2_GICV3		0x3b

static struct vgic_dist *dist_of(struct avmm_vcpu *vcpu)
{
	return &vcpu->vm->arch.vgic;
}

/* ---- distributor ---- */

/* RWP stays 0: who writes an enable has waited for its effect */
static u64 ctlr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return READ_ONCE(dist_of(vcpu)->group_en) | CTLR_ARE | CTLR_DS;
}

static int ctlr_user_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	WRITE_ONCE(dist_of(vcpu)->group_en, val & CTLR_GROUPS);
	return 0;
}

/* what has waited on the lists for its group is now signalled, or no longer */
static int ctlr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	struct avmm_vcpu *v;
	unsigned int i;

	if (READ_ONCE(dist_of(vcpu)->group_en) == (val & CTLR_GROUPS))
		return 0;
	ctlr_user_write(vcpu, off, val, mask);
	avmm_for_each_vcpu(i, v, vcpu->vm)
		avmm_kick(v);
	return 0;
}

static u64 typer_read(struct avmm_vcpu *vcpu, u32 off)
{
	struct vgic_dist *dist = dist_of(vcpu);
	u32 lines = (dist->nr_spis + VGIC_NR_PRIVATE) / 32 - 1;

	if (dist->has_its)
		return lines | TYPER_LPIS | (VGIC_LPI_ID_BITS - 1) << TYPER_IDBITS_SHIFT;
	return lines | (ID_BITS_SPI - 1) << TYPER_IDBITS_SHIFT;
}

static u64 iidr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return IIDR | (u32)dist_of(vcpu)->revision << IIDR_REVISION_SHIFT;
}

/* user space asks for the behaviour of an older revision, as it was saved */
static int iidr_user_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	u32 rev = (val & IIDR_REVISION_MASK) >> IIDR_REVISION_SHIFT;

	if ((val & ~(u64)IIDR_REVISION_MASK) != IIDR || rev < IIDR_REVISION_MIN ||
	    rev > IIDR_REVISION_MAX)
		return -EINVAL;
	dist_of(vcpu)->revision = rev;
	return 0;
}

/* nothing of it is offered; when the GIC is initialised it is too late to ask */
static int typer2_user_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if (!(val & mask))
		return 0;
	return vgic_initialized(vcpu->vm) ? -EBUSY : -EINVAL;
}

static u64 pidr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return off == PIDR2_OFFSET ? PIDR2_GICV3 : 0;
}

static u64 irouter_read(struct avmm_vcpu *vcpu, u32 off)
{
	struct vgic_irq *irq = vgic_get_irq(vcpu->vm, NULL, off / 8);

	return irq ? READ_ONCE(irq->mpidr) : 0;
}

/* Interrupt_Routing_Mode is RES0, as in KVM, and so is Aff3 */
static int irouter_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	struct vgic_irq *irq = vgic_get_irq(vcpu->vm, NULL, off / 8);
	unsigned long flags;
	u32 aff;

	if (!irq)
		return 0;
	flags = vgic_irq_lock(irq);
	aff = ((irq->mpidr & ~mask) | (val & mask)) & 0xffffff;
	irq->mpidr = aff;
	vgic_irq_unlock(irq, flags);
	vgic_route(irq, vgic_vcpu_by_aff(vcpu->vm, aff));
	return 0;
}

/* ---- redistributors ---- */

static u64 rctlr_read(struct avmm_vcpu *vcpu, u32 off)
{
	u32 val = vcpu->arch.vgic.lpis_enabled;

	return dist_of(vcpu)->revision < 3 ? val : val | RDIST_CTLR_CES | RDIST_CTLR_IR;
}

/* what its two tables say is taken over before the store is done, so RWP stays 0 */
static int rctlr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if (dist_of(vcpu)->has_its)
		vgic_lpis_enable(vcpu, val & RDIST_CTLR_ENABLE_LPIS);
	return 0;
}

static u64 rtyper_read(struct avmm_vcpu *vcpu, u32 off)
{
	u64 val = vgic_vcpu_aff(vcpu) << RDIST_TYPER_AFF_SHIFT |
		  (u64)(vcpu->id & 0xffff) << RDIST_TYPER_NUMBER_SHIFT;

	if (dist_of(vcpu)->has_its)
		val |= RDIST_TYPER_PLPIS;
	if (vgic_rd_is_last(vcpu))
		val |= RDIST_TYPER_LAST;
	return val;
}

static u64 riidr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return IIDR;
}

static u64 propbaser_read(struct avmm_vcpu *vcpu, u32 off)
{
	return READ_ONCE(dist_of(vcpu)->propbaser);
}

/* Our table walks are cached and inner shareable: what is weaker, or wider, reads back as that. */
static void store_baser(u64 *reg, u64 val, u64 mask, u64 valid)
{
	u64 new = ((READ_ONCE(*reg) & ~mask) | (val & mask)) & valid;

	if ((new & BASER_INNER) <= BASER_INNER_NC)
		new = (new & ~BASER_INNER) | BASER_INNER_RAWB;
	if ((new & BASER_SHARE) == BASER_SHARE_OUTER)
		new ^= BASER_SHARE;
	WRITE_ONCE(*reg, new);
}

/* writing either table address while LPIs are enabled is UNPREDICTABLE: ignored */
static int propbaser_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if (!vcpu->arch.vgic.lpis_enabled)
		store_baser(&dist_of(vcpu)->propbaser, val, mask, PROPBASER_MASK);
	return 0;
}

static u64 pendbaser_read(struct avmm_vcpu *vcpu, u32 off)
{
	return READ_ONCE(vcpu->arch.vgic.pendbaser) & ~VGIC_PENDBASER_PTZ;
}

static int pendbaser_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if (!vcpu->arch.vgic.lpis_enabled)
		store_baser(&vcpu->arch.vgic.pendbaser, val, mask, PENDBASER_MASK);
	return 0;
}

/*
 * INVLPIR and INVALLR: the upper half is GICv4's, and without EnableLPIs both are
 * UNPREDICTABLE: ignored.
 */
static int invlpir_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	struct vgic_irq *irq = NULL;

	if ((u32)mask && vcpu->arch.vgic.lpis_enabled)
		irq = vgic_get_lpi(vcpu->vm, (u32)val);
	if (irq)
		vgic_lpi_configure(vcpu->vm, irq);
	return 0;
}

static int invallr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if ((u32)mask && vcpu->arch.vgic.lpis_enabled)
		vgic_lpis_configure(vcpu);
	return 0;
}

/* ---- the tables ---- */

static const struct vgic_handler ctlr = { .read = ctlr_read, .write = ctlr_write };
static const struct vgic_handler ctlr_user = { .read = ctlr_read, .write = ctlr_user_write };
static const struct vgic_handler typer = { .read = typer_read };
const struct vgic_handler vgic_iidr = { .read = iidr_read };
const struct vgic_handler vgic_iidr_user = { .read = iidr_read, .write = iidr_user_write };
static const struct vgic_handler typer2_user = { .write = typer2_user_write };
static const struct vgic_handler irouter = { .read = irouter_read, .write = irouter_write };
static const struct vgic_handler pidr = { .read = pidr_read };
static const struct vgic_handler rctlr = { .read = rctlr_read, .write = rctlr_write };
static const struct vgic_handler rtyper = { .read = rtyper_read };
static const struct vgic_handler riidr = { .read = riidr_read };
static const struct vgic_handler propbaser = { .read = propbaser_read, .write = propbaser_write };
static const struct vgic_handler pendbaser = { .read = pendbaser_read, .write = pendbaser_write };
static const struct vgic_handler invlpir = { .write = invlpir_write };
static const struct vgic_handler invallr = { .write = invallr_write };

#define REG(off, bytes, w, g, u)	\
	{ .offset = (off), .len = (bytes), .width = (w), .guest = &(g), .user = &(u) }
/* a field for each of 1024 interrupts; the first 32 are not the distributor's with ARE (12.9) */
#define DIST_FIELDS(off, b, w, g, u)	\
	{ .offset = (off), .len = 128 * (b), .width = (w), .bits = (b),		\
	  .guest = &(g), .user = &(u) }
/* a field for each of 32 interrupts */
#define RD_FIELDS(off, b, w, g, u)	\
	{ .offset = 0x10000 + (off), .len = 4 * (b), .width = (w), .bits = (b),		\
	  .guest = &(g), .user = &(u) }

#define W32_64	(VGIC_W32 | VGIC_W64)
#define W8_32	(VGIC_W8 | VGIC_W32)

static const struct vgic_reg dist_regs[] = {
	REG(0x0000, 4, VGIC_W32, ctlr, ctlr_user),
	REG(0x0004, 4, VGIC_W32, typer, typer),
	REG(VGIC_GICD_IIDR, 4, VGIC_W32, vgic_iidr, vgic_iidr_user),
	REG(VGIC_GICD_TYPER2, 4, VGIC_W32, vgic_raz, typer2_user),
	REG(0x0010, 4, VGIC_W32, vgic_raz, vgic_raz),				/* STATUSR */
	DIST_FIELDS(0x0080, 1, VGIC_W32, vgic_group, vgic_group),		/* IGROUPR */
	DIST_FIELDS(0x0100, 1, VGIC_W32, vgic_senable, vgic_senable),		/* ISENABLER */
	DIST_FIELDS(0x0180, 1, VGIC_W32, vgic_cenable, vgic_cenable),		/* ICENABLER */
	DIST_FIELDS(0x0200, 1, VGIC_W32, vgic_spend, vgic_user_spend),		/* ISPENDR */
	DIST_FIELDS(0x0280, 1, VGIC_W32, vgic_cpend, vgic_raz),			/* ICPENDR */
	DIST_FIELDS(0x0300, 1, VGIC_W32, vgic_sactive, vgic_sactive),		/* ISACTIVER */
	DIST_FIELDS(0x0380, 1, VGIC_W32, vgic_cactive, vgic_cactive),		/* ICACTIVER */
	DIST_FIELDS(0x0400, 8, W8_32, vgic_prio_reg, vgic_prio_reg),		/* IPRIORITYR */
	DIST_FIELDS(0x0800, 8, W8_32, vgic_raz, vgic_raz),			/* ITARGETSR */
	DIST_FIELDS(0x0c00, 2, VGIC_W32, vgic_config, vgic_config),		/* ICFGR */
	DIST_FIELDS(0x0d00, 1, VGIC_W32, vgic_raz, vgic_raz),			/* IGRPMODR */
	DIST_FIELDS(0x6000, 64, W32_64, irouter, irouter),			/* IROUTER */
	REG(0xffd0, 48, VGIC_W32, pidr, pidr),
};

static const struct vgic_reg redist_regs[] = {
	REG(0x0000, 4, VGIC_W32, rctlr, rctlr),
	REG(0x0004, 4, VGIC_W32, riidr, riidr),
	REG(0x0008, 8, W32_64, rtyper, rtyper),
	REG(0x0010, 4, VGIC_W32, vgic_raz, vgic_raz),				/* STATUSR */
	REG(0x0014, 4, VGIC_W32, vgic_raz, vgic_raz),				/* WAKER: awake */
	REG(0x0070, 8, W32_64, propbaser, propbaser),
	REG(0x0078, 8, W32_64, pendbaser, pendbaser),
	REG(0x00a0, 8, W32_64, invlpir, invlpir),
	REG(0x00b0, 8, W32_64, invallr, invallr),
	REG(0x00c0, 4, VGIC_W32, vgic_raz, vgic_raz),				/* SYNCR */
	REG(0xffd0, 48, VGIC_W32, pidr, pidr),
	RD_FIELDS(0x0080, 1, VGIC_W32, vgic_group, vgic_group),			/* IGROUPR0 */
	RD_FIELDS(0x0100, 1, VGIC_W32, vgic_senable, vgic_senable),		/* ISENABLER0 */
	RD_FIELDS(0x0180, 1, VGIC_W32, vgic_cenable, vgic_cenable),		/* ICENABLER0 */
	RD_FIELDS(0x0200, 1, VGIC_W32, vgic_spend, vgic_user_spend),		/* ISPENDR0 */
	RD_FIELDS(0x0280, 1, VGIC_W32, vgic_cpend, vgic_raz),			/* ICPENDR0 */
	RD_FIELDS(0x0300, 1, VGIC_W32, vgic_sactive, vgic_sactive),		/* ISACTIVER0 */
	RD_FIELDS(0x0380, 1, VGIC_W32, vgic_cactive, vgic_cactive),		/* ICACTIVER0 */
	RD_FIELDS(0x0400, 8, W8_32, vgic_prio_reg, vgic_prio_reg),		/* IPRIORITYR0-7 */
	RD_FIELDS(0x0c00, 2, VGIC_W32, vgic_config, vgic_config),		/* ICFGR0-1 */
	RD_FIELDS(0x0d00, 1, VGIC_W32, vgic_raz, vgic_raz),			/* IGRPMODR0 */
	REG(0x10e00, 4, VGIC_W32, vgic_raz, vgic_raz),				/* NSACR */
};

const struct vgic_table vgic_v3_dist_table = {
	.regs = dist_regs, .n = ARRAY_SIZE(dist_regs),
};

const struct vgic_table vgic_v3_redist_table = {
	.regs = redist_regs, .n = ARRAY_SIZE(redist_regs), .banked = true,
};
