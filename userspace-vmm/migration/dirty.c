// SPDX-License-Identifier: GPL-2.0
#include "migration/dirty.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libavmm.h"

#define RAM_SLOT	0
#define WORD		(8 * sizeof(unsigned long))

uint64_t dirty_pages(const struct dirty_log *log)
{
	return log->memory->size >> MEMORY_DIRTY_SHIFT;
}

static size_t words(const struct dirty_log *log)
{
	return dirty_pages(log) / WORD;
}

uint64_t dirty_count(const struct dirty_log *log, const unsigned long *bitmap)
{
	uint64_t count = 0;

	for (size_t i = 0; i < words(log); i++)
		count += __builtin_popcountl(bitmap[i]);
	return count;
}

void dirty_log_init(struct dirty_log *log, struct memory *memory)
{
	*log = (struct dirty_log) { .memory = memory, .vm = -1 };
	pthread_mutex_init(&log->lock, NULL);
}

void dirty_log_close(struct dirty_log *log)
{
	free(log->ours);
	free(log->kvm);
	log->ours = NULL;
	log->kvm = NULL;
}

static int map(struct dirty_log *log, bool logged, struct error *err)
{
	int ret = avmm_map_memory(log->vm, RAM_SLOT, logged ? AVMM_MEM_LOG_DIRTY_PAGES : 0,
				  log->memory->base, log->memory->host, log->memory->size);

	if (ret < 0)
		return error_set(err, ret, logged ?
				 "the guest's writes to its RAM cannot be logged: %s" :
				 "--memory: the guest cannot be given its RAM: %s", strerror(-ret));
	return 0;
}

int dirty_log_attach(struct dirty_log *log, int vm, struct error *err)
{
	int ret;

	pthread_mutex_lock(&log->lock);
	log->vm = vm;
	ret = map(log, log->users, err);
	pthread_mutex_unlock(&log->lock);
	return ret;
}

void dirty_log_detach(struct dirty_log *log)
{
	pthread_mutex_lock(&log->lock);
	log->vm = -1;
	pthread_mutex_unlock(&log->lock);
}

static void switch_off(struct dirty_log *log)
{
	struct error ignored;

	__atomic_store_n(&log->memory->dirty, NULL, __ATOMIC_RELEASE);
	/* a log that cannot be switched off costs time and nothing else */
	if (log->vm >= 0)
		map(log, false, &ignored);
	/* a device may still be in memory_wrote(): its bitmap stays for the next time */
}

static int switch_on(struct dirty_log *log, struct error *err)
{
	if (!log->ours)
		log->ours = calloc(words(log), sizeof(long));
	if (!log->kvm)
		log->kvm = calloc(words(log), sizeof(long));
	if (!log->ours || !log->kvm)
		return error_set(err, -ENOMEM, "no memory for the log of the guest's writes");
	memset(log->ours, 0, words(log) * sizeof(long));
	__atomic_store_n(&log->memory->dirty, log->ours, __ATOMIC_RELEASE);
	return log->vm >= 0 ? map(log, true, err) : 0;
}

int dirty_log_add(struct dirty_log *log, struct dirty_user *user, bool set, struct error *err)
{
	bool switched;
	int ret = 0;

	user->bitmap = malloc(words(log) * sizeof(long));
	if (!user->bitmap)
		return error_set(err, -ENOMEM, "no memory for the log of the guest's writes");
	memset(user->bitmap, set ? 0xff : 0, words(log) * sizeof(long));
	pthread_mutex_lock(&log->lock);
	switched = !log->users;
	if (switched)
		ret = switch_on(log, err);
	if (ret == 0) {
		user->next = log->users;
		log->users = user;
	} else {
		switch_off(log);
	}
	pthread_mutex_unlock(&log->lock);
	if (switched && log->switched)
		log->switched(log->opaque);
	if (ret < 0) {
		free(user->bitmap);
		user->bitmap = NULL;
	}
	return ret;
}

void dirty_log_remove(struct dirty_log *log, struct dirty_user *user)
{
	struct dirty_user **p = &log->users;
	bool switched;

	if (!user->bitmap)
		return;
	pthread_mutex_lock(&log->lock);
	while (*p != user)
		p = &(*p)->next;
	*p = user->next;
	switched = !log->users;
	if (switched)
		switch_off(log);
	pthread_mutex_unlock(&log->lock);
	if (switched && log->switched)
		log->switched(log->opaque);
	free(user->bitmap);
	user->bitmap = NULL;
}

static void spread(struct dirty_log *log, size_t i, unsigned long bits)
{
	for (struct dirty_user *user = log->users; bits && user; user = user->next)
		user->bitmap[i] |= bits;
}

/* Bit i of kvm stands for (1 << shift) of our pages, if the host's pages are larger. */
static void spread_kvm(struct dirty_log *log)
{
	unsigned int ratio = sysconf(_SC_PAGESIZE) >> MEMORY_DIRTY_SHIFT;
	uint64_t pages = dirty_pages(log) / ratio;

	if (ratio == 1) {
		for (size_t i = 0; i < words(log); i++)
			spread(log, i, log->kvm[i]);
		return;
	}
	for (uint64_t i = 0; i < pages; i++) {
		if (!(log->kvm[i / WORD] & 1UL << i % WORD))
			continue;
		for (uint64_t page = i * ratio; page < (i + 1) * ratio; page++)
			spread(log, page / WORD, 1UL << page % WORD);
	}
}

int dirty_log_sync(struct dirty_log *log, struct error *err)
{
	struct avmm_dirty_log request = { .slot = RAM_SLOT };
	int ret = 0;

	pthread_mutex_lock(&log->lock);
	if (log->users && log->vm >= 0) {
		request.dirty_bitmap = (uintptr_t)log->kvm;
		memset(log->kvm, 0, words(log) * sizeof(long));
		ret = avmm_get_dirty_log(log->vm, &request);
		if (ret < 0)
			error_set(err, ret, "the log of the guest's writes cannot be read: %s",
				  strerror(-ret));
		else
			spread_kvm(log);
	}
	if (log->users)
		for (size_t i = 0; i < words(log); i++)
			spread(log, i, __atomic_exchange_n(&log->ours[i], 0, __ATOMIC_RELAXED));
	pthread_mutex_unlock(&log->lock);
	return ret < 0 ? ret : 0;
}
