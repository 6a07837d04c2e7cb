/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A raw file or block device as a disk. Requests go to io_uring and their completions come through
 * an eventfd to the event loop; a worker thread does what io_uring cannot (discard on a block
 * device, zeros where the file system cannot make them) and everything where the host refuses
 * io_uring. All functions are for the main thread.
 */
#ifndef AVMM_BACKEND_BLOCK_H
#define AVMM_BACKEND_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "core/error.h"
#include "core/event_loop.h"

struct block;

struct block_params {
	const char *option;	/* for messages: "--disk" */
	const char *path;	/* for messages too if fd is given */
	int fd;			/* -1: open path */
	bool readonly;
	bool direct;		/* O_DIRECT */
	bool no_uring;		/* as if the host refused it; for tests */
	/* After each batch of done(), in the event loop or block_drain(). NULL: nothing. */
	void (*settled)(void *opaque);
	void *opaque;
};

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,
	BLOCK_DISCARD,
	BLOCK_ZERO,		/* and keep the space */
	BLOCK_ZERO_UNMAP,	/* and give the space back if that is possible */
};

struct block_request {
	enum block_op op;
	uint64_t offset;	/* bytes; the range is inside the disk, whoever asks has checked */
	uint64_t len;
	struct iovec *iov;	/* READ, WRITE: len bytes in all; the array is changed */
	unsigned int niov;
	/* Once, with 0 or a negative errno, never from within block_submit(). May submit more. */
	void (*done)(struct block_request *req, int ret);

	/* block.c's */
	struct block_request *next;
	void *bounce;
	uint32_t bounce_len;
	int result;
};

struct block *block_open(const struct block_params *params, struct event_loop *loop,
			 struct error *err);
/* Nothing is in flight: block_drain() was called. */
void block_close(struct block *block);

/* A multiple of 512: an odd end of a file is filled up with zeros. */
uint64_t block_size(const struct block *block);
/* Of one access, and the one the storage likes. */
uint32_t block_logical(const struct block *block);
uint32_t block_physical(const struct block *block);

/* A file gets this size; of a block device, it is looked at what it has. */
int block_resize(struct block *block, uint64_t size, struct error *err);

/*
 * A VM that may write has the image for itself, those that only read share it (OFD locks, which
 * QEMU's programs respect). block_open() takes no lock: the destination of a migration may open
 * what the source still writes.
 */
int block_lock(struct block *block, struct error *err);
void block_unlock(struct block *block);
/* Another host may have written to it or resized it: what we know of it from before is read again. */
int block_forget(struct block *block, struct error *err);

/* Queues it; block_kick() hands the queue to the host, and may call done() for any request. */
void block_submit(struct block *block, struct block_request *req);
void block_kick(struct block *block);

/* Returns when every request is done. */
void block_drain(struct block *block);

#endif /* AVMM_BACKEND_BLOCK_H */
