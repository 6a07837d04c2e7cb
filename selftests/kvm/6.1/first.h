/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before all else in the KVM selftests of Linux 6.1, whose dirty_log_test compares with a
 * macro that only later versions of their library have.
 */
#ifndef AVMM_KVM_SELFTESTS_FIRST_H
#define AVMM_KVM_SELFTESTS_FIRST_H

#define TEST_ASSERT_EQ(a, b)							\
	do {									\
		long _have = (a), _want = (b);					\
										\
		TEST_ASSERT(_have == _want, "%s is %ld, not %ld", #a, _have, _want); \
	} while (0)

#endif
