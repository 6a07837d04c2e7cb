// SPDX-License-Identifier: GPL-2.0
/*
 * Walks the register tables: one load or store becomes calls for the fields of
 * the interrupts in it. The fields that all GIC versions share are here too.
 * Exit path, step 7.
 */
#include <linux/nospec.h>
#include "irq/vgic_mmio.h"

/* ---- the walker ---- */

/** vgic_find_reg - the row that has @offset, or NULL */
const struct vgic_reg *vgic_find_reg(const struct vgic_table *table, u32 offset)
{
	unsigned int lo = 0, hi = table->n;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;
		const struct vgic_reg *reg = &table->regs[mid];

		if (offset < reg->offset)
			hi = mid;
		else if (offset - reg->offset >= reg->len)
			lo = mid + 1;
		else
			return reg;
	}
	return NULL;
}

static struct vgic_irq *find_irq(struct avmm_vcpu *vcpu, const struct vgic_table *table, u32 intid)
{
	if (intid < VGIC_NR_PRIVATE && !table->banked)
		return NULL;
	return vgic_get_irq(vcpu->vm, vcpu, intid);
}

/* in a list register of a vCPU that may be in the guest right now */
static bool is_loaded(struct vgic_irq *irq)
{
	return READ_ONCE(irq->flags) & VGIC_IN_LR;
}

static u64 read_fields(struct avmm_vcpu *vcpu, const struct vgic_table *table,
		       const struct vgic_reg *reg, const struct vgic_handler *h, u32 off, int len)
{
	u32 intid = off * 8 / reg->bits;
	unsigned int shift;
	u64 val = 0;

	for (shift = 0; shift < len * 8; shift += reg->bits, intid++) {
		struct vgic_irq *irq = find_irq(vcpu, table, intid);
		unsigned long flags;

		if (!irq)
			continue;
		if ((h->flags & VGIC_H_FOLD_READ) && is_loaded(irq))
			vgic_wait_fold(irq);
		flags = vgic_irq_lock(irq);
		val |= (u64)h->get(irq) << shift;
		vgic_irq_unlock(irq, flags);
	}
	return val;
}

static void write_field(struct vgic_irq *irq, const struct vgic_handler *h, u32 field)
{
	unsigned long flags = vgic_irq_lock(irq);
	struct avmm_vcpu *kick = h->set(irq, field);
	bool loaded = is_loaded(irq), moves = irq->target != irq->home;

	vgic_irq_unlock(irq, flags);
	if (kick)
		avmm_kick(kick);
	if (loaded && (h->flags & VGIC_H_FOLD_WRITE))
		vgic_wait_fold(irq);
	/* was active on the vCPU that it came from, and may not be any more */
	if (unlikely(moves))
		vgic_rehome(irq);
}

static void write_fields(struct avmm_vcpu *vcpu, const struct vgic_table *table,
			 const struct vgic_reg *reg, const struct vgic_handler *h, u32 off,
			 int len, u64 val)
{
	u32 intid = off * 8 / reg->bits;
	u32 mask = (1U << reg->bits) - 1;
	unsigned int shift;

	for (shift = 0; shift < len * 8; shift += reg->bits, intid++) {
		u32 field = val >> shift & mask;
		struct vgic_irq *irq;

		if (!field && (h->flags & VGIC_H_ONES))
			continue;
		irq = find_irq(vcpu, table, intid);
		if (irq)
			write_field(irq, h, field);
	}
}

static u64 reg_read(struct avmm_vcpu *vcpu, const struct vgic_table *table,
		    const struct vgic_reg *reg, const struct vgic_handler *h, u32 off, int len)
{
	u32 size = reg->width & VGIC_W64 ? 8 : 4;

	if (h->get)
		return read_fields(vcpu, table, reg, h, off, len);
	if (h->read)
		return h->read(vcpu, off & ~(size - 1)) >> (off & (size - 1)) * 8;
	return 0;
}

