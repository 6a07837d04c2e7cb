// SPDX-License-Identifier: GPL-2.0
/* Exclusives, WFE, IPIs, broadcast TLB and cache maintenance, over four CPUs. */
#include "payload.h"

#define CPUS	4

/* All four do one thing after the other, and meet in between. */
static u64 arrived, generation;

static void meet(void)
{
	u64 gen = load_acquire(&generation);

	if (atomic_add(&arrived, 1) == CPUS) {
		store_release(&arrived, 0);
		store_release(&generation, gen + 1);
		sev();
		return;
	}
	while (load_acquire(&generation) == gen)
		barrier();
}

/* ---- locks ---- */

static struct spinlock lock;
static u64 counter, atomics, lse;

static void test_locks(unsigned int cpu)
{
	u64 i, v;

	(void)cpu;
	for (i = 0; i < 3000; i++) {
		spin_lock(&lock);
		v = *(volatile u64 *)&counter;
		*(volatile u64 *)&counter = v + 1;
		spin_unlock(&lock);
		atomic_add(&atomics, 1);
	}
	if ((read_sysreg(id_aa64isar0_el1) >> 20 & 0xf) >= 2)
		for (i = 0; i < 3000; i++)
			asm volatile(".arch_extension lse\n	ldadd %0, xzr, [%1]\n"
				     : : "r"(1UL), "r"(&lse) : "memory");
}

static void check_locks(void)
{
	report_eq(counter, 3000 * CPUS, "a counter under a lock of exclusives and WFE");
	report_eq(atomics, 3000 * CPUS, "a counter of exclusives");
	if ((read_sysreg(id_aa64isar0_el1) >> 20 & 0xf) >= 2)
		report_eq(lse, 3000 * CPUS, "a counter of LSE atomics");
	else
		report_skip("a counter of LSE atomics", "this CPU has none");
}

/* ---- WFE and SEV ---- */

static u64 ball;

static void test_wfe(unsigned int cpu)
{
	u64 i;

	for (i = 0; i < 200; i++) {
		while (load_acquire(&ball) % CPUS != cpu)
			wfe();
		atomic_add(&ball, 1);
		dsb(ishst);
		sev();
	}
}

static void check_wfe(void)
{
	report_eq(ball, 200 * CPUS, "SEV wakes the CPU that waits in WFE");
}

/* ---- IPIs ---- */

static u64 tokens, stray;

static void hook_pass(u32 intid)
{
	u64 n = atomic_add(&tokens, 1);

	if (intid != n % 16)
		atomic_add(&stray, 1);
	if (n < 1000)
		gic_send_sgi((n + 1) % 16, (cpu_id() + 1) % CPUS);
}

/* A token goes round by SGI; each CPU waits for it in WFI. */
static void test_ipi(unsigned int cpu)
{
	u64 end = now() + 60000 * ticks_per_ms();
	unsigned int i;

	irq_hook = hook_pass;
	for (i = 0; i < 16; i++)
		gic_enable(i);
	meet();
	if (cpu == 0)
		gic_send_sgi(1, 1);
	while (load_acquire(&tokens) < 1000 && now() < end) {
		irqs_off();
		if (load_acquire(&tokens) < 1000)
			wfi();
		irqs_on();
		isb();
	}
	/* the last one wakes the others */
	gic_send_sgi_others(0);
	irqs_on();
	meet();
	irqs_off();
}

static void check_ipi(void)
{
	report(tokens >= 1000, "an SGI token goes round a thousand times", tokens, 0);
}

/* All send to all at a time; each sender waits until its SGI was seen. */
static u64 seen[CPUS][CPUS];

static void hook_storm(u32 intid)
{
	atomic_add(&seen[cpu_id()][intid % CPUS], 1);
}

static u64 storm_bad;

static void test_storm(unsigned int cpu)
{
	u64 i, end = now() + 60000 * ticks_per_ms(), before;
	unsigned int to;

	irq_hook = hook_storm;
	meet();
	irqs_on();
	for (i = 0; i < 25; i++)
		for (to = 0; to < CPUS; to++) {
			if (to == cpu)
				continue;
			before = load_acquire(&seen[to][cpu]);
			gic_send_sgi(cpu, to);
			while (load_acquire(&seen[to][cpu]) == before)
				if (now() > end) {
					atomic_add(&storm_bad, 1);
					break;
				}
		}
	meet();
	irqs_off();
	irq_hook = NULL;
}

