/* SPDX-License-Identifier: GPL-2.0 */
/* One table of ioctls per kind of fd, one dispatcher for all (ioctl.c). */
#ifndef AVMM_IOCTL_H
#define AVMM_IOCTL_H

#include <linux/fs.h>
#include <linux/types.h>

/* the argument is a number, not a pointer */
#define AVMM_IOC_VALUE		(1U << 0)
/* the argument must be 0 */
#define AVMM_IOC_NONE		(1U << 1)
/* copy the structure back after an error too */
#define AVMM_IOC_OUT_ALWAYS	(1U << 2)
/* hold vcpu->mutex (vCPU tables) */
#define AVMM_IOC_VCPU_LOCK	(1U << 3)
/* hold vm->lock (VM tables) */
#define AVMM_IOC_VM_LOCK	(1U << 4)
/* vCPU must have been initialised: -ENOEXEC otherwise */
#define AVMM_IOC_INITED		(1U << 5)

/**
 * struct avmm_ioctl - a row of a table
 * @cmd: the whole ioctl number; its size field is the size of the argument
 * @flags: AVMM_IOC_*
 * @fn: obj is the fd's object; arg the copied-in structure, or NULL; uarg the
 *      raw argument. Returns what the ioctl returns.
 *
 * The direction bits of @cmd say what is copied: as in the uapi, _IOW copies
 * in, _IOR copies out after success, _IOWR both.
 */
struct avmm_ioctl {
	unsigned int cmd;
	u32 flags;
	long (*fn)(void *obj, void *arg, unsigned long uarg);
};

struct avmm_vcpu;
struct avmm_vm;

long avmm_ioctl(const struct avmm_ioctl *table, size_t n, void *obj, struct avmm_vm *vm,
		struct avmm_vcpu *vcpu, unsigned int cmd, unsigned long uarg);

#endif /* AVMM_IOCTL_H */
