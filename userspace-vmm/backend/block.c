// SPDX-License-Identifier: GPL-2.0
/*
 * A request is a loop of steps: each step moves what one system call can move, and the request is
 * done when nothing is left. So a short read, more than IOV_MAX pieces and a bounce buffer smaller
 * than the request are all the same case.
 */
#include "backend/block.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "sandbox/sandbox.h"

#define SECTOR		512u
#define DEPTH		128u		/* requests that the ring has at a time */
#define BOUNCE_MAX	(1u << 20)
#define BOUNCE_ALIGN	4096u		/* enough for the direct I/O of any device */
#define ZEROS		65536u

struct queue {
	struct block_request *first;
	struct block_request **end;
};

struct block {
	struct event_loop *loop;
	struct event_source wake;	/* eventfd: something may be done */
	void (*settled)(void *opaque);
	void *opaque;
	const char *path;
	const char *option;
	int fd;
	bool device;			/* a block device, not a file */
	bool readonly;
	bool locked;
	uint32_t mem_align;		/* O_DIRECT: of addresses; 1: any */
	uint32_t logical, physical;
	uint64_t bytes;			/* as the host says */

	struct io_uring ring;
	bool has_ring;
	bool kicking;			/* block_kick() is on the stack */
	bool submit_failed;		/* said so */
	struct queue waiting;		/* submitted, in nobody's hands */
	unsigned int in_ring;
	unsigned int in_worker;

	pthread_t worker;
	bool has_worker;
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct queue todo;		/* lock */
	struct queue finished;		/* lock */
	bool quit;			/* lock */
};

static void put(struct queue *queue, struct block_request *req)
{
	req->next = NULL;
	if (!queue->first)
		queue->end = &queue->first;
	*queue->end = req;
	queue->end = &req->next;
}

static struct block_request *take(struct queue *queue)
{
	struct block_request *req = queue->first;

	if (req)
		queue->first = req->next;
	return req;
}

/* Has the event loop, or whoever drains, look at what is done. */
static void wake(struct block *block)
{
	uint64_t one = 1;

	/* cannot fail: the counter does not come near its end */
	if (write(block->wake.fd, &one, sizeof(one)) < 0)
		return;
}

/* ---- steps ---- */

static bool moves_data(const struct block_request *req)
{
	return req->op == BLOCK_READ || req->op == BLOCK_WRITE;
}

/* Copies between a flat buffer and the first len bytes of the request's pieces. */
static void copy(struct block_request *req, void *buf, size_t len)
{
	uint8_t *p = buf;

	for (unsigned int i = 0; len; i++) {
		size_t n = req->iov[i].iov_len < len ? req->iov[i].iov_len : len;

		if (req->op == BLOCK_READ)
			memcpy(req->iov[i].iov_base, p, n);
		else
			memcpy(p, req->iov[i].iov_base, n);
		p += n;
		len -= n;
	}
}

static void advance(struct block_request *req, size_t len)
{
	req->offset += len;
	req->len -= len;
	while (req->niov && len >= req->iov->iov_len) {
		len -= req->iov->iov_len;
		req->iov++;
		req->niov--;
	}
	if (len) {
		req->iov->iov_base = (uint8_t *)req->iov->iov_base + len;
		req->iov->iov_len -= len;
	}
}

