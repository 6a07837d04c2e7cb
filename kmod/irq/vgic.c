// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of the virtual GIC: interrupts become pending, stand on a
 * vCPU's list, go into its list registers before it enters the guest (flush)
 * and are folded back when it leaves (sync).
 *
 * Between flush and sync the truth about an interrupt in a list register is in
 * that register. All others see its state as of the last entry, and leave what
 * they want of it in VGIC_DO_*. Outside of that time the truth is in
 * vgic_irq.flags; nothing is kept loaded from one turn to the next.
 */
#include <linux/delay.h>
#include <linux/nospec.h>
#include "avmm.h"
#include "trace.h"

/* ---- finding interrupts and vCPUs ---- */

/** vgic_irq_init - an interrupt of group 1, of priority 0, neither pending nor active */
void vgic_irq_init(struct vgic_irq *irq, u32 intid, struct avmm_vcpu *home, u32 flags)
{
	INIT_LIST_HEAD(&irq->node);
	irq->intid = intid;
	irq->home = home;
	irq->target = home;
	irq->flags = flags;
	irq->lr = intid | VGIC_LR_GROUP1;
}

/**
 * vgic_get_irq - find an interrupt by number
 * @vm: initialised GIC
 * @vcpu: whose private interrupts; may be NULL for shared ones
 * @intid: its number
 *
 * Return: the interrupt, or NULL if there is none of that number
 */
struct vgic_irq *vgic_get_irq(struct avmm_vm *vm, struct avmm_vcpu *vcpu, u32 intid)
{
	struct vgic_dist *dist = &vm->arch.vgic;

	if (intid < VGIC_NR_PRIVATE)
		return vcpu ? &vcpu->arch.vgic.private[intid] : NULL;
	intid -= VGIC_NR_PRIVATE;
	if (!dist->spis || intid >= dist->nr_spis || intid > VGIC_MAX_SPI - VGIC_NR_PRIVATE)
		return NULL;
	return &dist->spis[array_index_nospec(intid, dist->nr_spis)];
}

/** vgic_vcpu_aff - Aff3.Aff2.Aff1.Aff0 of a vCPU, as GICR_TYPER has it */
u64 vgic_vcpu_aff(struct avmm_vcpu *vcpu)
{
	u64 mpidr = vcpu->arch.ctx->sys[CTX_MPIDR_EL1];

	return (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000);
}

/**
 * vgic_vcpu_by_aff - the vCPU with an affinity, or NULL
 * @vm: the VM
 * @aff: Aff3.Aff2.Aff1.Aff0
 *
 * vCPU n has affinity (n / 16).(n % 16) unless user space chose otherwise, so
 * the first guess is nearly always right.
 */
struct avmm_vcpu *vgic_vcpu_by_aff(struct avmm_vm *vm, u64 aff)
{
	u64 guess = (aff & 0xf) | (aff >> 8 & 0xff) << 4 | (aff >> 16 & 0xff) << 12;
	unsigned int i, n = smp_load_acquire(&vm->nr_vcpus);	/* pairs with avmm_vcpu_create() */
	struct avmm_vcpu *vcpu;

	if (guess < n) {
		vcpu = vm->vcpus[array_index_nospec(guess, n)];
		if (vgic_vcpu_aff(vcpu) == aff)
			return vcpu;
	}
	for (i = 0; i < n; i++) {
		vcpu = vm->vcpus[i];
		if (vgic_vcpu_aff(vcpu) == aff)
			return vcpu;
	}
	return NULL;
}

/* ---- locks ---- */

/**
 * vgic_irq_lock - take the lock that guards an interrupt
 * @irq: the interrupt
 *
 * Return: flags for vgic_irq_unlock()
 */
