/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_METRICS_H
#define MQTT_METRICS_H
/*
 * mqtt_metrics: what a session counts, and how it gets into /metrics.
 *
 * The counts are plain numbers of the task's thread; once a second what has
 * changed goes into the worker's series. Nothing is atomic per message.
 *
 * Owner    a session (its counts), the task (the totals)
 * Thread   task
 */
#include <kaftan/metrics.h>

/* X(field, name behind kafka_connect_mqtt_source_, help) */
#define MQTT_COUNTERS(X)                                                                                              \
    X(connections, "connections_total", "Connections made.")                                                          \
    X(connect_failures, "connect_failures_total", "Attempts to connect that failed.")                                 \
    X(takeovers, "takeovers_total", "Connections ended because another client used the client id.")                   \
    X(session_lost, "session_lost_total", "Sessions that the broker had lost.")                                       \
    X(received, "received_total", "Messages received.")                                                               \
    X(received_bytes, "received_bytes_total", "Payload bytes received.")                                              \
    X(retained_received, "retained_received_total", "Messages received with the retain flag.")                        \
    X(duplicate_flag, "duplicate_flag_total", "Messages received with the duplicate flag.")                           \
    X(duplicate_suppressed, "duplicate_suppressed_total", "Messages sent again that were known.")                     \
    X(delivered, "delivered_total", "Records that Kafka has, or that were filtered or skipped.")                      \
    X(acked, "acked_total", "Messages acknowledged.")                                                                 \
    X(undeliverable, "undeliverable_total", "Messages that could not become records.")                                \
    X(dead_lettered, "dead_lettered_total", "Messages given to the dead-letter topic.")                               \
    X(qos0_dropped, "qos0_dropped_total", "QoS 0 messages dropped.")                                                  \
    X(oversize, "oversize_total", "Messages larger than mqtt.max.message.bytes.")                                     \
    X(receive_maximum_exceeded, "receive_maximum_exceeded_total", "Messages beyond our receive maximum.")             \
    X(reading_suspended, "reading_suspended_total", "Times that reading was suspended.")
#define MQTT_GAUGES(X)                                                                                                \
    X(connected, "connected", "Whether the session is connected.")                                                    \
    X(session_present, "session_present", "Whether the broker had the session at the last connect.")                  \
    X(window, "window", "Messages the broker may send without acknowledgement.")                                      \
    X(window_used, "window_used", "Messages not acknowledged.")                                                       \
    X(window_full_ratio, "window_full_ratio", "Share of the last 60 seconds with a full window.")                     \
    X(oldest_unacked_ms, "oldest_unacked_ms", "Age of the oldest message not acknowledged.")
/* The task's own: no slot. */
#define MQTT_TASK_GAUGES(X)                                                                                           \
    X(held_messages, "held_messages", "Messages held.")                                                               \
    X(held_bytes, "held_bytes", "Bytes held.")                                                                        \
    X(buffer_stalled, "buffer_stalled", "Whether the buffers are full and nothing moves.")                            \
    X(kafka_topics_seen, "kafka_topics_seen", "Kafka topics that messages went to.")

/* How far an attempt to connect came: the reason's label. */
enum mqtt_phase { MQTT_PHASE_UNREACHABLE, MQTT_PHASE_NO_CONNACK, MQTT_PHASES };

#define X(field, name, help) uint64_t field;
struct mqtt_counts {
    MQTT_COUNTERS(X)
    uint64_t failures[MQTT_PHASES]; /* connect_failures, by how far the attempt came */
};
#undef X
#define X(field, name, help) double field;
struct mqtt_levels {
    MQTT_GAUGES(X)
};
struct mqtt_task_levels {
    MQTT_TASK_GAUGES(X)
};
#undef X

/* A session's series. */
struct mqtt_series;
struct kaftan_error *mqtt_series_new(struct kaftan_task *t, uint32_t slot, struct mqtt_series **ret) KAFTAN_MUST_CHECK;
void mqtt_series_free(struct mqtt_series *s); /* NULL is fine; the series end with the task */
void mqtt_series_update(struct mqtt_series *s, const struct mqtt_counts *counts, const struct mqtt_levels *levels);
void mqtt_series_latency(struct mqtt_series *s, double kafka_s); /* reception to stored */
void mqtt_series_ack_latency(struct mqtt_series *s, double ack_s); /* reception to acknowledgement written */

/* The task's series. */
struct mqtt_task_series;
struct kaftan_error *mqtt_task_series_new(struct kaftan_task *t, struct mqtt_task_series **ret) KAFTAN_MUST_CHECK;
void mqtt_task_series_free(struct mqtt_task_series *s); /* NULL is fine */
void mqtt_task_series_update(struct mqtt_task_series *s, const struct mqtt_task_levels *levels);

/* A counter with one label; errors only for names that are none. Counts by difference. */
struct mqtt_labelled {
    struct kaftan_metric *metric; /* the task's */
    uint64_t count, told;
};
struct kaftan_error *mqtt_labelled_new(struct kaftan_task *t, const char *name, const char *help, const char *label,
                                       const char *value, struct mqtt_labelled *ret) KAFTAN_MUST_CHECK;
void mqtt_labelled_update(struct mqtt_labelled *l);

/* A counter with the label reason, one series per reason seen. */
enum { MQTT_REASONS = 16 };
struct mqtt_by_reason {
    const char *reasons[MQTT_REASONS]; /* literals; NULL: free */
    struct mqtt_labelled series[MQTT_REASONS];
};
/* Counts `n` more; a reason past the limit is counted under "other". Without memory of its own. */
void mqtt_by_reason_count(struct mqtt_by_reason *b, struct kaftan_task *t, const char *name, const char *help,
                          const char *reason, uint64_t n);
void mqtt_by_reason_update(struct mqtt_by_reason *b);

#endif
