/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract between avmm.ko and a VMM.
 *
 * The numbers, layouts, register ids and errors are those of the KVM API,
 * version 12, as arm64 speaks it, so that a program written for /dev/kvm runs
 * on /dev/avmm unchanged. The names are ours: AVMM_X is KVM's KVM_X, struct
 * avmm_x is struct kvm_x. selftests/unit/uapi_layout.c compares the two,
 * constant by constant. Documentation/api.rst describes each ioctl.
 */
#ifndef _UAPI_LINUX_AVMM_H
#define _UAPI_LINUX_AVMM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define AVMM_API_VERSION	12
#define AVMMIO			0xAE

/*
 * Structures. Every field has the size and place KVM gives it; padding is
 * named where user space must write it as zero.
 */

/* AVMM_SET_USER_MEMORY_REGION: sizes and addresses in bytes, page aligned. */
struct avmm_userspace_memory_region {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
};

#define AVMM_MEM_LOG_DIRTY_PAGES	(1UL << 0)
#define AVMM_MEM_READONLY		(1UL << 1)

/*
 * AVMM_SET_USER_MEMORY_REGION2: as above, then what only a flag would give a
 * meaning. AVMM has no such flag and looks at none of it; write zeroes.
 */
struct avmm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};

/* refused: AVMM has no guest_memfd */
#define AVMM_MEM_GUEST_MEMFD		(1UL << 2)

/* AVMM_GET_DIRTY_LOG: dirty_bitmap is a user pointer to a bit for each page, in whole u64s */
struct avmm_dirty_log {
	__u32 slot;
	__u32 padding1;
	__u64 dirty_bitmap;
};

/* AVMM_ENABLE_CAP of MANUAL_DIRTY_LOG_PROTECT2, args[0] */
#define AVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE	(1 << 0)
#define AVMM_DIRTY_LOG_INITIALLY_SET		(1 << 1)

/* AVMM_CLEAR_DIRTY_LOG: dirty_bitmap is the same from first_page on */
struct avmm_clear_dirty_log {
	__u32 slot;
	__u32 num_pages;
	__u64 first_page;
	__u64 dirty_bitmap;
};

/* AVMM_IRQ_LINE */
struct avmm_irq_level {
	union {
		__u32 irq;
		__s32 status;
	};
	__u32 level;
};

/* AVMM_IRQ_LINE irq word: [31:28] vcpu high, [27:24] type, [23:16] vcpu low, [15:0] INTID */
#define AVMM_ARM_IRQ_VCPU2_SHIFT	28
#define AVMM_ARM_IRQ_VCPU2_MASK		0xf
#define AVMM_ARM_IRQ_TYPE_SHIFT		24
#define AVMM_ARM_IRQ_TYPE_MASK		0xf
#define AVMM_ARM_IRQ_VCPU_SHIFT		16
#define AVMM_ARM_IRQ_VCPU_MASK		0xff
#define AVMM_ARM_IRQ_NUM_SHIFT		0
#define AVMM_ARM_IRQ_NUM_MASK		0xffff
#define AVMM_ARM_IRQ_TYPE_CPU		0
#define AVMM_ARM_IRQ_TYPE_SPI		1
#define AVMM_ARM_IRQ_TYPE_PPI		2
#define AVMM_ARM_IRQ_CPU_IRQ		0
#define AVMM_ARM_IRQ_CPU_FIQ		1

/* AVMM_CREATE_DEVICE */
struct avmm_create_device {
	__u32 type;
	__u32 fd;
	__u32 flags;
};

#define AVMM_CREATE_DEVICE_TEST		1
#define AVMM_DEV_TYPE_VFIO		4
#define AVMM_DEV_TYPE_ARM_VGIC_V2	5
#define AVMM_DEV_TYPE_ARM_VGIC_V3	7
#define AVMM_DEV_TYPE_ARM_VGIC_ITS	8

/* AVMM_ARM_SET_DEVICE_ADDR: id is AVMM_ARM_DEVICE_VGIC_V2 and AVMM_VGIC_V2_ADDR_TYPE_* */
struct avmm_arm_device_addr {
	__u64 id;
	__u64 addr;
};

