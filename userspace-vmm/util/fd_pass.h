/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One message and one descriptor over a SOCK_SEQPACKET socket, unix(7).
 */
#ifndef AVMM_UTIL_FD_PASS_H
#define AVMM_UTIL_FD_PASS_H

#include <stddef.h>
#include <sys/types.h>

/* fd -1: none goes along. 0 or a negative errno. */
int fd_send(int socket, const void *data, size_t len, int fd);
/* The length of the message, 0 at the end; *fd is -1 if none came. More than one is -EPROTO. */
ssize_t fd_receive(int socket, void *data, size_t len, int *fd);

#endif /* AVMM_UTIL_FD_PASS_H */
