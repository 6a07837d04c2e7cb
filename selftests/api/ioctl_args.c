// SPDX-License-Identifier: GPL-2.0
/*
 * Arguments that must be refused, one row each: what each ioctl says to bad pointers, flags, sizes
 * and addresses, and to calls at the wrong time or on the wrong file. The rows run in their order,
 * since a row may leave things behind.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "avmm_util.h"

#define SIZE(a)	(sizeof(a) / sizeof((a)[0]))

enum fd { DEV, VM, VCPU, BARE, GIC, FDS };	/* BARE is a vCPU without VCPU_INIT */
static int fds[FDS];
static const char * const fd_name[] = { "device", "VM", "vCPU", "vCPU before init", "vGIC" };

#define BAD_POINTER	8
#define ANY		(-1)	/* ENOTTY or EINVAL: an ioctl that is not known */

static void check(int got, int want, const char *what, const char *name)
{
	if (want == ANY)
		tap_ok(got == -ENOTTY || got == -EINVAL, "%s: %s (%s)", what, name,
		       got < 0 ? strerror(-got) : "success");
	else
		tap_eq(got < 0 ? -got : 0, want, "%s: %s", what, name);
}

/* ---- ioctls that are not of this file, or of none ---- */

static const struct {
	unsigned long request;
	const char *name;
	unsigned int files;	/* where it is known */
} requests[] = {
	{ AVMM_GET_API_VERSION, "GET_API_VERSION", 1 << DEV },
	{ AVMM_CREATE_VM, "CREATE_VM", 1 << DEV },
	{ AVMM_GET_VCPU_MMAP_SIZE, "GET_VCPU_MMAP_SIZE", 1 << DEV },
	{ AVMM_CREATE_VCPU, "CREATE_VCPU", 1 << VM },
	{ AVMM_SET_USER_MEMORY_REGION, "SET_USER_MEMORY_REGION", 1 << VM },
	{ AVMM_SET_USER_MEMORY_REGION2, "SET_USER_MEMORY_REGION2", 1 << VM },
	{ AVMM_CREATE_DEVICE, "CREATE_DEVICE", 1 << VM },
	{ AVMM_ARM_PREFERRED_TARGET, "ARM_PREFERRED_TARGET", 1 << VM },
	{ AVMM_IRQ_LINE, "IRQ_LINE", 1 << VM },
	{ AVMM_IRQFD, "IRQFD", 1 << VM },
	{ AVMM_IOEVENTFD, "IOEVENTFD", 1 << VM },
	{ AVMM_SET_GSI_ROUTING, "SET_GSI_ROUTING", 1 << VM },
	{ AVMM_RUN, "RUN", 1 << VCPU },
	{ AVMM_ARM_VCPU_INIT, "ARM_VCPU_INIT", 1 << VCPU },
	{ AVMM_GET_REG_LIST, "GET_REG_LIST", 1 << VCPU },
	{ AVMM_GET_MP_STATE, "GET_MP_STATE", 1 << VCPU },
	{ _IO(AVMMIO, 0x3f), "number 0x3f", 0 },
	{ _IO(AVMMIO, 0xff), "number 0xff", 0 },
	{ _IOW(AVMMIO, 0x46, __u8), "SET_USER_MEMORY_REGION of another size", 0 },
	{ _IO(0xAF, 0x00), "another type", 0 },
	{ _IOR('T', 0x2a, int), "a terminal's", 0 },
};

static void test_unknown(void)
{
	unsigned int i, f;

	for (f = 0; f < FDS; f++)
		for (i = 0; i < SIZE(requests); i++) {
			if (f == BARE || requests[i].files & 1 << f)
				continue;
			/*
			 * ARM_SET_DEVICE_ADDR has the number of GET_ONE_REG, but that is not in the
			 * table
			 */
			check(avmm_ioctl(fds[f], requests[i].request, NULL), ANY, fd_name[f],
			      requests[i].name);
		}
}

