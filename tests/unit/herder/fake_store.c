/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake_store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "journal.h"

struct shot { /* a snapshot and what it owns */
    struct snapshot pub;
    atomic_int refs;
};

struct entry {
    struct text_map *config, *applied;
    enum target_state target;
    int32_t count;
    struct text_map **tasks;
};

struct status {
    struct work_status s;
    char *connector;
    int32_t task;
};

struct store {
    struct lock lock; /* all of it: tests and fakes look in from their threads */
    struct store_listener listener;
    struct map *entries;
    struct map *statuses;
    const struct snapshot *current;
    int64_t offset;
    struct session_key key;
    bool distributed;
    bool hold; /* refreshes: they wait in `held` */
    struct store_done *held;
};

static struct store *the_store;
static struct {
    int code;
    const char *text;
} fail_next = { -1, NULL }, fail_start = { -1, NULL };
static int refresh_failures;
static const char *late_name;
static struct text_map *late_config; /* borrowed from the test */
static size_t first_key_len;
static int64_t first_key_ms;

const char *target_state_name(enum target_state s)
{
    static const char *const names[] = { "STARTED", "PAUSED", "STOPPED" };
    return names[s];
}

const char *work_state_name(enum work_state s)
{
    static const char *const names[] = { "UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "STOPPED", "RESTARTING", "DESTROYED" };
    return names[s];
}

struct store *fake_store(void)
{
    return the_store;
}

int64_t fake_store_offset(void)
{
    lock_take(&the_store->lock);
    int64_t offset = the_store->offset;
    lock_release(&the_store->lock);
    return offset;
}

/* ---- snapshots ---- */

const struct snapshot *snapshot_ref(const struct snapshot *s)
{
    atomic_fetch_add(&((struct shot *)(uintptr_t)s)->refs, 1);
    return s;
}

void snapshot_unref(const struct snapshot *s)
{
    struct shot *shot = (struct shot *)(uintptr_t)s;
    if (!s || atomic_fetch_sub(&shot->refs, 1) > 1)
        return;
    for (size_t i = 0; i < s->count; i++) {
        const struct snapshot_connector *c = &s->connectors[i];
        for (int32_t t = 0; t < c->task_slots; t++)
            text_map_unref(c->tasks[t]);
        mem_free((void *)(uintptr_t)c->tasks);
        text_map_unref(c->config);
        text_map_unref(c->applied);
        mem_free((char *)(uintptr_t)c->name);
    }
    if (s->session_key) {
        mem_free((char *)(uintptr_t)s->session_key->key.ptr);
        mem_free((char *)(uintptr_t)s->session_key->algorithm);
        mem_free((void *)(uintptr_t)s->session_key);
    }
    mem_free((void *)(uintptr_t)s->connectors);
    mem_free(shot);
}

const struct snapshot_connector *snapshot_find(const struct snapshot *s, const char *connector)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->connectors[i].name, connector) == 0 && s->connectors[i].config)
            return &s->connectors[i];
    return NULL;
}

int32_t snapshot_task_count(const struct snapshot_connector *c)
{
    return c->inconsistent || c->task_count < 0 ? 0 : c->task_count;
}

static void shoot(struct store *s)
{
    struct shot *shot = mem_zalloc(1, sizeof *shot);
    struct snapshot_connector *list = mem_zalloc(map_count(s->entries), sizeof *list);
    const char *name;
    void *value;
    atomic_init(&shot->refs, 1);
    shot->pub.offset = s->offset;
    for (size_t i = 0; map_at(s->entries, &i, &name, &value);) {
        const struct entry *e = value;
        struct text_map **tasks = mem_zalloc((size_t)(e->count > 0 ? e->count : 0), sizeof *tasks);
        for (int32_t t = 0; t < e->count; t++)
            tasks[t] = text_map_ref(e->tasks[t]);
        list[shot->pub.count++] = (struct snapshot_connector){
            .name = mem_strdup(name), .config = e->config ? text_map_ref(e->config) : NULL,
            .applied = e->applied ? text_map_ref(e->applied) : NULL, .target = e->target, .task_count = e->count,
            .tasks = tasks, .task_slots = e->count > 0 ? e->count : 0, .task_generation = -1, .task_count_record = -1,
        };
    }
    shot->pub.connectors = list;
    if (s->key.key.len) {
        struct session_key *k = mem_zalloc(1, sizeof *k);
        *k = s->key;
        k->key.ptr = mem_memdup(s->key.key.ptr, s->key.key.len);
        k->algorithm = mem_strdup(s->key.algorithm);
        shot->pub.session_key = k;
    }
    snapshot_unref(s->current);
    s->current = &shot->pub;
}

