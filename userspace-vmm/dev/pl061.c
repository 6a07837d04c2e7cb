// SPDX-License-Identifier: GPL-2.0
/* Numbers in comments are sections of the PL061 TRM, DDI 0190B. */
#include "dev/pl061.h"

#include <errno.h>

/* Registers, 3.2 */
#define GPIODATA_END	0x400
#define GPIODIR		0x400
#define GPIOIS		0x404
#define GPIOIBE		0x408
#define GPIOIEV		0x40c
#define GPIOIE		0x410
#define GPIORIS		0x414
#define GPIOMIS		0x418
#define GPIOIC		0x41c
#define GPIOAFSEL	0x420
#define GPIOPERIPHID0	0xfe0

static const uint8_t ids[8] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

/* What is on the pins */
static uint8_t level(const struct pl061 *gpio)
{
	return (gpio->input & ~gpio->dir) | (gpio->data & gpio->dir);
}

/* 2.1.3: a pin is sensitive to edges, or (GPIOIS) to the level that GPIOIEV names */
static uint8_t ris(const struct pl061 *gpio)
{
	return (gpio->edges & ~gpio->is) | (~(level(gpio) ^ gpio->iev) & gpio->is);
}

static void update_irq(struct pl061 *gpio)
{
	bool irq = ris(gpio) & gpio->ie;

	if (irq != gpio->irq) {
		gpio->irq = irq;
		gpio->set_irq(gpio->opaque, irq);
	}
}

/* Edges between then and now, of the kind that each pin waits for. */
static void note_edges(struct pl061 *gpio, uint8_t before)
{
	uint8_t changed = before ^ level(gpio);

	gpio->edges |= changed & ~gpio->is & (gpio->ibe | ~(level(gpio) ^ gpio->iev));
}

void pl061_set_input(struct pl061 *gpio, unsigned int pin, bool on)
{
	uint8_t before;

	pthread_mutex_lock(&gpio->lock);
	before = level(gpio);
	gpio->input = (gpio->input & ~(1U << pin)) | (unsigned int)on << pin;
	note_edges(gpio, before);
	update_irq(gpio);
	pthread_mutex_unlock(&gpio->lock);
}

static uint8_t read_register(const struct pl061 *gpio, uint64_t offset)
{
	/* 3.3.1: bits 9:2 of the address are the pins that are meant */
	if (offset < GPIODATA_END)
		return level(gpio) & offset >> 2;
	switch (offset) {
	case GPIODIR:
		return gpio->dir;
	case GPIOIS:
		return gpio->is;
	case GPIOIBE:
		return gpio->ibe;
	case GPIOIEV:
		return gpio->iev;
	case GPIOIE:
		return gpio->ie;
	case GPIORIS:
		return ris(gpio);
	case GPIOMIS:
		return ris(gpio) & gpio->ie;
	case GPIOAFSEL:
		return gpio->afsel;
	default:
		return offset >= GPIOPERIPHID0 ? ids[(offset - GPIOPERIPHID0) / 4] : 0;
	}
}

static void write_register(struct pl061 *gpio, uint64_t offset, uint8_t value)
{
	uint8_t before = level(gpio), mask = offset >> 2;

	if (offset < GPIODATA_END)
		gpio->data = (gpio->data & ~mask) | (value & mask);
	switch (offset) {
	case GPIODIR:
		gpio->dir = value;
		break;
	case GPIOIS:
		gpio->is = value;
		break;
	case GPIOIBE:
		gpio->ibe = value;
		break;
	case GPIOIEV:
		gpio->iev = value;
		break;
	case GPIOIE:
		gpio->ie = value;
		break;
	case GPIOIC:
		gpio->edges &= ~value;
		break;
	case GPIOAFSEL:
		gpio->afsel = value;
		break;
	}
	note_edges(gpio, before);
	update_irq(gpio);
}

static uint64_t pl061_read(void *dev, uint64_t offset, unsigned int len)
{
	struct pl061 *gpio = dev;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&gpio->lock);
	value = (uint64_t)read_register(gpio, offset & ~3ULL) >> 8 * (offset & 3);
	pthread_mutex_unlock(&gpio->lock);
	return value;
}

static void pl061_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pl061 *gpio = dev;

	(void)len;
	if (offset & 3)
		return;		/* no register has a part that is written alone */
	pthread_mutex_lock(&gpio->lock);
	write_register(gpio, offset, value);
	pthread_mutex_unlock(&gpio->lock);
}

const struct mmio_ops pl061_ops = { .read = pl061_read, .write = pl061_write };

/* ---- as a device among others ---- */

static struct pl061 *to_pl061(struct device *dev)
{
	return container_of(dev, struct pl061, dev);
}

/* Reset values are all 0, 3.2. The inputs are what they are. */
void pl061_reset(struct device *dev)
{
	struct pl061 *gpio = to_pl061(dev);

	pthread_mutex_lock(&gpio->lock);
	gpio->data = 0;
	gpio->dir = 0;
	gpio->is = 0;
	gpio->ibe = 0;
	gpio->iev = 0;
	gpio->ie = 0;
	gpio->edges = 0;
	gpio->afsel = 0;
	update_irq(gpio);
	pthread_mutex_unlock(&gpio->lock);
}

#define STATE	"{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}"

json_t *pl061_save(struct device *dev)
{
	struct pl061 *gpio = to_pl061(dev);

	return json_pack(STATE, "input", gpio->input, "data", gpio->data, "dir", gpio->dir,
			 "is", gpio->is, "ibe", gpio->ibe, "iev", gpio->iev, "ie", gpio->ie,
			 "edges", gpio->edges, "afsel", gpio->afsel);
}

int pl061_load(struct device *dev, json_t *state, struct error *err)
{
	int input, data, dir, is, ibe, iev, ie, edges, afsel;
	struct pl061 *gpio = to_pl061(dev);
	int ret = device_unpack(dev, err, state, STATE, "input", &input, "data", &data, "dir", &dir,
				"is", &is, "ibe", &ibe, "iev", &iev, "ie", &ie, "edges", &edges,
				"afsel", &afsel);

	if (ret < 0)
		return ret;
	pthread_mutex_lock(&gpio->lock);
	gpio->input = input;
	gpio->data = data;
	gpio->dir = dir;
	gpio->is = is;
	gpio->ibe = ibe;
	gpio->iev = iev;
	gpio->ie = ie;
	gpio->edges = edges;
	gpio->afsel = afsel;
	gpio->irq = ris(gpio) & gpio->ie;
	gpio->set_irq(gpio->opaque, gpio->irq);
	pthread_mutex_unlock(&gpio->lock);
	return 0;
}

void pl061_init(struct pl061 *gpio, void (*set_irq)(void *opaque, bool level), void *opaque)
{
	*gpio = (struct pl061) { .set_irq = set_irq, .opaque = opaque };
	pthread_mutex_init(&gpio->lock, NULL);
}
