// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "dev/pl011.h"
#include "tests/tap.h"

#define DR	0x00
#define RSR	0x04
#define FR	0x18
#define LCR_H	0x2c
#define CR	0x30
#define IFLS	0x34
#define IMSC	0x38
#define RIS	0x3c
#define MIS	0x40
#define ICR	0x44

#define RXFE	0x10
#define TXFF	0x20
#define RXFF	0x40
#define TXFE	0x80
#define BUSY	0x08

#define RX	0x10
#define TX	0x20
#define RT	0x40
#define BE	0x200

static struct pl011 uart;
static char sent[256];
static size_t nsent, room;
static bool irq;
static int offers;

static void set_irq(void *opaque, bool level)
{
	(void)opaque;
	irq = level;
}

static bool send(void *opaque, uint8_t byte)
{
	(void)opaque;
	if (nsent >= room)
		return false;
	sent[nsent++] = byte;
	return true;
}

static void can_receive(void *opaque)
{
	(void)opaque;
	offers++;
}

static uint64_t rd(uint64_t offset)
{
	return pl011_ops.read(&uart, offset, 4);
}

static void wr(uint64_t offset, uint64_t value)
{
	pl011_ops.write(&uart, offset, 4, value);
}

static size_t receive(const char *text)
{
	return pl011_receive(&uart, (const uint8_t *)text, strlen(text));
}

static void setup(void)
{
	const struct pl011_host host = { NULL, set_irq, send, can_receive };

	pl011_init(&uart, &host);
	nsent = 0;
	room = sizeof(sent);
	irq = false;
	offers = 0;
}

/* As a driver does: FIFOs on, everything enabled. */
static void setup_enabled(void)
{
	setup();
	wr(LCR_H, 0x70);
	wr(CR, 0x301);
	offers = 0;
}

static void identification(void)
{
	static const uint8_t ids[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	setup();
	for (int i = 0; i < 8; i++)
		check(rd(0xfe0 + 4 * i) == ids[i]);
	check(rd(0xfdc) == 0);
}

static void after_reset(void)
{
	setup();
	for (int i = 0; i < 2; i++) {
		check((rd(FR) & (RXFE | TXFF | RXFF | TXFE | BUSY)) == (RXFE | TXFE));
		check(rd(CR) == 0x300 && rd(IFLS) == 0x12 && rd(LCR_H) == 0);
		check(rd(IMSC) == 0 && rd(RIS) == 0 && rd(MIS) == 0 && !irq);
		/* and again after use */
		wr(LCR_H, 0x70);
		wr(CR, 0x301);
		wr(IMSC, 0x7ff);
		receive("abc");
		check(irq);
		pl011_reset(&uart);
	}
}

/* An early console writes without any set-up. */
static void early_output(void)
{
	setup();
	for (const char *p = "hi\n"; *p; p++) {
		check(!(rd(FR) & TXFF));
		wr(DR, *p);
		check(!(rd(FR) & BUSY));
	}
	check(nsent == 3 && !memcmp(sent, "hi\n", 3));
}

static void transmit_interrupt(void)
{
	setup_enabled();
	wr(IMSC, TX);
	check(!irq);
	wr(DR, 'a');
	check(irq && rd(MIS) == TX);
	wr(ICR, TX);
	check(!irq && rd(RIS) == 0);
	wr(DR, 'b');
	wr(IMSC, 0);
	check(!irq && rd(RIS) == TX && rd(MIS) == 0);
}

static void backpressure(void)
{
	setup_enabled();
	room = 10;
	for (int i = 0; i < 10 + 32; i++) {
		check(!(rd(FR) & TXFF));
		wr(DR, i);
	}
	check((rd(FR) & (TXFF | TXFE | BUSY)) == (TXFF | BUSY));
	wr(IMSC, TX);
	wr(ICR, TX);
	check(!irq);
	/* the level is a half: 16 left are not more than 16 */
	room += 15;
	pl011_transmit(&uart);
	check(!irq && !(rd(FR) & TXFF));
	room += 1;
	pl011_transmit(&uart);
	check(irq);
	room = sizeof(sent);
	pl011_transmit(&uart);
	check(nsent == 42 && (rd(FR) & TXFE));
	for (int i = 0; i < 42; i++)
		check(sent[i] == i);
}

static void receive_levels(void)
{
	setup_enabled();
	wr(IMSC, RX);
	check(receive("0123456789abcde") == 15);
	check(!irq && rd(RIS) == RT && !(rd(FR) & RXFE));
	check(receive("f") == 1);
	check(irq && rd(RIS) == (RX | RT));
	check(rd(DR) == '0');
	check(!irq && rd(RIS) == RT);
	for (int i = 1; i < 16; i++)
		check(rd(DR) == (uint64_t)"0123456789abcdef"[i]);
	check(rd(RIS) == 0 && (rd(FR) & RXFE));
	check(rd(DR) == 0);
}

static void receive_timeout(void)
{
	setup_enabled();
	wr(IMSC, RT | RX);
	receive("x");
	check(irq && rd(MIS) == RT);
	/* clearing it does not take the character away; the next one sets it again */
	wr(ICR, RT);
	check(!irq);
	receive("y");
	check(irq);
	check(rd(DR) == 'x' && irq);
	check(rd(DR) == 'y' && !irq);
}

static void receive_flow(void)
{
	char text[41];

	memset(text, 'z', 40);
	text[40] = 0;
	setup();
	check(receive("early") == 0);
	check(offers == 0);
	wr(LCR_H, 0x70);
	wr(CR, 0x301);
	check(offers == 1);
	check(receive(text) == 32);
	check(rd(FR) & RXFF);
	check(offers == 1);
	rd(DR);
	check(offers == 2);
	rd(DR);
	check(offers == 2);
	check(receive("ab") == 2);
	wr(CR, 0x101);
	rd(DR);
	check(receive("c") == 0);
}

static void without_fifo(void)
{
	setup();
	wr(CR, 0x301);
	wr(IMSC, RX);
	check(receive("ab") == 1);
	check(irq && (rd(FR) & RXFF));
	check(rd(DR) == 'a' && !irq);
	room = 0;
	wr(DR, 'x');
	check(rd(FR) & TXFF);
	wr(DR, 'y');	/* lost */
	room = sizeof(sent);
	pl011_transmit(&uart);
	check(nsent == 1 && sent[0] == 'x');
}

static void line_break(void)
{
	setup_enabled();
	wr(IMSC, BE);
	pl011_receive_break(&uart);
	check(irq && (rd(RIS) & BE));
	check(rd(DR) == 0x400);
	check(rd(RSR) == 4);
	wr(RSR, 0);
	check(rd(RSR) == 0);
	wr(ICR, BE);
	check(!irq);
}

static void loopback(void)
{
	setup_enabled();
	wr(CR, 0x381);
	wr(DR, 'q');
	check(nsent == 0 && rd(DR) == 'q');
}

static void narrow_access(void)
{
	setup_enabled();
	pl011_ops.write(&uart, DR, 1, 'a');
	check(nsent == 1 && sent[0] == 'a');
	check(pl011_ops.read(&uart, CR + 1, 1) == 3);
	pl011_ops.write(&uart, CR + 1, 1, 0);
	check(rd(CR) == 0x301);
	check(pl011_ops.read(&uart, 0xffc, 8) == 0xb1);
}

/* Any order of accesses keeps the FIFOs in their bounds; the sanitizers watch. */
static void noise(void)
{
	uint32_t seed = 7;

	setup();
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1103515245 + 12345;
		room = nsent = seed & 0x10000 ? 0 : 100;
		if (room)
			nsent = 0;
		switch ((seed >> 20) % 5) {
		case 0:
			pl011_ops.read(&uart, (seed >> 8) % 0x1000, 1 << (seed >> 30));
			break;
		case 1:
		case 2:
			pl011_ops.write(&uart, (seed >> 8) % 0x50 & ~3, 4, seed >> 16);
			break;
		case 3:
			receive("some text of some length");
			break;
		case 4:
			pl011_transmit(&uart);
			break;
		}
		check(uart.rx.count <= PL011_FIFO_SIZE && uart.tx.count <= PL011_FIFO_SIZE);
		check(irq == !!(uart.ris & uart.imsc));
	}
}

