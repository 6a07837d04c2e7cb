// SPDX-License-Identifier: GPL-2.0
/*
 * HEAD:  { "avmm": version, "machine": name, "gic": 2 or 3, "pages": of 4 KiB, "config": as the
 *          configuration file, "id": of a checkpoint, "base": { "id", "path" } }
 * STATE: { "running": bool, "counters", "cpus": [], "gic", "devices": {}, "disks": [] }
 */
#include "migration/vm_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vm.h"
#include "machine/memmap.h"
#include "migration/cpu_state.h"
#include "migration/disk_copy.h"
#include "migration/gic_state.h"
#include "migration/stream.h"

/* ---- HEAD ---- */

json_t *vm_head(const struct vm *vm, const char *id, const char *base_id, const char *base_path)
{
	json_t *base = base_id ? json_pack("{s:s, s:s}", "id", base_id, "path", base_path) :
				 json_null();

	return json_pack("{s:s, s:s, s:i, s:I, s:o, s:s?, s:o}", "avmm", AVMM_VERSION, "machine",
			 MACHINE_NAME, "gic", vm->machine.gic_version, "pages",
			 (json_int_t)(vm->memory.size / RAM_PAGE_SIZE), "config",
			 fields_to_json(vm_config_fields, vm->config, FIELD_LOCAL), "id", id, "base",
			 base);
}

struct head {
	const char *avmm, *machine;
	int gic;
	json_int_t pages;
	json_t *config;
};

static int unpack_head(struct head *head, const json_t *json, const char *name, struct error *err)
{
	json_t *id, *base;
	json_error_t why;

	if (json_unpack_ex((json_t *)json, &why, JSON_STRICT, "{s:s, s:s, s:i, s:I, s:o, s:o, s:o}",
			   "avmm", &head->avmm, "machine", &head->machine, "gic", &head->gic, "pages",
			   &head->pages, "config", &head->config, "id", &id, "base", &base) < 0)
		return error_set(err, -EPROTO, "%s: HEAD is malformed: %s", name, why.text);
	if (strcmp(head->machine, MACHINE_NAME))
		return error_set(err, -EPROTO, "%s: is of a machine '%.32s', made by avmm %.32s; this "
				 "avmm (" AVMM_VERSION ") has '" MACHINE_NAME "'", name, head->machine,
				 head->avmm);
	return 0;
}

int vm_head_check(const json_t *json, const char *name, const struct vm_config *config,
		  unsigned int gic, struct error *err)
{
	struct head head;
	json_int_t cpus;
	int ret = unpack_head(&head, json, name, err);

	if (ret < 0)
		return ret;
	cpus = json_integer_value(json_object_get(head.config, "cpus"));
	if (cpus != (json_int_t)config->cpus)
		return error_set(err, -EINVAL, "%s: has %" JSON_INTEGER_FORMAT " vCPUs, and here are %"
				 PRIu64, name, cpus, config->cpus);
	if (head.pages != (json_int_t)(config->memory / RAM_PAGE_SIZE))
		return error_set(err, -EINVAL, "%s: has %" JSON_INTEGER_FORMAT "K of memory, and here "
				 "are %" PRIu64 "K", name, head.pages * (RAM_PAGE_SIZE / 1024),
				 config->memory >> 10);
	if (head.gic != (int)gic)
		return error_set(err, -EINVAL, "%s: has a GICv%d, and this host gives a GICv%u", name,
				 head.gic, gic);
	return 0;
}

int vm_head_config(const json_t *json, const char *name, struct vm_config *config,
		   struct error *err)
{
	struct error why;
	struct head head;
	int ret = unpack_head(&head, json, name, err);

	if (ret < 0)
		return ret;
	ret = fields_from_json(vm_config_fields, config, head.config, &why);
	if (ret < 0)
		return error_set(err, ret, "%s: %s", name, why.text);
	/* what was left to the host is now what the guest has */
	config->gic = head.gic;
	return 0;
}