#define AVMM_ARM_DEVICE_TYPE_SHIFT	0
#define AVMM_ARM_DEVICE_TYPE_MASK	0xffff
#define AVMM_ARM_DEVICE_ID_SHIFT	16
#define AVMM_ARM_DEVICE_ID_MASK		0xffff0000
#define AVMM_ARM_DEVICE_VGIC_V2		0

/* AVMM_{SET,GET,HAS}_DEVICE_ATTR on a device or a vCPU; addr is a user pointer */
struct avmm_device_attr {
	__u32 flags;
	__u32 group;
	__u64 attr;
	__u64 addr;
};

/* AVMM_ENABLE_CAP */
struct avmm_enable_cap {
	__u32 cap;
	__u32 flags;
	__u64 args[4];
	__u8  pad[64];
};

/* AVMM_IRQFD */
struct avmm_irqfd {
	__u32 fd;
	__u32 gsi;
	__u32 flags;
	__u32 resamplefd;
	__u8  pad[16];
};

#define AVMM_IRQFD_FLAG_DEASSIGN	(1 << 0)
#define AVMM_IRQFD_FLAG_RESAMPLE	(1 << 1)

/* AVMM_IOEVENTFD */
struct avmm_ioeventfd {
	__u64 datamatch;
	__u64 addr;
	__u32 len;
	__s32 fd;
	__u32 flags;
	__u8  pad[36];
};

#define AVMM_IOEVENTFD_FLAG_DATAMATCH	(1 << 0)
#define AVMM_IOEVENTFD_FLAG_PIO		(1 << 1)
#define AVMM_IOEVENTFD_FLAG_DEASSIGN	(1 << 2)
#define AVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY	(1 << 3)

/* AVMM_SET_GSI_ROUTING */
struct avmm_irq_routing_irqchip {
	__u32 irqchip;
	__u32 pin;
};

struct avmm_irq_routing_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 devid;
};

struct avmm_irq_routing_entry {
	__u32 gsi;
	__u32 type;
	__u32 flags;
	__u32 pad;
	union {
		struct avmm_irq_routing_irqchip irqchip;
		struct avmm_irq_routing_msi msi;
		__u32 pad[8];
	} u;
};

#define AVMM_IRQ_ROUTING_IRQCHIP	1
#define AVMM_IRQ_ROUTING_MSI		2

struct avmm_irq_routing {
	__u32 nr;
	__u32 flags;
	struct avmm_irq_routing_entry entries[];
};

/* AVMM_{REGISTER,UNREGISTER}_COALESCED_MMIO */
struct avmm_coalesced_mmio_zone {
	__u64 addr;
	__u32 size;
	__u32 pio;
};

/* The ring: a page of its own behind the run page, the same one for all vCPUs of a VM */
struct avmm_coalesced_mmio {
	__u64 phys_addr;
	__u32 len;
	__u32 pio;
	__u8  data[8];
};

struct avmm_coalesced_mmio_ring {
	__u32 first;
	__u32 last;
	struct avmm_coalesced_mmio coalesced_mmio[];
};

/* AVMM_SIGNAL_MSI */
struct avmm_msi {
	__u32 address_lo;
	__u32 address_hi;
	__u32 data;
	__u32 flags;
	__u32 devid;
	__u8  pad[12];
};

#define AVMM_MSI_VALID_DEVID	(1U << 0)

/* AVMM_ARM_VCPU_INIT, AVMM_ARM_PREFERRED_TARGET */
struct avmm_vcpu_init {
	__u32 target;
	__u32 features[7];
};

#define AVMM_ARM_TARGET_GENERIC_V8	5
#define AVMM_ARM_NUM_TARGETS		6

