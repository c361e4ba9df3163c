/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's thread, from its first status to its last (9.1):
 *
 *   PAUSED, if it is to start paused, before anything is made
 *   RUNNING once the plugin is open
 *   FAILED with the chain of errors as trace; the thread ends, the task stays
 *   UNASSIGNED when it was stopped; an error while stopping is only logged
 *   nothing at all once it was given up
 */
#include "config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/source_task_int.h"

static struct log logger = LOG("runtime.task");

/* More tasks than tasks.max: what the connector made before its config was changed must not run. */
static struct kaftan_error *check_count(struct kaftan_task *t)
{
    struct config_values *values = NULL;
    struct kaftan_error *err = run_config_parse(t->config, &values);
    if (err)
        return err;
    const struct run_config *run = config_values_get(values);
    const struct snapshot *s = store_snapshot(t->worker->store);
    const struct snapshot_connector *c = s ? snapshot_find(s, t->connector) : NULL;
    if (c && c->task_count > run->tasks_max && run->tasks_max_enforce)
        err = work_too_many(t, c->task_count, run->tasks_max);
    snapshot_unref(s);
    config_values_free(values);
    return err;
}

static void metrics_open(struct kaftan_task *t)
{
    char *number = mem_printf("%d", (int)t->number);
    const struct metric_label labels[] = { { "connector", t->connector }, { "task", number } };
    t->metrics = metrics_group_new(t->worker->metrics, labels, COUNT_OF(labels));
    mem_free(number);
}

static void wait_while_paused(struct kaftan_task *t)
{
    if (t->target == TARGET_STARTED)
        return;
    work_status(t, STATE_PAUSED, NULL);
    while (t->target != TARGET_STARTED && !work_stopping(t)) {
        struct message *m = mailbox_wait(t->box, clock_mono_ms() + 1000);
        if (m)
            m->handle(m, t);
    }
}

/* Comes back with what failed while it was working; NULL: it was told to stop. */
static struct kaftan_error *work(struct kaftan_task *t, struct source_task **ret)
{
    struct kaftan_error *err = work_find_class(t);
    if (!err)
        err = check_count(t);
    if (err)
        return err;
    wait_while_paused(t);
    if (work_stopping(t))
        return NULL;
    err = work_refresh_offsets(t);
    if (work_stopping(t)) {
        kaftan_error_free(err);
        return NULL;
    }
    metrics_open(t);
    if (!err)
        err = source_task_new(t, ret);
    if (!err)
        err = source_task_open(*ret);
    if (!work_abandoned(t))
        startup_count(&t->worker->tasks, !err);
    if (err)
        return err;
    work_status(t, STATE_RUNNING, NULL);
    log_info(&logger, "task started", LOG_STR("class", t->class->name), LOG_STR("version", t->class->version));
    return source_task_work(*ret);
}

static void end(struct kaftan_task *t, struct source_task *source, bool failed)
{
    if (!source)
        return;
    if (failed) {
        int64_t limit_ms = worker_values(t->worker->config)->flush_timeout_ms;
        kaftan_deadline deadline = kaftan_now_us() + limit_ms * 1000;
        if (t->stop_deadline != 0 && t->stop_deadline < deadline)
            deadline = t->stop_deadline;
        source_task_stop(source, KAFTAN_STOP_FAILED, deadline);
    } else {
        source_task_stop(source, t->reason, work_abandoned(t) ? kaftan_now_us() : t->stop_deadline);
    }
    if (source->error && !failed)
        log_error(&logger, "task failed while it was stopping", LOG_ERR(source->error));
    source_task_free(source);
}

void task_run(void *arg)
{
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, arg);
    struct source_task *source = NULL;
    struct buf trace = BUF_INIT;
    log_context(t->connector, t->number);
    struct kaftan_error *err = work(t, &source);
    if (err) {
        error_trace(err, &trace);
        log_error(&logger, "task failed and will not recover until it is restarted", LOG_ERR(err));
    }
    end(t, source, err != NULL);
    if (work_end_begin(t)) {
        if (err)
            work_status(t, STATE_FAILED, buf_text(&trace));
        else
            work_status(t, STATE_UNASSIGNED, NULL);
    }
    log_info(&logger, "task ended");
    buf_fini(&trace);
    kaftan_error_free(err);
    work_end(t);
}
