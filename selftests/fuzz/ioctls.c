// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls: a table with a row for each, whose function builds an argument that means something.
 * What is built is then spoiled now and then: bits flipped, a bad pointer, the wrong descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fuzz.h"

#define IOCTL(dir, nr, size)	_IOC(dir, AVMMIO, nr, size)
/* Numbers of KVM's that the header does not have: a row of what is not there is a row too. */
#define SET_GUEST_DEBUG		IOCTL(_IOC_WRITE, 0x9b, 520)
#define GET_STATS_FD		IOCTL(0, 0xce, 0)

/* ---- numbers ---- */

uint64_t odd_number(struct rng *r)
{
	static const uint64_t fixed[] = {
		0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 511, 512, 1019,
		1020, 1023, 1024, 4095, 4096, 8191, 8192, 65535, 65536, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0UL, ~0xfffUL,
		0xffff000000000000, 0xffff800000000000, 0xfffffffffffff000,
	};

	switch (below(r, 4)) {
	case 0:
		return PICK(r, fixed);
	case 1:
		return (1UL << below(r, 64)) + below(r, 5) - 2;
	case 2:
		return below(r, 300);
	default:
		return rnd(r) >> below(r, 64);
	}
}

/* Where the kernel may write without harm to this program, or nowhere. */
static uint64_t pointer(struct world *w, struct rng *r)
{
	switch (below(r, 12)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)w->scratch + SCRATCH_SIZE - below(r, 64);	/* across the end */
	case 2:
		return 0xffff800000000000 | rnd(r) >> 20;
	case 3:
		return (uint64_t)PICK(r, w->area) + (below(r, AREA_SIZE) & ~7UL);
	case 4:
		return 1UL << 47 | rnd(r) >> 18;
	default:
		return (uint64_t)w->scratch + (below(r, SCRATCH_SIZE) & ~7UL);
	}
}

/* The place of a value, mostly a fresh one. */
static uint64_t value_at(struct world *w, struct rng *r, uint64_t value)
{
	uint64_t at = (uint64_t)w->scratch + (below(r, SCRATCH_SIZE - 16) & ~7UL);

	if (once_in(r, 16))
		return pointer(w, r);
	memcpy((void *)at, &value, 8);
	return at;
}

int fd_random(struct world *w, struct rng *r, enum fd_kind kind)
{
	if (once_in(r, 64))
		kind = below(r, NR_KINDS);
	switch (kind) {
	case FD_DEV:
		return w->dev;
	case FD_VM:
		return w->vm;
	case FD_VCPU:
		return w->vcpu[below(r, w->nr_vcpus)];
	default:
		/* the vGIC, its ITS, whatever else was made */
		return w->device[below(r, once_in(r, 8) ? MAX_DEVICES : 2)];
	}
}

/* ---- arguments ---- */

/* What a row's function fills; @value is the argument itself where it is no pointer. */
struct arg {
	void *buf;	/* 1024 bytes, zero */
	uint64_t value;
};

static void none(struct world *w, struct rng *r, struct arg *a)
{
	a->value = once_in(r, 50) ? odd_number(r) : 0;
}

static void number(struct world *w, struct rng *r, struct arg *a)
{
	a->value = odd_number(r);
}

static void vcpu_id(struct world *w, struct rng *r, struct arg *a)
{
	a->value = once_in(r, 8) ? odd_number(r) : below(r, MAX_VCPUS);
}

static void vm_type(struct world *w, struct rng *r, struct arg *a)
{
	a->value = once_in(r, 4) ? odd_number(r) : once_in(r, 2) ? 0 : 31 + below(r, 18);
}

