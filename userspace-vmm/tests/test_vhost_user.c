// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "machine/virt.h"
#include "tests/fake_irq.h"
#include "tests/tap.h"
#include "util/unix_socket.h"
#include "virtio/mmio.h"
#include "virtio/vhost_user.h"
#include "virtio/vhost_user_message.h"

#define MS	20

struct wire {
	uint32_t request, flags, size;
};

static int pair[2];

static void open_pair(void)
{
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static void sends(void)
{
	struct vu_vring_state state = { 7, 256 };
	uint8_t buf[64], control[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const struct wire *wire = (const struct wire *)buf;
	struct cmsghdr *cmsg;
	struct stat a, b;
	int fd;

	open_pair();
	check(vu_send(pair[0], VU_SET_VRING_NUM, VU_FLAG_NEED_REPLY, &state, sizeof(state),
		      pair[0], MS) == 0);
	check(recvmsg(pair[1], &msg, 0) == 20);
	check(wire->request == VU_SET_VRING_NUM && wire->flags == (1 | 8) && wire->size == 8);
	check(!memcmp(buf + 12, &state, sizeof(state)));
	cmsg = CMSG_FIRSTHDR(&msg);
	if (check(cmsg && cmsg->cmsg_type == SCM_RIGHTS)) {
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		check(fstat(fd, &a) == 0 && fstat(pair[0], &b) == 0 && a.st_ino == b.st_ino);
		close(fd);
	}
	/* nobody reads: it does not wait for ever, nor for one that is gone */
	for (int i = 0; i < 100000; i++)
		if (vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -ETIMEDOUT)
			break;
	check(vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -ETIMEDOUT);
	close(pair[1]);
	check(vu_send(pair[0], VU_SET_OWNER, 0, NULL, 0, -1, MS) == -EPIPE);
	close(pair[0]);
}

/* What the other side answers to GET_FEATURES with 8 bytes */
static int answer(const void *bytes, size_t len, uint64_t *value)
{
	int ret;

	open_pair();
	check(write(pair[1], bytes, len) == (ssize_t)len);
	ret = vu_receive(pair[0], VU_GET_FEATURES, value, sizeof(*value), NULL, MS);
	close_pair();
	return ret;
}

static void answers(void)
{
	/* no padding before the payload, so it is written in two parts */
	uint8_t good[20], bad[20];
	const uint32_t header[] = { VU_GET_FEATURES, 1 | 4, 8 };
	uint64_t value = 0x1122334455667788;

	memcpy(good, header, 12);
	memcpy(good + 12, &value, 8);
	value = 0;
	check(answer(good, 20, &value) == 0 && value == 0x1122334455667788);
	/* too little, and then nothing more */
	check(answer(good, 0, &value) == -ETIMEDOUT);
	check(answer(good, 11, &value) == -ETIMEDOUT);
	check(answer(good, 19, &value) == -ETIMEDOUT);
	for (unsigned int word = 0; word < 3; word++) {
		static const uint32_t lies[3][3] = {
			{ 0, VU_GET_CONFIG, 0xffffffff },	/* another request */
			{ 1, 4, 2 | 4 },			/* no answer, no or another version */
			{ 0, 9, 0xffffffff },			/* another size */
		};

		for (unsigned int i = 0; i < 3; i++) {
			memcpy(bad, good, sizeof(bad));
			memcpy(bad + 4 * word, &lies[word][i], 4);
			check(answer(bad, 20, &value) == -EPROTO);
		}
	}
	open_pair();
	close(pair[1]);
	check(vu_receive(pair[0], VU_GET_FEATURES, &value, sizeof(value), NULL, MS) == -EPIPE);
	close(pair[0]);
}

/* ---- a daemon that dies, and one that does not come to accept ---- */

#define RAM	0x40000000ULL
#define SIZE	0x10000U
#define MMIO	0x0a000000ULL

static struct vm_config config = { .transport = TRANSPORT_MMIO };
static struct event_loop loop;
static struct memory memory;
static struct machine machine;
static struct error err;
static int listener, connection;
static unsigned int gets, sets;
static ino_t made, given;	/* where the daemon notes what is in flight */

static void reply(uint32_t request, const void *payload, uint32_t size, int fd)
{
	check(vu_send(connection, request, 4, payload, size, fd, 1000) == 0);
}

static void serve_request(const struct wire *wire, const uint8_t *payload, int fd)
{
	uint64_t value = 1ULL << 32 | VU_F_PROTOCOL_FEATURES;
	struct vu_inflight inflight = { .size = 4096, .queues = 1, .queue_size = 256 };
	struct stat st;

	switch (wire->request) {
	case VU_GET_PROTOCOL_FEATURES:
		value = VU_P_CONFIG | VU_P_INFLIGHT;
		/* fall through */
	case VU_GET_FEATURES:
		reply(wire->request, &value, sizeof(value), -1);
		break;
	case VU_GET_CONFIG:
	case VU_GET_VRING_BASE:
		reply(wire->request, payload, wire->size, -1);
		break;
	case VU_GET_INFLIGHT_FD:
		fd = memfd_create("inflight", 0);
		check(fstat(fd, &st) == 0);
		made = st.st_ino;
		gets++;
		reply(wire->request, &inflight, sizeof(inflight), fd);
		break;
	case VU_SET_INFLIGHT_FD:
		check(wire->size == sizeof(inflight) &&
		      !memcmp(payload, &inflight, sizeof(inflight)) && fstat(fd, &st) == 0);
		given = st.st_ino;
		sets++;
		break;
	}
	if (fd >= 0)
		close(fd);
}

/* Serves one connection until it ends, or until queue 0 is kicked off. */
static void *serve_one(void *opaque)
{
	struct wire wire;

	connection = accept(listener, NULL, NULL);
	do {
		uint8_t payload[256], control[64];
		struct iovec iov = { &wire, sizeof(wire) };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *cmsg;
		int fd = -1;

		if (recvmsg(connection, &msg, MSG_WAITALL) != sizeof(wire))
			break;
		cmsg = CMSG_FIRSTHDR(&msg);
		if (cmsg)
			memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
		if (wire.size && recv(connection, payload, wire.size, MSG_WAITALL) < 0)
			break;
		serve_request(&wire, payload, fd);
	} while (wire.request != VU_SET_VRING_ENABLE);
	return opaque;
}

static int64_t milliseconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Runs the loop so long, or until sets is as many. Returns the longest that a turn took. */
static int64_t run(int64_t ms, unsigned int until)
{
	int64_t end = milliseconds() + ms, longest = 0, left;

	while (sets < until && (left = end - milliseconds()) > 0) {
		struct pollfd p = { .fd = loop.epoll, .events = POLLIN };
		int64_t before;

		if (poll(&p, 1, left < 20 ? left : 20) < 1)
			continue;
		before = milliseconds();
		event_loop_once(&loop);
		if (milliseconds() - before > longest)
			longest = milliseconds() - before;
	}
	return longest;
}

static void wr(uint64_t offset, uint64_t value)
{
	struct mmio_access a = { .addr = MMIO + offset, .len = 4, .write = true, .data = value };

	mmio_access(&machine.bus, &a);
}

static void set_up(void)
{
	fake_irq_reset();
	check(event_loop_init(&loop) == 0);
	memory = (struct memory) {
		.base = RAM, .size = SIZE, .fd = memfd_create("ram", MFD_CLOEXEC),
	};
	check(ftruncate(memory.fd, SIZE) == 0);
	memory.host = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, 0);
	machine.loop = &loop;
	machine.memory = &memory;
	machine.config = &config;
	machine.vm = -1;
	check(pci_host_init(&machine.pci, &loop, &machine.bus, &err) == 0);
}

static void driver(void)
{
	wr(0x24, 1);
	wr(0x20, 1);
	wr(0x70, 11);
	wr(0x30, 0);
	wr(0x38, 16);
	wr(0x80, RAM);
	wr(0x84, RAM >> 32);
	wr(0x90, RAM + 0x400);
	wr(0xa0, RAM + 0x800);
	wr(0x44, 1);
	wr(0x70, 15);
}

static void comes_back(void)
{
	char path[] = "/tmp/avmm-vhost-XXXXXX";
	struct disk_config disk = { .id = (char *)"vu0", .socket = path, .queues = 1, .fd = -1 };
	struct virtio_device *vdev;
	pthread_t thread;
	int waiting[16], n;

	set_up();
	close(mkstemp(path));
	unlink(path);
	listener = unix_listen("--disk", path, &err);
	check(fcntl(listener, F_SETFL, 0) == 0);
	pthread_create(&thread, NULL, serve_one, NULL);
	vdev = vhost_user_blk_create(&machine, &disk, &err);
	if (!check(vdev && virtio_mmio_plug(&machine, vdev, &err) == 0))
		return;
	driver();
	pthread_join(thread, NULL);
	check(gets == 1 && sets == 1 && given == made);
	/* it dies, and so many wait for the next one that there is no place */
	close(connection);
	for (n = 0; n < 16; n++) {
		waiting[n] = unix_connect("test", path, false, &err);
		if (waiting[n] < 0)
			break;
	}
	check(n > 0 && err.code == -EAGAIN);
	check(run(1300, ~0U) < 500);
	/* there is a place, and still nobody answers */
	for (int i = 0; i < n; i++) {
		close(accept(listener, NULL, NULL));
		close(waiting[i]);
	}
	check(run(2300, ~0U) < 500);
	check(gets == 1 && sets == 1);
	/* what its predecessor has noted is what it gets */
	given = 0;
	pthread_create(&thread, NULL, serve_one, NULL);
	run(5000, 2);
	pthread_join(thread, NULL);
	check(gets == 1 && sets == 2 && given == made);
	close(connection);
	close(listener);
	vdev->dev_ops.destroy(&vdev->dev);
	event_loop_close(&loop);
	munmap(memory.host, SIZE);
	close(memory.fd);
	unlink(path);
}

const struct tap_test vhost_user_tests[] = {
	{ "what is sent", sends },
	{ "what is answered", answers },
	{ "a daemon that comes back", comes_back },
	{ NULL, NULL },
};
