// SPDX-License-Identifier: GPL-2.0
/* PSCI and SMCCC as a guest with two CPUs sees them; psci.c says the mode. */
#include "payload.h"
#include "api/psci.h"

static u64 second_ctx, second_state[6];

static void second(u64 arg)
{
	store_release(&second_ctx, arg);
}

/*
 * CPU_ON straight to this address, with the MMU off: what the architecture says of a CPU that comes
 * on.
 */
void second_raw(void);
asm("	.pushsection .text\n"
    "	.globl second_raw\n"
    "second_raw:\n"
    "	adrp	x1, second_state\n"
    "	add	x1, x1, :lo12:second_state\n"
    "	mrs	x2, currentel\n"
    "	mrs	x3, daif\n"
    "	stp	x2, x3, [x1]\n"
    "	mrs	x2, sctlr_el1\n"
    "	mrs	x3, spsel\n"
    "	stp	x2, x3, [x1, #16]\n"
    "	str	x0, [x1, #32]\n"
    "	dmb	sy\n"
    "	mov	x2, #1\n"
    "	str	x2, [x1, #40]\n"
    "	dsb	sy\n"
    "	ldr	x0, =0x84000002\n"
    "	hvc	#0\n"
    "	b	.\n"
    "	.ltorg\n"
    "	.popsection\n");

static const struct {
	u64 fn, a1, a2, a3;
	s64 want;
	const char *name;
} calls[] = {
	{ PSCI_MIGRATE_INFO_TYPE, 0, 0, 0, 2, "MIGRATE_INFO_TYPE says no trusted OS" },
	{ PSCI_MIGRATE, 0, 0, 0, PSCI_NOT_SUPPORTED, "MIGRATE is not supported" },
	{ PSCI_FEATURES, PSCI_CPU_SUSPEND32, 0, 0, 0, "FEATURES(CPU_SUSPEND, 32 bit)" },
	{ PSCI_FEATURES, PSCI_CPU_SUSPEND, 0, 0, 0, "FEATURES(CPU_SUSPEND)" },
	{ PSCI_FEATURES, PSCI_CPU_OFF, 0, 0, 0, "FEATURES(CPU_OFF)" },
	{ PSCI_FEATURES, PSCI_CPU_ON32, 0, 0, 0, "FEATURES(CPU_ON, 32 bit)" },
	{ PSCI_FEATURES, PSCI_CPU_ON, 0, 0, 0, "FEATURES(CPU_ON)" },
	{ PSCI_FEATURES, PSCI_AFFINITY_INFO32, 0, 0, 0, "FEATURES(AFFINITY_INFO, 32 bit)" },
	{ PSCI_FEATURES, PSCI_AFFINITY_INFO, 0, 0, 0, "FEATURES(AFFINITY_INFO)" },
	{ PSCI_FEATURES, PSCI_MIGRATE_INFO_TYPE, 0, 0, 0, "FEATURES(MIGRATE_INFO_TYPE)" },
	{ PSCI_FEATURES, PSCI_SYSTEM_OFF, 0, 0, 0, "FEATURES(SYSTEM_OFF)" },
	{ PSCI_FEATURES, PSCI_SYSTEM_RESET, 0, 0, 0, "FEATURES(SYSTEM_RESET)" },
	{ PSCI_FEATURES, PSCI_SYSTEM_RESET2, 0, 0, 0, "FEATURES(SYSTEM_RESET2)" },
	{ PSCI_FEATURES, PSCI_FEATURES, 0, 0, 0, "FEATURES(FEATURES)" },
	{ PSCI_FEATURES, SMCCC_VERSION, 0, 0, 0, "FEATURES(SMCCC_VERSION)" },
	{ PSCI_FEATURES, PSCI_SYSTEM_SUSPEND, 0, 0, PSCI_NOT_SUPPORTED,
	  "FEATURES(SYSTEM_SUSPEND) without the cap" },
	{ PSCI_FEATURES, 0x84000fff, 0, 0, PSCI_NOT_SUPPORTED, "FEATURES(unknown)" },
	{ PSCI_SYSTEM_SUSPEND, MAP_RAM, 0, 0, PSCI_NOT_SUPPORTED,
	  "SYSTEM_SUSPEND without the cap" },
	{ PSCI_SYSTEM_RESET2, 2, 0, 0, PSCI_INVALID_PARAMS, "SYSTEM_RESET2 of a reserved type" },
	{ SMCCC_VERSION, 0, 0, 0, 0x10001, "SMCCC_VERSION is 1.1" },
	{ SMCCC_ARCH_FEATURES, 0x80000fff, 0, 0, PSCI_NOT_SUPPORTED, "ARCH_FEATURES(unknown)" },
	{ 0x84000fff, 0, 0, 0, PSCI_NOT_SUPPORTED, "unknown PSCI function" },
	{ 0xc6000fff, 0, 0, 0, PSCI_NOT_SUPPORTED, "unknown vendor function" },
	{ 0xbf000fff, 0, 0, 0, PSCI_NOT_SUPPORTED, "unknown trusted OS function" },
	{ PSCI_CPU_ON, 7, MAP_RAM, 0, PSCI_INVALID_PARAMS, "CPU_ON of a CPU that is not there" },
	{ PSCI_CPU_ON, 0x100000000, MAP_RAM, 0, PSCI_INVALID_PARAMS, "CPU_ON with Aff3" },
	{ PSCI_CPU_ON, 0, MAP_RAM, 0, PSCI_ALREADY_ON, "CPU_ON of the caller" },
	{ PSCI_AFFINITY_INFO, 0, 0, 0, 0, "AFFINITY_INFO of the caller: on" },
	{ PSCI_AFFINITY_INFO, 1, 0, 0, 1, "AFFINITY_INFO of the second CPU: off" },
	{ PSCI_AFFINITY_INFO32, 1, 0, 0, 1, "AFFINITY_INFO, 32 bit, of the second CPU: off" },
	{ PSCI_AFFINITY_INFO, 0, 1, 0, 0, "AFFINITY_INFO of the cluster: on" },
	{ PSCI_AFFINITY_INFO, 9, 0, 0, PSCI_INVALID_PARAMS,
	  "AFFINITY_INFO of a CPU that is not there" },
	{ PSCI_AFFINITY_INFO, 0, 4, 0, PSCI_INVALID_PARAMS, "AFFINITY_INFO of level 4" },
};

