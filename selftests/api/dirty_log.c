// SPDX-License-Identifier: GPL-2.0
/*
 * The log of written pages: every page that the guest has written since it was last asked for, and
 * no other; whatever is behind the pages, and while the guest goes on writing.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>

#include "guest_ops.h"
#include "api/dirty_log.h"

PAYLOAD(dirty_log);

#define SLOT	1
#define AT	LOG_AT
#define BLOCK	(2 * MIB)
#define PAGES	(4 * 512 + 37)	/* a part of a word and of a block at the end */
#define SIZE	(PAGES * 4096UL)
#define SPACE	(5 * BLOCK)
#define WORDS	((PAGES + 63) / 64)
#define LOG	AVMM_MEM_LOG_DIRTY_PAGES

enum kind { ANON, THP, HUGETLB, SHMEM, PRIVATE_FILE };

static const char *const kinds[] = { "4K pages", "THP", "hugetlbfs", "memfd", "a private file" };

static struct vm *vm;
static struct vcpu *v;
static uint8_t *mem;
static uint64_t bits[WORDS + 1], want[WORDS];

/* ---- memory of a kind, and a VM with it ---- */

static bool new_mem(enum kind kind)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS, fd = -1;
	uint8_t *space;

	if (kind == HUGETLB) {
		write_text("/proc/sys/vm/nr_hugepages", "5");
		flags |= MAP_HUGETLB;
	}
	if (kind >= SHMEM) {
		flags = kind == SHMEM ? MAP_SHARED : MAP_PRIVATE;
		fd = memfd_create("guest", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, SPACE))
			tap_bail("memfd");
	}
	space = mmap(NULL, SPACE + BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		     -1, 0);
	if (space == MAP_FAILED)
		tap_bail("mmap");
	mem = (uint8_t *)(((uintptr_t)space + BLOCK - 1) & ~(BLOCK - 1));
	if (mmap(mem, SPACE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(space, SPACE + BLOCK);
		return false;
	}
	if (fd >= 0)
		close(fd);
	if (kind == ANON)
		madvise(mem, SPACE, MADV_NOHUGEPAGE);
	if (kind == THP && madvise(mem, SPACE, MADV_HUGEPAGE))
		return false;
	return true;
}

static void free_mem(void)
{
	munmap(mem, SPACE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

static int slot(uint32_t flags)
{
	return avmm_map_memory(vm->fd, SLOT, flags, AT, mem, SIZE);
}

static bool begin(enum kind kind, uint64_t manual, uint32_t flags)
{
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				       .args = { manual } };

	if (!new_mem(kind)) {
		tap_skip("not to be had here", kinds[kind]);
		return false;
	}
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(dirty_log) });
	v = &vm->vcpu[0];
	if (manual)
		tap_eq(-avmm_enable_cap(vm->fd, &cap), 0, "manual protection, %llu",
		       (unsigned long long)manual);
	if (slot(flags))
		tap_bail("the slot");
	return true;
}

static void end(void)
{
	vm_free(vm);
	free_mem();
}

/* ---- the log ---- */

static int get_log(void *to)
{
	return avmm_get_dirty_log(vm->fd, &(struct avmm_dirty_log){
						  .slot = SLOT, .dirty_bitmap = (uintptr_t)to });
}

static int clear_log(uint64_t first, uint32_t num, const void *from)
{
	return avmm_clear_dirty_log(vm->fd, &(struct avmm_clear_dirty_log){
						    .slot = SLOT, .first_page = first,
						    .num_pages = num,
						    .dirty_bitmap = (uintptr_t)from });
}

static void want_none(void)
{
	memset(want, 0, sizeof(want));
}

static void want_stride(unsigned int first, unsigned int count, unsigned int step)
{
	for (unsigned int i = first; i < first + count; i += step)
		want[i / 64] |= 1UL << (i % 64);
}

