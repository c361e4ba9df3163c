/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_TASK_METRICS_H
#define RUNTIME_TASK_METRICS_H
/*
 * task_metrics: what a source task counts (runtime-and-storage.md 14), under
 * the names a JMX exporter would give.
 *
 * Counters go up at once, per batch and not per record; what is taken over a
 * window is worked out once a second by task_metrics_turn.
 *
 * Owner    the source task; the series end with its metrics group
 * Thread   task
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "base/sampled.h"

enum task_metric {
    TM_POLL_TOTAL,
    TM_POLL_RATE,
    TM_WRITE_TOTAL,
    TM_WRITE_RATE,
    TM_POLL_MAX,
    TM_POLL_AVERAGE,
    TM_ACTIVE,
    TM_ACTIVE_MAX,
    TM_ACTIVE_AVERAGE,
    TM_RUNNING,
    TM_PAUSE,
    TM_COMMIT_MAX,
    TM_COMMIT_AVERAGE,
    TM_COMMIT_SUCCESS,
    TM_COMMIT_FAILURE,
    TM_BATCH_MAX,
    TM_BATCH_AVERAGE,
    TM_FAILURES,
    TM_ERRORS,
    TM_SKIPPED,
    TM_RETRIES,
    TM_LOGGED,
    TM_DEAD_REQUESTS,
    TM_DEAD_FAILURES,
    TM_LAST_ERROR,
    TM_COUNT
};

struct task_metrics {
    struct kaftan_metric *series[TM_COUNT]; /* borrowed from the group */
    struct sampled polled, written, poll_time, active, commit_time, batch_size, commits;
    int64_t turned_ms, since_ms, running_ms, paused_ms, state_ms;
    bool paused;
};

void task_metrics_init(struct task_metrics *m, struct metrics_group *g, int64_t now_ms);
void task_metrics_polled(struct task_metrics *m, int64_t now_ms, size_t records, int64_t took_us);
void task_metrics_written(struct task_metrics *m, int64_t now_ms, size_t records);
void task_metrics_committed(struct task_metrics *m, int64_t now_ms, bool success, int64_t took_ms);
void task_metrics_paused(struct task_metrics *m, int64_t now_ms, bool paused);
void task_metrics_error(struct task_metrics *m, enum task_metric which, int64_t n);
/* Works out the windows if a second has passed. */
void task_metrics_turn(struct task_metrics *m, int64_t now_ms, size_t active);

#endif
