// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers in comments are sections of the PL011 TRM, DDI 0183G. The line has no speed: what is sent
 * is sent at once, unless the host has no room, and what is received waits outside until there is
 * room, so that an overrun cannot happen.
 */
#include "dev/pl011.h"

#include <errno.h>

/* Registers, 3.2 */
#define UARTDR		0x000
#define UARTRSR		0x004
#define UARTFR		0x018
#define UARTILPR	0x020
#define UARTIBRD	0x024
#define UARTFBRD	0x028
#define UARTLCR_H	0x02c
#define UARTCR		0x030
#define UARTIFLS	0x034
#define UARTIMSC	0x038
#define UARTRIS		0x03c
#define UARTMIS		0x040
#define UARTICR		0x044
#define UARTDMACR	0x048
#define UARTPERIPHID0	0xfe0

#define DR_BE		0x400

#define FR_CTS		0x001
#define FR_DSR		0x002
#define FR_DCD		0x004
#define FR_BUSY		0x008
#define FR_RXFE		0x010
#define FR_TXFF		0x020
#define FR_RXFF		0x040
#define FR_TXFE		0x080

#define LCR_H_FEN	0x010

#define CR_UARTEN	0x001
#define CR_LBE		0x080
#define CR_TXE		0x100
#define CR_RXE		0x200

#define INT_RX		0x010
#define INT_TX		0x020
#define INT_RT		0x040
#define INT_BE		0x200
#define INT_ALL		0x7ff

/* Peripheral and PrimeCell identification, 3.3.14 and 3.3.15; revision 3 is r1p5 */
static const uint8_t ids[8] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

static unsigned int depth(const struct pl011 *uart)
{
	return uart->lcr_h & LCR_H_FEN ? PL011_FIFO_SIZE : 1;
}

static void push(struct pl011_fifo *fifo, uint16_t value)
{
	fifo->entry[(fifo->first + fifo->count) % PL011_FIFO_SIZE] = value;
	fifo->count++;
}

static uint16_t pop(struct pl011_fifo *fifo)
{
	uint16_t value = fifo->entry[fifo->first];

	fifo->first = (fifo->first + 1) % PL011_FIFO_SIZE;
	fifo->count--;
	return value;
}

/*
 * Trigger levels, 3.3.9: an eighth, a quarter, a half, three quarters, seven eighths. Without
 * FIFOs the receive interrupt comes with one character, the transmit one with none left (2.8).
 */
static unsigned int level(const struct pl011 *uart, unsigned int shift)
{
	static const uint8_t eighths[8] = { 1, 2, 4, 6, 7, 7, 7, 7 };

	return eighths[(uart->ifls >> shift) & 7] * PL011_FIFO_SIZE / 8;
}

static unsigned int rx_level(const struct pl011 *uart)
{
	return uart->lcr_h & LCR_H_FEN ? level(uart, 3) : 1;
}

static unsigned int tx_level(const struct pl011 *uart)
{
	return uart->lcr_h & LCR_H_FEN ? level(uart, 0) : 0;
}

/* UARTINTR is the OR of the masked interrupts, 2.8 */
static void update_irq(struct pl011 *uart)
{
	bool irq = uart->ris & uart->imsc;

	if (irq != uart->irq) {
		uart->irq = irq;
		uart->host.set_irq(uart->host.opaque, irq);
	}
}

/* ---- receive ---- */

static bool rx_enabled(const struct pl011 *uart)
{
	return (uart->cr & (CR_UARTEN | CR_RXE)) == (CR_UARTEN | CR_RXE);
}

static void receive_one(struct pl011 *uart, uint16_t value)
{
	push(&uart->rx, value);
	if (uart->rx.count >= rx_level(uart))
		uart->ris |= INT_RX;
	/*
	 * 2.8.5: the timeout is for characters that wait below the trigger level while the line is
	 * silent. A line without speed is silent at once.
	 */
	uart->ris |= INT_RT;
	if (value & DR_BE)
		uart->ris |= INT_BE;
}