#define AVMM_ARM_VCPU_POWER_OFF		0
#define AVMM_ARM_VCPU_EL1_32BIT		1
#define AVMM_ARM_VCPU_PSCI_0_2		2
#define AVMM_ARM_VCPU_PMU_V3		3
#define AVMM_ARM_VCPU_SVE		4
#define AVMM_ARM_VCPU_PTRAUTH_ADDRESS	5
#define AVMM_ARM_VCPU_PTRAUTH_GENERIC	6

/* AVMM_GET_ONE_REG, AVMM_SET_ONE_REG */
struct avmm_one_reg {
	__u64 id;
	__u64 addr;
};

/* AVMM_GET_REG_LIST */
struct avmm_reg_list {
	__u64 n;
	__u64 reg[];
};

/* AVMM_GET_MP_STATE, AVMM_SET_MP_STATE */
struct avmm_mp_state {
	__u32 mp_state;
};

#define AVMM_MP_STATE_RUNNABLE		0
#define AVMM_MP_STATE_STOPPED		5
#define AVMM_MP_STATE_SUSPENDED		10

/* AVMM_GET_VCPU_EVENTS, AVMM_SET_VCPU_EVENTS */
struct avmm_vcpu_events {
	struct {
		__u8 serror_pending;
		__u8 serror_has_esr;
		__u8 ext_dabt_pending;
		__u8 pad[5];
		__u64 serror_esr;
	} exception;
	__u32 reserved[12];
};

/* AVMM_SET_SIGNAL_MASK */
struct avmm_signal_mask {
	__u32 len;
	__u8  sigset[];
};

/*
 * The shape of the core registers. It is never copied as a whole: a core
 * register's index in ONE_REG is its byte offset here divided by four.
 */
struct avmm_regs {
	struct {
		__u64 regs[31];
		__u64 sp;		/* SP_EL0 */
		__u64 pc;
		__u64 pstate;
	} regs;
	__u64 sp_el1;
	__u64 elr_el1;
	__u64 spsr[5];			/* EL1, ABT, UND, IRQ, FIQ */
	struct {
		__u64 vregs[32][2] __attribute__((aligned(16)));
		__u32 fpsr;
		__u32 fpcr;
		__u32 reserved[2];
	} fp_regs;
};

/* The run page: mmap of the vCPU fd at offset 0. */
struct avmm_run {
	/* in */
	__u8 request_interrupt_window;	/* unused on Arm */
	__u8 immediate_exit;
	__u8 padding1[6];

	/* out */
	__u32 exit_reason;
	__u8 ready_for_interrupt_injection;
	__u8 if_flag;
	__u16 flags;
	__u64 cr8;			/* unused on Arm */
	__u64 apic_base;		/* unused on Arm */

	union {
		/* AVMM_EXIT_UNKNOWN */
		struct {
			__u64 hardware_exit_reason;
		} hw;
		/* AVMM_EXIT_FAIL_ENTRY */
		struct {
			__u64 hardware_entry_failure_reason;
			__u32 cpu;
		} fail_entry;
		/* AVMM_EXIT_HYPERCALL */
		struct {
			__u64 nr;
			__u64 args[6];
			__u64 ret;
			__u64 flags;
		} hypercall;
		/* AVMM_EXIT_DEBUG */
		struct {
			__u32 hsr;
			__u32 hsr_high;
			__u64 far;
		} debug;
		/* AVMM_EXIT_MMIO: len is 1, 2, 4 or 8; data in guest byte order */
		struct {
			__u64 phys_addr;
			__u8  data[8];
			__u32 len;
			__u8  is_write;
		} mmio;
		/* AVMM_EXIT_INTERNAL_ERROR */
		struct {
			__u32 suberror;
			__u32 ndata;
			__u64 data[16];
		} internal;
		/* AVMM_EXIT_SYSTEM_EVENT */
		struct {
			__u32 type;
			__u32 ndata;
			union {
				__u64 flags;
				__u64 data[16];
			};
		} system_event;
		/* AVMM_EXIT_ARM_NISV */
		struct {
			__u64 esr_iss;
			__u64 fault_ipa;
		} arm_nisv;
		/* AVMM_EXIT_MEMORY_FAULT */
		struct {
			__u64 flags;
			__u64 gpa;
			__u64 size;
		} memory_fault;
		char padding[256];
	};

