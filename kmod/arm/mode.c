// SPDX-License-Identifier: GPL-2.0
/*
 * EL2 on every CPU, for as long as the module is loaded: CPUs coming online,
 * CPUs waking from a power state that lost EL2, reboot and kexec.
 *
 * A CPU that goes offline keeps its EL2 until it is off: the kernel may still
 * need TLB maintenance for a guest on it, and nothing else will ask. When it
 * comes back it comes through the kernel's boot path, so with the stub.
 */
#include <linux/cpu.h>
#include <linux/cpu_pm.h>
#include <linux/cpuhotplug.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include "avmm.h"
#include "arm/enter.h"
#include "irq/gich.h"

DEFINE_STATIC_KEY_FALSE(avmm_vhe_key);

static DEFINE_PER_CPU(bool, ready);
static DEFINE_PER_CPU(bool, resting);	/* it was ready when it went to sleep */
static bool rebooting;
static int cpuhp_prepare, cpuhp_online;

/** avmm_mode_ready - may a guest be entered on this CPU? Context: preemption off */
bool avmm_mode_ready(void)
{
	return __this_cpu_read(ready);
}

/* Context: on the CPU, interrupts off */
static int el2_on(void)
{
	int ret = 0;

	if (rebooting)
		return -ESHUTDOWN;
	if (!avmm_is_vhe())
		ret = avmm_hyp_install();
	__this_cpu_write(ready, !ret);
	if (ret)
		return ret;
	/* the CPU may have been without power */
	if (avmm_host.gic == 3)
		avmm_ich_reset();
	else
		gich_clear();
	return 0;
}

/* Context: as above */
static void el2_off(void *unused)
{
	__this_cpu_write(ready, false);
	if (!avmm_is_vhe())
		avmm_hyp_uninstall();
}

/* On another CPU, before @cpu is started: it will come up with the stub in EL2. */
static int cpu_prepare(unsigned int cpu)
{
	per_cpu(ready, cpu) = false;
	per_cpu(resting, cpu) = false;
	avmm_hyp_forget(cpu);
	return 0;
}

static int cpu_up(unsigned int cpu)
{
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	ret = avmm_host_check_cpu();
	if (!ret && !rebooting)
		ret = el2_on();
	local_irq_restore(flags);
	if (ret) {
		pr_err("CPU %u stays off: its EL2 cannot be taken (%d)\n", cpu, ret);
		return ret;
	}
	vgic_cpu_up();
	avmm_timer_cpu_up();
	return 0;
}

static int cpu_down(unsigned int cpu)
{
	avmm_timer_cpu_down();
	vgic_cpu_down();
	return 0;
}

/* A CPU that slept deeply comes back with the stub in EL2 (cpu_resume installs it). */
static int pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	switch (action) {
	case CPU_PM_ENTER:
		/* give EL2 back first: the CPU may or may not lose it */
		if (__this_cpu_read(ready)) {
			el2_off(NULL);
			__this_cpu_write(resting, true);
		}
		break;
	case CPU_PM_ENTER_FAILED:
	case CPU_PM_EXIT:
		if (__this_cpu_read(resting))
			__this_cpu_write(resting, el2_on());
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block pm_nb = { .notifier_call = pm_notify };

/*
 * Reboot and kexec. The next kernel, or the firmware, must find the stub; a
 * vCPU thread that still runs sees avmm_mode_ready() false and stays out.
 */
static int reboot_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	rebooting = true;
	on_each_cpu(el2_off, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_nb = { .notifier_call = reboot_notify };

/**
 * avmm_mode_init - take EL2 on every CPU and keep it
 *
 * Return: 0, or the errno of the first CPU that could not be taken, with all
 * others given back.
 */
int avmm_mode_init(void)
{
	int ret;

	if (avmm_host.vhe) {
		static_branch_enable(&avmm_vhe_key);
	} else {
		ret = avmm_hyp_load();
		if (ret)
			return ret;
	}

	/* first, so that no CPU sleeps with an EL2 that it will have lost */
	cpu_pm_register_notifier(&pm_nb);
	ret = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "virt/avmm:prepare", cpu_prepare, NULL);
	if (ret < 0)
		goto err_load;
	cpuhp_prepare = ret;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/avmm:online", cpu_up, cpu_down);
	if (ret < 0)
		goto err_prepare;
	cpuhp_online = ret;
	register_reboot_notifier(&reboot_nb);
	return 0;
err_prepare:
	on_each_cpu(el2_off, NULL, 1);
	cpuhp_remove_state_nocalls(cpuhp_prepare);
err_load:
	cpu_pm_unregister_notifier(&pm_nb);
	if (!avmm_host.vhe)
		avmm_hyp_unload();
	return ret;
}

/** avmm_mode_exit - the mirror; no VM exists any more */
void avmm_mode_exit(void)
{
	unregister_reboot_notifier(&reboot_nb);
	cpuhp_remove_state(cpuhp_online);
	on_each_cpu(el2_off, NULL, 1);
	cpuhp_remove_state_nocalls(cpuhp_prepare);
	cpu_pm_unregister_notifier(&pm_nb);
	if (!avmm_host.vhe)
		avmm_hyp_unload();
}

/*
 * May this CPU ask EL2 for TLB maintenance? One that is just coming online may
 * have to before cpu_up() was called for it. After a reboot notice nothing runs
 * in a guest any more. Context: interrupts off.
 */
static bool can_tlbi(void)
{
	return avmm_mode_ready() || !el2_on();
}

/**
 * avmm_hyp_tlbi_ipa - forget one stage-2 translation of a VM on all CPUs
 * @vm: the VM
 * @ipa: guest-physical address in bytes
 * @level: level of the entry
 *
 * Context: any, vm->mmu_lock may be held. The table was changed before.
 */
void avmm_hyp_tlbi_ipa(struct avmm_vm *vm, u64 ipa, int level)
{
	unsigned long flags;

	local_irq_save(flags);
	if (avmm_is_vhe())
		avmm_vhe_tlbi_ipa(avmm_s2_vttbr(vm), vm->s2.vtcr, ipa, level);
	else if (can_tlbi())
		avmm_hvc(HYP_CALL_TLBI_IPA, avmm_s2_vttbr(vm), vm->s2.vtcr, ipa, level, NULL);
	local_irq_restore(flags);
}

/** avmm_hyp_tlbi_vmid - forget all translations of a VM on all CPUs. Context: any */
void avmm_hyp_tlbi_vmid(struct avmm_vm *vm)
{
	unsigned long flags;

	local_irq_save(flags);
	if (avmm_is_vhe())
		avmm_vhe_tlbi_vmid(avmm_s2_vttbr(vm), vm->s2.vtcr);
	else if (can_tlbi())
		avmm_hvc(HYP_CALL_TLBI_VMID, avmm_s2_vttbr(vm), vm->s2.vtcr, 0, 0, NULL);
	local_irq_restore(flags);
}
