/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The QEMU Monitor Protocol, https://www.qemu.org/docs/master/interop/qmp-spec.html: what comes
 * from a client is taken apart, checked against the contract in schema/avmm.json, and given to a
 * command; answers and events go out as one line each. Knows no socket and no VM. All on one
 * thread.
 */
#ifndef AVMM_CONTROL_QMP_H
#define AVMM_CONTROL_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"

#define QMP_MESSAGE_MAX	(256 << 10)	/* bytes of one from a client */
#define QMP_FDS_MAX	16		/* a client may deposit */

struct qmp_client;
struct vm;

struct qmp_command {
	const char *name;
	/*
	 * The value to return, json_object() if there is none to speak of; NULL: failed, with err
	 * filled in and, where it matters, client->error_class. Arguments are as the schema says.
	 */
	json_t *(*run)(struct qmp_client *client, json_t *arguments, struct error *err);
};

struct qmp_server {
	struct vm *vm;
	/* each ends with a row without name, and all with NULL; the first match counts */
	const struct qmp_command *const *tables;
	json_t *schema;
	json_t *version;	/* what query-version returns */
	json_t *nodes, *netdevs;	/* of qmp_plug.c: what a device may name */
	struct qmp_client *clients;
};

struct qmp_fd {
	char *name;
	int fd;
};

struct qmp_client {
	struct qmp_server *server;
	struct qmp_client *next;
	/* takes text to the other side; it is whole lines */
	void (*send)(struct qmp_client *client, const char *text, size_t len);
	bool negotiated;
	bool broken;		/* said something after which it cannot be followed: close it */
	const char *error_class;	/* of the command that fails; NULL: GenericError */
	int received_fd;	/* came with the bytes just read; -1: none. The command may take it */
	struct qmp_fd fds[QMP_FDS_MAX];
	/* the message that is coming in */
	char *message;
	size_t length, room;
	unsigned int depth;	/* of braces and brackets */
	bool string, escape, skip;
};

/*
 * text is the schema; NULL: nothing is checked. Refuses tables and a schema that do not name the
 * same commands, because the schema is what clients rely on.
 */
int qmp_server_init(struct qmp_server *server, struct vm *vm,
		    const struct qmp_command *const *tables, const char *text, size_t len,
		    struct error *err);
void qmp_server_close(struct qmp_server *server);

/* Greets it. send and server are set by the caller, all else is zero. */
void qmp_client_open(struct qmp_client *client);
void qmp_client_close(struct qmp_client *client);
void qmp_client_input(struct qmp_client *client, const char *data, size_t len);

/* Takes out what getfd put in; -1: there is none of that name. */
int qmp_take_fd(struct qmp_client *client, const char *name);

/* To all clients; takes data, which may be NULL. opaque is the server, as for vm->on_event. */
void qmp_event(void *opaque, const char *name, json_t *data);

/* What all servers have: qmp_capabilities, query-commands, query-version, getfd, closefd. */
extern const struct qmp_command qmp_commands[];

#endif /* AVMM_CONTROL_QMP_H */
