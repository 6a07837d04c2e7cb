// SPDX-License-Identifier: GPL-2.0
/*
 * The ITS of a guest: its registers, its commands, and the MSIs that it turns
 * into LPIs. Documentation/devices/vgic-its.rst. Numbers in comments are of the
 * GIC specification, IHI 0069.
 *
 * A command that cannot be carried out does nothing: that is what 5.3 asks of an
 * ITS that has no system error to report it with (GITS_TYPER.SEIS = 0).
 */
#include <linux/nospec.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "irq/its.h"

/* offsets in the control frame (12.19); GITS_TRANSLATER, in the other, is for devices only */
#define GITS_CTLR	0x0000
#define GITS_IIDR	0x0004
#define GITS_TYPER	0x0008
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER	0x0100
#define GITS_BASER_END	0x0140
#define GITS_PIDR4	0xffd0
#define GITS_PIDR0	0xffe0
#define GITS_PIDR1	0xffe4
#define GITS_PIDR2	0xffe8
#define GITS_CIDR0	0xfff0
#define GITS_END	0x10000

#define CTLR_ENABLED	(1U << 0)
#define CTLR_QUIESCENT	(1U << 31)

#define IIDR		0x4b00043bU	/* ARM, product 'K': KVM's, whose tables we take and give */
#define IIDR_REVISION(iidr)	((iidr) >> 12 & 0xf)

/* physical LPIs; redistributors by number; sizes minus one */
#define TYPER		(1ULL | (ITS_ENTRY - 1) << 4 | (ITS_ID_BITS - 1) << 8 | (ITS_ID_BITS - 1) << 13)

/* GITS_CBASER, GITS_BASER: common fields */
#define BASER_INNER		GENMASK_ULL(61, 59)
#define BASER_INNER_NC		(1ULL << 59)
#define BASER_INNER_RAWB	(3ULL << 59)
#define BASER_OUTER		GENMASK_ULL(55, 53)
#define BASER_OUTER_NC		(1ULL << 53)
#define BASER_SHARE		GENMASK_ULL(11, 10)
#define BASER_SHARE_INNER	(1ULL << 10)
#define BASER_SHARE_OUTER	(2ULL << 10)
#define BASER_PAGE_SIZE		GENMASK_ULL(9, 8)
#define BASER_PAGE_64K		(2ULL << 8)
#define BASER_FIXED		(GENMASK_ULL(58, 56) | GENMASK_ULL(52, 48))	/* type, entry size */
#define BASER_ENTRY_SIZE	((ITS_ENTRY - 1ULL) << 48)
#define CBASER_ADDR		GENMASK_ULL(51, 16)
#define CBASER_MASK		(ITS_VALID | BASER_INNER | BASER_OUTER | CBASER_ADDR | BASER_SHARE | 0xff)

#define CMD_SIZE	32
#define CMD_OFFSET	GENMASK_ULL(19, 5)

static const u64 baser_type[ITS_NR_TABLES] = {
	[ITS_DEVICES] = 1ULL << 56,
	[ITS_COLLECTIONS] = 4ULL << 56,
};

/* ---- the maps ---- */

static bool look_up(struct xarray *map, unsigned long id, u64 *val)
{
	void *p = xa_load(map, id);

	*val = p ? xa_to_value(p) : 0;
	return p;
}

static int store(struct xarray *map, unsigned long id, u64 val)
{
	return xa_err(xa_store(map, id, xa_mk_value(val), GFP_KERNEL_ACCOUNT));
}

static bool find_event(struct vgic_its *its, u32 devid, u32 event, u64 *ite)
{
	*ite = 0;
	return devid <= ITS_MAX_ID && event <= ITS_MAX_ID &&
	       look_up(&its->events, its_key(devid, event), ite);
}

/**
 * its_target - the vCPU of a collection
 * @its: the ITS
 * @icid: ICID
 *
 * Context: any
 * Return: NULL if it is not mapped
 */
