// SPDX-License-Identifier: GPL-2.0
/*
 * Fills memory with a pattern that differs from page to page, and verifies it, again and again.
 *
 *	fill MIB [ROUNDS]
 *
 * Prints "fill: N pages good" or says which page was not, with status 1. A page compresses well, so that a host with
 * swap in memory can hold more of them than it has room for.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE	4096
#define WORDS	(PAGE / sizeof(uint64_t))

/* Never zero, so that a page lost and made anew is seen. */
static uint64_t word(size_t page, unsigned int round)
{
	return ((page + 1) * 0x9e3779b97f4a7c15ULL ^ round) | 1ULL << 63;
}

int main(int argc, char **argv)
{
	size_t pages = argc > 1 ? strtoul(argv[1], NULL, 0) * ((1 << 20) / PAGE) : 0, page, i;
	unsigned int rounds = argc > 2 ? atoi(argv[2]) : 2, round;
	uint64_t *mem;

	if (!pages)
		errx(1, "usage: fill MIB [ROUNDS]");
	mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	for (round = 0; round < rounds; round++) {
		for (page = 0; page < pages; page++)
			for (i = 0; i < WORDS; i++)
				mem[page * WORDS + i] = word(page, round);
		for (page = 0; page < pages; page++)
			for (i = 0; i < WORDS; i++)
				if (mem[page * WORDS + i] != word(page, round))
					errx(1, "round %u: page %zu, word %zu is %#llx, not %#llx", round, page, i,
					     (unsigned long long)mem[page * WORDS + i],
					     (unsigned long long)word(page, round));
	}
	printf("fill: %zu pages good\n", pages);
	return 0;
}
