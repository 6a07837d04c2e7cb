/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of MMIO accesses, for the payload (instruction) and for the test (what must come of
 * it).
 */
#ifndef SELFTESTS_MMIO_EXIT_H
#define SELFTESTS_MMIO_EXIT_H

enum { SYNC_NEXT, SYNC_RESULT };

/* value stored or, for loads, what the register held before */
#define V	0x1122334455667788ULL
/* what the device answers */
#define D	0xf1e2d3c4b5a69788ULL

/* name, instruction, write, length, value before, value the device sees or the register after */
#define MMIO_CASES(X)								\
	X(STRB, "strb %w0, [%1]", 1, 1, V, 0x88)				\
	X(STRH, "strh %w0, [%1]", 1, 2, V, 0x7788)				\
	X(STRW, "str %w0, [%1]", 1, 4, V, 0x55667788)				\
	X(STRX, "str %0, [%1]", 1, 8, V, V)					\
	X(STRWZR, "str wzr, [%1]", 1, 4, V, 0)					\
	X(STRXZR, "str xzr, [%1]", 1, 8, V, 0)					\
	X(STUR, "stur %w0, [%1, #0]", 1, 4, V, 0x55667788)			\
	X(STLR, "stlr %w0, [%1]", 1, 4, V, 0x55667788)				\
	X(LDRB, "ldrb %w0, [%1]", 0, 1, V, 0x88)				\
	X(LDRH, "ldrh %w0, [%1]", 0, 2, V, 0x9788)				\
	X(LDRW, "ldr %w0, [%1]", 0, 4, V, 0xb5a69788)				\
	X(LDRX, "ldr %0, [%1]", 0, 8, V, D)					\
	X(LDRSBW, "ldrsb %w0, [%1]", 0, 1, V, 0xffffff88)			\
	X(LDRSBX, "ldrsb %0, [%1]", 0, 1, V, 0xffffffffffffff88)		\
	X(LDRSHW, "ldrsh %w0, [%1]", 0, 2, V, 0xffff9788)			\
	X(LDRSHX, "ldrsh %0, [%1]", 0, 2, V, 0xffffffffffff9788)		\
	X(LDRSWX, "ldrsw %0, [%1]", 0, 4, V, 0xffffffffb5a69788)		\
	X(LDAR, "ldar %w0, [%1]", 0, 4, V, 0xb5a69788)				\
	X(LDRXZR, "ldr xzr, [%1]", 0, 8, V, V)					\
	X(LDRIDX, "mov x4, xzr\n ldr %w0, [%1, x4, lsl #2]", 0, 4, V, 0xb5a69788)

/* Instructions that leave no syndrome to decode: name, instruction, write */
#define NISV_CASES(X)								\
	X(LDP, "ldp %0, x4, [%1]", 0)						\
	X(STP, "stp %0, %0, [%1]", 1)						\
	X(LDRPOST, "ldr %0, [%1], #8", 0)					\
	X(STRPRE, "str %0, [%1, #8]!", 1)					\
	X(LD1, "ld1 {v0.2d}, [%1]", 0)						\
	X(STRQ, "str q0, [%1]", 1)

enum mmio_case {
#define NAME(name, ...)	CASE_##name, name = CASE_##name,
	MMIO_CASES(NAME)
	NISV_CASES(NAME)
#undef NAME
	CASE_END
};

#endif /* SELFTESTS_MMIO_EXIT_H */
