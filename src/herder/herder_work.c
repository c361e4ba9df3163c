/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connectors and tasks of this worker. Stopping takes time and ends with an
 * event, so each has a small state: started, stopping, and whether it starts
 * again once stopped. Nothing is started while its predecessor may still run:
 * two instances would read the same source and write the same offsets.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

static struct log logger = LOG("herder.work");

void work_free(void *arg)
{
    struct work *w = arg;
    if (!w)
        return;
    text_map_unref(w->config);
    text_map_unref(w->task_config);
    mem_free(w->connector);
    mem_free(w);
}

static char *work_key(const char *connector, int32_t task)
{
    return mem_printf("%d:%s", task, connector);
}

struct work *herder_work_find(struct herder *h, const char *connector, int32_t task)
{
    char *key = work_key(connector, task);
    struct work *w = map_get(h->works, key);
    mem_free(key);
    return w;
}

struct work *herder_work_get(struct herder *h, const char *connector, int32_t task)
{
    char *key = work_key(connector, task);
    struct work *w = map_get(h->works, key);
    if (!w) {
        w = mem_zalloc(1, sizeof *w);
        w->connector = mem_strdup(connector);
        w->task = task;
        map_put(h->works, key, w);
    }
    mem_free(key);
    return w;
}

static void work_remove(struct herder *h, struct work *w)
{
    char *key = work_key(w->connector, w->task);
    op_list_fail(h, &w->waiters);
    op_list_fail(h, &w->starting);
    if (w->forget)
        store_remove_status(h->store, w->connector, w->task);
    map_remove(h->works, key);
    mem_free(key);
    meters_work(h);
}

static void op_append(struct op **list, struct op *op)
{
    while (*list)
        list = &(*list)->next;
    op->next = NULL;
    *list = op;
}

/* Those who waited for the stop now wait for the start: a task's is done at once. */
static void waiters_started(struct herder *h, struct work *w)
{
    struct op *op;
    while ((op = w->waiters)) {
        w->waiters = op->next;
        op->next = NULL;
        if (w->task < 0)
            op_append(&w->starting, op);
        else
            op->step(h, op, NULL);
    }
}

static void start_now(struct herder *h, struct work *w)
{
    const struct snapshot_connector *c = herder_find(h, w->connector);
    struct text_map *task;
    bool announce = w->announce;
    w->again = w->announce = false;
    task = c && w->task >= 0 && w->task < c->task_slots ? c->tasks[w->task] : NULL;
    if (!c || (w->task >= 0 && !task)) {
        log_warn(&logger, "not started: its config is gone", LOG_STR("connector", w->connector), LOG_INT("task", w->task));
        work_remove(h, w);
        return;
    }
    if (announce)
        worker_status_restarting(h->worker, w->connector, w->task);
    w->started = w->running = true;
    w->forget = w->revoking = false;
    text_map_unref(w->config);
    text_map_unref(w->task_config);
    w->config = text_map_ref(c->config);
    w->task_config = task ? text_map_ref(task) : NULL;
    if (w->task < 0)
        worker_start_connector(h->worker, w->connector, c->config, c->target);
    else
        worker_start_task(h->worker, w->connector, w->task, c->config, task, c->target);
    meters_work(h);
    waiters_started(h, w);
}

void herder_work_start(struct herder *h, struct work *w)
{
    w->running = true;
    if (w->stopping)
        w->again = true;
    else if (!w->started)
        start_now(h, w);
}

static bool at_work(struct herder *h, const struct work *w)
{
    return w->task < 0 ? worker_has_connector(h->worker, w->connector)
                       : worker_has_task(h->worker, w->connector, w->task);
}

/* True when the runtime's event will come. */
static bool stop_ask(struct herder *h, struct work *w, enum kaftan_stop_reason reason)
{
    if (w->stopping)
        return true;
    w->started = false;
    if (!at_work(h, w))
        return false;
    w->stopping = true;
    if (w->task < 0)
        worker_stop_connector(h->worker, w->connector, reason);
    else
        worker_stop_task(h->worker, w->connector, w->task, reason);
    return true;
}

void herder_work_stop(struct herder *h, struct work *w, enum kaftan_stop_reason reason)
{
    w->running = w->again = w->announce = false;
    if (!stop_ask(h, w, reason))
        work_remove(h, w);
}

void herder_work_restart(struct herder *h, struct work *w, enum kaftan_stop_reason reason, bool announce, struct op *waiter)
{
    if (waiter)
        op_append(&w->waiters, waiter);
    w->running = w->again = true;
    w->announce = w->announce || announce;
    if (!stop_ask(h, w, reason))
        start_now(h, w);
}

