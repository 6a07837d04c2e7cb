// SPDX-License-Identifier: GPL-2.0
/*
 * save, restore, clone, migrate: what moves a virtual machine through time and space.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "core/log.h"
#include "migration/checkpoint.h"
#include "migration/vm_state.h"

/* ---- options ---- */

struct mig {
	bool json, help;
	/* save */
	char *base;
	bool track, stop, copy_disks;
	/* migrate */
	uint64_t bandwidth, downtime;
	bool auto_converge, postcopy, keep;
	/* restore and clone */
	char *disks;
	uint64_t count;
};

#define MIG(member)	.offset = offsetof(struct mig, member)
#define COMMON									\
	{ "json", FIELD_BOOL, MIG(json), .help = "write JSON" },		\
	{ "help", FIELD_BOOL, MIG(help), .letter = 'h', .help = "show this text" }, \
	{ NULL }

const struct field mig_save_fields[] = {
	{ "base", FIELD_STRING, MIG(base), .value = "FILE",
	  .help = "write only what changed since that checkpoint, made with --track" },
	{ "track", FIELD_BOOL, MIG(track),
	  .help = "keep track of writes, so that the next one can have this as --base" },
	{ "stop", FIELD_BOOL, MIG(stop), .help = "end it when it is saved" },
	{ "copy-disks", FIELD_BOOL, MIG(copy_disks),
	  .help = "copy the disks that it writes to, beside the checkpoint" },
	COMMON
};

const struct field mig_migrate_fields[] = {
	{ "bandwidth", FIELD_SIZE, MIG(bandwidth), .value = "SIZE", .min = 1 << 16, .max = 1ULL << 40,
	  .unit = 1, .help = "bytes per second at most" },
	{ "downtime", FIELD_NUMBER, MIG(downtime), .value = "MS", .min = 1, .max = 2000000,
	  .help = "how long it may stand still (default 300)" },
	{ "auto-converge", FIELD_BOOL, MIG(auto_converge),
	  .help = "slow the guest down if it writes faster than that" },
	{ "postcopy", FIELD_BOOL, MIG(postcopy),
	  .help = "let it go first, after one round, and its memory come when it is touched" },
	{ "keep", FIELD_BOOL, MIG(keep), .help = "do not end the process that it leaves" },
	COMMON
};

#define DISKS	{ "disks", FIELD_STRING, MIG(disks), .value = "FOLDER",			\
	.help = "where its disks go that were saved by --copy-disks (default: beside the file)" }

const struct field mig_restore_fields[] = {
	DISKS,
	{ "help", FIELD_BOOL, MIG(help), .letter = 'h', .help = "show this text" },
	{ NULL },
};

const struct field mig_clone_fields[] = {
	{ "count", FIELD_NUMBER, MIG(count), .letter = 'N', .value = "N", .min = 1, .max = 1000,
	  .help = "how many of them (default 1)" },
	DISKS,
	COMMON
};

/* ---- waiting for the end of it ---- */

static void progress(json_t *info)
{
	const json_t *ram = json_object_get(info, "ram");
	json_int_t total = json_integer_value(json_object_get(ram, "total"));
	json_int_t sent = json_integer_value(json_object_get(ram, "transferred"));
	json_int_t pages = json_integer_value(json_object_get(ram, "normal")) +
			   json_integer_value(json_object_get(ram, "duplicate"));

	fprintf(stderr, "\r%-15s round %-3d %6d of %d MiB seen, %d MiB sent ",
		json_string_value(json_object_get(info, "status")),
		(int)json_integer_value(json_object_get(ram, "dirty-sync-count")) + 1,
		(int)(pages >> 8), (int)(total >> 20), (int)(sent >> 20));
}

/* Returns what query-migrate says at the end; NULL: it failed, was cancelled, or the VM is gone. */
static json_t *finish(struct client *client, struct error *err)
{
	bool show = isatty(STDERR_FILENO);
	const char *status, *why;
	json_t *info;

	for (;;) {
		info = client_call(client, "query-migrate", NULL, err);
		if (!info)
			return NULL;
		status = json_string_value(json_object_get(info, "status"));
		if (!status)
			status = "none";
		if (show)
			progress(info);
		if (!strcmp(status, "completed") || !strcmp(status, "failed") ||
		    !strcmp(status, "cancelled") || !strcmp(status, "none"))
			break;
		json_decref(info);
		if (client_wait(client, 100, err) < 0)
			return NULL;
	}
	if (show)
		fputc('\n', stderr);
	if (!strcmp(status, "completed"))
		return info;
	why = json_string_value(json_object_get(info, "error-desc"));
	error_set(err, -EIO, "%.300s", why ? why : status);
	json_decref(info);
	return NULL;
}

