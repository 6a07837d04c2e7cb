// SPDX-License-Identifier: GPL-2.0
/*
 * Life of the virtual GIC: the host's maintenance interrupt, creation and
 * initialisation per VM, the places of its frames.
 *
 *	created		CREATE_DEVICE; addresses and the number of interrupts may be set
 *	initialised	CTRL_INIT; the number of vCPUs and interrupts is fixed
 *	ready		first RUN; the frames are on the bus
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/slab.h>
#include "irq/gich.h"
#include "irq/vgic_mmio.h"

#define FRAME_ALIGN		0x10000U
#define V2_FRAME_ALIGN		0x1000U
#define LEGACY_NR_SPIS		(256 - VGIC_NR_PRIVATE)	/* if user space does not say */

/* ---- host ---- */

static DEFINE_PER_CPU(int, maint_cookie);

/*
 * Only there to bring a vCPU out of the guest; vgic_sync() does the rest. At
 * exit ICH_HCR_EL2.En = 0 takes the line down, so this hardly ever runs.
 */
static irqreturn_t maint_handler(int irq, void *cookie)
{
	return IRQ_HANDLED;
}

/**
 * vgic_host_init - take the GIC maintenance interrupt
 *
 * Return: 0; -EBUSY (7.x: -EINVAL) when someone else has it: the kernel's KVM;
 * -ENODEV, -ENOMEM a GICv2's hypervisor interface cannot be used
 */
int vgic_host_init(void)
{
	int ret;

	ret = request_percpu_irq(avmm_host.maint_irq, maint_handler, "avmm-vgic", &maint_cookie);
	if (ret)
		return ret;
	ret = avmm_host.gic == 2 ? gich_init() : 0;
	if (ret) {
		free_percpu_irq(avmm_host.maint_irq, &maint_cookie);
		return ret;
	}
	vgic_redist_init();
	return 0;
}

/** vgic_host_exit - give it back, after vgic_cpu_down() on all CPUs */
void vgic_host_exit(void)
{
	vgic_redist_exit();
	gich_exit();
	free_percpu_irq(avmm_host.maint_irq, &maint_cookie);
}

/** vgic_cpu_up - a CPU may run guests from now on. Context: on that CPU */
void vgic_cpu_up(void)
{
	vgic_redist_cpu_up();
	enable_percpu_irq(avmm_host.maint_irq, irq_get_trigger_type(avmm_host.maint_irq));
}

/** vgic_cpu_down - the mirror */
void vgic_cpu_down(void)
{
	disable_percpu_irq(avmm_host.maint_irq);
}

/* ---- VM ---- */

/** vgic_vm_init - a VM without a GIC */
void vgic_vm_init(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;

	dist->dist_base = VGIC_ADDR_UNDEF;
	dist->cpu_base = VGIC_ADDR_UNDEF;
	INIT_LIST_HEAD(&dist->rd_regions);
	INIT_LIST_HEAD(&dist->its_list);
	xa_init_flags(&dist->lpis, XA_FLAGS_ACCOUNT);
}

/** vgic_vm_destroy - free what the GIC has; no vCPU is left */
void vgic_vm_destroy(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct vgic_rd_region *region, *next;

	list_for_each_entry_safe(region, next, &dist->rd_regions, node)
		kfree(region);
	kfree(dist->dist_frame);
	kvfree(dist->spis);
	vgic_lpis_free(vm);
}

bool vgic_present(struct avmm_vm *vm)
{
	return READ_ONCE(vm->arch.vgic.model);
}

static bool is_v2(struct avmm_vm *vm)
{
	return READ_ONCE(vm->arch.vgic.model) == AVMM_DEV_TYPE_ARM_VGIC_V2;
}

bool vgic_initialized(struct avmm_vm *vm)
{
	/* pairs with vgic_init() */
	return smp_load_acquire(&vm->arch.vgic.initialized);
}

