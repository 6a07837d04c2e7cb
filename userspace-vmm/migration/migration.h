/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves a running VM: to another process by a stream (migrate), to a file (save), or from either
 * (incoming). One at a time.
 *
 * Functions are for the main thread. One thread of ours sends or receives and asks the main thread
 * for what only that may do. Until the hand-over the source can run on; after it only the
 * destination runs. migration.c is what both sides share, outgoing.c the source, incoming.c the
 * destination.
 */
#ifndef AVMM_MIGRATION_MIGRATION_H
#define AVMM_MIGRATION_MIGRATION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/error.h"
#include "migration/channel.h"
#include "migration/checkpoint.h"
#include "migration/dirty.h"
#include "migration/lazy.h"

struct vm;

/* As QMP's MigrationStatus */
enum migration_status {
	MIGRATION_NONE, MIGRATION_SETUP, MIGRATION_ACTIVE, MIGRATION_DEVICE,
	MIGRATION_POSTCOPY_ACTIVE, MIGRATION_COMPLETED, MIGRATION_FAILED, MIGRATION_CANCELLING,
	MIGRATION_CANCELLED,
};

/* Each has a name in QMP; see migration.c. */
enum migration_param {
	PARAM_MAX_BANDWIDTH,	/* bytes per second; 0: no limit */
	PARAM_DOWNTIME_LIMIT,	/* ms */
	PARAM_THROTTLE_INITIAL, PARAM_THROTTLE_INCREMENT, PARAM_THROTTLE_MAX,	/* per cent */
	PARAM_COMPRESS_LEVEL,	/* zstd's; 0: off */
	MIGRATION_PARAMS
};

enum migration_capability {
	CAP_AUTO_CONVERGE, CAP_POSTCOPY_RAM, CAP_EVENTS, CAP_RETURN_PATH,
	MIGRATION_CAPABILITIES
};

struct migration_stats {
	uint64_t total, remaining;		/* bytes of RAM */
	uint64_t transferred;			/* bytes on the wire */
	uint64_t normal, duplicate;		/* pages, and those of zeros */
	uint64_t rounds, postcopy_requests, dirty_rate;
	uint64_t downtime, expected_downtime, setup_time, total_time;	/* ms */
	unsigned int throttle;			/* per cent, the last */
};

/* What "save" wants. */
struct save_order {
	char *path;
	char *base;		/* path of the checkpoint to build on; NULL: none */
	bool track;		/* keep track of writes, so that the next one can build on this */
	bool stop;		/* the VM does not go on */
	bool copy_disks;	/* those that can be written to, beside it */
};

struct migration {
	struct vm *vm;
	struct dirty_log dirty;
	int64_t params[MIGRATION_PARAMS];
	bool caps[MIGRATION_CAPABILITIES];

	/* the thread, from setup to its end */
	pthread_t thread;
	bool started;			/* and not joined */
	atomic_bool ended;
	int cancel;			/* eventfd */
	bool outgoing;
	char *uri;			/* NULL: to a file */
	struct save_order order;
	atomic_bool postcopy_wanted;
	int incoming_fd;		/* where the stream comes from, or a listening socket */
	bool listening;
	char *base_id;			/* of the checkpoint since which base is kept; NULL: none */
	struct dirty_user base;
	/* RAM that comes on demand */
	struct lazy lazy;
	pthread_t pager;
	atomic_bool paging;		/* the thread is there; the main thread joins it */
	int pager_stop, pager_ended;	/* eventfds */
	struct checkpoint *checkpoint;	/* the pager's */

	pthread_mutex_t lock;
	/* all below: lock */
	enum migration_status status;
	bool committed;			/* the destination may run: no way back */
	struct error error;		/* of FAILED */
	struct migration_stats stats;	/* the thread's; read at any time */
	uint64_t began;			/* ns */
};

int migration_init(struct migration *m, struct vm *vm, struct error *err);
/* Cancels what goes on and waits for its end; the VM is about to end. */
void migration_stop(struct migration *m);
/* RAM is about to be cleared: nothing more may come into it. */
void migration_settle(struct migration *m);
/* Nobody touches RAM any more. */
void migration_close(struct migration *m);

/* Does one go on? Then the VM must not be saved, moved or changed. */
bool migration_busy(struct migration *m);

int migration_start(struct migration *m, const char *uri, struct error *err);
/* Takes the order's strings over. */
int migration_save(struct migration *m, struct save_order *order, struct error *err);
void migration_cancel(struct migration *m);
int migration_start_postcopy(struct migration *m, struct error *err);

/*
 * "defer" waits for another call; "file:PATH" restores a checkpoint; the rest is
 * channel_listen()'s.
 */
int migration_incoming(struct migration *m, const char *uri, struct error *err);

/* ---- for QMP: its objects ---- */

json_t *migration_query(struct migration *m);
json_t *migration_query_params(const struct migration *m);
int migration_set_params(struct migration *m, json_t *arguments, struct error *err);
json_t *migration_query_caps(const struct migration *m);
int migration_set_caps(struct migration *m, json_t *list, struct error *err);

/* ---- between migration.c, outgoing.c and incoming.c; the thread ---- */

void migration_set_status(struct migration *m, enum migration_status status);
/* The last word. err is of FAILED. */
void migration_finish(struct migration *m, enum migration_status status, const struct error *err);
/*
 * For such a thread, when it has opened what it is to open with the rights that the process was
 * started with: it waits until the process is in its sandbox, and takes its own place there.
 */
int migration_confine(struct migration *m, struct error *err);
int migration_start_thread(struct migration *m, void *(*run)(void *opaque), struct error *err);
bool migration_cancelled(const struct migration *m);

/* False if somebody has cancelled before. */
bool migration_commit(struct migration *m);

void *outgoing_thread(void *opaque);
void *incoming_thread(void *opaque);
/* RAM on demand: until all of it is here, or somebody cancels. */
int incoming_wait_pager(struct migration *m, struct error *err);
/* Main thread: whether it is or not. */
void incoming_stop_pager(struct migration *m);

#endif /* AVMM_MIGRATION_MIGRATION_H */
