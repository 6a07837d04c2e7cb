// SPDX-License-Identifier: GPL-2.0
/*
 * Path of a request: notify() takes it from the queue, virtio/blk_command.c says what it asks,
 * backend/block.c does it, request_done() answers.
 */
#include "virtio/blk.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/block.h"
#include "core/log.h"
#include "machine/virt.h"
#include "virtio/blk_command.h"

#define QUEUE_SIZE	256
#define QUEUES_MAX	64
#define PCI_CLASS	0x010000	/* mass storage, SCSI, as other virtio disks say */
/* without the members for secure erase and zones */
#define CONFIG_SIZE	60u
_Static_assert(offsetof(struct virtio_blk_config, write_zeroes_may_unmap) < CONFIG_SIZE, "config");

#define BIT(n)		(1ULL << (n))

struct blk_io {
	struct block_request req;	/* first */
	struct virtio_blk *blk;
	unsigned int q;
	struct vq_element elem;
	struct blk_command cmd;
	struct blk_io *next;		/* free ones */
};

struct virtio_blk {
	struct virtio_device vdev;	/* first */
	struct block *block;
	struct blk_limits limits;
	char serial[VIRTIO_BLK_ID_BYTES + 1];
	char *path, *node;
	struct virtio_blk_config config;	/* vdev.lock */
	struct blk_io *unused;
	uint64_t answered;		/* a bit for each queue that waits for its interrupt */
	struct virtio_blk_stats stats;
	int last_error;			/* and when it was told */
	time_t last_report;
};

static struct virtio_blk *to_blk(struct virtio_device *vdev)
{
	return (struct virtio_blk *)vdev;
}

/* ---- answers ---- */

static void answer(struct blk_io *io, uint8_t status)
{
	struct virtio_blk *blk = io->blk;
	struct virtio_device *vdev = &blk->vdev;
	const struct blk_command *cmd = &io->cmd;
	uint32_t len = cmd->read_len + 1;

	*cmd->status_byte = status;
	memory_wrote(vdev->memory, cmd->status_addr, 1);
	if (status != VIRTIO_BLK_S_OK) {
		/* some of it may have been read, but nobody may rely on that */
		for (unsigned int i = io->elem.out_num; i < io->elem.out_num + io->elem.in_num; i++)
			memory_wrote(vdev->memory, io->elem.addr[i], io->elem.iov[i].iov_len);
		len = 0;
	}
	vring_push(&vdev->queues[io->q], &io->elem, len);
	blk->answered |= BIT(io->q);
	io->next = blk->unused;
	blk->unused = io;
}

static void interrupt(void *opaque)
{
	struct virtio_blk *blk = opaque;

	for (unsigned int q = 0; blk->answered; q++) {
		if (blk->answered & BIT(q))
			virtio_queue_interrupt(&blk->vdev, q);
		blk->answered &= ~BIT(q);
	}
}

static void count(struct virtio_blk *blk, const struct blk_command *cmd)
{
	switch (cmd->op) {
	case BLOCK_READ:
	case BLOCK_WRITE:
		blk->stats.ops[cmd->op == BLOCK_WRITE]++;
		blk->stats.bytes[cmd->op == BLOCK_WRITE] += cmd->len;
		break;
	case BLOCK_FLUSH:
		blk->stats.flushes++;
		break;
	default:
		blk->stats.discards++;
	}
}

static void report(struct virtio_blk *blk, const struct blk_command *cmd, int ret)
{
	const char *id = blk->vdev.dev.id;
	time_t now = time(NULL);

	/* a disk that fails does so again and again */
	if (ret == blk->last_error && now == blk->last_report)
		return;
	machine_event(blk->vdev.machine, "BLOCK_IO_ERROR",
		      json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "device", id, "node-name",
				blk->node, "operation", cmd->op == BLOCK_READ ? "read" : "write", "action",
				"report", "nospace", ret == -ENOSPC, "reason", strerror(-ret)));
	if (ret != blk->last_error)
		log_error("%s: '%s': %s at byte %llu: %s", id, blk->path,
			  cmd->op == BLOCK_READ ? "cannot read" : "cannot write",
			  (unsigned long long)cmd->offset, strerror(-ret));
	blk->last_error = ret;
	blk->last_report = now;
}

