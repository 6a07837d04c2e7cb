// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/avmm as functions. See libavmm.h for the conventions and Documentation/api.rst
 * for what each ioctl means, expects and refuses.
 */
#include "libavmm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * avmm_ioctl() - any ioctl whose argument is a pointer
 * @fd: system, VM, vCPU or device fd
 * @request: the ioctl's number
 * @arg: what the number asks for; handed on as it is
 *
 * Return: what the ioctl returns, or a negative errno.
 */
int avmm_ioctl(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/**
 * avmm_ioctl_value() - any ioctl whose argument is a number
 * @fd: system, VM, vCPU or device fd
 * @request: the ioctl's number
 * @arg: the argument
 *
 * Return: what the ioctl returns, or a negative errno.
 */
int avmm_ioctl_value(int fd, unsigned long request, unsigned long arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

/* ---- system fd ---- */

/**
 * avmm_open() - open the device and check that it speaks our version
 * @path: device node, or NULL for /dev/avmm
 *
 * Return: the system fd; -EPROTO if the device speaks another version of the API; -ENOTTY if the
 * file is no such device; else the errno of open().
 */
int avmm_open(const char *path)
{
	int version;
	int fd = open(path ? path : AVMM_DEVICE_PATH, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	version = avmm_get_api_version(fd);
	if (version == AVMM_API_VERSION)
		return fd;
	close(fd);
	return version < 0 ? version : -EPROTO;
}

/**
 * avmm_get_api_version() - AVMM_GET_API_VERSION
 * @dev: system fd
 *
 * Return: the version, which is AVMM_API_VERSION for ever, or a negative errno.
 */
int avmm_get_api_version(int dev)
{
	return avmm_ioctl_value(dev, AVMM_GET_API_VERSION, 0);
}

/**
 * avmm_check_extension() - AVMM_CHECK_EXTENSION
 * @fd: system fd, or VM fd where the answer may differ by VM
 * @cap: AVMM_CAP_*
 *
 * Return: 0 if the capability is not there, else a number whose meaning is the capability's.
 */
int avmm_check_extension(int fd, unsigned long cap)
{
	return avmm_ioctl_value(fd, AVMM_CHECK_EXTENSION, cap);
}

/**
 * avmm_get_vcpu_mmap_size() - AVMM_GET_VCPU_MMAP_SIZE
 * @dev: system fd
 *
 * Return: the size in bytes that avmm_map_run() is to be given, or a negative errno.
 */
int avmm_get_vcpu_mmap_size(int dev)
{
	return avmm_ioctl_value(dev, AVMM_GET_VCPU_MMAP_SIZE, 0);
}

/**
 * avmm_create_vm() - AVMM_CREATE_VM
 * @dev: system fd
 * @type: bits 7:0 are the size of the guest's physical addresses in bits, 0 stands for 40
 *
 * Setting up a VM's memory management takes locks that a signal may interrupt: -EINTR means that
 * nothing was done, and the call is made again here.
 *
 * Return: the VM fd, or a negative errno.
 */
int avmm_create_vm(int dev, unsigned long type)
{
	int ret;

	do {
		ret = avmm_ioctl_value(dev, AVMM_CREATE_VM, type);
	} while (ret == -EINTR);
	return ret;
}

/* ---- VM fd ---- */

/**
 * avmm_create_vcpu() - AVMM_CREATE_VCPU
 * @vm: VM fd
 * @id: number of the vCPU, from which its MPIDR_EL1 is made
 *
 * Return: the vCPU fd, or a negative errno.
 */
int avmm_create_vcpu(int vm, unsigned long id)
{
	return avmm_ioctl_value(vm, AVMM_CREATE_VCPU, id);
}

/**
 * avmm_set_user_memory_region() - AVMM_SET_USER_MEMORY_REGION
 * @vm: VM fd
 * @region: the slot; memory_size 0 deletes it
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_user_memory_region(int vm, const struct avmm_userspace_memory_region *region)
{
	return avmm_ioctl(vm, AVMM_SET_USER_MEMORY_REGION, (void *)region);
}

/**
 * avmm_set_user_memory_region2() - AVMM_SET_USER_MEMORY_REGION2
 * @vm: VM fd
 * @region: the slot; memory_size 0 deletes it
 *
 * Wants AVMM_CAP_USER_MEMORY2.
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_user_memory_region2(int vm, const struct avmm_userspace_memory_region2 *region)
{
	return avmm_ioctl(vm, AVMM_SET_USER_MEMORY_REGION2, (void *)region);
}

/**
 * avmm_get_dirty_log() - AVMM_GET_DIRTY_LOG
 * @vm: VM fd
 * @log: the slot, and where its bitmap goes: a bit for each page, in whole 64-bit words
 *
 * Return: 0 or a negative errno; -ENOENT if the slot is not logged.
 */
int avmm_get_dirty_log(int vm, const struct avmm_dirty_log *log)
{
	return avmm_ioctl(vm, AVMM_GET_DIRTY_LOG, (void *)log);
}

/**
 * avmm_clear_dirty_log() - AVMM_CLEAR_DIRTY_LOG
 * @vm: VM fd
 * @log: the slot, the range in pages, and the bits to clear there
 *
 * Return: 0 or a negative errno.
 */
int avmm_clear_dirty_log(int vm, const struct avmm_clear_dirty_log *log)
{
	return avmm_ioctl(vm, AVMM_CLEAR_DIRTY_LOG, (void *)log);
}

/**
 * avmm_create_irqchip() - AVMM_CREATE_IRQCHIP, which makes a GICv2
 * @vm: VM fd
 *
 * Return: 0 or a negative errno.
 */
int avmm_create_irqchip(int vm)
{
	return avmm_ioctl_value(vm, AVMM_CREATE_IRQCHIP, 0);
}

/**
 * avmm_arm_set_device_addr() - AVMM_ARM_SET_DEVICE_ADDR, for a GIC made by avmm_create_irqchip()
 * @vm: VM fd
 * @addr: which of its frames, and where
 *
 * Return: 0 or a negative errno.
 */
int avmm_arm_set_device_addr(int vm, const struct avmm_arm_device_addr *addr)
{
	return avmm_ioctl(vm, AVMM_ARM_SET_DEVICE_ADDR, (void *)addr);
}

/**
 * avmm_irq_line() - AVMM_IRQ_LINE
 * @vm: VM fd
 * @irq: the word with type, vCPU and INTID; avmm_spi_line() and its like make it
 * @level: 0 or 1
 *
 * Return: 0 or a negative errno.
 */
int avmm_irq_line(int vm, uint32_t irq, uint32_t level)
{
	struct avmm_irq_level line = { .irq = irq, .level = level };

	return avmm_ioctl(vm, AVMM_IRQ_LINE, &line);
}

/**
 * avmm_irqfd() - AVMM_IRQFD
 * @vm: VM fd
 * @irqfd: eventfd and interrupt to tie together or apart
 *
 * Return: 0 or a negative errno.
 */
int avmm_irqfd(int vm, const struct avmm_irqfd *irqfd)
{
	return avmm_ioctl(vm, AVMM_IRQFD, (void *)irqfd);
}

/**
 * avmm_ioeventfd() - AVMM_IOEVENTFD
 * @vm: VM fd
 * @ioeventfd: address and eventfd to tie together or apart
 *
 * Return: 0 or a negative errno.
 */
int avmm_ioeventfd(int vm, const struct avmm_ioeventfd *ioeventfd)
{
	return avmm_ioctl(vm, AVMM_IOEVENTFD, (void *)ioeventfd);
}

/**
 * avmm_set_gsi_routing() - AVMM_SET_GSI_ROUTING
 * @vm: VM fd
 * @entries: all routes there shall be
 * @nr: how many
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_gsi_routing(int vm, const struct avmm_irq_routing_entry *entries, uint32_t nr)
{
	struct avmm_irq_routing *routing;
	int ret;

	routing = malloc(sizeof(*routing) + nr * sizeof(*entries));
	if (!routing)
		return -ENOMEM;
	routing->nr = nr;
	routing->flags = 0;
	if (nr)
		memcpy(routing->entries, entries, nr * sizeof(*entries));
	ret = avmm_ioctl(vm, AVMM_SET_GSI_ROUTING, routing);
	free(routing);
	return ret;
}

/**
 * avmm_enable_cap() - AVMM_ENABLE_CAP
 * @fd: VM fd
 * @cap: the capability and its arguments
 *
 * Return: 0 or a negative errno.
 */
int avmm_enable_cap(int fd, const struct avmm_enable_cap *cap)
{
	return avmm_ioctl(fd, AVMM_ENABLE_CAP, (void *)cap);
}

/**
 * avmm_signal_msi() - AVMM_SIGNAL_MSI
 * @vm: VM fd
 * @msi: the write that the device would make
 *
 * Return: positive if it was delivered, 0 if the guest blocks it, or a negative errno.
 */
int avmm_signal_msi(int vm, const struct avmm_msi *msi)
{
	return avmm_ioctl(vm, AVMM_SIGNAL_MSI, (void *)msi);
}

/**
 * avmm_arm_preferred_target() - AVMM_ARM_PREFERRED_TARGET
 * @vm: VM fd
 * @init: filled in for avmm_arm_vcpu_init()
 *
 * Return: 0 or a negative errno.
 */
int avmm_arm_preferred_target(int vm, struct avmm_vcpu_init *init)
{
	return avmm_ioctl(vm, AVMM_ARM_PREFERRED_TARGET, init);
}

/**
 * avmm_create_device() - AVMM_CREATE_DEVICE
 * @vm: VM fd
 * @dev: type and flags in, fd out
 *
 * Return: 0 or a negative errno; -ENODEV if there is no device of this type.
 */
int avmm_create_device(int vm, struct avmm_create_device *dev)
{
	return avmm_ioctl(vm, AVMM_CREATE_DEVICE, dev);
}

/* ---- VM fd: helpers ---- */

/**
 * avmm_map_memory() - give the guest a piece of our memory
 * @vm: VM fd
 * @slot: number of the slot
 * @flags: AVMM_MEM_*
 * @ipa: where the guest sees it
 * @host: where we see it
 * @size: in bytes; all three multiples of the page size
 *
 * Return: 0 or a negative errno.
 */
int avmm_map_memory(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, void *host, uint64_t size)
{
	struct avmm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = ipa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return avmm_set_user_memory_region(vm, &region);
}

/**
 * avmm_unmap_memory() - delete a slot
 * @vm: VM fd
 * @slot: number of the slot
 *
 * Return: 0 or a negative errno.
 */
int avmm_unmap_memory(int vm, uint32_t slot)
{
	struct avmm_userspace_memory_region region = { .slot = slot };

	return avmm_set_user_memory_region(vm, &region);
}

/**
 * avmm_new_device() - create an in-kernel device
 * @vm: VM fd
 * @type: AVMM_DEV_TYPE_*
 *
 * Return: the device fd, or a negative errno.
 */
int avmm_new_device(int vm, uint32_t type)
{
	struct avmm_create_device dev = { .type = type };
	int ret = avmm_create_device(vm, &dev);

	return ret < 0 ? ret : (int)dev.fd;
}

/**
 * avmm_has_device_type() - ask whether avmm_new_device() would know the type
 * @vm: VM fd
 * @type: AVMM_DEV_TYPE_*
 *
 * Return: 0 if it would, or a negative errno.
 */
int avmm_has_device_type(int vm, uint32_t type)
{
	struct avmm_create_device dev = { .type = type, .flags = AVMM_CREATE_DEVICE_TEST };

	return avmm_create_device(vm, &dev);
}

static uint32_t irq_word(uint32_t type, uint32_t vcpu, uint32_t num)
{
	return (type & AVMM_ARM_IRQ_TYPE_MASK) << AVMM_ARM_IRQ_TYPE_SHIFT |
	       (vcpu & AVMM_ARM_IRQ_VCPU_MASK) << AVMM_ARM_IRQ_VCPU_SHIFT |
	       ((vcpu >> 8) & AVMM_ARM_IRQ_VCPU2_MASK) << AVMM_ARM_IRQ_VCPU2_SHIFT |
	       (num & AVMM_ARM_IRQ_NUM_MASK) << AVMM_ARM_IRQ_NUM_SHIFT;
}

/**
 * avmm_spi_line() - set the line of a shared peripheral interrupt
 * @vm: VM fd
 * @intid: the INTID, 32 and up
 * @level: of the line
 *
 * Return: 0 or a negative errno.
 */
int avmm_spi_line(int vm, uint32_t intid, bool level)
{
	return avmm_irq_line(vm, irq_word(AVMM_ARM_IRQ_TYPE_SPI, 0, intid), level);
}

/**
 * avmm_ppi_line() - set the line of a private peripheral interrupt
 * @vm: VM fd
 * @vcpu: number of the vCPU
 * @intid: the INTID, 16 to 31
 * @level: of the line
 *
 * Return: 0 or a negative errno.
 */
int avmm_ppi_line(int vm, uint32_t vcpu, uint32_t intid, bool level)
{
	return avmm_irq_line(vm, irq_word(AVMM_ARM_IRQ_TYPE_PPI, vcpu, intid), level);
}

/**
 * avmm_cpu_line() - set a vCPU's own IRQ or FIQ line, for a VM without an in-kernel GIC
 * @vm: VM fd
 * @vcpu: number of the vCPU
 * @line: AVMM_ARM_IRQ_CPU_IRQ or AVMM_ARM_IRQ_CPU_FIQ
 * @level: of the line
 *
 * Return: 0 or a negative errno.
 */
int avmm_cpu_line(int vm, uint32_t vcpu, uint32_t line, bool level)
{
	return avmm_irq_line(vm, irq_word(AVMM_ARM_IRQ_TYPE_CPU, vcpu, line), level);
}

/* ---- device fd; vCPU and VM fds that have attributes ---- */

/**
 * avmm_set_device_attr() - AVMM_SET_DEVICE_ATTR
 * @fd: device fd
 * @attr: group, attribute, and address of the value
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_device_attr(int fd, const struct avmm_device_attr *attr)
{
	return avmm_ioctl(fd, AVMM_SET_DEVICE_ATTR, (void *)attr);
}

/**
 * avmm_get_device_attr() - AVMM_GET_DEVICE_ATTR
 * @fd: device fd
 * @attr: group, attribute, and address where the value goes
 *
 * Return: 0 or a negative errno.
 */
int avmm_get_device_attr(int fd, const struct avmm_device_attr *attr)
{
	return avmm_ioctl(fd, AVMM_GET_DEVICE_ATTR, (void *)attr);
}

/**
 * avmm_has_device_attr() - AVMM_HAS_DEVICE_ATTR
 * @fd: device fd
 * @attr: group and attribute
 *
 * Return: 0 if it is there, -ENXIO if not, or another negative errno.
 */
int avmm_has_device_attr(int fd, const struct avmm_device_attr *attr)
{
	return avmm_ioctl(fd, AVMM_HAS_DEVICE_ATTR, (void *)attr);
}

/**
 * avmm_attr_set() - set one attribute
 * @fd: device fd
 * @group: its group
 * @attr: its number in the group
 * @value: where the value is, u32 or u64 as the group has it; NULL for an attribute without
 *
 * Return: 0 or a negative errno.
 */
int avmm_attr_set(int fd, uint32_t group, uint64_t attr, void *value)
{
	struct avmm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return avmm_set_device_attr(fd, &a);
}

/**
 * avmm_attr_get() - get one attribute
 * @fd: device fd
 * @group: its group
 * @attr: its number in the group
 * @value: where the value goes
 *
 * Return: 0 or a negative errno.
 */
int avmm_attr_get(int fd, uint32_t group, uint64_t attr, void *value)
{
	struct avmm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return avmm_get_device_attr(fd, &a);
}

/**
 * avmm_attr_has() - ask for one attribute
 * @fd: device fd
 * @group: its group
 * @attr: its number in the group
 *
 * Return: 0 if it is there, -ENXIO if not, or another negative errno.
 */
int avmm_attr_has(int fd, uint32_t group, uint64_t attr)
{
	struct avmm_device_attr a = { .group = group, .attr = attr };

	return avmm_has_device_attr(fd, &a);
}

/* ---- vCPU fd ---- */

/**
 * avmm_map_run() - map a vCPU's run page
 * @vcpu: vCPU fd
 * @size: what avmm_get_vcpu_mmap_size() returned
 * @run: where the address goes
 *
 * Return: 0 or a negative errno.
 */
int avmm_map_run(int vcpu, size_t size, struct avmm_run **run)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (p == MAP_FAILED)
		return -errno;
	*run = p;
	return 0;
}

/**
 * avmm_unmap_run() - unmap a vCPU's run page
 * @run: the page
 * @size: as it was mapped
 *
 * Return: 0 or a negative errno.
 */
int avmm_unmap_run(struct avmm_run *run, size_t size)
{
	return munmap(run, size) < 0 ? -errno : 0;
}

/**
 * avmm_run() - AVMM_RUN: run the guest until it needs us
 * @vcpu: vCPU fd
 *
 * Return: 0 with the run page filled in; -EINTR after a signal or with immediate_exit set; or
 * another negative errno.
 */
int avmm_run(int vcpu)
{
	return avmm_ioctl_value(vcpu, AVMM_RUN, 0);
}

/**
 * avmm_arm_vcpu_init() - AVMM_ARM_VCPU_INIT: put a vCPU into its reset state
 * @vcpu: vCPU fd
 * @init: target and features; the same at every call
 *
 * Return: 0 or a negative errno.
 */
int avmm_arm_vcpu_init(int vcpu, const struct avmm_vcpu_init *init)
{
	return avmm_ioctl(vcpu, AVMM_ARM_VCPU_INIT, (void *)init);
}

/**
 * avmm_arm_vcpu_finalize() - AVMM_ARM_VCPU_FINALIZE
 * @vcpu: vCPU fd
 * @feature: AVMM_ARM_VCPU_SVE
 *
 * Return: 0 or a negative errno.
 */
int avmm_arm_vcpu_finalize(int vcpu, int feature)
{
	return avmm_ioctl(vcpu, AVMM_ARM_VCPU_FINALIZE, &feature);
}

/**
 * avmm_get_one_reg() - AVMM_GET_ONE_REG
 * @vcpu: vCPU fd
 * @id: of the register
 * @value: where AVMM_REG_SIZE(@id) bytes go
 *
 * Return: 0 or a negative errno.
 */
int avmm_get_one_reg(int vcpu, uint64_t id, void *value)
{
	struct avmm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return avmm_ioctl(vcpu, AVMM_GET_ONE_REG, &reg);
}

/**
 * avmm_set_one_reg() - AVMM_SET_ONE_REG
 * @vcpu: vCPU fd
 * @id: of the register
 * @value: where its AVMM_REG_SIZE(@id) bytes are
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_one_reg(int vcpu, uint64_t id, const void *value)
{
	struct avmm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return avmm_ioctl(vcpu, AVMM_SET_ONE_REG, &reg);
}

/**
 * avmm_get_reg_list() - AVMM_GET_REG_LIST
 * @vcpu: vCPU fd
 * @list: n says how many ids there is room for, and how many there are afterwards
 *
 * Return: 0; -E2BIG if the room is too small; or another negative errno.
 */
int avmm_get_reg_list(int vcpu, struct avmm_reg_list *list)
{
	return avmm_ioctl(vcpu, AVMM_GET_REG_LIST, list);
}

/**
 * avmm_get_mp_state() - AVMM_GET_MP_STATE
 * @vcpu: vCPU fd
 * @state: where it goes
 *
 * Return: 0 or a negative errno.
 */
int avmm_get_mp_state(int vcpu, struct avmm_mp_state *state)
{
	return avmm_ioctl(vcpu, AVMM_GET_MP_STATE, state);
}

/**
 * avmm_set_mp_state() - AVMM_SET_MP_STATE
 * @vcpu: vCPU fd
 * @state: the new state
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_mp_state(int vcpu, const struct avmm_mp_state *state)
{
	return avmm_ioctl(vcpu, AVMM_SET_MP_STATE, (void *)state);
}

/**
 * avmm_get_vcpu_events() - AVMM_GET_VCPU_EVENTS
 * @vcpu: vCPU fd
 * @events: where they go
 *
 * Return: 0 or a negative errno.
 */
int avmm_get_vcpu_events(int vcpu, struct avmm_vcpu_events *events)
{
	return avmm_ioctl(vcpu, AVMM_GET_VCPU_EVENTS, events);
}

/**
 * avmm_set_vcpu_events() - AVMM_SET_VCPU_EVENTS
 * @vcpu: vCPU fd
 * @events: the new ones
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_vcpu_events(int vcpu, const struct avmm_vcpu_events *events)
{
	return avmm_ioctl(vcpu, AVMM_SET_VCPU_EVENTS, (void *)events);
}

/**
 * avmm_set_signal_mask() - AVMM_SET_SIGNAL_MASK
 * @vcpu: vCPU fd
 * @mask: signals blocked while the vCPU runs; NULL for the thread's own
 *
 * Return: 0 or a negative errno.
 */
int avmm_set_signal_mask(int vcpu, const struct avmm_signal_mask *mask)
{
	return avmm_ioctl(vcpu, AVMM_SET_SIGNAL_MASK, (void *)mask);
}

/* ---- vCPU fd: helpers ---- */

/**
 * avmm_get_reg() - get a register of up to 64 bits
 * @vcpu: vCPU fd
 * @id: of the register
 * @value: where it goes, widened with zeros
 *
 * Return: 0; -EINVAL for a wider register; or another negative errno.
 */
int avmm_get_reg(int vcpu, uint64_t id, uint64_t *value)
{
	uint64_t v = 0;
	int ret;

	if (AVMM_REG_SIZE(id) > sizeof(v))
		return -EINVAL;
	/* ONE_REG moves the register's bytes; both sides are little-endian */
	ret = avmm_get_one_reg(vcpu, id, &v);
	if (ret == 0)
		*value = v;
	return ret;
}

/**
 * avmm_set_reg() - set a register of up to 64 bits
 * @vcpu: vCPU fd
 * @id: of the register
 * @value: the new value
 *
 * Return: 0; -EINVAL for a wider register; or another negative errno.
 */
int avmm_set_reg(int vcpu, uint64_t id, uint64_t value)
{
	if (AVMM_REG_SIZE(id) > sizeof(value))
		return -EINVAL;
	return avmm_set_one_reg(vcpu, id, &value);
}

/**
 * avmm_alloc_reg_list() - get the whole register list
 * @vcpu: vCPU fd
 * @list: where it goes; the caller frees it
 *
 * Return: 0 or a negative errno.
 */
int avmm_alloc_reg_list(int vcpu, struct avmm_reg_list **list)
{
	struct avmm_reg_list probe = { .n = 0 }, *l;
	int ret = avmm_get_reg_list(vcpu, &probe);

	if (ret < 0 && ret != -E2BIG)
		return ret;
	l = malloc(sizeof(*l) + probe.n * sizeof(l->reg[0]));
	if (!l)
		return -ENOMEM;
	l->n = probe.n;
	ret = avmm_get_reg_list(vcpu, l);
	if (ret < 0) {
		free(l);
		return ret;
	}
	*list = l;
	return 0;
}
