// SPDX-License-Identifier: GPL-2.0
/* The vGIC, of version 3 or 2, as a guest of guest_main(arg) CPUs uses it. */
#include "payload.h"
#include "api/vgic_irq.h"

#define LOG	(irq_log[cpu_id()])

#define SPI_EDGE	40
#define SPI_LEVEL	41
#define SPI_A		50	/* and the 20 after it */
#define PPI		22

static u32 lower_line;		/* the hook drops this line ... */
static u64 lower_after;		/* ... at its so many-th interrupt */

static void hook_lower(u32 intid)
{
	if (intid == lower_line && LOG.count[intid] >= lower_after)
		sync(intid < 32 ? SYNC_PPI : SYNC_SPI, intid, 0);
}

static void start(void)
{
	irqs_off();
	irq_hook = irq_done_hook = NULL;
	irq_log_reset();
}

static void test_ids_v2(u64 cpus)
{
	report_eq(read32(MAP_GICD + GICD_TYPER), 3 | (cpus - 1) << 5,
		  "GICD_TYPER has 128 lines, and the CPUs");
	write32(0, MAP_GICD + GICD_TYPER);
	report_eq(read32(MAP_GICD + GICD_TYPER) & 0x1f, 3, "GICD_TYPER is read-only");
	report_eq(read32(MAP_GICC + GICC_IIDR) >> 16 & 0xf, 2, "GICC_IIDR says GICv2");
	report_eq(read32(MAP_GICD + GICD_ICFGR(0)) & 0xaaaaaaaa, 0xaaaaaaaa, "SGIs are edge");
	report_eq(read32(MAP_GICD + GICD_ITARGETSR + 28), 0x01010101, "GICD_ITARGETSR7: this CPU");
}

static void test_ids(u64 cpus)
{
	u64 typer = read64(MAP_GICR + GICR_TYPER);

	report_eq(read32(MAP_GICD + GICD_PIDR2) >> 4 & 0xf, 3, "GICD_PIDR2 says GICv3");
	report_eq(read32(MAP_GICR + GICD_PIDR2) >> 4 & 0xf, 3, "GICR_PIDR2 says GICv3");
	report_eq(read32(MAP_GICD + GICD_TYPER) & 0x1f, 3, "GICD_TYPER has 128 lines");
	report_eq(typer >> 32, cpu_mpidr(0), "GICR_TYPER has the affinity");
	report_eq(read32(MAP_GICR + GICR_TYPER + 4), typer >> 32, "GICR_TYPER by halves");
	report_eq(typer >> 4 & 1, cpus == 1, "GICR_TYPER: last one");
	report_eq(read64(MAP_GICR + 0x20000 * (cpus - 1) + GICR_TYPER) >> 4 & 1, 1,
		  "GICR_TYPER: last one of the last");
	write32(0, MAP_GICD + GICD_TYPER);
	report_eq(read32(MAP_GICD + GICD_TYPER) & 0x1f, 3, "GICD_TYPER is read-only");
	report_eq(read32(MAP_GICD + GICD_CTLR) & 0x10, 0x10, "affinity routing is on");
	report_eq(read32(MAP_GICR + GICR_SGI + GICD_ICFGR(0)) & 0xaaaaaaaa, 0xaaaaaaaa,
		  "SGIs are edge");
}

