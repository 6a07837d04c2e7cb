/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The options of "avmm run": one table makes both the parser and the help text.
 */
#ifndef AVMM_CLI_OPTIONS_H
#define AVMM_CLI_OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "config/vm_config.h"
#include "core/error.h"

void options_defaults(struct vm_config *config);

/* argv without the program and the subcommand. Strings of config point into argv. */
int options_parse(struct vm_config *config, int argc, char **argv, struct error *err);

void options_help(FILE *out);

/* "512M", "2G", "1048576K"; a bare number counts MiB. -EINVAL or -ERANGE. */
int options_parse_size(const char *text, uint64_t *bytes);

#endif /* AVMM_CLI_OPTIONS_H */
