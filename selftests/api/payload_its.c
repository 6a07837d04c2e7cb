// SPDX-License-Identifier: GPL-2.0
/* An ITS as a guest of guest_main(arg) CPUs uses it, and as none should. */
#include "payload.h"
#include "api/its.h"

#define GITS_CTLR	(MAP_GITS + 0x0000)
#define GITS_IIDR	(MAP_GITS + 0x0004)
#define GITS_TYPER	(MAP_GITS + 0x0008)
#define GITS_CBASER	(MAP_GITS + 0x0080)
#define GITS_CWRITER	(MAP_GITS + 0x0088)
#define GITS_CREADR	(MAP_GITS + 0x0090)
#define GITS_BASER(n)	(MAP_GITS + 0x0100 + 8 * (n))
#define GITS_PIDR2	(MAP_GITS + 0xffe8)
#define GICR(cpu, off)	(MAP_GICR + 0x20000UL * (cpu) + (off))
#define GICR_PROPBASER	0x0070
#define GICR_PENDBASER	0x0078
#define GICR_INVLPIR	0x00a0
#define GICR_INVALLR	0x00b0
#define GICR_SYNCR	0x00c0

#define VALID		(1UL << 63)
#define INDIRECT	(1UL << 62)
#define BASER_ATTRS	((7UL << 59) | (1UL << 10))	/* write-back, inner shareable */
#define RD_ATTRS	((7UL << 7) | (1UL << 10))
#define PTZ		(1UL << 62)

#define LPI(n)		(8192 + (n))
#define DEV		5
#define DEV2		7

static u64 count[MAX_CPUS][NR_LPIS], spill;
static u64 queue_len, cwriter;

static void on_irq(u32 intid)
{
	if (intid >= LPI(0) && intid < LPI(NR_LPIS))
		count[cpu_id()][intid - LPI(0)]++;
	else
		spill++;
}

static void forget(void)
{
	memset(count, 0, sizeof(count));
	spill = 0;
	irq_log_reset();
}

static bool got(unsigned int cpu, unsigned int n, u64 times)
{
	u64 end = now() + 4000 * ticks_per_ms();

	irqs_on();
	while (load_acquire(&count[cpu][n]) < times && now() < end)
		barrier();
	return load_acquire(&count[cpu][n]) >= times;
}

static u64 total(void)
{
	u64 sum = spill;
	unsigned int i, j;

	for (i = 0; i < MAX_CPUS; i++)
		for (j = 0; j < NR_LPIS; j++)
			sum += load_acquire(&count[i][j]);
	return sum;
}

/* ---- commands ---- */

static void put(u64 w0, u64 w1, u64 w2, u64 w3)
{
	u64 at = ITS_QUEUE + cwriter;

	write64(w0, at);
	write64(w1, at + 8);
	write64(w2, at + 16);
	write64(w3, at + 24);
	cwriter = (cwriter + 32) % queue_len;
}

static bool go(void)
{
	u64 end = now() + 60000 * ticks_per_ms();

	dsb(ishst);
	write64(cwriter, GITS_CWRITER);
	while (read64(GITS_CREADR) != cwriter)
		if (now() > end)
			return false;
	return true;
}

static void cmd(u64 w0, u64 w1, u64 w2, u64 w3)
{
	put(w0, w1, w2, w3);
	go();
}

#define DEVID(dev)	((u64)(dev) << 32)

static void mapd(u32 dev, u64 itt, unsigned int bits, bool valid)
{
	cmd(0x08 | DEVID(dev), bits - 1, itt | (valid ? VALID : 0), 0);
}

static void mapc(u32 icid, u32 cpu, bool valid)
{
	cmd(0x09, 0, icid | (u64)cpu << 16 | (valid ? VALID : 0), 0);
}

static void mapti(u32 dev, u32 event, u32 lpi, u32 icid)
{
	cmd(0x0a | DEVID(dev), event | (u64)lpi << 32, icid, 0);
}

static void mapi(u32 dev, u32 event, u32 icid)
{
	cmd(0x0b | DEVID(dev), event, icid, 0);
}

static void on_event(u8 op, u32 dev, u32 event)
{
	cmd(op | DEVID(dev), event, 0, 0);
}

