// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "cli/options.h"
#include "config/config_json.h"
#include "tests/tap.h"

static struct run_options run;
static struct vm_config config;
static struct error err;

/* words are parted by one blank */
static int parse(const char *words)
{
	static char copy[512];
	char *argv[32];
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	memset(&err, 0, sizeof(err));
	fields_free(run_fields, &run);
	vm_config_free(&config);
	check(vm_config_init(&config, &err) == 0);
	return run_options_parse(&run, &config, argc, argv, &err);
}

static bool refuses(const char *words, const char *sentence)
{
	bool right = parse(words) < 0 && !strcmp(err.text, sentence);

	if (!right)
		printf("# '%s' gave '%s'\n", words, err.text);
	return right;
}

static void sizes(void)
{
	static const struct { const char *text; int ret; uint64_t bytes; } rows[] = {
		{ "512M", 0, 512ULL << 20 }, { "2G", 0, 2ULL << 30 }, { "2g", 0, 2ULL << 30 },
		{ "1048576K", 0, 1ULL << 30 }, { "1T", 0, 1ULL << 40 }, { "64", 0, 64ULL << 20 },
		{ "0", 0, 0 }, { "12Q", -EINVAL, 0 }, { "", -EINVAL, 0 }, { "M", -EINVAL, 0 },
		{ "-1M", -EINVAL, 0 }, { " 1M", -EINVAL, 0 }, { "1MB", -EINVAL, 0 },
		{ "1 M", -EINVAL, 0 }, { "0x10M", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 }, { "17592186044416", -ERANGE, 0 },
		{ "16777216T", -ERANGE, 0 }, { "16777215T", 0, 16777215ULL << 40 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t bytes = 0;

		if (!check(parse_size(rows[i].text, &bytes) == rows[i].ret) ||
		    !check(bytes == rows[i].bytes))
			printf("# for '%s'\n", rows[i].text);
	}
}

static void defaults(void)
{
	check(parse("--kernel Image") == 0);
	check(!strcmp(config.kernel, "Image"));
	check(!strcmp(config.device, "/dev/avmm"));
	check(!strcmp(config.append, ""));
	check(!config.initrd && !config.name);
	check(config.cpus == 1 && config.memory == 512ULL << 20 && !config.gic);
	check(!config.verbose && !config.hugepages && !run.help);
}

static void everything(void)
{
	check(parse("-k I -i R -a quiet -c 4 -m 1G -n a.b-c_1 -d /dev/kvm --hugepages -v") == 0);
	check(!strcmp(config.initrd, "R") && !strcmp(config.append, "quiet"));
	check(config.cpus == 4 && config.memory == 1ULL << 30 && config.hugepages);
	check(!strcmp(config.name, "a.b-c_1") && !strcmp(config.device, "/dev/kvm"));
	check(parse("--kernel=I --memory=16M --append=") == 0);
	check(config.memory == 16ULL << 20 && !*config.append);
	check(parse("--kernel=I --append=root=/dev/vda --cpus=512") == 0);
	check(!strcmp(config.append, "root=/dev/vda") && config.cpus == 512);
	check(parse("-k I --gic 2") == 0 && config.gic == 2);
	check(parse("-k I --gic=3") == 0 && config.gic == 3);
	check(parse("--help") == 0 && run.help);
}

static void refusals(void)
{
	check(refuses("", "--kernel: required; see 'avmm run --help'"));
	check(refuses("-k I --memory 12Q", "--memory: '12Q' is not a size"));
	check(refuses("-k I --memory 1M", "--memory: 1M is not from 16M to 255G"));
	check(refuses("-k I --memory 256G", "--memory: 256G is not from 16M to 255G"));
	check(refuses("-k I --memory 17M", "--memory: 17M is not a multiple of 2M"));
	check(refuses("-k I --cpus 0", "--cpus: '0' is not a number from 1 to 512"));
	check(refuses("-k I --cpus 513", "--cpus: '513' is not a number from 1 to 512"));
	check(refuses("-k I --cpus two", "--cpus: 'two' is not a number from 1 to 512"));
	check(refuses("-k I --cpus -1", "--cpus: '-1' is not a number from 1 to 512"));
	check(refuses("-k I --gic 4", "--gic: '4' is neither 2 nor 3"));
	check(refuses("-k I --gic 23", "--gic: '23' is neither 2 nor 3"));
	check(refuses("-k I --frob", "--frob: there is no such option; see 'avmm run --help'"));
	check(refuses("-k I --kernels",
		      "--kernels: there is no such option; see 'avmm run --help'"));
	check(refuses("-k I Image", "'Image' is not an option; see 'avmm run --help'"));
	check(refuses("-k I --memory", "--memory: the value is missing"));
	check(refuses("-k I --verbose=1", "--verbose: takes no value"));
	check(refuses("-k I -k J", "--kernel: given twice"));
	check(refuses("--kernel=", "--kernel: the value is empty"));
	check(refuses("-k I -n a/b",
		      "--name: 'a/b' is not 1 to 64 letters, digits, '.', '_' or '-'"));
}

static void long_command_line(void)
{
	char text[2100], *argv[] = { "-k", "I", "-a", text };

	memset(text, 'x', sizeof(text));
	text[2047] = 0;
	check(parse("-k I") == 0);
	check(run_options_parse(&run, &config, 4, argv, &err) == 0);
	text[2047] = 'x';
	text[2048] = 0;
	check(run_options_parse(&run, &config, 4, argv, &err) == -E2BIG);
	check(!strcmp(err.text, "--append: longer than the 2047 bytes that Linux keeps"));
}

static void help(void)
{
	char text[8192] = "";
	FILE *f = fmemopen(text, sizeof(text) - 1, "w");

	run_options_help(f);
	fclose(f);
	check(strstr(text, "-k, --kernel FILE"));
	check(strstr(text, "    --hugepages"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		check(strlen(line) <= 100);
}

const struct tap_test options_tests[] = {
	{ "sizes", sizes },
	{ "defaults", defaults },
	{ "each option, in each form", everything },
	{ "refusals name the option", refusals },
	{ "the command line has a limit", long_command_line },
	{ "help", help },
	{ NULL, NULL },
};
