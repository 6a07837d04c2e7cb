// SPDX-License-Identifier: GPL-2.0
/* Every kind of exception, made once; and FP registers that must not change. */
#include "payload.h"
#include "api/faults.h"

#define NOWHERE	0x30000000UL	/* no slot */

static void check(struct trap *t, u64 vector, u32 ec, const char *name)
{
	report(t->count == 1 && t->vector == vector && ESR_EC(t->esr) == ec, name, t->esr,
	       t->count << 32 | t->vector);
}

/* ---- instructions ---- */

static void test_undefined(void)
{
	struct trap *t;
	u64 pc;

#define UNDEF(name, insn)                                                                    \
	do {                                                                                 \
		t = trap_expect();                                                           \
		asm volatile("	adr	%0, 1f\n1:	" insn "\n"                          \
			     : "=&r"(pc)                                                     \
			     :                                                               \
			     : "x0", "memory");                                              \
		trap_end();                                                                  \
		report(t->count == 1 && t->vector == VEC_SYNC && t->esr == 0x02000000, name, \
		       t->esr, t->count);                                                    \
		report_eq(t->elr, pc, name ": ELR");                                         \
	} while (0)

	UNDEF("UDF", ".inst 0");
	UNDEF("an unallocated implementation-defined register, read", "mrs x0, s3_0_c15_c15_7");
	UNDEF("an unallocated implementation-defined register, written", "msr s3_3_c15_c15_7, x0");
	UNDEF("PMCR_EL0 of a vCPU without PMU", "mrs x0, pmcr_el0");
	UNDEF("PMCNTENSET_EL0 of a vCPU without PMU, written", "msr pmcntenset_el0, x0");
	UNDEF("a register of EL2", "mrs x0, hcr_el2");
	UNDEF("a register of EL3", "mrs x0, s3_6_c1_c1_0");
	UNDEF("a virtual register of EL2", "mrs x0, vbar_el2");
}

static void test_readable(void)
{
	u64 v;

	/* these may be trapped, but never fault */
	v = read_sysreg(midr_el1);
	report(v, "MIDR_EL1", v, 0);
	report_eq(read_sysreg(mpidr_el1) & 0xff80ffffffUL, 0x80000000, "MPIDR_EL1");
	v = read_sysreg(id_aa64pfr0_el1);
	report((v & 0xff) == 0x11 || (v & 0xff) == 0x22 || (v & 0xff) == 0x12 || (v & 0xff) == 0x21,
	       "ID_AA64PFR0_EL1 has EL0 and EL1", v, 0);
	v = read_sysreg(id_aa64dfr0_el1);
	report((v >> 8 & 0xf) == 0 || (v >> 8 & 0xf) == 0xf, "ID_AA64DFR0_EL1 has no PMU", v, 0);
	report_eq(read_sysreg(s3_0_c0_c7_7), 0, "an unallocated ID register is zero");
	write_sysreg(0, csselr_el1);
	isb();
	v = read_sysreg(ccsidr_el1);
	report(v, "CCSIDR_EL1", v, 0);
	v = read_sysreg(clidr_el1);
	report(v, "CLIDR_EL1", v, 0);
	v = read_sysreg(actlr_el1);
	v = read_sysreg(mdscr_el1);
	write_sysreg(0, oslar_el1);
	isb();
	report_eq(read_sysreg(oslsr_el1) & 2, 0, "the OS lock can be opened");
	write_sysreg(0x1234567890, dbgbvr0_el1);
	report_eq(read_sysreg(dbgbvr0_el1), 0x1234567890, "DBGBVR0_EL1 reads back");
	write_sysreg(0, dbgbvr0_el1);
	write_sysreg(0x5555, tpidrro_el0);
	write_sysreg(0x6666, contextidr_el1);
	write_sysreg(0x7777, par_el1);
	sync(0, 0, 0);
	report_eq(read_sysreg(tpidrro_el0), 0x5555, "TPIDRRO_EL0 survives an exit");
	report_eq(read_sysreg(contextidr_el1), 0x6666, "CONTEXTIDR_EL1 survives an exit");
	report_eq(read_sysreg(par_el1), 0x7777, "PAR_EL1 survives an exit");
	/* set/way maintenance is trapped by KVM and must look as if done */
	asm volatile("dc cisw, %0\ndc csw, %0\ndc isw, %0\ndsb sy" : : "r"(0UL) : "memory");
	report(true, "cache maintenance by set and way", 0, 0);
}

