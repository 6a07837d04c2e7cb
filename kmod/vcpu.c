// SPDX-License-Identifier: GPL-2.0
/* The vCPU object, its fd, and how other threads get its attention. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "avmm.h"
#include "ioctl.h"

/**
 * avmm_kick - make a vCPU look at its requests and interrupts soon
 * @vcpu: whose state was changed before this call
 *
 * Wakes it if it blocks, forces it out of the guest if it is in. A vCPU that
 * is about to enter sees AVMM_EXITING_GUEST (or the new state itself) and
 * stays out: run.c sets the mode first and looks at its state after.
 * Context: any; does not wait.
 */
void avmm_kick(struct avmm_vcpu *vcpu)
{
	struct task_struct *task;

	smp_mb();	/* the caller's change before our look at mode and blocked */
	if (READ_ONCE(vcpu->blocked))
		rcuwait_wake_up(&vcpu->wait);
	if (atomic_read(&vcpu->mode) != AVMM_IN_GUEST ||
	    atomic_cmpxchg(&vcpu->mode, AVMM_IN_GUEST, AVMM_EXITING_GUEST) != AVMM_IN_GUEST)
		return;
	rcu_read_lock();
	task = READ_ONCE(vcpu->task);
	/* an empty reschedule interrupt is enough: any interrupt ends the guest's turn */
	if (task)
		kick_process(task);
	rcu_read_unlock();
}

/** avmm_request - set a request and kick. Context: any */
void avmm_request(struct avmm_vcpu *vcpu, enum avmm_request req)
{
	set_bit(req, &vcpu->requests);
	avmm_kick(vcpu);
}

/** avmm_test_clear_request - was it set? The vCPU thread only. */
bool avmm_test_clear_request(struct avmm_vcpu *vcpu, enum avmm_request req)
{
	return READ_ONCE(vcpu->requests) && test_and_clear_bit(req, &vcpu->requests);
}

/**
 * avmm_lock_all_vcpus - hold every vCPU outside RUN and any other vCPU ioctl
 * @vm: caller holds vm->lock
 *
 * Return: 0, or -EBUSY when a vCPU is in an ioctl (none is held then)
 */
int avmm_lock_all_vcpus(struct avmm_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++) {
		if (mutex_trylock(&vm->vcpus[i]->mutex)) {
			/*
			 * lockdep follows 48 locks of a task at most. Under vm->lock those of a
			 * VM count as one; 6.16 has mutex_trylock_nest_lock() for that.
			 */
			mutex_release(&vm->vcpus[i]->mutex.dep_map, _RET_IP_);
			mutex_acquire_nest(&vm->vcpus[i]->mutex.dep_map, 0, 1,
					   &vm->lock.dep_map, _RET_IP_);
			continue;
		}
		while (i--)
			mutex_unlock(&vm->vcpus[i]->mutex);
		return -EBUSY;
	}
	return 0;
}

/** avmm_unlock_all_vcpus - the mirror */
void avmm_unlock_all_vcpus(struct avmm_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		mutex_unlock(&vm->vcpus[i]->mutex);
}

static long run(void *vcpu, void *arg, unsigned long uarg)
{
	return avmm_vcpu_run(vcpu);
}

static long vcpu_init(void *vcpu, void *arg, unsigned long uarg)
{
	return avmm_vcpu_init_target(vcpu, arg);
}

/* A vCPU that was switched on and has not run since owes a reset, which comes before this access. */
static void settle_reset(struct avmm_vcpu *vcpu)
{
	if (avmm_test_clear_request(vcpu, AVMM_REQ_RESET))
		avmm_vcpu_load_reset(vcpu);
}

static long get_one_reg(void *vcpu, void *arg, unsigned long uarg)
{
	settle_reset(vcpu);
	return avmm_get_one_reg(vcpu, arg);
}

static long set_one_reg(void *vcpu, void *arg, unsigned long uarg)
{
	settle_reset(vcpu);
	return avmm_set_one_reg(vcpu, arg);
}

/* GET_REG_LIST: n comes back as the number needed, with -E2BIG when it was too small */
static long get_reg_list(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_reg_list __user *user = (void __user *)uarg;
	struct avmm_reg_list *list = arg;
	struct avmm_vcpu *vcpu = obj;
	u64 room = list->n;

	list->n = avmm_nr_regs(vcpu);
	return room < list->n ? -E2BIG : avmm_copy_reg_list(vcpu, user->reg);
}

static long get_mp_state(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_vcpu *vcpu = obj;
	struct avmm_mp_state *mp = arg;

	mp->mp_state = READ_ONCE(vcpu->arch.mp_state);
	return 0;
}

