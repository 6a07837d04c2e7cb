// SPDX-License-Identifier: GPL-2.0
#include "machine/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "libavmm.h"
#include "machine/memmap.h"

/* Memory slots; that of the RAM is 0 */
enum { SLOT_CODE = 1, SLOT_VARS };

/* Without a file: what EDK2 wants for its variables, 3 blocks, and one to spare */
#define VARS_DEFAULT	(4 * FLASH_BLOCK)
#define PAGE		65536ULL
#define CHUNK		65536

static int fail(struct error *err, const char *option, const char *path, int code)
{
	return error_set(err, code, "%s: cannot read %s: %s", option, path, strerror(-code));
}

/* A copy, so that nobody who writes the file is felt; zeros take no memory. */
static int read_all(int fd, uint8_t *to, size_t size)
{
	static const uint8_t zeros[CHUNK];
	uint8_t chunk[CHUNK];
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, chunk, size - done < CHUNK ? size - done : CHUNK, done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		if (memcmp(chunk, zeros, n))
			memcpy(to + done, chunk, n);
		done += n;
	}
	return 0;
}

static void *anonymous(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Opens the file, and checks that its size is a multiple of unit, and not more than most. */
static int open_sized(const char *option, const char *path, int flags, uint64_t unit, uint64_t most,
		      size_t *size, struct error *err)
{
	int fd = open(path, flags | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fail(err, option, path, -errno);
	if (fstat(fd, &st) < 0) {
		fail(err, option, path, -errno);
	} else if (!S_ISREG(st.st_mode) || !st.st_size || st.st_size % unit ||
		   (uint64_t)st.st_size > most) {
		error_set(err, -EINVAL, "%s: %s is not a file of up to %llu MiB in units of %llu KiB",
			  option, path, (unsigned long long)most >> 20,
			  (unsigned long long)unit >> 10);
	} else {
		*size = st.st_size;
		return fd;
	}
	close(fd);
	return err->code;
}

static int open_code(struct firmware *firmware, const char *path, struct error *err)
{
	size_t size = 0;
	int fd, ret;

	fd = open_sized("--firmware", path, O_RDONLY, 4096, memmap[MEMMAP_FLASH].size, &size, err);
	if (fd < 0)
		return fd;
	firmware->code_size = (size + PAGE - 1) / PAGE * PAGE;
	firmware->code = anonymous(firmware->code_size);
	ret = firmware->code ? read_all(fd, firmware->code, size) : -ENOMEM;
	close(fd);
	return ret < 0 ? fail(err, "--firmware", path, ret) : 0;
}

static int open_vars(struct firmware *firmware, const char *path, struct error *err)
{
	int ret;

	firmware->vars_size = VARS_DEFAULT;
	if (path) {
		firmware->vars_fd = open_sized("--vars", path, O_RDWR, FLASH_BLOCK,
					       memmap[MEMMAP_VARS].size, &firmware->vars_size, err);
		if (firmware->vars_fd < 0)
			return firmware->vars_fd;
	}
	firmware->vars = anonymous(firmware->vars_size);
	if (!firmware->vars)
		return error_set(err, -ENOMEM, "--vars: no memory");
	if (!path) {
		memset(firmware->vars, 0xff, firmware->vars_size);
		return 0;
	}
	ret = read_all(firmware->vars_fd, firmware->vars, firmware->vars_size);
	return ret < 0 ? fail(err, "--vars", path, ret) : 0;
}

/* ---- the flash's host ---- */

static int map(struct firmware *firmware, uint32_t slot, enum memmap_id id, void *data, size_t size)
{
	return avmm_map_memory(firmware->vm, slot, AVMM_MEM_READONLY, memmap[id].base, data, size);
}

static void flash_map(void *opaque, bool on)
{
	struct firmware *firmware = opaque;
	int ret;

	if (firmware->vm < 0)
		return;
	ret = on ? map(firmware, SLOT_VARS, MEMMAP_VARS, firmware->vars, firmware->vars_size) :
	      avmm_unmap_memory(firmware->vm, SLOT_VARS);
	if (ret < 0)
		log_error("the flash cannot be mapped: %s", strerror(-ret));
}

static void flash_wrote(void *opaque, uint32_t offset, uint32_t len)
{
	struct firmware *firmware = opaque;

	if (firmware->vars_fd < 0)
		return;
	if (pwrite(firmware->vars_fd, firmware->vars + offset, len, offset) != (ssize_t)len)
		log_error("--vars: the file cannot be written: %s", strerror(errno));
}

static const struct flash_host flash_host = { .map = flash_map, .wrote = flash_wrote };

/* ---- life ---- */

int firmware_open(struct firmware *firmware, const struct vm_config *config, struct error *err)
{
	int ret;

	*firmware = (struct firmware) { .vars_fd = -1, .vm = -1 };
	if (!config->firmware)
		return 0;
	ret = open_code(firmware, config->firmware, err);
	if (ret == 0)
		ret = open_vars(firmware, config->vars, err);
	if (ret < 0) {
		firmware_close(firmware);
		return ret;
	}
	flash_init(&firmware->flash, firmware->vars, firmware->vars_size, &flash_host, firmware);
	return 0;
}

void firmware_close(struct firmware *firmware)
{
	if (firmware->code)
		munmap(firmware->code, firmware->code_size);
	if (firmware->vars)
		munmap(firmware->vars, firmware->vars_size);
	if (firmware->vars_fd >= 0)
		close(firmware->vars_fd);
	firmware->code = NULL;
	firmware->vars = NULL;
	firmware->vars_fd = -1;
}

int firmware_power_on(struct firmware *firmware, int vm, struct error *err)
{
	int ret;

	if (!firmware->code)
		return 0;
	firmware->vm = vm;
	ret = map(firmware, SLOT_CODE, MEMMAP_FLASH, firmware->code, firmware->code_size);
	if (ret == 0)
		ret = map(firmware, SLOT_VARS, MEMMAP_VARS, firmware->vars, firmware->vars_size);
	if (ret < 0)
		return error_set(err, ret, "--firmware: the guest cannot be given it: %s",
				 strerror(-ret));
	return 0;
}

void firmware_power_off(struct firmware *firmware)
{
	firmware->vm = -1;
}
