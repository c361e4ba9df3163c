/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * store: connector configs, offsets and statuses, in Kafka's three internal
 * topics (distributed) or in memory and a file (standalone), in Java's bytes
 * (runtime-and-storage.md 1 to 5).
 *
 * Owner    main
 * Thread   one of its own, `store`, reads and writes all three. Requests are
 *          messages to it (any thread); their outcome comes back as a message
 *          to the mailbox given. Snapshots are immutable and counted.
 *          Statuses can be read from any thread under the store's lock.
 * Lock     status table, topics table and current snapshot pointer, rank 50
 *
 * A connector's creation walks so: herder -> store_put_connector -> store
 * thread produces, reads back to the end -> the reader sees the record, makes
 * a new snapshot, tells the listener (store thread) -> `done` to the herder.
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/data.h>
#include <kaftan/error.h>

#include "base/mailbox.h"
#include "base/map.h"
#include "base/metrics.h"
#include "config/worker.h"

enum target_state { TARGET_STARTED, TARGET_PAUSED, TARGET_STOPPED };
const char *target_state_name(enum target_state s); /* "STARTED" */

/* ---- snapshots of the config topic ---- */
struct snapshot_connector {
    const char *name;
    struct text_map *config;       /* shared; NULL: tombstoned but target state or tasks remain */
    struct text_map *applied;      /* shared; config of the last complete task commit; NULL */
    enum target_state target;
    int32_t task_count;            /* -1: no commit seen */
    struct text_map *const *tasks; /* by id, `task_slots` of them; NULL where none */
    int32_t task_slots;
    int64_t task_generation;       /* -1: none */
    int32_t task_count_record;     /* exactly-once; -1 */
    bool inconsistent, pending_fencing;
};
struct session_key {
    struct kaftan_slice key; /* raw bytes */
    const char *algorithm;
    int64_t created_ms;
};
struct snapshot {
    int64_t offset; /* group-protocol.md 9.1; -1 at first */
    size_t count;
    const struct snapshot_connector *connectors; /* by name */
    const struct session_key *session_key;       /* NULL: none */
};
const struct snapshot *snapshot_ref(const struct snapshot *s);
void snapshot_unref(const struct snapshot *s); /* NULL is fine */
const struct snapshot_connector *snapshot_find(const struct snapshot *s, const char *connector); /* only with a config; NULL */
/* Task ids 0..n-1 that may run: 0 for an inconsistent connector. */
int32_t snapshot_task_count(const struct snapshot_connector *c);

/* ---- news from the config topic; called on the store thread after the first read to end; must only send messages ---- */
struct restart_asked {
    const char *connector;
    bool only_failed, include_tasks;
};
struct store_listener {
    void *self;
    void (*connector_config)(void *self, const char *connector, bool removed);
    void (*task_configs)(void *self, const char *connector);
    void (*target_state)(void *self, const char *connector);
    void (*session_key)(void *self, const struct session_key *key);
    void (*restart)(void *self, const struct restart_asked *r);
    void (*logger_level)(void *self, const char *logger, const char *level);
};

/* ---- the outcome of a request ---- */
struct store_done {
    struct message base; /* handle/drop set by the asker; sent to `to` exactly once */
    struct mailbox *to;  /* borrowed */
    struct kaftan_error *err; /* owned by the receiver */
    const struct snapshot *snapshot; /* counted, of the moment; NULL for offset requests */
};

struct store;

/* `cluster` props are the worker's. Standalone: nothing but the file. */
struct kaftan_error *store_new(const struct worker_config *c, const struct store_listener *listener, struct metrics *m,
                               struct store **ret) KAFTAN_MUST_CHECK;
/*
 * Starts the thread, which makes and verifies the topics and reads all to the end; `done` says how it went (err: texts of
 * runtime-and-storage.md 1.5, 6.3; code TIMEOUT: Kafka never answered; INVALID: a topic is wrong).
 */
void store_start(struct store *s, struct store_done *done);
void store_stop(struct store *s); /* flushes within 5 s, joins */
void store_free(struct store *s); /* NULL is fine */
/* Human sentence of what start-up waits for, for /health; "" once started. Any thread; static text. */
const char *store_stage(const struct store *s);
const char *store_cluster_id(const struct store *s); /* known after the start; NULL: none. Any thread */

