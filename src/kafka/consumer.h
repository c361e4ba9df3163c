/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H
/*
 * consumer: reads all partitions of one topic from the beginning, for ever,
 * without a group (runtime-and-storage.md 1.4): the reader of an internal
 * topic. Sinks' group consumers come beside it.
 *
 * Owner    the store
 * Thread   store
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>
#include <kaftan/abi.h>

#include "base/map.h"

struct log_reader;

struct log_record {
    int32_t partition;
    int64_t offset, timestamp;
    struct kaftan_slice key, value; /* ptr NULL: null; valid until the next call */
};

/* `props` Java names; `committed` sets isolation.level=read_committed. Looks the partitions up for 30 s at most. */
struct kaftan_error *log_reader_new(const struct text_map *props, const char *topic, bool committed,
                                    struct log_reader **ret) KAFTAN_MUST_CHECK;
void log_reader_free(struct log_reader *r); /* NULL is fine */
/* True: a record. False: nothing now. Errors are logged and reading goes on. */
bool log_reader_next(struct log_reader *r, struct log_record *ret);
/*
 * Why nothing can be read although Kafka answers: the user has not the right (KAFKA, with operation and resource);
 * NULL: nothing of the kind. Reading goes on by itself when the right is given.
 */
struct kaftan_error *log_reader_denied(const struct log_reader *r) KAFTAN_MUST_CHECK;
int log_reader_fd(const struct log_reader *r); /* readable when records may wait */
int32_t log_reader_partitions(const struct log_reader *r);
/* Everything of the partition below this offset has been returned; -1: nothing yet. */
int64_t log_reader_position(const struct log_reader *r, int32_t partition);
/*
 * Starts asking for the end offsets (read_uncommitted); `ticket` counts. Once
 * log_reader_reached says so, everything up to those ends has been returned by
 * log_reader_next. Retried inside until it works.
 */
uint64_t log_reader_end_start(struct log_reader *r);
bool log_reader_reached(struct log_reader *r, uint64_t ticket);

#endif