unsigned long vgic_irq_lock(struct vgic_irq *irq) __acquires(irq)
{
	unsigned long flags;

	for (;;) {
		struct avmm_vcpu *home = READ_ONCE(irq->home);

		raw_spin_lock_irqsave(&home->arch.vgic.lock, flags);
		if (likely(irq->home == home))
			return flags;
		raw_spin_unlock_irqrestore(&home->arch.vgic.lock, flags);
	}
}

void vgic_irq_unlock(struct vgic_irq *irq, unsigned long flags) __releases(irq)
{
	raw_spin_unlock_irqrestore(&irq->home->arch.vgic.lock, flags);
}

static void lock_two(struct avmm_vcpu *a, struct avmm_vcpu *b) __acquires(a) __acquires(b)
{
	if (a->idx > b->idx)
		swap(a, b);
	raw_spin_lock(&a->arch.vgic.lock);
	if (a != b)
		raw_spin_lock_nested(&b->arch.vgic.lock, SINGLE_DEPTH_NESTING);
	else
		__acquire(b);
}

static void unlock_two(struct avmm_vcpu *a, struct avmm_vcpu *b) __releases(a) __releases(b)
{
	if (a != b)
		raw_spin_unlock(&b->arch.vgic.lock);
	else
		__release(b);
	raw_spin_unlock(&a->arch.vgic.lock);
}

/* ---- lists ---- */

/**
 * vgic_queue - see that an interrupt is on its vCPU's list if it has to be
 * @irq: it has changed
 *
 * Context: its lock held
 * Return: the vCPU to avmm_kick(), preferably without the lock; or NULL
 */
struct avmm_vcpu *vgic_queue(struct vgic_irq *irq)
{
	struct avmm_vcpu *home = irq->home;

	if (!vgic_wants_list(irq->flags))
		return NULL;
	if (!(irq->flags & VGIC_QUEUED)) {
		if (!irq->target)
			return NULL;
		irq->flags |= VGIC_QUEUED;
		list_add_tail(&irq->node, &home->arch.vgic.list);
		home->arch.vgic.nr_listed++;
	}
	return home;
}

static void unlist(struct vgic_cpu *vc, struct vgic_irq *irq)
{
	list_del(&irq->node);
	irq->flags &= ~VGIC_QUEUED;
	vc->nr_listed--;
}

/**
 * vgic_unqueue - take an interrupt that has calmed down off the list
 * @irq: it has changed; stays on the list if something else is to be done about it there
 *
 * Context: its lock held
 */
void vgic_unqueue(struct vgic_irq *irq)
{
	if ((irq->flags & (VGIC_QUEUED | VGIC_IN_LR)) == VGIC_QUEUED &&
	    !vgic_wants_list(irq->flags) && irq->target == irq->home)
		unlist(&irq->home->arch.vgic, irq);
}

/**
 * vgic_rehome - move an interrupt home to its target
 * @irq: may be there already
 *
 * One that is active, or in a list register, stays until it is neither: the
 * vCPU that took it must be the one to deactivate it.
 * Context: no vGIC lock held
 */
void vgic_rehome(struct vgic_irq *irq)
{
	struct avmm_vcpu *from, *to, *kick = NULL;
	unsigned long flags;

	local_irq_save(flags);
	for (;;) {
		from = READ_ONCE(irq->home);
		to = READ_ONCE(irq->target) ?: from;
		lock_two(from, to);
		if (likely(irq->home == from && (irq->target ?: from) == to))
			break;
		unlock_two(from, to);
	}
	if (irq->flags & (VGIC_ACTIVE | VGIC_IN_LR)) {
		from->arch.vgic.rerouted = true;
		kick = from;
	} else {
		if (irq->flags & VGIC_QUEUED)
			unlist(&from->arch.vgic, irq);
		irq->home = to;
		kick = vgic_queue(irq);
	}
	unlock_two(from, to);
	local_irq_restore(flags);
	if (kick)
		avmm_kick(kick);
}

/**
 * vgic_route - GICD_IROUTER was written
 * @irq: a shared interrupt
 * @target: its new vCPU; NULL: there is none
 *
 * Context: no vGIC lock held
 */