#define its_int(dev, event)	on_event(0x03, dev, event)
#define its_clear(dev, event)	on_event(0x04, dev, event)
#define its_inv(dev, event)	on_event(0x0c, dev, event)
#define its_discard(dev, event)	on_event(0x0f, dev, event)

static void movi(u32 dev, u32 event, u32 icid)
{
	cmd(0x01 | DEVID(dev), event, icid, 0);
}

static void invall(u32 icid)
{
	cmd(0x0d, 0, icid, 0);
}

static void movall(u32 from, u32 to)
{
	cmd(0x0e, 0, (u64)from << 16, (u64)to << 16);
}

static s64 msi(u32 dev, u32 event)
{
	sync(SYNC_MSI, dev, event);
	return mbox(MBOX_RESULT);
}

/* ---- set-up ---- */

static void set_prop(unsigned int n, u8 prop)
{
	write8(prop, ITS_PROP + n);
	dsb(ishst);
}

static void lpis_on(unsigned int cpu)
{
	write64(ITS_PROP | RD_ATTRS | 15, GICR(cpu, GICR_PROPBASER));
	write64(ITS_PEND(cpu) | RD_ATTRS, GICR(cpu, GICR_PENDBASER));
	write32(1, GICR(cpu, GICR_CTLR));
}

static void its_on(u64 len, bool indirect)
{
	queue_len = len;
	cwriter = 0;
	write32(0, GITS_CTLR);
	write64(VALID | BASER_ATTRS | ITS_QUEUE | (len / 4096 - 1), GITS_CBASER);
	write64(VALID | BASER_ATTRS | (indirect ? INDIRECT | ITS_L1 : ITS_DEVTAB), GITS_BASER(0));
	write64(VALID | BASER_ATTRS | ITS_COLLTAB, GITS_BASER(1));
	write32(1, GITS_CTLR);
}

/* every table forgotten, as a guest does it */
static void its_off(void)
{
	write32(0, GITS_CTLR);
	write64(0, GITS_BASER(0));
	write64(0, GITS_BASER(1));
	write64(0, GITS_CBASER);
}

/* @cpus collections and NR_LPIS events of DEV, all of collection 0 */
static void map_all(u64 cpus)
{
	unsigned int i;

	for (i = 0; i < cpus; i++)
		mapc(i, i, true);
	mapd(DEV, ITS_ITT(0), 6, true);
	for (i = 0; i < NR_LPIS; i++)
		mapti(DEV, i, LPI(i), 0);
}

/* ---- checks ---- */

static void test_ids(u64 cpus)
{
	u64 v;

	report_eq(read32(MAP_GICD + GICD_TYPER) >> 17 & 1, 1, "GICD_TYPER says LPIs");
	report_eq(read32(MAP_GICD + GICD_TYPER) >> 19 & 0x1f, 15, "GICD_TYPER: 16 bits of INTID");
	report_eq(read64(GICR(cpus - 1, GICR_TYPER)) & 1, 1, "GICR_TYPER says physical LPIs");
	report_eq(read64(GITS_TYPER), 1 | 7 << 4 | 15 << 8 | 15 << 13, "GITS_TYPER");
	report_eq(read32(GITS_TYPER + 4), 0, "GITS_TYPER by halves");
	report_eq(read32(GITS_IIDR), 0x4b00043b, "GITS_IIDR: tables of revision 0");
	report_eq(read32(GITS_PIDR2) >> 4 & 0xf, 3, "GITS_PIDR2 says GICv3");
	report_eq(read32(GITS_CTLR), 1U << 31, "GITS_CTLR: disabled and quiescent");
	v = read64(GITS_BASER(0));
	report((v >> 56 & 7) == 1 && (v >> 48 & 31) == 7 && !(v & VALID),
	       "GITS_BASER0: devices, entries of 8 bytes", v, 0);
	v = read64(GITS_BASER(1));
	report((v >> 56 & 7) == 4 && (v >> 48 & 31) == 7 && !(v & VALID),
	       "GITS_BASER1: collections, entries of 8 bytes", v, 0);
	report_eq(read64(GITS_BASER(2)), 0, "GITS_BASER2: none");
	write64(~0UL, GITS_BASER(0));
	report_eq(read64(GITS_BASER(0)) >> 8 & 3, 2, "GITS_BASER0: pages are of 64 KiB");
	report_eq(read64(GITS_BASER(0)) >> 48 & 0x71f, 0x107, "GITS_BASER0: type and size are fixed");
	write64(~0UL, GITS_BASER(1));
	report_eq(read64(GITS_BASER(1)) & INDIRECT, 0, "GITS_BASER1: one level only");
	write64(0, GITS_BASER(0));
	write64(0, GITS_BASER(1));
	write32(1, GITS_CTLR);
	report_eq(read32(GITS_CTLR) & 1, 0, "cannot be enabled without tables");
	write64(VALID | BASER_ATTRS | ITS_QUEUE | 1, GITS_CBASER);
	write64(0x2000, GITS_CWRITER);
	report_eq(read64(GITS_CWRITER), 0, "GITS_CWRITER stays within the queue");
	write64(0x40, GITS_CWRITER);
	report_eq(read64(GITS_CWRITER), 0x40, "GITS_CWRITER reads back");
	report_eq(read64(GITS_CREADR), 0, "nothing is read while disabled");
	report_eq(read32(GITS_CTLR) >> 31, 0, "and it is not quiescent");
	write32(0, GITS_CBASER);
	report(read64(GITS_CWRITER) == 0 && read64(GITS_CREADR) == 0,
	       "writing GITS_CBASER empties the queue", 0, 0);
	write64(0x20, GITS_CREADR);
	report_eq(read64(GITS_CREADR), 0, "GITS_CREADR is read-only");
	report_eq(read32(MAP_GITS + 0x10040), 0, "GITS_TRANSLATER reads as zero");
	write32(0, GICR(0, GICR_CTLR));
	report_eq(read32(GICR(0, GICR_CTLR)) & 1, 0, "LPIs are disabled");
}

