// SPDX-License-Identifier: GPL-2.0
#include "util/iov.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

unsigned int iov_cut(struct iovec *cut, const struct iovec *iov, unsigned int n, size_t offset,
		     size_t len)
{
	unsigned int out = 0;

	for (unsigned int i = 0; i < n && len; i++) {
		size_t part = iov[i].iov_len;

		if (offset >= part) {
			offset -= part;
			continue;
		}
		part -= offset;
		if (part > len)
			part = len;
		cut[out++] = (struct iovec) { (uint8_t *)iov[i].iov_base + offset, part };
		offset = 0;
		len -= part;
	}
	return out;
}

static size_t copy(const struct iovec *iov, unsigned int n, size_t offset, uint8_t *buf, size_t len,
		   bool from_buf)
{
	size_t done = 0;

	for (unsigned int i = 0; i < n && done < len; i++) {
		struct iovec part;

		if (!iov_cut(&part, &iov[i], 1, offset, len - done)) {
			offset -= iov[i].iov_len;
			continue;
		}
		if (from_buf)
			memcpy(part.iov_base, buf + done, part.iov_len);
		else
			memcpy(buf + done, part.iov_base, part.iov_len);
		done += part.iov_len;
		offset = 0;
	}
	return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned int n, size_t offset, void *buf, size_t len)
{
	return copy(iov, n, offset, buf, len, false);
}

size_t iov_from_buf(const struct iovec *iov, unsigned int n, size_t offset, const void *buf,
		    size_t len)
{
	return copy(iov, n, offset, (uint8_t *)buf, len, true);
}
