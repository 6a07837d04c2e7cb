// SPDX-License-Identifier: GPL-2.0
/* CFLAGS: -Iunit/vgic_fake -I../kmod */
/* The state machine of the virtual GIC: from an input to a list register and back. */
#include "kmod/irq/vgic.c"

#define CPU(n)		(&fake_vcpu[n])
#define SPI(n)		(32 + (n))
#define IN_LIST(v)	(CPU(v)->arch.vgic.nr_listed)

static u64 lr(u32 v, u32 n)
{
	return CPU(v)->arch.ctx->vgic.lr[n];
}

static u32 used(u32 v)
{
	return CPU(v)->arch.ctx->vgic.used_lrs;
}

static void enable(u32 v, u32 intid, u32 flags, u32 prio)
{
	struct vgic_irq *irq = fake_get(v, intid);

	irq->flags = (irq->flags & ~VGIC_LEVEL) | VGIC_ENABLED | flags;
	irq->lr &= ~VGIC_LR_PRIO_MASK;
	irq->lr |= (u64)prio << VGIC_LR_PRIO_SHIFT;
}

/* one whole interrupt in one turn; what was taken */
static u32 take_one(u32 v)
{
	u32 intid;

	fake_enter(CPU(v));
	intid = fake_ack(CPU(v));
	if (intid != FAKE_SPURIOUS)
		fake_eoi(CPU(v), intid);
	fake_exit(CPU(v));
	return intid;
}

static void inject(u32 v, u32 intid, bool level)
{
	vgic_inject(&fake_vm, CPU(v), intid, level, NULL);
}

static void edge(void)
{
	fake_vm_start(2, 64);
	inject(0, SPI(1), true);
	tap_ok(!IN_LIST(0) && !CPU(0)->kicks, "edge: disabled, so not queued");
	enable(0, SPI(1), 0, 0xa0);
	inject(0, SPI(1), true);
	tap_ok(IN_LIST(0) == 1 && CPU(0)->kicks == 1, "edge: queued and kicked");
	tap_ok(vgic_vcpu_pending(CPU(0)) && !vgic_vcpu_pending(CPU(1)), "edge: pending there only");
	inject(0, SPI(1), false);
	tap_ok(IN_LIST(0) == 1, "edge: its end means nothing");
	fake_enter(CPU(0));
	tap_ok(used(0) == 1 && lr(0, 0) == (VGIC_LR_PENDING | VGIC_LR_GROUP1 | 0xa0ULL << 48 | 33),
	       "edge: list register is pending, group 1, without EOI");
	tap_ok(CPU(0)->arch.ctx->vgic.hcr == VGIC_HCR_EN, "edge: no maintenance wanted");
	tap_ok(fake_ack(CPU(0)) == SPI(1), "edge: taken");
	inject(0, SPI(1), true);
	fake_exit(CPU(0));
	tap_ok(fake_get(0, SPI(1))->flags & VGIC_ACTIVE, "edge: active after the exit");
	tap_ok(fake_get(0, SPI(1))->flags & VGIC_LATCH, "edge: one that came while active is kept");
	tap_ok(!vgic_vcpu_pending(CPU(0)), "edge: active and pending is not signalled");
	fake_enter(CPU(0));
	tap_ok((lr(0, 0) & VGIC_LR_STATE) == VGIC_LR_STATE, "edge: pending and active");
	fake_eoi(CPU(0), SPI(1));
	tap_ok(fake_ack(CPU(0)) == SPI(1), "edge: taken again without an exit");
	fake_eoi(CPU(0), SPI(1));
	fake_exit(CPU(0));
	tap_ok(!IN_LIST(0), "edge: done, list empty");
	fake_enter(CPU(0));
	tap_ok(!used(0), "edge: no list register used");
	fake_exit(CPU(0));

	inject(0, SPI(1), true);
	vgic_flush(CPU(0));
	vgic_flush(CPU(0));
	tap_ok(used(0) == 1 && (lr(0, 0) & VGIC_LR_PENDING), "edge: survives an abandoned entry");
	fake_exit(CPU(0));
	tap_ok(fake_get(0, SPI(1))->flags & VGIC_LATCH, "edge: folded as pending");
	tap_ok(take_one(0) == SPI(1) && take_one(0) == FAKE_SPURIOUS, "edge: taken once");
}