static void request_done(struct block_request *req, int ret)
{
	struct blk_io *io = (struct blk_io *)req;
	struct virtio_blk *blk = io->blk;

	if (ret == 0) {
		count(blk, &io->cmd);
	} else {
		blk->stats.failed++;
		report(blk, &io->cmd, ret);
	}
	answer(io, ret == 0 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
}

/* ---- requests ---- */

static struct blk_io *take_io(struct virtio_blk *blk)
{
	struct blk_io *io = blk->unused;

	if (io)
		blk->unused = io->next;
	else
		io = malloc(sizeof(*io));
	return io;
}

static void start_io(struct virtio_blk *blk, struct blk_io *io)
{
	if (!io->cmd.submit) {
		answer(io, io->cmd.status);
		return;
	}
	io->req = (struct block_request) {
		.op = io->cmd.op, .offset = io->cmd.offset, .len = io->cmd.len,
		.iov = io->cmd.iov, .niov = io->cmd.niov, .done = request_done,
	};
	block_submit(blk->block, &io->req);
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_blk *blk = to_blk(vdev);
	struct virtqueue *vq = &vdev->queues[q];
	int ret = 0;

	/* other devices have their turn after a queue's worth */
	for (unsigned int left = vq->num; left; left--) {
		struct blk_io *io = take_io(blk);

		ret = io ? vring_pop(vq, &io->elem) : -ENOMEM;
		if (ret > 0) {
			io->blk = blk;
			io->q = q;
			ret = blk_command(&io->cmd, &io->elem, &blk->limits);
			if (ret == 0) {
				start_io(blk, io);
				ret = 1;
				continue;
			}
		}
		if (io) {
			io->next = blk->unused;
			blk->unused = io;
		}
		break;
	}
	block_kick(blk->block);
	interrupt(blk);
	if (ret == -ENOMEM)
		virtio_broken(vdev, "there is no memory for a request");
	else if (ret < 0)
		virtio_broken(vdev, "a request is not as it should be");
	else if (ret > 0)
		virtio_queue_kick(vdev, q);
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_blk *blk = to_blk(vdev);

	block_drain(blk->block);
	while (blk->unused) {
		struct blk_io *io = blk->unused;

		blk->unused = io->next;
		free(io);
	}
}

/* ---- configuration space, 5.2.4 ---- */

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (uint8_t *)&to_blk(vdev)->config + offset, len);
}

static void set_config(struct virtio_blk *blk, unsigned int queues)
{
	uint32_t logical = block_logical(blk->block);
	/* a range is one segment, and its bytes are counted in 64 bits */
	uint32_t most = UINT32_MAX & ~(logical / BLK_SECTOR - 1);

	blk->config = (struct virtio_blk_config) {
		.capacity = blk->limits.sectors,
		/* the rest of an element is header and status */
		.seg_max = VQ_IOV_MAX - 2,
		.blk_size = logical,
		.physical_block_exp = __builtin_ctz(block_physical(blk->block) / logical),
		.num_queues = queues,
		.max_discard_sectors = most,
		.max_discard_seg = 1,
		.discard_sector_alignment = logical / BLK_SECTOR,
		.max_write_zeroes_sectors = most,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = blk->limits.discard,
	};
}

static void set_size(struct virtio_blk *blk)
{
	blk->limits.sectors = block_size(blk->block) / BLK_SECTOR;
	pthread_mutex_lock(&blk->vdev.lock);
	blk->config.capacity = blk->limits.sectors;
	pthread_mutex_unlock(&blk->vdev.lock);
}

int virtio_blk_resize(struct virtio_blk *blk, uint64_t size, struct error *err)
{
	int ret = block_resize(blk->block, size, err);

	if (ret < 0)
		return ret;
	set_size(blk);
	virtio_config_changed(&blk->vdev);
	return 0;
}

/* ---- life ---- */