const struct snapshot *store_snapshot(struct store *s)
{
    lock_take(&s->lock);
    const struct snapshot *snap = snapshot_ref(s->current);
    lock_release(&s->lock);
    return snap;
}

/* ---- life ---- */

static void entry_tasks_clear(struct entry *e)
{
    for (int32_t i = 0; i < e->count; i++)
        text_map_unref(e->tasks[i]);
    mem_free(e->tasks);
    e->tasks = NULL;
    e->count = -1;
}

static void entry_free(void *arg)
{
    struct entry *e = arg;
    entry_tasks_clear(e);
    text_map_unref(e->config);
    text_map_unref(e->applied);
    mem_free(e);
}

static void status_free(void *arg)
{
    struct status *s = arg;
    work_status_fini(&s->s);
    mem_free(s->connector);
    mem_free(s);
}

struct kaftan_error *store_new(const struct worker_config *c, const struct store_listener *listener, struct metrics *m, struct store **ret)
{
    struct store *s = mem_zalloc(1, sizeof *s);
    (void)m;
    lock_init(&s->lock);
    s->listener = *listener;
    s->entries = map_new(entry_free);
    s->statuses = map_new(status_free);
    s->offset = -1;
    s->distributed = worker_config_distributed(c);
    if (first_key_len)
        s->key = (struct session_key){ { mem_zalloc(1, first_key_len), first_key_len }, mem_strdup("HmacSHA256"), first_key_ms };
    shoot(s);
    the_store = *ret = s;
    return NULL;
}

static void done_send(struct store *s, struct store_done *d, bool snapshot)
{
    if (fail_next.code >= 0) {
        d->err = kaftan_error_new((enum kaftan_code)fail_next.code, "%s", fail_next.text);
        fail_next.code = -1;
    } else if (snapshot) {
        d->snapshot = store_snapshot(s);
    }
    if (!mailbox_send_always(d->to, &d->base))
        d->base.drop(&d->base);
}

void fake_store_fail(enum kaftan_code code, const char *text)
{
    fail_next.text = text;
    fail_next.code = (int)code;
}

void fake_store_start_fails(int code, const char *text)
{
    fail_start.text = text;
    fail_start.code = code;
}

void fake_store_refresh_fails(int times)
{
    refresh_failures = times;
}

void fake_store_first_key(size_t len, int64_t created_ms)
{
    first_key_len = len;
    first_key_ms = created_ms;
}

void fake_store_hold_refresh(bool yes)
{
    lock_take(&the_store->lock);
    the_store->hold = yes;
    lock_release(&the_store->lock);
}

void fake_store_release(void)
{
    lock_take(&the_store->lock);
    struct store_done *d = the_store->held;
    the_store->hold = false;
    the_store->held = NULL;
    lock_release(&the_store->lock);
    if (d)
        done_send(the_store, d, true);
}

void store_start(struct store *s, struct store_done *done)
{
    if (fail_start.code >= 0)
        fake_store_fail((enum kaftan_code)fail_start.code, fail_start.text);
    done_send(s, done, true);
}

void store_stop(struct store *s)
{
    (void)s;
    fake_store_release();
    journal_put("store stopped");
}

void store_free(struct store *s)
{
    if (!s)
        return;
    map_free(s->entries);
    map_free(s->statuses);
    snapshot_unref(s->current);
    mem_free((char *)(uintptr_t)s->key.key.ptr);
    mem_free((char *)(uintptr_t)s->key.algorithm);
    lock_fini(&s->lock);
    mem_free(s);
    the_store = NULL;
}

const char *store_stage(const struct store *s)
{
    (void)s;
    return "";
}

const char *store_cluster_id(const struct store *s)
{
    (void)s;
    return "fake-cluster";
}

/* ---- writers ---- */

static bool failing(struct store *s, struct store_done *done)
{
    if (fail_next.code < 0 || !done)
        return false;
    done_send(s, done, false);
    return true;
}

static void wrote(struct store *s)
{
    s->offset = s->offset < 0 ? 1 : s->offset + 1;
    shoot(s);
}

