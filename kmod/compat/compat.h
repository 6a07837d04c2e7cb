/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between kernels, all of them, and nowhere else. Force-included
 * before every file. Each entry says why and for which kernels; it goes when
 * they go (compat/README.md).
 */
#ifndef AVMM_COMPAT_H
#define AVMM_COMPAT_H

#define pr_fmt(fmt) "avmm: " fmt

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "AVMM supports kernels from 6.1 on"
#endif

#ifndef __ASSEMBLY__

#include <linux/context_tracking.h>
#include <linux/hrtimer.h>
#include <linux/rcupdate.h>
#include <linux/vtime.h>
#include <asm/cpufeature.h>
#include <asm/neon.h>

/*
 * Guest entry and exit as time accounting and RCU want them told. The helpers
 * that do all of it are in linux/kvm_host.h, which needs CONFIG_KVM.
 * rcu_virt_note_context_switch() lost its argument in 6.2.
 * @note_rcu: tell RCU that a quiescent state begins. Context: interrupts off.
 */
static inline void avmm_guest_enter(bool note_rcu)
{
	vtime_account_guest_enter();
	if (!context_tracking_guest_enter() && note_rcu)
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
		rcu_virt_note_context_switch(smp_processor_id());
#else
		rcu_virt_note_context_switch();
#endif
}

/* What comes between the two is the host's, but its time the guest's. */
static inline void avmm_guest_exit(void)
{
	context_tracking_guest_exit();
}

static inline void avmm_guest_time_exit(void)
{
	vtime_account_guest_exit();
}

/* Since 6.13 the kernel opens MPAM to EL1. Before, it does not touch it, and may not be able to. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define avmm_has_mpam()		false
#else
#define avmm_has_mpam()		system_supports_mpam()
#endif

/* kernel_neon_begin() wants a buffer to save an interrupted user in, from 6.19 on */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
#define avmm_neon_begin_end()	do { kernel_neon_begin(); kernel_neon_end(); } while (0)
#else
#define avmm_neon_begin_end()	do {			\
	struct user_fpsimd_state __st;			\
	kernel_neon_begin(&__st);			\
	kernel_neon_end(&__st);				\
} while (0)
#endif

/* hrtimer_init() plus ->function became hrtimer_setup() in 6.13; the former went in 6.15 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

/* eventfd_signal() adds one, and lost the argument that said so, in 6.8 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define avmm_eventfd_signal(ctx)	eventfd_signal(ctx, 1)
#else
#define avmm_eventfd_signal(ctx)	eventfd_signal(ctx)
#endif

/* From 6.17 on an eventfd has one such waiter, of whichever VM: -EBUSY if it has one already. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define avmm_add_first_waiter(head, wait)	({ add_wait_queue_priority(head, wait); 0; })
#else
#define avmm_add_first_waiter(head, wait)	add_wait_queue_priority_exclusive(head, wait)
#endif

/* mmu_notifier age callbacks return bool from 6.19 on */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 19, 0)
typedef int avmm_young_t;
#else
typedef bool avmm_young_t;
#endif

/*
 * The frame behind a user address in a VM_IO or VM_PFNMAP mapping, mmap_lock
 * held. follow_pte() took the vma instead of the mm from 6.10 on; in 6.12
 * follow_pfnmap_start() took its place, which knows blocks too. Macros, so that
 * only mmu/fault.c needs linux/mm.h.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define avmm_follow_pte(vma, addr, ptep, ptl)	follow_pte((vma)->vm_mm, addr, ptep, ptl)
#else
#define avmm_follow_pte(vma, addr, ptep, ptl)	follow_pte(vma, addr, ptep, ptl)
#endif
#define avmm_follow_pfn(vma, addr, pfn, writable) ({			\
	spinlock_t *__ptl;						\
	pte_t *__ptep;							\
	int __ret = avmm_follow_pte(vma, addr, &__ptep, &__ptl);	\
									\
	if (!__ret) {							\
		__acquire(__ptl); /* not declared; for sparse */	\
		*(pfn) = pte_pfn(*__ptep);				\
		*(writable) = pte_write(*__ptep);			\
		pte_unmap_unlock(__ptep, __ptl);			\
	}								\
	__ret;								\
})
#else
#define avmm_follow_pfn(_vma, addr, _pfn, _writable) ({			\
	struct follow_pfnmap_args __args = { .vma = _vma, .address = addr };	\
	int __ret = follow_pfnmap_start(&__args);			\
									\
	if (!__ret) {							\
		*(_pfn) = __args.pfn;					\
		*(_writable) = __args.writable;				\
		follow_pfnmap_end(&__args);				\
	}								\
	__ret;								\
})
#endif

