/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk image as it is now, under another name: by the file system's copy on write where it has
 * that, else byte by byte, without the holes. Main thread.
 */
#ifndef AVMM_MIGRATION_DISK_COPY_H
#define AVMM_MIGRATION_DISK_COPY_H

#include "core/error.h"

/* to must not be there yet. If it fails there is no such file. */
int disk_copy(const char *from, const char *to, struct error *err);

#endif /* AVMM_MIGRATION_DISK_COPY_H */
