// SPDX-License-Identifier: GPL-2.0
/*
 * Compares include/uapi/linux/avmm.h with the arm64 <linux/kvm.h>: every constant, and the size
 * and place of every field.
 *
 * Built twice. With EMIT_TABLE the compiler for ARM writes an assembly file, in which each row is
 * a line of two numbers; the program, for the build machine, reads that file and reports. The
 * constants' names are taken from avmm.h itself by the Makefile, so that none can be forgotten.
 */
#ifdef EMIT_TABLE

#include <stddef.h>

#include <linux/kvm.h>

#include <linux/avmm.h>

#define ROW(name, kvm, avmm)						\
	asm volatile("\n@row " #name " %0 %1" : : "i"((long)(kvm)), "i"((long)(avmm)));
#define MISSING(name, avmm)	asm volatile("\n@missing " #name " 0 %0" : : "i"((long)(avmm)));

/* linux/kvm.h uses what it does not define, and names one constant otherwise */
#define KVM_VGIC_LEVEL_INFO_LINE_LEVEL	VGIC_LEVEL_INFO_LINE_LEVEL
#define SZ_64K			0x10000
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))

#define TYPE(kvm, avmm)		TYPE_(kvm, avmm)
#define FIELD(kvm, avmm, f)	FIELD_(kvm, avmm, f)
#define TYPE_(kvm, avmm)	ROW(sizeof:avmm, sizeof(struct kvm), sizeof(struct avmm))
#define FIELD_(kvm, avmm, f)						\
	ROW(offset:avmm.f, offsetof(struct kvm, f), offsetof(struct avmm, f))	\
	ROW(size:avmm.f, sizeof(((struct kvm *)0)->f), sizeof(((struct avmm *)0)->f))

void constants(void);
void constants(void)
{
#include "uapi_layout.names.h"
	ROW(AVMMIO, KVMIO, AVMMIO)
	/* macros with arguments, at a place or two */
	ROW(REG_SIZE(U128), KVM_REG_SIZE(KVM_REG_SIZE_U128), AVMM_REG_SIZE(AVMM_REG_SIZE_U128))
	ROW(SYS_REG(3:0:1:0:2), ARM64_SYS_REG(3, 0, 1, 0, 2), AVMM_ARM64_SYS_REG(3, 0, 1, 0, 2))
	ROW(SYS_REG(2:7:15:15:7), ARM64_SYS_REG(2, 7, 15, 15, 7),
	    AVMM_ARM64_SYS_REG(2, 7, 15, 15, 7))
	ROW(FW_REG(3), KVM_REG_ARM_FW_REG(3), AVMM_REG_ARM_FW_REG(3))
	ROW(FW_FEAT_BMAP_REG(2), KVM_REG_ARM_FW_FEAT_BMAP_REG(2), AVMM_REG_ARM_FW_FEAT_BMAP_REG(2))
	ROW(CORE_REG(regs.regs[30]), KVM_REG_ARM_CORE_REG(regs.regs[30]),
	    AVMM_REG_ARM_CORE_REG(regs.regs[30]))
	ROW(CORE_REG(regs.pc), KVM_REG_ARM_CORE_REG(regs.pc), AVMM_REG_ARM_CORE_REG(regs.pc))
	ROW(CORE_REG(fp_regs.vregs[31]), KVM_REG_ARM_CORE_REG(fp_regs.vregs[31]),
	    AVMM_REG_ARM_CORE_REG(fp_regs.vregs[31]))
}