static void test_registers(void)
{
	gic_set_priority(SPI_A, 0xff);
	report_eq(gic_get_priority(SPI_A) & 0xf8, 0xf8, "priority 0xff reads back");
	gic_set_priority(SPI_A, 0x50);
	report_eq(gic_get_priority(SPI_A), 0x50, "priority 0x50 reads back");
	report_eq(gic_get_priority(SPI_A + 1), 0xa0, "and its neighbour is untouched");
	gic_set_priority(SPI_A, 0xa0);
	gic_enable(SPI_A);
	report(gic_is_enabled(SPI_A) && !gic_is_enabled(SPI_A + 1), "ISENABLER reads back", 0, 0);
	report_eq(read32(gic_bank(SPI_A, GICD_ICENABLER(SPI_A / 32))), 1U << SPI_A % 32,
		  "ICENABLER reads the same");
	gic_disable(SPI_A);
	report(!gic_is_enabled(SPI_A), "ICENABLER disables", 0, 0);
	gic_set_edge(SPI_A, true);
	report_eq(read32(MAP_GICD + GICD_ICFGR(SPI_A / 16)) >> 2 * (SPI_A % 16) & 2, 2,
		  "ICFGR edge reads back");
	gic_set_edge(SPI_A, false);
	report_eq(read32(MAP_GICD + GICD_ICFGR(SPI_A / 16)) >> 2 * (SPI_A % 16) & 2, 0,
		  "ICFGR level reads back");
	if (gic_v2) {
		write8(0xff, MAP_GICD + GICD_ITARGETSR + SPI_A);
		report_eq(read8(MAP_GICD + GICD_ITARGETSR + SPI_A), 1,
			  "ITARGETSR has the CPUs that there are");
		gic_route(SPI_A, 0);
		report_eq(read32(MAP_GICC + GICC_CTLR), 1, "GICC_CTLR reads back");
	} else {
		gic_route(SPI_A, 3);
		report_eq(read64(MAP_GICD + GICD_IROUTER(SPI_A)), 3, "IROUTER reads back");
		write32(2, MAP_GICD + GICD_IROUTER(SPI_A));
		report_eq(read32(MAP_GICD + GICD_IROUTER(SPI_A)), 2, "IROUTER by halves");
		gic_route(SPI_A, 0);
		report_eq(read32(gic_bank(SPI_A, GICD_IGROUPR(SPI_A / 32))), ~0U,
			  "IGROUPR reads back");
		report_eq(read_sysreg(ICC_SRE) & 1, 1, "ICC_SRE_EL1.SRE is set");
		report_eq(read_sysreg(ICC_IGRPEN1), 1, "ICC_IGRPEN1 reads back");
	}
	report_eq(gic_pmr() & 0xf8, 0xf8, "PMR reads back");
	report_eq(gic_rpr() & 0xf8, 0xf8, "RPR is idle");
	report_eq(gic_iar(), INTID_SPURIOUS, "IAR with nothing pending is spurious");
}

static void test_edge(void)
{
	start();
	gic_set_edge(SPI_EDGE, true);
	gic_enable(SPI_EDGE);
	sync(SYNC_SPI, SPI_EDGE, 1);
	report(irq_wait(SPI_EDGE, 1), "edge: a rising line interrupts", LOG.total, 0);
	irq_settle();
	report_eq(LOG.count[SPI_EDGE], 1, "edge: once");
	sync(SYNC_SPI, SPI_EDGE, 0);
	irq_settle();
	report_eq(LOG.count[SPI_EDGE], 1, "edge: a falling line does not");
	sync(SYNC_SPI, SPI_EDGE, 1);
	report(irq_poll(SPI_EDGE, 2), "edge: the next rise does", LOG.total, 0);
	sync(SYNC_SPI, SPI_EDGE, 0);

	start();
	sync(SYNC_SPI, SPI_EDGE, 1);
	sync(SYNC_SPI, SPI_EDGE, 0);
	report(gic_is_pending(SPI_EDGE), "edge: a pulse stays pending", 0, 0);
	sync(SYNC_SPI, SPI_EDGE, 1);
	sync(SYNC_SPI, SPI_EDGE, 0);
	report(irq_poll(SPI_EDGE, 1), "edge: and is taken", LOG.total, 0);
	irq_settle();
	report_eq(LOG.count[SPI_EDGE], 1, "edge: two pulses while masked are one");

	start();
	sync(SYNC_SPI, SPI_EDGE, 1);
	gic_clear_pending(SPI_EDGE);
	sync(SYNC_SPI, SPI_EDGE, 0);
	irq_settle();
	report_eq(LOG.total, 0, "edge: ICPENDR takes it back");
	gic_disable(SPI_EDGE);
}

static void test_level(u32 intid, u64 what)
{
	start();
	if (intid >= 32)
		gic_set_edge(intid, false);
	gic_enable(intid);
	irq_hook = hook_lower;
	lower_line = intid;
	lower_after = 1;
	sync(what, intid, 1);
	report(gic_is_pending(intid), "level: a high line is pending", 0, 0);
	report(irq_wait(intid, 1), "level: it interrupts", LOG.total, 0);
	irq_settle();
	report_eq(LOG.count[intid], 1, "level: once, when the handler lowers it");
	report(!gic_is_pending(intid), "level: a low line is not pending", 0, 0);

	start();
	irq_hook = hook_lower;
	lower_after = 3;
	sync(what, intid, 1);
	report(irq_poll(intid, 3), "level: again and again while it is high", LOG.count[intid], 0);
	irq_settle();
	report_eq(LOG.count[intid], 3, "level: until it is low");

	start();
	sync(what, intid, 1);
	sync(what, intid, 0);
	report(!gic_is_pending(intid), "level: low again before it is taken", 0, 0);
	irq_settle();
	report_eq(LOG.total, 0, "level: no interrupt");

	start();
	gic_set_pending(intid);
	report(gic_is_pending(intid), "level: ISPENDR makes it pending", 0, 0);
	report(irq_poll(intid, 1), "level: and it is taken", LOG.total, 0);
	irq_settle();
	report_eq(LOG.count[intid], 1, "level: once");

	start();
	sync(what, intid, 1);
	gic_clear_pending(intid);
	report(gic_is_pending(intid), "level: ICPENDR does not lower the line", 0, 0);
	sync(what, intid, 0);
	irq_settle();
	report_eq(LOG.total, 0, "level: nothing is left of it");
	gic_disable(intid);
}

