/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thin library over the ioctls of /dev/avmm (and of /dev/kvm): one function per ioctl, and the
 * few helpers that every user of the ABI would write again. The VMM and the selftests share it.
 *
 * Objects are plain file descriptors. A function returns what the ioctl returns, which is 0 or
 * positive, or a negative errno; errno itself is of no meaning to the caller. Nothing prints,
 * nothing exits, nothing keeps state. What each function does is said in libavmm.c.
 */
#ifndef AVMM_LIB_LIBAVMM_H
#define AVMM_LIB_LIBAVMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/avmm.h>

#define AVMM_DEVICE_PATH	"/dev/avmm"

/* ---- any file descriptor ---- */

/* For what has no function below: tests of unknown numbers and of bad pointers. */
int avmm_ioctl(int fd, unsigned long request, void *arg);
int avmm_ioctl_value(int fd, unsigned long request, unsigned long arg);

/* ---- system fd ---- */

int avmm_open(const char *path);
int avmm_get_api_version(int dev);
int avmm_check_extension(int fd, unsigned long cap);	/* or a VM fd */
int avmm_get_vcpu_mmap_size(int dev);
int avmm_create_vm(int dev, unsigned long type);

/* ---- VM fd ---- */

int avmm_create_vcpu(int vm, unsigned long id);
int avmm_set_user_memory_region(int vm, const struct avmm_userspace_memory_region *region);
int avmm_set_user_memory_region2(int vm, const struct avmm_userspace_memory_region2 *region);
int avmm_get_dirty_log(int vm, const struct avmm_dirty_log *log);
int avmm_clear_dirty_log(int vm, const struct avmm_clear_dirty_log *log);
int avmm_create_irqchip(int vm);
int avmm_arm_set_device_addr(int vm, const struct avmm_arm_device_addr *addr);
int avmm_irq_line(int vm, uint32_t irq, uint32_t level);
int avmm_irqfd(int vm, const struct avmm_irqfd *irqfd);
int avmm_ioeventfd(int vm, const struct avmm_ioeventfd *ioeventfd);
int avmm_set_gsi_routing(int vm, const struct avmm_irq_routing_entry *entries, uint32_t nr);
int avmm_enable_cap(int fd, const struct avmm_enable_cap *cap);
int avmm_signal_msi(int vm, const struct avmm_msi *msi);
int avmm_arm_preferred_target(int vm, struct avmm_vcpu_init *init);
int avmm_create_device(int vm, struct avmm_create_device *dev);

/* ---- VM fd: helpers ---- */

int avmm_map_memory(int vm, uint32_t slot, uint32_t flags, uint64_t ipa, void *host, uint64_t size);
int avmm_unmap_memory(int vm, uint32_t slot);
int avmm_new_device(int vm, uint32_t type);
int avmm_has_device_type(int vm, uint32_t type);
int avmm_spi_line(int vm, uint32_t intid, bool level);
int avmm_ppi_line(int vm, uint32_t vcpu, uint32_t intid, bool level);
int avmm_cpu_line(int vm, uint32_t vcpu, uint32_t line, bool level);

/* ---- device fd; vCPU and VM fds that have attributes ---- */

int avmm_set_device_attr(int fd, const struct avmm_device_attr *attr);
int avmm_get_device_attr(int fd, const struct avmm_device_attr *attr);
int avmm_has_device_attr(int fd, const struct avmm_device_attr *attr);

/* ---- attribute helpers; value points to what the group wants, u32 or u64, or is NULL ---- */

int avmm_attr_set(int fd, uint32_t group, uint64_t attr, void *value);
int avmm_attr_get(int fd, uint32_t group, uint64_t attr, void *value);
int avmm_attr_has(int fd, uint32_t group, uint64_t attr);

/* ---- vCPU fd ---- */

int avmm_map_run(int vcpu, size_t size, struct avmm_run **run);
int avmm_unmap_run(struct avmm_run *run, size_t size);
int avmm_run(int vcpu);
int avmm_arm_vcpu_init(int vcpu, const struct avmm_vcpu_init *init);
int avmm_arm_vcpu_finalize(int vcpu, int feature);
int avmm_get_one_reg(int vcpu, uint64_t id, void *value);
int avmm_set_one_reg(int vcpu, uint64_t id, const void *value);
int avmm_get_reg_list(int vcpu, struct avmm_reg_list *list);
int avmm_get_mp_state(int vcpu, struct avmm_mp_state *state);
int avmm_set_mp_state(int vcpu, const struct avmm_mp_state *state);
int avmm_get_vcpu_events(int vcpu, struct avmm_vcpu_events *events);
int avmm_set_vcpu_events(int vcpu, const struct avmm_vcpu_events *events);
int avmm_set_signal_mask(int vcpu, const struct avmm_signal_mask *mask);

/* ---- vCPU fd: helpers ---- */

/* Full id of a 64-bit core register: AVMM_CORE_U64(regs.pc), AVMM_CORE_U64(sp_el1), ... */
#define AVMM_CORE_U64(name)						\
	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM_CORE | AVMM_REG_ARM_CORE_REG(name))
/* The same by number, 0 to 30, where it is not a constant. */
#define AVMM_CORE_X(n)							\
	(AVMM_REG_ARM64 | AVMM_REG_SIZE_U64 | AVMM_REG_ARM_CORE | (uint64_t)(n) * 2)

#define AVMM_SYSREG_MPIDR_EL1	AVMM_ARM64_SYS_REG(3, 0, 0, 0, 5)

int avmm_get_reg(int vcpu, uint64_t id, uint64_t *value);
int avmm_set_reg(int vcpu, uint64_t id, uint64_t value);
int avmm_alloc_reg_list(int vcpu, struct avmm_reg_list **list);

#endif /* AVMM_LIB_LIBAVMM_H */
