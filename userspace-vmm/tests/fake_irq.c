// SPDX-License-Identifier: GPL-2.0
/* core/irq.c without a VM: it is remembered what is connected. */
#include "tests/fake_irq.h"

#include "core/ioeventfd.h"

#include <string.h>

struct msi fake_msi[FAKE_GSIS];
int fake_fd[FAKE_GSIS];

void fake_irq_reset(void)
{
	memset(fake_fd, -1, sizeof(fake_fd));
}

int irq_connect_msi(struct irqs *irqs, int eventfd, const struct msi *msi)
{
	(void)irqs;
	for (int i = 0; i < FAKE_GSIS; i++) {
		if (fake_fd[i] >= 0)
			continue;
		fake_fd[i] = eventfd;
		fake_msi[i] = *msi;
		return i;
	}
	return -1;
}

void irq_disconnect_msi(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	(void)irqs;
	(void)eventfd;
	fake_fd[gsi] = -1;
}

struct msi fake_sent;
unsigned int fake_sends;

void irq_send_msi(struct irqs *irqs, const struct msi *msi)
{
	(void)irqs;
	fake_sent = *msi;
	fake_sends++;
}

/* ---- and core/ioeventfd.c ---- */

int irq_connect(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	(void)irqs;
	(void)eventfd;
	(void)gsi;
	return 0;
}

void irq_disconnect(struct irqs *irqs, int eventfd, uint32_t gsi)
{
	(void)irqs;
	(void)eventfd;
	(void)gsi;
}

void ioeventfd_route(int vm, uint64_t addr, unsigned int len, uint64_t value, int eventfd, bool on)
{
	(void)vm;
	(void)addr;
	(void)len;
	(void)value;
	(void)eventfd;
	(void)on;
}
