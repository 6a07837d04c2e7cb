/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The terminal's mode: raw while a guest uses it, as it was before in every other case, a crash of
 * ours included.
 */
#ifndef AVMM_BACKEND_TERMINAL_H
#define AVMM_BACKEND_TERMINAL_H

/* 0; -ENOTTY if fd is no terminal. There is one terminal per process. */
int terminal_raw(int fd);

/* Puts the mode back; safe in a signal handler. */
void terminal_restore(void);

/* Raw again after the process was stopped and continued, if it has the terminal. */
void terminal_continue(void);

/* From here on a signal that ends the process puts the mode back first. */
void terminal_guard(void);

#endif /* AVMM_BACKEND_TERMINAL_H */
