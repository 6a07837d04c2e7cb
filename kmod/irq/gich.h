/* SPDX-License-Identifier: GPL-2.0 */
/* The hypervisor interface of a host's GICv2: nothing to do on one with GICv3. */
#ifndef AVMM_IRQ_GICH_H
#define AVMM_IRQ_GICH_H

#include <linux/jump_label.h>

struct avmm_hyp_vgic;

DECLARE_STATIC_KEY_FALSE(avmm_gich_key);

int gich_init(void);
void gicv_init(void);
void gich_exit(void);
void __gich_load(const struct avmm_hyp_vgic *vgic);
void __gich_save(struct avmm_hyp_vgic *vgic);
void __gich_clear(void);

/* Before the guest is entered, and after it was left. Context: interrupts off */
static inline void gich_load(const struct avmm_hyp_vgic *vgic)
{
	if (static_branch_unlikely(&avmm_gich_key))
		__gich_load(vgic);
}

static inline void gich_save(struct avmm_hyp_vgic *vgic)
{
	if (static_branch_unlikely(&avmm_gich_key))
		__gich_save(vgic);
}

/* On a CPU that comes up, or may have lost the registers. Context: no migration */
static inline void gich_clear(void)
{
	if (static_branch_unlikely(&avmm_gich_key))
		__gich_clear();
}

#endif /* AVMM_IRQ_GICH_H */
