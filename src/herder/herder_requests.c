/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests stand in one queue in the order of their arrival. A pass looks at
 * each: it may have to wait for the group (then it is held for two seconds
 * before the answer that a rebalance is expected, because tools repeat such
 * answers only a few times) or for the writer before it (then without a
 * limit). Reads pass waiting writers.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/arena.h"

#include <string.h>

struct herder_request *herder_request_new(enum herder_op op, const char *connector)
{
    struct herder_request *r = mem_zalloc(1, sizeof *r);
    r->op = op;
    r->connector = connector ? mem_strdup(connector) : NULL;
    r->forward = -1;
    return r;
}

void herder_request_free(struct herder_request *r)
{
    if (!r)
        return;
    mem_free(r->connector);
    text_map_unref(r->config);
    mem_free(r->authorization);
    for (int32_t i = 0; i < r->task_count; i++)
        text_map_unref(r->tasks[i]);
    mem_free(r->tasks);
    mem_free(r->proof.algorithm);
    mem_free(r->proof.mac);
    mem_free(r->proof.body);
    mem_free(r->logger);
    mem_free(r->level);
    mem_free(r->relay);
    kaftan_error_free(r->err);
    mem_free(r->views);
    config_infos_free(r->infos);
    for (size_t i = 0; i < r->topic_count; i++)
        mem_free(r->topics[i]);
    mem_free(r->topics);
    snapshot_unref(r->snapshot);
    if (r->texts)
        arena_free(r->texts);
    mem_free(r);
}

void herder_request_answer(struct herder_request *r, struct kaftan_error *err)
{
    if (err) {
        kaftan_error_free(r->err);
        r->err = err;
    }
    r->done(r);
}

static struct kaftan_error *stopping(void)
{
    return kaftan_error_new(KAFTAN_E_UNAVAILABLE, HERDER_STOPPING_TEXT);
}

/* ---- arrival: any thread ---- */

static void request_handle(struct message *msg, void *owner)
{
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    ON_THREAD(THREAD_HERDER);
    herder_request_arrived(h, CONTAINER_OF(msg, struct herder_request, base));
}

static void request_drop(struct message *msg)
{
    herder_request_answer(CONTAINER_OF(msg, struct herder_request, base), stopping());
}

void herder_send(struct herder *h, struct herder_request *r)
{
    r->base.next = NULL;
    r->base.handle = request_handle;
    r->base.drop = request_drop;
    if (mailbox_send(h->box, &r->base))
        return;
    if (atomic_load(&h->gone))
        herder_request_answer(r, stopping());
    else
        herder_request_answer(r, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "The worker has too many requests to answer; try again"));
}

/* ---- ops ---- */

static void op_free(struct op *op)
{
    if (op->h->slot == op)
        op->h->slot = NULL;
    text_map_unref(op->config);
    text_map_unref(op->base);
    for (int32_t i = 0; i < op->task_count; i++)
        text_map_unref(op->tasks[i]);
    mem_free(op->tasks);
    kaftan_error_free(op->done.err);
    snapshot_unref(op->done.snapshot);
    mem_free(op->connector);
    mem_free(op);
}

void op_finish(struct herder *h, struct op *op, struct kaftan_error *err)
{
    struct herder_request *r = op->r;
    (void)h;
    op->r = NULL;
    op_free(op);
    if (r)
        herder_request_answer(r, err);
    else
        kaftan_error_free(err);
}

static void op_done(struct message *msg, void *owner)
{
    struct op *op = CONTAINER_OF(msg, struct op, done.base);
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    struct kaftan_error *err = op->done.err;
    ON_THREAD(THREAD_HERDER);
    op->done.err = NULL;
    if (h->phase != PHASE_RUN) {
        kaftan_error_free(err);
        op_finish(h, op, op->r ? stopping() : NULL);
        return;
    }
    op->step(h, op, err);
}

static void op_drop(struct message *msg)
{
    struct op *op = CONTAINER_OF(msg, struct op, done.base);
    op_finish(op->h, op, op->r ? stopping() : NULL);
}