static void do_put(struct store *s, const char *connector, struct text_map *config, bool with_target, enum target_state target)
{
    lock_take(&s->lock);
    struct entry *e = map_get(s->entries, connector);
    if (!e) {
        e = mem_zalloc(1, sizeof *e);
        e->count = -1;
        map_put(s->entries, connector, e);
    }
    text_map_unref(e->config);
    e->config = text_map_ref(config);
    if (with_target)
        e->target = target;
    wrote(s);
    lock_release(&s->lock);
    s->listener.connector_config(s->listener.self, connector, false);
}

void store_put_connector(struct store *s, const char *connector, struct text_map *config, bool with_target, enum target_state target,
                         struct store_done *done)
{
    journal_put("put %s%s%s", connector, with_target ? " " : "", with_target ? target_state_name(target) : "");
    if (failing(s, done))
        return;
    do_put(s, connector, config, with_target, target);
    done_send(s, done, true);
}

void fake_store_other_puts(const char *connector, struct text_map *config)
{
    do_put(the_store, connector, config, false, TARGET_STARTED);
}

void fake_store_truncate(int64_t offset)
{
    lock_take(&the_store->lock);
    map_free(the_store->entries);
    the_store->entries = map_new(entry_free);
    the_store->offset = offset;
    shoot(the_store);
    lock_release(&the_store->lock);
}

void store_remove_connector(struct store *s, const char *connector, struct store_done *done)
{
    journal_put("remove %s", connector);
    if (failing(s, done))
        return;
    lock_take(&s->lock);
    map_remove(s->entries, connector);
    wrote(s);
    lock_release(&s->lock);
    s->listener.connector_config(s->listener.self, connector, true);
    done_send(s, done, true);
}

static void do_tasks(struct store *s, const char *connector, struct text_map *const *tasks, int32_t count)
{
    lock_take(&s->lock);
    struct entry *e = map_get(s->entries, connector);
    if (e) {
        entry_tasks_clear(e);
        e->count = count;
        e->tasks = mem_zalloc((size_t)count, sizeof *e->tasks);
        for (int32_t i = 0; i < count; i++)
            e->tasks[i] = text_map_ref(tasks[i]);
        text_map_unref(e->applied);
        e->applied = text_map_ref(e->config);
    }
    wrote(s);
    lock_release(&s->lock);
    s->listener.task_configs(s->listener.self, connector);
}

void store_put_tasks(struct store *s, const char *connector, struct text_map *const *tasks, int32_t count, struct store_done *done)
{
    journal_put("tasks %s %d", connector, count);
    if (failing(s, done))
        return;
    do_tasks(s, connector, tasks, count);
    done_send(s, done, true);
}

void fake_store_other_level(const char *name, const char *level)
{
    the_store->listener.logger_level(the_store->listener.self, name, level);
}

void fake_store_other_tasks(const char *connector, struct text_map *const *tasks, int32_t count)
{
    do_tasks(the_store, connector, tasks, count);
}

void store_put_target(struct store *s, const char *connector, enum target_state target, struct store_done *done)
{
    journal_put("target %s %s", connector, target_state_name(target));
    if (failing(s, done))
        return;
    lock_take(&s->lock);
    struct entry *e = map_get(s->entries, connector);
    if (e)
        e->target = target;
    wrote(s);
    lock_release(&s->lock);
    s->listener.target_state(s->listener.self, connector);
    done_send(s, done, true);
}

void store_put_restart(struct store *s, const struct restart_asked *r, struct store_done *done)
{
    journal_put("restart %s", r->connector);
    if (failing(s, done))
        return;
    s->listener.restart(s->listener.self, r);
    done_send(s, done, true);
}

void store_put_logger_level(struct store *s, const char *name, const char *level, struct store_done *done)
{
    journal_put("logger %s %s", name, level);
    if (failing(s, done))
        return;
    s->listener.logger_level(s->listener.self, name, level);
    done_send(s, done, true);
}

static bool key_fails;

void fake_store_key_fails(void)
{
    key_fails = true;
}

static void do_key(struct store *s, const struct session_key *key)
{
    lock_take(&s->lock);
    mem_free((char *)(uintptr_t)s->key.key.ptr);
    mem_free((char *)(uintptr_t)s->key.algorithm);
    s->key = (struct session_key){ { mem_memdup(key->key.ptr, key->key.len), key->key.len }, mem_strdup(key->algorithm), key->created_ms };
    wrote(s);
    lock_release(&s->lock);
    s->listener.session_key(s->listener.self, key);
}

