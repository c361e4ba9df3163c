/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_WORKER_INT_H
#define RUNTIME_WORKER_INT_H
/*
 * The worker's own fields, for the threads it starts: everything but `works`
 * is constant or atomic while work is under way.
 */
#include <stdatomic.h>

#include "base/map.h"
#include "base/metrics.h"
#include "runtime/watch.h"
#include "runtime/worker.h"

/* Counters of connect-worker-metrics that only the runtime knows. */
struct startup_metrics {
    struct kaftan_metric *attempts, *success, *failure, *success_share, *failure_share;
};

struct worker {
    const struct worker_config *config; /* borrowed */
    const struct registry *registry;    /* borrowed */
    struct store *store;                /* borrowed */
    struct metrics *metrics;            /* borrowed */
    struct worker_events events;        /* borrowed inside */
    char *id;                           /* owned; "" until set */
    atomic_int generation;
    struct map *works;                  /* owned; key to a reference; herder */
    struct watch *watch;                /* owned */
    struct metrics_group *group;        /* owned */
    struct startup_metrics connectors, tasks;
};

/* A connector or task has come up (err NULL) or failed to. Any thread. */
void startup_count(struct startup_metrics *m, bool success);

#endif
