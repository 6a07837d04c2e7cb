// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of virtio 1.2. */
#include "virtio/blk_command.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>

#include "util/iov.h"

static bool in_disk(const struct blk_limits *limits, uint64_t sector, uint64_t sectors)
{
	return sector <= limits->sectors && sectors <= limits->sectors - sector;
}

static void transfer(struct blk_command *cmd, const struct blk_limits *limits, enum block_op op,
		     uint64_t sector, uint64_t len)
{
	if (len % BLK_SECTOR || !in_disk(limits, sector, len / BLK_SECTOR)) {
		cmd->status = VIRTIO_BLK_S_IOERR;
		return;
	}
	cmd->submit = len > 0;
	cmd->op = op;
	cmd->offset = sector * BLK_SECTOR;
	cmd->len = len;
}

/* 5.2.6: of the segments we offer one in a request. */
static void range(struct blk_command *cmd, const struct vq_element *elem,
		  const struct blk_limits *limits, bool zero)
{
	struct virtio_blk_discard_write_zeroes seg;
	size_t header = sizeof(struct virtio_blk_outhdr);
	uint32_t known = zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;

	if (elem->out_len != header + sizeof(seg)) {
		cmd->status = VIRTIO_BLK_S_IOERR;
		return;
	}
	iov_to_buf(elem->iov, elem->out_num, header, &seg, sizeof(seg));
	/* 5.2.6.2: unknown flags, and unmap of a discard */
	if (seg.flags & ~known) {
		cmd->status = VIRTIO_BLK_S_UNSUPP;
		return;
	}
	transfer(cmd, limits, !zero ? BLOCK_DISCARD : seg.flags ? BLOCK_ZERO_UNMAP : BLOCK_ZERO,
		 seg.sector, (uint64_t)seg.num_sectors * BLK_SECTOR);
}

static void get_id(struct blk_command *cmd, const struct vq_element *elem,
		   const struct blk_limits *limits)
{
	char id[VIRTIO_BLK_ID_BYTES] = "";
	uint64_t room = elem->in_len - 1;

	/* no terminating zero if it is as long as that */
	if (limits->serial)
		memcpy(id, limits->serial, strnlen(limits->serial, sizeof(id)));
	cmd->read_len = iov_from_buf(elem->iov + elem->out_num, elem->in_num, 0, id,
				     room < sizeof(id) ? room : sizeof(id));
}

static void find_status(struct blk_command *cmd, const struct vq_element *elem)
{
	unsigned int last = elem->out_num + elem->in_num - 1;

	/* pieces may be empty */
	while (!elem->iov[last].iov_len)
		last--;
	cmd->status_byte = (uint8_t *)elem->iov[last].iov_base + elem->iov[last].iov_len - 1;
	cmd->status_addr = elem->addr[last] + elem->iov[last].iov_len - 1;
}

int blk_command(struct blk_command *cmd, const struct vq_element *elem,
		const struct blk_limits *limits)
{
	const struct iovec *in = elem->iov + elem->out_num;
	struct virtio_blk_outhdr header;

	if (elem->out_len < sizeof(header) || !elem->in_len)
		return -EINVAL;
	iov_to_buf(elem->iov, elem->out_num, 0, &header, sizeof(header));
	cmd->submit = false;
	cmd->status = VIRTIO_BLK_S_OK;
	cmd->niov = 0;
	cmd->len = 0;
	cmd->offset = 0;
	cmd->read_len = 0;
	find_status(cmd, elem);

	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		/* the used ring has 32 bits for it */
		if (elem->in_len > UINT32_MAX) {
			cmd->status = VIRTIO_BLK_S_IOERR;
			return 0;
		}
		transfer(cmd, limits, BLOCK_READ, header.sector, elem->in_len - 1);
		cmd->niov = iov_cut(cmd->iov, in, elem->in_num, 0, cmd->len);
		cmd->read_len = cmd->len;
		return 0;
	case VIRTIO_BLK_T_FLUSH:
		cmd->submit = true;
		cmd->op = BLOCK_FLUSH;
		return 0;
	case VIRTIO_BLK_T_GET_ID:
		get_id(cmd, elem, limits);
		return 0;
	case VIRTIO_BLK_T_OUT:
	case VIRTIO_BLK_T_WRITE_ZEROES:
	case VIRTIO_BLK_T_DISCARD:
		break;
	default:
		cmd->status = VIRTIO_BLK_S_UNSUPP;
		return 0;
	}
	/* 5.2.6.2: nothing is written to a read-only disk, whatever the driver negotiated */
	if (limits->readonly) {
		cmd->status = VIRTIO_BLK_S_IOERR;
	} else if (header.type == VIRTIO_BLK_T_OUT) {
		transfer(cmd, limits, BLOCK_WRITE, header.sector, elem->out_len - sizeof(header));
		cmd->niov = iov_cut(cmd->iov, elem->iov, elem->out_num, sizeof(header), cmd->len);
	} else if (header.type == VIRTIO_BLK_T_WRITE_ZEROES) {
		range(cmd, elem, limits, true);
	} else if (limits->discard) {
		range(cmd, elem, limits, false);
	} else {
		cmd->status = VIRTIO_BLK_S_UNSUPP;
	}
	return 0;
}