	__u64 kvm_valid_regs;
	__u64 kvm_dirty_regs;
	union {
		struct {
			__u64 device_irq_level;
		} regs;
		char padding[2048];
	} s;
};

/* avmm_run.exit_reason */
#define AVMM_EXIT_UNKNOWN		0
#define AVMM_EXIT_HYPERCALL		3
#define AVMM_EXIT_DEBUG			4
#define AVMM_EXIT_MMIO			6
#define AVMM_EXIT_SHUTDOWN		8
#define AVMM_EXIT_FAIL_ENTRY		9
#define AVMM_EXIT_INTR			10
#define AVMM_EXIT_INTERNAL_ERROR	17
#define AVMM_EXIT_SYSTEM_EVENT		24
#define AVMM_EXIT_ARM_NISV		28
#define AVMM_EXIT_DIRTY_RING_FULL	31
#define AVMM_EXIT_MEMORY_FAULT		39

/* avmm_run.internal.suberror */
#define AVMM_INTERNAL_ERROR_EMULATION			1
#define AVMM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON	4

/* avmm_run.system_event.type */
#define AVMM_SYSTEM_EVENT_SHUTDOWN	1
#define AVMM_SYSTEM_EVENT_RESET		2
#define AVMM_SYSTEM_EVENT_CRASH		3
#define AVMM_SYSTEM_EVENT_WAKEUP	4
#define AVMM_SYSTEM_EVENT_SUSPEND	5

/* system_event.data[0] of RESET, when PSCI SYSTEM_RESET2 asked for it */
#define AVMM_SYSTEM_EVENT_RESET_FLAG_PSCI_RESET2	(1ULL << 0)
#define AVMM_SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2	(1ULL << 0)

/* avmm_run.fail_entry.hardware_entry_failure_reason */
#define AVMM_EXIT_FAIL_ENTRY_CPU_UNSUPPORTED		(1ULL << 0)

/* ---- ioctls of the system fd: /dev/avmm, /dev/kvm ---- */

#define AVMM_GET_API_VERSION	_IO(AVMMIO, 0x00)
/* argument: bits 7:0 are the IPA size in bits, 0 stands for 40 */
#define AVMM_CREATE_VM		_IO(AVMMIO, 0x01)
#define AVMM_CHECK_EXTENSION	_IO(AVMMIO, 0x03)
#define AVMM_GET_VCPU_MMAP_SIZE	_IO(AVMMIO, 0x04)

#define AVMM_VM_TYPE_ARM_IPA_SIZE_MASK	0xffULL

/*
 * AVMM_ARM_GET_REG_WRITABLE_MASKS: which bits of the ID registers user space
 * may write. The structure is only read; the 192 masks, 64 bits each, go to
 * @addr: op0 = 3, CRn = 0, and by op1 (0, 1, 3), CRm (0 to 7), op2 (0 to 7)
 */
#define AVMM_ARM_FEATURE_ID_RANGE	0
#define AVMM_ARM_FEATURE_ID_RANGE_SIZE	(3 * 8 * 8)

struct avmm_reg_mask_range {
	__u64 addr;
	__u32 range;		/* AVMM_ARM_FEATURE_ID_RANGE */
	__u32 reserved[13];	/* zeroes */
};

/**
 * struct avmm_arm_counter_offset - AVMM_ARM_SET_COUNTER_OFFSET
 * @counter_offset: what is subtracted from the machine's counter in CNTVCT_EL0
 *	and CNTPCT_EL0 of all vCPUs, in ticks
 * @reserved: 0
 */
struct avmm_arm_counter_offset {
	__u64 counter_offset;
	__u64 reserved;
};

/* ---- ioctls of a VM fd ---- */

