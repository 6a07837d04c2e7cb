/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A configuration as a JSON file: --config reads it, --dump-config writes it.
 */
#ifndef AVMM_CONFIG_CONFIG_JSON_H
#define AVMM_CONFIG_CONFIG_JSON_H

#include <jansson.h>
#include <stdio.h>

#include "config/vm_config.h"

/* Over what config has; a message names the file or the member. */
int config_json_parse(struct vm_config *config, const char *text, size_t len, struct error *err);
int config_json_read(struct vm_config *config, const char *path, struct error *err);
int config_json_write(const struct vm_config *config, FILE *out);

#endif /* AVMM_CONFIG_CONFIG_JSON_H */
