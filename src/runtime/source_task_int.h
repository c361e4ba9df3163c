/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_SOURCE_TASK_INT_H
#define RUNTIME_SOURCE_TASK_INT_H
/*
 * source_task: one source task at work. Its parts, one file each:
 *
 *   task.c          the thread: life from the first status to the last
 *   source_task.c   open, close, the loop
 *   source_send.c   from the batch to the producer, and the reports back
 *   source_fail.c   what happens to a record that fails; dead letters
 *   source_flush.c  offsets into the store
 *
 * Owner    its thread (task_run)
 * Thread   task
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/source.h>

#include "config/keys.h"
#include "kafka/producer.h"
#include "runtime/batch.h"
#include "runtime/partitions.h"
#include "runtime/run_config.h"
#include "runtime/task_metrics.h"
#include "runtime/topics.h"
#include "runtime/work_int.h"

#define SOURCE_TASK_MAGIC 0x53544153u

enum {
    IN_FLIGHT_LIMIT = 16384, /* records given to the producer and not reported */
    REPORTS_AT_ONCE = 256,
    WAIT_LIMIT_US = 250000, /* poll or service at least this often (N3) */
    IDLE_LIMIT_US = 5000000, /* or this often, when the connector has said that it is idle */
};

/* Stages of Java's error handling, by their names in reports. */
enum stage { STAGE_TASK_POLL, STAGE_KEY_CONVERTER, STAGE_VALUE_CONVERTER, STAGE_HEADER_CONVERTER, STAGE_KAFKA_PRODUCE };
const char *stage_name(enum stage stage);

/* Why a record became a dead letter; in its batch's arena. */
struct failure {
    enum stage stage;
    const char *class_name, *exception, *message, *trace;
};

/* What a failed attempt means for its record. */
enum verdict {
    VERDICT_AGAIN, /* at t->send_after */
    VERDICT_SKIP,  /* the record goes on without its place: skipped or dead-lettered */
    VERDICT_FAIL   /* t->error is set: the task fails */
};

struct retry {
    unsigned attempts;     /* of the record at the head; 0: no failure yet */
    kaftan_deadline first; /* of the first failure */
};

struct flush {
    uint64_t number;       /* of the newest flush; answers to older ones are ignored */
    bool under_way;
    int64_t started_ms;
    int64_t deadline_ms;   /* then it counts as failed */
    int64_t next_ms;       /* when the next regular one is due */
};

struct source_task {
    uint32_t magic; /* SOURCE_TASK_MAGIC */
    struct kaftan_task *work;           /* borrowed; outlives it */
    const struct kaftan_source *class;  /* borrowed from the plugin */
    struct config_values *values;       /* owned; the plugin's config */
    struct config_values *run_values;   /* owned */
    const struct run_config *run;       /* borrowed from run_values */
    struct converter key, value, header;
    void *self;                         /* the plugin's; ended by class->close */
    bool opened;
    struct producer *producer;          /* owned */
    struct topics *topics;              /* owned */
    struct batch_pool *pool;            /* owned */
    struct kaftan_batch view;           /* what poll sees */
    struct partitions *partitions;      /* owned */
    struct task_metrics metrics;
    struct kaftan_error *error;         /* owned; the task fails with it */
    bool paused;                        /* as the plugin was told */

    /* Sending. */
    struct producer_record ready;       /* of the record at the head, once converted */
    struct slot *ready_for;             /* NULL: nothing is converted */
    kaftan_deadline send_after;         /* a retry's pause; 0: none */
    bool held;                          /* nothing is sent: it may be another worker's */
    kaftan_deadline poll_after;         /* pause after a RETRIABLE error of poll; 0: none */
    bool full;                          /* the producer takes nothing until reports have come, or full_until */
    kaftan_deadline full_until;         /* a client that is being made anew has no reports to give */
    struct retry retry;
    struct slot *dead_first, *dead_last; /* wait to be dead-lettered */
    struct kaftan_delivery deliveries[REPORTS_AT_ONCE];
    size_t delivery_count;
    struct producer_report reports[REPORTS_AT_ONCE];

    struct flush flush;

    /* Waiting. `inner` holds all but the connector's descriptor, which is left out while it would only spin. */
    int inner, outer, connector_fd, topics_fd;
    bool mute; /* the connector's descriptor was ready for nothing */
};

/* ---- source_task.c ---- */
struct kaftan_error *source_task_new(struct kaftan_task *work, struct source_task **ret) KAFTAN_MUST_CHECK;
/* Opens the plugin. */
struct kaftan_error *source_task_open(struct source_task *t) KAFTAN_MUST_CHECK;
/* Works until it is told to stop (NULL), or fails. */
struct kaftan_error *source_task_work(struct source_task *t) KAFTAN_MUST_CHECK;
/* Ends it within `deadline`: outstanding records, acknowledgements, offsets, close. */
void source_task_stop(struct source_task *t, enum kaftan_stop_reason reason, kaftan_deadline deadline);
void source_task_free(struct source_task *t); /* NULL is fine */

/* ---- source_send.c ---- */
/* Sends what it can; true when something moved. */
bool source_send(struct source_task *t);
/* Takes the reports that have come and gives finished records back; returns how many. */
size_t source_reports(struct source_task *t);
/* Finishes a record; what is done in order is noted for delivery. The slot may be gone afterwards. */
void source_finish(struct source_task *t, struct slot *s, enum kaftan_outcome outcome);
void source_full(struct source_task *t); /* the producer has taken nothing */
void source_deliver(struct source_task *t); /* calls delivered with what is noted */
/* No more sending: everything that is not in the producer's hands has failed. */
void source_send_give_up(struct source_task *t);
/* Everything still open has failed; the producer is gone. */
void source_fail_open(struct source_task *t);

/* ---- source_fail.c ---- */
/* Decides on a failed attempt; `class_name` is what ran. Takes *err, except with SKIP: then it is for source_skip. */
enum verdict source_failed(struct source_task *t, enum stage stage, const char *class_name, const struct slot *s,
                           struct kaftan_error **err);
/* A skipped record: to the dead-letter topic if there is one, else finished. Takes err. */
void source_skip(struct source_task *t, struct slot *s, enum stage stage, const char *class_name,
                 struct kaftan_error *err);
/* The failure of a record that Kafka reports; takes err. */
void source_not_stored(struct source_task *t, struct slot *s, struct kaftan_error *err);
void source_dead_add(struct source_task *t, struct slot *s); /* queues a dead letter */
/* Sends queued dead letters; true when something moved. */
bool source_dead_send(struct source_task *t);
/* What the connector itself found undeliverable: counted, and logged if errors.log.enable says so. */
void source_given_up(struct source_task *t, const char *reason, uint64_t count);
struct kaftan_error *source_dead_given(struct source_task *t, const struct kaftan_record *raw, const char *reason)
    KAFTAN_MUST_CHECK;

/* ---- source_flush.c ---- */
void source_flush_init(struct source_task *t, int64_t now_ms);
/* Starts, times out, schedules. */
void source_flush_turn(struct source_task *t, int64_t now_ms);
/* Starts a flush at once if none is under way; false: nothing to write. */
bool source_flush_start(struct source_task *t, int64_t now_ms, int64_t deadline_ms);

#endif