#define AVMM_CREATE_VCPU	_IO(AVMMIO, 0x41)
#define AVMM_GET_DIRTY_LOG	_IOW(AVMMIO, 0x42, struct avmm_dirty_log)
#define AVMM_SET_USER_MEMORY_REGION	_IOW(AVMMIO, 0x46, struct avmm_userspace_memory_region)
#define AVMM_SET_USER_MEMORY_REGION2	_IOW(AVMMIO, 0x49, struct avmm_userspace_memory_region2)
#define AVMM_CREATE_IRQCHIP	_IO(AVMMIO, 0x60)
#define AVMM_IRQ_LINE		_IOW(AVMMIO, 0x61, struct avmm_irq_level)
#define AVMM_REGISTER_COALESCED_MMIO	_IOW(AVMMIO, 0x67, struct avmm_coalesced_mmio_zone)
#define AVMM_UNREGISTER_COALESCED_MMIO	_IOW(AVMMIO, 0x68, struct avmm_coalesced_mmio_zone)
#define AVMM_SET_GSI_ROUTING	_IOW(AVMMIO, 0x6a, struct avmm_irq_routing)
#define AVMM_IRQFD		_IOW(AVMMIO, 0x76, struct avmm_irqfd)
#define AVMM_IOEVENTFD		_IOW(AVMMIO, 0x79, struct avmm_ioeventfd)
#define AVMM_ENABLE_CAP		_IOW(AVMMIO, 0xa3, struct avmm_enable_cap)
#define AVMM_SIGNAL_MSI		_IOW(AVMMIO, 0xa5, struct avmm_msi)
#define AVMM_CLEAR_DIRTY_LOG	_IOWR(AVMMIO, 0xc0, struct avmm_clear_dirty_log)
#define AVMM_ARM_SET_DEVICE_ADDR	_IOW(AVMMIO, 0xab, struct avmm_arm_device_addr)
#define AVMM_ARM_PREFERRED_TARGET	_IOR(AVMMIO, 0xaf, struct avmm_vcpu_init)
#define AVMM_ARM_SET_COUNTER_OFFSET	_IOW(AVMMIO, 0xb5, struct avmm_arm_counter_offset)
#define AVMM_ARM_GET_REG_WRITABLE_MASKS	_IOR(AVMMIO, 0xb6, struct avmm_reg_mask_range)
#define AVMM_CREATE_DEVICE	_IOWR(AVMMIO, 0xe0, struct avmm_create_device)

/* ---- ioctls of a device fd; on a vCPU fd too ---- */

#define AVMM_SET_DEVICE_ATTR	_IOW(AVMMIO, 0xe1, struct avmm_device_attr)
#define AVMM_GET_DEVICE_ATTR	_IOW(AVMMIO, 0xe2, struct avmm_device_attr)
#define AVMM_HAS_DEVICE_ATTR	_IOW(AVMMIO, 0xe3, struct avmm_device_attr)

/* ---- ioctls of a vCPU fd ---- */

#define AVMM_RUN		_IO(AVMMIO, 0x80)
#define AVMM_SET_SIGNAL_MASK	_IOW(AVMMIO, 0x8b, struct avmm_signal_mask)
#define AVMM_GET_MP_STATE	_IOR(AVMMIO, 0x98, struct avmm_mp_state)
#define AVMM_SET_MP_STATE	_IOW(AVMMIO, 0x99, struct avmm_mp_state)
#define AVMM_GET_VCPU_EVENTS	_IOR(AVMMIO, 0x9f, struct avmm_vcpu_events)
#define AVMM_SET_VCPU_EVENTS	_IOW(AVMMIO, 0xa0, struct avmm_vcpu_events)
#define AVMM_GET_ONE_REG	_IOW(AVMMIO, 0xab, struct avmm_one_reg)
#define AVMM_SET_ONE_REG	_IOW(AVMMIO, 0xac, struct avmm_one_reg)
#define AVMM_ARM_VCPU_INIT	_IOW(AVMMIO, 0xae, struct avmm_vcpu_init)
#define AVMM_GET_REG_LIST	_IOWR(AVMMIO, 0xb0, struct avmm_reg_list)
#define AVMM_ARM_VCPU_FINALIZE	_IOW(AVMMIO, 0xc2, int)

/* ---- capabilities ---- */

