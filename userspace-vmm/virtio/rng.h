/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entropy for the guest (virtio 1.2, 5.4), from the host's getrandom(2).
 */
#ifndef AVMM_VIRTIO_RNG_H
#define AVMM_VIRTIO_RNG_H

#include "virtio/virtio.h"

struct virtio_device *virtio_rng_create(struct machine *machine, const char *id, struct error *err);

#endif /* AVMM_VIRTIO_RNG_H */
