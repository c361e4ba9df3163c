/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/config_state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/records.h"
#include "store/snapshot.h"

static struct log logger = LOG("store.config");

struct task_set {
    struct text_map **maps; /* owned; by id, NULL where none */
    int32_t slots, count;
};

struct entry {
    struct text_map *config, *applied; /* shared */
    bool has_target;
    enum target_state target;
    int32_t task_count, task_count_record; /* -1: none */
    struct task_set tasks;                 /* of complete commits */
    struct task_set deferred;              /* read, waiting for their commit record */
    bool has_deferred;                     /* a task record was seen since the config was removed */
    int64_t generation;                    /* -1: none */
    bool inconsistent, pending_fencing;
};

enum news_kind { NEWS_CONFIG, NEWS_REMOVED, NEWS_TASKS, NEWS_TARGET, NEWS_SESSION_KEY, NEWS_RESTART, NEWS_LOGGER };
struct news {
    enum news_kind kind;
    char *name, *level; /* owned */
    bool only_failed, include_tasks;
};

struct config_state {
    struct map *entries; /* owned; by connector */
    int64_t offset;
    bool started, changed;
    struct session_key key; /* owned texts; algorithm NULL: none */
    const struct snapshot *snapshot; /* counted; the newest one made */
    struct news *news; /* owned */
    size_t news_count, news_cap;
    struct kaftan_arena *arena; /* owned; one record's JSON */
};

static void task_set_fini(struct task_set *t)
{
    for (int32_t i = 0; i < t->slots; i++)
        text_map_unref(t->maps[i]);
    mem_free(t->maps);
    *t = (struct task_set){ 0 };
}

/* Takes the map. */
static void task_set_put(struct task_set *t, int32_t id, struct text_map *m)
{
    if (id >= t->slots) {
        int32_t slots = id + 1 > t->slots * 2 ? id + 1 : t->slots * 2;
        t->maps = mem_realloc(t->maps, (size_t)slots, sizeof *t->maps);
        memset(&t->maps[t->slots], 0, (size_t)(slots - t->slots) * sizeof *t->maps);
        t->slots = slots;
    }
    if (t->maps[id])
        text_map_unref(t->maps[id]);
    else
        t->count++;
    t->maps[id] = m;
}

static void entry_free(void *p)
{
    struct entry *e = p;
    text_map_unref(e->config);
    text_map_unref(e->applied);
    task_set_fini(&e->tasks);
    task_set_fini(&e->deferred);
    mem_free(e);
}

struct config_state *config_state_new(void)
{
    struct config_state *c = mem_zalloc(1, sizeof *c);
    c->entries = map_new(entry_free);
    c->offset = -1;
    c->changed = true;
    c->arena = arena_new(4096);
    return c;
}

static void session_key_fini(struct session_key *k)
{
    if (k->key.ptr)
        explicit_bzero((char *)(uintptr_t)k->key.ptr, k->key.len);
    mem_free((char *)(uintptr_t)k->key.ptr);
    mem_free((char *)(uintptr_t)k->algorithm);
    *k = (struct session_key){ 0 };
}

static void news_clear(struct config_state *c)
{
    for (size_t i = 0; i < c->news_count; i++) {
        mem_free(c->news[i].name);
        mem_free(c->news[i].level);
    }
    c->news_count = 0;
}

void config_state_free(struct config_state *c)
{
    if (!c)
        return;
    news_clear(c);
    mem_free(c->news);
    map_free(c->entries);
    session_key_fini(&c->key);
    snapshot_unref(c->snapshot);
    arena_free(c->arena);
    mem_free(c);
}

void config_state_started(struct config_state *c)
{
    c->started = true;
}

/* NULL before the start: nobody is to hear of it. */
static struct news *add_news(struct config_state *c, enum news_kind kind, const char *name)
{
    if (!c->started)
        return NULL;
    if (c->news_count == c->news_cap) {
        c->news_cap = c->news_cap ? c->news_cap * 2 : 16;
        c->news = mem_realloc(c->news, c->news_cap, sizeof *c->news);
    }
    c->news[c->news_count] = (struct news){ .kind = kind, .name = name ? mem_strdup(name) : NULL };
    return &c->news[c->news_count++];
}

static struct entry *entry_of(struct config_state *c, const char *name)
{
    struct entry *e = map_get(c->entries, name);
    if (!e) {
        e = mem_zalloc(1, sizeof *e);
        e->task_count = e->task_count_record = -1;
        e->generation = -1;
        map_put(c->entries, name, e);
    }
    return e;
}

/* ---- records; `v` NULL: a tombstone (also an empty value and the literal null) ---- */

