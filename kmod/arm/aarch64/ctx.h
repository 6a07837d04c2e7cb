/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world-switch context of an AArch64 guest: the one structure that the
 * host and the code in hyp/ share. It is a naturally aligned block of pages;
 * on nVHE it is the only memory of a vCPU that EL2 maps.
 *
 * Nothing in here is a pointer into the kernel: EL2 addresses memory
 * physically (hyp/ runs with VA == PA on nVHE).
 */
#ifndef AVMM_ARM_AARCH64_CTX_H
#define AVMM_ARM_AARCH64_CTX_H

#include <linux/types.h>

/*
 * Guest system registers. Those below CTX_NR_SWITCHED are loaded at each entry
 * and saved at each exit; the others exist only in memory, their accesses trap.
 */
enum avmm_ctx_reg {
	CTX_CSSELR_EL1,
	CTX_SCTLR_EL1,
	CTX_CPACR_EL1,
	CTX_TTBR0_EL1,
	CTX_TTBR1_EL1,
	CTX_TCR_EL1,
	CTX_ESR_EL1,
	CTX_AFSR0_EL1,
	CTX_AFSR1_EL1,
	CTX_FAR_EL1,
	CTX_MAIR_EL1,
	CTX_VBAR_EL1,
	CTX_CONTEXTIDR_EL1,
	CTX_AMAIR_EL1,
	CTX_CNTKCTL_EL1,
	CTX_PAR_EL1,
	CTX_TPIDR_EL0,
	CTX_TPIDRRO_EL0,
	CTX_TPIDR_EL1,
	CTX_SP_EL0,
	CTX_SP_EL1,
	CTX_ELR_EL1,
	CTX_SPSR_EL1,
	CTX_DISR_EL1,		/* VDISR_EL2, on CPUs with RAS */
	CTX_NR_SWITCHED,

	CTX_MPIDR_EL1 = CTX_NR_SWITCHED,
	CTX_ACTLR_EL1,
	CTX_MDSCR_EL1,		/* loaded, and never changed without a trap */
	CTX_OSLSR_EL1,
	CTX_MDCCINT_EL1,
	CTX_DACR32_EL2,
	CTX_IFSR32_EL2,
	CTX_FPEXC32_EL2,
	CTX_DBGVCR32_EL2,
	CTX_SPSR_ABT,
	CTX_SPSR_UND,
	CTX_SPSR_IRQ,
	CTX_SPSR_FIQ,
	CTX_DBGBVR0_EL1,
	CTX_DBGBCR0_EL1 = CTX_DBGBVR0_EL1 + 16,
	CTX_DBGWVR0_EL1 = CTX_DBGBCR0_EL1 + 16,
	CTX_DBGWCR0_EL1 = CTX_DBGWVR0_EL1 + 16,
	CTX_NR_REGS = CTX_DBGWCR0_EL1 + 16,
};

/* FP/SIMD: Q0..Q31 in memory order, then the two status words. */
struct avmm_fpsimd {
	u64 v[64] __aligned(16);
	u32 fpsr;
	u32 fpcr;
	u64 pad;
};

#define AVMM_MAX_LRS	16	/* ICH_VTR_EL2.ListRegs: GICv3 has at most 16 */

/**
 * struct avmm_hyp_vgic - GICv3 virtual CPU interface as switched (GIC spec, ch. 12)
 *
 * A GICv2's is kept in the same form: its GICH_HCR and GICH_VMCR have the same
 * fields at the same places, GICH_APR is in @ap1r[0], GICH_LR<n> is packed
 * otherwise (irq/gich.c).
 *
 * @lr: list registers; the first @used_lrs are written at entry and read back
 * @used_lrs: how many of @lr hold something
 * @nr_apr: how many of each APR exist (1, 2 or 4, from ICH_VTR_EL2.PREbits)
 * @hcr: ICH_HCR_EL2 while the guest runs
 * @vmcr: ICH_VMCR_EL2: the guest's ICC_PMR/CTLR/BPR/IGRPEN in one word
 * @elrsr: ICH_ELRSR_EL2 at exit (bit set: that list register is empty)
 * @sre: the guest's ICC_SRE_EL1
 * @ap0r: ICH_AP0Rn_EL2, active priorities of group 0
 * @ap1r: ICH_AP1Rn_EL2, active priorities of group 1
 *
 * In memory and valid whenever the guest is not running.
 */
struct avmm_hyp_vgic {
	u64 lr[AVMM_MAX_LRS];
	u32 used_lrs;
	u32 nr_apr;
	u64 hcr;
	u64 vmcr;
	u64 elrsr;
	u64 sre;
	u32 ap0r[4];
	u32 ap1r[4];
};

/**
 * struct avmm_hyp_timer - the guest's virtual timer as switched (Arm ARM D11)
 * @cntvoff: CNTVOFF_EL2 while the guest runs, in counter ticks
 * @cntpoff: what the guest's physical count is behind the machine's; reads of
 *	it trap if it is not 0
 * @cval: CNTV_CVAL_EL0
 * @ctl: CNTV_CTL_EL0 as read at exit, ISTATUS valid
 *
 * Loaded at entry and switched off at exit: in the host the guest's timer
 * never counts and its PPI never fires. The PPI only forces an exit.
 */
