/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP 13 for test programs: one line per check, in the form and with the exit
 * statuses of kselftest. A program prints nothing else on its standard output
 * but lines that begin with '#'.
 *
 *	tap_begin();
 *	tap_ok(fd >= 0, "opens the device");
 *	return tap_end();
 *
 * The plan comes last, so that no test need count its checks; a program that
 * dies on its way has no plan, and the runner takes that as a failure.
 */
#ifndef SELFTESTS_TAP_H
#define SELFTESTS_TAP_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* kselftest's exit statuses */
#define TAP_PASS	0
#define TAP_FAIL	1
#define TAP_SKIP	4

/* weak: one for all the files of a program */
struct tap_state {
	pthread_mutex_t lock;
	unsigned int done, failed, skipped;
};
__attribute__((weak)) struct tap_state tap = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline void tap_begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
}

static inline void tap_vline(const char *head, const char *fmt, va_list ap)
{
	char text[512], *p;

	vsnprintf(text, sizeof(text), fmt, ap);
	/* '#' would begin a directive and a newline would end the line */
	for (p = text; *p; p++)
		if (*p == '#' || *p == '\n')
			*p = ' ';
	pthread_mutex_lock(&tap.lock);
	printf("%s %u %s\n", head, ++tap.done, text);
	pthread_mutex_unlock(&tap.lock);
}

__attribute__((format(printf, 2, 3)))
static inline bool tap_ok(bool ok, const char *fmt, ...)
{
	va_list ap;

	if (!ok)
		__atomic_add_fetch(&tap.failed, 1, __ATOMIC_RELAXED);
	va_start(ap, fmt);
	tap_vline(ok ? "ok" : "not ok", fmt, ap);
	va_end(ap);
	return ok;
}

/* A value that must be equal to another; says both when it is not. */
__attribute__((format(printf, 3, 4)))
static inline bool tap_eq(unsigned long long got, unsigned long long want, const char *fmt, ...)
{
	va_list ap;

	if (got != want) {
		__atomic_add_fetch(&tap.failed, 1, __ATOMIC_RELAXED);
		printf("# got 0x%llx (%lld), want 0x%llx (%lld)\n",
		       got, (long long)got, want, (long long)want);
	}
	va_start(ap, fmt);
	tap_vline(got == want ? "ok" : "not ok", fmt, ap);
	va_end(ap);
	return got == want;
}

static inline void tap_skip(const char *reason, const char *name)
{
	pthread_mutex_lock(&tap.lock);
	printf("ok %u %s # SKIP %s\n", ++tap.done, name, reason);
	tap.skipped++;
	pthread_mutex_unlock(&tap.lock);
}

__attribute__((format(printf, 1, 2)))
static inline void tap_diag(const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&tap.lock);
	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	pthread_mutex_unlock(&tap.lock);
}

/* The test cannot go on, and that is a failure. */
__attribute__((format(printf, 1, 2), noreturn))
static inline void tap_bail(const char *fmt, ...)
{
	va_list ap;

	printf("Bail out! ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_Exit(TAP_FAIL);
}

/* Nothing here can be tested, and why. */
__attribute__((noreturn))
static inline void tap_skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	fflush(stdout);
	_Exit(TAP_SKIP);
}

static inline int tap_end(void)
{
	printf("1..%u\n# pass:%u fail:%u skip:%u\n", tap.done,
	       tap.done - tap.failed - tap.skipped, tap.failed, tap.skipped);
	fflush(stdout);
	return tap.failed ? TAP_FAIL : TAP_PASS;
}

#endif /* SELFTESTS_TAP_H */
