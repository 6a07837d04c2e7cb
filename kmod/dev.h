/* SPDX-License-Identifier: GPL-2.0 */
/* Between main.c, dev.c and stats.c. */
#ifndef AVMM_DEV_H
#define AVMM_DEV_H

int avmm_dev_init(void);
void avmm_dev_exit(void);

struct avmm_vm;
void avmm_stats_init(void);
void avmm_stats_exit(void);
void avmm_stats_vm_create(struct avmm_vm *vm);
void avmm_stats_vm_destroy(struct avmm_vm *vm);

#endif /* AVMM_DEV_H */
