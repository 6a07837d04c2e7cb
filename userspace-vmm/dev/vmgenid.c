// SPDX-License-Identifier: GPL-2.0
#include "dev/vmgenid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "libavmm.h"

int vmgenid_init(struct vmgenid *genid, struct error *err)
{
	genid->page = mmap(NULL, VMGENID_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (genid->page == MAP_FAILED) {
		genid->page = NULL;
		return error_set(err, -errno, "no memory for the generation id: %s",
				 strerror(errno));
	}
	return vmgenid_renew(genid, err);
}

int vmgenid_map(struct vmgenid *genid, int vm, uint32_t slot, uint64_t base, struct error *err)
{
	/* where the host cannot have memory that is only read, the guest may spoil its own id */
	uint32_t flags = avmm_check_extension(vm, AVMM_CAP_READONLY_MEM) > 0 ? AVMM_MEM_READONLY : 0;
	int ret = avmm_map_memory(vm, slot, flags, base, genid->page, VMGENID_SIZE);

	if (ret < 0)
		return error_set(err, ret, "the guest cannot be given its generation id: %s",
				 strerror(-ret));
	return 0;
}

int vmgenid_renew(struct vmgenid *genid, struct error *err)
{
	if (getrandom(genid->page, VMGENID_ID_SIZE, 0) != VMGENID_ID_SIZE)
		return error_set(err, -errno, "the host has no random numbers: %s",
				 strerror(errno));
	return 0;
}

static struct vmgenid *to_genid(struct device *dev)
{
	return container_of(dev, struct vmgenid, dev);
}

static json_t *save(struct device *dev)
{
	const uint8_t *id = to_genid(dev)->page;
	char text[2 * VMGENID_ID_SIZE + 1];

	for (unsigned int i = 0; i < VMGENID_ID_SIZE; i++)
		sprintf(text + 2 * i, "%02x", id[i]);
	return json_pack("{s:s}", "id", text);
}

static int load(struct device *dev, json_t *state, struct error *err)
{
	uint8_t id[VMGENID_ID_SIZE];
	const char *text;
	int ret = device_unpack(dev, err, state, "{s:s}", "id", &text);

	if (ret < 0)
		return ret;
	for (unsigned int i = 0; i < VMGENID_ID_SIZE; i++)
		if (strlen(text) != 2 * VMGENID_ID_SIZE || sscanf(text + 2 * i, "%2hhx", &id[i]) != 1)
			return error_set(err, -EINVAL, "%s: '%.40s' is no id", dev->id, text);
	memcpy(to_genid(dev)->page, id, sizeof(id));
	return 0;
}

static void destroy(struct device *dev)
{
	struct vmgenid *genid = to_genid(dev);

	if (genid->page)
		munmap(genid->page, VMGENID_SIZE);
	genid->page = NULL;
}

const struct device_ops vmgenid_device_ops = {
	.type = "vmgenid", .save = save, .load = load, .destroy = destroy,
};
