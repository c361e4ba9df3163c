/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/status_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/records.h"

static struct log logger = LOG("store.status");

struct status_entry {
    int32_t task;
    bool present;
    struct work_status status;
    uint64_t writes, deletions;
};

/* One connector's. */
struct statuses {
    struct status_entry connector;
    struct status_entry *tasks; /* owned; by id */
    size_t count, cap;
    struct map *topics; /* owned; name to SEEN or SENT */
};

struct status_table {
    struct map *connectors; /* owned */
    struct kaftan_arena *arena; /* owned; one record's JSON */
};

/* A topic is SENT from the first record that used it, SEEN once its status record was read back. */
static char sent_mark, seen_mark;
#define SENT ((void *)&sent_mark)
#define SEEN ((void *)&seen_mark)

static void statuses_free(void *p)
{
    struct statuses *s = p;
    work_status_fini(&s->connector.status);
    for (size_t i = 0; i < s->count; i++)
        work_status_fini(&s->tasks[i].status);
    mem_free(s->tasks);
    map_free(s->topics);
    mem_free(s);
}

struct status_table *status_table_new(void)
{
    struct status_table *t = mem_zalloc(1, sizeof *t);
    t->connectors = map_new(statuses_free);
    t->arena = arena_new(4096);
    return t;
}

void status_table_free(struct status_table *t)
{
    if (!t)
        return;
    map_free(t->connectors);
    arena_free(t->arena);
    mem_free(t);
}

static struct statuses *statuses_of(struct status_table *t, const char *connector)
{
    struct statuses *s = map_get(t->connectors, connector);
    if (!s) {
        s = mem_zalloc(1, sizeof *s);
        s->connector.task = -1;
        s->topics = map_new(NULL);
        map_put(t->connectors, connector, s);
    }
    return s;
}

/* The place of the task's entry, or where it would be. */
static size_t place_of(const struct statuses *s, int32_t task)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->tasks[middle].task < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct status_entry *entry_find(struct status_table *t, const char *connector, int32_t task)
{
    struct statuses *s = map_get(t->connectors, connector);
    if (!s)
        return NULL;
    if (task < 0)
        return &s->connector;
    size_t i = place_of(s, task);
    return i < s->count && s->tasks[i].task == task ? &s->tasks[i] : NULL;
}

static struct status_entry *entry_of(struct status_table *t, const char *connector, int32_t task)
{
    struct statuses *s = statuses_of(t, connector);
    if (task < 0)
        return &s->connector;
    size_t i = place_of(s, task);
    if (i < s->count && s->tasks[i].task == task)
        return &s->tasks[i];
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4;
        s->tasks = mem_realloc(s->tasks, s->cap, sizeof *s->tasks);
    }
    memmove(&s->tasks[i + 1], &s->tasks[i], (s->count - i) * sizeof *s->tasks);
    s->count++;
    s->tasks[i] = (struct status_entry){ .task = task };
    return &s->tasks[i];
}

/* ---- records ---- */

static void apply_topic(struct status_table *t, const char *connector, struct kaftan_slice topic, const struct json *v)
{
    char *name = mem_strndup(topic.ptr, topic.len);
    struct statuses *s = statuses_of(t, connector);
    if (v && json_get(v, "topic"))
        map_put(s->topics, name, SEEN);
    else if (!v && map_get(s->topics, name) == SEEN)
        map_remove(s->topics, name); /* SENT: used again since the tombstone was written */
    mem_free(name);
}

static void apply_status(struct status_table *t, const char *connector, int32_t task, const struct json *v)
{
    struct work_status status;
    struct status_entry *e = entry_of(t, connector, task);
    if (!v) {
        work_status_fini(&e->status);
        e->present = false;
        e->deletions++;
        return;
    }
    if (!record_read_status(v, &status)) {
        log_error(&logger, "status record cannot be read, ignored", LOG_STR("connector", connector), LOG_INT("task", task));
        return;
    }
    /* the former owner's farewell, written after the new owner's start */
    bool late = task >= 0 && status.state == STATE_UNASSIGNED && e->present && e->status.state == STATE_RUNNING &&
                e->status.generation >= status.generation;
    if (late) {
        work_status_fini(&status);
        return;
    }
    work_status_fini(&e->status);
    e->status = status;
    e->present = true;
}