static void level(void)
{
	fake_vm_start(1, 64);
	enable(0, SPI(2), VGIC_LEVEL, 0x80);
	inject(0, SPI(2), true);
	tap_ok(CPU(0)->kicks == 1, "level: kick when the line rises");
	inject(0, SPI(2), true);
	tap_ok(CPU(0)->kicks == 1, "level: not again when it is high");
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) & VGIC_LR_EOI, "level: line high, so look again after EOI");
	tap_ok(fake_ack(CPU(0)) == SPI(2), "level: taken");
	tap_ok(fake_eoi(CPU(0), SPI(2)), "level: EOI brings the vCPU out");
	fake_exit(CPU(0));
	tap_ok(vgic_vcpu_pending(CPU(0)), "level: pending again while the line is high");
	fake_enter(CPU(0));
	fake_ack(CPU(0));
	fake_exit(CPU(0));
	inject(0, SPI(2), false);
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) == (VGIC_LR_ACTIVE | VGIC_LR_GROUP1 | 0x80ULL << 48 | 34),
	       "level: active alone, and no EOI exit, once the line is low");
	tap_ok(!fake_eoi(CPU(0), SPI(2)), "level: EOI stays in the guest");
	fake_exit(CPU(0));
	tap_ok(!IN_LIST(0), "level: list empty");

	inject(0, SPI(2), true);
	inject(0, SPI(2), false);
	tap_ok(!IN_LIST(0), "level: a line that falls before entry leaves nothing");

	fake_get(0, SPI(2))->flags |= VGIC_LATCH;
	vgic_queue(fake_get(0, SPI(2)));
	fake_enter(CPU(0));
	tap_ok((lr(0, 0) & VGIC_LR_STATE) == VGIC_LR_PENDING && !(lr(0, 0) & VGIC_LR_EOI),
	       "level: set pending by software, line low: no EOI exit");
	fake_ack(CPU(0));
	fake_exit(CPU(0));
	tap_ok(!(fake_get(0, SPI(2))->flags & VGIC_LATCH), "level: taking it clears the latch");
	inject(0, SPI(2), true);
	fake_enter(CPU(0));
	tap_ok((lr(0, 0) & VGIC_LR_STATE) == VGIC_LR_ACTIVE && (lr(0, 0) & VGIC_LR_EOI),
	       "level: never pending while active, EOI exit instead");
	fake_exit(CPU(0));
}

/* resampling irqfds want to know of each EOI of a level-sensitive SPI */
static void acks(void)
{
	struct vgic_cpu *vc = &CPU(0)->arch.vgic;
	u32 i;

	fake_vm_start(1, 64);
	enable(0, SPI(2), VGIC_LEVEL, 0x80);
	enable(0, SPI(3), 0, 0x80);
	inject(0, SPI(2), true);
	take_one(0);
	tap_ok(!vc->nr_acked, "acks: none wanted, none told");

	fake_vm.arch.vgic.want_acks = true;
	fake_enter(CPU(0));
	fake_ack(CPU(0));
	fake_exit(CPU(0));
	tap_ok(!vc->nr_acked, "acks: none while it is active");
	inject(0, SPI(2), false);
	fake_enter(CPU(0));
	tap_ok(lr(0, 0) & VGIC_LR_EOI, "acks: EOI exit though the line is low");
	tap_ok(fake_eoi(CPU(0), SPI(2)), "acks: EOI brings the vCPU out");
	fake_exit(CPU(0));
	tap_ok(vc->nr_acked == 1 && vc->acked[0] == SPI(2), "acks: told");

	vc->nr_acked = 0;
	inject(0, SPI(3), true);
	take_one(0);
	tap_ok(!vc->nr_acked, "acks: not of an edge");
	vc->private[22].flags |= VGIC_ENABLED;
	inject(0, 22, true);
	take_one(0);
	tap_ok(!vc->nr_acked, "acks: not of a PPI");

	/* six active ones on four list registers: the EOIs of two find none */
	fake_vm_start(1, 64);
	fake_vm.arch.vgic.want_acks = true;
	for (i = 0; i < 6; i++) {
		enable(0, SPI(i), VGIC_LEVEL, 0x80 - 8 * i);
		inject(0, SPI(i), true);
		fake_enter(CPU(0));
		fake_ack(CPU(0));
		fake_exit(CPU(0));
		inject(0, SPI(i), false);
	}
	fake_enter(CPU(0));
	for (i = 6; i--;)
		fake_eoi(CPU(0), SPI(i));
	fake_exit(CPU(0));
	tap_ok(vc->nr_acked == 6 && vc->acked[0] == SPI(1) && vc->acked[1] == SPI(0),
	       "acks: of those without a list register too");
}

