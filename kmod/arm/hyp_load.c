// SPDX-License-Identifier: GPL-2.0
/*
 * nVHE: the blob, EL2's own translation table, and each CPU's hand-over.
 *
 * EL2 maps little and maps it at VA == PA: the blob, each CPU's stack and
 * params, each vCPU's context. So no address needs conversion beyond
 * virt_to_phys(), code runs at the same address with the MMU on and off, and
 * what is not mapped EL2 cannot damage. The table uses the 4 KiB granule
 * whatever the kernel's page size: it is EL2's own regime.
 */
#include <linux/gfp.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/sysreg.h>
#include <asm/cputype.h>
#include "avmm.h"
#include "arm/enter.h"

extern char avmm_hyp_blob[], avmm_hyp_blob_end[];

/* offsets in the blob, pinned by hyp.lds */
#define BLOB_INIT_VECTORS	0
#define BLOB_STUB_STATE		0x800

#define HYP_PAGE_SHIFT	12
#define HYP_PAGE_SIZE	(1UL << HYP_PAGE_SHIFT)
#define HYP_PTRS	512
#define HYP_VA_BITS	48
#define HYP_STACK_SIZE	(2 * HYP_PAGE_SIZE)

/* stage-1 EL2 descriptors, Arm ARM D8.3.1; AP[1] is RES1 in a one-privilege regime */
#define DESC_TABLE	3UL
#define DESC_PAGE	3UL
#define DESC_AP_RES1	(1UL << 6)
#define DESC_RO		(1UL << 7)
#define DESC_SH_INNER	(3UL << 8)
#define DESC_AF		(1UL << 10)
#define DESC_XN		(1UL << 54)
#define DESC_ADDR	0x0000fffffffff000UL
#define DESC_RX		(DESC_PAGE | DESC_AP_RES1 | DESC_SH_INNER | DESC_AF | DESC_RO)
#define DESC_RW		(DESC_PAGE | DESC_AP_RES1 | DESC_SH_INNER | DESC_AF | DESC_XN)

#define SCTLR_EL2_RES1_	0x30c50830UL
#define SCTLR_M		(1UL << 0)
#define SCTLR_C		(1UL << 2)
#define SCTLR_SA	(1UL << 3)
#define SCTLR_I		(1UL << 12)
#define SCTLR_WXN	(1UL << 19)

struct hyp_cpu {
	struct avmm_hyp_params *params;	/* one page: params, then nothing; stack below */
	void *stack;
	bool installed;
};

static DEFINE_PER_CPU(struct hyp_cpu, hyp_cpu);
static DEFINE_MUTEX(hyp_map_lock);
static u64 *hyp_pgd;
static void *hyp_text;
static size_t hyp_text_size;

static void clean_to_poc(void *va, size_t size)
{
	u64 line = 4UL << ((read_sysreg(ctr_el0) >> 16) & 0xf);
	u64 a;

	for (a = (u64)va & ~(line - 1); a < (u64)va + size; a += line)
		asm volatile("dc civac, %0" : : "r"(a) : "memory");
	dsb(sy);
}

/* each table is a 4 KiB piece, but allocated as a page so that any page size works */
static u64 *table_alloc(void)
{
	u64 *t = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (t)
		clean_to_poc(t, HYP_PAGE_SIZE);
	return t;
}

/* the level-3 slot of @va, with tables made on the way if @make */
static u64 *hyp_slot(u64 va, bool make)
{
	u64 *t = hyp_pgd;
	int shift;

	for (shift = HYP_VA_BITS - 9; shift > HYP_PAGE_SHIFT; shift -= 9) {
		u64 *e = &t[(va >> shift) & (HYP_PTRS - 1)];
		u64 *next;

		if (!*e) {
			next = make ? table_alloc() : NULL;
			if (!next)
				return NULL;
			WRITE_ONCE(*e, virt_to_phys(next) | DESC_TABLE);
			clean_to_poc(e, sizeof(*e));
		}
		t = phys_to_virt(*e & DESC_ADDR);
	}
	return &t[(va >> shift) & (HYP_PTRS - 1)];
}

static int hyp_map(void *va, size_t size, u64 attr)
{
	u64 pa = virt_to_phys(va), end = pa + size;
	int ret = 0;

	mutex_lock(&hyp_map_lock);
	for (pa &= ~(HYP_PAGE_SIZE - 1); pa < end; pa += HYP_PAGE_SIZE) {
		u64 *slot = hyp_slot(pa, true);

		if (!slot) {
			ret = -ENOMEM;
			break;
		}
		WRITE_ONCE(*slot, pa | attr);
		clean_to_poc(slot, sizeof(*slot));
	}
	dsb(ishst);
	mutex_unlock(&hyp_map_lock);
	return ret;
}

static void hyp_unmap(void *va, size_t size)
{
	u64 pa = virt_to_phys(va), end = pa + size;

	mutex_lock(&hyp_map_lock);
	for (pa &= ~(HYP_PAGE_SIZE - 1); pa < end; pa += HYP_PAGE_SIZE) {
		u64 *slot = hyp_slot(pa, false);

		if (!slot || !*slot)
			continue;
		WRITE_ONCE(*slot, 0);
		clean_to_poc(slot, sizeof(*slot));
		preempt_disable();
		if (avmm_mode_ready())
			avmm_hvc(HYP_CALL_TLBI_EL2, pa, 0, 0, 0, NULL);
		preempt_enable();
	}
	mutex_unlock(&hyp_map_lock);
}

/**
 * avmm_hyp_share - let EL2 reach a piece of kernel memory
 * @va: page-aligned linear-map address; the pages hold nothing else
 * @size: bytes
 *
 * Nothing to do on VHE, where EL2 is the kernel. May sleep.
 * Return: 0 or -ENOMEM
 */