void vgic_route(struct vgic_irq *irq, struct avmm_vcpu *target)
{
	unsigned long flags = vgic_irq_lock(irq);

	irq->target = target;
	vgic_irq_unlock(irq, flags);
	vgic_rehome(irq);
}

/* ---- input ---- */

int vgic_inject(struct avmm_vm *vm, struct avmm_vcpu *vcpu, u32 intid, bool level, void *owner)
{
	struct avmm_vcpu *kick = NULL;
	struct vgic_irq *irq;
	unsigned long flags;

	if (unlikely(!vgic_initialized(vm)))
		return vgic_present(vm) ? -EBUSY : -ENODEV;
	irq = vgic_get_irq(vm, vcpu, intid);
	if (!irq)
		return -EINVAL;
	trace_avmm_inject(vcpu ? (int)vcpu->id : -1, intid, level);

	flags = vgic_irq_lock(irq);
	if (irq->owner != owner)
		goto out;	/* as in KVM: nothing happens, and it is no error */
	if (irq->flags & VGIC_LEVEL) {
		if (!!(irq->flags & VGIC_LINE) == level)
			goto out;
		irq->flags ^= VGIC_LINE;
	} else if (level) {
		irq->flags |= VGIC_LATCH;
	}
	if (level)
		kick = vgic_queue(irq);
	else
		vgic_unqueue(irq);
out:
	vgic_irq_unlock(irq, flags);
	if (kick)
		avmm_kick(kick);
	return 0;
}

/**
 * vgic_set_owner - reserve an interrupt's line for an in-kernel device
 * @vcpu: for private interrupts
 * @intid: a PPI or SPI
 * @owner: names the device
 *
 * Return: 0; -EEXIST it belongs to another, -EINVAL no such line, -EAGAIN not initialised
 */
int vgic_set_owner(struct avmm_vcpu *vcpu, u32 intid, void *owner)
{
	struct vgic_irq *irq;
	unsigned long flags;
	int ret = 0;

	if (!vgic_initialized(vcpu->vm))
		return -EAGAIN;
	irq = intid < VGIC_NR_SGIS ? NULL : vgic_get_irq(vcpu->vm, vcpu, intid);
	if (!irq)
		return -EINVAL;
	flags = vgic_irq_lock(irq);
	if (irq->owner && irq->owner != owner)
		ret = -EEXIST;
	else
		irq->owner = owner;
	vgic_irq_unlock(irq, flags);
	return ret;
}

int vgic_map_phys(struct avmm_vcpu *vcpu, u32 intid, u32 hwirq, u8 __percpu *phys_active)
{
	struct vgic_irq *irq = vgic_get_irq(vcpu->vm, vcpu, intid);
	unsigned long flags;

	if (!irq)
		return -EINVAL;
	flags = vgic_irq_lock(irq);
	irq->phys_active = phys_active;
	irq->lr |= VGIC_LR_HW | (u64)hwirq << VGIC_LR_PINTID_SHIFT;
	vgic_irq_unlock(irq, flags);
	return 0;
}

/* KVM's rule: group 0 SGIs by any register, group 1 SGIs only by ICC_SGI1R_EL1 */
static void send_sgi(struct avmm_vcpu *to, u32 intid, bool group1)
{
	struct vgic_irq *irq = &to->arch.vgic.private[intid];
	struct avmm_vcpu *kick = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&to->arch.vgic.lock, flags);
	if (group1 || !(irq->lr & VGIC_LR_GROUP1)) {
		irq->flags |= VGIC_LATCH;
		kick = vgic_queue(irq);
	}
	raw_spin_unlock_irqrestore(&to->arch.vgic.lock, flags);
	if (kick)
		avmm_kick(kick);
}

