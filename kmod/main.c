// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading: a ladder up, and the same ladder down. */
#include <linux/module.h>
#include "avmm.h"
#include "dev.h"

static int __init refuse_irq(int ret)
{
	/* EINVAL is what 7.x answers for a PPI that someone else holds */
	if (ret != -EBUSY && ret != -EINVAL)
		return ret;
	pr_err("refused: the GIC maintenance or virtual timer interrupt is taken, most likely by the kernel's own KVM (boot with kvm-arm.mode=none)\n");
	return -EBUSY;
}

static int __init avmm_init(void)
{
	int ret;

	ret = avmm_host_probe();
	if (ret)
		return ret;
	ret = avmm_sysreg_init();
	if (ret)
		return ret;
	ret = vgic_host_init();
	if (ret)
		return refuse_irq(ret);
	ret = avmm_timer_host_init();
	if (ret) {
		ret = refuse_irq(ret);
		goto err_vgic;
	}
	ret = avmm_mode_init();
	if (ret)
		goto err_timer;
	avmm_host_probe_gic();
	ret = avmm_irqfd_init();
	if (ret)
		goto err_mode;
	avmm_stats_init();
	ret = avmm_dev_init();
	if (ret)
		goto err_irqfd;
	pr_info("%s, %u-bit guest physical addresses, GICv%d with %d list registers\n",
		avmm_host.vhe ? "VHE" : "nVHE", avmm_host.ipa_bits, avmm_host.gic,
		avmm_host.nr_lrs);
	return 0;

err_irqfd:
	avmm_stats_exit();
	avmm_irqfd_exit();
err_mode:
	avmm_mode_exit();
err_timer:
	avmm_timer_host_exit();
err_vgic:
	vgic_host_exit();
	return ret;
}

static void __exit avmm_exit(void)
{
	avmm_dev_exit();
	avmm_stats_exit();
	avmm_irqfd_exit();
	avmm_mode_exit();
	avmm_timer_host_exit();
	vgic_host_exit();
}

module_init(avmm_init);
module_exit(avmm_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("AVMM: a loadable hypervisor for Arm that speaks the KVM API");