void virtio_blk_get_info(const struct virtio_blk *blk, struct virtio_blk_info *info)
{
	*info = (struct virtio_blk_info) {
		.node = blk->node, .path = blk->path, .readonly = blk->limits.readonly,
		.size = block_size(blk->block),
	};
}

void virtio_blk_get_stats(const struct virtio_blk *blk, struct virtio_blk_stats *stats)
{
	*stats = blk->stats;
}

int virtio_blk_lock(struct virtio_blk *blk, struct error *err)
{
	int ret = block_lock(blk->block, err);

	/* it was somebody else's until now, who may have changed its size and told the driver */
	if (ret == 0)
		ret = block_forget(blk->block, err);
	if (ret == 0)
		set_size(blk);
	return ret;
}

void virtio_blk_unlock(struct virtio_blk *blk)
{
	block_unlock(blk->block);
}

static void free_memory(struct virtio_blk *blk)
{
	free(blk->path);
	free(blk->node);
	free(blk);
}

static void destroy(struct virtio_device *vdev)
{
	struct virtio_blk *blk = to_blk(vdev);

	virtio_free(vdev);
	if (blk->block)
		block_close(blk->block);
	free_memory(blk);
}

static const struct virtio_ops ops = {
	.type = "virtio-blk", .device_id = VIRTIO_ID_BLOCK, .pci_class = PCI_CLASS,
	.config_read = config_read, .stop = stop, .notify = notify, .destroy = destroy,
};

struct virtio_blk *virtio_blk_of(struct virtio_device *vdev)
{
	return vdev->ops == &ops ? to_blk(vdev) : NULL;
}

static int open_block(struct virtio_blk *blk, const struct disk_config *config, bool incoming,
		      struct error *err)
{
	const struct block_params params = {
		.option = "--disk", .path = blk->path, .fd = config->fd,
		.readonly = config->readonly, .direct = config->direct,
		.settled = interrupt, .opaque = blk,
	};

	blk->block = block_open(&params, blk->vdev.loop, err);
	if (!blk->block)
		return err->code;
	blk->limits = (struct blk_limits) {
		.sectors = block_size(blk->block) / BLK_SECTOR, .readonly = config->readonly,
		.discard = config->discard && !config->readonly, .serial = blk->serial,
	};
	return incoming ? 0 : block_lock(blk->block, err);
}

struct virtio_device *virtio_blk_create(struct machine *machine, const struct disk_config *config,
					bool incoming, struct error *err)
{
	unsigned int queues = config->queues ? config->queues : 1;
	struct virtio_blk *blk = calloc(1, sizeof(*blk));
	uint64_t features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
			    BIT(VIRTIO_BLK_F_TOPOLOGY) | BIT(VIRTIO_BLK_F_FLUSH);

	if (queues > QUEUES_MAX) {
		error_set(err, -EINVAL, "--disk: queues=%u is more than %d", queues, QUEUES_MAX);
		free(blk);
		return NULL;
	}
	if (blk) {
		blk->path = strdup(config->path ? config->path : config->id);
		blk->node = strdup(config->node ? config->node : config->id);
	}
	if (!blk || !blk->path || !blk->node) {
		error_set(err, -ENOMEM, "--disk: no memory");
		if (blk)
			free_memory(blk);
		return NULL;
	}
	if (config->serial)
		strncpy(blk->serial, config->serial, VIRTIO_BLK_ID_BYTES);
	if (queues > 1)
		features |= BIT(VIRTIO_BLK_F_MQ);
	if (config->readonly)
		features |= BIT(VIRTIO_BLK_F_RO);
	else
		features |= BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	if (config->discard && !config->readonly)
		features |= BIT(VIRTIO_BLK_F_DISCARD);
	if (virtio_init(&blk->vdev, &ops, config->id, queues, QUEUE_SIZE, CONFIG_SIZE, features,
			machine, err) < 0) {
		free_memory(blk);
		return NULL;
	}
	if (open_block(blk, config, incoming, err) < 0) {
		destroy(&blk->vdev);
		return NULL;
	}
	set_config(blk, queues);
	return &blk->vdev;
}