/**
 * vgic_send_sgi - ICC_SGI1R_EL1, ICC_ASGI1R_EL1 or ICC_SGI0R_EL1 was written
 * @vcpu: by whom
 * @reg: the value: Aff3 [55:48], RS [47:44], IRM [40], Aff2 [39:32], INTID [27:24],
 *	Aff1 [23:16], targets [15:0] (12.2.20)
 * @group1: it was ICC_SGI1R_EL1
 */
void vgic_send_sgi(struct avmm_vcpu *vcpu, u64 reg, bool group1)
{
	u32 intid = reg >> 24 & 0xf;
	unsigned long list = reg & 0xffff;
	struct avmm_vcpu *to;
	unsigned int i;
	u64 aff;

	if (unlikely(!vgic_initialized(vcpu->vm)))
		return;
	if (reg >> 40 & 1) {
		avmm_for_each_vcpu(i, to, vcpu->vm)
			if (to != vcpu)
				send_sgi(to, intid, group1);
		return;
	}
	/* GICD_TYPER.RSS is 0: the range selector must be 0, and targets are Aff0 0 to 15 */
	if (reg >> 44 & 0xf)
		return;
	aff = (reg >> 48 & 0xff) << 24 | (reg >> 32 & 0xff) << 16 | (reg >> 16 & 0xff) << 8;
	for (; list; list &= list - 1) {
		to = vgic_vcpu_by_aff(vcpu->vm, aff | __ffs(list));
		if (to)
			send_sgi(to, intid, group1);
	}
}

/**
 * vgic_v2_send_sgi - GICD_SGIR of a GICv2 was written
 * @vcpu: by whom
 * @reg: the value: target list filter [25:24], targets [23:16], INTID [3:0] (IHI 0048, 4.3.15)
 *
 * As in KVM the SGI's group does not matter.
 */
void vgic_v2_send_sgi(struct avmm_vcpu *vcpu, u32 reg)
{
	u32 filter = reg >> 24 & 3, targets = reg >> 16 & 0xff, self = 1U << vcpu->idx;
	struct avmm_vcpu *to, *kick;
	struct vgic_irq *irq;
	unsigned long flags;
	unsigned int i;

	if (filter == 3)
		return;
	if (filter)
		targets = filter == 1 ? ~self : self;
	avmm_for_each_vcpu(i, to, vcpu->vm) {
		if (!(targets >> i & 1))
			continue;
		irq = &to->arch.vgic.private[reg & 0xf];
		flags = vgic_irq_lock(irq);
		irq->senders |= self;
		irq->flags |= VGIC_LATCH;
		kick = vgic_queue(irq);
		vgic_irq_unlock(irq, flags);
		if (kick)
			avmm_kick(kick);
	}
}

/**
 * vgic_irq_line - AVMM_IRQ_LINE
 * @vm: the VM
 * @line: its argument
 *
 * Return: 0; -ENXIO no GIC (or, for the CPU type, there is one), -EINVAL no such
 * line, -EBUSY not initialised (a GICv2 is initialised now, with its errnos)
 */
int vgic_irq_line(struct avmm_vm *vm, const struct avmm_irq_level *line)
{
	u32 type = line->irq >> AVMM_ARM_IRQ_TYPE_SHIFT & AVMM_ARM_IRQ_TYPE_MASK;
	u32 idx = line->irq >> AVMM_ARM_IRQ_VCPU_SHIFT & AVMM_ARM_IRQ_VCPU_MASK;
	u32 intid = line->irq & AVMM_ARM_IRQ_NUM_MASK;
	struct avmm_vcpu *vcpu = NULL;
	int ret;

	if (type > AVMM_ARM_IRQ_TYPE_PPI)
		return -EINVAL;
	if (type == AVMM_ARM_IRQ_TYPE_CPU || !vgic_present(vm))
		return -ENXIO;
	if (type == AVMM_ARM_IRQ_TYPE_PPI) {
		idx |= (line->irq >> AVMM_ARM_IRQ_VCPU2_SHIFT & AVMM_ARM_IRQ_VCPU2_MASK) << 8;
		/* pairs with avmm_vcpu_create() */
		if (idx >= smp_load_acquire(&vm->nr_vcpus))
			return -EINVAL;
		vcpu = vm->vcpus[array_index_nospec(idx, AVMM_MAX_VCPUS)];
		if (intid < VGIC_NR_SGIS || intid >= VGIC_NR_PRIVATE)
			return -EINVAL;
	} else if (intid < VGIC_NR_PRIVATE) {
		return -EINVAL;
	}
	ret = vgic_lazy_init(vm);
	return ret ?: vgic_inject(vm, vcpu, intid, line->level, NULL);
}