#define AVMM_CAP_IRQCHIP			0
#define AVMM_CAP_USER_MEMORY			3
#define AVMM_CAP_NR_VCPUS			9
#define AVMM_CAP_NR_MEMSLOTS			10
#define AVMM_CAP_MP_STATE			14
#define AVMM_CAP_COALESCED_MMIO			15
#define AVMM_CAP_SYNC_MMU			16
#define AVMM_CAP_DESTROY_MEMORY_REGION_WORKS	21
#define AVMM_CAP_SET_GUEST_DEBUG		23
#define AVMM_CAP_IRQ_ROUTING			25
#define AVMM_CAP_IRQ_INJECT_STATUS		26
#define AVMM_CAP_JOIN_MEMORY_REGIONS_WORKS	30
#define AVMM_CAP_IRQFD				32
#define AVMM_CAP_IOEVENTFD			36
#define AVMM_CAP_INTERNAL_ERROR_DATA		40
#define AVMM_CAP_VCPU_EVENTS			41
#define AVMM_CAP_MAX_VCPUS			66
#define AVMM_CAP_ONE_REG			70
#define AVMM_CAP_SIGNAL_MSI			77
#define AVMM_CAP_READONLY_MEM			81
#define AVMM_CAP_IRQFD_RESAMPLE			82
#define AVMM_CAP_ARM_PSCI			87
#define AVMM_CAP_ARM_SET_DEVICE_ADDR		88
#define AVMM_CAP_DEVICE_CTRL			89
#define AVMM_CAP_ARM_EL1_32BIT			93
#define AVMM_CAP_ENABLE_CAP_VM			98
#define AVMM_CAP_IOEVENTFD_NO_LENGTH		100
#define AVMM_CAP_VM_ATTRIBUTES			101
#define AVMM_CAP_ARM_PSCI_0_2			102
#define AVMM_CAP_CHECK_EXTENSION_VM		105
#define AVMM_CAP_GUEST_DEBUG_HW_BPS		119
#define AVMM_CAP_GUEST_DEBUG_HW_WPS		120
#define AVMM_CAP_IOEVENTFD_ANY_LENGTH		122
#define AVMM_CAP_ARM_PMU_V3			126
#define AVMM_CAP_VCPU_ATTRIBUTES		127
#define AVMM_CAP_MAX_VCPU_ID			128
#define AVMM_CAP_MSI_DEVID			131
#define AVMM_CAP_IMMEDIATE_EXIT			136
#define AVMM_CAP_ARM_USER_IRQ			144
#define AVMM_CAP_ARM_INJECT_SERROR_ESR		158
#define AVMM_CAP_COALESCED_PIO			162
#define AVMM_CAP_ARM_VM_IPA_SIZE		165
#define AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2	168
#define AVMM_CAP_ARM_SVE			170
#define AVMM_CAP_ARM_PTRAUTH_ADDRESS		171
#define AVMM_CAP_ARM_PTRAUTH_GENERIC		172
#define AVMM_CAP_ARM_IRQ_LINE_LAYOUT_2		174
#define AVMM_CAP_ARM_NISV_TO_USER		177
#define AVMM_CAP_ARM_INJECT_EXT_DABT		178
#define AVMM_CAP_STEAL_TIME			187
#define AVMM_CAP_DIRTY_LOG_RING			192
#define AVMM_CAP_PTP_KVM			198
#define AVMM_CAP_BINARY_STATS_FD		203
#define AVMM_CAP_ARM_MTE			205
#define AVMM_CAP_SYSTEM_EVENT_DATA		215
#define AVMM_CAP_ARM_SYSTEM_SUSPEND		216
#define AVMM_CAP_COUNTER_OFFSET			227
#define AVMM_CAP_ARM_SUPPORTED_REG_MASK_RANGES	230	/* bit per AVMM_ARM_FEATURE_ID_RANGE */
#define AVMM_CAP_USER_MEMORY2			231
#define AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS	239

/*
 * ---- ONE_REG ids ----
 *
 * 0x60 in the top byte is arm64; then the size, the family ("coprocessor")
 * and the index within it.
 */

