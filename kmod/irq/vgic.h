/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtual GIC. First part: what the rest of the module may use. Second
 * part: private to irq/ (and arm/timer.c, which looks at one interrupt).
 *
 * Locks, below those of avmm.h:
 *
 *	vm->lock		[m] creation, initialisation, addresses
 *	  vm->slots_lock	[s] the redistributor regions, once they are on the bus
 *	  vgic_its.lock		[i] one per ITS, see irq/its.h
 *	    vgic_cpu.lock	[h] one per vCPU: its list, and every interrupt at home there
 *
 * [h] is raw, is taken with interrupts off, and two are taken in the order of
 * vcpu->idx. An interrupt has one home at any time: the vCPU whose lock guards
 * it and on whose list it stands while it is queued. So injecting, flushing and
 * folding cost one lock each, however many interrupts there are. The home moves
 * only under both locks (vgic_rehome()); who looks for the lock checks the home
 * again once it has it (vgic_irq_lock()).
 */
#ifndef AVMM_IRQ_VGIC_H
#define AVMM_IRQ_VGIC_H

#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct avmm_vm;
struct avmm_vcpu;
struct avmm_irq_level;
struct avmm_msi;
struct avmm_device_ops;

#define VGIC_NR_SGIS		16
#define VGIC_NR_PRIVATE		32	/* SGIs and PPIs */
#define VGIC_MAX_SPI		1019
#define VGIC_MAX_IRQS		1024
#define VGIC_LPI_BASE		8192	/* the first LPI */
#define VGIC_LPI_ID_BITS	16	/* GICD_TYPER.IDbits + 1 with LPIs: the last is 65535 */
#define VGIC_MAX_LRS		16
#define VGIC_MAX_ACKED		(VGIC_MAX_LRS + 32)	/* and EOIcount has five bits */
#define VGIC_ADDR_UNDEF		(~0ULL)

/* vgic_irq.flags; all under [h] */
#define VGIC_ENABLED	(1U << 0)	/* GICD_ISENABLER */
#define VGIC_LATCH	(1U << 1)	/* an edge came, or software set it pending */
#define VGIC_LINE	(1U << 2)	/* the input line is high */
#define VGIC_LEVEL	(1U << 3)	/* level-sensitive: GICD_ICFGR */
#define VGIC_ACTIVE	(1U << 4)
#define VGIC_QUEUED	(1U << 5)	/* on its home's list */
#define VGIC_IN_LR	(1U << 6)	/* in a list register, whose state is newer than ours */
#define VGIC_LR_LATCH	(1U << 7)	/* VGIC_LATCH went into that list register */
/* what another vCPU asked for while the interrupt was in a list register; done when it is folded */
#define VGIC_DO_UNLATCH	(1U << 8)
#define VGIC_DO_ACT	(1U << 9)
#define VGIC_DO_DEACT	(1U << 10)
#define VGIC_DO		(VGIC_DO_UNLATCH | VGIC_DO_ACT | VGIC_DO_DEACT)
#define VGIC_V2_SGI	(1U << 11)	/* VGIC_LATCH is set while senders is not 0 */

/**
 * struct vgic_irq - one interrupt of a guest
 * @node: [h] in @home's list
 * @home: whose lock guards it
 * @target: [h] where it is to be signalled; NULL: routed to a CPU that is not there
 * @lr: [h] its list register but for the state: INTID, priority, group, HW and physical INTID
 * @flags: [h] VGIC_*
 * @intid: its number; never changes
 * @mpidr: [h] GICD_IROUTER, affinities 2 to 0
 * @targets: [h] GICD_ITARGETSR of a GICv2
 * @senders: [h] of a GICv2's SGI: vCPUs whose SGI is pending, but for the one in a list register
 * @nr_maps: [h] of an LPI: how many events ITSs translate to it
 * @owner: [h] who drives its line; NULL: user space
 * @phys_active: with LR.HW: is the physical interrupt active on this CPU? Set to 0 when the
 *	guest's deactivation has deactivated it
 */
