/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The herder's table of what runs here. An entry stays until the herder has
 * been told that the work has stopped; then the next call for the same name
 * finds it ended, joins the thread (it has nothing left to do) and takes it
 * out. So no call waits for a plugin.
 */
#include "config.h"

#include "runtime/worker.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/work_int.h"

static struct log logger = LOG("runtime.worker");

enum { CONNECTOR_STOP_MS = 5000, NAME_SIZE = 32 };

void startup_count(struct startup_metrics *m, bool success)
{
    metric_add(m->attempts, 1);
    metric_add(success ? m->success : m->failure, 1);
    double all = metric_value(m->attempts);
    metric_set(m->success_share, metric_value(m->success) / all);
    metric_set(m->failure_share, metric_value(m->failure) / all);
}

static void startup_init(struct metrics_group *g, struct startup_metrics *connectors, struct startup_metrics *tasks)
{
#define STARTUP(to, what)                                                                                        \
    *(to) = (struct startup_metrics){                                                                            \
        metric_new(g, METRIC_COUNTER, "kafka_connect_worker_" what "_startup_attempts_total", what "s started"), \
        metric_new(g, METRIC_COUNTER, "kafka_connect_worker_" what "_startup_success_total", what "s that came up"), \
        metric_new(g, METRIC_COUNTER, "kafka_connect_worker_" what "_startup_failure_total", what "s that did not"), \
        metric_new(g, METRIC_GAUGE, "kafka_connect_worker_" what "_startup_success_percentage",                  \
                   "share that came up, 0 to 1"),                                                                \
        metric_new(g, METRIC_GAUGE, "kafka_connect_worker_" what "_startup_failure_percentage",                  \
                   "share that did not, 0 to 1"),                                                                \
    }
    STARTUP(connectors, "connector");
    STARTUP(tasks, "task");
#undef STARTUP
}

struct worker *worker_new(const struct worker_config *c, const struct registry *r, struct store *s, struct metrics *m,
                          const struct worker_events *e)
{
    struct worker *w = mem_zalloc(1, sizeof *w);
    w->config = c;
    w->registry = r;
    w->store = s;
    w->metrics = m;
    w->events = *e;
    w->id = mem_strdup("");
    atomic_init(&w->generation, 0);
    w->works = map_new(NULL);
    w->watch = watch_new();
    w->group = metrics_group_new(m, NULL, 0);
    startup_init(w->group, &w->connectors, &w->tasks);
    return w;
}

/* Joins what has ended, gives up what has not; ends the table's reference. */
static void let_go(struct kaftan_task *t)
{
    if (work_flags(t) & WORK_ENDED)
        thread_join(t->thread);
    else
        thread_detach(t->thread);
    t->thread = NULL;
    work_unref(t);
}

void worker_free(struct worker *w)
{
    const char *key;
    void *value;
    if (!w)
        return;
    for (size_t i = 0; map_at(w->works, &i, &key, &value);) {
        struct kaftan_task *t = value;
        (void)work_abandon(t);
        let_go(t);
    }
    map_free(w->works);
    watch_free(w->watch);
    metrics_group_free(w->group);
    mem_free(w->id);
    mem_free(w);
}

void worker_set_id(struct worker *w, const char *worker_id)
{
    mem_free(w->id);
    w->id = mem_strdup(worker_id);
}

void worker_set_generation(struct worker *w, int32_t generation)
{
    atomic_store(&w->generation, generation);
}

static char *key_of(const char *connector, int32_t number)
{
    return mem_printf("%d/%s", (int)number, connector);
}

/* Has the herder been told of its end? */
static bool is_over(const struct kaftan_task *t)
{
    unsigned flags = work_flags(t);
    return (flags & WORK_ABANDONED) || ((flags & WORK_STOP) && (flags & WORK_ENDED));
}

/* What is under this name; takes out what is over. NULL: nothing. */
static struct kaftan_task *look_up(struct worker *w, const char *connector, int32_t number)
{
    char *key = key_of(connector, number);
    struct kaftan_task *t = map_get(w->works, key);
    if (t && is_over(t)) {
        (void)map_remove(w->works, key);
        let_go(t);
        t = NULL;
    }
    mem_free(key);
    return t;
}

