// SPDX-License-Identifier: GPL-2.0
/*
 * The ITS: what is refused when, a guest that uses it, MSIs from outside, and saving and restoring
 * of its tables.
 */
#include "avmm_util.h"
#include "api/its.h"

PAYLOAD(its);

#define ADDR		AVMM_DEV_ARM_VGIC_GRP_ADDR
#define CTRL		AVMM_DEV_ARM_VGIC_GRP_CTRL
#define REGS		AVMM_DEV_ARM_VGIC_GRP_ITS_REGS
#define ITS		AVMM_VGIC_ITS_ADDR_TYPE
#define INIT		AVMM_DEV_ARM_VGIC_CTRL_INIT
#define SAVE		AVMM_DEV_ARM_ITS_SAVE_TABLES
#define RESTORE		AVMM_DEV_ARM_ITS_RESTORE_TABLES
#define RESET		AVMM_DEV_ARM_ITS_CTRL_RESET

#define GITS_CTLR	0x0000
#define GITS_IIDR	0x0004
#define GITS_TYPER	0x0008
#define GITS_CBASER	0x0080
#define GITS_CWRITER	0x0088
#define GITS_CREADR	0x0090
#define GITS_BASER(n)	(0x0100ULL + 8 * (n))

#define VALID		(1ULL << 63)
#define DEV		5
#define DEV2		7
#define LPI(n)		(8192ULL + (n))

static int its;

static int set(uint32_t group, uint64_t attr, uint64_t value)
{
	return avmm_attr_set(its, group, attr, &value);
}

static uint64_t get(uint64_t offset)
{
	uint64_t v = 0;
	int r = avmm_attr_get(its, REGS, offset, &v);

	if (r)
		tap_ok(false, "get of ITS register 0x%llx: %s", (unsigned long long)offset,
		       strerror(-r));
	return v;
}

static int new_its(struct vm *vm)
{
	its = avmm_new_device(vm->fd, AVMM_DEV_TYPE_ARM_VGIC_ITS);
	if (its < 0)
		tap_bail("no ITS: %s", strerror(-its));
	return its;
}

static int signal_msi(struct vm *vm, uint64_t addr, uint32_t dev, uint32_t event, uint32_t flags)
{
	struct avmm_msi msi = { .address_lo = addr, .address_hi = addr >> 32, .data = event,
				.devid = dev, .flags = flags };

	return avmm_signal_msi(vm->fd, &msi);
}

#define DOORBELL	(MAP_GITS + 0x10040)

/* ---- set-up ---- */