static void test_traps(void)
{
	struct trap *t;
	u64 sp;

	check(t = TRY(asm volatile("brk #0x77")), VEC_SYNC, EC_BRK64, "BRK");
	report_eq(t->esr & 0xffff, 0x77, "BRK: its number");

	/* svc comes back behind itself, so nothing is stepped over */
	check(t = TRY(asm volatile("svc #0x66")), VEC_SYNC, EC_SVC64, "SVC at EL1");
	report_eq(t->esr & 0xffff, 0x66, "SVC: its number");

	t = trap_expect();
	asm volatile("	mov	%0, sp\n"
		     "	msr	spsel, #0\n"
		     "	add	x0, %0, #4\n"
		     "	mov	sp, x0\n"
		     "	ldr	x0, [sp]\n"
		     "	msr	spsel, #1\n" : "=&r"(sp) : : "x0", "memory");
	trap_end();
	if (t->count)
		check(t, VEC_SYNC_SP0, EC_SP_ALIGN, "SP alignment");
	else
		report_skip("SP alignment", "this CPU, an emulated one, does not check it");

	t = TRY(((void (*)(void))(MAP_RAM + 0x1002))());
	check(t, VEC_SYNC, EC_PC_ALIGN, "PC alignment");
	report_eq(t->far, MAP_RAM + 0x1002, "PC alignment: FAR");

	write_sysreg(0, cpacr_el1);
	isb();
	t = TRY(asm volatile("fmov d0, xzr" : : : "v0"));
	check(t, VEC_SYNC, 0x07, "FP while CPACR_EL1 says no");
	write_sysreg(3 << 20, cpacr_el1);
	isb();
	report_eq(TRY(asm volatile("fmov d0, xzr" : : : "v0"))->count, 0, "and when it says yes");
}

static u64 el0_undef(u64 arg)
{
	asm volatile("mrs x0, mpidr_el1" : : : "x0");
	return arg + 1;
}

static u64 el0_peek(u64 arg)
{
	u64 v = 42;

	asm volatile("ldr %0, [%1]" : "+r"(v) : "r"(arg));
	return v;
}

static u64 el0_wfi(u64 arg)
{
	wfi();
	return arg;
}

static u64 el0_fp(u64 arg)
{
	asm volatile("fmov d5, %0\n fmov %0, d5" : "+r"(arg) : : "v5");
	return arg;
}

static void test_el0(void)
{
	struct trap *t;

	report_eq(call_el0(el0_fp, 1234), 1234, "EL0 runs, with FP");
	t = trap_expect();
	report_eq(call_el0(el0_undef, 5), 6, "EL0 goes on after an undefined instruction");
	trap_end();
	report(t->count == 1 && t->vector == VEC_SYNC_EL0 && ESR_EC(t->esr) == EC_UNKNOWN,
	       "EL0: undefined instruction", t->esr, t->vector);
	t = trap_expect();
	call_el0(el0_peek, MAP_RAM);
	trap_end();
	report(t->count == 1 && t->vector == VEC_SYNC_EL0 && ESR_EC(t->esr) == EC_DABT_LOW &&
		       t->far == MAP_RAM && (FSC(t->esr) & 0x3c) == 0x0c,
	       "EL0: the kernel's memory", t->esr, t->far);
	t = trap_expect();
	call_el0(el0_wfi, 0);
	trap_end();
	report(t->count == 1 && t->vector == VEC_SYNC_EL0 && ESR_EC(t->esr) == 0x01,
	       "EL0: WFI is the guest kernel's to trap", t->esr, t->vector);
}

/* ---- memory ---- */

/* Is that an external abort of an access to @far, on a walk's read at @level? */
static void check_walk(struct trap *t, u32 ec, u64 far, u64 level, u64 caps, const char *name)
{
	bool fsc = FSC(t->esr) == (FSC_SEA_WALK | level) ||
		   (!(caps & HAS_WALK_LEVEL) && FSC(t->esr) == FSC_SEA);

	report(t->count == 1 && ESR_EC(t->esr) == ec && fsc && t->far == far, name, t->esr, t->far);
}

