// SPDX-License-Identifier: GPL-2.0
/*
 * GSI routing: what an irqfd's number stands for, a pin of the GIC or an MSI.
 *
 * One array per VM, by GSI, replaced as a whole under vm->irq_lock and read
 * under vm->irq_srcu at every event, so that irqfds follow a change by
 * themselves; AVMM_SET_GSI_ROUTING returns when no event is under way by the
 * old one.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include "avmm.h"

#define NR_PINS		(VGIC_MAX_SPI + 1 - VGIC_NR_PRIVATE)

struct route {
	u32 type;	/* AVMM_IRQ_ROUTING_*, 0: none */
	union {
		u32 intid;
		struct avmm_msi msi;
	};
};

struct avmm_routes {
	u32 n;
	struct route gsi[];
};

static struct avmm_routes *routes_alloc(u32 n)
{
	struct avmm_routes *routes = kvzalloc(struct_size(routes, gsi, n), GFP_KERNEL_ACCOUNT);

	if (routes)
		routes->n = n;
	return routes;
}

static void publish(struct avmm_vm *vm, struct avmm_routes *routes)
{
	struct avmm_routes *old;

	mutex_lock(&vm->irq_lock);
	old = rcu_dereference_protected(vm->routes, lockdep_is_held(&vm->irq_lock));
	rcu_assign_pointer(vm->routes, routes);
	mutex_unlock(&vm->irq_lock);
	synchronize_srcu_expedited(&vm->irq_srcu);
	kvfree(old);
}

/* Arm has one irqchip, and so a GSI has one entry at most */
static int fill(struct avmm_routes *routes, const struct avmm_irq_routing_entry *e)
{
	struct route *route = &routes->gsi[array_index_nospec(e->gsi, routes->n)];

	if (route->type)
		return -EINVAL;
	switch (e->type) {
	case AVMM_IRQ_ROUTING_IRQCHIP:
		if (e->flags || e->u.irqchip.irqchip || e->u.irqchip.pin >= NR_PINS)
			return -EINVAL;
		route->intid = VGIC_NR_PRIVATE + e->u.irqchip.pin;
		break;
	case AVMM_IRQ_ROUTING_MSI:
		if (e->flags & ~AVMM_MSI_VALID_DEVID)
			return -EINVAL;
		route->msi = (struct avmm_msi) {
			.address_lo = e->u.msi.address_lo,
			.address_hi = e->u.msi.address_hi,
			.data = e->u.msi.data,
			.flags = e->flags,
			.devid = e->u.msi.devid,
		};
		break;
	default:
		return -EINVAL;
	}
	route->type = e->type;
	return 0;
}

static int set_routing(struct avmm_vm *vm, const struct avmm_irq_routing_entry *e, u32 nr)
{
	struct avmm_routes *routes;
	u32 i, n = 1;
	int ret = 0;

	for (i = 0; i < nr; i++) {
		if (e[i].gsi >= AVMM_MAX_GSIS)
			return -EINVAL;
		n = max(n, e[i].gsi + 1);
	}
	routes = routes_alloc(n);
	if (!routes)
		return -ENOMEM;
	for (i = 0; i < nr && !ret; i++)
		ret = fill(routes, &e[i]);
	if (ret)
		kvfree(routes);
	else
		publish(vm, routes);
	return ret;
}

/**
 * avmm_set_gsi_routing - AVMM_SET_GSI_ROUTING
 * @vm: the VM
 * @arg: number of entries, and flags
 * @entries: all the routes that there shall be
 *
 * The pin of an interrupt that the GIC has not, and an MSI that goes nowhere,
 * are no errors here: what comes that way is lost.
 * Return: 0; -EINVAL more than 4096 entries, an unknown flag or type, a GSI,
 * irqchip or pin out of range, or two entries for a GSI; -EFAULT, -ENOMEM
 */
