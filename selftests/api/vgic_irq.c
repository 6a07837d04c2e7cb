// SPDX-License-Identifier: GPL-2.0
/* Interrupts through the vGIC, of version 3 or 2: the payload checks, and asks for lines to be moved. */
#include "avmm_util.h"
#include "api/vgic_irq.h"

PAYLOAD(vgic_irq);

static bool on_sync(struct vcpu *vcpu, struct ucall *uc)
{
	int vm = vcpu->vm->fd, r = -EINVAL;
	uint64_t irq = uc->arg[1], level = uc->arg[2];

	switch (uc->arg[0]) {
	case SYNC_SPI:
		r = avmm_spi_line(vm, irq, level);
		break;
	case SYNC_PPI:
		r = avmm_ppi_line(vm, vcpu->id, irq, level);
		break;
	case SYNC_PPI_OF:
		r = avmm_ppi_line(vm, irq >> 16, irq & 0xffff, level);
		break;
	}
	if (r < 0)
		tap_ok(false, "IRQ_LINE of %llu: %s", (unsigned long long)irq, strerror(-r));
	return true;
}

int main(void)
{
	struct vm_config cfg = { PAYLOAD_OF(vgic_irq), .on_sync = on_sync };

	test_begin(280);
	for (cfg.vcpus = 1; cfg.vcpus <= 4; cfg.vcpus++) {
		cfg.arg = cfg.vcpus;
		tap_diag("%u vCPUs", cfg.vcpus);
		cfg.mbox0 = device_is_kvm();
		run_payload("vgic_irq", &cfg);
	}
	return tap_end();
}