void store_put_session_key(struct store *s, const struct session_key *key, struct store_done *done)
{
    journal_put("key %zu", key->key.len);
    if (key_fails)
        fake_store_fail(KAFTAN_E_KAFKA, "Error writing session key to Kafka");
    key_fails = false;
    if (failing(s, done))
        return;
    do_key(s, key);
    done_send(s, done, true);
}

void fake_store_other_key(const struct session_key *key)
{
    do_key(the_store, key);
}

void fake_store_read_late(const char *connector, struct text_map *config)
{
    late_name = connector;
    late_config = config;
}

void store_refresh(struct store *s, int timeout_ms, struct store_done *done)
{
    (void)timeout_ms;
    lock_take(&s->lock);
    bool wait = s->hold;
    if (wait)
        s->held = done; /* before the journal: who has read it may release */
    lock_release(&s->lock);
    journal_put("refresh");
    if (late_config)
        do_put(s, late_name, late_config, false, TARGET_STARTED);
    late_config = NULL;
    if (refresh_failures > 0 && refresh_failures--)
        fake_store_fail(KAFTAN_E_TIMEOUT, "too slow");
    if (!wait)
        done_send(s, done, true);
}

/* ---- statuses ---- */

void work_status_fini(struct work_status *s)
{
    mem_free(s->trace);
    mem_free(s->worker_id);
    mem_free(s->version);
}

void store_put_status(struct store *s, const char *connector, int32_t task, enum work_state state, const char *trace,
                      const char *worker_id, const char *version, int32_t generation)
{
    struct status *e = mem_zalloc(1, sizeof *e);
    char *key = mem_printf("%d:%s", task, connector);
    e->connector = mem_strdup(connector);
    e->task = task;
    e->s = (struct work_status){ state, trace ? mem_strdup(trace) : NULL, mem_strdup(worker_id), version ? mem_strdup(version) : NULL,
                                 generation };
    lock_take(&s->lock);
    map_put(s->statuses, key, e);
    lock_release(&s->lock);
    mem_free(key);
}

void store_remove_status(struct store *s, const char *connector, int32_t task)
{
    char *key = mem_printf("%d:%s", task, connector);
    lock_take(&s->lock);
    (void)map_remove(s->statuses, key);
    lock_release(&s->lock);
    mem_free(key);
    if (task < 0)
        journal_put("forget %s", connector);
    else
        journal_put("forget %s-%d", connector, task);
}

bool store_get_status(struct store *s, const char *connector, int32_t task, struct work_status *ret)
{
    char *key = mem_printf("%d:%s", task, connector);
    lock_take(&s->lock);
    const struct status *e = map_get(s->statuses, key);
    if (e)
        *ret = (struct work_status){ e->s.state, e->s.trace ? mem_strdup(e->s.trace) : NULL, mem_strdup(e->s.worker_id),
                                     e->s.version ? mem_strdup(e->s.version) : NULL, e->s.generation };
    lock_release(&s->lock);
    mem_free(key);
    return e;
}

void store_each_status(struct store *s, void (*see)(void *self, const char *connector, int32_t task), void *self)
{
    const char *key;
    void *value;
    lock_take(&s->lock);
    for (size_t i = 0; map_at(s->statuses, &i, &key, &value);)
        see(self, ((struct status *)value)->connector, ((struct status *)value)->task);
    lock_release(&s->lock);
}

void store_each_task_status(struct store *s, const char *connector, void (*see)(void *self, int32_t task), void *self)
{
    const char *key;
    void *value;
    lock_take(&s->lock);
    for (size_t i = 0; map_at(s->statuses, &i, &key, &value);) {
        const struct status *e = value;
        if (e->task >= 0 && strcmp(e->connector, connector) == 0)
            see(self, e->task);
    }
    lock_release(&s->lock);
}

void store_topic_seen(struct store *s, const char *connector, int32_t task, struct kaftan_slice topic)
{
    (void)s, (void)connector, (void)task, (void)topic;
}

void store_topics_reset(struct store *s, const char *connector)
{
    (void)s;
    journal_put("topics-reset %s", connector);
}

void store_each_topic(struct store *s, const char *connector, void (*see)(void *self, const char *topic), void *self)
{
    (void)s;
    if (strcmp(connector, "a") == 0)
        see(self, "t1");
}

void store_drop_offsets(struct store *s)
{
    (void)s;
    journal_put("drop-offsets");
}
