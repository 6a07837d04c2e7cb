// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: a signal on an eventfd becomes an interrupt of the guest, without a
 * thread in between.
 *
 * Whoever signals the eventfd calls wakeup(), in any context and with the
 * eventfd's lock held; the interrupt is injected there and then, unless the ITS
 * has to sleep over it. With RESAMPLE the line stays up until the guest has
 * deactivated the interrupt; then it goes down and a second eventfd is signalled,
 * so that a device that still wants attention can say so again (VFIO INTx).
 *
 * An irqfd ends by DEASSIGN, when its eventfd is closed or with the VM's fd. It
 * is then taken off vm->irqfds, once, by whoever is first, and shutdown_work()
 * does the rest; the eventfd's lock is held where the eventfd closes, and must
 * not be where one lets go of it.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "avmm.h"

/* shutdown_work() and nothing else, so that one can wait for what is queued */
static struct workqueue_struct *shutdown_wq;

/**
 * struct irqfd - an eventfd tied to a GSI
 * @vm: outlives it
 * @gsi: what to raise
 * @eventfd: by which; a reference
 * @resample: to be signalled when the guest is done; a reference, or NULL
 * @node: [q] in vm->irqfds; empty: it is being shut down
 * @resample_node: [i] in vm->resamplers
 * @wait: in the eventfd's wait queue
 * @inject: for what cannot be done in wakeup()
 * @shutdown: see above
 */
struct irqfd {
	struct avmm_vm *vm;
	u32 gsi;
	struct eventfd_ctx *eventfd;
	struct eventfd_ctx *resample;
	struct list_head node;
	struct list_head resample_node;
	wait_queue_entry_t wait;
	struct work_struct inject;
	struct work_struct shutdown;
};

static void inject_work(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, inject);

	avmm_set_gsi(f->vm, f->gsi, true);
	if (!f->resample)
		avmm_set_gsi(f->vm, f->gsi, false);
}

/* Context: irqfds_lock held. Once only: @f is on the list. */
static void deactivate(struct irqfd *f)
{
	list_del_init(&f->node);
	queue_work(shutdown_wq, &f->shutdown);
}

/* Context: the eventfd's lock held, interrupts off */
static int wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	struct avmm_vm *vm = f->vm;
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->eventfd, &count);
		if (avmm_raise_gsi_atomic(vm, f->gsi) == -EWOULDBLOCK)
			schedule_work(&f->inject);
	}
	if (events & EPOLLHUP) {
		spin_lock_irqsave(&vm->irqfds_lock, flags);
		if (!list_empty(&f->node))
			deactivate(f);
		spin_unlock_irqrestore(&vm->irqfds_lock, flags);
	}
	return !!(events & EPOLLIN);	/* the event is used up */
}

/* ---- resampling ---- */

static void want_acks(struct avmm_vm *vm)
{
	lockdep_assert_held(&vm->irq_lock);
	WRITE_ONCE(vm->arch.vgic.want_acks, !list_empty(&vm->resamplers));
}

/**
 * avmm_irqfd_acked - the guest has deactivated level-sensitive SPIs
 * @vcpu: vcpu->arch.vgic.acked says which
 *
 * The line goes down once, then all that share it are told: in the other order
 * one of them could raise it again in between, and that would be lost.
 * Context: vCPU thread, outside the guest, interrupts on
 */
void avmm_irqfd_acked(struct avmm_vcpu *vcpu)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	struct avmm_vm *vm = vcpu->vm;
	int idx = srcu_read_lock(&vm->irq_srcu);
	struct irqfd *f;

	while (vc->nr_acked) {
		u32 intid = vc->acked[--vc->nr_acked];
		bool lowered = false;

		list_for_each_entry_srcu(f, &vm->resamplers, resample_node,
					 srcu_read_lock_held(&vm->irq_srcu)) {
			if (!avmm_gsi_is_spi(vm, f->gsi, intid))
				continue;
			if (!lowered)
				vgic_inject(vm, NULL, intid, false, NULL);
			lowered = true;
			avmm_eventfd_signal(f->resample);
		}
	}
	srcu_read_unlock(&vm->irq_srcu, idx);
}

static void stop_resampling(struct irqfd *f)
{
	struct avmm_vm *vm = f->vm;
	bool shared = false;
	struct irqfd *other;

	mutex_lock(&vm->irq_lock);
	list_del_rcu(&f->resample_node);
	list_for_each_entry(other, &vm->resamplers, resample_node)
		shared |= other->gsi == f->gsi;
	/* nobody is left to lower it when the guest is done */
	if (!shared)
		avmm_set_gsi(vm, f->gsi, false);
	want_acks(vm);
	mutex_unlock(&vm->irq_lock);
	synchronize_srcu(&vm->irq_srcu);
	eventfd_ctx_put(f->resample);
}

/* ---- life ---- */

static void shutdown_work(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, shutdown);
	u64 count;

	/* from here on no wakeup(): none is under way either, as it has the eventfd's lock */
	eventfd_ctx_remove_wait_queue(f->eventfd, &f->wait, &count);
	flush_work(&f->inject);
	if (f->resample)
		stop_resampling(f);
	eventfd_ctx_put(f->eventfd);
	kfree(f);
}

struct enqueue {
	poll_table pt;
	struct irqfd *f;
	int ret;
};

