/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_RECORD_H
#define KAFTAN_RECORD_H
/*
 * Records: what a source gives and a sink gets. Everything a record points to
 * lives in its batch's arena, or longer.
 */
#include <kaftan/data.h>

#define KAFTAN_NO_PARTITION (-1)
#define KAFTAN_NO_TIMESTAMP (-1)

struct kaftan_record {
    struct kaftan_slice topic;
    int32_t partition; /* KAFTAN_NO_PARTITION: by key */
    int64_t timestamp; /* ms since 1970; KAFTAN_NO_TIMESTAMP: when it is produced */
    const struct kaftan_schema *key_schema;   /* NULL: schemaless */
    struct kaftan_value key;
    const struct kaftan_schema *value_schema; /* NULL: schemaless */
    struct kaftan_value value;
    const struct kaftan_header *headers;
    size_t header_count;
    /* Source only. */
    uint32_t source_partition; /* from kaftan_task_partition(): the order of acknowledgement is kept per source partition */
    uint64_t token;            /* the connector's own; comes back in delivered() */
    bool value_ready;          /* value is BYTES as Kafka is to get them, not to be converted: kaftan_task_takes_json() */
    /* Sink only. */
    int64_t offset;
    int32_t timestamp_type; /* 0 create time, 1 append time, -1 none */
};

/* A batch of records to be filled by a source's poll. Opaque; owned by the worker; task thread. */
struct kaftan_batch;
KAFTAN_API struct kaftan_arena *kaftan_batch_arena(struct kaftan_batch *b);
/*
 * A zeroed record (partition, timestamp none) at the end of the batch; NULL when the batch is full: by its number of
 * records, or by what is in its arena already. A batch without records takes one however large it is.
 */
KAFTAN_API struct kaftan_record *kaftan_batch_add(struct kaftan_batch *b);
KAFTAN_API size_t kaftan_batch_room(const struct kaftan_batch *b); /* records that still fit */
KAFTAN_API size_t kaftan_batch_count(const struct kaftan_batch *b);

#endif
