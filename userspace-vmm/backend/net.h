/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is at the other end of a network card's cable. All on the main thread; nothing blocks.
 */
#ifndef AVMM_BACKEND_NET_H
#define AVMM_BACKEND_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "core/error.h"
#include "core/event_loop.h"

struct net_backend;

/* The largest frame: 64 KiB of what TSO makes, and its Ethernet header */
#define NET_FRAME_MAX	(65536 + 32)

struct net_backend_ops {
	/* -EAGAIN: not now, ready() tells when. Whatever else happens, the frame is gone. */
	int (*send)(struct net_backend *net, const struct virtio_net_hdr_v1 *header,
		    const struct iovec *frame, unsigned int n);
	/* Length of the frame, at most NET_FRAME_MAX; 0: there is none, ready() tells when. */
	ssize_t (*receive)(struct net_backend *net, struct virtio_net_hdr_v1 *header, void *frame);
	/* Which of VIRTIO_NET_F_GUEST_* the receiver takes. NULL: none was offered. */
	void (*set_offloads)(struct net_backend *net, uint64_t features);
	void (*destroy)(struct net_backend *net);
};

struct net_backend {
	const struct net_backend_ops *ops;
	uint64_t features;	/* VIRTIO_NET_F_*: what it does to checksums and segments */
	int tap;		/* for vhost-net; -1: it is no tap device */
	/* The card's: there is something to receive, or room to send, or it hangs (up is false). */
	void (*ready)(void *opaque, bool up);
	void *opaque;
};

/* ifname: of a device that exists, or that we may create. fd: of one that is open; else -1. */
struct net_backend *net_tap_open(const char *ifname, int fd, struct event_loop *loop,
				 struct error *err);

/*
 * Starts passt(1), which is the guest's way out without any privilege. tcp, udp: ports that it
 * forwards from the host to the guest; NULL: none.
 */
struct net_backend *net_passt_open(const char *tcp, const char *udp, struct event_loop *loop,
				   struct error *err);
/* One that somebody else started, and that listens there */
struct net_backend *net_stream_connect(const char *path, struct event_loop *loop,
				       struct error *err);

#endif /* AVMM_BACKEND_NET_H */
