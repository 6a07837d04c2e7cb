// SPDX-License-Identifier: GPL-2.0
#include "backend/keys.h"

#include <ctype.h>
#include <stddef.h>

#define CTRL_A	0x01

static const struct {
	uint8_t key;
	enum keys_action action;
} commands[] = {
	{ 'x', KEYS_QUIT },
	{ 'h', KEYS_HELP },
	{ '?', KEYS_HELP },
	{ 'b', KEYS_BREAK },
	{ CTRL_A, KEYS_PASS },
};

const char *const keys_help[] = {
	"Ctrl-A x       stop the virtual machine and quit",
	"Ctrl-A b       send a break",
	"Ctrl-A Ctrl-A  send Ctrl-A",
	"Ctrl-A h       this help",
	NULL
};

enum keys_action keys_next(struct keys *keys, uint8_t key)
{
	if (!keys->escaped) {
		keys->escaped = key == CTRL_A;
		return keys->escaped ? KEYS_NONE : KEYS_PASS;
	}
	keys->escaped = false;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].key == key || commands[i].key == tolower(key))
			return commands[i].action;
	return KEYS_NONE;
}
