// SPDX-License-Identifier: GPL-2.0
/* Both timers of EL1, and the counter over four CPUs. */
#include "payload.h"
#include "api/timer.h"

#define LOG	(irq_log[cpu_id()])
#define TIMERS	2

static const struct {
	const char *name;
	u32 intid;
} timers[TIMERS] = {
	{ "virtual timer", INTID_VTIMER },
	{ "physical timer", INTID_PTIMER },
};

/* The registers by number: MRS needs its operand in the instruction. */
static u64 counter(int t)
{
	isb();
	return t ? read_sysreg(cntpct_el0) : read_sysreg(cntvct_el0);
}

static u64 ctl(int t)
{
	return t ? read_sysreg(cntp_ctl_el0) : read_sysreg(cntv_ctl_el0);
}

static void set_ctl(int t, u64 v)
{
	if (t)
		write_sysreg(v, cntp_ctl_el0);
	else
		write_sysreg(v, cntv_ctl_el0);
	isb();
}

static u64 cval(int t)
{
	return t ? read_sysreg(cntp_cval_el0) : read_sysreg(cntv_cval_el0);
}

static void set_cval(int t, u64 v)
{
	if (t)
		write_sysreg(v, cntp_cval_el0);
	else
		write_sysreg(v, cntv_cval_el0);
	isb();
}

static int tval(int t)
{
	return t ? read_sysreg(cntp_tval_el0) : read_sysreg(cntv_tval_el0);
}

static void set_tval(int t, int v)
{
	if (t)
		write_sysreg((u64)(u32)v, cntp_tval_el0);
	else
		write_sysreg((u64)(u32)v, cntv_tval_el0);
	isb();
}

/* The handler masks the timer at its so many-th interrupt, and notes when the first came. */
static u64 quench_after, fired_at[MAX_CPUS][TIMERS];

static void hook(u32 intid)
{
	int t = intid == INTID_PTIMER;

	if (!fired_at[cpu_id()][t])
		fired_at[cpu_id()][t] = counter(t);
	if (LOG.count[intid] >= quench_after)
		set_ctl(t, CNT_CTL_ENABLE | CNT_CTL_IMASK);
}

static void start(int t)
{
	irqs_off();
	set_ctl(t, 0);
	irq_hook = hook;
	quench_after = 1;
	fired_at[cpu_id()][t] = 0;
	irq_log_reset();
}

static void test_timer(int t)
{
	u32 id = timers[t].intid;
	u64 ms = ticks_per_ms(), deadline, fired, *at = &fired_at[cpu_id()][t];
	int v;

	diag(timers[t].name, t, 0);
	gic_enable(id);

	/* far away: a machine that is busy may take its time between two instructions */
	start(t);
	deadline = counter(t) + 20000 * ms;
	set_cval(t, deadline);
	report_eq(cval(t), deadline, "CVAL reads back");
	v = tval(t);
	report(v > 0 && (u64)v <= 20000 * ms, "TVAL counts down to it", v, 0);
	set_ctl(t, CNT_CTL_ENABLE);
	report_eq(ctl(t), CNT_CTL_ENABLE, "CTL: enabled, not yet due");

	start(t);
	deadline = counter(t) + 30 * ms;
	set_cval(t, deadline);
	set_ctl(t, CNT_CTL_ENABLE);
	report(irq_wait(id, 1), "CVAL: the interrupt comes in WFI", LOG.total, 0);
	report(*at >= deadline, "not before its time", *at, deadline);
	report_eq(ctl(t), CNT_CTL_ENABLE | CNT_CTL_IMASK | CNT_CTL_ISTATUS, "CTL: due and masked");
	report((int)tval(t) < 0, "TVAL is negative then", tval(t), 0);
	irq_settle();
	report_eq(LOG.total, 1, "once, as the handler has masked it");

	start(t);
	deadline = counter(t) + 20 * ms;
	set_tval(t, 20 * ms);
	report(cval(t) >= deadline && cval(t) < deadline + 20000 * ms, "TVAL sets CVAL", cval(t),
	       deadline);
	set_ctl(t, CNT_CTL_ENABLE);
	report(irq_poll(id, 1), "TVAL: the interrupt comes in a busy loop", LOG.total, 0);
	report(*at >= deadline, "not before its time", *at, deadline);

	start(t);
	set_tval(t, -1000);
	set_ctl(t, CNT_CTL_ENABLE);
	report(irq_poll(id, 1), "one that is overdue comes at once", LOG.total, 0);

	start(t);
	quench_after = 3;
	set_cval(t, 0);
	set_ctl(t, CNT_CTL_ENABLE);
	report(irq_poll(id, 3), "it is a level: again until it is quenched", LOG.total, 0);
	irq_settle();
	report_eq(LOG.total, 3, "and no more");

	start(t);
	set_cval(t, 0);
	set_ctl(t, CNT_CTL_ENABLE | CNT_CTL_IMASK);
	irq_settle();
	report_eq(LOG.total, 0, "IMASK keeps it back");
	report(ctl(t) & CNT_CTL_ISTATUS, "though it is due", ctl(t), 0);
	irqs_off();
	set_ctl(t, CNT_CTL_ENABLE);
	report(gic_is_pending(id), "unmasked, it is pending in the GIC", ctl(t), 0);
	set_cval(t, counter(t) + 100000 * ms);
	report(!gic_is_pending(id), "put off, it is not", ctl(t), 0);
	irq_settle();
	report_eq(LOG.total, 0, "and does not come");

	/* WFI with PSTATE.I set: the interrupt is not taken, but ends the sleep. */
	start(t);
	deadline = counter(t) + 30 * ms;
	set_cval(t, deadline);
	set_ctl(t, CNT_CTL_ENABLE);
	while (!(ctl(t) & CNT_CTL_ISTATUS))
		wfi();
	report(counter(t) >= deadline, "WFI ends with interrupts masked", counter(t), deadline);
	report_eq(LOG.total, 0, "without taking it");
	irqs_on();
	isb();
	report_eq(LOG.total, 1, "it is taken when unmasked");

	/* disabled in the GIC: the timer is polled, and WFI is not used */
	start(t);
	gic_disable(id);
	set_tval(t, 5 * ms);
	set_ctl(t, CNT_CTL_ENABLE);
	fired = counter(t);
	while (!(ctl(t) & CNT_CTL_ISTATUS) && counter(t) < fired + 20000 * ms)
		barrier();
	report(ctl(t) & CNT_CTL_ISTATUS, "disabled in the GIC, ISTATUS can be polled", ctl(t), 0);
	irq_settle();
	report_eq(LOG.total, 0, "without an interrupt");
	set_ctl(t, 0);
	irq_settle();
	gic_enable(id);
	irq_settle();
	report_eq(LOG.total, 0, "and none is left when the timer is off");
}

