// SPDX-License-Identifier: GPL-2.0
#include "dev/pci.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/log.h"

#define MSIX_PAGE	0x1000U

/* ---- configuration space ---- */

static uint32_t get(const uint8_t *bytes, unsigned int offset, unsigned int len)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < len; i++)
		value |= (uint32_t)bytes[offset + i] << 8 * i;
	return value;
}

static void put(uint8_t *bytes, unsigned int offset, unsigned int len, uint32_t value)
{
	for (unsigned int i = 0; i < len; i++)
		bytes[offset + i] = value >> 8 * i;
}

void pci_set(struct pci_function *pci, unsigned int offset, unsigned int len, uint32_t value)
{
	put(pci->config, offset, len, value);
}

void pci_set_writable(struct pci_function *pci, unsigned int offset, unsigned int len,
		      uint32_t bits)
{
	put(pci->writable, offset, len, bits);
}

void pci_init(struct pci_function *pci, const struct pci_ops *ops, void *owner, struct irqs *irqs,
	      uint8_t header, uint32_t bar_size)
{
	*pci = (struct pci_function) {
		.ops = ops, .owner = owner, .irqs = irqs, .bar_size = bar_size, .next_cap = 0x40,
	};
	pthread_mutex_init(&pci->lock, NULL);
	pci_set(pci, PCI_HEADER_TYPE, 1, header);
	pci_set_writable(pci, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY |
			 PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
			 PCI_COMMAND_INTX_DISABLE);
	pci_set_writable(pci, PCI_CACHE_LINE_SIZE, 1, 0xff);
	pci_set_writable(pci, PCI_INTERRUPT_LINE, 1, 0xff);
	/* 6.2.5.1: a size is read as the bits that cannot be set */
	if (bar_size)
		pci_set_writable(pci, PCI_BASE_ADDRESS_0, 4, ~(bar_size - 1));
}

