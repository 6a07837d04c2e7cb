// SPDX-License-Identifier: GPL-2.0
/* GSI routing: what the numbers of irqfds stand for. */
#include "event_ops.h"

#define SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define CHIP	AVMM_IRQ_ROUTING_IRQCHIP
#define MSI	AVMM_IRQ_ROUTING_MSI
#define MAX	4096

struct entry {
	uint32_t gsi, type, flags, chip, pin;
};

static int set(struct vm *vm, const struct entry *e, unsigned int n)
{
	struct avmm_irq_routing_entry entries[4] = { 0 };
	unsigned int i;

	for (i = 0; i < n; i++) {
		entries[i].gsi = e[i].gsi;
		entries[i].type = e[i].type;
		entries[i].flags = e[i].flags;
		if (e[i].type == MSI) {
			entries[i].u.msi.address_lo = 0x08080040;
			entries[i].u.msi.data = e[i].pin;
		} else {
			entries[i].u.irqchip.irqchip = e[i].chip;
			entries[i].u.irqchip.pin = e[i].pin;
		}
	}
	return avmm_set_gsi_routing(vm->fd, entries, n);
}

static const struct {
	const char *name;
	struct entry e[2];
	int want;
} args[] = {
	{ "a pin", { { 0, CHIP, 0, 0, 0 } }, 0 },
	{ "the last GSI", { { MAX - 1, CHIP, 0, 0, 0 } }, 0 },
	{ "a GSI too far", { { MAX, CHIP, 0, 0, 0 } }, EINVAL },
	{ "a GSI much too far", { { ~0U, CHIP, 0, 0, 0 } }, EINVAL },
	{ "the last pin there can be", { { 0, CHIP, 0, 0, 987 } }, 0 },
	{ "a pin too far", { { 0, CHIP, 0, 0, 988 } }, EINVAL },
	{ "another irqchip", { { 0, CHIP, 0, 1, 0 } }, EINVAL },
	{ "a pin with a flag", { { 0, CHIP, 1, 0, 0 } }, EINVAL },
	{ "an MSI", { { 0, MSI, 0, 0, 1 } }, 0 },
	{ "an MSI with its device", { { 0, MSI, AVMM_MSI_VALID_DEVID, 0, 1 } }, 0 },
	{ "an MSI with another flag", { { 0, MSI, 1 << 1, 0, 1 } }, EINVAL },
	{ "no type", { { 0, 0, 0, 0, 0 } }, EINVAL },
	{ "a type of s390's", { { 0, 3, 0, 0, 0 } }, EINVAL },
	{ "two pins for a GSI", { { 7, CHIP, 0, 0, 1 }, { 7, CHIP, 0, 0, 2 } }, EINVAL },
	{ "a pin and an MSI for a GSI", { { 7, CHIP, 0, 0, 1 }, { 7, MSI, 0, 0, 2 } }, EINVAL },
	{ "two MSIs for a GSI", { { 7, MSI, 0, 0, 1 }, { 7, MSI, 0, 0, 2 } }, EINVAL },
	{ "two GSIs for a pin", { { 7, CHIP, 0, 0, 1 }, { 8, CHIP, 0, 0, 1 } }, 0 },
};

static void test_args(struct vm *vm)
{
	struct avmm_irq_routing_entry *all = calloc(MAX + 1, sizeof(*all));
	struct avmm_irq_routing head = { .nr = 0 };
	unsigned int i;

	for (i = 0; i < SIZE(args); i++)
		tap_eq(-set(vm, args[i].e, args[i].e[1].type ? 2 : 1), args[i].want, "args: %s",
		       args[i].name);
	for (i = 0; i <= MAX; i++) {
		all[i].gsi = i % MAX;
		all[i].type = CHIP;
		all[i].u.irqchip.pin = i % 96;
	}
	tap_eq(-avmm_set_gsi_routing(vm->fd, all, MAX), 0, "args: 4096 entries");
	tap_eq(-avmm_set_gsi_routing(vm->fd, all, MAX + 1), EINVAL, "args: 4097 entries");
	free(all);
	tap_eq(-avmm_ioctl(vm->fd, AVMM_SET_GSI_ROUTING, &head), 0, "args: none");
	head.flags = 1;
	tap_eq(-avmm_ioctl(vm->fd, AVMM_SET_GSI_ROUTING, &head), EINVAL, "args: a flag");
	tap_eq(-avmm_ioctl(vm->fd, AVMM_SET_GSI_ROUTING, (void *)8), EFAULT, "args: bad pointer");
}

