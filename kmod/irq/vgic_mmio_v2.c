// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a GICv2 without security extensions: its distributor, and, for
 * user space only, its CPU interface, which the guest reaches without us (GICV).
 * Exit path, step 8. Numbers in comments are of the GICv2 architecture, IHI 0048B.
 *
 * As in KVM, GICD_CTLR has one enable bit, for both groups, and the registers have
 * no identification at their end.
 */
#include "irq/vgic_mmio.h"

#define V2_CTLR_ENABLE		1U
#define BOTH_GROUPS		3U
#define TYPER_CPUS_SHIFT	5

/* GICC_CTLR's fields are those of GICH_VMCR, at the same places (5.3.3) */
#define GICC_CTLR_MASK		0x21fU		/* EOImode, CBPR, FIQEn, AckCtl, EnableGrp1 and 0 */
/* GICC_IIDR: product 'K', GICv2, Arm: KVM's */
#define GICC_IIDR		0x04b2043bU
#define VMCR_PRIMASK_SHIFT	(VGIC_VMCR_PMR_SHIFT + 3)

static struct vgic_dist *v2_dist_of(struct avmm_vcpu *vcpu)
{
	return &vcpu->vm->arch.vgic;
}

/* ---- distributor ---- */

static u64 v2_ctlr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return READ_ONCE(v2_dist_of(vcpu)->group_en) ? V2_CTLR_ENABLE : 0;
}

/* what has waited on the lists is now signalled, or no longer */
static int v2_ctlr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	u8 groups = val & V2_CTLR_ENABLE ? BOTH_GROUPS : 0;
	struct avmm_vcpu *v;
	unsigned int i;

	if (READ_ONCE(v2_dist_of(vcpu)->group_en) == groups)
		return 0;
	WRITE_ONCE(v2_dist_of(vcpu)->group_en, groups);
	avmm_for_each_vcpu(i, v, vcpu->vm)
		avmm_kick(v);
	return 0;
}

static u64 v2_typer_read(struct avmm_vcpu *vcpu, u32 off)
{
	u32 lines = (v2_dist_of(vcpu)->nr_spis + VGIC_NR_PRIVATE) / 32 - 1;

	return lines | (vcpu->vm->nr_vcpus - 1) << TYPER_CPUS_SHIFT;
}

static u64 v2_iidr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return vgic_iidr.read(vcpu, off);
}

/* Who writes it knows of the groups that older KVMs did not have, and may restore them. */
static int v2_iidr_user_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	int ret = vgic_iidr_user.write(vcpu, off, val, mask);

	if (!ret)
		v2_dist_of(vcpu)->v2_groups_writable = true;
	return ret;
}

static u32 v2_get_group(const struct vgic_irq *irq)
{
	return vgic_group.get(irq);
}

static struct avmm_vcpu *v2_user_set_group(struct vgic_irq *irq, u32 val)
{
	return irq->home->vm->arch.vgic.v2_groups_writable ? vgic_group.set(irq, val) : NULL;
}

/*
 * SGIs are made pending and cleared by GICD_SPENDSGIR and GICD_CPENDSGIR, with their
 * sender (4.3.7, 4.3.8). A vCPU reaches its own only, while it is not in the guest: they
 * are in no list register then, and what is written here is all that there is to do.
 */
static u32 v2_get_pending(const struct vgic_irq *irq)
{
	return vgic_is_pending(irq->flags);
}

static struct avmm_vcpu *v2_set_pending(struct vgic_irq *irq, u32 val)
{
	return irq->flags & VGIC_V2_SGI ? NULL : vgic_spend.set(irq, val);
}

static struct avmm_vcpu *v2_clear_pending(struct vgic_irq *irq, u32 val)
{
	return irq->flags & VGIC_V2_SGI ? NULL : vgic_cpend.set(irq, val);
}

static u32 get_senders(const struct vgic_irq *irq)
{
	return irq->senders;
}

static struct avmm_vcpu *set_senders(struct vgic_irq *irq, u32 val)
{
	irq->senders |= val;
	if (irq->senders)
		irq->flags |= VGIC_LATCH;
	return vgic_queue(irq);
}

static struct avmm_vcpu *clear_senders(struct vgic_irq *irq, u32 val)
{
	irq->senders &= ~val;
	if (!irq->senders)
		irq->flags &= ~VGIC_LATCH;
	return NULL;
}