static void test_deliver(void)
{
	forget();
	its_int(DEV, 0);
	report(got(0, 0, 1), "INT delivers", count[0][0], 0);
	irqs_off();
	report_eq(msi(DEV, 1), 1, "SIGNAL_MSI says delivered");
	report(got(0, 1, 1), "and it comes", count[0][1], 0);
	report_eq(msi(DEV, 1), 1, "SIGNAL_MSI again");
	report(got(0, 1, 2), "and again", count[0][1], 0);
	irqs_off();
	msi(DEV, 2);
	msi(DEV, 2);
	report(got(0, 2, 1), "two while masked", count[0][2], 0);
	irq_settle();
	report_eq(count[0][2], 1, "are one");
	report_eq(msi(DEV, NR_LPIS), 0, "SIGNAL_MSI of an event that is not mapped says blocked");
	report_eq(msi(DEV, 1 << 20), 0, "and of one that cannot be");
	report_eq(msi(DEV + 1, 0), 0, "and of a device that is not mapped");
	report_eq(msi(DEV + 65536, 0), 0, "and of one that cannot be");
	sync(SYNC_MSI_RAW, RAW_NO_DEVID, 0);
	report_eq(mbox(MBOX_RESULT), -22, "SIGNAL_MSI without a device id: EINVAL");
	sync(SYNC_MSI_RAW, RAW_NO_ITS, 0);
	report_eq(mbox(MBOX_RESULT), -22, "SIGNAL_MSI to where no ITS is: EINVAL");
	irq_settle();
	report_eq(total(), 4, "nothing else has come");
	irqs_off();
	report_eq(msi(DEV, 3), 1, "one more, with interrupts off");
	irqs_off();
	wfi();
	report(got(0, 3, 1), "ends WFI", 0, 0);
}