/**
 * vgic_max_vcpus - how many vCPUs a VM can have
 * @vm: with the GIC that it has, if it has one; or NULL
 */
unsigned int vgic_max_vcpus(struct avmm_vm *vm)
{
	if (avmm_host.gic == 2 || (vm && is_v2(vm)))
		return VGIC_V2_MAX_VCPUS;
	return AVMM_MAX_VCPUS;
}

/**
 * vgic_create - CREATE_DEVICE, CREATE_IRQCHIP
 * @vm: caller holds vm->lock
 * @model: AVMM_DEV_TYPE_ARM_VGIC_*
 *
 * Return: 0; -ENODEV this host has none for guests; -EEXIST there is one, -EBUSY a
 * vCPU has run or is in an ioctl, -E2BIG more vCPUs than a GICv2 has interfaces for
 */
int vgic_create(struct avmm_vm *vm, u32 model)
{
	struct avmm_vcpu *vcpu;
	unsigned int i;
	int ret;

	if (model == AVMM_DEV_TYPE_ARM_VGIC_V2 && !avmm_host.gicv)
		return -ENODEV;
	if (vgic_present(vm))
		return -EEXIST;
	ret = avmm_lock_all_vcpus(vm);
	if (ret)
		return ret;
	avmm_for_each_vcpu(i, vcpu, vm)
		if (vcpu->arch.ran)
			ret = -EBUSY;
	if (!ret && model == AVMM_DEV_TYPE_ARM_VGIC_V2 && vm->nr_vcpus > VGIC_V2_MAX_VCPUS)
		ret = -E2BIG;
	if (!ret) {
		vm->arch.vgic.revision = 3;
		WRITE_ONCE(vm->arch.vgic.model, model);
	}
	avmm_unlock_all_vcpus(vm);
	return ret;
}

/* As in KVM all interrupts begin in group 0, and SPIs go to the first vCPU, but name no target. */
static void make_v2(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct avmm_vcpu *vcpu;
	u32 i, n;

	for (i = 0; i < dist->nr_spis; i++)
		dist->spis[i].lr &= ~VGIC_LR_GROUP1;
	avmm_for_each_vcpu(n, vcpu, vm) {
		for (i = 0; i < VGIC_NR_PRIVATE; i++) {
			vcpu->arch.vgic.private[i].lr &= ~VGIC_LR_GROUP1;
			vcpu->arch.vgic.private[i].targets = 1U << n;
		}
		for (i = 0; i < VGIC_NR_SGIS; i++)
			vcpu->arch.vgic.private[i].flags |= VGIC_V2_SGI;
	}
}

/**
 * vgic_init - CTRL_INIT: fix the numbers of interrupts and vCPUs
 * @vm: caller holds vm->lock
 *
 * Addresses may follow later, ARM_VCPU_INIT too.
 * A GICv3 without vCPUs, of which there will be none, has no interrupts either: they
 * are always at home at some vCPU, whose lock guards them.
 * Return: 0 (also when it is initialised already), -ENODEV a GICv2 without vCPUs, -ENOMEM
 */
int vgic_init(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	int ret;
	u32 i;

	if (dist->initialized)
		return 0;
	/* its first use does this, and is not to stand in the way of vCPUs */
	if (!vm->nr_vcpus && is_v2(vm))
		return -ENODEV;
	if (!dist->nr_spis)
		dist->nr_spis = LEGACY_NR_SPIS;
	if (vm->nr_vcpus) {
		dist->spis = kvcalloc(dist->nr_spis, sizeof(*dist->spis), GFP_KERNEL_ACCOUNT);
		if (!dist->spis)
			return -ENOMEM;
	}
	ret = avmm_routing_default(vm, dist->nr_spis);
	if (ret) {
		kvfree(dist->spis);
		dist->spis = NULL;
		return ret;
	}
	/* IROUTER resets to 0.0.0.0: the first vCPU */
	for (i = 0; dist->spis && i < dist->nr_spis; i++)
		vgic_irq_init(&dist->spis[i], VGIC_NR_PRIVATE + i, vm->vcpus[0], 0);
	if (is_v2(vm))
		make_v2(vm);
	/* pairs with vgic_initialized(): who sees it sees all of the above */
	smp_store_release(&dist->initialized, true);
	return 0;
}