struct avmm_vcpu *its_target(struct vgic_its *its, u32 icid)
{
	unsigned int n = smp_load_acquire(&its->vm->nr_vcpus);	/* pairs with avmm_vcpu_create() */
	u64 idx;

	if (!look_up(&its->collections, icid, &idx) || idx >= n)
		return NULL;
	return its->vm->vcpus[array_index_nospec(idx, n)];
}

/**
 * its_add_event - map an event
 * @its: caller holds its->lock
 * @devid: a device that is mapped
 * @event: not mapped, and within the device's bounds
 * @ite: LPI and ICID
 *
 * Return: 0; the errnos of vgic_lpi_map(); -ENOMEM: too many
 */
int its_add_event(struct vgic_its *its, u32 devid, u32 event, u64 ite)
{
	u32 lpi = its_ite_lpi(ite);
	int ret;

	if (its->nr_events >= ITS_MAX_EVENTS)
		return -ENOMEM;
	ret = vgic_lpi_map(its->vm, lpi, its_target(its, its_ite_icid(ite)));
	if (ret)
		return ret;
	ret = store(&its->events, its_key(devid, event), ite);
	if (ret)
		vgic_lpi_unmap(vgic_get_lpi(its->vm, lpi));
	else
		its->nr_events++;
	return ret;
}

static void remove_events(struct vgic_its *its, unsigned long first, unsigned long last)
{
	unsigned long key;
	void *p;

	xa_for_each_range(&its->events, key, p, first, last) {
		xa_erase(&its->events, key);
		its->nr_events--;
		vgic_lpi_unmap(vgic_get_lpi(its->vm, its_ite_lpi(xa_to_value(p))));
		cond_resched();
	}
}

/**
 * its_set_device - map a device; if it was mapped its events are unmapped
 * @its: caller holds its->lock
 * @devid: within bounds
 * @dte: where its events are in memory, and how many there can be
 *
 * Return: 0 or -ENOMEM
 */
int its_set_device(struct vgic_its *its, u32 devid, u64 dte)
{
	remove_events(its, its_key(devid, 0), its_key(devid, ITS_MAX_ID));
	return store(&its->devices, devid, dte);
}

/** its_set_collection - map a collection to a vCPU or to ITS_NOT_MAPPED; 0 or -ENOMEM */
int its_set_collection(struct vgic_its *its, u32 icid, u32 idx)
{
	return store(&its->collections, icid, idx);
}

static void forget_devices(struct vgic_its *its)
{
	remove_events(its, 0, its_key(ITS_MAX_ID, ITS_MAX_ID));
	xa_destroy(&its->devices);
}

/** its_forget - empty all maps. Caller holds its->lock */
void its_forget(struct vgic_its *its)
{
	forget_devices(its);
	xa_destroy(&its->collections);
}

/* ---- MSIs ---- */

/* 1: it is pending now; 0: not mapped; -EBUSY: disabled. Context: any */
static int inject(struct vgic_its *its, u32 devid, u32 event)
{
	struct avmm_vcpu *target;
	u64 ite;

	if (!READ_ONCE(its->enabled))
		return -EBUSY;
	if (!find_event(its, devid, event, &ite))
		return 0;
	target = its_target(its, its_ite_icid(ite));
	if (!target)
		return 0;
	if (!READ_ONCE(target->arch.vgic.lpis_enabled))
		return -EBUSY;
	return vgic_lpi_inject(vgic_get_lpi(its->vm, its_ite_lpi(ite)));
}

int vgic_inject_msi(struct avmm_vm *vm, const struct avmm_msi *msi)
{
	u64 addr = (u64)msi->address_hi << 32 | msi->address_lo;
	struct vgic_its *its;
	int ret = -EINVAL;

	if (!READ_ONCE(vm->arch.vgic.has_its) || !vgic_present(vm))
		return -ENODEV;
	if (!(msi->flags & AVMM_MSI_VALID_DEVID))
		return -EINVAL;
	rcu_read_lock();
	list_for_each_entry_rcu(its, &vm->arch.vgic.its_list, node) {
		if (addr - its->base >= AVMM_VGIC_V3_ITS_SIZE)
			continue;
		ret = inject(its, msi->devid, msi->data);
		break;
	}
	rcu_read_unlock();
	return ret;
}