/* The log says what is wanted, no bit more or less, and not a byte behind it. */
static void logged(const char *kind, const char *what)
{
	unsigned int lost = 0, more = 0, i;
	int r;

	bits[WORDS] = 0x5a5a5a5a5a5a5a5a;
	r = get_log(bits);
	for (i = 0; i < WORDS; i++) {
		lost += __builtin_popcountl(want[i] & ~bits[i]);
		more += __builtin_popcountl(bits[i] & ~want[i]);
	}
	tap_ok(!r && !lost && !more && bits[WORDS] == 0x5a5a5a5a5a5a5a5a,
	       "%s: %s (%d; %u lost, %u too many)", kind, what, r, lost, more);
}

static uint64_t guest(uint64_t what, unsigned int page, uint64_t value, uint64_t count)
{
	uint64_t r;

	op_begin(v, what, AT + page * 4096UL, value, count);
	if (op_go(v, &r) != STEP_UCALL)
		tap_bail("the guest cannot get at its memory");
	return r;
}

static void writes(unsigned int first, unsigned int count, unsigned int step, uint64_t value)
{
	guest(OP_STRIDE, first, value, (uint64_t)step << 32 | count);
}

static unsigned int bad_pages(unsigned int first, unsigned int count, unsigned int step,
			      uint64_t value)
{
	unsigned int i, bad = 0;

	for (i = first; i < first + count; i += step)
		bad += *(volatile uint64_t *)(mem + i * 4096UL) != (value ^ (AT + i * 4096UL));
	return bad;
}

/* ---- exactly what was written ---- */

static void test_exact(enum kind kind)
{
	const char *k = kinds[kind];
	unsigned int i;

	if (!begin(kind, 0, 0))
		return;
	writes(0, PAGES, 1, 1);
	tap_eq(-slot(LOG), 0, "%s: logging is switched on", k);
	want_none();
	logged(k, "what was written before is not in the log");
	writes(3, PAGES - 3, 7, 2);
	want_stride(3, PAGES - 3, 7);
	logged(k, "every seventh page");
	want_none();
	logged(k, "nothing the second time");
	writes(3, PAGES - 3, 7, 3);
	want_stride(3, PAGES - 3, 7);
	logged(k, "the same pages again");
	want_none();
	guest(OP_LOOK, 0, 0, PAGES);
	for (i = 0; i < PAGES; i++)
		((volatile uint64_t *)mem)[i * 512 + 1] = i;
	logged(k, "reads, and the writes of the process, are not in the log");
	writes(0, PAGES, 1, 4);
	writes(5, 100, 3, 5);
	want_stride(0, PAGES, 1);
	logged(k, "all pages");
	tap_eq(bad_pages(105, PAGES - 105, 1, 4) + bad_pages(5, 100, 3, 5), 0,
	       "%s: the memory has what was written", k);

	writes(1000, 3, 1, 6);
	tap_eq(-slot(0), 0, "%s: logging is switched off", k);
	tap_eq(-get_log(bits), ENOENT, "%s: there is no log then", k);
	writes(0, PAGES, 2, 7);
	tap_eq(-slot(LOG), 0, "%s: and on again", k);
	want_none();
	logged(k, "with an empty log");
	writes(PAGES - 1, 1, 1, 8);
	writes(511, 2, 1, 8);
	want_stride(PAGES - 1, 1, 1);
	want_stride(511, 2, 1);
	logged(k, "the last page, and two on both sides of a block's border");

	writes(64, 10, 1, 9);
	if (kind == ANON || kind == THP) {
		madvise(mem + 64 * 4096, 20 * 4096, MADV_DONTNEED);
		guest(OP_LOOK, 64, 0, 20);
		want_none();
		want_stride(64, 10, 1);
		logged(k, "written pages that are thrown away stay in the log");
		writes(70, 4, 1, 10);
		want_none();
		want_stride(70, 4, 1);
		logged(k, "those written anew are in it again");
	}
	end();
}

