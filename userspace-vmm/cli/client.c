// SPDX-License-Identifier: GPL-2.0
#include "cli/client.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "control/socket.h"

#define ANSWER_MS	60000
#define ANSWER_MAX	(16 << 20)

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Reads until there is a whole line; takes it out as JSON. NULL: err says why, code 0: too late. */
static json_t *next_message(struct client *client, int milliseconds, struct error *err)
{
	int64_t deadline = now_ms() + milliseconds;

	for (;;) {
		char *end = client->length ? memchr(client->in, '\n', client->length) : NULL;
		struct pollfd p = { client->fd, POLLIN, 0 };
		int64_t left = deadline - now_ms();
		char data[8192], *in;
		json_error_t why;
		ssize_t n;

		if (end) {
			size_t len = end + 1 - client->in;
			json_t *message = json_loadb(client->in, len, 0, &why);

			client->length -= len;
			memmove(client->in, end + 1, client->length);
			if (!message)
				error_set(err, -EPROTO, "the virtual machine says what is not JSON");
			return message;
		}
		if (poll(&p, 1, left > 0 ? left : 0) == 0) {
			error_set(err, 0, "the virtual machine does not answer");
			return NULL;
		}
		n = recv(client->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		in = n > 0 && client->length + n < ANSWER_MAX ?
			realloc(client->in, client->length + n) : NULL;
		if (!in) {
			error_set(err, -EPIPE, "the virtual machine ended");
			return NULL;
		}
		memcpy(in + client->length, data, n);
		client->in = in;
		client->length += n;
	}
}

static void see_event(struct client *client, json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "event"));

	if (name && client->event)
		client->event(client->opaque, name, json_object_get(message, "data"));
}

int client_wait(struct client *client, int milliseconds, struct error *err)
{
	json_t *message = next_message(client, milliseconds, err);

	if (!message)
		return err->code;
	see_event(client, message);
	json_decref(message);
	return 1;
}

json_t *client_call(struct client *client, const char *command, json_t *arguments,
		    struct error *err)
{
	json_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
	char *text = json_dumps(request, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0, done = 0;
	json_t *message, *value = NULL;

	json_decref(request);
	while (done < len) {
		ssize_t n = send(client->fd, text + done, len - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? n : 0;
	}
	free(text);
	if (!len || done < len) {
		error_set(err, -EPIPE, "the virtual machine ended");
		return NULL;
	}
	while ((message = next_message(client, ANSWER_MS, err))) {
		json_t *error = json_object_get(message, "error");
		const char *desc = json_string_value(json_object_get(error, "desc"));

		value = json_incref(json_object_get(message, "return"));
		if (error)
			error_set(err, -EIO, "%s", desc ? desc : "refused");
		else if (!value)
			see_event(client, message);
		json_decref(message);
		if (value || error)
			break;
	}
	return value;
}

int client_open(struct client *client, const char *name, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	char directory[400], path[512];
	json_t *value;
	int ret = 0;

	*client = (struct client) { .fd = -1 };
	if (strchr(name, '/'))
		snprintf(path, sizeof(path), "%s", name);
	else if (control_directory(directory, sizeof(directory), err) < 0)
		return err->code;
	else
		snprintf(path, sizeof(path), "%s/%s.sock", directory, name);
	if (strlen(path) >= sizeof(addr.sun_path))
		return error_set(err, -ENAMETOOLONG, "'%.64s' is too long for a socket", name);
	strcpy(addr.sun_path, path);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		ret = -errno;
		/* a VM that may not write to the directory any more leaves its socket behind */
		if (ret == -ECONNREFUSED && !strchr(name, '/'))
			control_clean(path);
		if (ret == -ENOENT || ret == -ECONNREFUSED)
			error_set(err, ret, "there is no virtual machine '%s'", name);
		else
			error_set(err, ret, "'%s' cannot be reached: %s", name, strerror(-ret));
		client_close(client);
		return ret;
	}
	getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	client->pid = peer.pid;
	/* the greeting, and the only answer that there is to it */
	value = next_message(client, ANSWER_MS, err);
	json_decref(value);
	if (value) {
		value = client_call(client, "qmp_capabilities", NULL, err);
		json_decref(value);
	}
	if (value)
		return 0;
	client_close(client);
	return err->code ? err->code : -ETIMEDOUT;
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->in);
	*client = (struct client) { .fd = -1 };
}

static int is_socket(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && !strcmp(entry->d_name + len - 5, ".sock");
}

int client_each(int (*fn)(void *opaque, const char *name), void *opaque, struct error *err)
{
	struct dirent **entries;
	char directory[400];
	int n, ret = control_directory(directory, sizeof(directory), err);

	if (ret < 0)
		return ret;
	n = scandir(directory, &entries, is_socket, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return error_set(err, -errno, "'%s' cannot be read: %s", directory,
				 strerror(errno));
	for (int i = 0; i < n; i++) {
		entries[i]->d_name[strlen(entries[i]->d_name) - 5] = 0;
		if (ret == 0)
			ret = fn(opaque, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return ret;
}
