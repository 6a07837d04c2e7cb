// SPDX-License-Identifier: GPL-2.0
#include "control/qmp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/schema.h"
#include "core/log.h"

/* ---- out ---- */

/* Takes message. */
static void send_message(struct qmp_client *client, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	char *line = NULL;

	json_decref(message);
	if (text && asprintf(&line, "%s\r\n", text) >= 0)
		client->send(client, line, strlen(line));
	else
		client->broken = true;
	free(line);
	free(text);
}

/* id NULL: the request has none. */
static void send_error(struct qmp_client *client, json_t *id, const char *class, const char *text)
{
	/* text may hold bytes of the client's, cut off anywhere, which are no UTF-8 then */
	json_t *desc = json_string(text);

	send_message(client, json_pack("{s:{s:s, s:o}, s:O*}", "error", "class", class, "desc",
				       desc ? desc : json_string("the request is not valid"),
				       "id", id));
}

void qmp_event(void *opaque, const char *name, json_t *data)
{
	struct qmp_server *server = opaque;
	struct timeval now;
	struct error err;
	json_t *type = json_object_get(json_object_get(server->schema, "events"), name);

	if (!server->schema)
		;
	else if (!type)
		log_error("the event %s is not in the schema", name);
	else if (schema_check(type, data, "data", &err) < 0)
		log_error("the event %s is not as in the schema: %s", name, err.text);
	gettimeofday(&now, NULL);
	for (struct qmp_client *c = server->clients, *next; c; c = next) {
		next = c->next;
		if (c->negotiated)
			send_message(c, json_pack("{s:s, s:O*, s:{s:I, s:I}}", "event", name, "data",
						  data, "timestamp", "seconds",
						  (json_int_t)now.tv_sec, "microseconds",
						  (json_int_t)now.tv_usec));
	}
	json_decref(data);
}

/* ---- requests ---- */

static const struct qmp_command *find(const struct qmp_server *server, const char *name)
{
	for (size_t i = 0; server->tables[i]; i++)
		for (const struct qmp_command *c = server->tables[i]; c->name; c++)
			if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static json_t *contract(const struct qmp_server *server, const char *name, const char *part)
{
	return json_object_get(json_object_get(json_object_get(server->schema, "commands"), name),
			       part);
}

static void run(struct qmp_client *client, const char *name, json_t *arguments, json_t *id)
{
	const struct qmp_command *command = find(client->server, name);
	struct error err = { 0 };
	json_t *schema = client->server->schema, *value = NULL;

	if (client->negotiated == !strcmp(name, "qmp_capabilities")) {
		send_error(client, id, "CommandNotFound", client->negotiated ?
			   "the capabilities are negotiated already" :
			   "the capabilities are to be negotiated first by 'qmp_capabilities'");
		return;
	}
	if (!command) {
		error_set(&err, -ENOENT, "the command %.64s has not been found", name);
		send_error(client, id, "CommandNotFound", err.text);
		return;
	}
	client->error_class = NULL;
	if (!schema || schema_check(contract(client->server, name, "arguments"), arguments,
				    "arguments", &err) == 0)
		value = command->run(client, arguments, &err);
	if (!value) {
		send_error(client, id, client->error_class ? client->error_class : "GenericError",
			   err.text);
		return;
	}
	if (schema && schema_check(contract(client->server, name, "returns"), value, "return",
				   &err) < 0)
		log_error("the answer to %s is not as in the schema: %s", name, err.text);
	send_message(client, json_pack("{s:o, s:O*}", "return", value, "id", id));
}

static void serve(struct qmp_client *client, const char *text, size_t len)
{
	const char *name;
	json_t *arguments = NULL, *id = NULL;
	json_error_t why;
	char desc[320];
	json_t *request = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!request) {
		snprintf(desc, sizeof(desc), "not JSON: %s", why.text);
		send_error(client, NULL, "GenericError", desc);
		return;
	}
	/* the id goes with whatever is wrong otherwise */
	id = json_object_get(request, "id");
	if (json_unpack_ex(request, &why, JSON_STRICT, "{s:s, s?o, s?o}", "execute", &name,
			   "arguments", &arguments, "id", &id) < 0)
		send_error(client, id, "GenericError", why.text);
	else
		run(client, name, arguments, id);
	json_decref(request);
}

/* ---- in ---- */

static bool keep(struct qmp_client *client, char c)
{
	if (client->length == client->room) {
		size_t room = client->room ? 2 * client->room : 512;
		char *message = room <= QMP_MESSAGE_MAX ? realloc(client->message, room) : NULL;

		if (!message)
			return false;
		client->message = message;
		client->room = room;
	}
	client->message[client->length++] = c;
	return true;
}

/* Whether c ends the message. Only strings may hold braces that do not count. */
static bool ends(struct qmp_client *client, char c)
{
	if (client->string) {
		if (client->escape)
			client->escape = false;
		else if (c == '\\')
			client->escape = true;
		else if (c == '"')
			client->string = false;
		return false;
	}
	if (c == '"')
		client->string = true;
	else if (c == '{' || c == '[')
		client->depth++;
	else if (c == '}' || c == ']')
		return --client->depth == 0;
	return false;
}

/* Between messages; false: c belongs to none. */
static bool begins(struct qmp_client *client, char c)
{
	if (client->skip) {
		client->skip = c != '\n';
		return false;
	}
	if (strchr(" \t\r\n", c))
		return false;
	if (c == '{')
		return true;
	/* the rest of the line is of the same kind */
	client->skip = true;
	send_error(client, NULL, "GenericError", "not JSON: a request begins with '{'");
	return false;
}

