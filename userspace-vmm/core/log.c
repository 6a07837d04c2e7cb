// SPDX-License-Identifier: GPL-2.0
#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_bool verbose;
static atomic_bool raw;

void log_set_verbose(bool on)
{
	verbose = on;
}

void log_set_raw(bool on)
{
	raw = on;
}

/* One write per message, so that messages of several threads and VMs do not mix. */
static void emit(const char *fmt, va_list ap)
{
	char line[1024];
	int prefix = snprintf(line, sizeof(line), "avmm: ");
	int n = vsnprintf(line + prefix, sizeof(line) - prefix - 2, fmt, ap);

	if (n < 0)
		return;
	n += prefix;
	if (n > (int)sizeof(line) - 3)
		n = sizeof(line) - 3;
	if (raw)
		line[n++] = '\r';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return;		/* there is nobody left to tell */
}

void log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(fmt, ap);
	va_end(ap);
}

void log_verbose(const char *fmt, ...)
{
	va_list ap;

	if (!verbose)
		return;
	va_start(ap, fmt);
	emit(fmt, ap);
	va_end(ap);
}