struct op *op_new(struct herder *h, struct herder_request *r, const struct op_rule *rule, const char *connector)
{
    struct op *op = mem_zalloc(1, sizeof *op);
    op->h = h;
    op->r = r;
    op->rule = rule;
    op->connector = mem_strdup(connector ? connector : "");
    op->done.base.handle = op_done;
    op->done.base.drop = op_drop;
    op->done.to = h->box;
    return op;
}

void op_queue(struct herder *h, struct op *op)
{
    struct op **end = &h->queue;
    while (*end)
        end = &(*end)->next;
    op->next = NULL;
    *end = op;
}

void op_slot_release(struct herder *h, struct op *op)
{
    if (h->slot == op)
        h->slot = NULL;
}

struct store_done *op_store(struct herder *h, struct op *op, op_step step)
{
    if (op->rule->slot)
        h->slot = op;
    op->step = step;
    op->done.base.next = NULL;
    snapshot_unref(op->done.snapshot);
    op->done.snapshot = NULL;
    return &op->done;
}

void op_list_fail(struct herder *h, struct op **list)
{
    struct op *op;
    while ((op = *list)) {
        *list = op->next;
        op_finish(h, op, h->phase == PHASE_RUN
                             ? kaftan_error_new(KAFTAN_E_REBALANCING, "Cannot complete request because of a conflicting "
                                                                      "operation (e.g. worker rebalance)")
                             : stopping());
    }
}

enum op_verdict op_hold(struct herder *h, struct op *op, struct kaftan_error *late)
{
    int64_t now = clock_mono_ms();
    if (!op->hold_ms)
        op->hold_ms = now + (h->distributed && !herder_started(h) ? HERDER_HOLD_START_MS : HERDER_HOLD_MS);
    if (now < op->hold_ms) {
        kaftan_error_free(late);
        return OP_WAITS;
    }
    op_finish(h, op, late);
    return OP_TAKEN;
}

/* The peer's thread. */
static bool take_back(struct herder_request *r)
{
    if (clock_mono_ms() >= r->again_until_ms)
        return false;
    r->base.next = NULL;
    return mailbox_send(r->herder->box, &r->base);
}

enum op_verdict op_forward(struct herder *h, struct op *op, const char *url)
{
    struct herder_request *r = op->r;
    if (!h->peer || r->forward == 0) {
        op_finish(h, op, kaftan_error_new(KAFTAN_E_REBALANCING,
                                          "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"));
        return OP_TAKEN;
    }
    op->r = NULL;
    op_free(op);
    r->herder = h;
    r->again = take_back;
    if (!r->again_until_ms)
        r->again_until_ms = clock_mono_ms() + HERDER_HOLD_MS;
    h->peer->forward(h->peer->self, url, r);
    return OP_TAKEN;
}

bool op_leads(struct herder *h, struct op *op, enum op_verdict *ret)
{
    const char *url = h->assignment ? h->assignment->leader_url : NULL;
    if (herder_leads(h))
        return true;
    if (h->joining || !herder_owns(h) || !url || !*url)
        *ret = op_hold(h, op, kaftan_error_new(KAFTAN_E_REBALANCING, "Cannot complete request momentarily due to no known "
                                                                     "leader URL, likely because a rebalance was underway."));
    else
        *ret = op_forward(h, op, url);
    return false;
}

static void looked(struct herder *h, struct op *op, struct kaftan_error *err)
{
    kaftan_error_free(err); /* then what is known has to do */
    op_slot_release(h, op);
    op_queue(h, op);
}

bool op_look_again(struct herder *h, struct op *op)
{
    if (!h->distributed || op->looked)
        return false;
    op->looked = true;
    store_refresh(h->store, HERDER_LOOK_MS, op_store(h, op, looked));
    return true;
}

/* ---- validation, on a jobs thread ---- */

struct validation {
    struct job job;
    struct op *op;           /* owned */
    struct text_map *config; /* owned reference */
    struct config_infos *infos;
    struct kaftan_error *err;
};