/**
 * vgic_lazy_init - a GICv2 need not be told CTRL_INIT: its first use does it
 * @vm: vm->lock not held; may sleep
 *
 * Return: as vgic_init(); -EBUSY another GIC, not initialised; 0 also without any
 */
int vgic_lazy_init(struct avmm_vm *vm)
{
	int ret;

	if (likely(vgic_initialized(vm)) || !vgic_present(vm))
		return 0;
	if (!is_v2(vm))
		return -EBUSY;
	mutex_lock(&vm->lock);
	ret = vgic_init(vm);
	mutex_unlock(&vm->lock);
	return ret;
}

/**
 * vgic_set_nr_irqs - NR_IRQS attribute
 * @vm: caller does not hold vm->lock
 * @nr: interrupts, the private ones among them
 *
 * Return: 0; -EINVAL not a multiple of 32 from 64 to 992, KVM's limits; -EBUSY it is set
 */
int vgic_set_nr_irqs(struct avmm_vm *vm, u32 nr)
{
	int ret = 0;

	if (nr < VGIC_NR_PRIVATE + 32 || nr >= VGIC_MAX_IRQS || nr % 32)
		return -EINVAL;
	mutex_lock(&vm->lock);
	if (vm->arch.vgic.nr_spis)
		ret = -EBUSY;
	else
		vm->arch.vgic.nr_spis = nr - VGIC_NR_PRIVATE;
	mutex_unlock(&vm->lock);
	return ret;
}

/* ---- vCPU ---- */

/**
 * vgic_vcpu_init - CREATE_VCPU
 * @vcpu: new; caller holds vm->lock
 *
 * Return: 0; -EBUSY: the GIC is initialised, the number of vCPUs is fixed
 */
int vgic_vcpu_init(struct avmm_vcpu *vcpu)
{
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	u32 i;

	if (vgic_initialized(vcpu->vm))
		return -EBUSY;
	raw_spin_lock_init(&vc->lock);
	INIT_LIST_HEAD(&vc->list);
	for (i = 0; i < VGIC_NR_SGIS; i++)
		vgic_irq_init(&vc->private[i], i, vcpu, VGIC_ENABLED);
	for (; i < VGIC_NR_PRIVATE; i++)
		vgic_irq_init(&vc->private[i], i, vcpu, VGIC_LEVEL);
	vc->pendbaser = VGIC_PENDBASER_INIT;
	vgic_vcpu_reset(vcpu);
	return 0;
}

void vgic_vcpu_destroy(struct avmm_vcpu *vcpu)
{
}

/*
 * The guest finds the CPU interface of the GIC that it has. Without one it must not find any.
 * (GICH has no traps, but then GICV is not mapped.)
 */
static void choose_cpu_interface(struct avmm_vcpu *vcpu)
{
	struct avmm_ctx *ctx = vcpu->arch.ctx;

	if (vgic_present(vcpu->vm))
		ctx->vgic.hcr = vgic_hcr(vcpu);
	else
		ctx->vgic.hcr = avmm_host.gic == 3 ? VGIC_HCR_TRAP : 0;
	if (avmm_host.gic == 3 && is_v2(vcpu->vm))
		ctx->flags |= AVMM_CTX_GICV;
}

/**
 * vgic_vcpu_reset - ARM_VCPU_INIT: the CPU interface as after a reset
 * @vcpu: not running
 *
 * The interrupts keep their state, as those of a CPU that goes through reset do.
 */