static long set_mp_state(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_vcpu *vcpu = obj;
	struct avmm_mp_state *mp = arg;

	switch (mp->mp_state) {
	case AVMM_MP_STATE_STOPPED:
		avmm_vcpu_power_off(vcpu);
		return 0;
	case AVMM_MP_STATE_RUNNABLE:
	case AVMM_MP_STATE_SUSPENDED:
		spin_lock(&vcpu->arch.mp_lock);
		WRITE_ONCE(vcpu->arch.mp_state, mp->mp_state);
		spin_unlock(&vcpu->arch.mp_lock);
		avmm_kick(vcpu);
		return 0;
	default:
		return -EINVAL;
	}
}

static long get_vcpu_events(void *vcpu, void *arg, unsigned long uarg)
{
	avmm_get_events(vcpu, arg);
	return 0;
}

static long set_vcpu_events(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_vcpu_events *ev = arg;
	struct avmm_vcpu *vcpu = obj;
	int ret = avmm_set_events(vcpu, ev);

	/* the abort is the answer to an access that waited for one */
	if (!ret && ev->exception.ext_dabt_pending)
		vcpu->mmio_needed = false;
	return ret;
}

/* VCPU_FINALIZE: no feature that needs it is offered */
static long finalize(void *vcpu, void *arg, unsigned long uarg)
{
	return -EINVAL;
}

