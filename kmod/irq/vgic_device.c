// SPDX-License-Identifier: GPL-2.0
/*
 * The device fd of a GICv3: placing it, sizing it, starting it, and reading and
 * writing all of its state for migration. Documentation/devices/vgic-v3.rst
 */
#include <linux/uaccess.h>
#include "irq/vgic_mmio.h"

/* ---- ICC_*_EL1, out of ctx->vgic ---- */

struct icc_reg {
	u32 id;
	u64 (*get)(struct avmm_vcpu *vcpu, u32 n);
	int (*set)(struct avmm_vcpu *vcpu, u32 n, u64 val);
	u32 n;		/* for rows that share functions */
};

static u64 *vmcr_of(struct avmm_vcpu *vcpu)
{
	return &vcpu->arch.ctx->vgic.vmcr;
}

/* A field of ICH_VMCR_EL2: shift and width packed into the row's number */
#define VMCR_FIELD(shift, width)	((shift) << 8 | (width))

static u64 get_vmcr(struct avmm_vcpu *vcpu, u32 n)
{
	return *vmcr_of(vcpu) >> (n >> 8) & ((1U << (n & 0xff)) - 1);
}

static int set_vmcr(struct avmm_vcpu *vcpu, u32 n, u64 val)
{
	u64 mask = (1ULL << (n & 0xff)) - 1;

	*vmcr_of(vcpu) &= ~(mask << (n >> 8));
	*vmcr_of(vcpu) |= (val & mask) << (n >> 8);
	return 0;
}

/* with CBPR, BPR1 shows BPR0 + 1 and ignores writes (12.2.4) */
static u64 get_bpr1(struct avmm_vcpu *vcpu, u32 n)
{
	if (*vmcr_of(vcpu) & VGIC_VMCR_CBPR)
		return min(get_vmcr(vcpu, VMCR_FIELD(VGIC_VMCR_BPR0_SHIFT, 3)) + 1, 7ULL);
	return get_vmcr(vcpu, n);
}

static int set_bpr1(struct avmm_vcpu *vcpu, u32 n, u64 val)
{
	return *vmcr_of(vcpu) & VGIC_VMCR_CBPR ? 0 : set_vmcr(vcpu, n, val);
}

#define ICC_CTLR_CBPR		(1U << 0)
#define ICC_CTLR_EOIMODE	(1U << 1)
#define ICC_CTLR_PRI_SHIFT	8
#define ICC_CTLR_ID_SHIFT	11
#define ICC_CTLR_SEIS_SHIFT	14
#define ICC_CTLR_A3V_SHIFT	15

static u64 get_ctlr(struct avmm_vcpu *vcpu, u32 n)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	u64 val;

	val = (u64)(vc->pri_bits - 1) << ICC_CTLR_PRI_SHIFT;
	val |= (u64)vc->id_bits << ICC_CTLR_ID_SHIFT;
	val |= VGIC_VTR_SEIS(avmm_host.ich_vtr) << ICC_CTLR_SEIS_SHIFT;
	val |= VGIC_VTR_A3V(avmm_host.ich_vtr) << ICC_CTLR_A3V_SHIFT;
	if (*vmcr_of(vcpu) & VGIC_VMCR_CBPR)
		val |= ICC_CTLR_CBPR;
	if (*vmcr_of(vcpu) & VGIC_VMCR_EOIM)
		val |= ICC_CTLR_EOIMODE;
	return val;
}

/* a guest that has seen more than this machine has cannot go on here */
static int set_ctlr(struct avmm_vcpu *vcpu, u32 n, u64 val)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	u8 pri_bits = (val >> ICC_CTLR_PRI_SHIFT & 7) + 1;
	u8 id_bits = val >> ICC_CTLR_ID_SHIFT & 7;

	if (pri_bits > vc->pri_bits || id_bits > vc->id_bits ||
	    (val >> ICC_CTLR_SEIS_SHIFT & 1) != VGIC_VTR_SEIS(avmm_host.ich_vtr) ||
	    (val >> ICC_CTLR_A3V_SHIFT & 1) != VGIC_VTR_A3V(avmm_host.ich_vtr))
		return -EINVAL;
	vc->pri_bits = pri_bits;
	vc->id_bits = id_bits;
	*vmcr_of(vcpu) &= ~(u64)(VGIC_VMCR_CBPR | VGIC_VMCR_EOIM);
	if (val & ICC_CTLR_CBPR)
		*vmcr_of(vcpu) |= VGIC_VMCR_CBPR;
	if (val & ICC_CTLR_EOIMODE)
		*vmcr_of(vcpu) |= VGIC_VMCR_EOIM;
	return 0;
}

