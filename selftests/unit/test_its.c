// SPDX-License-Identifier: GPL-2.0
/* CFLAGS: -Iunit/vgic_fake -I../kmod */
/*
 * The ITS: commands, MSIs, LPIs in list registers, and the tables in the guest's memory, also those
 * that make no sense.
 */
#include "kmod/irq/vgic.c"
#include "kmod/irq/lpi.c"
#include "kmod/irq/its_tables.c"
#include "kmod/irq/vgic_its.c"

#define CPU(n)		(&fake_vcpu[n])
#define RAM(off)	(FAKE_RAM_BASE + (off))
#define ITS_BASE	0x08080000ULL
#define PROP		RAM(0x10000)
#define PEND(cpu)	RAM(0x20000 + 0x10000 * (cpu))
#define QUEUE		RAM(0x100000)
#define DEVTAB		RAM(0x200000)	/* 16 pages */
#define COLLTAB		RAM(0x300000)
#define L1		RAM(0x310000)
#define L2		RAM(0x400000)	/* 8 pages */
#define ITT(n)		RAM(0x500000 + 0x80000 * (n))
#define LPI(n)		(VGIC_LPI_BASE + (n))
#define NOWHERE		0xffff00000000ULL

static struct avmm_device device;
static struct vgic_its *its;
static u32 cwriter;

static u64 *at(u64 gpa)
{
	return (u64 *)(fake_ram + (gpa - FAKE_RAM_BASE));
}

static u8 *prop(u32 n)
{
	return fake_ram + (PROP - FAKE_RAM_BASE) + n;
}

static int attr(bool set, u32 group, u64 a, u64 *val)
{
	struct avmm_device_attr x = { .group = group, .attr = a, .addr = (u64)val };

	return set ? device.ops->set_attr(&device, &x) : device.ops->get_attr(&device, &x);
}

static int uset(u64 off, u64 val)
{
	return attr(true, AVMM_DEV_ARM_VGIC_GRP_ITS_REGS, off, &val);
}

static int ctrl(u64 what)
{
	return attr(true, AVMM_DEV_ARM_VGIC_GRP_CTRL, what, NULL);
}

static int wr(u64 off, int len, u64 val)
{
	return its->dev.ops->write(CPU(0), &its->dev, ITS_BASE + off, len, val);
}

static u64 rd(u64 off, int len)
{
	u64 val = 0;

	its->dev.ops->read(CPU(0), &its->dev, ITS_BASE + off, len, &val);
	return val;
}

static void enable_its(bool indirect, u32 pages)
{
	wr(GITS_CTLR, 4, 0);
	wr(GITS_CBASER, 8, ITS_VALID | QUEUE | 15);
	wr(GITS_BASER, 8, ITS_VALID | (indirect ? ITS_BASER_INDIRECT | L1 : DEVTAB) | (pages - 1));
	wr(GITS_BASER + 8, 8, ITS_VALID | COLLTAB);
	wr(GITS_CTLR, 4, CTLR_ENABLED);
	cwriter = 0;
}

static void start(u32 nr_vcpus, bool indirect)
{
	u64 base = ITS_BASE;
	u32 i;

	fake_vm_start(nr_vcpus, 64);
	memset(fake_ram, 0, 0x800000);
	memset(prop(0), 0xa1, 0x10000);
	fake_vm.arch.vgic.propbaser = PROP | 15;
	device = (struct avmm_device){ .ops = &vgic_its_device_ops, .vm = &fake_vm };
	if (device.ops->create(&device))
		abort();
	its = device.private;
	attr(true, AVMM_DEV_ARM_VGIC_GRP_ADDR, AVMM_VGIC_ITS_ADDR_TYPE, &base);
	fake_vm.arch.vgic.propbaser = PROP | 15;
	for (i = 0; i < nr_vcpus; i++) {
		CPU(i)->arch.vgic.pendbaser = PEND(i);
		vgic_lpis_enable(CPU(i), true);
	}
	for (i = 0; i < 8; i++)
		*at(L1 + 8 * i) = ITS_VALID | (L2 + 0x10000 * i);
	enable_its(indirect, indirect ? 1 : 8);
}

static void stop(void)
{
	device.ops->destroy(&device);
	vgic_lpis_free(&fake_vm);
}