/* Each way of keeping an interrupt back, and that it comes when that ends. */
static void test_masks(void)
{
	static const char *const name[] = {
		"not while disabled",
		"not while the distributor's group is off",
		"not while the CPU interface is off",
		"not below PMR",
		"not while active",
	};
	u32 ctlr = read32(MAP_GICD + GICD_CTLR);
	unsigned int i;

	gic_set_edge(SPI_EDGE, true);
	for (i = 0; i < 5; i++) {
		start();
		gic_enable(SPI_EDGE);
		switch (i) {
		case 0: gic_disable(SPI_EDGE); break;
		case 1: write32(ctlr & ~3U, MAP_GICD + GICD_CTLR); break;
		case 2: gic_set_interface(false); break;
		case 3: gic_set_pmr(0x80); break;
		case 4: gic_set_active(SPI_EDGE); break;
		}
		isb();
		gic_set_pending(SPI_EDGE);
		irq_settle();
		report_eq(LOG.total, 0, name[i]);
		report(gic_is_pending(SPI_EDGE), "it stays pending", 0, 0);
		switch (i) {
		case 0: gic_enable(SPI_EDGE); break;
		case 1: write32(ctlr, MAP_GICD + GICD_CTLR); break;
		case 2: gic_set_interface(true); break;
		case 3: gic_set_pmr(0xf8); break;
		case 4: gic_clear_active(SPI_EDGE); break;
		}
		isb();
		if (i == 1 && mbox(MBOX_IS_KVM) && !irq_poll(SPI_EDGE, 1)) {
			report_skip("and comes afterwards",
				    "KVM does not look again when the distributor comes on");
			gic_clear_pending(SPI_EDGE);
			continue;
		}
		report(irq_poll(SPI_EDGE, 1), "and comes afterwards", LOG.total, 0);
	}
	gic_disable(SPI_EDGE);
}

static void test_priorities(void)
{
	unsigned int i;
	u64 bad = 0;

	start();
	for (i = 0; i < 3; i++) {
		gic_set_edge(SPI_A + i, true);
		gic_set_priority(SPI_A + i, 0xa0 - 0x20 * i);
		gic_enable(SPI_A + i);
		gic_set_pending(SPI_A + i);
	}
	report_eq(gic_hppir(), SPI_A + 2, "HPPIR shows the highest");
	report(irq_poll(SPI_A, 1), "three priorities: all come", LOG.total, 0);
	report(LOG.order[0] == SPI_A + 2 && LOG.order[1] == SPI_A + 1 && LOG.order[2] == SPI_A,
	       "three priorities: the highest first", LOG.order[0], LOG.order[1]);

	/* More at a time than the CPU interface has list registers. */
	start();
	for (i = 0; i < 20; i++) {
		gic_set_edge(SPI_A + i, true);
		gic_set_priority(SPI_A + i, 0xa0);
		gic_enable(SPI_A + i);
		gic_set_pending(SPI_A + i);
	}
	irqs_on();
	for (i = 0; i < 20; i++)
		if (!irq_poll(SPI_A + i, 1))
			bad |= 1 << i;
	irq_settle();
	report(!bad && LOG.total == 20, "twenty at a time all come, once", bad, LOG.total);
	for (i = 0; i < 20; i++)
		gic_disable(SPI_A + i);
}

static u64 depth, max_depth, bad_rpr, nested_equal;

/* Pends the next one, one priority step higher, and lets it in. */
static void hook_nest(u32 intid)
{
	u32 n = intid - SPI_A;

	if (++depth > max_depth)
		max_depth = depth;
	if ((gic_rpr() & 0xff) != gic_get_priority(intid))
		bad_rpr |= 1UL << n;
	if (n < 9) {
		gic_set_pending(intid + 1);
		irqs_on();
		udelay(1000);
		irqs_off();
		if (n == 8)	/* the last one has its outer one's priority */
			nested_equal = LOG.count[intid + 1];
	}
	depth--;
}

