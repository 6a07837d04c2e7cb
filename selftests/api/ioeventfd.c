// SPDX-License-Identifier: GPL-2.0
/* ioeventfds: which stores of a guest signal which eventfd, and leave the vCPU in the guest. */
#include <sys/mman.h>

#include "event_ops.h"

#define SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define DATA	AVMM_IOEVENTFD_FLAG_DATAMATCH
#define DEL	AVMM_IOEVENTFD_FLAG_DEASSIGN
#define PIO	AVMM_IOEVENTFD_FLAG_PIO
#define CCW	AVMM_IOEVENTFD_FLAG_VIRTIO_CCW_NOTIFY

static int ioev(struct vm *vm, int fd, uint64_t addr, uint32_t len, uint32_t flags, uint64_t data)
{
	struct avmm_ioeventfd e = {
		.datamatch = data, .addr = addr, .len = len, .fd = fd, .flags = flags,
	};

	return avmm_ioeventfd(vm->fd, &e);
}

/* ---- what can be assigned ---- */

static const struct {
	const char *name;
	uint64_t addr;
	uint32_t len, flags;
	uint64_t data;
	int fd;		/* 0, 1: one of two eventfds; 2: not an eventfd; 3: not open */
	int want;
} args[] = {
	{ "length 3", 0, 3, 0, 0, 0, EINVAL },
	{ "length 16", 0, 16, 0, 0, 0, EINVAL },
	{ "length 0x104", 0, 0x104, 0, 0, 0, EINVAL },
	{ "past 64 bits", ~0ULL - 2 - MAP_MMIO, 4, 0, 0, 0, EINVAL },
	{ "unknown flag", 0, 4, 1 << 5, 0, 0, EINVAL },
	{ "all flags but DEASSIGN", 0, 4, ~(uint32_t)DEL, 0, 0, EINVAL },
	{ "length 0 with DATAMATCH", 0, 0, DATA, 0, 0, EINVAL },
	{ "not an eventfd", 0, 4, 0, 0, 2, EINVAL },
	{ "not open", 0, 4, 0, 0, 3, EBADF },
	{ "DEASSIGN, not an eventfd", 0, 4, DEL, 0, 2, EINVAL },
	{ "DEASSIGN, not open", 0, 4, DEL, 0, 3, EBADF },
	{ "DEASSIGN of nothing", 0, 4, DEL, 0, 0, ENOENT },
	{ "DEASSIGN of a length that cannot be", 0, 0x104, DEL, 0, 0, ENOENT },

	{ "4 bytes at 0x100", 0x100, 4, 0, 0, 0, 0 },
	{ "the same again", 0x100, 4, 0, 0, 0, EEXIST },
	{ "the same for another eventfd", 0x100, 4, 0, 0, 1, EEXIST },
	{ "with data, where any data is taken", 0x100, 4, DATA, 7, 1, EEXIST },
	{ "of any length, where 4 is taken", 0x100, 0, 0, 0, 1, EEXIST },
	{ "2 bytes there", 0x100, 2, 0, 0, 1, 0 },
	{ "4 bytes that overlap it", 0x102, 4, 0, 0, 1, 0 },
	{ "PIO there", 0x100, 4, PIO, 0, 0, 0 },
	{ "PIO there again", 0x100, 4, PIO, 0, 1, EEXIST },
	{ "CCW there", 0x100, 4, CCW, 0, 0, 0 },
	{ "CCW there again", 0x100, 4, CCW, 0, 0, EEXIST },
	{ "PIO and CCW: that is PIO", 0x100, 4, PIO | CCW, 0, 0, EEXIST },

	{ "any length at 0x200", 0x200, 0, 0, 0, 0, 0 },
	{ "4 bytes there", 0x200, 4, 0, 0, 1, EEXIST },
	{ "8 bytes with data there", 0x200, 8, DATA, 1, 1, EEXIST },

	{ "data 1 at 0x300", 0x300, 4, DATA, 1, 0, 0 },
	{ "data 1 again", 0x300, 4, DATA, 1, 1, EEXIST },
	{ "data 2", 0x300, 4, DATA, 2, 0, 0 },
	{ "data 2 in 8 bytes", 0x300, 8, DATA, 2, 0, 0 },
	{ "any data", 0x300, 4, 0, 0, 1, EEXIST },
	{ "any length", 0x300, 0, 0, 0, 1, EEXIST },

	{ "DEASSIGN of another eventfd", 0x100, 4, DEL, 0, 1, ENOENT },
	{ "DEASSIGN of another length", 0x100, 8, DEL, 0, 0, ENOENT },
	{ "DEASSIGN with data", 0x100, 4, DEL | DATA, 0, 0, ENOENT },
	{ "DEASSIGN of another address", 0x104, 4, DEL, 0, 0, ENOENT },
	{ "DEASSIGN of any length", 0x100, 0, DEL, 0, 0, ENOENT },
	{ "DEASSIGN of other data", 0x300, 4, DEL | DATA, 3, 0, ENOENT },
	{ "DEASSIGN of any data", 0x300, 4, DEL, 1, 0, ENOENT },
	{ "DEASSIGN", 0x100, 4, DEL, 0, 0, 0 },
	{ "DEASSIGN again", 0x100, 4, DEL, 0, 0, ENOENT },
	{ "DEASSIGN of data 2", 0x300, 4, DEL | DATA, 2, 0, 0 },
	{ "DEASSIGN of PIO", 0x100, 4, DEL | PIO, 0, 0, 0 },
	{ "DEASSIGN of CCW", 0x100, 4, DEL | CCW, 0, 0, 0 },
	{ "DEASSIGN with an unknown flag", 0x200, 0, DEL | 1 << 4, 0, 0, 0 },
	{ "4 bytes there now", 0x200, 4, 0, 0, 1, 0 },
};

