// SPDX-License-Identifier: GPL-2.0
/*
 * Commands to a virtual machine that runs: each is one or two commands of its control socket.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "core/log.h"

#define CTL(member)	.offset = offsetof(struct ctl, member)
#define COMMON									\
	{ "json", FIELD_BOOL, CTL(json), .help = "write JSON" },		\
	{ "help", FIELD_BOOL, CTL(help), .letter = 'h', .help = "show this text" }, \
	{ NULL }

const struct field ctl_fields[] = { COMMON };

const struct field ctl_stop_fields[] = {
	{ "force", FIELD_BOOL, CTL(force), .letter = 'f', .help = "pull the plug at once" },
	{ "timeout", FIELD_NUMBER, CTL(timeout), .letter = 't', .value = "SECONDS", .max = 86400,
	  .help = "how long the guest may take (default 60)" },
	COMMON
};

const struct field ctl_top_fields[] = {
	{ "interval", FIELD_NUMBER, CTL(interval), .letter = 'i', .value = "SECONDS",
	  .min = 1, .max = 3600, .help = "how often (default 2)" },
	{ "count", FIELD_NUMBER, CTL(count), .letter = 'c', .value = "N",
	  .help = "how many times (default: until it is interrupted)" },
	COMMON
};

int cli_done(const struct ctl *ctl, json_t *value)
{
	if (ctl->json) {
		json_dumpf(value, stdout, JSON_INDENT(4));
		putchar('\n');
	}
	json_decref(value);
	return EXIT_OFF;
}

/* ---- pause, resume, reset ---- */

int cmd_simple(const struct command *command, int argc, char **argv)
{
	static const struct { const char *name, *qmp; } rows[] = {
		{ "pause", "stop" }, { "resume", "cont" }, { "reset", "system_reset" },
	};
	const char *word, *qmp = NULL;
	struct client client;
	struct ctl ctl = { 0 };
	struct error err;
	json_t *value;
	int ret = cli_parse(command, &ctl, &ctl.help, &word, 1, 1, argc, argv);

	if (ret >= 0)
		return ret;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, command->name))
			qmp = rows[i].qmp;
	if (client_open(&client, word, &err) < 0)
		return cli_error(&err);
	value = client_call(&client, qmp, NULL, &err);
	client_close(&client);
	return value ? cli_done(&ctl, value) : cli_error(&err);
}

/* ---- device ---- */

const struct field ctl_device_fields[] = {
	{ "timeout", FIELD_NUMBER, CTL(timeout), .letter = 't', .value = "SECONDS", .max = 86400,
	  .help = "remove: how long the guest may take (default 60)" },
	COMMON
};

/* As on the command line of run, in the form that QMP has. */
static json_t *device_config(const char *kind, const char *text, struct error *err)
{
	const struct field *field = field_find(vm_config_fields, kind);
	json_t *object = NULL, *all;
	struct vm_config config;

	if (!field || field->type != FIELD_LIST) {
		error_set(err, -EINVAL, "device: '%s' is neither disk nor net nor share", kind);
		return NULL;
	}
	if (vm_config_init(&config, err) < 0)
		return NULL;
	if (field_set_text(field, &config, kind, text, err) == 0) {
		all = fields_to_json(vm_config_fields, &config, 0);
		object = json_pack("{s:{s:O}}", "config", kind, json_object_get(all, kind));
		json_decref(all);
	}
	vm_config_free(&config);
	return object;
}

struct removal {
	const char *id;
	bool gone;
};

static void device_event(void *opaque, const char *name, json_t *data)
{
	struct removal *removal = opaque;
	const char *id = json_string_value(json_object_get(data, "device"));

	if (!strcmp(name, "DEVICE_DELETED") && id && !strcmp(id, removal->id))
		removal->gone = true;
}

static int wait_removed(struct client *client, struct removal *removal, uint64_t seconds,
			struct error *err)
{
	time_t deadline = time(NULL) + seconds;

	while (!removal->gone) {
		time_t left = deadline - time(NULL);
		int ret = left > 0 ? client_wait(client, left * 1000, err) : 0;

		if (ret < 0)
			return ret;
		if (ret == 0)
			return error_set(err, -ETIMEDOUT, "device: the guest has not let '%s' go in "
					 "%llu seconds", removal->id, (unsigned long long)seconds);
	}
	return 0;
}

