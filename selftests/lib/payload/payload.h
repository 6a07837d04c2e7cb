/* SPDX-License-Identifier: GPL-2.0 */
/* What a payload's C code has to work with: it runs at EL1 on its own, without FP in C. */
#ifndef SELFTESTS_PAYLOAD_H
#define SELFTESTS_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../testmap.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

/* ---- the payload's own entry ---- */

void guest_main(u64 arg);

/* ---- words with the test (testmap.h) ---- */

void ucall(u64 code, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4);
u64 mbox(unsigned int n);
void report(bool ok, const char *name, u64 v0, u64 v1);
void report_eq(u64 got, u64 want, const char *name);
void report_skip(const char *name, const char *reason);
void diag(const char *text, u64 v0, u64 v1);
/* Says something to the test and goes on when the test does. */
void sync(u64 what, u64 v0, u64 v1);
/* The end of the payload, on any CPU. */
void payload_exit(void) __attribute__((noreturn));

/* ---- CPU ---- */

#define STR_(x)		#x
#define STR(x)		STR_(x)

#define read_sysreg(r)	({						\
	u64 v_;								\
	asm volatile("mrs %0, " STR(r) : "=r"(v_) : : "memory");	\
	v_;								\
})
#define write_sysreg(v, r)	asm volatile("msr " STR(r) ", %0" : : "r"((u64)(v)) : "memory")

#define isb()		asm volatile("isb" : : : "memory")
#define dsb(o)		asm volatile("dsb " STR(o) : : : "memory")
#define wfi()		asm volatile("wfi" : : : "memory")
#define wfe()		asm volatile("wfe" : : : "memory")
#define sev()		asm volatile("sev" : : : "memory")
#define irqs_on()	asm volatile("msr daifclr, #2" : : : "memory")
#define irqs_off()	asm volatile("msr daifset, #2" : : : "memory")
#define barrier()	asm volatile("" : : : "memory")

static inline unsigned int cpu_id(void)
{
	return read_sysreg(tpidr_el1);
}

/* Plain single loads and stores, which leave a syndrome that can be decoded. */
static inline u8 read8(u64 a)
{
	u32 v;

	asm volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(a) : "memory");
	return v;
}

static inline u32 read32(u64 a)
{
	u32 v;

	asm volatile("ldr %w0, [%1]" : "=r"(v) : "r"(a) : "memory");
	return v;
}

static inline u64 read64(u64 a)
{
	u64 v;

	asm volatile("ldr %0, [%1]" : "=r"(v) : "r"(a) : "memory");
	return v;
}

static inline void write8(u8 v, u64 a)
{
	asm volatile("strb %w0, [%1]" : : "rZ"(v), "r"(a) : "memory");
}

static inline void write32(u32 v, u64 a)
{
	asm volatile("str %w0, [%1]" : : "rZ"(v), "r"(a) : "memory");
}

static inline void write64(u64 v, u64 a)
{
	asm volatile("str %x0, [%1]" : : "rZ"(v), "r"(a) : "memory");
}

