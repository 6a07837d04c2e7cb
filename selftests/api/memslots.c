// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: what a guest sees when they are added, moved, deleted and made read-only, also
 * while it runs.
 */
#include <sys/mman.h>

#include "guest_ops.h"

PAYLOAD(memslots);

#define SLOT	1
#define AT	0x100000000UL	/* outside RAM */
#define PAGES	64
#define SIZE	(PAGES * 4096UL)

static void *new_mem(size_t size, uint64_t value)
{
	uint64_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		tap_bail("mmap");
	for (size_t i = 0; i < size; i += 4096)
		p[i / 8] = value + i / 4096;
	return p;
}

static int map_slot(struct vm *vm, uint64_t ipa, void *mem, uint32_t flags)
{
	return avmm_map_memory(vm->fd, SLOT, flags, ipa, mem, SIZE);
}

static void test_basic(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t *a = new_mem(SIZE, 0xaaaa0000), *b = new_mem(SIZE, 0xbbbb0000);

	op_exits(v, false, AT, "a read where there is no slot");
	tap_eq(-map_slot(vm, AT, a, 0), 0, "a slot is added");
	op_reads(v, AT, 0xaaaa0000, "its first page is there");
	op_reads(v, AT + 63 * 4096, 0xaaaa003f, "its last page too");
	op_exits(v, false, AT + SIZE, "a read behind it");
	op_exits(v, false, AT - 8, "a read before it");
	op_writes(v, AT + 4096 + 8, 0x1234, "a write");
	tap_eq(a[4096 / 8 + 1], 0x1234, "it is seen outside");
	a[2 * 4096 / 8] = 77;
	op_reads(v, AT + 2 * 4096, 77, "a write outside is seen inside");

	tap_eq(-avmm_unmap_memory(vm->fd, SLOT), 0, "it is deleted");
	op_exits(v, false, AT, "a read of what was there");
	op_exits(v, true, AT + 4096 + 8, "a write of what was there");
	tap_eq(a[4096 / 8 + 1], 0x1234, "the memory is untouched");

	tap_eq(-map_slot(vm, AT, b, 0), 0, "another memory at the same address");
	op_reads(v, AT, 0xbbbb0000, "is what is read");
	op_reads(v, AT + 4096 + 8, 0, "in every page");

	tap_eq(-map_slot(vm, AT + 0x10000000, b, 0), 0, "the slot is moved");
	op_exits(v, false, AT, "a read at the old place");
	op_reads(v, AT + 0x10000000 + 5 * 4096, 0xbbbb0005, "a read at the new place");

	tap_eq(-avmm_map_memory(vm->fd, 2, 0, AT, b, SIZE), 0, "the same memory in a second slot");
	op_writes(v, AT + 16, 99, "a write through one");
	op_reads(v, AT + 0x10000000 + 16, 99, "is read through the other");
	avmm_unmap_memory(vm->fd, 2);
	avmm_unmap_memory(vm->fd, SLOT);

	/* the last page that the VM's 40 bits of address have */
	tap_eq(-avmm_map_memory(vm->fd, SLOT, 0, (1UL << 40) - SIZE, a, SIZE), 0,
	       "a slot at the end of the IPA space");
	op_reads(v, (1UL << 40) - 4096, 0xaaaa003f, "its last page is there");
	vm_free(vm);
	munmap(a, SIZE);
	munmap(b, SIZE);
}

