// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a guest's store becomes a signal on an eventfd, and the guest goes
 * on. Exit path, step 6: iobus.c asks here before it looks for a device.
 *
 * One sorted array per VM, replaced as a whole under vm->slots_lock, searched by
 * vCPU threads under vm->srcu. Two that could be meant by the same store are
 * refused (EEXIST), so the order of those that are there is total, and a store
 * finds its one by bisection however many queues share an address.
 */
#include <linux/eventfd.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "avmm.h"

/* Kinds of addresses; Arm has the first only, but as in KVM the others can be had, and stay silent. */
enum { MMIO, PIO, CCW };

/* The last one has a number but no name in <linux/kvm.h>, fast_mmio, and no meaning; KVM takes it. */
#define KNOWN_FLAGS	(AVMM_IOEVENTFD_FLAG_DATAMATCH | AVMM_IOEVENTFD_FLAG_PIO |	\
			 AVMM_IOEVENTFD_FLAG_DEASSIGN |					\
			 AVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY | 1 << 4)

struct doorbell {
	struct eventfd_ctx *ctx;
	u64 addr;
	u64 data;
	u8 kind;
	u8 len;		/* 0: of any length */
	bool any;	/* whatever is stored */
};

struct avmm_ioeventfds {
	int n;
	struct doorbell bell[];
};

/* Order; 0 if a store could mean both. A store is a doorbell with a length and data. */
static int compare(const struct doorbell *a, const struct doorbell *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (!a->len || !b->len)
		return 0;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	if (a->any || b->any || a->data == b->data)
		return 0;
	return a->data < b->data ? -1 : 1;
}

