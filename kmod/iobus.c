// SPDX-License-Identifier: GPL-2.0
/*
 * Guest-physical ranges answered in the kernel. A sorted array, replaced as a
 * whole by writers and searched without a lock by vCPU threads under srcu.
 * Exit path, step 6.
 */
#include <linux/slab.h>
#include "avmm.h"

static struct avmm_iobus *bus_of(struct avmm_vm *vm)
{
	return rcu_dereference_protected(vm->bus, lockdep_is_held(&vm->slots_lock));
}

/**
 * avmm_iobus_span - the regions or the ioeventfds have changed: what do they span now?
 * @vm: the VM; caller holds vm->slots_lock
 */
void avmm_iobus_span(struct avmm_vm *vm)
{
	struct avmm_iobus *bus = bus_of(vm);
	u64 start = ~0ULL, end = 0;

	if (bus && bus->n) {
		start = bus->dev[0]->base;
		end = bus->dev[bus->n - 1]->base + bus->dev[bus->n - 1]->len;
	}
	avmm_ioeventfd_span(vm, &start, &end);
	WRITE_ONCE(vm->bus_start, start);
	WRITE_ONCE(vm->bus_end, end);
}

static void publish(struct avmm_vm *vm, struct avmm_iobus *bus)
{
	struct avmm_iobus *old = bus_of(vm);

	rcu_assign_pointer(vm->bus, bus);
	avmm_iobus_span(vm);
	synchronize_srcu_expedited(&vm->srcu);
	kfree(old);
}

/**
 * avmm_iobus_add - put a region on the bus
 * @vm: the VM; caller holds vm->slots_lock
 * @dev: stays the caller's; must live until avmm_iobus_del()
 *
 * Return: 0, -EEXIST if it overlaps another region, -ENOMEM
 */
int avmm_iobus_add(struct avmm_vm *vm, struct avmm_iodev *dev)
{
	struct avmm_iobus *old = bus_of(vm), *bus;
	int i, n = old ? old->n : 0, at = n;

	for (i = 0; i < n; i++) {
		if (dev->base < old->dev[i]->base + old->dev[i]->len &&
		    old->dev[i]->base < dev->base + dev->len)
			return -EEXIST;
		if (at == n && old->dev[i]->base > dev->base)
			at = i;
	}
	bus = kzalloc(struct_size(bus, dev, n + 1), GFP_KERNEL_ACCOUNT);
	if (!bus)
		return -ENOMEM;
	bus->n = n + 1;
	if (old) {
		memcpy(bus->dev, old->dev, at * sizeof(dev));
		memcpy(bus->dev + at + 1, old->dev + at, (n - at) * sizeof(dev));
	}
	bus->dev[at] = dev;
	publish(vm, bus);
	return 0;
}

/**
 * avmm_iobus_del - take a region off the bus
 * @vm: the VM; caller holds vm->slots_lock
 * @dev: no vCPU is inside it any more when this returns
 */
void avmm_iobus_del(struct avmm_vm *vm, struct avmm_iodev *dev)
{
	struct avmm_iobus *bus = bus_of(vm);
	struct avmm_iobus *copy;
	int i, j = 0;

	copy = kzalloc(struct_size(bus, dev, bus->n), GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	for (i = 0; i < bus->n; i++)
		if (bus->dev[i] != dev)
			copy->dev[j++] = bus->dev[i];
	copy->n = j;
	publish(vm, copy);
}

/** avmm_iobus_destroy - at the end of a VM, no vCPU left */
void avmm_iobus_destroy(struct avmm_vm *vm)
{
	kfree(rcu_dereference_protected(vm->bus, true));
	RCU_INIT_POINTER(vm->bus, NULL);
}

static struct avmm_iodev *find(struct avmm_vm *vm, u64 addr, int len)
{
	struct avmm_iobus *bus = srcu_dereference(vm->bus, &vm->srcu);
	int lo = 0, hi = bus ? bus->n : 0;

	while (lo < hi) {
		int mid = (lo + hi) / 2;
		struct avmm_iodev *dev = bus->dev[mid];

		if (addr < dev->base)
			hi = mid;
		else if (addr - dev->base >= dev->len)
			lo = mid + 1;
		else
			return addr - dev->base + len <= dev->len ? dev : NULL;
	}
	return NULL;
}

/**
 * avmm_iobus_read - a guest load
 * @vcpu: who
 * @addr: guest-physical address
 * @len: 1, 2, 4 or 8
 * @val: answer, zero-extended
 *
 * Return: 0, or -EOPNOTSUPP when nothing in the kernel answers there
 */
int avmm_iobus_read(struct avmm_vcpu *vcpu, u64 addr, int len, u64 *val)
{
	int idx = srcu_read_lock(&vcpu->vm->srcu);
	struct avmm_iodev *dev = find(vcpu->vm, addr, len);
	int ret = dev ? dev->ops->read(vcpu, dev, addr, len, val) : -EOPNOTSUPP;

	srcu_read_unlock(&vcpu->vm->srcu, idx);
	return ret;
}

/** avmm_iobus_write - a guest store; see avmm_iobus_read(). Also -EAGAIN: store again */
int avmm_iobus_write(struct avmm_vcpu *vcpu, u64 addr, int len, u64 val)
{
	int idx = srcu_read_lock(&vcpu->vm->srcu);
	struct avmm_iodev *dev;
	int ret = 0;

	if (!avmm_ioeventfd_signal(vcpu->vm, addr, len, val)) {
		dev = find(vcpu->vm, addr, len);
		ret = dev ? dev->ops->write(vcpu, dev, addr, len, val) : -EOPNOTSUPP;
	}
	srcu_read_unlock(&vcpu->vm->srcu, idx);
	return ret;
}