static void hardware(void)
{
	u8 phys = 1;

	fake_vm_start(1, 64);
	enable(0, 27, VGIC_LEVEL, 0);
	vgic_map_phys(CPU(0), 27, 26, &phys);
	inject(0, 27, true);
	fake_enter(CPU(0));
	tap_ok((lr(0, 0) & VGIC_LR_HW) && (lr(0, 0) >> 32 & 0x3ff) == 26, "hw: physical INTID");
	fake_ack(CPU(0));
	fake_exit(CPU(0));
	tap_ok(phys, "hw: active in the guest, active in the GIC");
	fake_enter(CPU(0));
	tap_ok((lr(0, 0) & VGIC_LR_STATE) == VGIC_LR_ACTIVE, "hw: never pending and active");
	fake_eoi(CPU(0), 27);
	fake_exit(CPU(0));
	tap_ok(!phys, "hw: deactivation is told");
	tap_ok(IN_LIST(0) == 1, "hw: still listed while its line is high");
	inject(0, 27, false);
	tap_ok(!IN_LIST(0), "hw: and not when it falls");
}

static void masks(void)
{
	struct avmm_hyp_vgic *hyp;

	fake_vm_start(1, 64);
	hyp = &fake_ctx[0].vgic;
	enable(0, SPI(3), 0, 0xa0);
	inject(0, SPI(3), true);
	hyp->vmcr = 0xa0ULL << VGIC_VMCR_PMR_SHIFT | VGIC_VMCR_ENG1;
	tap_ok(!vgic_vcpu_pending(CPU(0)), "mask: priority not above PMR");
	hyp->vmcr = 0xa8ULL << VGIC_VMCR_PMR_SHIFT | VGIC_VMCR_ENG1;
	tap_ok(vgic_vcpu_pending(CPU(0)), "mask: priority above PMR");
	hyp->vmcr = 0xa8ULL << VGIC_VMCR_PMR_SHIFT | VGIC_VMCR_ENG0;
	tap_ok(!vgic_vcpu_pending(CPU(0)), "mask: group off in the CPU interface");
	hyp->vmcr |= VGIC_VMCR_ENG1;
	fake_vm.arch.vgic.group_en = 1;
	tap_ok(!vgic_vcpu_pending(CPU(0)), "mask: group off in the distributor");
	fake_enter(CPU(0));
	tap_ok(!used(0) && IN_LIST(0) == 1, "mask: kept, not signalled");
	fake_exit(CPU(0));
	fake_vm.arch.vgic.group_en = 2;
	tap_ok(take_one(0) == SPI(3), "mask: signalled when the group is on");
	fake_get(0, SPI(3))->flags &= ~VGIC_ENABLED;
	inject(0, SPI(3), true);
	tap_ok(take_one(0) == FAKE_SPURIOUS, "mask: disabled");
	fake_get(0, SPI(3))->flags |= VGIC_ENABLED;
	vgic_queue(fake_get(0, SPI(3)));
	tap_ok(take_one(0) == SPI(3), "mask: enabled later, the edge was kept");
}

