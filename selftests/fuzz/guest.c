// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that attack. RAM is filled with programs of random gadgets: hypercalls, system registers,
 * accesses to the interrupt controller and to nothing, page tables of garbage, random words. The
 * vectors step over what faults, so that a program goes on.
 */
#include <string.h>

#include "fuzz.h"

/* offsets in RAM */
#define VECTORS		0x0000
#define TABLES		0x10000		/* 16 of them */
#define PROGRAMS	0x40000
#define PROGRAM_SIZE	0x8000
#define A32_CODE	0x100000	/* random words: a page for AArch32 at EL0 */
#define ITS_QUEUE	0x120000	/* commands; then the ITS's tables, then those of LPIs */
#define ITS_QUEUE_SIZE	0x10000
#define ITS_TABLES	0x140000
#define LPI_TABLES	0x180000

struct code {
	uint32_t *p, *end;
	struct rng *r;
	bool gicv2;
};

static void emit(struct code *c, uint32_t insn)
{
	if (c->p < c->end)
		*c->p++ = insn;
}

/* MOVZ, MOVK */
static void mov(struct code *c, int rd, uint64_t v)
{
	int i;

	emit(c, 0xd2800000 | (uint32_t)(v & 0xffff) << 5 | rd);
	for (i = 1; i < 4; i++)
		if (v >> (16 * i) & 0xffff)
			emit(c, 0xf2800000 | i << 21 |
			     (uint32_t)(v >> (16 * i) & 0xffff) << 5 | rd);
}

#define SYS(op0, op1, crn, crm, op2)	\
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

static void msr(struct code *c, uint32_t sys, int rt)
{
	emit(c, 0xd5000000 | sys << 5 | rt);
}

static void mrs(struct code *c, uint32_t sys, int rt)
{
	emit(c, 0xd5200000 | sys << 5 | rt);
}

#define VBAR		SYS(3, 0, 12, 0, 0)
#define ELR		SYS(3, 0, 4, 0, 1)
#define SPSR		SYS(3, 0, 4, 0, 0)
#define TPIDR		SYS(3, 0, 13, 0, 4)
#define SCTLR		SYS(3, 0, 1, 0, 0)
#define TTBR0		SYS(3, 0, 2, 0, 0)
#define TCR		SYS(3, 0, 2, 0, 2)
#define MAIR		SYS(3, 0, 10, 2, 0)
#define ICC_IAR1	SYS(3, 0, 12, 12, 0)
#define ICC_EOIR1	SYS(3, 0, 12, 12, 1)
#define ICC_SGI1R	SYS(3, 0, 12, 11, 5)
#define ICC_PMR		SYS(3, 0, 4, 6, 0)
#define ICC_IGRPEN1	SYS(3, 0, 12, 12, 7)
#define CNTV_CTL	SYS(3, 3, 14, 3, 1)
#define CNTV_CVAL	SYS(3, 3, 14, 3, 2)
#define CNTV_TVAL	SYS(3, 3, 14, 3, 0)
#define CNTP_CTL	SYS(3, 3, 14, 2, 1)
#define CNTP_TVAL	SYS(3, 3, 14, 2, 0)

