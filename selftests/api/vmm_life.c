// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to a VM when something happens to its process or its memory; and many VMs, and many
 * vCPUs, at a time. (create_destroy.c has the ends of VMs, memory.c what memory does.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "avmm_util.h"

/* 1: ldr x0, [x1]; add x0, x0, #1; str x0, [x1]; b 1b */
static const uint32_t count[] = { 0xf9400020, 0x91000400, 0xf9000020, 0x17fffffd };
/* 1: add x0, x0, #1; cmp x0, x2; b.ne 1b; str x0, [x1]; mov x0, xzr; b 1b */
static const uint32_t work[] = { 0x91000400, 0xeb02001f, 0x54ffffc1,
				 0xf9000020, 0xaa1f03e0, 0x17fffffb };
/* mrs x0, mpidr_el1; str x0, [x1]; ldr x0, [x3, #8]; str x0, [x1]; mov x0, xzr; and work */
static const uint32_t who[] = { 0xd53800a0, 0xf9000020, 0xf9400460, 0xf9000020, 0xaa1f03e0,
				0x91000400, 0xeb02001f, 0x54ffffc1,
				0xf9000020, 0xaa1f03e0, 0x17fffffb };

#define MANY	64

/* The value of a store to MAP_MMIO, or ~0 if that is not what came next. */
static uint64_t next_store(int vcpu, struct avmm_run *run)
{
	uint64_t value = ~0ULL;
	int r;

	do {
		r = avmm_run(vcpu);
	} while (r == -EINTR);
	if (!r && run->exit_reason == AVMM_EXIT_MMIO && run->mmio.phys_addr == MAP_MMIO &&
	    run->mmio.is_write)
		memcpy(&value, run->mmio.data, 8);
	return value;
}

static void start(int fd, uint64_t x2, uint64_t x3)
{
	int r = avmm_set_reg(fd, REG_PC, MAP_RAM);

	r |= avmm_set_reg(fd, REG_PSTATE, 0x3c5);
	r |= avmm_set_reg(fd, AVMM_CORE_X(0), 0);
	r |= avmm_set_reg(fd, AVMM_CORE_X(1), MAP_MMIO);
	r |= avmm_set_reg(fd, AVMM_CORE_X(2), x2);
	r |= avmm_set_reg(fd, AVMM_CORE_X(3), x3);
	if (r)
		tap_bail("registers");
}

/* ---- many at a time ---- */

struct one {
	pthread_t thread;
	int fd;
	struct avmm_run *run;
	uint64_t rounds;
	unsigned int bad;
};

static pthread_barrier_t all;

static void *one_main(void *arg)
{
	struct one *o = arg;

	pthread_barrier_wait(&all);
	for (int i = 0; i < 20; i++)
		o->bad += next_store(o->fd, o->run) != o->rounds;
	return NULL;
}

static unsigned int run_many(struct one *one)
{
	unsigned int i, bad = 0;

	pthread_barrier_init(&all, NULL, MANY);
	for (i = 0; i < MANY; i++)
		if (pthread_create(&one[i].thread, NULL, one_main, &one[i]))
			tap_bail("pthread_create");
	for (i = 0; i < MANY; i++) {
		pthread_join(one[i].thread, NULL);
		bad += one[i].bad;
	}
	return bad;
}

static void test_many_vms(void)
{
	static struct one one[MANY];
	struct vm *vm[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		vm[i] = vm_new(&(struct vm_config){ .nommu = true });
		vm_poke(vm[i], MAP_RAM, work, 6);
		one[i] = (struct one){ .fd = vm[i]->vcpu[0].fd, .run = vm[i]->vcpu[0].run,
				       .rounds = 20000 + i };
		start(one[i].fd, one[i].rounds, 0);
	}
	tap_eq(run_many(one), 0, "%d VMs run at once, each its own guest", MANY);
	for (i = 0; i < MANY; i++)
		vm_free(vm[i]);
}

static void test_many_vcpus(void)
{
	static struct one one[MANY];
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true, .no_gic = true });
	struct avmm_vcpu_init init;
	unsigned int i, bad = 0, affinity = 0;
	uint64_t mpidr, typer;

	avmm_arm_preferred_target(vm->fd, &init);
	for (i = 0; i < MANY; i++) {
		one[i] = (struct one){ .fd = vm->vcpu[0].fd, .run = vm->vcpu[0].run,
				       .rounds = 20000 + i };
		if (!i)
			continue;
		one[i].fd = avmm_create_vcpu(vm->fd, i);
		if (one[i].fd < 0 || avmm_map_run(one[i].fd, vm->run_size, &one[i].run) ||
		    avmm_arm_vcpu_init(one[i].fd, &init))
			tap_bail("vCPU %u", i);
	}
	vm_add_gic(vm);
	vm_poke(vm, MAP_RAM, who, 11);
	for (i = 0; i < MANY; i++) {
		start(one[i].fd, one[i].rounds, MAP_GICR + i * 0x20000UL);
		mpidr = next_store(one[i].fd, one[i].run);
		typer = next_store(one[i].fd, one[i].run);
		affinity |= mpidr & 0xffff;
		bad += (mpidr & 0xffffff) != (i % 16 | i / 16 << 8);
		bad += typer >> 32 != (mpidr & 0xffffff) || (typer >> 8 & 0xffff) != i;
		bad += (typer >> 4 & 1) != (i == MANY - 1);
	}
	tap_eq(bad, 0, "%d vCPUs, each with a redistributor of its affinity", MANY);
	tap_eq(affinity, 0x30f, "over four clusters");
	tap_eq(run_many(one), 0, "they run at once");
	for (i = 1; i < MANY; i++) {
		avmm_unmap_run(one[i].run, vm->run_size);
		close(one[i].fd);
	}
	vm_free(vm);
}