static void put(u64 w0, u64 w1, u64 w2, u64 w3)
{
	u64 *p = at(QUEUE + cwriter);

	p[0] = w0;
	p[1] = w1;
	p[2] = w2;
	p[3] = w3;
	cwriter = (cwriter + CMD_SIZE) % 0x10000;
}

static int cmd(u64 w0, u64 w1, u64 w2, u64 w3)
{
	put(w0, w1, w2, w3);
	return wr(GITS_CWRITER, 8, cwriter);
}

#define DEVID(d)		((u64)(d) << 32)
#define mapd(d, itt, bits)	cmd(0x08 | DEVID(d), (bits) - 1, ITS_VALID | (itt), 0)
#define unmapd(d)		cmd(0x08 | DEVID(d), 0, 0, 0)
#define mapc(c, cpu)		cmd(0x09, 0, ITS_VALID | (u64)(cpu) << 16 | (c), 0)
#define unmapc(c)		cmd(0x09, 0, (c), 0)
#define mapti(d, e, lpi, c)	cmd(0x0a | DEVID(d), (u64)(lpi) << 32 | (e), (c), 0)
#define movi(d, e, c)		cmd(0x01 | DEVID(d), (e), (c), 0)
#define its_int(d, e)		cmd(0x03 | DEVID(d), (e), 0, 0)
#define its_clear(d, e)		cmd(0x04 | DEVID(d), (e), 0, 0)
#define its_inv(d, e)		cmd(0x0c | DEVID(d), (e), 0, 0)
#define its_discard(d, e)	cmd(0x0f | DEVID(d), (e), 0, 0)

static int msi(u32 dev, u32 event)
{
	struct avmm_msi m = { .address_lo = ITS_BASE + 0x10040, .data = event, .devid = dev,
			      .flags = AVMM_MSI_VALID_DEVID };

	return vgic_inject_msi(&fake_vm, &m);
}

/* one whole interrupt in one turn; what was taken */
static u32 take_one(u32 v)
{
	u32 intid;

	fake_enter(CPU(v));
	intid = fake_ack(CPU(v));
	if (intid != FAKE_SPURIOUS)
		fake_eoi(CPU(v), intid);
	fake_exit(CPU(v));
	return intid;
}

/* Each LPI has as many maps as there are events for it, and what has none is off and on no list. */
static bool consistent(void)
{
	static u32 maps[1 << VGIC_LPI_ID_BITS];
	struct vgic_irq *irq;
	unsigned long key;
	void *p;
	u32 n = 0;

	memset(maps, 0, sizeof(maps));
	xa_for_each(&its->events, key, p) {
		u32 lpi = its_ite_lpi(xa_to_value(p));

		n++;
		if (lpi < VGIC_LPI_BASE || lpi >> VGIC_LPI_ID_BITS ||
		    !xa_load(&its->devices, key >> ITS_ID_BITS) || key >> 32)
			return false;
		maps[lpi]++;
	}
	if (n != its->nr_events || fake_locks_held || its->lock.held)
		return false;
	xa_for_each(&fake_vm.arch.vgic.lpis, key, irq) {
		if (irq->nr_maps != maps[key] || irq->intid != key)
			return false;
		if (!irq->nr_maps && (irq->flags & (VGIC_ENABLED | VGIC_LATCH | VGIC_QUEUED)))
			return false;
	}
	return true;
}

