/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages of the vhost-user protocol, one request and its answer at a time, on a socket. Nothing
 * here knows a device; the unit tests have a back end of their own.
 */
#ifndef AVMM_VIRTIO_VHOST_USER_MESSAGE_H
#define AVMM_VIRTIO_VHOST_USER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_GET_CONFIG = 24,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
};

#define VU_F_LOG_ALL		(1ULL << 26)
#define VU_F_PROTOCOL_FEATURES	(1ULL << 30)
/* of the protocol */
#define VU_P_MQ			(1ULL << 0)
#define VU_P_LOG_SHMFD		(1ULL << 1)
#define VU_P_REPLY_ACK		(1ULL << 3)
#define VU_P_CONFIG		(1ULL << 9)
#define VU_P_INFLIGHT		(1ULL << 12)

struct vu_vring_state { uint32_t index, num; };
struct vu_vring_addr { uint32_t index, flags; uint64_t desc, used, avail, log; };
struct vu_log { uint64_t size, offset; };
struct vu_memory { uint32_t n, padding; struct { uint64_t guest, size, user, offset; } region; };
struct vu_inflight { uint64_t size, offset; uint16_t queues, queue_size; uint32_t padding; };
struct vu_config { uint32_t offset, size, flags; uint8_t data[256]; };
#define VU_CONFIG_HEADER	12

#define VU_ADDR_F_LOG		1
#define VU_NO_FD		0x100	/* in the index of SET_VRING_KICK and _CALL */
#define VU_PAYLOAD_MAX		512

/*
 * Both return 0 or a negative errno, after which the connection is of no use. fd: goes along; -1:
 * none. Waits for ms at most.
 */
int vu_send(int socket, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	    int fd, int ms);
/* The answer to this request, of exactly this size. fd: that which comes along, or -1; NULL: none may. */
int vu_receive(int socket, uint32_t request, void *payload, uint32_t size, int *fd, int ms);

#define VU_FLAG_NEED_REPLY	8

#endif /* AVMM_VIRTIO_VHOST_USER_MESSAGE_H */