#define AVMM_REG_ARM64			0x6000000000000000ULL
#define AVMM_REG_ARCH_MASK		0xff00000000000000ULL
#define AVMM_REG_SIZE_SHIFT		52
#define AVMM_REG_SIZE_MASK		0x00f0000000000000ULL
#define AVMM_REG_SIZE_U32		0x0020000000000000ULL
#define AVMM_REG_SIZE_U64		0x0030000000000000ULL
#define AVMM_REG_SIZE_U128		0x0040000000000000ULL
#define AVMM_REG_SIZE(id)		(1U << (((id) & AVMM_REG_SIZE_MASK) >> AVMM_REG_SIZE_SHIFT))

#define AVMM_REG_ARM_COPROC_MASK	0x000000000fff0000ULL
#define AVMM_REG_ARM_COPROC_SHIFT	16
#define AVMM_REG_ARM_CORE		(0x10ULL << AVMM_REG_ARM_COPROC_SHIFT)
#define AVMM_REG_ARM_DEMUX		(0x11ULL << AVMM_REG_ARM_COPROC_SHIFT)
#define AVMM_REG_ARM64_SYSREG		(0x13ULL << AVMM_REG_ARM_COPROC_SHIFT)
#define AVMM_REG_ARM_FW			(0x14ULL << AVMM_REG_ARM_COPROC_SHIFT)
#define AVMM_REG_ARM_FW_FEAT_BMAP	(0x16ULL << AVMM_REG_ARM_COPROC_SHIFT)

/* index of a core register: AVMM_REG_ARM_CORE_REG(regs.pc) and so on */
#define AVMM_REG_ARM_CORE_REG(name)	(__builtin_offsetof(struct avmm_regs, name) / sizeof(__u32))

#define AVMM_REG_ARM_DEMUX_ID_MASK	0xff00ULL
#define AVMM_REG_ARM_DEMUX_ID_CCSIDR	(0ULL << 8)
#define AVMM_REG_ARM_DEMUX_VAL_MASK	0xffULL

/* index of a system register: op0, op1, CRn, CRm, op2 as in MRS/MSR */
#define AVMM_ARM64_SYS_REG(op0, op1, crn, crm, op2)				\
	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM64_SYSREG |		\
	 ((__u64)(op0) << 14) | ((__u64)(op1) << 11) | ((__u64)(crn) << 7) |	\
	 ((__u64)(crm) << 3) | (__u64)(op2))

#define AVMM_REG_ARM_PTIMER_CTL		AVMM_ARM64_SYS_REG(3, 3, 14, 2, 1)
#define AVMM_REG_ARM_PTIMER_CVAL	AVMM_ARM64_SYS_REG(3, 3, 14, 2, 2)
#define AVMM_REG_ARM_PTIMER_CNT		AVMM_ARM64_SYS_REG(3, 3, 14, 0, 1)
#define AVMM_REG_ARM_TIMER_CTL		AVMM_ARM64_SYS_REG(3, 3, 14, 3, 1)
/* These two carry each other's encoding. KVM's ABI has it so; it stays. */
#define AVMM_REG_ARM_TIMER_CVAL		AVMM_ARM64_SYS_REG(3, 3, 14, 0, 2)
#define AVMM_REG_ARM_TIMER_CNT		AVMM_ARM64_SYS_REG(3, 3, 14, 3, 2)

#define AVMM_REG_ARM_FW_REG(r)						\
	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM_FW | ((r) & 0xffff))
#define AVMM_REG_ARM_PSCI_VERSION		AVMM_REG_ARM_FW_REG(0)
#define AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_1	AVMM_REG_ARM_FW_REG(1)
#define AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_2	AVMM_REG_ARM_FW_REG(2)
#define AVMM_REG_ARM_SMCCC_ARCH_WORKAROUND_3	AVMM_REG_ARM_FW_REG(3)

#define AVMM_REG_ARM_FW_FEAT_BMAP_REG(r)				\
	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM_FW_FEAT_BMAP | ((r) & 0xffff))
