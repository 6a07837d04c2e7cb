// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers in comments are sections of virtio 1.2. What is to be said over the control queue is a
 * set of bits in each port, so that no driver can make us remember more than that.
 */
#include "virtio/console.h"

#include <errno.h>
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>

#include "util/iov.h"

#define QUEUE_SIZE	64
#define PORTS_MAX	31
#define PCI_CLASS	0x078000	/* communication, other */

/* 5.3.2: port 0 has the first two queues, the control queues come next, then the other ports. */
#define CONTROL_RX	2
#define CONTROL_TX	3
#define PORT_RX(i)	((i) ? 2 * (i) + 2 : 0)
#define PORT_TX(i)	(PORT_RX(i) + 1)

/* Events that wait for a buffer, in the order in which they go out. */
enum {
	SAY_ADD		= 1 << 0,
	SAY_CONSOLE	= 1 << 1,
	SAY_NAME	= 1 << 2,
	SAY_OPEN	= 1 << 3,
	SAY_CLOSED	= 1 << 4,
};

struct port {
	struct virtio_console *console;
	unsigned int index;
	const char *name;		/* NULL: it is a console */
	struct console other;	/* end */
	unsigned int say;
	bool ready;			/* the driver has it */
	bool open;			/* a program in the guest has it open */
	uint64_t sent;			/* bytes of the first element in the queue that are gone */
};

struct virtio_console {
	struct virtio_device vdev;	/* first */
	struct virtio_console_config config;	/* constant */
	struct vq_element elem;
	bool started;			/* the other ends are listened to */
	unsigned int nports;
	struct port ports[];
};

static struct virtio_console *to_console(struct virtio_device *vdev)
{
	return (struct virtio_console *)vdev;
}

static bool usable(const struct virtio_console *console, unsigned int q)
{
	return console->vdev.running && !console->vdev.broken && console->vdev.queues[q].memory;
}

static void broken(struct virtio_console *console)
{
	virtio_broken(&console->vdev, "a queue is not as it should be");
}

/* ---- control, 5.3.6.2 ---- */

static bool multiport(const struct virtio_console *console)
{
	return virtio_has(&console->vdev, VIRTIO_CONSOLE_F_MULTIPORT);
}

/* The next message for this port. Returns its bit. */
static unsigned int next_message(const struct port *port, struct virtio_console_control *message)
{
	static const struct {
		uint16_t event, value;
	} messages[] = {
		{ VIRTIO_CONSOLE_PORT_ADD, 1 }, { VIRTIO_CONSOLE_CONSOLE_PORT, 1 },
		{ VIRTIO_CONSOLE_PORT_NAME, 1 }, { VIRTIO_CONSOLE_PORT_OPEN, 1 },
		{ VIRTIO_CONSOLE_PORT_OPEN, 0 },
	};
	unsigned int bit = __builtin_ctz(port->say);

	*message = (struct virtio_console_control) {
		.id = port->index, .event = messages[bit].event, .value = messages[bit].value,
	};
	return 1u << bit;
}

static int say(struct virtio_console *console, struct port *port)
{
	struct virtqueue *vq = &console->vdev.queues[CONTROL_RX];
	/* of our own: a client may go while console->elem is on its way to it */
	struct vq_element elem;

	while (port->say) {
		struct virtio_console_control message;
		size_t len = sizeof(message), name = 0;
		unsigned int bit;
		int ret = vring_pop(vq, &elem);

		if (ret <= 0)
			return ret;
		bit = next_message(port, &message);
		/* without a terminating zero, 5.3.6.2 */
		if (bit == SAY_NAME)
			name = strlen(port->name);
		if (elem.in_len < len + name)
			return -EINVAL;
		iov_from_buf(elem.iov + elem.out_num, elem.in_num, 0, &message, len);
		iov_from_buf(elem.iov + elem.out_num, elem.in_num, len, port->name, name);
		vring_push(vq, &elem, len + name);
		port->say &= ~bit;
	}
	return 1;
}

static void say_all(struct virtio_console *console)
{
	int ret = 1;

	if (!usable(console, CONTROL_RX))
		return;
	for (unsigned int i = 0; i < console->nports && ret > 0; i++)
		ret = say(console, &console->ports[i]);
	virtio_queue_interrupt(&console->vdev, CONTROL_RX);
	if (ret < 0)
		broken(console);
}