static void test_limit(void)
{
	int dev = device_open(), vm = avmm_create_vm(dev, 0), fd;
	int limit = avmm_check_extension(dev, AVMM_CAP_MAX_VCPUS);

	fd = avmm_create_vcpu(vm, limit - 1);
	tap_ok(fd >= 0, "vCPU number %d", limit - 1);
	close(fd);
	tap_eq(-avmm_create_vcpu(vm, limit), EINVAL, "and no higher one");
	close(vm);
	close(dev);
}

/* ---- files ---- */

static void test_files_gone(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	struct vcpu *v = &vm->vcpu[0];

	vm_poke(vm, MAP_RAM, work, 6);
	start(v->fd, 100, 0);
	close(vm->dev);
	close(vm->gic);
	close(vm->fd);
	tap_eq(next_store(v->fd, v->run), 100, "a vCPU runs on when the VM's file is closed");
	tap_eq(vcpu_x(v, 2), 100, "and has its registers");
	avmm_unmap_run(v->run, vm->run_size);
	close(v->fd);
	munmap(vm->ram, vm->ram_size);
	free(vm);
}

/* Files that a new program inherits are of no use to it. */
static int inherited(char **argv)
{
	int vm = atoi(argv[2]), vcpu = atoi(argv[3]), gic = atoi(argv[4]);
	uint64_t pc;
	int bits = 0;

	bits |= (avmm_check_extension(vm, AVMM_CAP_USER_MEMORY) == -EIO) << 0;
	bits |= (avmm_unmap_memory(vm, 0) == -EIO) << 1;
	bits |= (avmm_run(vcpu) == -EIO) << 2;
	bits |= (avmm_get_reg(vcpu, REG_PC, &pc) == -EIO) << 3;
	bits |= (avmm_attr_has(gic, AVMM_DEV_ARM_VGIC_GRP_CTRL, 0) == -EIO) << 4;
	return bits;
}