static void memory_region(struct world *w, struct rng *r, struct arg *a)
{
	static const uint64_t where[] = { RAM, RAM2, 0, 0x20000000, 0x7fe00000, GICD - 0x10000,
					  1UL << 36, (1UL << 40) - AREA_SIZE, 1UL << 39 };
	struct avmm_userspace_memory_region *m = a->buf;

	m->slot = once_in(r, 32) ? odd_number(r) : below(r, 5);
	m->flags = once_in(r, 3) ? below(r, 4) : once_in(r, 20) ? odd_number(r) : 0;
	m->guest_phys_addr = PICK(r, where) + (once_in(r, 2) ? 0 : below(r, 64) * PAGE);
	m->memory_size = once_in(r, 3) ? 0 : once_in(r, 2) ? AREA_SIZE : below(r, 600) * PAGE;
	m->userspace_addr = (uint64_t)PICK(r, w->area) + (once_in(r, 3) ? below(r, 64) * PAGE : 0);
	if (once_in(r, 20))
		m->memory_size = odd_number(r) & ~0xfffUL;
	if (once_in(r, 20))
		m->userspace_addr = pointer(w, r) & ~0xfffUL;
	if (once_in(r, 20))
		m->guest_phys_addr = odd_number(r) & ~0xfffUL;
}

static void irq_line(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_irq_level *l = a->buf;

	if (once_in(r, 3))
		l->irq = 2 << 24 | below(r, 4) << 16 | (16 + below(r, 16));
	else
		l->irq = 1 << 24 | (32 + below(r, once_in(r, 8) ? 1100 : 64));
	if (once_in(r, 16))
		l->irq ^= 1U << below(r, 32);
	if (once_in(r, 16))
		l->irq = odd_number(r);
	l->level = once_in(r, 8) ? odd_number(r) : below(r, 2);
}

static void enable_cap(struct world *w, struct rng *r, struct arg *a)
{
	static const uint32_t caps[] = { 177, 168, 192, 216, 205, 170, 104, 240, 228, 153, 229 };
	struct avmm_enable_cap *c = a->buf;

	c->cap = once_in(r, 4) ? below(r, 250) : PICK(r, caps);
	c->args[0] = odd_number(r);
	c->flags = once_in(r, 16);
}

static void create_device(struct world *w, struct rng *r, struct arg *a)
{
	static const uint32_t types[] = { 4, 5, 7, 7, 8, 8 };
	struct avmm_create_device *d = a->buf;

	d->type = once_in(r, 8) ? odd_number(r) : PICK(r, types);
	d->flags = once_in(r, 6) ? odd_number(r) : 0;
}

static void device_addr(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_one_reg *d = a->buf;	/* id and addr, 64 bits each */

	d->id = below(r, 3) << 16 | below(r, 3);
	d->addr = once_in(r, 2) ? GICD : odd_number(r) & ~0xfffUL;
}

