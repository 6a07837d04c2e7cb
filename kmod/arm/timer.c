// SPDX-License-Identifier: GPL-2.0
/*
 * The architected timers of a vCPU (Arm ARM D11.2).
 *
 * The virtual timer is the CPU's own while the guest runs. hyp/ loads it at
 * entry and switches it off at exit; its PPI ends the guest's turn, and by the
 * time the host opens its interrupts the line is down again, so the host never
 * takes it. What the guest is to see of it is decided from CNTV_CTL.ISTATUS as
 * read at exit.
 *
 * Entered again, the timer would assert its PPI again at once. So as long as
 * the line is up, or the guest handles the interrupt, the physical interrupt is
 * made active in the redistributor, which keeps it from being signalled. The
 * guest's deactivation of the virtual interrupt deactivates the physical one
 * too (ICH_LR.HW), without an exit; the next expiry is signalled again. The
 * active state belongs to the CPU, not to the vCPU: it is set or cleared before
 * an entry when it is not what this vCPU needs.
 *
 * The physical timer is emulated: all accesses trap, and an hrtimer that runs
 * for as long as it is armed raises its line.
 */
#include <linux/cpu_pm.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/math64.h>
#include <linux/uaccess.h>
#include <asm/arch_timer.h>
#include "avmm.h"

#define CTL_ENABLE	1ULL
#define CTL_IMASK	2ULL
#define CTL_ISTATUS	4ULL

#define PPI_VTIMER	27
#define PPI_PTIMER	30

/*
 * Is the PPI active in this CPU's redistributor? 0 or 1 is our word for it, as
 * nobody else touches it; UNKNOWN after the CPU was powered down.
 */
#define UNKNOWN		2
static DEFINE_PER_CPU(u8, vtimer_active);
static DEFINE_PER_CPU(int, vtimer_cookie);
static u32 freq;	/* CNTFRQ_EL0, in Hz */

static u64 counter(void)
{
	return arch_timer_read_counter();
}

/* Context: interrupts off, or no migration */
static noinline void set_active(bool active)
{
	vgic_set_ppi_active(avmm_host.vtimer_irq, avmm_host.vtimer_hwirq, active);
	__this_cpu_write(vtimer_active, active);
}

/* ---- host ---- */

/*
 * The line may fall while the interrupt is on its way to the CPU. Then the host
 * takes it after all, and its EOI deactivates it.
 */
static irqreturn_t vtimer_handler(int irq, void *cookie)
{
	__this_cpu_write(vtimer_active, 0);
	return IRQ_HANDLED;
}

static int pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == CPU_PM_EXIT)
		__this_cpu_write(vtimer_active, UNKNOWN);
	return NOTIFY_OK;
}

static struct notifier_block pm_nb = { .notifier_call = pm_notify };

/**
 * avmm_timer_host_init - take the virtual timer's PPI
 *
 * Return: 0; -EBUSY (7.x: -EINVAL) when someone else has it: the kernel's KVM;
 * -ENODEV when guests could not tell how fast the counter is
 */
int avmm_timer_host_init(void)
{
	int ret;

	freq = arch_timer_get_cntfrq();
	if (!freq) {
		pr_err("refused: the firmware has not set CNTFRQ_EL0\n");
		return -ENODEV;
	}
	ret = request_percpu_irq(avmm_host.vtimer_irq, vtimer_handler, "avmm-vtimer",
				 &vtimer_cookie);
	if (!ret)
		cpu_pm_register_notifier(&pm_nb);
	return ret;
}

/** avmm_timer_host_exit - give it back, after avmm_timer_cpu_down() on all CPUs */
void avmm_timer_host_exit(void)
{
	cpu_pm_unregister_notifier(&pm_nb);
	free_percpu_irq(avmm_host.vtimer_irq, &vtimer_cookie);
}

/** avmm_timer_cpu_up - a CPU may run guests from now on. Context: on that CPU */
void avmm_timer_cpu_up(void)
{
	set_active(false);
	enable_percpu_irq(avmm_host.vtimer_irq, irq_get_trigger_type(avmm_host.vtimer_irq));
}