static int reg_write(struct avmm_vcpu *vcpu, const struct vgic_table *table,
		     const struct vgic_reg *reg, const struct vgic_handler *h, u32 off, int len,
		     u64 val)
{
	u32 size = reg->width & VGIC_W64 ? 8 : 4;
	u32 shift = (off & (size - 1)) * 8;

	if (h->set)
		write_fields(vcpu, table, reg, h, off, len, val);
	else if (h->write)
		return h->write(vcpu, off & ~(size - 1), val << shift,
				(~0ULL >> (64 - len * 8)) << shift);
	return 0;
}

/* ---- the guest's side ---- */

struct vgic_access {
	struct avmm_vcpu *vcpu;		/* whose frame it is, or who accesses a shared one */
	const struct vgic_frame *frame;
	const struct vgic_reg *reg;
	u32 off;			/* in the row */
};

/* Reserved places, and accesses of a size that a register does not have, are RAZ/WI (12.1.3) */
static bool decode(struct vgic_access *a, struct avmm_vcpu *vcpu, struct avmm_iodev *dev,
		   u64 addr, int len)
{
	u32 off = addr - dev->base;

	a->vcpu = vcpu;
	a->frame = container_of(dev, struct vgic_frame, dev);
	if (a->frame->stride) {
		u32 idx = a->frame->first_vcpu + off / a->frame->stride;

		a->vcpu = vcpu->vm->vcpus[array_index_nospec(idx, AVMM_MAX_VCPUS)];
		off %= a->frame->stride;
	}
	a->reg = vgic_find_reg(a->frame->table, off);
	if (!a->reg || !(a->reg->width & len) || (addr & (len - 1)))
		return false;
	a->off = off - a->reg->offset;
	return true;
}

static int mmio_read(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 *val)
{
	struct vgic_access a;

	*val = 0;
	if (decode(&a, vcpu, dev, addr, len))
		*val = reg_read(a.vcpu, a.frame->table, a.reg, a.reg->guest, a.off, len) &
		       ~0ULL >> (64 - len * 8);
	return 0;
}

static int mmio_write(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 val)
{
	struct vgic_access a;

	if (decode(&a, vcpu, dev, addr, len))
		reg_write(a.vcpu, a.frame->table, a.reg, a.reg->guest, a.off, len, val);
	return 0;
}

const struct avmm_iodev_ops vgic_iodev_ops = { .read = mmio_read, .write = mmio_write };

/* ---- user space's side: always words; the caller has stopped all vCPUs ---- */

/** vgic_user_check - does user space have a register at @offset? 0 or -ENXIO */
int vgic_user_check(struct avmm_vm *vm, const struct vgic_table *table, u32 offset)
{
	const struct vgic_reg *reg = vgic_find_reg(table, offset);

	if (!reg || (offset & 3) || !(reg->width & VGIC_W32))
		return -ENXIO;
	if (reg->bits && (offset - reg->offset) * 8 / reg->bits >=
			 vm->arch.vgic.nr_spis + VGIC_NR_PRIVATE)
		return -ENXIO;
	return 0;
}

/**
 * vgic_user_access - device attributes DIST_REGS and REDIST_REGS
 * @vcpu: whose private interrupts
 * @table: the frame
 * @offset: in it
 * @val: to write, or what was read
 * @write: which of the two
 *
 * As with KVM, what vgic_user_check() denies still reads as zero and ignores
 * writes: clients save registers for more interrupts than there are.
 * Return: 0, or -EINVAL: the register may not have this value
 */
int vgic_user_access(struct avmm_vcpu *vcpu, const struct vgic_table *table, u32 offset,
		     u32 *val, bool write)
{
	const struct vgic_reg *reg = vgic_find_reg(table, offset);
	const struct vgic_handler *h;

	if (vgic_user_check(vcpu->vm, table, offset)) {
		*val = 0;
		return 0;
	}
	h = reg->user ?: reg->guest;
	if (write)
		return reg_write(vcpu, table, reg, h, offset - reg->offset, 4, *val);
	*val = reg_read(vcpu, table, reg, h, offset - reg->offset, 4);
	return 0;
}

