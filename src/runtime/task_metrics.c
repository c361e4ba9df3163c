/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/task_metrics.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { TURN_MS = 1000 };

static const struct {
    enum metric_kind kind;
    const char *name, *help;
} rows[] = {
#define SOURCE "kafka_connect_source_task_"
#define TASK "kafka_connect_connector_task_"
#define ERRORS "kafka_connect_task_error_"
    [TM_POLL_TOTAL] = { METRIC_COUNTER, SOURCE "source_record_poll_total", "records that poll returned" },
    [TM_POLL_RATE] = { METRIC_GAUGE, SOURCE "source_record_poll_rate", "records that poll returned, per second" },
    [TM_WRITE_TOTAL] = { METRIC_COUNTER, SOURCE "source_record_write_total", "records that Kafka has acknowledged" },
    [TM_WRITE_RATE] = { METRIC_GAUGE, SOURCE "source_record_write_rate", "records that Kafka has acknowledged, per second" },
    [TM_POLL_MAX] = { METRIC_GAUGE, SOURCE "poll_batch_max_time_ms", "longest poll that returned records" },
    [TM_POLL_AVERAGE] = { METRIC_GAUGE, SOURCE "poll_batch_avg_time_ms", "average poll that returned records" },
    [TM_ACTIVE] = { METRIC_GAUGE, SOURCE "source_record_active_count", "records polled and not finished" },
    [TM_ACTIVE_MAX] = { METRIC_GAUGE, SOURCE "source_record_active_count_max", "most records polled and not finished" },
    [TM_ACTIVE_AVERAGE] = { METRIC_GAUGE, SOURCE "source_record_active_count_avg", "average of records not finished" },
    [TM_RUNNING] = { METRIC_GAUGE, TASK "running_ratio", "share of its life that the task was running" },
    [TM_PAUSE] = { METRIC_GAUGE, TASK "pause_ratio", "share of its life that the task was paused" },
    [TM_COMMIT_MAX] = { METRIC_GAUGE, TASK "offset_commit_max_time_ms", "longest offset commit" },
    [TM_COMMIT_AVERAGE] = { METRIC_GAUGE, TASK "offset_commit_avg_time_ms", "average offset commit" },
    [TM_COMMIT_SUCCESS] = { METRIC_GAUGE, TASK "offset_commit_success_percentage", "share of offset commits that worked, 0 to 1" },
    [TM_COMMIT_FAILURE] = { METRIC_GAUGE, TASK "offset_commit_failure_percentage", "share of offset commits that failed, 0 to 1" },
    [TM_BATCH_MAX] = { METRIC_GAUGE, TASK "batch_size_max", "most records of a poll" },
    [TM_BATCH_AVERAGE] = { METRIC_GAUGE, TASK "batch_size_avg", "average records of a poll" },
    [TM_FAILURES] = { METRIC_COUNTER, ERRORS "total_record_failures", "failed attempts, retried or not" },
    [TM_ERRORS] = { METRIC_COUNTER, ERRORS "total_record_errors", "records that failed for good" },
    [TM_SKIPPED] = { METRIC_COUNTER, ERRORS "total_records_skipped", "records skipped because of errors" },
    [TM_RETRIES] = { METRIC_COUNTER, ERRORS "total_retries", "attempts made again" },
    [TM_LOGGED] = { METRIC_COUNTER, ERRORS "total_errors_logged", "errors written to the log" },
    [TM_DEAD_REQUESTS] = { METRIC_COUNTER, ERRORS "deadletterqueue_produce_requests", "dead letters sent" },
    [TM_DEAD_FAILURES] = { METRIC_COUNTER, ERRORS "deadletterqueue_produce_failures", "dead letters that could not be written" },
    [TM_LAST_ERROR] = { METRIC_GAUGE, ERRORS "last_error_timestamp", "time of the last error in ms since 1970, 0: none" },
};