/* ---- into the list registers ---- */

/**
 * vgic_hcr - ICH_HCR_EL2 for a guest with a GIC and with nothing special to do
 * @vcpu: whose
 *
 * A deactivation by ICC_DIR_EL1 (EOImode 1) may be of a shared interrupt that is in another
 * vCPU's list registers: the CPU would find nothing (4.8.2). So all of them come here, but
 * for those of a lone vCPU and on CPUs that cannot trap them by themselves.
 */
u32 vgic_hcr(struct avmm_vcpu *vcpu)
{
	if (vcpu->vm->arch.vgic.model != AVMM_DEV_TYPE_ARM_VGIC_V3 ||
	    /* pairs with avmm_vcpu_create() */
	    !VGIC_VTR_TDS(avmm_host.ich_vtr) || smp_load_acquire(&vcpu->vm->nr_vcpus) < 2)
		return VGIC_HCR_EN;
	return VGIC_HCR_EN | VGIC_HCR_TDIR;
}

/* may be signalled, as far as the distributor is concerned */
static bool signalled(const struct vgic_dist *dist, const struct vgic_irq *irq)
{
	return (irq->flags & VGIC_ENABLED) && vgic_is_pending(irq->flags) &&
	       (READ_ONCE(dist->group_en) & vgic_group_bit(irq));
}

/*
 * A list register names one sender of a GICv2's SGI. The others wait for its end
 * and the exit that comes with it, and so does the same one's next.
 */
static u64 load_sender(struct vgic_irq *irq, u64 lr)
{
	if (irq->flags & VGIC_ACTIVE)
		return lr | VGIC_LR_EOI;
	lr &= ~VGIC_LR_CPUID;
	lr |= __ffs(irq->senders) << VGIC_LR_CPUID_SHIFT;
	irq->senders &= irq->senders - 1;
	return irq->senders ? lr | VGIC_LR_EOI : lr;
}

/*
 * A level interrupt is never made pending while it is active: whether it still
 * is when it has been handled is known only then. If its line is high, the EOI
 * bit brings the vCPU out to look again; a handler that has silenced its device
 * by an exit is spared this, unless someone wants to know of every EOI: a line
 * that several devices share may be lowered by one while another still waits. A
 * hardware interrupt must not be pending and active either (12.4.5, State), and
 * gets its second exit from the physical interrupt.
 */
static void load_lr(struct avmm_vcpu *vcpu, unsigned int n, struct vgic_irq *irq, bool pending)
{
	u64 lr = irq->lr;
	u32 f = irq->flags;

	if (f & VGIC_LEVEL) {
		if (!(lr & VGIC_LR_HW) && ((f & VGIC_LINE) || (pending && (f & VGIC_ACTIVE)) ||
					   READ_ONCE(vcpu->vm->arch.vgic.want_acks)))
			lr |= VGIC_LR_EOI;
		if (f & VGIC_ACTIVE)
			pending = false;
	}
	if (unlikely(irq->senders) && pending) {
		lr = load_sender(irq, lr);
		pending = !(f & VGIC_ACTIVE);
	}
	if (f & VGIC_ACTIVE)
		lr |= VGIC_LR_ACTIVE;
	if (pending) {
		lr |= VGIC_LR_PENDING;
		if (f & VGIC_LATCH)
			f ^= VGIC_LATCH | VGIC_LR_LATCH;
		if (unlikely(irq->senders))
			f |= VGIC_LATCH;
	}
	irq->flags = f | VGIC_IN_LR;
	vcpu->arch.vgic.lr_irq[n] = irq;
	vcpu->arch.ctx->vgic.lr[n] = lr;
}

