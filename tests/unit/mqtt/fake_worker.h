/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H
/*
 * fake_worker: the worker's side of the SDK for tests of a source connector:
 * a batch, a task, deliveries under the test's control.
 *
 * Records are copied out of the batch at once and the batch's arena is thrown
 * away, so that a connector that keeps a pointer into it is caught.
 *
 * Owner    the test
 * Thread   the test's
 */
#include <kaftan/connector.h>

#include "base/map.h"
#include "config/keys.h"

struct fake_record {
    char *topic, *key, *value; /* owned; NULL: null; NUL terminated */
    size_t value_len;
    char *headers; /* owned; "name=value;..." */
    int64_t timestamp;
    uint64_t token;
    uint32_t partition;
    bool dead; /* a dead letter */
    bool settled;
};

struct kaftan_task {
    const struct kaftan_source *class;
    const char *name, *group;
    struct text_map *texts;        /* owned */
    struct config_values *values;  /* owned */
    struct kaftan_config_report *report; /* owned */
    void *self;                    /* the connector's */
    bool tolerates, dead_letters, owned, flush_asked;
    size_t batch_room;
    char *stored; /* owned; JSON of the stored offset; NULL: none */
    kaftan_deadline wait_until;
    struct fake_record *records; /* owned; all that ever came, in order */
    size_t count, cap, settled;  /* settled: delivered so far, from the front */
    uint64_t skipped;
    char skipped_reason[128];
    size_t partitions;
    uint64_t allocations; /* made inside poll */
};

/* `config`: "key=value\n..." ; class 0: our own, 1: the one taken over. Does not open. */
struct kaftan_task *fake_task_new(int class, const char *config);
void fake_task_free(struct kaftan_task *t); /* closes */
struct kaftan_error *fake_task_open(struct kaftan_task *t);
struct kaftan_error *fake_task_poll(struct kaftan_task *t);
struct kaftan_error *fake_task_service(struct kaftan_task *t);
/* Reports the outcome of the next `n` records that have none. */
void fake_task_deliver(struct kaftan_task *t, size_t n, enum kaftan_outcome outcome);
/* What offset_get says now, as JSON; the caller frees (mem_free). */
char *fake_task_offset(struct kaftan_task *t);
/* The first validation error of a key, or NULL; `index` counts from 0. */
const char *fake_task_problem(struct kaftan_task *t, const char *key, size_t index);
const char *fake_task_warning(struct kaftan_task *t, size_t index);
double fake_metric(const char *name_and_labels); /* the last value set or the sum added; 0: unknown */

#endif
