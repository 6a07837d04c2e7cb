// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which guest-physical addresses are memory, and where in the
 * VMM it is. AVMM_SET_USER_MEMORY_REGION by KVM's rules, look-ups, and access
 * to guest memory from the kernel.
 *
 * Readers hold vm->srcu and see one sorted array; a writer (vm->slots_lock)
 * publishes another. A slot that goes away is first marked in place: faults
 * pass it over then, while notifiers still find what it has mapped.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>
#include "mmu/stage2.h"

#define SLOT_ID_MASK	0xffff
#define MAX_SLOT_PAGES	((1ULL << 31) - 1)	/* KVM's limit, documented in its API */

static struct avmm_memslots *slots_locked(struct avmm_vm *vm)
{
	return rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->slots_lock));
}

/* Index of the first slot that ends above @gfn. */
static int slot_search(const struct avmm_memslots *slots, u64 gfn)
{
	int lo = 0, hi = slots ? slots->n : 0, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (slots->slot[mid].base_gfn + slots->slot[mid].npages > gfn)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/**
 * avmm_find_slot - find the slot of a guest frame
 * @vm: VM
 * @gfn: guest frame number
 *
 * Return: the slot, valid while the caller holds vm->srcu; NULL if @gfn is no
 * memory.
 */
const struct avmm_memslot *avmm_find_slot(struct avmm_vm *vm, u64 gfn)
{
	const struct avmm_memslots *slots = srcu_dereference(vm->slots, &vm->srcu);
	int i = slot_search(slots, gfn);

	if (!slots || i == slots->n || slots->slot[i].base_gfn > gfn ||
	    (READ_ONCE(slots->slot[i].flags) & AVMM_SLOT_DYING))
		return NULL;
	return &slots->slot[i];
}

static int slot_index(const struct avmm_memslots *slots, u32 id)
{
	int i;

	for (i = 0; slots && i < slots->n; i++)
		if (slots->slot[i].id == id)
			return i;
	return -1;
}

/**
 * avmm_slot_by_id - find a slot by the user's number
 * @vm: VM; its slots_lock is held
 * @id: number
 *
 * Return: the slot, valid as long as the lock is held; NULL if there is none.
 */
const struct avmm_memslot *avmm_slot_by_id(struct avmm_vm *vm, u32 id)
{
	const struct avmm_memslots *slots = slots_locked(vm);
	int i = slot_index(slots, id);

	return i < 0 ? NULL : &slots->slot[i];
}

/* Would @new, taking the place of slot number @old if that is not -1, lie over another? */
static bool slot_overlaps(const struct avmm_memslots *slots, const struct avmm_memslot *new,
			  int old)
{
	int i = slot_search(slots, new->base_gfn);

	if (i == old)
		i++;
	if (!slots || i >= slots->n)
		return false;
	return slots->slot[i].base_gfn < new->base_gfn + new->npages;
}

/*
 * Replaces slot number @old (-1: none) by @new (NULL: none). Readers of @old
 * are gone when this returns, and so is what it maps, unless @new is at the same
 * place.
 */
static int slots_replace(struct avmm_vm *vm, int old, const struct avmm_memslot *new)
{
	struct avmm_memslots *from = slots_locked(vm), *to;
	struct avmm_memslot *s = old < 0 ? NULL : &from->slot[old];
	bool stays = s && new && new->base_gfn == s->base_gfn;
	int i, at = 0, n = from ? from->n : 0;

	to = kvmalloc(struct_size(to, slot, n + 1), GFP_KERNEL_ACCOUNT);
	if (!to)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (i == old)
			continue;
		if (new && from->slot[i].base_gfn > new->base_gfn) {
			to->slot[at++] = *new;
			new = NULL;
		}
		to->slot[at++] = from->slot[i];
	}
	if (new)
		to->slot[at++] = *new;
	to->n = at;

	if (s && !stays) {
		WRITE_ONCE(s->flags, s->flags | AVMM_SLOT_DYING);
		/* Faults that have not seen the mark may be about to map. */
		synchronize_srcu_expedited(&vm->srcu);
		avmm_s2_unmap(vm, s->base_gfn << PAGE_SHIFT, s->npages << PAGE_SHIFT, true);
	}
	rcu_assign_pointer(vm->slots, to);
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(from);
	return 0;
}

