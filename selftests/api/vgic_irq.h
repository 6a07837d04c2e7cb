/* SPDX-License-Identifier: GPL-2.0 */
/* What the payload of vgic_irq.c asks of the test: to move an interrupt line. */
#define SYNC_SPI	1	/* INTID, level */
#define SYNC_PPI	2	/* INTID, level, of the asking vCPU */
#define SYNC_PPI_OF	3	/* vCPU << 16 | INTID, level */

#define MBOX_IS_KVM	0
