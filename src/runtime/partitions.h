/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_PARTITIONS_H
#define RUNTIME_PARTITIONS_H
/*
 * partitions: the source partitions of a task, and up to where each is done.
 *
 * A source partition is a map of the connector; it has a number for the life
 * of the task. Records of one partition are produced in order and reported by
 * Kafka in any order; they are given back in order: only the longest finished
 * prefix. Behind a record that has failed nothing counts as stored any more,
 * so that no connector can acknowledge or commit past it.
 *
 * Owner    the source task
 * Thread   task
 * Memory   one entry per partition; the order runs through the records' slots
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/data.h>
#include <kaftan/error.h>

#include "runtime/batch.h"

struct source_partition {
    char *json;     /* owned; as the connector ordered it: what is stored */
    uint32_t number;
    bool failed;    /* a record of it has failed */
    bool touched;   /* its offset may have changed since the last flush */
    bool in_flush;  /* its offset is on the way into the store */
    struct slot *head, *tail; /* records not given back, oldest first; borrowed from their batches */
};

struct partitions;

struct partitions *partitions_new(void);
void partitions_free(struct partitions *p); /* NULL is fine */
/* INVALID: not a map of string keys and primitive values. */
struct kaftan_error *partitions_number(struct partitions *p, const struct kaftan_value *map, uint32_t *ret)
    KAFTAN_MUST_CHECK;
struct source_partition *partitions_at(const struct partitions *p, uint32_t number); /* NULL: unknown number */
size_t partitions_count(const struct partitions *p);

/* Puts a record at the end of its partition. */
void order_add(struct source_partition *p, struct slot *s);
/* Marks a record finished with an outcome. */
void order_finish(struct slot *s, enum kaftan_outcome outcome);
/* Takes the oldest record if it is finished; the caller gives it back. NULL: not finished, or none. */
struct slot *order_take(struct source_partition *p);

/* A source partition or offset as JSON text (JsonConverter without schemas); INVALID as above. */
struct buf;
struct kaftan_error *offset_json(const struct kaftan_value *map, struct buf *ret) KAFTAN_MUST_CHECK;

#endif