/* The order in which interrupts get list registers when there are too few: smaller goes first. */
static u32 rank(const struct vgic_irq *irq)
{
	return vgic_prio(irq) | (irq->flags & VGIC_ACTIVE ? 0 : 0x100);
}

/*
 * More interrupts than list registers. Active ones go first, so that their EOI
 * finds them; the best pending one has a place in any case. When the guest has
 * taken all pending ones that it can see, or deactivated one that is not there,
 * it comes out and the next are loaded.
 */
static void load_best(struct avmm_vcpu *vcpu)
{
	struct vgic_dist *dist = &vcpu->vm->arch.vgic;
	struct vgic_irq *best[VGIC_MAX_LRS], *first = NULL, *irq;
	unsigned int i, n = 0, max = avmm_host.nr_lrs, active = 0, pending = 0;
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;

	list_for_each_entry(irq, &vcpu->arch.vgic.list, node) {
		bool sig = signalled(dist, irq) && !(irq->flags & VGIC_ACTIVE);

		if (!sig && !(irq->flags & VGIC_ACTIVE))
			continue;
		active += !sig;
		pending += sig;
		if (sig && (!first || rank(irq) < rank(first)))
			first = irq;
		if (n == max && rank(irq) >= rank(best[n - 1]))
			continue;
		/* insertion into a short sorted array; the last falls off when it is full */
		for (i = n < max ? n++ : n - 1; i && rank(irq) < rank(best[i - 1]); i--)
			best[i] = best[i - 1];
		best[i] = irq;
	}
	if (first && n == max && active >= max)
		best[n - 1] = first;
	for (i = 0; i < n; i++)
		load_lr(vcpu, i, best[i], signalled(dist, best[i]));
	hyp->used_lrs = n;
	hyp->hcr = vgic_hcr(vcpu);
	if (active + pending <= n)
		return;
	if (pending)
		hyp->hcr |= VGIC_HCR_NPIE;
	if (active >= max)
		hyp->hcr |= VGIC_HCR_LRENPIE;
}

static void load_all(struct avmm_vcpu *vcpu)
{
	struct vgic_dist *dist = &vcpu->vm->arch.vgic;
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	struct vgic_irq *irq, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(irq, next, &vc->list, node) {
		bool sig = signalled(dist, irq);

		if (sig || (irq->flags & VGIC_ACTIVE))
			load_lr(vcpu, n++, irq, sig);
		else
			vgic_unqueue(irq);
	}
	vcpu->arch.ctx->vgic.used_lrs = n;
	vcpu->arch.ctx->vgic.hcr = vgic_hcr(vcpu);
}

/* send those away that have been routed to another vCPU. Context: interrupts off */
static void send_away(struct avmm_vcpu *vcpu)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	struct vgic_irq *irq, *away;
	unsigned int i;

	/* only what was in a list register can be left behind: vgic_route() moves the others */
	for (i = 0; i <= VGIC_MAX_LRS; i++) {
		away = NULL;
		raw_spin_lock(&vc->lock);
		vc->rerouted = false;
		list_for_each_entry(irq, &vc->list, node) {
			if (irq->target == vcpu)
				continue;
			vc->rerouted = true;
			if (!(irq->flags & (VGIC_ACTIVE | VGIC_IN_LR)))
				away = irq;
		}
		raw_spin_unlock(&vc->lock);
		if (!away)
			break;
		vgic_rehome(away);
	}
}