void vgic_vcpu_reset(struct avmm_vcpu *vcpu)
{
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;
	struct vgic_cpu *vc = &vcpu->arch.vgic;
	u32 pre_bits = VGIC_VTR_PRE_BITS(avmm_host.ich_vtr);

	memset(hyp, 0, sizeof(*hyp));
	/* one active-priority register for five bits of preemption, two for six, four for seven */
	hyp->nr_apr = pre_bits <= 5 ? 1 : pre_bits == 6 ? 2 : 4;
	choose_cpu_interface(vcpu);
	hyp->sre = VGIC_SRE;
	vc->pri_bits = VGIC_VTR_PRI_BITS(avmm_host.ich_vtr);
	vc->id_bits = VGIC_VTR_ID_BITS(avmm_host.ich_vtr);
}

/* ---- places ---- */

static bool overlap(u64 a, u64 alen, u64 b, u64 blen)
{
	return a < b + blen && b < a + alen;
}

/** vgic_check_range - may a frame be there? 0, -EINVAL alignment, -E2BIG no guest address */
int vgic_check_range(struct avmm_vm *vm, u64 base, u64 len)
{
	u64 end = 1ULL << vm->s2.ipa_bits;
	u32 align = is_v2(vm) ? V2_FRAME_ALIGN : FRAME_ALIGN;

	if ((base | len) & (align - 1) || base + len < base)
		return -EINVAL;
	return base >= end || base + len > end ? -E2BIG : 0;
}

static u64 region_len(struct avmm_vm *vm, const struct vgic_rd_region *region)
{
	return (u64)(region->count ?: vm->nr_vcpus) * AVMM_VGIC_V3_REDIST_SIZE;
}

/**
 * vgic_set_dist_base - ADDR attribute of the distributor
 * @vm: caller holds vm->lock
 * @base: guest-physical address
 *
 * Return: 0, -EEXIST it has one, -EINVAL alignment, -E2BIG beyond the guest's addresses
 */
int vgic_set_dist_base(struct avmm_vm *vm, u64 base)
{
	int ret;

	if (vm->arch.vgic.dist_base != VGIC_ADDR_UNDEF)
		return -EEXIST;
	ret = vgic_check_range(vm, base, AVMM_VGIC_V3_DIST_SIZE);
	if (!ret)
		vm->arch.vgic.dist_base = base;
	return ret;
}

/**
 * vgic_v2_set_addr - ADDR attributes of a GICv2, and ARM_SET_DEVICE_ADDR
 * @vm: caller holds vm->lock
 * @type: AVMM_VGIC_V2_ADDR_TYPE_*
 * @addr: guest-physical address
 *
 * Return: 0; -ENODEV unknown type, or no GICv2; else as vgic_set_dist_base()
 */
int vgic_v2_set_addr(struct avmm_vm *vm, u64 type, u64 addr)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	u64 *base, len;
	int ret;

	if (type > AVMM_VGIC_V2_ADDR_TYPE_CPU || !is_v2(vm))
		return -ENODEV;
	base = type == AVMM_VGIC_V2_ADDR_TYPE_CPU ? &dist->cpu_base : &dist->dist_base;
	len = type == AVMM_VGIC_V2_ADDR_TYPE_CPU ? AVMM_VGIC_V2_CPU_SIZE : AVMM_VGIC_V2_DIST_SIZE;
	if (*base != VGIC_ADDR_UNDEF)
		return -EEXIST;
	ret = vgic_check_range(vm, addr, len);
	if (!ret)
		*base = addr;
	return ret;
}

/**
 * vgic_add_rd_region - ADDR attributes of redistributors
 * @vm: caller holds vm->lock
 * @index: must follow that of the last region
 * @base: guest-physical address
 * @count: redistributors it has place for; 0: all, and it is the only region
 *
 * Return: 0; -EINVAL index, alignment, overlap or mix of the two kinds; -EEXIST a
 * second region of the one kind; -EBUSY after the first run; -E2BIG, -ENOMEM
 */
