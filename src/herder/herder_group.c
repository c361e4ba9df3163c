/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assignments. The member tells what this worker is to run and what it must
 * give up. Giving up comes first: the assignment waits in `incoming` until the
 * last revoked connector or task has ended, because the member may join again
 * only then, and another worker starts that work right after. Only the
 * assignment that was taken decides what is started (herder_tick.c).
 *
 * A loss (D15) is the same without a new assignment: everything ends, then the
 * member is told, and the next assignment starts all of it anew. So it is
 * before each round of the eager protocol, but there the work is still owned.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>

static struct log logger = LOG("herder.group");

bool herder_owns(const struct herder *h)
{
    return !h->distributed || clock_mono_ms() < member_owned_until(h->member);
}

bool herder_leads(const struct herder *h)
{
    if (!h->distributed)
        return true;
    return h->assignment && h->assignment->is_leader && !h->joining && herder_owns(h);
}

bool herder_unsettled(const struct herder *h)
{
    return h->distributed && (h->needs_rebalance || h->joining || !h->handled);
}

static void tell_revoked(struct herder *h)
{
    if (!h->revoke_owed)
        return;
    h->revoke_owed = false;
    member_revoked(h->member);
}

void herder_rejoin(struct herder *h, const char *reason)
{
    log_info(&logger, "joining the group again", LOG_STR("reason", reason));
    h->scheduled_ms = 0;
    h->joining = true;
    herder_stage_set(h, "The worker is currently ensuring membership in the cluster.");
    member_rejoin(h->member, reason);
    tell_revoked(h);
}

/* Out of the group until the config topic can be read again, with longer and longer pauses; then without work. */
void herder_leave(struct herder *h)
{
    bool eager = h->assignment && h->assignment->protocol == 0;
    h->left = true;
    h->joining = true;
    h->can_read = false;
    member_leave(h->member);
    tell_revoked(h);
    if (eager) {
        h->backoff_until_ms = clock_mono_ms() + h->values->unsync_backoff_ms;
    } else if (h->backoff_retries > 0) {
        h->backoff_until_ms = clock_mono_ms() + h->values->rebalance_delay_max_ms / 10 / (int64_t)h->backoff_retries;
        h->backoff_retries--;
    } else {
        log_warn(&logger, "the config topic cannot be read: all work is given up");
        h->backoff_retries = HERDER_BACKOFF_RETRIES;
        h->backoff_until_ms = clock_mono_ms();
        herder_lost(h);
    }
}

/* The works of a list by the keys that h->works has; owned by the caller. */
static struct map *keys_of(const struct work_list *list)
{
    struct map *keys = map_new(NULL);
    for (size_t i = 0; i < list->count; i++) {
        char *key = mem_printf("%d:%s", list->items[i].task, list->items[i].connector);
        map_put(keys, key, NULL);
        mem_free(key);
    }
    return keys;
}

/* Stops what is revoked and, whatever the lists say, all that the assignment does not give to this worker. */
static void revoke(struct herder *h, const struct member_assignment *a)
{
    const struct snapshot *s = store_snapshot(h->store);
    struct map *wanted = keys_of(&a->work);
    struct map *stop = map_new(NULL);
    const char *key;
    void *value;
    for (size_t i = 0; map_at(h->works, &i, &key, &value);) {
        const struct work *w = value;
        if (!map_has(wanted, key) || work_list_has(&a->revoked, w->connector, w->task))
            map_put(stop, key, NULL);
    }
    for (size_t i = 0; map_at(stop, &i, &key, &value);) {
        struct work *w = map_get(h->works, key);
        if (!w)
            continue;
        w->revoking = true;
        herder_work_stop(h, w, herder_stop_reason(h, s, w->connector, w->task));
    }
    map_free(stop);
    map_free(wanted);
    snapshot_unref(s);
}

void herder_assigned(struct herder *h, struct member_assignment *a)
{
    if (h->incoming)
        member_assignment_free(h->incoming);
    h->incoming = a;
    h->incoming_ms = clock_mono_ms();
    meters_assigned(h);
    if (a->revoked.count)
        h->revoke_owed = true;
    revoke(h, a);
    herder_group_progress(h);
}