/* CREATE_DEVICE's children: attributes of the vGIC, the ITS, and of groups that nobody has */
static void device_attr(struct world *w, struct rng *r, struct arg *a)
{
	static const uint64_t bases[] = { GICD, GICR, GITS, GICC, 0, RAM, 1UL << 39, 0x0c000000,
					  1UL << 40, ~0xffffUL };
	struct avmm_device_attr *d = a->buf;
	uint64_t value = odd_number(r), cpu = once_in(r, 8) ? rnd(r) : below(r, 5);

	d->group = once_in(r, 20) ? odd_number(r) : below(r, 10);
	d->flags = once_in(r, 20) ? odd_number(r) : 0;
	switch (d->group) {
	case AVMM_DEV_ARM_VGIC_GRP_ADDR:
		d->attr = below(r, 7);
		value = PICK(r, bases) + (once_in(r, 3) ? below(r, 64) * PAGE : 0);
		if (d->attr == AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
			value |= below(r, 5) << 52 | below(r, 3);
		break;
	case AVMM_DEV_ARM_VGIC_GRP_DIST_REGS:
	case AVMM_DEV_ARM_VGIC_GRP_CPU_REGS:
		d->attr = cpu << 32 | (below(r, 0x400) << 2);
		if (once_in(r, 4))
			d->attr = cpu << 32 | below(r, 0x10000);
		break;
	case AVMM_DEV_ARM_VGIC_GRP_NR_IRQS:
		value = once_in(r, 2) ? 32 * below(r, 36) : value;
		break;
	case AVMM_DEV_ARM_VGIC_GRP_CTRL:
		d->attr = below(r, 6);
		break;
	case AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		d->attr = cpu << 32 | below(r, 2) << 16 | (below(r, 0x400) << 2);
		if (once_in(r, 4))
			d->attr = cpu << 32 | below(r, 0x20000);
		break;
	case AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		d->attr = cpu << 32 | 3 << 14 | (once_in(r, 2) ? 12 : 4) << 7 |
			  below(r, 16) << 3 | below(r, 8);
		if (once_in(r, 4))
			d->attr = cpu << 32 | below(r, 1 << 16);
		break;
	case AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO:
		d->attr = cpu << 32 | below(r, 3) << 10 | below(r, 40) * 32;
		break;
	default:
		d->attr = once_in(r, 2) ? below(r, 0x200) & ~7UL : odd_number(r);
	}
	if (once_in(r, 20))
		d->attr ^= 1UL << below(r, 64);
	d->addr = value_at(w, r, value);
}

static void vcpu_attr(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_device_attr *d = a->buf;

	if (once_in(r, 4)) {
		device_attr(w, r, a);
		return;
	}
	d->group = below(r, 4);
	d->attr = below(r, 5);
	d->addr = value_at(w, r, once_in(r, 3) ? odd_number(r) : 16 + below(r, 16));
}

static void one_reg(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_one_reg *g = a->buf;

	if (w->nr_regs && !once_in(r, 4))
		g->id = w->reg[below(r, w->nr_regs)];
	else
		g->id = AVMM_REG_ARM64 | below(r, 6) << AVMM_REG_SIZE_SHIFT |
			(0x10 + below(r, 8)) << 16 |
			(once_in(r, 2) ? below(r, 256) : below(r, 65536));
	if (once_in(r, 16))
		g->id ^= 1UL << below(r, 64);
	g->addr = value_at(w, r, odd_number(r));
}

static void vcpu_init(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_vcpu_init *i = a->buf;

	i->target = once_in(r, 16) ? odd_number(r) : AVMM_ARM_TARGET_GENERIC_V8;
	i->features[0] = once_in(r, 2) ? 4 : below(r, 256);
	if (once_in(r, 16))
		i->features[below(r, 7)] = odd_number(r);
}

static void mp_state(struct world *w, struct rng *r, struct arg *a)
{
	static const uint32_t states[] = { 0, 0, 0, 5, 10 };
	struct avmm_mp_state *m = a->buf;

	m->mp_state = once_in(r, 8) ? odd_number(r) : PICK(r, states);
}

static void vcpu_events(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_vcpu_events *e = a->buf;

	e->exception.serror_pending = below(r, 2);
	e->exception.serror_has_esr = once_in(r, 3);
	e->exception.ext_dabt_pending = below(r, 2);
	e->exception.serror_esr = once_in(r, 2) ? odd_number(r) : below(r, 1 << 25);
	if (once_in(r, 16))
		e->reserved[below(r, 12)] = 1;
}

static void signal_mask(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_signal_mask *m = a->buf;
	/* the kick's signal stays open, or nothing would end */
	uint64_t set = rnd(r) & ~(1UL << 9);

	m->len = once_in(r, 8) ? odd_number(r) : 8;
	memcpy(m->sigset, &set, 8);
}

static void reg_list(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_reg_list *l = (void *)w->scratch;

	l->n = once_in(r, 3) ? odd_number(r) : 4096;
	a->value = (uint64_t)l;
}

static void irqfd(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_irqfd *i = a->buf;

	i->fd = once_in(r, 8) ? (uint32_t)fd_random(w, r, below(r, NR_KINDS)) :
		(uint32_t)w->event[below(r, NR_EVENTS)];
	i->gsi = once_in(r, 8) ? odd_number(r) : below(r, 96);
	i->flags = once_in(r, 20) ? odd_number(r) : below(r, 4);
	i->resamplefd = w->event[below(r, NR_EVENTS)];
	if (once_in(r, 16))
		i->pad[below(r, 16)] = 1;
}

static void ioeventfd(struct world *w, struct rng *r, struct arg *a)
{
	static const uint64_t where[] = { 0x0a000000, 0x0a000000, 0x0a000800, GICD, RAM, GICR,
					  1UL << 39 };
	static const uint32_t lens[] = { 0, 1, 2, 4, 8 };
	struct avmm_ioeventfd *e = a->buf;

	e->addr = once_in(r, 16) ? odd_number(r) : PICK(r, where) + below(r, 8) * 8;
	e->len = once_in(r, 16) ? odd_number(r) : PICK(r, lens);
	e->fd = once_in(r, 16) ? (int)odd_number(r) : w->event[below(r, NR_EVENTS)];
	e->flags = once_in(r, 16) ? odd_number(r) : below(r, 8) & ~2U;
	e->datamatch = below(r, 4);
}

static void coalesced(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_coalesced_mmio_zone *z = a->buf;

	z->addr = once_in(r, 8) ? odd_number(r) : 0x0a000000 + below(r, 16) * 0x100;
	z->size = once_in(r, 8) ? odd_number(r) : 1 + below(r, 0x800);
	z->pio = once_in(r, 16);
}

static void msi(struct world *w, struct rng *r, struct arg *a)
{
	struct avmm_msi *m = a->buf;

	m->address_lo = once_in(r, 6) ? odd_number(r) :
			once_in(r, 4) ? GICD + 0x40 : GITS + 0x10040;
	m->data = once_in(r, 4) ? odd_number(r) : below(r, 64);
	m->devid = once_in(r, 4) ? odd_number(r) : below(r, 16);
	m->flags = once_in(r, 4) ? odd_number(r) : 1;
}

static void dirty_log(struct world *w, struct rng *r, struct arg *a)
{
	uint32_t *l = a->buf;	/* slot, pad, bitmap */
	uint64_t at = pointer(w, r);

	l[0] = once_in(r, 16) ? odd_number(r) : below(r, 5);
	memcpy(l + 2, &at, 8);
}

static void clear_dirty_log(struct world *w, struct rng *r, struct arg *a)
{
	uint32_t *l = a->buf;	/* slot, number of pages, first page and bitmap of 64 bits each */
	uint64_t v[2] = { once_in(r, 4) ? odd_number(r) : below(r, 17) * 64, pointer(w, r) };

	l[0] = once_in(r, 16) ? odd_number(r) : below(r, 5);
	l[1] = once_in(r, 4) ? odd_number(r) : below(r, 17) * 64;
	memcpy(l + 2, v, 16);
}

static void gsi_routing(struct world *w, struct rng *r, struct arg *a)
{
	uint32_t *l = a->buf;	/* nr, flags; then gsi, type, flags, pad, eight words */
	unsigned int i, n = below(r, 12);

	l[0] = once_in(r, 16) ? odd_number(r) : n;
	l[1] = once_in(r, 20);
	for (i = 0; i < n; i++) {
		uint32_t *e = l + 2 + i * 12;

		e[0] = once_in(r, 16) ? odd_number(r) : below(r, 96);
		e[1] = once_in(r, 16) ? odd_number(r) : 1 + below(r, 2);
		e[2] = once_in(r, 3);
		e[4] = e[1] == 2 ? GITS + 0x10040 : below(r, 2);
		e[5] = e[1] == 2 ? 0 : below(r, 96);
		e[6] = below(r, 64);
		e[7] = below(r, 16);
	}
}

static void guest_debug(struct world *w, struct rng *r, struct arg *a)
{
	uint32_t *l = a->buf;
	unsigned int i;

	l[0] = once_in(r, 8) ? odd_number(r) : (below(r, 4) | below(r, 4) << 16);
	for (i = 2; i < 130; i++)
		l[i] = odd_number(r);
}

static void raw(struct world *w, struct rng *r, struct arg *a)
{
	uint64_t *p = a->buf;
	unsigned int i;

	for (i = 0; i < 128; i++)
		p[i] = odd_number(r);
}

static void masks(struct world *w, struct rng *r, struct arg *a)
{
	uint64_t *p = a->buf;

	p[0] = once_in(r, 4) ? pointer(w, r) : (uintptr_t)w->scratch;
	p[1] = once_in(r, 4) ? odd_number(r) : 0;
}

static void counter_offset(struct world *w, struct rng *r, struct arg *a)
{
	uint64_t *p = a->buf;

	p[0] = odd_number(r);
	p[1] = once_in(r, 4) ? odd_number(r) : 0;
}

static void feature(struct world *w, struct rng *r, struct arg *a)
{
	*(uint32_t *)a->buf = once_in(r, 3) ? odd_number(r) : below(r, 8);
}

#define VALUE	1	/* the argument is a number, not a pointer */
#define MAKES	2	/* returns a descriptor */

static const struct row {
	const char *name;
	enum fd_kind kind;
	uint32_t cmd;
	void (*build)(struct world *w, struct rng *r, struct arg *a);
	int flags;
	int weight;
} rows[] = {
	{ "GET_API_VERSION", FD_DEV, AVMM_GET_API_VERSION, none, VALUE, 1 },
	{ "CREATE_VM", FD_DEV, AVMM_CREATE_VM, vm_type, VALUE | MAKES, 4 },
	{ "CHECK_EXTENSION", FD_DEV, AVMM_CHECK_EXTENSION, number, VALUE, 1 },
	{ "GET_VCPU_MMAP_SIZE", FD_DEV, AVMM_GET_VCPU_MMAP_SIZE, none, VALUE, 1 },

	{ "CHECK_EXTENSION", FD_VM, AVMM_CHECK_EXTENSION, number, VALUE, 1 },
	{ "CREATE_VCPU", FD_VM, AVMM_CREATE_VCPU, vcpu_id, VALUE | MAKES, 6 },
	{ "SET_USER_MEMORY_REGION", FD_VM, AVMM_SET_USER_MEMORY_REGION, memory_region, 0, 20 },
	{ "SET_USER_MEMORY_REGION2", FD_VM, AVMM_SET_USER_MEMORY_REGION2, memory_region, 0, 8 },
	{ "CREATE_IRQCHIP", FD_VM, AVMM_CREATE_IRQCHIP, none, VALUE, 1 },
	{ "IRQ_LINE", FD_VM, AVMM_IRQ_LINE, irq_line, 0, 20 },
	{ "IRQFD", FD_VM, AVMM_IRQFD, irqfd, 0, 8 },
	{ "IOEVENTFD", FD_VM, AVMM_IOEVENTFD, ioeventfd, 0, 8 },
	{ "REGISTER_COALESCED_MMIO", FD_VM, AVMM_REGISTER_COALESCED_MMIO, coalesced, 0, 6 },
	{ "UNREGISTER_COALESCED_MMIO", FD_VM, AVMM_UNREGISTER_COALESCED_MMIO, coalesced, 0, 3 },
	{ "ENABLE_CAP", FD_VM, AVMM_ENABLE_CAP, enable_cap, 0, 2 },
	{ "SIGNAL_MSI", FD_VM, AVMM_SIGNAL_MSI, msi, 0, 8 },
	{ "ARM_PREFERRED_TARGET", FD_VM, AVMM_ARM_PREFERRED_TARGET, raw, 0, 1 },
	{ "ARM_GET_REG_WRITABLE_MASKS", FD_VM, AVMM_ARM_GET_REG_WRITABLE_MASKS, masks, 0, 1 },
	{ "ARM_SET_COUNTER_OFFSET", FD_VM, AVMM_ARM_SET_COUNTER_OFFSET, counter_offset, 0, 1 },
	{ "CREATE_DEVICE", FD_VM, AVMM_CREATE_DEVICE, create_device, 0, 6 },
	{ "GET_DIRTY_LOG", FD_VM, AVMM_GET_DIRTY_LOG, dirty_log, 0, 6 },
	{ "CLEAR_DIRTY_LOG", FD_VM, AVMM_CLEAR_DIRTY_LOG, clear_dirty_log, 0, 4 },
	{ "SET_GSI_ROUTING", FD_VM, AVMM_SET_GSI_ROUTING, gsi_routing, 0, 4 },
	{ "ARM_SET_DEVICE_ADDR", FD_VM, AVMM_ARM_SET_DEVICE_ADDR, device_addr, 0, 1 },
	{ "GET_STATS_FD", FD_VM, GET_STATS_FD, none, VALUE, 1 },
	{ "SET_DEVICE_ATTR", FD_VM, AVMM_SET_DEVICE_ATTR, device_attr, 0, 1 },
	{ "HAS_DEVICE_ATTR", FD_VM, AVMM_HAS_DEVICE_ATTR, device_attr, 0, 1 },

	{ "SET_DEVICE_ATTR", FD_DEVICE, AVMM_SET_DEVICE_ATTR, device_attr, 0, 24 },
	{ "GET_DEVICE_ATTR", FD_DEVICE, AVMM_GET_DEVICE_ATTR, device_attr, 0, 24 },
	{ "HAS_DEVICE_ATTR", FD_DEVICE, AVMM_HAS_DEVICE_ATTR, device_attr, 0, 4 },

	{ "RUN", FD_VCPU, AVMM_RUN, none, VALUE, 3 },
	{ "SET_SIGNAL_MASK", FD_VCPU, AVMM_SET_SIGNAL_MASK, signal_mask, 0, 1 },
	{ "GET_MP_STATE", FD_VCPU, AVMM_GET_MP_STATE, raw, 0, 1 },
	{ "SET_MP_STATE", FD_VCPU, AVMM_SET_MP_STATE, mp_state, 0, 6 },
	{ "GET_VCPU_EVENTS", FD_VCPU, AVMM_GET_VCPU_EVENTS, raw, 0, 1 },
	{ "SET_VCPU_EVENTS", FD_VCPU, AVMM_SET_VCPU_EVENTS, vcpu_events, 0, 6 },
	{ "GET_ONE_REG", FD_VCPU, AVMM_GET_ONE_REG, one_reg, 0, 20 },
	{ "SET_ONE_REG", FD_VCPU, AVMM_SET_ONE_REG, one_reg, 0, 30 },
	{ "ARM_VCPU_INIT", FD_VCPU, AVMM_ARM_VCPU_INIT, vcpu_init, 0, 6 },
	{ "ARM_VCPU_FINALIZE", FD_VCPU, AVMM_ARM_VCPU_FINALIZE, feature, 0, 1 },
	{ "GET_REG_LIST", FD_VCPU, AVMM_GET_REG_LIST, reg_list, VALUE, 2 },
	{ "SET_GUEST_DEBUG", FD_VCPU, SET_GUEST_DEBUG, guest_debug, 0, 2 },
	{ "GET_STATS_FD", FD_VCPU, GET_STATS_FD, none, VALUE, 1 },
	{ "SET_DEVICE_ATTR", FD_VCPU, AVMM_SET_DEVICE_ATTR, vcpu_attr, 0, 4 },
	{ "GET_DEVICE_ATTR", FD_VCPU, AVMM_GET_DEVICE_ATTR, vcpu_attr, 0, 4 },
	{ "HAS_DEVICE_ATTR", FD_VCPU, AVMM_HAS_DEVICE_ATTR, vcpu_attr, 0, 1 },
	{ "unknown", FD_VM, 0, raw, 0, 2 },
	{ "unknown", FD_VCPU, 0, raw, 0, 2 },
	{ "unknown", FD_DEVICE, 0, raw, 0, 1 },
	{ "unknown", FD_DEV, 0, raw, 0, 1 },
};

_Static_assert(COUNT(rows) < MAX_ROWS, "the tally has a place for each row");

const char *ioctl_name(unsigned int row)
{
	return row < COUNT(rows) ? rows[row].name : NULL;
}

/* ---- one call ---- */

/*
 * QEMU 7.2 adds CNTV_CVAL_EL0 and CNTVOFF_EL2 in 64 bits to know when the timer is due. If the sum
 * overflows, that is in the past: its main loop then takes the timer again for ever, holds the lock
 * that the CPUs want, and the whole host stands still. A guest does it by a negative CNTV_TVAL_EL0
 * soon after its VM was made, on any hypervisor. Beside a count that is ahead of the host's no
 * compare value overflows, so all guests have one: 2^48 ticks are beyond any run of the fuzzer, and
 * with bit 63 clear the count does not come round to 0.
 */
#define FAR		(1UL << 48)

static uint64_t far_from_host(uint64_t count)
{
	return (count & ~(1UL << 63)) | FAR;
}

static void set_reg(int fd, uint64_t id, uint64_t value)
{
	struct avmm_one_reg g = { id, (uint64_t)&value };

	ioctl(fd, AVMM_SET_ONE_REG, &g);
}

/* of a new VM's; nothing if the vCPU is not initialized */
static void far_count(int vcpu)
{
	uint64_t count = FAR;
	struct avmm_one_reg g = { AVMM_REG_ARM_TIMER_CNT, (uint64_t)&count };

	if (!ioctl(vcpu, AVMM_GET_ONE_REG, &g) && count < FAR)
		set_reg(vcpu, AVMM_REG_ARM_TIMER_CNT, FAR);
}

static void set_fail_nth(unsigned int n)
{
	char text[16];
	int fd = open("/proc/thread-self/fail-nth", O_WRONLY | O_CLOEXEC);
	int len = 0;

	if (fd < 0)
		return;
	do {
		text[len++] = '0' + n % 10;	/* one digit is enough */
		n /= 10;
	} while (n);
	if (write(fd, text, len) < 0)
		errno = 0;
	close(fd);
}

/* A new descriptor takes the place of an old one, which is closed or leaked to the end. */
static void keep(struct world *w, struct rng *r, enum fd_kind kind, int fd)
{
	_Atomic int *place = kind == FD_DEV ? &w->vm : kind == FD_VM ?
		&w->vcpu[below(r, w->nr_vcpus)] : &w->device[below(r, MAX_DEVICES)];
	bool close_old = once_in(r, 2), use = once_in(r, 8);
	int old = *place;

	if (fd < 0)
		return;
	/* most are thrown away: threads that work on different VMs do not race */
	if (!use && old >= 0) {
		close(fd);
		return;
	}
	*place = fd;
	if (old >= 0 && close_old)
		close(old);
}

/** ioctl_random - one ioctl, chosen and built by @r; @buf has 1 KiB for its argument */
void ioctl_random(struct world *w, struct rng *r, void *buf)
{
	struct arg a = { buf, 0 };
	struct avmm_one_reg *g = buf;
	const struct row *row;
	unsigned int i, nth = 0;
	uint64_t value, count;
	static int total;
	uint32_t cmd;
	int pick, ret, err, fd;

	if (!total) {
		int sum = 0;

		for (i = 0; i < COUNT(rows); i++)
			sum += rows[i].weight;
		total = sum;
	}
	pick = below(r, total);
	for (row = rows; pick >= row->weight; row++)
		pick -= row->weight;
	cmd = row->cmd ? row->cmd :
	      IOCTL(below(r, 4), below(r, 256), below(r, once_in(r, 2) ? 1024 : 128));
	memset(buf, 0, 1024);
	row->build(w, r, &a);
	if (once_in(r, 12))
		((uint8_t *)buf)[below(r, _IOC_SIZE(cmd) ? _IOC_SIZE(cmd) : 8)] ^=
			1 << below(r, 8);
	value = row->flags & VALUE ? a.value : (uint64_t)buf;
	if (!(row->flags & VALUE) && once_in(r, 40))
		value = pointer(w, r);
	fd = fd_random(w, r, row->kind);
	if (cmd == AVMM_SET_ONE_REG && value == (uint64_t)buf && g->id == AVMM_REG_ARM_TIMER_CNT) {
		/* not in the scratch area, where another thread could change it */
		count = far_from_host(odd_number(r));
		g->addr = (uint64_t)&count;
	}
	if (w->fail_nth && once_in(r, 8))
		nth = 1 + below(r, 9);
	if (nth)
		set_fail_nth(nth);
	ret = ioctl(fd, cmd, value);
	err = ret >= 0 ? 0 : errno % MAX_ERRNO;
	if (nth)
		set_fail_nth(0);
	__atomic_add_fetch(&w->tally->calls[row - rows], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&w->tally->result[row - rows][err], 1, __ATOMIC_RELAXED);
	if (cmd == AVMM_ARM_VCPU_INIT && !ret)
		far_count(fd);
	if (row->flags & MAKES)
		keep(w, r, row->kind, ret);
	else if (cmd == AVMM_CREATE_DEVICE && !ret && value == (uint64_t)buf &&
		 !((struct avmm_create_device *)buf)->flags)
		keep(w, r, FD_DEVICE, ((struct avmm_create_device *)buf)->fd);
	else if (cmd == GET_STATS_FD && ret >= 0)
		close(ret);
}

/* ---- what makes guests run again ---- */

#define CORE(name)	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM_CORE | \
			 AVMM_REG_ARM_CORE_REG(name))