static void test_properties(void)
{
	unsigned int i;

	forget();
	set_prop(4, 0xa0);
	its_inv(DEV, 4);
	its_int(DEV, 4);
	irq_settle();
	report_eq(count[0][4], 0, "a disabled LPI does not come");
	set_prop(4, 0xa1);
	irq_settle();
	report_eq(count[0][4], 0, "nor when it is enabled in memory alone");
	its_inv(DEV, 4);
	report(got(0, 4, 1), "but after INV", 0, 0);

	forget();
	irqs_off();
	for (i = 0; i < 3; i++) {
		set_prop(i, 0xa1 - 0x20 * i);
		its_inv(DEV, i);
		msi(DEV, i);
	}
	irqs_on();
	report(got(0, 0, 1) && irq_log[0].order[0] == LPI(2) && irq_log[0].order[1] == LPI(1) &&
	       irq_log[0].order[2] == LPI(0), "the most urgent comes first",
	       irq_log[0].order[0], irq_log[0].order[1]);

	forget();
	irqs_off();
	for (i = 0; i < NR_LPIS; i++)
		set_prop(i, 0xa0);
	invall(0);
	for (i = 0; i < NR_LPIS; i++)
		put(0x03 | DEVID(DEV), i, 0, 0);
	go();
	irq_settle();
	report_eq(total(), 0, "INVALL disables all");
	for (i = 0; i < NR_LPIS; i++)
		set_prop(i, 0xa1);
	invall(0);
	for (i = 0; i < NR_LPIS; i++)
		got(0, i, 1);
	irq_settle();
	report_eq(total(), NR_LPIS, "INVALL enables all, and all come, once");

	forget();
	irqs_off();
	its_int(DEV, 5);
	its_clear(DEV, 5);
	irq_settle();
	report_eq(total(), 0, "CLEAR takes a pending one back");

	/* by register, if the GIC has that */
	if (!(read32(GICR(0, GICR_CTLR)) & 4)) {
		report_skip("INVLPIR", "GICR_CTLR.IR is 0");
		return;
	}
	forget();
	set_prop(6, 0xa0);
	write64(LPI(6), GICR(0, GICR_INVLPIR));
	while (read32(GICR(0, GICR_SYNCR)) & 1)
		barrier();
	its_int(DEV, 6);
	irq_settle();
	report_eq(total(), 0, "INVLPIR disables one");
	set_prop(6, 0xa1);
	write64(0, GICR(0, GICR_INVALLR));
	while (read32(GICR(0, GICR_SYNCR)) & 1)
		barrier();
	report(got(0, 6, 1), "INVALLR enables it", 0, 0);
	write64(1, GICR(0, GICR_INVLPIR));
	write64(~0UL, GICR(0, GICR_INVLPIR));
	write64(LPI(NR_LPIS), GICR(0, GICR_INVLPIR));
	report(true, "INVLPIR of what is no LPI", 0, 0);
}

static void other_cpu(u64 arg)
{
	(void)arg;
	gic_init_cpu();
	irqs_on();
	for (;;)
		wfi();
}

static void test_moves(u64 cpus)
{
	u32 to = cpus - 1;
	unsigned int i;

	forget();
	movi(DEV, 0, to);
	its_int(DEV, 0);
	report(got(to, 0, 1), "MOVI: it comes to the other CPU", count[0][0], count[to][0]);
	report_eq(msi(DEV, 0), 1, "MOVI: by SIGNAL_MSI too");
	report(got(to, 0, 2), "MOVI: and it does", 0, 0);
	movi(DEV, 0, 0);
	its_int(DEV, 0);
	report(got(0, 0, 1), "MOVI: and back", 0, 0);
	/* pending ones move along */
	forget();
	irqs_off();
	msi(DEV, 1);
	movi(DEV, 1, to);
	report(got(to, 1, 1), "MOVI: a pending one moves", count[0][1], 0);
	movi(DEV, 1, 0);
	movi(DEV, 1, cpus + 5);
	its_int(DEV, 1);
	report(got(0, 1, 1), "MOVI to no collection does nothing", 0, 0);

	forget();
	mapc(0, to, true);
	its_int(DEV, 2);
	report(got(to, 2, 1), "MAPC: a collection moves", 0, 0);
	mapc(0, 0, true);
	its_int(DEV, 2);
	report(got(0, 2, 1), "MAPC: and back", 0, 0);

	forget();
	irqs_off();
	for (i = 0; i < NR_LPIS; i++)
		put(0x03 | DEVID(DEV), i, 0, 0);
	go();
	movall(0, to);
	for (i = 0; i < NR_LPIS; i++)
		if (!got(to, i, 1))
			break;
	report_eq(i, NR_LPIS, "MOVALL: all pending ones move");
	irq_settle();
	report_eq(total(), NR_LPIS, "MOVALL: none comes twice");
	mapc(0, 0, true);

	/* an endless stream from one CPU to the other while the target moves to and fro */
	forget();
	for (i = 0; i < 200; i++) {
		put(0x01 | DEVID(DEV), 3, i & 1 ? 0 : to, 0);
		put(0x03 | DEVID(DEV), 3, 0, 0);
		go();
	}
	movi(DEV, 3, 0);
	irq_settle();
	report(total() > 0 && total() <= 200, "moved while it comes: none is invented", total(), 0);
	forget();
	its_int(DEV, 3);
	report(got(0, 3, 1), "and it still comes", 0, 0);
}

