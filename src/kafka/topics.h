/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H
/*
 * topics: topic handles of one client by name, so that sending a record looks
 * nothing up in the client.
 *
 * Owner    the producer; ended before its client
 * Thread   the owner's
 * Memory   one entry per topic written to
 */
#include <librdkafka/rdkafka.h>
#include <kaftan/abi.h>

struct topics {
    struct topic_entry *entries; /* owned; open addressing, `size` is a power of two */
    size_t size, count;
    const struct topic_entry *last;
};

/* NULL when the client refuses the name (rd_kafka_last_error). */
rd_kafka_topic_t *topics_get(struct topics *t, rd_kafka_t *rk, struct kaftan_slice name);
void topics_fini(struct topics *t); /* a zeroed one is fine; can be used again */

#endif
