/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The little of the kernel that the module's pure code stands on, for programs
 * that include its .c files and run them on any machine. A test may define
 * WRITE_ONCE itself before it includes this, to watch the writes.
 */
#ifndef SELFTESTS_UNIT_FAKE_KERNEL_H
#define SELFTESTS_UNIT_FAKE_KERNEL_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL >> (63 - (h))) & (~0UL << (l)))
#define GENMASK_ULL(h, l)	((~0ULL >> (63 - (h))) & (~0ULL << (l)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#ifndef WRITE_ONCE
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#endif
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define dsb(domain)		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define lockdep_assert_held(l)	do { } while (0)
#define WARN_ON_ONCE(x)		({ bool __w = (x); assert(!__w); __w; })

/* Physical addresses are the program's own. */
static inline void *phys_to_virt(u64 pa)
{
	return (void *)(uintptr_t)pa;
}

static inline u64 virt_to_phys(const void *va)
{
	return (uintptr_t)va;
}

#endif /* SELFTESTS_UNIT_FAKE_KERNEL_H */
