// SPDX-License-Identifier: GPL-2.0
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "config/config_json.h"

#define OPTIONS_MAX	64	/* of one command */

/* "--name", "--name=value" or "-n"; what follows '=' goes to *value. */
static bool matches(const struct field *field, const char *arg, const char **value)
{
	size_t len = strlen(field->name);

	*value = NULL;
	if (!field->help || arg[0] != '-')
		return false;
	if (arg[1] && arg[1] == field->letter && !arg[2])
		return true;
	if (arg[1] != '-' || strncmp(arg + 2, field->name, len))
		return false;
	if (arg[2 + len] == '=')
		*value = arg + 2 + len + 1;
	return !arg[2 + len] || arg[2 + len] == '=';
}

static const struct field *find(const struct options *options, const char *arg, void **base,
				const char **value, unsigned int *index)
{
	*index = 0;
	for (unsigned int i = 0; i < OPTION_SETS && options->sets[i].fields; i++) {
		for (const struct field *f = options->sets[i].fields; f->name; f++, ++*index) {
			*base = options->sets[i].base;
			if (matches(f, arg, value))
				return f;
		}
	}
	return NULL;
}

int options_parse(struct options *options, int argc, char **argv, struct error *err)
{
	bool seen[OPTIONS_MAX] = { false }, end = false;

	for (int i = 0; i < argc; i++) {
		const struct field *field;
		const char *value;
		unsigned int index;
		char name[64];
		void *base;
		int ret;

		if (!end && !strcmp(argv[i], "--")) {
			end = true;
			continue;
		}
		if (end || argv[i][0] != '-') {
			if (options->nwords == options->max_words)
				return error_set(err, -EINVAL, options->max_words ?
						 "'%s' is too much; see 'avmm %s --help'" :
						 "'%s' is not an option; see 'avmm %s --help'",
						 argv[i], options->command);
			options->words[options->nwords++] = argv[i];
			continue;
		}
		field = find(options, argv[i], &base, &value, &index);
		if (!field)
			return error_set(err, -EINVAL, "%s: there is no such option; see 'avmm %s "
					 "--help'", argv[i], options->command);
		snprintf(name, sizeof(name), "--%s", field->name);
		if (index < OPTIONS_MAX && field->value && field->type != FIELD_LIST) {
			if (seen[index])
				return error_set(err, -EINVAL, "%s: given twice", name);
			seen[index] = true;
		}
		if (!field->value && value)
			return error_set(err, -EINVAL, "%s: takes no value", name);
		if (field->value && !value) {
			if (i + 1 == argc)
				return error_set(err, -EINVAL, "%s: the value is missing", name);
			value = argv[++i];
		}
		ret = field_set_text(field, base, name, field->value ? value : "on", err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

void options_help(const struct options *options, FILE *out)
{
	for (unsigned int i = 0; i < OPTION_SETS && options->sets[i].fields; i++) {
		for (const struct field *f = options->sets[i].fields; f->name; f++) {
			char left[40], letter[8] = "    ";

			if (!f->help)
				continue;
			if (f->letter)
				snprintf(letter, sizeof(letter), "-%c, ", f->letter);
			snprintf(left, sizeof(left), "%s--%s%s%s", letter, f->name,
				 f->value ? " " : "", f->value ? f->value : "");
			fprintf(out, "  %-27s %s\n", left, f->help);
		}
	}
}

/* ---- run ---- */

#define RUN(member)	.offset = offsetof(struct run_options, member)

const struct field run_fields[] = {
	{ "config", FIELD_STRING, RUN(config), .value = "FILE",
	  .help = "read the configuration from a file; options count more" },
	{ "dump-config", FIELD_BOOL, RUN(dump_config),
	  .help = "write the configuration to standard output, and run nothing" },
	{ "daemonize", FIELD_BOOL, RUN(daemonize),
	  .help = "go into the background as soon as the guest starts" },
	{ "help", FIELD_BOOL, RUN(help), .letter = 'h', .help = "show this text" },
	{ NULL },
};

int run_options_parse(struct run_options *run, struct vm_config *config, int argc, char **argv,
		      struct error *err)
{
	struct options options = {
		.command = "run", .sets = { { vm_config_fields, config }, { run_fields, run } },
	};
	struct error inner;
	int ret;

	*run = (struct run_options) { 0 };
	ret = options_parse(&options, argc, argv, err);
	if (ret == 0 && run->config) {
		/* once more from the start, so that the options are set over the file */
		struct options again = options;

		vm_config_free(config);
		ret = vm_config_init(config, err);
		if (ret == 0)
			ret = config_json_read(config, run->config, err);
		if (ret == 0)
			ret = options_parse(&again, argc, argv, err);
	}
	if (ret < 0 || run->help)
		return ret;
	ret = vm_config_check(config, &inner);
	/* each member is an option of the same name */
	if (ret < 0)
		error_set(err, ret, "--%s", inner.text);
	return ret;
}

void run_options_help(FILE *out)
{
	const struct options options = {
		.sets = { { vm_config_fields, NULL }, { run_fields, NULL } },
	};

	options_help(&options, out);
}