static const uint32_t sysregs[] = {
	ICC_IAR1, ICC_EOIR1, ICC_SGI1R, ICC_PMR, ICC_IGRPEN1,
	SYS(3, 0, 12, 11, 6), SYS(3, 0, 12, 11, 7),	/* ASGI1R, SGI0R */
	SYS(3, 0, 12, 8, 0), SYS(3, 0, 12, 8, 1), SYS(3, 0, 12, 12, 6), /* group 0 */
	SYS(3, 0, 12, 11, 1), SYS(3, 0, 12, 11, 3),	/* DIR, RPR */
	SYS(3, 0, 12, 12, 2), SYS(3, 0, 12, 12, 3), SYS(3, 0, 12, 12, 4), SYS(3, 0, 12, 12, 5),
	SYS(3, 0, 12, 8, 2), SYS(3, 0, 12, 8, 3), SYS(3, 0, 12, 8, 4), SYS(3, 0, 12, 9, 0),
	SYS(3, 0, 12, 9, 1), SYS(3, 0, 12, 9, 3),
	CNTV_CTL, CNTV_CVAL, CNTV_TVAL, CNTP_CTL, CNTP_TVAL, SYS(3, 3, 14, 2, 2),
	SYS(3, 3, 14, 0, 1), SYS(3, 3, 14, 0, 2), SYS(3, 3, 14, 0, 0), SYS(3, 0, 14, 1, 0),
	SCTLR, TTBR0, SYS(3, 0, 2, 0, 1), TCR, MAIR, SYS(3, 0, 10, 3, 0), SYS(3, 0, 5, 2, 0),
	SYS(3, 0, 6, 0, 0), SYS(3, 0, 7, 4, 0), SYS(3, 0, 13, 0, 1), SYS(3, 0, 1, 0, 1),
	SYS(3, 0, 1, 0, 2), SYS(3, 2, 0, 0, 0), SYS(3, 1, 0, 0, 0), SYS(3, 1, 0, 0, 1),
	SYS(2, 0, 0, 2, 2), SYS(2, 0, 1, 0, 4), SYS(2, 0, 1, 3, 4), SYS(2, 0, 0, 0, 4),
	SYS(2, 0, 0, 0, 5), SYS(2, 0, 0, 0, 6), SYS(2, 0, 0, 0, 7), SYS(2, 0, 0, 15, 5),
	SYS(2, 3, 0, 4, 0), SYS(2, 3, 0, 5, 0), SYS(2, 0, 1, 0, 0), SYS(2, 0, 1, 1, 4),
	SYS(3, 3, 9, 12, 0), SYS(3, 3, 9, 12, 1), SYS(3, 3, 9, 12, 5), SYS(3, 3, 9, 13, 0),
	SYS(3, 3, 9, 14, 0), SYS(3, 0, 9, 14, 1), SYS(3, 3, 14, 15, 7), SYS(3, 3, 14, 8, 0),
	SYS(3, 4, 1, 1, 0), SYS(3, 4, 12, 0, 0), SYS(3, 5, 1, 0, 0), SYS(3, 6, 1, 1, 0),
	SYS(3, 0, 0, 0, 0), SYS(3, 0, 0, 0, 5), SYS(3, 0, 0, 4, 0), SYS(3, 0, 0, 6, 0),
	SYS(3, 3, 4, 4, 0), SYS(3, 3, 4, 4, 1), SYS(3, 3, 4, 2, 1), SYS(3, 0, 4, 2, 2),
	SYS(3, 0, 12, 1, 0), SYS(3, 0, 12, 1, 1), SYS(3, 0, 2, 1, 0), SYS(3, 0, 8, 7, 0),
	SPSR, ELR, SYS(3, 0, 4, 1, 0), SYS(3, 3, 13, 0, 2), SYS(3, 3, 13, 0, 3),
};

/* with Rn in bits 9:5 and Rt in 4:0; registers that write back or have a second one included */
static const uint32_t accesses[] = {
	0x39400000, 0x39000000, 0x79400000, 0x79000000,	/* LDRB STRB LDRH STRH */
	0xb9400000, 0xb9000000, 0xf9400000, 0xf9000000,	/* LDR STR, 32 and 64 */
	0xb9400000, 0xb9000000, 0xf9400000, 0xf9000000,
	0x39800000, 0x39c00000, 0x79800000, 0xb9800000,	/* signed */
	0xa9400c00, 0xa9000c00, 0x29400c00, 0xa8400c00,	/* LDP STP LDNP */
	0x3dc00000, 0x3d800000, 0xfd400000, 0xbd000000, /* LDR STR of Q D S */
	0x4c407000, 0x4c007000,				/* LD1 ST1 */
	0xf8408400, 0xb8004c00, 0x38401c00,		/* with write-back */
	0xf8401000, 0xb8003000, 0x78401000,		/* unaligned */
	0xc85f7c00, 0xc8047c00, 0x885ffc00, 0xc87f0c00, 0xc8440c00, /* exclusive */
	0xc8dffc00, 0xc89ffc00, 0x08dffc00,		/* LDAR STLR */
	0xc8a47c00, 0xf8240000, 0xf8248000, 0xf8bfc000,	/* CAS LDADD SWP LDAPR */
	0xf9800000, 0xf8400800, 0xb8000800,		/* PRFM LDTR STTR */
};

