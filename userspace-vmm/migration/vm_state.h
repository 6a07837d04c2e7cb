/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A whole VM but for its RAM, as two JSON objects: HEAD, which says what it is and is known from
 * the beginning, and STATE, which is taken while it is paused. All on the main thread.
 */
#ifndef AVMM_MIGRATION_VM_STATE_H
#define AVMM_MIGRATION_VM_STATE_H

#include <stdbool.h>

#include <jansson.h>

#include "config/vm_config.h"
#include "core/error.h"

struct vm;

/* id: of a checkpoint, or NULL; base: the id and path that it builds on, or NULL. */
json_t *vm_head(const struct vm *vm, const char *id, const char *base_id, const char *base_path);

/* Is it for such a machine? name is the stream's, for messages. */
int vm_head_check(const json_t *head, const char *name, const struct vm_config *config,
		  unsigned int gic, struct error *err);
/* What HEAD describes, over the defaults. */
int vm_head_config(const json_t *head, const char *name, struct vm_config *config,
		   struct error *err);

/*
 * running: it is to run when it is restored. copies: disks that can be written to are copied to
 * copies.ID.tag; NULL: they are not. Writes to RAM. NULL with err set when it fails, and no copies.
 */
json_t *vm_state_save(struct vm *vm, bool running, const char *copies, const char *tag,
		      struct error *err);

/* After RAM. VM, vCPUs and interrupt controller were made anew and never ran. */
int vm_state_load(struct vm *vm, const json_t *state, const char *name, bool *running,
		  struct error *err);

/*
 * Takes away the copies that were made for a checkpoint that is none, or no more; but none that is a
 * disk now.
 */
void vm_state_drop_copies(const json_t *state, const char *checkpoint,
			  const struct vm_config *config);
/* Is the file one of the disks? */
bool vm_state_is_disk(const struct vm_config *config, const char *path);

/*
 * Disks that were copied for the checkpoint are copied once more, to folder/name-ID.img (folder
 * NULL: where the checkpoint is), and become the configuration's.
 */
int vm_state_place_disks(const json_t *state, const char *checkpoint, const char *folder,
			 const char *name, struct vm_config *config, struct error *err);

/* Are the disks as they were when the state was saved? Of a checkpoint only. */
int vm_state_check_disks(const json_t *state, const char *name, const struct vm_config *config,
			 struct error *err);

#endif /* AVMM_MIGRATION_VM_STATE_H */
