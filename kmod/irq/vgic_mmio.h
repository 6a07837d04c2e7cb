/* SPDX-License-Identifier: GPL-2.0 */
/* Register tables of distributor and redistributors. Private to irq/. */
#ifndef AVMM_IRQ_VGIC_MMIO_H
#define AVMM_IRQ_VGIC_MMIO_H

#include "avmm.h"

#define VGIC_GICD_IIDR		0x0008
#define VGIC_GICD_TYPER2	0x000c

/* vgic_reg.width: access sizes that the register has (12.1.3); others read as zero, do nothing */
#define VGIC_W8		1
#define VGIC_W32	4
#define VGIC_W64	8

/* vgic_handler.flags */
#define VGIC_H_ONES		(1U << 0)	/* only ones written count: set, clear */
/* if the interrupt is in a list register, that has the say: have it folded */
#define VGIC_H_FOLD_READ	(1U << 1)	/* before the field is read */
#define VGIC_H_FOLD_WRITE	(1U << 2)	/* after the field was written */

/**
 * struct vgic_handler - what a register does for one kind of reader and writer
 * @get: field of one interrupt
 * @set: field of one interrupt was written; returns whom to kick, like vgic_queue()
 * @read: a register that is not made of one field per interrupt; @off is its offset
 *	within the row, a multiple of its size; the whole register
 * @write: @mask has ones where @val counts; 0, or an errno, for user space only
 * @flags: VGIC_H_*
 *
 * @get and @set are called with the lock of the interrupt held. What is missing
 * reads as zero and ignores writes.
 */
struct vgic_handler {
	u32 (*get)(const struct vgic_irq *irq);
	struct avmm_vcpu *(*set)(struct vgic_irq *irq, u32 val);
	u64 (*read)(struct avmm_vcpu *vcpu, u32 off);
	int (*write)(struct avmm_vcpu *vcpu, u32 off, u64 val, u64 mask);
	u32 flags;
};

/**
 * struct vgic_reg - a row: registers at consecutive offsets that behave alike
 * @offset: first byte, in the frame
 * @len: bytes
 * @width: VGIC_W*
 * @bits: width of an interrupt's field; 0: not by interrupt
 * @guest: for loads and stores of the guest
 * @user: for device attributes; NULL: as @guest
 */
struct vgic_reg {
	u32 offset;
	u32 len;
	u8 width;
	u8 bits;
	const struct vgic_handler *guest;
	const struct vgic_handler *user;
};

/**
 * struct vgic_table - the registers of a frame
 * @regs: rows by rising offset
 * @n: their number
 * @banked: interrupts 0 to 31 are here: redistributors, and GICv2's distributor
 */
struct vgic_table {
	const struct vgic_reg *regs;
	unsigned int n;
	bool banked;
};

/**
 * struct vgic_frame - a frame, or a row of equal ones, on the MMIO bus
 * @dev: its place
 * @table: its registers
 * @stride: bytes from one vCPU's frame to the next; 0: one frame for all
 * @first_vcpu: whose frame is the first
 */
struct vgic_frame {
	struct avmm_iodev dev;
	const struct vgic_table *table;
	u32 stride;
	u32 first_vcpu;
};

/**
 * struct vgic_rd_region - addresses for redistributors (KVM's REDIST_REGION)
 * @node: in vgic_dist.rd_regions
 * @index: user space's number; regions are filled in its order
 * @count: redistributors that fit; 0: all of them, the older single region
 * @base: guest-physical address
 * @frame: on the bus from the first run on
 */
struct vgic_rd_region {
	struct list_head node;
	u32 index;
	u32 count;
	u64 base;
	struct vgic_frame frame;
};

/* vgic_mmio.c */
extern const struct avmm_iodev_ops vgic_iodev_ops;
extern const struct vgic_handler vgic_raz, vgic_group, vgic_senable, vgic_cenable, vgic_spend,
	vgic_cpend, vgic_sactive, vgic_cactive, vgic_prio_reg, vgic_config, vgic_user_spend;
const struct vgic_reg *vgic_find_reg(const struct vgic_table *table, u32 offset);
int vgic_user_check(struct avmm_vm *vm, const struct vgic_table *table, u32 offset);
int vgic_user_access(struct avmm_vcpu *vcpu, const struct vgic_table *table, u32 offset,
		     u32 *val, bool write);
void vgic_user_line_level(struct avmm_vcpu *vcpu, u32 intid, u32 *val, bool write);

/* vgic_mmio_v3.c; GICD_IIDR is the same in GICv2 */
extern const struct vgic_handler vgic_iidr, vgic_iidr_user;
extern const struct vgic_table vgic_v3_dist_table, vgic_v3_redist_table;

/* vgic_mmio_v2.c */
extern const struct vgic_table vgic_v2_dist_table, vgic_v2_cpu_table;

#endif /* AVMM_IRQ_VGIC_MMIO_H */