static void validation_free(struct validation *v)
{
    text_map_unref(v->config);
    config_infos_free(v->infos);
    kaftan_error_free(v->err);
    mem_free(v);
}

static void validation_run(struct job *j)
{
    struct validation *v = CONTAINER_OF(j, struct validation, job);
    v->err = validate_connector(v->op->h->config, v->op->h->registry, v->config, &v->infos);
}

static void validation_done(struct message *msg, void *owner)
{
    struct validation *v = CONTAINER_OF(msg, struct validation, job.base);
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    struct op *op = v->op;
    struct kaftan_error *err = v->err;
    v->err = NULL;
    if (h->phase == PHASE_STOPPING) {
        kaftan_error_free(err);
        op_finish(h, op, stopping());
    } else if (op->r->op == HERDER_VALIDATE) {
        op->r->infos = v->infos;
        v->infos = NULL;
        op_finish(h, op, err);
    } else if (err || (err = config_infos_error(v->infos))) {
        op_finish(h, op, err);
    } else {
        op->valid = true;
        op_queue(h, op);
    }
    validation_free(v);
}

static void validation_drop(struct message *msg)
{
    struct validation *v = CONTAINER_OF(msg, struct validation, job.base);
    op_finish(v->op->h, v->op, stopping());
    validation_free(v);
}

void op_validate(struct herder *h, struct op *op, struct text_map *config)
{
    struct validation *v = mem_zalloc(1, sizeof *v);
    v->job.base.handle = validation_done;
    v->job.base.drop = validation_drop;
    v->job.run = validation_run;
    v->job.to = h->box;
    v->op = op;
    v->config = text_map_ref(config);
    if (h->jobs && jobs_submit(h->jobs, &v->job))
        return;
    validation_free(v);
    op_finish(h, op, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "The worker has too many configs to validate; try again"));
}

/* ---- reads ---- */

static enum op_verdict run_read(struct herder *h, struct op *op)
{
    struct herder_request *r = op->r;
    struct kaftan_error *err = NULL;
    const char *c = op->connector;
    switch (r->op) {
    case HERDER_LIST:
        views_list(h, r);
        break;
    case HERDER_STATUS:
        if (!views_status(h, r, c))
            err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "No status found for connector %s", c);
        break;
    case HERDER_TASK_STATUS:
        if (!views_task_status(h, r, c, r->task))
            err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "No status found for task %s-%d", c, r->task);
        break;
    default:
        if (!h->values->topic_tracking)
            err = kaftan_error_new(KAFTAN_E_FORBIDDEN, "Topic tracking is disabled.");
        else if (r->op == HERDER_TOPICS)
            views_topics(h, r);
        else if (!h->values->topic_tracking_reset)
            err = kaftan_error_new(KAFTAN_E_FORBIDDEN, "Topic tracking reset is disabled.");
        else
            store_topics_reset(h->store, c);
    }
    op_finish(h, op, err);
    return OP_TAKEN;
}

static enum op_verdict run_connector(struct herder *h, struct op *op)
{
    const struct snapshot *s = store_snapshot(h->store);
    const struct snapshot_connector *c = s ? snapshot_find(s, op->connector) : NULL;
    if (c) {
        views_connector(h, op->r, s, op->connector, c->config);
        op_finish(h, op, NULL);
    } else if (!op_look_again(h, op)) {
        op_finish(h, op, kaftan_error_new(KAFTAN_E_NOT_FOUND, "Connector %s not found", op->r->connector));
    }
    snapshot_unref(s);
    return OP_TAKEN;
}