void task_metrics_init(struct task_metrics *m, struct metrics_group *g, int64_t now_ms)
{
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < TM_COUNT; i++) {
        m->series[i] = metric_new(g, rows[i].kind, rows[i].name, rows[i].help);
        if (rows[i].kind == METRIC_GAUGE)
            metric_set(m->series[i], 0);
    }
    m->since_ms = m->state_ms = now_ms;
}

void task_metrics_polled(struct task_metrics *m, int64_t now_ms, size_t records, int64_t took_us)
{
    metric_add(m->series[TM_POLL_TOTAL], (int64_t)records);
    sampled_add(&m->polled, now_ms, (double)records);
    sampled_add(&m->batch_size, now_ms, (double)records);
    sampled_add(&m->poll_time, now_ms, (double)took_us / 1000);
}

void task_metrics_written(struct task_metrics *m, int64_t now_ms, size_t records)
{
    metric_add(m->series[TM_WRITE_TOTAL], (int64_t)records);
    sampled_add(&m->written, now_ms, (double)records);
}

void task_metrics_committed(struct task_metrics *m, int64_t now_ms, bool success, int64_t took_ms)
{
    if (success)
        sampled_add(&m->commit_time, now_ms, (double)took_ms);
    sampled_add(&m->commits, now_ms, success ? 1 : 0);
}

/* Adds the time of the state that ends or goes on. */
static void account(struct task_metrics *m, int64_t now_ms)
{
    if (m->paused)
        m->paused_ms += now_ms - m->state_ms;
    else
        m->running_ms += now_ms - m->state_ms;
    m->state_ms = now_ms;
}

void task_metrics_paused(struct task_metrics *m, int64_t now_ms, bool paused)
{
    account(m, now_ms);
    m->paused = paused;
}

void task_metrics_error(struct task_metrics *m, enum task_metric which, int64_t n)
{
    metric_add(m->series[which], n);
    if (which == TM_FAILURES || which == TM_ERRORS || which == TM_SKIPPED)
        metric_set(m->series[TM_LAST_ERROR], (double)clock_wall_ms());
}

void task_metrics_turn(struct task_metrics *m, int64_t now_ms, size_t active)
{
    if (now_ms - m->turned_ms < TURN_MS)
        return;
    m->turned_ms = now_ms;
    account(m, now_ms);
    double life = (double)(now_ms > m->since_ms ? now_ms - m->since_ms : 1);
    double success = sampled_average(&m->commits, now_ms);
    sampled_add(&m->active, now_ms, (double)active);
    metric_set(m->series[TM_POLL_RATE], sampled_rate(&m->polled, now_ms));
    metric_set(m->series[TM_WRITE_RATE], sampled_rate(&m->written, now_ms));
    metric_set(m->series[TM_POLL_MAX], sampled_max(&m->poll_time, now_ms));
    metric_set(m->series[TM_POLL_AVERAGE], sampled_average(&m->poll_time, now_ms));
    metric_set(m->series[TM_ACTIVE], (double)active);
    metric_set(m->series[TM_ACTIVE_MAX], sampled_max(&m->active, now_ms));
    metric_set(m->series[TM_ACTIVE_AVERAGE], sampled_average(&m->active, now_ms));
    metric_set(m->series[TM_RUNNING], (double)m->running_ms / life);
    metric_set(m->series[TM_PAUSE], (double)m->paused_ms / life);
    metric_set(m->series[TM_COMMIT_MAX], sampled_max(&m->commit_time, now_ms));
    metric_set(m->series[TM_COMMIT_AVERAGE], sampled_average(&m->commit_time, now_ms));
    metric_set(m->series[TM_COMMIT_SUCCESS], isnan(success) ? 0 : success);
    metric_set(m->series[TM_COMMIT_FAILURE], isnan(success) ? 0 : 1 - success);
    metric_set(m->series[TM_BATCH_MAX], sampled_max(&m->batch_size, now_ms));
    metric_set(m->series[TM_BATCH_AVERAGE], sampled_average(&m->batch_size, now_ms));
}