static int fds[2];

/* Signals an eventfd; which of three SPIs did the guest take? */
static unsigned int taken(struct vm *vm, int fd)
{
	struct vcpu *v = &vm->vcpu[0];
	unsigned int spi, mask = 0;

	for (spi = 40; spi < 43; spi++)
		guest(v, OP_EDGE, spi, 0, 0);
	signal_eventfd(fd);
	guest(v, OP_SETTLE, 40, 0, 0);
	for (spi = 40; spi < 43; spi++)
		mask |= (guest(v, OP_COUNT, spi, 0, 0) == 1) << (spi - 40);
	return mask;
}

static void test_routes(struct vm *vm)
{
	struct avmm_irqfd i = { .gsi = 8 };

	i.fd = fds[0] = new_eventfd(0);
	tap_eq(-avmm_irqfd(vm->fd, &i), 0, "GSI 8 is assigned");
	i.fd = fds[1] = new_eventfd(0);
	i.gsi = 3000;
	tap_eq(-avmm_irqfd(vm->fd, &i), 0, "so is GSI 3000");
	tap_eq(taken(vm, fds[0]), 1, "GSI 8 is SPI 40 when nothing was set");
	tap_eq(taken(vm, fds[1]), 0, "GSI 3000 is nothing");

	set(vm, (struct entry[]){ { 8, CHIP, 0, 0, 9 }, { 3000, CHIP, 0, 0, 10 } }, 2);
	tap_eq(taken(vm, fds[0]), 2, "GSI 8 follows to SPI 41");
	tap_eq(taken(vm, fds[1]), 4, "and GSI 3000 to SPI 42");
	set(vm, (struct entry[]){ { 8, CHIP, 0, 0, 8 }, { 3000, CHIP, 0, 0, 8 } }, 2);
	tap_eq(taken(vm, fds[0]), 1, "both to SPI 40: GSI 8");
	tap_eq(taken(vm, fds[1]), 1, "both to SPI 40: GSI 3000");
	set(vm, (struct entry[]){ { 3000, CHIP, 0, 0, 9 } }, 1);
	tap_eq(taken(vm, fds[0]), 0, "what is not in the table is gone");
	tap_eq(taken(vm, fds[1]), 2, "what is in it is there");
	tap_eq(-set(vm, (struct entry[]){ { 3000, CHIP, 0, 0, 10 }, { 8, 9, 0, 0, 0 } }, 2),
	       EINVAL, "a table with a bad entry is refused");
	tap_eq(taken(vm, fds[1]), 2, "and changes nothing");
	set(vm, (struct entry[]){ { 8, CHIP, 0, 0, 600 }, { 3000, MSI, 0, 0, 8192 } }, 2);
	tap_eq(taken(vm, fds[0]), 0, "a pin that this GIC has not");
	tap_eq(taken(vm, fds[1]), 0, "an MSI without an ITS");
	set(vm, NULL, 0);
	tap_eq(taken(vm, fds[0]) | taken(vm, fds[1]), 0, "an empty table");
	avmm_spi_line(vm->fd, 40, 1);
	tap_eq(guest(&vm->vcpu[0], OP_WAIT, 40, 1, 0), 1, "IRQ_LINE needs no route");
	avmm_spi_line(vm->fd, 40, 0);
}

