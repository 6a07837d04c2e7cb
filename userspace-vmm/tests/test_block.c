// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/block.h"
#include "tests/tap.h"

#define SIZE	(8u << 20)
#define REQS	300
#define PIECES	5

static struct event_loop loop;
static unsigned int done;

struct test_request {
	struct block_request req;	/* first */
	struct iovec iov[PIECES];
	uint8_t *data;
	int ret;
};

static void request_done(struct block_request *req, int ret)
{
	((struct test_request *)req)->ret = ret;
	done++;
}

/* A file of the size that has no name any more. It is on a disk, where O_DIRECT works. */
static int disk_file(size_t size)
{
	char path[] = "build/test/disk.XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	check(ftruncate(fd, size) == 0);
	return fd;
}

static struct block *open_fd(int fd, bool direct, bool no_uring)
{
	struct block_params params = {
		.option = "--disk", .path = "test", .fd = fd, .no_uring = no_uring,
	};
	struct error err;
	struct block *block;

	check(event_loop_init(&loop) == 0);
	if (direct)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT);
	block = block_open(&params, &loop, &err);
	if (!check(block))
		abort();
	return block;
}

static void close_block(struct block *block)
{
	block_drain(block);
	block_close(block);
	event_loop_close(&loop);
}

/* Pieces at odd addresses if odd, so that direct I/O needs a buffer. */
static void set_up(struct test_request *t, enum block_op op, uint64_t offset, uint32_t len, bool odd)
{
	uint32_t left = len;

	t->data = aligned_alloc(4096, (len + 4095) & ~4095u);
	t->req = (struct block_request) {
		.op = op, .offset = offset, .len = len, .iov = t->iov, .done = request_done,
	};
	t->ret = 1;
	for (unsigned int i = 0; i < PIECES && left; i++) {
		uint32_t n = i == PIECES - 1 || !odd ? left : 1 + rand() % left;

		t->iov[i].iov_base = t->data + (len - left);
		t->iov[i].iov_len = n;
		left -= n;
		t->req.niov = i + 1;
	}
}

static int one(struct block *block, enum block_op op, uint64_t offset, uint32_t len, uint8_t *data)
{
	struct test_request t;

	set_up(&t, op, offset, len, false);
	if (op == BLOCK_WRITE)
		memcpy(t.data, data, len);
	block_submit(block, &t.req);
	block_drain(block);
	if (op == BLOCK_READ)
		memcpy(data, t.data, len);
	free(t.data);
	return t.ret;
}

/* Many at a time, in ranges of their own, against a copy in memory. */
static void against_model(bool direct, bool no_uring)
{
	static struct test_request reqs[REQS];
	uint8_t *model = calloc(1, SIZE);
	int fd = disk_file(SIZE);
	struct block *block = open_fd(fd, direct, no_uring);
	uint32_t slot = SIZE / REQS & ~4095u;

	for (int round = 0; round < 6; round++) {
		done = 0;
		for (unsigned int i = 0; i < REQS; i++) {
			struct test_request *t = &reqs[i];
			uint32_t len = 4096 * (1 + rand() % (slot / 4096));
			uint64_t offset = (uint64_t)i * slot;
			enum block_op op = rand() % 6;

			set_up(t, op, offset, len, rand() % 2);
			if (op == BLOCK_WRITE) {
				for (uint32_t j = 0; j < len; j++)
					t->data[j] = rand();
				memcpy(model + offset, t->data, len);
			} else if (op != BLOCK_READ && op != BLOCK_FLUSH) {
				memset(model + offset, 0, len);
			}
			block_submit(block, &t->req);
		}
		if (round % 2)
			block_drain(block);
		else
			block_kick(block);
		while (done < REQS)
			check(event_loop_once(&loop) == 0);
		for (unsigned int i = 0; i < REQS; i++) {
			struct test_request *t = &reqs[i];
			uint64_t offset = (uint64_t)i * slot;

			check(t->ret == 0);
			if (t->req.op == BLOCK_READ)
				check(!memcmp(t->data, model + offset, t->iov[0].iov_len));
			free(t->data);
		}
	}
	/* all of it, in one request larger than a bounce buffer */
	for (int odd = 0; odd < 2; odd++) {
		struct test_request t;

		set_up(&t, BLOCK_READ, 0, SIZE, odd);
		block_submit(block, &t.req);
		block_drain(block);
		check(t.ret == 0 && !memcmp(t.data, model, SIZE));
		free(t.data);
	}
	close_block(block);
	free(model);
}

static void ring(void)
{
	against_model(false, false);
}

static void ring_direct(void)
{
	against_model(true, false);
}

static void worker(void)
{
	against_model(false, true);
}

static void worker_direct(void)
{
	against_model(true, true);
}

/* A chain: each completion submits the next request. */
static struct block *chain_block;
static unsigned int chain_left;

static void chain_done(struct block_request *req, int ret)
{
	check(ret == 0);
	if (!chain_left--)
		return;
	req->op = BLOCK_FLUSH;
	block_submit(chain_block, req);
	block_kick(chain_block);
}