static void deliver(void)
{
	start(2, false);
	mapc(0, 0);
	mapc(1, 1);
	mapd(5, ITT(0), 5);
	mapti(5, 0, LPI(0), 0);
	mapti(5, 31, LPI(1), 1);
	tap_ok(msi(5, 0) == 1 && CPU(0)->kicks, "an MSI is delivered, and kicks");
	fake_enter(CPU(0));
	tap_ok(CPU(0)->arch.ctx->vgic.lr[0] ==
	       (VGIC_LR_PENDING | VGIC_LR_GROUP1 | 0xa0ULL << VGIC_LR_PRIO_SHIFT | LPI(0)),
	       "the list register: pending, group 1, priority of the table");
	tap_ok(fake_ack(CPU(0)) == LPI(0), "taken");
	fake_exit(CPU(0));
	tap_ok(!(vgic_get_lpi(&fake_vm, LPI(0))->flags & (VGIC_ACTIVE | VGIC_QUEUED)),
	       "an LPI has no active state");
	fake_enter(CPU(0));
	tap_ok(!fake_eoi(CPU(0), LPI(0)), "its end finds no list register, and needs none");
	CPU(0)->arch.ctx->vgic.hcr = VGIC_HCR_EN;
	fake_exit(CPU(0));
	tap_ok(its_int(5, 31) == 0 && take_one(1) == LPI(1) && take_one(0) == FAKE_SPURIOUS,
	       "INT, to the other vCPU");
	tap_ok(msi(5, 1) == 0 && msi(6, 0) == 0 && msi(~0U, ~0U) == 0 && msi(5, 0x10000) == 0,
	       "what is not mapped is blocked");
	*prop(0) = 0x40;
	msi(5, 0);
	tap_ok(take_one(0) == LPI(0), "the property table is not looked at by itself");
	its_inv(5, 0);
	msi(5, 0);
	tap_ok(take_one(0) == FAKE_SPURIOUS, "INV: disabled");
	*prop(0) = 0x41;
	its_inv(5, 0);
	fake_enter(CPU(0));
	*prop(0) = 0x40;
	its_inv(5, 0);
	tap_ok(!CPU(0)->in_guest, "INV that disables brings the vCPU out that has it loaded");
	*prop(0) = 0x41;
	its_inv(5, 0);
	fake_enter(CPU(0));
	tap_ok(fake_ack(CPU(0)) == LPI(0), "and nothing is lost");
	fake_exit(CPU(0));
	stop();
}

static void while_loaded(void)
{
	start(2, false);
	mapc(0, 0);
	mapc(1, 1);
	mapd(5, ITT(0), 5);
	mapti(5, 0, LPI(0), 0);
	msi(5, 0);
	fake_enter(CPU(0));
	its_clear(5, 0);
	tap_ok(!CPU(0)->in_guest && take_one(0) == FAKE_SPURIOUS, "CLEAR of a loaded one");
	msi(5, 0);
	fake_enter(CPU(0));
	movi(5, 0, 1);
	tap_ok(take_one(1) == FAKE_SPURIOUS, "MOVI of a loaded one leaves it there");
	fake_exit(CPU(0));
	tap_ok(take_one(0) == FAKE_SPURIOUS && take_one(1) == LPI(0), "until it is folded");
	movi(5, 0, 0);
	msi(5, 0);
	fake_enter(CPU(0));
	its_discard(5, 0);
	tap_ok(!CPU(0)->in_guest && take_one(0) == FAKE_SPURIOUS, "DISCARD of a loaded one");
	tap_ok(consistent() && !vgic_lpi_inject(vgic_get_lpi(&fake_vm, LPI(0))),
	       "an MSI that found it before is dropped");
	mapti(5, 0, LPI(0), 0);
	msi(5, 0);
	fake_enter(CPU(0));
	vgic_lpis_enable(CPU(0), false);
	tap_ok(!CPU(0)->in_guest && take_one(0) == FAKE_SPURIOUS, "EnableLPIs off: of a loaded one");
	tap_ok(msi(5, 0) == -EBUSY, "EnableLPIs off: busy");
	fake_ram[PEND(0) - FAKE_RAM_BASE + LPI(0) / 8] = 1;
	vgic_lpis_enable(CPU(0), true);
	tap_ok(take_one(0) == LPI(0), "EnableLPIs on: the pending table is looked at");
	mapc(0, 1);
	msi(5, 0);
	tap_ok(take_one(1) == LPI(0), "MAPC moves a collection");
	cmd(0x0e, 0, 1ULL << 16, 0);
	msi(5, 0);
	tap_ok(take_one(0) == LPI(0), "MOVALL moves all");
	stop();
}