int vgic_inject_msi_atomic(struct avmm_vm *vm, const struct avmm_msi *msi)
{
	return vgic_inject_msi(vm, msi) == 1 ? 1 : -EWOULDBLOCK;
}

/* ---- commands (5.3) ---- */

#define CMD_OP(cmd)		((cmd)[0] & 0xff)
#define CMD_DEVID(cmd)		((u32)((cmd)[0] >> 32))
#define CMD_EVENT(cmd)		((u32)(cmd)[1])
#define CMD_LPI(cmd)		((u32)((cmd)[1] >> 32))
#define CMD_ITT_SIZE(cmd)	((cmd)[1] & 0x1f)
#define CMD_ITT_ADDR(cmd)	((cmd)[2] & GENMASK_ULL(51, 8))
#define CMD_ICID(cmd)		((u32)(cmd)[2] & 0xffff)
#define CMD_RDBASE(cmd)		((u32)((cmd)[2] >> 16))
#define CMD_RDBASE2(cmd)	((u32)((cmd)[3] >> 16))
#define CMD_VALID(cmd)		((cmd)[2] & ITS_VALID)

#define OP_MAPI		0x0b

static void cmd_mapd(struct vgic_its *its, const u64 *cmd)
{
	u32 devid = CMD_DEVID(cmd);
	u64 gpa;

	if (!its_entry_addr(its, ITS_DEVICES, devid, &gpa))
		return;
	if (!CMD_VALID(cmd)) {
		remove_events(its, its_key(devid, 0), its_key(devid, ITS_MAX_ID));
		xa_erase(&its->devices, devid);
		its_write_entry(its, gpa, 0);
	} else if (CMD_ITT_SIZE(cmd) < ITS_ID_BITS) {
		its_set_device(its, devid, CMD_ITT_ADDR(cmd) >> 8 << ITS_DTE_ADDR_SHIFT |
					   CMD_ITT_SIZE(cmd));
	}
}

/* a collection has a (new) target: so have its LPIs */
static void retarget(struct vgic_its *its, u32 icid, struct avmm_vcpu *vcpu)
{
	unsigned long key;
	void *p;

	xa_for_each(&its->events, key, p) {
		cond_resched();
		if (its_ite_icid(xa_to_value(p)) == icid)
			vgic_route(vgic_get_lpi(its->vm, its_ite_lpi(xa_to_value(p))), vcpu);
	}
}

static void cmd_mapc(struct vgic_its *its, const u64 *cmd)
{
	struct avmm_vcpu *vcpu = avmm_vcpu_by_id(its->vm, CMD_RDBASE(cmd));
	u32 icid = CMD_ICID(cmd);
	u64 gpa;

	if (!CMD_VALID(cmd))
		xa_erase(&its->collections, icid);
	else if (vcpu && its_entry_addr(its, ITS_COLLECTIONS, icid, &gpa) &&
		 !its_set_collection(its, icid, vcpu->idx))
		retarget(its, icid, vcpu);
}