static noinline void load(struct avmm_vcpu *vcpu)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;

	if (unlikely(vcpu->arch.ctx->vgic.used_lrs))
		vgic_sync(vcpu);
	if (unlikely(READ_ONCE(vc->rerouted)))
		send_away(vcpu);
	raw_spin_lock(&vc->lock);
	if (likely(vc->nr_listed <= avmm_host.nr_lrs))
		load_all(vcpu);
	else
		load_best(vcpu);
	raw_spin_unlock(&vc->lock);
}

/**
 * vgic_flush - fill ctx->vgic before entry
 * @vcpu: about to enter
 *
 * An empty list means empty list registers: vgic_sync() has left them so.
 * The caller has made its intention to enter known (vcpu->mode) before this
 * look at the list, so that what is queued after it comes with a kick.
 * Context: vCPU thread, interrupts off
 */
void vgic_flush(struct avmm_vcpu *vcpu)
{
	if (unlikely(!list_empty(&vcpu->arch.vgic.list)))
		load(vcpu);
}

/* ---- and back ---- */

/* what others asked for while the list register had the say */
static u32 do_deferred(u32 f)
{
	if (f & VGIC_DO_UNLATCH)
		f &= ~VGIC_LATCH;
	if (f & VGIC_DO_ACT)
		f |= VGIC_ACTIVE;
	if (f & VGIC_DO_DEACT)
		f &= ~VGIC_ACTIVE;
	return f & ~VGIC_DO;
}

/**
 * vgic_note_ack - leave word for avmm_irqfd_acked() that the guest has deactivated an interrupt
 * @vcpu: the guest's vCPU, in its thread
 * @irq: its lock is held
 */
void vgic_note_ack(struct avmm_vcpu *vcpu, const struct vgic_irq *irq)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;

	if (READ_ONCE(vcpu->vm->arch.vgic.want_acks) && irq->intid >= VGIC_NR_PRIVATE &&
	    (irq->flags & VGIC_LEVEL) && vc->nr_acked < VGIC_MAX_ACKED)
		vc->acked[vc->nr_acked++] = irq->intid;
}

/*
 * EOIs that found no list register: the guest has deactivated active interrupts
 * that did not fit. It ends the one of highest priority first (4.8), and that one
 * has the smallest number here.
 */
static void deactivate_unseen(struct avmm_vcpu *vcpu, unsigned int count)
{
	while (count--) {
		struct vgic_irq *irq, *best = NULL;

		list_for_each_entry(irq, &vcpu->arch.vgic.list, node)
			if ((irq->flags & (VGIC_ACTIVE | VGIC_IN_LR)) == VGIC_ACTIVE &&
			    (!best || vgic_prio(irq) < vgic_prio(best)))
				best = irq;
		if (!best)
			break;
		best->flags &= ~VGIC_ACTIVE;
		vgic_note_ack(vcpu, best);
		vgic_unqueue(best);
	}
}

/* who sent it: either still to be taken, or to be named again while it is active */
static void fold_sender(struct vgic_irq *irq, u64 lr)
{
	if (lr & VGIC_LR_PENDING)
		irq->senders |= 1U << (lr >> VGIC_LR_CPUID_SHIFT & 7);
	irq->lr = (irq->lr & ~VGIC_LR_CPUID) | (lr & VGIC_LR_CPUID);
}