static void take_message(struct virtio_console *console,
			 const struct virtio_console_control *message)
{
	struct port *port;

	if (message->event == VIRTIO_CONSOLE_DEVICE_READY) {
		for (unsigned int i = 0; i < console->nports && message->value; i++) {
			console->ports[i].say = SAY_ADD;
			console->ports[i].ready = false;
			console->ports[i].open = false;
		}
		return;
	}
	if (message->id >= console->nports)
		return;
	port = &console->ports[message->id];
	switch (message->event) {
	case VIRTIO_CONSOLE_PORT_READY:
		port->ready = message->value;
		if (!port->ready)
			break;
		/* a console is open whoever is there, as a serial line is */
		port->say = port->name ? SAY_NAME : SAY_CONSOLE;
		if (!port->name || port->other.connected)
			port->say |= SAY_OPEN;
		break;
	case VIRTIO_CONSOLE_PORT_OPEN:
		port->open = message->value;
		console_can_receive(&port->other);
		break;
	}
}

static void take_messages(struct virtio_console *console)
{
	struct virtqueue *vq = &console->vdev.queues[CONTROL_TX];
	unsigned int left = QUEUE_SIZE;
	int ret = 0;

	while (left && (ret = vring_pop(vq, &console->elem)) > 0) {
		struct virtio_console_control message;

		/* one that is too short is none */
		if (iov_to_buf(console->elem.iov, console->elem.out_num, 0, &message,
			       sizeof(message)) == sizeof(message))
			take_message(console, &message);
		vring_push(vq, &console->elem, 0);
		left--;
	}
	virtio_queue_interrupt(&console->vdev, CONTROL_TX);
	say_all(console);
	if (ret < 0)
		broken(console);
	else if (!left)
		virtio_queue_kick(&console->vdev, CONTROL_TX);
}

/* ---- data ---- */

static size_t receive(void *opaque, const uint8_t *data, size_t len)
{
	struct port *port = opaque;
	struct virtio_console *console = port->console;
	unsigned int q = PORT_RX(port->index);
	struct virtqueue *vq = &console->vdev.queues[q];
	size_t done = 0;
	int ret = 0;

	if (!usable(console, q) || (multiport(console) && !port->open))
		return 0;
	while (done < len && (ret = vring_pop(vq, &console->elem)) > 0) {
		size_t n = iov_from_buf(console->elem.iov + console->elem.out_num,
					console->elem.in_num, 0, data + done, len - done);

		vring_push(vq, &console->elem, n);
		done += n;
		if (!n) {
			ret = -EINVAL;
			break;
		}
	}
	virtio_queue_interrupt(&console->vdev, q);
	if (ret < 0)
		broken(console);
	return done;
}

/* Hands on what is left of one element. Returns whether that was all. */
static bool send_element(struct port *port, const struct vq_element *elem)
{
	uint8_t buf[RING_SIZE];
	size_t n;

	do {
		n = iov_to_buf(elem->iov, elem->out_num, port->sent, buf, sizeof(buf));
		n = console_write(&port->other, buf, n);
		port->sent += n;
	} while (n);
	if (port->sent < elem->out_len)
		return false;
	port->sent = 0;
	return true;
}

static void transmit(struct port *port)
{
	struct virtio_console *console = port->console;
	unsigned int q = PORT_TX(port->index), left = QUEUE_SIZE;
	struct virtqueue *vq = &console->vdev.queues[q];
	int ret = 0;

	if (!usable(console, q))
		return;
	while (left && (ret = vring_pop(vq, &console->elem)) > 0) {
		if (!send_element(port, &console->elem)) {
			/* sent() comes when there is room */
			vring_unpop(vq);
			break;
		}
		vring_push(vq, &console->elem, 0);
		left--;
	}
	virtio_queue_interrupt(&console->vdev, q);
	if (ret < 0)
		broken(console);
	else if (!left)
		virtio_queue_kick(&console->vdev, q);
}

static void sent(void *opaque)
{
	struct port *port = opaque;

	/* in a turn of its own: we may be on the stack */
	if (port->console->vdev.running)
		virtio_queue_kick(&port->console->vdev, PORT_TX(port->index));
}

static void connected(void *opaque, bool yes)
{
	struct port *port = opaque;

	if (!port->name || !port->ready)
		return;
	port->say &= ~(SAY_OPEN | SAY_CLOSED);
	port->say |= yes ? SAY_OPEN : SAY_CLOSED;
	say_all(port->console);
}

static void notify(struct virtio_device *vdev, unsigned int q)
{
	struct virtio_console *console = to_console(vdev);
	unsigned int i = q < 2 ? 0 : q / 2 - 1;

	if (q == CONTROL_RX)
		say_all(console);
	else if (q == CONTROL_TX)
		take_messages(console);
	else if (q & 1)
		transmit(&console->ports[i]);
	else
		console_can_receive(&console->ports[i].other);
}

static int start(struct virtio_device *vdev, struct error *err)
{
	struct virtio_console *console = to_console(vdev);
	int ret = 0;

	for (unsigned int i = 0; i < console->nports && ret == 0 && !console->started; i++)
		ret = console_start(&console->ports[i].other, err);
	console->started = true;
	return ret;
}