static void cmd_mapti(struct vgic_its *its, const u64 *cmd)
{
	u32 devid = CMD_DEVID(cmd), event = CMD_EVENT(cmd), icid = CMD_ICID(cmd);
	u32 lpi = CMD_OP(cmd) == OP_MAPI ? event : CMD_LPI(cmd);
	u32 id_bits = (READ_ONCE(its->vm->arch.vgic.propbaser) & 0x1f) + 1;
	bool new_collection = !xa_load(&its->collections, icid);
	u64 dte, ite, gpa;

	if (!look_up(&its->devices, devid, &dte) || event >= 1U << its_dte_bits(dte) ||
	    !its_is_memory(its->vm, its_ite_addr(dte, event)))
		return;
	if (lpi < VGIC_LPI_BASE || lpi >= 1U << min_t(u32, id_bits, VGIC_LPI_ID_BITS))
		return;
	if (find_event(its, devid, event, &ite))
		return;		/* UNPREDICTABLE: it stays as it is */
	/* it may be mapped later */
	if (new_collection && (!its_entry_addr(its, ITS_COLLECTIONS, icid, &gpa) ||
			       its_set_collection(its, icid, ITS_NOT_MAPPED)))
		return;
	if (its_add_event(its, devid, event, (u64)lpi << ITS_ITE_LPI_SHIFT | icid) &&
	    new_collection)
		xa_erase(&its->collections, icid);
}

static void cmd_movi(struct vgic_its *its, const u64 *cmd)
{
	u32 devid = CMD_DEVID(cmd), event = CMD_EVENT(cmd), icid = CMD_ICID(cmd);
	struct avmm_vcpu *vcpu = its_target(its, icid);
	u64 ite;

	if (!find_event(its, devid, event, &ite) || !its_target(its, its_ite_icid(ite)) || !vcpu)
		return;
	/* the entry is there already, so this needs no memory */
	store(&its->events, its_key(devid, event), (ite & ~(u64)ITS_ITE_ICID) | icid);
	vgic_route(vgic_get_lpi(its->vm, its_ite_lpi(ite)), vcpu);
}

static void cmd_discard(struct vgic_its *its, const u64 *cmd)
{
	u32 devid = CMD_DEVID(cmd), event = CMD_EVENT(cmd);
	u64 ite, dte;

	if (!find_event(its, devid, event, &ite) || !its_target(its, its_ite_icid(ite)) ||
	    !look_up(&its->devices, devid, &dte))
		return;
	remove_events(its, its_key(devid, event), its_key(devid, event));
	its_write_entry(its, its_ite_addr(dte, event), 0);
}

static void cmd_int(struct vgic_its *its, const u64 *cmd)
{
	inject(its, CMD_DEVID(cmd), CMD_EVENT(cmd));
}

static void cmd_clear(struct vgic_its *its, const u64 *cmd)
{
	u64 ite;

	if (find_event(its, CMD_DEVID(cmd), CMD_EVENT(cmd), &ite))
		vgic_lpi_clear(vgic_get_lpi(its->vm, its_ite_lpi(ite)));
}

static void cmd_inv(struct vgic_its *its, const u64 *cmd)
{
	u64 ite;

	if (find_event(its, CMD_DEVID(cmd), CMD_EVENT(cmd), &ite))
		vgic_lpi_configure(its->vm, vgic_get_lpi(its->vm, its_ite_lpi(ite)));
}

static void cmd_invall(struct vgic_its *its, const u64 *cmd)
{
	struct avmm_vcpu *vcpu = its_target(its, CMD_ICID(cmd));

	if (vcpu)
		vgic_lpis_configure(vcpu);
}

static void cmd_movall(struct vgic_its *its, const u64 *cmd)
{
	struct avmm_vcpu *from = avmm_vcpu_by_id(its->vm, CMD_RDBASE(cmd));
	struct avmm_vcpu *to = avmm_vcpu_by_id(its->vm, CMD_RDBASE2(cmd));

	if (from && to && from != to)
		vgic_lpis_move(from, to);
}

/* SYNC (5) is not here: all commands before it are done */
static void (*const commands[])(struct vgic_its *its, const u64 *cmd) = {
	[0x01] = cmd_movi,
	[0x03] = cmd_int,
	[0x04] = cmd_clear,
	[0x08] = cmd_mapd,
	[0x09] = cmd_mapc,
	[0x0a] = cmd_mapti,
	[OP_MAPI] = cmd_mapti,
	[0x0c] = cmd_inv,
	[0x0d] = cmd_invall,
	[0x0e] = cmd_movall,
	[0x0f] = cmd_discard,
};