/* active priorities: group in bit 2 of the row's number, register in bits 1:0 */
#define APR(group, i)	((group) << 2 | (i))

static u32 *apr_of(struct avmm_vcpu *vcpu, u32 n)
{
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;

	return n & 4 ? &hyp->ap1r[n & 3] : &hyp->ap0r[n & 3];
}

static u64 get_apr(struct avmm_vcpu *vcpu, u32 n)
{
	return *apr_of(vcpu, n);
}

static int set_apr(struct avmm_vcpu *vcpu, u32 n, u64 val)
{
	*apr_of(vcpu, n) = val;
	return 0;
}

static u64 get_sre(struct avmm_vcpu *vcpu, u32 n)
{
	return vcpu->arch.ctx->vgic.sre;
}

/* there is no memory-mapped CPU interface to fall back to */
static int set_sre(struct avmm_vcpu *vcpu, u32 n, u64 val)
{
	return val & 1 ? 0 : -EINVAL;
}

/* op0 = 3, op1 = 0; as in MRS */
#define ICC(crn, crm, op2)	(3 << 14 | (crn) << 7 | (crm) << 3 | (op2))

static const struct icc_reg icc_regs[] = {
	{ ICC(4, 6, 0), get_vmcr, set_vmcr, VMCR_FIELD(VGIC_VMCR_PMR_SHIFT, 8) },
	{ ICC(12, 8, 3), get_vmcr, set_vmcr, VMCR_FIELD(VGIC_VMCR_BPR0_SHIFT, 3) },
	{ ICC(12, 8, 4), get_apr, set_apr, APR(0, 0) },
	{ ICC(12, 8, 5), get_apr, set_apr, APR(0, 1) },
	{ ICC(12, 8, 6), get_apr, set_apr, APR(0, 2) },
	{ ICC(12, 8, 7), get_apr, set_apr, APR(0, 3) },
	{ ICC(12, 9, 0), get_apr, set_apr, APR(1, 0) },
	{ ICC(12, 9, 1), get_apr, set_apr, APR(1, 1) },
	{ ICC(12, 9, 2), get_apr, set_apr, APR(1, 2) },
	{ ICC(12, 9, 3), get_apr, set_apr, APR(1, 3) },
	{ ICC(12, 12, 3), get_bpr1, set_bpr1, VMCR_FIELD(VGIC_VMCR_BPR1_SHIFT, 3) },
	{ ICC(12, 12, 4), get_ctlr, set_ctlr, 0 },
	{ ICC(12, 12, 5), get_sre, set_sre, 0 },
	{ ICC(12, 12, 6), get_vmcr, set_vmcr, VMCR_FIELD(0, 1) },	/* IGRPEN0 */
	{ ICC(12, 12, 7), get_vmcr, set_vmcr, VMCR_FIELD(1, 1) },	/* IGRPEN1 */
};

static const struct icc_reg *find_icc(u64 attr)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(icc_regs); i++)
		if (icc_regs[i].id == (attr & AVMM_DEV_ARM_VGIC_SYSREG_INSTR_MASK))
			return &icc_regs[i];
	return NULL;
}

static int icc_access(struct avmm_vcpu *vcpu, u64 attr, u64 *val, bool write)
{
	const struct icc_reg *reg = find_icc(attr);

	if (!reg)
		return -ENOENT;		/* HAS_ATTR says -ENXIO; KVM's clients know both */
	if (reg->get == get_apr && (reg->n & 3) >= vcpu->arch.ctx->vgic.nr_apr)
		return -EINVAL;
	if (write)
		return reg->set(vcpu, reg->n, *val);
	*val = reg->get(vcpu, reg->n);
	return 0;
}

/* ---- registers: DIST_REGS, REDIST_REGS, CPU_SYSREGS, LEVEL_INFO ---- */

static const struct vgic_table *table_of(u32 group)
{
	return group == AVMM_DEV_ARM_VGIC_GRP_DIST_REGS ? &vgic_v3_dist_table :
							  &vgic_v3_redist_table;
}

