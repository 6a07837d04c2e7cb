// SPDX-License-Identifier: GPL-2.0
#include "backend/net.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "virtio/vring.h"

struct net_tap {
	struct net_backend net;		/* first */
	struct event_loop *loop;
	struct event_source source;
	bool header;			/* each frame has a virtio_net_hdr_v1 before it */
};

#define BIT(n)	(1ULL << (n))

/* What the kernel does for us if there is a header, and what it can leave to the guest. */
#define SEND_FEATURES	(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | \
			 BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_HOST_ECN))

static const struct {
	unsigned int feature;
	unsigned int tun;
} receive_features[] = {
	{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
	{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
	{ VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
};

static int set_offloads(struct net_tap *tap, uint64_t features)
{
	unsigned long tun = 0;

	for (size_t i = 0; i < sizeof(receive_features) / sizeof(receive_features[0]); i++)
		if (features & BIT(receive_features[i].feature))
			tun |= receive_features[i].tun;
	/* segments without checksums are nothing to the kernel */
	if (!(tun & TUN_F_CSUM))
		tun = 0;
	return ioctl(tap->source.fd, TUNSETOFFLOAD, tun) < 0 ? -errno : 0;
}

static void tap_set_offloads(struct net_backend *net, uint64_t features)
{
	set_offloads((struct net_tap *)net, features);
}

static int tap_send(struct net_backend *net, const struct virtio_net_hdr_v1 *header,
		    const struct iovec *frame, unsigned int n)
{
	struct net_tap *tap = (struct net_tap *)net;
	struct iovec iov[VQ_IOV_MAX + 1];
	unsigned int first = !tap->header;
	ssize_t ret;

	iov[0] = (struct iovec) { (void *)header, sizeof(*header) };
	memcpy(iov + 1, frame, n * sizeof(*frame));
	do {
		ret = writev(tap->source.fd, iov + first, n + 1 - first);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : 0;
}

static ssize_t tap_receive(struct net_backend *net, struct virtio_net_hdr_v1 *header, void *frame)
{
	struct net_tap *tap = (struct net_tap *)net;
	struct iovec iov[] = { { header, sizeof(*header) }, { frame, NET_FRAME_MAX } };
	size_t skip = tap->header ? sizeof(*header) : 0;
	ssize_t ret;

	memset(header, 0, sizeof(*header));
	do {
		ret = readv(tap->source.fd, iov + !tap->header, 1 + tap->header);
	} while (ret < 0 && errno == EINTR);
	return ret > (ssize_t)skip ? ret - (ssize_t)skip : 0;
}

static void tap_ready(void *opaque)
{
	struct net_tap *tap = opaque;

	if (tap->net.ready)
		tap->net.ready(tap->net.opaque, true);
}

static void tap_destroy(struct net_backend *net)
{
	struct net_tap *tap = (struct net_tap *)net;

	event_loop_remove(tap->loop, &tap->source);
	close(tap->source.fd);
	free(tap);
}

static const struct net_backend_ops ops = {
	.send = tap_send, .receive = tap_receive, .set_offloads = tap_set_offloads,
	.destroy = tap_destroy,
};

static int open_interface(const char *ifname, struct error *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd, code;

	if (!*ifname || strlen(ifname) >= IFNAMSIZ)
		return error_set(err, -EINVAL, "--net: '%s' is no name of a network interface",
				 ifname);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, -errno, "--net: cannot open /dev/net/tun: %s",
				 strerror(errno));
	strcpy(ifr.ifr_name, ifname);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return fd;
	code = -errno;
	close(fd);
	if (code == -EBUSY)
		return error_set(err, code, "--net: the tap device %s is in use", ifname);
	if (code == -EPERM)
		return error_set(err, code, "--net: the tap device %s is not ours; make it with "
				 "'ip tuntap add %s mode tap user USER'", ifname, ifname);
	return error_set(err, code, "--net: the tap device %s cannot be opened: %s", ifname,
			 strerror(-code));
}

/* It may be any descriptor; a tap device knows its name. */
static int look_at(struct net_tap *tap, struct error *err)
{
	int size = sizeof(struct virtio_net_hdr_v1);
	int fd = tap->source.fd, flags;
	struct ifreq ifr = { .ifr_flags = 0 };

	if (ioctl(fd, TUNGETIFF, &ifr) < 0 || (ifr.ifr_flags & IFF_TAP) == 0)
		return error_set(err, -EINVAL, "--net: descriptor %d is no tap device", fd);
	if (!(ifr.ifr_flags & IFF_NO_PI))
		return error_set(err, -EINVAL, "--net: the tap device %s was opened without "
				 "IFF_NO_PI", ifr.ifr_name);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_set(err, -errno, "--net: %s: %s", ifr.ifr_name, strerror(errno));
	tap->header = ifr.ifr_flags & IFF_VNET_HDR;
	if (!tap->header)
		return 0;
	if (ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return error_set(err, -errno, "--net: %s: %s", ifr.ifr_name, strerror(errno));
	tap->net.tap = fd;
	tap->net.features = SEND_FEATURES;
	for (size_t i = 0; i < sizeof(receive_features) / sizeof(receive_features[0]); i++)
		tap->net.features |= BIT(receive_features[i].feature);
	/* all or, on kernels of old, none */
	if (set_offloads(tap, tap->net.features) < 0)
		tap->net.features = BIT(VIRTIO_NET_F_CSUM);
	set_offloads(tap, 0);
	return 0;
}

struct net_backend *net_tap_open(const char *ifname, int fd, struct event_loop *loop,
				 struct error *err)
{
	struct net_tap *tap;
	int ret;

	if (fd < 0)
		fd = open_interface(ifname, err);
	if (fd < 0)
		return NULL;
	tap = calloc(1, sizeof(*tap));
	if (!tap) {
		close(fd);
		error_set(err, -ENOMEM, "--net: no memory");
		return NULL;
	}
	tap->net.ops = &ops;
	tap->net.tap = -1;
	tap->loop = loop;
	tap->source = (struct event_source) { .fd = fd, .ready = tap_ready, .opaque = tap };
	ret = look_at(tap, err);
	if (ret == 0) {
		/* told once of each change: what the guest has no room for stays in the device */
		ret = event_loop_add(loop, &tap->source, EPOLLIN | EPOLLOUT | EPOLLET);
		if (ret < 0)
			error_set(err, ret, "--net: the tap device cannot be waited for: %s",
				  strerror(-ret));
	}
	if (ret < 0) {
		tap_destroy(&tap->net);
		return NULL;
	}
	return &tap->net;
}
