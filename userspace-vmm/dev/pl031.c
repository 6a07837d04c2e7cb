// SPDX-License-Identifier: GPL-2.0
#include "dev/pl031.h"

#include <errno.h>

/* Registers, DDI 0224C 3.2 */
#define RTCDR		0x00
#define RTCMR		0x04
#define RTCLR		0x08
#define RTCCR		0x0c
#define RTCIMSC		0x10
#define RTCPERIPHID0	0xfe0

static const uint8_t ids[8] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static uint32_t read_register(const struct pl031 *rtc, uint64_t offset)
{
	switch (offset) {
	case RTCDR:
		return rtc->now() + rtc->offset;
	case RTCMR:
		return rtc->match;
	case RTCLR:
		return rtc->load;
	case RTCCR:
		return 1;	/* 3.3.4: once started it cannot be stopped */
	case RTCIMSC:
		return rtc->mask;
	default:
		if (offset >= RTCPERIPHID0)
			return ids[(offset - RTCPERIPHID0) / 4];
		return 0;	/* RTCRIS and RTCMIS too: there is no alarm */
	}
}

static uint64_t pl031_read(void *dev, uint64_t offset, unsigned int len)
{
	struct pl031 *rtc = dev;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&rtc->lock);
	value = read_register(rtc, offset & ~3ULL) >> 8 * (offset & 3);
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void pl031_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pl031 *rtc = dev;

	(void)len;
	pthread_mutex_lock(&rtc->lock);
	switch (offset) {
	case RTCMR:
		rtc->match = value;
		break;
	case RTCLR:
		rtc->load = value;
		rtc->offset = (uint32_t)value - rtc->now();
		break;
	case RTCIMSC:
		rtc->mask = value & 1;
		break;
	}
	pthread_mutex_unlock(&rtc->lock);
}

const struct mmio_ops pl031_ops = { .read = pl031_read, .write = pl031_write };

void pl031_init(struct pl031 *rtc, uint32_t (*now)(void))
{
	*rtc = (struct pl031) { .now = now };
	pthread_mutex_init(&rtc->lock, NULL);
}

/* The clock has a battery: a reset of the machine leaves the time. */
void pl031_reset(struct pl031 *rtc)
{
	pthread_mutex_lock(&rtc->lock);
	rtc->match = 0;
	rtc->load = 0;
	rtc->mask = 0;
	pthread_mutex_unlock(&rtc->lock);
}

/* ---- as a device among others ---- */

static struct pl031 *to_pl031(struct device *dev)
{
	return container_of(dev, struct pl031, dev);
}

static void device_reset(struct device *dev)
{
	pl031_reset(to_pl031(dev));
}

/* The offset against the host's clock: where the guest goes on, the time is the same. */
static json_t *device_save(struct device *dev)
{
	struct pl031 *rtc = to_pl031(dev);
	json_t *state;

	pthread_mutex_lock(&rtc->lock);
	state = json_pack("{s:I, s:I, s:I, s:I}", "offset", (json_int_t)rtc->offset,
			  "match", (json_int_t)rtc->match, "load", (json_int_t)rtc->load,
			  "mask", (json_int_t)rtc->mask);
	pthread_mutex_unlock(&rtc->lock);
	return state;
}

static int device_load(struct device *dev, json_t *state, struct error *err)
{
	struct pl031 *rtc = to_pl031(dev);
	json_int_t offset, match, load, mask;
	int ret = device_unpack(dev, err, state, "{s:I, s:I, s:I, s:I}", "offset", &offset,
				"match", &match, "load", &load, "mask", &mask);

	if (ret < 0)
		return ret;
	pthread_mutex_lock(&rtc->lock);
	rtc->offset = offset;
	rtc->match = match;
	rtc->load = load;
	rtc->mask = mask & 1;
	pthread_mutex_unlock(&rtc->lock);
	return 0;
}

const struct device_ops pl031_device_ops = {
	.type = "pl031", .reset = device_reset, .save = device_save, .load = device_load,
};