static void state(void)
{
	struct error err;
	json_t *saved, *bad;

	setup();
	wr(LCR_H, 0x10);
	wr(CR, 0x301);
	wr(IMSC, RX | RT);
	room = 0;
	wr(DR, 't');
	pl011_receive(&uart, (const uint8_t *)"abc", 3);
	check(rd(DR) == 'a' && irq);
	saved = pl011_device_ops.save(&uart.dev);
	pl011_device_ops.reset(&uart.dev);
	check(!irq && rd(FR) & RXFE);
	check(pl011_device_ops.load(&uart.dev, saved, &err) == 0);
	check(irq && rd(DR) == 'b' && rd(DR) == 'c' && rd(FR) & RXFE && rd(FR) & BUSY);
	room = 10;
	check(pl011_device_ops.resume(&uart.dev, &err) == 0 && nsent == 1 && sent[0] == 't');
	for (void *i = json_object_iter(saved); i; i = json_object_iter_next(saved, i)) {
		bad = json_deep_copy(saved);
		json_object_del(bad, json_object_iter_key(i));
		check(pl011_device_ops.load(&uart.dev, bad, &err) < 0);
		json_object_set_new(bad, json_object_iter_key(i), json_integer(0x100000));
		check(pl011_device_ops.load(&uart.dev, bad, &err) < 0);
		json_decref(bad);
	}
	bad = json_deep_copy(saved);
	for (int i = 0; i < PL011_FIFO_SIZE; i++)
		json_array_append_new(json_object_get(bad, "rx"), json_integer('x'));
	check(pl011_device_ops.load(&uart.dev, bad, &err) < 0 && strstr(err.text, "rx"));
	json_object_set_new(bad, "more", json_integer(0));
	check(pl011_device_ops.load(&uart.dev, bad, &err) < 0);
	json_decref(bad);
	json_decref(saved);
}

const struct tap_test pl011_tests[] = {
	{ "state", state },
	{ "identification", identification },
	{ "reset state", after_reset },
	{ "output without set-up", early_output },
	{ "transmit interrupt", transmit_interrupt },
	{ "a host without room", backpressure },
	{ "receive interrupt at its level", receive_levels },
	{ "receive timeout", receive_timeout },
	{ "input waits for room", receive_flow },
	{ "without FIFOs", without_fifo },
	{ "break", line_break },
	{ "loopback", loopback },
	{ "narrow accesses", narrow_access },
	{ "accesses in any order", noise },
	{ NULL, NULL },
};
