// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that save and move a virtual machine, under QEMU's names where QEMU has them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/qmp_vm.h"
#include "core/vm.h"

static struct migration *migration_of(struct qmp_client *client)
{
	return &client->server->vm->migration;
}

static json_t *done(int ret)
{
	return ret < 0 ? NULL : json_object();
}

/*
 * A number that our parent has left open and nobody has taken: what we open ourselves, and what the
 * configuration names, is closed on exec. libvirt means such a one when it restores.
 */
static int inherited(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);
	int flags = *text < '0' || *text > '9' || *end || fd <= STDERR_FILENO || fd > INT_MAX ?
		    -1 : fcntl(fd, F_GETFD);

	return flags < 0 || flags & FD_CLOEXEC ? -1 : fd;
}

/* "fd:NAME" of a file that the client has deposited becomes "fd:N"; *fd is then the migration's. */
static const char *resolve(struct qmp_client *client, const char *uri, bool incoming,
			   char text[32], int *fd, struct error *err)
{
	*fd = -1;
	if (strncmp(uri, "fd:", 3))
		return uri;
	*fd = qmp_take_fd(client, uri + 3);
	if (*fd < 0 && incoming)
		*fd = inherited(uri + 3);
	if (*fd < 0) {
		error_set(err, -ENOENT, "there is no file descriptor '%.64s'", uri + 3);
		return NULL;
	}
	fcntl(*fd, F_SETFD, FD_CLOEXEC);
	snprintf(text, 32, "fd:%d", *fd);
	return text;
}

static json_t *start(struct qmp_client *client, json_t *arguments, bool incoming, struct error *err)
{
	const char *uri = json_string_value(json_object_get(arguments, "uri"));
	struct migration *m = migration_of(client);
	char text[32];
	int fd, ret;

	uri = resolve(client, uri, incoming, text, &fd, err);
	if (!uri)
		return NULL;
	ret = incoming ? migration_incoming(m, uri, err) : migration_start(m, uri, err);
	if (ret < 0 && fd >= 0)
		close(fd);
	return done(ret);
}

static json_t *migrate(struct qmp_client *client, json_t *arguments, struct error *err)
{
	static const char *const no[] = { "blk", "inc", "resume" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (json_is_true(json_object_get(arguments, no[i]))) {
			error_set(err, -EOPNOTSUPP, "'%s' is not supported", no[i]);
			return NULL;
		}
	}
	return start(client, arguments, false, err);
}

static json_t *migrate_incoming(struct qmp_client *client, json_t *arguments, struct error *err)
{
	return start(client, arguments, true, err);
}

static json_t *migrate_cancel(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	migration_cancel(migration_of(client));
	return json_object();
}

static json_t *start_postcopy(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	return done(migration_start_postcopy(migration_of(client), err));
}

static json_t *query_migrate(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return migration_query(migration_of(client));
}

static json_t *query_parameters(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return migration_query_params(migration_of(client));
}

static json_t *set_parameters(struct qmp_client *client, json_t *arguments, struct error *err)
{
	return done(migration_set_params(migration_of(client), arguments, err));
}

static json_t *query_capabilities(struct qmp_client *client, json_t *arguments, struct error *err)
{
	(void)arguments;
	(void)err;
	return migration_query_caps(migration_of(client));
}

static json_t *set_capabilities(struct qmp_client *client, json_t *arguments, struct error *err)
{
	return done(migration_set_caps(migration_of(client),
				       json_object_get(arguments, "capabilities"), err));
}

static char *copy_string(json_t *arguments, const char *name)
{
	const char *text = json_string_value(json_object_get(arguments, name));

	return text ? strdup(text) : NULL;
}

static json_t *save(struct qmp_client *client, json_t *arguments, struct error *err)
{
	struct save_order order = {
		.path = copy_string(arguments, "path"), .base = copy_string(arguments, "base"),
		.track = json_is_true(json_object_get(arguments, "track")),
		.stop = json_is_true(json_object_get(arguments, "stop")),
		.copy_disks = json_is_true(json_object_get(arguments, "copy-disks")),
	};

	if (!order.path || (!order.base && json_object_get(arguments, "base"))) {
		free(order.path);
		error_set(err, -ENOMEM, "no memory for the checkpoint");
		return NULL;
	}
	return done(migration_save(migration_of(client), &order, err));
}

const struct qmp_command qmp_mig_commands[] = {
	{ "migrate", migrate },
	{ "migrate-incoming", migrate_incoming },
	{ "migrate_cancel", migrate_cancel },
	{ "migrate-start-postcopy", start_postcopy },
	{ "query-migrate", query_migrate },
	{ "query-migrate-parameters", query_parameters },
	{ "migrate-set-parameters", set_parameters },
	{ "query-migrate-capabilities", query_capabilities },
	{ "migrate-set-capabilities", set_capabilities },
	{ "x-avmm-save", save },
	{ NULL, NULL }
};
