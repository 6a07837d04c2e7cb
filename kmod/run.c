// SPDX-License-Identifier: GPL-2.0
/*
 * The run loop: the only file that enters guests. Exit path, step 3.
 *
 *	requests -> flush -> enter -> sync -> interrupts on -> exit handler
 *
 * Guest state is in memory (vcpu->arch.ctx) everywhere but in "enter".
 */
#include <linux/context_tracking.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/daifflags.h>
#include <asm/neon.h>
#include "avmm.h"
#include "arm/enter.h"
#include "irq/gich.h"
#include "trace.h"

static bool runnable(struct avmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->arch.mp_state) == AVMM_MP_STATE_RUNNABLE;
}

static bool wfi_done(struct avmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || vgic_vcpu_pending(vcpu) || avmm_timer_pending(vcpu);
}

/* sleep until @done or a signal */
#define vcpu_sleep(vcpu, done) do {						\
	WRITE_ONCE((vcpu)->blocked, true);					\
	smp_mb();	/* blocked before the look at the state, see avmm_kick() */ \
	rcuwait_wait_event(&(vcpu)->wait, done, TASK_INTERRUPTIBLE);		\
	WRITE_ONCE((vcpu)->blocked, false);					\
} while (0)

/**
 * avmm_vcpu_block - sleep as WFI does
 * @vcpu: called from its thread, outside the guest
 *
 * Until an interrupt is pending for it, a timer line is due, a request or a
 * signal arrives. Returns at once if one of those is so already.
 */
void avmm_vcpu_block(struct avmm_vcpu *vcpu)
{
	avmm_timer_block(vcpu);
	vcpu_sleep(vcpu, wfi_done(vcpu));
	avmm_timer_unblock(vcpu);
}

/*
 * Suspended by user space (MP_STATE_SUSPENDED): as in WFI, and a wake-up is
 * reported; the state stays until user space makes it runnable.
 */
static int suspended(struct avmm_vcpu *vcpu)
{
	avmm_vcpu_block(vcpu);
	if (!vgic_vcpu_pending(vcpu))
		return 1;
	vcpu->run->exit_reason = AVMM_EXIT_SYSTEM_EVENT;
	memset(&vcpu->run->system_event, 0, sizeof(vcpu->run->system_event));
	vcpu->run->system_event.type = AVMM_SYSTEM_EVENT_WAKEUP;
	return 0;
}

/* 1: go on; 0: leave to user space; < 0: errno */
static int handle_requests(struct avmm_vcpu *vcpu)
{
	if (likely(!READ_ONCE(vcpu->requests) && runnable(vcpu)))
		return 1;
	if (test_bit(AVMM_REQ_VM_DEAD, &vcpu->requests))
		return -EIO;
	avmm_test_clear_request(vcpu, AVMM_REQ_IRQ_PENDING);
	avmm_test_clear_request(vcpu, AVMM_REQ_SLEEP);
	if (avmm_test_clear_request(vcpu, AVMM_REQ_TIMER))
		avmm_timer_count_moved(vcpu);
	if (READ_ONCE(vcpu->arch.mp_state) == AVMM_MP_STATE_STOPPED)
		vcpu_sleep(vcpu, runnable(vcpu) || READ_ONCE(vcpu->requests));
	if (avmm_test_clear_request(vcpu, AVMM_REQ_RESET))
		avmm_vcpu_load_reset(vcpu);
	if (READ_ONCE(vcpu->arch.mp_state) == AVMM_MP_STATE_SUSPENDED)
		return suspended(vcpu);
	return 1;
}

/* what the host wants from this thread before it may go on; interrupts on */
static int host_work(struct avmm_vcpu *vcpu)
{
	if (signal_pending(current)) {
		vcpu->run->exit_reason = AVMM_EXIT_INTR;
		vcpu->stat.signal++;
		return -EINTR;
	}
	/*
	 * TIF_NOTIFY_RESUME waits until the thread is on its way to user space
	 * anyway: what would serve it here is not exported on all kernels, and
	 * a RUN that ends without a signal is not what KVM's users expect.
	 */
	cond_resched();
	return 1;
}

static bool host_work_pending(void)
{
	return need_resched() || signal_pending(current);
}

/*
 * The FP registers of a host with SVE or SME hold more than fixup.c saves.
 * Have the kernel write them back; it then expects nothing of them.
 */
static void flush_host_fp(void)
{
	if (system_supports_sve() || system_supports_sme())
		avmm_neon_begin_end();
}

/* another vCPU of this VM ran here last, or this one elsewhere: see hyp/tlb.c */
static void claim_cpu(struct avmm_vcpu *vcpu)
{
	u32 *last = this_cpu_ptr(vcpu->vm->arch.last_vcpu);

	if (*last == vcpu->idx + 1)
		return;
	if (*last)
		avmm_flush_local(vcpu->arch.ctx->vttbr, vcpu->arch.ctx->vtcr);
	*last = vcpu->idx + 1;
}