/* ---- pointers ---- */

static const struct {
	enum fd fd;
	unsigned long request;
	const char *name;
} pointers[] = {
	{ VM, AVMM_SET_USER_MEMORY_REGION, "SET_USER_MEMORY_REGION" },
	{ VM, AVMM_CREATE_DEVICE, "CREATE_DEVICE" },
	{ VM, AVMM_IRQ_LINE, "IRQ_LINE" },
	{ VM, AVMM_ARM_PREFERRED_TARGET, "ARM_PREFERRED_TARGET" },
	{ VM, AVMM_ENABLE_CAP, "ENABLE_CAP" },
	{ VCPU, AVMM_ARM_VCPU_INIT, "ARM_VCPU_INIT" },
	{ VCPU, AVMM_GET_ONE_REG, "GET_ONE_REG" },
	{ VCPU, AVMM_SET_ONE_REG, "SET_ONE_REG" },
	{ VCPU, AVMM_GET_REG_LIST, "GET_REG_LIST" },
	{ VCPU, AVMM_GET_MP_STATE, "GET_MP_STATE" },
	{ VCPU, AVMM_SET_MP_STATE, "SET_MP_STATE" },
	{ VCPU, AVMM_GET_VCPU_EVENTS, "GET_VCPU_EVENTS" },
	{ VCPU, AVMM_SET_VCPU_EVENTS, "SET_VCPU_EVENTS" },
	{ VCPU, AVMM_SET_SIGNAL_MASK, "SET_SIGNAL_MASK" },
	{ VCPU, AVMM_HAS_DEVICE_ATTR, "HAS_DEVICE_ATTR on a vCPU" },
	{ VCPU, AVMM_SET_DEVICE_ATTR, "SET_DEVICE_ATTR on a vCPU" },
	{ GIC, AVMM_HAS_DEVICE_ATTR, "HAS_DEVICE_ATTR" },
	{ GIC, AVMM_SET_DEVICE_ATTR, "SET_DEVICE_ATTR" },
	{ GIC, AVMM_GET_DEVICE_ATTR, "GET_DEVICE_ATTR" },
};

static void test_pointers(void)
{
	struct avmm_one_reg reg = { .id = REG_PC, .addr = BAD_POINTER };
	struct avmm_device_attr attr = { .group = AVMM_DEV_ARM_VGIC_GRP_NR_IRQS,
					 .addr = BAD_POINTER };
	unsigned int i;

	for (i = 0; i < SIZE(pointers); i++)
		check(avmm_ioctl(fds[pointers[i].fd], pointers[i].request, (void *)BAD_POINTER),
		      EFAULT, "bad pointer", pointers[i].name);
	check(avmm_ioctl(fds[VCPU], AVMM_GET_ONE_REG, &reg), EFAULT, "bad pointer",
	      "GET_ONE_REG, the value");
	check(avmm_ioctl(fds[VCPU], AVMM_SET_ONE_REG, &reg), EFAULT, "bad pointer",
	      "SET_ONE_REG, the value");
	check(avmm_set_device_attr(fds[GIC], &attr), EFAULT, "bad pointer",
	      "SET_DEVICE_ATTR, the value");
}

/* ---- memory slots ---- */

#define CAP_GUEST_MEMFD	234	/* KVM's; AVMM has none */