static const struct op_rule rules[] = {
    [HERDER_LIST] = { .run = run_read },
    [HERDER_CONNECTOR] = { .settled = true, .run = run_connector },
    [HERDER_STATUS] = { .run = run_read },
    [HERDER_TASK_STATUS] = { .run = run_read },
    [HERDER_CREATE] = { .validate = true, .slot = true, .run = run_put },
    [HERDER_PUT_CONFIG] = { .validate = true, .slot = true, .run = run_put },
    [HERDER_PATCH_CONFIG] = { .slot = true, .run = run_patch },
    [HERDER_DELETE] = { .slot = true, .run = run_delete },
    [HERDER_PAUSE] = { .slot = true, .run = run_target },
    [HERDER_RESUME] = { .slot = true, .run = run_target },
    [HERDER_STOP] = { .slot = true, .run = run_stop },
    [HERDER_RESTART] = { .settled = true, .slot = true, .run = run_restart },
    [HERDER_RESTART_TASK] = { .settled = true, .run = run_restart_task },
    [HERDER_VALIDATE] = { .validate = true },
    [HERDER_TOPICS] = { .run = run_read },
    [HERDER_TOPICS_RESET] = { .run = run_read },
    [HERDER_PUT_TASKS] = { .slot = true, .run = run_put_tasks },
    [HERDER_FENCE] = { .run = run_fence },
    [HERDER_LOGGER] = { .run = run_logger },
};

void herder_request_arrived(struct herder *h, struct herder_request *r)
{
    struct op *op;
    if (h->phase == PHASE_STOPPING) {
        herder_request_answer(r, stopping());
        return;
    }
    if (r->op == HERDER_PING) {
        herder_request_answer(r, herder_started(h) ? NULL : kaftan_error_new(KAFTAN_E_UNAVAILABLE, "Worker is still starting up."));
        return;
    }
    ASSERT((size_t)r->op < COUNT_OF(rules));
    op = op_new(h, r, &rules[r->op], r->connector);
    if (r->config)
        op->config = text_map_ref(r->config);
    if (r->again_until_ms) { /* come back from the peer: it was validated before it went */
        op->wait_ms = clock_mono_ms() + HERDER_AGAIN_MS;
        op_queue(h, op);
    } else if (op->rule->validate) {
        op_validate(h, op, r->config);
    } else {
        op_queue(h, op);
    }
}

/* What the wait for a settled group ends with when it lasts too long. */
static enum op_verdict unsettled(struct herder *h, struct op *op)
{
    int64_t now = clock_mono_ms();
    if (op->hold_ms && now >= op->hold_ms && !h->needs_rebalance)
        return op->rule->run(h, op);
    if (op->r->op == HERDER_CONNECTOR)
        return op_hold(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "Request cannot be completed because a rebalance is expected"));
    return op_hold(h, op, kaftan_error_new(KAFTAN_E_REBALANCING, "Cannot complete request momentarily due to stale configuration "
                                                                 "(typically caused by a concurrent config change)"));
}

static enum op_verdict op_try(struct herder *h, struct op *op)
{
    if ((op->rule->slot && h->slot) || op->wait_ms > clock_mono_ms())
        return OP_WAITS;
    if (op->rule->settled && herder_unsettled(h))
        return unsettled(h, op);
    return op->rule->run(h, op);
}

void herder_requests_run(struct herder *h)
{
    struct op **at = &h->queue;
    struct op *op;
    while ((op = *at)) {
        *at = op->next;
        op->next = NULL;
        if (op_try(h, op) == OP_TAKEN)
            continue;
        op->next = *at;
        *at = op;
        at = &op->next;
    }
}

int64_t herder_requests_deadline(const struct herder *h)
{
    int64_t until = -1;
    for (const struct op *op = h->queue; op; op = op->next)
        if (!(op->rule->slot && h->slot)) {
            int64_t at = op->hold_ms ? op->hold_ms : op->wait_ms;
            if (at && (until < 0 || at < until))
                until = at;
        }
    return until;
}

static bool drained(struct herder *h, const struct op *op)
{
    const char *key;
    void *value;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        const struct work *w = value;
        if (strcmp(w->connector, op->connector) == 0 && (op->whole || w->task >= 0))
            return false;
    }
    return true;
}

void herder_drains_run(struct herder *h)
{
    struct op **at = &h->drains;
    struct op *op;
    while ((op = *at)) {
        if (!drained(h, op)) {
            at = &op->next;
            continue;
        }
        *at = op->next;
        op->next = NULL;
        op->step(h, op, NULL);
    }
}
