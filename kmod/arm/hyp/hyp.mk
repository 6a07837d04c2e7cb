# SPDX-License-Identifier: GPL-2.0
# EL2 code. VHE objects are ordinary members of avmm.ko. The nVHE objects are
# linked on their own into a blob without relocations, and embedded as data.

avmm-y += arm/hyp/vhe.o arm/hyp/vhe_entry.o arm/hyp/host_calls.o arm/hyp/blob.o

# No instrumentation and nothing that would call out of the folder or touch
# SP_EL0 (stack protector), x18's shadow stack or the FP registers.
hyp-cflags := -ffreestanding -fno-stack-protector -fno-jump-tables -mgeneral-regs-only
hyp-cflags += -mbranch-protection=none -fno-asynchronous-unwind-tables -fno-unwind-tables
hyp-cflags += -fno-builtin -fno-common -fno-tree-loop-distribute-patterns

KASAN_SANITIZE_vhe.o := n
UBSAN_SANITIZE_vhe.o := n
KCSAN_SANITIZE_vhe.o := n
KCOV_INSTRUMENT_vhe.o := n
GCOV_PROFILE_vhe.o := n
CFLAGS_arm/hyp/vhe.o += -fno-stack-protector -fno-jump-tables
CFLAGS_REMOVE_arm/hyp/vhe.o += $(CC_FLAGS_SCS)

hyp-obj := $(obj)/arm/hyp
hyp-src := $(kmod-src)/arm/hyp
hyp-objs := $(hyp-obj)/nvhe_init.o $(hyp-obj)/nvhe_entry.o $(hyp-obj)/nvhe_main.o

quiet_cmd_hyp_cc = HYPCC   $@
      cmd_hyp_cc = $(CC) -Wp,-MMD,$(depfile) -nostdinc $(LINUXINCLUDE) -D__KERNEL__ -DHYP_NVHE \
		   -std=gnu11 -O2 -Wall -Wundef -Wno-pointer-sign -march=armv8-a -fpie \
		   $(hyp-cflags) -I$(kmod-src) -c -o $@ $<
quiet_cmd_hyp_as = HYPAS   $@
      cmd_hyp_as = $(CC) -Wp,-MMD,$(depfile) -nostdinc $(LINUXINCLUDE) -D__KERNEL__ -D__ASSEMBLY__ \
		   -DHYP_NVHE -march=armv8-a -I$(kmod-src) -c -o $@ $<
quiet_cmd_hyp_ld = HYPLD   $@
      cmd_hyp_ld = $(LD) -EL -T $(hyp-src)/hyp.lds --no-undefined --orphan-handling=error --no-warn-rwx-segments \
		   -o $@ $(hyp-objs)
quiet_cmd_hyp_bin = HYPBIN  $@
      cmd_hyp_bin = $(OBJCOPY) -O binary $< $@

$(hyp-obj)/nvhe_main.o: $(hyp-src)/nvhe.c FORCE
	$(call if_changed_dep,hyp_cc)
$(hyp-obj)/nvhe_entry.o: $(hyp-src)/aarch64/entry.S FORCE
	$(call if_changed_dep,hyp_as)
$(hyp-obj)/nvhe_init.o: $(hyp-src)/aarch64/init.S FORCE
	$(call if_changed_dep,hyp_as)
$(hyp-obj)/hyp.elf: $(hyp-objs) $(hyp-src)/hyp.lds FORCE
	$(call if_changed,hyp_ld)
$(hyp-obj)/hyp.bin: $(hyp-obj)/hyp.elf FORCE
	$(call if_changed,hyp_bin)

AFLAGS_arm/hyp/blob.o += -DHYP_BLOB='"$(abspath $(hyp-obj))/hyp.bin"'
$(hyp-obj)/blob.o: $(hyp-obj)/hyp.bin

targets += arm/hyp/nvhe_main.o arm/hyp/nvhe_entry.o arm/hyp/nvhe_init.o
targets += arm/hyp/hyp.elf arm/hyp/hyp.bin
clean-files += arm/hyp/hyp.elf arm/hyp/hyp.bin
