// SPDX-License-Identifier: GPL-2.0
/*
 * A live table. A sample is a JSON object of counters that only grow, one member for each VM; what
 * is shown is the difference of two. How often a guest left for the hypervisor, and why, is in
 * AVMM's debugfs, which only root may read; how often it came to us anybody can ask.
 */
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/client.h"

static void add(json_t *object, const char *key, json_int_t value)
{
	value += json_integer_value(json_object_get(object, key));
	json_object_set_new(object, key, json_integer(value));
}

/* ---- a sample ---- */

/* "vcpu 0 el2_exits 12 tier0 3 ...", a line for each vCPU; sums go to exits. */
static void kernel_counters(pid_t pid, json_t *exits)
{
	char pattern[64], line[1024], key[32];
	uint64_t value;
	glob_t found;
	FILE *file;
	int n;

	snprintf(pattern, sizeof(pattern), "/sys/kernel/debug/avmm/%d-*/vcpus", (int)pid);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	file = fopen(found.gl_pathv[0], "re");
	while (file && fgets(line, sizeof(line), file)) {
		for (char *p = line; sscanf(p, "%31s %" SCNu64 "%n", key, &value, &n) == 2; p += n)
			if (strcmp(key, "vcpu"))
				add(exits, key, value);
	}
	if (file)
		fclose(file);
	globfree(&found);
}

static void process_counters(pid_t pid, json_t *vm)
{
	char path[64], line[128], key[32];
	uint64_t pages = 0, value;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%*u %" SCNu64, &pages) == 1)
			json_object_set_new(vm, "resident",
					    json_integer(pages * sysconf(_SC_PAGESIZE)));
		fclose(file);
	}
	snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%31[a-z_]: %" SCNu64, key, &value) == 2 &&
		    strstr(key, "_bytes") && !strstr(key, "cancelled"))
			add(vm, key, value);
	if (file)
		fclose(file);
}

static int sample_one(void *opaque, const char *name)
{
	json_t *vm, *stats, *exits, *vcpu, *count;
	struct client client;
	const char *reason;
	struct error err;
	size_t i;

	if (client_open(&client, name, &err) < 0)
		return 0;
	stats = client_call(&client, "x-avmm-query-stats", NULL, &err);
	if (stats) {
		exits = json_object();
		json_array_foreach(json_object_get(stats, "vcpus"), i, vcpu)
			json_object_foreach(json_object_get(vcpu, "exits"), reason, count)
				add(exits, reason, json_integer_value(count));
		kernel_counters(client.pid, exits);
		vm = json_pack("{s:i, s:O, s:O, s:o}", "pid", (int)client.pid, "status",
			       json_object_get(stats, "status"), "cpu-time",
			       json_object_get(stats, "cpu-time"), "exits", exits);
		process_counters(client.pid, vm);
		json_object_set_new(opaque, name, vm);
		json_decref(stats);
	}
	client_close(&client);
	return 0;
}

/* ---- the difference ---- */

static double per_second(json_t *new, json_t *old, const char *key, double seconds)
{
	json_t *value = json_object_get(new, key), *before = json_object_get(old, key);

	if (!value || !before)
		return 0;
	return (json_integer_value(value) - json_integer_value(before)) / seconds;
}

static json_t *compare(json_t *new, json_t *old, double seconds)
{
	json_t *exits = json_object(), *count;
	const char *reason;

	json_object_foreach(json_object_get(new, "exits"), reason, count)
		json_object_set_new(exits, reason, json_real(
			per_second(json_object_get(new, "exits"), json_object_get(old, "exits"),
				   reason, seconds)));
	return json_pack("{s:O, s:O, s:f, s:O*, s:f, s:f, s:o}", "pid", json_object_get(new, "pid"),
			 "status", json_object_get(new, "status"), "cpu-percent",
			 per_second(new, old, "cpu-time", seconds) / 1e7, "resident",
			 json_object_get(new, "resident"), "read-per-second",
			 per_second(new, old, "read_bytes", seconds), "write-per-second",
			 per_second(new, old, "write_bytes", seconds), "exits-per-second", exits);
}

/* Kinds of exits that have a column: of the kernel, or of ours where it tells nothing. */
static const struct {
	const char *title, *key, *own;
} columns[] = {
	{ "EXITS/s", "el2_exits", "" }, { "MMIO/s", "mmio_user", "MMIO" }, { "WFI/s", "wfi", "" },
	{ "HVC/s", "hvc", "" }, { "IRQ/s", "irq", "" }, { "FAULT/s", "s2_faults", "" },
};

#define NCOLUMNS	(sizeof(columns) / sizeof(columns[0]))

static void show(json_t *all)
{
	const char *name;
	json_t *vm;

	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	printf("%-16s %7s %-10s %6s %8s", "NAME", "PID", "STATE", "CPU%", "MEM/MiB");
	for (size_t i = 0; i < NCOLUMNS; i++)
		printf(" %8s", columns[i].title);
	printf(" %9s %9s\n", "READ/KiB", "WRITE/KiB");
	json_object_foreach(all, name, vm) {
		json_t *exits = json_object_get(vm, "exits-per-second");

		printf("%-16s %7d %-10s %6.1f %8.1f", name,
		       (int)json_integer_value(json_object_get(vm, "pid")),
		       json_string_value(json_object_get(vm, "status")),
		       json_real_value(json_object_get(vm, "cpu-percent")),
		       json_integer_value(json_object_get(vm, "resident")) / 1048576.0);
		for (size_t i = 0; i < NCOLUMNS; i++) {
			json_t *value = json_object_get(exits, columns[i].key);

			if (!value)
				value = json_object_get(exits, columns[i].own);
			if (value)
				printf(" %8.0f", json_real_value(value));
			else
				printf(" %8s", "-");
		}
		printf(" %9.1f %9.1f\n",
		       json_real_value(json_object_get(vm, "read-per-second")) / 1024,
		       json_real_value(json_object_get(vm, "write-per-second")) / 1024);
	}
	fflush(stdout);
}

int cmd_top(const struct command *command, int argc, char **argv)
{
	struct ctl ctl = { .interval = 2 };
	json_t *old = NULL, *new, *all, *vm;
	struct timespec before, now;
	const char *name;
	struct error err;
	int ret = cli_parse(command, &ctl, &ctl.help, NULL, 0, 0, argc, argv);

	if (ret >= 0)
		return ret;
	for (uint64_t n = 0; !ctl.count || n <= ctl.count; n++) {
		double seconds;

		if (n)
			sleep(ctl.interval);
		new = json_object();
		if (client_each(sample_one, new, &err) < 0) {
			json_decref(new);
			json_decref(old);
			return cli_error(&err);
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
		all = json_object();
		if (n) {
			seconds = now.tv_sec - before.tv_sec + (now.tv_nsec - before.tv_nsec) / 1e9;
			json_object_foreach(new, name, vm)
				json_object_set_new(all, name, compare(vm, json_object_get(old, name),
								       seconds));
			if (ctl.json) {
				json_dumpf(all, stdout, JSON_COMPACT);
				puts("");
				fflush(stdout);
			} else {
				show(all);
			}
		}
		json_decref(all);
		json_decref(old);
		old = new;
		before = now;
		if (ferror(stdout))
			break;
	}
	json_decref(old);
	return EXIT_OFF;
}
