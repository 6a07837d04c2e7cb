// SPDX-License-Identifier: GPL-2.0
/* Coalesced MMIO: stores that wait in a ring until the VMM looks. */
#include "event_ops.h"

static int zone(struct vm *vm, bool add, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct avmm_coalesced_mmio_zone z = { .addr = addr, .size = size, .pio = pio };

	return avmm_ioctl(vm->fd, add ? AVMM_REGISTER_COALESCED_MMIO :
					AVMM_UNREGISTER_COALESCED_MMIO, &z);
}

static void test_args(struct vm *vm)
{
	tap_eq(-zone(vm, true, MAP_MMIO, 0x100, 2), EINVAL, "args: pio is 2");
	tap_eq(-zone(vm, false, MAP_MMIO, 0x100, 2), EINVAL, "args: pio is 2, unregister");
	tap_eq(-zone(vm, false, MAP_MMIO, 0x100, 0), 0, "args: unregister what is not there");
	tap_eq(-avmm_ioctl(vm->fd, AVMM_REGISTER_COALESCED_MMIO, (void *)8), EFAULT,
	       "args: bad pointer");
	tap_eq(-avmm_ioctl(vm->fd, AVMM_UNREGISTER_COALESCED_MMIO, (void *)8), EFAULT,
	       "args: bad pointer, unregister");
}

int main(void)
{
	struct avmm_coalesced_mmio_ring *ring, *other;
	uint32_t slots, first;
	unsigned int i, page = sysconf(_SC_PAGESIZE);
	struct vcpu *v;
	struct vm *vm;
	int cap;

	test_begin(280);
	vm = vm_new(&(struct vm_config){ PAYLOAD_OF(events), .vcpus = 2 });
	v = &vm->vcpu[0];
	cap = avmm_check_extension(vm->dev, AVMM_CAP_COALESCED_MMIO);
	tap_eq(cap, 1, "capability COALESCED_MMIO is the ring's page");
	tap_eq(avmm_check_extension(vm->dev, AVMM_CAP_COALESCED_PIO), 1,
	       "capability COALESCED_PIO");
	test_args(vm);
	ring = (void *)((char *)v->run + cap * page);
	other = (void *)((char *)vm->vcpu[1].run + cap * page);
	slots = (page - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
	tap_ok(!ring->first && !ring->last, "the ring is empty");

	tap_eq(-zone(vm, true, MAP_MMIO + 0x100, 0x100, 0), 0, "register");
	guest(v, OP_STORE, MAP_MMIO + 0x110, 0x1234, 2);
	guest(v, OP_STORE, MAP_MMIO + 0x118, 0x123456789abcdef0, 8);
	tap_eq(exits.n, 0, "a store does not exit");
	tap_ok(ring->first == 0 && ring->last == 2, "the ring has two");
	tap_ok(other->last == 2, "every vCPU has the same ring");
	tap_ok(ring->coalesced_mmio[0].phys_addr == MAP_MMIO + 0x110 &&
	       ring->coalesced_mmio[0].len == 2 && ring->coalesced_mmio[0].pio == 0 &&
	       !memcmp(ring->coalesced_mmio[0].data, "\x34\x12", 2), "the first");
	tap_ok(ring->coalesced_mmio[1].phys_addr == MAP_MMIO + 0x118 &&
	       ring->coalesced_mmio[1].len == 8 &&
	       !memcmp(ring->coalesced_mmio[1].data, "\xf0\xde\xbc\x9a\x78\x56\x34\x12", 8),
	       "the second");
	tap_eq(guest(v, OP_LOAD, MAP_MMIO + 0x110, 0, 4), 0xabababab, "a load exits");
	guest(v, OP_STORE, MAP_MMIO + 0x200, 0, 4);
	tap_eq(exits.n, 1, "so does a store behind the zone");
	guest(v, OP_STORE, MAP_MMIO + 0xfc, 0, 4);
	tap_eq(exits.n, 1, "and one before it");
	guest(v, OP_STORE, MAP_MMIO + 0x1fc, 0, 8);
	tap_eq(exits.n, 1, "and one that leaves it");

	ring->first = ring->last;
	first = ring->first;
	guest(v, OP_STREAM, MAP_MMIO + 0x100, slots - 1, 0);
	if (device_is_kvm() && exits.n) {
		tap_skip("this KVM takes the difference of two indices for unsigned",
			 "a full ring");
	} else {
		tap_ok(exits.n == 0 && (ring->last + 1) % slots == first, "it takes %u", slots - 1);
		guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
		tap_ok(exits.n == 1 && (ring->last + 1) % slots == first,
		       "full: the store exits");
		ring->first = (first + 1) % slots;
		guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
		tap_ok(exits.n == 0, "one is taken out, one goes in");
	}

	/* user space can write what it wants */
	for (i = 0; i < 4; i++) {
		static const uint32_t bad[] = { ~0U, 170, 0x80000000, 4096 };

		ring->first = 0;
		ring->last = bad[i];
		guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
		tap_ok(exits.n == 1 && ring->last == bad[i], "last is %u: the store exits", bad[i]);
	}
	ring->first = ~0U;
	ring->last = 3;
	guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
	tap_ok(ring->last < slots, "first is nonsense: last is not");
	ring->first = ring->last = 0;

	tap_eq(-zone(vm, true, MAP_MMIO + 0x400, 0x100, 1), 0, "register port I/O");
	guest(v, OP_STORE, MAP_MMIO + 0x400, 7, 4);
	tap_eq(exits.n, 1, "MMIO is not that");
	zone(vm, false, MAP_MMIO + 0x100, 0x100, 1);
	guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
	tap_eq(exits.n, 0, "unregister of port I/O leaves MMIO alone");
	zone(vm, false, MAP_MMIO + 0x100, 0x101, 0);
	guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
	tap_eq(exits.n, 0, "unregister of more than the zone does nothing");
	zone(vm, true, MAP_MMIO + 0x100, 0x80, 0);
	tap_eq(-zone(vm, false, MAP_MMIO + 0x140, 0x10, 0), 0, "unregister all around a range");
	guest(v, OP_STORE, MAP_MMIO + 0x100, 7, 4);
	tap_eq(exits.n, 1, "then the store exits");
	zone(vm, true, MAP_MMIO + 0x100, 0x80, 0);
	vm_free(vm);
	return tap_end();
}
