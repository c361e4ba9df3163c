/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A started connector is asked for its task configs; if they differ from what
 * the config topic holds, or the connector's config is not the one they were
 * made from, the leader writes them and others ask the leader to. Any failure
 * is tried again, 250 ms and doubling up to a minute, for ever: a connector
 * without its tasks would stand still silently (group-protocol.md 13.3).
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

static struct log logger = LOG("herder.reconf");

enum { RETRY_MS = 250, RETRY_MAX_MS = 60000, STALE_KEY_MS = 60000 };

void reconf_free(void *r)
{
    mem_free(r);
}

static void ask(struct herder *h, struct reconf *r, const char *connector);

/* Its way is at an end, well or badly. Takes err. */
static void reconf_end(struct herder *h, const char *connector, struct kaftan_error *err, bool retry)
{
    struct reconf *r = map_get(h->reconfs, connector);
    struct op *op;
    if (!r) {
        kaftan_error_free(err);
        return;
    }
    r->busy = r->asked = false;
    while ((op = r->waiters)) {
        r->waiters = op->next;
        op->next = NULL;
        op->step(h, op, err ? kaftan_error_new(kaftan_error_code(err), "%s", kaftan_error_message(err)) : NULL);
    }
    if (err && retry) {
        int64_t delay = r->attempts < 8 ? (int64_t)RETRY_MS << r->attempts : RETRY_MAX_MS, now = clock_mono_ms();
        r->first_ms = r->attempts ? r->first_ms : now;
        r->at_ms = now + (delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS);
        r->attempts++;
        /* The leader has a newer session key than the one this was signed with: that one is being read just now. */
        bool stale = kaftan_error_code(err) == KAFTAN_E_FORBIDDEN && now - r->first_ms < STALE_KEY_MS;
        log_at(&logger, stale ? LOG_DEBUG : LOG_WARN, "task configs could not be published; trying again",
               LOG_STR("connector", connector), LOG_INT("attempt", r->attempts), LOG_ERR(err));
    } else {
        r->attempts = 0;
        r->at_ms = 0;
        if (r->again)
            ask(h, r, connector);
        else
            map_remove(h->reconfs, connector);
    }
    kaftan_error_free(err);
}

static int32_t max_tasks(const struct text_map *config)
{
    const char *text = text_map_get(config, "tasks.max");
    struct kaftan_slice s = slice_trim(slice_of(text));
    int64_t n;
    if (!text || !text_to_i64(s.ptr, s.len, &n) || n < 1 || n > INT32_MAX)
        return 1;
    return (int32_t)n;
}

static const struct snapshot_connector *find_newest(struct herder *h, const char *connector, const struct snapshot **ret)
{
    *ret = store_snapshot(h->store);
    return *ret ? snapshot_find(*ret, connector) : NULL;
}

static void ask(struct herder *h, struct reconf *r, const char *connector)
{
    const struct snapshot *s;
    const struct snapshot_connector *c = find_newest(h, connector, &s);
    r->again = false;
    r->at_ms = 0;
    if (!c || c->target != TARGET_STARTED || !worker_has_connector(h->worker, connector)) {
        reconf_end(h, connector, NULL, false);
    } else {
        r->busy = r->asked = true;
        worker_task_configs(h->worker, connector, max_tasks(c->config));
    }
    snapshot_unref(s);
}

void herder_reconfigure(struct herder *h, const char *connector, struct op *waiter)
{
    struct reconf *r = map_get(h->reconfs, connector);
    if (!r) {
        r = mem_zalloc(1, sizeof *r);
        map_put(h->reconfs, connector, r);
    }
    if (waiter) {
        waiter->next = r->waiters;
        r->waiters = waiter;
    }
    if (!r->busy)
        ask(h, r, connector);
    else if (!waiter || !r->asked)
        r->again = true;
}

/* Java's taskConfigsChanged. */
static bool changed(const struct snapshot_connector *c, struct text_map *const *tasks, int32_t count)
{
    if ((c->task_count < 0 ? 0 : c->task_count) != count)
        return true;
    for (int32_t i = 0; i < count; i++)
        if (i >= c->task_slots || !c->tasks[i] || !text_map_eq(c->tasks[i], tasks[i]))
            return true;
    return !c->applied || !text_map_eq(c->applied, c->config);
}