static void apply_connector(struct config_state *c, const char *name, const struct json *v)
{
    struct entry *e = entry_of(c, name);
    if (!v) {
        text_map_unref(e->config);
        text_map_unref(e->applied);
        e->config = e->applied = NULL;
        e->task_count = -1;
        task_set_fini(&e->tasks);
        task_set_fini(&e->deferred);
        e->has_deferred = false;
        add_news(c, NEWS_REMOVED, name);
        return;
    }
    struct text_map *config = record_read_properties(v);
    if (!config) {
        log_error(&logger, "connector record has no properties, ignored", LOG_STR("connector", name));
        return;
    }
    text_map_unref(e->config);
    e->config = config;
    if (!e->has_target) {
        e->has_target = true;
        e->target = TARGET_STARTED;
    }
    add_news(c, NEWS_CONFIG, name);
}

static void apply_task(struct config_state *c, const char *name, int32_t id, const struct json *v)
{
    struct text_map *config = v ? record_read_properties(v) : NULL;
    if (!config || id >= TASK_ID_LIMIT) {
        text_map_unref(config);
        log_error(&logger, "task record cannot be used, ignored", LOG_STR("connector", name), LOG_INT("task", id));
        return;
    }
    struct entry *e = entry_of(c, name);
    e->has_deferred = true;
    task_set_put(&e->deferred, id, config);
}

static bool is_complete(const struct task_set *t, int32_t count)
{
    if (count > t->count)
        return false;
    for (int32_t i = 0; i < count; i++)
        if (i >= t->slots || !t->maps[i])
            return false;
    return true;
}

static void apply_commit(struct config_state *c, const char *name, const struct json *v)
{
    int32_t count;
    if (!v || !record_read_count(v, "tasks", &count)) {
        log_error(&logger, "commit record without a number of tasks, ignored", LOG_STR("connector", name));
        return;
    }
    struct entry *e = entry_of(c, name);
    if (!e->config) {
        /* deleted, and its tombstone compacted away */
        task_set_fini(&e->tasks);
        task_set_fini(&e->deferred);
        e->has_deferred = false;
        text_map_unref(e->applied);
        e->applied = NULL;
        e->task_count = -1;
        return;
    }
    e->inconsistent = !is_complete(&e->deferred, count);
    if (e->inconsistent) {
        log_debug(&logger, "tasks are not complete, waiting for the next commit", LOG_STR("connector", name),
                  LOG_INT("tasks", count));
    } else {
        for (int32_t i = 0; i < e->deferred.slots; i++)
            if (e->deferred.maps[i])
                task_set_put(&e->tasks, i, text_map_ref(e->deferred.maps[i]));
        if (e->has_deferred)
            e->generation++;
        text_map_unref(e->applied);
        e->applied = text_map_ref(e->config);
    }
    task_set_fini(&e->deferred);
    e->task_count = count;
    e->pending_fencing = true;
    add_news(c, NEWS_TASKS, name);
}

static void apply_target(struct config_state *c, const char *name, const struct json *v)
{
    enum target_state state;
    struct entry *e = entry_of(c, name);
    if (!v) {
        e->has_target = e->config != NULL;
        e->target = TARGET_STARTED;
        return;
    }
    if (!record_read_target(v, &state)) {
        log_error(&logger, "target state record cannot be read, ignored", LOG_STR("connector", name));
        return;
    }
    bool changed = !e->has_target || e->target != state;
    e->has_target = true;
    e->target = state;
    if (changed && e->config)
        add_news(c, NEWS_TARGET, name);
}

static void apply_fencing(struct config_state *c, const char *name, const struct json *v)
{
    int32_t count;
    if (!v || !record_read_count(v, "task-count", &count)) {
        log_error(&logger, "task count record without a number, ignored", LOG_STR("connector", name));
        return;
    }
    struct entry *e = entry_of(c, name);
    e->task_count_record = count;
    e->pending_fencing = false;
}

static void apply_session_key(struct config_state *c, const struct json *v)
{
    struct buf key = BUF_INIT;
    char *algorithm = NULL;
    int64_t created = 0;
    if (!v || !record_read_session_key(v, &key, &algorithm, &created)) {
        log_error(&logger, "session key record cannot be read, ignored");
        buf_fini(&key);
        return;
    }
    session_key_fini(&c->key);
    c->key = (struct session_key){ .key = { mem_memdup(key.data ? key.data : "", key.len), key.len },
                                   .algorithm = algorithm, .created_ms = created };
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_fini(&key);
    add_news(c, NEWS_SESSION_KEY, NULL);
}

static void apply_restart(struct config_state *c, const char *name, const struct json *v)
{
    if (!v || v->type != JSON_OBJECT) {
        log_error(&logger, "restart record cannot be read, ignored", LOG_STR("connector", name));
        return;
    }
    struct news *n = add_news(c, NEWS_RESTART, name);
    if (!n)
        return;
    n->only_failed = record_read_flag(v, "only-failed");
    n->include_tasks = record_read_flag(v, "include-tasks");
}