static void test_args(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true });
	int fds[4] = { new_eventfd(0), new_eventfd(0), vm->fd, 1000 };
	unsigned int i;

	for (i = 0; i < SIZE(args); i++)
		tap_eq(-ioev(vm, fds[args[i].fd], MAP_MMIO + args[i].addr, args[i].len,
			     args[i].flags, args[i].data), args[i].want, "args: %s", args[i].name);
	tap_eq(-ioev(vm, fds[0], ~0ULL, 0, 0, 0), 0, "args: the last address, length 0");
	tap_eq(-avmm_ioctl(vm->fd, AVMM_IOEVENTFD, (void *)8), EFAULT, "args: bad pointer");
	close(fds[0]);
	close(fds[1]);
	vm_free(vm);
}

/* ---- which stores they take ---- */

enum { NONE = -1, ANY4, DATA1, DATA2, WIDE, LEN0, BYTE, HALF, FDS };

static const struct {
	uint64_t addr;
	uint32_t len, flags;
	uint64_t data;
} bells[FDS] = {
	[ANY4] = { 0x100, 4, 0, 0 },
	[DATA1] = { 0x200, 4, DATA, 1 },
	[DATA2] = { 0x200, 4, DATA, 0xdeadbeef },
	[WIDE] = { 0x200, 8, DATA, 0x123456789abcdef0 },
	[LEN0] = { 0x300, 0, 0, 0 },
	[BYTE] = { 0x401, 1, DATA, 0x80 },
	[HALF] = { 0x402, 2, DATA, 0x8001 },
};

static const struct {
	const char *name;
	uint64_t addr, data;
	uint32_t len;
	int bell;
} stores[] = {
	{ "4 bytes, any data", 0x100, 5, 4, ANY4 },
	{ "the same with other data", 0x100, ~0U, 4, ANY4 },
	{ "2 bytes there", 0x100, 5, 2, NONE },
	{ "8 bytes there", 0x100, 5, 8, NONE },
	{ "4 bytes behind it", 0x104, 5, 4, NONE },
	{ "1 byte within it", 0x101, 5, 1, NONE },
	{ "data 1", 0x200, 1, 4, DATA1 },
	{ "data 0xdeadbeef", 0x200, 0xdeadbeef, 4, DATA2 },
	{ "data 2", 0x200, 2, 4, NONE },
	{ "data 1 in 8 bytes", 0x200, 1, 8, NONE },
	{ "8 bytes of data", 0x200, 0x123456789abcdef0, 8, WIDE },
	{ "8 bytes of other data", 0x200, 0x123456789abcdef1, 8, NONE },
	{ "any length: 1 byte", 0x300, 1, 1, LEN0 },
	{ "any length: 2 bytes", 0x300, 2, 2, LEN0 },
	{ "any length: 4 bytes", 0x300, 4, 4, LEN0 },
	{ "any length: 8 bytes", 0x300, 8, 8, LEN0 },
	{ "any length: the next address", 0x301, 1, 1, NONE },
	{ "1 byte", 0x401, 0x80, 1, BYTE },
	{ "1 byte, other data", 0x401, 0x81, 1, NONE },
	{ "2 bytes", 0x402, 0x8001, 2, HALF },
	{ "2 bytes, data of 1", 0x402, 0x01, 2, NONE },
	{ "nothing there", 0x800, 0, 4, NONE },
};