static bool aligned(const struct block *block, const struct block_request *req)
{
	for (unsigned int i = 0; i < req->niov; i++) {
		uintptr_t bits = (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;

		if (bits & (block->mem_align - 1))
			return false;
	}
	return true;
}

/* Direct I/O to where the host's hardware cannot reach goes through a buffer of ours. */
static int prepare(const struct block *block, struct block_request *req)
{
	if (!moves_data(req))
		return 0;
	if (!req->bounce && block->mem_align > 1 && !aligned(block, req)) {
		size_t size = req->len < BOUNCE_MAX ? req->len : BOUNCE_MAX;

		size = (size + BOUNCE_ALIGN - 1) & ~(size_t)(BOUNCE_ALIGN - 1);
		req->bounce = aligned_alloc(BOUNCE_ALIGN, size);
		if (!req->bounce)
			return -ENOMEM;
	}
	if (req->bounce) {
		req->bounce_len = req->len < BOUNCE_MAX ? req->len : BOUNCE_MAX;
		if (req->op == BLOCK_WRITE)
			copy(req, req->bounce, req->bounce_len);
	}
	return 0;
}

static unsigned int step_pieces(const struct block_request *req)
{
	return req->niov < IOV_MAX ? req->niov : IOV_MAX;
}

static int fallocate_mode(const struct block_request *req)
{
	/* the size stays in any case: it is the disk's */
	return FALLOC_FL_KEEP_SIZE |
	       (req->op == BLOCK_ZERO ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE);
}

/* Takes the result of a step. Returns whether the request needs another. */
static bool step_done(struct block_request *req, ssize_t ret)
{
	if (ret == -EINTR || ret == -EAGAIN)
		return true;
	if (ret < 0) {
		req->result = ret;
		return false;
	}
	req->result = 0;
	if (!moves_data(req))
		return false;
	if (ret == 0) {
		/* the odd end of a file reads as zeros; more than that is a file that shrank */
		if (req->op == BLOCK_WRITE || req->len >= SECTOR) {
			req->result = -EIO;
			return false;
		}
		for (unsigned int i = 0; i < req->niov; i++)
			memset(req->iov[i].iov_base, 0, req->iov[i].iov_len);
		return false;
	}
	if (req->bounce && req->op == BLOCK_READ)
		copy(req, req->bounce, ret);
	advance(req, ret);
	return req->len > 0;
}

static void finish(struct block_request *req)
{
	free(req->bounce);
	req->bounce = NULL;
	req->done(req, req->result);
}

/* ---- the worker ---- */

static int write_zeros(const struct block *block, struct block_request *req)
{
	static const uint8_t zeros[ZEROS] __attribute__((aligned(BOUNCE_ALIGN)));

	while (req->len) {
		ssize_t n = pwrite(block->fd, zeros, req->len < ZEROS ? req->len : ZEROS,
				   req->offset);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			req->offset += n;
			req->len -= n;
		}
	}
	return 0;
}

static ssize_t worker_step(const struct block *block, struct block_request *req)
{
	uint64_t range[2] = { req->offset, req->len };
	struct iovec flat = { req->bounce, req->bounce_len };
	const struct iovec *iov = req->bounce ? &flat : req->iov;
	int niov = req->bounce ? 1 : step_pieces(req);
	ssize_t ret;

	switch (req->op) {
	case BLOCK_READ:
		ret = preadv(block->fd, iov, niov, req->offset);
		break;
	case BLOCK_WRITE:
		ret = pwritev(block->fd, iov, niov, req->offset);
		break;
	case BLOCK_FLUSH:
		ret = fdatasync(block->fd);
		break;
	default:
		if (req->op == BLOCK_DISCARD && block->device)
			ret = ioctl(block->fd, BLKDISCARD, range);
		else
			ret = fallocate(block->fd, fallocate_mode(req), req->offset, req->len);
	}
	if (ret >= 0)
		return ret;
	if (errno == EOPNOTSUPP || errno == ENOSYS) {
		/* discard is a hint; zeros are not */
		if (req->op == BLOCK_DISCARD)
			return 0;
		if (req->op == BLOCK_ZERO || req->op == BLOCK_ZERO_UNMAP)
			return write_zeros(block, req);
	}
	return -errno;
}

static void *worker_main(void *opaque)
{
	struct block *block = opaque;
	struct block_request *req;
	struct error err;

	pthread_mutex_lock(&block->lock);
	for (;;) {
		ssize_t ret;

		while (!block->todo.first && !block->quit)
			pthread_cond_wait(&block->work, &block->lock);
		req = take(&block->todo);
		if (!req)
			break;
		pthread_mutex_unlock(&block->lock);
		do {
			ret = sandbox_thread(SANDBOX_DISK, &err);
			if (ret == 0)
				ret = prepare(block, req);
			if (ret == 0)
				ret = worker_step(block, req);
		} while (step_done(req, ret));
		pthread_mutex_lock(&block->lock);
		put(&block->finished, req);
		wake(block);
	}
	pthread_mutex_unlock(&block->lock);
	return NULL;
}

/* Made when it is first needed, which with io_uring is seldom. */
static int start_worker(struct block *block)
{
	sigset_t all, old;
	int ret;

	if (block->has_worker)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&block->worker, NULL, worker_main, block);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	block->has_worker = ret == 0;
	return -ret;
}

static void give_to_worker(struct block *block, struct block_request *req)
{
	int ret = start_worker(block);

	block->in_worker++;
	pthread_mutex_lock(&block->lock);
	if (ret < 0) {
		req->result = ret;
		put(&block->finished, req);
		wake(block);
	} else {
		put(&block->todo, req);
		pthread_cond_signal(&block->work);
	}
	pthread_mutex_unlock(&block->lock);
}