/* User space may not know of senders: the vCPU itself is as good as another. */
static struct avmm_vcpu *v2_user_set_pending(struct vgic_irq *irq, u32 val)
{
	if (irq->flags & VGIC_V2_SGI)
		return set_senders(irq, 1U << irq->home->idx);
	return vgic_spend.set(irq, val);
}

static struct avmm_vcpu *v2_user_clear_pending(struct vgic_irq *irq, u32 val)
{
	if (irq->flags & VGIC_V2_SGI)
		return clear_senders(irq, ~0U);
	return vgic_cpend.set(irq, val);
}

static u32 get_targets(const struct vgic_irq *irq)
{
	return irq->targets;
}

/*
 * Of several targets the first gets the interrupt: with the 1-N model any of them
 * may (3.1.3). No target is the first vCPU, as in KVM.
 */
static struct avmm_vcpu *set_targets(struct vgic_irq *irq, u32 val)
{
	struct avmm_vm *vm = irq->home->vm;

	if (irq->intid < VGIC_NR_PRIVATE)
		return NULL;
	irq->targets = val & ((1U << vm->nr_vcpus) - 1);
	irq->target = vm->vcpus[irq->targets ? __ffs(irq->targets) : 0];
	return NULL;
}

static int sgir_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	vgic_v2_send_sgi(vcpu, val);
	return 0;
}

/* ---- CPU interface ---- */

static u64 *vmcr_of(struct avmm_vcpu *vcpu)
{
	return &vcpu->arch.ctx->vgic.vmcr;
}

static void set_vmcr(struct avmm_vcpu *vcpu, u32 shift, u64 field_mask, u64 val)
{
	*vmcr_of(vcpu) &= ~(field_mask << shift);
	*vmcr_of(vcpu) |= (val & field_mask) << shift;
}

static u64 cctlr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return *vmcr_of(vcpu) & GICC_CTLR_MASK;
}

static int cctlr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	set_vmcr(vcpu, 0, GICC_CTLR_MASK, val);
	return 0;
}

/* KVM's ABI: GICH_VMCR.VMPriMask, not GICC_PMR */
static u64 pmr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return *vmcr_of(vcpu) >> VMCR_PRIMASK_SHIFT & 0x1f;
}

static int pmr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	set_vmcr(vcpu, VGIC_VMCR_PMR_SHIFT, 0xff, (val & 0x1f) << 3);
	return 0;
}

static u64 bpr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return *vmcr_of(vcpu) >> VGIC_VMCR_BPR0_SHIFT & 7;
}

static int bpr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	set_vmcr(vcpu, VGIC_VMCR_BPR0_SHIFT, 7, val);
	return 0;
}

static u64 abpr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return *vmcr_of(vcpu) >> VGIC_VMCR_BPR1_SHIFT & 7;
}

static int abpr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	set_vmcr(vcpu, VGIC_VMCR_BPR1_SHIFT, 7, val);
	return 0;
}

/* Both groups in one, as in GICH_APR: 32 levels of priority are all that GICH_LR has room for. */
static u64 apr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return off ? 0 : vcpu->arch.ctx->vgic.ap1r[0];
}

static int apr_write(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask)
{
	if (!off)
		vcpu->arch.ctx->vgic.ap1r[0] = val;
	return 0;
}

static u64 ciidr_read(struct avmm_vcpu *vcpu, u32 off)
{
	return GICC_IIDR;
}

/* ---- the tables ---- */

static const struct vgic_handler v2_ctlr = { .read = v2_ctlr_read, .write = v2_ctlr_write };
static const struct vgic_handler v2_typer = { .read = v2_typer_read };
static const struct vgic_handler v2_iidr_user = {
	.read = v2_iidr_read, .write = v2_iidr_user_write,
};
static const struct vgic_handler v2_group_user = { .get = v2_get_group, .set = v2_user_set_group };
static const struct vgic_handler v2_spend = {
	.get = v2_get_pending, .set = v2_set_pending, .flags = VGIC_H_ONES | VGIC_H_FOLD_READ,
};
static const struct vgic_handler v2_cpend = {
	.get = v2_get_pending, .set = v2_clear_pending,
	.flags = VGIC_H_ONES | VGIC_H_FOLD_READ | VGIC_H_FOLD_WRITE,
};
static const struct vgic_handler v2_spend_user = {
	.get = v2_get_pending, .set = v2_user_set_pending, .flags = VGIC_H_ONES,
};
static const struct vgic_handler v2_cpend_user = {
	.get = v2_get_pending, .set = v2_user_clear_pending, .flags = VGIC_H_ONES,
};
static const struct vgic_handler targets = { .get = get_targets, .set = set_targets };
static const struct vgic_handler sgir = { .write = sgir_write };
static const struct vgic_handler spendsgir = { .get = get_senders, .set = set_senders };
static const struct vgic_handler cpendsgir = { .get = get_senders, .set = clear_senders };
static const struct vgic_handler cctlr = { .read = cctlr_read, .write = cctlr_write };
static const struct vgic_handler pmr = { .read = pmr_read, .write = pmr_write };
static const struct vgic_handler bpr = { .read = bpr_read, .write = bpr_write };
static const struct vgic_handler abpr = { .read = abpr_read, .write = abpr_write };
static const struct vgic_handler apr = { .read = apr_read, .write = apr_write };
static const struct vgic_handler ciidr = { .read = ciidr_read };