static void test_preemption(void)
{
	unsigned int i;

	start();
	depth = max_depth = bad_rpr = 0;
	for (i = 0; i < 10; i++) {
		gic_set_edge(SPI_A + i, true);
		gic_set_priority(SPI_A + i, 0xc0 - 0x10 * (i < 9 ? i : 8));
		gic_enable(SPI_A + i);
	}
	irq_hook = hook_nest;
	gic_set_pending(SPI_A);
	report(irq_poll(SPI_A + 9, 1), "preemption: all come", LOG.total, 0);
	/*
	 * KVM keeps active interrupts in list registers, of which there are four at least: no
	 * deeper than that.
	 */
	report(max_depth >= 4 && max_depth <= 9, "preemption: four deep or more", max_depth, 9);
	report_eq(bad_rpr, 0, "preemption: RPR is each one's priority");
	report_eq(nested_equal, 0, "preemption: not by an equal priority");
	report_eq(gic_rpr() & 0xf8, 0xf8, "preemption: idle afterwards");
	for (i = 0; i < 10; i++) {
		if (gic_is_active(SPI_A + i))
			report(false, "preemption: nothing stays active", i, 0);
		gic_disable(SPI_A + i);
		gic_set_priority(SPI_A + i, 0xa0);
	}
}

/* Acknowledge, priority drop and deactivation step by step, with PSTATE.I set. */
static void test_eoi_split(void)
{
	u64 mode, iar;

	gic_set_edge(SPI_EDGE, true);
	gic_enable(SPI_EDGE);
	for (mode = 0; mode < 2; mode++) {
		start();
		gic_set_eoimode(mode);
		gic_set_pending(SPI_EDGE);
		iar = gic_iar();
		dsb(sy);
		report_eq(iar, SPI_EDGE, mode ? "EOImode 1: IAR" : "EOImode 0: IAR");
		report(gic_is_active(SPI_EDGE) && !gic_is_pending(SPI_EDGE),
		       "acknowledged: active, not pending", 0, 0);
		report_eq(gic_rpr(), 0xa0, "the running priority is its own");
		gic_set_pending(SPI_EDGE);
		report(gic_is_active(SPI_EDGE) && gic_is_pending(SPI_EDGE), "active and pending", 0,
		       0);
		report_eq(gic_iar(), INTID_SPURIOUS, "not to be had twice");
		gic_eoi(iar);
		report_eq(gic_rpr() & 0xf8, 0xf8, "EOIR drops the priority");
		report_eq(gic_is_active(SPI_EDGE), mode,
			  mode ? "and leaves it active" : "and deactivates it");
		if (mode) {
			report_eq(gic_iar(), INTID_SPURIOUS, "not to be had while active");
			gic_dir(iar);
			report(!gic_is_active(SPI_EDGE), "DIR deactivates it", 0, 0);
		}
		iar = gic_iar();
		report_eq(iar, SPI_EDGE, "the second one comes");
		gic_eoi(iar);
		if (mode)
			gic_dir(iar);
		report_eq(gic_iar(), INTID_SPURIOUS, "and no third");
	}
	gic_set_eoimode(0);
	gic_disable(SPI_EDGE);
}

static void test_sgi_self(void)
{
	unsigned int i;
	u64 bad = 0;

	start();
	for (i = 0; i < 16; i++) {
		gic_enable(i);
		gic_send_sgi(i, 0);
	}
	irqs_on();
	for (i = 0; i < 16; i++)
		if (!irq_poll(i, 1))
			bad |= 1 << i;
	report(!bad && LOG.total == 16, "sixteen SGIs to itself", bad, LOG.total);
	start();
	gic_set_pending(3);
	report(gic_is_pending(3), "an SGI by ISPENDR", 0, 0);
	report(irq_poll(3, 1), "is taken", LOG.total, 0);
	start();
	gic_send_sgi(5, 0);
	report(gic_is_pending(5), "a sent SGI is pending", 0, 0);
	gic_clear_pending(5);
	irq_settle();
	report_eq(LOG.total, 0, "ICPENDR takes it back");
	gic_send_sgi_others(4);
	irq_settle();
	report_eq(LOG.count[4], 0, "an SGI to all others does not come here");
}

/* ---- more than one CPU ---- */

#define PATIENCE	20000	/* ms: four busy vCPUs may have to share two CPUs, or one */

static u64 ready, finish, acks[MAX_CPUS];

/* After the end of interrupt: one that is still active would stay where it is. */
static void hook_ack(u32 intid)
{
	(void)intid;
	atomic_add(&acks[cpu_id()], 1);
}

