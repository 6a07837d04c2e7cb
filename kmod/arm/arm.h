/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CPU side of a VM and a vCPU. Included by avmm.h; the functions here are
 * what the spine (run.c, vcpu.c, vm.c), mmu/ and irq/ may call.
 */
#ifndef AVMM_ARM_H
#define AVMM_ARM_H

#include <linux/bitmap.h>
#include <linux/hrtimer.h>
#include <linux/mod_devicetable.h>
#include "arm/aarch64/ctx.h"
#include "arm/aarch64/esr.h"
#include "irq/vgic.h"

#define AVMM_VCPU_NR_FEATURES	7	/* feature bits 0..6 are known */

/**
 * struct avmm_host - what this machine offers, found once at load (host.c)
 * @vhe: the kernel runs at EL2
 * @ipa_bits: largest stage-2 input size, limited by ID_AA64MMFR0_EL1.PARange
 * @vmid_bits: 8 or 16
 * @parange: ID_AA64MMFR0_EL1.PARange capped at 48 bits
 * @gic: 3 for GICv3 (GICv4 counts as 3), 2 for GICv2
 * @gicv: physical address of GICV, which a guest with a GICv2 has as its GICC; 0: none can
 * @ich_vtr: ICH_VTR_EL2, or GICH_VTR: what we use of them is the same
 * @trap_sre: ICC_SRE_EL1 is not fixed, or could be changed: guests are kept from it
 * @nr_lrs: list registers that exist and we use
 * @vtimer_irq: Linux interrupt of the virtual timer PPI
 * @vtimer_hwirq: its INTID (27 on most)
 * @maint_irq: Linux interrupt of the GIC maintenance PPI
 * @has_ras: ID_AA64PFR0_EL1.RAS
 * @has_fgt: ID_AA64MMFR0_EL1.FGT
 * @has_hcx: ID_AA64MMFR1_EL1.HCX
 * @has_pmu: CPUs have PMUv3, to be hidden from guests
 * @has_el0_32bit: EL0 can run AArch32
 * @nr_brps: breakpoints every CPU has
 * @nr_wrps: watchpoints every CPU has
 */
struct avmm_host {
	bool vhe;
	u32 ipa_bits;
	u32 vmid_bits;
	u32 parange;
	int gic;
	phys_addr_t gicv;
	u64 ich_vtr;
	bool trap_sre;
	int nr_lrs;
	int vtimer_irq;
	u32 vtimer_hwirq;
	int maint_irq;
	bool has_ras;
	bool has_pmu;
	bool has_fgt;
	bool has_hcx;
	bool has_el0_32bit;
	u32 nr_brps;
	u32 nr_wrps;
};

extern struct avmm_host avmm_host;
extern const struct of_device_id avmm_gic_match[];

/**
 * struct avmm_timer - one architected timer of a vCPU (arm/timer.c)
 *
 * The virtual timer's registers are in ctx->timer; the physical timer is
 * emulated: every access traps.
 */
struct avmm_timer {
	u32 ppi;		/* INTID of its interrupt: 27 virtual, 30 physical */
	bool level;		/* line state last given to the vGIC */
	u64 ctl;		/* physical timer only */
	u64 cval;		/* physical timer only */
	struct hrtimer bg;	/* wakes the thread, or raises the line, when not in guest */
};

struct avmm_reset_state {
	u64 pc;
	u64 x0;
	bool be;
};

#define AVMM_NR_CSSELR	14	/* values of CSSELR_EL1: seven levels, data or instruction */
#define AVMM_IDREG_CRMS	7	/* ID registers are CRm 1 to 7 */
/* which core it is: MIDR_EL1, REVIDR_EL1, AIDR_EL1 */
enum avmm_imp_id { AVMM_MIDR, AVMM_REVIDR, AVMM_AIDR, AVMM_NR_IMP_IDS };

struct avmm_arch_vcpu {
	struct avmm_ctx *ctx;
	bool inited;			/* ARM_VCPU_INIT done */
	bool ran;			/* RUN was called at least once */
	u32 target;
	DECLARE_BITMAP(features, AVMM_VCPU_NR_FEATURES);
	u32 mp_state;			/* AVMM_MP_STATE_*; changed under arch.vm mp_lock */
	struct avmm_reset_state reset;	/* for AVMM_REQ_RESET */
	spinlock_t mp_lock;
	struct avmm_timer vtimer;
	struct avmm_timer ptimer;
	struct vgic_cpu vgic;
	struct {
		u64 ipa;		/* of the structure, all ones: none */
		u64 last;		/* the thread's run delay when it was last written, ns */
	} steal;			/* [u] stolen time */
	struct {
		u8 len;
		u8 rt;
		bool sign;
		bool sf;
		bool write;
	} mmio;				/* decode of the access in flight */
	u64 clidr;			/* CLIDR_EL1 */
	u32 ccsidr[AVMM_NR_CSSELR];	/* CCSIDR_EL1 by CSSELR_EL1 */
};