static const struct {
	const char *name;
	uint32_t slot, flags;
	uint64_t ipa, size;
	int64_t hva;		/* from the start of the test's memory */
	int want;
} slots[] = {
	{ "unknown flag", 1, 1 << 4, 0, 0x10000, 0, EINVAL },
	{ "all flags", 1, ~0U, 0, 0x10000, 0, EINVAL },
	{ "MEM_GUEST_MEMFD", 1, AVMM_MEM_GUEST_MEMFD, 0, 0x10000, 0, EINVAL },
	{ "unaligned IPA", 1, 0, 0x800, 0x10000, 0, EINVAL },
	{ "unaligned size", 1, 0, 0, 0x10800, 0, EINVAL },
	{ "unaligned host address", 1, 0, 0, 0x10000, 0x800, EINVAL },
	{ "IPA and size past 64 bits", 1, 0, ~0xffffULL, 0x20000, 0, EINVAL },
	{ "IPA past the VM's", 1, 0, 1ULL << 40, 0x10000, 0, EFAULT },
	{ "its last page past the VM's", 1, 0, (1ULL << 40) - 0xf000, 0x10000, 0, EFAULT },
	{ "deleting what is not there", 1, 0, 0, 0, 0, EINVAL },
	{ "slot number out of range", 32767, 0, 0, 0x10000, 0, EINVAL },
	{ "another address space", 1 << 16 | 1, 0, 0, 0x10000, 0, EINVAL },
	{ "more pages than 31 bits", 1, 0, 0, 1ULL << 44, 0, EINVAL },
	{ "(a good one)", 1, 0, 0x100000, 0x10000, 0, 0 },
	{ "the same once more", 1, 0, 0x100000, 0x10000, 0, 0 },
	{ "its size changed", 1, 0, 0x100000, 0x8000, 0, EINVAL },
	{ "its host address changed", 1, 0, 0x100000, 0x10000, 0x10000, EINVAL },
	{ "made read-only", 1, AVMM_MEM_READONLY, 0x100000, 0x10000, 0, EINVAL },
	{ "another over the whole of it", 2, 0, 0x100000, 0x10000, 0, EEXIST },
	{ "another over its first page", 2, 0, 0xf1000, 0x10000, 0, EEXIST },
	{ "another over its last page", 2, 0, 0x10f000, 0x10000, 0, EEXIST },
	{ "another within it", 2, 0, 0x104000, 0x1000, 0, EEXIST },
	{ "another around it", 2, 0, 0xf0000, 0x30000, 0, EEXIST },
	{ "another right before it", 2, 0, 0xf0000, 0x10000, 0, 0 },
	{ "another right behind it", 3, 0, 0x110000, 0x10000, 0, 0 },
	{ "moving one over another", 3, 0, 0xf8000, 0x10000, 0, EEXIST },
	{ "moving one within itself", 3, 0, 0x118000, 0x10000, 0, 0 },
	{ "deleting", 1, 0, 0, 0, 0, 0 },
	{ "deleting twice", 1, 0, 0, 0, 0, EINVAL },
	{ "deleting", 2, 0, 0, 0, 0, 0 },
	{ "deleting", 3, 0, 0, 0, 0, 0 },
};

/* With what a flag would give a meaning full of rubbish: no flag, no meaning. */
static int set_region2(const struct avmm_userspace_memory_region *r)
{
	struct avmm_userspace_memory_region2 r2;

	memset(&r2, 0xa5, sizeof(r2));
	memcpy(&r2, r, sizeof(*r));
	return avmm_set_user_memory_region2(fds[VM], &r2);
}

static int set_region(const struct avmm_userspace_memory_region *r)
{
	return avmm_set_user_memory_region(fds[VM], r);
}