#define AVMM_REG_ARM_STD_BMAP			AVMM_REG_ARM_FW_FEAT_BMAP_REG(0)
#define AVMM_REG_ARM_STD_HYP_BMAP		AVMM_REG_ARM_FW_FEAT_BMAP_REG(1)
#define AVMM_REG_ARM_VENDOR_HYP_BMAP		AVMM_REG_ARM_FW_FEAT_BMAP_REG(2)
#define AVMM_REG_ARM_VENDOR_HYP_BMAP_2		AVMM_REG_ARM_FW_FEAT_BMAP_REG(3)

/* ---- device attributes ---- */

#define AVMM_VGIC_V2_ADDR_TYPE_DIST		0
#define AVMM_VGIC_V2_ADDR_TYPE_CPU		1
#define AVMM_VGIC_V3_ADDR_TYPE_DIST		2
#define AVMM_VGIC_V3_ADDR_TYPE_REDIST		3
#define AVMM_VGIC_ITS_ADDR_TYPE			4
#define AVMM_VGIC_V3_ADDR_TYPE_REDIST_REGION	5

#define AVMM_VGIC_V2_DIST_SIZE			0x1000
#define AVMM_VGIC_V2_CPU_SIZE			0x2000
#define AVMM_VGIC_V3_DIST_SIZE			0x10000
#define AVMM_VGIC_V3_REDIST_SIZE		0x20000
#define AVMM_VGIC_V3_ITS_SIZE			0x20000

#define AVMM_DEV_ARM_VGIC_GRP_ADDR		0
#define AVMM_DEV_ARM_VGIC_GRP_DIST_REGS		1
#define AVMM_DEV_ARM_VGIC_GRP_CPU_REGS		2
#define AVMM_DEV_ARM_VGIC_GRP_NR_IRQS		3
#define AVMM_DEV_ARM_VGIC_GRP_CTRL		4
#define AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS	5
#define AVMM_DEV_ARM_VGIC_GRP_CPU_SYSREGS	6
#define AVMM_DEV_ARM_VGIC_GRP_LEVEL_INFO	7
#define AVMM_DEV_ARM_VGIC_GRP_ITS_REGS		8

#define AVMM_DEV_ARM_VGIC_CPUID_SHIFT		32
#define AVMM_DEV_ARM_VGIC_CPUID_MASK		(0xffULL << 32)
#define AVMM_DEV_ARM_VGIC_V3_MPIDR_SHIFT	32
#define AVMM_DEV_ARM_VGIC_V3_MPIDR_MASK		(0xffffffffULL << 32)
#define AVMM_DEV_ARM_VGIC_OFFSET_MASK		0xffffffffULL
#define AVMM_DEV_ARM_VGIC_SYSREG_INSTR_MASK	0xffffULL
#define AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT	10
#define AVMM_DEV_ARM_VGIC_LINE_LEVEL_INFO_MASK	(0x3fffffULL << 10)
#define AVMM_DEV_ARM_VGIC_LINE_LEVEL_INTID_MASK	0x3ff
#define AVMM_VGIC_LEVEL_INFO_LINE_LEVEL		0

#define AVMM_DEV_ARM_VGIC_CTRL_INIT		0
#define AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES	3
#define AVMM_DEV_ARM_ITS_SAVE_TABLES		1
#define AVMM_DEV_ARM_ITS_RESTORE_TABLES		2
#define AVMM_DEV_ARM_ITS_CTRL_RESET		4

#define AVMM_ARM_VCPU_PMU_V3_CTRL		0
#define AVMM_ARM_VCPU_TIMER_CTRL		1
#define AVMM_ARM_VCPU_TIMER_IRQ_VTIMER		0
#define AVMM_ARM_VCPU_TIMER_IRQ_PTIMER		1
#define AVMM_ARM_VCPU_PVTIME_CTRL		2
#define AVMM_ARM_VCPU_PVTIME_IPA		0

#endif /* _UAPI_LINUX_AVMM_H */
