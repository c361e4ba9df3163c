/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without a group this worker has all work and makes all decisions at once.
 * A request that creates or changes a connector is answered when the connector
 * has started and its tasks are set up, as Java's standalone worker does; the
 * steps are the same as in a group: write, start, ask for task configs, write
 * them, start the tasks.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/log.h"
#include "base/mem.h"

static struct log logger = LOG("herder.standalone");

static void answer(struct herder *h, struct op *op, struct kaftan_error *err)
{
    const struct snapshot *s;
    if (err) {
        op_finish(h, op, err);
        return;
    }
    s = store_snapshot(h->store);
    views_connector(h, op->r, s, op->connector, op->r->config);
    snapshot_unref(s);
    op_finish(h, op, NULL);
}

static void started(struct herder *h, struct op *op, struct kaftan_error *err)
{
    const struct snapshot_connector *c = herder_find(h, op->connector);
    if (err || !c || c->target != TARGET_STARTED) {
        answer(h, op, err);
        return;
    }
    op->step = answer;
    herder_reconfigure(h, op->connector, op);
}

void standalone_written(struct herder *h, struct op *op)
{
    struct work *w = herder_work_get(h, op->connector, -1);
    op_slot_release(h, op); /* the task configs are written by an op of their own */
    herder_view_take(h, store_snapshot(h->store));
    op->step = started;
    herder_work_restart(h, w, KAFTAN_STOP_CONFIG, false, op);
}

void standalone_tasks(struct herder *h, const char *connector)
{
    const struct snapshot_connector *c;
    int32_t count;
    herder_view_take(h, store_snapshot(h->store));
    c = herder_find(h, connector);
    count = c ? snapshot_task_count(c) : 0;
    herder_stop_connector_work(h, connector, KAFTAN_STOP_CONFIG, true);
    for (int32_t i = 0; i < count; i++) {
        struct work *w = herder_work_get(h, connector, i);
        w->forget = false;
        herder_work_start(h, w);
    }
}

struct ids {
    int32_t *ids;
    size_t count;
};

static void see_task(void *self, int32_t task)
{
    struct ids *l = self;
    l->ids = mem_realloc(l->ids, l->count + 1, sizeof *l->ids);
    l->ids[l->count++] = task;
}

/* Whatever statuses are left end with the connector, its tasks' first. */
static void deleted(struct herder *h, struct op *op, struct kaftan_error *err)
{
    struct ids l = { 0 };
    store_each_task_status(h->store, op->connector, see_task, &l);
    for (size_t i = 0; i < l.count; i++)
        store_remove_status(h->store, op->connector, l.ids[i]);
    store_remove_status(h->store, op->connector, -1);
    mem_free(l.ids);
    op_finish(h, op, err);
}

static void drain(struct herder *h, struct op *op, op_step step, bool whole)
{
    op_slot_release(h, op);
    op->step = step;
    op->whole = whole;
    op->next = h->drains;
    h->drains = op;
}

void standalone_deleted(struct herder *h, struct op *op)
{
    herder_view_take(h, store_snapshot(h->store));
    herder_stop_connector_work(h, op->connector, KAFTAN_STOP_DELETE, false);
    drain(h, op, deleted, true);
}

static void stop_drained(struct herder *h, struct op *op, struct kaftan_error *err)
{
    op_finish(h, op, err);
}

void standalone_stopped(struct herder *h, struct op *op)
{
    herder_view_take(h, store_snapshot(h->store));
    herder_stop_connector_work(h, op->connector, KAFTAN_STOP_STOPPED, true);
    worker_target_state(h->worker, op->connector, TARGET_STOPPED);
    drain(h, op, stop_drained, false);
}

/* ---- connectors of the command line, one after the other ---- */

static void next_initial(struct herder *h);

static void initial_done(struct herder_request *r)
{
    struct herder *h = r->user;
    struct kaftan_error *err = r->err;
    if (h->phase == PHASE_RUN && err) {
        log_error(&logger, "a connector of the command line has not started", LOG_STR("connector", r->connector), LOG_ERR(err));
        herder_request_free(r);
        herder_end(h, 3);
        return;
    }
    herder_request_free(r);
    if (h->phase == PHASE_RUN)
        next_initial(h);
}

static void next_initial(struct herder *h)
{
    struct herder_request *r;
    const struct initial_connector *c;
    const char *name;
    if (h->initial_next == h->initial_count) {
        atomic_store(&h->started, true);
        herder_stage_set(h, "The last operation the worker completed was starting the connectors of the command line.");
        return;
    }
    c = &h->initial[h->initial_next++];
    name = text_map_get(c->config, "name");
    r = herder_request_new(HERDER_CREATE, name ? name : "");
    r->config = text_map_ref(c->config);
    r->has_initial = c->has_state;
    r->initial = c->state;
    r->done = initial_done;
    r->user = h;
    herder_request_arrived(h, r);
}

void standalone_booted(struct herder *h)
{
    herder_stage_set(h, "The worker is currently starting the connectors of the command line.");
    next_initial(h);
}