static uint64_t read_data(struct pl011 *uart)
{
	uint16_t value;

	if (!uart->rx.count)
		return 0;
	value = pop(&uart->rx);
	uart->rsr = value >> 8;
	if (uart->rx.count < rx_level(uart))
		uart->ris &= ~INT_RX;
	if (!uart->rx.count)
		uart->ris &= ~INT_RT;
	update_irq(uart);
	return value;
}

/* Tells the host, once, when there is room after a refusal. */
static void offer_room(struct pl011 *uart)
{
	if (uart->rx_refused && rx_enabled(uart) && uart->rx.count < depth(uart)) {
		uart->rx_refused = false;
		uart->host.can_receive(uart->host.opaque);
	}
}

size_t pl011_receive(struct pl011 *uart, const uint8_t *data, size_t len)
{
	size_t n = 0;

	pthread_mutex_lock(&uart->lock);
	while (n < len && rx_enabled(uart) && uart->rx.count < depth(uart))
		receive_one(uart, data[n++]);
	if (n < len)
		uart->rx_refused = true;
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
	return n;
}

/* 2.7.1: a break is one character 0 with its error bit. Lost if there is no room. */
void pl011_receive_break(struct pl011 *uart)
{
	pthread_mutex_lock(&uart->lock);
	if (rx_enabled(uart) && uart->rx.count < depth(uart))
		receive_one(uart, DR_BE);
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
}

/* ---- transmit ---- */

/* Hands on what the host takes; the interrupt is for having room, 2.8.4. */
static void drain(struct pl011 *uart)
{
	while (uart->tx.count) {
		if (!uart->host.send(uart->host.opaque, uart->tx.entry[uart->tx.first]))
			break;
		pop(&uart->tx);
	}
	if (uart->tx.count <= tx_level(uart))
		uart->ris |= INT_TX;
}

/*
 * UARTEN and TXE are not asked for: early consoles take it that firmware has enabled the UART, and
 * we are the firmware.
 */
static void write_data(struct pl011 *uart, uint8_t byte)
{
	if (uart->cr & CR_LBE) {
		/* 2.4.6: what is sent is received */
		if (rx_enabled(uart) && uart->rx.count < depth(uart))
			receive_one(uart, byte);
		uart->ris |= INT_TX;
		return;
	}
	/* a write to a full FIFO is lost; the guest did not look at UARTFR */
	if (uart->tx.count >= depth(uart))
		return;
	push(&uart->tx, byte);
	if (uart->tx.count > tx_level(uart))
		uart->ris &= ~INT_TX;
	drain(uart);
}

void pl011_transmit(struct pl011 *uart)
{
	pthread_mutex_lock(&uart->lock);
	if (uart->tx.count) {
		drain(uart);
		update_irq(uart);
	}
	pthread_mutex_unlock(&uart->lock);
}

/* ---- registers ---- */

static uint64_t flags(const struct pl011 *uart)
{
	/* the other side is always there and ready */
	uint64_t fr = FR_CTS | FR_DSR | FR_DCD;

	if (!uart->rx.count)
		fr |= FR_RXFE;
	if (uart->rx.count >= depth(uart))
		fr |= FR_RXFF;
	if (!uart->tx.count)
		fr |= FR_TXFE;
	else
		fr |= FR_BUSY;
	if (uart->tx.count >= depth(uart))
		fr |= FR_TXFF;
	return fr;
}

static uint64_t read_register(struct pl011 *uart, uint64_t offset)
{
	switch (offset) {
	case UARTDR:
		return read_data(uart);
	case UARTRSR:
		return uart->rsr;
	case UARTFR:
		return flags(uart);
	case UARTILPR:
		return uart->ilpr;
	case UARTIBRD:
		return uart->ibrd;
	case UARTFBRD:
		return uart->fbrd;
	case UARTLCR_H:
		return uart->lcr_h;
	case UARTCR:
		return uart->cr;
	case UARTIFLS:
		return uart->ifls;
	case UARTIMSC:
		return uart->imsc;
	case UARTRIS:
		return uart->ris;
	case UARTMIS:
		return uart->ris & uart->imsc;
	case UARTDMACR:
		return uart->dmacr;
	default:
		if (offset >= UARTPERIPHID0)
			return ids[(offset - UARTPERIPHID0) / 4];
		return 0;
	}
}