void structures(void);
void structures(void)
{
#define K	kvm_userspace_memory_region
#define A	avmm_userspace_memory_region
	TYPE(K, A) FIELD(K, A, slot) FIELD(K, A, flags) FIELD(K, A, guest_phys_addr)
	FIELD(K, A, memory_size)
	FIELD(K, A, userspace_addr)
#undef K
#undef A
#ifdef KVM_SET_USER_MEMORY_REGION2
#define K	kvm_userspace_memory_region2
#else	/* what is the same in the old one; the whole size is in the ioctl's number */
#define K	kvm_userspace_memory_region
#endif
#define A	avmm_userspace_memory_region2
	FIELD(K, A, slot) FIELD(K, A, flags) FIELD(K, A, guest_phys_addr)
	FIELD(K, A, memory_size) FIELD(K, A, userspace_addr)
#ifdef KVM_SET_USER_MEMORY_REGION2
	TYPE(K, A) FIELD(K, A, guest_memfd_offset) FIELD(K, A, guest_memfd)
	FIELD(K, A, pad1) FIELD(K, A, pad2)
#endif
#undef K
#undef A
#define K	kvm_dirty_log
#define A	avmm_dirty_log
	TYPE(K, A) FIELD(K, A, slot) FIELD(K, A, padding1) FIELD(K, A, dirty_bitmap)
#undef K
#undef A
#define K	kvm_clear_dirty_log
#define A	avmm_clear_dirty_log
	TYPE(K, A) FIELD(K, A, slot) FIELD(K, A, num_pages) FIELD(K, A, first_page)
	FIELD(K, A, dirty_bitmap)
#undef K
#undef A
#define K	kvm_arm_device_addr
#define A	avmm_arm_device_addr
	TYPE(K, A) FIELD(K, A, id) FIELD(K, A, addr)
#undef K
#undef A
#define K	kvm_irq_level
#define A	avmm_irq_level
	TYPE(K, A) FIELD(K, A, irq) FIELD(K, A, status) FIELD(K, A, level)
#undef K
#undef A
#define K	kvm_create_device
#define A	avmm_create_device
	TYPE(K, A) FIELD(K, A, type) FIELD(K, A, fd) FIELD(K, A, flags)
#undef K
#undef A
#define K	kvm_device_attr
#define A	avmm_device_attr
	TYPE(K, A) FIELD(K, A, flags) FIELD(K, A, group) FIELD(K, A, attr)
	FIELD(K, A, addr)
#undef K
#undef A
#define K	kvm_enable_cap
#define A	avmm_enable_cap
	TYPE(K, A) FIELD(K, A, cap) FIELD(K, A, flags) FIELD(K, A, args) FIELD(K, A, pad)
#undef K
#undef A
#define K	kvm_irqfd
#define A	avmm_irqfd
	TYPE(K, A) FIELD(K, A, fd) FIELD(K, A, gsi) FIELD(K, A, flags)
	FIELD(K, A, resamplefd) FIELD(K, A, pad)
#undef K
#undef A
#define K	kvm_ioeventfd
#define A	avmm_ioeventfd
	TYPE(K, A) FIELD(K, A, datamatch) FIELD(K, A, addr) FIELD(K, A, len)
	FIELD(K, A, fd) FIELD(K, A, flags)
	FIELD(K, A, pad)
#undef K
#undef A
#define K	kvm_irq_routing_entry
#define A	avmm_irq_routing_entry
	TYPE(K, A) FIELD(K, A, gsi) FIELD(K, A, type) FIELD(K, A, flags)
	FIELD(K, A, u.irqchip.irqchip) FIELD(K, A, u.irqchip.pin)
	FIELD(K, A, u.msi.address_lo) FIELD(K, A, u.msi.address_hi) FIELD(K, A, u.msi.data)
	FIELD(K, A, u.msi.devid)
#undef K
#undef A
#define K	kvm_irq_routing
#define A	avmm_irq_routing
	TYPE(K, A) FIELD(K, A, nr) FIELD(K, A, flags)
	ROW(offset:avmm_irq_routing.entries, offsetof(struct K, entries),
	    offsetof(struct A, entries))
#undef K
#undef A
#define K	kvm_coalesced_mmio_zone
#define A	avmm_coalesced_mmio_zone
	TYPE(K, A) FIELD(K, A, addr) FIELD(K, A, size) FIELD(K, A, pio)
#undef K
#undef A
#define K	kvm_coalesced_mmio
#define A	avmm_coalesced_mmio
	TYPE(K, A) FIELD(K, A, phys_addr) FIELD(K, A, len) FIELD(K, A, pio) FIELD(K, A, data)
#undef K
#undef A
#define K	kvm_coalesced_mmio_ring
#define A	avmm_coalesced_mmio_ring
	TYPE(K, A) FIELD(K, A, first) FIELD(K, A, last)
	ROW(offset:avmm_coalesced_mmio_ring.coalesced_mmio, offsetof(struct K, coalesced_mmio),
	    offsetof(struct A, coalesced_mmio))
#undef K
#undef A
#define K	kvm_msi
#define A	avmm_msi
	TYPE(K, A) FIELD(K, A, address_lo) FIELD(K, A, address_hi) FIELD(K, A, data)
	FIELD(K, A, flags)
	FIELD(K, A, devid) FIELD(K, A, pad)
#undef K
#undef A
#define K	kvm_vcpu_init
#define A	avmm_vcpu_init
	TYPE(K, A) FIELD(K, A, target) FIELD(K, A, features)
#undef K
#undef A
#define K	kvm_one_reg
#define A	avmm_one_reg
	TYPE(K, A) FIELD(K, A, id) FIELD(K, A, addr)
#undef K
#undef A
#define K	kvm_reg_list
#define A	avmm_reg_list
	TYPE(K, A) FIELD(K, A, n)
	ROW(offset:avmm_reg_list.reg, offsetof(struct K, reg), offsetof(struct A, reg))
#undef K
#undef A
#define K	kvm_mp_state
#define A	avmm_mp_state
	TYPE(K, A) FIELD(K, A, mp_state)
#undef K
#undef A
#define K	kvm_vcpu_events
#define A	avmm_vcpu_events
	TYPE(K, A) FIELD(K, A, exception) FIELD(K, A, exception.serror_pending)
	FIELD(K, A, exception.serror_has_esr)
	FIELD(K, A, exception.ext_dabt_pending) FIELD(K, A, exception.serror_esr)
	FIELD(K, A, reserved)
#undef K
#undef A
#define K	kvm_signal_mask
#define A	avmm_signal_mask
	TYPE(K, A) FIELD(K, A, len)
	ROW(offset:avmm_signal_mask.sigset, offsetof(struct K, sigset), offsetof(struct A, sigset))
#undef K
#undef A
#define K	kvm_regs
#define A	avmm_regs
	TYPE(K, A) FIELD(K, A, regs.regs) FIELD(K, A, regs.sp) FIELD(K, A, regs.pc)
	FIELD(K, A, regs.pstate)
	FIELD(K, A, sp_el1) FIELD(K, A, elr_el1) FIELD(K, A, spsr)
	FIELD(K, A, fp_regs.vregs) FIELD(K, A, fp_regs.fpsr)
	FIELD(K, A, fp_regs.fpcr)
#undef K
#undef A
#define K	kvm_run
#define A	avmm_run
	TYPE(K, A) FIELD(K, A, request_interrupt_window) FIELD(K, A, immediate_exit)
	FIELD(K, A, exit_reason)
	FIELD(K, A, ready_for_interrupt_injection) FIELD(K, A, if_flag) FIELD(K, A, flags)
	FIELD(K, A, cr8)
	FIELD(K, A, apic_base) FIELD(K, A, hw.hardware_exit_reason)
	FIELD(K, A, fail_entry.hardware_entry_failure_reason) FIELD(K, A, fail_entry.cpu)
	FIELD(K, A, hypercall.nr) FIELD(K, A, hypercall.args) FIELD(K, A, hypercall.ret)
	FIELD(K, A, mmio.phys_addr) FIELD(K, A, mmio.data) FIELD(K, A, mmio.len)
	FIELD(K, A, mmio.is_write)
	FIELD(K, A, internal.suberror) FIELD(K, A, internal.ndata)
	FIELD(K, A, internal.data)
	FIELD(K, A, system_event.type) FIELD(K, A, system_event.ndata)
	FIELD(K, A, system_event.data)
	FIELD(K, A, arm_nisv.esr_iss) FIELD(K, A, arm_nisv.fault_ipa)
	FIELD(K, A, kvm_valid_regs) FIELD(K, A, kvm_dirty_regs) FIELD(K, A, s)
	FIELD(K, A, s.regs.device_irq_level)
	ROW(offset:avmm_run.debug.far, offsetof(struct K, debug.arch.far),
	    offsetof(struct A, debug.far))
	ROW(offset:avmm_run.debug.hsr, offsetof(struct K, debug.arch.hsr),
	    offsetof(struct A, debug.hsr))
#undef K
#undef A
}

