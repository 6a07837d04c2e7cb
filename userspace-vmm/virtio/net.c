// SPDX-License-Identifier: GPL-2.0
/*
 * Without vhost-net a frame that comes is read into a buffer of ours, because only then we know
 * how many of the driver's buffers it takes; if it does not find enough of them it waits there, and
 * the others wait in the backend. A frame that goes is handed to the backend where it lies.
 */
#include "virtio/net.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/net.h"
#include "core/log.h"
#include "util/iov.h"
#include "virtio/net_header.h"
#include "virtio/vhost.h"

#define RX		0
#define TX		1
#define QUEUES		2
#define QUEUE_SIZE	256
#define PCI_CLASS	0x020000	/* network, Ethernet */
/* mac, status, and what there would be of several queues and an MTU */
#define CONFIG_SIZE	8u
_Static_assert(offsetof(struct virtio_net_config, max_virtqueue_pairs) == CONFIG_SIZE, "config");

#define BIT(n)		(1ULL << (n))
/* What the driver may leave to us, whatever is at the other end. */
#define FEATURES	(BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | \
			 BIT(VIRTIO_NET_F_MRG_RXBUF))

struct virtio_net {
	struct virtio_device vdev;	/* first */
	struct net_backend *backend;
	struct vhost *vhost;		/* NULL: all goes through us */
	bool vhost_runs;
	bool link;			/* the cable is in, as far as set_link says */
	bool gone;			/* nobody is at its other end any more */
	bool link_changed;		/* since our state was saved elsewhere; the driver is to hear */
	bool announce;
	struct virtio_net_config config;	/* vdev.lock */
	struct virtio_net_stats stats;
	struct vq_element elem, first;
	/* the frame that waits for buffers; 0: none */
	size_t held;
	struct virtio_net_hdr_v1 held_header;
	uint8_t frame[NET_FRAME_MAX];
};

static struct virtio_net *to_net(struct virtio_device *vdev)
{
	return (struct virtio_net *)vdev;
}

static bool is_up(const struct virtio_net *net)
{
	return net->link && !net->gone;
}

static void broken(struct virtio_net *net)
{
	virtio_broken(&net->vdev, "a queue is not as it should be");
}

/* ---- to the guest ---- */

/* 5.1.6.4. Returns 1, or 0 if there are too few buffers, or a negative errno. */
static int deliver(struct virtio_net *net)
{
	struct virtqueue *vq = &net->vdev.queues[RX];
	bool mergeable = virtio_has(&net->vdev, VIRTIO_NET_F_MRG_RXBUF);
	uint16_t buffers = 0;
	size_t done = 0;

	do {
		struct vq_element *elem = buffers ? &net->elem : &net->first;
		const struct iovec *in = elem->iov;
		size_t skip = buffers ? 0 : NET_HEADER, part;
		int ret = vring_pop(vq, elem);

		if (ret <= 0) {
			vring_take_back(vq, buffers);
			return ret;
		}
		in += elem->out_num;
		part = net->held - done;
		if (elem->in_len < skip || elem->in_len - skip < part) {
			if (elem->in_len <= skip)
				return -EINVAL;
			part = elem->in_len - skip;
			if (!mergeable) {
				/* it is too large for a driver like this one */
				vring_unpop(vq);
				net->stats.dropped[RX]++;
				return 1;
			}
		}
		iov_from_buf(in, elem->in_num, skip, net->frame + done, part);
		vring_put(vq, elem, skip + part);
		done += part;
		buffers++;
	} while (done < net->held && buffers < vq->num);
	if (done < net->held)
		return -EINVAL;
	net->held_header.num_buffers = buffers;
	iov_from_buf(net->first.iov + net->first.out_num, net->first.in_num, 0, &net->held_header,
		     NET_HEADER);
	/* again: it was not there yet when vring_put() said so */
	vring_wrote(vq, &net->first, NET_HEADER);
	vring_publish(vq);
	net->stats.packets[RX]++;
	net->stats.bytes[RX] += net->held;
	return 1;
}

static void receive(struct virtio_net *net)
{
	struct virtio_device *vdev = &net->vdev;
	unsigned int left = QUEUE_SIZE;
	int ret = 1;

	while (left) {
		if (!net->held) {
			net->held = net->backend->ops->receive(net->backend, &net->held_header,
							       net->frame);
			if (!net->held)
				break;
			if (!is_up(net))
				net->held = 0;
		}
		if (net->held) {
			ret = deliver(net);
			if (ret <= 0)
				break;
			net->held = 0;
		}
		left--;
	}
	virtio_queue_interrupt(vdev, RX);
	if (ret < 0)
		broken(net);
	else if (!left)
		virtio_queue_kick(vdev, RX);
}

