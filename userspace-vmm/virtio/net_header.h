/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a driver may say of a frame it sends (virtio 1.2, 5.1.6.2). Pure.
 */
#ifndef AVMM_VIRTIO_NET_HEADER_H
#define AVMM_VIRTIO_NET_HEADER_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_HEADER	((uint32_t)sizeof(struct virtio_net_hdr_v1))

/*
 * Whether a frame of len bytes with this header is one that a driver with these features sends.
 * What has no meaning is cleared.
 */
bool net_header_ok(struct virtio_net_hdr_v1 *header, uint64_t features, uint64_t len);

#endif /* AVMM_VIRTIO_NET_HEADER_H */
