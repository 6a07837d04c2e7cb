/* SPDX-License-Identifier: GPL-2.0 */
/* What every register table must be. For a test that has irq/vgic_mmio.c in it. */
#ifndef VGIC_TABLE_H
#define VGIC_TABLE_H

static inline void table_is_sound(const struct vgic_table *t, u32 size, const char *name)
{
	bool sorted = true, inside = true, aligned = true, complete = true;
	unsigned int i;

	for (i = 0; i < t->n; i++) {
		const struct vgic_reg *r = &t->regs[i];
		u32 unit = r->width & VGIC_W64 ? 8 : 4;

		if (i && r->offset < r[-1].offset + r[-1].len)
			sorted = false;
		inside &= r->len && r->offset + r->len <= size;
		aligned &= !(r->offset % unit) && !(r->len % unit);
		complete &= r->guest && r->user && (r->width & VGIC_W32) &&
			    !(r->width & ~(VGIC_W8 | VGIC_W32 | VGIC_W64));
		/* fields need their width, and at most a byte */
		complete &= !r->guest->get || (r->bits && r->bits <= 8);
		complete &= !r->guest->get == !r->guest->set;
	}
	tap_ok(sorted, "%s: rows are sorted and do not overlap", name);
	tap_ok(inside && aligned, "%s: rows are in the frame and aligned", name);
	tap_ok(complete, "%s: rows are complete", name);
	for (i = 0; i < t->n; i++)
		if (vgic_find_reg(t, t->regs[i].offset) != &t->regs[i] ||
		    vgic_find_reg(t, t->regs[i].offset + t->regs[i].len - 1) != &t->regs[i])
			break;
	tap_ok(i == t->n && !vgic_find_reg(t, size) && !vgic_find_reg(t, ~0U),
	       "%s: rows are found", name);
}

#endif /* VGIC_TABLE_H */
