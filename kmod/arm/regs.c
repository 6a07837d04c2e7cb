// SPDX-License-Identifier: GPL-2.0
/*
 * ONE_REG: every register of a vCPU by a 64-bit id, which names its family,
 * its index there and its size. The list of ids is what a VMM saves and
 * restores; it is the same as in-tree KVM's for the same features.
 *
 * Called by ioctls of an initialised vCPU, its mutex held.
 */
#include <linux/uaccess.h>
#include "arm/sysreg.h"

/* nothing may be set between the architecture and the size, nor above the family */
#define ID_ARCH_MASK	(~AVMM_REG_SIZE_MASK & 0xffffffff00000000ULL)
#define ID_SYSREG_MASK	(AVMM_REG_ARCH_MASK | AVMM_REG_SIZE_MASK | AVMM_REG_ARM_COPROC_MASK | \
			 SYSREG_ENC_MASK)

/* ---- core registers ---- */

#define CORE_INDEX(field)	AVMM_REG_ARM_CORE_REG(field)
#define NR_CORE_WORDS		(sizeof(struct avmm_regs) / sizeof(u32))

/**
 * struct core_range - a run of core registers of one kind
 * @first: index of the first, in 32-bit words of struct avmm_regs
 * @nr: how many
 * @words: size of each
 * @offset: of the first in struct avmm_ctx, or -1: spsr_ctx[]
 */
struct core_range {
	u16 first;
	u8 nr;
	u8 words;
	int offset;
};

#define CTX_OFFSET(field)	((int)offsetof(struct avmm_ctx, field))

static const struct core_range core_ranges[] = {
	{ CORE_INDEX(regs.regs[0]), 31, 2, CTX_OFFSET(x) },
	{ CORE_INDEX(regs.sp), 1, 2, CTX_OFFSET(sys[CTX_SP_EL0]) },
	{ CORE_INDEX(regs.pc), 1, 2, CTX_OFFSET(pc) },
	{ CORE_INDEX(regs.pstate), 1, 2, CTX_OFFSET(pstate) },
	{ CORE_INDEX(sp_el1), 1, 2, CTX_OFFSET(sys[CTX_SP_EL1]) },
	{ CORE_INDEX(elr_el1), 1, 2, CTX_OFFSET(sys[CTX_ELR_EL1]) },
	{ CORE_INDEX(spsr[0]), 1, 2, CTX_OFFSET(sys[CTX_SPSR_EL1]) },
	{ CORE_INDEX(spsr[1]), 1, 2, CTX_OFFSET(sys[CTX_SPSR_ABT]) },
	{ CORE_INDEX(spsr[2]), 1, 2, CTX_OFFSET(sys[CTX_SPSR_UND]) },
	{ CORE_INDEX(spsr[3]), 1, 2, CTX_OFFSET(sys[CTX_SPSR_IRQ]) },
	{ CORE_INDEX(spsr[4]), 1, 2, CTX_OFFSET(sys[CTX_SPSR_FIQ]) },
	{ CORE_INDEX(fp_regs.vregs[0]), 32, 4, CTX_OFFSET(fp.v) },
	{ CORE_INDEX(fp_regs.fpsr), 1, 1, CTX_OFFSET(fp.fpsr) },
	{ CORE_INDEX(fp_regs.fpcr), 1, 1, CTX_OFFSET(fp.fpcr) },
};

/* where a core register is in ctx; -ENOENT: no such register, -EINVAL: another size */
static int core_find(u64 id, void **where, unsigned int *len, struct avmm_ctx *ctx)
{
	u64 index = id & ~(AVMM_REG_ARCH_MASK | AVMM_REG_SIZE_MASK | AVMM_REG_ARM_COPROC_MASK);
	const struct core_range *r = core_ranges;

	if (index + AVMM_REG_SIZE(id) / sizeof(u32) >= NR_CORE_WORDS)
		return -ENOENT;
	for (; r < core_ranges + ARRAY_SIZE(core_ranges); r++) {
		u32 nth;

		if (index < r->first || index >= r->first + r->nr * r->words)
			continue;
		nth = (index - r->first) / r->words;
		*len = r->words * sizeof(u32);
		if ((index - r->first) % r->words || AVMM_REG_SIZE(id) != *len)
			return -EINVAL;
		*where = (void *)ctx + r->offset + nth * *len;
		return 0;
	}
	/* padding: a register of no size, says KVM */
	return -EINVAL;
}

static int core_get(struct avmm_vcpu *vcpu, const struct avmm_one_reg *reg)
{
	unsigned int len;
	void *where;
	int ret;

	ret = core_find(reg->id, &where, &len, vcpu->arch.ctx);
	if (ret)
		return ret;
	return copy_to_user(u64_to_user_ptr(reg->addr), where, len) ? -EFAULT : 0;
}

/* modes this vCPU can be in: AArch64 EL0 and EL1, AArch32 EL0 if the host has it */
static bool pstate_ok(u64 pstate)
{
	switch (pstate & PS_MODE_MASK) {
	case PS_MODE_EL0T:
	case PS_MODE_EL1T:
	case PS_MODE_EL1H:
		return true;
	case PS_MODE_USR32:
		return avmm_host.has_el0_32bit;
	}
	return false;
}