static inline u64 load_acquire(u64 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store_release(u64 *p, u64 v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

/* ---- exceptions ---- */

struct frame {
	u64 x[31];
	u64 sp_el0, elr, spsr;
};

/* The last exception that was waited for, on this CPU. */
struct trap {
	u64 count, vector, esr, elr, far, spsr;
};

#define ESR_EC(esr)	(((esr) >> 26) & 0x3f)
#define EC_UNKNOWN	0x00
#define EC_SVC64	0x15
#define EC_IABT_LOW	0x20
#define EC_IABT_CUR	0x21
#define EC_PC_ALIGN	0x22
#define EC_DABT_LOW	0x24
#define EC_DABT_CUR	0x25
#define EC_SP_ALIGN	0x26
#define EC_SOFTSTP_CUR	0x33
#define EC_BRK64	0x3c
#define FSC(esr)	((esr) & 0x3f)
#define FSC_SEA		0x10
#define FSC_SEA_WALK	0x14	/* and the level */

/* vector numbers: the row of the vector table */
#define VEC_SYNC_SP0	0
#define VEC_SYNC	4
#define VEC_IRQ		5
#define VEC_SERROR	7
#define VEC_SYNC_EL0	8

/*
 * TRY(statement) runs the statement and returns what it trapped with; count is 0 if it did not
 * trap. A trapping instruction is stepped over; a trapping fetch goes back to the caller (x30).
 */
struct trap *trap_expect(void);
struct trap *trap_end(void);
#define TRY(...)	({ trap_expect(); barrier(); __VA_ARGS__; barrier(); trap_end(); })

/* Sees every synchronous exception first; true if it has dealt with it. */
extern bool (*sync_hook)(struct frame *f, u64 vector, u64 esr);

/* Runs fn(arg) at EL0 in the alias of RAM until it does svc #0; returns its x0. */
u64 call_el0(u64 (*fn)(u64), u64 arg);

/* ---- interrupts ---- */

#define INTID_SPURIOUS	1023
#define INTID_VTIMER	27
#define INTID_PTIMER	30
#define NR_INTIDS	256

struct irq_log {
	u64 count[NR_INTIDS];	/* interrupts taken */
	u64 total;
	u64 order[64];		/* the first 64 of them, in the order they came */
	u64 spurious;
};

extern struct irq_log irq_log[MAX_CPUS];

/* Called by the IRQ handler between acknowledge and end of interrupt. */
extern void (*irq_hook)(u32 intid);
/* Called after the end of interrupt, with PSTATE.I still set. */
extern void (*irq_done_hook)(u32 intid);

void irq_log_reset(void);
/*
 * Waits with WFI, interrupts on, until that interrupt has come n times; false after some seconds.
 */
bool irq_wait(u32 intid, u64 n);
/* The same without WFI. */
bool irq_poll(u32 intid, u64 n);
/* Some time passes with interrupts on; used to see that one does not come. */
void irq_settle(void);

/* ---- GIC: version 3, or 2 where ID_AA64PFR0_EL1 has no system registers of it ---- */

#define GICD_CTLR		0x0000
#define GICD_TYPER		0x0004
#define GICD_IIDR		0x0008
#define GICD_IGROUPR(n)		(0x0080 + 4 * (n))
#define GICD_ISENABLER(n)	(0x0100 + 4 * (n))
#define GICD_ICENABLER(n)	(0x0180 + 4 * (n))
#define GICD_ISPENDR(n)		(0x0200 + 4 * (n))
#define GICD_ICPENDR(n)		(0x0280 + 4 * (n))
#define GICD_ISACTIVER(n)	(0x0300 + 4 * (n))
#define GICD_ICACTIVER(n)	(0x0380 + 4 * (n))
#define GICD_IPRIORITYR		0x0400
#define GICD_ICFGR(n)		(0x0c00 + 4 * (n))
#define GICD_ITARGETSR		0x0800
#define GICD_SGIR		0x0f00
#define GICD_CPENDSGIR		0x0f10
#define GICD_SPENDSGIR		0x0f20
#define GICD_IROUTER(n)		(0x6000 + 8 * (n))
#define GICD_PIDR2		0xffe8
#define GICR_CTLR		0x0000
#define GICR_TYPER		0x0008
#define GICR_WAKER		0x0014
#define GICR_SGI		0x10000

#define GICC_CTLR		0x0000
#define GICC_PMR		0x0004
#define GICC_BPR		0x0008
#define GICC_IAR		0x000c
#define GICC_EOIR		0x0010
#define GICC_RPR		0x0014
#define GICC_HPPIR		0x0018
#define GICC_APR		0x00d0
#define GICC_IIDR		0x00fc
#define GICC_DIR		0x1000

#define ICC_IAR1		S3_0_C12_C12_0
#define ICC_EOIR1		S3_0_C12_C12_1
#define ICC_HPPIR1		S3_0_C12_C12_2
#define ICC_BPR1		S3_0_C12_C12_3
#define ICC_CTLR		S3_0_C12_C12_4
#define ICC_SRE			S3_0_C12_C12_5
#define ICC_IGRPEN1		S3_0_C12_C12_7
#define ICC_PMR			S3_0_C4_C6_0
#define ICC_AP1R0		S3_0_C12_C9_0
#define ICC_DIR			S3_0_C12_C11_1
#define ICC_RPR			S3_0_C12_C11_3
#define ICC_SGI1R		S3_0_C12_C11_5

extern bool gic_v2;		/* after gic_init() */

void gic_init(void);		/* distributor, and this CPU; the first CPU */
void gic_init_cpu(void);	/* this CPU; every other CPU */
/*
 * The CPU interface. The IAR is an INTID, and of a GICv2 the sender of an SGI in bits 12:10, which
 * the EOI must repeat.
 */
u32 gic_iar(void);
void gic_eoi(u32 iar);
void gic_dir(u32 iar);
u32 gic_hppir(void);
u32 gic_rpr(void);
u32 gic_pmr(void);
void gic_set_pmr(u32 pmr);
void gic_set_interface(bool on);
void gic_set_eoimode(u32 mode);
#define IAR_INTID(iar)		(gic_v2 ? (iar) & 0x3ff : (iar))
#define IAR_SENDER(iar)		((iar) >> 10 & 7)
/* The register that holds bits for intid: in the distributor, or this CPU's redistributor below 32.
 */
u64 gic_bank(u32 intid, u32 offset);
void gic_enable(u32 intid);
void gic_disable(u32 intid);
void gic_set_pending(u32 intid);
void gic_clear_pending(u32 intid);
void gic_set_active(u32 intid);
void gic_clear_active(u32 intid);
bool gic_is_pending(u32 intid);
bool gic_is_active(u32 intid);
bool gic_is_enabled(u32 intid);
void gic_set_priority(u32 intid, u8 prio);
u8 gic_get_priority(u32 intid);
void gic_set_edge(u32 intid, bool edge);
void gic_route(u32 intid, u64 affinity);
void gic_send_sgi(u32 sgi, unsigned int cpu);
void gic_send_sgi_others(u32 sgi);

/* ---- PSCI and SMCCC ---- */

struct smccc {
	u64 x[18];
};

u64 smccc(int smc, struct smccc *r);
u64 hvc(u64 fn, u64 a1, u64 a2, u64 a3);

#define PSCI_VERSION		0x84000000
#define PSCI_CPU_SUSPEND32	0x84000001
#define PSCI_CPU_SUSPEND	0xc4000001
#define PSCI_CPU_OFF		0x84000002
#define PSCI_CPU_ON32		0x84000003
#define PSCI_CPU_ON		0xc4000003
#define PSCI_AFFINITY_INFO32	0x84000004
#define PSCI_AFFINITY_INFO	0xc4000004
#define PSCI_MIGRATE		0xc4000005
#define PSCI_MIGRATE_INFO_TYPE	0x84000006
#define PSCI_SYSTEM_OFF		0x84000008
#define PSCI_SYSTEM_RESET	0x84000009
#define PSCI_FEATURES		0x8400000a
#define PSCI_SYSTEM_SUSPEND	0xc400000e
#define PSCI_SYSTEM_SUSPEND32	0x8400000e
#define PSCI_SYSTEM_RESET2	0xc4000012
#define PSCI_SYSTEM_OFF2	0xc4000015
#define SMCCC_VERSION		0x80000000
#define SMCCC_ARCH_FEATURES	0x80000001
#define SMCCC_ARCH_WORKAROUND_1	0x80008000

#define PSCI_SUCCESS		0
#define PSCI_NOT_SUPPORTED	-1
#define PSCI_INVALID_PARAMS	-2
#define PSCI_DENIED		-3
#define PSCI_ALREADY_ON		-4

/* Starts another CPU in fn(arg); false if PSCI refused or it did not arrive. */
bool cpu_on(unsigned int cpu, void (*fn)(u64), u64 arg);
s64 cpu_on_raw(unsigned int cpu, void (*fn)(u64), u64 arg);
void cpu_off(void) __attribute__((noreturn));
bool cpu_wait_off(unsigned int cpu);
u64 cpu_mpidr(unsigned int cpu);

/* ---- time ---- */

static inline u64 now(void)
{
	isb();
	return read_sysreg(cntvct_el0);
}

static inline u64 ticks_per_ms(void)
{
	return read_sysreg(cntfrq_el0) / 1000;
}

void udelay(u64 us);

#define CNT_CTL_ENABLE	1
#define CNT_CTL_IMASK	2
#define CNT_CTL_ISTATUS	4

/* ---- page tables: single pages at MAP_WINDOW ---- */

extern u64 window_l2[512], window_l3[512];

#define PTE_NORMAL	(3UL | (1 << 2) | (3 << 8) | (1 << 10))
#define PTE_DEVICE	(3UL | (0 << 2) | (1 << 10) | (3UL << 53))
#define PTE_NC		(3UL | (2 << 2) | (3 << 8) | (1 << 10))
#define PTE_EL0		(1UL << 6)
#define PTE_RO		(1UL << 7)

/* Writes entry n of the window (invalid if pte is 0) and broadcasts the invalidation. */
u64 window_map(unsigned int n, u64 pa, u64 attrs);
void window_unmap(unsigned int n);

/* ---- locks ---- */

struct spinlock {
	u64 v;
};

/* Exclusives, and WFE between attempts. */
void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
u64 atomic_add(u64 *p, u64 n);
/* Waits until *p is v or more; false after ms milliseconds. */
bool wait_for(u64 *p, u64 v, u64 ms);

void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

extern char payload_end[];

#endif /* SELFTESTS_PAYLOAD_H */