/** start_vcpu - put vCPU @n into a program, at EL1 with the MMU off */
void start_vcpu(struct world *w, int n, struct rng *r)
{
	struct avmm_vcpu_init init = { .target = AVMM_ARM_TARGET_GENERIC_V8, .features = { 4 } };
	struct avmm_mp_state mp = { 0 };
	int fd = w->vcpu[n];

	if (once_in(r, 8))
		ioctl(fd, AVMM_ARM_VCPU_INIT, &init);
	far_count(fd);
	set_reg(fd, AVMM_ARM64_SYS_REG(3, 0, 1, 0, 0), 0x30d00800);
	set_reg(fd, AVMM_ARM64_SYS_REG(3, 0, 12, 0, 0), guest_vectors());
	set_reg(fd, AVMM_ARM64_SYS_REG(3, 0, 13, 0, 4), guest_entry(n));
	set_reg(fd, CORE(regs.pc), once_in(r, 3) ? guest_entry(n) : guest_anywhere(r));
	set_reg(fd, CORE(regs.pstate), once_in(r, 2) ? 0x3c5 : 0x5);
	ioctl(fd, AVMM_SET_MP_STATE, &mp);
}

/** step_over - the instruction at which vCPU @n left for good */
void step_over(struct world *w, int n)
{
	uint64_t pc = 0;
	struct avmm_one_reg g = { CORE(regs.pc), (uint64_t)&pc };

	if (!ioctl(w->vcpu[n], AVMM_GET_ONE_REG, &g))
		set_reg(w->vcpu[n], CORE(regs.pc), pc + 4);
}