static void test_exec(void)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	char fd[3][12];
	int status;
	pid_t pid;

	vm_poke(vm, MAP_RAM, work, 6);
	start(vm->vcpu[0].fd, 100, 0);
	pid = fork();
	if (pid == 0) {
		int fds[] = { vm->fd, vm->vcpu[0].fd, vm->gic };

		for (int i = 0; i < 3; i++) {
			fcntl(fds[i], F_SETFD, 0);
			snprintf(fd[i], sizeof(fd[i]), "%d", fds[i]);
		}
		execl("/proc/self/exe", "vmm_life", "--inherited", fd[0], fd[1], fd[2], NULL);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	tap_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 31,
	       "files inherited by another program: EIO for all (a bit for each)");

	tap_eq(next_store(vm->vcpu[0].fd, vm->vcpu[0].run), 100, "the parent's guest runs");
	/* the run page is memory like any other */
	pid = fork();
	if (pid == 0) {
		struct avmm_run *run;

		if (avmm_map_run(vm->vcpu[0].fd, vm->run_size, &run))
			_exit(1);
		_exit(run->exit_reason == AVMM_EXIT_MMIO ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	tap_eq(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0,
	       "a child can map the run page of a vCPU");
	tap_eq(next_store(vm->vcpu[0].fd, vm->vcpu[0].run), 100, "the parent's guest runs on");
	vm_free(vm);
}

/* ---- the process stops ---- */

static void test_stop(void)
{
	uint64_t *shared = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				-1, 0);
	volatile uint64_t *counter = shared + 1 * MIB / 8;
	uint64_t before, t;
	int i, status, bad = 0;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		struct vm *vm = vm_new(&(struct vm_config){ .nommu = true, .ram_at = shared });

		vm_poke(vm, MAP_RAM, count, 4);
		start(vm->vcpu[0].fd, 0, 0);
		vcpu_set(&vm->vcpu[0], AVMM_CORE_X(1), MAP_RAM + 1 * MIB);
		while (vcpu_run(&vm->vcpu[0]) == -EINTR)
			;
		_exit(1);
	}
	for (i = 0; i < 5; i++) {
		before = *counter;
		for (t = now_ns(); *counter == before && now_ns() - t < 30000000000ULL;)
			usleep(1000);
		bad += *counter == before;
		kill(pid, SIGSTOP);
		bad += waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status);
		before = *counter;
		usleep(20000);
		bad += *counter != before;
		kill(pid, SIGCONT);
	}
	tap_eq(bad, 0, "SIGSTOP stops the guest, SIGCONT lets it go on");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	tap_ok(WIFSIGNALED(status), "and it runs until it is killed");
	munmap(shared, 16 * MIB);
}

/* ---- memory goes from under a guest that runs ---- */

static void *run_main(void *arg)
{
	struct vcpu *v = arg;

	do {
		v->result = vcpu_run(v);
	} while (v->result == -EINTR);
	return NULL;
}

enum way { MUNMAP, PROTNONE, TRUNCATE, MOVE, WAYS };

static const char *const ways[] = { "munmap", "mprotect", "ftruncate", "mremap" };

static void test_pulled(enum way way)
{
	struct vm *vm = vm_new(&(struct vm_config){ .nommu = true });
	struct vcpu *v = &vm->vcpu[0];
	int fd = memfd_create("pulled", MFD_CLOEXEC), i, bad = 0;
	volatile uint64_t *word;
	uint64_t t, *moved;

	if (fd < 0 || ftruncate(fd, 4096))
		tap_bail("memfd");
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (avmm_map_memory(vm->fd, 1, 0, MAP_RAM + 64 * MIB, (void *)word, 4096))
		tap_bail("the slot");
	vm_poke(vm, MAP_RAM, count, 4);
	start(v->fd, 0, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_RAM + 64 * MIB);
	for (i = 0; i < 5; i++) {
		*word = 0;
		if (pthread_create(&v->thread, NULL, run_main, v))
			tap_bail("pthread_create");
		for (t = now_ns(); !*word && now_ns() - t < 30000000000ULL;)
			usleep(1000);
		bad += !*word;
		moved = NULL;
		switch (way) {
		case MUNMAP:
			munmap((void *)word, 4096);
			break;
		case PROTNONE:
			mprotect((void *)word, 4096, PROT_NONE);
			break;
		case TRUNCATE:
			bad += ftruncate(fd, 0) != 0;
			break;
		default:
			moved = mremap((void *)word, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED,
				       mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
					    0));
			break;
		}
		pthread_join(v->thread, NULL);
		bad += v->result != -EFAULT;
		bad += vcpu_run(v) != -EFAULT;
		/* and back */
		if (way == TRUNCATE)
			bad += ftruncate(fd, 4096) != 0;
		else if (way == PROTNONE)
			mprotect((void *)word, 4096, PROT_READ | PROT_WRITE);
		else if (mmap((void *)word, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			      fd, 0) != word)
			tap_bail("mmap");
		if (moved)
			munmap(moved, 4096);
	}
	tap_eq(bad, 0, "%s under a guest that runs: RUN gives EFAULT, and goes on when it is undone",
	       ways[way]);
	vm_free(vm);
	munmap((void *)word, 4096);
	close(fd);
}

