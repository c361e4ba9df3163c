/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_PAYLOAD_H
#define MQTT_PAYLOAD_H
/*
 * mqtt_payload: how a message becomes a record: Kafka topic, key, value,
 * timestamp, headers; and how one that cannot becomes a dead letter.
 *
 * Owner    a mapping: the task; it borrows from the config
 * Thread   task
 * Memory   per message: the batch's arena only
 */
#include <kaftan/record.h>

#include "mqtt_codec.h"
#include "mqtt_config.h"

struct mqtt_mapping;

struct mqtt_message {
    const struct mqtt_packet *packet; /* borrowed; a view into the read buffer */
    struct kaftan_slice client_id;    /* lives as long as the task */
    int64_t received_ms;
};

enum mqtt_mapped {
    MQTT_MAPPED,
    MQTT_SKIP,         /* the config says to drop it */
    MQTT_UNDELIVERABLE
};
struct mqtt_trouble {
    const char *reason; /* one of few literals; for counting */
    const char *detail; /* the whole story; a literal or in the arena */
};

struct kaftan_error *mqtt_mapping_new(const struct mqtt_config *c, struct mqtt_mapping **ret) KAFTAN_MUST_CHECK;
void mqtt_mapping_free(struct mqtt_mapping *m); /* NULL is fine */
/* JSON payloads are checked and given on as they stand (kaftan_task_takes_json). */
void mqtt_mapping_take_json(struct mqtt_mapping *m, bool unchanged);
/* The findings of validation about the record's keys. */
void mqtt_mapping_check(const struct mqtt_config *c, mqtt_problem_fn *problem, void *to);

/* Everything in `ret` but source partition and token; it lives in the arena or longer. */
enum mqtt_mapped mqtt_mapping_record(const struct mqtt_mapping *m, const struct mqtt_message *msg,
                                     struct kaftan_arena *arena, struct kaftan_record *ret,
                                     struct mqtt_trouble *ret_trouble);
/* The raw message; without a value, but with its size, when it was too large to be kept. `detail` NULL: not told. */
void mqtt_mapping_dead_letter(const struct mqtt_mapping *m, const struct mqtt_message *msg, struct kaftan_arena *arena,
                              const char *detail, struct kaftan_record *ret);
bool mqtt_mapping_topic_varies(const struct mqtt_mapping *m); /* the Kafka topic depends on the message */
/* The index of the first configured filter that matches; -1: none. */
int mqtt_mapping_filter(const struct mqtt_mapping *m, struct kaftan_slice topic);

/* A timestamp as a message may carry it: a number (seconds below 10^11, else milliseconds) or ISO-8601. */
bool mqtt_time_parse(struct kaftan_slice text, int64_t *ret_ms);

#endif