static void start(struct worker *w, struct kaftan_task *t)
{
    char name[NAME_SIZE];
    char *key = key_of(t->connector, t->number);
    ON_THREAD(THREAD_HERDER);
    map_put(w->works, key, t);
    mem_free(key);
    if (t->number < 0)
        (void)snprintf(name, sizeof name, "c-%.12s", t->connector);
    else
        (void)snprintf(name, sizeof name, "t%d-%.10s", (int)t->number, t->connector);
    (void)work_ref(t); /* the thread's */
    work_thread(t, t->number < 0 ? THREAD_CONNECTOR : THREAD_TASK, name, t->number < 0 ? connector_run : task_run);
}

static bool already(struct worker *w, const char *connector, int32_t number)
{
    struct kaftan_task *t = look_up(w, connector, number);
    if (!t)
        return false;
    log_error(&logger, "was asked to start what is already here", LOG_STR("connector", connector),
              LOG_INT("task", number));
    return true;
}

void worker_start_connector(struct worker *w, const char *connector, struct text_map *config, enum target_state target)
{
    if (!already(w, connector, -1))
        start(w, work_new(w, connector, -1, config, config, target));
}

void worker_start_task(struct worker *w, const char *connector, int32_t task, struct text_map *connector_config,
                       struct text_map *task_config, enum target_state target)
{
    if (!already(w, connector, task))
        start(w, work_new(w, connector, task, connector_config, task_config, target));
}

static void stop(struct worker *w, const char *connector, int32_t number, enum kaftan_stop_reason reason,
                 int64_t limit_ms)
{
    struct kaftan_task *t = look_up(w, connector, number);
    ON_THREAD(THREAD_HERDER);
    if (!t) { /* the herder gets its event in any case */
        if (number < 0)
            w->events.connector_stopped(w->events.self, connector);
        else
            w->events.task_stopped(w->events.self, connector, number);
        return;
    }
    unsigned before = atomic_fetch_or(&t->flags, WORK_STOP);
    if (before & WORK_STOP)
        return; /* on its way */
    if (before & WORK_ENDED) {
        work_tell_stopped(t);
        return;
    }
    /* What the thread may use is a little less than what the watch allows, so that it ends by itself. */
    int64_t own_ms = limit_ms - (limit_ms / 10 < 500 ? limit_ms / 10 : 500);
    work_send_stop(t, reason, clock_mono_us() + own_ms * 1000);
    watch_add(w->watch, t, clock_mono_ms() + limit_ms);
}

void worker_stop_connector(struct worker *w, const char *connector, enum kaftan_stop_reason reason)
{
    stop(w, connector, -1, reason, CONNECTOR_STOP_MS);
}

void worker_stop_task(struct worker *w, const char *connector, int32_t task, enum kaftan_stop_reason reason)
{
    stop(w, connector, task, reason, worker_values(w->config)->graceful_ms);
}

void worker_target_state(struct worker *w, const char *connector, enum target_state target)
{
    const char *key;
    void *value;
    ON_THREAD(THREAD_HERDER);
    for (size_t i = 0; map_at(w->works, &i, &key, &value);) {
        struct kaftan_task *t = value;
        if (strcmp(t->connector, connector) != 0 || is_over(t))
            continue;
        if (t->number < 0 || target != TARGET_STOPPED)
            work_send_target(t, target);
    }
}

void worker_task_configs(struct worker *w, const char *connector, int32_t max_tasks)
{
    struct kaftan_task *t = look_up(w, connector, -1);
    ON_THREAD(THREAD_HERDER);
    if (t)
        work_send_configs(t, max_tasks);
    else
        w->events.task_configs(w->events.self, connector, NULL, 0,
                               kaftan_error_new(KAFTAN_E_NOT_FOUND, "Connector %s not found in this worker.", connector));
}

static bool has(const struct worker *w, const char *connector, int32_t number)
{
    char *key = key_of(connector, number);
    const struct kaftan_task *t = map_get(w->works, key);
    mem_free(key);
    return t && !is_over(t);
}

bool worker_has_connector(const struct worker *w, const char *connector)
{
    return has(w, connector, -1);
}

bool worker_has_task(const struct worker *w, const char *connector, int32_t task)
{
    return has(w, connector, task);
}

void worker_status_restarting(struct worker *w, const char *connector, int32_t task)
{
    store_put_status(w->store, connector, task, STATE_RESTARTING, NULL, w->id, NULL, atomic_load(&w->generation));
}