/* true, and its index; or false, and where it would have to be */
static bool find(const struct avmm_ioeventfds *evs, const struct doorbell *key, int *at)
{
	int lo = 0, hi = evs ? evs->n : 0;

	while (lo < hi) {
		int mid = (lo + hi) / 2, order = compare(key, &evs->bell[mid]);

		if (!order) {
			*at = mid;
			return true;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	*at = lo;
	return false;
}

/**
 * avmm_ioeventfd_signal - is a store a doorbell's? Then ring it
 * @vm: the VM; caller holds vm->srcu
 * @addr: guest-physical address
 * @len: 1, 2, 4 or 8
 * @val: what is stored, zero-extended
 *
 * Memory comes first, as in KVM: what is stored there is never a doorbell's.
 * Return: true if it was; the store is done then
 */
bool avmm_ioeventfd_signal(struct avmm_vm *vm, u64 addr, int len, u64 val)
{
	struct avmm_ioeventfds *evs = srcu_dereference(vm->ioeventfds, &vm->srcu);
	struct doorbell key = { .addr = addr, .data = val, .kind = MMIO, .len = len };
	const struct avmm_memslot *slot;
	int at;

	if (!evs || !find(evs, &key, &at))
		return false;
	slot = avmm_find_slot(vm, addr >> PAGE_SHIFT);
	if (slot && !(slot->flags & AVMM_MEM_READONLY))
		return false;
	avmm_eventfd_signal(evs->bell[at].ctx);
	return true;
}

static struct avmm_ioeventfds *evs_of(struct avmm_vm *vm)
{
	return rcu_dereference_protected(vm->ioeventfds, lockdep_is_held(&vm->slots_lock));
}

/**
 * avmm_ioeventfd_span - widen a range of addresses to all doorbells
 * @vm: the VM; caller holds vm->slots_lock
 * @start: first address
 * @end: behind the last one
 */
void avmm_ioeventfd_span(struct avmm_vm *vm, u64 *start, u64 *end)
{
	struct avmm_ioeventfds *evs = evs_of(vm);
	int i;

	for (i = 0; evs && i < evs->n && evs->bell[i].kind == MMIO; i++) {
		*start = min(*start, evs->bell[i].addr);
		*end = max(*end, evs->bell[i].addr + max_t(u64, evs->bell[i].len, 1));
	}
}

static void publish(struct avmm_vm *vm, struct avmm_ioeventfds *evs)
{
	struct avmm_ioeventfds *old = evs_of(vm);

	rcu_assign_pointer(vm->ioeventfds, evs);
	avmm_iobus_span(vm);
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
}

/* a copy of @evs with room for @n, of which the first @at and those behind @skip are there */
static struct avmm_ioeventfds *copy(const struct avmm_ioeventfds *evs, int n, int at, int skip)
{
	struct avmm_ioeventfds *new = kvzalloc(struct_size(new, bell, n), GFP_KERNEL_ACCOUNT);

	if (!new)
		return NULL;
	new->n = n;
	if (evs) {
		memcpy(new->bell, evs->bell, at * sizeof(*evs->bell));
		memcpy(new->bell + n - (evs->n - skip), evs->bell + skip,
		       (evs->n - skip) * sizeof(*evs->bell));
	}
	return new;
}

static int assign(struct avmm_vm *vm, const struct doorbell *bell)
{
	struct avmm_ioeventfds *old = evs_of(vm), *new;
	int at;

	if (find(old, bell, &at))
		return -EEXIST;
	new = copy(old, (old ? old->n : 0) + 1, at, at);
	if (!new)
		return -ENOMEM;
	new->bell[at] = *bell;
	publish(vm, new);
	return 0;
}

static int deassign(struct avmm_vm *vm, const struct doorbell *bell)
{
	struct avmm_ioeventfds *old = evs_of(vm), *new;
	const struct doorbell *found;
	int at;

	if (!find(old, bell, &at))
		return -ENOENT;
	found = &old->bell[at];
	if (found->ctx != bell->ctx || found->len != bell->len || found->any != bell->any ||
	    (!bell->any && found->data != bell->data))
		return -ENOENT;
	new = copy(old, old->n - 1, at, at + 1);
	if (!new)
		return -ENOMEM;
	publish(vm, new);
	eventfd_ctx_put(bell->ctx);	/* the array's */
	return 0;
}

static int check(const struct avmm_ioeventfd *args)
{
	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (args->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (!args->len && (args->flags & AVMM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return 0;
}

/**
 * avmm_ioeventfd - AVMM_IOEVENTFD
 * @vm: the VM
 * @args: its argument
 *
 * Return: 0; -EINVAL a length that is not 0, 1, 2, 4 or 8, a range past 64 bits,
 * an unknown flag, DATAMATCH with length 0, or no eventfd; -EBADF no open file;
 * -EEXIST a store could mean another one too; -ENOENT nothing like it is
 * assigned; -ENOMEM
 */
int avmm_ioeventfd(struct avmm_vm *vm, const struct avmm_ioeventfd *args)
{
	bool take_away = args->flags & AVMM_IOEVENTFD_FLAG_DEASSIGN;
	struct doorbell bell = {
		.addr = args->addr,
		.data = args->datamatch,
		.kind = args->flags & AVMM_IOEVENTFD_FLAG_PIO ? PIO :
			args->flags & AVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY ? CCW : MMIO,
		.len = args->len,
		.any = !(args->flags & AVMM_IOEVENTFD_FLAG_DATAMATCH),
	};
	int ret = take_away ? 0 : check(args);

	if (ret)
		return ret;
	bell.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(bell.ctx))
		return PTR_ERR(bell.ctx);
	mutex_lock(&vm->slots_lock);
	if (!take_away)
		ret = assign(vm, &bell);
	else
		ret = bell.len == args->len ? deassign(vm, &bell) : -ENOENT;
	mutex_unlock(&vm->slots_lock);
	if (ret || take_away)
		eventfd_ctx_put(bell.ctx);
	return ret;
}

/** avmm_ioeventfd_destroy - at the end of a VM, no vCPU left */
void avmm_ioeventfd_destroy(struct avmm_vm *vm)
{
	struct avmm_ioeventfds *evs = rcu_dereference_protected(vm->ioeventfds, true);
	int i;

	for (i = 0; evs && i < evs->n; i++)
		eventfd_ctx_put(evs->bell[i].ctx);
	kvfree(evs);
	RCU_INIT_POINTER(vm->ioeventfds, NULL);
}
