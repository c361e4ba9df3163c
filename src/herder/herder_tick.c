/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass of decisions, in the order of group-protocol.md 11. Where Java's
 * thread waits inside a step, this one returns: the answer comes as a message,
 * and the pass begins again from the top. So a step may be looked at many
 * times and must change nothing until its condition holds.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static struct log logger = LOG("herder.tick");

enum { DISAGREED_LIMIT = 10, DISAGREED_PAUSE_MS = 1000 };

static void refresh_done(struct herder *h, struct store_done *d)
{
    h->reading = false;
    if (h->phase != PHASE_RUN)
        return;
    if (d->err) {
        log_warn(&logger, "the config topic could not be read to its end", LOG_ERR(d->err));
        herder_leave(h);
        return;
    }
    h->can_read = true;
    h->caught_up = true;
    h->backoff_retries = HERDER_BACKOFF_RETRIES;
    if (d->snapshot)
        herder_view_take(h, snapshot_ref(d->snapshot));
    if (h->left) {
        h->left = false;
        herder_rejoin(h, "the config topic can be read again");
    }
}

static void refresh(struct herder *h)
{
    if (h->reading)
        return;
    h->reading = true;
    herder_stage_set(h, "The worker is currently reading to the end of the config topic.");
    store_refresh(h->store, h->values->sync_timeout_ms, herder_done_new(h, refresh_done));
}

static void view_newest(struct herder *h)
{
    herder_view_take(h, store_snapshot(h->store));
}

/*
 * A round that ends without agreement on the configs is followed by another at once: a worker was a little behind. Without
 * an end to it (two clusters under one group.id, each with a config topic of its own) that would keep the whole group and its
 * broker busy, so from the tenth on there is a pause. True: not yet.
 */
static bool pause_first(struct herder *h)
{
    int64_t now = clock_mono_ms();
    if (h->disagreed < DISAGREED_LIMIT)
        return false;
    if (!h->pause_ms) {
        h->pause_ms = now + DISAGREED_PAUSE_MS;
        log_warn(&logger, "the workers of this group do not agree on the configs: have all of them the same config.storage.topic, and "
                          "is it complete?",
                 LOG_STR("topic", h->values->config_topic), LOG_INT("offset_here", herder_view_offset(h)),
                 LOG_INT("offset_of_group", h->assignment->config_offset));
    }
    return now < h->pause_ms;
}

static bool disagreed(struct herder *h, const char *reason)
{
    if (pause_first(h))
        return false;
    h->disagreed++;
    h->pause_ms = 0;
    herder_rejoin(h, reason);
    return false;
}

/* Java's handleRebalanceCompleted: true when the work of the assignment runs and nothing more is to be done. */
static bool handle_assignment(struct herder *h)
{
    struct member_assignment *a = h->assignment;
    bool read;
    if (h->resolved)
        return true;
    if (herder_view_offset(h) != a->config_offset) /* larger, too: a config topic that was cut off begins anew */
        view_newest(h);
    read = herder_view_offset(h) < a->config_offset || (a->error && a->is_leader);
    if (read && !h->caught_up) {
        refresh(h);
        return false;
    }
    if (a->error) { /* the member paces these rounds */
        herder_rejoin(h, "the leader was behind");
        return false;
    }
    if (h->scheduled_ms && clock_mono_ms() >= h->scheduled_ms) {
        herder_rejoin(h, "the scheduled rebalance is due");
        return false;
    }
    if (herder_view_offset(h) != a->config_offset)
        return disagreed(h, "configs have changed since the assignment was made");
    h->disagreed = 0;
    h->pause_ms = 0;
    herder_start_assigned(h);
    h->resolved = true;
    if (!h->handled)
        meters_handled(h);
    h->handled = true;
    if (h->follow_up) {
        h->follow_up = false;
        herder_rejoin(h, "revoked work has been stopped");
        return false;
    }
    return true;
}