int vgic_add_rd_region(struct avmm_vm *vm, u32 index, u64 base, u32 count)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct vgic_rd_region *region, *last;
	u64 len = (u64)(count ?: vm->nr_vcpus) * AVMM_VGIC_V3_REDIST_SIZE;
	int ret;

	last = list_empty(&dist->rd_regions) ? NULL :
	       list_last_entry(&dist->rd_regions, struct vgic_rd_region, node);
	if (base + len < base)
		return -EINVAL;
	if (last && !count)
		return last->count ? -EINVAL : -EEXIST;
	if (last && !last->count)
		return -EINVAL;
	if (index != (last ? last->index + 1 : 0))
		return -EINVAL;
	if (dist->ready)
		return -EBUSY;
	if (dist->dist_base != VGIC_ADDR_UNDEF &&
	    overlap(dist->dist_base, AVMM_VGIC_V3_DIST_SIZE, base, len))
		return -EINVAL;
	list_for_each_entry(region, &dist->rd_regions, node)
		if (overlap(region->base, region_len(vm, region), base, len))
			return -EINVAL;
	ret = vgic_check_range(vm, base, len);
	if (ret)
		return ret;
	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (!region)
		return -ENOMEM;
	region->index = index;
	region->base = base;
	region->count = count;
	list_add_tail(&region->node, &dist->rd_regions);
	return 0;
}

/**
 * vgic_rd_is_last - GICR_TYPER.Last: no other redistributor follows without a gap
 * @vcpu: whose redistributor
 *
 * The vCPUs' redistributors fill the regions in the order of their creation. The
 * region that goes on where another is full may be any other.
 */
bool vgic_rd_is_last(struct avmm_vcpu *vcpu)
{
	struct list_head *regions = &vcpu->vm->arch.vgic.rd_regions;
	u32 nr_vcpus = smp_load_acquire(&vcpu->vm->nr_vcpus);	/* pairs with avmm_vcpu_create() */
	struct vgic_rd_region *region;
	u64 end = VGIC_ADDR_UNDEF;
	u32 first = 0, next;

	list_for_each_entry(region, regions, node) {
		next = region->count ? min(first + region->count, nr_vcpus) : nr_vcpus;
		if (vcpu->idx >= first && vcpu->idx < next) {
			if (vcpu->idx + 1 < next)
				return false;
			end = region->base +
			      (u64)(region->count ?: nr_vcpus) * AVMM_VGIC_V3_REDIST_SIZE;
			/* the rest of the region is empty: nothing follows */
			if (region->count && next - first < region->count)
				return true;
		}
		first = next;
	}
	/* no region has room for it */
	if (end == VGIC_ADDR_UNDEF)
		return false;
	first = 0;
	list_for_each_entry(region, regions, node) {
		if (region->base == end && first < nr_vcpus)
			return false;
		first += region->count;
	}
	return true;
}

static int put_frame(struct avmm_vm *vm, struct vgic_frame *frame, const struct vgic_table *table,
		     u64 base, u64 len)
{
	frame->dev.ops = &vgic_iodev_ops;
	frame->dev.base = base;
	frame->dev.len = len;
	frame->table = table;
	return avmm_iobus_add(vm, &frame->dev);
}

/* the frames that are used, on the bus; caller holds vm->lock and vm->slots_lock */
static int map_frames(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct vgic_rd_region *region;
	u32 first = 0;
	int ret;

	ret = put_frame(vm, dist->dist_frame, &vgic_v3_dist_table, dist->dist_base,
			AVMM_VGIC_V3_DIST_SIZE);
	if (ret)
		return ret;
	list_for_each_entry(region, &dist->rd_regions, node) {
		u32 left = vm->nr_vcpus - first;
		u32 used = region->count ? min(region->count, left) : left;

		if (!used)
			break;
		region->frame.stride = AVMM_VGIC_V3_REDIST_SIZE;
		region->frame.first_vcpu = first;
		ret = put_frame(vm, &region->frame, &vgic_v3_redist_table, region->base,
				(u64)used * AVMM_VGIC_V3_REDIST_SIZE);
		if (ret)
			goto undo;
		first += used;
	}
	return 0;

undo:
	list_for_each_entry_continue_reverse(region, &dist->rd_regions, node)
		avmm_iobus_del(vm, &region->frame.dev);
	avmm_iobus_del(vm, &dist->dist_frame->dev);
	return ret;
}