struct vgic_irq {
	struct list_head node;
	struct avmm_vcpu *home;
	struct avmm_vcpu *target;
	u64 lr;
	u32 flags;
	u32 intid;
	union {
		u32 mpidr;
		u32 nr_maps;
	};
	u8 targets;
	u8 senders;
	void *owner;
	u8 __percpu *phys_active;
};

/**
 * struct vgic_cpu - a vCPU's part: redistributor and CPU interface
 * @lock: [h]
 * @list: [h] interrupts at home here that are active, or pending and enabled
 * @nr_listed: [h] their number
 * @rerouted: [h] one of them may have to go to another vCPU
 * @nr_folds: how often the list registers were folded; written by the vCPU thread
 * @lr_irq: what is in the list registers between flush and sync; vCPU thread
 * @acked: level-sensitive SPIs that the guest has deactivated; vCPU thread, see
 *	vgic_dist.want_acks
 * @nr_acked: their number
 * @private: SGIs and PPIs
 * @pendbaser: GICR_PENDBASER
 * @lpis_enabled: [h] to write; GICR_CTLR.EnableLPIs
 * @pri_bits: ICC_CTLR_EL1.PRIbits + 1
 * @id_bits: ICC_CTLR_EL1.IDbits
 *
 * The CPU interface itself is in ctx->vgic and belongs to the vCPU thread.
 */
struct vgic_cpu {
	raw_spinlock_t lock;
	struct list_head list;
	unsigned int nr_listed;
	bool rerouted;
	unsigned int nr_folds;
	struct vgic_irq *lr_irq[VGIC_MAX_LRS];
	u16 acked[VGIC_MAX_ACKED];
	unsigned int nr_acked;
	struct vgic_irq private[VGIC_NR_PRIVATE];
	u64 pendbaser;
	bool lpis_enabled;
	u8 pri_bits;
	u8 id_bits;
};

/**
 * struct vgic_dist - the VM's part: distributor
 * @model: AVMM_DEV_TYPE_ARM_VGIC_*, 0: no GIC was created. [m]
 * @initialized: [m] to write; then @spis and the number of vCPUs are fixed
 * @ready: [m] to write; the frames are on the bus
 * @group_en: GICD_CTLR.EnableGrp0 and .EnableGrp1
 * @revision: GICD_IIDR.Revision
 * @nr_spis: [m] until initialised, 0: not chosen
 * @spis: interrupts from 32 on
 * @dist_base: [m] guest-physical address, or VGIC_ADDR_UNDEF
 * @cpu_base: [m] of a GICv2's CPU interface, likewise
 * @v2_groups_writable: user space knows of groups, as it has written GICD_IIDR
 * @dist_frame: the distributor on the bus
 * @rd_regions: [m] struct vgic_rd_region by rising index
 * @propbaser: GICR_PROPBASER, one for all redistributors
 * @lpis: LPIs by number, once they have been mapped; they stay until the VM ends
 * @has_its: [m] to write; an ITS was created
 * @its_list: struct vgic_its that have an address; [m] to add, never removed
 * @want_acks: the guest's deactivations of level-sensitive SPIs are to be told
 *	(vgic_cpu.acked): there are resampling irqfds. vm->irq_lock to write
 */
struct vgic_dist {
	u32 model;
	bool initialized;
	bool ready;
	u8 group_en;
	u8 revision;
	u32 nr_spis;
	struct vgic_irq *spis;
	u64 dist_base;
	u64 cpu_base;
	bool v2_groups_writable;
	struct vgic_frame *dist_frame;
	struct list_head rd_regions;
	u64 propbaser;
	struct xarray lpis;
	bool has_its;
	struct list_head its_list;
	bool want_acks;
};