/* The newer ioctl makes the same slots. */
static void test_region2(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	struct vcpu *v = &vm->vcpu[0];
	uint64_t *a = new_mem(SIZE, 0xaaaa0000);
	struct avmm_userspace_memory_region2 r = {
		.slot = SLOT,
		.guest_phys_addr = AT,
		.memory_size = SIZE,
		.userspace_addr = (uintptr_t)a,
	};

	if (avmm_check_extension(vm->fd, AVMM_CAP_USER_MEMORY2) > 0) {
		tap_eq(-avmm_set_user_memory_region2(vm->fd, &r), 0, "a slot of REGION2 is added");
		op_reads(v, AT + 63 * 4096, 0xaaaa003f, "its last page is there");
		op_exits(v, false, AT + SIZE, "a read behind it");
		r.guest_phys_addr += 0x10000000;
		tap_eq(-avmm_set_user_memory_region2(vm->fd, &r), 0, "it is moved");
		op_exits(v, false, AT, "a read at the old place");
		op_reads(v, AT + 0x10000000, 0xaaaa0000, "a read at the new one");
		tap_eq(-avmm_unmap_memory(vm->fd, SLOT), 0, "the older ioctl deletes it");
		op_exits(v, false, AT + 0x10000000, "a read of what was there");
	} else {
		tap_skip("no AVMM_CAP_USER_MEMORY2", "SET_USER_MEMORY_REGION2");
	}
	munmap(a, SIZE);
	vm_free(vm);
}

static void test_readonly(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	static const uint32_t code[] = { 0xd2824680, 0xd65f03c0 };	/* mov x0, #0x1234; ret */
	struct vcpu *v = &vm->vcpu[0];
	uint64_t *a = new_mem(SIZE, 0xcccc0000), value = 0;

	if (avmm_check_extension(vm->fd, AVMM_CAP_READONLY_MEM) <= 0) {
		tap_skip("no AVMM_CAP_READONLY_MEM", "read-only slots");
		vm_free(vm);
		return;
	}
	memcpy(&a[512], code, sizeof(code));
	__builtin___clear_cache((char *)&a[512], (char *)&a[514]);
	tap_eq(-map_slot(vm, AT, a, AVMM_MEM_READONLY), 0, "a read-only slot is added");
	op_exits(v, true, AT + 3 * 4096, "a write to a page not yet touched");
	op_reads(v, AT, 0xcccc0000, "a read");
	op_exits(v, true, AT, "a write to a page that was read");
	op_reads(v, AT, 0xcccc0000, "the memory has not changed");
	op_reads(v, AT + 3 * 4096, 0xcccc0003, "nor has the other page");
	tap_eq(op(v, OP_EXEC, AT + 4096, 0, &value), STEP_UCALL, "code in it");
	tap_eq(value, 0x1234, "runs");
	tap_eq(-map_slot(vm, AT, a, 0), EINVAL, "it cannot be made writable");
	tap_eq(-avmm_unmap_memory(vm->fd, SLOT), 0, "but deleted");
	tap_eq(-map_slot(vm, AT, a, 0), 0, "and added again");
	op_writes(v, AT, 5, "then a write is a write");
	tap_eq(a[0], 5, "and is seen outside");
	avmm_unmap_memory(vm->fd, SLOT);

	/*
	 * memory that is read-only outside; a slot of it must be so too for the reads, and writes
	 * are exits
	 */
	mprotect(a, SIZE, PROT_READ);
	tap_eq(-map_slot(vm, AT, a, AVMM_MEM_READONLY), 0, "a read-only slot of read-only memory");
	op_reads(v, AT + 4 * 4096, 0xcccc0004, "a read of it");
	op_exits(v, true, AT + 4 * 4096, "a write of it");
	vm_free(vm);
	munmap(a, SIZE);
}