static void test_unmap(void)
{
	forget();
	its_discard(DEV, 0);
	its_int(DEV, 0);
	report_eq(msi(DEV, 0), 0, "DISCARD: blocked");
	irq_settle();
	report_eq(total(), 0, "DISCARD: it comes no more");
	mapti(DEV, 0, LPI(0), 0);
	its_int(DEV, 0);
	report(got(0, 0, 1), "MAPTI: it comes again", 0, 0);

	/* two events, one LPI */
	forget();
	mapd(DEV2, ITS_ITT(1), 5, true);
	mapti(DEV2, 31, LPI(0), 0);
	its_int(DEV2, 31);
	report(got(0, 0, 1), "another device's event for the same LPI", 0, 0);
	its_discard(DEV2, 31);
	its_int(DEV, 0);
	report(got(0, 0, 2), "the LPI outlives one of its events", 0, 0);
	mapti(DEV2, 32, LPI(0), 0);
	report_eq(msi(DEV2, 32), 0, "an event beyond the device's table is not mapped");
	mapd(DEV2, 0, 1, false);
	mapti(DEV2, 1, LPI(0), 0);
	report_eq(msi(DEV2, 1), 0, "MAPD: a device that is unmapped has no events");

	/* EventID and LPI the same */
	forget();
	mapd(DEV2, ITS_ITT(1), 16, true);
	mapi(DEV2, LPI(7), 0);
	its_int(DEV2, LPI(7));
	report(got(0, 7, 1), "MAPI", 0, 0);
	mapd(DEV2, ITS_ITT(1), 16, true);
	report_eq(msi(DEV2, LPI(7)), 0, "MAPD again unmaps the events");
	mapd(DEV2, 0, 1, false);

	mapc(3, 0, false);
	mapti(DEV, NR_LPIS, LPI(0), 3);
	report_eq(msi(DEV, NR_LPIS), 0, "an event of a collection that is not mapped is blocked");
	forget();
	mapc(3, 0, true);
	report_eq(msi(DEV, NR_LPIS), 1, "until it is");
	report(got(0, 0, 1), "and comes", 0, 0);
	mapc(3, 0, false);
	report_eq(msi(DEV, NR_LPIS), 0, "and not when it is no more");
	mapc(3, 0, true);
	its_discard(DEV, NR_LPIS);
	mapc(3, 0, false);
	irq_settle();
}

static void test_disable(void)
{
	forget();
	write32(0, GITS_CTLR);
	report_eq(msi(DEV, 0), -16, "a disabled ITS: EBUSY");
	write64(0, GITS_BASER(2));
	write32(1, GITS_CTLR);
	report_eq(msi(DEV, 0), 1, "enabled again it still has its tables");
	report(got(0, 0, 1), "and delivers", 0, 0);

	irqs_off();
	forget();
	write64(ITS_PEND(1) | RD_ATTRS, GICR(0, GICR_PENDBASER));
	report_eq(read64(GICR(0, GICR_PENDBASER)) & 0xffffffff0000, ITS_PEND(0),
		  "GICR_PENDBASER is read-only while LPIs are enabled");
	msi(DEV, 1);
	write32(0, GICR(0, GICR_CTLR));
	report_eq(read32(GICR(0, GICR_CTLR)) & 9, 0, "LPIs can be disabled");
	report_eq(msi(DEV, 0), -16, "a redistributor without LPIs: EBUSY");
	its_int(DEV, 0);
	irq_settle();
	report_eq(total(), 0, "a pending one is lost then, and none comes");
	write8(1 << (LPI(2) % 8), ITS_PEND(0) + LPI(2) / 8);
	write32(1, GICR(0, GICR_CTLR));
	report(got(0, 2, 1), "what the pending table has comes when LPIs are enabled", 0, 0);
	irq_settle();
	report_eq(total(), 1, "and nothing else");
	write8(0, ITS_PEND(0) + LPI(2) / 8);
	forget();
	irqs_off();
	write32(0, GICR(0, GICR_CTLR));
	write8(1 << (LPI(2) % 8), ITS_PEND(0) + LPI(2) / 8);
	write64(read64(GICR(0, GICR_PENDBASER)) | PTZ, GICR(0, GICR_PENDBASER));
	report_eq(read64(GICR(0, GICR_PENDBASER)) & PTZ, 0, "GICR_PENDBASER.PTZ reads as zero");
	write32(1, GICR(0, GICR_CTLR));
	irq_settle();
	report_eq(total(), 0, "with PTZ the table is not looked at");
	write8(0, ITS_PEND(0) + LPI(2) / 8);
	its_int(DEV, 2);
	report(got(0, 2, 1), "LPIs work", 0, 0);
}

