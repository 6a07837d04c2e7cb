// SPDX-License-Identifier: GPL-2.0
/*
 * LPIs, the message-signalled interrupts of a GICv3: edge-triggered, group 1,
 * without an active state. What a register says of other interrupts, two tables
 * in the guest's memory say of them (IHI 0069, 5.1): one for all redistributors
 * with priority and enable, and one per redistributor with the pending bits. We
 * keep both in struct vgic_irq and look at the tables when the architecture says
 * that they are looked at.
 *
 * An LPI is made when the first event is mapped to it and stays until the VM
 * ends. So whoever has found one may use it without a reference; vgic_irq.nr_maps
 * says whether it still means anything. The guest can have 57344 of them made,
 * which is 6 MiB, accounted to the VMM.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include "avmm.h"
#include "trace.h"

#define PROP_ENABLED	1
#define PROP_PRIO_MASK	VGIC_PRIO_MASK	/* the table has six bits; we have five as everywhere */

/**
 * vgic_get_lpi - find an LPI by number
 * @vm: the VM
 * @intid: any number
 *
 * Context: any
 * Return: the LPI, or NULL if no event was ever mapped to it
 */
struct vgic_irq *vgic_get_lpi(struct avmm_vm *vm, u32 intid)
{
	return xa_load(&vm->arch.vgic.lpis, intid);
}

static bool takes_lpis(struct avmm_vcpu *vcpu)
{
	return vcpu && READ_ONCE(vcpu->arch.vgic.lpis_enabled);
}

/**
 * vgic_lpi_inject - an MSI has come
 * @irq: an LPI
 *
 * An LPI that was unmapped, or whose redistributor was disabled, since the
 * caller found it stays as it is.
 * Context: any
 * Return: true if it is pending now
 */
bool vgic_lpi_inject(struct vgic_irq *irq)
{
	unsigned long flags = vgic_irq_lock(irq);
	struct avmm_vcpu *kick = NULL;
	bool lives = irq->nr_maps && takes_lpis(irq->target);

	if (lives) {
		trace_avmm_inject(-1, irq->intid, true);
		irq->flags |= VGIC_LATCH;
		kick = vgic_queue(irq);
	}
	vgic_irq_unlock(irq, flags);
	if (kick)
		avmm_kick(kick);
	return lives;
}

/**
 * vgic_lpi_clear - take its pending state away
 * @irq: an LPI
 *
 * A vCPU that has it in a list register is brought out of the guest.
 */
void vgic_lpi_clear(struct vgic_irq *irq)
{
	unsigned long flags = vgic_irq_lock(irq);
	bool loaded = irq->flags & VGIC_IN_LR;

	irq->flags &= ~VGIC_LATCH;
	if (loaded)
		irq->flags |= VGIC_DO_UNLATCH;
	vgic_unqueue(irq);
	vgic_irq_unlock(irq, flags);
	if (loaded)
		vgic_wait_fold(irq);
}

/**
 * vgic_lpi_configure - take over what the property table says
 * @vm: the VM
 * @irq: an LPI
 *
 * Return: 0; -EFAULT: GICR_PROPBASER is no memory, nothing has changed
 */
int vgic_lpi_configure(struct avmm_vm *vm, struct vgic_irq *irq)
{
	u64 table = READ_ONCE(vm->arch.vgic.propbaser) & VGIC_PROPBASER_ADDR;
	struct avmm_vcpu *kick = NULL;
	bool leaves = false;
	unsigned long flags;
	u8 prop;

	if (avmm_read_guest(vm, table + irq->intid - VGIC_LPI_BASE, &prop, 1))
		return -EFAULT;
	flags = vgic_irq_lock(irq);
	irq->lr &= ~VGIC_LR_PRIO_MASK;
	irq->lr |= (u64)(prop & PROP_PRIO_MASK) << VGIC_LR_PRIO_SHIFT;
	if (irq->nr_maps && (prop & PROP_ENABLED)) {
		irq->flags |= VGIC_ENABLED;
		kick = vgic_queue(irq);
	} else {
		irq->flags &= ~VGIC_ENABLED;
		leaves = irq->flags & VGIC_IN_LR;
		vgic_unqueue(irq);
	}
	vgic_irq_unlock(irq, flags);
	if (kick)
		avmm_kick(kick);
	if (leaves)
		vgic_wait_fold(irq);
	return 0;
}

/* the byte of the pending table that has the LPI's bit */
static u64 pending_byte(struct avmm_vcpu *vcpu, u32 intid)
{
	return (READ_ONCE(vcpu->arch.vgic.pendbaser) & VGIC_PENDBASER_ADDR) + intid / 8;
}

/*
 * An LPI that is pending in the table becomes pending. The bit is used up if
 * @take. A redistributor that takes no LPIs has no table yet.
 */
static int load_pending(struct avmm_vm *vm, struct vgic_irq *irq, bool take)
{
	struct avmm_vcpu *target = READ_ONCE(irq->target);
	u8 bit = 1 << irq->intid % 8, byte;
	u64 gpa;

	if (!takes_lpis(target))
		return 0;
	gpa = pending_byte(target, irq->intid);
	if (avmm_read_guest(vm, gpa, &byte, 1))
		return -EFAULT;
	if (!(byte & bit))
		return 0;
	vgic_lpi_inject(irq);
	byte &= ~bit;
	return take ? avmm_write_guest(vm, gpa, &byte, 1) : 0;
}

static struct vgic_irq *make(struct avmm_vm *vm, u32 intid)
{
	struct vgic_irq *irq;
	int err;