static void fold_lr(struct avmm_vcpu *vcpu, struct vgic_irq *irq, u64 lr)
{
	u32 f = irq->flags & ~(VGIC_IN_LR | VGIC_LR_LATCH | VGIC_ACTIVE);

	/* LPIs have no active state (4.8.2), though some list registers show one */
	if ((lr & VGIC_LR_ACTIVE) && irq->intid < VGIC_LPI_BASE)
		f |= VGIC_ACTIVE;
	/* not taken yet; an edge that came meanwhile is in VGIC_LATCH itself */
	if ((irq->flags & VGIC_LR_LATCH) && (lr & VGIC_LR_PENDING))
		f |= VGIC_LATCH;
	if (unlikely(f & VGIC_V2_SGI))
		fold_sender(irq, lr);
	if (unlikely(f & VGIC_DO))
		f = do_deferred(f);
	if ((lr & VGIC_LR_HW) && !(lr & VGIC_LR_STATE))
		__this_cpu_write(*irq->phys_active, 0);
	if (unlikely((lr & (VGIC_LR_EOI | VGIC_LR_HW | VGIC_LR_STATE)) == VGIC_LR_EOI))
		vgic_note_ack(vcpu, irq);
	irq->flags = f;
	vgic_unqueue(irq);
}

static noinline void fold(struct avmm_vcpu *vcpu)
{
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	unsigned int i;

	raw_spin_lock(&vc->lock);
	if (unlikely(VGIC_HCR_EOICOUNT(hyp->hcr)))
		deactivate_unseen(vcpu, VGIC_HCR_EOICOUNT(hyp->hcr));
	for (i = 0; i < hyp->used_lrs; i++)
		fold_lr(vcpu, vc->lr_irq[i], hyp->lr[i]);
	hyp->used_lrs = 0;
	hyp->hcr = vgic_hcr(vcpu);
	WRITE_ONCE(vc->nr_folds, vc->nr_folds + 1);
	raw_spin_unlock(&vc->lock);
}

/**
 * vgic_sync - fold ctx->vgic after exit
 * @vcpu: has left the guest, or gave up entering it
 *
 * Context: vCPU thread, interrupts off since vgic_flush()
 */
void vgic_sync(struct avmm_vcpu *vcpu)
{
	if (unlikely(vcpu->arch.ctx->vgic.used_lrs))
		fold(vcpu);
}

/**
 * vgic_wait_fold - have an interrupt folded if it is in a list register
 * @irq: on return its flags are no older than this call
 *
 * Kicks its vCPU and waits until that has left the guest. Gives up after some
 * milliseconds: then the host is in trouble, and the guest gets a stale answer.
 * Context: may sleep
 */
void vgic_wait_fold(struct vgic_irq *irq)
{
	struct avmm_vcpu *vcpu = READ_ONCE(irq->home);
	unsigned int seen = READ_ONCE(vcpu->arch.vgic.nr_folds), tries;

	if (!(READ_ONCE(irq->flags) & VGIC_IN_LR))
		return;
	avmm_kick(vcpu);
	for (tries = 0; tries < 500; tries++) {
		if (READ_ONCE(vcpu->arch.vgic.nr_folds) != seen)
			return;
		if (tries < 200)
			cpu_relax();
		else
			usleep_range(10, 50);
	}
}

/**
 * vgic_vcpu_pending - would the vCPU take an interrupt now?
 * @vcpu: outside the guest
 *
 * As the GIC signals it: enabled in distributor and CPU interface, and of a
 * priority above the mask. Running priority is not looked at: WFI may end early,
 * but must not miss its interrupt.
 */
bool vgic_vcpu_pending(struct avmm_vcpu *vcpu)
{
	struct vgic_dist *dist = &vcpu->vm->arch.vgic;
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	u64 vmcr = vcpu->arch.ctx->vgic.vmcr;
	bool pending = false;
	struct vgic_irq *irq;
	unsigned long flags;

	if (list_empty(&vc->list))
		return false;
	raw_spin_lock_irqsave(&vc->lock, flags);
	list_for_each_entry(irq, &vc->list, node) {
		pending = signalled(dist, irq) && !(irq->flags & VGIC_ACTIVE) &&
			  (vmcr & vgic_group_bit(irq)) &&
			  vgic_prio(irq) < vmcr >> VGIC_VMCR_PMR_SHIFT;
		if (pending)
			break;
	}
	raw_spin_unlock_irqrestore(&vc->lock, flags);
	return pending;
}
