// SPDX-License-Identifier: GPL-2.0
/* What only a GICv2 has: SGIs that know their senders. And a guest that is moved while it runs. */
#include "payload.h"
#include "api/gicv2.h"

#define SGI	7
#define ROUNDS	40
#define GICC(r)	read32(MAP_GICC + (r))

static u64 round, sent, gone;

static void sender(u64 arg)
{
	u64 n;

	(void)arg;
	irqs_off();
	gic_init_cpu();
	for (n = 1; n <= ROUNDS; n++) {
		wait_for(&round, n, 60000);
		/* each a second time, most of them while the first is still pending */
		gic_send_sgi(SGI, 0);
		gic_send_sgi(SGI, 0);
		atomic_add(&sent, 1);
	}
	atomic_add(&gone, 1);
}

/* Takes SGIs until each of those has come; the others that came, and those that came with nothing due. */
static u32 collect(u32 want, u32 *twice)
{
	u64 end = now() + 20000 * ticks_per_ms();
	u32 got = 0, iar, bit;

	while ((got & want) != want && now() < end) {
		iar = gic_iar();
		if (iar == INTID_SPURIOUS)
			continue;
		bit = IAR_INTID(iar) == SGI ? 1U << IAR_SENDER(iar) : 1U << 31;
		*twice |= got & bit;
		got |= bit;
		gic_eoi(iar);
	}
	return got;
}

static void test_senders(u64 cpus)
{
	u32 all = ((1U << cpus) - 1) & ~1U, got = 0, twice = 0, iar;
	u64 cpu, n;
	bool ok = true;

	for (cpu = 1; cpu < cpus; cpu++)
		ok &= cpu_on(cpu, sender, 0);
	report(ok, "the senders are up", 0, 0);

	/* all have sent before the first is taken: one from each */
	store_release(&round, 1);
	ok = wait_for(&sent, cpus - 1, 60000);
	report_eq(read8(MAP_GICD + GICD_SPENDSGIR + SGI), all, "SPENDSGIR names all senders");
	report_eq(read32(MAP_GICD + GICD_ISPENDR(0)), 1U << SGI, "ISPENDR0 has the SGI");
	got = collect(all, &twice);
	report(ok && got == all, "it comes from each sender", got, all);
	udelay(3000);
	report(!twice && gic_iar() == INTID_SPURIOUS, "once, as it was pending", twice, 0);

	/* in the middle of taking them, any number */
	for (n = 2; n <= ROUNDS && got == all; n++) {
		store_release(&round, n);
		got = collect(all, &twice);
		wait_for(&sent, n * (cpus - 1), 60000);
		/* the second ones, if they came late */
		udelay(100);
		while ((iar = gic_iar()) != INTID_SPURIOUS) {
			if (IAR_INTID(iar) != SGI || !(all & 1U << IAR_SENDER(iar)))
				got |= 1U << 31;
			gic_eoi(iar);
		}
	}
	report(got == all && n == ROUNDS + 1, "and again, sent while others are taken", got, n);
	report(wait_for(&gone, cpus - 1, 60000), "the senders have gone", gone, 0);
	irq_settle();
	report_eq(read32(MAP_GICD + GICD_ISPENDR(0)) | read32(MAP_GICD + GICD_ISACTIVER(0)), 0,
		  "nothing is left");
}

/* The distributor's filters, and the sender registers by hand. */
static void test_sgi_registers(void)
{
	u32 iar;

	irqs_off();
	write32(2U << 24 | 0xff << 16 | SGI, MAP_GICD + GICD_SGIR);
	report_eq(gic_iar(), SGI, "SGIR's filter 2: to oneself, from CPU 0");
	gic_eoi(SGI);
	write32(1U << 24 | 0xff << 16 | SGI, MAP_GICD + GICD_SGIR);
	udelay(100);
	report_eq(gic_iar(), INTID_SPURIOUS, "SGIR's filter 1: not to oneself");
	write32(1U << 16 | 1 << 15 | SGI, MAP_GICD + GICD_SGIR);
	report_eq(gic_iar(), SGI, "SGIR: to a list with oneself in it");
	gic_eoi(SGI);

	write8(0x0a, MAP_GICD + GICD_SPENDSGIR + SGI);
	report_eq(read32(MAP_GICD + GICD_SPENDSGIR + (SGI & ~3)), 0x0aU << 8 * (SGI & 3),
		  "SPENDSGIR: two senders");
	write8(0x02, MAP_GICD + GICD_CPENDSGIR + SGI);
	report_eq(read8(MAP_GICD + GICD_CPENDSGIR + SGI), 0x08, "CPENDSGIR takes one back");
	write32(~0U, MAP_GICD + GICD_ICPENDR(0));
	report_eq(read8(MAP_GICD + GICD_SPENDSGIR + SGI), 0x08, "ICPENDR0 does not");
	iar = gic_iar();
	report_eq(iar, SGI | 3 << 10, "the other comes");
	write8(0x08, MAP_GICD + GICD_SPENDSGIR + SGI);
	report_eq(read32(MAP_GICD + GICD_ISACTIVER(0)), 1U << SGI, "it is active");
	report_eq(gic_iar(), INTID_SPURIOUS, "and not to be had again before its end");
	gic_eoi(iar);
	udelay(100);
	report_eq(gic_iar(), SGI | 3 << 10, "then it is");
	gic_eoi(SGI | 3 << 10);
	write32(1U << SGI, MAP_GICD + GICD_ISPENDR(0));
	udelay(100);
	report_eq(gic_iar(), INTID_SPURIOUS, "ISPENDR0 makes no SGI pending");

	/* with the distributor off nothing is signalled, and all is kept */
	write32(0, MAP_GICD + GICD_CTLR);
	write8(0x02, MAP_GICD + GICD_SPENDSGIR + SGI);
	udelay(100);
	report_eq(gic_iar(), INTID_SPURIOUS, "not while the distributor is off");
	write32(1, MAP_GICD + GICD_CTLR);
	write8(0x02, MAP_GICD + GICD_SPENDSGIR + SGI);
	udelay(100);
	report_eq(gic_iar(), SGI | 1 << 10, "and when it is on");
	gic_eoi(SGI | 1 << 10);
}

