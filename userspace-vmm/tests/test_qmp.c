// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/qmp_vm.h"
#include "control/schema.h"
#include "tests/fake_vm.h"
#include "tests/tap.h"

static const struct qmp_command *const tables[] = { qmp_commands, qmp_vm_commands, qmp_mig_commands,
						   NULL };

static struct qmp_server server;
static struct qmp_client client;
static char out[1 << 20];
static size_t out_len;

static void keep(struct qmp_client *c, const char *text, size_t len)
{
	(void)c;
	if (out_len + len >= sizeof(out))
		return;
	memcpy(out + out_len, text, len);
	out_len += len;
	out[out_len] = 0;
}

static void close_all(void)
{
	qmp_client_close(&client);
	qmp_server_close(&server);
}

static void open_client(void)
{
	struct error err;

	fake_vm_init();
	check(qmp_server_init(&server, &fake_vm, tables, NULL, 0, &err) == 0);
	/* without the commands of others, which are not linked here */
	server.schema = json_loadb(schema_text, schema_text_end - schema_text, JSON_REJECT_DUPLICATES,
				   NULL);
	check(server.schema);
	client = (struct qmp_client) { .server = &server, .send = keep };
	out_len = 0;
	qmp_client_open(&client);
}

static void say(const char *text)
{
	out_len = 0;
	out[0] = 0;
	qmp_client_input(&client, text, strlen(text));
}

static bool answers(const char *text, const char *answer)
{
	say(text);
	if (!strcmp(out, answer))
		return true;
	printf("# '%s' gave '%s'\n", text, out);
	return false;
}

static void open_negotiated(void)
{
	open_client();
	check(answers("{\"execute\":\"qmp_capabilities\"}", "{\"return\":{}}\r\n"));
}

static void handshake(void)
{
	open_client();
	check(!strncmp(out, "{\"QMP\":{\"version\":{\"qemu\":{", 26));
	check(strstr(out, "\"capabilities\":[]}}\r\n"));
	say("{\"execute\":\"query-status\",\"id\":4}");
	check(strstr(out, "\"class\":\"CommandNotFound\"") && strstr(out, "\"id\":4"));
	qmp_event(&server, "STOP", NULL);
	check(!strstr(out, "event"));
	check(answers("{\"execute\":\"qmp_capabilities\",\"id\":\"a\"}",
		      "{\"return\":{},\"id\":\"a\"}\r\n"));
	say("{\"execute\":\"qmp_capabilities\"}");
	check(strstr(out, "CommandNotFound"));
	qmp_event(&server, "STOP", NULL);
	check(strstr(out, "{\"event\":\"STOP\",\"timestamp\":{\"seconds\":"));
	close_all();
}

static void framing(void)
{
	static const char request[] = "{\"execute\":\"query-status\",\"id\":\"}{\\\"]\"}";

	open_negotiated();
	/* byte by byte */
	out_len = 0;
	for (size_t i = 0; request[i]; i++)
		qmp_client_input(&client, &request[i], 1);
	check(!strcmp(out, "{\"return\":{\"running\":true,\"status\":\"running\"},"
		      "\"id\":\"}{\\\"]\"}\r\n"));
	/* two at once, one of them over two lines */
	say("{\"execute\":\n\"stop\"} {\"execute\":\"cont\"}");
	check(!strcmp(out, "{\"return\":{}}\r\n{\"return\":{}}\r\n"));
	check(fake_vm.state == VM_RUNNING);
	/* rubbish costs its line only */
	say("xyz {\"execute\":\"stop\"}\n{\"execute\":\"query-name\"}");
	check(strstr(out, "not JSON") && strstr(out, "{\"return\":{}}\r\n"));
	check(fake_vm.state == VM_RUNNING);
	say("{]");
	check(strstr(out, "not JSON"));
	say("{\"execute\":\"query-name\",\"execute\":\"stop\"}");
	check(strstr(out, "not JSON"));
	check(fake_vm.state == VM_RUNNING && !client.broken);
	close_all();
}