/* Context: interrupts off. All of DAIF masked inside: an SError belongs to someone. */
static void enter_guest(struct avmm_vcpu *vcpu)
{
	gich_load(&vcpu->arch.ctx->vgic);
	/* as often as the host's tick ends a turn is often enough for RCU */
	avmm_guest_enter(vcpu->arch.ctx->exit_code == AVMM_HYP_EXIT_IRQ);
	local_daif_mask();
	avmm_enter(vcpu->arch.ctx, vcpu->ctx_pa);
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
	avmm_guest_exit();
	gich_save(&vcpu->arch.ctx->vgic);
}

/*
 * One turn in the guest. Returns false if it was abandoned before entry.
 *
 * The mode is set before the vGIC and the requests are looked at: whoever
 * changes them afterwards sees IN_GUEST and kicks (avmm_kick()).
 */
static bool guest_turn(struct avmm_vcpu *vcpu)
{
	bool entered = false;

	preempt_disable();
	flush_host_fp();
	local_irq_disable();
	atomic_set(&vcpu->mode, AVMM_IN_GUEST);
	smp_mb();	/* IN_GUEST before the look at vGIC and requests, see avmm_kick() */
	avmm_timer_flush(vcpu);
	vgic_flush(vcpu);
	if (likely(avmm_mode_ready() && !host_work_pending() && !READ_ONCE(vcpu->requests) &&
		   runnable(vcpu) && atomic_read(&vcpu->mode) == AVMM_IN_GUEST)) {
		claim_cpu(vcpu);
		trace_avmm_entry(vcpu->id, vcpu->arch.ctx->pc);
		enter_guest(vcpu);
		vcpu->last_cpu = smp_processor_id();
		entered = true;
	}
	atomic_set(&vcpu->mode, AVMM_OUTSIDE_GUEST);
	vgic_sync(vcpu);
	avmm_timer_sync(vcpu);
	if (entered) {
		/*
		 * The tick that ended the guest's turn is taken here, so that
		 * it finds the guest running and charges it with its time.
		 */
		if (vcpu->arch.ctx->exit_code == AVMM_HYP_EXIT_IRQ) {
			local_irq_enable();
			isb();
			local_irq_disable();
		}
		avmm_guest_time_exit();
	}
	local_irq_enable();
	preempt_enable();
	if (unlikely(vcpu->arch.vgic.nr_acked))
		avmm_irqfd_acked(vcpu);
	return entered;
}

/*
 * This CPU's EL2 is not ours: it is going down, or the machine reboots. The
 * scheduler will move the thread; give it the chance.
 */
static void wait_for_cpu(void)
{
	bool ready;

	preempt_disable();
	ready = avmm_mode_ready();
	preempt_enable();
	if (!ready)
		schedule_timeout_interruptible(1);
}

static int run_loop(struct avmm_vcpu *vcpu)
{
	int ret;

	do {
		ret = handle_requests(vcpu);
		if (ret <= 0)
			break;
		if (unlikely(host_work_pending())) {
			ret = host_work(vcpu);
			if (ret <= 0)
				break;
		}
		avmm_pvtime_update(vcpu);
		if (guest_turn(vcpu)) {
			trace_avmm_exit(vcpu->id, vcpu->arch.ctx->exit_code, vcpu->arch.ctx->esr,
					vcpu->arch.ctx->pc);
			vcpu->stat.exits++;
			ret = avmm_handle_exit(vcpu);
		} else {
			wait_for_cpu();
		}
	} while (ret > 0);
	return ret;
}

static int first_run(struct avmm_vcpu *vcpu)
{
	int ret;

	if (likely(vcpu->arch.ran))
		return 0;
	ret = vgic_first_run(vcpu);
	if (!ret)
		ret = avmm_timer_first_run(vcpu);
	if (ret)
		return ret;
	/* MIDR_EL1 and CTR_EL0 are the VM's: another vCPU may have got them */
	avmm_sysreg_show_ids(vcpu);
	vcpu->arch.ran = true;
	WRITE_ONCE(vcpu->vm->arch.ran_once, true);
	return 0;
}

/**
 * avmm_vcpu_run - AVMM_RUN
 * @vcpu: initialised; caller holds vcpu->mutex
 *
 * Return: 0 with run->exit_reason set; -EINTR for a signal or immediate_exit;
 * -EFAULT when guest memory has no backing, -EIO when the VM is dead, errnos
 * of the first run's checks
 */
int avmm_vcpu_run(struct avmm_vcpu *vcpu)
{
	struct avmm_run *run = vcpu->run;
	sigset_t saved;
	int ret;

	ret = first_run(vcpu);
	if (ret)
		return ret;
	if (vcpu->mmio_needed) {
		vcpu->mmio_needed = false;
		ret = avmm_finish_mmio(vcpu);
		if (ret <= 0)
			return ret;
	}
	if (READ_ONCE(run->immediate_exit))
		return -EINTR;
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &vcpu->sigset, &saved);
	WRITE_ONCE(vcpu->task, current);
	run->exit_reason = AVMM_EXIT_UNKNOWN;
	run->flags = 0;

	ret = run_loop(vcpu);

	WRITE_ONCE(vcpu->task, NULL);
	if (vcpu->sigset_active)
		sigprocmask(SIG_SETMASK, &saved, NULL);
	return ret;
}