static void write_line_control(struct pl011 *uart, uint16_t value)
{
	/* 3.3.7: without FEN the FIFOs are one deep; switching them empties them */
	if ((uart->lcr_h ^ value) & LCR_H_FEN) {
		uart->rx.count = 0;
		uart->ris &= ~(INT_RX | INT_RT);
	}
	uart->lcr_h = value & 0xff;
}

static void write_register(struct pl011 *uart, uint64_t offset, uint16_t value)
{
	switch (offset) {
	case UARTDR:
		write_data(uart, value);
		break;
	case UARTRSR:
		uart->rsr = 0;		/* UARTECR: any value clears */
		break;
	case UARTILPR:
		uart->ilpr = value & 0xff;
		break;
	case UARTIBRD:
		uart->ibrd = value;
		break;
	case UARTFBRD:
		uart->fbrd = value & 0x3f;
		break;
	case UARTLCR_H:
		write_line_control(uart, value);
		break;
	case UARTCR:
		uart->cr = value & 0xff87;	/* the others are reserved */
		break;
	case UARTIFLS:
		uart->ifls = value & 0x3f;
		break;
	case UARTIMSC:
		uart->imsc = value & INT_ALL;
		break;
	case UARTICR:
		uart->ris &= ~(value & INT_ALL);
		break;
	case UARTDMACR:
		uart->dmacr = value & 7;	/* kept; there is no DMA */
		break;
	}
}

/* Registers are 32 bits apart and at most 16 wide; narrower accesses see the bytes they name. */
static uint64_t pl011_read(void *dev, uint64_t offset, unsigned int len)
{
	struct pl011 *uart = dev;
	uint64_t value;

	(void)len;
	pthread_mutex_lock(&uart->lock);
	value = read_register(uart, offset & ~3ULL) >> 8 * (offset & 3);
	offer_room(uart);
	pthread_mutex_unlock(&uart->lock);
	return value;
}

static void pl011_write(void *dev, uint64_t offset, unsigned int len, uint64_t value)
{
	struct pl011 *uart = dev;

	(void)len;
	if (offset & 3)
		return;		/* no register has a part that is written alone */
	pthread_mutex_lock(&uart->lock);
	write_register(uart, offset, value);
	update_irq(uart);
	offer_room(uart);
	pthread_mutex_unlock(&uart->lock);
}

const struct mmio_ops pl011_ops = { .read = pl011_read, .write = pl011_write };

static void reset_locked(struct pl011 *uart)
{
	/* reset values, 3.2 */
	uart->rx.count = 0;
	uart->tx.count = 0;
	uart->rsr = 0;
	uart->ilpr = 0;
	uart->ibrd = 0;
	uart->fbrd = 0;
	uart->lcr_h = 0;
	uart->cr = CR_RXE | CR_TXE;
	uart->ifls = 0x12;
	uart->imsc = 0;
	uart->ris = 0;
	uart->dmacr = 0;
	/* what waits outside is offered as soon as the guest enables the UART */
	uart->rx_refused = true;
}

void pl011_init(struct pl011 *uart, const struct pl011_host *host)
{
	*uart = (struct pl011) { .host = *host };
	pthread_mutex_init(&uart->lock, NULL);
	reset_locked(uart);
}

void pl011_reset(struct pl011 *uart)
{
	pthread_mutex_lock(&uart->lock);
	/* what was sent was sent: the line has no speed */
	reset_locked(uart);
	update_irq(uart);
	pthread_mutex_unlock(&uart->lock);
}

/* ---- as a device among others ---- */

static struct pl011 *to_pl011(struct device *dev)
{
	return container_of(dev, struct pl011, dev);
}

static void device_reset(struct device *dev)
{
	pl011_reset(to_pl011(dev));
}

