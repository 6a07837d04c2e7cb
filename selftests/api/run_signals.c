// SPDX-License-Identifier: GPL-2.0
/*
 * Ways to get a vCPU out of RUN: immediate_exit, signals, signal masks; and that the guest does not
 * notice.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "avmm_util.h"

/* 1: add x0, x0, #1; b 1b */
static const uint32_t loop[] = { 0x91000400, 0x17ffffff };
/* 1: wfi; add x0, x0, #1; b 1b */
static const uint32_t sleeper[] = { 0xd503207f, 0x91000400, 0x17fffffe };

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static struct vm *vm_of(const uint32_t *code, unsigned int n)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });

	vm_poke(vm, MAP_RAM, code, n);
	vcpu_start_at(&vm->vcpu[0], MAP_RAM, 0);
	return vm;
}

static void test_immediate_exit(void)
{
	struct vm *vm = vm_of(loop, 2);
	struct vcpu *v = &vm->vcpu[0];
	int i, bad = 0;

	v->run->immediate_exit = 1;
	for (i = 0; i < 100; i++)
		bad += vcpu_run(v) != -EINTR;
	tap_eq(bad, 0, "immediate_exit: EINTR each time");
	tap_eq(vcpu_x(v, 0), 0, "the guest has not run");
	tap_eq(vcpu_get(v, REG_PC), MAP_RAM, "not one instruction");
	vm_free(vm);
}

static void test_alarm_signal(const char *name, const uint32_t *code, unsigned int n)
{
	struct vm *vm = vm_of(code, n);
	struct vcpu *v = &vm->vcpu[0];
	struct itimerval soon = { .it_value.tv_usec = 50000 }, off = { 0 };
	uint64_t before = 0, x0;
	int i, bad = 0, back = 0;

	for (i = 0; i < 10; i++) {
		signals = 0;
		setitimer(ITIMER_REAL, &soon, NULL);
		bad += vcpu_run(v) != -EINTR || v->run->exit_reason != AVMM_EXIT_INTR;
		bad += signals != 1;
		/* on a slow host the signal may come before the guest is entered */
		x0 = vcpu_x(v, 0);
		back += x0 < before;
		before = x0;
	}
	setitimer(ITIMER_REAL, &off, NULL);
	tap_eq(bad, 0, "%s: SIGALRM ends RUN with EINTR and exit reason INTR", name);
	tap_ok(!back && (code != loop || before), "%s: it goes on from where it was", name);
	vm_free(vm);
}

/* /proc/self/stat, proc(5): ticks of user mode, of the kernel, and of the first those in guests */
static void ticks_of_mine(unsigned long *all, unsigned long *guest)
{
	char line[1024] = "", *at;
	FILE *f = fopen("/proc/self/stat", "r");
	unsigned long user, kernel;
	int field;

	if (!f || !fgets(line, sizeof(line), f))
		tap_bail("/proc/self/stat: %s", strerror(errno));
	fclose(f);
	/* the second field is in brackets and may hold anything */
	at = strrchr(line, ')') + 1;
	for (field = 3; field < 14; field++)
		at = strchr(at + 1, ' ');
	user = strtoul(at, &at, 10);
	kernel = strtoul(at, &at, 10);
	for (field = 16; field < 43; field++)
		at = strchr(at + 1, ' ');
	*guest = strtoul(at, NULL, 10);
	*all = user + kernel;
}

/* top and cpu.stat tell by this who it is that computes */
static void test_guest_time(void)
{
	struct vm *vm = vm_of(loop, 2);
	struct itimerval soon = { .it_value.tv_sec = 2 };
	unsigned long all, guest, all_after, guest_after;

	ticks_of_mine(&all, &guest);
	setitimer(ITIMER_REAL, &soon, NULL);
	vcpu_run(&vm->vcpu[0]);
	ticks_of_mine(&all_after, &guest_after);
	all = all_after - all;
	guest = guest_after - guest;
	/* KVM counts a third of it */
	tap_ok(guest * 10 > all, "the time of a guest that computes is guest time (%lu of %lu)",
	       guest, all);
	vm_free(vm);
}

static void *signaller(void *arg)
{
	struct vcpu *v = arg;
	int i;

	for (i = 0; i < 200; i++) {
		usleep(500);
		pthread_kill(v->thread, SIGUSR2);
	}
	v->vm->stop = true;
	v->run->immediate_exit = 1;
	pthread_kill(v->thread, SIGUSR2);
	return NULL;
}

static void test_storm(void)
{
	struct vm *vm = vm_of(loop, 2);
	struct vcpu *v = &vm->vcpu[0];
	unsigned int n = 0, bad = 0;
	pthread_t t;

	v->thread = pthread_self();
	if (pthread_create(&t, NULL, signaller, v))
		tap_bail("pthread_create");
	while (!vm->stop) {
		bad += vcpu_run(v) != -EINTR;
		n++;
	}
	pthread_join(t, NULL);
	tap_eq(bad, 0, "a storm of signals: EINTR every time, %u times", n);
	tap_ok(vcpu_x(v, 0) > 0, "and the guest gets on");
	vm_free(vm);
}

/*
 * SIGUSR2 is blocked in the thread and open in RUN only: it ends RUN, and is still pending after
 * it.
 */
static void test_mask(void)
{
	struct vm *vm = vm_of(loop, 2);
	struct vcpu *v = &vm->vcpu[0];
	struct { uint32_t len; uint8_t set[8]; } mask = { .len = 8 };
	sigset_t block, old, now, pending;
	uint64_t bits = 0;

	sigemptyset(&block);
	sigaddset(&block, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &block, &old);
	memcpy(mask.set, &bits, 8);
	tap_eq(-avmm_set_signal_mask(v->fd, (void *)&mask), 0,
	       "SET_SIGNAL_MASK that blocks nothing");
	signals = 0;
	pthread_kill(pthread_self(), SIGUSR2);
	tap_eq(-vcpu_run(v), EINTR, "a signal that only RUN lets in ends it");
	tap_eq(vcpu_x(v, 0), 0, "before the guest has run");
	sigpending(&pending);
	tap_ok(signals == 0 && sigismember(&pending, SIGUSR2), "the signal is still pending");
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	tap_ok(sigismember(&now, SIGUSR2), "and the thread's mask is as it was");
	tap_eq(-vcpu_run(v), EINTR, "the next RUN ends too");

	/* The other way round: blocked in RUN, open outside. */
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	tap_eq(signals, 1, "unblocked, it is delivered");
	tap_eq(-avmm_ioctl(v->fd, AVMM_SET_SIGNAL_MASK, NULL), 0, "SET_SIGNAL_MASK of none");
	vm_free(vm);
}

int main(void)
{
	struct sigaction sa = { .sa_handler = count_signal };

	test_begin(280);
	sigaction(SIGUSR2, &sa, NULL);
	test_immediate_exit();
	test_storm();
	test_mask();
	/* the last: these take the alarm away from the test's own */
	sigaction(SIGALRM, &sa, NULL);
	test_guest_time();
	test_alarm_signal("a busy guest", loop, 2);
	test_alarm_signal("a sleeping guest", sleeper, 3);
	return tap_end();
}
