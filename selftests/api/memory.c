// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's memory is its process's memory: whatever the host does with it - gives it on demand,
 * takes it back, swaps it out, shares, copies, merges or moves it - the guest sees what the process
 * would see.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "guest_ops.h"

PAYLOAD(memslots);

#define SLOT	1
#define AT	0x50000000UL	/* within what the payload maps as RAM */
#define PAGES	1024
#define SIZE	(PAGES * 4096UL)
#define BLOCK	(2 * MIB)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

static struct vm *vm;
static struct vcpu *v;
static uint8_t *mem;
static size_t mem_size;

/* A VM with this much memory of that kind at AT; aligned to a block. */
static bool begin(size_t size, int flags, int fd)
{
	uint8_t *space;

	mem_size = size;
	/* PROT_NONE around it: what is unmapped must not be taken by somebody else's mapping */
	space = mmap(NULL, size + BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		     0);
	if (space == MAP_FAILED)
		tap_bail("mmap of %zu MiB", size / MIB);
	mem = (uint8_t *)(((uintptr_t)space + BLOCK - 1) & ~(BLOCK - 1));
	if (mmap(mem, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		return false;
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(memslots) });
	v = &vm->vcpu[0];
	if (avmm_map_memory(vm->fd, SLOT, 0, AT, mem, size))
		tap_bail("the second slot");
	return true;
}

static void end(void)
{
	vm_free(vm);
	munmap(mem, mem_size);
}

/*
 * The guest writes a word of value ^ address to each page, or counts the pages that have another
 * one.
 */
static void fill(uint64_t at, uint64_t value, uint64_t pages)
{
	uint64_t r;

	op_begin(v, OP_FILL, at, value, pages);
	if (op_go(v, &r) != STEP_UCALL)
		tap_bail("the guest cannot fill its memory");
}

static uint64_t count_bad(uint64_t at, uint64_t value, uint64_t pages)
{
	uint64_t r;

	op_begin(v, OP_CHECK, at, value, pages);
	if (op_go(v, &r) != STEP_UCALL)
		tap_bail("the guest cannot check its memory");
	return r;
}

static uint64_t host_bad(const uint8_t *p, uint64_t at, uint64_t value, uint64_t pages)
{
	uint64_t i, bad = 0;

	for (i = 0; i < pages; i++)
		bad += *(const volatile uint64_t *)(p + i * 4096) != (value ^ (at + i * 4096));
	return bad;
}

static unsigned int resident(uint8_t *p, size_t size)
{
	static unsigned char vec[1 << 18];
	unsigned int n = 0;

	if (mincore(p, size, vec))
		return ~0U;
	for (size_t i = 0; i < size / 4096; i++)
		n += vec[i] & 1;
	return n;
}