static void test_calls(void)
{
	unsigned int i;
	s64 r;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		r = hvc(calls[i].fn, calls[i].a1, calls[i].a2, calls[i].a3);
		/* the answers of PSCI are signed, of 32 or of 64 bits by the function */
		report((int)r == calls[i].want, calls[i].name, r, calls[i].want);
	}
	r = hvc(PSCI_VERSION, 0, 0, 0);
	report(r >= 0x10000 && r < 0x20000, "PSCI_VERSION is 1.x", r, 0);
	report_eq(r, mbox(MBOX_PSCI_VERSION), "PSCI_VERSION is what the register says");
}

/* SMCCC 1.1: what is not a result comes back as it went in. */
static void test_registers(void)
{
	static const u32 fns[] = { SMCCC_VERSION, PSCI_VERSION, 0x84000fff, 0xc6000fff };
	struct smccc r;
	unsigned int i, n;
	u64 bad = 0;

	for (i = 0; i < 4; i++) {
		r.x[0] = fns[i];
		for (n = 1; n < 18; n++)
			r.x[n] = 0xa500 + n;
		smccc(0, &r);
		for (n = 4; n < 18; n++)
			if (r.x[n] != 0xa500 + n)
				bad |= 1 << n;
	}
	report(!bad, "a call leaves x4 to x17 alone", bad, 0);
}

/* SMC is undefined, or answered: with "not supported", or from Linux 6.4 on as HVC is. */
static void test_smc(void)
{
	struct smccc r = { .x = { PSCI_VERSION } };
	struct trap *t = TRY(smccc(1, &r));

	report(t->count ? ESR_EC(t->esr) == EC_UNKNOWN :
	       mbox(MBOX_SMC_CALLS) ? r.x[0] == mbox(MBOX_PSCI_VERSION) :
				      (int)r.x[0] == PSCI_NOT_SUPPORTED,
	       "SMC is undefined, or answered", t->esr, r.x[0]);
}

static void test_on_off(void)
{
	u64 i, end;

	/* the plain state first */
	report_eq(hvc(PSCI_CPU_ON, 1, (u64)second_raw, 0x123456789abcdef0), 0, "CPU_ON");
	for (end = now() + 10000 * ticks_per_ms(); now() < end;) {
		/* the other CPU writes with its caches off */
		asm volatile("dc civac, %0" : : "r"(second_state) : "memory");
		dsb(sy);
		if (((volatile u64 *)second_state)[5])
			break;
	}
	report_eq(((volatile u64 *)second_state)[5], 1, "the second CPU runs");
	report_eq(((volatile u64 *)second_state)[0], 4, "at EL1");
	report_eq(((volatile u64 *)second_state)[1], 0x3c0, "with DAIF masked");
	report_eq(((volatile u64 *)second_state)[2] & 0x1005, 0, "with MMU and caches off");
	report_eq(((volatile u64 *)second_state)[3], 1, "with SP_EL1");
	report_eq(((volatile u64 *)second_state)[4], 0x123456789abcdef0,
		  "with its context id in x0");
	report(cpu_wait_off(1), "CPU_OFF shows in AFFINITY_INFO", 0, 0);

	for (i = 1; i <= 20; i++) {
		if (!cpu_on(1, second, 100 + i) || !cpu_wait_off(1) ||
		    load_acquire(&second_ctx) != 100 + i)
			break;
	}
	report_eq(i, 21, "on and off twenty times");
}