/* Tables of the guest's own that are where no slot is. */
static void test_walks(u64 caps)
{
	static const struct { const char *name; u64 tcr, level; } root[] = {
		{ "no table of level 0", 16UL << 16 | 2UL << 30, 0 },
		{ "no first table of level 1", 25UL << 16 | 2UL << 30, 1 },
		{ "no first table of level 2, 64K pages", 22UL << 16 | 3UL << 30, 2 },
	};
	u64 va = MAP_WINDOW + 0x200000 + 24, tcr = read_sysreg(tcr_el1), i;
	u64 *l1 = (u64 *)(read_sysreg(ttbr0_el1) & ~0xfffUL);

	window_l2[1] = NOWHERE | 3;
	dsb(ish);
	isb();
	check_walk(TRY(asm volatile("ldr x0, [%0]" : : "r"(va) : "x0")), EC_DABT_CUR, va, 3, caps,
		   "no table of level 3, a load: external abort of that level");
	check_walk(TRY(asm volatile("str xzr, [%0]" : : "r"(va))), EC_DABT_CUR, va, 3, caps,
		   "a store");
	check_walk(TRY(((void (*)(void))va)()), EC_IABT_CUR, va, 3, caps, "a fetch");
	window_l2[1] = 0;
	l1[4] = NOWHERE | 3;
	dsb(ish);
	isb();
	va = 0x100000000UL;
	check_walk(TRY(asm volatile("ldr x0, [%0]" : : "r"(va) : "x0")), EC_DABT_CUR, va, 2, caps,
		   "no table of level 2");
	l1[4] = 0;
	write_sysreg(NOWHERE, ttbr1_el1);
	va = 0xffffffffc0001018UL;
	for (i = 0; i < sizeof(root) / sizeof(root[0]); i++) {
		/* without EPD1 */
		write_sysreg((tcr & ~(0xffffUL << 16)) | root[i].tcr, tcr_el1);
		isb();
		asm volatile("tlbi vmalle1\n dsb nsh\n isb" : : : "memory");
		check_walk(TRY(asm volatile("ldr x0, [%0]" : : "r"(va) : "x0")), EC_DABT_CUR, va,
			   root[i].level, caps, root[i].name);
	}
	write_sysreg(tcr, tcr_el1);
	isb();
	asm volatile("dsb ish\n tlbi vmalle1is\n dsb ish\n isb" : : : "memory");
}

static void test_memory(void)
{
	u64 va = window_map(0, NOWHERE, PTE_NORMAL);
	struct trap *t;

	/* not read: it would be an MMIO exit. A fetch cannot be one. */
	t = TRY(((void (*)(void))va)());
	check(t, VEC_SYNC, EC_IABT_CUR, "a fetch from where no slot is");
	report_eq(FSC(t->esr), FSC_SEA, "is an external abort");
	report(t->elr == va && t->far == va, "at that address", t->elr, t->far);

	window_unmap(0);
	t = TRY(asm volatile("ldr x0, [%0]" : : "r"(va + 8) : "x0"));
	check(t, VEC_SYNC, EC_DABT_CUR, "a page that the guest has not mapped");
	report(FSC(t->esr) == 7 && t->far == va + 8, "is a translation fault of level 3", t->esr,
	       t->far);
	report(!(t->esr & 1 << 6), "of a read", t->esr, 0);
	t = TRY(asm volatile("str xzr, [%0]" : : "r"(va + 16)));
	report(FSC(t->esr) == 7 && t->far == va + 16 && t->esr & 1 << 6, "and of a write", t->esr,
	       t->far);

	va = window_map(0, MAP_RAM, PTE_NORMAL | PTE_RO);
	t = TRY(asm volatile("str xzr, [%0]" : : "r"(va)));
	report(ESR_EC(t->esr) == EC_DABT_CUR && FSC(t->esr) == 0xf,
	       "a page that the guest has read-only", t->esr, t->far);

	va = window_map(0, MAP_RAM, PTE_DEVICE);
	t = TRY(asm volatile("ldr x0, [%0]" : : "r"(va + 1) : "x0"));
	if (t->count)
		report(ESR_EC(t->esr) == EC_DABT_CUR && FSC(t->esr) == 0x21,
		       "an unaligned access to device memory", t->esr, t->far);
	else
		report_skip("an unaligned access to device memory",
			    "this CPU, an emulated one, does not check it");
	window_unmap(0);
}

