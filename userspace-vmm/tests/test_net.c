// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net_stream.h"
#include "tests/tap.h"
#include "util/process.h"
#include "virtio/net_header.h"

/* Frames of all lengths through a stream that comes in pieces of all lengths. */
static void stream(void)
{
	static struct net_stream s;
	static uint8_t wire[3 * (NET_STREAM_HEADER + NET_FRAME_MAX)], frame[NET_FRAME_MAX];
	static const uint32_t lens[] = { 1, 60, 1514, NET_FRAME_MAX, 2, NET_FRAME_MAX };
	size_t total = 0, given = 0, taken = 0;

	for (unsigned int i = 0; i < 6; i++) {
		uint32_t prefix = htonl(lens[i]);

		memcpy(wire + total, &prefix, 4);
		memset(wire + total + 4, 'a' + i, lens[i]);
		total += 4 + lens[i];
	}
	while (taken < 6) {
		size_t room, n = 1 + rand() % 5000;
		uint8_t *p = net_stream_room(&s, &room);
		ssize_t len;

		if (!check(room > 0))
			return;
		if (n > room)
			n = room;
		if (n > total - given)
			n = total - given;
		memcpy(p, wire + given, n);
		s.end += n;
		given += n;
		while ((len = net_stream_take(&s, frame)) > 0) {
			check(len == lens[taken] && frame[0] == 'a' + taken &&
			      frame[len - 1] == 'a' + taken);
			taken++;
		}
		check(len == 0);
	}
	check(given == total && s.start == s.end);
}

static void stream_lies(void)
{
	static const uint32_t lies[] = { 0, NET_FRAME_MAX + 1, 0x80000000, 0xffffffff };
	static struct net_stream s;
	static uint8_t frame[NET_FRAME_MAX];

	for (unsigned int i = 0; i < 4; i++) {
		uint32_t prefix = htonl(lies[i]);
		size_t room;

		s.start = s.end = 0;
		memcpy(net_stream_room(&s, &room), &prefix, 4);
		s.end = 3;
		check(net_stream_take(&s, frame) == 0);
		s.end = 4;
		check(net_stream_take(&s, frame) == -EPROTO);
	}
}

static bool ended;

static void note_end(void *opaque)
{
	*(bool *)opaque = true;
}

static void processes(void)
{
	struct process process = { .ended = note_end, .opaque = &ended };
	char *const none[] = { "no-such-program-here", NULL };
	char *const echo[] = { "sh", "-c", "echo $$ >&3; ls /proc/self/fd | wc -l >&3", NULL };
	const char *const programs[] = { "no-such-program-here", "sh", NULL };
	char *const forbidden[] = { "true", NULL };
	char *const stubborn[] = { "sh", "-c", "trap '' TERM; echo up >&3; exec sleep 1000", NULL };
	char text[64] = "";
	struct event_loop loop;
	struct error err;
	int pair[2];
	pid_t pid;
	ssize_t n;

	check(event_loop_init(&loop) == 0);
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	check(launcher_start(programs, &err) == 0);
	check(launcher_confine(-1, 0, &err) == 0);
	check(process_start(&process, none, pair[1], &loop, &err) == -ENOENT);
	check(!process.pid && strstr(err.text, "no-such-program-here"));

	/* it has the socket, four descriptors and the one that ls opens, and its end is seen */
	check(process_start(&process, echo, pair[1], &loop, &err) == 0);
	pid = process.pid;
	while (!ended)
		event_loop_once(&loop);
	n = read(pair[0], text, sizeof(text) - 1);
	check(n > 0 && atoi(text) == pid && strchr(text, '\n') && atoi(strchr(text, '\n')) == 5);
	process_stop(&process);

	ended = false;
	check(process_start(&process, stubborn, pair[1], &loop, &err) == 0);
	pid = process.pid;
	check(read(pair[0], text, 3) == 3);
	process_stop(&process);
	/* the launcher buries it */
	while (kill(pid, 0) == 0)
		usleep(1000);
	check(!ended);
	/* what is none of its programs, it takes for an enemy's word, and goes */
	check(process_start(&process, forbidden, pair[1], &loop, &err) == -EPIPE);
	check(process_start(&process, echo, pair[1], &loop, &err) == -EPIPE);
	launcher_end();
	close(pair[0]);
	close(pair[1]);
	event_loop_close(&loop);
}

#define F(bit)	(1ULL << VIRTIO_NET_F_##bit)
#define ALL	(F(CSUM) | F(HOST_TSO4) | F(HOST_TSO6) | F(HOST_ECN))

static void headers(void)
{
	static const struct {
		struct virtio_net_hdr_v1 header;
		uint64_t features;
		uint64_t len;
		bool ok;
	} rows[] = {
		{ { .flags = 0 }, 0, 60, true },
		{ { .flags = 0 }, 0, 13, false },
		{ { .flags = 0 }, ALL, NET_FRAME_MAX, true },
		{ { .flags = 0 }, ALL, NET_FRAME_MAX + 1, false },
		{ { .flags = 1, .csum_start = 34, .csum_offset = 16 }, F(CSUM), 60, true },
		{ { .flags = 1, .csum_start = 34, .csum_offset = 16 }, 0, 60, false },
		/* the checksum would be behind the end, or wraps */
		{ { .flags = 1, .csum_start = 58, .csum_offset = 1 }, F(CSUM), 60, false },
		{ { .flags = 1, .csum_start = 65535, .csum_offset = 65535 }, F(CSUM), 60, false },
		{ { .flags = 1, .gso_type = 1, .gso_size = 1448, .csum_start = 34 }, ALL, 9000, true },
		{ { .flags = 1, .gso_type = 0x81, .gso_size = 1448 }, ALL, 9000, true },
		{ { .flags = 1, .gso_type = 0x81, .gso_size = 1 }, ALL & ~F(HOST_ECN), 9000, false },
		{ { .flags = 1, .gso_type = 4, .gso_size = 1448 }, ALL, 9000, true },
		{ { .flags = 1, .gso_type = 4, .gso_size = 1 }, ALL & ~F(HOST_TSO6), 9000, false },
		{ { .flags = 1, .gso_type = 1, .gso_size = 0 }, ALL, 9000, false },
		{ { .flags = 0, .gso_type = 1, .gso_size = 1448 }, ALL, 9000, false },
		{ { .flags = 1, .gso_type = 3, .gso_size = 1448 }, ALL, 9000, false },
		{ { .flags = 1, .gso_type = 0x7f, .gso_size = 1448 }, ALL, 9000, false },
	};
	struct virtio_net_hdr_v1 junk;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct virtio_net_hdr_v1 header = rows[i].header;

		if (!check(net_header_ok(&header, rows[i].features, rows[i].len) == rows[i].ok))
			printf("# row %zu\n", i);
	}
	/* what means nothing goes nowhere */
	memset(&junk, 0xff, sizeof(junk));
	junk.flags = 0xfe;
	junk.gso_type = 0;
	check(net_header_ok(&junk, 0, 60));
	check(!junk.flags && !junk.gso_size && !junk.csum_start && !junk.hdr_len &&
	      !junk.num_buffers);
}

const struct tap_test net_tests[] = {
	{ "headers of frames", headers },
	{ "frames in a stream", stream },
	{ "a stream that lies", stream_lies },
	{ "processes", processes },
	{ NULL, NULL },
};
