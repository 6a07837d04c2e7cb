// SPDX-License-Identifier: GPL-2.0
/* The payloads' library: words with the test, exceptions, GIC, PSCI, time, locks. */
#include "payload.h"

/* ---- words with the test ---- */

static void ucall_arg(unsigned int n, u64 v)
{
	write64(v, MAP_UCALL + UCALL_ARG(n));
}

/*
 * An interrupt between two arguments must not make a ucall of its own: it would take this one's
 * arguments.
 */
void ucall(u64 code, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 daif = read_sysreg(daif);

	irqs_off();
	ucall_arg(0, a0);
	ucall_arg(1, a1);
	ucall_arg(2, a2);
	if (code == UC_TRAP || code == UC_SYNC || a3)
		ucall_arg(3, a3);
	if (code == UC_TRAP || a4)
		ucall_arg(4, a4);
	write64(code, MAP_UCALL + UCALL_CODE);
	write_sysreg(daif, daif);
}

u64 mbox(unsigned int n)
{
	return read64(MAP_UCALL + UCALL_MBOX(n));
}

void report(bool ok, const char *name, u64 v0, u64 v1)
{
	ucall(UC_REPORT, (u64)name, ok, v0, v1, 0);
}

void report_eq(u64 got, u64 want, const char *name)
{
	report(got == want, name, got, want);
}

void report_skip(const char *name, const char *reason)
{
	ucall(UC_SKIP, (u64)name, (u64)reason, 0, 0, 0);
}

void diag(const char *text, u64 v0, u64 v1)
{
	ucall(UC_DIAG, (u64)text, v0, v1, 0, 0);
}

void sync(u64 what, u64 v0, u64 v1)
{
	ucall(UC_SYNC, what, v0, v1, 0, 0);
}

void payload_exit(void)
{
	for (;;)
		ucall(UC_DONE, 0, 0, 0, 0, 0);
}

void *memset(void *p, int c, size_t n)
{
	volatile u8 *b = p;

	while (n--)
		*b++ = c;
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	volatile u8 *d = to;
	const u8 *s = from;

	while (n--)
		*d++ = *s++;
	return to;
}

/* ---- exceptions ---- */

#define EL0_OFFSET	(MAP_EL0_ALIAS - MAP_RAM)

static struct {
	struct trap trap;
	u64 expect;
	u64 el0_ret_pc;
} percpu[MAX_CPUS];

bool (*sync_hook)(struct frame *f, u64 vector, u64 esr);

struct trap *trap_expect(void)
{
	unsigned int cpu = cpu_id();

	memset(&percpu[cpu].trap, 0, sizeof(percpu[cpu].trap));
	percpu[cpu].expect = 1;
	return &percpu[cpu].trap;
}

struct trap *trap_end(void)
{
	unsigned int cpu = cpu_id();

	percpu[cpu].expect = 0;
	return &percpu[cpu].trap;
}

static void handle_irq(void)
{
	struct irq_log *log = &irq_log[cpu_id()];
	u32 iar = gic_iar(), intid = IAR_INTID(iar);

	if (intid >= 1020 && intid < 8192) {
		log->spurious++;
		return;
	}
	if (log->total < 64)
		log->order[log->total] = intid;
	log->total++;
	if (intid < NR_INTIDS)
		log->count[intid]++;
	if (irq_hook)
		irq_hook(intid);
	gic_eoi(iar);
	if (irq_done_hook)
		irq_done_hook(intid);
}