static const uint32_t maintenance[] = {
	0xd50b7420, 0xd50b7e20, 0xd50b7a20, 0xd50b7b20, 0xd50b7520,	/* DC ZVA..., IC IVAU */
	0xd5087620, 0xd5087640, 0xd5087a40, 0xd5087e40,	/* DC IVAC, by set and way */
	0xd508711f, 0xd508751f,				/* IC IALLUIS, IALLU */
	0xd5087800, 0xd5087820, 0xd5087840, 0xd5087860, 0xd50c7880, 0xd50c7800, /* AT */
	0xd508831f, 0xd508871f, 0xd5088720, 0xd5088320, 0xd50887e0, 0xd50c871f, 0xd50c83a0,
};

static const uint32_t smccc[] = {
	0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003, 0x84000004,
	0xc4000004, 0xc4000005, 0x84000006, 0x84000007, 0x84000008, 0x84000009, 0x8400000a,
	0x8400000c, 0xc400000c, 0xc400000d, 0x8400000e, 0xc400000e, 0x8400000f, 0x84000012,
	0xc4000012, 0xc4000014, 0x80000000, 0x80000001, 0x80000002, 0x80008000, 0x80007fff,
	0x80003fff, 0x84000050, 0x84000051, 0x84000052, 0x84000053, 0xc4000053, 0xc5000020,
	0xc5000021, 0x86000000, 0x86000001, 0x8600ff01, 0xc600ff01, 0x8600ff03, 0xc6000002,
	0x95c1ba5e, 0x95c1ba60, 0,
};

/* An address to aim at. */
static uint64_t target(struct code *c)
{
	struct rng *r = c->r;

	switch (below(r, 16)) {
	case 0 ... 3:
		return GICD + below(r, 0x1100);
	case 4:
		return GICD + (below(r, 0x2800) + 0x6000) * 4;	/* IROUTER, ids */
	case 5 ... 6:
		return GICR + below(r, 4) * 0x20000 + below(r, 2) * 0x10000 + below(r, 0x1000);
	case 7:
		return GITS + below(r, 2) * 0x10000 + below(r, 0x200);
	case 8:
		return (c->gicv2 ? GICC : GICR) + below(r, 0x20000);
	case 9:
		return RAM + below(r, AREA_SIZE + 0x2000);
	case 10:
		return RAM2 + below(r, AREA_SIZE + 0x2000);
	case 11:
		return RAM + AREA_SIZE - 1 - below(r, 16);	/* across the end */
	case 12:
		return once_in(r, 2) ? 0x0a000000 + below(r, 0x1000) : below(r, 1UL << 30);
	case 13:
		return (1UL << (30 + below(r, 19))) - below(r, 32);
	case 14:
		return odd_number(r);
	default:
		/* aligned, as most that means something */
		return GICD + (below(r, 0x800) & ~3UL);
	}
}

static void gadget_access(struct code *c)
{
	int n = 1 + below(c->r, 3);

	mov(c, 1, target(c));
	mov(c, 2, once_in(c->r, 2) ? ~0UL : odd_number(c->r));
	while (n--)
		emit(c, PICK(c->r, accesses) | 1 << 5 | 2);
}