/*
 * For a slow look at the host's tables: a signal ends the wait for a page
 * (userfaultfd, network; since 6.2), and a NUMA hinting fault is taken as the
 * task's own accesses would, which was not to be asked for before 6.6.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define AVMM_FOLL_SLOW	0
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define AVMM_FOLL_SLOW	FOLL_INTERRUPTIBLE
#else
#define AVMM_FOLL_SLOW	(FOLL_INTERRUPTIBLE | FOLL_HONOR_NUMA_FAULT)
#endif

/*
 * Which registers user space is shown is decided by what the KVM of the same
 * kernel shows: a VM that is saved here may be restored there. From 6.4 on the
 * physical timer is among them, and both counters can be moved at once.
 */
#define AVMM_LIST_PTIMER	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))
/* and from 6.15 on a second bitmap of vendor hypercalls */
#define AVMM_LIST_VENDOR_2	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0))

/* An SMC is a call as HVC is: since 6.4. Before, whatever it asks for is not supported. */
#define AVMM_SMC_CALLS		(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))

/* the PSCI version that a guest sees unless user space chooses another: 1.3 since 6.13 */
#define AVMM_PSCI_LATEST	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0) ? 0x10003 : 0x10001)

/* From 6.7 on user space may write most ID registers, and others that tell of the machine. */
#define AVMM_WRITABLE_IDS	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0))
/* and from 6.13 on the policy of the instruction cache in CTR_EL0 */
#define AVMM_WRITABLE_L1IP	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))
/* and from 6.15 on those of the implementation, if it asks for that first */
#define AVMM_WRITABLE_IMP_IDS	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0))
/* Since 6.4 there is a CCSIDR_EL1 for every value of CSSELR_EL1, and all can be written. */
#define AVMM_ALL_CCSIDRS	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0))

/* A client that finds this asks for nothing older; so what KVM of the kernel has, from 6.8 on. */
#define AVMM_HAS_MEMORY_REGION2	(LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0))

/*
 * A page that userfaultfd has to bring: before 6.2 get_user_pages() waits for it
 * until it is there or the task is killed. So it is asked for here first, and
 * any signal ends the wait. 0: get_user_pages() will not wait, or as before.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define avmm_wait_userfault(mm, addr, write) ({					\
	unsigned int __flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE |	\
			       FAULT_FLAG_INTERRUPTIBLE |			\
			       ((write) ? FAULT_FLAG_WRITE : 0);		\
	struct vm_area_struct *__vma;						\
	vm_fault_t __ret = 0;							\
										\
	mmap_read_lock(mm);							\
	__vma = vma_lookup(mm, addr);						\
	if (__vma && userfaultfd_armed(__vma) &&				\
	    (__vma->vm_flags & ((write) ? VM_WRITE : VM_READ)))			\
		__ret = handle_mm_fault(__vma, addr, __flags, NULL);		\
	/* these two mean that it has dropped the lock */			\
	if (!(__ret & (VM_FAULT_RETRY | VM_FAULT_COMPLETED)))			\
		mmap_read_unlock(mm);						\
	(__ret & VM_FAULT_RETRY) && signal_pending(current) ? -EINTR : 0;	\
})
#else
#define avmm_wait_userfault(mm, addr, write)	0
#endif

#endif /* __ASSEMBLY__ */
#endif /* AVMM_COMPAT_H */
