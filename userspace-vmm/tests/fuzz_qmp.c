// SPDX-License-Identifier: GPL-2.0
/*
 * Any bytes as what a client sends, in pieces of any size.
 */
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "control/qmp_vm.c"
#include "control/schema.h"
#include "tests/fake_vm.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void nowhere(struct qmp_client *client, const char *text, size_t len)
{
	(void)client;
	/* it is whole lines of JSON, whatever came in */
	if (len < 4 || memcmp(text + len - 3, "}\r\n", 3))
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct qmp_command *const tables[] = { qmp_commands, qmp_vm_commands, NULL };
	struct qmp_client client = { .send = nowhere };
	static struct qmp_server server;
	struct error err;

	if (!server.version) {
		qmp_server_init(&server, &fake_vm, tables, NULL, 0, &err);
		server.schema = json_loadb(schema_text, schema_text_end - schema_text, 0, NULL);
	}
	fake_vm_init();
	client.server = &server;
	qmp_client_open(&client);
	client.negotiated = size && *data & 1;
	client.received_fd = size && *data & 2 ? dup(0) : -1;
	while (size) {
		/* the first byte of each piece says how long it is */
		size_t n = *data % 64 + 1;

		n = n < size ? n : size;
		qmp_client_input(&client, (const char *)data, n);
		data += n;
		size -= n;
	}
	qmp_client_close(&client);
	return 0;
}