/* Sleeps between interrupts, or spins: both must take them. */
static void other_cpu(u64 sleeper)
{
	unsigned int i;

	irqs_off();
	gic_init_cpu();
	for (i = 0; i < 16; i++)
		gic_enable(i);
	irq_log_reset();
	atomic_add(&ready, 1);
	while (!load_acquire(&finish)) {
		if (sleeper) {
			irqs_off();
			if (!load_acquire(&finish))
				wfi();
		}
		irqs_on();
		isb();
	}
	irqs_off();
}

static void test_others(u64 cpus, bool sleepers)
{
	const u64 rounds = 50;
	u64 n = 0, before;
	unsigned int cpu;
	bool ok = true;

	start();
	store_release(&ready, 0);
	store_release(&finish, 0);
	for (cpu = 1; cpu < cpus; cpu++)
		ok &= cpu_on(cpu, other_cpu, sleepers);
	report(ok && wait_for(&ready, cpus - 1, 10000),
	       sleepers ? "sleeping CPUs are up" : "spinning CPUs are up", 0, 0);
	memset(acks, 0, sizeof(acks));
	irq_done_hook = hook_ack;

	for (cpu = 1; cpu < cpus; cpu++)
		for (n = 1; n <= rounds && ok; n++) {
			before = load_acquire(&acks[cpu]);
			gic_send_sgi(n % 16, cpu);
			ok = wait_for(&acks[cpu], before + 1, PATIENCE);
		}
	report(ok, "SGIs to each CPU, one by one", cpu, n);

	irq_settle();
	memset(acks, 0, sizeof(acks));
	for (n = 1, ok = true; n <= rounds && ok; n++) {
		gic_send_sgi_others(n % 16);
		for (cpu = 1; cpu < cpus && ok; cpu++)
			ok = wait_for(&acks[cpu], n, PATIENCE);
	}
	report(ok, "SGIs to all others", acks[1], n);
	irq_settle();
	report_eq(acks[0], 0, "none of them came here");

	gic_set_edge(SPI_EDGE, true);
	gic_enable(SPI_EDGE);
	for (n = 1, ok = true; n <= 10 && ok; n++)
		for (cpu = 1; cpu < cpus && ok; cpu++) {
			gic_route(SPI_EDGE, cpu_mpidr(cpu));
			before = load_acquire(&acks[cpu]);
			sync(SYNC_SPI, SPI_EDGE, 1);
			ok = wait_for(&acks[cpu], before + 1, PATIENCE);
			sync(SYNC_SPI, SPI_EDGE, 0);
		}
	report(ok, "an SPI goes where it is routed", cpu, n);
	gic_disable(SPI_EDGE);
	gic_route(SPI_EDGE, 0);

	/* pending, then routed elsewhere */
	irq_settle();
	before = load_acquire(&acks[1]);
	gic_set_pending(SPI_EDGE);
	gic_route(SPI_EDGE, cpu_mpidr(1));
	gic_enable(SPI_EDGE);
	report(wait_for(&acks[1], before + 1, PATIENCE), "a pending SPI follows its route", acks[1],
	       before);
	gic_disable(SPI_EDGE);
	gic_route(SPI_EDGE, 0);

	/* the other CPU's own registers, from here; a GICv2 shows each CPU its own only */
	if (!gic_v2) {
		write32(1U << PPI, MAP_GICR + 0x20000 + GICR_SGI + GICD_ISENABLER(0));
		write32(1U << PPI, MAP_GICR + 0x20000 + GICR_SGI + GICD_ISPENDR(0));
		report(wait_for(&acks[1], before + 2, PATIENCE),
		       "a PPI through another CPU's redistributor", acks[1], before);
		write32(1U << PPI, MAP_GICR + 0x20000 + GICR_SGI + GICD_ICENABLER(0));
	}
	report_eq(acks[0], 0, "still none here");

	store_release(&finish, 1);
	gic_send_sgi_others(0);
	for (cpu = 1, ok = true; cpu < cpus; cpu++)
		ok &= cpu_wait_off(cpu);
	report(ok, "the CPUs went off", 0, 0);
	irq_done_hook = NULL;
}

void guest_main(u64 cpus)
{
	gic_init();
	if (gic_v2)
		test_ids_v2(cpus);
	else
		test_ids(cpus);
	if (cpus == 1) {
		test_registers();
		test_edge();
		test_level(SPI_LEVEL, SYNC_SPI);
		test_level(PPI, SYNC_PPI);
		test_masks();
		test_priorities();
		test_preemption();
		test_eoi_split();
		test_sgi_self();
	} else {
		test_others(cpus, false);
		test_others(cpus, true);
	}
	payload_exit();
}
