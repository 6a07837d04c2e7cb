// SPDX-License-Identifier: GPL-2.0
/*
 * Breakpoints and watchpoints of the guest (Arm ARM D2). Included by switch.c.
 *
 * Every access of the guest to these registers traps (MDCR_EL2.TDA) and is
 * emulated in memory, so they need loading only while the guest has them
 * switched on in MDSCR_EL1, and never saving. They cannot fire at EL2: debug
 * exceptions there need MDCR_EL2.TDE, which is clear.
 */
#define MDSCR_SS	(1UL << 0)
#define MDSCR_KDE	(1UL << 13)
#define MDSCR_MDE	(1UL << 15)
#define OSLSR_OSLK	(1UL << 1)

#define DBG_SAVE(name, n)	case n: to[n] = rd(#name #n "_el1"); fallthrough
#define DBG_LOAD(name, n)	case n: wr(#name #n "_el1", from[n]); fallthrough
#define FOR_DBG(op, name, nr)						\
	switch ((nr) - 1) {						\
	op(name, 15); op(name, 14); op(name, 13); op(name, 12);		\
	op(name, 11); op(name, 10); op(name, 9); op(name, 8);		\
	op(name, 7); op(name, 6); op(name, 5); op(name, 4);		\
	op(name, 3); op(name, 2); op(name, 1); op(name, 0);		\
	default:							\
		break;							\
	}

static void dbg_save(u64 *to, u32 nr_brps, u32 nr_wrps)
{
	FOR_DBG(DBG_SAVE, dbgbcr, nr_brps)
	to += 16;
	FOR_DBG(DBG_SAVE, dbgbvr, nr_brps)
	to += 16;
	FOR_DBG(DBG_SAVE, dbgwcr, nr_wrps)
	to += 16;
	FOR_DBG(DBG_SAVE, dbgwvr, nr_wrps)
}

static void dbg_load(const u64 *bcr, const u64 *bvr, const u64 *wcr, const u64 *wvr,
		     u32 nr_brps, u32 nr_wrps)
{
	const u64 *from;

	from = bvr;
	FOR_DBG(DBG_LOAD, dbgbvr, nr_brps)
	from = bcr;
	FOR_DBG(DBG_LOAD, dbgbcr, nr_brps)
	from = wvr;
	FOR_DBG(DBG_LOAD, dbgwvr, nr_wrps)
	from = wcr;
	FOR_DBG(DBG_LOAD, dbgwcr, nr_wrps)
}

/*
 * MDSCR_EL1 for the CPU. The guest's OS lock is a bit in memory; while it is
 * locked there are no debug exceptions but BRK's (Arm ARM D2.5), and the lock
 * of the CPU is the host's.
 */
static u64 guest_mdscr(const struct avmm_ctx *ctx)
{
	u64 mdscr = ctx->sys[CTX_MDSCR_EL1];

	if (ctx->sys[CTX_OSLSR_EL1] & OSLSR_OSLK)
		mdscr &= ~(MDSCR_SS | MDSCR_KDE | MDSCR_MDE);
	return mdscr;
}

/* host_save() has the host's MDSCR_EL1, host_load() puts it back */
static void debug_load(struct avmm_ctx *ctx)
{
	const u64 *sys = ctx->sys;
	u64 mdscr = guest_mdscr(ctx);

	wr("mdscr_el1", mdscr);
	if (!(mdscr & MDSCR_MDE))
		return;
	dbg_save(ctx->host_dbg, ctx->nr_brps, ctx->nr_wrps);
	dbg_load(&sys[CTX_DBGBCR0_EL1], &sys[CTX_DBGBVR0_EL1], &sys[CTX_DBGWCR0_EL1],
		 &sys[CTX_DBGWVR0_EL1], ctx->nr_brps, ctx->nr_wrps);
}

static void debug_save(struct avmm_ctx *ctx)
{
	const u64 *h = ctx->host_dbg;

	/* both registers are changed by traps only, so it is what debug_load() saw */
	if (guest_mdscr(ctx) & MDSCR_MDE)
		dbg_load(h, h + 16, h + 32, h + 48, ctx->nr_brps, ctx->nr_wrps);
}