void qmp_client_input(struct qmp_client *client, const char *data, size_t len)
{
	for (size_t i = 0; i < len && !client->broken; i++) {
		if (!client->depth && !begins(client, data[i]))
			continue;
		if (!keep(client, data[i])) {
			send_error(client, NULL, "GenericError", "the request is too long");
			client->broken = true;
		} else if (ends(client, data[i])) {
			size_t length = client->length;

			client->length = 0;
			serve(client, client->message, length);
		}
	}
}

/* ---- life ---- */

void qmp_client_open(struct qmp_client *client)
{
	client->received_fd = -1;
	client->next = client->server->clients;
	client->server->clients = client;
	send_message(client, json_pack("{s:{s:O, s:[]}}", "QMP", "version",
				       client->server->version, "capabilities"));
}

void qmp_client_close(struct qmp_client *client)
{
	struct qmp_client **p = &client->server->clients;

	while (*p && *p != client)
		p = &(*p)->next;
	if (*p)
		*p = client->next;
	for (unsigned int i = 0; i < QMP_FDS_MAX; i++) {
		if (client->fds[i].name)
			close(client->fds[i].fd);
		free(client->fds[i].name);
	}
	if (client->received_fd >= 0)
		close(client->received_fd);
	free(client->message);
}

/* Each command has its words in the schema, and the other way round. */
static int compare(const struct qmp_server *server, struct error *err)
{
	json_t *commands = json_object_get(server->schema, "commands"), *entry;
	const char *name;

	for (size_t i = 0; server->tables[i]; i++)
		for (const struct qmp_command *c = server->tables[i]; c->name; c++)
			if (!json_object_get(commands, c->name))
				return error_set(err, -EINVAL, "the command %s is not in the schema",
						 c->name);
	json_object_foreach(commands, name, entry)
		if (!find(server, name) || !json_object_get(entry, "arguments") ||
		    !json_object_get(entry, "returns"))
			return error_set(err, -EINVAL, "the schema's command %s is not there", name);
	return 0;
}

int qmp_server_init(struct qmp_server *server, struct vm *vm,
		    const struct qmp_command *const *tables, const char *text, size_t len,
		    struct error *err)
{
	unsigned int major = 0, minor = 0, micro = 0;
	json_error_t why;
	int ret;

	*server = (struct qmp_server) { .vm = vm, .tables = tables };
	sscanf(AVMM_VERSION, "%u.%u.%u", &major, &minor, &micro);
	server->version = json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", major, "minor",
				    minor, "micro", micro, "package", "avmm " AVMM_VERSION);
	if (!text)
		return 0;
	server->schema = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!server->schema)
		ret = error_set(err, -EINVAL, "the schema, line %d: %s", why.line, why.text);
	else
		ret = compare(server, err);
	if (ret < 0)
		qmp_server_close(server);
	return ret;
}

void qmp_server_close(struct qmp_server *server)
{
	json_decref(server->schema);
	json_decref(server->version);
	json_decref(server->nodes);
	json_decref(server->netdevs);
	*server = (struct qmp_server) { 0 };
}

/* ---- commands of the protocol itself ---- */

static json_t *capabilities(struct qmp_client *client, json_t *arguments, struct error *err)
{
	if (json_array_size(json_object_get(arguments, "enable"))) {
		error_set(err, -EINVAL, "there are no capabilities to enable");
		return NULL;
	}
	client->negotiated = true;
	return json_object();
}

static json_t *query_version(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return json_incref(client->server->version);
}

static json_t *query_commands(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const struct qmp_server *server = client->server;
	json_t *all = json_array();

	(void)arguments;
	(void)err;
	for (size_t i = 0; server->tables[i]; i++)
		for (const struct qmp_command *c = server->tables[i]; c->name; c++)
			if (find(server, c->name) == c)
				json_array_append_new(all, json_pack("{s:s}", "name", c->name));
	return all;
}

static json_t *query_schema(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return json_incref(client->server->schema);
}

static struct qmp_fd *find_fd(struct qmp_client *client, const char *name)
{
	for (unsigned int i = 0; i < QMP_FDS_MAX; i++)
		if (name ? client->fds[i].name && !strcmp(client->fds[i].name, name) :
		    !client->fds[i].name)
			return &client->fds[i];
	return NULL;
}

int qmp_take_fd(struct qmp_client *client, const char *name)
{
	struct qmp_fd *fd = find_fd(client, name);

	if (!fd)
		return -1;
	free(fd->name);
	fd->name = NULL;
	return fd->fd;
}

static json_t *getfd(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *name = json_string_value(json_object_get(arguments, "fdname"));
	struct qmp_fd *fd;
	int old;

	if (client->received_fd < 0) {
		error_set(err, -EINVAL, "no file descriptor came with the request");
		return NULL;
	}
	old = qmp_take_fd(client, name);
	if (old >= 0)
		close(old);
	fd = find_fd(client, NULL);
	if (fd)
		fd->name = strdup(name);
	if (!fd || !fd->name) {
		error_set(err, -ENOSPC, "there are %d file descriptors already", QMP_FDS_MAX);
		return NULL;
	}
	fd->fd = client->received_fd;
	client->received_fd = -1;
	return json_object();
}

static json_t *closefd(struct qmp_client *client, json_t *arguments, struct error *err)
{
	const char *name = json_string_value(json_object_get(arguments, "fdname"));
	int fd = qmp_take_fd(client, name);

	if (fd < 0) {
		error_set(err, -ENOENT, "there is no file descriptor '%.64s'", name);
		return NULL;
	}
	close(fd);
	return json_object();
}

const struct qmp_command qmp_commands[] = {
	{ "qmp_capabilities", capabilities },
	{ "query-version", query_version },
	{ "query-commands", query_commands },
	{ "x-avmm-query-schema", query_schema },
	{ "getfd", getfd },
	{ "closefd", closefd },
	{ NULL, NULL },
};