void payload_exception(struct frame *f, u64 vector);
void payload_exception(struct frame *f, u64 vector)
{
	unsigned int cpu = cpu_id();
	u64 esr = read_sysreg(esr_el1), far = read_sysreg(far_el1);

	if (vector % 4 == 1) {
		handle_irq();
		return;
	}
	if (vector % 4 == 0 && sync_hook && sync_hook(f, vector, esr))
		return;
	/* the svc of call_el0() */
	if (vector == VEC_SYNC_EL0 && ESR_EC(esr) == EC_SVC64 && percpu[cpu].el0_ret_pc) {
		f->elr = percpu[cpu].el0_ret_pc;
		f->spsr = 0x3c5;
		percpu[cpu].el0_ret_pc = 0;
		return;
	}
	if (percpu[cpu].expect) {
		struct trap *t = &percpu[cpu].trap;
		u32 ec = ESR_EC(esr);

		t->count++;
		t->vector = vector;
		t->esr = esr;
		t->elr = f->elr;
		t->far = far;
		t->spsr = f->spsr;
		if (ec == EC_IABT_CUR || ec == EC_IABT_LOW || ec == EC_PC_ALIGN)
			f->elr = f->x[30];
		else if (vector % 4 == 0 && ec != EC_SVC64)
			f->elr += 4;
		return;
	}
	ucall(UC_TRAP, vector, esr, f->elr, far, f->spsr);
	for (;;)
		wfi();
}

/*
 * To EL0 by eret. The function runs in the alias of RAM that EL0 may use and returns to an svc
 * there, which comes back to the label after it.
 */
u64 call_el0(u64 (*fn)(u64), u64 arg)
{
	static u8 stack[MAX_CPUS][4096] __attribute__((aligned(16)));
	unsigned int cpu = cpu_id();
	u64 daif = read_sysreg(daif);
	register u64 x0 asm("x0") = arg;
	register u64 pc asm("x1") = (u64)fn + EL0_OFFSET;
	register u64 sp asm("x2") = (u64)stack[cpu] + sizeof(stack[cpu]) + EL0_OFFSET;
	register u64 *ret asm("x3") = &percpu[cpu].el0_ret_pc;
	register u64 offset asm("x5") = EL0_OFFSET;

	asm volatile("	adr	x4, 1f\n"
		     "	str	x4, [x3]\n"
		     "	adr	x30, 2f\n"
		     "	add	x30, x30, x5\n"
		     "	msr	elr_el1, x1\n"
		     "	msr	sp_el0, x2\n"
		     "	mov	x4, #0x3c0\n" /* EL0t, all masked */
		     "	msr	spsr_el1, x4\n"
		     "	eret\n"
		     "2:	svc	#0\n"
		     "1:\n"
		     : "+r"(x0), "+r"(pc), "+r"(sp), "+r"(ret), "+r"(offset)
		     :
		     : "x4", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
		       "x16", "x17", "x18", "x30", "cc", "memory");
	write_sysreg(daif, daif);
	return x0;
}

/* ---- interrupts ---- */

struct irq_log irq_log[MAX_CPUS];
void (*irq_hook)(u32 intid), (*irq_done_hook)(u32 intid);

void irq_log_reset(void)
{
	memset(&irq_log[cpu_id()], 0, sizeof(irq_log[0]));
}

/* How long an interrupt is waited for, in ticks; long, for emulation on a busy machine. */
static u64 patience(void)
{
	return 20000 * ticks_per_ms();
}

/*
 * WFI with interrupts off and a pending interrupt falls through, so nothing can come between the
 * look and the sleep. What would end a WFI that nothing else ends is the test's own alarm.
 */
bool irq_wait(u32 intid, u64 n)
{
	u64 *count = &irq_log[cpu_id()].count[intid], end = now() + patience();

	for (;;) {
		irqs_off();
		if (*(volatile u64 *)count >= n || now() > end)
			break;
		wfi();
		irqs_on();
		isb();
	}
	irqs_on();
	return *(volatile u64 *)count >= n;
}

bool irq_poll(u32 intid, u64 n)
{
	u64 *count = &irq_log[cpu_id()].count[intid], end = now() + patience();

	irqs_on();
	while (*(volatile u64 *)count < n && now() < end)
		barrier();
	return *(volatile u64 *)count >= n;
}

void irq_settle(void)
{
	irqs_on();
	udelay(3000);
}

