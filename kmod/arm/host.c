// SPDX-License-Identifier: GPL-2.0
/*
 * What this machine offers a hypervisor, and every reason to refuse it. Each
 * refusal has its errno and one line in the log that says what to do;
 * Documentation/arm/host-requirements.rst lists them.
 */
#include <linux/arm-smccc.h>
#include <linux/interrupt.h>
#include <linux/of.h>
#include <linux/of_irq.h>
#include <linux/sizes.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/sysreg.h>
#include <asm/virt.h>
#include "avmm.h"
#include "arm/enter.h"
#include "irq/gich.h"

struct avmm_host avmm_host;

/* ID register fields by position; the names of asm/sysreg.h change between kernels */
#define FIELD4(reg, shift)	(((reg) >> (shift)) & 0xf)
#define MMFR0_PARANGE		0
#define MMFR0_TGRAN4		28
#define MMFR0_FGT		56
#define MMFR1_HCX		40
#define MMFR1_VMIDBITS		4
#define PFR0_EL0		0
#define PFR0_GIC		24
#define PFR0_RAS		28
#define DFR0_PMUVER		8
#define DFR0_BRPS		12
#define DFR0_WRPS		20

/* CTR_EL0 line sizes and policies: what a guest relies on to maintain its caches */
#define CTR_MASK		0x3ff0c00f

/* what one CPU looks like; all must look the same */
struct cpu_probe {
	u64 ctr;
	u64 cntfrq;
	u64 current_el;
	bool stub;
	bool hvc;
};

static DEFINE_PER_CPU(struct cpu_probe, cpu_probe);
static struct cpu_probe first;	/* of the CPUs that were on when the module was loaded */

static void probe_cpu(void *unused)
{
	struct cpu_probe *p = this_cpu_ptr(&cpu_probe);
	unsigned long daif;
	u64 x0;

	p->ctr = read_sysreg(ctr_el0) & CTR_MASK;
	p->cntfrq = read_sysreg(cntfrq_el0);
	p->current_el = read_sysreg(CurrentEL);
	if (p->current_el == CurrentEL_EL2)
		return;
	/*
	 * An id so large that KVM's own EL2 code, or a hypervisor below us, refuses it
	 * with -1, while the kernel's stub says STUB_ERR. Ids the stub knows must not
	 * be used: KVM obeys them too and would lose EL2 without noticing.
	 */
	daif = read_sysreg(daif);
	asm volatile("msr daifset, #0xf" : : : "memory");
	p->hvc = avmm_probe_hvc(0x7ffffff0, &x0);
	p->stub = p->hvc && x0 == STUB_ERR;
	write_sysreg(daif, daif);
}

static bool same_as_first(int cpu)
{
	const struct cpu_probe *p = per_cpu_ptr(&cpu_probe, cpu);

	if (p->ctr == first.ctr && p->cntfrq == first.cntfrq &&
	    p->current_el == first.current_el && p->stub == first.stub)
		return true;
	pr_err("refused: CPU %d differs from the others in what a guest would see (CTR_EL0, CNTFRQ_EL0 or exception level)\n",
	       cpu);
	return false;
}

static int check_cpus(void)
{
	int cpu;

	on_each_cpu(probe_cpu, NULL, 1);
	first = per_cpu(cpu_probe, cpumask_first(cpu_online_mask));
	for_each_online_cpu(cpu)
		if (!same_as_first(cpu))
			return -EINVAL;
	avmm_host.vhe = first.current_el == CurrentEL_EL2;
	if (avmm_host.vhe || first.stub)
		return 0;
	/* PSCI by HVC means that someone else is at EL2, or that nobody is */
	if (!first.hvc || arm_smccc_1_1_get_conduit() == SMCCC_CONDUIT_HVC) {
		pr_err("refused: this kernel was not started at EL2 (boot it in HYP mode; in QEMU: -M virt,virtualization=on)\n");
		return -ENODEV;
	}
	pr_err("refused: EL2 is taken, most likely by the kernel's own KVM (boot with kvm-arm.mode=none)\n");
	return -EBUSY;
}

/**
 * avmm_host_check_cpu - is this CPU, which just came on, like those there were?
 *
 * Context: on the CPU, interrupts off. Return: 0; -EINVAL, as for insmod
 */
int avmm_host_check_cpu(void)
{
	probe_cpu(NULL);
	return same_as_first(smp_processor_id()) ? 0 : -EINVAL;
}

