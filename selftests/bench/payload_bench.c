// SPDX-License-Identifier: GPL-2.0
/*
 * What each kind of exit costs, in ticks of the guest's counter over many of them: SYNC_RESULT
 * name, ticks, count.
 */
#include "payload.h"
#include "bench/bench.h"

static void result(const char *name, u64 ticks, u64 n)
{
	sync(SYNC_RESULT, (u64)name, ticks << 32 | n);
}

/*
 * One round before the clock starts: caches, TLB, what the host makes at the first exit of a
 * kind.
 */
#define MEASURE(name, n, ...)						\
	do {								\
		u64 i_, t_ = 0;						\
		for (i_ = 0; i_ <= (n); i_++) {				\
			if (i_ == 1)					\
				t_ = now();				\
			__VA_ARGS__;					\
		}							\
		result(name, now() - t_, n);				\
	} while (0)

/* ---- interrupts ---- */

static u64 acked, up, stop, late, fired;

static void hook_ack(u32 intid)
{
	if (intid == INTID_VTIMER) {
		late += now() - read_sysreg(cntv_cval_el0);
		fired++;
		write_sysreg(0, cntv_ctl_el0);
		isb();
		return;
	}
	store_release(&acked, acked + 1);
}

/*
 * YIELD in both loops: it traps nowhere, and lets an emulated machine of one thread go on with the
 * other CPU at once. On others it does nothing.
 */
static void receiver(u64 arg)
{
	(void)arg;
	gic_init_cpu();
	gic_enable(1);
	store_release(&up, 1);
	irqs_on();
	while (!load_acquire(&stop))
		asm volatile("yield" : : : "memory");
	irqs_off();
}

static void ipi(void)
{
	u64 before = load_acquire(&acked);

	gic_send_sgi(1, 1);
	while (load_acquire(&acked) == before)
		asm volatile("yield" : : : "memory");
}

/* The expiry comes while the guest is busy. */
static void timer(void)
{
	u64 n = fired;

	write_sysreg(now() + ticks_per_ms() / 5, cntv_cval_el0);
	write_sysreg(CNT_CTL_ENABLE, cntv_ctl_el0);
	isb();
	while (*(volatile u64 *)&fired == n)
		barrier();
}

void guest_main(u64 arg)
{
	u64 at = BENCH_RAM;

	(void)arg;
	gic_init();
	irq_hook = hook_ack;

	MEASURE("hypercall", 5000, hvc(SMCCC_VERSION, 0, 0, 0));
	MEASURE("mmio_vgic", 3000, read32(MAP_GICD + GICD_IIDR));
	MEASURE("mmio_user", 2000, read32(MAP_MMIO));
	/*
	 * one write to each of as many pages that the guest has not touched, their host memory
	 * being there
	 */
	MEASURE("fault", BENCH_PAGES - 1, write64(1, at); at += 4096);

	if (cpu_on(1, receiver, 0)) {
		wait_for(&up, 1, 5000);
		MEASURE("ipi", 1000, ipi());
		store_release(&stop, 1);
		cpu_wait_off(1);
	}

	gic_enable(INTID_VTIMER);
	irqs_on();
	timer();
	late = fired = 0;
	while (fired < 500)
		timer();
	result("timer", late, fired);
	payload_exit();
}