/* ---- disks: what cannot be in the state, but must be as it was ---- */

/*
 * Beside the checkpoint, with something of its id, so that a copy belongs to this one and no other of
 * the name. The first versions had no tag.
 */
static char *copy_name(const char *checkpoint, const char *id, const char *tag)
{
	char *name;

	if (asprintf(&name, "%s.%s%s%s", checkpoint, id, tag ? "." : "", tag ? tag : "") < 0)
		return NULL;
	return name;
}

static json_t *disk_save(const struct disk_config *disk, const char *copies, const char *tag,
			 struct error *err)
{
	char *copy = NULL;
	json_t *saved;
	struct stat st;
	off_t size;
	int fd, ret;

	fd = open(disk->path, O_RDONLY | O_CLOEXEC);
	/* what the guest wrote is there for the next one who opens it, on whatever host */
	ret = fd < 0 || fsync(fd) < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (fd >= 0)
		close(fd);
	if (ret < 0) {
		error_set(err, ret, "--disk: %s cannot be saved: %s", disk->path, strerror(-ret));
		return NULL;
	}
	if (copies && !disk->readonly) {
		copy = copy_name(copies, disk->id, tag);
		if (!copy) {
			error_set(err, -ENOMEM, "no memory for the state of the disks");
			return NULL;
		}
		if (disk_copy(disk->path, copy, err) < 0) {
			free(copy);
			return NULL;
		}
	}
	saved = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s*}", "id", disk->id, "path", disk->path,
			  "size", (json_int_t)size, "mtime", (json_int_t)st.st_mtim.tv_sec,
			  "mtime-ns", (json_int_t)st.st_mtim.tv_nsec, "copied", copy != NULL,
			  "copy", copy ? tag : NULL);
	free(copy);
	return saved;
}

/* Of what is in a file that anybody may have made: no name leads out of the folder. */
static bool names_copy(const json_t *saved, const char **id, const char **tag)
{
	int copied;

	*tag = NULL;
	return json_unpack((json_t *)saved, "{s:s, s:b, s?s}", "id", id, "copied", &copied, "copy",
			   tag) == 0 && copied && vm_config_name_ok(*id) &&
	       (!*tag || vm_config_name_ok(*tag));
}

bool vm_state_is_disk(const struct vm_config *config, const char *path)
{
	struct stat file, disk;

	if (stat(path, &file) < 0)
		return false;
	for (size_t i = 0; i < config->disks.count; i++)
		if (config->disks.items[i].path && stat(config->disks.items[i].path, &disk) == 0 &&
		    disk.st_dev == file.st_dev && disk.st_ino == file.st_ino)
			return true;
	return false;
}

static void drop_copies(const json_t *disks, const char *checkpoint, const struct vm_config *config)
{
	const char *id, *tag;

	for (size_t i = 0; i < json_array_size(disks); i++) {
		char *copy = NULL;

		if (names_copy(json_array_get(disks, i), &id, &tag))
			copy = copy_name(checkpoint, id, tag);
		/* somebody may have taken a copy for a disk */
		if (copy && !vm_state_is_disk(config, copy))
			unlink(copy);
		free(copy);
	}
}

void vm_state_drop_copies(const json_t *state, const char *checkpoint,
			  const struct vm_config *config)
{
	drop_copies(json_object_get(state, "disks"), checkpoint, config);
}

static json_t *disks_save(const struct vm_config *config, const char *copies, const char *tag,
			  struct error *err)
{
	json_t *disks = json_array();

	for (size_t i = 0; i < config->disks.count; i++) {
		json_t *saved;

		if (!config->disks.items[i].path)
			continue;
		saved = disk_save(&config->disks.items[i], copies, tag, err);
		if (!saved) {
			if (copies)
				drop_copies(disks, copies, config);
			json_decref(disks);
			return NULL;
		}
		json_array_append_new(disks, saved);
	}
	return disks;
}