static int show_result(const struct mig *mig, json_t *info)
{
	const json_t *ram = json_object_get(info, "ram");

	if (mig->json) {
		json_dumpf(info, stdout, JSON_INDENT(4));
		putchar('\n');
	} else {
		printf("%" JSON_INTEGER_FORMAT " bytes in %" JSON_INTEGER_FORMAT " ms, stood still for %"
		       JSON_INTEGER_FORMAT " ms\n",
		       json_integer_value(json_object_get(ram, "transferred")),
		       json_integer_value(json_object_get(info, "total-time")),
		       json_integer_value(json_object_get(info, "downtime")));
	}
	json_decref(info);
	return EXIT_OFF;
}

/* Any answer will do. */
static int call(struct client *client, const char *command, json_t *arguments, struct error *err)
{
	json_t *answer = client_call(client, command, arguments, err);

	json_decref(answer);
	return answer ? 0 : -EIO;
}

/* ---- save ---- */

/* The VM's process may have another working directory than we have. */
static char *absolute(const char *path)
{
	char cwd[PATH_MAX], *text = NULL;

	if (*path == '/')
		return strdup(path);
	if (!getcwd(cwd, sizeof(cwd)) || asprintf(&text, "%s/%s", cwd, path) < 0)
		return NULL;
	return text;
}

static json_t *save(struct client *client, const struct mig *mig, const char *file,
		    struct error *err)
{
	char *path = absolute(file), *base = mig->base ? absolute(mig->base) : NULL;
	json_t *arguments = json_pack("{s:s, s:s*, s:b, s:b, s:b}", "path", path, "base", base,
				      "track", mig->track, "stop", mig->stop, "copy-disks",
				      mig->copy_disks);
	int ret;

	ret = call(client, "x-avmm-save", arguments, err);
	free(path);
	free(base);
	return ret < 0 ? NULL : finish(client, err);
}

int cmd_save(const struct command *command, int argc, char **argv)
{
	const char *words[2];
	struct mig mig = { 0 };
	struct client client;
	struct error err;
	json_t *info;
	int ret = cli_parse(command, &mig, &mig.help, words, 2, 2, argc, argv);

	if (ret < 0 && client_open(&client, words[0], &err) < 0) {
		ret = cli_error(&err);
	} else if (ret < 0) {
		info = save(&client, &mig, words[1], &err);
		ret = info ? show_result(&mig, info) : cli_error(&err);
		if (info && mig.stop)
			call(&client, "quit", NULL, &err);
		client_close(&client);
	}
	fields_free(command->fields[0], &mig);
	return ret;
}

/* ---- migrate ---- */

static json_t *migrate(struct client *client, const struct mig *mig, const char *uri,
		       struct error *err)
{
	json_t *parameters = json_object();
	int ret;

	if (mig->bandwidth)
		json_object_set_new(parameters, "max-bandwidth", json_integer(mig->bandwidth));
	if (mig->downtime)
		json_object_set_new(parameters, "downtime-limit", json_integer(mig->downtime));
	ret = call(client, "migrate-set-parameters", parameters, err);
	if (ret == 0)
		ret = call(client, "migrate-set-capabilities",
			   json_pack("{s:[{s:s, s:b}, {s:s, s:b}]}", "capabilities",
				     "capability", "auto-converge", "state", mig->auto_converge,
				     "capability", "postcopy-ram", "state", mig->postcopy), err);
	if (ret == 0)
		ret = call(client, "migrate", json_pack("{s:s}", "uri", uri), err);
	if (ret == 0 && mig->postcopy)
		ret = call(client, "migrate-start-postcopy", NULL, err);
	return ret < 0 ? NULL : finish(client, err);
}

int cmd_migrate(const struct command *command, int argc, char **argv)
{
	const char *words[2];
	struct mig mig = { 0 };
	struct client client;
	struct error err;
	json_t *info;
	int ret = cli_parse(command, &mig, &mig.help, words, 2, 2, argc, argv);

	if (ret < 0 && client_open(&client, words[0], &err) < 0) {
		ret = cli_error(&err);
	} else if (ret < 0) {
		info = migrate(&client, &mig, words[1], &err);
		ret = info ? show_result(&mig, info) : cli_error(&err);
		if (info && !mig.keep)
			call(&client, "quit", NULL, &err);
		client_close(&client);
	}
	fields_free(command->fields[0], &mig);
	return ret;
}

/* ---- restore and clone ---- */

/*
 * The configuration from the checkpoint, with the options over it. A list of devices that is given
 * takes the place of the whole list.
 */