static void test_demand(void)
{
	unsigned int n;

	begin(64 * MIB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	madvise(mem, mem_size, MADV_NOHUGEPAGE);
	op_reads(v, AT + 20 * MIB, 0, "demand: untouched memory is zero");
	fill(AT + 8 * MIB, 1, 100);
	n = resident(mem, mem_size);
	tap_ok(n >= 100 && n <= 110, "demand: %u pages are there after 101 were touched", n);
	tap_eq(host_bad(mem + 8 * MIB, AT + 8 * MIB, 1, 100), 0,
	       "demand: what the guest wrote is seen outside");
	end();
}

static void test_dontneed(void)
{
	begin(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	fill(AT, 2, PAGES);
	tap_eq(count_bad(AT, 2, PAGES), 0, "MADV_DONTNEED: filled");
	madvise(mem, SIZE / 2, MADV_DONTNEED);
	/* a page that is zero is not the pattern */
	tap_eq(count_bad(AT, 2, PAGES / 2), PAGES / 2, "MADV_DONTNEED: the first half is gone");
	op_reads(v, AT + 4096 * 17, 0, "MADV_DONTNEED: it is zero");
	tap_eq(count_bad(AT + SIZE / 2, 2, PAGES / 2), 0,
	       "MADV_DONTNEED: the second half is there");
	fill(AT, 3, PAGES / 2);
	tap_eq(count_bad(AT, 3, PAGES / 2), 0, "MADV_DONTNEED: the first half can be filled again");
	end();
}

/*
 * Runs an operation that the host's mapping forbids: RUN says EFAULT, and goes on once the mapping
 * allows it.
 */
static void faulting(uint64_t what, const char *name)
{
	uint64_t r;
	int i, bad = 0;

	op_begin(v, what, AT, 4, 0);
	for (i = 0; i < 3; i++)
		bad += op_go(v, &r) != -EFAULT;
	tap_eq(bad, 0, "%s: RUN gives EFAULT, again and again", name);
}

static void go_on(const char *name)
{
	uint64_t r;

	tap_eq(op_go(v, &r), STEP_UCALL, "%s: then the guest goes on", name);
}

static void test_protection(void)
{
	uint64_t *word;

	begin(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	word = (uint64_t *)mem;
	fill(AT, 5, PAGES);
	mprotect(mem, SIZE, PROT_READ);
	op_reads(v, AT, 5 ^ AT, "mprotect read-only: the guest reads");
	faulting(OP_WRITE, "mprotect read-only, a write");
	mprotect(mem, SIZE, PROT_READ | PROT_WRITE);
	tap_eq(word[0], 5 ^ AT, "nothing was written");
	go_on("mprotect writable");
	tap_eq(word[0], 4, "and it is written");

	mprotect(mem, SIZE, PROT_NONE);
	faulting(OP_READ, "mprotect none, a read");
	mprotect(mem, SIZE, PROT_READ | PROT_WRITE);
	go_on("mprotect writable again");

	munmap(mem, SIZE);
	faulting(OP_READ, "munmap, a read");
	if (mmap(mem, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		tap_bail("mmap");
	word[0] = 0x5678;
	go_on("mmap at the same place");
	op_reads(v, AT, 0x5678, "with the new memory");

	/* moved away, and something else put there */
	fill(AT, 6, PAGES);
	word = mremap(mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	if (word == MAP_FAILED)
		tap_bail("mremap");
	faulting(OP_WRITE, "mremap, a write");
	tap_eq(host_bad((void *)word, AT, 6, PAGES), 0,
	       "mremap: the memory that moved is untouched");
	munmap(word, SIZE);
	end();
}

static void test_fork(void)
{
	int to_child[2], to_parent[2], status;
	char c = 0;
	pid_t pid;

	begin(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	fill(AT, 7, PAGES);
	if (pipe(to_child) || pipe(to_parent))
		tap_bail("pipe");
	pid = fork();
	if (pid == 0) {
		int bad = 0;

		/* the child's writes are its own, and so are the guest's later ones the parent's */
		for (int i = 0; i < PAGES / 2; i++)
			*(volatile uint64_t *)(mem + i * 4096UL) = 0xdead;
		bad |= write(to_parent[1], &c, 1) != 1;
		bad |= read(to_child[0], &c, 1) != 1;
		bad |= host_bad(mem + SIZE / 2, AT + SIZE / 2, 7, PAGES / 2) ? 2 : 0;
		for (int i = 0; i < PAGES / 2; i++)
			bad |= *(volatile uint64_t *)(mem + i * 4096UL) != 0xdead ? 4 : 0;
		_exit(bad);
	}
	if (read(to_parent[0], &c, 1) != 1)
		tap_bail("the child is gone");
	tap_eq(count_bad(AT, 7, PAGES), 0, "fork: the child's writes are not the guest's");
	fill(AT, 8, PAGES);
	tap_eq(host_bad(mem, AT, 8, PAGES), 0, "fork: the guest's writes are the parent's");
	if (write(to_child[1], &c, 1) != 1)
		tap_bail("the child is gone");
	waitpid(pid, &status, 0);
	tap_ok(WIFEXITED(status) && !WEXITSTATUS(status), "fork: and not the child's (status 0x%x)",
	       status);
	tap_eq(count_bad(AT, 8, PAGES), 0, "fork: when the child is gone, nothing has changed");
	close(to_child[0]);
	close(to_child[1]);
	close(to_parent[0]);
	close(to_parent[1]);
	end();
}

static void test_shared(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	uint8_t *other;

	if (fd < 0 || ftruncate(fd, SIZE))
		tap_bail("memfd");
	begin(SIZE, MAP_SHARED, fd);
	other = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	fill(AT, 9, PAGES);
	tap_eq(host_bad(other, AT, 9, PAGES), 0, "memfd: another mapping has what the guest wrote");
	((volatile uint64_t *)other)[512 * 3] = 0x99;
	op_reads(v, AT + 3 * 4096, 0x99, "memfd: and the guest has what is written there");
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE / 2);
	op_reads(v, AT + 4096, 0, "memfd: a punched hole is zero");
	tap_eq(count_bad(AT + SIZE / 2, 9, PAGES / 2), 0, "memfd: the rest is there");
	if (ftruncate(fd, SIZE / 2))
		tap_bail("ftruncate");
	op_begin(v, OP_READ, AT + SIZE - 4096, 0, 0);
	{
		uint64_t r;
		int got = op_go(v, &r);

		tap_eq(-got, EFAULT, "memfd: cut off, RUN gives EFAULT");
		if (ftruncate(fd, SIZE))
			tap_bail("ftruncate");
		tap_eq(op_go(v, &r), STEP_UCALL, "memfd: and goes on when it is there again");
		tap_eq(r, 0, "memfd: with zero");
	}
	munmap(other, SIZE);
	close(fd);
	end();
}

static void test_huge(void)
{
	char text[64];

	begin(4 * BLOCK, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (madvise(mem, mem_size, MADV_HUGEPAGE) ||
	    !read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof(text))) {
		tap_skip("no transparent huge pages", "THP");
		end();
		return;
	}
	fill(AT, 10, 4 * BLOCK / 4096);
	tap_eq(count_bad(AT, 10, 4 * BLOCK / 4096), 0, "THP: filled and checked");
	/* each of these splits a block */
	madvise(mem + 5 * 4096, 4096, MADV_DONTNEED);
	op_reads(v, AT + 5 * 4096, 0, "THP: one page taken back is zero");
	tap_eq(count_bad(AT, 10, 4 * BLOCK / 4096), 1, "THP: and only that one");
	mprotect(mem + BLOCK + 4096, 4096, PROT_READ);
	tap_eq(count_bad(AT + BLOCK, 10, BLOCK / 4096), 0,
	       "THP: one page read-only, all can be read");
	op_writes(v, AT + BLOCK, 11, "THP: its neighbour can be written");
	op_begin(v, OP_WRITE, AT + BLOCK + 4096, 4, 0);
	{
		uint64_t r;

		tap_eq(-op_go(v, &r), EFAULT, "THP: the page itself not");
		mprotect(mem + BLOCK + 4096, 4096, PROT_READ | PROT_WRITE);
		tap_eq(op_go(v, &r), STEP_UCALL, "THP: until it is writable");
	}
	/* and put together again */
	madvise(mem, mem_size, MADV_DONTNEED);
	fill(AT, 12, 4 * BLOCK / 4096);
	tap_eq(count_bad(AT, 12, 4 * BLOCK / 4096), 0, "THP: all of it anew");
	tap_eq(host_bad(mem, AT, 12, 4 * BLOCK / 4096), 0, "THP: seen outside");
	end();
}

static void test_hugetlb(void)
{
	write_text("/proc/sys/vm/nr_hugepages", "4");
	if (!begin(2 * BLOCK, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1)) {
		tap_skip("no huge pages to be had", "hugetlbfs");
		return;
	}
	fill(AT, 13, 2 * BLOCK / 4096);
	tap_eq(count_bad(AT, 13, 2 * BLOCK / 4096), 0, "hugetlbfs: filled and checked");
	tap_eq(host_bad(mem, AT, 13, 2 * BLOCK / 4096), 0, "hugetlbfs: seen outside");
	madvise(mem, BLOCK, MADV_DONTNEED);
	op_reads(v, AT + 4096, 0, "hugetlbfs: a page taken back is zero");
	tap_eq(count_bad(AT + BLOCK, 13, BLOCK / 4096), 0, "hugetlbfs: the other one is there");
	end();
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

static void test_ksm(void)
{
	char text[32] = "0";
	uint64_t bad = 0, r = 0;
	int i;

	begin(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (i = 0; i < PAGES; i++)
		memset(mem + i * 4096, 0x3c, 4096);
	for (i = 0; i < PAGES; i++)
		op(v, OP_READ, AT + i * 4096, 0, &r);
	tap_eq(r, 0x3c3c3c3c3c3c3c3c, "KSM: before");
	if (madvise(mem, SIZE, MADV_MERGEABLE) || !write_text("/sys/kernel/mm/ksm/run", "1")) {
		tap_skip("this kernel has no KSM", "KSM");
		end();
		return;
	}
	write_text("/sys/kernel/mm/ksm/pages_to_scan", "5000");
	write_text("/sys/kernel/mm/ksm/sleep_millisecs", "10");
	for (i = 0; i < 200; i++) {
		usleep(50000);
		read_text("/sys/kernel/mm/ksm/pages_sharing", text, sizeof(text));
		if (strtoul(text, NULL, 10) > PAGES / 2)
			break;
	}
	tap_ok(strtoul(text, NULL, 10) > PAGES / 2, "KSM: pages were merged: %lu",
	       strtoul(text, NULL, 10));
	op_writes(v, AT + 100 * 4096, 0x77, "KSM: a write to a merged page");
	for (i = 0; i < PAGES; i++) {
		if (op(v, OP_READ, AT + i * 4096, 0, &r) != STEP_UCALL)
			tap_bail("the guest cannot read");
		bad += r != (i == 100 ? 0x77 : 0x3c3c3c3c3c3c3c3c);
	}
	tap_eq(bad, 0, "KSM: is of that page only");
	write_text("/sys/kernel/mm/ksm/run", "2");
	op_reads(v, AT + 101 * 4096, 0x3c3c3c3c3c3c3c3c, "KSM: unmerged again");
	end();
	write_text("/sys/kernel/mm/ksm/run", "0");
}

static void test_pageout(void)
{
	unsigned int n;

	if (!meminfo("SwapTotal")) {
		tap_skip("no swap", "MADV_PAGEOUT");
		return;
	}
	begin(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	fill(AT, 14, PAGES);
	/*
	 * The first time the pages are young, by the guest's accesses; that is when they stop being
	 * so.
	 */
	madvise(mem, SIZE, MADV_PAGEOUT);
	madvise(mem, SIZE, MADV_PAGEOUT);
	n = resident(mem, SIZE);
	tap_ok(n < PAGES / 2, "MADV_PAGEOUT: %u of %u pages are left", n, PAGES);
	tap_eq(count_bad(AT, 14, PAGES), 0, "MADV_PAGEOUT: the guest finds all of them");
	madvise(mem, SIZE, MADV_PAGEOUT);
	madvise(mem, SIZE, MADV_PAGEOUT);
	fill(AT, 15, PAGES);
	tap_eq(host_bad(mem, AT, 15, PAGES), 0,
	       "MADV_PAGEOUT: what it writes to those that were out is kept");
	end();
}

#define LEFT	(16 * MIB)

/*
 * More guest memory than there is; all of it written, and found again. Most of the host's is locked
 * away for that.
 */
static void test_pressure(void)
{
	unsigned long available = meminfo("MemAvailable") / 1024 * MIB, swap = meminfo("SwapFree");
	size_t locked = available > LEFT ? available - LEFT : 0, size = LEFT + LEFT / 2;
	void *hog;

	if (swap * 1024 < size) {
		tap_skip("needs swap", "pressure");
		return;
	}
	hog = mmap(NULL, locked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hog == MAP_FAILED || mlock(hog, locked))
		tap_bail("cannot lock %zu MiB", locked / MIB);
	begin(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
	madvise(mem, size, MADV_NOHUGEPAGE);
	tap_diag("pressure: %lu MiB of guest memory, %lu MiB available", size / MIB,
		 meminfo("MemAvailable") / 1024);
	fill(AT, 0x100, size / 4096);
	tap_eq(count_bad(AT, 0x100, size / 4096), 0, "pressure: every page has what was written");
	tap_ok(meminfo("SwapFree") < swap - 4000, "pressure: and swap was used: %lu MiB",
	       (swap - meminfo("SwapFree")) / 1024);
	munmap(hog, locked);
	tap_eq(count_bad(AT, 0x100, size / 4096), 0, "pressure: nor is any lost when it is over");
	end();
}

static void (*const tests[])(void) = {
	test_demand, test_dontneed, test_protection, test_fork,	   test_shared,
	test_huge,   test_hugetlb,  test_ksm,	     test_pageout, test_pressure,
};

int main(void)
{
	test_begin(400);
	close(device_open());
	for (unsigned int i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		uint64_t began = now_ns();

		tests[i]();
		tap_diag("that took %llu ms", (unsigned long long)(now_ns() - began) / 1000000);
	}
	return tap_end();
}