/** canonical_slots - RAM and RAM2 where programs expect them */
void canonical_slots(struct world *w)
{
	struct avmm_userspace_memory_region m[] = {
		{ 0, 0, RAM, AREA_SIZE, (uint64_t)w->area[0] },
		{ 1, 0, RAM2, AREA_SIZE, (uint64_t)w->area[1] },
	};

	ioctl(w->vm, AVMM_SET_USER_MEMORY_REGION, &m[0]);
	ioctl(w->vm, AVMM_SET_USER_MEMORY_REGION, &m[1]);
}

static int attr(int fd, uint32_t group, uint64_t nr, uint64_t value)
{
	struct avmm_device_attr a = { 0, group, nr, (uint64_t)&value };

	return ioctl(fd, AVMM_SET_DEVICE_ATTR, &a);
}

bool has_device(struct world *w, uint32_t type)
{
	struct avmm_create_device d = { .type = type, .flags = AVMM_CREATE_DEVICE_TEST };

	return !ioctl(w->vm, AVMM_CREATE_DEVICE, &d);
}

/** make_gic - a vGIC and, where there is one, an ITS, placed as by a VMM */
void make_gic(struct world *w, struct rng *r)
{
	struct avmm_create_device d = { .type = w->gicv2 ? AVMM_DEV_TYPE_ARM_VGIC_V2 :
						       AVMM_DEV_TYPE_ARM_VGIC_V3 };
	struct avmm_create_device its = { .type = AVMM_DEV_TYPE_ARM_VGIC_ITS };

	if (ioctl(w->vm, AVMM_CREATE_DEVICE, &d))
		return;
	w->device[0] = d.fd;
	attr(d.fd, AVMM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, 64 + 32 * below(r, 3));
	if (w->gicv2) {
		attr(d.fd, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_V2_ADDR_TYPE_DIST, GICD);
		attr(d.fd, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_V2_ADDR_TYPE_CPU, GICC);
		return;
	}
	attr(d.fd, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST, GICD);
	attr(d.fd, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_V3_ADDR_TYPE_REDIST, GICR);
	if (once_in(r, 4) || ioctl(w->vm, AVMM_CREATE_DEVICE, &its))
		return;
	w->device[1] = its.fd;
	attr(its.fd, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_ITS_ADDR_TYPE, GITS);
}

/** init_gic - when the vCPUs are there */
void init_gic(struct world *w)
{
	attr(w->device[0], AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, 0);
	attr(w->device[1], AVMM_DEV_ARM_VGIC_GRP_CTRL, AVMM_DEV_ARM_VGIC_CTRL_INIT, 0);
}
