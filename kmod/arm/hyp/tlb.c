// SPDX-License-Identifier: GPL-2.0
/*
 * Stage-2 TLB maintenance by VMID. A TLBI for EL1&0 names the VMID in
 * VTTBR_EL2; on VHE it means the guest's regime only with HCR_EL2.TGE clear
 * (Arm ARM D8.14.5). Included by both builds after switch.c.
 *
 * Context: interrupts masked.
 */

struct vmid_scope {
	u64 vttbr;
	u64 vtcr;
	u64 hcr;
};

static void vmid_enter(struct vmid_scope *s, u64 vttbr, u64 vtcr)
{
	hyp_dsb(ish);	/* table updates before the TLBI */
	s->vttbr = rd("vttbr_el2");
	s->vtcr = rd("vtcr_el2");
	wr("vtcr_el2", vtcr);
	wr("vttbr_el2", vttbr);
#ifdef HYP_VHE
	s->hcr = rd("hcr_el2");
	wr("hcr_el2", s->hcr & ~HCR_TGE);
#endif
	hyp_isb();
}

static void vmid_leave(struct vmid_scope *s)
{
#ifdef HYP_VHE
	wr("hcr_el2", s->hcr);
#endif
	wr("vttbr_el2", s->vttbr);
	wr("vtcr_el2", s->vtcr);
	hyp_isb();
}

/**
 * HYP_FN(tlbi_ipa) - forget one stage-2 translation on all CPUs
 * @vttbr: whose VMID
 * @vtcr: its VTCR_EL2
 * @ipa: guest-physical address, bytes
 * @level: level of the entry (only a hint, unused without FEAT_TTL)
 *
 * Stage-1 entries of the guest may hold the result of both stages, and cannot
 * be found by IPA: all of the VMID's go (Arm ARM D8.14.5).
 */
void HYP_FN(tlbi_ipa)(u64 vttbr, u64 vtcr, u64 ipa, u64 level)
{
	struct vmid_scope s;

	vmid_enter(&s, vttbr, vtcr);
	asm volatile("tlbi ipas2e1is, %0" : : "r"((ipa >> 12) & ((1UL << 36) - 1)) : "memory");
	hyp_dsb(ish);
	asm volatile("tlbi vmalle1is" : : : "memory");
	hyp_dsb(ish);
	hyp_isb();
	vmid_leave(&s);
}

/** HYP_FN(tlbi_vmid) - forget all translations of a VMID, both stages, on all CPUs */
void HYP_FN(tlbi_vmid)(u64 vttbr, u64 vtcr)
{
	struct vmid_scope s;

	vmid_enter(&s, vttbr, vtcr);
	asm volatile("tlbi vmalls12e1is" : : : "memory");
	hyp_dsb(ish);
	hyp_isb();
	vmid_leave(&s);
}

/**
 * HYP_FN(flush_local) - before another vCPU of the same VM runs on this CPU
 *
 * Two vCPUs share a VMID but not their use of ASIDs; what one left here by
 * non-broadcast maintenance must not serve the other.
 */
void HYP_FN(flush_local)(u64 vttbr, u64 vtcr)
{
	struct vmid_scope s;

	vmid_enter(&s, vttbr, vtcr);
	asm volatile("tlbi vmalle1" : : : "memory");
	asm volatile("ic iallu" : : : "memory");
	hyp_dsb(nsh);
	hyp_isb();
	vmid_leave(&s);
}
