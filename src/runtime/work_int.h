/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_WORK_INT_H
#define RUNTIME_WORK_INT_H
/*
 * work: what a connector and a task at work have in common: name, thread,
 * mailbox, status, and how they end. It is the SDK's `struct kaftan_task`.
 *
 * Owner    counted: the worker's table, the thread itself, each message or
 *          store request under way. The last one frees it
 * Thread   flags and status: any; the rest: its own thread, or the herder
 *          before the thread has been started
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/metrics.h>
#include <kaftan/source.h>

#include "base/mailbox.h"
#include "base/map.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "plugin/registry.h"
#include "runtime/worker_int.h"
#include "store/store.h"

#define WORK_MAGIC 0x574f524bu

enum work_flag {
    WORK_STOP = 1,      /* the herder wants it to end and waits for the event */
    WORK_ENDING = 2,    /* the thread writes its last status; it cannot be abandoned any more */
    WORK_ENDED = 4,     /* the thread has said its last word */
    WORK_ABANDONED = 8, /* given up: it must not write, acknowledge or say anything; what it has sent last is cut off */
};

struct producer;
struct source_task;

struct kaftan_task {
    uint32_t magic; /* WORK_MAGIC */
    atomic_uint refs;
    atomic_uint flags;      /* enum work_flag */
    struct worker *worker;  /* borrowed; not touched once abandoned */
    char *connector;        /* owned */
    int32_t number;         /* -1: the connector */
    struct text_map *config;      /* shared; the connector's */
    struct text_map *task_config; /* shared; what the plugin sees; the connector's for a connector */
    enum target_state target;     /* wanted; own thread */
    struct mailbox *box;          /* owned; freed with the last reference */
    struct thread *thread;        /* owned by the worker's table; herder */
    const struct plugin_class *class; /* borrowed from the registry; NULL until found */

    /* Why and until when to stop; set by the stop message, read by the own thread. */
    enum kaftan_stop_reason reason;
    kaftan_deadline stop_deadline; /* 0: not told to stop */

    struct lock wake_lock; /* guards awake, awake_self, producer; rank 40 */
    const struct kaftan_source *awake; /* the class while its wake may be called; else NULL */
    void *awake_self;
    struct producer *producer; /* borrowed from the source task while it has one: what giving up cuts off; else NULL */

    struct metrics_group *metrics;                  /* owned; its own thread's */
    _Atomic(struct metrics_group *) status_metrics; /* owned by whoever swaps it out */

    kaftan_deadline wait_until;  /* kaftan_task_wait_until; 0: not set */
    bool idle;                   /* it was kaftan_task_idle_until */
    bool flush_asked;            /* kaftan_task_flush_request */
    bool refresh_over;           /* the store has answered work_refresh_offsets */
    struct kaftan_error *refresh_error; /* owned; its answer */
    struct map *skipped;         /* owned; reason to struct skip_count */
    struct source_task *source;  /* owned by the thread's stack frame; NULL: a connector, or not open */
    enum target_state slot;      /* connector: newest wanted state */
    bool slot_full;
    int32_t max_tasks;           /* connector: of the newest request for task configs */
    unsigned configs_asked;      /* connector: requests to be answered */
};

/* References given: config and task_config are counted up. */
struct kaftan_task *work_new(struct worker *w, const char *connector, int32_t number, struct text_map *config,
                             struct text_map *task_config, enum target_state target);
struct kaftan_task *work_ref(struct kaftan_task *t);
void work_unref(struct kaftan_task *t);

static inline unsigned work_flags(const struct kaftan_task *t)
{
    return atomic_load_explicit(&t->flags, memory_order_acquire);
}
static inline bool work_abandoned(const struct kaftan_task *t)
{
    return work_flags(t) & WORK_ABANDONED;
}
/* Has the order to stop arrived? Own thread. */
static inline bool work_stopping(const struct kaftan_task *t)
{
    return t->stop_deadline != 0 || work_abandoned(t);
}

/* Status record and status metric; nothing once abandoned. Own thread (or the one that abandons). */
void work_status(struct kaftan_task *t, enum work_state state, const char *trace);
/* Starts the thread, which ends with work_end and is counted by worker_alive until then. */
void work_thread(struct kaftan_task *t, enum thread_kind kind, const char *name, void (*run)(void *));
/* Starts the thread's end: false when it was abandoned, then it must say nothing. */
bool work_end_begin(struct kaftan_task *t);
/* Ends it: the event, if the herder waits for it, and the thread's reference. The last call of the thread. */
void work_end(struct kaftan_task *t);
/* Gives it up unless it is already ending. True: given up; the caller says so. Any thread. */
bool work_abandon(struct kaftan_task *t);
/* Tells the herder that it has stopped. Any thread. */
void work_tell_stopped(struct kaftan_task *t);

/* Answers one request for task configs; gives configs (or err) away. */
void work_answer_configs(struct kaftan_task *t, struct text_map **configs, int32_t count, struct kaftan_error *err);

/* The plugin's wake may be called between these two. Own thread. */
void work_wake_on(struct kaftan_task *t, const struct kaftan_source *class, void *self);
void work_wake_off(struct kaftan_task *t);
/* What writes in its name: cut off when it is given up. NULL before it is freed. Own thread. */
void work_writes_by(struct kaftan_task *t, struct producer *p);
/* Makes a waiting poll return. Any thread. */
void work_wake(struct kaftan_task *t);

/* Messages to its thread; the message gives its reference back. Any thread. */
void work_send_stop(struct kaftan_task *t, enum kaftan_stop_reason reason, kaftan_deadline deadline);
void work_send_target(struct kaftan_task *t, enum target_state target);
void work_send_configs(struct kaftan_task *t, int32_t max_tasks);

/* Counts a dropped message by reason (P7). Own thread. */
void work_skipped(struct kaftan_task *t, const char *reason, uint64_t count);

/*
 * Finds the class of config's connector.class: a source. INVALID otherwise.
 * Own thread.
 */
struct kaftan_error *work_find_class(struct kaftan_task *t) KAFTAN_MUST_CHECK;
/*
 * Makes sure that offsets which another worker has committed are known here.
 * Waits for the store, also while Kafka is away; ends early when it is told to
 * stop. Own thread, before the plugin can ask for offsets.
 */
struct kaftan_error *work_refresh_offsets(struct kaftan_task *t) KAFTAN_MUST_CHECK;
/* The error of a connector with more tasks than tasks.max. */
struct kaftan_error *work_too_many(struct kaftan_task *t, int32_t count, int32_t max) KAFTAN_MUST_CHECK;
/* Parses `texts` by the plugin's table and runs its validate; warnings are logged. */
struct config_values;
struct kaftan_error *work_parse(struct kaftan_task *t, struct config_values **ret) KAFTAN_MUST_CHECK;

/* What the threads run. */
void connector_run(void *work);
void task_run(void *work);

#endif