static int read_config(struct vm_config *config, const struct checkpoint *checkpoint,
		       const struct field *own, struct mig *mig, const char *name, int argc,
		       char **argv, struct error *err)
{
	struct options options = { .command = name, .max_words = 1 };
	const char *word;
	struct vm_config given;
	struct error inner;
	int ret = vm_config_init(&given, err);

	options.words = &word;
	options.sets[0] = (struct option_set) { own, mig };
	options.sets[1] = (struct option_set) { vm_config_fields, &given };
	if (ret == 0)
		ret = options_parse(&options, argc, argv, err);
	if (ret == 0)
		ret = vm_head_config(checkpoint->head, checkpoint->path, config, err);
	if (ret < 0)
		goto out;
	for (const struct field *f = vm_config_fields; f->name; f++) {
		struct field_list *list = (struct field_list *)((char *)config + f->offset);

		if (f->type != FIELD_LIST ||
		    !((struct field_list *)((char *)&given + f->offset))->count)
			continue;
		for (size_t i = 0; i < list->count; i++)
			fields_free(f->group->fields, (char *)list->items + i * f->group->size);
		list->count = 0;
	}
	options.nwords = 0;
	options.sets[1].base = config;
	ret = options_parse(&options, argc, argv, err);
	if (ret == 0) {
		free(config->incoming);
		ret = asprintf(&config->incoming, "file:%s", checkpoint->path) < 0 ? -ENOMEM : 0;
		if (ret < 0) {
			config->incoming = NULL;
			error_set(err, ret, "no memory for the configuration");
		}
	}
	if (ret == 0) {
		ret = vm_config_check(config, &inner);
		if (ret < 0)
			error_set(err, ret, "--%s", inner.text);
	}
out:
	vm_config_free(&given);
	return ret;
}

static void show_help(const struct command *command)
{
	const struct options options = {
		.sets = { { command->fields[0], NULL }, { command->fields[1], NULL } },
	};

	printf("usage: avmm %s [OPTION]... %s\n\n", command->name, command->words);
	options_help(&options, stdout);
}

/* The file's name, and whether help is wanted; the options are looked at when it is open. */
static int first_look(const struct command *command, struct mig *mig, const char **file, int argc,
		      char **argv)
{
	struct options options = { .command = command->name, .words = file, .max_words = 1 };
	struct vm_config scratch;
	struct error err;
	int ret = vm_config_init(&scratch, &err);

	*file = NULL;
	options.sets[0] = (struct option_set) { command->fields[0], mig };
	options.sets[1] = (struct option_set) { vm_config_fields, &scratch };
	if (ret == 0)
		ret = options_parse(&options, argc, argv, &err);
	vm_config_free(&scratch);
	if (ret < 0) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	if (mig->help) {
		show_help(command);
		return EXIT_OFF;
	}
	if (!*file) {
		log_error("%s: the checkpoint's file is missing; see 'avmm %s --help'", command->name,
			  command->name);
		return EXIT_USAGE;
	}
	return -1;
}

int cmd_restore(const struct command *command, int argc, char **argv)
{
	struct checkpoint *checkpoint;
	struct mig mig = { 0 };
	struct vm_config config;
	struct error err;
	const char *file;
	int ret = first_look(command, &mig, &file, argc, argv);

	if (ret >= 0)
		return ret;
	if (vm_config_init(&config, &err) < 0)
		return cli_error(&err);
	checkpoint = checkpoint_open(file, &err);
	ret = checkpoint ? read_config(&config, checkpoint, command->fields[0], &mig, command->name,
				       argc, argv, &err) : err.code;
	if (ret == 0 && !config.name)
		ret = field_set_text(field_find(vm_config_fields, "name"), &config, "--name",
				     "restored", &err);
	if (ret == 0)
		ret = vm_state_place_disks(checkpoint->state, checkpoint->path, mig.disks,
					   config.name, &config, &err);
	checkpoint_close(checkpoint);
	log_set_verbose(config.verbose);
	ret = ret < 0 ? cli_error(&err) : cli_run_vm(&config, -1);
	fields_free(command->fields[0], &mig);
	vm_config_free(&config);
	return ret;
}