/* Many short sleeps: each one must end, and end late rather than early. */
static void test_periodic(int t)
{
	u64 i, deadline, early = 0, period = ticks_per_ms() / 2;

	start(t);
	quench_after = 1;
	deadline = counter(t);
	for (i = 1; i <= 100; i++) {
		irqs_off();
		deadline = counter(t) + period;
		LOG.count[timers[t].intid] = 0;
		fired_at[0][t] = 0;
		set_cval(t, deadline);
		set_ctl(t, CNT_CTL_ENABLE);
		if (!irq_wait(timers[t].intid, 1))
			break;
		early += fired_at[0][t] < deadline;
	}
	report_eq(i, 101, "a hundred short sleeps end");
	report_eq(early, 0, "none of them early");
	set_ctl(t, 0);
}

static void test_both(void)
{
	u64 ms = ticks_per_ms(), v, p;

	start(0);
	start(1);
	v = counter(0) + 40 * ms;
	p = counter(1) + 20 * ms;
	set_cval(0, v);
	set_cval(1, p);
	set_ctl(0, CNT_CTL_ENABLE);
	set_ctl(1, CNT_CTL_ENABLE);
	report(irq_wait(INTID_VTIMER, 1) && irq_wait(INTID_PTIMER, 1), "both timers at a time",
	       LOG.total, 0);
	report(fired_at[0][0] >= v && fired_at[0][1] >= p, "each at its own time", fired_at[0][0],
	       fired_at[0][1]);
	/* so late that both are due, the virtual one has the lower number and goes first */
	report(LOG.order[0] == INTID_PTIMER || fired_at[0][0] >= p, "in their order", LOG.order[0],
	       LOG.order[1]);
	set_ctl(0, 0);
	set_ctl(1, 0);
}

static void test_counters(void)
{
	u64 i, last = counter(0), v, p0, p1, d0, d1, back = 0;

	report(ticks_per_ms() > 0, "CNTFRQ is set", ticks_per_ms(), 0);
	for (i = 0; i < 10000; i++) {
		v = counter(0);
		back += v < last;
		last = v;
	}
	report_eq(back, 0, "CNTVCT does not run back");
	/* CNTPCT - CNTVCT is one number, between the two of any two readings */
	p0 = counter(1); v = counter(0); p1 = counter(1);
	d0 = p0 - v; d1 = p1 - v;
	udelay(10000);
	p0 = counter(1); v = counter(0); p1 = counter(1);
	report((s64)(p1 - v - d0) >= 0 && (s64)(d1 - (p0 - v)) >= 0,
	       "CNTPCT runs as fast as CNTVCT", p0 - v, d0);
}