#else /* the program */

#include "lib/tap.h"

/* What the header of the build machine may be too old for; the numbers are fixed all the same. */
static const struct {
	const char *name;
	long value;
} newer[] = {
	{ "EXIT_MEMORY_FAULT", 39 },
	{ "REG_ARM_VENDOR_HYP_BMAP_2", 0x6030000000160003 },
	{ "MEM_GUEST_MEMFD", 4 },
	{ "SET_USER_MEMORY_REGION2", 0x40a0ae49 },
	{ "CAP_USER_MEMORY2", 231 },
	{ "CAP_COUNTER_OFFSET", 227 },
	{ "ARM_SET_COUNTER_OFFSET", 0x4010aeb5 },
	{ "CAP_ARM_SUPPORTED_REG_MASK_RANGES", 230 },
	{ "CAP_ARM_WRITABLE_IMP_ID_REGS", 239 },
	{ "ARM_GET_REG_WRITABLE_MASKS", 0x8040aeb6 },
	{ "ARM_FEATURE_ID_RANGE", 0 },
	{ "SYSTEM_EVENT_SHUTDOWN_FLAG_PSCI_OFF2", 1 },
	{ "ARM_FEATURE_ID_RANGE_SIZE", 192 },
};

static long known_newer(const char *name)
{
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
		if (!strcmp(newer[i].name, name))
			return newer[i].value;
	return -1;
}

int main(void)
{
	FILE *f = fopen(TABLE, "r");
	char line[512], kind[16], name[128];
	long kvm, avmm;
	const char *p;
	int rows = 0;

	tap_begin();
	if (!f)
		tap_bail("cannot open %s", TABLE);
	while (fgets(line, sizeof(line), f)) {
		p = strchr(line, '@');
		/* numbers as the assembler writes them, with '#' before or without */
		if (!p || sscanf(p, "@%15s %127s", kind, name) != 2)
			continue;
		for (char *c = line; *c; c++)
			if (*c == '#')
				*c = ' ';
		if (sscanf(p, "@%*s %*s %ld %ld", &kvm, &avmm) != 2)
			continue;
		rows++;
		if (!strcmp(kind, "missing")) {
			if (known_newer(name) >= 0)
				tap_eq(avmm, known_newer(name), "%s", name);
			else
				tap_ok(false, "%s has a counterpart in linux/kvm.h", name);
			continue;
		}
		tap_eq(avmm, kvm, "%s", name);
	}
	fclose(f);
	tap_ok(rows > 300, "the table is whole: %d rows", rows);
	return tap_end();
}

#endif
