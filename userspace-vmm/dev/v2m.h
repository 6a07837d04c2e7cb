/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GICv2m frame (BSA, appendix "GICv2m architecture"): a write of an INTID raises that SPI. Devices'
 * writes do not come here, core/irq.c connects them; here are the registers that a driver looks at.
 */
#ifndef AVMM_DEV_V2M_H
#define AVMM_DEV_V2M_H

#include "core/mmio.h"

/* dev: struct irqs */
extern const struct mmio_ops v2m_ops;

#endif /* AVMM_DEV_V2M_H */