static void test_create(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .no_gic = true });
	struct avmm_create_device cd = { .type = AVMM_DEV_TYPE_ARM_VGIC_ITS,
					 .flags = AVMM_CREATE_DEVICE_TEST };
	uint64_t v = 0;
	int second;

	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_SIGNAL_MSI), 1, "capability SIGNAL_MSI");
	tap_eq(avmm_check_extension(vm->dev, AVMM_CAP_SIGNAL_MSI), 1, "also of the system");
	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_MSI_DEVID), 0, "no MSI_DEVID without an ITS");
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), EINVAL,
	       "SIGNAL_MSI without a GIC");
	tap_eq(-avmm_create_device(vm->fd, &cd), 0, "TEST of an ITS");
	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_MSI_DEVID), 0, "it makes none");
	vm_add_gic(vm);
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), ENODEV,
	       "SIGNAL_MSI without an ITS");
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, 2), EINVAL, "SIGNAL_MSI with a flag too many");
	new_its(vm);
	tap_eq(avmm_check_extension(vm->fd, AVMM_CAP_MSI_DEVID), 1, "MSI_DEVID with an ITS");
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), EINVAL,
	       "SIGNAL_MSI to an ITS without an address");

	tap_eq(-avmm_attr_has(its, ADDR, ITS), 0, "has ADDR");
	tap_eq(-avmm_attr_has(its, ADDR, AVMM_VGIC_V3_ADDR_TYPE_DIST), ENXIO,
	       "has not ADDR of a distributor");
	tap_eq(-avmm_attr_has(its, CTRL, INIT), 0, "has INIT");
	tap_eq(-avmm_attr_has(its, CTRL, SAVE), 0, "has SAVE_TABLES");
	tap_eq(-avmm_attr_has(its, CTRL, RESTORE), 0, "has RESTORE_TABLES");
	tap_eq(-avmm_attr_has(its, CTRL, RESET), 0, "has RESET");
	tap_eq(-avmm_attr_has(its, CTRL, 3), ENXIO, "has not the GIC's SAVE_PENDING_TABLES");
	tap_eq(-avmm_attr_has(its, 99, 0), ENXIO, "has not group 99");
	tap_eq(-avmm_attr_has(its, REGS, GITS_CTLR), 0, "has GITS_CTLR");
	tap_eq(-avmm_attr_has(its, REGS, GITS_IIDR), 0, "has GITS_IIDR");
	tap_eq(-avmm_attr_has(its, REGS, GITS_BASER(7)), 0, "has GITS_BASER7");
	tap_eq(-avmm_attr_has(its, REGS, 0xffe8), 0, "has GITS_PIDR2");
	tap_eq(-avmm_attr_has(its, REGS, 0x10), ENXIO, "has no register at 0x10");
	tap_eq(-avmm_attr_has(its, REGS, 0x140), ENXIO, "has no register at 0x140");
	tap_eq(-avmm_attr_has(its, REGS, GITS_CBASER + 4), EINVAL, "has no halves");
	tap_eq(-avmm_attr_has(its, REGS, 2), EINVAL, "nor quarters");

	tap_eq(-set(CTRL, INIT, 0), 0, "INIT");
	tap_eq(-set(CTRL, INIT, 0), 0, "INIT once more");
	tap_eq(-avmm_attr_get(its, REGS, GITS_CTLR, &v), ENXIO, "registers without an address");
	tap_eq(-avmm_attr_get(its, REGS, GITS_CBASER + 4, &v), EINVAL, "half a register");
	tap_eq(-avmm_attr_get(its, ADDR, ITS, &v), 0, "get ADDR");
	tap_eq(v, ~0ULL, "it has none");
	tap_eq(-avmm_attr_get(its, ADDR, 0, &v), ENODEV, "get ADDR of something else");
	tap_eq(-set(ADDR, 0, MAP_GITS), ENODEV, "set ADDR of something else");
	tap_eq(-avmm_attr_set(its, ADDR, ITS, NULL), EFAULT, "set ADDR from nowhere");
	tap_eq(-set(ADDR, ITS, MAP_GITS + 0x1000), EINVAL, "set ADDR that is not aligned");
	tap_eq(-set(ADDR, ITS, 1ULL << 40), E2BIG, "set ADDR beyond the guest's");
	tap_eq(-set(ADDR, ITS, (1ULL << 40) - 0x10000), E2BIG, "set ADDR half beyond it");
	tap_eq(-set(ADDR, ITS, MAP_GITS), 0, "set ADDR");
	tap_eq(-set(ADDR, ITS, MAP_GITS + 0x100000), EEXIST, "set ADDR again");
	tap_eq(-avmm_attr_get(its, ADDR, ITS, &v), 0, "get ADDR");
	tap_eq(v, MAP_GITS, "it is that");
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), EBUSY,
	       "SIGNAL_MSI to a disabled ITS");
	tap_eq(-signal_msi(vm, DOORBELL + 0x40000, DEV, 0, AVMM_MSI_VALID_DEVID), EINVAL,
	       "SIGNAL_MSI to another address");
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, 0), EINVAL, "SIGNAL_MSI without a device id");

	tap_eq(get(GITS_IIDR), 0x4b00043b, "GITS_IIDR");
	tap_eq(get(GITS_TYPER), 1 | 7 << 4 | 15 << 8 | 15 << 13, "GITS_TYPER");
	tap_eq(get(0xffe8), 0x3b, "GITS_PIDR2");
	tap_eq(-set(REGS, GITS_IIDR, get(GITS_IIDR)), 0, "set GITS_IIDR to itself");
	tap_eq(-set(REGS, GITS_IIDR, 1 << 12), EINVAL, "set GITS_IIDR of another revision");
	tap_eq(-set(REGS, GITS_TYPER, 0), 0, "set GITS_TYPER is ignored");
	tap_eq(-set(REGS, 0x10, 0), ENXIO, "set of no register");
	tap_eq(-set(REGS, GITS_CBASER, VALID | ITS_QUEUE | 1), 0, "set GITS_CBASER");
	tap_eq(get(GITS_CBASER) & 0xffffffff00ff, ITS_QUEUE | 1, "it reads back");
	tap_eq(-set(REGS, GITS_CREADR, 0x2000), EINVAL, "set GITS_CREADR beyond the queue");
	tap_eq(-set(REGS, GITS_CREADR, 0x1fe0), 0, "set GITS_CREADR");
	tap_eq(get(GITS_CREADR), 0x1fe0, "it reads back");
	tap_eq(-set(REGS, GITS_CWRITER, 0x1fe0), 0, "set GITS_CWRITER");
	tap_eq(-set(REGS, GITS_BASER(0), VALID | ITS_DEVTAB), 0, "set GITS_BASER0");
	tap_eq(-set(REGS, GITS_BASER(1), VALID | ITS_COLLTAB), 0, "set GITS_BASER1");
	tap_eq(-set(REGS, GITS_CTLR, 1), 0, "set GITS_CTLR");
	tap_eq(get(GITS_CTLR), 1U << 31 | 1, "enabled and quiescent");
	tap_eq(-set(REGS, GITS_CREADR, 0), EBUSY, "set GITS_CREADR while enabled");
	tap_eq(-set(CTRL, SAVE, 0), 0, "SAVE_TABLES with nothing");
	tap_eq(-set(CTRL, RESTORE, 0), 0, "RESTORE_TABLES with nothing");
	tap_eq(-set(CTRL, RESET, 0), 0, "RESET");
	tap_eq(get(GITS_CTLR), 1U << 31, "it is disabled");
	tap_ok(!get(GITS_CBASER) && !get(GITS_CREADR) && !get(GITS_CWRITER) &&
	       !(get(GITS_BASER(0)) & VALID) && !(get(GITS_BASER(1)) & VALID),
	       "its registers are as in the beginning");

	second = its;
	new_its(vm);
	tap_ok(its >= 0, "a second ITS");
	tap_eq(-set(ADDR, ITS, MAP_GITS + 0x200000), 0, "has an address of its own");
	tap_eq(-signal_msi(vm, DOORBELL + 0x200000, DEV, 0, AVMM_MSI_VALID_DEVID), EBUSY,
	       "and a doorbell");
	close(second);
	tap_eq(-signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), EBUSY,
	       "the first lives on when its file is closed");
	close(its);
	vm_free(vm);

	/* kvmtool's order: before the vCPUs */
	vm = vm_new(&(struct vm_config){ .no_gic = true });
	new_its(vm);
	tap_eq(-set(CTRL, INIT, 0), 0, "an ITS before the GIC, INIT");
	tap_eq(-set(ADDR, ITS, MAP_GITS), 0, "and ADDR");
	vm_add_gic(vm);
	tap_ok(true, "and the GIC after it");
	close(its);
	vm_free(vm);
}

