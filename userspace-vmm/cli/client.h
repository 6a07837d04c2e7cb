/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other end of a VM's control socket, for the commands. It waits for each answer, but not
 * forever.
 */
#ifndef AVMM_CLI_CLIENT_H
#define AVMM_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/error.h"

struct client {
	int fd;
	pid_t pid;		/* of the VM's process */
	char *in;		/* what came and was not yet taken */
	size_t length;
	/* NULL, or sees each event */
	void (*event)(void *opaque, const char *name, json_t *data);
	void *opaque;
};

/* name may be a path, which has a '/'. -ECONNREFUSED, -ENOENT: no such VM runs. */
int client_open(struct client *client, const char *name, struct error *err);
void client_close(struct client *client);

/* What it returns; NULL: refused, or it does not answer. Takes arguments, which may be NULL. */
json_t *client_call(struct client *client, const char *command, json_t *arguments,
		    struct error *err);

/* 1: a message came, and was an event; 0: the time is over; -EPIPE: the VM has ended. */
int client_wait(struct client *client, int milliseconds, struct error *err);

/* Calls fn for the name of each socket in the runtime directory, sorted; stops if it is not 0. */
int client_each(int (*fn)(void *opaque, const char *name), void *opaque, struct error *err);

#endif /* AVMM_CLI_CLIENT_H */