static void test_slots(int (*set)(const struct avmm_userspace_memory_region *r), const char *what)
{
	uint8_t *mem =
		mmap(NULL, 0x40000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct avmm_userspace_memory_region r;
	unsigned int i;

	if (mem == MAP_FAILED)
		tap_bail("mmap");
	for (i = 0; i < SIZE(slots); i++) {
		if (slots[i].flags == AVMM_MEM_GUEST_MEMFD && set == set_region2 &&
		    avmm_check_extension(fds[VM], CAP_GUEST_MEMFD) > 0) {
			tap_skip("this KVM has guest_memfd", slots[i].name);
			continue;
		}
		r = (struct avmm_userspace_memory_region){
			.slot = slots[i].slot,
			.flags = slots[i].flags,
			.guest_phys_addr = slots[i].ipa,
			.memory_size = slots[i].size,
			.userspace_addr = (uintptr_t)mem + slots[i].hva,
		};
		check(set(&r), slots[i].want, what, slots[i].name);
	}
	r = (struct avmm_userspace_memory_region){ .slot = 1,
						   .memory_size = 0x1000,
						   .userspace_addr = 1ULL << 63 };
	check(set(&r), EINVAL, what, "a kernel's address");
	munmap(mem, 0x40000);
}

static void test_regions(void)
{
	struct avmm_userspace_memory_region none = { 0 };

	test_slots(set_region, "slot");
	if (avmm_check_extension(fds[VM], AVMM_CAP_USER_MEMORY2) > 0) {
		check(avmm_ioctl(fds[VM], AVMM_SET_USER_MEMORY_REGION2, (void *)BAD_POINTER),
		      EFAULT, "bad pointer", "SET_USER_MEMORY_REGION2");
		test_slots(set_region2, "slot of REGION2");
	} else {
		check(set_region2(&none), ANY, "without USER_MEMORY2", "SET_USER_MEMORY_REGION2");
	}
}

/* ---- vCPUs ---- */

static void test_vcpus(void)
{
	int max = avmm_check_extension(fds[VM], AVMM_CAP_MAX_VCPU_ID), ipa;
	struct avmm_vcpu_init init, good;
	struct { uint64_t n, reg[1]; } list = { 0 };
	struct avmm_mp_state mp;
	uint64_t v = 0;
	uint32_t feature;
	/* without a feature to finalize the ioctl may be missing as a whole */
	bool finalize = avmm_check_extension(fds[VM], AVMM_CAP_ARM_SVE) > 0 || device_is_kvm();

	if (!finalize)
		check(avmm_arm_vcpu_finalize(fds[VCPU], AVMM_ARM_VCPU_SVE), ANY,
		      "ARM_VCPU_FINALIZE", "without SVE");
	check(avmm_create_vcpu(fds[VM], 0), EEXIST, "CREATE_VCPU", "an id that is taken");
	check(avmm_create_vcpu(fds[VM], max), EINVAL, "CREATE_VCPU", "an id out of range");
	check(avmm_create_vcpu(fds[VM], ~0UL), EINVAL, "CREATE_VCPU", "id -1");

	memset(&good, 0xff, sizeof(good));
	check(avmm_arm_preferred_target(fds[VM], &good), 0, "ARM_PREFERRED_TARGET", "answers");
	tap_eq(good.target, AVMM_ARM_TARGET_GENERIC_V8, "ARM_PREFERRED_TARGET: the generic one");
	for (ipa = 0, feature = 0; feature < 7; feature++)
		ipa |= good.features[feature];
	tap_eq(ipa, 0, "ARM_PREFERRED_TARGET: no features");

	check(avmm_run(fds[BARE]), ENOEXEC, "before VCPU_INIT", "RUN");
	check(avmm_get_reg(fds[BARE], REG_PC, &v), ENOEXEC, "before VCPU_INIT", "GET_ONE_REG");
	check(avmm_set_reg(fds[BARE], REG_PC, 0), ENOEXEC, "before VCPU_INIT", "SET_ONE_REG");
	check(avmm_get_reg_list(fds[BARE], (void *)&list), ENOEXEC, "before VCPU_INIT",
	      "GET_REG_LIST");
	if (finalize)
		check(avmm_arm_vcpu_finalize(fds[BARE], AVMM_ARM_VCPU_SVE), ENOEXEC,
		      "before VCPU_INIT", "ARM_VCPU_FINALIZE");
	check(avmm_get_mp_state(fds[BARE], &mp), 0, "before VCPU_INIT", "GET_MP_STATE answers");

	init = good;
	init.target = 99;
	check(avmm_arm_vcpu_init(fds[BARE], &init), EINVAL, "ARM_VCPU_INIT",
	      "a target that is not one");
	init.target = ~0U;
	check(avmm_arm_vcpu_init(fds[BARE], &init), EINVAL, "ARM_VCPU_INIT", "target -1");
	for (feature = 9; feature < 7 * 32; feature += 31) {
		init = good;
		init.features[feature / 32] |= 1U << feature % 32;
		check(avmm_arm_vcpu_init(fds[BARE], &init), ENOENT, "ARM_VCPU_INIT",
		      "an unknown feature");
	}
	if (avmm_check_extension(fds[VM], AVMM_CAP_ARM_SVE) <= 0) {
		init = good;
		init.features[0] |= 1 << AVMM_ARM_VCPU_SVE;
		check(avmm_arm_vcpu_init(fds[BARE], &init), EINVAL, "ARM_VCPU_INIT",
		      "SVE without the capability");
	}
	check(avmm_run(fds[BARE]), ENOEXEC, "after a refused VCPU_INIT", "RUN");
	init = good;
	init.features[0] |= 1 << AVMM_ARM_VCPU_PSCI_0_2;
	check(avmm_arm_vcpu_init(fds[BARE], &init), 0, "ARM_VCPU_INIT", "a good one");
	check(avmm_arm_vcpu_init(fds[BARE], &init), 0, "ARM_VCPU_INIT", "the same again");
	check(avmm_arm_vcpu_init(fds[BARE], &good), EINVAL, "ARM_VCPU_INIT",
	      "other features the second time");
	if (finalize) {
		check(avmm_ioctl(fds[VCPU], AVMM_ARM_VCPU_FINALIZE, (void *)BAD_POINTER), EFAULT,
		      "bad pointer", "ARM_VCPU_FINALIZE");
		check(avmm_arm_vcpu_finalize(fds[BARE], 99), EINVAL, "ARM_VCPU_FINALIZE",
		      "an unknown feature");
		check(avmm_arm_vcpu_finalize(fds[BARE], AVMM_ARM_VCPU_SVE),
		      avmm_check_extension(fds[VM], AVMM_CAP_ARM_SVE) > 0 ? EPERM : EINVAL,
		      "ARM_VCPU_FINALIZE", "SVE");
	}
	check(avmm_ioctl_value(fds[VCPU], AVMM_RUN, 1), EINVAL, "RUN", "an argument");
	check(avmm_get_reg_list(fds[VCPU], (void *)&list), E2BIG, "GET_REG_LIST", "room for none");
	tap_ok(list.n > 100, "GET_REG_LIST: says how many: %llu", (unsigned long long)list.n);
}

/* ---- interrupts, devices, capabilities ---- */

#define IRQ(type, vcpu, num)	((uint32_t)(type) << 24 | (uint32_t)(vcpu) << 16 | (num))

static const struct {
	const char *name;
	uint32_t irq;
	int bare, want;		/* in a VM without vGIC, and with one of NR_IRQS */
} lines[] = {
	{ "SPI", IRQ(AVMM_ARM_IRQ_TYPE_SPI, 0, 40), ENXIO, 0 },
	{ "the last SPI", IRQ(AVMM_ARM_IRQ_TYPE_SPI, 0, NR_IRQS - 1), ENXIO, 0 },
	{ "an SPI out of range", IRQ(AVMM_ARM_IRQ_TYPE_SPI, 0, NR_IRQS), ENXIO, EINVAL },
	{ "SPI 1023", IRQ(AVMM_ARM_IRQ_TYPE_SPI, 0, 1023), ENXIO, EINVAL },
	{ "a PPI as SPI", IRQ(AVMM_ARM_IRQ_TYPE_SPI, 0, 22), ENXIO, EINVAL },
	{ "PPI", IRQ(AVMM_ARM_IRQ_TYPE_PPI, 0, 22), ENXIO, 0 },
	{ "PPI of a vCPU that is not there", IRQ(AVMM_ARM_IRQ_TYPE_PPI, 9, 22), ENXIO, EINVAL },
	{ "an SGI as PPI", IRQ(AVMM_ARM_IRQ_TYPE_PPI, 0, 3), ENXIO, EINVAL },
	{ "an SPI as PPI", IRQ(AVMM_ARM_IRQ_TYPE_PPI, 0, 40), ENXIO, EINVAL },
	{ "the CPU's IRQ", IRQ(AVMM_ARM_IRQ_TYPE_CPU, 0, 0), 0, ENXIO },
	{ "the CPU's FIQ", IRQ(AVMM_ARM_IRQ_TYPE_CPU, 0, 1), 0, ENXIO },
	{ "the CPU's third line", IRQ(AVMM_ARM_IRQ_TYPE_CPU, 0, 2), EINVAL, ENXIO },
	{ "the IRQ of a CPU that is not there", IRQ(AVMM_ARM_IRQ_TYPE_CPU, 9, 0), EINVAL, ENXIO },
	{ "type 3", IRQ(3, 0, 40), EINVAL, EINVAL },
	{ "type 15", IRQ(15, 0, 40), EINVAL, EINVAL },
};

static void test_lines(struct vm *with, struct vm *without)
{
	unsigned int i;

	/* the CPU's own lines are of use with an interrupt controller in user space only */
	bool user_irq = avmm_check_extension(without->fd, AVMM_CAP_ARM_USER_IRQ) > 0;

	for (i = 0; i < SIZE(lines); i++) {
		check(avmm_irq_line(with->fd, lines[i].irq, 1), lines[i].want, "IRQ_LINE",
		      lines[i].name);
		check(avmm_irq_line(with->fd, lines[i].irq, 0), lines[i].want, "IRQ_LINE, low",
		      lines[i].name);
		if (!user_irq && (lines[i].irq >> 24 & 0xf) == AVMM_ARM_IRQ_TYPE_CPU) {
			tap_skip("no AVMM_CAP_ARM_USER_IRQ", lines[i].name);
			continue;
		}
		check(avmm_irq_line(without->fd, lines[i].irq, 1), lines[i].bare,
		      "IRQ_LINE without vGIC", lines[i].name);
		check(avmm_irq_line(without->fd, lines[i].irq, 0), lines[i].bare,
		      "IRQ_LINE without vGIC, low", lines[i].name);
	}
}

static void test_devices(void)
{
	struct avmm_create_device cd = { .type = 999 };
	struct avmm_device_attr attr = { .group = 99 };
	struct avmm_enable_cap cap = { .cap = 9999 };

	check(avmm_create_device(fds[VM], &cd), ENODEV, "CREATE_DEVICE", "an unknown type");
	cd.flags = AVMM_CREATE_DEVICE_TEST;
	check(avmm_create_device(fds[VM], &cd), ENODEV, "CREATE_DEVICE, TEST", "an unknown type");
	cd = (struct avmm_create_device){ .type = gic_version() == 2 ? AVMM_DEV_TYPE_ARM_VGIC_V2 :
								     AVMM_DEV_TYPE_ARM_VGIC_V3 };
	check(avmm_create_device(fds[VM], &cd), EEXIST, "CREATE_DEVICE", "a second vGIC");
	check(avmm_has_device_attr(fds[GIC], &attr), ENXIO, "HAS_DEVICE_ATTR", "an unknown group");
	check(avmm_set_device_attr(fds[GIC], &attr), ENXIO, "SET_DEVICE_ATTR", "an unknown group");
	check(avmm_get_device_attr(fds[GIC], &attr), ENXIO, "GET_DEVICE_ATTR", "an unknown group");
	check(avmm_has_device_attr(fds[VCPU], &attr), ENXIO, "HAS_DEVICE_ATTR on a vCPU",
	      "an unknown group");
	check(avmm_set_device_attr(fds[VCPU], &attr), ENXIO, "SET_DEVICE_ATTR on a vCPU",
	      "an unknown group");
	if (avmm_check_extension(fds[VM], AVMM_CAP_ENABLE_CAP_VM) > 0) {
		check(avmm_enable_cap(fds[VM], &cap), EINVAL, "ENABLE_CAP", "an unknown one");
		cap = (struct avmm_enable_cap){ .cap = AVMM_CAP_ARM_NISV_TO_USER, .flags = 1 };
		check(avmm_enable_cap(fds[VM], &cap), EINVAL, "ENABLE_CAP", "unknown flags");
	}
}

static void test_signal_mask(void)
{
	union {
		struct avmm_signal_mask mask;
		uint8_t bytes[32];
	} u = { .bytes = { 0 } };

	u.mask.len = 4;
	check(avmm_set_signal_mask(fds[VCPU], &u.mask), EINVAL, "SET_SIGNAL_MASK", "length 4");
	u.mask.len = 16;
	check(avmm_set_signal_mask(fds[VCPU], &u.mask), EINVAL, "SET_SIGNAL_MASK", "length 16");
	u.mask.len = 8;
	check(avmm_set_signal_mask(fds[VCPU], &u.mask), 0, "SET_SIGNAL_MASK", "length 8");
	check(avmm_ioctl(fds[VCPU], AVMM_SET_SIGNAL_MASK, NULL), 0, "SET_SIGNAL_MASK", "none");
}

/* Other ways to use the files than ioctl. */
static void test_files(struct vm *vm)
{
	char c = 0;
	unsigned int f;
	void *p;

	for (f = 0; f < FDS; f++) {
		tap_ok(read(fds[f], &c, 1) < 0 && (errno == EINVAL || errno == EISDIR),
		       "read of a %s file", fd_name[f]);
		tap_ok(write(fds[f], &c, 1) < 0 && errno == EINVAL, "write of a %s file",
		       fd_name[f]);
		if (f == VCPU || f == BARE)
			continue;
		p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[f], 0);
		tap_ok(p == MAP_FAILED && errno == ENODEV, "mmap of a %s file", fd_name[f]);
	}
	p = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fds[VCPU], 0);
	tap_ok(p == MAP_FAILED || !munmap(p, vm->run_size),
	       "a private mapping of the run page does no harm");
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[VCPU], 1L << 30);
	tap_ok(p == MAP_FAILED || !munmap(p, 4096), "a mapping far behind it does no harm");
}