struct avmm_hyp_timer {
	u64 cntvoff;
	u64 cntpoff;
	u64 cval;
	u64 ctl;
};

/* avmm_ctx.exit_code: why hyp/ gave the CPU back */
enum avmm_exit_code {
	AVMM_HYP_EXIT_SYNC,	/* synchronous exception, see esr */
	AVMM_HYP_EXIT_IRQ,	/* physical interrupt, still pending in the host */
	AVMM_HYP_EXIT_SERROR,	/* physical SError taken while the guest ran */
	AVMM_HYP_EXIT_PANIC,	/* EL2 itself faulted; the VM is lost */
};

/* avmm_ctx.flags */
#define AVMM_CTX_FP_USED	(1U << 0)	/* guest FP is on the CPU */
#define AVMM_CTX_HAS_PMU	(1U << 1)	/* this CPU has PMUv3: hide it from EL0 */
#define AVMM_CTX_HAS_RAS	(1U << 2)	/* this CPU has VSESR_EL2 and VDISR_EL2 */
#define AVMM_CTX_HAS_FGT	(1U << 3)	/* this CPU has HFGRTR_EL2 and its like */
#define AVMM_CTX_HAS_HCX	(1U << 4)	/* this CPU has HCRX_EL2 */
#define AVMM_CTX_SERROR		(1U << 5)	/* out: an SError came with the exit, see serror_esr */
#define AVMM_CTX_GICH		(1U << 6)	/* GICv2: the host switches @vgic, irq/gich.c */
#define AVMM_CTX_TRAP_SRE	(1U << 7)	/* the guest must be kept from ICC_SRE_EL1 */
#define AVMM_CTX_GICV		(1U << 8)	/* a GICv2 for the guest, on a host with GICv3 */
#define AVMM_CTX_HAS_MPAM	(1U << 9)	/* the host uses MPAM */

/**
 * struct avmm_ctx - everything the world switch loads and saves
 * @x: X0..X30
 * @pc: ELR_EL2 at entry and exit
 * @pstate: SPSR_EL2 at entry and exit
 * @sys: system registers by enum avmm_ctx_reg
 * @fp: FP/SIMD registers
 * @vgic: virtual CPU interface
 * @timer: virtual timer
 * @hcr: HCR_EL2 while the guest runs (the VHE build adds E2H)
 * @mdcr: MDCR_EL2 while the guest runs
 * @vttbr: VTTBR_EL2 with VMID
 * @vtcr: VTCR_EL2
 * @vmpidr: VMPIDR_EL2
 * @vpidr: VPIDR_EL2
 * @vsesr: VSESR_EL2 for a virtual SError (CPUs with RAS only)
 * @esr: ESR_EL2 at exit
 * @far: FAR_EL2 at exit
 * @hpfar: HPFAR_EL2 at exit; valid for stage-2 aborts
 * @exit_code: enum avmm_exit_code
 * @flags: AVMM_CTX_*
 * @nr_exits: exits seen at EL2, tier 0 included
 * @nr_tier0: exits answered at EL2 without the host
 * @hyp_sp: EL2 stack pointer to come back to; hyp/ only
 * @serror_esr: ESR_EL2 of the SError that AVMM_CTX_SERROR tells of
 * @psci_version: constant answer of PSCI_VERSION; 0: the host answers all PSCI calls
 * @psci_features: constant answer of PSCI_FEATURES, bit n set: function n of the
 *                 32-bit [0] or 64-bit [1] range exists
 * @nr_brps: breakpoint registers of this CPU, ID_AA64DFR0_EL1.BRPs + 1
 * @nr_wrps: watchpoint registers
 * @host_fp: the host's FP registers while the guest's are on the CPU
 * @host: the host's system registers during the run; hyp/ only
 * @host_dbg: the host's debug registers while the guest's are on the CPU
 *
 * All of it is in memory and valid whenever the guest is not running.
 */
struct avmm_ctx {
	/* hyp/hyp_call.h has the offsets of these for assembly */
	u64 x[31];
	u64 pc;
	u64 pstate;
	u64 esr;
	u64 far;
	u32 exit_code;
	u32 flags;
	u64 hyp_sp;
	u64 serror_esr;

	u64 sys[CTX_NR_REGS];
	struct avmm_fpsimd fp;
	struct avmm_hyp_vgic vgic;
	struct avmm_hyp_timer timer;

	u64 hcr;
	u64 mdcr;
	u64 vttbr;
	u64 vtcr;
	u64 vmpidr;
	u64 vpidr;
	u64 vsesr;

	u64 hpfar;

	u64 nr_exits;
	u64 nr_tier0;
	u64 psci_version;
	u64 psci_features[2];

	u32 nr_brps;
	u32 nr_wrps;

	struct avmm_fpsimd host_fp;
	u64 host[64];
	u64 host_dbg[64];
};

#endif /* AVMM_ARM_AARCH64_CTX_H */