void herder_lost(struct herder *h)
{
    if (herder_owns(h)) {
        log_info(&logger, "stopping all work: the eager protocol deals it out anew");
    } else {
        log_warn(&logger, "this worker does not own its work any more: stopping it");
        store_drop_offsets(h->store);
    }
    if (h->assignment)
        member_assignment_free(h->assignment);
    h->assignment = NULL;
    if (h->incoming)
        member_assignment_free(h->incoming);
    h->incoming = NULL;
    h->handled = false;
    h->resolved = true;
    h->joining = true;
    h->scheduled_ms = 0;
    h->losing = true;
    h->revoke_owed = true;
    herder_stop_all(h, KAFTAN_STOP_MOVE, true);
    herder_group_progress(h);
}

struct status_name {
    struct status_name *next;
    char *connector;
    int32_t task;
};

static void collect_status(void *self, const char *connector, int32_t task)
{
    struct status_name **list = self;
    struct status_name *n = mem_zalloc(1, sizeof *n);
    n->connector = mem_strdup(connector);
    n->task = task;
    n->next = *list;
    *list = n;
}

/* A new leader ends the statuses of what is not configured any more; tasks go before their connector. */
static void clean_statuses(struct herder *h)
{
    const struct snapshot *s = store_snapshot(h->store);
    struct status_name *list = NULL, *n;
    store_each_status(h->store, collect_status, &list);
    for (n = list; n; n = n->next) {
        const struct snapshot_connector *c = snapshot_find(s, n->connector);
        if (n->task >= 0 && (!c || n->task >= snapshot_task_count(c)))
            store_remove_status(h->store, n->connector, n->task);
    }
    for (n = list; n; n = n->next)
        if (n->task < 0 && !snapshot_find(s, n->connector))
            store_remove_status(h->store, n->connector, -1);
    while ((n = list)) {
        list = n->next;
        mem_free(n->connector);
        mem_free(n);
    }
    snapshot_unref(s);
}

/* Topic records of connectors that are gone end with their last work here. */
static void clean_topics(struct herder *h, const struct member_assignment *a)
{
    const struct snapshot *s;
    if (!h->values->topic_tracking)
        return;
    s = store_snapshot(h->store);
    for (size_t i = 0; i < a->revoked.count; i++) {
        const struct work_id *id = &a->revoked.items[i];
        if (id->task < 0 && !snapshot_find(s, id->connector))
            store_topics_reset(h->store, id->connector);
    }
    snapshot_unref(s);
}

static size_t only_in(const struct map *a, const struct map *b)
{
    size_t n = 0;
    const char *key;
    void *value;
    for (size_t i = 0; map_at(a, &i, &key, &value);)
        n += !map_has(b, key);
    return n;
}

/* The one line of a rebalance. */
static void tell_rebalance(const struct herder *h, const struct member_assignment *a)
{
    struct map *before = keys_of(h->assignment ? &h->assignment->work : &(struct work_list){ 0 }), *now = keys_of(&a->work);
    log_info(&logger, "rebalanced", LOG_INT("generation", a->generation),
             a->member_count ? LOG_INT("members", a->member_count) : LOG_STR("members", "known to the leader"),
             LOG_STR("leader", a->leader_url), LOG_INT("work", a->work.count), LOG_INT("gained", only_in(now, before)), LOG_INT("lost", only_in(before, now)),
             LOG_INT("took_ms", a->round_ms + clock_mono_ms() - h->incoming_ms), LOG_INT("delay_ms", a->delay_ms),
             LOG_INT("config_offset", a->config_offset), LOG_INT("error", a->error));
    map_free(before);
    map_free(now);
}

static void take(struct herder *h)
{
    struct member_assignment *a = h->incoming;
    h->incoming = NULL;
    tell_rebalance(h, a);
    if (h->assignment)
        member_assignment_free(h->assignment);
    h->assignment = a;
    h->joining = false;
    h->left = false;
    h->handled = false;
    h->resolved = false;
    h->caught_up = false;
    h->follow_up = a->revoked.count > 0;
    h->scheduled_ms = a->delay_ms > 0 ? clock_mono_ms() + a->delay_ms : 0;
    worker_set_generation(h->worker, a->generation);
    clean_topics(h, a);
    if (a->is_leader && !a->error) /* else it has not read all configs: what it does not know yet may well run */
        clean_statuses(h);
}

void herder_group_progress(struct herder *h)
{
    if (h->phase != PHASE_RUN || herder_works_revoking(h))
        return;
    if (h->losing) {
        h->losing = false;
        if (!h->incoming)
            tell_revoked(h);
    }
    if (h->incoming)
        take(h);
}

