// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>
#include <stdio.h>

#include "tests/tap.h"

static const struct {
	const char *name;
	const struct tap_test *tests;
} suites[] = {
	{ "options", options_tests }, { "config", config_tests },
	{ "qmp", qmp_tests }, { "image", image_tests }, { "boot", boot_tests },
	{ "event loop", event_loop_tests },
	{ "fdt", fdt_tests }, { "mmio", mmio_tests }, { "pl011", pl011_tests },
	{ "console", console_tests },
	{ "block", block_tests }, { "blk", blk_tests }, { "net", net_tests }, { "vhost-user", vhost_user_tests },
	{ "stream", stream_tests }, { "checkpoint", checkpoint_tests },
	{ "migration", migration_tests },
	{ "qemu", qemu_tests },
	{ "vring", vring_tests },
	{ "device", device_tests },
	{ "virtio", virtio_tests },
	{ "pci", pci_tests },
	{ "flash", flash_tests },
	{ "pl061", pl061_tests },
};

#define NSUITES	(sizeof(suites) / sizeof(suites[0]))

static bool passed;

bool tap_check(bool condition, const char *text, const char *file, int line)
{
	if (!condition) {
		printf("# %s:%d: not true: %s\n", file, line, text);
		passed = false;
	}
	return condition;
}

int main(void)
{
	int count = 0, failed = 0;

	for (size_t i = 0; i < NSUITES; i++)
		for (const struct tap_test *t = suites[i].tests; t->name; t++)
			count++;
	printf("TAP version 13\n1..%d\n", count);
	count = 0;
	for (size_t i = 0; i < NSUITES; i++) {
		for (const struct tap_test *t = suites[i].tests; t->name; t++) {
			passed = true;
			t->run();
			failed += !passed;
			printf("%sok %d - %s: %s\n", passed ? "" : "not ", ++count,
			       suites[i].name, t->name);
		}
	}
	return failed ? 1 : 0;
}