static void gadget_smccc(struct code *c)
{
	struct rng *r = c->r;
	uint64_t id = PICK(r, smccc);
	int i;

	if (once_in(r, 4))
		id ^= 1UL << below(r, 32);
	if (once_in(r, 8))
		id |= rnd(r) << 32;
	for (i = 1; i < 8; i++)
		if (once_in(r, 2))
			mov(c, i, once_in(r, 3) ? PICK(r, smccc) :
			    once_in(r, 2) ? below(r, 5) :
			    once_in(r, 2) ? guest_entry(below(r, 4)) : odd_number(r));
	/* CPU_OFF and SYSTEM_OFF end a program, so they are rarer than the rest */
	if ((id == 0x84000002 || id == 0x84000008 || id == 0x84000009) && !once_in(r, 4))
		id = 0x84000004;
	mov(c, 0, id);
	emit(c, (once_in(r, 3) ? 0xd4000003 : 0xd4000002) |
	     (uint32_t)(once_in(r, 8) ? below(r, 65536) : 0) << 5);
}

static void gadget_sysreg(struct code *c)
{
	struct rng *r = c->r;
	uint32_t sys = once_in(r, 2) ? PICK(r, sysregs) : 1 << 15 | below(r, 1 << 15);

	mov(c, 4, odd_number(r));
	if (once_in(r, 2))
		mrs(c, sys, once_in(r, 8) ? 31 : 4);
	else
		msr(c, sys, once_in(r, 8) ? 31 : 4);
}

static void gadget_maintenance(struct code *c)
{
	mov(c, 5, target(c));
	emit(c, once_in(c->r, 4) ? 0xd5080000 | below(c->r, 1 << 19) | 5 :
	     PICK(c->r, maintenance) | 5);
}

static void gadget_garbage(struct code *c)
{
	int n = 1 + below(c->r, 6);

	while (n--)
		emit(c, rnd(c->r));
}

/* Words that are most likely instructions: an access or a system instruction with bits flipped. */
static void gadget_mutant(struct code *c)
{
	uint32_t insn = once_in(c->r, 2) ? PICK(c->r, accesses) : PICK(c->r, maintenance);

	mov(c, 1, target(c));
	emit(c, (insn | 1 << 5 | 2) ^ 1U << below(c->r, 32) ^ 1U << below(c->r, 32));
}

static void gadget_mmu(struct code *c)
{
	static const uint64_t tcr[] = {
		0x280803519UL,		/* 39 bits, 4 KiB, no TTBR1, 40-bit addresses */
		0x280803519UL, 0x280803519UL,
		0x280803510UL,		/* 48 bits */
		0x280803519UL | 1UL << 39 | 1UL << 40,	/* hardware's access flag, dirty state */
		0x280807519UL,		/* 64 KiB */
	};
	struct rng *r = c->r;

	if (once_in(r, 3)) {
		mov(c, 6, 0x30d00800 | (once_in(r, 4) ? rnd(r) & 0xffffffff & ~1UL : 0));
		msr(c, SCTLR, 6);
		emit(c, 0xd5033fdf);
		return;
	}
	mov(c, 6, once_in(r, 6) ? target(c) & ~0xfffUL : RAM + TABLES + below(r, 16) * PAGE);
	msr(c, TTBR0, 6);
	mov(c, 6, once_in(r, 8) ? rnd(r) : PICK(r, tcr));
	msr(c, TCR, 6);
	mov(c, 6, once_in(r, 4) ? rnd(r) : 0xff0444);
	msr(c, MAIR, 6);
	emit(c, 0xd508871f);	/* TLBI VMALLE1 */
	emit(c, 0xd5033fdf);
	mov(c, 6, 0x30d00801 | (once_in(r, 2) ? 0x1004 : 0));
	msr(c, SCTLR, 6);
	emit(c, 0xd5033fdf);
}

static void gadget_timer(struct code *c)
{
	bool virt = once_in(c->r, 2);

	mov(c, 7, once_in(c->r, 4) ? odd_number(c->r) : below(c->r, 20000));
	msr(c, virt ? CNTV_TVAL : CNTP_TVAL, 7);
	mov(c, 7, below(c->r, 4) | 1);
	msr(c, virt ? CNTV_CTL : CNTP_CTL, 7);
	emit(c, 0xd50340ff | (uint32_t)below(c->r, 16) << 8);	/* MSR DAIFClr */
	if (once_in(c->r, 3))
		emit(c, 0xd503207f);	/* WFI */
}

