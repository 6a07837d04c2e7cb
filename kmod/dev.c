// SPDX-License-Identifier: GPL-2.0
/* The system fd: /dev/avmm, and /dev/kvm where no in-tree KVM has that name. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "avmm.h"
#include "dev.h"
#include "ioctl.h"

#define KVM_MISC_MINOR	232	/* Documentation/admin-guide/devices.txt: reserved for /dev/kvm */
#define IPA_BITS_DEFAULT	40
#define IPA_BITS_MIN		32

static bool kvm_node = true;
module_param(kvm_node, bool, 0444);
MODULE_PARM_DESC(kvm_node, "also answer as /dev/kvm when the kernel has none (default: on)");

static long get_api_version(void *obj, void *arg, unsigned long uarg)
{
	return AVMM_API_VERSION;
}

static long check_extension(void *obj, void *arg, unsigned long uarg)
{
	return avmm_check_extension(NULL, uarg);
}

static long get_vcpu_mmap_size(void *obj, void *arg, unsigned long uarg)
{
	return AVMM_RUN_PAGES * PAGE_SIZE;
}

/* CREATE_VM: unknown type bits and sizes outside 32..host limit are EINVAL */
static long create_vm(void *obj, void *arg, unsigned long type)
{
	u32 ipa_bits = type & AVMM_VM_TYPE_ARM_IPA_SIZE_MASK;
	struct avmm_vm *vm;
	int fd;

	if (type & ~AVMM_VM_TYPE_ARM_IPA_SIZE_MASK)
		return -EINVAL;
	if (!ipa_bits)
		ipa_bits = IPA_BITS_DEFAULT;
	if (ipa_bits < IPA_BITS_MIN || ipa_bits > avmm_host.ipa_bits)
		return -EINVAL;
	vm = avmm_vm_create(ipa_bits);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = anon_inode_getfd("avmm-vm", &avmm_vm_fops, vm, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		avmm_vm_put(vm);
	return fd;
}

static const struct avmm_ioctl dev_ioctls[] = {
	{ AVMM_GET_API_VERSION, AVMM_IOC_NONE, get_api_version },
	{ AVMM_CREATE_VM, AVMM_IOC_VALUE, create_vm },
	{ AVMM_CHECK_EXTENSION, AVMM_IOC_VALUE, check_extension },
	{ AVMM_GET_VCPU_MMAP_SIZE, AVMM_IOC_NONE, get_vcpu_mmap_size },
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return avmm_ioctl(dev_ioctls, ARRAY_SIZE(dev_ioctls), NULL, NULL, NULL, cmd, arg);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice avmm_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "avmm",
	.mode = 0660,
	.fops = &dev_fops,
};

static struct miscdevice kvm_misc = {
	.minor = KVM_MISC_MINOR,
	.name = "kvm",
	.mode = 0660,
	.fops = &dev_fops,
};

static bool kvm_registered;

/** avmm_dev_init - make the nodes appear; the last step of loading */
int avmm_dev_init(void)
{
	int ret = misc_register(&avmm_misc);

	if (ret)
		return ret;
	/* EBUSY: in-tree KVM has it (a kernel with KVM off does not) */
	kvm_registered = kvm_node && !misc_register(&kvm_misc);
	return 0;
}

/** avmm_dev_exit - take them away again */
void avmm_dev_exit(void)
{
	if (kvm_registered)
		misc_deregister(&kvm_misc);
	misc_deregister(&avmm_misc);
}