/**
 * vgic_user_line_level - device attribute LEVEL_INFO
 * @vcpu: whose private interrupts
 * @intid: the first of 32
 * @val: a bit for each input line
 * @write: or read
 *
 * Lines are set whatever the interrupt's configuration, so that user space may
 * restore that later. Lines that the kernel drives are left to their driver.
 */
void vgic_user_line_level(struct avmm_vcpu *vcpu, u32 intid, u32 *val, bool write)
{
	u32 lines = 0;
	int i;

	for (i = 0; i < 32; i++) {
		struct vgic_irq *irq = vgic_get_irq(vcpu->vm, vcpu, intid + i);
		struct avmm_vcpu *kick = NULL;
		unsigned long flags;

		if (!irq || intid + i < VGIC_NR_SGIS)
			continue;
		flags = vgic_irq_lock(irq);
		if (write && !irq->owner) {
			irq->flags &= ~VGIC_LINE;
			if (*val >> i & 1)
				irq->flags |= VGIC_LINE;
			kick = vgic_queue(irq);
		} else if ((irq->flags & (VGIC_LEVEL | VGIC_LINE)) == (VGIC_LEVEL | VGIC_LINE)) {
			lines |= 1U << i;
		}
		vgic_irq_unlock(irq, flags);
		if (kick)
			avmm_kick(kick);
	}
	if (!write)
		*val = lines;
}

/* ---- fields ---- */

static u32 get_group(const struct vgic_irq *irq)
{
	return !!(irq->lr & VGIC_LR_GROUP1);
}

static struct avmm_vcpu *set_group(struct vgic_irq *irq, u32 val)
{
	irq->lr &= ~VGIC_LR_GROUP1;
	if (val)
		irq->lr |= VGIC_LR_GROUP1;
	return vgic_queue(irq);
}

static u32 get_enable(const struct vgic_irq *irq)
{
	return !!(irq->flags & VGIC_ENABLED);
}

static struct avmm_vcpu *set_enable(struct vgic_irq *irq, u32 val)
{
	irq->flags |= VGIC_ENABLED;
	return vgic_queue(irq);
}

static struct avmm_vcpu *clear_enable(struct vgic_irq *irq, u32 val)
{
	irq->flags &= ~VGIC_ENABLED;
	return NULL;
}

static u32 get_pending(const struct vgic_irq *irq)
{
	return vgic_is_pending(irq->flags);
}

static struct avmm_vcpu *set_pending(struct vgic_irq *irq, u32 val)
{
	irq->flags |= VGIC_LATCH;
	return vgic_queue(irq);
}

static struct avmm_vcpu *clear_pending(struct vgic_irq *irq, u32 val)
{
	irq->flags &= ~VGIC_LATCH;
	if (irq->flags & VGIC_IN_LR)
		irq->flags |= VGIC_DO_UNLATCH;
	return NULL;
}

static u32 get_active(const struct vgic_irq *irq)
{
	return !!(irq->flags & VGIC_ACTIVE);
}

static struct avmm_vcpu *set_active(struct vgic_irq *irq, u32 val)
{
	if (irq->flags & VGIC_IN_LR)
		irq->flags = (irq->flags & ~VGIC_DO_DEACT) | VGIC_DO_ACT;
	else
		irq->flags |= VGIC_ACTIVE;
	return vgic_queue(irq);
}

static struct avmm_vcpu *clear_active(struct vgic_irq *irq, u32 val)
{
	if (irq->flags & VGIC_IN_LR)
		irq->flags = (irq->flags & ~VGIC_DO_ACT) | VGIC_DO_DEACT;
	else
		irq->flags &= ~VGIC_ACTIVE;
	return vgic_queue(irq);
}

static u32 get_prio(const struct vgic_irq *irq)
{
	return vgic_prio(irq);
}