/* ---- host side ---- */
int vgic_host_init(void);	/* maintenance interrupt; uses avmm_host.* */
void vgic_host_exit(void);
void vgic_cpu_up(void);		/* on each CPU, cannot migrate */
void vgic_cpu_down(void);

/* ---- life ---- */
void vgic_vm_init(struct avmm_vm *vm);
void vgic_vm_destroy(struct avmm_vm *vm);
int vgic_vcpu_init(struct avmm_vcpu *vcpu);	/* at CREATE_VCPU; caller holds vm->lock */
void vgic_vcpu_destroy(struct avmm_vcpu *vcpu);
void vgic_vcpu_reset(struct avmm_vcpu *vcpu);	/* ARM_VCPU_INIT: CPU interface state */
bool vgic_present(struct avmm_vm *vm);		/* a GIC device was created */
bool vgic_initialized(struct avmm_vm *vm);
unsigned int vgic_max_vcpus(struct avmm_vm *vm);	/* NULL: of any VM on this host */
int vgic_create(struct avmm_vm *vm, u32 model);	/* caller holds vm->lock */
int vgic_v2_set_addr(struct avmm_vm *vm, u64 type, u64 addr);	/* caller holds vm->lock */
int vgic_first_run(struct avmm_vcpu *vcpu);	/* maps resources; errno for RUN */

/* ---- around the guest; vCPU thread, interrupts off, no migration ---- */
void vgic_flush(struct avmm_vcpu *vcpu);	/* fill ctx->vgic before entry */
void vgic_sync(struct avmm_vcpu *vcpu);		/* fold ctx->vgic after exit */

/* ---- interrupts; any context ---- */
bool vgic_vcpu_pending(struct avmm_vcpu *vcpu);	/* would the vCPU take an interrupt now */
/*
 * vgic_inject: set the input line of @intid (level: its state; edge: true
 * makes it pending, false does nothing). @vcpu for private interrupts, else
 * NULL. @owner: who may drive it, NULL for user space. 0, -EINVAL, -ENODEV,
 * -EBUSY: not initialised.
 */
int vgic_inject(struct avmm_vm *vm, struct avmm_vcpu *vcpu, u32 intid, bool level, void *owner);
int vgic_set_owner(struct avmm_vcpu *vcpu, u32 intid, void *owner);	/* -EEXIST if taken */
/*
 * vgic_map_phys: @intid's deactivation by the guest deactivates physical
 * interrupt @hwirq of this CPU too (ICH_LR.HW). @phys_active: see struct vgic_irq.
 */
int vgic_map_phys(struct avmm_vcpu *vcpu, u32 intid, u32 hwirq, u8 __percpu *phys_active);
/* guest wrote ICC_SGI1R_EL1 (or ASGI1R, SGI0R without @group1) */
void vgic_send_sgi(struct avmm_vcpu *vcpu, u64 reg, bool group1);
void vgic_deactivate(struct avmm_vcpu *vcpu, u32 intid);	/* guest wrote ICC_DIR_EL1 */
int vgic_irq_line(struct avmm_vm *vm, const struct avmm_irq_level *line);	/* AVMM_IRQ_LINE */

/*
 * An MSI to an ITS. 1: delivered; 0: the guest has not mapped it; -ENODEV there is no ITS, -EINVAL
 * none at that address, or no device id, -EBUSY the ITS or LPIs are disabled. Sleeps nowhere.
 * vgic_inject_msi_atomic: 1, or -EWOULDBLOCK for all else: let a thread ask and see what it is.
 */
int vgic_inject_msi(struct avmm_vm *vm, const struct avmm_msi *msi);
int vgic_inject_msi_atomic(struct avmm_vm *vm, const struct avmm_msi *msi);

extern const struct avmm_device_ops vgic_v2_device_ops, vgic_v3_device_ops;
extern const struct avmm_device_ops vgic_its_device_ops;

/*
 * ---- second part: private ----
 */