struct avmm_arch_vm {
	struct vgic_dist vgic;
	u64 cntvoff;			/* VM-wide offsets of the counters, ticks: virtual */
	u64 cntpoff;			/* and physical */
	bool counter_offset_set;	/* both, by ARM_SET_COUNTER_OFFSET */
	u32 psci_version;		/* PSCI_VERSION as firmware register */
	u64 hvc_bmap[4];		/* STD, STD_HYP, VENDOR_HYP, VENDOR_HYP_2 firmware bitmaps */
	u32 vmid;
	u32 __percpu *last_vcpu;	/* idx+1 of the vCPU that last ran on each CPU */
	u64 idreg[AVMM_IDREG_CRMS][8];	/* [m] to write; ID registers by CRm - 1 and op2 (idreg.c) */
	u64 ctr;			/* [m] to write; CTR_EL0 */
	u64 imp_id[AVMM_NR_IMP_IDS];	/* [m] to write */
	bool writable_imp_ids;		/* AVMM_CAP_ARM_WRITABLE_IMP_ID_REGS was enabled */
	bool system_suspend;		/* AVMM_CAP_ARM_SYSTEM_SUSPEND was enabled */
	bool nisv_to_user;
	bool ran_once;			/* some vCPU has run: set-up is closed */
};

/* ---- host.c, mode.c, hyp_load.c, enter.h: taking and using EL2 ---- */
int avmm_host_probe(void);
int avmm_host_check_cpu(void);
void avmm_host_probe_gic(void);
int avmm_mode_init(void);
void avmm_mode_exit(void);
bool avmm_mode_ready(void);	/* this CPU's EL2 is ours; preemption off */
int avmm_hyp_share(void *va, size_t size);	/* map for EL2; no-op on VHE */
void avmm_hyp_unshare(void *va, size_t size);

/* TLB maintenance for mmu/; callable with vm->mmu_lock held, any CPU */
void avmm_hyp_tlbi_ipa(struct avmm_vm *vm, u64 ipa, int level);
void avmm_hyp_tlbi_vmid(struct avmm_vm *vm);

/* ---- exit.c, mmio.c ---- */
int avmm_handle_exit(struct avmm_vcpu *vcpu);
bool avmm_mmio_kernel(struct avmm_vcpu *vcpu, u64 ipa);
int avmm_mmio_user(struct avmm_vcpu *vcpu, u64 ipa);	/* return convention */
int avmm_finish_mmio(struct avmm_vcpu *vcpu);

/* ---- sysreg.c, idreg.c, regs.c ---- */
int avmm_handle_sysreg(struct avmm_vcpu *vcpu);		/* EC 0x18 */
int avmm_sysreg_init(void);				/* table self-check, ID register snapshot */
void avmm_sysreg_vm_init(struct avmm_vm *vm);
void avmm_sysreg_vcpu_init(struct avmm_vcpu *vcpu);	/* at CREATE_VCPU: what no reset changes */
void avmm_sysreg_reset(struct avmm_vcpu *vcpu);		/* reset values into ctx->sys */
void avmm_sysreg_show_ids(struct avmm_vcpu *vcpu);
int avmm_copy_writable_masks(u64 __user *to);
int avmm_get_one_reg(struct avmm_vcpu *vcpu, struct avmm_one_reg *reg);
int avmm_set_one_reg(struct avmm_vcpu *vcpu, struct avmm_one_reg *reg);
unsigned long avmm_nr_regs(struct avmm_vcpu *vcpu);
int avmm_copy_reg_list(struct avmm_vcpu *vcpu, u64 __user *to);