/* Pages that the guest has not touched before the log is there. */
static void test_fresh(enum kind kind)
{
	const char *k = kinds[kind];

	if (!begin(kind, 0, LOG))
		return;
	want_none();
	logged(k, "a new slot's log is empty");
	guest(OP_LOOK, 0, 0, 600);
	logged(k, "fresh pages that are only read");
	writes(500, 300, 5, 1);
	want_stride(500, 300, 5);
	logged(k, "fresh pages that are written, and some that were read");
	tap_eq(bad_pages(500, 300, 5, 1), 0, "%s: the memory has what was written", k);
	end();
}

/* Code in pages that are logged, and rewritten. */
static void test_exec(void)
{
	static const uint32_t code[2][2] = { { 0xd2824680, 0xd65f03c0 },	/* mov x0, #0x1234; ret */
					     { 0xd28acf00, 0xd65f03c0 } };	/* mov x0, #0x5678 */
	uint64_t insn;

	if (!begin(THP, 0, 0))
		return;
	writes(0, PAGES, 1, 1);
	memcpy(mem + 8192, code[0], sizeof(code[0]));
	__builtin___clear_cache((char *)mem + 8192, (char *)mem + 8200);
	slot(LOG);
	want_none();
	tap_eq(guest(OP_EXEC, 2, 0, 0), 0x1234, "code in a logged page runs");
	logged("code", "and is no write");
	memcpy(&insn, code[1], sizeof(insn));
	guest(OP_WRITE, 2, insn, 0);
	tap_eq(guest(OP_EXEC, 2, 0, 0), 0x5678, "code that the guest writes runs");
	want_stride(2, 1, 1);
	logged("code", "and its page is in the log");
	end();
}

/* ---- what user space clears itself ---- */

static void test_manual(enum kind kind)
{
	const char *k = kinds[kind];
	uint64_t some[WORDS];

	if (!begin(kind, AVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, 0))
		return;
	writes(0, PAGES, 1, 1);
	slot(LOG);
	want_none();
	logged(k, "manual: the log is empty");
	writes(10, 500, 3, 2);
	want_stride(10, 500, 3);
	logged(k, "manual: every third page");
	logged(k, "manual: it stays in the log");
	memset(some, 0xff, sizeof(some));
	tap_eq(-clear_log(64, 128, some), 0, "%s: manual: two words are cleared", k);
	want[1] = want[2] = 0;
	logged(k, "manual: the others stay");
	writes(0, 64 * 3, 1, 3);
	want_stride(0, 64 * 3, 1);
	logged(k, "manual: what was cleared, and what was not, is logged anew");
	memset(some, 0, sizeof(some));
	some[0] = 0x5555555555555555;
	tap_eq(-clear_log(0, PAGES, some), 0, "%s: manual: single pages are cleared", k);
	want[0] &= ~some[0];
	logged(k, "manual: they are no longer in the log");
	writes(0, 4, 1, 4);
	want_stride(0, 4, 1);
	logged(k, "manual: until they are written");
	memset(some, 0xff, sizeof(some));
	tap_eq(-clear_log(PAGES & ~63, PAGES % 64, some), 0, "%s: manual: the last word", k);
	tap_eq(-clear_log(0, PAGES, some), 0, "%s: manual: all", k);
	want_none();
	logged(k, "manual: the log is empty again");
	writes(0, PAGES, 1, 5);
	want_stride(0, PAGES, 1);
	logged(k, "manual: all is written, all is logged");
	end();
}

static void test_initially_set(enum kind kind)
{
	const char *k = kinds[kind];
	uint64_t some[WORDS];

	if (!begin(kind, AVMM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | AVMM_DIRTY_LOG_INITIALLY_SET, 0))
		return;
	writes(0, PAGES, 1, 1);
	slot(LOG);
	want_none();
	want_stride(0, PAGES, 1);
	logged(k, "initially set: all pages are in the log");
	memset(some, 0xff, sizeof(some));
	tap_eq(-clear_log(512, 512, some), 0, "%s: initially set: a block is cleared", k);
	memset(want + 8, 0, 8 * 8);
	logged(k, "initially set: the rest stays");
	writes(0, PAGES, 5, 2);
	want_stride(0, PAGES, 5);
	logged(k, "initially set: its pages are logged when written");
	tap_eq(-clear_log(0, PAGES, some), 0, "%s: initially set: all is cleared", k);
	writes(2, PAGES - 2, 9, 2);
	want_none();
	want_stride(2, PAGES - 2, 9);
	logged(k, "initially set: all is logged when written");
	end();
}

