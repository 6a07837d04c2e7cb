/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the API tests share: a VM with vCPUs, RAM, a vGIC and a payload, made by one call and run
 * to its end by another. Whatever goes wrong in the making ends the program; a test that wants to
 * see it go wrong uses libavmm.
 */
#ifndef SELFTESTS_AVMM_UTIL_H
#define SELFTESTS_AVMM_UTIL_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include <libavmm.h>

#include "tap.h"
#include "testmap.h"

#define NR_IRQS		128	/* of a VM that does not say otherwise */
#define MIB		(1UL << 20)

/* RUN's return value as vcpu_step() gives it: an exit reason, or a negative errno, or this. */
#define STEP_UCALL	1000

struct vm;

struct ucall {
	uint64_t code;
	uint64_t arg[UCALL_ARGS];
};

struct vcpu {
	struct vm *vm;
	unsigned int id;
	int fd;
	struct avmm_run *run;
	struct ucall uc;		/* of the last STEP_UCALL */
	/* vm_run() */
	pthread_t thread;
	int result;
};

/* The payload's symbols, made by the Makefile from payload_NAME.c. */
#define PAYLOAD(name)	extern const uint8_t payload_##name##_start[], payload_##name##_end[]
#define PAYLOAD_OF(name) .payload = payload_##name##_start, .payload_end = payload_##name##_end

struct vm_config {
	unsigned int vcpus;		/* 0 is 1 */
	unsigned long ram;		/* bytes; 0 is 16 MiB */
	void *ram_at;			/* the host memory to use; NULL: mmap */
	bool no_gic;
	unsigned int nr_irqs;		/* 0 is NR_IRQS */
	unsigned int enable;		/* a capability to enable before there are vCPUs; 0: none */
	bool all_on; /* vCPUs other than 0 start too, instead of waiting for PSCI CPU_ON */
	bool nommu;			/* enter the payload with the MMU off */
	const uint8_t *payload, *payload_end;
	uint64_t arg;			/* for guest_main() */
	uint64_t mbox0;			/* what the first mailbox begins with */
	/*
	 * Called on the vCPU's thread for UC_SYNC, for MMIO at MAP_MMIO and everything else that is
	 * not the ucall page's; true: go on.
	 */
	bool (*on_sync)(struct vcpu *vcpu, struct ucall *uc);
	bool (*on_exit)(struct vcpu *vcpu, int result);
};

struct vm {
	struct vm_config cfg;
	int dev, fd, gic;
	int gic_version;
	int run_size;
	uint8_t *ram;
	unsigned long ram_size;
	unsigned int nr_vcpus;
	struct vcpu vcpu[MAX_CPUS];
	uint64_t mbox[UCALL_MBOXES];
	volatile bool stop;
};

/* The path of the device: AVMM_DEVICE in the environment, or the library's own. */
const char *device_path(void);
/* True if that is the kernel's own KVM, for what a test must expect of one only. */
bool device_is_kvm(void);
/* Opens it, or ends the program as skipped. */
int device_open(void);

/* The newest GIC that a guest can have here: 3, or 2; 0 if none. */
int gic_version(void);
/* Ends the program as skipped if that is not the one. */
void need_gic(int version);

/*
 * First call of main(): TAP, and an alarm against hanging (AVMM_TEST_TIMEOUT seconds, or this
 * many).
 */
void test_begin(unsigned int seconds);
/* Starts that alarm again, for a program of many parts. */
void test_alarm(unsigned int seconds);

struct vm *vm_new(const struct vm_config *cfg);
void vm_free(struct vm *vm);
/* The parts of vm_new(), for tests of other orders. */
void vm_add_vcpu(struct vm *vm, bool powered_off);
void vm_add_gic(struct vm *vm);
/* Copies the payload into RAM again and puts vCPU n at its start. */
void vm_load(struct vm *vm);
void vcpu_start_at(struct vcpu *vcpu, uint64_t pc, uint64_t x0);
void vcpu_init(struct vcpu *vcpu, bool powered_off);

/* One RUN. The exit reason, or a negative errno. */
int vcpu_run(struct vcpu *vcpu);
/*
 * RUNs until there is something for the test: reports, diagnostics and mailbox reads are dealt with
 * here.
 */
int vcpu_step(struct vcpu *vcpu);
/*
 * RUNs the vCPU to UC_DONE, with the callbacks of the config; false, and a failed check, if it ends
 * otherwise.
 */
bool vcpu_run_to_end(struct vcpu *vcpu);
/* The same for all vCPUs, each on a thread; ends when one of them says UC_DONE. */
bool vm_run(struct vm *vm);
/* Makes the vCPU's thread leave RUN. */
void vcpu_kick(struct vcpu *vcpu);

/* Runs a payload whose checks are all its own, and frees the VM. */
bool run_payload(const char *name, const struct vm_config *cfg);

uint64_t vcpu_get(struct vcpu *vcpu, uint64_t id);
void vcpu_set(struct vcpu *vcpu, uint64_t id, uint64_t value);
static inline uint64_t vcpu_x(struct vcpu *vcpu, unsigned int n)
{
	return vcpu_get(vcpu, AVMM_CORE_X(n));
}

#define REG_PC		AVMM_CORE_U64(regs.pc)
#define REG_PSTATE	AVMM_CORE_U64(regs.pstate)

/* Host address of a guest's RAM address, or NULL. */
void *vm_ram(struct vm *vm, uint64_t ipa);

/* The guest's instructions, for tests of a few of them that need no payload. */
void vm_poke(struct vm *vm, uint64_t ipa, const uint32_t *insn, unsigned int count);

uint64_t now_ns(void);
/* A number from /proc/meminfo, in KiB. */
unsigned long meminfo(const char *key);
/* A kernel parameter or a sysfs file as text; false if it cannot be read. */
bool read_text(const char *path, char *buf, size_t size);
bool write_text(const char *path, const char *text);

#endif /* SELFTESTS_AVMM_UTIL_H */