/* The vCPU is named by the affinity in bits 63:32; for the distributor any will do. */
static struct avmm_vcpu *attr_vcpu(struct avmm_vm *vm, const struct avmm_device_attr *attr)
{
	if (attr->group != AVMM_DEV_ARM_VGIC_GRP_DIST_REGS)
		return vgic_vcpu_by_aff(vm, attr->attr >> AVMM_DEV_ARM_VGIC_V3_MPIDR_SHIFT);
	/* pairs with avmm_vcpu_create() */
	return smp_load_acquire(&vm->nr_vcpus) ? vm->vcpus[0] : NULL;
}

/* GICD_IIDR and GICD_TYPER2 say what kind of GIC it is to be, before there is one */
static bool before_init(const struct avmm_device_attr *attr)
{
	u32 offset = attr->attr & AVMM_DEV_ARM_VGIC_OFFSET_MASK;

	return attr->group == AVMM_DEV_ARM_VGIC_GRP_DIST_REGS &&
	       (offset == VGIC_GICD_IIDR || offset == VGIC_GICD_TYPER2);
}

static int regs_access_locked(struct avmm_vcpu *vcpu, const struct avmm_device_attr *attr,
			      u64 *val, bool write)
{
	u32 word = *val, intid;
	int ret = 0;

	if (!vgic_initialized(vcpu->vm) && !before_init(attr))
		return -EBUSY;
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		return icc_access(vcpu, attr->attr, val, write);
	case AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		intid = attr->attr & AVMM_DEV_ARM_VGIC_LINE_LEVEL_INTID_MASK;
		if ((attr->attr & AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK) >>
		    AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT != AVMM_VGIC_LEVEL_INFO_LINE_LEVEL ||
		    intid % 32)
			return -EINVAL;
		vgic_user_line_level(vcpu, intid, &word, write);
		break;
	default:
		ret = vgic_user_access(vcpu, table_of(attr->group),
				       attr->attr & AVMM_DEV_ARM_VGIC_OFFSET_MASK, &word, write);
	}
	*val = word;
	return ret;
}

static int regs_access(struct avmm_vm *vm, const struct avmm_device_attr *attr, bool write)
{
	bool wide = attr->group == AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
	void __user *uaddr = u64_to_user_ptr(attr->addr);
	struct avmm_vcpu *vcpu = attr_vcpu(vm, attr);
	u64 val = 0;
	u32 word = 0;
	int ret;

	if (!vcpu)
		return -EINVAL;
	if (write && wide ? get_user(val, (u64 __user *)uaddr) :
	    write && get_user(word, (u32 __user *)uaddr))
		return -EFAULT;
	if (write && !wide)
		val = word;
	mutex_lock(&vm->lock);
	ret = avmm_lock_all_vcpus(vm);
	if (!ret) {
		ret = regs_access_locked(vcpu, attr, &val, write);
		avmm_unlock_all_vcpus(vm);
	}
	mutex_unlock(&vm->lock);
	if (ret || write)
		return ret;
	word = val;
	return wide ? put_user(val, (u64 __user *)uaddr) : put_user(word, (u32 __user *)uaddr);
}

/* ---- addresses ---- */

#define RDIST_INDEX(val)	((val) & 0xfff)
#define RDIST_FLAGS(val)	(((val) >> 12) & 0xf)
#define RDIST_BASE(val)		((val) & 0x000fffffffff0000ULL)
#define RDIST_COUNT_SHIFT	52

static int set_addr(struct avmm_vm *vm, u64 type, u64 val)
{
	switch (type) {
	case AVMM_VGIC_V3_ADDR_TYPE_DIST:
		return vgic_set_dist_base(vm, val);
	case AVMM_VGIC_V3_ADDR_TYPE_REDIST:
		return vgic_add_rd_region(vm, 0, val, 0);
	case AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION:
		if (!(val >> RDIST_COUNT_SHIFT) || RDIST_FLAGS(val))
			return -EINVAL;
		return vgic_add_rd_region(vm, RDIST_INDEX(val), RDIST_BASE(val),
					  val >> RDIST_COUNT_SHIFT);
	default:
		return -ENXIO;
	}
}