/* The distributor is emulated; the CPU interface is that of the host's CPU that the guest is on. */
static int map_v2(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	int ret;

	ret = avmm_s2_map_device(vm, dist->cpu_base, avmm_host.gicv, AVMM_VGIC_V2_CPU_SIZE);
	return ret ?: put_frame(vm, dist->dist_frame, &vgic_v2_dist_table, dist->dist_base,
				AVMM_VGIC_V2_DIST_SIZE);
}

static int check_v2_places(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;

	if (dist->dist_base == VGIC_ADDR_UNDEF || dist->cpu_base == VGIC_ADDR_UNDEF)
		return -ENXIO;
	if (overlap(dist->dist_base, AVMM_VGIC_V2_DIST_SIZE, dist->cpu_base,
		    AVMM_VGIC_V2_CPU_SIZE))
		return -EINVAL;
	return vgic_init(vm);
}

/* in KVM's order, as it decides which errno user space sees */
static int check_places(struct avmm_vm *vm)
{
	struct vgic_dist *dist = &vm->arch.vgic;
	struct vgic_rd_region *region;
	u64 slots = 0;

	if (is_v2(vm))
		return check_v2_places(vm);
	list_for_each_entry(region, &dist->rd_regions, node)
		slots += region->count ?: vm->nr_vcpus;
	if (slots < vm->nr_vcpus || dist->dist_base == VGIC_ADDR_UNDEF)
		return -ENXIO;
	list_for_each_entry(region, &dist->rd_regions, node) {
		/* the single region has grown with the number of vCPUs since it was placed */
		if (vgic_check_range(vm, region->base, region_len(vm, region)) ||
		    overlap(dist->dist_base, AVMM_VGIC_V3_DIST_SIZE, region->base,
			    region_len(vm, region)))
			return -EINVAL;
	}
	return dist->initialized ? 0 : -EBUSY;
}

/**
 * vgic_first_run - before a vCPU's first entry: all must be in place
 * @vcpu: caller holds vcpu->mutex
 *
 * Return: 0; -ENXIO a frame has no address, -EINVAL frames overlap, -EBUSY not
 * initialised, -EEXIST or -ENOMEM from the bus
 */
int vgic_first_run(struct avmm_vcpu *vcpu)
{
	struct avmm_vm *vm = vcpu->vm;
	struct vgic_dist *dist = &vm->arch.vgic;
	int ret = 0;

	/* whether there is a GIC is fixed from now on */
	choose_cpu_interface(vcpu);
	/* pairs with the store below, of another vCPU */
	if (!vgic_present(vm) || smp_load_acquire(&dist->ready))
		return 0;
	mutex_lock(&vm->lock);
	if (dist->ready)
		goto out;
	ret = check_places(vm);
	if (ret)
		goto out;
	if (!dist->dist_frame)
		dist->dist_frame = kzalloc(sizeof(*dist->dist_frame), GFP_KERNEL_ACCOUNT);
	if (!dist->dist_frame) {
		ret = -ENOMEM;
		goto out;
	}
	mutex_lock(&vm->slots_lock);
	ret = is_v2(vm) ? map_v2(vm) : map_frames(vm);
	mutex_unlock(&vm->slots_lock);
	if (!ret)
		smp_store_release(&dist->ready, true);	/* after the frames: the load above */
out:
	mutex_unlock(&vm->lock);
	return ret;
}