static void written(struct herder *h, struct op *op, struct kaftan_error *err)
{
    char *connector = mem_strdup(op->connector);
    op_finish(h, op, NULL);
    if (!err && !h->distributed)
        standalone_tasks(h, connector);
    reconf_end(h, connector, err, true);
    mem_free(connector);
}

static enum op_verdict write_end(struct herder *h, struct op *op, struct kaftan_error *err, bool retry)
{
    char *connector = mem_strdup(op->connector);
    op_finish(h, op, NULL);
    reconf_end(h, connector, err, retry);
    mem_free(connector);
    return OP_TAKEN;
}

/* In the writers' queue: what is compared here is what the write follows. */
static enum op_verdict run_reconf(struct herder *h, struct op *op)
{
    const struct snapshot *s;
    const struct snapshot_connector *c;
    bool write;
    if (h->distributed && (h->joining || !h->assignment))
        return OP_WAITS;
    if (!herder_owns(h)) { /* the connector may be another worker's by now: soon we know */
        op->wait_ms = clock_mono_ms() + HERDER_AGAIN_MS;
        return OP_WAITS;
    }
    c = find_newest(h, op->connector, &s);
    write = c && c->target == TARGET_STARTED && changed(c, op->tasks, op->task_count);
    snapshot_unref(s);
    if (!write)
        return write_end(h, op, NULL, false);
    if (herder_leads(h)) {
        store_put_tasks(h->store, op->connector, op->tasks, op->task_count, op_store(h, op, written));
    } else if (h->peer && h->assignment->leader_url && *h->assignment->leader_url) {
        const struct session_key *key = h->assignment->protocol == 2 && h->key.key.len ? &h->key : NULL;
        struct store_done *done = op_store(h, op, written);
        op_slot_release(h, op); /* another worker's slowness does not hold up this one's writers */
        h->peer->put_tasks(h->peer->self, h->assignment->leader_url, op->connector, op->tasks, op->task_count, key, done);
    } else {
        return write_end(h, op, kaftan_error_new(KAFTAN_E_REBALANCING, "the leader's URL is not known"), true);
    }
    return OP_TAKEN;
}

static const struct op_rule reconf_rule = { .slot = true, .run = run_reconf };

void herder_reconf_got(struct herder *h, const char *connector, struct text_map **configs, int32_t count, struct kaftan_error *err)
{
    struct reconf *r = map_get(h->reconfs, connector);
    struct op *op;
    if (err || !r || !r->asked || h->phase != PHASE_RUN) {
        for (int32_t i = 0; i < count; i++)
            text_map_unref(configs[i]);
        mem_free(configs);
        if (r && !r->asked) {
            kaftan_error_free(err);
            return;
        }
        /* CONFLICT: not started any more, or FAILED by too many tasks; asking again changes nothing. */
        reconf_end(h, connector, err, err && kaftan_error_code(err) != KAFTAN_E_CONFLICT && h->phase == PHASE_RUN);
        return;
    }
    r->asked = false;
    op = op_new(h, NULL, &reconf_rule, connector);
    op->tasks = configs;
    op->task_count = count;
    op_queue(h, op);
}

void herder_reconf_gone(struct herder *h, const char *connector)
{
    const struct reconf *r = map_get(h->reconfs, connector);
    if (r && r->asked)
        reconf_end(h, connector, NULL, false);
}

void herder_reconf_run(struct herder *h)
{
    int64_t now = clock_mono_ms();
    struct map *due = map_new(NULL);
    const char *name;
    void *value;
    for (size_t i = 0; map_at(h->reconfs, &i, &name, &value);) {
        const struct reconf *r = value;
        if (r->at_ms && !r->busy && r->at_ms <= now)
            map_put(due, name, NULL);
    }
    for (size_t i = 0; map_at(due, &i, &name, &value);) {
        struct reconf *r = map_get(h->reconfs, name);
        if (r)
            ask(h, r, name);
    }
    map_free(due);
}

int64_t herder_reconf_deadline(const struct herder *h)
{
    int64_t until = -1;
    const char *name;
    void *value;
    for (size_t i = 0; map_at(h->reconfs, &i, &name, &value);) {
        const struct reconf *r = value;
        if (r->at_ms && !r->busy && (until < 0 || r->at_ms < until))
            until = r->at_ms;
    }
    return until;
}