/* ---- memory that went bad ---- */

static volatile int bus_code, bus_lsb;
static void *volatile bus_addr;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	bus_code = info->si_code;
	bus_addr = info->si_addr;
	bus_lsb = info->si_addr_lsb;
}

static void test_poison(bool huge)
{
	struct sigaction act = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	const char *name = huge ? "a huge page" : "a page";
	size_t size = huge ? 2 * MIB : 4096;
	struct vm *vm;
	struct vcpu *v;
	uint64_t *bad;
	int r, i;

	if (huge)
		write_text("/proc/sys/vm/nr_hugepages", "2");
	bad = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | (huge ? MAP_HUGETLB : 0), -1, 0);
	if (bad == MAP_FAILED) {
		tap_skip("not to be had here", name);
		return;
	}
	bad[0] = 1;
	vm = vm_new(&(struct vm_config){ .nommu = true });
	v = &vm->vcpu[0];
	if (avmm_map_memory(vm->fd, 1, 0, MAP_RAM + 64 * MIB, bad, size))
		tap_bail("the slot");
	vm_poke(vm, MAP_RAM, count, 4);
	start(v->fd, 0, 0);
	vcpu_set(v, AVMM_CORE_X(1), MAP_RAM + 64 * MIB);
	sigaction(SIGBUS, &act, NULL);
	if (madvise(bad, size, MADV_HWPOISON)) {
		tap_skip("this kernel cannot poison memory", name);
	} else {
		for (i = 0; i < 3; i++) {
			bus_code = bus_lsb = 0;
			r = vcpu_run(v);
			tap_ok(r == -EINTR && bus_code == BUS_MCEERR_AR && bus_addr == bad &&
			       bus_lsb == (huge ? 21 : 12),
			       "%s that went bad: SIGBUS (%d, code %d, lsb %d)", name, r, bus_code,
			       bus_lsb);
		}
		if (mmap(bad, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (huge ? MAP_HUGETLB : 0), -1,
			 0) == bad) {
			if (pthread_create(&v->thread, NULL, run_main, v))
				tap_bail("pthread_create");
			for (uint64_t t = now_ns(); !*(volatile uint64_t *)bad &&
			     now_ns() - t < 30000000000ULL;)
				usleep(1000);
			tap_ok(bad[0] != 0, "%s: with a new one in its place the guest goes on", name);
			munmap(bad, size);
			pthread_join(v->thread, NULL);
			bad = MAP_FAILED;
		}
	}
	signal(SIGBUS, SIG_DFL);
	vm_free(vm);
	if (bad != MAP_FAILED)
		munmap(bad, size);
	if (huge)
		write_text("/proc/sys/vm/nr_hugepages", "0");
}

int main(int argc, char **argv)
{
	enum way way;

	if (argc > 4 && !strcmp(argv[1], "--inherited"))
		return inherited(argv);
	test_begin(280);
	test_files_gone();
	test_exec();
	test_stop();
	for (way = 0; way < WAYS; way++)
		test_pulled(way);
	test_poison(false);
	test_poison(true);
	test_limit();
	test_many_vcpus();
	test_many_vms();
	return tap_end();
}
