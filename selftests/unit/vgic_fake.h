/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Just enough of a kernel, and of a CPU's virtual GIC interface, to run irq/ on
 * the build machine. Locks check their order and that they are held; a kick is
 * counted, and makes a vCPU that is in the guest come out when it is waited for.
 */
#ifndef VGIC_FAKE_H
#define VGIC_FAKE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "lib/tap.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define likely(x)		(x)
#define unlikely(x)		(x)
#define noinline
#define __percpu
#define __acquires(x)
#define __releases(x)
#define __acquire(x)		((void)(x))
#define __release(x)		((void)(x))
#define __aligned(n)		__attribute__((aligned(n)))
#define READ_ONCE(x)		(*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define smp_load_acquire(p)	READ_ONCE(*(p))
#define smp_store_release(p, v)	WRITE_ONCE(*(p), v)
#define array_index_nospec(i, n)	((void)(n), (i))
#define container_of(p, type, member)	((type *)((char *)(p) - offsetof(type, member)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define swap(a, b)		do { __typeof__(a) t_ = (a); (a) = (b); (b) = t_; } while (0)
#define __ffs(x)		__builtin_ctzl(x)
#define __this_cpu_write(var, v)	((var) = (v))
#define local_irq_save(f)	((f) = 0)
#define local_irq_restore(f)	((void)(f))

/* ---- lists ---- */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *h)
{
	h->next = h->prev = h;
}

static inline bool list_empty(const struct list_head *h)
{
	return h->next == h;
}

static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}

static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

#define list_add_tail_rcu(n, h)	list_add_tail(n, h)
#define list_for_each_entry_rcu(pos, h, m)	list_for_each_entry(pos, h, m)
#define rcu_read_lock()		((void)0)
#define rcu_read_unlock()	((void)0)
#define list_entry(p, type, member)	container_of(p, type, member)
#define list_for_each_entry(pos, h, m)						\
	for (pos = list_entry((h)->next, __typeof__(*pos), m); &pos->m != (h);	\
	     pos = list_entry(pos->m.next, __typeof__(*pos), m))
#define list_for_each_entry_safe(pos, n, h, m)					\
	for (pos = list_entry((h)->next, __typeof__(*pos), m),			\
	     n = list_entry(pos->m.next, __typeof__(*pos), m); &pos->m != (h);	\
	     pos = n, n = list_entry(n->m.next, __typeof__(*n), m))

/* ---- memory, numbers, threads ---- */

typedef uint64_t __le64_fake;
#define __le64			__le64_fake
#define cpu_to_le64(v)		((__le64)(v))
#define le64_to_cpu(v)		((u64)(v))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define min_t(t, a, b)		((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define PAGE_SHIFT		12
#define GFP_KERNEL_ACCOUNT	0
#define ERR_PTR(e)		((void *)(long)(e))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= -4095UL)
#define kzalloc(n, gfp)		calloc(1, n)
#define kfree(p)		free(p)
#define cond_resched()		((void)0)
#define current			0
#define fatal_signal_pending(t)	((void)(t), fake_killed)
#define signal_pending(t)	((void)(t), fake_killed)
#define need_resched()		fake_resched()

static __attribute__((unused)) bool fake_killed;	/* a signal is pending */
static __attribute__((unused)) int fake_turns = -1;	/* need_resched() becomes true after so many questions */

static inline bool fake_resched(void)
{
	return fake_turns >= 0 && !fake_turns--;
}

#include "unit/fake_xarray.h"

/* ---- locks ---- */

struct mutex {
	bool held;
};

#define mutex_init(m)	((m)->held = false)

static inline void mutex_lock(struct mutex *m)
{
	if (m->held)
		abort();
	m->held = true;
}

static inline void mutex_unlock(struct mutex *m)
{
	if (!m->held)
		abort();
	m->held = false;
}

typedef struct {
	bool held;
} raw_spinlock_t;

static int fake_locks_held;

static inline void raw_spin_lock(raw_spinlock_t *l)
{
	if (l->held)
		abort();
	l->held = true;
	fake_locks_held++;
}

static inline void raw_spin_unlock(raw_spinlock_t *l)
{
	if (!l->held)
		abort();
	l->held = false;
	fake_locks_held--;
}

