// SPDX-License-Identifier: GPL-2.0
/*
 * The device fd of a GICv2. What can be done without it (CREATE_IRQCHIP and
 * ARM_SET_DEVICE_ADDR, from before there were device fds) is done in vgic_init.c.
 * Documentation/devices/vgic-v2.rst
 */
#include <linux/uaccess.h>
#include "irq/vgic_mmio.h"

/* ---- registers: DIST_REGS, CPU_REGS ---- */

static const struct vgic_table *table_of(u32 group)
{
	return group == AVMM_DEV_ARM_VGIC_GRP_DIST_REGS ? &vgic_v2_dist_table :
							  &vgic_v2_cpu_table;
}

static struct avmm_vcpu *attr_vcpu(struct avmm_vm *vm, const struct avmm_device_attr *attr)
{
	return avmm_vcpu_by_id(vm, (attr->attr & AVMM_DEV_ARM_VGIC_CPUID_MASK) >>
				   AVMM_DEV_ARM_VGIC_CPUID_SHIFT);
}

static int regs_access_locked(struct avmm_vcpu *vcpu, const struct avmm_device_attr *attr,
			      u32 *val, bool write)
{
	int ret = vgic_init(vcpu->vm);

	return ret ?: vgic_user_access(vcpu, table_of(attr->group),
				       attr->attr & AVMM_DEV_ARM_VGIC_OFFSET_MASK, val, write);
}

static int regs_access(struct avmm_vm *vm, const struct avmm_device_attr *attr, bool write)
{
	u32 __user *uaddr = u64_to_user_ptr(attr->addr);
	struct avmm_vcpu *vcpu = attr_vcpu(vm, attr);
	u32 val = 0;
	int ret;

	if (!vcpu)
		return -EINVAL;
	if (write && get_user(val, uaddr))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = avmm_lock_all_vcpus(vm);
	if (!ret) {
		ret = regs_access_locked(vcpu, attr, &val, write);
		avmm_unlock_all_vcpus(vm);
	}
	mutex_unlock(&vm->lock);
	return ret || write ? ret : put_user(val, uaddr);
}

/* ---- addresses ---- */

static int set_addr(struct avmm_vm *vm, const struct avmm_device_attr *attr)
{
	u64 addr;
	int ret;

	if (get_user(addr, (u64 __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	mutex_lock(&vm->lock);
	ret = vgic_v2_set_addr(vm, attr->attr, addr);
	mutex_unlock(&vm->lock);
	return ret == -ENODEV ? -ENXIO : ret;
}

static int get_addr(struct avmm_vm *vm, const struct avmm_device_attr *attr)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	u64 addr;

	if (attr->attr > AVMM_VGIC_V2_ADDR_TYPE_CPU)
		return -ENXIO;
	mutex_lock(&vm->lock);
	addr = attr->attr == AVMM_VGIC_V2_ADDR_TYPE_CPU ? dist->cpu_base : dist->dist_base;
	mutex_unlock(&vm->lock);
	return put_user(addr, (u64 __user *)u64_to_user_ptr(attr->addr));
}

/* ---- the device ---- */

static bool v2_offered(void)
{
	return avmm_host.gicv;
}

static int v2_create(struct avmm_device *dev)
{
	return vgic_create(dev->vm, AVMM_DEV_TYPE_ARM_VGIC_V2);
}

/* Called when no fd could be made, or at the end of the VM: vgic_vm_destroy() frees. */
static void v2_destroy(struct avmm_device *dev)
{
	WRITE_ONCE(dev->vm->arch.vgic.model, 0);
}

static int init(struct avmm_vm *vm)
{
	int ret;

	mutex_lock(&vm->lock);
	ret = vgic_init(vm);
	mutex_unlock(&vm->lock);
	return ret;
}

static int v2_set_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	u32 nr;

	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return set_addr(dev->vm, attr);
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		if (get_user(nr, (u32 __user *)u64_to_user_ptr(attr->addr)))
			return -EFAULT;
		return vgic_set_nr_irqs(dev->vm, nr);
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		return attr->attr == AVMM_DEV_ARM_VGIC_CTRL_INIT ? init(dev->vm) : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_REGS:
		return regs_access(dev->vm, attr, true);
	default:
		return -ENXIO;
	}
}

static int v2_get_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return get_addr(dev->vm, attr);
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return put_user(dev->vm->arch.vgic.nr_spis + VGIC_NR_PRIVATE,
				(u32 __user *)u64_to_user_ptr(attr->addr));
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_REGS:
		return regs_access(dev->vm, attr, false);
	default:
		return -ENXIO;
	}
}

static int v2_has_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr <= AVMM_VGIC_V2_ADDR_TYPE_CPU ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		return 0;
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		return attr->attr == AVMM_DEV_ARM_VGIC_CTRL_INIT ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_REGS:
		if (!attr_vcpu(dev->vm, attr))
			return -EINVAL;
		return vgic_user_check(dev->vm, table_of(attr->group),
				       attr->attr & AVMM_DEV_ARM_VGIC_OFFSET_MASK);
	default:
		return -ENXIO;
	}
}

const struct avmm_device_ops vgic_v2_device_ops = {
	.name = "avmm-vgic-v2",
	.offered = v2_offered,
	.create = v2_create,
	.destroy = v2_destroy,
	.set_attr = v2_set_attr,
	.get_attr = v2_get_attr,
	.has_attr = v2_has_attr,
};
