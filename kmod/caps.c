// SPDX-License-Identifier: GPL-2.0
/*
 * Every capability AVMM answers, in one table. What is not here is 0: not
 * offered. A capability enters together with the feature and its test.
 */
#include <linux/cpumask.h>
#include "avmm.h"

struct cap {
	u16 cap;
	int value;
	int (*fn)(struct avmm_vm *vm);	/* instead of @value */
};

static int nr_vcpus(struct avmm_vm *vm)
{
	return min(num_online_cpus(), vgic_max_vcpus(NULL));
}

static int max_vcpus(struct avmm_vm *vm)
{
	return vgic_max_vcpus(vm);
}

static int ipa_size(struct avmm_vm *vm)
{
	return avmm_host.ipa_bits;
}

static int has_ras(struct avmm_vm *vm)
{
	return avmm_host.has_ras;
}

/* a question about a VM: the system fd has no answer, and KVM says so */
static int msi_devid(struct avmm_vm *vm)
{
	return vm ? vm->arch.vgic.has_its : -EINVAL;
}

static int steal_time(struct avmm_vm *vm)
{
	return avmm_pvtime_supported();
}

static const struct cap caps[] = {
	{ AVMM_CAP_IRQCHIP, 1 },
	{ AVMM_CAP_USER_MEMORY, 1 },
	{ AVMM_CAP_NR_VCPUS, .fn = nr_vcpus },
	{ AVMM_CAP_NR_MEMSLOTS, AVMM_NR_MEMSLOTS },
	{ AVMM_CAP_MP_STATE, 1 },
	{ AVMM_CAP_COALESCED_MMIO, AVMM_COALESCED_PAGE },
	{ AVMM_CAP_SYNC_MMU, 1 },
	{ AVMM_CAP_DESTROY_MEMORY_REGION_WORKS, 1 },
	{ AVMM_CAP_IRQ_ROUTING, AVMM_MAX_GSIS },
	{ AVMM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1 },
	{ AVMM_CAP_IRQFD, 1 },
	{ AVMM_CAP_IOEVENTFD, 1 },
	{ AVMM_CAP_INTERNAL_ERROR_DATA, 1 },
	{ AVMM_CAP_VCPU_EVENTS, 1 },
	{ AVMM_CAP_MAX_VCPUS, .fn = max_vcpus },
	{ AVMM_CAP_ONE_REG, 1 },
	{ AVMM_CAP_SIGNAL_MSI, 1 },
	{ AVMM_CAP_READONLY_MEM, 1 },
	{ AVMM_CAP_IRQFD_RESAMPLE, 1 },
	{ AVMM_CAP_ARM_PSCI, 1 },
	{ AVMM_CAP_ARM_SET_DEVICE_ADDR, 1 },
	{ AVMM_CAP_DEVICE_CTRL, 1 },
	{ AVMM_CAP_ENABLE_CAP_VM, 1 },
	{ AVMM_CAP_ARM_PSCI_0_2, 1 },
	{ AVMM_CAP_CHECK_EXTENSION_VM, 1 },
	{ AVMM_CAP_IOEVENTFD_ANY_LENGTH, 1 },
	{ AVMM_CAP_VCPU_ATTRIBUTES, 1 },
	{ AVMM_CAP_MAX_VCPU_ID, AVMM_MAX_VCPUS },
	{ AVMM_CAP_MSI_DEVID, .fn = msi_devid },
	{ AVMM_CAP_IMMEDIATE_EXIT, 1 },
	{ AVMM_CAP_ARM_INJECT_SERROR_ESR, .fn = has_ras },
	{ AVMM_CAP_COALESCED_PIO, 1 },
	{ AVMM_CAP_ARM_VM_IPA_SIZE, .fn = ipa_size },
	{ AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, AVMM_LOG_MANUAL_ALL },
	{ AVMM_CAP_ARM_IRQ_LINE_LAYOUT_2, 1 },
	{ AVMM_CAP_ARM_NISV_TO_USER, 1 },
	{ AVMM_CAP_ARM_INJECT_EXT_DABT, 1 },
	{ AVMM_CAP_PTP_KVM, 1 },
	{ AVMM_CAP_STEAL_TIME, .fn = steal_time },
	{ AVMM_CAP_SYSTEM_EVENT_DATA, 1 },
	{ AVMM_CAP_ARM_SYSTEM_SUSPEND, 1 },
	{ AVMM_CAP_COUNTER_OFFSET, AVMM_LIST_PTIMER },
	{ AVMM_CAP_ARM_SUPPORTED_REG_MASK_RANGES,
	  AVMM_WRITABLE_IDS << AVMM_ARM_FEATURE_ID_RANGE },
	{ AVMM_CAP_USER_MEMORY2, AVMM_HAS_MEMORY_REGION2 },
	{ AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS, AVMM_WRITABLE_IMP_IDS },
};

/**
 * avmm_check_extension - value of a capability
 * @vm: the VM asked, or NULL on the system fd
 * @cap: AVMM_CAP_*
 *
 * Return: 0 if AVMM does not have it
 */
int avmm_check_extension(struct avmm_vm *vm, unsigned long cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].cap == cap)
			return caps[i].fn ? caps[i].fn(vm) : caps[i].value;
	return 0;
}