/* ---- GIC ---- */

bool gic_v2;

/* A memory-mapped register is written when the write has arrived; a system register with an ISB. */
static void gicc_write(u32 value, u32 offset)
{
	write32(value, MAP_GICC + offset);
	dsb(sy);
}

u32 gic_iar(void)
{
	u32 iar;

	if (!gic_v2)
		return read_sysreg(ICC_IAR1) & 0xffffff;
	iar = read32(MAP_GICC + GICC_IAR);
	dsb(sy);
	return iar;
}

void gic_eoi(u32 iar)
{
	if (gic_v2) {
		gicc_write(iar, GICC_EOIR);
		return;
	}
	write_sysreg(iar, ICC_EOIR1);
	isb();
}

void gic_dir(u32 iar)
{
	if (gic_v2) {
		gicc_write(iar, GICC_DIR);
		return;
	}
	write_sysreg(iar, ICC_DIR);
	isb();
}

u32 gic_hppir(void)
{
	return gic_v2 ? read32(MAP_GICC + GICC_HPPIR) : read_sysreg(ICC_HPPIR1) & 0xffffff;
}

u32 gic_rpr(void)
{
	return gic_v2 ? read32(MAP_GICC + GICC_RPR) : read_sysreg(ICC_RPR);
}

u32 gic_pmr(void)
{
	return gic_v2 ? read32(MAP_GICC + GICC_PMR) : read_sysreg(ICC_PMR);
}

void gic_set_pmr(u32 pmr)
{
	if (gic_v2) {
		gicc_write(pmr, GICC_PMR);
		return;
	}
	write_sysreg(pmr, ICC_PMR);
	isb();
}

void gic_set_interface(bool on)
{
	if (gic_v2) {
		gicc_write((read32(MAP_GICC + GICC_CTLR) & ~1U) | on, GICC_CTLR);
		return;
	}
	write_sysreg((u64)on, ICC_IGRPEN1);
	isb();
}

void gic_set_eoimode(u32 mode)
{
	if (gic_v2) {
		gicc_write((read32(MAP_GICC + GICC_CTLR) & ~(1U << 9)) | mode << 9, GICC_CTLR);
		return;
	}
	write_sysreg((u64)mode << 1, ICC_CTLR);
	isb();
}

static u64 gicr(void)
{
	return MAP_GICR + 0x20000UL * cpu_id();
}

u64 gic_bank(u32 intid, u32 offset)
{
	return (intid < 32 && !gic_v2 ? gicr() + GICR_SGI : MAP_GICD) + offset;
}

static void gic_rwp(void)
{
	while (!gic_v2 && read32(MAP_GICD + GICD_CTLR) & (1U << 31))
		barrier();
}

void gic_init_cpu(void)
{
	unsigned int i;

	for (i = 0; i < 32; i++)
		gic_set_priority(i, 0xa0);
	if (gic_v2) {
		gicc_write(0xf8, GICC_PMR);
		gicc_write(0, GICC_BPR);
		gicc_write(1, GICC_CTLR);
		return;
	}
	write32(read32(gicr() + GICR_WAKER) & ~2U, gicr() + GICR_WAKER);
	while (read32(gicr() + GICR_WAKER) & 4)
		barrier();
	write32(~0U, gicr() + GICR_SGI + GICD_IGROUPR(0));
	write_sysreg(read_sysreg(ICC_SRE) | 1, ICC_SRE);
	isb();
	write_sysreg(0xf8, ICC_PMR);
	write_sysreg(0, ICC_BPR1);
	write_sysreg(0, ICC_CTLR);
	write_sysreg(1, ICC_IGRPEN1);
	isb();
}