static void mapping(void)
{
	u64 gpa;

	start(2, false);
	mapc(0, 0);
	mapd(5, ITT(0), 4);
	mapti(5, 16, LPI(0), 0);
	mapti(5, 0, VGIC_LPI_BASE - 1, 0);
	mapti(5, 1, 65536, 0);
	mapti(5, 2, LPI(0), 8192);
	mapti(6, 0, LPI(0), 0);
	tap_ok(!its->nr_events && consistent(), "MAPTI out of bounds");
	fake_vm.arch.vgic.propbaser = PROP | 13;
	mapti(5, 0, 16384, 0);
	tap_ok(!its->nr_events, "MAPTI beyond GICR_PROPBASER.IDbits");
	fake_vm.arch.vgic.propbaser = NOWHERE | 15;
	mapti(5, 0, LPI(0), 0);
	tap_ok(!its->nr_events && consistent(), "MAPTI without a property table");
	fake_vm.arch.vgic.propbaser = PROP | 15;
	CPU(0)->arch.vgic.pendbaser = NOWHERE;
	mapti(5, 0, LPI(0), 0);
	tap_ok(!its->nr_events && consistent(), "MAPTI without a pending table");
	CPU(0)->arch.vgic.pendbaser = PEND(0);
	fake_xa_fails = true;
	mapti(5, 0, LPI(100), 9);
	tap_ok(!its->nr_events && consistent() && !xa_load(&its->collections, 9),
	       "MAPTI without memory");
	fake_xa_fails = false;
	fake_ram[PEND(0) - FAKE_RAM_BASE + LPI(7) / 8] = 0xff;
	mapti(5, 7, LPI(7), 0);
	tap_ok(take_one(0) == LPI(7) && fake_ram[PEND(0) - FAKE_RAM_BASE + LPI(7) / 8] == 0x7f,
	       "MAPTI takes the bit of the pending table");
	mapti(5, 7, LPI(8), 0);
	msi(5, 7);
	tap_ok(take_one(0) == LPI(7), "MAPTI of an event that is mapped does nothing");
	mapti(5, 8, LPI(7), 0);
	its_discard(5, 7);
	msi(5, 8);
	tap_ok(take_one(0) == LPI(7) && consistent(), "two events of an LPI");
	unmapc(0);
	tap_ok(msi(5, 8) == 0, "MAPC, not valid");
	mapti(5, 9, LPI(9), 1);
	tap_ok(msi(5, 9) == 0 && consistent(), "MAPTI before MAPC");
	mapc(1, 1);
	tap_ok(msi(5, 9) == 1 && take_one(1) == LPI(9), "and after");
	mapc(2, 7);
	tap_ok(!xa_load(&its->collections, 2), "MAPC to no vCPU");
	mapd(6, NOWHERE, 4);
	mapti(6, 0, LPI(0), 1);
	tap_ok(msi(6, 0) == 0, "MAPD where no memory is");
	mapd(5, ITT(1), 17);
	tap_ok(its->nr_events == 2, "MAPD of 17 bits does nothing");
	mapd(5, ITT(1), 16);
	tap_ok(!its->nr_events && consistent(), "MAPD again drops the events");
	*at(DEVTAB + 8 * 5) = ~0ULL;
	unmapd(5);
	tap_ok(!xa_load(&its->devices, 5) && !*at(DEVTAB + 8 * 5), "MAPD, not valid, clears the entry");

	enable_its(false, 1);
	tap_ok(its_entry_addr(its, ITS_DEVICES, 8191, &gpa) && gpa == DEVTAB + 8191 * 8 &&
	       !its_entry_addr(its, ITS_DEVICES, 8192, &gpa), "a table of one page: 8192 entries");
	enable_its(false, 256);
	tap_ok(its_entry_addr(its, ITS_DEVICES, 65535, &gpa) &&
	       !its_entry_addr(its, ITS_DEVICES, 65536, &gpa), "DeviceIDs end at 65535");
	enable_its(true, 1);
	tap_ok(its_entry_addr(its, ITS_DEVICES, 8193, &gpa) && gpa == L2 + 0x10000 + 8 &&
	       !its_entry_addr(its, ITS_DEVICES, 65536, &gpa), "two levels");
	*at(L1 + 8) = L2;
	tap_ok(!its_entry_addr(its, ITS_DEVICES, 8193, &gpa), "an entry of the first that is not valid");
	*at(L1 + 8) = ITS_VALID | NOWHERE;
	tap_ok(!its_entry_addr(its, ITS_DEVICES, 8193, &gpa), "or leads nowhere");
	stop();
}