/* Registers that are nothing but their value, and the bits that it may have. */
static const struct {
	const char *name;
	size_t offset;
	uint16_t mask;
} registers[] = {
	{ "rsr", offsetof(struct pl011, rsr), 0xf },
	{ "ilpr", offsetof(struct pl011, ilpr), 0xff },
	{ "ibrd", offsetof(struct pl011, ibrd), 0xffff },
	{ "fbrd", offsetof(struct pl011, fbrd), 0x3f },
	{ "lcr-h", offsetof(struct pl011, lcr_h), 0xff },
	{ "cr", offsetof(struct pl011, cr), 0xff87 },
	{ "ifls", offsetof(struct pl011, ifls), 0x3f },
	{ "imsc", offsetof(struct pl011, imsc), INT_ALL },
	{ "ris", offsetof(struct pl011, ris), INT_ALL },
	{ "dmacr", offsetof(struct pl011, dmacr), 7 },
};

#define NREGISTERS	(sizeof(registers) / sizeof(registers[0]))

static uint16_t *field(struct pl011 *uart, size_t i)
{
	return (uint16_t *)((char *)uart + registers[i].offset);
}

static json_t *save_fifo(const struct pl011_fifo *fifo)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < fifo->count; i++)
		json_array_append_new(array, json_integer(
			fifo->entry[(fifo->first + i) % PL011_FIFO_SIZE]));
	return array;
}

static json_t *device_save(struct device *dev)
{
	struct pl011 *uart = to_pl011(dev);
	json_t *state = json_object();

	pthread_mutex_lock(&uart->lock);
	for (size_t i = 0; i < NREGISTERS; i++)
		json_object_set_new(state, registers[i].name, json_integer(*field(uart, i)));
	json_object_set_new(state, "rx", save_fifo(&uart->rx));
	json_object_set_new(state, "tx", save_fifo(&uart->tx));
	pthread_mutex_unlock(&uart->lock);
	return state;
}

static int load_fifo(struct pl011 *uart, struct pl011_fifo *fifo, const char *name, json_t *state,
		     struct error *err)
{
	json_t *entry;
	size_t i;

	if (!json_is_array(state) || json_array_size(state) > depth(uart))
		return error_set(err, -EINVAL, "%s: '%s' is not a list that fits the FIFO",
				 uart->dev.id, name);
	fifo->first = 0;
	fifo->count = 0;
	json_array_foreach(state, i, entry) {
		json_int_t value = json_integer_value(entry);

		if (!json_is_integer(entry) || value & ~0xfffLL)
			return error_set(err, -EINVAL, "%s: '%s' holds what is no character",
					 uart->dev.id, name);
		push(fifo, value);
	}
	return 0;
}

static int load_registers(struct pl011 *uart, json_t *state, struct error *err)
{
	for (size_t i = 0; i < NREGISTERS; i++) {
		json_t *value = json_object_get(state, registers[i].name);

		if (!json_is_integer(value) || json_integer_value(value) & ~(json_int_t)registers[i].mask)
			return error_set(err, -EINVAL, "%s: '%s' is missing or out of range",
					 uart->dev.id, registers[i].name);
		*field(uart, i) = json_integer_value(value);
	}
	return 0;
}

static int device_load(struct device *dev, json_t *state, struct error *err)
{
	struct pl011 *uart = to_pl011(dev);
	int ret;

	/* the registers and two FIFOs: what is more is not known here */
	if (json_object_size(state) > NREGISTERS + 2)
		return error_set(err, -EINVAL, "%s: its state has members that are not known here",
				 dev->id);
	pthread_mutex_lock(&uart->lock);
	ret = load_registers(uart, state, err);
	if (ret == 0)
		ret = load_fifo(uart, &uart->rx, "rx", json_object_get(state, "rx"), err);
	if (ret == 0)
		ret = load_fifo(uart, &uart->tx, "tx", json_object_get(state, "tx"), err);
	uart->rx_refused = true;
	uart->irq = uart->ris & uart->imsc;
	uart->host.set_irq(uart->host.opaque, uart->irq);
	pthread_mutex_unlock(&uart->lock);
	return ret;
}

static int device_resume(struct device *dev, struct error *err)
{
	(void)err;
	/* what a loaded state has left to send */
	pl011_transmit(to_pl011(dev));
	return 0;
}

const struct device_ops pl011_device_ops = {
	.type = "pl011", .reset = device_reset, .resume = device_resume, .save = device_save,
	.load = device_load,
};