void gic_init(void)
{
	u32 lines = (read32(MAP_GICD + GICD_TYPER) & 0x1f) + 1, i;

	gic_v2 = !(read_sysreg(id_aa64pfr0_el1) >> 24 & 0xf);
	write32(0, MAP_GICD + GICD_CTLR);
	gic_rwp();
	/* a GICv2's groups are left as they are: group 0, which signals IRQs too */
	for (i = 1; i < lines && !gic_v2; i++)
		write32(~0U, MAP_GICD + GICD_IGROUPR(i));
	for (i = 32; i < 32 * lines; i++) {
		gic_set_priority(i, 0xa0);
		if (gic_v2)
			write8(1, MAP_GICD + GICD_ITARGETSR + i);
	}
	if (gic_v2)
		write32(1, MAP_GICD + GICD_CTLR);
	else
		write32((1 << 4) | (1 << 1), MAP_GICD + GICD_CTLR);	/* ARE, group 1 */
	gic_rwp();
	gic_init_cpu();
}

#define GIC_BIT(intid)	(1U << ((intid) % 32))

static bool gic_test(u32 intid, u32 offset)
{
	return read32(gic_bank(intid, offset)) & GIC_BIT(intid);
}

void gic_enable(u32 intid)
{
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ISENABLER(intid / 32)));
}

void gic_disable(u32 intid)
{
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ICENABLER(intid / 32)));
	gic_rwp();
}

void gic_set_pending(u32 intid)
{
	if (gic_v2 && intid < 16) {
		write8(1U << cpu_id(), MAP_GICD + GICD_SPENDSGIR + intid);
		return;
	}
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ISPENDR(intid / 32)));
}

void gic_clear_pending(u32 intid)
{
	if (gic_v2 && intid < 16) {
		write8(0xff, MAP_GICD + GICD_CPENDSGIR + intid);
		return;
	}
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ICPENDR(intid / 32)));
}

void gic_set_active(u32 intid)
{
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ISACTIVER(intid / 32)));
}

void gic_clear_active(u32 intid)
{
	write32(GIC_BIT(intid), gic_bank(intid, GICD_ICACTIVER(intid / 32)));
}

bool gic_is_pending(u32 intid)
{
	return gic_test(intid, GICD_ISPENDR(intid / 32));
}

bool gic_is_active(u32 intid)
{
	return gic_test(intid, GICD_ISACTIVER(intid / 32));
}

bool gic_is_enabled(u32 intid)
{
	return gic_test(intid, GICD_ISENABLER(intid / 32));
}

void gic_set_priority(u32 intid, u8 prio)
{
	write8(prio, gic_bank(intid, GICD_IPRIORITYR + intid));
}

u8 gic_get_priority(u32 intid)
{
	return read8(gic_bank(intid, GICD_IPRIORITYR + intid));
}

void gic_set_edge(u32 intid, bool edge)
{
	u64 reg = gic_bank(intid, GICD_ICFGR(intid / 16));
	u32 bit = 2U << (2 * (intid % 16)), v = read32(reg);

	write32(edge ? v | bit : v & ~bit, reg);
}

void gic_route(u32 intid, u64 affinity)
{
	if (gic_v2)
		write8(1U << (affinity & 0xf), MAP_GICD + GICD_ITARGETSR + intid);
	else
		write64(affinity, MAP_GICD + GICD_IROUTER(intid));
}

void gic_send_sgi(u32 sgi, unsigned int cpu)
{
	u64 mpidr = cpu_mpidr(cpu);

	dsb(ishst);
	if (gic_v2) {
		write32(1U << (16 + cpu) | sgi, MAP_GICD + GICD_SGIR);
		return;
	}
	write_sysreg(((u64)sgi << 24) | ((mpidr & 0xff00) << 8) | (1UL << (mpidr & 0xf)),
		     ICC_SGI1R);
	isb();
}

void gic_send_sgi_others(u32 sgi)
{
	dsb(ishst);
	if (gic_v2) {
		write32(1U << 24 | sgi, MAP_GICD + GICD_SGIR);
		return;
	}
	write_sysreg(((u64)sgi << 24) | (1UL << 40), ICC_SGI1R);
	isb();
}