/* ---- save and restore ---- */

static uint64_t *entry(struct vm *vm, uint64_t table, unsigned int i)
{
	return (uint64_t *)vm_ram(vm, table) + i;
}

static const uint64_t its_regs[] = { GITS_IIDR, GITS_CBASER, GITS_CREADR, GITS_CWRITER,
				     GITS_BASER(0), GITS_BASER(1) };
static uint64_t saved[8];
static uint64_t ctlr;

static void get_registers(void)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		saved[i] = get(its_regs[i]);
	ctlr = get(GITS_CTLR);
}

/* in the order that QEMU has */
static void set_registers(void)
{
	unsigned int i;

	for (i = 0; i < 6; i++)
		if (set(REGS, its_regs[i], saved[i]))
			tap_ok(false, "set of register 0x%llx", (unsigned long long)its_regs[i]);
}

static void see_tables(struct vm *vm)
{
	bool indirect = vm->cfg.arg & ITS_ARG_INDIRECT;
	uint64_t devices = indirect ? ITS_L2 : ITS_DEVTAB;
	unsigned int i, bad = 0;

	tap_eq(*entry(vm, devices, DEV), VALID | 2ULL << 49 | ITS_ITT(0) >> 8 << 5 | 5,
	       "saved: a device: next, table, bits");
	tap_eq(*entry(vm, devices, DEV2), VALID | 3993ULL << 49 | ITS_ITT(1) >> 8 << 5 | 4,
	       "saved: the next device");
	tap_eq(*entry(vm, devices, 4000), VALID | ITS_ITT(2) >> 8 << 5 | 3,
	       "saved: the last device");
	tap_eq(*entry(vm, devices, 0), 0, "saved: where no device is there is none");
	for (i = 0; i < NR_LPIS; i++) {
		uint64_t next = i == NR_LPIS - 1 ? 0 : i == 8 || i == 14 ? 2 : 1;
		uint64_t want = i == 9 || i == 15 ? 0 : next << 48 | LPI(i) << 16;

		if (*entry(vm, ITS_ITT(0), i) != want)
			bad++;
	}
	tap_eq(bad, 0, "saved: all events of the device: next, LPI, collection");
	tap_eq(*entry(vm, ITS_ITT(1), 9), LPI(9) << 16, "saved: an event that is alone");
	tap_eq(*entry(vm, ITS_ITT(2), 15), LPI(15) << 16 | 1,
	       "saved: an event of a collection without a target");
	tap_eq(*entry(vm, ITS_COLLTAB, 0), VALID, "saved: a collection");
	tap_eq(*entry(vm, ITS_COLLTAB, 1), VALID | 0xffffffffULL << 16 | 1,
	       "saved: the one without a target");
	tap_eq(*entry(vm, ITS_COLLTAB, 2), 0, "saved: the end of the collections");
	tap_eq(((uint8_t *)vm_ram(vm, ITS_PEND(0)))[LPI(20) / 8] & 0xff, 0x30,
	       "saved: two are pending");
}

