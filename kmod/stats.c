// SPDX-License-Identifier: GPL-2.0
/* Counters under debugfs avmm/<pid>-<vmid>/, and the tracepoints' definitions. */
#define CREATE_TRACE_POINTS
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/sched.h>
#include "avmm.h"
#include "dev.h"
#include "trace.h"

static struct dentry *root;

struct counter {
	const char *name;
	size_t offset;
};

#define COUNTER(f)	{ #f, offsetof(struct avmm_vcpu_stat, f) }

static const struct counter counters[] = {
	COUNTER(exits),
	COUNTER(mmio_user),
	COUNTER(mmio_kernel),
	COUNTER(s2_faults),
	COUNTER(wfi),
	COUNTER(wfe),
	COUNTER(hvc),
	COUNTER(sysreg),
	COUNTER(irq),
	COUNTER(signal),
	COUNTER(injected),
};

/* one line per vCPU; read without locks: each counter is exact, the set is not a snapshot */
static int vcpus_show(struct seq_file *m, void *unused)
{
	struct avmm_vm *vm = m->private;
	struct avmm_vcpu *vcpu;
	unsigned int i;
	size_t c;

	avmm_for_each_vcpu(i, vcpu, vm) {
		seq_printf(m, "vcpu %u el2_exits %llu tier0 %llu", vcpu->id,
			   vcpu->arch.ctx->nr_exits, vcpu->arch.ctx->nr_tier0);
		for (c = 0; c < ARRAY_SIZE(counters); c++)
			seq_printf(m, " %s %llu", counters[c].name,
				   *(u64 *)((char *)&vcpu->stat + counters[c].offset));
		seq_putc(m, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpus);

/** avmm_stats_vm_create - the VM's debugfs folder; its absence harms nothing */
void avmm_stats_vm_create(struct avmm_vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "%d-%u", task_tgid_nr(current), vm->arch.vmid);
	vm->debugfs = debugfs_create_dir(name, root);
	debugfs_create_file("vcpus", 0400, vm->debugfs, vm, &vcpus_fops);
}

/** avmm_stats_vm_destroy - waits for readers */
void avmm_stats_vm_destroy(struct avmm_vm *vm)
{
	debugfs_remove(vm->debugfs);
}

/** avmm_stats_init - debugfs avmm/ */
void avmm_stats_init(void)
{
	root = debugfs_create_dir("avmm", NULL);
}

/** avmm_stats_exit - the mirror */
void avmm_stats_exit(void)
{
	debugfs_remove(root);
}
