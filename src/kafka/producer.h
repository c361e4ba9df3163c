/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H
/*
 * producer: records into Kafka, reports back in batches of tokens (D13).
 *
 * acks=all, idempotent, 5 in flight unless the user's keys say otherwise.
 * Nothing is copied: key, value and header bytes must stay until the report.
 * After a fatal error of the client the producer makes itself a new client
 * and produces again, in order, what is still in flight; the caller sees
 * nothing but a delay (and a WARN line). Whether producers share a client is
 * this module's choice.
 *
 * A client is three threads and two connections. A producer has one only
 * while there is something to send: it rests when nothing has been sent for
 * `rest_ms`, and the next record makes it a new client, which costs that record
 * some milliseconds. Nothing is in flight while it rests, so nothing can be
 * lost, repeated or overtaken by it.
 *
 * Owner    the task (or the store)
 * Thread   the owner's, but for producer_cut; librdkafka's own threads stay
 *          inside
 * Memory   one slot per record in flight, at most `in_flight_limit`
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>
#include <kaftan/record.h>

#include "base/map.h"

struct producer;

struct producer_header {
    struct kaftan_slice name, value; /* value.ptr NULL: null */
};
struct producer_record {
    struct kaftan_slice topic;
    int32_t partition; /* -1: murmur2 of the key, as Java; null key: random/sticky */
    int64_t timestamp; /* -1: now */
    struct kaftan_slice key, value; /* ptr NULL: null */
    const struct producer_header *headers;
    size_t header_count;
    uint64_t token;
};
struct producer_report {
    uint64_t token;
    struct kaftan_error *err; /* owned by the receiver; NULL: stored */
    int32_t partition;
    int64_t offset;
};
enum producer_result {
    PRODUCER_TAKEN,
    PRODUCER_FULL,   /* try again after reports came */
    PRODUCER_REFUSED /* *ret_err says why (too large: DATA); nothing is kept, no report comes */
};

/*
 * `props` are Java's names (kafka_task_props). They are checked at once, errors
 * name the key; the first producer of a process with given settings (but for
 * client.id) also starts with a client, the others get one when they have
 * something to send. rest_ms 0: it always has one.
 */
struct kaftan_error *producer_new(const struct text_map *props, size_t in_flight_limit, int64_t rest_ms,
                                  struct producer **ret) KAFTAN_MUST_CHECK;
/* Waits for nothing: what is in flight is given up, its reports never come. NULL is fine. */
void producer_free(struct producer *p);
/*
 * Any thread, before producer_free: from here on nothing more goes to Kafka, whatever the owner is doing just now. What waits is
 * thrown away, what is on the wire is not sent again, sending answers FULL and no report comes any more.
 */
void producer_cut(struct producer *p);
/* Throws away what is in flight: it is reported as failed. Not for an idempotent client, which would send it again. */
void producer_drop(struct producer *p);
/* Copies the struct and the header array; bytes are borrowed until the report. */
enum producer_result producer_send(struct producer *p, const struct producer_record *r, struct kaftan_error **ret_err);
/* Pushes what was sent so far out without waiting for linger. */
void producer_flush_start(struct producer *p);
/* Reports that have come, at most `limit`; 0 when none. Also does the client's upkeep; call at least each second, or every few seconds with nothing in flight. */
size_t producer_reports(struct producer *p, struct producer_report *ret, size_t limit);
int producer_fd(const struct producer *p); /* readable when reports wait */
size_t producer_in_flight(const struct producer *p);
/* Bytes held by librdkafka's queue and limit; for backpressure and metrics. */
size_t producer_queue_bytes(const struct producer *p);
/* True: it has no client, as there is nothing to send. */
bool producer_resting(const struct producer *p);
/* Tests: forces the fatal-error path. */
void producer_test_fatal(struct producer *p);

#endif