/* Each a change of what was saved, and what RESTORE_TABLES says to it. */
static void test_bad_tables(struct vm *vm)
{
	const uint64_t dev = vm->cfg.arg & ITS_ARG_INDIRECT ? ITS_L2 : ITS_DEVTAB;
	const struct {
		uint64_t table;
		unsigned int i;
		uint64_t value;
		int want;
		const char *name;
	} bad[] = {
		{ dev, DEV, VALID | ITS_ITT(0) >> 8 << 5 | 31, EINVAL, "a device of 32 bits" },
		{ dev, DEV, VALID | 0xffff00000000 >> 8 << 5 | 5, EFAULT,
		  "a table that is no memory" },
		{ ITS_ITT(0), 3, 1ULL << 48 | 1ULL << 16, EINVAL, "an event for an SGI" },
		{ ITS_ITT(0), 3, 1ULL << 48 | 8191ULL << 16, EINVAL, "an event for no LPI" },
		{ ITS_ITT(0), 3, 100ULL << 48 | LPI(3) << 16, EINVAL,
		  "a next event beyond the table" },
		{ ITS_ITT(0), 3, 1ULL << 48 | LPI(3) << 16 | 9, EINVAL,
		  "an event of no collection" },
		{ ITS_COLLTAB, 1, VALID | 77ULL << 16 | 1, EINVAL, "a collection of no CPU" },
		{ ITS_COLLTAB, 1, VALID | 0, EEXIST, "a collection twice" },
		{ ITS_COLLTAB, 1, VALID | 8192, EINVAL, "a collection without a place" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t *p = entry(vm, bad[i].table, bad[i].i), was = *p;

		set(CTRL, RESET, 0);
		set_registers();
		*p = bad[i].value;
		tap_eq(-set(CTRL, RESTORE, 0), bad[i].want, "restore of %s", bad[i].name);
		*p = was;
		tap_eq(-set(REGS, GITS_CTLR, 1), 0, "and the ITS is still there");
		tap_eq(signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), 0,
		       "and empty");
	}
}