/* ---- the leader's session key (group-protocol.md 14) ---- */

void herder_key_clear(struct herder *h)
{
    char *key = (char *)(uintptr_t)h->key.key.ptr;
    if (key)
        memset(key, 0, h->key.key.len);
    mem_free(key);
    mem_free((char *)(uintptr_t)h->key.algorithm);
    memset(&h->key, 0, sizeof h->key);
}

void herder_key_set(struct herder *h, const struct session_key *key, bool adopted)
{
    int64_t ttl = h->values->key_ttl_ms;
    struct session_key copy = {
        .key = { mem_memdup(key->key.ptr, key->key.len), key->key.len },
        .algorithm = mem_strdup(key->algorithm),
        .created_ms = key->created_ms,
    };
    herder_key_clear(h);
    h->key = copy;
    /* What a record says may be any number. */
    int64_t created = key->created_ms > 0 ? key->created_ms : 0;
    h->key_expires_ms = (ttl > 0 || adopted) && created < INT64_MAX - ttl ? created + ttl : INT64_MAX;
}

enum { KEY_AGAIN_MS = 1000 };

static size_t key_length(const struct herder *h)
{
    static const struct {
        const char *algorithm;
        size_t bytes;
    } sizes[] = { { "HmacSHA256", 32 }, { "HmacSHA1", 64 },   { "HmacMD5", 64 },
                  { "HmacSHA512", 64 }, { "HmacSHA384", 48 }, { "HmacSHA224", 28 } };
    if (h->values->key_size_bits > 0)
        return ((size_t)h->values->key_size_bits + 7) / 8;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        if (strcmp(sizes[i].algorithm, h->values->key_algorithm) == 0)
            return sizes[i].bytes;
    return 32;
}

static void key_written(struct herder *h, struct store_done *d)
{
    h->key_writing = false;
    if (!d->err)
        return;
    log_warn(&logger, "the session key could not be written, trying again", LOG_ERR(d->err));
    h->can_read = false;
    h->backoff_until_ms = clock_mono_ms() + KEY_AGAIN_MS; /* it may be for want of a right, which lasts */
    h->key_expires_ms = 0;
}

bool herder_key_ready(struct herder *h)
{
    size_t len = key_length(h);
    struct session_key key = { .algorithm = h->values->key_algorithm, .created_ms = clock_wall_ms() };
    char *bytes;
    if (h->key_writing)
        return false;
    if (h->assignment->protocol < 2 || !h->assignment->is_leader)
        return true;
    if (h->key.key.len == len && strcmp(h->key.algorithm, key.algorithm) == 0 && key.created_ms < h->key_expires_ms)
        return true;
    bytes = mem_alloc(len);
    random_bytes(bytes, len);
    key.key = (struct kaftan_slice){ bytes, len };
    h->key_expires_ms = INT64_MAX;
    h->key_writing = true;
    log_info(&logger, "writing a new session key");
    store_put_session_key(h->store, &key, herder_done_new(h, key_written));
    memset(bytes, 0, len);
    mem_free(bytes);
    return false;
}

/* ---- what the member asks as leader: group thread ---- */

struct group_view *herder_group_view(struct herder *h)
{
    const struct snapshot *s = store_snapshot(h->store);
    struct group_view *v = mem_zalloc(1, sizeof *v);
    struct group_view_connector *list = mem_zalloc(s ? s->count : 0, sizeof *list);
    v->config_offset = s ? s->offset : -1;
    for (size_t i = 0; s && i < s->count; i++) {
        const struct snapshot_connector *c = &s->connectors[i];
        if (!c->config)
            continue;
        if (strlen(c->name) > GROUP_NAME_LIMIT) {
            log_error(&logger, "a connector's name is too long for the group's protocol: nobody can run it", LOG_INT("bytes", (int64_t)strlen(c->name)));
            continue;
        }
        list[v->connector_count++] = (struct group_view_connector){ mem_strdup(c->name), snapshot_task_count(c) };
    }
    v->connectors = list;
    snapshot_unref(s);
    return v;
}

void herder_group_view_free(struct group_view *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->connector_count; i++)
        mem_free((char *)(uintptr_t)v->connectors[i].name);
    mem_free((void *)(uintptr_t)v->connectors);
    mem_free(v);
}
