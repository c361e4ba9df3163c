/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of connect-worker-metrics (the runtime has those of starts) and connect-worker-rebalance-metrics under the names
 * a JMX exporter would give them (runtime-and-storage.md 14). Herder thread, but for the three that are read when asked for.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sampled.h"

#include <math.h>

struct herder_meters {
    struct metrics_group *group;                        /* owned */
    struct metrics_group *leader, *protocol;            /* owned; text gauges, made anew when the text changes */
    struct kaftan_metric *connectors, *tasks;           /* borrowed from group, as all below */
    struct kaftan_metric *epoch, *completed, *rebalancing;
    struct lock lock; /* rank 92: took, which ages while it is read */
    struct sampled took;
    int64_t began_ms; /* clock_mono_ms */
    atomic_llong last_ms; /* clock_mono_ms of the last completed rebalance; 0: none */
};

static double since_last(void *self)
{
    const struct herder_meters *m = self;
    long long last = atomic_load(&m->last_ms);
    return last ? (double)(clock_mono_ms() - last) : INFINITY;
}

static double longest(void *self)
{
    struct herder_meters *m = self;
    lock_take(&m->lock);
    double ms = sampled_max(&m->took, clock_mono_ms());
    lock_release(&m->lock);
    return ms;
}

static double average(void *self)
{
    struct herder_meters *m = self;
    lock_take(&m->lock);
    double ms = sampled_average(&m->took, clock_mono_ms());
    lock_release(&m->lock);
    return ms;
}

static struct kaftan_metric *gauge(struct herder_meters *m, const char *name, const char *help)
{
    return metric_new(m->group, METRIC_GAUGE, name, help);
}

static struct kaftan_metric *counter(struct herder_meters *m, const char *name, const char *help)
{
    return metric_new(m->group, METRIC_COUNTER, name, help);
}

void meters_new(struct herder *h)
{
    struct herder_meters *m = mem_zalloc(1, sizeof *m);
    h->meters = m;
    lock_init(&m->lock);
    m->group = metrics_group_new(h->metrics, NULL, 0);
    m->connectors = gauge(m, "kafka_connect_worker_connector_count", "Connectors on this worker.");
    m->tasks = gauge(m, "kafka_connect_worker_task_count", "Tasks on this worker.");
    if (!h->distributed)
        return;
    m->epoch = gauge(m, "kafka_connect_worker_rebalance_epoch", "Generation of the worker group.");
    m->completed = counter(m, "kafka_connect_worker_rebalance_completed_rebalances_total", "Rebalances this worker has completed.");
    m->rebalancing = gauge(m, "kafka_connect_worker_rebalance_rebalancing", "1 while an assignment is being handled.");
    metric_callback(m->group, "kafka_connect_worker_rebalance_rebalance_max_time_ms",
                    "Longest handling of an assignment in the last minute; NaN: there was none.", longest, m);
    metric_callback(m->group, "kafka_connect_worker_rebalance_rebalance_avg_time_ms",
                    "Average handling of an assignment in the last minute; NaN: there was none.", average, m);
    metric_callback(m->group, "kafka_connect_worker_rebalance_time_since_last_rebalance_ms",
                    "Time since the last completed rebalance.", since_last, m);
}

void meters_free(struct herder *h)
{
    struct herder_meters *m = h->meters;
    if (!m)
        return;
    metrics_group_free(m->leader);
    metrics_group_free(m->protocol);
    metrics_group_free(m->group);
    lock_fini(&m->lock);
    mem_free(m);
    h->meters = NULL;
}

void meters_work(struct herder *h)
{
    metric_set(h->meters->connectors, (double)herder_works_running(h, false));
    metric_set(h->meters->tasks, (double)herder_works_running(h, true));
}

static struct metrics_group *text_gauge(struct herder *h, struct metrics_group *old, const char *name, const char *help,
                                        const char *label, const char *text)
{
    struct metrics_group *g;
    metrics_group_free(old);
    g = metrics_group_new(h->metrics, &(struct metric_label){ label, text }, 1);
    metric_set(metric_new(g, METRIC_GAUGE, name, help), 1);
    return g;
}

void meters_assigned(struct herder *h)
{
    static const char *const protocols[] = { "EAGER", "COMPATIBLE", "SESSIONED" };
    struct herder_meters *m = h->meters;
    const struct member_assignment *a = h->incoming;
    m->began_ms = clock_mono_ms();
    metric_set(m->rebalancing, 1);
    metric_set(m->epoch, a->generation);
    m->leader = text_gauge(h, m->leader, "kafka_connect_worker_rebalance_leader_name", "URL of the group's leader.", "leader_name",
                           a->leader_url ? a->leader_url : "");
    if (a->protocol >= 0 && (size_t)a->protocol < COUNT_OF(protocols))
        m->protocol = text_gauge(h, m->protocol, "kafka_connect_worker_rebalance_connect_protocol", "Protocol of the worker group.",
                                 "connect_protocol", protocols[a->protocol]);
}

void meters_handled(struct herder *h)
{
    struct herder_meters *m = h->meters;
    int64_t now = clock_mono_ms();
    lock_take(&m->lock);
    sampled_add(&m->took, now, (double)(now - m->began_ms));
    lock_release(&m->lock);
    metric_set(m->rebalancing, 0);
    metric_add(m->completed, 1);
    atomic_store(&m->last_ms, now);
}
