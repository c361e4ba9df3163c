/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_metrics.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "kafka_connect_mqtt_source_"

/* Rows of a table: where the number is, and its series' name. */
struct row {
    const char *name, *help;
};
#define X(field, name, help) { PREFIX name, help },
static const struct row counters[] = { MQTT_COUNTERS(X) };
static const struct row gauges[] = { MQTT_GAUGES(X) };
static const struct row task_gauges[] = { MQTT_TASK_GAUGES(X) };
#undef X
enum {
    COUNTERS = sizeof counters / sizeof counters[0],
    GAUGES = sizeof gauges / sizeof gauges[0],
    TASK_GAUGES = sizeof task_gauges / sizeof task_gauges[0]
};

struct mqtt_series {
    struct kaftan_metric *counter[COUNTERS], *gauge[GAUGES]; /* the task's */
    struct kaftan_metric *kafka_latency, *ack_latency;
    uint64_t told[COUNTERS];
};

struct kaftan_error *mqtt_series_new(struct kaftan_task *t, uint32_t slot, struct mqtt_series **ret)
{
    struct mqtt_series *s = kaftan_alloc(1, sizeof *s);
    struct kaftan_error *err = NULL;
    char value[16];
    (void)snprintf(value, sizeof value, "%u", slot);
    for (size_t i = 0; i < COUNTERS && !err; i++)
        err = kaftan_metric_new(t, KAFTAN_COUNTER, counters[i].name, counters[i].help, "slot", value, &s->counter[i]);
    for (size_t i = 0; i < GAUGES && !err; i++)
        err = kaftan_metric_new(t, KAFTAN_GAUGE, gauges[i].name, gauges[i].help, "slot", value, &s->gauge[i]);
    if (!err)
        err = kaftan_metric_new(t, KAFTAN_HISTOGRAM, PREFIX "kafka_latency_seconds",
                                "From the reception of a message until Kafka has it (sampled).", "slot", value,
                                &s->kafka_latency);
    if (!err)
        err = kaftan_metric_new(t, KAFTAN_HISTOGRAM, PREFIX "ack_latency_seconds",
                                "From the reception of a message until its acknowledgement is written (sampled).",
                                "slot", value, &s->ack_latency);
    if (err) {
        mqtt_series_free(s);
        return err;
    }
    *ret = s;
    return NULL;
}

void mqtt_series_free(struct mqtt_series *s)
{
    kaftan_free(s);
}

void mqtt_series_update(struct mqtt_series *s, const struct mqtt_counts *counts, const struct mqtt_levels *levels)
{
#define X(field, name, help) counts->field,
    const uint64_t now[] = { MQTT_COUNTERS(X) };
#undef X
#define X(field, name, help) levels->field,
    const double level[] = { MQTT_GAUGES(X) };
#undef X
    for (size_t i = 0; i < COUNTERS; i++) {
        if (now[i] != s->told[i])
            kaftan_metric_add(s->counter[i], (int64_t)(now[i] - s->told[i]));
        s->told[i] = now[i];
    }
    for (size_t i = 0; i < GAUGES; i++)
        kaftan_metric_set(s->gauge[i], level[i]);
}

void mqtt_series_latency(struct mqtt_series *s, double kafka_s)
{
    kaftan_metric_observe(s->kafka_latency, kafka_s);
}

void mqtt_series_ack_latency(struct mqtt_series *s, double ack_s)
{
    kaftan_metric_observe(s->ack_latency, ack_s);
}

struct mqtt_task_series {
    struct kaftan_metric *gauge[TASK_GAUGES]; /* the task's */
};

struct kaftan_error *mqtt_task_series_new(struct kaftan_task *t, struct mqtt_task_series **ret)
{
    struct mqtt_task_series *s = kaftan_alloc(1, sizeof *s);
    for (size_t i = 0; i < TASK_GAUGES; i++) {
        struct kaftan_error *err =
            kaftan_metric_new(t, KAFTAN_GAUGE, task_gauges[i].name, task_gauges[i].help, NULL, NULL, &s->gauge[i]);
        if (err) {
            mqtt_task_series_free(s);
            return err;
        }
    }
    *ret = s;
    return NULL;
}

void mqtt_task_series_free(struct mqtt_task_series *s)
{
    kaftan_free(s);
}

void mqtt_task_series_update(struct mqtt_task_series *s, const struct mqtt_task_levels *levels)
{
#define X(field, name, help) levels->field,
    const double level[] = { MQTT_TASK_GAUGES(X) };
#undef X
    for (size_t i = 0; i < TASK_GAUGES; i++)
        kaftan_metric_set(s->gauge[i], level[i]);
}

struct kaftan_error *mqtt_labelled_new(struct kaftan_task *t, const char *name, const char *help, const char *label,
                                       const char *value, struct mqtt_labelled *ret)
{
    ret->count = ret->told = 0;
    return kaftan_metric_new(t, KAFTAN_COUNTER, name, help, label, value, &ret->metric);
}

void mqtt_labelled_update(struct mqtt_labelled *l)
{
    if (l->count != l->told)
        kaftan_metric_add(l->metric, (int64_t)(l->count - l->told));
    l->told = l->count;
}

void mqtt_by_reason_count(struct mqtt_by_reason *b, struct kaftan_task *t, const char *name, const char *help,
                          const char *reason, uint64_t n)
{
    size_t i = 0;
    while (i < MQTT_REASONS - 1 && b->reasons[i] && strcmp(b->reasons[i], reason) != 0)
        i++;
    if (i == MQTT_REASONS - 1)
        reason = "other";
    if (!b->reasons[i]) {
        struct kaftan_error *err = mqtt_labelled_new(t, name, help, "reason", reason, &b->series[i]);
        if (err) { /* the name is a literal of ours: it cannot be refused */
            kaftan_error_free(err);
            return;
        }
        b->reasons[i] = reason;
    }
    b->series[i].count += n;
}

void mqtt_by_reason_update(struct mqtt_by_reason *b)
{
    for (size_t i = 0; i < MQTT_REASONS; i++)
        if (b->reasons[i])
            mqtt_labelled_update(&b->series[i]);
}