static void registers(void)
{
	u64 v = 0;
	u32 off;

	start(1, false);
	tap_ok(rd(GITS_CTLR, 4) == (CTLR_ENABLED | CTLR_QUIESCENT), "enabled and quiescent");
	wr(GITS_CBASER, 8, 0);
	wr(GITS_BASER, 8, 0);
	tap_ok(rd(GITS_CBASER, 8) & ITS_VALID && rd(GITS_BASER, 8) & ITS_VALID,
	       "addresses are read-only while enabled");
	wr(GITS_CTLR, 4, 0);
	wr(GITS_CBASER + 4, 4, 0);
	tap_ok(rd(GITS_CBASER, 8) == ((QUEUE & 0xffffffff) | BASER_INNER_RAWB | 15),
	       "the upper half of GITS_CBASER");
	wr(GITS_BASER, 8, ~0ULL);
	tap_ok(rd(GITS_BASER, 8) == 0xf907fffffffffeffULL, "GITS_BASER0: the bits that are there");
	wr(GITS_BASER + 8, 8, ~0ULL);
	tap_ok(rd(GITS_BASER + 8, 8) == 0xbc07fffffffffeffULL, "GITS_BASER1: one level");
	wr(GITS_BASER + 16, 8, ~0ULL);
	tap_ok(!rd(GITS_BASER + 16, 8), "GITS_BASER2: none");
	for (off = 0; off < 0x20000; off += 2) {
		int len;

		for (len = 1; len <= 8; len *= 2) {
			v |= rd(off, len) & (len == 8 ? 0 : ~0ULL << len * 8);
			if (off != GITS_CTLR)
				wr(off, len, off * 0x100010001ULL);
		}
	}
	tap_ok(!v && consistent(), "all of both frames, in all sizes");
	tap_ok(rd(GITS_TYPER, 1) == 0 && rd(GITS_TYPER + 2, 4) == 0, "sizes that are not there");
	tap_ok(uset(GITS_IIDR, 1 << 12) == -EINVAL && !uset(GITS_IIDR, IIDR), "revision 0 only");
	tap_ok(uset(GITS_CBASER + 4, 0) == -EINVAL && uset(0x10, 0) == -ENXIO &&
	       uset(1ULL << 32, 0) == -ENXIO, "user space: wrong offsets");
	fake_vcpu_busy = true;
	tap_ok(uset(GITS_CTLR, 0) == -EBUSY && ctrl(AVMM_DEV_ARM_ITS_SAVE_TABLES) == -EBUSY &&
	       !ctrl(AVMM_DEV_ARM_VGIC_CTRL_INIT), "user space: a vCPU is running");
	fake_vcpu_busy = false;
	tap_ok(ctrl(99) == -ENXIO, "user space: no such control");
	stop();
}

/* A guest's store is carried out in parts, and the parts are the whole. */
static void parts(void)
{
	int i, n = 0;

	start(1, false);
	mapc(0, 0);
	mapd(5, ITT(0), 8);
	for (i = 0; i < 200; i++)
		put(0x0a | DEVID(5), (u64)LPI(i) << 32 | i, 0, 0);
	do {
		fake_turns = 6;
		n++;
	} while (wr(GITS_CWRITER, 8, cwriter) == -EAGAIN);
	fake_turns = -1;
	tap_ok(n > 20 && its->nr_events == 200 && rd(GITS_CREADR, 8) == cwriter,
	       "200 commands in %d parts", n);
	for (i = 0; i < 3; i++)
		put(0x05, 0, 0, 0);
	fake_killed = true;
	tap_ok(uset(GITS_CWRITER, cwriter) == -EINTR && !(rd(GITS_CTLR, 4) & CTLR_QUIESCENT),
	       "user space: killed");
	fake_killed = false;
	tap_ok(!uset(GITS_CWRITER, cwriter) && (rd(GITS_CTLR, 4) & CTLR_QUIESCENT),
	       "user space: all at once");
	stop();
}

static void limit(void)
{
	u32 d, e;

	start(1, true);
	mapc(0, 0);
	its_set_device(its, 0, ITT(0) >> 8 << 5 | 15);
	its_set_device(its, 1, ITT(1) >> 8 << 5 | 15);
	for (d = 0; d < 2; d++)
		for (e = 0; e < 65536; e++)
			if (its_add_event(its, d, e, (u64)LPI(e % 57344) << 16))
				break;
	tap_ok(its->nr_events == ITS_MAX_EVENTS, "so many events");
	tap_ok(its_add_event(its, 2, 0, (u64)LPI(0) << 16) == -ENOMEM, "and no more");
	tap_ok(consistent() && fake_vm.arch.vgic.lpis.n == 57344, "57344 LPIs");
	ctrl(AVMM_DEV_ARM_ITS_CTRL_RESET);
	tap_ok(!its->nr_events && consistent(), "all forgotten");
	stop();
}

/* ---- tables ---- */

static u64 seed = 88172645463325252ULL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static const u32 tested_devices[] = { 0, 1, 7, 8191, 8192, 40000, 65535 };

