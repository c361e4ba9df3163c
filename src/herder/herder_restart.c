/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restarts (runtime-and-storage.md 13.3). One connector or task is restarted
 * by its owner at once. With flags the leader only writes a record: every
 * worker that reads it makes the plan from the statuses it sees and restarts
 * its own part. The answer shows that plan as the leader sees it.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

static struct log logger = LOG("herder.restart");

static int rank(bool only_failed, bool include_tasks)
{
    return (only_failed ? 0 : 2) + (include_tasks ? 1 : 0);
}

void herder_restart_asked(struct herder *h, const char *connector, bool only_failed, bool include_tasks)
{
    struct restart_asked *r = map_get(h->restarts, connector);
    if (r && rank(r->only_failed, r->include_tasks) >= rank(only_failed, include_tasks))
        return;
    r = mem_zalloc(1, sizeof *r);
    r->only_failed = only_failed;
    r->include_tasks = include_tasks;
    map_put(h->restarts, connector, r);
}

struct id_list {
    int32_t *ids;
    size_t count;
};

static void see_task(void *self, int32_t task)
{
    struct id_list *l = self;
    l->ids = mem_realloc(l->ids, l->count + 1, sizeof *l->ids);
    l->ids[l->count++] = task;
}

static bool picked(struct herder *h, const char *connector, int32_t task, bool only_failed)
{
    struct work_status s = { 0 };
    bool take;
    if (!store_get_status(h->store, connector, task, &s))
        return false;
    take = !only_failed || s.state == STATE_FAILED;
    work_status_fini(&s);
    return take;
}

static void restart_one(struct herder *h, const char *connector, int32_t task)
{
    struct work *w = herder_work_find(h, connector, task);
    if (!w || !w->running)
        return;
    log_info(&logger, "restarting", LOG_STR("connector", connector), LOG_INT("task", task));
    herder_work_restart(h, w, KAFTAN_STOP_RESTART, true, NULL);
}

static void restart_plan(struct herder *h, const char *connector, const struct restart_asked *r)
{
    struct id_list tasks = { 0 };
    bool self = picked(h, connector, -1, r->only_failed);
    struct work_status s = { 0 };
    if (!store_get_status(h->store, connector, -1, &s))
        return;
    work_status_fini(&s);
    if (r->include_tasks)
        store_each_task_status(h->store, connector, see_task, &tasks);
    if (self)
        restart_one(h, connector, -1);
    for (size_t i = 0; i < tasks.count; i++)
        if (picked(h, connector, tasks.ids[i], r->only_failed))
            restart_one(h, connector, tasks.ids[i]);
    mem_free(tasks.ids);
}

void herder_restarts_run(struct herder *h)
{
    struct map *now = h->restarts;
    const char *name;
    void *value;
    if (!map_count(now))
        return;
    h->restarts = map_new(mem_free);
    for (size_t i = 0; map_at(now, &i, &name, &value);)
        restart_plan(h, name, value);
    map_free(now);
}

static void planned(struct herder *h, struct op *op)
{
    struct kaftan_error *err = NULL;
    if (views_status(h, op->r, op->connector))
        views_restarting(op->r, op->r->only_failed, op->r->include_tasks);
    else
        err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "Status for connector %s not found", op->r->connector);
    op_finish(h, op, err);
}

static void restart_written(struct herder *h, struct op *op, struct kaftan_error *err)
{
    if (err)
        op_finish(h, op, err);
    else
        planned(h, op);
}

/* URL of the worker that runs it; NULL: nobody else, as far as the leader knows. */
static const char *owner_of(const struct herder *h, const char *connector, int32_t task)
{
    const struct member_assignment *a = h->assignment;
    for (size_t i = 0; a && i < a->share_count; i++)
        if (work_list_has(&a->shares[i].work, connector, task))
            return strcmp(a->shares[i].url, h->url) == 0 ? NULL : a->shares[i].url;
    return NULL;
}

/* Not here: the leader knows the owner, others ask the leader. */
static enum op_verdict elsewhere(struct herder *h, struct op *op, int32_t task)
{
    enum op_verdict verdict;
    const char *url;
    if (!op_leads(h, op, &verdict))
        return verdict;
    url = owner_of(h, op->connector, task);
    if (url)
        return op_forward(h, op, url);
    return op_hold(h, op, kaftan_error_new(KAFTAN_E_REBALANCING, "Cannot complete request momentarily due to no known leader URL, "
                                                                 "likely because a rebalance was underway."));
}

static bool configured(struct herder *h, const struct op *op, int32_t task, bool *ret_task)
{
    const struct snapshot *s = store_snapshot(h->store);
    const struct snapshot_connector *c = s ? snapshot_find(s, op->connector) : NULL;
    *ret_task = c && task >= 0 && task < c->task_slots && c->tasks[task];
    snapshot_unref(s);
    return c;
}

static void restarted(struct herder *h, struct op *op, struct kaftan_error *err)
{
    op_finish(h, op, err);
}

enum op_verdict run_restart(struct herder *h, struct op *op)
{
    struct herder_request *r = op->r;
    struct restart_asked asked = { op->connector, r->only_failed, r->include_tasks };
    enum op_verdict verdict;
    struct work *w;
    bool task;
    if (!configured(h, op, -1, &task)) {
        if (op_look_again(h, op))
            return OP_TAKEN;
        op_finish(h, op, kaftan_error_new(KAFTAN_E_NOT_FOUND, "Unknown connector: %s", r->connector));
        return OP_TAKEN;
    }
    if (r->only_failed || r->include_tasks) {
        if (!op_leads(h, op, &verdict))
            return verdict;
        if (h->distributed) {
            store_put_restart(h->store, &asked, op_store(h, op, restart_written));
            return OP_TAKEN;
        }
        herder_restart_asked(h, op->connector, r->only_failed, r->include_tasks);
        planned(h, op);
        return OP_TAKEN;
    }
    w = herder_work_find(h, op->connector, -1);
    if (!w || !w->running)
        return elsewhere(h, op, -1);
    op->step = restarted;
    herder_work_restart(h, w, KAFTAN_STOP_RESTART, false, op);
    return OP_TAKEN;
}

enum op_verdict run_restart_task(struct herder *h, struct op *op)
{
    struct herder_request *r = op->r;
    bool task;
    bool connector = configured(h, op, r->task, &task);
    struct work *w;
    if (!connector || !task) {
        struct kaftan_error *err;
        if (op_look_again(h, op))
            return OP_TAKEN;
        if (!connector)
            err = kaftan_error_new(KAFTAN_E_NOT_FOUND, h->distributed ? "Unknown connector: %s" : "Connector %s not found", r->connector);
        else
            err = kaftan_error_new(KAFTAN_E_NOT_FOUND, h->distributed ? "Unknown task: %s-%d" : "Task %s-%d not found", r->connector,
                                   r->task);
        op_finish(h, op, err);
        return OP_TAKEN;
    }
    w = herder_work_find(h, op->connector, r->task);
    if (!w || !w->running)
        return elsewhere(h, op, r->task);
    op->step = restarted;
    herder_work_restart(h, w, KAFTAN_STOP_RESTART, false, op);
    return OP_TAKEN;
}
