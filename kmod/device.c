// SPDX-License-Identifier: GPL-2.0
/* In-kernel devices behind a file descriptor: CREATE_DEVICE and the attribute ioctls. */
#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include "avmm.h"
#include "ioctl.h"

struct device_type {
	u32 type;
	const struct avmm_device_ops *ops;
};

static const struct device_type types[] = {
	{ AVMM_DEV_TYPE_ARM_VGIC_V2, &vgic_v2_device_ops },
	{ AVMM_DEV_TYPE_ARM_VGIC_V3, &vgic_v3_device_ops },
	{ AVMM_DEV_TYPE_ARM_VGIC_ITS, &vgic_its_device_ops },
};

static long set_attr(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_device *dev = obj;

	return dev->ops->set_attr(dev, arg);
}

static long get_attr(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_device *dev = obj;

	return dev->ops->get_attr(dev, arg);
}

static long has_attr(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_device *dev = obj;

	return dev->ops->has_attr(dev, arg);
}

static const struct avmm_ioctl device_ioctls[] = {
	{ AVMM_SET_DEVICE_ATTR, 0, set_attr },
	{ AVMM_GET_DEVICE_ATTR, 0, get_attr },
	{ AVMM_HAS_DEVICE_ATTR, 0, has_attr },
};

static long device_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct avmm_device *dev = file->private_data;

	if (dev->vm->mm != current->mm || dev->vm->dead)
		return -EIO;
	return avmm_ioctl(device_ioctls, ARRAY_SIZE(device_ioctls), dev, dev->vm, NULL, cmd, arg);
}

static int device_release(struct inode *inode, struct file *file)
{
	struct avmm_device *dev = file->private_data;

	avmm_vm_put(dev->vm);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = device_release,
	.llseek = noop_llseek,
};

/**
 * avmm_device_create - AVMM_CREATE_DEVICE
 * @vm: the VM; caller holds vm->lock
 * @cd: type and flags in, fd out
 *
 * Return: 0; -ENODEV unknown type or not on this host, -EINVAL unknown flag, else the device's
 * errno (-EEXIST, -EBUSY) or that of the fd allocation
 */
int avmm_device_create(struct avmm_vm *vm, struct avmm_create_device *cd)
{
	const struct avmm_device_ops *ops = NULL;
	struct avmm_device *dev;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == cd->type)
			ops = types[i].ops;
	if (!ops || (ops->offered && !ops->offered()))
		return -ENODEV;
	if (cd->flags & ~AVMM_CREATE_DEVICE_TEST)
		return -EINVAL;
	if (cd->flags & AVMM_CREATE_DEVICE_TEST)
		return 0;
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev)
		return -ENOMEM;
	dev->ops = ops;
	dev->vm = vm;
	ret = ops->create(dev);
	if (ret) {
		kfree(dev);
		return ret;
	}
	avmm_vm_get(vm);
	ret = anon_inode_getfd(ops->name, &device_fops, dev, O_RDWR | O_CLOEXEC);
	if (ret < 0) {
		ops->destroy(dev);
		kfree(dev);
		avmm_vm_put(vm);
		return ret;
	}
	list_add_tail(&dev->node, &vm->devices);
	cd->fd = ret;
	return 0;
}