static void command(struct vgic_its *its, const __le64 *raw)
{
	u64 cmd[CMD_SIZE / 8];
	unsigned int i, op;

	for (i = 0; i < ARRAY_SIZE(cmd); i++)
		cmd[i] = le64_to_cpu(raw[i]);
	op = CMD_OP(cmd);
	if (op < ARRAY_SIZE(commands)) {
		op = array_index_nospec(op, ARRAY_SIZE(commands));
		if (commands[op])
			commands[op](its, cmd);
	}
}

static u32 queue_len(const struct vgic_its *its)
{
	return ((its->cbaser & 0xff) + 1) << 12;
}

/*
 * The queue holds up to 32768 commands, some of them long. So a guest's store to
 * CWRITER is done in parts, and between two of them the vCPU is where it can be
 * stopped; user space's is done at once, unless the thread is being killed.
 * Return: 0; -EAGAIN, -EINTR: there is more to do
 */
static int run_commands(struct vgic_its *its, bool user)
{
	__le64 raw[CMD_SIZE / 8];
	u32 next;

	while (its->enabled && its->creadr != its->cwriter) {
		/* a command that cannot be read is one that cannot be carried out */
		if (!avmm_read_guest(its->vm, (its->cbaser & CBASER_ADDR) + its->creadr, raw,
				     sizeof(raw)))
			command(its, raw);
		next = its->creadr + CMD_SIZE;
		WRITE_ONCE(its->creadr, next < queue_len(its) ? next : 0);
		if (user) {
			cond_resched();
			if (fatal_signal_pending(current))
				return -EINTR;
		} else if (its->creadr != its->cwriter &&
			   (need_resched() || signal_pending(current))) {
			return -EAGAIN;
		}
	}
	return 0;
}

/* ---- registers ---- */

/* 4: only words; 8: words and doublewords; 0: no register */
static unsigned int reg_size(u64 off)
{
	if (off < GITS_TYPER || (off >= GITS_PIDR4 && off < GITS_END))
		return 4;
	if (off < GITS_TYPER + 8 || (off >= GITS_CBASER && off < GITS_CREADR + 8) ||
	    (off >= GITS_BASER && off < GITS_BASER_END))
		return 8;
	return 0;
}

static u64 id_reg(u32 off)
{
	switch (off) {
	case GITS_PIDR4:	return 0x40;	/* 64 KiB */
	case GITS_PIDR0:	return 0x92;
	case GITS_PIDR1:	return 0xb4;
	case GITS_PIDR2:	return 0x3b;	/* GICv3 */
	case GITS_CIDR0:	return 0x0d;
	case GITS_CIDR0 + 4:	return 0xf0;
	case GITS_CIDR0 + 8:	return 0x05;
	case GITS_CIDR0 + 12:	return 0xb1;
	default:		return 0;
	}
}

/* a whole register. Other vCPUs may be at it: each is read once */
static u64 reg_read(struct vgic_its *its, u32 off)
{
	u32 n = (off - GITS_BASER) / 8;

	switch (off) {
	case GITS_CTLR:
		return (READ_ONCE(its->enabled) ? CTLR_ENABLED : 0) |
		       (READ_ONCE(its->creadr) == READ_ONCE(its->cwriter) ? CTLR_QUIESCENT : 0);
	case GITS_IIDR:		return IIDR;
	case GITS_TYPER:	return TYPER;
	case GITS_CBASER:	return READ_ONCE(its->cbaser);
	case GITS_CWRITER:	return READ_ONCE(its->cwriter);
	case GITS_CREADR:	return READ_ONCE(its->creadr);
	}
	if (off >= GITS_PIDR4)
		return id_reg(off);
	return n < ITS_NR_TABLES ? READ_ONCE(its->baser[n]) : 0;
}