static void errors(void)
{
	int me;

	fake_vm_start(1, 64);
	tap_ok(vgic_inject(&fake_vm, NULL, 96, true, NULL) == -EINVAL, "inject: beyond the SPIs");
	tap_ok(vgic_inject(&fake_vm, NULL, 20, true, NULL) == -EINVAL, "inject: PPI without vCPU");
	tap_ok(vgic_set_owner(CPU(0), 5, &me) == -EINVAL, "owner: not of an SGI");
	tap_ok(!vgic_set_owner(CPU(0), 27, &me) && !vgic_set_owner(CPU(0), 27, &me), "owner: set");
	tap_ok(vgic_set_owner(CPU(0), 27, &fake_vm) == -EEXIST, "owner: only one");
	enable(0, 27, VGIC_LEVEL, 0);
	tap_ok(!vgic_inject(&fake_vm, CPU(0), 27, true, NULL) && !IN_LIST(0),
	       "owner: others are ignored");
	tap_ok(!vgic_inject(&fake_vm, CPU(0), 27, true, &me) && IN_LIST(0) == 1, "owner: may");
	fake_vm.arch.vgic.initialized = false;
	tap_ok(vgic_inject(&fake_vm, NULL, 32, true, NULL) == -EBUSY, "inject: not initialised");
	fake_vm.arch.vgic.model = 0;
	tap_ok(vgic_inject(&fake_vm, NULL, 32, true, NULL) == -ENODEV, "inject: no GIC");
}

static void irq_line(void)
{
	struct avmm_irq_level l = { .level = 1 };

	fake_vm_start(FAKE_VCPUS, 64);
	enable(17, 20, VGIC_LEVEL, 0);
	l.irq = 2 << 24 | 17 << 16 | 20;
	tap_ok(!vgic_irq_line(&fake_vm, &l) && IN_LIST(17) == 1, "irq_line: PPI of vCPU 17");
	l.irq = 2 << 24 | FAKE_VCPUS << 16 | 20;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -EINVAL, "irq_line: no such vCPU");
	l.irq = 2 << 24 | 5;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -EINVAL, "irq_line: an SGI has no line");
	l.irq = 1 << 24 | 31;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -EINVAL, "irq_line: not an SPI");
	l.irq = 1 << 24 | 96;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -EINVAL, "irq_line: SPI too large");
	l.irq = 0;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -ENXIO, "irq_line: CPU type with a GIC");
	l.irq = 3 << 24;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -EINVAL, "irq_line: unknown type");
	fake_vm.arch.vgic.model = 0;
	l.irq = 1 << 24 | 40;
	tap_ok(vgic_irq_line(&fake_vm, &l) == -ENXIO, "irq_line: no GIC");
}

static u64 sgi1r(u64 aff1, u64 list, u64 intid)
{
	return aff1 << 16 | intid << 24 | list;
}