static struct disk_config *find_disk(const struct vm_config *config, const char *id)
{
	for (size_t i = 0; i < config->disks.count; i++)
		if (config->disks.items[i].id && !strcmp(config->disks.items[i].id, id))
			return &config->disks.items[i];
	return NULL;
}

static int check_disk(const json_t *saved, const char *name, const struct vm_config *config,
		      struct error *err)
{
	json_int_t size, mtime, mtime_ns;
	const struct disk_config *disk;
	const char *id, *path, *tag = NULL;
	json_error_t why;
	struct stat st;
	int copied;

	if (json_unpack_ex((json_t *)saved, &why, JSON_STRICT, "{s:s, s:s, s:I, s:I, s:I, s:b, s?s}",
			   "id", &id, "path", &path, "size", &size, "mtime", &mtime, "mtime-ns",
			   &mtime_ns, "copied", &copied, "copy", &tag) < 0)
		return error_set(err, -EPROTO, "%s: a disk is malformed: %s", name, why.text);
	disk = find_disk(config, id);
	/* one that is somewhere else now was put there for this */
	if (!disk || !disk->path || strcmp(disk->path, path))
		return 0;
	if (stat(path, &st) < 0)
		return error_set(err, -errno, "%s: the disk %s cannot be found: %s", name, path,
				 strerror(errno));
	if (S_ISREG(st.st_mode) && (st.st_size != size || st.st_mtim.tv_sec != mtime ||
				    st.st_mtim.tv_nsec != mtime_ns))
		return error_set(err, -ESTALE, "%s: the disk %s was written to since, so the guest would "
				 "find another one than it knows", name, path);
	return 0;
}

int vm_state_check_disks(const json_t *state, const char *name, const struct vm_config *config,
			 struct error *err)
{
	const json_t *disks = json_object_get(state, "disks");