/* ICH_LR<n>_EL2 (GIC spec 12.4.5) */
#define VGIC_LR_PENDING		(1ULL << 62)
#define VGIC_LR_ACTIVE		(1ULL << 63)
#define VGIC_LR_STATE		(3ULL << 62)
#define VGIC_LR_HW		(1ULL << 61)
#define VGIC_LR_GROUP1		(1ULL << 60)
#define VGIC_LR_PRIO_SHIFT	48
#define VGIC_LR_PRIO_MASK	(0xffULL << VGIC_LR_PRIO_SHIFT)
#define VGIC_LR_EOI		(1ULL << 41)	/* HW = 0: maintenance interrupt at deactivation */
/* sender of a GICv2's SGI: 11.2, ICH_LR<n>_EL2.vINTID when the guest's CPU interface is GICv2's */
#define VGIC_LR_CPUID_SHIFT	10
#define VGIC_LR_CPUID		(7ULL << VGIC_LR_CPUID_SHIFT)
#define VGIC_LR_PINTID_SHIFT	32		/* HW = 1 */

/* ICH_HCR_EL2 (12.4.4) */
#define VGIC_HCR_EN		(1U << 0)
#define VGIC_HCR_LRENPIE	(1U << 2)	/* maintenance: an EOI found no list register */
#define VGIC_HCR_NPIE		(1U << 3)	/* maintenance: no list register is pending */
/* accesses to the system registers of both groups, and to those that serve both, trap */
#define VGIC_HCR_TRAP		(1U << 10 | 1U << 11 | 1U << 12)
#define VGIC_HCR_TDIR		(1U << 14)	/* ICC_DIR_EL1 traps */
#define VGIC_HCR_EOICOUNT(hcr)	(((hcr) >> 27) & 0x1f)

#define VGIC_V2_MAX_VCPUS	8

/* ICH_VMCR_EL2 (12.4.8) */
#define VGIC_VMCR_ENG0		(1U << 0)
#define VGIC_VMCR_ENG1		(1U << 1)
#define VGIC_VMCR_CBPR		(1U << 4)
#define VGIC_VMCR_EOIM		(1U << 9)
#define VGIC_VMCR_BPR1_SHIFT	18
#define VGIC_VMCR_BPR0_SHIFT	21
#define VGIC_VMCR_PMR_SHIFT	24

/* ICH_VTR_EL2 (12.4.9) */
#define VGIC_VTR_PRI_BITS(vtr)	((((vtr) >> 29) & 7) + 1)
#define VGIC_VTR_PRE_BITS(vtr)	((((vtr) >> 26) & 7) + 1)
#define VGIC_VTR_ID_BITS(vtr)	(((vtr) >> 23) & 7)
#define VGIC_VTR_SEIS(vtr)	(((vtr) >> 22) & 1)
#define VGIC_VTR_A3V(vtr)	(((vtr) >> 21) & 1)
#define VGIC_VTR_TDS(vtr)	(((vtr) >> 19) & 1)

#define VGIC_PRIO_MASK		0xf8	/* five bits of priority, as few as a GICv3 may have */
#define VGIC_SRE		0x7	/* ICC_SRE_EL1: DIB, DFB, SRE; all fixed */

static inline u32 vgic_prio(const struct vgic_irq *irq)
{
	return (irq->lr >> VGIC_LR_PRIO_SHIFT) & 0xff;
}

/* the bit of the interrupt's group in GICD_CTLR and in ICH_VMCR_EL2 */
static inline u32 vgic_group_bit(const struct vgic_irq *irq)
{
	return irq->lr & VGIC_LR_GROUP1 ? 2 : 1;
}

/* pending as the GIC means it (4.1.2); in a list register: as of the last entry */
static inline bool vgic_is_pending(u32 flags)
{
	return (flags & (VGIC_LATCH | VGIC_LR_LATCH)) ||
	       (flags & (VGIC_LEVEL | VGIC_LINE)) == (VGIC_LEVEL | VGIC_LINE);
}