static u64 seed = 88172645463325252UL;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void test_nonsense(u64 cpus, bool indirect)
{
	static const u64 words[] = { 0, 1, ~0UL, VALID, 1UL << 32, 0xffffffff00000000, 65535, 65536,
				     8191, 8192, (u64)DEV << 32, 0x3ffff, 1UL << 31 };
	unsigned int i, j;

	forget();
	/* one after the other, each wrong in one way */
	mapd(65535, ITS_ITT(1), 5, true);
	mapd(65536, ITS_ITT(1), 5, true);
	mapd(DEV2, ITS_ITT(1), 17, true);
	mapti(DEV2, 0, LPI(0), 0);
	report_eq(msi(DEV2, 0), 0, "MAPD of 17 bits is refused");
	mapd(DEV2, 0xffff00000000, 5, true);
	mapti(DEV2, 0, LPI(0), 0);
	report_eq(msi(DEV2, 0), 0, "MAPTI where no memory is is refused");
	mapd(DEV2, ITS_ITT(1), 5, true);
	mapti(DEV2, 0, 8191, 0);
	mapti(DEV2, 1, 65536, 0);
	mapti(DEV2, 2, ~0U, 0);
	mapi(DEV2, 3, 0);
	mapti(DEV2, 4, LPI(0), 8192);
	mapti(DEV2, ~0U, LPI(0), 0);
	for (i = 0, j = 0; i < 5; i++)
		j += msi(DEV2, i) != 0;
	report_eq(j, 0, "MAPTI of no LPI, or to no collection, is refused");
	mapc(8192, 0, true);
	mapc(4, 65535, true);
	mapti(DEV2, 5, LPI(0), 4);
	report_eq(msi(DEV2, 5), 0, "MAPC to no CPU is refused");
	movall(0, 65535);
	movall(65535, 0);
	invall(65535);
	its_int(65535, 65535);
	its_clear(~0U, ~0U);
	its_discard(~0U, ~0U);
	its_inv(~0U, ~0U);
	report(go(), "the queue goes on", 0, 0);
	mapd(DEV2, 0, 1, false);

	/* a queue, or tables, that are no memory */
	for (i = 0; i < 256; i++)
		put(i, ~0UL, ~0UL, ~0UL);
	report(go(), "all operations with all ones", 0, 0);
	for (i = 0; i < 2000; i++) {
		put((rnd() & 0xf) | (rnd() & 1 ? (u64)(rnd() % 9) << 32 : rnd() << 8),
		    rnd() & 3 ? words[rnd() % 13] : rnd(), rnd() & 3 ? words[rnd() % 13] : rnd(),
		    rnd());
		if (i % 97 == 0)
			go();
	}
	report(go(), "two thousand commands of chance", 0, 0);
	its_off();
	report_eq(msi(DEV, 0), -16, "after all that it can be disabled");
	write64(VALID | BASER_ATTRS | 0xffff00000000, GITS_CBASER);
	write64(VALID | BASER_ATTRS | 0xffff00000000 | 255, GITS_BASER(0));
	write64(VALID | BASER_ATTRS | 0xffff00000000 | 255, GITS_BASER(1));
	write32(1, GITS_CTLR);
	write64(0xfe0, GITS_CWRITER);
	report_eq(read64(GITS_CREADR), 0xfe0, "a queue that is no memory is gone through");
	its_off();
	write64(VALID | BASER_ATTRS | ITS_QUEUE, GITS_CBASER);
	write64(VALID | BASER_ATTRS | INDIRECT | 0xffff00000000 | 255, GITS_BASER(0));
	write64(VALID | BASER_ATTRS | 0xffff00000000 | 255, GITS_BASER(1));
	write32(1, GITS_CTLR);
	queue_len = 4096;
	cwriter = 0;
	map_all(1);
	report_eq(msi(DEV, 0), 0, "tables that are no memory have no places");
	its_off();
	irq_settle();
	forget();
	its_on(0x10000, indirect);
	map_all(cpus);
	irq_settle();
	forget();
	its_int(DEV, 0);
	report(got(0, 0, 1), "set up anew it works", 0, 0);
}