/* Our accesses are cached and inner shareable: what is weaker, or wider, reads back as that. */
static u64 legal(u64 reg)
{
	if ((reg & BASER_INNER) <= BASER_INNER_NC)
		reg = (reg & ~BASER_INNER) | BASER_INNER_RAWB;
	if ((reg & BASER_OUTER) > BASER_OUTER_NC)
		reg &= ~BASER_OUTER;
	if ((reg & BASER_SHARE) == BASER_SHARE_OUTER)
		reg ^= BASER_SHARE;
	return reg;
}

static void write_baser(struct vgic_its *its, u32 n, u64 val)
{
	val &= ~(BASER_FIXED | BASER_PAGE_SIZE);
	if (n == ITS_COLLECTIONS)
		val &= ~ITS_BASER_INDIRECT;
	val = legal(val) | baser_type[n] | BASER_ENTRY_SIZE | BASER_PAGE_64K;
	WRITE_ONCE(its->baser[n], val);
	if (val & ITS_VALID)
		return;
	if (n == ITS_DEVICES)
		forget_devices(its);
	else
		xa_destroy(&its->collections);
}

static int write_ctlr(struct vgic_its *its, u64 val, bool user)
{
	u64 valid = its->baser[ITS_DEVICES] & its->baser[ITS_COLLECTIONS] & its->cbaser;

	/* without its tables it cannot be enabled (12.19.5: UNPREDICTABLE) */
	if ((val & CTLR_ENABLED) && !its->enabled && !(valid & ITS_VALID))
		return 0;
	WRITE_ONCE(its->enabled, val & CTLR_ENABLED);
	return run_commands(its, user);
}

static int write_creadr(struct vgic_its *its, u64 val)
{
	val &= CMD_OFFSET;
	if (its->enabled)
		return -EBUSY;
	if (val >= queue_len(its))
		return -EINVAL;
	WRITE_ONCE(its->creadr, val);
	return 0;
}

/* @mask has ones where @val counts. 0, an errno for user space, or -EAGAIN. Caller holds its->lock */
static int reg_write(struct vgic_its *its, u32 off, u64 val, u64 mask, bool user)
{
	u32 n = (off - GITS_BASER) / 8;

	if (off == GITS_CTLR)
		return write_ctlr(its, val, user);
	/* user space says which revision of the tables' format it has restored */
	if (off == GITS_IIDR && user)
		return IIDR_REVISION(val) ? -EINVAL : 0;
	if (off == GITS_CREADR && user)
		return write_creadr(its, val);
	val = (reg_read(its, off) & ~mask) | (val & mask);
	if (off == GITS_CWRITER) {
		if ((val & CMD_OFFSET) >= queue_len(its))
			return 0;
		WRITE_ONCE(its->cwriter, val & CMD_OFFSET);
		return run_commands(its, user);
	}
	/* read-only while enabled */
	if (its->enabled)
		return 0;
	if (off == GITS_CBASER) {
		WRITE_ONCE(its->cbaser, legal(val) & CBASER_MASK);
		WRITE_ONCE(its->creadr, 0);
		WRITE_ONCE(its->cwriter, 0);
	} else if (off >= GITS_BASER && n < ITS_NR_TABLES) {
		write_baser(its, n, val);
	}
	return 0;
}

/* Reserved places, and accesses of a size that a register does not have, are RAZ/WI (12.1.3) */
static bool decode(u64 off, int len)
{
	unsigned int size = reg_size(off);

	return !(off & (len - 1)) && (size == 8 ? len >= 4 : size == len);
}

static int its_mmio_read(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len,
			 u64 *val)
{
	struct vgic_its *its = container_of(dev, struct vgic_its, dev);
	u32 off = addr - dev->base, low;

	*val = 0;
	if (!decode(off, len))
		return 0;
	low = off & (reg_size(off) - 1);
	*val = reg_read(its, off - low) >> low * 8 & ~0ULL >> (64 - len * 8);
	return 0;
}