static bool reap_worker(struct block *block)
{
	bool any = false;

	while (block->in_worker) {
		struct block_request *req;

		pthread_mutex_lock(&block->lock);
		req = take(&block->finished);
		pthread_mutex_unlock(&block->lock);
		if (!req)
			break;
		block->in_worker--;
		finish(req);
		any = true;
	}
	return any;
}

/* ---- the ring ---- */

static bool ring_can(const struct block *block, const struct block_request *req)
{
	return block->has_ring && !(req->op == BLOCK_DISCARD && block->device);
}

/* There is a place: no more than DEPTH are out. */
static void ring_step(struct block *block, struct block_request *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&block->ring);

	switch (req->op) {
	case BLOCK_READ:
		if (req->bounce)
			io_uring_prep_read(sqe, block->fd, req->bounce, req->bounce_len,
					   req->offset);
		else
			io_uring_prep_readv(sqe, block->fd, req->iov, step_pieces(req),
					    req->offset);
		break;
	case BLOCK_WRITE:
		if (req->bounce)
			io_uring_prep_write(sqe, block->fd, req->bounce, req->bounce_len,
					    req->offset);
		else
			io_uring_prep_writev(sqe, block->fd, req->iov, step_pieces(req),
					     req->offset);
		break;
	case BLOCK_FLUSH:
		io_uring_prep_fsync(sqe, block->fd, IORING_FSYNC_DATASYNC);
		break;
	default:
		io_uring_prep_fallocate(sqe, block->fd, fallocate_mode(req), req->offset,
					req->len);
	}
	io_uring_sqe_set_data(sqe, req);
	block->in_ring++;
}

static void ring_submit(struct block *block)
{
	int ret;

	/* what is done within the call is seen right after it, and needs no wake-up */
	io_uring_cq_eventfd_toggle(&block->ring, false);
	ret = io_uring_submit(&block->ring);
	io_uring_cq_eventfd_toggle(&block->ring, true);
	/*
	 * The kernel adds a completion and then looks whether we want to be woken; so the wish has
	 * to be seen before reap_ring() looks whether there is one. io_uring_cq_eventfd_toggle() is
	 * a plain store, which a load may overtake.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ret >= 0)
		return;
	/* the host is short of something: what was not taken stays in the ring for the next time */
	if (!block->submit_failed)
		log_error("%s: '%s': the host does not take requests: %s; trying on",
			  block->option, block->path, strerror(-ret));
	block->submit_failed = true;
	wake(block);
}

static bool reap_ring(struct block *block)
{
	struct io_uring_cqe *cqe;
	bool any = false;

	while (block->in_ring && io_uring_peek_cqe(&block->ring, &cqe) == 0) {
		struct block_request *req = io_uring_cqe_get_data(cqe);
		int ret = cqe->res;

		io_uring_cqe_seen(&block->ring, cqe);
		block->in_ring--;
		any = true;
		if (ret == -EOPNOTSUPP && !moves_data(req) && req->op != BLOCK_FLUSH)
			give_to_worker(block, req);
		else if (step_done(req, ret))
			put(&block->waiting, req);
		else
			finish(req);
	}
	return any;
}

static int ring_open(struct block *block)
{
	/* no interrupt of a vCPU's processor for a completion; unknown before Linux 5.19 */
	int ret = io_uring_queue_init(DEPTH, &block->ring, IORING_SETUP_COOP_TASKRUN);

	if (ret == -EINVAL)
		ret = io_uring_queue_init(DEPTH, &block->ring, 0);
	if (ret < 0)
		return ret;
	ret = io_uring_register_eventfd(&block->ring, block->wake.fd);
	if (ret < 0)
		io_uring_queue_exit(&block->ring);
	return ret;
}

/* ---- requests ---- */

void block_submit(struct block *block, struct block_request *req)
{
	req->bounce = NULL;
	req->result = 0;
	put(&block->waiting, req);
}

/* Hands out what waits. Returns whether the ring was given something. */
static bool start_waiting(struct block *block)
{
	bool ring = false;

	while (block->waiting.first && block->in_ring < DEPTH) {
		struct block_request *req = take(&block->waiting);

		if (!ring_can(block, req)) {
			give_to_worker(block, req);
			continue;
		}
		req->result = prepare(block, req);
		if (req->result < 0) {
			finish(req);
			continue;
		}
		ring_step(block, req);
		ring = true;
	}
	return ring;
}