/* ---- arguments ---- */

static int enable(uint32_t flags, uint64_t arg)
{
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .flags = flags,
				       .args = { arg } };

	return avmm_enable_cap(vm->fd, &cap);
}

static int get_slot(uint32_t id)
{
	return avmm_get_dirty_log(vm->fd, &(struct avmm_dirty_log){
						  .slot = id, .dirty_bitmap = (uintptr_t)bits });
}

static void test_args(void)
{
	static const struct {
		uint64_t first;
		uint32_t num;
		int err;
	} ranges[] = {
		{ 0, PAGES, 0 }, { 0, 64, 0 }, { 0, 0, 0 }, { 64, PAGES - 64, 0 },
		{ 1, 64, EINVAL }, { 32, PAGES - 32, EINVAL }, { 0, 63, EINVAL }, { 0, 1, EINVAL },
		{ 0, PAGES + 1, EINVAL }, { 0, PAGES + 27, EINVAL }, { 64, PAGES, EINVAL },
		{ PAGES / 64 * 64 + 64, 0, EINVAL }, { PAGES / 64 * 64, 37, 0 },
		{ -64ULL, 64, EINVAL },
	};
	static const uint64_t options[][2] = { { 0, 0 }, { 1, 0 }, { 2, EINVAL }, { 3, 0 },
					       { 4, EINVAL }, { 5, EINVAL }, { 1ULL << 32, EINVAL } };
	struct avmm_clear_dirty_log far = { .slot = 0x10000, .first_page = 64 };
	uint8_t *hole;
	int fd;

	begin(ANON, 0, 0);
	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2), 3,
	       "AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2 is 3");
	for (unsigned int i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		tap_eq(-enable(0, options[i][0]), options[i][1], "it is enabled with %llx",
		       (unsigned long long)options[i][0]);
	tap_eq(-enable(1, 0), EINVAL, "but with no flag");
	tap_eq(-enable(0, 0), 0, "and disabled");

	tap_eq(-get_slot(SLOT), ENOENT, "the log of a slot that has none");
	tap_eq(-get_slot(2), ENOENT, "of a slot that is not there");
	tap_eq(-get_slot(32766), ENOENT, "of the last slot there could be");
	tap_eq(-get_slot(32767), EINVAL, "of one too high");
	tap_eq(-get_slot(0x10000 + SLOT), EINVAL, "of another address space");
	tap_eq(-clear_log(0, 64, bits), ENOENT, "clearing the log of a slot that has none");
	tap_eq(-clear_log(1, 64, bits), EINVAL, "from an odd page");
	tap_eq(-avmm_clear_dirty_log(vm->fd, &far), EINVAL, "of another address space");
	tap_eq(-slot(LOG | AVMM_MEM_READONLY), EINVAL, "a slot does not become read-only with a log");
	tap_eq(-slot(LOG | 4), EINVAL, "nor get an unknown flag");
	tap_eq(-slot(LOG), 0, "it gets a log");
	tap_eq(-slot(LOG), 0, "twice");
	memset(bits, 0, sizeof(bits));
	for (unsigned int i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		tap_eq(-clear_log(ranges[i].first, ranges[i].num, bits), ranges[i].err,
		       "pages 0x%llx + %u are cleared", (unsigned long long)ranges[i].first,
		       ranges[i].num);

	/* bad pointers */
	hole = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	writes(0, 10, 1, 1);
	tap_eq(-get_log(hole), EFAULT, "a log that cannot be written to");
	if (device_is_kvm()) {
		tap_skip("KVM loses it", "what could not be written stays in the log");
	} else {
		want_none();
		want_stride(0, 10, 1);
		logged("bad pointer", "what could not be written stays in the log");
	}
	tap_eq(-clear_log(0, PAGES, hole), EFAULT, "bits that cannot be read");
	munmap(hole, 8192);

	/* a slot that moves takes its log along */
	writes(7, 5, 1, 1);
	tap_eq(-avmm_map_memory(vm->fd, SLOT, LOG, AT + 64 * MIB, mem, SIZE), 0, "the slot is moved");
	want_none();
	want_stride(7, 5, 1);
	logged("move", "its log is still there");
	writes(64 * 256 + 9, 1, 1, 1);
	want_none();
	want_stride(9, 1, 1);
	logged("move", "and goes on");
	tap_eq(-avmm_map_memory(vm->fd, SLOT, 0, AT, mem, SIZE), 0, "it is moved back, without a log");
	tap_eq(-get_log(bits), ENOENT, "which is gone");
	tap_eq(-avmm_map_memory(vm->fd, SLOT, LOG, AT + 64 * MIB, mem, SIZE), 0,
	       "it is moved and gets one");
	want_none();
	logged("move", "which is empty");
	tap_eq(-avmm_unmap_memory(vm->fd, SLOT), 0, "a slot with a log is deleted");
	tap_eq(-get_log(bits), ENOENT, "and has none");

	/* a read-only slot may have a log, in which there is nothing */
	tap_eq(-slot(LOG | AVMM_MEM_READONLY), 0, "a read-only slot with a log");
	guest(OP_LOOK, 0, 0, 100);
	op_exits(v, true, AT + 4096, "a write to it");
	want_none();
	logged("read-only", "its log is empty");
	avmm_unmap_memory(vm->fd, SLOT);

	fd = open("/dev/mem", O_RDWR | O_SYNC);
	hole = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0x0c000000);
	if (hole == MAP_FAILED) {
		tap_skip("no /dev/mem", "a device's registers are not logged");
	} else {
		tap_eq(-avmm_map_memory(vm->fd, 2, LOG, AT + 64 * MIB, hole, 4096), EINVAL,
		       "a device's registers are not logged");
		tap_eq(-avmm_map_memory(vm->fd, 2, 0, AT + 64 * MIB, hole, 4096), 0,
		       "but may be a slot");
		tap_eq(-avmm_map_memory(vm->fd, 2, LOG, AT + 64 * MIB, hole, 4096), EINVAL,
		       "that gets no log");
		munmap(hole, 4096);
	}
	end();
}

