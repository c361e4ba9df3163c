/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_SOURCE_INT_H
#define MQTT_SOURCE_INT_H
/*
 * The inside of a source task: mqtt_source.c (its life), mqtt_intake.c (what
 * it holds: messages on their way to Kafka, within a budget).
 *
 * Owner    the worker's task
 * Thread   task
 * Memory   40 bytes per message held, at most records.buffer.queue.size; the
 *          payloads are in the worker's batches and count against
 *          mqtt.buffer.max.bytes
 */
#include <kaftan/connector.h>

#include "mqtt_config.h"
#include "mqtt_payload.h"
#include "mqtt_session.h"

#define MQTT_SOURCE_LOG "mqtt_source"
#define SOURCE_MAGIC 0x4d515453u

/* A message given to the worker. Its token is its place and a number that is never used twice. */
struct held {
    uint64_t token; /* 0: free */
    kaftan_deadline received_us;
    uint64_t bytes;
    uint32_t slot; /* index into slots */
    uint32_t next_free;
    uint16_t id;
};

/* The last message of a poll: when it is stored, it is the last one stored. */
struct mark {
    uint64_t token;
    int64_t time_ms;
    uint16_t id;
    char *topic; /* owned */
    size_t topic_len, topic_cap;
};
enum { MARKS = 32, REASONS = 8 };

struct slot {
    struct mqtt_session *session; /* owned */
    struct mqtt_series *series;   /* owned */
    uint32_t partition;           /* of the worker */
    const char **filters;         /* owned array of borrowed texts */
    uint32_t *numbers;            /* owned */
    struct mark marks[MARKS];
    uint32_t mark_first, mark_count;
    struct mark newest, stored; /* of this poll; in Kafka */
    bool readable;
};

struct skipped {
    const char *reason; /* a literal */
    uint64_t count;
};

struct mqtt_source_task {
    struct mqtt_host host; /* first: sessions give it back */
    uint32_t magic;
    const struct mqtt_config *config;    /* borrowed from the worker */
    struct kaftan_task *task;            /* borrowed from the worker */
    struct mqtt_mapping *mapping;        /* owned */
    struct mqtt_server *servers;         /* owned */
    struct slot *slots;                  /* owned */
    uint32_t slot_count, turn;
    int epoll; /* owned */
    bool paused;
    struct kaftan_error *error; /* owned until poll returns it */
    bool error_now;             /* not to be put off until what came before is stored */

    /* the poll at work */
    struct kaftan_batch *batch; /* borrowed; NULL outside of poll */
    size_t room;
    kaftan_deadline now;
    int64_t wall_ms;

    /* held */
    struct held *held; /* owned */
    uint32_t held_cap, held_free; /* held_free: index of the first free one, held_cap: none */
    uint32_t generation;
    uint64_t held_count, held_bytes, held_limit, bytes_limit;
    bool suspended, drop_qos0;

    /* trouble and numbers */
    struct skipped skipped[REASONS];
    kaftan_deadline progress_at, stall_told, housekeeping_at;
    struct mqtt_task_series *series;  /* owned */
    struct mqtt_labelled *by_filter;  /* owned; one per configured filter */
    struct mqtt_labelled by_qos[3];
    struct mqtt_by_reason undeliverable, connect_failures;
    uint64_t failures_told[MQTT_PHASES];
    struct mqtt_task_levels levels;
    uint64_t *topics_seen; /* owned; open addressing by hash; NULL: the topic is always the same */
    uint32_t topics_cap, topics_count;
    bool topics_vary, topics_told;
};

/* mqtt_intake.c */
enum mqtt_taken intake_take(struct mqtt_host *h, struct mqtt_session *s, const struct mqtt_packet *p,
                            uint64_t *ret_token);
void intake_delivered(struct mqtt_source_task *t, const struct kaftan_delivery *d, size_t count);
void intake_poll_done(struct mqtt_source_task *t); /* what was taken in this poll is complete */
void intake_housekeeping(struct mqtt_source_task *t);
void intake_fini(struct mqtt_source_task *t);

#endif