static void sgi(void)
{
	u32 i, n = 0;

	fake_vm_start(FAKE_VCPUS, 64);
	vgic_send_sgi(CPU(0), sgi1r(0, 0x8002, 3), true);
	tap_ok(IN_LIST(1) == 1 && IN_LIST(15) == 1 && !IN_LIST(0), "sgi: two targets of sixteen");
	tap_ok(take_one(1) == 3 && take_one(15) == 3, "sgi: taken");
	vgic_send_sgi(CPU(0), sgi1r(1, 0xffff, 4), true);
	for (i = 0; i < FAKE_VCPUS; i++)
		n += IN_LIST(i);
	tap_ok(n == 4 && take_one(19) == 4, "sgi: affinity 1.x, absent ones left out");
	vgic_send_sgi(CPU(2), 1ULL << 40 | 7ULL << 24, true);
	for (i = n = 0; i < FAKE_VCPUS; i++)
		n += fake_get(i, 7)->flags & VGIC_LATCH ? 1 : 0;
	tap_ok(n == FAKE_VCPUS - 1 && !(fake_get(2, 7)->flags & VGIC_LATCH), "sgi: all but self");
	vgic_send_sgi(CPU(0), 1ULL << 44 | 1 | 9 << 24, true);
	tap_ok(!(fake_get(0, 9)->flags & VGIC_LATCH), "sgi: range selector without RSS");
	vgic_send_sgi(CPU(0), 1ULL << 48 | 1 | 9 << 24, true);
	tap_ok(!(fake_get(0, 9)->flags & VGIC_LATCH), "sgi: no vCPU has Aff3");
	vgic_send_sgi(CPU(0), sgi1r(0, 1, 9), false);
	tap_ok(!(fake_get(0, 9)->flags & VGIC_LATCH), "sgi: SGI0R does not reach group 1");
	fake_get(0, 9)->lr &= ~VGIC_LR_GROUP1;
	vgic_send_sgi(CPU(0), sgi1r(0, 1, 9), false);
	tap_ok(fake_get(0, 9)->flags & VGIC_LATCH, "sgi: but group 0");
	fake_ctx[3].sys[CTX_MPIDR_EL1] = 0x0000000500010203ULL;
	tap_ok(vgic_vcpu_by_aff(&fake_vm, 0x05010203) == CPU(3),
	       "sgi: an affinity of user space's choice");
}

static void order(void)
{
	static const u32 prio[] = { 0x90, 0x10, 0xe0, 0x50, 0xa0, 0x30, 0x20 };
	struct avmm_hyp_vgic *hyp;
	u32 i, got[7], n = 0;

	fake_vm_start(1, 64);
	hyp = &fake_ctx[0].vgic;
	for (i = 0; i < 7; i++) {
		enable(0, SPI(i), 0, prio[i]);
		inject(0, SPI(i), true);
	}
	fake_enter(CPU(0));
	tap_ok(used(0) == 4 && hyp->hcr == (VGIC_HCR_EN | VGIC_HCR_NPIE),
	       "overflow: full, come back");
	tap_ok((u32)lr(0, 0) == SPI(1) && (u32)lr(0, 1) == SPI(6) && (u32)lr(0, 2) == SPI(5) &&
	       (u32)lr(0, 3) == SPI(3), "overflow: the most urgent four, in order");
	fake_exit(CPU(0));
	tap_ok(IN_LIST(0) == 7, "overflow: none lost");
	while (n < 7) {
		got[n] = take_one(0);
		if (got[n++] == FAKE_SPURIOUS)
			break;
	}
	tap_ok(n == 7 && got[0] == SPI(1) && got[1] == SPI(6) && got[2] == SPI(5) &&
	       got[3] == SPI(3) && got[4] == SPI(0) && got[5] == SPI(4) && got[6] == SPI(2),
	       "overflow: all taken by priority");
	tap_ok(!IN_LIST(0), "overflow: list empty");

	/* five active, nested; then one more pending */
	for (i = 0; i < 5; i++) {
		enable(0, SPI(i), 0, 0x80 - 8 * i);
		inject(0, SPI(i), true);
		fake_enter(CPU(0));
		got[i] = fake_ack(CPU(0));
		fake_exit(CPU(0));
	}
	tap_ok(got[4] == SPI(4) && IN_LIST(0) == 5, "overflow: five active at once");
	fake_enter(CPU(0));
	tap_ok(used(0) == 4 && (hyp->hcr & VGIC_HCR_LRENPIE) && !(hyp->hcr & VGIC_HCR_NPIE),
	       "overflow: one active is not in a list register");
	for (i = 4; i >= 1; i--)
		tap_ok(!fake_eoi(CPU(0), SPI(i)), "overflow: EOI of %u in its list register", i);
	tap_ok(fake_eoi(CPU(0), SPI(0)), "overflow: EOI of the one outside brings the vCPU out");
	fake_exit(CPU(0));
	tap_ok(!IN_LIST(0), "overflow: EOIcount deactivated it");

	for (i = 0; i < 5; i++)
		fake_get(0, SPI(i))->flags |= VGIC_ACTIVE, vgic_queue(fake_get(0, SPI(i)));
	enable(0, SPI(9), 0, 0x08);
	inject(0, SPI(9), true);
	fake_enter(CPU(0));
	tap_ok(fake_ack(CPU(0)) == SPI(9), "overflow: a pending one has a place among many active");
	fake_exit(CPU(0));
}