unsigned int pci_add_capability(struct pci_function *pci, uint8_t id, unsigned int len)
{
	unsigned int offset = pci->next_cap;

	pci->next_cap += (len + 3) & ~3U;
	pci_set(pci, offset, 1, id);
	pci_set(pci, pci->last_cap ? pci->last_cap + 1 : PCI_CAPABILITY_LIST, 1, offset);
	pci->last_cap = offset;
	pci_set(pci, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	return offset;
}

void pci_built(struct pci_function *pci)
{
	memcpy(pci->initial, pci->config, sizeof(pci->initial));
}

/* With the lock. */
static void update_bar(struct pci_function *pci)
{
	uint64_t base = get(pci->config, PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK;

	if (!pci->bar_size || !(pci->config[PCI_COMMAND] & PCI_COMMAND_MEMORY))
		base = 0;
	if (base == pci->bar)
		return;
	pci->bar = base;
	if (pci->ops->remap)
		pci->ops->remap(pci);
}

uint16_t pci_requester_id(const struct pci_function *pci)
{
	if (!pci->parent)
		return pci->slot << 3;
	return pci->parent->config[PCI_SECONDARY_BUS] << 8;
}

/* ---- MSI-X, 6.8.2 ---- */

int pci_add_msix(struct pci_function *pci, unsigned int nvectors, uint32_t table)
{
	pci->vectors = calloc(nvectors, sizeof(pci->vectors[0]));
	if (!pci->vectors)
		return -ENOMEM;
	for (; pci->nvectors < nvectors; pci->nvectors++) {
		struct pci_vector *v = &pci->vectors[pci->nvectors];

		v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->fd < 0)
			return -errno;
		v->gsi = -1;
		v->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	pci->msix = pci_add_capability(pci, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	pci->msix_table = table;
	/* both in BAR 0 */
	pci_set(pci, pci->msix + PCI_MSIX_FLAGS, 2, nvectors - 1);
	pci_set(pci, pci->msix + PCI_MSIX_TABLE, 4, table);
	pci_set(pci, pci->msix + PCI_MSIX_PBA, 4, table + MSIX_PAGE);
	pci_set_writable(pci, pci->msix + PCI_MSIX_FLAGS, 2,
			 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	return 0;
}

void pci_free(struct pci_function *pci)
{
	for (unsigned int i = 0; i < pci->nvectors; i++)
		close(pci->vectors[i].fd);
	free(pci->vectors);
	pci->vectors = NULL;
	pci->nvectors = 0;
}

static uint32_t msix_flags(const struct pci_function *pci)
{
	return pci->msix ? get(pci->config, pci->msix + PCI_MSIX_FLAGS, 2) : 0;
}

static bool is_pending(const struct pci_vector *v)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };

	return v->gsi < 0 && poll(&p, 1, 0) == 1;
}

static void forget_pending(const struct pci_vector *v)
{
	uint64_t count;

	if (read(v->fd, &count, sizeof(count)) < 0)
		return;		/* there was nothing */
}

/* With the lock. Connects a vector, or not, as enable and mask bits have it. */
static void update_vector(struct pci_function *pci, struct pci_vector *v, bool changed)
{
	bool on = (msix_flags(pci) & (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL)) ==
		  PCI_MSIX_FLAGS_ENABLE && !(v->control & PCI_MSIX_ENTRY_CTRL_MASKBIT);

	if (v->gsi >= 0 && (!on || changed)) {
		irq_disconnect_msi(pci->irqs, v->fd, v->gsi);
		v->gsi = -1;
	}
	if (on && v->gsi < 0) {
		v->msi.devid = pci_requester_id(pci);
		v->gsi = irq_connect_msi(pci->irqs, v->fd, &v->msi);
		if (v->gsi < 0)
			log_verbose("PCI device 0x%x: vector %d to 0x%" PRIx64 ", data 0x%x: %s",
				    v->msi.devid, (int)(v - pci->vectors), v->msi.addr,
				    v->msi.data, strerror(-v->gsi));
	}
}

/* With the lock, after its flags were written. What was sent without MSI-X is lost. */
static void update_vectors(struct pci_function *pci, bool was_enabled)
{
	for (unsigned int i = 0; i < pci->nvectors; i++) {
		if (!was_enabled)
			forget_pending(&pci->vectors[i]);
		update_vector(pci, &pci->vectors[i], false);
	}
}

bool pci_msix_enabled(struct pci_function *pci)
{
	bool enabled;

	pthread_mutex_lock(&pci->lock);
	enabled = msix_flags(pci) & PCI_MSIX_FLAGS_ENABLE;
	pthread_mutex_unlock(&pci->lock);
	return enabled;
}

void pci_send(struct pci_function *pci, unsigned int vector)
{
	uint64_t one = 1;

	if (vector < pci->nvectors && write(pci->vectors[vector].fd, &one, sizeof(one)) < 0)
		return;		/* the counter is full, so it is sent already */
}

/* 6.8.2.9: a field of a table entry; 32 bits at a time */
static uint32_t *entry_field(struct pci_function *pci, uint64_t offset, uint32_t *half)
{
	struct pci_vector *v = &pci->vectors[offset / PCI_MSIX_ENTRY_SIZE];

	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_DATA:
		return &v->msi.data;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		return &v->control;
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		*half = v->msi.addr;
		return half;
	default:
		*half = v->msi.addr >> 32;
		return half;
	}
}

static uint32_t table_read(struct pci_function *pci, uint64_t offset)
{
	uint32_t half, pending = 0;

	if (offset < MSIX_PAGE)
		return offset / PCI_MSIX_ENTRY_SIZE < pci->nvectors ?
		       *entry_field(pci, offset, &half) : 0;
	/* the pending bits, 6.8.2.10 */
	offset = (offset - MSIX_PAGE) * 8;
	for (unsigned int i = 0; i < 32 && offset + i < pci->nvectors; i++)
		pending |= (uint32_t)is_pending(&pci->vectors[offset + i]) << i;
	return pending;
}

static void table_write(struct pci_function *pci, uint64_t offset, uint32_t value)
{
	struct pci_vector *v;
	uint32_t half;

	if (offset / PCI_MSIX_ENTRY_SIZE >= pci->nvectors)
		return;
	v = &pci->vectors[offset / PCI_MSIX_ENTRY_SIZE];
	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		v->msi.addr = v->msi.addr >> 32 << 32 | (value & ~3U);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		v->msi.addr = (uint32_t)v->msi.addr | (uint64_t)value << 32;
		break;
	default:
		*entry_field(pci, offset, &half) = value;
	}
	v->control &= PCI_MSIX_ENTRY_CTRL_MASKBIT;
	update_vector(pci, v, offset % PCI_MSIX_ENTRY_SIZE != PCI_MSIX_ENTRY_VECTOR_CTRL);
}