static int its_mmio_write(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len,
			  u64 val)
{
	struct vgic_its *its = container_of(dev, struct vgic_its, dev);
	u32 off = addr - dev->base, low;
	int ret;

	if (!decode(off, len))
		return 0;
	low = off & (reg_size(off) - 1);
	mutex_lock(&its->lock);
	ret = reg_write(its, off - low, val << low * 8, ~0ULL >> (64 - len * 8) << low * 8, false);
	mutex_unlock(&its->lock);
	return ret;
}

static const struct avmm_iodev_ops its_iodev_ops = {
	.read = its_mmio_read,
	.write = its_mmio_write,
};

/* ---- the device ---- */

static void reset(struct vgic_its *its)
{
	unsigned int n;

	WRITE_ONCE(its->enabled, false);
	for (n = 0; n < ITS_NR_TABLES; n++)
		its->baser[n] &= ~ITS_VALID;
	its->cbaser = 0;
	its->creadr = 0;
	its->cwriter = 0;
	its_forget(its);
}

/* LPIs are of the GICv3 only */
static bool its_offered(void)
{
	return avmm_host.gic == 3;
}

static int its_create(struct avmm_device *dev)
{
	struct vgic_its *its = kzalloc(sizeof(*its), GFP_KERNEL_ACCOUNT);
	unsigned int n;

	if (!its)
		return -ENOMEM;
	its->vm = dev->vm;
	its->base = VGIC_ADDR_UNDEF;
	mutex_init(&its->lock);
	for (n = 0; n < ITS_NR_TABLES; n++)
		its->baser[n] = BASER_INNER_RAWB | BASER_SHARE_INNER | BASER_PAGE_64K |
				BASER_ENTRY_SIZE | baser_type[n];
	xa_init_flags(&its->devices, XA_FLAGS_ACCOUNT);
	xa_init_flags(&its->events, XA_FLAGS_ACCOUNT);
	xa_init_flags(&its->collections, XA_FLAGS_ACCOUNT);
	dev->private = its;
	dev->vm->arch.vgic.propbaser = VGIC_PROPBASER_INIT;
	WRITE_ONCE(dev->vm->arch.vgic.has_its, true);
	return 0;
}

/* Without an address nobody knows it; with one, this is the end of the VM, and no vCPU is left. */
static void its_destroy(struct avmm_device *dev)
{
	struct vgic_its *its = dev->private;

	xa_destroy(&its->devices);
	xa_destroy(&its->events);
	xa_destroy(&its->collections);
	kfree(its);
}

static int set_addr(struct vgic_its *its, u64 base)
{
	struct avmm_vm *vm = its->vm;
	int ret;

	if (its->base != VGIC_ADDR_UNDEF)
		return -EEXIST;
	ret = vgic_check_range(vm, base, AVMM_VGIC_V3_ITS_SIZE);
	if (ret)
		return ret;
	its->dev.ops = &its_iodev_ops;
	its->dev.base = base;
	its->dev.len = AVMM_VGIC_V3_ITS_SIZE;
	mutex_lock(&vm->slots_lock);
	ret = avmm_iobus_add(vm, &its->dev);
	mutex_unlock(&vm->slots_lock);
	if (ret)
		return ret;
	its->base = base;
	list_add_tail_rcu(&its->node, &vm->arch.vgic.its_list);
	return 0;
}

static int addr_access(struct vgic_its *its, const struct avmm_device_attr *attr, bool write)
{
	u64 __user *uaddr = u64_to_user_ptr(attr->addr);
	u64 base;
	int ret;

	if (attr->attr != AVMM_VGIC_ITS_ADDR_TYPE)
		return -ENODEV;
	if (!write)
		return put_user(READ_ONCE(its->base), uaddr);
	if (get_user(base, uaddr))
		return -EFAULT;
	mutex_lock(&its->vm->lock);
	ret = set_addr(its, base);
	mutex_unlock(&its->vm->lock);
	return ret;
}