int cmd_device(const struct command *command, int argc, char **argv)
{
	struct removal removal = { 0 };
	struct client client = { 0 };
	struct ctl ctl = { .timeout = 60 };
	const char *words[4] = { NULL };
	struct error err;
	json_t *arguments, *value;
	bool add;
	int ret = cli_parse(command, &ctl, &ctl.help, words, 3, 4, argc, argv);

	if (ret >= 0)
		return ret;
	add = !strcmp(words[0], "add");
	if ((!add && strcmp(words[0], "remove")) || add != !!words[3]) {
		log_error("device: 'add NAME disk|net|share VALUE' or 'remove NAME ID' is what it takes");
		return EXIT_USAGE;
	}
	arguments = add ? device_config(words[2], words[3], &err) : json_pack("{s:s}", "id", words[2]);
	if (!arguments)
		return cli_error(&err);
	if (client_open(&client, words[1], &err) < 0) {
		json_decref(arguments);
		return cli_error(&err);
	}
	removal.id = words[2];
	client.event = device_event;
	client.opaque = &removal;
	value = client_call(&client, add ? "x-avmm-device-add" : "device_del", arguments, &err);
	if (value && !add && wait_removed(&client, &removal, ctl.timeout, &err) < 0) {
		json_decref(value);
		value = NULL;
	}
	client_close(&client);
	if (!value)
		return cli_error(&err);
	if (add && !ctl.json)
		printf("%s\n", json_string_value(json_object_get(value, "id")));
	return cli_done(&ctl, value);
}

/* ---- qmp ---- */

int cmd_qmp(const struct command *command, int argc, char **argv)
{
	struct client client;
	struct ctl ctl = { 0 };
	const char *words[3] = { NULL };
	struct error err;
	json_t *value, *arguments = NULL;
	int ret = cli_parse(command, &ctl, &ctl.help, words, 2, 3, argc, argv);

	if (ret >= 0)
		return ret;
	if (words[2]) {
		arguments = json_loads(words[2], 0, NULL);
		if (!arguments) {
			log_error("qmp: '%s' is not JSON", words[2]);
			return EXIT_USAGE;
		}
	}
	if (client_open(&client, words[0], &err) < 0) {
		json_decref(arguments);
		return cli_error(&err);
	}
	value = client_call(&client, words[1], arguments, &err);
	client_close(&client);
	/* it is JSON with --json and without */
	ctl.json = true;
	return value ? cli_done(&ctl, value) : cli_error(&err);
}

/* ---- stop ---- */

static void stop_event(void *opaque, const char *name, json_t *data)
{
	(void)data;
	if (!strcmp(name, "SHUTDOWN"))
		*(bool *)opaque = true;
}

/* Waits for the end of the process, or with off for the guest's. */
static bool ends(struct client *client, uint64_t seconds, const bool *off)
{
	time_t deadline = time(NULL) + seconds;
	struct error err;

	while (!off || !*off) {
		time_t left = deadline - time(NULL);

		if (left < 0)
			return false;
		if (client_wait(client, left < 60 ? left * 1000 : 60000, &err) < 0)
			return true;
		if (left == 0)
			return false;
	}
	return true;
}

int cmd_stop(const struct command *command, int argc, char **argv)
{
	struct ctl ctl = { .timeout = 60 };
	struct client client;
	const char *name;
	struct error err;
	bool off = false;
	json_t *value = NULL;
	int ret = cli_parse(command, &ctl, &ctl.help, &name, 1, 1, argc, argv);

	if (ret >= 0)
		return ret;
	if (client_open(&client, name, &err) < 0)
		return cli_error(&err);
	client.event = stop_event;
	client.opaque = &off;
	if (!ctl.force) {
		value = client_call(&client, "system_powerdown", NULL, &err);
		if (!value)
			log_error("'%s' cannot be asked to stop, and is forced to: %s", name,
				  err.text);
		else if (!ends(&client, ctl.timeout, &off))
			log_error("'%s' did not stop in %" PRIu64 " seconds, and is forced to", name,
				  ctl.timeout);
		json_decref(value);
	}
	/* one that waits for orders when the guest is off is to end, too */
	json_decref(client_call(&client, "quit", NULL, &err));
	if (!ends(&client, 60, NULL)) {
		log_error("'%s' does not end", name);
		ret = EXIT_ERROR;
	} else {
		ret = cli_done(&ctl, json_pack("{s:b}", "forced", !off));
	}
	client_close(&client);
	return ret;
}