/* What KVM says about the arguments before it looks at the slots there are. */
static int check_region(const struct avmm_userspace_memory_region *r)
{
	if (r->flags & ~(u32)(AVMM_MEM_LOG_DIRTY_PAGES | AVMM_MEM_READONLY))
		return -EINVAL;
	if (!PAGE_ALIGNED(r->memory_size) || r->memory_size != (unsigned long)r->memory_size)
		return -EINVAL;
	if (!PAGE_ALIGNED(r->guest_phys_addr) || !PAGE_ALIGNED(r->userspace_addr))
		return -EINVAL;
	if (r->userspace_addr != untagged_addr(r->userspace_addr) ||
	    !access_ok((void __user *)(unsigned long)r->userspace_addr, r->memory_size))
		return -EINVAL;
	/* The upper half is an address space, and there is only one. */
	if ((r->slot & ~SLOT_ID_MASK) || r->slot >= AVMM_NR_MEMSLOTS)
		return -EINVAL;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr ||
	    r->memory_size >> PAGE_SHIFT > MAX_SLOT_PAGES)
		return -EINVAL;
	return 0;
}

/* What is no memory of the host's is not migrated; KVM refuses to log it. */
static bool has_frames(const struct avmm_memslot *slot)
{
	unsigned long at = slot->hva, end = at + (unsigned long)(slot->npages << PAGE_SHIFT);
	struct vm_area_struct *vma;
	bool found = false;

	mmap_read_lock(current->mm);
	for (; at < end && !found; at = vma->vm_end) {
		vma = find_vma(current->mm, at);
		if (!vma || vma->vm_start >= end)
			break;
		found = vma->vm_flags & VM_PFNMAP;
	}
	mmap_read_unlock(current->mm);
	return found;
}

/* Puts @new where slot number @old was, with the log that its flags ask for. */
static int slot_put(struct avmm_vm *vm, int old, struct avmm_memslot *new)
{
	u64 ipa = new->base_gfn << PAGE_SHIFT, size = new->npages << PAGE_SHIFT;
	unsigned long *log = old < 0 ? NULL : slots_locked(vm)->slot[old].dirty;
	int ret;

	if (new->flags & AVMM_MEM_LOG_DIRTY_PAGES) {
		if (has_frames(new))
			return -EINVAL;
		new->dirty = log;
		ret = log ? 0 : avmm_log_open(vm, new);
		if (ret)
			return ret;
	}
	ret = slots_replace(vm, old, new);
	if (ret) {
		if (new->dirty != log)
			kvfree(new->dirty);
		return ret;
	}
	/* Faults know whether there is a log; what is mapped has to follow. */
	if (log && !new->dirty) {
		kvfree(log);
		avmm_s2_merge(vm, ipa, size);
	} else if (!log && new->dirty && !(vm->log_manual & AVMM_DIRTY_LOG_INITIALLY_SET)) {
		avmm_s2_protect(vm, ipa, size);
	}
	return 0;
}

static int slot_delete(struct avmm_vm *vm, int old)
{
	unsigned long *log = slots_locked(vm)->slot[old].dirty;
	int ret = slots_replace(vm, old, NULL);

	if (!ret)
		kvfree(log);
	return ret;
}

