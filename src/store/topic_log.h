/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_TOPIC_LOG_H
#define STORE_TOPIC_LOG_H
/*
 * topic_log: one internal topic: records go in, and all records, our own
 * too, come out in order. Without Kafka (standalone) what goes in comes out
 * at once and is kept nowhere.
 *
 * Owner    the store
 * Thread   store
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/map.h"
#include "kafka/consumer.h"

/* A record on its way; part of its sender's own struct. */
struct sent {
    struct sent *prev, *next;   /* the log's */
    struct kaftan_slice key, value; /* borrowed from the sender until done; value.ptr NULL: tombstone */
    bool taken;                 /* the log's: the client has it */
    /* Called once; err (owned by the callee) NULL: stored. The sender frees itself. */
    void (*done)(struct sent *s, struct kaftan_error *err, int32_t partition, int64_t offset);
};

struct topic_log {
    const char *topic;          /* borrowed from the config */
    struct producer *producer;  /* owned; NULL: standalone */
    struct log_reader *reader;  /* owned; NULL: standalone */
    void (*apply)(void *self, const struct log_record *r);
    void *self;
    struct sent *first, *last;  /* oldest first: taken ones, then waiting ones */
    size_t waiting;
    int64_t next_offset;        /* standalone */
};

/* `producer_extra` are added to the worker's properties (Java names). */
struct kaftan_error *topic_log_open(struct topic_log *t, const struct text_map *worker_props,
                                    const struct text_map *producer_extra, bool committed) KAFTAN_MUST_CHECK;
void topic_log_close(struct topic_log *t); /* what was not stored is given up: done with UNAVAILABLE */
void topic_log_send(struct topic_log *t, struct sent *s);
/* What is not stored yet is given up: done with an error, now or when the client has let go of it. */
void topic_log_drop(struct topic_log *t);
/* Takes reports, sends what waits, applies what has come. True: more has come than was applied. */
bool topic_log_serve(struct topic_log *t);
bool topic_log_idle(const struct topic_log *t); /* nothing on its way */
/* Everything up to this record has been applied. */
bool topic_log_passed(const struct topic_log *t, int32_t partition, int64_t offset);
uint64_t topic_log_end_start(struct topic_log *t);
struct kaftan_error *topic_log_denied(const struct topic_log *t) KAFTAN_MUST_CHECK; /* see log_reader_denied */
bool topic_log_reached(struct topic_log *t, uint64_t ticket);

#endif