int main(void)
{
	struct vm *vm, *bare;

	test_begin(280);
	vm = vm_new(&(struct vm_config){ .no_gic = true });
	bare = vm_new(&(struct vm_config){ .no_gic = true });
	fds[DEV] = vm->dev;
	fds[VM] = vm->fd;
	fds[VCPU] = vm->vcpu[0].fd;
	fds[BARE] = avmm_create_vcpu(vm->fd, 1);
	fds[GIC] = avmm_new_device(vm->fd, gic_version() == 2 ? AVMM_DEV_TYPE_ARM_VGIC_V2 :
								AVMM_DEV_TYPE_ARM_VGIC_V3);
	if (fds[BARE] < 0 || fds[GIC] < 0)
		tap_bail("no second vCPU, or no vGIC");
	test_unknown();
	test_pointers();
	test_regions();
	test_vcpus();
	test_devices();
	test_signal_mask();
	test_files(vm);
	close(fds[BARE]);
	close(fds[GIC]);
	vm_free(vm);

	vm = vm_new(&(struct vm_config){ 0 });
	test_lines(vm, bare);
	check(avmm_create_vcpu(vm->fd, 1), EBUSY, "CREATE_VCPU", "after the vGIC's INIT");
	vm_free(vm);
	vm_free(bare);
	return tap_end();
}
