// SPDX-License-Identifier: GPL-2.0
/*
 * Starts another kernel from this one.
 *
 *	kexec load IMAGE INITRD CMDLINE		for "kexec now"
 *	kexec crash IMAGE INITRD CMDLINE	for when this kernel panics; needs crashkernel=
 *	kexec now
 *
 * Debian's arm64 kernel has no kexec_file_load(2). With kexec_load(2) the kernel copies segments and jumps, no more:
 * where they go, the device tree of the next kernel, and the few instructions that give it to that kernel are ours.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Also keeps each segment's page tables and the device tree's 2 MiB (booting.rst) to themselves. */
#define ALIGN_TO	0x200000UL

/* Documentation/arm64/booting.rst: x0 is the device tree, x1 to x3 are zero. */
static struct {
	uint32_t insn[6];
	uint64_t kernel, dtb;
} trampoline = {
	.insn = {
		0x580000c4,	/* ldr x4, kernel */
		0x580000e0,	/* ldr x0, dtb */
		0xaa1f03e1,	/* mov x1, xzr */
		0xaa1f03e2,	/* mov x2, xzr */
		0xaa1f03e3,	/* mov x3, xzr */
		0xd61f0080,	/* br x4 */
	},
};

static void *read_file(const char *path, size_t *size)
{
	char *buf = NULL;
	size_t room = 0, n = 0;
	ssize_t ret = 1;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		err(1, "%s", path);
	while (ret > 0) {
		if (n == room)
			buf = realloc(buf, room += 16 << 20);
		if (!buf)
			err(1, "memory for %s", path);
		ret = read(fd, buf + n, room - n);
		if (ret < 0)
			err(1, "%s", path);
		n += ret;
	}
	close(fd);
	*size = n;
	return buf;
}

struct range {
	uint64_t start, end;
};

static void keep_larger(struct range *best, uint64_t start, uint64_t end)
{
	if (end > start && end - start > best->end - best->start)
		*best = (struct range){ start, end };
}

/*
 * Where the next kernel may go. After a panic: what crashkernel= set apart. Else the second half of the largest hole
 * between what this kernel has set apart in its memory: the tables of the GIC's LPIs are memory like any other, which
 * it does not list, but the next kernel finds them in use and leaves them where they are. They were made early, so they
 * are low.
 */
static struct range find_room(bool crash)
{
	struct range best = { 0 };
	uint64_t from = 0, ram_end = 0;
	unsigned long long start, end;
	char line[256], *colon;
	FILE *f = fopen("/proc/iomem", "r");

	if (!f)
		err(1, "/proc/iomem");
	while (fgets(line, sizeof(line), f)) {
		colon = strstr(line, " : ");
		if (!colon || sscanf(line, "%llx-%llx", &start, &end) != 2)
			continue;
		if (crash) {
			if (!strcmp(colon, " : Crash kernel\n"))
				best = (struct range){ start, end + 1 };
			continue;
		}
		if (line[0] != ' ') {
			keep_larger(&best, from, ram_end);
			from = ram_end = 0;
			if (!strcmp(colon, " : System RAM\n")) {
				from = start;
				ram_end = end + 1;
			}
		} else if (ram_end && end >= from) {
			keep_larger(&best, from, start);
			from = end + 1;
		}
	}
	keep_larger(&best, from, ram_end);
	fclose(f);
	if (!best.end)
		errx(1, "/proc/iomem has no room for a kernel");
	if (!crash)
		best.start += (best.end - best.start) / 2;
	return best;
}

static void check_fdt(int ret, const char *what)
{
	if (ret < 0)
		errx(1, "device tree: %s: %s", what, fdt_strerror(ret));
}

/* This kernel's own device tree, with what differs for the next one. */
static void *make_fdt(size_t *size, const char *cmdline, uint64_t initrd, uint64_t initrd_end,
		      struct range usable)
{
	void *old = read_file("/sys/firmware/fdt", size);
	uint64_t cells[2] = { cpu_to_fdt64(usable.start), cpu_to_fdt64(usable.end - usable.start) };
	void *fdt;
	int chosen;

	*size += 16384;
	fdt = calloc(1, *size);
	if (!fdt)
		err(1, "memory for the device tree");
	check_fdt(fdt_open_into(old, fdt, *size), "opening it");
	chosen = fdt_path_offset(fdt, "/chosen");
	check_fdt(chosen, "/chosen");
	check_fdt(fdt_setprop_string(fdt, chosen, "bootargs", cmdline), "bootargs");
	check_fdt(fdt_setprop_u64(fdt, chosen, "linux,initrd-start", initrd), "initrd");
	check_fdt(fdt_setprop_u64(fdt, chosen, "linux,initrd-end", initrd_end), "initrd");
	if (usable.end)
		check_fdt(fdt_setprop(fdt, chosen, "linux,usable-memory-range", cells, sizeof(cells)),
			  "usable memory");
	return fdt;
}

static void load(bool crash, const char *image_path, const char *initrd_path, const char *cmdline)
{
	struct kexec_segment seg[4] = { 0 };
	struct range room = find_room(crash), usable = crash ? room : (struct range){ 0 };
	uint64_t addr, kernel_size;
	size_t size, page = sysconf(_SC_PAGESIZE);
	char *image = read_file(image_path, &size);
	unsigned int i;

	/* the header of Image says at 16 how much the kernel needs, with its bss */
	if (size < 64 || memcmp(image + 56, "ARM\x64", 4))
		errx(1, "%s is no arm64 Image", image_path);
	memcpy(&kernel_size, image + 16, sizeof(kernel_size));
	seg[0] = (struct kexec_segment){ .buf = image, .bufsz = size, .memsz = kernel_size };
	seg[1].buf = read_file(initrd_path, &size);
	seg[1].bufsz = size;
	/* its size does not depend on what is in it */
	free(make_fdt(&size, cmdline, 0, 0, usable));
	seg[2].bufsz = size;
	seg[3].buf = &trampoline;
	seg[3].bufsz = sizeof(trampoline);

	for (addr = room.start, i = 0; i < 4; i++) {
		addr = (addr + ALIGN_TO - 1) & ~(ALIGN_TO - 1);
		if (seg[i].memsz < seg[i].bufsz)
			seg[i].memsz = seg[i].bufsz;
		seg[i].memsz = (seg[i].memsz + page - 1) & ~(page - 1);
		seg[i].mem = (void *)addr;
		addr += seg[i].memsz;
	}
	if (addr > room.end)
		errx(1, "no room for it in %llu MiB", (unsigned long long)(room.end - room.start) >> 20);
	trampoline.kernel = (uint64_t)seg[0].mem;
	trampoline.dtb = (uint64_t)seg[2].mem;
	addr = (uint64_t)seg[1].mem;
	seg[2].buf = make_fdt(&size, cmdline, addr, addr + seg[1].bufsz, usable);
	if (syscall(SYS_kexec_load, seg[3].mem, 4L, seg, KEXEC_ARCH_AARCH64 | (crash ? KEXEC_ON_CRASH : 0)))
		err(1, "kexec_load");
}

int main(int argc, char **argv)
{
	if (argc == 5 && (!strcmp(argv[1], "load") || !strcmp(argv[1], "crash"))) {
		load(argv[1][0] == 'c', argv[2], argv[3], argv[4]);
		return 0;
	}
	if (argc != 2 || strcmp(argv[1], "now"))
		errx(1, "usage: kexec load|crash IMAGE INITRD CMDLINE, kexec now");
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, NULL);
	err(1, "reboot");
}
