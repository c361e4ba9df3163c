/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers. A view borrows configs from the snapshot that the request holds,
 * everything else lies in the request's arena: an answer stays whole however
 * late it is written out.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static char *keep(struct herder_request *r, const char *s)
{
    if (!r->texts)
        r->texts = arena_new(4096);
    return s ? arena_strndup(r->texts, s, strlen(s)) : NULL;
}

static bool state_of(struct herder *h, struct herder_request *r, const char *connector, int32_t task, struct herder_state *ret)
{
    struct work_status s = { 0 };
    if (!store_get_status(h->store, connector, task, &s))
        return false;
    ret->state = work_state_name(s.state);
    ret->trace = keep(r, s.trace);
    ret->worker_id = keep(r, s.worker_id ? s.worker_id : "");
    ret->version = keep(r, s.version);
    work_status_fini(&s);
    return true;
}

static const char *type_of(struct herder *h, const struct text_map *config)
{
    const char *name = config ? text_map_get(config, "connector.class") : NULL;
    const struct plugin_class *c = name ? registry_connector(h->registry, name) : NULL;
    if (!c)
        return "unknown";
    return c->type == PLUGIN_SOURCE ? "source" : "sink";
}

struct ids {
    int32_t *ids;
    size_t count;
};

static void see_id(void *self, int32_t task)
{
    struct ids *l = self;
    l->ids = mem_realloc(l->ids, l->count + 1, sizeof *l->ids);
    l->ids[l->count++] = task;
}

static int by_id(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

enum rows { ROWS_CONFIG = 1, ROWS_STATUS = 2 };

/* Tasks with a config, a status, or either, by id. */
static void fill_tasks(struct herder *h, struct herder_request *r, struct herder_view *v, const struct snapshot_connector *c, unsigned rows)
{
    struct ids l = { 0 };
    int32_t configured = c ? snapshot_task_count(c) : 0;
    v->task_count = configured;
    for (int32_t i = 0; (rows & ROWS_CONFIG) && i < configured; i++)
        see_id(&l, i);
    if (rows & ROWS_STATUS)
        store_each_task_status(h->store, v->name, see_id, &l);
    if (l.count)
        qsort(l.ids, l.count, sizeof *l.ids, by_id);
    v->tasks = l.count ? arena_zalloc(r->texts, l.count, sizeof *v->tasks) : NULL;
    for (size_t i = 0; i < l.count; i++) {
        struct herder_task t = { .id = l.ids[i] };
        if (i && l.ids[i] == l.ids[i - 1])
            continue;
        if ((rows & ROWS_CONFIG) && t.id < configured && t.id < c->task_slots)
            t.config = c->tasks[t.id];
        if (rows & ROWS_STATUS)
            t.has_status = state_of(h, r, v->name, t.id, &t.status);
        if (t.config || t.has_status)
            v->tasks[v->task_rows++] = t;
    }
    mem_free(l.ids);
}

static void fill(struct herder *h, struct herder_request *r, struct herder_view *v, const char *name, const struct text_map *config,
                 const struct snapshot_connector *c, unsigned rows)
{
    memset(v, 0, sizeof *v);
    v->name = keep(r, name);
    v->config = config;
    v->type = type_of(h, config);
    if (rows & ROWS_STATUS)
        v->has_status = state_of(h, r, name, -1, &v->status);
    fill_tasks(h, r, v, c, rows);
}

static void views_room(struct herder_request *r, size_t count)
{
    mem_free(r->views);
    r->views = mem_zalloc(count, sizeof *r->views);
    r->view_count = 0;
}

static void hold_snapshot(struct herder_request *r, const struct snapshot *s)
{
    const struct snapshot *old = r->snapshot;
    r->snapshot = s ? snapshot_ref(s) : NULL;
    snapshot_unref(old);
}

void views_list(struct herder *h, struct herder_request *r)
{
    const struct snapshot *s = store_snapshot(h->store);
    hold_snapshot(r, s);
    views_room(r, s ? s->count : 0);
    for (size_t i = 0; s && i < s->count; i++) {
        const struct snapshot_connector *c = &s->connectors[i];
        if (c->config)
            fill(h, r, &r->views[r->view_count++], c->name, c->config, c, ROWS_CONFIG | ROWS_STATUS);
    }
    snapshot_unref(s);
}

void views_connector(struct herder *h, struct herder_request *r, const struct snapshot *s, const char *connector,
                     const struct text_map *config)
{
    hold_snapshot(r, s);
    views_room(r, 1);
    fill(h, r, &r->views[r->view_count++], connector, config, s ? snapshot_find(s, connector) : NULL, ROWS_CONFIG);
}

bool views_status(struct herder *h, struct herder_request *r, const char *connector)
{
    const struct snapshot *s = store_snapshot(h->store);
    const struct snapshot_connector *c = s ? snapshot_find(s, connector) : NULL;
    hold_snapshot(r, s);
    views_room(r, 1);
    fill(h, r, &r->views[0], connector, c ? c->config : NULL, c, ROWS_STATUS);
    snapshot_unref(s);
    if (!r->views[0].has_status)
        return false;
    r->view_count = 1;
    return true;
}

bool views_task_status(struct herder *h, struct herder_request *r, const char *connector, int32_t task)
{
    struct herder_view *v;
    if (task < 0)
        return false;
    views_room(r, 1);
    v = &r->views[0];
    v->name = keep(r, connector);
    v->type = "unknown";
    v->tasks = arena_zalloc(r->texts, 1, sizeof *v->tasks);
    v->tasks[0].id = task;
    v->tasks[0].has_status = state_of(h, r, connector, task, &v->tasks[0].status);
    if (!v->tasks[0].has_status)
        return false;
    v->task_rows = 1;
    r->view_count = 1;
    return true;
}

static void restarting(struct herder_state *s, bool only_failed)
{
    if (!only_failed || strcmp(s->state, work_state_name(STATE_FAILED)) == 0)
        s->state = work_state_name(STATE_RESTARTING);
}

void views_restarting(struct herder_request *r, bool only_failed, bool include_tasks)
{
    struct herder_view *v = &r->views[0];
    restarting(&v->status, only_failed);
    for (size_t i = 0; include_tasks && i < v->task_rows; i++)
        restarting(&v->tasks[i].status, only_failed);
}

static void see_topic(void *self, const char *topic)
{
    struct herder_request *r = self;
    r->topics = mem_realloc(r->topics, r->topic_count + 1, sizeof *r->topics);
    r->topics[r->topic_count++] = mem_strdup(topic);
}

void views_topics(struct herder *h, struct herder_request *r)
{
    store_each_topic(h->store, r->connector, see_topic, r);
}
