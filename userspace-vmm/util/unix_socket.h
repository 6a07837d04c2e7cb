/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stream sockets with a path.
 */
#ifndef AVMM_UTIL_UNIX_SOCKET_H
#define AVMM_UTIL_UNIX_SOCKET_H

#include <stdbool.h>

#include "core/error.h"

/*
 * The descriptor, or a negative errno. option is for messages: "--net". wait: for some seconds, if too
 * many others wait to be accepted; else that is -EAGAIN, and the descriptor does not block.
 */
int unix_connect(const char *option, const char *path, bool wait, struct error *err);
/* Does not block. A socket that a dead process left there is replaced, nothing else. */
int unix_listen(const char *option, const char *path, struct error *err);

#endif /* AVMM_UTIL_UNIX_SOCKET_H */
