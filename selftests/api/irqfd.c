// SPDX-License-Identifier: GPL-2.0
/* irqfds: which signals of which eventfds interrupt the guest, and how it says that it is done. */
#include "event_ops.h"

#define DEL		AVMM_IRQFD_FLAG_DEASSIGN
#define RESAMPLE	AVMM_IRQFD_FLAG_RESAMPLE

#define SPI(gsi)	((gsi) + 32)
#define EDGE		8	/* GSIs, by what the guest makes of them */
#define LEVEL		9

static int irqfd(struct vm *vm, int fd, uint32_t gsi, uint32_t flags, int resamplefd)
{
	struct avmm_irqfd i = { .fd = fd, .gsi = gsi, .flags = flags, .resamplefd = resamplefd };

	return avmm_irqfd(vm->fd, &i);
}

static void test_args(struct vm *vm)
{
	struct vm *bare = vm_new(&(struct vm_config){ .no_gic = true });
	int a = new_eventfd(0), b = new_eventfd(0);

	tap_eq(-irqfd(bare, a, EDGE, 0, 0), EAGAIN, "args: without a GIC");
	tap_eq(-irqfd(bare, a, EDGE, 1 << 2, 0), EINVAL, "args: an unknown flag is seen first");
	tap_eq(-irqfd(bare, a, EDGE, DEL, 0), 0, "args: DEASSIGN without a GIC");
	vm_free(bare);
	tap_eq(-irqfd(vm, 1000, EDGE, 0, 0), EBADF, "args: not open");
	tap_eq(-irqfd(vm, vm->fd, EDGE, 0, 0), EINVAL, "args: not an eventfd");
	tap_eq(-irqfd(vm, 1000, EDGE, DEL, 0), EBADF, "args: DEASSIGN, not open");
	tap_eq(-irqfd(vm, vm->fd, EDGE, DEL, 0), EINVAL, "args: DEASSIGN, not an eventfd");
	tap_eq(-irqfd(vm, a, EDGE, RESAMPLE, 1000), EBADF, "args: resamplefd not open");
	tap_eq(-irqfd(vm, a, EDGE, RESAMPLE, vm->fd), EINVAL, "args: resamplefd not an eventfd");
	tap_eq(-irqfd(vm, a, EDGE, 0, 0), 0, "args: assigned");
	tap_eq(-irqfd(vm, a, EDGE, 0, 0), EBUSY, "args: again");
	tap_eq(-irqfd(vm, a, EDGE + 1, 0, 0), EBUSY, "args: to another GSI too");
	tap_eq(-irqfd(vm, a, EDGE + 1, RESAMPLE, b), EBUSY, "args: with a resamplefd");
	tap_eq(-irqfd(vm, b, EDGE, 0, 0), 0, "args: another eventfd to the same GSI");
	tap_eq(-irqfd(vm, a, EDGE + 1, DEL, 0), 0, "args: DEASSIGN of another GSI is no error");
	tap_eq(-irqfd(vm, a, EDGE, 0, 0), EBUSY, "args: and does nothing");
	tap_eq(-irqfd(vm, a, EDGE, DEL, 0), 0, "args: DEASSIGN");
	tap_eq(-irqfd(vm, a, EDGE, DEL, 0), 0, "args: DEASSIGN again");
	tap_eq(-irqfd(vm, a, 5000, 0, 0), 0, "args: a GSI that is none");
	signal_eventfd(a);
	tap_eq(take_eventfd(a), 0, "args: its signals are taken and lost");
	tap_eq(-irqfd(vm, a, 5000, DEL, 0), 0, "args: DEASSIGN of that");
	tap_eq(-irqfd(vm, b, EDGE, DEL, 0), 0, "args: DEASSIGN of the other");
	tap_eq(-avmm_ioctl(vm->fd, AVMM_IRQFD, (void *)8), EFAULT, "args: bad pointer");
	close(a);
	close(b);
}

static void *signal_later(void *arg)
{
	usleep(200000);
	signal_eventfd(*(int *)arg);
	return NULL;
}