static void test_injected(u64 caps)
{
	struct trap *t;

	if (caps & HAS_ABORT) {
		sync(SYNC_ABORT_NEXT, 0, 0);
		t = TRY(asm volatile("ldr x0, [%0]" : : "r"(MAP_MMIO + 0x40) : "x0"));
		report(t->count == 1 && ESR_EC(t->esr) == EC_DABT_CUR && FSC(t->esr) == FSC_SEA,
		       "an abort instead of an MMIO answer", t->esr, t->count);
		report_eq(t->far, MAP_MMIO + 0x40, "with the address in FAR");
	} else {
		report_skip("an abort instead of an MMIO answer",
			    "no AVMM_CAP_ARM_INJECT_EXT_DABT");
	}
	if (caps & HAS_SERROR) {
		t = trap_expect();
		sync(SYNC_SERROR, 0, 0);
		udelay(100);
		report_eq(t->count, 0, "an SError waits while PSTATE.A is set");
		asm volatile("msr daifclr, #4\n isb\n nop\n nop" : : : "memory");
		udelay(100);
		asm volatile("msr daifset, #4" : : : "memory");
		trap_end();
		report(t->count == 1 && t->vector == VEC_SERROR, "and comes when it is clear",
		       t->vector, t->count);
	} else {
		report_skip("SError", "no AVMM_CAP_VCPU_EVENTS");
	}
}

/* ---- debugging by the guest itself ---- */

static u64 steps, step_pc[16], step_far_end;

static bool hook_step(struct frame *f, u64 vector, u64 esr)
{
	if (vector != VEC_SYNC)
		return false;
	if (ESR_EC(esr) == EC_BRK64 && (esr & 0xffff) == 1) { /* begin: step from behind the brk */
		f->elr += 4;
		f->spsr = (f->spsr & ~(1UL << 9)) | 1UL << 21;
		write_sysreg(read_sysreg(mdscr_el1) | 1 | 1 << 13, mdscr_el1);
		isb();
		return true;
	}
	if (ESR_EC(esr) == EC_SOFTSTP_CUR) {
		if (steps < 16)
			step_pc[steps] = f->elr;
		steps++;
		f->spsr |= 1UL << 21;
		if (f->elr == step_far_end || steps > 64) {
			f->spsr = (f->spsr & ~(1UL << 21)) | 1UL << 9;
			write_sysreg(read_sysreg(mdscr_el1) & ~(1UL | 1 << 13), mdscr_el1);
			isb();
		}
		return true;
	}
	return false;
}