static int get_addr(struct avmm_vm *vm, u64 type, u64 *val)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct vgic_rd_region *region;

	switch (type) {
	case AVMM_VGIC_V3_ADDR_TYPE_DIST:
		*val = dist->dist_base;
		return 0;
	case AVMM_VGIC_V3_ADDR_TYPE_REDIST:
		region = list_first_entry_or_null(&dist->rd_regions, struct vgic_rd_region, node);
		*val = region ? region->base : VGIC_ADDR_UNDEF;
		return 0;
	case AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION:
		list_for_each_entry(region, &dist->rd_regions, node) {
			if (region->index != RDIST_INDEX(*val))
				continue;
			*val = region->index | region->base |
			       (u64)region->count << RDIST_COUNT_SHIFT;
			return 0;
		}
		return -ENOENT;
	default:
		return -ENXIO;
	}
}

static int addr_access(struct avmm_vm *vm, const struct avmm_device_attr *attr, bool write)
{
	u64 __user *uaddr = u64_to_user_ptr(attr->addr);
	u64 val = 0;
	int ret;

	/* which region is to be read is in the value */
	if ((write || attr->attr == AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION) && get_user(val, uaddr))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = write ? set_addr(vm, attr->attr, val) : get_addr(vm, attr->attr, &val);
	mutex_unlock(&vm->lock);
	if (ret || write)
		return ret;
	return put_user(val, uaddr);
}

/* ---- the device ---- */

static int control(struct avmm_vm *vm, u64 attr)
{
	int ret;

	if (attr != AVMM_DEV_ARM_VGIC_CTRL_INIT && attr != AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES)
		return -ENXIO;
	mutex_lock(&vm->lock);
	if (attr == AVMM_DEV_ARM_VGIC_CTRL_INIT) {
		ret = vgic_init(vm);
	} else {
		ret = avmm_lock_all_vcpus(vm);
		if (!ret) {
			ret = vgic_initialized(vm) ? vgic_lpis_save(vm) : -ENXIO;
			avmm_unlock_all_vcpus(vm);
		}
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static bool v3_offered(void)
{
	return avmm_host.gic == 3;
}

static int v3_create(struct avmm_device *dev)
{
	return vgic_create(dev->vm, AVMM_DEV_TYPE_ARM_VGIC_V3);
}

/* Called when no fd could be made, or at the end of the VM: vgic_vm_destroy() frees. */
static void v3_destroy(struct avmm_device *dev)
{
	WRITE_ONCE(dev->vm->arch.vgic.model, 0);
}

static int v3_set_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	u32 nr;

	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return addr_access(dev->vm, attr, true);
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		if (get_user(nr, (u32 __user *)u64_to_user_ptr(attr->addr)))
			return -EFAULT;
		return vgic_set_nr_irqs(dev->vm, nr);
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		return control(dev->vm, attr->attr);
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return regs_access(dev->vm, attr, true);
	default:
		return -ENXIO;
	}
}

static int v3_get_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return addr_access(dev->vm, attr, false);
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return put_user(dev->vm->arch.vgic.nr_spis + VGIC_NR_PRIVATE,
				(u32 __user *)u64_to_user_ptr(attr->addr));
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
	case AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return regs_access(dev->vm, attr, false);
	default:
		return -ENXIO;
	}
}

static int has_regs(struct avmm_vm *vm, const struct avmm_device_attr *attr)
{
	if (!attr_vcpu(vm, attr))
		return -EINVAL;
	if (attr->group == AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS)
		return find_icc(attr->attr) ? 0 : -ENXIO;
	return vgic_user_check(vm, table_of(attr->group),
			       attr->attr & AVMM_DEV_ARM_VGIC_OFFSET_MASK);
}

static int v3_has_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr == AVMM_VGIC_V3_ADDR_TYPE_DIST ||
		       attr->attr == AVMM_VGIC_V3_ADDR_TYPE_REDIST ||
		       attr->attr == AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return 0;
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		return attr->attr == AVMM_DEV_ARM_VGIC_CTRL_INIT ||
		       attr->attr == AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		return has_regs(dev->vm, attr);
	case AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		return (attr->attr & AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK) >>
		       AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT ==
		       AVMM_VGIC_LEVEL_INFO_LINE_LEVEL ? 0 : -ENXIO;
	default:
		return -ENXIO;
	}
}

const struct avmm_device_ops vgic_v3_device_ops = {
	.name = "avmm-vgic-v3",
	.offered = v3_offered,
	.create = v3_create,
	.destroy = v3_destroy,
	.set_attr = v3_set_attr,
	.get_attr = v3_get_attr,
	.has_attr = v3_has_attr,
};
