// SPDX-License-Identifier: GPL-2.0
#include "virtio/net_header.h"

#include "backend/net.h"

#define ETH_HEADER	14

static bool has(uint64_t features, unsigned int bit)
{
	return features >> bit & 1;
}

bool net_header_ok(struct virtio_net_hdr_v1 *header, uint64_t features, uint64_t len)
{
	uint8_t gso = header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	bool csum = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (len < ETH_HEADER || len > NET_FRAME_MAX)
		return false;
	if (header->gso_type & VIRTIO_NET_HDR_GSO_ECN && !has(features, VIRTIO_NET_F_HOST_ECN))
		return false;
	/* a segment has a checksum to be made */
	if (!(gso == VIRTIO_NET_HDR_GSO_NONE ||
	      (gso == VIRTIO_NET_HDR_GSO_TCPV4 && has(features, VIRTIO_NET_F_HOST_TSO4)) ||
	      (gso == VIRTIO_NET_HDR_GSO_TCPV6 && has(features, VIRTIO_NET_F_HOST_TSO6))))
		return false;
	if (gso != VIRTIO_NET_HDR_GSO_NONE && (!csum || !header->gso_size))
		return false;
	if (csum && (!has(features, VIRTIO_NET_F_CSUM) ||
		     (uint32_t)header->csum_start + header->csum_offset + 2 > len))
		return false;
	header->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (!csum)
		header->csum_start = header->csum_offset = 0;
	if (gso == VIRTIO_NET_HDR_GSO_NONE)
		header->gso_type = header->gso_size = 0;
	/* a hint, 5.1.6.2.2 */
	if (gso == VIRTIO_NET_HDR_GSO_NONE || header->hdr_len > len)
		header->hdr_len = 0;
	header->num_buffers = 0;
	return true;
}
