// SPDX-License-Identifier: GPL-2.0
/*
 * The VM object and its fd. A VM is bound to the mm of its creator: guest
 * memory is that process's memory, so an ioctl from another one is EIO.
 */
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "avmm.h"
#include "dev.h"
#include "ioctl.h"

/* VMID 0 is the host's: VTTBR_EL2 is 0 while no guest runs */
static DEFINE_IDA(vmids);

/**
 * avmm_vm_create - a VM without memory, vCPUs or devices
 * @ipa_bits: size of its physical address space, checked by the caller
 *
 * Return: the VM with one reference; -ENOMEM, or -ENOSPC when every VMID of
 * the CPU is in use (255 or 65535 VMs)
 */
struct avmm_vm *avmm_vm_create(u32 ipa_bits)
{
	struct avmm_vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int ret = -ENOMEM;

	if (!vm)
		return ERR_PTR(-ENOMEM);
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	mutex_init(&vm->slots_lock);
	spin_lock_init(&vm->mmu_lock);
	INIT_LIST_HEAD(&vm->devices);
	mutex_init(&vm->irq_lock);
	spin_lock_init(&vm->irqfds_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	INIT_LIST_HEAD(&vm->resamplers);
	vm->mm = current->mm;
	mmgrab(vm->mm);

	vm->arch.last_vcpu = alloc_percpu_gfp(u32, GFP_KERNEL_ACCOUNT);
	if (!vm->arch.last_vcpu)
		goto err_mm;
	ret = init_srcu_struct(&vm->srcu);
	if (ret)
		goto err_percpu;
	ret = init_srcu_struct(&vm->irq_srcu);
	if (ret)
		goto err_srcu;
	ret = avmm_coalesced_init(vm);
	if (ret)
		goto err_irq_srcu;
	ret = ida_alloc_range(&vmids, 1, BIT(avmm_host.vmid_bits) - 1, GFP_KERNEL);
	if (ret < 0)
		goto err_ring;
	vm->arch.vmid = ret;
	ret = avmm_s2_init(vm, ipa_bits);
	if (ret)
		goto err_vmid;
	ret = avmm_notifier_register(vm);
	if (ret)
		goto err_s2;
	vgic_vm_init(vm);
	avmm_timer_vm_init(vm);
	avmm_hvc_vm_init(vm);
	avmm_sysreg_vm_init(vm);
	avmm_stats_vm_create(vm);
	__module_get(THIS_MODULE);
	return vm;

err_s2:
	avmm_s2_destroy(vm);
err_vmid:
	ida_free(&vmids, vm->arch.vmid);
err_ring:
	avmm_coalesced_destroy(vm);
err_irq_srcu:
	cleanup_srcu_struct(&vm->irq_srcu);
err_srcu:
	cleanup_srcu_struct(&vm->srcu);
err_percpu:
	free_percpu(vm->arch.last_vcpu);
err_mm:
	mmdrop(vm->mm);
	kvfree(vm);
	return ERR_PTR(ret);
}

static void vm_destroy(struct kref *ref)
{
	struct avmm_vm *vm = container_of(ref, struct avmm_vm, ref);
	struct avmm_device *dev, *next;
	unsigned int i;

	avmm_stats_vm_destroy(vm);
	avmm_notifier_unregister(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		avmm_vcpu_destroy(vm->vcpus[i]);
	list_for_each_entry_safe(dev, next, &vm->devices, node) {
		dev->ops->destroy(dev);
		kfree(dev);
	}
	vgic_vm_destroy(vm);
	avmm_iobus_destroy(vm);
	avmm_ioeventfd_destroy(vm);
	avmm_memslots_destroy(vm);
	avmm_s2_destroy(vm);
	ida_free(&vmids, vm->arch.vmid);
	avmm_coalesced_destroy(vm);
	avmm_routing_destroy(vm);
	cleanup_srcu_struct(&vm->irq_srcu);
	cleanup_srcu_struct(&vm->srcu);
	free_percpu(vm->arch.last_vcpu);
	mmdrop(vm->mm);
	kvfree(vm);
	module_put(THIS_MODULE);
}

/** avmm_vm_get - one more fd holds the VM */
void avmm_vm_get(struct avmm_vm *vm)
{
	kref_get(&vm->ref);
}

/** avmm_vm_put - an fd is gone; the last one destroys the VM. May sleep. */
void avmm_vm_put(struct avmm_vm *vm)
{
	kref_put(&vm->ref, vm_destroy);
}

/**
 * avmm_vm_kill - AVMM found a mistake of its own: this VM never runs again
 * @vm: the VM
 * @why: what was found, for the log
 *
 * All its ioctls answer -EIO from now on; the host and other VMs go on.
 */
void avmm_vm_kill(struct avmm_vm *vm, const char *why)
{
	struct avmm_vcpu *vcpu;
	unsigned int i;

	WARN_ONCE(1, "%s; the VM is stopped\n", why);
	vm->dead = true;
	avmm_for_each_vcpu(i, vcpu, vm)
		avmm_request(vcpu, AVMM_REQ_VM_DEAD);
}

/** avmm_vcpu_by_id - find a vCPU by its user-given number. Context: any */
struct avmm_vcpu *avmm_vcpu_by_id(struct avmm_vm *vm, u32 id)
{
	struct avmm_vcpu *vcpu;
	unsigned int i;

	avmm_for_each_vcpu(i, vcpu, vm)
		if (vcpu->id == id)
			return vcpu;
	return NULL;
}

static long check_extension(void *vm, void *arg, unsigned long cap)
{
	return avmm_check_extension(vm, cap);
}

static long create_vcpu(void *vm, void *arg, unsigned long id)
{
	return avmm_vcpu_create(vm, id);
}

static long create_device(void *vm, void *arg, unsigned long uarg)
{
	return avmm_device_create(vm, arg);
}

static long set_memory_region(void *vm, void *arg, unsigned long uarg)
{
	return avmm_set_memory_region(vm, arg);
}

static long get_dirty_log(void *vm, void *arg, unsigned long uarg)
{
	return avmm_get_dirty_log(vm, arg);
}

static long clear_dirty_log(void *vm, void *arg, unsigned long uarg)
{
	return avmm_clear_dirty_log(vm, arg);
}

static long irq_line(void *vm, void *arg, unsigned long uarg)
{
	return vgic_irq_line(vm, arg);
}

static long irqfd(void *vm, void *arg, unsigned long uarg)
{
	return avmm_irqfd(vm, arg);
}

static long ioeventfd(void *vm, void *arg, unsigned long uarg)
{
	return avmm_ioeventfd(vm, arg);
}

static long set_gsi_routing(void *vm, void *arg, unsigned long uarg)
{
	struct avmm_irq_routing __user *user = (void __user *)uarg;

	return avmm_set_gsi_routing(vm, arg, user->entries);
}

static long register_coalesced(void *vm, void *arg, unsigned long uarg)
{
	return avmm_coalesced_add(vm, arg);
}

static long unregister_coalesced(void *vm, void *arg, unsigned long uarg)
{
	return avmm_coalesced_del(vm, arg);
}

/* before there was CREATE_DEVICE: always a GICv2, and the argument means nothing */
static long create_irqchip(void *vm, void *arg, unsigned long value)
{
	return vgic_create(vm, AVMM_DEV_TYPE_ARM_VGIC_V2);
}

/* As in KVM, bits above 31 of the id mean nothing */
static long set_device_addr(void *vm, void *arg, unsigned long uarg)
{
	const struct avmm_arm_device_addr *da = arg;

	if ((da->id & AVMM_ARM_DEVICE_ID_MASK) >> AVMM_ARM_DEVICE_ID_SHIFT !=
	    AVMM_ARM_DEVICE_VGIC_V2)
		return -ENODEV;
	return vgic_v2_set_addr(vm, da->id & AVMM_ARM_DEVICE_TYPE_MASK, da->addr);
}

static long signal_msi(void *obj, void *arg, unsigned long uarg)
{
	const struct avmm_msi *msi = arg;
	struct avmm_vm *vm = obj;

	if (!vgic_present(vm) || (msi->flags & ~AVMM_MSI_VALID_DEVID))
		return -EINVAL;
	return vgic_inject_msi(vm, msi);
}

static long preferred_target(void *vm, void *arg, unsigned long uarg)
{
	struct avmm_vcpu_init *init = arg;

	*init = (struct avmm_vcpu_init) { .target = AVMM_ARM_TARGET_GENERIC_V8 };
	return 0;
}

/* ENABLE_CAP: flags must be 0; arguments that mean nothing are not looked at, as in KVM */
static long enable_cap(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_enable_cap *cap = arg;
	struct avmm_vm *vm = obj;

	if (cap->flags)
		return -EINVAL;
	switch (cap->cap) {
	case AVMM_CAP_ARM_NISV_TO_USER:
		vm->arch.nisv_to_user = true;
		return 0;
	case AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return avmm_manual_protect(vm, cap->args[0]);
	case AVMM_CAP_ARM_SYSTEM_SUSPEND:
		avmm_psci_enable_suspend(vm);
		return 0;
	case AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS:
		if (!AVMM_WRITABLE_IMP_IDS || vm->nr_vcpus)
			return -EINVAL;
		vm->arch.writable_imp_ids = true;
		return 0;
	default:
		return -EINVAL;
	}
}

#if AVMM_LIST_PTIMER
static long set_counter_offset(void *obj, void *arg, unsigned long uarg)
{
	const struct avmm_arm_counter_offset *offset = arg;
	struct avmm_vm *vm = obj;
	int ret;

	if (offset->reserved)
		return -EINVAL;
	ret = avmm_lock_all_vcpus(vm);
	if (ret)
		return ret;
	avmm_timer_set_offset(vm, offset->counter_offset);
	avmm_unlock_all_vcpus(vm);
	return 0;
}
#endif

#if AVMM_WRITABLE_IDS
/* The structure goes in, though the number says out. */
static long get_reg_writable_masks(void *vm, void *arg, unsigned long uarg)
{
	struct avmm_reg_mask_range range;

	if (copy_from_user(&range, (void __user *)uarg, sizeof(range)))
		return -EFAULT;
	if (range.range != AVMM_ARM_FEATURE_ID_RANGE ||
	    memchr_inv(range.reserved, 0, sizeof(range.reserved)))
		return -EINVAL;
	return avmm_copy_writable_masks(u64_to_user_ptr(range.addr));
}
#endif

static const struct avmm_ioctl vm_ioctls[] = {
	{ AVMM_CHECK_EXTENSION, AVMM_IOC_VALUE, check_extension },
	{ AVMM_CREATE_VCPU, AVMM_IOC_VALUE | AVMM_IOC_VM_LOCK, create_vcpu },
	{ AVMM_SET_USER_MEMORY_REGION, 0, set_memory_region },
#if AVMM_HAS_MEMORY_REGION2
	/* It begins with the old structure; the rest belongs to flags that are refused. */
	{ AVMM_SET_USER_MEMORY_REGION2, 0, set_memory_region },
#endif
	{ AVMM_GET_DIRTY_LOG, 0, get_dirty_log },
	{ AVMM_CLEAR_DIRTY_LOG, 0, clear_dirty_log },
	{ AVMM_IRQ_LINE, 0, irq_line },
	{ AVMM_REGISTER_COALESCED_MMIO, 0, register_coalesced },
	{ AVMM_UNREGISTER_COALESCED_MMIO, 0, unregister_coalesced },
	{ AVMM_SET_GSI_ROUTING, 0, set_gsi_routing },
	{ AVMM_IRQFD, 0, irqfd },
	{ AVMM_IOEVENTFD, 0, ioeventfd },
	{ AVMM_ENABLE_CAP, AVMM_IOC_VM_LOCK, enable_cap },
	{ AVMM_SIGNAL_MSI, 0, signal_msi },
	{ AVMM_ARM_PREFERRED_TARGET, 0, preferred_target },
#if AVMM_LIST_PTIMER
	{ AVMM_ARM_SET_COUNTER_OFFSET, AVMM_IOC_VM_LOCK, set_counter_offset },
#endif
#if AVMM_WRITABLE_IDS
	{ AVMM_ARM_GET_REG_WRITABLE_MASKS, AVMM_IOC_VALUE, get_reg_writable_masks },
#endif
	{ AVMM_CREATE_DEVICE, AVMM_IOC_VM_LOCK, create_device },
	{ AVMM_CREATE_IRQCHIP, AVMM_IOC_VALUE | AVMM_IOC_VM_LOCK, create_irqchip },
	{ AVMM_ARM_SET_DEVICE_ADDR, AVMM_IOC_VM_LOCK, set_device_addr },
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct avmm_vm *vm = file->private_data;

	if (vm->mm != current->mm || vm->dead)
		return -EIO;
	return avmm_ioctl(vm_ioctls, ARRAY_SIZE(vm_ioctls), vm, vm, NULL, cmd, arg);
}

static int vm_release(struct inode *inode, struct file *file)
{
	/* now, though vCPUs may live on: nobody is left who could take them apart */
	avmm_irqfd_release(file->private_data);
	avmm_vm_put(file->private_data);
	return 0;
}

const struct file_operations avmm_vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vm_release,
	.llseek = noop_llseek,
};