/* What of an element is gone and what is to be said is of the driver that was there. */
static void reset(struct virtio_device *vdev)
{
	struct virtio_console *console = to_console(vdev);

	for (unsigned int i = 0; i < console->nports; i++) {
		console->ports[i].say = 0;
		console->ports[i].ready = false;
		console->ports[i].open = false;
		console->ports[i].sent = 0;
	}
}

static void config_read(struct virtio_device *vdev, uint32_t offset, void *buf, uint32_t len)
{
	memcpy(buf, (uint8_t *)&to_console(vdev)->config + offset, len);
}

/* ---- state ---- */

static json_t *save(struct virtio_device *vdev)
{
	struct virtio_console *console = to_console(vdev);
	json_t *ports = json_array();

	for (unsigned int i = 0; ports && i < console->nports; i++) {
		const struct port *port = &console->ports[i];
		json_t *one = json_pack("{s:i, s:b, s:b, s:I}", "say", port->say, "ready",
					port->ready, "open", port->open, "sent",
					(json_int_t)port->sent);

		if (!one || json_array_append_new(ports, one) < 0) {
			json_decref(ports);
			ports = NULL;
		}
	}
	return ports ? json_pack("{s:o}", "ports", ports) : NULL;
}

static int load(struct virtio_device *vdev, json_t *state, struct error *err)
{
	struct virtio_console *console = to_console(vdev);
	json_t *ports;
	int ret = device_unpack(&vdev->dev, err, state, "{s:o}", "ports", &ports);

	if (ret < 0)
		return ret;
	if (!json_is_array(ports) || json_array_size(ports) != console->nports)
		return error_set(err, -EINVAL, "%s: it has %u ports here", vdev->dev.id,
				 console->nports);
	for (unsigned int i = 0; i < console->nports; i++) {
		struct port *port = &console->ports[i];
		int bits, ready, open;
		json_int_t gone;

		ret = device_unpack(&vdev->dev, err, json_array_get(ports, i),
				    "{s:i, s:b, s:b, s:I}", "say", &bits, "ready", &ready,
				    "open", &open, "sent", &gone);
		if (ret < 0)
			return ret;
		port->say = bits & (2 * SAY_CLOSED - 1);
		if (!port->name)
			port->say &= ~SAY_NAME;
		port->ready = ready;
		port->open = open;
		port->sent = gone;
		/* the other end is another one, and perhaps not there */
		if (port->name && ready)
			port->say |= port->other.connected ? SAY_OPEN : SAY_CLOSED;
	}
	return 0;
}

/* ---- life ---- */

static void destroy(struct virtio_device *vdev)
{
	struct virtio_console *console = to_console(vdev);

	virtio_free(vdev);
	for (unsigned int i = 0; i < console->nports; i++)
		console_close(&console->ports[i].other);
	free(console);
}

static const struct virtio_ops ops = {
	.type = "virtio-console", .device_id = VIRTIO_ID_CONSOLE, .pci_class = PCI_CLASS,
	.config_read = config_read, .start = start, .reset = reset, .notify = notify,
	.save = save, .load = load, .destroy = destroy,
};

struct console *virtio_console_port(struct virtio_device *vdev, size_t i)
{
	if (vdev->ops != &ops || i >= to_console(vdev)->nports)
		return NULL;
	return &to_console(vdev)->ports[i].other;
}

struct virtio_device *virtio_console_create(struct machine *machine, const char *id,
					    const struct chardev_config *ports, size_t n,
					    struct error *err)
{
	struct virtio_console *console;

	if (n > PORTS_MAX) {
		error_set(err, -E2BIG, "--console: there can be at most %d", PORTS_MAX);
		return NULL;
	}
	console = calloc(1, sizeof(*console) + n * sizeof(console->ports[0]));
	if (!console) {
		error_set(err, -ENOMEM, "--console: no memory");
		return NULL;
	}
	if (virtio_init(&console->vdev, &ops, id, 2 * n + 2, QUEUE_SIZE, sizeof(console->config),
			1ULL << VIRTIO_CONSOLE_F_MULTIPORT, machine, err) < 0) {
		free(console);
		return NULL;
	}
	console->config.max_nr_ports = n;
	for (; console->nports < n; console->nports++) {
		struct port *port = &console->ports[console->nports];
		const struct console_guest guest = {
			.opaque = port, .receive = receive, .sent = sent, .connected = connected,
		};

		port->console = console;
		port->index = console->nports;
		port->name = ports[port->index].name;
		if (console_open(&port->other, console->vdev.loop, &guest, "--console",
				 &ports[port->index], err) < 0) {
			destroy(&console->vdev);
			return NULL;
		}
	}
	return &console->vdev;
}
