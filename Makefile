# SPDX-License-Identifier: GPL-2.0
# The one way in for people, CI and packages; "make help" lists what there is. kbuild does not read
# this file but Kbuild, beside it.
#
# On an ARM machine everything is built for that machine. Elsewhere, and when there is no kernel to
# build for, it is built for the lab: cross compiler, kernel headers and libraries come from
# lab/setup. LAB=1 asks for that anywhere.

KERNEL ?= 6.1
PREFIX ?= /usr/local
UDEVDIR ?= /usr/lib/udev/rules.d
DESTDIR ?=

VERSION := 0.1.0
MACHINE := $(if $(LAB),,$(filter aarch64 armv7l armv8l,$(shell uname -m)))
RUNNING := $(if $(MACHINE),$(wildcard /lib/modules/$(shell uname -r)/build))

# Asked once, and only by the targets that need it.
lab_fact = $(shell lab/setup --kernel $(KERNEL) --print $(1))

# ---- the module: which kernel to build for, and where

ifneq ($(KDIR),)
kbuild_args = -C $(KDIR)
out := .
else ifneq ($(and $(RUNNING),$(filter file default undefined,$(origin KERNEL))),)
kbuild_args = -C $(RUNNING)
out := .
else
lab_kernel := lab-kernel
kbuild_args = $(call lab_fact,kbuild)
# The lab's first kernel is built in the tree. The others have a copy of the sources each, because
# kbuild puts its objects beside them.
out := $(if $(filter-out 6.1,$(KERNEL)),build/$(KERNEL),.)
endif
kbuild_vars = $(if $(ARCH),ARCH=$(ARCH)) $(if $(CROSS_COMPILE),CROSS_COMPILE=$(CROSS_COMPILE))
kbuild = +flock $(out) $(MAKE) $(kbuild_args) M=$(abspath $(out)) $(kbuild_vars)

# The module's sources without what a build left beside them; paths of more may follow.
sources = tar -c --exclude='*.o' --exclude='*.ko' --exclude='.*.cmd' --exclude='*.mod' \
	--exclude='*.mod.c' --exclude=hyp.bin --exclude=hyp.elf --exclude=modules.order \
	Kbuild kmod include

# ---- programs: the compiler, and libraries to link them with

ifneq ($(or $(CROSS_COMPILE),$(MACHINE)),)
# What is given, or the machine's own.
vmm_args = CROSS_COMPILE=$(CROSS_COMPILE)
else
# Linked statically, because the lab's host has no libraries.
lab_programs := lab-kernel
vmm_args = CROSS_COMPILE=$(call lab_fact,cross) STATIC=1 \
	SYSROOT_CFLAGS="$(call lab_fact,cflags)" SYSROOT_LDFLAGS="$(call lab_fact,ldflags)"
endif

# A minute of fuzzing is part of check; this is hours of it: TIME= in seconds, SEED=, DEBUG=1.
TIME ?= 3600
SEED ?=
DEBUG ?=

.PHONY: all modules vmm selftests kvm-selftests check check-long check-debug \
	soak demo bench style install modules_install dkms-install clean help lab-kernel
all: modules vmm

lab-kernel:
	@lab/setup --kernel $(KERNEL)

# kmod/avmm.ko; for another kernel of the lab build/KERNEL/kmod/avmm.ko
modules: $(lab_kernel)
ifneq ($(out),.)
	@rm -rf $(out) && mkdir -p $(out)
	@$(sources) selftests/module | tar -x -C $(out)
endif
	$(kbuild) modules
ifneq ($(out),.)
	+flock $(out) $(MAKE) $(kbuild_args) M=$(abspath $(out))/selftests/module $(kbuild_vars) modules
endif

# userspace-vmm/avmm
vmm: $(lab_programs)
	$(MAKE) -C userspace-vmm $(vmm_args)

# After the module: the tests that load it have a copy beside them, and there are modules of theirs.
selftests: modules $(lab_programs)
	+flock selftests/module $(MAKE) $(kbuild_args) M=$(abspath selftests/module) $(kbuild_vars) modules
	$(MAKE) -C selftests $(vmm_args)