/* ---- list ---- */

static json_t *describe(struct client *client, const char *name)
{
	struct error err;
	json_t *status = client_call(client, "query-status", NULL, &err);
	json_t *config = status ? client_call(client, "x-avmm-query-config", NULL, &err) : NULL;
	json_t *all = NULL;

	if (config)
		all = json_pack("{s:s, s:i, s:O, s:O, s:O}", "name", name, "pid", (int)client->pid,
				"status", json_object_get(status, "status"),
				"cpus", json_object_get(config, "cpus"),
				"memory", json_object_get(config, "memory"));
	json_decref(status);
	json_decref(config);
	return all;
}

static int list_one(void *opaque, const char *name)
{
	struct client client;
	struct error err;
	json_t *row;

	/* what a VM that was killed left behind is none */
	if (client_open(&client, name, &err) < 0)
		return 0;
	row = describe(&client, name);
	if (row)
		json_array_append_new(opaque, row);
	client_close(&client);
	return 0;
}

int cmd_list(const struct command *command, int argc, char **argv)
{
	json_t *all, *row;
	struct ctl ctl = { 0 };
	struct error err;
	size_t i;
	int ret = cli_parse(command, &ctl, &ctl.help, NULL, 0, 0, argc, argv);

	if (ret >= 0)
		return ret;
	all = json_array();
	if (client_each(list_one, all, &err) < 0) {
		json_decref(all);
		return cli_error(&err);
	}
	if (!ctl.json)
		printf("%-24s %7s %-15s %4s %8s\n", "NAME", "PID", "STATE", "CPUS", "MEMORY");
	json_array_foreach(all, i, row) {
		const char *name, *status, *memory;
		json_int_t pid, cpus;

		if (!ctl.json && json_unpack(row, "{s:s, s:I, s:s, s:I, s:s}", "name", &name, "pid",
					     &pid, "status", &status, "cpus", &cpus, "memory",
					     &memory) == 0)
			printf("%-24s %7d %-15s %4d %8s\n", name, (int)pid, status, (int)cpus,
			       memory);
	}
	return cli_done(&ctl, all);
}

/* ---- stat ---- */

int cmd_stat(const struct command *command, int argc, char **argv)
{
	struct client client;
	struct ctl ctl = { 0 };
	const char *name, *status, *exit;
	json_t *value, *vcpus, *vcpu, *exits, *count;
	json_int_t memory, time;
	struct error err;
	size_t i;
	int ret = cli_parse(command, &ctl, &ctl.help, &name, 1, 1, argc, argv);

	if (ret >= 0)
		return ret;
	if (client_open(&client, name, &err) < 0)
		return cli_error(&err);
	value = client_call(&client, "x-avmm-query-stats", NULL, &err);
	if (!value) {
		client_close(&client);
		return cli_error(&err);
	}
	if (!ctl.json && json_unpack(value, "{s:s, s:I, s:I, s:o}", "status", &status, "memory",
				     &memory, "cpu-time", &time, "vcpus", &vcpus) == 0) {
		printf("name     %s\npid      %d\nstate    %s\nmemory   %" PRId64 " MiB\n"
		       "CPU time %.3f s\n", name, (int)client.pid, status,
		       (int64_t)memory >> 20, time / 1e9);
		json_array_foreach(vcpus, i, vcpu) {
			exits = json_object_get(vcpu, "exits");
			printf("vCPU %-3zu CPU time %.3f s, exits to avmm:", i,
			       json_integer_value(json_object_get(vcpu, "cpu-time")) / 1e9);
			json_object_foreach(exits, exit, count)
				printf(" %s %" PRId64, exit, (int64_t)json_integer_value(count));
			putchar('\n');
		}
	}
	client_close(&client);
	return cli_done(&ctl, value);
}