/** avmm_timer_cpu_down - the mirror */
void avmm_timer_cpu_down(void)
{
	disable_percpu_irq(avmm_host.vtimer_irq);
	set_active(false);
}

/* ---- time ---- */

/* Nanoseconds until the counter passes @cval, rounded up; at most a year, then we look again */
static u64 ns_until(u64 cval, u64 now)
{
	u64 ticks;

	if (cval <= now)
		return 0;
	ticks = min(cval - now, (u64)freq * (365 * 24 * 3600));
	return mul_u64_u32_div(ticks, NSEC_PER_SEC, freq) + 1;
}

static void start_bg(struct avmm_timer *t, u64 ns)
{
	hrtimer_start(&t->bg, ktime_add_ns(ktime_get(), ns), HRTIMER_MODE_ABS_HARD);
}

static bool armed(u64 ctl)
{
	return (ctl & (CTL_ENABLE | CTL_IMASK)) == CTL_ENABLE;
}

static u64 vcount(struct avmm_vcpu *vcpu)
{
	return counter() - READ_ONCE(vcpu->arch.ctx->timer.cntvoff);
}

static u64 pcount(struct avmm_vcpu *vcpu)
{
	return counter() - READ_ONCE(vcpu->arch.ctx->timer.cntpoff);
}

/* the virtual timer's line is due, whatever it was last */
static bool vtimer_due(struct avmm_vcpu *vcpu)
{
	struct avmm_hyp_timer *t = &vcpu->arch.ctx->timer;

	return armed(t->ctl) && t->cval <= vcount(vcpu);
}

static void set_line(struct avmm_vcpu *vcpu, struct avmm_timer *t, bool level)
{
	t->level = level;
	vgic_inject(vcpu->vm, vcpu, t->ppi, level, t);
}

/* ---- around the guest ---- */

/**
 * avmm_timer_flush - before entry: see to the physical interrupt's active state
 * @vcpu: about to enter
 *
 * Context: vCPU thread, interrupts off; before or after vgic_flush()
 */
void avmm_timer_flush(struct avmm_vcpu *vcpu)
{
	bool active = vcpu->arch.vtimer.level;

	/* also while the guest handles it, or user space or the guest set it pending */
	if (!active && !list_empty(&vcpu->arch.vgic.list)) {
		struct vgic_irq *irq = &vcpu->arch.vgic.private[vcpu->arch.vtimer.ppi];

		active = READ_ONCE(irq->flags) & (VGIC_ACTIVE | VGIC_LATCH | VGIC_LR_LATCH);
	}
	if (unlikely(active != __this_cpu_read(vtimer_active)))
		set_active(active);
}

/**
 * avmm_timer_sync - after exit: the line as the timer left it
 * @vcpu: has left the guest
 *
 * Context: vCPU thread, interrupts off; preferably after vgic_sync()
 */
void avmm_timer_sync(struct avmm_vcpu *vcpu)
{
	u64 ctl = vcpu->arch.ctx->timer.ctl;
	bool level = (ctl & (CTL_ENABLE | CTL_IMASK | CTL_ISTATUS)) == (CTL_ENABLE | CTL_ISTATUS);

	if (unlikely(level != vcpu->arch.vtimer.level))
		set_line(vcpu, &vcpu->arch.vtimer, level);
}

/**
 * avmm_timer_block - about to sleep: have the virtual timer wake the thread
 * @vcpu: in its thread, interrupts on
 *
 * With the line up already there is nothing to wait for from the timer: if the
 * vGIC does not signal it, the guest has masked it there.
 */
void avmm_timer_block(struct avmm_vcpu *vcpu)
{
	struct avmm_hyp_timer *t = &vcpu->arch.ctx->timer;

	if (!armed(t->ctl) || vcpu->arch.vtimer.level)
		return;
	start_bg(&vcpu->arch.vtimer, ns_until(t->cval, vcount(vcpu)));
}

/**
 * avmm_timer_unblock - the mirror; raises the line if it is time
 * @vcpu: in its thread, interrupts on
 */
