// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the CPU on which the parameter "cntfrq" is written say that its counter has that frequency.
 * Only the highest exception level may (Arm ARM D13.8.1), so the kernel must run at EL2 and the
 * machine must have no EL3. Linux has read the register long before.
 */
#include <linux/module.h>
#include <asm/sysreg.h>
#include <asm/virt.h>

static unsigned int cntfrq;

static int set_cntfrq(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_uint(val, kp);

	if (!ret)
		write_sysreg(cntfrq, cntfrq_el0);
	return ret;
}

static const struct kernel_param_ops cntfrq_ops = { .set = set_cntfrq, .get = param_get_uint };
module_param_cb(cntfrq, &cntfrq_ops, &cntfrq, 0600);

static int __init odd_cpu_init(void)
{
	if (!is_kernel_in_hyp_mode())
		return -ENODEV;
	cntfrq = read_sysreg(cntfrq_el0);
	return 0;
}

static void __exit odd_cpu_exit(void) { }

module_init(odd_cpu_init);
module_exit(odd_cpu_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("test: makes one CPU unlike the others");