# The KVM selftests of a kernel's own source.
kvm-selftests:
	lab/kvm-selftests --kernel $(KERNEL)

check:
	lab/check

check-long:
	lab/check --long

check-debug:
	lab/check --debug

soak: modules vmm selftests
	$(if $(DEBUG),$(MAKE) modules KERNEL=debug)
	lab/soak --time $(TIME) $(if $(SEED),--seed $(SEED)) $(if $(DEBUG),--debug)

demo:
	lab/demo

bench:
	lab/bench

style:
	scripts/check.sh

release = $(shell modinfo -F vermagic $(out)/kmod/avmm.ko | cut -d ' ' -f 1)
modules_install:
	@[ -e $(out)/kmod/avmm.ko ] || { echo "run 'make modules' first" >&2; exit 1; }
	install -D -m 644 $(out)/kmod/avmm.ko $(DESTDIR)/lib/modules/$(release)/updates/avmm.ko
	[ -n '$(DESTDIR)' ] || depmod $(release)

# Who may open /dev/kvm may open /dev/avmm.
install: modules_install
	$(MAKE) -C userspace-vmm install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) $(vmm_args)
	install -D -m 644 Documentation/man/avmm.4 $(DESTDIR)$(PREFIX)/share/man/man4/avmm.4
	install -d $(DESTDIR)$(UDEVDIR)
	echo 'KERNEL=="avmm", GROUP="kvm", MODE="0660"' >$(DESTDIR)$(UDEVDIR)/60-avmm.rules
	install -D -m 644 packaging/apparmor/avmm $(DESTDIR)/etc/apparmor.d/abstractions/libvirt-qemu.d/avmm

# The sources as dkms expects them; "dkms install avmm/VERSION" then builds them for each kernel of
# this machine.
dkms-install:
	install -d $(DESTDIR)/usr/src/avmm-$(VERSION)
	$(sources) Makefile dkms.conf | tar -x -C $(DESTDIR)/usr/src/avmm-$(VERSION)

# Without kbuild, so that it needs neither headers nor the lab.
clean:
	find kmod $(wildcard selftests/module) -type f \( -name '*.o' -o -name '*.ko' -o -name '.*.cmd' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.d' -o -name modules.order -o -name hyp.bin \
		-o -name hyp.elf \) -delete
	rm -rf build Module.symvers modules.order .*.cmd .tmp_versions
	[ ! -e userspace-vmm/Makefile ] || $(MAKE) -C userspace-vmm clean
	[ ! -e selftests/Makefile ] || $(MAKE) -C selftests clean

help:
	@echo 'make modules       kmod/avmm.ko for KDIR= (ARCH= CROSS_COMPILE=), else for the running'
	@echo '                   kernel of an ARM machine, else (or with LAB=1) for the lab,'
	@echo '                   KERNEL=$(KERNEL) (6.1, 6.12, sid, debug)'
	@echo 'make vmm           userspace-vmm/avmm for CROSS_COMPILE=, this ARM machine, or the lab'
	@echo 'make selftests     the tests'
	@echo 'make kvm-selftests the KVM selftests of the source of KERNEL=$(KERNEL), see'
	@echo '                   Documentation/kvm-selftests.rst'
	@echo 'make check         build all and run all tests: here, and in hosts in QEMU'
	@echo 'make check-long    the tests that take long: real programs on KVM in all their forms'
	@echo 'make check-debug   the same on a kernel with KASAN, lockdep, kmemleak, UBSAN'
	@echo 'make soak          the fuzzer with new seeds, TIME=$(TIME) seconds, SEED= DEBUG=1'
	@echo 'make demo          from nothing to the prompt of a guest'
	@echo 'make bench         what AVMM and in-tree KVM cost, side by side'
	@echo 'make style         the style checks'
	@echo 'make install       module, VMM, udev rule, AppArmor, manual pages; DESTDIR= PREFIX=$(PREFIX)'
	@echo 'make dkms-install  the sources for dkms, under DESTDIR/usr/src'
	@echo 'make clean'
