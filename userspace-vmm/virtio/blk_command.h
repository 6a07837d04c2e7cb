/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a request of virtio-blk (virtio 1.2, 5.2.6) asks for. Pure.
 */
#ifndef AVMM_VIRTIO_BLK_COMMAND_H
#define AVMM_VIRTIO_BLK_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backend/block.h"
#include "virtio/vring.h"

#define BLK_SECTOR	512u

struct blk_limits {
	uint64_t sectors;
	bool readonly;
	bool discard;		/* offered; zeros are whenever it is not read-only */
	const char *serial;	/* at most 20 bytes count; NULL: none */
};

struct blk_command {
	bool submit;		/* op, offset, len and iov are for the backend */
	uint8_t status;		/* VIRTIO_BLK_S_*, if not */
	enum block_op op;
	uint64_t offset;	/* bytes */
	uint64_t len;
	struct iovec iov[VQ_IOV_MAX];
	unsigned int niov;
	/* the last byte that the device may write is the status */
	uint8_t *status_byte;
	uint64_t status_addr;
	/* bytes of data that are written before it if all goes well */
	uint32_t read_len;
};

/* -EINVAL: there is no place for a status, so the driver is not one. */
int blk_command(struct blk_command *cmd, const struct vq_element *elem,
		const struct blk_limits *limits);

#endif /* AVMM_VIRTIO_BLK_COMMAND_H */