/* The newest snapshot; counted, the caller unrefs. Any thread. */
const struct snapshot *store_snapshot(struct store *s);
/* Reads the config topic to its present end, at most timeout_ms (TIMEOUT). */
void store_refresh(struct store *s, int timeout_ms, struct store_done *done);
/* Writers: runtime-and-storage.md 2.2; done comes after the read-back. Texts of failure as listed there. */
void store_put_connector(struct store *s, const char *connector, struct text_map *config, bool with_target,
                         enum target_state target, struct store_done *done);
void store_remove_connector(struct store *s, const char *connector, struct store_done *done);
void store_put_tasks(struct store *s, const char *connector, struct text_map *const *tasks, int32_t count, struct store_done *done);
void store_put_target(struct store *s, const char *connector, enum target_state target, struct store_done *done);
void store_put_restart(struct store *s, const struct restart_asked *r, struct store_done *done);
void store_put_session_key(struct store *s, const struct session_key *key, struct store_done *done);
void store_put_task_count(struct store *s, const char *connector, int32_t count, struct store_done *done); /* tasks-fencing record */
/* `level` as submitted, for `namespace` and below on all workers; done after the ack. */
void store_put_logger_level(struct store *s, const char *logger, const char *level, struct store_done *done);

/* ---- statuses (section 4) ---- */
enum work_state { STATE_UNASSIGNED, STATE_RUNNING, STATE_PAUSED, STATE_FAILED, STATE_STOPPED, STATE_RESTARTING, STATE_DESTROYED };
const char *work_state_name(enum work_state s);
struct work_status {
    enum work_state state;
    char *trace;     /* owned; NULL */
    char *worker_id; /* owned */
    char *version;   /* owned; NULL */
    int32_t generation;
};
void work_status_fini(struct work_status *s);
/* task -1: the connector. FAILED and UNASSIGNED are "safe" puts (only over an older generation or the same worker). Any thread; never waits. */
void store_put_status(struct store *s, const char *connector, int32_t task, enum work_state state, const char *trace,
                      const char *worker_id, const char *version, int32_t generation);
void store_remove_status(struct store *s, const char *connector, int32_t task); /* tombstone */
bool store_get_status(struct store *s, const char *connector, int32_t task, struct work_status *ret); /* a copy; any thread */
/* Calls see() for each task id with a status, in order, under the lock: copy and return. */
void store_each_task_status(struct store *s, const char *connector, void (*see)(void *self, int32_t task), void *self);
/* Every connector with any status, tasks included: for the leader's cleaning. */
void store_each_status(struct store *s, void (*see)(void *self, const char *connector, int32_t task), void *self);
/* Active topics (section 4): cheap when already known (a lock and two look-ups). Does nothing with topic.tracking.enable=false. Any thread. */
void store_topic_seen(struct store *s, const char *connector, int32_t task, struct kaftan_slice topic);
void store_topics_reset(struct store *s, const char *connector);
void store_each_topic(struct store *s, const char *connector, void (*see)(void *self, const char *topic), void *self);

/* ---- offsets (section 3) ---- */
/*
 * The stored offset of one partition; both JSON objects as bare bytes. The
 * table is the store's: a copy comes back (owned; NULL when none). Any thread.
 */
char *store_get_offset(struct store *s, const char *connector, const char *partition_json, size_t len, size_t *ret_len);
/*
 * Reads the offsets topic to its present end (TIMEOUT after timeout_ms): what
 * another worker committed before it gave a task away is then in the table.
 * To be asked for before a source task's first store_get_offset.
 */
void store_refresh_offsets(struct store *s, int timeout_ms, struct store_done *done);
/* All partitions of a connector, for REST and resets. */
void store_each_offset(struct store *s, const char *connector,
                       void (*see)(void *self, struct kaftan_slice partition, struct kaftan_slice offset), void *self);
struct offset_write {
    char *partition; /* owned JSON object text in HashMap order for new ones (1.3); a known logical partition reuses its bytes */
    char *offset;    /* owned JSON object text; NULL: delete */
};
/* Takes the writes (array and texts). `done` when Kafka has them all, or with the first error. */
void store_put_offsets(struct store *s, const char *connector, struct offset_write *writes, size_t count, struct store_done *done);
/*
 * Offsets that wait for Kafka are not written any more (their writers get an error): after a loss of ownership they would
 * come when Kafka is back, on top of the newer ones of whoever has the tasks now. Any thread.
 */
void store_drop_offsets(struct store *s);

#endif
