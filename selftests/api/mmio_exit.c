// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and stores to addresses without memory: the run page that comes out, the register that goes
 * back in, immediate_exit in between, and instructions without a syndrome.
 */
#include "avmm_util.h"
#include "api/mmio_exit.h"

PAYLOAD(mmio_exit);

static const struct mmio_case_row {
	const char *name;
	int id, write, len;
	uint64_t before, want;
} cases[] = {
#define ROW(n, insn, w, l, b, v) \
	{ .name = #n, .id = CASE_##n, .write = w, .len = l, .before = b, .want = v },
	MMIO_CASES(ROW)
#undef ROW
};

static const struct nisv_case_row {
	const char *name;
	int id, write;
} nisv_cases[] = {
#define ROW(n, insn, w)	{ .name = #n, .id = CASE_##n, .write = w },
	NISV_CASES(ROW)
#undef ROW
};

/* Runs to the payload's next word; bails out if something else comes. */
static void to_sync(struct vcpu *vcpu, uint64_t what)
{
	int r = vcpu_step(vcpu);

	if (r != STEP_UCALL || vcpu->uc.code != UC_SYNC || vcpu->uc.arg[0] != what)
		tap_bail("expected word %llu, got %d: ucall %llu %llu", (unsigned long long)what, r,
			 (unsigned long long)vcpu->uc.code, (unsigned long long)vcpu->uc.arg[0]);
}

static void ask(struct vcpu *vcpu, int id, uint64_t address, uint64_t value)
{
	to_sync(vcpu, SYNC_NEXT);
	vcpu->vm->mbox[0] = id;
	vcpu->vm->mbox[1] = address;
	vcpu->vm->mbox[2] = value;
}

/*
 * The register after a load. QEMU's TCG leaves the sign-extension bit out of the syndrome in some
 * versions (7.2 and others), and then no hypervisor can know; that value, under that machine only,
 * is not held against it.
 */
static void check_register(const struct mmio_case_row *c, uint64_t got, const char *where)
{
	uint64_t mask = c->len == 8 ? ~0ULL : (1ULL << 8 * c->len) - 1;
	char machine[64], name[64];

	if (!c->write && got != c->want && got == (D & mask) &&
	    read_text("/sys/firmware/devicetree/base/compatible", machine, sizeof(machine)) &&
	    !strcmp(machine, "linux,dummy-virt")) {
		snprintf(name, sizeof(name), "%s: %s", c->name, where);
		tap_skip("this emulator's syndrome does not tell a signed load", name);
		return;
	}
	tap_eq(got, c->write ? c->before : c->want, "%s: %s", c->name, where);
}

static void test_case(struct vcpu *vcpu, const struct mmio_case_row *c, bool immediate)
{
	uint64_t address = MAP_MMIO + 0x100, data = 0, answer = D, pc;
	struct avmm_run *run = vcpu->run;
	int r;

	ask(vcpu, c->id, address, c->before);
	r = vcpu_step(vcpu);
	if (!tap_ok(r == AVMM_EXIT_MMIO, "%s: exits with MMIO", c->name))
		tap_bail("cannot go on: %d", r);
	memcpy(&data, run->mmio.data, c->len);
	tap_ok(run->mmio.phys_addr == address && run->mmio.len == (unsigned int)c->len &&
	       run->mmio.is_write == c->write, "%s: address 0x%llx, length %u, write %u", c->name,
	       (unsigned long long)run->mmio.phys_addr, run->mmio.len, run->mmio.is_write);
	if (c->write)
		tap_eq(data, c->want, "%s: data of the store", c->name);
	else
		memcpy(run->mmio.data, &answer, c->len);
	if (immediate) {
		pc = vcpu_get(vcpu, REG_PC);
		run->immediate_exit = 1;
		tap_eq(-vcpu_run(vcpu), EINTR, "%s: immediate_exit after the exit gives EINTR",
		       c->name);
		run->immediate_exit = 0;
		tap_eq(vcpu_get(vcpu, REG_PC), pc + 4, "%s: and the access is complete: pc",
		       c->name);
		check_register(c, vcpu_x(vcpu, 2), "and register");
	}
	to_sync(vcpu, SYNC_RESULT);
	check_register(c, vcpu->uc.arg[1], "register after it");
	tap_eq(vcpu->uc.arg[2], address, "%s: address register untouched", c->name);
}

/*
 * Without KVM_CAP_ARM_NISV_TO_USER switched on RUN fails and the instruction may be stepped over by
 * the VMM.
 */
static void test_nisv(struct vcpu *vcpu, const struct nisv_case_row *c, bool to_user)
{
	uint64_t address = MAP_MMIO + 0x200;
	int r;

	ask(vcpu, c->id, address, V);
	r = vcpu_step(vcpu);
	if (to_user) {
		tap_eq(r, AVMM_EXIT_ARM_NISV, "%s: exits with ARM_NISV", c->name);
		tap_eq(vcpu->run->arm_nisv.fault_ipa & ~0xfffULL, address & ~0xfffULL,
		       "%s: fault_ipa", c->name);
		tap_eq(vcpu->run->arm_nisv.esr_iss >> 6 & 1, c->write, "%s: esr_iss says write %d",
		       c->name, c->write);
	} else {
		tap_eq(-r, ENOSYS, "%s: no syndrome, ENOSYS", c->name);
	}
	vcpu_set(vcpu, REG_PC, vcpu_get(vcpu, REG_PC) + 4);
	to_sync(vcpu, SYNC_RESULT);
	tap_eq(vcpu->uc.arg[1], V, "%s: stepped over, register untouched", c->name);
}

/* The access at the very end of what an IPA may be, and one that goes from memory into the unknown.
 */
static void test_edges(struct vcpu *vcpu)
{
	static const uint64_t at[] = { 0x0, 0x0c001000 - 8, MAP_RAM - 8 };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ask(vcpu, CASE_LDRX, at[i], 0);
		tap_eq(vcpu_step(vcpu), AVMM_EXIT_MMIO, "load of 0x%llx exits",
		       (unsigned long long)at[i]);
		tap_eq(vcpu->run->mmio.phys_addr, at[i], "with that address");
		memset(vcpu->run->mmio.data, 0x5a, 8);
		to_sync(vcpu, SYNC_RESULT);
		tap_eq(vcpu->uc.arg[1], 0x5a5a5a5a5a5a5a5aULL, "and takes the answer");
	}
}

