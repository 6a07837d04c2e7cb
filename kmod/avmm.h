/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The objects of AVMM and who may touch what.
 *
 * Life times: an open system fd holds the module. A VM lives as long as its
 * fd or any of its vCPU or device fds (avmm_vm_get/put). A vCPU and a device
 * live as long as their VM.
 *
 * Locks, outermost first; a lock may be taken holding those above it only:
 *
 *	vcpu->mutex		[v] one ioctl at a time on a vCPU
 *	  vm->lock		[m] creation of vCPUs and devices, VM-wide set-up
 *	    vm->slots_lock	[s] writers of memory slots and of the MMIO bus
 *	    vgic_its.lock	[i] commands and registers of an ITS, see irq/its.h
 *	      mmap_lock		    (the VMM's mm)
 *	        vm->mmu_lock	[u] stage-2 tables, invalidation counters
 *		  vgic locks	    see irq/vgic.h
 *	    vm->irq_lock	[i] writers of routes; making and unmaking irqfds
 *	      an eventfd's lock	    (taken by whoever signals it, in any context)
 *	        vm->irqfds_lock	[q] the list of irqfds
 *		  vgic locks
 *	    vm->ring_lock	[c] the coalesced-MMIO zones and the ring
 *
 * Readers of slots and of the bus hold vm->srcu; readers of routes hold
 * vm->irq_srcu, which is another so that it never waits for a page of the VMM's.
 *
 * Return convention of everything between run.c and an exit handler:
 * 1 (> 0) re-enter the guest, 0 leave to user space with vcpu->run filled,
 * < 0 fail the ioctl with that errno.
 */
#ifndef AVMM_H
#define AVMM_H

#include <linux/kref.h>
#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcuwait.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/avmm.h>

#define AVMM_MAX_VCPUS		512
#define AVMM_NR_MEMSLOTS	32767	/* KVM's number; slot ids are 15 bits */
#define AVMM_MAX_GSIS		4096	/* KVM's number */
/* what a vCPU's fd maps: the run page, then the VM's ring of coalesced MMIO */
#define AVMM_RUN_PAGES		2
#define AVMM_COALESCED_PAGE	1

struct avmm_vm;
struct avmm_vcpu;
struct avmm_device;

#include "mmu/mmu.h"
#include "irq/vgic.h"
#include "arm/arm.h"

/* ---- MMIO bus (iobus.c) ---- */

/**
 * struct avmm_iodev - a range of guest-physical addresses answered in the kernel
 * @ops: its functions
 * @base: first guest-physical address, in bytes
 * @len: size in bytes
 */
struct avmm_iodev {
	const struct avmm_iodev_ops *ops;
	u64 base;
	u64 len;
};

/**
 * struct avmm_iodev_ops - what a region does
 * @read: fill *@val, already zero-extended; 0, or -EOPNOTSUPP for "not here"
 * @write: take @val; -EAGAIN: it has begun and is not done, the guest shall store again
 *
 * Called in the vCPU thread under vm->srcu; may sleep. @len is 1, 2, 4 or 8.
 */
struct avmm_iodev_ops {
	int (*read)(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 *val);
	int (*write)(struct avmm_vcpu *vcpu, struct avmm_iodev *dev, u64 addr, int len, u64 val);
};

struct avmm_iobus {
	int n;
	struct avmm_iodev *dev[];	/* sorted by base, no overlap */
};

/* ---- requests to a vCPU: set by anyone, consumed by its thread in run.c ---- */
enum avmm_request {
	AVMM_REQ_SLEEP,		/* powered off, suspended or paused: do not enter */
	AVMM_REQ_IRQ_PENDING,	/* look at the vGIC again */
	AVMM_REQ_TIMER,		/* a counter was moved */
	AVMM_REQ_RESET,		/* PSCI CPU_ON: load vcpu->arch.reset first */
	AVMM_REQ_VM_DEAD,	/* the VM is bugged: fail with -EIO */
};

/* vcpu->mode; written by the vCPU thread with interrupts off, read by kickers */
enum avmm_vcpu_mode {
	AVMM_OUTSIDE_GUEST,
	AVMM_IN_GUEST,
	AVMM_EXITING_GUEST,	/* someone has kicked; entry will be abandoned */
};

struct avmm_vcpu_stat {
	u64 exits;
	u64 mmio_user;
	u64 mmio_kernel;
	u64 s2_faults;
	u64 wfi;
	u64 wfe;
	u64 hvc;
	u64 sysreg;
	u64 irq;
	u64 signal;
	u64 injected;
};

struct avmm_vcpu {
	struct avmm_vm *vm;
	u32 id;			/* user's number: CREATE_VCPU argument */
	u32 idx;		/* dense index into vm->vcpus[] */
	struct mutex mutex;	/* [v] */
	struct avmm_run *run;	/* run page, mapped by user space */
	struct task_struct *task;	/* thread inside RUN; readers hold the RCU read lock */
	phys_addr_t ctx_pa;	/* of arch.ctx */
	struct rcuwait wait;	/* blocked in WFI or powered off */
	int last_cpu;		/* CPU it ran on last, -1: none yet */
	atomic_t mode;		/* enum avmm_vcpu_mode */
	unsigned long requests;	/* bit per enum avmm_request */
	bool sigset_active;
	sigset_t sigset;
	bool mmio_needed;	/* a load or store waits for user space's answer */
	bool blocked;		/* asleep in avmm_vcpu_block() */
	struct avmm_vcpu_stat stat;
	struct avmm_arch_vcpu arch;
};

struct avmm_vm {
	struct kref ref;
	struct mm_struct *mm;	/* creator's; ioctls from another mm get -EIO */
	struct mutex lock;	/* [m] */
	struct mutex slots_lock;	/* [s] */
	struct srcu_struct srcu;
	struct avmm_memslots __rcu *slots;	/* written under [s], read under srcu */
	u32 log_manual;		/* [s] AVMM_DIRTY_LOG_* */
	struct avmm_iobus __rcu *bus;		/* written under [s], read under srcu */
	struct avmm_ioeventfds __rcu *ioeventfds;	/* written under [s], read under srcu */
	u64 bus_start, bus_end;			/* what the two span; a hint, read without lock */

	spinlock_t ring_lock;	/* [c] */
	unsigned int nr_coalesced;	/* [c] zones, in: */
	struct list_head coalesced;	/* [c] */
	struct avmm_coalesced_mmio_ring *ring;	/* [c]; user space maps it, and writes to it */

	struct mutex irq_lock;	/* [i] */
	struct srcu_struct irq_srcu;
	struct avmm_routes __rcu *routes;	/* written under [i], read under irq_srcu */
	spinlock_t irqfds_lock;	/* [q] interrupts off */
	struct list_head irqfds;	/* [q] */
	struct list_head resamplers;	/* of them: written under [i], read under irq_srcu */

	spinlock_t mmu_lock;	/* [u] */
	struct avmm_s2 s2;	/* [u] */
	struct mmu_notifier mn;
	unsigned long inv_seq;	/* [u] bumped when an invalidation ends */
	long inv_active;	/* [u] invalidations under way */
	u64 inv_start, inv_end;	/* [u] union of their hva ranges */

	unsigned int nr_vcpus;	/* [m], read lock-free with smp_load_acquire */
	struct avmm_vcpu *vcpus[AVMM_MAX_VCPUS];	/* [m] to add; never removed */
	struct list_head devices;	/* [m] */
	bool dead;		/* our own mistake was found: no entry any more */
	struct dentry *debugfs;
	struct avmm_arch_vm arch;
};

#define avmm_for_each_vcpu(i, vcpu, vm)						\
	/* pairs with the store in avmm_vcpu_create() */			\
	for ((i) = 0; (i) < smp_load_acquire(&(vm)->nr_vcpus) &&		\
	     ((vcpu) = READ_ONCE((vm)->vcpus[i]), true); (i)++)

/* vm.c */
struct avmm_vm *avmm_vm_create(u32 ipa_bits);
void avmm_vm_get(struct avmm_vm *vm);
void avmm_vm_put(struct avmm_vm *vm);
void avmm_vm_kill(struct avmm_vm *vm, const char *why);
struct avmm_vcpu *avmm_vcpu_by_id(struct avmm_vm *vm, u32 id);
extern const struct file_operations avmm_vm_fops;

/* vcpu.c */
int avmm_vcpu_create(struct avmm_vm *vm, u32 id);
void avmm_vcpu_destroy(struct avmm_vcpu *vcpu);
/*
 * avmm_kick: make @vcpu notice its requests and pending interrupts soon: wake
 * it if it blocks, force it out if it is in the guest. Callable from any
 * context, interrupts on or off, holding vGIC locks. Does not wait.
 */
void avmm_kick(struct avmm_vcpu *vcpu);
void avmm_request(struct avmm_vcpu *vcpu, enum avmm_request req);
bool avmm_test_clear_request(struct avmm_vcpu *vcpu, enum avmm_request req);
/* hold every vCPU out of RUN: -EBUSY when one is inside an ioctl; caller holds vm->lock */
int avmm_lock_all_vcpus(struct avmm_vm *vm);
void avmm_unlock_all_vcpus(struct avmm_vm *vm);

/* run.c */
int avmm_vcpu_run(struct avmm_vcpu *vcpu);
/* sleep as WFI does: until an interrupt is pending, a request or a signal comes */
void avmm_vcpu_block(struct avmm_vcpu *vcpu);

/* iobus.c */
int avmm_iobus_add(struct avmm_vm *vm, struct avmm_iodev *dev);	/* caller holds [s] */
void avmm_iobus_del(struct avmm_vm *vm, struct avmm_iodev *dev);	/* caller holds [s] */
int avmm_iobus_read(struct avmm_vcpu *vcpu, u64 addr, int len, u64 *val);
int avmm_iobus_write(struct avmm_vcpu *vcpu, u64 addr, int len, u64 val);
void avmm_iobus_destroy(struct avmm_vm *vm);
/* false: surely nothing in the kernel answers there */
static inline bool avmm_iobus_covers(struct avmm_vm *vm, u64 addr)
{
	return addr >= READ_ONCE(vm->bus_start) && addr < READ_ONCE(vm->bus_end);
}

void avmm_iobus_span(struct avmm_vm *vm);	/* caller holds [s] */

/* ioeventfd.c */
int avmm_ioeventfd(struct avmm_vm *vm, const struct avmm_ioeventfd *args);
bool avmm_ioeventfd_signal(struct avmm_vm *vm, u64 addr, int len, u64 val);
void avmm_ioeventfd_span(struct avmm_vm *vm, u64 *start, u64 *end);
void avmm_ioeventfd_destroy(struct avmm_vm *vm);

/* coalesced.c */
int avmm_coalesced_init(struct avmm_vm *vm);
void avmm_coalesced_destroy(struct avmm_vm *vm);
int avmm_coalesced_add(struct avmm_vm *vm, const struct avmm_coalesced_mmio_zone *zone);
int avmm_coalesced_del(struct avmm_vm *vm, const struct avmm_coalesced_mmio_zone *zone);
bool avmm_coalesce(struct avmm_vm *vm, u64 addr, int len, u64 val);

/* irq/routing.c: global system interrupts, the numbers that irqfds speak of */
int avmm_set_gsi_routing(struct avmm_vm *vm, const struct avmm_irq_routing *arg,
			 const struct avmm_irq_routing_entry __user *entries);
int avmm_routing_default(struct avmm_vm *vm, u32 nr_spis);
void avmm_routing_destroy(struct avmm_vm *vm);
int avmm_set_gsi(struct avmm_vm *vm, u32 gsi, bool level);	/* may sleep */
int avmm_raise_gsi_atomic(struct avmm_vm *vm, u32 gsi);	/* any context */
bool avmm_gsi_is_spi(struct avmm_vm *vm, u32 gsi, u32 intid);	/* caller holds irq_srcu */

/* irq/irqfd.c */
int avmm_irqfd_init(void);
void avmm_irqfd_exit(void);
int avmm_irqfd(struct avmm_vm *vm, const struct avmm_irqfd *args);
void avmm_irqfd_release(struct avmm_vm *vm);
void avmm_irqfd_acked(struct avmm_vcpu *vcpu);

/* device.c: in-kernel devices behind a file descriptor */
struct avmm_device_ops {
	const char *name;
	bool (*offered)(void);	/* on this host; NULL: on all */
	/* caller holds vm->lock; 0 or errno (-EEXIST, -ENODEV, -EBUSY) */
	int (*create)(struct avmm_device *dev);
	/* at the end of the VM, after all vCPUs are gone */
	void (*destroy)(struct avmm_device *dev);
	int (*set_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
	int (*get_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
	int (*has_attr)(struct avmm_device *dev, struct avmm_device_attr *attr);
};

struct avmm_device {
	const struct avmm_device_ops *ops;
	struct avmm_vm *vm;
	void *private;
	struct list_head node;	/* vm->devices */
};

int avmm_device_create(struct avmm_vm *vm, struct avmm_create_device *cd);

/* caps.c */
int avmm_check_extension(struct avmm_vm *vm, unsigned long cap);

#endif /* AVMM_H */