static void map_many(void)
{
	static const u32 events[] = { 0, 1, 5, 700, 65535 };
	u32 d, e, lpi = 0;

	mapc(0, 0);
	mapc(3, 1);
	for (d = 0; d < ARRAY_SIZE(tested_devices); d++) {
		mapd(tested_devices[d], ITT(d), 16);
		for (e = 0; e < ARRAY_SIZE(events); e++, lpi++)
			mapti(tested_devices[d], events[e], LPI(lpi), lpi % 2 ? 3 : 0);
	}
	mapti(7, 9, LPI(500), 12);
}

static void save_restore(bool indirect)
{
	const char *name = indirect ? "two levels" : "one level";
	struct fake_xa_slot *events, *devices;
	size_t nr_events, nr_devices;
	u64 table = indirect ? L2 : DEVTAB;

	start(2, indirect);
	map_many();
	msi(7, 1);
	tap_ok(its->nr_events == 36, "%s: mapped", name);
	tap_ok(!vgic_lpis_save(&fake_vm) && !ctrl(AVMM_DEV_ARM_ITS_SAVE_TABLES), "%s: saved", name);
	tap_ok(*at(table) == (ITS_VALID | 1ULL << 49 | ITT(0) >> 8 << 5 | 15) &&
	       *at(table + 8 * 8192) == (ITS_VALID | 0x3fffULL << 49 | ITT(4) >> 8 << 5 | 15) &&
	       *at(table + 8 * 65535) == (ITS_VALID | ITT(6) >> 8 << 5 | 15),
	       "%s: devices as KVM has them", name);
	tap_ok(*at(ITT(0)) == (1ULL << 48 | (u64)LPI(0) << 16) &&
	       *at(ITT(0) + 8 * 700) == (64835ULL << 48 | (u64)LPI(3) << 16 | 3) &&
	       *at(ITT(0) + 8 * 65535) == (u64)LPI(4) << 16, "%s: events", name);
	tap_ok(*at(COLLTAB) == ITS_VALID && *at(COLLTAB + 8) == (ITS_VALID | 1 << 16 | 3) &&
	       *at(COLLTAB + 16) == (ITS_VALID | 0xffffffffULL << 16 | 12) && !*at(COLLTAB + 24),
	       "%s: collections", name);
	tap_ok(fake_ram[PEND(1) - FAKE_RAM_BASE + LPI(11) / 8] == 1 << LPI(11) % 8,
	       "%s: what is pending", name);

	nr_events = its->events.n;
	nr_devices = its->devices.n;
	events = memcpy(malloc(nr_events * sizeof(*events)), its->events.slot,
			nr_events * sizeof(*events));
	devices = memcpy(malloc(nr_devices * sizeof(*devices)), its->devices.slot,
			 nr_devices * sizeof(*devices));
	ctrl(AVMM_DEV_ARM_ITS_CTRL_RESET);
	enable_its(indirect, indirect ? 1 : 8);
	tap_ok(!its->nr_events && !ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES), "%s: restored", name);
	tap_ok(its->events.n == nr_events && its->devices.n == nr_devices &&
	       !memcmp(events, its->events.slot, nr_events * sizeof(*events)) &&
	       !memcmp(devices, its->devices.slot, nr_devices * sizeof(*devices)) && consistent(),
	       "%s: what it was", name);
	tap_ok(take_one(1) == LPI(11) && take_one(1) == FAKE_SPURIOUS && take_one(0) == FAKE_SPURIOUS,
	       "%s: what was pending is", name);
	tap_ok(ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES) == -EEXIST && !its->nr_events && consistent(),
	       "%s: not twice", name);
	free(events);
	free(devices);
	stop();
}

/* One entry each that only its own check refuses. */
static void bad_entries(void)
{
	static const struct {
		u64 entry;
		int want;
	} bad[] = {
		{ (u64)LPI(1) << 16, 0 },
		{ 15ULL << 48 | (u64)LPI(1) << 16, 0 },
		{ 16ULL << 48 | (u64)LPI(1) << 16, -EINVAL },
		{ (u64)(VGIC_LPI_BASE - 1) << 16, -EINVAL },
		{ 65536ULL << 16, -EINVAL },
		{ (u64)LPI(1) << 16 | 1, -EINVAL },
	};
	unsigned int i;

	start(1, false);
	*at(COLLTAB) = ITS_VALID;
	*at(DEVTAB) = ITS_VALID | ITT(0) >> 8 << 5 | 3;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		*at(ITT(0)) = bad[i].entry;
		tap_ok(ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES) == bad[i].want && consistent() &&
		       its->nr_events == !bad[i].want, "restore of event 0x%llx: %d",
		       (unsigned long long)bad[i].entry, bad[i].want);
		ctrl(AVMM_DEV_ARM_ITS_CTRL_RESET);
		enable_its(false, 8);
	}
	*at(DEVTAB) = ITS_VALID | ITT(0) >> 8 << 5 | 16;
	tap_ok(ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES) == -EINVAL, "restore of a device of 17 bits");
	stop();
}