static void test_edge(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	int fd = new_eventfd(0);
	pthread_t thread;

	irqfd(vm, fd, EDGE, 0, 0);
	guest(v, OP_EDGE, SPI(EDGE), 0, 0);
	signal_eventfd(fd);
	tap_eq(take_eventfd(fd), 0, "edge: the signal is taken");
	tap_eq(guest(v, OP_PENDING, SPI(EDGE), 0, 0), 1, "edge: it is pending");
	tap_eq(guest(v, OP_WAIT, SPI(EDGE), 1, 0), 1, "edge: the guest takes it");
	tap_eq(guest(v, OP_SETTLE, SPI(EDGE), 0, 0), 1, "edge: once");
	pthread_create(&thread, NULL, signal_later, &fd);
	tap_eq(guest(v, OP_WAIT, SPI(EDGE), 2, 0), 2, "edge: it wakes a guest in WFI");
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, signal_later, &fd);
	tap_eq(guest(v, OP_POLL, SPI(EDGE), 3, 0), 3, "edge: it comes to one that runs");
	pthread_join(thread, NULL);
	signal_eventfd(fd);
	signal_eventfd(fd);
	guest(v, OP_WAIT, SPI(EDGE), 4, 0);
	tap_eq(guest(v, OP_SETTLE, SPI(EDGE), 0, 0), 4, "edge: two while it is pending are one");

	irqfd(vm, fd, EDGE, DEL, 0);
	signal_eventfd(fd);
	tap_eq(guest(v, OP_SETTLE, SPI(EDGE), 0, 0), 4, "edge: deassigned, it does not come");
	tap_eq(take_eventfd(fd), 1, "edge: and the signal stays");
	signal_eventfd(fd);
	irqfd(vm, fd, EDGE, 0, 0);
	tap_eq(guest(v, OP_WAIT, SPI(EDGE), 5, 0), 5, "edge: signalled before it was assigned");
	irqfd(vm, fd, EDGE, DEL, 0);
	guest(v, OP_DISABLE, SPI(EDGE), 0, 0);
	close(fd);
}

/* A line without a resamplefd goes up, and only IRQ_LINE can lower it, as in KVM. */
static void test_level_plain(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	int fd = new_eventfd(0);

	irqfd(vm, fd, LEVEL, 0, 0);
	guest(v, OP_LEVEL, SPI(LEVEL), 0, 0);
	guest(v, OP_DISABLE, SPI(LEVEL), 0, 0);
	signal_eventfd(fd);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 1, "level: the line is up");
	guest(v, OP_CLEAR, SPI(LEVEL), 0, 0);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 1, "level: ICPENDR does not lower it");
	avmm_spi_line(vm->fd, SPI(LEVEL), 0);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 0, "level: IRQ_LINE does");
	irqfd(vm, fd, LEVEL, DEL, 0);
	close(fd);
}

static int resample[2], early;
static bool lower_line;

static void in_handler(struct vcpu *vcpu)
{
	early += take_eventfd(resample[0]);
	if (lower_line)
		avmm_spi_line(vcpu->vm->fd, SPI(LEVEL), 0);
}

