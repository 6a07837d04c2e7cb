/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a virtual machine shall be: plain data, filled from the command line, read by everybody.
 */
#ifndef AVMM_CONFIG_VM_CONFIG_H
#define AVMM_CONFIG_VM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct vm_config {
	const char *device;	/* /dev/avmm, or another that speaks the same API */
	const char *kernel;
	const char *initrd;	/* NULL: none */
	const char *append;	/* the kernel's command line */
	const char *name;	/* NULL: none */
	uint64_t cpus;
	uint64_t gic;		/* version of the interrupt controller; 0: the newest there is */
	uint64_t memory;	/* bytes */
	bool hugepages;
	bool rng;		/* a source of entropy */
	bool verbose;
	bool help;
};

#define VM_CONFIG_CPUS_MAX	512
#define VM_CONFIG_MEMORY_MIN	(16ULL << 20)
#define VM_CONFIG_MEMORY_MAX	(255ULL << 30)
/* RAM comes in these, so that stage 2 can map all of it with blocks */
#define VM_CONFIG_MEMORY_UNIT	(2ULL << 20)

#endif /* AVMM_CONFIG_VM_CONFIG_H */