/* The EOI of a resampling irqfd's interrupt finds the eventfd by the route of now. */
static void test_resample(struct vm *vm)
{
	struct avmm_irqfd i = { .gsi = 20, .flags = AVMM_IRQFD_FLAG_RESAMPLE };
	struct vcpu *v = &vm->vcpu[0];

	i.fd = new_eventfd(0);
	i.resamplefd = new_eventfd(0);
	set(vm, (struct entry[]){ { 20, CHIP, 0, 0, 9 } }, 1);
	avmm_irqfd(vm->fd, &i);
	set(vm, (struct entry[]){ { 20, CHIP, 0, 0, 10 } }, 1);
	guest(v, OP_LEVEL, 42, 0, 0);
	signal_eventfd(i.fd);
	tap_eq(guest(v, OP_WAIT, 42, 1, 0), 1, "resample: by the new route");
	tap_eq(guest(v, OP_SETTLE, 42, 0, 0), 1, "resample: once");
	tap_eq(take_eventfd(i.resamplefd), 1, "resample: the EOI is told");
	guest(v, OP_DISABLE, 42, 0, 0);
	close(i.fd);
	close(i.resamplefd);
}

static void test_before_init(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true, PAYLOAD_OF(events) });
	struct avmm_irqfd i = { .gsi = 8 };

	tap_eq(-set(vm, (struct entry[]){ { 8, CHIP, 0, 0, 9 } }, 1), 0, "set without a GIC");
	vm_add_gic(vm);
	i.fd = new_eventfd(0);
	avmm_irqfd(vm->fd, &i);
	tap_eq(taken(vm, i.fd), 1, "the GIC's initialisation makes GSI n SPI n again");
	close(i.fd);
	vm_free(vm);
}

struct storm {
	struct vm *vm;
	volatile bool stop;
	unsigned long turns;
};

static void *signals(void *arg)
{
	struct storm *s = arg;

	while (!s->stop)
		signal_eventfd(fds[0]);
	return NULL;
}

static void *reroute(void *arg)
{
	struct storm *s = arg;

	while (!s->stop) {
		set(s->vm, (struct entry[]){ { 8, CHIP, 0, 0, 8 } }, 1);
		set(s->vm, (struct entry[]){ { 8, CHIP, 0, 0, 9 }, { 4095, CHIP, 0, 0, 9 } }, 2);
		s->turns++;
	}
	return NULL;
}

static void test_race(struct vm *vm)
{
	struct storm s = { .vm = vm };
	struct vcpu *v = &vm->vcpu[0];
	unsigned int spi;
	pthread_t a, b;

	for (spi = 40; spi < 43; spi++)
		guest(v, OP_EDGE, spi, 0, 0);
	pthread_create(&a, NULL, signals, &s);
	pthread_create(&b, NULL, reroute, &s);
	guest(v, OP_WAIT, 40, 20, 0);
	guest(v, OP_WAIT, 41, 20, 0);
	s.stop = true;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	tap_diag("%lu changes", 2 * s.turns);
	tap_ok(guest(v, OP_COUNT, 40, 0, 0) >= 20 && guest(v, OP_COUNT, 41, 0, 0) >= 20,
	       "race: it comes by both routes");
	tap_eq(guest(v, OP_COUNT, 42, 0, 0), 0, "race: and by no other");
	set(vm, (struct entry[]){ { 8, CHIP, 0, 0, 9 } }, 1);
	tap_eq(taken(vm, fds[0]), 2, "race: the last route holds");
}

int main(void)
{
	struct vm *vm;
	int dev;

	test_begin(280);
	dev = device_open();
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IRQ_ROUTING), MAX, "capability IRQ_ROUTING");
	close(dev);
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(events) });
	test_routes(vm);
	test_resample(vm);
	test_race(vm);
	test_args(vm);
	vm_free(vm);
	test_before_init();
	return tap_end();
}
