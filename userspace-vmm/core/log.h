/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Messages on standard error: "avmm: sentence". Any thread may log.
 */
#ifndef AVMM_CORE_LOG_H
#define AVMM_CORE_LOG_H

#include <stdbool.h>

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void log_set_verbose(bool on);
/* While the terminal is raw, a line feed alone does not go back to the first column. */
void log_set_raw(bool on);

#endif /* AVMM_CORE_LOG_H */