/* ---- while the guest writes ---- */

static uint8_t *shadow;

static void copy_logged(unsigned int *copied)
{
	for (unsigned int i = 0; i < PAGES; i++)
		if (bits[i / 64] & 1UL << (i % 64)) {
			memcpy(shadow + i * 4096UL, mem + i * 4096UL, 4096);
			++*copied;
		}
}

static void *run_all(void *arg)
{
	vm_run(arg);
	return NULL;
}

/* As migration does it: copy all, then what the log says, and in the end there is no difference. */
static void test_running(enum kind kind, unsigned int vcpus, uint64_t manual, unsigned int toggles)
{
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
				       .args = { manual } };
	unsigned int copied = 0, bad = 0, differ = 0, rounds, i, t;
	volatile uint64_t *stop;
	pthread_t thread;

	if (!new_mem(kind)) {
		tap_skip("not to be had here", kinds[kind]);
		return;
	}
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(dirty_log), .vcpus = vcpus, .all_on = true,
					 .arg = PAGES });
	if (manual)
		bad += avmm_enable_cap(vm->fd, &cap) != 0;
	if (slot(0))
		tap_bail("the slot");
	stop = vm_ram(vm, LOG_STOP);
	*stop = 0;
	shadow = malloc(SIZE);
	if (pthread_create(&thread, NULL, run_all, vm))
		tap_bail("pthread_create");
	usleep(100000);
	for (t = 0; t <= toggles; t++) {
		bad += slot(LOG) != 0;
		memcpy(shadow, mem, SIZE);
		copied = 0;
		for (rounds = 0; rounds < (toggles ? 4 : 40) || (!copied && rounds < 400); rounds++) {
			usleep(2000);
			bad += get_log(bits) != 0;
			/* in pieces, in two ways */
			if (manual && rounds % 2)
				bad += clear_log(0, PAGES, bits) != 0;
			else if (manual)
				for (i = 0; i < PAGES; i += 64)
					bad += clear_log(i, PAGES - i < 64 ? PAGES - i : 64,
							 &bits[i / 64]) != 0;
			copy_logged(&copied);
		}
		if (t < toggles)
			bad += slot(0) != 0;
	}
	*stop = 1;
	pthread_join(thread, NULL);
	bad += get_log(bits) != 0;
	copy_logged(&copied);
	for (i = 0; i < PAGES; i++)
		differ += memcmp(shadow + i * 4096UL, mem + i * 4096UL, 4096) != 0;
	tap_eq(bad, 0, "%s, %u vCPUs, manual %llu, %u toggles: no ioctl fails", kinds[kind], vcpus,
	       (unsigned long long)manual, toggles);
	tap_ok(!differ && copied, "no write is lost: %u pages copied, %u differ", copied, differ);
	vm_free(vm);
	free(shadow);
	free_mem();
}