static void apply_logger(struct config_state *c, const char *name, const struct json *v)
{
    struct kaftan_slice level;
    const struct json *field = v ? json_get(v, "level") : NULL;
    if (!field || !json_text(field, &level)) {
        log_error(&logger, "logger level record cannot be read, ignored", LOG_STR("logger", name));
        return;
    }
    struct news *n = add_news(c, NEWS_LOGGER, name);
    if (n)
        n->level = record_text(level);
}

static void dispatch(struct config_state *c, const struct config_key *k, const char *name, const struct json *v)
{
    switch (k->kind) {
    case CONFIG_TARGET:
        apply_target(c, name, v);
        break;
    case CONFIG_CONNECTOR:
        apply_connector(c, name, v);
        break;
    case CONFIG_TASK:
        apply_task(c, name, k->task, v);
        break;
    case CONFIG_COMMIT:
        apply_commit(c, name, v);
        break;
    case CONFIG_RESTART:
        apply_restart(c, name, v);
        break;
    case CONFIG_FENCING:
        apply_fencing(c, name, v);
        break;
    case CONFIG_SESSION_KEY:
        apply_session_key(c, v);
        break;
    case CONFIG_LOGGER:
        apply_logger(c, name, v);
        break;
    case CONFIG_OTHER:
        log_error(&logger, "record with an unknown key, ignored", LOG_SLICE("key", k->name));
        break;
    }
}

void config_state_apply(struct config_state *c, struct kaftan_slice key, struct kaftan_slice value, int64_t offset)
{
    const struct json *v = NULL;
    struct config_key k;
    if (value.ptr && value.len) {
        struct kaftan_error *err = json_parse(c->arena, value.ptr, value.len, JSON_TRAILING | JSON_LEADING_ZEROS, &v);
        if (err) {
            log_error(&logger, "record of the config topic is not JSON, ignored", LOG_INT("offset", offset),
                      LOG_INT("bytes", value.len));
            kaftan_error_free(err);
            arena_reset(c->arena);
            return;
        }
    }
    /* Workers compare this number for equality: it counts what could be decoded, whatever it means. */
    c->offset = offset + 1;
    c->changed = true;
    config_key_parse(key, &k);
    if (k.kind == CONFIG_OTHER)
        k.name = key;
    char *name = k.kind == CONFIG_OTHER ? mem_strdup("") : mem_strndup(k.name.ptr, k.name.len);
    dispatch(c, &k, name, v && v->type == JSON_NULL ? NULL : v);
    mem_free(name);
    arena_reset(c->arena);
}

/* ---- snapshots and news ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct snapshot_connector *)a)->name, ((const struct snapshot_connector *)b)->name);
}

static bool is_known(const struct entry *e)
{
    return e->config || e->has_target || e->task_count_record >= 0 || e->generation >= 0 || e->inconsistent ||
           e->pending_fencing;
}

const struct snapshot *config_state_snapshot(struct config_state *c)
{
    const char *name;
    void *value;
    size_t count = 0;
    if (!c->changed)
        return snapshot_ref(c->snapshot);
    struct snapshot_connector *rows = mem_zalloc(map_count(c->entries) + 1, sizeof *rows);
    for (size_t i = 0; map_at(c->entries, &i, &name, &value);) {
        const struct entry *e = value;
        if (!is_known(e))
            continue;
        rows[count++] = (struct snapshot_connector){
            .name = name, .config = e->config, .applied = e->applied, .target = e->has_target ? e->target : TARGET_STARTED,
            .task_count = e->task_count, .tasks = e->tasks.maps, .task_slots = e->tasks.slots,
            .task_generation = e->generation, .task_count_record = e->task_count_record,
            .inconsistent = e->inconsistent, .pending_fencing = e->pending_fencing,
        };
    }
    qsort(rows, count, sizeof *rows, by_name);
    snapshot_unref(c->snapshot);
    c->snapshot = snapshot_new(c->offset, rows, count, c->key.algorithm ? &c->key : NULL);
    c->changed = false;
    mem_free(rows);
    return snapshot_ref(c->snapshot);
}

static void tell(const struct news *n, const struct store_listener *l, const struct snapshot *now)
{
    switch (n->kind) {
    case NEWS_CONFIG:
    case NEWS_REMOVED:
        l->connector_config(l->self, n->name, n->kind == NEWS_REMOVED);
        break;
    case NEWS_TASKS:
        l->task_configs(l->self, n->name);
        break;
    case NEWS_TARGET:
        l->target_state(l->self, n->name);
        break;
    case NEWS_SESSION_KEY:
        if (now->session_key)
            l->session_key(l->self, now->session_key);
        break;
    case NEWS_RESTART: {
        struct restart_asked r = { n->name, n->only_failed, n->include_tasks };
        l->restart(l->self, &r);
        break;
    }
    case NEWS_LOGGER:
        l->logger_level(l->self, n->name, n->level);
        break;
    }
}

void config_state_tell(struct config_state *c, const struct store_listener *listener, const struct snapshot *now)
{
    for (size_t i = 0; i < c->news_count; i++)
        tell(&c->news[i], listener, now);
    news_clear(c);
}
