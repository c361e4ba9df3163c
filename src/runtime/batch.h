/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BATCH_H
#define RUNTIME_BATCH_H
/*
 * batch: the records of some polls and all that belongs to them.
 *
 * A batch is filled by one poll after the other until it is full by number or
 * by bytes; then the next one begins. Its arena holds the records, their
 * bytes, what converters make of them and the bookkeeping of each. When the
 * last record is finished the arena is reset and nothing of it is left: no
 * allocation and no freeing per record.
 *
 * Owner    the source task's pool
 * Thread   task
 * Memory   about BATCH_BYTES each; a few free ones are kept
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/record.h>
#include <kaftan/source.h>

#include "base/arena.h"

enum { BATCH_RECORDS = 1024, BATCH_BYTES = 256 * 1024 };

struct batch;
struct topic;
struct source_partition;

enum slot_kind {
    SLOT_RECORD,      /* from poll, on its way into its topic */
    SLOT_DEAD_GIVEN,  /* raw bytes for the dead-letter topic, given by the connector */
    SLOT_DEAD_FAILED, /* a record that failed and goes there instead */
};

/* One record and where it stands. */
struct slot {
    struct kaftan_record record;
    struct batch *batch;
    struct source_partition *partition; /* NULL until it is in the order of its partition */
    struct slot *behind;                /* next in its partition */
    struct slot *dead_next;             /* next that waits to be dead-lettered */
    struct topic *topic;                /* borrowed from the task's topics */
    const struct failure *failure;      /* why it is a dead letter; arena */
    enum slot_kind kind;
    enum kaftan_outcome outcome;
    bool finished;
};

struct batch_pool;

struct batch_pool *batch_pool_new(void);
void batch_pool_free(struct batch_pool *p); /* NULL is fine; with all batches, whatever is open */
/* Begins a new batch if the present one is full; only while nothing is unsent. */
void batch_pool_turn(struct batch_pool *p);
struct kaftan_arena *batch_pool_arena(struct batch_pool *p); /* of the present batch */
size_t batch_pool_room(const struct batch_pool *p);
/* A zeroed slot at the end of the present batch. There is always room for dead letters. */
struct slot *batch_pool_add(struct batch_pool *p);
/* The oldest slot not handed on yet; NULL: none. */
struct slot *batch_pool_unsent(const struct batch_pool *p);
void batch_pool_sent(struct batch_pool *p); /* hands it on */
/* The record of a slot is finished: the slot and its batch may be gone afterwards. */
void batch_finished(struct batch_pool *p, struct slot *s);
struct kaftan_arena *batch_arena(const struct slot *s); /* of the slot's batch */
/* Records added and not finished. */
size_t batch_pool_open(const struct batch_pool *p);

/* What poll sees: the records of this call only. */
struct kaftan_batch {
    struct batch_pool *pool;
    size_t count;
};

#endif
