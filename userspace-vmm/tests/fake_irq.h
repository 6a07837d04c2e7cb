/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AVMM_TESTS_FAKE_IRQ_H
#define AVMM_TESTS_FAKE_IRQ_H

#include "core/irq.h"

#define FAKE_GSIS	16

/* By GSI; a negative fd: nothing is connected. */
extern struct msi fake_msi[FAKE_GSIS];
extern int fake_fd[FAKE_GSIS];

/* Without eventfd */
extern struct msi fake_sent;
extern unsigned int fake_sends;

void fake_irq_reset(void);

#endif /* AVMM_TESTS_FAKE_IRQ_H */