/* Steps 1 to 5: in the group, with its assignment at work. */
static bool group_ready(struct herder *h)
{
    if (h->reading)
        return false;
    if (!h->can_read) {
        if (clock_mono_ms() >= h->backoff_until_ms)
            refresh(h);
        return false;
    }
    if (h->joining || h->incoming || !h->assignment)
        return false;
    return handle_assignment(h) && herder_key_ready(h);
}

static void clear(struct map **set)
{
    map_free(*set);
    *set = map_new(NULL);
}

static void apply_connectors(struct herder *h)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(h->new_configs, &i, &name, &value);) {
        struct work *w = herder_work_find(h, name, -1);
        if (!w || !w->running)
            continue;
        if (herder_find(h, name))
            herder_work_restart(h, w, KAFTAN_STOP_CONFIG, false, NULL);
        else
            herder_work_stop(h, w, KAFTAN_STOP_DELETE);
    }
    clear(&h->new_configs);
}

static void apply_targets(struct herder *h)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(h->new_targets, &i, &name, &value);) {
        const struct snapshot_connector *c = herder_find(h, name);
        if (c)
            worker_target_state(h->worker, name, c->target);
    }
    clear(&h->new_targets);
}

static void apply_tasks(struct herder *h)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(h->new_tasks, &i, &name, &value);)
        herder_stop_changed(h, name);
    clear(&h->new_tasks);
}

/* Step 9. */
static void apply_changes(struct herder *h)
{
    bool rejoin = h->needs_rebalance;
    bool eager = h->assignment->protocol == 0;
    if (!rejoin && !map_count(h->new_configs) && !map_count(h->new_targets) && !map_count(h->new_tasks))
        return;
    h->needs_rebalance = false;
    view_newest(h);
    if (eager && rejoin) {
        clear(&h->new_configs);
        clear(&h->new_targets);
        clear(&h->new_tasks);
    }
    apply_connectors(h);
    apply_targets(h);
    if (!eager)
        apply_tasks(h);
    clear(&h->new_tasks);
    if (rejoin)
        herder_rejoin(h, "connectors or tasks have changed");
}

void herder_tick(struct herder *h)
{
    bool ready;
    if (h->phase != PHASE_RUN)
        return;
    herder_group_progress(h);
    ready = !h->distributed || group_ready(h);
    if (h->distributed && ready && !herder_started(h)) {
        atomic_store(&h->started, true);
        herder_stage_set(h, "The last operation the worker completed was ensuring membership in the cluster.");
    }
    herder_requests_run(h);
    herder_drains_run(h);
    herder_reconf_run(h);
    if (!ready || h->joining)
        return;
    herder_restarts_run(h);
    if (!h->distributed)
        return;
    if (h->scheduled_ms)
        h->resolved = false;
    apply_changes(h);
}

static void sooner(int64_t *ret, int64_t t)
{
    if (t >= 0 && (*ret < 0 || t < *ret))
        *ret = t;
}

int64_t herder_deadline(const struct herder *h)
{
    int64_t until = -1;
    if (h->phase != PHASE_RUN)
        return -1;
    sooner(&until, herder_requests_deadline(h));
    sooner(&until, herder_reconf_deadline(h));
    if (!h->can_read && !h->reading)
        sooner(&until, h->backoff_until_ms);
    if (!h->can_read || h->reading || h->joining || h->incoming || !h->assignment)
        return until;
    if (h->scheduled_ms)
        sooner(&until, h->scheduled_ms);
    if (h->pause_ms)
        sooner(&until, h->pause_ms);
    if (h->key_expires_ms != INT64_MAX && h->assignment->is_leader && h->assignment->protocol == 2 && !h->key_writing) {
        int64_t left = h->key_expires_ms - clock_wall_ms();
        sooner(&until, clock_mono_ms() + (left > 0 ? left : 0));
    }
    return until;
}