static void test_vm(bool nommu, bool no_gic)
{
	struct vm *vm = vm_new(
		&(struct vm_config){ PAYLOAD_OF(mmio_exit), .nommu = nommu, .no_gic = no_gic });
	struct avmm_enable_cap cap = { .cap = AVMM_CAP_ARM_NISV_TO_USER };
	struct vcpu *vcpu = &vm->vcpu[0];
	unsigned int i;

	tap_diag("MMU %s, %s GIC", nommu ? "off" : "on", no_gic ? "no" : "with");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(vcpu, &cases[i], false);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		test_case(vcpu, &cases[i], true);
	test_edges(vcpu);
	for (i = 0; i < sizeof(nisv_cases) / sizeof(nisv_cases[0]); i++)
		test_nisv(vcpu, &nisv_cases[i], false);
	if (avmm_check_extension(vm->fd, AVMM_CAP_ARM_NISV_TO_USER) > 0) {
		tap_eq(-avmm_enable_cap(vm->fd, &cap), 0, "ARM_NISV_TO_USER can be switched on");
		for (i = 0; i < sizeof(nisv_cases) / sizeof(nisv_cases[0]); i++)
			test_nisv(vcpu, &nisv_cases[i], true);
	} else {
		tap_skip("no AVMM_CAP_ARM_NISV_TO_USER", "exits with ARM_NISV");
	}
	ask(vcpu, CASE_END, 0, 0);
	tap_ok(vcpu_run_to_end(vcpu), "the payload came to its end");
	vm_free(vm);
}

int main(void)
{
	test_begin(280);
	test_vm(false, false);
	test_vm(true, true);
	return tap_end();
}
