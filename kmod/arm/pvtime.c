// SPDX-License-Identifier: GPL-2.0
/*
 * Stolen time (Arm DEN0057): how long a vCPU's thread could have run and did
 * not, told to the guest in a structure of its own memory.
 *
 * User space chooses the place by an attribute of the vCPU; the guest asks for
 * it by a hypercall. Both under vcpu->mutex.
 */
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include "avmm.h"

#define NO_PLACE	(~0ULL)

/* DEN0057 3.3: little endian, aligned to 64 bytes; revision and attributes are 0 */
struct stolen_time {
	__le32 revision;
	__le32 attributes;
	__le64 stolen;		/* ns */
};

#define ALIGNMENT	64

/* ns that the thread has waited in run queues */
static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(current->sched_info.run_delay);
#else
	return 0;
#endif
}

/** avmm_pvtime_supported - does this kernel count it? */
bool avmm_pvtime_supported(void)
{
	return sched_info_on();
}

/* is there memory for the structure? Aligned as it is, it is within a page */
static bool is_place(struct avmm_vm *vm, u64 ipa)
{
	int idx = srcu_read_lock(&vm->srcu);
	const struct avmm_memslot *slot = avmm_find_slot(vm, ipa >> PAGE_SHIFT);
	bool ret = slot && !(slot->flags & AVMM_MEM_READONLY);

	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

/** avmm_pvtime_vcpu_init - at CREATE_VCPU: no place yet */
void avmm_pvtime_vcpu_init(struct avmm_vcpu *vcpu)
{
	vcpu->arch.steal.ipa = NO_PLACE;
}

/** avmm_pvtime_ready - has user space given a place? */
bool avmm_pvtime_ready(const struct avmm_vcpu *vcpu)
{
	return vcpu->arch.steal.ipa != NO_PLACE;
}

/**
 * avmm_pvtime_start - the guest asks for its structure: count from now
 * @vcpu: in its thread
 *
 * Return: its guest-physical address, or all ones if there is none
 */
u64 avmm_pvtime_start(struct avmm_vcpu *vcpu)
{
	struct stolen_time zero = { 0 };

	if (!avmm_pvtime_ready(vcpu))
		return NO_PLACE;
	vcpu->arch.steal.last = run_delay();
	/* a place that has gone is the VMM's doing; the guest finds no memory there either */
	if (avmm_write_guest(vcpu->vm, vcpu->arch.steal.ipa, &zero, sizeof(zero)))
		pr_debug("vCPU %u: stolen time cannot be written\n", vcpu->id);
	return vcpu->arch.steal.ipa;
}

/**
 * avmm_pvtime_update - before an entry: add what has been stolen since the last
 * @vcpu: in its thread, interrupts on, may sleep
 */
void avmm_pvtime_update(struct avmm_vcpu *vcpu)
{
	u64 at = vcpu->arch.steal.ipa + offsetof(struct stolen_time, stolen);
	u64 now, since = vcpu->arch.steal.last;
	__le64 stolen;

	if (likely(!avmm_pvtime_ready(vcpu)))
		return;
	now = run_delay();
	if (now == since)
		return;
	vcpu->arch.steal.last = now;
	/* the vCPU has moved to another thread */
	if (now < since)
		return;
	if (avmm_read_guest(vcpu->vm, at, &stolen, sizeof(stolen)))
		return;
	le64_add_cpu(&stolen, now - since);
	avmm_write_guest(vcpu->vm, at, &stolen, sizeof(stolen));
}

/* ---- vCPU attributes ---- */

/** avmm_pvtime_has_attr - 0 or -ENXIO */
int avmm_pvtime_has_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	return avmm_pvtime_supported() && attr->attr == AVMM_ARM_VCPU_PVTIME_IPA ? 0 : -ENXIO;
}

/**
 * avmm_pvtime_set_attr - choose the place
 * @vcpu: its mutex is held
 * @attr: its guest-physical address is a u64 in user memory
 *
 * Return: 0; -ENXIO not supported, -EEXIST it has one, -EINVAL alignment or no
 * slot there, -EFAULT
 */
int avmm_pvtime_set_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	int ret = avmm_pvtime_has_attr(vcpu, attr);
	u64 ipa;

	if (ret)
		return ret;
	if (get_user(ipa, (u64 __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	if (ipa % ALIGNMENT)
		return -EINVAL;
	if (avmm_pvtime_ready(vcpu))
		return -EEXIST;
	if (!is_place(vcpu->vm, ipa))
		return -EINVAL;
	vcpu->arch.steal.ipa = ipa;
	return 0;
}

/** avmm_pvtime_get_attr - the address, all ones if there is none; -ENXIO, -EFAULT */
int avmm_pvtime_get_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	int ret = avmm_pvtime_has_attr(vcpu, attr);

	return ret ?: put_user(vcpu->arch.steal.ipa, (u64 __user *)u64_to_user_ptr(attr->addr));
}