static void chain(void)
{
	struct block_request req = { .op = BLOCK_FLUSH, .done = chain_done };

	chain_block = open_fd(disk_file(4096), false, false);
	chain_left = 1000;
	block_submit(chain_block, &req);
	block_drain(chain_block);
	check(chain_left == (unsigned int)-1);
	close_block(chain_block);
}

static void zeros(void)
{
	int fd = disk_file(SIZE);
	struct block *block = open_fd(fd, false, false);
	uint8_t *data = malloc(SIZE);
	struct stat st;
	blkcnt_t full;

	memset(data, 0x5a, SIZE);
	check(one(block, BLOCK_WRITE, 0, SIZE, data) == 0);
	check(one(block, BLOCK_FLUSH, 0, 0, NULL) == 0);
	check(fstat(fd, &st) == 0);
	full = st.st_blocks;
	check(full >= SIZE / 512);
	check(one(block, BLOCK_DISCARD, 0, SIZE / 2, NULL) == 0);
	check(one(block, BLOCK_ZERO, SIZE / 2, SIZE / 4, NULL) == 0);
	check(one(block, BLOCK_FLUSH, 0, 0, NULL) == 0);
	check(fstat(fd, &st) == 0);
	/* given back by the discard, and the size is what it was */
	check(st.st_blocks <= full / 2 + 64);
	check(st.st_size == SIZE);
	check(one(block, BLOCK_READ, 0, SIZE, data) == 0);
	for (unsigned int i = 0; i < SIZE; i += 511)
		check(data[i] == (i < SIZE / 4 * 3 ? 0 : 0x5a));
	free(data);
	close_block(block);
}

static void odd_sizes(void)
{
	int fd = disk_file(1000);
	struct block *block = open_fd(fd, false, false);
	uint8_t data[1024];
	struct error err;

	check(block_size(block) == 1024);
	memset(data, 0x11, sizeof(data));
	check(pwrite(fd, data, 1000, 0) == 1000);
	check(one(block, BLOCK_READ, 0, 1024, data) == 0);
	check(data[999] == 0x11 && data[1000] == 0 && data[1023] == 0);
	check(block_resize(block, 4096, &err) == 0 && block_size(block) == 4096);
	check(block_resize(block, 1000, &err) == -EINVAL && block_size(block) == 4096);
	check(block_resize(block, 0, &err) == -EINVAL);
	/* somebody cut it behind our back */
	check(ftruncate(fd, 512) == 0);
	check(one(block, BLOCK_READ, 0, 512, data) == 0);
	check(one(block, BLOCK_READ, 512, 512, data) == -EIO);
	close_block(block);
}

static void refusals(void)
{
	struct block_params params = { .option = "--disk", .fd = -1 };
	struct error err;
	int fds[2];

	check(event_loop_init(&loop) == 0);
	params.path = "build/test/none";
	check(!block_open(&params, &loop, &err) && err.code == -ENOENT);
	check(strstr(err.text, "--disk") && strstr(err.text, "build/test/none"));
	params.path = "build/test";
	params.readonly = true;
	check(!block_open(&params, &loop, &err) && strstr(err.text, "neither a file"));
	params.path = "/dev/null";
	check(!block_open(&params, &loop, &err) && strstr(err.text, "neither a file"));
	params.fd = disk_file(0);
	check(!block_open(&params, &loop, &err) && strstr(err.text, "is empty"));
	check(pipe(fds) == 0);
	params.fd = fds[0];
	check(!block_open(&params, &loop, &err) && strstr(err.text, "neither a file"));
	close(fds[1]);
	/* a descriptor for reading is no disk to write on */
	params.fd = open("/proc/self/exe", O_RDONLY);
	params.readonly = false;
	check(!block_open(&params, &loop, &err) && strstr(err.text, "for writing"));
	event_loop_close(&loop);
}

static void locks(void)
{
	char path[] = "build/test/disk.XXXXXX";
	struct block_params params = { .option = "--disk", .path = path, .fd = -1 };
	int fd = mkstemp(path);
	struct block *writer, *reader, *reader2;
	struct error err;

	check(ftruncate(fd, 4096) == 0);
	check(event_loop_init(&loop) == 0);
	writer = block_open(&params, &loop, &err);
	params.readonly = true;
	reader = block_open(&params, &loop, &err);
	reader2 = block_open(&params, &loop, &err);
	if (!check(writer && reader && reader2))
		return;
	check(block_lock(writer, &err) == 0);
	check(block_lock(writer, &err) == 0);
	check(block_lock(reader, &err) == -EBUSY && strstr(err.text, "in use"));
	block_unlock(writer);
	check(block_lock(reader, &err) == 0);
	check(block_lock(reader2, &err) == 0);
	check(block_lock(writer, &err) == -EBUSY);
	block_close(reader);
	block_close(reader2);
	check(block_lock(writer, &err) == 0);
	block_close(writer);
	event_loop_close(&loop);
	close(fd);
	unlink(path);
}

const struct tap_test block_tests[] = {
	{ "io_uring", ring },
	{ "io_uring, direct", ring_direct },
	{ "thread", worker },
	{ "thread, direct", worker_direct },
	{ "submitted by completions", chain },
	{ "discard and zeros", zeros },
	{ "sizes that are odd or change", odd_sizes },
	{ "refusals", refusals },
	{ "locks", locks },
	{ NULL, NULL },
};