static int core_set(struct avmm_vcpu *vcpu, const struct avmm_one_reg *reg)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;
	unsigned int len;
	u64 val[2];
	void *where;
	int ret;

	ret = core_find(reg->id, &where, &len, ctx);
	if (ret)
		return ret;
	if (copy_from_user(val, u64_to_user_ptr(reg->addr), len))
		return -EFAULT;
	if (where == &ctx->pstate && !pstate_ok(val[0]))
		return -EINVAL;
	memcpy(where, val, len);
	return 0;
}

static unsigned long core_nr(void)
{
	unsigned long n = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(core_ranges); i++)
		n += core_ranges[i].nr;
	return n;
}

static int core_copy_list(u64 __user **to)
{
	static const u64 size[] = {
		[1] = AVMM_REG_SIZE_U32, [2] = AVMM_REG_SIZE_U64, [4] = AVMM_REG_SIZE_U128,
	};
	const struct core_range *r = core_ranges;
	u64 id;
	int i;

	for (; r < core_ranges + ARRAY_SIZE(core_ranges); r++) {
		for (i = 0; i < r->nr; i++) {
			id = AVMM_REG_ARM64 | size[r->words] | AVMM_REG_ARM_CORE |
			     (r->first + i * r->words);
			if (put_user(id, (*to)++))
				return -EFAULT;
		}
	}
	return 0;
}

/* ---- cache geometry: one id for each value of CSSELR_EL1 that means a cache ---- */

#define DEMUX_CCSIDR(n)	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U32 | AVMM_REG_ARM_DEMUX | \
			 AVMM_REG_ARM_DEMUX_ID_CCSIDR | (n))

static bool is_demux(u64 id)
{
	return (id & ~AVMM_REG_ARM_DEMUX_VAL_MASK) == DEMUX_CCSIDR(0);
}

static int demux_get(struct avmm_vcpu *vcpu, const struct avmm_one_reg *reg)
{
	u32 val;
	int ret;

	if (!is_demux(reg->id))
		return -ENOENT;
	ret = avmm_ccsidr_get(vcpu, reg->id & AVMM_REG_ARM_DEMUX_VAL_MASK, &val);
	return ret ?: put_user(val, (u32 __user *)u64_to_user_ptr(reg->addr));
}

static int demux_set(struct avmm_vcpu *vcpu, const struct avmm_one_reg *reg)
{
	u32 n = reg->id & AVMM_REG_ARM_DEMUX_VAL_MASK, val;
	int ret;

	if (!is_demux(reg->id))
		return -ENOENT;
	/* an unknown id is the answer even if the address is bad too */
	ret = avmm_ccsidr_get(vcpu, n, &val);
	if (ret)
		return ret;
	if (get_user(val, (u32 __user *)u64_to_user_ptr(reg->addr)))
		return -EFAULT;
	return avmm_ccsidr_set(vcpu, n, val);
}

static unsigned long demux_nr(struct avmm_vcpu *vcpu)
{
	unsigned long n = 0;
	u32 i, val;

	for (i = 0; i < AVMM_NR_CSSELR; i++)
		n += !avmm_ccsidr_get(vcpu, i, &val);
	return n;
}

static int demux_copy_list(struct avmm_vcpu *vcpu, u64 __user **to)
{
	u32 i, val;

	for (i = 0; i < AVMM_NR_CSSELR; i++)
		if (!avmm_ccsidr_get(vcpu, i, &val) && put_user(DEMUX_CCSIDR(i), (*to)++))
			return -EFAULT;
	return 0;
}

/* ---- the timers: three ids each, in the system register family ---- */

static const struct {
	u64 id;
	bool phys;
	enum avmm_timer_reg reg;
} timer_ids[] = {
	{ AVMM_REG_ARM_TIMER_CTL, false, AVMM_TIMER_CTL },
	{ AVMM_REG_ARM_TIMER_CNT, false, AVMM_TIMER_CNT },
	{ AVMM_REG_ARM_TIMER_CVAL, false, AVMM_TIMER_CVAL },
	{ AVMM_REG_ARM_PTIMER_CTL, true, AVMM_TIMER_CTL },
	{ AVMM_REG_ARM_PTIMER_CNT, true, AVMM_TIMER_CNT },
	{ AVMM_REG_ARM_PTIMER_CVAL, true, AVMM_TIMER_CVAL },
};

/* what a kernel's own KVM does not list, this kernel's VMMs do not know */
#define NR_TIMER_IDS	(AVMM_LIST_PTIMER ? ARRAY_SIZE(timer_ids) : ARRAY_SIZE(timer_ids) / 2)

/* index into timer_ids, or -1 */
static int timer_find(u64 id)
{
	int i;

	for (i = 0; i < NR_TIMER_IDS; i++)
		if (timer_ids[i].id == id)
			return i;
	return -1;
}

static int timer_copy_list(u64 __user **to)
{
	int i;

	for (i = 0; i < NR_TIMER_IDS; i++)
		if (put_user(timer_ids[i].id, (*to)++))
			return -EFAULT;
	return 0;
}