void status_table_apply(struct status_table *t, struct kaftan_slice key, struct kaftan_slice value)
{
    struct status_key k;
    const struct json *v = NULL;
    status_key_parse(key, &k);
    if (k.kind == STATUS_OTHER) {
        log_warn(&logger, "status record with an unknown key, ignored", LOG_SLICE("key", key));
        return;
    }
    if (value.ptr && value.len) {
        struct kaftan_error *err = json_parse(t->arena, value.ptr, value.len, JSON_TRAILING | JSON_LEADING_ZEROS, &v);
        if (err) {
            log_error(&logger, "status record is not JSON, ignored", LOG_SLICE("key", key), LOG_INT("bytes", value.len));
            kaftan_error_free(err);
            arena_reset(t->arena);
            return;
        }
        if (v->type == JSON_NULL)
            v = NULL;
    }
    char *connector = mem_strndup(k.connector.ptr, k.connector.len);
    if (k.kind == STATUS_TOPIC)
        apply_topic(t, connector, k.topic, v);
    else
        apply_status(t, connector, k.task, v);
    mem_free(connector);
    arena_reset(t->arena);
}

/* ---- reading ---- */

const struct work_status *status_table_get(struct status_table *t, const char *connector, int32_t task)
{
    const struct status_entry *e = entry_find(t, connector, task);
    return e && e->present ? &e->status : NULL;
}

void status_table_each_task(struct status_table *t, const char *connector, void (*see)(void *self, int32_t task), void *self)
{
    const struct statuses *s = map_get(t->connectors, connector);
    for (size_t i = 0; s && i < s->count; i++)
        if (s->tasks[i].present)
            see(self, s->tasks[i].task);
}

void status_table_each(struct status_table *t, void (*see)(void *self, const char *connector, int32_t task), void *self)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(t->connectors, &i, &name, &value);) {
        const struct statuses *s = value;
        if (s->connector.present)
            see(self, name, -1);
        for (size_t k = 0; k < s->count; k++)
            if (s->tasks[k].present)
                see(self, name, s->tasks[k].task);
    }
}

/* ---- writing ---- */

static bool is_safe(const struct status_entry *e, const char *worker_id, int32_t generation)
{
    return !e->present || strcmp(e->status.worker_id, worker_id) == 0 || e->status.generation <= generation;
}

bool status_table_write(struct status_table *t, const char *connector, int32_t task, bool safe, const char *worker_id,
                        int32_t generation, struct status_ticket *ret)
{
    struct status_entry *e = entry_of(t, connector, task);
    if (safe && !is_safe(e, worker_id, generation))
        return false;
    e->writes++;
    *ret = (struct status_ticket){ e->writes, e->deletions };
    return true;
}

bool status_table_may_repeat(struct status_table *t, const char *connector, int32_t task, bool safe, const char *worker_id,
                             int32_t generation, const struct status_ticket *ticket)
{
    const struct status_entry *e = entry_of(t, connector, task);
    if (e->deletions != ticket->deletions)
        return false;
    return !safe || (e->writes == ticket->writes && is_safe(e, worker_id, generation));
}

/* ---- topics ---- */

bool status_table_topic_add(struct status_table *t, const char *connector, const char *topic)
{
    struct statuses *s = statuses_of(t, connector);
    if (map_has(s->topics, topic))
        return false;
    map_put(s->topics, topic, SENT);
    return true;
}

void status_table_topic_failed(struct status_table *t, const char *connector, const char *topic)
{
    struct statuses *s = map_get(t->connectors, connector);
    if (s && map_get(s->topics, topic) == SENT)
        map_remove(s->topics, topic);
}

void status_table_each_topic(struct status_table *t, const char *connector, void (*see)(void *self, const char *topic),
                             void *self)
{
    const struct statuses *s = map_get(t->connectors, connector);
    const char *name;
    void *mark;
    for (size_t i = 0; s && map_at(s->topics, &i, &name, &mark);)
        if (mark == SEEN)
            see(self, name);
}

struct map *status_table_topics_take(struct status_table *t, const char *connector)
{
    struct statuses *s = statuses_of(t, connector);
    struct map *topics = s->topics;
    s->topics = map_new(NULL);
    return topics;
}