/* Bits of the saved tables flipped, or all of them noise: an errno or not, but never a mess. */
static void noise(bool indirect)
{
	u64 table = indirect ? L2 : DEVTAB;
	unsigned int i, j, failed = 0, messed = 0;

	start(2, indirect);
	map_many();
	ctrl(AVMM_DEV_ARM_ITS_SAVE_TABLES);
	ctrl(AVMM_DEV_ARM_ITS_CTRL_RESET);
	for (i = 0; i < 3000; i++) {
		u64 places[] = {
			table + 8 * tested_devices[rnd() % 7], ITT(rnd() % 7) + 8 * (rnd() % 8),
			COLLTAB + 8 * (rnd() % 4), ITT(rnd() % 7) + 8 * 700, L1 + 8 * (rnd() % 9),
		};
		u64 *p = at(places[rnd() % 5]), was = *p;
		int ret;

		*p = rnd() % 4 ? was ^ 1ULL << rnd() % 64 : rnd();
		enable_its(indirect, indirect ? 1 : 8);
		ret = ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES);
		failed += !!ret;
		if ((ret && its->nr_events) || !consistent() ||
		    (ret && ret != -EINVAL && ret != -EFAULT && ret != -EEXIST))
			messed++;
		for (j = 0; j < 7; j++)
			msi(tested_devices[j], 0);
		ctrl(AVMM_DEV_ARM_ITS_CTRL_RESET);
		*p = was;
	}
	tap_ok(failed > 300 && failed < 2900 && !messed,
	       "restore of noise: %u of 3000 refused, %u messes", failed, messed);
	enable_its(indirect, indirect ? 1 : 8);
	tap_ok(!ctrl(AVMM_DEV_ARM_ITS_RESTORE_TABLES) && its->nr_events == 36,
	       "and what was saved is still good");
	stop();
}

static void noisy_commands(void)
{
	static const u8 ops[] = { 1, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15 };
	unsigned int i, messed = 0;

	start(3, true);
	for (i = 0; i < 200000; i++) {
		u64 w0 = ops[rnd() % 12] | DEVID(rnd() % 8 ? rnd() % 6 : rnd());
		u64 w1 = (rnd() % 8 ? (rnd() % 10) : rnd() & 0xffffffff) |
			 (u64)(rnd() % 8 ? LPI(rnd() % 20) : rnd()) << 32;
		u64 w2 = (rnd() % 4 ? ITS_VALID : 0) | (rnd() % 8 ? rnd() % 4 : rnd() & 0xffff);

		if ((w0 & 0xff) == 8)
			w2 |= rnd() % 8 ? ITT(rnd() % 4) : rnd() & GENMASK_ULL(51, 8);
		else
			w2 |= (rnd() % 4) << 16;
		cmd(w0, w1, w2, (rnd() % 4) << 16);
		switch (rnd() % 16) {
		case 0: fake_enter(CPU(rnd() % 3)); break;
		case 1: msi(rnd() % 6, rnd() % 10); break;
		case 2: vgic_lpis_enable(CPU(rnd() % 3), rnd() % 4); break;
		case 3: take_one(rnd() % 3); break;
		case 4: fake_exit(CPU(rnd() % 3)); break;
		case 5: *prop(rnd() % 20) = rnd(); break;
		}
		if (i % 97 == 0) {
			fake_exit(CPU(0));
			fake_exit(CPU(1));
			fake_exit(CPU(2));
			messed += !consistent();
		}
	}
	tap_ok(!messed && rd(GITS_CREADR, 8) == cwriter, "200000 commands of chance: %u messes", messed);
	stop();
}

int main(void)
{
	tap_begin();
	deliver();
	while_loaded();
	mapping();
	registers();
	parts();
	limit();
	save_restore(false);
	save_restore(true);
	bad_entries();
	noise(false);
	noise(true);
	noisy_commands();
	return tap_end();
}