/* the longest queue, of the longest command */
static void test_long(u64 cpus)
{
	u64 began;
	unsigned int i;

	forget();
	its_off();
	its_on(0x100000, false);
	map_all(cpus);
	for (i = 0; i < 32766; i++)
		put(i % 3 ? 0x0d : 0x05, 0, 0, 0);
	began = now();
	report(go(), "a queue of 32766 commands", 0, 0);
	diag("it took ms", (now() - began) / ticks_per_ms(), 0);
	its_int(DEV, 0);
	report(got(0, 0, 1), "and it goes on around its end", cwriter, 0);
	for (i = 0; i < 3; i++)
		its_int(DEV, 1);
	report(got(0, 1, 1), "and on", cwriter, 0);
}

static void setup(u64 cpus, bool indirect)
{
	unsigned int i;

	irq_hook = on_irq;
	gic_init();
	for (i = 0; i < NR_LPIS; i++)
		write8(0xa1, ITS_PROP + i);
	write64(VALID | ITS_L2, ITS_L1);
	dsb(ishst);
	for (i = 0; i < cpus; i++)
		lpis_on(i);
	its_on(0x10000, indirect);
	map_all(cpus);
}

/* The test saves, resets and restores while this CPU is out. */
static void save_restore(bool indirect)
{
	unsigned int i;

	setup(1, indirect);
	mapd(DEV2, ITS_ITT(1), 5, true);
	mapti(DEV2, 9, LPI(9), 0);
	mapd(4000, ITS_ITT(2), 4, true);
	mapti(4000, 15, LPI(15), 1);
	its_discard(DEV, 9);
	its_discard(DEV, 15);
	forget();
	irqs_off();
	set_prop(20, 0xa0);
	its_inv(DEV, 20);
	its_int(DEV, 20);
	its_int(DEV, 21);
	sync(SYNC_SAVE, 0, 0);
	report(got(0, 21, 1), "restored: what was pending comes", count[0][21], 0);
	irq_settle();
	report_eq(count[0][20], 0, "restored: what was disabled does not");
	set_prop(20, 0xa1);
	its_inv(DEV, 20);
	report(got(0, 20, 1), "restored: but is still pending", 0, 0);
	forget();
	for (i = 0; i < NR_LPIS; i++)
		if (i != 9 && i != 15)
			its_int(DEV, i);
	its_int(DEV2, 9);
	for (i = 0; i < NR_LPIS; i++)
		if (i != 15 && !got(0, i, 1))
			break;
	report_eq(i, NR_LPIS, "restored: all events are there");
	its_int(4000, 15);
	irq_settle();
	report_eq(total(), NR_LPIS - 1, "restored: and no other");
	mapc(1, 0, true);
	its_int(4000, 15);
	report(got(0, 15, 1), "restored: an event waits for its collection", 0, 0);
}

void guest_main(u64 arg)
{
	u64 cpus = arg & ITS_ARG_CPUS;
	bool indirect = arg & ITS_ARG_INDIRECT;
	unsigned int i;

	if (arg & ITS_ARG_SAVE) {
		save_restore(indirect);
		payload_exit();
	}
	test_ids(cpus);
	setup(cpus, indirect);
	for (i = 1; i < cpus; i++)
		report(cpu_on(i, other_cpu, 0), "another CPU is on", i, 0);
	test_deliver();
	test_properties();
	test_moves(cpus);
	test_unmap();
	test_disable();
	test_nonsense(cpus, indirect);
	test_long(cpus);
	payload_exit();
}