/* ---- PSCI ---- */

static struct cpu_boot {
	void (*fn)(u64);
	u64 arg;
	u64 up;
} cpu_boot[MAX_CPUS];

u64 hvc(u64 fn, u64 a1, u64 a2, u64 a3)
{
	struct smccc r = { .x = { fn, a1, a2, a3 } };

	smccc(0, &r);
	return r.x[0];
}

/* KVM numbers its vCPUs 16 to a cluster. */
u64 cpu_mpidr(unsigned int cpu)
{
	return (cpu & 0xf) | (u64)(cpu >> 4) << 8;
}

void payload_secondary(struct cpu_boot *b);
void payload_secondary(struct cpu_boot *b)
{
	store_release(&b->up, 1);
	b->fn(b->arg);
	cpu_off();
}

s64 cpu_on_raw(unsigned int cpu, void (*fn)(u64), u64 arg)
{
	cpu_boot[cpu].fn = fn;
	cpu_boot[cpu].arg = arg;
	store_release(&cpu_boot[cpu].up, 0);
	dsb(ish);
	return hvc(PSCI_CPU_ON, cpu_mpidr(cpu), MAP_RAM + ENTRY_SECONDARY, (u64)&cpu_boot[cpu]);
}

bool cpu_on(unsigned int cpu, void (*fn)(u64), u64 arg)
{
	return cpu_on_raw(cpu, fn, arg) == PSCI_SUCCESS && wait_for(&cpu_boot[cpu].up, 1, 30000);
}

void cpu_off(void)
{
	irqs_off();
	hvc(PSCI_CPU_OFF, 0, 0, 0);
	ucall(UC_TRAP, 0, 0, 0, 0, 0);
	for (;;)
		wfi();
}

bool cpu_wait_off(unsigned int cpu)
{
	u64 end = now() + 30000 * ticks_per_ms();

	while (hvc(PSCI_AFFINITY_INFO, cpu_mpidr(cpu), 0, 0) != 1)
		if (now() > end)
			return false;
	return true;
}

/* ---- time, page tables, locks ---- */

void udelay(u64 us)
{
	u64 end = now() + us * ticks_per_ms() / 1000;

	while (now() < end)
		barrier();
}

static void window_set(unsigned int n, u64 pte)
{
	u64 va = MAP_WINDOW + n * 4096UL;

	/* break before make */
	store_release(&window_l3[n], 0);
	dsb(ishst);
	asm volatile("tlbi vaae1is, %0" : : "r"(va >> 12) : "memory");
	dsb(ish);
	store_release(&window_l3[n], pte);
	dsb(ish);
	isb();
}

u64 window_map(unsigned int n, u64 pa, u64 attrs)
{
	window_set(n, pa | attrs);
	return MAP_WINDOW + n * 4096UL;
}

void window_unmap(unsigned int n)
{
	window_set(n, 0);
}

void spin_lock(struct spinlock *l)
{
	u64 v, fail;

	asm volatile("	sevl\n"
		     "1:	wfe\n"
		     "	ldaxr	%0, [%2]\n"
		     "	cbnz	%0, 1b\n"
		     "	stxr	%w1, %3, [%2]\n"
		     "	cbnz	%w1, 1b\n"
		     : "=&r"(v), "=&r"(fail) : "r"(&l->v), "r"(1UL) : "memory");
}

/* The store clears the waiters' monitors, and that wakes them from WFE. */
void spin_unlock(struct spinlock *l)
{
	store_release(&l->v, 0);
}

u64 atomic_add(u64 *p, u64 n)
{
	return __atomic_add_fetch(p, n, __ATOMIC_ACQ_REL);
}

bool wait_for(u64 *p, u64 v, u64 ms)
{
	u64 end = now() + ms * ticks_per_ms();

	while (load_acquire(p) < v)
		if (now() > end)
			return false;
	return true;
}
