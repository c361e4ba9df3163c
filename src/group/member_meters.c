/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connect-coordinator-metrics under the names a JMX exporter would give them (group-protocol.md 17, item 11). Rates,
 * averages and maxima are those of the last minute; they are brought up to date with each heartbeat.
 */
#include "config.h"

#include "group/member_int.h"

#include "base/clock.h"

#define NAME(rest) "kafka_connect_coordinator_" rest

enum { HOUR_S = 3600 };

static double seconds_since(int64_t at_ms)
{
    return at_ms ? (double)(clock_mono_ms() - at_ms) / 1000.0 : -1.0;
}

static double beat_age(void *self)
{
    struct member *m = self;
    return seconds_since(atomic_load(&m->last_beat));
}

static double rebalance_age(void *self)
{
    struct member *m = self;
    return seconds_since(atomic_load(&m->last_rebalance));
}

void meters_init(struct member *m, struct metrics *registry)
{
    static const struct {
        const char *count, *rate, *average, *max, *what;
    } texts[METER_KINDS] = {
        [METER_BEAT] = { NAME("heartbeat_total"), NAME("heartbeat_rate"), NULL, NAME("heartbeat_response_time_max"),
                         "Heartbeats answered by the group's coordinator." },
        [METER_JOIN] = { NAME("join_total"), NAME("join_rate"), NAME("join_time_avg"), NAME("join_time_max"),
                         "Times this worker joined the group." },
        [METER_SYNC] = { NAME("sync_total"), NAME("sync_rate"), NAME("sync_time_avg"), NAME("sync_time_max"),
                         "Times this worker got its assignment." },
        [METER_REBALANCE] = { NAME("rebalance_total"), NAME("rebalance_rate_per_hour"), NAME("rebalance_latency_avg"),
                              NAME("rebalance_latency_max"), "Rebalances completed." },
        [METER_FAILED] = { NAME("failed_rebalance_total"), NAME("failed_rebalance_rate_per_hour"), NULL, NULL,
                           "Rebalances that failed." },
    };
    const struct metric_label label = { "client_id", m->o.client_id };
    struct metrics_group *g = metrics_group_new(registry, &label, 1);
    m->meters.group = g;
    for (size_t i = 0; i < METER_KINDS; i++) {
        struct member_meter *t = &m->meters.kinds[i];
        t->count = metric_new(g, METRIC_COUNTER, texts[i].count, texts[i].what);
        t->rate = metric_new(g, METRIC_GAUGE, texts[i].rate, "The same per second, or per hour, over the last minute.");
        if (texts[i].average)
            t->average = metric_new(g, METRIC_GAUGE, texts[i].average, "How long it took on average, in ms.");
        if (texts[i].max)
            t->max = metric_new(g, METRIC_GAUGE, texts[i].max, "How long it took at the most, in ms.");
    }
    m->meters.latency = metric_new(g, METRIC_COUNTER, NAME("rebalance_latency_total"), "Time spent in rebalances, in ms.");
    m->meters.connectors = metric_new(g, METRIC_GAUGE, NAME("assigned_connectors"), "Connectors assigned to this worker.");
    m->meters.tasks = metric_new(g, METRIC_GAUGE, NAME("assigned_tasks"), "Tasks assigned to this worker.");
    metric_callback(g, NAME("last_heartbeat_seconds_ago"), "Seconds since the last answered heartbeat was sent; -1: none yet.",
                    beat_age, m);
    metric_callback(g, NAME("last_rebalance_seconds_ago"), "Seconds since the last rebalance; -1: none yet.", rebalance_age, m);
}

static void show(struct member_meter *t, int64_t now_ms, int64_t per_s)
{
    metric_set(t->rate, sampled_rate(&t->calls, now_ms) * (double)per_s);
    if (t->average)
        metric_set(t->average, sampled_average(&t->ms, now_ms));
    if (t->max)
        metric_set(t->max, sampled_max(&t->ms, now_ms));
}

void meters_took(struct member *m, enum member_meter_kind kind, int64_t ms)
{
    struct member_meter *t = &m->meters.kinds[kind];
    int64_t now = clock_mono_ms();
    metric_add(t->count, 1);
    sampled_add(&t->calls, now, 1);
    sampled_add(&t->ms, now, (double)ms);
    if (kind == METER_REBALANCE) {
        metric_add(m->meters.latency, ms);
        atomic_store(&m->last_rebalance, now);
    }
    for (size_t i = 0; i < METER_KINDS; i++)
        show(&m->meters.kinds[i], now, i >= METER_REBALANCE ? HOUR_S : 1);
}