static void enqueue(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct enqueue *q = container_of(pt, struct enqueue, pt);

	/* before those who poll the eventfd: they find it read already */
	q->ret = avmm_add_first_waiter(wqh, &q->f->wait);
}

/* Nobody has seen it. Context: irq_lock held */
static void forget(struct irqfd *f)
{
	spin_lock_irq(&f->vm->irqfds_lock);
	list_del_init(&f->node);
	spin_unlock_irq(&f->vm->irqfds_lock);
	if (!f->resample)
		return;
	list_del_rcu(&f->resample_node);
	want_acks(f->vm);
	synchronize_srcu(&f->vm->irq_srcu);
}

/* Context: irq_lock held, so that nobody deassigns what is half made */
static int start(struct irqfd *f, struct file *file)
{
	struct enqueue q = { .f = f };
	struct avmm_vm *vm = f->vm;
	struct irqfd *other;
	bool taken = false;
	__poll_t events;

	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry(other, &vm->irqfds, node)
		taken |= other->eventfd == f->eventfd;
	if (!taken)
		list_add_tail(&f->node, &vm->irqfds);
	spin_unlock_irq(&vm->irqfds_lock);
	if (taken)
		return -EBUSY;
	if (f->resample) {
		list_add_rcu(&f->resample_node, &vm->resamplers);
		want_acks(vm);
	}
	init_waitqueue_func_entry(&f->wait, wakeup);
	init_poll_funcptr(&q.pt, enqueue);
	events = vfs_poll(file, &q.pt);
	if (q.ret) {
		forget(f);
		return q.ret;
	}
	/* it was signalled before: that counts too */
	if (events & EPOLLIN)
		schedule_work(&f->inject);
	return 0;
}

static int assign(struct avmm_vm *vm, const struct avmm_irqfd *args)
{
	struct file *file;
	struct irqfd *f;
	int ret;

	if (!vgic_initialized(vm))
		return -EAGAIN;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->vm = vm;
	f->gsi = args->gsi;
	INIT_WORK(&f->inject, inject_work);
	INIT_WORK(&f->shutdown, shutdown_work);

	/* held until all is done: while it is open there is no EPOLLHUP */
	file = eventfd_fget(args->fd);
	ret = PTR_ERR_OR_ZERO(file);
	if (ret)
		goto err_free;
	f->eventfd = eventfd_ctx_fileget(file);
	if (args->flags & AVMM_IRQFD_FLAG_RESAMPLE) {
		f->resample = eventfd_ctx_fdget(args->resamplefd);
		ret = PTR_ERR_OR_ZERO(f->resample);
		if (ret)
			goto err_file;
	}
	mutex_lock(&vm->irq_lock);
	ret = start(f, file);
	mutex_unlock(&vm->irq_lock);
	if (!ret) {
		fput(file);
		return 0;
	}
	if (f->resample)
		eventfd_ctx_put(f->resample);
err_file:
	eventfd_ctx_put(f->eventfd);
	fput(file);
err_free:
	kfree(f);
	return ret;
}

/* @eventfd: NULL for all there are. No interrupt comes of them when this returns. */
static void deactivate_all(struct avmm_vm *vm, struct eventfd_ctx *eventfd, u32 gsi)
{
	struct irqfd *f, *next;

	mutex_lock(&vm->irq_lock);
	spin_lock_irq(&vm->irqfds_lock);
	list_for_each_entry_safe(f, next, &vm->irqfds, node)
		if (!eventfd || (f->eventfd == eventfd && f->gsi == gsi))
			deactivate(f);
	spin_unlock_irq(&vm->irqfds_lock);
	mutex_unlock(&vm->irq_lock);
	flush_workqueue(shutdown_wq);
}

static int deassign(struct avmm_vm *vm, const struct avmm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	deactivate_all(vm, eventfd, args->gsi);
	eventfd_ctx_put(eventfd);
	return 0;
}

/**
 * avmm_irqfd - AVMM_IRQFD
 * @vm: the VM
 * @args: its argument
 *
 * A GSI without a route is no error. DEASSIGN of what is not assigned is none
 * either; when it returns, no interrupt comes of the eventfd any more.
 * Return: 0; -EINVAL an unknown flag, or no eventfd; -EAGAIN the GIC is not
 * initialised; -EBADF no open file; -EBUSY the eventfd has a GSI (from 6.17 on: of any VM);
 * -ENOMEM
 */
int avmm_irqfd(struct avmm_vm *vm, const struct avmm_irqfd *args)
{
	if (args->flags & ~(AVMM_IRQFD_FLAG_DEASSIGN | AVMM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	return args->flags & AVMM_IRQFD_FLAG_DEASSIGN ? deassign(vm, args) : assign(vm, args);
}

/** avmm_irqfd_release - the VM's fd is closed: no irqfd is left. May sleep */
void avmm_irqfd_release(struct avmm_vm *vm)
{
	deactivate_all(vm, NULL, 0);
}

/** avmm_irqfd_init - when the module is loaded; 0 or -ENOMEM */
int avmm_irqfd_init(void)
{
	shutdown_wq = alloc_workqueue("avmm-irqfd", WQ_UNBOUND, 0);
	return shutdown_wq ? 0 : -ENOMEM;
}

/** avmm_irqfd_exit - the mirror; no VM is left */
void avmm_irqfd_exit(void)
{
	destroy_workqueue(shutdown_wq);
}