static void gadget_sgi(struct code *c)
{
	struct rng *r = c->r;

	mov(c, 8, once_in(r, 4) ? rnd(r) : below(r, 16) << 24 | below(r, 16) |
	    below(r, 2) << 40);
	msr(c, once_in(r, 8) ? SYS(3, 0, 12, 11, 5 + below(r, 3)) : ICC_SGI1R, 8);
}

/* To EL0, AArch32 at EL0, or a mode that is illegal. */
static void gadget_eret(struct code *c)
{
	static const uint64_t spsr[] = { 0, 0x3c0, 0x10, 0x30, 0x3d0, 0x3c5, 0x3c4, 0x3c9, 0x1d3,
					 0x200000, 0x100000 };
	struct rng *r = c->r;

	mov(c, 9, once_in(r, 6) ? rnd(r) : PICK(r, spsr));
	msr(c, SPSR, 9);
	mov(c, 9, once_in(r, 2) ? RAM + A32_CODE + below(r, 0x4000) :
	    once_in(r, 4) ? target(c) : guest_entry(below(r, 4)));
	msr(c, ELR, 9);
	emit(c, 0xd69f03e0);
}

static void gadget_gic(struct code *c)
{
	static const struct { uint32_t at, value; } writes[] = {
		{ 0x0000, 0x37 }, { 0x0080, 0xffffffff }, { 0x0100, 0xffffffff },
		{ 0x0200, 0xffffffff }, { 0x0300, 0x0000ffff }, { 0x0084, 0xffffffff },
		{ 0x0104, 0xffffffff }, { 0x0204, 0x55555555 }, { 0x0284, 0xffffffff },
		{ 0x0c08, 0xaaaaaaaa }, { 0x0f00, 0x00010001 },
	};
	unsigned int i;

	for (i = 0; i < COUNT(writes); i++) {
		if (once_in(c->r, 3))
			continue;
		mov(c, 1, (once_in(c->r, 3) ? GICR + 0x10000 : GICD) + writes[i].at);
		mov(c, 2, writes[i].value);
		emit(c, 0xb9000000 | 1 << 5 | 2);
	}
	mov(c, 1, GICR + 0x14);		/* GICR_WAKER */
	emit(c, 0xb9000000 | 1 << 5 | 31);
	mov(c, 2, 0xff);
	msr(c, ICC_PMR, 2);
	msr(c, ICC_IGRPEN1, 2);
}

static void store(struct code *c, uint64_t at, uint64_t value)
{
	mov(c, 1, at);
	mov(c, 2, value);
	emit(c, 0xf9000000 | 1 << 5 | 2);	/* STR X2, [X1] */
}

/* An ITS with tables and a queue of commands, LPIs on, and MSIs to it; or parts of that. */
static void gadget_its(struct code *c)
{
	struct rng *r = c->r;
	uint64_t valid = 1UL << 63, garbage = once_in(r, 8) ? rnd(r) : 0;

	if (once_in(r, 2)) {
		store(c, GITS + 0x80, valid | (RAM + ITS_QUEUE) | (ITS_QUEUE_SIZE / PAGE - 1));
		store(c, GITS + 0x100, (valid | (RAM + ITS_TABLES) | below(r, 8)) ^ garbage);
		store(c, GITS + 0x108, (valid | (RAM + ITS_TABLES + 0x20000) | below(r, 8)) ^
		      garbage);
		store(c, GICR + 0x70, (RAM + LPI_TABLES) | (once_in(r, 4) ? below(r, 32) : 15));
		store(c, GICR + 0x78, RAM + LPI_TABLES + 0x20000);
		mov(c, 1, GICR + below(r, 2) * 0x20000);
		mov(c, 2, !once_in(r, 4));
		emit(c, 0xb9000000 | 1 << 5 | 2);
		mov(c, 1, GITS);
		emit(c, 0xb9000000 | 1 << 5 | 2);
	}
	store(c, GITS + 0x88, below(r, ITS_QUEUE_SIZE) & ~31UL);
	mov(c, 1, GITS + 0x10040);
	mov(c, 2, below(r, 40));
	emit(c, 0xb9000000 | 1 << 5 | 2);
}

