// SPDX-License-Identifier: GPL-2.0
/* Dispatch: find the row, copy in, lock, call, unlock, copy out. */
#include <linux/uaccess.h>
#include "avmm.h"
#include "ioctl.h"

#define ARG_MAX_SIZE	160	/* SET_USER_MEMORY_REGION2 */

/* KVM ioctls that arm64 has never had answer EINVAL there, not ENOTTY: clients probe with them. */
static bool kvm_elsewhere(unsigned int cmd)
{
	return _IOC_TYPE(cmd) == AVMMIO && _IOC_NR(cmd) >= 0x81 && _IOC_NR(cmd) <= 0x8d &&
	       _IOC_NR(cmd) != 0x8b;
}

static int lock(u32 flags, struct avmm_vm *vm, struct avmm_vcpu *vcpu)
{
	if (flags & AVMM_IOC_VM_LOCK)
		mutex_lock(&vm->lock);
	if (!(flags & AVMM_IOC_VCPU_LOCK))
		return 0;
	if (mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	if ((flags & AVMM_IOC_INITED) && !vcpu->arch.inited) {
		mutex_unlock(&vcpu->mutex);
		return -ENOEXEC;
	}
	return 0;
}

static void unlock(u32 flags, struct avmm_vm *vm, struct avmm_vcpu *vcpu)
{
	if (flags & AVMM_IOC_VCPU_LOCK)
		mutex_unlock(&vcpu->mutex);
	if (flags & AVMM_IOC_VM_LOCK)
		mutex_unlock(&vm->lock);
}

static long call(const struct avmm_ioctl *row, void *obj, struct avmm_vm *vm,
		 struct avmm_vcpu *vcpu, void *arg, unsigned long uarg)
{
	long ret = lock(row->flags, vm, vcpu);

	if (ret)
		return ret;
	ret = row->fn(obj, arg, uarg);
	unlock(row->flags, vm, vcpu);
	return ret;
}

/**
 * avmm_ioctl - run one ioctl from a table
 * @table: rows
 * @n: how many
 * @obj: passed to the row's function
 * @vm: for AVMM_IOC_VM_LOCK
 * @vcpu: for AVMM_IOC_VCPU_LOCK
 * @cmd: ioctl number
 * @uarg: ioctl argument
 *
 * Return: the function's; -ENOTTY for a number not in the table, -EFAULT when
 * the argument cannot be read or written, -EINVAL for a non-zero argument
 * where none is taken, -ENOEXEC for a vCPU not initialised yet.
 */
long avmm_ioctl(const struct avmm_ioctl *table, size_t n, void *obj, struct avmm_vm *vm,
		struct avmm_vcpu *vcpu, unsigned int cmd, unsigned long uarg)
{
	u64 arg[ARG_MAX_SIZE / 8] = { 0 };
	const struct avmm_ioctl *row = NULL;
	size_t i, size = _IOC_SIZE(cmd);
	long ret;

	for (i = 0; i < n && !row; i++)
		if (table[i].cmd == cmd)
			row = &table[i];
	if (!row)
		return kvm_elsewhere(cmd) ? -EINVAL : -ENOTTY;
	if ((row->flags & AVMM_IOC_NONE) && uarg)
		return -EINVAL;
	if (!size || (row->flags & AVMM_IOC_VALUE))
		return call(row, obj, vm, vcpu, NULL, uarg);
	if (WARN_ON_ONCE(size > sizeof(arg)))
		return -EINVAL;
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(arg, (void __user *)uarg, size))
		return -EFAULT;
	ret = call(row, obj, vm, vcpu, arg, uarg);
	if ((_IOC_DIR(cmd) & _IOC_READ) && (ret >= 0 || (row->flags & AVMM_IOC_OUT_ALWAYS)) &&
	    copy_to_user((void __user *)uarg, arg, size))
		return -EFAULT;
	return ret;
}