/* with all vCPUs outside RUN, so that nobody sees half of it */
static int with_vm_stopped(struct vgic_its *its, int (*fn)(struct vgic_its *its, u64 attr, u64 *val),
			   u64 attr, u64 *val)
{
	struct avmm_vm *vm = its->vm;
	int ret;

	mutex_lock(&vm->lock);
	ret = avmm_lock_all_vcpus(vm);
	if (!ret) {
		mutex_lock(&its->lock);
		ret = fn(its, attr, val);
		mutex_unlock(&its->lock);
		avmm_unlock_all_vcpus(vm);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static int control(struct vgic_its *its, u64 attr, u64 *unused)
{
	switch (attr) {
	case AVMM_DEV_ARM_ITS_SAVE_TABLES:
		return its_save_tables(its);
	case AVMM_DEV_ARM_ITS_RESTORE_TABLES:
		return its_restore_tables(its);
	case AVMM_DEV_ARM_ITS_CTRL_RESET:
		reset(its);
		return 0;
	default:
		return -ENXIO;
	}
}

/* Registers are numbers of 64 bits for user space, whatever their size. */
static int check_reg(u64 off)
{
	return off & (off < GITS_TYPER || off >= GITS_PIDR4 ? 3 : 7) ? -EINVAL : 0;
}

static int get_reg(struct vgic_its *its, u64 off, u64 *val)
{
	if (its->base == VGIC_ADDR_UNDEF || !reg_size(off))
		return -ENXIO;
	*val = reg_read(its, off);
	return 0;
}

static int set_reg(struct vgic_its *its, u64 off, u64 *val)
{
	if (its->base == VGIC_ADDR_UNDEF || !reg_size(off))
		return -ENXIO;
	return reg_write(its, off, *val, ~0ULL, true);
}

static int its_set_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	struct vgic_its *its = dev->private;
	u64 val;

	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return addr_access(its, attr, true);
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		/* it needs no initialisation; KVM's clients ask before there is a vCPU */
		if (attr->attr == AVMM_DEV_ARM_VGIC_CTRL_INIT)
			return 0;
		return with_vm_stopped(its, control, attr->attr, NULL);
	case AVMM_DEV_ARM_VGIC_GRP_ITS_REGS:
		if (get_user(val, (u64 __user *)u64_to_user_ptr(attr->addr)))
			return -EFAULT;
		return check_reg(attr->attr) ?: with_vm_stopped(its, set_reg, attr->attr, &val);
	default:
		return -ENXIO;
	}
}

static int its_get_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	struct vgic_its *its = dev->private;
	u64 val;
	int ret;

	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return addr_access(its, attr, false);
	case AVMM_DEV_ARM_VGIC_GRP_ITS_REGS:
		ret = check_reg(attr->attr) ?: with_vm_stopped(its, get_reg, attr->attr, &val);
		return ret ?: put_user(val, (u64 __user *)u64_to_user_ptr(attr->addr));
	default:
		return -ENXIO;
	}
}

static int its_has_attr(struct avmm_device *dev, struct avmm_device_attr *attr)
{
	switch (attr->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		return attr->attr == AVMM_VGIC_ITS_ADDR_TYPE ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		return attr->attr == AVMM_DEV_ARM_VGIC_CTRL_INIT ||
		       attr->attr == AVMM_DEV_ARM_ITS_SAVE_TABLES ||
		       attr->attr == AVMM_DEV_ARM_ITS_RESTORE_TABLES ||
		       attr->attr == AVMM_DEV_ARM_ITS_CTRL_RESET ? 0 : -ENXIO;
	case AVMM_DEV_ARM_VGIC_GRP_ITS_REGS:
		return check_reg(attr->attr) ?: (reg_size(attr->attr) ? 0 : -ENXIO);
	default:
		return -ENXIO;
	}
}

const struct avmm_device_ops vgic_its_device_ops = {
	.name = "avmm-vgic-its",
	.offered = its_offered,
	.create = its_create,
	.destroy = its_destroy,
	.set_attr = its_set_attr,
	.get_attr = its_get_attr,
	.has_attr = its_has_attr,
};
