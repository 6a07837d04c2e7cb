/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Consoles (hvc0, hvc1, ...) and named ports (virtio 1.2, 5.3): one device with as many ports as
 * the configuration has.
 */
#ifndef AVMM_VIRTIO_CONSOLE_H
#define AVMM_VIRTIO_CONSOLE_H

#include "backend/console.h"
#include "virtio/virtio.h"

struct virtio_device *virtio_console_create(struct machine *machine, const char *id,
					    const struct chardev_config *ports, size_t n,
					    struct error *err);

/* The other ends, in the order of the configuration. NULL: no such port, or another device. */
struct console *virtio_console_port(struct virtio_device *vdev, size_t i);

#endif /* AVMM_VIRTIO_CONSOLE_H */