/* ---- registers of 64 bits whose family has functions of its own ---- */

static bool is_fw(u64 id)
{
	u64 family = id & AVMM_REG_ARM_COPROC_MASK;

	return family == AVMM_REG_ARM_FW || family == AVMM_REG_ARM_FW_FEAT_BMAP;
}

static bool is_sysreg(u64 id)
{
	return (id & AVMM_REG_SIZE_MASK) == AVMM_REG_SIZE_U64 &&
	       (id & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM64_SYSREG && !(id & ~ID_SYSREG_MASK);
}

static int get_u64(struct avmm_vcpu *vcpu, u64 id, u64 *val)
{
	int timer = timer_find(id);

	if (timer >= 0) {
		*val = avmm_timer_read(vcpu, timer_ids[timer].phys, timer_ids[timer].reg);
		return 0;
	}
	if (is_fw(id))
		return avmm_fw_get(vcpu, id, val);
	if (is_sysreg(id))
		return avmm_sysreg_user_get(vcpu, id & SYSREG_ENC_MASK, val);
	return -ENOENT;
}

static int set_u64(struct avmm_vcpu *vcpu, u64 id, u64 val)
{
	int timer = timer_find(id);

	if (timer >= 0) {
		avmm_timer_write(vcpu, timer_ids[timer].phys, timer_ids[timer].reg, val);
		return 0;
	}
	if (is_fw(id))
		return avmm_fw_set(vcpu, id, val);
	if (is_sysreg(id))
		return avmm_sysreg_user_set(vcpu, id & SYSREG_ENC_MASK, val);
	return -ENOENT;
}

/* ---- ioctls ---- */

/**
 * avmm_get_one_reg - AVMM_GET_ONE_REG
 * @vcpu: an initialised vCPU; its mutex is held
 * @reg: id, and the user address that takes the value
 *
 * Return: 0; -EINVAL if the id is not of arm64 or its size is wrong; -ENOENT
 * for an unknown register; -EFAULT.
 */
int avmm_get_one_reg(struct avmm_vcpu *vcpu, struct avmm_one_reg *reg)
{
	u64 val;
	int ret;

	if ((reg->id & ID_ARCH_MASK) != AVMM_REG_ARM64)
		return -EINVAL;
	if ((reg->id & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM_CORE)
		return core_get(vcpu, reg);
	if ((reg->id & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM_DEMUX)
		return demux_get(vcpu, reg);
	ret = get_u64(vcpu, reg->id, &val);
	if (ret)
		return ret;
	return put_user(val, (u64 __user *)u64_to_user_ptr(reg->addr));
}

/**
 * avmm_set_one_reg - AVMM_SET_ONE_REG
 * @vcpu: an initialised vCPU; its mutex is held
 * @reg: id, and the user address of the value
 *
 * Return: as avmm_get_one_reg(); -EINVAL too for a value that the register
 * cannot take; -EBUSY if it is too late for it.
 */
int avmm_set_one_reg(struct avmm_vcpu *vcpu, struct avmm_one_reg *reg)
{
	u64 val;
	int ret;

	if ((reg->id & ID_ARCH_MASK) != AVMM_REG_ARM64)
		return -EINVAL;
	if ((reg->id & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM_CORE)
		return core_set(vcpu, reg);
	if ((reg->id & AVMM_REG_ARM_COPROC_MASK) == AVMM_REG_ARM_DEMUX)
		return demux_set(vcpu, reg);
	/* is there one at all? An unknown id is the answer even if the address is bad too. */
	ret = get_u64(vcpu, reg->id, &val);
	if (ret)
		return ret;
	if (get_user(val, (u64 __user *)u64_to_user_ptr(reg->addr)))
		return -EFAULT;
	return set_u64(vcpu, reg->id, val);
}

/**
 * avmm_nr_regs - length of the register list
 * @vcpu: an initialised vCPU
 *
 * Return: that.
 */
unsigned long avmm_nr_regs(struct avmm_vcpu *vcpu)
{
	return core_nr() + avmm_fw_nr_regs(vcpu) + NR_TIMER_IDS +
	       avmm_sysreg_user_nr() + demux_nr(vcpu);
}

/**
 * avmm_copy_reg_list - the ids of all registers to user space
 * @vcpu: an initialised vCPU
 * @to: room for avmm_nr_regs()
 *
 * Return: 0 or -EFAULT.
 */
int avmm_copy_reg_list(struct avmm_vcpu *vcpu, u64 __user *to)
{
	unsigned long i;

	if (core_copy_list(&to) || avmm_fw_copy_list(vcpu, to))
		return -EFAULT;
	to += avmm_fw_nr_regs(vcpu);
	if (timer_copy_list(&to))
		return -EFAULT;
	for (i = 0; i < avmm_sysreg_user_nr(); i++)
		if (put_user(AVMM_ARM64_SYS_REG(0, 0, 0, 0, 0) | avmm_sysreg_user_enc(i), to++))
			return -EFAULT;
	return demux_copy_list(vcpu, &to);
}