/* ---- from the guest ---- */

/* Returns whether the frame may be given back. */
static bool transmit_one(struct virtio_net *net, struct vq_element *elem)
{
	struct virtio_net_hdr_v1 header;
	struct iovec frame[VQ_IOV_MAX];
	unsigned int n;
	int ret = -EINVAL;

	iov_to_buf(elem->iov, elem->out_num, 0, &header, NET_HEADER);
	n = iov_cut(frame, elem->iov, elem->out_num, NET_HEADER, elem->out_len);
	if (is_up(net) &&
	    net_header_ok(&header, net->vdev.features, elem->out_len - NET_HEADER))
		ret = net->backend->ops->send(net->backend, &header, frame, n);
	if (ret == -EAGAIN)
		return false;
	if (ret < 0) {
		net->stats.dropped[TX]++;
	} else {
		net->stats.packets[TX]++;
		net->stats.bytes[TX] += elem->out_len - NET_HEADER;
	}
	return true;
}

static void transmit(struct virtio_net *net)
{
	struct virtio_device *vdev = &net->vdev;
	struct virtqueue *vq = &vdev->queues[TX];
	unsigned int left = QUEUE_SIZE;
	int ret = 0;

	while (left && (ret = vring_pop(vq, &net->elem)) > 0) {
		if (net->elem.out_len <= NET_HEADER) {
			ret = -EINVAL;
			break;
		}
		if (!transmit_one(net, &net->elem)) {
			/* ready() comes when there is room */
			vring_unpop(vq);
			break;
		}
		vring_push(vq, &net->elem, 0);
		left--;
	}
	virtio_queue_interrupt(vdev, TX);
	if (ret < 0)
		broken(net);
	else if (!left)
		virtio_queue_kick(vdev, TX);
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_net *net = to_net(vdev);

	if (q == RX)
		receive(net);
	else
		transmit(net);
}

static void update_status(struct virtio_net *net)
{
	uint16_t status = is_up(net) ? VIRTIO_NET_S_LINK_UP : 0;

	pthread_mutex_lock(&net->vdev.lock);
	net->config.status = status;
	pthread_mutex_unlock(&net->vdev.lock);
}

static void backend_ready(void *opaque, bool up)
{
	struct virtio_net *net = opaque;

	if (!up) {
		virtio_backend_event(&net->vdev, false);
		net->gone = true;
		update_status(net);
		virtio_config_changed(&net->vdev);
		return;
	}
	if (!net->vdev.running || net->vdev.broken || net->vhost_runs)
		return;
	if (net->vdev.queues[RX].memory)
		receive(net);
	if (!net->vdev.broken && net->vdev.queues[TX].memory)
		transmit(net);
}

void virtio_net_set_link(struct virtio_net *net, bool up)
{
	struct device *dev = &net->vdev.dev;
	/* vhost moves frames whatever we think of the link, so it has to begin or end */
	bool restart = net->vhost && net->vdev.running;
	struct error err;

	if (net->link == up)
		return;
	if (restart)
		dev->ops->pause(dev);
	net->link = up;
	update_status(net);
	/* if it cannot go on, the driver is told */
	if (restart)
		dev->ops->resume(dev, &err);
	virtio_config_changed(&net->vdev);
}

/* ---- start and stop ---- */

/*
 * A frame that tells the bridges where the guest is now: a request of RARP (RFC 903) for its own
 * address, as every hypervisor sends it.
 */
static void announce(struct virtio_net *net)
{
	const struct virtio_net_hdr_v1 header = { .flags = 0 };
	uint8_t frame[60] = {
		[12] = 0x80, 0x35,		/* RARP */
		0, 1, 8, 0, 6, 4, 0, 3,		/* Ethernet, IPv4, request reverse */
	};
	struct iovec iov = { frame, sizeof(frame) };

	memset(frame, 0xff, 6);
	memcpy(frame + 6, net->config.mac, 6);
	memcpy(frame + 22, net->config.mac, 6);
	memcpy(frame + 32, net->config.mac, 6);
	net->backend->ops->send(net->backend, &header, &iov, 1);
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct virtio_net *net = to_net(vdev);

	if (net->backend->ops->set_offloads)
		net->backend->ops->set_offloads(net->backend, vdev->features);
	if (net->announce)
		announce(net);
	net->announce = false;
	if (net->link_changed)
		virtio_config_changed(vdev);
	net->link_changed = false;
	if (net->vhost && net->link) {
		int ret = vhost_start(net->vhost, err);

		if (ret < 0)
			return ret;
		ret = vhost_net_set_backend(net->vhost, net->backend->tap);
		if (ret < 0) {
			vhost_stop(net->vhost);
			return error_set(err, ret, "vhost-net does not take the tap device: %s",
					 strerror(-ret));
		}
		net->vhost_runs = true;
	}
	return 0;
}