static void route(void)
{
	struct vgic_irq *irq;

	fake_vm_start(3, 64);
	irq = fake_get(0, SPI(5));
	enable(0, SPI(5), 0, 0);
	vgic_route(irq, CPU(2));
	inject(0, SPI(5), true);
	tap_ok(IN_LIST(2) == 1 && irq->home == CPU(2), "route: idle, moves at once");
	vgic_route(irq, CPU(1));
	tap_ok(!IN_LIST(2) && IN_LIST(1) == 1 && CPU(1)->kicks,
	       "route: pending, moves with its list");
	fake_enter(CPU(1));
	vgic_route(irq, CPU(0));
	tap_ok(irq->home == CPU(1) && CPU(1)->kicks > 1, "route: in a list register: stays, kicks");
	fake_ack(CPU(1));
	fake_exit(CPU(1));
	fake_enter(CPU(1));
	tap_ok(irq->home == CPU(1) && used(1) == 1, "route: active stays where it was taken");
	inject(0, SPI(5), true);
	fake_eoi(CPU(1), SPI(5));
	fake_exit(CPU(1));
	fake_enter(CPU(1));
	tap_ok(irq->home == CPU(0) && IN_LIST(0) == 1 && !IN_LIST(1) && !used(1),
	       "route: moves with its new edge once deactivated");
	fake_exit(CPU(1));
	tap_ok(take_one(0) == SPI(5), "route: taken at its target");
	vgic_route(irq, NULL);
	inject(0, SPI(5), true);
	tap_ok(!IN_LIST(0) && (irq->flags & VGIC_LATCH), "route: to nowhere: pending, not queued");
	vgic_route(irq, CPU(2));
	tap_ok(IN_LIST(2) == 1, "route: somewhere again: queued");
	vgic_route(irq, NULL);
	fake_enter(CPU(2));
	tap_ok(!IN_LIST(2) && !used(2), "route: to nowhere while queued: unlisted");
	fake_exit(CPU(2));
}

static void deferred(void)
{
	struct vgic_irq *irq;

	fake_vm_start(2, 64);
	irq = fake_get(0, SPI(6));
	enable(0, SPI(6), 0, 0);
	inject(0, SPI(6), true);
	fake_enter(CPU(0));
	irq->flags |= VGIC_DO_UNLATCH;
	vgic_wait_fold(irq);
	tap_ok(!CPU(0)->in_guest && !(irq->flags & (VGIC_LATCH | VGIC_DO)),
	       "defer: pending is cleared");
	inject(0, SPI(6), true);
	fake_enter(CPU(0));
	fake_ack(CPU(0));
	irq->flags |= VGIC_DO_DEACT;
	fake_exit(CPU(0));
	tap_ok(!(irq->flags & (VGIC_ACTIVE | VGIC_DO)), "defer: active is cleared");
	inject(0, SPI(6), true);
	fake_enter(CPU(0));
	irq->flags |= VGIC_DO_ACT;
	fake_exit(CPU(0));
	tap_ok((irq->flags & (VGIC_ACTIVE | VGIC_LATCH)) == (VGIC_ACTIVE | VGIC_LATCH),
	       "defer: active is set, pending kept");
	vgic_wait_fold(irq);
	tap_ok(true, "defer: nothing to wait for outside the guest");
}

/*
 * Everything at random, on two vCPUs. What must hold: fake_enter()'s checks, locks
 * are free, and in the end nothing that was injected has not been taken.
 */
#define NR	12

static struct {
	bool line[NR];
	bool owed[NR];		/* injected and not taken since */
	u32 taken[2][64];	/* being handled */
	u32 n[2];
} r;

