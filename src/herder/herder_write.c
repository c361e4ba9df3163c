/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that change something. Each is a chain of store writes; the next
 * step runs when the outcome of the one before has come. One op has the
 * writers' slot at a time, so what a step has looked up stays true until its
 * write is read back.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/mem.h"

/* The newest snapshot's row; *ret is the caller's to unref. */
static const struct snapshot_connector *find(struct herder *h, const struct op *op, const struct snapshot **ret)
{
    *ret = store_snapshot(h->store);
    return *ret ? snapshot_find(*ret, op->connector) : NULL;
}

static enum op_verdict not_found(struct herder *h, struct op *op, bool unknown)
{
    op_finish(h, op, kaftan_error_new(KAFTAN_E_NOT_FOUND, unknown ? "Unknown connector %s" : "Connector %s not found",
                                      op->r->connector));
    return OP_TAKEN;
}

static void put_done(struct herder *h, struct op *op, struct kaftan_error *err)
{
    const struct snapshot *s;
    if (err) {
        op_finish(h, op, err);
        return;
    }
    if (op->r->op == HERDER_PATCH_CONFIG) { /* the answer shows the whole config, and owns it */
        text_map_unref(op->r->config);
        op->r->config = text_map_ref(op->config);
    }
    if (!h->distributed) {
        standalone_written(h, op);
        return;
    }
    s = op->done.snapshot ? snapshot_ref(op->done.snapshot) : store_snapshot(h->store);
    views_connector(h, op->r, s, op->connector, op->r->config);
    snapshot_unref(s);
    op_finish(h, op, NULL);
}

enum op_verdict run_put(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    enum op_verdict verdict;
    bool exists;
    if (!op_leads(h, op, &verdict))
        return verdict;
    exists = find(h, op, &s);
    snapshot_unref(s);
    if (exists && op->r->op == HERDER_CREATE) {
        op_finish(h, op, kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s already exists", op->r->connector));
        return OP_TAKEN;
    }
    op->r->created = !exists;
    store_put_connector(h->store, op->connector, op->config, op->r->op == HERDER_CREATE && op->r->has_initial, op->r->initial,
                        op_store(h, op, put_done));
    return OP_TAKEN;
}

static struct text_map *patched(const struct text_map *config, const struct text_map *patch)
{
    struct text_map *m = text_map_copy(config);
    const char *key, *value;
    for (size_t i = 0; text_map_at(patch, &i, &key, &value);) {
        if (value)
            text_map_put(m, key, value);
        else
            text_map_remove(m, key);
    }
    return m;
}

/* Made from the config of now, validated, and made again should that config have changed meanwhile. */
enum op_verdict run_patch(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    const struct snapshot_connector *c;
    enum op_verdict verdict;
    if (!op_leads(h, op, &verdict))
        return verdict;
    c = find(h, op, &s);
    if (!c || !op->r->config) {
        snapshot_unref(s);
        if (!c)
            return not_found(h, op, false);
        op_finish(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "The patch is null"));
        return OP_TAKEN;
    }
    if (!op->valid || !text_map_eq(op->base, c->config)) {
        text_map_unref(op->base);
        text_map_unref(op->config);
        op->base = text_map_ref(c->config);
        op->config = patched(c->config, op->r->config);
        op->valid = false;
        op_validate(h, op, op->config);
    } else {
        store_put_connector(h->store, op->connector, op->config, false, TARGET_STARTED, op_store(h, op, put_done));
    }
    snapshot_unref(s);
    return OP_TAKEN;
}

static void delete_done(struct herder *h, struct op *op, struct kaftan_error *err)
{
    if (err || h->distributed)
        op_finish(h, op, err);
    else
        standalone_deleted(h, op);
}

enum op_verdict run_delete(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    enum op_verdict verdict;
    bool exists;
    if (!op_leads(h, op, &verdict))
        return verdict;
    exists = find(h, op, &s);
    snapshot_unref(s);
    if (!exists)
        return not_found(h, op, false);
    store_remove_connector(h->store, op->connector, op_store(h, op, delete_done));
    return OP_TAKEN;
}

static void target_done(struct herder *h, struct op *op, struct kaftan_error *err)
{
    if (!err && !h->distributed) {
        herder_view_take(h, store_snapshot(h->store));
        worker_target_state(h->worker, op->connector, op->r->op == HERDER_PAUSE ? TARGET_PAUSED : TARGET_STARTED);
    }
    op_finish(h, op, err);
}

/* Pause and resume: any worker writes them. */
enum op_verdict run_target(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    bool exists = find(h, op, &s);
    snapshot_unref(s);
    if (!exists)
        return op_look_again(h, op) ? OP_TAKEN : not_found(h, op, true);
    store_put_target(h->store, op->connector, op->r->op == HERDER_PAUSE ? TARGET_PAUSED : TARGET_STARTED,
                     op_store(h, op, target_done));
    return OP_TAKEN;
}

static void stop_refreshed(struct herder *h, struct op *op, struct kaftan_error *err)
{
    kaftan_error_free(err); /* both records are written; whoever reads late reads the same */
    op_finish(h, op, NULL);
}

static void stop_target_written(struct herder *h, struct op *op, struct kaftan_error *err)
{
    if (err)
        op_finish(h, op, err);
    else if (!h->distributed)
        standalone_stopped(h, op);
    else
        store_refresh(h->store, h->values->sync_timeout_ms, op_store(h, op, stop_refreshed));
}

static void stop_tasks_written(struct herder *h, struct op *op, struct kaftan_error *err)
{
    if (err)
        op_finish(h, op, err);
    else
        store_put_target(h->store, op->connector, TARGET_STOPPED, op_store(h, op, stop_target_written));
}

enum op_verdict run_stop(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    enum op_verdict verdict;
    bool exists = find(h, op, &s);
    snapshot_unref(s);
    if (!exists && !h->distributed) {
        op_finish(h, op, kaftan_error_new(KAFTAN_E_INTERNAL, "No connector `%s` configured", op->r->connector));
        return OP_TAKEN;
    }
    if (!exists)
        return op_look_again(h, op) ? OP_TAKEN : not_found(h, op, true);
    if (!op_leads(h, op, &verdict))
        return verdict;
    store_put_tasks(h->store, op->connector, NULL, 0, op_store(h, op, stop_tasks_written));
    return OP_TAKEN;
}