static void test_save(void)
{
	u32 iar;

	irqs_off();
	gic_set_eoimode(1);
	gic_set_pmr(0xb8);
	write32(3, MAP_GICC + GICC_BPR);
	gic_set_edge(SPI_EDGE, true);
	gic_set_priority(SPI_EDGE, 0x60);
	gic_set_pending(SPI_EDGE);
	gic_set_edge(SPI_LEVEL, false);
	gic_set_priority(SPI_LEVEL, 0x40);
	gic_enable(SPI_LEVEL);
	write8(2, MAP_GICD + GICD_ITARGETSR + SPI_OTHER);
	sync(SYNC_SPI, SPI_LEVEL, 1);
	iar = gic_iar();
	report_eq(iar, SPI_LEVEL, "save: an interrupt is taken");
	write8(2, MAP_GICD + GICD_SPENDSGIR + SGI_ONE);
	write8(3, MAP_GICD + GICD_SPENDSGIR + SGI_TWO);
	report_eq(GICC(GICC_APR), 1U << (0x40 >> 3), "save: its priority is active");

	sync(SYNC_SAVE, 0, 0);

	report_eq(gic_pmr(), 0xb8, "restored: PMR");
	report_eq(GICC(GICC_BPR), 3, "restored: BPR");
	report_eq(GICC(GICC_CTLR), 0x201, "restored: CTLR, EOImode 1");
	report_eq(GICC(GICC_APR), 1U << (0x40 >> 3), "restored: APR");
	report_eq(gic_rpr(), 0x40, "restored: the running priority");
	report(gic_is_active(SPI_LEVEL), "restored: the interrupt is active", 0, 0);
	report(gic_is_pending(SPI_EDGE) && !gic_is_enabled(SPI_EDGE),
	       "restored: another is pending, not enabled", 0, 0);
	report_eq(gic_get_priority(SPI_EDGE), 0x60, "restored: its priority");
	report_eq(read32(MAP_GICD + GICD_ICFGR(SPI_EDGE / 16)) >> 2 * (SPI_EDGE % 16) & 2, 2,
		  "restored: its configuration");
	report_eq(read8(MAP_GICD + GICD_ITARGETSR + SPI_OTHER), 2, "restored: a target");
	report_eq(read32(MAP_GICD + GICD_SPENDSGIR + 4), 0x00030200, "restored: senders");
	report_eq(gic_iar(), INTID_SPURIOUS, "restored: nothing above the running priority");

	gic_eoi(iar);
	gic_enable(SPI_EDGE);
	report_eq(gic_iar(), SPI_EDGE, "the pending one comes, the level one is active still");
	gic_eoi(SPI_EDGE);
	gic_dir(SPI_EDGE);
	sync(SYNC_SPI, SPI_LEVEL, 1);
	gic_dir(iar);
	report_eq(gic_iar(), SPI_LEVEL, "its line is still high: once more");
	sync(SYNC_SPI, SPI_LEVEL, 0);
	gic_eoi(SPI_LEVEL);
	gic_dir(SPI_LEVEL);
	iar = gic_iar();
	report_eq(iar, SGI_ONE | 1 << 10, "an SGI comes from who sent it in the first VM");
	gic_eoi(iar);
	gic_dir(iar);
	iar = gic_iar();
	report_eq(iar, SGI_TWO, "another, from CPU 0");
	gic_eoi(iar);
	gic_dir(iar);
	udelay(100);
	iar = gic_iar();
	report_eq(iar, SGI_TWO | 1 << 10, "and from CPU 1");
	gic_eoi(iar);
	gic_dir(iar);
	udelay(100);
	report_eq(gic_iar(), INTID_SPURIOUS, "and no more");
}

void guest_main(u64 arg)
{
	gic_init();
	if (arg >> 8 == PART_SAVE)
		test_save();
	else if ((arg & 0xff) == 1)
		test_sgi_registers();
	else
		test_senders(arg & 0xff);
	payload_exit();
}