int avmm_set_gsi_routing(struct avmm_vm *vm, const struct avmm_irq_routing *arg,
			 const struct avmm_irq_routing_entry __user *entries)
{
	struct avmm_irq_routing_entry *e = NULL;
	int ret;

	if (arg->nr > AVMM_MAX_GSIS || arg->flags)
		return -EINVAL;
	if (arg->nr) {
		e = vmemdup_user(entries, array_size(arg->nr, sizeof(*e)));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	ret = set_routing(vm, e, arg->nr);
	kvfree(e);
	return ret;
}

/**
 * avmm_routing_default - GSI n is SPI n, until user space says otherwise
 * @vm: its GIC is being initialised; caller holds vm->lock
 * @nr_spis: how many there are
 *
 * What user space has said before is gone then, as with KVM.
 * Return: 0 or -ENOMEM
 */
int avmm_routing_default(struct avmm_vm *vm, u32 nr_spis)
{
	struct avmm_routes *routes = routes_alloc(nr_spis);
	u32 i;

	if (!routes)
		return -ENOMEM;
	for (i = 0; i < nr_spis; i++) {
		routes->gsi[i].type = AVMM_IRQ_ROUTING_IRQCHIP;
		routes->gsi[i].intid = VGIC_NR_PRIVATE + i;
	}
	publish(vm, routes);
	return 0;
}

/** avmm_routing_destroy - at the end of a VM */
void avmm_routing_destroy(struct avmm_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->routes, true));
}

/* caller holds irq_srcu; NULL: goes nowhere */
static const struct route *route_of(struct avmm_vm *vm, u32 gsi)
{
	const struct avmm_routes *routes = srcu_dereference(vm->routes, &vm->irq_srcu);

	if (!routes || gsi >= routes->n)
		return NULL;
	return &routes->gsi[array_index_nospec(gsi, routes->n)];
}

/**
 * avmm_set_gsi - a GSI's line goes up or down
 * @vm: the VM
 * @gsi: its number
 * @level: up; for an MSI it is the message, and nothing when it is down
 *
 * Context: may sleep
 * Return: what the GIC or the ITS says; -EINVAL if there is no route
 */
int avmm_set_gsi(struct avmm_vm *vm, u32 gsi, bool level)
{
	int idx = srcu_read_lock(&vm->irq_srcu);
	const struct route *found = route_of(vm, gsi);
	struct route route = { .type = 0 };

	if (found)
		route = *found;
	srcu_read_unlock(&vm->irq_srcu, idx);
	switch (route.type) {
	case AVMM_IRQ_ROUTING_IRQCHIP:
		return vgic_inject(vm, NULL, route.intid, level, NULL);
	case AVMM_IRQ_ROUTING_MSI:
		return level ? vgic_inject_msi(vm, &route.msi) : 0;
	default:
		return -EINVAL;
	}
}

/**
 * avmm_raise_gsi_atomic - avmm_set_gsi() for any context
 * @vm: the VM
 * @gsi: its number; its line goes up
 *
 * Return: as avmm_set_gsi(), and -EWOULDBLOCK when that one is needed
 */
int avmm_raise_gsi_atomic(struct avmm_vm *vm, u32 gsi)
{
	int idx = srcu_read_lock(&vm->irq_srcu), ret = -EINVAL;
	const struct route *route = route_of(vm, gsi);

	if (route && route->type == AVMM_IRQ_ROUTING_IRQCHIP)
		ret = vgic_inject(vm, NULL, route->intid, true, NULL);
	else if (route && route->type == AVMM_IRQ_ROUTING_MSI)
		ret = vgic_inject_msi_atomic(vm, &route->msi);
	srcu_read_unlock(&vm->irq_srcu, idx);
	return ret;
}

/** avmm_gsi_is_spi - does a GSI stand for this interrupt? Caller holds vm->irq_srcu */
bool avmm_gsi_is_spi(struct avmm_vm *vm, u32 gsi, u32 intid)
{
	const struct route *route = route_of(vm, gsi);

	return route && route->type == AVMM_IRQ_ROUTING_IRQCHIP && route->intid == intid;
}
