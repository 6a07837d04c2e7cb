/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file that goes into the guest's RAM at each start. It stays open, so that a reboot finds it
 * even if its name is gone by then.
 */
#ifndef AVMM_CORE_FILE_H
#define AVMM_CORE_FILE_H

#include <stddef.h>

#include "core/error.h"

struct file {
	const char *path;
	int fd;			/* -1: not open */
	size_t size;		/* of the mapping */
	void *data;		/* NULL: not mapped */
};

/* option is for messages, as "--kernel" */
int file_open(struct file *file, const char *option, const char *path, struct error *err);
int file_map(struct file *file, const char *option, struct error *err);
void file_unmap(struct file *file);
void file_close(struct file *file);

#endif /* AVMM_CORE_FILE_H */
