/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_SOURCE_H
#define KAFTAN_SOURCE_H
/*
 * Source connectors.
 *
 * The life of a task: open, then poll or service again and again (at least
 * every 250 ms, also while paused or while Kafka is slow), delivered whenever
 * Kafka has answered, offset_get at each flush, stop, more service and
 * delivered until nothing is outstanding or the deadline passes, close. All of
 * it on one thread, the task's; only wake comes from elsewhere.
 *
 * A message's way: poll puts records into the batch; the worker transforms,
 * converts and produces them; delivered tells the outcome of each, in the
 * order of the records of one source partition, each exactly once. Only then
 * may the connector tell its own source that the message is safe.
 */
#include <kaftan/config.h>
#include <kaftan/record.h>
#include <kaftan/task.h>

enum kaftan_outcome {
    KAFTAN_STORED,   /* Kafka has it */
    KAFTAN_FILTERED, /* a transform dropped it */
    KAFTAN_SKIPPED,  /* it failed, and the config tolerates that (counted, perhaps dead-lettered) */
    KAFTAN_FAILED    /* not in Kafka; the task is about to stop: never acknowledge */
};
struct kaftan_delivery {
    uint64_t token;
    uint32_t source_partition;
    enum kaftan_outcome outcome;
};

enum kaftan_support { KAFTAN_UNKNOWN, KAFTAN_UNSUPPORTED, KAFTAN_SUPPORTED };

struct kaftan_task_configs; /* collects what task_configs() makes; at most max_tasks */
/* Starts the next task's config as a copy of the connector's; the following sets belong to it. */
KAFTAN_API void kaftan_task_configs_add(struct kaftan_task_configs *c);
KAFTAN_API void kaftan_task_configs_set(struct kaftan_task_configs *c, const char *key, const char *value);

struct kaftan_source {
    uint32_t size;          /* sizeof(struct kaftan_source) */
    const char *class_name; /* as users write it */
    const char *task_class; /* NULL: class_name with `Task` for a final `Connector`, else class_name */
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size; /* of the struct that `config` fills */

    /* More than single values can tell; any jobs thread; values are parsed where they could be. Optional. */
    void (*validate)(const void *config, const struct kaftan_config_texts *texts, struct kaftan_config_report *report);

    /* Connector thread. `context` serves kaftan_task_offset and _reconfigure. Optional: without, one task with the connector's config. */
    struct kaftan_error *(*task_configs)(const void *config, struct kaftan_task *context, int32_t max_tasks,
                                         struct kaftan_task_configs *ret);
    /* Connector thread; optional: a connector that watches its source between start and end. */
    struct kaftan_error *(*start)(const void *config, struct kaftan_task *context, void **ret);
    void (*end)(void *connector);

    /* Task thread from here. On failure of open, *ret is not used and close not called. */
    struct kaftan_error *(*open)(const void *config, struct kaftan_task *task, void **ret);
    /*
     * Fills the batch with what is there now. A connector with `fd` must not
     * wait; one without may wait until `deadline`. An empty batch is fine.
     * RETRIABLE errors are tried again, others fail the task.
     */
    struct kaftan_error *(*poll)(void *self, kaftan_deadline deadline, struct kaftan_batch *batch);
    /* Everything but taking records: keep alive, acknowledgements. Called instead of poll while the worker can take none. Optional. */
    struct kaftan_error *(*service)(void *self, kaftan_deadline deadline);
    /* A descriptor that is readable when there is work (an epoll descriptor of one's own); -1: none. Asked after open, constant. Optional. */
    int (*fd)(void *self);
    /* Outcomes since the last call. */
    void (*delivered)(void *self, const struct kaftan_delivery *d, size_t count);
    /* The offset of a partition that is true for all that was delivered; a schemaless map in `a`, or NULL kind to delete it. False: nothing to write. */
    bool (*offset_get)(void *self, uint32_t partition, struct kaftan_arena *a, struct kaftan_value *ret);
    /* An offset flush is in Kafka. Optional. */
    void (*flushed)(void *self);
    /* Paused: service only. Optional. */
    void (*pause)(void *self, bool paused);
    /* No further poll. Until `deadline`, service and delivered go on while records are outstanding. Optional. */
    void (*stop)(void *self, enum kaftan_stop_reason reason, kaftan_deadline deadline);
    /* True when a stopped task has nothing left to write (acknowledgements flushed). Optional: at once. */
    bool (*idle)(void *self);
    void (*wake)(void *self); /* any thread; makes a waiting poll return; optional */
    void (*close)(void *self); /* the last call */

    /* Kept for exactly-once and the offsets endpoints (N7, N10); the worker serves them later. */
    enum kaftan_support (*exactly_once_support)(const void *config);
    enum kaftan_support (*transaction_boundaries)(const void *config);
    void (*committed)(void *self, uint64_t transaction, bool aborted);
    /* Jobs thread; may do network I/O. `offset` NULL kind: reset. */
    struct kaftan_error *(*alter_offsets)(const void *config, struct kaftan_task *context,
                                          const struct kaftan_value *partitions, const struct kaftan_value *offsets,
                                          size_t count);
};

#endif