/* ---- hvc.c, psci.c ---- */
int avmm_handle_hvc(struct avmm_vcpu *vcpu);
int avmm_handle_smc(struct avmm_vcpu *vcpu);
/* PSCI functions; 1 = answered in x0, 0 = leave to user space, or -EOPNOTSUPP: not PSCI */
int avmm_psci_call(struct avmm_vcpu *vcpu);
void avmm_vcpu_power_off(struct avmm_vcpu *vcpu);
void avmm_hvc_host_init(void);		/* once at load, by avmm_sysreg_init */
void avmm_hvc_vm_init(struct avmm_vm *vm);	/* firmware register defaults; caller holds vm->lock */
void avmm_hvc_tier0_setup(struct avmm_vcpu *vcpu);	/* constants that EL2 may answer */
u32 avmm_psci_version(const struct avmm_vcpu *vcpu);
void avmm_psci_enable_suspend(struct avmm_vm *vm);	/* AVMM_CAP_ARM_SYSTEM_SUSPEND */
int avmm_fw_nr_regs(struct avmm_vcpu *vcpu);
int avmm_fw_copy_list(struct avmm_vcpu *vcpu, u64 __user *to);
int avmm_fw_get(struct avmm_vcpu *vcpu, u64 id, u64 *val);
int avmm_fw_set(struct avmm_vcpu *vcpu, u64 id, u64 val);

/* ---- s1walk.c ---- */
bool avmm_s1_level(struct avmm_vcpu *vcpu, u64 va, u64 ipa, int *level);

/* ---- inject.c: exceptions for the guest, as the Arm ARM takes them to EL1 ---- */
void avmm_inject_undef(struct avmm_vcpu *vcpu);
void avmm_inject_abort(struct avmm_vcpu *vcpu, bool exec, u64 addr, u64 fsc);
void avmm_inject_serror(struct avmm_vcpu *vcpu, u64 esr);
void avmm_skip_instr(struct avmm_vcpu *vcpu);
void avmm_get_events(struct avmm_vcpu *vcpu, struct avmm_vcpu_events *ev);
int avmm_set_events(struct avmm_vcpu *vcpu, const struct avmm_vcpu_events *ev);

/* ---- reset.c ---- */
int avmm_vcpu_init_target(struct avmm_vcpu *vcpu, const struct avmm_vcpu_init *init);
void avmm_vcpu_reset(struct avmm_vcpu *vcpu);
void avmm_vcpu_load_reset(struct avmm_vcpu *vcpu);	/* AVMM_REQ_RESET: reset, then arch.reset */

/* ---- pvtime.c: stolen time ---- */
bool avmm_pvtime_supported(void);
void avmm_pvtime_vcpu_init(struct avmm_vcpu *vcpu);
bool avmm_pvtime_ready(const struct avmm_vcpu *vcpu);
u64 avmm_pvtime_start(struct avmm_vcpu *vcpu);
void avmm_pvtime_update(struct avmm_vcpu *vcpu);
int avmm_pvtime_has_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
int avmm_pvtime_set_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
int avmm_pvtime_get_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);

/* ---- timer.c ---- */
int avmm_timer_host_init(void);		/* request the PPI */
void avmm_timer_host_exit(void);
void avmm_timer_cpu_up(void);		/* on each CPU, interrupts may be on, no migration */
void avmm_timer_cpu_down(void);
void avmm_timer_vm_init(struct avmm_vm *vm);
void avmm_timer_vcpu_init(struct avmm_vcpu *vcpu);
void avmm_timer_vcpu_reset(struct avmm_vcpu *vcpu);
void avmm_timer_vcpu_destroy(struct avmm_vcpu *vcpu);
int avmm_timer_first_run(struct avmm_vcpu *vcpu);	/* check PPIs, tie to vGIC */
void avmm_timer_flush(struct avmm_vcpu *vcpu);	/* before entry, interrupts off */
void avmm_timer_sync(struct avmm_vcpu *vcpu);	/* after exit, interrupts off */
void avmm_timer_block(struct avmm_vcpu *vcpu);	/* about to sleep in WFI */
void avmm_timer_unblock(struct avmm_vcpu *vcpu);
bool avmm_timer_pending(struct avmm_vcpu *vcpu);	/* a line is (or is due) up: do not sleep */
/* registers by what they are, not by encoding */
enum avmm_timer_reg { AVMM_TIMER_CTL, AVMM_TIMER_CVAL, AVMM_TIMER_TVAL, AVMM_TIMER_CNT };
u64 avmm_timer_read(struct avmm_vcpu *vcpu, bool phys, enum avmm_timer_reg reg);
void avmm_timer_write(struct avmm_vcpu *vcpu, bool phys, enum avmm_timer_reg reg, u64 val);
void avmm_timer_set_offset(struct avmm_vm *vm, u64 offset);
void avmm_timer_count_moved(struct avmm_vcpu *vcpu);
int avmm_timer_set_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
int avmm_timer_get_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);
int avmm_timer_has_attr(struct avmm_vcpu *vcpu, struct avmm_device_attr *attr);

#endif /* AVMM_ARM_H */
