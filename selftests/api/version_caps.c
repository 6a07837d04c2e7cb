// SPDX-License-Identifier: GPL-2.0
/* The version, the capabilities that clients look at, and what CREATE_VM takes. */
#include "avmm_util.h"

#define SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Without these, with this value at least, one client or another does not start. */
static const struct {
	unsigned int cap;
	int least;
	const char *name;
} needed[] = {
	{ AVMM_CAP_IRQCHIP, 1, "IRQCHIP" },
	{ AVMM_CAP_USER_MEMORY, 1, "USER_MEMORY" },
	{ AVMM_CAP_NR_VCPUS, 1, "NR_VCPUS" },
	{ AVMM_CAP_NR_MEMSLOTS, 32, "NR_MEMSLOTS" },
	{ AVMM_CAP_MP_STATE, 1, "MP_STATE" },
	{ AVMM_CAP_SYNC_MMU, 1, "SYNC_MMU" },
	{ AVMM_CAP_DESTROY_MEMORY_REGION_WORKS, 1, "DESTROY_MEMORY_REGION_WORKS" },
	{ AVMM_CAP_JOIN_MEMORY_REGIONS_WORKS, 1, "JOIN_MEMORY_REGIONS_WORKS" },
	{ AVMM_CAP_MAX_VCPUS, 4, "MAX_VCPUS" },
	{ AVMM_CAP_MAX_VCPU_ID, 4, "MAX_VCPU_ID" },
	{ AVMM_CAP_ONE_REG, 1, "ONE_REG" },
	{ AVMM_CAP_ARM_PSCI, 1, "ARM_PSCI" },
	{ AVMM_CAP_ARM_PSCI_0_2, 1, "ARM_PSCI_0_2" },
	{ AVMM_CAP_DEVICE_CTRL, 1, "DEVICE_CTRL" },
	{ AVMM_CAP_IMMEDIATE_EXIT, 1, "IMMEDIATE_EXIT" },
	{ AVMM_CAP_ARM_VM_IPA_SIZE, 32, "ARM_VM_IPA_SIZE" },
	{ AVMM_CAP_CHECK_EXTENSION_VM, 1, "CHECK_EXTENSION_VM" },
	{ AVMM_CAP_IRQFD, 1, "IRQFD" },
	{ AVMM_CAP_IRQFD_RESAMPLE, 1, "IRQFD_RESAMPLE" },
	{ AVMM_CAP_IOEVENTFD, 1, "IOEVENTFD" },
	{ AVMM_CAP_IOEVENTFD_ANY_LENGTH, 1, "IOEVENTFD_ANY_LENGTH" },
	{ AVMM_CAP_IRQ_ROUTING, 4096, "IRQ_ROUTING" },
	{ AVMM_CAP_INTERNAL_ERROR_DATA, 1, "INTERNAL_ERROR_DATA" },
	{ AVMM_CAP_VCPU_EVENTS, 1, "VCPU_EVENTS" },
	{ AVMM_CAP_READONLY_MEM, 1, "READONLY_MEM" },
};

/* Not of this architecture, not of any, and one that clients ask for in vain. */
static const unsigned int absent[] = { 1,    2,		 4,	    6,
				       7,    31,	 50,	    AVMM_CAP_VM_ATTRIBUTES,
				       9999, 0x7fffffff, 0xffffffff };

int main(void)
{
	int dev, vm, size, ipa, v, page = sysconf(_SC_PAGESIZE);
	unsigned int i, differ = 0;
	struct avmm_run *run;

	test_begin(280);
	dev = device_open();
	tap_eq(avmm_get_api_version(dev), 12, "GET_API_VERSION is 12");
	tap_eq(-avmm_ioctl_value(dev, AVMM_GET_API_VERSION, 1), EINVAL,
	       "GET_API_VERSION with an argument");
	size = avmm_get_vcpu_mmap_size(dev);
	tap_ok(size >= page && size % page == 0, "GET_VCPU_MMAP_SIZE is %d", size);
	tap_eq(-avmm_ioctl_value(dev, AVMM_GET_VCPU_MMAP_SIZE, 1), EINVAL,
	       "GET_VCPU_MMAP_SIZE with an argument");

	vm = avmm_create_vm(dev, 0);
	tap_ok(vm >= 0, "CREATE_VM of type 0");
	for (i = 0; i < SIZE(needed); i++) {
		v = avmm_check_extension(dev, needed[i].cap);
		tap_ok(v >= needed[i].least, "capability %s is %d, at least %d", needed[i].name, v,
		       needed[i].least);
	}
	for (i = 0; i < SIZE(absent); i++)
		tap_eq(avmm_check_extension(dev, absent[i]), 0, "capability %u is 0", absent[i]);
	/* up to the last one that the header knows; newer ones of KVM's may be of a VM only */
	for (i = 0; i <= AVMM_CAP_ARM_SYSTEM_SUSPEND; i++) {
		if (i == AVMM_CAP_MSI_DEVID)	/* asked of a VM only */
			continue;
		if (avmm_check_extension(dev, i) == avmm_check_extension(vm, i))
			continue;
		tap_diag("capability %u: %d, VM %d", i, avmm_check_extension(dev, i),
			 avmm_check_extension(vm, i));
		differ++;
	}
	tap_eq(differ, 0, "the VM's capabilities are the device's");

	v = avmm_create_vcpu(vm, 0);
	tap_eq(-avmm_map_run(v, size, &run), 0, "the run page can be mapped in that size");
	tap_ok(run->exit_reason == 0 && run->immediate_exit == 0, "and is clean");
	avmm_unmap_run(run, size);
	close(v);
	close(vm);

	ipa = avmm_check_extension(dev, AVMM_CAP_ARM_VM_IPA_SIZE);
	for (i = 0; i < 64; i++) {
		bool good = i == 0 ? ipa >= 40 : i >= 32 && i <= (unsigned int)ipa;

		vm = avmm_create_vm(dev, i);
		if (good ? vm < 0 : vm != -EINVAL)
			tap_ok(false, "CREATE_VM of %u bits: %d", i, vm);
		if (vm >= 0)
			close(vm);
	}
	tap_ok(true, "CREATE_VM takes 32 to %d bits", ipa);
	tap_eq(-avmm_create_vm(dev, 0x100), EINVAL, "CREATE_VM of type 0x100");
	tap_eq(-avmm_create_vm(dev, 1UL << 40), EINVAL, "CREATE_VM of type 1 << 40");
	close(dev);
	return tap_end();
}