static void test_step(void)
{
	u64 begin, end, mmio = MAP_UCALL + UCALL_ARG(0), i, bad = 0;

	sync_hook = hook_step;
	steps = 0;
	asm volatile("	adr	%0, 2f\n	str	%0, [%2]\n	adr	%1, 1f\n"
		     "	brk	#1\n"
		     "1:	nop\n"
		     "	str	xzr, [%3]\n" /* with an exit to the test */
		     "	nop\n"
		     "	mrs	x0, midr_el1\n" /* may trap */
		     "	nop\n"
		     "	hvc	#0\n" /* with an exit to the hypervisor */
		     "2:	nop\n"
		     : "=&r"(end), "=&r"(begin)
		     : "r"(&step_far_end), "r"(mmio)
		     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
		       "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	sync_hook = NULL;
	report_eq(steps, 6, "single step: six instructions, six exceptions");
	for (i = 0; i < 6; i++)
		bad |= (u64)(step_pc[i] != begin + 4 * (i + 1)) << i;
	report_eq(bad, 0, "single step: one after the other, over exits too");
}

static u64 hits;

static bool hook_hit(struct frame *f, u64 vector, u64 esr)
{
	if (vector != VEC_SYNC || (ESR_EC(esr) != 0x31 && ESR_EC(esr) != 0x35))
		return false;
	hits += ESR_EC(esr) == 0x31 ? 1 : 0x100;
	f->spsr |= 1UL << 9;	/* masks debug exceptions, so that the instruction runs */
	return true;
}

static __attribute__((noinline)) void debugged(u64 *p)
{
	asm volatile("	msr	daifclr, #8\n	isb\n"
		     "	.globl	bp_here\n"
		     "bp_here:	nop\n"
		     "	msr	daifclr, #8\n	isb\n"
		     "	str	xzr, [%0]\n"
		     "	msr	daifset, #8\n	isb\n" : : "r"(p) : "memory");
}

static void test_breakpoint(void)
{
	extern char bp_here[];
	static u64 watched;

	sync_hook = hook_hit;
	hits = 0;
	write_sysreg((u64)bp_here, dbgbvr0_el1);
	write_sysreg(1 | 3 << 1 | 0xf << 5, dbgbcr0_el1); /* enabled, EL1 and EL0, A64 */
	write_sysreg((u64)&watched, dbgwvr0_el1);
	write_sysreg(1 | 3 << 1 | 2 << 3 | 0xff << 5, dbgwcr0_el1);	/* stores, eight bytes */
	write_sysreg(1 << 15 | 1 << 13, mdscr_el1);			/* MDE, KDE */
	isb();
	sync(0, 0, 0);							/* they survive an exit */
	debugged(&watched);
	report_eq(hits & 0xff, 1, "a hardware breakpoint");
	report_eq(hits >> 8, 1, "a hardware watchpoint");
	hits = 0;
	write_sysreg(1, oslar_el1);
	isb();
	debugged(&watched);
	report_eq(hits, 0, "neither with the OS lock locked");
	report_eq(read_sysreg(mdscr_el1), 1 << 15 | 1 << 13, "which leaves MDSCR_EL1 as it is");
	write_sysreg(0, oslar_el1);
	isb();
	write_sysreg(0, dbgbcr0_el1);
	write_sysreg(0, dbgwcr0_el1);
	write_sysreg(0, mdscr_el1);
	isb();
	debugged(&watched);
	report_eq(hits, 0, "nor when they are off");
	sync_hook = NULL;
}

/* ---- FP ---- */

struct fp_state {
	u64 v[32][2];
	u64 fpsr, fpcr;
};

void fp_round(const struct fp_state *in, struct fp_state *out, u64 mmio, u64 seed);
#define Q8(op, reg, a, b, c, d, e, f, g, h, at)					\
	#op "	q" #a ", q" #b ", [" reg ", #" #at "]\n"			\
	#op "	q" #c ", q" #d ", [" reg ", #" #at " + 32]\n"			\
	#op "	q" #e ", q" #f ", [" reg ", #" #at " + 64]\n"			\
	#op "	q" #g ", q" #h ", [" reg ", #" #at " + 96]\n"
#define Q32(op, reg)						\
	Q8(op, reg, 0, 1, 2, 3, 4, 5, 6, 7, 0)			\
	Q8(op, reg, 8, 9, 10, 11, 12, 13, 14, 15, 128)		\
	Q8(op, reg, 16, 17, 18, 19, 20, 21, 22, 23, 256)	\
	Q8(op, reg, 24, 25, 26, 27, 28, 29, 30, 31, 384)
asm("	.pushsection .text\n"
    "	.globl	fp_round\n"
    "fp_round:\n"
    Q32(ldp, "x0")
    "	ldr	x4, [x0, #512]\n	ldr	x5, [x0, #520]\n"
    "	msr	fpsr, x4\n	msr	fpcr, x5\n"
    /* a word with the test; its thread may move, and uses FP itself */
    "	mov	x4, #1\n"
    "	str	x4, [x2, #8]\n"
    "	str	x3, [x2, #16]\n"
    "	ldr	x4, [x1]\n"		/* what was found wrong so far */
    "	str	x4, [x2, #24]\n"
    "	mov	x4, #6\n"
    "	str	x4, [x2]\n"
    Q32(stp, "x1")
    "	mrs	x4, fpsr\n	mrs	x5, fpcr\n"
    "	str	x4, [x1, #512]\n	str	x5, [x1, #520]\n"
    "	ret\n"
    "	.popsection\n");

static void run_fp(void)
{
	static struct fp_state ins[MAX_CPUS], outs[MAX_CPUS];
	struct fp_state *in = &ins[cpu_id()], *out = &outs[cpu_id()];
	u64 round, n, bad = 0, seed, *a = (u64 *)in, *b = (u64 *)out;

	for (round = 0; round < 200; round++) {
		seed = round * MAX_CPUS + cpu_id();
		for (n = 0; n < 32; n++) {
			in->v[n][0] = FP_PATTERN(seed, n, 0);
			in->v[n][1] = FP_PATTERN(seed, n, 1);
		}
		in->fpsr = round & 0x1f;
		in->fpcr = (round & 3) << 22;
		out->v[0][0] = bad;
		fp_round(in, out, MAP_UCALL, seed);
		for (n = 0, bad = 0; n < sizeof(*in) / 8; n++)
			bad += a[n] != b[n];
	}
}

void guest_main(u64 mode)
{
	if (mode == MODE_FP) {
		run_fp();
		payload_exit();
	}
	test_undefined();
	test_readable();
	test_traps();
	test_el0();
	test_memory();
	test_walks(mbox(0));
	test_injected(mbox(0));
	test_step();
	test_breakpoint();
	payload_exit();
}