static int probe_ids(void)
{
	static const u8 pa_bits[] = { 32, 36, 40, 42, 44, 48 };
	u64 mmfr0 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR0_EL1);
	u64 mmfr1 = read_sanitised_ftr_reg(SYS_ID_AA64MMFR1_EL1);
	u64 pfr0 = read_sanitised_ftr_reg(SYS_ID_AA64PFR0_EL1);
	u64 dfr0 = read_sanitised_ftr_reg(SYS_ID_AA64DFR0_EL1);

	/* 52-bit addresses (6, 7) have another descriptor format; 48 bits are always there */
	avmm_host.parange = min_t(u32, FIELD4(mmfr0, MMFR0_PARANGE), 5);
	avmm_host.ipa_bits = pa_bits[avmm_host.parange];
	avmm_host.vmid_bits = FIELD4(mmfr1, MMFR1_VMIDBITS) == 2 ? 16 : 8;
	avmm_host.has_ras = FIELD4(pfr0, PFR0_RAS);
	avmm_host.has_fgt = FIELD4(read_sysreg_s(SYS_ID_AA64MMFR0_EL1), MMFR0_FGT);
	avmm_host.has_hcx = FIELD4(read_sysreg_s(SYS_ID_AA64MMFR1_EL1), MMFR1_HCX);
	avmm_host.has_pmu = FIELD4(dfr0, DFR0_PMUVER) && FIELD4(dfr0, DFR0_PMUVER) != 0xf;
	avmm_host.nr_brps = FIELD4(dfr0, DFR0_BRPS) + 1;
	avmm_host.nr_wrps = FIELD4(dfr0, DFR0_WRPS) + 1;
	avmm_host.has_el0_32bit = FIELD4(pfr0, PFR0_EL0) == 2;
	if (FIELD4(mmfr0, MMFR0_TGRAN4) > 7 || PAGE_SIZE != SZ_4K) {
		pr_err("refused: only kernels with 4 KiB pages are supported so far\n");
		return -ENODEV;
	}
	return 0;
}

/* GICv3, and those GICv2s that have the virtualisation extensions */
const struct of_device_id avmm_gic_match[] = {
	{ .compatible = "arm,gic-v3", .data = (void *)3 },
	{ .compatible = "arm,gic-400", .data = (void *)2 },
	{ .compatible = "arm,cortex-a15-gic", .data = (void *)2 },
	{ .compatible = "arm,cortex-a7-gic", .data = (void *)2 },
	{ }
};

static const struct of_device_id timer_match[] = {
	{ .compatible = "arm,armv8-timer" },
	{ }
};

static int gic_version(void)
{
	const struct of_device_id *match = NULL;

	of_node_put(of_find_matching_node_and_match(NULL, avmm_gic_match, &match));
	return match ? (long)match->data : 0;
}

/* the node's nth interrupt, or -ENODEV */
static int node_irq(const struct of_device_id *match, int n, struct of_phandle_args *args)
{
	struct device_node *np = of_find_matching_node(NULL, match);
	int irq = 0;

	if (np && !of_irq_parse_one(np, n, args))
		irq = irq_of_parse_and_map(np, n);
	of_node_put(np);
	return irq ?: -ENODEV;
}

#define TIMER_DT_VIRT	2	/* devicetree binding arm,arch_timer: sec-phys, phys, virt, hyp-phys */

static int probe_irqs(void)
{
	struct of_phandle_args args;

	avmm_host.gic = gic_version();
	avmm_host.maint_irq = node_irq(avmm_gic_match, 0, &args);
	if (avmm_host.maint_irq < 0) {
		pr_err("refused: no GICv3, nor a GICv2 with virtualisation, with a maintenance interrupt in the device tree\n");
		return -ENODEV;
	}
	avmm_host.vtimer_irq = node_irq(timer_match, TIMER_DT_VIRT, &args);
	if (avmm_host.vtimer_irq < 0) {
		pr_err("refused: no virtual timer interrupt in the device tree\n");
		return -ENODEV;
	}
	/* GIC binding: cell 0 is 1 for a PPI, cell 1 its number from 0 */
	avmm_host.vtimer_hwirq = args.args[1] + 16;
	return 0;
}

/**
 * avmm_host_probe - fill avmm_host or refuse the machine
 *
 * Return: 0; -ENODEV not started at EL2, or GIC or timer cannot be
 * virtualised; -EBUSY in-tree KVM has EL2; -EINVAL CPUs differ
 */
int avmm_host_probe(void)
{
	return check_cpus() ?: probe_ids() ?: probe_irqs();
}

static void read_ich_vtr(void *v2)
{
	u64 found = avmm_ich_reset();

	avmm_host.ich_vtr = found & ~(ICH_RESET_SRE_TRAPS | ICH_RESET_SRE_CLEARS);
	avmm_host.trap_sre = found & ICH_RESET_SRE_TRAPS;
	/* a guest with a GICv2 must not switch the system registers on */
	*(bool *)v2 = avmm_host.trap_sre && (found & ICH_RESET_SRE_CLEARS);
}

/** avmm_host_probe_gic - what only EL2 can tell; after avmm_mode_init() */
void avmm_host_probe_gic(void)
{
	bool v2 = false;

	/* a GICv2's is in memory: gich_init() */
	if (avmm_host.gic == 3) {
		smp_call_function_single(get_cpu(), read_ich_vtr, &v2, 1);
		put_cpu();
	}
	if (v2)
		gicv_init();
	avmm_host.nr_lrs = min_t(int, (avmm_host.ich_vtr & 0x3f) + 1, VGIC_MAX_LRS);
}
