/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bytes that lie in several pieces.
 */
#ifndef AVMM_UTIL_IOV_H
#define AVMM_UTIL_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Copies at most len bytes, beginning offset bytes into the pieces. Returns how many there were. */
size_t iov_to_buf(const struct iovec *iov, unsigned int n, size_t offset, void *buf, size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned int n, size_t offset, const void *buf,
		    size_t len);

/*
 * The pieces of a part of them, which are at most as many; cut ends where iov does, if len is more
 * than there is. Returns their number. cut may be iov.
 */
unsigned int iov_cut(struct iovec *cut, const struct iovec *iov, unsigned int n, size_t offset,
		     size_t len);

#endif /* AVMM_UTIL_IOV_H */
