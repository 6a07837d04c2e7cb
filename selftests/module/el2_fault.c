// SPDX-License-Identifier: GPL-2.0
/*
 * Makes EL2 fault, once, in the next world switch of the process that asks for it by writing to the
 * parameter "fault":
 *
 *	1  with the guest's state loaded: the guest gets a PSTATE that EL2 may not return to, and EL2
 *	   itself takes the Illegal Execution state exception (Arm ARM D1.11.4). QEMU 7.2 lets EL2
 *	   go on at the guest's PC, where it takes an abort.
 *	2  before that (nVHE only): the context is at an address that EL2 does not map
 *
 * A kprobe at the door to EL2 does it, so the module under test is as it always is.
 */
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <asm/virt.h>
#include "arm/aarch64/ctx.h"
#include "arm/hyp/hyp_call.h"

#define PSTATE_EL3H	0xdUL	/* EL2 cannot return to a higher level */

static pid_t victim;
static int fault;

static int set_fault(const char *val, const struct kernel_param *kp)
{
	int ret = param_set_int(val, kp);

	WRITE_ONCE(victim, ret || !fault ? 0 : task_tgid_nr(current));
	return ret;
}

static const struct kernel_param_ops fault_ops = { .set = set_fault, .get = param_get_int };
module_param_cb(fault, &fault_ops, &fault, 0600);

/* avmm_vhe_run(ctx), avmm_hvc(HYP_CALL_RUN, pa of ctx, ...) */
static int at_door(struct kprobe *p, struct pt_regs *regs)
{
	bool vhe = is_kernel_in_hyp_mode();
	struct avmm_ctx *ctx;

	if (task_tgid_nr(current) != READ_ONCE(victim) ||
	    (!vhe && regs->regs[0] != HYP_CALL_RUN))
		return 0;
	WRITE_ONCE(victim, 0);
	ctx = vhe ? (void *)regs->regs[0] : phys_to_virt(regs->regs[1]);
	if (fault == 1)
		ctx->pstate = PSTATE_EL3H;
	else if (!vhe)
		regs->regs[1] = 0;
	return 0;
}

static struct kprobe door = { .pre_handler = at_door };

static int __init el2_fault_init(void)
{
	door.symbol_name = is_kernel_in_hyp_mode() ? "avmm_vhe_run" : "avmm_hvc";
	return register_kprobe(&door);
}

static void __exit el2_fault_exit(void)
{
	unregister_kprobe(&door);
}

module_init(el2_fault_init);
module_exit(el2_fault_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("test: makes AVMM's EL2 code fault");