static void test_resample(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	int fd[2] = { new_eventfd(0), new_eventfd(0) }, i;

	for (i = 0; i < 2; i++)
		resample[i] = new_eventfd(0);
	on_irq = in_handler;
	early = 0;
	tap_eq(-irqfd(vm, fd[0], LEVEL, RESAMPLE, resample[0]), 0, "resample: assigned");
	guest(v, OP_LEVEL, SPI(LEVEL), 0, 0);
	guest(v, OP_TELL, SPI(LEVEL), 0, 0);
	signal_eventfd(fd[0]);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 1, "resample: the line is up");
	tap_eq(guest(v, OP_WAIT, SPI(LEVEL), 1, 0), 1, "resample: the guest takes it");
	tap_eq(guest(v, OP_SETTLE, SPI(LEVEL), 0, 0), 1, "resample: once, as the EOI lowers it");
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 0, "resample: the line is down");
	tap_eq(early, 0, "resample: no word before the EOI");
	tap_eq(take_eventfd(resample[0]), 1, "resample: one word after it");

	/* another device shares the line, and lowers it in the handler */
	lower_line = true;
	avmm_spi_line(vm->fd, SPI(LEVEL), 1);
	signal_eventfd(fd[0]);
	tap_eq(guest(v, OP_WAIT, SPI(LEVEL), 2, 0), 2, "resample: a line shared with IRQ_LINE");
	tap_eq(guest(v, OP_SETTLE, SPI(LEVEL), 0, 0), 2, "resample: comes once");
	tap_eq(take_eventfd(resample[0]), 1, "resample: word of an EOI after the line was lowered");
	lower_line = false;
	guest(v, OP_TELL, 0, 0, 0);

	tap_eq(-irqfd(vm, fd[1], LEVEL, RESAMPLE, resample[1]), 0, "resample: a second eventfd");
	signal_eventfd(fd[1]);
	tap_eq(guest(v, OP_WAIT, SPI(LEVEL), 3, 0), 3, "resample: it interrupts");
	guest(v, OP_SETTLE, SPI(LEVEL), 0, 0);
	tap_ok(take_eventfd(resample[0]) == 1 && take_eventfd(resample[1]) == 1,
	       "resample: both have word");

	/* the line stays up as long as one is left who can lower it */
	guest(v, OP_DISABLE, SPI(LEVEL), 0, 0);
	signal_eventfd(fd[0]);
	irqfd(vm, fd[0], LEVEL, DEL, 0);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 1, "resample: one deassigned, the line is up");
	irqfd(vm, fd[1], LEVEL, DEL, 0);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 0, "resample: the last one lowers it");
	tap_ok(!take_eventfd(resample[0]) && !take_eventfd(resample[1]), "resample: without a word");

	/* closing the eventfd is as good */
	irqfd(vm, fd[0], LEVEL, RESAMPLE, resample[0]);
	signal_eventfd(fd[0]);
	tap_eq(guest(v, OP_PENDING, SPI(LEVEL), 0, 0), 1, "close: the line is up");
	close(fd[0]);
	for (i = 0; i < 1000 && guest(v, OP_PENDING, SPI(LEVEL), 0, 0); i++)
		usleep(10000);
	tap_ok(i < 1000, "close: the line goes down");
	guest(v, OP_LEVEL, SPI(LEVEL), 0, 0);
	avmm_spi_line(vm->fd, SPI(LEVEL), 1);
	guest(v, OP_TELL, SPI(LEVEL), 0, 0);
	lower_line = true;
	tap_eq(guest(v, OP_WAIT, SPI(LEVEL), 1, 0), 1, "close: the line still works");
	guest(v, OP_SETTLE, SPI(LEVEL), 0, 0);
	tap_eq(take_eventfd(resample[0]), 0, "close: and gives no word any more");
	lower_line = false;
	guest(v, OP_TELL, 0, 0, 0);
	guest(v, OP_DISABLE, SPI(LEVEL), 0, 0);
	close(fd[1]);
	close(resample[0]);
	close(resample[1]);
	on_irq = NULL;
}

/* a device that wants attention again whenever the guest is done */
#define LOOPS	100

static void *device(void *arg)
{
	int *fd = arg, i;

	for (i = 1; i < LOOPS; i++) {
		if (!wait_eventfd(fd[1]))
			break;
		take_eventfd(fd[1]);
		signal_eventfd(fd[0]);
	}
	return NULL;
}

static void test_loop(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[0];
	int fd[2] = { new_eventfd(0), new_eventfd(0) };
	pthread_t thread;

	irqfd(vm, fd[0], LEVEL, RESAMPLE, fd[1]);
	guest(v, OP_LEVEL, SPI(LEVEL), 0, 0);
	pthread_create(&thread, NULL, device, fd);
	signal_eventfd(fd[0]);
	tap_eq(guest(v, OP_WAIT, SPI(LEVEL), LOOPS, 0), LOOPS, "loop: %d times", LOOPS);
	pthread_join(thread, NULL);
	tap_eq(guest(v, OP_SETTLE, SPI(LEVEL), 0, 0), LOOPS, "loop: and no more");
	tap_eq(take_eventfd(fd[1]), 1, "loop: the last word");
	irqfd(vm, fd[0], LEVEL, DEL, 0);
	guest(v, OP_DISABLE, SPI(LEVEL), 0, 0);
	close(fd[0]);
	close(fd[1]);
}

/* ---- assigned, deassigned and torn down while someone signals ---- */

struct storm {
	struct vm *vm;
	int fd, resample;
	volatile bool stop;
	unsigned long turns;
};