static struct avmm_vcpu *set_prio(struct vgic_irq *irq, u32 val)
{
	irq->lr &= ~VGIC_LR_PRIO_MASK;
	irq->lr |= (u64)(val & VGIC_PRIO_MASK) << VGIC_LR_PRIO_SHIFT;
	return NULL;
}

static u32 get_config(const struct vgic_irq *irq)
{
	return irq->flags & VGIC_LEVEL ? 0 : 2;
}

/* SGIs are edge-triggered; PPIs may be fixed (12.9.7), and the timers' must be level-sensitive */
static struct avmm_vcpu *set_config(struct vgic_irq *irq, u32 val)
{
	if (irq->intid < VGIC_NR_PRIVATE)
		return NULL;
	irq->flags |= VGIC_LEVEL;
	if (val & 2)
		irq->flags &= ~VGIC_LEVEL;
	return vgic_queue(irq);
}

/* The latch alone: user space saves and restores the lines as LEVEL_INFO. */
static u32 user_get_pending(const struct vgic_irq *irq)
{
	return !!(irq->flags & (VGIC_LATCH | VGIC_LR_LATCH));
}

static struct avmm_vcpu *user_set_pending(struct vgic_irq *irq, u32 val)
{
	irq->flags &= ~VGIC_LATCH;
	if (val)
		irq->flags |= VGIC_LATCH;
	return vgic_queue(irq);
}

/* reads as zero, ignores writes */
const struct vgic_handler vgic_raz;
const struct vgic_handler vgic_group = { .get = get_group, .set = set_group };
const struct vgic_handler vgic_senable = {
	.get = get_enable, .set = set_enable, .flags = VGIC_H_ONES,
};
const struct vgic_handler vgic_cenable = {
	.get = get_enable, .set = clear_enable, .flags = VGIC_H_ONES | VGIC_H_FOLD_WRITE,
};
const struct vgic_handler vgic_spend = {
	.get = get_pending, .set = set_pending, .flags = VGIC_H_ONES | VGIC_H_FOLD_READ,
};
const struct vgic_handler vgic_cpend = {
	.get = get_pending, .set = clear_pending,
	.flags = VGIC_H_ONES | VGIC_H_FOLD_READ | VGIC_H_FOLD_WRITE,
};
const struct vgic_handler vgic_sactive = {
	.get = get_active, .set = set_active,
	.flags = VGIC_H_ONES | VGIC_H_FOLD_READ | VGIC_H_FOLD_WRITE,
};
const struct vgic_handler vgic_cactive = {
	.get = get_active, .set = clear_active,
	.flags = VGIC_H_ONES | VGIC_H_FOLD_READ | VGIC_H_FOLD_WRITE,
};
const struct vgic_handler vgic_prio_reg = { .get = get_prio, .set = set_prio };
const struct vgic_handler vgic_config = { .get = get_config, .set = set_config };

/* writes say of each interrupt whether its latch is set, so ICPENDR has nothing to add */
const struct vgic_handler vgic_user_spend = { .get = user_get_pending, .set = user_set_pending };

/**
 * vgic_deactivate - ICC_DIR_EL1 was written
 * @vcpu: by whom, in its thread
 * @intid: any number
 *
 * Without EOImode it is UNPREDICTABLE (12.2.9): ignored. LPIs have no active state.
 */
void vgic_deactivate(struct avmm_vcpu *vcpu, u32 intid)
{
	struct vgic_irq *irq;
	unsigned long flags;

	if (!vgic_initialized(vcpu->vm) || !(vcpu->arch.ctx->vgic.vmcr & VGIC_VMCR_EOIM))
		return;
	irq = vgic_get_irq(vcpu->vm, vcpu, intid);
	if (!irq)
		return;
	if (is_loaded(irq))
		vgic_wait_fold(irq);
	flags = vgic_irq_lock(irq);
	if (irq->flags & VGIC_ACTIVE)
		vgic_note_ack(vcpu, irq);
	vgic_irq_unlock(irq, flags);
	write_field(irq, &vgic_cactive, 1);
}