static void refusals(void)
{
	static const struct { const char *request, *answer; } rows[] = {
		{ "{\"execute\":\"no-such\"}", "{\"error\":{\"class\":\"CommandNotFound\",\"desc\":"
		  "\"the command no-such has not been found\"}}\r\n" },
		{ "{\"execute\":\"stop\",\"arguments\":{\"x\":1}}", "{\"error\":{\"class\":"
		  "\"GenericError\",\"desc\":\"there is no 'arguments.x'\"}}\r\n" },
		{ "{\"execute\":\"stop\",\"arguments\":[]}", "{\"error\":{\"class\":"
		  "\"GenericError\",\"desc\":\"'arguments' is not an object\"}}\r\n" },
		{ "{\"execute\":\"getfd\"}", "{\"error\":{\"class\":\"GenericError\",\"desc\":"
		  "\"'arguments.fdname' is missing\"}}\r\n" },
		{ "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":1}}", "{\"error\":{\"class\":"
		  "\"GenericError\",\"desc\":\"'arguments.fdname' is not of type string\"}}\r\n" },
		{ "{\"execute\":\"system_powerdown\",\"id\":{}}", "{\"error\":{\"class\":"
		  "\"GenericError\",\"desc\":\"no key\"},\"id\":{}}\r\n" },
	};

	open_negotiated();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(answers(rows[i].request, rows[i].answer));
	say("{\"execute\":1}");
	check(strstr(out, "GenericError"));
	say("{\"exec-oob\":\"stop\",\"id\":1}");
	check(strstr(out, "GenericError") && strstr(out, "\"id\":1"));
	close_all();
}

/* Each command that needs nothing else answers as the schema says. */
static void contract(void)
{
	json_t *commands, *events, *entry;
	const char *name;
	struct error err;

	open_negotiated();
	commands = json_object_get(server.schema, "commands");
	for (size_t i = 0; tables[i]; i++) {
		for (const struct qmp_command *c = tables[i]; c->name; c++) {
			char request[128];
			json_t *answer, *value;

			entry = json_object_get(commands, c->name);
			if (!check(entry))
				printf("# %s\n", c->name);
			if (json_object_size(json_object_get(entry, "arguments")))
				continue;
			snprintf(request, sizeof(request), "{\"execute\":\"%s\"}", c->name);
			say(request);
			answer = json_loads(out, 0, NULL);
			value = json_object_get(answer, "return");
			if (value && !check(schema_check(json_object_get(entry, "returns"), value,
							 "return", &err) == 0))
				printf("# %s: %s\n", c->name, err.text);
			check(value || json_object_get(answer, "error"));
			json_decref(answer);
		}
	}
	check(fake_vm.end == VM_STOP_QUIT);
	events = json_object_get(server.schema, "events");
	json_object_foreach(events, name, entry)
		check(json_is_object(entry));
	close_all();
	/* one that is in the schema only, and one that is in a table only */
	check(qmp_server_init(&server, &fake_vm, tables, "{\"commands\":{}}", 15, &err) < 0);
	check(qmp_server_init(&server, &fake_vm, tables + 2, "{\"commands\":{\"x\":{}}}", 21,
			      &err) < 0);
}

static void descriptors(void)
{
	int fd;

	open_negotiated();
	say("{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"m\"}}");
	check(strstr(out, "no file descriptor came"));
	client.received_fd = open("/dev/null", O_RDONLY);
	check(answers("{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"m\"}}",
		      "{\"return\":{}}\r\n"));
	check(client.received_fd == -1);
	/* replaces the first */
	client.received_fd = open("/dev/zero", O_RDONLY);
	check(answers("{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"m\"}}",
		      "{\"return\":{}}\r\n"));
	fd = qmp_take_fd(&client, "m");
	check(fd >= 0 && qmp_take_fd(&client, "m") == -1);
	close(fd);
	say("{\"execute\":\"closefd\",\"arguments\":{\"fdname\":\"m\"}}");
	check(strstr(out, "there is no file descriptor 'm'"));
	for (int i = 0; i <= QMP_FDS_MAX; i++) {
		char request[80];

		client.received_fd = open("/dev/null", O_RDONLY);
		snprintf(request, sizeof(request),
			 "{\"execute\":\"getfd\",\"arguments\":{\"fdname\":\"%d\"}}", i);
		say(request);
		check(!strstr(out, "return") == (i == QMP_FDS_MAX));
	}
	close_all();
}