	for (size_t i = 0; i < json_array_size(disks); i++) {
		int ret = check_disk(json_array_get(disks, i), name, config, err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int place_disk(const char *id, const char *tag, const char *checkpoint, const char *folder,
		      const char *name, struct disk_config *disk, struct error *err)
{
	char *from = copy_name(checkpoint, id, tag), *to = NULL;
	const char *slash = strrchr(checkpoint, '/');
	int ret;

	if (folder)
		ret = asprintf(&to, "%s/%s-%s.img", folder, name, id);
	else
		ret = asprintf(&to, "%.*s%s-%s.img", slash ? (int)(slash + 1 - checkpoint) : 0,
			       checkpoint, name, id);
	if (ret < 0 || !from) {
		if (ret >= 0)
			free(to);
		free(from);
		return error_set(err, -ENOMEM, "no memory for the disks");
	}
	ret = disk_copy(from, to, err);
	free(from);
	if (ret < 0) {
		free(to);
		return ret;
	}
	free(disk->path);
	disk->path = to;
	return 0;
}

int vm_state_place_disks(const json_t *state, const char *checkpoint, const char *folder,
			 const char *name, struct vm_config *config, struct error *err)
{
	const json_t *disks = json_object_get(state, "disks");

	for (size_t i = 0; i < json_array_size(disks); i++) {
		const json_t *saved = json_array_get(disks, i);
		struct disk_config *disk;
		const char *id, *path, *tag;
		int copied, ret;

		if (json_unpack((json_t *)saved, "{s:s, s:s, s:b}", "id", &id, "path", &path,
				"copied", &copied) < 0)
			return error_set(err, -EPROTO, "%s: a disk is malformed", checkpoint);
		disk = find_disk(config, id);
		if (!copied || !disk || !disk->path || strcmp(disk->path, path))
			continue;
		if (!names_copy(saved, &id, &tag))
			return error_set(err, -EPROTO, "%s: the copy of '%.64s' has no good name",
					 checkpoint, id);
		ret = place_disk(id, tag, checkpoint, folder, name, disk, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- STATE ---- */

static void gic_devices(const struct vm *vm, struct gic_devices *devices, uint64_t *mpidr)
{
	for (unsigned int i = 0; i < vm->nvcpus; i++)
		mpidr[i] = vm->vcpus[i].mpidr;
	*devices = (struct gic_devices) {
		.version = vm->machine.gic_version, .gic = vm->machine.gic, .its = vm->machine.its,
		.irqs = MEMMAP_NR_IRQS, .nvcpus = vm->nvcpus, .mpidr = mpidr,
	};
}

static json_t *cpus_save(const struct vm *vm, struct error *err)
{
	json_t *cpus = json_array();

	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		json_t *cpu = cpu_state_save(vm->vcpus[i].fd, i, err);

		if (!cpu) {
			json_decref(cpus);
			return NULL;
		}
		json_array_append_new(cpus, cpu);
	}
	return cpus;
}

json_t *vm_state_save(struct vm *vm, bool running, const char *copies, const char *tag,
		      struct error *err)
{
	uint64_t mpidr[VM_CONFIG_CPUS_MAX];
	struct gic_devices devices;
	struct {
		const char *name;
		json_t *json;
	} parts[5];
	json_t *state;
	bool failed = false;

	gic_devices(vm, &devices, mpidr);
	err->code = 0;
	parts[0].name = "counters";
	parts[0].json = vm->counters ? json_incref(vm->counters) :
				       cpu_counter_save(vm->vcpus[0].fd, err);
	parts[1].name = "cpus";
	parts[1].json = err->code ? NULL : cpus_save(vm, err);
	parts[2].name = "gic";
	parts[2].json = err->code ? NULL : gic_state_save(&devices, err);
	parts[3].name = "devices";
	parts[3].json = err->code ? NULL : devices_save(&vm->machine.devices);
	parts[4].name = "disks";
	parts[4].json = err->code ? NULL : disks_save(vm->config, copies, tag, err);
	state = json_pack("{s:b}", "running", running);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		failed |= !parts[i].json;
		json_object_set_new(state, parts[i].name, parts[i].json ? parts[i].json : json_null());
	}
	if (!failed)
		return state;
	json_decref(state);
	if (!err->code)
		error_set(err, -ENOMEM, "no memory for the state of the devices");
	return NULL;
}

static int cpus_load(struct vm *vm, const json_t *cpus, struct error *err)
{
	if (json_array_size(cpus) != vm->nvcpus)
		return error_set(err, -EPROTO, "it has %zu vCPUs, and here are %u",
				 json_array_size(cpus), vm->nvcpus);
	for (unsigned int i = 0; i < vm->nvcpus; i++) {
		int ret = cpu_state_load(vm->vcpus[i].fd, i, json_array_get(cpus, i), err);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int vm_state_load(struct vm *vm, const json_t *state, const char *name, bool *running,
		  struct error *err)
{
	json_t *counters, *cpus, *gic, *devices, *disks;
	uint64_t mpidr[VM_CONFIG_CPUS_MAX];
	struct gic_devices gic_fds;
	struct error why;
	json_error_t shape;
	int ret, run;

	if (json_unpack_ex((json_t *)state, &shape, JSON_STRICT, "{s:b, s:o, s:o, s:o, s:o, s:o}",
			   "running", &run, "counters", &counters, "cpus", &cpus, "gic", &gic,
			   "devices", &devices, "disks", &disks) < 0)
		return error_set(err, -EPROTO, "%s: STATE is malformed: %s", name, shape.text);
	*running = run;
	gic_devices(vm, &gic_fds, mpidr);
	/* timers are set against the counters; the GIC is given its lines before the vCPUs look */
	ret = cpu_counter_load(vm->vcpus[0].fd, counters, &why);
	if (ret == 0)
		ret = cpus_load(vm, cpus, &why);
	if (ret == 0)
		ret = gic_state_load(&gic_fds, gic, &why);
	if (ret == 0)
		ret = devices_load(&vm->machine.devices, devices, &why);
	if (ret < 0)
		return error_set(err, ret, "%s: %s", name, why.text);
	json_decref(vm->counters);
	vm->counters = json_incref(counters);
	return 0;
}