#define V2_REG(off, bytes, w, g, u)	\
	{ .offset = (off), .len = (bytes), .width = (w), .guest = &(g), .user = &(u) }
/* a field for each of @n interrupts */
#define V2_FIELDS(off, n, b, w, g, u)	\
	{ .offset = (off), .len = (n) / 8 * (b), .width = (w), .bits = (b),	\
	  .guest = &(g), .user = &(u) }

#define V2_W8_32	(VGIC_W8 | VGIC_W32)

static const struct vgic_reg v2_dist_regs[] = {
	V2_REG(0x000, 4, VGIC_W32, v2_ctlr, v2_ctlr),
	V2_REG(0x004, 4, VGIC_W32, v2_typer, v2_typer),
	V2_REG(0x008, 4, VGIC_W32, vgic_iidr, v2_iidr_user),
	V2_FIELDS(0x080, 1024, 1, VGIC_W32, vgic_group, v2_group_user),	/* IGROUPR */
	V2_FIELDS(0x100, 1024, 1, VGIC_W32, vgic_senable, vgic_senable),	/* ISENABLER */
	V2_FIELDS(0x180, 1024, 1, VGIC_W32, vgic_cenable, vgic_cenable),	/* ICENABLER */
	V2_FIELDS(0x200, 1024, 1, VGIC_W32, v2_spend, v2_spend_user),	/* ISPENDR */
	V2_FIELDS(0x280, 1024, 1, VGIC_W32, v2_cpend, v2_cpend_user),	/* ICPENDR */
	V2_FIELDS(0x300, 1024, 1, VGIC_W32, vgic_sactive, vgic_sactive),	/* ISACTIVER */
	V2_FIELDS(0x380, 1024, 1, VGIC_W32, vgic_cactive, vgic_cactive),	/* ICACTIVER */
	V2_FIELDS(0x400, 1024, 8, V2_W8_32, vgic_prio_reg, vgic_prio_reg),	/* IPRIORITYR */
	V2_FIELDS(0x800, 1024, 8, V2_W8_32, targets, targets),		/* ITARGETSR */
	V2_FIELDS(0xc00, 1024, 2, VGIC_W32, vgic_config, vgic_config),	/* ICFGR */
	V2_REG(0xf00, 4, VGIC_W32, sgir, sgir),				/* SGIR */
	V2_FIELDS(0xf10, 16, 8, V2_W8_32, cpendsgir, cpendsgir),	/* CPENDSGIR */
	V2_FIELDS(0xf20, 16, 8, V2_W8_32, spendsgir, spendsgir),	/* SPENDSGIR */
};

static const struct vgic_reg cpu_regs[] = {
	V2_REG(0x00, 4, VGIC_W32, vgic_raz, cctlr),			/* CTLR */
	V2_REG(0x04, 4, VGIC_W32, vgic_raz, pmr),			/* PMR */
	V2_REG(0x08, 4, VGIC_W32, vgic_raz, bpr),			/* BPR */
	V2_REG(0x1c, 4, VGIC_W32, vgic_raz, abpr),			/* ABPR */
	V2_REG(0xd0, 16, VGIC_W32, vgic_raz, apr),			/* APR0-3 */
	V2_REG(0xfc, 4, VGIC_W32, vgic_raz, ciidr),			/* IIDR */
};

const struct vgic_table vgic_v2_dist_table = {
	.regs = v2_dist_regs, .n = ARRAY_SIZE(v2_dist_regs), .banked = true,
};

const struct vgic_table vgic_v2_cpu_table = {
	.regs = cpu_regs, .n = ARRAY_SIZE(cpu_regs), .banked = true,
};
