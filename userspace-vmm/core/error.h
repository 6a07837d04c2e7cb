/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Errors as values: what failed is put into words where it is known, and printed once, in main().
 */
#ifndef AVMM_CORE_ERROR_H
#define AVMM_CORE_ERROR_H

struct error {
	int code;		/* negative errno, 0 as long as nothing failed */
	char text[320];		/* one sentence, without the program's name or a full stop */
};

/* Returns code, so that a function can end with it. */
int error_set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* AVMM_CORE_ERROR_H */
