/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unix sockets that QMP clients connect to. Only root and the user that started us may; a client
 * that sends too much or does not read what it is sent is let go.
 */
#ifndef AVMM_CONTROL_SOCKET_H
#define AVMM_CONTROL_SOCKET_H

#include "control/qmp.h"
#include "core/error.h"
#include "core/event_loop.h"

#define CONTROL_CLIENTS_MAX	16
#define CONTROL_BACKLOG_MAX	(4 << 20)	/* bytes that a client has not read */

struct control_client;

struct control {
	struct qmp_server *server;
	struct event_loop *loop;
	struct event_source listener;
	char *path;			/* to be removed; NULL: not ours */
	struct control_client *clients;
	unsigned int count;
};

/* Where the sockets of this user's virtual machines are, or why there is no such place. */
int control_directory(char *path, size_t size, struct error *err);
/* The same for one of them; makes the directory. */
int control_path(const char *name, char *path, size_t size, struct error *err);

/* Removes a socket that nobody listens on any more. */
void control_clean(const char *path);

/* Replaces a socket that nobody listens on any more. */
int control_listen(struct control *control, struct qmp_server *server, struct event_loop *loop,
		   const char *path, struct error *err);
/* fd listens already; takes it. */
int control_listen_fd(struct control *control, struct qmp_server *server, struct event_loop *loop,
		      int fd, struct error *err);
/* What is still to be sent is sent, as far as clients take it at once. */
void control_close(struct control *control);

#endif /* AVMM_CONTROL_SOCKET_H */