static void gadget_other(struct code *c)
{
	static const uint32_t words[] = {
		0xd503207f, 0xd503205f, 0xd503209f, 0xd503203f, 0xd5033fdf, 0xd5033f9f,
		0xd4000001, 0xd4200000, 0xd4400000, 0xd69f03e0, 0xd503201f, 0xd503221f,
		0xd50344ff, 0xd5034fff, 0xd50342df, 0x1e620800, 0x4e221c20, 0x04a0e3e0, 0,
	};

	emit(c, PICK(c->r, words));
}

static void prologue(struct code *c, int n)
{
	mov(c, 28, RAM + VECTORS);
	msr(c, VBAR, 28);
	mov(c, 28, guest_entry(n));
	msr(c, TPIDR, 28);
}

static const struct {
	void (*fn)(struct code *c);
	int weight;
} gadgets[] = {
	{ gadget_access, 16 }, { gadget_sysreg, 16 }, { gadget_smccc, 8 }, { gadget_sgi, 4 },
	{ gadget_garbage, 3 }, { gadget_mutant, 4 }, { gadget_maintenance, 4 }, { gadget_mmu, 2 },
	{ gadget_timer, 3 }, { gadget_eret, 1 }, { gadget_gic, 2 }, { gadget_its, 3 }, { gadget_other, 3 },
};

static void program(struct code *c, int n)
{
	int total = 0, pick;
	unsigned int i;

	for (i = 0; i < COUNT(gadgets); i++)
		total += gadgets[i].weight;
	prologue(c, n);
	gadget_gic(c);
	/* room for the largest gadget and the branch back */
	while (c->p < c->end - 120) {
		pick = below(c->r, total);
		for (i = 0; pick >= gadgets[i].weight; i++)
			pick -= gadgets[i].weight;
		gadgets[i].fn(c);
		if (once_in(c->r, 16))
			prologue(c, n);
	}
	while (c->p < c->end - 1)
		emit(c, 0xd503201f);
	/* B to the start */
	*c->p = 0x14000000 | (-(PROGRAM_SIZE / 4 - 1) & 0x3ffffff);
}

/* Steps over the instruction, or starts again if it is not in RAM; interrupts are acknowledged. */
static void vectors(uint32_t *page, struct rng *r, bool gicv2)
{
	int i;

	for (i = 0; i < 16; i++) {
		struct code c = { page + i * 32, page + i * 32 + 32, r, gicv2 };

		if ((i & 3) == 1 || (i & 3) == 2) {
			if (gicv2) {
				mov(&c, 29, GICC);
				emit(&c, 0xb9400c00 | 29 << 5 | 28);	/* LDR W28, [X29, #12] */
				emit(&c, 0xb9001000 | 29 << 5 | 28);	/* STR W28, [X29, #16] */
			} else {
				mrs(&c, ICC_IAR1, 28);
				msr(&c, ICC_EOIR1, 28);
			}
			emit(&c, 0xd69f03e0);
			continue;
		}
		mrs(&c, ELR, 28);
		emit(&c, 0x91001000 | 28 << 5 | 28);		/* ADD X28, X28, #4 */
		emit(&c, 0xd340fc00 | 24 << 16 | 28 << 5 | 29);	/* LSR X29, X28, #24 */
		emit(&c, 0xf1000000 | 0x40 << 10 | 29 << 5 | 31); /* CMP X29, #0x40 */
		emit(&c, 0x54000000 | 4 << 5);			/* B.EQ .+16 */
		mov(&c, 28, 0x30d00800);
		msr(&c, SCTLR, 28);
		mrs(&c, TPIDR, 28);
		msr(&c, ELR, 28);
		if (i >= 8 || once_in(r, 4)) {
			mov(&c, 28, 0x3c5);
			msr(&c, SPSR, 28);
		}
		emit(&c, 0xd69f03e0);
	}
}