static void stop(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	if (net->vhost_runs) {
		vhost_net_set_backend(net->vhost, -1);
		vhost_stop(net->vhost);
	}
	net->vhost_runs = false;
	/* a frame more or less is nothing to a network */
	net->held = 0;
}

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (uint8_t *)&to_net(vdev)->config + offset, len);
}

/* ---- state ---- */

/* Only of a link that is down, so that checkpoints of before there was one here are as good. */
static json_t *save(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	return is_up(net) ? json_null() : json_pack("{s:b}", "link", net->link);
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	struct virtio_net *net = to_net(vdev);
	int link = 1, ret = 0;

	if (!json_is_null(state))
		ret = device_unpack(&vdev->dev, err, state, "{s:b}", "link", &link);
	if (ret < 0)
		return ret;
	net->link = link;
	/* the driver knows it as it was there; here somebody else is at its other end */
	net->link_changed = json_is_null(state) != is_up(net);
	update_status(net);
	return 0;
}

/* ---- life ---- */

void virtio_net_get_stats(const struct virtio_net *net, struct virtio_net_stats *stats)
{
	*stats = net->stats;
}

static void destroy(struct virtio_device *vdev)
{
	struct virtio_net *net = to_net(vdev);

	virtio_free(vdev);
	vhost_close(net->vhost);
	if (net->backend)
		net->backend->ops->destroy(net->backend);
	free(net);
}

static const struct virtio_ops ops = {
	.type = "virtio-net", .device_id = VIRTIO_ID_NET, .pci_class = PCI_CLASS,
	.config_read = config_read, .start = start, .stop = stop, .notify = notify,
	.save = save, .load = load, .destroy = destroy,
};

struct virtio_net *virtio_net_of(struct virtio_device *vdev)
{
	return vdev->ops == &ops ? to_net(vdev) : NULL;
}

static struct net_backend *open_backend(const struct net_config *config, struct event_loop *loop,
					struct error *err)
{
	switch (config->kind) {
	case NET_TAP:
		return net_tap_open(config->ifname, -1, loop, err);
	case NET_FD:
		return net_tap_open(NULL, config->fd, loop, err);
	default:
		return config->socket ?
			net_stream_connect(config->socket, loop, err) :
			net_passt_open(config->tcp, config->udp, loop, err);
	}
}

static void close_given(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int open_vhost(struct virtio_net *net, const struct net_config *config, struct error *err)
{
	struct error why;

	if (config->vhost == NET_VHOST_OFF || net->backend->tap < 0) {
		close_given(config->vhost_fd);
		if (config->vhost == NET_VHOST_ON)
			return error_set(err, -EINVAL, "--net: vhost=on needs a tap device with "
					 "IFF_VNET_HDR");
		return 0;
	}
	net->vhost = vhost_open(&net->vdev, "/dev/vhost-net", config->vhost_fd, RX, QUEUES, &why);
	if (net->vhost)
		return 0;
	if (config->vhost == NET_VHOST_ON) {
		*err = why;
		return why.code;
	}
	log_verbose("%s: %s; frames go through the VMM", net->vdev.dev.id, why.text);
	return 0;
}

struct virtio_device *virtio_net_create(struct machine *machine, const struct net_config *config,
					bool incoming, struct error *err)
{
	struct virtio_net *net = calloc(1, sizeof(*net));

	if (!net || virtio_init(&net->vdev, &ops, config->id, QUEUES, QUEUE_SIZE, CONFIG_SIZE,
				FEATURES, machine, err) < 0) {
		if (!net)
			error_set(err, -ENOMEM, "--net: no memory");
		close_given(config->fd);
		close_given(config->vhost_fd);
		free(net);
		return NULL;
	}
	net->backend = open_backend(config, net->vdev.loop, err);
	if (!net->backend)
		close_given(config->vhost_fd);
	if (!net->backend || open_vhost(net, config, err) < 0) {
		destroy(&net->vdev);
		return NULL;
	}
	net->vdev.host_features |= net->backend->features;
	net->backend->ready = backend_ready;
	net->backend->opaque = net;
	net->link = true;
	net->announce = incoming;
	net->config.status = VIRTIO_NET_S_LINK_UP;
	memcpy(net->config.mac, config->mac, sizeof(net->config.mac));
	return &net->vdev;
}