/* Another VM, to which the guest migrates; it is only looked at. */
static void test_second_vm(struct vm *from)
{
	struct vm_config cfg = from->cfg;
	uint64_t devices = cfg.arg & ITS_ARG_INDIRECT ? ITS_L2 : ITS_DEVTAB;
	uint64_t v = 0;
	int old = its;
	struct vm *vm;

	cfg.payload = NULL;
	cfg.ram_at = from->ram;
	cfg.ram = from->ram_size;
	vm = vm_new(&cfg);
	new_its(vm);
	set(ADDR, ITS, MAP_GITS);
	v = (uint32_t)ITS_PROP | 15;
	avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x70, &v);
	v = (uint32_t)ITS_PEND(0);
	avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x78, &v);
	v = 1;
	avmm_attr_set(vm->gic, AVMM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0, &v);
	set_registers();
	tap_eq(-set(CTRL, RESTORE, 0), 0, "another VM: restore");
	set(REGS, GITS_CTLR, 1);
	tap_eq(signal_msi(vm, DOORBELL, DEV, 21, AVMM_MSI_VALID_DEVID), 1,
	       "another VM: an MSI is delivered");
	tap_eq(signal_msi(vm, DOORBELL, DEV, 9, AVMM_MSI_VALID_DEVID), 0,
	       "another VM: one that is not mapped is not");
	tap_eq(signal_msi(vm, DOORBELL, 4000, 15, AVMM_MSI_VALID_DEVID), 0,
	       "another VM: nor one of a collection without a target");
	memset(vm_ram(vm, devices), 0, 0x10000);
	memset(vm_ram(vm, ITS_COLLTAB), 0xff, 0x10000);
	memset(vm_ram(vm, ITS_ITT(0)), 0, 0x30000);
	memset(vm_ram(vm, ITS_PEND(0)), 0, 0x10000);
	tap_eq(-set(CTRL, SAVE, 0), 0, "another VM: save");
	tap_eq(-avmm_attr_set(vm->gic, CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0,
	       "another VM: save the pending tables");
	see_tables(vm);
	test_bad_tables(vm);
	close(its);
	vm_free(vm);
	its = old;
}

static void save(struct vm *vm)
{
	tap_eq(-avmm_attr_set(vm->gic, CTRL, AVMM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0,
	       "save the pending tables");
	tap_eq(-set(CTRL, SAVE, 0), 0, "save the ITS");
	get_registers();
	see_tables(vm);
	tap_eq(-set(CTRL, RESET, 0), 0, "reset the ITS");
	set_registers();
	tap_eq(-set(REGS, GITS_CTLR, ctlr), 0, "enable it");
	tap_eq(signal_msi(vm, DOORBELL, DEV, 0, AVMM_MSI_VALID_DEVID), 0, "it is empty");
	set(CTRL, RESET, 0);
	test_second_vm(vm);
	set_registers();
	tap_eq(-set(CTRL, RESTORE, 0), 0, "restore the ITS");
	tap_eq(-set(REGS, GITS_CTLR, ctlr), 0, "and enable it");
}

/* ---- a guest ---- */

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	struct vm *vm = vcpu->vm;
	int r = 0;

	switch (uc->arg[0]) {
	case SYNC_MSI:
		r = signal_msi(vm, DOORBELL, uc->arg[1], uc->arg[2], AVMM_MSI_VALID_DEVID);
		break;
	case SYNC_MSI_RAW:
		r = uc->arg[1] == RAW_NO_DEVID ?
		    signal_msi(vm, DOORBELL, DEV, NR_LPIS + 1, 0) :
		    signal_msi(vm, MAP_GICD, DEV, 1, AVMM_MSI_VALID_DEVID);
		break;
	case SYNC_SAVE:
		save(vm);
		break;
	}
	vm->mbox[MBOX_RESULT] = (int64_t)r;
	return true;
}

static void run(unsigned int vcpus, uint64_t flags)
{
	struct vm *vm = vm_new(&(struct vm_config){ PAYLOAD_OF(its), .on_sync = on_sync,
						    .vcpus = vcpus, .arg = vcpus | flags,
						    .mbox0 = device_is_kvm() });
	bool ok;

	tap_diag("%u vCPUs, flags 0x%llx", vcpus, (unsigned long long)flags);
	new_its(vm);
	if (set(ADDR, ITS, MAP_GITS))
		tap_bail("no address for the ITS");
	ok = vm->nr_vcpus > 1 ? vm_run(vm) : vcpu_run_to_end(&vm->vcpu[0]);
	tap_ok(ok, "the payload came to its end");
	close(its);
	vm_free(vm);
}

int main(void)
{
	test_begin(280);
	test_create();
	run(1, 0);
	run(2, 0);
	run(2, ITS_ARG_INDIRECT);
	run(1, ITS_ARG_SAVE);
	run(1, ITS_ARG_SAVE | ITS_ARG_INDIRECT);
	return tap_end();
}