/* Tables that map what a program needs, or half of it, beside garbage that points anywhere. */
static void table(uint64_t *t, struct rng *r)
{
	static const uint64_t out[] = { GICD, GICR, GITS, RAM, RAM2, 0, 0x20000000,
					0x7ffff000, 1UL << 39, 1UL << 40, 1UL << 47 };
	int i;

	for (i = 0; i < 512; i++) {
		uint64_t pa = once_in(r, 2) ? RAM + TABLES + below(r, 16) * PAGE :
			(PICK(r, out) + below(r, 64) * PAGE);

		if (once_in(r, 4))
			t[i] = rnd(r);
		else
			t[i] = pa | below(r, 4) | (rnd(r) & 0xffc) | (rnd(r) & 0x7ful << 48);
	}
	if (!once_in(r, 4)) {
		/* 1 GiB blocks: devices, RAM, RAM2 */
		t[0] = 0x0000000000000401UL | (rnd(r) & 0x1c);
		t[1] = 0x0000000040000701UL | 8;
		t[2] = 0x0000000080000701UL | 8;
	}
}

/* Commands of an ITS, of few devices, events, LPIs and collections, so that they meet. */
static void its_commands(uint64_t *q, struct rng *r)
{
	static const uint8_t ids[] = { 8, 8, 9, 9, 10, 10, 10, 11, 1, 3, 3, 4, 5, 12, 13, 14, 15 };
	uint64_t id;
	int i;

	for (i = 0; i < ITS_QUEUE_SIZE / 32; i++, q += 4) {
		id = once_in(r, 40) ? below(r, 256) : PICK(r, ids);
		q[0] = id | below(r, 6) << 32;
		q[1] = id == 8 ? below(r, 10) :
		       below(r, 20) | (8192 + below(r, once_in(r, 8) ? 60000 : 24)) << 32;
		q[2] = (once_in(r, 6) ? 0 : 1UL << 63) |
		       (id == 8 ? RAM + ITS_TABLES + 0x30000 + below(r, 16) * 256 :
			below(r, 5) << 16 | below(r, 5));
		if (once_in(r, 40))
			q[below(r, 3)] ^= 1UL << below(r, 64);
		if (id == 14)
			q[3] = below(r, 5) << 16;
	}
}

/** guest_entry - where vCPU @n begins */
uint64_t guest_entry(int n)
{
	return RAM + PROGRAMS + (n % 8) * PROGRAM_SIZE;
}

/** guest_anywhere - an instruction of some program */
uint64_t guest_anywhere(struct rng *r)
{
	return RAM + PROGRAMS + below(r, 2 * PROGRAM_SIZE) * 4;
}

uint64_t guest_vectors(void)
{
	return RAM + VECTORS;
}

/**
 * guest_fill - write programs, vectors and tables
 * @ram: AREA_SIZE bytes
 * @r: decides
 * @gicv2: interrupts are acknowledged by GICC, not by system registers
 */
void guest_fill(uint8_t *ram, struct rng *r, bool gicv2)
{
	unsigned int i;

	vectors((uint32_t *)(ram + VECTORS), r, gicv2);
	for (i = 0; i < 16; i++)
		table((uint64_t *)(ram + TABLES + i * PAGE), r);
	for (i = 0; i < 8; i++) {
		uint32_t *p = (uint32_t *)(ram + PROGRAMS + i * PROGRAM_SIZE);
		struct code c = { p, p + PROGRAM_SIZE / 4, r, gicv2 };

		program(&c, i);
	}
	its_commands((uint64_t *)(ram + ITS_QUEUE), r);
	/* LPI priorities, most of them enabled */
	memset(ram + LPI_TABLES, 0xa1, 0x4000);
	for (i = 0; i < 0x4000; i += 8) {
		uint64_t word = rnd(r);

		memcpy(ram + A32_CODE + i, &word, 8);
	}
	__builtin___clear_cache((char *)ram, (char *)ram + A32_CODE + 0x4000);
}