void block_kick(struct block *block)
{
	bool any, some = false;

	/* done() may come here again; the loop below sees what it submitted */
	if (block->kicking)
		return;
	block->kicking = true;
	do {
		bool started = start_waiting(block);

		if (block->has_ring && (started || io_uring_sq_ready(&block->ring)))
			ring_submit(block);
		any = block->has_ring && reap_ring(block);
		any |= reap_worker(block);
		some |= any;
	} while (any || (block->waiting.first && block->in_ring < DEPTH));
	block->kicking = false;
	if (some && block->settled)
		block->settled(block->opaque);
}

static void wake_ready(void *opaque)
{
	struct block *block = opaque;
	uint64_t count;

	if (read(block->wake.fd, &count, sizeof(count)) < 0)
		count = 0;	/* seen already */
	block_kick(block);
}

void block_drain(struct block *block)
{
	struct pollfd poll_fd = { .fd = block->wake.fd, .events = POLLIN };

	block_kick(block);
	while (block->in_ring || block->in_worker || block->waiting.first) {
		poll(&poll_fd, 1, -1);
		wake_ready(block);
	}
}

/* ---- the file ---- */

static int open_file(struct block *block, const struct block_params *params, struct error *err)
{
	int flags = (params->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK;
	struct stat st;
	int mode;

	block->fd = params->fd;
	if (block->fd < 0)
		block->fd = open(params->path, flags | (params->direct ? O_DIRECT : 0));
	if (block->fd < 0) {
		const char *hint = "";

		if (errno == EINVAL && params->direct)
			hint = "; its file system does not support direct=on";
		else if ((errno == EACCES || errno == EROFS || errno == EPERM) && !params->readonly)
			hint = "; is readonly=on meant?";
		return error_set(err, -errno, "%s: cannot open '%s': %s%s", params->option,
				 params->path, strerror(errno), hint);
	}
	if (fstat(block->fd, &st) < 0)
		return error_set(err, -errno, "%s: '%s': %s", params->option, params->path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_set(err, -EINVAL, "%s: '%s' is neither a file nor a block device",
				 params->option, params->path);
	block->device = S_ISBLK(st.st_mode);
	/* a descriptor that was handed to us may be less than what was asked for */
	mode = fcntl(block->fd, F_GETFL);
	if ((mode & O_ACCMODE) == O_WRONLY ||
	    ((mode & O_ACCMODE) == O_RDONLY && !params->readonly))
		return error_set(err, -EACCES, "%s: '%s' was not opened for %s", params->option,
				 params->path, params->readonly ? "reading" : "writing");
	/* needed by open() only, for a FIFO; io_uring takes it for "do not wait" */
	if (mode & O_NONBLOCK)
		fcntl(block->fd, F_SETFL, mode & ~O_NONBLOCK);
	if (mode & O_DIRECT)
		block->mem_align = BOUNCE_ALIGN;
	return 0;
}

static int read_size(const struct block *block, uint64_t *bytes)
{
	struct stat st;

	if (block->device)
		return ioctl(block->fd, BLKGETSIZE64, bytes) < 0 ? -errno : 0;
	if (fstat(block->fd, &st) < 0)
		return -errno;
	*bytes = st.st_size;
	return 0;
}

static int read_geometry(struct block *block, const struct block_params *params, struct error *err)
{
	struct statx stx;
	int value, ret;

	ret = read_size(block, &block->bytes);
	if (ret < 0)
		return error_set(err, ret, "%s: the size of '%s' cannot be read: %s",
				 params->option, params->path, strerror(-ret));
	if (!block->bytes)
		return error_set(err, -EINVAL, "%s: '%s' is empty", params->option, params->path);
	block->logical = SECTOR;
	block->physical = SECTOR;
	if (block->device) {
		if (ioctl(block->fd, BLKSSZGET, &value) == 0)
			block->logical = value;
		if (ioctl(block->fd, BLKPBSZGET, &value) == 0)
			block->physical = value;
	}
	if (block->mem_align == 1)
		return 0;
#ifdef STATX_DIOALIGN
	/* since Linux 6.1; 0 is a file that cannot do it */
	if (statx(block->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_mem_align) {
		block->mem_align = stx.stx_dio_mem_align;
		if (stx.stx_dio_offset_align > block->logical)
			block->logical = stx.stx_dio_offset_align;
	}
#else
	(void)stx;
#endif
	if (block->physical < block->logical)
		block->physical = block->logical;
	return 0;
}

/* Nobody means a qcow2 file to be a raw disk; but a guest may write what it likes on its own. */
static void warn_of_format(const struct block *block)
{
	uint8_t magic[4] __attribute__((aligned(BOUNCE_ALIGN)));

	if (block->mem_align == 1 && pread(block->fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	    !memcmp(magic, "QFI\xfb", 4))
		log_error("%s: '%s' looks like a qcow2 image and is used as a raw one; let "
			  "qemu-storage-daemon serve it and give its socket with vhost-user=",
			  block->option, block->path);
}

static int set_up(struct block *block, const struct block_params *params, struct error *err)
{
	int ret;

	ret = open_file(block, params, err);
	if (ret == 0)
		ret = read_geometry(block, params, err);
	if (ret < 0)
		return ret;
	warn_of_format(block);
	block->wake = (struct event_source) {
		.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ready = wake_ready, .opaque = block,
	};
	ret = block->wake.fd < 0 ? -errno : event_loop_add(block->loop, &block->wake, EPOLLIN);
	if (ret < 0)
		return error_set(err, ret, "%s: '%s' cannot be set up: %s", params->option,
				 params->path, strerror(-ret));
	ret = params->no_uring ? -ENOSYS : ring_open(block);
	block->has_ring = ret == 0;
	if (ret < 0)
		log_verbose("%s: '%s': the host refuses io_uring (%s); a thread does its work",
			    params->option, params->path, strerror(-ret));
	return 0;
}

struct block *block_open(const struct block_params *params, struct event_loop *loop,
			 struct error *err)
{
	struct block *block = calloc(1, sizeof(*block));

	if (!block) {
		error_set(err, -ENOMEM, "%s: no memory", params->option);
		return NULL;
	}
	*block = (struct block) {
		.loop = loop, .path = params->path, .option = params->option, .fd = -1,
		.wake.fd = -1, .readonly = params->readonly, .mem_align = 1,
		.settled = params->settled, .opaque = params->opaque,
	};
	pthread_mutex_init(&block->lock, NULL);
	pthread_cond_init(&block->work, NULL);
	if (set_up(block, params, err) < 0) {
		block_close(block);
		return NULL;
	}
	return block;
}

void block_close(struct block *block)
{
	if (block->has_worker) {
		pthread_mutex_lock(&block->lock);
		block->quit = true;
		pthread_cond_signal(&block->work);
		pthread_mutex_unlock(&block->lock);
		pthread_join(block->worker, NULL);
	}
	if (block->has_ring)
		io_uring_queue_exit(&block->ring);
	event_loop_remove(block->loop, &block->wake);
	if (block->wake.fd >= 0)
		close(block->wake.fd);
	/* and with it goes the lock */
	if (block->fd >= 0)
		close(block->fd);
	pthread_cond_destroy(&block->work);
	pthread_mutex_destroy(&block->lock);
	free(block);
}

uint64_t block_size(const struct block *block)
{
	return (block->bytes + SECTOR - 1) & ~(uint64_t)(SECTOR - 1);
}

uint32_t block_logical(const struct block *block)
{
	return block->logical;
}

uint32_t block_physical(const struct block *block)
{
	return block->physical;
}

int block_resize(struct block *block, uint64_t size, struct error *err)
{
	uint64_t bytes;
	int ret = 0;

	if (!size || size % SECTOR || size > INT64_MAX)
		return error_set(err, -EINVAL, "'%s' cannot have %llu bytes: a disk has a multiple "
				 "of %u", block->path, (unsigned long long)size, SECTOR);
	if (!block->device && ftruncate(block->fd, size) < 0)
		ret = -errno;
	if (ret == 0)
		ret = read_size(block, &bytes);
	if (ret < 0)
		return error_set(err, ret, "the size of '%s' cannot be changed: %s", block->path,
				 strerror(-ret));
	block->bytes = bytes;
	return 0;
}

int block_lock(struct block *block, struct error *err)
{
	struct flock whole = {
		.l_type = block->readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET,
	};

	if (block->locked)
		return 0;
	if (fcntl(block->fd, F_OFD_SETLK, &whole) == 0) {
		block->locked = true;
		return 0;
	}
	if (errno == EAGAIN || errno == EACCES)
		return error_set(err, -EBUSY, "%s: '%s' is in use by another process; two VMs may "
				 "share a disk only if both have readonly=on", block->option,
				 block->path);
	/* a file system without locks */
	log_verbose("%s: '%s' cannot be locked: %s", block->option, block->path, strerror(errno));
	return 0;
}

void block_unlock(struct block *block)
{
	struct flock whole = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (block->locked)
		fcntl(block->fd, F_OFD_SETLK, &whole);
	block->locked = false;
}

int block_forget(struct block *block, struct error *err)
{
	int ret = read_size(block, &block->bytes);

	if (ret < 0)
		return error_set(err, ret, "%s: the size of '%s' cannot be read: %s",
				 block->option, block->path, strerror(-ret));
	posix_fadvise(block->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}