static void test_stores(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	unsigned int i;
	int fds[FDS], f;

	for (f = 0; f < FDS; f++) {
		fds[f] = new_eventfd(0);
		if (ioev(vm, fds[f], MAP_MMIO + bells[f].addr, bells[f].len, bells[f].flags,
			 bells[f].data) < 0)
			tap_ok(false, "bell %d", f);
	}
	for (i = 0; i < SIZE(stores); i++) {
		uint64_t mask = stores[i].len == 8 ? ~0ULL : (1ULL << 8 * stores[i].len) - 1;
		bool good = true;

		guest(v, OP_STORE, MAP_MMIO + stores[i].addr, stores[i].data, stores[i].len);
		for (f = 0; f < FDS; f++)
			good &= take_eventfd(fds[f]) == (f == stores[i].bell);
		if (stores[i].bell == NONE)
			good &= exits.n == 1 && exits.addr == MAP_MMIO + stores[i].addr &&
				exits.len == stores[i].len &&
				(exits.data & mask) == (stores[i].data & mask);
		else
			good &= exits.n == 0;
		tap_ok(good, "store: %s: %s", stores[i].name,
		       stores[i].bell == NONE ? "to user space" : "its eventfd alone");
	}
	tap_eq(guest(v, OP_LOAD, MAP_MMIO + 0x100, 0, 4), 0xabababab, "a load is user space's");
	tap_ok(exits.n == 1 && !take_eventfd(fds[ANY4]), "and signals nothing");
	guest(v, OP_STREAM, MAP_MMIO + 0x100, 1000, 0);
	tap_ok(exits.n == 0 && take_eventfd(fds[ANY4]) == 1000, "a thousand stores, no exit");

	/* the eventfd's file goes, the ioeventfd stays: nobody hears it */
	close(fds[LEN0]);
	guest(v, OP_STORE, MAP_MMIO + 0x300, 0, 4);
	tap_eq(exits.n, 0, "eventfd closed: the store still does not exit");
	ioev(vm, fds[ANY4], MAP_MMIO + 0x100, 4, DEL, 0);
	guest(v, OP_STORE, MAP_MMIO + 0x100, 0, 4);
	tap_ok(exits.n == 1 && !take_eventfd(fds[ANY4]), "deassigned: the store exits");
	for (f = 0; f < FDS; f++)
		if (f != LEN0)
			close(fds[f]);
}

/* as with queues that share a notification register */
static void test_many(struct vm *vm)
{
	enum { QUEUES = 300 };
	static int fds[QUEUES];
	struct vcpu *v = &vm->vcpu[0];
	unsigned int i, q, bad = 0;

	for (i = 0; i < QUEUES; i++) {
		q = i * 7 % QUEUES;
		fds[q] = new_eventfd(0);
		if (ioev(vm, fds[q], MAP_MMIO + 0x1000, 4, DATA, q) < 0)
			bad++;
	}
	tap_eq(bad, 0, "%u ioeventfds at an address", QUEUES);
	for (q = 0; q < QUEUES; q += 3) {
		guest(v, OP_STORE, MAP_MMIO + 0x1000, q, 4);
		if (exits.n || take_eventfd(fds[q]) != 1)
			bad++;
	}
	guest(v, OP_STORE, MAP_MMIO + 0x1000, QUEUES, 4);
	tap_ok(!bad && exits.n == 1, "each hears its number");
	for (q = 0; q < QUEUES; q++) {
		bad += take_eventfd(fds[q]);
		if (q & 1 && ioev(vm, fds[q], MAP_MMIO + 0x1000, 4, DATA | DEL, q) < 0)
			bad++;
	}
	tap_eq(bad, 0, "and nobody else's");
	guest(v, OP_STORE, MAP_MMIO + 0x1000, 101, 4);
	tap_eq(exits.n, 1, "half of them gone: one of these exits");
	guest(v, OP_STORE, MAP_MMIO + 0x1000, 102, 4);
	tap_ok(exits.n == 0 && take_eventfd(fds[102]) == 1, "one of the others does not");
	for (q = 0; q < QUEUES; q++)
		close(fds[q]);
}