/* has a reason to be on a list */
static inline bool vgic_wants_list(u32 flags)
{
	return (flags & VGIC_ACTIVE) || ((flags & VGIC_ENABLED) && vgic_is_pending(flags));
}

/* GICR_PROPBASER, GICR_PENDBASER (12.11) */
#define VGIC_PROPBASER_INIT	((3ULL << 7) | (1ULL << 10))	/* write-back, inner shareable */
#define VGIC_PENDBASER_INIT	VGIC_PROPBASER_INIT
#define VGIC_PROPBASER_ADDR	0x000ffffffffff000ULL
#define VGIC_PENDBASER_ADDR	0x000fffffffff0000ULL
#define VGIC_PENDBASER_PTZ	(1ULL << 62)

/* vgic.c; [h] is that of the interrupt */
void vgic_irq_init(struct vgic_irq *irq, u32 intid, struct avmm_vcpu *home, u32 flags);
struct vgic_irq *vgic_get_irq(struct avmm_vm *vm, struct avmm_vcpu *vcpu, u32 intid);
struct avmm_vcpu *vgic_vcpu_by_aff(struct avmm_vm *vm, u64 aff);
u64 vgic_vcpu_aff(struct avmm_vcpu *vcpu);
unsigned long vgic_irq_lock(struct vgic_irq *irq) __acquires(irq);
void vgic_irq_unlock(struct vgic_irq *irq, unsigned long flags) __releases(irq);
struct avmm_vcpu *vgic_queue(struct vgic_irq *irq);
void vgic_unqueue(struct vgic_irq *irq);
void vgic_route(struct vgic_irq *irq, struct avmm_vcpu *target);
void vgic_rehome(struct vgic_irq *irq);
void vgic_wait_fold(struct vgic_irq *irq);
u32 vgic_hcr(struct avmm_vcpu *vcpu);
void vgic_note_ack(struct avmm_vcpu *vcpu, const struct vgic_irq *irq);
void vgic_v2_send_sgi(struct avmm_vcpu *vcpu, u32 reg);

/* vgic_init.c */
int vgic_init(struct avmm_vm *vm);
int vgic_lazy_init(struct avmm_vm *vm);
int vgic_set_nr_irqs(struct avmm_vm *vm, u32 nr);
int vgic_set_dist_base(struct avmm_vm *vm, u64 base);
int vgic_add_rd_region(struct avmm_vm *vm, u32 index, u64 base, u32 count);
bool vgic_rd_is_last(struct avmm_vcpu *vcpu);

int vgic_check_range(struct avmm_vm *vm, u64 base, u64 len);

/* lpi.c; they may sleep, but for vgic_get_lpi() and vgic_lpi_inject() */
struct vgic_irq *vgic_get_lpi(struct avmm_vm *vm, u32 intid);
bool vgic_lpi_inject(struct vgic_irq *irq);
int vgic_lpi_map(struct avmm_vm *vm, u32 intid, struct avmm_vcpu *target);
void vgic_lpi_unmap(struct vgic_irq *irq);
void vgic_lpi_clear(struct vgic_irq *irq);
int vgic_lpi_configure(struct avmm_vm *vm, struct vgic_irq *irq);
void vgic_lpis_configure(struct avmm_vcpu *vcpu);
void vgic_lpis_move(struct avmm_vcpu *from, struct avmm_vcpu *to);
void vgic_lpis_enable(struct avmm_vcpu *vcpu, bool on);
int vgic_lpis_save(struct avmm_vm *vm);
void vgic_lpis_free(struct avmm_vm *vm);

/* redist.c: the host's redistributors */
void vgic_redist_init(void);
void vgic_redist_exit(void);
void vgic_redist_cpu_up(void);
void vgic_set_ppi_active(int irq, u32 hwirq, bool active);

#endif /* AVMM_IRQ_VGIC_H */