static int set_region_locked(struct avmm_vm *vm, const struct avmm_userspace_memory_region *r)
{
	struct avmm_memslots *slots = slots_locked(vm);
	const struct avmm_memslot *was;
	struct avmm_memslot new = {
		.base_gfn = r->guest_phys_addr >> PAGE_SHIFT,
		.npages = r->memory_size >> PAGE_SHIFT,
		.hva = r->userspace_addr,
		.flags = r->flags,
		.id = r->slot,
	};
	int old = slot_index(slots, r->slot);

	if (!new.npages)
		return old < 0 ? -EINVAL : slot_delete(vm, old);
	if (old >= 0) {
		was = &slots->slot[old];
		/* A slot may move in the guest and be logged or not; the rest stays what it was. */
		if (new.hva != was->hva || new.npages != was->npages ||
		    ((new.flags ^ was->flags) & AVMM_MEM_READONLY))
			return -EINVAL;
		if (new.base_gfn == was->base_gfn && new.flags == was->flags)
			return 0;
	}
	if (slot_overlaps(slots, &new, old))
		return -EEXIST;
	if (new.base_gfn + new.npages > 1ULL << (vm->s2.ipa_bits - PAGE_SHIFT))
		return -EFAULT;
	return slot_put(vm, old, &new);
}

/**
 * avmm_set_memory_region - create, move, log or delete a slot
 * @vm: VM
 * @r: from user space; size 0 deletes
 *
 * Takes vm->slots_lock. Return: 0 or KVM's errno.
 */
int avmm_set_memory_region(struct avmm_vm *vm, const struct avmm_userspace_memory_region *r)
{
	int ret = check_region(r);

	if (ret)
		return ret;
	mutex_lock(&vm->slots_lock);
	ret = set_region_locked(vm, r);
	mutex_unlock(&vm->slots_lock);
	return ret;
}

/**
 * avmm_memslots_destroy - free the slots of a VM that nobody uses any more
 * @vm: VM
 */
void avmm_memslots_destroy(struct avmm_vm *vm)
{
	struct avmm_memslots *slots = rcu_dereference_protected(vm->slots, true);
	int i;

	for (i = 0; slots && i < slots->n; i++)
		kvfree(slots->slot[i].dirty);
	kvfree(slots);
	RCU_INIT_POINTER(vm->slots, NULL);
}

/* One slot's part of an access; returns its length, or -EFAULT. */
static ssize_t access_slot(struct avmm_vm *vm, u64 gpa, void *buf, size_t len, bool write)
{
	const struct avmm_memslot *slot = avmm_find_slot(vm, gpa >> PAGE_SHIFT);
	void __user *hva;
	bool failed;
	u64 off;

	if (!slot || (write && (slot->flags & AVMM_MEM_READONLY)))
		return -EFAULT;
	off = gpa - (slot->base_gfn << PAGE_SHIFT);
	len = min_t(u64, len, (slot->npages << PAGE_SHIFT) - off);
	hva = (void __user *)(slot->hva + (unsigned long)off);
	if (!write)
		return copy_from_user(buf, hva, len) ? -EFAULT : len;
	failed = copy_to_user(hva, buf, len);
	/* A part of it may have been written. */
	avmm_slot_written(slot, gpa, len);
	return failed ? -EFAULT : len;
}

static int access_guest(struct avmm_vm *vm, u64 gpa, void *buf, size_t len, bool write)
{
	ssize_t done;
	int idx;

	while (len) {
		idx = srcu_read_lock(&vm->srcu);
		done = access_slot(vm, gpa, buf, len, write);
		srcu_read_unlock(&vm->srcu, idx);
		if (done < 0)
			return done;
		gpa += done;
		buf += done;
		len -= done;
	}
	return 0;
}

/**
 * avmm_read_guest - copy from guest memory; may sleep
 * @vm: VM; the caller is a thread of its mm
 * @gpa: guest-physical address
 * @to: buffer
 * @len: bytes
 *
 * Return: 0 or -EFAULT.
 */
int avmm_read_guest(struct avmm_vm *vm, u64 gpa, void *to, size_t len)
{
	return access_guest(vm, gpa, to, len, false);
}

/**
 * avmm_write_guest - copy to guest memory; may sleep
 * @vm: VM; the caller is a thread of its mm
 * @gpa: guest-physical address
 * @from: buffer
 * @len: bytes
 *
 * Return: 0 or -EFAULT, also for read-only slots.
 */
int avmm_write_guest(struct avmm_vm *vm, u64 gpa, const void *from, size_t len)
{
	return access_guest(vm, gpa, (void *)from, len, true);
}