void herder_work_stopped(struct herder *h, const char *connector, int32_t task)
{
    struct work *w = herder_work_find(h, connector, task);
    if (!w || !w->stopping)
        return;
    w->stopping = w->started = w->revoking = false;
    if (task < 0)
        herder_reconf_gone(h, connector);
    if (w->again && h->phase == PHASE_RUN)
        start_now(h, w);
    else
        work_remove(h, w);
}

void herder_work_started(struct herder *h, const char *connector, enum target_state reached, struct kaftan_error *err)
{
    struct work *w = herder_work_find(h, connector, -1);
    bool current = w && !w->stopping && w->started;
    struct op *op;
    if (current && !err && reached == TARGET_STARTED && h->phase == PHASE_RUN)
        herder_reconfigure(h, connector, NULL); /* before those who wait: they join it */
    while (current && (op = w->starting)) {
        w->starting = op->next;
        op->next = NULL;
        op->step(h, op, err ? kaftan_error_new(KAFTAN_E_INTERNAL, "Failed to start connector: %s", connector) : NULL);
    }
    kaftan_error_free(err);
}

/* Calls stop for every item that `picks`; items may vanish on the way, so names are taken first. */
static void stop_each(struct herder *h, const char *connector, bool tasks_only, enum kaftan_stop_reason reason, bool revoking)
{
    struct map *keys = map_new(NULL);
    const char *key;
    void *value;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        const struct work *w = value;
        if ((!connector || strcmp(w->connector, connector) == 0) && (!tasks_only || w->task >= 0))
            map_put(keys, key, NULL);
    }
    for (size_t i = 0; map_at(keys, &i, &key, &value);) {
        struct work *w = map_get(h->works, key);
        if (!w)
            continue;
        w->revoking = w->revoking || revoking;
        herder_work_stop(h, w, reason);
    }
    map_free(keys);
}

/* A commit that another rebalance has already brought to work needs no second start. */
static bool outdated(const struct work *w, const struct snapshot_connector *c)
{
    if (!c || w->task >= snapshot_task_count(c))
        return true;
    return w->started && !(text_map_eq(w->config, c->config) && text_map_eq(w->task_config, c->tasks[w->task]));
}

void herder_stop_changed(struct herder *h, const char *connector)
{
    const struct snapshot_connector *c = herder_find(h, connector);
    bool none = !c || snapshot_task_count(c) == 0;
    struct map *keys = map_new(NULL);
    const char *key;
    void *value;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        const struct work *w = value;
        if (w->task >= 0 && strcmp(w->connector, connector) == 0 && outdated(w, c))
            map_put(keys, key, NULL);
    }
    for (size_t i = 0; map_at(keys, &i, &key, &value);) {
        struct work *w = map_get(h->works, key);
        if (w)
            herder_work_stop(h, w, none ? KAFTAN_STOP_STOPPED : KAFTAN_STOP_CONFIG);
    }
    map_free(keys);
}

void herder_stop_all(struct herder *h, enum kaftan_stop_reason reason, bool revoking)
{
    stop_each(h, NULL, false, reason, revoking);
}

void herder_stop_connector_work(struct herder *h, const char *connector, enum kaftan_stop_reason reason, bool tasks_only)
{
    const char *key;
    void *value;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        struct work *w = value;
        if (strcmp(w->connector, connector) == 0 && (!tasks_only || w->task >= 0))
            w->forget = true;
    }
    stop_each(h, connector, tasks_only, reason, false);
}

size_t herder_works_revoking(const struct herder *h)
{
    const char *key;
    void *value;
    size_t n = 0;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);)
        n += ((const struct work *)value)->revoking;
    return n;
}

size_t herder_works_running(const struct herder *h, bool tasks)
{
    const char *key;
    void *value;
    size_t n = 0;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        const struct work *w = value;
        n += w->started && (w->task >= 0) == tasks;
    }
    return n;
}

enum kaftan_stop_reason herder_stop_reason(const struct herder *h, const struct snapshot *s, const char *connector, int32_t task)
{
    const struct snapshot_connector *c = s ? snapshot_find(s, connector) : NULL;
    (void)h;
    if (!c)
        return KAFTAN_STOP_DELETE;
    if (c->target == TARGET_STOPPED)
        return KAFTAN_STOP_STOPPED;
    return task >= 0 && task >= snapshot_task_count(c) ? KAFTAN_STOP_CONFIG : KAFTAN_STOP_MOVE;
}

/* startWork (group-protocol.md 13.1): connectors first. */
void herder_start_assigned(struct herder *h)
{
    const struct work_list *list = &h->assignment->work;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < list->count; i++) {
            const struct work_id *id = &list->items[i];
            struct work *w;
            if ((id->task >= 0) != pass)
                continue;
            w = herder_work_get(h, id->connector, id->task);
            if (!w->running)
                herder_work_start(h, w);
        }
    }
}