static void test_host_view(void)
{
	u64 v, ms = ticks_per_ms();

	set_ctl(0, 0);
	sync(SYNC_COUNTER, counter(0), 0);
	v = counter(0);
	report(v >= mbox(MBOX_MOVED_TO) && v - mbox(MBOX_MOVED_TO) < 10000 * ms,
	       "CNTVCT follows TIMER_CNT", v, mbox(MBOX_MOVED_TO));
	set_cval(0, counter(0) + 123456 * ms);
	set_ctl(0, CNT_CTL_ENABLE);
	sync(SYNC_TIMER_REGS, ctl(0), cval(0));
	set_ctl(0, 0);
	/* a deadline across the move still works */
	start(0);
	set_tval(0, 10 * ms);
	set_ctl(0, CNT_CTL_ENABLE);
	report(irq_wait(INTID_VTIMER, 1), "a timer after the move", LOG.total, 0);
}

/* The physical timer waits for longer than the test takes, but not for longer than the move. */
static void test_physical_view(void)
{
	u64 v, ms = ticks_per_ms();

	start(1);
	set_cval(1, counter(1) + 1800000 * ms);
	set_ctl(1, CNT_CTL_ENABLE);
	sync(SYNC_PCOUNTER, counter(1), 0);
	v = mbox(MBOX_MOVED_TO);
	if (v) {
		report(counter(1) >= v && counter(1) - v < 10000 * ms, "CNTPCT follows PTIMER_CNT",
		       counter(1), v);
		report(irq_poll(INTID_PTIMER, 1), "a timer that is overdue by that", LOG.total, 0);
		start(1);
		set_tval(1, 10 * ms);
		report(cval(1) - v < 20000 * ms, "TVAL counts from there", cval(1), v);
		set_ctl(1, CNT_CTL_ENABLE);
		report(irq_wait(INTID_PTIMER, 1), "a timer after the move", LOG.total, 0);
		v = counter(0);
		report(v < mbox(MBOX_MOVED_TO), "CNTVCT did not move", v, mbox(MBOX_MOVED_TO));
	}
	set_ctl(1, 0);
}

static void test_idle(void)
{
	start(0);
	sync(SYNC_IDLE, 1, 0);
	set_tval(0, 500 * ticks_per_ms());
	set_ctl(0, CNT_CTL_ENABLE);
	irq_wait(INTID_VTIMER, 1);
	sync(SYNC_IDLE, 0, 0);
}

/* ---- four CPUs ---- */

static struct spinlock lock;
static u64 last_seen, ran_back, turns, up, own_ok[MAX_CPUS];

/* Each CPU reads the counter under a lock: it must be no less than what any CPU has read before. */
static void relay(void)
{
	u64 v, i;

	for (i = 0; i < 500; i++) {
		spin_lock(&lock);
		v = counter(0);
		if (v < last_seen)
			ran_back++;
		last_seen = v;
		turns++;
		spin_unlock(&lock);
	}
}

/* Every CPU has a timer of its own. */
static void own_timer(void)
{
	unsigned int cpu = cpu_id();
	u64 deadline;

	irqs_off();
	fired_at[cpu][0] = 0;
	gic_enable(INTID_VTIMER);
	deadline = counter(0) + (10 + 7 * cpu) * ticks_per_ms();
	set_cval(0, deadline);
	set_ctl(0, CNT_CTL_ENABLE);
	own_ok[cpu] = irq_wait(INTID_VTIMER, 1) && fired_at[cpu][0] >= deadline && LOG.total == 1;
	set_ctl(0, 0);
}

static void other_cpu(u64 arg)
{
	(void)arg;
	gic_init_cpu();
	relay();
	own_timer();
	atomic_add(&up, 1);
}

static void test_smp(void)
{
	unsigned int cpu;

	irq_hook = hook;
	quench_after = 1;
	for (cpu = 1; cpu < 4; cpu++)
		report(cpu_on(cpu, other_cpu, 0), "CPU on", cpu, 0);
	relay();
	own_timer();
	report(wait_for(&up, 3, 20000), "all CPUs came through", up, 0);
	report_eq(turns, 2000, "the counter was read in turn");
	report_eq(ran_back, 0, "CNTVCT is monotonic over the CPUs");
	for (cpu = 0; cpu < 4; cpu++)
		report(own_ok[cpu], "each CPU had its own timer", cpu, fired_at[cpu][0]);
}

void guest_main(u64 mode)
{
	int t;

	gic_init();
	if (mode == MODE_SMP) {
		test_smp();
		payload_exit();
	}
	report(counter(0) < 60000 * ticks_per_ms(), "CNTVCT starts from TIMER_CNT", counter(0), 0);
	sync(SYNC_FREQ, ticks_per_ms() * 1000, 0);
	test_counters();
	for (t = 0; t < TIMERS; t++) {
		test_timer(t);
		test_periodic(t);
	}
	test_both();
	test_host_view();
	test_physical_view();
	test_idle();
	payload_exit();
}
