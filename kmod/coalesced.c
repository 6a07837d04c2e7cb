// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced MMIO: stores to a zone wait in a ring until the VMM has to be asked
 * for something anyway. Exit path, step 8: what would be an exit to user space.
 *
 * The ring is a page that user space maps and writes to: @first is its, @last
 * ours, but nothing that is read from the page is trusted.
 */
#include <linux/slab.h>
#include "avmm.h"

#define MAX_ZONES	1000	/* KVM's limit of devices on a bus */
#define RING_SLOTS	((PAGE_SIZE - sizeof(struct avmm_coalesced_mmio_ring)) /	\
			 sizeof(struct avmm_coalesced_mmio))

struct coalesced {
	struct list_head node;
	struct avmm_coalesced_mmio_zone z;
};

/**
 * avmm_coalesced_init - an empty ring
 * @vm: new
 *
 * Return: 0 or -ENOMEM
 */
int avmm_coalesced_init(struct avmm_vm *vm)
{
	spin_lock_init(&vm->ring_lock);
	INIT_LIST_HEAD(&vm->coalesced);
	vm->ring = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vm->ring ? 0 : -ENOMEM;
}

/** avmm_coalesced_destroy - at the end of a VM */
void avmm_coalesced_destroy(struct avmm_vm *vm)
{
	struct coalesced *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->coalesced, node)
		kfree(zone);
	free_page((unsigned long)vm->ring);
}

static bool contains(const struct avmm_coalesced_mmio_zone *zone, u64 addr, u64 len)
{
	return addr >= zone->addr && len <= zone->size && addr - zone->addr <= zone->size - len;
}

/**
 * avmm_coalesced_add - AVMM_REGISTER_COALESCED_MMIO
 * @vm: the VM
 * @z: its argument
 *
 * Port I/O, which Arm has not, can be registered and never happens, as in KVM.
 * Return: 0; -EINVAL @z->pio is neither 0 nor 1, -ENOSPC too many zones, -ENOMEM
 */
int avmm_coalesced_add(struct avmm_vm *vm, const struct avmm_coalesced_mmio_zone *z)
{
	struct coalesced *zone;

	if (z->pio > 1)
		return -EINVAL;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->z = *z;
	spin_lock(&vm->ring_lock);
	if (vm->nr_coalesced == MAX_ZONES) {
		spin_unlock(&vm->ring_lock);
		kfree(zone);
		return -ENOSPC;
	}
	vm->nr_coalesced++;
	list_add_tail(&zone->node, &vm->coalesced);
	spin_unlock(&vm->ring_lock);
	return 0;
}

/**
 * avmm_coalesced_del - AVMM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @z: all zones that contain this range go
 *
 * Return: 0, also if there is none; -EINVAL @z->pio is neither 0 nor 1
 */
int avmm_coalesced_del(struct avmm_vm *vm, const struct avmm_coalesced_mmio_zone *z)
{
	struct coalesced *zone, *next;

	if (z->pio > 1)
		return -EINVAL;
	spin_lock(&vm->ring_lock);
	list_for_each_entry_safe(zone, next, &vm->coalesced, node) {
		if (zone->z.pio != z->pio || !contains(&zone->z, z->addr, z->size))
			continue;
		list_del(&zone->node);
		vm->nr_coalesced--;
		kfree(zone);
	}
	spin_unlock(&vm->ring_lock);
	return 0;
}

static bool in_a_zone(struct avmm_vm *vm, u64 addr, int len)
{
	struct coalesced *zone;

	list_for_each_entry(zone, &vm->coalesced, node)
		if (!zone->z.pio && contains(&zone->z, addr, len))
			return true;
	return false;
}

/* false: full, or user space has written nonsense */
static bool put(struct avmm_coalesced_mmio_ring *ring, u64 addr, int len, u64 val)
{
	u32 last = READ_ONCE(ring->last), i;

	/* one place stays free: full and empty would look the same */
	if (last >= RING_SLOTS || (last + 1) % RING_SLOTS == READ_ONCE(ring->first))
		return false;
	ring->coalesced_mmio[last].phys_addr = addr;
	ring->coalesced_mmio[last].len = len;
	ring->coalesced_mmio[last].pio = 0;
	for (i = 0; i < sizeof(ring->coalesced_mmio[last].data); i++, val >>= 8)
		ring->coalesced_mmio[last].data[i] = val;
	/* the entry before the count that makes it user space's */
	smp_store_release(&ring->last, (last + 1) % RING_SLOTS);
	return true;
}

/**
 * avmm_coalesce - may a store wait? Then keep it
 * @vm: the VM
 * @addr: guest-physical address, not of memory or of a device in the kernel
 * @len: 1, 2, 4 or 8
 * @val: what is stored
 *
 * Return: true if it was kept
 */
bool avmm_coalesce(struct avmm_vm *vm, u64 addr, int len, u64 val)
{
	bool kept;

	if (likely(!READ_ONCE(vm->nr_coalesced)))
		return false;
	spin_lock(&vm->ring_lock);
	kept = in_a_zone(vm, addr, len) && put(vm->ring, addr, len, val);
	spin_unlock(&vm->ring_lock);
	return kept;
}