int avmm_hyp_share(void *va, size_t size)
{
	return avmm_host.vhe ? 0 : hyp_map(va, size, DESC_RW);
}

/** avmm_hyp_unshare - undo avmm_hyp_share() before the pages are freed */
void avmm_hyp_unshare(void *va, size_t size)
{
	if (!avmm_host.vhe)
		hyp_unmap(va, size);
}

static void free_tables(u64 *t, int shift)
{
	int i;

	for (i = 0; shift > HYP_PAGE_SHIFT && i < HYP_PTRS; i++)
		if (t[i])
			free_tables(phys_to_virt(t[i] & DESC_ADDR), shift - 9);
	free_page((unsigned long)t);
}

static int cpu_alloc(int cpu)
{
	struct hyp_cpu *c = per_cpu_ptr(&hyp_cpu, cpu);
	struct avmm_hyp_params *p;
	u64 parange = avmm_host.parange;

	c->stack = alloc_pages_exact(max_t(size_t, HYP_STACK_SIZE, PAGE_SIZE),
				     GFP_KERNEL | __GFP_ZERO);
	p = (void *)get_zeroed_page(GFP_KERNEL);
	c->params = p;
	if (!c->stack || !p)
		return -ENOMEM;
	p->ttbr0 = virt_to_phys(hyp_pgd);
	/* RES1 31 and 23, PS, 4K granule, inner shareable, write-back walks, T0SZ */
	p->tcr = BIT(31) | BIT(23) | parange << 16 | 3 << 12 | 1 << 10 | 1 << 8 |
		 (64 - HYP_VA_BITS);
	p->mair = 0xff;	/* attribute 0: normal, write-back, allocate */
	p->sctlr = SCTLR_EL2_RES1_ | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN;
	p->stack = virt_to_phys(c->stack) + HYP_STACK_SIZE;
	return hyp_map(c->stack, HYP_STACK_SIZE, DESC_RW) ?: hyp_map(p, HYP_PAGE_SIZE, DESC_RW);
}

/**
 * avmm_hyp_load - copy the blob and build EL2's address space
 *
 * Return: 0, -ENOMEM
 */
int avmm_hyp_load(void)
{
	int cpu, ret;

	hyp_text_size = avmm_hyp_blob_end - avmm_hyp_blob;
	hyp_text = alloc_pages_exact(hyp_text_size, GFP_KERNEL | __GFP_ZERO);
	hyp_pgd = table_alloc();
	ret = hyp_text && hyp_pgd ? 0 : -ENOMEM;
	if (!ret) {
		memcpy(hyp_text, avmm_hyp_blob, hyp_text_size);
		clean_to_poc(hyp_text, hyp_text_size);
		asm volatile("ic ialluis; dsb ish; isb" : : : "memory");
		ret = hyp_map(hyp_text, hyp_text_size, DESC_RX);
	}
	for_each_possible_cpu(cpu)
		ret = ret ?: cpu_alloc(cpu);
	if (ret)
		avmm_hyp_unload();
	return ret;
}

/** avmm_hyp_unload - free all of it; EL2 is the stub's again on every CPU */
void avmm_hyp_unload(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct hyp_cpu *c = per_cpu_ptr(&hyp_cpu, cpu);

		if (c->stack)
			free_pages_exact(c->stack, max_t(size_t, HYP_STACK_SIZE, PAGE_SIZE));
		free_page((unsigned long)c->params);
		c->stack = NULL;
		c->params = NULL;
	}
	if (hyp_pgd)
		free_tables(hyp_pgd, HYP_VA_BITS - 9);
	if (hyp_text)
		free_pages_exact(hyp_text, hyp_text_size);
	hyp_pgd = NULL;
	hyp_text = NULL;
}

/**
 * avmm_hyp_install - take this CPU's EL2 from the stub
 *
 * Context: on the CPU, interrupts off. Return: 0, -EBUSY if the stub does not
 * behave, -EIO if the blob does not.
 */
int avmm_hyp_install(void)
{
	struct hyp_cpu *c = this_cpu_ptr(&hyp_cpu);
	phys_addr_t text = virt_to_phys(hyp_text);
	u64 sctlr = 0;

	if (c->installed)
		return 0;
	/* __hyp_stub_vectors is not exported: have EL2 tell what is installed */
	c->params->stub_vbar = avmm_hvc(STUB_SOFT_RESTART, text + BLOB_STUB_STATE, 0, 0, 0, &sctlr);
	c->params->stub_sctlr = sctlr;
	if (sctlr & SCTLR_M)
		return -EBUSY;
	clean_to_poc(c->params, sizeof(*c->params));
	if (avmm_hvc(STUB_SET_VECTORS, text + BLOB_INIT_VECTORS, 0, 0, 0, NULL))
		return -EBUSY;
	if (avmm_hvc(HYP_CALL_INIT, virt_to_phys(c->params), 0, 0, 0, NULL))
		return -EIO;
	c->installed = true;
	return 0;
}

/** avmm_hyp_uninstall - give this CPU's EL2 back to the stub. Context: as install */
void avmm_hyp_uninstall(void)
{
	struct hyp_cpu *c = this_cpu_ptr(&hyp_cpu);

	if (!c->installed)
		return;
	c->installed = false;
	avmm_hvc(STUB_RESET_VECTORS, 0, 0, 0, 0, NULL);
}

/** avmm_hyp_forget - @cpu lost power: EL2 will be the stub's without our doing */
void avmm_hyp_forget(unsigned int cpu)
{
	per_cpu(hyp_cpu.installed, cpu) = false;
}