/* RAM of the checkpoint, which all clones share until one writes. */
static int make_ram(struct checkpoint *checkpoint, struct error *err)
{
	size_t size = checkpoint->pages * RAM_PAGE_SIZE;
	int fd = memfd_create("avmm-clones", MFD_CLOEXEC), ret;
	uint8_t *host;

	if (fd < 0 || ftruncate(fd, size) < 0) {
		ret = error_set(err, -errno, "%s: there is no memory for it: %s", checkpoint->path,
				strerror(errno));
		goto fail;
	}
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (host == MAP_FAILED) {
		ret = error_set(err, -errno, "%s: its memory cannot be mapped: %s", checkpoint->path,
				strerror(errno));
		goto fail;
	}
	ret = checkpoint_read_ram(checkpoint, host, err);
	munmap(host, size);
	if (ret == 0)
		return fd;
fail:
	if (fd >= 0)
		close(fd);
	return ret;
}

/* "text-N" in its place, if there is one */
static int number(char **text, unsigned int n, struct error *err)
{
	char *numbered;

	if (!*text)
		return 0;
	if (asprintf(&numbered, "%s-%u", *text, n) < 0)
		return error_set(err, -ENOMEM, "no memory for the configuration");
	free(*text);
	*text = numbered;
	return 0;
}

static int number_chardev(struct chardev_config *chardev, unsigned int n, struct error *err)
{
	int ret = number(&chardev->path, n, err);

	return ret < 0 ? ret : number(&chardev->log, n, err);
}

/* Of the host, what only one can have. */
static int number_host(struct vm_config *config, unsigned int n, struct error *err)
{
	int ret = number_chardev(&config->serial, n, err);

	for (size_t i = 0; i < config->consoles.count && ret == 0; i++)
		ret = number_chardev(&config->consoles.items[i], n, err);
	for (size_t i = 0; i < config->nets.count && ret == 0; i++)
		ret = number(&config->nets.items[i].ifname, n, err);
	return ret;
}

/* What no two VMs may have in common; vm_config_check() makes new ones of what is taken away. */
static int make_own(struct vm_config *config, const struct checkpoint *checkpoint,
		    const struct mig *mig, unsigned int n, struct error *err)
{
	int ret = 0;

	if (!config->name)
		ret = field_set_text(field_find(vm_config_fields, "name"), config, "--name", "clone",
				     err);
	if (ret == 0)
		ret = number(&config->name, n, err);
	if (ret == 0)
		ret = number_host(config, n, err);
	if (ret < 0)
		return ret;
	free(config->uuid);
	config->uuid = NULL;
	free(config->control);
	config->control = NULL;
	for (size_t i = 0; i < config->nets.count; i++)
		memset(config->nets.items[i].mac, 0, sizeof(config->nets.items[i].mac));
	if (config->vsock)
		config->vsock += n;
	ret = vm_state_place_disks(checkpoint->state, checkpoint->path, mig->disks, config->name,
				   config, err);
	return ret < 0 ? ret : vm_config_check(config, err);
}

/* In a process of its own: one clone until it ends. */
static int run_clone(const struct command *command, struct checkpoint *checkpoint, int ram,
		     unsigned int n, int argc, char **argv)
{
	struct mig mig = { 0 };
	struct vm_config config;
	struct error err;
	int ret = vm_config_init(&config, &err);

	if (ret == 0)
		ret = read_config(&config, checkpoint, command->fields[0], &mig, command->name, argc,
				  argv, &err);
	if (ret == 0)
		ret = make_own(&config, checkpoint, &mig, n, &err);
	checkpoint_close(checkpoint);
	config.ram = ram;
	log_set_verbose(config.verbose);
	ret = ret < 0 ? cli_error(&err) : cli_run_vm(&config, -1);
	fields_free(command->fields[0], &mig);
	vm_config_free(&config);
	return ret;
}

int cmd_clone(const struct command *command, int argc, char **argv)
{
	struct mig mig = { .count = 1 };
	struct checkpoint *checkpoint;
	struct error err;
	const char *file;
	int ram, status, ret = first_look(command, &mig, &file, argc, argv);

	if (ret >= 0)
		return ret;
	checkpoint = checkpoint_open(file, &err);
	if (!checkpoint)
		return cli_error(&err);
	ram = make_ram(checkpoint, &err);
	if (ram < 0) {
		checkpoint_close(checkpoint);
		return cli_error(&err);
	}
	ret = EXIT_OFF;
	for (unsigned int n = 1; n <= mig.count; n++) {
		pid_t pid = fork();

		if (pid == 0)
			return run_clone(command, checkpoint, ram, n, argc, argv);
		if (pid < 0) {
			log_error("clone %u cannot be started: %s", n, strerror(errno));
			ret = EXIT_ERROR;
			break;
		}
	}
	checkpoint_close(checkpoint);
	close(ram);
	/* until the last one ends; the first that ended badly says how */
	while (wait(&status) > 0 || errno == EINTR)
		if (ret == EXIT_OFF)
			ret = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_ERROR;
	return ret;
}