static bool in_tables(const struct pci_function *pci, uint64_t offset, unsigned int len)
{
	return pci->msix && offset >= pci->msix_table && offset < pci->msix_table + 2 * MSIX_PAGE &&
	       len >= 4 && offset % len == 0;
}

/* ---- accesses ---- */

uint32_t pci_config_read(struct pci_function *pci, unsigned int offset, unsigned int len)
{
	uint32_t value;

	/* the extended space is there and empty */
	if (offset + len > PCI_CONFIG_SIZE)
		return 0;
	if (pci->ops->config_read)
		pci->ops->config_read(pci, offset, len);
	pthread_mutex_lock(&pci->lock);
	value = get(pci->config, offset, len);
	pthread_mutex_unlock(&pci->lock);
	return value;
}

static bool overlaps(unsigned int offset, unsigned int len, unsigned int field, unsigned int size)
{
	return offset < field + size && field < offset + len;
}

void pci_config_write(struct pci_function *pci, unsigned int offset, unsigned int len,
		      uint32_t value)
{
	bool was_enabled;

	if (offset + len > PCI_CONFIG_SIZE)
		return;
	pthread_mutex_lock(&pci->lock);
	was_enabled = msix_flags(pci) & PCI_MSIX_FLAGS_ENABLE;
	for (unsigned int i = 0; i < len; i++) {
		uint8_t *byte = &pci->config[offset + i], bits = pci->writable[offset + i];
		uint8_t written = value >> 8 * i;

		*byte = (*byte & ~bits) | (written & bits);
		*byte &= ~(written & pci->clears[offset + i]);
	}
	if (overlaps(offset, len, PCI_COMMAND, 2) || overlaps(offset, len, PCI_BASE_ADDRESS_0, 4))
		update_bar(pci);
	if (pci->msix && overlaps(offset, len, pci->msix + PCI_MSIX_FLAGS, 2))
		update_vectors(pci, was_enabled);
	pthread_mutex_unlock(&pci->lock);
	if (pci->ops->config_written)
		pci->ops->config_written(pci, offset, len);
}

uint64_t pci_bar_read(struct pci_function *pci, uint64_t offset, unsigned int len)
{
	uint64_t value;

	if (!in_tables(pci, offset, len))
		return pci->ops->bar_read(pci, offset, len);
	offset -= pci->msix_table;
	pthread_mutex_lock(&pci->lock);
	value = table_read(pci, offset);
	if (len == 8)
		value |= (uint64_t)table_read(pci, offset + 4) << 32;
	pthread_mutex_unlock(&pci->lock);
	return value;
}

void pci_bar_write(struct pci_function *pci, uint64_t offset, unsigned int len, uint64_t value)
{
	if (!in_tables(pci, offset, len)) {
		pci->ops->bar_write(pci, offset, len, value);
		return;
	}
	offset -= pci->msix_table;
	pthread_mutex_lock(&pci->lock);
	table_write(pci, offset, value);
	if (len == 8)
		table_write(pci, offset + 4, value >> 32);
	pthread_mutex_unlock(&pci->lock);
}

/* ---- reset and state ---- */

