// SPDX-License-Identifier: GPL-2.0
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct option_row {
	const char *name;
	char letter;		/* 0: has no short form */
	const char *value;	/* what the help calls the value; NULL: a switch */
	size_t offset;		/* of the field in struct vm_config */
	int (*parse)(void *field, const char *name, const char *value, struct error *err);
	const char *help;
};

static int parse_string(void *field, const char *name, const char *value, struct error *err)
{
	if (!*value)
		return error_set(err, -EINVAL, "%s: the value is empty", name);
	*(const char **)field = value;
	return 0;
}

/* A command line may be empty; it must fit where Linux keeps it (COMMAND_LINE_SIZE of arm64). */
static int parse_append(void *field, const char *name, const char *value, struct error *err)
{
	if (strlen(value) > 2047)
		return error_set(err, -E2BIG, "%s: longer than the 2047 bytes that Linux keeps",
				 name);
	*(const char **)field = value;
	return 0;
}

/* Ends in the names of threads and in messages, so it stays on one line and out of the way. */
static int parse_name(void *field, const char *name, const char *value, struct error *err)
{
	size_t i;

	for (i = 0; value[i]; i++)
		if (!isalnum((unsigned char)value[i]) && !strchr("._-", value[i]))
			break;
	if (value[i] || i == 0 || i > 64)
		return error_set(err, -EINVAL,
				 "%s: '%s' is not 1 to 64 letters, digits, '.', '_' or '-'",
				 name, value);
	*(const char **)field = value;
	return 0;
}

static int parse_cpus(void *field, const char *name, const char *value, struct error *err)
{
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno || n < 1 || n > VM_CONFIG_CPUS_MAX)
		return error_set(err, -EINVAL, "%s: '%s' is not a number from 1 to %d", name,
				 value, VM_CONFIG_CPUS_MAX);
	*(uint64_t *)field = n;
	return 0;
}

static int parse_gic(void *field, const char *name, const char *value, struct error *err)
{
	if (strcmp(value, "2") && strcmp(value, "3"))
		return error_set(err, -EINVAL, "%s: '%s' is neither 2 nor 3", name, value);
	*(uint64_t *)field = *value - '0';
	return 0;
}

int options_parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	unsigned int shift = 20;
	uint64_t n;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end) {
		const char *unit = strchr(units, toupper((unsigned char)*end));

		if (!unit || end[1])
			return -EINVAL;
		shift = 10 * (unit - units + 1);
	}
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = n << shift;
	return 0;
}

static int parse_memory(void *field, const char *name, const char *value, struct error *err)
{
	uint64_t size;
	int ret = options_parse_size(value, &size);

	if (ret == -EINVAL)
		return error_set(err, ret, "%s: '%s' is not a size", name, value);
	if (ret < 0 || size < VM_CONFIG_MEMORY_MIN || size > VM_CONFIG_MEMORY_MAX)
		return error_set(err, -ERANGE, "%s: '%s' is not from %lluM to %lluG", name, value,
				 VM_CONFIG_MEMORY_MIN >> 20, VM_CONFIG_MEMORY_MAX >> 30);
	if (size % VM_CONFIG_MEMORY_UNIT)
		return error_set(err, -EINVAL, "%s: '%s' is not a multiple of %lluM", name, value,
				 VM_CONFIG_MEMORY_UNIT >> 20);
	*(uint64_t *)field = size;
	return 0;
}

static int parse_switch(void *field, const char *name, const char *value, struct error *err)
{
	(void)name;
	(void)value;
	(void)err;
	*(bool *)field = true;
	return 0;
}

#define FIELD(f)	offsetof(struct vm_config, f)

static const struct option_row rows[] = {
	{ "--kernel", 'k', "FILE", FIELD(kernel), parse_string,
	  "Linux Image, Image.gz, or ELF program to start (required)" },
	{ "--initrd", 'i', "FILE", FIELD(initrd), parse_string,
	  "initial RAM disk for Linux" },
	{ "--append", 'a', "TEXT", FIELD(append), parse_append,
	  "the kernel's command line" },
	{ "--cpus", 'c', "N", FIELD(cpus), parse_cpus,
	  "number of virtual CPUs (default 1)" },
	{ "--memory", 'm', "SIZE", FIELD(memory), parse_memory,
	  "RAM, with K, M, G or T; a bare number is in MiB (default 512M)" },
	{ "--gic", 0, "VERSION", FIELD(gic), parse_gic,
	  "interrupt controller, 2 or 3 (default: 3 if the host can, else 2)" },
	{ "--name", 'n', "TEXT", FIELD(name), parse_name,
	  "name of the VM, seen in the names of its threads" },
	{ "--device", 'd', "PATH", FIELD(device), parse_string,
	  "hypervisor to use, /dev/avmm (default) or /dev/kvm" },
	{ "--hugepages", 0, NULL, FIELD(hugepages), parse_switch,
	  "take RAM from the host's reserved huge pages" },
	{ "--verbose", 'v', NULL, FIELD(verbose), parse_switch,
	  "say more on standard error" },
	{ "--help", 'h', NULL, FIELD(help), parse_switch,
	  "show this text" },
};

#define NROWS	(sizeof(rows) / sizeof(rows[0]))

void options_defaults(struct vm_config *config)
{
	*config = (struct vm_config) {
		.device = "/dev/avmm",
		.append = "",
		.cpus = 1,
		.memory = 512ULL << 20,
		.rng = true,
	};
}

/* "--name", "--name=value" or "-n"; what follows '=' goes to *value. */
static const struct option_row *find(const char *arg, const char **value)
{
	*value = NULL;
	for (size_t i = 0; i < NROWS; i++) {
		size_t len = strlen(rows[i].name);

		if (arg[0] == '-' && arg[1] && arg[1] == rows[i].letter && !arg[2])
			return &rows[i];
		if (strncmp(arg, rows[i].name, len))
			continue;
		if (arg[len] == '=')
			*value = arg + len + 1;
		if (!arg[len] || arg[len] == '=')
			return &rows[i];
	}
	return NULL;
}

int options_parse(struct vm_config *config, int argc, char **argv, struct error *err)
{
	bool seen[NROWS] = { false };

	for (int i = 0; i < argc; i++) {
		const char *value;
		const struct option_row *row = find(argv[i], &value);
		int ret;

		if (!row)
			return error_set(err, -EINVAL, argv[i][0] == '-' ?
					 "%s: there is no such option; see 'avmm run --help'" :
					 "'%s' is not an option; see 'avmm run --help'", argv[i]);
		if (seen[row - rows] && row->value)
			return error_set(err, -EINVAL, "%s: given twice", row->name);
		seen[row - rows] = true;
		if (!row->value && value)
			return error_set(err, -EINVAL, "%s: takes no value", row->name);
		if (row->value && !value) {
			if (i + 1 == argc)
				return error_set(err, -EINVAL, "%s: the value is missing",
						 row->name);
			value = argv[++i];
		}
		ret = row->parse((char *)config + row->offset, row->name, value, err);
		if (ret < 0)
			return ret;
	}
	if (!config->kernel && !config->help)
		return error_set(err, -EINVAL, "--kernel: required; see 'avmm run --help'");
	return 0;
}

void options_help(FILE *out)
{
	for (size_t i = 0; i < NROWS; i++) {
		char left[40], letter[8] = "    ";

		if (rows[i].letter)
			snprintf(letter, sizeof(letter), "-%c, ", rows[i].letter);
		snprintf(left, sizeof(left), "%s%s%s%s", letter, rows[i].name,
			 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-22s %s\n", left, rows[i].help);
	}
}