static void order(const char *command, int fd, const char *answer)
{
	char request[100];

	snprintf(request, sizeof(request), "{\"execute\":\"%s\",\"arguments\":{\"uri\":\"fd:%d\"}}",
		 command, fd);
	say(request);
	if (!check(strstr(out, answer)))
		printf("# '%s' gave '%s'\n", request, out);
}

/* A number is no name: it may be that of a disk. */
static void numbers(void)
{
	int ours = open("/dev/null", O_RDWR | O_CLOEXEC), given = open("/dev/null", O_RDWR);

	open_negotiated();
	fake_vm.migration.vm = &fake_vm;
	order("migrate", ours, "there is no file descriptor");
	order("migrate", given, "there is no file descriptor");
	order("migrate-incoming", ours, "there is no file descriptor");
	order("migrate-incoming", STDERR_FILENO, "there is no file descriptor");
	check(fcntl(ours, F_GETFD) >= 0 && fcntl(given, F_GETFD) >= 0);
	/* what our parent has left open for us */
	order("migrate-incoming", given, "the guest is here already");
	close_all();
	close(ours);
}

static void too_long(void)
{
	char *text = malloc(QMP_MESSAGE_MAX + 10);

	open_negotiated();
	memset(text, ' ', QMP_MESSAGE_MAX + 9);
	text[QMP_MESSAGE_MAX + 9] = 0;
	text[0] = '{';
	say(text);
	check(strstr(out, "the request is too long") && client.broken);
	close_all();
	/* deep, and of bytes that are no UTF-8 */
	open_negotiated();
	memset(text, '[', QMP_MESSAGE_MAX);
	memcpy(text, "{\"execute\":", 11);
	text[5000] = 0;
	say(text);
	memset(text, ']', 4989);
	text[4989] = 0;
	say(text);
	say("}");
	check(strstr(out, "not JSON"));
	say("{\"execute\":\"\xff\xfe\"}");
	check(strstr(out, "error"));
	close_all();
	free(text);
}

static void types(void)
{
	static const struct { const char *type, *value; bool right; } rows[] = {
		{ "\"int\"", "1", true }, { "\"int\"", "1.5", false }, { "\"number\"", "1.5", true },
		{ "\"bool\"", "false", true }, { "\"bool\"", "0", false }, { "\"any\"", "[1]", true },
		{ "[\"int\"]", "[1,2]", true }, { "[\"int\"]", "[1,\"2\"]", false },
		{ "[\"int\"]", "{}", false }, { "{\"a\":\"int\"}", "{\"a\":1}", true },
		{ "{\"a\":\"int\"}", "{}", false }, { "{\"?a\":\"int\"}", "{}", true },
		{ "{\"?a\":\"int\"}", "{\"a\":\"x\"}", false }, { "{}", "{\"a\":1}", false },
		{ "{\"*\":\"int\"}", "{\"a\":1,\"b\":2}", true },
		{ "{\"*\":\"int\"}", "{\"a\":1,\"b\":\"2\"}", false },
		{ "{\"*\":\"int\",\"a\":\"string\"}", "{\"a\":\"x\",\"b\":1}", true },
		{ "{\"?a\":\"int\"}", "{\"?a\":1}", false }, { "{\"*\":\"int\"}", "{\"*\":1}", true },
		{ "{\"enum\":[\"a\",\"b\"]}", "\"b\"", true },
		{ "{\"enum\":[\"a\",\"b\"]}", "\"c\"", false }, { "\"no\"", "1", false },
		{ "\"string\"", "null", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *type = json_loads(rows[i].type, JSON_DECODE_ANY, NULL);
		json_t *value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL);
		struct error err;

		if (!check((schema_check(type, value, "v", &err) == 0) == rows[i].right))
			printf("# %s as %s\n", rows[i].value, rows[i].type);
		json_decref(type);
		json_decref(value);
	}
}

const struct tap_test qmp_tests[] = {
	{ "handshake", handshake },
	{ "where requests begin and end", framing },
	{ "refusals", refusals },
	{ "commands are as the schema says", contract },
	{ "file descriptors", descriptors },
	{ "numbers of file descriptors", numbers },
	{ "too long and too deep", too_long },
	{ "types of the schema", types },
	{ NULL, NULL },
};
