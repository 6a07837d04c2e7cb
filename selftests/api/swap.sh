#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Swap for memory.c, in compressed memory. It says nothing on standard output, which is TAP's.
{
	modprobe zram
	echo 1G >/sys/block/zram0/disksize
	mkswap /dev/zram0
	swapon /dev/zram0
} >&2