#define SINGLE_DEPTH_NESTING			1
#define raw_spin_lock_nested(l, n)		raw_spin_lock(l)
#define raw_spin_lock_irqsave(l, f)		do { (f) = 1; raw_spin_lock(l); } while (0)
#define raw_spin_unlock_irqrestore(l, f)	do { (void)(f); raw_spin_unlock(l); } while (0)

/* ---- avmm.h ---- */

#include <linux/avmm.h>
#include "arm/aarch64/ctx.h"
#include "irq/vgic.h"

#define AVMM_MAX_VCPUS	512
#define FAKE_VCPUS	20

struct avmm_host {
	int gic;
	u64 gicv;
	u64 ich_vtr;
	unsigned int nr_lrs;
};

struct avmm_vcpu {
	struct avmm_vm *vm;
	u32 id;
	u32 idx;
	unsigned int kicks;
	bool in_guest;
	u32 running[64];	/* the priorities that are active, as ICH_AP1R has them */
	unsigned int nr_running;
	struct {
		struct avmm_ctx *ctx;
		struct vgic_cpu vgic;
	} arch;
};

struct avmm_vm {
	struct mutex lock, slots_lock;
	int srcu;
	unsigned int nr_vcpus;
	struct avmm_vcpu *vcpus[AVMM_MAX_VCPUS];
	struct {
		struct vgic_dist vgic;
	} arch;
};

#define avmm_for_each_vcpu(i, vcpu, vm)						\
	for ((i) = 0; (i) < (vm)->nr_vcpus && ((vcpu) = (vm)->vcpus[i], true); (i)++)

struct avmm_iodev {
	const struct avmm_iodev_ops *ops;
	u64 base;
	u64 len;
};

struct avmm_iodev_ops {
	int (*read)(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 *val);
	int (*write)(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 val);
};

/* device.c, iobus.c, vcpu.c: user space's addresses are our own */

struct avmm_device {
	const struct avmm_device_ops *ops;
	struct avmm_vm *vm;
	void *private;
};