void pci_reset(struct pci_function *pci)
{
	pthread_mutex_lock(&pci->lock);
	memcpy(pci->config, pci->initial, sizeof(pci->config));
	update_bar(pci);
	for (unsigned int i = 0; i < pci->nvectors; i++) {
		struct pci_vector *v = &pci->vectors[i];

		v->msi = (struct msi) { 0 };
		v->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		update_vector(pci, v, false);
		forget_pending(v);
	}
	pthread_mutex_unlock(&pci->lock);
}

json_t *pci_save(struct pci_function *pci)
{
	char hex[2 * PCI_CONFIG_SIZE + 1];
	json_t *vectors = json_array();

	pthread_mutex_lock(&pci->lock);
	for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", pci->config[i]);
	for (unsigned int i = 0; i < pci->nvectors; i++) {
		const struct pci_vector *v = &pci->vectors[i];

		json_array_append_new(vectors, json_pack("[I, I, I, b]",
			(json_int_t)v->msi.addr, (json_int_t)v->msi.data,
			(json_int_t)v->control, is_pending(v)));
	}
	pthread_mutex_unlock(&pci->lock);
	return json_pack("{s:i, s:s, s:o}", "slot", (int)pci->slot, "config", hex, "vectors",
			 vectors);
}

/* Only what a guest could have written is taken over: the rest is what this device is. */
static int load_config(struct pci_function *pci, const char *id, const char *hex, struct error *err)
{
	if (strlen(hex) != 2 * PCI_CONFIG_SIZE)
		return error_set(err, -EINVAL, "%s: 'config' is not of %d bytes", id,
				 PCI_CONFIG_SIZE);
	for (unsigned int i = 0; i < PCI_CONFIG_SIZE; i++) {
		uint8_t bits = pci->writable[i] | pci->clears[i];
		unsigned int byte;
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 }, *end;

		byte = strtoul(digits, &end, 16);
		if (*end || digits[0] == '-' || digits[0] == '+' || digits[0] == ' ')
			return error_set(err, -EINVAL, "%s: 'config' is not hexadecimal", id);
		pci->config[i] = (pci->config[i] & ~bits) | (byte & bits);
	}
	return 0;
}

static int load_vector(struct pci_function *pci, const char *id, unsigned int i, json_t *state,
		       struct error *err)
{
	json_int_t addr, data, control;
	json_error_t error;
	int pending;

	if (json_unpack_ex(state, &error, JSON_STRICT, "[I, I, I, b]", &addr, &data, &control,
			   &pending) < 0)
		return error_set(err, -EINVAL, "%s: vector %u: %s", id, i, error.text);
	pci->vectors[i].msi = (struct msi) { .addr = addr & ~3ULL, .data = data };
	pci->vectors[i].control = control & PCI_MSIX_ENTRY_CTRL_MASKBIT;
	if (pending)
		pci_send(pci, i);
	return 0;
}

int pci_load(struct pci_function *pci, const char *id, json_t *state, struct error *err)
{
	json_error_t error;
	const char *config;
	json_t *vectors;
	int slot, ret;

	if (json_unpack_ex(state, &error, JSON_STRICT, "{s:i, s:s, s:o}", "slot", &slot, "config",
			   &config, "vectors", &vectors) < 0)
		return error_set(err, -EINVAL, "%s: %s", id, error.text);
	if (slot != (int)pci->slot)
		return error_set(err, -EINVAL, "%s: was in PCI slot %d and is in %u here", id, slot,
				 pci->slot);
	if (!json_is_array(vectors) || json_array_size(vectors) != pci->nvectors)
		return error_set(err, -EINVAL, "%s: it has %u vectors here", id, pci->nvectors);
	pthread_mutex_lock(&pci->lock);
	ret = load_config(pci, id, config, err);
	for (unsigned int i = 0; ret == 0 && i < pci->nvectors; i++)
		ret = load_vector(pci, id, i, json_array_get(vectors, i), err);
	if (ret == 0) {
		update_bar(pci);
		for (unsigned int i = 0; i < pci->nvectors; i++)
			update_vector(pci, &pci->vectors[i], true);
	}
	pthread_mutex_unlock(&pci->lock);
	return ret;
}