static void random_take(u32 v)
{
	u32 intid = fake_ack(CPU(v));

	if (intid == FAKE_SPURIOUS)
		return;
	r.owed[intid - 32] = false;
	r.taken[v][r.n[v]++] = intid;
}

static bool random_eoi(u32 v)
{
	bool out;

	if (!r.n[v])
		return false;
	/* the last one taken is the most urgent one: that is what EOImode 0 asks of a guest */
	out = fake_eoi(CPU(v), r.taken[v][r.n[v] - 1]);
	r.n[v]--;
	return out;
}

static void random_input(void)
{
	u32 i = rand() % NR;

	switch (rand() % 8) {
	case 0 ... 4:
		if (i % 3 == 0) {		/* level */
			r.line[i] = !r.line[i];
			inject(0, SPI(i), r.line[i]);
		} else {
			r.owed[i] = true;
			inject(0, SPI(i), true);
		}
		break;
	case 5:
		fake_get(0, SPI(i))->flags &= ~VGIC_ENABLED;
		break;
	case 6:
		fake_get(0, SPI(i))->flags |= VGIC_ENABLED;
		vgic_queue(fake_get(0, SPI(i)));
		break;
	case 7:
		vgic_route(fake_get(0, SPI(i)), rand() % 5 ? CPU(rand() % 2) : NULL);
		break;
	}
}

static void random_turn(u32 v)
{
	u32 steps = rand() % 8;

	fake_enter(CPU(v));
	while (steps--) {
		switch (rand() % 3) {
		case 0:
			random_take(v);
			break;
		case 1:
			if (random_eoi(v))
				steps = 0;
			break;
		case 2:
			random_input();
		}
		if (!CPU(v)->in_guest || !steps)
			break;
	}
	if (CPU(v)->in_guest)
		fake_exit(CPU(v));
}

static void drain(void)
{
	u32 i, v, turns;

	for (i = 0; i < NR; i++) {
		if (r.line[i])
			inject(0, SPI(i), false);
		r.line[i] = false;
		fake_get(0, SPI(i))->flags |= VGIC_ENABLED;
		vgic_route(fake_get(0, SPI(i)), CPU(i % 2));
		vgic_queue(fake_get(0, SPI(i)));
	}
	for (turns = 0; turns < 200; turns++) {
		v = turns % 2;
		fake_enter(CPU(v));
		while (r.n[v])
			if (random_eoi(v))
				break;
		random_take(v);
		fake_exit(CPU(v));
	}
	for (v = 0; v < 2; v++) {
		fake_enter(CPU(v));
		while (r.n[v])
			random_eoi(v);
		fake_exit(CPU(v));
		fake_enter(CPU(v));
		fake_exit(CPU(v));
	}
}

static void random_runs(void)
{
	u32 seed, i, lost = 0, left = 0;

	for (seed = 1; seed <= 300; seed++) {
		srand(seed);
		memset(&r, 0, sizeof(r));
		fake_vm_start(2, 64);
		avmm_host.nr_lrs = 1 + seed % 16;
		for (i = 0; i < NR; i++)
			enable(0, SPI(i), i % 3 ? 0 : VGIC_LEVEL, rand() % 16 * 8);
		for (i = 0; i < 400; i++) {
			random_input();
			random_turn(rand() % 2);
		}
		drain();
		for (i = 0; i < NR; i++) {
			lost += r.owed[i];
			left += !!(fake_get(0, SPI(i))->flags &
				   (VGIC_ACTIVE | VGIC_QUEUED | VGIC_IN_LR));
			left += fake_get(0, SPI(i))->home != CPU(i % 2);
		}
		left += IN_LIST(0) + IN_LIST(1);
	}
	tap_ok(!lost, "random: no edge is lost (%u were)", lost);
	tap_ok(!left, "random: nothing is left behind (%u were)", left);
}

int main(void)
{
	tap_begin();
	edge();
	level();
	acks();
	hardware();
	masks();
	errors();
	irq_line();
	sgi();
	order();
	route();
	deferred();
	random_runs();
	return tap_end();
}