void avmm_timer_unblock(struct avmm_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->arch.vtimer.bg);
	if (vcpu->arch.vtimer.level || !vtimer_due(vcpu))
		return;
	vcpu->arch.ctx->timer.ctl |= CTL_ISTATUS;
	set_line(vcpu, &vcpu->arch.vtimer, true);
}

/** avmm_timer_pending - is the virtual timer due, and its line not yet up? */
bool avmm_timer_pending(struct avmm_vcpu *vcpu)
{
	return !vcpu->arch.vtimer.level && vtimer_due(vcpu);
}

/* Early by the difference between the two clocks: once more for the rest. */
static enum hrtimer_restart again(struct hrtimer *bg, u64 ns)
{
	hrtimer_set_expires(bg, ktime_add_ns(ktime_get(), ns));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart vtimer_expired(struct hrtimer *bg)
{
	struct avmm_vcpu *vcpu = container_of(bg, struct avmm_vcpu, arch.vtimer.bg);
	u64 ns = ns_until(vcpu->arch.ctx->timer.cval, vcount(vcpu));

	if (ns)
		return again(bg, ns);
	avmm_kick(vcpu);
	return HRTIMER_NORESTART;
}

/* ---- the physical timer ---- */

static enum hrtimer_restart ptimer_expired(struct hrtimer *bg)
{
	struct avmm_vcpu *vcpu = container_of(bg, struct avmm_vcpu, arch.ptimer.bg);
	u64 ns = ns_until(vcpu->arch.ptimer.cval, pcount(vcpu));

