/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unit tests as functions that check(); tests/main.c has the list and prints TAP.
 */
#ifndef AVMM_TESTS_TAP_H
#define AVMM_TESTS_TAP_H

#include <stdbool.h>

/* Fails the running test with the line and the expression; returns the condition. */
#define check(condition)	tap_check(condition, #condition, __FILE__, __LINE__)

bool tap_check(bool condition, const char *text, const char *file, int line);

struct tap_test {
	const char *name;
	void (*run)(void);
};

/* Each ends with a row without name. */
extern const struct tap_test blk_tests[];
extern const struct tap_test block_tests[];
extern const struct tap_test boot_tests[];
extern const struct tap_test config_tests[];
extern const struct tap_test checkpoint_tests[];
extern const struct tap_test console_tests[];
extern const struct tap_test device_tests[];
extern const struct tap_test event_loop_tests[];
extern const struct tap_test fdt_tests[];
extern const struct tap_test flash_tests[];
extern const struct tap_test image_tests[];
extern const struct tap_test migration_tests[];
extern const struct tap_test mmio_tests[];
extern const struct tap_test net_tests[];
extern const struct tap_test options_tests[];
extern const struct tap_test pci_tests[];
extern const struct tap_test pl011_tests[];
extern const struct tap_test pl061_tests[];
extern const struct tap_test qemu_tests[];
extern const struct tap_test qmp_tests[];
extern const struct tap_test stream_tests[];
extern const struct tap_test vhost_user_tests[];
extern const struct tap_test virtio_tests[];
extern const struct tap_test vring_tests[];

#endif /* AVMM_TESTS_TAP_H */