	/* it must be at home somewhere */
	if (!vgic_initialized(vm) || !vm->nr_vcpus)
		return ERR_PTR(-ENXIO);
	irq = kzalloc(sizeof(*irq), GFP_KERNEL_ACCOUNT);
	if (!irq)
		return ERR_PTR(-ENOMEM);
	vgic_irq_init(irq, intid, vm->vcpus[0], 0);
	err = xa_insert(&vm->arch.vgic.lpis, intid, irq, GFP_KERNEL_ACCOUNT);
	if (!err)
		return irq;
	kfree(irq);
	/* another ITS was faster */
	return err == -EBUSY ? vgic_get_lpi(vm, intid) : ERR_PTR(err);
}

/**
 * vgic_lpi_map - an event is mapped to an LPI
 * @vm: the VM
 * @intid: VGIC_LPI_BASE or more, of VGIC_LPI_ID_BITS at most
 * @target: where it goes; NULL: nowhere yet. Means nothing if another event is
 *	mapped to it already
 *
 * Return: 0; -EFAULT: a table is no memory; -ENOMEM; -ENXIO: the GIC is not
 * initialised, or without vCPUs
 */
int vgic_lpi_map(struct avmm_vm *vm, u32 intid, struct avmm_vcpu *target)
{
	struct vgic_irq *irq = vgic_get_lpi(vm, intid) ?: make(vm, intid);
	unsigned long flags;
	bool first;
	int ret;

	if (IS_ERR(irq))
		return PTR_ERR(irq);
	flags = vgic_irq_lock(irq);
	first = !irq->nr_maps++;
	vgic_irq_unlock(irq, flags);
	if (!first)
		return 0;
	vgic_route(irq, target);
	ret = vgic_lpi_configure(vm, irq);
	if (!ret)
		ret = load_pending(vm, irq, true);
	if (ret)
		vgic_lpi_unmap(irq);
	return ret;
}

/** vgic_lpi_unmap - one event less. With the last the LPI is off and not pending */
void vgic_lpi_unmap(struct vgic_irq *irq)
{
	unsigned long flags = vgic_irq_lock(irq);
	bool last = !--irq->nr_maps;

	if (last)
		irq->flags &= ~VGIC_ENABLED;
	vgic_irq_unlock(irq, flags);
	if (last)
		vgic_lpi_clear(irq);
}

/**
 * vgic_lpis_configure - the same for all LPIs of a redistributor
 * @vcpu: whose
 */
void vgic_lpis_configure(struct avmm_vcpu *vcpu)
{
	struct vgic_irq *irq;
	unsigned long i;

	xa_for_each(&vcpu->vm->arch.vgic.lpis, i, irq) {
		cond_resched();
		if (READ_ONCE(irq->target) == vcpu && vgic_lpi_configure(vcpu->vm, irq))
			return;
	}
}

/**
 * vgic_lpis_move - have one redistributor's LPIs go to another
 * @from: whose they are
 * @to: whose they shall be
 */
void vgic_lpis_move(struct avmm_vcpu *from, struct avmm_vcpu *to)
{
	struct vgic_irq *irq;
	unsigned long i;

	xa_for_each(&from->vm->arch.vgic.lpis, i, irq) {
		cond_resched();
		if (READ_ONCE(irq->target) == from)
			vgic_route(irq, to);
	}
}

/**
 * vgic_lpis_enable - GICR_CTLR.EnableLPIs is written
 * @vcpu: whose redistributor
 * @on: what
 *
 * What is pending when they are disabled is lost, as the architecture allows
 * (12.11.2) and KVM has it.
 */
void vgic_lpis_enable(struct avmm_vcpu *vcpu, bool on)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	struct vgic_irq *irq;
	unsigned long i, flags;
	bool was;

	raw_spin_lock_irqsave(&vc->lock, flags);
	was = vc->lpis_enabled;
	WRITE_ONCE(vc->lpis_enabled, on);
	raw_spin_unlock_irqrestore(&vc->lock, flags);
	/* PTZ: software says that its table is all zero */
	if (on == was || (on && (READ_ONCE(vc->pendbaser) & VGIC_PENDBASER_PTZ)))
		return;
	xa_for_each(&vcpu->vm->arch.vgic.lpis, i, irq) {
		cond_resched();
		if (READ_ONCE(irq->target) != vcpu)
			continue;
		if (!on)
			vgic_lpi_clear(irq);
		else if (READ_ONCE(irq->nr_maps) && load_pending(vcpu->vm, irq, false))
			return;
	}
}

static int save(struct avmm_vm *vm, const struct vgic_irq *irq)
{
	bool pending = irq->flags & VGIC_LATCH;
	u8 bit = 1 << irq->intid % 8, byte;
	u64 gpa = pending_byte(irq->target, irq->intid);

	if (avmm_read_guest(vm, gpa, &byte, 1))
		return -EFAULT;
	if (!(byte & bit) == !pending)
		return 0;
	byte ^= bit;
	return avmm_write_guest(vm, gpa, &byte, 1);
}

/**
 * vgic_lpis_save - write the pending tables
 * @vm: all its vCPUs are outside RUN
 *
 * Return: 0; -EFAULT: GICR_PENDBASER is no memory; -EINTR: the thread is being killed
 */
int vgic_lpis_save(struct avmm_vm *vm)
{
	struct vgic_irq *irq;
	unsigned long i;
	int ret;

	xa_for_each(&vm->arch.vgic.lpis, i, irq) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = irq->nr_maps && irq->target ? save(vm, irq) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

/** vgic_lpis_free - at the end of the VM; no vCPU and no ITS is left */
void vgic_lpis_free(struct avmm_vm *vm)
{
	struct vgic_irq *irq;
	unsigned long i;

	xa_for_each(&vm->arch.vgic.lpis, i, irq)
		kfree(irq);
	xa_destroy(&vm->arch.vgic.lpis);
}