	if (ns)
		return again(bg, ns);
	set_line(vcpu, &vcpu->arch.ptimer, true);
	return HRTIMER_NORESTART;
}

/* One of its registers changes: the hrtimer is stopped, so nobody else looks at them. */
static void ptimer_update(struct avmm_vcpu *vcpu, u64 ctl, u64 cval)
{
	struct avmm_timer *t = &vcpu->arch.ptimer;
	bool level;

	hrtimer_cancel(&t->bg);
	t->ctl = ctl & (CTL_ENABLE | CTL_IMASK);
	t->cval = cval;
	level = armed(t->ctl) && t->cval <= pcount(vcpu);
	if (level != t->level)
		set_line(vcpu, t, level);
	if (armed(t->ctl) && !level)
		start_bg(t, ns_until(t->cval, pcount(vcpu)));
}

/* the virtual timer's, by user space or reset: the guest's own accesses do not trap */
static void vtimer_update(struct avmm_vcpu *vcpu, u64 ctl, u64 cval)
{
	struct avmm_hyp_timer *t = &vcpu->arch.ctx->timer;
	bool level;

	t->ctl = ctl & (CTL_ENABLE | CTL_IMASK);
	t->cval = cval;
	level = vtimer_due(vcpu);
	if (level)
		t->ctl |= CTL_ISTATUS;
	if (level != vcpu->arch.vtimer.level)
		set_line(vcpu, &vcpu->arch.vtimer, level);
}

/* ---- registers ---- */

/**
 * avmm_timer_read - a timer register as the guest would read it
 * @vcpu: not in the guest
 * @phys: the physical timer, else the virtual one
 * @reg: which
 */
u64 avmm_timer_read(struct avmm_vcpu *vcpu, bool phys, enum avmm_timer_reg reg)
{
	const struct avmm_hyp_timer *v = &vcpu->arch.ctx->timer;
	const struct avmm_timer *p = &vcpu->arch.ptimer;
	u64 now = phys ? pcount(vcpu) : vcount(vcpu);
	u64 ctl = phys ? p->ctl : v->ctl;
	u64 cval = phys ? p->cval : v->cval;

	switch (reg) {
	case AVMM_TIMER_CTL:
		ctl &= CTL_ENABLE | CTL_IMASK;
		return (ctl & CTL_ENABLE) && cval <= now ? ctl | CTL_ISTATUS : ctl;
	case AVMM_TIMER_CVAL:
		return cval;
	case AVMM_TIMER_TVAL:
		return lower_32_bits(cval - now);
	default:
		return now;
	}
}

/*
 * All vCPUs of a VM see one count of each kind: those in the guest load the
 * offsets anew, and those asleep wait anew. Context: vm->lock held.
 */
static void move_counts(struct avmm_vm *vm, u64 cntvoff, u64 cntpoff)
{
	struct avmm_vcpu *v;
	unsigned int i;

	vm->arch.cntvoff = cntvoff;
	vm->arch.cntpoff = cntpoff;
	avmm_for_each_vcpu(i, v, vm) {
		WRITE_ONCE(v->arch.ctx->timer.cntvoff, cntvoff);
		WRITE_ONCE(v->arch.ctx->timer.cntpoff, cntpoff);
		avmm_request(v, AVMM_REQ_TIMER);
	}
}

/* One count is @val now, unless user space has set the offsets of both. */
static void set_count(struct avmm_vm *vm, bool phys, u64 val)
{
	u64 off = counter() - val;

	mutex_lock(&vm->lock);
	if (!vm->arch.counter_offset_set)
		move_counts(vm, phys ? vm->arch.cntvoff : off, phys ? off : vm->arch.cntpoff);
	mutex_unlock(&vm->lock);
}

/**
 * avmm_timer_set_offset - AVMM_ARM_SET_COUNTER_OFFSET
 * @vm: caller holds vm->lock and all its vCPUs
 * @offset: ticks that both counters are behind the machine's, from now on whatever
 *	is written to TIMER_CNT and PTIMER_CNT
 */
void avmm_timer_set_offset(struct avmm_vm *vm, u64 offset)
{
	vm->arch.counter_offset_set = true;
	move_counts(vm, offset, offset);
}

/** avmm_timer_count_moved - AVMM_REQ_TIMER: the emulated timer waits for another time now */
void avmm_timer_count_moved(struct avmm_vcpu *vcpu)
{
	ptimer_update(vcpu, vcpu->arch.ptimer.ctl, vcpu->arch.ptimer.cval);
}

/**
 * avmm_timer_write - write a timer register
 * @vcpu: in its thread, or its mutex held; interrupts on
 * @phys: the physical timer, else the virtual one
 * @reg: which
 * @val: as the guest would write it
 */
void avmm_timer_write(struct avmm_vcpu *vcpu, bool phys, enum avmm_timer_reg reg, u64 val)
{
	u64 ctl = phys ? vcpu->arch.ptimer.ctl : vcpu->arch.ctx->timer.ctl;
	u64 cval = phys ? vcpu->arch.ptimer.cval : vcpu->arch.ctx->timer.cval;

	switch (reg) {
	case AVMM_TIMER_CTL:
		ctl = val;
		break;
	case AVMM_TIMER_CVAL:
		cval = val;
		break;
	case AVMM_TIMER_TVAL:
		cval = (phys ? pcount(vcpu) : vcount(vcpu)) + (s32)val;
		break;
	default:
		set_count(vcpu->vm, phys, val);
		return;
	}
	if (phys)
		ptimer_update(vcpu, ctl, cval);
	else
		vtimer_update(vcpu, ctl, cval);
}

/* ---- life ---- */

/** avmm_timer_vm_init - the guest's virtual count begins at 0; the physical one is the machine's */
void avmm_timer_vm_init(struct avmm_vm *vm)
{
	vm->arch.cntvoff = counter();
}

/**
 * avmm_timer_vcpu_init - at CREATE_VCPU
 * @vcpu: new, with its ctx; caller holds vm->lock
 */
void avmm_timer_vcpu_init(struct avmm_vcpu *vcpu)
{
	struct avmm_vm *vm = vcpu->vm;
	const struct avmm_vcpu *other = vm->nr_vcpus ? vm->vcpus[0] : NULL;

	/* interrupt numbers are one choice for the VM */
	vcpu->arch.vtimer.ppi = other ? other->arch.vtimer.ppi : PPI_VTIMER;
	vcpu->arch.ptimer.ppi = other ? other->arch.ptimer.ppi : PPI_PTIMER;
	vcpu->arch.ctx->timer.cntvoff = vm->arch.cntvoff;
	vcpu->arch.ctx->timer.cntpoff = vm->arch.cntpoff;
	hrtimer_setup(&vcpu->arch.vtimer.bg, vtimer_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
	hrtimer_setup(&vcpu->arch.ptimer.bg, ptimer_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
}

/** avmm_timer_vcpu_reset - ARM_VCPU_INIT: both timers off */
void avmm_timer_vcpu_reset(struct avmm_vcpu *vcpu)
{
	vtimer_update(vcpu, 0, 0);
	ptimer_update(vcpu, 0, 0);
	vcpu->arch.ctx->timer.cntvoff = vcpu->vm->arch.cntvoff;
	vcpu->arch.ctx->timer.cntpoff = vcpu->vm->arch.cntpoff;
}

/** avmm_timer_vcpu_destroy - no hrtimer of it runs any more */
void avmm_timer_vcpu_destroy(struct avmm_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->arch.vtimer.bg);
	hrtimer_cancel(&vcpu->arch.ptimer.bg);
}

/**
 * avmm_timer_first_run - tie the timers to the vGIC
 * @vcpu: about to run for the first time, after vgic_first_run()
 *
 * Return: 0; -EINVAL the two timers share an interrupt, or it is taken
 */
int avmm_timer_first_run(struct avmm_vcpu *vcpu)
{
	struct avmm_timer *v = &vcpu->arch.vtimer, *p = &vcpu->arch.ptimer;
	int ret;

	if (!vgic_present(vcpu->vm))
		return 0;
	if (v->ppi == p->ppi || vgic_set_owner(vcpu, v->ppi, v) || vgic_set_owner(vcpu, p->ppi, p))
		return -EINVAL;
	ret = vgic_map_phys(vcpu, v->ppi, avmm_host.vtimer_hwirq, &vtimer_active);
	if (ret)
		return ret;
	/* a timer may be up already, and user space may have restored lines of another time */
	set_line(vcpu, v, v->level);
	hrtimer_cancel(&p->bg);
	set_line(vcpu, p, false);
	ptimer_update(vcpu, p->ctl, p->cval);
	return 0;
}

/* ---- vCPU attributes: interrupt numbers ---- */

static struct avmm_timer *attr_timer(struct avmm_vcpu *vcpu, u64 attr)
{
	switch (attr) {
	case AVMM_ARM_VCPU_TIMER_IRQ_VTIMER:
		return &vcpu->arch.vtimer;
	case AVMM_ARM_VCPU_TIMER_IRQ_PTIMER:
		return &vcpu->arch.ptimer;
	default:
		return NULL;
	}
}

/**
 * avmm_timer_set_attr - choose a timer's PPI, for all vCPUs of the VM
 * @vcpu: any of them
 * @attr: which timer; the number is an int in user memory
 *
 * That the two differ is checked at the first run, as either may be set first.
 * Return: 0; -EINVAL no PPI or no in-kernel GIC, -EBUSY a vCPU has run, -ENXIO, -EFAULT
 */
int avmm_timer_set_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	struct avmm_vm *vm = vcpu->vm;
	struct avmm_vcpu *v;
	unsigned int i;
	int irq, ret = 0;

	if (!vgic_present(vm))
		return -EINVAL;
	if (get_user(irq, (int __user *)u64_to_user_ptr(attr->addr)))
		return -EFAULT;
	if (irq < VGIC_NR_SGIS || irq >= VGIC_NR_PRIVATE)
		return -EINVAL;
	if (!attr_timer(vcpu, attr->attr))
		return -ENXIO;
	mutex_lock(&vm->lock);
	if (READ_ONCE(vm->arch.ran_once)) {
		ret = -EBUSY;
	} else {
		avmm_for_each_vcpu(i, v, vm)
			attr_timer(v, attr->attr)->ppi = irq;
	}
	mutex_unlock(&vm->lock);
	return ret;
}

/** avmm_timer_get_attr - see avmm_timer_set_attr() */
int avmm_timer_get_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	const struct avmm_timer *t = attr_timer(vcpu, attr->attr);

	if (!t)
		return -ENXIO;
	return put_user((int)t->ppi, (int __user *)u64_to_user_ptr(attr->addr));
}

/** avmm_timer_has_attr - 0 or -ENXIO */
int avmm_timer_has_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr)
{
	return attr_timer(vcpu, attr->attr) ? 0 : -ENXIO;
}