/* ---- blocks are split while there is a log, and merged when there is none any more ---- */

/* Faults of the vCPU so far, out of debugfs; -1: not to be had. */
static long faults(void)
{
	char path[64], line[512] = "", *p;
	glob_t found;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/avmm/%d-*/vcpus", getpid());
	if (device_is_kvm() || glob(path, 0, NULL, &found))
		return -1;
	f = fopen(found.gl_pathv[0], "r");
	if (f) {
		p = fgets(line, sizeof(line), f);
		fclose(f);
	}
	globfree(&found);
	p = strstr(line, "s2_faults ");
	return p ? atol(p + 10) : -1;
}

static void test_blocks(enum kind kind)
{
	const char *k = kinds[kind];
	long before, took;
	unsigned int i;

	if (!begin(kind, 0, 0))
		return;
	before = faults();
	if (before < 0) {
		tap_skip("no counter of faults", "blocks are split and merged");
		end();
		return;
	}
	/* the host has it all, so that only stage 2 faults */
	for (i = 0; i < PAGES; i++)
		((volatile uint64_t *)mem)[i * 512] = i;
	writes(0, PAGES, 1, 1);
	took = faults() - before;
	tap_ok(took < 100, "%s: %d pages take %ld faults", k, PAGES, took);
	tap_eq(-slot(LOG), 0, "%s: the log is switched on", k);
	before = faults();
	writes(0, PAGES, 1, 2);
	took = faults() - before;
	tap_ok(took >= PAGES, "%s: with it each page faults: %ld", k, took);
	tap_eq(-slot(0), 0, "%s: the log is switched off", k);
	before = faults();
	writes(0, PAGES, 1, 3);
	took = faults() - before;
	tap_ok(took < 100, "%s: blocks have come back: %ld faults", k, took);
	tap_eq(bad_pages(0, PAGES, 1, 3), 0, "%s: nothing is lost by it", k);
	end();
}

int main(void)
{
	enum kind k;

	test_begin(280);
	test_args();
	for (k = ANON; k <= PRIVATE_FILE; k++)
		test_exact(k);
	for (k = ANON; k <= SHMEM; k++)
		test_fresh(k);
	test_exec();
	test_manual(ANON);
	test_manual(THP);
	test_manual(HUGETLB);
	test_initially_set(ANON);
	test_initially_set(THP);
	/* of THP a small host may have none left */
	test_blocks(HUGETLB);
	test_running(ANON, 1, 0, 0);
	test_running(THP, 2, 0, 0);
	test_running(HUGETLB, 2, 1, 0);
	test_running(THP, 2, 3, 0);
	test_running(THP, 2, 0, 20);
	return tap_end();
}