static void check_storm(void)
{
	report_eq(storm_bad, 0, "all CPUs send SGIs to all");
	report(seen[0][1] >= 25 && seen[3][2] >= 25, "and each is taken", seen[0][1], seen[3][2]);
}

/* ---- TLB ---- */

static u8 pages[2][4096] __attribute__((aligned(4096)));
static u64 mapped, tlb_bad, tlb_done, retries;

/* Break before make: an access in between is tried again. */
static bool hook_retry(struct frame *f, u64 vector, u64 esr)
{
	u64 far = read_sysreg(far_el1);

	(void)f;
	if (vector != VEC_SYNC || ESR_EC(esr) != EC_DABT_CUR || far < MAP_WINDOW ||
	    far >= MAP_WINDOW + 4096)
		return false;
	atomic_add(&retries, 1);
	return true;
}

static void test_tlb(unsigned int cpu)
{
	u64 i, at_least, v;

	if (cpu == 0) {
		sync_hook = hook_retry;
		window_map(0, (u64)pages[0], PTE_NORMAL);
	}
	meet();
	if (cpu == 0) {
		for (i = 1; i <= 300; i++) {
			*(volatile u64 *)pages[i % 2] = i;
			dsb(ish);
			window_map(0, (u64)pages[i % 2], PTE_NORMAL);
			store_release(&mapped, i);
		}
		store_release(&tlb_done, 1);
	} else {
		while (!load_acquire(&tlb_done)) {
			at_least = load_acquire(&mapped);
			v = *(volatile u64 *)MAP_WINDOW;
			if (v < at_least)
				atomic_add(&tlb_bad, 1);
		}
	}
	meet();
}

static void check_tlb(void)
{
	sync_hook = NULL;
	report_eq(tlb_bad, 0, "TLBI reaches the other CPUs");
}

/* ---- code ---- */

static u8 code[4096] __attribute__((aligned(4096)));
static u64 code_gen, code_bad;

static void test_code(unsigned int cpu)
{
	u64 i;

	for (i = 1; i <= 100; i++) {
		if (cpu == 0) {
			((volatile u32 *)code)[0] = 0xd2800000 | (u32)i << 5;	/* mov x0, #i */
			((volatile u32 *)code)[1] = 0xd65f03c0;			/* ret */
			asm volatile("dc cvau, %0\ndsb ish\nic ivau, %0\ndsb ish\nisb"
				     :
				     : "r"(code)
				     : "memory");
			store_release(&code_gen, i);
		} else {
			while (load_acquire(&code_gen) < i)
				barrier();
		}
		isb();
		if (((u64 (*)(void))code)() != i)
			atomic_add(&code_bad, 1);
		meet();
	}
}

static void check_code(void)
{
	report_eq(code_bad, 0, "IC IVAU reaches the other CPUs");
}

static const struct {
	void (*run)(unsigned int cpu);
	void (*check)(void);
} tests[] = {
	{ test_locks, check_locks },
	{ test_wfe, check_wfe },
	{ test_ipi, check_ipi },
	{ test_storm, check_storm },
	{ test_tlb, check_tlb },
	{ test_code, check_code },
};

static void all_tests(unsigned int cpu)
{
	unsigned int i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		meet();
		tests[i].run(cpu);
		meet();
		if (cpu == 0)
			tests[i].check();
	}
}

static void other_cpu(u64 arg)
{
	(void)arg;
	gic_init_cpu();
	all_tests(cpu_id());
}

void guest_main(u64 arg)
{
	unsigned int cpu;

	(void)arg;
	gic_init();
	for (cpu = 1; cpu < CPUS; cpu++)
		report(cpu_on(cpu, other_cpu, 0), "CPU on", cpu, 0);
	all_tests(0);
	for (cpu = 1; cpu < CPUS; cpu++)
		report(cpu_wait_off(cpu), "CPU off", cpu, 0);
	payload_exit();
}