/* Memory is memory, whatever is assigned there; read-only memory is none for a store. */
static void test_memory(struct vm *vm)
{
	uint64_t at = MAP_RAM + 8 * MIB + 0x40;
	struct vcpu *v = &vm->vcpu[0];
	int fd = new_eventfd(0);
	void *rom;

	ioev(vm, fd, at, 4, 0, 0);
	guest(v, OP_STORE, at, 0x1234, 4);
	tap_ok(!exits.n && !take_eventfd(fd), "memory: a store there signals nothing");
	tap_eq(*(uint32_t *)vm_ram(vm, at), 0x1234, "memory: it is stored");
	ioev(vm, fd, at, 4, DEL, 0);

	rom = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (avmm_map_memory(vm->fd, 1, AVMM_MEM_READONLY, MAP_MMIO + 0x100000, rom, 0x10000) < 0)
		tap_bail("read-only slot");
	ioev(vm, fd, MAP_MMIO + 0x100010, 4, 0, 0);
	tap_eq(guest(v, OP_LOAD, MAP_MMIO + 0x100010, 0, 4), 0, "read-only memory: loads");
	guest(v, OP_STORE, MAP_MMIO + 0x100010, 5, 4);
	tap_ok(!exits.n && take_eventfd(fd) == 1, "read-only memory: a store signals");
	close(fd);
}

/* ---- assigned and deassigned under a guest that stores ---- */

#define STORES	20000

struct race {
	struct vm *vm;
	int fd;
	volatile bool stop;
	unsigned long turns;
};

static void *churn(void *arg)
{
	struct race *r = arg;

	while (!r->stop) {
		if (ioev(r->vm, r->fd, MAP_MMIO + 0x2000, 4, 0, 0) < 0 ||
		    ioev(r->vm, r->fd, MAP_MMIO + 0x2000, 4, DEL, 0) < 0)
			tap_bail("churn: %s", strerror(errno));
		r->turns++;
	}
	return NULL;
}

static void test_race(struct vm *vm)
{
	struct race r = { .vm = vm, .fd = new_eventfd(0) };
	unsigned long seen;
	pthread_t thread;

	pthread_create(&thread, NULL, churn, &r);
	guest(&vm->vcpu[0], OP_STREAM, MAP_MMIO + 0x2000, STORES, 0);
	seen = exits.n;
	r.stop = true;
	pthread_join(thread, NULL);
	tap_diag("%lu exits, %lu times assigned", seen, r.turns);
	tap_eq(seen + take_eventfd(r.fd), STORES, "race: each store exits or signals, once");
	tap_ok(r.turns > 10, "race: there was one");
	close(r.fd);
}

int main(void)
{
	struct vm *vm;
	int i, fd, dev;

	test_begin(280);
	dev = device_open();
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IOEVENTFD), 1, "capability IOEVENTFD");
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IOEVENTFD_ANY_LENGTH), 1,
	       "capability IOEVENTFD_ANY_LENGTH");
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IOEVENTFD_NO_LENGTH), 0,
	       "capability IOEVENTFD_NO_LENGTH is not Arm's");
	close(dev);
	test_args();
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(events) });
	test_stores(vm);
	test_many(vm);
	test_memory(vm);
	test_race(vm);
	fd = new_eventfd(0);
	ioev(vm, fd, MAP_MMIO, 4, 0, 0);
	vm_free(vm);
	signal_eventfd(fd);
	tap_eq(take_eventfd(fd), 1, "the eventfd outlives the VM");
	for (i = 0; i < 20; i++) {
		vm = vm_new(&(struct vm_config){ .no_gic = true });
		ioev(vm, fd, MAP_MMIO, i & 1 ? 4 : 0, 0, 0);
		vm_free(vm);
	}
	tap_ok(true, "VMs end with their ioeventfds");
	close(fd);
	return tap_end();
}