static void test_many(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	struct vcpu *v = &vm->vcpu[0];
	int limit = avmm_check_extension(vm->fd, AVMM_CAP_NR_MEMSLOTS),
	    n = limit - 1 < 500 ? limit - 1 : 500, i;
	uint64_t *a = new_mem(n * 4096UL, 0xdddd0000), value, bad = 0;

	tap_ok(limit >= 32, "AVMM_CAP_NR_MEMSLOTS is %d", limit);
	for (i = 0; i < n; i++)
		bad += avmm_map_memory(vm->fd, 1 + i, 0, AT + i * 8192UL, &a[i * 512], 4096) != 0;
	tap_eq(bad, 0, "%d slots of a page each", n);
	for (i = 0; i < n; i++)
		bad += op(v, OP_READ, AT + i * 8192UL, 0, &value) != STEP_UCALL ||
		       value != 0xdddd0000UL + i;
	tap_eq(bad, 0, "each has its page");
	op_exits(v, false, AT + 4096, "between two of them");
	tap_eq(-avmm_map_memory(vm->fd, limit - 1, 0, AT - 0x100000, a, 4096), 0,
	       "the slot with the highest number");
	op_reads(v, AT - 0x100000, 0xdddd0000, "has its page");
	for (i = 0; i < n; i += 2)
		bad += avmm_unmap_memory(vm->fd, 1 + i) != 0;
	tap_eq(bad, 0, "every second one is deleted");
	for (i = 0; i < n; i++) {
		int r = op(v, OP_READ, AT + i * 8192UL, 0, &value);

		bad += i % 2 ? r != STEP_UCALL || value != 0xdddd0000UL + i : r != AVMM_EXIT_MMIO;
		if (r == AVMM_EXIT_MMIO)
			op_go(v, &value);
	}
	tap_eq(bad, 0, "the others are still there");
	vm_free(vm);
	munmap(a, n * 4096UL);
}

/* ---- slots that change under a running guest ---- */

struct runner {
	struct vcpu *vcpu;
	volatile bool stop;
	volatile uint64_t exits, result;
	int end;
};

/* Answers the reads and drops the writes of a guest whose slot has just gone. */
static void *runner_main(void *arg)
{
	struct runner *r = arg;
	uint64_t result = 0, answer;
	int why;

	for (;;) {
		why = op_go(r->vcpu, &result);
		if (why == -EINTR)
			continue;
		if (why != AVMM_EXIT_MMIO)
			break;
		r->exits++;
		answer = r->stop && (r->vcpu->run->mmio.phys_addr & 8) ? 1 : 0;
		if (!r->vcpu->run->mmio.is_write)
			memcpy(r->vcpu->run->mmio.data, &answer, 8);
	}
	r->result = result;
	r->end = why;
	return NULL;
}

static void test_under_run(bool move)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	uint64_t *a = new_mem(SIZE, 0), before, bad = 0, alive = 0, t;
	struct runner r = { .vcpu = &vm->vcpu[0] };
	const int rounds = 100;
	int i;

	a[0] = a[1] = 0;
	map_slot(vm, AT, a, 0);
	op_begin(&vm->vcpu[0], OP_ADD, AT, 0, 0);
	if (pthread_create(&r.vcpu->thread, NULL, runner_main, &r))
		tap_bail("pthread_create");
	for (i = 0; i < rounds; i++) {
		/* it writes while the slot is there ... */
		before = ((volatile uint64_t *)a)[0];
		for (t = now_ns();
		     ((volatile uint64_t *)a)[0] == before && now_ns() - t < 20000000000ULL;)
			usleep(100);
		alive += ((volatile uint64_t *)a)[0] != before;
		if (move)
			bad += map_slot(vm, AT + 0x1000000, a, 0) != 0;
		else
			bad += avmm_unmap_memory(vm->fd, SLOT) != 0;
		/* ... and not once the ioctl has come back */
		before = ((volatile uint64_t *)a)[0];
		usleep(500);
		bad += ((volatile uint64_t *)a)[0] != before;
		bad += map_slot(vm, AT, a, 0) != 0;
	}
	tap_eq(alive, rounds, "%s: the guest writes each time the slot is back",
	       move ? "move" : "delete");
	tap_eq(bad, 0, "%s: it does not write once the slot is gone", move ? "move" : "delete");
	tap_ok(r.exits > 0, "%s: its accesses were exits meanwhile: %llu", move ? "move" : "delete",
	       (unsigned long long)r.exits);
	r.stop = true;
	((volatile uint64_t *)a)[1] = 1;
	pthread_join(r.vcpu->thread, NULL);
	tap_eq(r.end, STEP_UCALL, "%s: the guest came to its end", move ? "move" : "delete");
	vm_free(vm);
	munmap(a, SIZE);
}

int main(void)
{
	test_begin(280);
	test_basic();
	test_region2();
	test_readonly();
	test_many();
	test_under_run(false);
	test_under_run(true);
	return tap_end();
}
