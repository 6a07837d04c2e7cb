/* SPDX-License-Identifier: GPL-2.0 */
/*
 * virtio over MMIO, version 2 (virtio 1.2, 4.2): a frame of registers and one edge-triggered SPI
 * for each device.
 */
#ifndef AVMM_VIRTIO_MMIO_H
#define AVMM_VIRTIO_MMIO_H

#include "virtio/virtio.h"

/* Gives it the next free frame. Before the first power-on. */
int virtio_mmio_plug(struct machine *machine, struct virtio_device *vdev, struct error *err);

#endif /* AVMM_VIRTIO_MMIO_H */