/* SET_SIGNAL_MASK: a null pointer takes the mask away */
static long set_signal_mask(void *obj, void *arg, unsigned long uarg)
{
	struct avmm_signal_mask __user *user = (void __user *)uarg;
	struct avmm_vcpu *vcpu = obj;
	sigset_t set;
	u32 len;

	if (!uarg) {
		vcpu->sigset_active = false;
		return 0;
	}
	if (get_user(len, &user->len))
		return -EFAULT;
	if (len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, user->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigset = set;
	vcpu->sigset_active = true;
	return 0;
}

/* vCPU attributes, by group */
static const struct attr_group {
	int (*set)(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
	int (*get)(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
	int (*has)(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
} attr_groups[] = {
	[AVMM_ARM_VCPU_TIMER_CTRL] = {
		avmm_timer_set_attr, avmm_timer_get_attr, avmm_timer_has_attr,
	},
	[AVMM_ARM_VCPU_PVTIME_CTRL] = {
		avmm_pvtime_set_attr, avmm_pvtime_get_attr, avmm_pvtime_has_attr,
	},
};

static const struct attr_group *attr_group(const struct avmm_device_attr *attr)
{
	const struct attr_group *group;

	if (attr->group >= ARRAY_SIZE(attr_groups))
		return NULL;
	group = &attr_groups[array_index_nospec(attr->group, ARRAY_SIZE(attr_groups))];
	return group->has ? group : NULL;
}

static long set_attr(void *vcpu, void *arg, unsigned long uarg)
{
	const struct attr_group *group = attr_group(arg);

	return group ? group->set(vcpu, arg) : -ENXIO;
}

static long get_attr(void *vcpu, void *arg, unsigned long uarg)
{
	const struct attr_group *group = attr_group(arg);

	return group ? group->get(vcpu, arg) : -ENXIO;
}

static long has_attr(void *vcpu, void *arg, unsigned long uarg)
{
	const struct attr_group *group = attr_group(arg);

	return group ? group->has(vcpu, arg) : -ENXIO;
}

#define READY	(AVMM_IOC_VCPU_LOCK | AVMM_IOC_INITED)

static const struct avmm_ioctl vcpu_ioctls[] = {
	{ AVMM_RUN, READY | AVMM_IOC_NONE, run },
	{ AVMM_GET_ONE_REG, READY, get_one_reg },
	{ AVMM_SET_ONE_REG, READY, set_one_reg },
	{ AVMM_GET_REG_LIST, READY | AVMM_IOC_OUT_ALWAYS, get_reg_list },
	{ AVMM_GET_MP_STATE, AVMM_IOC_VCPU_LOCK, get_mp_state },
	{ AVMM_SET_MP_STATE, AVMM_IOC_VCPU_LOCK, set_mp_state },
	{ AVMM_GET_VCPU_EVENTS, READY, get_vcpu_events },
	{ AVMM_SET_VCPU_EVENTS, READY, set_vcpu_events },
	{ AVMM_SET_SIGNAL_MASK, AVMM_IOC_VCPU_LOCK | AVMM_IOC_VALUE, set_signal_mask },
	{ AVMM_ARM_VCPU_INIT, AVMM_IOC_VCPU_LOCK, vcpu_init },
	{ AVMM_ARM_VCPU_FINALIZE, READY, finalize },
	{ AVMM_SET_DEVICE_ATTR, AVMM_IOC_VCPU_LOCK, set_attr },
	{ AVMM_GET_DEVICE_ATTR, AVMM_IOC_VCPU_LOCK, get_attr },
	{ AVMM_HAS_DEVICE_ATTR, AVMM_IOC_VCPU_LOCK, has_attr },
};

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct avmm_vcpu *vcpu = file->private_data;

	if (vcpu->vm->mm != current->mm || vcpu->vm->dead)
		return -EIO;
	return avmm_ioctl(vcpu_ioctls, ARRAY_SIZE(vcpu_ioctls), vcpu, vcpu->vm, vcpu, cmd, arg);
}

static vm_fault_t run_fault(struct vm_fault *vmf)
{
	struct avmm_vcpu *vcpu = vmf->vma->vm_file->private_data;

	if (vmf->pgoff >= AVMM_RUN_PAGES)
		return VM_FAULT_SIGBUS;
	vmf->page = vmf->pgoff == AVMM_COALESCED_PAGE ? virt_to_page(vcpu->vm->ring) :
							 virt_to_page(vcpu->run);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct run_vm_ops = { .fault = run_fault };

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &run_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct avmm_vcpu *vcpu = file->private_data;

	avmm_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_release,
	.llseek = noop_llseek,
};

static size_t ctx_size(void)
{
	return PAGE_ALIGN(sizeof(struct avmm_ctx));
}

static void vcpu_free(struct avmm_vcpu *vcpu)
{
	if (vcpu->arch.ctx) {
		avmm_hyp_unshare(vcpu->arch.ctx, ctx_size());
		free_pages_exact(vcpu->arch.ctx, ctx_size());
	}
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

static struct avmm_vcpu *vcpu_alloc(struct avmm_vm *vm, u32 id)
{
	struct avmm_vcpu *vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);

	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->idx = vm->nr_vcpus;
	vcpu->last_cpu = -1;
	mutex_init(&vcpu->mutex);
	spin_lock_init(&vcpu->arch.mp_lock);
	rcuwait_init(&vcpu->wait);
	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->arch.ctx = alloc_pages_exact(ctx_size(), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (vcpu->run && vcpu->arch.ctx && !avmm_hyp_share(vcpu->arch.ctx, ctx_size())) {
		vcpu->ctx_pa = virt_to_phys(vcpu->arch.ctx);
		return vcpu;
	}
	vcpu_free(vcpu);
	return NULL;
}

/**
 * avmm_vcpu_create - AVMM_CREATE_VCPU
 * @vm: caller holds vm->lock
 * @id: user's number
 *
 * Return: the vCPU's fd; -EINVAL id too large, -EEXIST id taken, -ENOMEM, or
 * the vGIC's errno (-EBUSY after it was initialised)
 */
int avmm_vcpu_create(struct avmm_vm *vm, u32 id)
{
	struct avmm_vcpu *vcpu;
	struct file *file;
	int ret, fd;

	if (id >= vgic_max_vcpus(vm) || vm->nr_vcpus >= AVMM_MAX_VCPUS)
		return -EINVAL;
	if (avmm_vcpu_by_id(vm, id))
		return -EEXIST;
	vcpu = vcpu_alloc(vm, id);
	if (!vcpu)
		return -ENOMEM;
	avmm_sysreg_vcpu_init(vcpu);
	avmm_timer_vcpu_init(vcpu);
	avmm_pvtime_vcpu_init(vcpu);
	ret = vgic_vcpu_init(vcpu);
	if (ret)
		goto err_timer;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		ret = fd;
		goto err_vgic;
	}
	file = anon_inode_getfile("avmm-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		put_unused_fd(fd);
		goto err_vgic;
	}
	avmm_vm_get(vm);
	vm->vcpus[vcpu->idx] = vcpu;
	/* the array entry before the count; pairs with avmm_for_each_vcpu() */
	smp_store_release(&vm->nr_vcpus, vcpu->idx + 1);
	/* last: from here on other threads may use it */
	fd_install(fd, file);
	return fd;

err_vgic:
	vgic_vcpu_destroy(vcpu);
err_timer:
	avmm_timer_vcpu_destroy(vcpu);
	vcpu_free(vcpu);
	return ret;
}

/** avmm_vcpu_destroy - at the end of the VM: no fd, no thread left */
void avmm_vcpu_destroy(struct avmm_vcpu *vcpu)
{
	avmm_timer_vcpu_destroy(vcpu);
	vgic_vcpu_destroy(vcpu);
	vcpu_free(vcpu);
}