static void spin_until_told(u64 p)
{
	while (!load_acquire((u64 *)p))
		barrier();
}

static void test_already_on(void)
{
	store_release(&second_state[0], 0);
	report(cpu_on(1, spin_until_told, (u64)&second_state[0]), "CPU_ON again", 0, 0);
	report_eq((int)hvc(PSCI_CPU_ON, 1, MAP_RAM, 0), PSCI_ALREADY_ON,
		  "CPU_ON of a CPU that is on");
	report_eq(hvc(PSCI_AFFINITY_INFO, 1, 0, 0), 0, "AFFINITY_INFO says on");
	store_release(&second_state[0], 1);
	report(cpu_wait_off(1), "then off", 0, 0);
}

/* CPU_SUSPEND is WFI: a pending timer interrupt ends it, masked in PSTATE or not. */
static void test_suspend(void)
{
	u64 t0, t1, r;

	gic_init();
	gic_enable(INTID_VTIMER);
	t0 = now();
	write_sysreg(t0 + 50 * ticks_per_ms(), cntv_cval_el0);
	write_sysreg(CNT_CTL_ENABLE, cntv_ctl_el0);
	isb();
	r = hvc(PSCI_CPU_SUSPEND, 0, 0, 0);
	/* may wake too early, as WFI may */
	while (!(read_sysreg(cntv_ctl_el0) & CNT_CTL_ISTATUS))
		r |= hvc(PSCI_CPU_SUSPEND, 0, 0, 0);
	t1 = now();
	write_sysreg(0, cntv_ctl_el0);
	report_eq(r, 0, "CPU_SUSPEND comes back with success");
	report(t1 - t0 >= 50 * ticks_per_ms(), "not before the timer", t1 - t0, ticks_per_ms());
}

void guest_main(u64 mode)
{
	switch (mode) {
	case MODE_CALLS:
		test_calls();
		test_registers();
		test_smc();
		test_on_off();
		test_already_on();
		test_suspend();
		break;
	case MODE_OFF:
		hvc(PSCI_SYSTEM_OFF, 0, 0, 0);
		break;
	case MODE_RESET:
		hvc(PSCI_SYSTEM_RESET, 0, 0, 0);
		break;
	case MODE_RESET2:
		hvc(PSCI_SYSTEM_RESET2, 0, 0x55, 0);
		break;
	case MODE_OFF2:
		report_eq(hvc(PSCI_FEATURES, PSCI_SYSTEM_OFF2, 0, 0), 1, "FEATURES(SYSTEM_OFF2)");
		report_eq(hvc(PSCI_SYSTEM_OFF2, 2, 0, 0), PSCI_INVALID_PARAMS,
			  "SYSTEM_OFF2 of another type");
		report_eq(hvc(PSCI_SYSTEM_OFF2, 1, 1, 0), PSCI_INVALID_PARAMS,
			  "SYSTEM_OFF2 with a cookie");
		hvc(PSCI_SYSTEM_OFF2, 1, 0, 0);
		break;
	case MODE_RESET2_VENDOR:
		hvc(PSCI_SYSTEM_RESET2, 0x80000000, 0x66, 0);
		break;
	case MODE_SUSPEND:
		report_eq(hvc(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND, 0, 0), 0,
			  "FEATURES(SYSTEM_SUSPEND) with the cap");
		report_eq(hvc(PSCI_FEATURES, PSCI_SYSTEM_SUSPEND32, 0, 0), 0,
			  "FEATURES(SYSTEM_SUSPEND, 32 bit) with the cap");
		report_eq(hvc(PSCI_SYSTEM_SUSPEND, 0x123456789abcULL, 0x66, 0), PSCI_DENIED,
			  "SYSTEM_SUSPEND gives back what user space says");
		hvc(PSCI_SYSTEM_SUSPEND32, 0x123456789abcULL, 0x77, 0);
		break;
	case MODE_COUNT:
		/* for tests of mp_state: says where it is, for ever */
		for (mode = 1;; mode++)
			sync(mode, cpu_id(), 0);
	}
	payload_exit();
}
