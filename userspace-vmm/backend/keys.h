/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The escape key of the console: Ctrl-A begins a command to us, all else is the guest's.
 */
#ifndef AVMM_BACKEND_KEYS_H
#define AVMM_BACKEND_KEYS_H

#include <stdbool.h>
#include <stdint.h>

enum keys_action {
	KEYS_NONE,		/* nothing yet, or an unknown command */
	KEYS_PASS,		/* the key is for the guest */
	KEYS_QUIT,
	KEYS_HELP,
	KEYS_BREAK,
};

struct keys {
	bool escaped;		/* the last key was Ctrl-A */
};

enum keys_action keys_next(struct keys *keys, uint8_t key);

/* Lines of text for KEYS_HELP, the last one NULL. */
extern const char *const keys_help[];

#endif /* AVMM_BACKEND_KEYS_H */