static void *signals(void *arg)
{
	struct storm *s = arg;

	while (!s->stop)
		signal_eventfd(s->fd);
	return NULL;
}

static void *churn(void *arg)
{
	struct storm *s = arg;
	int r = 0;

	while (!s->stop && !r) {
		r = irqfd(s->vm, s->fd, LEVEL, RESAMPLE, s->resample);
		if (!r)
			r = irqfd(s->vm, s->fd, LEVEL, DEL, 0);
		if (!r)
			r = irqfd(s->vm, s->fd, EDGE, 0, 0);
		if (!r)
			r = irqfd(s->vm, s->fd, EDGE, DEL, 0);
		s->turns++;
	}
	if (r)
		tap_ok(false, "churn: %s", strerror(-r));
	return NULL;
}

static void test_races(struct vm *vm)
{
	struct storm s = { .vm = vm, .fd = new_eventfd(0), .resample = new_eventfd(0) };
	struct vcpu *v = &vm->vcpu[0];
	pthread_t a, b;
	uint64_t n;
	int i;

	guest(v, OP_LEVEL, SPI(LEVEL), 0, 0);
	guest(v, OP_EDGE, SPI(EDGE), 0, 0);
	pthread_create(&a, NULL, signals, &s);
	pthread_create(&b, NULL, churn, &s);
	guest(v, OP_WAIT, SPI(EDGE), 20, 0);
	n = guest(v, OP_WAIT, SPI(LEVEL), 20, 0);
	tap_ok(n >= 20 && guest(v, OP_COUNT, SPI(EDGE), 0, 0) >= 20,
	       "race: interrupts come while it is assigned and deassigned");
	s.stop = true;
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	tap_diag("%lu times assigned and deassigned", s.turns);
	n = guest(v, OP_SETTLE, SPI(LEVEL), 0, 0) + guest(v, OP_COUNT, SPI(EDGE), 0, 0);
	signal_eventfd(s.fd);
	tap_eq(guest(v, OP_SETTLE, SPI(LEVEL), 0, 0) + guest(v, OP_COUNT, SPI(EDGE), 0, 0), n,
	       "race: quiet after the last deassign");
	take_eventfd(s.fd);

	for (i = 0; i < 30; i++) {
		struct vm *other = vm_new(&(struct vm_config){ .vcpus = 1 });

		s.stop = false;
		irqfd(other, s.fd, i & 1 ? EDGE : LEVEL, i & 2 ? RESAMPLE : 0, s.resample);
		pthread_create(&a, NULL, signals, &s);
		usleep(1000);
		vm_free(other);
		s.stop = true;
		pthread_join(a, NULL);
		take_eventfd(s.fd);
	}
	signal_eventfd(s.fd);
	tap_eq(take_eventfd(s.fd), 1, "race: VMs end while their eventfds are signalled");
	close(s.fd);
	close(s.resample);
}

/* the eventfds of one VM are the doorbells of another, and no thread is in between */
static void test_chain(struct vm *vm)
{
	struct avmm_ioeventfd e = { .addr = MAP_MMIO + 0x40, .len = 4 };
	struct vcpu *v = &vm->vcpu[0];

	e.fd = new_eventfd(0);
	avmm_ioeventfd(vm->fd, &e);
	irqfd(vm, e.fd, EDGE, 0, 0);
	guest(v, OP_EDGE, SPI(EDGE), 0, 0);
	guest(v, OP_STORE, MAP_MMIO + 0x40, 1, 4);
	tap_eq(exits.n, 0, "chain: a store to an ioeventfd");
	tap_eq(guest(v, OP_WAIT, SPI(EDGE), 1, 0), 1, "chain: comes back as an interrupt");
	close(e.fd);
}

int main(void)
{
	struct vm *vm;
	int dev;

	test_begin(280);
	dev = device_open();
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IRQFD), 1, "capability IRQFD");
	tap_eq(avmm_check_extension(dev, AVMM_CAP_IRQFD_RESAMPLE), 1, "capability IRQFD_RESAMPLE");
	close(dev);
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(events) });
	test_args(vm);
	test_edge(vm);
	test_level_plain(vm);
	test_resample(vm);
	test_loop(vm);
	test_chain(vm);
	test_races(vm);
	vm_free(vm);
	return tap_end();
}