struct avmm_device_ops {
	const char *name;
	bool (*offered)(void);
	int (*create)(struct avmm_device *dev);
	void (*destroy)(struct avmm_device *dev);
	int (*set_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
	int (*get_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
	int (*has_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
};

#define __user
#define u64_to_user_ptr(a)	((void *)(a))
#define get_user(v, p)		((p) ? ((v) = *(p), 0) : -EFAULT)
#define put_user(v, p)		((p) ? (*(p) = (v), 0) : -EFAULT)

static bool fake_vcpu_busy;	/* one is inside RUN */

static inline int avmm_lock_all_vcpus(struct avmm_vm *vm)
{
	return fake_vcpu_busy ? -EBUSY : 0;
}

static inline void avmm_unlock_all_vcpus(struct avmm_vm *vm)
{
}

static inline struct avmm_vcpu *avmm_vcpu_by_id(struct avmm_vm *vm, u32 id)
{
	unsigned int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i]->id == id)
			return vm->vcpus[i];
	return NULL;
}

static inline int avmm_iobus_add(struct avmm_vm *vm, struct avmm_iodev *dev)
{
	return 0;
}

/* mmu/: one slot */

#define FAKE_RAM_BASE	0x40000000ULL
#define FAKE_RAM_LEN	0x4000000ULL

static u8 fake_ram[FAKE_RAM_LEN];

static inline int srcu_read_lock(int *srcu)
{
	return 0;
}

static inline void srcu_read_unlock(int *srcu, int idx)
{
}

static inline const void *avmm_find_slot(struct avmm_vm *vm, u64 gfn)
{
	return (gfn << PAGE_SHIFT) - FAKE_RAM_BASE < FAKE_RAM_LEN ? fake_ram : NULL;
}

static inline u8 *fake_at(u64 gpa, size_t len)
{
	u64 off = gpa - FAKE_RAM_BASE;

	/* guest memory is user memory: no spinlock may be held */
	if (fake_locks_held)
		abort();
	return off < FAKE_RAM_LEN && len <= FAKE_RAM_LEN - off ? fake_ram + off : NULL;
}

static inline int avmm_read_guest(struct avmm_vm *vm, u64 gpa, void *to, size_t len)
{
	u8 *p = fake_at(gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(to, p, len);
	return 0;
}

static inline int avmm_write_guest(struct avmm_vm *vm, u64 gpa, const void *from, size_t len)
{
	u8 *p = fake_at(gpa, len);

	if (!p)
		return -EFAULT;
	memcpy(p, from, len);
	return 0;
}

static struct avmm_host avmm_host = { .nr_lrs = 4 };
static struct avmm_vcpu *fake_waited;	/* comes out of the guest while someone waits */

static inline void avmm_kick(struct avmm_vcpu *vcpu)
{
	vcpu->kicks++;
	fake_waited = vcpu;
}

/* vgic_init.c, of which the tests need only this much */
bool vgic_initialized(struct avmm_vm *vm)
{
	return vm->arch.vgic.initialized;
}

bool vgic_present(struct avmm_vm *vm)
{
	return vm->arch.vgic.model;
}

int vgic_lazy_init(struct avmm_vm *vm)
{
	return 0;
}

int vgic_check_range(struct avmm_vm *vm, u64 base, u64 len)
{
	return (base | len) & 0xffff ? -EINVAL : 0;
}

bool vgic_rd_is_last(struct avmm_vcpu *vcpu)
{
	return vcpu->idx + 1 == vcpu->vm->nr_vcpus;
}

static void fake_relax(void);
#define cpu_relax()		fake_relax()
#define usleep_range(a, b)	fake_relax()

/* ---- a VM ---- */

static struct avmm_vm fake_vm;
static struct avmm_vcpu fake_vcpu[FAKE_VCPUS];
static struct avmm_ctx fake_ctx[FAKE_VCPUS];

static inline void fake_irq(struct vgic_irq *irq, u32 intid, struct avmm_vcpu *home, u32 flags)
{
	memset(irq, 0, sizeof(*irq));
	INIT_LIST_HEAD(&irq->node);
	irq->intid = intid;
	irq->home = irq->target = home;
	irq->flags = flags;
	irq->lr = intid | VGIC_LR_GROUP1;
}

/* all groups enabled everywhere, all priorities let through, nothing enabled but SGIs */
static inline void fake_vm_start(unsigned int nr_vcpus, u32 nr_spis)
{
	static struct vgic_irq spis[VGIC_MAX_IRQS];
	u32 i, v;

	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(fake_vcpu, 0, sizeof(fake_vcpu));
	memset(fake_ctx, 0, sizeof(fake_ctx));
	avmm_host.nr_lrs = 4;
	fake_vm.nr_vcpus = nr_vcpus;
	for (v = 0; v < nr_vcpus; v++) {
		struct avmm_vcpu *vcpu = &fake_vcpu[v];

		fake_vm.vcpus[v] = vcpu;
		vcpu->vm = &fake_vm;
		vcpu->id = vcpu->idx = v;
		vcpu->arch.ctx = &fake_ctx[v];
		fake_ctx[v].sys[CTX_MPIDR_EL1] = 1U << 31 | (v & 15) | (v >> 4) << 8;
		fake_ctx[v].vgic.vmcr = 0xf0ULL << VGIC_VMCR_PMR_SHIFT | VGIC_VMCR_ENG0 |
					VGIC_VMCR_ENG1;
		fake_ctx[v].vgic.hcr = VGIC_HCR_EN;
		INIT_LIST_HEAD(&vcpu->arch.vgic.list);
		for (i = 0; i < VGIC_NR_PRIVATE; i++)
			fake_irq(&vcpu->arch.vgic.private[i], i, vcpu,
				 i < VGIC_NR_SGIS ? VGIC_ENABLED : VGIC_LEVEL);
	}
	for (i = 0; i < nr_spis; i++)
		fake_irq(&spis[i], VGIC_NR_PRIVATE + i, &fake_vcpu[0], 0);
	INIT_LIST_HEAD(&fake_vm.arch.vgic.its_list);
	fake_vm.arch.vgic.spis = spis;
	fake_vm.arch.vgic.nr_spis = nr_spis;
	fake_vm.arch.vgic.model = AVMM_DEV_TYPE_ARM_VGIC_V3;
	fake_vm.arch.vgic.group_en = 3;
	fake_vm.arch.vgic.revision = 3;
	fake_vm.arch.vgic.initialized = true;
}

/* what vgic_init() makes of a GICv2's interrupts; after fake_vm_start() */
static inline void fake_vm_v2(void)
{
	struct vgic_dist *dist = &fake_vm.arch.vgic;
	u32 i, v;

	dist->model = AVMM_DEV_TYPE_ARM_VGIC_V2;
	for (i = 0; i < dist->nr_spis; i++)
		dist->spis[i].lr &= ~VGIC_LR_GROUP1;
	for (v = 0; v < fake_vm.nr_vcpus; v++)
		for (i = 0; i < VGIC_NR_PRIVATE; i++) {
			struct vgic_irq *irq = &fake_vcpu[v].arch.vgic.private[i];

			irq->lr &= ~VGIC_LR_GROUP1;
			irq->targets = 1U << v;
			if (i < VGIC_NR_SGIS)
				irq->flags |= VGIC_V2_SGI;
		}
}

/* ---- the CPU: what a guest does with its list registers (GIC spec 4.8, 12.4) ---- */

static inline void fake_enter(struct avmm_vcpu *vcpu)
{
	unsigned int i, j;

	vgic_flush(vcpu);
	vcpu->in_guest = true;
	/* an INTID may be in one list register only, and HW = 1 excludes pending and active */
	for (i = 0; i < vcpu->arch.ctx->vgic.used_lrs; i++) {
		u64 lr = vcpu->arch.ctx->vgic.lr[i];

		if (!(lr & VGIC_LR_STATE) || ((lr & VGIC_LR_HW) && !(~lr & VGIC_LR_STATE)))
			abort();
		for (j = 0; j < i; j++)
			if ((u32)vcpu->arch.ctx->vgic.lr[j] == (u32)lr)
				abort();
	}
	if (vcpu->arch.ctx->vgic.used_lrs > avmm_host.nr_lrs || fake_locks_held)
		abort();
}

static inline void fake_exit(struct avmm_vcpu *vcpu)
{
	vcpu->in_guest = false;
	vgic_sync(vcpu);
	if (fake_locks_held || vcpu->arch.ctx->vgic.used_lrs)
		abort();
}

static void fake_relax(void)
{
	if (fake_waited && fake_waited->in_guest)
		fake_exit(fake_waited);
}

#define FAKE_SPURIOUS	1023

/* ICC_IAR1_EL1: takes the pending interrupt of highest priority, if above the running one */
static inline u32 fake_ack(struct avmm_vcpu *vcpu)
{
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;
	u32 limit = hyp->vmcr >> VGIC_VMCR_PMR_SHIFT;
	u64 *best = NULL;
	unsigned int i;

	if (vcpu->nr_running && vcpu->running[vcpu->nr_running - 1] < limit)
		limit = vcpu->running[vcpu->nr_running - 1];

	for (i = 0; i < hyp->used_lrs; i++) {
		u32 prio = hyp->lr[i] >> VGIC_LR_PRIO_SHIFT & 0xff;

		if ((hyp->lr[i] & VGIC_LR_STATE) != VGIC_LR_PENDING || prio >= limit)
			continue;
		if (!best || prio < (*best >> VGIC_LR_PRIO_SHIFT & 0xff))
			best = &hyp->lr[i];
	}
	if (!best)
		return FAKE_SPURIOUS;
	*best ^= VGIC_LR_STATE;
	vcpu->running[vcpu->nr_running++] = *best >> VGIC_LR_PRIO_SHIFT & 0xff;
	return *best & 0xffffffff;
}

/* ICC_EOIR1_EL1 with EOImode 0; true: a maintenance interrupt ends the guest's turn */
static inline bool fake_eoi(struct avmm_vcpu *vcpu, u32 intid)
{
	struct avmm_hyp_vgic *hyp = &vcpu->arch.ctx->vgic;
	unsigned int i;

	if (vcpu->nr_running)
		vcpu->nr_running--;
	for (i = 0; i < hyp->used_lrs; i++) {
		if ((u32)hyp->lr[i] != intid || !(hyp->lr[i] & VGIC_LR_ACTIVE))
			continue;
		hyp->lr[i] &= ~VGIC_LR_ACTIVE;
		return !(hyp->lr[i] & (VGIC_LR_HW | VGIC_LR_STATE)) && (hyp->lr[i] & VGIC_LR_EOI);
	}
	hyp->hcr += 1ULL << 27;
	return hyp->hcr & VGIC_HCR_LRENPIE;
}

static inline struct vgic_irq *fake_get(u32 v, u32 intid)
{
	return vgic_get_irq(&fake_vm, &fake_vcpu[v], intid);
}

#endif /* VGIC_FAKE_H */
